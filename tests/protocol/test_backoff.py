"""Waits that double, and holds."""

from __future__ import annotations

import pytest

from binance_uds.protocol.backoff import Backoff, hold


@pytest.mark.parametrize("jitter, share", [(0.0, 1.0), (0.5, 1.25), (1 - 1e-12, 1.5)])
def test_waits_double_up_to_the_most_and_chance_only_makes_them_longer(jitter, share):
    """Nothing is tried before the time that was promised; chance adds up to half of it."""
    waits = Backoff(0.5, 15.0)

    assert [0.5 * share, share, 2 * share, 4 * share, 8 * share, 15 * share, 15 * share] == pytest.approx(
        [waits.next_wait(jitter) for _ in range(7)]
    )


def test_a_success_starts_over():
    """After a reset the first wait is the first again."""
    waits = Backoff(1.0, 8.0)
    first = waits.next_wait(0.0)
    waits.next_wait(0.0)
    waits.reset()

    assert first == waits.next_wait(0.0)


def test_a_failing_year_stays_at_the_most():
    """However often it fails, the wait stays a small number."""
    waits = Backoff(0.5, 15.0, failures=10_000_000)

    assert 15.0 == waits.next_wait(0.0)


@pytest.mark.parametrize(
    "seconds, jitter, waited",
    [(60.0, 0.0, 60.0), (60.0, 0.5, 61.5), (60.0, 1.0, 63.0), (100.0, 1.0, 105.0), (7_200.0, 1.0, 7_205.0)],
)
def test_a_hold_is_kept_and_left_by_chance_a_little_later(seconds, jitter, waited):
    """Never earlier than the exchange asked for, and up to 5 % or 5 s later, so that not all return at once."""
    assert waited == hold(seconds, jitter)
