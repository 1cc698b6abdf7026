"""The connection: opened along a plan, asked for its subscription, taken into use, pinged."""

from __future__ import annotations

from typing import Iterator

from ...events.notices import Attention, AttentionCode
from ...instants import Instant
from ...markets import AccessForm
from .. import commands as do
from .. import facts, findings
from ..commands import Command
from ..facts import Call
from ..second import Pings
from ..situation import Situation
from .errands import attend
from .handover import ping_second, rotate_in_time


def dial(session: Situation, now: Instant) -> Iterator[Command]:
    """Open a connection along the current plan."""
    assert session.key is not None
    session.socket, session.pings, session.socket_may_stand = session.next_socket(), Pings(), True
    session.arm(facts.PlanOverdue, now, session.timings.plan_timeout)
    session.stand(reason=f"connecting to {session.plans.current}")
    yield do.OpenSocket(session.socket, session.plans.current, session.key)


def ask_for_subscription(
    session: Situation, finding: facts.SocketOpened, now: Instant, jitter: float
) -> Iterator[Command]:
    """
    An open socket proves nothing; a reply that names our key does.

    Of a last resort none is to be expected; but the answer to a ping shows at least that what was sent before was read,
    and without that it is not taken into use.
    """
    assert session.key is not None
    session.in_use_since, session.in_use_ms = now, None
    session.plans.opened()
    session.proofs.renew_transport(finding.opened_at)
    session.stand(reason=f"asking {session.plans.current} for the subscription")
    if session.plans.current.form == AccessForm.SUBSCRIBE:
        yield do.Subscribe(session.socket, session.key)
    yield do.ListSubscriptions(session.socket)
    if session.plans.is_last_resort:
        yield do.SendPing(session.socket, session.pings.send(now))


def try_next_plan(session: Situation, finding: findings.PlanFailed, now: Instant, jitter: float) -> Iterator[Command]:
    """Another form, or another host."""
    yield do.Note(f"{session.plans.current} does not do: {finding.reason}")
    yield from session.close_socket()
    session.plans.held(finding.retry_after_s)
    session.plans.advance(rejected=finding.rejected)
    yield from dial(session, now)


def fall_back(session: Situation, finding: findings.PlansUnconfirmed, now: Instant, jitter: float) -> Iterator[Command]:
    """Use the first plan that opened, although nothing confirmed it."""
    yield do.Note(f"{session.plans.current} does not do: {finding.reason}")
    yield from session.close_socket()
    session.plans.held(finding.retry_after_s)
    session.plans.fall_back(now, rejected=finding.rejected)
    yield from dial(session, now)


def verify_secret(
    session: Situation, finding: findings.SecretUnproven, now: Instant, jitter: float
) -> Iterator[Command]:
    """Subscribed; a first signed read has to show that the secret is right."""
    _confirm(session, finding.named)
    yield do.Make(Call.READ_CLOCK, session.generation)
    yield from read_balances(session, finding, now, jitter)


def read_balances(session: Situation, finding: object, now: Instant, jitter: float) -> Iterator[Command]:
    """Make the signed read, for the first time or again."""
    session.clock_was_refused = False
    session.stand(reason="checking the API secret with a signed read")
    yield do.Make(Call.READ_BALANCES, session.generation)


def sign_again(session: Situation, finding: object, now: Instant, jitter: float) -> Iterator[Command]:
    """Our clock was refused: read the exchange's, and sign once more."""
    session.clock_was_refused = True
    session.clock.doubt()
    yield do.Make(Call.READ_CLOCK, session.generation)
    yield do.Make(Call.READ_BALANCES, session.generation)


def read_clock(session: Situation, finding: facts.ClockRead, now: Instant, jitter: float) -> Iterator[Command]:
    """From now on gap times and signatures follow the exchange's clock."""
    session.clock.set(finding.server_ms, finding.sent_at, finding.received_at)
    if session.in_use_since is not None:
        session.date_use()
    if session.standing.serving and not session.signed:
        yield from _close_dated(session, now)


def serve_verified(session: Situation, finding: facts.BalancesRead, now: Instant, jitter: float) -> Iterator[Command]:
    """The secret is right."""
    session.secret_is_proven = True
    yield from _serve(session, now, jitter)


def serve_confirmed(
    session: Situation, finding: findings.SubscriptionConfirmed, now: Instant, jitter: float
) -> Iterator[Command]:
    """The subscription is confirmed, or has to do."""
    _confirm(session, finding.named)
    yield from _serve(session, now, jitter)
    yield do.Make(Call.READ_CLOCK, session.generation)


def confirm_late(session: Situation, finding: object, now: Instant, jitter: float) -> Iterator[Command]:
    """The reply came after all, on a connection in use."""
    _confirm(session, True)
    return iter(())


def ping(session: Situation, finding: object, now: Instant, jitter: float) -> Iterator[Command]:
    """Ask the peer for a sign of life, whether or not there was one: the rhythm is what bounds the detection."""
    session.arm(facts.PingDue, now, session.timings.ping_interval)
    session.arm(facts.PongOverdue, now, session.timings.pong_timeout)
    yield do.SendPing(session.socket, session.pings.send(now))
    yield from ping_second(session, now)


def _confirm(session: Situation, named: bool) -> None:
    session.disarm(facts.PlanOverdue)
    if named:
        session.plans.confirm()
    session.stand(confirmed=named)


def _serve(session: Situation, now: Instant, jitter: float) -> Iterator[Command]:
    session.retries.reset()
    session.in_use_since, session.in_use_ms = now, None
    session.connections += 1
    session.plans.settle()
    # The key was proven before the handshake; only a probe after it shows that this connection holds a live one. And
    # checking the secret may have taken so long that nobody knows whether the connection still stands.
    session.arm(facts.ProbeDue, now, 0.0)
    session.arm(facts.PingDue, now, 0.0)
    rotate_in_time(session, now, jitter)
    if session.is_rotating:
        session.arm(facts.RotationDue, now, 0.0)
    elif session.wants_second:
        session.arm(facts.SecondDue, now, 0.0)
    session.stand(serving=True, reason="connected")
    yield do.Note(f"connected to {session.plans.current}")
    if session.signed:
        yield from attend(session, now)
    else:
        for gap in session.open_gaps:
            gap.until = gap.until or now
        yield from _close_dated(session, now)
    if not session.standing.confirmed and session.told_unconfirmed != session.plans.current:
        session.told_unconfirmed = session.plans.current
        yield do.Announce(
            Attention(
                code=AttentionCode.SUBSCRIPTION_UNCONFIRMED,
                message="no access plan got a usable reply about its subscription; using "
                f"{session.plans.current} unconfirmed, so a connection that opens but never delivers would not be "
                "noticed by itself",
            )
        )


def _close_dated(session: Situation, now: Instant) -> Iterator[Command]:
    """
    Close what is over and cannot be read back, at a date.

    After a restart the exchange's clock is not read yet, and ours may have been set since the cursor was made.
    """
    if session.clock.is_known or session.resume_ms is None:
        yield from session.close_gaps(now)
