"""What waits for the end of a repair, and in which order it goes out."""

from __future__ import annotations

from collections import Counter

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from binance_uds.events import usdm
from binance_uds.events.base import FROM_REST, Event
from binance_uds.events.usdm import OrderTradeUpdate
from binance_uds.protocol import held
from binance_uds.protocol.held import Hold, merged, symbols_of
from tests.protocol import told
from tests.protocol.told import BTC, ETH

#: Waits with all, and what it is about.
HELD = [
    (told.fill(1), (BTC,)),
    (told.order(), (BTC,)),
    (told.account(told.balance(1)), ()),
    (told.account(told.position(1), told.position(1, ETH)), (BTC, ETH)),
    (told.algo(), (BTC,)),
    (usdm.AccountConfigUpdate(symbol=BTC, leverage=3), (BTC,)),
    (usdm.AccountConfigUpdate(is_multi_assets_mode=True), ()),
]
#: Goes out at once.
SIGNALS = [
    (told.lite(1), (BTC,)),
    (usdm.MarginCall(), ()),
    (usdm.ListenKeyExpired(), ()),
    (usdm.StrategyUpdate(strategy_id=1, symbol=BTC), (BTC,)),
    (usdm.GridUpdate(strategy_id=1, symbol=BTC), (BTC,)),
    (usdm.ConditionalOrderTriggerReject(symbol=BTC, order_id=1), (BTC,)),
]


def name(event: object) -> str:
    """How a case is called."""
    return type(event).__name__


# Holding


@pytest.mark.parametrize(("event", "symbols"), HELD + SIGNALS, ids=name)
def test_an_event_is_about_its_symbols(event, symbols):
    """An account update about those of its positions, and some about none."""
    assert symbols == symbols_of(event)


@pytest.mark.parametrize(("event", "symbols"), HELD, ids=name)
def test_what_has_an_order_waits(event, symbols):
    """All of it in a gap of everything, what is about the symbol in a gap of one, nothing in one of balances alone."""
    assert Hold().wants(event)
    assert Hold(frozenset({BTC, "ADAUSDT"})).wants(event) is (BTC in symbols)
    assert Hold(frozenset({ETH})).wants(event) is (ETH in symbols)
    assert not Hold(frozenset()).wants(event)


@pytest.mark.parametrize(("event", "symbols"), SIGNALS, ids=name)
def test_a_signal_does_not_wait(event, symbols):
    """It would be worth nothing later."""
    assert not Hold().wants(event)


@pytest.mark.parametrize(
    ("first", "then", "together"),
    [
        ({BTC}, {ETH}, {BTC, ETH}),
        ({BTC}, set(), {BTC}),
        ({BTC}, None, None),
        (None, {BTC}, None),
        (None, None, None),
    ],
)
def test_a_hold_only_grows(first, then, together):
    """Another gap adds its symbols; what waits for all goes on waiting for all."""
    hold = Hold(None if first is None else frozenset(first))
    hold.widen(None if then is None else frozenset(then))

    assert together == hold.symbols


def test_what_waited_comes_out_once_and_in_order():
    """And the hold begins anew."""
    hold = Hold()
    waiting = [told.fill(2), told.order(), told.fill(1)]
    for event in waiting:
        hold.add(event, 500)

    assert waiting == hold.take()
    assert [] == hold.take()


@pytest.mark.fault(64)
def test_a_hold_is_bounded(monkeypatch):
    """By the number of events and by the bytes of their frames, both counted from when it was last emptied."""
    assert (100_000, 256 * 2**20) == (held.MOST_FRAMES, held.MOST_BYTES)

    monkeypatch.setattr(held, "MOST_FRAMES", 3)
    monkeypatch.setattr(held, "MOST_BYTES", 1_000)
    hold = Hold()
    fullness = []
    for size in (1, 1, 1):
        hold.add(told.order(), size)
        fullness.append(hold.is_full)
    hold.take()
    for size in (999, 1):
        hold.add(told.order(), size)
        fullness.append(hold.is_full)

    assert [False, False, True, False, True] == fullness


# The order of delivery


def trade_ids(events: object) -> list:
    """The trade ids of fills, and of other events their classes."""
    return [event.trade_id if getattr(event, "trade_id", None) else type(event).__name__ for event in events]


def test_recovered_fills_go_before_the_live_ones_that_followed():
    """By their ids, whatever order the rows came in."""
    live = [told.fill(5, at_ms=50), told.fill(6, at_ms=60)]
    recovered = [told.found(4, at_ms=40), told.found(7, at_ms=70), told.found(3, at_ms=40)]

    assert [3, 4, 5, 6, 7] == trade_ids(merged(live, recovered))


def test_held_fills_are_put_in_order():
    """Two connections do not tell in one order; without a repair, too."""
    assert [1, 2, 3] == trade_ids(merged([told.fill(3), told.fill(1), told.fill(2)], ()))
    assert [] == list(merged((), ()))


@pytest.mark.fault(59)
def test_the_legs_of_a_self_trade_stay_together():
    """They share the trade id; the order ids decide, whichever of them was lost."""
    first_lost = [told.found(5, order_id=1), told.fill(5, order_id=2)]
    second_lost = [told.fill(5, order_id=1), told.found(5, order_id=2)]

    assert first_lost == list(merged(first_lost[1:], first_lost[:1]))
    assert second_lost == list(merged(second_lost[:1], second_lost[1:]))


@pytest.mark.parametrize("other", [told.order, told.account, told.algo])
def test_what_is_no_fill_comes_after_the_fills_that_happened_before(other):
    """Those of its own millisecond as well; of another symbol it waits for none."""
    rows = (told.position(1),) if other is told.account else ()
    status = {"execution_type": "CANCELED"} if other is told.order else {}
    event = other(*rows, at_ms=50, **status)
    recovered = [told.found(3, at_ms=40), told.found(4, at_ms=50), told.found(5, at_ms=51)]

    assert [3, 4, name(event), 5] == trade_ids(merged([event], recovered))

    elsewhere = [attrs.evolve(fill, symbol=ETH) for fill in recovered]
    assert [name(event), 3, 4, 5] == trade_ids(merged([event], elsewhere))


def test_an_order_is_placed_before_it_is_filled():
    """A market order is placed and filled in one millisecond."""
    assert ["OrderTradeUpdate", 4] == trade_ids(merged([told.order(at_ms=50)], [told.found(4, at_ms=50)]))
    assert [3, "OrderTradeUpdate"] == trade_ids(merged([told.order(at_ms=50)], [told.found(3, at_ms=49)]))


def test_a_held_fill_is_not_overtaken_by_a_recovered_one():
    """The account update of the lost fill was ahead of the fill before it: that one goes out first."""
    live = [told.account(told.position(2), at_ms=60), told.fill(5, at_ms=50)]

    assert [5, 6, "AccountUpdate"] == trade_ids(merged(live, [told.found(6, at_ms=60)]))


def test_an_event_of_several_symbols_waits_for_all_of_them():
    """An account update tells of the positions of both."""
    update = told.account(told.position(1), told.position(1, ETH), at_ms=50)
    recovered = [told.found(8, at_ms=45, symbol=ETH), told.found(3, at_ms=50), told.found(9, at_ms=55, symbol=ETH)]

    assert [3, 8, "AccountUpdate", 9] == trade_ids(merged([update], recovered))


def test_an_event_without_a_time_waits_for_nothing():
    """Nothing tells what happened before it."""
    undated = told.order(transaction_time_ms=None)

    assert ["OrderTradeUpdate", 1] == trade_ids(merged([undated], [told.found(1, at_ms=5)]))
    assert [1, "OrderTradeUpdate"] == trade_ids(
        merged([told.order(execution_type="CANCELED", at_ms=5)], [told.found(1, transaction_time_ms=None)])
    )


def test_a_fill_without_an_id_keeps_its_place():
    """Nothing tells between which others it belongs."""
    live = [told.fill(2), told.fill(None, side="SELL", at_ms=1), told.fill(1)]

    assert [1, "OrderTradeUpdate", 2] == trade_ids(merged(live, ()))


def test_across_symbols_recovered_fills_go_by_time():
    """Within a symbol the ids decide, even where the times say otherwise."""
    recovered = [
        told.found(1, at_ms=10),
        told.found(2, at_ms=40),
        told.found(3, at_ms=30),
        told.found(1, at_ms=20, symbol=ETH),
        told.found(2, at_ms=50, symbol=ETH),
    ]
    order = [(BTC, 1), (ETH, 1), (BTC, 2), (BTC, 3), (ETH, 2)]

    assert order == [(fill.symbol, fill.trade_id) for fill in merged((), recovered[::-1])]


#: Trades of two symbols: how much later than the one before, of which symbol, and who told of it: the stream, or REST.
TRADES = st.lists(
    st.tuples(st.sampled_from([0, 1, 3]), st.sampled_from([BTC, ETH]), st.sampled_from(["stream", "rest"])),
    max_size=12,
)


@st.composite
def gaps(draw: st.DrawFn) -> tuple[list[Event], list[OrderTradeUpdate]]:
    """What is held and what was recovered: fills with their account updates, mixed as types overtake each other."""
    at_ms, fills, updates, recovered = 100, [], [], []
    for number, (later_ms, symbol, teller) in enumerate(draw(TRADES), 1):
        at_ms += later_ms
        if teller == "rest":
            recovered.append(told.found(number, at_ms=at_ms, symbol=symbol))
        else:
            fills.append(told.fill(number, at_ms=at_ms, symbol=symbol))
        if draw(st.booleans()):
            symbols = draw(st.sampled_from([(BTC,), (ETH,), (BTC, ETH), ()]))
            updates.append(told.account(*(told.position(number, symbol) for symbol in symbols), at_ms=at_ms))
        elif draw(st.booleans()):
            cancel = told.order(0, "CANCELED", order_id=100 + number, at_ms=at_ms, symbol=symbol)
            fills.append(cancel)
    waiting = []
    while fills or updates:
        row = draw(st.sampled_from([row for row in (fills, updates) if row]))
        waiting.append(row.pop(0))
    return waiting, draw(st.permutations(recovered))


def is_fill(event: Event) -> bool:
    """Whether something was traded."""
    return isinstance(event, OrderTradeUpdate) and event.is_fill


@pytest.mark.fault(58)
@given(gaps())
def test_nothing_is_lost_doubled_or_out_of_order(gap):
    """Fills go by their ids within a symbol, and whatever else was told goes out once, as it was."""
    waiting, recovered = gap
    out = list(merged(waiting, recovered))

    assert Counter(map(id, [*waiting, *recovered])) == Counter(map(id, out))
    for symbol in (BTC, ETH):
        ids = [event.trade_id for event in out if is_fill(event) and symbols_of(event) == (symbol,)]
        assert sorted(ids) == ids


@given(gaps())
def test_what_is_no_fill_keeps_its_place_behind_what_happened_before(gap):
    """Among its like nothing moves, and no recovered fill comes after what it happened before."""
    waiting, recovered = gap
    out = list(merged(waiting, recovered))
    others = [event for event in out if not is_fill(event)]

    assert [event for event in waiting if not is_fill(event)] == others
    for event in others:
        behind = out[out.index(event) + 1 :]
        for fill in (one for one in behind if one.origin == FROM_REST and one.symbol in symbols_of(event)):
            assert fill.transaction_time_ms > event.transaction_time_ms


def test_a_full_hold_is_merged_in_one_go(monkeypatch):
    """Each event is looked at a few times, however many were recovered."""
    looks: Counter[str] = Counter()
    by_trade = held._by_trade

    def look(fill: OrderTradeUpdate) -> object:
        looks["taken"] += 1
        return by_trade(fill)

    monkeypatch.setattr(held, "_by_trade", look)
    live: list[Event] = []
    for number in range(1, 1_001):
        live += [told.account(told.position(number), at_ms=number), told.fill(2 * number, at_ms=number)]
    recovered = [told.found(2 * number + 1, at_ms=number) for number in range(1, 1_001)]
    out = list(merged(live, recovered))

    assert list(range(2, 2_002)) == [event.trade_id for event in out if is_fill(event)]
    assert 10 * len(out) > looks["taken"]
