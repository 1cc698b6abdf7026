"""
A session driven in virtual time: the runtime's worker without a thread, and an outside that follows a script.

`Drive` takes the turns that the worker takes, on clocks that a test moves, and checks after every fact what must hold
at any time. Nothing here waits.
"""

from __future__ import annotations

import heapq
import itertools
from typing import Any, Callable, Dict, List, Optional, Set, Tuple, Type, TypeVar, Union

import attrs

from binance_uds.credentials import Secret
from binance_uds.errors import UserDataStreamError
from binance_uds.events.notices import GapClosed, GapOpened, Notice, StreamState
from binance_uds.instants import Instant
from binance_uds.markets import AccessForm, AccessPlan
from binance_uds.protocol import commands as do
from binance_uds.protocol import facts
from binance_uds.protocol.budget import Budget
from binance_uds.protocol.commands import Command
from binance_uds.protocol.facts import Call, Fact
from binance_uds.protocol.ledger.books import Books
from binance_uds.protocol.plans import PlanWalk
from binance_uds.protocol.reading import reads
from binance_uds.protocol.reading.reads import Rows
from binance_uds.protocol.session import Session
from binance_uds.protocol.situation import State
from binance_uds.protocol.subscriptions import LIST_ID, SUBSCRIBE_ID

KEY, OTHER_KEY = "k1-" + "a" * 61, "k2-" + "b" * 61
QUERY, SUBSCRIBE, PATH = PLANS = tuple(
    AccessPlan("wss://one.example/private", form) for form in (AccessForm.QUERY, AccessForm.SUBSCRIBE, AccessForm.PATH)
)
EPOCH = 1_700_000_000.0
ROUND_TRIP = 0.05

#: The most that retries may ask of the exchange in a minute: 9 walks fit in, the first two without a wait between them,
#: then with waits that double from 0.5 s to 15 s; each takes one key, a connection twice per plan at most, and a signed
#: read after a look at the clock, both once more when the time is refused. Where no signed read is due the clock and
#: two probes take less.
MOST_REQUESTS_A_MINUTE = 9 * (1 + 2 * len(PLANS) + 2 * 2)

CommandT = TypeVar("CommandT", bound=Command)
NoticeT = TypeVar("NoticeT", bound=Notice)


def moment(seconds: float, *, slept: float = 0.0, set_by: float = 0.0) -> Instant:
    """Return the moment `seconds` after a common start; the machine has slept, and its clock was set, by so much."""
    return Instant(seconds, 70_000.0 + seconds + slept, EPOCH + seconds + slept + set_by)


@attrs.define
class Script:
    """
    How the outside answers; a test changes it as it goes.

    Attributes:
        key: The account's listen key.
        names_key: Whether PUT says which key it extended.
        call_takes: Seconds until a REST call is answered.
        way_there: Share of that time which passes before the exchange acts.
        failing: What calls end with instead of an answer.
        rows: What reads are answered, by name; nothing when absent.
        malformed: Rows that cannot be used beside them, in words, by name.
        incomplete: Fields that are None in usable rows, in words, by name.
        failing_reads: What reads end with instead, by name; None as a name is all of them.
        used_weight: What the exchange says that the address has used, with each answer to a signed read.
        tally: What comes of a merge.
        opening_takes: Seconds until a handshake succeeds, or is refused.
        refusing: Plans whose handshake is refused.
        holding: For how many seconds the exchange then wants to be left alone, by plan.
        mute: Plans on which nobody answers LIST_SUBSCRIPTIONS.
        refusing_messages: Numbers of our messages that are answered with an error.
        lists: The keys named as subscribed; None: the connection's own.
        list_takes: Seconds until the reply about the subscription.
        pongs: Whether pings are answered.
        drops_after: Seconds after which a connection ends by itself; None: never.
        expires_after: Seconds after which the key of a new connection is said to have expired; None: never.
        ahead: By how many seconds the exchange's clock is ahead of ours, as ours was at the start.
    """

    key: str = KEY
    names_key: bool = True
    call_takes: float = ROUND_TRIP
    way_there: float = 0.5
    failing: Dict[Call, UserDataStreamError] = attrs.field(factory=dict)
    rows: Dict[str, Tuple[Any, ...]] = attrs.field(factory=dict)
    malformed: Dict[str, Tuple[str, ...]] = attrs.field(factory=dict)
    incomplete: Dict[str, Tuple[str, ...]] = attrs.field(factory=dict)
    failing_reads: Dict[Optional[str], UserDataStreamError] = attrs.field(factory=dict)
    used_weight: Optional[int] = None
    tally: facts.MergeTally = facts.MergeTally()
    opening_takes: float = ROUND_TRIP
    refusing: Tuple[AccessPlan, ...] = ()
    holding: Dict[AccessPlan, float] = attrs.field(factory=dict)
    mute: Tuple[AccessPlan, ...] = ()
    refusing_messages: Tuple[int, ...] = ()
    lists: Optional[Tuple[str, ...]] = None
    list_takes: float = ROUND_TRIP
    pongs: bool = True
    drops_after: Optional[float] = None
    expires_after: Optional[float] = None
    ahead: float = 0.0


@attrs.define
class Drive:
    """Drives one session; `issued` holds what it commanded, each with its time, but for reads that were postponed."""

    session: Session = attrs.field(factory=lambda: Session(PlanWalk(PLANS)))
    script: Script = attrs.field(factory=Script)
    jitter: float = 0.5
    seconds: float = 0.0
    slept: float = 0.0
    set_by: float = 0.0
    issued: List[Tuple[float, Command]] = attrs.field(factory=list)
    budget: Budget = attrs.field(factory=Budget)
    _arrivals: List[Tuple[float, int, int, Optional[Fact]]] = attrs.field(factory=list)
    _numbers: itertools.count[int] = attrs.field(factory=itertools.count)
    _open: Dict[int, Secret] = attrs.field(factory=dict)
    _reads: List[do.MakeRead] = attrs.field(factory=list)
    _last_look: Optional[Instant] = None
    _gaps: Dict[int, GapOpened] = attrs.field(factory=dict)
    _gaps_told: int = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self._gaps_told = self.session.gaps

    # The clocks

    @property
    def now(self) -> Instant:
        """The present moment."""
        return moment(self.seconds, slept=self.slept, set_by=self.set_by)

    @property
    def exchange_ms(self) -> float:
        """What the exchange's clock shows."""
        return (EPOCH + self.seconds + self.slept + self.script.ahead) * 1000

    # What a test does

    def start(self, within: float = 30.0) -> Drive:
        """Let the user start the stream, and carry out what follows at once."""
        self.digest(facts.Started(within))
        return self

    def live(self) -> Drive:
        """Start, and run until the first probe has confirmed the key."""
        self.start().run(1.0)
        assert State.SERVING is self.session.state
        return self

    def run(self, seconds: float) -> Drive:
        """Let time pass, turn by turn, as long as the session lasts."""
        until = self.seconds + seconds
        while self.seconds < until and not self.session.has_ended:
            wake = self._next_wake(until)
            self.seconds = max(self.seconds, wake)
            self.turn()
        return self

    def run_until(self, reached: Callable[[], bool], within: float) -> float:
        """Run until something holds, and return how many seconds that took."""
        begun = self.seconds
        while not reached():
            assert self.seconds - begun <= within, f"not within {within} s"
            wake = self._next_wake(begun + within + 1.0)
            self.seconds = max(self.seconds, wake)
            self.turn()
        return self.seconds - begun

    def suspend(self, seconds: float) -> Drive:
        """Let the machine sleep: its monotonic clock stands still, and it wakes into a turn."""
        self.slept += seconds
        self.turn()
        return self

    def arrive(self, fact: Optional[Fact], *, on: Optional[int] = None, after: float = 0.0) -> None:
        """Have a frame come on a connection, with what it tells the session; None: a pong."""
        socket = self.session.socket if on is None else on
        heapq.heappush(self._arrivals, (self.seconds + after, next(self._numbers), socket, fact))

    def digest(self, *found: Fact) -> None:
        """Let the session digest facts, and carry out what it commands, until nothing follows."""
        waiting = list(found)
        while waiting:
            commands = self.session.handle(waiting.pop(0), self.now, self.jitter)
            self.check(commands)
            for command in commands:
                waiting.extend(self._perform(command))
        self.check_wait()

    def turn(self) -> None:
        """Look at the clocks, read the connections, report the timers, announce what changed."""
        at = self.now
        before = self._last_look or at
        jump = before.jump(at)
        self._last_look = at
        if jump > self.session.timings.clock_jump:
            self.digest(facts.ClocksJumped(jump))
        while self._arrivals and self._arrivals[0][0] <= at.monotonic:
            _, _, socket, fact = heapq.heappop(self._arrivals)
            if socket in self._open:
                if fact is not None:
                    self.digest(fact)
                self.session.heard(socket, before)
        self.digest(*self.session.due(at))
        if self._reads:
            self.digest(self._read(self._reads.pop(0)))
        for command in self.session.announce_state(self.now):
            self._perform(command)

    def _next_wake(self, latest: float) -> float:
        if self._reads:
            return self.seconds
        return min(latest, self.session.next_deadline(self.now), *(row[0] for row in self._arrivals[:1]))

    # What a test asks

    def commanded(self, kind: Type[CommandT], since: float = 0.0) -> List[CommandT]:
        """Return the commands of a kind issued since a virtual time."""
        return [command for at, command in self.issued if at >= since and isinstance(command, kind)]

    def reads(self, since: float = 0.0) -> List[str]:
        """Return the names of the reads asked for since a virtual time."""
        return [command.read.name for command in self.commanded(do.MakeRead, since)]

    def calls(self, call: Call, since: float = 0.0) -> List[float]:
        """Return when a REST call was made."""
        return [at for at, made in self.issued if at >= since and isinstance(made, do.Make) and made.call is call]

    def told(self, kind: Type[NoticeT], since: float = 0.0) -> List[NoticeT]:
        """Return the notices of a kind announced since a virtual time."""
        return [made.notice for made in self.commanded(do.Announce, since) if isinstance(made.notice, kind)]

    @property
    def state(self) -> StreamState:
        """What a reader sees at this moment."""
        return self.session.verdict(self.now).state

    def most_requests_a_minute(self) -> int:
        """Return the largest number of calls and connections within any minute."""
        times = [at for at, command in self.issued if isinstance(command, do.BLOCKING)]
        return max((sum(1 for at in times if start <= at < start + 60.0) for start in times), default=0)

    def most_weight_a_minute(self) -> int:
        """Return the largest request weight of reads within any minute."""
        spent = [
            (at, reads.weight(made.read, self.session.market))
            for at, made in self.issued
            if isinstance(made, do.MakeRead)
        ]
        return max((sum(one for at, one in spent if start <= at < start + 60.0) for start, _ in spent), default=0)

    @property
    def is_holding(self) -> bool:
        """Whether events are held back at this moment."""
        changes = (do.Hold, do.Merge, do.ReleaseHeld)
        made = [command for _, command in self.issued if isinstance(command, changes)]
        return bool(made) and isinstance(made[-1], do.Hold)

    # What always holds

    def check(self, commands: List[Command]) -> None:
        """Check what must hold after every fact."""
        session = self.session
        for command in commands:
            if isinstance(command, do.Make):
                assert session.generation == command.generation
            elif isinstance(command, (do.OpenSocket, do.Subscribe, do.ListSubscriptions, do.SendPing)):
                assert command.socket in (session.socket, session.second.socket if session.second else None)
            elif isinstance(command, do.CloseSocket):
                assert command.socket != session.socket
        if commands:
            assert session.announced is session.verdict(self.now).state
        if self.state is StreamState.LIVE:
            assert [] == session.open_gaps
            for _, proven, lease in session.proofs.leases(session.timings):
                assert proven is not None
                assert proven.age(self.now) <= lease
        for command in commands:
            if isinstance(command, do.Announce):
                self._check_gap_notice(command.notice)
        assert list(self._gaps) == [gap.gap_id for gap in session.open_gaps]

    def _check_gap_notice(self, told: Notice) -> None:
        """Check that gaps open once and close once, count up, and end after they began."""
        if isinstance(told, GapOpened):
            assert self._gaps_told + 1 == told.gap_id
            self._gaps[told.gap_id], self._gaps_told = told, told.gap_id
        elif isinstance(told, GapClosed):
            opened = self._gaps.pop(told.gap_id)
            assert opened.cause == told.cause
            assert told.since_ms <= opened.since_ms
            assert told.since_ms <= told.until_ms

    def check_wait(self) -> None:
        """Check that whatever is waited for has an end."""
        timers, standing = set(self.session.timers), self.session.standing
        if self.session.has_ended:
            assert set() == timers
        else:
            assert (standing.started and not standing.was_live) == (facts.StartOverdue in timers)
            awaited: Dict[State, Set[type]] = {
                State.IDLE: set(),
                State.CONFIRMING: {facts.PlanOverdue},
                State.VERIFYING: {facts.RetryDue},
                State.SERVING: {facts.PingDue, facts.ProbeDue},
                State.WAITING: {facts.RetryDue},
            }
            assert awaited[self.session.state] <= timers, f"nothing ends the wait while {self.session.state.value}"
            self._check_errands(timers)

    def _check_errands(self, timers: Set[type]) -> None:
        """Check that a signed session in use always has a next look at the account before it, and else none."""
        session = self.session
        if not session.signed or session.state is not State.SERVING:
            assert session.errand is None
            assert timers.isdisjoint({facts.SettleDue, facts.ReadingDue, facts.AuditDue})
            return
        is_asked = any(read.errand == session.errands for read in self._reads)
        assert (session.errand is not None) == (is_asked or facts.ReadingDue in timers)
        endless = any(gap.until is None for gap in session.open_gaps)
        assert endless or session.errand is not None or not timers.isdisjoint({facts.SettleDue, facts.AuditDue})

    # How the outside answers

    def _perform(self, command: Command) -> List[Fact]:
        self.issued.append((self.seconds, command))
        if isinstance(command, do.Make):
            return [self._answer(command)]
        if isinstance(command, do.OpenSocket):
            return [self._opened(command)]
        if isinstance(command, do.MakeRead):
            self._reads.append(command)
            return []
        if isinstance(command, do.Ground):
            return [self._grounded(command)]
        if isinstance(command, do.Merge):
            return [facts.Merged(command.errand, self.script.tally)]
        if isinstance(command, (do.Subscribe, do.ListSubscriptions)):
            self._reply(command)
        elif isinstance(command, do.SendPing) and self.script.pongs:
            pong = facts.PongHeard(command.socket, command.payload)
            self.arrive(pong, on=command.socket, after=ROUND_TRIP)
        elif isinstance(command, do.CloseSocket):
            self._open.pop(command.socket, None)
        return []

    def _answer(self, command: do.Make) -> Fact:
        script, sent_at = self.script, self.now
        self.seconds += script.call_takes
        if command.call in script.failing:
            return facts.CallFailed(command.generation, command.call, script.failing[command.call])
        if command.call is Call.REQUEST_KEY:
            return facts.KeyGranted(command.generation, Secret(script.key), sent_at)
        if command.call is Call.PROBE_KEY:
            return facts.KeyNamed(command.generation, Secret(script.key) if script.names_key else None, sent_at)
        if command.call is Call.READ_CLOCK:
            asked_ms = self.exchange_ms - script.call_takes * (1 - script.way_there) * 1000
            return facts.ClockRead(int(asked_ms), sent_at, self.now)
        self.budget.heed(self.script.used_weight, self.seconds)
        return facts.BalancesRead(command.generation)

    def _read(self, command: do.MakeRead) -> Fact:
        script, sent_at, market = self.script, self.now, self.session.market
        weight, most = reads.weight(command.read, market), self.session.timings.weight_most
        wait = self.budget.ask("this session", weight, self.seconds, most=most, allowed=market.weight_limit)
        if wait > 0:
            self.issued = [entry for entry in self.issued if entry[1] is not command]
            return facts.ReadPostponed(command.errand, command.read, wait)
        self.seconds += script.call_takes
        error = script.failing_reads.get(command.read.name, script.failing_reads.get(None))
        if error is not None:
            return facts.ReadFailed(command.errand, command.read, error, sent_at)
        name = command.read.name
        rows = Rows(script.rows.get(name, ()), script.malformed.get(name, ()), script.incomplete.get(name, ()))
        self.budget.heed(script.used_weight, self.seconds)
        return facts.RowsRead(command.errand, command.read, rows, sent_at)

    def _grounded(self, command: do.Ground) -> Fact:
        chains = self.session.books.chains
        chains.grounded_ms = command.since_ms if chains.grounded_ms is None else chains.grounded_ms
        self.session.books.forget_before(chains.grounded_ms)
        return facts.Grounded(command.errand)

    def _opened(self, command: do.OpenSocket) -> Fact:
        script = self.script
        self.seconds += script.opening_takes
        if command.plan in script.refusing:
            return facts.SocketRefused(command.socket, "refused", script.holding.get(command.plan))
        self._open[command.socket] = command.key
        if script.drops_after is not None:
            self.arrive(facts.SocketLost(command.socket, "reset"), on=command.socket, after=script.drops_after)
        if script.expires_after is not None:
            self.arrive(
                facts.ExpiryNoticed(command.socket, command.key),
                on=command.socket,
                after=script.expires_after,
            )
        return facts.SocketOpened(command.socket, self.now)

    def _reply(self, command: Union[do.Subscribe, do.ListSubscriptions]) -> None:
        script, socket = self.script, command.socket
        if self.session.plans.current in script.mute:
            return
        fact: Optional[Fact] = None
        message = SUBSCRIBE_ID if isinstance(command, do.Subscribe) else LIST_ID
        if message in script.refusing_messages:
            fact = facts.SubscriptionRefused(socket, message, "the exchange answered with error 2")
        elif message == LIST_ID:
            keys = (self._open[socket],) if script.lists is None else tuple(Secret(key) for key in script.lists)
            fact = facts.SubscriptionListed(socket, keys)
        self.arrive(fact, on=socket, after=script.list_takes)

    @property
    def open_sockets(self) -> Set[int]:
        """The connections that stand."""
        return set(self._open)


def signed(*, release_key: bool = False, jitter: float = 0.5) -> Drive:
    """Return a drive of a session that has a secret."""
    return Drive(Session(PlanWalk(PLANS), signed=True, release_key=release_key), jitter=jitter)


def resumed(*, signed: bool = True, counted: bool = True, ago_s: float = 3_600.0) -> Drive:
    """Return a drive of a session that goes on where a former run ended, which counted the account or did not."""
    since_ms = round(1000 * (EPOCH - ago_s))
    books = Books()
    books.delivered.forget_before(since_ms)
    if counted:
        books.chains.grounded_ms = since_ms - 1000
    return Drive(Session(PlanWalk(PLANS), signed=signed, books=books, resume_ms=since_ms))
