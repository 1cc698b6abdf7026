"""
A stream that runs for months: what it remembers of its fills does not grow with them.

``python -m pytest tests/test_memory.py -n 0 -s --fills 10000000`` tells the story of a month with ten million fills.
"""

from __future__ import annotations

import pathlib
import tracemalloc
from collections.abc import Iterator
from decimal import Decimal

import attrs
import pytest

from binance_uds.events import usdm
from binance_uds.events.base import Event
from binance_uds.events.usdm import AccountUpdate, OrderTradeUpdate
from binance_uds.makers import maker
from binance_uds.protocol.delivery import Delivery
from binance_uds.protocol.reading.recovery import Recovery
from binance_uds.protocol.timings import Timings

PAYLOADS = pathlib.Path(__file__).parent / "payloads" / "usdm"

START_MS, MONTH_MS = 1_700_000_000_000, 30 * 86_400_000

#: An order is placed, filled four times in part and then to its end; five symbols are bought and sold in turn.
FILLS_OF_AN_ORDER, SYMBOLS, SIDES = 5, ("BTCUSDT", "ETHUSDT", "SOLUSDT", "XRPUSDT", "BNBUSDT"), ("BUY", "SELL")


def sample(name: str) -> Event:
    """Return the event that a sample payload is."""
    (event,) = Delivery(usdm.EVENTS).take((PAYLOADS / f"{name}.json").read_bytes(), 1).items
    assert isinstance(event, Event)
    return event


def events_of_a_month(fills: int) -> Iterator[list[Event]]:
    """Yield the events of each order, in the order they come, evenly spread over a month."""
    order, account = sample("ORDER_TRADE_UPDATE"), sample("ACCOUNT_UPDATE")
    assert isinstance(account, AccountUpdate)
    made, values = maker(OrderTradeUpdate), attrs.asdict(order, recurse=False)
    held = dict.fromkeys(SYMBOLS, Decimal(0))
    for number in range(fills // FILLS_OF_AN_ORDER):
        at_ms = START_MS + (number + 1) * MONTH_MS // (fills // FILLS_OF_AN_ORDER)
        symbol, side = SYMBOLS[number % len(SYMBOLS)], SIDES[number // len(SYMBOLS) % 2]
        values.update(event_time_ms=at_ms, transaction_time_ms=at_ms, trade_time_ms=at_ms, symbol=symbol, side=side)
        values.update(position_side="BOTH", order_id=8_000_000_000 + number, client_order_id=f"my-{number}")
        values.update(quantity=Decimal(FILLS_OF_AN_ORDER), execution_type="NEW", status="NEW", trade_id=0)
        values.update(last_filled_quantity=Decimal(0), filled_quantity=Decimal(0))
        told: list[Event] = [made(**values)]
        for filled in range(1, FILLS_OF_AN_ORDER + 1):
            status = "FILLED" if filled == FILLS_OF_AN_ORDER else "PARTIALLY_FILLED"
            values.update(execution_type="TRADE", status=status, last_filled_quantity=Decimal(1))
            values.update(filled_quantity=Decimal(filled), trade_id=700_000_000 + number * FILLS_OF_AN_ORDER + filled)
            told.append(made(**values))
        held[symbol] += FILLS_OF_AN_ORDER if side == "BUY" else -FILLS_OF_AN_ORDER
        balance = attrs.evolve(account.balances[0], wallet_balance=Decimal(number))
        position = attrs.evolve(account.positions[0], symbol=symbol, position_side="BOTH", amount=held[symbol])
        times = {"event_time_ms": at_ms, "transaction_time_ms": at_ms}
        told.append(attrs.evolve(account, **times, balances=(balance,), positions=(position,)))
        yield told


@pytest.mark.slow
def test_a_month_of_fills_leaves_nothing_behind(pytestconfig, record_property):
    """Once a tenth of them came, traced memory grows by less than a mebibyte; audits run as they do at the defaults."""
    count = pytestconfig.getoption("--fills")
    timings = Timings()
    delivery = Delivery(usdm.EVENTS, timings=timings, signed=True)
    delivery.ground(Recovery(), START_MS)
    audited_ms, delivered, after_a_tenth = START_MS, 0, 0
    tracemalloc.start()
    try:
        for events in events_of_a_month(count):
            at_ms = events[-1].event_time_ms or 0
            for event in events:
                # Without the frame: of what is decoded from it nothing else is kept, and a month would take hours.
                taken = delivery._told(event, b"", 1, at_ms / 1000)
                for item in taken.items:
                    # As the worker hands over: what was handed over is remembered for the cursor, too.
                    delivery.handed.take(item)
                    delivery.handed.put()
                    delivered += isinstance(item, OrderTradeUpdate) and item.is_fill
            delivery.catch_up()
            if at_ms - audited_ms >= 1000 * timings.audit_interval:
                assert [] == delivery.due(at_ms / 1000)
                audited_ms = at_ms
                delivery.forget_before(at_ms - round(1000 * timings.audit_overlap))
            if not after_a_tenth and delivered >= count // 10:
                after_a_tenth, _ = tracemalloc.get_traced_memory()
        at_the_end, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    grown = (at_the_end - after_a_tenth) / 2**20
    record_property("grown_mib", round(grown, 3))
    print(f"\n{delivered:,} fills in a month: {grown:+.3f} MiB since the first {count // 10:,}")

    assert count == delivered
    assert 1 > grown
