"""
The form of a journal: JSON lines, each numbered, dated and summed, and what stands in the first of them. Pure.

A line is a fact, under the name of its kind, with these beside it::

    {"n":7,"turn":12,"now":[1830,16,9],"at_ms":1760000000123,"read":{"socket":1,...},"sum":"0c1d2e3f"}

``n`` counts the lines of the journal. ``turn`` is the turn of the stream's loop in which it happened. ``now`` are the
readings of the clocks since the line before, in microseconds: each is the difference to the reading before it, one
number where all clocks went on by the same, else ``[monotonic, boot, wall]``; the first of a run counts from 0.
``at_ms`` repeats the last of them for people, as milliseconds since the Unix epoch by this machine's clock. ``sum`` is
the CRC-32 of the line before it.

The kinds: ``journal`` and ``part`` (first line of a file), ``run`` (a start), ``rest``, ``opened``, ``sent``, ``read``,
``closed``, ``saved`` (the cursor), ``unsigned`` (the caller's own signing failed), ``stop``, ``rotate``, ``broke``,
``time`` (nothing but readings), ``end``.
"""

from __future__ import annotations

import json
import zlib
from decimal import Decimal
from typing import Any, Dict, List, Mapping, Optional, Tuple, Type, Union

import attrs

from .. import errors, markets
from ..errors import UserDataStreamError
from ..instants import Instant
from ..markets import Endpoint, Market, Wallet
from ..protocol.timings import Timings

#: Of the form. A journal of another version is not guessed at.
VERSION = 1

Line = Dict[str, Any]

#: A reading of the clocks in microseconds: monotonic, boot-time where there is one, wall.
Reading = Tuple[int, Optional[int], int]

#: How a reading stands in a line.
Step = Union[int, List[Optional[int]]]

_SUM = b',"sum":"'

#: Behind this name stands a number with a fraction, exactly as it came.
_DECIMAL = "$decimal"


class Malformed(Exception):
    """A line is none of a journal; says why, in plain words."""


# Lines


def written(line: Line) -> bytes:
    """Return a line as it stands in the file, its end included."""
    content = _JSON.encode(line)[:-1].encode("ascii")
    return content + b'%s%08x"}\n' % (_SUM, zlib.crc32(content))


def parsed(text: bytes) -> Line:
    """
    Return the line that stands in a file, without its end.

    Raises:
        Malformed: It is none, or was changed.
    """
    content, found, tail = text.rpartition(_SUM)
    if not found:
        raise Malformed("it is no line of a journal")
    if tail != b'%08x"}' % zlib.crc32(content):
        raise Malformed("it was changed or cut")
    try:
        line = json.loads(content + b"}", object_hook=_restored)
    except (ValueError, ArithmeticError, RecursionError):
        line = None
    if not isinstance(line, dict) or not isinstance(line.get("n"), int):
        raise Malformed("it is no line of a journal")
    return line


def _plain(value: object) -> Any:
    if isinstance(value, Decimal):
        return {_DECIMAL: str(value)}
    raise TypeError(type(value).__name__)


#: Made once: the function of the module makes one for each line.
_JSON = json.JSONEncoder(separators=(",", ":"), default=_plain)


def _restored(found: Dict[str, Any]) -> Any:
    return Decimal(found[_DECIMAL]) if found.keys() == {_DECIMAL} else found


# Frames and times


def frame_text(frame: bytes) -> str:
    """Return a frame as text; bytes that are none become lone surrogates."""
    return frame.decode(errors="surrogateescape")


def frame_bytes(text: str) -> bytes:
    """Return the frame that a text was made of."""
    return text.encode(errors="surrogateescape")


def instant(reading: Reading) -> Instant:
    """Return a reading as the moment that a run goes by."""
    monotonic, boot, wall = reading
    return Instant(monotonic / 1e6, None if boot is None else boot / 1e6, wall / 1e6)


def step(before: Reading, after: Reading) -> Step:
    """Return how a reading is written behind another."""
    by, boot_by = after[0] - before[0], None if after[1] is None else after[1] - (before[1] or 0)
    wall_by = after[2] - before[2]
    return by if boot_by in (by, None) and wall_by == by and before[0] else [by, boot_by, wall_by]


def stepped(before: Reading, by: Step) -> Reading:
    """Return the reading that was written behind another."""
    if isinstance(by, int):
        return before[0] + by, None if before[1] is None else before[1] + by, before[2] + by
    monotonic, boot, wall = by
    assert monotonic is not None
    assert wall is not None
    return before[0] + monotonic, None if boot is None else (before[1] or 0) + boot, before[2] + wall


# What a header says


def market_written(market: Market) -> Line:
    """Return a market's row as data."""
    row = attrs.asdict(market, recurse=False)
    row["reads"] = [{**attrs.asdict(each), "row_class": _class_name(each.row_class)} for each in market.reads]
    row["event_classes"] = [_class_name(each) for each in market.event_classes]
    row["wallet"] = attrs.asdict(market.wallet)
    return row


def market_read(row: Mapping[str, Any]) -> Market:
    """
    Return the market that a row of data is.

    Raises:
        KeyError, TypeError, ValueError, UserDataStreamError: It is none, or one with classes of somebody else.
    """
    ours = [each for each in vars(markets).values() if isinstance(each, Market)]
    known = {_class_name(each): each for one in ours for each in one.event_classes}
    known_rows = {_class_name(each.row_class): each.row_class for one in ours for each in one.reads}
    values: Dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in row.items()}
    values["reads"] = tuple(Endpoint(**{**each, "row_class": known_rows[each["row_class"]]}) for each in row["reads"])
    values["event_classes"] = tuple(known[name] for name in row["event_classes"])
    values["wallet"] = Wallet(**row["wallet"])
    return Market(**values)


def _class_name(of: type) -> str:
    """Return the name of a class and of its module, for a name may stand for something in every market family."""
    return f"{of.__module__.rpartition('.')[2]}.{of.__name__}"


def timings_written(timings: Timings) -> Line:
    """Return the timings as data."""
    return attrs.asdict(timings)


def timings_read(row: Mapping[str, Any]) -> Timings:
    """
    Return the timings that a row of data is; those that it does not name are the usual ones.

    Raises:
        TypeError, UserDataStreamError: It is none.
    """
    return Timings(**row)


# Errors


def error_written(error: BaseException) -> Line:
    """Return an exception as data; of one that is not of this package only the name of its class."""
    known = isinstance(error, UserDataStreamError) and getattr(errors, type(error).__name__, None) is type(error)
    return {"class": type(error).__name__, "args": list(error.args) if known else []}


def error_read(row: Mapping[str, Any]) -> Exception:
    """
    Return the exception that a row of data is; of a class that is not of this package, one of the same name.

    Raises:
        KeyError, TypeError: It is none.
    """
    name = str(row["class"])
    found: Optional[Type[Exception]] = getattr(errors, name, None)
    if found is None or not issubclass(found, UserDataStreamError):
        found = type(name, (Exception,), {})
    return found(*row.get("args", ()))
