"""
What a session knows, and the few things everybody does with it.

Facts are understood against it, reactions change it, and the session in ``session.py`` is it, with rules.
"""

from __future__ import annotations

import enum
import math
from typing import Any, Dict, Iterator, Optional, Type

import attrs

from ..credentials import Secret
from ..events.notices import GapClosed, GapOpened, Proof, StreamState
from ..instants import Instant
from ..markets import AccessPlan
from . import commands as do
from . import facts
from .backoff import Backoff
from .commands import Command
from .exchange_clock import ExchangeClock
from .facts import Call
from .plans import PlanWalk
from .proofs import Proofs, Standing, Verdict, judge
from .timings import Timings

#: What a gap may have swallowed when nothing was read back.
UNRECOVERABLE = ("fills", "order states", "account updates", "signals")


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
class Situation:
    """
    Everything one session knows and has set going. One thread changes it; any may read ``standing`` and ``proofs``.

    Attributes:
        plans: The walk over the market's access plans.
        timings: Its numbers of seconds.
        signed: Whether signed requests are possible.
        release_key: Whether to DELETE the listen key at the end.
        gaps: How many gaps were opened so far.
        state: Where it is in its life; the table of rules alone changes it.
        standing: The same for those who read it from another thread.
        proofs: What was proven when.
        clock: The exchange's.
        gap: The open one, if one is open.
        key: The listen key in use, from its grant until it is given up.
        key_since: When it was asked for.
        key_renewed: When it was last proven, and so extended, whatever was doubted since.
        generation: Counts the keys given up; answers about an older one are stale.
        socket: Counts connections; what an older one says is data, never control.
        connections: How many were confirmed and taken into use.
        short_lives: How many keys or connections in a row died younger than any should.
        secret_is_proven: Whether a signed request was ever accepted.
        clock_was_refused: Whether one was ever refused for its time.
        in_use_since: When the connection opened, then when it was taken into use.
        socket_is_open: Whether it is open.
        probe_call: What proves the key: PUT, or POST where PUT names none.
        timers: What is to be reported at which monotonic time.
        start_within: Seconds the start may take.
        trouble: What the last attempt failed of.
        announced: The state last announced.
        told_unconfirmed: The plan about which a person was told that nothing confirms it.
        retries: Waits after calls and plans that failed.
        renewals: Waits after short lives.
        probe_retries: Waits after probes of unknown outcome.
        refusals: Waits after refused credentials.
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
    key_renewed: Optional[Instant] = attrs.field(init=False, default=None)
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
    trouble: Optional[str] = attrs.field(init=False, default=None)
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

    # What understanding asks

    def verdict(self, now: Instant) -> Verdict:
        """Return what the stream is worth at this moment; any thread may ask."""
        return judge(self.standing, self.proofs, self.timings, now)

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

    def key_dies_in(self, now: Instant) -> float:
        """Return in how many seconds the key dies unless it is extended before."""
        assert self.key_renewed is not None
        return max(0.0, self.timings.key_life - self.key_renewed.age(now))

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
        self.trouble = reason
        return self.arm(facts.RetryDue, now, seconds)

    def key_is_proven(self, at: Instant) -> None:
        """The exchange named our key as the account's, and extended it, when it was asked at this moment."""
        self.proofs.renew_key(at)
        self.key_renewed = at
        self.probe_retries.reset()
        self.refusals.reset()
        self.disarm(facts.KeyOutlived)

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
        self.gap = Gap(self.gaps, since, self._blind_since_ms(since), cause)
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
                since_ms=min(gap.since_ms, self._blind_since_ms(gap.since)),
                until_ms=self.clock.latest_ms(now),
                cause=gap.cause,
                proof=Proof.UNPROVEN,
                unrecoverable=UNRECOVERABLE,
            )
        )

    def _blind_since_ms(self, proven: Instant) -> int:
        """
        Return from when on events may be missing when everything was last proven at this moment.

        A frame proves only what the exchange had sent before it, and a fill is older than its push.
        """
        return self.clock.earliest_ms(proven) - math.ceil(1000 * self.timings.gap_margin)
