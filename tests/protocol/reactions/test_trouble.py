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
    StateChanged,
    StreamState,
)
from binance_uds.protocol import commands as do
from binance_uds.protocol import facts
from binance_uds.protocol.facts import Call
from binance_uds.protocol.situation import State
from tests.protocol.driving import KEY, OTHER_KEY, PLANS, Drive, signed

REFUSED = CredentialsRejected(401, -2015, "Invalid API-key, IP, or permissions for action.")
BLOCKED = ExchangeError(403, None, "no explanation")
NO_ROUTE = StreamInterrupted("no route")


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
    assert 7.5 <= min(waits(opened[-20:]))
    assert [AttentionCode.SHORT_LIVED] == attentions(drive)


def test_keys_that_die_at_once_are_not_a_storm_and_a_person_is_told():
    """Three keys in a row that die within 30 s raise Attention, once, and the tries become slower."""
    drive = Drive()
    drive.script.expires_after = 1.0
    drive.start(within=1e9).run_until(lambda: drive.session.short_lives == 2, 8.0)

    assert [] == attentions(drive)

    drive.run_until(lambda: drive.session.short_lives == 3, 8.0)
    assert [AttentionCode.SHORT_LIVED] == attentions(drive)
    assert "now because: listen key expired" in drive.told(Attention)[0].message
    assert 3 == len(drive.told(GapOpened))

    drive.run(1800.0)
    assert [AttentionCode.SHORT_LIVED] == attentions(drive)
    assert 40 >= drive.most_requests_a_minute()
    assert 7.5 <= min(waits(drive.calls(Call.REQUEST_KEY)[-20:]))


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


@pytest.mark.parametrize("status", [429, 418])
def test_a_hold_is_kept_to_the_second(status):
    """A probe told to wait is not repeated before that; events go on and the proof ages."""
    drive = Drive().live().run(58.0)
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
    drive = signed()
    drive.script.failing[call] = held(status, 120.0)
    drive.start(within=1e9).run(1.0)
    drive.script.failing.clear()
    made = len(drive.commanded(do.Make))
    drive.run(118.0)

    assert made == len(drive.commanded(do.Make))
    assert ([AttentionCode.BANNED] if status == 418 else []) == attentions(drive)

    drive.run(3.0)
    assert StreamState.LIVE is drive.state


# Refusals


def test_credentials_refused_later_in_life_are_said_and_tried_slowly():
    """A 401 while LIVE: Attention and STALE at once, retries from a minute to 15 minutes, LIVE when it is over."""
    drive = Drive(jitter=1 - 1e-9).live().run(50.0)
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
    drive.run_until(lambda: len(drive.told(Attention)) == refusals, 300.0)
    drive.digest(facts.ExpiryNoticed(drive.session.socket, Secret(KEY)))
    (opened,) = drive.told(GapOpened)

    assert drive.session.proofs.key is not proven
    assert drive.session.clock.earliest_ms(proven) == opened.since_ms


def test_a_hold_after_a_refusal_does_not_bury_the_key():
    """The proof of the key is void, but it was renewed a while ago and outlasts a short hold: nothing to be said."""
    drive = Drive(jitter=0.0).live().run(50.0)
    drive.script.failing[Call.PROBE_KEY] = REFUSED
    drive.run_until(lambda: drive.told(Attention) != [], 70.0)
    drive.script.failing[Call.PROBE_KEY] = held(429, 60.0)
    drive.run(35.0)

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
    drive.run(100.0)

    assert StreamState.STALE is drive.state
    assert [30.0, 60.0] == pytest.approx(waits(drive.calls(Call.REQUEST_KEY)[1:]), abs=0.2)
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
    """A 403 is said, and tried again after a minute at the earliest half."""
    drive = signed()
    drive.script.failing[call] = BLOCKED
    drive.start(within=1e9).run(20.0)

    assert [AttentionCode.BLOCKED] == attentions(drive)

    made = drive.calls(call)[-1]
    drive.run_until(lambda: drive.calls(call)[-1] > made, 70.0)
    assert 30.0 <= drive.calls(call)[-1] - made <= 60.1
    assert "a firewall of the exchange turns this address away" in drive.told(Attention)[0].message


def test_wrong_credentials_end_a_start_at_once():
    """Before the first LIVE a refusal is final: retrying cannot help."""
    drive = Drive()
    drive.script.failing[Call.REQUEST_KEY] = REFUSED
    drive.start()

    assert [do.Finish(REFUSED)] == drive.commanded(do.Finish)
    assert 1 == len(drive.commanded(do.Make))


def test_unanswered_calls_are_repeated_later_each_time():
    """Without an answer the key is asked for again after half a second, doubling up to 15 s."""
    drive = Drive(jitter=1 - 1e-9)
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
    drive = Drive(jitter=1 - 1e-9)
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
    assert 35_000 <= closed.until_ms - opened.since_ms <= 36_000
    assert StreamState.LIVE is drive.state


def test_an_unreadable_frame_after_a_freeze_may_be_as_old_as_the_freeze():
    """It lay unread for an unknown time, so the gap begins at the last proof before that."""
    drive = Drive().live().run(34.5)
    looked_ms = drive.exchange_ms
    drive.arrive(facts.FramesUndecodable(drive.session.socket))
    drive.seconds += 600.0
    drive.turn()
    (opened,) = drive.told(GapOpened)

    assert opened.since_ms <= looked_ms


def test_an_unreadable_frame_before_the_connection_is_in_use_means_nothing():
    """During a reconnect the gap is open already, and before the first LIVE there is none."""
    drive = Drive()
    drive.script.list_takes = 2.0
    drive.start()
    drive.digest(facts.FramesUndecodable(drive.session.socket))
    drive.run(5.0)

    assert [] == drive.told(GapOpened)
    assert StreamState.LIVE is drive.state
