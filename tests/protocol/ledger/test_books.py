"""What the stream told of an account, and which rows of REST are news to it."""

from __future__ import annotations

import random
from decimal import Decimal
from typing import Any

import attrs
import pytest

from binance_uds.events import usdm, usdm_rows
from binance_uds.events.base import FROM_REST, Event
from binance_uds.protocol.ledger.books import Books, OpenAlgo
from binance_uds.protocol.ledger.chains import ENDED, Chains
from tests.account_history import History
from tests.protocol import told
from tests.protocol.told import BTC, ETH

ADA = "ADAUSDT"
#: When the account was read whole; everything in these tests comes after it.
GROUNDED_MS = 100
BOTH = (BTC, "BOTH")


def books(*events: Event) -> Books:
    """The books of an account that was read whole and had nothing, after some events."""
    made = Books(chains=Chains(GROUNDED_MS))
    for event in events:
        made.enter(event)
    return made


# What is told


def test_orders_and_fills_are_counted():
    """A fill that was told twice would be counted twice: whoever enters it knows that it is new."""
    made = books(told.order(0, at_ms=110), told.fill(1, 1, 1, at_ms=120), told.fill(3, 1, 3, at_ms=130))

    assert (3, 2) == (made.chains.orders[BTC, 1].claimed, made.chains.orders[BTC, 1].counted)
    assert 2 == made.chains.positions[BOTH].expected(130)


@pytest.mark.parametrize("event", [told.lite(1), usdm.MarginCall(), usdm.AccountConfigUpdate(symbol=BTC)])
def test_what_tells_of_neither_is_no_entry(event):
    """Signals, settings and early copies change nothing."""
    made = books(event)

    assert ({}, {}, {}, {}) == (made.chains.orders, made.chains.positions, made.algo_orders, made.balances)


@pytest.mark.parametrize(
    ("reason", "is_believed"),
    [("ORDER", False), (None, False), ("FUNDING_FEE", True), ("ADL", True), ("something new", True)],
)
def test_positions_are_compared_where_a_trade_changed_them(reason, is_believed):
    """What changed them otherwise is no sum of fills; a reason that is missing explains nothing."""
    made = books(told.account(told.position(2), told.position(1, ETH, "LONG"), at_ms=110, reason=reason))

    assert is_believed is (None is made.chains.broken_position(BOTH))
    assert is_believed is (None is made.chains.broken_position((ETH, "LONG")))


def test_rows_of_rest_have_all_fills_of_their_moment():
    """And the stream's have some."""
    fill, update = told.fill(1, 2, 2, at_ms=110), told.account(told.position(2), at_ms=110, reason=None)
    of_stream = books(fill, update)
    of_rest = books(fill, usdm.AccountUpdate(transaction_time_ms=110, origin=FROM_REST, positions=update.positions))

    assert (False, True) == tuple(made.chains.positions[BOTH].is_whole for made in (of_stream, of_rest))


def test_the_newest_balance_counts():
    """Of two of one moment the later; an update without a time is older than any."""
    made = books(
        told.account(told.balance(5), told.balance(1, "BNB"), at_ms=110),
        told.account(told.balance(6), at_ms=110),
        told.account(told.balance(7), at_ms=109),
        told.account(told.balance(8), transaction_time_ms=None),
        told.account(told.balance(9, "ETH"), transaction_time_ms=None),
    )

    assert {"USDT": (110, 6), "BNB": (110, 1), "ETH": (0, 9)} == made.balances


def test_a_conditional_order_is_open_until_its_end():
    """Its newest status counts, and its end is final."""
    made = books(told.algo(at_ms=110), told.algo("TRIGGERING", at_ms=120), told.algo(at_ms=119))
    assert {1: OpenAlgo(BTC, "TRIGGERING", 120)} == made.algo_orders

    made.enter(told.algo("TRIGGERED", at_ms=120))
    assert {1: OpenAlgo(BTC, "TRIGGERED", 120)} == made.algo_orders


@pytest.mark.parametrize("status", ["FINISHED", "CANCELED", "REJECTED", "EXPIRED"])
def test_a_conditional_order_that_ended_is_not_open_again(status):
    """Whatever older word of it still comes; also when nothing was told of it before its end."""
    known = books(told.algo(at_ms=110), told.algo(status, at_ms=120), told.algo(at_ms=130))
    unknown = books(told.algo(status, transaction_time_ms=None), told.algo(transaction_time_ms=None))

    assert ({}, {}) == (known.algo_orders, unknown.algo_orders)
    assert not known.lacks_algo(told.algo_row(at_ms=140))


# What is asked


def test_open_orders_are_told_with_the_time_of_their_last_word():
    """Those of some symbols, or all."""
    made = books(
        told.order(at_ms=110),
        told.fill(1, 1, 1, at_ms=120),
        told.order(at_ms=130, symbol=ETH),
        told.order(0, "CANCELED", at_ms=140, order_id=2),
    )

    assert {(BTC, 1): 120, (ETH, 1): 130} == made.open_orders()
    assert {(ETH, 1): 130} == made.open_orders([ETH, ADA])
    assert {} == made.open_orders(())


def test_symbols_are_those_in_which_something_may_have_happened():
    """An order that is not forgotten yet, a position or what looks like one, an open conditional order."""
    made = books(
        told.order(0, "CANCELED", at_ms=110, symbol="ORDERED"),
        told.account(told.position(1, "HELD"), at_ms=110, reason="ADL"),
        told.account(told.position(1, "CLAIMED"), at_ms=110),
        told.account(told.position(0, "FLAT"), at_ms=110),
        told.algo(symbol="ALGO", algo_id=1),
        told.algo("CANCELED", symbol="ENDED", algo_id=2),
        told.fill(1, at_ms=110, symbol="TRADED"),
    )
    del made.chains.orders["TRADED", 1]

    assert {"ORDERED", "HELD", "CLAIMED", "ALGO", "TRADED"} == made.symbols()


def test_open_positions_are_told_with_the_time_of_their_last_change():
    """By the fills that came, or by the last word of the exchange: where they differ REST has to be asked."""
    made = books(
        told.fill(1, 2, 2, at_ms=110, position_side="LONG"),
        told.account(told.position(2, position_side="LONG"), at_ms=110),
        told.fill(2, 2, 4, at_ms=120, position_side="SHORT"),
        told.fill(3, 2, 6, at_ms=130, position_side="SHORT", side="SELL"),
        told.fill(4, 2, at_ms=110, symbol=ETH),
        told.fill(5, 2, at_ms=120, symbol=ETH, side="SELL"),
        told.account(told.position(1, ETH), at_ms=140),
        told.fill(6, 2, at_ms=110, symbol=ADA),
        told.account(told.position(2, ADA), at_ms=110),
        told.fill(7, 2, at_ms=120, symbol=ADA, side="SELL"),
    )

    assert {(BTC, "LONG"): 110, (ETH, "BOTH"): 140, (ADA, "BOTH"): 120} == made.open_positions()


def test_a_position_whose_opening_was_audited_and_whose_closing_is_news_is_flat():
    """Nobody ever told it to be open, so REST, which does not show it, contradicts nothing."""
    made = books(told.fill(1, 2, 2, at_ms=110), told.fill(2, 2, 2, at_ms=130, side="SELL"))
    made.forget_before(120)

    assert {} == made.open_positions()


def test_a_position_told_to_be_open_stays_so_until_its_end_is_told():
    """Not even when fills that close it were audited."""
    made = books(
        told.fill(1, 2, 2, at_ms=110),
        told.account(told.position(2), at_ms=110),
        told.fill(2, 2, 2, at_ms=130, side="SELL"),
    )
    made.forget_before(140)

    assert {(BTC, "BOTH"): 130} == made.open_positions()

    made.enter(told.account(told.position(0), at_ms=130))
    assert {} == made.open_positions()


# Whether a row is news


@pytest.mark.parametrize(
    ("row", "is_news"),
    [
        ({"total": 1}, False),
        ({"total": 2}, True),
        ({"total": 0, "at_ms": 110}, False),
        *(({"total": 1, "status": status}, True) for status in sorted(ENDED)),
        ({"quantity": Decimal(6), "at_ms": 121}, True),
        ({"price": Decimal(8), "at_ms": 121}, True),
        ({"quantity": Decimal(6), "at_ms": 120}, False),
    ],
)
def test_a_row_of_a_known_order_is_news_by_what_it_adds(row, is_news):
    """More fills, an end, or newer terms; what REST shows late is none."""
    made = books(told.fill(1, 1, 1, at_ms=120, quantity=Decimal(5), price=Decimal(9)))
    full = {"total": 1, "at_ms": 121, "quantity": Decimal(5), "price": Decimal(9), **row}

    assert is_news is made.lacks_order(told.order_row(**full))


def test_the_end_of_an_order_is_news_once():
    """And terms nobody told are no news."""
    made = books(told.order(0, "CANCELED", at_ms=120))

    assert not made.lacks_order(told.order_row(0, "CANCELED", at_ms=130, quantity=Decimal(5)))


@pytest.mark.parametrize("status", ["NEW", "CANCELED"])
def test_a_row_of_an_order_that_the_exchange_did_not_know_is_news(status):
    """Nobody was told how it ended, nor whether."""
    made = books(told.order(0, at_ms=120))
    [key] = made.chains.orders
    made.chains.order_ended(key)

    assert made.lacks_order(told.order_row(0, status, at_ms=120))


@pytest.mark.parametrize(
    ("created_ms", "at_ms", "is_news"), [(100, 200, True), (99, 200, False), (None, 200, False), (100, 199, False)]
)
def test_an_unknown_order_is_news_when_the_stream_should_have_told_of_it(created_ms, at_ms, is_news):
    """It was placed after the account was read whole, and was not forgotten since because it had ended."""
    made = books()
    made.delivered.forget_before(200)
    row = told.order_row(created_ms=created_ms, at_ms=at_ms)

    assert is_news is made.lacks_order(row)
    assert not Books().lacks_order(row)


@pytest.mark.parametrize(
    ("row", "is_news"),
    [
        (told.algo_row("NEW", at_ms=130), False),
        (told.algo_row("TRIGGERED", at_ms=120), False),
        (told.algo_row("TRIGGERED", at_ms=121), True),
        (told.algo_row("CANCELED", at_ms=121), True),
        (told.algo_row("NEW", algo_id=2), True),
        (told.algo_row("CANCELED", algo_id=2), False),
    ],
)
def test_a_row_of_a_conditional_order_is_news_by_its_status(row, is_news):
    """When it is newer; of one nobody told of, only that it stands open."""
    assert is_news is books(told.algo(at_ms=120)).lacks_algo(row)


@pytest.mark.parametrize(
    ("row", "is_news"),
    [
        (told.balance_row(6, at_ms=121), True),
        (told.balance_row(5, at_ms=121), False),
        (told.balance_row(6, at_ms=120), True),
        (told.balance_row(6, at_ms=119), False),
        (told.balance_row(1, asset="BNB"), True),
        (told.balance_row(0, asset="BNB"), False),
        (told.balance_row(1, asset="BNB", at_ms=0), True),
    ],
)
def test_a_row_of_a_balance_is_news_when_it_is_newer(row, is_news):
    """And says something else; it shows what its millisecond ended with, and an asset without a word has nothing."""
    assert is_news is books(told.account(told.balance(5), at_ms=120)).lacks_balance(row)


@pytest.mark.parametrize(
    ("row", "is_news"),
    [
        (told.position_row(2, at_ms=120), False),
        (told.position_row(3, at_ms=120), True),
        (told.position_row(3, at_ms=119), False),
        (told.position_row(5, at_ms=130), False),
        (told.position_row(2, at_ms=130), True),
        (told.position_row(1, symbol=ETH), True),
        (told.position_row(0, symbol=ETH), False),
    ],
)
def test_a_row_of_a_position_is_news_when_the_fills_do_not_agree(row, is_news):
    """Those up to its moment; it may know more of the very millisecond that the stream told last."""
    made = books(
        told.fill(1, 2, 2, at_ms=120), told.account(told.position(2), at_ms=120), told.fill(2, 3, 5, at_ms=130)
    )

    assert is_news is made.lacks_position(row)


@pytest.mark.parametrize(
    ("margin", "at_ms", "is_news"),
    [(6, 130, True), (5, 130, False), (6, 120, False), (6, 119, False), (None, 130, False)],
)
def test_a_row_of_a_position_is_news_when_its_margin_changed_alone(margin, at_ms, is_news):
    """As by a funding fee of an isolated position; not within a millisecond of which the stream may know more."""
    isolated = attrs.evolve(told.position(2), isolated_wallet=Decimal(5))
    made = books(told.fill(1, 2, 2, at_ms=110), told.account(isolated, at_ms=120))
    row = attrs.evolve(told.position_row(2, at_ms=at_ms), isolated_wallet=None if margin is None else Decimal(margin))

    assert is_news is made.lacks_position(row)


def test_the_newest_word_about_a_margin_counts():
    """Whatever comes late, and also where an update does not tell it."""
    isolated = [attrs.evolve(told.position(2), isolated_wallet=value) for value in (Decimal(6), Decimal(5), None)]
    made = books(*(told.account(one, at_ms=at_ms) for one, at_ms in zip(isolated, (130, 120, 140))))

    assert {BOTH: (130, Decimal(6))} == made.margins


# What is over


def test_a_conditional_order_that_the_exchange_does_not_know_is_over():
    """Whether or not anything was told of it."""
    made = books(told.algo(at_ms=110))
    made.algo_ended(1)
    made.algo_ended(2)

    assert {} == made.algo_orders


def test_what_was_audited_is_forgotten():
    """Fills, orders that ended, conditional orders that ended."""
    made = books(told.order(0, "CANCELED", at_ms=110), told.algo("CANCELED", at_ms=110))
    made.enter(told.algo("CANCELED", at_ms=120, algo_id=2))
    made.delivered.add_fill((BTC, 1, 1), 110)
    made.forget_before(120)

    assert ([], {}, {2: 120}) == ([*made.delivered.all_fills()], made.chains.orders, made._ended_algos)
    assert 120 == made.delivered.floor_ms
    assert made.lacks_algo(told.algo_row(at_ms=130))


# Against an exchange


def rows_of(history: History) -> list[Any]:
    """What REST shows of everything at the end of a history."""
    made = []
    for event in history.last_words:
        if isinstance(event, usdm.AccountUpdate):
            at_ms = event.transaction_time_ms
            made += [told.balance_row(row.wallet_balance, asset=row.asset, at_ms=at_ms) for row in event.balances]
            made += [
                told.position_row(row.amount, symbol=row.symbol, position_side=row.position_side, at_ms=at_ms)
                for row in event.positions
            ]
        elif isinstance(event, usdm.AlgoUpdate):
            made.append(
                told.algo_row(event.status, at_ms=event.transaction_time_ms, algo_id=event.algo_id, symbol=event.symbol)
            )
        elif not event.is_fill:
            made.append(
                told.order_row(
                    event.filled_quantity,
                    event.status,
                    at_ms=event.transaction_time_ms,
                    order_id=event.order_id,
                    symbol=event.symbol,
                    quantity=event.quantity,
                    price=event.price,
                )
            )
    return made


def lacking(made: Books, rows: list[Any]) -> list[Any]:
    """The rows that are news."""
    ask = {
        usdm_rows.OrderRow: made.lacks_order,
        usdm_rows.AlgoRow: made.lacks_algo,
        usdm_rows.BalanceRow: made.lacks_balance,
        usdm_rows.PositionRow: made.lacks_position,
    }
    return [row for row in rows if ask[type(row)](row)]


def entered(history: History, lost: Event | None = None) -> Books:
    """Books of what the stream told in a history, each thing once, but for what was lost."""
    made = Books(chains=Chains(0))
    for event in history.told:
        if event.origin == FROM_REST or event is lost:
            continue
        if isinstance(event, usdm.OrderTradeUpdate) and event.is_fill:
            made.delivered.add_fill((event.symbol, event.order_id, event.trade_id), event.trade_time_ms)
        made.enter(event)
    return made


@pytest.mark.parametrize("hedge_mode", [False, True], ids=["one-way", "hedge"])
@pytest.mark.parametrize("seed", range(8))
def test_after_a_life_without_a_loss_no_row_is_news(seed, hedge_mode):
    """Amendments, partial fills, liquidations, transfers and settings, now and then within one millisecond."""
    history = History(seed, hedge_mode=hedge_mode)
    made = entered(history)

    assert [] == list(made.chains.breaks())
    assert [] == lacking(made, rows_of(history))


@pytest.mark.parametrize("hedge_mode", [False, True], ids=["one-way", "hedge"])
@pytest.mark.parametrize("seed", range(8))
def test_whatever_fill_is_lost_a_row_shows_it(seed, hedge_mode):
    """Of its order, whether or not the stream noticed."""
    history = History(seed, hedge_mode=hedge_mode)
    fills = [
        event
        for event in history.told
        if isinstance(event, usdm.OrderTradeUpdate) and event.is_fill and event.origin != FROM_REST
    ]
    lost = random.Random(seed).choice(fills)
    made = entered(history, lost)
    of_order = [row for row in lacking(made, rows_of(history)) if isinstance(row, usdm_rows.OrderRow)]

    assert [(lost.symbol, lost.order_id)] == [(row.symbol, row.order_id) for row in of_order]
