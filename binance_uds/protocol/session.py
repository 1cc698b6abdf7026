"""
What a user-data session does next.

Facts come in, commands go out. A fact is first understood (``understanding.py``), then looked up: every transition is
a row of ``RULES``, and what is impossible in a state is a missing row. What is done about it stands in ``reactions``.
Nothing here blocks, reads a clock or draws a random number: both are arguments. The README draws the table.
"""

from __future__ import annotations

import enum
from typing import Any, Callable, Dict, Iterator, List, Optional, Tuple, Type

import attrs

from ..credentials import Secret
from ..events.notices import GapClosed, GapOpened, Proof, StateChanged, StreamState
from ..instants import Instant
from ..markets import AccessPlan
from . import commands as do
from . import facts, findings
from .backoff import Backoff
from .commands import Command
from .exchange_clock import ExchangeClock
from .facts import Call, Fact
from .plans import PlanWalk
from .proofs import Proofs, Standing, Verdict, judge
from .reactions import connections, ending, keys, trouble
from .timings import Timings
from .understanding import understand

#: What a gap may have swallowed when nothing was read back.
UNRECOVERABLE = ("fills", "order states", "account updates", "signals")


class SessionMisused(RuntimeError):
    """A fact that is impossible in the session's state was reported; a defect of this package."""


class State(enum.Enum):
    """
    Where a session is in its life.

    ``IDLE``: not started. ``KEYLESS``: a listen key was asked for. ``CONNECTING``: a connection is being opened.
    ``CONFIRMING``: it is open, and asked whether it is subscribed to our key. ``VERIFYING``: a first signed read
    shows whether the API secret is right. ``SERVING``: connected, probing and pinging. ``WAITING``: until a retry.
    ``STOPPED``, ``FAILED``: over.
    """

    IDLE = "idle"
    KEYLESS = "keyless"
    CONNECTING = "connecting"
    CONFIRMING = "confirming"
    VERIFYING = "verifying"
    SERVING = "serving"
    WAITING = "waiting"
    STOPPED = "stopped"
    FAILED = "failed"


@attrs.frozen
class Gap:
    """An open blind interval; ``since_ms`` is as announced, ``since`` lets a better known clock date it again."""

    gap_id: int
    since: Instant
    since_ms: int
    cause: str


@attrs.define(eq=False)
class Session:
    """
    One user-data session, from start to stop. One thread calls it; any thread may read ``standing`` and ``proofs``.

    Attributes:
        plans: The walk over the market's access plans.
        timings: Its numbers of seconds.
        signed: Whether signed requests are possible.
        release_key: Whether to DELETE the listen key at the end.
        gaps: How many gaps were opened so far.
        generation: Counts listen keys; answers about an older one are stale.
        socket: Counts connections; what an older one says is data, never control.
        connections: How many connections were confirmed and used.
    """

    plans: PlanWalk
    timings: Timings = attrs.field(factory=Timings)
    signed: bool = False
    release_key: bool = False
    gaps: int = 0

    state: State = attrs.field(init=False, default=State.IDLE)
    standing: Standing = attrs.field(init=False, factory=Standing)
    proofs: Proofs = attrs.field(init=False, factory=Proofs)
    clock: ExchangeClock = attrs.field(init=False)
    gap: Optional[Gap] = attrs.field(init=False, default=None)
    key: Optional[Secret] = attrs.field(init=False, default=None)
    key_since: Optional[Instant] = attrs.field(init=False, default=None)
    generation: int = attrs.field(init=False, default=0)
    socket: int = attrs.field(init=False, default=0)
    connections: int = attrs.field(init=False, default=0)
    short_lives: int = attrs.field(init=False, default=0)
    secret_is_proven: bool = attrs.field(init=False, default=False)
    clock_was_refused: bool = attrs.field(init=False, default=False)

    in_use_since: Optional[Instant] = attrs.field(init=False, default=None)
    socket_is_open: bool = attrs.field(init=False, default=False)
    probe_call: Call = attrs.field(init=False, default=Call.PROBE_KEY)
    timers: Dict[Type[facts.Timer], float] = attrs.field(init=False, factory=dict)
    start_within: float = attrs.field(init=False, default=0.0)
    announced: StreamState = attrs.field(init=False, default=StreamState.IDLE)
    told_unconfirmed: Optional[AccessPlan] = attrs.field(init=False, default=None)
    retries: Backoff = attrs.field(init=False)
    renewals: Backoff = attrs.field(init=False)
    probe_retries: Backoff = attrs.field(init=False)
    refusals: Backoff = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        timings = self.timings
        self.clock = ExchangeClock(timings.clock_unknown_ms)
        self.retries = Backoff(timings.retry_first, timings.retry_most)
        self.renewals = Backoff(timings.retry_first, timings.retry_most)
        self.probe_retries = Backoff(timings.probe_retry_first, timings.retry_most)
        self.refusals = Backoff(timings.refused_first, timings.refused_most)

    # What the worker calls

    def handle(self, fact: Fact, now: Instant, jitter: float) -> List[Command]:
        """
        Digest one fact.

        Args:
            fact: What happened.
            now: When it is digested.
            jitter: A random number from 0 up to 1, for waits.

        Returns:
            Commands, to be carried out in this order.

        Raises:
            SessionMisused: The fact is impossible in this state; nothing changed.
        """
        finding = understand(self, fact, now)
        if finding is None:
            return []
        try:
            target, react = RULES[self.state, type(finding)]
        except KeyError:
            raise SessionMisused(f"{type(finding).__name__} while {self.state.value}") from None
        self.state = target
        if isinstance(fact, facts.TIMERS):
            self.disarm(type(fact))
        commands = list(react(self, finding, now, jitter))
        # Nobody should learn of a change only after a call that took seconds.
        swift = [command for command in commands if not isinstance(command, do.BLOCKING)]
        slow = [command for command in commands if isinstance(command, do.BLOCKING)]
        return [*swift, *self.announce_state(now), *slow]

    def heard(self, socket: int, since: Instant) -> None:
        """
        A frame came on this connection.

        Args:
            socket: The connection's number.
            since: When it was last looked at before. The frame is younger than that, and nothing more is known: it may
                have lain unread while the machine slept or the thread was busy, and the connection died meanwhile.
        """
        if socket == self.socket:
            self.proofs.renew_transport(since)
            self.timers.pop(facts.PongOverdue, None)

    def due(self, now: Instant) -> List[Fact]:
        """Return the timers whose moment has come, earliest first; what is done about one may void the next."""
        ripe = sorted((at, timer.__name__, timer) for timer, at in self.timers.items() if at <= now.monotonic)
        return [timer() for _, _, timer in ripe]

    def next_deadline(self, now: Instant) -> float:
        """Return the monotonic time at which there will be something to do, if nothing happens before."""
        moments = [now.monotonic + self.timings.longest_sleep, *self.timers.values()]
        if self.standing.serving:
            # A little later than the lapse itself, or the proof would just still stand when it is judged.
            moments += [now.monotonic + lapse + 0.001 for lapse in self.proofs.until_lapse(self.timings, now)]
        return min(moments)

    def announce_state(self, now: Instant) -> Iterator[Command]:
        """Yield the announcement of a changed state, if it changed: proofs lapse by the passing of time alone."""
        verdict = self.verdict(now)
        if verdict.state is not self.announced:
            old, self.announced = self.announced, verdict.state
            yield do.Announce(StateChanged(old=old, new=verdict.state, reason=verdict.why))

    def verdict(self, now: Instant) -> Verdict:
        """Return what the stream is worth at this moment; any thread may ask."""
        return judge(self.standing, self.proofs, self.timings, now)

    def crash(self, reason: str) -> None:
        """The worker failed: whatever was going on is over, and visibly so."""
        self.state = State.FAILED
        self.end(StreamState.FAILED, reason)

    # What understanding asks

    @property
    def has_ended(self) -> bool:
        """Whether the session is over."""
        return self.state in (State.STOPPED, State.FAILED)

    @property
    def is_confirming(self) -> bool:
        """Whether the reply about the subscription is awaited."""
        return self.state is State.CONFIRMING

    @property
    def reconnects(self) -> int:
        """How many connections were taken into use after the first."""
        return max(self.connections - 1, 0)

    def was_short_lived(self, now: Instant) -> bool:
        """Whether the key and connection in use are younger than any should die."""
        return self.in_use_since is not None and self.in_use_since.age(now) < self.timings.short_life

    # What the reactions share

    def stand(self, **changes: Any) -> None:
        """Show other threads where the session stands now."""
        self.standing = attrs.evolve(self.standing, **changes)

    def arm(self, timer: Type[facts.Timer], now: Instant, seconds: float) -> float:
        """Have a timer reported so many seconds from now; returns the seconds."""
        self.timers[timer] = now.monotonic + seconds
        return seconds

    def disarm(self, *timers: Type[facts.Timer]) -> None:
        """Have timers not reported."""
        for timer in timers:
            self.timers.pop(timer, None)

    def wait(self, now: Instant, seconds: float, reason: str) -> float:
        """Do nothing for so many seconds, and say why; returns the seconds."""
        self.stand(reason=reason)
        return self.arm(facts.RetryDue, now, seconds)

    def close_socket(self) -> Iterator[Command]:
        """Let go of the connection; from here on it is an old one."""
        if self.socket_is_open:
            self.socket_is_open = False
            yield do.CloseSocket(self.socket)
        self.socket += 1

    def end(self, ended: StreamState, reason: str) -> None:
        """Nothing more is to be done."""
        self.timers.clear()
        self.stand(ended=ended, serving=False, confirmed=False, reason=reason)

    def open_gap(self, cause: str, now: Instant) -> Iterator[Command]:
        """Announce that events may be missing; once, until it is closed, and never before the first LIVE."""
        if self.gap is not None or not self.standing.was_live:
            return
        self.gaps += 1
        since = self.proofs.oldest(now)
        self.gap = Gap(self.gaps, since, self.clock.earliest_ms(since), cause)
        self.stand(gap_open=True)
        yield do.Announce(GapOpened(gap_id=self.gap.gap_id, since_ms=self.gap.since_ms, cause=cause))

    def close_gap(self, now: Instant) -> Iterator[Command]:
        """Announce the end of the blind interval, if one is open."""
        if self.gap is None:
            return
        gap, self.gap = self.gap, None
        self.stand(gap_open=False)
        yield do.Announce(
            GapClosed(
                gap_id=gap.gap_id,
                since_ms=min(gap.since_ms, self.clock.earliest_ms(gap.since)),
                until_ms=self.clock.latest_ms(now),
                cause=gap.cause,
                proof=Proof.UNPROVEN,
                unrecoverable=UNRECOVERABLE,
            )
        )


_Rule = Tuple[State, Callable[..., Iterator[Command]]]
RULES: Dict[Tuple[State, Type[object]], _Rule] = {
    (State.IDLE, facts.Started): (State.KEYLESS, keys.begin),
    (State.IDLE, facts.StopRequested): (State.STOPPED, ending.shut),
    # A key
    (State.KEYLESS, facts.KeyGranted): (State.CONNECTING, keys.take_key),
    (State.KEYLESS, findings.CallUnanswered): (State.WAITING, trouble.wait_unanswered),
    (State.KEYLESS, findings.CallHeld): (State.WAITING, trouble.wait_held),
    (State.KEYLESS, findings.CallBlocked): (State.WAITING, trouble.wait_blocked),
    (State.KEYLESS, findings.CredentialsRefused): (State.WAITING, trouble.wait_refused),
    (State.KEYLESS, findings.StartRefused): (State.FAILED, ending.refuse_start),
    (State.WAITING, facts.RetryDue): (State.KEYLESS, keys.ask_for_key),
    # A connection
    (State.CONNECTING, facts.SocketOpened): (State.CONFIRMING, connections.ask_for_subscription),
    (State.CONNECTING, findings.PlanFailed): (State.CONNECTING, connections.try_next_plan),
    (State.CONNECTING, findings.PlansUnconfirmed): (State.CONNECTING, connections.fall_back),
    (State.CONNECTING, findings.PlansExhausted): (State.WAITING, trouble.wait_without_plan),
    # A subscription
    (State.CONFIRMING, findings.SubscriptionConfirmed): (State.SERVING, connections.serve_confirmed),
    (State.CONFIRMING, findings.SecretUnproven): (State.VERIFYING, connections.verify_secret),
    (State.CONFIRMING, findings.PlanFailed): (State.CONNECTING, connections.try_next_plan),
    (State.CONFIRMING, findings.PlansUnconfirmed): (State.CONNECTING, connections.fall_back),
    (State.CONFIRMING, findings.PlansExhausted): (State.WAITING, trouble.wait_without_plan),
    # A secret
    (State.VERIFYING, facts.BalancesRead): (State.SERVING, connections.serve_verified),
    (State.VERIFYING, facts.RetryDue): (State.VERIFYING, connections.read_balances),
    (State.VERIFYING, findings.ClockRefused): (State.VERIFYING, connections.sign_again),
    (State.VERIFYING, findings.CallUnanswered): (State.VERIFYING, trouble.wait_unanswered),
    (State.VERIFYING, findings.CallHeld): (State.VERIFYING, trouble.wait_held),
    (State.VERIFYING, findings.CallBlocked): (State.VERIFYING, trouble.wait_blocked),
    (State.VERIFYING, findings.StartRefused): (State.FAILED, ending.refuse_start),
    (State.VERIFYING, findings.SubscriptionConfirmed): (State.VERIFYING, connections.confirm_late),
    # A life
    (State.SERVING, facts.PingDue): (State.SERVING, connections.ping),
    (State.SERVING, facts.ProbeDue): (State.SERVING, keys.probe),
    (State.SERVING, findings.KeyConfirmed): (State.SERVING, keys.confirm_key),
    (State.SERVING, findings.KeyUnnamed): (State.SERVING, keys.probe_by_request),
    (State.SERVING, findings.CallUnanswered): (State.SERVING, trouble.probe_unanswered),
    (State.SERVING, findings.CallHeld): (State.SERVING, trouble.probe_held),
    (State.SERVING, findings.CallBlocked): (State.SERVING, trouble.probe_blocked),
    (State.SERVING, findings.CredentialsRefused): (State.SERVING, trouble.probe_refused),
    (State.SERVING, findings.SubscriptionConfirmed): (State.SERVING, connections.confirm_late),
    (State.SERVING, findings.FrameLost): (State.SERVING, trouble.suspect_frame),
    # An interruption
    **{
        (state, findings.Interrupted): (State.KEYLESS, trouble.begin_again)
        for state in (State.CONFIRMING, State.VERIFYING, State.SERVING)
    },
    **{
        (state, findings.InterruptedAgain): (State.WAITING, trouble.begin_again_later)
        for state in (State.CONFIRMING, State.VERIFYING, State.SERVING)
    },
    # In every state between the start and the end
    **{
        (state, fact): (target or state, react)
        for state in (
            State.KEYLESS,
            State.CONNECTING,
            State.CONFIRMING,
            State.VERIFYING,
            State.SERVING,
            State.WAITING,
        )
        for fact, target, react in (
            (facts.ClockRead, None, connections.read_clock),
            (facts.ClocksJumped, None, trouble.doubt),
            (facts.StopRequested, State.STOPPED, ending.shut),
        )
    },
    # A start that takes too long
    **{
        (state, facts.StartOverdue): (State.FAILED, ending.give_up_start)
        for state in (State.KEYLESS, State.CONNECTING, State.CONFIRMING, State.VERIFYING, State.WAITING)
    },
}
