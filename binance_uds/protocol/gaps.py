"""Blind intervals: from their announcement to the report that ends them."""

from __future__ import annotations

from typing import FrozenSet, Optional, Tuple

import attrs

from ..events.notices import GapClosed, Proof
from ..instants import Instant
from .facts import MergeTally
from .reading.recovery import Recovery

#: What a gap may have swallowed when nothing was read back.
UNRECOVERABLE = ("fills", "order states", "account updates", "signals")

#: What no REST call tells of the time in between.
NEVER_RECOVERED = ("intermediate order states", "signals")


@attrs.define
class Gap:
    """
    An open blind interval.

    Attributes:
        gap_id: Counts the gaps of a stream from 1.
        since_ms: Its start as announced, by the exchange's clock.
        cause: A word of ``GapCause``.
        since: The same as a moment of our clocks, where it began with one: a better known clock dates it again.
        until: From when on everything is delivered again; None while it is not.
        symbols: Those whose frames may be missing; none when only a balance is; None for all.
        found: Rows of it that were read already.
    """

    gap_id: int
    since_ms: int
    cause: str
    since: Optional[Instant] = None
    until: Optional[Instant] = None
    symbols: Optional[FrozenSet[str]] = None
    found: Recovery = attrs.field(factory=Recovery)

    def closed(self, since_ms: int, until_ms: int, repaired: Optional[Repaired]) -> GapClosed:
        """Return the report that ends it."""
        if repaired is None:
            return self._report(since_ms, until_ms, Proof.UNPROVEN, MergeTally(), UNRECOVERABLE)
        own = repaired.of(self)
        # A frame may be lost before a connection is known to be gone, and after another one is in use.
        moments = [time_ms for time_ms, _ in own.recovered]
        since_ms, until_ms = min([since_ms, *moments]), max([until_ms, *moments])
        lost = repaired.unrecoverable if self.symbols is not None else (*repaired.unrecoverable, *NEVER_RECOVERED)
        return self._report(since_ms, until_ms, repaired.proof, own, lost)

    def _report(self, since_ms: int, until_ms: int, proof: str, own: MergeTally, lost: Tuple[str, ...]) -> GapClosed:
        return GapClosed(
            gap_id=self.gap_id,
            since_ms=since_ms,
            until_ms=until_ms,
            cause=self.cause,
            proof=proof,
            recovered=len(own.recovered),
            late=len(own.late),
            duplicates=own.duplicates,
            unrecoverable=lost,
        )


@attrs.define
class Repaired:
    """
    What came of the repair of some gaps.

    Attributes:
        gaps: Their ids; what was found is told of once, with the first gap it fits.
        proof: On what evidence they are closed.
        tally: What was delivered.
        unrecoverable: What is missing for good.
    """

    gaps: Tuple[int, ...]
    proof: str
    tally: MergeTally
    unrecoverable: Tuple[str, ...]

    def of(self, gap: Gap) -> MergeTally:
        """Return what of the tally belongs to a gap, and take it out."""
        is_last = gap.gap_id == self.gaps[-1]
        tally = self.tally

        def belongs(fill: Tuple[int, str]) -> bool:
            return is_last or gap.symbols is None or fill[1] in gap.symbols

        own = MergeTally(
            tuple(fill for fill in tally.recovered if belongs(fill)),
            tuple(fill for fill in tally.late if belongs(fill)),
            duplicates=tally.duplicates,
        )
        self.tally = MergeTally(
            tuple(fill for fill in tally.recovered if not belongs(fill)),
            tuple(fill for fill in tally.late if not belongs(fill)),
        )
        return own
