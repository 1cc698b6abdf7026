"""
Listen keys: one per account, shared by everything that account runs, valid for an hour, killed by anybody.

Source: USDⓈ-M Futures > User Data Streams > Start, Keepalive and Close User Data Stream, and Event: User
Data Stream Expired.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Optional

import attrs

from binance_uds.simulator import shapes
from binance_uds.simulator.floor import Floor
from binance_uds.simulator.records import SYMBOLS, Account, Push, Symbol
from binance_uds.simulator.refusals import refused


@attrs.define(eq=False)
class ListenKey:
    """A key and the first moment at which it is no longer valid."""

    text: str = attrs.field(repr=False)
    account: Account
    expires_ms: int


class Keys(Floor):
    """
    Hands out listen keys.

    Attributes:
        key_life_ms: From the last POST or PUT.
        expiry_notices: `listenKeyExpired` pushes when a key runs out by itself: 0, 1 or 2.
        keys_issued: How many there ever were.
    """

    expiry_notices = 1
    keys_issued = 0

    def __init__(
        self, start_ms: int, salt: str = "", symbols: Sequence[Symbol] = SYMBOLS, key_life_ms: int = 3_600_000
    ) -> None:
        super().__init__(start_ms, salt, symbols)
        self.key_life_ms = key_life_ms
        self._keys: dict[str, ListenKey] = {}
        self._owners: dict[str, ListenKey] = {}

    def obtain_key(self, account: Account) -> str:
        """The valid key, or a new one; either way valid for another hour (POST)."""
        key = self._valid_key(account)
        if key is None:
            self.keys_issued += 1
            text = self._token("listen key", account.name, self.keys_issued)
            key = ListenKey(text, account, 0)
            self._keys[account.name] = self._owners[text] = key
        key.expires_ms = self.now_ms + self.key_life_ms
        return key.text

    def keep_key(self, account: Account) -> str:
        """
        Extend the valid key by an hour and name it (PUT).

        Raises:
            Refused: -1125 when there is none.
        """
        key = self._valid_key(account)
        if key is None:
            raise refused(-1125)
        key.expires_ms = self.now_ms + self.key_life_ms
        return key.text

    def release_key(self, account: Account) -> None:
        """
        End the key for everybody who uses it, without a word on the stream (DELETE).

        Raises:
            Refused: -1125 when there is none.
        """
        key = self._valid_key(account)
        if key is None:
            raise refused(-1125)
        self._drop_key(key)

    def expire_key(self, account: Account, *, notices: int = 1) -> None:
        """
        Let the key run out now; nothing happens when there is none.

        Args:
            account: Whose.
            notices: How many `listenKeyExpired` its holders get: 0, 1 or, as seen in the wild, 2.
        """
        key = self._valid_key(account)
        if key is not None:
            self._expire(key, notices)

    def key_owner(self, key: str) -> Optional[Account]:
        """Whose valid key this is; None when it never was one or no longer is."""
        known = self._owners.get(key)
        return known.account if known is not None and known.expires_ms > self.now_ms else None

    def current_key(self, account: Account) -> Optional[str]:
        """The account's valid key, without renewing it."""
        key = self._valid_key(account)
        return key.text if key is not None else None

    def _valid_key(self, account: Account) -> Optional[ListenKey]:
        key = self._keys.get(account.name)
        return key if key is not None and key.expires_ms > self.now_ms else None

    def _expire_keys(self) -> None:
        """End the keys whose time has come, and say so."""
        for key in [key for key in self._keys.values() if key.expires_ms <= self.now_ms]:
            self._expire(key, self.expiry_notices)

    def _expire(self, key: ListenKey, notices: int) -> None:
        self._drop_key(key)
        for _ in range(notices):
            payload = shapes.key_expired(self.now_ms, key.text)
            self._pushes.append(Push(key.account, payload, self.now_ms, key.text))

    def _drop_key(self, key: ListenKey) -> None:
        del self._keys[key.account.name]
        del self._owners[key.text]

    def _next_expiry_ms(self) -> Optional[int]:
        return min((key.expires_ms for key in self._keys.values()), default=None)
