"""
How much may be asked: the request weight of a process's own reads, and what its address has used altogether.

The exchange counts by the minute and by address. So all streams of a process share one budget, and one that reads all
it could would leave nothing to the programs beside it.
"""

from __future__ import annotations

import itertools
from collections import deque
from typing import Deque, Dict, Hashable, List, Optional, Tuple

import attrs

#: The exchange counts by the minute. Source: USDⓈ-M Futures > General Info > LIMITS.
WINDOW_S = 60.0

#: Above this share of what the exchange allows, reads wait: others of the same address are at work.
SHARE_FOR_ALL = 0.8

#: Seconds by which one that was told to wait may be late before another takes its place: it may be in a callback, or in
#: a call that is not answered.
PLACE_KEPT_S = 6.0


@attrs.define
class Budget:
    """
    The weight used in the last minute, and who waits for more. Times are seconds of the monotonic clock.

    Who has to wait keeps a place in the line: many small reads of one stream cannot keep a large one of another from
    ever being made.
    """

    _spent: Deque[Tuple[float, int]] = attrs.field(factory=deque)
    _used: Optional[Tuple[float, int]] = None
    _line: Dict[Hashable, Tuple[float, int]] = attrs.field(factory=dict)

    def ask(self, who: Hashable, weight: int, now: float, *, most: int, allowed: int) -> float:
        """
        Ask for a read; one that may be made is noted.

        Args:
            who: Asks, one read at a time; who has to wait asks again with the same name.
            weight: What the read counts.
            now: The present.
            most: Weight that all who share this budget may use within a minute.
            allowed: Weight that the exchange allows an address within a minute.

        Returns:
            0 when it may be made now, or else after how many seconds to ask again.
        """
        while self._spent and self._spent[0][0] <= now - WINDOW_S:
            self._spent.popleft()
        self._line = {each: place for each, place in self._line.items() if now <= place[0] + PLACE_KEPT_S}
        ahead = itertools.takewhile(lambda each: each != who, self._line)
        # As if those ahead had spent already what they are going to.
        promised = sorted((max(self._line[each][0], now), self._line[each][1]) for each in ahead)
        wait = max(self._until_room([*self._spent, *promised], weight, now, most), self._until_calm(now, allowed))
        if wait > 0:
            # Where it stands already it stays.
            self._line[who] = (now + wait, weight)
            return wait
        self._line.pop(who, None)
        self._spent.append((now, weight))
        return 0.0

    def heed(self, used: Optional[int], now: float) -> None:
        """Take what the exchange said that the address has used in its minute; None: it did not say."""
        if used is not None:
            self._used = (now, used)

    def clear_line(self) -> None:
        """Forget who waits; what was spent stays spent."""
        self._line.clear()

    def _until_calm(self, now: float, allowed: int) -> float:
        """Return for how many seconds the address has to be left to others."""
        if self._used is None or self._used[1] <= SHARE_FOR_ALL * allowed:
            return 0.0
        # The exchange's minute may begin anywhere in ours.
        return max(0.0, self._used[0] + WINDOW_S - now)

    @staticmethod
    def _until_room(spent: List[Tuple[float, int]], weight: int, now: float, most: int) -> float:
        """Return after how many seconds enough of what was spent is a minute old; no more than a minute at a time."""
        total = weight + sum(each for _, each in spent)
        wait = 0.0
        for at, each in spent:
            if total <= most:
                break
            total -= each
            wait = at + WINDOW_S - now
        # Who is ahead may not come back, so it is worth another look by then.
        return min(wait, WINDOW_S)
