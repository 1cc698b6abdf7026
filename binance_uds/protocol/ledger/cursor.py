"""
Where a run ended, so that the next one can begin there: a value that fits into a file or a row of a database.

A restart is a gap like any other, only longer: what came before its beginning was delivered, what came since and was
delivered is known by its identity, and the rest is in REST. So a cursor holds what a repair needs to know of the time
before: the identities, so that nothing is delivered twice; the highest trade ids, so that ``late`` stays true; and what
was counted of orders and positions, so that the sums of the exchange prove that nothing is missing.

Its text is JSON, without any secret: some 300 bytes, 20 for each fill since ``since_ms``, 65 for each order of that
time and 100 for each that is still open, 130 for each position. An audit moves ``since_ms``, so that it stays minutes
behind, 7 at most while all is well.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any, Dict, FrozenSet, List, Mapping, Optional

import attrs

from ...errors import ConfigurationError
from ..identity import FillId
from .books import Books
from .counts import Counts
from .json_shapes import Malformed, id_of, label, list_of, object_of, whole

#: Of the text's form. A text of another version is not guessed at.
VERSION = 1

#: What a person can do about a cursor that is of no use.
ADVICE = (
    "To go on without it, leave the cursor out, or move its file away and keep it: the stream then begins now, and "
    "what happened since the former run is not delivered"
)


def _number_of(things: Any) -> str:
    return str(len(things))


@attrs.frozen(kw_only=True)
class Cursor:
    """
    Where a run of a stream ended; ``UserDataStream(cursor=...)`` begins there.

    Two things can be done with it: keep ``to_text()`` and give it back, or compare it. It stands for what was handed to
    the callbacks and queues, not for what became of it there: see ``UserDataStream.cursor``.

    Attributes:
        market: The name of the market it belongs to.
        since_ms: Every event of before this moment of the exchange's clock was delivered.
        key_tag: Six hex digits of the SHA-256 of the API key it was made with. None: it is taken with any key; so
            ``attrs.evolve(cursor, key_tag=None)`` is for the day on which an account gets another key.
        fills: Symbol, order id and trade id of each fill since then that was delivered.
        newest_ms: No fill among them is younger than this.
        highest: By symbol, the highest trade id that was ever delivered.
        counts: What was counted; None when nothing was, by a stream without a secret.
    """

    market: str
    since_ms: int
    key_tag: Optional[str] = None
    fills: FrozenSet[FillId] = attrs.field(default=frozenset(), repr=_number_of)
    newest_ms: int = 0
    highest: Mapping[str, int] = attrs.field(factory=dict, repr=_number_of)
    counts: Optional[Counts] = attrs.field(default=None, repr=False)

    def to_text(self) -> str:
        """Return it as JSON on one line, in ASCII."""
        content = _compact(_written(self))
        return _compact({"binance_uds_cursor": VERSION, "sum": _sum(content)})[:-1] + f',"of":{content}}}'

    @classmethod
    def from_text(cls, text: str) -> Cursor:
        """
        Return the cursor that a text of ``to_text()`` is.

        Raises:
            ConfigurationError: It is no such text, or was changed or cut; the message says what to do.
        """
        try:
            return _read(_content(text))
        except (ValueError, TypeError, KeyError, ArithmeticError, RecursionError) as error:
            # Its own words, and no more: what a file holds that is no cursor is not ours to repeat.
            reason = str(error) if type(error) is Malformed else "it is no JSON of the right form"
        raise ConfigurationError(f"this is no cursor that can be used: {reason}. {ADVICE}")

    def check_fits(self, market: str, key_tag: str) -> None:
        """
        Check that it belongs to a market and an API key.

        Raises:
            ConfigurationError: It does not; the message says what to do.
        """
        mine, others = (self.market, self.key_tag or key_tag), (market, key_tag)
        if mine[:1] != others[:1]:
            raise ConfigurationError(f"the cursor is one of market {mine[0]}, the stream's is {others[0]}. {ADVICE}")
        if mine != others:
            raise ConfigurationError(
                f"the cursor was made with API key {mine[1]}, and the stream's is {others[1]} (six hex digits of "
                "their SHA-256). If both are of one account, pass attrs.evolve(cursor, key_tag=None). Otherwise: "
                f"{ADVICE}"
            )

    def books(self) -> Books:
        """Return the books as they stood; they grow by themselves."""
        books = Books()
        for identified in self.fills:
            # Not one of them is younger than that, so each is kept for long enough.
            books.delivered.add_fill(identified, max(self.newest_ms, self.since_ms))
        books.delivered.forget_before(self.since_ms)
        if self.counts is not None:
            self.counts.enter(books)
        return books


# To text


def _compact(document: Any) -> str:
    return json.dumps(document, separators=(",", ":"))


def _sum(content: str) -> str:
    return hashlib.sha256(content.encode()).hexdigest()[:16]


def _written(cursor: Cursor) -> Dict[str, Any]:
    fills: Dict[str, Dict[int, List[int]]] = {}
    for symbol, order_id, trade_id in sorted(cursor.fills):
        fills.setdefault(symbol, {}).setdefault(order_id, []).append(trade_id)
    document: Dict[str, Any] = {
        "market": cursor.market,
        "key_tag": cursor.key_tag,
        "since_ms": cursor.since_ms,
        "newest_ms": cursor.newest_ms,
        "fills": fills,
        "highest": dict(sorted(cursor.highest.items())),
    }
    if cursor.counts is not None:
        document["counts"] = cursor.counts.written()
    return document


# From text


def _content(text: object) -> Dict[str, Any]:
    """Return what a text holds, if it is whole."""
    if not isinstance(text, str):
        raise Malformed(f"it is of type {type(text).__name__}, not text")
    if not text.strip():
        raise Malformed("it is empty")
    document = object_of(json.loads(text))
    if "binance_uds_cursor" not in document:
        raise Malformed("it is some other JSON")
    if document["binance_uds_cursor"] != VERSION:
        raise Malformed(f"it is of a form that this version does not know; it knows version {VERSION}")
    content = object_of(document["of"])
    if _sum(_compact(content)) != document["sum"]:
        raise Malformed("it was changed since it was made")
    return content


def _read(content: Dict[str, Any]) -> Cursor:
    key_tag, counts = content["key_tag"], content.get("counts")
    return Cursor(
        market=label(content["market"]),
        since_ms=whole(content["since_ms"]),
        key_tag=None if key_tag is None else label(key_tag),
        fills=frozenset(
            (symbol, id_of(order_id), whole(trade_id))
            for symbol, orders in object_of(content["fills"]).items()
            for order_id, trade_ids in object_of(orders).items()
            for trade_id in list_of(trade_ids)
        ),
        newest_ms=whole(content["newest_ms"]),
        highest={symbol: whole(trade_id) for symbol, trade_id in object_of(content["highest"]).items()},
        counts=None if counts is None else Counts.read(counts),
    )
