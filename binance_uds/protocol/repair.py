"""
How a gap is repaired: which reads, in which order, and when that is enough.

The connection delivers everything from a moment on (``until_ms``), and everything before the gap was delivered
(``since_ms``). What lies between is in REST, once REST has caught up. So: look what stands, find the symbols, page
through their trades, ask for the orders that are gone, and stop when the quantities balance.

Complete, as long as REST shows after ``settle`` what happened before: every fill of the interval is among the trades
of its symbol since ``since_ms``; its symbol is known, or has an order that was placed in the interval, an open one, a
position or an income. Unique: what was delivered is known by its identity. The proof sketch, by Binance's facts:
order and trade ids grow with time within a symbol.
"""

from __future__ import annotations

import functools
from decimal import Decimal
from typing import Dict, FrozenSet, Generator, Iterable, List, Optional, Sequence, Set, Tuple, Union

import attrs

from ..account_view import ALGO_ENDED, ENDED
from ..events.notices import Proof
from ..events.usdm_rows import OrderRow, PositionRow, TradeRow
from ..events.vocabulary import Side
from .identity import FillId, OrderKey, PositionKey, fill_id, position_of
from .ledger.books import Books
from .ledger.chains import ZERO
from .reading import reads
from .reading.errands import (
    NO_SUCH_ORDER,
    Answer,
    Pages,
    Pause,
    Steps,
    pages_of_income,
    pages_of_one_symbol,
    pages_of_orders,
    pages_of_trades,
    tell_configuration,
)
from .reading.reads import Read
from .reading.recovery import Recovery, flat_row

#: More orders than this of one symbol are read by pages instead of singly.
_SINGLY_AT_MOST = 8

#: So often what cannot be read is read again; then it will not get better.
_UNREAD_LOOKS = 3

#: For how long a new conditional order may be unknown to REST. Measured: 1.1 to 1.5 s.
_ALGO_UNKNOWN_MS = 2_000

#: Each reading of the exchange's clock dates a gap anew; one that begins so little earlier is not read again.
_REDATED_MS = 1_000

_Reading = Generator[Read, Answer, None]


@attrs.frozen
class Task:
    """
    What a repair has to repair; times are milliseconds of the exchange's clock.

    Attributes:
        since_ms: From when on frames may be missing.
        until_ms: From when on the connection delivers everything.
        settle_ms: By how much REST may lag behind it.
        symbols: Those whose frames may be missing; none for balances alone; None for all symbols.
        user_symbols: Symbols the user wants looked into in any case.
        pauses: Seconds between two looks at what does not balance; when they are over, it is named.
        page_rows: Rows that are asked for at once.
    """

    since_ms: int
    until_ms: int
    settle_ms: int = 0
    symbols: Optional[FrozenSet[str]] = None
    user_symbols: FrozenSet[str] = frozenset()
    pauses: Tuple[float, ...] = ()
    page_rows: int = reads.MOST_ROWS


def repair(task: Task, books: Books, recovery: Recovery) -> Steps:
    """
    Read what a gap has swallowed.

    Args:
        task: Which gap.
        books: What the stream told. Frames may come while this waits, so it is looked at as late as possible.
        recovery: What an interrupted repair of the same gap found, or an empty one; filled in place.

    Returns:
        ``recovery``.
    """
    work = _Repair(task, books, recovery)
    if task.symbols is None:
        # First, for what is judged at the end has to be young.
        yield from tell_configuration(task.settle_ms)
    yield from work.read_all()
    for count, seconds in enumerate(task.pauses):
        suspects = work.unbalanced()
        if count >= _UNREAD_LOOKS and (work.is_cut or not suspects):
            break
        if not suspects and not work.unread:
            break
        yield Pause(seconds)
        yield from work.read_again(suspects)
    work.judge()
    return recovery


@attrs.define
class _Repair:
    """
    One repair under way.

    Attributes:
        unread: What the last pass could not read, in words.
    """

    task: Task
    books: Books
    recovery: Recovery
    unread: List[str] = attrs.field(factory=list)
    _symbols: FrozenSet[str] = frozenset()
    _unread_symbols: Set[str] = attrs.field(factory=set)
    _open: Set[OrderKey] = attrs.field(factory=set)
    _open_algos: Set[int] = attrs.field(factory=set)
    _shown: Tuple[PositionRow, ...] = ()
    _flat: Set[PositionKey] = attrs.field(factory=set)
    _read_at: Dict[str, int] = attrs.field(factory=dict)
    _unknown: Dict[OrderKey, int] = attrs.field(factory=dict)
    _is_whole: bool = True
    _looked_ms: int = 0

    def read_all(self) -> _Reading:
        """Read everything that the gap may have swallowed."""
        yield from self.look_at_what_stands()
        if self.task.symbols is None:
            self._symbols = yield from self.find_symbols()
        else:
            self._symbols = self.task.symbols
        yield from self.read_trades(self._symbols)
        yield from self.ask_for_orders(self._symbols)

    def read_again(self, suspects: Set[str]) -> _Reading:
        """Read what does not balance, or could not be read, once more, and what stands by now."""
        suspects |= self._unread_symbols
        self.unread.clear()
        self._unread_symbols.clear()
        yield from self.look_at_what_stands()
        if self.task.symbols is None:
            # REST was behind, so it may not have named every symbol either.
            found = yield from self.find_symbols()
            suspects |= found - self._symbols
            self._symbols |= found
        yield from self.read_trades(suspects, anew=True)
        yield from self.ask_for_orders(self._symbols, again=suspects)

    # What stands

    def look_at_what_stands(self) -> _Reading:
        """Read open orders, positions and balances."""
        self._open.clear()
        self._open_algos.clear()
        if self.task.symbols is None:
            yield from self._read_open_orders(None)
        else:
            for symbol in sorted(self.task.symbols):
                yield from self._read_open_orders(symbol)
        answer = yield reads.positions()
        self._looked_ms = answer.sent_ms
        self._name(answer, "positions")
        self._shown = answer.rows
        shown = {(row.symbol, row.position_side) for row in answer.rows}
        # One that cannot be read is not one that is not shown.
        self._flat = set() if answer.malformed or answer.refused else self._positions_gone(shown)
        answer = yield reads.balances()
        self._name(answer, "balances")
        self.recovery.balances = answer.rows

    @property
    def is_cut(self) -> bool:
        """Whether the gap begins before what the exchange shows, so that the sums of before cannot balance."""
        return self.task.symbols != frozenset() and self._since_ms < self._shown_ms

    @property
    def _since_ms(self) -> int:
        """From when on something may be missing; what was audited is of no interest, wherever the gap begins."""
        return max(self.task.since_ms, self.books.delivered.floor_ms)

    @property
    def _shown_ms(self) -> int:
        """From when on the exchange shows what happened; what was before is not asked for."""
        return self._looked_ms - reads.SHOWN_MS

    def _read_open_orders(self, symbol: Optional[str]) -> _Reading:
        answer = yield reads.open_orders(symbol)
        self._name(answer, "open orders")
        self.recovery.add_orders(answer.rows)
        self._open.update((row.symbol, row.order_id) for row in answer.rows)
        answer = yield reads.open_algo_orders(symbol)
        self._name(answer, "open conditional orders")
        self.recovery.algo_orders.update((row.algo_id, row) for row in answer.rows)
        self._open_algos.update(row.algo_id for row in answer.rows)

    def _positions_gone(self, shown: Set[PositionKey]) -> Set[PositionKey]:
        """Return the positions that were open when last told of, long enough ago, and are not shown any more."""
        wanted, latest_ms = self.task.symbols, self._looked_ms - self.task.settle_ms
        return {
            key
            for key, changed_ms in self.books.open_positions().items()
            if key not in shown and changed_ms <= latest_ms and (wanted is None or key[0] in wanted)
        }

    def _positions(self) -> List[PositionRow]:
        """Return the positions as they are, those that are flat since their last fill as well."""
        chains = self.books.chains.positions
        last = {key: chains[key].last_ms if key in chains else self.task.until_ms for key in self._flat}
        for row in self._missing_fills().values():
            key = position_of(row)
            if key in last:
                last[key] = max(last[key], row.trade_time_ms)
        return [*self._shown, *(flat_row(key, last_ms) for key, last_ms in sorted(last.items()))]

    # Which symbols

    def find_symbols(self) -> Generator[Read, Answer, FrozenSet[str]]:
        """Return every symbol that may have been traded in the gap."""
        recovery, task, now_ms = self.recovery, self.task, self._looked_ms
        found = set(task.user_symbols)
        grounded_ms = self.books.chains.grounded_ms
        # An order whose placing was lost before the gap, and not noticed yet, may have been filled in it.
        from_ms = min(task.since_ms, max(self.books.delivered.floor_ms, grounded_ms or 0) or task.since_ms)
        orders = yield from pages_of_orders(from_ms, now_ms, task.page_rows)
        self._name_malformed(orders)
        since_ms = self._since_ms
        recovery.add_orders(row for row in orders.rows if row.update_time_ms >= since_ms or self.books.lacks_order(row))
        if not orders.is_whole:
            income = yield from pages_of_income(task.since_ms, now_ms, task.page_rows)
            self._name_malformed(income)
            found.update(row.symbol for row in income.rows if row.symbol)
            if not income.is_whole:
                self._is_whole = False
                recovery.lose("fills of symbols without an open order or a position: nothing names all symbols")
        found.update(symbol for symbol, _ in recovery.orders)
        found.update(algo.symbol for algo in recovery.algo_orders.values())
        found.update(position.symbol for position in self._shown)
        found.update(self.books.symbols())
        return frozenset(found)

    # Trades

    def read_trades(self, symbols: Iterable[str], *, anew: bool = False) -> _Reading:
        """Read the trades of symbols, each from where it was read last, or all of them anew."""
        recovery, task = self.recovery, self.task
        for symbol in sorted(symbols):
            # What is missing of a broken chain may have been lost before the gap.
            since_ms = min(task.since_ms, max(self._good_ms(symbol), self.books.delivered.floor_ms))
            # What was missing on a page may since stand in the midst of it.
            is_read = not anew and recovery.read_since.get(symbol, since_ms) <= since_ms + _REDATED_MS
            from_id = recovery.read_through.get(symbol) if is_read else None
            keep = functools.partial(self._keep_trades, symbol, since_ms)
            trades = yield from pages_of_trades(symbol, since_ms, self._looked_ms, from_id, keep, task.page_rows)
            self._name(trades, f"trades of {symbol}")
            if trades.is_whole:
                self._read_at[symbol] = trades.sent_ms

    def _keep_trades(self, symbol: str, since_ms: int, page: Answer) -> None:
        """Keep a page of trades, which were read since a moment."""
        recovery = self.recovery
        for row in page.rows:
            if row.trade_time_ms >= self.books.delivered.floor_ms:
                recovery.fills.setdefault(fill_id(row), row)
        if page.malformed:
            self._unread_symbols.add(symbol)
        # Go on there when they are read again; the last ones may not be all that REST will have to show.
        settled = [row.trade_id for row in page.rows if row.trade_time_ms <= self.task.until_ms]
        if settled and symbol not in self._unread_symbols:
            recovery.read_since[symbol], recovery.read_through[symbol] = since_ms, settled[-1]

    def _good_ms(self, symbol: str) -> int:
        """Return until when the sums of a symbol agreed; the beginning of the gap when they agree."""
        if symbol in self._unbalanced_positions():
            # Not even with what was found since a position agreed, so that was by chance: two fills that cancel.
            return self.books.delivered.floor_ms
        chains = self.books.chains
        moments = [broken.since_ms for broken in chains.breaks() if broken.symbol == symbol]
        for row in self.recovery.orders.values():
            if row.symbol == symbol and self.books.lacks_order(row):
                chain = chains.orders.get((symbol, row.order_id))
                moments.append(chain.good_ms if chain is not None else row.creation_time_ms or 0)
        for position in self._positions():
            of = chains.positions.get((position.symbol, position.position_side))
            if position.symbol == symbol and of is not None and self.books.lacks_position(position):
                moments.append(of.base_ms)
        return min(moments, default=self.task.since_ms)

    # Orders that are gone

    def ask_for_orders(self, symbols: Iterable[str], again: Iterable[str] = ()) -> _Reading:
        """Ask what became of open orders that are gone, and of orders whose fills were found."""
        wanted: Dict[str, Set[int]] = {}
        repeated = set(again)
        for key in self._gone_orders(symbols) | self._orders_of_fills():
            if key not in self._open and (key[0] in repeated or not self._is_settled(key)):
                wanted.setdefault(key[0], set()).add(key[1])
        for symbol in sorted(wanted):
            yield from self._ask_for_orders_of(symbol, sorted(wanted[symbol]))
        for algo_id in sorted(self._gone_algos(symbols)):
            yield from self._ask_for_algo(algo_id)

    def _is_settled(self, key: OrderKey) -> bool:
        """Whether nothing more is to be learnt of an order: a row shows its end, or nobody knows it any more."""
        row = self.recovery.orders.get(key)
        return key in self._unknown or (row is not None and row.status in ENDED)

    def _gone_orders(self, symbols: Iterable[str]) -> Set[OrderKey]:
        """Return the orders that were open when last told of, long enough ago, and are not shown any more."""
        known, latest_ms = self.books.open_orders(symbols), self._looked_ms - self.task.settle_ms
        return {key for key, told_ms in known.items() if told_ms <= latest_ms and key not in self._open}

    def _orders_of_fills(self) -> Set[OrderKey]:
        return {(symbol, order_id) for symbol, order_id, _ in self._missing_fills()}

    def _ask_for_orders_of(self, symbol: str, order_ids: Sequence[int]) -> _Reading:
        if len(order_ids) > _SINGLY_AT_MOST:
            told = yield from pages_of_one_symbol(symbol, order_ids[0], order_ids[-1], self.task.page_rows)
            self._name_malformed(told)
            wanted = set(order_ids)
            self.recovery.add_orders(row for row in told.rows if row.order_id in wanted)
            order_ids = [one for one in order_ids if (symbol, one) not in self.recovery.orders]
        for order_id in order_ids:
            answer = yield reads.order(symbol, order_id)
            self._name_malformed(answer)
            self.recovery.add_orders(answer.rows)
            self._unknown.pop((symbol, order_id), None)
            if answer.refused:
                self._unknown[symbol, order_id] = answer.refused

    def _gone_algos(self, symbols: Iterable[str]) -> Set[int]:
        wanted = set(symbols)
        return {
            algo_id
            for algo_id, algo in self.books.algo_orders.items()
            if algo.symbol in wanted
            and algo.time_ms <= self._looked_ms - self.task.settle_ms
            and algo_id not in self._open_algos
            and algo_id not in self.recovery.unknown_algos
            and not self._has_ended(algo_id)
        }

    def _has_ended(self, algo_id: int) -> bool:
        row = self.recovery.algo_orders.get(algo_id)
        return row is not None and row.status in ALGO_ENDED

    def _ask_for_algo(self, algo_id: int) -> _Reading:
        answer = yield reads.algo_order(algo_id)
        self._name_malformed(answer)
        self.recovery.algo_orders.update((row.algo_id, row) for row in answer.rows)
        known = self.books.algo_orders.get(algo_id)
        is_young = known is not None and known.time_ms > answer.sent_ms - _ALGO_UNKNOWN_MS
        if answer.refused and not is_young:
            self.recovery.unknown_algos.append(algo_id)
            self.recovery.lose(f"the end of conditional order {algo_id} ({_unknown(answer.refused)})")

    # What balances

    def unbalanced(self) -> Set[str]:
        """Return the symbols of which more was traded, by the exchange's own sums, than was delivered and found."""
        return {*self._unbalanced_orders(), *self._unbalanced_positions(), *self._unbridged()}

    def _missing_fills(self) -> Dict[FillId, TradeRow]:
        """Return what was found and has not come by the stream, not even since."""
        delivered = self.books.delivered
        return {
            identified: row
            for identified, row in self.recovery.fills.items()
            if not delivered.has_fill(identified, row.trade_time_ms)
        }

    def _unbalanced_orders(self) -> Set[str]:
        found: Dict[OrderKey, Decimal] = {}
        for (symbol, order_id, _), fill in self._missing_fills().items():
            key = (symbol, order_id)
            found[key] = found.get(key, ZERO) + fill.last_filled_quantity
        suspects = set()
        for key, row in self._order_claims().items():
            if key[0] not in self._read_at:
                continue
            chain = self.books.chains.orders.get(key)
            counted = chain.counted if chain is not None else ZERO
            claimed = max(row.filled_quantity if row else ZERO, chain.claimed if chain is not None else ZERO)
            if chain is None and row is not None and not self._is_from_its_start(row):
                continue
            if counted + found.get(key, ZERO) < claimed:
                suspects.add(key[0])
        return suspects

    def _order_claims(self) -> Dict[OrderKey, Optional[OrderRow]]:
        claims: Dict[OrderKey, Optional[OrderRow]] = dict(self.recovery.orders)
        for key, chain in self.books.chains.orders.items():
            if chain.missing:
                claims.setdefault(key, None)
        return claims

    def _is_from_its_start(self, row: OrderRow) -> bool:
        """Whether all fills of an order that the stream never told of lie in what is read."""
        counted_ms = max(self.books.delivered.floor_ms, self.books.chains.grounded_ms or 0)
        return (row.creation_time_ms or 0) >= counted_ms

    def _unbalanced_positions(self) -> Set[str]:
        found: Dict[PositionKey, List[Tuple[int, Decimal]]] = {}
        for row in self._missing_fills().values():
            signed = row.last_filled_quantity if row.side == Side.BUY else -row.last_filled_quantity
            found.setdefault(position_of(row), []).append((row.trade_time_ms, signed))
        suspects = set()
        for position in self._positions():
            key = (position.symbol, position.position_side)
            chain = self.books.chains.positions.get(key)
            if chain is None or key[0] not in self._read_at or position.update_time_ms < chain.base_ms:
                continue
            if chain.expected(position.update_time_ms, found.get(key, ())) != position.amount:
                suspects.add(key[0])
        return suspects

    def _unbridged(self) -> Set[str]:
        """Return the symbols of which the stream told fills that REST should show by now, and does not."""
        return {
            symbol
            for symbol, read_ms in self._read_at.items()
            if any(
                identified not in self.recovery.fills and time_ms <= read_ms - self.task.settle_ms
                for identified, time_ms in self.books.delivered.fills_since(symbol, self.task.until_ms)
            )
        }

    def judge(self) -> None:
        """Say on what evidence the gap is closed, and name what does not balance."""
        recovery = self.recovery
        recovery.positions = tuple(self._positions())
        recovery.duplicates = len(recovery.fills) - len(self._missing_fills())
        for what in self.unread:
            recovery.lose(what)
        if self.is_cut:
            recovery.lose(
                f"fills and order states from {self._since_ms} to {self._shown_ms}: the exchange shows three months"
            )
        for (symbol, order_id), code in sorted(self._unknown.items()):
            recovery.lose(f"the end of order {order_id} of {symbol} ({_unknown(code)})")
        # One whose fills are shown, and that was placed so lately that REST may be behind, is not over for that.
        recovery.unknown_orders = sorted(self._unknown.keys() & self._gone_orders(self._symbols))
        recovery.unbalanced = frozenset(self._unbalanced_orders() | self._unbalanced_positions())
        for symbol in sorted(recovery.unbalanced):
            recovery.lose(f"fills of {symbol}: the quantities do not balance")
        unbridged = self._unbridged()
        for symbol in sorted(unbridged):
            recovery.lose(f"fills of {symbol}: REST does not show what the stream has told since")
        if recovery.unbalanced or unbridged or self.unread or self.is_cut or not self._is_whole:
            recovery.proof = Proof.UNPROVEN
        elif self._is_bridged():
            recovery.proof = Proof.BRIDGED
        elif recovery.orders or recovery.positions:
            recovery.proof = Proof.BALANCED
        else:
            recovery.proof = Proof.SETTLED

    def _is_bridged(self) -> bool:
        """Whether what was read reaches into what the connection delivers: a fill is in both."""
        since_ms = self.task.until_ms
        return any(
            identified in self.recovery.fills
            for symbol in self._read_at
            for identified, _ in self.books.delivered.fills_since(symbol, since_ms)
        )

    def _name(self, told: Union[Answer, Pages], what: str) -> None:
        """Name what of an answer cannot be used, or that there is none."""
        self._name_malformed(told)
        if told.refused:
            self._is_whole = False
            self.recovery.lose(f"{what}, which the exchange refuses with {told.refused}")
        elif isinstance(told, Pages) and not told.is_whole:
            self.unread.append(f"{what}, which cannot be read")

    def _name_malformed(self, told: Union[Answer, Pages]) -> None:
        self.unread.extend(told.malformed)


def _unknown(code: int) -> str:
    return "unknown to the exchange" if code == NO_SUCH_ORDER else f"refused with {code}"
