"""
The figures of the README, measured anew: ``python -m pytest tests/test_figures.py -n 0 -s`` prints them.

What is asserted are generous bounds; what is printed and recorded is what came out on this machine.
"""

from __future__ import annotations

import math
import time
import tracemalloc
from collections.abc import Callable, Sequence
from typing import Any

import attrs
import pytest

import binance_uds as uds
from binance_uds.protocol import commands as do
from binance_uds.protocol.facts import Call
from binance_uds.protocol.identity import Delivered, fill_id
from binance_uds.protocol.ledger.handed import Handed
from binance_uds.protocol.reading import reads
from binance_uds.simulator import LocalExchange
from binance_uds.simulator.exchange import Exchange
from binance_uds.simulator.records import Account
from binance_uds.simulator.rules import Rules
from tests.protocol import told
from tests.protocol.driving import signed

#: A repair every few moments is more than an address could pay for at work, so nobody counts here.
UNLIMITED = 1_000_000_000

#: On what evidence a gap is proven.
PROVEN = {uds.Proof.BRIDGED, uds.Proof.BALANCED, uds.Proof.SETTLED}


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value that so large a share of all does not exceed."""
    return sorted(values)[math.ceil(share * len(values)) - 1]


@attrs.define
class Stopwatch:
    """Tells when a stream was LIVE again, and what it said about its gaps."""

    stream: uds.UserDataStream
    live_at: list[float] = attrs.field(factory=list)
    closed: list[uds.GapClosed] = attrs.field(factory=list)

    def __attrs_post_init__(self) -> None:
        self.stream.on(uds.StateChanged)(self._hear_state)
        self.stream.on(uds.GapClosed)(self.closed.append)

    def _hear_state(self, change: uds.StateChanged) -> None:
        if change.new is uds.StreamState.LIVE:
            self.live_at.append(time.monotonic())


@pytest.fixture
def exchange():
    """A local exchange that counts no request weight."""
    with LocalExchange(seed=1, rules=Rules(weight_per_minute=UNLIMITED)) as running:
        yield running


@pytest.fixture
def make_watch(exchange, make_stream, tools) -> Callable[..., Stopwatch]:
    """Makes streams with the timings of a stream at work, but for those given, each with a stopwatch."""

    def make(account: Any, **timings: Any) -> Stopwatch:
        return Stopwatch(
            make_stream(
                api_key=account.api_key,
                api_secret=account.api_secret,
                market=tools.market_of(exchange, weight_limit=UNLIMITED),
                timings=uds.Timings(weight_most=UNLIMITED, **timings),
            )
        )

    return make


def expire(account: Any) -> float:
    """Let an account's key expire, and trade before anybody can do anything about it; returns when that was."""

    def expire_and_buy(exchange: Exchange, of: Account) -> None:
        exchange.expire_key(of, notices=1)
        exchange.place_order(of, symbol="BTCUSDT", side="BUY", type="MARKET", quantity="0.001")

    before = time.monotonic()
    account.do(expire_and_buy)
    return before


def tell(record: Callable[[str, object], None], name: str, settle: float, values: Sequence[float]) -> None:
    """Print and record the percentiles of what was measured."""
    half, most = percentile(values, 0.5), percentile(values, 0.99)
    record(f"{name}_p50_s", round(half, 3))
    record(f"{name}_p99_s", round(most, 3))
    print(
        f"\nexpiry to LIVE with the gap proven, settle {settle:g} s, {len(values)} expiries: "
        f"p50 {half:.3f} s, p99 {most:.3f} s"
    )


@pytest.mark.fault(1)
@pytest.mark.slow
def test_expiry_to_live_at_the_defaults(exchange, make_watch, tools, record_property):
    """Three seconds of it are those that REST may lag behind; twenty streams, one after the other."""
    accounts = [exchange.add_account(f"number {number}") for number in range(20)]
    watches = [make_watch(account) for account in accounts]
    for watch in watches:
        watch.stream.start()
    expired_at = []
    for account, watch in zip(accounts, watches):
        expired_at.append(expire(account))
        # A while apart, so that none waits for another.
        watch.stream.join(timeout=0.2)
    tools.wait_until(lambda: all(len(watch.live_at) > 1 for watch in watches))
    seconds = [watch.live_at[1] - at for watch, at in zip(watches, expired_at)]
    tell(record_property, "expiry_to_live_proven", uds.Timings().settle, seconds)

    assert {1} == {len(watch.closed) for watch in watches}
    assert PROVEN >= {watch.closed[0].proof for watch in watches}
    assert {1} == {watch.closed[0].recovered for watch in watches}
    assert uds.Timings().settle <= min(seconds)
    assert 4.0 > percentile(seconds, 0.5)
    assert 8.0 > percentile(seconds, 0.99)


@pytest.mark.slow
def test_expiry_to_live_without_settling(exchange, make_watch, tools, record_property):
    """What remains when REST is believed at once: a key, a connection and the reads; two hundred times over."""
    # Else a stream whose key expires again and again would slow down.
    watch = make_watch(exchange.account, settle=0, short_life=0.001)
    seconds = []
    with watch.stream:
        for number in range(1, 201):
            at = expire(exchange.account)
            tools.wait_until(lambda number=number: len(watch.live_at) > number)
            seconds.append(watch.live_at[-1] - at)
    tell(record_property, "expiry_to_live_proven_unsettled", 0, seconds)

    assert PROVEN >= {report.proof for report in watch.closed}
    assert {1} == {report.recovered for report in watch.closed}
    assert 0.5 > percentile(seconds, 0.5)
    assert 2.0 > percentile(seconds, 0.99)


#: What the calls count that are no reads. Source: USDⓈ-M Futures REST pages.
CALL_WEIGHTS = {Call.REQUEST_KEY: 1, Call.PROBE_KEY: 1, Call.READ_CLOCK: 1, Call.READ_BALANCES: 5}


def test_request_weight_at_rest(record_property):
    """A signed stream on which nothing happens for a day asks for at most 25 of the 2,400 a minute that are allowed."""
    drive = signed().live().run(86_400.0)
    weight = sum(CALL_WEIGHTS[made.call] for made in drive.commanded(do.Make))
    weight += sum(reads.weight(made.read, uds.USDM) for made in drive.commanded(do.MakeRead))
    a_minute = weight / (drive.seconds / 60)
    record_property("weight_a_minute_at_rest", round(a_minute, 1))
    print(f"\nrequest weight at rest: {a_minute:.1f} a minute")

    assert 25 >= a_minute


def test_memory_of_a_million_fills(record_property):
    """What was delivered since the last audit is remembered, also for the cursor, and forgotten after it."""
    count, first_ms = 200_000, 1_700_000_000_000
    delivered, handed = Delivered(), Handed()
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        for number in range(count):
            fill = told.fill(
                700_000_000 + number, 1, 1, at_ms=first_ms + number, order_id=8_000_000_000 + number, symbol="BTCUSDT"
            )
            delivered.add_fill(fill_id(fill), first_ms + number)
            handed.take(fill)
            handed.put()
        kept, _ = tracemalloc.get_traced_memory()
        delivered.forget_before(first_ms + count)
        handed.forget_before(first_ms + count)
        forgotten, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    a_fill = (kept - before) / count
    record_property("bytes_a_fill", round(a_fill))
    print(f"\nmemory of what was delivered: {a_fill:.0f} bytes a fill, {a_fill * 1e6 / 2**20:.0f} MiB a million")

    assert 500 > a_fill
    # The interpreter keeps some of what is freed for itself.
    assert 2**20 > forgotten - before
