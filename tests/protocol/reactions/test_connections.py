"""The connection: plans tried in order, the subscription confirmed, the secret verified, the peer pinged."""

from __future__ import annotations

import pytest

from binance_uds.errors import (
    ConfigurationError,
    CredentialsRejected,
    ExchangeError,
    StartTimeout,
    StreamInterrupted,
)
from binance_uds.events.notices import Attention, AttentionCode, GapCause, GapClosed, GapOpened, StreamState
from binance_uds.markets import AccessForm, AccessPlan
from binance_uds.protocol import commands as do
from binance_uds.protocol import facts
from binance_uds.protocol.facts import Call
from binance_uds.protocol.plans import PlanWalk
from binance_uds.protocol.session import Session
from binance_uds.protocol.situation import State
from binance_uds.protocol.subscriptions import LIST_ID, SUBSCRIBE_ID
from tests.protocol.driving import (
    KEY,
    MOST_REQUESTS_A_MINUTE,
    OTHER_KEY,
    PATH,
    PLANS,
    QUERY,
    ROUND_TRIP,
    SUBSCRIBE,
    Drive,
    signed,
)

OUTSIDE_WINDOW = ExchangeError(400, -1021, "Timestamp for this request is outside of the recvWindow.")


def tried(drive: Drive) -> list[AccessPlan]:
    """Return the plans along which connections were opened."""
    return [opened.plan for opened in drive.commanded(do.OpenSocket)]


# Plans


def test_the_plan_that_names_our_key_is_used():
    """A reply that names our key confirms the first plan, and nothing else is tried."""
    drive = Drive().live()

    assert [QUERY] == tried(drive)
    assert drive.session.standing.confirmed
    assert [] == drive.told(Attention)


def test_plans_are_tried_form_by_form_then_host_by_host():
    """Query, subscribe, path on the first host, then the same on the next."""
    hosts = ("wss://one.example", "wss://two.example")
    plans = tuple(AccessPlan(host, form) for host in hosts for form in ("query", "subscribe", "path"))
    drive = Drive(Session(PlanWalk(plans)))
    drive.script.refusing = plans[:5]
    drive.live()

    assert list(plans) == tried(drive)
    assert plans[5] == drive.session.plans.current


def test_a_refused_handshake_ends_a_plan_at_once():
    """Nobody waits for the reply of a connection that never was."""
    drive = Drive()
    drive.script.refusing = (QUERY, SUBSCRIBE)
    drive.start()

    assert [QUERY, SUBSCRIBE, PATH] == tried(drive)
    assert 1.0 > drive.seconds


def test_the_subscribe_form_asks_for_our_key_first():
    """Only where the URL does not name the key it is named in a message, before the question which ones count."""
    drive = Drive()
    drive.script.refusing = (QUERY,)
    drive.live()
    asked = [type(made) for _, made in drive.issued if isinstance(made, (do.Subscribe, do.ListSubscriptions))]

    assert [do.Subscribe, do.ListSubscriptions] == asked
    assert [KEY] == [made.key.reveal() for made in drive.commanded(do.Subscribe)]


@pytest.mark.fault(32)
@pytest.mark.parametrize("named", [(), (OTHER_KEY,), (OTHER_KEY, "another")])
def test_a_reply_without_our_key_rejects_a_plan(named):
    """Something else, or nothing, is named: the next plan is tried, and this one is no last resort either."""
    drive = Drive()
    drive.script.lists = named
    drive.start(within=1e9).run(5.0)

    assert {QUERY, SUBSCRIBE, PATH} == set(tried(drive))
    assert not drive.session.plans.is_last_resort
    assert State.SERVING is not drive.session.state
    assert "no connection: the exchange does not name our key as subscribed" == drive.session.standing.reason


def test_the_key_among_several_names_confirms():
    """A connection may be subscribed to more; ours has to be among them."""
    drive = Drive()
    drive.script.lists = (OTHER_KEY, KEY)
    drive.live()

    assert [QUERY] == tried(drive)


def test_an_error_instead_of_a_reply_ends_a_plan():
    """An error about the question is no usable reply; when no plan has one, the first that opened has to do."""
    drive = Drive()
    drive.script.refusing_messages = (LIST_ID,)
    drive.live()

    assert [QUERY, SUBSCRIBE, PATH, QUERY] == tried(drive)
    assert not drive.session.standing.confirmed


@pytest.mark.parametrize("refused", [(SUBSCRIBE_ID,), (SUBSCRIBE_ID, LIST_ID)])
def test_a_refused_subscription_rejects_a_plan_for_good(refused):
    """Whoever refuses to subscribe delivers nothing: not even when nothing else opened is that plan used."""
    drive = Drive()
    drive.script.refusing, drive.script.refusing_messages = (QUERY, PATH), refused
    drive.start(within=1e9).run(5.0)

    assert {QUERY, SUBSCRIBE, PATH} == set(tried(drive))
    assert not drive.session.plans.is_last_resort
    assert StreamState.STARTING is drive.state
    assert [] == drive.told(Attention)


def test_a_plan_that_refuses_is_passed_over_for_one_that_is_silent():
    """Of two plans that opened, the one that refused the subscription does not have to do."""
    drive = Drive()
    drive.script.refusing, drive.script.refusing_messages = (QUERY,), (SUBSCRIBE_ID, LIST_ID)
    drive.start(within=1e9).run(1.0)

    assert [QUERY, SUBSCRIBE, PATH, PATH] == tried(drive)
    assert PATH == drive.session.plans.current
    assert StreamState.LIVE is drive.state


def test_a_last_resort_that_refuses_the_subscription_is_none():
    """It was silent at first and had to do; once its refusal comes, before it is in use or after, it is left alone."""
    drive = Drive()
    drive.script.refusing, drive.script.mute = (QUERY, PATH), (SUBSCRIBE,)
    drive.start(within=1e9).run_until(lambda: drive.session.plans.is_last_resort, 30.0)
    drive.script.mute, drive.script.refusing_messages = (), (SUBSCRIBE_ID,)
    assert State.CONFIRMING is drive.session.state
    drive.digest(facts.SubscriptionRefused(drive.session.socket, SUBSCRIBE_ID, "error 2"))

    assert State.WAITING is drive.session.state
    assert "no connection: error 2" == drive.session.standing.reason

    drive.run(60.0)
    assert not drive.session.standing.serving
    assert [] == drive.told(Attention)


def test_a_subscription_refused_late_interrupts_an_unconfirmed_connection():
    """A last resort is in use before its refusal can come: a gap opens, and the plan is not used again."""
    drive = Drive()
    drive.script.refusing, drive.script.mute = (QUERY, PATH), (SUBSCRIBE,)
    drive.start(within=1e9).run_until(lambda: drive.session.standing.serving, 30.0)
    drive.script.mute, drive.script.refusing_messages = (), (SUBSCRIBE_ID,)
    drive.run(40.0)

    assert StreamState.LIVE is drive.state
    drive.digest(facts.SubscriptionRefused(drive.session.socket, SUBSCRIBE_ID, "error 2"))
    drive.run(40.0)

    assert [GapCause.SUBSCRIPTION_LOST] == [told.cause for told in drive.told(GapOpened)]
    assert [] == drive.told(GapClosed)
    assert StreamState.STALE is drive.state


@pytest.mark.fault(32, 33)
def test_a_plan_without_a_reply_has_five_seconds():
    """Connection, handshake and reply of a plan together take 5 s at most, then the next has its turn."""
    drive = Drive()
    drive.script.mute = (QUERY,)
    took = drive.start().run_until(lambda: drive.session.standing.serving, 20.0)

    assert [QUERY, SUBSCRIBE] == tried(drive)
    assert 5.0 == pytest.approx(took, abs=0.3)
    assert drive.session.standing.confirmed


def test_a_plan_whose_connection_drops_before_the_reply_has_failed():
    """A connection that ends while the reply is awaited counts as a plan that does not do."""
    drive = Drive()
    drive.script.mute = (QUERY,)
    drive.start().run(0.2)
    drive.digest(facts.SocketLost(drive.session.socket, "reset"))
    drive.run(1.0)

    assert [QUERY, SUBSCRIBE] == tried(drive)
    assert [] == drive.told(GapOpened)


def test_the_last_resort_is_used_unconfirmed_and_said_once():
    """No plan gets a reply: the first is used, LIVE by the other proofs, and a person is told, once per plan."""
    drive = Drive()
    drive.script.mute = PLANS
    drive.start().run(30.0)

    assert [QUERY, SUBSCRIBE, PATH, QUERY] == tried(drive)
    assert StreamState.LIVE is drive.state
    assert "subscription unconfirmed" == drive.session.verdict(drive.now).why

    drive.digest(facts.SocketLost(drive.session.socket, "reset"))
    drive.run(5.0)
    assert StreamState.LIVE is drive.state
    assert [AttentionCode.SUBSCRIPTION_UNCONFIRMED] == [told.code for told in drive.told(Attention)]


def test_the_plan_that_worked_is_remembered():
    """The next connection begins with the plan that was confirmed, and the walk is not repeated."""
    drive = Drive()
    drive.script.refusing = (QUERY,)
    drive.live()
    drive.digest(facts.SocketLost(drive.session.socket, "reset"))
    drive.run(5.0)

    assert [QUERY, SUBSCRIBE, SUBSCRIBE] == tried(drive)


def test_a_remembered_last_resort_is_not_waited_for_again():
    """What did not answer once costs no second 5 s at the next connection."""
    drive = Drive()
    drive.script.mute = PLANS
    drive.start().run(60.0)
    drive.digest(facts.SocketLost(drive.session.socket, "reset"))
    took = drive.run_until(lambda: drive.session.standing.serving, 20.0)

    assert 1.0 > took
    assert QUERY == tried(drive)[-1]


def test_a_last_resort_is_not_preferred_for_ever():
    """All failed in one bad moment; some time later the others are tried again before it."""
    drive = Drive()
    drive.script.mute = PLANS
    drive.start().run(60.0)
    drive.script.mute = (QUERY,)
    drive.run(600.0)
    drive.digest(facts.SocketLost(drive.session.socket, "reset"))
    took = drive.run_until(lambda: drive.session.standing.serving, 20.0)

    assert 5.0 == pytest.approx(took, abs=1.0)
    assert [QUERY, SUBSCRIBE] == tried(drive)[-2:]
    assert drive.session.standing.confirmed


def test_a_last_resort_that_was_confirmed_late_is_waited_for():
    """Its reply came after all: the next connection along it is in use when it names our key, not before."""
    drive = Drive()
    drive.script.mute = PLANS
    drive.start().run(60.0)
    key = drive.session.key
    assert key is not None
    drive.digest(facts.SubscriptionListed(drive.session.socket, (key,)))
    drive.script.mute, drive.script.list_takes = (), 3.0
    drive.digest(facts.SocketLost(drive.session.socket, "reset"))
    took = drive.run_until(lambda: drive.session.standing.serving, 20.0)

    assert 3.0 == pytest.approx(took, abs=0.5)
    assert drive.session.standing.confirmed


def falling_back_to_subscribe(*, pongs: bool) -> Drive:
    """Return a drive that was LIVE and has just come back to the SUBSCRIBE form, which never gives a usable reply."""
    drive = Drive().live().run(100.0)
    drive.script.refusing, drive.script.mute, drive.script.pongs = (QUERY, PATH), (SUBSCRIBE,), pongs
    drive.script.list_takes = 1e9
    drive.digest(facts.SocketLost(drive.session.socket, "reset"))
    drive.run_until(lambda: drive.session.plans.is_last_resort and drive.session.is_confirming, 30.0)
    return drive


def test_a_last_resort_is_not_in_use_before_it_can_have_read_our_subscription():
    """The gap closes with the answer to a ping that was sent behind SUBSCRIBE, and not before."""
    drive = falling_back_to_subscribe(pongs=True)
    sent = drive.seconds
    order = [type(made) for at, made in drive.issued if at == sent and isinstance(made, (do.Subscribe, do.SendPing))]

    assert [do.Subscribe, do.SendPing] == order
    assert [] == drive.told(GapClosed)

    drive.run(1.0)
    served = [at for at, made in drive.issued if isinstance(made, do.Announce) and isinstance(made.notice, GapClosed)]
    assert [ROUND_TRIP] == pytest.approx([at - sent for at in served])
    assert State.SERVING is drive.session.state
    assert not drive.session.standing.confirmed


def test_a_last_resort_that_does_not_answer_its_ping_is_none():
    """Nobody knows whether it ever read our subscription: the gap stays open, and it is tried again from the start."""
    drive = falling_back_to_subscribe(pongs=False)
    took = drive.run_until(lambda: drive.session.state is State.WAITING, 10.0)

    assert 5.0 == pytest.approx(took, abs=0.1)
    assert "no connection: no answer to our ping" == drive.session.standing.reason

    drive.run(60.0)
    assert not drive.session.standing.serving
    assert [] == drive.told(GapClosed)

    drive.script.pongs = True
    drive.run_until(lambda: drive.told(GapClosed) != [], 60.0)
    assert State.SERVING is drive.session.state


def test_a_remembered_last_resort_that_does_not_answer_its_ping_gives_way():
    """It was used unconfirmed before; now another plan gives the reply."""
    drive = Drive()
    drive.script.mute = PLANS
    drive.start().run(60.0)
    drive.script.mute, drive.script.pongs = (QUERY,), False
    drive.digest(facts.SocketLost(drive.session.socket, "reset"))
    took = drive.run_until(lambda: drive.session.standing.serving, 20.0)

    assert 5.0 == pytest.approx(took, abs=1.0)
    assert [QUERY, SUBSCRIBE] == tried(drive)[-2:]
    assert drive.session.standing.confirmed


def test_no_frame_but_the_answer_to_our_ping_is_that_of_a_last_resort():
    """What comes before our messages were read, such as the exchange's own ping, is no answer to them."""
    drive = falling_back_to_subscribe(pongs=False)
    drive.session.heard(drive.session.socket, drive.now)
    drive.digest(facts.PongHeard(drive.session.socket, b"of nobody"))
    drive.turn()

    assert State.CONFIRMING is drive.session.state


def test_an_old_connection_does_not_answer_for_a_last_resort():
    """Only what is read from the connection itself shows that it was read."""
    drive = falling_back_to_subscribe(pongs=False)
    ping = drive.commanded(do.SendPing)[-1]
    drive.digest(facts.PongHeard(drive.session.socket - 1, ping.payload))
    drive.turn()

    assert State.CONFIRMING is drive.session.state


def test_an_answer_on_a_plan_that_is_no_last_resort_is_no_confirmation():
    """While other plans are left the reply itself is waited for, whatever else comes."""
    drive = Drive()
    drive.script.mute = (QUERY,)
    drive.start().run(0.2)
    drive.session.heard(drive.session.socket, drive.now)
    drive.digest(facts.PongHeard(drive.session.socket, drive.session.pings.send(drive.now)))
    drive.turn()

    assert State.CONFIRMING is drive.session.state
    assert [QUERY] == tried(drive)
    assert [] == drive.commanded(do.SendPing)


def test_a_late_reply_confirms():
    """A reply that names our key on a connection in use ends the doubt."""
    drive = Drive()
    drive.script.list_takes = 12.0
    drive.start().run(60.0)

    assert [QUERY, SUBSCRIBE, PATH, QUERY] == tried(drive)
    assert drive.session.standing.confirmed
    assert "every proof holds" == drive.session.verdict(drive.now).why


def test_a_late_reply_is_heard_while_the_secret_is_being_checked():
    """The reply may come during the first signed read."""
    drive = signed()
    drive.script.mute = PLANS
    drive.script.failing[Call.READ_BALANCES] = StreamInterrupted("no route")
    drive.start(within=1e9).run_until(lambda: drive.session.state is State.VERIFYING, 60.0)
    drive.digest(facts.SubscriptionListed(drive.session.socket, (drive.session.key,)))

    assert State.VERIFYING is drive.session.state
    assert drive.session.standing.confirmed


def test_a_late_denial_interrupts():
    """A reply that names another key on a connection in use opens a gap, and the plan is not remembered."""
    drive = Drive()
    drive.script.refusing = (QUERY,)
    drive.live().run(60.0)
    drive.script.refusing, drive.script.lists = (), None
    drive.digest(facts.SubscriptionListed(drive.session.socket, ()))
    drive.run(5.0)

    assert [GapCause.SUBSCRIPTION_LOST] == [told.cause for told in drive.told(GapClosed)]
    assert [QUERY, SUBSCRIBE, QUERY] == tried(drive)


def test_a_plan_that_is_denied_late_gives_way_to_the_others():
    """When every reply is late, the first plan has to do until it is denied; then the next one has to."""
    drive = Drive()
    drive.script.mute = PLANS
    drive.start(within=1e9).run_until(lambda: drive.session.standing.serving, 30.0)
    drive.run(5.0)
    drive.digest(facts.SubscriptionListed(drive.session.socket, ()))
    drive.run_until(lambda: drive.session.standing.serving, 30.0)

    assert [QUERY, SUBSCRIBE, PATH, QUERY, SUBSCRIBE, PATH, QUERY, SUBSCRIBE] == tried(drive)


@pytest.mark.parametrize("message", [SUBSCRIBE_ID, LIST_ID, None])
def test_a_late_error_means_nothing_to_a_confirmed_connection(message):
    """An error about a message of ours, on a connection that the exchange named as subscribed, is no news."""
    drive = Drive().live()
    before = len(drive.issued)
    drive.digest(facts.SubscriptionRefused(drive.session.socket, message, "error 2"))

    assert before == len(drive.issued)


@pytest.mark.fault(30)
def test_no_plan_opens_and_the_key_may_be_to_blame():
    """When every handshake is refused, a new key is asked for after a wait, and the old plan's answers are stale."""
    drive = Drive()
    drive.script.refusing = PLANS
    drive.start(within=1e9)
    generation = drive.session.generation
    drive.run(3.0)

    assert State.WAITING is drive.session.state
    assert 1 <= generation
    assert 1 < len(drive.calls(Call.REQUEST_KEY))
    assert drive.session.key is None
    assert "no connection: refused" == drive.session.standing.reason


@pytest.mark.parametrize("end", ["drops", "is refused"])
def test_a_last_resort_that_fails_too_is_not_tried_for_ever(end):
    """Connections that open and end, or open once and are refused then, lead to a wait and not to a storm."""
    drive = Drive()
    if end == "drops":
        drive.script.mute, drive.script.drops_after = PLANS, 0.01
    else:
        drive.script.mute, drive.script.refusing = PLANS, (SUBSCRIBE, PATH)
        drive.start(within=1e9).run(1.0)
        drive.script.refusing = PLANS
    drive.start(within=1e9) if end == "drops" else drive.run(5.0)
    drive.run(600.0)

    assert MOST_REQUESTS_A_MINUTE >= drive.most_requests_a_minute()
    assert State.WAITING is drive.session.state


def test_a_dropped_last_resort_gives_way_to_the_next_that_opened():
    """Several plans opened without a reply; when the first one drops, the second has its chance."""
    drive = Drive()
    drive.script.mute = PLANS
    drive.start(within=1e9).run_until(lambda: drive.session.plans.is_last_resort, 30.0)
    drive.digest(facts.SocketLost(drive.session.socket, "reset"))
    drive.run(1.0)

    assert [QUERY, SUBSCRIBE, PATH, QUERY, SUBSCRIBE] == tried(drive)
    assert State.SERVING is drive.session.state


# The secret


def test_a_wrong_secret_ends_the_start():
    """The first signed read is refused: FAILED, with the error that names the cause."""
    error = CredentialsRejected(400, -1022, "Signature for this request is not valid.")
    drive = signed()
    drive.script.failing[Call.READ_BALANCES] = error
    drive.start().run(1.0)

    assert StreamState.FAILED is drive.state
    assert [do.Finish(error)] == drive.commanded(do.Finish)
    assert "check the API secret" in drive.session.verdict(drive.now).why
    assert set() == drive.open_sockets


def test_a_signer_that_fails_ends_the_start():
    """A callable that cannot sign is a matter of configuration."""
    error = ConfigurationError("the callable given as api_secret raised ValueError")
    drive = signed()
    drive.script.failing[Call.READ_BALANCES] = error
    drive.start().run(1.0)

    assert [do.Finish(error)] == drive.commanded(do.Finish)


@pytest.mark.fault(19)
def test_a_refused_time_reads_the_clock_and_signs_once_more():
    """-1021 leads to one reading of the exchange's clock and one more signed read."""
    drive = signed()
    drive.script.failing[Call.READ_BALANCES] = OUTSIDE_WINDOW
    drive.start(within=1e9)
    drive.run_until(lambda: drive.session.state is State.VERIFYING, 10.0)
    order = [made.call for made in drive.commanded(do.Make)][1:]

    assert [Call.READ_CLOCK, Call.READ_BALANCES] * 2 == order
    assert facts.RetryDue in drive.session.timers


def test_a_clock_that_could_not_be_read_is_read_again_with_the_next_try():
    """When the reading fails as well, the next signed read is given another chance to be dated right."""
    drive = signed()
    drive.script.failing = {
        Call.READ_BALANCES: OUTSIDE_WINDOW,
        Call.READ_CLOCK: StreamInterrupted("no route"),
    }
    drive.start(within=1e9).run(3.0)
    readings = len(drive.calls(Call.READ_CLOCK))
    drive.run(20.0)

    assert readings < len(drive.calls(Call.READ_CLOCK))
    assert 40 >= drive.most_requests_a_minute()

    drive.script.failing.clear()
    drive.run(23.0)
    assert StreamState.LIVE is drive.state


def test_a_start_that_takes_too_long_says_why():
    """StartTimeout carries what stood in the way when the time ran out."""
    drive = signed()
    drive.script.failing[Call.READ_BALANCES] = ExchangeError(503, None, "no explanation")
    drive.start(within=10.0).run(60.0)
    (finish,) = drive.commanded(do.Finish)

    assert isinstance(finish.error, StartTimeout)
    assert (
        10.0,
        "read of the balances failed: Binance answered HTTP 503, no explanation",
    ) == finish.error.args
    assert 10.0 == pytest.approx(drive.seconds, abs=0.2)
    assert StreamState.FAILED is drive.state


# Pings


def test_pings_keep_their_rhythm_whatever_else_comes():
    """A ping leaves every 20 s, frames or no frames; the rhythm is what bounds the detection."""
    drive = Drive().live()
    for after in range(100):
        drive.arrive(None, after=float(after))
    drive.run(100.0)
    times = [at for at, made in drive.issued if isinstance(made, do.SendPing)]

    assert [20.0] * 5 == pytest.approx([after - at for at, after in zip(times, times[1:])])


@pytest.mark.fault(26)
def test_a_ping_without_an_answer_ends_the_connection():
    """10 s after an unanswered ping the connection counts as gone, and a new one is opened."""
    drive = Drive().live()
    drive.script.pongs = False
    drive.run_until(lambda: drive.told(GapOpened) != [], 60.0)

    assert 30.0 == pytest.approx(drive.seconds, abs=0.5)
    assert [GapCause.NO_ANSWER] == [told.cause for told in drive.told(GapOpened)]
    assert AccessForm.QUERY == tried(drive)[-1].form


def test_a_clock_that_is_read_while_nothing_is_connected_is_read_all_the_same():
    """There is no connection to be dated by it."""
    drive = Drive().live().run(10.0)
    drive.script.failing[Call.REQUEST_KEY] = StreamInterrupted("no answer")
    drive.digest(facts.SocketLost(drive.session.socket, "reset"))
    drive.digest(facts.ClockRead(5_000, drive.now, drive.now))

    assert 5_000 == pytest.approx(drive.session.clock.now_ms(drive.now), abs=1)
    assert drive.session.in_use_since is None
