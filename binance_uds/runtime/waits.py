"""Waiting, in a thread of the user's, until the account is as it should be, or something comes."""

from __future__ import annotations

import math
import numbers
from typing import Callable, Optional, TypeVar

from ..account_view import AccountSnapshot, AccountView
from ..errors import ConfigurationError, UserDataStreamError, WaitTimeout
from .pulse import Pulse

T = TypeVar("T")


def checked_wait(timeout: object) -> None:
    """
    Look whether this is a number of seconds to wait, or None; one that is over before it began is no error.

    Raises:
        ConfigurationError: It is neither. A wait for "not a number" would have no end and no pause.
    """
    if timeout is None:
        return
    if isinstance(timeout, bool) or not isinstance(timeout, numbers.Real) or math.isnan(timeout):
        given = repr(timeout) if isinstance(timeout, numbers.Real) else f"of type {type(timeout).__name__}"
        raise ConfigurationError(f"timeout must be a number of seconds, not {given}")


def wait_until(
    pulse: Pulse,
    account: AccountView,
    predicate: Callable[[AccountSnapshot], object],
    timeout: Optional[float],
    may_wait: Callable[[], None],
    why_over: Callable[[], Optional[str]],
    awaited: str,
) -> AccountSnapshot:
    """
    Wait until a predicate is true of the account.

    Args:
        pulse: Beats for whatever is delivered.
        account: What the predicate is about.
        predicate: Called in this thread with one snapshot at a time; what it raises ends the wait.
        timeout: Seconds to wait; None waits for ever.
        may_wait: Raises where waiting is not possible.
        why_over: Says in words why nothing can come any more, or None.
        awaited: What is waited for, in words.

    Returns:
        The snapshot of which it is true.

    Raises:
        WaitTimeout: It did not become true in time.
        UserDataStreamError: Nothing can come any more, and it is not true of what came.
    """

    def look() -> Optional[AccountSnapshot]:
        # First the end and then the account: everything was delivered before the end.
        over = why_over()
        snapshot = account.snapshot()
        if predicate(snapshot):
            return snapshot
        # The predicate may have forked.
        may_wait()
        if over is not None:
            raise _over(awaited, over)
        return None

    may_wait()
    over = why_over()
    if over is not None:
        # Not even a look: of a stream that does not run, yesterday's account would be the answer.
        raise _over(awaited, over)
    return _seen(pulse, look, timeout, awaited)


def wait_for(
    pulse: Pulse,
    take: Callable[[], Optional[T]],
    where: Optional[Callable[[T], object]],
    timeout: Optional[float],
    may_wait: Callable[[], None],
    why_over: Callable[[], Optional[str]],
    awaited: str,
) -> T:
    """
    Wait for something that is delivered.

    Args:
        pulse: Beats for whatever is delivered.
        take: Returns what was delivered and not taken yet, one thing at a time, in order; None when there is nothing.
        where: Whether it is what is waited for, called in this thread; what it raises ends the wait. None: any is.
        timeout: Seconds to wait; None waits for ever.
        may_wait: Raises where waiting is not possible.
        why_over: Says in words why nothing can come any more, or None.
        awaited: What is waited for, in words.

    Returns:
        The first that is.

    Raises:
        WaitTimeout: It did not come in time.
        UserDataStreamError: Nothing can come any more, and what came was something else.
    """

    def look() -> Optional[T]:
        # First the end and then what came: everything was delivered before the end.
        over = why_over()
        item = take()
        while item is not None:
            if where is None or where(item):
                return item
            item = take()
        # What was asked may have forked.
        may_wait()
        if over is not None:
            raise _over(awaited, over)
        return None

    may_wait()
    return _seen(pulse, look, timeout, awaited)


def _seen(pulse: Pulse, look: Callable[[], Optional[T]], timeout: Optional[float], awaited: str) -> T:
    """Return what there is to be seen in time, or raise ``WaitTimeout``."""
    seen = pulse.wait_for(look, timeout)
    if seen is None:
        # Whoever waits for ever sees something, or is told why not.
        raise WaitTimeout(0.0 if timeout is None else timeout, awaited)
    return seen


def _over(awaited: str, why: str) -> UserDataStreamError:
    return UserDataStreamError(f"no {awaited}, and none can come: {why}")
