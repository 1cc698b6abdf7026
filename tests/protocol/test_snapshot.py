"""The first look at an account."""

from __future__ import annotations

from binance_uds.protocol import reads, recovered
from binance_uds.protocol.books import Books
from binance_uds.protocol.chains import Chains
from binance_uds.protocol.errands import Answer
from binance_uds.protocol.reads import Read
from binance_uds.protocol.recovery import Recovery
from binance_uds.protocol.snapshot import snapshot
from tests.protocol.reading import START_MS, Trader, algo_row, balance_row, lead, order_row, position_row

ROWS = {
    "balances": (balance_row("5", START_MS),),
    "positions": (position_row("0.1", START_MS),),
    "open_orders": (order_row(7), order_row(7, symbol="ETHUSDT")),
    "open_algo_orders": (algo_row(3),),
}


def test_it_reads_what_stands_of_all_symbols():
    """Four reads, each once and of all symbols, and every row is kept."""
    led = lead(snapshot(), lambda read: Answer(ROWS[read.name]))

    assert [Read(name) for name in ROWS] == led.reads
    assert (
        Recovery(
            orders={("BTCUSDT", 7): ROWS["open_orders"][0], ("ETHUSDT", 7): ROWS["open_orders"][1]},
            algo_orders={3: ROWS["open_algo_orders"][0]},
            balances=ROWS["balances"],
            positions=ROWS["positions"],
        )
        == led.found
    )


def test_what_is_refused_or_malformed_is_not_known():
    """The rest is, and what is not known yet is met on the stream."""
    made = Trader(refusing={"positions": -1100})
    made.buy("0.1")
    made.buy("0.1", "29900")
    made.spoil = lambda read, rows: [{**row, "side": None} for row in rows]
    found = made.lead(snapshot()).found

    assert (2, (), {}) == (len(found.balances), found.positions, found.orders)


def test_the_second_look_asks_singly_for_what_is_gone():
    """An order and a conditional order that stood at the first look, and are not open any more."""
    books = Books(chains=Chains(START_MS))
    for row in (order_row(7), order_row(8)):
        books.chains.order_row(recovered.order_state(row), START_MS)
    for algo in (algo_row(3), algo_row(4)):
        books.enter(recovered.algo_state(algo))
    rows = {**ROWS, "open_orders": (order_row(7),), "order": (order_row(8),), "algo_order": (algo_row(4),)}
    led = lead(snapshot(books), lambda read: Answer(rows[read.name]))

    assert [reads.order("BTCUSDT", 8), reads.algo_order(4)] == led.reads[4:]
    assert {("BTCUSDT", 7), ("BTCUSDT", 8)} == set(led.found.orders)
    assert {3, 4} == set(led.found.algo_orders)


def test_the_second_look_asks_for_all_that_stands_as_long_as_the_first_found_nothing():
    """Without it nobody knows what should stand."""
    led = lead(snapshot(Books()), lambda read: Answer(ROWS[read.name]))

    assert [Read(name) for name in ROWS] == led.reads
