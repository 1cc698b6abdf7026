"""Spans of the exchange's time, and those that the validators share; all in milliseconds, ends included."""

from __future__ import annotations

from typing import Iterable, List, Optional, Tuple

from binance_uds.events import StateChanged, StreamState
from tests.simulation.history import NEVER_MS, History
from tests.simulation.promise import Promise

Span = Tuple[int, int]

#: A fill or frame of the last moments may still be under way when the stream is stopped.
UNDER_WAY_MS = 5_000


def union(spans: Iterable[Span]) -> List[Span]:
    """Return the same moments as spans that do not touch, in order."""
    joined: List[Span] = []
    for since, until in sorted(spans):
        if joined and since <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(until, joined[-1][1]))
        else:
            joined.append((since, until))
    return joined


def lies_in(since: int, until: int, union: List[Span]) -> bool:
    return any(first <= since and until <= last for first, last in union)


def lives_of(history: History, promise: Promise) -> List[Span]:
    """
    Return when a client has to hear of everything.

    Excused is what it had not read, or had under way, when it was stopped, and a deafness it had not found out by then.
    """
    lives = []
    stops = [history.ms(at) for at in history.stops]
    for first, last in history.lives:
        ends = [last, *(stop for stop in stops if first <= stop <= last)]
        ends += [since for since, until in history.blind if since <= last <= until]
        lives.append((first, min(ends) - UNDER_WAY_MS))
    return [(lives[0][0], lives[-1][1])] if promise.survives_restart and lives else lives


def unconfirmed_spans(history: History) -> List[Span]:
    """
    Return from when to when the client says that nothing confirms its connection.

    Then it may be deaf, as it said. One that repairs has to find the fills all the same.
    """
    spans: List[Span] = []
    since: Optional[int] = None
    for at, change in history.of(StateChanged):
        is_confirmed = change.new is StreamState.LIVE and change.reason != "subscription unconfirmed"
        if since is not None and is_confirmed:
            spans.append((since, history.ms(at)))
            since = None
        elif since is None and change.reason == "subscription unconfirmed":
            # The gap was closed just before; the callback that heard of it may have taken its time.
            since = max((report.until_ms for report in history.reports if report.until_ms < history.ms(at)), default=0)
    return spans if since is None else [*spans, (since, NEVER_MS)]
