"""A stream, its health, its history, its events and its gaps as HTML."""

from __future__ import annotations

import json
import pathlib
from decimal import Decimal
from typing import Any

import attrs
import pytest

import binance_uds as uds
from binance_uds.events import usdm
from binance_uds.notebook.history import History
from binance_uds.notebook.views import history_card, stream_card
from binance_uds.protocol.delivery import Delivery

PAYLOADS = pathlib.Path(__file__).parent.parent / "payloads" / "usdm"
AT_MS = 1_700_000_000_123
HOSTILE = "<script>alert(1)</script>"

SAMPLES = sorted([*PAYLOADS.glob("*.json"), *PAYLOADS.glob("variants/[A-Z]*.json")])

FILL = uds.OrderTradeUpdate(
    symbol="BTCUSDT",
    side="SELL",
    order_id=1,
    execution_type="TRADE",
    status="FILLED",
    last_filled_quantity=Decimal("0.500"),
    last_filled_price=Decimal("31000.0"),
    realized_profit=Decimal("25.0"),
    commission=Decimal("0.5"),
    commission_asset="USDT",
    transaction_time_ms=AT_MS,
    origin="rest",
    late=True,
)
OPENED = uds.GapOpened(gap_id=2, since_ms=AT_MS, cause=uds.GapCause.KEY_EXPIRED)
CLOSED = uds.GapClosed(
    gap_id=1,
    since_ms=AT_MS,
    until_ms=AT_MS + 2_500,
    cause=uds.GapCause.CONNECTION_LOST,
    proof=uds.Proof.BALANCED,
    recovered=3,
    unrecoverable=("signals",),
)


def html_of(*items: Any) -> str:
    history = History(100)
    for item in items:
        history.record(item)
    return history_card(history)


def hostile(thing: Any) -> Any:
    """Return an event or a notice with markup in every text."""
    changes = {
        field.name: HOSTILE
        for field in attrs.fields(type(thing))
        if isinstance(getattr(thing, field.name), str) and field.repr
    }
    return attrs.evolve(thing, **changes)


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_every_sample_payload_shows_itself(path):
    """With its class and every number of it, alone and in the history; with markup in every text, too."""
    payload = json.loads(path.read_text())
    text = json.dumps(payload.get("data", payload)).encode()
    items = [item for item in Delivery(usdm.EVENTS).take(text, 1).items if isinstance(item, uds.Event)]
    for item in items:
        html = item._repr_html_()

        assert type(item).__name__ in html
        for event in (item, hostile(item)):
            assert "<script" not in event._repr_html_() + html_of(event)


@pytest.mark.parametrize(
    "notice",
    [
        uds.StateChanged(old=uds.StreamState.LIVE, new=uds.StreamState.STALE, reason=HOSTILE),
        OPENED,
        CLOSED,
        uds.CallbackFailed(handler=print, event=FILL, exception=ValueError(HOSTILE)),
        uds.UndecodableFrame(reason="not JSON", size=3),
        uds.Attention(code="banned", message=HOSTILE),
        uds.UnknownEvent(name=HOSTILE),
    ],
    ids=lambda notice: type(notice).__name__,
)
def test_every_notice_shows_itself(notice):
    """Alone and in the history, with markup in every text."""
    for told in (notice, hostile(notice)):
        assert "<script" not in told._repr_html_() + html_of(told)


def test_a_gap_report_says_how_long_and_on_what_evidence():
    """And whether that is proven, as a word; an open gap says so, too."""
    html = CLOSED._repr_html_()

    for words in ("Gap 1, closed", "✓ balanced", "2.5 s", "connection lost", "signals"):
        assert words in html
    assert "? unproven" in attrs.evolve(CLOSED, proof=uds.Proof.UNPROVEN)._repr_html_()
    assert "▲ open" in OPENED._repr_html_()


def test_what_was_read_back_says_so():
    """Beside the title, and so does what came late."""
    assert "read back by REST" in FILL._repr_html_()
    assert ">late<" in FILL._repr_html_()
    assert "read back by REST" not in attrs.evolve(FILL, origin="stream")._repr_html_()


def test_a_fill_in_the_history():
    """Its time, side, quantity, price and profit in columns, and the rest in words."""
    html = html_of(FILL)

    for cell in (
        '<td class="uds-number">22:13:20.123</td><td>fill</td><td>BTCUSDT</td>',
        '<span class="uds-down">SELL</span>',
        '<td class="uds-number">0.5</td><td class="uds-number">31,000</td>',
        '<span class="uds-up">+25</span>',
        "FILLED, fee 0.5 USDT, by REST, late",
    ):
        assert cell in html


def test_times_have_a_date_where_it_says_something():
    """That is when what is shown is of more than one day."""
    html = html_of(FILL, attrs.evolve(FILL, transaction_time_ms=AT_MS + 86_400_000))

    assert "2023-11-15 22:13:20.123" in html
    assert "2023-11-14 22:13:20.123" not in html_of(FILL)


def test_the_last_come_first():
    """What only repeats another is left out."""
    lite = uds.TradeLite(symbol="BTCUSDT", side="BUY", order_id=1, trade_id=1)
    html = html_of(*(attrs.evolve(FILL, symbol=f"N{number}USDT") for number in range(30)), lite)

    assert html.index("N29USDT") < html.index("N10USDT")
    assert "N9USDT" not in html
    assert "trade lite" not in html


def test_gaps_are_listed_with_the_open_one():
    """The newest first."""
    html = html_of(CLOSED, OPENED)

    assert html.index("▲ open") < html.index("✓ balanced")
    assert "<td>listen key expired</td>" in html


def test_health_says_why():
    """State, words and ages; counts of what did not happen are left out."""
    health = uds.Health(
        state=uds.StreamState.STALE,
        why=HOSTILE,
        key_proof_age_s=200.4,
        gap_open=True,
        gaps=2,
        backlog=3,
        key_tag="7f696b",
        key_age_s=60,
    )
    html = health._repr_html_()

    for words in ("▲ STALE", "3 min ago", "2, one open", "7f696b, 60 s old", "no: gaps are only announced"):
        assert words in html
    assert "callback errors" not in html
    assert "<script" not in html


def test_a_stream_before_it_starts(stream):
    """Shows that it is idle, and that the account is not known."""
    html = stream._repr_html_()

    for words in (f"Stream {stream.name}", "○ IDLE", "? account not trusted", "not started", "no balances"):
        assert words in html


def test_a_name_cannot_become_markup(make_stream):
    """It is the user's own, and text all the same."""
    assert "<script" not in make_stream(name=HOSTILE)._repr_html_()


def test_no_view_holds_a_secret(exchange, make_stream, tools):
    """Neither the API key, nor the secret, nor a listen key, through expiry and repair, in any view of anything."""
    stream = make_stream(settle=0.1)
    ears = tools.Ears(stream)
    with stream:
        exchange.buy("BTCUSDT", "0.01")
        exchange.faults.expire_key(notices=2)
        ears.wait_for(uds.GapClosed)
        keys = exchange.call(
            lambda model: [model._token("listen key", "default", n + 1) for n in range(model.keys_issued)]
        )
        text = stream._repr_html_() + stream_card(stream, is_live_view=True) + stream.health._repr_html_()
        text += stream.account._repr_html_() + stream.history._repr_html_()
    text += "".join(item._repr_html_() for item in ears.items)

    assert 2 <= len(keys)
    for secret in (exchange.api_key, exchange.api_secret, *keys):
        assert secret not in text
