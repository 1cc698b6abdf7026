"""Ctrl-C at every single step of what a thread does."""

from __future__ import annotations

import dis
import functools
import itertools
import sys
import threading
from collections.abc import Callable, Iterator
from types import CodeType, FrameType, ModuleType
from typing import Any, Optional


def interrupted_at_each_step(work: Callable[[], object], *within: ModuleType) -> Iterator[int]:
    """
    Do something again and again, interrupted one instruction of Python later each time, until it is over before that.

    Args:
        work: What to do.
        within: If there are any, only in these modules, and only where CPython looks for signals: at the beginning of a
            function, behind a call and behind a jump back. So none comes between a lock and its ``with`` block.

    Yields:
        The number of the instruction, after each interruption, when ``KeyboardInterrupt`` has come out.

    Raises:
        BaseException: Something else came out of an interruption.
    """
    for step in itertools.count():
        try:
            with_interruption(work, step, within)
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


def with_interruption(work: Callable[[], object], step: int, within: tuple[ModuleType, ...] = ()) -> None:
    """Do something, with ``KeyboardInterrupt`` in the place of its instruction of this number; as above."""
    steps = itertools.count()
    files = {module.__file__ for module in within}

    def trace(frame: FrameType, kind: str, _: Any) -> Any:
        code = frame.f_code
        if files and code.co_filename not in files:
            return None
        frame.f_trace_opcodes = True
        if kind == "opcode" and (not files or frame.f_lasti in _listening(code)) and next(steps) == step:
            raise KeyboardInterrupt
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        work()
    finally:
        sys.settrace(before)


@functools.cache
def _listening(code: CodeType) -> frozenset[int]:
    """Return the offsets of the instructions before which every CPython looks for signals."""
    found: set[int] = set()
    before: Optional[dis.Instruction] = None
    for instruction in dis.get_instructions(code):
        if before is None or before.opname == "RESUME" or before.opname.startswith("CALL"):
            found.add(instruction.offset)
        if instruction.opname in ("JUMP_BACKWARD", "JUMP_ABSOLUTE"):
            found.add(instruction.argval)
        before = instruction
    return frozenset(found)
