"""
The usual frame, read quickly: decoders that are generated from the declarations of the fields.

``decode.py`` is strict, field by field, and decides what a frame means. But nearly every frame is of one of a few
shapes: the same keys in the same order, with values of the same types. For each shape that is met a function is
generated that takes the values as they stand, and costs a fraction of the strict way. Whatever a shape does not settle
(a fraction, a key twice, an amount that is none, an escape, a listen key) is left to the strict way, so both always
say the same.

``orjson`` reads the JSON where it is installed (extra ``speed``), the standard library where it is not.
"""

from __future__ import annotations

import json
import re
from decimal import Decimal
from typing import Any, Callable, Dict, Iterable, List, NoReturn, Optional, Sequence, Tuple, Type

import attrs

from ..credentials import Secret
from ..events.base import (
    WIRE_CONVERT,
    WIRE_ESSENTIAL,
    WIRE_PATH,
    WIRE_ROWS,
    Event,
    decimal,
    flag,
    integer,
    label,
    text,
)
from ..makers import twin_of
from .decode import KEY_NAME

try:
    import orjson
except ImportError:
    orjson = None  # type: ignore[assignment]

#: Shapes that are learnt of one class. The exchange sends a handful; beyond that the strict way is quick enough.
_MOST_SHAPES = 64

#: Amounts that are remembered as they were written: the same quantities and prices come again and again.
_MOST_AMOUNTS = 4096

#: Whole numbers up to here are read alike by every JSON reader.
_LARGEST = 2**63 - 1

_PLAIN_AMOUNT = re.compile(r"-?\d{1,32}(?:\.\d{1,32})?(?:E-?\d{1,2})?", re.ASCII).fullmatch

#: The source of what a conversion makes of a value of a type, where that can be said shorter than by calling it.
_SHORT_WAYS: Dict[Tuple[Callable[[Any], Any], type], str] = {
    (decimal, str): "amounts[{0}]",
    (integer, int): "{0}",
    (text, str): "{0}",
    (label, str): "{0} or odd()",
    (flag, bool): "{0}",
}

#: Types that every JSON reader reads alike; a value of any other is left to the strict way.
_PLAIN_TYPES = frozenset({str, int, bool, type(None)})

_KEY_NAME = KEY_NAME.encode()


class _Odd(Exception):
    """This frame is not a usual one."""


def _odd() -> NoReturn:
    raise _Odd


class _Amounts(Dict[str, Decimal]):
    """Amounts by the text they were written as."""

    def __missing__(self, written: str) -> Decimal:
        if _PLAIN_AMOUNT(written) is None:
            raise _Odd
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
        self._keys: Tuple[Tuple[str, bytes], ...] = ()
        amounts = _Amounts()
        self._shapes = {of.wire_name: _Shapes(of, amounts) for of in event_classes}

    def know(self, keys: Iterable[Secret]) -> None:
        """From now on these are the listen keys; a frame that names one, other than in its wrapper, is not usual."""
        self._keys = tuple((key.reveal(), key.reveal().encode(errors="surrogatepass")) for key in keys)

    def event(self, frame: bytes) -> Optional[Event]:
        """
        Return the event of a usual frame; None when the strict way has to be taken.

        Args:
            frame: The payload of a whole message.
        """
        # Behind an escape anything may stand, and without one every key is followed by these two characters.
        if b"\\" in frame or _KEY_NAME in frame:
            return None
        keys = frame.count(b'":')
        try:
            document = self._read_json(frame)
            if "e" in document:
                body, stream = document, ""
            else:
                body, stream = document["data"], document["stream"]
                if len(document) != 2 or type(stream) is not str:
                    return None
                keys -= 2
            for key, as_sent in self._keys:
                if frame.count(as_sent) > stream.count(key):
                    return None
            event: Event = self._shapes[body["e"]].event(body, keys)
            return event
        except (_Odd, ValueError, LookupError, TypeError, AttributeError, RecursionError):
            # Not what it was taken for, whatever it is: the strict way says so in words.
            return None


class _Shapes:
    """
    The shapes of one class that were met, each with a function of its own.

    Args:
        of: A class whose fields are declared by ``wire`` and ``rows``.
        amounts: What remembers amounts.
    """

    def __init__(self, of: Any, amounts: _Amounts) -> None:
        declared = [field.metadata for field in attrs.fields(of) if WIRE_PATH in field.metadata]
        rows = {field.name: field.metadata[WIRE_ROWS] for field in attrs.fields(of) if WIRE_ROWS in field.metadata}
        self._class = of
        #: The keys of the objects in which some fields stand.
        self._parents = tuple(dict.fromkeys(one[WIRE_PATH][0] for one in declared if len(one[WIRE_PATH]) > 1))
        self._readers: Dict[Tuple[Any, ...], Callable[[Any, int], Any]] = {}
        self._names: Dict[str, Any] = {
            "amounts": amounts,
            "odd": _odd,
            "new": object.__new__,
            "twin": twin_of(of),
            "frozen": of,
            **{f"{name}_row": _Shapes(row_class, amounts).row for name, row_class in rows.items()},
            **{f"default_{field.name}": field.default for field in attrs.fields(of)},
            **{f"read_{field.name}": field.metadata.get(WIRE_CONVERT) for field in attrs.fields(of)},
        }

    def event(self, body: Dict[str, Any], keys: int) -> Any:
        """Return the event of an object that holds so many keys in all."""
        shape: List[Any] = [*body, *map(type, body.values())]
        for parent in self._parents:
            inner = body.get(parent)
            if inner is not None:
                shape += inner
                shape += map(type, inner.values())
        of = tuple(shape)
        read = self._readers.get(of)
        if read is None:
            read = self._learn(of, body)
        return read(body, keys)

    def row(self, body: Dict[str, Any]) -> Any:
        """Return a row."""
        of = (*body, *map(type, body.values()))
        read = self._readers.get(of)
        if read is None:
            read = self._learn(of, body)
        return read(body, len(body))

    def _learn(self, of: Tuple[Any, ...], body: Dict[str, Any]) -> Callable[[Any, int], Any]:
        if len(self._readers) >= _MOST_SHAPES:
            raise _Odd
        names = {**self._names, "read": _refuse}
        try:
            source = _source(self._class, body, self._parents)
        except _Odd:
            pass
        else:
            exec(compile(source, f"<usual {self._class.__name__}>", "exec"), names)
        read: Callable[[Any, int], Any] = names["read"]
        self._readers[of] = read
        return read


def _refuse(body: Dict[str, Any], keys: int) -> Any:
    raise _Odd


def _source(of: Any, body: Dict[str, Any], parents: Sequence[str]) -> str:
    """
    Return the source of a function that makes an object of a class of a JSON object of the same shape as this one.

    Raises:
        _Odd: The shape has no quick way.
    """
    names: Dict[Tuple[str, ...], str] = {(): "body"}
    values: Dict[Tuple[str, ...], Any] = {(): body}
    lines = ["def read(body, keys):"]
    for path in ((), *((parent,) for parent in parents if body.get(parent) is not None)):
        inside = {(*path, key): value for key, value in values[path].items()}
        if inside:
            values.update(inside)
            names.update((one, f"v{number}") for number, one in enumerate(inside, len(names)))
            lines.append(f"    {', '.join(names[one] for one in inside)}, = {names[path]}.values()")
    expected = str(len(values) - 1)
    made: List[str] = []
    structure = {(), *((parent,) for parent in parents)}
    for field in attrs.fields(of):
        path = field.metadata.get(WIRE_PATH)
        if path is None:
            made.append(f"    made.{field.name} = {'body' if field.name == 'raw' else f'default_{field.name}'}")
            continue
        if WIRE_ROWS in field.metadata:
            structure.add(path)
            made.append(f"    made.{field.name} = {_rows_source(field, path, names, values)}")
            if values.get(path) is not None:
                expected += f" + sum(map(len, {names[path]}))"
        else:
            made.append(f"    made.{field.name} = {_value_source(field, path, names, values)}")
    if not all(type(value) in _PLAIN_TYPES for path, value in values.items() if path not in structure):
        raise _Odd
    whole = [f"{-_LARGEST} <= {names[path]} <= {_LARGEST}" for path, value in values.items() if type(value) is int]
    lines.append(f"    if {' or '.join([f'keys != {expected}', *(f'not {one}' for one in whole)])}:")
    lines.append("        odd()")
    return "\n".join([*lines, "    made = new(twin)", *made, "    made.__class__ = frozen", "    return made", ""])


def _value_source(field: Any, path: Tuple[str, ...], names: Dict[Any, str], values: Dict[Any, Any]) -> str:
    value = values.get(path)
    if value is None:
        if field.metadata[WIRE_ESSENTIAL]:
            raise _Odd
        return "None"
    way = _SHORT_WAYS.get((field.metadata[WIRE_CONVERT], type(value)), f"read_{field.name}({{0}})")
    return way.format(names[path])


def _rows_source(field: Any, path: Tuple[str, ...], names: Dict[Any, str], values: Dict[Any, Any]) -> str:
    value = values.get(path)
    if value is None:
        if not values.get(path[:-1]):
            raise _Odd
        return "()"
    if type(value) is not list:
        raise _Odd
    return f"tuple(map({field.name}_row, {names[path]}))"
