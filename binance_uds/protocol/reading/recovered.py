"""
Events made of rows that were read by REST, for what no frame told.

A row's field goes into the event's field of the same name. What a row does not tell about the event's moment is None.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Dict, Iterable, List, Optional, Tuple, Union

import attrs

from ...events.base import FROM_REST, Row
from ...events.usdm import AccountConfigUpdate, AccountUpdate, AlgoUpdate, Balance, OrderTradeUpdate, Position
from ...events.usdm_rows import AccountConfigRow, AlgoRow, BalanceRow, OrderRow, PositionRow, SymbolConfigRow, TradeRow
from ...events.vocabulary import ExecutionType, OrderStatus


def fill(
    trade: TradeRow, order: Optional[OrderRow] = None, filled_quantity: Optional[Decimal] = None
) -> OrderTradeUpdate:
    """
    Make the event of a fill.

    Args:
        trade: The fill.
        order: Its order as it stands by now, if it was read: the fill has of it what an order keeps for life,
            and ``quantity``, ``price`` and ``price_match`` as they are after any amendment.
        filled_quantity: What the order had filled with this fill and all before it, if all are known.

    Returns:
        The fill. Its ``status`` and ``average_price`` are None unless the order's row proves what they were.
    """
    told = {} if order is None else {**_told(order, OrderTradeUpdate), **_at_the_time(order, filled_quantity)}
    told.update(_told(trade, OrderTradeUpdate))
    told.update(execution_type=ExecutionType.TRADE, filled_quantity=filled_quantity)
    return OrderTradeUpdate(transaction_time_ms=trade.trade_time_ms, origin=FROM_REST, **told)


def _at_the_time(order: OrderRow, filled_quantity: Optional[Decimal]) -> Dict[str, Any]:
    """What is known of an order at the moment when it had filled so much, though it may have changed since."""
    status = average_price = None
    if filled_quantity is not None and filled_quantity <= order.filled_quantity:
        is_last = filled_quantity == order.filled_quantity
        average_price = order.average_price if is_last else None
        # An order of which more was filled afterwards, or that ended otherwise, was not filled up.
        if not is_last or order.status in _ENDED_UNFILLED:
            status = OrderStatus.PARTIALLY_FILLED
        elif order.status in (OrderStatus.FILLED, OrderStatus.PARTIALLY_FILLED):
            status = order.status
    return {"status": status, "average_price": average_price}


_ENDED_UNFILLED = (OrderStatus.CANCELED, OrderStatus.EXPIRED, OrderStatus.EXPIRED_IN_MATCH)


def order_state(row: OrderRow) -> OrderTradeUpdate:
    """Make the event of an order's state: what it is, without what happened last to it."""
    return OrderTradeUpdate(
        transaction_time_ms=row.update_time_ms,
        trade_time_ms=row.update_time_ms,
        origin=FROM_REST,
        **_told(row, OrderTradeUpdate),
    )


def algo_state(row: AlgoRow) -> AlgoUpdate:
    """Make the event of a conditional order's state."""
    return AlgoUpdate(transaction_time_ms=row.update_time_ms, origin=FROM_REST, **_told(row, AlgoUpdate))


def account_states(
    balances: Iterable[BalanceRow] = (), positions: Iterable[PositionRow] = ()
) -> Tuple[AccountUpdate, ...]:
    """
    Make the events of what balances and positions are.

    Returns:
        One event for all rows of the same update time, oldest first, so that an event's time is that of each of
        its rows. Its ``reason`` is None; its ``raw`` has the rows under ``"balances"`` and ``"positions"``.
    """
    moments: Dict[int, Tuple[List[BalanceRow], List[PositionRow]]] = {}
    for balance in balances:
        moments.setdefault(balance.update_time_ms, ([], []))[0].append(balance)
    for position in positions:
        moments.setdefault(position.update_time_ms, ([], []))[1].append(position)
    return tuple(
        AccountUpdate(
            transaction_time_ms=time_ms,
            origin=FROM_REST,
            balances=tuple(Balance(**_told(row, Balance)) for row in of_assets),
            positions=tuple(Position(**_told(row, Position)) for row in of_symbols),
            raw={"balances": [row.raw for row in of_assets], "positions": [row.raw for row in of_symbols]},
        )
        for time_ms, (of_assets, of_symbols) in sorted(moments.items())
    )


def configuration_state(row: Union[SymbolConfigRow, AccountConfigRow], at_ms: int) -> AccountConfigUpdate:
    """Make the event of a leverage, or of the modes, that was so at a moment."""
    return AccountConfigUpdate(transaction_time_ms=at_ms, origin=FROM_REST, **_told(row, AccountConfigUpdate))


def _told(row: Row, of: type[Any]) -> Dict[str, Any]:
    """What a row tells of the fields of another class."""
    fields = attrs.fields_dict(of)
    values = ((field.name, getattr(row, field.name)) for field in attrs.fields(type(row)) if field.name in fields)
    return {name: value for name, value in values if value is not None}
