"""Reads that need several pages: nothing between two of them is lost, whatever stands at their edges."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from binance_uds.protocol.reading import errands, reads
from binance_uds.protocol.reading.errands import Answer, Pages
from binance_uds.protocol.reading.reads import LONGEST_SPAN_MS, Read
from tests.protocol.trader import DAY_MS, START_MS, Led, income_row, lead, order_row, trade_row

NOW_MS = START_MS + DAY_MS
REFUSAL = Answer(sent_ms=NOW_MS, refused=-1130)

#: Short pages, so that few rows need several.
pages_of_orders = functools.partial(errands.pages_of_orders, size=3)
pages_of_income = functools.partial(errands.pages_of_income, size=3)
pages_of_one_symbol = functools.partial(errands.pages_of_one_symbol, size=3)
pages_of_trades = functools.partial(errands.pages_of_trades, size=3)


def moment_of(row: Any) -> int:
    """Return the time by which a row is found."""
    for name in ("trade_time_ms", "creation_time_ms", "time_ms"):
        if hasattr(row, name):
            return getattr(row, name)
    raise AssertionError(row)


def shelf(rows: Sequence[Any], malformed: Sequence[int] = (), most: int = 3) -> Callable[[Read], Answer]:
    """Answer reads of these rows as the exchange does, so many at most; those of some numbers cannot be used."""

    def answer(read: Read) -> Answer:
        asked = read.parameters
        inside = list(enumerate(rows))
        if "fromId" in asked:
            inside = [(at, row) for at, row in inside if row.trade_id >= asked["fromId"]]
        elif "orderId" in asked:
            inside = [(at, row) for at, row in inside if row.order_id >= asked["orderId"]]
        else:
            end_ms = asked.get("endTime", asked["startTime"] + LONGEST_SPAN_MS)
            inside = [(at, row) for at, row in inside if asked["startTime"] <= moment_of(row) <= end_ms]
        page = inside[:most]
        return Answer(
            tuple(row for at, row in page if at not in malformed),
            tuple(f"row {at}" for at, _ in page if at in malformed),
            NOW_MS,
        )

    return answer


def in_turn(*answers: Answer) -> Callable[[Read], Answer]:
    """Answer one read after the other, whatever is asked."""
    left = list(answers)
    return lambda read: left.pop(0)


def once(led: Led) -> list[Any]:
    """Return the rows that were read, each once; those at the edges of pages come twice."""
    return list(dict.fromkeys(led.found.rows))


def symbols(led: Led) -> set[Any]:
    """Return the symbols that were read."""
    return {row.symbol for row in led.found.rows}


def windows(led: Led) -> list[tuple[int, int]]:
    """Return the first and last millisecond of each read by time."""
    return [
        (asked["startTime"], asked.get("endTime", NOW_MS))
        for asked in (read.parameters for read in led.reads)
        if "startTime" in asked
    ]


# Orders of all symbols


def orders_at(*moments: int):
    """Return orders placed so many milliseconds after the start."""
    return [order_row(number, creation_time_ms=START_MS + at) for number, at in enumerate(moments, 1)]


@pytest.mark.parametrize("count", range(9))
def test_orders_are_read_to_the_last_page(count):
    """A short page is the last; after a full one another follows, and begins with the last millisecond again."""
    rows = orders_at(*range(count))
    led = lead(pages_of_orders(START_MS, NOW_MS), shelf(rows))

    assert rows == once(led)
    assert led.found.is_whole
    # The first page brings three new ones, each other two.
    assert 1 + max(0, count - 1) // 2 == len(led.reads)
    assert all("endTime" not in asked for asked in led.read("all_orders"))


def test_orders_of_one_millisecond_over_a_page_boundary_are_all_read_once():
    """Two orders of the last millisecond of a page stand on this one and the next."""
    rows = orders_at(1, 2, 2, 3)

    assert rows == once(lead(pages_of_orders(START_MS, NOW_MS), shelf(rows)))


def test_a_page_of_a_single_millisecond_does_not_repeat_itself():
    """There is no telling the rest of such a millisecond apart; the next page begins behind it."""
    rows = orders_at(1, 1, 1, 1, 2)

    assert [*rows[:3], rows[4]] == once(lead(pages_of_orders(START_MS, NOW_MS), shelf(rows)))


@pytest.mark.parametrize("days", [7, 8, 30])
def test_long_spans_are_read_in_windows_of_seven_days(days):
    """No read spans more than the exchange allows, nothing lies between two of them, and the last is open."""
    since_ms = NOW_MS - days * DAY_MS
    led = lead(pages_of_orders(since_ms, NOW_MS), shelf([]))
    spans = windows(led)

    assert Pages(sent_ms=NOW_MS) == led.found
    assert since_ms == spans[0][0]
    assert [end_ms + 1 for _, end_ms in spans[:-1]] == [start_ms for start_ms, _ in spans[1:]]
    assert all(end_ms - start_ms <= LONGEST_SPAN_MS for start_ms, end_ms in spans)
    assert [False] * (len(spans) - 1) + [True] == ["endTime" not in asked for asked in led.read("all_orders")]


def test_a_full_page_inside_a_window_is_followed_by_the_rest_of_it():
    """What does not fit on a page of a window that has an end is read before the next window."""
    since_ms = NOW_MS - 8 * DAY_MS
    rows = [order_row(number, creation_time_ms=since_ms + number) for number in range(1, 6)]
    rows.append(order_row(9, creation_time_ms=NOW_MS - 1))

    assert rows == once(lead(pages_of_orders(since_ms, NOW_MS), shelf(rows)))


@pytest.mark.parametrize(
    "paging",
    [
        lambda start_ms: pages_of_orders(start_ms, NOW_MS),
        lambda start_ms: pages_of_income(start_ms, NOW_MS),
        lambda start_ms: pages_of_trades("BTCUSDT", start_ms, NOW_MS),
    ],
    ids=["orders", "income", "trades"],
)
@pytest.mark.parametrize("days, asked", [(1, 1), (88, 88), (89, 88), (400, 88)])
def test_nothing_is_asked_for_that_is_too_old_to_be_shown(paging, days, asked):
    """A read that begins earlier would be refused whole."""
    led = lead(paging(NOW_MS - days * DAY_MS), shelf([]))

    assert NOW_MS - asked * DAY_MS == led.reads[0].parameters["startTime"]


@pytest.mark.parametrize("read", [pages_of_orders, pages_of_income])
@pytest.mark.parametrize("told", [0, 1])
def test_a_refusal_is_told_with_what_was_read_before(read, told):
    """It is not everything; whoever asked has to find the rest otherwise."""
    rows = orders_at(1, 2, 3) if read is pages_of_orders else incomes_at(1, 2, 3)
    found = lead(read(START_MS, NOW_MS), in_turn(*[Answer(tuple(rows))] * told, REFUSAL)).found

    assert (3 * told, -1130, False) == (len(found.rows), found.refused, found.is_whole)


@pytest.mark.parametrize("read", [pages_of_orders, pages_of_income])
@pytest.mark.parametrize("days", [1, 20])
def test_a_page_without_a_usable_row_ends_it(read, days):
    """Nobody knows where the next page begins, and trying every millisecond would be a storm: named, and not whole."""
    since_ms = NOW_MS - days * DAY_MS
    rows = [order_row(number, creation_time_ms=since_ms + number) for number in range(9)]
    led = lead(read(since_ms, NOW_MS), shelf(rows, malformed=range(9)))

    assert Pages((), ("row 0", "row 1", "row 2"), NOW_MS, is_whole=False) == led.found
    assert 1 == len(led.reads)


def test_a_page_of_orders_that_do_not_say_when_they_were_placed_ends_it():
    """The same, when the one field is missing by which pages are told apart."""
    rows = tuple(order_row(number, creation_time_ms=None) for number in range(3))
    led = lead(pages_of_orders(START_MS, NOW_MS), lambda read: Answer(rows))

    assert (rows, False) == (led.found.rows, led.found.is_whole)


def test_rows_that_cannot_be_used_are_named_and_count_for_the_length_of_a_page():
    """A page with a malformed row is not taken for the last."""
    led = lead(pages_of_orders(START_MS, NOW_MS), shelf(orders_at(1, 2, 3, 4, 5), malformed=[0, 3]))

    assert [2, 3, 5] == [row.order_id for row in once(led)]
    assert ({"row 0", "row 3"}, True) == (set(led.found.malformed), led.found.is_whole)


# Orders of one symbol


@pytest.mark.parametrize("count", range(9))
def test_orders_of_a_symbol_are_read_by_id(count):
    """Each page begins behind the last, and none is read twice."""
    rows = [order_row(number) for number in range(10, 10 + count)]
    led = lead(pages_of_one_symbol("BTCUSDT", 10, 99), shelf(rows))

    assert rows == list(led.found.rows)
    assert led.found.is_whole
    assert 1 + count // 3 == len(led.reads)
    assert {"BTCUSDT"} == {asked["symbol"] for asked in led.read("all_orders")}


def test_orders_of_a_symbol_are_read_no_further_than_asked():
    """Once the last one that is wanted has come, more pages are of no use."""
    led = lead(pages_of_one_symbol("BTCUSDT", 10, 11), shelf([order_row(number) for number in range(10, 30)]))

    assert [10, 11, 12] == [row.order_id for row in led.found.rows]
    assert 1 == len(led.reads)


def test_orders_of_a_symbol_that_are_refused_are_none():
    """Each can still be asked for by itself."""
    assert (
        Pages((), (), NOW_MS, -1130, False) == lead(pages_of_one_symbol("BTCUSDT", 10, 99), lambda read: REFUSAL).found
    )


@pytest.mark.parametrize("rows", [[order_row(number) for number in range(10, 20)], [order_row(1)] * 3])
def test_a_page_of_a_symbol_that_leads_nowhere_ends_it(rows):
    """Rows that cannot be used, or that were not asked for, do not say where the next page begins."""
    malformed = range(10) if len(rows) == 10 else ()
    page = shelf(rows, malformed)(reads.all_orders(None, symbol="BTCUSDT", order_id=1))
    led = lead(pages_of_one_symbol("BTCUSDT", 10, 99), lambda read: page)

    assert not led.found.is_whole
    assert 1 == len(led.reads)


# Income


def incomes_at(*moments: int):
    """Return what came so many milliseconds after the start."""
    return [income_row(f"S{number}", START_MS + at) for number, at in enumerate(moments)]


@pytest.mark.parametrize("count", range(9))
def test_income_is_read_to_the_last_page(count):
    """A page begins with the last millisecond of the one before."""
    rows = incomes_at(*range(count))
    led = lead(pages_of_income(START_MS, NOW_MS), shelf(rows))

    assert rows == once(led)
    assert [START_MS, START_MS + 2, START_MS + 4, START_MS + 6][: len(led.reads)] == [
        start_ms for start_ms, _ in windows(led)
    ]


def test_income_over_a_page_boundary_of_one_millisecond_is_read():
    """A page may end between two rows of one millisecond."""
    rows = [income_row(name, START_MS + at) for name, at in (("A", 1), ("B", 2), ("C", 3), ("D", 3), ("E", 4))]

    assert set("ABCDE") == symbols(lead(pages_of_income(START_MS, NOW_MS), shelf(rows)))


def test_a_page_of_income_of_a_single_millisecond_does_not_repeat_itself():
    """The next page begins behind it."""
    rows = [income_row(name, START_MS + at) for name, at in (("A", 1), ("B", 1), ("C", 1), ("D", 2))]

    assert set("ABCD") == symbols(lead(pages_of_income(START_MS, NOW_MS), shelf(rows)))


def test_income_of_long_spans_is_read_in_windows():
    """As orders are."""
    since_ms = NOW_MS - 20 * DAY_MS
    rows = [income_row("A", since_ms), income_row("B", NOW_MS - 10 * DAY_MS), income_row("C", NOW_MS)]
    led = lead(pages_of_income(since_ms, NOW_MS), shelf(rows))

    assert rows == list(led.found.rows)
    assert 3 == len(windows(led))


# Trades


def trades_at(*moments: int):
    """Return fills, so many milliseconds after the start, with rising ids."""
    return [trade_row(number, trade_time_ms=START_MS + at) for number, at in enumerate(moments, 1)]


@pytest.mark.fault(23)
@pytest.mark.parametrize("count", range(10))
def test_trades_are_read_to_the_last_page(count):
    """Exactly full pages, too: only a short one is the last, and each begins with the last id of the one before."""
    rows = trades_at(*range(count))
    led = lead(pages_of_trades("BTCUSDT", START_MS, NOW_MS), shelf(rows))

    assert rows == once(led)
    assert [asked["startTime"] for asked in led.read("user_trades")[:1]] == [START_MS]
    assert [asked["fromId"] for asked in led.read("user_trades")[1:]] == [3, 5, 7, 9][: max(0, count - 1) // 2]
    assert (NOW_MS, 0, ()) == (led.found.sent_ms, led.found.refused, led.found.malformed)


@pytest.mark.fault(23, 59)
def test_a_self_trade_over_a_page_boundary_is_read_whole():
    """Both fills of a self-trade share an id, and a page may end between them."""
    rows = [trade_row(number, order_id=order) for number, order in ((1, 1), (2, 1), (3, 1), (3, 2), (4, 1))]

    assert rows == once(lead(pages_of_trades("BTCUSDT", START_MS, NOW_MS), shelf(rows)))


def test_a_page_of_a_single_id_does_not_repeat_itself():
    """Whatever such a page would mean, the next begins behind it."""
    rows = [trade_row(number, order_id=order) for number, order in ((1, 1), (7, 1), (7, 2), (7, 3), (7, 4), (8, 1))]
    led = lead(pages_of_trades("BTCUSDT", START_MS, NOW_MS), shelf(rows))

    assert rows[-1] == led.found.rows[-1]
    assert [7, 8] == [asked["fromId"] for asked in led.read("user_trades")[1:]]


def test_trades_from_an_id_are_read_from_it():
    """Where an id is known no time is asked for."""
    led = lead(pages_of_trades("BTCUSDT", START_MS, NOW_MS, 4), shelf(trades_at(*range(7))))

    assert [4, 5, 6, 7] == sorted({row.trade_id for row in led.found.rows})
    assert all("startTime" not in asked for asked in led.read("user_trades"))


def test_the_first_trades_of_a_long_span_are_looked_for_in_windows():
    """By time until there are some; from then on ids alone decide, and no window is read any more."""
    since_ms = NOW_MS - 30 * DAY_MS
    rows = [
        trade_row(number, trade_time_ms=NOW_MS - days * DAY_MS) for number, days in ((1, 17), (2, 16), (3, 9), (4, 1))
    ]
    led = lead(pages_of_trades("BTCUSDT", since_ms, NOW_MS), shelf(rows))
    spans = windows(led)

    assert rows == once(led)
    assert 2 == len(spans)
    assert since_ms == spans[0][0]
    assert spans[0][1] + 1 == spans[1][0]
    assert all(end_ms - start_ms <= LONGEST_SPAN_MS for start_ms, end_ms in spans)
    assert [1, 3] == [asked["fromId"] for asked in led.read("user_trades")[2:]]


def test_a_long_span_without_trades_ends_with_an_open_window():
    """The last window reaches into the present, whenever it is read."""
    led = lead(pages_of_trades("BTCUSDT", NOW_MS - 20 * DAY_MS, NOW_MS), shelf([]))

    assert Pages((), (), NOW_MS) == led.found
    assert [True, True, False] == ["endTime" in asked for asked in led.read("user_trades")]


def test_a_refusal_ends_it_and_what_was_read_before_is_kept():
    """The exchange's code is told along with the rows of earlier pages."""
    answer = in_turn(Answer(tuple(trades_at(1, 2, 3))), REFUSAL)
    found = lead(pages_of_trades("BTCUSDT", START_MS, NOW_MS), answer).found

    assert (3, -1130, False) == (len(found.rows), found.refused, found.is_whole)


@pytest.mark.parametrize("from_id", [None, 1])
def test_a_page_without_a_usable_trade_ends_it(from_id):
    """There is no telling where the next one begins."""
    led = lead(pages_of_trades("BTCUSDT", START_MS, NOW_MS, from_id), shelf(trades_at(*range(9)), malformed=range(9)))

    assert Pages((), ("row 0", "row 1", "row 2"), NOW_MS, is_whole=False) == led.found


def test_an_exchange_that_does_not_look_at_the_id_is_not_asked_for_ever():
    """Pages that begin before the id that was asked for lead nowhere."""
    led = lead(pages_of_trades("BTCUSDT", START_MS, NOW_MS, 50), lambda read: Answer(tuple(trades_at(1, 2, 3))))

    assert not led.found.is_whole
    assert 1 == len(led.reads)


def test_malformed_trades_are_named_and_the_rest_is_read():
    """A page with a malformed row is not taken for the last."""
    rows = trades_at(1, 2, 3, 4, 5)
    found = lead(pages_of_trades("BTCUSDT", START_MS, NOW_MS), shelf(rows, malformed=[1, 4])).found

    assert [1, 3, 4] == sorted({row.trade_id for row in found.rows})
    assert {"row 1", "row 4"} == set(found.malformed)


@pytest.mark.fault(23)
@given(
    steps=st.lists(st.integers(0, 3), max_size=14),
    twins=st.sets(st.integers(0, 13)),
    from_id=st.one_of(st.none(), st.integers(1, 14)),
)
def test_no_trade_is_lost_between_pages(steps, twins, from_id):
    """Whatever shares a millisecond or an id, every fill since the start is read, and none that was not there."""
    rows, at_ms = [], START_MS
    for trade_id, step in enumerate(steps, 1):
        at_ms += step
        rows += [trade_row(trade_id, order_id=1 + leg, trade_time_ms=at_ms) for leg in range(1 + (trade_id in twins))]
    led = lead(pages_of_trades("BTCUSDT", START_MS, NOW_MS, from_id), shelf(rows))

    assert [row for row in rows if row.trade_id >= (from_id or 0)] == once(led)


@given(st.lists(st.integers(0, 2 * DAY_MS), max_size=12), st.integers(0, 25))
def test_no_order_and_no_income_is_lost_between_pages(steps, days):
    """As long as a millisecond holds no more than a page does, everything since the start is read."""
    since_ms, at_ms, moments = NOW_MS - days * DAY_MS, NOW_MS - days * DAY_MS, []
    for step in steps:
        at_ms += step
        if at_ms <= NOW_MS and moments.count(at_ms) < 2:
            moments.append(at_ms)
    orders = [order_row(number, creation_time_ms=at) for number, at in enumerate(moments)]
    incomes = [income_row(f"S{number}", at) for number, at in enumerate(moments)]

    assert orders == once(lead(pages_of_orders(since_ms, NOW_MS), shelf(orders)))
    assert incomes == once(lead(pages_of_income(since_ms, NOW_MS), shelf(incomes)))


@pytest.mark.fault(23)
@pytest.mark.parametrize("count, asked", [(999, 1), (1_000, 2), (1_001, 2), (1_999, 3), (2_000, 3)])
def test_a_full_page_has_a_thousand_rows(count, asked):
    """What is asked for and what is taken for a full page are the same; exactly a thousand rows are not the end."""
    rows = trades_at(*range(count))
    led = lead(errands.pages_of_trades("BTCUSDT", START_MS, NOW_MS), shelf(rows, most=1_000))

    assert rows == once(led)
    assert asked == len(led.reads)
    assert {1_000} == {read["limit"] for read in led.read("user_trades")}
