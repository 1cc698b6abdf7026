"""Lasting faults are used up by count and by time."""

from binance_uds.simulator.active_faults import ActiveFaults
from binance_uds.simulator.faults import FailRest, HangRest, LoseFrame, RestFault


def test_used_up_by_count():
    """A fault strikes as often as its count says, oldest first."""
    active = ActiveFaults()
    active.add(FailRest(500, count=2), now_ms=0)
    active.add(FailRest(503), now_ms=0)

    assert [500, 500, 503, None] == [
        None if fault is None else fault.status for fault in (active.take(FailRest, 0) for _ in range(4))
    ]
    assert 0 == len(active)


def test_used_up_by_time():
    """A fault without a count strikes until its time is over."""
    active = ActiveFaults()
    active.add(HangRest(count=None, lasts=1.5), now_ms=1_000)

    assert [True, True, False] == [bool(active.take(HangRest, now_ms)) for now_ms in (1_000, 2_499, 2_500)]


def test_taken_by_kind_and_by_what_they_strike():
    """A base class takes its subclasses, a condition chooses among them, others stay in force."""
    active = ActiveFaults()
    active.add(LoseFrame(), 0)
    active.add(FailRest(path="/fapi/v1/order", method="GET"), 0)

    assert active.take(RestFault, 0, lambda fault: fault.strikes("POST", "/fapi/v1/order")) is None
    assert active.take(RestFault, 0, lambda fault: fault.strikes("GET", "/fapi/v1/time")) is None
    assert active.take(RestFault, 0, lambda fault: fault.strikes("GET", "/fapi/v1/order"))
    assert 1 == len(active)


def test_clearing():
    """Cleared faults strike no more."""
    active = ActiveFaults()
    active.add(FailRest(count=None), 0)
    active.clear()

    assert active.take(FailRest, 0) is None
