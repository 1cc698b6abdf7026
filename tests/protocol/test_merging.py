"""What a repair found becomes events: what stands, where that is news, and fills with what their order had filled."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

import pytest

from binance_uds.events.base import Event
from binance_uds.events.usdm import AccountUpdate, AlgoUpdate, OrderTradeUpdate
from binance_uds.protocol.reading.recovery import Recovery
from tests.protocol.telling import (
    NOW_MS,
    account_frame,
    fill_frame,
    frame,
    half_filled,
    order_frame,
    recovery,
    signed,
    take,
)
from tests.protocol.trader import algo_row, balance_row, order_row, position_row


def test_states_are_told_when_they_are_news():
    """Orders by their times; the account after them; nothing that the stream has told."""
    made = signed()
    take(made, order_frame(), account_frame("0", wallet="5"))
    rows = {
        **half_filled("0", status="CANCELED"),
        ("BTCUSDT", 8): order_row(8, creation_time_ms=NOW_MS, update_time_ms=NOW_MS + 10),
        ("BTCUSDT", 6): order_row(6, status="FILLED", filled_quantity=Decimal(1), update_time_ms=NOW_MS - 9_000),
    }
    found = Recovery(
        orders=rows,
        algo_orders={3: algo_row(3)},
        balances=(balance_row("5", NOW_MS), balance_row("6", NOW_MS + 60, "BNB")),
        positions=(position_row("0", NOW_MS - 9_000, symbol="ETHUSDT"),),
    )
    events, tally = made.merge(found)

    assert [6, 8, 7] == [event.order_id for event in events if isinstance(event, OrderTradeUpdate)]
    assert [3] == [event.algo_id for event in events if isinstance(event, AlgoUpdate)]
    assert [("BNB",)] == [
        tuple(balance.asset for balance in event.balances)
        for event in events
        if isinstance(event, AccountUpdate) and event.balances
    ]
    assert {"rest"} == {event.origin for event in events}
    assert (NOW_MS - 9_000, NOW_MS + 10, NOW_MS + 50, algo_row(3).update_time_ms) == tally.states
    assert ((), found) != made.merge(found)[0]
    assert () == made.merge(found)[0]


def test_an_order_is_not_moved_back_by_its_row():
    """The stream was ahead; the row is older, and no news."""
    made = signed()
    take(made, order_frame(), fill_frame(60, z="1", l="1", X="FILLED"))

    assert () == made.merge(Recovery(orders=half_filled("0.5")))[0]
    assert "FILLED" == made.account.order(7).status


def test_a_row_of_what_is_over_opens_nothing_again():
    """Read before its end was told, of an order that the account has forgotten since: it is no news."""
    made = signed()
    over = frame(
        {"e": "ALGO_UPDATE", "E": 5, "T": NOW_MS, "o": {"aid": 3, "s": "BTCUSDT", "S": "SELL", "X": "CANCELED"}}
    )
    take(made, order_frame(x="CANCELED", X="CANCELED"), over)
    made.account.begin()
    rows = {"orders": half_filled("0", status="NEW"), "algo_orders": {3: algo_row(3, update_time_ms=NOW_MS - 5)}}

    assert () == made.merge(Recovery(**rows))[0]
    assert ({}, {}) == (made.books.open_orders(), made.books.algo_orders)


# How much an order had filled


def filled(events: Iterable[Event]) -> list[tuple[int, Decimal | None]]:
    """Return trade id and running total of each recovered fill."""
    return [
        (event.trade_id, event.filled_quantity)
        for event in events
        if isinstance(event, OrderTradeUpdate) and event.is_fill and event.origin == "rest"
    ]


def test_with_every_fill_known_each_tells_what_was_filled_by_then():
    """From the order's row down, held ones in between."""
    made = signed()
    take(made, order_frame(), fill_frame(1))
    made.hold(None)
    take(made, fill_frame(4, z="0.4"))
    events, _ = made.merge(recovery(2, 3, 5, orders=half_filled("0.5")))

    assert [(2, Decimal("0.2")), (3, Decimal("0.3")), (5, Decimal("0.5"))] == filled(events)


@pytest.mark.parametrize(
    "orders", [{}, half_filled("0.3"), half_filled("0.6")], ids=["no row", "row behind", "fill missing"]
)
def test_what_does_not_add_up_tells_no_total(orders):
    """A number that is not known is None, not invented."""
    made = signed()
    take(made, order_frame(), fill_frame(1))
    made.hold(None)
    take(made, fill_frame(4, z="0.4"))

    assert {None} == {total for _, total in filled(made.merge(recovery(2, 5, orders=orders))[0])}


def test_a_fill_that_is_not_there_leaves_the_others_without_a_total():
    """The order's row says more than all fills that are known."""
    made = signed()
    take(made, order_frame(), fill_frame(1))

    assert [(2, None), (3, None)] == filled(made.merge(recovery(2, 3, orders=half_filled("0.4")))[0])


def test_behind_a_fill_that_was_delivered_no_total_is_told():
    """It would not be what the order had filled by then, as far as was told."""
    made = signed()
    take(made, order_frame(), fill_frame(1), fill_frame(4, z="0.4"))
    events, _ = made.merge(recovery(2, 3, 5, orders=half_filled("0.5")))

    assert [(2, None), (3, None), (5, Decimal("0.5"))] == filled(events)


def test_the_held_fills_of_other_orders_are_none_of_a_totals_business():
    """Nor are those of other symbols."""
    made = signed()
    take(made, order_frame())
    made.hold(None)
    take(made, fill_frame(1, i=8), fill_frame(2, s="ETHUSDT"), account_frame())
    events, _ = made.merge(recovery(3, orders=half_filled("0.1")))

    assert [(3, Decimal("0.1"))] == filled(events)
