"""Every validator can fail: a history is made that keeps every promise, and then broken in one place."""

from __future__ import annotations

import copy
from decimal import Decimal

import attrs
import pytest

from binance_uds.events import GapClosed, GapOpened, ListenKeyExpired, OrderTradeUpdate, StateChanged, StreamState
from binance_uds.events.notices import GapCause
from binance_uds.simulator.records import Account, Fill
from tests.simulation.history import Asked, Death, History, Look, Pushed
from tests.simulation.promise import Promise
from tests.simulation.validators import VALIDATORS, broken

EPOCH = 1_700_000_000.0
API_KEY, API_SECRET, LISTEN_KEY = "k" * 64, "s" * 64, "l" * 64
REPAIRER = Promise(repairs=True, recognises_copies=True, keeps_account=True)

#: The client hears from second 1 on, but for seconds 500 to 510, which it announces.
LIVE_AT, DEAF_AT, HEARS_AT = 1.0, 500.0, 510.0


def ms(at: float) -> int:
    """Return a second of the world in milliseconds of the exchange's clock."""
    return int((EPOCH + at) * 1000)


def fill(at: float, trade_id: int, order_id: int = 7) -> Fill:
    """Return what the exchange knows of a fill."""
    one = Decimal(1)
    return Fill(
        "default", "BTCUSDT", order_id, trade_id, "BUY", "BOTH", one, one, one, "USDT", one, True, ms(at), "TRADE"
    )


def told(fact: Fill, **changes: object) -> OrderTradeUpdate:
    """Return what a client tells of a fill, as it came on the stream."""
    update = OrderTradeUpdate(
        symbol=fact.symbol,
        order_id=fact.order_id,
        trade_id=fact.trade_id,
        side=fact.side,
        position_side=fact.position_side,
        last_filled_quantity=fact.quantity,
        last_filled_price=fact.price,
        execution_type="TRADE",
        status="PARTIALLY_FILLED",
        filled_quantity=fact.quantity,
        trade_time_ms=fact.time_ms,
    )
    return attrs.evolve(update, **changes)


def pushed(fact: Fill, **changes: object) -> Pushed:
    """Return the push of a fill, which was read."""
    order = {"s": fact.symbol, "i": fact.order_id, "t": fact.trade_id, "x": "TRADE"}
    row = Pushed(fact.time_ms, {"e": "ORDER_TRADE_UPDATE", "o": order}, was_read=True)
    return attrs.evolve(row, **changes)


def change(new: StreamState, reason: str = "every proof holds") -> StateChanged:
    """Return the announcement of a state."""
    return StateChanged(old=StreamState.STALE, new=new, reason=reason)


FIRST, SECOND, THIRD = fill(100.0, 11), fill(200.0, 12), fill(505.0, 13)
GAP = GapOpened(gap_id=1, since_ms=ms(480.0), cause=GapCause.CONNECTION_LOST)
REPORT = GapClosed(
    gap_id=1, since_ms=ms(480.0), until_ms=ms(511.0), cause=GapCause.CONNECTION_LOST, proof="balanced", recovered=1
)


@pytest.fixture
def history() -> History:
    """An hour in which every promise was kept: two fills came on the stream, one was recovered."""
    account = Account("default", API_KEY, API_SECRET)
    account.fills += [FIRST, SECOND, THIRD]
    kept = History(1, "signed", EPOCH, account, False, trouble_ends=600.0, ends=3600.0)
    kept.pushes += [pushed(FIRST), pushed(SECOND), pushed(THIRD, was_read=False)]
    kept.blind += [(ms(0.0), ms(0.5)), (ms(DEAF_AT), ms(HEARS_AT))]
    kept.delivered += [
        (LIVE_AT, change(StreamState.LIVE)),
        (100.1, told(FIRST)),
        (200.1, told(SECOND)),
        (502.0, GAP),
        (502.0, change(StreamState.STALE, "connection lost")),
        (514.0, told(THIRD, origin="rest", status=None, filled_quantity=None)),
        (514.0, REPORT),
        (514.0, change(StreamState.LIVE)),
        (3600.0, change(StreamState.STOPPED, "stopped as asked")),
    ]
    kept.asked += [Asked(at, ms(at), "PUT", "/fapi/v1/listenKey", 1, 200, was_heard=True) for at in range(0, 3600, 60)]
    kept.looks += [Look(at, StreamState.LIVE, 10.0, 30.0, 0.0, 300.0) for at in (50.0, 1300.0, 3000.0)]
    kept.handshakes += [0.4, 509.0]
    kept.account_true = {"balances": {"USDT": Decimal(5)}, "positions": {("BTCUSDT", "BOTH"): Decimal(3)}}
    kept.account_seen = {**copy.deepcopy(kept.account_true), "profits": {("BTCUSDT", "BOTH"): Decimal(2)}}
    kept.profits = {("BTCUSDT", "BOTH"): [Decimal(1), Decimal(2)]}
    kept.log += ["[seed-1] connected"]
    kept.secrets = (API_KEY, API_SECRET, LISTEN_KEY)
    return kept


def test_what_keeps_every_promise_is_not_complained_about(history):
    """Neither of a client that repairs, nor of one that promises less."""
    assert {} == broken(history, REPAIRER)
    assert {} == broken(history, Promise())


def test_complete(history):
    """A fill that never came, though no report gives it up."""
    del history.delivered[5]

    assert ["complete"] == list(broken(history, REPAIRER))


def test_complete_accepts_what_is_given_up(history):
    """The report says that fills may be missing."""
    del history.delivered[5]
    history.delivered[5] = (514.0, attrs.evolve(REPORT, unrecoverable=("fills",)))

    assert [] == list(VALIDATORS["complete"](history, REPAIRER))


def test_complete_excuses_what_cannot_be_seen(history):
    """A frame lost on a healthy connection, of a client that promises no repair."""
    del history.delivered[1]
    history.pushes[0].was_lost = True

    assert [] == list(VALIDATORS["complete"](history, Promise()))
    assert ["complete"] == list(broken(history, REPAIRER))[:1]


def test_complete_across_a_restart(history):
    """A fill between a stop and the next start is due from a client that survives it, and from no other."""
    history.account.fills.append(fill(1005.0, 14))
    stops = [(1000.0, change(StreamState.STOPPED)), (1010.0, change(StreamState.LIVE))]
    history.delivered[-1:-1] = stops
    survivor = attrs.evolve(REPAIRER, survives_restart=True)

    assert {} == broken(history, REPAIRER)
    assert ["complete"] == list(broken(history, survivor))


def test_unique(history):
    """A fill that came twice, and one that never was."""
    history.delivered.insert(3, (201.0, told(SECOND)))
    history.delivered.insert(4, (202.0, told(fill(202.0, 12, order_id=8))))
    found = broken(history, REPAIRER)

    assert ["unique"] == list(found)
    assert 2 == len(found["unique"])


def test_unique_knows_both_sides_of_a_self_trade(history):
    """They share the trade id, and are two fills."""
    other_side = fill(200.0, 12, order_id=8)
    history.account.fills.append(other_side)
    history.pushes.append(pushed(other_side))
    history.delivered.insert(3, (200.1, told(other_side)))

    assert {} == broken(history, REPAIRER)


def test_unique_excuses_what_the_exchange_repeats(history):
    """Of a client that does not promise to recognise it."""
    history.delivered.insert(3, (201.0, told(SECOND)))
    history.pushes[1].copies = 2

    assert {} == broken(history, Promise())


def test_true(history):
    """A price that is not the fill's."""
    history.delivered[1] = (100.1, told(FIRST, last_filled_price=Decimal(2)))

    assert ["true"] == list(broken(history, REPAIRER))


@pytest.mark.parametrize("late", [False, True])
def test_ordered(history, late):
    """A lower trade id after a higher one has to say so, and only such a one."""
    history.delivered[1], history.delivered[2] = (100.1, told(SECOND)), (200.1, told(FIRST, late=late))

    assert ([] if late else ["ordered"]) == list(broken(history, REPAIRER))


def test_ordered_when_nothing_is_late(history):
    """A fill that says it is late, and is not."""
    history.delivered[2] = (200.1, told(SECOND, late=True))

    assert ["ordered"] == list(broken(history, REPAIRER))


def test_forward(history):
    """REST tells of an order as it was before what the stream told."""
    state = told(FIRST, origin="rest", execution_type=None, trade_id=None, status="NEW", filled_quantity=Decimal(0))
    history.delivered.insert(3, (300.0, state))

    assert ["forward"] == list(broken(history, REPAIRER))


def test_account_equal(history):
    """A balance that is not the exchange's, a position it does not know of, a profit nobody told."""
    history.account_seen["balances"]["USDT"] = Decimal(6)
    history.account_seen["positions"]["ETHUSDT", "BOTH"] = Decimal(1)
    history.account_seen["profits"]["BTCUSDT", "BOTH"] = Decimal(7)
    found = broken(history, REPAIRER)

    assert ["account_equal"] == list(found)
    assert 3 == len(found["account_equal"])


def test_account_equal_excuses_one_that_is_shut_out(history):
    """Until a minute before the end or longer: nobody can have read it."""
    history.account_seen["balances"]["USDT"] = Decimal(6)
    history.asked[50] = attrs.evolve(history.asked[50], status=418, retry_after=540.5)

    assert [] == list(VALIDATORS["account_equal"](history, REPAIRER))

    history.asked[50] = attrs.evolve(history.asked[50], retry_after=539.5)

    assert 1 == len(list(VALIDATORS["account_equal"](history, REPAIRER)))


def test_account_equal_wants_an_account(history):
    """A client that promises one and shows none."""
    history.account_seen = None

    assert ["account_equal"] == list(broken(history, REPAIRER))


@pytest.mark.parametrize("blind", [(DEAF_AT, 512.0), (479.0, HEARS_AT), (700.0, 700.001)])
def test_blindness_told(history, blind):
    """A blind interval that begins before its gap, ends after it, or has none."""
    history.blind.append((ms(blind[0]), ms(blind[1])))

    assert ["blindness_told"] == list(broken(history, REPAIRER))


def test_blindness_told_of_single_frames(history):
    """A push that was not read, outside of all gaps."""
    history.pushes[1].was_read = False

    assert ["blindness_told"] == list(broken(history, REPAIRER))


@pytest.mark.parametrize(
    "at, notice",
    [
        (600.0, attrs.evolve(REPORT, gap_id=2)),
        (600.0, REPORT),
        (600.0, GAP),
        (503.0, change(StreamState.LIVE)),
        (600.0, attrs.evolve(GAP, gap_id=3)),
    ],
)
def test_gaps_paired(history, at, notice):
    """A gap that is closed without having been opened, or twice; opened twice; ignored by LIVE; numbered wrongly."""
    where = 5 if at < 510 else len(history.delivered)
    history.delivered.insert(where, (at, notice))

    assert "gaps_paired" in broken(history, REPAIRER)


def test_gaps_are_counted_anew_by_a_new_stream(history):
    """Which begins with the state STARTING."""
    history.delivered.insert(-1, (1000.0, change(StreamState.STOPPED)))
    history.delivered.insert(-1, (1001.0, change(StreamState.STARTING)))
    history.delivered.insert(-1, (1002.0, GAP))
    history.delivered.insert(-1, (1003.0, REPORT))

    assert [] == list(VALIDATORS["gaps_paired"](history, REPAIRER))
    assert [(REPORT.since_ms, REPORT.until_ms)] * 2 == history.announced


def test_a_death_ends_what_was_open(history):
    """The next process opens a gap of its own, and counts from the beginning."""
    opened = attrs.evolve(GAP, gap_id=2, since_ms=ms(990.0))
    restarted = attrs.evolve(GAP, since_ms=ms(980.0), cause=GapCause.RESTARTED)
    closed = attrs.evolve(REPORT, since_ms=ms(980.0), until_ms=ms(1101.0), cause=GapCause.RESTARTED)
    history.delivered[-1:-1] = [
        (1000.0, opened),
        (1001.0, Death()),
        (1100.0, change(StreamState.STARTING)),
        (1100.0, restarted),
        (1104.0, closed),
        (1104.0, change(StreamState.LIVE)),
    ]
    spans = [(GAP.since_ms, REPORT.until_ms), (ms(990.0), ms(1001.0)), (ms(980.0), ms(1101.0))]

    assert {} == broken(history, REPAIRER)
    assert spans == history.announced
    assert [(ms(1.0), ms(1001.0)), (ms(1104.0), ms(3600.0))] == history.lives


def test_a_gap_that_the_next_process_does_not_open_again(history):
    """After a death nothing is announced that is not announced anew."""
    history.blind.append((ms(1002.0), ms(1090.0)))
    history.delivered[-1:-1] = [(1001.0, Death()), (1100.0, change(StreamState.LIVE))]
    survivor = attrs.evolve(REPAIRER, survives_restart=True)

    assert {} == broken(history, REPAIRER)
    assert ["blindness_told"] == list(broken(history, survivor))


@pytest.mark.parametrize("end", [change(StreamState.STOPPED), change(StreamState.FAILED), Death()])
def test_proven_excuses_what_was_cut_short(history, end):
    """The end of a run closes what is open; a repair that ended without evidence is followed by something else."""
    unproven = attrs.evolve(REPORT, gap_id=2, proof="unproven")
    history.delivered[-1:-1] = [(1000.0, unproven), (1000.0, end)]
    excused = list(VALIDATORS["proven"](history, REPAIRER))
    history.delivered[-2] = (1000.0, change(StreamState.LIVE))

    assert [] == excused
    assert 1 == len(list(VALIDATORS["proven"](history, REPAIRER)))


def test_proven(history):
    """A gap without evidence, in weather that allows for it."""
    history.delivered[6] = (514.0, attrs.evolve(REPORT, proof="unproven"))

    assert ["proven"] == list(broken(history, REPAIRER))
    assert {} == broken(attrs.evolve(history, is_bad=True), REPAIRER)


@pytest.mark.parametrize("ages", [(45.1, 30.0, 0.0), (10.0, 150.1, 0.0), (10.0, 30.0, 150.1)])
def test_live_is_young(history, ages):
    """LIVE, though nothing was read, the key was not asked for, or nothing could be heard for too long."""
    history.looks.append(Look(700.0, StreamState.LIVE, *ages, 0.0))

    assert ["live_is_young"] == list(broken(history, REPAIRER))


def test_deafness_found(history):
    """LIVE for longer than it takes to find out, though nothing hindered it."""
    history.looks.append(Look(700.0, StreamState.LIVE, 10.0, 30.0, 74.0, 74.0))

    assert ["deafness_found"] == list(broken(history, REPAIRER))


@pytest.mark.parametrize(
    "closed, cause, hindered_until, names",
    [
        (1, GapCause.NO_ANSWER, 0.0, ["no_false_alarm"]),
        (2, GapCause.NO_ANSWER, 0.0, []),
        (1, GapCause.CONNECTION_LOST, 0.0, []),
        (1, GapCause.NO_ANSWER, 503.0, []),
    ],
)
def test_no_false_alarm(history, closed, cause, hindered_until, names):
    """A connection given up that worked; whether another one did is no matter."""
    history.note_gap(502.0, attrs.evolve(GAP, cause=cause), hindered_until, frozenset({1, 3}))
    history.note_closed(closed)
    history.note_closed(3)

    assert names == list(broken(history, REPAIRER))


def test_nothing_old_missing(history):
    """LIVE, a quarter of an hour after a fill that came only later."""
    history.delivered[1], history.delivered[2] = (100.1, told(SECOND)), (1200.0, told(FIRST, late=True))
    history.delivered.sort(key=lambda pair: pair[0])
    history.looks.insert(1, Look(1100.0, StreamState.LIVE, 10.0, 30.0, 0.0, 300.0))

    assert ["nothing_old_missing"] == list(broken(history, REPAIRER))


def test_healthy_after(history):
    """STALE, long after the last trouble."""
    history.looks.append(Look(1300.0, StreamState.STALE, 10.0, 30.0, 0.0, 300.0))

    assert ["healthy_after"] == list(broken(history, REPAIRER))


def test_healthy_after_a_hold_through_a_suspend(history):
    """A wait that the exchange asked for is over later when the machine sleeps meanwhile, and that is no fault."""
    history.asked[9] = attrs.evolve(history.asked[9], status=418, retry_after=59.0)
    history.looks.append(Look(1300.0, StreamState.STALE, 10.0, 30.0, 0.0, 300.0))
    history.sleeps = [(550.0, 1000.0)]

    assert [] == list(VALIDATORS["healthy_after"](history, REPAIRER))


@pytest.mark.parametrize(
    "extra", [[(700.0, 1001)], [(700.0 + n / 100, 1) for n in range(241)], [(540.0, 1), (541.0, 1)]]
)
def test_no_storm(history, extra):
    """Too much weight, too many requests, or one although the exchange said to wait."""
    status = 429 if len(extra) == 2 else 200
    history.asked += [
        Asked(at, ms(at), "GET", "/fapi/v1/time", weight, status, 60.0, was_heard=True) for at, weight in extra
    ]
    history.asked.sort(key=lambda asked: asked.at)

    assert ["no_storm"] == list(broken(history, REPAIRER))


def test_no_storm_of_handshakes(history):
    """More connections than anybody needs in a minute."""
    history.handshakes += [600.0 + number / 2 for number in range(61)]

    assert ["no_storm"] == list(broken(history, REPAIRER))


@pytest.mark.parametrize("later, expected", [(49.0, ["leaves_room"]), (51.0, [])])
def test_leaves_room(history, later, expected):
    """A read within a minute of the word that the address has used most of its weight."""
    crowded = Asked(700.0, ms(700.0), "GET", "/fapi/v1/openOrders", 40, 200, was_heard=True, used_weight=1_921)
    history.asked += [crowded, Asked(700.0 + later, ms(700.0 + later), "GET", "/fapi/v1/openOrders", 1, 200)]
    history.asked.sort(key=lambda asked: asked.at)

    assert expected == list(broken(history, REPAIRER))


def test_leaves_room_goes_by_the_last_word(history):
    """Which any answer may bring, also that to a probe."""
    crowded = Asked(700.0, ms(700.0), "GET", "/fapi/v1/openOrders", 1, 200, was_heard=True, used_weight=1_921)
    calm = Asked(710.0, ms(710.0), "PUT", "/fapi/v1/listenKey", 1, 200, was_heard=True, used_weight=40)
    history.asked += [crowded, calm, Asked(711.0, ms(711.0), "GET", "/fapi/v1/openOrders", 1, 200)]
    history.asked.sort(key=lambda asked: asked.at)

    assert [] == list(VALIDATORS["leaves_room"](history, REPAIRER))


@pytest.mark.parametrize("reads, expected", [(1, []), (2, ["leaves_room"])])
def test_leaves_room_for_one_proof_of_the_secret(history, reads, expected):
    """Whoever starts anew reads the balances once, whatever others use."""
    history.asked = [Asked(5.0, ms(5.0), "GET", "/fapi/v1/time", 1, 200, was_heard=True, used_weight=1_921)]
    history.asked += [
        Asked(6.0 + read, ms(6.0 + read), "GET", "/fapi/v3/balance", 5, 200, was_heard=True, used_weight=1_926)
        for read in range(reads)
    ]

    assert expected == list(dict.fromkeys("leaves_room" for _ in VALIDATORS["leaves_room"](history, REPAIRER)))


def test_leaves_room_asks_nobody_who_was_not_told(history):
    """A client that ended and starts anew."""
    crowded = Asked(3_590.0, ms(3_590.0), "GET", "/fapi/v1/openOrders", 1, 200, was_heard=True, used_weight=1_921)
    history.asked += [crowded, Asked(3_610.0, ms(3_610.0), "GET", "/fapi/v1/openOrders", 1, 200)]
    history.delivered.append((3_600.0, StateChanged(old=StreamState.LIVE, new=StreamState.STOPPED, reason="")))

    assert [] == list(VALIDATORS["leaves_room"](history, REPAIRER))


def test_quiet_at_rest(history):
    """An audit every minute, while nothing is traded."""
    history.asked += [Asked(at, ms(at), "GET", "/fapi/v1/openOrders", 40) for at in range(2700, 3600, 60)]

    assert ["quiet_at_rest"] == list(broken(history, REPAIRER))


@pytest.mark.parametrize("held_until, names", [(2_600.0, ["quiet_at_rest"]), (3_000.0, []), (3_550.0, [])])
def test_quiet_at_rest_from_when_the_exchange_wanted_requests_again(history, held_until, names):
    """A repair that had to wait comes in the first minutes after that; later on nothing does."""
    history.asked += [Asked(at, ms(at), "GET", "/fapi/v1/openOrders", 100) for at in range(3_010, 3_020)]
    held = attrs.evolve(history.asked[0], at=1_000.0, status=429, retry_after=held_until - 1_000.0, was_heard=True)

    history.asked.append(held)
    assert names == [name for name in broken(history, REPAIRER) if name == "quiet_at_rest"]


@pytest.mark.parametrize("secret", [API_KEY, API_SECRET, LISTEN_KEY, "signature=abc"])
def test_no_secret(history, secret):
    """In the log, and in what is delivered."""
    history.log.append(f"GET /fapi/v1/time?{secret}")

    assert ["no_secret"] == list(broken(history, REPAIRER))


def test_no_secret_in_an_event(history):
    """An expiry whose key is not masked."""
    history.delivered.append((700.0, ListenKeyExpired(raw={"listenKey": LISTEN_KEY})))

    assert ["no_secret"] == list(broken(history, REPAIRER))


@pytest.mark.parametrize("name", VALIDATORS)
def test_every_validator_is_tried(name):
    """Each has a test of its own here."""
    assert f"test_{name}" in globals()
