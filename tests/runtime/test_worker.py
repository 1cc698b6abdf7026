"""The thread of a stream, with edges that do what a test tells them."""

from __future__ import annotations

import json
import logging
import os
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable
from decimal import Decimal
from typing import Any, Optional, Union

import attrs
import pytest

import binance_uds as uds
from binance_uds.account import Account
from binance_uds.credentials import Secret
from binance_uds.edges.clock import Clock
from binance_uds.instants import Instant
from binance_uds.protocol import commands as do
from binance_uds.protocol import facts
from binance_uds.protocol.delivery import Delivery
from binance_uds.protocol.facts import Call
from binance_uds.protocol.plans import PlanWalk
from binance_uds.protocol.reading import reads
from binance_uds.protocol.reading.reads import Rows
from binance_uds.protocol.reading.recovery import Recovery
from binance_uds.protocol.session import Session
from binance_uds.protocol.subscriptions import LIST_SUBSCRIPTIONS
from binance_uds.runtime.cursors import CursorKeeper, CursorStore
from binance_uds.runtime.doors import Doors
from binance_uds.runtime.edges import Read
from binance_uds.runtime.watch import Health, StreamLog, Timeline
from binance_uds.runtime.worker import Worker
from tests.protocol.trader import balance_row, order_row, position_row, trade_row

PATIENCE_S = 20.0
KEY = "CanaryListenKey" + "l" * 49
TRANSFER = b'{"e":"ACCOUNT_UPDATE","E":5,"T":4,"a":{"m":"DEPOSIT","B":[],"P":[]}}'
#: Another one, for a copy of the first is not delivered.
ANOTHER = TRANSFER.replace(b'"T":4', b'"T":6')
EXPIRY = b'{"e":"listenKeyExpired","E":"5","listenKey":"%s"}' % KEY.encode()


class FakeCalls:
    """REST that grants one key after another and confirms them, unless a test says otherwise."""

    used_weight = 5

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.made: list[Call] = []
        self.reads: list[str] = []
        self.rows: dict[str, tuple[Any, ...]] = {}
        self.failing: Optional[uds.UserDataStreamError] = None
        self.released = 0
        self.closed = False
        self.instead: dict[Union[Call, str], Callable[[], Any]] = {}

    def make(self, command: do.Make) -> facts.Fact:
        """Answer."""
        self.made.append(command.call)
        if command.call in self.instead:
            self.instead[command.call]()
        now = self._clock.now()
        if command.call is Call.REQUEST_KEY:
            return facts.KeyGranted(command.generation, Secret(KEY), now)
        if command.call is Call.PROBE_KEY:
            return facts.KeyNamed(command.generation, Secret(KEY), now)
        if command.call is Call.READ_BALANCES:
            return facts.BalancesRead(command.generation)
        return facts.ClockRead(now.wall_ms, now, now)

    def read(self, command: do.MakeRead) -> facts.Fact:
        """Answer with the rows there are."""
        sent_at, name = self._clock.now(), command.read.name
        self.reads.append(name)
        if name in self.instead:
            self.instead[name]()
        if self.failing is not None:
            return facts.ReadFailed(command.errand, command.read, self.failing, sent_at)
        rows = Rows(self.rows.get(name, ()))
        return facts.RowsRead(command.errand, command.read, rows, sent_at)

    def release_key(self) -> None:
        """Count."""
        self.released += 1

    def close(self) -> None:
        """Be closed."""
        self.closed = True


class FakeSockets:
    """Connections that open, answer LIST_SUBSCRIPTIONS, and bring what a test puts into them."""

    def __init__(self) -> None:
        self.inbox: deque[bytes] = deque()
        self.open_numbers: list[int] = []
        self.waits: list[float] = []
        self.at_close: tuple[bytes, ...] = ()
        self.shut_calls = 0
        self.instead: dict[str, Callable[[], Any]] = {}
        self._woken = threading.Event()

    def _maybe(self, what: str) -> None:
        if what in self.instead:
            self.instead[what]()

    def put(self, frame: bytes) -> None:
        """Let a frame arrive."""
        self.inbox.append(frame)
        self.wake()

    def wake(self) -> None:
        """End a wait."""
        self._woken.set()

    def wait(self, seconds: float) -> None:
        """Wait."""
        self.waits.append(seconds)
        self._maybe("wait")
        self._woken.wait(min(max(seconds, 0.0), PATIENCE_S))
        self._woken.clear()

    def open(self, command: do.OpenSocket) -> facts.Fact:
        """Open."""
        self._maybe("open")
        self.open_numbers.append(command.socket)
        return facts.SocketOpened(command.socket, Clock().now())

    def send(self, command: Any) -> list[facts.Fact]:
        """Answer."""
        self._maybe("send")
        if isinstance(command, do.ListSubscriptions):
            assert "LIST_SUBSCRIPTIONS" in LIST_SUBSCRIPTIONS
            self.put(b'{"result":["%s"],"id":2}' % KEY.encode())
        return []

    def numbers(self) -> tuple[int, ...]:
        """List."""
        return tuple(self.open_numbers)

    def read(self, number: int) -> Read:
        """Read everything."""
        self._maybe("read")
        frames = tuple(self.inbox.popleft() for _ in range(len(self.inbox)))
        return Read(frames, bool(frames))

    def close(self, number: int) -> tuple[bytes, ...]:
        """Close."""
        self._maybe("close")
        self.open_numbers.remove(number)
        return self.at_close

    def shut(self) -> None:
        """Close everything."""
        self.shut_calls += 1
        self._maybe("shut")


@attrs.define
class Bench:
    """A worker and its fakes."""

    worker: Worker
    calls: FakeCalls
    sockets: FakeSockets
    doors: Doors
    items: list[Any]
    timeline: Timeline

    def live(self) -> Bench:
        """Start, and wait until it settled."""
        self.worker.start("tested", PATIENCE_S)
        assert self.worker.wait_settled(PATIENCE_S)
        return self

    def until(self, condition: Callable[[], bool]) -> None:
        """Wait until something is so."""
        deadline = time.monotonic() + PATIENCE_S
        while not condition():
            assert time.monotonic() < deadline, f"it did not become so: {self.timeline.steps()}"
            self.worker.wait_ended(0.01)

    def notices(self, notice_class: type[Any]) -> list[Any]:
        """List what was announced."""
        return [item for item in self.items if isinstance(item, notice_class)]


@pytest.fixture
def make_bench():
    benches: list[Bench] = []

    def make(
        clock: Optional[Clock] = None, signed: bool = False, store: Optional[CursorStore] = None, **options: Any
    ) -> Bench:
        clock = clock or Clock()
        calls, sockets, timeline = FakeCalls(clock), FakeSockets(), Timeline()
        log = StreamLog("tested")
        doors = Doors(log, PATIENCE_S, 100, lambda: None)
        items: list[Any] = []
        doors.add(uds.Event, items.append)
        doors.add(uds.Notice, items.append)
        session = Session(PlanWalk(uds.USDM.access_plans), signed=signed, **options)
        delivery = Delivery(uds.USDM.event_classes, Account(), session.books, session.timings, signed=signed)
        worker = Worker(
            session,
            delivery,
            doors,
            timeline,
            log,
            clock,
            lambda worker: calls,  # type: ignore[arg-type, return-value]
            lambda worker: sockets,  # type: ignore[arg-type, return-value]
            CursorKeeper(session, delivery.handed, doors, clock, log, "ab12cd", store),
        )
        benches.append(Bench(worker, calls, sockets, doors, items, timeline))
        return benches[-1]

    yield make
    for bench in benches:
        assert bench.worker._thread is None or bench.worker.stop(PATIENCE_S)


def boom() -> None:
    raise RuntimeError(f"a defect that knows {KEY}")


# Life


def test_a_first_live_without_a_fact_settles_the_start(make_bench):
    """LIVE may come from a frame alone, which is no fact; whoever waits for the start is told all the same."""
    worker = make_bench().worker
    worker.session.stand(was_live=True)
    worker._announce_state()

    assert worker.wait_settled(0)


def test_a_worker_starts_serves_and_stops(make_bench):
    """From a key to LIVE, an event through, and the end: everything is closed, once."""
    bench = make_bench().live()
    bench.sockets.put(TRANSFER)
    bench.until(lambda: bench.worker.events > 0)
    ended = bench.worker.stop(PATIENCE_S)

    assert ended
    assert bench.worker.has_ended
    assert [uds.AccountUpdate] == [type(item) for item in bench.items if isinstance(item, uds.Event)]
    assert ["STARTING", "LIVE", "STOPPED"] == [str(change.new) for change in bench.notices(uds.StateChanged)]
    assert (1, True, []) == (bench.sockets.shut_calls, bench.calls.closed, bench.sockets.open_numbers)
    assert bench.worker.error is None


def test_a_signed_worker_proves_the_secret_before_it_is_live(make_bench):
    """In signed mode one signed read comes before LIVE."""
    bench = make_bench(signed=True).live()

    assert Call.READ_BALANCES in bench.calls.made


@pytest.mark.fault(43)
def test_what_a_connection_still_held_is_delivered_at_the_end(make_bench):
    """stop() delivers what had arrived before it."""
    bench = make_bench().live()
    bench.sockets.at_close = (TRANSFER, ANOTHER)
    bench.worker.stop(PATIENCE_S)

    assert 2 == len(bench.notices(uds.AccountUpdate))
    assert 2 == bench.worker.events


def test_a_stop_before_the_thread_began_ends_in_stopped(make_bench):
    """Asked to stop before its first step, a worker stops without a request and without a defect."""
    bench = make_bench()
    bench.worker.ask_stop()
    bench.worker.start("tested", PATIENCE_S)

    assert bench.worker.wait_ended(PATIENCE_S)
    assert bench.worker.error is None
    assert uds.StreamState.STOPPED is bench.worker.session.verdict(Clock().now()).state
    assert [] == bench.sockets.open_numbers


@pytest.mark.fault(9)
def test_release_key_is_done_at_the_end_only_if_asked(make_bench):
    """With release_key the key is deleted once, at the end; without it never."""
    released = []
    for release_key in (True, False):
        bench = make_bench(release_key=release_key).live()
        before = bench.calls.released
        bench.worker.stop(PATIENCE_S)
        released.append((before, bench.calls.released))

    assert [(0, 1), (0, 0)] == released


def test_a_release_is_not_abandoned_by_the_stop_that_caused_it(make_bench):
    """Every call is given up when the stream stops, but for the one that stopping itself makes."""
    bench = make_bench(release_key=True)
    seen: list[bool] = []
    bench.calls.release_key = lambda: seen.append(bench.worker.abandoned())  # type: ignore[method-assign]
    bench.live()
    bench.worker.stop(PATIENCE_S)

    assert [False] == seen
    assert bench.worker.abandoned()


def test_a_failed_release_is_logged_and_the_end_goes_on(make_bench, caplog):
    """A refused DELETE is a warning; the stream is stopped all the same."""
    bench = make_bench(release_key=True)

    def refuse() -> None:
        raise uds.ExchangeError(400, -1125, "This listenKey does not exist.")

    bench.calls.release_key = refuse  # type: ignore[method-assign]
    bench.live()

    assert bench.worker.stop(PATIENCE_S)
    assert "the listen key was not released" in caplog.text
    assert bench.worker.error is None


def test_the_busy_step_has_a_name(make_bench):
    """While a call, an opening or a callback is under way, its name can be read."""
    bench = make_bench()
    names: list[Any] = []
    bench.calls.instead[Call.REQUEST_KEY] = lambda: names.append(bench.worker.doing)
    bench.sockets.instead["open"] = lambda: names.append(bench.worker.doing)
    bench.doors.add(uds.StateChanged, lambda change: names.append(bench.worker.doing))
    bench.live()
    bench.worker.stop(PATIENCE_S)

    assert "request of a listen key" in names
    assert "connecting to fstream.binance.com (query form)" in names
    assert any("callback" in str(name) for name in names)
    assert bench.worker.doing is None


def test_health_tells_what_the_run_adds(make_bench):
    """Ages, the key's tag, the subscription, the counts of this run on top of those before it."""
    bench = make_bench().live()
    bench.sockets.put(TRANSFER)
    bench.until(lambda: bench.worker.events > 0)
    before = Health(state=uds.StreamState.LIVE, why="", events=10, reconnects=2)
    health = bench.worker.health(before, Clock().now())

    assert Secret(KEY).tag == health.key_tag
    assert ("confirmed", 11, 2, 0, False, 5) == (
        health.subscription,
        health.events,
        health.reconnects,
        health.gaps,
        health.gap_open,
        health.used_weight,
    )
    for age in (health.transport_proof_age_s, health.key_proof_age_s, health.last_event_age_s, health.key_age_s):
        assert age is not None
        assert 0 <= age < PATIENCE_S
    assert health.clock_offset_ms is not None


def test_the_sockets_are_read_before_a_deadline_is_judged(make_bench):
    """A pong that came while a callback was slow counts, although its deadline has passed by now."""
    passed = threading.Event()

    class Leaping(Clock):
        def now(self) -> Instant:
            now = super().now()
            by = 15.0 if passed.is_set() else 0.0
            return Instant(now.monotonic + by, None if now.boot is None else now.boot + by, now.wall + by)

    bench = make_bench(clock=Leaping(), timings=uds.Timings(ping_interval=20.0))
    bench.live()
    bench.until(lambda: Call.PROBE_KEY in bench.calls.made)
    # As if a ping had been sent: its answer is due within ten seconds.
    bench.worker.session.arm(facts.PongOverdue, Clock().now(), 10.0)

    def slow(event: uds.AccountUpdate) -> None:
        passed.set()
        bench.sockets.put(ANOTHER)
        bench.doors.remove(slow)

    bench.doors.add(uds.AccountUpdate, slow)
    bench.sockets.put(TRANSFER)
    bench.until(lambda: bench.worker.events >= 2)
    bench.worker.stop(PATIENCE_S)

    assert [] == bench.notices(uds.GapOpened)


def test_between_two_requests_the_connections_are_read(make_bench):
    """A probe and the read of the clock behind it take a turn each, or a dead connection would be found too late."""
    bench = make_bench(timings=uds.Timings(keepalive_interval=0.05, clock_interval=0.001))
    order: list[Any] = []
    for call in Call:
        bench.calls.instead[call] = lambda call=call: order.append(call)
    bench.sockets.instead["read"] = lambda: order.append("read")
    bench.live()
    bench.until(lambda: order.count(Call.PROBE_KEY) >= 3)
    bench.worker.stop(PATIENCE_S)
    told = order[order.index("read") :]

    assert Call.READ_CLOCK in told
    assert [] == [pair for pair in zip(told, told[1:]) if "read" not in pair]


def test_probes_and_reads_take_turns(make_bench):
    """A probe comes first; but where one is due all the time, every second request is a read that waits."""
    bench = make_bench()
    order: list[Any] = []
    bench.calls.make = lambda command: order.append(command.call)
    bench.calls.read = lambda command: order.append(command.read.name)
    bench.worker._due_calls.extend([do.Make(Call.PROBE_KEY, 0)] * 3)
    bench.worker._reads.extend(do.MakeRead(0, rest_read) for rest_read in (reads.Read("one"), reads.Read("another")))
    for _ in range(6):
        bench.worker._make_a_request()

    assert [Call.PROBE_KEY, "one", Call.PROBE_KEY, "another", Call.PROBE_KEY] == order


def test_a_request_of_an_earlier_key_is_not_made(make_bench):
    """What was read meanwhile may have ended the key, and nothing about the old one is asked any more."""
    bench = make_bench(timings=uds.Timings(keepalive_interval=0.05, clock_interval=0.001))
    generations: list[int] = []
    make = bench.calls.make
    bench.calls.make = lambda command: generations.append(command.generation) or make(command)
    bench.live()
    bench.calls.instead[Call.PROBE_KEY] = lambda: bench.sockets.put(EXPIRY)
    bench.until(lambda: generations[-1] >= 2)

    assert sorted(generations) == generations


def test_a_clock_jump_voids_the_proofs_until_they_are_renewed(make_bench):
    """After a suspend the state is STALE at once, and LIVE again when probe and pong have answered."""
    slept = threading.Event()

    class Suspended(Clock):
        def now(self) -> Instant:
            now = super().now()
            return attrs.evolve(now, wall=now.wall + 3600.0) if slept.is_set() else now

    bench = make_bench(clock=Suspended()).live()
    bench.until(lambda: Call.PROBE_KEY in bench.calls.made)
    probes = bench.calls.made.count(Call.PROBE_KEY)
    slept.set()
    bench.sockets.wake()
    bench.until(lambda: bench.calls.made.count(Call.PROBE_KEY) > probes)
    bench.sockets.put(TRANSFER)
    bench.until(lambda: bench.notices(uds.StateChanged)[-1].new is uds.StreamState.LIVE)

    assert ["STARTING", "LIVE", "STALE", "LIVE"] == [str(change.new) for change in bench.notices(uds.StateChanged)]
    assert any("clocks disagree" in step.text for step in bench.timeline.steps())


def test_what_does_not_add_up_has_its_time_from_when_it_was_read(make_bench, monkeypatch):
    """A doubt does not begin with the turn before, which was long ago on a quiet connection."""
    passed = threading.Event()
    read_at = []

    class Leaping(Clock):
        def now(self) -> Instant:
            now = super().now()
            by = 15.0 if passed.is_set() else 0.0
            return Instant(now.monotonic + by, None if now.boot is None else now.boot + by, now.wall + by)

    bench = make_bench(clock=Leaping()).live()
    bench.until(lambda: Call.PROBE_KEY in bench.calls.made)
    take = bench.worker._delivery.take
    monkeypatch.setattr(
        bench.worker._delivery, "take", lambda frame, number, now: read_at.append(now) or take(frame, number, now)
    )
    passed.set()
    put_at = bench.worker._clock.now().monotonic
    bench.sockets.put(TRANSFER)
    bench.until(lambda: bench.worker.events > 0)

    assert put_at <= read_at[0]


def test_a_doubt_is_judged_only_when_everything_was_read(make_bench, monkeypatch):
    """While a connection has more to read, the frame that explains a doubt may be among it."""
    bench = make_bench().live()
    left = deque([2, 1, 0])
    unread = [0]
    judged = []

    def read(number: int) -> Read:
        if judged and left:
            unread[0] = left.popleft()
        if left:
            bench.sockets.wake()
        return Read((), True, drained=unread[0] == 0)

    bench.sockets.read = read
    monkeypatch.setattr(bench.worker._delivery, "due", lambda now: judged.append(unread[0]) or [])
    bench.sockets.wake()
    bench.until(lambda: not left and len(judged) >= 2)

    assert {0} == set(judged)


def test_a_bad_frame_that_came_during_a_slow_callback_lies_inside_its_gap(make_bench):
    """The gap of a bad frame begins before it came, although the key was proven between its coming and its reading."""
    passed = threading.Event()
    came_ms = []

    class Leaping(Clock):
        def now(self) -> Instant:
            now = super().now()
            by = 15.0 if passed.is_set() else 0.0
            return Instant(now.monotonic + by, None if now.boot is None else now.boot + by, now.wall + by)

    bench = make_bench(clock=Leaping()).live()
    bench.until(lambda: Call.PROBE_KEY in bench.calls.made)
    probes = bench.calls.made.count(Call.PROBE_KEY)

    def slow(event: uds.AccountUpdate) -> None:
        bench.doors.remove(slow)
        came_ms.append(Clock().now().wall_ms)
        bench.sockets.put(b"{not json")
        passed.set()

    bench.doors.add(uds.AccountUpdate, slow)
    # The probe is due in the turn of the slow callback, and made after it.
    bench.worker.session.arm(facts.ProbeDue, Clock().now(), 0.0)
    bench.sockets.put(TRANSFER)
    bench.until(lambda: bool(bench.notices(uds.GapClosed)))

    assert bench.calls.made.count(Call.PROBE_KEY) > probes
    assert bench.notices(uds.GapClosed)[0].since_ms <= came_ms[0]


# Reads and what comes of them


#: REST settles at once, and so do doubts.
SWIFT = uds.Timings(
    settle=0.0, gap_margin=0.1, doubt=0.01, retry_first=0.01, retry_most=0.05, reread_first=0.01, unbalanced_most=0.02
)


def now_ms() -> int:
    """Return the time of day."""
    return Clock().now().wall_ms


def order_frame(filled: str, **changes: Any) -> bytes:
    """Return an update of an order."""
    at_ms = now_ms()
    order = {
        "s": "BTCUSDT", "S": "BUY", "x": "NEW", "X": "NEW", "i": 7, "t": 0, "q": "1", "l": "0", "z": filled,
        "T": at_ms, "ps": "BOTH", **changes,
    }  # fmt: skip
    return json.dumps({"e": "ORDER_TRADE_UPDATE", "E": at_ms, "T": at_ms, "o": order}).encode()


def missing_fill(bench: Bench) -> None:
    """Let REST show a fill that no frame told."""
    row = trade_row(5, order_id=7, last_filled_quantity=Decimal("0.1"), trade_time_ms=now_ms())
    bench.calls.rows = {"positions": (position_row("0.1", now_ms()),), "user_trades": (row,)}


def signed_bench(make_bench, **timings: Any) -> Bench:
    """Return a bench with a secret that is LIVE and has looked at the account twice."""
    bench = make_bench(signed=True, timings=attrs.evolve(SWIFT, **timings)).live()
    bench.until(lambda: bench.worker.session.looked_twice)
    return bench


def kinds(bench: Bench) -> list[str]:
    """Return what was delivered, by the names of its classes, but for changes of state."""
    return [type(item).__name__ for item in bench.items if not isinstance(item, uds.StateChanged)]


def test_the_first_look_fills_the_account(make_bench):
    """What REST shows is known by the time the stream is LIVE, and nothing of it is an event."""
    bench = make_bench(signed=True)
    bench.calls.rows = {"balances": (balance_row("7", 5),), "open_orders": (order_row(5),)}
    bench.live()
    account = bench.worker._delivery.account

    assert account.is_synchronised
    assert (7, {5}) == (account.balance("USDT").wallet_balance, set(account.open_orders))
    assert [] == bench.notices(uds.Event)


def test_the_connections_are_read_between_two_reads(make_bench):
    """However many reads an errand wants, each is a turn of its own, without a wait."""
    bench = make_bench(signed=True)
    steps: list[str] = []
    bench.sockets.instead["read"] = lambda: steps.append("sockets")
    for name in ("balances", "positions", "open_orders", "open_algo_orders"):
        bench.calls.instead[name] = lambda: steps.append("rest")
    bench.live()

    # A probe may take a turn between two of them, and then they are read twice.
    assert steps.count("rest") >= 4
    assert ("rest", "rest") not in list(zip(steps, steps[1:]))


def test_a_read_has_a_name_while_it_is_under_way(make_bench):
    """Whoever asks why nothing happens can be told."""
    bench = make_bench(signed=True)
    names: list[Any] = []
    bench.calls.instead["positions"] = lambda: names.append(bench.worker.doing)
    bench.live()

    assert "read of positions" == names[0]
    assert bench.worker.doing is None


def test_a_read_that_nobody_wants_any_more_is_not_made(make_bench):
    """Its errand was broken off between its command and its turn."""
    bench = make_bench(signed=True)
    worker = bench.worker

    assert () == worker._make_read(do.MakeRead(worker.session.errands - 1, reads.positions()))
    assert [] == bench.calls.reads


def test_events_of_a_gap_are_held_until_it_is_repaired(make_bench):
    """What came behind it is delivered behind what was recovered, and the report behind both; all of it is counted."""
    bench = signed_bench(make_bench)
    missing_fill(bench)
    before = bench.worker.events
    position = b'{"s":"BTCUSDT","pa":"0.1","ep":"1","ps":"BOTH"}'
    later = b'{"e":"ACCOUNT_UPDATE","E":5,"T":%d,"a":{"m":"ORDER","B":[],"P":[%s]}}' % (now_ms() + 60_000, position)
    bench.calls.instead["open_orders"] = lambda: bench.sockets.put(later)
    bench.sockets.put(EXPIRY)
    bench.until(lambda: bool(bench.notices(uds.GapClosed)))
    told = kinds(bench)
    (closed,), (fill,) = bench.notices(uds.GapClosed), bench.notices(uds.OrderTradeUpdate)

    assert ["GapOpened", "OrderTradeUpdate", "AccountUpdate"] == told[told.index("GapOpened") :][:3]
    assert "GapClosed" == told[-1]
    assert ("rest", 5, 1) == (fill.origin, fill.trade_id, closed.recovered)
    assert before + len(bench.notices(uds.Event)) == bench.worker.events
    assert bench.worker.last_event_at is not None


def test_what_is_held_too_long_is_let_go(make_bench):
    """While REST is down events flow after max_hold, and the gap stays open."""
    bench = signed_bench(make_bench, max_hold=0.05)
    bench.calls.failing = uds.StreamInterrupted("no answer")
    bench.sockets.put(EXPIRY)
    bench.until(lambda: bench.worker.session.connections == 2)
    bench.sockets.put(TRANSFER)
    bench.until(lambda: bool(bench.notices(uds.AccountUpdate)))

    assert bench.worker.session.standing.gap_open
    assert [] == bench.notices(uds.GapClosed)


def test_what_is_held_is_delivered_at_the_end(make_bench):
    """stop() hands on what was read before it."""
    bench = signed_bench(make_bench)
    bench.calls.failing = uds.StreamInterrupted("no answer")
    bench.sockets.put(EXPIRY)
    bench.until(lambda: bench.worker.session.connections == 2)
    bench.sockets.put(TRANSFER)
    bench.until(lambda: not bench.sockets.inbox)

    assert bench.worker.stop(PATIENCE_S)
    assert 1 == len(bench.notices(uds.AccountUpdate))


def test_sums_that_do_not_agree_open_a_gap_of_their_symbol(make_bench):
    """The loop wakes for the doubt, and has it repaired."""
    bench = signed_bench(make_bench)
    bench.sockets.put(order_frame("0"))
    bench.sockets.put(order_frame("0.1", x="CANCELED", X="CANCELED"))
    bench.until(lambda: bool(bench.notices(uds.GapClosed)))
    (closed,) = bench.notices(uds.GapClosed)

    assert uds.GapCause.FRAMES_MISSING == closed.cause
    assert "user_trades" in bench.calls.reads


def test_what_was_audited_is_forgotten(make_bench):
    """The record of fills is bounded by the audits."""
    bench = signed_bench(make_bench, audit_interval=0.1, audit_overlap=0.05)
    floor_ms = bench.worker.session.books.delivered.floor_ms
    bench.until(lambda: bench.worker.session.books.delivered.floor_ms > floor_ms)

    assert "all_orders" in bench.calls.reads
    assert [] == bench.notices(uds.GapOpened)


def test_a_connection_that_told_nothing_of_what_was_recovered_is_reported(make_bench, monkeypatch):
    """Judged by since when it is in use, and until when it was read."""
    bench = make_bench(signed=True)
    worker = bench.worker
    judged: list[Any] = []

    def is_deaf(tally: Any, connected_ms: int, read_ms: int) -> bool:
        judged.append((connected_ms, read_ms))
        return True

    monkeypatch.setattr(worker._delivery, "is_deaf", is_deaf)
    merged, deaf = worker._merge(do.Merge(3, Recovery(), 12))

    assert (facts.Merged(3, facts.MergeTally()), facts.ConnectionDeaf(worker.session.socket)) == (merged, deaf)
    assert [(12, worker.session.clock.earliest_ms(worker._drained_at))] == judged

    monkeypatch.setattr(worker._delivery, "is_deaf", lambda *_: False)
    assert [facts.Merged(3, facts.MergeTally())] == worker._merge(do.Merge(3, Recovery(), 12))


def test_without_a_secret_nothing_is_read_or_held(make_bench):
    """An expiry is a gap that is announced, and everything else goes on."""
    bench = make_bench().live()
    bench.sockets.put(EXPIRY)
    bench.sockets.put(TRANSFER)
    bench.until(lambda: bool(bench.notices(uds.GapClosed)) and bool(bench.notices(uds.AccountUpdate)))

    assert ([], uds.Proof.UNPROVEN) == (bench.calls.reads, bench.notices(uds.GapClosed)[0].proof)
    assert Call.READ_BALANCES not in bench.calls.made


# Defects


KILL_POINTS = ["wait", "read", "send", "open", "close", "make"]


@pytest.mark.parametrize("point", KILL_POINTS)
def test_a_defect_anywhere_ends_visibly(make_bench, caplog, point):
    """Whatever the step, a defect ends in FAILED with a reason, everything is closed, and no frame gets out."""
    bench = make_bench()
    caplog.set_level(logging.DEBUG)
    if point in ("open", "send"):
        bench.sockets.instead[point] = boom
        bench.worker.start("tested", PATIENCE_S)
    else:
        bench.live()
        bench.sockets.instead[point] = boom
        if point == "make":
            bench.calls.instead[Call.REQUEST_KEY] = boom
        bench.sockets.put(EXPIRY)
    assert bench.worker.wait_ended(PATIENCE_S)
    verdict = bench.worker.session.verdict(Clock().now())

    assert uds.StreamState.FAILED is verdict.state
    assert "the stream's thread failed: RuntimeError" == verdict.why
    assert isinstance(bench.worker.error, RuntimeError)
    assert bench.worker.error.__traceback__ is None
    assert uds.StreamState.FAILED is bench.notices(uds.StateChanged)[-1].new
    assert (1, True) == (bench.sockets.shut_calls, bench.calls.closed)
    (record,) = [record for record in caplog.records if record.levelno == logging.CRITICAL]
    assert record.exc_info is None
    assert "this is a defect" in record.getMessage()
    assert "in boom" in record.getMessage()
    assert KEY not in caplog.text


def test_a_defect_in_a_frame_shows_no_key_among_the_variables(make_bench, monkeypatch):
    """A crash while an expiry is digested leaves no exception whose frames show the key."""
    bench = make_bench().live()
    monkeypatch.setattr(bench.worker._delivery, "take", lambda frame, number: boom())
    bench.sockets.put(EXPIRY)
    assert bench.worker.wait_ended(PATIENCE_S)
    error = bench.worker.error
    assert error is not None
    error.args = ("a defect",)

    assert KEY not in "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())


def test_a_defect_in_the_end_itself_still_ends(make_bench):
    """When even closing fails, whoever waits is let go, and queues end."""
    bench = make_bench()
    queue = bench.doors.queue((uds.Event,))
    hooked: list[Any] = []
    before, threading.excepthook = threading.excepthook, hooked.append
    try:
        bench.live()
        bench.sockets.instead["shut"] = boom
        ended = bench.worker.stop(PATIENCE_S)
    finally:
        threading.excepthook = before

    assert ended
    assert bench.calls.closed
    assert [] == list(queue)
    assert not bench.doors.is_inside_callback
    assert [RuntimeError] == [seen.exc_type for seen in hooked]


def test_without_a_thread_the_start_fails_visibly(make_bench, monkeypatch):
    """When the system has no thread left, the run has ended, says why, and holds nothing."""
    bench = make_bench()

    def no_thread(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", no_thread)
    bench.worker.start("tested", PATIENCE_S)

    assert bench.worker.wait_ended(0)
    assert "the system has no thread left for the stream" == str(bench.worker.error)
    assert 1 == bench.sockets.shut_calls


# Exits and forks


@pytest.mark.parametrize("exit_class", [KeyboardInterrupt, SystemExit])
def test_an_exit_from_the_loop_itself_ends_orderly(make_bench, exit_class):
    """Where the loop runs in the user's thread, Ctrl-C or a handler's exit ends it like a stop, without our frames."""
    bench = make_bench()

    def leave() -> None:
        if bench.notices(uds.StateChanged)[-1].new is uds.StreamState.LIVE:
            raise exit_class(3)

    bench.sockets.instead["wait"] = leave
    bench.worker.run(PATIENCE_S)
    exit_asked = bench.doors.take_exit()

    assert isinstance(exit_asked, exit_class)
    assert (3,) == exit_asked.args
    assert exit_asked.__traceback__ is None
    assert uds.StreamState.STOPPED is bench.worker.session.verdict(Clock().now()).state
    assert (1, True, True) == (bench.sockets.shut_calls, bench.calls.closed, bench.worker.has_ended)


def test_what_an_exit_from_the_loop_left_half_done_does_not_come_out_in_its_place(make_bench, caplog):
    """The end goes on, and all is closed."""
    bench = make_bench()

    def leave() -> None:
        if bench.notices(uds.StateChanged)[-1].new is uds.StreamState.LIVE:
            raise KeyboardInterrupt

    bench.sockets.instead.update(wait=leave, close=boom)
    bench.worker.run(PATIENCE_S)

    assert isinstance(bench.doors.take_exit(), KeyboardInterrupt)
    assert (1, True, True) == (bench.sockets.shut_calls, bench.calls.closed, bench.worker.has_ended)
    assert "the end was not told whole after an interruption: RuntimeError" in caplog.text
    assert KEY not in caplog.text


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
def test_a_callback_that_forks_leaves_the_child_with_nothing(make_bench):
    """In the child of a callback nothing is sent, closed or delivered; the parent goes on."""
    bench = make_bench()
    reading, writing = os.pipe()
    parent = os.getpid()
    after: list[Any] = []

    def forking(event: uds.AccountUpdate) -> None:
        child = os.fork()
        if child:
            os.waitpid(child, 0)
        else:
            # What the child does from here on is told to the parent, by name.
            for name in ("send", "read", "close", "shut", "wait"):
                bench.sockets.instead[name] = lambda name=name: os.write(writing, name.encode() + b" ")
            bench.worker.run = lambda *_: None  # type: ignore[method-assign]

    def behind(event: uds.AccountUpdate) -> None:
        after.append(event)
        if os.getpid() != parent:
            os.write(writing, b"delivered ")

    original = bench.worker.run

    def run(start_within: float) -> None:
        try:
            original(start_within)
        finally:
            if os.getpid() != parent:
                os.write(writing, b"left")
                os._exit(0)

    bench.worker.run = run  # type: ignore[method-assign]
    bench.doors.add(uds.AccountUpdate, forking)
    bench.doors.add(uds.AccountUpdate, behind)
    bench.live()
    bench.sockets.put(TRANSFER)
    bench.until(lambda: bool(after))
    told = os.read(reading, 1000)
    os.close(reading)
    os.close(writing)

    assert b"left" == told
    assert not bench.worker.has_forked
    assert uds.StreamState.LIVE is bench.worker.session.verdict(Clock().now()).state


# The cursor


def fill() -> bytes:
    """Return the frame of a fill that happened just now."""
    order = {"s": "BTCUSDT", "S": "BUY", "x": "TRADE", "X": "PARTIALLY_FILLED", "i": 7, "l": "0.1", "z": "0.1", "t": 11}
    now_ms = Clock().now().wall_ms
    return json.dumps({"e": "ORDER_TRADE_UPDATE", "E": now_ms, "T": now_ms, "o": {**order, "T": now_ms}}).encode()


class Kept:
    """A store that remembers."""

    def __init__(self) -> None:
        self.cursors: list[Any] = []
        self.failure: Optional[Exception] = None

    def load(self) -> None:
        """There is nothing."""

    def save(self, cursor: Any) -> None:
        """Remember, or fail."""
        if self.failure is not None:
            raise self.failure
        self.cursors.append(cursor)


def test_the_loop_wakes_to_save_the_cursor(make_bench):
    """What changed too soon after the last time is saved when its time has come, though nothing else happens."""
    store = Kept()
    bench = make_bench(store=store, timings=uds.Timings(cursor_interval=0.05)).live()
    bench.until(lambda: len(store.cursors) == 1)
    bench.sockets.put(fill())
    bench.until(lambda: bool(store.cursors[-1].fills))

    assert {("BTCUSDT", 7, 11)} == store.cursors[-1].fills == bench.worker.cursor.fills


def test_the_last_events_are_in_the_cursor_that_is_saved_at_the_end(make_bench):
    """Those that lay unread at the stop, too."""
    store = Kept()
    bench = make_bench(store=store, timings=uds.Timings(cursor_interval=3_600.0)).live()
    bench.sockets.at_close = (fill(),)
    bench.worker.stop(PATIENCE_S)

    assert {("BTCUSDT", 7, 11)} == store.cursors[-1].fills == bench.worker.cursor.fills


def test_a_store_that_fails_is_announced_and_not_the_end(make_bench):
    """At the very end, too."""
    store = Kept()
    store.failure = OSError(28, "No space left on device")
    bench = make_bench(store=store).live()
    bench.until(lambda: bool(bench.notices(uds.Attention)))
    bench.worker.stop(PATIENCE_S)

    assert ["cursor-not-saved"] == [told.code for told in bench.notices(uds.Attention)]
    assert (None, True) == (bench.worker.error, bench.worker.session.standing.was_live)


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_what_was_broken_off_between_reading_and_handing_over_is_not_delivered(make_bench, error):
    """Ctrl-C, or a defect, at that point: the event is in the books, and in no cursor."""
    bench = make_bench()
    keeper = bench.worker._keeper
    handing_over = keeper.hand_over

    def interrupted(item: Any) -> None:
        if isinstance(item, uds.OrderTradeUpdate):
            raise error
        handing_over(item)

    keeper.hand_over = interrupted  # type: ignore[method-assign]
    bench.doors.add(uds.StateChanged, lambda change: bench.sockets.put(fill()))
    bench.worker.run(PATIENCE_S)
    bench.worker._delivery.restate()

    assert frozenset() == bench.worker._delivery.handed.cursor("usdm", "ab12cd", since_ms=0).fills
    assert bench.worker.has_ended
