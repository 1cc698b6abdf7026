"""Errands: begun when there is something to read, led from read to read, brought to their end."""

from __future__ import annotations

from typing import Callable, Dict, FrozenSet, Iterator, List, Optional, Tuple

from ...events.notices import Attention, AttentionCode, GapCause
from ...instants import Instant
from .. import commands as do
from .. import facts, findings
from ..audit import Missing, Unread, audit
from ..backoff import hold
from ..commands import Command
from ..facts import Call
from ..gaps import Repaired
from ..reading.errands import Answer, Errand, ErrandKind, Pause, Tell
from ..reading.recovery import Recovery
from ..reading.snapshot import snapshot
from ..repair import Task, repair
from ..situation import Situation

#: So many audits in a row may fail to read something before a person is told, and soon repeated before that.
_UNREAD_TOLERATED = 3

#: Seconds after which an audit that something is in the way of looks again whether it still is.
_BUSY_S = 5.0


def attend(session: Situation, now: Instant) -> Iterator[Command]:
    """A connection is in use: look at the account for the first time, or repair what is open."""
    assert session.in_use_since is not None
    for gap in session.open_gaps:
        if gap.until is None:
            gap.until = session.in_use_since
    if session.books.chains.grounded_ms is None:
        yield from _begin(session, Errand(ErrandKind.SNAPSHOT, snapshot(_settle_ms(session)), now), now)
        return
    settle_first(session, now)
    if facts.AuditDue not in session.timers:
        session.arm(facts.AuditDue, now, session.timings.audit_interval)


def suspect_fills(session: Situation, finding: facts.FillsSuspected, now: Instant, jitter: float) -> Iterator[Command]:
    """Sums do not agree: look into that symbol, unless that is going to happen anyway."""
    broken = finding.broken
    # What an audit found in order stays so: it was lost since.
    since_ms = max(broken.since_ms, session.watermark_ms)
    what = f"{broken.symbol}, {broken.what}"
    yield from _open_targeted(session, frozenset({broken.symbol}), what, since_ms, Recovery(), now)


def _open_targeted(
    session: Situation, symbols: FrozenSet[str], what: str, since_ms: int, found: Recovery, now: Instant
) -> Iterator[Command]:
    """Open a gap of some symbols alone; ``what`` says in words of which, or of what of it."""
    cause = GapCause.FRAMES_MISSING
    covered = [gap.symbols for gap in session.open_gaps]
    if any(known is None or (symbols and symbols <= known) for known in covered):
        return
    yield do.Note(f"{cause}: {what}")
    yield from session.announce_gap(cause, since_ms, until=now, symbols=symbols, found=found)
    settle_first(session, now)


def repair_settled(session: Situation, finding: object, now: Instant, jitter: float) -> Iterator[Command]:
    """REST has caught up with the connection: read what the open gaps have swallowed."""
    # An audit under way is broken off: it would only find what is looked for now, and another follows.
    if session.open_gaps:
        yield from _begin_repair(session, now)
    else:
        steps = snapshot(_settle_ms(session), session.books)
        yield from _begin(session, Errand(ErrandKind.SNAPSHOT, steps, now), now)


def _begin_repair(session: Situation, now: Instant) -> Iterator[Command]:
    gaps, clock = session.open_gaps, session.clock
    symbols: Optional[FrozenSet[str]] = frozenset()
    for gap in gaps:
        symbols = None if symbols is None or gap.symbols is None else symbols | gap.symbols
    task = Task(
        since_ms=min(gap.since_ms if gap.since is None else session.blind_since_ms(gap.since) for gap in gaps),
        until_ms=max(clock.latest_ms(gap.until or now) for gap in gaps),
        settle_ms=_settle_ms(session),
        symbols=symbols,
        user_symbols=session.user_symbols,
        pauses=_pauses(session, now),
        page_rows=session.timings.page_rows,
    )
    # What an interrupted repair of everything found is as good as ever; of a symbol alone it is read again.
    found = session.recovery if session.recovery is not None and symbols is None else Recovery()
    session.recovery = found if symbols is None else session.recovery
    for gap in gaps:
        found.add_orders(gap.found.orders.values())
        found.algo_orders.update(gap.found.algo_orders)
    steps = repair(task, session.books, found)
    errand = Errand(ErrandKind.REPAIR, steps, now, tuple(gap.gap_id for gap in gaps), symbols)
    yield from _begin(session, errand, now)


def _settle_ms(session: Situation) -> int:
    return round(1000 * session.timings.settle)


def _pauses(session: Situation, now: Instant) -> Tuple[float, ...]:
    timings = session.timings
    pauses: List[float] = []
    wait, most = timings.reread_first, timings.unbalanced_most
    if facts.StartOverdue in session.timers:
        # A start waits for this: what does not balance is named in time, instead of failing every start.
        most = min(most, (session.timers[facts.StartOverdue] - now.monotonic) / 2)
    while sum(pauses) + wait <= most:
        pauses.append(wait)
        wait = min(2 * wait, timings.retry_most)
    return tuple(pauses)


def begin_audit(session: Situation, finding: object, now: Instant, jitter: float) -> Iterator[Command]:
    """Compare the account with what was delivered."""
    if session.errand is not None or session.open_gaps:
        session.arm(facts.AuditDue, now, _BUSY_S)
        return
    settle_ms = _settle_ms(session)
    pause, page_rows = 2 * session.timings.doubt, session.timings.page_rows
    steps = audit(session.watermark_ms, session.clock.now_ms(now), session.books, settle_ms, pause, page_rows)
    yield from _begin(session, Errand(ErrandKind.AUDIT, steps, now), now)


def let_go(session: Situation, finding: object, now: Instant, jitter: float) -> Iterator[Command]:
    """Enough was held back: deliver it, and what follows; the gap stays open, and what is found later is late."""
    session.disarm(facts.HoldOverdue)
    if session.open_gaps and not session.is_hold_over:
        session.is_hold_over = True
        yield do.Note("events are delivered while the gap is still open; what is recovered of it comes late")
        yield do.ReleaseHeld()


# From read to read


def _begin(session: Situation, errand: Errand, now: Instant) -> Iterator[Command]:
    session.end_errand()
    session.errand = errand
    yield do.Note(f"{errand.kind.value} begun")
    yield from _go_on(session, None, now)


def _go_on(session: Situation, answer: Optional[Answer], now: Instant) -> Iterator[Command]:
    """Send an answer to the errand, and do what it wants next."""
    errand = session.errand
    assert errand is not None
    try:
        step = next(errand.steps) if answer is None else errand.steps.send(answer)
        while isinstance(step, Tell):
            yield do.TakeConfiguration(step.configuration)
            step = errand.steps.send(Answer())
    except StopIteration as end:
        errand.found, errand.wanted = end.value, None
        yield from _ENDS[errand.kind](session, errand, now)
        return
    if isinstance(step, Pause):
        errand.wanted = None
        session.arm(facts.ReadingDue, now, step.seconds)
    else:
        errand.wanted, errand.clock_was_refused = step, False
        yield do.MakeRead(session.errands, step)


def take_rows(session: Situation, finding: facts.RowsRead, now: Instant, jitter: float) -> Iterator[Command]:
    """The answer, and the next question."""
    session.read_retries.reset()
    for field in finding.rows.incomplete:
        if field not in session.told_malformed:
            session.told_malformed.add(field)
            message = f"{field} as REST answers is not of its type and is None. Said once per field"
            yield do.Announce(Attention(code=AttentionCode.MALFORMED_FIELD, message=message))
    sent_ms = session.clock.earliest_ms(finding.sent_at)
    yield from _go_on(session, Answer(finding.rows.rows, finding.rows.malformed, sent_ms), now)


def take_refusal(session: Situation, finding: findings.ReadRefused, now: Instant, jitter: float) -> Iterator[Command]:
    """The exchange will not tell; asking again would not help."""
    session.read_retries.reset()
    sent_ms = session.clock.earliest_ms(finding.sent_at)
    yield from _go_on(session, Answer(sent_ms=sent_ms, refused=finding.code), now)


def read_on(session: Situation, finding: object, now: Instant, jitter: float) -> Iterator[Command]:
    """A pause or a wait is over."""
    assert session.errand is not None
    if session.errand.wanted is None:
        yield from _go_on(session, Answer(), now)
    elif session.errand.clock_was_refused:
        # The reading that followed was a bad one, or none: whatever is signed by it is refused, again and again.
        yield from read_with_clock(session, finding, now, jitter)
    else:
        yield do.MakeRead(session.errands, session.errand.wanted)


def read_when_affordable(
    session: Situation, finding: facts.ReadPostponed, now: Instant, jitter: float
) -> Iterator[Command]:
    """All streams of this process together have read as much as they may in a minute."""
    wait = session.arm(facts.ReadingDue, now, finding.seconds)
    session.trouble = f"no read for {wait:.0f} s, for the request weight of this process is used up"
    return iter(())


def read_again(session: Situation, finding: findings.ReadUnanswered, now: Instant, jitter: float) -> Iterator[Command]:
    """Nobody knows the answer yet."""
    wait = session.arm(facts.ReadingDue, now, session.read_retries.next_wait(jitter))
    session.trouble = finding.reason
    yield do.Note(f"{finding.reason}; reading again in {wait:.1f} s")


def read_when_allowed(session: Situation, finding: findings.ReadHeld, now: Instant, jitter: float) -> Iterator[Command]:
    """The exchange said for how long it wants no request."""
    session.arm(facts.ReadingDue, now, hold(finding.hold_s, jitter))
    session.trouble = finding.reason
    yield do.Note(f"{finding.reason}; no read for {finding.hold_s:.0f} s")


def read_with_clock(session: Situation, finding: object, now: Instant, jitter: float) -> Iterator[Command]:
    """Our clock was refused: read the exchange's, and sign once more."""
    assert session.errand is not None
    assert session.errand.wanted is not None
    session.errand.clock_was_refused = True
    session.clock.doubt()
    yield do.Make(Call.READ_CLOCK, session.generation)
    yield do.MakeRead(session.errands, session.errand.wanted)


def read_when_trusted(
    session: Situation, finding: findings.ReadForbidden, now: Instant, jitter: float
) -> Iterator[Command]:
    """A person has to act; events go on meanwhile, and the proof of the delivery ages."""
    session.arm(facts.ReadingDue, now, session.refusals.next_wait(jitter))
    yield do.Announce(Attention(code=finding.code, message=finding.reason))


# The ends


def _snapshot_read(session: Situation, errand: Errand, now: Instant) -> Iterator[Command]:
    assert session.in_use_since is not None
    yield do.Ground(session.errands, errand.found, session.clock.earliest_ms(session.in_use_since))


def grounded(session: Situation, finding: object, now: Instant, jitter: float) -> Iterator[Command]:
    """The account is known; once REST has settled it is looked at again, or what was open from the start repaired."""
    errand = session.errand
    assert errand is not None
    is_first = session.watermark_ms == 0
    session.proofs.renew_delivery(errand.begun_at)
    session.end_errand()
    if is_first:
        session.watermark_ms = session.books.delivered.floor_ms
    else:
        session.looked_twice = True
    settle_first(session, now)
    _audit_in_turn(session, errand.begun_at, now)
    return iter(())


def _repair_read(session: Situation, errand: Errand, now: Instant) -> Iterator[Command]:
    yield do.Merge(session.errands, errand.found, session.date_use())


def close_repaired(session: Situation, finding: facts.Merged, now: Instant, jitter: float) -> Iterator[Command]:
    """What was found is delivered: the gaps are over."""
    errand = session.errand
    assert errand is not None
    found: Recovery = errand.found
    session.end_errand()
    if errand.symbols is None:
        session.recovery, session.looked_twice = None, True
        if not session.standing.was_live:
            # After a restart it stands for the first look at the account, and shows more than that.
            session.proofs.renew_delivery(errand.begun_at)
    repaired = Repaired(errand.gaps, found.proof, finding.tally, tuple(found.unrecoverable))
    yield from session.close_gaps(now, repaired)
    if session.open_gaps:
        # Opened meanwhile; what is held back for them is held back no more, so what they bring may be late.
        if not session.is_hold_over:
            session.held_since = None
            session.disarm(facts.HoldOverdue)
            yield from (do.Hold(gap.symbols) for gap in session.open_gaps)
    else:
        session.arm(facts.AuditDue, now, min(session.timings.suspicion_interval, session.timings.audit_interval))
    settle_first(session, now)


def _audit_read(session: Situation, errand: Errand, now: Instant) -> Iterator[Command]:
    found, begun_at = errand.found, errand.begun_at
    session.end_errand()
    if isinstance(found, Unread):
        yield from _audit_unread(session, found, now)
        return
    if isinstance(found, Missing):
        # Its repair is followed by another audit, which looks at all of this again.
        what = ", ".join(sorted(found.symbols)) or "balances"
        yield from _open_targeted(session, found.symbols, what, found.since_ms, found.found, now)
        session.arm(facts.AuditDue, now, session.timings.suspicion_interval)
        return
    session.unread_audits = 0
    overlap_ms = round(1000 * session.timings.audit_overlap)
    session.watermark_ms = max(session.watermark_ms, session.clock.earliest_ms(begun_at) - overlap_ms)
    session.proofs.renew_delivery(begun_at)
    _audit_in_turn(session, begun_at, now)
    yield do.Forget(session.watermark_ms)


def _audit_in_turn(session: Situation, begun_at: Instant, now: Instant) -> None:
    """An interval after the last look began; soon, when that had to wait for long, because it proves old things."""
    interval = session.timings.audit_interval
    left = interval - (now.monotonic - begun_at.monotonic)
    session.arm(facts.AuditDue, now, max(left, min(session.timings.suspicion_interval, interval)))


def _audit_unread(session: Situation, found: Unread, now: Instant) -> Iterator[Command]:
    """It proves nothing: repeat it soon, and if that does not help at the usual time, and tell a person, once."""
    session.unread_audits += 1
    yield do.Note(f"the audit is repeated, for it could not read {found.what[0]}")
    timings = session.timings
    is_tolerated = session.unread_audits < _UNREAD_TOLERATED
    session.arm(facts.AuditDue, now, timings.suspicion_interval if is_tolerated else timings.audit_interval)
    if session.unread_audits == _UNREAD_TOLERATED:
        message = (
            f"{session.unread_audits} audits in a row could not read everything, now not {found.what[0]}. What is lost "
            "on a connection that seems healthy may go unnoticed until one can; then the delivery is proven again"
        )
        yield do.Announce(Attention(code=AttentionCode.AUDIT_UNREAD, message=message))


def settle_first(session: Situation, now: Instant) -> None:
    """
    Have the open gaps repaired, or the account looked at again, as soon as REST has settled.

    What is held back for them is let go when that takes too long.
    """
    if session.open_gaps:
        hold_at_most(session, now)
    is_wanted = bool(session.open_gaps) or not session.looked_twice
    is_free = session.errand is None or session.errand.kind is ErrandKind.AUDIT
    if is_wanted and is_free and facts.SettleDue not in session.timers:
        session.arm(facts.SettleDue, now, session.timings.settle)


def hold_at_most(session: Situation, now: Instant) -> None:
    """What is held back is let go in time, however often the repair is interrupted."""
    max_hold = session.timings.max_hold
    if session.is_hold_over:
        return
    if session.held_since is None:
        session.held_since = now.monotonic
    if max_hold is not None and facts.HoldOverdue not in session.timers:
        session.arm(facts.HoldOverdue, now, max(0.0, session.held_since + max_hold - now.monotonic))


_ENDS: Dict[ErrandKind, Callable[[Situation, Errand, Instant], Iterator[Command]]] = {
    ErrandKind.SNAPSHOT: _snapshot_read,
    ErrandKind.REPAIR: _repair_read,
    ErrandKind.AUDIT: _audit_read,
}
