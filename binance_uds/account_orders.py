"""
The life of an order: its fills and its steps, in order, however they came.

Both are tuples that never change; what comes is put in its place, nearly always the last. So what an order's life is
does not depend on the order in which it was told. They are bounded: of fills the newest ``FILLS_KEPT`` by trade id
are kept, of other steps the first and the newest ``STEPS_KEPT`` less one.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Dict, List, Optional, Tuple

import attrs

from .events.base import FROM_REST, FROM_STREAM
from .events.usdm import OrderTradeUpdate
from .events.vocabulary import ExecutionType, OrderStatus
from .makers import maker

ZERO = Decimal(0)

#: The most fills that are kept of one order.
FILLS_KEPT = 1_000

#: The most other steps that are kept of one order; Binance lets an order be amended 10,000 times.
STEPS_KEPT = 100

#: How far an order has come by its status. A word that is missing is no beginning and no end: 1. REJECTED is what REST
#: alone may say.
RANKS: Dict[Optional[str], int] = {
    OrderStatus.NEW: 0,
    OrderStatus.NEW_INSURANCE: 0,
    OrderStatus.NEW_ADL: 0,
    OrderStatus.PARTIALLY_FILLED: 1,
    OrderStatus.FILLED: 2,
    OrderStatus.CANCELED: 2,
    OrderStatus.EXPIRED: 2,
    OrderStatus.EXPIRED_IN_MATCH: 2,
    "REJECTED": 2,
}

#: Which terms are the newer when all numbers agree, by execution type: a row of REST (None) shows what the millisecond
#: ended with, and an amendment is told by nothing but itself. Others: 0.
PRECEDENCE: Dict[Optional[str], int] = {None: 1, ExecutionType.AMENDMENT: 2}

#: What comes last of a millisecond: REST repeats what was told of it, an amendment among that.
_LAST: Dict[Optional[str], int] = {ExecutionType.AMENDMENT: 1, None: 2}


@attrs.frozen(weakref_slot=False)
class OrderFill:
    """
    One fill of an order. What was not told is None.

    Attributes:
        trade_id: Binance's id of the fill, unique within the symbol.
        quantity: Quantity of this fill, base asset.
        price: Price of this fill, quote asset.
        commission: Fee of this fill in ``commission_asset``; negative on a maker rebate.
        commission_asset: What the fee was paid in, such as ``"USDT"`` or ``"BNB"``.
        realized_profit: Profit realised by this fill before fees, quote asset.
        is_maker: Whether this fill was the resting side.
        time_ms: When it was traded; milliseconds since the Unix epoch by the exchange's clock.
        execution_type: TRADE, or CALCULATED for a liquidation; a recovered fill always says TRADE.
        origin: ``"stream"``, or ``"rest"`` for what was recovered.
        status: The order's status after it, a word of ``OrderStatus``.
        filled_quantity: What the order had filled with it, base asset.

    Source: ``OrderTradeUpdate``, from the stream or recovered.
    """

    trade_id: int
    quantity: Decimal
    price: Optional[Decimal]
    commission: Optional[Decimal]
    commission_asset: Optional[str]
    realized_profit: Optional[Decimal]
    is_maker: Optional[bool]
    time_ms: int
    execution_type: Optional[str]
    origin: str
    status: Optional[str] = None
    filled_quantity: Optional[Decimal] = None


@attrs.frozen(weakref_slot=False)
class OrderStep:
    """
    One step in the life of an order, as it was told. What was not told is None.

    Attributes:
        time_ms: When; milliseconds since the Unix epoch by the exchange's clock.
        execution_type: What happened, a word of ``ExecutionType``; None where REST showed what the order was by then.
        status: The order's status after it, a word of ``OrderStatus``.
        filled_quantity: What the order had filled after it, base asset.
        quantity: Ordered, as last amended by then, base asset.
        price: Limit price, as last amended by then, quote asset.
        trade_id: Which fill it was; 0 when it was none.
        origin: ``"stream"``, or ``"rest"`` for what was recovered.
    """

    time_ms: int
    execution_type: Optional[str]
    status: Optional[str]
    filled_quantity: Optional[Decimal]
    quantity: Optional[Decimal]
    price: Optional[Decimal]
    trade_id: int = 0
    origin: str = FROM_STREAM


_fill, _step = maker(OrderFill), maker(OrderStep)

Fills = Tuple[OrderFill, ...]
Steps = Tuple[OrderStep, ...]


def with_fill(fills: Fills, event: OrderTradeUpdate, at_ms: int) -> Tuple[Fills, Decimal]:
    """
    Return the fills of an order and one more, and by how much more is filled.

    Of one that is there already the stream tells more than REST.
    """
    trade_id, quantity = event.trade_id or 0, event.last_filled_quantity or ZERO
    fill = _fill(
        trade_id,
        quantity,
        event.last_filled_price,
        event.commission,
        event.commission_asset,
        event.realized_profit,
        event.is_maker,
        at_ms,
        event.execution_type,
        event.origin,
        event.status,
        event.filled_quantity,
    )
    place = len(fills)
    while place and fills[place - 1].trade_id >= trade_id:
        place -= 1
    if place < len(fills) and fills[place].trade_id == trade_id:
        if (fills[place].origin, event.origin) != (FROM_REST, FROM_STREAM):
            return fills, ZERO
        return (*fills[:place], fill, *fills[place + 1 :]), ZERO
    if len(fills) < FILLS_KEPT:
        return (*fills[:place], fill, *fills[place:]), quantity
    if not place:
        # Older than all that are kept, so nobody can say whether it was counted before.
        return fills, ZERO
    return (*fills[1:place], fill, *fills[place:]), quantity


def with_step(steps: Steps, event: OrderTradeUpdate, at_ms: int) -> Steps:
    """Return the steps of an order and one more, unless it is there already."""
    step = _step(
        at_ms,
        event.execution_type,
        event.status,
        event.filled_quantity,
        event.quantity,
        event.price,
        origin=event.origin,
    )
    place = len(steps)
    if steps and at_ms <= steps[-1].time_ms:
        key = _place_of(step)
        while place and _place_of(steps[place - 1]) > key:
            place -= 1
        if place and steps[place - 1] == step:
            return steps
    longer = (*steps[:place], step, *steps[place:])
    return longer if len(longer) <= STEPS_KEPT else (longer[0], *longer[2:])


def history(fills: Fills, steps: Steps) -> Steps:
    """
    Return the life of an order, oldest step first.

    What REST showed stands in it only where it is news after the step before.
    """
    of_fills = (
        OrderStep(fill.time_ms, fill.execution_type, fill.status, fill.filled_quantity, None, None, fill.trade_id,
                  fill.origin)
        for fill in fills
    )  # fmt: skip
    life: List[OrderStep] = []
    quantity = price = None
    for step in sorted((*steps, *of_fills), key=_place_of):
        if step.trade_id:
            # A fill changes no terms.
            life.append(attrs.evolve(step, quantity=quantity, price=price))
        elif step.execution_type is not None or not life or _state_of(step) != _state_of(life[-1]):
            quantity, price = step.quantity or quantity, step.price or price
            life.append(step)
    return tuple(life)


def _place_of(step: OrderStep) -> Tuple[Any, ...]:
    # So far it says what came first; the rest gives equal moments one order, whichever was told first.
    rank, last = RANKS.get(step.status, 1), _LAST.get(step.execution_type, 0)
    moment = step.time_ms, rank, step.filled_quantity or ZERO, last, step.trade_id
    words = step.status or "", step.execution_type or "", step.origin
    return (*moment, step.quantity or ZERO, step.price or ZERO, *words)


def _state_of(step: OrderStep) -> Tuple[Optional[str], Optional[Decimal], Optional[Decimal], Optional[Decimal]]:
    return step.status, step.filled_quantity, step.quantity, step.price
