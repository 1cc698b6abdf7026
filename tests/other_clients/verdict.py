"""
Whether what a client showed is what happened: its events against the exchange's REST rows.

Pure: events and rows in, differences out, in words.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

Json = Mapping[str, Any]

#: The event's word for a thing, and the row's.
_ORDER = {
    "s": "symbol",
    "c": "clientOrderId",
    "i": "orderId",
    "S": "side",
    "o": "type",
    "X": "status",
    "q": "origQty",
    "z": "executedQty",
    "ap": "avgPrice",
}
_TRADE = {
    "t": "id",
    "l": "qty",
    "L": "price",
    "n": "commission",
    "N": "commissionAsset",
    "rp": "realizedPnl",
    "m": "maker",
    "T": "time",
}
_BALANCE = {"a": "asset", "wb": "balance", "cw": "crossWalletBalance"}
_POSITION = {"s": "symbol", "ps": "positionSide", "pa": "positionAmt", "ep": "entryPrice"}


def differences(events: Sequence[Json], *, order: Json, trade: Json, balance: Json, position: Json) -> list[str]:
    """
    Compare what came for one order that filled at once with what REST says of it.

    Args:
        events: Payloads, in the order in which they came.
        order: Row of ``GET /fapi/v1/order``.
        trade: The only row of ``GET /fapi/v1/userTrades``.
        balance: Row of ``GET /fapi/v3/balance``, of the asset the commission was paid in.
        position: The only row of ``GET /fapi/v3/positionRisk``.
    """
    updates = [event["o"] for event in events if event["e"] == "ORDER_TRADE_UPDATE"]
    fills = [update for update in updates if update["x"] == "TRADE"]
    accounts = [event["a"] for event in events if event["e"] == "ACCOUNT_UPDATE"]
    if (1, 1) != (len(fills), len(accounts)):
        return [f"{len(fills)} fills and {len(accounts)} account updates came, one of each was due"]
    fill, account = fills[0], accounts[0]
    if (1, 1) != (len(account["B"]), len(account["P"])):
        return [f"an account update of {len(account['B'])} balances and {len(account['P'])} positions"]
    return [
        *_compare("order", fill, order, _ORDER),
        *_compare("trade", fill, trade, _TRADE),
        *_compare("balance", account["B"][0], balance, _BALANCE),
        *_compare("position", account["P"][0], position, _POSITION),
    ]


def _compare(name: str, event: Json, row: Json, words: Mapping[str, str]) -> Iterator[str]:
    for wire, word in words.items():
        if wire not in event:
            yield f"{name}: no {wire} came"
        elif _plain(event[wire]) != _plain(row[word]):
            yield f"{name}: {wire} came as {event[wire]!r}, REST says {word} {row[word]!r}"


def _plain(value: Any) -> Any:
    """A number as such, however many zeros it was written with; anything else as it is."""
    if isinstance(value, bool):
        return value
    try:
        return Decimal(value)
    except (InvalidOperation, TypeError):
        return value
