from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pytest

from binance_uds.simulator.exchange import Account, Exchange, Push, Refused

START_MS = 1_700_000_000_000


@pytest.fixture(name="exchange")
def fixture_exchange() -> Exchange:
    """An exchange without funding or fees in the way."""
    return Exchange(START_MS)


@pytest.fixture(name="account")
def fixture_account(exchange: Exchange) -> Account:
    """A rich one-way account."""
    return exchange.open_account("alice", balances={"USDT": "1000000"})


def place(exchange: Exchange, account: Account, side: str, quantity: str, price: str = "", **options: Any) -> int:
    """Place a BTCUSDT order, at a limit if there is a price; returns its id."""
    limit = {"type": "LIMIT", "price": price} if price else {"type": "MARKET"}
    reply = exchange.place_order(account, symbol="BTCUSDT", side=side, quantity=quantity, **{**limit, **options})
    return int(reply["orderId"])


def orders(pushes: Sequence[Push]) -> list[Any]:
    """The inner objects of the order updates among pushes."""
    return [push.payload["o"] for push in pushes if push.payload["e"] == "ORDER_TRADE_UPDATE"]


def steps(pushes: Sequence[Push]) -> list[tuple[str, str, str, str]]:
    """Execution, status, cumulative quantity and expiry reason of the order updates."""
    return [(order["x"], order["X"], order["z"], order["er"]) for order in orders(pushes)]


def test_a_fill_gives_three_pushes_of_one_moment(exchange: Exchange, account: Account) -> None:
    """TRADE_LITE comes first, then the order update, then the account update, all with the same T."""
    place(exchange, account, "BUY", "0.1")
    pushes = [push.payload for push in exchange.take_pushes()][1:]

    assert ["TRADE_LITE", "ORDER_TRADE_UPDATE", "ACCOUNT_UPDATE"] == [payload["e"] for payload in pushes]
    assert {START_MS} == {payload["T"] for payload in pushes}
    assert pushes[0]["t"] == pushes[1]["o"]["t"] == account.fills[0].trade_id


def test_a_big_order_fills_in_several_trades_of_one_moment(exchange: Exchange, account: Account) -> None:
    """Cumulative quantities form a chain over the trades of an order, under growing trade ids."""
    exchange.set_liquidity("BTCUSDT", largest_trade="0.04")
    place(exchange, account, "BUY", "0.1")
    told = orders(exchange.take_pushes())[1:]

    assert ["0.040", "0.080", "0.100"] == [order["z"] for order in told]
    assert ["0.040", "0.040", "0.020"] == [order["l"] for order in told]
    assert sorted({order["t"] for order in told}) == [order["t"] for order in told]


def test_trade_ids_leave_room_for_the_trades_of_others(exchange: Exchange, account: Account) -> None:
    """Trade ids grow but are not consecutive: a hole in them proves nothing."""
    for _ in range(6):
        place(exchange, account, "BUY", "0.1")
    ids = [fill.trade_id for fill in account.fills]

    assert sorted(set(ids)) == ids
    assert ids[-1] - ids[0] > len(ids) - 1


def test_a_limit_order_in_reach_takes_and_rests_the_remainder(exchange: Exchange, account: Account) -> None:
    """What the market does not offer rests, and fills as maker at its own price."""
    exchange.set_liquidity("BTCUSDT", depth="0.3")
    order_id = place(exchange, account, "BUY", "1", "30100")
    exchange.fill_resting(account, order_id, "0.7")

    assert [(Decimal("30000"), False), (Decimal("30100"), True)] == [
        (fill.price, fill.is_maker) for fill in account.fills
    ]
    assert "FILLED" == account.orders[order_id].status


def test_the_open_notional_follows_what_rests(exchange: Exchange, account: Account) -> None:
    """``b`` and ``a`` are the notional of the resting orders of a side, whatever happens to them."""
    place(exchange, account, "BUY", "1", "29000")
    order_id = place(exchange, account, "BUY", "2", "28000")
    place(exchange, account, "SELL", "1", "31000")
    exchange.set_price("BTCUSDT", "29000", liquidity="0.5")
    exchange.cancel_order(account, symbol="BTCUSDT", order_id=order_id)
    notional = [(Decimal(order["b"]), Decimal(order["a"])) for order in orders(exchange.take_pushes())]

    expected = [(29000, 0), (85000, 0), (85000, 31000), (70500, 31000), (14500, 31000)]

    assert [(Decimal(bids), Decimal(asks)) for bids, asks in expected] == notional


def test_a_market_order_without_market_expires(exchange: Exchange, account: Account) -> None:
    """What a market order does not find expires for reason 9."""
    place(exchange, account, "BUY", "1", liquidity="0.4")

    assert [
        ("NEW", "NEW", "0", "0"),
        ("TRADE", "PARTIALLY_FILLED", "0.400", "0"),
        ("EXPIRED", "EXPIRED", "0.400", "9"),
    ] == steps(exchange.take_pushes())


def test_an_ioc_remainder_expires(exchange: Exchange, account: Account) -> None:
    """What an IOC order does not find at once expires for reason 2."""
    place(exchange, account, "BUY", "1", "30000", time_in_force="IOC", liquidity="0.4")

    assert ("EXPIRED", "EXPIRED", "0.400", "2") == steps(exchange.take_pushes())[-1]


@pytest.mark.parametrize(
    ("time_in_force", "price", "code"),
    [("FOK", "30000", -5021), ("FOK", "29000", -5021), ("GTX", "30000", -5022)],
)
def test_what_cannot_be_kept_is_refused_without_an_event(
    exchange: Exchange, account: Account, time_in_force: str, price: str, code: int
) -> None:
    """FOK and post-only orders that cannot do as they say are refused by REST, and the stream is silent."""
    with pytest.raises(Refused) as refusal:
        place(exchange, account, "BUY", "1", price, time_in_force=time_in_force, liquidity="0.4")

    assert code == refusal.value.code
    assert ([], {}) == (exchange.take_pushes(), account.orders)


def test_a_self_trade_has_two_sides_and_one_id(exchange: Exchange, account: Account) -> None:
    """An account that trades with itself gets two fills with the same trade id, and its position stays."""
    maker = place(exchange, account, "SELL", "0.3", "30500")
    taker = place(exchange, account, "BUY", "0.2", "30600")
    first, second = account.fills

    assert (maker, taker) == (first.order_id, second.order_id)
    assert (True, False) == (first.is_maker, second.is_maker)
    assert first.trade_id == second.trade_id
    assert Decimal("30500") == first.price == second.price
    assert 0 == account.positions["BTCUSDT", "BOTH"].amount
    assert 2 == len(exchange.read_user_trades(account, "BTCUSDT"))


@pytest.mark.parametrize(
    ("mode", "time_in_force", "taker", "maker"),
    [
        ("EXPIRE_TAKER", "GTC", ("EXPIRED_IN_MATCH", "1"), ("NEW", "")),
        ("EXPIRE_TAKER", "IOC", ("EXPIRED_IN_MATCH", "3"), ("NEW", "")),
        ("EXPIRE_BOTH", "GTC", ("EXPIRED_IN_MATCH", "1"), ("EXPIRED_IN_MATCH", "1")),
        ("EXPIRE_MAKER", "GTC", ("FILLED", "0"), ("EXPIRED_IN_MATCH", "1")),
    ],
)
def test_self_trade_prevention_expires_who_it_says(
    exchange: Exchange,
    account: Account,
    mode: str,
    time_in_force: str,
    taker: tuple[str, str],
    maker: tuple[str, str],
) -> None:
    """The taking order's mode decides which of the two expires in match."""
    resting = place(exchange, account, "SELL", "0.3", "30500")
    exchange.take_pushes()
    taking = place(exchange, account, "BUY", "0.2", "30600", self_trade_prevention=mode, time_in_force=time_in_force)
    last = {order["i"]: (order["X"], order["er"]) for order in orders(exchange.take_pushes())}

    assert taker == last[taking]
    assert maker == last.get(resting, (account.orders[resting].status, ""))


def test_reduce_only_never_turns_a_position(exchange: Exchange, account: Account) -> None:
    """A reduce-only order fills up to the position; the rest expires for reason 4."""
    place(exchange, account, "BUY", "0.3")
    place(exchange, account, "SELL", "1", reduce_only=True)

    assert ("EXPIRED", "EXPIRED", "0.300", "4") == steps(exchange.take_pushes())[-1]
    assert 0 == account.positions["BTCUSDT", "BOTH"].amount


def test_resting_reduce_only_orders_go_with_the_position(exchange: Exchange, account: Account) -> None:
    """A reduce-only order with nothing left to reduce expires."""
    place(exchange, account, "BUY", "0.3")
    resting = place(exchange, account, "SELL", "0.3", "31000", reduce_only=True)
    place(exchange, account, "SELL", "0.3")

    assert "EXPIRED" == account.orders[resting].status
    assert ("EXPIRED", "EXPIRED", "0", "4") == steps(exchange.take_pushes())[-1]


def test_reduce_only_needs_something_to_reduce(exchange: Exchange, account: Account) -> None:
    """A reduce-only order against no position is refused."""
    with pytest.raises(Refused) as refusal:
        place(exchange, account, "SELL", "1", reduce_only=True)

    assert -2022 == refusal.value.code


def test_hedge_mode_keeps_two_positions(exchange: Exchange) -> None:
    """LONG and SHORT live side by side, and a push names BOTH and the side that changed."""
    account = exchange.open_account("hedged", hedge_mode=True)
    place(exchange, account, "BUY", "0.3", position_side="LONG")
    place(exchange, account, "SELL", "0.2", position_side="SHORT")
    told = exchange.take_pushes()[-1].payload["a"]["P"]

    assert [("BOTH", "0"), ("SHORT", "-0.200")] == [(entry["ps"], entry["pa"]) for entry in told]
    assert {("BTCUSDT", "LONG"): Decimal("0.3"), ("BTCUSDT", "SHORT"): Decimal("-0.2")} == exchange.truth(account)[
        "positions"
    ]


@pytest.mark.parametrize(
    ("side", "quantity", "position_side", "code"),
    [("SELL", "0.4", "LONG", -2022), ("BUY", "0.1", "SHORT", -2022), ("BUY", "0.1", "BOTH", -4061)],
)
def test_hedge_mode_refuses_what_does_not_fit(
    exchange: Exchange, side: str, quantity: str, position_side: str, code: int
) -> None:
    """In hedge mode a position is never closed beyond its amount, and there is no BOTH."""
    account = exchange.open_account("hedged", hedge_mode=True)
    place(exchange, account, "BUY", "0.3", position_side="LONG")

    with pytest.raises(Refused) as refusal:
        place(exchange, account, side, quantity, position_side=position_side)
    assert code == refusal.value.code


def test_a_name_can_be_used_again_once_its_order_ended(exchange: Exchange, account: Account) -> None:
    """A client order id is refused while its order is open; afterwards it names the latest order."""
    first = place(exchange, account, "BUY", "0.1", "29000", client_order_id="mine")
    with pytest.raises(Refused) as refusal:
        place(exchange, account, "BUY", "0.1", "29000", client_order_id="mine")
    exchange.cancel_order(account, symbol="BTCUSDT", client_order_id="mine")
    second = place(exchange, account, "BUY", "0.1", "29000", client_order_id="mine")
    named = exchange.read_order(account, "BTCUSDT", client_order_id="mine")

    assert -4116 == refusal.value.code
    assert first < second == named["orderId"]
