"""Spans and moments that the validators share; spans are of the exchange's time, in milliseconds, ends included."""

from __future__ import annotations

from typing import Iterable, List, Optional, Tuple

from binance_uds.events import GapClosed, StateChanged, StreamState
from tests.simulation.history import NEVER_MS, Death, History
from tests.simulation.promise import Promise

Span = Tuple[int, int]

#: A fill or frame of the last moments may still be under way when the stream is stopped.
UNDER_WAY_MS = 5_000

#: Seconds that a client may take to be well again once the exchange wants requests again.
AFTER_HOLD = 60.0


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


def cut_short(history: History) -> List[GapClosed]:
    """Return the reports of gaps that were closed because the run ended: stopped, not started, or killed amid that."""
    found: List[GapClosed] = []
    latest: List[GapClosed] = []
    for _, item in history.of((GapClosed, StateChanged, Death)):
        if isinstance(item, GapClosed):
            latest.append(item)
        else:
            # One that was repaired is followed by LIVE, or by whatever else holds then.
            is_end = isinstance(item, Death) or item.new in (StreamState.STOPPED, StreamState.FAILED)
            found += latest if is_end else []
            latest = []
    return found


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


def last_hold_ends(history: History) -> float:
    """Return when the last wait ends that the exchange asked for, by a clock that stands still in suspend."""
    ends = 0.0
    for asked in history.asked:
        if asked.was_heard and asked.retry_after is not None:
            end = asked.at + asked.retry_after
            for at, seconds in history.sleeps:
                end += seconds if asked.at <= at < end else 0.0
            ends = max(ends, end)
    return ends
