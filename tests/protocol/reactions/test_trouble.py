"""What goes wrong in the middle of life."""

from __future__ import annotations

import pytest

from binance_uds.credentials import Secret
from binance_uds.errors import CredentialsRejected, ExchangeError, StreamInterrupted
from binance_uds.events.notices import (
    Attention,
    AttentionCode,
    GapCause,
    GapClosed,
    GapOpened,
    Proof,
    StateChanged,
    StreamState,
)
from binance_uds.markets import AccessPlan
from binance_uds.protocol import commands as do
from binance_uds.protocol import facts
from binance_uds.protocol.facts import Call
from binance_uds.protocol.ledger.chains import Break
from binance_uds.protocol.situation import State
from tests.protocol.driving import (
    KEY,
    MOST_REQUESTS_A_MINUTE,
    OTHER_KEY,
    PATH,
    PLANS,
    QUERY,
    SUBSCRIBE,
    Drive,
    signed,
)

REFUSED = CredentialsRejected(401, -2015, "Invalid API-key, IP, or permissions for action.")
BLOCKED = ExchangeError(403, None, "no explanation")
NO_ROUTE = StreamInterrupted("no route")
#: By how much a gap begins before the last proof.
MARGIN_MS = 20_000


def attentions(drive: Drive) -> list[str]:
    """Return the codes of what a person was asked to look at."""
    return [told.code for told in drive.told(Attention)]


def waits(times: list[float]) -> list[float]:
    """Return the seconds between moments."""
    return [after - at for at, after in zip(times, times[1:])]


def held(status: int, seconds: float) -> ExchangeError:
    """Return the answer of an exchange that wants to be left alone."""
    return ExchangeError(status, -1003, "Too many requests", seconds)


# Interruptions


def test_a_first_interruption_begins_again_at_once():
    """A connection that lasted is replaced without a wait, and the state says so: STALE, then LIVE."""
    drive = Drive().live().run(100.0)
    lost = drive.seconds
    drive.digest(facts.SocketLost(drive.session.socket, "reset by peer"))
    drive.run(1.0)
    changes = [(told.new, told.reason) for told in drive.told(StateChanged, since=lost)]

    assert [StreamState.STALE, StreamState.LIVE] == [state for state, _ in changes]
    assert lost == drive.calls(Call.REQUEST_KEY)[-1]
    assert "connection lost: reset by peer" in [note.text for note in drive.commanded(do.Note)]


def test_answers_about_the_time_before_an_interruption_are_stale():
    """What was asked about the old key is answered late: it neither proves nor costs the new one."""
    drive = Drive().live().run(100.0)
    generation = drive.session.generation
    drive.digest(facts.SocketLost(drive.session.socket, "reset"))
    drive.run(30.0)
    proven, made = drive.session.proofs.key, len(drive.commanded(do.Make))
    drive.digest(
        facts.KeyNamed(generation, Secret(OTHER_KEY), drive.now),
        facts.KeyNamed(generation, Secret(KEY), drive.now),
        facts.KeyGranted(generation, Secret(OTHER_KEY), drive.now),
        facts.CallFailed(generation, Call.PROBE_KEY, ExchangeError(400, -1125, "This listenKey does not exist.")),
    )

    assert proven == drive.session.proofs.key
    assert made == len(drive.commanded(do.Make))
    assert StreamState.LIVE is drive.state


def test_connections_that_die_at_once_are_not_a_storm_and_a_person_is_told():
    """A connection that drops right after it was confirmed, for ever, is opened later each time; that is said once."""
    drive = Drive()
    drive.script.drops_after = 0.5
    drive.start(within=1e9).run_until(lambda: drive.session.short_lives == 3, 8.0)
    (told,) = drive.told(Attention)

    assert AttentionCode.SHORT_LIVED == told.code
    assert "3 times in a row" in told.message
    assert "within 30 s of use, now because: connection lost" in told.message

    drive.run(1800.0)
    opened = [at for at, made in drive.issued if isinstance(made, do.OpenSocket)]

    assert 40 >= drive.most_requests_a_minute()
    assert 15.0 <= min(waits(opened[-20:]))
    assert [AttentionCode.SHORT_LIVED] == attentions(drive)


@pytest.mark.fault(6)
def test_keys_that_die_at_once_are_not_a_storm_and_a_person_is_told():
    """Three keys in a row that die within 30 s raise Attention, once, and the tries become slower."""
    drive = Drive()
    drive.script.expires_after = 1.0
    drive.start(within=1e9).run_until(lambda: drive.session.short_lives == 2, 8.0)

    assert [] == attentions(drive)

    drive.run_until(lambda: drive.session.short_lives == 3, 8.0)
    assert [AttentionCode.SHORT_LIVED] == attentions(drive)
    assert "now because: listen key expired" in drive.told(Attention)[0].message
    assert "the market's hosts and events may not fit each other" in drive.told(Attention)[0].message
    assert 3 == len(drive.told(GapOpened))

    drive.run(1800.0)
    assert [AttentionCode.SHORT_LIVED] == attentions(drive)
    assert 40 >= drive.most_requests_a_minute()
    assert 15.0 <= min(waits(drive.calls(Call.REQUEST_KEY)[-20:]))


def test_a_decent_life_forgives():
    """After a key that lived its 30 s the next death is answered at once again, and the count begins anew."""
    drive = Drive()
    drive.script.expires_after = 1.0
    drive.start(within=1e9).run(4.0)
    drive.script.expires_after = None
    drive.run(120.0)
    drive.digest(facts.ExpiryNoticed(drive.session.socket, Secret(KEY)))

    assert 0 == drive.session.short_lives == drive.session.renewals.failures
    assert drive.seconds == pytest.approx(drive.calls(Call.REQUEST_KEY)[-1], abs=0.5)
    assert State.CONFIRMING is drive.session.state


def test_an_early_death_while_the_secret_is_checked_counts():
    """A key that dies during the first signed read is short-lived too."""
    drive = signed()
    drive.script.failing[Call.READ_BALANCES] = NO_ROUTE
    drive.start(within=1e9).run(0.3)
    for _ in range(2):
        assert State.VERIFYING is drive.session.state
        drive.digest(facts.ExpiryNoticed(drive.session.socket, None))
        drive.run(0.6)

    assert 2 == drive.session.short_lives
    assert [] == drive.told(GapOpened)


# The exchange says wait


@pytest.mark.fault(16)
@pytest.mark.parametrize("status", [429, 418])
def test_a_hold_is_kept_to_the_second(status):
    """A probe told to wait is not repeated before that; events go on and the proof ages."""
    drive = Drive(jitter=0.0).live().run(52.0)
    drive.script.failing[Call.PROBE_KEY] = held(status, 300.0)
    drive.run(3.0)
    drive.script.failing.clear()
    drive.run(320.0)
    last, after = drive.calls(Call.PROBE_KEY)[-2:]

    assert 300.0 == pytest.approx(after - last, abs=0.1)
    assert ([AttentionCode.BANNED] if status == 418 else []) == attentions(drive)
    assert [] == drive.told(GapOpened)
    assert StreamState.STALE in [told.new for told in drive.told(StateChanged)]
    assert StreamState.LIVE is drive.state


@pytest.mark.fault(17)
def test_a_hold_that_outlasts_the_key_is_said():
    """When the key cannot be renewed before it dies, a person learns so, and when."""
    drive = Drive().live().run(58.0)
    drive.script.failing[Call.PROBE_KEY] = held(429, 7_200.0)
    drive.run(3.0)
    (told,) = drive.told(Attention)

    assert AttentionCode.BANNED == told.code
    assert "the listen key dies in 3540 s" in told.message


@pytest.mark.parametrize("asleep, is_said", [(3_600.0, True), (3_500.0, True), (3_400.0, False)])
def test_a_hold_after_a_sleep_reckons_with_the_sleep(asleep, is_said):
    """The key aged while the machine slept: a hold that was harmless before may outlast it now, and is said then."""
    drive = Drive().live().run(58.0)
    drive.script.failing = {Call.PROBE_KEY: held(429, 60.0)}
    renewed = drive.session.proofs.key
    drive.suspend(asleep)
    dies_in = max(0.0, 3_600.0 - renewed.age(drive.now))

    assert is_said == (dies_in < 60.0)
    assert [f"the listen key dies in {dies_in:.0f} s, before it can be renewed"] * is_said == [
        told.message.split("; ")[-1] for told in drive.told(Attention)
    ]


@pytest.mark.parametrize("status", [429, 418])
@pytest.mark.parametrize("call", [Call.REQUEST_KEY, Call.READ_BALANCES])
def test_a_hold_while_starting_is_kept(call, status):
    """No call leaves before the time the exchange named, in any state."""
    drive = signed(jitter=0.0)
    drive.script.failing[call] = held(status, 120.0)
    drive.start(within=1e9).run(1.0)
    drive.script.failing.clear()
    made = len(drive.commanded(do.Make))
    drive.run(118.0)

    assert made == len(drive.commanded(do.Make))
    assert ([AttentionCode.BANNED] if status == 418 else []) == attentions(drive)

    drive.run(3.0)
    assert StreamState.LIVE is drive.state


def test_a_hold_ends_a_little_later_by_chance():
    """Streams that were told to wait by one exchange do not return in the same instant."""
    first, kept = [], []
    for jitter in (0.0, 0.5, 1 - 1e-9):
        drive = signed(jitter=jitter)
        drive.script.failing[Call.REQUEST_KEY] = held(429, 80.0)
        drive.start(within=1e9).run(100.0)
        first += waits(drive.calls(Call.REQUEST_KEY)[:2])
        drive.script.failing = {Call.PROBE_KEY: held(429, 80.0)}
        drive.run(200.0)
        kept += waits(drive.calls(Call.PROBE_KEY)[:2])

    assert [80.0, 82.0, 84.0] == pytest.approx(first, abs=0.1)
    assert [80.0, 82.0, 84.0] == pytest.approx(kept, abs=0.1)


def held_handshakes(holding: dict[AccessPlan, float]) -> Drive:
    """Return a drive that was LIVE, whose connections are refused, for so many seconds along some plans."""
    drive = Drive(jitter=0.0).live().run(100.0)
    drive.script.refusing, drive.script.holding = PLANS, holding
    drive.digest(facts.SocketLost(drive.session.socket, "reset"))
    return drive


def test_refused_handshakes_wait_as_long_as_the_exchange_asks_at_the_least():
    """Of several holds the shortest counts: then one plan is free again. A hold of a minute is no ban."""
    drive = held_handshakes({QUERY: 300.0, SUBSCRIBE: 60.0})
    refused = drive.seconds
    drive.run(70.0)

    assert 60.0 == pytest.approx(drive.calls(Call.REQUEST_KEY)[-1] - refused, abs=0.1)
    assert "refused; no request for 60 s" in [note.text for note in drive.commanded(do.Note)]
    assert "no access plan does (refused); trying again in 60.0 s" in [note.text for note in drive.commanded(do.Note)]
    assert [] == attentions(drive)


def test_a_ban_of_all_plans_is_said():
    """Who has to wait longer than the exchange counts requests is banned, and a person learns so."""
    drive = held_handshakes(dict.fromkeys(PLANS, 120.0))

    assert [AttentionCode.BANNED] == attentions(drive)
    assert "refused: this address is banned for its many requests" == drive.told(Attention)[0].message


def test_a_hold_that_is_over_at_once_is_no_storm():
    """The wait is never shorter than it would be without the hold."""
    drive = held_handshakes(dict.fromkeys(PLANS, 0.0))
    drive.run(600.0)

    assert MOST_REQUESTS_A_MINUTE >= drive.most_requests_a_minute()


def test_a_hold_counts_also_when_a_last_resort_failed_after_it():
    """The last plan is held, the first that opened has to do, and drops: the hold of this walk is not forgotten."""
    drive = Drive(jitter=0.0)
    drive.script.mute, drive.script.refusing, drive.script.holding = (QUERY,), (SUBSCRIBE, PATH), {PATH: 30.0}
    drive.start(within=1e9).run_until(lambda: drive.session.plans.is_last_resort, 30.0)
    drive.digest(facts.SocketLost(drive.session.socket, "reset"))

    assert "no access plan does (reset); trying again in 30.0 s" == drive.commanded(do.Note)[-1].text


def test_a_hold_of_an_earlier_walk_is_forgotten():
    """Each walk asks anew."""
    drive = held_handshakes({QUERY: 30.0})
    drive.script.holding = {}
    drive.run(35.0)

    assert [30.0, 1.0, 2.0] == pytest.approx(waits(drive.calls(Call.REQUEST_KEY)[1:]), abs=0.3)


# A key that outlived its proof


def outlived(error: Exception = NO_ROUTE, asleep: float = 0.0) -> Drive:
    """Return a drive whose probes fail until the key is as old as a key becomes."""
    drive = Drive(jitter=0.0).live().run(50.0)
    drive.script.failing[Call.PROBE_KEY] = error
    drive.suspend(asleep)
    drive.run_until(lambda: drive.told(GapOpened) != [], 3_700.0)
    return drive


@pytest.mark.parametrize(
    "error", [NO_ROUTE, BLOCKED, REFUSED, held(429, 10_000.0), held(418, 30.0)], ids=lambda error: str(error)[:30]
)
def test_a_key_that_nobody_could_extend_for_its_life_opens_a_gap(error):
    """Whatever kept the probes from an answer for an hour: events may be missing since the last proof, said once."""
    drive = outlived(error)
    proven = drive.session.key_renewed
    (opened,) = drive.told(GapOpened)

    assert 3_600.0 == pytest.approx(proven.age(drive.now), abs=0.01)
    assert GapCause.KEY_OUTLIVED == opened.cause
    assert opened.since_ms + MARGIN_MS <= drive.session.clock.latest_ms(proven)

    drive.run(3_600.0)
    assert [opened] == drive.told(GapOpened)
    assert [] == drive.told(GapClosed)


def test_no_gap_before_a_key_has_outlived_its_proof():
    """An answer in the last minute: the key lives on and nothing was missed."""
    drive = Drive(jitter=0.0).live().run(50.0)
    drive.script.failing[Call.PROBE_KEY] = NO_ROUTE
    drive.run(3_500.0)
    drive.script.failing.clear()
    drive.run(7_200.0)

    assert [] == drive.told(GapOpened)
    assert StreamState.LIVE is drive.state


def test_a_key_that_may_be_dead_is_used_while_nothing_better_is_there():
    """The connection is kept, its frames count, and the state is STALE because of the key, not REPAIRING."""
    drive = outlived()
    socket = drive.session.socket
    drive.run(600.0)

    assert {socket} == drive.open_sockets
    assert StreamState.STALE is drive.state
    assert drive.session.verdict(drive.now).why.startswith("the listen key was last proven ")
    assert StreamState.REPAIRING not in [told.new for told in drive.told(StateChanged)]


def test_the_same_key_named_again_never_died():
    """Somebody else extended it: the gap closes when that is known, on the connection that was kept."""
    drive = outlived()
    socket, asked = drive.session.socket, len(drive.calls(Call.REQUEST_KEY))
    drive.script.failing.clear()
    drive.run(16.0)
    (closed,) = drive.told(GapClosed)

    assert (GapCause.KEY_OUTLIVED, Proof.UNPROVEN) == (closed.cause, closed.proof)
    assert (socket, asked) == (drive.session.socket, len(drive.calls(Call.REQUEST_KEY)))
    assert StreamState.LIVE is drive.state

    drive.run(7_200.0)
    assert 1 == len(drive.told(GapOpened))


@pytest.mark.fault(17)
@pytest.mark.parametrize("death", ["gone", "replaced"])
def test_a_key_that_died_of_old_age_is_one_gap(death):
    """What the probe finds in the end is the usual interruption, inside the gap that is open already."""
    drive = outlived()
    drive.script.key = OTHER_KEY
    drive.script.failing.clear()
    if death == "gone":
        drive.script.failing[Call.PROBE_KEY] = ExchangeError(400, -1125, "This listenKey does not exist.")
    generation = drive.session.generation
    drive.run_until(lambda: drive.session.generation > generation, 30.0)
    drive.script.failing.clear()
    drive.run(5.0)
    (closed,) = drive.told(GapClosed)

    assert GapCause.KEY_OUTLIVED == closed.cause
    assert 1 == len(drive.told(GapOpened))
    assert Secret(OTHER_KEY) == drive.session.key
    assert facts.KeyOutlived not in drive.session.timers


@pytest.mark.fault(21)
def test_a_key_that_was_given_up_outlives_nothing():
    """A probe failed, then the connection, and for hours no new key is to be had: that is one gap, of another cause."""
    drive = Drive(jitter=0.0).live().run(50.0)
    drive.script.failing = {Call.PROBE_KEY: NO_ROUTE, Call.REQUEST_KEY: NO_ROUTE}
    drive.run(30.0)
    drive.digest(facts.SocketLost(drive.session.socket, "reset"))
    drive.run(7_200.0)

    assert [GapCause.CONNECTION_LOST] == [told.cause for told in drive.told(GapOpened)]
    assert facts.KeyOutlived not in drive.session.timers


def test_a_key_may_outlive_its_proof_asleep():
    """After a sleep longer than a key lives the probe has its chance first, and its failure opens the gap."""
    drive = outlived(asleep=4_000.0)

    assert drive.seconds < 60.0
    assert GapCause.KEY_OUTLIVED == drive.told(GapOpened)[0].cause


def test_an_unreadable_frame_inside_a_gap_does_not_close_it():
    """The doubt about the frame lies within the doubt about the key, which stands."""
    drive = outlived()
    drive.digest(facts.FramesUndecodable(drive.session.socket))

    assert 1 == len(drive.told(GapOpened))
    assert [] == drive.told(GapClosed)


# Refusals


@pytest.mark.fault(18)
def test_credentials_refused_later_in_life_are_said_and_tried_slowly():
    """A 401 while LIVE: Attention and STALE at once, retries from a minute to 15 minutes, LIVE when it is over."""
    drive = Drive(jitter=0.0).live().run(50.0)
    drive.script.failing[Call.PROBE_KEY] = REFUSED
    refused = drive.run_until(lambda: drive.told(Attention) != [], 70.0)
    (change,) = drive.told(StateChanged, since=refused)

    assert (StreamState.STALE, "the listen key is unproven") == (change.new, change.reason)

    drive.run(7200.0)
    times = drive.calls(Call.PROBE_KEY)[1:]

    assert [60.0, 120.0, 240.0, 480.0, 900.0, 900.0] == pytest.approx(waits(times)[:6], abs=0.2)
    assert {AttentionCode.CREDENTIALS_REJECTED} == set(attentions(drive))
    assert StreamState.STALE is drive.state
    assert State.SERVING is drive.session.state
    assert "check the key, its IP restriction" in drive.told(Attention)[0].message

    drive.script.failing.clear()
    drive.run(901.0)
    assert StreamState.LIVE is drive.state
    assert 0 == drive.session.refusals.failures


@pytest.mark.parametrize("refusals", [1, 3])
def test_a_gap_found_after_a_refusal_begins_at_the_last_full_proof(refusals):
    """Nobody may ask for the key any more, but since when it was proven is not forgotten, however often refused."""
    drive = Drive(jitter=0.0).live().run(50.0)
    drive.script.failing[Call.PROBE_KEY] = REFUSED
    proven = drive.session.proofs.key
    drive.run_until(lambda: len(drive.told(Attention)) == refusals, 400.0)
    drive.digest(facts.ExpiryNoticed(drive.session.socket, Secret(KEY)))
    (opened,) = drive.told(GapOpened)

    assert drive.session.proofs.key is not proven
    assert drive.session.clock.earliest_ms(proven) - MARGIN_MS == opened.since_ms


def test_a_hold_after_a_refusal_does_not_bury_the_key():
    """The proof of the key is void, but it was renewed a while ago and outlasts a short hold: nothing to be said."""
    drive = Drive(jitter=0.0).live().run(50.0)
    drive.script.failing[Call.PROBE_KEY] = REFUSED
    drive.run_until(lambda: drive.told(Attention) != [], 70.0)
    drive.script.failing[Call.PROBE_KEY] = held(429, 60.0)
    drive.run(65.0)

    assert [AttentionCode.CREDENTIALS_REJECTED] == attentions(drive)
    assert "no request for 60 s" in drive.commanded(do.Note)[-1].text

    drive.script.failing[Call.PROBE_KEY] = held(429, 7_200.0)
    drive.run(65.0)
    assert [AttentionCode.CREDENTIALS_REJECTED, AttentionCode.BANNED] == attentions(drive)


def test_credentials_refused_while_reconnecting_are_tried_slowly():
    """A key that is refused after the stream was LIVE does not end it."""
    drive = Drive(jitter=0.0).live().run(50.0)
    drive.script.failing[Call.REQUEST_KEY] = REFUSED
    drive.digest(facts.SocketLost(drive.session.socket, "reset"))
    drive.run(200.0)

    assert StreamState.STALE is drive.state
    assert [60.0, 120.0] == pytest.approx(waits(drive.calls(Call.REQUEST_KEY)[1:]), abs=0.2)
    assert [AttentionCode.CREDENTIALS_REJECTED] * 3 == attentions(drive)

    drive.script.failing.clear()
    drive.run(250.0)
    assert StreamState.LIVE is drive.state
    assert 0 == drive.session.refusals.failures


def test_a_granted_key_forgives_the_refusals_before_it():
    """Once a key is handed out again the next refusal is waited out like a first, whatever the connection does."""
    drive = Drive().live()
    drive.script.failing[Call.REQUEST_KEY] = REFUSED
    drive.script.refusing = PLANS
    drive.digest(facts.SocketLost(drive.session.socket, "reset"))
    drive.run(100.0)

    assert 2 <= drive.session.refusals.failures

    drive.script.failing.clear()
    drive.run(200.0)
    assert 0 == drive.session.refusals.failures


@pytest.mark.parametrize("call", [Call.REQUEST_KEY, Call.READ_BALANCES, Call.PROBE_KEY])
def test_a_firewall_is_left_alone(call):
    """A 403 is said, and tried again after a minute at the earliest, a minute and a half at the latest."""
    drive = signed()
    drive.script.failing[call] = BLOCKED
    drive.start(within=1e9).run(20.0)

    assert [AttentionCode.BLOCKED] == attentions(drive)

    made = drive.calls(call)[-1]
    drive.run_until(lambda: drive.calls(call)[-1] > made, 95.0)
    assert 60.0 <= drive.calls(call)[-1] - made <= 90.1
    assert "a firewall of the exchange turns this address away" in drive.told(Attention)[0].message


def test_wrong_credentials_end_a_start_at_once():
    """Before the first LIVE a refusal is final: retrying cannot help."""
    drive = Drive()
    drive.script.failing[Call.REQUEST_KEY] = REFUSED
    drive.start()

    assert [do.Finish(REFUSED)] == drive.commanded(do.Finish)
    assert 1 == len(drive.commanded(do.Make))


@pytest.mark.fault(15)
def test_unanswered_calls_are_repeated_later_each_time():
    """Without an answer the key is asked for again after half a second, doubling up to 15 s."""
    drive = Drive(jitter=0.0)
    drive.script.failing[Call.REQUEST_KEY] = NO_ROUTE
    drive.start(within=1e9).run(200.0)

    assert [0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 15.0] == pytest.approx(waits(drive.calls(Call.REQUEST_KEY))[:7], abs=0.1)


@pytest.mark.parametrize("call", [Call.REQUEST_KEY, Call.PROBE_KEY])
def test_a_refused_time_of_an_unsigned_call_is_just_no_answer(call):
    """-1021 makes sense for signed calls alone; elsewhere it is an answer that helps nobody, and no defect of ours."""
    drive = Drive()
    drive.script.failing[call] = ExchangeError(400, -1021, "Timestamp for this request is outside of the recvWindow.")
    drive.start(within=1e9).run(30.0)

    assert 2 < len(drive.calls(call))
    assert not drive.session.has_ended


def test_a_connection_in_use_forgives_the_failures_before_it():
    """After a success the next failure is answered as quickly as the first."""
    drive = Drive(jitter=0.0)
    drive.script.failing[Call.REQUEST_KEY] = NO_ROUTE
    drive.start(within=1e9).run(40.0)
    drive.script.failing.clear()
    drive.run(60.0)
    drive.script.failing[Call.REQUEST_KEY] = NO_ROUTE
    lost = drive.seconds
    drive.digest(facts.SocketLost(drive.session.socket, "reset"))
    drive.run(3.0)

    assert [0.5, 1.0] == pytest.approx(waits(drive.calls(Call.REQUEST_KEY, since=lost))[:2], abs=0.1)


# Doubt


def test_an_unreadable_frame_is_a_gap_as_long_as_the_doubt():
    """What a frame told is unknown: a gap since everything was last proven, opened and closed at once."""
    drive = Drive().live().run(34.5)
    drive.digest(facts.FramesUndecodable(drive.session.socket))
    (opened,), (closed,) = drive.told(GapOpened), drive.told(GapClosed)

    assert GapCause.BAD_FRAME == opened.cause == closed.cause
    assert 35_000 <= closed.until_ms - opened.since_ms - MARGIN_MS <= 36_000
    assert StreamState.LIVE is drive.state


@pytest.mark.parametrize("ahead_s", [-300.0, 300.0])
def test_an_unreadable_frame_before_the_clock_was_read_is_dated_by_events_too(ahead_s):
    """On a machine whose clock is minutes off the gap would lie beside what happened."""
    drive = Drive()
    drive.script.failing[Call.READ_CLOCK] = NO_ROUTE
    drive.live().run(34.5)
    told_ms = drive.now.wall_ms + round(1000 * ahead_s)
    drive.session.books.told_ms = told_ms
    drive.digest(facts.FramesUndecodable(drive.session.socket))
    (closed,) = drive.told(GapClosed)

    assert not drive.session.clock.is_known
    assert closed.since_ms < told_ms - 30_000 < told_ms < closed.until_ms


@pytest.mark.fault(48, 49)
def test_an_unreadable_frame_of_a_signed_stream_is_repaired():
    """What it told is read back: everything is held and looked into, on the same connection, and the gap ends here."""
    drive = signed().live().run(34.5)
    socket, came_ms = drive.session.socket, drive.session.clock.latest_ms(drive.now)
    drive.digest(facts.FramesUndecodable(socket))
    (opened,) = drive.told(GapOpened)

    assert [do.Hold(None)] == drive.commanded(do.Hold)
    assert StreamState.REPAIRING is drive.state

    drive.run(2.5)
    assert [] == drive.told(GapClosed)

    drive.run(2.0)
    (closed,) = drive.told(GapClosed)

    assert (GapCause.BAD_FRAME, opened.gap_id, Proof.SETTLED) == (closed.cause, closed.gap_id, closed.proof)
    assert came_ms == pytest.approx(closed.until_ms, abs=5)
    assert (socket, StreamState.LIVE) == (drive.session.socket, drive.state)


@pytest.mark.parametrize("symbols", [None, frozenset({"BTCUSDT"})])
def test_a_second_unreadable_frame_lies_within_the_gap_of_everything(symbols):
    """One gap for both; one that is open for a symbol alone does not have it."""
    drive = signed().live().run(34.5)
    if symbols is None:
        drive.digest(facts.FramesUndecodable(drive.session.socket))
    else:
        drive.digest(facts.FillsSuspected(Break("BTCUSDT", 5, "0.1 of order 1")))
    drive.digest(facts.FramesUndecodable(drive.session.socket))
    drive.run(10.0)

    assert (1 if symbols is None else 2) == len(drive.told(GapOpened)) == len(drive.told(GapClosed))
    assert 1 == len(drive.commanded(do.Merge))


def test_an_unreadable_frame_before_the_first_live_is_no_gap():
    """A stream that never was LIVE has promised nothing yet."""
    drive = signed().start()
    drive.run_until(lambda: State.SERVING is drive.session.state, 5.0)
    drive.digest(facts.FramesUndecodable(drive.session.socket))

    assert [] == drive.told(GapOpened)


def test_after_a_jump_of_the_clocks_a_signed_stream_audits_at_once():
    """All three proofs are void, and each is got anew: by a ping, a probe and an audit."""
    drive = signed().live().run(50.0)
    woke = drive.seconds
    drive.suspend(3_000.0)

    assert (None, None, None) == (
        drive.session.proofs.transport,
        drive.session.proofs.key,
        drive.session.proofs.delivery,
    ) or StreamState.STALE in [told.new for told in drive.told(StateChanged, since=woke)]

    drive.run(5.0)
    assert "all_orders" in drive.reads(since=woke)
    assert StreamState.LIVE is drive.state


def test_an_unreadable_frame_after_a_freeze_may_be_as_old_as_the_freeze():
    """It lay unread for an unknown time, so the gap begins at the last proof before that."""
    drive = Drive().live().run(34.5)
    looked_ms = drive.exchange_ms
    drive.arrive(facts.FramesUndecodable(drive.session.socket))
    drive.seconds += 600.0
    drive.turn()
    (opened,) = drive.told(GapOpened)

    assert opened.since_ms + MARGIN_MS <= looked_ms


def test_an_unreadable_frame_before_the_connection_is_in_use_means_nothing():
    """During a reconnect the gap is open already, and before the first LIVE there is none."""
    drive = Drive()
    drive.script.list_takes = 2.0
    drive.start()
    drive.digest(facts.FramesUndecodable(drive.session.socket))
    drive.run(5.0)

    assert [] == drive.told(GapOpened)
    assert StreamState.LIVE is drive.state


def repaired(drive: Drive) -> list[tuple[int, str]]:
    """Return the gaps that are over, each with its cause."""
    return [(told.gap_id, told.cause) for told in drive.told(GapClosed)]


def test_an_unreadable_frame_before_the_repair_of_a_gap_lies_in_that_gap():
    """The gap ends where the frame came, and REST has to settle anew: what the frame told may not be there yet."""
    drive = signed().live().run(100.0)
    drive.digest(facts.SocketLost(drive.session.socket, "reset"))
    drive.run(2.0)
    came, came_ms = drive.seconds, drive.exchange_ms
    drive.digest(facts.FramesUndecodable(drive.session.socket))
    drive.run(10.0)
    begun = next(at for at, command in drive.issued if isinstance(command, do.MakeRead) and at > came)

    assert [(1, GapCause.CONNECTION_LOST)] == repaired(drive)
    assert drive.told(GapClosed)[0].until_ms >= came_ms
    assert begun - came >= drive.session.timings.settle
    assert StreamState.LIVE is drive.state


@pytest.mark.fault(65)
def test_an_unreadable_frame_in_a_repair_is_a_gap_of_its_own():
    """What it told may have been read for already; the next repair reads for it again."""
    drive = signed().live().run(100.0)
    drive.digest(facts.SocketLost(drive.session.socket, "reset"))
    drive.run_until(lambda: drive.session.errand is not None, within=10.0)
    came_ms = drive.exchange_ms
    for _ in range(2):
        drive.digest(facts.FramesUndecodable(drive.session.socket))
    drive.run(20.0)

    assert [(1, GapCause.CONNECTION_LOST), (2, GapCause.BAD_FRAME)] == repaired(drive)
    assert drive.told(GapClosed)[1].since_ms < came_ms <= drive.told(GapClosed)[1].until_ms
    assert StreamState.LIVE is drive.state


def test_an_unreadable_frame_while_the_account_is_looked_at_again_is_repaired():
    """The second look at the account, when REST has settled, is followed by the repair of what opened meanwhile."""
    drive = signed().live()
    drive.run_until(lambda: drive.session.watermark_ms > 0 and drive.session.errand is not None, within=10.0)
    drive.digest(facts.FramesUndecodable(drive.session.socket))
    drive.run(20.0)

    assert [(1, GapCause.BAD_FRAME)] == repaired(drive)
    assert StreamState.LIVE is drive.state


@pytest.mark.fault(65)
def test_a_storm_of_drops_does_not_hold_events_for_ever():
    """However often the repair is interrupted, what waits for it is let go, once, after ``max_hold`` in all."""
    drive = signed().live().run(100.0)
    drive.script.failing_reads = {None: NO_ROUTE}
    begun = drive.seconds
    while drive.seconds < begun + 200.0:
        # Each connection lives longer than any should die young, and too short for what it waits for.
        drive.digest(facts.SocketLost(drive.session.socket, "reset"))
        drive.run(40.0)
    released = [at - begun for at, command in drive.issued if isinstance(command, do.ReleaseHeld)]
    drive.script.failing_reads = {}
    drive.run(60.0)

    assert [pytest.approx(drive.session.timings.max_hold, abs=1.0)] == released
    assert [(1, GapCause.CONNECTION_LOST)] == repaired(drive)
    assert (StreamState.LIVE, None) == (drive.state, drive.session.held_since)
