"""
When a stream may call itself LIVE.

Silence proves nothing on a user data stream, so liveness is a set of dated proofs, each good for its lease. Whoever
asks computes the ages from the clocks at that moment; a thread that hangs or died cannot keep a stream LIVE.
"""

from __future__ import annotations

from typing import Iterator, Optional, Tuple

import attrs

from ..events.notices import StreamState
from ..instants import Instant
from .timings import Timings


@attrs.define
class Proofs:
    """
    When each thing was last proven; None when it is not.

    Attributes:
        transport: Any frame came, or the pong to our own ping.
        key: A request that named our key as the account's was sent.
        delivery: The account was compared with what was delivered, and nothing was missing. Without a secret it cannot
            be, and is not asked for.
        wants_delivery: Whether it is asked for.
    """

    transport: Optional[Instant] = None
    key: Optional[Instant] = None
    delivery: Optional[Instant] = None
    wants_delivery: bool = False
    _before_doubt: Optional[Instant] = None

    def renew_transport(self, at: Instant) -> None:
        """The connection was proven at this moment, if not at a later one already, by what was read from it."""
        if self.transport is None or self.transport.monotonic < at.monotonic:
            self.transport = at
        self._settle_doubt()

    def renew_key(self, at: Instant) -> None:
        """The key was proven at this moment."""
        self.key = at
        self._settle_doubt()

    def renew_delivery(self, at: Instant) -> None:
        """Nothing was missing at this moment."""
        self.delivery = at

    def void(self, now: Instant) -> None:
        """Forget all proofs, since the clocks disagree about how old they are; but not since when that is."""
        self._before_doubt = self.oldest(now)
        self.transport = self.key = self.delivery = None

    def void_key(self, now: Instant) -> None:
        """Forget the proof of the key, since nobody may ask for one any more; but not since when that is."""
        self._before_doubt = self.oldest(now)
        self.key = None

    def oldest(self, now: Instant) -> Instant:
        """Return the last moment at which everything was proven: the oldest proof, or what stood before a doubt."""
        moments = [moment for moment in (self._before_doubt, self.transport, self.key) if moment is not None]
        return max(moments, key=lambda moment: moment.age(now), default=now)

    def _settle_doubt(self) -> None:
        # The same key, and the same connection in order: then nothing was missed meanwhile either.
        if self.transport is not None and self.key is not None:
            self._before_doubt = None

    def leases(self, timings: Timings) -> Tuple[Tuple[str, Optional[Instant], float], ...]:
        """Return a row per proof: what it proves, when that was proven, and for how many seconds it counts."""
        leases = (
            ("the connection", self.transport, timings.transport_lease),
            ("the listen key", self.key, timings.key_lease),
        )
        if not self.wants_delivery:
            return leases
        return (*leases, ("the delivery", self.delivery, timings.delivery_lease))

    def lapsed(self, timings: Timings, now: Instant) -> Optional[str]:
        """Return in words what is no longer proven, or None when everything is."""
        for what, proven, lease in self.leases(timings):
            if proven is None:
                return f"{what} is unproven"
            if proven.age(now) > lease:
                return f"{what} was last proven {proven.age(now):.0f} s ago"
        return None

    def may_be_deaf(self, timings: Timings, now: Instant) -> bool:
        """Whether events may be missing of late: the connection or the listen key is not proven any more."""
        leases = self.leases(timings)[:2]
        return any(proven is None or proven.age(now) > lease for _, proven, lease in leases)

    def until_lapse(self, timings: Timings, now: Instant) -> Iterator[float]:
        """Yield for each standing proof in how many seconds it lapses."""
        for _, proven, lease in self.leases(timings):
            if proven is not None and proven.age(now) <= lease:
                yield lease - proven.age(now)


@attrs.frozen
class Standing:
    """
    Where a session stands, for those who read it from another thread; replaced as a whole, never changed.

    Attributes:
        ended: STOPPED or FAILED once the session is over.
        started: Whether it was ever started.
        was_live: Whether it was ever LIVE.
        serving: Whether a connection is in use; ``confirmed`` tells whether it was a last resort.
        gap_open: Whether a gap is open.
        confirmed: Whether the exchange's reply named our key as subscribed.
        reason: Why it stands so, in plain words.
    """

    ended: Optional[StreamState] = None
    started: bool = False
    was_live: bool = False
    serving: bool = False
    gap_open: bool = False
    confirmed: bool = False
    reason: str = "not started"


@attrs.frozen
class Verdict:
    """A stream's state and why, in plain words."""

    state: StreamState
    why: str


def judge(standing: Standing, proofs: Proofs, timings: Timings, now: Instant) -> Verdict:
    """Return what the stream is worth at this moment."""
    if standing.ended is not None:
        return Verdict(standing.ended, standing.reason)
    if not standing.started:
        return Verdict(StreamState.IDLE, standing.reason)
    not_live = StreamState.STALE if standing.was_live else StreamState.STARTING
    if not standing.serving:
        return Verdict(not_live, standing.reason)
    # Before the gap: what is not proven is not being repaired either.
    lapsed = proofs.lapsed(timings, now)
    if standing.gap_open and not standing.was_live:
        return Verdict(not_live, "what happened since the cursor is not settled yet")
    if lapsed is not None:
        return Verdict(not_live, lapsed)
    if standing.gap_open:
        return Verdict(StreamState.REPAIRING, "a gap is being repaired")
    return Verdict(StreamState.LIVE, "every proof holds" if standing.confirmed else "subscription unconfirmed")
