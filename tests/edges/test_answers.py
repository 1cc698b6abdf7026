"""What answers mean."""

from __future__ import annotations

import json
from decimal import Decimal
from email.utils import formatdate

import pytest
from requests.structures import CaseInsensitiveDict

from binance_uds.credentials import Secret
from binance_uds.edges.answers import Answer, verdict
from binance_uds.errors import CredentialsRejected, ExchangeError, StreamInterrupted

NOW = 1_700_000_000.0
DAY = 86_400.0


def answer(status=200, body=None, **headers):
    named = CaseInsensitiveDict({name.replace("_", "-"): value for name, value in headers.items()})
    return Answer(status, named, body if isinstance(body, bytes) else json.dumps(body).encode())


@pytest.mark.parametrize("status", [200, 201, 299])
def test_a_success_is_its_json(status):
    """Any 2xx is a success, whatever its JSON looks like."""
    assert {"code": -1125, "msg": "not an error here"} == verdict(
        answer(status, {"code": -1125, "msg": "not an error here"}), NOW
    )
    assert [1, None] == verdict(answer(status, [1, None]), NOW)


def test_long_integers_are_exact():
    """Ids beyond a float's reach keep every digit."""
    assert {"orderId": 8389765999999999999} == verdict(answer(200, b'{"orderId": 8389765999999999999}'), NOW)


def test_fractions_are_exact():
    """A number with a fraction keeps every digit, and one of any size is data to be judged where it is used."""
    found = verdict(answer(200, b'[0.10, 1E-8, 1e999, {"bep": 27123.400000000001}]'), NOW)

    assert [Decimal("0.10"), Decimal("1E-8"), Decimal("1E+999"), {"bep": Decimal("27123.400000000001")}] == found
    assert ["0.10", "1E-8"] == [str(number) for number in found[:2]]


@pytest.mark.parametrize(
    "body", [b"", b"{", b"1e99999999999999999999", b"NaN", b'{"a": -Infinity}', b"\xff", b"[" * 200_000]
)
def test_a_success_that_cannot_be_read(body):
    """It is an interruption, and says no word of the body."""
    found = verdict(answer(200, body), NOW)

    assert isinstance(found, StreamInterrupted)
    assert "the answer is not JSON" == found.reason


@pytest.mark.fault(16)
@pytest.mark.parametrize(
    ("status", "headers", "message", "expected"),
    [
        (429, {"Retry_After": "7"}, "", 7.0),
        (429, {"Retry_After": "1.5"}, "", 1.5),
        (429, {"Retry_After": "0"}, "", 1.0),
        (429, {"Retry_After": "-5"}, "", 60.0),
        (429, {"Retry_After": "soon"}, "", 60.0),
        (429, {"Retry_After": "999999999"}, "", 3 * DAY),
        (429, {}, "", 60.0),
        (418, {}, "", 120.0),
        (418, {}, f"Way too many requests; IP(1.2.3.4) banned until {int(NOW * 1000) + 90_000}.", 90.0),
        (429, {}, f"banned until {int(NOW * 1000) - 90_000}", 1.0),
        (418, {"Retry_After": "10"}, f"banned until {int(NOW * 1000) + 90_000}", 90.0),
        (418, {"Retry_After": "100"}, f"banned until {int(NOW * 1000) + 90_000}", 100.0),
        (418, {"Date": formatdate(NOW - 50)}, f"banned until {int(NOW * 1000)}", 50.0),
        (429, {"Retry_After": formatdate(NOW + 20)}, "", 20.0),
        (429, {"Retry_After": formatdate(NOW), "Date": formatdate(NOW - 20)}, "", 20.0),
        (429, {"Retry_After": "Mon, 99 Xyz 2023 00:00:00 GMT"}, "", 60.0),
        (503, {"Retry_After": "12"}, "", 12.0),
        (503, {}, "banned until 99999999999999", None),
        (400, {}, "", None),
    ],
)
def test_how_long_to_wait(status, headers, message, expected):
    """Seconds, dates and bans are understood, the longer one counts, and all of it is bounded."""
    found = verdict(answer(status, {"code": -1003, "msg": message}, **headers), NOW)

    assert isinstance(found, ExchangeError)
    assert expected == found.retry_after_s


@pytest.mark.fault(15)
@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'"text"', b'{"code": "x", "msg": ["y"]}', b'{"msg": " "}'])
def test_an_error_that_explains_nothing(body):
    """It is told apart by its status alone."""
    found = verdict(answer(503, body), NOW)

    assert isinstance(found, ExchangeError)
    assert (503, None, "no explanation") == (found.status, found.code, found.message)


def test_words_are_bounded_masked_and_on_one_line():
    """What the exchange echoes does not carry secrets, control characters or novels into a log."""
    secret = Secret("CanaryValue" * 4)
    text = f"bad\r\n\x1b[31m {secret.reveal()} signature=abcdef&x " + "long " * 1000
    found = verdict(answer(400, {"code": -1022, "msg": text}), NOW)

    assert isinstance(found, CredentialsRejected)
    assert found.message.startswith("bad [31m *** signature=***&x long long")
    assert 300 == len(found.message)


@pytest.mark.parametrize(
    ("text", "expected"), [("37", 37), ("0", 0), ("", None), ("x", None), ("-1", None), ("²", None)]
)
def test_used_weight(text, expected):
    """Only a number is a weight."""
    assert expected == answer(x_mbx_used_weight_1m=text).used_weight
    assert answer().used_weight is None


def test_an_answer_does_not_show_its_body():
    """Bodies hold listen keys."""
    assert "Answer(status=200)" == repr(answer(200, {"listenKey": "abc"}, Date="x"))
