"""What was filled, by the exchange's own sums, against what came."""

from __future__ import annotations

import itertools
from decimal import Decimal
from typing import Any, Iterable, Iterator, List, Optional, Tuple

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from binance_uds.events.base import FROM_REST
from binance_uds.events.usdm import OrderTradeUpdate
from binance_uds.protocol.ledger.chains import ZERO, Break, Chains, Claim, OrderChain, PositionChain
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
    """The same after some fills, told by the stream or read by REST."""
    for fill in fills:
        chains.fill(fill)
    if any(fill.origin == FROM_REST for fill in fills):
        chains.fills_found()
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


@pytest.mark.fault(61)
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


@pytest.mark.fault(62)
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


@pytest.mark.parametrize("status, is_open", [("NEW", True), ("CANCELED", False)])
def test_an_order_that_the_exchange_did_not_know_may_be_told_of_again(status, is_open):
    """REST was behind: its row says whether it is over, and the fills that came count as before."""
    chains = filled(grounded(), told.fill(1, 1, 1, at_ms=120))
    chains.order_ended(ORDER)
    filled(chains, told.found(2, 1, at_ms=121))
    assert chains.orders[ORDER].is_lost

    chains.order(told.order(2, status, at_ms=130))
    chain = chains.orders[ORDER]
    assert (is_open, False, 2) == (chain.is_open, chain.is_lost, chain.counted)


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
        chains.fill(attrs.evolve(event, filled_quantity=None, origin=FROM_REST) if is_found else event)

    assert ZERO == missing(chains)
    assert sum(quantity for quantity, _ in fills) == chains.orders[ORDER].counted


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


def test_a_fill_may_come_after_the_account_update():
    """The two are of different types, and overtake each other: the claim is settled when the fill comes."""
    chains = changed(grounded(), 2, 110)
    assert Break(BTC, GROUNDED_MS, "the BOTH position") == chains.broken_position(BOTH)

    filled(chains, told.fill(1, 2, at_ms=110))
    assert PositionChain(Decimal(2), 110) == chains.positions[BOTH]


#: Two fills of one millisecond, and what is told of the position after each; fills keep their order, and so do amounts.
BURST = ("fill 1", "fill 2", "amount 1", "amount 2")
BURST_ORDERS = [
    words
    for words in itertools.permutations(BURST)
    if words.index("fill 1") < words.index("fill 2") and words.index("amount 1") < words.index("amount 2")
]


def tell_of_burst(chains: Chains, word: str, **changes: Any) -> None:
    """Tell one thing of a burst at 110."""
    kind, number = word.split()
    if kind == "fill":
        chains.fill(told.fill(int(number), 1, at_ms=110, **changes))
    else:
        changed(chains, number, 110)


@pytest.mark.parametrize("words", BURST_ORDERS, ids=", ".join)
def test_fills_of_one_millisecond_come_in_any_order_with_the_updates(words):
    """Fills keep their order and so do amounts; how the two are mixed does not matter."""
    chains = grounded()
    for word in words:
        tell_of_burst(chains, word)

    assert PositionChain(Decimal(2), 110) == chains.positions[BOTH]

    changed(filled(chains, told.fill(3, 1, at_ms=120)), 3, 120)
    assert None is chains.broken_position(BOTH)


def test_a_burst_that_a_cut_connection_told_half_is_completed_by_rest():
    """The fill that was read is none of those that the amount of the same millisecond had already."""
    chains = changed(filled(grounded(), told.fill(1, 1, at_ms=110)), 1, 110)

    assert 2 == chains.positions[BOTH].expected(110, [(110, Decimal(1))])

    filled(chains, told.found(2, 1, at_ms=110))
    changed(chains, 2, 110, is_whole=True)
    assert PositionChain(Decimal(2), 110, is_whole=True) == chains.positions[BOTH]


def test_a_row_shows_what_a_burst_lacks():
    """REST has all fills of its millisecond: the second of two, whose frames were all lost, is missed."""
    chains = changed(filled(grounded(), told.fill(1, 1, at_ms=110)), 1, 110)
    changed(chains, 2, 110, is_whole=True)

    # The amount of that moment may have agreed by chance, so it proves nothing any more.
    assert Break(BTC, GROUNDED_MS, "the BOTH position") == chains.broken_position(BOTH)

    filled(chains, told.found(2, 1, at_ms=110))
    assert None is chains.broken_position(BOTH)


@pytest.mark.parametrize("words", BURST_ORDERS, ids=", ".join)
def test_a_row_may_be_ahead_of_the_stream(words):
    """It has everything of its moment; what the frames say of that later is in it, the half of a burst as well."""
    chains = grounded()
    chains.ground_position(BOTH, Decimal(2), 110)
    for word in words:
        tell_of_burst(chains, word)

    assert PositionChain(Decimal(2), 110, is_whole=True) == chains.positions[BOTH]


def test_a_row_that_is_older_than_the_stream_changes_nothing():
    """Neither when it agrees nor when it does not."""
    chains = changed(filled(grounded(), told.fill(1, 1, at_ms=110)), 1, 110)
    changed(changed(chains, 0, 109, is_whole=True), 7, 109, is_whole=True)

    assert PositionChain(Decimal(1), 110) == chains.positions[BOTH]


def test_an_older_amount_that_agrees_settles_no_newer_claim():
    """REST may lag: what it showed before the loss is no witness against it."""
    chains = changed(filled(grounded(), told.fill(1, 1, at_ms=110)), 3, 120)
    changed(chains, 1, 110, is_whole=True)

    assert PositionChain(Decimal(1), 110, True, [], [Claim(120, Decimal(3))], Decimal(2)) == chains.positions[BOTH]

    filled(chains, told.found(2, 2, at_ms=120))
    assert PositionChain(Decimal(3), 120) == chains.positions[BOTH]


def test_an_older_amount_that_is_believed_may_settle_a_newer_claim():
    """What changed otherwise than by a trade explains the difference."""
    chains = changed(grounded(), 3, 120)
    changed(chains, 3, 110, is_from_order=False)

    assert PositionChain(Decimal(3), 120) == chains.positions[BOTH]


def test_a_later_amount_settles_no_older_claim():
    """A position that was opened and closed again is as before, and both fills may be missing."""
    chains = changed(changed(grounded(), 1, 110), 0, 120)

    assert Break(BTC, GROUNDED_MS, "the BOTH position") == chains.broken_position(BOTH)

    filled(chains, told.fill(1, 1, at_ms=110))
    assert Break(BTC, 110, "the BOTH position") == chains.broken_position(BOTH)

    filled(chains, told.fill(2, 1, at_ms=120, side="SELL"))
    assert PositionChain(ZERO, 120) == chains.positions[BOTH]


def test_a_claim_waits_for_all_fills_that_were_read():
    """Some of them may agree with it by chance, and the others would then count for nothing."""
    chains = changed(grounded(), 2, 120)
    filled(chains, *(told.found(number, 1, at_ms=110, side=side) for number, side in enumerate(["BUY"] * 3 + ["SELL"])))

    assert PositionChain(Decimal(2), 120) == chains.positions[BOTH]


def agreed_by_chance() -> Chains:
    """A fill of 1 is missing, and one of as much comes right behind the amount that shows it."""
    chains = changed(filled(grounded(), told.fill(2, 2, at_ms=110)), 3, 110)
    assert Break(BTC, GROUNDED_MS, "the BOTH position") == chains.broken_position(BOTH)

    filled(chains, told.fill(3, 1, at_ms=110))
    assert PositionChain(Decimal(3), 110) == chains.positions[BOTH]
    return chains


@pytest.mark.fault(28)
@pytest.mark.parametrize("is_whole", [False, True])
def test_an_amount_that_agrees_by_chance_stands_open_again_at_the_next_of_its_millisecond(is_whole):
    """The fill that made it agree is not in it: that shows at once, and the fill that is missing settles it."""
    chains = changed(agreed_by_chance(), 4, 110, is_whole=is_whole)

    assert Break(BTC, GROUNDED_MS, "the BOTH position") == chains.broken_position(BOTH)
    assert 4 == chains.positions[BOTH].expected(110, [(105, Decimal(1))])

    filled(chains, told.found(1, 1, at_ms=105))
    assert PositionChain(Decimal(4), 110, is_whole) == chains.positions[BOTH]


@pytest.mark.parametrize("read", [told.found, told.fill])
def test_an_amount_that_agreed_by_chance_stands_open_again_when_the_missing_fill_comes(read):
    """It should have been in it; the last word of that millisecond was lost as well, so REST has to settle it."""
    chains = changed(filled(agreed_by_chance(), told.fill(4, 1, at_ms=120)), 5, 120)

    assert Break(BTC, 110, "the BOTH position") == chains.broken_position(BOTH)
    assert 5 == chains.positions[BOTH].expected(120, [(105, Decimal(1))])

    filled(chains, read(1, 1, at_ms=105))
    assert 5 == amount(chains)
    assert Break(BTC, GROUNDED_MS, "the BOTH position") == chains.broken_position(BOTH)

    changed(chains, 5, 120, is_whole=True)
    assert PositionChain(Decimal(5), 120, is_whole=True) == chains.positions[BOTH]


@pytest.mark.parametrize("read", [told.found, told.fill])
def test_an_amount_that_agrees_before_its_own_fill_came_stands_open_again_when_the_missing_one_does(read):
    """What was bought and lost was sold again: the amount before that is told is as if nothing had happened."""
    chains = filled(changed(grounded(), 0, 110), told.fill(2, 1, at_ms=110, side="SELL"))

    assert PositionChain(ZERO, 110, fills=[(110, Decimal(-1))]) == chains.positions[BOTH]

    filled(chains, read(1, 1, at_ms=105))
    assert PositionChain(ZERO, 110) == chains.positions[BOTH]


@pytest.mark.parametrize("pairs", [1, 3])
@pytest.mark.parametrize("read", [told.found, told.fill])
def test_amounts_that_agreed_by_chance_one_after_the_other(read, pairs):
    """Fills that cancel are lost again and again, and the amount behind each pair is told: the sum is what counts."""
    chains, lost = filled(grounded(), told.fill(1, 1, at_ms=101)), []
    for number in range(1, 2 * pairs, 2):
        at_ms = 110 + number
        lost += [read(10 * number, 1, at_ms=at_ms), read(10 * number + 1, 1, at_ms=at_ms + 1, side="SELL")]
        changed(chains, 1, at_ms + 1)
    changed(filled(chains, told.fill(99, 2, at_ms=130)), 3, 130)
    assert PositionChain(Decimal(3), 130) == chains.positions[BOTH]

    for fill in lost[:-1]:
        filled(chains, fill)
    assert Break(BTC, GROUNDED_MS, "the BOTH position") == chains.broken_position(BOTH)

    filled(chains, lost[-1])
    assert PositionChain(Decimal(3), 130) == chains.positions[BOTH]


def test_a_row_of_a_millisecond_that_was_not_over_is_told_again():
    """A fill came behind it that it should have had: the next row has it, and then nothing is missing."""
    chains = changed(filled(grounded(), told.fill(1, 1, at_ms=110)), 1, 110, is_whole=True)
    changed(filled(chains, told.fill(2, 1, at_ms=110)), 1, 110, is_whole=True)
    assert Break(BTC, GROUNDED_MS, "the BOTH position") == chains.broken_position(BOTH)

    changed(chains, 2, 110, is_whole=True)
    assert PositionChain(Decimal(2), 110, is_whole=True) == chains.positions[BOTH]


def test_an_amount_that_was_audited_cannot_have_agreed_by_chance():
    """What comes of before it all the same is in it."""
    chains = changed(filled(grounded(), told.fill(1, 1, at_ms=110)), 1, 110)
    chains.forget_before(110)
    assert GROUNDED_MS == chains.positions[BOTH].since_ms

    chains.forget_before(111)
    filled(chains, told.fill(2, 1, at_ms=109))
    assert PositionChain(Decimal(1), 110) == chains.positions[BOTH]


def test_a_fill_of_before_an_amount_that_was_believed_is_in_it():
    """Nothing was agreed with, so nothing can have been by chance; nor can what was settled long ago."""
    chains = filled(changed(agreed_by_chance(), 3, 120, is_from_order=False), told.fill(4, 1, at_ms=130))
    filled(changed(filled(chains, told.fill(5, 1, at_ms=140)), 5, 140), told.found(1, 1, at_ms=105))

    assert PositionChain(Decimal(5), 140) == chains.positions[BOTH]


def test_claims_are_settled_one_after_the_other():
    """Updates that are far ahead of their fills wait in line, whatever order they and the fills came in."""
    chains = grounded()
    for told_amount, at_ms in ((4, 130), (1, 110), (2, 120), (3, 120)):
        changed(chains, told_amount, at_ms)
    filled(chains, told.fill(4, 1, at_ms=130), told.fill(2, 1, at_ms=120), told.fill(1, 1, at_ms=110))

    assert (
        PositionChain(
            Decimal(1),
            110,
            fills=[(120, Decimal(1)), (130, Decimal(1))],
            claims=[Claim(120, Decimal(3)), Claim(130, Decimal(4))],
            missing=Decimal(1),
        )
        == chains.positions[BOTH]
    )

    filled(chains, told.fill(3, 1, at_ms=120))
    assert PositionChain(Decimal(4), 130) == chains.positions[BOTH]


def test_rest_settles_an_older_claim():
    """It is read when everything was looked for: what agrees with it is whole, whatever a frame said before."""
    chains = changed(filled(grounded(), told.fill(1, 2, at_ms=110)), 1, 110)
    changed(chains, 2, 110, is_whole=True)

    assert PositionChain(Decimal(2), 110, is_whole=True) == chains.positions[BOTH]

    changed(filled(changed(chains, 9, 120), told.fill(2, 1, at_ms=130)), 3, 130, is_whole=True)
    assert PositionChain(Decimal(3), 130, is_whole=True) == chains.positions[BOTH]


def test_rest_knows_better_than_an_older_claim():
    """When it does not agree either, what it shows is what the fills have to add up to."""
    chains = changed(changed(grounded(), 1, 110), 2, 120, is_whole=True)

    assert ([Claim(120, Decimal(2), True)], 2) == (chains.positions[BOTH].claims, chains.positions[BOTH].missing)

    changed(changed(changed(chains, 5, 115, is_whole=True), 0, 116), 9, 120)
    assert [Claim(120, Decimal(2), True)] == chains.positions[BOTH].claims

    changed(changed(chains, 6, 130), 7, 140, is_whole=True)
    assert [Claim(140, Decimal(7), True)] == chains.positions[BOTH].claims

    filled(chains, told.found(1, 7, at_ms=105))
    assert PositionChain(Decimal(7), 140, is_whole=True) == chains.positions[BOTH]


@pytest.mark.parametrize("reason", ["agrees", "differs"])
def test_what_changed_otherwise_than_by_a_trade_is_believed(reason):
    """A funding fee repeats the amount, and trades of its millisecond may follow; an adjustment has them all."""
    chains = changed(filled(grounded(), told.fill(1, 1, at_ms=110)), 1, 110)
    changed(chains, 1 if reason == "agrees" else 2, 120, is_from_order=False)
    filled(chains, told.fill(2, 1, at_ms=120))

    assert 2 == amount(chains)
    assert None is chains.broken_position(BOTH)


def test_what_is_believed_ends_an_older_claim():
    """The fills of before are in it when they come."""
    chains = changed(changed(grounded(), 1, 110), 1, 120, is_from_order=False)
    filled(chains, told.fill(1, 1, at_ms=110))

    assert PositionChain(Decimal(1), 120, is_whole=True) == chains.positions[BOTH]


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


@pytest.mark.parametrize("words", BURST_ORDERS, ids=", ".join)
def test_before_the_account_was_read_amounts_are_believed(words):
    """With everything of their moment, whatever comes before or after them; what follows is counted."""
    chains = Chains()
    for word in words:
        tell_of_burst(chains, word)
    filled(chains, told.fill(3, 1, at_ms=120))

    assert 3 == amount(chains)
    assert [] == list(chains.breaks())

    changed(chains, 9, 109)
    assert 3 == amount(chains)


@pytest.mark.parametrize("first_word", ["row", "amount", "later amount", "none"])
def test_a_fill_before_the_first_word_about_a_position_is_added_when_it_comes(first_word):
    """REST may lag when the account is read, and may not; what a word about the position has is not added again."""
    chains = filled(Chains(), told.fill(1, 1, at_ms=110), told.fill(2, 2, at_ms=120))
    assert {} == chains.positions

    if first_word == "amount":
        changed(chains, 5, 110)
    elif first_word == "later amount":
        changed(chains, 7, 120)
    chains.grounded_ms = 105
    if first_word == "row":
        chains.ground_position(BOTH, Decimal(5), 110)
    filled(chains, told.fill(3, 1, at_ms=130))

    assert (4 if first_word == "none" else 8) == amount(chains)
    assert None is chains.broken_position(BOTH)


def test_what_was_looked_for_in_vain_is_believed_of_positions_too():
    """Of that symbol alone; a fill that comes late all the same is in the amount."""
    chains = changed(changed(grounded(), 2, 110), 1, 110, (ETH, "BOTH"))
    chains.rebase(BTC)
    filled(chains, told.fill(1, 1, at_ms=110), told.fill(2, 1, at_ms=105), told.fill(3, 1, at_ms=120))

    assert PositionChain(Decimal(2), 110, is_whole=True, fills=[(120, Decimal(1))]) == chains.positions[BOTH]
    assert [Break(ETH, GROUNDED_MS, "the BOTH position")] == [one for one in chains.breaks() if one.symbol == ETH]


def test_the_last_word_about_a_position_is_an_amount_or_a_fill():
    """Or a claim that is not settled."""
    chains = changed(filled(grounded(), told.fill(1, 1, at_ms=110)), 1, 110)
    assert 110 == chains.positions[BOTH].last_ms

    filled(chains, told.fill(2, 1, at_ms=130), told.fill(3, 1, at_ms=120))
    assert 130 == chains.positions[BOTH].last_ms

    changed(chains, 9, 140)
    assert 140 == chains.positions[BOTH].last_ms


def test_fills_that_were_audited_are_kept_as_a_sum():
    """Memory stays bounded although no account update comes; what is missing is not summed up."""
    chains = grounded()
    for trade_id in range(1, 101):
        filled(chains, told.fill(trade_id, 1, trade_id, at_ms=100 + trade_id))
    chains.forget_before(150)
    chains.forget_before(150)

    assert (49, 149, True, 51) == (
        chains.positions[BOTH].base,
        chains.positions[BOTH].base_ms,
        chains.positions[BOTH].is_whole,
        len(chains.positions[BOTH].fills),
    )
    assert 100 == amount(chains)

    changed(chains, 99, 190).forget_before(180)
    assert 51 == len(chains.positions[BOTH].fills)


class Watched(list):
    """A list that knows how often it was read through."""

    times_read = 0

    def __iter__(self) -> Iterator[Any]:
        self.times_read += 1
        return super().__iter__()


def test_a_claim_that_stays_open_for_hours_costs_nothing():
    """While REST is banned everything that comes is counted without being added up anew each time."""
    chains = changed(grounded(), 5, 110)
    chains.positions[BOTH].fills = fills = Watched()
    for trade_id in range(1, 1_201):
        changed(filled(chains, told.fill(trade_id, 1, trade_id, at_ms=110 + trade_id)), 5 + trade_id, 110 + trade_id)

    assert (1_200, 0) == (len(fills), fills.times_read)
    assert (1_000, Claim(110, Decimal(5))) == (len(chains.positions[BOTH].claims), chains.positions[BOTH].claims[0])

    filled(chains, *(told.found(10_000 + number, 1, at_ms=105) for number in range(5)))
    assert None is chains.broken_position(BOTH)
    assert (5 + 999, 5 + 1_200) == (chains.positions[BOTH].base, amount(chains))


#: Trades of one position: how much later than the one before, and how much was bought. Those of one millisecond go in
#: one direction: of a round trip within one the amounts do not show that there were any fills, until they came.
TRADES = st.lists(
    st.tuples(
        st.sampled_from([1, 5]), st.sampled_from([1, -1]), st.lists(st.integers(1, 2), min_size=1, max_size=3)
    ).map(lambda burst: [(0 if place else burst[0], burst[1] * last) for place, last in enumerate(burst[2])]),
    min_size=1,
    max_size=4,
).map(lambda bursts: [trade for burst in bursts for trade in burst])


@attrs.frozen
class Trading:
    """What the stream tells of trades: the fills, and the amounts after them, each with its time and reason."""

    fills: Tuple[OrderTradeUpdate, ...]
    amounts: Tuple[Tuple[int, Decimal, bool], ...]
    truth: Decimal


def trading(trades: Iterable[Tuple[int, int]], funding_after: Optional[int] = None, side: str = "BOTH") -> Trading:
    """Make up the life of a position; a funding fee may be paid in a millisecond of its own."""
    at_ms, total = GROUNDED_MS + 10, ZERO
    fills, amounts = [], []
    for trade_id, (later_ms, quantity) in enumerate(trades, 1):
        at_ms += later_ms
        total += quantity
        bought = "BUY" if quantity > 0 else "SELL"
        fills.append(told.fill(trade_id, abs(quantity), at_ms=at_ms, side=bought, position_side=side))
        amounts.append((at_ms, total, True))
        if trade_id == funding_after:
            amounts.append((at_ms + 1, total, False))
            at_ms += 2
    return Trading(tuple(fills), tuple(amounts), total)


def mixed(data: st.DataObject, *rows: Iterable[Any]) -> Iterator[Any]:
    """Yield things of several rows, those of each row in their order."""
    waiting = [list(row) for row in rows]
    while any(waiting):
        row = data.draw(st.sampled_from([row for row in waiting if row]))
        yield row.pop(0)


def tell_of_position(chains: Chains, word: Any, key: Tuple[str, str]) -> None:
    """Tell the chains of a fill, or of an amount."""
    if isinstance(word, OrderTradeUpdate):
        chains.fill(word)
    else:
        at_ms, total, is_from_order = word
        chains.position(key, total, at_ms, is_from_order=is_from_order)


@given(TRADES, TRADES, st.none() | st.integers(1, 8), st.data())
def test_a_stream_without_a_loss_ends_without_a_claim(longs, shorts, funding_after, data):
    """However far updates and fills overtake each other, in one millisecond or over several, on both sides."""
    long, short = trading(longs, funding_after, "LONG"), trading(shorts, None, "SHORT")
    chains = grounded()
    words = mixed(
        data,
        ((word, LONG) for word in long.fills),
        ((word, LONG) for word in long.amounts),
        ((word, SHORT) for word in short.fills),
        ((word, SHORT) for word in short.amounts),
    )
    for word, key in words:
        tell_of_position(chains, word, key)

    assert [] == [one for one in chains.breaks() if "position" in one.what]
    assert (long.truth, short.truth) == (amount(chains, key=LONG), amount(chains, key=SHORT))


@given(TRADES, st.data())
def test_rest_and_the_stream_agree_in_any_mixture(trades, data):
    """Rows may be ahead of the frames or far behind them; they show whole milliseconds."""
    life = trading(trades)
    ends = {at_ms: (at_ms, total) for at_ms, total, _ in life.amounts}
    rows = data.draw(st.lists(st.sampled_from(sorted(ends.values())), max_size=3))
    chains = grounded()
    for word in mixed(data, life.fills, life.amounts, rows):
        if isinstance(word, tuple) and len(word) == 2:
            changed(chains, word[1], word[0], is_whole=True)
        else:
            tell_of_position(chains, word, BOTH)

    assert [] == [one for one in chains.breaks() if "position" in one.what]
    assert life.truth == amount(chains)


@pytest.mark.fault(28)
@given(TRADES, st.data())
def test_a_fill_that_is_lost_is_missed_by_the_next_trade_at_the_latest(trades, data):
    """When its own account update comes, or that of the trade after it; and not any more once it is found."""
    life = trading([*trades, (1, 1)])
    lost = data.draw(st.integers(0, len(trades) - 1))
    chains = grounded()
    for word in mixed(data, (fill for fill in life.fills[:-1] if fill is not life.fills[lost]), life.amounts[:-1]):
        tell_of_position(chains, word, BOTH)
    for word in (life.fills[-1], life.amounts[-1]):
        tell_of_position(chains, word, BOTH)
    broken = chains.broken_position(BOTH)

    assert broken is not None
    assert broken.since_ms <= life.fills[-1].transaction_time_ms

    filled(chains, attrs.evolve(life.fills[lost], origin=FROM_REST))
    changed(chains, life.truth, life.amounts[-1][0], is_whole=True)
    assert None is chains.broken_position(BOTH)
    assert life.truth == amount(chains)
