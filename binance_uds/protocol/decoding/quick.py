"""
The usual frame, read quickly: decoders that are generated from the declarations of the fields.

The strict way goes field by field, and decides what a frame means. But nearly every frame is of one of a few shapes:
the same keys in the same order, with values of the same types. For each shape that is met a function is generated
(``source.py`` writes it) that takes the values as they stand, and costs a fraction of the strict way. Whatever a shape
does not settle (a fraction, a key twice, an amount that is none, an escape, a listen key) is left to the strict way, so
both always say the same.

A key that stands twice is in the text and not in what was read of it, so the quotes of the text are counted: each key
and each text has two.

``orjson`` reads the JSON where it is installed (extra ``speed``), the standard library where it is not.
"""

from __future__ import annotations

import json
import re
from decimal import Decimal
from typing import Any, Callable, Dict, Iterable, NoReturn, Optional, Sequence, Tuple, Type

import attrs

from ...credentials import Secret
from ...events.base import WIRE_CONVERT, WIRE_PATH, WIRE_ROWS, Event
from ...makers import twin_of
from .source import Odd, ReaderSource

try:
    import orjson
except ImportError:
    orjson = None  # type: ignore[assignment]

#: Shapes that are learnt of one class. The exchange sends a handful; beyond that the strict way is quick enough.
_MOST_SHAPES = 64

#: Amounts that are remembered as they were written: the same quantities and prices come again and again.
_MOST_AMOUNTS = 4096

#: The byte that announces an escape.
_BACKSLASH = ord("\\")

#: Of ``stream``, its value, and ``data``.
_QUOTES_OF_WRAPPER = 6

_PLAIN_AMOUNT = re.compile(r"-?\d{1,32}(?:\.\d{1,32})?(?:E-?\d{1,2})?", re.ASCII).fullmatch

#: Reads an object, with the quotes it should hold or with what takes a row; None when it is of another shape.
_Reader = Callable[[Any, Any], Any]


def _odd() -> NoReturn:
    raise Odd


class _Amounts(Dict[str, Decimal]):
    """Amounts by the text they were written as."""

    def __missing__(self, written: str) -> Decimal:
        if _PLAIN_AMOUNT(written) is None:
            raise Odd
        if len(self) >= _MOST_AMOUNTS:
            self.clear()
        amount = self[written] = Decimal(written)
        return amount


def json_reader(*, fast: bool = True) -> Callable[[bytes], Any]:
    """Return what reads the JSON of a frame, or raises ``ValueError``; ``fast`` if ``orjson`` may do it."""
    if fast and orjson is not None:
        return orjson.loads
    scan: Callable[[str, int], Tuple[Any, int]] = json.JSONDecoder().scan_once  # type: ignore[attr-defined]

    def read(frame: bytes) -> Any:
        source = str(frame, "utf-8")
        try:
            document, end = scan(source, 0)
        except StopIteration:
            raise ValueError("not JSON") from None
        if end != len(source):
            raise ValueError("more than JSON")
        return document

    return read


class QuickDecoder:
    """
    Reads the usual frames of some event classes.

    Args:
        event_classes: The classes, found by their ``wire_name``.
        read_json: What ``json_reader`` returned.
    """

    def __init__(
        self, event_classes: Sequence[Type[Event]], read_json: Optional[Callable[[bytes], Any]] = None
    ) -> None:
        self._read_json = json_reader() if read_json is None else read_json
        # It refuses what 64 bits do not hold, and then nothing is a whole number that was too large for it.
        is_bounded = orjson is not None and self._read_json is orjson.loads
        self._keys: Tuple[Tuple[str, bytes], ...] = ()
        amounts = _Amounts()
        self._shapes = {of.wire_name: _Shapes(of, amounts, is_bounded=is_bounded) for of in event_classes}

    def know(self, keys: Iterable[Secret]) -> None:
        """From now on these are the listen keys; a frame that names one, other than in its wrapper, is not usual."""
        self._keys = tuple((key.reveal(), key.reveal().encode(errors="surrogatepass")) for key in keys)

    def event(self, frame: bytes) -> Optional[Event]:
        """
        Return the event of a usual frame; None when the strict way has to be taken.

        Args:
            frame: The payload of a whole message.
        """
        if _BACKSLASH in frame:
            # Anything may stand behind an escape.
            return None
        try:
            document = self._read_json(frame)
            if "e" in document:
                body, stream, quotes = document, "", frame.count(b'"')
            else:
                body, stream = document["data"], document["stream"]
                if len(document) != 2 or type(stream) is not str:
                    return None
                quotes = frame.count(b'"') - _QUOTES_OF_WRAPPER
            for key, as_sent in self._keys:
                if frame.count(as_sent) > stream.count(key):
                    return None
            event: Event = self._shapes[body["e"]].event(body, quotes)
            return event
        except (Odd, ValueError, LookupError, TypeError, AttributeError, RecursionError):
            # Not what it was taken for, whatever it is: the strict way says so in words.
            return None


class _Shapes:
    """
    The shapes of one class that were met, each with a function of its own.

    Args:
        of: A class whose fields are declared by ``wire`` and ``rows``.
        amounts: What remembers amounts.
        is_bounded: As ``ReaderSource`` takes it.
    """

    def __init__(self, of: Any, amounts: _Amounts, *, is_bounded: bool) -> None:
        declared = [field.metadata for field in attrs.fields(of) if WIRE_PATH in field.metadata]
        rows = {field.name: field.metadata[WIRE_ROWS] for field in attrs.fields(of) if WIRE_ROWS in field.metadata}
        self._class = of
        self._is_bounded = is_bounded
        #: The keys of the objects in which some fields stand.
        self._parents = tuple(dict.fromkeys(one[WIRE_PATH][0] for one in declared if len(one[WIRE_PATH]) > 1))
        self._readers: Dict[Tuple[Any, ...], _Reader] = {}
        #: The reader that fitted last, by the keys alone: an object nearly always has values of the usual types.
        self._latest: Dict[Tuple[str, ...], _Reader] = {}
        self._names: Dict[str, Any] = {
            "amounts": amounts,
            "odd": _odd,
            "new": object.__new__,
            "twin": twin_of(of),
            "frozen": of,
            **{
                f"{name}_row": _Shapes(row_class, amounts, is_bounded=is_bounded).row
                for name, row_class in rows.items()
            },
            **{f"default_{field.name}": field.default for field in attrs.fields(of)},
            **{f"read_{field.name}": field.metadata.get(WIRE_CONVERT) for field in attrs.fields(of)},
        }

    def event(self, body: Dict[str, Any], quotes: int) -> Any:
        """Return the event of an object that holds so many quotes in all."""
        keys = [*body]
        for parent in self._parents:
            inner = body.get(parent)
            if inner is not None:
                keys += inner
        layout = tuple(keys)
        read = self._latest.get(layout)
        if read is not None:
            event = read(body, quotes)
            if event is not None:
                return event
        return self._reader(layout, body)(body, quotes)

    def row(self, body: Dict[str, Any], add: Callable[[Any], None]) -> int:
        """Add the row that an object tells, and return how many quotes the object holds."""
        layout = tuple(body)
        read = self._latest.get(layout)
        if read is not None:
            quotes: Optional[int] = read(body, add)
            if quotes is not None:
                return quotes
        held: int = self._reader(layout, body)(body, add)
        return held

    def _reader(self, layout: Tuple[str, ...], body: Dict[str, Any]) -> _Reader:
        """Return what reads this object, and others of its shape from now on."""
        parts = [body, *(body[parent] for parent in self._parents if body.get(parent) is not None)]
        of = (*layout, *(type(value) for part in parts for value in part.values()))
        read = self._readers.get(of)
        if read is None:
            read = self._readers[of] = self._learnt(body)
        if read is not _refuse:
            self._latest[layout] = read
        return read

    def _learnt(self, body: Dict[str, Any]) -> _Reader:
        if len(self._readers) >= _MOST_SHAPES:
            raise Odd
        try:
            source = str(ReaderSource(self._class, body, self._parents, is_bounded=self._is_bounded))
        except Odd:
            return _refuse
        names = self._names.copy()
        exec(compile(source, f"<usual {self._class.__name__}>", "exec"), names)
        read: _Reader = names["read"]
        return read


def _refuse(body: Any, _: object) -> NoReturn:
    raise Odd
