"""The life of an order: fills and steps, in whatever order they are told, within their bounds."""

from __future__ import annotations

import random
from decimal import Decimal
from typing import Any

import attrs
import pytest

from binance_uds.account_orders import FILLS_KEPT, STEPS_KEPT, OrderStep, history, with_fill, with_step
from binance_uds.events.usdm import OrderTradeUpdate

T = 1_568_879_465_650


def told(at: int, execution_type: Any, status: Any, filled: Any = 0, **changes: Any) -> OrderTradeUpdate:
    """Return what is told of an order of 10 at 300, so many milliseconds after `T`."""
    fields: dict[str, Any] = {
        "event_time_ms": T + at + 2,
        "transaction_time_ms": T + at,
        "symbol": "BTCUSDT",
        "order_id": 1,
        "side": "BUY",
        "quantity": Decimal(10),
        "price": Decimal(300),
        "execution_type": execution_type,
        "status": status,
        "filled_quantity": Decimal(filled),
    }
    return OrderTradeUpdate(**{**fields, **changes})


def fill(trade_id: int, at: int = 0, **changes: Any) -> OrderTradeUpdate:
    """Return a fill of 1."""
    fields = {"trade_id": trade_id, "last_filled_quantity": Decimal(1), "last_filled_price": Decimal(299)}
    return told(at, "TRADE", "PARTIALLY_FILLED", trade_id, **{**fields, **changes})


def fills_of(*events: OrderTradeUpdate) -> tuple[Any, Decimal]:
    """Return the fills that these make, and what they add up to."""
    fills, counted = (), Decimal(0)
    for event in events:
        fills, more = with_fill(fills, event, event.transaction_time_ms or 0)
        counted += more
    return fills, counted


def steps_of(*events: OrderTradeUpdate) -> Any:
    """Return the steps that these make."""
    steps: Any = ()
    for event in events:
        steps = with_step(steps, event, event.transaction_time_ms or 0)
    return steps


# Fills


@pytest.mark.parametrize("seed", range(20))
def test_fills_are_in_the_order_of_their_ids(seed):
    """However they come, and some of them twice, each is there once and counts once."""
    events = [fill(trade_id) for trade_id in range(1, 8)]
    mixed = [*events, *events[:3]]
    random.Random(seed).shuffle(mixed)

    assert fills_of(*events) == fills_of(*mixed)
    assert [1, 2, 3, 4, 5, 6, 7] == [each.trade_id for each in fills_of(*mixed)[0]]


def test_a_fill_says_all_that_was_told_of_it():
    """Price, fee, profit, side of the book, time, and where it is known from."""
    event = fill(5, 3, commission=Decimal("0.1"), commission_asset="BNB", realized_profit=Decimal(2), is_maker=True)
    (found,), _ = fills_of(event)
    told_of_it = (5, 1, 299, Decimal("0.1"), "BNB", 2, True, T + 3, "TRADE", "stream", "PARTIALLY_FILLED", 5)

    assert told_of_it == attrs.astuple(found)


@pytest.mark.parametrize("backwards", [False, True])
def test_the_stream_tells_more_of_a_fill_than_rest(backwards):
    """Of a fill that both told the stream's word stands, whichever came first."""
    events = [fill(5), attrs.evolve(fill(5), origin="rest", status=None)]
    (found,), counted = fills_of(*(reversed(events) if backwards else events))

    assert ("stream", "PARTIALLY_FILLED", 1) == (found.origin, found.status, counted)


def test_the_newest_fills_are_kept():
    """Beyond the bound the oldest goes for a newer one, and one that is older than all is not taken."""
    many = [fill(trade_id) for trade_id in range(10, 10 + FILLS_KEPT + 2)]
    fills, counted = fills_of(*many, fill(3))
    late, counted_late = fills_of(*many[:-1], fill(3), many[-1])

    assert (FILLS_KEPT, 12, 11 + FILLS_KEPT) == (len(fills), fills[0].trade_id, fills[-1].trade_id)
    assert fills == late
    assert FILLS_KEPT + 2 == counted == counted_late


# Steps


@pytest.mark.parametrize("seed", range(20))
def test_a_life_is_told_in_order(seed):
    """Placed, filled in part, amended, cancelled: the same steps whichever came first or twice."""
    events = [
        told(0, "NEW", "NEW"),
        told(7, "AMENDMENT", "PARTIALLY_FILLED", 1, price=Decimal(310), quantity=Decimal(20)),
        told(9, "CANCELED", "CANCELED", 2, price=Decimal(310), quantity=Decimal(20)),
        told(7, None, "PARTIALLY_FILLED", 1, price=Decimal(310), quantity=Decimal(20), origin="rest"),
    ]
    trades = [fill(1, 5, filled_quantity=Decimal(1)), fill(2, 8, filled_quantity=Decimal(2))]
    mixed, traded = [*events, *events], [*trades, *trades]
    random.Random(seed).shuffle(mixed)
    random.Random(seed).shuffle(traded)
    life = history(fills_of(*traded)[0], steps_of(*mixed))

    assert [
        (0, "NEW", "NEW", 0, 10, 300, 0),
        (5, "TRADE", "PARTIALLY_FILLED", 1, 10, 300, 1),
        (7, "AMENDMENT", "PARTIALLY_FILLED", 1, 20, 310, 0),
        (8, "TRADE", "PARTIALLY_FILLED", 2, 20, 310, 2),
        (9, "CANCELED", "CANCELED", 2, 20, 310, 0),
    ] == [
        (
            step.time_ms - T,
            step.execution_type,
            step.status,
            step.filled_quantity,
            step.quantity,
            step.price,
            step.trade_id,
        )
        for step in life
    ]


def test_what_rest_shows_is_a_step_where_it_is_news():
    """An end that nobody heard of is told without an execution type; what was told already is not told again."""
    told_by_rest = [told(0, None, "NEW", origin="rest"), told(9, None, "CANCELED", origin="rest")]
    steps = steps_of(told(0, "NEW", "NEW"), *told_by_rest)

    assert 3 == len(steps)
    assert [("NEW", "NEW", "stream"), (None, "CANCELED", "rest")] == [
        (step.execution_type, step.status, step.origin) for step in history((), steps)
    ]


def test_the_first_step_and_the_newest_are_kept():
    """An order that is amended without end keeps when it was placed, and what happened last."""
    amendments = [told(at, "AMENDMENT", "NEW", price=Decimal(at)) for at in range(1, 3 * STEPS_KEPT)]
    steps = steps_of(told(0, "NEW", "NEW"), *amendments)

    assert STEPS_KEPT == len(steps)
    assert ("NEW", T) == (steps[0].execution_type, steps[0].time_ms)
    assert T + 3 * STEPS_KEPT - 1 == steps[-1].time_ms
    assert T + 2 * STEPS_KEPT + 1 == steps[1].time_ms


def test_an_order_without_a_life_has_none():
    """Nothing was told, or one thing."""
    placed = OrderStep(T, "NEW", "NEW", None, None, None)

    assert () == history((), ())
    assert (placed,) == history((), (placed,))
