"""
What looks wrong, and may be explained by the next frame.

Frames of different types overtake each other, and so do the copies of two connections. So what does not agree is a
doubt first; only when it still does not agree after a moment is it a suspicion, which is worth a look by REST.
"""

from __future__ import annotations

from typing import Dict, Iterator, List, Optional, Tuple, TypeVar

import attrs

from ..events.usdm import OrderTradeUpdate, TradeLite
from .chains import Break, Chains, OrderKey, PositionKey
from .identity import FillId
from .timings import Timings

K = TypeVar("K", OrderKey, PositionKey)


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
    _orders: Dict[OrderKey, float] = attrs.field(factory=dict)
    _positions: Dict[PositionKey, float] = attrs.field(factory=dict)
    _announced: Dict[FillId, Tuple[float, int]] = attrs.field(factory=dict)
    _suspected: Dict[str, float] = attrs.field(factory=dict)

    def order(self, key: OrderKey, now: float) -> None:
        """Look at an order whose chain may be broken."""
        _doubt(self._orders, key, self.chains.broken_order(key) is not None, now + self.timings.doubt)

    def position(self, key: PositionKey, now: float) -> None:
        """Look at a position whose chain may be broken."""
        _doubt(self._positions, key, self.chains.is_doubtful(key), now + self.timings.doubt)

    def announced(self, lite: TradeLite, now: float) -> None:
        """A fill was told in short; its order update has to follow."""
        fill = (lite.symbol, lite.order_id, lite.trade_id)
        self._announced[fill] = (now + self.timings.trade_lite_alone, lite.transaction_time_ms or 0)

    def told(self, fill: OrderTradeUpdate) -> None:
        """A fill was told in full."""
        self._announced.pop((fill.symbol, fill.order_id, fill.trade_id or 0), None)

    def next_due(self) -> Optional[float]:
        """Return when the next doubt is to be judged; None when there is none."""
        moments = [
            *self._orders.values(),
            *self._positions.values(),
            *(due for due, _ in self._announced.values()),
        ]
        return min(moments, default=None)

    def due(self, now: float) -> List[Break]:
        """Return what still does not agree although it had its time; at most one break per symbol and interval."""
        ripe = [*self._ripe_chains(now), *self._ripe_announcements(now)]
        found: Dict[str, Break] = {}
        for one in ripe:
            known = found.get(one.symbol)
            if known is None or one.since_ms < known.since_ms:
                found[one.symbol] = one
        for symbol in found:
            self._suspected[symbol] = now + self.timings.suspicion_interval
        return list(found.values())

    def _ripe_chains(self, now: float) -> Iterator[Break]:
        for order in _take(self._orders, now):
            broken = self.chains.broken_order(order)
            if broken is not None and self._may_suspect(broken.symbol, now, self._orders, order):
                yield broken
        for position in _take(self._positions, now):
            broken = self.chains.broken_position(position)
            if broken is not None and self._may_suspect(broken.symbol, now, self._positions, position):
                yield broken

    def _ripe_announcements(self, now: float) -> Iterator[Break]:
        for fill in [fill for fill, (due, _) in self._announced.items() if due <= now]:
            symbol, order_id, trade_id = fill
            allowed, time_ms = self._suspected.get(symbol, now), self._announced[fill][1]
            if allowed > now:
                self._announced[fill] = (allowed, time_ms)
                continue
            del self._announced[fill]
            yield Break(symbol, time_ms, f"trade {trade_id} of order {order_id}")

    def _may_suspect(self, symbol: str, now: float, doubts: Dict[K, float], key: K) -> bool:
        """Whether a symbol was not suspected just now; otherwise the doubt is looked at again later."""
        allowed = self._suspected.get(symbol, now)
        # Also when it is suspected now: what is found meanwhile may leave the doubt unexplained.
        doubts[key] = max(allowed, now) + self.timings.suspicion_interval if allowed <= now else allowed
        return allowed <= now


def _doubt(doubts: Dict[K, float], key: K, is_broken: bool, due: float) -> None:
    """Begin to doubt what is broken, and stop to doubt what is not."""
    if not is_broken:
        doubts.pop(key, None)
    elif key not in doubts:
        doubts[key] = due


def _take(doubts: Dict[K, float], now: float) -> List[K]:
    ripe = [key for key, due in doubts.items() if due <= now]
    for key in ripe:
        del doubts[key]
    return ripe
