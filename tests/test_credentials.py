"""Who we are to the exchange, and that it does not leak."""

from __future__ import annotations

import copy
import json
import pickle

import attrs
import pytest

from binance_uds.credentials import Credentials, Secret
from binance_uds.errors import ConfigurationError
from tests.leaks import shown_by

API_KEY = "vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zvsw0MuIgwCIPy6utIco14y7Ju91duEh8A"
API_SECRET = "NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j"
#: Not a key: the form of one, and words that a search for leaks finds.
PEM = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEICanaryCanaryCanary\n-----END PRIVATE KEY-----\n"


def sign(payload: bytes) -> str:
    """Stand for an Ed25519 signature."""
    return "c2lnbmF0dXJl"


# A secret


def test_a_secret_shows_only_to_who_asks():
    """Whatever prints it prints stars; `reveal` alone gives the text."""
    secret = Secret(API_SECRET)
    shown = [repr(secret), str(secret), f"{secret} {secret!r}", repr([secret]), repr({"a": secret})]

    assert API_SECRET == secret.reveal()
    assert [] == [text for text in shown if API_SECRET in text]
    assert "***" == repr(secret)


@pytest.mark.parametrize("take", [pickle.dumps, copy.copy, copy.deepcopy, json.dumps, vars])
def test_a_secret_does_not_leave(take):
    """It is not pickled, copied, serialised or taken apart."""
    with pytest.raises(TypeError) as caught:
        take(Secret(API_SECRET))

    assert API_SECRET not in shown_by(caught.value)


def test_secrets_compare_by_value():
    """Two secrets are the same when their texts are; with anything else they share nothing."""
    assert Secret(API_SECRET) == Secret(API_SECRET)
    assert Secret(API_SECRET) != Secret(API_KEY)
    assert Secret(API_SECRET) != API_SECRET
    assert 1 == len({Secret(API_SECRET), Secret(API_SECRET)})


def test_a_tag_tells_secrets_apart_and_nothing_else():
    """Six hex digits of a hash are enough for a log, and the same for the same text."""
    assert Secret(API_SECRET).tag == Secret(API_SECRET).tag != Secret(API_KEY).tag
    assert 6 == len(Secret(API_SECRET).tag)
    assert Secret(API_SECRET).tag.lower() not in API_SECRET.lower()


def test_a_secret_may_hold_what_json_may_hold():
    """A lone surrogate in an answer makes an odd secret, not an error."""
    odd = Secret("\udfff" * 10)

    assert odd == Secret("\udfff" * 10)
    assert odd != Secret("x")


# Credentials


@pytest.mark.parametrize(
    "api_secret, can_sign",
    [(None, False), (API_SECRET, True), (sign, True)],
    ids=["key-only", "secret", "signer"],
)
def test_what_credentials_are_made_of(api_secret, can_sign):
    """A key alone, a key and a secret, or a key and what signs."""
    credentials = Credentials.of(API_KEY, api_secret)

    assert API_KEY == credentials.api_key.reveal()
    assert can_sign is credentials.can_sign
    assert (sign if api_secret is sign else None) is credentials.signer
    assert (API_SECRET if api_secret == API_SECRET else None) == (
        credentials.api_secret.reveal() if credentials.api_secret else None
    )


@pytest.mark.parametrize("make", [Credentials, Credentials.of], ids=["class", "of"])
def test_credentials_do_not_show(make):
    """However they were made, neither their repr nor a dictionary made of them contains a secret."""
    credentials = make(API_KEY, API_SECRET)
    shown = repr(credentials) + str(credentials) + repr(attrs.asdict(credentials)) + repr(attrs.astuple(credentials))

    assert API_KEY not in shown
    assert API_SECRET not in shown
    with pytest.raises(TypeError):
        pickle.dumps(credentials)


def test_the_class_takes_what_is_hidden_and_what_is_not():
    """Texts are hidden, what is hidden already stays as it is, and a callable signs."""
    credentials = Credentials(API_KEY, API_SECRET)

    assert Credentials.of(API_KEY, API_SECRET) == credentials
    assert credentials == Credentials(credentials.api_key, credentials.api_secret)
    assert Credentials.of(API_KEY, sign) == Credentials(API_KEY, sign) == Credentials(API_KEY, signer=sign)
    assert sign is attrs.evolve(credentials, api_secret=None, signer=sign).signer


def test_the_class_refuses_a_wrong_text_without_showing_it():
    """Also who calls the class itself is told of a slip, and neither text is in the traceback."""
    with pytest.raises(ConfigurationError, match="the API secret has white space around it") as caught:
        Credentials(API_KEY, f"{API_SECRET} ")

    assert API_KEY not in shown_by(caught.value)
    assert API_SECRET not in shown_by(caught.value)


FAULTS = [
    (None, "must be text, not NoneType"),
    (b"bytes" + API_KEY.encode(), "must be text, not bytes"),
    (7, "must be text, not int"),
    ("", "is empty"),
    (f" {API_KEY}", "has white space around it; copy it again"),
    (f"{API_KEY}\n", "has white space around it; copy it again"),
    (f"{API_KEY[:9]} {API_KEY[9:]}", "has characters that Binance's keys never have; copy it again"),
    (f"“{API_KEY}”", "has characters that Binance's keys never have; copy it again"),
    (f"{API_KEY}\u0663", "has characters that Binance's keys never have; copy it again"),
]


@pytest.mark.parametrize("given, fault", FAULTS)
def test_a_wrong_key_is_refused_with_the_reason_and_without_the_text(given, fault):
    """Missing, empty, not text, or not of the form Binance hands out; the error shows neither key nor secret."""
    with pytest.raises(ConfigurationError) as caught:
        Credentials.of(given, API_SECRET)

    assert f"the API key {fault}" == str(caught.value)
    assert API_KEY[9:] not in shown_by(caught.value)
    assert API_SECRET not in shown_by(caught.value)


@pytest.mark.parametrize("given, fault", FAULTS[1:])
def test_a_wrong_secret_is_refused_with_the_reason_and_without_the_text(given, fault):
    """What is said of the key is said of the secret; only a missing one is no fault."""
    with pytest.raises(ConfigurationError) as caught:
        Credentials.of(API_SECRET, given)

    assert f"the API secret {fault}" == str(caught.value)
    assert API_KEY[9:] not in shown_by(caught.value)
    assert API_SECRET not in shown_by(caught.value)


def test_a_pem_text_is_refused_with_advice():
    """Ed25519 and RSA users are told what to pass instead, and their private key shows nowhere."""
    with pytest.raises(ConfigurationError, match="pass a callable that takes the request's bytes") as caught:
        Credentials.of(API_KEY, PEM)

    assert "CanaryCanary" not in shown_by(caught.value)


# The environment


def test_credentials_from_the_environment(monkeypatch):
    """The two variables are read; without a secret, or with an empty one, the stream is key-only."""
    monkeypatch.setenv("BINANCE_API_KEY", API_KEY)
    monkeypatch.setenv("BINANCE_API_SECRET", API_SECRET)
    both = Credentials.from_env()
    monkeypatch.setenv("BINANCE_API_SECRET", "")
    empty = Credentials.from_env()
    monkeypatch.delenv("BINANCE_API_SECRET")
    missing = Credentials.from_env()

    assert (API_KEY, API_SECRET) == (both.api_key.reveal(), both.api_secret.reveal())
    assert not empty.can_sign
    assert not missing.can_sign


@pytest.mark.parametrize("value", [None, ""])
def test_a_missing_variable_is_named(monkeypatch, value):
    """The error names the variable that is not set."""
    monkeypatch.delenv("BINANCE_API_KEY", raising=False)
    if value is not None:
        monkeypatch.setenv("BINANCE_API_KEY", value)

    with pytest.raises(ConfigurationError, match="the environment variable BINANCE_API_KEY is not set"):
        Credentials.from_env()


def test_a_malformed_variable_is_refused(monkeypatch):
    """A variable with a slip in it is refused like an argument, and shows nowhere."""
    monkeypatch.setenv("BINANCE_API_KEY", f"{API_KEY} ")
    with pytest.raises(ConfigurationError, match="white space") as caught:
        Credentials.from_env()

    assert API_KEY not in shown_by(caught.value)
