"""
What can be asked of the exchange by REST: a table from method and path to the model's own calls.

Binance's parameter names meet ours here and nowhere else.

Source: USDⓈ-M Futures > REST pages of Account, Trade and User Data Streams; weights of the SDK of 2026-10-23.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from typing import Any, Optional

import attrs

from binance_uds.simulator.exchange import Exchange
from binance_uds.simulator.parameters import Parameters
from binance_uds.simulator.records import Account
from binance_uds.simulator.refusals import refused

_DONE = {"code": 200, "msg": "success"}


class Security(enum.Enum):
    """What a request must bring along: nothing, an API key, or a key, a timestamp and a signature."""

    NONE = "NONE"
    USER_STREAM = "USER_STREAM"
    SIGNED = "SIGNED"


@attrs.frozen
class Call:
    """A request that may be carried out; ``owner`` is None for what anybody may ask."""

    exchange: Exchange
    parameters: Parameters
    owner: Optional[Account] = None

    @property
    def account(self) -> Account:
        """Who asks; only for routes that demand an API key."""
        assert self.owner is not None
        return self.owner


@attrs.frozen
class Route:
    """
    Something that can be asked.

    Attributes:
        act: Carries it out; returns what is answered, or raises `Refused`.
        weight: Of one request.
        weight_without_symbol: Of one that names no symbol, where that differs.
        is_order: Whether it counts as a new order.
    """

    act: Callable[[Call], Any]
    weight: int = 1
    security: Security = Security.SIGNED
    weight_without_symbol: Optional[int] = None
    is_order: bool = False

    def weight_of(self, parameters: Parameters) -> int:
        """Return the weight of one request."""
        if self.weight_without_symbol is not None and "symbol" not in parameters:
            return self.weight_without_symbol
        return self.weight


# Anybody --------------------------------------------------------------------------------------------------


def _prices(call: Call) -> Any:
    markets = call.exchange.markets
    wanted = call.parameters.text("symbol")
    if wanted is not None and wanted not in markets:
        raise refused(-1121)
    rows = [
        {"symbol": name, "price": str(market.price), "time": call.exchange.now_ms}
        for name, market in markets.items()
        if wanted in (None, name)
    ]
    return rows if wanted is None else rows[0]


# Listen keys ----------------------------------------------------------------------------------------------


def _obtain_key(call: Call) -> Any:
    return {"listenKey": call.exchange.obtain_key(call.account)}


def _keep_key(call: Call) -> Any:
    return {"listenKey": call.exchange.keep_key(call.account)}


def _release_key(call: Call) -> Any:
    call.exchange.release_key(call.account)
    return {}


# Trading --------------------------------------------------------------------------------------------------


def _order_ids(parameters: Parameters) -> dict[str, Any]:
    ids = {
        "order_id": parameters.optional_integer("orderId"),
        "client_order_id": parameters.text("origClientOrderId"),
    }
    if ids["order_id"] is None and ids["client_order_id"] is None:
        raise refused(-1102, "orderId")
    return ids


def _algo_ids(parameters: Parameters) -> dict[str, Any]:
    ids = {
        "algo_id": parameters.optional_integer("algoId"),
        "client_algo_id": parameters.text("clientAlgoId"),
    }
    if ids["algo_id"] is None and ids["client_algo_id"] is None:
        raise refused(-1102, "algoId")
    return ids


def _common_order(parameters: Parameters) -> dict[str, Any]:
    return {
        "symbol": parameters.required("symbol"),
        "side": parameters.required("side"),
        "type": parameters.required("type"),
        "position_side": parameters.text("positionSide") or "BOTH",
        "quantity": parameters.decimal("quantity"),
        "price": parameters.decimal("price"),
        "time_in_force": parameters.text("timeInForce") or "GTC",
        "reduce_only": parameters.flag("reduceOnly"),
        "price_match": parameters.text("priceMatch") or "NONE",
        "self_trade_prevention": parameters.text("selfTradePreventionMode") or "NONE",
        "good_till_date_ms": parameters.integer("goodTillDate", 0),
    }


def _place_order(call: Call) -> Any:
    parameters = call.parameters
    return call.exchange.place_order(
        call.account,
        **_common_order(parameters),
        client_order_id=parameters.text("newClientOrderId"),
        stop_price=parameters.decimal("stopPrice"),
    )


def _amend_order(call: Call) -> Any:
    parameters = call.parameters
    return call.exchange.amend_order(
        call.account,
        symbol=parameters.required("symbol"),
        side=parameters.required("side"),
        quantity=parameters.required_decimal("quantity"),
        price=parameters.required_decimal("price"),
        modify_id=parameters.text("modifyId"),
        **_order_ids(parameters),
    )


def _cancel_order(call: Call) -> Any:
    symbol = call.parameters.required("symbol")
    return call.exchange.cancel_order(call.account, symbol=symbol, **_order_ids(call.parameters))


def _cancel_all_orders(call: Call) -> Any:
    return call.exchange.cancel_all_orders(call.account, call.parameters.required("symbol"))


def _place_algo_order(call: Call) -> Any:
    parameters = call.parameters
    if parameters.required("algoType") != "CONDITIONAL":
        raise refused(-1130, "algoType")
    return call.exchange.place_algo_order(
        call.account,
        **_common_order(parameters),
        trigger_price=parameters.decimal("triggerPrice"),
        client_algo_id=parameters.text("clientAlgoId"),
        close_position=parameters.flag("closePosition"),
        price_protect=parameters.flag("priceProtect"),
        working_type=parameters.text("workingType") or "CONTRACT_PRICE",
        activation_price=parameters.decimal("activatePrice"),
        callback_rate=parameters.decimal("callbackRate"),
    )


def _cancel_algo_order(call: Call) -> Any:
    return call.exchange.cancel_algo_order(call.account, **_algo_ids(call.parameters))


def _cancel_all_algo_orders(call: Call) -> Any:
    return call.exchange.cancel_all_algo_orders(call.account, call.parameters.required("symbol"))


def _change_leverage(call: Call) -> Any:
    parameters = call.parameters
    return call.exchange.change_leverage(
        call.account, parameters.required("symbol"), parameters.required_integer("leverage")
    )


def _change_margin_type(call: Call) -> Any:
    parameters = call.parameters
    call.exchange.change_margin_type(call.account, parameters.required("symbol"), parameters.required("marginType"))
    return _DONE


def _change_position_mode(call: Call) -> Any:
    call.exchange.change_position_mode(call.account, call.parameters.required_flag("dualSidePosition"))
    return _DONE


def _change_multi_assets(call: Call) -> Any:
    call.exchange.change_multi_assets(call.account, call.parameters.required_flag("multiAssetsMargin"))
    return _DONE


# Reading --------------------------------------------------------------------------------------------------


def _window(parameters: Parameters, limit: int) -> dict[str, Any]:
    return {
        "start_ms": parameters.optional_integer("startTime"),
        "end_ms": parameters.optional_integer("endTime"),
        "limit": parameters.integer("limit", limit),
    }


def _open_orders(call: Call) -> Any:
    return call.exchange.read_open_orders(call.account, call.parameters.text("symbol"))


def _order(call: Call) -> Any:
    symbol = call.parameters.required("symbol")
    return call.exchange.read_order(call.account, symbol, **_order_ids(call.parameters))


def _open_order(call: Call) -> Any:
    symbol = call.parameters.required("symbol")
    return call.exchange.read_open_order(call.account, symbol, **_order_ids(call.parameters))


def _all_orders(call: Call) -> Any:
    parameters = call.parameters
    return call.exchange.read_all_orders(
        call.account,
        parameters.text("symbol"),
        order_id=parameters.optional_integer("orderId"),
        **_window(parameters, 500),
    )


def _user_trades(call: Call) -> Any:
    parameters = call.parameters
    return call.exchange.read_user_trades(
        call.account,
        parameters.required("symbol"),
        from_id=parameters.optional_integer("fromId"),
        order_id=parameters.optional_integer("orderId"),
        **_window(parameters, 500),
    )


def _income(call: Call) -> Any:
    parameters = call.parameters
    return call.exchange.read_income(
        call.account,
        symbol=parameters.text("symbol"),
        income_type=parameters.text("incomeType"),
        **_window(parameters, 100),
    )


def _all_algo_orders(call: Call) -> Any:
    parameters = call.parameters
    return call.exchange.read_all_algo_orders(
        call.account,
        parameters.required("symbol"),
        algo_id=parameters.optional_integer("algoId"),
        **_window(parameters, 500),
    )


def _open_algo_orders(call: Call) -> Any:
    parameters = call.parameters
    return call.exchange.read_open_algo_orders(
        call.account, parameters.text("symbol"), parameters.optional_integer("algoId")
    )


def _algo_order(call: Call) -> Any:
    return call.exchange.read_algo_order(call.account, **_algo_ids(call.parameters))


def _force_orders(call: Call) -> Any:
    parameters = call.parameters
    return call.exchange.read_force_orders(
        call.account,
        parameters.text("symbol"),
        parameters.text("autoCloseType"),
        **_window(parameters, 50),
    )


def _position_risk(call: Call) -> Any:
    return call.exchange.read_position_risk(call.account, call.parameters.text("symbol"))


def _position_risk_v2(call: Call) -> Any:
    return call.exchange.read_position_risk_v2(call.account, call.parameters.text("symbol"))


def _symbol_config(call: Call) -> Any:
    return call.exchange.read_symbol_config(call.account, call.parameters.text("symbol"))


def _order_limits(call: Call) -> Any:
    limits = call.exchange.read_exchange_info()["rateLimits"]
    return [row for row in limits if row["rateLimitType"] == "ORDERS"]


def _own(read: Callable[[Exchange, Account], Any]) -> Callable[[Call], Any]:
    """A read that needs nothing but the account."""
    return lambda call: read(call.exchange, call.account)


# The table ------------------------------------------------------------------------------------------------

_NOTHING = Route(lambda call: {}, security=Security.NONE)
_TIME = Route(lambda call: {"serverTime": call.exchange.now_ms}, security=Security.NONE)
_INFO = Route(lambda call: call.exchange.read_exchange_info(), security=Security.NONE)
_BALANCE = Route(_own(Exchange.read_balance), 5)

#: The spot paths are those that other people's clients ask for before they turn to futures. What a key may do is
#: answered by the wallet, which in reality is on a host of its own.
ROUTES: Mapping[tuple[str, str], Route] = {
    ("GET", "/fapi/v1/ping"): _NOTHING,
    ("GET", "/fapi/v1/time"): _TIME,
    ("GET", "/fapi/v1/exchangeInfo"): _INFO,
    ("GET", "/fapi/v1/ticker/price"): Route(_prices, 1, Security.NONE, weight_without_symbol=2),
    ("GET", "/fapi/v2/ticker/price"): Route(_prices, 1, Security.NONE, weight_without_symbol=2),
    ("GET", "/api/v3/ping"): _NOTHING,
    ("GET", "/api/v3/time"): _TIME,
    ("GET", "/api/v3/exchangeInfo"): _INFO,
    ("POST", "/fapi/v1/listenKey"): Route(_obtain_key, 1, Security.USER_STREAM),
    ("PUT", "/fapi/v1/listenKey"): Route(_keep_key, 1, Security.USER_STREAM),
    ("DELETE", "/fapi/v1/listenKey"): Route(_release_key, 1, Security.USER_STREAM),
    ("POST", "/fapi/v1/order"): Route(_place_order, 0, is_order=True),
    ("PUT", "/fapi/v1/order"): Route(_amend_order, 1, is_order=True),
    ("DELETE", "/fapi/v1/order"): Route(_cancel_order, 1),
    ("DELETE", "/fapi/v1/allOpenOrders"): Route(_cancel_all_orders, 1),
    ("POST", "/fapi/v1/algoOrder"): Route(_place_algo_order, 0, is_order=True),
    ("DELETE", "/fapi/v1/algoOrder"): Route(_cancel_algo_order, 1),
    ("DELETE", "/fapi/v1/algoOpenOrders"): Route(_cancel_all_algo_orders, 1),
    ("POST", "/fapi/v1/leverage"): Route(_change_leverage, 1),
    ("POST", "/fapi/v1/marginType"): Route(_change_margin_type, 1),
    ("POST", "/fapi/v1/positionSide/dual"): Route(_change_position_mode, 1),
    ("POST", "/fapi/v1/multiAssetsMargin"): Route(_change_multi_assets, 1),
    ("GET", "/fapi/v2/balance"): _BALANCE,
    ("GET", "/fapi/v3/balance"): _BALANCE,
    ("GET", "/fapi/v2/positionRisk"): Route(_position_risk_v2, 5),
    ("GET", "/fapi/v3/positionRisk"): Route(_position_risk, 5),
    ("GET", "/fapi/v2/account"): Route(_own(Exchange.read_account_v2), 5),
    ("GET", "/fapi/v3/account"): Route(_own(Exchange.read_account), 5),
    ("GET", "/fapi/v1/symbolConfig"): Route(_symbol_config, 5),
    ("GET", "/fapi/v1/accountConfig"): Route(_own(Exchange.read_account_config), 5),
    ("GET", "/fapi/v1/positionSide/dual"): Route(_own(Exchange.read_position_mode), 30),
    ("GET", "/fapi/v1/multiAssetsMargin"): Route(_own(Exchange.read_multi_assets), 30),
    ("GET", "/fapi/v1/openOrders"): Route(_open_orders, 1, weight_without_symbol=40),
    ("GET", "/fapi/v1/openAlgoOrders"): Route(_open_algo_orders, 1, weight_without_symbol=40),
    ("GET", "/fapi/v1/order"): Route(_order, 1),
    ("GET", "/fapi/v1/openOrder"): Route(_open_order, 1),
    ("GET", "/fapi/v1/algoOrder"): Route(_algo_order, 1),
    ("GET", "/fapi/v1/allOrders"): Route(_all_orders, 5),
    ("GET", "/fapi/v1/allAlgoOrders"): Route(_all_algo_orders, 5),
    ("GET", "/fapi/v1/userTrades"): Route(_user_trades, 5),
    ("GET", "/fapi/v1/income"): Route(_income, 30),
    ("GET", "/fapi/v1/forceOrders"): Route(_force_orders, 20, weight_without_symbol=50),
    ("GET", "/fapi/v1/rateLimit/order"): Route(_order_limits, 1),
    ("GET", "/sapi/v1/account/apiRestrictions"): Route(_own(Exchange.read_permissions), 1),
}
