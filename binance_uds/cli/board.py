"""
What the displays show: one model for the live screen and for the plain lines.

The board takes what a stream delivers, and the time as an argument; it reads no clock and prints nothing.
"""

from __future__ import annotations

from collections import deque
from decimal import Decimal
from typing import Deque, Dict, List, Optional, Tuple, Union

import attrs

from ..events import (
    AccountUpdate,
    AlgoUpdate,
    Attention,
    Event,
    GapClosed,
    GapOpened,
    Notice,
    OrderTradeUpdate,
    Position,
    StateChanged,
    StreamState,
)
from ..events.base import FROM_REST
from ..runtime.watch import Health
from .words import Told, tell

#: Kept of each kind; more than the tallest terminal shows.
KEPT = 100

Item = Union[Event, Notice]


@attrs.define
class Incident:
    """
    A fault, the gap that followed, or both. Times are seconds since the board began.

    Attributes:
        at: When the fault happened, or the gap was announced if there was no fault.
        fault: What the exchange did; None when nobody told us.
        gap_id: That of the gap; None until one was announced.
        cause: What the stream says about it; None until it noticed.
        noticed_at: When it said so.
        closed: The report about the gap.
        closed_at: When it came.
    """

    at: float
    fault: Optional[str] = None
    gap_id: Optional[int] = None
    cause: Optional[str] = None
    noticed_at: Optional[float] = None
    closed: Optional[GapClosed] = None
    closed_at: Optional[float] = None


@attrs.define
class OrderLine:
    """An order as last heard of; ``filled`` is None for conditional orders that wait."""

    symbol: str
    side: str
    order_type: Optional[str]
    filled: Optional[Decimal]
    quantity: Optional[Decimal]
    price: Optional[Decimal]
    status: Optional[str]


@attrs.define
class Board:
    """
    Everything there is to see.

    Attributes:
        title: What this is.
        knows_faults: Whether somebody tells what goes wrong at the exchange.
        state: The stream's state as last looked at.
        state_since: Since when, in seconds since the board began.
        orders: By kind and id, the one last heard of at the end.
        fills: Oldest first.
        balances: Wallet balances by asset.
        positions: Open positions by symbol and side.
        incidents: Faults and gaps, oldest first.
        fills_seen: How many fills there were in all.
        recovered_seen: How many of them came by REST.
        late_seen: How many of them came after a fill of the same symbol with a higher trade id.
        blind_ms: How long all closed gaps were together, in milliseconds.
        attention: What a person should look at, last.
    """

    title: str
    knows_faults: bool = False
    state: StreamState = StreamState.IDLE
    state_since: float = 0.0
    orders: Dict[Tuple[str, str, int], OrderLine] = attrs.field(factory=dict)
    fills: Deque[OrderTradeUpdate] = attrs.field(factory=lambda: deque(maxlen=KEPT))
    balances: Dict[str, Decimal] = attrs.field(factory=dict)
    positions: Dict[Tuple[str, str], Position] = attrs.field(factory=dict)
    incidents: Deque[Incident] = attrs.field(factory=lambda: deque(maxlen=KEPT))
    fills_seen: int = 0
    recovered_seen: int = 0
    late_seen: int = 0
    blind_ms: int = 0
    attention: Optional[str] = None

    def take(self, item: Item, at: float) -> Optional[Told]:
        """
        Take in what was delivered.

        Args:
            item: An event or a notice.
            at: Seconds since the board began.

        Returns:
            It in words; None for what only repeats another event.
        """
        if isinstance(item, OrderTradeUpdate):
            self._take_order(item)
        elif isinstance(item, AlgoUpdate):
            self._take_algo(item)
        elif isinstance(item, AccountUpdate):
            self._take_account(item)
        elif isinstance(item, GapOpened):
            self._take_gap(item, at)
        elif isinstance(item, GapClosed):
            self._close_gap(item, at)
        elif isinstance(item, StateChanged):
            self._stand(item.new, at)
        elif isinstance(item, Attention):
            self.attention = item.message
        return tell(item)

    def take_fault(self, words: str, at: float) -> Told:
        """Take in what the exchange was made to do."""
        self.incidents.append(Incident(at, fault=words))
        return Told("exchange", words)

    def look(self, health: Health, at: float) -> None:
        """Take in the state as the reader sees it, which may have changed by the passing of time alone."""
        self._stand(health.state, at)

    def _stand(self, state: StreamState, at: float) -> None:
        if state is not self.state:
            self.state, self.state_since = state, at

    def _take_order(self, item: OrderTradeUpdate) -> None:
        if item.is_fill:
            self.fills.append(item)
            self.fills_seen += 1
            self.recovered_seen += item.origin == FROM_REST
            self.late_seen += item.late
        self._put_order(
            ("order", item.symbol, item.order_id),
            OrderLine(
                item.symbol,
                item.side,
                item.original_order_type or item.order_type,
                item.filled_quantity,
                item.quantity,
                item.price or item.average_price,
                item.status,
            ),
        )

    def _take_algo(self, item: AlgoUpdate) -> None:
        self._put_order(
            ("algo", item.symbol, item.algo_id),
            OrderLine(item.symbol, item.side, item.order_type, None, item.quantity, item.trigger_price, item.status),
        )

    def _put_order(self, identity: Tuple[str, str, int], line: OrderLine) -> None:
        self.orders.pop(identity, None)
        self.orders[identity] = line
        if len(self.orders) > KEPT:
            del self.orders[next(iter(self.orders))]

    def _take_account(self, item: AccountUpdate) -> None:
        for balance in item.balances:
            self.balances[balance.asset] = balance.wallet_balance
        for row in item.positions:
            key = (row.symbol, row.position_side)
            if row.amount:
                self.positions[key] = row
            else:
                self.positions.pop(key, None)

    def _take_gap(self, item: GapOpened, at: float) -> None:
        incident = next((one for one in reversed(self.incidents) if one.fault and one.gap_id is None), None)
        if incident is None:
            incident = Incident(at)
            self.incidents.append(incident)
        incident.gap_id, incident.cause, incident.noticed_at = item.gap_id, item.cause, at

    def _close_gap(self, item: GapClosed, at: float) -> None:
        self.blind_ms += item.until_ms - item.since_ms
        for incident in self.incidents:
            if incident.gap_id == item.gap_id:
                incident.closed, incident.closed_at = item, at

    def recent_orders(self, count: int) -> List[OrderLine]:
        """Return the orders last heard of, the latest first."""
        return list(self.orders.values())[::-1][:count]

    def recent_fills(self, count: int) -> List[OrderTradeUpdate]:
        """Return the last fills, the latest first."""
        return list(self.fills)[::-1][:count]

    def open_incidents(self) -> List[Incident]:
        """Return the incidents whose gaps are open, oldest first."""
        return [one for one in self.incidents if one.noticed_at is not None and one.closed is None]

    def recent_incidents(self, count: int) -> List[Incident]:
        """Return the last incidents, oldest first."""
        return list(self.incidents)[-count:] if count > 0 else []
