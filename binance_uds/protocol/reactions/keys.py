"""The listen key: asked for, obtained, probed."""

from __future__ import annotations

from typing import Iterator

from ...events.notices import GapCause
from ...instants import Instant
from .. import commands as do
from .. import facts, findings
from ..commands import Command
from ..facts import Call
from ..situation import Situation
from .connections import dial
from .errands import settle_first


def begin(session: Situation, finding: facts.Started, now: Instant, jitter: float) -> Iterator[Command]:
    """The user wants the stream."""
    session.start_within = finding.start_within
    session.arm(facts.StartOverdue, now, finding.start_within)
    session.stand(started=True)
    if session.resume_ms is not None:
        session.watermark_ms = session.resume_ms
        session.stand(reason="going on where a former run ended")
        yield from session.announce_state(now)
        yield from session.announce_gap(GapCause.RESTARTED, session.resume_ms)
    yield from ask_for_key(session, finding, now, jitter)


def ask_for_key(session: Situation, finding: object, now: Instant, jitter: float) -> Iterator[Command]:
    """POST gives the account's key, the old one or a new one, and extends it."""
    session.stand(reason="getting a listen key")
    yield do.Make(Call.REQUEST_KEY, session.generation)


def take_key(session: Situation, finding: facts.KeyGranted, now: Instant, jitter: float) -> Iterator[Command]:
    """A key to connect with."""
    session.key, session.key_since = finding.key, finding.sent_at
    session.key_is_proven(finding.sent_at)
    session.plans.begin(now, session.timings.last_resort_life)
    yield do.Note(f"listen key {finding.key.tag} obtained")
    yield from dial(session, now)


def probe(session: Situation, finding: object, now: Instant, jitter: float) -> Iterator[Command]:
    """Ask whether the key in use is still the account's."""
    yield do.Make(session.probe_call, session.generation)


def probe_by_request(session: Situation, finding: object, now: Instant, jitter: float) -> Iterator[Command]:
    """PUT named no key; POST on a live key extends and names it, so it is a probe just as good."""
    session.probe_call = Call.REQUEST_KEY
    yield do.Make(session.probe_call, session.generation)


def _trust_key(session: Situation, now: Instant) -> Iterator[Command]:
    """A gap without an end was opened when the key was thought dead; the same key named again never died."""
    endless = [gap for gap in session.open_gaps if gap.until is None]
    for gap in endless:
        gap.until = now
    if endless and session.signed:
        settle_first(session, now)
    elif endless:
        yield from session.close_gaps(now)


def confirm_key(session: Situation, finding: findings.KeyConfirmed, now: Instant, jitter: float) -> Iterator[Command]:
    """The key is proven from when the question was sent."""
    session.key_is_proven(finding.sent_at)
    yield from _trust_key(session, now)
    timings = session.timings
    if session.clock.wants_reading(timings.clock_interval, now):
        # With the probes, so that a reading that failed is repeated, and neither drifts far from the other in a day.
        yield do.Make(Call.READ_CLOCK, session.generation)
    # Counted from the sending: a slow answer must not put off the next question, or the bound would not hold.
    session.arm(
        facts.ProbeDue,
        finding.sent_at,
        timings.keepalive_interval * (1 + timings.keepalive_spread * (2 * jitter - 1)),
    )
