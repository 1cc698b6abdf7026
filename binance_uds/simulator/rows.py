"""
What the USDⓈ-M REST interface answers, row by row, as JSON-ready dicts.

Source: USDⓈ-M Futures > Trade and Account REST pages; key sets as in their samples.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from binance_uds.simulator.records import ZERO, AlgoOrder, Balance, Fill, Income, Order, Position, Symbol
from binance_uds.simulator.shapes import plain, trimmed


def order_row(order: Order) -> dict[str, Any]:
    """An order as ``openOrders`` shows it."""
    row: dict[str, Any] = {
        "orderId": order.order_id,
        "symbol": order.symbol,
        "status": order.status,
        "clientOrderId": order.client_order_id,
        "price": plain(order.price),
        "avgPrice": trimmed(order.average_price),
        "origQty": plain(order.quantity),
        "executedQty": plain(order.executed),
        "cumQuote": plain(order.quote),
        "timeInForce": order.time_in_force,
        "type": order.type,
        "reduceOnly": order.reduce_only,
        "closePosition": order.close_position,
        "side": order.side,
        "positionSide": order.position_side,
        "stopPrice": plain(order.stop_price),
        "workingType": order.working_type,
        "priceProtect": order.price_protect,
        "origType": order.original_type,
        "priceMatch": order.price_match,
        "selfTradePreventionMode": order.self_trade_prevention,
        "goodTillDate": order.good_till_date_ms,
        "time": order.created_ms,
        "updateTime": order.updated_ms,
    }
    if order.activation_price is not None:
        row["activatePrice"] = plain(order.activation_price)
    if order.callback_rate is not None:
        row["priceRate"] = plain(order.callback_rate)
    return row


def past_order_row(order: Order) -> dict[str, Any]:
    """An order as ``allOrders`` and ``order`` show it."""
    row = order_row(order)
    row["pair"] = order.symbol
    row["cumBase"] = "0"
    return row


def order_reply(order: Order) -> dict[str, Any]:
    """What placing, amending and cancelling answer: since 2026-07-15 without average price and turnover."""
    row = order_row(order)
    for key in ("avgPrice", "cumQuote", "time"):
        del row[key]
    row["cumQty"] = row["executedQty"]
    return row


def trade_row(fill: Fill) -> dict[str, Any]:
    """A row of ``userTrades``."""
    return {
        "symbol": fill.symbol,
        "id": fill.trade_id,
        "orderId": fill.order_id,
        "side": fill.side,
        "price": plain(fill.price),
        "qty": plain(fill.quantity),
        "realizedPnl": plain(fill.realized_profit),
        "quoteQty": plain(fill.price * fill.quantity),
        "baseQty": "0",
        "commission": plain(fill.commission),
        "commissionAsset": fill.commission_asset,
        "marginAsset": fill.commission_asset,
        "time": fill.time_ms,
        "positionSide": fill.position_side,
        "buyer": fill.side == "BUY",
        "maker": fill.is_maker,
        "pair": fill.symbol,
    }


def income_row(income: Income) -> dict[str, Any]:
    """A row of ``income``."""
    return {
        "symbol": income.symbol,
        "incomeType": income.kind,
        "income": plain(income.amount),
        "asset": income.asset,
        "info": income.kind,
        "time": income.time_ms,
        "tranId": income.transaction_id,
        "tradeId": income.trade_id,
    }


def algo_row(algo: AlgoOrder) -> dict[str, Any]:
    """
    A row of ``openAlgoOrders``, ``algoOrder`` and ``allAlgoOrders``.

    These alone print numbers the way a Java double does: ``"0.0"``, and ``"7.0E-4"`` when small.
    """
    child = algo.child
    return {
        "algoId": algo.algo_id,
        "clientAlgoId": algo.client_algo_id,
        "algoType": "CONDITIONAL",
        "orderType": algo.type,
        "symbol": algo.symbol,
        "side": algo.side,
        "positionSide": algo.position_side,
        "timeInForce": algo.time_in_force,
        "quantity": like_a_double(algo.quantity),
        "algoStatus": algo.status,
        "actualOrderId": str(child.order_id) if child else "",
        "actualPrice": trimmed(child.average_price) if child else "0.00000",
        "actualQty": like_a_double(child.executed if child else ZERO),
        "triggerPrice": like_a_double(algo.trigger_price),
        "price": like_a_double(algo.price),
        "icebergQuantity": None,
        "tpTriggerPrice": "0.000",
        "tpPrice": "0.000",
        "slTriggerPrice": "0.000",
        "slPrice": "0.000",
        "tpOrderType": "",
        "selfTradePreventionMode": algo.self_trade_prevention,
        "workingType": algo.working_type,
        "priceMatch": algo.price_match,
        "closePosition": algo.close_position,
        "priceProtect": algo.price_protect,
        "reduceOnly": algo.reduce_only,
        "isActivated": algo.is_activated,
        "createTime": algo.created_ms,
        "updateTime": algo.updated_ms,
        "triggerTime": algo.triggered_ms,
        "goodTillDate": algo.good_till_date_ms,
    }


def balance_row(alias: str, balance: Balance, unrealized: Decimal, available: Decimal) -> dict[str, Any]:
    """A row of ``balance``, version 2 and 3."""
    return {
        "accountAlias": alias,
        "asset": balance.asset,
        "balance": plain(balance.wallet),
        "crossWalletBalance": plain(balance.cross),
        "crossUnPnl": plain(unrealized),
        "availableBalance": plain(available),
        "maxWithdrawAmount": plain(available),
        "marginAvailable": True,
        "updateTime": balance.updated_ms,
    }


def position_row(
    position: Position,
    mark_price: Decimal,
    unrealized: Decimal,
    initial_margin: Decimal,
    order_margin: Decimal,
    maintenance_margin: Decimal,
    bids_notional: Decimal,
    asks_notional: Decimal,
) -> dict[str, Any]:
    """A row of ``positionRisk``, version 3; liquidation prices are not computed and read 0."""
    isolated_margin = position.isolated_wallet + unrealized if position.isolated_wallet else ZERO
    return {
        "symbol": position.symbol,
        "positionSide": position.side,
        "positionAmt": plain(position.amount),
        "entryPrice": trimmed(position.entry_price),
        "breakEvenPrice": trimmed(position.break_even_price),
        "markPrice": plain(mark_price),
        "unRealizedProfit": plain(unrealized),
        "liquidationPrice": "0",
        "isolatedMargin": plain(isolated_margin),
        "notional": plain(position.amount * mark_price),
        "marginAsset": position.margin_asset,
        "isolatedWallet": plain(position.isolated_wallet),
        "initialMargin": plain(initial_margin + order_margin),
        "maintMargin": plain(maintenance_margin),
        "positionInitialMargin": plain(initial_margin),
        "openOrderInitialMargin": plain(order_margin),
        "adl": 2 if position.amount else 0,
        "bidNotional": plain(bids_notional),
        "askNotional": plain(asks_notional),
        "updateTime": position.updated_ms,
    }


def symbol_row(symbol: Symbol) -> dict[str, Any]:
    """An entry of ``symbols`` in ``exchangeInfo``."""
    base = symbol.name[: -len(symbol.margin_asset)]
    tick, step = plain(symbol.price_tick), plain(symbol.quantity_step)
    return {
        "symbol": symbol.name,
        "pair": symbol.name,
        "contractType": "PERPETUAL",
        "deliveryDate": 4133404800000,
        "onboardDate": 1569398400000,
        "status": "TRADING",
        "baseAsset": base,
        "quoteAsset": symbol.margin_asset,
        "marginAsset": symbol.margin_asset,
        "pricePrecision": decimals(symbol.price_tick),
        "quantityPrecision": decimals(symbol.quantity_step),
        "baseAssetPrecision": 8,
        "quotePrecision": 8,
        "underlyingType": "COIN",
        "underlyingSubType": [],
        "triggerProtect": "0.0500",
        "liquidationFee": "0.012500",
        "marketTakeBound": "0.05",
        "maintMarginPercent": "2.5000",
        "requiredMarginPercent": "5.0000",
        "orderTypes": [
            "LIMIT",
            "MARKET",
            "STOP",
            "STOP_MARKET",
            "TAKE_PROFIT",
            "TAKE_PROFIT_MARKET",
            "TRAILING_STOP_MARKET",
        ],
        "timeInForce": ["GTC", "IOC", "FOK", "GTX", "GTD"],
        "filters": [
            {"filterType": "PRICE_FILTER", "minPrice": tick, "maxPrice": "10000000", "tickSize": tick},
            {"filterType": "LOT_SIZE", "minQty": step, "maxQty": "10000000", "stepSize": step},
            {"filterType": "MARKET_LOT_SIZE", "minQty": step, "maxQty": "10000000", "stepSize": step},
            {"filterType": "MAX_NUM_ORDERS", "limit": 200},
            {"filterType": "MAX_NUM_ALGO_ORDERS", "limit": 200},
        ],
    }


def decimals(step: Decimal) -> int:
    """How many decimals a multiple of a step may have."""
    exponent = step.as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


def like_a_double(value: Decimal) -> str:
    """A number as Java prints a double between 0 and ten million."""
    if not value:
        return "0.0"
    if abs(value) < Decimal("0.001"):
        digits, exponent = f"{value.normalize():E}".split("E")
        return f"{digits if '.' in digits else digits + '.0'}E{int(exponent)}"
    text = trimmed(value)
    return text if "." in text else text + ".0"
