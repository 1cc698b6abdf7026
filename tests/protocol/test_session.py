"""The session as a whole: its life, its timers, its bounds, and the times of its gaps."""

from __future__ import annotations

import math

import pytest

from binance_uds.credentials import Secret
from binance_uds.errors import CredentialsRejected, ExchangeError, StartTimeout, StreamInterrupted
from binance_uds.events.notices import (
    Attention,
    GapCause,
    GapClosed,
    GapOpened,
    Proof,
    StateChanged,
    StreamState,
)
from binance_uds.protocol import commands as do
from binance_uds.protocol import facts
from binance_uds.protocol.commands import BLOCKING
from binance_uds.protocol.exchange_clock import DRIFT
from binance_uds.protocol.facts import Call
from binance_uds.protocol.plans import PlanWalk
from binance_uds.protocol.reading.reads import Rows
from binance_uds.protocol.session import RULES, Session, SessionMisused
from binance_uds.protocol.situation import State
from binance_uds.protocol.timings import Timings
from tests.protocol.driving import EPOCH, KEY, OTHER_KEY, PLANS, ROUND_TRIP, Drive, moment, resumed, signed
from tests.protocol.trader import order_row

NOW = moment(0.0)
#: By how much a gap begins before the last proof.
MARGIN_MS = 20_000

CONFIGURATION = ["symbol_configs", "account_config"]
#: As close to 1 as chance comes.
MOST_JITTER = 1 - 1e-9


def reach(state: State) -> Session:
    """Return a session brought into a state by the shortest way."""
    session = Session(PlanWalk(PLANS), signed=True)
    failed = facts.CallFailed(0, Call.REQUEST_KEY, StreamInterrupted("no route"))
    refused = facts.CallFailed(0, Call.REQUEST_KEY, CredentialsRejected(401, -2015, "no"))
    way = {
        State.KEYLESS: facts.Started(30.0),
        State.CONNECTING: facts.KeyGranted(0, Secret(KEY), NOW),
        State.CONFIRMING: facts.SocketOpened(1, NOW),
        State.VERIFYING: facts.SubscriptionListed(1, (Secret(KEY),)),
        State.SERVING: facts.BalancesRead(0),
    }
    aside = {State.WAITING: failed, State.FAILED: refused, State.STOPPED: facts.StopRequested()}
    if state in aside:
        session.handle(facts.Started(30.0), NOW, 0.0)
        session.handle(aside[state], NOW, 0.0)
        return session
    for target, fact in way.items():
        if session.state is not state:
            session.handle(fact, NOW, 0.0)
            assert target is session.state
    return session


def live() -> Session:
    """Return a signed session that has looked at the account and is LIVE."""
    session = reach(State.SERVING)
    while session.errand is not None and session.errand.wanted is not None:
        session.handle(facts.RowsRead(session.errands, session.errand.wanted, Rows(()), NOW), NOW, 0.0)
    session.handle(facts.Grounded(session.errands), NOW, 0.0)
    return session


def first_ms(drive: Drive) -> int:
    """Return when the first gap began, as announced."""
    return drive.told(GapOpened)[0].since_ms


# A life


def test_a_start_goes_from_key_to_connection_to_live():
    """With nothing in the way a key-only stream is LIVE after a key, a handshake and a reply; the clock can wait."""
    drive = Drive().live()
    steps = [
        made.call if isinstance(made, do.Make) else made.notice.new
        for _, made in drive.issued
        if isinstance(made, do.Make) or (isinstance(made, do.Announce) and isinstance(made.notice, StateChanged))
    ]

    assert [
        StreamState.STARTING,
        Call.REQUEST_KEY,
        StreamState.LIVE,
        Call.READ_CLOCK,
        Call.PROBE_KEY,
    ] == steps
    assert [StreamState.STARTING, StreamState.LIVE] == [told.new for told in drive.told(StateChanged)]
    assert [] == drive.told(GapOpened)
    assert StreamState.LIVE is drive.state
    assert 0 == drive.session.reconnects


def test_a_signed_start_also_reads_the_balances():
    """With a secret the stream is not LIVE before a signed read succeeded, and asks for none when it reconnects."""
    drive = signed().live()
    first = [Call.REQUEST_KEY, Call.READ_CLOCK, Call.READ_BALANCES, Call.PROBE_KEY]

    assert first == [made.call for made in drive.commanded(do.Make)]

    lost = drive.seconds
    drive.digest(facts.SocketLost(drive.session.socket, "reset"))
    drive.run(1.0)
    again = [Call.REQUEST_KEY, Call.READ_CLOCK, Call.PROBE_KEY]

    assert again == [made.call for made in drive.commanded(do.Make, since=lost)]
    assert StreamState.REPAIRING is drive.state
    assert 1 == drive.session.reconnects


def test_a_quiet_day_is_live_without_a_gap():
    """A day in which nothing happens is LIVE throughout, with a probe a minute and a ping every 20 s."""
    drive = Drive().live().run(86_400.0)

    assert [StreamState.STARTING, StreamState.LIVE] == [told.new for told in drive.told(StateChanged)]
    assert 1441 == pytest.approx(len(drive.calls(Call.PROBE_KEY)), abs=2)
    # Before the day is over the connection is replaced, which takes a few pings more.
    assert 4323 == pytest.approx(len(drive.commanded(do.SendPing)), abs=3)
    assert 1 == drive.session.reconnects


def test_an_impossible_fact_is_a_defect_and_changes_nothing():
    """What cannot be reported in a state raises, names both, and leaves the session as it was."""
    session = reach(State.KEYLESS)
    with pytest.raises(SessionMisused, match="BalancesRead while keyless"):
        session.handle(facts.BalancesRead(0), NOW, 0.0)

    assert State.KEYLESS is session.state
    assert {facts.StartOverdue} == set(session.timers)


@pytest.mark.parametrize("state", State)
def test_a_stop_is_heard_in_every_state(state):
    """Wherever a session stands, a stop ends it, closes what may stand, and never waits for the exchange."""
    session = reach(state)
    open_socket = session.socket if session.socket_may_stand else None
    commands = session.handle(facts.StopRequested(), NOW, 0.0)

    assert (State.FAILED if state is State.FAILED else State.STOPPED) is session.state
    assert {} == session.timers
    assert ([] if open_socket is None else [do.CloseSocket(open_socket)]) == [
        command for command in commands if isinstance(command, do.CloseSocket)
    ]
    assert [] == [command for command in commands if isinstance(command, BLOCKING)]
    assert (state not in (State.STOPPED, State.FAILED)) == (do.Finish(None) in commands)


def test_nothing_is_heard_after_the_end():
    """An ended session answers every fact with silence."""
    drive = Drive().live()
    drive.digest(facts.StopRequested())
    socket, generation = drive.session.socket, drive.session.generation
    late = (
        facts.Started(30.0),
        facts.SocketLost(socket, "reset"),
        facts.KeyNamed(generation, Secret(KEY), NOW),
        facts.ProbeDue(),
        facts.ClocksJumped(100.0),
    )

    assert [] == [command for fact in late for command in drive.session.handle(fact, drive.now, 0.0)]
    assert StreamState.STOPPED is drive.state


def test_a_crash_is_visible():
    """When the worker fails the session is FAILED, says why, and has nothing left to do."""
    drive = Drive().live()
    drive.session.crash("the thread failed")
    drive.turn()

    assert StreamState.FAILED is drive.told(StateChanged)[-1].new
    assert "the thread failed" == drive.session.verdict(drive.now).why
    assert [] == drive.session.due(drive.now)


def test_changes_are_announced_before_calls_that_take_long():
    """Whoever listens learns of an interruption before the next REST call, not after it."""
    session = live()
    commands = session.handle(facts.SocketLost(1, "reset"), NOW, 0.0)
    kinds = [type(command.notice if isinstance(command, do.Announce) else command) for command in commands]

    assert kinds.index(GapOpened) < kinds.index(StateChanged) < kinds.index(do.Make) == len(kinds) - 1


def test_no_gap_before_the_first_live():
    """A start that stumbles has nothing to miss yet."""
    drive = signed()
    drive.script.failing[Call.READ_BALANCES] = StreamInterrupted("no route")
    drive.start(within=100.0).run(1.0)
    drive.digest(facts.SocketLost(drive.session.socket, "reset"))
    drive.script.failing.clear()
    drive.run(5.0)

    assert StreamState.LIVE is drive.state
    assert [] == drive.told(GapOpened)


@pytest.mark.parametrize("signed_mode", [False, True])
def test_the_exchanges_clock_is_unknown_while_connecting_the_first_time(signed_mode):
    """No reading stands between the key and the reply, at any connection: it follows the reply, once."""
    drive = signed() if signed_mode else Drive()
    drive.start()

    assert State.CONFIRMING is drive.session.state
    assert not drive.session.clock.is_known
    assert [] == drive.calls(Call.READ_CLOCK)

    drive.run(1.0)
    assert drive.session.clock.is_known
    assert 1 == len(drive.calls(Call.READ_CLOCK))

    drive.digest(facts.SocketLost(drive.session.socket, "reset"))
    assert State.CONFIRMING is drive.session.state
    assert 1 == len(drive.calls(Call.READ_CLOCK))

    drive.run(1.0)
    assert 2 == len(drive.calls(Call.READ_CLOCK))


# The first LIVE


def late_verified() -> Drive:
    """
    Return a drive whose first signed read succeeded only after 90 s, on a connection that answers no ping.

    By then the connection has been quiet for longer than its proof lasts.
    """
    drive = signed()
    drive.script.failing[Call.READ_BALANCES] = StreamInterrupted("no route")
    drive.start(within=1e9).run(90.0)
    drive.script.failing.clear()
    drive.script.pongs = False
    drive.run_until(lambda: drive.session.state is not State.VERIFYING, 20.0)
    return drive


def test_a_proof_that_lapsed_before_the_first_live_is_part_of_the_start():
    """In use, with a connection that is unproven by now: STARTING until it answers, never STALE, and no gap."""
    drive = late_verified()

    assert State.SERVING is drive.session.state
    assert StreamState.STARTING is drive.state
    assert drive.session.verdict(drive.now).why.startswith("the connection was last proven ")
    assert not drive.session.standing.was_live
    assert facts.StartOverdue in drive.session.timers

    drive.arrive(None, after=0.1)
    drive.run(1.0)
    assert [StreamState.STARTING, StreamState.LIVE] == [told.new for told in drive.told(StateChanged)]
    assert drive.session.standing.was_live
    assert facts.StartOverdue not in drive.session.timers
    assert [] == drive.told(GapOpened)


def test_a_connection_in_use_does_not_excuse_a_start_from_its_time():
    """In use but never LIVE when the time is over: FAILED, with what was still missing."""
    drive = late_verified()
    drive.session.arm(facts.StartOverdue, drive.now, 2.0)
    drive.run(5.0)
    (finish,) = drive.commanded(do.Finish)

    assert StreamState.FAILED is drive.state
    assert isinstance(finish.error, StartTimeout)
    assert finish.error.reason.startswith("the connection was last proven ")
    assert set() == drive.open_sockets


def test_an_interruption_before_the_first_live_leaves_the_start_its_time():
    """A connection that dies in use, but before the first LIVE, is no gap, and the start goes on counting."""
    drive = late_verified()
    overdue = drive.session.timers[facts.StartOverdue]
    drive.digest(facts.SocketLost(drive.session.socket, "reset"))

    assert [] == drive.told(GapOpened)
    assert overdue == drive.session.timers[facts.StartOverdue]

    drive.script.pongs = True
    drive.run(1.0)
    assert [StreamState.STARTING, StreamState.LIVE] == [told.new for told in drive.told(StateChanged)]


def test_credentials_refused_in_use_but_before_the_first_live_end_the_start():
    """The first probe of a stream that never was LIVE is refused: FAILED, as at any other time of a start."""
    error = CredentialsRejected(401, -2015, "no")
    drive = late_verified()
    drive.script.failing[Call.PROBE_KEY] = error
    drive.run(1.0)

    assert StreamState.FAILED is drive.state
    assert [do.Finish(error)] == drive.commanded(do.Finish)
    assert set() == drive.open_sockets


def test_an_answer_in_the_last_turn_of_a_start_is_in_time():
    """The missing answer is read in the very turn in which the start's time ends: LIVE, not FAILED."""
    drive = late_verified()
    drive.session.arm(facts.StartOverdue, drive.now, 2.0)
    drive.arrive(None, after=2.0)
    drive.run(2.0)

    assert StreamState.LIVE is drive.state
    assert facts.StartOverdue not in drive.session.timers


# Timers


def test_several_timers_due_at_once_do_not_contradict_each_other():
    """After a freeze a pong is overdue and a probe and a ping are due; the interruption voids the other two."""
    drive = Drive().live()
    drive.script.pongs = False
    drive.run_until(lambda: facts.PongOverdue in drive.session.timers, 21.0)
    drive.seconds += 90.0
    ripe = [type(fact) for fact in drive.session.due(drive.now)]
    drive.turn()

    assert {facts.PongOverdue, facts.PingDue, facts.ProbeDue} == set(ripe)
    assert [GapCause.NO_ANSWER] == [told.cause for told in drive.told(GapOpened)]
    assert [] == drive.session.due(drive.now)


def test_a_start_that_is_overdue_amid_a_handshake_leaves_no_connection():
    """It was asked for by the timer before, and stands before anybody could tell so."""
    drive = Drive()
    drive.script.mute = PLANS[:1]
    drive.start(within=6.0)
    drive.seconds = 6.0
    drive.turn()

    assert (State.FAILED, 2) == (drive.session.state, len(drive.commanded(do.OpenSocket)))
    assert set() == drive.open_sockets


def test_a_start_that_succeeds_at_the_last_moment_is_not_overdue():
    """The answer that was missing is read in the turn in which the start has had its time."""
    drive = Drive()
    drive.script.mute = PLANS
    drive.start(within=1e9)
    drive.run_until(lambda: drive.session.plans.is_last_resort and drive.session.is_confirming, 60.0)
    drive.seconds += ROUND_TRIP
    drive.session.arm(facts.StartOverdue, drive.now, 0.0)
    ripe = [type(fact) for fact in drive.session.due(drive.now)]
    drive.turn()

    assert [facts.StartOverdue] == ripe
    assert State.SERVING is drive.session.state


def test_a_timer_is_reported_until_it_is_digested():
    """What is due stays due, in order of time; digesting it, or a later date, ends that."""
    session = reach(State.SERVING)
    session.arm(facts.PingDue, NOW, 5.0)
    session.arm(facts.ProbeDue, NOW, 4.0)
    later = moment(6.0)

    assert [] == session.due(moment(3.9))
    assert [facts.ProbeDue(), facts.PingDue()] == session.due(later) == session.due(later)

    session.handle(facts.PingDue(), later, 0.0)
    assert [facts.ProbeDue()] == session.due(later)
    assert [] == session.handle(facts.PingDue(), later, 0.0)


def test_the_next_deadline_is_whatever_comes_first():
    """The loop wakes for a timer, for a proof about to lapse, and to look at its clocks."""
    session = live()
    timings = session.timings
    session.disarm(facts.ProbeDue, facts.SettleDue)
    session.handle(facts.PingDue(), NOW, 0.0)
    session.heard(session.socket, NOW)

    assert timings.ping_interval == session.next_deadline(NOW)

    session.disarm(facts.PingDue)
    assert timings.longest_sleep == session.next_deadline(NOW)
    assert timings.transport_lease + 0.001 == pytest.approx(session.next_deadline(moment(30.0)))


def test_a_frame_of_the_connection_in_use_answers_for_the_pong():
    """
    Any frame on the connection in use proves it and calls off the alarm; one on an old connection does neither.

    It proves it from when the connection was last read empty before: the frame is younger than that.
    """
    drive = Drive().live()
    drive.script.pongs = False
    drive.run_until(lambda: facts.PongOverdue in drive.session.timers, 21.0)
    proven = drive.session.proofs.transport
    drained = moment(drive.seconds - 0.5)
    drive.session.heard(drive.session.socket - 1, drained)

    assert facts.PongOverdue in drive.session.timers
    assert proven == drive.session.proofs.transport

    drive.session.heard(drive.session.socket, drained)
    assert facts.PongOverdue not in drive.session.timers
    assert drained == drive.session.proofs.transport


def test_a_lapse_is_announced_when_it_happens():
    """A proof that lapses by the passing of time alone is announced within a moment of the lapse."""
    drive = Drive().live()
    drive.script.failing[Call.PROBE_KEY] = StreamInterrupted("no route")
    proven = drive.session.proofs.key
    drive.run_until(lambda: drive.told(StateChanged)[-1].new is StreamState.STALE, 200.0)

    assert drive.session.timings.key_lease == pytest.approx(proven.age(drive.now), abs=0.1)
    assert "the listen key was last proven 150 s ago" == drive.told(StateChanged)[-1].reason


# What the bounds say


@pytest.mark.fault(26)
def test_a_half_open_connection_is_found_within_the_bound():
    """The worst case, a REST call in the way of the ping and of its answer, meets the bound and does not pass it."""
    bound = Timings().half_open_found_within
    drive = Drive().live()
    answered = len(drive.commanded(do.SendPing)) + 1
    drive.run_until(lambda: len(drive.commanded(do.SendPing)) == answered, 60.0)
    drive.script.pongs, drive.script.call_takes = False, drive.session.timings.rest_timeout
    drive.session.heard(drive.session.socket, drive.now)
    died = drive.seconds
    drive._arrivals.clear()
    timers = drive.session.timers
    timers[facts.ProbeDue] = timers[facts.PingDue] - 0.001
    drive.run_until(lambda: facts.PongOverdue in timers, 30.0)
    timers[facts.ProbeDue] = timers[facts.PongOverdue] - 0.001
    drive.run_until(lambda: drive.told(GapOpened) != [], 60.0)
    opened = [at for at, made in drive.issued if isinstance(made, do.Announce) and isinstance(made.notice, GapOpened)]

    assert 40.0 == bound
    assert bound - 0.01 <= opened[0] - died <= bound
    assert GapCause.NO_ANSWER == drive.told(GapOpened)[0].cause


@pytest.mark.fault(5)
@pytest.mark.parametrize("death", ["gone", "replaced"])
def test_a_key_that_dies_without_a_word_is_found_within_the_bound(death):
    """The worst case, the longest interval between two slow answers, meets the bound and does not pass it."""
    bound = Timings().dead_key_found_within
    drive = Drive(jitter=MOST_JITTER).live()
    drive.script.call_takes = drive.session.timings.rest_timeout
    probes = len(drive.calls(Call.PROBE_KEY)) + 1
    drive.run_until(lambda: len(drive.calls(Call.PROBE_KEY)) == probes, 70.0)
    died = drive.calls(Call.PROBE_KEY)[-1]
    if death == "gone":
        drive.script.failing[Call.PROBE_KEY] = ExchangeError(400, -1125, "This listenKey does not exist.")
    drive.script.key = OTHER_KEY
    drive.run_until(lambda: drive.told(GapOpened) != [], 90.0)
    opened = [at for at, made in drive.issued if isinstance(made, do.Announce) and isinstance(made.notice, GapOpened)]

    assert 71.0 == bound
    assert bound - 0.01 <= opened[0] - died <= bound
    assert {"gone": GapCause.KEY_GONE, "replaced": GapCause.KEY_REPLACED}[death] == drive.told(GapOpened)[0].cause


# Sleep, and clocks that jump


@pytest.mark.parametrize("asleep", [31.0, 3_600.0, 36_000.0])
def test_after_a_sleep_nothing_is_believed_until_it_is_proven_again(asleep):
    """A suspend voids the proofs at once; a ping and a probe renew them, and a stream that came through has no gap."""
    drive = Drive().live().run(100.0)
    woke = drive.seconds
    drive.suspend(asleep).run(1.0)
    states = [(told.new, told.reason) for told in drive.told(StateChanged, since=woke)]

    assert [StreamState.STALE, StreamState.LIVE] == [state for state, _ in states]
    assert "the connection is unproven" == states[0][1]
    assert 1 == len(drive.calls(Call.PROBE_KEY, since=woke)) == len(drive.commanded(do.SendPing, since=woke))
    assert 1 == len(drive.calls(Call.READ_CLOCK, since=woke))
    assert [] == drive.told(GapOpened)


@pytest.mark.parametrize("death", ["connection", "key"])
def test_a_gap_found_after_a_sleep_began_before_it(death):
    """What was lost while the machine slept lies inside the gap that is found afterwards."""
    drive = Drive().live().run(100.0)
    fell_asleep_ms = drive.exchange_ms
    if death == "key":
        drive.script.key = OTHER_KEY
    else:
        drive.script.pongs = False
        drive._arrivals.clear()
    drive.suspend(3_600.0)
    drive.run_until(lambda: drive.told(GapOpened) != [], 15.0)

    assert first_ms(drive) + MARGIN_MS <= fell_asleep_ms


def test_two_sleeps_in_a_row_do_not_move_the_beginning():
    """A second doubt before the first was settled keeps the older beginning."""
    drive = Drive().live().run(100.0)
    fell_asleep_ms = drive.exchange_ms
    drive.script.failing[Call.PROBE_KEY] = StreamInterrupted("no route")
    drive.suspend(600.0).run(2.0)
    drive.suspend(600.0).run(2.0)
    drive.digest(facts.SocketLost(drive.session.socket, "reset"))

    assert first_ms(drive) + MARGIN_MS <= fell_asleep_ms


@pytest.mark.parametrize("interruption", ["sleep", "freeze"])
def test_a_frame_that_lay_unread_does_not_hide_what_was_lost_after_it(interruption):
    """A frame came, the connection died, and for long nobody looked: the gap begins before all that."""
    drive = Drive().live().run(100.0)
    looked_ms = drive.exchange_ms
    drive.arrive(None)
    drive.script.pongs = False
    if interruption == "sleep":
        drive.suspend(3_600.0)
    else:
        drive.seconds += 600.0
        drive.turn()
    drive.run_until(lambda: drive.told(GapOpened) != [], 15.0)

    assert first_ms(drive) + MARGIN_MS <= looked_ms


@pytest.mark.parametrize("by", [3_600.0, -3_600.0])
def test_a_clock_that_was_set_voids_the_proofs_and_nothing_else(by):
    """Someone sets the wall clock: STALE for a moment, no gap, and the exchange's clock is read again."""
    drive = Drive().live().run(100.0)
    before = drive.seconds
    drive.set_by += by
    drive.turn()
    drive.run(1.0)

    assert [StreamState.STALE, StreamState.LIVE] == [told.new for told in drive.told(StateChanged, since=before)]
    assert 1 == len(drive.calls(Call.READ_CLOCK, since=before))
    assert [] == drive.told(GapOpened)
    assert abs(drive.session.clock.now_ms(drive.now) - drive.exchange_ms) <= drive.session.clock.uncertainty_ms


def test_a_jump_between_the_states_is_remembered():
    """Clocks that jump while a connection is being waited for void the proofs, and ask for nothing yet."""
    drive = Drive()
    drive.script.failing[Call.REQUEST_KEY] = StreamInterrupted("no route")
    drive.start(within=1e9).run(1.0)
    asked = len(drive.calls(Call.READ_CLOCK))
    drive.suspend(600.0)

    assert State.WAITING is drive.session.state
    assert asked == len(drive.calls(Call.READ_CLOCK))
    assert (None, None) == (drive.session.proofs.transport, drive.session.proofs.key)


# The times of a gap


@pytest.mark.parametrize("ahead", [0.0, 3.0, -3_600.0, 86_400.0])
@pytest.mark.parametrize("call_takes", [0.001, 0.3, 4.0])
@pytest.mark.parametrize("way_there", [0.0, 1.0])
def test_a_gap_contains_the_blind_interval_whatever_the_clocks_say(ahead, call_takes, way_there):
    """Its bounds are the exchange's times, widened by what one reading of its clock leaves open, and by drift since."""
    drive = Drive()
    drive.script.ahead, drive.script.call_takes, drive.script.way_there = ahead, call_takes, way_there
    drive.start().run(20.0)
    read = drive.calls(Call.READ_CLOCK)[-1] + call_takes
    proven = drive.seconds - drive.session.proofs.oldest(drive.now).age(drive.now)
    proven_ms = drive.exchange_ms - (drive.seconds - proven) * 1000
    drive.digest(facts.SocketLost(drive.session.socket, "reset"))
    drive.run_until(lambda: drive.told(GapClosed) != [], 20.0)
    (closed,) = drive.told(GapClosed)
    widest_ms = call_takes * 1000 / 2 + 1 + math.ceil(call_takes * 1000 * DRIFT)
    blind_until = next(at for at, made in drive.issued if isinstance(made, do.Announce) and made.notice is closed)
    blind_until_ms = drive.exchange_ms - (drive.seconds - blind_until) * 1000

    since_drift_ms, until_drift_ms = (math.ceil(abs(read - at) * 1000 * DRIFT) for at in (proven, blind_until))

    assert proven_ms - 2 * widest_ms - since_drift_ms - 2 <= closed.since_ms + MARGIN_MS <= proven_ms
    assert blind_until_ms <= closed.until_ms <= blind_until_ms + 2 * widest_ms + until_drift_ms + 2


def test_an_unread_clock_is_uncertain_by_seconds():
    """While the exchange's clock could not be read, ours is taken, give or take 5 s."""
    drive = Drive()
    drive.script.failing[Call.READ_CLOCK] = StreamInterrupted("no route")
    drive.live()
    proven = drive.session.proofs.oldest(drive.now)
    drive.digest(facts.SocketLost(drive.session.socket, "reset"))

    assert proven.wall_ms - 5_000 - MARGIN_MS == first_ms(drive)


@pytest.mark.parametrize("ahead", [-3_600.0, 3_600.0])
def test_a_clock_that_could_not_be_read_is_read_with_the_next_probe(ahead):
    """Our clock is wrong and the first readings failed: the reading is repeated with the probes, and dates the gaps."""
    drive = Drive()
    drive.script.failing[Call.READ_CLOCK] = StreamInterrupted("no route")
    drive.script.ahead = ahead
    drive.live()

    assert not drive.session.clock.is_known

    drive.script.failing.clear()
    drive.run(70.0)

    assert drive.session.clock.is_known

    proven_ms = drive.exchange_ms - drive.session.proofs.oldest(drive.now).age(drive.now) * 1000
    drive.digest(facts.SocketLost(drive.session.socket, "reset"))
    drive.run(1.0)
    closed = drive.told(GapClosed)[-1]

    assert proven_ms - 2 * 26 - 7 - 2 <= closed.since_ms + MARGIN_MS <= proven_ms
    assert drive.exchange_ms - 1000 <= closed.until_ms <= drive.exchange_ms + 26 + 7


def test_the_clock_is_read_once_an_hour():
    """Neither drifts far from the other, and it costs one request an hour."""
    drive = Drive().live()
    began = drive.seconds
    drive.run(24 * 3_600.0)

    assert 23 <= len(drive.calls(Call.READ_CLOCK, since=began)) <= 25


# The outside


def test_every_rule_names_a_state_and_a_reaction():
    """Over is over: no rule leads out of an ended session, and the table is all there is to look up."""
    assert set() == {state for state, _ in RULES} & {State.STOPPED, State.FAILED}


def test_no_secret_shows_in_a_session():
    """Neither the session's repr nor anything it commanded or announced contains a listen key."""
    drive = signed().live()
    drive.digest(facts.ExpiryNoticed(drive.session.socket, Secret(KEY)))
    drive.run(1.0)
    shown = repr(drive.session) + "".join(repr(command) + str(command) for _, command in drive.issued)

    assert KEY not in shown
    assert drive.session.key is not None
    assert drive.session.key.tag in shown


def test_a_stumbling_start_says_what_is_in_the_way():
    """Until a stream is LIVE its state is STARTING, and the reason is what stands in the way at the moment."""
    drive = Drive()
    drive.script.failing[Call.REQUEST_KEY] = StreamInterrupted("no route")
    drive.start().run(1.0)

    assert StreamState.STARTING is drive.state
    assert "request of a listen key failed: no route" == drive.session.verdict(drive.now).why
    assert [] == drive.told(Attention)


# After a restart


def test_a_restart_begins_with_a_gap_and_is_live_when_it_is_repaired():
    """The gap is announced before anything else, events are held from the start, and LIVE follows its end."""
    drive = resumed().start()
    first = [command for _, command in drive.issued[:3]]
    drive.run(1.0)
    during = drive.state
    drive.run(10.0)
    told = [type(made.notice) for made in drive.commanded(do.Announce)]
    opened = GapOpened(gap_id=1, since_ms=round(1000 * (EPOCH - 3_600)), cause=GapCause.RESTARTED)

    assert [do.Announce(opened), do.Hold(None)] == first[1:]
    assert (StreamState.STARTING, StreamState.LIVE) == (during, drive.state)
    assert [StateChanged, GapOpened, GapClosed, StateChanged] == told
    assert 1 == len(drive.commanded(do.Merge))


def test_a_restart_is_repaired_like_any_gap():
    """The account is not looked at first: what was counted before the end goes on."""
    drive = resumed().live().run(10.0)

    assert [*CONFIGURATION, "open_orders", "open_algo_orders"] == drive.reads()[:4]
    assert [] == drive.commanded(do.Ground)
    assert drive.session.clock.latest_ms(moment(0.0)) < drive.told(GapClosed)[0].until_ms


def test_a_restart_of_a_stream_that_counted_nothing_looks_at_the_account_first():
    """Then the gap is repaired; LIVE comes after both."""
    drive = resumed(counted=False).live()
    looked, state = drive.reads(), drive.state
    drive.run(10.0)

    assert (["balances", "positions", "open_orders", "open_algo_orders", *CONFIGURATION], StreamState.STARTING) == (
        looked,
        state,
    )
    assert (1, 1) == (len(drive.commanded(do.Ground)), len(drive.commanded(do.Merge)))
    assert StreamState.LIVE is drive.state


def test_without_a_secret_a_restart_announces_the_gap_and_no_more():
    """It is closed as unproven as soon as the stream is connected; nothing is held, and nothing read."""
    drive = resumed(signed=False).live()
    closed = drive.told(GapClosed)

    assert [(GapCause.RESTARTED, Proof.UNPROVEN)] == [(gap.cause, gap.proof) for gap in closed]
    assert StreamState.LIVE is drive.state
    assert ([], []) == (drive.commanded(do.Hold), drive.reads())


def test_without_a_secret_the_end_of_the_gap_is_dated_by_the_exchange():
    """However wrong the clock of this machine is: it is closed when that of the exchange was read, at last."""
    drive = resumed(signed=False)
    drive.script.ahead = 3_600.0
    drive.script.failing[Call.READ_CLOCK] = StreamInterrupted("no route")
    drive.live().run(10.0)
    before = drive.told(GapClosed), drive.state
    del drive.script.failing[Call.READ_CLOCK]
    drive.run(15.0)
    closed = drive.told(GapClosed)

    assert ([], StreamState.STARTING) == before
    assert StreamState.LIVE is drive.state
    assert 3_600.0 == pytest.approx(closed[0].until_ms / 1000 - EPOCH, abs=1.0)


def test_the_first_audit_after_a_restart_looks_back_to_the_cursor():
    """What was lost before the end, on a connection that looked healthy, is found as it would have been."""
    drive = resumed().live().run(10.0)
    since = drive.seconds
    drive.run(60.0)
    audited = [made.read.parameters for made in drive.commanded(do.MakeRead, since) if made.read.name == "all_orders"]

    assert [{"startTime": round(1000 * (EPOCH - 3_600)), "limit": 1000}] == audited


def test_a_restart_while_rest_does_not_answer_is_a_start_that_fails():
    """It says why; what was held is delivered, and the gap closed as unproven."""
    drive = resumed()
    drive.script.failing_reads[None] = StreamInterrupted("no route")
    drive.start().run(40.0)
    finish = drive.commanded(do.Finish)

    assert StreamState.FAILED is drive.state
    assert ["read of symbol_configs failed: no route"] == [str(made.error).split("before that: ")[1] for made in finish]
    assert str(finish[0].error).startswith("not LIVE within 30 s: what happened since the cursor is not settled yet")
    assert [Proof.UNPROVEN] == [gap.proof for gap in drive.told(GapClosed)]
    assert [do.ReleaseHeld()] == drive.commanded(do.ReleaseHeld)


def test_a_restart_that_is_interrupted_goes_on_with_its_gap():
    """The connection is lost before the first LIVE: one gap, and it lasts until the next connection is in use."""
    drive = resumed().live()
    drive.digest(facts.SocketLost(drive.session.socket, "reset"))
    until, lost_ms = drive.session.open_gaps[0].until, drive.exchange_ms
    drive.run(20.0)

    assert until is None
    assert [GapCause.RESTARTED] == [gap.cause for gap in drive.told(GapOpened)]
    assert lost_ms < drive.told(GapClosed)[0].until_ms
    assert StreamState.LIVE is drive.state


def test_a_frame_that_is_lost_during_the_repair_of_a_restart_is_a_gap_of_its_own():
    """Though the stream was not LIVE yet: that symbol may have been read already."""
    drive = resumed().live()
    while drive.session.errand is None:
        drive.run(0.05)
    drive.digest(facts.FramesUndecodable(drive.session.socket))
    state = drive.state
    drive.run(20.0)

    assert StreamState.STARTING is state
    assert [GapCause.RESTARTED, GapCause.BAD_FRAME] == [gap.cause for gap in drive.told(GapOpened)]
    assert [Proof.SETTLED] * 2 == [gap.proof for gap in drive.told(GapClosed)]
    assert StreamState.LIVE is drive.state


def test_sums_that_do_not_balance_do_not_fail_every_start():
    """The repair looks for what is missing no longer than half of the time that the start has left."""
    drive = resumed()
    drive.script.rows["all_orders"] = (order_row(7, filled_quantity=1, creation_time_ms=drive.exchange_ms),)
    drive.start().run(29.0)

    assert [Proof.UNPROVEN] == [gap.proof for gap in drive.told(GapClosed)]
    assert StreamState.LIVE is drive.state


def test_a_stop_in_the_middle_of_a_restart_closes_its_gap():
    """As unproven: the next start opens it again, from the same cursor on."""
    drive = resumed().live()
    drive.digest(facts.StopRequested())

    assert StreamState.STOPPED is drive.state
    assert [Proof.UNPROVEN] == [gap.proof for gap in drive.told(GapClosed)]
