"""What goes wrong in the middle of life: interruptions, refusals, doubt."""

from __future__ import annotations

from typing import Iterator

from ...events.notices import Attention, AttentionCode, GapCause
from ...instants import Instant
from .. import commands as do
from .. import facts, findings
from ..backoff import hold
from ..commands import Command
from ..situation import Situation
from .errands import hold_at_most, settle_first
from .keys import ask_for_key

#: HTTP status of an address that is banned. Source: USDⓈ-M Futures > General Info > LIMITS.
_BANNED = 418
#: Requests are counted by the minute, so who has to wait longer, in seconds, is banned. Source: the same.
_LIMIT_WINDOW_S = 60.0


def begin_again(session: Situation, finding: findings.Interrupted, now: Instant, jitter: float) -> Iterator[Command]:
    """Key or connection is gone: open a gap and start over."""
    if not session.was_short_lived(now):
        session.renewals.reset()
    yield from _interrupt(session, finding.cause, finding.detail, now)
    yield from ask_for_key(session, finding, now, jitter)


def begin_again_later(
    session: Situation, finding: findings.InterruptedAgain, now: Instant, jitter: float
) -> Iterator[Command]:
    """Gone again, too soon: open a gap, wait, start over."""
    yield from _interrupt(session, finding.cause, finding.detail, now)
    wait = session.wait(now, session.renewals.next_wait(jitter), finding.cause)
    if session.short_lives == session.timings.short_lives_tolerated:
        yield _attention(
            AttentionCode.SHORT_LIVED,
            f"{session.short_lives} times in a row the listen key or the connection died within "
            f"{session.timings.short_life:g} s of use, now because: {finding.cause}. Another process may be deleting "
            "the account's key, or the market's hosts and events may not fit each other. Retrying more slowly",
        )
    yield do.Note(f"trying again in {wait:.1f} s")


def _interrupt(session: Situation, cause: str, detail: str, now: Instant) -> Iterator[Command]:
    """Open the gap and let go of the key and the connection: their generation is over."""
    session.short_lives = session.short_lives + 1 if session.was_short_lived(now) else 0
    reason = f"{cause}: {detail}" if detail else cause
    yield do.Note(reason)
    is_lost = cause == GapCause.SUBSCRIPTION_LOST
    # Whatever else was proven: whether this connection would have delivered anything was not.
    yield from session.open_gap(cause, now, session.in_use_since if is_lost or session.is_mute else None)
    if is_lost:
        session.plans.demote()
    session.disarm(
        facts.PlanOverdue,
        facts.ProbeDue,
        facts.KeyOutlived,
        facts.PingDue,
        facts.PongOverdue,
        facts.RetryDue,
        facts.SettleDue,
        facts.HoldOverdue,
        facts.AuditDue,
        facts.RotationDue,
    )
    session.end_errand()
    session.generation += 1
    session.key = session.in_use_since = None
    session.stand(serving=False, confirmed=False, reason=reason)
    yield from session.close_socket()
    yield from session.close_second(first_goes_on=False)


def wait_unanswered(
    session: Situation, finding: findings.CallUnanswered, now: Instant, jitter: float
) -> Iterator[Command]:
    """Try again, later each time."""
    wait = session.wait(now, session.retries.next_wait(jitter), finding.reason)
    yield do.Note(f"{finding.reason}; trying again in {wait:.1f} s")


def wait_without_plan(
    session: Situation, finding: findings.PlansExhausted, now: Instant, jitter: float
) -> Iterator[Command]:
    """Perhaps the key is to blame: begin with a new one, later each time, and not before the exchange allows it."""
    yield from session.close_socket()
    session.generation += 1
    session.key = None
    session.disarm(facts.PlanOverdue)
    wait, hold_s = session.retries.next_wait(jitter), finding.retry_after_s
    if hold_s is not None:
        wait = max(wait, hold(hold_s, jitter))
        yield from _tell_hold(session, finding.reason, hold_s, now, is_ban=hold_s > _LIMIT_WINDOW_S)
    session.wait(now, wait, f"no connection: {finding.reason}")
    yield do.Note(f"no access plan does ({finding.reason}); trying again in {wait:.1f} s")


def wait_held(session: Situation, finding: findings.CallHeld, now: Instant, jitter: float) -> Iterator[Command]:
    """The exchange said for how long."""
    session.wait(now, hold(finding.hold_s, jitter), finding.reason)
    yield from _tell_hold(session, finding.reason, finding.hold_s, now, is_ban=finding.status == _BANNED)


def wait_blocked(session: Situation, finding: findings.CallBlocked, now: Instant, jitter: float) -> Iterator[Command]:
    """A firewall does not forgive quickly."""
    session.wait(now, session.refusals.next_wait(jitter), finding.reason)
    yield _tell_block(finding)


def wait_refused(
    session: Situation, finding: findings.CredentialsRefused, now: Instant, jitter: float
) -> Iterator[Command]:
    """A person has to act; try slowly, in case one does."""
    session.wait(now, session.refusals.next_wait(jitter), finding.reason)
    yield _attention(AttentionCode.CREDENTIALS_REJECTED, finding.reason)


def probe_unanswered(
    session: Situation, finding: findings.CallUnanswered, now: Instant, jitter: float
) -> Iterator[Command]:
    """Neither extended nor dead: the proof ages, and the question is asked again soon."""
    wait = _probe_later(session, now, session.probe_retries.next_wait(jitter))
    yield do.Note(f"{finding.reason}; asking again in {wait:.1f} s")


def probe_held(session: Situation, finding: findings.CallHeld, now: Instant, jitter: float) -> Iterator[Command]:
    """Events go on meanwhile; the proof ages."""
    _probe_later(session, now, hold(finding.hold_s, jitter))
    yield from _tell_hold(session, finding.reason, finding.hold_s, now, is_ban=finding.status == _BANNED)


def probe_blocked(session: Situation, finding: findings.CallBlocked, now: Instant, jitter: float) -> Iterator[Command]:
    """Events go on meanwhile; the proof ages."""
    _probe_later(session, now, session.refusals.next_wait(jitter))
    yield _tell_block(finding)


def probe_refused(
    session: Situation, finding: findings.CredentialsRefused, now: Instant, jitter: float
) -> Iterator[Command]:
    """Events go on meanwhile, as long as the exchange lets them; a person has to act."""
    session.proofs.void_key(now)
    _probe_later(session, now, session.refusals.next_wait(jitter))
    yield _attention(AttentionCode.CREDENTIALS_REJECTED, finding.reason)


def outlive_key(session: Situation, finding: object, now: Instant, jitter: float) -> Iterator[Command]:
    """By now the key is dead, unless somebody else extended it: use what still comes, and announce the doubt."""
    yield from session.open_gap(GapCause.KEY_OUTLIVED, now)
    if session.open_gaps and session.signed:
        # Nothing can be repaired up to an end that nobody knows; it goes on when the key is known to live.
        session.end_errand()
        session.disarm(facts.SettleDue)
        hold_at_most(session, now)


def doubt(session: Situation, finding: facts.ClocksJumped, now: Instant, jitter: float) -> Iterator[Command]:
    """Nobody knows how old the proofs are: get new ones at once."""
    yield do.Note(f"our clocks disagree by {finding.by_s:.0f} s (a suspend, or a clock was set); proofs are void")
    session.proofs.void(now)
    session.clock.doubt()
    if session.standing.serving:
        # The ping leaves after what lies unread was read, or that would count as its answer.
        session.arm(facts.PingDue, now, 0.0)
        session.arm(facts.ProbeDue, now, 0.0)
        if session.signed:
            session.arm(facts.AuditDue, now, 0.0)


def suspect_frame(session: Situation, finding: object, now: Instant, jitter: float) -> Iterator[Command]:
    """What a frame told is unknown: a gap as long as since everything was last proven, or one that is open still."""
    whole = [gap for gap in session.open_gaps if gap.symbols is None]
    if not session.is_answerable or any(gap.until is None for gap in whole):
        return
    repaired = session.errand.gaps if session.errand is not None else ()
    for gap in whole:
        if gap.gap_id not in repaired:
            # Its repair has not begun: it repairs this, too, when REST has settled anew.
            gap.until = now
            if facts.SettleDue in session.timers:
                session.arm(facts.SettleDue, now, session.timings.settle)
            return
    # Of one whose repair is under way that symbol may have been read already.
    since = session.proofs.oldest(now)
    yield from session.announce_gap(GapCause.BAD_FRAME, session.blind_since_ms(since), since=since, until=now)
    if session.signed:
        settle_first(session, now)
    else:
        yield from session.close_gaps(now)


def _probe_later(session: Situation, now: Instant, seconds: float) -> float:
    """Have the question asked again in so many seconds, which the key may not live to see; returns the seconds."""
    session.arm(facts.KeyOutlived, now, session.key_dies_in(now))
    return session.arm(facts.ProbeDue, now, seconds)


def _tell_hold(session: Situation, reason: str, hold_s: float, now: Instant, *, is_ban: bool) -> Iterator[Command]:
    yield do.Note(f"{reason}; no request for {hold_s:.0f} s")
    if session.standing.serving and hold_s > session.key_dies_in(now):
        yield _attention(
            AttentionCode.BANNED,
            f"{reason}; the listen key dies in {session.key_dies_in(now):.0f} s, before it can be renewed",
        )
    elif is_ban:
        yield _attention(AttentionCode.BANNED, f"{reason}: this address is banned for its many requests")


def _tell_block(finding: findings.CallBlocked) -> Command:
    return _attention(AttentionCode.BLOCKED, f"{finding.reason}: a firewall of the exchange turns this address away")


def _attention(code: str, message: str) -> Command:
    return do.Announce(Attention(code=code, message=message))
