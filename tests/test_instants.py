"""A moment as three clocks saw it."""

from __future__ import annotations

import attrs
import pytest

from binance_uds.instants import Instant

START = Instant(100.0, 5_000.0, 1_700_000_000.5)


def after(monotonic: float, boot: float, wall: float) -> Instant:
    """Return the moment at which each clock shows so many seconds more."""
    return Instant(START.monotonic + monotonic, START.boot + boot, START.wall + wall)


@pytest.mark.parametrize(
    "elapsed, age, jump",
    [
        ((10.0, 10.0, 10.0), 10.0, 0.0),
        ((10.0, 3_610.0, 3_610.0), 3_610.0, 3_600.0),
        ((10.0, 10.0, -3_590.0), 10.0, 3_600.0),
        ((10.0, 10.0, 3_610.0), 3_610.0, 3_600.0),
        ((0.0, 0.0, 0.0), 0.0, 0.0),
    ],
    ids=["awake", "asleep", "set back", "set forward", "now"],
)
def test_the_clock_that_shows_the_most_tells_the_age(elapsed, age, jump):
    """A suspend shows in two clocks, a changed wall clock in one; the age is never too small."""
    assert age == START.age(after(*elapsed))
    assert jump == START.jump(after(*elapsed))


@pytest.mark.parametrize(
    "elapsed, least, most",
    [
        ((10.0, 10.0, 10.0), 10_000, 10_000),
        ((10.0, 3_610.0, 3_610.0), 10_000, 3_610_000),
        ((-10.0, -3_610.0, -3_610.0), -3_610_000, -10_000),
        ((0.0005, 0.0005, 0.0005), 0, 1),
        ((-0.0005, -0.0005, -0.0005), -1, 0),
    ],
)
def test_differences_in_milliseconds_are_bounds(elapsed, least, most):
    """Forwards and backwards, rounded outwards."""
    assert least == START.least_ms_to(after(*elapsed))
    assert most == START.most_ms_to(after(*elapsed))


def test_a_system_without_a_boot_clock_has_two():
    """Where there is none, or there was none, two readings are compared."""
    without = Instant(110.0, None, 1_700_003_610.5)

    assert 3_610.0 == START.age(without)
    assert 3_600.0 == START.jump(without)
    assert -10.0 == without.age(START)


def test_the_wall_clock_in_milliseconds():
    """Whole milliseconds since the Unix epoch."""
    assert 1_700_000_000_500 == START.wall_ms


def test_an_instant_is_a_value():
    """It cannot be changed, and equals another of the same readings."""
    assert START == Instant(100.0, 5_000.0, 1_700_000_000.5)
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        START.wall = 0.0
