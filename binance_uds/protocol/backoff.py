"""How long to wait before trying again."""

from __future__ import annotations

import attrs


@attrs.define
class Backoff:
    """
    Waits that double from ``first`` to ``most`` seconds, each made longer by chance, by up to half of itself.

    Never shorter: nothing is tried again before the time that was promised. Chance is handed in, so that a test or a
    simulation repeats itself.
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
        least = min(self.first * 2.0 ** min(self.failures, 40), self.most)
        self.failures += 1
        return least * (1 + jitter / 2)

    def reset(self) -> None:
        """Start over: an attempt succeeded."""
        self.failures = 0


def hold(seconds: float, jitter: float) -> float:
    """
    Return how long to wait when the exchange asks for so many seconds.

    By chance up to a twentieth longer, and 5 s at most, so that not all streams of a process return at once.

    Args:
        seconds: What the exchange asked for.
        jitter: A random number from 0 up to, not including, 1.
    """
    return seconds + jitter * min(seconds / 20, 5.0)
