"""What a repair has found so far."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from binance_uds.events.notices import Proof
from binance_uds.protocol.reading.recovery import Recovery, flat_row
from tests.protocol import told
from tests.protocol.told import BTC, ETH


def test_at_first_nothing_was_found():
    """And nothing is shared between two of them."""
    made = Recovery()
    made.add_orders([told.order_row()])
    made.lose("order 1")

    assert Proof.SETTLED == made.proof
    assert ({}, []) == (Recovery().orders, Recovery().unrecoverable)


def test_orders_are_kept_by_symbol_and_id():
    """Two symbols count their orders apart."""
    rows = [told.order_row(order_id=1), told.order_row(order_id=2), told.order_row(order_id=1, symbol=ETH)]
    found = Recovery()
    found.add_orders(iter(rows))

    assert {(BTC, 1): rows[0], (BTC, 2): rows[1], (ETH, 1): rows[2]} == found.orders


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        (told.order_row(2, "CANCELED", at_ms=10), told.order_row(1, at_ms=11)),
        (told.order_row(1, at_ms=10), told.order_row(2, at_ms=10)),
        (told.order_row(1, "PARTIALLY_FILLED", at_ms=10), told.order_row(1, "EXPIRED", at_ms=10)),
        (told.order_row(1, "CANCELED", at_ms=10), told.order_row(2, "FILLED", at_ms=10)),
    ],
    ids=["time", "fills", "end", "fills and end"],
)
def test_the_newest_row_of_an_order_is_kept(older, newer):
    """Whichever was read first: the pages of an answer, and two answers, may disagree."""
    for rows in ([older, newer], [newer, older]):
        found = Recovery()
        found.add_orders(rows)

        assert {(BTC, 1): newer} == found.orders


def test_of_rows_that_say_the_same_the_last_is_kept():
    """What else it says may be news."""
    first, last = told.order_row(quantity=Decimal(1)), told.order_row(quantity=Decimal(2))
    found = Recovery()
    found.add_orders([first])
    found.add_orders([last])

    assert last is found.orders[BTC, 1]


@given(st.lists(st.tuples(st.integers(1, 3), st.integers(0, 3), st.sampled_from(["NEW", "CANCELED"]))), st.data())
def test_it_does_not_matter_in_which_order_rows_are_read(rows, data):
    """Nor how often."""
    read = [told.order_row(total, status, at_ms=at_ms) for at_ms, total, status in rows]
    found, again = Recovery(), Recovery()
    found.add_orders(read)
    again.add_orders([*data.draw(st.permutations(read)), *read[:1]])

    assert found == again


def test_what_is_lost_is_named_once():
    """In the order in which it was found to be."""
    found = Recovery()
    for what in ("order 1", "order 2", "order 1"):
        found.lose(what)

    assert ["order 1", "order 2"] == found.unrecoverable


def test_a_position_that_is_not_shown_is_flat():
    """As of a moment that whoever asks knows."""
    row = flat_row((BTC, "LONG"), 120)

    assert (BTC, "LONG", 0, 120) == (row.symbol, row.position_side, row.amount, row.update_time_ms)
    assert (0, 0, 0) == (row.entry_price, row.unrealized_profit, row.isolated_wallet)
