"""Virtual time goes on while the client waits, and its machine may sleep meanwhile."""

from __future__ import annotations

import pytest

from tests.simulation.world import BOOT, MONOTONIC, World

EPOCH = 1_700_000_000.0


@pytest.fixture
def world() -> World:
    """A world at its first second."""
    return World(EPOCH)


def test_what_is_due_happens_in_its_order(world):
    """At its own moment, whatever the order it was asked for in."""
    seen = []
    world.at(5.0, lambda: seen.append(("late", world.now)))
    world.at(2.0, lambda: seen.append(("early", world.now)))
    world.at(9.0, lambda: seen.append(("never", world.now)))
    world.pass_time(6.0)

    assert [("early", 2.0), ("late", 5.0)] == seen
    assert world.now == pytest.approx(6.0, abs=1e-5)


def test_time_passes_until_something_is_so(world):
    """And no longer."""
    seen = []
    world.at(2.0, lambda: seen.append(1))
    world.pass_time(6.0, lambda: bool(seen))

    assert 2.0 == world.now


def test_a_suspend_stops_one_clock_and_puts_off_the_end_of_a_wait(world):
    """The monotonic one; the others, and everybody else, go on."""
    seen = []
    world.at(2.0, lambda: world.suspend(100.0))
    world.at(50.0, lambda: seen.append(world.is_asleep))
    world.pass_time(6.0)
    instant = world.instant()

    assert [True] == seen
    assert world.now == pytest.approx(106.0, abs=1e-5)
    assert instant.monotonic == pytest.approx(MONOTONIC + 6.0, abs=1e-5)
    assert instant.boot == pytest.approx(BOOT + 106.0, abs=1e-5)
    assert instant.wall == pytest.approx(EPOCH + 106.0, abs=1e-5)


def test_who_sleeps_does_not_fall_asleep(world):
    """A suspend within a suspend is none."""
    world.at(2.0, lambda: world.suspend(100.0))
    world.at(3.0, lambda: world.suspend(500.0))
    world.pass_time(1.0)
    world.pass_time(5.0)

    assert 100.0 == world.slept


def test_a_clock_that_is_set_shows_on_the_wall_alone(world):
    """The exchange's clock is the true one."""
    world.set_by = -3600.0
    world.pass_time(1.0)

    assert world.instant().wall == pytest.approx(EPOCH - 3599.0, abs=1e-5)
    assert 1_700_000_001_000 == world.now_ms
