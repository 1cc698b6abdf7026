"""
What an event or a row of a REST answer is, and how its fields are declared.

The class *is* the mapping: a field's declaration states our name, Binance's key and the type, once::

    filled_quantity: Optional[Decimal] = wire("o.z", decimal)

``protocol/decoding/`` reads these declarations; nothing else knows a wire key.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any, Callable, ClassVar, Mapping, Optional, TypeVar

import attrs

from ..markup import badge, record
from ..tags import tag_of

T = TypeVar("T")

#: Keys of a field's attrs metadata.
WIRE_PATH, WIRE_CONVERT, WIRE_ESSENTIAL = "wire_path", "wire_convert", "wire_essential"
WIRE_ROWS = "wire_rows"

#: Where an event came from.
FROM_STREAM, FROM_REST = "stream", "rest"

_DECIMAL = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,4})?", re.ASCII)
_INTEGER = re.compile(r"-?\d{1,40}", re.ASCII)
#: Longer numerals than any amount of money; bounded so that arithmetic and printing stay cheap.
_LONGEST_NUMERAL = 100
_LARGEST_EXPONENT = 400
_MOST_BITS = 320


def decimal(value: Any) -> Decimal:
    """
    Read money, a price, a quantity or a ratio, exactly.

    Raises:
        ValueError: Not a finite decimal number of a sane length.
    """
    if isinstance(value, Decimal) or _is_short_integer(value):
        value = str(value)
    if not isinstance(value, str) or len(value) > _LONGEST_NUMERAL or not _DECIMAL.fullmatch(value):
        raise ValueError("not a decimal number")
    number = Decimal(value)
    if abs(number.adjusted()) > _LARGEST_EXPONENT:
        raise ValueError("a decimal number of absurd size")
    return number


def integer(value: Any) -> int:
    """
    Read an id or a time in milliseconds, exactly, from a JSON integer or its digits as text.

    Raises:
        ValueError: Not a whole number of a sane length.
    """
    if _is_short_integer(value):
        return int(value)
    if isinstance(value, str) and _INTEGER.fullmatch(value):
        return int(value)
    raise ValueError("not a whole number")


def integer_or_blank(value: Any) -> Optional[int]:
    """
    Read an id that Binance leaves empty (``""``) until there is one.

    Raises:
        ValueError: Neither empty nor a whole number.
    """
    return None if value == "" else integer(value)


def text(value: Any) -> str:
    """
    Read a client id, a reason or a word of an open vocabulary; a numeric code becomes its digits.

    Raises:
        ValueError: Neither text nor a whole number.
    """
    if isinstance(value, str):
        return value
    if _is_short_integer(value):
        return str(value)
    raise ValueError("not text")


def label(value: Any) -> str:
    """
    Read a text by which something is identified, such as a symbol: it must not be empty.

    Raises:
        ValueError: Empty, or no text.
    """
    if isinstance(value, str) and value:
        return value
    raise ValueError("not a label")


def label_or_blank(value: Any) -> Optional[str]:
    """
    Read a symbol that Binance leaves empty (``""``) where there is none.

    Raises:
        ValueError: No text.
    """
    return None if value == "" else label(value)


def flag(value: Any) -> bool:
    """
    Read a truth value.

    Raises:
        ValueError: Not a JSON boolean.
    """
    if isinstance(value, bool):
        return value
    raise ValueError("not true or false")


def key_tag(value: Any) -> str:
    """
    Read a listen key and keep only what tells two of them apart: six hex digits of its SHA-256.

    Raises:
        ValueError: Not text.
    """
    return tag_of(text(value))


def _is_short_integer(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value.bit_length() <= _MOST_BITS


def wire(path: str, convert: Callable[[Any], Any], *, essential: bool = False) -> Any:
    """
    Declare a field of an event or of a row.

    Args:
        path: Binance's key; ``"o.z"`` is key ``z`` inside the object ``o``.
        convert: Turns the JSON value into the field's type, or raises ``ValueError``.
        essential: Without it the payload cannot be used at all. A field that is not essential is None when it
            is absent or malformed; the payload itself stays in ``raw``.
    """
    metadata = {WIRE_PATH: tuple(path.split(".")), WIRE_CONVERT: convert, WIRE_ESSENTIAL: essential}
    return attrs.field(metadata=metadata) if essential else attrs.field(default=None, metadata=metadata)


def rows(path: str, row_class: type[T]) -> Any:
    """
    Declare a field that is a tuple of ``row_class``, from a JSON list.

    An absent list is an empty tuple. What is there is essential: the payload cannot be used when it is not a
    list, when one of its rows cannot be used, or without the object it stands in.
    """
    metadata = {WIRE_PATH: tuple(path.split(".")), WIRE_ROWS: row_class, WIRE_ESSENTIAL: True}
    return attrs.field(default=(), metadata=metadata)


@attrs.frozen(kw_only=True)
class Event:
    """
    Something the exchange told about the account. Base of every event class; ``on(Event)`` takes them all.

    Attributes:
        event_time_ms: When the exchange sent it (``E``); milliseconds since the Unix epoch by the exchange's
            clock. None on what was read by REST.
        transaction_time_ms: When the matching engine did it (``T``), same unit; None where the exchange sends
            none.
        origin: ``"stream"``, or ``"rest"`` for what was recovered.
        late: Whether a fill of the same symbol with a higher trade id was delivered before this one.
        raw: The payload as it came (unwrapped, the listen key masked) or the REST row, so that a field added
            by Binance is never lost. Read-only by convention; no part of equality, hash or repr.
    """

    #: Binance's name of the event, the value of ``e``.
    wire_name: ClassVar[str] = ""

    event_time_ms: Optional[int] = wire("E", integer)
    transaction_time_ms: Optional[int] = wire("T", integer)
    origin: str = FROM_STREAM
    late: bool = False
    raw: Mapping[str, Any] = attrs.field(factory=dict, eq=False, repr=False)

    def _repr_html_(self) -> str:
        marks = {"read back by REST": self.origin == FROM_REST, "late": self.late}
        return record(self, beside=[badge(mark) for mark, holds in marks.items() if holds])


@attrs.frozen(kw_only=True)
class UnknownEvent(Event):
    """
    An event of a name this version does not know; everything it said is in ``raw``.

    Attributes:
        name: Binance's name of the event (``e``).
    """

    name: str = wire("e", text, essential=True)


@attrs.frozen(kw_only=True)
class Row:
    """
    Something the exchange answered when it was asked by REST. Base of every row class.

    Attributes:
        raw: The row as it came. Read-only by convention; no part of equality, hash or repr.
    """

    raw: Mapping[str, Any] = attrs.field(factory=dict, eq=False, repr=False)
