"""The end: as asked, or because it could not begin."""

from __future__ import annotations

import pytest

from binance_uds.errors import CredentialsRejected, StartTimeout, StreamInterrupted
from binance_uds.events.notices import GapClosed, GapOpened, StateChanged, StreamState
from binance_uds.protocol import commands as do
from binance_uds.protocol import facts
from binance_uds.protocol.facts import Call
from binance_uds.protocol.reactions.ending import give_up_start
from binance_uds.protocol.reactions.keys import begin
from binance_uds.protocol.session import RULES
from binance_uds.protocol.situation import State
from tests.protocol.driving import PLANS, Drive, moment, signed


def test_the_key_is_released_only_when_asked():
    """release_key deletes the key at the stop, after the connection is closed; by default it is left to the others."""
    kept, released = signed().live(), signed(release_key=True).live()
    for drive in (kept, released):
        drive.digest(facts.StopRequested())

    assert [] == kept.commanded(do.ReleaseKey)
    assert 1 == len(released.commanded(do.ReleaseKey))
    assert [do.CloseSocket, do.ReleaseKey] == [
        type(made) for _, made in released.issued if isinstance(made, (do.CloseSocket, do.ReleaseKey))
    ]


def test_a_key_that_is_not_there_is_not_released():
    """A stop between two keys has nothing to delete."""
    drive = signed(release_key=True).live()
    drive.script.failing[Call.REQUEST_KEY] = StreamInterrupted("no route")
    drive.digest(facts.SocketLost(drive.session.socket, "reset"), facts.StopRequested())

    assert [] == drive.commanded(do.ReleaseKey)
    assert StreamState.STOPPED is drive.state


def test_a_long_life_with_every_trouble_releases_nothing():
    """No interruption, refusal or time-out ever deletes the account's key."""
    drive = signed(release_key=True)
    drive.script.drops_after = 40.0
    drive.live().run(600.0)
    drive.script.failing[Call.REQUEST_KEY] = CredentialsRejected(401, -2015, "no")
    drive.run(600.0)

    assert [] == drive.commanded(do.ReleaseKey)


def test_a_stop_is_announced_and_leaves_nothing_open():
    """STOPPED is told, the connection is closed, and the session finishes without an error."""
    drive = Drive().live()
    drive.digest(facts.StopRequested())

    assert StreamState.STOPPED is drive.told(StateChanged)[-1].new
    assert [do.Finish(None)] == drive.commanded(do.Finish)
    assert set() == drive.open_sockets
    assert "stopped as asked" == drive.session.verdict(drive.now).why


def test_a_stop_asked_before_the_start_is_heard():
    """The request may overtake the start; the start then means nothing."""
    drive = Drive()
    drive.digest(facts.StopRequested(), facts.Started(30.0))

    assert StreamState.STOPPED is drive.state
    assert [] == drive.commanded(do.Make)


@pytest.mark.parametrize(
    "obstacle, reason",
    [
        ("key", "request of a listen key failed: no route"),
        ("connection", "no connection: refused"),
        ("reply", "asking one.example (path form) for the subscription"),
        ("secret", "read of the balances failed: no route"),
    ],
)
def test_a_start_gives_up_in_time_and_says_what_was_in_the_way(obstacle, reason):
    """Whatever state a start hangs in, it ends when its time is over, with what it was waiting for."""
    drive = signed()
    drive.script.failing = {
        "key": {Call.REQUEST_KEY: StreamInterrupted("no route")},
        "secret": {Call.READ_BALANCES: StreamInterrupted("no route")},
    }.get(obstacle, {})
    drive.script.refusing = PLANS if obstacle == "connection" else ()
    drive.script.mute = PLANS if obstacle == "reply" else ()
    drive.start(within=12.0).run(60.0)
    (finish,) = drive.commanded(do.Finish)

    assert isinstance(finish.error, StartTimeout)
    assert reason == finish.error.reason
    assert 12.0 == pytest.approx(drive.seconds, abs=0.5)
    assert str(finish.error) == drive.session.verdict(drive.now).why
    assert set() == drive.open_sockets


def test_a_start_given_up_in_the_middle_of_a_retry_names_what_failed_before():
    """What stood in the way is not hidden by the attempt that happens to be under way."""
    session = Drive().session
    list(begin(session, facts.Started(5.0), moment(0.0), 0.0))
    session.trouble = "no route"
    finish = list(give_up_start(session, facts.StartOverdue(), moment(6.0), 0.0))[-1]

    assert isinstance(finish, do.Finish)
    assert "getting a listen key; before that: no route" == finish.error.reason


def test_a_gap_that_is_open_at_the_end_is_closed():
    """Whoever pairs openings with closings is not left waiting: what comes after the end is not missed."""
    drive = signed().live()
    drive.script.failing[Call.REQUEST_KEY] = StreamInterrupted("no route")
    drive.digest(facts.SocketLost(drive.session.socket, "reset"))
    drive.digest(facts.StopRequested())
    (opened,), (closed,) = drive.told(GapOpened), drive.told(GapClosed)

    assert opened.gap_id == closed.gap_id
    assert "unproven" == closed.proof
    assert not drive.session.standing.gap_open


def test_a_reaction_that_is_interrupted_leaves_the_state_as_it_was(monkeypatch):
    """Ctrl-C in the middle of the last step must not leave a session that looks ended and was not."""
    session = signed().live().session

    def interrupted(*_):
        raise KeyboardInterrupt

    rules = {**RULES, (State.SERVING, facts.StopRequested): (State.STOPPED, interrupted)}
    monkeypatch.setattr("binance_uds.protocol.session.RULES", rules)
    with pytest.raises(KeyboardInterrupt):
        session.handle(facts.StopRequested(), moment(1e6), 0.0)

    assert State.SERVING is session.state
    assert not session.has_ended
