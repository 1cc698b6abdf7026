"""Who signed a request, and when."""

import pytest

from binance_uds.simulator.parameters import Parameters
from binance_uds.simulator.refusals import Refused
from binance_uds.simulator.signing import check_key_format, check_signature, check_time, sign

#: Source: USDⓈ-M Futures > General Info > Signed endpoint examples.
SECRET = "2b5eb11e18796d12d88f13dc27dbbd02c2cc51ff7059765ed9821957d82bb4d9"
PAYLOAD = (
    "symbol=BTCUSDT&side=BUY&type=LIMIT&quantity=1&price=9000&timeInForce=GTC&recvWindow=5000&timestamp=1591702613943"
)
SIGNATURE = "3c661234138461fcc7a7d8746c6558c9842d4e10870d2ecbedf7777cad694af9"
NOW_MS = 1591702613943


def code_of(check, *arguments):
    """Run a check and return the code of its refusal, None if it passes."""
    try:
        check(*arguments)
    except Refused as refused:
        return refused.code
    return None


def test_documented_signature():
    """The example of the documentation."""
    assert SIGNATURE == sign(SECRET, PAYLOAD)


@pytest.mark.parametrize(
    "query, body",
    [
        (f"{PAYLOAD}&signature={SIGNATURE}", ""),
        (f"{PAYLOAD}&signature={SIGNATURE.upper()}", ""),
        ("", f"{PAYLOAD}&signature={SIGNATURE}"),
        (PAYLOAD[:34], f"{PAYLOAD[34:]}&signature={SIGNATURE}"),
        (f"{PAYLOAD[:34]}&signature={SIGNATURE}", PAYLOAD[34:]),
    ],
)
def test_accepted_signatures(query, body):
    """Query and body count together, without anything between them; the signature is last in either."""
    assert code_of(check_signature, SECRET, query, body) is None


@pytest.mark.parametrize(
    "code, query, body",
    [
        (-1102, PAYLOAD, ""),
        (-1022, f"{PAYLOAD}&signature=", ""),
        (-1022, f"{PAYLOAD}&signature=ümlaut", ""),
        (-1022, f"{PAYLOAD}0&signature={SIGNATURE}", ""),
        (-1022, f"{PAYLOAD}&signature={SIGNATURE}", "more=1"),
        (-1022, f"signature={SIGNATURE}&{PAYLOAD}", ""),
    ],
)
def test_refused_signatures(code, query, body):
    """None, a wrong one, one over something else, one that is not last."""
    assert code == code_of(check_signature, SECRET, query, body)


@pytest.mark.parametrize(
    "code, query",
    [
        (None, f"timestamp={NOW_MS}"),
        (None, f"timestamp={NOW_MS - 5000}"),
        (-1021, f"timestamp={NOW_MS - 5001}"),
        (None, f"timestamp={NOW_MS - 60000}&recvWindow=60000"),
        (None, f"timestamp={NOW_MS + 999}"),
        (-1021, f"timestamp={NOW_MS + 1000}"),
        (-1131, f"timestamp={NOW_MS}&recvWindow=60001"),
        (-1102, "recvWindow=5000"),
        (-1102, "timestamp=now"),
    ],
)
def test_time_window(code, query):
    """A request may be 5 s old, or as old as it says it may be, and 1 s early."""
    assert code == code_of(check_time, Parameters.of(query, ""), NOW_MS)


@pytest.mark.parametrize("key, code", [("a" * 64, None), (None, -2014), ("", -2014), ("a" * 63, -2014)])
def test_key_format(key, code):
    """A key has 64 letters and digits."""
    assert code == code_of(check_key_format, key)
