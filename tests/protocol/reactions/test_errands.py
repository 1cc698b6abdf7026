"""What is read about the account: when, in which order, how often, and what follows."""

from __future__ import annotations

import attrs
import pytest

from binance_uds.errors import ConfigurationError, CredentialsRejected, ExchangeError, StreamInterrupted
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
from binance_uds.events.usdm_rows import AccountConfigRow
from binance_uds.markets import USDM
from binance_uds.protocol import commands as do
from binance_uds.protocol import facts
from binance_uds.protocol.facts import Call, MergeTally
from binance_uds.protocol.gaps import NEVER_RECOVERED, UNRECOVERABLE
from binance_uds.protocol.ledger.chains import Break
from binance_uds.protocol.plans import PlanWalk
from binance_uds.protocol.reading import reads
from binance_uds.protocol.reading.errands import ErrandKind
from binance_uds.protocol.session import Session
from binance_uds.protocol.situation import State
from binance_uds.protocol.timings import Timings
from tests.protocol.driving import EPOCH, PLANS, Drive, moment, signed
from tests.protocol.trader import balance_row, order_row, position_row, trade_row

CONFIGURATION = ["symbol_configs", "account_config"]
SNAPSHOT = ["balances", "positions", "open_orders", "open_algo_orders", *CONFIGURATION]
AUDIT = ["balances", "positions", "open_algo_orders", "open_orders", "all_orders", *CONFIGURATION]
REPAIR = [*CONFIGURATION, "open_orders", "open_algo_orders", "positions", "balances", "all_orders"]
REFUSED = CredentialsRejected(401, -2015, "Invalid API-key, IP, or permissions for action.")
OUTSIDE_WINDOW = ExchangeError(400, -1021, "Timestamp for this request is outside of the recvWindow.")
DOWN = StreamInterrupted("no answer")
EPOCH_MS = int(EPOCH * 1000)


def settled() -> Drive:
    """Return a drive that was LIVE for a while, and looked at the account twice."""
    return signed().live().run(50.0)


def with_timings(**timings: object) -> Drive:
    """Return a drive that has a secret, and other numbers."""
    return Drive(Session(PlanWalk(PLANS), Timings(**timings), signed=True))


def lose_connection(drive: Drive) -> Drive:
    """Reset the connection; the next one is opened at once."""
    drive.digest(facts.SocketLost(drive.session.socket, "reset"))
    return drive


def suspect(drive: Drive, symbol: str = "BTCUSDT", since_ms: int = EPOCH_MS) -> Drive:
    """Let sums disagree."""
    drive.digest(facts.FillsSuspected(Break(symbol, since_ms, "0.1 of order 1")))
    return drive


def when_read(drive: Drive, since: float = 0.0) -> list[float]:
    """Return when reads were asked for."""
    return [at for at, command in drive.issued if at >= since and isinstance(command, do.MakeRead)]


def states(drive: Drive, since: float = 0.0) -> list[StreamState]:
    """Return the states announced since a virtual time."""
    return [told.new for told in drive.told(StateChanged, since)]


def attentions(drive: Drive) -> list[str]:
    """Return the codes of what a person was asked to look at."""
    return [told.code for told in drive.told(Attention)]


def weight(drive: Drive, since: float, until: float) -> int:
    """Return the request weight of reads and calls between two moments."""
    return sum(
        reads.weight(command.read, USDM) if isinstance(command, do.MakeRead) else 1
        for at, command in drive.issued
        if since <= at < until and isinstance(command, (do.MakeRead, do.Make))
    )


# The first look


def test_the_account_is_read_before_the_first_live():
    """Six reads after the connection is in use; fills count from then on, and the proof from when it began."""
    drive = signed().start()
    drive.run_until(lambda: drive.state is StreamState.LIVE, 5.0)
    (ground,) = drive.commanded(do.Ground)

    assert SNAPSHOT == drive.reads()
    assert drive.session.clock.earliest_ms(drive.session.in_use_since) == ground.since_ms
    assert when_read(drive)[0] == drive.session.proofs.delivery.monotonic
    assert ground.since_ms == drive.session.watermark_ms
    assert [StreamState.STARTING, StreamState.LIVE] == states(drive)


def test_how_the_account_trades_is_told_as_soon_as_it_is_read():
    """At the first look, in a repair and by an audit; as of the moment up to which REST surely knew."""
    drive = signed()
    drive.script.rows = {"account_config": (AccountConfigRow(is_hedge_mode=True),)}
    drive.start().run(1.0)
    (told,) = drive.commanded(do.TakeConfiguration)
    sent = when_read(drive)[drive.reads().index("symbol_configs")]
    lose_connection(drive.run(50.0)).run(20.0)
    in_all = len(drive.commanded(do.TakeConfiguration))
    drive.run(400.0)

    assert drive.script.rows["account_config"] == told.configuration.modes
    assert EPOCH_MS + 1000 * sent - 3_000 == pytest.approx(told.configuration.at_ms, abs=500)
    assert 3 == in_all
    assert in_all < len(drive.commanded(do.TakeConfiguration))


def test_what_was_read_is_what_the_account_is_grounded_on():
    """The rows of the snapshot are handed on."""
    drive = signed()
    drive.script.rows = {"open_orders": (order_row(5),), "balances": (balance_row("7", 1),)}
    drive.start().run(1.0)
    (ground,) = drive.commanded(do.Ground)

    assert [("BTCUSDT", 5)] == list(ground.recovery.orders)
    assert (balance_row("7", 1),) == ground.recovery.balances


def test_the_account_is_read_once_more_when_rest_has_settled():
    """Because REST lags; after that not before the next audit."""
    drive = signed().live()
    in_use = drive.session.in_use_since.monotonic
    drive.run(200.0)
    again = when_read(drive, since=1.0)

    assert SNAPSHOT * 2 == drive.reads()
    assert 3.0 <= again[0] - in_use <= 3.5
    assert [StreamState.STARTING, StreamState.LIVE] == states(drive)
    assert 2 == len(drive.commanded(do.Ground))
    assert drive.commanded(do.Ground)[0].since_ms == drive.session.watermark_ms


def test_a_start_that_is_interrupted_looks_again():
    """A connection that ends amid the first look begins it anew, and answers about the old look mean nothing."""
    drive = signed().start()
    drive.run_until(lambda: len(drive.reads()) == 2, 5.0)
    old = drive.session.errands
    lose_connection(drive).run(3.0)
    read = drive.commanded(do.MakeRead)[0].read
    drive.digest(facts.ReadFailed(old, read, REFUSED, drive.now), facts.RowsRead(old, read, reads.Rows(()), drive.now))

    assert SNAPSHOT[:2] + SNAPSHOT == drive.reads()[:8]
    assert StreamState.LIVE is drive.state
    assert [] == attentions(drive)


def test_a_first_look_that_gets_no_answer_is_repeated_until_the_start_has_taken_too_long():
    """Each read is asked again, later each time; there is no LIVE without it."""
    drive = signed()
    drive.script.failing_reads = {"open_orders": DOWN}
    drive.start(within=30.0).run(31.0)

    assert State.FAILED is drive.session.state
    assert ["balances", "positions"] == drive.reads()[:2]
    assert {"open_orders"} == set(drive.reads()[2:])
    assert 5 <= len(drive.reads()) <= 10


@pytest.mark.parametrize("error", [REFUSED, ConfigurationError("the callable given as api_secret raised")])
def test_a_secret_that_is_refused_in_the_first_look_ends_the_start(error):
    """Before the first LIVE it is final, whichever read shows it."""
    drive = signed()
    drive.script.failing_reads = {"positions": error}
    drive.start().run(2.0)

    assert [do.Finish(error)] == drive.commanded(do.Finish)
    assert StreamState.FAILED is drive.state


@pytest.mark.parametrize("error", [REFUSED, ConfigurationError("the callable given as api_secret raised")])
def test_a_secret_that_is_refused_later_in_life_is_said_and_tried_slowly(error):
    """Events go on, probes go on; a person is told with each try, from a minute to a quarter of an hour apart."""
    drive = settled()
    drive.script.failing_reads = {None: error}
    drive.run(1_300.0)
    tries = when_read(drive, since=100.0)

    assert State.SERVING is drive.session.state
    assert {AttentionCode.CREDENTIALS_REJECTED} == set(attentions(drive))
    assert 60.0 <= min(after - at for at, after in zip(tries, tries[1:]))
    assert StreamState.STALE is drive.state
    assert drive.session.verdict(drive.now).why.startswith("the delivery was last proven ")
    assert [] == drive.told(GapOpened)

    drive.script.failing_reads = {}
    drive.run(1_000.0)
    assert StreamState.LIVE is drive.state


# Key-only


def test_without_a_secret_nothing_is_ever_read():
    """No signed request, whatever happens in a day: gaps are announced, closed as unproven, and nothing is held."""
    drive = Drive().live()
    for hour in range(24):
        drive.run(3_500.0)
        socket = drive.session.socket
        drive.digest(
            facts.FramesUndecodable(socket),
            facts.FillsSuspected(Break("BTCUSDT", EPOCH_MS, "")),
            facts.HoldFilled(),
            facts.ConnectionDeaf(socket - 1),
        )
        lose_connection(drive) if hour % 2 else drive.digest(facts.ExpiryNoticed(socket, None))
        drive.suspend(100.0)
    drive.run(100.0)

    assert [] == drive.reads()
    assert [] == drive.calls(Call.READ_BALANCES)
    assert [] == drive.commanded(do.Hold) + drive.commanded(do.Merge) + drive.commanded(do.Ground)
    assert 48 <= len(drive.told(GapClosed)) == len(drive.told(GapOpened))
    assert {(Proof.UNPROVEN, UNRECOVERABLE)} == {(told.proof, told.unrecoverable) for told in drive.told(GapClosed)}
    assert StreamState.LIVE is drive.state


def test_a_deaf_connection_of_a_stream_without_a_secret_is_nobodys_finding():
    """Only reads can show it, and there are none; the fact is about a connection all the same."""
    drive = Drive().live().run(100.0)
    drive.digest(facts.ConnectionDeaf(drive.session.socket))

    assert [GapCause.SUBSCRIPTION_LOST] == [told.cause for told in drive.told(GapOpened)]


# A gap and its repair


@pytest.mark.fault(22)
def test_a_gap_is_repaired_when_rest_has_settled():
    """Held from its opening on; read three seconds after the connection is in use; merged; reported; LIVE."""
    drive = settled()
    lost = drive.seconds
    lose_connection(drive)
    held = drive.commanded(do.Hold)
    drive.run(5.0)
    (opened,), (closed,) = drive.told(GapOpened), drive.told(GapClosed)
    (merge,) = drive.commanded(do.Merge)
    in_use = drive.session.in_use_since

    assert [do.Hold(None)] == held
    assert REPAIR == drive.reads(since=lost)
    assert 3.0 <= when_read(drive, since=lost)[0] - in_use.monotonic <= 3.5
    assert drive.session.clock.latest_ms(in_use) == merge.connected_ms
    assert (opened.gap_id, opened.cause, Proof.SETTLED) == (closed.gap_id, closed.cause, closed.proof)
    assert abs(EPOCH_MS + 1000 * in_use.monotonic - closed.until_ms) <= 100
    assert NEVER_RECOVERED == closed.unrecoverable
    assert [StreamState.STALE, StreamState.REPAIRING, StreamState.LIVE] == states(drive, since=lost)


def test_the_report_tells_what_came_of_the_repair():
    """What was delivered, what of it late, and what the repair names."""
    drive = settled()
    fills = ((EPOCH_MS + 60_000, "BTCUSDT"), (EPOCH_MS + 61_000, "ETHUSDT"))
    drive.script.tally = MergeTally(fills, fills[:1], (), 7)
    drive.script.rows = {"positions": (position_row("0", 1),)}
    drive.script.failing_reads = {"open_orders": ExchangeError(400, -1100, "no")}
    lose_connection(drive).run(5.0)
    (closed,) = drive.told(GapClosed)

    assert (2, 1, 7) == (closed.recovered, closed.late, closed.duplicates)
    assert ("open orders, which the exchange refuses with -1100", *NEVER_RECOVERED) == closed.unrecoverable
    assert Proof.UNPROVEN == closed.proof


def test_a_repair_looks_for_what_the_books_say():
    """What the stream told of is what is read back."""
    drive = settled()
    traded = trade_row(5, trade_time_ms=EPOCH_MS + 51_000)
    drive.script.rows = {"positions": (position_row("0.1", 1),), "user_trades": (traded,)}
    lose_connection(drive).run(5.0)

    assert [{"symbol": "BTCUSDT"}] == [
        {"symbol": command.read.parameters["symbol"]}
        for command in drive.commanded(do.MakeRead, since=50.0)
        if command.read.name == "user_trades"
    ]
    assert {("BTCUSDT", 1, 5)} == set(drive.commanded(do.Merge)[0].recovery.fills)


@pytest.mark.fault(65)
def test_an_interrupted_repair_goes_on_where_it_was():
    """Its answers mean nothing any more, its pages are not read again, and there is one gap with one report."""
    drive = settled()
    rows = tuple(trade_row(number, trade_time_ms=EPOCH_MS + 10_000 + number) for number in range(40))
    drive.script.rows = {"positions": (position_row("0.1", 1),), "user_trades": rows}
    lose_connection(drive)
    drive.run_until(lambda: "user_trades" in drive.reads(), 10.0)
    drive.run_until(lambda: drive.reads()[-1] != "user_trades" or drive.told(GapClosed) != [], 5.0)
    assert "order" == drive.reads()[-1]
    old = drive.session.errands
    lose_connection(drive)
    begun = drive.seconds
    drive.digest(facts.RowsRead(old, reads.order("BTCUSDT", 1), reads.Rows(()), drive.now))
    drive.run_until(lambda: drive.told(GapClosed) != [], 20.0)
    (merge,) = drive.commanded(do.Merge)

    assert [39] == [
        command.read.parameters.get("fromId")
        for command in drive.commanded(do.MakeRead, since=begun)
        if command.read.name == "user_trades"
    ]
    assert 40 == len(merge.recovery.fills)
    assert (1, 1) == (len(drive.told(GapOpened)), len(drive.told(GapClosed)))
    assert drive.session.recovery is None


@pytest.mark.fault(65)
def test_a_storm_of_drops_is_no_storm_of_reads():
    """Connections that end before the repair does cost no more than the budget allows, and make one gap."""
    drive = settled()
    drive.script.rows = {"positions": (position_row("0.1", 1),), "user_trades": (trade_row(5),)}
    drive.script.drops_after = 3.2
    lose_connection(drive).run(600.0)
    minutes = [weight(drive, at, at + 60.0) for at in when_read(drive)]

    assert 1_000 >= max(minutes)
    assert 1 == len(drive.told(GapOpened))

    drive.script.drops_after = None
    drive.run_until(lambda: drive.state is StreamState.LIVE, 60.0)
    assert 1 == len(drive.told(GapClosed))


def test_frames_are_read_between_two_reads():
    """Each read is a turn of its own."""
    drive = settled()
    lose_connection(drive).run(5.0)
    times = when_read(drive, since=50.0)

    assert len(times) == len(set(times))


# Holding has an end


def banned(seconds: float) -> Drive:
    """Return a drive whose connection was lost, and whose reads are refused for so long from then on."""
    drive = settled()
    drive.script.failing_reads = {None: ExchangeError(418, -1003, "banned", seconds)}
    return lose_connection(drive)


@pytest.mark.fault(17, 21)
def test_with_rest_banned_for_an_hour_events_flow_after_a_minute():
    """The gap is open and visible all the while, and the report at its end is complete."""
    drive = banned(3_600.0)
    lost = drive.seconds
    drive.run(58.0)

    assert [] == drive.commanded(do.ReleaseHeld)

    drive.run(4.0)
    (released,) = (at for at, command in drive.issued if isinstance(command, do.ReleaseHeld))
    asked = len(drive.reads())
    assert 60.0 <= released - lost <= 61.0

    drive.run(3_500.0)
    assert asked == len(drive.reads())
    assert drive.session.standing.gap_open
    assert [] == drive.told(GapClosed)
    assert 1 == len(drive.commanded(do.ReleaseHeld)) == len(drive.commanded(do.Hold))

    drive.script.failing_reads = {}
    fills = ((EPOCH_MS + 60_000, "BTCUSDT"),)
    drive.script.tally = MergeTally(fills, fills, (), 0)
    drive.run(400.0)
    (closed,) = drive.told(GapClosed)

    assert (1, 1) == (closed.recovered, closed.late)
    assert not drive.session.is_hold_over
    assert StreamState.LIVE is drive.state


def test_the_state_of_an_open_gap_is_repairing_while_everything_else_is_proven():
    """Until the delivery was unproven for a quarter of an hour, which says more."""
    drive = banned(3_600.0)
    drive.run(500.0)
    assert StreamState.REPAIRING is drive.state

    drive.run(500.0)
    assert StreamState.STALE is drive.state


def test_without_max_hold_events_wait_for_as_long_as_it_takes():
    """None: no end."""
    drive = with_timings(max_hold=None).live().run(50.0)
    drive.script.failing_reads = {None: DOWN}
    lose_connection(drive).run(7_200.0)

    assert [] == drive.commanded(do.ReleaseHeld)
    assert drive.session.standing.gap_open


@pytest.mark.fault(64)
def test_a_full_hold_is_let_go_at_once():
    """The gap stays open; what is found later is late, and nothing is held again until it is closed."""
    drive = banned(300.0)
    drive.run(1.0)
    drive.digest(facts.HoldFilled(), facts.HoldFilled())

    assert 1 == len(drive.commanded(do.ReleaseHeld))
    assert drive.session.standing.gap_open

    drive.run(100.0)
    assert 1 == len(drive.commanded(do.ReleaseHeld))
    assert "events are delivered while the gap is still open; what is recovered of it comes late" in [
        note.text for note in drive.commanded(do.Note)
    ]


def test_another_suspicion_does_not_prolong_the_hold():
    """A minute counts from the first that was held."""
    drive = settled()
    drive.script.failing_reads = {None: DOWN}
    begun = drive.seconds
    suspect(drive).run(30.0)
    suspect(drive, "ETHUSDT").run(40.0)
    (released,) = (at for at, command in drive.issued if isinstance(command, do.ReleaseHeld))

    assert 60.0 == pytest.approx(released - begun, abs=0.5)


def test_a_full_hold_without_a_gap_means_nothing():
    """The gap was closed in the same turn."""
    drive = settled()
    drive.digest(facts.HoldFilled())

    assert [] == drive.commanded(do.ReleaseHeld)


def test_a_gap_opened_while_nothing_is_held_any_more_is_not_held():
    """Another connection is lost after the hold was let go: events go on, until all gaps are closed."""
    drive = banned(300.0)
    drive.run(70.0)
    lose_connection(drive).run(100.0)

    assert 1 == len(drive.commanded(do.Hold)) == len(drive.commanded(do.ReleaseHeld))


def test_an_end_amid_a_repair_delivers_what_was_held():
    """stop() hands on what was read already, and says what nobody knows."""
    drive = banned(300.0)
    drive.run(5.0)
    drive.digest(facts.StopRequested())
    (closed,) = drive.told(GapClosed)

    assert 1 == len(drive.commanded(do.ReleaseHeld))
    assert (Proof.UNPROVEN, UNRECOVERABLE) == (closed.proof, closed.unrecoverable)
    assert drive.session.errand is None


# Reads that fail


def repairing(error: Exception, name: str = "positions") -> Drive:
    """Return a drive amid a repair whose read of a name has just failed for the first time."""
    drive = settled()
    drive.script.failing_reads = {name: error}
    lose_connection(drive)
    drive.run_until(lambda: name in drive.reads(since=50.0), 10.0)
    return drive.run(0.01)


def tries(drive: Drive, name: str = "positions") -> list[float]:
    """Return the seconds between the reads of a name since the gap."""
    times = [
        at
        for at, command in drive.issued
        if at >= 50.0 and isinstance(command, do.MakeRead) and command.read.name == name
    ]
    return [after - at for at, after in zip(times, times[1:])]


@pytest.mark.fault(15)
def test_a_read_without_an_answer_is_asked_again_later_each_time():
    """From half a second to a quarter of a minute; the others are not asked again."""
    drive = repairing(DOWN)
    drive.jitter = 0.0
    drive.run(90.0)
    waits = tries(drive)

    assert [1.0, 2.0, 4.0, 8.0, 15.0, 15.0] == pytest.approx(waits[1:7], abs=0.2)
    assert 1 == drive.reads(since=50.0).count("open_orders")

    drive.script.failing_reads = {}
    drive.run(20.0)
    assert 1 == len(drive.told(GapClosed))
    assert 0 == drive.session.read_retries.failures


def test_a_field_of_a_row_that_is_not_of_its_type_is_told_once():
    """As one of a frame is, however often it is read."""
    drive = signed()
    drive.script.incomplete = {"open_orders": ("stop_price of open_orders",)}
    drive.live().run(400.0)
    said = [told.message for told in drive.told(Attention) if told.code == AttentionCode.MALFORMED_FIELD]

    assert 1 < drive.reads().count("open_orders")
    assert ["stop_price of open_orders as REST answers is not of its type and is None. Said once per field"] == said


def test_an_answer_forgives_the_reads_before_it():
    """The next read that fails is asked again as soon as the first was, amid the same errand."""
    drive = repairing(DOWN)
    drive.jitter = 0.0
    drive.run(30.0)
    drive.script.failing_reads = {"balances": DOWN}
    drive.run_until(lambda: len(tries(drive, "balances")) >= 2, 30.0)

    assert [0.5, 1.0] == pytest.approx(tries(drive, "balances")[:2], abs=0.1)


def test_a_read_that_is_told_to_wait_waits():
    """The exchange says for how long it wants no request; then the same read is made again."""
    drive = repairing(ExchangeError(429, -1003, "Too many requests", 40.0))
    drive.script.failing_reads = {}
    drive.run(60.0)

    assert 1 == len(tries(drive))
    assert 40.0 <= tries(drive)[0] <= 44.0
    assert 1 == drive.reads(since=50.0).count("open_orders")
    assert 1 == len(drive.told(GapClosed))


def test_a_read_that_a_firewall_turns_away_is_said_and_tried_slowly():
    """A 403 is no reason to ask again soon."""
    drive = repairing(ExchangeError(403, None, "no explanation"))
    drive.run(200.0)

    assert {AttentionCode.BLOCKED} == set(attentions(drive))
    assert 60.0 <= min(tries(drive))
    assert State.SERVING is drive.session.state


@pytest.mark.fault(19)
def test_a_read_refused_for_its_time_reads_the_clock_and_is_signed_once_more():
    """At once; when that does not help the clock is read again before each further try."""
    drive = settled()
    before = len(drive.calls(Call.READ_CLOCK))
    drive.script.failing_reads = {"positions": OUTSIDE_WINDOW}
    lose_connection(drive)
    drive.run_until(lambda: drive.reads(since=50.0).count("positions") == 2, 10.0)
    drive.run(0.2)

    assert 2 == len(drive.calls(Call.READ_CLOCK)) - before
    assert 2 == drive.reads(since=50.0).count("positions")
    assert 0.3 > tries(drive)[0]

    drive.run(30.0)
    assert 3 <= drive.reads(since=50.0).count("positions") <= 8
    # One of them at the start of the connection.
    assert len(drive.calls(Call.READ_CLOCK)) - before == drive.reads(since=50.0).count("positions")


@pytest.mark.fault(19)
def test_a_bad_reading_of_the_clock_is_mended():
    """What is signed by it is refused, and the clock read again until that succeeds, too."""
    drive = settled()
    lose_connection(drive)
    drive.run_until(lambda: drive.reads(since=50.0).count("positions") == 1, 10.0)
    drive.session.clock.doubt()
    drive.session.clock.set(drive.now.wall_ms - 60_000, moment(drive.seconds - 5.0), drive.now)
    drive.script.failing_reads, drive.script.failing = {None: OUTSIDE_WINDOW}, {Call.READ_CLOCK: DOWN}
    drive.run(5.0)
    drive.script.failing.clear()
    drive.run_until(lambda: drive.session.clock.offset_ms(drive.now) == pytest.approx(0, abs=100), 30.0)
    drive.script.failing_reads = {}
    drive.run(30.0)

    assert [] != drive.told(GapClosed)
    assert StreamState.LIVE is drive.state


def test_each_read_may_be_refused_for_its_time():
    """Another read of the same errand begins with the clock as it is known by then."""
    drive = settled()
    drive.script.failing_reads = {None: OUTSIDE_WINDOW}
    clocks = len(drive.calls(Call.READ_CLOCK))
    lose_connection(drive)
    for name in REPAIR:
        drive.run_until(lambda name=name: drive.reads(since=50.0).count(name) == 2, 60.0)
        drive.run(0.01)
        drive.script.failing_reads = {}
        drive.run_until(lambda name=name: drive.reads()[-1] != name or drive.told(GapClosed) != [], 60.0)
        drive.script.failing_reads = {None: OUTSIDE_WINDOW}

    # At once, and after the wait; and at the start of the connection.
    assert 2 * len(REPAIR) + 1 == len(drive.calls(Call.READ_CLOCK)) - clocks


def test_what_the_exchange_does_not_tell_is_no_reason_to_wait():
    """A refusal is an answer: the repair goes on at once, without it."""
    drive = repairing(ExchangeError(400, -1100, "Illegal characters found in a parameter."))
    drive.run(1.0)

    assert [] == tries(drive)
    assert 1 == len(drive.told(GapClosed))


# How much is read


def test_a_read_waits_until_the_budget_allows_it():
    """Never above a thousand a minute, whatever is to be read."""
    drive = settled()
    orders = tuple(order_row(number, symbol=f"S{number}", update_time_ms=EPOCH_MS) for number in range(500))
    drive.script.rows = {"open_orders": orders}
    lose_connection(drive).run(250.0)
    minutes = [weight(drive, at, at + 60.0) for at in when_read(drive)]

    assert 900 <= max(minutes) <= 1_000 + 10
    assert 500 == drive.reads().count("user_trades")
    assert 1 == len(drive.told(GapClosed))


def test_reads_pause_while_the_address_is_busy():
    """Above four fifths of what the exchange allows, others are at work; a minute later it is looked again."""
    drive = settled()
    drive.script.used_weight = 1_921
    lose_connection(drive).run(30.0)

    assert 1 == len(drive.reads(since=50.0))

    drive.script.used_weight = 100
    drive.run(60.0)
    assert 60.0 <= when_read(drive, since=50.0)[1] - when_read(drive, since=50.0)[0] <= 61.0
    assert 1 == len(drive.told(GapClosed))


def test_a_start_heeds_what_the_check_of_the_secret_says_of_the_address():
    """That is a signed read like any other: the first look at the account waits, too."""
    drive = signed()
    drive.script.used_weight = 1_921
    drive.start(within=1e9).run(30.0)
    reads_at_first = drive.reads()
    drive.script.used_weight = 100
    drive.run(60.0)

    assert [] == reads_at_first
    assert StreamState.LIVE is drive.state


def test_a_start_that_fails_for_want_of_weight_says_so():
    """Other streams of the process may have used it up."""
    drive = signed()
    drive.budget.ask("a neighbour", 900, 0.0, most=900, allowed=2_400)
    drive.start(within=30.0).run(40.0)

    assert StreamState.FAILED is drive.state
    assert "the request weight of this process is used up" in drive.told(StateChanged)[-1].reason


def test_at_rest_little_is_read():
    """At most 25 a minute in the mean, audits and probes together."""
    drive = settled().run(3_600.0)

    assert 25 >= weight(drive, 50.0, 3_650.0) / 60
    assert StreamState.LIVE is drive.state
    assert [StreamState.STARTING, StreamState.LIVE] == states(drive)


# Suspicions


@pytest.mark.fault(28, 61)
def test_a_suspicion_opens_a_gap_of_its_symbol_alone():
    """Only that symbol is held, read and reported, from the last moment the sums agreed."""
    drive = settled()
    suspected_ms = EPOCH_MS + 40_000
    suspect(drive, since_ms=suspected_ms).run(5.0)
    (opened,), (closed,) = drive.told(GapOpened), drive.told(GapClosed)
    asked = [command.read for command in drive.commanded(do.MakeRead, since=50.0)]

    assert (GapCause.FRAMES_MISSING, suspected_ms) == (opened.cause, opened.since_ms)
    assert [do.Hold(frozenset({"BTCUSDT"}))] == drive.commanded(do.Hold)
    assert ["open_orders", "open_algo_orders", "positions", "balances", "user_trades"] == [read.name for read in asked]
    assert {"BTCUSDT"} == {read.parameters["symbol"] for read in asked if "symbol" in read.parameters}
    assert () == closed.unrecoverable
    assert [StreamState.REPAIRING, StreamState.LIVE] == states(drive, since=50.0)
    assert "frames missing: BTCUSDT, 0.1 of order 1" in [note.text for note in drive.commanded(do.Note)]


def test_what_an_audit_found_in_order_is_not_suspected():
    """The gap begins at the watermark at the earliest."""
    drive = settled()
    suspect(drive, since_ms=5)

    assert drive.session.watermark_ms == drive.told(GapOpened)[0].since_ms


def test_one_suspicion_is_enough():
    """A second about the same symbol lies within the first; one about another is a gap of its own."""
    drive = settled()
    suspect(suspect(drive), "BTCUSDT").run(1.0)
    suspect(drive, "ETHUSDT").run(5.0)

    assert [do.Hold(frozenset({name})) for name in ("BTCUSDT", "ETHUSDT")] == drive.commanded(do.Hold)
    assert [1, 2] == [told.gap_id for told in drive.told(GapClosed)]
    assert 1 == len(drive.commanded(do.Merge))
    assert ["BTCUSDT", "ETHUSDT"] == [
        command.read.parameters["symbol"]
        for command in drive.commanded(do.MakeRead)
        if command.read.name == "user_trades"
    ]


def test_a_suspicion_within_a_gap_of_everything_means_nothing_more():
    """That symbol is going to be looked into anyway."""
    drive = settled()
    lose_connection(drive).run(1.0)
    suspect(drive)

    assert 1 == len(drive.told(GapOpened))


@pytest.mark.fault(65)
def test_a_suspicion_amid_a_repair_is_looked_into_after_it():
    """What is held for it goes on being held when the first is merged."""
    drive = settled()
    suspect(drive)
    drive.run_until(lambda: "positions" in drive.reads(since=50.0), 5.0)
    suspect(drive, "ETHUSDT").run(10.0)

    assert [1, 2] == [told.gap_id for told in drive.told(GapClosed)]
    assert ["BTCUSDT", "ETHUSDT", "ETHUSDT"] == [min(hold.symbols) for hold in drive.commanded(do.Hold)]
    assert 2 == len(drive.commanded(do.Merge))
    assert StreamState.LIVE is drive.state


def test_a_suspicion_amid_a_repair_after_the_hold_is_not_held_again():
    """Events that were let go once are let go until all gaps are closed."""
    drive = settled()
    drive.script.failing_reads = {None: DOWN}
    suspect(drive).run(70.0)
    suspect(drive, "ETHUSDT")
    drive.script.failing_reads = {}
    drive.run(30.0)

    assert [frozenset({"BTCUSDT"})] == [hold.symbols for hold in drive.commanded(do.Hold)]
    assert 2 == len(drive.told(GapClosed))


@pytest.mark.fault(65)
def test_a_connection_lost_amid_a_targeted_repair_is_a_gap_of_everything():
    """Both gaps are repaired together on the next connection, and the older one ends there too."""
    drive = settled()
    suspect(drive)
    drive.run_until(lambda: "positions" in drive.reads(since=50.0), 5.0)
    lose_connection(drive).run(10.0)
    first, second = drive.told(GapClosed)

    assert [GapCause.FRAMES_MISSING, GapCause.CONNECTION_LOST] == [first.cause, second.cause]
    assert first.until_ms == second.until_ms
    assert 1 == len(drive.commanded(do.Merge))


def test_a_second_connection_that_takes_over_moves_no_end_of_a_gap():
    """Nothing was missed in between, so what is repaired is what was suspected."""
    drive = Drive(Session(PlanWalk(PLANS), signed=True, wants_second=True)).live().run(50.0)
    suspect(drive)
    (gap,) = drive.session.open_gaps
    until = gap.until
    lose_connection(drive)

    assert [until] == [gap.until for gap in drive.session.open_gaps]

    drive.run(10.0)
    assert (1, 1) == (len(drive.told(GapOpened)), len(drive.told(GapClosed)))


def test_a_suspicion_amid_the_second_look_is_looked_into():
    """The look goes to its end, and the repair follows it."""
    drive = signed().live()
    drive.run_until(lambda: drive.reads().count("positions") == 2, 10.0)
    assert ErrandKind.SNAPSHOT is drive.session.errand.kind
    suspect(drive).run(20.0)

    assert 1 == len(drive.told(GapClosed))
    assert StreamState.LIVE is drive.state


def test_a_suspicion_right_after_the_start_comes_before_the_second_look():
    """A repair reads what stands as well; but of one symbol alone, so the second look follows it."""
    drive = signed().live()
    suspect(drive).run(20.0)

    assert 1 == len(drive.told(GapClosed))
    assert (True, 2) == (drive.session.looked_twice, len(drive.commanded(do.Ground)))


# Audits


def test_an_audit_every_five_minutes_proves_the_delivery():
    """What it read has to be in order; then the proof is as young as its beginning, and what is older is forgotten."""
    drive = settled()
    drive.run_until(lambda: len(drive.reads()) > 12, 400.0)
    begun = drive.seconds
    drive.run(5.0)
    (forget,) = drive.commanded(do.Forget)

    assert AUDIT == drive.reads()[12:]
    assert begun == pytest.approx(drive.session.proofs.delivery.monotonic, abs=0.1)
    assert forget.before_ms == drive.session.watermark_ms
    assert EPOCH_MS + 1000 * (begun - 120.0) == pytest.approx(forget.before_ms, abs=200)
    assert [] == drive.told(GapOpened)

    drive.run_until(lambda: len(drive.reads()) > 19, 400.0)
    assert 300.0 == pytest.approx(drive.seconds - begun, abs=5.0)


def test_the_next_audit_begins_where_the_last_was_complete():
    """Each overlaps the one before by two minutes."""
    drive = settled().run(1_000.0)
    starts = [
        command.read.parameters["startTime"]
        for command in drive.commanded(do.MakeRead)
        if command.read.name == "all_orders"
    ]
    marks = [forget.before_ms for forget in drive.commanded(do.Forget)]

    assert marks[:2] == starts[1:3]
    assert starts == sorted(starts)


@pytest.mark.parametrize("rows", [None, 20])
def test_pages_are_as_long_as_the_timings_say(rows):
    """A thousand rows unless said otherwise, in repairs and in audits."""
    drive = (with_timings() if rows is None else with_timings(page_rows=rows)).live().run(50.0)
    drive.script.rows = {"positions": (position_row("0", EPOCH_MS),)}
    lose_connection(drive).run(400.0)
    limits = {
        (command.read.name, command.read.parameters["limit"])
        for command in drive.commanded(do.MakeRead)
        if "limit" in command.read.parameters
    }

    assert {("all_orders", rows or 1_000), ("user_trades", rows or 1_000)} == limits
    assert 1 < drive.reads().count("all_orders")


def test_a_watermark_never_moves_back():
    """Not even when the first audit comes early."""
    drive = settled()
    before = drive.session.watermark_ms
    drive.digest(facts.ClocksJumped(40.0))
    drive.run(5.0)

    assert before == drive.session.watermark_ms == drive.commanded(do.Forget)[0].before_ms


@pytest.mark.fault(28)
def test_what_an_audit_misses_is_repaired_and_audited_again():
    """A targeted gap with the rows that were found; half a minute after its repair everything is looked at again."""
    drive = settled()
    row = order_row(9, symbol="ETHUSDT", creation_time_ms=EPOCH_MS + 40_000, update_time_ms=EPOCH_MS + 41_000)
    drive.script.rows = {"all_orders": (row,)}
    drive.run_until(lambda: drive.told(GapOpened) != [], 400.0)
    (opened,) = drive.told(GapOpened)
    mark = drive.session.watermark_ms
    drive.script.rows = {}
    drive.run(5.0)
    (merge,) = drive.commanded(do.Merge)

    assert (GapCause.FRAMES_MISSING, EPOCH_MS + 40_000) == (opened.cause, opened.since_ms)
    assert {("ETHUSDT", 9): row} == merge.recovery.orders
    assert [do.Hold(frozenset({"ETHUSDT"}))] == drive.commanded(do.Hold)
    assert [] == drive.commanded(do.Forget)
    assert mark == drive.session.watermark_ms

    closed = drive.seconds
    drive.run(40.0)
    assert AUDIT == drive.reads(since=closed)
    assert 1 == len(drive.commanded(do.Forget))


def test_a_lost_balance_is_a_gap_of_no_symbol():
    """Nothing is held for it, and two reads repair it."""
    drive = settled()
    drive.script.rows = {"balances": (balance_row("7", EPOCH_MS + 40_000),)}
    drive.run_until(lambda: drive.told(GapOpened) != [], 400.0)
    begun = drive.seconds
    drive.run(5.0)

    assert [do.Hold(frozenset())] == drive.commanded(do.Hold)
    assert ["positions", "balances"] == drive.reads(since=begun)
    assert "frames missing: balances" in [note.text for note in drive.commanded(do.Note)]


def test_an_audit_that_gets_no_answer_proves_nothing():
    """The proof ages until its lease is over, three intervals; then the state says so, and comes back."""
    drive = settled()
    drive.script.failing_reads = {"open_orders": DOWN}
    drive.run(840.0)
    assert StreamState.LIVE is drive.state

    drive.run(100.0)
    assert StreamState.STALE is drive.state
    assert 1 == drive.reads(since=60.0).count("balances")

    drive.script.failing_reads = {}
    drive.run(20.0)
    assert StreamState.LIVE is drive.state
    assert [] == drive.told(GapOpened)


def test_an_audit_that_had_to_wait_for_long_is_followed_by_another_soon():
    """Its proof is as old as its beginning, so a ban that outlasts the lease is over within half a minute."""
    drive = settled()
    drive.script.failing_reads = {"open_orders": DOWN}
    drive.run(1_000.0)
    drive.script.failing_reads = {}
    drive.run_until(lambda: drive.commanded(do.Forget) != [], 20.0)
    audited = drive.seconds
    drive.run_until(lambda: len(drive.commanded(do.Forget)) == 2, 60.0)

    assert 30.0 == pytest.approx(drive.seconds - audited, abs=2.0)
    assert drive.seconds == pytest.approx(drive.session.proofs.delivery.monotonic, abs=2.0)


def test_an_audit_that_is_refused_something_proves_nothing_and_is_repeated():
    """What it could not read is said, for people; half a minute later it is tried anew."""
    drive = settled()
    drive.script.failing_reads = {"open_orders": ExchangeError(400, -1100, "no")}
    drive.run_until(lambda: "all_orders" in drive.reads(), 400.0)
    proven, audited = drive.session.proofs.delivery, drive.seconds
    drive.run(5.0)

    assert proven == drive.session.proofs.delivery
    assert [] == drive.commanded(do.Forget) + drive.told(GapOpened)
    assert "the audit is repeated, for it could not read open_orders, which the exchange refuses with -1100" in [
        note.text for note in drive.commanded(do.Note)
    ]

    drive.script.failing_reads = {}
    drive.run(30.0)
    assert proven.monotonic < drive.session.proofs.delivery.monotonic
    assert 30.0 == pytest.approx(when_read(drive, since=audited + 1.0)[0] - audited, abs=1.0)


@pytest.mark.parametrize("trouble", ["refused", "malformed"])
def test_audits_that_cannot_read_something_again_and_again_are_told_once(trouble):
    """With the third in a row, and with no other until one has read everything; more of them cost no more weight."""
    drive = settled()

    def break_reads() -> None:
        if trouble == "refused":
            drive.script.failing_reads = {"open_orders": ExchangeError(400, -1100, "no")}
        else:
            drive.script.malformed = {"open_orders": ("open_orders[0]: OrderRow without a usable side",)}

    break_reads()
    drive.run_until(lambda: attentions(drive) != [], 400.0)
    (told,) = drive.told(Attention)
    words = {"refused": "open_orders, which the exchange refuses", "malformed": "OrderRow without a usable side"}

    assert AttentionCode.AUDIT_UNREAD == told.code
    assert words[trouble] in told.message
    assert 3 == drive.reads(since=60.0).count("all_orders")

    begun = drive.seconds
    drive.run(1_000.0)
    assert 1 == len(attentions(drive))
    assert 3 == drive.reads(since=begun + 1.0).count("all_orders")
    assert StreamState.STALE is drive.state

    drive.script.failing_reads, drive.script.malformed = {}, {}
    drive.run(400.0)
    assert StreamState.LIVE is drive.state

    break_reads()
    drive.run(800.0)
    assert [AttentionCode.AUDIT_UNREAD] * 2 == attentions(drive)


def test_audits_of_which_every_third_reads_everything_are_not_told():
    """Only those in a row count."""
    drive = settled()
    for _ in range(3):
        drive.script.failing_reads = {"open_orders": ExchangeError(400, -1100, "no")}
        noted = len(drive.commanded(do.Note))
        drive.run_until(
            lambda noted=noted: sum("repeated" in one.text for one in drive.commanded(do.Note)[noted:]) == 2, 400.0
        )
        drive.script.failing_reads = {}
        drive.run(60.0)

    assert [] == attentions(drive)


def test_an_audit_gives_way_to_a_repair():
    """It would only find what is looked for now; it is made up for when the repair is done."""
    drive = settled()
    drive.run_until(lambda: len(drive.reads()) > 12, 400.0)
    drive.script.failing_reads = {"open_algo_orders": DOWN}
    suspect(drive).run(3.5)
    drive.script.failing_reads = {}
    drive.run(5.0)
    closed = drive.seconds

    assert 1 == len(drive.told(GapClosed))
    drive.run(40.0)
    assert AUDIT == drive.reads(since=closed)
    assert [ErrandKind.SNAPSHOT.value] * 2 + ["audit", "repair", "audit"] == [
        note.text.split(" begun")[0] for note in drive.commanded(do.Note) if note.text.endswith(" begun")
    ]


def test_an_audit_waits_for_an_open_gap():
    """A gap that is not repaired yet makes every audit find it; it is put off, a few seconds each time."""
    drive = with_timings(audit_interval=20.0, settle=60.0).live()
    suspect(drive).run(55.0)

    assert SNAPSHOT == drive.reads()

    drive.run(30.0)
    assert 1 == len(drive.told(GapClosed))


def test_after_a_clock_jump_the_account_is_audited_at_once():
    """Nobody knows how old the proof is, so a new one is got."""
    drive = settled()
    begun = drive.seconds
    drive.suspend(400.0)
    drive.run(5.0)

    assert AUDIT == drive.reads(since=begun)
    assert StreamState.LIVE is drive.state


# A connection that is open and deaf


@pytest.mark.fault(27, 32)
def test_a_connection_that_never_delivered_what_happened_is_given_up():
    """The gap that was just repaired began too late: a new one since the connection is in use, and another plan."""
    drive = settled()
    plan = drive.session.plans.current
    in_use_ms = drive.session.clock.earliest_ms(drive.session.in_use_since)
    drive.digest(facts.ConnectionDeaf(drive.session.socket))
    (opened,) = drive.told(GapOpened)
    drive.run(5.0)

    assert (GapCause.SUBSCRIPTION_LOST, in_use_ms - 20_000) == (opened.cause, opened.since_ms)
    assert plan != drive.session.plans.current
    assert StreamState.LIVE is drive.state


@pytest.mark.parametrize("set_by", [-3_600.0, 3_600.0])
def test_since_when_a_connection_is_in_use_is_known_whoever_sets_our_clock(set_by):
    """Dated by the reading at its beginning: a clock of ours that is set back does not make it younger, nor older."""
    drive = settled()
    lose_connection(drive).run(20.0)
    (first,) = drive.commanded(do.Merge)
    drive.set_by += set_by
    drive.run(20.0)
    suspect(drive).run(5.0)
    _, second = drive.commanded(do.Merge)

    assert first.connected_ms == pytest.approx(second.connected_ms, abs=100)


def test_a_connection_that_is_not_in_use_any_more_is_not_deaf():
    """An answer that comes late is about an old connection."""
    drive = settled()
    old = drive.session.socket
    lose_connection(drive).run(10.0)
    gaps = len(drive.told(GapOpened))
    drive.digest(facts.ConnectionDeaf(old))

    assert gaps == len(drive.told(GapOpened))


# Whatever is read


def test_every_errand_is_closed_with_its_end():
    """A generator that is not run to its end is closed, so that nothing of it lives on."""
    drive = banned(300.0)
    drive.run(5.0)
    steps = drive.session.errand.steps
    lose_connection(drive)

    assert steps.gi_frame is None


def test_the_pauses_of_a_repair_double_up_to_a_quarter_minute_and_end_with_a_minute():
    """What does not balance is looked for again after 1, 2, 4, 8 and then every 15 seconds."""
    drive = settled()
    row = order_row(9, creation_time_ms=EPOCH_MS + 40_000, filled_quantity=position_row("1", 1).amount)
    drive.script.rows = {"open_orders": (attrs.evolve(row, update_time_ms=EPOCH_MS + 55_000),)}
    lose_connection(drive).run_until(lambda: drive.told(GapClosed) != [], 100.0)
    times = [
        at
        for at, command in drive.issued
        if at >= 50.0 and isinstance(command, do.MakeRead) and command.read.name == "positions"
    ]
    waits = [after - at for at, after in zip(times, times[1:])]

    assert [1.0, 2.0, 4.0, 8.0, 15.0, 15.0, 15.0] == pytest.approx(waits, abs=0.5)
    assert Proof.UNPROVEN == drive.told(GapClosed)[0].proof
