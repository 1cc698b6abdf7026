"""The end: as asked, or because it could not begin."""

from __future__ import annotations

import pytest

from binance_uds.errors import CredentialsRejected, StartTimeout, StreamInterrupted
from binance_uds.events.notices import GapCause, GapClosed, GapOpened, Proof, StateChanged, StreamState
from binance_uds.protocol import commands as do
from binance_uds.protocol import facts
from binance_uds.protocol.facts import Call
from binance_uds.protocol.gaps import UNRECOVERABLE
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


def test_a_gap_that_nobody_repaired_begins_where_the_last_audit_ended():
    """A fill that was lost before it on a healthy connection would have been found by an audit that never came."""
    drive = signed().live().run(400.0)
    audited_ms = drive.session.watermark_ms
    drive.script.failing_reads = {None: StreamInterrupted("no route")}
    drive.digest(facts.SocketLost(drive.session.socket, "reset"))
    drive.run(5.0).digest(facts.StopRequested())
    (opened,), (closed,) = drive.told(GapOpened), drive.told(GapClosed)

    assert audited_ms == closed.since_ms < opened.since_ms
    assert (Proof.UNPROVEN, UNRECOVERABLE) == (closed.proof, closed.unrecoverable)


@pytest.mark.parametrize("signed_too", [False, True])
@pytest.mark.parametrize("what, lapsed_s", [("connection", 46.0), ("key", 151.0)])
def test_a_stop_while_a_proof_has_lapsed_is_a_gap(what, lapsed_s, signed_too):
    """Events may be missing since the last proof, and nobody will find out: it is told as closed, and unproven."""
    drive = (signed() if signed_too else Drive()).live().run(30.0)
    proofs, clock = drive.session.proofs, drive.session.clock
    at = drive.now
    if what == "connection":
        proofs.transport, proofs.key = at, moment(drive.seconds + lapsed_s - 1.0)
    else:
        proofs.key, proofs.transport = at, moment(drive.seconds + lapsed_s - 1.0)
    drive.seconds += lapsed_s
    drive.digest(facts.StopRequested())
    (opened,), (closed,) = drive.told(GapOpened), drive.told(GapClosed)

    assert (GapCause.STOPPED_UNPROVEN, opened.gap_id) == (opened.cause, closed.gap_id)
    assert clock.earliest_ms(at) - 20_000 == opened.since_ms
    # With a secret it may be told as longer: nothing was audited since the start.
    assert (drive.session.watermark_ms if signed_too else opened.since_ms) == closed.since_ms <= opened.since_ms
    assert clock.latest_ms(drive.now) == closed.until_ms
    assert (Proof.UNPROVEN, UNRECOVERABLE) == (closed.proof, closed.unrecoverable)
    assert not drive.is_holding
    assert StreamState.STOPPED is drive.told(StateChanged)[-1].new


def test_a_stop_after_the_clocks_jumped_is_a_gap():
    """The proofs are void and no new ones have come: nobody knows whether the connection outlived the sleep."""
    drive = Drive().live().run(30.0)
    proven = drive.session.proofs.oldest(drive.now)
    drive.digest(facts.ClocksJumped(40.0), facts.StopRequested())
    (opened,) = drive.told(GapOpened)

    assert GapCause.STOPPED_UNPROVEN == opened.cause
    assert drive.session.clock.earliest_ms(proven) - 20_000 == opened.since_ms


def test_a_stop_on_a_mute_connection_doubts_all_of_it():
    """Nothing confirmed it and nothing came on it: when its proof has lapsed, too, it may never have delivered."""
    drive = Drive()
    drive.script.mute = PLANS
    drive.start().run(100.0)
    used = drive.session.in_use_since
    assert used is not None
    drive.seconds += 200.0
    drive.digest(facts.StopRequested())
    (opened,) = drive.told(GapOpened)

    assert drive.session.clock.earliest_ms(used) - 20_000 == opened.since_ms


def test_a_stop_while_everything_is_proven_is_no_gap():
    """Also when the proofs are about to lapse, and with a secret when only the last audit is long ago."""
    drive = signed().live().run(30.0)
    drive.session.proofs.transport = drive.session.proofs.key = drive.now
    drive.seconds += 45.0
    drive.session.proofs.delivery = None
    drive.digest(facts.StopRequested())

    assert [] == drive.told(GapOpened)


def test_a_stop_of_a_start_that_is_not_live_yet_is_no_gap():
    """Nothing was promised before the first LIVE."""
    drive = signed()
    drive.script.failing_reads = {None: StreamInterrupted("no answer")}
    drive.start().run(1.0)
    assert drive.session.standing.serving
    drive.seconds += 200.0
    drive.digest(facts.StopRequested())

    assert [] == drive.told(GapOpened)


def test_a_stop_amid_a_repair_while_a_proof_has_lapsed_ends_the_gap_now():
    """The gap that is open covers what is missing since: it ends with the stream, not where its repair began."""
    drive = signed().live().run(30.0)
    drive.script.failing_reads = {None: StreamInterrupted("no answer")}
    drive.digest(facts.SocketLost(drive.session.socket, "reset"))
    drive.run(10.0)
    assert drive.session.open_gaps[0].until is not None
    drive.seconds += 200.0
    drive.digest(facts.StopRequested())
    (closed,) = drive.told(GapClosed)

    assert drive.session.clock.latest_ms(drive.now) == closed.until_ms


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
