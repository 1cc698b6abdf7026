"""
Is this a sensible order? What Binance checks before it looks at account and market.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Optional

import attrs

from binance_uds.simulator.floor import Amount, number
from binance_uds.simulator.records import ZERO, Market, Symbol
from binance_uds.simulator.refusals import refused

#: Types that live in the algo service, and what each becomes when it is triggered.
CONDITIONAL_TYPES = {
    "STOP": "LIMIT",
    "STOP_MARKET": "MARKET",
    "TAKE_PROFIT": "LIMIT",
    "TAKE_PROFIT_MARKET": "MARKET",
    "TRAILING_STOP_MARKET": "MARKET",
}
TIMES_IN_FORCE = frozenset({"GTC", "IOC", "FOK", "GTX", "GTD", "RPI"})
PREVENTION_MODES = frozenset({"NONE", "EXPIRE_TAKER", "EXPIRE_MAKER", "EXPIRE_BOTH"})

#: Ticks from the market, into it for OPPONENT, of which _10 and _20 are refused since 2025-10-23.
PRICE_MATCHES = {"OPPONENT": 0, "OPPONENT_5": 4, "QUEUE": -1, "QUEUE_5": -5, "QUEUE_10": -10, "QUEUE_20": -20}

_CLIENT_ID = re.compile(r"[.A-Z:/a-z0-9_-]{1,36}")
_SHORTEST_GOOD_TILL_MS = 600_000
_LATEST_GOOD_TILL_MS = 253_402_300_799_000


@attrs.frozen
class OrderRequest:
    """An order that makes sense; an empty client order id is still to be made up."""

    side: str
    type: str
    quantity: Decimal
    price: Decimal
    time_in_force: str
    client_order_id: str
    position_side: str
    reduce_only: bool
    self_trade_prevention: str
    price_match: str
    good_till_date_ms: int


def order_request(
    market: Market,
    hedge_mode: bool,
    now_ms: int,
    *,
    side: str,
    type: str,
    quantity: Optional[Amount],
    price: Optional[Amount],
    time_in_force: str,
    client_order_id: Optional[str],
    position_side: str,
    reduce_only: bool,
    self_trade_prevention: str,
    price_match: str,
    good_till_date_ms: int,
) -> OrderRequest:
    """
    Check and convert the parameters of a LIMIT or MARKET order.

    Raises:
        Refused: With the code Binance gives for the first thing that is wrong.
    """
    if type in CONDITIONAL_TYPES:
        raise refused(-4120)
    if type not in {"LIMIT", "MARKET"}:
        raise refused(-1116)
    check_sides(hedge_mode, side, position_side, reduce_only)
    check_choices(time_in_force, self_trade_prevention, price_match, client_order_id)
    check_good_till(time_in_force, good_till_date_ms, now_ms)
    amount = whole_quantity(market.symbol, quantity)
    if type == "MARKET":
        if price is not None:
            raise refused(-1106, "price")
        limit = ZERO
    elif price_match == "NONE":
        amount, limit = limit_price(market.symbol, amount, price)
    elif price is not None:
        raise refused(-1106, "price")
    else:
        ticks = PRICE_MATCHES[price_match] * market.symbol.price_tick
        limit = market.price + ticks if side == "BUY" else market.price - ticks
    if type == "MARKET" and price_match != "NONE":
        raise refused(-5038)
    return OrderRequest(
        side,
        type,
        amount,
        limit,
        "GTC" if type == "MARKET" else time_in_force,
        client_order_id or "",
        position_side,
        reduce_only,
        self_trade_prevention,
        price_match,
        good_till_date_ms,
    )


def check_sides(hedge_mode: bool, side: str, position_side: str, reduce_only: bool) -> None:
    """Refuse a side that does not exist, or does not fit the position mode."""
    if side not in {"BUY", "SELL"}:
        raise refused(-1117)
    if position_side not in ({"LONG", "SHORT"} if hedge_mode else {"BOTH"}):
        raise refused(-4061)
    if hedge_mode and reduce_only:
        raise refused(-1106, "reduceonly")


def check_choices(
    time_in_force: str, self_trade_prevention: str, price_match: str, client_order_id: Optional[str]
) -> None:
    """Refuse words outside their lists, and names outside their alphabet."""
    if time_in_force not in TIMES_IN_FORCE:
        raise refused(-1115)
    if self_trade_prevention not in PREVENTION_MODES:
        raise refused(-5039)
    if price_match != "NONE" and price_match not in PRICE_MATCHES:
        raise refused(-5037)
    if client_order_id is not None and not _CLIENT_ID.fullmatch(client_order_id):
        raise refused(-4015)


def check_good_till(time_in_force: str, good_till_date_ms: int, now_ms: int) -> None:
    """Refuse a GTD order without an end, or with one too near or too far, and an end on any other order."""
    if time_in_force != "GTD":
        if good_till_date_ms:
            raise refused(-1106, "goodtilldate")
    elif not now_ms + _SHORTEST_GOOD_TILL_MS < good_till_date_ms < _LATEST_GOOD_TILL_MS:
        raise refused(-5040)


def whole_quantity(symbol: Symbol, quantity: Optional[Amount]) -> Decimal:
    """A positive multiple of the quantity step, written with its decimals."""
    amount = number(quantity, "quantity")
    if amount <= 0:
        raise refused(-4003)
    if amount % symbol.quantity_step:
        raise refused(-1111)
    return amount.quantize(symbol.quantity_step)


def offered_quantity(symbol: Symbol, quantity: Amount) -> Decimal:
    """What can be traded of an offer: the multiples of the quantity step in it, perhaps none."""
    offered = number(quantity, "quantity")
    return (max(offered, ZERO) // symbol.quantity_step * symbol.quantity_step).quantize(symbol.quantity_step)


def whole_price(symbol: Symbol, price: Optional[Amount], parameter: str = "price") -> Decimal:
    """A positive multiple of the price tick, written with its decimals."""
    limit = number(price, parameter)
    if limit <= 0:
        raise refused(-4013)
    if limit % symbol.price_tick:
        raise refused(-4014)
    return limit.quantize(symbol.price_tick)


def limit_price(symbol: Symbol, quantity: Optional[Amount], price: Optional[Amount]) -> tuple[Decimal, Decimal]:
    """Quantity and price of a limit order, checked."""
    return whole_quantity(symbol, quantity), whole_price(symbol, price)
