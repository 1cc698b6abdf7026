"""Tags and stand-ins of secrets."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as some

from binance_uds.credentials import Secret
from binance_uds.events.base import key_tag
from binance_uds.redaction import redact
from binance_uds.tags import is_stand_in, stand_in, tag_of

KEY = "CanaryListenKey" + "l" * 49


def test_a_tag_is_of_the_sha_256():
    """Six hex digits, the same wherever they are made."""
    expected = hashlib.sha256(KEY.encode()).hexdigest()[:6]

    assert expected == tag_of(KEY) == Secret(KEY).tag == key_tag(KEY)


@given(some.text(min_size=10))
def test_a_stand_in_is_as_long_and_has_the_same_tag(text):
    """Whatever is computed of either is the same."""
    other = stand_in(text)

    assert len(text) == len(other)
    assert tag_of(text) == tag_of(other) == Secret(other).tag == key_tag(other)
    assert is_stand_in(other)
    assert other == stand_in(other)


@pytest.mark.parametrize("text", ["", KEY, "__12345__", "__12345g____", "x__123456__", "__123456__x"])
def test_other_texts_are_no_stand_ins(text):
    """What only looks a little like one is not taken for one."""
    assert not is_stand_in(text)


def test_a_stand_in_is_no_secret():
    """It may be seen, and a log or journal of it is not masked."""
    other = Secret(stand_in(KEY))

    assert other.reveal() == redact(other.reveal())
