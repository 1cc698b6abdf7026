"""
The ways to the end that a stream does not choose: the interpreter exits, the process forks, a signal comes.

A thread that daemonises itself dies in the middle of a callback at exit; so every running worker is asked to stop
first, for a bounded time. A forked child gets a copy of everything but the thread: it is told so, and touches nothing
of the parent's socket.
"""

from __future__ import annotations

import atexit
import inspect
import os
import signal
import sys
import time
import weakref
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


class Forkable(Protocol):
    """What has to know that it is a forked child's copy, whether or not it runs."""

    def after_fork(self) -> None:
        """Called in the child, before anything else runs there."""


#: Plain, not weak: its thread holds what runs anyway, and only a plain set is copied in one step.
_running: Set[Stoppable] = set()

_forkable: weakref.WeakSet[Forkable] = weakref.WeakSet()

#: Where all of these run.
_process = os.getpid()


def register(stoppable: Stoppable) -> None:
    """Stop this one when the interpreter exits, and tell it when the process forked."""
    _running.add(stoppable)


def unregister(stoppable: Stoppable) -> None:
    """It ended by itself."""
    _running.discard(stoppable)


def tell_of_fork(forkable: Forkable) -> None:
    """Tell this one in the child when the process forks, for as long as somebody holds it."""
    _forkable.add(forkable)


def is_in_signal_handler() -> bool:
    """
    Whether a signal handler written in Python is on the calling thread's stack.

    It interrupted the thread anywhere, perhaps while that held a lock, so nothing in it may wait.
    """
    # Asked on whatever thread it is: what gevent makes of threads runs on the main one, handlers included.
    handlers = _handler_codes()
    frame: Optional[FrameType] = sys._getframe(1)
    while frame is not None:
        if frame.f_code in handlers and _was_called_by_signal(frame):
            return True
        frame = frame.f_back
    return False


def _was_called_by_signal(frame: FrameType) -> bool:
    """
    Whether the interpreter called a handler's function, and not a program.

    The code alone does not tell, for a decorator's inner function runs whatever it decorates. The interpreter hands
    over the frame it interrupted, and that is where the call came from.
    """
    names, gathered, _, given = inspect.getargvalues(frame)
    if any(name not in given for name in (*names, *filter(None, [gathered]))):
        # The function deleted an argument, which may have been that frame. Not to wait is the safe side.
        return True
    arguments = [given[name] for name in names]
    if gathered is not None:
        arguments += given[gathered]
    return any(argument is frame.f_back for argument in arguments)


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
    notice_fork()
    running = list(_running)
    for stoppable in running:
        stoppable.ask_stop()
    deadline = time.monotonic() + EXIT_PATIENCE
    for stoppable in running:
        stoppable.stop(max(deadline - time.monotonic(), 0.0))


def notice_fork() -> None:
    """
    Catch up on a fork that Python was not told of.

    A server written in C may fork by itself, as uWSGI does; then no hook is called, and whoever asks finds out.
    """
    if os.getpid() != _process:
        _after_fork_in_child()


def _after_fork_in_child() -> None:
    global _process  # noqa: PLW0603
    _process = os.getpid()
    for stoppable in list(_running):
        stoppable.after_fork()
    _running.clear()
    for forkable in list(_forkable):
        forkable.after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
