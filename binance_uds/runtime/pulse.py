"""Waking the threads that wait for something to be seen, however many; Ctrl-C in one of them holds up nobody."""

from __future__ import annotations

import time
from typing import Callable, Optional, Set, TypeVar

from ..edges.bell import Bell

T = TypeVar("T")

#: Waits are cut into slices of this many seconds: some systems deliver Ctrl-C only between them.
SLICE = 0.2


class Pulse:
    """Beats for whatever is new, so that those who wait look again. Any thread may beat, any may wait."""

    def __init__(self) -> None:
        # Plain, for only a plain set is copied in one step; while nobody waits a beat costs a look at it.
        self._waiting: Set[Bell] = set()

    def beat(self) -> None:
        """Wake those who wait; what they are to see is there already."""
        if self._waiting:
            for bell in tuple(self._waiting):
                bell.ring()

    def after_fork(self) -> None:
        """In the child: those who waited are other threads, which do not exist here."""
        self._waiting = set()

    def wait_for(self, look: Callable[[], Optional[T]], timeout: Optional[float]) -> Optional[T]:
        """
        Look now, and again after each beat and each slice of the wait, until there is something to be seen.

        Args:
            look: Returns what is waited for, or None; what it raises ends the wait.
            timeout: Seconds to wait; None waits for ever.

        Returns:
            What was seen, or None when the time is over.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        bell = Bell()
        try:
            self._waiting.add(bell)
            while True:
                # Before the look: a beat that comes during it may be about what it missed.
                bell.hush()
                seen = look()
                if seen is not None:
                    return seen
                remaining = SLICE if deadline is None else deadline - time.monotonic()
                if remaining <= 0:
                    return None
                bell.wait(min(remaining, SLICE))
        finally:
            self._waiting.discard(bell)


class Flag:
    """
    Something that becomes so once, and stays so. Any thread may set it, any may wait for it.

    Attributes:
        is_set: Whether it is so.
    """

    def __init__(self) -> None:
        self.is_set = False
        self._pulse = Pulse()

    def set(self) -> None:
        """It is so from now on."""
        self.is_set = True
        self._pulse.beat()

    def wait(self, timeout: Optional[float]) -> bool:
        """Wait for it for so many seconds, or for ever; returns whether it is so."""
        return self._pulse.wait_for(lambda: self.is_set or None, timeout) is not None
