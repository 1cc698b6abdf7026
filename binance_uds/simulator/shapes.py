"""
The events of the USDⓈ-M user data stream as they stand on the wire.

Written from the documentation, on purpose without a look at the client's event classes: a misreading there
must not be repeated here. Every function returns a fresh JSON-ready dict. Key order is the live one, ``e``,
``T``, ``E``.

Source: USDⓈ-M Futures > User Data Streams, one page per event.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any, Optional

from binance_uds.simulator.records import CENT, ZERO, AlgoOrder, Balance, Fill, Order, Position

#: From the transaction to the event, milliseconds: ``E - T``. Logged frames show 0 to 60.
EVENT_LAG_MS = 2

#: Orders the exchange sends to close a liquidated position report NEW even while they execute.
LIQUIDATION = "LIQUIDATION"


def plain(value: Decimal) -> str:
    """A decimal string without exponent; every zero is ``"0"``."""
    return format(value, "f") if value else "0"


def trimmed(value: Decimal) -> str:
    """A decimal string of at most eight decimals, without trailing zeros."""
    if not value:
        return "0"
    return format(value.quantize(CENT).normalize(), "f")


def order_trade_update(
    order: Order,
    execution_type: str,
    now_ms: int,
    bids_notional: Decimal,
    asks_notional: Decimal,
    *,
    fill: Optional[Fill] = None,
    expiry_reason: int = 0,
    modify_id: Optional[str] = None,
) -> dict[str, Any]:
    """
    ORDER_TRADE_UPDATE.

    Args:
        order: As it stands after the execution.
        execution_type: NEW, TRADE, CALCULATED, CANCELED, EXPIRED or AMENDMENT.
        now_ms: The transaction time.
        bids_notional: Of the account's open bids on the symbol.
        asks_notional: Of its open asks.
        fill: What was traded, for TRADE and CALCULATED.
        expiry_reason: ``er``, 0 for none.
        modify_id: The caller's number of an amendment.
    """
    is_liquidation = order.original_type == LIQUIDATION
    told: dict[str, Any] = {
        "s": order.symbol,
        "c": order.client_order_id,
        "S": order.side,
        "o": order.type,
        "f": order.time_in_force,
        "q": plain(order.quantity),
        "p": plain(order.price),
        "ap": trimmed(order.average_price),
        "sp": plain(order.stop_price),
        "x": execution_type,
        "X": "NEW" if is_liquidation else order.status,
        "i": order.order_id,
        "l": plain(fill.quantity) if fill else "0",
        "z": plain(order.executed),
        "L": plain(fill.price) if fill else "0",
    }
    if fill is not None and fill.commission:
        told["N"] = fill.commission_asset
        told["n"] = plain(fill.commission)
    told.update(
        {
            "T": now_ms,
            "t": fill.trade_id if fill else 0,
            "b": plain(bids_notional),
            "a": plain(asks_notional),
            "m": fill.is_maker if fill else False,
            "R": order.reduce_only,
            "wt": order.working_type,
            "ot": order.original_type,
            "ps": order.position_side,
            "cp": order.close_position,
        }
    )
    if order.activation_price is not None:
        told["AP"] = plain(order.activation_price)
    if order.callback_rate is not None:
        told["cr"] = plain(order.callback_rate)
    told["pP"] = order.price_protect
    if order.algo_id is not None:
        told["st"] = "ALGO_CONDITION"
    told.update(
        {
            "si": order.algo_id or 0,
            "ss": 0 if order.algo_id is None else -1,
            "rp": plain(fill.realized_profit) if fill else "0",
            "V": order.self_trade_prevention,
            "pm": order.price_match,
            "gtd": order.good_till_date_ms,
            "er": str(expiry_reason),
        }
    )
    if modify_id is not None:
        told["M"] = modify_id
    return {"e": "ORDER_TRADE_UPDATE", "T": now_ms, "E": now_ms + EVENT_LAG_MS, "o": told}


def trade_lite(order: Order, fill: Fill) -> dict[str, Any]:
    """TRADE_LITE: the same fill, early and short. It alone sends ``E`` before ``T``."""
    return {
        "e": "TRADE_LITE",
        "E": fill.time_ms + EVENT_LAG_MS,
        "T": fill.time_ms,
        "s": order.symbol,
        "q": plain(order.quantity),
        "p": plain(order.price),
        "m": fill.is_maker,
        "c": order.client_order_id,
        "S": order.side,
        "L": plain(fill.price),
        "l": plain(fill.quantity),
        "t": fill.trade_id,
        "i": order.order_id,
    }


def balance_entry(balance: Balance, change: Decimal) -> dict[str, Any]:
    """One entry of ``a.B``; the change leaves out profit and commission."""
    return {
        "a": balance.asset,
        "wb": plain(balance.wallet),
        "cw": plain(balance.cross),
        "bc": plain(change),
    }


def position_entry(position: Position, unrealized: Decimal, margin_type: str) -> dict[str, Any]:
    """One entry of ``a.P``; the margin type is lower case here and nowhere else on the stream."""
    return {
        "s": position.symbol,
        "pa": plain(position.amount),
        "ep": trimmed(position.entry_price),
        "bep": trimmed(position.break_even_price),
        "cr": plain(position.accumulated_realized),
        "up": plain(unrealized),
        "mt": "isolated" if margin_type == "ISOLATED" else "cross",
        "iw": plain(position.isolated_wallet),
        "ps": position.side,
    }


def account_update(
    reason: str,
    now_ms: int,
    balances: list[dict[str, Any]],
    positions: list[dict[str, Any]],
    funding_symbol: Optional[str] = None,
) -> dict[str, Any]:
    """ACCOUNT_UPDATE: absolute values of what changed, from `balance_entry` and `position_entry`."""
    account: dict[str, Any] = {"B": balances, "P": positions, "m": reason}
    if funding_symbol is not None:
        account["S"] = funding_symbol
    return {"e": "ACCOUNT_UPDATE", "T": now_ms, "E": now_ms + EVENT_LAG_MS, "a": account}


def margin_call(
    now_ms: int,
    cross_wallet: Optional[Decimal],
    endangered: Iterable[tuple[Position, str, Decimal, Decimal, Decimal]],
) -> dict[str, Any]:
    """
    MARGIN_CALL.

    Args:
        now_ms: The event time; there is no transaction time.
        cross_wallet: None leaves ``cw`` out, when no cross position is concerned.
        endangered: Position, margin type, mark price, unrealised profit, maintenance margin.
    """
    told: dict[str, Any] = {"e": "MARGIN_CALL", "E": now_ms + EVENT_LAG_MS}
    if cross_wallet is not None:
        told["cw"] = plain(cross_wallet)
    told["p"] = [
        {
            "s": position.symbol,
            "ps": position.side,
            "pa": plain(position.amount),
            "mt": margin_type,
            "iw": plain(position.isolated_wallet),
            "mp": plain(mark_price),
            "up": plain(unrealized),
            "mm": plain(maintenance),
        }
        for position, margin_type, mark_price, unrealized, maintenance in endangered
    ]
    return told


def leverage_update(now_ms: int, symbol: str, leverage: int) -> dict[str, Any]:
    """ACCOUNT_CONFIG_UPDATE about one symbol."""
    return _dated("ACCOUNT_CONFIG_UPDATE", now_ms, "ac", {"s": symbol, "l": leverage})


def multi_assets_update(now_ms: int, is_on: bool) -> dict[str, Any]:
    """ACCOUNT_CONFIG_UPDATE about the whole account."""
    return _dated("ACCOUNT_CONFIG_UPDATE", now_ms, "ai", {"j": is_on})


def algo_update(algo: AlgoOrder, now_ms: int) -> dict[str, Any]:
    """ALGO_UPDATE; what it became is told once there is an order."""
    child = algo.child
    told: dict[str, Any] = {
        "caid": algo.client_algo_id,
        "aid": algo.algo_id,
        "at": "CONDITIONAL",
        "o": algo.type,
        "s": algo.symbol,
        "S": algo.side,
        "ps": algo.position_side,
        "f": algo.time_in_force,
        "q": plain(algo.quantity),
        "X": algo.status,
        "ai": str(child.order_id) if child else "",
    }
    if child is not None:
        told["ap"] = trimmed(child.average_price)
        told["aq"] = plain(child.executed)
        told["act"] = child.type
    told.update(
        {
            "tp": plain(algo.trigger_price),
            "p": plain(algo.price),
            "V": algo.self_trade_prevention,
            "wt": algo.working_type,
            "pm": algo.price_match,
            "cp": algo.close_position,
            "pP": algo.price_protect,
            "R": algo.reduce_only,
            "tt": algo.triggered_ms,
            "gtd": algo.good_till_date_ms,
        }
    )
    if algo.failure:
        told["rm"] = algo.failure
    told["ia"] = algo.is_activated
    return _dated("ALGO_UPDATE", now_ms, "o", told)


def strategy_update(
    now_ms: int, strategy_id: int, strategy_type: str, status: str, symbol: str, code: int
) -> dict[str, Any]:
    """STRATEGY_UPDATE; the status of an ended strategy is CANCELLED, with a double L."""
    told = {"si": strategy_id, "st": strategy_type, "ss": status, "s": symbol, "ut": now_ms, "c": code}
    return _dated("STRATEGY_UPDATE", now_ms, "su", told)


def grid_update(
    now_ms: int,
    strategy_id: int,
    status: str,
    symbol: str,
    *,
    realized: Decimal = ZERO,
    unmatched_price: Decimal = ZERO,
    unmatched_quantity: Decimal = ZERO,
    unmatched_fee: Decimal = ZERO,
    matched_profit: Decimal = ZERO,
) -> dict[str, Any]:
    """GRID_UPDATE."""
    told = {
        "si": strategy_id,
        "st": "GRID",
        "ss": status,
        "s": symbol,
        "r": plain(realized),
        "up": plain(unmatched_price),
        "uq": plain(unmatched_quantity),
        "uf": plain(unmatched_fee),
        "mp": plain(matched_profit),
        "ut": now_ms,
    }
    return _dated("GRID_UPDATE", now_ms, "gu", told)


def conditional_reject(now_ms: int, symbol: str, order_id: int, reason: str) -> dict[str, Any]:
    """CONDITIONAL_ORDER_TRIGGER_REJECT, deprecated since 2025-12-15 and still pushed in 2026."""
    return _dated("CONDITIONAL_ORDER_TRIGGER_REJECT", now_ms, "or", {"s": symbol, "i": order_id, "r": reason})


def key_expired(now_ms: int, key: str) -> dict[str, Any]:
    """``listenKeyExpired``, the only event with a lower-case name; it has no ``T``."""
    return {"e": "listenKeyExpired", "E": now_ms + EVENT_LAG_MS, "listenKey": key}


def _dated(name: str, now_ms: int, letter: str, told: dict[str, Any]) -> dict[str, Any]:
    """Name, times and the one object most events consist of."""
    return {"e": name, "T": now_ms, "E": now_ms + EVENT_LAG_MS, letter: told}
