"""Manners: what the client asks of the exchange, and what it tells of its secrets."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from typing import Dict, Iterator, Tuple

from binance_uds.events import Event, ListenKeyExpired, Notice, UnknownEvent
from tests.simulation.history import History
from tests.simulation.promise import Promise
from tests.simulation.validators.spans import last_hold_ends

#: Request weight a client may use: in any minute, and at rest in the mean of the minutes.
MOST_WEIGHT, MOST_WEIGHT_AT_REST = 1_000, 25.0

#: Above this weight in a minute of an address, which may use 2,400, others are at work. Their minute may end up to a
#: whole one after it was said.
MOST_SHARED, SHARED_FOR = 1_920, 50.0

#: What one audit may use: so much does the mean over some minutes depend on where they begin.
ONE_AUDIT = 100

#: Requests and handshakes that a client may send in any minute, come what may.
MOST_REQUESTS, MOST_HANDSHAKES = 240, 60

#: At the end nothing is traded for this many seconds.
REST = 1_200.0


def no_storm(history: History, promise: Promise) -> Iterator[str]:
    """Requests stay within their weight and number, and a call to wait is obeyed."""
    weights: Dict[int, int] = defaultdict(int)
    counts: Dict[int, int] = defaultdict(int)
    held_until = 0.0
    for asked in history.asked:
        if asked.at < held_until:
            yield f"{asked.method} {asked.path} at {asked.at:.3f}, though told to wait until {held_until:.3f}"
        if asked.was_heard and asked.status in (418, 429) and asked.retry_after is not None:
            held_until = asked.at + asked.retry_after
        weights[asked.time_ms // 60_000] += asked.weight
        counts[asked.time_ms // 60_000] += 1
    handshakes = Counter(int(at // 60) for at in history.handshakes)
    for what, table, most in (
        ("request weight", weights, MOST_WEIGHT),
        ("requests", counts, MOST_REQUESTS),
        ("handshakes", handshakes, MOST_HANDSHAKES),
    ):
        for minute, count in table.items():
            if count > most:
                yield f"{count} {what} in minute {minute}, of {most}"


def leaves_room(history: History, promise: Promise) -> Iterator[str]:
    """
    While others behind the address use most of its weight, by the last that was heard of it, nothing is read.

    But for the balances that whoever starts anew reads once: that the exchange answers proves the secret, without
    which no connection counts.
    """
    told_at, is_proven, ends = -SHARED_FOR, False, iter([*history.ends_of_lives, math.inf])
    end = next(ends)
    for asked in history.asked:
        while end < asked.at:
            # One that starts anew has not been told.
            told_at, is_proven, end = -SHARED_FOR, False, next(ends)
        is_proof = asked.path.endswith("/balance") and not is_proven
        is_read = asked.method == "GET" and not asked.path.endswith("/time") and not is_proof
        if is_read and asked.at < told_at + SHARED_FOR:
            yield f"{asked.path} read at {asked.at:.3f}, though others use the weight since {told_at:.3f}"
        is_proven = is_proven or (is_proof and asked.was_heard and asked.status == 200)
        if asked.was_heard and asked.status == 200 and asked.used_weight is not None:
            told_at = asked.at if asked.used_weight > MOST_SHARED else -SHARED_FOR


def quiet_at_rest(history: History, promise: Promise) -> Iterator[str]:
    """While nothing is traded the client asks for little."""
    # The first minutes belong to the last trade: an audit that finds it may still look closer.
    # So do those after a wait that the exchange asked for, behind which the last repair may have had to stay.
    since = max(history.ends - REST, last_hold_ends(history)) + 300
    if since > history.ends - 60:
        return
    used = sum(asked.weight for asked in history.asked if asked.at >= since)
    mean = max(used - ONE_AUDIT, 0) / (history.ends - since) * 60
    if mean > MOST_WEIGHT_AT_REST:
        yield f"{mean:.1f} request weight a minute at rest, of {MOST_WEIGHT_AT_REST}"


def no_secret(history: History, promise: Promise) -> Iterator[str]:
    """No key, secret or signature shows in anything the client says."""
    for place, text in _said(history):
        for secret in history.secrets:
            if secret in text:
                yield f"a secret shows in {place}"
        if "signature=" in text:
            yield f"a signature shows in {place}"


def _said(history: History) -> Iterator[Tuple[str, str]]:
    for line in history.log:
        yield "the log", line
    for step in history.timeline:
        yield "the timeline", str(step)
    yield "the health", repr(history.health)
    for number, (_, item) in enumerate(history.delivered):
        # Order and account events are all alike; what names a key, or is unknown, is looked at each time.
        if isinstance(item, Notice):
            yield f"a {type(item).__name__}", repr(item)
        elif isinstance(item, (ListenKeyExpired, UnknownEvent)) or (isinstance(item, Event) and number % 25 == 0):
            yield f"a {type(item).__name__}", repr(item) + repr(item.raw)
