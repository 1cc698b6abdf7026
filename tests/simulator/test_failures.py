"""The words of a failing request."""

from binance_uds.simulator.failures import failure
from binance_uds.simulator.faults import FailRest


def test_a_fault_that_says_everything():
    """What a fault names is used as it is."""
    answer = failure(FailRest(451, -7, "no", retry_after="Fri, 31 Dec 2027 23:59:59 GMT"), now_ms=0)

    assert (451, {"code": -7, "msg": "no"}) == (answer.status, answer.body)
    assert {"Retry-After": "Fri, 31 Dec 2027 23:59:59 GMT"} == answer.headers


def test_a_ban_tells_its_end():
    """A ban ends when its Retry-After does, in two minutes if it has none."""
    told = failure(FailRest(418, retry_after=7), now_ms=1_000)
    untold = failure(FailRest(418), now_ms=1_000)

    assert "banned until 8000." in told.body["msg"]
    assert "banned until 121000." in untold.body["msg"]
    assert {} == untold.headers
