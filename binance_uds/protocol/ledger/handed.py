"""
What was handed to the user: the books as of the last event whose callbacks have returned.

The books of ``books.py`` know what came. What came may be held back, or lie in the middle of a repair's harvest while
the process dies; so where a restart has to begin is told from what was handed over. Each event's changes are prepared
before its callbacks run, and taken over at one stroke when they have returned. The callbacks themselves see the
changes already: who writes an event and the cursor in one transaction has either both or none.
"""

from __future__ import annotations

from typing import Any, Dict, Iterator, Mapping, Optional, Tuple

from ...events.base import Event
from ...events.usdm import AccountUpdate, AlgoUpdate, OrderTradeUpdate
from ..identity import fill_id
from .books import Books
from .chains import Chains, OrderChain, OrderKey
from .counts import Counts
from .cursor import Cursor

#: Kinds of rows; the first word of a row's key.
_FLOOR, _GROUNDED, _FILL, _HIGHEST = "floor", "grounded", "fill", "highest"
_ORDER, _POSITION, _ALGO, _BALANCE = "order", "position", "algo", "balance"
_KINDS = (_FILL, _HIGHEST, _ORDER, _POSITION, _ALGO, _BALANCE)

_Key = Tuple[Any, ...]
_Rows = Dict[_Key, Any]


class Handed:
    """
    What was handed over, in rows that are replaced and never changed. One thread writes; any may ask for the cursor.

    About 200 bytes for each fill since the last audit.

    Args:
        counts: Whether orders and positions are counted; without a secret they are not.
        cursor: Where a former run ended.
    """

    def __init__(self, *, counts: bool = False, cursor: Optional[Cursor] = None) -> None:
        self._counts = counts
        self._rows: _Rows = {}
        self._in_hand: _Rows = {}
        self._is_torn = False
        #: Grows with everything that changes the cursor.
        self.version = 0
        if cursor is not None:
            self._rows.update(((_HIGHEST, symbol), trade_id) for symbol, trade_id in cursor.highest.items())
            self.restate(cursor.books())
            self.version = 0

    # From event to event

    def take(self, item: object) -> None:
        """An event or a notice is about to be handed over."""
        self._in_hand = self._changes(item) if isinstance(item, Event) else {}

    def put(self) -> None:
        """It was; all who wanted it have had it."""
        if self._in_hand:
            self._rows.update(self._in_hand)
            self._in_hand = {}
            self.version += 1

    def tear(self) -> None:
        """It was not, or not to all; from now on nobody knows how the books fit to what was handed over."""
        self._in_hand = {}
        self._is_torn = True

    # From time to time

    def restate(self, books: Books) -> None:
        """Take everything from the books, at a moment at which all they know of was handed over."""
        if self._is_torn:
            return
        rows: _Rows = {(_FILL, *identified): time_ms for identified, time_ms in books.delivered.all_fills()}
        rows.update((key, row) for key, row in self._rows.items() if key[0] == _HIGHEST)
        if books.delivered.floor_ms:
            rows[_FLOOR,] = books.delivered.floor_ms
        if self._counts and books.chains.grounded_ms is not None:
            rows[_GROUNDED,] = books.chains.grounded_ms
            rows.update(_rows_of(books))
        self._rows = rows
        self.version += 1

    def forget_before(self, floor_ms: int) -> None:
        """Keep no record of the fills of before this moment, where nothing is ever read back."""
        self._rows = {key: row for key, row in self._rows.items() if key[0] != _FILL or row >= floor_ms}

    # For any thread

    def cursor(
        self, market: str, key_tag: str, *, since_ms: Optional[int] = None, with_in_hand: bool = False
    ) -> Optional[Cursor]:
        """
        Return where a restart has to begin; None while there is nothing yet to go on from.

        Args:
            market: The market's name.
            key_tag: The API key's tag.
            since_ms: From when on events may be missing, where the books do not say.
            with_in_hand: Whether the event that is being handed over counts as delivered; only for its callbacks.
        """
        # Each in one step, as far as other threads are concerned.
        rows = self._rows.copy()
        if with_in_hand:
            rows.update(self._in_hand)
        since_ms = rows.get((_FLOOR,)) if since_ms is None else since_ms
        if since_ms is None:
            return None
        kinds: Dict[str, Dict[Any, Any]] = {kind: {} for kind in _KINDS}
        for key, row in rows.items():
            if row is not None and key[0] in kinds:
                kinds[key[0]][key[1:] if len(key) > 2 else key[1]] = row
        fills = {identified: time_ms for identified, time_ms in kinds[_FILL].items() if time_ms >= since_ms}
        grounded_ms = rows.get((_GROUNDED,))
        return Cursor(
            market=market,
            since_ms=since_ms,
            key_tag=key_tag,
            fills=frozenset(fills),
            newest_ms=max(fills.values(), default=0),
            highest=kinds[_HIGHEST],
            counts=None if grounded_ms is None else _counts(kinds, grounded_ms),
        )

    # Inside

    def _changes(self, event: Event) -> _Rows:
        changes: _Rows = {}
        if isinstance(event, OrderTradeUpdate) and event.is_fill and event.trade_id:
            identified: _Key = (_FILL, *fill_id(event))
            changes[identified] = event.trade_time_ms or event.transaction_time_ms or 0
            highest = (_HIGHEST, event.symbol)
            changes[highest] = max(event.trade_id, self._rows.get(highest, 0))
        if self._counts:
            changes.update(self._counted(event))
        return changes

    def _counted(self, event: Event) -> _Rows:
        """Return the rows of what an event is about, as they are with it."""
        before = {key: self._rows.get(key) for key in _touched(event)}
        books = Books(chains=Chains(self._rows.get((_GROUNDED,))))
        for key, row in before.items():
            if row is not None:
                _put(books, key, row)
        books.enter(event)
        # What is gone from the books is None: a row is taken away as it is put, at one stroke with the others.
        return {**dict.fromkeys(before), **_rows_of(books, copied=False)}


def _touched(event: Event) -> Iterator[_Key]:
    """Yield the keys of what an event may change."""
    if isinstance(event, OrderTradeUpdate):
        yield (_ORDER, event.symbol, event.order_id)
        if event.is_fill:
            yield (_POSITION, event.symbol, event.position_side or "BOTH")
    elif isinstance(event, AccountUpdate):
        yield from ((_BALANCE, balance.asset) for balance in event.balances)
        yield from ((_POSITION, position.symbol, position.position_side) for position in event.positions)
    elif isinstance(event, AlgoUpdate):
        yield (_ALGO, event.algo_id)


def _put(books: Books, key: _Key, row: Any) -> None:
    """Enter a row into empty books."""
    if key[0] == _ORDER:
        books.chains.orders[key[1], key[2]] = row.copy()
    elif key[0] == _POSITION:
        books.chains.positions[key[1], key[2]] = row.copy()
    elif key[0] == _ALGO:
        books.algo_orders[key[1]] = row
    else:
        books.balances[key[1]] = row


def _rows_of(books: Books, *, copied: bool = True) -> _Rows:
    """Return what is counted in books as rows; ``copied`` when the books grow on."""
    chains = books.chains
    rows: _Rows = {}
    rows.update(((_ORDER, *key), chain.copy() if copied else chain) for key, chain in chains.orders.items())
    rows.update(((_POSITION, *key), chain.copy() if copied else chain) for key, chain in chains.positions.items())
    rows.update(((_ALGO, algo_id), row) for algo_id, row in books.algo_orders.items())
    rows.update(((_BALANCE, asset), row) for asset, row in books.balances.items())
    return rows


def _counts(kinds: Mapping[str, Dict[Any, Any]], grounded_ms: int) -> Counts:
    orders: Dict[OrderKey, OrderChain] = kinds[_ORDER]
    for key, chain in orders.items():
        if not chain.is_open and chain.terms is not None:
            # The terms of an order that is over are of no use.
            orders[key] = chain.copy()
            orders[key].terms = None
    return Counts(
        grounded_ms=grounded_ms,
        orders=orders,
        positions=kinds[_POSITION],
        algo_orders=kinds[_ALGO],
        balances=kinds[_BALANCE],
    )
