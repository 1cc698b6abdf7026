"""Fills and the account: every fill once, as it was, in order; the account as it is."""

from __future__ import annotations

import bisect
from collections import Counter
from typing import Any, Callable, Dict, Iterator, Set, Tuple

from binance_uds.events import GapClosed, OrderStatus, OrderTradeUpdate, StreamState
from binance_uds.simulator.records import Fill
from tests.simulation.history import History
from tests.simulation.promise import Promise
from tests.simulation.validators.spans import (
    AFTER_HOLD,
    cut_short,
    last_hold_ends,
    lies_in,
    lives_of,
    unconfirmed_spans,
)

Identity = Tuple[str, int, int]

#: Seconds for which the proof counts that nothing is missing.
DELIVERY_LEASE = 900.0

_RANKS = {OrderStatus.NEW: 0, OrderStatus.PARTIALLY_FILLED: 1}


def complete(history: History, promise: Promise) -> Iterator[str]:
    """Every fill of the stream's life is delivered, but for those that a gap's report gives up."""
    delivered = {_identity(fill) for fill in history.fills}
    # What a run could not look for before its end the next one does, with a cursor.
    resumed_ms = history.lives[-1][0] if promise.survives_restart and promise.repairs and history.lives else 0
    resumed = [gap for gap in cut_short(history) if gap.until_ms <= resumed_ms]
    given_up = [(gap.since_ms, gap.until_ms) for gap in history.reports if _gives_up_fills(gap) and gap not in resumed]
    given_up += [] if promise.repairs else unconfirmed_spans(history)
    lives = lives_of(history, promise)
    excused = set() if promise.repairs else _pushed(history, lambda pushed: pushed.was_lost)
    for fill in history.account.fills:
        if _identity(fill) in delivered or _identity(fill) in excused:
            continue
        if lies_in(fill.time_ms, fill.time_ms, lives) and not lies_in(fill.time_ms, fill.time_ms, given_up):
            yield f"fill {_words(fill)} was not delivered, and no report gives it up"


def unique(history: History, promise: Promise) -> Iterator[str]:
    """No fill is delivered twice, and none that never was."""
    real = {_identity(fill) for fill in history.account.fills}
    excused = set() if promise.recognises_copies else _pushed(history, lambda pushed: pushed.copies > 1)
    for identity, count in Counter(_identity(fill) for fill in history.fills).items():
        if identity not in real:
            yield f"fill {identity} was delivered and never happened"
        elif count > 1 and identity not in excused:
            yield f"fill {identity} was delivered {count} times"


def true(history: History, promise: Promise) -> Iterator[str]:
    """What a delivered fill says is what happened; what is not known is None."""
    real = {_identity(fill): fill for fill in history.account.fills}
    for told in history.fills:
        fill = real.get(_identity(told))
        if fill is None:
            continue
        for name, value in (
            ("side", fill.side),
            ("position_side", fill.position_side),
            ("last_filled_quantity", fill.quantity),
            ("last_filled_price", fill.price),
            ("realized_profit", fill.realized_profit),
            ("trade_time_ms", fill.time_ms),
            ("is_maker", fill.is_maker),
            ("commission", fill.commission),
        ):
            said = getattr(told, name)
            # On the stream a commission of nothing is not told.
            if said is not None and said != value:
                yield f"fill {_words(fill)} was told with {name} {said}, not {value}"


def ordered(history: History, promise: Promise) -> Iterator[str]:
    """Per symbol fills come by trade id; one is ``late`` exactly when a higher one was delivered before."""
    highest: Dict[str, int] = {}
    for fill in history.fills:
        if fill.trade_id is None:
            yield f"a fill of {fill.symbol} has no trade id"
            continue
        is_late = fill.trade_id < highest.get(fill.symbol, 0)
        if fill.late is not is_late:
            yield f"fill {_identity(fill)} says late={fill.late} after {highest.get(fill.symbol)} of its symbol"
        highest[fill.symbol] = max(fill.trade_id, highest.get(fill.symbol, 0))


def forward(history: History, promise: Promise) -> Iterator[str]:
    """REST never moves an order backwards: a recovered state is no older than what was delivered before."""
    furthest: Dict[Tuple[str, int], Tuple[int, Any]] = {}
    for _, update in history.of(OrderTradeUpdate):
        order, filled = (update.symbol, update.order_id), update.filled_quantity
        if filled is None or update.status is None:
            continue
        here = (_RANKS.get(update.status, 2), filled)
        before = furthest.get(order, here)
        is_state = update.origin == "rest" and update.execution_type is None
        if is_state and (here[0] < before[0] or here[1] < before[1]):
            yield f"order {order} was {before} and was then told by REST to be {here}"
        furthest[order] = (max(here[0], before[0]), max(here[1], before[1]))


def nothing_old_missing(history: History, promise: Promise) -> Iterator[str]:
    """A client that repairs does not say LIVE while it lacks a fill that the audits should have found long ago."""
    if not promise.repairs or history.is_bad:
        return
    came: Dict[Identity, float] = {}
    for at, fill in history.of(OrderTradeUpdate):
        if fill.is_fill:
            came.setdefault(_identity(fill), at)
    live_at = [look.at for look in history.looks if look.state is StreamState.LIVE]
    lives = lives_of(history, promise)
    for fact in history.account.fills:
        overdue_at = history.at(fact.time_ms) + DELIVERY_LEASE
        if not lies_in(fact.time_ms, fact.time_ms, lives) or came.get(_identity(fact), 0.0) < overdue_at:
            continue
        index = bisect.bisect(live_at, overdue_at)
        if index < len(live_at) and live_at[index] < came.get(_identity(fact), history.ends):
            yield f"LIVE at {live_at[index]:.3f}, when fill {_words(fact)} was missing"


def account_equal(history: History, promise: Promise) -> Iterator[str]:
    """At rest the client's account is the exchange's."""
    if not promise.keeps_account:
        return
    if history.account_seen is None:
        yield "the client shows no account"
        return
    if last_hold_ends(history) + AFTER_HOLD > history.ends:
        # It may not even start, or has had no time to read anything.
        return
    for what, truth in history.account_true.items():
        seen = history.account_seen[what]
        for key in seen.keys() | truth.keys():
            if seen.get(key) != truth.get(key):
                yield f"{what} {key}: the client has {seen.get(key)}, the exchange {truth.get(key)}"
    for key, profit in history.account_seen["profits"].items():
        if profit not in history.profits.get(key, []):
            yield f"unrealised profit {key}: the client has {profit}, and was told {history.profits.get(key)}"


def _gives_up_fills(report: GapClosed) -> bool:
    """Whether a report says that fills may be missing for good; rows that make no sense may have been fills."""
    return any("fill" in words or "row" in words for words in report.unrecoverable)


def _identity(fill: Any) -> Identity:
    return fill.symbol, fill.order_id, fill.trade_id


def _words(fill: Fill) -> str:
    return f"{_identity(fill)} of {fill.time_ms}"


def _pushed(history: History, wanted: Callable[[Any], bool]) -> Set[Identity]:
    """Return the fills whose order updates were pushed in a certain way."""
    found = set()
    for pushed in history.pushes:
        if wanted(pushed) and pushed.payload["e"] == "ORDER_TRADE_UPDATE":
            order = pushed.payload["o"]
            found.add((order["s"], order["i"], order["t"]))
    return found
