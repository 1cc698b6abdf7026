"""What facts mean: every fact in the states it can come in, the fence of generations, and the reading of errors."""

from __future__ import annotations

from typing import get_args

import pytest

from binance_uds.credentials import Secret
from binance_uds.errors import ConfigurationError, CredentialsRejected, ExchangeError, StreamInterrupted
from binance_uds.events.notices import AttentionCode, GapCause
from binance_uds.protocol import facts, findings
from binance_uds.protocol.facts import Call
from binance_uds.protocol.ledger.chains import Break
from binance_uds.protocol.plans import PlanWalk
from binance_uds.protocol.reading import reads
from binance_uds.protocol.reading.errands import Errand, ErrandKind
from binance_uds.protocol.reading.snapshot import snapshot
from binance_uds.protocol.session import Session
from binance_uds.protocol.situation import State
from binance_uds.protocol.subscriptions import LIST_ID, SUBSCRIBE_ID
from binance_uds.protocol.understanding import _MEANINGS, understand
from tests.protocol.driving import KEY, OTHER_KEY, PLANS, moment

SENT = moment(40.0)
NOW = moment(41.0)
OURS, THEIRS = Secret(KEY), Secret(OTHER_KEY)
REFUSED = CredentialsRejected(401, -2015, "no")
SILENCE = StreamInterrupted("no answer")


def session_in(state: State, *, signed: bool = False, untried: int = 2, last_resort: bool = False) -> Session:
    """Return a session as it is in a state, in use for 40 s, with so many plans left to try."""
    session = Session(PlanWalk(PLANS), signed=signed)
    session.plans.begin(moment(0.0), 600.0)
    session.plans.opened()
    for _ in range(2 - untried):
        session.plans.advance(rejected=False)
    if last_resort:
        session.plans.fall_back(moment(0.0), rejected=False)
    session.state, session.generation, session.socket = state, 3, 7
    session.key, session.in_use_since = OURS, moment(0.0)
    serving = state is State.SERVING
    session.stand(started=True, was_live=serving, serving=serving)
    return session


def meaning(session: Session, fact: facts.Fact) -> object:
    """Return what a fact means now; asking changes nothing."""
    before = repr(session)
    found = understand(session, fact, NOW)

    assert before == repr(session)
    return found


def failure(call: Call, error: Exception) -> facts.CallFailed:
    """Return a failed call of the present generation."""
    return facts.CallFailed(3, call, error)


READ = reads.order("BTCUSDT", 7)


def reading(*, was_live: bool = True, clock_was_refused: bool = False) -> Session:
    """Return a signed session in use that waits for the answer to a read of its fifth errand."""
    session = session_in(State.SERVING, signed=True)
    session.stand(was_live=was_live)
    session.errand = Errand(ErrandKind.AUDIT, snapshot(0), SENT, wanted=READ, clock_was_refused=clock_was_refused)
    session.errands = 5
    return session


def read_failure(error: Exception) -> facts.ReadFailed:
    """Return a failed read of the errand under way."""
    return facts.ReadFailed(5, READ, error, SENT)


@pytest.mark.parametrize(
    "fact",
    [
        facts.KeyGranted(2, THEIRS, SENT),
        facts.KeyNamed(2, THEIRS, SENT),
        facts.KeyNamed(4, THEIRS, SENT),
        facts.CallFailed(2, Call.PROBE_KEY, REFUSED),
        facts.BalancesRead(2),
        facts.SocketOpened(6, SENT),
        facts.SocketRefused(6, "refused"),
        facts.SocketLost(6, "reset"),
        facts.SubscriptionListed(6, ()),
        facts.SubscriptionRefused(6, SUBSCRIBE_ID, "error 2"),
        facts.SubscriptionRefused(6, LIST_ID, "error 2"),
        facts.ExpiryNoticed(6, None),
        facts.ExpiryNoticed(6, OURS),
        facts.FramesUndecodable(6),
        facts.PingDue(),
        facts.PongOverdue(),
        facts.RowsRead(0, reads.balances(), reads.Rows(()), SENT),
        facts.ReadPostponed(0, reads.balances(), 5.0),
        facts.ReadFailed(0, reads.balances(), REFUSED, SENT),
        facts.Grounded(0),
        facts.Merged(0, facts.MergeTally()),
        facts.ConnectionDeaf(6),
        facts.SettleDue(),
        facts.ReadingDue(),
        facts.HoldOverdue(),
        facts.AuditDue(),
    ],
    ids=lambda fact: type(fact).__name__,
)
def test_what_is_stale_means_nothing(fact):
    """Answers about an old key, words of an old connection and timers that are not armed have no meaning."""
    assert meaning(session_in(State.SERVING), fact) is None


@pytest.mark.parametrize("state", [State.STOPPED, State.FAILED])
def test_after_the_end_nothing_means_anything(state):
    """An ended session finds nothing in any fact."""
    assert meaning(session_in(state), facts.StopRequested()) is None


def test_a_timer_means_something_once_its_moment_has_come():
    """A timer that was put off since it was reported is stale."""
    session = session_in(State.SERVING)
    session.arm(facts.PingDue, NOW, 0.0)
    session.arm(facts.ProbeDue, NOW, 0.1)

    assert facts.PingDue() == meaning(session, facts.PingDue())
    assert meaning(session, facts.ProbeDue()) is None


@pytest.mark.parametrize(
    "fact, found",
    [
        (facts.KeyGranted(3, OURS, SENT), findings.KeyConfirmed(SENT)),
        (facts.KeyGranted(3, THEIRS, SENT), findings.Interrupted(GapCause.KEY_REPLACED)),
        (facts.KeyNamed(3, OURS, SENT), findings.KeyConfirmed(SENT)),
        (facts.KeyNamed(3, THEIRS, SENT), findings.Interrupted(GapCause.KEY_REPLACED)),
        (facts.KeyNamed(3, None, SENT), findings.KeyUnnamed()),
        (facts.ExpiryNoticed(7, OURS), findings.Interrupted(GapCause.KEY_EXPIRED)),
        (facts.ExpiryNoticed(7, None), findings.Interrupted(GapCause.KEY_EXPIRED)),
        (facts.ExpiryNoticed(7, THEIRS), None),
        (facts.SocketLost(7, "reset"), findings.Interrupted(GapCause.CONNECTION_LOST, "reset")),
        (facts.SubscriptionListed(7, (THEIRS, OURS)), findings.SubscriptionConfirmed(named=True)),
        (facts.SubscriptionListed(7, (THEIRS,)), findings.Interrupted(GapCause.SUBSCRIPTION_LOST)),
        (
            facts.SubscriptionRefused(7, SUBSCRIBE_ID, "error 2"),
            findings.Interrupted(GapCause.SUBSCRIPTION_LOST, "error 2"),
        ),
        (facts.SubscriptionRefused(7, LIST_ID, "error 2"), None),
        (facts.SubscriptionRefused(7, None, "error 2"), None),
        (facts.FramesUndecodable(7), findings.FrameLost()),
        (facts.BalancesRead(3), facts.BalancesRead(3)),
        (facts.ClockRead(1, SENT, NOW), facts.ClockRead(1, SENT, NOW)),
    ],
)
def test_what_facts_mean_to_a_connection_in_use(fact, found):
    """The meaning of each fact while serving, on a connection that the exchange did not name as subscribed."""
    assert found == meaning(session_in(State.SERVING), fact)


def test_a_connection_named_as_subscribed_is_not_lost_to_a_late_refusal():
    """The reply that named our key says more than an error about a message of ours."""
    session = session_in(State.SERVING)
    session.stand(confirmed=True)

    assert meaning(session, facts.SubscriptionRefused(7, SUBSCRIBE_ID, "error 2")) is None


def test_every_fact_has_a_meaning():
    """Each kind of fact is either itself a finding or has its reader; none is forgotten."""
    assert set(get_args(facts.Fact)) == set(_MEANINGS)


@pytest.mark.parametrize(
    "fact",
    [
        facts.Started(30.0),
        facts.StopRequested(),
        facts.RetryDue(),
        facts.ProbeDue(),
        facts.PingDue(),
        facts.BalancesRead(3),
        facts.ClockRead(1, SENT, NOW),
        facts.ClocksJumped(40.0),
        facts.SocketOpened(7, SENT),
        facts.KeyOutlived(),
        facts.SettleDue(),
        facts.ReadingDue(),
        facts.HoldOverdue(),
        facts.AuditDue(),
    ],
    ids=lambda fact: type(fact).__name__,
)
def test_a_plain_fact_means_itself(fact):
    """What needs no knowledge of the session to be understood is its own finding, wherever the session stands."""
    assert type(fact) in get_args(findings.PlainFact)
    for state in State:
        session = session_in(state)
        for timer in facts.TIMERS:
            session.arm(timer, NOW, 0.0)

        assert meaning(session, fact) is (None if session.has_ended else fact)


def test_a_start_is_overdue_unless_its_end_was_just_reached():
    """What was read in the same turn may have made the stream LIVE already; else the start has taken too long."""
    session = session_in(State.SERVING)
    session.stand(was_live=False)
    session.arm(facts.StartOverdue, NOW, 0.0)

    assert facts.StartOverdue() == meaning(session, facts.StartOverdue())

    session.proofs.renew_key(SENT)
    session.proofs.renew_transport(SENT)
    assert meaning(session, facts.StartOverdue()) is None


@pytest.mark.parametrize(
    "error, found",
    [
        (SILENCE, findings.CallUnanswered("probe of the listen key failed: no answer")),
        (ExchangeError(400, -1125, "gone"), findings.Interrupted(GapCause.KEY_GONE)),
        (
            ExchangeError(429, -1003, "slow", 7.0),
            findings.CallHeld(7.0, 429, str(ExchangeError(429, -1003, "slow", 7.0))),
        ),
        (ExchangeError(403, None, "no"), findings.CallBlocked("Binance answered HTTP 403, no")),
        (REFUSED, findings.CredentialsRefused(str(REFUSED))),
        (
            ExchangeError(503, None, "down"),
            findings.CallUnanswered("probe of the listen key failed: Binance answered HTTP 503, down"),
        ),
        (
            ExchangeError(400, -1021, "late"),
            findings.CallUnanswered("probe of the listen key failed: Binance answered HTTP 400, -1021: late"),
        ),
        (ConfigurationError("odd"), findings.CallUnanswered("probe of the listen key failed: odd")),
    ],
)
def test_what_a_failed_probe_means(error, found):
    """Each kind of error while serving."""
    assert found == meaning(session_in(State.SERVING), failure(Call.PROBE_KEY, error))


@pytest.mark.parametrize(
    "fact",
    [
        facts.RowsRead(4, READ, reads.Rows(()), SENT),
        facts.ReadPostponed(4, READ, 5.0),
        facts.ReadFailed(4, READ, REFUSED, SENT),
        facts.ReadFailed(6, READ, REFUSED, SENT),
        facts.Grounded(4),
        facts.Merged(4, facts.MergeTally()),
    ],
    ids=lambda fact: type(fact).__name__,
)
def test_what_is_said_about_another_errand_means_nothing(fact):
    """An errand that was broken off leaves answers behind."""
    assert meaning(reading(), fact) is None


@pytest.mark.parametrize(
    "fact",
    [
        facts.RowsRead(5, READ, reads.Rows(()), SENT),
        facts.ReadPostponed(5, READ, 5.0),
        facts.Grounded(5),
        facts.Merged(5, facts.MergeTally()),
    ],
)
def test_what_is_said_about_the_errand_under_way_means_itself(fact):
    """No knowledge of the session is needed."""
    assert fact == meaning(reading(), fact)


def words(error: Exception) -> str:
    """Return what is said of a read that ended so."""
    return f"read of order failed: {error}"


HELD = ExchangeError(418, -1003, "banned", 90.0)
LATE = ExchangeError(400, -1021, "late")


@pytest.mark.parametrize(
    "error, found",
    [
        (SILENCE, findings.ReadUnanswered(words(SILENCE))),
        (HELD, findings.ReadHeld(90.0, words(HELD))),
        (ExchangeError(429, -1003, "slow", 0.0), findings.ReadHeld(0.0, words(ExchangeError(429, -1003, "slow", 0.0)))),
        (LATE, findings.ClockRefused()),
        (ExchangeError(400, -2013, "gone"), findings.ReadRefused(-2013, SENT)),
        (ExchangeError(404, None, "no such path"), findings.ReadRefused(-404, SENT)),
        (REFUSED, findings.ReadForbidden(AttentionCode.CREDENTIALS_REJECTED, words(REFUSED))),
        (
            ConfigurationError("odd"),
            findings.ReadForbidden(AttentionCode.CREDENTIALS_REJECTED, words(ConfigurationError("odd"))),
        ),
        (
            ExchangeError(403, None, "no"),
            findings.ReadForbidden(AttentionCode.BLOCKED, words(ExchangeError(403, None, "no"))),
        ),
    ],
)
def test_what_a_failed_read_means(error, found):
    """Each kind of error in the middle of life."""
    assert found == meaning(reading(), read_failure(error))


@pytest.mark.parametrize("code", [-1000, -1001, -1003, -1006, -1007, -1008, -1015, -1016])
def test_codes_of_the_moment_are_no_refusal(code):
    """The request was right, and the next may be answered."""
    assert isinstance(meaning(reading(), read_failure(ExchangeError(400, code, "busy"))), findings.ReadUnanswered)


@pytest.mark.fault(15)
@pytest.mark.parametrize("status", [408, 500, 502, 503, 504])
def test_statuses_of_the_moment_are_no_refusal(status):
    """Whatever code they carry."""
    assert isinstance(meaning(reading(), read_failure(ExchangeError(status, -2013, "?"))), findings.ReadUnanswered)


def test_a_read_refused_for_its_time_asks_for_the_clock_once():
    """The second refusal of the same read is an answer that helps nobody, and no answer about the order."""
    session = reading(clock_was_refused=True)

    assert findings.ReadUnanswered(words(LATE)) == meaning(session, read_failure(LATE))


@pytest.mark.parametrize("error", [REFUSED, ConfigurationError("the callable given as api_secret raised")])
def test_a_read_that_is_forbidden_before_the_first_live_ends_the_start(error):
    """What is wrong from the start will not come right by itself."""
    assert findings.StartRefused(error) == meaning(reading(was_live=False), read_failure(error))


def test_a_connection_that_never_delivered_is_an_interruption():
    """It was opened, and is in use, and is deaf."""
    deaf = facts.ConnectionDeaf(7)
    found = findings.Interrupted(GapCause.SUBSCRIPTION_LOST, "it never delivered the fills that happened")

    assert found == meaning(session_in(State.SERVING), deaf)
    for state in (State.CONNECTING, State.CONFIRMING, State.VERIFYING, State.KEYLESS, State.WAITING):
        assert meaning(session_in(state), deaf) is None


@pytest.mark.parametrize("fact", [facts.FillsSuspected(Break("BTCUSDT", 5, "")), facts.HoldFilled()])
def test_what_only_a_read_can_settle_counts_while_reads_are_possible(fact):
    """On a connection in use, and with a secret."""
    assert fact == meaning(session_in(State.SERVING, signed=True), fact)
    assert meaning(session_in(State.SERVING), fact) is None
    assert meaning(session_in(State.CONFIRMING, signed=True), fact) is None


def test_a_clock_that_could_not_be_read_means_nothing():
    """Nothing depends on it but the width of gap times."""
    for error in (SILENCE, REFUSED, ExchangeError(403, None, "no"), ExchangeError(418, None, "ban", 9.0)):
        assert meaning(session_in(State.SERVING), failure(Call.READ_CLOCK, error)) is None


@pytest.mark.parametrize("error", [REFUSED, ConfigurationError("the callable given as api_secret raised ValueError")])
@pytest.mark.parametrize(
    "state, call",
    [
        (State.KEYLESS, Call.REQUEST_KEY),
        (State.VERIFYING, Call.READ_BALANCES),
        (State.SERVING, Call.PROBE_KEY),
        (State.SERVING, Call.REQUEST_KEY),
    ],
)
def test_before_the_first_live_a_refusal_is_final(state, call, error):
    """What is wrong from the start will not come right by itself, not even on a connection in use already."""
    session = session_in(state)
    session.stand(was_live=False)

    assert findings.StartRefused(error) == meaning(session, failure(call, error))


def test_a_refused_time_counts_once_and_for_signed_calls_alone():
    """The first -1021 of a signed read asks for the clock; the second is an answer that helps nobody."""
    session = session_in(State.VERIFYING, signed=True)
    refused = failure(Call.READ_BALANCES, ExchangeError(400, -1021, "late"))

    assert findings.ClockRefused() == meaning(session, refused)

    session.clock_was_refused = True
    assert isinstance(meaning(session, refused), findings.CallUnanswered)


@pytest.mark.parametrize(
    "seconds, short, found",
    [
        (29.0, 0, findings.Interrupted),
        (29.0, 1, findings.InterruptedAgain),
        (31.0, 1, findings.Interrupted),
    ],
)
def test_only_a_second_short_life_is_an_interruption_again(seconds, short, found):
    """The first short life may be chance; a decent one in between makes the next a first again."""
    session = session_in(State.SERVING)
    session.in_use_since, session.short_lives = moment(41.0 - seconds), short

    assert found is type(meaning(session, facts.SocketLost(7, "reset")))


def test_a_key_is_taken_where_there_is_none():
    """Without a key in use a granted one is no probe."""
    session = session_in(State.KEYLESS)
    session.key = None
    granted = facts.KeyGranted(3, THEIRS, SENT)

    assert granted == meaning(session, granted)
    assert meaning(session, facts.ExpiryNoticed(7, None)) is None


@pytest.mark.parametrize("state", [State.CONFIRMING, State.VERIFYING])
def test_an_unreadable_frame_before_use_means_nothing(state):
    """The connection is not in use yet: whatever was missed lies in the gap that is open, or before the start."""
    assert meaning(session_in(state), facts.FramesUndecodable(7)) is None


@pytest.mark.parametrize(
    "signed, found",
    [
        (False, findings.SubscriptionConfirmed),
        (True, findings.SecretUnproven),
    ],
)
def test_a_confirmation_leads_to_use_or_to_the_secret(signed, found):
    """With a secret that was never accepted, a signed read comes first."""
    session = session_in(State.CONFIRMING, signed=signed)

    assert found(named=True) == meaning(session, facts.SubscriptionListed(7, (OURS,)))

    session.secret_is_proven = True
    assert findings.SubscriptionConfirmed(named=True) == meaning(session, facts.SubscriptionListed(7, (OURS,)))


DENIAL = "the exchange does not name our key as subscribed"


@pytest.mark.parametrize(
    "fact, reason, rejected",
    [
        (facts.SubscriptionListed(7, ()), DENIAL, True),
        (facts.SubscriptionRefused(7, LIST_ID, "error 2"), "error 2", False),
        (facts.SubscriptionRefused(7, None, "error 2"), "error 2", False),
        (facts.SubscriptionRefused(7, SUBSCRIBE_ID, "error 2"), "error 2", True),
        (facts.SocketLost(7, "reset"), "reset", False),
        (facts.SocketRefused(7, "refused"), "refused", False),
        (facts.PlanOverdue(), "no reply about the subscription", False),
    ],
)
@pytest.mark.parametrize("untried", [0, 1])
def test_how_a_plan_fails(fact, reason, rejected, untried):
    """While there is another plan it comes next; after the last, the first that opened has to do, if it may."""
    session = session_in(State.CONFIRMING, untried=untried)
    session.arm(facts.PlanOverdue, NOW, 0.0)
    found = findings.PlanFailed if untried else findings.PlansUnconfirmed

    assert found(reason, rejected) == meaning(session, fact)


def test_a_refused_handshake_carries_the_wait_that_was_asked_for():
    """With plans left it is that plan's own; when none is left the shortest of all counts."""
    refused = facts.SocketRefused(7, "refused", 40.0)

    assert findings.PlanFailed("refused", False, 40.0) == meaning(session_in(State.CONNECTING, untried=1), refused)

    session = session_in(State.CONNECTING, untried=0, last_resort=True)
    assert findings.PlansExhausted("refused", 40.0) == meaning(session, refused)
    session.plans.held(30.0)
    assert findings.PlansExhausted("refused", 30.0) == meaning(session, refused)
    assert findings.PlansExhausted("reset", 30.0) == meaning(session, facts.SocketRefused(7, "reset"))


def test_the_last_resort_answers_for_itself():
    """
    On the last resort a refused question means nothing, and the answer to a ping is a confirmation of sorts.

    A denial ends it, and so does a refused subscription, or no answer at all.
    """
    session = session_in(State.CONFIRMING, untried=0, last_resort=True)
    session.arm(facts.PlanOverdue, NOW, 0.0)

    assert meaning(session, facts.SubscriptionRefused(7, LIST_ID, "error 2")) is None
    assert meaning(session, facts.SubscriptionRefused(7, None, "error 2")) is None
    assert findings.PlansExhausted("error 2") == meaning(session, facts.SubscriptionRefused(7, SUBSCRIBE_ID, "error 2"))
    assert findings.PlansExhausted("no answer to our ping") == meaning(session, facts.PlanOverdue())
    assert findings.PlansExhausted(DENIAL) == meaning(session, facts.SubscriptionListed(7, ()))
    assert findings.PlansExhausted("reset") == meaning(session, facts.SocketLost(7, "reset"))

    ping = session.pings.send(NOW)
    assert understand(session, facts.PongHeard(7, b"of nobody"), NOW) is None
    assert findings.SubscriptionConfirmed(named=False) == understand(session, facts.PongHeard(7, ping), NOW)
