"""Several streams as one, against the local exchange."""

from __future__ import annotations

import gc
import logging
import pickle
import re
import signal
import sys
import threading

import pytest

import binance_uds as uds
from binance_uds import group as groups
from binance_uds import group_doors
from tests.interrupting import interrupted_at_each_step

NAMES = ("alice", "bob", "carol")


@pytest.fixture
def accounts(exchange):
    """An account of the exchange for each name."""
    return {name: exchange.add_account(name) for name in NAMES}


@pytest.fixture
def make(accounts, make_stream):
    """Makes the stream of an account, not started."""

    def make(name: str, **options):
        options.setdefault("api_secret", accounts[name].api_secret)
        return make_stream(api_key=accounts[name].api_key, name=name, **options)

    return make


@pytest.fixture
def group(make):
    """A group of three, not started."""
    return uds.StreamGroup(make(name) for name in NAMES)


def states(group: uds.StreamGroup) -> dict[str, str]:
    return {name: str(stream.state) for name, stream in group.streams.items()}


# Its members


def test_members_are_told_apart_by_name(make):
    """Two of one name are refused, be it the same stream twice, and what is no stream."""
    alice = make("alice")
    group = uds.StreamGroup([alice])

    for stream in (alice, make("alice")):
        with pytest.raises(uds.ConfigurationError, match="no two streams of one name, and 'alice' is taken"):
            group.add(stream)
    with pytest.raises(uds.ConfigurationError, match="a group takes UserDataStreams, not str"):
        group.add("alice")
    with pytest.raises(uds.ConfigurationError, match="max_backlog"):
        uds.StreamGroup(max_backlog=0)
    with pytest.raises(uds.ConfigurationError, match="max_backlog"):
        uds.StreamGroup(max_backlog=True)
    assert {"alice": alice} == group.streams


def test_a_group_shows_its_members_and_the_worst_of_their_states(group):
    """In the order in which they were added; nobody changes the mapping."""
    before = repr(group), group.state
    with group:
        live = repr(group), group.state
        group.streams["bob"].stop()
        one_stopped = group.state

    assert ("<StreamGroup alice IDLE, bob IDLE, carol IDLE>", uds.StreamState.IDLE) == before
    assert ("<StreamGroup alice LIVE, bob LIVE, carol LIVE>", uds.StreamState.LIVE) == live
    assert uds.StreamState.STOPPED is one_stopped
    assert uds.StreamState.IDLE is uds.StreamGroup().state
    assert "<StreamGroup without streams>" == repr(uds.StreamGroup())
    with pytest.raises(TypeError):
        group.streams["dave"] = None


@pytest.mark.parametrize(
    ("states", "worst"),
    [
        (("LIVE", "REPAIRING"), "REPAIRING"),
        (("STALE", "REPAIRING"), "STALE"),
        (("STALE", "STARTING"), "STARTING"),
        (("STOPPED", "IDLE"), "STOPPED"),
        (("STOPPED", "FAILED", "LIVE"), "FAILED"),
    ],
)
def test_the_worst_state_is_the_groups(make, monkeypatch, states, worst):
    """A group is LIVE only when all are."""
    told = dict(zip(NAMES, states))
    group = uds.StreamGroup(make(name) for name in told)
    monkeypatch.setattr(uds.UserDataStream, "state", property(lambda stream: uds.StreamState[told[stream.name]]))

    assert uds.StreamState[worst] is group.state


def test_the_health_of_each_is_told_by_name(group, accounts):
    """With its own counts, also of what waits in a queue of the group."""
    with group, group.events(uds.OrderTradeUpdate) as events:
        accounts["bob"].buy("BTCUSDT", "0.01")
        pairs = [events.get(timeout=20), events.get(timeout=20)]
        accounts["carol"].buy("BTCUSDT", "0.01")
        group.streams["carol"].wait_until(lambda account: account.position("BTCUSDT").amount)
        health = group.health

    assert ["bob", "bob"] == [stream.name for stream, _ in pairs]
    assert {"alice": 0, "bob": 0, "carol": 2} == {name: each.backlog for name, each in health.items()}
    assert {"alice": "LIVE", "bob": "LIVE", "carol": "LIVE"} == {name: str(each.state) for name, each in health.items()}


# Doors


def test_one_queue_receives_from_all_in_order_of_arrival(group, accounts):
    """Each event with its stream; the queue ends when all have ended, and not before."""
    with group.events(uds.AccountUpdate, uds.StateChanged) as events:
        group.start()
        order = ["bob", "alice", "bob", "carol", "alice"]
        for name in order:
            seen = group.streams[name].events(uds.AccountUpdate)
            accounts[name].buy("BTCUSDT", "0.01")
            seen.get(timeout=20)
        assert group.streams["bob"].stop(20)
        accounts["carol"].buy("BTCUSDT", "0.01")
        assert group.stop(20)
        pairs = list(events)

    came = [stream.name for stream, event in pairs if isinstance(event, uds.AccountUpdate)]
    ended = {
        stream.name for stream, event in pairs if isinstance(event, uds.StateChanged) and str(event.new) == "STOPPED"
    }
    assert order == came[:5]
    assert set(NAMES) == ended
    assert all(stream is group.streams[stream.name] for stream, _ in pairs)
    with pytest.raises(uds.UserDataStreamError, match="no more events: all streams of the group have ended"):
        events.get(timeout=20)


def test_a_stream_that_is_started_again_goes_on_in_the_queue(group, accounts):
    """The others kept it open."""
    with group, group.events(uds.OrderTradeUpdate) as events:
        assert group.streams["alice"].stop(20)
        group.start()
        accounts["alice"].buy("BTCUSDT", "0.01")
        stream, event = events.get(timeout=20)

    assert ("alice", "BTCUSDT") == (stream.name, event.symbol)


def test_a_queue_without_classes_takes_every_event_and_no_notice(group, accounts):
    """As that of a stream does; what is no class is refused."""
    with group, group.events() as events:
        accounts["alice"].buy("BTCUSDT", "0.01")
        group.streams["alice"].wait_until(lambda account: account.position("BTCUSDT").amount)
        group.stop(20)
        assert all(isinstance(event, uds.Event) for _, event in events)
    with pytest.raises(uds.ConfigurationError, match="no event class"):
        group.events(str)


def test_a_queue_that_overflows_says_so(make, accounts):
    """What is in it can still be read; nothing is dropped silently."""
    group = uds.StreamGroup([make("alice"), make("bob")], max_backlog=3)
    with group:
        events = group.events(uds.OrderTradeUpdate)
        for name in ("alice", "bob"):
            accounts[name].buy("BTCUSDT", "0.01")
            group.streams[name].wait_until(lambda account: account.position("BTCUSDT").amount)
        for _ in range(3):
            events.get(timeout=20)
        with pytest.raises(uds.BacklogOverflow) as overflow:
            events.get(timeout=20)

    assert (3, 1) == (overflow.value.limit, overflow.value.missed)


def test_a_queue_that_nobody_holds_is_fed_no_more(group, accounts):
    """It need not be closed first."""
    with group:
        queue = group.events(uds.StateChanged)
        held = [stream._doors._open_outlets() for stream in group.streams.values()]
        del queue
        held_then = [len(outlets) for outlets in held]
        del held
        gc.collect()
        held_now = [len(stream._doors._open_outlets()) for stream in group.streams.values()]

    assert ([1, 1, 1], [0, 0, 0]) == (held_then, held_now)


def test_a_timeout_of_a_queue_names_what_was_awaited(group):
    """As that of a stream does."""
    with group, pytest.raises(uds.WaitTimeout, match=r"no OrderTradeUpdate or GapOpened within 0\.01 s"):
        group.events(uds.OrderTradeUpdate, uds.GapOpened).get(timeout=0.01)


def test_a_callback_hears_of_all_streams(group, accounts):
    """With the stream as its first argument, on that stream's thread; off() ends it for all."""
    heard = []

    @group.on(uds.AccountUpdate)
    def on_account(stream, event):
        heard.append((stream, type(event), threading.current_thread().name))

    with group, group.events(uds.AccountUpdate) as events:
        for name in NAMES:
            accounts[name].buy("BTCUSDT", "0.01")
        pairs = [events.get(timeout=20) for _ in NAMES]
        # A callback comes after the queues.
        for stream, _ in pairs:
            stream.wait_until(lambda account, stream=stream: any(stream is each for each, *_ in heard))
        group.off(on_account)
        group.off(print)
        accounts["bob"].buy("BTCUSDT", "0.01")
        events.get(timeout=20)

    expected = {(group.streams[name], uds.AccountUpdate, f"binance_uds {name}") for name in NAMES}
    assert expected == set(heard)
    assert 3 == len(heard)


def test_a_callback_that_raises_is_named(group, accounts, tools, caplog):
    """By its own name, and the stream's."""

    @group.on(uds.AccountUpdate)
    def clumsy(stream, event):
        raise LookupError(stream.name)

    with group, group.events(uds.CallbackFailed) as failed:
        accounts["bob"].buy("BTCUSDT", "0.01")
        stream, notice = failed.get(timeout=20)
        tools.wait_until(lambda: "raised LookupError" in caplog.text)

    assert ("bob", "LookupError('bob')") == (stream.name, repr(notice.exception))
    assert re.search(r"\[bob\] callback \S+clumsy raised LookupError", caplog.text)


def test_what_cannot_be_called_is_refused(group):
    """A coroutine would never be awaited."""

    async def later(stream, event):
        """Be late."""

    for handler in (later, 5):
        with pytest.raises(uds.ConfigurationError, match="a callback must be"):
            group.on(uds.Event)(handler)
    with pytest.raises(uds.ConfigurationError, match="no event class"):
        group.on(str)


def test_a_stream_that_joins_later_is_heard_too(make, accounts):
    """By the callbacks and queues there are; start() then starts it alone."""
    group, heard = uds.StreamGroup([make("alice")]), []
    group.on(uds.StateChanged)(lambda stream, change: heard.append((stream.name, str(change.new))))
    with group, group.events(uds.OrderTradeUpdate) as events:
        group.add(make("bob"))
        group.start()
        accounts["bob"].buy("BTCUSDT", "0.01")
        stream, _ = events.get(timeout=20)

    assert "bob" == stream.name
    assert [(name, state) for name in ("alice", "bob") for state in ("STARTING", "LIVE", "STOPPED")] == sorted(
        heard, key=lambda pair: pair[0]
    )


# Life


def test_streams_start_at_once(group, exchange, tools):
    """None waits for the answers that another waits for; a stop meanwhile ends the start."""
    exchange.faults.hang_rest(count=None)
    ended = []

    def start() -> None:
        with pytest.raises(uds.StreamGroupError, match="the stream was stopped before it was LIVE"):
            group.start()
        ended.append(True)

    starting = threading.Thread(target=start)
    starting.start()
    wanted = {f"binance_uds {name}" for name in NAMES}
    tools.wait_until(lambda: wanted <= {thread.name for thread in threading.enumerate()})
    has_stopped = group.stop(20)
    starting.join(20)

    assert has_stopped
    assert [True] == ended


def test_a_group_that_runs_may_be_started_again(group):
    """Nothing happens."""
    with group:
        connected = [stream.health.key_tag for stream in group.streams.values()]
        group.start()

        assert connected == [stream.health.key_tag for stream in group.streams.values()]
        assert {"LIVE"} == set(states(group).values())


def test_one_that_fails_is_named_and_all_are_stopped(make, group, accounts, exchange):
    """With the error of its own; the group can be started again without it."""
    group = uds.StreamGroup([make("alice"), make("bob", api_secret="x" * 64), make("carol")])
    with pytest.raises(uds.StreamGroupError, match=r"^bob: Binance refused the credentials") as failure:
        group.start()
    copy = pickle.loads(pickle.dumps(failure.value))

    assert ["bob"] == list(failure.value.failures)
    assert isinstance(failure.value.failures["bob"], uds.CredentialsRejected)
    assert failure.value.__cause__ is failure.value.failures["bob"]
    assert str(failure.value) == str(copy)
    assert "FAILED" == states(group)["bob"]
    assert "LIVE" not in states(group).values()
    exchange.wait_until(lambda: exchange.connections_open == 0)


def test_what_ran_before_goes_on_when_another_fails(make):
    """A group's start takes back what it did, and nothing else."""
    alice = make("alice")
    alice.start()
    group = uds.StreamGroup([alice, make("bob", api_secret="x" * 64)])
    with pytest.raises(uds.StreamGroupError):
        group.start()

    assert {"alice": "LIVE", "bob": "FAILED"} == states(group)


def test_a_start_that_takes_too_long_names_all_that_did(group, exchange):
    """Nothing is left running."""
    exchange.faults.hang_rest(count=None)
    with pytest.raises(uds.StreamGroupError, match=r"not LIVE within 0\.2 s") as failure:
        group.start(timeout=0.2)

    failed = {name for name, state in states(group).items() if state == "FAILED"}
    assert set(failure.value.failures) <= failed
    assert {"FAILED", "STOPPED"} >= set(states(group).values())
    assert group.stop(20)


def test_a_start_without_threads_says_so(group, monkeypatch):
    """The system may have none left."""

    def refuse(thread):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(groups.threading.Thread, "start", refuse)
    with pytest.raises(uds.StreamGroupError, match="alice: the system has no thread left"):
        group.start()


@pytest.mark.parametrize(
    ("count", "most", "patience"), [(1, 900, 30), (8, 900, 30), (9, 900, 90), (20, 900, 150), (2, 100, 150)]
)
def test_a_start_is_patient_with_what_has_to_share_the_weight(count, most, patience):
    """A first look at an account takes 100 of the weight of a minute; a key-only stream takes no look."""
    signed = [uds.UserDataStream("k" * 64, "s" * 64, timings=uds.Timings(weight_most=most)) for _ in range(count)]
    elsewhere = [uds.UserDataStream("k" * 64, "s" * 64, market=uds.USDM_DEMO) for _ in range(count)]
    key_only = [uds.UserDataStream("k" * 64) for _ in range(count)]

    assert patience == groups._patience([*signed, *elsewhere[:1], *key_only])
    assert 30 == groups._patience(key_only)


def test_a_stop_is_one_for_all(group, exchange):
    """Within the time of one, and again without harm; never started counts as ended."""
    assert group.stop()

    group.start()
    assert group.stop(20)
    assert {"STOPPED"} == set(states(group).values())
    assert group.stop()
    exchange.wait_until(lambda: exchange.connections_open == 0)


def test_a_stop_that_is_held_up_ends_the_others_all_the_same(group, accounts, tools, monkeypatch):
    """One bound for all of them, however many hang; no further callback starts."""
    entered, go = {name: threading.Event() for name in ("alice", "bob")}, threading.Event()

    @group.on(uds.OrderTradeUpdate)
    def hanging(stream, event):
        if stream.name in entered:
            entered[stream.name].set()
            go.wait(20)

    group.start()
    for name, event in entered.items():
        accounts[name].buy("BTCUSDT", "0.01")
        assert event.wait(20)
    given, stop = [], uds.UserDataStream.stop
    monkeypatch.setattr(
        uds.UserDataStream, "stop", lambda stream, timeout: (given.append(timeout), stop(stream, timeout))[1]
    )
    has_ended = group.stop(timeout=0.5)
    tools.wait_until(lambda: group.streams["carol"].state is uds.StreamState.STOPPED)
    monkeypatch.undo()
    go.set()

    assert not has_ended
    assert 0.4 < given[0] <= 0.5
    assert [0.0, 0.0] == given[1:]
    assert group.join(20)


def test_inside_a_callback_a_stop_only_asks_and_waiting_is_refused(group, accounts):
    """Two streams whose callbacks wait for each other would never end."""
    told = []

    @group.on(uds.AccountUpdate)
    def on_account(stream, event):
        for wait in (group.start, group.join, lambda: group.events().get(1)):
            try:
                wait()
            except uds.ConfigurationError as error:
                told.append(str(error))
        told.append(group.stop())

    with group:
        accounts["bob"].buy("BTCUSDT", "0.01")
        assert group.join(20)

    assert [True] * 3 == ["inside one of the stream's own callbacks" in words for words in told[:3]]
    assert [False] == told[3:]


def test_a_join_waits_for_all(group):
    """Within its time; one that was not started is a mistake."""
    with pytest.raises(uds.ConfigurationError, match="stream 'alice' of this group was not started"):
        group.join(0.01)
    group.start()
    for name in NAMES[:2]:
        group.streams[name].stop(20)
    assert not group.join(0.3)

    group.streams["carol"].stop(20)
    assert group.join(20)
    assert group.join()


@pytest.mark.parametrize("ending", [SystemExit(3), KeyboardInterrupt()])
@pytest.mark.parametrize("where", ["join", "with"])
def test_an_exit_out_of_a_callback_ends_the_wait_for_all(group, accounts, tools, ending, where):
    """It surfaces once, though the other streams would go on."""

    @group.on(uds.AccountUpdate)
    def leave(stream, event):
        raise ending

    with pytest.raises(type(ending)) as surfaced:
        if where == "with":
            with group:
                accounts["bob"].buy("BTCUSDT", "0.01")
                group.streams["bob"].stop(20)
                tools.wait_until(lambda: group.streams["bob"].state is uds.StreamState.STOPPED)
        else:
            group.start()
            accounts["bob"].buy("BTCUSDT", "0.01")
            group.join(20)

    assert ending is surfaced.value
    assert group.stop(20)


@pytest.mark.parametrize("where", ["join", "with"])
def test_a_stream_that_fails_ends_the_wait_for_all(group, monkeypatch, where):
    """The error names it, and the others go on until they are stopped."""
    with pytest.raises(uds.StreamGroupError, match="bob: ") as failure:
        if where == "with":
            with group:
                group.streams["bob"]._worker._turn = lambda: 1 / 0
                group.streams["bob"].rotate()
                group.streams["bob"]._worker.wait_ended(20)
        else:
            group.start()
            group.streams["bob"]._worker._turn = lambda: 1 / 0
            group.streams["bob"].rotate()
            group.join(20)

    assert isinstance(failure.value.failures["bob"], ZeroDivisionError)
    assert ("STOPPED" if where == "with" else "LIVE") == states(group)["alice"]
    assert group.stop(20)


def test_an_error_inside_the_block_is_not_replaced(group):
    """What the program raised itself comes first."""
    with pytest.raises(LookupError), group:
        raise LookupError

    assert {"STOPPED"} == set(states(group).values())


# Ctrl-C


class Interrupting:
    """A store of a cursor, asked while a start begins: Ctrl-C comes, and the answer only when the test says so."""

    def __init__(self) -> None:
        self.go_on = threading.Event()

    def load(self) -> None:
        signal.raise_signal(signal.SIGINT)
        self.go_on.wait(20)

    def save(self, cursor: uds.Cursor) -> None:
        """Keep nothing."""


def test_ctrl_c_while_a_start_begins_ends_what_begins_behind_it(make, exchange, tools):
    """A thread of the start that had not come to its stream yet asks for nothing more."""
    store = Interrupting()
    group = uds.StreamGroup([make("alice", cursor=store)])
    with pytest.raises(KeyboardInterrupt):
        group.start()
    store.go_on.set()
    tools.wait_until(lambda: not any(thread.name.startswith("binance_uds alice") for thread in threading.enumerate()))

    assert {"alice": "STOPPED"} == states(group)
    assert 0 == exchange.count("POST", "/fapi/v1/listenKey")


def test_ctrl_c_before_the_block_could_ask_asks_all_the_same(group, monkeypatch):
    """No stream goes on behind the block."""

    def interrupted() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(group, "stop", interrupted)
    with pytest.raises(KeyboardInterrupt), group:
        pass

    assert all(stream._worker.wait_ended(20) for stream in group.streams.values())


def test_ctrl_c_at_any_step_of_on_and_off_leaves_nothing_that_off_does_not_find(group):
    """Another off() takes back whatever came of them."""

    def on_and_off() -> None:
        group.on(uds.Event)(print)
        group.off(print)

    steps = 0
    for _ in interrupted_at_each_step(on_and_off, groups, group_doors):
        group.off(print)
        assert [()] * 3 == [stream._doors._handlers for stream in group.streams.values()]
        steps += 1

    assert steps > 20


# The process around it


def test_every_line_and_every_thread_has_a_name(group, accounts, caplog, monkeypatch):
    """So that of several accounts each can be told from the others."""
    started = []
    start = threading.Thread.start
    monkeypatch.setattr(threading.Thread, "start", lambda thread: (started.append(thread.name), start(thread)))
    caplog.set_level(logging.DEBUG, "binance_uds")
    with group:
        accounts["bob"].buy("BTCUSDT", "0.01")
        group.streams["bob"].wait_until(lambda account: account.position("BTCUSDT").amount)
    lines = [record.getMessage() for record in caplog.records if record.name.startswith("binance_uds")]
    ours = [name for name in started if "binance_uds" in name]

    assert {f"[{name}]" for name in NAMES} == {line.split()[0] for line in lines}
    assert {f"binance_uds {name}" for name in NAMES} == {" ".join(name.split()[:2]) for name in ours}


@pytest.mark.skipif(sys.platform == "win32", reason="signals as POSIX knows them")
@pytest.mark.parametrize("what", ["start", "join"])
def test_ctrl_c_ends_what_waits(program, exchange, tools, what):
    """All streams are asked to stop, and the program ends."""
    if what == "start":
        exchange.faults.hang_rest(count=None)
    run = program(
        """
        other = uds.UserDataStream.from_env(market=market, name="other")
        group = uds.StreamGroup([stream, other])
        try:
            say("begin")
            group.start()
            say("live")
            group.join()
        except KeyboardInterrupt:
            say("interrupted")
        say(group.stop(15))
        say(group.state)
        """
    )
    run.hear("begin")
    if what == "join":
        run.hear("live")
    else:
        tools.wait_until(lambda: exchange.count("POST", "/fapi/v1/listenKey") == 2)
    run.send(signal.SIGINT)
    status, out, err = run.finish()

    assert (0, ["interrupted", "True"], "") == (status, out.split()[:2], err)


@pytest.mark.skipif(sys.platform == "win32", reason="signals as POSIX knows them")
def test_a_signal_handler_asks_all_to_stop(program, exchange):
    """It must not wait; join() sees the end."""
    run = program(
        """
        group = uds.StreamGroup([stream, uds.UserDataStream.from_env(market=market, name="other")])
        signal.signal(signal.SIGTERM, lambda number, frame: say(group.stop()))
        with group:
            say("live")
            say(group.join(15))
        """
    )
    run.hear("live")
    run.send(signal.SIGTERM)
    status, out, err = run.finish()

    assert (0, ["False", "True"], "") == (status, out.split(), err)


@pytest.mark.skipif(sys.platform == "win32", reason="fork as POSIX knows it")
def test_a_forked_child_is_told(program):
    """Also when another thread of the parent held the group's lock."""
    run = program(
        """
        import warnings
        warnings.simplefilter("ignore", DeprecationWarning)
        group = uds.StreamGroup([stream])
        with group:
            events = group.events()
            with group._lock:
                child = os.fork()
                if child == 0:
                    told = []
                    for wait in (group.start, group.join, group.events, events.get):
                        try:
                            wait()
                        except uds.ForkedStream:
                            told.append("forked")
                    say(" ".join([*told, str(group.state), str(group.stop()), str(group._lock.locked())]))
                    os._exit(0)
            os.waitpid(child, 0)
            say(group.state)
        """
    )
    run.hear("forked forked forked forked FAILED True False")
    run.hear("LIVE")
    status, _, err = run.finish()

    assert (0, "") == (status, err)
