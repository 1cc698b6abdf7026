from __future__ import annotations

from collections import Counter
from decimal import Decimal
from typing import Any

import pytest

from binance_uds.simulator.exchange import Account, Exchange, Refused

START_MS = 1_700_000_000_000


@pytest.fixture(name="exchange")
def fixture_exchange() -> Exchange:
    """An exchange at its opening prices."""
    return Exchange(START_MS)


@pytest.fixture(name="account")
def fixture_account(exchange: Exchange) -> Account:
    """A rich one-way account."""
    return exchange.open_account("alice", balances={"USDT": "1000000"})


def rest(exchange: Exchange, account: Account, side: str, price: str, quantity: str = "1", **options: Any) -> int:
    """A resting BTCUSDT order; returns its id."""
    reply = exchange.place_order(
        account, symbol="BTCUSDT", side=side, type="LIMIT", price=price, quantity=quantity, **options
    )
    return int(reply["orderId"])


def last_order(exchange: Exchange) -> Any:
    """The last order update pushed."""
    return [push.payload["o"] for push in exchange.take_pushes() if push.payload["e"] == "ORDER_TRADE_UPDATE"][-1]


def test_the_answer_shows_the_order_as_it_was_asked_for(exchange: Exchange, account: Account) -> None:
    """ACK answers the order as accepted, RESULT as it stands after matching."""
    order: dict[str, Any] = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "1"}
    accepted = exchange.place_order(account, **order)
    matched = exchange.place_order(account, **order, response_type="RESULT")

    assert ("NEW", "0") == (accepted["status"], accepted["executedQty"])
    assert ("FILLED", "1.000") == (matched["status"], matched["executedQty"])


def test_price_match_follows_the_market(exchange: Exchange, account: Account) -> None:
    """QUEUE rests just behind the market, OPPONENT takes from it."""
    common: dict[str, Any] = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "quantity": "1"}
    queued = exchange.place_order(account, **common, price_match="QUEUE", response_type="RESULT")
    taken = exchange.place_order(account, **common, price_match="OPPONENT", response_type="RESULT")

    assert ("29999.90", "NEW") == (queued["price"], queued["status"])
    assert ("30000.00", "FILLED") == (taken["price"], taken["status"])


def test_amending_changes_quantity_and_price_and_keeps_the_status(exchange: Exchange, account: Account) -> None:
    """An amendment is an execution of its own, with the caller's number when there is one."""
    order_id = rest(exchange, account, "BUY", "29000")
    exchange.fill_resting(account, order_id, "0.4")
    exchange.amend_order(
        account, symbol="BTCUSDT", side="BUY", quantity="2", price="29100", order_id=order_id, modify_id="44"
    )
    told = last_order(exchange)

    assert ("AMENDMENT", "PARTIALLY_FILLED") == (told["x"], told["X"])
    assert ("2.000", "29100.00", "0.400", "44") == (told["q"], told["p"], told["z"], told["M"])


def test_amending_into_the_market_takes(exchange: Exchange, account: Account) -> None:
    """An order amended to a price in reach fills as taker."""
    order_id = rest(exchange, account, "BUY", "29000")
    exchange.amend_order(account, symbol="BTCUSDT", side="BUY", quantity="1", price="30500", order_id=order_id)

    assert [(Decimal("30000"), False)] == [(fill.price, fill.is_maker) for fill in account.fills]
    assert {} == account.open_orders


def test_amending_to_what_is_filled_ends_the_order(exchange: Exchange, account: Account) -> None:
    """A new quantity that is already filled cancels the rest."""
    order_id = rest(exchange, account, "BUY", "29000")
    exchange.fill_resting(account, order_id, "0.4")
    reply = exchange.amend_order(
        account, symbol="BTCUSDT", side="BUY", quantity="0.4", price="29000", order_id=order_id
    )

    assert ("CANCELED", "0.400") == (reply["status"], reply["executedQty"])


@pytest.mark.parametrize(
    ("quantity", "price", "code"), [("1", "29000", -5027), ("1", "29000.05", -4014), ("0", "29000", -4003)]
)
def test_an_amendment_must_make_sense(
    exchange: Exchange, account: Account, quantity: str, price: str, code: int
) -> None:
    """Amending nothing, or to something impossible, is refused."""
    order_id = rest(exchange, account, "BUY", "29000")

    with pytest.raises(Refused) as refusal:
        exchange.amend_order(account, symbol="BTCUSDT", side="BUY", quantity=quantity, price=price, order_id=order_id)
    assert code == refusal.value.code


def test_a_post_only_order_is_not_amended_into_the_market(exchange: Exchange, account: Account) -> None:
    """A GTX order keeps its word when it is amended."""
    order_id = rest(exchange, account, "BUY", "29000", time_in_force="GTX")

    with pytest.raises(Refused) as refusal:
        exchange.amend_order(account, symbol="BTCUSDT", side="BUY", quantity="1", price="30500", order_id=order_id)
    assert -5022 == refusal.value.code
    assert Decimal(29000) == account.orders[order_id].price


def test_cancelling_ends_an_order_once(exchange: Exchange, account: Account) -> None:
    """The first cancellation ends the order, the second finds none."""
    order_id = rest(exchange, account, "BUY", "29000")
    reply = exchange.cancel_order(account, symbol="BTCUSDT", order_id=order_id)

    assert "CANCELED" == reply["status"] == last_order(exchange)["X"]
    with pytest.raises(Refused) as refusal:
        exchange.cancel_order(account, symbol="BTCUSDT", order_id=order_id)
    assert -2011 == refusal.value.code


def test_cancelling_all_spares_other_symbols(exchange: Exchange, account: Account) -> None:
    """Only the open orders of the symbol are cancelled."""
    rest(exchange, account, "BUY", "29000")
    rest(exchange, account, "SELL", "31000")
    other = exchange.place_order(account, symbol="ETHUSDT", side="BUY", type="LIMIT", quantity="1", price="1900")
    exchange.cancel_all_orders(account, "BTCUSDT")

    assert [other["orderId"]] == list(account.open_orders)


def test_a_price_move_fills_the_best_first(exchange: Exchange, account: Account) -> None:
    """Resting orders the price reaches fill at their own prices, best price first, within the liquidity."""
    rest(exchange, account, "BUY", "29000")
    rest(exchange, account, "BUY", "29500")
    rest(exchange, account, "BUY", "28000")
    exchange.set_price("BTCUSDT", "28500", liquidity="1.5")

    assert [(Decimal("29500"), 1), (Decimal("29000"), Decimal("0.5"))] == [
        (fill.price, fill.quantity) for fill in account.fills
    ]
    assert all(fill.is_maker for fill in account.fills)


def test_orders_of_several_accounts_fill_apart(exchange: Exchange, account: Account) -> None:
    """Accounts are no counterparts of each other, and each hears of its own fills only."""
    other = exchange.open_account("bob")
    rest(exchange, account, "BUY", "29000")
    rest(exchange, other, "SELL", "31000", "0.1")
    exchange.set_price("BTCUSDT", "31000")
    exchange.set_price("BTCUSDT", "29000")
    told = Counter(push.account.name for push in exchange.take_pushes())

    assert (1, 1) == (len(account.fills), len(other.fills))
    assert {"alice": 4, "bob": 4} == told


def test_filling_more_than_rests_is_refused(exchange: Exchange, account: Account) -> None:
    """A resting order cannot be filled beyond its remainder."""
    order_id = rest(exchange, account, "BUY", "29000")

    with pytest.raises(Refused):
        exchange.fill_resting(account, order_id, "1.001")
    assert [] == account.fills


def test_a_liquidation_closes_by_an_order_nobody_sent(exchange: Exchange, account: Account) -> None:
    """Open orders expire for reason 5, then an autoclose order executes as CALCULATED while it says NEW."""
    exchange.place_order(account, symbol="BTCUSDT", side="BUY", type="MARKET", quantity="1")
    rest(exchange, account, "SELL", "31000")
    exchange.set_price("BTCUSDT", "20000")
    exchange.take_pushes()
    exchange.liquidate(account, "BTCUSDT")
    expired, closing, told = [push.payload for push in exchange.take_pushes()]
    row = exchange.read_force_orders(account, "BTCUSDT", "LIQUIDATION")[0]

    assert ("EXPIRED", "5") == (expired["o"]["x"], expired["o"]["er"])
    assert ("CALCULATED", "NEW", "1.000") == (closing["o"]["x"], closing["o"]["X"], closing["o"]["z"])
    assert closing["o"]["c"].startswith("autoclose-")
    assert ("ORDER", "0") == (told["a"]["m"], told["a"]["P"][0]["pa"])
    assert ("FILLED", closing["o"]["i"]) == (row["status"], row["orderId"])
    assert Decimal("-10000") == account.fills[-1].realized_profit


def test_deleveraging_is_named_apart(exchange: Exchange, account: Account) -> None:
    """An automatic deleveraging has a prefix and a query filter of its own, and spares open orders."""
    exchange.place_order(account, symbol="BTCUSDT", side="SELL", type="MARKET", quantity="1")
    rest(exchange, account, "SELL", "31000")
    exchange.liquidate(account, "BTCUSDT", cause="ADL")

    assert 1 == len(account.open_orders)
    assert ([], 1) == (
        exchange.read_force_orders(account, cause="LIQUIDATION"),
        len(exchange.read_force_orders(account, cause="ADL")),
    )
