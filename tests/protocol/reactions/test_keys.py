"""The listen key: asked for, probed, compared, replaced exactly once."""

from __future__ import annotations

import pytest

from binance_uds.credentials import Secret
from binance_uds.errors import ExchangeError, StreamInterrupted
from binance_uds.events.notices import GapCause, GapClosed, GapOpened, Proof, StreamState
from binance_uds.protocol import commands as do
from binance_uds.protocol import facts
from binance_uds.protocol.facts import Call
from binance_uds.protocol.ledger.chains import Break
from binance_uds.protocol.situation import State
from tests.protocol.driving import KEY, OTHER_KEY, Drive, signed

NO_SUCH_KEY = ExchangeError(400, -1125, "This listenKey does not exist.")
TIMED_OUT = StreamInterrupted("no answer within 5 s")
UNAVAILABLE = ExchangeError(503, None, "no explanation")


def counts(drive: Drive) -> tuple[int, int, int]:
    """Return how many keys were asked for, connections opened and gaps announced."""
    return len(drive.calls(Call.REQUEST_KEY)), len(drive.commanded(do.OpenSocket)), len(drive.told(GapOpened))


def aged(seconds: float = 100.0) -> Drive:
    """Return a drive that has been LIVE for some time."""
    return Drive().live().run(seconds)


# Notices of expiry


@pytest.mark.fault(2)
def test_two_notices_of_one_death_lead_to_one_new_key():
    """Two identical notices in one read: one key, one connection, one gap."""
    drive = aged()
    notice = facts.ExpiryNoticed(drive.session.socket, Secret(KEY))
    drive.script.key = OTHER_KEY
    drive.digest(notice, notice)
    drive.run(5.0)

    assert (2, 2, 1) == counts(drive)
    assert [GapCause.KEY_EXPIRED] == [told.cause for told in drive.told(GapClosed)]
    assert Secret(OTHER_KEY) == drive.session.key
    assert 1 == len(drive.open_sockets)


@pytest.mark.fault(3)
def test_a_notice_about_an_old_key_is_data():
    """After the new key is in use a notice that names the old one changes nothing."""
    drive = aged()
    drive.digest(facts.ExpiryNoticed(drive.session.socket, Secret(KEY)))
    drive.script.key = OTHER_KEY
    drive.digest(facts.SocketLost(drive.session.socket, "reset"))
    drive.run(60.0)
    before = counts(drive)
    drive.digest(facts.ExpiryNoticed(drive.session.socket, Secret(KEY)))
    drive.run(5.0)

    assert before == counts(drive)
    assert StreamState.LIVE is drive.state


@pytest.mark.fault(4)
def test_a_notice_without_a_key_counts_on_the_newest_connection():
    """The field may be missing: on the connection in use it speaks of our key."""
    drive = aged()
    drive.digest(facts.ExpiryNoticed(drive.session.socket, None))
    drive.run(5.0)

    assert (2, 2, 1) == counts(drive)


def test_a_notice_without_a_key_on_an_old_connection_is_data():
    """What an old connection still says without naming a key is not about ours."""
    drive = aged()
    old = drive.session.socket
    drive.digest(facts.SocketLost(old, "reset"))
    drive.run(60.0)
    before = counts(drive)
    drive.digest(facts.ExpiryNoticed(old, None))
    drive.run(5.0)

    assert before == counts(drive)


@pytest.mark.fault(2, 3)
def test_a_second_notice_after_the_new_key_is_in_use_is_data():
    """A doubled notice that arrives late, on its old connection, does not cost the new key."""
    drive = aged()
    notice = facts.ExpiryNoticed(drive.session.socket, Secret(KEY))
    drive.script.key = OTHER_KEY
    drive.digest(notice)
    drive.run(60.0)
    drive.digest(notice)
    drive.run(5.0)

    assert (2, 2, 1) == counts(drive)


def test_a_notice_about_a_foreign_key_is_data():
    """A key that was never ours is none of our business."""
    drive = aged()
    drive.digest(facts.ExpiryNoticed(drive.session.socket, Secret(OTHER_KEY)))
    drive.run(5.0)

    assert (1, 1, 0) == counts(drive)


# Probes


@pytest.mark.fault(10, 31)
def test_a_probe_follows_the_connection_at_once():
    """A handshake also succeeds on a dead key, so the first probe is not a minute away."""
    drive = Drive()
    drive.start()
    drive.run(0.5)

    assert 1 == len(drive.calls(Call.PROBE_KEY))


@pytest.mark.parametrize("jitter, interval", [(0.0, 54.0), (0.5, 60.0), (1 - 1e-9, 66.0)])
def test_probes_are_spread_by_a_tenth(jitter, interval):
    """A minute lies between two probes, a tenth shorter or longer by chance, counted from the sending."""
    drive = Drive(jitter=jitter)
    drive.script.call_takes = 3.0
    drive.live().run(300.0)
    times = drive.calls(Call.PROBE_KEY)

    assert [interval] * (len(times) - 1) == pytest.approx([after - at for at, after in zip(times, times[1:])])


@pytest.mark.fault(10)
def test_a_probe_that_names_our_key_dates_the_proof_at_its_sending():
    """Validity counts from when the question was sent, not from the answer."""
    drive = Drive().live()
    drive.script.call_takes = 4.0
    drive.run(62.0)

    assert drive.calls(Call.PROBE_KEY)[-1] == drive.session.proofs.key.monotonic
    assert 4.0 <= drive.session.proofs.key.age(drive.now)


@pytest.mark.fault(8)
def test_a_probe_that_names_another_key_shows_ours_replaced():
    """A neighbour swapped the key: PUT succeeds, the comparison fails, and the new key is fetched."""
    drive = aged()
    drive.script.key = OTHER_KEY
    drive.run(65.0)

    assert (2, 2, 1) == counts(drive)
    assert [GapCause.KEY_REPLACED] == [told.cause for told in drive.told(GapClosed)]


@pytest.mark.fault(7, 12)
def test_a_key_that_is_gone_is_replaced_once():
    """-1125 opens a gap, fetches a key and connects, once."""
    drive = aged()
    drive.script.failing[Call.PROBE_KEY] = NO_SUCH_KEY
    drive.run_until(lambda: drive.told(GapOpened) != [], 65.0)
    drive.script.failing.clear()
    drive.run(65.0)

    assert (2, 2, 1) == counts(drive)
    assert [GapCause.KEY_GONE] == [told.cause for told in drive.told(GapClosed)]


@pytest.mark.fault(14)
def test_an_answer_without_a_key_makes_post_the_probe():
    """Where PUT answers {} the key is asked for and compared instead, from the first time on."""
    drive = Drive()
    drive.script.names_key = False
    drive.live().run(130.0)

    assert 1 == len(drive.calls(Call.PROBE_KEY))
    assert 1 + 3 == len(drive.calls(Call.REQUEST_KEY))
    assert (1, 0) == counts(drive)[1:]

    drive.script.key = OTHER_KEY
    drive.run(65.0)
    assert [GapCause.KEY_REPLACED] == [told.cause for told in drive.told(GapClosed)]
    assert Secret(OTHER_KEY) == drive.session.key


@pytest.mark.fault(13)
@pytest.mark.parametrize("error", [TIMED_OUT, UNAVAILABLE, ExchangeError(408, -1007, "timeout")])
def test_a_probe_of_unknown_outcome_is_neither_success_nor_death(error):
    """The proof ages, no gap opens, and the question is asked again after 5 s, then later each time."""
    drive = Drive(jitter=0.0).live()
    proven = drive.session.proofs.key
    drive.script.failing[Call.PROBE_KEY] = error
    drive.run(140.0)
    times = drive.calls(Call.PROBE_KEY)[1:]

    assert [5.0, 10.0, 15.0, 15.0] == pytest.approx([after - at for at, after in zip(times, times[1:])][:4], abs=0.2)
    assert proven == drive.session.proofs.key
    assert (1, 1, 0) == counts(drive)
    assert StreamState.LIVE is drive.state

    drive.run(30.0)
    assert StreamState.STALE is drive.state
    assert State.SERVING is drive.session.state

    drive.script.failing.clear()
    drive.run(16.0)
    assert StreamState.LIVE is drive.state
    assert 0 == drive.session.probe_retries.failures


def test_a_dead_post_while_probing_by_post_is_unknown():
    """-1125 means a dead key only as the answer to PUT; POST cannot say it, so it is asked again."""
    drive = Drive()
    drive.script.names_key = False
    drive.live()
    drive.script.failing[Call.REQUEST_KEY] = NO_SUCH_KEY
    drive.run(70.0)

    assert (1, 0) == counts(drive)[1:]
    assert State.SERVING is drive.session.state


def test_a_new_key_starts_the_walk_over_the_plans():
    """With each key the connection is looked for anew, and the key's age counts from when it was asked for."""
    drive = aged()
    asked = drive.seconds
    drive.digest(facts.SocketLost(drive.session.socket, "reset"))

    assert asked == drive.session.key_since.monotonic
    assert 2 == len(drive.commanded(do.OpenSocket))


# A key that was thought dead and is not


def outlived(drive: Drive) -> Drive:
    """Let the probes fail until the key is as old as a key becomes."""
    drive.live().run(50.0)
    drive.script.failing[Call.PROBE_KEY] = TIMED_OUT
    drive.run_until(lambda: drive.told(GapOpened) != [], 3_700.0)
    return drive


def test_a_gap_that_ends_with_the_key_named_again_is_repaired():
    """Nothing can be repaired while nobody knows whether the key lives; then it is, and the gap ends with the probe."""
    drive = outlived(signed())
    opened = drive.seconds
    drive.run(300.0)

    assert [] == drive.reads(since=opened)
    assert [do.Hold(None)] == drive.commanded(do.Hold)
    assert 1 == len(drive.commanded(do.ReleaseHeld))

    drive.script.failing.clear()
    drive.run_until(lambda: StreamState.REPAIRING is drive.state, 20.0)
    named = drive.seconds
    drive.run(5.0)
    (closed,) = drive.told(GapClosed)
    (first, *_) = [at for at, made in drive.issued if isinstance(made, do.MakeRead) and at > named]

    assert 2.9 <= first - named <= 3.5
    assert (GapCause.KEY_OUTLIVED, Proof.SETTLED) == (closed.cause, closed.proof)
    assert closed.until_ms <= drive.session.clock.latest_ms(drive.now) - 3_000
    assert StreamState.LIVE is drive.state


def test_a_repair_amid_which_the_key_outlives_itself_is_broken_off():
    """It cannot tell what a dead key does not deliver; it goes on where it was when the key is named again."""
    drive = signed().live().run(50.0)
    drive.script.failing[Call.PROBE_KEY] = TIMED_OUT
    drive.run(3_540.0)
    drive.script.failing_reads = {"positions": TIMED_OUT}
    drive.digest(facts.FillsSuspected(Break("BTCUSDT", 5, "0.1 of order 1")))
    drive.run_until(lambda: len(drive.told(GapOpened)) == 2, 100.0)
    assert drive.session.errand is None
    drive.script.failing_reads = {}
    begun = drive.seconds
    drive.run(300.0)

    assert ([], []) == (drive.reads(since=begun), drive.told(GapClosed))

    drive.script.failing.clear()
    drive.run(30.0)
    assert [GapCause.FRAMES_MISSING, GapCause.KEY_OUTLIVED] == [told.cause for told in drive.told(GapClosed)]
    assert 1 == len(drive.commanded(do.Merge))


def test_a_key_that_is_named_while_no_gap_is_endless_changes_no_gap():
    """A repair under way is none of a probe's business."""
    drive = signed().live().run(50.0)
    drive.script.failing_reads = {None: TIMED_OUT}
    drive.digest(facts.SocketLost(drive.session.socket, "reset"))
    drive.run(5.0)
    (gap,) = drive.session.open_gaps
    until, errands = gap.until, drive.session.errands
    drive.run(200.0)

    assert (until, errands) == (gap.until, drive.session.errands)
    assert [] == drive.told(GapClosed)


def test_without_a_secret_the_gap_closes_when_the_key_is_named_again():
    """There is nothing to be read."""
    drive = outlived(Drive())
    drive.script.failing.clear()
    drive.run(20.0)

    assert [Proof.UNPROVEN] == [told.proof for told in drive.told(GapClosed)]
    assert StreamState.LIVE is drive.state
