"""
The exchange's limits on an address: request weight, new orders, messages on a socket.

Pure: time is an argument, in exchange milliseconds.

Source: USDⓈ-M Futures > General Info > Limits; weights and bans as in the SDK of 2026-10-23.
"""

from __future__ import annotations

from collections import deque
from typing import Optional

import attrs

#: Refused requests after which a ban follows, and how long the first one lasts; the exchange publishes
#: only "repeatedly" and "2 minutes to 3 days".
PATIENCE = 10
FIRST_BAN_MS = 2 * 60_000
LONGEST_BAN_MS = 3 * 86_400_000


@attrs.frozen
class Limited:
    """
    A request is refused for coming too often.

    Attributes:
        status: 429, or 418 for a ban.
        until_ms: When it ends, exchange time.
    """

    status: int
    until_ms: int


@attrs.define
class Window:
    """A count that starts anew with every window of fixed length, as the exchange's counters do."""

    length_ms: int
    limit: int
    used: int = 0
    number: int = 0

    def move_to(self, now_ms: int) -> None:
        """Start anew if the window has passed."""
        number = now_ms // self.length_ms
        if number != self.number:
            self.number, self.used = number, 0

    @property
    def ends_ms(self) -> int:
        """The end of the current window."""
        return (self.number + 1) * self.length_ms


@attrs.define
class WeightLimit:
    """
    Request weight of one address: over the limit 429, going on all the same 418.

    Attributes:
        minute: Weight used in the current minute.
    """

    minute: Window
    banned_until_ms: int = 0
    _refused: int = 0
    _bans: int = 0

    @classmethod
    def of(cls, per_minute: int) -> WeightLimit:
        """Make a limit of so much weight a minute."""
        return cls(Window(60_000, per_minute))

    def spend(self, weight: int, now_ms: int) -> Optional[Limited]:
        """Count a request; returns why it is refused, or None."""
        self.minute.move_to(now_ms)
        self.minute.used += weight
        if now_ms < self.banned_until_ms:
            return Limited(418, self.banned_until_ms)
        if self.minute.used <= self.minute.limit:
            self._refused = 0
            return None
        self._refused += 1
        if self._refused <= PATIENCE:
            return Limited(429, self.minute.ends_ms)
        self.banned_until_ms = now_ms + min(FIRST_BAN_MS * 2**self._bans, LONGEST_BAN_MS)
        self._bans += 1
        self._refused = 0
        return Limited(418, self.banned_until_ms)


@attrs.define
class OrderLimit:
    """New orders of one account, in ten seconds and in a minute."""

    ten_seconds: Window
    minute: Window

    @classmethod
    def of(cls, per_10s: int, per_minute: int) -> OrderLimit:
        """Make a limit of so many orders."""
        return cls(Window(10_000, per_10s), Window(60_000, per_minute))

    def count(self, now_ms: int) -> Optional[Window]:
        """Count a new order; returns the window that is full, or None."""
        full = None
        for window in (self.ten_seconds, self.minute):
            window.move_to(now_ms)
            window.used += 1
            if window.used > window.limit and full is None:
                full = window
        return full


@attrs.define
class MessageLimit:
    """Incoming messages of one socket in any second: pings, pongs and control messages alike."""

    per_second: int
    _times: deque[int] = attrs.field(factory=deque, init=False)

    def count(self, now_ms: int) -> bool:
        """Count a message; returns False when there are too many."""
        self._times.append(now_ms)
        while self._times[0] <= now_ms - 1000:
            self._times.popleft()
        return len(self._times) <= self.per_second
