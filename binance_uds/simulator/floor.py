"""
The trading floor: what every part of the exchange stands on.

The exchange is built in layers, one module each, every layer a class upon the one below: `Floor` (time,
symbols, accounts, what is to be pushed), `Ledger` (money), `Matching` and `Orders`, `Conditional` (the algo
service); beside them `Keys` (listen keys) and `History` and `Standing` (REST queries). `Exchange` puts them
together.

Nothing in them reads a clock, rolls a die or touches the outside. Ids are counters, keys are hashes of
counters.
"""

from __future__ import annotations

import copy
import hashlib
import heapq
import string
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from typing import Any, Optional, TypeVar, Union

from binance_uds.simulator.records import (
    SYMBOLS,
    Account,
    AlgoOrder,
    Balance,
    Market,
    Order,
    Position,
    Push,
    Symbol,
)
from binance_uds.simulator.refusals import refused

Amount = Union[Decimal, str, int]
Record = TypeVar("Record", Order, AlgoOrder, Balance, Position)

#: Beyond it, eight decimals would no longer fit into the precision of `Decimal`.
_TOO_MUCH = Decimal("1e18")
_ALPHABET = string.ascii_letters + string.digits


class Floor:
    """
    Time, symbols, accounts, pushes and ids.

    Attributes:
        now_ms: The exchange's clock.
        accounts: By name.
        markets: By symbol.
        rest_lag_ms: REST answers show the account as it was so long ago; 0 shows it as it is.
    """

    def __init__(self, start_ms: int, salt: str = "", symbols: Sequence[Symbol] = SYMBOLS) -> None:
        self.now_ms = start_ms
        self.accounts: dict[str, Account] = {}
        self.markets: dict[str, Market] = {
            symbol.name: Market(symbol, symbol.price.quantize(symbol.price_tick)) for symbol in symbols
        }
        self.rest_lag_ms = 0
        self._salt = salt
        self._pushes: list[Push] = []
        self._deadlines: list[tuple[int, int, Union[Order, AlgoOrder]]] = []
        self._last_order_id = 8_886_773
        self._last_transaction_id = 9_689_322_391

    def take_pushes(self) -> list[Push]:
        """Everything that became due since the last call, in order."""
        pushes, self._pushes = self._pushes, []
        return pushes

    def _push(self, account: Account, payload: dict[str, Any]) -> None:
        self._pushes.append(Push(account, payload, self.now_ms))

    def _market(self, symbol: str) -> Market:
        try:
            return self.markets[symbol]
        except KeyError:
            raise refused(-1121) from None

    def _end_by(self, order: Union[Order, AlgoOrder], identity: int) -> None:
        """Have a good-till-date order ended in time."""
        if order.good_till_date_ms:
            heapq.heappush(self._deadlines, (order.good_till_date_ms, identity, order))

    def _next_order_id(self) -> int:
        # One counter for all symbols: Binance's ids grow per symbol, and orders of others lie in between.
        self._last_order_id += 1 + self._last_order_id % 5
        return self._last_order_id

    def _next_transaction_id(self) -> int:
        self._last_transaction_id += 1
        return self._last_transaction_id

    def _token(self, *parts: object) -> str:
        """64 letters and digits that depend on nothing but the salt and the parts."""
        text = "\x1f".join([self._salt, *map(str, parts)])
        return "".join(_ALPHABET[byte % len(_ALPHABET)] for byte in hashlib.sha512(text.encode()).digest())

    def _remember(self, record: Record) -> None:
        """Keep a record's present state for lagging reads, just before it changes."""
        if self.rest_lag_ms:
            horizon = self.now_ms - self.rest_lag_ms
            while record.past and record.past[0][0] < horizon:
                del record.past[0]
            record.past.append((self.now_ms, copy.copy(record)))
        elif record.past:
            record.past.clear()

    def _seen(self, record: Record) -> Record:
        """A record as REST shows it now."""
        if self.rest_lag_ms:
            seen_ms = self.now_ms - self.rest_lag_ms
            for ended_ms, version in record.past:
                if ended_ms > seen_ms:
                    return version  # type: ignore[no-any-return]  # a copy of the record it hangs on
        return record


def number(value: Optional[Amount], parameter: str) -> Decimal:
    """
    A parameter that must be a decimal of less than a billion billions.

    Raises:
        Refused: -1102 if it is missing or malformed.
    """
    try:
        converted = Decimal(value) if value is not None else Decimal("NaN")
    except InvalidOperation:
        raise refused(-1102, parameter) from None
    if not converted.is_finite() or abs(converted) >= _TOO_MUCH:
        raise refused(-1102, parameter)
    return converted
