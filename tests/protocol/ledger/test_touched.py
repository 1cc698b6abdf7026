"""Which rows of the books the stream told something of."""

from __future__ import annotations

from binance_uds.protocol.ledger.books import Books
from binance_uds.protocol.ledger.touched import Touched
from tests.protocol.ledger.steps import T, algo, fill, position


def told(*events: object) -> Touched:
    """Return what these touch."""
    books = Books()
    for event in events:
        books.enter(event)
    return books.touched


def test_a_fill_touches_its_order_and_its_position():
    """Both sums grow with it."""
    touched = told(fill(11))

    assert Touched(orders={("BTCUSDT", 7)}, positions={("BTCUSDT", "BOTH")}) == touched


def test_an_order_that_trades_nothing_touches_no_position():
    """Its row may change all the same."""
    assert Touched(orders={("BTCUSDT", 7)}) == told(fill(11, execution_type="CANCELED"))


def test_an_account_update_touches_what_it_names():
    """Balances by asset, positions by symbol and side."""
    assert Touched(positions={("BTCUSDT", "BOTH")}, balances={"USDT"}) == told(position("0.1", T))


def test_a_conditional_order_is_touched_by_its_end_too():
    """Whoever looks finds that it is gone."""
    assert Touched(algo_orders={5}) == told(algo("NEW", T), algo("CANCELED", T + 1))


def test_nothing_is_touched_once_somebody_has_looked():
    """Until more is told."""
    touched = told(fill(11), position("0.1", T), algo("NEW", T))
    touched.clear()

    assert Touched() == touched
