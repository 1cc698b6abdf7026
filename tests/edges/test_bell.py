"""A bell that wakes one thread."""

from __future__ import annotations

from binance_uds.edges.bell import Bell


def test_a_bell_is_heard_once_however_often_it_rings():
    """It rings for whoever waits next, and is silent after that."""
    bell = Bell()
    bell.ring()
    bell.ring()

    assert [True, False] == [bell.wait(0), bell.wait(0)]


def test_a_hushed_bell_is_silent():
    """What rang before is not waited for, and it rings again after that."""
    bell = Bell()
    bell.hush()
    bell.ring()
    bell.hush()
    silent = not bell.wait(0)
    bell.ring()

    assert (True, True) == (silent, bell.wait(0))
