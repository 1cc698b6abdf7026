"""The account, as the client sees it and as it is, in the same words."""

from __future__ import annotations

from typing import Any, Dict, Optional

import binance_uds as uds
from binance_uds.simulator.exchange import Exchange
from binance_uds.simulator.records import Account

View = Dict[str, Dict[Any, Any]]


def truth_of(exchange: Exchange, account: Account) -> View:
    """Return what a client has to know when it has caught up: no empty balances, no flat positions."""
    truth = exchange.truth(account)
    positions = {key: position for key, position in account.positions.items() if position.amount}
    return {
        "balances": {asset: wallet for asset, wallet in truth["balances"].items() if wallet},
        "cross balances": {asset: balance.cross for asset, balance in account.balances.items() if balance.wallet},
        "positions": truth["positions"],
        "entry prices": {key: position.entry_price for key, position in positions.items()},
        "open orders": truth["open_orders"],
    }


def account_of(stream: uds.UserDataStream) -> Optional[View]:
    """Return what the stream knows about the account, and the profits it was told of; None when it keeps none."""
    account = getattr(stream, "account", None)
    if account is None:
        return None
    balances, positions = account.balances, account.positions
    return {
        "balances": {asset: balance.wallet_balance for asset, balance in balances.items()},
        "cross balances": {asset: balance.cross_wallet_balance for asset, balance in balances.items()},
        "positions": {key: position.amount for key, position in positions.items()},
        "entry prices": {key: position.entry_price for key, position in positions.items()},
        "open orders": {number: (order.status, order.filled_quantity) for number, order in account.open_orders.items()},
        "profits": {key: position.unrealized_profit for key, position in positions.items()},
    }
