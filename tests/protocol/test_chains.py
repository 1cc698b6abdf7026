"""What was filled, by the exchange's own sums, against what came."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, List, Tuple

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from binance_uds.events.usdm import OrderTradeUpdate
from binance_uds.protocol.chains import ZERO, Break, Chains, OrderChain, PositionChain
from tests.protocol import told
from tests.protocol.told import BTC, ETH

#: When the account was read whole; everything in these tests comes after it.
GROUNDED_MS = 100
ORDER = (BTC, 1)
BOTH, LONG, SHORT = ((BTC, side) for side in ("BOTH", "LONG", "SHORT"))


def grounded() -> Chains:
    """Chains of an account that was read whole, and had nothing."""
    return Chains(GROUNDED_MS)


def filled(chains: Chains, *fills: OrderTradeUpdate) -> Chains:
    """The same after some fills."""
    for fill in fills:
        chains.fill(fill)
    return chains


def changed(chains: Chains, amount: Any, at_ms: int, key: Tuple[str, str] = BOTH, **how: bool) -> Chains:
    """The same after the exchange told what a position amounts to, because of a trade."""
    chains.position(key, Decimal(amount), at_ms, **{"is_from_order": True, **how})
    return chains


def shown(chains: Chains, total: Any, status: str = "NEW", *, at_ms: int, created_ms: int = 0) -> Chains:
    """The same after REST showed the order."""
    chains.order_row(told.order(total, status, at_ms=at_ms, execution_type=None), created_ms)
    return chains


def missing(chains: Chains) -> Decimal:
    """How much is missing of the one order."""
    return chains.orders[ORDER].missing


def amount(chains: Chains, at_ms: int = 10**15, key: Tuple[str, str] = BOTH) -> Decimal:
    """What a position is, by the fills that came."""
    return chains.positions[key].expected(at_ms)


# Orders


def test_an_order_whose_fills_came_is_whole():
    """From NEW to FILLED nothing is missing at any moment."""
    chains = grounded()
    chains.order(told.order(0, at_ms=110, quantity=Decimal(3)))

    assert OrderChain(good_ms=110, touched_ms=110, terms=(Decimal(3), None)) == chains.orders[ORDER]

    for trade_id, at_ms in ((1, 120), (2, 120), (3, 130)):
        filled(chains, told.fill(trade_id, 1, trade_id, at_ms=at_ms))
        assert (ZERO, trade_id, at_ms) == (missing(chains), chains.orders[ORDER].counted, chains.orders[ORDER].good_ms)
    assert [] == list(chains.breaks())


@pytest.mark.parametrize(
    "later",
    [
        lambda chains: chains.fill(told.fill(3, 1, 3, at_ms=140)),
        lambda chains: chains.order(told.order(2, "CANCELED", at_ms=140)),
        lambda chains: shown(chains, 2, at_ms=140),
    ],
    ids=["fill", "end", "row"],
)
def test_a_lost_fill_is_missed_at_the_next_word_about_its_order(later):
    """Whether the stream says it or REST: the break names the order, and when its sums agreed last."""
    chains = filled(grounded(), told.fill(1, 1, 1, at_ms=120))
    assert None is chains.broken_order(ORDER)

    later(chains)
    assert 1 == missing(chains)
    assert Break(BTC, 120, "1 of order 1") == chains.broken_order(ORDER)
    assert [chains.broken_order(ORDER)] == [one for one in chains.breaks() if "order" in one.what]

    filled(chains, told.found(2, 1, at_ms=130))
    assert None is chains.broken_order(ORDER)
    assert None is chains.broken_order((ETH, 1))


def test_an_order_whose_beginning_was_lost_is_broken():
    """After the account was read whole, what nobody told of is new: its first fill is missed at the second."""
    chains = filled(grounded(), told.fill(2, 1, 3, at_ms=120))

    assert Break(BTC, GROUNDED_MS, "2 of order 1") == chains.broken_order(ORDER)


@pytest.mark.parametrize("first", ["fill", "update"])
def test_before_the_account_was_read_what_is_met_is_believed(first):
    """What was filled before the stream began is nothing that could be missing."""
    chains = Chains()
    if first == "fill":
        chains.fill(told.fill(7, 1, 5, at_ms=50))
    else:
        chains.order(told.order(5, "PARTIALLY_FILLED", at_ms=50, execution_type="AMENDMENT"))

    assert ZERO == missing(chains)
    assert 5 == chains.orders[ORDER].counted

    filled(chains, told.fill(8, 2, 7, at_ms=60))
    assert (ZERO, 7) == (missing(chains), chains.orders[ORDER].counted)


def test_what_was_in_the_base_is_not_counted_again():
    """A fill of before then may be read by REST, or come late; counted twice it would hide a missing one."""
    chains = filled(Chains(), told.fill(7, 1, 5, at_ms=50))
    filled(chains, told.fill(6, 1, 4, at_ms=50), told.found(5, 3, at_ms=40))

    assert 5 == chains.orders[ORDER].counted

    chains.fill(told.fill(9, 1, 7, at_ms=70))
    assert 1 == missing(chains)


def test_what_rest_tells_late_of_before_the_account_was_read_is_believed():
    """It had not shown it in full, and no fill of that time is asked for; what is told of later is counted."""
    chains = shown(shown(grounded(), 3, at_ms=80), 4, at_ms=90)
    assert (ZERO, 4, 90) == (missing(chains), chains.orders[ORDER].counted, chains.orders[ORDER].good_ms)

    shown(filled(chains, told.fill(6, 1, 5, at_ms=110)), 4, at_ms=95)
    assert (ZERO, 5) == (missing(chains), chains.orders[ORDER].counted)


@pytest.mark.parametrize("created_ms", [0, GROUNDED_MS - 1])
def test_an_order_placed_before_the_account_was_read_is_believed(created_ms):
    """What it had filled by then is in its row; what is filled later is counted."""
    chains = shown(grounded(), 4, at_ms=90, created_ms=created_ms)

    assert OrderChain(Decimal(4), 90, Decimal(4), Decimal(4), 90, 90) == chains.orders[ORDER]

    filled(chains, told.found(3, 1, at_ms=90), told.fill(4, 1, 5, at_ms=120))
    assert (ZERO, 5) == (missing(chains), chains.orders[ORDER].counted)


@pytest.mark.parametrize("is_grounded", [True, False])
def test_an_order_placed_since_is_not(is_grounded):
    """The stream should have told its fills; before the account was read whole nobody knows that."""
    chains = shown(Chains(GROUNDED_MS if is_grounded else None), 4, at_ms=130, created_ms=GROUNDED_MS)

    assert (4 if is_grounded else 0) == missing(chains)
    assert (Break(BTC, GROUNDED_MS, "4 of order 1") if is_grounded else None) == chains.broken_order(ORDER)


def test_a_row_that_is_older_than_the_stream_takes_nothing_back():
    """Rows and frames come in any order: what was claimed only grows, and an end is final."""
    chains = filled(grounded(), told.fill(1, 1, 1, at_ms=120, status="PARTIALLY_FILLED"))
    chains.order(told.order(1, "CANCELED", at_ms=130))
    shown(chains, 0, "NEW", at_ms=110)

    assert OrderChain(ZERO, 0, Decimal(1), Decimal(1), 130, 130, False) == chains.orders[ORDER]


@pytest.mark.parametrize("total", [None, 2])
def test_the_sums_agree_when_a_total_says_so(total):
    """A fill that REST tells without one may have others before it that are missing."""
    chains = filled(grounded(), told.fill(1, 1, 1, at_ms=120), told.found(2, 1, total=total, at_ms=130))

    assert (120 if total is None else 130) == chains.orders[ORDER].good_ms
    assert 130 == chains.orders[ORDER].touched_ms


@pytest.mark.parametrize("status", ["FILLED", "CANCELED", "EXPIRED", "EXPIRED_IN_MATCH", "REJECTED"])
def test_an_order_is_open_until_its_end(status):
    """By its status: the last word that only REST says is one, too."""
    chains = grounded()
    chains.order(told.order(0, at_ms=110))
    assert chains.orders[ORDER].is_open

    shown(chains, 0, status, at_ms=120)
    assert not chains.orders[ORDER].is_open

    chains.order(told.order(0, "NEW", at_ms=130))
    assert not chains.orders[ORDER].is_open


@pytest.mark.parametrize(("quantity", "is_open"), [(2, False), (3, True), (0, True), (None, True)])
def test_an_order_that_is_filled_up_is_over_whatever_its_status(quantity, is_open):
    """A liquidation says NEW although it executed; an order that closes a whole position has the quantity 0."""
    fill = told.fill(1, 2, 2, at_ms=120, status="NEW", quantity=None if quantity is None else Decimal(quantity))
    chains = filled(grounded(), fill)

    assert is_open is chains.orders[ORDER].is_open


def test_the_newest_terms_count():
    """Those that an amendment brought, whatever older row or frame follows; what tells none changes none."""
    chains = grounded()
    chains.order(told.order(at_ms=110, quantity=Decimal(5), price=Decimal(9)))
    chains.order(told.order(at_ms=130, quantity=Decimal(4), price=Decimal(8)))
    chains.order(told.order(at_ms=120, quantity=Decimal(5), price=Decimal(9)))
    filled(chains, told.fill(1, 1, 1, at_ms=140))

    assert (Decimal(4), Decimal(8)) == chains.orders[ORDER].terms


def test_an_order_that_the_exchange_does_not_know_is_over():
    """Nothing more is expected of it; of one that was never told of there is nothing to note."""
    chains = filled(grounded(), told.fill(1, 1, 1, at_ms=120))
    chains.order_ended(ORDER)
    chains.order_ended((ETH, 9))

    assert not chains.orders[ORDER].is_open
    assert [ORDER] == list(chains.orders)


def test_what_was_looked_for_in_vain_is_believed():
    """Of that symbol alone; what was missing may still come late, and is then no surplus."""
    chains = filled(grounded(), told.fill(1, 1, 1, at_ms=120), told.fill(3, 1, 3, at_ms=130))
    filled(chains, told.fill(1, 1, 2, at_ms=130, symbol=ETH), told.fill(1, 1, 1, at_ms=130, order_id=2))
    chains.rebase(BTC)

    assert OrderChain(Decimal(3), 130, Decimal(3), Decimal(3), 130, 130) == chains.orders[ORDER]
    assert OrderChain(ZERO, 0, Decimal(1), Decimal(1), 130, 130) == chains.orders[BTC, 2]
    assert 1 == chains.orders[ETH, 1].missing

    filled(chains, told.fill(2, 1, 2, at_ms=125), told.fill(5, 1, 5, at_ms=140))
    assert 1 == missing(chains)


def test_orders_that_ended_are_forgotten_when_audited():
    """What stands open is kept however old it is, and so is what ended since."""
    chains = grounded()
    for order_id, at_ms, status in ((1, 120, "CANCELED"), (2, 120, "NEW"), (3, 130, "CANCELED")):
        chains.order(told.order(0, status, at_ms=at_ms, order_id=order_id))
    chains.forget_before(130)

    assert [(BTC, 2), (BTC, 3)] == list(chains.orders)


def test_what_a_payload_left_out_breaks_nothing():
    """Fields that are absent or malformed are None: nothing is counted of them, and nothing claimed."""
    bare = {"trade_time_ms": None, "transaction_time_ms": None, "position_side": None}
    chains = filled(grounded(), told.fill(1, last_filled_quantity=None, **bare))
    chains.order(told.order(filled_quantity=None, **bare))
    chains.order(told.order(filled_quantity=None, order_id=2, **bare))
    chains.order_row(told.order(filled_quantity=None, order_id=3, **bare), 0)

    assert [] == list(chains.breaks())
    assert [ZERO] * 3 == [chain.claimed for chain in chains.orders.values()]


#: The fills of an order, and in which ways each is told: by the stream, or read by REST with its total or without.
FILLS = st.lists(st.tuples(st.integers(1, 3), st.sampled_from(["stream", "found", "summed"])), min_size=1, max_size=6)


def words_about(fills: List[Tuple[int, str]]) -> Tuple[List[OrderTradeUpdate], List[OrderTradeUpdate]]:
    """The fills of one order, and what is said of its total in between."""
    total, events, sums = 0, [], []
    for trade_id, (quantity, way) in enumerate(fills, 1):
        total += quantity
        at_ms = 110 + trade_id // 2
        if way == "stream":
            events.append(told.fill(trade_id, quantity, total, at_ms=at_ms))
        else:
            events.append(told.found(trade_id, quantity, total=total if way == "summed" else None, at_ms=at_ms))
        sums.append(told.order(total, "PARTIALLY_FILLED", at_ms=at_ms))
    return events, sums


def tell(chains: Chains, event: OrderTradeUpdate, *, by_rest: bool = False) -> None:
    """Tell the chains of a fill, or of a total."""
    if event.is_fill:
        chains.fill(event)
    elif by_rest:
        chains.order_row(event, GROUNDED_MS)
    else:
        chains.order(event)


@given(FILLS, st.data())
def test_once_every_fill_came_nothing_is_missing(fills, data):
    """In whatever order fills, updates and rows come, and by whichever way."""
    events, sums = words_about(fills)
    said = data.draw(st.lists(st.sampled_from(sums), max_size=4))
    chains = grounded()
    for event in data.draw(st.permutations([*events, *said])):
        tell(chains, event, by_rest=data.draw(st.booleans()))

    assert ZERO == missing(chains)
    assert sum(quantity for quantity, _ in fills) == chains.orders[ORDER].counted


@given(FILLS, st.data())
def test_while_one_fill_is_missing_a_later_word_shows_it(fills, data):
    """By just its quantity, whatever else was told before and in whatever order."""
    events, sums = words_about(fills)
    lost = data.draw(st.integers(0, len(fills) - 1))
    said = data.draw(st.lists(st.sampled_from(sums), max_size=4))
    chains = grounded()
    for event in data.draw(st.permutations([*(event for event in events if event is not events[lost]), *said])):
        tell(chains, event, by_rest=data.draw(st.booleans()))
    tell(chains, sums[-1], by_rest=data.draw(st.booleans()))

    assert fills[lost][0] == missing(chains)
    if all(way == "stream" for _, way in fills):
        assert chains.orders[ORDER].good_ms <= events[lost].transaction_time_ms

    chains.fill(events[lost])
    assert ZERO == missing(chains)


@given(FILLS, st.integers(0, 6), st.data())
def test_an_order_met_half_way_is_counted_from_there(fills, known, data):
    """What was filled by the time the account was read is in its row, and no fill of before is counted twice."""
    events, sums = words_about([(quantity, "stream") for quantity, _ in fills])
    known = min(known, len(fills))
    # A row has all fills of its moment.
    while 0 < known < len(fills) and sums[known].transaction_time_ms == sums[known - 1].transaction_time_ms:
        known += 1
    chains = Chains(110)
    chains.order_row(sums[known - 1] if known else told.order(at_ms=109), 109)
    for event in data.draw(st.permutations(events)):
        is_found = data.draw(st.booleans())
        chains.fill(attrs.evolve(event, filled_quantity=None, origin="rest") if is_found else event)

    assert ZERO == missing(chains)
    assert sum(quantity for quantity, _ in fills) == chains.orders[ORDER].counted


# Positions


# Positions


def test_a_position_follows_its_fills():
    """A sale takes away, and what the account update says agrees."""
    chains = changed(filled(grounded(), told.fill(1, 3, at_ms=110)), 3, 110)
    changed(filled(chains, told.fill(2, 5, at_ms=120, side="SELL")), -2, 120)

    assert PositionChain(Decimal(-2), 120) == chains.positions[BOTH]
    assert None is chains.broken_position(BOTH)
    assert None is chains.broken_position((ETH, "BOTH"))


def test_the_sides_of_a_hedge_are_positions_of_their_own():
    """A short one is negative; the row of BOTH comes with each of them and stays at 0."""
    chains = filled(
        grounded(),
        told.fill(1, 3, at_ms=110, position_side="LONG"),
        told.fill(2, 2, at_ms=110, position_side="SHORT", side="SELL"),
    )
    for key, told_amount in ((BOTH, 0), (LONG, 3), (BOTH, 0), (SHORT, -2)):
        changed(chains, told_amount, 110, key)

    assert (0, 3, -2) == (amount(chains), amount(chains, key=LONG), amount(chains, key=SHORT))
    assert [] == [one for one in chains.breaks() if "position" in one.what]

    changed(chains, -3, 120, SHORT)
    assert Break(BTC, 110, "the SHORT position") == chains.broken_position(SHORT)
    assert [chains.broken_position(SHORT)] == [one for one in chains.breaks() if "position" in one.what]


def test_a_row_that_is_older_than_the_stream_changes_nothing():
    """Neither when it agrees nor when it does not."""
    chains = changed(filled(grounded(), told.fill(1, 1, at_ms=110)), 1, 110)
    changed(changed(chains, 0, 109, is_whole=True), 7, 109, is_whole=True)

    assert PositionChain(Decimal(1), 110) == chains.positions[BOTH]


def test_a_position_is_grounded_where_its_row_stands():
    """One that REST had not shown in full when the connection was taken into use is put right, no other."""
    chains = grounded()
    chains.ground_position(BOTH, Decimal(1), 80)
    chains.ground_position(BOTH, Decimal(2), 90)
    chains.ground_position(BOTH, Decimal(3), 90)
    chains.ground_position(BOTH, Decimal(4), 110)

    assert PositionChain(Decimal(2), 90, is_whole=True) == chains.positions[BOTH]

    ungrounded = Chains()
    ungrounded.ground_position(BOTH, Decimal(1), 80)
    ungrounded.ground_position(BOTH, Decimal(2), 90)
    assert PositionChain(Decimal(1), 80, is_whole=True) == ungrounded.positions[BOTH]


def test_a_position_that_was_closed_before_the_stream_began_is_told_by_its_absence():
    """REST had shown it at first: nothing came of it since, and it is not shown any more."""
    chains = grounded()
    for symbol, at_ms, row_amount in (("GONE", 90, 1), ("SHOWN", 90, 1), ("FLAT", 90, 0), ("TRADED", 90, 1)):
        chains.ground_position((symbol, "BOTH"), Decimal(row_amount), at_ms)
    filled(chains, told.fill(1, 1, at_ms=110, symbol="TRADED"))
    changed(filled(chains, told.fill(1, 1, at_ms=110, symbol="NEW")), 1, 110, ("NEW", "BOTH"))

    assert [("GONE", "BOTH")] == chains.flat_since_before([("SHOWN", "BOTH"), ("ELSE", "BOTH")])
    assert [] == Chains(positions=chains.positions).flat_since_before([])


def test_a_fill_read_of_the_very_millisecond_of_an_amount_may_be_in_it_or_not():
    """A cut connection told half of a burst: either sum explains what the exchange says next, no other does."""
    for amount, is_explained in ((3, True), (4, True), (5, False)):
        chains = changed(filled(grounded(), told.fill(1, 2, 2, at_ms=120)), 2, 120)
        filled(chains, told.found(2, 1, at_ms=120), told.fill(3, 1, 4, at_ms=130))
        changed(chains, amount, 130)

        assert is_explained is (chains.broken_position(BOTH) is None)


def test_a_claim_is_doubted_until_its_fill_comes():
    """What the fills did not agree with when it came is looked at again; the position's break begins at its base."""
    chains = changed(grounded(), 2, 120)
    assert chains.is_doubtful(BOTH)
    assert [Break(BTC, GROUNDED_MS, "the BOTH position")] == list(chains.breaks())
    assert Break(BTC, GROUNDED_MS, "the BOTH position") == chains.broken_position(BOTH)

    filled(chains, told.fill(1, 2, 2, at_ms=110))
    assert (None, []) == (chains.broken_position(BOTH), list(chains.breaks()))
    assert None is chains.broken_position((ETH, "BOTH"))


def test_a_claim_that_was_looked_for_in_vain_is_believed():
    """Of that symbol alone."""
    chains = changed(changed(grounded(), 2, 120), 2, 120, (ETH, "BOTH"))
    chains.rebase(BTC)

    assert Decimal(2) == amount(chains)
    assert [ETH] == [broken.symbol for broken in chains.breaks()]


def test_a_row_that_agrees_settles_a_position():
    """Unless it is older than the last word, or of a position nobody told of."""
    chains = filled(grounded(), told.fill(1, 2, 2, at_ms=120))
    chains.settle_position(BOTH, Decimal(2), 130)
    chains.settle_position(BOTH, Decimal(9), 125)
    chains.settle_position((ETH, "BOTH"), Decimal(9), 125)

    assert Decimal(2) == amount(chains)
    assert (130, True) == (chains.positions[BOTH].base_ms, chains.positions[BOTH].is_whole)
    assert [BOTH] == list(chains.positions)


def test_before_the_first_look_a_fill_alone_begins_no_position():
    """Nobody knows what it is added to."""
    assert {} == filled(Chains(), told.fill(1, 2, 2, at_ms=120)).positions
