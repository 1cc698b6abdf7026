"""
What is held back while a gap is repaired, and how it is put together with what was read.

Nothing of a symbol is delivered between the opening of a gap and the merge, so that recovered fills come before the
live ones that followed them. Per symbol fills go out by their trade ids; what is no fill keeps its place among the
others, behind the recovered fills that happened before it, and the fills with lower ids than those.
"""

from __future__ import annotations

import bisect
import itertools
from collections import deque
from typing import Deque, Dict, FrozenSet, Iterator, List, Optional, Sequence, Tuple

import attrs

from ..events.base import Event
from ..events.usdm import AccountConfigUpdate, AccountUpdate, AlgoUpdate, OrderTradeUpdate
from ..events.vocabulary import ExecutionType

#: Frames and bytes that are held at most; beyond them everything is delivered at once, and the gap stays open.
MOST_FRAMES = 100_000
MOST_BYTES = 256 * 1024 * 1024

#: Events with an order among themselves and with fills. Signals, and the early copies of fills, do not wait.
_HELD = (OrderTradeUpdate, AccountUpdate, AlgoUpdate, AccountConfigUpdate)


def symbols_of(event: Event) -> Tuple[str, ...]:
    """Return the symbols an event is about."""
    if isinstance(event, AccountUpdate):
        return tuple(position.symbol for position in event.positions)
    symbol = getattr(event, "symbol", None)
    return (symbol,) if isinstance(symbol, str) else ()


@attrs.define
class Hold:
    """
    Events that wait for the end of a repair.

    Attributes:
        symbols: Only those of these symbols wait; None: all do.
    """

    symbols: Optional[FrozenSet[str]] = None
    _events: Deque[Event] = attrs.field(factory=deque)
    _bytes: int = 0

    def wants(self, event: Event) -> bool:
        """Whether an event has to wait."""
        if not isinstance(event, _HELD):
            return False
        return self.symbols is None or not self.symbols.isdisjoint(symbols_of(event))

    def widen(self, symbols: Optional[FrozenSet[str]]) -> None:
        """Let more wait."""
        self.symbols = None if symbols is None or self.symbols is None else self.symbols | symbols

    def add(self, event: Event, size: int) -> None:
        """Let an event wait; ``size`` is that of its frame in bytes."""
        self._events.append(event)
        self._bytes += size

    @property
    def is_full(self) -> bool:
        """Whether nothing more may wait."""
        return len(self._events) >= MOST_FRAMES or self._bytes >= MOST_BYTES

    def take(self) -> List[Event]:
        """Return what waited, in the order it came; nothing waits any more."""
        events = list(self._events)
        self._events.clear()
        self._bytes = 0
        return events


def merged(held: Sequence[Event], recovered: Sequence[OrderTradeUpdate]) -> Iterator[Event]:
    """
    Yield held events and recovered fills in the order of delivery.

    Args:
        held: As they came.
        recovered: Fills, none of which is among the held ones.
    """
    lines: Dict[str, _Line] = {}
    for fill in filter(None, map(_numbered, held)):
        lines.setdefault(fill.symbol, _Line()).held.append(fill)
    for fill in recovered:
        lines.setdefault(fill.symbol, _Line()).recovered.append(fill)
    for line in lines.values():
        line.form()
    for event in held:
        own = _numbered(event)
        if own is not None:
            yield from lines[own.symbol].next_held()
            continue
        for symbol in symbols_of(event):
            if symbol in lines:
                yield from lines[symbol].recovered_until(_happened_ms(event))
        yield event
    # Across symbols time is all that is known; within one the ids decide.
    yield from _by_time_across_symbols([fill for line in lines.values() for fill in line.waiting])


@attrs.define
class _Line:
    """The fills of one symbol on their way out, in the order of their ids."""

    held: Deque[OrderTradeUpdate] = attrs.field(factory=deque)
    recovered: List[OrderTradeUpdate] = attrs.field(factory=list)
    waiting: Deque[OrderTradeUpdate] = attrs.field(factory=deque)
    _moments: List[int] = attrs.field(factory=list)
    _highest: List[Tuple[int, int]] = attrs.field(factory=list)

    def form(self) -> None:
        """Line up the fills once all are there."""
        self.held = deque(sorted(self.held, key=_by_trade))
        self.waiting = deque(sorted((*self.held, *self.recovered), key=_by_trade))
        self.recovered.sort(key=_time_ms)
        self._moments = [_time_ms(fill) for fill in self.recovered]
        self._highest = list(itertools.accumulate(map(_by_trade, self.recovered), max))

    def next_held(self) -> Iterator[OrderTradeUpdate]:
        """Yield the next held fill, and the recovered ones before it."""
        return self._through(_by_trade(self.held.popleft()))

    def recovered_until(self, at_ms: int) -> Iterator[OrderTradeUpdate]:
        """Yield the recovered fills up to a moment, and the held ones before them."""
        count = bisect.bisect_right(self._moments, at_ms)
        return self._through(self._highest[count - 1]) if count else iter(())

    def _through(self, last: Tuple[int, int]) -> Iterator[OrderTradeUpdate]:
        while self.waiting and _by_trade(self.waiting[0]) <= last:
            yield self.waiting.popleft()


def _numbered(event: Event) -> Optional[OrderTradeUpdate]:
    """Return an event if it is a fill with an id; any other keeps its place."""
    return event if isinstance(event, OrderTradeUpdate) and event.is_fill and event.trade_id else None


def _by_trade(fill: OrderTradeUpdate) -> Tuple[int, int]:
    return (fill.trade_id or 0, fill.order_id)


def _time_ms(fill: OrderTradeUpdate) -> int:
    return fill.transaction_time_ms or 0


def _happened_ms(event: Event) -> int:
    """Return the last moment at which a fill happened before an event that is none."""
    at_ms = event.transaction_time_ms or 0
    # An order is placed before it is filled, often in the same millisecond.
    is_placing = isinstance(event, OrderTradeUpdate) and event.execution_type == ExecutionType.NEW
    return at_ms - 1 if is_placing else at_ms


def _by_time_across_symbols(fills: Sequence[OrderTradeUpdate]) -> Iterator[OrderTradeUpdate]:
    """Yield fills by time, those of one symbol in the order given."""
    latest: Dict[str, int] = {}
    dated: List[Tuple[int, OrderTradeUpdate]] = []
    for fill in fills:
        latest[fill.symbol] = max(latest.get(fill.symbol, 0), fill.transaction_time_ms or 0)
        dated.append((latest[fill.symbol], fill))
    yield from (fill for _, fill in sorted(dated, key=lambda pair: pair[0]))
