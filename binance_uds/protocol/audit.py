"""
Whether anything was lost on a connection that looks healthy.

Every few minutes the account is compared with what was delivered: orders, positions, balances. What is found to be
missing is not repaired here but named; the repair of a targeted gap does the rest. Until everything that an audit
looked at was found in order, the next one looks at it again.
"""

from __future__ import annotations

from typing import Dict, FrozenSet, Generator, Iterator, List, Optional, Tuple

import attrs

from ..events.usdm_rows import OrderRow, PositionRow, TradeRow
from .identity import OrderKey, PositionKey, fill_id
from .ledger.books import Books
from .reading import reads
from .reading.errands import (
    Answer,
    Pages,
    Paging,
    Pause,
    Steps,
    pages_of_income,
    pages_of_orders,
    pages_of_trades,
    tell_configuration,
)
from .reading.reads import Read
from .reading.recovery import Recovery

#: An order that was told of so lately, and that REST does not know, is more likely one that REST does not know yet.
_SURELY_KNOWN_MS = 60_000

_Reading = Generator[Read, Answer, None]


@attrs.frozen
class Missing:
    """
    What an audit found missing.

    Attributes:
        symbols: The symbols concerned; none when only a balance is.
        since_ms: From when on something may be missing.
        found: The orders and conditional orders that the stream did not tell of; no other read would show them.
    """

    symbols: FrozenSet[str]
    since_ms: int
    found: Recovery


@attrs.frozen
class Unread:
    """What an audit could not read, in words; what it may have told is unknown."""

    what: Tuple[str, ...]


def audit(
    since_ms: int, now_ms: int, books: Books, settle_ms: int, pause: float, page_rows: int = reads.MOST_ROWS
) -> Steps:
    """
    Compare the account with what the stream told.

    Args:
        since_ms: Everything of before this moment was found in order.
        now_ms: The present, by the exchange's clock.
        books: What the stream told.
        settle_ms: By how much REST may lag; what changed later than that is looked at by the next audit.
        pause: Seconds after which what was on its way has come.
        page_rows: Rows that are asked for at once.

    Returns:
        ``Missing``; ``Unread`` when nothing is missing of what could be read, but not everything could; else None.
    """
    work = _Audit(since_ms, now_ms, books, settle_ms, page_rows)
    yield from work.read_what_stands()
    yield from work.read_orders()
    yield from tell_configuration(settle_ms)
    if work.missing() is not None:
        yield Pause(pause)
    return work.missing() or (Unread(tuple(work.unread)) if work.unread else None)


@attrs.define
class _Audit:
    """
    One audit under way.

    Attributes:
        unread: What could not be read, in words.
    """

    since_ms: int
    now_ms: int
    books: Books
    settle_ms: int
    page_rows: int
    unread: List[str] = attrs.field(factory=list)
    _found: Recovery = attrs.field(factory=Recovery)
    _trades: List[TradeRow] = attrs.field(factory=list)
    _gone_positions: Dict[PositionKey, int] = attrs.field(factory=dict)
    _forgotten_orders: Dict[OrderKey, int] = attrs.field(factory=dict)
    _forgotten_algos: Dict[int, int] = attrs.field(factory=dict)

    def read_what_stands(self) -> _Reading:
        """Read balances, positions, open orders and conditional orders."""
        self._found.balances = (yield from self._read(reads.balances())).rows
        known = self.books.open_positions()
        answer = yield from self._read(reads.positions())
        self._found.positions = answer.rows
        # One that cannot be read is not one that is not shown.
        if not answer.malformed and not answer.refused:
            shown = {(row.symbol, row.position_side) for row in answer.rows}
            self._gone_positions = {
                key: changed_ms
                for key, changed_ms in known.items()
                if key not in shown and changed_ms < answer.sent_ms - self.settle_ms
            }
        answer = yield from self._read(reads.open_algo_orders())
        self._found.algo_orders.update((row.algo_id, row) for row in answer.rows)
        for algo_id, told_ms in sorted(self._gone_algos().items()):
            answer = yield reads.algo_order(algo_id)
            self._found.algo_orders.update((row.algo_id, row) for row in answer.rows)
            if self._is_forgotten(answer, told_ms):
                self._forgotten_algos[algo_id] = told_ms
        answer = yield from self._read(reads.open_orders())
        self._found.add_orders(answer.rows)

    def read_orders(self) -> _Reading:
        """Read every order since the last audit, and those that stood open and are gone."""
        orders = yield from pages_of_orders(self.since_ms, self.now_ms, self.page_rows)
        self._found.add_orders(orders.rows)
        self.unread.extend(orders.malformed)
        if not orders.is_whole:
            income = yield from self._all_of(pages_of_income(self.since_ms, self.now_ms, self.page_rows), "income")
            for symbol in sorted({row.symbol for row in income.rows if row.symbol}):
                pages = pages_of_trades(symbol, self.since_ms, self.now_ms, size=self.page_rows)
                trades = yield from self._all_of(pages, f"trades of {symbol}")
                self._trades.extend(trades.rows)
        for (symbol, order_id), told_ms in sorted(self._gone_orders().items()):
            answer = yield reads.order(symbol, order_id)
            self._found.add_orders(answer.rows)
            if self._is_forgotten(answer, told_ms):
                self._forgotten_orders[symbol, order_id] = told_ms

    def _is_forgotten(self, answer: Answer, told_ms: int) -> bool:
        """Whether the exchange does not know an order any more that was told of at a moment, and is not shown open."""
        self.unread.extend(answer.malformed)
        return bool(answer.refused) and told_ms < answer.sent_ms - _SURELY_KNOWN_MS

    def _read(self, read: Read) -> Generator[Read, Answer, Answer]:
        answer = yield read
        self.unread.extend(answer.malformed)
        if answer.refused:
            self.unread.append(f"{read.name}, which the exchange refuses with {answer.refused}")
        return answer

    def _all_of(self, paging: Paging, what: str) -> Generator[Read, Answer, Pages]:
        pages = yield from paging
        self.unread.extend(pages.malformed)
        if not pages.is_whole:
            self.unread.append(f"{what}, which cannot be read to their end")
        return pages

    def missing(self) -> Optional[Missing]:
        """Return what does not agree at this moment."""
        symbols: Dict[str, int] = {}
        found = Recovery()
        for row in self._found.orders.values():
            if self.books.lacks_order(row):
                found.add_orders([row])
                _earliest(symbols, row.symbol, self._order_good_ms(row))
        for algo in self._found.algo_orders.values():
            if self.books.lacks_algo(algo):
                found.algo_orders[algo.algo_id] = algo
                _earliest(symbols, algo.symbol, algo.update_time_ms)
        for trade in self._trades:
            if not self.books.delivered.has_fill(fill_id(trade), trade.trade_time_ms):
                _earliest(symbols, trade.symbol, trade.trade_time_ms)
        for position in self._found.positions:
            if self.books.lacks_position(position) or self._is_untold(position):
                chain = self.books.chains.positions.get((position.symbol, position.position_side))
                _earliest(symbols, position.symbol, chain.base_ms if chain is not None else self.since_ms)
        for symbol, good_ms in self._still_forgotten():
            _earliest(symbols, symbol, good_ms)
        still_open = self.books.open_positions()
        for key, changed_ms in self._gone_positions.items():
            if still_open.get(key) == changed_ms:
                _earliest(symbols, key[0], changed_ms)
        changed = [row.update_time_ms for row in self._found.balances if self.books.lacks_balance(row)]
        moments = [*symbols.values(), *changed]
        # What was found in order once stays so: it was lost since.
        return Missing(frozenset(symbols), max(self.since_ms, min(moments)), found) if moments else None

    def _still_forgotten(self) -> Iterator[Tuple[str, int]]:
        """Yield symbol and last known moment of the forgotten orders of which nothing has been told since."""
        open_orders, open_algos = self.books.open_orders(), self.books.algo_orders
        for key, told_ms in self._forgotten_orders.items():
            if open_orders.get(key) == told_ms:
                yield key[0], self.books.chains.orders[key].good_ms
        for algo_id, told_ms in self._forgotten_algos.items():
            if algo_id in open_algos and open_algos[algo_id].time_ms == told_ms:
                yield open_algos[algo_id].symbol, told_ms

    def _is_untold(self, row: PositionRow) -> bool:
        """Whether fills came that made a position what it is, and no word about the position did."""
        chain = self.books.chains.positions.get((row.symbol, row.position_side))
        if chain is None or chain.covers(row.update_time_ms):
            return False
        # They may add up to nothing, and the position has another price all the same.
        return any(time_ms <= row.update_time_ms for time_ms, _ in chain.fills)

    def _order_good_ms(self, row: OrderRow) -> int:
        chain = self.books.chains.orders.get((row.symbol, row.order_id))
        if chain is not None:
            return min(chain.good_ms, row.update_time_ms)
        return row.creation_time_ms or self.since_ms

    def _gone_orders(self) -> Dict[OrderKey, int]:
        """Return the orders that stood open and are not shown, each with the time it was last told of."""
        latest_ms = self.now_ms - self.settle_ms
        return {
            key: told_ms
            for key, told_ms in self.books.open_orders().items()
            if told_ms < latest_ms and key not in self._found.orders
        }

    def _gone_algos(self) -> Dict[int, int]:
        """The same of conditional orders."""
        latest_ms = self.now_ms - self.settle_ms
        return {
            algo_id: algo.time_ms
            for algo_id, algo in self.books.algo_orders.items()
            if algo_id not in self._found.algo_orders and algo.time_ms < latest_ms
        }


def _earliest(moments: Dict[str, int], symbol: str, at_ms: int) -> None:
    moments[symbol] = min(moments.get(symbol, at_ms), at_ms)
