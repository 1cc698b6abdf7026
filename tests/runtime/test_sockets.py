"""The connections of one stream and its alarm pipe, against the local exchange."""

from __future__ import annotations

import functools
import gc
import itertools
import os
import ssl
import threading
import time
from collections.abc import Iterator
from typing import Any, Optional

import attrs
import pytest

from binance_uds.credentials import Credentials, Secret
from binance_uds.edges.clock import Clock
from binance_uds.markets import AccessForm, AccessPlan
from binance_uds.protocol import commands as do
from binance_uds.protocol import facts
from binance_uds.runtime import sockets as runtime_sockets
from binance_uds.runtime.edges import Read
from binance_uds.runtime.settings import Settings
from binance_uds.runtime.sockets import Sockets
from binance_uds.runtime.watch import StreamLog
from binance_uds.simulator.frames import TEXT, frame
from tests.interrupting import with_interruption

LONG_S = 60.0


@pytest.fixture
def sockets(exchange, tools) -> Iterator[Sockets]:
    opened = make_sockets(exchange, tools)
    yield opened
    opened.shut()


def make_sockets(
    exchange: Any, tools: Any, abandoned: Any = lambda: False, proxy: Optional[str] = None, **timings: float
) -> Sockets:
    settings = Settings(
        credentials=Credentials.of("k" * 64),
        market=tools.market_of(exchange),
        name="tested",
        timings=attrs.evolve(tools.timings, **timings),
        symbols=frozenset(),
        connections=1,
        proxy=None if proxy is None else Secret(proxy),
        context=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT),
        release_key=False,
        max_backlog=1,
    )
    return Sockets(settings, Clock(), abandoned, StreamLog("tested"))


def obtain_key(exchange: Any) -> Secret:
    return Secret(exchange.do(lambda model, account: model.obtain_key(account)))


def open_one(sockets: Sockets, exchange: Any, number: int = 1, form: str = AccessForm.QUERY) -> facts.Fact:
    return sockets.open(do.OpenSocket(number, AccessPlan(exchange.stream_url, form), obtain_key(exchange)))


def read_until(sockets: Sockets, number: int, enough: Any, patience_s: float) -> list[Read]:
    """Wait and read until enough came."""
    reads: list[Read] = []
    deadline = time.monotonic() + patience_s
    while not enough(reads):
        assert time.monotonic() < deadline
        sockets.wait(0.2)
        reads.append(sockets.read(number))
    return reads


def test_wake_ends_a_wait_from_another_thread(sockets, tools):
    """A wait of a minute ends at once when another thread wakes it, and the pipe is empty afterwards."""
    ended = threading.Event()
    waiting = threading.Thread(target=lambda: (sockets.wait(LONG_S), ended.set()))
    waiting.start()
    sockets.wake()

    assert ended.wait(tools.patience_s)
    waiting.join(tools.patience_s)


def test_a_wake_before_the_wait_counts(sockets, tools):
    """Woken ten thousand times before it waits, the wait ends at once and the thread is not held by a full pipe."""
    for _ in range(10_000):
        sockets.wake()
    began = time.monotonic()
    sockets.wait(LONG_S)

    assert tools.patience_s > time.monotonic() - began


def test_wake_after_the_end_does_nothing(exchange, tools):
    """A stop() that comes when everything is closed finds nothing to wake."""
    sockets = make_sockets(exchange, tools)
    sockets.shut()
    sockets.wake()


def test_a_negative_wait_looks_once(sockets):
    """A deadline that has passed does not wait."""
    sockets.wait(-5.0)

    assert () == sockets.numbers()


def test_an_event_wakes_the_wait_and_is_read(sockets, exchange, tools):
    """What the exchange pushes ends the wait and comes out whole."""
    opened = open_one(sockets, exchange)
    exchange.transfer("USDT", 5)
    reads = read_until(sockets, 1, lambda reads: any(read.frames for read in reads), tools.patience_s)
    frames = [whole for read in reads for whole in read.frames]

    assert isinstance(opened, facts.SocketOpened)
    assert 1 == opened.socket
    assert (1,) == sockets.numbers()
    assert b'"ACCOUNT_UPDATE"' in frames[0]
    assert reads[-1].alive
    assert reads[-1].lost is None


def test_a_ping_is_answered_and_proves_life(sockets, exchange, tools):
    """The pong to our ping brings no frame, and counts as life."""
    open_one(sockets, exchange)
    sent = sockets.send(do.SendPing(1))
    reads = read_until(sockets, 1, lambda reads: any(read.alive for read in reads), tools.patience_s)

    assert [] == sent
    assert [()] * len(reads) == [read.frames for read in reads]


def test_subscribe_and_list_name_our_key(sockets, exchange, tools):
    """SUBSCRIBE and LIST_SUBSCRIPTIONS go out, and the replies come in."""
    key = obtain_key(exchange)
    open_one(sockets, exchange, form=AccessForm.SUBSCRIBE)
    sockets.send(do.Subscribe(1, key))
    sockets.send(do.ListSubscriptions(1))
    reads = read_until(sockets, 1, lambda reads: sum(len(read.frames) for read in reads) >= 2, tools.patience_s)
    _, listed = [whole for read in reads for whole in read.frames]

    assert key.reveal().encode() in listed


def test_what_is_sent_on_a_connection_that_is_gone_goes_nowhere(sockets):
    """A command about a connection that does not stand any more is no error."""
    assert [] == sockets.send(do.SendPing(5))
    assert () == sockets.close(5)


def test_a_refused_connection_is_a_fact(sockets, exchange):
    """A refused handshake says so, and leaves nothing behind."""
    exchange.faults.refuse_handshake(403)
    fact = open_one(sockets, exchange)

    assert facts.SocketRefused(1, "handshake refused with HTTP 403") == fact
    assert () == sockets.numbers()


def test_a_proxy_that_became_useless_meanwhile_is_a_refusal(exchange, tools):
    """The environment may name another proxy while the stream lives; one of no use does not end its thread."""
    sockets = make_sockets(exchange, tools, proxy="socks5://127.0.0.1:1")
    fact = open_one(sockets, exchange)
    sockets.shut()

    assert isinstance(fact, facts.SocketRefused)
    assert "SOCKS" in fact.reason


def test_a_handshake_that_is_held_says_for_how_long(exchange, tools):
    """What the exchange said about waiting reaches the session, and the next handshake is not even tried."""
    # Without a time named, a 429 is obeyed for the minute in which weights are counted.
    exchange.faults.refuse_handshake(status=429, count=1)
    sockets = make_sockets(exchange, tools)
    first, second = open_one(sockets, exchange), open_one(sockets, exchange, 2)
    sockets.shut()

    assert isinstance(first, facts.SocketRefused)
    assert 60.0 == first.retry_after_s
    assert isinstance(second, facts.SocketRefused)
    assert 59.0 < (second.retry_after_s or 0.0) <= 60.0


def test_an_abandoned_opening_ends_within_moments(exchange, tools):
    """A handshake that is never answered is given up when the stream stops, long before its own time."""
    from binance_uds.simulator.faults import StallHandshake

    stopping = threading.Event()
    sockets = make_sockets(exchange, tools, stopping.is_set, plan_timeout=LONG_S)
    exchange.faults.inject(StallHandshake())
    stopping.set()
    fact = open_one(sockets, exchange)
    sockets.shut()

    assert isinstance(fact, facts.SocketRefused)
    assert "given up because the stream is stopping" in fact.reason


@pytest.mark.parametrize(
    ("how", "code", "words"),
    [
        ("close", 1001, "closed by the exchange with code 1001"),
        ("close", None, "closed by the exchange without a code"),
        ("fin", None, "without a close frame"),
        ("reset", None, "closed by the other side"),
        ("cut", None, "without a close frame"),
    ],
)
def test_the_end_of_a_connection_is_told_in_words(sockets, exchange, tools, how, code, words):
    """However a connection ends, its end is read together with why."""
    open_one(sockets, exchange)
    exchange.wait_until(lambda: exchange.connections_open == 1)
    exchange.faults.drop(how, code)
    reads = read_until(sockets, 1, lambda reads: any(read.lost for read in reads), tools.patience_s)

    assert words in str(reads[-1].lost)


def test_the_words_of_a_close_frame_are_told(sockets, exchange, tools):
    """Whoever sends more than ten messages a second is told so, and ended."""
    open_one(sockets, exchange)
    for _ in range(20):
        sockets.send(do.ListSubscriptions(1))
    reads = read_until(sockets, 1, lambda reads: any(read.lost for read in reads), tools.patience_s)

    assert "closed by the exchange with code 1008: Too many requests" == reads[-1].lost


@pytest.mark.fault(43)
def test_close_hands_out_what_had_arrived(sockets, exchange, tools):
    """Messages that arrived and were not read yet come out of close()."""
    open_one(sockets, exchange)
    exchange.wait_until(lambda: exchange.connections_open == 1)
    exchange.transfer("USDT", 1)
    exchange.transfer("USDT", 2)
    sockets.wait(LONG_S)
    held = list(sockets.close(1))

    assert 1 <= len(held)
    assert () == sockets.numbers()
    exchange.wait_until(lambda: exchange.connections_open == 0)


def test_a_flood_does_not_keep_the_loop_from_its_timers(sockets, exchange, tools):
    """One turn reads a bounded amount; the next wait does not wait, and nothing is lost."""
    size, count = 100_000, 60
    open_one(sockets, exchange)
    exchange.wait_until(lambda: exchange.connections_open == 1)
    from binance_uds.simulator.faults import RawBytes

    for _ in range(count):
        exchange.faults.inject(RawBytes(frame(TEXT, b"x" * size)))
    reads = read_until(sockets, 1, lambda reads: sum(len(read.frames) for read in reads) >= count, tools.patience_s)

    assert count == sum(len(read.frames) for read in reads)
    assert 2 * 256 * 1024 + size >= max(sum(map(len, read.frames)) for read in reads)


def test_what_is_read_and_not_yet_parsed_does_not_wait(sockets, exchange, tools):
    """Tiny frames fill our own buffer while the socket is empty: the next wait ends at once, for there is more."""
    from binance_uds.simulator.faults import RawBytes

    count = 40_000
    open_one(sockets, exchange)
    exchange.wait_until(lambda: exchange.connections_open == 1)
    exchange.faults.inject(RawBytes(frame(TEXT, b"{}") * count))
    seen, longest = 0, 0.0
    while seen < count:
        began = time.monotonic()
        sockets.wait(LONG_S)
        longest = max(longest, time.monotonic() - began)
        seen += len(sockets.read(1).frames)

    assert count == seen
    assert longest < tools.patience_s


def test_a_read_does_not_print_what_came():
    """Frames may name the listen key, so a Read prints without them."""
    assert "listen" not in repr(Read((b"listenKey",), True))


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="only Linux lists its descriptors so")
def test_shut_leaves_no_descriptor(exchange, tools):
    """Connections, pipe and selector are closed, whether or not the connections were closed before."""
    before = set(os.listdir("/proc/self/fd"))
    for _ in range(3):
        sockets = make_sockets(exchange, tools)
        open_one(sockets, exchange, 1)
        open_one(sockets, exchange, 2)
        sockets.close(1)
        sockets.shut()
    exchange.wait_until(lambda: exchange.connections_open == 0)
    tools.wait_until(lambda: len(before) >= len(os.listdir("/proc/self/fd")))


@pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")
def test_ctrl_c_at_any_step_of_an_opening_leaves_what_can_be_closed(exchange, tools):
    """The connection stands or is unknown; either way all is closed at the end, and nothing but Ctrl-C is heard of."""
    for step in itertools.count():
        sockets = make_sockets(exchange, tools)
        is_over = False
        try:
            with_interruption(functools.partial(open_one, sockets, exchange), step, (runtime_sockets,))
            is_over = True
        except KeyboardInterrupt:
            pass
        sockets.close(1)
        sockets.shut()
        if is_over:
            break
    gc.collect()

    assert step > 5
    exchange.wait_until(lambda: exchange.connections_open == 0)
