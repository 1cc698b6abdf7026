"""What does not agree at first, and what is suspected of it in the end."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from binance_uds.protocol.ledger.chains import Break, Chains
from binance_uds.protocol.ledger.doubts import Doubts
from binance_uds.protocol.timings import Timings
from tests.protocol import told
from tests.protocol.told import BTC, ETH

TIMINGS = Timings(doubt=1.0, trade_lite_alone=5.0, suspicion_interval=30.0)
ORDER, OTHER_ORDER, POSITION = (BTC, 1), (BTC, 2), (BTC, "BOTH")


def doubting() -> Doubts:
    """The doubts of an account that was read whole at 100 ms, and had nothing."""
    return Doubts(Chains(100), TIMINGS)


def broken(doubts: Doubts, now: float, *, at_ms: int = 120, order_id: int = 1, symbol: str = BTC) -> Break:
    """Let the first fill of an order be missed, doubt the order, and return the break."""
    doubts.chains.fill(told.fill(2, 1, 2, at_ms=at_ms, order_id=order_id, symbol=symbol))
    doubts.order((symbol, order_id), now)
    return Break(symbol, 100, f"1 of order {order_id}")


def claimed(doubts: Doubts, now: float, amount: int = 1, at_ms: int = 120) -> Break:
    """Tell an amount of the position that the fills do not agree with, and return the break."""
    doubts.chains.position(POSITION, Decimal(amount), at_ms, is_from_order=True)
    doubts.position(POSITION, now)
    return Break(BTC, 100, "the BOTH position")


def test_at_first_nothing_is_doubted():
    """There is nothing to look at again."""
    doubts = doubting()

    assert None is doubts.next_due()
    assert [] == doubts.due(1e9)


def test_what_agrees_is_not_doubted():
    """An order and a position that add up, and such that nobody heard of."""
    doubts = doubting()
    doubts.chains.fill(told.fill(1, 1, 1, at_ms=120))
    doubts.order(ORDER, 10.0)
    doubts.position(POSITION, 10.0)
    doubts.order((ETH, 9), 10.0)
    doubts.position((ETH, "LONG"), 10.0)

    assert None is doubts.next_due()


@pytest.mark.parametrize("doubted", [broken, claimed])
def test_what_does_not_agree_is_suspected_after_a_second(doubted):
    """Not a moment before, and however often it was looked at meanwhile."""
    doubts = doubting()
    found = doubted(doubts, 10.0)
    doubts.order(ORDER, 10.9)
    doubts.position(POSITION, 10.9)

    assert 11.0 == doubts.next_due()
    assert [] == doubts.due(10.999)
    assert [found] == doubts.due(11.0)


def test_a_doubt_that_explains_itself_is_gone():
    """The fill that was missing came: nothing is to be looked at again, as soon as the chain is looked at."""
    doubts = doubting()
    broken(doubts, 10.0)
    claimed(doubts, 10.0, 2)
    doubts.chains.fill(told.fill(1, 1, 1, at_ms=110))
    doubts.order(ORDER, 10.5)
    doubts.position(POSITION, 10.5)

    assert None is doubts.next_due()


def test_a_doubt_that_was_explained_unseen_is_dropped_when_due():
    """A repair may have found the fill: no frame of the order came since."""
    doubts = doubting()
    broken(doubts, 10.0)
    claimed(doubts, 10.0, 2)
    doubts.chains.fill(told.found(1, 1, at_ms=110))
    doubts.chains.fills_found()

    assert [] == doubts.due(11.0)
    assert None is doubts.next_due()


def test_what_agreed_meanwhile_is_doubted_anew():
    """On a busy stream some account update is always ahead of its fill; each has a second of its own."""
    doubts = doubting()
    for number in range(1, 40):
        now = 10.0 + 0.1 * number
        claimed(doubts, now, number, 110 + 10 * number)
        if number > 1:
            doubts.chains.fill(told.fill(number - 1, 1, number - 1, at_ms=100 + 10 * number))
            doubts.position(POSITION, now)
        assert [] == doubts.due(now)

    assert 14.9 == pytest.approx(doubts.next_due())
    assert [Break(BTC, 490, "the BOTH position")] == doubts.due(14.9 + 1e-6)


def test_a_symbol_is_suspected_once_in_thirty_seconds():
    """Of all that does not agree of it the oldest is told, and as long as it does not, again."""
    doubts = doubting()
    doubts.chains.fill(told.fill(1, 1, 1, at_ms=110, order_id=2))
    doubts.chains.fill(told.fill(3, 1, 3, at_ms=120, order_id=2))
    doubts.order(OTHER_ORDER, 10.0)
    first = broken(doubts, 10.0)
    elsewhere = broken(doubts, 10.5, symbol=ETH)

    assert [first] == doubts.due(11.0)
    assert [elsewhere] == doubts.due(11.5)

    claimed(doubts, 12.0)
    assert [] == doubts.due(13.0)
    assert 41.0 == doubts.next_due()
    assert [first] == doubts.due(41.0)
    assert [elsewhere] == doubts.due(41.5)
    assert 71.0 == doubts.next_due()


def test_the_oldest_break_of_a_symbol_is_told():
    """What it takes to explain all of them is read from there on."""
    doubts = doubting()
    doubts.chains.fill(told.fill(1, 1, 1, at_ms=110))
    for at_ms, order_id in ((115, 2), (130, 3)):
        doubts.chains.order(told.order(0, at_ms=at_ms, order_id=order_id))
    for order_id in (1, 2, 3):
        doubts.chains.order(told.order(2, "CANCELED", at_ms=140, order_id=order_id))
        doubts.order((BTC, order_id), 10.0)

    assert [Break(BTC, 110, "1 of order 1")] == doubts.due(11.0)


# Fills told in short


def test_a_fill_told_in_short_has_five_seconds_to_be_told_in_full():
    """Then its order update counts as lost; told once, for a repair reads what there is."""
    doubts = doubting()
    doubts.announced(told.lite(7, at_ms=120, order_id=3), 10.0)

    assert 15.0 == doubts.next_due()
    assert [] == doubts.due(14.9)
    assert [Break(BTC, 120, "trade 7 of order 3")] == doubts.due(15.0)
    assert None is doubts.next_due()


@pytest.mark.parametrize("fill", [told.fill(7), told.found(7)])
def test_a_fill_that_was_told_in_full_is_not_waited_for(fill):
    """By the stream or by REST; that of another order with the same id is another."""
    doubts = doubting()
    doubts.announced(told.lite(7), 10.0)
    doubts.told(told.fill(7, order_id=2))
    doubts.told(told.fill(None))
    assert 15.0 == doubts.next_due()

    doubts.told(fill)
    assert None is doubts.next_due()


def test_a_payload_without_a_time_is_waited_for_all_the_same():
    """From then on everything is looked through."""
    doubts = doubting()
    doubts.announced(told.lite(7, transaction_time_ms=None), 10.0)

    assert [Break(BTC, 0, "trade 7 of order 1")] == doubts.due(15.0)


def test_a_fill_told_in_short_is_no_second_suspicion():
    """The account update of a lost fill was suspected after a second; its repair may explain this as well."""
    doubts = doubting()
    doubts.announced(told.lite(7, at_ms=130), 10.0)
    doubts.announced(told.lite(8, at_ms=130, symbol=ETH), 10.0)
    position = claimed(doubts, 10.0)

    assert [position] == doubts.due(11.0)
    assert [Break(ETH, 130, "trade 8 of order 1")] == doubts.due(15.0)

    doubts.chains.fill(told.found(7, 1, at_ms=120))
    doubts.chains.fills_found()
    assert 41.0 == doubts.next_due()
    assert [Break(BTC, 130, "trade 7 of order 1")] == doubts.due(41.0)


@given(
    st.lists(
        st.tuples(
            st.floats(0, 20),
            st.sampled_from(["order", "position", "lite", "told", "found"]),
            st.sampled_from([BTC, ETH]),
            st.integers(1, 3),
        ),
        max_size=30,
    )
)
def test_no_symbol_is_suspected_twice_within_the_interval(deeds):
    """Whatever is doubted and explained when: and everything that stays unexplained is suspected in the end."""
    doubts = doubting()
    now, suspected = 0.0, {BTC: -100.0, ETH: -100.0}

    def look(until: float) -> None:
        while (due := doubts.next_due()) is not None and due <= until:
            for one in doubts.due(due):
                assert due >= suspected[one.symbol] + 30.0
                suspected[one.symbol] = due
            assert None is doubts.next_due() or doubts.next_due() > due

    for wait, deed, symbol, order_id in deeds:
        now += wait
        look(now)
        if deed == "order":
            broken(doubts, now, order_id=order_id, symbol=symbol)
        elif deed == "position":
            doubts.chains.position((symbol, "BOTH"), Decimal(7), 120 + order_id, is_from_order=True)
            doubts.position((symbol, "BOTH"), now)
        elif deed == "lite":
            doubts.announced(told.lite(order_id, at_ms=120, symbol=symbol), now)
        elif deed == "told":
            doubts.told(told.fill(order_id, symbol=symbol))
        else:
            doubts.chains.rebase(symbol)
    look(now + 31.0)

    for one in doubts.chains.breaks():
        assert now < suspected[one.symbol] + 31.0
