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
from decimal import Decimal
from typing import Any, Callable, Dict, FrozenSet, List, Mapping, Optional, Tuple, TypeVar

import attrs

from ...errors import ConfigurationError
from ..identity import FillId
from .books import Books, OpenAlgo
from .chains import Claim, OrderChain, OrderKey, PositionChain, PositionKey

#: Of the text's form. A text of another version is not guessed at.
VERSION = 1

#: What a person can do about a cursor that is of no use.
ADVICE = (
    "To go on without it, leave the cursor out, or move its file away and keep it: the stream then begins now, and "
    "what happened since the former run is not delivered"
)

_LARGEST = 2**63 - 1
_MOST_DIGITS = 100

K = TypeVar("K")
V = TypeVar("V")


@attrs.frozen(kw_only=True)
class Counts:
    """
    What was counted of an account, as far as it may still change or is younger than the cursor's beginning.

    Attributes:
        grounded_ms: What is unknown since this moment of the exchange's clock was new.
        orders: Chains by symbol and order id; never changed.
        positions: Chains by symbol and position side; never changed.
        algo_orders: Conditional orders that stood open, by algo id.
        balances: Time and wallet balance of each asset, as last told.
    """

    grounded_ms: int
    orders: Mapping[OrderKey, OrderChain] = attrs.field(factory=dict)
    positions: Mapping[PositionKey, PositionChain] = attrs.field(factory=dict)
    algo_orders: Mapping[int, OpenAlgo] = attrs.field(factory=dict)
    balances: Mapping[str, Tuple[int, Decimal]] = attrs.field(factory=dict)


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
            reason = str(error) if type(error) is _Malformed else "it is no JSON of the right form"
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
        counts = self.counts
        if counts is not None:
            books.chains.grounded_ms = counts.grounded_ms
            books.chains.orders.update((key, chain.copy()) for key, chain in counts.orders.items())
            books.chains.positions.update((key, chain.copy()) for key, chain in counts.positions.items())
            books.algo_orders.update(counts.algo_orders)
            books.balances.update(counts.balances)
        return books


class _Malformed(ValueError):
    """A text is no cursor; says why."""


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
        counts = cursor.counts
        document["counts"] = {
            "grounded_ms": counts.grounded_ms,
            "orders": _nested(counts.orders, _order_written),
            "positions": _nested(counts.positions, _position_written),
            "algo_orders": {
                key: [row.symbol, row.status, row.time_ms] for key, row in sorted(counts.algo_orders.items())
            },
            "balances": {asset: _dated_written(row) for asset, row in sorted(counts.balances.items())},
        }
    return document


def _nested(rows: Mapping[Tuple[str, Any], V], written: Callable[[V], Any]) -> Dict[str, Dict[Any, Any]]:
    """Write rows by symbol, then by the rest of their key."""
    document: Dict[str, Dict[Any, Any]] = {}
    for (symbol, rest), row in sorted(rows.items(), key=lambda item: item[0]):
        document.setdefault(symbol, {})[rest] = written(row)
    return document


def _order_written(chain: OrderChain) -> Dict[str, Any]:
    """Write what is not as it usually is: all fills told by the stream, none missing, the order over."""
    document: Dict[str, Any] = {"counted": str(chain.counted), "touched_ms": chain.touched_ms}
    if chain.base or chain.base_ms:
        document["base"] = [str(chain.base), chain.base_ms]
    if chain.claimed != chain.counted:
        document["claimed"] = str(chain.claimed)
    if chain.good_ms != chain.touched_ms:
        document["good_ms"] = chain.good_ms
    if chain.is_open:
        document["open"] = None if chain.terms is None else [_optional(term) for term in chain.terms]
    if chain.is_lost:
        document["lost"] = True
    return document


def _position_written(chain: PositionChain) -> Dict[str, Any]:
    document: Dict[str, Any] = {"base": [str(chain.base), chain.base_ms]}
    if chain.is_whole:
        document["is_whole"] = True
    if chain.since_ms != chain.base_ms + chain.is_whole:
        document["since_ms"] = chain.since_ms
    if chain.told != chain.base:
        document["told"] = str(chain.told)
    if chain.fills:
        document["fills"] = [_dated_written(fill) for fill in chain.fills]
    if chain.claims:
        document["claims"] = [[at_ms, str(amount), is_whole] for at_ms, amount, is_whole in chain.claims]
    return document


def _dated_written(row: Tuple[int, Decimal]) -> List[Any]:
    return [row[0], str(row[1])]


def _optional(amount: Optional[Decimal]) -> Optional[str]:
    return None if amount is None else str(amount)


# From text


def _content(text: object) -> Dict[str, Any]:
    """Return what a text holds, if it is whole."""
    if not isinstance(text, str):
        raise _Malformed(f"it is of type {type(text).__name__}, not text")
    if not text.strip():
        raise _Malformed("it is empty")
    document = _object(json.loads(text))
    if "binance_uds_cursor" not in document:
        raise _Malformed("it is some other JSON")
    if document["binance_uds_cursor"] != VERSION:
        raise _Malformed(f"it is of a form that this version does not know; it knows version {VERSION}")
    content = _object(document["of"])
    if _sum(_compact(content)) != document["sum"]:
        raise _Malformed("it was changed since it was made")
    return content


def _read(content: Dict[str, Any]) -> Cursor:
    key_tag, counts = content["key_tag"], content.get("counts")
    return Cursor(
        market=_label(content["market"]),
        since_ms=_whole(content["since_ms"]),
        key_tag=None if key_tag is None else _label(key_tag),
        fills=frozenset(
            (symbol, _id(order_id), _whole(trade_id))
            for symbol, orders in _object(content["fills"]).items()
            for order_id, trade_ids in _object(orders).items()
            for trade_id in _list(trade_ids)
        ),
        newest_ms=_whole(content["newest_ms"]),
        highest={symbol: _whole(trade_id) for symbol, trade_id in _object(content["highest"]).items()},
        counts=None if counts is None else _counts_read(_object(counts)),
    )


def _counts_read(content: Dict[str, Any]) -> Counts:
    algo_orders = {}
    for algo_id, row in _object(content["algo_orders"]).items():
        symbol, status, time_ms = _list(row)
        algo_orders[_id(algo_id)] = OpenAlgo(
            _label(symbol), None if status is None else _label(status), _whole(time_ms)
        )
    return Counts(
        grounded_ms=_whole(content["grounded_ms"]),
        orders=_flat(content["orders"], _id, _order_read),
        positions=_flat(content["positions"], _label, _position_read),
        algo_orders=algo_orders,
        balances={asset: _dated(row) for asset, row in _object(content["balances"]).items()},
    )


def _flat(document: object, key_read: Callable[[str], K], row_read: Callable[[object], V]) -> Dict[Tuple[str, K], V]:
    return {
        (symbol, key_read(rest)): row_read(row)
        for symbol, rows in _object(document).items()
        for rest, row in _object(rows).items()
    }


def _order_read(written: object) -> OrderChain:
    row = _object(written)
    counted, touched_ms = _amount(row["counted"]), _whole(row["touched_ms"])
    base, base_ms = _list(row["base"]) if "base" in row else ("0", 0)
    terms = row.get("open")
    return OrderChain(
        base=_amount(base),
        base_ms=_whole(base_ms),
        counted=counted,
        claimed=_amount(row["claimed"]) if "claimed" in row else counted,
        good_ms=_whole(row["good_ms"]) if "good_ms" in row else touched_ms,
        touched_ms=touched_ms,
        is_open="open" in row,
        terms=None if terms is None else _terms_read(*_list(terms)),
        is_lost=row.get("lost") is True,
    )


def _terms_read(quantity: object, price: object) -> Tuple[Optional[Decimal], Optional[Decimal]]:
    return (None if quantity is None else _amount(quantity), None if price is None else _amount(price))


def _position_read(written: object) -> PositionChain:
    row = _object(written)
    base, base_ms = _list(row["base"])
    chain = PositionChain(
        base=_amount(base),
        base_ms=_whole(base_ms),
        is_whole=row.get("is_whole") is True,
        fills=[_dated(fill) for fill in _list(row.get("fills", []))],
        claims=[_claim(claim) for claim in _list(row.get("claims", []))],
    )
    if "since_ms" in row:
        chain.since_ms = _whole(row["since_ms"])
    if "told" in row:
        chain.told = _amount(row["told"])
    for claim in chain.claims[:1]:
        # Not settled: in the midst of a harvest some fills alone may agree by chance.
        chain.missing = claim.amount - chain.expected(claim.at_ms)
    return chain


def _claim(row: object) -> Claim:
    at_ms, amount, is_whole = _list(row)
    return Claim(_whole(at_ms), _amount(amount), is_whole is True)


def _dated(row: object) -> Tuple[int, Decimal]:
    time_ms, amount = _list(row)
    return _whole(time_ms), _amount(amount)


def _object(value: object) -> Dict[str, Any]:
    if not isinstance(value, dict):
        raise _Malformed("an object is missing in it")
    return value


def _list(value: object) -> List[Any]:
    if not isinstance(value, list):
        raise _Malformed("a list is missing in it")
    return value


def _whole(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= _LARGEST:
        raise _Malformed("a whole number is missing in it")
    return value


def _id(text: str) -> int:
    return _whole(int(text))


def _label(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise _Malformed("a word is missing in it")
    return value


def _amount(value: object) -> Decimal:
    amount = Decimal(value) if isinstance(value, str) else None
    if amount is None or not amount.is_finite() or abs(amount.adjusted()) > _MOST_DIGITS:
        raise _Malformed("an amount is missing in it")
    return amount
