"""
What was handed to the user: the books as of the last event whose callbacks have returned.

The books of ``books.py`` know what came. What came may be held back, or lie in the middle of a repair's harvest while
the process dies; so where a restart has to begin is told from what was handed over. An event counts when its callbacks
have returned. The callbacks themselves see it counted already: who writes an event and the cursor in one transaction
has either both or none.

Counting twice is dear, and most of the time the books are right about what was handed over, too. So the last events
are only noted; what they touched is copied from the books at the next moment at which the two agree, and worked out
event by event where somebody asks before then.
"""

from __future__ import annotations

from collections import ChainMap
from typing import Any, Dict, Iterable, List, Mapping, Optional, Set, Tuple

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

#: After so many events the books should be looked at; beyond the double they are worked out, not to be kept for ever.
OFTEN = 128
_MOST_NOTED = 2 * OFTEN

_COUNTED = (OrderTradeUpdate, AccountUpdate, AlgoUpdate)

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
        self._noted: List[Event] = []
        self._in_hand: Optional[Event] = None
        self._is_torn = False
        #: Odd while rows and notes are changed together.
        self._turns = 0
        #: Grows with everything that changes the cursor.
        self.version = 0
        if cursor is not None:
            self._rows.update(((_HIGHEST, symbol), trade_id) for symbol, trade_id in cursor.highest.items())
            self.restate(cursor.books())
            self.version = 0

    # From event to event

    def take(self, item: object) -> None:
        """An event or a notice is about to be handed over."""
        self._in_hand = item if isinstance(item, _COUNTED) else None

    def put(self) -> None:
        """It was; all who wanted it have had it."""
        if self._in_hand is not None:
            self._noted.append(self._in_hand)
            self._in_hand = None
            self.version += 1
            if len(self._noted) >= _MOST_NOTED:
                self._work_out()

    def tear(self) -> None:
        """It was not, or not to all; from now on nobody knows how the books fit to what was handed over."""
        self._in_hand = None
        self._is_torn = True

    # From time to time

    def catch_up(self, books: Books) -> None:
        """Take what was touched from the books, at a moment at which all they know of was handed over."""
        if not self._noted or self._is_torn:
            return
        rows: _Rows = {}
        touched: Set[_Key] = set()
        for event in self._noted:
            _put_fill(event, rows, self._rows)
            if self._counts:
                _touch(event, touched)
        for key in touched:
            rows[key] = _row_of(books, key)
        self._replace(rows)

    def restate(self, books: Books) -> None:
        """Take everything from the books, at a moment at which all they know of was handed over."""
        if self._is_torn:
            return
        # The books do not know the highest trade ids that were handed over; the notes do.
        self._work_out()
        rows: _Rows = {(_FILL, *identified): time_ms for identified, time_ms in books.delivered.all_fills()}
        rows.update((key, row) for key, row in self._rows.items() if key[0] == _HIGHEST)
        if books.delivered.floor_ms:
            rows[_FLOOR,] = books.delivered.floor_ms
        if self._counts and books.chains.grounded_ms is not None:
            rows[_GROUNDED,] = books.chains.grounded_ms
            rows.update(_rows_of(books))
        self._turns += 1
        self._rows = rows
        self._noted.clear()
        self._turns += 1
        self.version += 1

    def forget_before(self, floor_ms: int) -> None:
        """Keep no record of the fills of before this moment, where nothing is ever read back."""
        self._work_out()
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
        if with_in_hand:
            # Here and now nobody else changes anything, and who asks once asks again.
            self._work_out()
        rows, noted = self._snapshot()
        if with_in_hand and self._in_hand is not None:
            noted = (*noted, self._in_hand)
        rows.update(self._worked_out(noted, rows))
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

    def _snapshot(self) -> Tuple[_Rows, Tuple[Event, ...]]:
        """Return the rows, and the events that are not in them, of one moment; for any thread."""
        while True:
            # Each in one step, as far as other threads are concerned.
            turns, rows, noted = self._turns, self._rows.copy(), tuple(self._noted)
            if turns == self._turns and not turns % 2:
                return rows, noted

    def _replace(self, rows: _Rows) -> None:
        """Put rows in the place of those that were, and of what was noted."""
        self._turns += 1
        self._rows.update(rows)
        self._noted.clear()
        self._turns += 1

    def _work_out(self) -> None:
        self._replace(self._worked_out(self._noted, self._rows))

    def _worked_out(self, events: Iterable[Event], rows: _Rows) -> _Rows:
        """Return the rows that events change, as they are with them."""
        changed: _Rows = {}
        for event in events:
            _put_fill(event, changed, rows)
            if self._counts:
                changed.update(_counted(event, ChainMap(changed, rows)))
        return changed


def _put_fill(event: Event, changed: _Rows, rows: _Rows) -> None:
    """Put the rows about a fill as such into those that changed."""
    if isinstance(event, OrderTradeUpdate) and event.trade_id and event.is_fill:
        identified: _Key = (_FILL, *fill_id(event))
        changed[identified] = event.trade_time_ms or event.transaction_time_ms or 0
        highest = (_HIGHEST, event.symbol)
        known = changed.get(highest) or rows.get(highest, 0)
        changed[highest] = event.trade_id if event.trade_id > known else known


def _counted(event: Event, rows: Mapping[_Key, Any]) -> _Rows:
    """Return the rows of what an event is about, as they are with it."""
    touched: Set[_Key] = set()
    _touch(event, touched)
    before = {key: rows.get(key) for key in touched}
    books = Books(chains=Chains(rows.get((_GROUNDED,))))
    for key, row in before.items():
        if row is not None:
            _put(books, key, row)
    books.enter(event)
    # What is gone from the books is None: a row is taken away as it is put, at one stroke with the others.
    return {**dict.fromkeys(before), **_rows_of(books, copied=False)}


def _touch(event: Event, touched: Set[_Key]) -> None:
    """Add the keys of what an event may change."""
    if isinstance(event, OrderTradeUpdate):
        touched.add((_ORDER, event.symbol, event.order_id))
        if event.is_fill:
            touched.add((_POSITION, event.symbol, event.position_side or "BOTH"))
    elif isinstance(event, AccountUpdate):
        for balance in event.balances:
            touched.add((_BALANCE, balance.asset))
        for position in event.positions:
            touched.add((_POSITION, position.symbol, position.position_side))
    else:
        assert isinstance(event, AlgoUpdate)
        touched.add((_ALGO, event.algo_id))


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


def _row_of(books: Books, key: _Key) -> Any:
    """Return a row as the books have it; None when they have none any more."""
    if key[0] == _ORDER:
        order = books.chains.orders.get((key[1], key[2]))
        return None if order is None else order.copy()
    if key[0] == _POSITION:
        position = books.chains.positions.get((key[1], key[2]))
        return None if position is None else position.copy()
    return books.algo_orders.get(key[1]) if key[0] == _ALGO else books.balances.get(key[1])


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
