"""Waits that double."""

from __future__ import annotations

import pytest

from binance_uds.protocol.backoff import Backoff


@pytest.mark.parametrize("jitter, share", [(0.0, 0.5), (0.5, 0.75), (1 - 1e-12, 1.0)])
def test_waits_double_up_to_the_most_shortened_by_chance(jitter, share):
    """Chance takes up to half of each wait, never more."""
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

    assert 7.5 == waits.next_wait(0.0)
