"""
How much a stream may ask: the request weight of its own reads, and what the address has used altogether.

The exchange counts by the minute and by address, so a stream that reads all it could leaves nothing to the programs
beside it.
"""

from __future__ import annotations

from collections import deque
from typing import Deque, Optional, Tuple

import attrs

#: The exchange counts by the minute. Source: USDⓈ-M Futures > General Info > LIMITS.
WINDOW_S = 60.0

#: Above this share of what the exchange allows, reads wait: others of the same address are at work.
SHARE_FOR_ALL = 0.8


@attrs.define
class Budget:
    """
    The weight used in the last minute. Times are seconds of the monotonic clock.

    Attributes:
        most: Weight of our own reads within a minute.
        allowed: Weight that the exchange allows an address within a minute.
    """

    most: int
    allowed: int
    _spent: Deque[Tuple[float, int]] = attrs.field(factory=deque)
    _used: Optional[Tuple[float, int]] = None

    def spend(self, weight: int, now: float) -> None:
        """Note a read."""
        self._spent.append((now, weight))

    def heed(self, used: Optional[int], now: float) -> None:
        """Take what the exchange said that the address has used in its minute; None: it did not say."""
        if used is not None:
            self._used = (now, used)

    def wait(self, weight: int, now: float) -> float:
        """Return after how many seconds a read of this weight may be made."""
        while self._spent and self._spent[0][0] <= now - WINDOW_S:
            self._spent.popleft()
        waits = [self._until_room(weight, now)]
        if self._used is not None and self._used[1] > SHARE_FOR_ALL * self.allowed:
            # The exchange's minute may begin anywhere in ours.
            waits.append(self._used[0] + WINDOW_S - now)
        return max(0.0, *waits)

    def _until_room(self, weight: int, now: float) -> float:
        """Return after how many seconds enough of what was spent is a minute old."""
        total = weight + sum(spent for _, spent in self._spent)
        wait = 0.0
        for at, spent in self._spent:
            if total <= self.most:
                break
            total -= spent
            wait = at + WINDOW_S - now
        return wait
