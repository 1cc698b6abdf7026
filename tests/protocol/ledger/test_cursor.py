"""A cursor is a small text that says where a run ended, or is refused with advice."""

from __future__ import annotations

import json
import pickle
from decimal import Decimal
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from binance_uds.errors import ConfigurationError
from binance_uds.protocol.ledger.books import OpenAlgo
from binance_uds.protocol.ledger.chains import Claim, OrderChain, PositionChain
from binance_uds.protocol.ledger.counts import Counts
from binance_uds.protocol.ledger.cursor import Cursor, _sum
from tests.protocol.mortal import Mortal
from tests.protocol.odd_json import ANY_JSON

SINCE_MS = 1_700_000_000_000

#: Every field of the rows has a value of its own, so that none can be forgotten.
OPEN = OrderChain(
    base=Decimal("0.1"),
    base_ms=SINCE_MS + 1,
    counted=Decimal("0.20"),
    claimed=Decimal("0.3"),
    good_ms=SINCE_MS + 2,
    touched_ms=SINCE_MS + 3,
    is_open=True,
    terms=(Decimal("0.5"), None),
)
OVER = OrderChain(counted=Decimal(1), claimed=Decimal(1), good_ms=SINCE_MS + 4, touched_ms=SINCE_MS + 4, is_open=False)
LOST = attrs.evolve(OVER, is_lost=True)
POSITION = PositionChain(
    base=Decimal("-0.7"),
    base_ms=SINCE_MS + 5,
    is_whole=True,
    fills=[(SINCE_MS + 6, Decimal("0.1")), (SINCE_MS + 7, Decimal("-0.2"))],
    claims=[Claim(SINCE_MS + 8, Decimal("9E+2")), Claim(SINCE_MS + 9, Decimal("0.4"), is_whole=True)],
    missing=Decimal("900.8"),
    since_ms=SINCE_MS + 4,
    told=Decimal("-0.5"),
)
CURSOR = Cursor(
    market="usdm",
    since_ms=SINCE_MS,
    key_tag="ab12cd",
    fills=frozenset({("BTCUSDT", 7, 11), ("BTCUSDT", 7, 12), ("BTCUSDT", 8, 12), ("币安人生USDT", 9, 3)}),
    newest_ms=SINCE_MS + 9,
    highest={"BTCUSDT": 12, "ETHUSDT": 4, "币安人生USDT": 3},
    counts=Counts(
        grounded_ms=SINCE_MS - 5,
        orders={
            ("BTCUSDT", 7): OPEN,
            ("BTCUSDT", 8): OVER,
            ("BTCUSDT", 9): LOST,
            ("币安人生USDT", 9): attrs.evolve(OPEN, terms=None),
        },
        positions={("BTCUSDT", "LONG"): POSITION, ("BTCUSDT", "SHORT"): PositionChain()},
        algo_orders={5: OpenAlgo("BTCUSDT", "NEW", SINCE_MS), 6: OpenAlgo("ETHUSDT", None, SINCE_MS)},
        balances={"USDT": (SINCE_MS, Decimal("10000.12000000")), "BNB": (SINCE_MS, Decimal(0))},
    ),
)
TEXT = CURSOR.to_text()


def refused(text: Any) -> str:
    """Return the words with which a text is refused."""
    with pytest.raises(ConfigurationError) as caught:
        Cursor.from_text(text)

    assert caught.value.__context__ is None
    return str(caught.value)


def resealed(change: Any) -> str:
    """Return the text of a content that somebody wrote by hand, with the right sum."""
    content = json.loads(TEXT)["of"]
    change(content)
    plain = Cursor(market="usdm", since_ms=0).to_text()
    inside = json.dumps(content, separators=(",", ":"))
    document = json.loads(plain)
    document.update({"sum": _sum(inside), "of": content})
    return json.dumps(document)


class TestText:
    """What is written is read."""

    @pytest.mark.parametrize(
        "cursor",
        [
            CURSOR,
            Cursor(market="usdm", since_ms=0),
            attrs.evolve(CURSOR, key_tag=None, counts=None),
            attrs.evolve(CURSOR, counts=Counts(grounded_ms=1)),
        ],
    )
    def test_a_cursor_comes_back_from_its_text(self, cursor):
        """All of it, exactly, and again."""
        assert cursor == Cursor.from_text(cursor.to_text())
        assert cursor.to_text() == Cursor.from_text(cursor.to_text()).to_text()

    def test_every_field_of_a_row_is_written(self):
        """A chain that learns something new has to be written anew here, too."""
        usual = OrderChain(), PositionChain()
        told = [field.name for row in (OPEN, POSITION) for field in attrs.fields(type(row))]
        same = [
            field.name
            for row, blank in zip((LOST, POSITION), usual)
            for field in attrs.fields(type(row))
            if getattr(row, field.name) == getattr(blank, field.name)
        ]

        assert len(attrs.fields(OrderChain)) + len(attrs.fields(PositionChain)) == len(told)
        assert ["base", "base_ms", "terms"] == same

    def test_the_text_is_one_line_of_ascii(self):
        """It fits into a file, a row, an environment variable."""
        assert TEXT.isascii()
        assert 1 == len(TEXT.splitlines())

    def test_the_text_may_be_laid_out_anew(self):
        """Whoever keeps it as JSON may do so in his own way."""
        assert CURSOR == Cursor.from_text(json.dumps(json.loads(TEXT), indent=2, ensure_ascii=False))

    def test_the_text_says_from_when_on_the_fills_of_a_position_count_and_what_was_told_of_it(self):
        """Which is no part of what makes two positions equal."""
        counts = Cursor.from_text(TEXT).counts

        assert counts is not None
        assert {"LONG": (SINCE_MS + 4, Decimal("-0.5")), "SHORT": (0, Decimal(0))} == {
            side: (row.since_ms, row.told) for (_, side), row in counts.positions.items()
        }

    def test_a_cursor_pickles(self):
        """And is equal afterwards."""
        assert CURSOR == pickle.loads(pickle.dumps(CURSOR))

    def test_a_cursor_prints_short(self):
        """However many fills it knows."""
        numbers = f"since_ms={SINCE_MS}, key_tag='ab12cd', fills=4, newest_ms={SINCE_MS + 9}, highest=3"

        assert f"Cursor(market='usdm', {numbers})" == repr(CURSOR)

    def test_a_cursor_is_small(self):
        """As small as its module says: with ids as long as Binance's are by now."""
        fills = frozenset(("BTCUSDT", 80_000_000_000 + n // 2, 5_000_000_000 + n) for n in range(1000))
        over = {
            ("BTCUSDT", 80_000_000_000 + n): attrs.evolve(OVER, counted=Decimal("0.001"), claimed=Decimal("0.001"))
            for n in range(1000)
        }
        still_open = {
            key: OrderChain(touched_ms=SINCE_MS, good_ms=SINCE_MS, terms=(Decimal("0.001"), Decimal("29000.10")))
            for key in over
        }
        flat = {(f"S{n}USDT", "BOTH"): PositionChain(Decimal("0.001"), SINCE_MS) for n in range(1000)}
        blank = attrs.evolve(CURSOR, fills=frozenset(), highest={}, counts=Counts(grounded_ms=SINCE_MS))

        def size(**counts: Any) -> int:
            return len(attrs.evolve(blank, counts=Counts(grounded_ms=SINCE_MS, **counts)).to_text())

        assert len(blank.to_text()) < 300
        assert len(attrs.evolve(blank, fills=fills).to_text()) < 300 + 1000 * 20
        assert size(orders=over) < 300 + 1000 * 65
        assert size(orders=still_open) < 300 + 1000 * 100
        assert size(positions=flat) < 300 + 1000 * 60


class TestRefusal:
    """What is no cursor is refused, with advice, and not repeated."""

    @pytest.mark.parametrize(
        ("text", "words"),
        [
            ("", "it is empty"),
            (" \n", "it is empty"),
            (None, "of type NoneType, not text"),
            (b"{}", "of type bytes, not text"),
            ("secret words", "no JSON of the right form"),
            ('{"e":"x"}', "some other JSON"),
            ("[1]", "an object is missing"),
            (TEXT.replace('"binance_uds_cursor":1', '"binance_uds_cursor":2'), "version 1"),
            (TEXT.replace("0.20", "0.21"), "it was changed since it was made"),
            (TEXT[:-1], "no JSON of the right form"),
            ("[" * 100_000, "no JSON of the right form"),
        ],
    )
    def test_a_text_that_is_no_cursor(self, text, words):
        """The message says why, and what to do."""
        told = refused(text)

        assert words in told
        assert "move its file away" in told
        assert "secret" not in told

    @pytest.mark.parametrize("length", range(0, len(TEXT), 37))
    def test_a_text_that_was_cut(self, length):
        """At any place."""
        assert "no cursor that can be used" in refused(TEXT[:length])

    @given(st.integers(0, len(TEXT) - 1), st.characters(codec="ascii"))
    def test_a_text_with_another_character(self, place, character):
        """It says the same, or is refused."""
        changed = TEXT[:place] + character + TEXT[place + 1 :]
        try:
            found = Cursor.from_text(changed)
        except ConfigurationError:
            return

        assert CURSOR == found

    @given(ANY_JSON)
    def test_any_json(self, document):
        """Whatever it is."""
        refused(json.dumps(document))

    @pytest.mark.parametrize(
        "change",
        [
            lambda content: content.update(since_ms=-1),
            lambda content: content.update(since_ms=True),
            lambda content: content.update(since_ms=1.5),
            lambda content: content.update(since_ms=2**63),
            lambda content: content.update(market=""),
            lambda content: content.update(key_tag=5),
            lambda content: content.pop("newest_ms"),
            lambda content: content["fills"].update(BTCUSDT={"x": [1]}),
            lambda content: content["fills"].update(BTCUSDT={"7": ["1"]}),
            lambda content: content["highest"].update(BTCUSDT="12"),
            lambda content: content["counts"]["orders"]["BTCUSDT"]["7"].update(counted="NaN"),
            lambda content: content["counts"]["orders"]["BTCUSDT"]["7"].update(counted="1E+999999"),
            lambda content: content["counts"]["orders"]["BTCUSDT"]["7"].update(counted="much"),
            lambda content: content["counts"]["orders"]["BTCUSDT"]["7"].update(counted=1),
            lambda content: content["counts"]["orders"]["BTCUSDT"]["7"].update(open=["1"]),
            lambda content: content["counts"]["positions"]["BTCUSDT"]["LONG"].update(fills=[[1]]),
            lambda content: content["counts"]["algo_orders"].update({"5": ["BTCUSDT"]}),
            lambda content: content["counts"]["balances"].update(USDT="1"),
            lambda content: content["counts"].pop("grounded_ms"),
        ],
    )
    def test_a_content_of_no_use(self, change):
        """Even with the right sum: nothing odd comes into the books."""
        assert "no cursor that can be used" in refused(resealed(change))

    def test_what_was_not_changed_is_taken(self):
        """The test above does not refuse everything."""
        assert CURSOR == Cursor.from_text(resealed(lambda content: None))

    def test_a_cursor_of_another_market(self):
        """Its ids mean something else there."""
        with pytest.raises(ConfigurationError, match=r"of market usdm, the stream's is coinm.*move its file away"):
            CURSOR.check_fits("coinm", "ab12cd")

    def test_a_cursor_of_another_key(self):
        """Of another account, or of the same one, which only its owner knows."""
        with pytest.raises(ConfigurationError, match=r"ab12cd.*000000.*attrs.evolve\(cursor, key_tag=None\)"):
            CURSOR.check_fits("usdm", "000000")
        CURSOR.check_fits("usdm", "ab12cd")
        attrs.evolve(CURSOR, key_tag=None).check_fits("usdm", "000000")


class TestBooks:
    """What it makes of a new run's books."""

    def test_the_books_stand_as_they_stood(self):
        """Each with rows of its own."""
        books, others = CURSOR.books(), CURSOR.books()
        others.chains.orders["BTCUSDT", 7].counted = Decimal(5)
        others.chains.positions["BTCUSDT", "LONG"].fills.clear()
        others.chains.positions["BTCUSDT", "LONG"].claims.clear()
        counts = CURSOR.counts
        assert counts is not None

        assert SINCE_MS == books.delivered.floor_ms
        assert set(CURSOR.fills) == {identified for identified, _ in books.delivered.all_fills()}
        assert (counts.grounded_ms, counts.orders, counts.positions, counts.algo_orders, counts.balances) == (
            books.chains.grounded_ms,
            books.chains.orders,
            books.chains.positions,
            books.algo_orders,
            books.balances,
        )

    def test_no_fill_is_forgotten_too_early(self):
        """An audit of the new run may reach back behind the end of the former one."""
        delivered = CURSOR.books().delivered
        delivered.forget_before(CURSOR.newest_ms)
        kept = {identified for identified, _ in delivered.all_fills()}
        delivered.forget_before(CURSOR.newest_ms + 1)

        assert set(CURSOR.fills) == kept
        assert [] == list(delivered.all_fills())

    def test_of_a_stream_without_a_secret_nothing_was_counted(self):
        """The new run begins to count."""
        assert attrs.evolve(CURSOR, counts=None).books().chains.grounded_ms is None


def test_no_secret_is_in_it():
    """Neither a key nor an order's client id, which may say whose strategy it was."""
    trader = Mortal(seed=1).born()
    trader.buy("0.010", "29000", client_order_id="my-secret-strategy")
    trader.hear()

    assert trader.kept is not None
    assert "8886777" in trader.kept
    assert "my-secret-strategy" not in trader.kept
