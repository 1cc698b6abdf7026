"""
From facts to findings: what a fact means to the session as it stands.

Nothing here changes anything. The generation fence is here: what an old key or an old connection says is not control,
nor is a timer that was disarmed, so it has no meaning and the answer is None.
"""

from __future__ import annotations

import math
from typing import Callable, Dict, Optional, Type, Union, get_args

from ..errors import ConfigurationError, CredentialsRejected, ExchangeError
from ..events.notices import AttentionCode, GapCause, StreamState
from ..instants import Instant
from . import facts, findings
from .facts import Call, Fact
from .findings import Finding
from .second import Second
from .situation import Situation
from .subscriptions import SUBSCRIBE_ID

#: Binance's codes that a session acts on. Source: USDⓈ-M Futures > Error Codes.
NO_SUCH_KEY, OUTSIDE_WINDOW = -1125, -1021
#: A web application firewall answers with this status. Source: USDⓈ-M Futures > General Info > HTTP return codes.
FORBIDDEN = 403


def understand(session: Situation, fact: Fact, now: Instant) -> Optional[Finding]:
    """Return what a fact means, or None when it means nothing (any more)."""
    if session.has_ended:
        return None
    second = session.second
    if second is not None and getattr(fact, "socket", None) == second.socket:
        meaning = _MEANINGS_OF_SECOND.get(type(fact))
        if meaning is not None:
            return meaning(session, second, fact, now)
        # What it says about the key or the exchange is as good as said by the first.
    elif _is_stale(session, fact, now):
        return None
    return _MEANINGS[type(fact)](session, fact, now)


def _is_stale(session: Situation, fact: Fact, now: Instant) -> bool:
    if isinstance(fact, facts.TIMERS):
        # Several may come due at once, and what was done about the first has disarmed or put off the others.
        return session.timers.get(type(fact), math.inf) > now.monotonic
    if isinstance(fact, _OF_ERRANDS):
        return session.errand is None or fact.errand != session.errands
    generation = getattr(fact, "generation", session.generation)
    socket = getattr(fact, "socket", session.socket)
    return generation != session.generation or socket != session.socket


_OF_ERRANDS = (facts.RowsRead, facts.ReadPostponed, facts.ReadFailed, facts.Grounded, facts.Merged)


def _as_it_is(session: Situation, fact: findings.PlainFact, now: Instant) -> Finding:
    return fact


def _key_granted(session: Situation, fact: facts.KeyGranted, now: Instant) -> Finding:
    if session.key is None:
        return fact
    if session.key == fact.key:
        return findings.KeyConfirmed(fact.sent_at)
    return _interruption(session, now, GapCause.KEY_REPLACED)


def _key_named(session: Situation, fact: facts.KeyNamed, now: Instant) -> Finding:
    if fact.key is None:
        return findings.KeyUnnamed()
    if session.key == fact.key:
        return findings.KeyConfirmed(fact.sent_at)
    return _interruption(session, now, GapCause.KEY_REPLACED)


def _call_failed(session: Situation, fact: facts.CallFailed, now: Instant) -> Optional[Finding]:
    error = fact.error
    if fact.call is Call.READ_CLOCK:
        # Gap times stay as uncertain as they were, and it is read again with the next probe. Where the end of a gap
        # waits for its date that one comes soon.
        is_needed = session.standing.serving and not session.signed and bool(session.open_gaps)
        return findings.CallUnanswered(f"{fact.call.value} failed: {error}") if is_needed else None
    if isinstance(error, ExchangeError):
        if error.code == NO_SUCH_KEY and fact.call is Call.PROBE_KEY:
            return _interruption(session, now, GapCause.KEY_GONE)
        if error.code == OUTSIDE_WINDOW and fact.call is Call.READ_BALANCES and not session.clock_was_refused:
            return findings.ClockRefused()
        if error.retry_after_s is not None:
            return findings.CallHeld(error.retry_after_s, error.status, str(error))
        if error.status == FORBIDDEN:
            return findings.CallBlocked(str(error))
    if isinstance(error, ConfigurationError) and not session.standing.was_live:
        return findings.StartRefused(error)
    if isinstance(error, CredentialsRejected):
        return findings.CredentialsRefused(str(error))
    return findings.CallUnanswered(f"{fact.call.value} failed: {error}")


def _read_failed(session: Situation, fact: facts.ReadFailed, now: Instant) -> Finding:
    assert session.errand is not None
    error, reason = fact.error, f"read of {fact.read.name} failed: {fact.error}"
    if isinstance(error, ConfigurationError):
        if not session.standing.was_live:
            return findings.StartRefused(error)
        return findings.ReadForbidden(AttentionCode.CREDENTIALS_REJECTED, reason)
    if isinstance(error, ExchangeError):
        if error.code == OUTSIDE_WINDOW and not session.errand.clock_was_refused:
            return findings.ClockRefused()
        if error.retry_after_s is not None:
            return findings.ReadHeld(error.retry_after_s, reason)
        if error.status == FORBIDDEN:
            return findings.ReadForbidden(AttentionCode.BLOCKED, reason)
        if error.status in _DEFINITE and error.code not in _PASSING:
            return findings.ReadRefused(error.code or -error.status, fact.sent_at)
    return findings.ReadUnanswered(reason)


#: Statuses of a request that is wrong, now and later, and the codes that are of the moment all the same.
_DEFINITE = (400, 404, 405, 410)
_PASSING = (-1000, -1001, -1003, -1006, -1007, -1008, -1015, -1016, OUTSIDE_WINDOW)


def _while_serving(session: Situation, fact: Finding, now: Instant) -> Optional[Finding]:
    return fact if session.standing.serving and session.signed else None


def _connection_deaf(session: Situation, fact: facts.ConnectionDeaf, now: Instant) -> Optional[Finding]:
    if not session.standing.serving:
        return None
    return _interruption(session, now, GapCause.SUBSCRIPTION_LOST, "it never delivered the fills that happened")


def _socket_refused(session: Situation, fact: facts.SocketRefused, now: Instant) -> Finding:
    return _plan_failure(session, fact.reason, rejected=False, retry_after_s=fact.retry_after_s)


def _socket_lost(session: Situation, fact: facts.SocketLost, now: Instant) -> Finding:
    if session.is_confirming:
        return _plan_failure(session, fact.reason, rejected=False)
    return _connection_lost(session, now, GapCause.CONNECTION_LOST, fact.reason)


def _subscription_listed(session: Situation, fact: facts.SubscriptionListed, now: Instant) -> Optional[Finding]:
    named = session.key in fact.keys
    if session.is_confirming:
        return (
            _confirmation(session, named=True)
            if named
            else _plan_failure(session, "the exchange does not name our key as subscribed", rejected=True)
        )
    if named:
        return findings.SubscriptionConfirmed(named=True)
    return _interruption(session, now, GapCause.SUBSCRIPTION_LOST)


def _subscription_refused(session: Situation, fact: facts.SubscriptionRefused, now: Instant) -> Optional[Finding]:
    # Whoever cannot say what is subscribed may still deliver; whoever refused the subscription does not.
    is_deaf = fact.message == SUBSCRIBE_ID
    if session.is_confirming:
        is_heard = is_deaf or not session.plans.is_last_resort
        return _plan_failure(session, fact.reason, rejected=is_deaf) if is_heard else None
    if is_deaf and not session.standing.confirmed:
        return _interruption(session, now, GapCause.SUBSCRIPTION_LOST, fact.reason)
    return None


def _plan_overdue(session: Situation, fact: facts.PlanOverdue, now: Instant) -> Finding:
    awaited = "answer to our ping" if session.plans.is_last_resort else "reply about the subscription"
    return _plan_failure(session, f"no {awaited}", rejected=False)


def _expiry_noticed(session: Situation, fact: facts.ExpiryNoticed, now: Instant) -> Optional[Finding]:
    if session.key is None or (fact.key is not None and fact.key != session.key):
        return None
    return _interruption(session, now, GapCause.KEY_EXPIRED)


def _frames_undecodable(session: Situation, fact: facts.FramesUndecodable, now: Instant) -> Optional[Finding]:
    return findings.FrameLost() if session.standing.serving else None


def _start_overdue(session: Situation, fact: facts.StartOverdue, now: Instant) -> Optional[Finding]:
    # An answer that was read in this very turn may have been the last that was missing.
    return None if session.verdict(now).state is StreamState.LIVE else fact


def _pong_overdue(session: Situation, fact: facts.PongOverdue, now: Instant) -> Finding:
    return _connection_lost(session, now, GapCause.NO_ANSWER)


def _pong_heard(session: Situation, fact: facts.PongHeard, now: Instant) -> Optional[Finding]:
    session.pings.heard(fact.payload)
    second, answered = session.second, session.pings.answered
    if session.is_confirming and session.plans.is_last_resort and answered is not None:
        # Whoever answers our ping has read what was sent before it; a better reply is not waited for.
        return _confirmation(session, named=False)
    if second is None or second.covers_since is None or second.is_twin or answered is None:
        return None
    # Sent after the second began to cover, by the clock that never jumps.
    return findings.BarrierPassed() if answered.monotonic >= second.covers_since.monotonic else None


# What comes on the second connection, or of it


def _second_opened(session: Situation, second: Second, fact: facts.SocketOpened, now: Instant) -> Finding:
    return findings.SecondOpened(fact.opened_at)


def _second_gone(
    session: Situation, second: Second, fact: Union[facts.SocketRefused, facts.SocketLost], now: Instant
) -> Finding:
    return findings.SecondFailed(fact.reason)


def _second_listed(
    session: Situation, second: Second, fact: facts.SubscriptionListed, now: Instant
) -> Optional[Finding]:
    if session.key not in fact.keys:
        return findings.SecondFailed("the exchange does not name our key as subscribed")
    return findings.SecondConfirmed() if second.covers_since is None else None


def _second_refused(
    session: Situation, second: Second, fact: facts.SubscriptionRefused, now: Instant
) -> Optional[Finding]:
    return findings.SecondFailed(fact.reason) if second.covers_since is None else None


def _second_silent(session: Situation, second: Second, fact: object, now: Instant) -> None:
    """Say nothing: a pong on the second proves nothing about the first."""


def _second_garbled(session: Situation, second: Second, fact: object, now: Instant) -> Optional[Finding]:
    return None if second.covers_since is None else findings.SecondGarbled()


def _second_overdue(session: Situation, fact: facts.SecondOverdue, now: Instant) -> Finding:
    return findings.SecondFailed("no sign of it in time")


def _confirmation(session: Situation, *, named: bool) -> Union[findings.SubscriptionConfirmed, findings.SecretUnproven]:
    if session.signed and not session.secret_is_proven:
        return findings.SecretUnproven(named)
    return findings.SubscriptionConfirmed(named)


def _plan_failure(session: Situation, reason: str, *, rejected: bool, retry_after_s: Optional[float] = None) -> Finding:
    if session.plans.has_next:
        return findings.PlanFailed(reason, rejected, retry_after_s)
    # A last resort that fails is none; trying it again at once, for ever, would be a storm.
    rejected = rejected or session.plans.is_last_resort
    if session.plans.has_last_resort(without_current=rejected):
        return findings.PlansUnconfirmed(reason, rejected, retry_after_s)
    return findings.PlansExhausted(reason, session.plans.shortest_hold(retry_after_s))


def _connection_lost(session: Situation, now: Instant, cause: str, detail: str = "") -> Finding:
    second = session.second
    if not session.standing.serving or second is None or second.covers_since is None:
        return _interruption(session, now, cause, detail)
    return findings.FirstLost(cause, detail, second.is_twin)


def _interruption(
    session: Situation, now: Instant, cause: str, detail: str = ""
) -> Union[findings.Interrupted, findings.InterruptedAgain]:
    if session.was_short_lived(now) and session.short_lives > 0:
        return findings.InterruptedAgain(cause, detail)
    return findings.Interrupted(cause, detail)


_MEANINGS: Dict[Type[object], Callable[..., Optional[Finding]]] = {
    **dict.fromkeys(get_args(findings.PlainFact), _as_it_is),
    facts.KeyGranted: _key_granted,
    facts.KeyNamed: _key_named,
    facts.CallFailed: _call_failed,
    facts.SocketRefused: _socket_refused,
    facts.SocketLost: _socket_lost,
    facts.SubscriptionListed: _subscription_listed,
    facts.SubscriptionRefused: _subscription_refused,
    facts.PlanOverdue: _plan_overdue,
    facts.ExpiryNoticed: _expiry_noticed,
    facts.FramesUndecodable: _frames_undecodable,
    facts.ReadFailed: _read_failed,
    facts.ConnectionDeaf: _connection_deaf,
    facts.FillsSuspected: _while_serving,
    facts.HoldFilled: _while_serving,
    facts.StartOverdue: _start_overdue,
    facts.PongOverdue: _pong_overdue,
    facts.PongHeard: _pong_heard,
    facts.SecondOverdue: _second_overdue,
}

_MEANINGS_OF_SECOND: Dict[Type[object], Callable[..., Optional[Finding]]] = {
    facts.SocketOpened: _second_opened,
    facts.SocketRefused: _second_gone,
    facts.SocketLost: _second_gone,
    facts.SubscriptionListed: _second_listed,
    facts.SubscriptionRefused: _second_refused,
    facts.PongHeard: _second_silent,
    facts.FramesUndecodable: _second_garbled,
}
