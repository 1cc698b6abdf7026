"""What a gap has swallowed is read back whole and once, whatever REST makes of it, or named."""

from __future__ import annotations

import contextlib
from collections import Counter
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from binance_uds.events.notices import Proof
from binance_uds.events.usdm import AccountUpdate, AlgoUpdate, OrderTradeUpdate
from binance_uds.protocol.reading.errands import NO_SUCH_ORDER, Answer, Pause, Tell
from binance_uds.protocol.reading.reads import LONGEST_SPAN_MS, SHOWN_MS, Read
from binance_uds.protocol.reading.recovery import Recovery
from binance_uds.protocol.repair import repair
from tests.protocol.trader import (
    DAY_MS,
    NOTHING_AMISS,
    PAUSES,
    SETTLE_MS,
    Led,
    Report,
    Trader,
    lead,
)

NO_ORDERS_OF_ALL_SYMBOLS = {"all_orders": -1102}


def trader(**options: Any) -> Trader:
    """Return a trader whose account was read, and that has a position the stream told of."""
    made = Trader(**options).ground()
    made.buy("0.2", **({"position_side": "LONG"} if options.get("hedge_mode") else {}))
    made.hear().look_again()
    made.pass_time(10.0)
    made.since_ms = made.now_ms
    return made


def states(report: Report, order_id: int) -> list[str | None]:
    """Return what was told of an order's state."""
    return [
        event.status for event in report.events if isinstance(event, OrderTradeUpdate) and event.order_id == order_id
    ]


def asked(report: Report) -> Counter[str]:
    """Return how often each read was made."""
    return Counter(read.name for read in report.led.reads)


def spoil(of: str, change: Any) -> Any:
    """Change the rows of one kind of answer."""
    return lambda read, rows: change(rows) if read.name == of else rows


# What is found


def test_a_gap_in_which_nothing_happened():
    """Nothing is delivered, nothing is named, and what stands proves it."""
    made = trader().connect()
    report = made.repair()

    assert () == report.events
    assert (Proof.BALANCED, [], []) == (report.proof, report.lost, report.led.pauses)
    assert (0, frozenset()) == (report.recovery.duplicates, report.recovery.unbalanced)


def test_an_account_that_never_did_anything_settles():
    """There is nothing that could balance."""
    report = Trader().ground().connect().repair()

    assert (Proof.SETTLED, ()) == (report.proof, report.events)


def test_fills_of_a_gap_are_recovered_with_their_order():
    """Each comes once, in order, before what followed it, with what its order's row tells."""
    made = trader()
    resting = made.buy("0.5", "29900", client_order_id="mine")
    made.hear()
    made.fill(resting, "0.1")
    made.fill(resting, "0.2")
    made.miss().connect()
    made.fill(resting, "0.2")
    made.hear()
    report = made.repair()
    fills = [event for event in report.events if isinstance(event, OrderTradeUpdate) and event.is_fill]

    assert NOTHING_AMISS == made.amiss()
    assert [("rest", "0.100"), ("rest", "0.300"), ("stream", "0.500")] == [
        (fill.origin, str(fill.filled_quantity)) for fill in fills
    ]
    assert ["mine"] * 3 == [fill.client_order_id for fill in fills]
    # The live one, and the one before the gap, where the sums agreed for the last time.
    assert (Proof.BRIDGED, [], 2) == (report.proof, report.lost, report.recovery.duplicates)
    assert 2 == len(report.tally.recovered)
    assert () == report.tally.late


def test_account_and_order_states_come_when_they_are_news():
    """An order that was filled and one that was cancelled in the dark, and the balances and positions after it."""
    made = trader()
    filled, cancelled = made.buy("0.1", "29900"), made.buy("0.1", "29800")
    made.hear()
    made.fill(filled, "0.1")
    made.cancel(cancelled)
    made.miss().connect()
    report = made.repair()
    account = made.delivery.account

    assert (["FILLED"], ["CANCELED"]) == (states(report, filled), states(report, cancelled))
    assert {filled, cancelled}.isdisjoint(account.open_orders)
    assert Decimal("0.3") == account.position("BTCUSDT").amount
    assert made.account.balances["USDT"].wallet == account.balances["USDT"].wallet_balance
    assert any(isinstance(event, AccountUpdate) and event.origin == "rest" for event in report.events)


def test_what_the_stream_told_is_not_told_again_by_rest():
    """A gap without a loss delivers nothing by REST; states that are no news are none."""
    made = trader()
    made.buy("0.1", "29900")
    made.stop_order()
    made.hear().connect()
    report = made.repair()

    assert () == report.events
    assert NOTHING_AMISS == made.amiss()


@pytest.mark.fault(22)
def test_rest_moves_no_order_backwards():
    """Rows that are older than what the stream told since change nothing; the fill is told once."""
    made = trader()
    resting = made.buy("0.3", "29900")
    made.hear()
    made.fill(resting, "0.1")
    made.hear()
    made.pass_time(1.0).connect()
    made.exchange.rest_lag_ms = 20_000
    made.fill(resting, "0.2")
    made.hear()
    report = made.repair()

    assert ["stream"] == [event.origin for event in report.events if isinstance(event, OrderTradeUpdate)]
    assert "FILLED" == made.delivery.account.order(resting).status
    assert NOTHING_AMISS == made.amiss()
    # Nor is an older amount of the position taken for one that disagrees.
    assert frozenset() == report.recovery.unbalanced


@pytest.mark.fault(63)
@pytest.mark.parametrize("symbol", ["ETHUSDT", "BTCUSDC", "币安人生USDT"])
@pytest.mark.parametrize("refusing", [{}, NO_ORDERS_OF_ALL_SYMBOLS], ids=["orders", "income"])
def test_a_symbol_never_seen_is_found(symbol, refusing):
    """Traded and flat again within the gap: its orders name it, or where these are refused its income."""
    made = trader(refusing=refusing)
    made.buy("10", symbol=symbol)
    made.sell("10", symbol=symbol)
    made.miss().connect()
    made.refusing = {}
    report = made.repair() if not refusing else _repair_refusing_all_symbols(made)

    assert NOTHING_AMISS == made.amiss()
    assert [] == report.lost
    assert (1 if refusing else 0) == asked(report)["income"]


def _repair_refusing_all_symbols(made: Trader, **changes: Any) -> Report:
    """Repair against an exchange that tells of the orders of one symbol at a time only."""
    answer = made.answer

    def refuse(read: Read) -> Any:
        made.refusing = NO_ORDERS_OF_ALL_SYMBOLS if "symbol" not in read.parameters else {}
        return answer(read)

    steps = repair(made.pass_time(3.0).task(**changes), made.delivery.books, Recovery())
    return made.merge(lead(steps, refuse, made.pass_time))


@pytest.mark.fault(63)
def test_without_orders_and_income_of_all_symbols_that_is_named():
    """A symbol that leaves no other trace may have been traded: unproven, and said."""
    made = trader(refusing={**NO_ORDERS_OF_ALL_SYMBOLS, "income": -1100}).connect()
    report = made.repair()

    assert ["fills of symbols without an open order or a position: nothing names all symbols"] == report.lost
    assert Proof.UNPROVEN == report.proof


def test_a_zero_fee_fill_of_a_flat_symbol_needs_the_users_list():
    """Where orders are refused and nothing was earned or paid, the user's own symbols are the last resort."""
    made = trader()
    made.buy("0.1", "29900", symbol="BTCUSDC")
    (resting,) = made.account.open_orders
    made.fill(resting, "0.1")
    made.sell("0.1", "30100", symbol="BTCUSDC")
    (resting,) = made.account.open_orders
    made.exchange.set_price("BTCUSDC", "30200")
    made.miss().connect()
    report = _repair_refusing_all_symbols(made, user_symbols=frozenset({"BTCUSDC"}))

    assert {"BTCUSDT", "BTCUSDC"} == {read["symbol"] for read in report.led.read("user_trades")}
    assert NOTHING_AMISS == made.amiss()


def test_orders_whose_placing_was_lost_before_the_gap_are_found_in_it():
    """Frames lost unnoticed, then a connection: orders are looked for from where everything was audited."""
    made = trader()
    bought, sold = made.buy("1", "1900", symbol="ETHUSDT"), made.sell("1", "2100", symbol="ETHUSDT")
    made.miss()
    made.pass_time(60.0)
    made.since_ms = made.now_ms
    made.fill(bought, "1")
    made.fill(sold, "1")
    made.miss().connect()
    report = made.repair()

    assert NOTHING_AMISS == made.amiss()
    assert (["FILLED"], ["FILLED"]) == (states(report, bought), states(report, sold))


def test_a_position_names_its_symbol():
    """Where orders are refused, and income is not there yet."""
    made = trader()
    made.buy("1", symbol="ETHUSDT")
    made.miss().connect()
    made.spoil = spoil("income", lambda rows: [])
    _repair_refusing_all_symbols(made)

    assert NOTHING_AMISS == made.amiss()


def test_orders_that_were_lost_whole_before_the_gap_are_found_by_it():
    """Placed, filled and over before it began, and told of by no frame: the list of orders shows them all the same."""
    made = trader()
    made.buy("1", symbol="ETHUSDT")
    made.sell("1", symbol="ETHUSDT")
    made.miss()
    made.pass_time(120.0)
    made.since_ms = made.now_ms
    made.connect()
    made.repair()

    assert NOTHING_AMISS == made.amiss()


@pytest.mark.fault(28)
def test_a_fill_lost_before_the_gap_is_noticed_by_it():
    """The quantities of its order do not agree, so its trades are read from where they last did."""
    made = trader()
    resting = made.buy("0.5", "29900")
    made.hear()
    made.fill(resting, "0.1")
    made.miss()
    made.pass_time(120.0)
    made.since_ms = made.now_ms
    made.fill(resting, "0.1")
    made.miss().connect()
    report = made.repair()

    assert NOTHING_AMISS == made.amiss()
    assert (Proof.BALANCED, [], []) == (report.proof, report.lost, report.led.pauses)


def test_a_fill_lost_before_the_gap_of_an_order_that_is_gone():
    """Also where only the position shows it: an order nobody told of, filled before the gap."""
    made = trader()
    made.buy("0.1")
    made.miss()
    made.pass_time(120.0)
    made.since_ms = made.now_ms
    made.connect()
    made.repair()

    assert NOTHING_AMISS == made.amiss()


def test_an_amount_that_agreed_by_chance_is_not_where_the_looking_begins():
    """Two lost fills cancel, and an amount is told; one found at its very moment shows that all began before."""
    made = trader()
    made.buy("0.3")
    made.miss()
    made.sell("0.3")
    made.sell("0.1")
    made.hear(lambda payload: payload["e"] == "ACCOUNT_UPDATE")
    [broken] = made.delivery.books.chains.breaks()
    made.since_ms = broken.since_ms
    made.connect()
    report = made.repair(symbols=frozenset({"BTCUSDT"}), pauses=PAUSES)

    assert NOTHING_AMISS == made.amiss()
    assert (Proof.BALANCED, [], [1.0]) == (report.proof, report.lost, report.led.pauses)


@pytest.mark.parametrize("told_last", [False, True])
def test_amounts_that_agreed_by_chance_before_the_last_one(told_last):
    """Fills that cancel are lost, then others; what is found of the first is in the last amount, and proves itself."""
    made = trader()
    begun_ms = made.now_ms
    for quantity in ("0.3", "0.1"):
        made.buy(quantity)
        made.miss()
        made.sell(quantity)
        made.hear(lambda payload: payload["e"] == "ACCOUNT_UPDATE")
    if told_last:
        made.buy("0.1")
        made.hear()
    made.since_ms = begun_ms
    made.connect()
    report = made.repair(symbols=frozenset({"BTCUSDT"}), pauses=PAUSES)

    assert NOTHING_AMISS == made.amiss()
    assert (Proof.BALANCED, [], []) == (report.proof, report.lost, report.led.pauses)


def test_a_position_that_rest_does_not_show_any_more_is_flat():
    """REST leaves out what is flat; its fills are looked for, and the view is put right."""
    made = trader()
    made.sell("0.2")
    made.miss().connect()
    report = made.repair(pauses=PAUSES)

    assert NOTHING_AMISS == made.amiss()
    assert (Proof.BALANCED, [], []) == (report.proof, report.lost, report.led.pauses)
    assert 0 == made.delivery.account.position("BTCUSDT").amount
    assert "BTCUSDT" not in {symbol for symbol, _ in made.delivery.account.positions}


def test_a_position_closed_since_the_connection_is_no_riddle():
    """The fills that closed it are held, so it is flat by them too."""
    made = trader().connect()
    made.sell("0.2")
    report = made.repair(pauses=PAUSES)

    assert (Proof.BRIDGED, [], []) == (report.proof, report.lost, report.led.pauses)
    assert NOTHING_AMISS == made.amiss()


def test_hedge_mode_keeps_long_and_short_apart():
    """Both sides are opened and closed in the dark."""
    made = trader(hedge_mode=True)
    made.sell("0.3", position_side="SHORT")
    made.sell("0.1", position_side="LONG")
    made.miss().connect()
    made.buy("0.3", position_side="SHORT")
    made.hear()
    report = made.repair(pauses=PAUSES)

    assert NOTHING_AMISS == made.amiss()
    assert (Proof.BRIDGED, []) == (report.proof, report.led.pauses)
    assert Decimal("0.1") == made.delivery.account.position("BTCUSDT", "LONG").amount


@pytest.mark.fault(62)
@pytest.mark.parametrize("cause", ["LIQUIDATION", "ADL"])
def test_a_liquidation_in_the_dark_is_recovered(cause):
    """Orders of the exchange's own are orders like any other."""
    made = trader()
    made.exchange.liquidate(made.account, "BTCUSDT", cause=cause)
    made.miss().connect()
    report = made.repair(pauses=PAUSES)

    assert NOTHING_AMISS == made.amiss()
    assert [] == report.lost


def test_trades_from_before_the_last_audit_are_none_of_its_business():
    """What was audited was delivered, and is not kept in mind; a gap may begin before that all the same."""
    made = trader()
    made.buy("0.1")
    made.hear()
    made.pass_time(30.0)
    made.delivery.forget_before(made.now_ms)
    made.pass_time(5.0)
    made.buy("0.1")
    made.miss().connect()
    made.since_ms -= 60_000
    report = made.repair(pauses=PAUSES)

    assert NOTHING_AMISS == made.amiss()
    assert (1, []) == (len(report.tally.recovered), report.lost)
    assert 1 == len(report.recovery.fills)


def test_an_order_of_before_the_start_that_nobody_told_of_is_believed():
    """Filled in part before the account was read, and not shown then: its older fills are not looked for."""
    made = Trader()
    old = made.buy("0.3", "29900")
    made.fill(old, "0.1")
    made.exchange.rest_lag_ms = 60_000
    made.ground()
    made.exchange.rest_lag_ms = 0
    made.fill(old, "0.1")
    made.miss().connect()
    report = made.repair(pauses=PAUSES)

    assert NOTHING_AMISS == made.amiss()
    assert ([], []) == (report.lost, report.led.pauses)
    assert Decimal("0.2") == made.delivery.account.order(old).filled_quantity


# Orders that are gone


@pytest.mark.fault(24)
def test_an_open_order_that_is_gone_is_asked_for_by_itself():
    """Absence is no proof of anything; one question per order, and only for those that are gone."""
    made = trader()
    gone, stays = made.buy("0.1", "29900"), made.buy("0.1", "29800")
    made.hear()
    made.pass_time(86_400.0)
    made.since_ms = made.now_ms
    made.cancel(gone)
    made.delivery.forget_before(made.since_ms - 1_000)
    made.miss().connect()
    report = made.repair()

    assert [gone] == [read["orderId"] for read in report.led.read("order")]
    assert (["CANCELED"], []) == (states(report, gone), states(report, stays))


def test_orders_of_long_ago_that_are_gone_name_their_symbol():
    """Nothing but the stream ever told of it: an order and a conditional order, both cancelled in the dark."""
    made = trader()
    gone, gone_stop = made.buy("1", "1900", symbol="ETHUSDT"), made.stop_order(symbol="BNBUSDT", trigger="200")
    made.hear()
    made.pass_time(86_400.0)
    made.since_ms = made.now_ms
    made.delivery.forget_before(made.since_ms - 1_000)
    made.cancel(gone, "ETHUSDT")
    made.exchange.cancel_algo_order(made.account, algo_id=gone_stop)
    made.miss().connect()
    report = made.repair()

    assert ["CANCELED"] == states(report, gone)
    assert [(gone_stop, "CANCELED")] == [
        (event.algo_id, event.status) for event in report.events if isinstance(event, AlgoUpdate)
    ]


def gone_orders(count: int) -> tuple[Trader, list[int]]:
    """Return a trader of whose orders, of long ago, so many are gone."""
    made = trader()
    gone = [made.buy("0.001", str(29_000 + number)) for number in range(count)]
    made.hear()
    made.pass_time(86_400.0)
    made.since_ms = made.now_ms
    made.delivery.forget_before(made.since_ms - 1_000)
    for order_id in gone:
        made.cancel(order_id)
    return made.miss().connect(), gone


@pytest.mark.parametrize("count, singly, pages", [(8, 8, 0), (9, 0, 1), (50, 0, 1)])
def test_many_orders_that_are_gone_are_read_by_pages(count, singly, pages):
    """Up to eight are asked for singly; more come on pages of their symbol, and cost a page."""
    made, gone = gone_orders(count)
    report = made.repair()

    assert singly == asked(report)["order"]
    assert pages == sum("orderId" in read for read in report.led.read("all_orders"))
    assert [["CANCELED"]] * count == [states(report, order_id) for order_id in gone]


def test_orders_that_are_on_no_page_are_asked_for_singly():
    """What the pages of a symbol leave out, or tell malformed, is asked for one by one; the latter is named."""
    made, gone = gone_orders(12)

    def leave_out(read: Read, rows: list[Any]) -> list[Any]:
        if read.name == "all_orders" and "orderId" in read.parameters:
            rows = [row for row in rows if row["orderId"] != gone[3]]
            rows[7]["side"] = None
        return rows

    made.spoil = leave_out
    report = made.repair()

    assert [gone[3], gone[8]] == [read["orderId"] for read in report.led.read("order")]
    assert ["all_orders[7]: OrderRow without a usable side"] == report.lost
    assert [["CANCELED"]] * 12 == [states(report, order_id) for order_id in gone]


def test_an_order_that_is_told_malformed_is_named():
    """Asked for by itself, and no better for it."""
    made, gone = gone_orders(2)
    made.spoil = spoil(
        "order", lambda rows: [{**row, "side": None} if row["orderId"] == gone[0] else row for row in rows]
    )
    report = made.repair()

    assert ["order[0]: OrderRow without a usable side"] == report.lost
    assert ([], ["CANCELED"]) == (states(report, gone[0]), states(report, gone[1]))


@pytest.mark.fault(24)
@pytest.mark.parametrize("code, words", [(NO_SUCH_ORDER, "unknown to the exchange"), (-1100, "refused with -1100")])
def test_an_order_that_the_exchange_does_not_know_is_named_and_not_asked_for_again(code, words):
    """-2013: nobody knows what became of it, and nobody ever will; the next repair does not ask."""
    made, gone = gone_orders(2)
    made.refusing = {"order": code}
    first = made.repair()
    made.connect()
    second = made.repair()

    assert [f"the end of order {order_id} of BTCUSDT ({words})" for order_id in gone] == first.lost
    assert ([True, True], {}) == (
        [made.delivery.account.order(order_id).is_forgotten for order_id in gone],
        dict(made.delivery.account.open_orders),
    )
    assert [(2, 0)] == [(asked(first)["order"], asked(second)["order"])]
    assert [] == second.lost


def test_an_order_of_a_found_fill_that_rest_does_not_know_yet_stands_open():
    """It was placed in the gap and filled in part: that REST does not know it ends nothing that was never open."""
    made = trader().connect()
    placed = made.buy("0.3", "29900")
    made.fill(placed, "0.1")
    made.miss().connect()
    made.spoil = spoil("open_orders", lambda rows: [])
    made.refusing = {"order": NO_SUCH_ORDER}
    made.repair()

    assert (True, False) == (
        made.delivery.books.chains.orders["BTCUSDT", placed].is_open,
        made.delivery.account.order(placed).is_forgotten,
    )


def test_what_ends_while_the_repair_pauses_is_asked_for():
    """An order and a conditional order that stood at the first look and are gone at the second, without a frame."""
    made = traded_in_the_dark()
    resting, stop = made.buy("0.1", "29000"), made.stop_order()
    made.hear()
    made.pass_time(10.0)

    def hide(rows: list[Any]) -> list[Any]:
        if not made.account.open_orders:
            return rows
        made.cancel(resting)
        made.exchange.cancel_algo_order(made.account, algo_id=stop)
        made.pass_time(10.0).miss()
        return rows[:-1]

    made.spoil = spoil("user_trades", hide)
    report = made.repair(pauses=PAUSES)

    assert ["CANCELED"] == states(report, resting)[-1:]
    assert [(stop, "NEW"), (stop, "CANCELED")] == [
        (event.algo_id, event.status) for event in report.events if isinstance(event, AlgoUpdate)
    ]


def test_an_unknown_conditional_order_is_asked_for_once():
    """However often the repair looks again."""
    made = traded_in_the_dark()
    stop = made.stop_order()
    made.hear()
    made.pass_time(10.0)
    made.exchange.cancel_algo_order(made.account, algo_id=stop)
    made.miss()
    made.refusing = {"algo_order": NO_SUCH_ORDER}
    left = [3]

    def hide(rows: list[Any]) -> list[Any]:
        left[0] -= 1
        return rows[:-1] if left[0] >= 0 else rows

    made.spoil = spoil("user_trades", hide)
    report = made.repair(pauses=PAUSES)

    assert (3, 1) == (len(report.led.pauses), asked(report)["algo_order"])


@pytest.mark.fault(22, 24)
def test_an_order_told_of_too_lately_for_rest_is_not_gone():
    """An order placed within the settle time may not be shown yet: no question, and no end is invented."""
    made = trader().connect()
    made.exchange.rest_lag_ms = SETTLE_MS - 500
    made.pass_time(2.0)
    young = made.buy("0.1", "29900")
    made.hear()
    report = made.repair()

    assert 0 == asked(report)["order"]
    assert young in made.delivery.account.open_orders


def test_a_conditional_order_that_is_gone_is_asked_for():
    """It was cancelled in the dark."""
    made = trader()
    gone, stays = made.stop_order(), made.stop_order()
    made.hear()
    made.pass_time(60.0)
    made.since_ms = made.now_ms
    made.exchange.cancel_algo_order(made.account, algo_id=gone)
    made.miss().connect()
    report = made.repair()

    assert [gone] == [read["algoId"] for read in report.led.read("algo_order")]
    assert [(gone, "CANCELED")] == [
        (event.algo_id, event.status) for event in report.events if isinstance(event, AlgoUpdate)
    ]
    assert {stays} == set(made.delivery.books.algo_orders)


def test_a_conditional_order_that_triggered_in_the_dark():
    """Its end is told, and the fill of the order it became."""
    made = trader()
    made.stop_order()
    made.hear()
    made.exchange.set_price("BTCUSDT", "24000")
    made.miss().connect()
    report = made.repair(pauses=PAUSES)

    assert NOTHING_AMISS == made.amiss()
    assert ["FINISHED"] == [event.status for event in report.events if isinstance(event, AlgoUpdate)]
    assert Decimal("0.1") == made.delivery.account.position("BTCUSDT").amount


def test_a_conditional_order_that_the_exchange_does_not_know_is_named_once():
    """-2013 of one that was placed long ago: unknown for good, so the next repair does not ask or name it again."""
    made = trader()
    gone = made.stop_order()
    made.hear()
    made.pass_time(60.0)
    made.since_ms = made.now_ms
    made.exchange.cancel_algo_order(made.account, algo_id=gone)
    made.miss().connect()
    made.refusing = {"algo_order": NO_SUCH_ORDER}
    first = made.repair()
    made.connect()
    second = made.repair()

    assert [f"the end of conditional order {gone} (unknown to the exchange)"] == first.lost
    assert ([], 0) == (second.lost, asked(second)["algo_order"])
    assert made.delivery.account.algo_order(gone).is_forgotten


def test_a_young_conditional_order_may_be_unknown_to_rest():
    """Within 2 s of its placing -2013 is no answer: it is named by nobody, and stays open."""
    made = trader().connect()
    made.pass_time(SETTLE_MS / 1000)
    young = made.stop_order()
    made.hear()
    made.exchange.rest_lag_ms = 1_500
    made.pass_time(-SETTLE_MS / 1000)
    steps = repair(made.task(settle_ms=0), made.delivery.books, Recovery())
    report = made.merge(made.lead(steps))

    assert [young] == [read["algoId"] for read in report.led.read("algo_order")]
    assert [] == report.lost
    assert {young} == set(made.delivery.books.algo_orders)


# Pages


@pytest.mark.fault(23)
@pytest.mark.parametrize("count", [998, 999, 1_000])
def test_a_gap_of_about_a_thousand_fills(count):
    """A page is full at a thousand: nothing is lost at its edge, and nothing is delivered twice."""
    made = trader()
    made.exchange.set_liquidity("BTCUSDT", largest_trade="0.001")
    made.buy(str(Decimal(count) / 1000))
    made.miss().connect()
    report = made.repair()

    assert NOTHING_AMISS == made.amiss()
    assert count == len(report.tally.recovered)
    # The fill before the gap is the last at which the sums agreed, so it is read as well.
    assert (1 if count + 1 < 1_000 else 2) == asked(report)["user_trades"]


@pytest.mark.fault(23, 59)
@pytest.mark.parametrize("before", range(4))
def test_a_self_trade_over_a_page_boundary(before):
    """Both of its fills share a trade id; wherever the page ends both come, once."""
    made = trader(page=3)
    for _ in range(before):
        made.buy("0.01")
    made.sell("0.05", "30100")
    made.buy("0.05", "30100", self_trade_prevention="NONE")
    made.buy("0.01")
    made.miss().connect()
    report = made.repair()

    assert NOTHING_AMISS == made.amiss()
    assert before + 3 == len(report.tally.recovered)
    assert [] == report.lost


@pytest.mark.parametrize("days", [7, 8, 20, 80])
def test_a_long_gap_is_read_in_windows_of_seven_days(days):
    """No read spans more than the exchange allows, and nothing between two of them is left out."""
    made = trader()
    for _ in range(days):
        made.pass_time(86_400.0)
        made.buy("0.001")
        made.exchange.take_pushes()
    made.miss().connect()
    report = made.repair()
    spans = [
        read["endTime"] - read["startTime"]
        for read in (read.parameters for read in report.led.reads)
        if "endTime" in read
    ]

    assert NOTHING_AMISS == made.amiss()
    assert all(span <= LONGEST_SPAN_MS for span in spans)
    assert days == len(report.tally.recovered)


def out_for(days: float, *, every: float = 10.0) -> Trader:
    """Return a trader whose stream was out for so many days, with a purchase now and then."""
    made = trader()
    for _ in range(round(days / every)):
        made.pass_time(every * 86_400.0)
        made.buy("0.001")
        made.exchange.take_pushes()
    return made.miss().connect()


def starts(report: Report) -> list[int]:
    """Return from when on rows were asked for, where a time was said."""
    return [read.parameters["startTime"] for read in report.led.reads if "startTime" in read.parameters]


def test_what_is_older_than_the_exchange_shows_is_named_and_not_asked_for():
    """A gap of 120 days: the fills of the last three months are recovered, and the report says of when no other are."""
    made = out_for(120.0)
    since_ms = made.since_ms
    report = made.repair(pauses=PAUSES)
    words = [what for what in report.lost if what.startswith("fills and order states from ")]
    told = [int(word.strip(":")) for word in words[0].split() if word.strip(":").isdigit()]

    assert (1, Proof.UNPROVEN) == (len(words), report.proof)
    assert since_ms == told[0]
    # The later it is looked the less is shown.
    assert 0 <= told[1] - min(starts(report)) <= 60_000
    # Of 10, 20, ... 120 days those of the first 30 are too old.
    assert 9 == len(report.tally.recovered)
    assert 3 == len(made.amiss()["lost"])
    # What cannot balance is not looked for until a minute is over.
    assert [1.0, 2.0, 4.0] == report.led.pauses


def test_no_read_begins_before_what_the_exchange_shows():
    """It would be refused, with all that it asks for, by whatever way the symbols are found."""
    for refusing in ({}, NO_ORDERS_OF_ALL_SYMBOLS):
        made = out_for(120.0, every=60.0)
        made.refusing = refusing
        sent_ms = made.now_ms
        report = made.repair()

        assert {"all_orders", "user_trades"} <= set(asked(report))
        assert min(starts(report)) >= sent_ms - SHOWN_MS


@pytest.mark.parametrize("days, is_cut", [(87.9, False), (88.1, True)])
def test_a_gap_of_just_three_months(days, is_cut):
    """What is surely shown is asked for in full."""
    made = out_for(days, every=days)
    report = made.repair()

    assert is_cut is any("three months" in what for what in report.lost)
    assert (Proof.UNPROVEN if is_cut else Proof.BALANCED) == report.proof


def test_what_was_audited_long_ago_is_not_missing_however_old_the_gap_is():
    """The gap begins before what was found in order; what came after it is shown in full."""
    made = out_for(120.0, every=120.0)
    made.delivery.forget_before(made.now_ms - 50 * DAY_MS)
    report = made.repair()

    assert [] == report.lost


def test_a_gap_of_balances_alone_lacks_no_fills_however_old_it_is():
    """Balances are read as they stand."""
    made = out_for(120.0, every=120.0)
    report = made.repair(frozenset())

    assert [] == report.lost
    assert [] == starts(report)


@pytest.mark.fault(23, 58)
@pytest.mark.parametrize("new", [1, 4])
def test_fills_that_happen_while_pages_are_read(new):
    """They come by both ways, and are delivered once."""
    made = trader(page=3)
    for _ in range(4):
        made.buy("0.01")
    made.miss().connect()
    left = [new]

    def trade(read: Read) -> None:
        if read.name == "user_trades" and left[0]:
            left[0] -= 1
            made.buy("0.01")

    made.meanwhile = trade
    made.repair()
    made.hear()

    assert NOTHING_AMISS == made.amiss()
    assert 5 + new == len(made.fills)


# Rows that cannot be trusted


@pytest.mark.fault(23, 58)
@pytest.mark.parametrize("name", ["user_trades", "all_orders"])
def test_rows_that_come_twice_are_told_once(name):
    """Doubled on one page, or over pages."""
    made = trader(spoil=spoil(name, lambda rows: [row for row in rows for _ in range(2)]))
    resting = made.buy("0.3", "29900")
    made.hear()
    made.fill(resting, "0.1")
    made.buy("0.1")
    made.miss().connect()
    report = made.repair()

    assert NOTHING_AMISS == made.amiss()
    assert (2, []) == (len(report.tally.recovered), report.lost)


def without(rows: list[Any], at: int) -> list[Any]:
    """Return rows, one of them missing."""
    return [row for number, row in enumerate(rows) if number != at]


def traded_in_the_dark() -> Trader:
    """Return a trader with a gap of three fills of one order."""
    made = trader()
    resting = made.buy("0.3", "29900")
    made.hear()
    for _ in range(3):
        made.fill(resting, "0.1")
    return made.miss().connect()


@pytest.mark.fault(22)
@pytest.mark.parametrize("at", range(3))
@pytest.mark.parametrize("for_reads", [1, 3])
def test_a_fill_that_rest_shows_late_is_looked_for(at, for_reads):
    """Whichever is missing at first, the quantities tell so, and reading goes on until it is there."""
    made = traded_in_the_dark()
    left = [for_reads]

    def hide(rows: list[Any]) -> list[Any]:
        left[0] -= 1
        return without(rows, len(rows) - 3 + at) if left[0] >= 0 else rows

    made.spoil = spoil("user_trades", hide)
    report = made.repair(pauses=PAUSES)

    assert NOTHING_AMISS == made.amiss()
    assert (Proof.BALANCED, []) == (report.proof, report.lost)


def test_a_fill_that_rest_never_shows_is_named():
    """It is looked for as long as is allowed; then its symbol is named, and the sums are believed as they are."""
    made = traded_in_the_dark()
    made.spoil = spoil("user_trades", lambda rows: [row for row in rows if row["qty"] != "0.100"][:1])
    report = made.repair(pauses=PAUSES)

    assert list(PAUSES) == report.led.pauses
    assert (Proof.UNPROVEN, {"BTCUSDT"}) == (report.proof, report.recovery.unbalanced)
    assert ["fills of BTCUSDT: the quantities do not balance"] == report.lost
    assert 3 == len(made.amiss()["lost"])
    assert [] == list(made.delivery.books.chains.breaks())


def test_a_lost_fill_that_only_the_position_shows_is_named():
    """An order that nobody tells of, whose trade is not shown: the position is not what it should be."""
    made = trader()
    made.buy("0.1")
    made.miss().connect()
    made.spoil = lambda read, rows: [] if read.name in ("user_trades", "all_orders") else rows
    report = made.repair(pauses=PAUSES)

    assert ["fills of BTCUSDT: the quantities do not balance"] == report.lost
    assert Proof.UNPROVEN == report.proof


def test_a_fill_that_only_the_position_shows_is_looked_for():
    """No order is told of, and the trade comes late: what the position is not is reason enough to read again."""
    made = trader()
    made.buy("0.1")
    made.miss().connect()
    left = [2]

    def hide(read: Read, rows: list[Any]) -> list[Any]:
        if read.name == "user_trades":
            left[0] -= 1
        return [] if read.name == "all_orders" or (read.name == "user_trades" and left[0] >= 0) else rows

    made.spoil = hide
    report = made.repair(pauses=PAUSES)

    assert NOTHING_AMISS == made.amiss()
    assert ([1.0, 2.0], []) == (report.led.pauses, report.lost)


@pytest.mark.parametrize("name", ["user_trades", "all_orders", "open_orders", "open_algo_orders", "positions"])
def test_malformed_rows_are_named_and_the_repair_goes_on_with_the_rest(name):
    """One row of a kind cannot be used: it is named, once, and everything else is recovered."""
    made = trader()
    kept = made.buy("0.3", "29900")
    made.stop_order(symbol="ETHUSDT", trigger="1500")
    made.buy("1", symbol="ETHUSDT")
    made.hear()
    made.fill(kept, "0.1")
    made.buy("0.1", symbol="BNBUSDT")
    made.miss().connect()
    made.spoil = spoil(name, lambda rows: [{**row, "side": None, "positionSide": None} for row in rows[:1]] + rows[1:])
    report = made.repair(pauses=PAUSES)
    named = [words for words in report.lost if words.startswith(f"{name}[0]: ")]

    assert 1 == len(named)
    assert {"BNBUSDT"} < {fill.symbol for fill in made.fills} or name == "user_trades"
    assert Decimal("0.3") == made.delivery.account.position("BTCUSDT").amount or name == "positions"


def test_a_malformed_fill_makes_the_gap_unproven():
    """It was there and cannot be told: the quantities do not balance, and that is said too."""
    made = traded_in_the_dark()
    made.spoil = spoil("user_trades", lambda rows: [{**row, "side": None} for row in rows])
    report = made.repair(pauses=PAUSES)

    assert Proof.UNPROVEN == report.proof
    assert {
        "fills of BTCUSDT: the quantities do not balance",
        "user_trades[0]: TradeRow without a usable side",
    } <= set(report.lost)


@pytest.mark.parametrize("name", ["user_trades", "all_orders", "open_orders", "positions", "balances"])
def test_rows_that_cannot_be_read_at_first_are_read_again(name):
    """What was malformed for a moment is no loss: nothing is named, and the pages of before are read again."""
    made = traded_in_the_dark()
    made.buy("0.1", "29000")
    made.hear()
    left = [1]

    def garble(rows: list[Any]) -> list[Any]:
        left[0] -= 1
        return [{} for _ in rows] if left[0] >= 0 else rows

    made.spoil = spoil(name, garble)
    report = made.repair(pauses=PAUSES)

    assert NOTHING_AMISS == made.amiss()
    assert ([1.0], [], Proof.BALANCED) == (report.led.pauses, report.lost, report.proof)


def test_rows_that_can_never_be_read_do_not_keep_the_gap_open_for_a_minute():
    """Three more looks, while all the sums agree; then it will not get better."""
    made = trader(spoil=spoil("balances", lambda rows: [{} for _ in rows])).connect()
    report = made.repair(pauses=PAUSES)

    assert list(PAUSES[:3]) == report.led.pauses
    assert ["balances[0]: BalanceRow without a usable asset", "balances[1]: BalanceRow without a usable asset"] == (
        report.lost
    )
    assert Proof.UNPROVEN == report.proof


def test_a_page_with_a_malformed_row_is_not_done_with():
    """An interrupted repair reads it again, from where the page before it ended."""
    made = trader(page=3)
    for _ in range(6):
        made.buy("0.01")
    made.miss().connect()
    made.pass_time(3.0)
    third, fourth = (fill.trade_id for fill in made.account.fills[2:4])

    def garble(read: Read, rows: list[Any]) -> list[Any]:
        return [{} if row["id"] == fourth else row for row in rows] if read.name == "user_trades" else rows

    made.spoil = garble
    recovery = Recovery()
    _interrupted(made, recovery, after=lambda led: len(led.read("user_trades")) == 3)
    assert third == recovery.read_through["BTCUSDT"]
    made.spoil = lambda read, rows: rows
    report = made.repair(recovery=recovery, pauses=PAUSES)

    assert NOTHING_AMISS == made.amiss()
    assert third == report.led.read("user_trades")[0]["fromId"]
    assert ([], []) == (report.led.pauses, report.lost)


def test_a_malformed_balance_is_named():
    """The others are told."""
    made = trader()
    made.exchange.transfer(made.account, "USDC", "5")
    made.exchange.transfer(made.account, "USDT", "5")
    made.miss().connect()
    made.spoil = spoil(
        "balances", lambda rows: [{**row, "balance": []} if row["asset"] == "USDC" else row for row in rows]
    )
    report = made.repair()

    assert ["balances[1]: BalanceRow without a usable wallet_balance"] == report.lost
    assert made.account.balances["USDT"].wallet == made.delivery.account.balances["USDT"].wallet_balance


@pytest.mark.parametrize("how", ["malformed", "refused"])
def test_positions_that_cannot_be_read_are_not_flat(how):
    """One that cannot be read is not one that is not shown."""
    made = trader()
    made.connect()
    if how == "refused":
        made.refusing = {"positions": -1100}
    else:
        made.spoil = spoil("positions", lambda rows: [{**row, "positionAmt": None} for row in rows])
    report = made.repair(pauses=PAUSES)

    # What is refused stays so; what is malformed may be read in a moment.
    assert ([] if how == "refused" else list(PAUSES[:3])) == report.led.pauses
    assert Decimal("0.2") == made.delivery.account.position("BTCUSDT").amount


@pytest.mark.parametrize("name", ["open_orders", "open_algo_orders", "positions", "balances"])
def test_what_the_exchange_refuses_to_tell_is_named(name):
    """The rest is repaired, but what could not be looked at proves nothing."""
    made = trader()
    made.buy("0.1")
    made.miss().connect()
    made.refusing = {name: -1100}
    report = made.repair(pauses=PAUSES)
    what = name.replace("_", " ").replace("algo", "conditional")

    assert [f"{what}, which the exchange refuses with -1100"] == report.lost
    assert NOTHING_AMISS == made.amiss()
    assert Proof.UNPROVEN == report.proof


def test_trades_of_a_symbol_that_are_refused_are_named():
    """The others are recovered; of this one nobody knows."""
    made = trader()
    made.buy("0.1")
    made.miss().connect()
    report = made.repair(user_symbols=frozenset({"NONESUCH"}), pauses=PAUSES)

    assert ["trades of NONESUCH, which the exchange refuses with -1121"] == report.lost
    assert Proof.UNPROVEN == report.proof
    assert NOTHING_AMISS == made.amiss()


def test_trades_of_which_no_row_can_be_used_are_named():
    """A whole page without a usable row leads nowhere."""
    made = traded_in_the_dark()
    made.page, made.spoil = 3, spoil("user_trades", lambda rows: [{} for _ in rows])
    report = made.repair(pauses=PAUSES)

    assert "trades of BTCUSDT, which cannot be read" in report.lost
    assert Proof.UNPROVEN == report.proof


def test_a_row_of_an_order_that_is_behind_its_trades_is_asked_for_again():
    """Rows disagree: all trades are there, and the page of orders shows the order half filled and open."""
    made = traded_in_the_dark()
    (order,) = (order for order in made.account.orders.values() if order.price == 29_900)
    stale = {"executedQty": "0.100", "status": "PARTIALLY_FILLED", "updateTime": order.created_ms + 5}
    made.spoil = spoil(
        "all_orders", lambda rows: [{**row, **stale} if row["orderId"] == order.order_id else row for row in rows]
    )
    report = made.repair(pauses=PAUSES)

    assert NOTHING_AMISS == made.amiss()
    assert "FILLED" == states(report, order.order_id)[-1]
    assert [order.order_id] == [read["orderId"] for read in report.led.read("order")]


# REST behind the stream


def lagging(seconds: float) -> tuple[Trader, Report]:
    """Return a trader with a gap of three fills, then live ones, repaired while REST is so far behind."""
    made = traded_in_the_dark()
    made.buy("0.1")
    made.hear()
    caught_up_ms = made.now_ms + round(1000 * seconds)

    def lag(read: Read) -> None:
        made.exchange.rest_lag_ms = 0 if made.now_ms > caught_up_ms else round(1000 * seconds) + SETTLE_MS

    lag(Read("positions"))
    made.meanwhile = lag
    return made, made.repair(pauses=PAUSES)


@pytest.mark.fault(22)
@pytest.mark.parametrize("seconds", [3.5, 6.0, 40.0])
def test_a_repair_waits_for_rest_to_catch_up(seconds):
    """REST does not show what the stream has told: read again, later each time, until it does."""
    made, report = lagging(seconds)

    assert NOTHING_AMISS == made.amiss()
    assert (Proof.BRIDGED, []) == (report.proof, report.lost)
    assert PAUSES[: len(report.led.pauses)] == tuple(report.led.pauses)
    assert seconds <= 5.0 + sum(report.led.pauses)


def test_when_rest_does_not_catch_up_the_gap_is_unproven():
    """Live fills that REST should show by now and does not: what came before them may be missing as well."""
    _, report = lagging(1e6)

    assert list(PAUSES) == report.led.pauses
    assert Proof.UNPROVEN == report.proof
    assert "fills of BTCUSDT: REST does not show what the stream has told since" in report.lost


@pytest.mark.parametrize("seconds", [6.0, 1e6])
def test_live_fills_that_rest_does_not_show_are_all_that_tells_that_it_is_behind(seconds):
    """The gap swallowed a symbol never seen; nothing disagrees, but REST has not even what came since."""
    made = trader()
    made.buy("1", symbol="ETHUSDT")
    made.sell("1", symbol="ETHUSDT")
    made.miss().connect()
    made.buy("0.1")
    made.hear()
    caught_up_ms = made.now_ms + round(1000 * seconds)

    def lag(read: Read) -> None:
        made.exchange.rest_lag_ms = 0 if made.now_ms > caught_up_ms else 600_000

    lag(Read("positions"))
    made.meanwhile = lag
    report = made.repair(pauses=PAUSES)

    if seconds < 60:
        assert NOTHING_AMISS == made.amiss()
        assert (Proof.BRIDGED, []) == (report.proof, report.lost)
    else:
        assert list(PAUSES) == report.led.pauses
        assert Proof.UNPROVEN == report.proof
        assert ["fills of BTCUSDT: REST does not show what the stream has told since"] == report.lost


def test_rest_that_is_behind_by_less_than_the_settle_time_is_not_waited_for():
    """A fill so young that REST may not show it yet is no reason to read again."""
    made = trader()
    made.buy("0.1")
    made.miss().connect()
    made.exchange.rest_lag_ms = 1_000
    bought = []

    def trade(read: Read) -> None:
        if read.name == "all_orders" and not bought:
            bought.append(made.buy("0.1"))

    made.meanwhile = trade
    report = made.repair(pauses=PAUSES)

    assert NOTHING_AMISS == made.amiss()
    assert ([], []) == (report.led.pauses, report.lost)


# Interrupted


@pytest.mark.fault(65)
def test_an_interrupted_repair_does_not_read_its_pages_again():
    """A storm of drops is no storm of requests: what was read stays, and reading goes on where it was."""
    made = trader(page=3)
    for _ in range(20):
        made.buy("0.01")
    made.miss().connect()
    made.pass_time(3.0)
    recovery = Recovery()
    first = _interrupted(made, recovery, after=lambda led: len(led.read("user_trades")) == 6)
    for _ in range(4):
        made.buy("0.01")
    made.miss().connect()
    report = made.repair(recovery=recovery)

    assert NOTHING_AMISS == made.amiss()
    assert ([], 24) == (report.lost, len(report.tally.recovered))
    # With the fill before the gap there are 25: six pages bring 3 and then 2 new ones each, and so do seven more.
    assert (6, 7) == (len(first.read("user_trades")), len(report.led.read("user_trades")))
    assert all("fromId" in read for read in report.led.read("user_trades"))


def _interrupted(made: Trader, recovery: Recovery, after: Any) -> Led:
    """Begin a repair and break it off, before its first pause at the latest."""
    steps, led = repair(made.task(pauses=PAUSES), made.delivery.books, recovery), Led()
    reply = None
    with contextlib.suppress(StopIteration):
        while not after(led):
            step = next(steps) if reply is None else steps.send(reply)
            if isinstance(step, Pause):
                break
            led.steps.append(step)
            made.hear()
            reply = Answer() if isinstance(step, Tell) else made.answer(step)
        else:
            # The last answer is still given.
            steps.send(reply)
    steps.close()
    return led


@pytest.mark.fault(65)
def test_an_order_that_ended_in_a_second_dark_stretch_is_asked_for_again():
    """An interrupted repair saw it open; by the next one it is gone, and what was read of it is old."""
    made = trader()
    resting, stop = made.buy("0.3", "29900"), made.stop_order()
    made.hear()
    made.pass_time(86_400.0)
    made.delivery.forget_before(made.now_ms - 1_000)
    made.since_ms = made.now_ms
    made.fill(resting, "0.1")
    made.miss().connect()
    made.pass_time(3.0)
    recovery = Recovery()
    _interrupted(made, recovery, after=lambda led: len(led.read("user_trades")) >= 1)
    made.fill(resting, "0.2")
    made.exchange.cancel_algo_order(made.account, algo_id=stop)
    made.miss().connect()
    report = made.repair(recovery=recovery)

    assert NOTHING_AMISS == made.amiss()
    assert "FILLED" == states(report, resting)[-1]
    assert [(stop, "CANCELED")] == [
        (event.algo_id, event.status) for event in report.events if isinstance(event, AlgoUpdate)
    ]


# Some symbols


def test_a_targeted_repair_reads_its_symbols_alone():
    """Orders of one symbol cost 1, of all 40; no other symbol's trades are read, and no page of all orders."""
    made = trader()
    resting = made.buy("0.3", "29900")
    made.buy("1", symbol="ETHUSDT")
    made.hear()
    made.fill(resting, "0.1")
    made.miss()
    made.until_ms = made.now_ms
    made.delivery.hold(frozenset({"BTCUSDT"}))
    report = made.repair(frozenset({"BTCUSDT"}))

    assert NOTHING_AMISS == made.amiss()
    assert {"BTCUSDT"} == {read.parameters["symbol"] for read in report.led.reads if "symbol" in read.parameters}
    # The order of the fill stands among the open ones, and need not be asked for.
    assert 0 == asked(report)["order"]
    assert (0, 1, 1) == (asked(report)["all_orders"], asked(report)["open_orders"], asked(report)["user_trades"])
    assert Proof.BALANCED == report.proof


def test_a_targeted_repair_that_does_not_balance_looks_at_its_symbols_again():
    """A fill that REST shows late is waited for, and still no other symbol is read."""
    made = traded_in_the_dark()
    left = [2]

    def hide(rows: list[Any]) -> list[Any]:
        left[0] -= 1
        return rows[:-1] if left[0] >= 0 else rows

    made.spoil = spoil("user_trades", hide)
    report = made.repair(frozenset({"BTCUSDT"}), pauses=PAUSES)

    assert NOTHING_AMISS == made.amiss()
    assert ([1.0, 2.0], 0, 3) == (report.led.pauses, asked(report)["all_orders"], asked(report)["open_orders"])


def test_a_repair_of_no_symbol_reads_what_stands():
    """Only a balance was lost: two reads, and it is told."""
    made = trader()
    made.exchange.transfer(made.account, "USDT", "5")
    made.miss()
    made.until_ms = made.now_ms
    report = made.repair(frozenset())

    assert {"positions": 1, "balances": 1} == asked(report)
    assert made.account.balances["USDT"].wallet == made.delivery.account.balances["USDT"].wallet_balance


def test_a_targeted_repair_finds_its_position_flat():
    """Closed without a word: REST does not show it, and that is told."""
    made = trader()
    made.sell("0.2")
    made.miss()
    made.until_ms = made.now_ms
    report = made.repair(frozenset({"BTCUSDT"}))

    assert NOTHING_AMISS == made.amiss()
    assert {} == dict(made.delivery.account.positions)
    assert Proof.BALANCED == report.proof


def test_a_position_of_another_symbol_that_disagrees_is_not_this_repairs_business():
    """Its trades are not read, so it is not judged."""
    made = trader()
    made.buy("1", symbol="ETHUSDT")
    made.hear()
    made.buy("1", symbol="ETHUSDT")
    made.miss()
    made.until_ms = made.now_ms
    report = made.repair(frozenset({"BTCUSDT"}), pauses=PAUSES)

    assert ([], [], frozenset()) == (report.led.pauses, report.lost, report.recovery.unbalanced)


def test_a_position_of_another_symbol_that_is_gone_is_not_this_repairs_business():
    """A targeted repair invents no end of what it was not asked to look at."""
    made = trader()
    made.buy("1", symbol="ETHUSDT")
    made.hear()
    made.pass_time(10.0)
    made.sell("1", symbol="ETHUSDT")
    made.miss()
    made.until_ms = made.now_ms
    report = made.repair(frozenset({"BTCUSDT"}))

    assert {"BTCUSDT"} == {row.symbol for row in report.recovery.positions}
    assert 1 == made.delivery.account.position("ETHUSDT").amount


# Whatever happens


DEEDS = st.sampled_from(["buy", "sell", "rest", "fill", "cancel", "self", "other", "stop", "trigger", "liquidate"])


def act(made: Trader, deed: str, chance: Any) -> None:
    """Do something, if it can be done."""
    exchange, account = made.exchange, made.account
    resting = [order for order in account.open_orders.values() if order.type == "LIMIT"]
    if deed == "buy":
        made.buy("0.02")
    elif deed == "sell":
        made.sell("0.03")
    elif deed == "rest":
        made.buy("0.03", str(29_000 + chance(50)))
    elif deed == "fill" and resting:
        made.fill(resting[chance(len(resting))].order_id, "0.001")
    elif deed == "cancel" and resting:
        order = resting[chance(len(resting))]
        made.cancel(order.order_id, order.symbol)
    elif deed == "self":
        price = str(29_900 + chance(50))
        made.buy("0.004", price)
        made.sell("0.004", price, self_trade_prevention="NONE")
    elif deed == "other":
        made.place("BUY" if chance(2) else "SELL", "5", symbol=("BNBUSDT", "ADAUSDT", "BTCUSDC")[chance(3)])
    elif deed == "stop":
        made.stop_order(trigger="29990")
    elif deed == "trigger":
        exchange.set_price("BTCUSDT", "29980")
        exchange.set_price("BTCUSDT", "30000")
        made.pass_time(0.01)
    elif deed == "liquidate" and made.holds("BTCUSDT"):
        exchange.liquidate(account, "BTCUSDT")
        made.pass_time(0.01)


@pytest.mark.fault(22, 23, 58, 65)
@settings(max_examples=80, deadline=None)
@given(
    before=st.lists(DEEDS, max_size=6),
    dark=st.lists(DEEDS, max_size=10),
    meanwhile=st.lists(DEEDS, max_size=4),
    darker=st.lists(DEEDS, max_size=4),
    lag_ms=st.sampled_from([0, 1_000, SETTLE_MS - 500]),
    hidden=st.integers(0, 3),
    doubled=st.booleans(),
    break_off=st.integers(0, 12),
    chances=st.randoms(use_true_random=False),
)
def test_no_fill_is_lost_or_told_twice(before, dark, meanwhile, darker, lag_ms, hidden, doubled, break_off, chances):
    """Whatever was traded, wherever pages end, whatever REST shows late or twice, and if a repair is interrupted."""

    def do(deeds: list[str]) -> None:
        for deed in deeds:
            act(made, deed, chances.randrange)

    def live(read: Read) -> None:
        do([meanwhile.pop()] if meanwhile else [])

    def odd(read: Read, rows: list[Any]) -> list[Any]:
        if read.name == "user_trades" and len(rows) > 1 and hides:
            hides.pop()
            rows = without(rows, chances.randrange(len(rows)))
        return [row for row in rows for _ in range(1 + (doubled and read.name == "all_orders"))]

    made, hides = trader(page=3), [None] * hidden
    do(before)
    made.hear()
    made.pass_time(5.0)
    made.exchange.rest_lag_ms = lag_ms
    made.since_ms = made.now_ms
    do(dark)
    made.miss().connect()
    made.meanwhile, made.spoil = live, odd
    recovery = Recovery()
    if break_off:
        made.pass_time(SETTLE_MS / 1000)
        _interrupted(made, recovery, after=lambda led: len(led.steps) == break_off)
        do(darker)
        made.miss()
        made.until_ms = made.now_ms
    report = made.repair(recovery=recovery, pauses=PAUSES)
    made.hear()

    assert NOTHING_AMISS == made.amiss()
    assert [] == report.lost
