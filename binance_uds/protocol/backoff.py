"""How long to wait before trying again."""

from __future__ import annotations

import attrs


@attrs.define
class Backoff:
    """
    Waits that double from ``first`` to ``most`` seconds, each shortened by chance to between half and all of itself.

    Chance is handed in, so that a test or a simulation repeats itself.
    """

    first: float
    most: float
    failures: int = 0

    def next_wait(self, jitter: float) -> float:
        """
        Count one more failure and return the seconds to wait.

        Args:
            jitter: A random number from 0 up to, not including, 1.
        """
        # 2**40 is longer than any `most`; without the bound a failing year would make it a bignum.
        longest = min(self.first * 2.0 ** min(self.failures, 40), self.most)
        self.failures += 1
        return longest * (0.5 + jitter / 2)

    def reset(self) -> None:
        """Start over: an attempt succeeded."""
        self.failures = 0
