"""
The second connection: opened beside the first, held back until it may speak, and put in its place.

Make before break: nothing is missed when a connection is replaced before it ends, as long as the first one has told
everything up to where the second one began.
"""

from __future__ import annotations

from typing import Iterator

from ...instants import Instant
from ...markets import AccessForm
from .. import commands as do
from .. import facts, findings
from ..commands import Command
from ..second import Pings, Second
from ..situation import Situation
from .errands import attend


def rotate_in_time(session: Situation, now: Instant, jitter: float) -> None:
    """Have the connection replaced before the exchange ends it; not by all streams at once."""
    timings = session.timings
    session.arm(facts.RotationDue, now, timings.connection_age - jitter * timings.connection_age_spread)


def rotate_later(session: Situation, finding: object, now: Instant, jitter: float) -> Iterator[Command]:
    """The connection is about to end, and is not in use yet: it is replaced as soon as it is."""
    session.is_rotating = True
    return iter(())


def rotate(session: Situation, finding: object, now: Instant, jitter: float) -> Iterator[Command]:
    """Open the connection that is to take the place of the one in use, or let the second one take it."""
    session.is_rotating = True
    session.disarm(facts.RotationDue)
    yield do.Note("the connection is replaced")
    if session.second is None:
        yield from open_second(session, finding, now, jitter)
    elif session.second.is_twin:
        yield from _hand_over(session, now, jitter)


def open_second(session: Situation, finding: object, now: Instant, jitter: float) -> Iterator[Command]:
    """Connect along the plan that works."""
    assert session.key is not None
    session.disarm(facts.SecondDue)
    session.second = second = Second(session.next_socket())
    session.arm(facts.SecondOverdue, now, session.timings.plan_timeout)
    yield do.OpenSocket(second.socket, session.plans.current, session.key)


def ask_second(session: Situation, finding: findings.SecondOpened, now: Instant, jitter: float) -> Iterator[Command]:
    """It is open, which proves nothing; what it tells is kept back."""
    second = session.second
    assert second is not None
    assert session.key is not None
    second.heard_at = finding.opened_at
    yield do.Shadow(second.socket)
    if session.plans.current.form == AccessForm.SUBSCRIBE:
        yield do.Subscribe(second.socket, session.key)
    yield do.ListSubscriptions(second.socket)


def ask_first(session: Situation, finding: object, now: Instant, jitter: float) -> Iterator[Command]:
    """The second one covers from now on: the answer to this ping shows that the first has told everything before."""
    assert session.second is not None
    session.second.covers_since = now
    session.disarm(facts.SecondOverdue)
    session.second_retries.reset()
    yield do.SendPing(session.socket, session.pings.send(now))


def cover_anew(session: Situation, finding: object, now: Instant, jitter: float) -> Iterator[Command]:
    """
    The second one covers from behind what could not be read, and is a twin again when the first has passed that, too.

    The next ping in the rhythm shows it; one for each such frame would be a storm where there are many.
    """
    assert session.second is not None
    session.second.covers_since, session.second.is_twin = now, False
    return iter(())


def pass_barrier(session: Situation, finding: object, now: Instant, jitter: float) -> Iterator[Command]:
    """From here on either may tell an event first."""
    assert session.second is not None
    session.second.is_twin = True
    yield do.Adopt(session.second.socket)
    if session.is_rotating:
        yield from _hand_over(session, now, jitter)


def replace_first(session: Situation, finding: findings.FirstLost, now: Instant, jitter: float) -> Iterator[Command]:
    """The connection in use is gone; the second one takes its place, with a gap if it began too late."""
    second = session.second
    assert second is not None
    reason = f"{finding.cause}: {finding.detail}" if finding.detail else finding.cause
    yield do.Note(f"{reason}; the second connection takes over")
    # The key outlived its proof: which connection it is of is no matter, and the probe tells when that is over.
    is_endless = any(gap.until is None for gap in session.open_gaps)
    if not finding.is_whole:
        # A repair under way does not look as far as the gap goes now.
        session.end_errand()
        session.disarm(facts.SettleDue)
        yield from session.open_gap(finding.cause, now)
        yield do.Adopt(second.socket)
    yield from _hand_over(session, now, jitter)
    if is_endless:
        return
    if session.signed:
        yield from attend(session, now)
    else:
        yield from session.close_gaps(now)


def lose_second(session: Situation, finding: findings.SecondFailed, now: Instant, jitter: float) -> Iterator[Command]:
    """Try again, later each time; the first one goes on."""
    yield do.Note(f"the second connection does not do: {finding.reason}")
    yield from session.close_second(first_goes_on=True)
    session.arm(facts.SecondDue, now, session.second_retries.next_wait(jitter))


def ping_second(session: Situation, now: Instant) -> Iterator[Command]:
    """Ask the second one for a sign of life, too; one that owed it since the last time is gone."""
    second = session.second
    if second is None or second.covers_since is None:
        return
    if second.pinged_at is not None:
        session.arm(facts.SecondOverdue, now, 0.0)
        return
    second.pinged_at = now
    yield do.SendPing(second.socket)


def _hand_over(session: Situation, now: Instant, jitter: float) -> Iterator[Command]:
    """Put the second connection in the place of the one in use, and let go of that one."""
    second, old = session.second, session.socket
    assert second is not None
    assert second.covers_since is not None
    assert second.heard_at is not None
    session.second, session.is_rotating = None, False
    session.socket, session.pings = second.socket, Pings()
    session.in_use_since, session.in_use_ms = second.covers_since, None
    session.connections += 1
    session.proofs.transport = second.heard_at
    session.disarm(facts.SecondDue, facts.SecondOverdue, facts.PongOverdue)
    session.arm(facts.PingDue, now, 0.0)
    session.plans.confirm()
    session.stand(confirmed=True)
    rotate_in_time(session, now, jitter)
    if session.wants_second:
        session.arm(facts.SecondDue, now, 0.0)
    yield do.CloseSocket(old)
    yield do.Note("the second connection is in use")
