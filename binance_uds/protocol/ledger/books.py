"""
What the stream has told of an account so far: the one thing that a repair and an audit compare REST with.

The delivery writes it as frames come, also while they are held back; errands read it. It knows what was delivered,
what is counted, which orders stand open, and how old each of that is.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Dict, Iterable, Optional, Set, Tuple

import attrs

from ...account_view import ALGO_ENDED, ENDED
from ...events.base import FROM_REST, Event
from ...events.usdm import AccountUpdate, AlgoUpdate, OrderTradeUpdate
from ...events.usdm_rows import AlgoRow, BalanceRow, OrderRow, PositionRow
from ...events.vocabulary import AccountUpdateReason
from ..identity import Delivered, OrderKey, PositionKey
from .chains import Chains
from .touched import Touched

#: An amount, and when it was told.
DatedAmount = Tuple[int, Decimal]


@attrs.frozen
class OpenAlgo:
    """A conditional order that stands open: its symbol, its status, and since when."""

    symbol: str
    status: Optional[str]
    time_ms: int


@attrs.define
class Books:
    """
    The books of one account.

    Attributes:
        delivered: Which events were delivered, or are held back to be delivered.
        chains: What was filled, by what came and by what the exchange says.
        algo_orders: Conditional orders that stand open, by algo id.
        balances: Time and wallet balance of each asset, as last told.
        margins: Time and margin set aside of each position, as last told; none of before a restart.
        told_ms: The time of the newest event that came on a connection.
    """

    delivered: Delivered = attrs.field(factory=Delivered)
    chains: Chains = attrs.field(factory=Chains)
    algo_orders: Dict[int, OpenAlgo] = attrs.field(factory=dict)
    balances: Dict[str, DatedAmount] = attrs.field(factory=dict)
    margins: Dict[PositionKey, DatedAmount] = attrs.field(factory=dict)
    told_ms: int = 0
    _ended_algos: Dict[int, int] = attrs.field(factory=dict)

    @property
    def touched(self) -> Touched:
        """What the stream told of since somebody last looked."""
        return self.chains.touched

    # What is told

    def enter(self, event: Event) -> None:
        """Take an event that was not entered before, from the stream or made of rows."""
        if isinstance(event, OrderTradeUpdate):
            if event.is_fill:
                self.chains.fill(event)
            else:
                self.chains.order(event)
        elif isinstance(event, AccountUpdate):
            self._enter_account(event)
        elif isinstance(event, AlgoUpdate):
            self._enter_algo(event)

    def _enter_account(self, event: AccountUpdate) -> None:
        at_ms = event.transaction_time_ms or 0
        touched = self.touched.balances
        for balance in event.balances:
            touched.add(balance.asset)
            known = self.balances.get(balance.asset)
            if known is None or at_ms >= known[0]:
                self.balances[balance.asset] = (at_ms, balance.wallet_balance)
        is_from_order = event.reason in (AccountUpdateReason.ORDER, None)
        for position in event.positions:
            key = (position.symbol, position.position_side)
            self.chains.position(
                key, position.amount, at_ms, is_from_order=is_from_order, is_whole=event.origin == FROM_REST
            )
            margin = self.margins.get(key)
            if position.isolated_wallet is not None and (margin is None or at_ms >= margin[0]):
                self.margins[key] = (at_ms, position.isolated_wallet)

    def _enter_algo(self, event: AlgoUpdate) -> None:
        at_ms = event.transaction_time_ms or 0
        self.touched.algo_orders.add(event.algo_id)
        if event.status in ALGO_ENDED:
            self.algo_orders.pop(event.algo_id, None)
            self._ended_algos[event.algo_id] = at_ms
        elif event.algo_id not in self._ended_algos:
            known = self.algo_orders.get(event.algo_id)
            if known is None or known.time_ms <= at_ms:
                self.algo_orders[event.algo_id] = OpenAlgo(event.symbol, event.status, at_ms)

    def algo_ended(self, algo_id: int) -> None:
        """Nothing more is to be expected of a conditional order."""
        self.algo_orders.pop(algo_id, None)

    # What is asked

    def open_orders(self, symbols: Optional[Iterable[str]] = None) -> Dict[OrderKey, int]:
        """Return the open orders, of some symbols or of all, each with the time it was last told of."""
        wanted = None if symbols is None else set(symbols)
        return {
            key: chain.touched_ms
            for key, chain in self.chains.orders.items()
            if chain.is_open and (wanted is None or key[0] in wanted)
        }

    def symbols(self) -> Set[str]:
        """Return the symbols with an order not long ago, a position or an open conditional order."""
        found = {symbol for symbol, _ in self.chains.orders}
        found.update(
            symbol for (symbol, _), chain in self.chains.positions.items() if chain.base or chain.fills or chain.claims
        )
        found.update(algo.symbol for algo in self.algo_orders.values())
        return found

    def open_positions(self) -> Dict[PositionKey, int]:
        """Return the positions that are not flat, or not told to be, each with the time of its last change."""
        return {
            key: chain.last_ms
            for key, chain in self.chains.positions.items()
            if chain.told or chain.claims or chain.expected(chain.last_ms)
        }

    def has_algo_ended(self, algo_id: int) -> bool:
        """Whether the end of a conditional order was told, not long ago."""
        return algo_id in self._ended_algos

    # Whether a row is news

    def lacks_order(self, row: OrderRow) -> bool:
        """Whether a row tells what the stream should have told, and did not: fills, an end, other terms, an order."""
        chain = self.chains.orders.get((row.symbol, row.order_id))
        if chain is None:
            # What ended long ago is forgotten; what was placed before the first look and is not open is none of ours.
            grounded_ms, created_ms = self.chains.grounded_ms, row.creation_time_ms or 0
            is_ours = grounded_ms is not None and created_ms >= grounded_ms
            return is_ours and row.update_time_ms >= self.delivered.floor_ms
        if row.filled_quantity > chain.counted or chain.is_lost or (row.status in ENDED and chain.is_open):
            return True
        terms = (row.quantity, row.price)
        return row.update_time_ms > chain.touched_ms and chain.terms is not None and chain.terms != terms

    def lacks_algo(self, row: AlgoRow) -> bool:
        """The same of a conditional order."""
        if row.algo_id in self._ended_algos:
            return False
        known = self.algo_orders.get(row.algo_id)
        if known is None:
            return row.status not in ALGO_ENDED
        return row.update_time_ms > known.time_ms and row.status != known.status

    def lacks_balance(self, row: BalanceRow) -> bool:
        """The same of a balance; a row shows what its millisecond ended with, a frame may have told less."""
        at_ms, wallet = self.balances.get(row.asset, (0, Decimal(0)))
        return row.update_time_ms >= at_ms and row.wallet_balance != wallet

    def lacks_position(self, row: PositionRow) -> bool:
        """The same of a position: of its amount, or of its margin alone, as by a funding fee."""
        key = (row.symbol, row.position_side)
        chain = self.chains.positions.get(key)
        if chain is None:
            return bool(row.amount)
        if not chain.covers(row.update_time_ms) and chain.expected(row.update_time_ms) != row.amount:
            return True
        told_ms, margin = self.margins.get(key, (row.update_time_ms, None))
        return row.update_time_ms > told_ms and row.isolated_wallet not in (None, margin)

    # What is over

    def forget_before(self, floor_ms: int) -> None:
        """Everything of before this moment was delivered; keep no record of it."""
        self.delivered.forget_before(floor_ms)
        self.chains.forget_before(floor_ms)
        for algo_id in [algo_id for algo_id, at_ms in self._ended_algos.items() if at_ms < floor_ms]:
            del self._ended_algos[algo_id]
