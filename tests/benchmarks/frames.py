"""
The account that every client of the benchmark listens to: a mix of events as measured, and sums that add up.

A hundred frames are 61 ORDER_TRADE_UPDATE, 24 ACCOUNT_UPDATE, 10 TRADE_LITE and 5 others, 465 bytes on average. The
account trades from nothing: trade and order ids grow, what an order is filled adds up to its ``z``, and what a
position is traded to its ``pa``, so that a client that counts finds nothing missing.

Pure, and written without a look at any client: only the wire words of the documentation.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

#: Frames of one turn of the story; whoever cuts it elsewhere may cut an order or a fill in two.
TURN = 100

#: The account's wallets before the first frame, in USDT and in BNB, of which the fees are paid.
WALLET, FEE_WALLET = Decimal("122624.12345678"), Decimal("9000.00000000")

_ASSET, _FEE_ASSET = "USDT", "BNB"
_PRICES = {
    "BTCUSDT": Decimal("64089.20"),
    "ETHUSDT": Decimal("3120.55"),
    "BNBUSDT": Decimal("581.370"),
    "SOLUSDT": Decimal("142.1800"),
    "XRPUSDT": Decimal("0.5217"),
    "ADAUSDT": Decimal("0.38500"),
}
_SYMBOLS = tuple(_PRICES)
_FEE = Decimal("0.0004")
_FEE_PRICE = Decimal("581.37")
_CENT = Decimal("0.00000001")
_LOT = Decimal("0.001")
_ZERO = Decimal(0)
_FILLED_ORDERS, _CANCELED_ORDERS, _LITES = 12, 12, 10
_FIRST_ORDER, _FIRST_TRADE = 389_000_000_000, 698_000_000
_LAG_MS = 2


def payloads(count: int, first_ms: int) -> list[bytes]:
    """
    Return the payloads of the first frames, in order.

    Args:
        count: How many.
        first_ms: The exchange's time of the first; one millisecond passes with each.
    """
    story = _Story(first_ms)
    texts: list[bytes] = []
    while len(texts) < count:
        texts.extend(json.dumps(told, separators=(",", ":")).encode() for told in story.turn())
    return texts[:count]


class _Story:
    """The account, and what happens to it, turn after turn."""

    def __init__(self, first_ms: int) -> None:
        self._now_ms = first_ms
        self._order = _FIRST_ORDER
        self._trade = _FIRST_TRADE
        self._algo = 2_148_000
        self._wallet = WALLET
        self._fee_wallet = FEE_WALLET
        self._positions = dict.fromkeys(_SYMBOLS, _ZERO)
        self._placed = dict.fromkeys(_SYMBOLS, 0)

    def turn(self) -> Iterator[dict[str, Any]]:
        """Tell a hundred events."""
        lites = _LITES
        for number in range(_FILLED_ORDERS):
            symbol = _SYMBOLS[number % len(_SYMBOLS)]
            yield from self._filled_order(symbol, min(lites, 1))
            lites -= min(lites, 1)
            yield from self._canceled_order(_SYMBOLS[(number + 1) % len(_SYMBOLS)], is_amended=number == 0)
            if number == _FILLED_ORDERS // 2:
                yield from self._others()

    def _filled_order(self, symbol: str, lites: int) -> Iterator[dict[str, Any]]:
        """An order of two fills; buys and sells take turns, so that the position opens and closes."""
        placed = self._placed[symbol]
        self._placed[symbol] += 1
        side = "SELL" if placed % 2 else "BUY"
        quantity = (20 + placed // 2 % 37) * _LOT
        price = _PRICES[symbol]
        order = self._new_order(symbol, side, quantity, price)
        yield self._order_update(order, "NEW", "NEW")
        first = quantity / 2 // _LOT * _LOT
        for filled, fill in ((first, first), (quantity, quantity - first)):
            self._trade += 1
            signed = fill if side == "BUY" else -fill
            self._positions[symbol] += signed
            fee = (price * fill * _FEE / _FEE_PRICE).quantize(_CENT)
            self._fee_wallet -= fee
            trade = {"t": self._trade, "l": fill, "L": price, "n": fee, "m": fill is first}
            at_ms = self._tick()
            if lites and fill is first:
                yield self._trade_lite(order, trade, at_ms)
            status = "FILLED" if filled == quantity else "PARTIALLY_FILLED"
            yield self._order_update(order, "TRADE", status, filled=filled, trade=trade, at_ms=at_ms)
            yield self._account_update(symbol, at_ms)

    def _canceled_order(self, symbol: str, *, is_amended: bool) -> Iterator[dict[str, Any]]:
        order = self._new_order(symbol, "BUY", Decimal("0.100"), _PRICES[symbol] - _LOT)
        yield self._order_update(order, "NEW", "NEW")
        if is_amended:
            yield self._order_update(order, "AMENDMENT", "NEW")
        yield self._order_update(order, "CANCELED", "CANCELED")

    def _others(self) -> Iterator[dict[str, Any]]:
        self._algo += 1
        yield self._algo_update("NEW")
        yield self._algo_update("CANCELED")
        yield self._event("ACCOUNT_CONFIG_UPDATE", "ac", {"s": "BTCUSDT", "l": 25})
        yield self._event(
            "GRID_UPDATE",
            "gu",
            {
                "si": 176057039,
                "st": "GRID",
                "ss": "WORKING",
                "s": "BTCUSDT",
                "r": "-0.00300716",
                "up": "16720",
                "uq": "-0.001",
                "uf": "-0.00300716",
                "mp": "0.0",
                "ut": self._now_ms,
            },
        )
        yield self._event(
            "CONDITIONAL_ORDER_TRIGGER_REJECT",
            "or",
            {
                "s": "ETHUSDT",
                "i": self._order,
                "r": "Due to the order could not be filled immediately, the FOK order has been rejected.",
            },
        )

    # The single events

    def _tick(self) -> int:
        self._now_ms += 1
        return self._now_ms

    def _event(self, name: str, letter: str, told: dict[str, Any], at_ms: int = 0) -> dict[str, Any]:
        at_ms = at_ms or self._tick()
        return {"e": name, "T": at_ms, "E": at_ms + _LAG_MS, letter: told}

    def _new_order(self, symbol: str, side: str, quantity: Decimal, price: Decimal) -> dict[str, Any]:
        self._order += 1
        name = f"x-Cb7ytekJ{self._order:x}-f3a9c2d1-5f07bd"
        return {"s": symbol, "c": name, "S": side, "q": str(quantity), "p": str(price), "i": self._order}

    def _order_update(
        self,
        order: dict[str, Any],
        execution: str,
        status: str,
        *,
        filled: Decimal = _ZERO,
        trade: Any = None,
        at_ms: int = 0,
    ) -> dict[str, Any]:
        at_ms = at_ms or self._tick()
        told: dict[str, Any] = {
            "s": order["s"],
            "c": order["c"],
            "S": order["S"],
            "o": "LIMIT",
            "f": "GTC",
            "q": order["q"],
            "p": order["p"],
            "ap": f"{order['p']}0000" if filled else "0",
            "sp": "0.00000000",
            "x": execution,
            "X": status,
            "i": order["i"],
            "l": str(trade["l"]) if trade else "0",
            "z": str(filled) if filled else "0",
            "L": str(trade["L"]) if trade else "0",
        }
        if trade:
            told.update(n=str(trade["n"]), N=_FEE_ASSET)
        told.update(
            {
                "T": at_ms,
                "t": trade["t"] if trade else 0,
                "b": "12817.84000000" if trade else "19226.76000000",
                "a": "0",
                "m": trade["m"] if trade else False,
                "R": False,
                "wt": "CONTRACT_PRICE",
                "ot": "LIMIT",
                "ps": "BOTH",
                "cp": False,
                "AP": "0",
                "cr": "0",
                "pP": False,
                "si": 0,
                "ss": 0,
                "rp": "0.00000000",
                "V": "EXPIRE_MAKER",
                "pm": "OPPONENT",
                "gtd": 0,
                "er": "0",
            }
        )
        return self._event("ORDER_TRADE_UPDATE", "o", told, at_ms)

    def _account_update(self, symbol: str, at_ms: int) -> dict[str, Any]:
        amount = self._positions[symbol]
        usdt, bnb = str(self._wallet), str(self._fee_wallet)
        told = {
            "B": [
                {"a": _ASSET, "wb": usdt, "cw": usdt, "bc": "0.00000000"},
                {"a": _FEE_ASSET, "wb": bnb, "cw": bnb, "bc": "0.00000000"},
            ],
            "P": [
                {
                    "s": symbol,
                    "pa": str(amount) if amount else "0",
                    "ep": f"{_PRICES[symbol]}0000" if amount else "0",
                    "bep": str(_PRICES[symbol] * (1 + _FEE)) if amount else "0",
                    "cr": "-45.04000000",
                    "up": "-1423.15600000" if amount else "0",
                    "mt": "isolated",
                    "iw": "6570.42511771" if amount else "0",
                    "ps": "BOTH",
                }
            ],
            "m": "ORDER",
        }
        return self._event("ACCOUNT_UPDATE", "a", told, at_ms)

    def _trade_lite(self, order: dict[str, Any], trade: dict[str, Any], at_ms: int) -> dict[str, Any]:
        return {
            "e": "TRADE_LITE",
            "E": at_ms + _LAG_MS,
            "T": at_ms,
            "s": order["s"],
            "q": order["q"],
            "p": order["p"],
            "m": trade["m"],
            "c": order["c"],
            "S": order["S"],
            "L": str(trade["L"]),
            "l": str(trade["l"]),
            "t": trade["t"],
            "i": order["i"],
        }

    def _algo_update(self, status: str) -> dict[str, Any]:
        told = {
            "caid": f"Q5xaq5EGKgXXa0fD{self._algo}",
            "aid": self._algo,
            "at": "CONDITIONAL",
            "o": "TAKE_PROFIT",
            "s": "BNBUSDT",
            "S": "SELL",
            "ps": "BOTH",
            "f": "GTC",
            "q": "0.01",
            "X": status,
            "ai": "",
            "tp": "750",
            "p": "750",
            "V": "EXPIRE_MAKER",
            "wt": "CONTRACT_PRICE",
            "pm": "NONE",
            "cp": False,
            "pP": False,
            "R": False,
            "tt": 0,
            "gtd": 0,
            "ia": False,
        }
        return self._event("ALGO_UPDATE", "o", told)
