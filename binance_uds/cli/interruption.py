"""
Ctrl-C, in two manners.

While modules are imported there is nothing to tidy up, and an exception in the middle of an import comes out as
something else; so the process ends on the spot. While a command runs, it is a ``KeyboardInterrupt`` that closes
connections and restores the terminal, and a second Ctrl-C does not disturb that.
"""

from __future__ import annotations

import os
import signal
from contextlib import contextmanager
from types import FrameType
from typing import Iterator, List, NoReturn, Optional

#: What asks a command to end: Ctrl-C, and a service manager.
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def end_on_the_spot() -> None:
    """From now on let Ctrl-C end the process without further ado, with the exit code that shells expect."""
    for number in _SIGNALS:
        signal.signal(number, _end)


def _end(number: int, frame: Optional[FrameType]) -> NoReturn:
    os._exit(_exit_code(number))


@contextmanager
def ending_tidily() -> Iterator[None]:
    """
    Within, let Ctrl-C raise ``KeyboardInterrupt``, once; when that comes out, the exit code is 130, as in shells.

    Raises:
        SystemExit: After Ctrl-C.
    """
    received: List[int] = []

    def interrupt(number: int, frame: Optional[FrameType]) -> None:
        if not received:
            received.append(number)
            raise KeyboardInterrupt

    before = [(number, signal.signal(number, interrupt)) for number in _SIGNALS]
    try:
        yield
    except KeyboardInterrupt:
        raise SystemExit(_exit_code(received[0])) from None
    finally:
        for number, handler in before:
            signal.signal(number, handler)


def _exit_code(number: int) -> int:
    return 128 + number
