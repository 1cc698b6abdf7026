"""The row of numbers, and the bounds that follow from it."""

from __future__ import annotations

import attrs
import pytest

from binance_uds.protocol.timings import Timings


def test_the_defaults_are_the_promised_ones():
    """The leases, and the bounds that we publish."""
    timings = Timings()

    assert 45.0 == timings.transport_lease
    assert 150.0 == timings.key_lease
    assert 10.0 == timings.pong_timeout
    assert 40.0 == timings.half_open_found_within
    assert 71.0 == timings.dead_key_found_within


def test_a_connection_is_found_dead_before_its_proof_lapses():
    """With the defaults an answer that is merely late does not make a stream STALE."""
    assert Timings().half_open_found_within <= Timings().transport_lease


@pytest.mark.parametrize(
    "interval, lease", [(1.0, 30.0), (12.0, 30.0), (60.0, 150.0), (1440.0, 3600.0), (3000.0, 3600.0)]
)
def test_the_key_lease_follows_the_interval_within_bounds(interval, lease):
    """2.5 intervals, at least 30 s, at most a key's life."""
    assert lease == Timings(keepalive_interval=interval).key_lease


def test_the_row_cannot_be_changed():
    """A stream's numbers are fixed from its start."""
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        Timings().ping_interval = 1.0
