"""
What a repair has found so far, and what it could not.

It outlives an interruption: pages of trades that were read are not read again, so that a storm of drops does not
become a storm of requests.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Dict, FrozenSet, Iterable, List, Tuple

import attrs

from ...account_view import ENDED
from ...events.notices import Proof
from ...events.usdm_rows import AlgoRow, BalanceRow, OrderRow, PositionRow, TradeRow
from ..identity import FillId, OrderKey, PositionKey
from ..ledger.chains import ZERO


@attrs.define
class Recovery:
    """
    The rows that count, of everything that was read.

    Attributes:
        fills: Every fill that was read and was not delivered before.
        orders: The newest row of each order.
        algo_orders: The same of conditional orders, by algo id.
        balances: As last read.
        positions: As last read; one that REST does not show any more is a row of amount 0.
        read_since: By symbol, from when on its trades were read.
        read_through: By symbol, the trade id from which on they are still to be read.
        unknown_orders: Open orders that the exchange does not know any more.
        unknown_algos: The same of conditional orders.
        unrecoverable: What is missing for good, in words for the report.
        duplicates: Fills that were read and had been delivered before.
        unbalanced: Symbols whose quantities do not balance, although everything was looked for.
        proof: On what evidence it is complete, a word of ``Proof``.
    """

    fills: Dict[FillId, TradeRow] = attrs.field(factory=dict)
    orders: Dict[OrderKey, OrderRow] = attrs.field(factory=dict)
    algo_orders: Dict[int, AlgoRow] = attrs.field(factory=dict)
    balances: Tuple[BalanceRow, ...] = ()
    positions: Tuple[PositionRow, ...] = ()
    read_since: Dict[str, int] = attrs.field(factory=dict)
    read_through: Dict[str, int] = attrs.field(factory=dict)
    unknown_orders: List[OrderKey] = attrs.field(factory=list)
    unknown_algos: List[int] = attrs.field(factory=list)
    unrecoverable: List[str] = attrs.field(factory=list)
    duplicates: int = 0
    unbalanced: FrozenSet[str] = frozenset()
    proof: str = Proof.SETTLED

    def add_orders(self, rows: Iterable[OrderRow]) -> None:
        """Keep the newest row of each order; of equally old ones the one that tells of more fills, or of the end."""
        for row in rows:
            key = (row.symbol, row.order_id)
            known = self.orders.get(key)
            if known is None or _age(known) <= _age(row):
                self.orders[key] = row

    def lose(self, what: str) -> None:
        """Name what is missing for good, once."""
        if what not in self.unrecoverable:
            self.unrecoverable.append(what)


def _age(row: OrderRow) -> Tuple[int, Decimal, bool]:
    return (row.update_time_ms, row.filled_quantity, row.status in ENDED)


def flat_row(key: PositionKey, at_ms: int) -> PositionRow:
    """Return what REST would say of a position that it does not show because it is flat, as of a moment."""
    return PositionRow(
        symbol=key[0],
        position_side=key[1],
        amount=ZERO,
        entry_price=ZERO,
        unrealized_profit=ZERO,
        isolated_wallet=ZERO,
        update_time_ms=at_ms,
    )
