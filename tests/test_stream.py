"""The life of a stream on real sockets: start, callbacks and queues, stop, and start again."""

from __future__ import annotations

import asyncio
import contextlib
import copy
import functools
import gc
import logging
import os
import pickle
import signal
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import attrs
import psutil
import pytest
import trustme

import binance_uds as uds
import binance_uds.stream as streams
from binance_uds.runtime import doors, shutdown
from binance_uds.runtime import worker as workers
from binance_uds.simulator import LocalExchange
from binance_uds.simulator.faults import StallHandshake
from binance_uds.stream import UserDataStream
from tests.interrupting import interrupted_at_each_step

State = uds.StreamState
PATIENCE_S = 20.0
KEY_PATH = "/fapi/v1/listenKey"


@pytest.fixture
def dead_port() -> Iterator[int]:
    """A port on loopback where nobody listens, for as long as the test runs."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]


@pytest.fixture
def blocked() -> Iterator[threading.Event]:
    """Set at the end of the test: what a blocking callback waits for."""
    event = threading.Event()
    yield event
    event.set()


# Start


def test_start_returns_live_and_stop_ends_it(stream, ears, exchange):
    """IDLE, then LIVE when start() returns, then STOPPED, each announced once and in this order."""
    before = stream.state
    stream.start()
    started = (stream.state, stream.health.why, stream.health.subscription)
    ended = stream.stop()

    assert State.IDLE is before
    assert (State.LIVE, "every proof holds", "confirmed") == started
    assert ended
    assert State.STOPPED is stream.state
    assert [State.STARTING, State.LIVE, State.STOPPED] == ears.states
    exchange.wait_until(lambda: exchange.connections_open == 0)


def test_the_with_block_starts_and_stops(stream):
    """Inside the block the stream is LIVE, behind it STOPPED."""
    with stream as entered:
        inside = stream.state

    assert stream is entered
    assert (State.LIVE, State.STOPPED) == (inside, stream.state)


def test_start_twice_is_one_stream(stream, exchange):
    """A second start() on a running stream asks the exchange for nothing more."""
    stream.start()
    stream.start()

    assert (1, 1) == (exchange.count("POST", KEY_PATH), exchange.connections_opened)


def test_start_from_several_threads_is_one_stream(stream, exchange):
    """Eight threads that start at once all find the stream LIVE, over one connection."""
    barrier = threading.Barrier(8)

    def start(_: int) -> uds.StreamState:
        barrier.wait()
        stream.start()
        return stream.state

    with ThreadPoolExecutor(8) as pool:
        states = set(pool.map(start, range(8)))

    assert {State.LIVE} == states
    assert (1, 1) == (exchange.count("POST", KEY_PATH), exchange.connections_opened)


@pytest.mark.fault(18)
def test_a_wrong_key_fails_the_start_for_good(make_stream, exchange, tools):
    """A key the exchange does not know: CredentialsRejected, FAILED with the reason, nothing left running."""
    stream = make_stream(api_key="k" * 64)
    with pytest.raises(uds.CredentialsRejected) as caught:
        stream.start()

    assert caught.value.code in (-2014, -2015)
    assert State.FAILED is stream.state
    assert str(caught.value) == stream.health.why
    assert 0 == exchange.connections_opened
    assert stream.stop()
    assert State.FAILED is stream.state


def test_a_wrong_secret_fails_the_start_although_events_would_come(make_stream, exchange):
    """The secret is proven before LIVE: a wrong one is refused at once, and the connection is closed again."""
    stream = make_stream(api_secret="s" * 64)
    with pytest.raises(uds.CredentialsRejected) as caught:
        stream.start()

    assert -1022 == caught.value.code
    assert "check the API secret" in str(caught.value)
    assert State.FAILED is stream.state
    exchange.wait_until(lambda: exchange.connections_open == 0)


def test_join_and_the_with_block_tell_what_failed_the_start(make_stream):
    """A failed start comes out of the with statement, and again out of join()."""
    stream = make_stream(api_key="k" * 64)
    with pytest.raises(uds.CredentialsRejected), stream:
        pytest.fail("the block was entered")
    with pytest.raises(uds.CredentialsRejected):
        stream.join()


def test_no_exchange_there_is_a_timeout_with_a_reason(make_stream, tools, dead_port):
    """Where nobody listens start() raises StartTimeout in time and says what stood in the way."""
    url = f"127.0.0.1:{dead_port}"
    market = attrs.evolve(uds.USDM, rest_url=f"http://{url}", stream_url=f"ws://{url}/private")
    # One attempt is enough, and while it waits for the next one the reason is the failure of the first.
    stream = make_stream(market=market, retry_first=tools.patience_s, retry_most=tools.patience_s)
    with pytest.raises(uds.StartTimeout) as caught:
        stream.start(timeout=0.3)

    assert 0.3 == caught.value.timeout
    assert f"the connection to {url} failed: refused" in caught.value.reason
    assert State.FAILED is stream.state
    assert str(caught.value) == stream.health.why


def test_a_stream_that_failed_can_be_started_again(stream, exchange):
    """FAILED stays until the next start(), which begins afresh."""
    exchange.faults.fail_rest(503, count=None)
    with pytest.raises(uds.StartTimeout):
        stream.start(timeout=0.2)
    failed = stream.state
    exchange.faults.clear()
    stream.start()

    assert (State.FAILED, State.LIVE) == (failed, stream.state)


def test_a_stopped_stream_can_be_started_again(stream, ears, exchange):
    """Restarted, the same object serves on: callbacks stay, counts go on."""
    for _ in range(2):
        with stream:
            exchange.transfer("USDT", 1)
            ears.wait_for(uds.AccountUpdate, count=_ + 1)

    assert 2 == len(ears.all_of(uds.AccountUpdate))
    assert (2, 0) == (stream.health.events, stream.health.gaps)
    assert [State.STARTING, State.LIVE, State.STOPPED] * 2 == ears.states


def test_a_start_that_was_stopped_before_it_was_live_raises(stream, exchange, tools):
    """start() returns when LIVE or raises, also when another thread stops the stream meanwhile."""
    exchange.faults.hang_rest(count=None)
    stopper = threading.Thread(
        target=lambda: (tools.wait_until(lambda: len(exchange.requests) > 0), stream.stop(tools.patience_s))
    )
    stopper.start()
    with pytest.raises(uds.UserDataStreamError, match="stopped before it was LIVE"):
        stream.start()
    stopper.join(tools.patience_s)

    assert State.STOPPED is stream.state


def test_an_exit_from_a_callback_during_the_start_comes_out_of_start(stream):
    """SystemExit on the way to LIVE ends the start with it."""

    @stream.on(uds.StateChanged)
    def leave(change: uds.StateChanged) -> None:
        raise SystemExit(7)

    with pytest.raises(SystemExit) as caught:
        stream.start()

    assert 7 == caught.value.code
    assert State.STOPPED is stream.state


# Ctrl-C; what was only half made by then is left to the garbage collection, which says so


def ends_by_itself(stream: UserDataStream) -> bool:
    """Whether nothing of it goes on, unasked, and a later stop finds nothing to do; it may never have begun."""
    worker = stream._worker
    if worker is not None and not worker.wait_ended(PATIENCE_S):
        return False
    left = [thread.name for thread in threading.enumerate() if thread.name.startswith(f"binance_uds {stream.name}")]
    return stream.stop(0) and [] == left and stream.state in (State.IDLE, State.STOPPED)


@pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")
def test_ctrl_c_at_any_step_of_a_start_ends_what_it_began(make_stream):
    """KeyboardInterrupt comes out of it, whatever the thread has come to by then; a later start is a whole one."""
    stream = make_stream(api_secret=None)
    steps = 0
    for _ in interrupted_at_each_step(stream.start, streams, workers):
        assert ends_by_itself(stream)
        steps += 1
    gc.collect()

    assert steps > 40
    assert State.LIVE is stream.state
    assert {id(stream._worker)} == {id(each) for each in shutdown._running}


@pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")
def test_ctrl_c_at_any_step_at_which_a_run_begins_or_ends_leaves_no_run_behind(stream):
    """KeyboardInterrupt comes out of it; a later start is a whole one."""
    stream.on(uds.StateChanged)(lambda change: stream.stop())

    def run() -> None:
        with contextlib.suppress(uds.UserDataStreamError):
            stream.run()

    steps = 0
    for _ in interrupted_at_each_step(run, streams, workers, doors, shutdown):
        assert ends_by_itself(stream)
        steps += 1
    gc.collect()

    assert steps > 60
    assert set() == shutdown._running
    assert stream.join(0)


def test_ctrl_c_before_the_block_could_ask_asks_all_the_same(stream, monkeypatch):
    """The stream does not go on behind the block."""

    def interrupted() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(stream, "stop", interrupted)
    with pytest.raises(KeyboardInterrupt), stream:
        pass
    monkeypatch.undo()

    assert stream._worker.wait_ended(PATIENCE_S)


def test_ctrl_c_before_a_restart_counts_nothing_twice(stream, exchange, ears, monkeypatch):
    """What the runs before had counted is taken over when there is a new one, and not before."""
    with stream:
        exchange.transfer("USDT", 1)
        ears.wait_for(uds.AccountUpdate)
    events = stream.health.events
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(stream._doors, "take_exit", lambda: signal.raise_signal(signal.SIGINT))
        stream.start()
    with stream:
        pass

    assert 0 < events == stream.health.events


# Stop


def test_stop_of_what_never_ran_is_true(stream):
    """There is nothing to wait for, and nothing changes."""
    assert stream.stop()
    assert State.IDLE is stream.state


def test_stop_twice_and_from_several_threads(stream, tools):
    """Every stop() of the same stream is told that it has ended."""
    stream.start()
    with ThreadPoolExecutor(8) as pool:
        ended = list(pool.map(lambda _: stream.stop(tools.patience_s), range(8)))

    assert [True] * 8 == ended
    assert stream.stop()
    assert State.STOPPED is stream.state


@pytest.mark.fault(43)
def test_stop_delivers_what_was_already_read(stream, exchange, tools):
    """Events that had arrived when stop() was called reach the callbacks before it returns."""
    seen: list[Any] = []
    entered, go_on = threading.Event(), threading.Event()

    @stream.on(uds.AccountUpdate)
    def slow(event: uds.AccountUpdate) -> None:
        entered.set()
        go_on.wait(tools.patience_s)
        seen.append(event)

    stream.start()
    exchange.transfer("USDT", 1)
    entered.wait(tools.patience_s)
    for amount in range(2, 6):
        exchange.transfer("USDT", amount)
    # A request behind them on the same connection's loop: what was pushed is in our socket by then.
    exchange.call(lambda model: None)
    stopper = threading.Thread(target=stream.stop, args=(tools.patience_s,))
    stopper.start()
    tools.wait_until(lambda: stream._worker is not None and stream._worker.is_stopping)
    go_on.set()
    stopper.join(tools.patience_s)

    assert 5 == len(seen)


def start_in_vain(stream: uds.UserDataStream) -> None:
    with pytest.raises(uds.UserDataStreamError):
        stream.start(timeout=120.0)


@pytest.mark.parametrize("where", ["REST", "handshake", "back-off", "black hole", "hold"])
def test_stop_does_not_wait_for_what_is_under_way(make_stream, exchange, tools, where):
    """A REST call or handshake that hangs, a wait of 15 s or an hour's hold, a dead socket: stop() ends them."""
    stream = make_stream(retry_first=15.0, retry_most=15.0, rest_timeout=60.0, plan_timeout=60.0)
    if where == "black hole":
        stream.start()
        exchange.faults.half_open()
    else:
        if where == "REST":
            exchange.faults.hang_rest(count=None)
        elif where == "handshake":
            exchange.faults.inject(StallHandshake(count=None))
        elif where == "back-off":
            exchange.faults.fail_rest(503, count=None)
        else:
            exchange.faults.fail_rest(429, count=None, retry_after=3600)
        starter = threading.Thread(target=start_in_vain, args=(stream,))
        starter.start()
        tools.wait_until(lambda: len(exchange.requests) >= 1)
        waited_for = {
            "REST": "getting a listen key",
            "handshake": "connecting to",
            "back-off": "503",
            "hold": "429",
        }[where]
        tools.wait_until(lambda: waited_for in stream.health.why)
    began = time.monotonic()
    ended = stream.stop(tools.patience_s)
    took = time.monotonic() - began
    if where != "black hole":
        starter.join(tools.patience_s)

    assert ended
    assert State.STOPPED is stream.state
    # Far below every time-out that was in force, and far above what a busy machine needs.
    assert 10.0 > took


def test_stop_during_a_blocking_callback_says_so_and_starts_no_other(stream, exchange, tools, blocked, caplog):
    """stop() returns False, the log names the callback, and no callback starts after it returned."""
    entered = threading.Event()
    seen: list[Any] = []

    @stream.on(uds.AccountUpdate)
    def blocking(event: uds.AccountUpdate) -> None:
        entered.set()
        blocked.wait(tools.patience_s)

    stream.start()
    stream.on(uds.AccountUpdate)(seen.append)
    stream.on(uds.StateChanged)(seen.append)
    exchange.transfer("USDT", 1)
    exchange.transfer("USDT", 2)
    assert entered.wait(tools.patience_s)
    with caplog.at_level(logging.WARNING, "binance_uds"):
        ended = stream.stop(timeout=0.05)
    meanwhile = stream.health
    blocked.set()
    ended_later = stream.stop(tools.patience_s)

    assert (False, True) == (ended, ended_later)
    assert State.STALE is meanwhile.state
    assert meanwhile.why.startswith("stopping, still busy with callback ")
    assert [] == seen
    assert "blocking after stop()" in caplog.text
    assert State.STOPPED is stream.state


def test_start_while_a_callback_holds_up_the_stop_waits_for_the_end(stream, exchange, tools, blocked):
    """A stream that is still stopping is not taken for a running one: start() waits, and begins anew."""
    entered = threading.Event()

    @stream.on(uds.AccountUpdate)
    def blocking(event: uds.AccountUpdate) -> None:
        stream.off(blocking)
        entered.set()
        blocked.wait(tools.patience_s)

    stream.start()
    exchange.transfer("USDT", 1)
    assert entered.wait(tools.patience_s)
    ended = stream.stop(timeout=0.05)
    with pytest.raises(uds.StartTimeout, match=r"still busy with callback .*blocking after stop"):
        stream.start(timeout=0.05)
    threading.Timer(0.05, blocked.set).start()
    stream.start()

    assert not ended
    assert State.LIVE is stream.state
    assert 2 == exchange.connections_opened


def test_a_callback_that_holds_the_thread_is_named_while_it_does(make_stream, exchange, tools, blocked):
    """Whoever asks why the stream is STALE learns which callback has been running, and for how long."""
    stream = make_stream(ping_interval=0.05, slow_callback=0.05)
    entered = threading.Event()

    @stream.on(uds.AccountUpdate)
    def blocking(event: uds.AccountUpdate) -> None:
        entered.set()
        blocked.wait(tools.patience_s)

    stream.start()
    exchange.transfer("USDT", 1)
    assert entered.wait(tools.patience_s)
    tools.wait_until(lambda: "blocking has been running for" in stream.health.why)
    state = stream.state
    blocked.set()

    assert State.STALE is state


def test_a_log_handler_that_raises_ends_nothing(stream, ears, exchange, capsys):
    """A handler is the program's code: the stream goes on, says so on standard error, and stops when told."""

    class Broken(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            raise ValueError("disk full")

    logger, broken = logging.getLogger("binance_uds"), Broken()
    logger.addHandler(broken)
    logger.setLevel(logging.DEBUG)
    try:
        with stream:
            exchange.faults.expire_key()
            ears.wait_for(uds.GapClosed)
            ears.wait_for_state(State.LIVE, 2)
    finally:
        logger.removeHandler(broken)
        logger.setLevel(logging.NOTSET)

    assert State.STOPPED is stream.state
    assert f"a log handler failed over a line of stream {stream.name}" in capsys.readouterr().err


@pytest.mark.parametrize("door", ["start", "run"])
def test_the_time_of_a_start_holds_while_hosts_are_tried(make_stream, tools, exchange, door):
    """Hosts that accept and stay silent are given up when the time is over, not one after the other."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"ws://127.0.0.1:{silent.getsockname()[1]}"
        market = attrs.evolve(tools.market_of(exchange), stream_url=f"{url}/a", other_stream_urls=(f"{url}/b",))
        stream = make_stream(market=market, plan_timeout=tools.patience_s)
        began = time.monotonic()
        with pytest.raises(uds.StartTimeout):
            getattr(stream, door)(timeout=0.3)
        took = time.monotonic() - began

    # One plan alone would have taken longer.
    assert took < tools.patience_s
    assert State.FAILED is stream.state


def test_a_second_start_with_less_patience_leaves_the_first_alone(make_stream, exchange, tools):
    """Whoever waits for a start that another thread made gives up by himself."""
    stream = make_stream(rest_timeout=0.05)
    exchange.faults.hang_rest(count=None)
    first = threading.Thread(target=stream.start)
    first.start()
    tools.wait_until(lambda: stream.state is State.STARTING)
    with pytest.raises(uds.StartTimeout):
        stream.start(timeout=0.001)
    exchange.faults.clear()
    first.join(tools.patience_s)

    assert State.LIVE is stream.state


def test_a_system_without_descriptors_fails_the_start_and_counts_nothing_twice(stream, exchange, ears, monkeypatch):
    """No socket pair to be had is an error in words, and what was counted before stays as it was."""
    with stream:
        exchange.transfer("USDT", 1)
        ears.wait_for(uds.AccountUpdate)
    events = stream.health.events
    for _ in range(2):
        with monkeypatch.context() as patch, pytest.raises(uds.UserDataStreamError, match="Too many open files"):
            patch.setattr(socket, "socketpair", lambda: (_ for _ in ()).throw(OSError(24, "Too many open files")))
            stream.start()
    with stream:
        pass

    assert events == stream.health.events


@pytest.mark.fault(9)
@pytest.mark.parametrize("release", [True, False])
def test_the_key_is_deleted_only_if_asked(make_stream, exchange, release):
    """release_key=True sends one DELETE at the end, the default none."""
    with make_stream(release_key=release):
        pass

    assert int(release) == exchange.count("DELETE", KEY_PATH)


@pytest.mark.slow
@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="only Linux lists its descriptors so")
def test_two_hundred_lives_leave_nothing_behind(make_stream, exchange, tools):
    """After 200 starts and stops there are no more descriptors and threads than after the first."""
    process = psutil.Process()
    # Looking at the account 200 times in a row would be more than the exchange allows.
    stream = make_stream(api_secret=None)
    with stream:
        pass
    exchange.wait_until(lambda: exchange.connections_open == 0)
    before = (process.num_fds(), process.num_threads())
    for _ in range(200):
        with stream:
            pass
    tools.wait_until(lambda: process.num_fds() <= before[0] and process.num_threads() <= before[1])

    assert 201 == exchange.connections_opened
    assert stream.health.gaps == 0


# Join and run


def test_join_waits_for_the_end(stream, tools):
    """join() returns False while the stream runs and True when another thread stopped it."""
    stream.start()
    while_it_runs = stream.join(timeout=0.01)
    stopper = threading.Thread(target=stream.stop)
    stopper.start()

    assert while_it_runs is False
    assert stream.join(tools.patience_s) is True
    stopper.join(tools.patience_s)


def test_run_serves_in_the_calling_thread_until_stopped(stream, exchange):
    """run() needs no thread of its own: callbacks run where it was called, and one of them stops it."""
    threads: list[Any] = []

    @stream.on(uds.StateChanged)
    def on_state(change: uds.StateChanged) -> None:
        if change.new is State.LIVE:
            exchange.transfer("USDT", 1)

    @stream.on(uds.AccountUpdate)
    def on_account(event: uds.AccountUpdate) -> None:
        threads.append(threading.current_thread())
        threads.append(stream.stop())

    stream.run()

    assert [threading.current_thread(), False] == threads
    assert State.STOPPED is stream.state


def test_run_raises_what_start_would(make_stream):
    """A wrong key comes out of run() as it comes out of start()."""
    stream = make_stream(api_key="k" * 64)
    with pytest.raises(uds.CredentialsRejected):
        stream.run()

    assert State.FAILED is stream.state


def test_run_on_a_running_stream_is_refused(stream):
    """There is one loop per stream."""
    stream.start()
    with pytest.raises(uds.ConfigurationError, match="runs already"):
        stream.run()


@pytest.mark.parametrize("exit_class", [KeyboardInterrupt, SystemExit])
@pytest.mark.parametrize("door", ["join", "run", "with"])
def test_an_exit_from_a_callback_surfaces_where_the_user_waits(stream, exchange, exit_class, door, tools):
    """KeyboardInterrupt and SystemExit stop the stream and come out of join(), run() and the with block, once."""

    @stream.on(uds.StateChanged)
    def leave(change: uds.StateChanged) -> None:
        if change.new is State.LIVE:
            raise exit_class(5)

    with pytest.raises(exit_class) as caught:
        if door == "run":
            stream.run()
        elif door == "join":
            stream.start()
            stream.join(tools.patience_s)
        else:
            with stream:
                tools.wait_until(lambda: stream.state is State.STOPPED)

    assert (5,) == caught.value.args
    assert State.STOPPED is stream.state
    assert stream.join(tools.patience_s) is True


# Callbacks


def test_a_callback_that_raises_is_announced_and_the_stream_goes_on(stream, ears, exchange):
    """The failure is a notice and a count; the same callback gets the next event."""

    @stream.on(uds.AccountUpdate)
    def failing(event: uds.AccountUpdate) -> None:
        raise ValueError("no good")

    with stream:
        exchange.transfer("USDT", 1)
        exchange.transfer("USDT", 2)
        notice = ears.wait_for(uds.CallbackFailed, count=2)

        assert (failing, ValueError) == (notice.handler, type(notice.exception))
        assert notice.event in ears.all_of(uds.AccountUpdate)
        assert (State.LIVE, 2) == (stream.state, stream.health.callback_errors)


def test_a_callback_may_stop_its_own_stream(stream, exchange, tools):
    """stop() inside a callback returns False at once and ends the stream."""
    returned: list[bool] = []

    @stream.on(uds.AccountUpdate)
    def stopping(event: uds.AccountUpdate) -> None:
        returned.append(stream.stop())

    stream.start()
    exchange.transfer("USDT", 1)

    assert stream.join(tools.patience_s)
    assert [False] == returned


def test_a_stop_over_a_recovered_fill_comes_after_the_report(make_stream, exchange, tools):
    """What a repair read back is in the user's hands by then: its gap is not closed as if nothing had been found."""
    stream = make_stream(settle=0.01, gap_margin=20.0)
    ears = tools.Ears(stream)

    @stream.on(uds.OrderTradeUpdate)
    def stopping(event: uds.OrderTradeUpdate) -> None:
        if event.origin == "rest":
            stream.stop()

    stream.start()
    exchange.faults.lose_frame(count=4)
    exchange.buy("BTCUSDT", "0.01")
    exchange.faults.garbage()

    assert stream.join(tools.patience_s)
    (report,) = ears.all_of(uds.GapClosed)
    assert 1 == report.recovered
    assert uds.Proof.UNPROVEN != report.proof


def test_a_callback_may_start_its_own_running_stream(stream, ears, exchange):
    """start() inside a callback of a running stream finds it running."""

    @stream.on(uds.AccountUpdate)
    def starting(event: uds.AccountUpdate) -> None:
        stream.start()

    with stream:
        exchange.transfer("USDT", 1)
        exchange.transfer("USDT", 1)
        ears.wait_for(uds.AccountUpdate, count=2)

        assert [] == ears.all_of(uds.CallbackFailed)
        assert 1 == exchange.connections_opened


def test_a_callback_cannot_restart_what_it_has_just_stopped(stream, exchange, tools):
    """After stop() in a callback start() would have to wait for itself, and says so."""
    errors: list[Any] = []

    @stream.on(uds.AccountUpdate)
    def restarting(event: uds.AccountUpdate) -> None:
        stream.stop()
        with pytest.raises(uds.ConfigurationError) as caught:
            stream.start()
        errors.append(str(caught.value))

    stream.start()
    exchange.transfer("USDT", 1)

    assert stream.join(tools.patience_s)
    assert ["this stream is stopping; it can be started again when it has ended"] == errors


def test_a_callback_may_start_and_stop_another_stream(stream, make_stream, exchange, ears):
    """Waiting for another stream inside a callback is fine."""
    other = make_stream()
    states: list[Any] = []

    @stream.on(uds.AccountUpdate)
    def both(event: uds.AccountUpdate) -> None:
        other.start()
        states.append(other.state)
        states.append(other.stop())

    with stream:
        exchange.transfer("USDT", 1)
        ears.wait_for(uds.AccountUpdate)
        exchange.transfer("USDT", 1)
        ears.wait_for(uds.AccountUpdate, count=2)

    assert [State.LIVE, True] * 2 == states


@pytest.mark.parametrize("wait", ["join", "get", "iterate", "run"])
def test_waiting_inside_a_callback_raises_at_once(stream, ears, exchange, wait):
    """What would wait for itself for ever says so instead."""
    queue = stream.events()
    waits = {
        "join": stream.join,
        "get": queue.get,
        "iterate": lambda: next(iter(queue)),
        "run": stream.run,
    }

    @stream.on(uds.AccountUpdate)
    def waiting(event: uds.AccountUpdate) -> None:
        waits[wait]()

    with stream:
        exchange.transfer("USDT", 1)
        notice = ears.wait_for(uds.CallbackFailed)

    assert isinstance(notice.exception, uds.ConfigurationError)
    assert "wait" in str(notice.exception)


def test_off_ends_the_calls(stream, ears, exchange):
    """What was taken off is not called again; what was never on is no error."""
    seen: list[Any] = []

    @stream.on(uds.AccountUpdate)
    def once(event: uds.AccountUpdate) -> None:
        seen.append(event)
        stream.off(once)

    stream.off(print)
    with stream:
        for count in (1, 2):
            exchange.transfer("USDT", 1)
            ears.wait_for(uds.AccountUpdate, count=count)

    assert 1 == len(seen)


def test_on_is_a_decorator_that_changes_nothing(stream):
    """The function comes back as it was, and can be registered for several classes."""

    def handler(item: Any) -> None:
        """Take it."""

    assert handler is stream.on(uds.AccountUpdate)(stream.on(uds.OrderTradeUpdate)(handler))


def test_a_slow_callback_is_named_in_a_warning(make_stream, tools, exchange, caplog):
    """The warning stands in the log with the stream's name and the callback's."""
    stream = make_stream(name="slowly", slow_callback=1e-9)
    ears = tools.Ears(stream)

    @stream.on(uds.AccountUpdate)
    def dawdling(event: uds.AccountUpdate) -> None:
        threading.Event().wait(0.001)

    with caplog.at_level(logging.WARNING, "binance_uds"), stream:
        exchange.transfer("USDT", 1)
        ears.wait_for(uds.AccountUpdate)
        exchange.transfer("USDT", 1)
        ears.wait_for(uds.AccountUpdate, count=2)

    assert "[slowly] callback" in caplog.text
    assert "dawdling took" in caplog.text


# Queues


def test_the_pull_door(stream, exchange, tools):
    """events() takes what comes from then on; get() gives it."""
    with stream, stream.events(uds.OrderTradeUpdate) as events:
        exchange.buy("BTCUSDT", "0.01")
        first = events.get(timeout=tools.patience_s)
        fill = events.get(timeout=tools.patience_s)

    assert (uds.ExecutionType.NEW, uds.ExecutionType.TRADE) == (first.execution_type, fill.execution_type)
    assert ("BTCUSDT", uds.OrderStatus.FILLED) == (fill.symbol, fill.status)


def test_events_without_a_class_takes_every_event_and_no_notice(stream, exchange, tools):
    """The default is Event; notices have to be asked for."""
    events, notices = stream.events(), stream.events(uds.Notice)
    with stream:
        exchange.transfer("USDT", 1)
        first = events.get(timeout=tools.patience_s)

    assert isinstance(first, uds.AccountUpdate)
    assert [] == list(events)
    assert [State.STARTING, State.LIVE, State.STOPPED] == [notice.new for notice in notices]


def test_iteration_ends_at_stop(stream, exchange, tools):
    """A thread in a for loop gets everything that came, and then the end."""
    seen: list[Any] = []
    events = stream.events(uds.AccountUpdate)
    reader = threading.Thread(target=lambda: seen.extend(events))
    reader.start()
    with stream:
        exchange.transfer("USDT", 1)
        exchange.transfer("USDT", 2)
        tools.wait_until(lambda: stream.health.events == 2)
    reader.join(tools.patience_s)

    assert not reader.is_alive()
    assert 2 == len(seen)
    with pytest.raises(uds.UserDataStreamError, match="no more events: stopped as asked"):
        events.get()


def test_an_unread_queue_overflows_with_the_count(make_stream, exchange, tools):
    """max_backlog bounds a queue; what it held can be read, then comes how many did not fit."""
    stream = make_stream(max_backlog=2)
    events = stream.events(uds.AccountUpdate)
    with stream:
        for _ in range(5):
            exchange.transfer("USDT", 1)
        tools.wait_until(lambda: stream.health.events == 5)
        backlog = stream.health.backlog
        events.get()
        events.get()
        with pytest.raises(uds.BacklogOverflow) as caught:
            events.get()

        assert 2 == backlog
        assert (2, 3) == (caught.value.limit, caught.value.missed)
        assert State.LIVE is stream.state


# Worth


def test_health_in_life(stream, exchange, ears):
    """A running stream knows the ages of its proofs, its key, its counts."""
    with stream:
        exchange.transfer("USDT", 1)
        ears.wait_for(uds.AccountUpdate)
        health = stream.health
        key = exchange.do(lambda model, account: model.current_key(account))
    ages = (
        health.transport_proof_age_s,
        health.key_proof_age_s,
        health.delivery_proof_age_s,
        health.last_event_age_s,
        health.key_age_s,
    )

    assert all(age is not None and 0 <= age < 60 for age in ages)
    assert uds.credentials.Secret(key).tag == health.key_tag
    assert (State.LIVE, True, 1, 0, 0, 0, False) == (
        health.state,
        health.signed,
        health.events,
        health.gaps,
        health.reconnects,
        health.callback_errors,
        health.gap_open,
    )
    assert health.used_weight is not None
    assert health.used_weight > 0
    assert health.clock_offset_ms is not None
    assert 1000 > abs(health.clock_offset_ms)


@pytest.mark.fault(19)
def test_the_exchanges_clock_is_known(make_stream, tools):
    """An exchange half a minute ahead is no reason not to sign, and the offset is shown."""
    with LocalExchange(seed=2, clock_offset_ms=30_000) as ahead:
        stream = make_stream(api_key=ahead.api_key, api_secret=ahead.api_secret, market=tools.market_of(ahead))
        with stream:
            offset_ms = stream.health.clock_offset_ms

    assert offset_ms is not None
    assert 1000 > abs(offset_ms - 30_000)


def test_the_timeline_tells_the_life(stream):
    """Steps in order, dated in UTC."""
    with stream:
        pass
    texts = [step.text for step in stream.timeline]

    assert any("listen key" in text for text in texts)
    assert any("connected to 127.0.0.1 (query form)" in text for text in texts)
    assert "stopped as asked" in texts
    assert sorted(step.at for step in stream.timeline) == [step.at for step in stream.timeline]


def test_every_log_line_carries_the_streams_name(make_stream, exchange, caplog, tools):
    """Two streams in one log can be told apart, line by line."""
    with caplog.at_level(logging.INFO, "binance_uds"):
        for name in ("one", "two"):
            with make_stream(name=name):
                pass
    lines = [record.getMessage() for record in caplog.records if record.name.startswith("binance_uds.")]

    assert {"[one]", "[two]"} == {line.split()[0] for line in lines}
    assert len(lines) > 4


def test_key_only_mode_sends_no_signed_request(make_stream, exchange):
    """Without a secret the stream is LIVE without a signed read, and says that it cannot sign."""
    with make_stream(api_secret=None) as stream:
        health = stream.health

    assert (State.LIVE, False) == (health.state, health.signed)
    assert 0 == exchange.count("GET", "/fapi/v3/balance")


@pytest.mark.fault(9)
def test_two_streams_of_one_account_each_get_everything(make_stream, exchange, tools):
    """They share the key, not the events; stopping one leaves the other alone."""
    streams = [make_stream(), make_stream()]
    queues = [stream.events(uds.AccountUpdate) for stream in streams]
    for stream in streams:
        stream.start()
    exchange.transfer("USDT", 1)
    got = [queue.get(timeout=tools.patience_s) for queue in queues]
    streams[0].stop()
    exchange.transfer("USDT", 2)
    again = queues[1].get(timeout=tools.patience_s)

    assert got[0] == got[1]
    assert isinstance(again, uds.AccountUpdate)
    assert 1 == exchange.keys_issued
    assert State.LIVE is streams[1].state


def test_over_tls_with_the_users_own_trust(make_stream, tools):
    """One ssl_context serves REST and WebSocket."""
    authority = trustme.CA()
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(server)
    client = ssl.create_default_context()
    authority.configure_trust(client)
    with LocalExchange(seed=3, ssl_context=server) as encrypted:
        stream = make_stream(
            api_key=encrypted.api_key,
            api_secret=encrypted.api_secret,
            market=tools.market_of(encrypted),
            ssl_context=client,
        )
        events = stream.events(uds.AccountUpdate)
        with stream:
            encrypted.transfer("USDT", 1)
            event = events.get(timeout=tools.patience_s)

    assert encrypted.rest_url.startswith("https://")
    assert "DEPOSIT" == event.reason


def test_over_tls_without_trust_the_start_fails_in_words(make_stream, tools):
    """A certificate nobody vouches for keeps the stream from starting, and the reason says so."""
    authority = trustme.CA()
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(server)
    with LocalExchange(seed=3, ssl_context=server) as encrypted:
        patience = tools.patience_s
        stream = make_stream(market=tools.market_of(encrypted), retry_first=patience, retry_most=patience)
        with pytest.raises(uds.StartTimeout, match="is not trusted"):
            stream.start(timeout=0.5)


@pytest.mark.skipif(not hasattr(signal, "raise_signal"), reason="needs signals")
def test_stop_from_a_signal_handler_only_asks(stream, tools, caplog):
    """In a signal handler stop() returns False without waiting or a warning; join() sees the end."""
    returned: list[bool] = []

    def handler(number: int, frame: object) -> None:
        returned.append(stream.stop())

    before = signal.signal(signal.SIGTERM, handler)
    try:
        stream.start()
        with caplog.at_level(logging.WARNING, "binance_uds"):
            signal.raise_signal(signal.SIGTERM)
        ended = stream.join(tools.patience_s)
    finally:
        signal.signal(signal.SIGTERM, before)

    assert ended
    assert [False] == returned
    assert "" == caplog.text


# Wrong use


@pytest.mark.parametrize("duplicate", [pickle.dumps, copy.copy, copy.deepcopy])
def test_a_stream_does_not_copy(stream, duplicate):
    """Neither into another process nor within this one, and the error says what to do instead."""
    with pytest.raises(TypeError, match="give another process the credentials, and make a stream there"):
        duplicate(stream)


@pytest.mark.parametrize("timeout, given", [("5", "of type str"), (float("nan"), "nan"), (True, "True")])
@pytest.mark.parametrize(
    "wait",
    [
        lambda stream, timeout: stream.join(timeout),
        lambda stream, timeout: stream.stop(timeout),
        lambda stream, timeout: stream.wait_for(uds.Event, timeout=timeout),
        lambda stream, timeout: stream.wait_until(lambda account: True, timeout=timeout),
    ],
    ids=["join", "stop", "wait_for", "wait_until"],
)
def test_a_wait_takes_a_number_of_seconds(stream, wait, timeout, given):
    """Anything else is refused at once, running or not: nan would keep a processor busy for ever."""
    with pytest.raises(uds.ConfigurationError, match=f"timeout must be a number of seconds, not {given}"):
        wait(stream, timeout)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"api_key": None}, "API key must be text"),
        ({"api_key": b"k" * 64}, "API key must be text, not bytes"),
        ({"api_key": ""}, "API key is empty"),
        ({"api_key": "  "}, "API key has white space"),
        ({"api_key": "k" * 63 + "\n"}, "API key has white space"),
        ({"api_key": "schlüssel"}, "API key has characters"),
        ({"api_secret": ""}, "API secret is empty"),
        ({"api_secret": 5}, "API secret must be text"),
        ({"api_secret": "-----BEGIN PRIVATE KEY-----\nMC4"}, "PEM text.*pass a callable"),
        ({"market": "USDM"}, "market must be a Market"),
        ({"keepalive_interval": 0.5}, "keepalive_interval must be a number of seconds from 1 to 3000, not 0.5"),
        ({"keepalive_interval": 3001}, "keepalive_interval"),
        ({"keepalive_interval": "60"}, "keepalive_interval .* not of type str"),
        ({"keepalive_interval": float("nan")}, "keepalive_interval"),
        ({"ping_interval": 0}, "ping_interval"),
        ({"ping_interval": True}, "ping_interval"),
        ({"max_backlog": 0}, "max_backlog"),
        ({"max_backlog": 1.5}, "max_backlog"),
        ({"max_backlog": True}, "max_backlog"),
        ({"timings": 5}, "timings must be a Timings"),
        ({"name": "100%"}, "name must be text on one line"),
        ({"name": "two\nlines"}, "name must be text on one line"),
        ({"name": 5}, "name must be text on one line"),
        ({"proxy": "socks5://127.0.0.1:1"}, "SOCKS"),
        ({"proxy": "nonsense"}, "malformed"),
        ({"ssl_context": "no"}, "ssl_context must be an ssl.SSLContext"),
    ],
)
def test_a_wrong_argument_gets_a_clear_error(arguments, words):
    """What cannot be right is refused before anything is sent, in words that name the argument."""
    given = {"api_key": "k" * 64, "api_secret": "s" * 64, **arguments}
    with pytest.raises(uds.ConfigurationError, match=words):
        UserDataStream(given.pop("api_key"), given.pop("api_secret"), **given)


def test_an_error_about_an_argument_does_not_repeat_a_secret():
    """Secrets passed in the wrong place are not printed."""
    canary = "Canary" + "c" * 58
    for wrong in ({"market": canary}, {"keepalive_interval": canary}, {"ssl_context": canary}, {"timings": canary}):
        with pytest.raises(uds.ConfigurationError) as caught:
            UserDataStream("k" * 64, None, **wrong)

        assert canary not in str(caught.value)


@pytest.mark.parametrize("field", ["rest_url", "stream_url"])
def test_plain_text_beyond_loopback_needs_a_word(field):
    """http:// and ws:// to another machine are refused unless the market allows it."""
    url = {"rest_url": "http://10.0.0.1", "stream_url": "ws://10.0.0.1/private"}[field]
    with pytest.raises(uds.ConfigurationError, match="allow_plaintext=True"):
        attrs.evolve(uds.USDM, **{field: url})

    assert url == getattr(attrs.evolve(uds.USDM, **{field: url}, allow_plaintext=True), field)


def test_a_context_that_does_not_verify_is_refused():
    """TLS that accepts anybody is no TLS."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with pytest.raises(uds.ConfigurationError, match="does not verify"):
        UserDataStream("k" * 64, ssl_context=context)


def test_from_env_takes_both_or_the_key_alone(monkeypatch, make_stream):
    """The secret is optional, the key is not."""
    with pytest.raises(uds.ConfigurationError, match="BINANCE_API_KEY is not set"):
        UserDataStream.from_env()
    monkeypatch.setenv("BINANCE_API_KEY", "k" * 64)
    key_only = UserDataStream.from_env(name="mine")
    monkeypatch.setenv("BINANCE_API_SECRET", "s" * 64)
    signed = UserDataStream.from_env()

    assert ("mine", False, True) == (key_only.name, key_only.health.signed, signed.health.signed)


@pytest.mark.parametrize("wrong", ["ORDER_TRADE_UPDATE", object, None, uds.OrderStatus, uds.Balance])
def test_only_event_and_notice_classes_can_be_subscribed_to(stream, wrong):
    """on() and events() refuse anything else at once."""
    with pytest.raises(uds.ConfigurationError, match="no event class"):
        stream.on(wrong)
    with pytest.raises(uds.ConfigurationError, match="no event class"):
        stream.events(uds.Event, wrong)


async def coroutine(event: Any) -> None:
    """Be awaited by nobody."""


async def generator(event: Any) -> Any:
    """Be awaited by nobody."""
    yield event


class AsyncCallable:
    """An object whose call is a coroutine."""

    async def __call__(self, event: Any) -> None:
        """Be awaited by nobody."""


@pytest.mark.parametrize("handler", [coroutine, generator, functools.partial(coroutine), AsyncCallable()])
def test_a_coroutine_is_no_callback(stream, handler):
    """Nobody would await it, so it is refused when it is registered."""
    with pytest.raises(uds.ConfigurationError, match="plain function"):
        stream.on(uds.Event)(handler)


def test_what_cannot_be_called_is_no_callback(stream):
    """Registering a value instead of a function is refused at once."""
    with pytest.raises(uds.ConfigurationError, match="must be callable, not int"):
        stream.on(uds.Event)(5)


def test_join_before_start_is_refused(stream):
    """There is nothing that could ever end."""
    with pytest.raises(uds.ConfigurationError, match="was not started; call start"):
        stream.join()


@pytest.mark.parametrize("timeout", [0, -1, None, "30", float("nan"), float("inf"), True])
def test_a_timeout_of_no_use_is_refused_before_anything_runs(stream, timeout):
    """start() and run() want a number of seconds."""
    for door in (stream.start, stream.run):
        with pytest.raises(uds.ConfigurationError, match="timeout must be a number of seconds"):
            door(timeout=timeout)

    assert State.IDLE is stream.state


def test_a_stream_works_inside_an_asyncio_program(stream, exchange, tools):
    """A program with an event loop of its own can hand events over to it."""

    async def main() -> Any:
        loop, arrived = asyncio.get_running_loop(), asyncio.Event()
        stream.on(uds.AccountUpdate)(lambda event: loop.call_soon_threadsafe(arrived.set))
        await loop.run_in_executor(None, stream.start)
        exchange.transfer("USDT", 1)
        await asyncio.wait_for(arrived.wait(), tools.patience_s)
        return stream.state

    assert State.LIVE is asyncio.run(main())
