"""The first look at an account."""

from __future__ import annotations

from binance_uds.events.usdm_rows import AccountConfigRow, SymbolConfigRow
from binance_uds.markets import USDM
from binance_uds.protocol.reading.configuration import Configuration
from binance_uds.protocol.reading.errands import Answer, Tell
from binance_uds.protocol.reading.reads import Read
from binance_uds.protocol.reading.recovery import Recovery
from binance_uds.protocol.reading.snapshot import snapshot, weight_of_first_look
from tests.protocol.trader import SETTLE_MS, START_MS, Trader, algo_row, balance_row, lead, order_row, position_row

ROWS = {
    "balances": (balance_row("5", START_MS),),
    "positions": (position_row("0.1", START_MS),),
    "open_orders": (order_row(7), order_row(7, symbol="ETHUSDT")),
    "open_algo_orders": (algo_row(3),),
    "symbol_configs": (SymbolConfigRow(symbol="BTCUSDT", leverage=5, margin_type="CROSSED"),),
    "account_config": (AccountConfigRow(is_hedge_mode=True, is_multi_assets_mode=False),),
}


def test_it_reads_what_stands_of_all_symbols():
    """Six reads, each once and of all symbols, and every row is kept."""
    led = lead(snapshot(SETTLE_MS), lambda read: Answer(ROWS[read.name], sent_ms=START_MS))
    told = [step for step in led.steps if isinstance(step, Tell)]

    assert [Read(name) for name in ROWS] == led.reads
    assert [Tell(Configuration(START_MS - SETTLE_MS, ROWS["symbol_configs"], ROWS["account_config"]))] == told
    assert (
        Recovery(
            orders={("BTCUSDT", 7): ROWS["open_orders"][0], ("ETHUSDT", 7): ROWS["open_orders"][1]},
            algo_orders={3: ROWS["open_algo_orders"][0]},
            balances=ROWS["balances"],
            positions=ROWS["positions"],
        )
        == led.found
    )


def test_its_weight_is_that_of_its_reads():
    """Four cheap ones, and two of the orders of all symbols, which are not."""
    assert 5 + 5 + 40 + 40 + 5 + 5 == weight_of_first_look(USDM)


def test_what_is_refused_or_malformed_is_not_known():
    """The rest is, and what is not known yet is met on the stream."""
    made = Trader(refusing={"positions": -1100})
    made.buy("0.1")
    made.buy("0.1", "29900")
    made.spoil = lambda read, rows: [{**row, "side": None} for row in rows]
    found = made.lead(snapshot(SETTLE_MS)).found

    assert (2, (), {}) == (len(found.balances), found.positions, found.orders)


def test_the_second_look_asks_for_what_is_gone_since_the_first():
    """REST may have shown an order that had ended: what stands in the books and is not shown is asked for singly."""
    made = Trader()
    gone, stays = made.buy("0.1", "29900"), made.buy("0.1", "29800")
    gone_stop, stop = made.stop_order(), made.stop_order()
    made.pass_time(60.0)
    made.exchange.rest_lag_ms = 5_000
    made.cancel(gone)
    made.exchange.cancel_algo_order(made.account, algo_id=gone_stop)
    made.ground()
    assert {gone, stays} == set(made.delivery.account.open_orders)

    made.pass_time(10.0)
    led = made.lead(snapshot(SETTLE_MS, made.delivery.books))
    made.delivery.ground(led.found, made.now_ms)

    assert [gone] == [read["orderId"] for read in led.read("order")]
    assert [gone_stop] == [read["algoId"] for read in led.read("algo_order")]
    assert {stays} == set(made.delivery.account.open_orders)
    assert {stop} == set(made.delivery.books.algo_orders)


def test_a_second_look_without_a_first_is_a_first():
    """Before the account was read whole nothing is known to be gone."""
    made = Trader()
    made.buy("0.1", "29900")
    made.hear()
    made.cancel(*made.account.open_orders)
    made.miss()

    assert 6 == len(made.lead(snapshot(SETTLE_MS, made.delivery.books)).reads)
