"""
What looks wrong, and may be explained by the next frame.

Frames of different types overtake each other, and so do the copies of two connections. So what does not agree is a
doubt first; only when it still does not agree after a moment is it a suspicion, which is worth a look by REST.
"""

from __future__ import annotations

from typing import Callable, Dict, Iterator, List, Optional, TypeVar

import attrs

from ...events.usdm import OrderTradeUpdate, TradeLite
from ..identity import FillId, OrderKey, PositionKey, fill_id
from ..timings import Timings
from .chains import Break, Chains

K = TypeVar("K", OrderKey, PositionKey)


@attrs.frozen
class _Doubt:
    """When to look again, and since when something does not agree."""

    due: float
    since_ms: int


@attrs.define
class Doubts:
    """
    The doubts of one stream; times are seconds of the monotonic clock.

    Attributes:
        chains: What is doubted.
        timings: For how long a doubt may explain itself, and how often a symbol is suspected.
    """

    chains: Chains
    timings: Timings
    _orders: Dict[OrderKey, _Doubt] = attrs.field(factory=dict)
    _positions: Dict[PositionKey, _Doubt] = attrs.field(factory=dict)
    _announced: Dict[FillId, _Doubt] = attrs.field(factory=dict)
    _suspected: Dict[str, float] = attrs.field(factory=dict)

    def order(self, key: OrderKey, now: float) -> None:
        """Look at an order whose chain may be broken."""
        broken = self.chains.broken_order(key)
        if broken is not None or self._orders:
            _doubt(self._orders, key, broken, now + self.timings.doubt)

    def position(self, key: PositionKey, now: float) -> None:
        """Look at a position whose chain may be broken."""
        broken = self.chains.broken_position(key)
        if broken is not None or self._positions:
            _doubt(self._positions, key, broken, now + self.timings.doubt)

    def announced(self, lite: TradeLite, now: float) -> None:
        """A fill was told in short; its order update has to follow."""
        self._announced[fill_id(lite)] = _Doubt(now + self.timings.trade_lite_alone, lite.transaction_time_ms or 0)

    def told(self, fill: OrderTradeUpdate) -> None:
        """A fill was told in full, or read by REST."""
        if self._announced:
            self._announced.pop(fill_id(fill), None)

    def next_due(self) -> Optional[float]:
        """Return when the next doubt is to be judged; None when there is none."""
        doubts = (*self._orders.values(), *self._positions.values(), *self._announced.values())
        return min((doubt.due for doubt in doubts), default=None)

    def due(self, now: float) -> List[Break]:
        """Return what still does not agree although it had its time; at most one break per symbol and interval."""
        ripe = [
            *self._ripe(self._orders, self.chains.broken_order, now),
            *self._ripe(self._positions, self.chains.broken_position, now),
            *self._ripe_announcements(now),
        ]
        found: Dict[str, Break] = {}
        for one in ripe:
            known = found.get(one.symbol)
            if known is None or one.since_ms < known.since_ms:
                found[one.symbol] = one
        for symbol in found:
            self._suspected[symbol] = now + self.timings.suspicion_interval
        return list(found.values())

    def _ripe(self, doubts: Dict[K, _Doubt], look: Callable[[K], Optional[Break]], now: float) -> Iterator[Break]:
        for key in [key for key, doubt in doubts.items() if doubt.due <= now]:
            broken = look(key)
            if broken is None:
                del doubts[key]
                continue
            allowed = self._allowed(broken.symbol, now)
            # Also when it is suspected now: what is found meanwhile may leave the doubt unexplained.
            again = allowed if allowed > now else now + self.timings.suspicion_interval
            doubts[key] = _Doubt(again, broken.since_ms)
            if allowed <= now:
                yield broken

    def _ripe_announcements(self, now: float) -> Iterator[Break]:
        for fill in [fill for fill, doubt in self._announced.items() if doubt.due <= now]:
            symbol, order_id, trade_id = fill
            since_ms, allowed = self._announced.pop(fill).since_ms, self._allowed(symbol, now)
            if allowed > now:
                self._announced[fill] = _Doubt(allowed, since_ms)
            else:
                yield Break(symbol, since_ms, f"trade {trade_id} of order {order_id}")

    def _allowed(self, symbol: str, now: float) -> float:
        """Return from when on a symbol may be suspected."""
        return self._suspected.get(symbol, now)


def _doubt(doubts: Dict[K, _Doubt], key: K, broken: Optional[Break], due: float) -> None:
    """Begin to doubt what is broken, anew when it agreed meanwhile, and stop to doubt what is not."""
    known = doubts.get(key)
    if broken is None:
        doubts.pop(key, None)
    elif known is None or known.since_ms != broken.since_ms:
        doubts[key] = _Doubt(due, broken.since_ms)
