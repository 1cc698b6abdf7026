"""What the exchange tells of an account, in as few words as a test needs: events of the stream, and rows of REST."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Optional, Union

from binance_uds.events import usdm, usdm_rows
from binance_uds.events.base import FROM_REST

Amount = Union[int, str, Decimal]

BTC, ETH = "BTCUSDT", "ETHUSDT"


def fill(
    trade_id: int,
    last: Amount = 1,
    total: Optional[Amount] = None,
    *,
    at_ms: int = 1,
    order_id: int = 1,
    symbol: str = BTC,
    side: str = "BUY",
    **changes: Any,
) -> usdm.OrderTradeUpdate:
    """A fill of so much that the stream told; `total` is what its order had filled by then."""
    told = {
        "event_time_ms": at_ms,
        "transaction_time_ms": at_ms,
        "trade_time_ms": at_ms,
        "symbol": symbol,
        "order_id": order_id,
        "trade_id": trade_id,
        "side": side,
        "position_side": "BOTH",
        "execution_type": "TRADE",
        "last_filled_quantity": Decimal(last),
        "filled_quantity": None if total is None else Decimal(total),
    }
    return usdm.OrderTradeUpdate(**{**told, **changes})


def found(trade_id: int, last: Amount = 1, **changes: Any) -> usdm.OrderTradeUpdate:
    """A fill that was read by REST; the total of its order is not known."""
    return fill(trade_id, last, **{"event_time_ms": None, "origin": FROM_REST, **changes})


def order(
    total: Amount = 0,
    status: Optional[str] = "NEW",
    *,
    at_ms: int = 1,
    order_id: int = 1,
    symbol: str = BTC,
    **changes: Any,
) -> usdm.OrderTradeUpdate:
    """An update of an order that is no fill; `total` is what was filled by then."""
    told = {
        "event_time_ms": at_ms,
        "transaction_time_ms": at_ms,
        "trade_time_ms": at_ms,
        "symbol": symbol,
        "order_id": order_id,
        "side": "BUY",
        "execution_type": status,
        "status": status,
        "filled_quantity": Decimal(total),
    }
    return usdm.OrderTradeUpdate(**{**told, **changes})


def lite(trade_id: int, *, at_ms: int = 1, order_id: int = 1, symbol: str = BTC, **changes: Any) -> usdm.TradeLite:
    """The early copy of a fill."""
    told = {"event_time_ms": at_ms, "transaction_time_ms": at_ms, "symbol": symbol, "side": "BUY"}
    return usdm.TradeLite(**{**told, "trade_id": trade_id, "order_id": order_id, **changes})


def balance(wallet: Amount = 0, asset: str = "USDT", **changes: Any) -> usdm.Balance:
    """The balance of an asset."""
    told = {"asset": asset, "wallet_balance": Decimal(wallet), "cross_wallet_balance": Decimal(0)}
    return usdm.Balance(**{**told, **changes})


def position(amount: Amount, symbol: str = BTC, position_side: str = "BOTH", **changes: Any) -> usdm.Position:
    """A position."""
    told = {"symbol": symbol, "position_side": position_side, "amount": Decimal(amount), "entry_price": Decimal(0)}
    return usdm.Position(**{**told, **changes})


def account(
    *rows: Union[usdm.Balance, usdm.Position], at_ms: int = 1, reason: Optional[str] = "ORDER", **changes: Any
) -> usdm.AccountUpdate:
    """An update of balances and positions."""
    told = {
        "event_time_ms": at_ms,
        "transaction_time_ms": at_ms,
        "reason": reason,
        "balances": tuple(row for row in rows if isinstance(row, usdm.Balance)),
        "positions": tuple(row for row in rows if isinstance(row, usdm.Position)),
    }
    return usdm.AccountUpdate(**{**told, **changes})


def algo(
    status: str = "NEW", *, at_ms: int = 1, algo_id: int = 1, symbol: str = BTC, **changes: Any
) -> usdm.AlgoUpdate:
    """An update of a conditional order."""
    told = {"event_time_ms": at_ms, "transaction_time_ms": at_ms, "symbol": symbol, "side": "BUY"}
    return usdm.AlgoUpdate(**{**told, "algo_id": algo_id, "status": status, **changes})


def order_row(
    total: Amount = 0,
    status: str = "NEW",
    *,
    at_ms: int = 1,
    created_ms: Optional[int] = 1,
    order_id: int = 1,
    symbol: str = BTC,
    **changes: Any,
) -> usdm_rows.OrderRow:
    """An order as REST shows it; `total` is what was filled."""
    told = {
        "symbol": symbol,
        "order_id": order_id,
        "side": "BUY",
        "status": status,
        "filled_quantity": Decimal(total),
        "creation_time_ms": created_ms,
        "update_time_ms": at_ms,
    }
    return usdm_rows.OrderRow(**{**told, **changes})


def algo_row(status: str = "NEW", *, at_ms: int = 1, algo_id: int = 1, symbol: str = BTC) -> usdm_rows.AlgoRow:
    """A conditional order as REST shows it."""
    return usdm_rows.AlgoRow(algo_id=algo_id, symbol=symbol, side="BUY", status=status, update_time_ms=at_ms)


def position_row(
    amount: Amount, *, at_ms: int = 1, symbol: str = BTC, position_side: str = "BOTH"
) -> usdm_rows.PositionRow:
    """A position as REST shows it."""
    return usdm_rows.PositionRow(
        symbol=symbol,
        position_side=position_side,
        amount=Decimal(amount),
        entry_price=Decimal(0),
        update_time_ms=at_ms,
    )


def balance_row(wallet: Amount, *, at_ms: int = 1, asset: str = "USDT") -> usdm_rows.BalanceRow:
    """A balance as REST shows it."""
    return usdm_rows.BalanceRow(
        asset=asset, wallet_balance=Decimal(wallet), cross_wallet_balance=Decimal(wallet), update_time_ms=at_ms
    )
