"""Rows of what was handed over: copied from the books, or worked out."""

from __future__ import annotations

from decimal import Decimal

import pytest

from binance_uds.protocol.ledger.books import Books
from binance_uds.protocol.ledger.handed_rows import HandedRows
from tests.protocol.ledger.steps import T, algo, fill, grounded_books, position

EVENTS = (fill(11), position("0.1", T + 11), algo("NEW", T + 12))


def entered(*events: object) -> Books:
    """Return the books of a grounded account that was told these."""
    books = grounded_books()
    for event in events:
        books.enter(event)
    return books


def shown(rows: HandedRows) -> tuple[object, ...]:
    """Return the rows of what is counted."""
    return (rows.orders, rows.positions, rows.algo_orders, rows.balances)


def test_what_is_taken_does_not_grow_with_the_books():
    """A row is what the books knew then."""
    books, rows = entered(*EVENTS), HandedRows(grounded_ms=T)
    rows.take(books)
    books.enter(fill(12))

    assert Decimal("0.1") == rows.orders["BTCUSDT", 7].counted
    assert [] == rows.positions["BTCUSDT", "BOTH"].fills


def test_only_what_was_touched_is_taken():
    """Whatever else the books know is in the rows already."""
    books, rows = entered(*EVENTS), HandedRows(grounded_ms=T)
    books.touched.clear()
    rows.take(books)

    assert ({}, {}, {}, {}) == shown(rows)


def test_what_is_gone_from_the_books_is_taken_away():
    """A conditional order that ended leaves no row."""
    books, rows = entered(*EVENTS), HandedRows(grounded_ms=T)
    rows.take(books)
    standing = list(rows.algo_orders)
    books.enter(algo("CANCELED", T + 13))
    rows.take(books)

    assert ([5], {}) == (standing, rows.algo_orders)


def test_an_event_is_counted_as_the_books_count_it():
    """On rows that were there before, which stay as they are for whoever holds them."""
    rows = HandedRows(grounded_ms=T)
    for event in EVENTS:
        rows.count(event)
    before = rows.copy()
    rows.count(fill(12))

    assert shown(HandedRows.of(entered(*EVENTS), {}, counts=True)) == shown(before)
    assert shown(HandedRows.of(entered(*EVENTS, fill(12)), {}, counts=True)) == shown(rows)


@pytest.mark.parametrize(("counts", "expected"), [(True, T), (False, None)])
def test_without_a_secret_the_books_have_counted_nothing(counts, expected):
    """Only fills are taken from them."""
    books = entered(*EVENTS)
    books.delivered.add_fill(("BTCUSDT", 7, 11), T + 11)
    rows = HandedRows.of(books, {"BTCUSDT": 11}, counts=counts)

    assert ({("BTCUSDT", 7, 11): T + 11}, {"BTCUSDT": 11}) == (rows.fills, rows.highest)
    assert (expected, counts) == (rows.grounded_ms, bool(rows.orders))


def test_there_is_no_cursor_before_there_is_a_beginning():
    """Of the books, or of whoever asks."""
    rows = HandedRows()
    rows.add_fill(fill(11))
    asked = rows.cursor("usdm", "ab12cd", T)
    assert asked is not None

    assert rows.cursor("usdm", "ab12cd") is None
    assert (T, T + 11, {("BTCUSDT", 7, 11)}) == (asked.since_ms, asked.newest_ms, asked.fills)


def test_fills_of_before_the_beginning_are_not_in_a_cursor():
    """They are in what the beginning says."""
    rows = HandedRows(floor_ms=T + 12)
    for trade_id in (11, 12):
        rows.add_fill(fill(trade_id))
    asked = rows.cursor("usdm", "ab12cd")
    assert asked is not None

    assert {("BTCUSDT", 7, 12)} == asked.fills
