"""
When the exchange says wait, the whole process waits.

Limits and bans are per address, not per object, and a call sent into a ban lengthens it. So a hold is kept
per origin for every ``Rest`` of this process, and calls to that origin are answered from here
until it is over.
"""

from __future__ import annotations

import os
import threading
import time
from typing import Any, Optional

import attrs

from ..errors import ExchangeError
from .answers import Answer, verdict
from .dial import Origin

#: The exchange asks this address to wait; 418 is the ban that follows when it did not.
HOLDING_STATUSES = (429, 418)


@attrs.frozen
class Hold:
    """
    What the exchange said, and until when it counts.

    Attributes:
        status: 429 or 418.
        code: Binance's error code, if it named one.
        message: Binance's own words.
        until: Seconds of ``time.monotonic``.
    """

    status: int
    code: Optional[int]
    message: str
    until: float


_holds: dict[Origin, Hold] = {}
_lock = threading.Lock()


def heed(origin: Origin, answer: Answer) -> Any:
    """Return what ``verdict`` makes of an answer of this origin, and obey it if it is an order to wait."""
    outcome = verdict(answer, time.time())
    if isinstance(outcome, ExchangeError) and outcome.status in HOLDING_STATUSES:
        hold(origin, outcome, time.monotonic())
    return outcome


def hold(origin: Origin, answer: ExchangeError, now: float) -> None:
    """
    Keep calls off this origin for ``answer.retry_after_s``; a longer hold that stands already stays.

    Args:
        origin: Whom not to call.
        answer: The 429 or 418 it gave.
        now: Seconds of ``time.monotonic``.
    """
    new = Hold(answer.status, answer.code, answer.message, now + (answer.retry_after_s or 0.0))
    with _lock:
        old = _holds.get(origin)
        if old is None or old.until < new.until:
            _holds[origin] = new


def held(origin: Origin, now: float) -> Optional[ExchangeError]:
    """Return the error a call to this origin must end with, or None when it may be sent."""
    with _lock:
        found = _holds.get(origin)
        if found is None:
            return None
        if found.until <= now:
            del _holds[origin]
            return None
    return ExchangeError(found.status, found.code, found.message, found.until - now)


def release_holds() -> None:
    """Forget every hold; for tests, which share a process."""
    with _lock:
        _holds.clear()


def _after_fork() -> None:
    # Another thread of the parent may have held the lock; nobody in the child will ever release it.
    # The holds stay: the child calls from the same address.
    global _lock  # noqa: PLW0603
    _lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
