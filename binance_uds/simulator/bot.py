"""A trader of chance, so that an exchange without visitors has something to tell."""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import suppress
from decimal import Decimal
from typing import Any

from binance_uds.simulator.exchange import Exchange
from binance_uds.simulator.records import Account, Market
from binance_uds.simulator.refusals import Refused

#: How far one step moves a price at most, as a fraction of it.
_STEP = Decimal("0.001")

#: Notional beyond which the trader only goes back towards nothing, in the quote asset.
_LARGEST_POSITION = Decimal(2000)
_NOTIONAL = Decimal(200)
_MOST_OPEN = 5


class BotTrader:
    """
    Trades at random: moves prices, crosses the market, rests, amends, cancels, sets stops.

    Pure: equal seeds do equal things to equal exchanges, in virtual time as in real time.
    """

    def __init__(self, seed: int = 0) -> None:
        self._chance = random.Random(seed)
        deeds: dict[Callable[[Exchange, Account, Market], object], int] = {
            self._move_price: 4,
            self._cross: 4,
            self._rest: 3,
            self._cancel: 2,
            self._set_stop: 1,
        }
        self._deeds = list(deeds)
        self._weights = list(deeds.values())

    def act(self, exchange: Exchange, account: Account) -> None:
        """Do one thing; what the exchange refuses does not happen."""
        market = self._chance.choice(list(exchange.markets.values()))
        deed = self._chance.choices(self._deeds, self._weights)[0]
        with suppress(Refused):
            deed(exchange, account, market)

    def _move_price(self, exchange: Exchange, account: Account, market: Market) -> None:
        exchange.set_price(market.symbol.name, self._price_near(market))

    def _cross(self, exchange: Exchange, account: Account, market: Market) -> None:
        exchange.place_order(
            account,
            symbol=market.symbol.name,
            **self._sides(account, market),
            type="MARKET",
            quantity=self._quantity(market),
        )

    def _rest(self, exchange: Exchange, account: Account, market: Market) -> None:
        if len(account.open_orders) >= _MOST_OPEN:
            self._cancel(exchange, account, market)
            return
        exchange.place_order(
            account,
            symbol=market.symbol.name,
            **self._sides(account, market),
            type="LIMIT",
            quantity=self._quantity(market),
            price=self._price_near(market),
        )

    def _cancel(self, exchange: Exchange, account: Account, market: Market) -> None:
        if account.open_orders:
            order = self._chance.choice(list(account.open_orders.values()))
            exchange.cancel_order(account, symbol=order.symbol, order_id=order.order_id)

    def _set_stop(self, exchange: Exchange, account: Account, market: Market) -> None:
        if len(account.open_algo_orders) >= _MOST_OPEN:
            algo = self._chance.choice(list(account.open_algo_orders.values()))
            exchange.cancel_algo_order(account, algo_id=algo.algo_id)
            return
        sides = self._sides(account, market)
        sign = 1 if sides["side"] == "BUY" else -1
        exchange.place_algo_order(
            account,
            symbol=market.symbol.name,
            **sides,
            type="STOP_MARKET",
            quantity=self._quantity(market),
            trigger_price=_whole(market.price * (1 + sign * _STEP), market.symbol.price_tick),
        )

    def _sides(self, account: Account, market: Market) -> dict[str, Any]:
        """Choose what to buy or sell, back towards nothing if too much is open."""
        name = market.symbol.name
        buys = self._chance.random() < 1 / 2
        position_side = "BOTH"
        if account.hedge_mode:
            position_side = self._chance.choice(["LONG", "SHORT"])
        position = account.positions.get((name, position_side))
        if position is not None and abs(position.amount) * market.price > _LARGEST_POSITION:
            buys = position.amount < 0
        return {"side": "BUY" if buys else "SELL", "position_side": position_side}

    def _quantity(self, market: Market) -> Decimal:
        share = Decimal(self._chance.randint(1, 10)) / 10
        step = market.symbol.quantity_step
        return max(step, _whole(_NOTIONAL * share / market.price, step))

    def _price_near(self, market: Market) -> Decimal:
        change = Decimal(self._chance.randint(-1000, 1000)) / 1000 * _STEP
        return _whole(market.price * (1 + change), market.symbol.price_tick)


def _whole(value: Decimal, step: Decimal) -> Decimal:
    """Round to a multiple of a step."""
    return (value / step).quantize(Decimal(1)) * step
