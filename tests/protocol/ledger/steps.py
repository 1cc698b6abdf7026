"""What an account is told, step by step: an order that is filled, what it holds, a conditional order."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from binance_uds.events.usdm import AccountUpdate, AlgoUpdate, Balance, OrderTradeUpdate, Position
from binance_uds.protocol.ledger.books import Books

T = 1_700_000_000_000


def fill(trade_id: int, order_id: int = 7, **changes: Any) -> OrderTradeUpdate:
    """Return a fill of a tenth."""
    told: dict[str, Any] = {
        "symbol": "BTCUSDT",
        "side": "BUY",
        "execution_type": "TRADE",
        "status": "PARTIALLY_FILLED",
        "quantity": Decimal(1),
        "price": Decimal(5),
        "last_filled_quantity": Decimal("0.1"),
        "filled_quantity": Decimal("0.1") * (trade_id - 10),
        "position_side": "BOTH",
        "transaction_time_ms": T + trade_id,
        "trade_time_ms": T + trade_id,
    }
    return OrderTradeUpdate(**{**told, **changes, "order_id": order_id, "trade_id": trade_id})


def position(amount: str, at_ms: int) -> AccountUpdate:
    """Return what a fill makes of the account."""
    return AccountUpdate(
        reason="ORDER",
        transaction_time_ms=at_ms,
        balances=(Balance(asset="USDT", wallet_balance=Decimal(amount), cross_wallet_balance=Decimal(amount)),),
        positions=(Position(symbol="BTCUSDT", amount=Decimal(amount), entry_price=Decimal(1), position_side="BOTH"),),
    )


def algo(status: str, at_ms: int) -> AlgoUpdate:
    """Return what becomes of a conditional order."""
    return AlgoUpdate(algo_id=5, symbol="BTCUSDT", side="SELL", status=status, transaction_time_ms=at_ms)


def grounded_books() -> Books:
    """Return the books of an account that was just read, and has nothing."""
    books = Books()
    books.chains.grounded_ms = T
    books.delivered.forget_before(T)
    return books
