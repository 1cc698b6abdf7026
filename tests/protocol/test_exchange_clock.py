"""The exchange's clock: what is known of it, and how well."""

from __future__ import annotations

from typing import List, Optional, Tuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from binance_uds.protocol.exchange_clock import DRIFT, ExchangeClock
from tests.protocol.driving import EPOCH, moment

EPOCH_MS = int(EPOCH * 1000)


def test_before_a_reading_our_own_clock_has_to_do():
    """Unread, the answer is our wall clock, give or take the uncertainty."""
    clock = ExchangeClock(5_000)

    assert not clock.is_known
    assert EPOCH_MS + 2_000 == clock.now_ms(moment(2.0))
    assert (EPOCH_MS - 3_000, EPOCH_MS + 7_000) == (
        clock.earliest_ms(moment(2.0)),
        clock.latest_ms(moment(2.0)),
    )
    assert 0 == clock.offset_ms(moment(2.0))


@pytest.mark.parametrize("ahead_ms", [-300_000, 0, 300_000])
def test_before_a_reading_an_event_says_what_time_it_is_too(ahead_ms):
    """The bounds hold by our clock and by the event's, whichever is wrong; one that is older says nothing."""
    clock = ExchangeClock(5_000)
    clock.hear(0, moment(1.0))
    clock.hear(EPOCH_MS + ahead_ms + 2_000, moment(2.0))
    clock.hear(EPOCH_MS + ahead_ms + 1_000, moment(8.0))

    assert not clock.is_known
    assert EPOCH_MS - 3_000 + min(0, ahead_ms) == clock.earliest_ms(moment(2.0))
    assert EPOCH_MS + 13_000 + max(0, ahead_ms) == clock.latest_ms(moment(8.0))


def test_a_reading_says_more_than_an_event():
    """Then the bounds are its own."""
    clock, other = ExchangeClock(5_000), ExchangeClock(5_000)
    clock.hear(EPOCH_MS - 300_000, moment(0.0))
    for one in (clock, other):
        one.set(EPOCH_MS + 60_000, moment(0.0), moment(0.2))

    assert (other.earliest_ms(moment(5.0)), other.latest_ms(moment(5.0))) == (
        clock.earliest_ms(moment(5.0)),
        clock.latest_ms(moment(5.0)),
    )


def test_a_reading_is_dated_in_the_middle_of_its_round_trip():
    """Half the round trip is what stays open, and a millisecond each for truncation and for drift meanwhile."""
    clock = ExchangeClock(5_000)
    clock.set(EPOCH_MS + 60_000, moment(0.0), moment(0.2))

    assert clock.is_known
    assert 102 == clock.uncertainty_ms
    assert EPOCH_MS + 60_100 == clock.now_ms(moment(0.2))
    assert 59_900 == pytest.approx(clock.offset_ms(moment(0.2)), abs=1)


@given(
    ahead=st.integers(-86_400_000, 86_400_000),
    way_there=st.floats(0.0, 5.0),
    way_back=st.floats(0.0, 5.0),
    asked=st.floats(-600.0, 90_000.0),
    faster=st.floats(-DRIFT, DRIFT),
)
def test_the_truth_lies_between_the_bounds(ahead, way_there, way_back, asked, faster):
    """However the round trip was divided, whichever clock is the faster, before and after the reading: they hold."""

    def truth_ms(seconds: float) -> float:
        return EPOCH_MS + ahead + 1000 * seconds * (1 + faster)

    clock = ExchangeClock(5_000)
    clock.set(int(truth_ms(way_there)), moment(0.0), moment(way_there + way_back))

    # A float of this size, as wall clocks are, has a grain of a quarter of a microsecond.
    assert clock.earliest_ms(moment(asked)) <= truth_ms(asked) + 0.001
    assert truth_ms(asked) - 0.001 <= clock.latest_ms(moment(asked))


@pytest.mark.parametrize("asked, drift_ms", [(-86_400.0, 8_640), (0.0, 0), (0.5, 1), (10.0, 1), (3_600.0, 360)])
def test_a_reading_is_worth_less_the_longer_ago_it_is(asked, drift_ms):
    """Two clocks drift apart by up to 100 millionths of the time between the reading and the moment asked for."""
    clock = ExchangeClock(5_000)
    clock.set(EPOCH_MS, moment(0.0), moment(0.0))
    asked_ms = EPOCH_MS + round(1000 * asked)

    assert asked_ms - 1 - drift_ms == clock.earliest_ms(moment(asked))
    assert asked_ms + 1 + drift_ms == clock.latest_ms(moment(asked))
    assert 1 == clock.uncertainty_ms


def test_clocks_that_disagree_widen_the_bounds():
    """When our clocks differ about how much time passed, the bounds hold for every one of them."""
    clock = ExchangeClock(5_000)
    clock.set(EPOCH_MS, moment(0.0), moment(0.0))
    woke = moment(10.0, slept=3_600.0)

    assert EPOCH_MS + 10_000 - 1 - 361 == clock.earliest_ms(woke)
    assert EPOCH_MS + 3_610_000 + 1 + 361 == clock.latest_ms(woke)
    assert EPOCH_MS + 3_610_000 == clock.now_ms(woke)


def test_a_new_reading_replaces_the_old():
    """The latest reading counts, with its own uncertainty."""
    clock = ExchangeClock(5_000)
    clock.set(EPOCH_MS, moment(0.0), moment(4.0))
    clock.set(EPOCH_MS + 10_000, moment(10.0), moment(10.0))

    assert 1 == clock.uncertainty_ms
    assert EPOCH_MS + 11_000 == clock.now_ms(moment(11.0))


@pytest.mark.parametrize(
    "ahead_ms, answer_s, doubted, is_kept",
    [
        (1_000, 2.0, False, True),
        (-1_000, 2.0, False, True),
        (1_000, 2.0, True, False),
        (1_200, 2.0, False, False),
        (-1_200, 2.0, False, False),
        (50, 0.1, False, False),
    ],
)
def test_a_slow_answer_does_not_spoil_what_a_swift_one_told(ahead_ms, answer_s, doubted, is_kept):
    """Its reading is taken only if it says more, or the last one cannot be right, or is doubted."""
    clock = ExchangeClock(5_000)
    clock.set(EPOCH_MS, moment(0.0), moment(0.2))
    before_ms = clock.now_ms(moment(100.0))
    if doubted:
        clock.doubt()
    clock.set(before_ms + ahead_ms - round(500 * answer_s), moment(100.0 - answer_s), moment(100.0))

    assert is_kept is (before_ms == clock.now_ms(moment(100.0)))
    assert not clock.wants_reading(200.0, moment(101.0))


class Watched(ExchangeClock):
    """One that somebody else asks at every moment at which a thread may be interrupted in the midst of a reading."""

    seen: Optional[List[Tuple[int, ...]]] = None

    def __setattr__(self, name: str, value: object) -> None:
        super().__setattr__(name, value)
        if self.seen is not None:
            self.seen.append(shown(self))


def shown(clock: ExchangeClock) -> Tuple[int, ...]:
    """Return everything that a clock says of a moment, an hour after it was read first."""
    now = moment(3_600.0)
    return clock.now_ms(now), clock.earliest_ms(now), clock.latest_ms(now)


def test_whoever_asks_in_the_midst_of_a_reading_is_answered_by_the_old_one_or_the_new_one():
    """Health and cursor are asked for on other threads, and half of each would be an hour off."""
    clock = Watched(5_000)
    clock.set(EPOCH_MS, moment(0.0), moment(0.2))
    before, seen = shown(clock), []
    clock.__dict__["seen"] = seen
    clock.set(EPOCH_MS + 3_600_000, moment(3_600.0), moment(3_600.0))

    assert {before, shown(clock)} >= set(seen) >= {shown(clock)}


def test_a_reading_is_wanted_when_there_is_none_or_an_old_or_doubtful_one():
    """Unread, older than the interval, or after a disagreement of our own clocks: read it; otherwise not."""
    clock = ExchangeClock(5_000)
    unread = clock.wants_reading(60.0, moment(0.0))
    clock.set(EPOCH_MS, moment(0.0), moment(0.1))
    fresh, old = clock.wants_reading(60.0, moment(60.0)), clock.wants_reading(60.0, moment(60.2))
    clock.doubt()
    doubted = clock.wants_reading(60.0, moment(1.0))
    clock.set(EPOCH_MS, moment(1.0), moment(1.1))

    assert (True, False, True, True) == (unread, fresh, old, doubted)
    assert not clock.wants_reading(60.0, moment(2.0))
