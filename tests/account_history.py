"""
What a stream and REST tell of an account that trades: a history made on the pure exchange, from a seed.

    history = History(seed=1)
    for event in history.told:
        account.apply(event)
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from decimal import Decimal
from typing import Any

from binance_uds.events import usdm
from binance_uds.events.base import FROM_REST, Event
from binance_uds.protocol.decoding.strict import Decoder, Payload, unwrap
from binance_uds.simulator.bot import BotTrader
from binance_uds.simulator.exchange import Exchange, Fill, Refused
from binance_uds.simulator.records import AlgoOrder, Balance, Order, Position

START_MS = 1_700_000_000_000


class History:
    """
    One account's life: what was told of it, in the order in which it was, and what is true at the end.

    Attributes:
        told: By the stream, and by REST now and then.
        last_words: What REST tells of everything at the end.
        truth: As `Exchange.truth`.
    """

    def __init__(self, seed: int, *, steps: int = 60, hedge_mode: bool = False) -> None:
        self._chance = random.Random(seed)
        self._exchange = Exchange(START_MS, salt=str(seed))
        # A closing order may then come as several fills of one millisecond.
        self._exchange.set_liquidity("BTCUSDT", depth="0.005", largest_trade="0.002")
        self._account = self._exchange.open_account("told", hedge_mode=hedge_mode)
        bot = BotTrader(seed)
        deeds = [self._amend, self._fill, self._liquidate, self._transfer, self._change_settings]
        deeds += [lambda: bot.act(self._exchange, self._account)] * len(deeds)
        self._decoder = Decoder(usdm.EVENTS)
        self.told: list[Event] = self._by_rest()
        for _ in range(steps):
            self._exchange.advance(self._exchange.now_ms + self._chance.choice([1, 2, 1_000, 3_600_000]))
            with suppress(Refused):
                self._chance.choice(deeds)()
            for push in self._exchange.take_pushes():
                content = unwrap(push.payload)
                assert isinstance(content, Payload)
                self.told.append(self._decoder.event(content).event)
            if self._chance.random() < 0.05:
                self.told += self._by_rest()
        self.last_words = self._by_rest()
        self.truth = self._exchange.truth(self._account)

    def shuffled(self, events: Iterable[Event], seed: int, *, twice: float = 0.0) -> list[Event]:
        """
        Return events in another order, some of them twice.

        Account updates of one millisecond, which only their order tells apart, keep that and come once.
        """
        chance = random.Random(seed)
        moments = Counter(filter(None, map(_moment, events)))
        places: dict[Any, list[float]] = {}
        drawn = []
        for event in events:
            moment = _moment(event)
            is_alone = moment is None or moments[moment] == 1
            for _ in range(1 + (is_alone and chance.random() < twice)):
                place = chance.random()
                drawn.append((place, event))
                if not is_alone:
                    places.setdefault(moment, []).append(place)
        for moment, taken in places.items():
            in_order = iter(sorted(taken))
            drawn = [(next(in_order) if _moment(event) == moment else place, event) for place, event in drawn]
        return [event for _, event in sorted(drawn, key=lambda pair: pair[0])]

    # Deeds

    def _amend(self) -> None:
        order = self._any_open()
        self._exchange.amend_order(
            self._account,
            symbol=order.symbol,
            side=order.side,
            order_id=order.order_id,
            quantity=order.quantity * self._chance.choice([1, 2]),
            price=order.price + self._exchange.markets[order.symbol].symbol.price_tick * self._chance.choice([-1, 1]),
        )

    def _fill(self) -> None:
        order = self._any_open()
        step = self._exchange.markets[order.symbol].symbol.quantity_step
        self._exchange.fill_resting(self._account, order.order_id, min(order.remaining, step))

    def _liquidate(self) -> None:
        held = [key for key, position in self._account.positions.items() if position.amount]
        if held:
            symbol, side = self._chance.choice(held)
            self._exchange.liquidate(self._account, symbol, side, self._chance.choice(["LIQUIDATION", "ADL"]))

    def _transfer(self) -> None:
        self._exchange.transfer(self._account, self._chance.choice(["USDT", "BNB"]), self._chance.randint(-50, 100))

    def _change_settings(self) -> None:
        symbol = self._chance.choice(["ETHUSDT", "ADAUSDT"])
        change = self._chance.choice(
            [
                lambda: self._exchange.change_leverage(self._account, symbol, self._chance.randint(10, 30)),
                lambda: self._exchange.change_margin_type(self._account, symbol, "ISOLATED"),
                lambda: self._exchange.change_multi_assets(self._account, self._chance.random() < 0.5),
            ]
        )
        change()

    def _any_open(self) -> Order:
        if not self._account.open_orders:
            raise Refused(400, -2013, "there is none")
        return self._chance.choice(list(self._account.open_orders.values()))

    # REST

    def _by_rest(self) -> list[Event]:
        """Return what REST would tell of everything at this moment."""
        account = self._account
        return [
            *map(recovered_fill, account.fills),
            *map(order_by_rest, account.orders.values()),
            *map(algo_order_by_rest, account.algo_orders.values()),
            *map(balance_by_rest, account.balances.values()),
            *map(position_by_rest, account.positions.values()),
        ]


def _moment(event: Event) -> Any:
    """Return by what an account update can be taken for another, or None."""
    if not isinstance(event, usdm.AccountUpdate):
        return None
    return event.transaction_time_ms, event.origin


def recovered_fill(fill: Fill) -> usdm.OrderTradeUpdate:
    """A fill as it is recovered."""
    return usdm.OrderTradeUpdate(
        origin=FROM_REST,
        transaction_time_ms=fill.time_ms,
        symbol=fill.symbol,
        order_id=fill.order_id,
        trade_id=fill.trade_id,
        side=fill.side,
        position_side=fill.position_side,
        last_filled_quantity=fill.quantity,
        last_filled_price=fill.price,
        execution_type="TRADE",
        trade_time_ms=fill.time_ms,
    )


def order_by_rest(order: Order) -> usdm.OrderTradeUpdate:
    """An order's state as REST tells it."""
    return usdm.OrderTradeUpdate(
        origin=FROM_REST,
        transaction_time_ms=order.updated_ms,
        symbol=order.symbol,
        order_id=order.order_id,
        client_order_id=order.client_order_id,
        side=order.side,
        position_side=order.position_side,
        order_type=order.type,
        original_order_type=order.original_type,
        time_in_force=order.time_in_force,
        status=order.status,
        quantity=order.quantity,
        price=order.price,
        stop_price=order.stop_price,
        filled_quantity=order.executed,
        average_price=order.average_price.quantize(Decimal("1e-8")),
        is_reduce_only=order.reduce_only,
        is_close_all=order.close_position,
    )


def algo_order_by_rest(algo: AlgoOrder) -> usdm.AlgoUpdate:
    """A conditional order's state as REST tells it."""
    return usdm.AlgoUpdate(
        origin=FROM_REST,
        transaction_time_ms=algo.updated_ms,
        algo_id=algo.algo_id,
        client_algo_id=algo.client_algo_id,
        symbol=algo.symbol,
        side=algo.side,
        position_side=algo.position_side,
        order_type=algo.type,
        time_in_force=algo.time_in_force,
        status=algo.status,
        quantity=algo.quantity,
        trigger_price=algo.trigger_price,
        price=algo.price,
        actual_order_id=None if algo.child is None else algo.child.order_id,
        is_reduce_only=algo.reduce_only,
        is_close_all=algo.close_position,
    )


def balance_by_rest(balance: Balance) -> usdm.AccountUpdate:
    """A balance as REST tells it."""
    row = usdm.Balance(asset=balance.asset, wallet_balance=balance.wallet, cross_wallet_balance=balance.cross)
    return usdm.AccountUpdate(origin=FROM_REST, transaction_time_ms=balance.updated_ms, balances=(row,))


def position_by_rest(position: Position) -> usdm.AccountUpdate:
    """A position as REST tells it: without the profit realised, and without its margin type."""
    row = usdm.Position(
        symbol=position.symbol,
        position_side=position.side,
        amount=position.amount,
        entry_price=position.entry_price,
        break_even_price=position.break_even_price,
        isolated_wallet=position.isolated_wallet,
    )
    return usdm.AccountUpdate(origin=FROM_REST, transaction_time_ms=position.updated_ms, positions=(row,))
