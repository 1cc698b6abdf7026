"""
A moment as three clocks saw it.

The monotonic clock stands still while a machine sleeps, and the wall clock jumps when someone sets it. A moment is
therefore a row of readings, and how old it is, is the largest difference any of them shows: a proof may be thought
older than it is, never younger.
"""

from __future__ import annotations

import math
from typing import Optional

import attrs


@attrs.frozen(weakref_slot=False)
class Instant:
    """
    One moment.

    Attributes:
        monotonic: Seconds of ``time.monotonic``; deadlines for pings, settling and REST use it alone.
        boot: Seconds of the boot-time clock, which goes on in suspend; None where the system has none.
        wall: Seconds since the Unix epoch by this machine's clock.
    """

    monotonic: float
    boot: Optional[float]
    wall: float

    @property
    def wall_ms(self) -> int:
        """Milliseconds since the Unix epoch by this machine's clock."""
        return int(self.wall * 1000)

    def age(self, now: Instant) -> float:
        """Return how many seconds lie between this moment and ``now``, by the clock that shows the most."""
        return max(self._differences(now))

    def jump(self, now: Instant) -> float:
        """Return by how many seconds the clocks disagree about the time between this moment and ``now``."""
        differences = self._differences(now)
        return max(differences) - min(differences)

    def least_ms_to(self, moment: Instant) -> int:
        """Return milliseconds from this moment to another, negative when it came before; the least any clock shows."""
        return math.floor(1000 * min(self._differences(moment)))

    def most_ms_to(self, moment: Instant) -> int:
        """Return milliseconds from this moment to another, negative when it came before; the most any clock shows."""
        return math.ceil(1000 * max(self._differences(moment)))

    def _differences(self, now: Instant) -> list[float]:
        differences = [now.monotonic - self.monotonic, now.wall - self.wall]
        if now.boot is not None and self.boot is not None:
            differences.append(now.boot - self.boot)
        return differences
