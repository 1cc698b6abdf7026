"""
The ways to the end that a stream does not choose: the interpreter exits, the process forks, a signal comes.

A thread that daemonises itself dies in the middle of a callback at exit; so every running worker is asked to stop
first, for a bounded time. A forked child gets a copy of everything but the thread: it is told so, and touches nothing
of the parent's socket.
"""

from __future__ import annotations

import atexit
import os
import signal
import sys
import threading
import time
from types import CodeType, FrameType
from typing import Optional, Protocol, Set

#: Seconds all streams together may take to stop when the interpreter exits.
EXIT_PATIENCE = 2.0


class Stoppable(Protocol):
    """What runs and has to end with the process."""

    def ask_stop(self) -> None:
        """Ask for the end, without waiting."""

    def stop(self, timeout: float) -> bool:
        """Stop within so many seconds, and tell whether that succeeded."""

    def after_fork(self) -> None:
        """Called in a forked child: what ran in the parent does not run here."""


#: Plain, not weak: its thread holds what runs anyway, and only a plain set is copied in one step.
_running: Set[Stoppable] = set()


def register(stoppable: Stoppable) -> None:
    """Stop this one when the interpreter exits, and tell it when the process forked."""
    _running.add(stoppable)


def unregister(stoppable: Stoppable) -> None:
    """It ended by itself."""
    _running.discard(stoppable)


def is_in_signal_handler() -> bool:
    """
    Whether a signal handler written in Python is on the calling thread's stack.

    It interrupted the thread anywhere, perhaps while that held a lock, so nothing in it may wait.
    """
    if threading.current_thread() is not threading.main_thread():
        return False
    handlers = _handler_codes()
    frame: Optional[FrameType] = sys._getframe(1)
    while frame is not None:
        if frame.f_code in handlers:
            return True
        frame = frame.f_back
    return False


def _handler_codes() -> Set[CodeType]:
    codes = set()
    for number in signal.valid_signals():
        handler = signal.getsignal(number)
        # A partial and a bound method carry their function inside; anything else callable has __call__.
        handler = getattr(handler, "func", handler)
        handler = getattr(handler, "__func__", handler)
        if not hasattr(handler, "__code__") and callable(handler):
            handler = type(handler).__call__
        code = getattr(handler, "__code__", None)
        if isinstance(code, CodeType):
            codes.add(code)
    return codes


@atexit.register
def _at_exit() -> None:
    running = list(_running)
    for stoppable in running:
        stoppable.ask_stop()
    deadline = time.monotonic() + EXIT_PATIENCE
    for stoppable in running:
        stoppable.stop(max(deadline - time.monotonic(), 0.0))


def _after_fork_in_child() -> None:
    for stoppable in list(_running):
        stoppable.after_fork()
    _running.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
