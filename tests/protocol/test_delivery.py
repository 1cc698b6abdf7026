"""The way of a frame: to events, to notices, to facts."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, ClassVar

import attrs
import pytest

from binance_uds.account import Account
from binance_uds.credentials import Secret
from binance_uds.events import usdm
from binance_uds.events.base import Event, decimal, wire
from binance_uds.events.notices import Attention, UndecodableFrame
from binance_uds.events.usdm import ListenKeyExpired, TradeLite
from binance_uds.events.usdm_rows import AccountConfigRow, SymbolConfigRow, TradeRow
from binance_uds.protocol import facts, held
from binance_uds.protocol.delivery import Delivery, Taken
from binance_uds.protocol.facts import MergeTally
from binance_uds.protocol.reading.configuration import Configuration
from binance_uds.protocol.reading.recovery import Recovery
from binance_uds.protocol.timings import Timings
from tests.protocol.driving import KEY
from tests.protocol.telling import (
    LITE,
    NOW_MS,
    account_frame,
    fill_frame,
    frame,
    ids,
    lite_frame,
    order_frame,
    recovery,
    signed,
    take,
)
from tests.protocol.trader import algo_row, balance_row, order_row, position_row


def delivery(*keys: str) -> Delivery:
    """Return a delivery that knows some listen keys."""
    made = Delivery(usdm.EVENTS, Account())
    for key in keys:
        made.know(Secret(key))
    return made


def test_an_event_takes_the_short_way():
    """What is no control goes to the user, and the session hears nothing of it."""
    taken = delivery().take(frame(LITE), 3)

    assert [TradeLite] == [type(item) for item in taken.items]
    assert () == taken.facts


def test_what_a_frame_says_about_the_stream_is_handed_on():
    """An expiry is data, with its key masked, and a fact; a frame that cannot be read is a notice and a fact."""
    expired = delivery(KEY).take(frame({"e": "listenKeyExpired", "E": 1736996475556, "listenKey": KEY}), 3)
    unread = delivery().take(b"{", 3)

    assert ([ListenKeyExpired], (facts.ExpiryNoticed(3, Secret(KEY)),)) == (
        [type(item) for item in expired.items],
        expired.facts,
    )
    assert KEY not in repr(expired.items[0].raw)
    assert ([UndecodableFrame], (facts.FramesUndecodable(3),)) == ([type(item) for item in unread.items], unread.facts)


def test_an_event_goes_into_the_account():
    """By the time it is handed on the account knows it."""
    account = Account()
    update = {"e": "ACCOUNT_CONFIG_UPDATE", "E": 5, "T": 5, "ac": {"s": "BTCUSDT", "l": 20}}
    Delivery(usdm.EVENTS, account).take(frame(update), 3)

    assert 20 == account.leverage("BTCUSDT")


@attrs.frozen(kw_only=True)
class Surprise(Event):
    """An event of a class that is none of ours."""

    wire_name: ClassVar[str] = "SURPRISE"

    size: Decimal = wire("z", decimal, essential=True)


def test_an_event_of_a_class_of_the_users_own_is_data():
    """A market's row may name one; what makes two of them the same nobody knows here."""
    made = Delivery((*usdm.EVENTS, Surprise), Account())
    told = [made.take(frame({"e": "SURPRISE", "E": 1, "z": "0.5"}), 3) for _ in range(2)]

    assert [(Surprise(event_time_ms=1, size=Decimal("0.5")),)] * 2 == [taken.items for taken in told]
    assert [(), ()] == [taken.facts for taken in told]


def counting() -> Delivery:
    """Return a delivery of a signed stream."""
    return Delivery(usdm.EVENTS, Account(), signed=True)


def test_a_fill_told_in_short_alone_is_a_suspicion():
    """Its order update should have followed within seconds."""
    made = counting()
    made.take(frame(LITE), 3, now=100.0)

    assert 105.0 == made.next_due()
    assert [] == made.due(104.9)
    assert ["trade 109100866 of order 8886774"] == [fact.broken.what for fact in made.due(105.0)]
    assert None is made.next_due()


def test_a_fill_told_in_short_and_read_by_rest_is_none():
    """What a repair has found is not missing any more."""
    made = counting()
    made.take(frame(LITE), 3, now=100.0)
    row = TradeRow(
        symbol="BTCUSDT", trade_id=109100866, order_id=8886774, side="BUY", last_filled_price=Decimal("64089.20"),
        last_filled_quantity=Decimal("0.040"), trade_time_ms=LITE["T"],
    )  # fmt: skip
    items, tally = made.merge(Recovery(fills={("BTCUSDT", 8886774, 109100866): row}))

    assert ([109100866], 1) == ([item.trade_id for item in items], len(tally.recovered))
    assert None is made.next_due()


def test_fills_told_in_short_are_one_suspicion_of_their_symbol():
    """A symbol that was suspected just now is not suspected again before its time."""
    made = counting()
    for trade_id, now in ((1, 100.0), (2, 101.0)):
        made.take(frame({**LITE, "t": trade_id}), 3, now=now)
    first, second = made.due(105.0), made.due(106.0)

    assert (1, []) == (len(first), second)
    assert 105.0 + Timings().suspicion_interval == made.next_due()
    assert ["trade 2 of order 8886774"] == [fact.broken.what for fact in made.due(135.0)]


# What came before


@pytest.mark.fault(58, 59)
@pytest.mark.parametrize("made", [delivery(), signed()], ids=["key-only", "signed"])
def test_a_fill_is_delivered_once(made):
    """Its symbol, order and trade identify it, whatever else a copy says; a self-trade has one trade id twice."""
    first = take(made, fill_frame(5))
    copies = take(made, fill_frame(5), fill_frame(5, L="1", z="0.5"))
    other = take(made, fill_frame(5, i=8), fill_frame(5, s="ETHUSDT"), fill_frame(5, i=8))

    assert ([(5, False)], [], [(5, False), (5, False)]) == (ids(first), copies, ids(other))


@pytest.mark.parametrize(
    "text", [account_frame(), order_frame(), lite_frame(), frame({"e": "ACCOUNT_CONFIG_UPDATE", "E": 5, "T": 5})]
)
def test_other_events_are_delivered_once_too(text):
    """What says the same is the same."""
    made = signed()

    assert 1 == len(take(made, text, text))


@pytest.mark.parametrize(
    "text", [frame({"e": "listenKeyExpired", "E": 1736996475556, "listenKey": KEY}), frame({"e": "BRAND_NEW", "E": 1})]
)
def test_what_nobody_can_tell_apart_is_delivered_each_time(text):
    """Notices of expiry, and events we do not know."""
    assert 2 == len(take(signed(), text, text))


def test_a_copy_says_once_more_what_is_wrong_with_it_to_nobody():
    """Its malformed field was said with the first."""
    made = signed()
    odd = {**LITE, "q": {"odd": 1}}

    assert [TradeLite, Attention] == [type(item) for item in made.take(frame(odd), 3).items]
    assert Taken() == made.take(frame(odd), 3)


def fills_kept(made):
    """Return how many fills are kept, for the comparison with copies."""
    return len(list(made.books.delivered.all_fills()))


def test_without_a_secret_fills_are_kept_for_ten_minutes():
    """Copies come within moments, and there is no audit that would allow to forget."""
    made = delivery()
    for minute in range(60):
        take(made, fill_frame(minute, T=NOW_MS + minute * 60_000))

    assert 10 <= fills_kept(made) <= 12
    assert [] == take(made, fill_frame(59, T=NOW_MS + 59 * 60_000))


def test_with_a_secret_fills_are_kept_until_they_were_audited():
    """Only who asked REST knows that none is missing."""
    made = signed()
    for minute in range(60):
        take(made, fill_frame(minute + 1, T=NOW_MS + minute * 60_000))

    assert 60 == fills_kept(made)

    made.forget_before(NOW_MS + 50 * 60_000)
    assert 10 == fills_kept(made)


# Order


@pytest.mark.fault(28)
def test_a_fill_behind_one_with_a_higher_id_is_late():
    """Per symbol; the two of a self-trade have one id, and neither is late."""
    made = signed()
    events = take(
        made, fill_frame(5), fill_frame(4), fill_frame(5, i=8), fill_frame(4, s="ETHUSDT"), fill_frame(6), fill_frame(3)
    )

    assert [(5, False), (4, True), (5, False), (4, False), (6, False), (3, True)] == ids(events)


@pytest.mark.parametrize("trade_id", [0, None])
def test_a_fill_without_an_id_is_in_order_wherever_it_comes(trade_id):
    """Nobody can tell; it is compared with copies by what it says."""
    made = signed()
    take(made, fill_frame(5))
    odd = fill_frame(trade_id, T=NOW_MS + 9)

    assert [(trade_id, False)] == ids(take(made, odd, odd))


# Doubts


@pytest.mark.fault(28, 61)
def test_sums_that_do_not_agree_are_suspected_after_a_moment():
    """An order update claims more than came: a second later the session hears of it, with the symbol."""
    made = signed()
    take(made, order_frame(), fill_frame(2, z="0.3"), now=100.0)
    (due,) = [made.next_due()]

    assert 101.0 == due
    assert [] == made.due(100.9)

    (suspected,) = made.due(101.0)
    assert ("BTCUSDT", "0.2 of order 7") == (suspected.broken.symbol, suspected.broken.what)


def test_what_the_next_frame_explains_is_no_suspicion():
    """Frames overtake each other."""
    made = signed()
    take(made, order_frame(), fill_frame(2, z="0.2"), now=100.0)
    take(made, fill_frame(1, z="0.1"), now=100.5)

    assert ([], None) == (made.due(200.0), made.next_due())


@pytest.mark.fault(28)
def test_a_position_that_does_not_agree_is_suspected():
    """An account update tells of more than the fills that came, and so does a fill without one before it."""
    made = signed()
    take(made, order_frame(), fill_frame(1), account_frame("0.3", NOW_MS + 1), now=100.0)

    assert ["the BOTH position"] == [fact.broken.what for fact in made.due(101.0)]


@pytest.mark.fault(28)
def test_an_early_copy_without_its_fill_is_suspected_after_five_seconds():
    """A fill in short, and never in full."""
    made = signed()
    take(made, lite_frame(1), now=100.0)

    assert ([], 105.0) == (made.due(104.9), made.next_due())
    assert ["trade 1 of order 7"] == [fact.broken.what for fact in made.due(105.0)]
    assert made.next_due() is None


@pytest.mark.parametrize("texts", [(lite_frame(1), fill_frame(1)), (fill_frame(1), lite_frame(1))])
def test_an_early_copy_whose_fill_comes_is_none(texts):
    """Usually after it; overtaken by it, it is no news."""
    made = signed()
    take(made, texts[0], now=100.0)
    take(made, texts[1], now=104.0)

    assert ([], None) == (made.due(200.0), made.next_due())


def test_without_a_secret_nothing_is_counted():
    """What is missing could not be read, so it is not missed."""
    made = delivery()
    take(made, lite_frame(1), order_frame(), fill_frame(2, z="0.9"), account_frame("7"), now=100.0)

    assert ([], None) == (made.due(1_000.0), made.next_due())
    assert {} == made.books.chains.orders


# Holding back


SIGNALS = [
    lite_frame(),
    frame({"e": "listenKeyExpired", "E": 1736996475556, "listenKey": KEY}),
    frame({"e": "BRAND_NEW", "E": 1}),
    frame({"e": "MARGIN_CALL", "E": 1, "p": []}),
]
HELD = [fill_frame(), order_frame(), account_frame(), frame({"e": "ACCOUNT_CONFIG_UPDATE", "E": 5, "T": 5})]


@pytest.mark.parametrize("text", HELD)
def test_what_has_an_order_among_itself_waits(text):
    """It comes out when it is let go, once."""
    made = signed()
    made.hold(None)

    assert [] == take(made, text)
    assert 1 == len(made.release())
    assert () == made.release()
    assert [] == take(made, text)


@pytest.mark.parametrize("text", SIGNALS)
def test_signals_do_not_wait(text):
    """Nor what is undecodable, or said about a field."""
    made = signed()
    made.hold(None)

    assert 1 == len(take(made, text))
    assert [UndecodableFrame] == [type(item) for item in made.take(b"{", 3).items]
    assert [Attention] == [type(item) for item in made.take(fill_frame(9, q={"odd": 1}), 3).items]


def test_only_the_symbols_of_a_gap_wait():
    """More may be added, and in the end all of them; what is of no symbol waits for no symbol's sake."""
    made = signed()
    made.hold(frozenset({"BTCUSDT"}))
    deposit = frame({"e": "ACCOUNT_UPDATE", "E": 5, "T": NOW_MS, "a": {"m": "DEPOSIT", "B": [], "P": []}})

    assert [2] == [trade_id for trade_id, _ in ids(take(made, fill_frame(1), fill_frame(2, s="ETHUSDT"), deposit))]

    made.hold(frozenset({"ETHUSDT"}))
    assert [4] == [trade_id for trade_id, _ in ids(take(made, fill_frame(3, s="ETHUSDT"), fill_frame(4, s="BNBUSDT")))]

    made.hold(None)
    assert [] == take(made, fill_frame(5, s="BNBUSDT"))
    assert [1, 3, 5] == [trade_id for trade_id, _ in ids(made.release())]


def test_the_account_does_not_wait():
    """It shows what is known; only who is told of changes has to wait."""
    made = signed()
    made.hold(None)
    take(made, account_frame(wallet="8"), fill_frame())

    assert 8 == made.account.balance("USDT").wallet_balance
    assert made.account.order(7).is_known


def test_what_was_held_is_let_go_in_order():
    """By the ids of each symbol; what came late to the connection itself is none the later for it."""
    made = signed()
    made.hold(None)
    take(made, fill_frame(5), fill_frame(3), fill_frame(4, s="ETHUSDT"))

    assert [(3, False), (5, False), (4, False)] == ids(made.release())
    assert [(4, True)] == ids(take(made, fill_frame(4)))


@pytest.mark.fault(64)
def test_a_hold_that_is_full_is_said():
    """Each frame that does not fit any more says so, until the session has it let go; none is dropped."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(held, "MOST_FRAMES", 2)
        made = signed()
        made.hold(None)
        told = [made.take(fill_frame(trade_id), 3).facts for trade_id in (1, 2, 3)]

    assert [(), (facts.HoldFilled(),), (facts.HoldFilled(),)] == told
    assert 3 == len(made.release())


def test_a_hold_is_full_by_the_bytes_of_its_frames():
    """Text counts as its bytes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(held, "MOST_BYTES", 2 * len(fill_frame()))
        made = signed()
        made.hold(None)
        told = [made.take(text, 3).facts for text in (fill_frame(1), fill_frame(2).decode())]

    assert [(), (facts.HoldFilled(),)] == told


# A second connection


def test_what_a_shadow_tells_is_kept_back():
    """Another connection tells the same; only control comes through, and nothing is counted or shown."""
    made = signed()
    made.shadow(4)
    told = made.take(fill_frame(1), 4)
    notice = made.take(frame({"e": "listenKeyExpired", "E": 1736996475556, "listenKey": KEY}), 4)

    assert (Taken(), Taken(facts=(facts.ExpiryNoticed(4, Secret(KEY)),))) == (told, notice)
    assert not made.account.order(7).is_known
    assert [(1, False)] == ids(take(made, fill_frame(1)))


@pytest.mark.fault(58)
def test_a_shadow_that_is_adopted_tells_what_the_other_did_not():
    """In its own order, each event once; from then on it tells like any other."""
    made = signed()
    made.shadow(4)
    for text in (fill_frame(1), fill_frame(2), fill_frame(3)):
        made.take(text, 4)
    take(made, fill_frame(1))
    adopted = made.adopt(4, now=100.0)

    assert [(2, False), (3, False)] == ids(adopted.items)
    assert Taken() == made.adopt(4)
    assert [(4, False)] == ids(made.take(fill_frame(4), 4).items)
    assert made.account.order(7).is_known


def test_a_shadow_that_is_adopted_amid_a_repair_is_held():
    """What it tells waits like everything else, and what is full says so."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(held, "MOST_FRAMES", 2)
        made = signed()
        made.shadow(4)
        made.take(fill_frame(1), 4)
        made.hold(None)
        take(made, fill_frame(2))
        adopted = made.adopt(4)

    assert Taken(facts=(facts.HoldFilled(),)) == adopted
    assert [(1, False), (2, False)] == ids(made.release())


def test_a_shadow_that_is_discarded_told_nothing():
    """What is told by both was told by the other."""
    made = signed()
    made.shadow(4)
    made.take(fill_frame(1), 4)
    made.discard(4)
    made.discard(4)

    assert Taken() == made.adopt(4)
    assert [(1, False)] == ids(take(made, fill_frame(1)))


def test_a_shadow_that_is_full_tells_too_early_rather_than_never():
    """Nothing is dropped, and copies are copies."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(held, "MOST_FRAMES", 2)
        made = signed()
        made.shadow(4)
        told = [ids(made.take(fill_frame(trade_id), 4).items) for trade_id in (1, 2, 3)]

    assert [[], [(1, False), (2, False)], [(3, False)]] == told
    assert [] == take(made, fill_frame(1))


# How the account trades


def test_what_changed_in_how_the_account_trades_is_told_once():
    """At first nothing, for nothing was known; then what is another than before, and the account knows it."""
    made = signed()
    at_first = made.configure(configuration(5, is_hedge_mode=False))
    changed = made.configure(configuration(6, is_hedge_mode=True))
    again = made.configure(configuration(6, is_hedge_mode=True))

    assert ((), ()) == (at_first, again)
    assert [("rest", "BTCUSDT", 6, None), ("rest", None, None, True)] == [
        (event.origin, event.symbol, event.leverage, event.is_hedge_mode) for event in changed
    ]
    assert (6, True) == (made.account.leverage("BTCUSDT"), made.account.is_hedge_mode)


def configuration(leverage: int, *, is_hedge_mode: bool) -> Configuration:
    """Return what REST tells of one symbol and the modes."""
    symbols = (SymbolConfigRow(symbol="BTCUSDT", leverage=leverage, margin_type="CROSSED"),)
    return Configuration(NOW_MS, symbols, (AccountConfigRow(is_hedge_mode=is_hedge_mode),))


# The first look


def grounding(**changes: Any) -> Recovery:
    """Return an account with an order half filled, a position, a balance and a conditional order."""
    found = Recovery(
        orders={("BTCUSDT", 7): order_row(7, filled_quantity=Decimal("0.5"), update_time_ms=NOW_MS - 5_000)},
        algo_orders={3: algo_row(3)},
        balances=(balance_row("5", NOW_MS - 5_000),),
        positions=(position_row("0.5", NOW_MS - 5_000),),
    )
    return attrs.evolve(found, **changes)


def test_the_first_look_grounds_the_account_and_delivers_nothing():
    """What stands is known, counted from there, and everything before is none of ours."""
    made = signed(is_grounded=False)
    assert not made.account.is_synchronised

    made.ground(grounding(), NOW_MS - 1_000)
    account = made.account

    assert account.is_synchronised
    assert (NOW_MS - 1_000, NOW_MS - 1_000) == (made.books.chains.grounded_ms, made.books.delivered.floor_ms)
    assert Decimal("0.5") == account.order(7).filled_quantity == account.position("BTCUSDT").amount
    assert ({7}, {3}, 5) == (
        set(account.open_orders),
        set(made.books.algo_orders),
        account.balance("USDT").wallet_balance,
    )
    assert [] == list(made.books.chains.breaks())


def test_fills_after_the_first_look_are_counted_on():
    """The order goes on from where its row stood, and so does the position."""
    made = signed(is_grounded=False)
    made.ground(grounding(), NOW_MS - 1_000)
    take(made, fill_frame(1, z="0.6"), account_frame("0.6", NOW_MS + 1), now=100.0)

    assert [] == made.due(200.0)

    take(made, fill_frame(3, z="0.8"), now=200.0)
    assert ["0.1 of order 7"] == [fact.broken.what for fact in made.due(300.0)]


def test_frames_that_came_before_the_first_look_was_read_count_as_well():
    """Which of them its rows have already is told by their times and totals."""
    made = signed(is_grounded=False)
    early = take(made, fill_frame(1, z="0.6"), account_frame("0.6", NOW_MS + 1))
    made.ground(grounding(), NOW_MS - 1_000)
    take(made, fill_frame(2, z="0.7"), account_frame("0.7", NOW_MS + 2), now=100.0)

    assert [(1, False)] == ids(early)
    assert [] == made.due(200.0)
    assert Decimal("0.7") == made.account.position("BTCUSDT").amount


def test_the_second_look_moves_no_floor():
    """What REST showed late is taken over; since when events are told stays as it was."""
    made = signed(is_grounded=False)
    made.ground(Recovery(), NOW_MS - 1_000)
    take(made, fill_frame(1, i=8))
    made.ground(grounding(), NOW_MS + 5_000)

    assert (NOW_MS - 1_000, NOW_MS - 1_000) == (made.books.chains.grounded_ms, made.books.delivered.floor_ms)
    assert made.books.delivered.has_fill(("BTCUSDT", 8, 1), NOW_MS + 1)
    assert {7} < set(made.account.open_orders) | {8}


def test_a_fill_between_the_looks_that_did_not_come_is_doubted_at_the_next_word():
    """The second look shows what it made of the position; any order of that position asks why."""
    made = signed(is_grounded=False)
    made.ground(Recovery(positions=(position_row("0.5", NOW_MS - 5_000),)), NOW_MS - 1_000)
    made.ground(Recovery(positions=(position_row("0.7", NOW_MS),)), NOW_MS - 1_000)
    take(made, order_frame(x="NEW", X="NEW", z="0", l="0", t=0), now=100.0)

    assert ["the BOTH position"] == [fact.broken.what for fact in made.due(200.0)]


@pytest.mark.parametrize("shown", ["0.6", None])
def test_a_position_that_the_first_look_does_not_show_is_flat_only_when_the_second_does_not_either(shown):
    """REST may lag: it was opened a moment before everything is told, and the connection told of it."""
    made = signed(is_grounded=False)
    take(made, fill_frame(1, z="0.6"), account_frame("0.6", NOW_MS + 1))
    made.ground(Recovery(), NOW_MS + 100)
    key = ("BTCUSDT", "BOTH")

    assert Decimal("0.6") == made.books.chains.positions[key].base == made.account.position("BTCUSDT").amount

    made.ground(Recovery(positions=() if shown is None else (position_row(shown, NOW_MS + 1),)), NOW_MS + 3_100)
    assert Decimal(shown or 0) == made.books.chains.positions[key].base == made.account.position("BTCUSDT").amount


# Putting together


def test_recovered_fills_come_before_what_followed_them():
    """By the ids of their symbol, between held ones too; none is late, and each comes once."""
    made = signed()
    take(made, order_frame(), fill_frame(1))
    made.hold(None)
    take(made, fill_frame(5, z="0.5"), fill_frame(3, z="0.3"))
    events, tally = made.merge(recovery(1, 2, 3, 4))

    assert [(2, False), (3, False), (4, False), (5, False)] == ids(events)
    assert ["rest", "stream", "rest", "stream"] == [event.origin for event in events]
    assert (((NOW_MS + 2, "BTCUSDT"), (NOW_MS + 4, "BTCUSDT")), ()) == (tally.recovered, tally.late)
    assert [] == take(made, fill_frame(2), fill_frame(4))
    assert [(6, False)] == ids(take(made, fill_frame(6)))
    assert [] == list(made.books.chains.breaks())


def test_what_is_found_after_the_hold_was_let_go_is_late():
    """And counted so."""
    made = signed()
    made.hold(None)
    take(made, fill_frame(3))
    made.release()
    events, tally = made.merge(recovery(1, 2, 3, 4))

    assert [(1, True), (2, True), (4, False)] == ids(events)
    assert ((NOW_MS + 1, "BTCUSDT"), (NOW_MS + 2, "BTCUSDT")) == tally.late
    assert 3 == len(tally.recovered)


@pytest.mark.fault(58)
def test_copies_are_counted_from_the_hold_to_the_merge():
    """Those that the repair read, and those that came twice meanwhile."""
    made = signed()
    take(made, fill_frame(1), fill_frame(1))
    made.hold(None)
    take(made, fill_frame(2), fill_frame(2), fill_frame(1))
    made.hold(frozenset({"BTCUSDT"}))
    _, tally = made.merge(recovery(1, 2, duplicates=2))

    assert 4 == tally.duplicates
    assert 0 == made.merge(Recovery())[1].duplicates


def test_what_nobody_knows_any_more_is_expected_no_more():
    """Unknown orders are not open for the next repair, and sums that were looked at in vain are believed."""
    made = signed()
    take(
        made,
        order_frame(),
        fill_frame(2, z="0.5"),
        frame({"e": "ALGO_UPDATE", "E": 5, "T": NOW_MS, "o": {"aid": 3, "s": "BTCUSDT", "S": "SELL", "X": "NEW"}}),
    )
    assert {3} == set(made.books.algo_orders)
    made.merge(Recovery(unknown_orders=[("BTCUSDT", 7)], unknown_algos=[3], unbalanced=frozenset({"BTCUSDT"})))

    assert ({}, {}) == (made.books.open_orders(), made.books.algo_orders)
    assert [] == list(made.books.chains.breaks())


def test_a_merge_without_a_hold_delivers_what_was_found():
    """As after a hold that was let go."""
    made = signed()
    events, _ = made.merge(recovery(1))

    assert [(1, False)] == ids(events)
    assert Decimal("0.1") == made.account.order(7).filled_quantity


# A deaf connection


@pytest.mark.fault(27)
@pytest.mark.parametrize(
    "moments, told, found",
    [
        ([1_000], [], True),
        ([999], [], False),
        ([-5, 1_000], [], True),
        ([1_000], [0], False),
        ([1_000], [-1], True),
        ([8_001], [], False),
        ([8_001, 8_000], [], True),
        ([], [], False),
    ],
)
@pytest.mark.parametrize("kind", ["fills", "states"])
def test_a_connection_is_deaf_if_what_it_should_have_told_was_read_and_it_told_nothing(moments, told, found, kind):
    """What happened within a second of its opening, or since it was read last, may still come."""
    made = signed()
    take(made, *(order_frame(i=number, T=NOW_MS + at) for number, at in enumerate(told, 50)))
    dated = tuple((NOW_MS + at, "BTCUSDT") for at in moments)
    tally = MergeTally(dated) if kind == "fills" else MergeTally(states=tuple(at for at, _ in dated))

    assert found is made.is_deaf(tally, NOW_MS, NOW_MS + 9_000)
