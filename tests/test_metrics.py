"""A stream's health as numbers for Prometheus."""

from __future__ import annotations

import subprocess
import sys
import time

import attrs
import pytest
from prometheus_client import CollectorRegistry, generate_latest

import binance_uds as uds
from binance_uds.metrics import Latency, StreamCollector, register
from binance_uds.simulator import LocalExchange

#: What is told of a stream that was never started: counts of nothing, and no ages.
AT_REST = {
    **dict.fromkeys(("events", "gaps", "blind_seconds", "reconnects", "callback_errors"), 0.0),
    **dict.fromkeys(("open_gap_seconds", "backlog"), 0.0),
}


@pytest.fixture
def registry() -> CollectorRegistry:
    """A registry of its own."""
    return CollectorRegistry(auto_describe=True)


@pytest.fixture
def stream(make_stream) -> uds.UserDataStream:
    """A signed stream whose repairs wait for nothing."""
    return make_stream(settle=0.0)


def numbers(registry: CollectorRegistry, name: str) -> dict[str, float]:
    """Return what is told of a stream without further labels, by short names."""
    return {
        sample.name.replace("binance_uds_", "").replace("_total", ""): sample.value
        for metric in registry.collect()
        for sample in metric.samples
        if sample.labels == {"stream": name} and not sample.name.endswith("_created")
    }


def states(registry: CollectorRegistry, name: str) -> dict[str, float]:
    """Return what is told of each state of a stream."""
    return {
        sample.labels["state"]: sample.value
        for metric in registry.collect()
        for sample in metric.samples
        if sample.name == "binance_uds_state" and sample.labels["stream"] == name
    }


def test_a_stream_at_rest(registry):
    """Whatever is not known yet is left out; of the states exactly one is told."""
    register(uds.UserDataStream("k" * 64, name="mine"), registry=registry)

    assert AT_REST == numbers(registry, "mine")
    assert {str(state): float(state is uds.StreamState.IDLE) for state in uds.StreamState} == states(registry, "mine")


def test_a_stream_at_work(registry, stream, ears, exchange):
    """What health says is what is scraped: a gap, a connection, a failed callback, events, proofs, the key's age."""
    register(stream, registry=registry)

    @stream.on(uds.AccountUpdate)
    def fail(event):
        raise ValueError("as a user's code may")

    with stream, stream.events(uds.AccountUpdate):
        exchange.faults.expire_key()
        closed = ears.wait_for(uds.GapClosed)
        ears.wait_for_state(uds.StreamState.LIVE, count=2)
        exchange.transfer("USDT", 1)
        ears.wait_for(uds.CallbackFailed)
        health = stream.health
        told = numbers(registry, stream.name)
        state = states(registry, stream.name)
    stopped = states(registry, stream.name)

    assert {name: float(name == "LIVE") for name in state} == state
    assert {name: float(name == "STOPPED") for name in stopped} == stopped
    assert (1.0, 1.0, 1.0, 1.0, 1.0) == tuple(
        told[name] for name in ("gaps", "reconnects", "callback_errors", "backlog", "subscription_confirmed")
    )
    assert ((closed.until_ms - closed.since_ms) / 1000, 0.0) == (told["blind_seconds"], told["open_gap_seconds"])
    assert health.events == told["events"]
    assert health.used_weight == told["used_weight"]
    for age in ("transport_proof", "key_proof", "delivery_proof", "last_event", "key"):
        assert 0.0 <= getattr(health, f"{age}_age_s") <= told[f"{age}_age_seconds"]


def test_an_open_gap_is_told_while_it_lasts(registry, stream, ears, exchange):
    """With REST away nothing closes it: it grows from scrape to scrape, and is in the total only when it is closed."""
    register(stream, registry=registry)
    with stream:
        exchange.faults.fail_rest(503, count=None)
        exchange.faults.expire_key()
        ears.wait_for(uds.GapOpened)
        first, second = (numbers(registry, stream.name) for _ in range(2))
        exchange.faults.clear()
        ears.wait_for(uds.GapClosed)
        last = numbers(registry, stream.name)

    assert 0.0 < first["open_gap_seconds"] <= second["open_gap_seconds"]
    assert (0.0, 0.0) == (second["blind_seconds"], last["open_gap_seconds"])
    assert 0.0 < last["blind_seconds"]


def test_counters_go_on_when_a_stream_is_started_again(registry, stream, ears, exchange):
    """Prometheus would take a counter that falls for a new process."""
    register(stream, registry=registry)
    with stream:
        exchange.faults.expire_key()
        ears.wait_for(uds.GapClosed)
    before = numbers(registry, stream.name)
    with stream:
        after = numbers(registry, stream.name)

    for name in ("events", "gaps", "blind_seconds", "reconnects", "callback_errors"):
        assert before[name] <= after[name]
    assert 0.0 < before["blind_seconds"]


def test_latency_is_measured_by_the_exchanges_clock(make_stream, registry, tools):
    """A clock that is an hour behind does not add an hour; each event counts once."""
    with LocalExchange(seed=1, clock_offset_ms=-3_600_000) as behind:
        stream = make_stream(api_key=behind.api_key, api_secret=behind.api_secret, market=tools.market_of(behind))
        register(stream, registry=registry, latency=True)
        ears = tools.Ears(stream)
        with stream:
            for _ in range(5):
                behind.transfer("USDT", 1)
            ears.wait_for(uds.AccountUpdate, count=5)
            told = numbers(registry, stream.name)

    assert (told["events"], 5.0) == (told["exchange_to_callback_seconds_count"],) * 2
    assert 0.0 <= told["exchange_to_callback_seconds_sum"] / 5 < tools.patience_s


def event(**changes) -> uds.AccountUpdate:
    """Return an event of just now."""
    now_ms = int(time.time() * 1000)
    return attrs.evolve(
        uds.AccountUpdate(event_time_ms=now_ms, transaction_time_ms=now_ms, reason="ORDER", balances=(), positions=()),
        **changes,
    )


def test_latency_is_not_measured_where_there_is_none():
    """Of what was read by REST, and of what bears no time; and a time that has yet to come is none ago."""
    observed: list[float] = []
    measure = Latency(uds.UserDataStream("k" * 64), observed.append)
    measure(event(origin="rest"))
    measure(event(event_time_ms=None))
    measure(event(event_time_ms=int(time.time() * 1000) + 60_000))
    measure(event(event_time_ms=int(time.time() * 1000) - 60_000))

    assert [0.0, 60.0] == [pytest.approx(seconds, abs=20.0) for seconds in observed]
    assert 0.0 == observed[0]


def test_streams_come_and_go(registry):
    """One collector tells of several streams, by name; what is removed is not told of, and costs no callback."""
    one, other = (uds.UserDataStream("k" * 64, name=name) for name in ("one", "other"))
    collector = register(one, registry=registry, latency=True)
    collector.add(other)
    collector.add(other)
    both = [bool(numbers(registry, name)) for name in ("one", "other")]
    collector.remove(one)
    collector.remove(one)

    assert [True, True] == both
    assert [False, True] == [bool(numbers(registry, name)) for name in ("one", "other")]
    assert [[], 1] == [list(one._doors._handlers), len(other._doors._handlers)]


def test_two_streams_of_one_name_are_refused():
    """Their numbers could not be told apart."""
    one, same = (uds.UserDataStream("k" * 64, name="one") for _ in range(2))

    with pytest.raises(uds.ConfigurationError, match="'one'"):
        StreamCollector(one, same)


def test_a_second_registration_is_refused_without_a_trace(registry):
    """What the registry does not take measures nothing, and the first one goes on."""
    stream = uds.UserDataStream("k" * 64, name="mine")
    register(stream, registry=registry)
    with pytest.raises(ValueError, match="binance_uds_gaps"):
        register(stream, registry=registry, latency=True)

    assert [] == list(stream._doors._handlers)
    assert numbers(registry, "mine")


def test_what_is_scraped_is_text(registry):
    """In Prometheus' format, each number with a help text and its stream's name."""
    register(uds.UserDataStream("k" * 64, name="mine"), registry=registry, latency=True)
    text = generate_latest(registry).decode()

    assert 'binance_uds_events_total{stream="mine"} 0.0' in text
    assert 'binance_uds_state{state="IDLE",stream="mine"} 1.0' in text
    assert 'binance_uds_exchange_to_callback_seconds_bucket{le="0.001",stream="mine"} 0.0' in text
    assert "# HELP binance_uds_blind_seconds_total How long" in text


def test_without_prometheus_client_the_extra_is_named():
    """The package works without it; who asks for the metrics is told what to install."""
    program = "import sys; sys.modules['prometheus_client'] = None\nimport binance_uds\nimport binance_uds.metrics"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)

    assert 1 == done.returncode
    assert "needs prometheus_client: pip install 'binance_uds[metrics]'" in done.stderr.splitlines()[-1]
