"""The trader of chance, in virtual time."""

import collections

from binance_uds.simulator import BotTrader
from binance_uds.simulator.exchange import SYMBOLS, Exchange

START_MS = 1_700_000_000_000
DEEDS = 600


def run(seed, **options):
    """Let a bot do many things, one a second; returns the exchange and what it pushed."""
    exchange = Exchange(START_MS)
    account = exchange.open_account("alice", **options)
    bot = BotTrader(seed)
    pushes = []
    for number in range(DEEDS):
        exchange.advance(START_MS + number * 1000)
        bot.act(exchange, account)
        pushes += exchange.take_pushes()
    return exchange, [push.payload for push in pushes]


def test_equal_seeds_do_equal_things():
    """A bot is a function of its seed and of the exchange it meets."""
    _, once = run(1)
    _, again = run(1)
    _, otherwise = run(2)

    assert once == again
    assert once != otherwise


def test_it_makes_events_of_all_daily_kinds():
    """Orders, fills, cancellations, conditional orders and account updates flow."""
    _, payloads = run(1)
    names = collections.Counter(payload["e"] for payload in payloads)
    executions = {payload["o"]["x"] for payload in payloads if payload["e"] == "ORDER_TRADE_UPDATE"}

    assert {"ORDER_TRADE_UPDATE", "TRADE_LITE", "ACCOUNT_UPDATE", "ALGO_UPDATE"} == set(names)
    assert executions >= {"NEW", "TRADE", "CANCELED"}


def test_it_never_runs_away():
    """Positions, open orders and losses stay small, so that it can run for days."""
    exchange, _ = run(1)
    account = exchange.accounts["alice"]
    exposure = sum(abs(each.amount) * exchange.markets[each.symbol].price for each in account.positions.values())

    assert 0 < len(account.fills)
    assert 15_000 > exposure
    assert 5 >= len(account.open_orders)
    assert 9_000 < account.balances["USDT"].wallet


def test_it_works_off_what_is_too_much():
    """A position beyond its limit shrinks, though the bot knows nothing but chance."""
    exchange = Exchange(START_MS, symbols=SYMBOLS[:1])
    account = exchange.open_account("alice")
    exchange.place_order(account, symbol="BTCUSDT", side="BUY", type="MARKET", quantity="0.3")
    bot = BotTrader(1)
    for _ in range(DEEDS):
        bot.act(exchange, account)

    assert 3_500 > account.positions["BTCUSDT", "BOTH"].amount * exchange.markets["BTCUSDT"].price


def test_hedge_mode():
    """In hedge mode it opens and closes LONG and SHORT positions."""
    exchange, _ = run(1, hedge_mode=True)

    assert {"LONG", "SHORT"} == {fill.position_side for fill in exchange.accounts["alice"].fills}
