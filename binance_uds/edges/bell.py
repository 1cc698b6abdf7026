"""
Waking a thread that waits, without a lock that one of the two could keep.

Python's ``Condition`` and ``Event`` take a lock in steps of Python, and Ctrl-C may come between any two of them: the
thread then goes on with ``RuntimeError`` in the place of ``KeyboardInterrupt``, or with the lock, for which the other
one would wait for ever. Here nobody holds anything at any moment.
"""

from __future__ import annotations

import contextlib
import threading


class Bell:
    """Wakes one thread, now or when it next waits. Any thread may ring it."""

    def __init__(self) -> None:
        # A lock that nobody owns: it is released by ringing and taken by hearing, each in one step of C.
        self._silence = threading.Lock()
        self._silence.acquire()

    def ring(self) -> None:
        """Be heard once, however often it rings until then."""
        # It rings already, and says so.
        with contextlib.suppress(RuntimeError):
            self._silence.release()

    def wait(self, timeout: float) -> bool:
        """Wait for it for so many seconds; returns whether it rang."""
        return self._silence.acquire(timeout=timeout)

    def hush(self) -> None:
        """Let what rang so far be heard."""
        self._silence.acquire(blocking=False)
