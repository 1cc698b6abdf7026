"""
The source of the quick way: of a function that reads JSON objects of one shape, with the same keys in the same order
and values of the same types.

What it takes for granted it checks first, in what it costs least: types by identity, a key that stands twice by the
quotes of the text, of which each key and each text has two.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, Iterator, List, Sequence, Tuple

import attrs

from ...events.base import (
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
from .strict import KEY_NAME

#: Whole numbers up to here are read alike by every JSON reader.
LARGEST = 2**63 - 1

#: How a value of a type is told from all others, for the types that every JSON reader reads alike; a value of any other
#: type is left to the strict way.
_TELLS: Dict[type, str] = {
    str: "{0}.__class__ is str",
    int: "{0}.__class__ is int",
    bool: "{0}.__class__ is bool",
    type(None): "{0} is None",
}

#: The source of what a conversion makes of a value of a type, where that can be said shorter than by calling it.
_SHORT_WAYS: Dict[Tuple[Callable[[Any], Any], type], str] = {
    (decimal, str): "amounts[{0}]",
    (integer, int): "{0}",
    (text, str): "{0}",
    (label, str): "{0} or odd()",
    (flag, bool): "{0}",
}

_Path = Tuple[str, ...]


class Odd(Exception):
    """This object, or its shape, is not a usual one."""


class ReaderSource:
    """
    Writes ``read(body, quotes)``, or ``read(body, add)`` for a row.

    The former returns the event that an object with so many quotes tells, the latter adds the row to others and returns
    how many quotes the object holds. Both return None for an object with the same keys and values of other types, and
    call ``odd`` where the strict way has to be taken. The source names ``amounts``, ``odd``, ``new``, ``twin``,
    ``frozen``, and of each field ``default_*``, ``read_*``, ``*_row``.

    Args:
        of: The class of what is made.
        body: An object of the shape.
        parents: The keys of the objects in it that hold fields.
        is_bounded: Whether whatever read it makes no whole number beyond ``LARGEST``.

    Raises:
        Odd: The shape has no quick way.
    """

    def __init__(self, of: Any, body: Dict[str, Any], parents: Sequence[str], *, is_bounded: bool) -> None:
        self._of = of
        self._is_event = issubclass(of, Event)
        self._is_bounded = is_bounded
        self._names: Dict[_Path, str] = {(): "body"}
        self._values: Dict[_Path, Any] = {(): body}
        #: What holds values, and is none itself.
        self._objects: List[_Path] = [(), *((parent,) for parent in parents if body.get(parent) is not None)]
        self._unpacking = list(self._unpacked())
        self._rows: Dict[str, _Path] = {}
        self._made = {field.name: self._value(field) for field in attrs.fields(of)}
        self._plain = {
            path: value
            for path, value in self._values.items()
            if path not in self._objects and path not in self._rows.values()
        }
        if any(type(value) not in _TELLS or path[-1] == KEY_NAME for path, value in self._plain.items()):
            raise Odd

    def __str__(self) -> str:
        quotes = 2 * (len(self._values) - 1 + sum(type(value) is str for value in self._plain.values()))
        counting = [f"    if quotes != {quotes}:", "        odd()"] if self._is_event else []
        giving = ["    return made"] if self._is_event else ["    add(made)", f"    return {quotes}"]
        lines = [
            f"def read(body, {'quotes' if self._is_event else 'add'}):",
            *self._unpacking,
            *self._checks(),
            *self._row_lines(),
            *counting,
            "    made = new(twin)",
            *(f"    made.{name} = {value}" for name, value in self._made.items()),
            "    made.__class__ = frozen",
            *giving,
        ]
        return "\n".join([*lines, ""])

    def _unpacked(self) -> Iterator[str]:
        for path in self._objects:
            inside = {(*path, key): value for key, value in self._values[path].items()}
            if inside:
                self._values.update(inside)
                self._names.update((one, f"v{number}") for number, one in enumerate(inside, len(self._names)))
                yield f"    {', '.join(self._names[one] for one in inside)}, = {self._names[path]}.values()"

    def _value(self, field: Any) -> str:
        """Return the source of what a field becomes."""
        path = field.metadata.get(WIRE_PATH)
        if path is None:
            return "body" if field.name == "raw" else f"default_{field.name}"
        value = self._values.get(path)
        if WIRE_ROWS in field.metadata:
            return self._row_value(field, path, value)
        if value is None:
            if field.metadata[WIRE_ESSENTIAL]:
                raise Odd
            return "None"
        way = _SHORT_WAYS.get((field.metadata[WIRE_CONVERT], type(value)), f"read_{field.name}({{0}})")
        return way.format(self._names[path])

    def _row_value(self, field: Any, path: _Path, value: Any) -> str:
        if value is None:
            if not self._values.get(path[:-1]):
                raise Odd
            return "()"
        if type(value) is not list:
            raise Odd
        self._rows[field.name] = path
        return f"tuple(rows_{field.name})"

    def _checks(self) -> Iterator[str]:
        tells = [_TELLS[type(value)].format(self._names[path]) for path, value in self._plain.items()]
        tells += [f"{self._names[path]}.__class__ is list" for path in self._rows.values()]
        # Any other is known by its values, which are taken out of it.
        tells += [f"{self._names[path]}.__class__ is dict" for path in self._objects if not self._values[path]]
        yield f"    if not ({' and '.join(tells)}):\n        return None"
        whole = [self._names[path] for path, value in self._plain.items() if type(value) is int]
        if whole and not self._is_bounded:
            bounds = " and ".join(f"-{LARGEST} <= {name} <= {LARGEST}" for name in whole)
            yield f"    if not ({bounds}):\n        odd()"

    def _row_lines(self) -> Iterator[str]:
        for name, path in self._rows.items():
            yield f"    rows_{name} = []"
            yield f"    for row in {self._names[path]}:"
            yield f"        quotes -= {name}_row(row, rows_{name}.append)"
