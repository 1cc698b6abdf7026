"""
The request weight that all streams of a process share.

Limits are per address, not per object, so what was read is counted per origin for the whole process: each stream asks
here before it reads, and none reads what another was promised. Other processes behind the same address are seen only in
what the exchange says of its use.
"""

from __future__ import annotations

import os
import threading
from typing import Dict, Optional

import attrs

from ..edges.dial import Origin
from ..protocol.budget import Budget

_budgets: Dict[Origin, Budget] = {}
_lock = threading.Lock()


@attrs.frozen(eq=False)
class Share:
    """
    One stream's share in the budget of an origin; equal to no other.

    Attributes:
        origin: Who counts.
        most: Weight of reads that all streams of this process together may use within a minute.
        allowed: Weight that the exchange allows an address within a minute.
    """

    origin: Origin
    most: int
    allowed: int

    def ask(self, weight: int, now: float) -> float:
        """
        Ask for a read; one that may be made is noted.

        Args:
            weight: What the read counts.
            now: Seconds of the monotonic clock.

        Returns:
            0 when it may be made now, or else after how many seconds to ask again.
        """
        with _lock:
            return self._budget.ask(self, weight, now, most=self.most, allowed=self.allowed)

    def heed(self, used: Optional[int], now: float) -> None:
        """Take what the exchange said that the address has used in its minute; None: it did not say."""
        with _lock:
            self._budget.heed(used, now)

    @property
    def _budget(self) -> Budget:
        return _budgets.setdefault(self.origin, Budget())


def forget_weights() -> None:
    """Forget what was used; for tests, which share a process."""
    with _lock:
        _budgets.clear()


def _after_fork() -> None:
    # Another thread of the parent may have held the lock; nobody in the child will ever release it. What was spent
    # stays: the child asks from the same address. Who waits does so in the parent.
    global _lock  # noqa: PLW0603
    _lock = threading.Lock()
    for budget in _budgets.values():
        budget.clear_line()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
