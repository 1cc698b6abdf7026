"""What was handed over, event by event; and lives that end at any of them and go on without a loss."""

from __future__ import annotations

import os
import threading
from decimal import Decimal
from typing import Any, Callable

import attrs
import pytest

from binance_uds.events import usdm
from binance_uds.events.notices import Attention, Proof
from binance_uds.events.usdm import AccountUpdate, AlgoUpdate, OrderTradeUpdate
from binance_uds.protocol.delivery import Delivery
from binance_uds.protocol.identity import FillId
from binance_uds.protocol.ledger.books import Books
from binance_uds.protocol.ledger.cursor import Cursor
from binance_uds.protocol.ledger.handed import OFTEN, Handed
from tests.protocol.ledger.steps import T, algo, fill, grounded_books, position
from tests.protocol.mortal import Died, Mortal
from tests.protocol.trader import NOTHING_AMISS

#: How many histories of several lives are lived.
LIVES = int(os.environ.get("UDS_LIVES", "25"))


def grounded() -> Handed:
    """Return what was handed over of an account that was just read, and has nothing."""
    handed = Handed(counts=True)
    handed.restate(grounded_books())
    return handed


def put(handed: Handed, *items: object) -> Handed:
    """Hand items over."""
    for item in items:
        handed.take(item)
        handed.put()
    return handed


def cursor(handed: Handed, **options: Any) -> Cursor:
    """Return where a restart has to begin."""
    found = handed.cursor("usdm", "ab12cd", **options)
    assert found is not None
    return found


class TestFromEventToEvent:
    """An event counts when its callbacks have returned."""

    def test_nothing_to_go_on_from(self):
        """Before the account was read, and without a former run."""
        assert Handed(counts=True).cursor("usdm", "ab12cd") is None

    def test_an_event_that_is_being_handed_over_counts_for_its_callbacks_alone(self):
        """They see it; another thread does when they have returned."""
        handed = put(grounded(), fill(11))
        handed.take(fill(12))
        inside, outside = cursor(handed, with_in_hand=True), cursor(handed)
        handed.put()

        assert {("BTCUSDT", 7, 11), ("BTCUSDT", 7, 12)} == inside.fills
        assert {("BTCUSDT", 7, 11)} == outside.fills
        assert (12, 11) == (inside.highest["BTCUSDT"], outside.highest["BTCUSDT"])
        assert inside == cursor(handed)

    def test_the_sums_are_those_of_what_was_handed_over(self):
        """Orders and positions count with it, and not before it."""
        handed = put(grounded(), fill(11), position("0.1", T + 11))
        handed.take(fill(12))
        counts = [cursor(handed, with_in_hand=inside).counts for inside in (False, True)]

        assert [Decimal("0.1"), Decimal("0.2")] == [each.orders["BTCUSDT", 7].counted for each in counts]
        assert [Decimal("0.1"), Decimal("0.2")] == [
            each.positions["BTCUSDT", "BOTH"].expected(T + 12) for each in counts
        ]

    def test_a_fill_behind_another_does_not_lower_the_highest_id(self):
        """What is late is late after a restart, too."""
        assert {"BTCUSDT": 12} == cursor(put(grounded(), fill(12), fill(11))).highest

    def test_a_conditional_order_is_known_while_it_stands(self):
        """Its end is the end of its row."""
        handed = put(grounded(), algo("NEW", T + 1))
        standing = cursor(handed).counts.algo_orders
        put(handed, algo("CANCELED", T + 2))

        assert ([5], {}) == (list(standing), cursor(handed).counts.algo_orders)

    def test_the_terms_of_an_order_that_is_over_are_not_kept(self):
        """They cannot change any more, so a row is half as long."""
        counts = cursor(put(grounded(), fill(11), fill(20, order_id=8, filled_quantity=Decimal(1)))).counts

        assert ((Decimal(1), Decimal(5)), None) == (
            counts.orders["BTCUSDT", 7].terms,
            counts.orders["BTCUSDT", 8].terms,
        )

    @pytest.mark.parametrize(
        "item",
        [Attention(code="x", message="y"), usdm.ListenKeyExpired(), usdm.AccountConfigUpdate(symbol="X")],
    )
    def test_what_is_no_row_changes_nothing(self, item):
        """Notices and signals are not counted."""
        handed = grounded()
        before, version = cursor(handed), handed.version
        put(handed, item)

        assert (before, version) == (cursor(handed), handed.version)

    def test_every_change_has_a_version(self):
        """By which a store knows that there is something to save."""
        handed = grounded()
        versions = [handed.version]
        for step in (lambda: put(handed, fill(11)), lambda: handed.restate(Books())):
            step()
            versions.append(handed.version)

        assert sorted(set(versions)) == versions

    def test_a_cursor_does_not_change_any_more(self):
        """Whatever is handed over after it was asked for."""
        handed = put(grounded(), fill(11), position("0.1", T + 11), fill(12))
        asked = cursor(handed)
        text = asked.to_text()
        put(handed, fill(13), position("0.3", T + 13))

        assert text == asked.to_text()

    def test_a_fill_that_was_not_put_leaves_no_trace(self):
        """The next row does not lengthen what is not its own."""
        handed = put(grounded(), fill(11))
        handed.take(fill(12))
        handed.tear()
        put(handed, fill(13))

        assert [T + 11, T + 13] == [at for at, _ in cursor(handed).counts.positions["BTCUSDT", "BOTH"].fills]

    @pytest.mark.parametrize(
        "steps",
        [
            [fill(11), position("0.1", T + 11), fill(12), fill(13), position("0.3", T + 13), fill(14)],
            [position("0.1", T + 11), fill(11), fill(12)],
            [fill(11), position("0.4", T + 11), fill(12, origin="rest", filled_quantity=None)],
            [fill(11), position("0.1", T + 11), fill(12, trade_time_ms=T + 11, origin="rest")],
            [fill(11), AccountUpdate(reason="FUNDING_FEE", transaction_time_ms=T + 12), fill(13)],
        ],
    )
    def test_the_rows_are_what_the_books_would_be(self, steps):
        """Event by event they say the same as books that were told the same."""
        handed, books = grounded(), grounded_books()
        for event in steps:
            put(handed, event)
            books.enter(event)
            counts = cursor(handed).counts
            positions = {key: (row.base, row.fills, row.claims, row.missing) for key, row in counts.positions.items()}

            assert positions == {
                key: (row.base, row.fills, row.claims, row.missing) for key, row in books.chains.positions.items()
            }
            assert books.chains.orders == counts.orders
            assert books.balances == counts.balances

    def test_what_is_copied_from_the_books_is_what_would_have_been_worked_out(self):
        """Whenever they are looked at, and although an order has ended and is forgotten."""
        steps = [fill(11), position("0.1", T + 11), algo("NEW", T + 12), fill(12, filled_quantity=Decimal(1)), fill(13)]
        slow, quick, books = grounded(), grounded(), grounded_books()
        for event in steps:
            books.enter(event)
            put(slow, event)
            put(quick, event).catch_up(books)

        assert cursor(slow) == cursor(quick)

        put(slow, algo("CANCELED", T + 14))
        put(quick, algo("CANCELED", T + 14))
        books.enter(algo("CANCELED", T + 14))
        quick.catch_up(books)
        assert ({}, cursor(slow)) == (cursor(quick).counts.algo_orders, cursor(quick))

    def test_a_look_at_the_books_forgets_no_highest_id(self):
        """They do not have it, and what came before the look was only noted."""
        handed = put(grounded(), fill(11), fill(12))
        handed.restate(grounded_books())

        assert {"BTCUSDT": 12} == cursor(handed).highest

    def test_notes_are_not_kept_for_ever(self):
        """Where nobody looks at the books, each is worked out by and by."""
        handed = put(grounded(), *(fill(trade_id) for trade_id in range(11, 11 + 3 * OFTEN)))

        assert OFTEN == len(handed._noted)
        assert 3 * OFTEN == len(cursor(handed).fills)

    def test_another_thread_never_sees_half_of_a_change(self):
        """Fills and sums belong together, whenever it asks."""
        handed, books, seen, over = grounded(), grounded_books(), [], threading.Event()

        def ask() -> None:
            while not over.is_set():
                seen.append(cursor(handed))

        asking = threading.Thread(target=ask)
        asking.start()
        try:
            for trade_id in range(11, 2011):
                books.enter(fill(trade_id))
                put(handed, fill(trade_id))
                if not trade_id % 5:
                    handed.catch_up(books)
        finally:
            over.set()
            asking.join()

        for one in seen:
            orders = one.counts.orders
            assert len(one.fills) * Decimal("0.1") == (orders["BTCUSDT", 7].counted if orders else 0)

    def test_a_cursor_that_is_asked_for_in_the_midst_of_a_change_waits_for_its_end(self):
        """The rows of before it and the notes of after it do not fit together."""
        handed, books = grounded(), grounded_books()
        books.enter(fill(11))
        put(handed, fill(11))
        handed._rows.fills = Restless(handed._rows.fills, lambda: handed.catch_up(books))

        assert {("BTCUSDT", 7, 11)} == cursor(handed).fills


class Restless(dict):
    """Rows that another thread changes as soon as they were read."""

    def __init__(self, rows: Any, change: Callable[[], None]) -> None:
        super().__init__(rows)
        self._change = change

    def copy(self) -> Any:
        rows = dict(self)
        self._change()
        return rows


def test_what_is_held_back_was_not_handed_over():
    """An audit that ends meanwhile does not take it for delivered, and does not move the beginning."""
    mortal = Mortal().born()
    mortal.connect()
    mortal.buy("0.001")
    mortal.hear()
    before = mortal.cursor
    mortal.delivery.forget_before(mortal.now_ms + 1)
    held = mortal.cursor
    mortal.hand_over(mortal.delivery.release())
    mortal.delivery.restate()

    assert before is not None
    assert (before, frozenset()) == (held, before.fills)
    assert mortal.now_ms + 1 == mortal.cursor.since_ms


class TestTearing:
    """What was broken off is not taken for handed over."""

    def test_after_a_tear_the_books_are_not_believed(self):
        """They know of what never reached the user."""
        handed, books = grounded(), grounded_books()
        handed.take(fill(11))
        handed.tear()
        for event in (fill(11), fill(12)):
            books.delivered.add_fill(("BTCUSDT", 7, event.trade_id), T)
            books.enter(event)
        books.delivered.forget_before(T + 60_000)
        handed.restate(books)
        put(handed, fill(12)).catch_up(books)

        assert ({("BTCUSDT", 7, 12)}, T) == (cursor(handed).fills, cursor(handed).since_ms)


class TestWithoutASecret:
    """Fills are known, and nothing is counted."""

    def test_the_beginning_is_what_it_is_told(self):
        """Nobody audits; so it is for the session to say from when on events may be missing."""
        handed = put(Handed(), fill(11), fill(12), position("0.2", T + 12))
        found = cursor(handed, since_ms=T + 12)

        assert (T + 12, {("BTCUSDT", 7, 12)}, {"BTCUSDT": 12}, None) == (
            found.since_ms,
            found.fills,
            found.highest,
            found.counts,
        )

    def test_old_fills_are_forgotten(self):
        """For a stream that runs for months."""
        handed = put(Handed(), fill(11), fill(12))
        handed.forget_before(T + 12)

        assert {("BTCUSDT", 7, 12)} == cursor(handed, since_ms=0).fills

    def test_the_books_have_nothing_to_add(self):
        """Only the fills are taken over."""
        handed = put(Handed(), fill(11), fill(12))
        handed.catch_up(Books())

        assert {("BTCUSDT", 7, 11), ("BTCUSDT", 7, 12)} == cursor(handed, since_ms=0).fills
        assert cursor(handed, since_ms=0).counts is None

    def test_a_delivery_has_them_forgotten(self):
        """Ten minutes after, as it forgets copies."""
        mortal = Mortal()
        mortal.delivery = Delivery(usdm.EVENTS)
        for _ in range(3):
            mortal.buy("0.001")
            mortal.hear()
            mortal.pass_time(400)

        assert 2 == len(cursor(mortal.delivery.handed, since_ms=0).fills)


class TestRestart:
    """A run goes on where another one ended."""

    def test_the_first_cursor_is_the_one_it_began_with(self):
        """Until something is handed over."""
        kept = cursor(put(grounded(), fill(11), position("0.1", T + 11)))
        handed = Handed(counts=True, cursor=kept)

        assert (kept, 0) == (cursor(handed), handed.version)

    def test_a_run_without_a_secret_drops_what_was_counted(self):
        """It cannot carry it on."""
        kept = cursor(put(grounded(), fill(11)))

        assert attrs.evolve(kept, counts=None) == cursor(Handed(cursor=kept), since_ms=T)


class TestLives:
    """Whenever the process dies, and however often."""

    @pytest.mark.parametrize("seed", range(LIVES))
    def test_a_user_who_keeps_both_in_one_transaction_has_every_fill_once(self, seed):
        """In order or marked late, and the account is the exchange's own."""
        mortal = Mortal(seed=seed, hedge_mode=seed % 2 == 1, dying=0.03, losing=0.02 if seed % 3 == 0 else 0.0)
        mortal.born()
        self.live_and_die(mortal)

        assert NOTHING_AMISS == mortal.amiss()
        assert mortal.exchange.truth(mortal.account) == shown(mortal)

    @pytest.mark.parametrize("seed", range(LIVES))
    def test_a_user_who_keeps_it_now_and_then_misses_nothing(self, seed):
        """And gets twice what came after he last did, and nothing else."""
        mortal = Mortal(seed=seed, hedge_mode=seed % 2 == 1, dying=0.02, keeping=0.1).born()
        self.live_and_die(mortal)
        amiss = mortal.amiss()

        assert [] == amiss["lost"]
        assert set(amiss["doubled"]) <= set(mortal.allowed_twice)

    @pytest.mark.parametrize("seed", range(LIVES))
    def test_the_sums_prove_it(self, seed):
        """Where no two fills share a millisecond the exchange's own sums agree after each death."""
        mortal = Mortal(seed=seed, hedge_mode=seed % 2 == 1, dying=0.02, pauses=(0.001, 0.5, 5.0, 60.0))
        mortal.exchange.set_liquidity("BTCUSDT", depth=None, largest_trade=None)
        mortal.born()
        reports = self.live_and_die(mortal)

        assert [[]] * len(reports) == [report.lost for report in reports]
        assert {Proof.BALANCED, Proof.BRIDGED} >= {report.proof for report in reports}

    def live_and_die(self, mortal: Mortal, lives: int = 6) -> list[Any]:
        """Live some lives, the last of them to the end; returns the reports of the restarts that were survived."""
        reports = []
        for life in range(lives):
            try:
                if life:
                    reports.append(mortal.restart())
                mortal.live()
            except Died:
                pass
            mortal.die().act(mortal.chance.randint(0, 10)).miss()
        mortal.dying = mortal.losing = 0.0
        reports.append(mortal.restart())
        mortal.act(5).hear()
        return reports


def shown(mortal: Mortal) -> dict[str, Any]:
    """Return the account as the user sees it, in the form of the exchange's truth."""
    account = mortal.delivery.account
    return {
        "balances": {asset: row.wallet_balance for asset, row in account.balances.items()},
        "positions": {key: row.amount for key, row in account.positions.items()},
        "open_orders": {key: (row.status, row.filled_quantity) for key, row in account.open_orders.items()},
        "open_algo_orders": {key: row.status for key, row in account.open_algo_orders.items()},
    }


def test_what_a_former_run_was_told_is_no_news():
    """A restart after which nothing happened delivers nothing, and has the account all the same."""
    mortal = Mortal().born()
    mortal.buy("0.010", "29000")
    mortal.buy("0.020")
    mortal.stop_order()
    mortal.hear().pass_time(5.0)
    mortal.die()
    quiet = mortal.restart_quietly()

    assert ((), "balanced") == (quiet.events, quiet.proof)
    assert mortal.exchange.truth(mortal.account) == shown(mortal)
    assert mortal.delivery.account.is_synchronised


def test_what_happened_in_between_is_told():
    """The end of an open order, a new order, a new conditional one, a position: each once, and the rest not."""
    mortal = Mortal().born()
    gone, stays = mortal.buy("0.010", "29000"), mortal.buy("0.010", "28000")
    mortal.buy("0.002", symbol="ETHUSDT", price="1990")
    mortal.hear().pass_time(5.0)
    mortal.die()
    mortal.cancel(gone)
    new = mortal.buy("0.010", "27000")
    algo = mortal.stop_order()
    mortal.buy("0.500", symbol="BNBUSDT")
    mortal.miss()
    report = mortal.restart_quietly()
    told = [
        (event.order_id, event.status)
        for event in report.events
        if isinstance(event, OrderTradeUpdate) and event.order_id in (gone, stays, new)
    ]

    assert [(gone, "CANCELED"), (new, "NEW")] == told
    assert [(algo, "NEW")] == [
        (event.algo_id, event.status) for event in report.events if isinstance(event, AlgoUpdate)
    ]
    assert ["BNBUSDT"] == [
        row.symbol for event in report.events if isinstance(event, AccountUpdate) for row in event.positions
    ]


def test_an_immediate_order_that_died_with_the_process_is_told_to_its_end():
    """Its fill was delivered and its end, of the same millisecond, was not."""
    mortal = Mortal().born()
    mortal.exchange.set_liquidity("BTCUSDT", depth="0.005", largest_trade="0.005")
    order = mortal.buy("0.010", "40000", time_in_force="IOC")
    mortal.hear(lambda payload: payload.get("o", {}).get("x") != "EXPIRED")
    mortal.keep()
    mortal.die()
    report = mortal.restart_quietly()

    assert [(order, "EXPIRED")] == [
        (event.order_id, event.status) for event in report.events if isinstance(event, OrderTradeUpdate)
    ]


def test_a_signed_run_after_one_without_a_secret():
    """It reads the account first, then what happened since, and believes the sums of older orders."""
    mortal = Mortal()
    mortal.delivery = Delivery(usdm.EVENTS)
    resting = mortal.buy("0.010", "29000")
    mortal.fill(resting, "0.004")
    mortal.hear()
    before = len(mortal.account.fills)
    mortal.pass_time(5.0)
    since_ms = mortal.now_ms - 20_000
    kept = mortal.delivery.handed.cursor("usdm", "ab12cd", since_ms=since_ms)
    mortal.die()
    mortal.fill(resting, "0.006")
    mortal.sell("0.003")
    mortal.miss()
    assert kept is not None
    mortal.kept = kept.to_text()
    report = mortal.restart_quietly(look_first=True)
    fills: list[FillId] = [
        (event.symbol, event.order_id, event.trade_id or 0)
        for event in report.events
        if isinstance(event, OrderTradeUpdate) and event.is_fill
    ]

    assert [(fill.symbol, fill.order_id, fill.trade_id) for fill in mortal.account.fills[before:]] == fills
    assert ("balanced", []) == (report.proof, report.lost)
    assert [] == list(mortal.delivery.books.chains.breaks())


def test_what_is_older_than_rest_keeps_is_named():
    """The rest is recovered, and read in no more windows than it takes."""
    mortal = Mortal().born()
    mortal.die()
    mortal.buy("0.001")
    mortal.pass_time(100 * 86_400)
    mortal.buy("0.002")
    mortal.miss()
    report = mortal.restart_quietly()

    assert any("three months" in words for words in report.lost)
    assert [Decimal("0.002")] == [
        event.last_filled_quantity for event in report.events if isinstance(event, OrderTradeUpdate) and event.is_fill
    ]
    assert len(report.led.read("all_orders")) <= 14
