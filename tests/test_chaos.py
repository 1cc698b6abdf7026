"""
The promises of repair, audit and delivery over real sockets, while everything goes wrong.

A real stream, the local exchange, some 200 fills a second and faults from a seed; then calm, and the judgement. The
faults of a seed are always the same, and so is the trader's chance; what meets what is a matter of moments.

``--chaos-seed``, ``--chaos-seconds`` and ``--chaos-faults`` choose another story, a longer one, a rougher one.
"""

from __future__ import annotations

import logging
import random
import re
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from decimal import Decimal
from functools import partial
from typing import Any

import attrs
import pytest

import binance_uds as uds
from binance_uds.account import ENDED_KEPT
from binance_uds.cli.tally import Mishap, Tally, tally
from binance_uds.simulator import LocalExchange, faults
from binance_uds.simulator.bot import BotTrader
from binance_uds.simulator.exchange import Exchange, Refused
from binance_uds.simulator.records import Account
from binance_uds.simulator.rules import Rules
from tests import account_truth

#: Faults of every kind follow each other within seconds, so everything is looked at, tried again and audited as often.
TIMINGS = uds.Timings(
    settle=0.2,
    keepalive_interval=0.5,
    key_lease_least=2.0,
    ping_interval=1.0,
    gap_margin=0.5,
    plan_timeout=1.0,
    rest_timeout=1.0,
    retry_first=0.05,
    retry_most=0.5,
    probe_retry_first=0.1,
    refused_first=0.2,
    refused_most=0.5,
    short_life=0.1,
    max_hold=3.0,
    doubt=0.3,
    trade_lite_alone=0.5,
    suspicion_interval=1.0,
    audit_interval=1.5,
    audit_overlap=1.0,
    reread_first=0.2,
    unbalanced_most=10.0,
    weight_most=1_000_000_000,
    slow_callback=20.0,
)

#: There are more repairs than an address could pay for at work.
RULES = Rules(weight_per_minute=1_000_000_000, orders_per_10s=1_000_000, orders_per_minute=1_000_000)

FILLS_PER_S = 200

#: Generous: what comes after the storm comes within seconds, or is broken.
PATIENCE_S = 120.0

_LAG_MOST_S = TIMINGS.settle / 2

#: Every kind of fault, each drawn from chance; some are of a kind in more than one manner.
KINDS: tuple[Callable[[random.Random], faults.Fault], ...] = (
    lambda chance: faults.ExpireKey(notices=0),
    lambda chance: faults.ExpireKey(notices=1),
    lambda chance: faults.ExpireKey(notices=2),
    lambda chance: faults.NeighbourDeletesKey(),
    lambda chance: faults.NeighbourSwapsKey(),
    *(lambda chance, how=how: faults.DropConnections(how) for how in faults.DROP_MANNERS),
    lambda chance: faults.HalfOpen(),
    lambda chance: faults.LoseFrame("ORDER_TRADE_UPDATE", count=chance.randint(1, 4)),
    lambda chance: faults.LoseFrame(count=chance.randint(1, 8)),
    lambda chance: faults.RepeatFrame(count=chance.randint(1, 8)),
    lambda chance: faults.GarbageFrame(chance.choice(["{", "[]", b"\xff\xfe", '{"e":"ORDER_TRADE_UPDATE","o":5}'])),
    lambda chance: faults.SlowRest(chance.uniform(0.2, 1.5), acts_first=chance.random() < 1 / 2, count=3),
    lambda chance: faults.FailRest(
        chance.choice([500, 502, 503, 504]), acts_first=chance.random() < 1 / 2, count=chance.randint(1, 6)
    ),
    lambda chance: faults.TruncateRest(count=chance.randint(1, 3)),
    lambda chance: faults.HangRest(acts_first=chance.random() < 1 / 2, count=chance.randint(1, 2)),
    lambda chance: faults.FailRest(429, retry_after=1),
    lambda chance: faults.LagReads(chance.uniform(0.02, _LAG_MOST_S), lasts=chance.uniform(1.0, 3.0)),
    lambda chance: faults.RedirectRest(count=chance.randint(1, 3)),
    lambda chance: faults.IssueDeadKey(),
    lambda chance: faults.ExpireAgain(),
    lambda chance: faults.OmitKeyInPut(count=chance.randint(1, 3)),
    lambda chance: faults.RefuseHandshake(chance.choice([400, 403, 503]), count=chance.randint(1, 3)),
    lambda chance: faults.StallHandshake(),
    lambda chance: faults.SilentPlan(chance.choice(["query", "subscribe"]), lasts=chance.uniform(1.0, 3.0)),
    lambda chance: faults.RawBytes(chance.choice([b"\xff\xff\xff\xff", b"\x83\x00", b"\xc1\x01a"])),
    lambda chance: faults.FragmentFrames(chance.randint(2, 5), count=chance.randint(1, 8)),
    lambda chance: faults.PingFlood(chance.randint(100, 5_000)),
)

#: Those that make a stream blind for a while; a gap has to cover each.
BLINDING = (
    faults.ExpireKey,
    faults.NeighbourDeletesKey,
    faults.NeighbourSwapsKey,
    faults.DropConnections,
    faults.HalfOpen,
    faults.GarbageFrame,
    faults.RawBytes,
)


def weather(seed: int, seconds: float, count: int) -> list[tuple[float, faults.Fault]]:
    """Draw so many faults, evenly over the time but for chance, every kind before one comes again."""
    chance = random.Random(seed)
    deck: list[Callable[[random.Random], faults.Fault]] = []
    while len(deck) < count:
        deck += chance.sample(KINDS, len(KINDS))
    return [((number + chance.random()) * seconds / count, draw(chance)) for number, draw in enumerate(deck[:count])]


class Trader:
    """Trades as chance has it: resting, amended, cancelled, split and conditional orders, self-trades, bursts."""

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed)
        self._bot = BotTrader(seed)

    def trade_up_to(self, fills: int, exchange: Exchange, account: Account) -> int:
        """Trade until the account has so many fills; returns how many it has."""
        while len(account.fills) < fills:
            self._bot.act(exchange, account)
            with suppress(Refused):
                self._cross(exchange, account)
            with suppress(Refused):
                self._fill_a_piece(exchange, account)
            if self._chance.random() < 1 / 100:
                with suppress(Refused):
                    self._change_settings(exchange, account)
        return len(account.fills)

    def _cross(self, exchange: Exchange, account: Account) -> None:
        symbol = self._chance.choice(list(exchange.markets))
        side = self._chance.choice(["BUY", "SELL"])
        position_side = self._chance.choice(["LONG", "SHORT"]) if account.hedge_mode else "BOTH"
        position = account.positions.get((symbol, position_side))
        if position is not None and abs(position.amount) * exchange.markets[symbol].price > 1_000:
            side = "SELL" if position.amount > 0 else "BUY"
        step = exchange.markets[symbol].symbol.quantity_step
        quantity = step * max(1, int(Decimal(self._chance.randint(10, 100)) / exchange.markets[symbol].price / step))
        exchange.place_order(
            account, symbol=symbol, side=side, position_side=position_side, type="MARKET", quantity=quantity
        )

    def _change_settings(self, exchange: Exchange, account: Account) -> None:
        symbol = self._chance.choice(list(exchange.markets))
        exchange.change_leverage(account, symbol, self._chance.randint(5, 50))
        if self._chance.random() < 1 / 4:
            exchange.change_multi_assets(account, not account.multi_assets)
        margin_type = self._chance.choice(["CROSSED", "ISOLATED"])
        exchange.change_margin_type(account, symbol, margin_type)

    def _fill_a_piece(self, exchange: Exchange, account: Account) -> None:
        if account.open_orders:
            order = self._chance.choice(list(account.open_orders.values()))
            exchange.fill_resting(account, order.order_id, exchange.markets[order.symbol].symbol.quantity_step)


@attrs.define
class Storm:
    """What went on: the exchange, the stream, and everything that it delivered."""

    exchange: LocalExchange
    stream: uds.UserDataStream
    trader: Trader
    items: list[Any] = attrs.field(factory=list)
    _fills: int = 0

    def trade(self, seconds: float) -> float:
        """Trade for so long; returns how many fills that were in a second."""
        began, fills_before = time.monotonic(), self._fills
        while (left := began + seconds - time.monotonic()) > 0:
            # A slow machine trades less, and does not catch up.
            wanted = fills_before + min((seconds - left) * FILLS_PER_S, self._fills - fills_before + 20)
            self._fills = self.exchange.do(partial(self.trader.trade_up_to, int(wanted)))
            self.stream.join(timeout=min(left, 0.02))
        return (self._fills - fills_before) / seconds

    def wait_for_rest(self) -> None:
        """Wait until the stream is LIVE, and an audit that began after the last trade found nothing missing."""
        stopped = time.monotonic()
        deadline = stopped + PATIENCE_S
        while time.monotonic() < deadline:
            health = self.stream.health
            age, quiet = health.delivery_proof_age_s, time.monotonic() - stopped - 2 * TIMINGS.settle
            if health.state is uds.StreamState.LIVE and age is not None and age < quiet:
                return
            self.stream.join(timeout=0.05)
        raise AssertionError(f"it did not come to rest: {self.stream.health}\n" + "\n".join(map(str, self.timeline)))

    @property
    def timeline(self) -> Sequence[uds.Step]:
        """What the stream did at last."""
        return self.stream.timeline[-60:]

    def judge(self) -> Tally:
        """Hold what was delivered against what happened."""
        health = self.stream.health
        mishaps = [
            Mishap(at_ms, str(fault)) for at_ms, fault in self.exchange.faults.history if isinstance(fault, BLINDING)
        ]
        return tally(self.exchange.fills, self.items, mishaps, health.state, health.why, signed=True)

    def secrets(self) -> list[str]:
        """List what nobody may read."""
        keys = self.exchange.call(
            lambda model: [model._token("listen key", "default", n + 1) for n in range(model.keys_issued)]
        )
        return [self.exchange.api_key, self.exchange.api_secret, *keys]


@attrs.frozen
class Truth:
    """
    What a view has to show, field by field.

    Attributes:
        tables: Balances, positions, open orders, open conditional orders, leverage and modes.
        recent: The orders that it shows as ended.
        algos: The conditional orders that it knows.
        fills: Of every order that it shows; those of ended ones as far as they are among the last 10,000.
        missing: What it should know of the last orders, and does not; it drops them as they came, not by their times.
    """

    tables: account_truth.Tables
    recent: dict[int, Any]
    algos: dict[int, Any]
    fills: dict[int, Any]
    missing: list[int]

    @classmethod
    def of(cls, exchange: Exchange, account: Account, view: uds.AccountView) -> Truth:
        """Return what the exchange knows about an account, and a view should."""
        known = [order_id for order_id in account.orders if view.order(order_id).is_known]
        return cls(
            account_truth.truth_of(exchange, account),
            account_truth.true_recent(account, view),
            account_truth.true_algos(account, view),
            account_truth.true_fills(account, known),
            account_truth.missing_orders(account, view, 0, ENDED_KEPT // 4),
        )


@pytest.mark.fault(1, 2, 5, 7, 8, 15, 16, 20, 22, 25, 26, 28, 42, 45)
@pytest.mark.slow
def test_nothing_is_lost_whatever_goes_wrong(make_stream, tools, caplog, pytestconfig, record_property):
    """Lost 0, duplicated 0, out of order and not marked late 0; the account is the exchange's; every gap is closed."""
    seed, seconds, count = (pytestconfig.getoption(f"chaos_{name}") for name in ("seed", "seconds", "faults"))
    caplog.set_level(logging.DEBUG)
    with LocalExchange(seed=seed, rules=RULES, hedge_mode=seed % 2 == 0) as exchange:
        exchange.call(lambda model: model.set_liquidity("ETHUSDT", largest_trade="0.01"))
        market = tools.market_of(exchange, weight_limit=RULES.weight_per_minute)
        stream = make_stream(
            api_key=exchange.api_key, api_secret=exchange.api_secret, market=market, timings=TIMINGS, name="chaos"
        )
        storm = Storm(exchange, stream, Trader(seed))
        stream.on(uds.Event)(storm.items.append)
        stream.on(uds.Notice)(storm.items.append)
        with stream:
            exchange.faults.play(weather(seed, seconds, count))
            rate = storm.trade(seconds)
            exchange.faults.clear()
            storm.trade(1.0)
            storm.wait_for_rest()
            verdict, secrets, account = storm.judge(), storm.secrets(), stream.account.snapshot()
            truth = exchange.do(lambda model, owner: Truth.of(model, owner, account))
            timeline = "\n".join(map(str, stream.timeline))
            happened = Counter(type(fault).__name__ for _, fault in exchange.faults.history)
    record_property("fills", verdict.executed)
    record_property("gaps", verdict.announced)
    print(f"\nseed {seed}: {count} faults in {seconds:g} s, {rate:.0f} fills/s: {dict(sorted(happened.items()))}")
    print("\n".join(verdict.lines()))

    assert (0, 0, 0) == (verdict.lost, verdict.duplicated, verdict.out_of_order), verdict.broken
    assert () == verdict.broken
    assert account.trusted
    for what, expected in truth.tables.items():
        assert expected == account_truth.shown(account, truth.tables["leverage"])[what], what
    assert truth.recent == account_truth.shown_recent(account)
    assert truth.algos == account_truth.shown_algos(truth.algos, account)
    assert truth.fills == account_truth.shown_fills(account, truth.fills)
    assert [] == truth.missing
    assert [] == [order for order in account.recent_orders.values() if order.is_done and not order.history]
    assert verdict.announced == verdict.closed >= 1
    said = caplog.text + timeline + repr(storm.items)
    assert [] == [secret for secret in secrets if secret in said]
    assert None is re.search(r"signature=[0-9a-fA-F]", said)
