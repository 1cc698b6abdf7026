"""The form of a journal."""

import json
import math
from decimal import Decimal

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as some

import binance_uds as uds
from binance_uds.instants import Instant
from binance_uds.recording.journal import (
    Malformed,
    error_read,
    error_written,
    frame_bytes,
    frame_text,
    instant,
    market_read,
    market_written,
    parsed,
    step,
    stepped,
    timings_read,
    timings_written,
    written,
)

MICROSECONDS = some.integers(-(2**60), 2**60)
READINGS = some.tuples(MICROSECONDS, some.none() | MICROSECONDS, MICROSECONDS)
JSON = some.recursive(
    some.none()
    | some.booleans()
    | some.integers()
    | some.text()
    | some.decimals(allow_nan=False, allow_infinity=False),
    lambda inner: some.lists(inner) | some.dictionaries(some.text(), inner),
)


@given(JSON)
def test_a_line_comes_back(value):
    """Numbers with a fraction exactly, and any text."""
    line = {"n": 7, "rest": value}
    text = written(line)

    assert text.endswith(b"\n")
    assert 1 == text.count(b"\n")
    assert text.isascii()
    assert line == parsed(text[:-1])
    assert repr(line) == repr(parsed(text[:-1]))


def test_a_line_is_json():
    """Any tool can read it."""
    line = json.loads(written({"n": 1, "rest": Decimal("1.50")}))

    assert {"n": 1, "rest": {"$decimal": "1.50"}} == {key: line[key] for key in ("n", "rest")}
    assert 8 == len(line["sum"])


def test_every_changed_byte_is_found():
    """One bit, anywhere in the line."""
    text = written({"n": 1, "read": {"socket": 1, "frames": ['{"e":"TRADE_LITE"}']}})[:-1]
    for place in range(len(text)):
        changed = text[:place] + bytes([text[place] ^ 1]) + text[place + 1 :]
        with pytest.raises(Malformed):
            parsed(changed)
    for end in range(len(text)):
        with pytest.raises(Malformed):
            parsed(text[:end])


@pytest.mark.parametrize("line", [{}, {"n": "1"}, {"n": None}])
def test_a_line_has_a_number(line):
    """Without one it is none."""
    with pytest.raises(Malformed, match="no line of a journal"):
        parsed(written(line)[:-1])


@given(some.binary())
def test_a_frame_comes_back(frame):
    """Bytes that are no text, too, through a line and all."""
    text = parsed(written({"n": 1, "f": frame_text(frame)})[:-1])["f"]

    assert frame == frame_bytes(text)


@given(READINGS, READINGS)
def test_a_reading_comes_back(before, after):
    """Whatever the clocks did, as long as a boot-time clock does not come and go."""
    if (before[1] is None) != (after[1] is None) and before != (0, 0, 0):
        before = (before[0], None if after[1] is None else 0, before[2])

    assert after == stepped(before, step(before, after))


def test_clocks_that_agree_are_one_number():
    """Of each of them is known how far it went."""
    before, after = (5_000_000, 70_000_000, 9_000_000), (5_000_123, 70_000_123, 9_000_123)

    assert 123 == step(before, after)
    assert [123, 123, 124] == step(before, (5_000_123, 70_000_123, 9_000_124))
    assert Instant(5.000123, 70.000123, 9.000123) == instant(after)
    assert Instant(5.0, None, 9.0) == instant((5_000_000, None, 9_000_000))


@pytest.mark.parametrize(
    "market",
    [
        uds.USDM,
        uds.USDM_DEMO,
        attrs.evolve(uds.USDM, name="mine", rest_url="http://127.0.0.1:1", events=("TRADE_LITE",), weight_limit=9),
    ],
)
def test_a_market_comes_back(market):
    """Its classes by their names."""
    assert market == market_read(json.loads(json.dumps(market_written(market))))


def test_timings_come_back():
    """All of them; those that a journal does not name are the usual ones, and one that is not known is refused."""
    timings = uds.Timings(settle=0.1, max_hold=None)
    row = json.loads(json.dumps(timings_written(timings)))

    assert timings == timings_read(row)
    assert uds.Timings() == timings_read({})
    with pytest.raises(TypeError):
        timings_read({**row, "of_tomorrow": 1.0})


@pytest.mark.parametrize(
    "error",
    [
        uds.ExchangeError(418, -1003, "banned", 60.5),
        uds.CredentialsRejected(401, None, "no"),
        uds.StreamInterrupted("no answer in time"),
        uds.ConfigurationError("wrong"),
        uds.StartTimeout(math.pi, "why"),
    ],
)
def test_an_error_comes_back(error):
    """With everything that it says."""
    again = error_read(json.loads(json.dumps(error_written(error))))

    assert (type(error), error.args, str(error)) == (type(again), again.args, str(again))


def test_of_a_strange_error_the_name_comes_back():
    """And nothing of what it holds, which may be anything."""
    row = error_written(KeyError("secret"))

    assert {"class": "KeyError", "args": []} == row
    assert "KeyError" == type(error_read(row)).__name__
