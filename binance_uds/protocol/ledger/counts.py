"""What was counted of an account, as a value: the part of a cursor that lets the exchange's sums go on proving."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Callable, Dict, List, Mapping, Optional, Tuple, TypeVar

import attrs

from ..identity import OrderKey, PositionKey
from .books import Books, DatedAmount, OpenAlgo
from .chains import Claim, OrderChain, PositionChain
from .json_shapes import amount_of, id_of, label, list_of, object_of, whole

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
    balances: Mapping[str, DatedAmount] = attrs.field(factory=dict)

    def written(self) -> Dict[str, Any]:
        """Return it as JSON can hold it."""
        algo_orders = {key: [row.symbol, row.status, row.time_ms] for key, row in sorted(self.algo_orders.items())}
        return {
            "grounded_ms": self.grounded_ms,
            "orders": _nested(self.orders, _order_written),
            "positions": _nested(self.positions, _position_written),
            "algo_orders": algo_orders,
            "balances": {asset: _dated_written(row) for asset, row in sorted(self.balances.items())},
        }

    @classmethod
    def read(cls, document: object) -> Counts:
        """
        Return what ``written()`` made of counts.

        Raises:
            ValueError, TypeError, KeyError, ArithmeticError: It is nothing of that kind.
        """
        content = object_of(document)
        algo_orders = {}
        for algo_id, row in object_of(content["algo_orders"]).items():
            symbol, status, time_ms = list_of(row)
            algo_orders[id_of(algo_id)] = OpenAlgo(
                label(symbol), None if status is None else label(status), whole(time_ms)
            )
        return cls(
            grounded_ms=whole(content["grounded_ms"]),
            orders=_flat(content["orders"], id_of, _order_read),
            positions=_flat(content["positions"], label, _position_read),
            algo_orders=algo_orders,
            balances={asset: _dated(row) for asset, row in object_of(content["balances"]).items()},
        )

    def enter(self, books: Books) -> None:
        """Put it into books; what they make of it later is theirs alone."""
        books.chains.grounded_ms = self.grounded_ms
        books.chains.orders.update((key, chain.copy()) for key, chain in self.orders.items())
        books.chains.positions.update((key, chain.copy()) for key, chain in self.positions.items())
        books.algo_orders.update(self.algo_orders)
        books.balances.update(self.balances)


# Written


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


def _dated_written(row: DatedAmount) -> List[Any]:
    return [row[0], str(row[1])]


def _optional(amount: Optional[Decimal]) -> Optional[str]:
    return None if amount is None else str(amount)


# Read


def _flat(document: object, key_read: Callable[[str], K], row_read: Callable[[object], V]) -> Dict[Tuple[str, K], V]:
    return {
        (symbol, key_read(rest)): row_read(row)
        for symbol, rows in object_of(document).items()
        for rest, row in object_of(rows).items()
    }


def _order_read(written: object) -> OrderChain:
    row = object_of(written)
    counted, touched_ms = amount_of(row["counted"]), whole(row["touched_ms"])
    base, base_ms = list_of(row["base"]) if "base" in row else ("0", 0)
    terms = row.get("open")
    return OrderChain(
        base=amount_of(base),
        base_ms=whole(base_ms),
        counted=counted,
        claimed=amount_of(row["claimed"]) if "claimed" in row else counted,
        good_ms=whole(row["good_ms"]) if "good_ms" in row else touched_ms,
        touched_ms=touched_ms,
        is_open="open" in row,
        terms=None if terms is None else _terms_read(*list_of(terms)),
        is_lost=row.get("lost") is True,
    )


def _terms_read(quantity: object, price: object) -> Tuple[Optional[Decimal], Optional[Decimal]]:
    return (None if quantity is None else amount_of(quantity), None if price is None else amount_of(price))


def _position_read(written: object) -> PositionChain:
    row = object_of(written)
    base, base_ms = list_of(row["base"])
    chain = PositionChain(
        base=amount_of(base),
        base_ms=whole(base_ms),
        is_whole=row.get("is_whole") is True,
        fills=[_dated(fill) for fill in list_of(row.get("fills", []))],
        claims=[_claim(claim) for claim in list_of(row.get("claims", []))],
    )
    if "since_ms" in row:
        chain.since_ms = whole(row["since_ms"])
    if "told" in row:
        chain.told = amount_of(row["told"])
    for claim in chain.claims[:1]:
        # Not settled: in the midst of a harvest some fills alone may agree by chance.
        chain.missing = claim.amount - chain.expected(claim.at_ms)
    return chain


def _claim(row: object) -> Claim:
    at_ms, amount, is_whole = list_of(row)
    return Claim(whole(at_ms), amount_of(amount), is_whole is True)


def _dated(row: object) -> DatedAmount:
    time_ms, amount = list_of(row)
    return whole(time_ms), amount_of(amount)
