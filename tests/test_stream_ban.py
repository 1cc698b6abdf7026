"""REST turns the address away while a gap is open: events flow all the same, and nobody takes the gap for over."""

from __future__ import annotations

import re

import pytest

import binance_uds as uds

State = uds.StreamState
OPEN_ORDERS = "/fapi/v1/openOrders"

#: For so long the exchange wants no request; the stream asks nothing meanwhile, and knows when it is over.
BAN_S = 3
#: And for so long at most events wait for the repair.
MAX_HOLD_S = 0.5


@pytest.fixture
def stream(make_stream):
    """A signed stream, as the one at work but for its shorter waits."""
    return make_stream(settle=0.1, max_hold=MAX_HOLD_S)


def drop_and_sell(exchange, quantity: str) -> None:
    """Let the connection end, and trade before there is another one."""
    exchange.faults.slow_rest(0.3, method="POST")
    exchange.faults.drop()
    exchange.sell("BTCUSDT", quantity)


def ban(exchange, seconds: int) -> None:
    """Let the exchange ban the address at its next read of open orders, which a repair begins with."""
    # The account is looked at twice after the start.
    exchange.wait_until(lambda: exchange.count("GET", OPEN_ORDERS) == 2)
    exchange.faults.fail_rest(418, retry_after=seconds, path=OPEN_ORDERS)


def test_live_events_flow_while_a_ban_keeps_the_gap_open(stream, ears, exchange):
    """After ``max_hold``; the gap stays open and visible until it is repaired, and its report is complete."""
    with stream:
        exchange.buy("BTCUSDT", "0.010")
        ears.wait_for(uds.OrderTradeUpdate, lambda event: event.is_fill)
        ban(exchange, BAN_S)
        drop_and_sell(exchange, "0.001")
        ears.wait_for_state(State.REPAIRING)
        exchange.sell("BTCUSDT", "0.002")
        waited = ears.wait_for(uds.OrderTradeUpdate, lambda event: event.is_fill, count=2)
        exchange.sell("BTCUSDT", "0.003")
        followed = ears.wait_for(uds.OrderTradeUpdate, lambda event: event.is_fill, count=3)
        banned = (stream.state, stream.health.gap_open, stream.account.trusted)
        requests = len(exchange.requests)
        closed = ears.wait_for(uds.GapClosed)
        banned_ms = [at_ms for at_ms, _, path in exchange.requests[:requests] if path == OPEN_ORDERS][-1]
        asked_ms = exchange.requests[requests][0]
        ears.wait_for_state(State.LIVE, count=2)
        truth = exchange.truth()
        account = stream.wait_until(lambda account: account.trusted)
    late = ears.all_of(uds.OrderTradeUpdate, lambda event: event.is_fill)[3]

    assert (State.REPAIRING, True, False) == banned
    assert [("stream", False)] * 2 == [(event.origin, event.late) for event in (waited, followed)]
    assert ("rest", True, "0.001") == (late.origin, late.late, str(late.last_filled_quantity))
    assert (1, 1) == (closed.recovered, closed.late)
    assert closed.proof in (uds.Proof.BRIDGED, uds.Proof.BALANCED)
    assert 1000 * BAN_S <= asked_ms - banned_ms
    assert [State.STARTING, State.LIVE, State.STALE, State.REPAIRING, State.LIVE, State.STOPPED] == ears.states
    assert truth["positions"] == {key: row.amount for key, row in account.positions.items()}


def test_a_ban_of_an_hour_holds_nothing_back_for_longer(stream, ears, exchange):
    """However long the exchange wants no request, live events wait for ``max_hold`` and not for its end."""
    with stream:
        ban(exchange, 3_600)
        exchange.faults.drop()
        ears.wait_for_state(State.REPAIRING)
        for count in (1, 2, 3):
            exchange.buy("BTCUSDT", "0.001")
            ears.wait_for(uds.OrderTradeUpdate, lambda event: event.is_fill, count)
        health = stream.health
        looks = exchange.count("GET", OPEN_ORDERS)
    told = [step.text for step in stream.timeline]

    assert (State.REPAIRING, True) == (health.state, health.gap_open)
    # The message names the end of the ban to the millisecond, the header its length.
    assert any(re.search(r"418.*; no read for 360[01] s", text) for text in told)
    assert any("events are delivered while the gap is still open" in text for text in told)
    # Two at the start, and the one that was turned away.
    assert 3 == looks
    assert uds.Proof.UNPROVEN == ears.all_of(uds.GapClosed)[0].proof


def test_nothing_waits_for_a_repair_that_nobody_wants_to_wait_for(make_stream, exchange, tools):
    """With ``max_hold=0`` events come as they are; what the repair finds comes late."""
    stream = make_stream(settle=0.1, max_hold=0)
    ears = tools.Ears(stream)
    with stream:
        drop_and_sell(exchange, "0.001")
        ears.wait_for_state(State.REPAIRING)
        exchange.buy("BTCUSDT", "0.002")
        first = ears.wait_for(uds.OrderTradeUpdate, lambda event: event.is_fill)
        closed = ears.wait_for(uds.GapClosed)
    fills = ears.all_of(uds.OrderTradeUpdate, lambda event: event.is_fill)

    assert ("stream", "0.002") == (first.origin, str(first.last_filled_quantity))
    assert [False, True] == [fill.late for fill in fills]
    assert (1, 1) == (closed.recovered, closed.late)
