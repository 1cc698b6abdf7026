"""What makes two events the same, and which were delivered."""

from __future__ import annotations

import random
import tracemalloc
from decimal import Decimal

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from binance_uds.events import usdm
from binance_uds.events.usdm import EVENTS
from binance_uds.events.usdm_rows import TradeRow
from binance_uds.protocol.identity import Delivered, fill_id, identity, position_of
from tests.protocol import told
from tests.protocol.told import BTC, ETH

MINUTE_MS = 60_000

STRATEGY = usdm.StrategyUpdate(strategy_id=1, symbol=BTC, update_time_ms=5, status="WORKING", operation="8001")
GRID = usdm.GridUpdate(strategy_id=1, symbol=BTC, update_time_ms=5, status="WORKING")
REJECT = usdm.ConditionalOrderTriggerReject(symbol=BTC, order_id=7, transaction_time_ms=5)
MARGIN_CALL = usdm.MarginCall(
    event_time_ms=5, positions=(usdm.MarginCallPosition(symbol=BTC, position_side="LONG", amount=Decimal(1)),)
)
LEVERAGE = usdm.AccountConfigUpdate(transaction_time_ms=5, symbol=BTC, leverage=10)
MULTI_ASSETS = usdm.AccountConfigUpdate(transaction_time_ms=5, is_multi_assets_mode=True)
ACCOUNT = told.account(told.balance(5), told.balance(7, "BNB"), told.position(1), told.position(2, ETH), at_ms=5)
AMENDED = told.order(1, "PARTIALLY_FILLED", execution_type="AMENDMENT", quantity=Decimal(3), price=Decimal(9))
ROW = TradeRow(
    symbol=BTC,
    trade_id=9,
    order_id=1,
    side="BUY",
    last_filled_quantity=Decimal(1),
    last_filled_price=Decimal(5),
    trade_time_ms=5,
)

#: Each event, and changes that make another one of it.
DIFFERENCES = [
    (AMENDED, {"symbol": ETH}),
    (AMENDED, {"order_id": 2}),
    (AMENDED, {"execution_type": "CANCELED"}),
    (AMENDED, {"status": "NEW"}),
    (AMENDED, {"filled_quantity": Decimal(2)}),
    (AMENDED, {"transaction_time_ms": 2}),
    (AMENDED, {"quantity": Decimal(4)}),
    (AMENDED, {"price": Decimal(8)}),
    (AMENDED, {"modify_id": "again"}),
    (told.lite(3), {"symbol": ETH}),
    (told.lite(3), {"order_id": 2}),
    (told.lite(3), {"trade_id": 4}),
    (ACCOUNT, {"transaction_time_ms": 6}),
    (ACCOUNT, {"reason": "FUNDING_FEE"}),
    (ACCOUNT, {"balances": ACCOUNT.balances[:1]}),
    (ACCOUNT, {"positions": ()}),
    (LEVERAGE, {"transaction_time_ms": 6}),
    (LEVERAGE, {"symbol": ETH}),
    (LEVERAGE, {"leverage": 20}),
    (MULTI_ASSETS, {"is_multi_assets_mode": False}),
    (told.algo(), {"algo_id": 2}),
    (told.algo(), {"status": "TRIGGERED"}),
    (told.algo(), {"transaction_time_ms": 2}),
    (told.algo(is_trailing_activated=False), {"is_trailing_activated": True}),
    (told.algo(filled_quantity=Decimal(1)), {"filled_quantity": Decimal(2)}),
    (REJECT, {"order_id": 8}),
    (REJECT, {"transaction_time_ms": 6}),
    (MARGIN_CALL, {"event_time_ms": 6}),
    (MARGIN_CALL, {"positions": ()}),
    (STRATEGY, {"strategy_id": 2}),
    (STRATEGY, {"update_time_ms": 6}),
    (STRATEGY, {"status": "EXPIRED"}),
    (STRATEGY, {"operation": "8002"}),
    (GRID, {"strategy_id": 2}),
    (GRID, {"update_time_ms": 6}),
    (GRID, {"status": "EXPIRED"}),
]
ONE_OF_EACH = [AMENDED, told.lite(3), ACCOUNT, LEVERAGE, told.algo(), REJECT, MARGIN_CALL, STRATEGY, GRID]


# What is the same


@pytest.mark.fault(59)
def test_a_fill_is_known_by_symbol_order_and_trade():
    """Both legs of a self-trade share the trade id, so that alone is not enough."""
    assert (BTC, 1, 9) == fill_id(told.fill(9))
    assert 3 == len({fill_id(told.fill(9)), fill_id(told.fill(9, order_id=2)), fill_id(told.fill(9, symbol=ETH))})
    assert fill_id(told.fill(9, 1, at_ms=1)) == fill_id(told.found(9, 2, at_ms=2))
    assert (BTC, 1, 0) == fill_id(told.fill(None))
    assert fill_id(told.fill(9)) == fill_id(told.lite(9)) == fill_id(ROW)


def test_a_fill_changes_the_position_of_its_side():
    """The only one of its symbol where it names none."""
    assert (BTC, "BOTH") == position_of(told.fill(9)) == position_of(ROW)
    assert (BTC, "LONG") == position_of(told.fill(9, position_side="LONG"))
    assert (BTC, "SHORT") == position_of(attrs.evolve(ROW, position_side="SHORT"))


def test_every_event_but_the_expiry_has_an_identity():
    """What the market sends can be compared with copies; of expiries every notice is told."""
    assert {*EVENTS} - {usdm.ListenKeyExpired} == {type(event) for event in ONE_OF_EACH}
    assert len(ONE_OF_EACH) == len({identity(event) for event in ONE_OF_EACH})


@pytest.mark.parametrize(("event", "changes"), DIFFERENCES)
def test_what_says_something_else_is_another_event(event, changes):
    """Each thing an event says tells it from others."""
    assert identity(event) != identity(attrs.evolve(event, **changes))


@pytest.mark.parametrize("event", ONE_OF_EACH, ids=lambda event: type(event).__name__)
def test_a_copy_on_another_connection_is_the_same_event(event):
    """What is added on the way, and where it came from, does not count; the push time only where it is all there is."""
    copy = attrs.evolve(event, raw={"e": "other"}, late=True)
    pushed_later = attrs.evolve(copy, event_time_ms=9)

    assert identity(event) == identity(copy)
    assert (event is not MARGIN_CALL) is (identity(event) == identity(pushed_later))


def test_the_rows_of_an_account_update_have_no_order():
    """Nothing says that two connections list them alike, nor with as many digits."""
    other = attrs.evolve(ACCOUNT, balances=ACCOUNT.balances[::-1], positions=ACCOUNT.positions[::-1])
    padded = told.account(*ACCOUNT.balances[1:], told.balance("5.00"), *ACCOUNT.positions, at_ms=5)

    assert identity(ACCOUNT) == identity(other) == identity(padded)


# What was delivered


def test_an_account_may_be_as_before_within_a_millisecond():
    """A trade and its opposite: the same is told again with something else in between, and that is no copy."""
    delivered = Delivered()
    words = [told.account(told.position(amount)) for amount in (6, 0, 0, 4, 4, 0, 0)]

    assert [True, True, False, True, False, True, False] == [delivered.add(word, connection=1) for word in words]
    # Another connection tells the same, and an older copy is one all the same.
    assert [False] * 7 == [delivered.add(word, connection=2) for word in words]
    assert delivered.add(told.account(told.position(0), at_ms=7), connection=1)
    assert [False] * 7 == [delivered.add(word, connection=1) for word in words]


def test_connections_that_are_gone_are_forgotten():
    """A stream has a new one every day, or more often."""
    delivered = Delivered()
    for connection in range(100):
        delivered.add(told.account(told.position(1)), connection)

    assert len(delivered._moments) < 10


def test_an_event_is_new_once():
    """Of each kind: the second copy is none."""
    delivered = Delivered()

    assert [True] * len(ONE_OF_EACH) == [delivered.add(event) for event in ONE_OF_EACH]
    assert [False] * len(ONE_OF_EACH) == [delivered.add(attrs.evolve(event)) for event in ONE_OF_EACH]


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("row", [told.position, told.balance])
def test_amounts_of_one_and_two_are_not_mistaken_for_each_other(row, sign):
    """Python hashes -1 and -2 alike; a short position that grows within a millisecond says just these."""
    delivered = Delivered()

    assert [True, True] == [delivered.add(told.account(row(sign * amount))) for amount in (1, 2)]


@given(st.lists(st.integers(1, 10 * MINUTE_MS), min_size=1, max_size=40).map(sorted))
def test_events_are_remembered_for_two_minutes(times_ms):
    """Only overlapping connections tell twice, and they do not differ by more."""
    delivered = Delivered()
    for place, at_ms in enumerate(times_ms):
        delivered.add(told.algo(at_ms=at_ms, algo_id=place))

        assert not any(
            delivered.add(told.algo(at_ms=then_ms, algo_id=before))
            for before, then_ms in enumerate(times_ms[: place + 1])
            if then_ms >= at_ms - 2 * MINUTE_MS
        )


def test_events_are_forgotten_after_twice_as_long():
    """Memory stays bounded, by what comes within four minutes."""
    delivered = Delivered()
    for minute in range(1, 6):
        delivered.add(told.algo(at_ms=minute * MINUTE_MS + minute))

    assert delivered.add(told.algo(at_ms=MINUTE_MS + 1))
    assert 4 >= len(delivered._said | delivered._said_before)


def test_an_event_without_a_time_is_forgotten_with_those_that_came_with_it():
    """A margin call has a push time alone, and a strategy update may have lost both of its times."""
    delivered = Delivered()
    undated = attrs.evolve(STRATEGY, transaction_time_ms=None, event_time_ms=None)
    delivered.add(undated)

    assert not delivered.add(undated)

    for minute in (10, 13, 16):
        delivered.add(attrs.evolve(MARGIN_CALL, event_time_ms=minute * MINUTE_MS))

    assert delivered.add(undated)
    assert not delivered.add(undated)


def test_a_fill_is_new_once():
    """Each leg of a self-trade by itself."""
    delivered = Delivered()
    fills = [(BTC, 1, 9), (BTC, 2, 9), (ETH, 1, 9)]

    assert [False] * 3 == [delivered.has_fill(one, 5) for one in fills]
    assert [True] * 3 == [delivered.add_fill(one, 5) for one in fills]
    assert [False] * 3 == [delivered.add_fill(one, 5) for one in fills]
    assert [True] * 3 == [delivered.has_fill(one, 5) for one in fills]
    assert [(one, 5) for one in fills] == list(delivered.all_fills())


def test_fills_of_a_symbol_are_told_from_a_moment_on():
    """With their times, that moment included."""
    delivered = Delivered()
    for trade_id, time_ms in ((1, 10), (2, 20), (3, 30)):
        delivered.add_fill((BTC, 7, trade_id), time_ms)

    assert [((BTC, 7, 2), 20), ((BTC, 7, 3), 30)] == list(delivered.fills_since(BTC, 20))
    assert [] == list(delivered.fills_since(ETH, 0))


def test_what_was_delivered_long_ago_is_forgotten_and_not_asked_for():
    """From then on a row of before the floor counts as delivered, and the floor never sinks."""
    delivered = Delivered(5)
    for trade_id, time_ms in ((1, 10), (2, 20)):
        delivered.add_fill((BTC, 7, trade_id), time_ms)
    delivered.add_fill((ETH, 7, 1), 10)
    delivered.forget_before(20)
    delivered.forget_before(15)

    assert 20 == delivered.floor_ms
    assert [((BTC, 7, 2), 20)] == list(delivered.all_fills())
    assert delivered.has_fill((BTC, 7, 99), 19)
    assert not delivered.has_fill((BTC, 7, 99), 20)
    assert delivered.has_fill((BTC, 7, 2), 20)


@pytest.mark.fault(58)
@given(
    st.lists(st.tuples(st.integers(0, 20), st.sampled_from(["fill", "copy", "audit"]), st.integers(0, 99)), max_size=60)
)
def test_no_fill_passes_twice_however_copies_and_audits_are_mixed(steps):
    """As long as audits stay behind by more than copies are late, no copy passes, and no fill is taken for one."""
    delivered, now_ms, lag_ms = Delivered(), 0, 30
    fills: list[tuple[tuple[str, int, int], int]] = []
    for passed_ms, deed, number in steps:
        now_ms += passed_ms
        recent = [copy for copy in fills if copy[1] >= now_ms - lag_ms]
        if deed == "audit":
            delivered.forget_before(now_ms - lag_ms)
        elif deed == "copy" and recent:
            copied, time_ms = recent[number % len(recent)]
            assert not delivered.add_fill(copied, time_ms)
            assert delivered.has_fill(copied, time_ms)
        else:
            fills.append((([BTC, ETH][number % 2], number, len(fills)), now_ms))
            assert not delivered.has_fill(*fills[-1])
            assert delivered.add_fill(*fills[-1])

        kept = [time_ms for symbol in (BTC, ETH) for _, time_ms in delivered.fills_since(symbol, 0)]
        assert sorted(kept) == [time_ms for _, time_ms in fills if time_ms >= delivered.floor_ms]


def test_a_fill_that_is_kept_takes_a_quarter_of_a_kilobyte():
    """As the class says: 250 MB for a million fills between two audits, and nothing once they are forgotten."""
    delivered, chance = Delivered(), random.Random(1)
    tracemalloc.start()
    try:
        for trade_id in range(100_000):
            delivered.add_fill((BTC, 10**9 + chance.randrange(10**6), 10**9 + trade_id), 10**12 + trade_id)
        kept, _ = tracemalloc.get_traced_memory()
        delivered.forget_before(2 * 10**12)
        left, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert 150 < kept / 100_000 < 300
    assert left < kept / 100
