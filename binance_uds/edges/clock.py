"""
Time and chance: what the outside world decides and no socket brings.
"""

from __future__ import annotations

import random
import time
from typing import Optional

from ..instants import Instant
from ..makers import maker

# One is made whenever the loop looks at the clocks, several times for each wake-up.
_instant = maker(Instant)


class Clock:
    """The clocks of this machine, and its dice."""

    def now(self) -> Instant:
        """Return one reading of all clocks."""
        return _instant(time.monotonic(), _boot_time(), time.time())

    def jitter(self) -> float:
        """Return a random number in [0, 1), which spreads out what many processes would do at once."""
        return random.random()


def _boot_time() -> Optional[float]:
    """Return seconds since boot, time in suspend included; None where there is no such clock."""
    try:
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    except (AttributeError, OSError):
        # Windows and macOS have no such name; some sandboxed kernels have the name and not the clock.
        return None
