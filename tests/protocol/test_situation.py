"""What a session knows: its timers, its standing, and the gaps it opens and closes."""

from __future__ import annotations

from typing import Iterable, Iterator, List, Tuple

import pytest

from binance_uds.events.notices import GapCause, GapClosed, GapOpened, Proof, StreamState
from binance_uds.protocol import commands as do
from binance_uds.protocol import facts
from binance_uds.protocol.facts import MergeTally
from binance_uds.protocol.gaps import UNRECOVERABLE, Gap, Repaired
from binance_uds.protocol.plans import PlanWalk
from binance_uds.protocol.proofs import Standing, Verdict
from binance_uds.protocol.reading.errands import Errand, ErrandKind, Pause
from binance_uds.protocol.reading.recovery import Recovery
from binance_uds.protocol.second import Second
from binance_uds.protocol.situation import Situation, State
from binance_uds.protocol.timings import Timings
from tests.protocol.driving import EPOCH, PLANS, moment

EPOCH_MS = int(EPOCH * 1000)
#: By how much a gap begins before the last proof.
MARGIN_MS = 20_000
NOW = moment(100.0)


def situation(*, gaps: int = 0, **timings: float) -> Situation:
    """Return the situation of a stream in use, whose connection was proven at 90 s and whose key at 40 s."""
    made = Situation(PlanWalk(PLANS), Timings(**timings), gaps=gaps)
    made.state = State.SERVING
    made.stand(started=True, was_live=True, serving=True, confirmed=True, reason="connected")
    made.proofs.renew_transport(moment(90.0))
    made.proofs.renew_key(moment(40.0))
    return made


def opened(made: Situation, cause: str = GapCause.CONNECTION_LOST) -> GapOpened:
    """Open a gap and return the one notice of it."""
    (command,) = made.open_gap(cause, NOW)
    return command.notice


def closed(made: Situation) -> GapClosed:
    """Close the gap 5 s later and return the one notice of it."""
    (command,) = made.close_gaps(moment(105.0))
    return command.notice


# At first


def test_at_first_nothing_is_known():
    """A session that was not started is idle, has no key, no connection and no gap, and waits for nothing."""
    made = Situation(PlanWalk(PLANS))

    assert (State.IDLE, Standing(), StreamState.IDLE) == (made.state, made.standing, made.announced)
    assert (None, [], None) == (made.key, made.open_gaps, made.in_use_since)
    assert {} == made.timers
    assert not made.clock.is_known
    assert Verdict(StreamState.IDLE, "not started") == made.verdict(NOW)


def test_its_waits_and_its_clock_follow_the_timings():
    """Each kind of failure has waits of its own, taken from the one row of numbers."""
    made = Situation(
        PlanWalk(PLANS),
        Timings(
            retry_first=1.0,
            retry_most=2.0,
            probe_retry_first=1.5,
            refused_first=5.0,
            refused_most=6.0,
            clock_unknown_ms=7,
        ),
    )
    waits = (made.retries, made.renewals, made.probe_retries, made.refusals)

    assert [(1.0, 2.0), (1.0, 2.0), (1.5, 2.0), (5.0, 6.0)] == [(wait.first, wait.most) for wait in waits]
    assert len(waits) == len({id(wait) for wait in waits})
    assert 7 == made.clock.uncertainty_ms


# What understanding asks


@pytest.mark.parametrize("state", State)
def test_a_session_is_over_when_it_stopped_or_failed(state):
    """Two states have no way out; one awaits the reply about the subscription."""
    made = situation()
    made.state = state

    assert (state in (State.STOPPED, State.FAILED)) is made.has_ended
    assert (state is State.CONFIRMING) is made.is_confirming
    assert f"``{state.name}``" in State.__doc__


def test_the_first_connection_is_no_reconnect():
    """Connections taken into use after the first are counted."""
    made = situation()

    for connections, reconnects in ((0, 0), (1, 0), (2, 1), (9, 8)):
        made.connections = connections
        assert reconnects == made.reconnects


def test_a_life_under_thirty_seconds_is_short():
    """The age of the connection in use counts, by the clock that shows the most; without one there is no life."""
    made = situation()

    assert not made.was_short_lived(NOW)

    made.in_use_since = moment(70.1)
    assert made.was_short_lived(NOW)
    assert not made.was_short_lived(moment(100.0, slept=1.0))

    made.in_use_since = moment(70.0)
    assert not made.was_short_lived(NOW)


def test_since_when_a_connection_is_in_use_is_dated_by_the_best_reading():
    """A later reading may know it better, and never makes the connection younger, whoever set our clock meanwhile."""
    made = situation()
    made.in_use_since = moment(60.0)

    assert EPOCH_MS + 60_000 + made.clock.uncertainty_ms == made.date_use()

    made.clock.set(EPOCH_MS + 62_000, moment(62.0), moment(62.0))
    better_ms = made.date_use()
    assert better_ms == pytest.approx(EPOCH_MS + 60_000, abs=2)

    made.clock.set(EPOCH_MS + 90_000, moment(90.0, set_by=-3_600.0), moment(90.0, set_by=-3_600.0))
    assert better_ms == made.date_use() == made.in_use_ms


def test_the_verdict_is_that_of_its_standing_and_proofs():
    """Whoever asks later sees a lapsed proof, though nothing was changed."""
    made = situation()

    assert Verdict(StreamState.LIVE, "every proof holds") == made.verdict(NOW)
    assert Verdict(StreamState.STALE, "the connection was last proven 46 s ago") == made.verdict(moment(136.0))


# Standing and timers


def test_a_standing_is_replaced_and_never_changed():
    """Another thread may hold the old one: it keeps telling what was true then."""
    made = situation()
    before = made.standing
    made.stand(reason="asking")

    assert ("connected", "asking") == (before.reason, made.standing.reason)
    assert made.standing.was_live


def test_timers_are_armed_moved_and_disarmed():
    """A timer has one moment, the last it was given; disarming what is not armed is nothing."""
    made = situation()
    first, again = made.arm(facts.PingDue, NOW, 20.0), made.arm(facts.PingDue, NOW, 0.5)
    made.arm(facts.ProbeDue, NOW, 60.0)

    assert (20.0, 0.5) == (first, again)
    assert {facts.PingDue: 100.5, facts.ProbeDue: 160.0} == made.timers

    made.disarm(facts.PingDue, facts.RetryDue)
    assert {facts.ProbeDue: 160.0} == made.timers


def test_a_wait_has_an_end_and_a_reason():
    """Waiting arms the retry and says why to whoever asks."""
    made = situation()
    waited = made.wait(NOW, 7.5, "no route")

    assert 7.5 == waited
    assert {facts.RetryDue: 107.5} == made.timers
    assert "no route" == made.standing.reason


# Letting go


def test_a_connection_that_is_let_go_is_an_old_one():
    """It is closed once, by the number it had; what has no connection yet counts on all the same."""
    made = situation()
    made.socket = made.sockets = 7
    made.socket_may_stand = True
    commands = [*made.close_socket(), *made.close_socket()]

    assert [do.CloseSocket(7)] == commands
    assert 9 == made.socket
    assert not made.socket_may_stand


@pytest.mark.parametrize("first_goes_on", [True, False])
def test_a_second_connection_is_let_go_once(first_goes_on):
    """What it told alone is kept when the first is gone, too."""
    made = situation()
    made.second = Second(9)
    made.arm(facts.SecondDue, NOW, 1.0)
    made.arm(facts.SecondOverdue, NOW, 1.0)
    commands = [command for _ in range(2) for command in made.close_second(first_goes_on=first_goes_on)]

    assert [do.CloseSocket(9), (do.Discard if first_goes_on else do.Adopt)(9)] == commands
    assert (None, {}) == (made.second, made.timers)


def test_the_end_leaves_nothing_to_do():
    """No timer is left, and the verdict is the end, with its reason."""
    made = situation()
    made.arm(facts.PingDue, NOW, 20.0)
    made.end(StreamState.STOPPED, "stopped as asked")

    assert {} == made.timers
    assert Verdict(StreamState.STOPPED, "stopped as asked") == made.verdict(NOW)
    assert not made.standing.serving
    assert not made.standing.confirmed


# Gaps


def test_a_gap_begins_when_everything_was_last_proven():
    """Its beginning is the oldest proof, by the exchange's clock less what is unknown about it; the state shows it."""
    made = situation()
    told = opened(made)

    assert GapOpened(gap_id=1, since_ms=EPOCH_MS + 35_000 - MARGIN_MS, cause=GapCause.CONNECTION_LOST) == told
    assert [Gap(1, told.since_ms, GapCause.CONNECTION_LOST, moment(40.0))] == made.open_gaps
    assert StreamState.REPAIRING is made.verdict(NOW).state


@pytest.mark.parametrize("margin", [0.0, 0.0001, 0.5, 20.0])
def test_a_gap_begins_a_margin_before_the_last_proof(margin):
    """A frame proves only what was sent before it: both its dates begin earlier by that, rounded against us."""
    made = situation(gap_margin=margin)
    least_ms = EPOCH_MS + 35_000 - margin * 1000

    assert least_ms - 1 < opened(made).since_ms == closed(made).since_ms <= least_ms


@pytest.mark.fault(10)
def test_a_key_dies_an_hour_after_it_was_last_proven():
    """Whatever was doubted since; the clock that shows the most counts."""
    made = situation()
    made.key_is_proven(moment(50.0))
    made.proofs.void_key(moment(60.0))

    assert 3_550.0 == made.key_dies_in(NOW)
    assert 50.0 == made.key_dies_in(moment(100.0, slept=3_500.0))
    assert 0.0 == made.key_dies_in(moment(100.0, slept=3_600.0))


def test_a_proven_key_forgives_what_was_in_its_way():
    """The waits after unanswered and refused probes begin anew, and the key's end is put off."""
    made = situation()
    made.probe_retries.next_wait(0.0)
    made.refusals.next_wait(0.0)
    made.arm(facts.KeyOutlived, NOW, 1.0)
    made.key_is_proven(moment(99.0))

    assert (0, 0, {}) == (made.probe_retries.failures, made.refusals.failures, made.timers)
    assert moment(99.0) == made.proofs.key


def test_blind_time_is_told_of_open_gaps_and_summed_over_closed_ones():
    """As the reports have it, each gap by itself; the open one is measured by whoever asks."""
    made = situation()
    before = (made.blind_ms, made.open_gap_ms(NOW))
    told = opened(made)
    lasted_ms = made.open_gap_ms(NOW)
    report = closed(made)
    again = (opened(made), closed(made))[1]

    assert (0, None) == before
    assert made.clock.now_ms(NOW) - told.since_ms == lasted_ms
    assert lasted_ms > 0
    assert report.until_ms - report.since_ms + again.until_ms - again.since_ms == made.blind_ms
    assert made.open_gap_ms(NOW) is None


def test_a_gap_is_opened_once():
    """What else goes wrong before it is closed lies inside it, and is not told again."""
    made = situation()
    first = opened(made)

    assert [] == list(made.open_gap(GapCause.KEY_EXPIRED, NOW))
    assert (1, GapCause.CONNECTION_LOST) == (made.gaps, closed(made).cause)
    assert GapCause.CONNECTION_LOST == first.cause


def test_there_is_no_gap_before_the_first_live():
    """A stream that never was LIVE has promised nothing yet."""
    made = situation()
    made.stand(was_live=False)

    assert [] == list(made.open_gap(GapCause.CONNECTION_LOST, NOW))
    assert (0, []) == (made.gaps, made.open_gaps)
    assert not made.standing.gap_open


def test_gaps_are_counted_on_from_an_earlier_session():
    """A stream that is started again does not use a gap's number twice."""
    made = situation(gaps=4)
    numbers = [opened(made).gap_id, closed(made).gap_id, opened(made).gap_id, closed(made).gap_id]

    assert [5, 5, 6, 6] == numbers
    assert 6 == made.gaps


def test_a_gap_is_closed_as_unproven_when_nothing_reads_it_back():
    """The report of a gap names what may be missing, ends when it is closed, and says no more afterwards."""
    made = situation()
    opened(made)
    report = GapClosed(
        gap_id=1,
        since_ms=EPOCH_MS + 35_000 - MARGIN_MS,
        until_ms=EPOCH_MS + 110_000,
        cause=GapCause.CONNECTION_LOST,
        proof=Proof.UNPROVEN,
        unrecoverable=UNRECOVERABLE,
    )

    assert report == closed(made)
    assert ([], False) == (made.open_gaps, made.standing.gap_open)
    assert [] == list(made.close_gaps(NOW))


@pytest.mark.parametrize("ahead_s", [-3_600, 0, 3_600])
def test_a_clock_read_during_a_gap_dates_its_beginning_again(ahead_s):
    """A gap announced by a wrong clock of ours is reported as the exchange's clock says, but never as shorter."""
    made = situation()
    announced_ms = opened(made).since_ms
    made.clock.set(EPOCH_MS + 1000 * (102 + ahead_s), moment(102.0), moment(102.0))
    report = closed(made)

    # The reading leaves 1 ms open, and the 62 s and the 3 s to it leave 7 ms and 1 ms for drift.
    assert min(announced_ms, EPOCH_MS + 1000 * (40 + ahead_s) - 8 - MARGIN_MS) == report.since_ms
    assert EPOCH_MS + 1000 * (105 + ahead_s) + 2 == report.until_ms


# Gaps that are repaired

BTC, ETH = frozenset({"BTCUSDT"}), frozenset({"ETHUSDT"})


def signed(**timings: float) -> Situation:
    """Return the same of a stream that can repair: an audit was complete at 90 s."""
    made = situation(**timings)
    made.signed = made.proofs.wants_delivery = True
    made.proofs.renew_delivery(moment(90.0))
    return made


def announced(commands: Iterable[do.Command]) -> List[object]:
    """Return the notices among commands."""
    return [command.notice for command in commands if isinstance(command, do.Announce)]


def repaired(*gaps: int, recovered: Tuple[Tuple[int, str], ...] = ()) -> Repaired:
    """Return what came of the repair of some gaps."""
    return Repaired(gaps, Proof.BALANCED, MergeTally(recovered), ())


def test_what_has_to_wait_for_a_repair_is_held_from_the_opening_on():
    """The notice goes first; without a secret nothing can be repaired, and nothing waits."""
    told, held = signed().open_gap(GapCause.CONNECTION_LOST, NOW)

    assert GapOpened(gap_id=1, since_ms=EPOCH_MS + 35_000 - MARGIN_MS, cause=GapCause.CONNECTION_LOST) == told.notice
    assert do.Hold(None) == held


def test_a_targeted_gap_holds_its_symbols():
    """It keeps what was found of it already, and its end; its beginning is a time of the exchange's."""
    made, found = signed(), Recovery(duplicates=3)
    told, held = made.announce_gap(GapCause.FRAMES_MISSING, 77, until=NOW, symbols=BTC, found=found)

    assert GapOpened(gap_id=1, since_ms=77, cause=GapCause.FRAMES_MISSING) == told.notice
    assert do.Hold(BTC) == held
    assert [Gap(1, 77, GapCause.FRAMES_MISSING, None, NOW, BTC, found)] == made.open_gaps
    assert made.standing.gap_open


def test_nothing_more_is_held_once_the_hold_is_over():
    """What was held had to be delivered: a further gap does not begin to hold anew."""
    made = signed()
    list(made.open_gap(GapCause.CONNECTION_LOST, NOW))
    made.is_hold_over = True

    assert [GapOpened] == [
        type(told) for told in announced(made.announce_gap(GapCause.FRAMES_MISSING, 77, symbols=BTC))
    ]
    assert [] == [
        one for one in made.announce_gap(GapCause.FRAMES_MISSING, 78, symbols=ETH) if isinstance(one, do.Hold)
    ]


def test_a_gap_of_everything_opens_beside_targeted_ones():
    """The connection that was to deliver what follows them is gone, so they end later."""
    made = signed()
    list(made.announce_gap(GapCause.FRAMES_MISSING, 77, until=moment(95.0), symbols=BTC))
    told = announced(made.open_gap(GapCause.CONNECTION_LOST, NOW))

    assert [2] == [one.gap_id for one in told]
    assert [None, None] == [gap.until for gap in made.open_gaps]

    for gap in made.open_gaps:
        gap.until = NOW
    assert [] == list(made.open_gap(GapCause.KEY_EXPIRED, NOW))
    assert [None, None] == [gap.until for gap in made.open_gaps]
    assert 2 == made.gaps


def test_a_gap_may_begin_at_another_moment_than_the_last_proof():
    """A frame that could not be read was lost when it came."""
    made = signed()
    (told,) = announced(made.open_gap(GapCause.BAD_FRAME, NOW, since=moment(99.0)))

    assert EPOCH_MS + 94_000 - MARGIN_MS == told.since_ms


def test_a_repair_closes_the_gaps_that_it_was_about():
    """In the order of their opening; one that was opened meanwhile stays, and so does the end of the hold."""
    made = signed()
    for symbols in (BTC, ETH, None):
        list(made.announce_gap(GapCause.FRAMES_MISSING, EPOCH_MS, until=NOW, symbols=symbols))
    made.is_hold_over, made.held_since = True, 100.0
    made.arm(facts.HoldOverdue, NOW, 9.0)
    made.arm(facts.SettleDue, NOW, 9.0)
    fills = ((EPOCH_MS + 1, "ETHUSDT"), (EPOCH_MS + 2, "BTCUSDT"), (EPOCH_MS + 3, "ADAUSDT"))
    reports = announced(made.close_gaps(moment(130.0), repaired(1, 2, recovered=fills)))

    assert [(1, 1), (2, 2)] == [(report.gap_id, report.recovered) for report in reports]
    assert [Proof.BALANCED] * 2 == [report.proof for report in reports]
    assert [3] == [gap.gap_id for gap in made.open_gaps]
    assert (True, 100.0, True) == (made.is_hold_over, made.held_since, made.standing.gap_open)
    assert {facts.HoldOverdue, facts.SettleDue} == set(made.timers)

    (report,) = announced(made.close_gaps(moment(140.0), repaired(3)))
    assert (3, 0) == (report.gap_id, report.recovered)
    assert (False, None, False, {}) == (made.is_hold_over, made.held_since, made.standing.gap_open, made.timers)


def test_a_repaired_gap_ends_when_the_connection_delivered_again():
    """Not when the repair was through; where that is not known it ends now."""
    made = signed()
    list(made.announce_gap(GapCause.FRAMES_MISSING, EPOCH_MS, until=moment(102.0), symbols=BTC))
    list(made.announce_gap(GapCause.FRAMES_MISSING, EPOCH_MS, symbols=ETH))
    ends = [report.until_ms for report in announced(made.close_gaps(moment(130.0), repaired(1, 2)))]

    assert [EPOCH_MS + 107_000, EPOCH_MS + 135_000] == ends


def test_a_gap_never_ends_before_it_began():
    """Its beginning may be dated by the exchange's clock, and its end by ours, which was set."""
    made = situation()
    list(made.announce_gap(GapCause.FRAMES_MISSING, EPOCH_MS + 10**9))
    (report,) = announced(made.close_gaps(NOW))

    assert EPOCH_MS + 10**9 == report.since_ms == report.until_ms


def test_a_gap_is_at_least_as_long_as_any_clock_of_ours_saw_it():
    """However the clocks were set meanwhile."""
    made = situation(gap_margin=0.0)
    made.clock.set(EPOCH_MS + 100_000, NOW, NOW)
    list(made.open_gap(GapCause.CONNECTION_LOST, NOW, since=NOW))
    made.clock.set(EPOCH_MS + 101_000, moment(3_700.0, set_by=-7_200.0), moment(3_700.0, set_by=-7_200.0))
    (report,) = announced(made.close_gaps(moment(3_700.0, set_by=-7_200.0)))

    assert 3_600_000 <= report.until_ms - report.since_ms


def test_an_errand_that_is_broken_off_leaves_nothing_behind():
    """Its reads end, an answer that still comes is one too old, and the waits begin anew."""
    made, ended = signed(), []

    def steps() -> Iterator[Pause]:
        try:
            yield Pause(1.0)
        finally:
            ended.append(True)

    made.errand = Errand(ErrandKind.AUDIT, steps(), NOW)
    next(made.errand.steps)
    made.read_retries.next_wait(0.0)
    made.arm(facts.ReadingDue, NOW, 1.0)
    made.end_errand()
    made.end_errand()

    assert ([True], None, 2) == (ended, made.errand, made.errands)
    assert (0, {}) == (made.read_retries.failures, made.timers)
