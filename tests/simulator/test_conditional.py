from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pytest

from binance_uds.simulator.exchange import Account, Exchange, Push, Refused

START_MS = 1_700_000_000_000


@pytest.fixture(name="exchange")
def fixture_exchange() -> Exchange:
    """An exchange at its opening prices."""
    return Exchange(START_MS)


@pytest.fixture(name="account")
def fixture_account(exchange: Exchange) -> Account:
    """An account that is long one BTC at 30,000."""
    account = exchange.open_account("alice", balances={"USDT": "1000000"})
    exchange.place_order(account, symbol="BTCUSDT", side="BUY", type="MARKET", quantity="1")
    exchange.take_pushes()
    return account


def place(exchange: Exchange, account: Account, side: str, type: str, **options: Any) -> Any:
    """Place a conditional BTCUSDT order."""
    return exchange.place_algo_order(account, symbol="BTCUSDT", side=side, type=type, **options)


def story(pushes: Sequence[Push]) -> list[str]:
    """What happened to orders and conditional orders, in short."""
    told = []
    for push in pushes:
        payload = push.payload
        if payload["e"] == "ALGO_UPDATE":
            told.append(f"algo {payload['o']['X']}")
        elif payload["e"] == "ORDER_TRADE_UPDATE":
            told.append(f"order {payload['o']['x']}")
    return told


def told_of_order(pushes: Sequence[Push]) -> Any:
    """The first order update among pushes."""
    return next(push.payload["o"] for push in pushes if push.payload["e"] == "ORDER_TRADE_UPDATE")


@pytest.mark.parametrize(
    ("side", "type", "trigger", "before", "at"),
    [
        ("SELL", "STOP_MARKET", "29000", "29000.1", "29000"),
        ("BUY", "STOP_MARKET", "31000", "30999.9", "31000"),
        ("SELL", "TAKE_PROFIT_MARKET", "31000", "30999.9", "31000"),
        ("BUY", "TAKE_PROFIT_MARKET", "29000", "29000.1", "29000"),
    ],
)
def test_conditional_orders_trigger_at_their_price(
    exchange: Exchange, account: Account, side: str, type: str, trigger: str, before: str, at: str
) -> None:
    """A stop waits for its own direction, a take-profit for the other, each exactly at its price."""
    place(exchange, account, side, type, trigger_price=trigger, quantity="0.1")
    exchange.set_price("BTCUSDT", before)
    waiting = story(exchange.take_pushes())
    exchange.set_price("BTCUSDT", at)

    assert ["algo NEW"] == waiting
    assert ["algo TRIGGERING", "order NEW", "algo TRIGGERED", "order TRADE", "algo FINISHED"] == story(
        exchange.take_pushes()
    )


def test_the_order_it_becomes_names_it(exchange: Exchange, account: Account) -> None:
    """The child keeps the name, links back by ``si``, and has two types."""
    placed = place(
        exchange, account, "SELL", "STOP_MARKET", trigger_price="29000", quantity="0.1", client_algo_id="stop"
    )
    exchange.set_price("BTCUSDT", "28000")
    child = told_of_order(exchange.take_pushes())
    row = exchange.read_algo_order(account, algo_id=placed["algoId"])

    assert ("stop", "MARKET", "STOP_MARKET", "29000.00") == (child["c"], child["o"], child["ot"], child["sp"])
    assert ("ALGO_CONDITION", placed["algoId"], -1) == (child["st"], child["si"], child["ss"])
    assert ("FINISHED", str(child["i"]), "0.1") == (row["algoStatus"], row["actualOrderId"], row["actualQty"])


def test_a_stop_limit_becomes_a_limit_order(exchange: Exchange, account: Account) -> None:
    """STOP becomes LIMIT, may rest, and is finished with nothing executed when that is cancelled."""
    place(exchange, account, "SELL", "STOP", trigger_price="29000", price="29500", quantity="0.1")
    exchange.set_price("BTCUSDT", "28000")
    child = told_of_order(exchange.take_pushes())
    exchange.cancel_order(account, symbol="BTCUSDT", order_id=child["i"])
    pushes = exchange.take_pushes()

    assert ("LIMIT", "STOP") == (child["o"], child["ot"])
    assert ["order CANCELED", "algo FINISHED"] == story(pushes)
    assert ("0", "LIMIT") == (pushes[-1].payload["o"]["aq"], pushes[-1].payload["o"]["act"])


def test_waiting_orders_are_not_in_the_order_lists(exchange: Exchange, account: Account) -> None:
    """Before its trigger a conditional order is known to the algo service alone."""
    place(exchange, account, "SELL", "STOP_MARKET", trigger_price="29000", quantity="0.1")

    assert [] == exchange.read_open_orders(account)
    assert 1 == len(exchange.read_all_orders(account))
    assert 1 == len(exchange.read_open_algo_orders(account))


def test_the_old_door_is_closed(exchange: Exchange, account: Account) -> None:
    """A conditional order sent as an ordinary one is refused."""
    with pytest.raises(Refused) as refusal:
        exchange.place_order(
            account, symbol="BTCUSDT", side="SELL", type="STOP_MARKET", stop_price="29000", quantity="0.1"
        )

    assert -4120 == refusal.value.code


def test_what_would_trigger_at_once_is_refused(exchange: Exchange, account: Account) -> None:
    """A trigger price the market has passed is refused, and nothing is pushed."""
    with pytest.raises(Refused) as refusal:
        place(exchange, account, "SELL", "STOP_MARKET", trigger_price="30000", quantity="0.1")

    assert -2021 == refusal.value.code
    assert ([], {}) == (exchange.take_pushes(), account.algo_orders)


def test_a_rejected_child_is_told_with_its_reason(exchange: Exchange, account: Account) -> None:
    """A reduce-only stop without a position is rejected when it triggers."""
    place(exchange, account, "SELL", "STOP_MARKET", trigger_price="29000", quantity="0.1", reduce_only=True)
    exchange.place_order(account, symbol="BTCUSDT", side="SELL", type="MARKET", quantity="1")
    exchange.take_pushes()
    exchange.set_price("BTCUSDT", "28000")
    pushes = exchange.take_pushes()

    assert ["algo TRIGGERING", "algo REJECTED"] == story(pushes)
    assert ("Reduce Only reject", "") == (pushes[-1].payload["o"]["rm"], pushes[-1].payload["o"]["ai"])


def test_close_position_closes_whatever_is_open(exchange: Exchange, account: Account) -> None:
    """A close-all stop has quantity 0 until it triggers, and then that of the position."""
    placed = place(exchange, account, "SELL", "STOP_MARKET", trigger_price="29000", close_position=True)
    exchange.place_order(account, symbol="BTCUSDT", side="BUY", type="MARKET", quantity="0.5")
    exchange.take_pushes()
    exchange.set_price("BTCUSDT", "28000")
    child = told_of_order(exchange.take_pushes())

    assert ("0.0", True) == (placed["quantity"], placed["closePosition"])
    assert ("1.500", True) == (child["q"], child["cp"])
    assert {} == exchange.truth(account)["positions"]


def test_close_position_expires_with_nothing_to_close(exchange: Exchange, account: Account) -> None:
    """A close-all stop that triggers on no position expires."""
    place(exchange, account, "SELL", "STOP_MARKET", trigger_price="29000", close_position=True)
    exchange.place_order(account, symbol="BTCUSDT", side="SELL", type="MARKET", quantity="1")
    exchange.take_pushes()
    exchange.set_price("BTCUSDT", "28000")

    assert ["algo TRIGGERING", "algo EXPIRED"] == story(exchange.take_pushes())


def test_a_trailing_order_wakes_follows_and_fires(exchange: Exchange, account: Account) -> None:
    """It is told twice as NEW, before and after its activation, and fires when the price comes back."""
    place(
        exchange,
        account,
        "SELL",
        "TRAILING_STOP_MARKET",
        activation_price="31000",
        callback_rate="2",
        quantity="0.1",
    )
    for price in ("30500", "31000", "35000", "34301"):
        exchange.set_price("BTCUSDT", price)
    pushes = exchange.take_pushes()
    exchange.set_price("BTCUSDT", "34300")
    fired = exchange.take_pushes()
    child = told_of_order(fired)

    assert [("NEW", False), ("NEW", True)] == [(push.payload["o"]["X"], push.payload["o"]["ia"]) for push in pushes]
    assert "algo TRIGGERING" == story(fired)[0]
    assert ("31000.00", "2") == (child["AP"], child["cr"])


def test_a_trailing_order_without_activation_price_is_awake_at_once(exchange: Exchange, account: Account) -> None:
    """Both NEW pushes come at placement."""
    place(exchange, account, "BUY", "TRAILING_STOP_MARKET", callback_rate="1", quantity="0.1")
    pushes = exchange.take_pushes()
    exchange.set_price("BTCUSDT", "29000")
    exchange.set_price("BTCUSDT", "29290")

    assert [False, True] == [push.payload["o"]["ia"] for push in pushes]
    assert [Decimal("29290")] == [fill.price for fill in account.fills[1:]]


def test_a_waiting_order_can_be_cancelled_once(exchange: Exchange, account: Account) -> None:
    """Cancelling ends the waiting; its answer has the code as text, and a second one finds nothing."""
    placed = place(exchange, account, "SELL", "STOP_MARKET", trigger_price="29000", quantity="0.1")
    answer = exchange.cancel_algo_order(account, algo_id=placed["algoId"])
    exchange.set_price("BTCUSDT", "28000")

    assert ["algo NEW", "algo CANCELED"] == story(exchange.take_pushes())
    assert ("200", placed["algoId"]) == (answer["code"], answer["algoId"])
    with pytest.raises(Refused) as refusal:
        exchange.cancel_algo_order(account, algo_id=placed["algoId"])
    assert -2011 == refusal.value.code


def test_cancelling_all_of_a_symbol(exchange: Exchange, account: Account) -> None:
    """Every waiting order of the symbol ends, by one call."""
    for price in ("29000", "28000"):
        place(exchange, account, "SELL", "STOP_MARKET", trigger_price=price, quantity="0.1")
    exchange.cancel_all_algo_orders(account, "ETHUSDT")
    spared = len(account.open_algo_orders)
    exchange.cancel_all_algo_orders(account, "BTCUSDT")

    assert (2, {}) == (spared, account.open_algo_orders)


def test_good_till_date_ends_waiting_and_resting(exchange: Exchange, account: Account) -> None:
    """GTD orders expire at their moment, whether they wait for a trigger or rest in the book."""
    end_ms = START_MS + 700_000
    place(
        exchange,
        account,
        "SELL",
        "STOP",
        trigger_price="29000",
        price="28900",
        quantity="0.1",
        time_in_force="GTD",
        good_till_date_ms=end_ms,
    )
    exchange.place_order(
        account,
        symbol="BTCUSDT",
        side="BUY",
        type="LIMIT",
        quantity="0.1",
        price="20000",
        time_in_force="GTD",
        good_till_date_ms=end_ms + 1,
    )
    exchange.take_pushes()
    due_ms = exchange.next_due_ms()
    exchange.advance(end_ms + 5)
    pushes = exchange.take_pushes()

    assert end_ms == due_ms
    assert ["algo EXPIRED", "order EXPIRED"] == story(pushes)
    assert [end_ms, end_ms + 1] == [push.time_ms for push in pushes]


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"type": "LIMIT", "quantity": "1"}, -1116),
        ({"type": "STOP_MARKET", "quantity": "1"}, -1102),
        ({"type": "STOP", "quantity": "1", "trigger_price": "29000"}, -1102),
        ({"type": "STOP_MARKET", "quantity": "1", "trigger_price": "29000", "price": "1"}, -1106),
        ({"type": "STOP_MARKET", "quantity": "1", "trigger_price": "29000", "close_position": True}, -1106),
        ({"type": "STOP_MARKET", "trigger_price": "29000"}, -1102),
        ({"type": "TRAILING_STOP_MARKET", "quantity": "1", "callback_rate": "11"}, -1130),
        ({"type": "TRAILING_STOP_MARKET", "quantity": "1"}, -1102),
        (
            {
                "type": "TRAILING_STOP_MARKET",
                "quantity": "1",
                "callback_rate": "1",
                "activation_price": "29000",
            },
            -2021,
        ),
    ],
)
def test_what_makes_no_sense_is_refused(
    exchange: Exchange, account: Account, options: dict[str, Any], code: int
) -> None:
    """Missing and contradictory parameters have Binance's codes."""
    with pytest.raises(Refused) as refusal:
        place(exchange, account, "SELL", **options)

    assert code == refusal.value.code


def test_there_is_a_cap_and_names_are_unique(exchange: Exchange, account: Account) -> None:
    """An account may have 200 conditional orders open, each with a name of its own."""
    for number in range(200):
        place(
            exchange,
            account,
            "SELL",
            "STOP_MARKET",
            trigger_price="29000",
            quantity="0.1",
            client_algo_id=f"n{number}",
        )
    codes = []
    for name in ("n200", "n0"):
        with pytest.raises(Refused) as refusal:
            place(
                exchange,
                account,
                "SELL",
                "STOP_MARKET",
                trigger_price="29000",
                quantity="0.1",
                client_algo_id=name,
            )
        codes.append(refusal.value.code)
        exchange.cancel_algo_order(account, client_algo_id="n1" if name == "n200" else "n2")

    assert [-4045, -4116] == codes
