"""Holds, in virtual time."""

from __future__ import annotations

import os

import pytest

from binance_uds.edges import holds
from binance_uds.edges.dial import Origin
from binance_uds.errors import ExchangeError

ORIGIN = Origin.of("https://fapi.binance.com")


def test_a_hold_ends_with_its_time():
    """Until then every call gets the exchange's words and the time that is left."""
    holds.hold(ORIGIN, ExchangeError(429, -1003, "slower", 30.0), 100.0)
    early = holds.held(ORIGIN, 110.0)

    assert early is not None
    assert (429, -1003, "slower", 20.0) == (early.status, early.code, early.message, early.retry_after_s)
    assert holds.held(ORIGIN, 130.0) is None


def test_origins_are_told_apart_by_scheme_host_and_port():
    """A hold binds whoever gave it, under its default port as well."""
    holds.hold(ORIGIN, ExchangeError(418, None, "banned", 30.0), 0.0)
    names = ["https://FAPI.binance.com:443/x", "https://fapi.binance.com:8443", "http://fapi.binance.com", "https://b"]

    assert [True, False, False, False] == [holds.held(Origin.of(name), 1.0) is not None for name in names]


def test_the_longer_hold_stays():
    """A short 429 that arrives after a ban does not shorten it."""
    holds.hold(ORIGIN, ExchangeError(418, -1003, "banned", 600.0), 0.0)
    holds.hold(ORIGIN, ExchangeError(429, -1003, "slower", 5.0), 1.0)
    found = holds.held(ORIGIN, 10.0)

    assert found is not None
    assert (418, 590.0) == (found.status, found.retry_after_s)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_child_that_was_forked_under_the_lock_is_not_stuck():
    """The child has the parent's holds and a lock of its own."""
    holds.hold(ORIGIN, ExchangeError(429, None, "slower", 30.0), 0.0)
    with holds._lock:
        child = os.fork()
        if child == 0:
            os._exit(0 if holds._lock.acquire(blocking=False) and ORIGIN in holds._holds else 1)
    _, status = os.waitpid(child, 0)

    assert 0 == status
