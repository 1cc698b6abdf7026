"""When a stream may call itself LIVE, as its reader judges."""

from __future__ import annotations

import attrs
import pytest

from binance_uds.events.notices import StreamState
from binance_uds.protocol.proofs import Proofs, Standing, Verdict, judge
from binance_uds.protocol.timings import Timings
from tests.protocol.driving import moment

TIMINGS = Timings()
SERVING = Standing(started=True, was_live=True, serving=True, confirmed=True, reason="connected")


def proven(transport: float = 0.0, key: float = 0.0) -> Proofs:
    """Return proofs of so many seconds after the start."""
    return Proofs(moment(transport), moment(key))


@pytest.mark.parametrize(
    "standing, verdict",
    [
        (Standing(), Verdict(StreamState.IDLE, "not started")),
        (Standing(started=True, reason="getting a key"), Verdict(StreamState.STARTING, "getting a key")),
        (
            Standing(started=True, was_live=True, reason="connection lost"),
            Verdict(StreamState.STALE, "connection lost"),
        ),
        (attrs.evolve(SERVING, gap_open=True), Verdict(StreamState.REPAIRING, "a gap is being repaired")),
        (SERVING, Verdict(StreamState.LIVE, "every proof holds")),
        (attrs.evolve(SERVING, confirmed=False), Verdict(StreamState.LIVE, "subscription unconfirmed")),
        (attrs.evolve(SERVING, ended=StreamState.STOPPED), Verdict(StreamState.STOPPED, "connected")),
        (attrs.evolve(SERVING, ended=StreamState.FAILED), Verdict(StreamState.FAILED, "connected")),
    ],
)
def test_the_verdict_on_each_standing(standing, verdict):
    """Where a session stands, while every proof is fresh, decides its state and the reason given."""
    assert verdict == judge(standing, proven(), TIMINGS, moment(1.0))


#: Proofs, when they are looked at, and what does not hold then.
LAPSES = [
    (proven(key=40.0), 45.0, None),
    (proven(key=40.0), 45.1, "the connection was last proven 45 s ago"),
    (proven(transport=140.0), 150.0, None),
    (proven(transport=140.0), 151.0, "the listen key was last proven 151 s ago"),
    (Proofs(None, moment(0.0)), 1.0, "the connection is unproven"),
    (Proofs(moment(0.0), None), 1.0, "the listen key is unproven"),
    (Proofs(), 1.0, "the connection is unproven"),
]


@pytest.mark.parametrize("proofs, now, why", LAPSES)
def test_what_is_not_proven_may_be_deaf(proofs, now, why):
    """The same, for whoever asks whether events may be missing."""
    assert (why is not None) is proofs.may_be_deaf(TIMINGS, moment(now))


def test_an_audit_that_is_overdue_makes_nobody_deaf():
    """The delivery unproven is a reason to call nothing LIVE; events come all the same."""
    proofs = Proofs(moment(0.0), moment(0.0), None, wants_delivery=True)

    assert not proofs.may_be_deaf(TIMINGS, moment(1.0))
    assert "the delivery is unproven" == proofs.lapsed(TIMINGS, moment(1.0))


@pytest.mark.parametrize("proofs, now, why", LAPSES)
def test_a_proof_counts_for_its_lease(proofs, now, why):
    """45 s for the connection, 150 s for the key; whoever asks later sees STALE, whatever the thread does."""
    verdict = judge(SERVING, proofs, TIMINGS, moment(now))

    assert (StreamState.LIVE if why is None else StreamState.STALE) is verdict.state
    assert why == proofs.lapsed(TIMINGS, moment(now))
    assert why in (None, verdict.why)


@pytest.mark.parametrize(
    "proofs, why",
    [
        (proven(key=40.0), "the connection was last proven 46 s ago"),
        (Proofs(moment(46.0), None), "the listen key is unproven"),
    ],
)
def test_a_stream_that_never_was_live_is_not_stale(proofs, why):
    """A proof that lapsed on the way to the first LIVE is part of the start."""
    never_live = attrs.evolve(SERVING, was_live=False)

    assert Verdict(StreamState.STARTING, why) == judge(never_live, proofs, TIMINGS, moment(46.0))
    assert Verdict(StreamState.STALE, why) == judge(SERVING, proofs, TIMINGS, moment(46.0))


@pytest.mark.parametrize("proofs", [proven(key=-150.0), proven(transport=-45.0), Proofs(moment(0.0), None)])
def test_a_lapsed_proof_says_more_than_an_open_gap(proofs):
    """Nothing is being repaired on a connection or with a key that may be dead: STALE, and why."""
    with_gap = attrs.evolve(SERVING, gap_open=True)

    assert judge(SERVING, proofs, TIMINGS, moment(1.0)) == judge(with_gap, proofs, TIMINGS, moment(1.0))
    assert StreamState.STALE is judge(with_gap, proofs, TIMINGS, moment(1.0)).state


def test_the_first_live_needs_every_proof_and_nothing_before():
    """Whether a stream was LIVE before changes only what it is called while it is not."""
    never_live = attrs.evolve(SERVING, was_live=False)

    assert Verdict(StreamState.LIVE, "every proof holds") == judge(never_live, proven(), TIMINGS, moment(1.0))


@pytest.mark.parametrize("clock", ["slept", "set_by"])
def test_a_proof_is_as_old_as_the_clock_that_shows_the_most(clock):
    """A machine that slept, or whose clock was set forward, makes proofs older, never younger."""
    assert StreamState.STALE is judge(SERVING, proven(), TIMINGS, moment(1.0, **{clock: 60.0})).state
    assert StreamState.STALE is judge(SERVING, proven(), TIMINGS, moment(46.0, set_by=-40.0)).state


def test_how_long_until_a_proof_lapses():
    """Each standing proof is asked for; one that lapsed or is missing is not waited for."""
    proofs = proven(transport=0.0, key=10.0)

    assert [25.0, 140.0] == list(proofs.until_lapse(TIMINGS, moment(20.0)))
    assert [110.0] == list(proofs.until_lapse(TIMINGS, moment(50.0)))
    assert [] == list(Proofs().until_lapse(TIMINGS, moment(50.0)))


def test_the_oldest_proof_is_where_a_gap_begins():
    """The last moment at which everything was proven; now, when nothing was ever."""
    assert moment(3.0) == proven(transport=8.0, key=3.0).oldest(moment(9.0))
    assert moment(9.0) == Proofs().oldest(moment(9.0))


def test_a_connection_proven_later_is_not_made_older():
    """A frame of uncertain age does not take back what the handshake has proven."""
    proofs = proven(transport=8.0)
    proofs.renew_transport(moment(7.0))

    assert moment(8.0) == proofs.transport


def test_a_doubt_forgets_the_proofs_but_not_since_when():
    """Void proofs are unproven, and what stood before stays the beginning until both are renewed."""
    proofs = proven(transport=8.0, key=3.0)
    proofs.void(moment(9.0))

    assert (None, None) == (proofs.transport, proofs.key)
    assert moment(3.0) == proofs.oldest(moment(10.0))

    proofs.renew_transport(moment(10.0))
    assert moment(3.0) == proofs.oldest(moment(11.0))

    proofs.renew_key(moment(11.0))
    assert moment(10.0) == proofs.oldest(moment(12.0))


def test_a_key_nobody_may_ask_for_is_unproven_but_not_forgotten():
    """Its proof is void at once, the connection's stands, and a gap still begins at the last full proof."""
    proofs = proven(transport=8.0, key=3.0)
    proofs.void_key(moment(9.0))

    assert (moment(8.0), None) == (proofs.transport, proofs.key)
    assert "the listen key is unproven" == proofs.lapsed(TIMINGS, moment(9.0))
    assert moment(3.0) == proofs.oldest(moment(9.0))

    proofs.renew_transport(moment(28.0))
    proofs.void_key(moment(29.0))
    assert moment(3.0) == proofs.oldest(moment(30.0))

    proofs.renew_key(moment(31.0))
    assert moment(28.0) == proofs.oldest(moment(32.0))


def test_a_gap_found_after_a_voided_key_begins_at_the_connection_if_that_is_older():
    """The oldest of all proofs counts, whichever it is."""
    proofs = proven(transport=2.0, key=3.0)
    proofs.void_key(moment(9.0))

    assert moment(2.0) == proofs.oldest(moment(10.0))


def test_a_doubt_can_also_be_settled_by_the_key_first():
    """The order in which the two are renewed does not matter, and a second doubt keeps the first beginning."""
    proofs = proven(transport=8.0, key=3.0)
    proofs.void(moment(9.0))
    proofs.renew_key(moment(10.0))
    proofs.void(moment(11.0))

    assert moment(3.0) == proofs.oldest(moment(12.0))

    proofs.renew_key(moment(13.0))
    proofs.renew_transport(moment(14.0))
    assert moment(13.0) == proofs.oldest(moment(15.0))


# The delivery


def signed(transport: float = 0.0, key: float = 0.0, delivery: float | None = 0.0) -> Proofs:
    """Return the proofs of a stream with a secret."""
    proven_at = None if delivery is None else moment(delivery)
    return Proofs(moment(transport), moment(key), proven_at, wants_delivery=True)


@pytest.mark.parametrize(
    "proofs, now, why",
    [
        (signed(890.0, 890.0), 900.0, None),
        (signed(890.0, 890.0), 901.0, "the delivery was last proven 901 s ago"),
        (signed(890.0, 890.0, 100.0), 901.0, None),
        (signed(delivery=None), 1.0, "the delivery is unproven"),
        (signed(0.0, 0.0, None), 50.0, "the connection was last proven 50 s ago"),
    ],
)
def test_the_delivery_is_proven_for_three_audits(proofs, now, why):
    """A quarter of an hour; what comes before it in the order of the proofs says more."""
    assert why == proofs.lapsed(TIMINGS, moment(now))
    assert (StreamState.LIVE if why is None else StreamState.STALE) is judge(
        SERVING, proofs, TIMINGS, moment(now)
    ).state


def test_without_a_secret_the_delivery_is_nobodys_question():
    """It cannot be proven, and is not asked for, whatever is known about it."""
    proofs = proven(890.0, 890.0)

    assert proofs.lapsed(TIMINGS, moment(900.0)) is None
    assert 2 == len(proofs.leases(TIMINGS))
    assert ("the delivery", None, TIMINGS.delivery_lease) == signed(delivery=None).leases(TIMINGS)[2]


def test_how_long_until_the_delivery_lapses():
    """It is one of the moments that the loop wakes for."""
    assert [25.0, 130.0, 880.0] == list(signed().until_lapse(TIMINGS, moment(20.0)))
    assert [880.0] == list(Proofs(None, None, moment(0.0), wants_delivery=True).until_lapse(TIMINGS, moment(20.0)))


def test_the_delivery_proof_is_dated_when_it_was_asked_for_and_voided_with_the_others():
    """A jump of the clocks leaves nothing proven; a gap still begins where connection and key were."""
    proofs = signed(8.0, 5.0, 1.0)
    proofs.renew_delivery(moment(3.0))
    assert moment(3.0) == proofs.delivery

    proofs.void(moment(9.0))
    assert proofs.delivery is None
    assert moment(5.0) == proofs.oldest(moment(10.0))


def test_a_gap_does_not_begin_at_the_last_audit():
    """What came on a connection that was proven, with a key that was, needs no audit to have come."""
    assert moment(300.0) == signed(310.0, 300.0, 1.0).oldest(moment(311.0))


def test_a_key_nobody_may_ask_for_leaves_the_delivery_proven():
    """Only what is asked for by that key is in doubt."""
    proofs = signed(8.0, 8.0, 7.0)
    proofs.void_key(moment(9.0))

    assert (None, moment(7.0)) == (proofs.key, proofs.delivery)
