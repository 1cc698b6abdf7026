from __future__ import annotations

import copy
import hashlib
import pickle
from decimal import Decimal

import attrs
import pytest

from binance_uds.events.base import (
    FROM_STREAM,
    WIRE_CONVERT,
    WIRE_ESSENTIAL,
    WIRE_PATH,
    WIRE_ROWS,
    Event,
    UnknownEvent,
    decimal,
    flag,
    integer,
    integer_or_blank,
    key_tag,
    label,
    label_or_blank,
    rows,
    text,
    wire,
)

JUNK = [None, {}, [], object()]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("0.00000", "0.00000"),
        ("-49.12345678", "-49.12345678"),
        ("+1", "1"),
        (".5", "0.5"),
        ("5.", "5"),
        ("1E-8", "1E-8"),
        ("1e400", "1E+400"),
        (7, "7"),
        (-(2**70), "-1180591620717411303424"),
        (Decimal("6563.60"), "6563.60"),
        ("9" * 100, "9" * 100),
    ],
)
def test_decimals_are_read_exactly(value, expected):
    """Every digit that was sent is kept, trailing zeros included."""
    number = decimal(value)

    assert expected == str(number)
    assert number.is_finite()


@pytest.mark.fault(51, 53)
@pytest.mark.parametrize(
    "value",
    [
        *JUNK,
        True,
        1.5,
        "",
        " 1",
        "1 ",
        "1\n",
        "1_000",
        "1,5",
        "0x1",
        ".",
        "e5",
        "NaN",
        "sNaN",
        "-Infinity",
        "\u0661\u0662",
        "1e401",
        "1e-401",
        "1e99999",
        "9" * 101,
        10**100,
        Decimal("NaN"),
        Decimal("1E+9999"),
    ],
)
def test_what_is_no_finite_decimal_of_sane_size_is_refused(value):
    """NaN, foreign digits, huge exponents and anything Python alone would take for a number are refused."""
    with pytest.raises(ValueError, match=r"not a decimal number|of absurd size"):
        decimal(value)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0, 0),
        (-1, -1),
        (2**63 + 1, 2**63 + 1),
        ("1736996475556", 1736996475556),
        ("-" + "9" * 40, -(10**40) + 1),
    ],
)
def test_integers_are_read_exactly(value, expected):
    """Ids beyond 2^53 and times sent as text come out exact."""
    number = integer(value)

    assert expected == number
    assert int is type(number)


@pytest.mark.fault(52)
@pytest.mark.parametrize(
    "value",
    [*JUNK, True, False, 1.0, Decimal(1), 10**100, -(10**100), "", "+1", " 1", "1\n", "1.0", "1_0", "\u0661", "9" * 41],
)
def test_what_is_no_whole_number_is_refused(value):
    """A bool, a fraction, an unbounded numeral is not an id."""
    with pytest.raises(ValueError, match="not a whole number"):
        integer(value)


def test_an_id_may_be_blank_where_binance_leaves_it_so():
    """An empty text is no id yet, digits are one, and a word is malformed."""
    assert integer_or_blank("") is None
    assert 8886900 == integer_or_blank("8886900")
    with pytest.raises(ValueError, match="not a whole number"):
        integer_or_blank("soon")


@pytest.mark.fault(54)
def test_text_takes_numeric_codes():
    """A word stays as it is, even with a lone surrogate, and a numeric code becomes its digits."""
    assert "\ud800" == text("\ud800")
    assert "8007" == text(8007)
    assert "" == text("")


@pytest.mark.parametrize("value", [*JUNK, True, 1.5, Decimal(1), 10**100])
def test_what_is_no_text_is_refused(value):
    """Truth values, fractions and endless numerals are no words."""
    with pytest.raises(ValueError, match="not text"):
        text(value)


def test_a_label_is_a_text_that_is_not_empty():
    """A symbol is never empty and never a number; it may be written in any script."""
    assert "\u5e01\u5b89USDT" == label("\u5e01\u5b89USDT")
    for value in (*JUNK, "", 5, True):
        with pytest.raises(ValueError, match="not a label"):
            label(value)


def test_a_symbol_may_be_blank_where_binance_leaves_it_so():
    """An empty text is no symbol, and what is no text is malformed."""
    assert label_or_blank("") is None
    assert "BTCUSDT" == label_or_blank("BTCUSDT")
    with pytest.raises(ValueError, match="not a label"):
        label_or_blank(5)


def test_a_flag_is_a_json_boolean_only():
    """Neither 1 nor "true" is a truth value."""
    assert flag(True) is True
    assert flag(False) is False
    for value in (*JUNK, 0, 1, "true", ""):
        with pytest.raises(ValueError, match="not true or false"):
            flag(value)


def test_a_key_is_kept_as_its_tag_only():
    """Six hex digits of the SHA-256 tell two keys apart, and any text has them."""
    key = "WsCMN0a4KHUPTQuX6IUnqEZfB1inxmv1qR4kbf1LuEjur5VdbzqvyxqG9TSjVVxv"

    assert hashlib.sha256(key.encode()).hexdigest()[:6] == key_tag(key)
    assert 6 == len(key_tag("\ud800"))
    with pytest.raises(ValueError, match="not text"):
        key_tag(None)


def test_declarations_say_path_type_and_need_once():
    """A declared field carries its key, its conversion and whether it is essential."""

    @attrs.frozen(kw_only=True)
    class Row:
        name: str = wire("n", label, essential=True)

    @attrs.frozen(kw_only=True)
    class Sample(Event):
        size: Decimal = wire("o.z", decimal)
        rows: tuple = rows("o.R", Row)

    fields = attrs.fields_dict(Sample)

    assert {WIRE_PATH: ("o", "z"), WIRE_CONVERT: decimal, WIRE_ESSENTIAL: False} == dict(fields["size"].metadata)
    assert ("o", "R") == fields["rows"].metadata[WIRE_PATH]
    assert Row is fields["rows"].metadata[WIRE_ROWS]
    assert (None, ()) == (Sample().size, Sample().rows)
    with pytest.raises(TypeError):
        Row()


def test_an_event_is_what_it_says_not_how_it_came():
    """The raw payload is no part of equality, hash or repr; every other field is."""
    event = UnknownEvent(name="X", event_time_ms=1, raw={"e": "X", "secret": "payload"})
    other = attrs.evolve(event, raw={})

    assert event == other
    assert hash(event) == hash(other)
    assert "payload" not in repr(event)
    assert "raw" not in repr(event)
    for change in ({"name": "Y"}, {"event_time_ms": 2}, {"origin": "rest"}, {"late": True}):
        assert event != attrs.evolve(event, **change)


def test_an_event_starts_as_what_the_stream_sends():
    """Unless told otherwise an event came by stream, in time, and says nothing."""
    event = Event()

    assert (None, None, FROM_STREAM, False) == attrs.astuple(event)[:4]
    assert {} == event.raw


def test_an_event_cannot_be_changed():
    """Fields are frozen, and there is no room for further ones."""
    event = UnknownEvent(name="X")

    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        event.name = "Y"
    with pytest.raises(AttributeError):
        event.nickname = "Z"
    assert not hasattr(event, "__dict__")


def test_an_event_travels():
    """Pickling and copying keep everything, the raw payload included."""
    event = UnknownEvent(name="X", raw={"e": "X", "n": [1, {"d": Decimal("1.50")}]})

    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        twin = pickle.loads(pickle.dumps(event, protocol))
        assert (event, event.raw) == (twin, twin.raw)
    assert event == copy.deepcopy(event)
