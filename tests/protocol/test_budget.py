"""How much may be read."""

from __future__ import annotations

from typing import Optional

import pytest
from hypothesis import given
from hypothesis import strategies as st

from binance_uds.protocol.budget import Budget

MOST, ALLOWED = 100, 2_400


def ask(budget: Budget, weight: int, now: float, who: str = "a", most: int = MOST) -> float:
    """Ask for a read."""
    return budget.ask(who, weight, now, most=most, allowed=ALLOWED)


def budget(*spent: tuple[float, int]) -> Budget:
    """A budget of which something was spent, each at its second."""
    made = Budget()
    for at, weight in spent:
        assert 0.0 == ask(made, weight, at)
    return made


def test_what_is_within_the_budget_need_not_wait():
    """To the last unit of it."""
    assert 0.0 == ask(budget(), 100, 10.0)
    assert 0.0 == ask(budget((0.0, 60)), 40, 10.0)


@pytest.mark.parametrize(("weight", "wait"), [(40, 0.0), (41, 50.0), (60, 50.0), (70, 50.0), (71, 55.0), (100, 55.0)])
def test_what_is_beyond_it_waits_until_enough_is_a_minute_old(weight, wait):
    """The oldest reads make room first."""
    assert wait == ask(budget((0.0, 30), (5.0, 30)), weight, 10.0)


def test_what_is_a_minute_old_counts_no_more():
    """And is not kept."""
    made = budget((0.0, 99), (0.5, 1))

    assert 0.5 == ask(made, 1, 59.5)
    assert 0.0 == ask(made, 1, 60.0)
    assert [(0.5, 1), (60.0, 1)] == list(made._spent)


def test_what_is_heavier_than_the_budget_has_a_minute_for_itself():
    """It could never be read otherwise."""
    assert 55.0 == ask(budget((0.0, 1), (5.0, 1)), 101, 10.0)
    assert 0.0 == ask(budget(), 101, 10.0)


def test_each_keeps_to_the_most_that_is_its_own():
    """Of what all have spent."""
    made = budget((0.0, 60))

    assert 0.0 == ask(made, 40, 10.0, "a")
    assert 50.0 == ask(made, 1, 10.0, "frugal", most=50)


@pytest.mark.parametrize(("used", "wait"), [(0, 0.0), (1_920, 0.0), (1_921, 45.0), (9_999, 45.0)])
def test_others_of_the_address_are_let_go_first(used, wait):
    """Above four fifths of what the exchange allows reads wait until its minute is certainly over."""
    made = budget()
    made.heed(used, 5.0)

    assert wait == ask(made, 1, 20.0)
    assert 0.0 == ask(made, 1, 65.0)


def test_the_newest_word_of_the_exchange_counts():
    """It may have less to say, and where it says nothing what it said before stands."""
    made = budget((0.0, 100))
    made.heed(2_000, 5.0)
    made.heed(None, 15.0)
    assert 45.0 == ask(made, 1, 20.0)

    made.heed(100, 21.0)
    assert 39.0 == ask(made, 1, 21.0)
    assert 60.0 == ask(budget((0.0, 1)), 100, 0.0)

    made.heed(2_000, 22.0)
    assert 60.0 == ask(made, 1, 22.0)


# The line


def test_who_waits_is_not_overtaken():
    """A large read is made in its turn, however many small ones come behind it."""
    made = budget((0.0, 60), (5.0, 40))
    assert 55.0 == ask(made, 80, 10.0, "large")

    assert [54.0, 5.0] == [ask(made, 10, 11.0, "small"), ask(made, 10, 60.0, "small")]
    assert 0.0 == ask(made, 80, 65.0, "large")
    assert 0.0 == ask(made, 10, 65.0, "small")


def test_who_comes_back_stands_where_it_stood():
    """Also with another wish, for what it wanted may have been broken off."""
    made = budget((0.0, 100))
    assert [50.0, 50.0, 45.0] == [ask(made, 60, 10.0, "a"), ask(made, 40, 10.0, "b"), ask(made, 70, 15.0, "a")]
    assert 60.0 == ask(made, 1, 16.0, "c")

    assert 60.0 == ask(made, 40, 60.0, "b")
    assert 0.0 == ask(made, 70, 60.0, "a")


def test_who_does_not_come_back_loses_its_place():
    """A stream that ended, or began another errand, keeps nobody waiting for long."""
    made = budget((0.0, 100))
    assert 50.0 == ask(made, 100, 10.0, "gone")

    assert 0.0 < ask(made, 10, 66.0, "b")
    assert 0.0 == ask(made, 10, 66.1, "b")


def test_a_line_that_is_cleared_keeps_nobody_waiting():
    """What was spent stays spent."""
    made = budget((0.0, 60))
    assert 50.0 == ask(made, 60, 10.0, "elsewhere")

    made.clear_line()
    assert 0.0 == ask(made, 40, 10.0, "b")
    assert 49.0 == ask(made, 1, 11.0, "b")


STEPS = st.lists(
    st.tuples(st.integers(0, 40), st.sampled_from("abc"), st.integers(1, MOST), st.none() | st.integers(0, ALLOWED)),
    max_size=60,
)


@given(STEPS)
def test_no_minute_holds_more_than_the_budget(steps):
    """However many share it, they never spend more in any sixty seconds, nor while others use the address."""
    made, now, spent, warned = Budget(), 0.0, [], -60.0
    for later, who, weight, used in steps:
        now += later
        wait = ask(made, weight, now, who)
        assert 0.0 <= wait <= 60.0
        if wait > 0:
            continue
        assert now >= warned + 60.0

        spent.append((now, weight))
        made.heed(used, now)
        warned = warned if used is None else now if used > 0.8 * ALLOWED else -60.0

    for start, _ in spent:
        assert MOST >= sum(weight for at, weight in spent if start <= at < start + 60.0)


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.integers(1, MOST)), max_size=30))
def test_whoever_comes_back_when_told_is_served(wishes):
    """Some read is made by then, and all are in the end."""
    made, now, waiting = Budget(), 0.0, {}
    queue = [(who, weight) for who, weight in wishes]
    turns = 0
    while queue or waiting:
        for who, weight in queue:
            waiting.setdefault(who, []).append(weight)
        queue = []
        waits: list[Optional[float]] = []
        for who in sorted(waiting):
            wait = ask(made, waiting[who][0], now, who)
            waits.append(wait)
            if wait == 0:
                waiting[who].pop(0)
        waiting = {who: left for who, left in waiting.items() if left}
        now += min(waits)
        turns += 1
        assert turns <= 4 * len(wishes) + 1
