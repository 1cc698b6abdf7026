"""
A total deadline over blocking socket calls.

A socket's own timeout is per operation: a peer that sends a byte a second can hold a call for ever. And a
signal handler that wants the call to end may do nothing but store an attribute. So one helper thread watches
the time and that attribute, and the only thing it may do is shut the watched sockets down; the blocked call
then fails by itself.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from types import TracebackType
from typing import Callable, Optional

from ..errors import StreamInterrupted
from .bell import Bell

#: How often the helper asks whether the call was abandoned, in seconds.
POLL_S = 0.05


class Deadline:
    """
    Ends the blocking calls inside its ``with`` block when time is up, or when they are no longer wanted.

    Args:
        seconds: How long the block may take in all.
        is_abandoned: Asked about twenty times a second, on the helper thread; true ends the calls at once.

    Attributes:
        seconds: As given.
        passed: Whether the time ran out inside the block.
        abandoned: Whether the block was abandoned.

    Raises:
        StreamInterrupted: On entering, when the system gives us no helper thread.
    """

    def __init__(self, seconds: float, is_abandoned: Callable[[], bool] = lambda: False) -> None:
        self.seconds = seconds
        self.passed = False
        self.abandoned = False
        self._is_abandoned = is_abandoned
        self._end = time.monotonic() + seconds
        self._lock = threading.Lock()
        self._done = Bell()
        self._grips: list[socket.socket] = []
        # Named after the thread it watches over, so that a list of threads tells whose it is.
        name = f"{threading.current_thread().name} deadline"
        self._thread = threading.Thread(target=self._keep_watch, name=name, daemon=True)

    @property
    def is_over(self) -> bool:
        """Whether the watched sockets were shut down."""
        return self.passed or self.abandoned

    @property
    def remaining(self) -> float:
        """Seconds left, at least 0."""
        return max(self._end - time.monotonic(), 0.0)

    @property
    def fallback(self) -> float:
        """Seconds for a socket's own time-out: more than is left, so that the helper comes first."""
        return self.remaining + 1.0

    def watch(self, sock: socket.socket) -> None:
        """
        Shut this socket down when the block is over; at once if it already is.

        A TLS wrapper put around the socket later is covered too, as it sits on the same connection.

        Raises:
            OSError: The socket is closed, or the system has no descriptor left.
        """
        # A descriptor of our own: whoever owns the socket may close it while the helper is about to shut it
        # down, and its number may be another file's by then. It also passes by SSLSocket.shutdown, which
        # drops the encryption under a reader in another thread.
        grip = socket.socket(fileno=socket.dup(sock.fileno()))
        with self._lock:
            self._grips.append(grip)
            if self.is_over:
                _shut(grip)

    def __enter__(self) -> Deadline:
        self._end = time.monotonic() + self.seconds
        try:
            self._thread.start()
        except RuntimeError:
            started = False
        except BaseException:
            # Ctrl-C: the helper may have begun.
            self._done.ring()
            raise
        else:
            started = True
        if not started:
            raise StreamInterrupted("the system has no thread left for a deadline")
        return self

    def __exit__(
        self,
        kind: Optional[type[BaseException]],
        error: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        try:
            self._done.ring()
            self._thread.join()
        finally:
            for grip in self._grips:
                grip.close()

    def _keep_watch(self) -> None:
        left = 0.0
        while not self._done.wait(min(left, POLL_S)):
            abandoned, left = self._is_abandoned(), self._end - time.monotonic()
            if abandoned or left <= 0:
                with self._lock:
                    self.abandoned, self.passed = abandoned, not abandoned
                    for grip in self._grips:
                        _shut(grip)
                return


def _shut(sock: socket.socket) -> None:
    """End the connection under whoever is blocked on it."""
    # A socket that is not connected, or no longer, has nobody blocked on it.
    with contextlib.suppress(OSError):
        sock.shutdown(socket.SHUT_RDWR)
