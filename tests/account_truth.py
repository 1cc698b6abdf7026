"""
The account as a client sees it and as the exchange has it, in the same words: every field that the view shows.

    assert truth_of(exchange, account) == shown(stream.account.snapshot())

Left out is what nobody need have told the client. ``accumulated_realized``, ``margin_asset`` and ``unrealized_profit``
are as of the last event that carried them; ``updated_ms`` of a balance or position is older when a change was lost that
another one undid. A liquidation may be told as NEW when it was filled, so of its status is compared whether it ended.
Of an order that stood before the client looked its fills until then are unknown, so fills are compared of orders that
are given.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any, Optional

from binance_uds.account_view import AccountView, AlgoOrderState, OrderState
from binance_uds.simulator.exchange import Exchange
from binance_uds.simulator.records import Account, AlgoOrder, Order

#: By table, then by what identifies a row.
Tables = dict[str, dict[Any, Any]]

_EXACT = Decimal("1e-8")


def truth_of(exchange: Exchange, account: Account) -> Tables:
    """Return what a client has to know when it has caught up: no empty balances, no flat positions."""
    return {
        "balances": {
            asset: {"wallet": balance.wallet, "cross": balance.cross}
            for asset, balance in account.balances.items()
            if balance.wallet or balance.cross
        },
        "positions": {
            key: {
                "amount": position.amount,
                "entry price": position.entry_price,
                "break-even price": position.break_even_price,
                "isolated wallet": position.isolated_wallet,
                "margin type": _MARGIN_TYPES[account.settings_of(position.symbol).margin_type],
                "leverage": account.settings_of(position.symbol).leverage,
            }
            for key, position in account.positions.items()
            if position.amount
        },
        "open orders": {order_id: _true_order(order) for order_id, order in account.open_orders.items()},
        "open algo orders": {algo_id: _true_algo(algo) for algo_id, algo in account.open_algo_orders.items()},
        "leverage": {symbol: account.settings_of(symbol).leverage for symbol in exchange.markets},
        "modes": {"multi-assets": account.multi_assets, "hedge": account.hedge_mode},
    }


def shown(view: AccountView, symbols: Optional[Iterable[str]] = None) -> Tables:
    """
    Return what a view shows.

    Args:
        view: What a client sees.
        symbols: Whose leverage is asked for; None: of all that the client was told of.
    """
    known = view._rows.get(("settings of the symbols",), {}) if symbols is None else symbols
    return {
        "balances": {
            asset: {"wallet": row.wallet_balance, "cross": row.cross_wallet_balance}
            for asset, row in view.balances.items()
        },
        "positions": {
            key: {
                "amount": row.amount,
                "entry price": row.entry_price,
                "break-even price": row.break_even_price,
                "isolated wallet": row.isolated_wallet,
                "margin type": row.margin_type,
                "leverage": row.leverage,
            }
            for key, row in view.positions.items()
        },
        "open orders": {order_id: _seen_order(row) for order_id, row in view.open_orders.items()},
        "open algo orders": {algo_id: _seen_algo(row) for algo_id, row in view.open_algo_orders.items()},
        "leverage": {symbol: view.leverage(symbol) for symbol in known},
        "modes": {"multi-assets": view.is_multi_assets_mode, "hedge": view.is_hedge_mode},
    }


def true_recent(account: Account, view: AccountView) -> dict[int, Any]:
    """Return the orders that a view shows as ended, as the exchange has them."""
    found = {order_id: _true_order(account.orders[order_id]) for order_id in view.recent_orders}
    for order_id, row in view.recent_orders.items():
        came_from = found[order_id]["algo id"]
        if row.algo_id is None and came_from is not None and view.algo_order(came_from).actual_order_id is None:
            # By REST no order tells what it came from, and the conditional order may have ended before anybody looked.
            found[order_id]["algo id"] = None
    return found


def shown_recent(view: AccountView) -> dict[int, Any]:
    """Return the orders that a view shows as ended."""
    return {order_id: _seen_order(row) for order_id, row in view.recent_orders.items()}


def true_fills(account: Account, order_ids: Iterable[int]) -> dict[int, list[Any]]:
    """Return the fills of some orders, as the exchange has them."""
    found: dict[int, list[Any]] = {order_id: [] for order_id in order_ids}
    for fill in account.fills:
        if fill.order_id in found:
            found[fill.order_id].append(
                (fill.trade_id, fill.quantity, fill.price, *_fee(fill.commission, fill.commission_asset),
                 fill.realized_profit, fill.is_maker, fill.time_ms)
            )  # fmt: skip
    return found


def shown_fills(view: AccountView, order_ids: Iterable[int]) -> dict[int, list[Any]]:
    """Return the fills that a view shows of some orders."""
    return {
        order_id: [
            (fill.trade_id, fill.quantity, fill.price, *_fee(fill.commission, fill.commission_asset),
             fill.realized_profit, fill.is_maker, fill.time_ms)
            for fill in view.order(order_id).fills
        ]
        for order_id in order_ids
    }  # fmt: skip


def _fee(commission: Optional[Decimal], asset: Optional[str]) -> tuple[Any, ...]:
    """Return a fee; of a fill without one the stream tells neither amount nor asset."""
    return (commission, asset) if commission else (None, None)


def fully_filled(view: AccountView) -> list[int]:
    """Return the orders of which a view says that it shows every fill."""
    orders = [*view.open_orders.values(), *view.recent_orders.values()]
    return [order.order_id for order in orders if order.has_all_fills]


def missing_orders(account: Account, view: AccountView, since_ms: int, newest: int) -> list[int]:
    """Return which of the newest orders that the exchange has a view does not know."""
    orders = sorted(account.orders.values(), key=lambda order: order.updated_ms)[-newest:]
    return [
        order.order_id
        for order in orders
        if order.updated_ms >= since_ms and not view.order(order.order_id, order.symbol).is_known
    ]


def true_algos(account: Account, view: AccountView) -> dict[int, Any]:
    """Return the conditional orders that a view knows, as the exchange has them."""
    return {
        algo_id: _true_algo(algo) for algo_id, algo in account.algo_orders.items() if view.algo_order(algo_id).is_known
    }


def shown_algos(algo_ids: Iterable[int], view: AccountView) -> dict[int, Any]:
    """Return the conditional orders that a view knows, of some."""
    known = map(view.algo_order, algo_ids)
    return {row.algo_id: _seen_algo(row) for row in known if row.is_known}


_MARGIN_TYPES = {"CROSSED": "cross", "ISOLATED": "isolated"}


def _true_order(order: Order) -> dict[str, Any]:
    return {
        "symbol": order.symbol,
        "client order id": order.client_order_id,
        "side": order.side,
        "position side": order.position_side,
        "type": order.type,
        "original type": order.original_type,
        "time in force": order.time_in_force,
        "status": order.is_final if order.type == "LIQUIDATION" else order.status,
        "quantity": order.quantity,
        "price": order.price,
        "stop price": order.stop_price,
        "filled": order.executed,
        "average price": order.average_price.quantize(_EXACT),
        "reduce only": order.reduce_only,
        "close all": order.close_position,
        "algo id": order.algo_id,
        "updated": order.updated_ms,
    }


def _seen_order(row: OrderState) -> dict[str, Any]:
    return {
        "symbol": row.symbol,
        "client order id": row.client_order_id,
        "side": row.side,
        "position side": row.position_side,
        "type": row.order_type,
        "original type": row.original_order_type,
        "time in force": row.time_in_force,
        "status": row.is_done if row.order_type == "LIQUIDATION" else row.status,
        "quantity": row.quantity,
        "price": row.price,
        "stop price": row.stop_price,
        "filled": row.filled_quantity,
        "average price": row.average_price.quantize(_EXACT),
        "reduce only": row.is_reduce_only,
        "close all": row.is_close_all,
        "algo id": row.algo_id,
        "updated": row.updated_ms,
    }


def _true_algo(algo: AlgoOrder) -> dict[str, Any]:
    return {
        "symbol": algo.symbol,
        "client algo id": algo.client_algo_id,
        "side": algo.side,
        "position side": algo.position_side,
        "type": algo.type,
        "time in force": algo.time_in_force,
        "status": algo.status,
        "quantity": algo.quantity,
        "trigger price": algo.trigger_price,
        "price": algo.price,
        "actual order": None if algo.child is None else algo.child.order_id,
        "reduce only": algo.reduce_only,
        "close all": algo.close_position,
        "updated": algo.updated_ms,
    }


def _seen_algo(row: AlgoOrderState) -> dict[str, Any]:
    return {
        "symbol": row.symbol,
        "client algo id": row.client_algo_id,
        "side": row.side,
        "position side": row.position_side,
        "type": row.order_type,
        "time in force": row.time_in_force,
        "status": row.status,
        "quantity": row.quantity,
        "trigger price": row.trigger_price,
        "price": row.price,
        "actual order": row.actual_order_id,
        "reduce only": row.is_reduce_only,
        "close all": row.is_close_all,
        "updated": row.updated_ms,
    }
