"""
What a session knows, and the few things everybody does with it.

Facts are understood against it, reactions change it, and the session in ``session.py`` is it, with rules.
"""

from __future__ import annotations

import enum
import math
from typing import Any, Dict, FrozenSet, Iterator, List, Optional, Set, Type

import attrs

from ..credentials import Secret
from ..events.notices import GapOpened, StateChanged, StreamState
from ..instants import Instant
from ..markets import USDM, AccessPlan, Market
from . import commands as do
from . import facts
from .backoff import Backoff
from .commands import Command
from .exchange_clock import ExchangeClock
from .facts import Call
from .gaps import Gap, Repaired
from .ledger.books import Books
from .plans import PlanWalk
from .proofs import Proofs, Standing, Verdict, judge
from .reading.errands import Errand
from .reading.recovery import Recovery
from .second import Pings, Second
from .timings import Timings


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


@attrs.define(eq=False)
class Situation:
    """
    Everything one session knows and has set going. One thread changes it; any may read ``standing`` and ``proofs``.

    Attributes:
        plans: The walk over the market's access plans.
        timings: Its numbers of seconds.
        signed: Whether signed requests are possible.
        release_key: Whether to DELETE the listen key at the end.
        market: What reads cost, and how much the exchange allows.
        books: What the stream told of the account; the delivery writes it.
        user_symbols: Symbols that the user wants looked into by every repair.
        gaps: How many gaps were opened so far.
        resume_ms: A former run delivered all of before this moment, by the exchange's clock; None: there is none
            to go on from.
        state: Where it is in its life; the table of rules alone changes it.
        standing: The same for those who read it from another thread.
        proofs: What was proven when.
        clock: The exchange's.
        blind_ms: How long the gaps that were closed lasted, together; each by itself, also where two overlap.
        open_gaps: Blind intervals that were announced and are not over, oldest first.
        errand: The reads under way, or none.
        errands: How many errands were begun; an answer to an older one means nothing.
        recovery: What an interrupted repair found.
        looked_twice: Whether the account was read again after REST had settled.
        held_since: Since which monotonic time what comes has had to wait for the repair of the open gaps, however many
            connections were lost meanwhile; None while nothing waits.
        is_hold_over: Whether what was held back had to be delivered before the open gaps were repaired.
        unread_audits: How many audits in a row could not read everything.
        watermark_ms: Everything of before this moment was found to be delivered, by the exchange's clock.
        key: The listen key in use, from its grant until it is given up.
        key_since: When it was asked for.
        key_renewed: When it was last proven, and so extended, whatever was doubted since.
        generation: Counts the keys given up; answers about an older one are stale.
        socket: The number of the connection in use, or of none; what any other says is data, never control.
        sockets: How many numbers of connections were given out.
        pings: Our pings on the connection in use.
        second: The connection beside it, if there is one.
        wants_second: Whether there is to be a second one all the time.
        is_rotating: Whether another one is to take the place of this one.
        connections: How many were taken into use.
        short_lives: How many keys or connections in a row died younger than any should.
        secret_is_proven: Whether a signed request was ever accepted.
        clock_was_refused: Whether the first one was refused for its time, and sent once more.
        in_use_since: When the connection opened, then when it was taken into use.
        in_use_ms: The same by the exchange's clock, at the latest, as the best reading of it tells; None before one.
        socket_may_stand: Whether it was asked for and not let go of: it may stand before anybody tells that it is open.
        probe_call: What proves the key: PUT, or POST where PUT names none.
        timers: What is to be reported at which monotonic time.
        start_within: Seconds the start may take.
        trouble: What the last attempt failed of.
        announced: The state last announced.
        told_malformed: Fields of rows about which a person was told that what REST answers is not of their type.
        told_unconfirmed: The plan about which a person was told that nothing confirms it.
        retries: Waits after calls and plans that failed.
        renewals: Waits after short lives.
        second_retries: Waits after second connections that failed.
        probe_retries: Waits after probes of unknown outcome.
        refusals: Waits after refused credentials.
        read_retries: Waits after reads of errands that failed.
    """

    plans: PlanWalk
    timings: Timings = attrs.field(factory=Timings)
    signed: bool = False
    release_key: bool = False
    market: Market = USDM
    books: Books = attrs.field(factory=Books)
    user_symbols: FrozenSet[str] = frozenset()
    wants_second: bool = False
    gaps: int = 0
    resume_ms: Optional[int] = None

    state: State = attrs.field(init=False, default=State.IDLE)
    standing: Standing = attrs.field(init=False, factory=Standing)
    proofs: Proofs = attrs.field(init=False, factory=Proofs)
    clock: ExchangeClock = attrs.field(init=False)
    blind_ms: int = attrs.field(init=False, default=0)
    open_gaps: List[Gap] = attrs.field(init=False, factory=list)
    errand: Optional[Errand] = attrs.field(init=False, default=None)
    errands: int = attrs.field(init=False, default=0)
    recovery: Optional[Recovery] = attrs.field(init=False, default=None)
    looked_twice: bool = attrs.field(init=False, default=False)
    held_since: Optional[float] = attrs.field(init=False, default=None)
    is_hold_over: bool = attrs.field(init=False, default=False)
    unread_audits: int = attrs.field(init=False, default=0)
    watermark_ms: int = attrs.field(init=False, default=0)
    key: Optional[Secret] = attrs.field(init=False, default=None)
    key_since: Optional[Instant] = attrs.field(init=False, default=None)
    key_renewed: Optional[Instant] = attrs.field(init=False, default=None)
    generation: int = attrs.field(init=False, default=0)
    socket: int = attrs.field(init=False, default=0)
    sockets: int = attrs.field(init=False, default=0)
    pings: Pings = attrs.field(init=False, factory=Pings)
    second: Optional[Second] = attrs.field(init=False, default=None)
    is_rotating: bool = attrs.field(init=False, default=False)
    connections: int = attrs.field(init=False, default=0)
    short_lives: int = attrs.field(init=False, default=0)
    secret_is_proven: bool = attrs.field(init=False, default=False)
    clock_was_refused: bool = attrs.field(init=False, default=False)
    in_use_since: Optional[Instant] = attrs.field(init=False, default=None)
    in_use_ms: Optional[int] = attrs.field(init=False, default=None)
    socket_may_stand: bool = attrs.field(init=False, default=False)
    probe_call: Call = attrs.field(init=False, default=Call.PROBE_KEY)
    timers: Dict[Type[facts.Timer], float] = attrs.field(init=False, factory=dict)
    start_within: float = attrs.field(init=False, default=0.0)
    trouble: Optional[str] = attrs.field(init=False, default=None)
    announced: StreamState = attrs.field(init=False, default=StreamState.IDLE)
    told_malformed: Set[str] = attrs.field(init=False, factory=set)
    told_unconfirmed: Optional[AccessPlan] = attrs.field(init=False, default=None)
    retries: Backoff = attrs.field(init=False)
    renewals: Backoff = attrs.field(init=False)
    second_retries: Backoff = attrs.field(init=False)
    probe_retries: Backoff = attrs.field(init=False)
    refusals: Backoff = attrs.field(init=False)
    read_retries: Backoff = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        timings = self.timings
        self.clock = ExchangeClock(timings.clock_unknown_ms)
        self.retries = Backoff(timings.retry_first, timings.retry_most)
        self.renewals = Backoff(timings.retry_first, timings.retry_most)
        self.second_retries = Backoff(timings.retry_first, timings.refused_first)
        self.probe_retries = Backoff(timings.probe_retry_first, timings.retry_most)
        self.refusals = Backoff(timings.refused_first, timings.refused_most)
        self.read_retries = Backoff(timings.retry_first, timings.retry_most)
        self.proofs.wants_delivery = self.signed

    # What understanding asks

    def verdict(self, now: Instant) -> Verdict:
        """Return what the stream is worth at this moment; any thread may ask."""
        return judge(self.standing, self.proofs, self.timings, now)

    def open_gap_ms(self, now: Instant) -> Optional[int]:
        """Return how long the oldest open gap has lasted, or None while none is open; any thread may ask."""
        beginnings = [gap.since_ms for gap in tuple(self.open_gaps)]
        return max(self.clock.now_ms(now) - min(beginnings), 0) if beginnings else None

    @property
    def has_ended(self) -> bool:
        """Whether the session is over."""
        return self.state in (State.STOPPED, State.FAILED)

    @property
    def is_confirming(self) -> bool:
        """Whether the reply about the subscription is awaited."""
        return self.state is State.CONFIRMING

    @property
    def is_mute(self) -> bool:
        """Whether nothing confirmed the subscription of the connection in use, and nothing came on it."""
        if not self.standing.serving or self.standing.confirmed or self.in_use_since is None:
            return False
        return self.books.told_ms < self.clock.earliest_ms(self.in_use_since)

    @property
    def reconnects(self) -> int:
        """How many connections were taken into use after the first."""
        return max(self.connections - 1, 0)

    def was_short_lived(self, now: Instant) -> bool:
        """Whether the key and connection in use are younger than any should die."""
        return self.in_use_since is not None and self.in_use_since.age(now) < self.timings.short_life

    def date_use(self) -> int:
        """Return since when the connection is in use at the latest, by the exchange's clock; ours may be set later."""
        assert self.in_use_since is not None
        latest_ms = self.clock.latest_ms(self.in_use_since)
        self.in_use_ms = latest_ms if self.in_use_ms is None else min(self.in_use_ms, latest_ms)
        return self.in_use_ms

    def key_dies_in(self, now: Instant) -> float:
        """Return in how many seconds the key dies unless it is extended before."""
        assert self.key_renewed is not None
        return max(0.0, self.timings.key_life - self.key_renewed.age(now))

    # What the reactions share

    def stand(self, **changes: Any) -> None:
        """Show other threads where the session stands now."""
        self.standing = attrs.evolve(self.standing, **changes)

    @property
    def is_answerable(self) -> bool:
        """Whether what is missed has to be told: since the first LIVE, or since the end of a former run."""
        return self.standing.was_live or self.resume_ms is not None

    def announce_state(self, now: Instant) -> Iterator[Command]:
        """Yield the announcement of a changed state, if it changed: proofs lapse by the passing of time alone."""
        verdict = self.verdict(now)
        if verdict.state is StreamState.LIVE and not self.standing.was_live:
            # What the start waits for is reached.
            self.disarm(facts.StartOverdue)
            self.stand(was_live=True)
        if verdict.state is not self.announced:
            old, self.announced = self.announced, verdict.state
            yield do.Announce(StateChanged(old=old, new=verdict.state, reason=verdict.why))

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
        if self.socket_may_stand:
            self.socket_may_stand = False
            yield do.CloseSocket(self.socket)
        self.socket = self.next_socket()
        self.is_rotating = False

    def next_socket(self) -> int:
        """Return a number for a connection, or for none, which no other has."""
        self.sockets += 1
        return self.sockets

    def close_second(self, *, first_goes_on: bool) -> Iterator[Command]:
        """Let go of the second connection; what it told is told by the first as well, unless that is gone, too."""
        second, self.second = self.second, None
        self.disarm(facts.SecondDue, facts.SecondOverdue)
        if second is not None:
            yield do.CloseSocket(second.socket)
            yield do.Discard(second.socket) if first_goes_on else do.Adopt(second.socket)

    def end(self, ended: StreamState, reason: str) -> None:
        """Nothing more is to be done."""
        self.timers.clear()
        self.stand(ended=ended, serving=False, confirmed=False, reason=reason)

    def open_gap(self, cause: str, now: Instant, since: Optional[Instant] = None) -> Iterator[Command]:
        """
        Announce that any events may be missing; once, until it is closed, and never before that matters.

        Args:
            cause: A word of ``GapCause``.
            now: The present.
            since: From when on; by default since everything was last proven.
        """
        whole = [gap for gap in self.open_gaps if gap.symbols is None]
        for gap in self.open_gaps:
            # What followed its blind interval was to be delivered by what is gone now.
            gap.until = None
        if self.is_answerable and not whole:
            since = since or self.proofs.oldest(now)
            yield from self.announce_gap(cause, self.blind_since_ms(since), since=since)

    def announce_gap(
        self,
        cause: str,
        since_ms: int,
        *,
        since: Optional[Instant] = None,
        until: Optional[Instant] = None,
        symbols: Optional[FrozenSet[str]] = None,
        found: Optional[Recovery] = None,
    ) -> Iterator[Command]:
        """Open a gap; what may have to wait for its repair is held back from now on."""
        self.gaps += 1
        self.open_gaps.append(Gap(self.gaps, since_ms, cause, since, until, symbols, found or Recovery()))
        self.stand(gap_open=True)
        yield do.Announce(GapOpened(gap_id=self.gaps, since_ms=since_ms, cause=cause))
        if self.signed and not self.is_hold_over:
            yield do.Hold(symbols)

    def close_gaps(self, now: Instant, repaired: Optional[Repaired] = None) -> Iterator[Command]:
        """
        Announce the end of blind intervals.

        Args:
            now: The moment at which those end for which no earlier one is known.
            repaired: What came of a repair, and of which gaps; None: nothing was repaired, and all end.
        """
        for gap in list(self.open_gaps):
            if repaired is not None and gap.gap_id not in repaired.gaps:
                continue
            self.open_gaps.remove(gap)
            until = gap.until or now
            until_ms = self.clock.latest_ms(until)
            since_ms = gap.since_ms
            if gap.since is not None:
                # Also by how long ago it was: the clock it was dated by may have been set back meanwhile.
                since_ms = min(since_ms, self.blind_since_ms(gap.since), until_ms - gap.since.most_ms_to(until))
            if repaired is None and self.signed and self.watermark_ms:
                # Nor will anybody look for what was lost before it, on a connection that seemed healthy.
                since_ms = min(since_ms, self.watermark_ms)
            report = gap.closed(since_ms, max(since_ms, until_ms), repaired)
            self.blind_ms += report.until_ms - report.since_ms
            yield do.Announce(report)
        if not self.open_gaps:
            self.is_hold_over, self.held_since = False, None
            self.disarm(facts.HoldOverdue, facts.SettleDue)
        self.stand(gap_open=bool(self.open_gaps))

    def end_errand(self) -> None:
        """Break off the reads under way; an answer that still comes means nothing."""
        if self.errand is not None:
            self.errand.steps.close()
        self.errand = None
        self.errands += 1
        self.read_retries.reset()
        self.disarm(facts.ReadingDue)

    def blind_since_ms(self, proven: Instant) -> int:
        """
        Return from when on events may be missing when everything was last proven at this moment.

        A frame proves only what the exchange had sent before it, and a fill is older than its push.
        """
        return self.clock.earliest_ms(proven) - math.ceil(1000 * self.timings.gap_margin)
