from __future__ import annotations

import ast
from collections import defaultdict
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from binance_uds.simulator import exchange as exchange_module
from binance_uds.simulator.exchange import SYMBOLS, Exchange, Push, Refused
from binance_uds.simulator.records import FINAL

START_MS = 1_700_000_000_000
HOUR_MS = 3_600_000
CLIENT = ("events", "protocol", "markets", "account", "edges", "runtime", "stream")
IMPURE = {"asyncio", "datetime", "os", "random", "select", "socket", "threading", "time", "uuid"}


def imports_behind(path: Path, seen: dict[Path, set[str]]) -> dict[Path, set[str]]:
    """What a module and the modules beside it that it uses import, by file."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    seen[path] = names
    for name in names:
        beside = path.parent / f"{name.rpartition('.')[2]}.py"
        if name.startswith("binance_uds.simulator.") and beside.exists() and beside not in seen:
            imports_behind(beside, seen)
    return seen


def test_the_model_is_pure() -> None:
    """Nothing behind the exchange reads a clock, draws lots, waits, or knows the client."""
    found = imports_behind(Path(str(exchange_module.__file__)), {})
    names = set().union(*found.values())

    assert {"floor.py", "ledger.py", "matching.py", "shapes.py"} <= {path.name for path in found}
    assert set() == {name for name in names if name.split(".")[0] in IMPURE}
    assert set() == {name for name in names for part in CLIENT if name.startswith(f"binance_uds.{part}")}


def test_the_same_story_gives_the_same_pushes() -> None:
    """Two exchanges told the same things say the same things."""

    def tell() -> list[dict[str, Any]]:
        exchange = Exchange(START_MS, salt="x")
        account = exchange.open_account("alice")
        exchange.obtain_key(account)
        exchange.place_order(account, symbol="BTCUSDT", side="BUY", type="MARKET", quantity="0.1")
        exchange.advance(START_MS + 24 * HOUR_MS)
        return [push.payload for push in exchange.take_pushes()]

    assert tell() == tell()


def test_time_only_grows() -> None:
    """An earlier time changes nothing."""
    exchange = Exchange(START_MS)
    exchange.advance(START_MS - 1)

    assert START_MS == exchange.now_ms


def test_what_falls_due_happens_at_its_own_moment() -> None:
    """However far time jumps, each event carries the time it fell due, and that is known before."""
    exchange = Exchange(START_MS)
    account = exchange.open_account("alice")
    exchange.obtain_key(account)
    exchange.place_order(account, symbol="BTCUSDT", side="BUY", type="MARKET", quantity="0.1")
    exchange.take_pushes()
    due = [exchange.next_due_ms()]
    exchange.advance(due[0])
    due.append(exchange.next_due_ms())
    exchange.advance(START_MS + 16 * HOUR_MS)
    times = [push.time_ms for push in exchange.take_pushes()]

    assert due == times[:2]
    assert START_MS + HOUR_MS == due[0]
    assert 8 * HOUR_MS == times[2] - times[1]
    assert START_MS + 16 * HOUR_MS == exchange.now_ms


def test_accounts_have_names_and_secrets_of_their_own() -> None:
    """No two accounts share a name, an API key or a secret."""
    exchange = Exchange(START_MS)
    alice, bob = exchange.open_account("alice"), exchange.open_account("bob", balances={"USDT": 5})

    assert 4 == len({alice.api_key, alice.api_secret, bob.api_key, bob.api_secret})
    assert Decimal(5) == bob.balances["USDT"].wallet
    with pytest.raises(ValueError, match="alice"):
        exchange.open_account("alice")


def refusal_of(call: Any, *arguments: Any) -> int:
    """The error code a call is refused with."""
    with pytest.raises(Refused) as refusal:
        call(*arguments)
    return refusal.value.code


def test_settings_are_told_when_they_change() -> None:
    """Leverage and multi-assets mode are pushed on change only; the position mode never is."""
    exchange = Exchange(START_MS)
    account = exchange.open_account("alice")
    for _ in range(2):
        exchange.change_leverage(account, "BTCUSDT", 25)
        exchange.change_multi_assets(account, True)
    exchange.change_position_mode(account, True)
    told = [push.payload for push in exchange.take_pushes()]

    assert [{"s": "BTCUSDT", "l": 25}, {"j": True}] == [payload.get("ac", payload.get("ai")) for payload in told]
    assert account.hedge_mode
    assert -4028 == refusal_of(exchange.change_leverage, account, "BTCUSDT", 126)
    assert -4059 == refusal_of(exchange.change_position_mode, account, True)


def test_the_margin_type_is_told_as_an_account_update() -> None:
    """Isolated mode is announced by the positions it concerns, in lower case."""
    exchange = Exchange(START_MS)
    account = exchange.open_account("alice")
    exchange.change_margin_type(account, "BTCUSDT", "ISOLATED")
    told = exchange.take_pushes()[0].payload["a"]

    assert ("MARGIN_TYPE_CHANGE", [], [("BTCUSDT", "isolated")]) == (
        told["m"],
        told["B"],
        [(entry["s"], entry["mt"]) for entry in told["P"]],
    )
    assert -4046 == refusal_of(exchange.change_margin_type, account, "BTCUSDT", "ISOLATED")
    assert -4167 == refusal_of(exchange.change_multi_assets, account, True)
    assert -1130 == refusal_of(exchange.change_margin_type, account, "BTCUSDT", "cross")


def test_settings_stay_while_something_is_open() -> None:
    """Margin type and position mode change neither over open orders nor over positions."""
    exchange = Exchange(START_MS)
    account = exchange.open_account("alice")
    exchange.place_order(account, symbol="BTCUSDT", side="BUY", type="LIMIT", quantity="0.1", price="29000")
    with_order = [
        refusal_of(exchange.change_margin_type, account, "BTCUSDT", "ISOLATED"),
        refusal_of(exchange.change_position_mode, account, True),
    ]
    exchange.set_price("BTCUSDT", "29000")
    with_position = [
        refusal_of(exchange.change_margin_type, account, "BTCUSDT", "ISOLATED"),
        refusal_of(exchange.change_position_mode, account, True),
    ]

    assert [-4047, -4067] == with_order
    assert [-4048, -4068] == with_position


class Listener:
    """A client as simple as can be: it believes every push, in order."""

    def __init__(self, wallets: dict[str, Decimal]) -> None:
        self.wallets = dict(wallets)
        self.positions: dict[tuple[str, str], Decimal] = {}
        self.orders: dict[int, tuple[str, Decimal]] = {}
        self.algos: dict[int, str] = {}
        self.chains: dict[int, Decimal] = defaultdict(Decimal)
        self.fills: list[tuple[str, int, int]] = []
        self.announced: list[tuple[str, int, int]] = []

    def hear(self, push: Push) -> None:
        """Take one push for true."""
        payload = push.payload
        if payload["e"] == "ACCOUNT_UPDATE":
            for entry in payload["a"]["B"]:
                self.wallets[entry["a"]] = Decimal(entry["wb"])
            for entry in payload["a"]["P"]:
                self.positions[entry["s"], entry["ps"]] = Decimal(entry["pa"])
        elif payload["e"] == "ORDER_TRADE_UPDATE":
            self.hear_order(payload["o"])
        elif payload["e"] == "TRADE_LITE":
            self.announced.append((payload["s"], payload["i"], payload["t"]))
        elif payload["e"] == "ALGO_UPDATE":
            self.algos[payload["o"]["aid"]] = payload["o"]["X"]

    def hear_order(self, told: dict[str, Any]) -> None:
        """Follow the chain of cumulative quantities, which must never break."""
        order_id = told["i"]
        if told["x"] in {"TRADE", "CALCULATED"}:
            self.chains[order_id] += Decimal(told["l"])
            self.fills.append((told["s"], order_id, told["t"]))
        assert self.chains[order_id] == Decimal(told["z"])
        status = told["X"]
        if told["x"] == "CALCULATED":
            status = "FILLED" if told["z"] == told["q"] else "PARTIALLY_FILLED"
        self.orders[order_id] = status, Decimal(told["z"])

    def truth(self) -> dict[str, Any]:
        """What it believes, in the form of `Exchange.truth`."""
        return {
            "balances": self.wallets,
            "positions": {key: amount for key, amount in self.positions.items() if amount},
            "open_orders": {key: seen for key, seen in self.orders.items() if seen[0] not in FINAL},
            "open_algo_orders": {
                key: status
                for key, status in self.algos.items()
                if status not in {"FINISHED", "CANCELED", "REJECTED", "EXPIRED"}
            },
        }


NAMES = st.sampled_from(["BTCUSDT", "ADAUSDT", "BTCUSDC", SYMBOLS[-1].name])
SIDES = st.sampled_from(["BUY", "SELL"])
TICKS = st.integers(-30, 30)
UNITS = st.integers(1, 40)


class Trading(RuleBasedStateMachine):
    """Two accounts, one-way and hedged, do whatever an exchange lets them do."""

    @initialize(isolated=st.booleans(), lag_ms=st.sampled_from([0, 3_000]))
    def open(self, isolated: bool, lag_ms: int) -> None:
        """Open the exchange and two accounts."""
        self.exchange = Exchange(START_MS)
        self.exchange.rest_lag_ms = lag_ms
        money = {"USDT": "100000", "USDC": "100000"}
        one_way = self.exchange.open_account("one way", balances=money)
        hedged = self.exchange.open_account("hedged", balances=money, hedge_mode=True)
        self.start = {asset: Decimal(amount) for asset, amount in money.items()}
        self.listeners = {account.name: Listener(self.start) for account in (one_way, hedged)}
        self.accounts = [one_way, hedged]
        if isolated:
            for account in self.accounts:
                self.exchange.change_margin_type(account, "ADAUSDT", "ISOLATED")

    def attempt(self, call: Any, *arguments: Any, **options: Any) -> None:
        """Try something; what is refused must leave no trace."""
        self.listen()
        try:
            call(*arguments, **options)
        except Refused:
            assert [] == self.exchange.take_pushes()

    def listen(self) -> None:
        """Deliver what is due."""
        for push in self.exchange.take_pushes():
            self.listeners[push.account.name].hear(push)

    @rule(
        hedged=st.booleans(),
        name=NAMES,
        side=SIDES,
        units=UNITS,
        ticks=st.one_of(st.none(), TICKS),
        long=st.booleans(),
        options=st.fixed_dictionaries(
            {
                "time_in_force": st.sampled_from(["GTC", "GTC", "IOC", "FOK", "GTX"]),
                "reduce_only": st.sampled_from([False, False, True]),
                "self_trade_prevention": st.sampled_from(
                    ["NONE", "NONE", "EXPIRE_TAKER", "EXPIRE_MAKER", "EXPIRE_BOTH"]
                ),
                "liquidity": st.sampled_from([None, None, "0.01", "9"]),
            }
        ),
    )
    def place(
        self, hedged: bool, name: str, side: str, units: int, ticks: Any, long: bool, options: dict[str, Any]
    ) -> None:
        """Send a market or limit order near the price."""
        account = self.accounts[hedged]
        market = self.exchange.markets[name]
        if hedged:
            options = {**options, "reduce_only": False, "position_side": "LONG" if long else "SHORT"}
        price = {} if ticks is None else {"price": market.price + ticks * 10 * market.symbol.price_tick}
        self.attempt(
            self.exchange.place_order,
            account,
            symbol=name,
            side=side,
            type="LIMIT" if price else "MARKET",
            quantity=units * market.symbol.quantity_step,
            **price,
            **options,
        )

    @rule(hedged=st.booleans(), name=NAMES, side=SIDES, units=UNITS, ticks=TICKS, closes=st.booleans())
    def place_stop(self, hedged: bool, name: str, side: str, units: int, ticks: int, closes: bool) -> None:
        """Send a conditional order near the price."""
        market = self.exchange.markets[name]
        quantity = {"close_position": True} if closes else {"quantity": units * market.symbol.quantity_step}
        self.attempt(
            self.exchange.place_algo_order,
            self.accounts[hedged],
            symbol=name,
            side=side,
            type="STOP_MARKET" if units % 2 else "TAKE_PROFIT_MARKET",
            trigger_price=market.price + ticks * 10 * market.symbol.price_tick,
            position_side="LONG" if hedged else "BOTH",
            **quantity,
        )

    @rule(name=NAMES, ticks=TICKS, liquidity=st.sampled_from([None, None, "0.005", "7"]))
    def move(self, name: str, ticks: int, liquidity: Any) -> None:
        """Let the price move."""
        market = self.exchange.markets[name]
        self.attempt(self.exchange.set_price, name, market.price + ticks * 10 * market.symbol.price_tick, liquidity)

    @rule(hedged=st.booleans(), which=st.integers(0, 20), units=UNITS, deed=st.sampled_from("fac"))
    def handle(self, hedged: bool, which: int, units: int, deed: str) -> None:
        """Fill, amend or cancel one of the open orders."""
        account = self.accounts[hedged]
        if not account.open_orders:
            return
        order = list(account.open_orders.values())[which % len(account.open_orders)]
        symbol = self.exchange.markets[order.symbol].symbol
        quantity = units * symbol.quantity_step
        if deed == "f":
            self.attempt(self.exchange.fill_resting, account, order.order_id, quantity)
        elif deed == "a":
            self.attempt(
                self.exchange.amend_order,
                account,
                symbol=symbol.name,
                side=order.side,
                quantity=quantity,
                price=order.price + units * symbol.price_tick,
                order_id=order.order_id,
            )
        else:
            self.attempt(self.exchange.cancel_order, account, symbol=symbol.name, order_id=order.order_id)

    @rule(hedged=st.booleans(), cents=st.integers(-500, 500))
    def transfer(self, hedged: bool, cents: int) -> None:
        """Move money in or out."""
        self.attempt(self.exchange.transfer, self.accounts[hedged], "USDT", Decimal(cents) / 100)

    @rule(hedged=st.booleans(), name=NAMES, long=st.booleans())
    def liquidate(self, hedged: bool, name: str, long: bool) -> None:
        """Close a position by force."""
        side = ("LONG" if long else "SHORT") if hedged else "BOTH"
        self.attempt(self.exchange.liquidate, self.accounts[hedged], name, side)

    @rule(minutes=st.integers(0, 600), largest=st.sampled_from([None, 3]))
    def wait(self, minutes: int, largest: Any) -> None:
        """Let time pass, over funding hours, and change how trades come."""
        self.listen()
        self.exchange.advance(self.exchange.now_ms + minutes * 60_000)
        for name, market in self.exchange.markets.items():
            largest_trade = None if largest is None else largest * market.symbol.quantity_step
            self.exchange.set_liquidity(name, largest_trade=largest_trade)

    @invariant()
    def pushes_tell_the_truth(self) -> None:
        """Whoever hears every push knows what REST knows."""
        self.listen()
        for account in self.accounts:
            listener = self.listeners[account.name]

            assert self.exchange.truth(account) == listener.truth()
            assert [(fill.symbol, fill.order_id, fill.trade_id) for fill in account.fills] == listener.fills
            assert [(f.symbol, f.order_id, f.trade_id) for f in account.fills if f.execution_type == "TRADE"] == (
                listener.announced
            )

    @invariant()
    def rest_agrees_at_rest(self) -> None:
        """Queries answer the truth once their lag has passed."""
        lag_ms, self.exchange.rest_lag_ms = self.exchange.rest_lag_ms, 0
        for account in self.accounts:
            truth = self.exchange.truth(account)
            rows = self.exchange.read_position_risk(account)
            amounts = {(row["symbol"], row["positionSide"]): Decimal(row["positionAmt"]) for row in rows}
            wallets = {row["asset"]: Decimal(row["balance"]) for row in self.exchange.read_balance(account)}

            assert truth["positions"] == {key: amount for key, amount in amounts.items() if amount}
            assert truth["balances"] == wallets
            assert list(truth["open_orders"]) == [row["orderId"] for row in self.exchange.read_open_orders(account)]
        self.exchange.rest_lag_ms = lag_ms

    @invariant()
    def the_books_balance(self) -> None:
        """Positions are sums of fills, wallets sums of income, executed quantities sums of fills."""
        for account in self.accounts:
            amounts: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
            executed: dict[int, Decimal] = defaultdict(Decimal)
            for fill in account.fills:
                signed = fill.quantity if fill.side == "BUY" else -fill.quantity
                amounts[fill.symbol, fill.position_side] += signed
                executed[fill.order_id] += fill.quantity
            positions = {key: position.amount for key, position in account.positions.items() if position.amount}

            assert {key: amount for key, amount in amounts.items() if amount} == positions
            assert all(executed[order_id] == order.executed for order_id, order in account.orders.items())
            for asset, balance in account.balances.items():
                earned = sum(row.amount for row in account.income if row.asset == asset)
                bound = sum(p.isolated_wallet for p in account.positions.values() if p.margin_asset == asset)
                assert self.start[asset] + earned == balance.wallet
                assert bound == balance.isolated

    @invariant()
    def fills_and_income_say_the_same(self) -> None:
        """Profit and commission of the fills are the income rows of those kinds."""
        for account in self.accounts:
            kinds: dict[str, Decimal] = defaultdict(Decimal)
            for row in account.income:
                kinds[row.kind] += row.amount

            assert sum(fill.realized_profit for fill in account.fills) == kinds["REALIZED_PNL"]
            assert -sum(fill.commission for fill in account.fills) == kinds["COMMISSION"]

    @invariant()
    def open_orders_are_counted_once(self) -> None:
        """The open notional is that of the open limit orders, and every book holds the same orders."""
        for account in self.accounts:
            notional: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
            for order in account.open_orders.values():
                notional[order.symbol, order.side] += order.price * order.remaining
            resting = {
                order_id
                for market in self.exchange.markets.values()
                for order_id, order in market.resting.items()
                if order.account is account
            }

            assert resting == set(account.open_orders)
            assert {key: value for key, value in notional.items() if value} == {
                key: value for key, value in account.open_notional.items() if value
            }


TestTrading = pytest.mark.filterwarnings("error")(Trading.TestCase)
TestTrading.settings = settings(max_examples=30, stateful_step_count=40, deadline=None)
