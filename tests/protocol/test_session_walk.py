"""Random walks: whatever the outside does, in whatever order, the session's promises hold."""

from __future__ import annotations

import os
from decimal import Decimal
from typing import Optional

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from binance_uds.credentials import Secret
from binance_uds.errors import CredentialsRejected, ExchangeError, StreamInterrupted
from binance_uds.events.notices import GapClosed, StreamState
from binance_uds.protocol import facts
from binance_uds.protocol.facts import Call
from binance_uds.protocol.ledger.chains import Break
from binance_uds.protocol.plans import PlanWalk
from binance_uds.protocol.reading import reads
from binance_uds.protocol.session import Session
from binance_uds.protocol.situation import State
from binance_uds.protocol.subscriptions import LIST_ID, SUBSCRIBE_ID
from tests.protocol.driving import KEY, MOST_REQUESTS_A_MINUTE, OTHER_KEY, PATH, PLANS, QUERY, Drive, resumed
from tests.protocol.trader import START_MS, algo_row, balance_row, order_row, position_row, trade_row

#: How many random walks are taken.
WALKS = int(os.environ.get("UDS_WALKS", "100"))
KEYS = st.sampled_from([KEY, OTHER_KEY])
OUTSIDE_WINDOW = ExchangeError(400, -1021, "Timestamp for this request is outside of the recvWindow.")
ERRORS = st.sampled_from(
    [
        StreamInterrupted("no answer"),
        ExchangeError(400, -1125, "This listenKey does not exist."),
        OUTSIDE_WINDOW,
        ExchangeError(403, None, "no explanation"),
        ExchangeError(418, -1003, "banned", 90.0),
        ExchangeError(429, -1003, "Too many requests", 10.0),
        ExchangeError(503, None, "no explanation"),
        CredentialsRejected(401, -2015, "Invalid API-key, IP, or permissions for action."),
    ]
)
READ_ERRORS = st.one_of(ERRORS, st.just(ExchangeError(400, -2013, "Order does not exist.")))
#: Words of the connection that is in use, and of those before it; `None` is a frame with nothing in it for the session.
WORDS = st.sampled_from(
    [
        "pong",
        "expired",
        "expired without key",
        "expired other",
        "listed",
        "denied",
        "subscription refused",
        "question refused",
        "odd",
        "shutdown",
    ]
)


#: What is read about the account: nothing, or rows that the books do not explain.
ROWS = {
    "balances": (balance_row("7", START_MS + 1),),
    "positions": (position_row("0.1", START_MS + 1), position_row("0", START_MS + 1, symbol="ETHUSDT")),
    "open_orders": (order_row(5, filled_quantity=Decimal("0.1")),),
    "open_algo_orders": (algo_row(3),),
    "all_orders": (order_row(6, creation_time_ms=START_MS + 5_000, update_time_ms=START_MS + 5_000),),
    "user_trades": (trade_row(8, trade_time_ms=START_MS + 5_000), trade_row(9, order_id=6)),
    "order": (order_row(6, status="CANCELED"),),
}
SYMBOLS = st.sampled_from(["BTCUSDT", "ETHUSDT"])


def said(word: str, socket: int, key: Optional[Secret]) -> Optional[facts.Fact]:
    """Return the fact that a connection's word is."""
    return {
        "pong": None,
        "expired": facts.ExpiryNoticed(socket, key),
        "expired without key": facts.ExpiryNoticed(socket, None),
        "expired other": facts.ExpiryNoticed(socket, Secret("k3-" + "c" * 61)),
        "listed": facts.SubscriptionListed(socket, (key,) if key is not None else ()),
        "denied": facts.SubscriptionListed(socket, ()),
        "subscription refused": facts.SubscriptionRefused(socket, SUBSCRIBE_ID, "error 2"),
        "question refused": facts.SubscriptionRefused(socket, LIST_ID, "error 2"),
        "odd": facts.FramesUndecodable(socket),
        "shutdown": facts.ShutdownNoticed(socket),
    }[word]


class Walk(RuleBasedStateMachine):
    """A session, an outside that changes as it likes, and time that passes; the driver checks every step."""

    @initialize(
        signed=st.booleans(),
        release_key=st.booleans(),
        start_within=st.sampled_from([5.0, 30.0, 1e9]),
        jitter=st.floats(0.0, 1.0, exclude_max=True),
        resumes=st.sampled_from([None, "counted", "not counted"]),
    )
    def begin(
        self, signed: bool, release_key: bool, start_within: float, jitter: float, resumes: Optional[str]
    ) -> None:
        """The user starts a stream, perhaps where a former one ended."""
        if resumes is None:
            self.drive = Drive(Session(PlanWalk(PLANS), signed=signed))
        else:
            self.drive = resumed(signed=signed, counted=resumes == "counted")
        self.drive.session.release_key, self.drive.jitter = release_key, jitter
        self.stopped = False
        self.drive.start(start_within)

    @property
    def session(self) -> Session:
        """The session under test."""
        return self.drive.session

    @rule(seconds=st.sampled_from([0.01, 0.6, 6.0, 21.0, 70.0, 200.0, 4_000.0]))
    def time_passes(self, seconds: float) -> None:
        """The loop runs."""
        self.drive.run(seconds)

    @rule(seconds=st.floats(0.1, 400.0))
    def the_thread_freezes(self, seconds: float) -> None:
        """A callback, or the system, keeps the loop from running; then everything is due at once."""
        self.drive.seconds += seconds
        self.drive.turn()

    @rule(seconds=st.sampled_from([1.0, 40.0, 7_200.0]))
    def the_machine_sleeps(self, seconds: float) -> None:
        """A suspend."""
        self.drive.suspend(seconds)

    @rule(seconds=st.sampled_from([-3_600.0, -40.0, 5.0, 3_600.0]))
    def someone_sets_the_clock(self, seconds: float) -> None:
        """The wall clock jumps."""
        self.drive.set_by += seconds

    @rule(call=st.sampled_from(Call), error=ERRORS)
    def a_call_begins_to_fail(self, call: Call, error: Exception) -> None:
        """From now on a call ends with an error."""
        self.drive.script.failing[call] = error

    @rule()
    def the_calls_recover(self) -> None:
        """REST works again."""
        self.drive.script.failing.clear()

    @rule(name=st.sampled_from([None, *ROWS]), error=READ_ERRORS)
    def a_read_begins_to_fail(self, name: Optional[str], error: Exception) -> None:
        """From now on a read, or every one, ends with an error."""
        self.drive.script.failing_reads[name] = error

    @rule()
    def the_reads_recover(self) -> None:
        """What is read is answered again."""
        self.drive.script.failing_reads.clear()

    @rule(names=st.sets(st.sampled_from([*ROWS])), used_weight=st.sampled_from([None, 100, 2_300]))
    def the_account_shows_something(self, names, used_weight: Optional[int]) -> None:
        """Rows that nothing on the stream explains, and an address that is busy."""
        self.drive.script.rows = {name: ROWS[name] for name in names}
        self.drive.script.used_weight = used_weight

    @rule(weight=st.sampled_from([5, 880, 900]))
    def another_stream_reads(self, weight: int) -> None:
        """A neighbour in the process takes of the weight that is for both."""
        self.drive.budget.ask("a neighbour", weight, self.drive.seconds, most=900, allowed=2_400)

    @rule(symbol=SYMBOLS, since_ms=st.sampled_from([5, START_MS + 60_000]))
    def sums_disagree(self, symbol: str, since_ms: int) -> None:
        """Fills of a symbol may be missing."""
        self.drive.digest(facts.FillsSuspected(Break(symbol, since_ms, "0.1 of order 1")))

    @rule()
    def the_hold_is_full(self) -> None:
        """Too much came during a repair, or the last of it did when the hold had just ended."""
        self.drive.digest(facts.HoldFilled())

    @rule(age=st.integers(0, 1))
    def a_connection_was_deaf(self, age: int) -> None:
        """A repair found that the connection in use, or the one before it, never told anything."""
        socket = self.session.socket - age
        if age or socket in self.drive.open_sockets:
            self.drive.digest(facts.ConnectionDeaf(socket))

    @rule(key=KEYS, names_key=st.booleans(), call_takes=st.sampled_from([0.001, 0.3, 5.0]))
    def the_account_changes(self, key: str, names_key: bool, call_takes: float) -> None:
        """Another key, another manner of PUT, another speed."""
        self.drive.script.key, self.drive.script.names_key, self.drive.script.call_takes = (
            key,
            names_key,
            call_takes,
        )

    @rule(
        refusing=st.sets(st.sampled_from(PLANS)),
        holding=st.dictionaries(st.sampled_from(PLANS), st.sampled_from([0.0, 10.0, 90.0])),
        mute=st.sets(st.sampled_from(PLANS)),
        lists=st.sampled_from([None, None, (), (OTHER_KEY,)]),
        list_takes=st.sampled_from([0.05, 5.5, 30.0]),
        refusing_messages=st.sets(st.sampled_from([SUBSCRIBE_ID, LIST_ID])),
    )
    def the_plans_change(self, refusing, holding, mute, lists, list_takes, refusing_messages) -> None:
        """Other plans open, answer, or name our key."""
        script = self.drive.script
        script.refusing, script.holding = tuple(refusing), holding
        script.mute, script.lists = tuple(mute), lists
        script.list_takes, script.refusing_messages = list_takes, tuple(refusing_messages)

    @rule(
        pongs=st.booleans(),
        drops_after=st.sampled_from([None, None, 0.01, 1.0, 31.0]),
        expires_after=st.sampled_from([None, None, 0.01, 1.0, 31.0]),
    )
    def the_connections_change(self, pongs: bool, drops_after: Optional[float], expires_after: Optional[float]) -> None:
        """Connections drop, keys die, pings stay unanswered."""
        script = self.drive.script
        script.pongs, script.drops_after, script.expires_after = pongs, drops_after, expires_after

    @rule(words=st.lists(WORDS, min_size=1, max_size=4), age=st.integers(0, 2))
    def a_connection_speaks(self, words, age: int) -> None:
        """Frames of the newest connection, when it stands, or the last words of an old one."""
        socket = self.session.socket - age
        for word in words:
            if age or socket in self.drive.open_sockets:
                self.drive.digest(*filter(None, [said(word, socket, self.session.key)]))

    @rule(age=st.integers(1, 3), key=KEYS, which=st.integers(0, 9))
    def an_old_answer_comes(self, age: int, key: str, which: int) -> None:
        """What was asked about an older key or connection is answered late."""
        generation, socket, now = self.session.generation - age, self.session.socket - age, self.drive.now
        errand, read = self.session.errands - age, reads.balances()
        self.drive.digest(
            (
                facts.KeyGranted(generation, Secret(key), now),
                facts.KeyNamed(generation, Secret(key), now),
                facts.CallFailed(generation, Call.PROBE_KEY, ExchangeError(400, -1125, "gone")),
                facts.BalancesRead(generation),
                facts.SocketLost(socket, "reset"),
                facts.RowsRead(errand, read, reads.Rows(()), now),
                facts.ReadFailed(errand, read, CredentialsRejected(401, -2015, "no"), now),
                facts.ReadPostponed(errand, read, 5.0),
                facts.Grounded(errand),
                facts.Merged(errand, facts.MergeTally()),
            )[which]
        )

    @rule(timer=st.sampled_from(facts.TIMERS))
    def an_old_timer_comes(self, timer: type) -> None:
        """A timer that was disarmed, or put off, is reported all the same."""
        if self.session.timers.get(timer, float("inf")) > self.drive.now.monotonic:
            self.drive.digest(timer())

    @precondition(lambda self: self.drive.open_sockets)
    @rule()
    def the_connection_drops(self) -> None:
        """A reset."""
        self.drive.digest(facts.SocketLost(self.session.socket, "reset"))

    @rule(chance=st.integers(0, 9))
    def the_user_stops(self, chance: int) -> None:
        """Now and then the user has enough."""
        if chance == 0:
            self.stopped = True
            self.drive.digest(facts.StopRequested())

    @invariant()
    def what_is_announced_is_what_is_read(self) -> None:
        """After a turn the announced state is the verdict of that moment."""
        self.drive.turn()

        assert self.drive.state is self.session.announced

    @invariant()
    def nothing_is_left_open(self) -> None:
        """At most the connection in use and the one that is to replace it stand, and none after the end."""
        second = self.session.second
        known = {self.session.socket} if second is None else {self.session.socket, second.socket}
        assert self.drive.open_sockets <= known
        assert not (self.session.has_ended and self.drive.open_sockets)
        assert not self.stopped or self.session.has_ended

    def teardown(self) -> None:
        """When the outside is well again the stream heals, every gap closes, and no storm has passed."""
        if not hasattr(self, "drive"):
            return
        drive = self.drive
        assert drive.most_requests_a_minute() <= 2 * MOST_REQUESTS_A_MINUTE
        assert drive.most_weight_a_minute() <= self.session.timings.weight_most
        assert self.session.signed or not drive.reads()
        if self.session.has_ended:
            return
        drive.script = type(drive.script)(key=drive.script.key)
        drive.run(1_800.0)

        assert self.session.has_ended or drive.state is StreamState.LIVE
        assert not drive.is_holding
        assert self.session.gaps == len(drive.told(GapClosed))


Walk.TestCase.settings = settings(
    max_examples=WALKS, stateful_step_count=30, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
TestWalk = Walk.TestCase


@pytest.mark.parametrize("jitter", [0.0, 0.5, 1 - 1e-9])
@pytest.mark.parametrize(
    "storm",
    [
        {"drops_after": 0.01},
        {"drops_after": 0.2},
        {"drops_after": 31.0},
        {"drops_after": 0.01, "mute": PLANS},
        {"expires_after": 0.01},
        {"expires_after": 0.2},
        {"lists": ()},
        {"lists": (), "list_takes": 30.0},
        {"refusing": PLANS},
        {"refusing": PLANS, "holding": {QUERY: 0.0}},
        {"refusing_messages": (LIST_ID,), "drops_after": 0.2},
        {"refusing_messages": (SUBSCRIBE_ID, LIST_ID), "refusing": (QUERY, PATH)},
        {"failing": {Call.READ_BALANCES: OUTSIDE_WINDOW}, "expires_after": 0.2, "mute": PLANS},
        {"names_key": False, "drops_after": 0.2},
        {"pongs": False},
        {"opening_takes": 5.0, "refusing": PLANS},
        *({"failing": {call: error}} for call in Call for error in (
            StreamInterrupted("no answer"),
            ExchangeError(400, -1125, "This listenKey does not exist."),
            OUTSIDE_WINDOW,
            ExchangeError(429, -1003, "Too many requests", 5.0),
            CredentialsRejected(401, -2015, "no"),
        )),
    ],
)  # fmt: skip
def test_no_weather_is_a_storm(storm, jitter):
    """Whatever goes wrong for ever, the requests of any minute stay bounded, before and after the first LIVE."""
    for lived in (0.0, 100.0):
        drive = Drive(Session(PlanWalk(PLANS), signed=True), jitter=jitter)
        if lived:
            drive.live().run(lived)
        for name, value in storm.items():
            setattr(drive.script, name, value)
        if lived:
            drive.digest(facts.SocketLost(drive.session.socket, "reset"))
        else:
            drive.start(within=1e9)
        drive.run(900.0)

        assert MOST_REQUESTS_A_MINUTE >= drive.most_requests_a_minute()
        assert drive.session.state is not State.STOPPED
