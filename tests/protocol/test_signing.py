"""Signatures, against the vector that Binance publishes."""

from __future__ import annotations

import hashlib
import hmac
from urllib.parse import parse_qsl

import pytest

from binance_uds.credentials import Credentials
from binance_uds.errors import ConfigurationError
from binance_uds.protocol.signing import signed_query
from tests.leaks import shown_by

API_KEY = "dbefbc809e3e83c283a984c3a1459732ea7db1360ca80c5c2c8867408d28cc83"
#: Source: USDⓈ-M Futures > General Info > SIGNED Endpoint Examples.
API_SECRET = "2b5eb11e18796d12d88f13dc27dbbd02c2cc51ff7059765ed9821957d82bb4d9"
ORDER = {
    "symbol": "BTCUSDT",
    "side": "BUY",
    "type": "LIMIT",
    "quantity": 1,
    "price": 9000,
    "timeInForce": "GTC",
}
PAYLOAD = (
    "symbol=BTCUSDT&side=BUY&type=LIMIT&quantity=1&price=9000&timeInForce=GTC&recvWindow=5000&timestamp=1591702613943"
)
SIGNATURE = "3c661234138461fcc7a7d8746c6558c9842d4e10870d2ecbedf7777cad694af9"


def test_the_published_vector():
    """The example of the documentation comes out letter for letter, the signature last."""
    query = signed_query(ORDER, Credentials.of(API_KEY, API_SECRET), 1591702613943)

    assert f"{PAYLOAD}&signature={SIGNATURE}" == query.reveal()
    assert "***" == repr(query)


def test_what_is_signed_is_what_is_sent():
    """Values are percent-encoded before they are signed, symbols that are not ASCII included."""
    query = signed_query({"symbol": "币安人生USDT", "note": "a b&c=d"}, Credentials.of(API_KEY, API_SECRET), 1)
    payload, _, signature = query.reveal().rpartition("&signature=")

    assert "symbol=%E5%B8%81%E5%AE%89%E4%BA%BA%E7%94%9FUSDT&note=a%20b%26c%3Dd&recvWindow=5000&timestamp=1" == payload
    assert hmac.new(API_SECRET.encode(), payload.encode(), hashlib.sha256).hexdigest() == signature


def test_any_text_can_be_signed():
    """Half a character, which JSON text may hold, is for the exchange to refuse, not for us to stumble over."""
    query = signed_query({"symbol": "\ud800USDT"}, Credentials.of(API_KEY, API_SECRET), 1).reveal()

    assert query.startswith("symbol=%ED%A0%80USDT&recvWindow=5000&timestamp=1&signature=")


def test_a_callable_signs_the_same_bytes():
    """An Ed25519 or RSA signature comes as base64 text, which has to be percent-encoded."""
    seen = []

    def sign(payload: bytes) -> str:
        seen.append(payload)
        return "ab+/c="

    query = signed_query(ORDER, Credentials.of(API_KEY, sign), 1591702613943).reveal()

    assert [PAYLOAD.encode()] == seen
    assert f"{PAYLOAD}&signature=ab%2B%2Fc%3D" == query
    assert ("signature", "ab+/c=") == parse_qsl(query)[-1]


def test_without_a_secret_nothing_is_signed():
    """Key-only mode says what is missing."""
    with pytest.raises(ConfigurationError, match="the stream has no api_secret"):
        signed_query({}, Credentials.of(API_KEY), 1)


@pytest.mark.parametrize("answer", [b"c2lnbmF0dXJlIGFzIGJ5dGVz", "", None, 7])
def test_a_callable_has_to_answer_text(answer):
    """Anything else is refused, and what came shows nowhere."""
    with pytest.raises(ConfigurationError, match="must return the signature as text") as caught:
        signed_query({}, Credentials.of(API_KEY, lambda payload: answer), 1)

    assert "c2lnbmF0" not in shown_by(caught.value)


def test_a_callable_that_raises_is_named_and_its_words_are_not_repeated():
    """What a signing device says may hold what it signs with."""

    def sign(payload: bytes) -> str:
        raise RuntimeError(API_SECRET)

    with pytest.raises(ConfigurationError, match="raised RuntimeError") as caught:
        signed_query({}, Credentials.of(API_KEY, sign), 1)

    assert caught.value.__context__ is None
    assert API_SECRET not in shown_by(caught.value)


def test_the_secret_is_in_no_local_of_a_failed_call():
    """Tools print the locals of every frame: none of ours holds the secret."""
    credentials = Credentials.of(API_KEY, API_SECRET)
    with pytest.raises(TypeError) as caught:
        signed_query(None, credentials, 1)

    assert API_SECRET not in shown_by(caught.value)
