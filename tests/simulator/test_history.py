from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from binance_uds.simulator.exchange import Account, Exchange, Refused

START_MS = 1_700_000_000_000
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS


@pytest.fixture(name="exchange")
def fixture_exchange() -> Exchange:
    """An exchange that charges funding once in a blue moon."""
    return Exchange(START_MS, funding_interval_ms=400 * DAY_MS)


@pytest.fixture(name="account")
def fixture_account(exchange: Exchange) -> Account:
    """An account that bought ten times, an hour apart."""
    account = exchange.open_account("alice", balances={"USDT": "1000000"})
    for _ in range(10):
        exchange.advance(exchange.now_ms + HOUR_MS)
        exchange.place_order(account, symbol="BTCUSDT", side="BUY", type="MARKET", quantity="0.1")
    return account


def code_of(call: Callable[[], Any]) -> int:
    """The error code a call is refused with."""
    with pytest.raises(Refused) as refusal:
        call()
    return refusal.value.code


def test_trades_of_a_window_are_the_oldest_of_it(exchange: Exchange, account: Account) -> None:
    """With a start, both ends are inclusive and the page begins there; without, it ends now."""
    times = [fill.time_ms for fill in account.fills]
    window = exchange.read_user_trades(account, "BTCUSDT", start_ms=times[2], end_ms=times[5])
    page = exchange.read_user_trades(account, "BTCUSDT", start_ms=times[2], limit=2)
    newest = exchange.read_user_trades(account, "BTCUSDT", limit=2)

    assert times[2:6] == [row["time"] for row in window]
    assert times[2:4] == [row["time"] for row in page]
    assert times[8:] == [row["time"] for row in newest]


def test_trades_can_be_paged_by_id(exchange: Exchange, account: Account) -> None:
    """``fromId`` is inclusive and need not exist; pages follow each other without a hole."""
    ids = [fill.trade_id for fill in account.fills]
    seen: list[int] = []
    next_id = 0
    while page := exchange.read_user_trades(account, "BTCUSDT", from_id=next_id, limit=3):
        seen += [row["id"] for row in page]
        next_id = seen[-1] + 1

    assert ids == seen


def test_trades_of_one_order(exchange: Exchange, account: Account) -> None:
    """The order id narrows every form of the query."""
    fill = account.fills[4]

    for options in ({}, {"from_id": 0}, {"start_ms": START_MS}):
        rows = exchange.read_user_trades(account, "BTCUSDT", order_id=fill.order_id, **options)
        assert [fill.trade_id] == [row["id"] for row in rows]


def test_trade_queries_have_their_limits(exchange: Exchange, account: Account) -> None:
    """Id and times exclude each other, windows are bounded by a week, symbols must exist."""
    now_ms = exchange.now_ms

    assert -1128 == code_of(lambda: exchange.read_user_trades(account, "BTCUSDT", start_ms=0, from_id=1))
    assert -4165 == code_of(
        lambda: exchange.read_user_trades(account, "BTCUSDT", start_ms=now_ms - 7 * DAY_MS - 1, end_ms=now_ms)
    )
    assert -1130 == code_of(lambda: exchange.read_user_trades(account, "BTCUSDT", limit=1001))
    assert -1130 == code_of(lambda: exchange.read_user_trades(account, "BTCUSDT", start_ms=2, end_ms=1))
    assert -1121 == code_of(lambda: exchange.read_user_trades(account, "NOPE"))
    assert 10 == len(
        exchange.read_user_trades(account, "BTCUSDT", start_ms=now_ms - 7 * DAY_MS, end_ms=now_ms, limit=1000)
    )


def test_a_query_without_times_covers_a_week(exchange: Exchange, account: Account) -> None:
    """Older rows need a start; a start alone covers the week that follows it."""
    exchange.advance(START_MS + 8 * DAY_MS)
    counts = [
        len(exchange.read_user_trades(account, "BTCUSDT")),
        len(exchange.read_user_trades(account, "BTCUSDT", start_ms=START_MS)),
        len(exchange.read_income(account)),
        len(exchange.read_income(account, start_ms=START_MS)),
        len(exchange.read_all_orders(account)),
        len(exchange.read_all_orders(account, start_ms=START_MS)),
    ]

    assert [0, 10, 0, 10, 0, 10] == counts


def test_nothing_is_kept_for_ever(exchange: Exchange, account: Account) -> None:
    """Orders and trades vanish after 90 days."""
    order_id = account.fills[0].order_id
    exchange.advance(START_MS + 90 * DAY_MS + 4 * HOUR_MS)
    rows = exchange.read_user_trades(account, "BTCUSDT", from_id=0)

    assert 7 == len(rows)
    assert -2013 == code_of(lambda: exchange.read_order(account, "BTCUSDT", order_id=order_id))


def test_unfilled_orders_vanish_after_three_days(exchange: Exchange, account: Account) -> None:
    """A cancelled order without a fill is forgotten first, an open one is not."""
    common: dict[str, Any] = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "quantity": "0.1"}
    ended = exchange.place_order(account, **common, price="20000")["orderId"]
    open_ = exchange.place_order(account, **common, price="20001")["orderId"]
    exchange.cancel_order(account, symbol="BTCUSDT", order_id=ended)
    exchange.advance(exchange.now_ms + 3 * DAY_MS)
    kept = [row["orderId"] for row in exchange.read_all_orders(account, order_id=ended)]
    exchange.advance(exchange.now_ms + 1)

    assert [ended, open_] == kept
    assert [open_] == [row["orderId"] for row in exchange.read_all_orders(account, order_id=ended)]
    assert -2013 == code_of(lambda: exchange.read_order(account, "BTCUSDT", order_id=ended))


def test_orders_that_stood_for_days_vanish_when_they_end(exchange: Exchange, account: Account) -> None:
    """The three days count from the placing, also those of a conditional order."""
    common: dict[str, Any] = {"symbol": "BTCUSDT", "side": "BUY", "quantity": "0.1"}
    order_id = exchange.place_order(account, **common, type="LIMIT", price="20000")["orderId"]
    algo_id = exchange.place_algo_order(account, **common, type="STOP_MARKET", trigger_price="90000")["algoId"]
    exchange.advance(exchange.now_ms + 3 * DAY_MS + 1)
    open_ = [row["orderId"] for row in exchange.read_open_orders(account)]
    open_ += [row["algoId"] for row in exchange.read_open_algo_orders(account)]
    exchange.cancel_order(account, symbol="BTCUSDT", order_id=order_id)
    exchange.cancel_algo_order(account, algo_id=algo_id)

    assert [order_id, algo_id] == open_
    assert -2013 == code_of(lambda: exchange.read_order(account, "BTCUSDT", order_id=order_id))
    assert -2013 == code_of(lambda: exchange.read_algo_order(account, algo_id=algo_id))
    assert [] == exchange.read_all_algo_orders(account, "BTCUSDT")


def test_all_orders_by_id_time_and_symbol(exchange: Exchange, account: Account) -> None:
    """Orders come by id; times mean creation; without a symbol those of all symbols are answered."""
    exchange.place_order(account, symbol="ETHUSDT", side="BUY", type="MARKET", quantity="1")
    ids = list(account.orders)
    times = [order.created_ms for order in account.orders.values()]
    answers = [
        exchange.read_all_orders(account),
        exchange.read_all_orders(account, "BTCUSDT"),
        exchange.read_all_orders(account, order_id=ids[3], limit=2),
        exchange.read_all_orders(account, start_ms=times[1], end_ms=times[2]),
        exchange.read_all_orders(account, limit=3),
    ]

    assert [ids, ids[:10], ids[3:5], ids[1:3], ids[8:]] == [[row["orderId"] for row in rows] for rows in answers]


def test_all_orders_take_less_than_a_week(exchange: Exchange, account: Account) -> None:
    """Seven days exactly are too long for orders."""
    week: dict[str, Any] = {"start_ms": START_MS, "end_ms": START_MS + 7 * DAY_MS}

    assert -4165 == code_of(lambda: exchange.read_all_orders(account, **week))
    assert 10 == len(exchange.read_all_orders(account, start_ms=START_MS, end_ms=START_MS + 7 * DAY_MS - 1))


def test_one_order_by_id_or_name(exchange: Exchange, account: Account) -> None:
    """An order answers to both its ids, an open one to its own query, and an unknown one to none."""
    exchange.place_order(
        account,
        symbol="BTCUSDT",
        side="BUY",
        type="LIMIT",
        quantity="0.1",
        price="20000",
        client_order_id="x",
    )
    filled, *_, waiting = account.orders

    assert waiting == exchange.read_order(account, "BTCUSDT", client_order_id="x")["orderId"]
    assert waiting == exchange.read_open_order(account, "BTCUSDT", order_id=waiting)["orderId"]
    assert -2013 == code_of(lambda: exchange.read_open_order(account, "BTCUSDT", order_id=filled))
    assert -2013 == code_of(lambda: exchange.read_order(account, "ETHUSDT", order_id=filled))
    assert -1102 == code_of(lambda: exchange.read_order(account, "BTCUSDT"))


def test_income_by_kind_and_symbol(exchange: Exchange, account: Account) -> None:
    """Income rows can be narrowed, and a page with a start begins there."""
    exchange.transfer(account, "USDT", "5")
    kinds = {row["incomeType"] for row in exchange.read_income(account)}
    transfers = exchange.read_income(account, income_type="TRANSFER")
    fees = exchange.read_income(account, "BTCUSDT", start_ms=account.fills[3].time_ms, limit=2)

    assert {"COMMISSION", "TRANSFER"} == kinds
    assert [("", "5.00000000")] == [(row["symbol"], row["income"]) for row in transfers]
    assert [str(fill.trade_id) for fill in account.fills[3:5]] == [row["tradeId"] for row in fees]


def test_conditional_orders_by_id_and_name(exchange: Exchange, account: Account) -> None:
    """The algo service lists what is open, what ever was, and one by either id."""
    ids = [
        exchange.place_algo_order(
            account,
            symbol="BTCUSDT",
            side="SELL",
            type="STOP_MARKET",
            quantity="0.1",
            trigger_price=price,
            client_algo_id=f"at-{price}",
        )["algoId"]
        for price in ("29000", "28000", "27000")
    ]
    exchange.cancel_algo_order(account, algo_id=ids[0])
    named = exchange.read_algo_order(account, client_algo_id="at-29000")

    assert (ids[0], "CANCELED") == (named["algoId"], named["algoStatus"])
    assert ids[1:] == [row["algoId"] for row in exchange.read_open_algo_orders(account)]
    assert ids[2:] == [row["algoId"] for row in exchange.read_open_algo_orders(account, algo_id=ids[2])]
    assert ids == [row["algoId"] for row in exchange.read_all_algo_orders(account, "BTCUSDT")]
    assert ids[1:2] == [
        row["algoId"] for row in exchange.read_all_algo_orders(account, "BTCUSDT", algo_id=ids[1], limit=1)
    ]
    assert -2013 == code_of(lambda: exchange.read_algo_order(account, algo_id=1))
    assert -1102 == code_of(lambda: exchange.read_algo_order(account))


def test_lagging_rest_shows_the_past(exchange: Exchange, account: Account) -> None:
    """With a lag trades are missing, an ended order stands open, a new one is unknown; then all appears."""
    order = exchange.place_order(account, symbol="BTCUSDT", side="BUY", type="LIMIT", quantity="0.1", price="29000")[
        "orderId"
    ]
    stop = exchange.place_algo_order(
        account, symbol="BTCUSDT", side="SELL", type="STOP_MARKET", quantity="0.1", trigger_price="20000"
    )["algoId"]
    exchange.rest_lag_ms = 2_000

    def seen() -> tuple[Any, ...]:
        trades = len(exchange.read_user_trades(account, "BTCUSDT", from_id=0))
        amounts = [row["positionAmt"] for row in exchange.read_position_risk(account)]
        wallet = exchange.read_balance(account)[0]["balance"]
        open_orders = [row["executedQty"] for row in exchange.read_open_orders(account)]
        known = len(exchange.read_all_orders(account))
        waiting = [row["algoStatus"] for row in exchange.read_open_algo_orders(account)]
        return trades, amounts, wallet, open_orders, known, waiting

    unknown = code_of(lambda: exchange.read_order(account, "BTCUSDT", order_id=order))
    unknown_algo = code_of(lambda: exchange.read_algo_order(account, algo_id=stop))
    exchange.advance(exchange.now_ms + 5_000)
    before = seen()
    exchange.fill_resting(account, order, "0.04")
    exchange.advance(exchange.now_ms + 1_000)
    exchange.fill_resting(account, order, "0.06")
    exchange.cancel_algo_order(account, algo_id=stop)
    at_once = seen()
    exchange.advance(exchange.now_ms + 1_000)
    half = seen()
    exchange.advance(exchange.now_ms + 1_000)
    after = seen()

    assert (-2013, -2013) == (unknown, unknown_algo)
    assert (10, ["1.000"], "999985.00000000", ["0"], 11, ["NEW"]) == before == at_once
    assert (11, ["1.040"], "999984.76800000", ["0.040"], 11, ["NEW"]) == half
    assert (12, ["1.100"], "999984.42000000", [], 11, []) == after
