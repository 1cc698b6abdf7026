"""HTML that a notebook is handed: escaped, exact, and readable without colours."""

from __future__ import annotations

from decimal import Decimal
from html.parser import HTMLParser
from typing import Any, Optional

import attrs
import pytest

from binance_uds import markup
from binance_uds.credentials import Secret
from binance_uds.events import StreamState
from binance_uds.markup import NUMBER, TEXT, Html

HOSTILE = "<script>alert('&')</script>"


class Page(HTMLParser):
    """The elements and the text of a view, its style left out; complains of what is not closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.names: list[str] = []
        self.texts: list[str] = []
        self.open: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attributes: Any) -> None:
        self.names.append(tag)
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert tag == self.open.pop()

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] != "style":
            self.texts.append(data)


@attrs.frozen(kw_only=True)
class Inner:
    asset: str
    wallet_balance: Decimal


@attrs.frozen(kw_only=True)
class Outer:
    symbol: Optional[str] = None
    side: Optional[str] = None
    amount: Decimal = Decimal(0)
    realized_profit: Optional[Decimal] = None
    at_ms: Optional[int] = None
    is_maker: Optional[bool] = None
    words: tuple[str, ...] = ()
    inner: tuple[Inner, ...] = ()
    state: StreamState = StreamState.LIVE
    anything: Any = None
    raw: dict[str, Any] = attrs.field(factory=dict, repr=False)


def test_what_is_told_cannot_become_markup():
    """A symbol, a heading, a title, a name: wherever it stands it is text."""
    hostile = Outer(symbol=HOSTILE, side=HOSTILE, words=(HOSTILE,), inner=(Inner(asset=HOSTILE, wallet_balance=0),))
    text = markup.record(hostile, title=HOSTILE, beside=[markup.badge(HOSTILE)], further=[(HOSTILE, HOSTILE)])
    text += markup.card(
        HOSTILE, markup.table(HOSTILE, {HOSTILE: TEXT}, [[HOSTILE]]), markup.note(HOSTILE), said=HOSTILE
    )
    page = Page(text)

    assert "script" not in page.names
    assert "<script" not in text
    assert 14 == "".join(page.texts).count(HOSTILE)
    assert [] == page.open


def test_a_secret_is_masked_before_it_is_escaped():
    """Also one of characters that HTML writes otherwise."""
    secret = Secret("canary<&>'\"" * 3)

    assert "a *** b" == markup.escaped(f"a {secret.reveal()} b")


def test_a_text_without_end_is_cut():
    """A view stays small whatever the exchange sends."""
    assert f"{'long ' * 60}…" == markup.escaped("long " * 20_000)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("10000.00000000", "10,000"),
        ("0.00000001", "0.00000001"),
        ("123456789012345678901234567890.123", "123,456,789,012,345,678,901,234,567,890.123"),
        ("1E+3", "1,000"),
        ("-0.500", "-0.5"),
        ("0.000", "0"),
        ("100", "100"),
    ],
)
def test_amounts_are_exact(value, shown):
    """Every digit but needless zeros, no exponent, and commas for thousands."""
    assert shown == markup.amount(Decimal(value))


def test_gains_say_their_sign_in_words_too():
    """A plus or a minus stands before the number, whatever the colour."""
    assert '<span class="uds-up">+1.5</span>' == str(markup.gain(Decimal("1.50")))
    assert '<span class="uds-down">-1.5</span>' == str(markup.gain(Decimal("-1.5")))
    assert ["0", ""] == [str(markup.gain(value)) for value in (Decimal("0.0"), None)]


@pytest.mark.parametrize(
    ("at_ms", "shown"),
    [
        (1_700_000_000_123, "2023-11-14 22:13:20.123"),
        (None, ""),
        (-1, ""),
        (0, ""),
        (10**30, "1" + "0" * 30),
    ],
)
def test_times(at_ms, shown):
    """UTC to the millisecond; what is no time is no text, and what is beyond all years a number."""
    assert shown == markup.moment(at_ms)


def test_the_time_of_a_day():
    """Without the date where it says nothing."""
    assert "22:13:20.123" == markup.moment(1_700_000_000_123, date=False)


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(None, "-"), (0.26, "0 s"), (119, "119 s"), (120, "2 min"), (7200, "2.0 h"), (200_000, "2.3 d")],
)
def test_lengths_of_time(seconds, shown):
    """At a precision that can be read in passing."""
    assert shown == markup.duration(seconds)


def test_every_state_is_a_word_and_a_glyph():
    """Nobody has to tell two states apart by their colour; a state that is new is shown as well."""
    badges = ["".join(Page(str(markup.state_badge(str(state)))).texts).split() for state in StreamState]

    assert [state.value for state in StreamState] == [word for _, word in badges]
    assert len(badges) == len({glyph for glyph, _ in badges})
    assert "NEW ONE" in str(markup.state_badge("NEW ONE"))


def test_numbers_stand_one_below_the_other():
    """A column of numbers is aligned to the right, heading included; text is not."""
    text = str(markup.table("t", {"asset": TEXT, "wallet": NUMBER}, [["USDT", Decimal(1)]]))

    assert '<th>asset</th><th class="uds-number">wallet</th>' in text
    assert '<td>USDT</td><td class="uds-number">1</td>' in text


def test_a_table_leaves_out_what_says_nothing():
    """No rows, no table; an empty column is not shown, and of many rows it is said how many more there are."""
    assert "" == str(markup.table("t", {"a": TEXT}, []))
    assert "<th>b</th>" not in str(markup.table("t", {"a": TEXT, "b": TEXT}, [["x", ""], ["y", None]]))
    assert "and 1,000 more" in str(markup.table("t", {"a": TEXT}, [["x"]] * 1020))


def test_facts_leave_out_what_is_none():
    """A zero is a fact, and nothing is none."""
    page = Page(str(markup.facts([("gaps", 0), ("key", None)])))

    assert ["gaps", "0"] == page.texts
    assert "" == str(markup.facts([("key", None)]))


def test_a_record_shows_every_field_that_is_filled():
    """By its name, as a person reads it; rows inside it as a table; never ``raw``."""
    thing = Outer(
        symbol="BTCUSDT",
        side="SELL",
        amount=Decimal("0.10"),
        realized_profit=Decimal("2.50"),
        at_ms=1_700_000_000_123,
        is_maker=False,
        words=("fills", "signals"),
        inner=(Inner(asset="USDT", wallet_balance=Decimal("9999.50")),),
        raw={"unseen": "unseen"},
    )
    shown = Page(markup.record(thing)).texts

    assert ["Outer", "symbol", "BTCUSDT", "side", "SELL", "amount", "0.1", "realized_profit", "+2.5"] == shown[:9]
    assert ["at_ms", "2023-11-14 22:13:20.123", "is_maker", "no", "words", "fills, signals"] == shown[9:15]
    assert ["state", "LIVE", "inner", "asset", "wallet_balance", "USDT", "9,999.5"] == shown[15:]


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (ValueError("<b>"), "ValueError: &lt;b&gt;"),
        (Page.handle_data, "Page.handle_data"),
        (Inner(asset="USDT", wallet_balance=Decimal(1)), "Inner"),
        (Html("<i>made here</i>"), "<i>made here</i>"),
        (["a", "<"], "a, &lt;"),
        (7, "7"),
    ],
)
def test_whatever_a_field_holds_is_shown(value, shown):
    """Errors by class and words, functions and objects by name."""
    assert shown == str(markup.shown("anything", value))


def test_light_and_dark_follow_the_notebook_and_else_the_system():
    """The style knows JupyterLab's and VS Code's themes, and the system's preference where there is neither."""
    for word in ("prefers-color-scheme:dark", 'data-jp-theme-light="false"', "vscode-dark", "var(--jp-content-font"):
        assert word in markup.STYLE


def test_the_view_asks_for_nothing_from_elsewhere():
    """No address, no script, no import: it works offline and tells nobody."""
    for word in ("http", "url(", "@import", "<script", "<link"):
        assert word not in markup.card("title", markup.facts([("a", 1)]))
