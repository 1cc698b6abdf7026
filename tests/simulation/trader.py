"""
A trader of chance who does what hurts: bursts, self-trades, free trades, symbols that were never traded before.

He is told when the client is deaf, for what happens then is what a client loses.
"""

from __future__ import annotations

import random
from contextlib import suppress
from decimal import Decimal
from typing import Any, Callable, Dict, Optional

from binance_uds.simulator import records
from binance_uds.simulator.exchange import Exchange
from binance_uds.simulator.records import Account, Market, Order, Symbol
from binance_uds.simulator.refusals import Refused
from tests.simulation.venue import Venue

ZERO = Decimal(0)

#: Traded all the time; in the last one every trade is free.
BUSY = (
    *records.SYMBOLS,
    Symbol("FREEUSDT", Decimal("0.01"), Decimal("0.1"), Decimal(10), maker_fee=ZERO, taker_fee=ZERO),
)

#: Each traded for the first time while the client is deaf; in every third one trades are free.
FRESH = tuple(
    Symbol(
        f"FRESH{number}USDT",
        Decimal("0.001"),
        Decimal("1"),
        Decimal(5),
        maker_fee=ZERO if number % 3 == 0 else None,
        taker_fee=ZERO if number % 3 == 0 else None,
    )
    for number in range(1, 25)
)

#: How far one step moves a price at most, as a fraction of it.
_STEP = Decimal("0.001")
_NOTIONAL, _LARGEST_POSITION = Decimal(100), Decimal(1000)
_MOST_OPEN = 6

#: Seconds between two orders of a burst, and how many there may be.
_PACE, _LONGEST_BURST = 0.005, 30

Deed = Callable[["Trader", Market], object]


class Trader:
    """
    Trades for the account until an end.

    Args:
        venue: Where.
        chance: The seed's dice.
        mean_interval: Seconds between two deeds, in the mean.
        ends: The second of the world from which on nothing is done.
    """

    def __init__(self, venue: Venue, chance: random.Random, mean_interval: float, ends: float) -> None:
        self._venue = venue
        self._exchange: Exchange = venue.exchange
        self._account: Account = venue.account
        self._chance = chance
        self._mean_interval = mean_interval
        self._ends = ends
        self._fresh = list(FRESH)
        self._markets = [venue.exchange.markets[symbol.name] for symbol in BUSY]
        venue.when_deaf.append(self._notice_deafness)
        self._plan_next()

    def burst(self, length: int) -> None:
        """Trade in one market at 200 fills a second, so many times."""
        market = self._chance.choice(self._markets)
        for number in range(length):
            self._venue.world.after(number * _PACE, lambda: self._do(Trader._cross, market))

    def _plan_next(self) -> None:
        self._venue.world.after(self._chance.expovariate(1 / self._mean_interval), self._act)

    def _act(self) -> None:
        if self._venue.world.now >= self._ends:
            return
        if self._chance.random() < 1 / 100:
            self.burst(self._chance.randint(2, _LONGEST_BURST))
        deed = self._chance.choices(list(_DEEDS), list(_DEEDS.values()))[0]
        self._do(deed, self._chance.choice(self._markets))
        self._plan_next()

    def _do(self, deed: Deed, market: Market) -> None:
        """Do one thing; what the exchange refuses does not happen."""

        def attempt() -> None:
            with suppress(Refused):
                deed(self, market)

        if self._venue.world.now < self._ends:
            self._venue.act(attempt)

    # While nobody listens

    def _notice_deafness(self) -> None:
        """Do something soon that the client will not hear of, unless it hears again by then."""
        chance, after = self._chance, self._venue.world.after
        if chance.random() < 1 / 2:
            # While the client asks for a key, while it connects, and while it can do neither.
            wait = chance.uniform(0.0, chance.choice([0.4, 0.4, 4.0, 30.0]))
            after(wait, lambda: self._if_deaf(self._trade_known))
        if chance.random() < 1 / 4:
            after(chance.choice([0.02, chance.uniform(0.0, 10.0)]), lambda: self._if_deaf(self._trade_fresh))

    def _if_deaf(self, action: Callable[[], object]) -> None:
        if self._venue.world.now < self._ends and not self._venue.is_heard():
            action()

    def _trade_known(self) -> None:
        self.burst(self._chance.randint(1, 8))
        for _ in range(3):
            self._do(self._chance.choice(list(_DEEDS)), self._chance.choice(self._markets))

    def _trade_fresh(self) -> None:
        """Open a position in a new symbol and, half of the times, close it before anybody listens again."""
        if not self._fresh:
            return
        market = self._exchange.markets[self._fresh.pop().name]
        self._do(Trader._cross, market)
        if self._chance.random() < 1 / 2:
            self._do(Trader._flatten, market)
        else:
            self._markets.append(market)

    # Deeds

    def _move_price(self, market: Market) -> None:
        self._exchange.set_price(market.symbol.name, self._price_near(market))

    def _cross(self, market: Market) -> None:
        name = market.symbol.name
        quantity = self._quantity(market)
        if self._chance.random() < 1 / 8:
            # One order, several trades of the same millisecond.
            self._exchange.set_liquidity(
                name, largest_trade=max(market.symbol.quantity_step, _whole(market, quantity / 4))
            )
        try:
            self._exchange.place_order(
                self._account, symbol=name, **self._sides(market), type="MARKET", quantity=quantity
            )
        finally:
            self._exchange.set_liquidity(name)

    def _rest(self, market: Market) -> None:
        if len(self._account.open_orders) >= _MOST_OPEN:
            self._cancel(market)
            return
        self._exchange.place_order(
            self._account,
            symbol=market.symbol.name,
            **self._sides(market),
            type="LIMIT",
            quantity=self._quantity(market),
            price=self._price_near(market),
            self_trade_prevention=self._chance.choice(["NONE", "NONE", "EXPIRE_TAKER", "EXPIRE_BOTH"]),
        )

    def _cancel(self, market: Market) -> None:
        order = self._some_open_order()
        if order is not None:
            self._exchange.cancel_order(self._account, symbol=order.symbol, order_id=order.order_id)

    def _amend(self, market: Market) -> None:
        order = self._some_open_order()
        if order is not None:
            its_market = self._exchange.markets[order.symbol]
            self._exchange.amend_order(
                self._account,
                symbol=order.symbol,
                side=order.side,
                order_id=order.order_id,
                quantity=order.quantity + its_market.symbol.quantity_step,
                price=self._price_near(its_market),
            )

    def _fill_in_part(self, market: Market) -> None:
        order = self._some_open_order()
        if order is not None:
            step = self._exchange.markets[order.symbol].symbol.quantity_step
            self._exchange.fill_resting(self._account, order.order_id, max(step, order.remaining // step // 2 * step))

    def _trade_with_oneself(self, market: Market) -> None:
        """Two orders of the account meet: two fills with one trade id."""
        name, quantity = market.symbol.name, self._quantity(market)
        price = market.price - 5 * market.symbol.price_tick
        sides = {"BUY": "BOTH", "SELL": "BOTH"}
        if self._account.hedge_mode:
            sides = {"BUY": "LONG", "SELL": "SHORT"}
        for side, position_side in sides.items():
            self._exchange.place_order(
                self._account,
                symbol=name,
                side=side,
                position_side=position_side,
                type="LIMIT",
                quantity=quantity,
                price=price,
            )

    def _set_stop(self, market: Market) -> None:
        if len(self._account.open_algo_orders) >= _MOST_OPEN:
            algo = self._chance.choice(list(self._account.open_algo_orders.values()))
            self._exchange.cancel_algo_order(self._account, algo_id=algo.algo_id)
            return
        sides = self._sides(market)
        sign = 1 if sides["side"] == "BUY" else -1
        self._exchange.place_algo_order(
            self._account,
            symbol=market.symbol.name,
            **sides,
            type="STOP_MARKET",
            quantity=self._quantity(market),
            trigger_price=self._rounded(market, market.price * (1 + sign * _STEP)),
        )

    def _flatten(self, market: Market) -> None:
        for (symbol, side), position in list(self._account.positions.items()):
            if symbol == market.symbol.name and position.amount:
                self._exchange.place_order(
                    self._account,
                    symbol=symbol,
                    side="SELL" if position.amount > 0 else "BUY",
                    position_side=side,
                    type="MARKET",
                    quantity=abs(position.amount),
                )

    def _be_liquidated(self, market: Market) -> None:
        for symbol, side in list(self._account.positions):
            if symbol == market.symbol.name:
                self._exchange.liquidate(self._account, symbol, side, self._chance.choice(["LIQUIDATION", "ADL"]))

    def _move_money(self, market: Market) -> None:
        self._exchange.transfer(self._account, market.symbol.margin_asset, self._chance.choice([100, 25, -50]))

    def _change_leverage(self, market: Market) -> None:
        self._exchange.change_leverage(self._account, market.symbol.name, self._chance.randint(5, 50))

    def _change_margin_type(self, market: Market) -> None:
        settings = self._account.settings_of(market.symbol.name)
        other = "CROSSED" if settings.margin_type == "ISOLATED" else "ISOLATED"
        self._exchange.change_margin_type(self._account, market.symbol.name, other)

    def _change_mode(self, market: Market) -> None:
        if self._chance.random() < 1 / 2:
            self._exchange.change_multi_assets(self._account, not self._account.multi_assets)
        else:
            self._exchange.change_position_mode(self._account, not self._account.hedge_mode)

    def _be_warned(self, market: Market) -> None:
        self._exchange.margin_call(self._account)

    # What to trade, and how much

    def _some_open_order(self) -> Optional[Order]:
        resting = list(self._account.open_orders.values())
        return self._chance.choice(resting) if resting else None

    def _sides(self, market: Market) -> Dict[str, Any]:
        """Choose what to buy or sell, back towards nothing if too much is open."""
        buys = self._chance.random() < 1 / 2
        position_side = self._chance.choice(["LONG", "SHORT"]) if self._account.hedge_mode else "BOTH"
        position = self._account.positions.get((market.symbol.name, position_side))
        amount = position.amount if position is not None else ZERO
        if abs(amount) * market.price > _LARGEST_POSITION:
            buys = amount < 0
        elif self._account.hedge_mode and not amount:
            # There is nothing to close.
            buys = position_side == "LONG"
        return {"side": "BUY" if buys else "SELL", "position_side": position_side}

    def _quantity(self, market: Market) -> Decimal:
        share = Decimal(self._chance.randint(1, 10)) / 10
        return max(market.symbol.quantity_step, _whole(market, _NOTIONAL * share / market.price))

    def _price_near(self, market: Market) -> Decimal:
        change = Decimal(self._chance.randint(-1000, 1000)) / 1000 * _STEP
        return self._rounded(market, market.price * (1 + change))

    def _rounded(self, market: Market, price: Decimal) -> Decimal:
        tick = market.symbol.price_tick
        return (price / tick).quantize(Decimal(1)) * tick


def _whole(market: Market, quantity: Decimal) -> Decimal:
    step = market.symbol.quantity_step
    return (quantity / step).quantize(Decimal(1)) * step


_DEEDS: Dict[Deed, int] = {
    Trader._move_price: 20,
    Trader._cross: 20,
    Trader._rest: 20,
    Trader._cancel: 6,
    Trader._amend: 4,
    Trader._fill_in_part: 8,
    Trader._trade_with_oneself: 4,
    Trader._set_stop: 6,
    Trader._flatten: 2,
    Trader._be_liquidated: 1,
    Trader._move_money: 2,
    Trader._change_leverage: 1,
    Trader._change_margin_type: 1,
    Trader._change_mode: 1,
    Trader._be_warned: 1,
}
