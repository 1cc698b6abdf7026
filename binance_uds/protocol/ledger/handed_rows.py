"""The rows of what was handed over: as those of the books, but replaced and never changed."""

from __future__ import annotations

from typing import Any, Callable, Dict, Iterable, Optional, TypeVar

import attrs

from ...events.base import Event
from ...events.usdm import AccountUpdate, AlgoUpdate, OrderTradeUpdate
from ..identity import FillId, OrderKey, PositionKey, fill_id, position_of
from .books import Books, DatedAmount, OpenAlgo
from .chains import Chains, OrderChain, PositionChain
from .counts import Counts
from .cursor import Cursor

K = TypeVar("K")
V = TypeVar("V")


@attrs.define
class HandedRows:
    """
    What was handed over.

    Attributes:
        floor_ms: Every fill of before this moment was; None while nobody knows.
        grounded_ms: As ``Chains`` has it; None while nothing is counted.
        fills: The time of each fill since the floor.
        highest: By symbol, the highest trade id.
        orders: As ``Chains`` has them.
        positions: The same.
        algo_orders: As ``Books`` has them.
        balances: The same.
    """

    floor_ms: Optional[int] = None
    grounded_ms: Optional[int] = None
    fills: Dict[FillId, int] = attrs.field(factory=dict)
    highest: Dict[str, int] = attrs.field(factory=dict)
    orders: Dict[OrderKey, OrderChain] = attrs.field(factory=dict)
    positions: Dict[PositionKey, PositionChain] = attrs.field(factory=dict)
    algo_orders: Dict[int, OpenAlgo] = attrs.field(factory=dict)
    balances: Dict[str, DatedAmount] = attrs.field(factory=dict)

    @classmethod
    def of(cls, books: Books, highest: Dict[str, int], *, counts: bool) -> HandedRows:
        """Return everything that books know; they do not know the highest trade ids that were handed over."""
        rows = cls(books.delivered.floor_ms or None, None, dict(books.delivered.all_fills()), highest)
        if counts and books.chains.grounded_ms is not None:
            rows.grounded_ms = books.chains.grounded_ms
            rows.orders = {key: chain.copy() for key, chain in books.chains.orders.items()}
            rows.positions = {key: chain.copy() for key, chain in books.chains.positions.items()}
            rows.algo_orders, rows.balances = books.algo_orders.copy(), books.balances.copy()
        return rows

    def copy(self) -> HandedRows:
        """Return others, with the same rows in them."""
        return HandedRows(
            self.floor_ms,
            self.grounded_ms,
            self.fills.copy(),
            self.highest.copy(),
            self.orders.copy(),
            self.positions.copy(),
            self.algo_orders.copy(),
            self.balances.copy(),
        )

    def add_fill(self, event: Event) -> None:
        """Know what an event tells as the fill that it may be."""
        if isinstance(event, OrderTradeUpdate) and event.trade_id and event.is_fill:
            self.fills[fill_id(event)] = event.trade_time_ms or event.transaction_time_ms or 0
            if event.trade_id > self.highest.get(event.symbol, 0):
                self.highest[event.symbol] = event.trade_id

    def take(self, books: Books) -> None:
        """Take what was touched from the books, and take away what is gone from there."""
        touched = books.touched
        _take(touched.orders, books.chains.orders, self.orders, OrderChain.copy)
        _take(touched.positions, books.chains.positions, self.positions, PositionChain.copy)
        _take(touched.algo_orders, books.algo_orders, self.algo_orders)
        _take(touched.balances, books.balances, self.balances)

    def count(self, event: Event) -> None:
        """Work out what an event makes of the rows that it is about, as the books would."""
        books = self._lent(event)
        books.enter(event)
        self.take(books)

    def _lent(self, event: Event) -> Books:
        """Return books that have copies of the rows that an event is about."""
        books = Books(chains=Chains(self.grounded_ms))
        orders, positions = books.chains.orders, books.chains.positions
        if isinstance(event, OrderTradeUpdate):
            _take([(event.symbol, event.order_id)], self.orders, orders, OrderChain.copy)
            _take([position_of(event)], self.positions, positions, PositionChain.copy)
        elif isinstance(event, AccountUpdate):
            _take((row.asset for row in event.balances), self.balances, books.balances)
            told = ((row.symbol, row.position_side) for row in event.positions)
            _take(told, self.positions, positions, PositionChain.copy)
        else:
            assert isinstance(event, AlgoUpdate)
            _take([event.algo_id], self.algo_orders, books.algo_orders)
        return books

    def cursor(self, market: str, key_tag: str, since_ms: Optional[int] = None) -> Optional[Cursor]:
        """
        Return where a restart has to begin; None while there is nothing yet to go on from.

        Args:
            market: The market's name.
            key_tag: The API key's tag.
            since_ms: From when on events may be missing, where that is not ``floor_ms``.
        """
        since_ms = self.floor_ms if since_ms is None else since_ms
        if since_ms is None:
            return None
        fills = {identified: time_ms for identified, time_ms in self.fills.items() if time_ms >= since_ms}
        return Cursor(
            market=market,
            since_ms=since_ms,
            key_tag=key_tag,
            fills=frozenset(fills),
            newest_ms=max(fills.values(), default=0),
            highest=self.highest,
            counts=None if self.grounded_ms is None else self._counts(self.grounded_ms),
        )

    def _counts(self, grounded_ms: int) -> Counts:
        return Counts(
            grounded_ms=grounded_ms,
            orders={key: _without_spent_terms(chain) for key, chain in self.orders.items()},
            positions=self.positions,
            algo_orders=self.algo_orders,
            balances=self.balances,
        )


def _same(row: Any) -> Any:
    return row


def _take(keys: Iterable[K], given: Dict[K, V], ours: Dict[K, V], copied: Callable[[V], V] = _same) -> None:
    """Replace rows by those that are given, and take away those of which none is."""
    for key in keys:
        row = given.get(key)
        if row is None:
            ours.pop(key, None)
        else:
            ours[key] = copied(row)


def _without_spent_terms(chain: OrderChain) -> OrderChain:
    """Return a chain without the terms of an order that is over: they are of no use."""
    if chain.is_open or chain.terms is None:
        return chain
    spent = chain.copy()
    spent.terms = None
    return spent
