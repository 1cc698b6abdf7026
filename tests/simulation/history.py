"""What happened: at the exchange, on the way, and in the client. All that the validators look at."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Dict, FrozenSet, List, Optional, Sequence, Tuple, Union

import attrs

from binance_uds.events import (
    Event,
    GapCause,
    GapClosed,
    GapOpened,
    Notice,
    OrderTradeUpdate,
    StateChanged,
    StreamState,
)
from binance_uds.simulator.records import Account


@attrs.frozen
class Death:
    """The client's process was killed, and nothing more came of it."""


Item = Union[Event, Notice, Death]

#: Beyond the last millisecond there is.
NEVER_MS = 1 << 62


@attrs.define
class Pushed:
    """
    An event the exchange pushed.

    Attributes:
        time_ms: When it was due, in milliseconds of the exchange's clock.
        payload: What it says.
        copies: How often it was sent on each connection.
        was_lost: Whether a connection that seemed healthy did not bring it.
        was_read: Whether the client read a copy of it.
    """

    time_ms: int
    payload: Dict[str, Any] = attrs.field(repr=False)
    copies: int = 1
    was_lost: bool = False
    was_read: bool = False


@attrs.define
class Asked:
    """
    A REST request.

    Attributes:
        status: Of the answer; None when there was none.
        retry_after: Seconds it said to wait.
        was_heard: Whether the client got the answer.
        used_weight: What the answer said that the client's address has used in this minute.
    """

    at: float
    time_ms: int
    method: str
    path: str
    weight: int
    status: Optional[int] = None
    retry_after: Optional[float] = None
    was_heard: bool = False
    used_weight: Optional[int] = None


@attrs.frozen
class Look:
    """
    What a reader saw at one moment, beside what was true.

    Attributes:
        at: Seconds of the world.
        state: What the stream said of itself.
        read_age: Seconds since the client last read something from a connection.
        named_age: Seconds since it sent a request that was answered with its listen key.
        deaf_for: For how many seconds no push could reach it on its newest connection; 0 when it can.
        free_for: For how many seconds nothing kept it from finding that out: REST, its thread and its clocks worked.
    """

    at: float
    state: StreamState
    read_age: float
    named_age: float
    deaf_for: float
    free_for: float


@attrs.define(eq=False)
class History:
    """
    One run. Moments named ``at`` are seconds of the world, those named ``_ms`` are of the exchange's clock.

    Attributes:
        seed: Of the run.
        client: The name of the client.
        epoch: Unix time of the world's second 0.
        account: The exchange's own record of the account.
        is_bad: Whether REST lagged by more than anybody waits for.
        trouble_ends: When nothing more went wrong.
        ends: When the stream was stopped.
        troubles: What went wrong, and when.
        pushes: Everything pushed to the account's stream, in order.
        blind: Intervals in which no push could reach the client, in milliseconds.
        asked: Every REST request.
        handshakes: When connections were asked for.
        delivered: What the client's callbacks were called with, in order; and when it was killed.
        stops: When the stream was asked to stop, or began what it was busy with then.
        looks: What readers saw.
        alarms: Gaps that were opened because a connection did not answer that worked, and nothing hindered the client.
        log: What the client logged.
        timeline: What it told people at the end.
        health: The same in figures.
        account_seen: Its view of the account at the end; None when it keeps none.
        account_true: What it should be.
        profits: Per position, the unrealised profit last pushed, and all that REST told since.
        sleeps: When the client's machine was suspended, and for how many seconds.
        secrets: What nobody may ever see.
    """

    seed: int
    client: str
    epoch: float
    account: Account
    is_bad: bool
    trouble_ends: float
    ends: float
    troubles: List[Tuple[float, str]] = attrs.field(factory=list)
    pushes: List[Pushed] = attrs.field(factory=list)
    blind: List[Tuple[int, int]] = attrs.field(factory=list)
    asked: List[Asked] = attrs.field(factory=list)
    handshakes: List[float] = attrs.field(factory=list)
    delivered: List[Tuple[float, Item]] = attrs.field(factory=list)
    stops: List[float] = attrs.field(factory=list)
    looks: List[Look] = attrs.field(factory=list)
    alarms: List[Tuple[float, GapOpened]] = attrs.field(factory=list)
    log: List[str] = attrs.field(factory=list)
    timeline: Tuple[Any, ...] = ()
    health: Any = None
    account_seen: Optional[Dict[str, Dict[Any, Any]]] = None
    account_true: Dict[str, Dict[Any, Any]] = attrs.field(factory=dict)
    profits: Dict[Tuple[str, str], List[Decimal]] = attrs.field(factory=dict)
    sleeps: Sequence[Tuple[float, float]] = ()
    secrets: Tuple[str, ...] = attrs.field(default=(), repr=False)
    last_read_at: float = 0.0
    last_named_at: float = 0.0
    last_opened_at: float = 0.0
    _deaf_since_ms: Optional[int] = None
    _doubted: Optional[Tuple[float, GapOpened, FrozenSet[int]]] = None

    # Taken down while it happens

    def note_hearing(self, time_ms: int, is_heard: bool) -> bool:
        """Take down whether a push would reach the client from this moment on; returns whether that is new."""
        if is_heard == (self._deaf_since_ms is None):
            return False
        if self._deaf_since_ms is None:
            self._deaf_since_ms = time_ms
        else:
            self.blind.append((self._deaf_since_ms, time_ms))
            self._deaf_since_ms = None
        return True

    def look(self, at: float, state: StreamState, hindered_until: float) -> None:
        """Take down what a reader sees."""
        # A new connection is a new claim.
        deaf_for = 0.0 if self._deaf_since_ms is None else at - max(self.at(self._deaf_since_ms), self.last_opened_at)
        ages = (at - self.last_read_at, at - self.last_named_at)
        self.looks.append(Look(at, state, *ages, deaf_for, max(at - hindered_until, 0.0)))

    def note_gap(self, at: float, gap: GapOpened, hindered_until: float, working: FrozenSet[int]) -> None:
        """Take down that a connection is going to be given up as dead, and which ones work at this moment."""
        if gap.cause == GapCause.NO_ANSWER and at > hindered_until:
            self._doubted = at, gap, working

    def note_closed(self, number: int) -> None:
        """Take down that the client ended a connection: the first one after such a gap is the one given up."""
        if self._doubted is not None:
            at, gap, working = self._doubted
            self._doubted = None
            if number in working:
                self.alarms.append((at, gap))

    def end(self, time_ms: int, secrets: Tuple[str, ...]) -> None:
        """The stream is about to be stopped."""
        if self._deaf_since_ms is not None:
            self.blind.append((self._deaf_since_ms, time_ms))
        self.secrets = (self.account.api_key, self.account.api_secret, *secrets)

    # Asked by the validators

    def ms(self, at: float) -> int:
        """Return a second of the world in milliseconds of the exchange's clock."""
        return int((self.epoch + at) * 1000)

    def at(self, time_ms: int) -> float:
        """Return a millisecond of the exchange's clock in seconds of the world."""
        return time_ms / 1000 - self.epoch

    def of(self, item_class: Any) -> List[Tuple[float, Any]]:
        """Return what was delivered of a class, in order."""
        return [(at, item) for at, item in self.delivered if isinstance(item, item_class)]

    @property
    def fills(self) -> List[OrderTradeUpdate]:
        """The fills that were delivered, in order."""
        return [item for _, item in self.delivered if isinstance(item, OrderTradeUpdate) and item.is_fill]

    @property
    def reports(self) -> List[GapClosed]:
        """The reports of all gaps that were closed."""
        return [report for _, report in self.of(GapClosed)]

    @property
    def announced(self) -> List[Tuple[int, int]]:
        """The intervals announced as blind, in milliseconds; what is still open has no end."""
        spans: List[Tuple[int, int]] = []
        still_open: Dict[int, int] = {}
        for at, notice in self.of((GapOpened, GapClosed, Death)):
            if isinstance(notice, GapOpened):
                still_open[notice.gap_id] = notice.since_ms
            elif isinstance(notice, Death):
                spans += [(since_ms, self.ms(at)) for since_ms in still_open.values()]
                still_open.clear()
            else:
                still_open.pop(notice.gap_id, None)
                spans.append((notice.since_ms, notice.until_ms))
        return [*spans, *((since_ms, NEVER_MS) for since_ms in still_open.values())]

    @property
    def ends_of_lives(self) -> List[float]:
        """When the stream ended, each time it did."""
        ended = (StreamState.STOPPED, StreamState.FAILED)
        return [at for at, change in self.of(StateChanged) if change.new in ended]

    @property
    def lives(self) -> List[Tuple[int, int]]:
        """From when to when the stream was at work: from its first LIVE to its end, each time it was started."""
        lives: List[Tuple[int, int]] = []
        since: Optional[int] = None
        for at, change in self.of((StateChanged, Death)):
            state = StreamState.STOPPED if isinstance(change, Death) else change.new
            if since is None and state is StreamState.LIVE:
                since = self.ms(at)
            elif since is not None and state in (StreamState.STOPPED, StreamState.FAILED):
                lives.append((since, self.ms(at)))
                since = None
        return lives
