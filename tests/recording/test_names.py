"""Secrets in what is recorded."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as some

from binance_uds.credentials import Secret
from binance_uds.protocol.decoding.strict import Undecodable, parse
from binance_uds.recording.names import Names
from binance_uds.tags import stand_in, tag_of

KEY = "CanaryListenKey" + "l" * 49
OTHER = "ForeignListenKey" + "f" * 48


@pytest.fixture
def names():
    """That know a key."""
    found = Names()
    found.learn(Secret(KEY))
    return found


def escaped(text):
    """Spell every second letter of a text as JSON also allows."""
    return "".join(f"\\u{ord(letter):04X}" if place % 2 else letter for place, letter in enumerate(text))


@pytest.mark.parametrize(
    "frame",
    [
        f'{{"e":"NOVELTY","k":"{KEY}"}}',
        f'{{"stream":"{KEY}@TRADE_LITE","data":{{"e":"NOVELTY"}}}}',
        f'{{"e":"NOVELTY","{KEY}":["x{KEY}{KEY}"]}}',
        f'{{"e":"NOVELTY","k":"{escaped(KEY)}"}}',
        f'{{"e":"listenKeyExpired","listenKey" : "{OTHER}","k":"{OTHER}"}}',
        f'{{"e":"listenKeyExpired","listenKey":"{escaped(OTHER)}","k":"{OTHER}"}}',
        f'{{"id":2,"result":["{OTHER}@TRADE_LITE", "{KEY}"]}}',
        f'{{"stream":"{OTHER}","data":{{"e":"NOVELTY"}}}}',
        f"\xff not JSON {KEY}",
    ],
)
def test_no_key_is_left_in_a_frame(names, frame):
    """Known or named, plain or escaped; the frame keeps its length."""
    result = names.frame(frame.encode("latin-1"))
    text = result.decode("latin-1")
    plain = re.sub(r"\\u00(..)", lambda found: chr(int(found[1], 16)), text)

    assert len(frame) == len(result)
    assert [] == [key for key in (KEY, OTHER) if key in plain]
    assert stand_in(KEY) in plain or stand_in(OTHER) in plain


def test_equal_stays_equal(names):
    """A key is the same everywhere, and two keys are two."""
    frame = names.frame(f'{{"e":"listenKeyExpired","listenKey":"{KEY}"}}'.encode())
    answer = names.value({"listenKey": KEY, "rows": [{"of": OTHER, "listenKey": OTHER}], "n": 5})

    assert json.loads(frame)["listenKey"] == answer["listenKey"] == stand_in(KEY)
    assert {"of": stand_in(OTHER), "listenKey": stand_in(OTHER)} == answer["rows"][0]
    assert 5 == answer["n"]
    assert tag_of(KEY) == tag_of(answer["listenKey"])


def test_names_of_other_streams_stay(names):
    """What is too short for a key is data."""
    frame = b'{"stream":"btcusdt@trade","data":{"e":"x","result":["btcusdt@aggTrade"],"k":"btcusdt"}}'

    assert frame == names.frame(frame)
    assert frame == names.frame(frame)


@given(some.binary() | some.text().map(lambda text: json.dumps({"e": text, "listenKey": text}).encode()))
def test_any_frame_keeps_its_length_and_what_it_is(frame):
    """What could be read can be read, and what could not cannot."""
    result = Names().frame(frame)
    outcomes = []
    for each in (frame, result):
        try:
            outcomes.append(sorted(parse(each)))
        except Undecodable as error:
            outcomes.append(error.reason)

    assert len(frame) == len(result)
    if b"listenKey" not in frame:
        assert frame == result
    assert outcomes[0] == outcomes[1]
