"""
What makes two copies the same event, and which were delivered already.

The same event comes twice when two connections overlap, when REST repeats what the stream told, and now and then for
no reason at all. A fill is identified by (symbol, order id, trade id): both legs of a self-trade share the trade id.
Every other event is identified by what it says.
"""

from __future__ import annotations

import operator
from typing import Any, Callable, Dict, Hashable, Iterator, Optional, Set, Tuple, Type, Union

import attrs

from ..events import usdm
from ..events.base import Event
from ..events.usdm_rows import TradeRow
from ..events.vocabulary import PositionSide

#: (symbol, order id, trade id).
FillId = Tuple[str, int, int]

#: (symbol, order id); (symbol, position side).
OrderKey = Tuple[str, int]
PositionKey = Tuple[str, str]

#: Other events than fills are told twice only while connections overlap, so they are forgotten after so long, or twice
#: as long.
_KEPT_MS = 120_000

#: Connections that may tell the same at a time; more than there are.
_CONNECTIONS = 4


#: All that a row says. Many rows are asked, and by this each is in one step.
_of_balance, _of_position = (
    operator.attrgetter(*(field.name for field in attrs.fields(of))) for of in (usdm.Balance, usdm.Position)
)


def fill_id(fill: Union[usdm.OrderTradeUpdate, usdm.TradeLite, TradeRow]) -> FillId:
    """Return what identifies a fill, however it was told."""
    return (fill.symbol, fill.order_id, fill.trade_id or 0)


def position_of(order: Union[usdm.OrderTradeUpdate, TradeRow]) -> PositionKey:
    """Return which position an order works on, or a fill changes; without a side it is the only one of its symbol."""
    return (order.symbol, order.position_side or PositionSide.BOTH)


def _order(event: usdm.OrderTradeUpdate) -> Hashable:
    return (
        event.symbol,
        event.order_id,
        event.execution_type,
        event.status,
        event.filled_quantity,
        event.transaction_time_ms,
        event.quantity,
        event.price,
        event.modify_id,
    )


def _account(event: usdm.AccountUpdate) -> Hashable:
    # Python gives -1 and -2 the same hash.
    balances = frozenset([(_of_balance(row), row.wallet_balance == -1) for row in event.balances])
    positions = frozenset([(_of_position(row), row.amount == -1) for row in event.positions])
    return (event.transaction_time_ms, event.reason, balances, positions)


def _algo(event: usdm.AlgoUpdate) -> Hashable:
    return (
        event.algo_id,
        event.status,
        event.transaction_time_ms,
        event.is_trailing_activated,
        event.filled_quantity,
    )


def _config(event: usdm.AccountConfigUpdate) -> Hashable:
    return (event.transaction_time_ms, event.symbol, event.leverage, event.is_multi_assets_mode)


def _strategy(event: usdm.StrategyUpdate) -> Hashable:
    return (event.strategy_id, event.update_time_ms, event.status, event.operation)


def _grid(event: usdm.GridUpdate) -> Hashable:
    return (event.strategy_id, event.update_time_ms, event.status)


_SAID: Dict[Type[Event], Callable[[Any], Hashable]] = {
    usdm.OrderTradeUpdate: _order,
    usdm.TradeLite: lambda event: (event.symbol, event.order_id, event.trade_id),
    usdm.AccountUpdate: _account,
    usdm.AccountConfigUpdate: _config,
    usdm.AlgoUpdate: _algo,
    usdm.ConditionalOrderTriggerReject: lambda event: (event.order_id, event.transaction_time_ms),
    usdm.MarginCall: lambda event: (event.event_time_ms, event.positions),
    usdm.StrategyUpdate: _strategy,
    usdm.GridUpdate: _grid,
}


#: The classes of events that can be compared with copies.
COMPARABLE = frozenset(_SAID)


def identity(event: Event) -> Hashable:
    """
    Return what an event of one of the classes says, for the comparison with copies of it.

    For a fill with a trade id use ``fill_id``.
    """
    return (type(event), _SAID[type(event)](event))


@attrs.define
class _Moment:
    """What one connection told of the account in its newest millisecond: what last, and how often each."""

    at_ms: Optional[int] = None
    last: Optional[int] = None
    times: Dict[int, int] = attrs.field(factory=dict)


class Delivered:
    """
    What was delivered already, or is held to be delivered.

    Bounded: fills are kept until an audit has shown that everything before some moment was delivered; from then on a
    row of REST that is older than that moment counts as delivered. About 200 bytes for each fill that is kept.

    Attributes:
        floor_ms: Fills of before this moment of the exchange's clock are delivered, or not asked for.
    """

    def __init__(self, floor_ms: int = 0) -> None:
        self.floor_ms = floor_ms
        self._fills: Dict[str, Dict[Tuple[int, int], int]] = {}
        # What was said lately, and what was said before that: both are replaced when the older one is old enough.
        self._said: Set[int] = set()
        self._said_before: Set[int] = set()
        self._turned_ms = 0
        self._moments: Dict[int, _Moment] = {}

    def add_fill(self, identified: FillId, time_ms: int) -> bool:
        """Note a fill, and tell whether it is new."""
        symbol, order_id, trade_id = identified
        fills = self._fills.get(symbol)
        if fills is None:
            fills = self._fills[symbol] = {}
        if (order_id, trade_id) in fills:
            return False
        fills[order_id, trade_id] = time_ms
        return True

    def has_fill(self, identified: FillId, time_ms: int) -> bool:
        """Whether a fill was noted, or is too old to be asked for."""
        symbol, order_id, trade_id = identified
        return time_ms < self.floor_ms or (order_id, trade_id) in self._fills.get(symbol, ())

    def fills_since(self, symbol: str, since_ms: int) -> Iterator[Tuple[FillId, int]]:
        """Yield the noted fills of a symbol from a moment on, each with its time."""
        for (order_id, trade_id), time_ms in self._fills.get(symbol, {}).items():
            if time_ms >= since_ms:
                yield (symbol, order_id, trade_id), time_ms

    def add(self, event: Event, connection: int = 0) -> bool:
        """Note an event that is no fill, as a connection told it, and tell whether it is new."""
        # By its hash: what it says is long, and two hashes of 64 bits do not meet within minutes of events.
        said = hash(identity(event))
        if isinstance(event, usdm.AccountUpdate):
            said = hash((said, self._time_of(said, event.transaction_time_ms, connection)))
        if said in self._said or said in self._said_before:
            return False
        self._said.add(said)
        time_ms = event.transaction_time_ms or event.event_time_ms or 0
        if time_ms > self._turned_ms + _KEPT_MS:
            self._said_before, self._said, self._turned_ms = self._said, set(), time_ms
        return True

    def _time_of(self, said: int, at_ms: Optional[int], connection: int) -> int:
        """
        Return how often a connection told the same of the account, with something else in between.

        An account may be as before within a millisecond, after a trade and its opposite. A copy follows at once, or
        comes on another connection, where it has the same place.
        """
        moment = self._moments.get(connection)
        if moment is None:
            if len(self._moments) == _CONNECTIONS:
                # The one that has been silent for longest.
                del self._moments[min(self._moments, key=lambda one: self._moments[one].at_ms or 0)]
            moment = self._moments[connection] = _Moment()
        if moment.at_ms != at_ms:
            moment.at_ms, moment.last, moment.times = at_ms, said, {said: 1}
        elif moment.last != said:
            moment.last, moment.times[said] = said, moment.times.get(said, 0) + 1
        return moment.times[said]

    def forget_before(self, floor_ms: int) -> None:
        """Everything of before this moment was delivered: forget which fills those were."""
        self.floor_ms = max(self.floor_ms, floor_ms)
        for symbol in list(self._fills):
            fills = self._fills[symbol]
            for identified in [one for one, time_ms in fills.items() if time_ms < self.floor_ms]:
                del fills[identified]
            if not fills:
                del self._fills[symbol]

    def all_fills(self) -> Iterator[Tuple[FillId, int]]:
        """Yield every fill that is kept, with its time."""
        for symbol in self._fills:
            yield from self.fills_since(symbol, 0)
