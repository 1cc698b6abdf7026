"""The second connection: opened beside the first, held back, put in its place."""

from __future__ import annotations

import pytest

from binance_uds.credentials import Secret
from binance_uds.errors import StreamInterrupted
from binance_uds.events.notices import GapCause, GapClosed, GapOpened, Proof, StreamState
from binance_uds.protocol import commands as do
from binance_uds.protocol import facts
from binance_uds.protocol.facts import Call
from binance_uds.protocol.plans import PlanWalk
from binance_uds.protocol.session import Session
from binance_uds.protocol.situation import State
from binance_uds.protocol.subscriptions import LIST_ID
from tests.protocol.driving import KEY, OTHER_KEY, PATH, PLANS, QUERY, SUBSCRIBE, Drive, signed

HOUR = 3_600.0


def twins() -> Drive:
    """Return a drive with two connections, of which either may be lost."""
    drive = Drive(Session(PlanWalk(PLANS), wants_second=True)).live()
    drive.run(1.0)
    assert drive.session.second is not None
    assert drive.session.second.is_twin
    return drive


def kinds(drive: Drive, since: float) -> list[str]:
    """Return which commands about connections were issued, and for which number."""
    about = (do.OpenSocket, do.Shadow, do.Adopt, do.Discard, do.CloseSocket)
    return [
        f"{type(made).__name__} {made.socket}" for at, made in drive.issued if at >= since and isinstance(made, about)
    ]


@pytest.mark.fault(34)
def test_a_connection_is_replaced_before_it_is_a_day_old():
    """Before the exchange ends it another one covers, and nothing is missed."""
    drive = Drive().live()
    first = drive.session.socket
    drive.run(24 * HOUR)

    assert first != drive.session.socket
    assert (1, []) == (drive.session.reconnects, drive.told(GapOpened))
    assert {drive.session.socket} == drive.open_sockets


@pytest.mark.parametrize("jitter, hours", [(0.0, 23.25), (1 - 1e-9, 22.75)])
def test_not_all_streams_replace_theirs_at_once(jitter, hours):
    """Chance spreads it over half an hour."""
    drive = Drive(jitter=jitter).live()

    assert hours * HOUR == pytest.approx(drive.session.timers[facts.RotationDue], abs=5.0)


@pytest.mark.fault(35)
@pytest.mark.parametrize("reason", [facts.RotationAsked(), facts.ShutdownNoticed(1)])
def test_it_is_replaced_when_the_user_or_the_exchange_says_so(reason):
    """In order: opened, held back, confirmed, the first asked; then delivered, and the first closed."""
    drive = Drive().live()
    first, began = drive.session.socket, drive.seconds
    drive.digest(facts.ShutdownNoticed(first) if isinstance(reason, facts.ShutdownNoticed) else reason)
    drive.run(2.0)
    second = drive.session.socket

    assert [f"OpenSocket {second}", f"Shadow {second}", f"Adopt {second}", f"CloseSocket {first}"] == kinds(
        drive, began
    )
    assert StreamState.LIVE is drive.state
    assert [] == drive.told(GapOpened)


@pytest.mark.parametrize("account, state", [({}, State.CONFIRMING), ({"signed": True}, State.VERIFYING)])
def test_a_connection_whose_end_is_announced_before_it_is_in_use_is_replaced_as_soon_as_it_is(account, state):
    """Whatever else has to be found out first."""
    drive = Drive(Session(PlanWalk(PLANS), **account)).start()
    drive.script.list_takes = 0.5
    drive.script.failing[Call.READ_BALANCES] = StreamInterrupted("no answer")
    drive.run_until(lambda: drive.session.state is state, 5.0)
    first, before = drive.session.socket, drive.session.state
    drive.digest(facts.ShutdownNoticed(first))
    drive.script.failing.clear()
    drive.run(10.0)

    assert (state, State.SERVING) == (before, drive.session.state)
    assert first != drive.session.socket
    assert (StreamState.LIVE, 2, []) == (drive.state, drive.session.connections, drive.told(GapOpened))


def test_what_was_announced_of_a_plan_that_failed_is_not_held_against_the_next():
    """The connection it was about is gone already."""
    drive = Drive(Session(PlanWalk(PLANS))).start()
    drive.script.list_takes = 0.5
    drive.run_until(lambda: drive.session.state is State.CONFIRMING, 5.0)
    drive.digest(facts.ShutdownNoticed(drive.session.socket))
    drive.digest(facts.SocketLost(drive.session.socket, "reset"))
    drive.run(10.0)

    assert (StreamState.LIVE, 1) == (drive.state, drive.session.connections)


def test_asking_again_while_one_is_being_opened_changes_nothing():
    """There is one second connection at most."""
    drive = Drive().live()
    drive.script.list_takes = 3.0
    drive.digest(facts.RotationAsked())
    drive.digest(facts.RotationAsked())
    drive.run(1.0)

    assert 2 == len(drive.commanded(do.OpenSocket))


@pytest.mark.fault(36, 58)
def test_what_the_second_tells_is_kept_back_until_the_first_has_passed_it():
    """A pong to a ping that was sent before the second was confirmed is no proof of that."""
    drive = Drive().live()
    first = drive.session.socket
    drive.script.pongs = False
    drive.digest(facts.RotationAsked())
    drive.run(1.0)
    second = drive.session.second
    drive.digest(facts.PongHeard(first, b"1"))

    assert second is not None
    assert second.covers_since is not None
    assert (False, first) == (second.is_twin, drive.session.socket)


def test_a_subscription_is_asked_for_where_the_plan_needs_it():
    """The form whose URL does not name the key subscribes on the second connection, too."""
    drive = Drive()
    drive.script.refusing = (QUERY, PATH)
    drive.live()
    began = drive.seconds
    drive.digest(facts.RotationAsked())
    drive.run(2.0)

    assert SUBSCRIBE == drive.session.plans.current
    assert [drive.session.socket] == [made.socket for made in drive.commanded(do.Subscribe, began)]


@pytest.mark.parametrize(
    "change, words",
    [
        ({"refusing": PLANS}, "refused"),
        ({"lists": (OTHER_KEY,)}, "does not name our key"),
        ({"refusing_messages": (LIST_ID,)}, "error 2"),
        ({"mute": PLANS}, "no sign of it in time"),
        ({"drops_after": 0.01}, "reset"),
    ],
)
def test_one_that_does_not_do_is_tried_again_later(change, words):
    """The first goes on meanwhile, without a gap; the waits become longer."""
    drive = Drive().live()
    first = drive.session.socket
    for name, value in change.items():
        setattr(drive.script, name, value)
    drive.digest(facts.RotationAsked())
    drive.run(60.0)
    notes = [note.text for note in drive.commanded(do.Note) if "second connection does not do" in note.text]

    assert first == drive.session.socket
    assert words in notes[0]
    assert 2 <= len(notes) <= 8
    assert [] == drive.told(GapOpened)

    drive.script = type(drive.script)()
    drive.run(90.0)
    assert first != drive.session.socket
    assert {drive.session.socket} == drive.open_sockets


def test_a_late_reply_about_the_second_changes_nothing():
    """It is confirmed once; a refusal afterwards says no more than that nobody can say."""
    drive = twins()
    second = drive.session.second
    drive.digest(facts.SubscriptionListed(second.socket, (Secret(KEY),)))
    drive.digest(facts.SubscriptionRefused(second.socket, LIST_ID, "error 2"))
    drive.digest(facts.PongHeard(second.socket, b""))
    drive.digest(facts.FramesUndecodable(second.socket))

    assert second is drive.session.second
    assert [] == drive.told(GapOpened)


def test_of_twins_either_may_be_lost():
    """The other goes on without a gap, and a new one is opened beside it."""
    drive = twins()
    first, second = drive.session.socket, drive.session.second.socket
    drive.digest(facts.SocketLost(first, "reset"))

    assert second == drive.session.socket
    drive.run(2.0)
    assert drive.session.second.is_twin
    assert [] == drive.told(GapOpened)

    drive.digest(facts.SocketLost(drive.session.second.socket, "reset"))
    drive.run(2.0)
    notes = [note.text for note in drive.commanded(do.Note)]
    assert "connection lost: reset; the second connection takes over" in notes
    assert (second, True) == (drive.session.socket, drive.session.second.is_twin)
    assert (1, []) == (drive.session.reconnects, drive.told(GapOpened))


@pytest.mark.parametrize("is_twin", [True, False])
def test_a_first_that_is_lost_after_a_bad_frame_of_the_second_leaves_a_gap_beyond_that_frame(is_twin):
    """What the frame told only the first could tell, and nobody knows whether it did."""
    drive = Drive(Session(PlanWalk(PLANS), signed=True, wants_second=is_twin)).live()
    drive.run(5.0)
    drive.script.pongs = False
    if not is_twin:
        drive.digest(facts.RotationAsked())
    drive.run(5.0)
    assert is_twin == drive.session.second.is_twin
    drive.digest(facts.FramesUndecodable(drive.session.second.socket))
    garbled_ms = drive.exchange_ms
    drive.run(1.0)
    drive.digest(facts.SocketLost(drive.session.socket, "reset"))
    drive.script.pongs = True
    drive.run(10.0)
    (closed,) = drive.told(GapClosed)

    assert closed.since_ms < garbled_ms < closed.until_ms
    assert GapCause.CONNECTION_LOST == closed.cause


def test_a_bad_frame_of_the_second_is_no_matter_once_the_first_has_passed_it():
    """The next ping in the rhythm shows that; there is none for each such frame."""
    drive = twins()
    pings = len(drive.commanded(do.SendPing))
    for _ in range(100):
        drive.digest(facts.FramesUndecodable(drive.session.second.socket))
    assert (False, pings) == (drive.session.second.is_twin, len(drive.commanded(do.SendPing)))

    drive.run(25.0)
    drive.digest(facts.SocketLost(drive.session.socket, "reset"))
    assert [] == drive.told(GapOpened)


def test_a_bad_frame_of_a_second_that_is_not_confirmed_is_no_matter():
    """It covers only from its confirmation on."""
    drive = Drive().live()
    drive.script.list_takes = 3.0
    drive.digest(facts.RotationAsked())
    drive.run(1.0)
    drive.digest(facts.FramesUndecodable(drive.session.second.socket))

    assert drive.session.second.covers_since is None


def test_twins_are_swapped_at_once_when_one_is_replaced():
    """The second covers already: it takes the place, and another one its own."""
    drive = twins()
    second = drive.session.second.socket
    drive.digest(facts.RotationAsked())

    assert second == drive.session.socket
    drive.run(2.0)
    assert drive.session.second.is_twin


def test_a_second_that_gives_no_sign_of_life_is_replaced():
    """It is pinged with the first; one that owes an answer at the next ping is gone."""
    drive = twins()
    first, mute = drive.session.socket, drive.session.second.socket
    drive.script.pongs = False
    for _ in range(9):
        drive.arrive(None, on=first)
        drive.run(5.0)
    drive.script.pongs = True
    drive.run(25.0)

    assert mute not in drive.open_sockets
    assert drive.session.second.is_twin
    assert [] == drive.told(GapOpened)


@pytest.mark.fault(36)
def test_a_first_that_is_lost_before_the_barrier_leaves_a_gap_up_to_the_second():
    """What the first had not told by then nobody did; the second goes on in its place."""
    drive = Drive().live()
    first = drive.session.socket
    drive.script.pongs = False
    drive.digest(facts.RotationAsked())
    drive.run(1.0)
    second = drive.session.second
    drive.digest(facts.SocketLost(first, "reset"))
    (closed,) = drive.told(GapClosed)

    assert second.socket == drive.session.socket
    assert (GapCause.CONNECTION_LOST, Proof.UNPROVEN) == (closed.cause, closed.proof)
    assert State.SERVING is drive.session.state


@pytest.mark.fault(36)
def test_with_a_secret_that_gap_is_repaired_on_the_second():
    """Without another connection; a repair under way begins anew, for it does not look as far."""
    drive = signed().live()
    drive.run(10.0)
    first = drive.session.socket
    drive.script.pongs = False
    drive.digest(facts.RotationAsked())
    drive.run(1.0)
    drive.digest(facts.SocketLost(first, "reset"))
    opened = len(drive.commanded(do.OpenSocket))
    drive.script.pongs = True
    drive.run(10.0)
    (closed,) = drive.told(GapClosed)

    assert (1, 2, opened) == (len(drive.told(GapOpened)), opened, len(drive.commanded(do.OpenSocket)))
    assert Proof.UNPROVEN != closed.proof
    assert StreamState.LIVE is drive.state


def test_a_first_that_is_lost_before_the_second_is_confirmed_begins_anew():
    """A connection that nothing confirmed is no help."""
    drive = Drive().live()
    drive.script.list_takes = 3.0
    drive.digest(facts.RotationAsked())
    drive.digest(facts.SocketLost(drive.session.socket, "reset"))
    drive.script.list_takes = 0.05
    drive.run(2.0)

    assert (None, {drive.session.socket}) == (drive.session.second, drive.open_sockets)
    assert 1 == len(drive.told(GapOpened))


@pytest.mark.parametrize("has_secret", [True, False])
@pytest.mark.parametrize("is_twin", [True, False])
def test_a_first_that_is_lost_while_the_key_may_be_dead_ends_no_gap(has_secret, is_twin):
    """Another connection of the same key is no answer; the probe is."""
    drive = Drive(Session(PlanWalk(PLANS), signed=has_secret, wants_second=is_twin)).live()
    drive.run(10.0)
    drive.script.failing[Call.PROBE_KEY] = StreamInterrupted("no answer")
    drive.run_until(lambda: drive.told(GapOpened) != [], 3_700.0)
    if not is_twin:
        drive.script.pongs = False
        drive.digest(facts.RotationAsked())
        drive.run(1.0)
    assert is_twin == drive.session.second.is_twin
    begun, second = drive.seconds, drive.session.second.socket
    drive.digest(facts.SocketLost(drive.session.socket, "reset"))
    drive.script.pongs = True
    drive.run(300.0)

    assert second == drive.session.socket
    assert ([], []) == (drive.told(GapClosed), drive.reads(begun))

    named_ms = drive.exchange_ms
    drive.script.failing.clear()
    drive.run(30.0)
    (closed,) = drive.told(GapClosed)
    assert GapCause.KEY_OUTLIVED == closed.cause
    assert named_ms - 1_000 < closed.until_ms
    assert StreamState.LIVE is drive.state


def test_a_second_that_opens_while_everything_begins_anew_is_closed():
    """It was asked for a moment before, and stands before anybody could tell so."""
    drive = Drive().live()
    drive.digest(facts.RotationAsked(), facts.SocketLost(drive.session.socket, "reset"))
    drive.run(2.0)

    assert 3 == len(drive.commanded(do.OpenSocket))
    assert {drive.session.socket} == drive.open_sockets


def test_a_key_that_dies_ends_both():
    """They share it; what the second kept back is delivered."""
    drive = twins()
    second, began = drive.session.second.socket, drive.seconds
    drive.script.key = OTHER_KEY
    drive.digest(facts.ExpiryNoticed(second, Secret(KEY)))
    drive.run(2.0)

    assert f"CloseSocket {second}" in kinds(drive, began)
    assert f"Adopt {second}" in kinds(drive, began)
    assert 1 == len(drive.told(GapOpened))
    assert drive.session.second.is_twin


def test_the_end_closes_both():
    """Nothing stands afterwards."""
    drive = twins()
    drive.digest(facts.StopRequested())

    assert set() == drive.open_sockets


def test_a_second_that_is_confirmed_shows_that_its_plan_is_no_last_resort():
    """The plan of both was used unconfirmed; the second connection got the reply, which counts for the next walk."""
    drive = Drive()
    drive.script.mute = PLANS
    drive.start().run(60.0)
    assert drive.session.plans.is_last_resort

    drive.script.mute = ()
    drive.digest(facts.RotationAsked())
    drive.run(1.0)
    assert not drive.session.plans.is_last_resort
    assert drive.session.standing.confirmed
