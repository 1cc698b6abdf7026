"""Frames as an exchange sends them, and a delivery that takes them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from binance_uds.events import usdm
from binance_uds.events.base import Event
from binance_uds.events.usdm import OrderTradeUpdate
from binance_uds.events.usdm_rows import OrderRow
from binance_uds.protocol.delivery import Delivery
from binance_uds.protocol.reading.recovery import Recovery
from tests.protocol.trader import START_MS, order_row, trade_row

NOW_MS = START_MS + 3_600_000
LITE = {
    "e": "TRADE_LITE", "E": 1721895408092, "T": 1721895408214, "s": "BTCUSDT", "q": "0.001", "p": "0", "m": False,
    "c": "z8hcUoOsqEdKMeKPSABslD", "S": "BUY", "L": "64089.20", "l": "0.040", "t": 109100866, "i": 8886774,
}  # fmt: skip


def frame(document: object) -> bytes:
    """Return a document as it comes."""
    return json.dumps(document).encode()


def fill_frame(trade_id: int | None = 1, **changes: object) -> bytes:
    """Return a fill: of order 7, for 0.1 BTCUSDT, at so many milliseconds as its trade id says."""
    at_ms = changes.pop("T", NOW_MS + (trade_id or 0))
    order = {
        "s": "BTCUSDT", "c": "mine", "S": "BUY", "x": "TRADE", "X": "PARTIALLY_FILLED", "i": 7, "t": trade_id,
        "q": "1", "p": "30000", "l": "0.1", "z": "0.1", "L": "30000", "T": at_ms, "ps": "BOTH", **changes,
    }  # fmt: skip
    return frame({"e": "ORDER_TRADE_UPDATE", "E": at_ms, "T": at_ms, "o": order})


def order_frame(**changes: object) -> bytes:
    """Return an order update that is no fill."""
    return fill_frame(0, **{"x": "NEW", "X": "NEW", "l": "0", "z": "0", **changes})


def account_frame(amount: str = "0.1", at_ms: int = NOW_MS, wallet: str = "5", symbol: str = "BTCUSDT") -> bytes:
    """Return an account update that an order brought about."""
    position = {"s": symbol, "pa": amount, "ep": "30000", "ps": "BOTH"}
    balance = {"a": "USDT", "wb": wallet, "cw": wallet}
    return frame({"e": "ACCOUNT_UPDATE", "E": at_ms, "T": at_ms, "a": {"m": "ORDER", "B": [balance], "P": [position]}})


def lite_frame(trade_id: int = 1, **changes: object) -> bytes:
    """Return the early copy of a fill."""
    return frame({**LITE, "t": trade_id, "i": 7, "T": NOW_MS + trade_id, **changes})


def signed(*, is_grounded: bool = True) -> Delivery:
    """Return a delivery that can ask REST for what is missing, and has read the account."""
    made = Delivery(usdm.EVENTS, signed=True)
    if is_grounded:
        made.ground(Recovery(), NOW_MS - 1_000)
    return made


def take(made: Delivery, *frames: bytes, now: float = 0.0) -> list[Event]:
    """Let frames come, and return the events that come of them at once."""
    return [item for text in frames for item in made.take(text, 3, now).items if isinstance(item, Event)]


def ids(events: Iterable[Event]) -> list[tuple[int, bool]]:
    """Return trade id and lateness of each fill."""
    return [(event.trade_id, event.late) for event in events if isinstance(event, OrderTradeUpdate) and event.is_fill]


def recovery(*trade_ids: int, **changes: Any) -> Recovery:
    """Return what a repair found: fills of order 7, at so many milliseconds as their ids say."""
    rows = [
        trade_row(trade_id, order_id=7, last_filled_quantity=Decimal("0.1"), trade_time_ms=NOW_MS + trade_id)
        for trade_id in trade_ids
    ]
    return Recovery(fills={("BTCUSDT", 7, row.trade_id): row for row in rows}, **changes)


def half_filled(filled: str, **changes: Any) -> dict[tuple[str, int], OrderRow]:
    """Return the row of order 7, filled so far."""
    row = {"filled_quantity": Decimal(filled), "status": "PARTIALLY_FILLED", "update_time_ms": NOW_MS + 50, **changes}
    return {("BTCUSDT", 7): order_row(7, **row)}
