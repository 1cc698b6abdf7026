"""The end: as asked, or because it could not begin."""

from __future__ import annotations

from typing import Iterator, Optional

from ...errors import StartTimeout, UserDataStreamError
from ...events.notices import GapCause, StreamState
from ...instants import Instant
from .. import commands as do
from .. import findings
from ..commands import Command
from ..situation import Situation


def shut(session: Situation, finding: object, now: Instant, jitter: float) -> Iterator[Command]:
    """The user wants no more."""
    if session.release_key and session.key is not None:
        yield do.ReleaseKey()
    yield from _end(session, StreamState.STOPPED, "stopped as asked", None, now)


def refuse_start(session: Situation, finding: findings.StartRefused, now: Instant, jitter: float) -> Iterator[Command]:
    """What the user gave is wrong; trying again would not help."""
    yield from _end(session, StreamState.FAILED, str(finding.error), finding.error, now)


def give_up_start(session: Situation, finding: object, now: Instant, jitter: float) -> Iterator[Command]:
    """It took too long."""
    why = session.verdict(now).why
    if session.trouble is not None and session.trouble != why:
        why = f"{why}; before that: {session.trouble}"
    error = StartTimeout(session.start_within, why)
    yield from _end(session, StreamState.FAILED, str(error), error, now)


def _end(
    session: Situation, ended: StreamState, reason: str, error: Optional[UserDataStreamError], now: Instant
) -> Iterator[Command]:
    if session.standing.serving and session.proofs.may_be_deaf(session.timings, now):
        # Nobody will find out any more what was missed since.
        yield from session.open_gap(GapCause.STOPPED_UNPROVEN, now, session.in_use_since if session.is_mute else None)
    yield from session.close_socket()
    yield from session.close_second(first_goes_on=False)
    session.end_errand()
    if session.signed:
        yield do.ReleaseHeld()
    # What comes from here on is not missed but not asked for.
    yield from session.close_gaps(now)
    session.end(ended, reason)
    yield do.Note(reason)
    yield do.Finish(error)
