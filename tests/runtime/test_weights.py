"""The request weight that the streams of a process share, in virtual time."""

from __future__ import annotations

import os

import pytest

from binance_uds.edges.dial import Origin
from binance_uds.runtime import weights
from binance_uds.runtime.weights import Share

ORIGIN = Origin.of("https://fapi.binance.com")


def share(url: str = "https://fapi.binance.com", most: int = 100) -> Share:
    """A stream's share."""
    return Share(Origin.of(url), most, 2_400)


def test_streams_share_what_an_origin_allows():
    """Scheme, host and port tell origins apart, under the default port as well."""
    assert 0.0 == share().ask(100, 0.0)

    urls = ["https://FAPI.binance.com:443/x", "https://fapi.binance.com:8443", "http://fapi.binance.com", "https://b"]
    assert [50.0, 0.0, 0.0, 0.0] == [share(url).ask(1, 10.0) for url in urls]


def test_two_shares_are_two_though_they_are_alike():
    """Each has its own place in the line."""
    one, other = share(), share()
    one.ask(100, 0.0)

    assert one != other
    assert [50.0, 50.0, 50.0] == [one.ask(60, 10.0), other.ask(40, 10.0), one.ask(60, 10.0)]
    assert [60.0, 0.0, 0.0] == [other.ask(60, 60.0), one.ask(60, 60.0), other.ask(40, 60.0)]


def test_what_the_exchange_says_to_one_holds_for_all():
    """The address is one."""
    share().heed(2_000, 0.0)

    assert 50.0 == share().ask(1, 10.0)


def test_what_is_forgotten_holds_nobody():
    """A test begins without what the one before it used."""
    share().ask(100, 0.0)
    weights.forget_weights()

    assert 0.0 == share().ask(100, 0.0)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_child_that_was_forked_under_the_lock_is_not_stuck():
    """It knows what the parent has read, for it asks from the same address, and nobody who waits."""
    share().ask(60, 0.0)
    share().ask(100, 10.0)
    with weights._lock:
        child = os.fork()
        if child == 0:
            is_free = weights._lock.acquire(blocking=False)
            weights._lock.release()
            os._exit(0 if is_free and (share().ask(40, 10.0), share().ask(1, 10.0)) == (0.0, 50.0) else 1)
    _, status = os.waitpid(child, 0)

    assert 0 == status
