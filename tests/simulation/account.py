"""The account, as the client sees it and as it is, in the same words."""

from __future__ import annotations

from typing import Any, Dict, Optional

import binance_uds as uds
from binance_uds.simulator.exchange import Exchange
from binance_uds.simulator.records import Account
from tests import account_truth

View = Dict[str, Dict[Any, Any]]


def truth_of(exchange: Exchange, account: Account, stream: uds.UserDataStream) -> View:
    """Return what a client has to know when it has caught up, and what it shows of ended orders as they are."""
    truth = account_truth.truth_of(exchange, account)
    view = getattr(stream, "account", None)
    if view is not None:
        truth["recent orders"] = account_truth.true_recent(account, view)
        truth["algo orders"] = account_truth.true_algos(account, view)
        truth["fills"] = account_truth.true_fills(account, account_truth.fully_filled(view))
    return truth


def account_of(stream: uds.UserDataStream, exchange: Exchange, account: Account) -> Optional[View]:
    """Return what the stream knows about the account, and the profits it was told of; None when it keeps none."""
    view = getattr(stream, "account", None)
    if view is None:
        return None
    return {
        **account_truth.shown(view, exchange.markets),
        "recent orders": account_truth.shown_recent(view),
        "algo orders": account_truth.shown_algos(account.algo_orders, view),
        "fills": account_truth.shown_fills(view, account_truth.fully_filled(view)),
        "profits": {key: position.unrealized_profit for key, position in view.positions.items()},
    }
