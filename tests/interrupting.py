"""Ctrl-C at every single step of what a thread does."""

from __future__ import annotations

import itertools
import sys
import threading
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any


def interrupted_at_each_step(work: Callable[[], object]) -> Iterator[int]:
    """
    Do something again and again, interrupted one instruction of Python later each time, until it is over before that.

    Yields:
        The number of the instruction, after each interruption, when ``KeyboardInterrupt`` has come out.

    Raises:
        BaseException: Something else came out of an interruption.
    """
    for step in itertools.count():
        try:
            with_interruption(work, step)
        except KeyboardInterrupt:
            yield step
        else:
            return


def is_done_elsewhere(work: Callable[[], object], patience_s: float = 20.0) -> bool:
    """Do something in a thread of its own, which dies with the program if it is held up; returns whether it is not."""
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(patience_s)
    return not thread.is_alive()


def with_interruption(work: Callable[[], object], step: int) -> None:
    """Do something, with ``KeyboardInterrupt`` in the place of its instruction of this number."""
    steps = itertools.count()

    def trace(frame: FrameType, kind: str, _: Any) -> Any:
        frame.f_trace_opcodes = True
        if kind == "opcode" and next(steps) == step:
            raise KeyboardInterrupt
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        work()
    finally:
        sys.settrace(before)
