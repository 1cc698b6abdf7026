"""Deafness and health: what is said of them, and when."""

from __future__ import annotations

from typing import Iterator, Set

from binance_uds.events import GapClosed, GapOpened, Notice, StateChanged, StreamState
from binance_uds.events.notices import Proof
from tests.simulation.history import Death, History
from tests.simulation.promise import Promise
from tests.simulation.validators.spans import (
    AFTER_HOLD,
    cut_short,
    last_hold_ends,
    lies_in,
    lives_of,
    unconfirmed_spans,
    union,
)

#: Seconds a proof counts, by `Timings`: the connection's and the key's.
TRANSPORT_LEASE, KEY_LEASE = 45.0, 150.0

#: Seconds until a dead key is found while REST answers, which takes longest of all, and a moment.
DEAFNESS_FOUND_WITHIN = 71.0 + 2.0

#: Seconds the client may take to be well again when nothing goes wrong any more.
RECOVERY = 600.0


def blindness_told(history: History, promise: Promise) -> Iterator[str]:
    """Every blind interval of the stream's life lies inside an announced gap, and so does every push nobody read."""
    told = union([*history.announced, *unconfirmed_spans(history)])
    lives = lives_of(history, promise)
    for first, last in lives:
        for since, until in history.blind:
            if max(since, first) < min(until, last) and not lies_in(max(since, first), min(until, last), told):
                yield f"nothing could reach the client from {since} to {until}, and no gap says so"
    for pushed in history.pushes:
        if pushed.was_read or not lies_in(pushed.time_ms, pushed.time_ms, lives):
            continue
        is_fill = pushed.payload["e"] == "ORDER_TRADE_UPDATE" and pushed.payload["o"]["x"] in ("TRADE", "CALCULATED")
        if pushed.was_lost and not (promise.repairs and is_fill):
            continue
        if pushed.payload["e"] != "listenKeyExpired" and not lies_in(pushed.time_ms, pushed.time_ms, told):
            yield f"{pushed.payload['e']} of {pushed.time_ms} was not read, and lies in no gap"


def gaps_paired(history: History, promise: Promise) -> Iterator[str]:
    """Gaps are numbered, each is opened and closed once, in this order, and LIVE is never said while one is open."""
    opened: Set[int] = set()
    closed: Set[int] = set()
    may_begin_anew = False
    for at, item in history.of((Notice, Death)):
        if isinstance(item, Death):
            # What was open is part of the next run's first gap.
            closed = set(opened)
        elif isinstance(item, StateChanged) and item.new is StreamState.STARTING and opened == closed:
            # A stream that was made anew counts from the beginning; one that was only started again goes on.
            may_begin_anew = True
        elif isinstance(item, GapOpened):
            if may_begin_anew and item.gap_id == 1:
                opened, closed = set(), set()
            may_begin_anew = False
            if item.gap_id in opened or item.gap_id != len(opened) + 1:
                yield f"gap {item.gap_id} was opened at {at:.3f} after {len(opened)} others"
            opened.add(item.gap_id)
        elif isinstance(item, GapClosed):
            if item.gap_id not in opened - closed:
                yield f"gap {item.gap_id} was closed at {at:.3f} and was not open"
            if item.since_ms > item.until_ms:
                yield f"gap {item.gap_id} ended before it began"
            closed.add(item.gap_id)
        elif isinstance(item, StateChanged) and item.new is StreamState.LIVE and opened - closed:
            yield f"the client said LIVE at {at:.3f} with gaps {sorted(opened - closed)} open"


def proven(history: History, promise: Promise) -> Iterator[str]:
    """Where REST lags no longer than is waited for, every gap closes on evidence."""
    if not promise.repairs or history.is_bad:
        return
    # The end of a run closes what is open, whatever is known of it.
    excused = cut_short(history)
    for report in history.reports:
        if report.proof == Proof.UNPROVEN and report not in excused:
            yield f"gap {report.gap_id} ({report.cause}) was closed unproven: {report.unrecoverable}"


def live_is_young(history: History, promise: Promise) -> Iterator[str]:
    """LIVE is said only while a connection was read and the key was named a short while ago, by whoever asks."""
    unconfirmed = unconfirmed_spans(history)
    for look in history.looks:
        if look.state is not StreamState.LIVE:
            continue
        if look.read_age > TRANSPORT_LEASE:
            yield f"LIVE at {look.at:.3f}, {look.read_age:.1f} s after anything was read"
        if look.named_age > KEY_LEASE:
            yield f"LIVE at {look.at:.3f}, {look.named_age:.1f} s after the key was asked for"
        if look.deaf_for > KEY_LEASE and not lies_in(history.ms(look.at), history.ms(look.at), unconfirmed):
            yield f"LIVE at {look.at:.3f}, deaf for {look.deaf_for:.1f} s"


def deafness_found(history: History, promise: Promise) -> Iterator[str]:
    """Whatever made the client deaf is found as soon as the README says, while REST works."""
    unconfirmed = unconfirmed_spans(history)
    for look in history.looks:
        is_told = look.state is not StreamState.LIVE or lies_in(history.ms(look.at), history.ms(look.at), unconfirmed)
        if not is_told and min(look.deaf_for, look.free_for) > DEAFNESS_FOUND_WITHIN:
            yield f"LIVE at {look.at:.3f}, deaf for {look.deaf_for:.1f} s though REST worked"


def no_false_alarm(history: History, promise: Promise) -> Iterator[str]:
    """No connection is given up as dead that would have answered."""
    for at, gap in history.alarms:
        yield f"gap {gap.gap_id} ({gap.cause}) was opened at {at:.3f} over a connection that worked"


def healthy_after(history: History, promise: Promise) -> Iterator[str]:
    """When nothing goes wrong any more the stream is soon LIVE, and stays so, without an open gap."""
    well_at = max(history.trouble_ends + RECOVERY, last_hold_ends(history) + AFTER_HOLD)
    for look in history.looks:
        if look.at > well_at and look.state is not StreamState.LIVE:
            yield f"{look.state.value} at {look.at:.3f}, {look.at - history.trouble_ends:.0f} s after the last trouble"
    for at, gap in history.of(GapOpened):
        if at > well_at:
            yield f"gap {gap.gap_id} ({gap.cause}) opened at {at:.3f}, when nothing was wrong any more"
