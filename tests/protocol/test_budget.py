"""How much may be read."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from binance_uds.protocol.budget import Budget

MOST, ALLOWED = 100, 2_400


def budget(*spent: tuple[float, int]) -> Budget:
    """A budget of which something was spent, each at its second."""
    made = Budget(MOST, ALLOWED)
    for at, weight in spent:
        made.spend(weight, at)
    return made


def test_what_is_within_the_budget_need_not_wait():
    """To the last unit of it."""
    assert 0.0 == budget().wait(100, 10.0)
    assert 0.0 == budget((0.0, 60)).wait(40, 10.0)


@pytest.mark.parametrize(("weight", "wait"), [(40, 0.0), (41, 50.0), (60, 50.0), (70, 50.0), (71, 55.0), (100, 55.0)])
def test_what_is_beyond_it_waits_until_enough_is_a_minute_old(weight, wait):
    """The oldest reads make room first."""
    assert wait == budget((0.0, 30), (5.0, 30)).wait(weight, 10.0)


def test_what_is_a_minute_old_counts_no_more():
    """And is not kept."""
    made = budget((0.0, 100), (0.5, 0))

    assert 0.5 == made.wait(1, 59.5)
    assert 0.0 == made.wait(100, 60.0)
    assert [(0.5, 0)] == list(made._spent)


def test_what_is_heavier_than_the_budget_has_a_minute_for_itself():
    """It could never be read otherwise."""
    assert 55.0 == budget((0.0, 1), (5.0, 1)).wait(101, 10.0)
    assert 0.0 == budget().wait(101, 10.0)


@pytest.mark.parametrize(("used", "wait"), [(0, 0.0), (1_920, 0.0), (1_921, 45.0), (9_999, 45.0)])
def test_others_of_the_address_are_let_go_first(used, wait):
    """Above four fifths of what the exchange allows reads wait until its minute is certainly over."""
    made = budget()
    made.heed(used, 5.0)

    assert wait == made.wait(1, 20.0)
    assert 0.0 == made.wait(1, 65.0)


def test_the_newest_word_of_the_exchange_counts():
    """It may have less to say, and where it says nothing what it said before stands."""
    made = budget((0.0, 100))
    made.heed(2_000, 5.0)
    made.heed(None, 15.0)
    assert 45.0 == made.wait(1, 20.0)

    made.heed(100, 21.0)
    assert 39.0 == made.wait(1, 21.0)
    assert 60.0 == budget((0.0, 1)).wait(100, 0.0)

    made.heed(2_000, 22.0)
    assert 60.0 == made.wait(1, 22.0)


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(1, MOST), st.none() | st.integers(0, ALLOWED)), max_size=40))
def test_no_minute_holds_more_than_the_budget(reads):
    """Whoever waits as told never spends more in any sixty seconds, nor waits longer than that."""
    made, now, spent, warned = budget(), 0.0, [], -60.0
    for later, weight, used in reads:
        now += later
        wait = made.wait(weight, now)
        assert 0.0 <= wait <= 60.0

        now += wait
        assert 0.0 == made.wait(weight, now)
        assert now >= warned + 60.0

        made.spend(weight, now)
        spent.append((now, weight))
        made.heed(used, now)
        warned = warned if used is None else now if used > 0.8 * ALLOWED else -60.0

    for start, _ in spent:
        assert MOST >= sum(weight for at, weight in spent if start <= at < start + 60.0)
