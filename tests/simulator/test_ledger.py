from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from binance_uds.simulator.exchange import Account, Exchange, Refused
from binance_uds.simulator.ledger import apply_trade, unrealized_profit
from binance_uds.simulator.records import CENT, ZERO, Income, Position

START_MS = 1_700_000_000_000
HOUR_MS = 3_600_000


def position_after(*trades: tuple[str, str]) -> Position:
    """A position that took these signed quantities at these prices, free of charge."""
    position = Position("BTCUSDT", "BOTH", "USDT")
    for quantity, price in trades:
        apply_trade(position, Decimal(quantity), Decimal(price), ZERO)
    return position


def rows(account: Account, kind: str) -> list[Income]:
    """The income rows of a kind."""
    return [row for row in account.income if row.kind == kind]


def test_adding_averages_the_entry_price() -> None:
    """The entry price of a position is the mean over what opened it."""
    position = position_after(("1", "100"), ("3", "200"))

    assert (Decimal(4), Decimal(175)) == (position.amount, position.entry_price)


def test_reducing_realises_and_keeps_the_entry_price() -> None:
    """Closing a part realises its profit and leaves the entry price alone."""
    position = position_after(("-4", "100"), ("1", "90"))

    assert (Decimal(-3), Decimal(100), Decimal(10)) == (
        position.amount,
        position.entry_price,
        position.accumulated_realized,
    )


def test_flipping_realises_all_and_starts_anew() -> None:
    """A trade through zero closes the old position whole and opens the rest at its own price."""
    position = position_after(("2", "100"), ("-5", "110"))

    assert (Decimal(-3), Decimal(110), Decimal(20)) == (
        position.amount,
        position.entry_price,
        position.accumulated_realized,
    )
    assert Decimal(110) == position.break_even_price


def test_closing_forgets_price_and_cost() -> None:
    """A flat position has neither entry nor break-even price."""
    position = position_after(("2", "100"), ("-2", "110"))

    assert (ZERO, ZERO, ZERO) == (position.amount, position.entry_price, position.break_even_price)


TRADES = st.lists(
    st.tuples(
        st.integers(-50, 50).filter(bool).map(lambda units: Decimal(units) / 10),
        st.integers(50, 150).map(Decimal),
        st.integers(0, 20).map(lambda cents: Decimal(cents) / 100),
    ),
    min_size=1,
    max_size=12,
)


@given(TRADES)
def test_profit_is_what_was_sold_for_less_what_was_paid(
    trades: list[tuple[Decimal, Decimal, Decimal]],
) -> None:
    """Realised and unrealised profit together are the cash flow, whatever the order of trades."""
    position = Position("BTCUSDT", "BOTH", "USDT")
    realized = sum((apply_trade(position, *trade) for trade in trades), ZERO)
    cash = -sum((quantity * price for quantity, price, _ in trades), ZERO)
    worth = realized + unrealized_profit(position, Decimal(100))

    assert sum((quantity for quantity, _, _ in trades), ZERO) == position.amount
    assert realized == position.accumulated_realized
    assert abs(cash + position.amount * 100 - worth) < len(trades) * Decimal("0.00001")


@given(TRADES)
def test_break_even_really_is(trades: list[tuple[Decimal, Decimal, Decimal]]) -> None:
    """Closing at the break-even price leaves nothing won or lost since it was opened, fees included."""
    position = Position("BTCUSDT", "BOTH", "USDT")
    paid = ZERO
    for quantity, price, fee in trades:
        before = position.amount
        apply_trade(position, quantity, price, fee)
        if before * position.amount < 0:
            paid = position.amount * price + fee * position.amount / quantity
        else:
            paid = paid + quantity * price + fee if position.amount else ZERO
    rounding = abs(position.amount) * CENT + Decimal("1e-12")

    assert abs(position.break_even_price * position.amount - paid) <= rounding


def test_a_maker_pays_less_and_a_free_symbol_nothing() -> None:
    """Commission follows the side that takes, and the symbol's own fee where it has one."""
    exchange = Exchange(START_MS)
    account = exchange.open_account("alice", balances={"USDT": "10000", "USDC": "10000"})
    for symbol in ("BTCUSDT", "BTCUSDC"):
        exchange.place_order(account, symbol=symbol, side="BUY", type="MARKET", quantity="0.1")
        exchange.place_order(account, symbol=symbol, side="BUY", type="LIMIT", quantity="0.1", price="29000")
        exchange.set_price(symbol, "29000")

    assert ["1.5", "0.58", "1.5", "0"] == [f"{fill.commission.normalize():f}" for fill in account.fills]
    assert [False, True, False, True] == [fill.is_maker for fill in account.fills]
    assert 3 == len(rows(account, "COMMISSION"))


def test_a_fill_without_commission_says_nothing_of_it() -> None:
    """``N`` and ``n`` are absent where there is no commission."""
    exchange = Exchange(START_MS)
    account = exchange.open_account("alice", balances={"USDC": "10000"})
    exchange.place_order(account, symbol="BTCUSDC", side="BUY", type="LIMIT", quantity="0.1", price="29000")
    exchange.set_price("BTCUSDC", "29000")
    updates = [push.payload for push in exchange.take_pushes()]
    fill = next(payload["o"] for payload in updates if payload.get("o", {}).get("x") == "TRADE")

    assert set() == {"N", "n"} & fill.keys()
    assert [] == updates[-1]["a"]["B"]


def test_the_rows_of_one_fill_share_their_transaction() -> None:
    """Commission and realised profit of a trade name the same transaction and trade."""
    exchange = Exchange(START_MS)
    account = exchange.open_account("alice")
    exchange.place_order(account, symbol="BTCUSDT", side="BUY", type="MARKET", quantity="0.1")
    exchange.set_price("BTCUSDT", "31000")
    exchange.place_order(account, symbol="BTCUSDT", side="SELL", type="MARKET", quantity="0.1")
    profit, commission = account.income[-2:]

    assert ("REALIZED_PNL", Decimal(100)) == (profit.kind, profit.amount)
    assert ("COMMISSION", Decimal("-1.55")) == (commission.kind, commission.amount)
    assert (profit.transaction_id, profit.trade_id) == (commission.transaction_id, commission.trade_id)


def test_funding_is_charged_at_its_hours() -> None:
    """Longs pay a positive rate at every multiple of the interval, at the time of that multiple."""
    exchange = Exchange(START_MS, funding_interval_ms=8 * HOUR_MS, funding_rate=Decimal("0.0001"))
    account = exchange.open_account("alice", hedge_mode=True)
    exchange.place_order(account, symbol="BTCUSDT", side="BUY", type="MARKET", quantity="0.2", position_side="LONG")
    exchange.place_order(account, symbol="BTCUSDT", side="SELL", type="MARKET", quantity="0.1", position_side="SHORT")
    exchange.take_pushes()
    exchange.advance(START_MS + 24 * HOUR_MS)
    charged = rows(account, "FUNDING_FEE")
    first = exchange.take_pushes()[0].payload

    assert [Decimal("-0.6"), Decimal("0.3")] * 3 == [row.amount for row in charged]
    assert [0] * 6 == [row.time_ms % (8 * HOUR_MS) for row in charged]
    assert ("FUNDING_FEE", "BTCUSDT", []) == (first["a"]["m"], first["a"]["S"], first["a"]["P"])
    assert "-0.60000000" == first["a"]["B"][0]["bc"]


def test_isolated_funding_is_taken_from_the_position() -> None:
    """An isolated position pays from its own wallet, and the push names it."""
    exchange = Exchange(START_MS)
    account = exchange.open_account("alice")
    exchange.change_margin_type(account, "BTCUSDT", "ISOLATED")
    exchange.place_order(account, symbol="BTCUSDT", side="BUY", type="MARKET", quantity="0.1")
    cross = account.balances["USDT"].cross
    exchange.take_pushes()
    exchange.advance(START_MS + 8 * HOUR_MS)
    told = exchange.take_pushes()[0].payload["a"]

    assert cross == account.balances["USDT"].cross
    assert ("isolated", "149.70000000") == (told["P"][0]["mt"], told["P"][0]["iw"])


@given(TRADES)
def test_isolated_margin_is_bound_while_the_position_is_open(
    trades: list[tuple[Decimal, Decimal, Decimal]],
) -> None:
    """What is set aside is the margin of what is open, and nothing once it is closed."""
    exchange = Exchange(START_MS)
    account = exchange.open_account("alice", balances={"USDT": "1000000"})
    exchange.change_margin_type(account, "ADAUSDT", "ISOLATED")
    for quantity, _, _ in trades:
        exchange.place_order(
            account,
            symbol="ADAUSDT",
            side="BUY" if quantity > 0 else "SELL",
            type="MARKET",
            quantity=abs(quantity) * 10,
        )
    balance, position = account.balances["USDT"], account.positions["ADAUSDT", "BOTH"]
    due = abs(position.amount) * Decimal("0.4") / 20

    assert balance.isolated == position.isolated_wallet
    assert abs(position.isolated_wallet - due) < Decimal("0.000001")


def test_a_transfer_is_told_and_booked() -> None:
    """A deposit changes wallet, stream and income history alike."""
    exchange = Exchange(START_MS)
    account = exchange.open_account("alice")
    exchange.transfer(account, "USDT", "12.5")
    told = exchange.take_pushes()[0].payload["a"]

    assert {
        "B": [{"a": "USDT", "wb": "10012.50000000", "cw": "10012.50000000", "bc": "12.50000000"}],
        "P": [],
    } == {
        "B": told["B"],
        "P": told["P"],
    }
    assert ("DEPOSIT", [Decimal("12.5")]) == (told["m"], [row.amount for row in rows(account, "TRANSFER")])


def test_nobody_takes_out_what_is_not_there() -> None:
    """A withdrawal beyond the cross wallet is refused and leaves no trace."""
    exchange = Exchange(START_MS)
    account = exchange.open_account("alice")

    with pytest.raises(Refused) as refusal:
        exchange.transfer(account, "USDT", "-10000.01")
    assert -4050 == refusal.value.code
    assert ([], []) == (exchange.take_pushes(), account.income)


def test_what_is_bound_cannot_be_bound_again() -> None:
    """Positions and resting orders use up the margin for new orders."""
    exchange = Exchange(START_MS)
    account = exchange.open_account("alice", balances={"USDT": "300"})
    exchange.place_order(account, symbol="BTCUSDT", side="BUY", type="LIMIT", quantity="0.1", price="29000")

    with pytest.raises(Refused) as refusal:
        exchange.place_order(account, symbol="BTCUSDT", side="BUY", type="LIMIT", quantity="0.11", price="29000")
    assert -2019 == refusal.value.code
