"""
What is held back while a gap is repaired, and how it is put together with what was read.

Nothing of a symbol is delivered between the opening of a gap and the merge, so that recovered fills come before the
live ones that followed them. Per symbol fills go out by their trade ids; what is no fill keeps its place among the
frames, behind the recovered fills that happened before it.
"""

from __future__ import annotations

from collections import deque
from typing import Callable, Deque, Dict, FrozenSet, Iterator, List, Optional, Sequence, Tuple

import attrs

from ..events.base import Event
from ..events.usdm import AccountConfigUpdate, AccountUpdate, AlgoUpdate, OrderTradeUpdate

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

    def __len__(self) -> int:
        return len(self._events)

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
    waiting: Dict[str, Deque[OrderTradeUpdate]] = {}
    for fill in sorted(recovered, key=_by_trade):
        waiting.setdefault(fill.symbol, deque()).append(fill)
    for event in _fills_in_order(held):
        for symbol in symbols_of(event):
            queue = waiting.get(symbol)
            goes_before = _before(event)
            while queue and goes_before(queue[0]):
                yield queue.popleft()
        yield event
    left = [fill for queue in waiting.values() for fill in queue]
    # Across symbols time is all that is known; within one the ids decide.
    yield from _by_time_across_symbols(left)


def _by_trade(fill: OrderTradeUpdate) -> Tuple[int, int]:
    return (fill.trade_id or 0, fill.order_id)


def _before(event: Event) -> Callable[[OrderTradeUpdate], bool]:
    """Return whether a recovered fill goes before a held event of its symbol."""
    if isinstance(event, OrderTradeUpdate) and event.is_fill:
        mine = _by_trade(event)
        return lambda fill: _by_trade(fill) < mine
    at_ms = event.transaction_time_ms or 0
    return lambda fill: (fill.transaction_time_ms or 0) <= at_ms


def _fills_in_order(held: Sequence[Event]) -> List[Event]:
    """Put the fills of each symbol into the order of their ids, in the places that fills of that symbol have."""
    fills: Dict[str, List[OrderTradeUpdate]] = {}
    for event in held:
        if isinstance(event, OrderTradeUpdate) and event.is_fill:
            fills.setdefault(event.symbol, []).append(event)
    sources = {symbol: iter(sorted(group, key=_by_trade)) for symbol, group in fills.items()}
    return [
        next(sources[event.symbol]) if isinstance(event, OrderTradeUpdate) and event.is_fill else event
        for event in held
    ]


def _by_time_across_symbols(fills: Sequence[OrderTradeUpdate]) -> Iterator[OrderTradeUpdate]:
    """Yield fills by time, those of one symbol in the order given."""
    latest: Dict[str, int] = {}
    dated: List[Tuple[int, OrderTradeUpdate]] = []
    for fill in fills:
        latest[fill.symbol] = max(latest.get(fill.symbol, 0), fill.transaction_time_ms or 0)
        dated.append((latest[fill.symbol], fill))
    yield from (fill for _, fill in sorted(dated, key=lambda pair: pair[0]))
