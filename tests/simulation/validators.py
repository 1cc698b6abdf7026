"""
What a client promises: one function per promise, which looks at a history and tells what broke the promise.

They know nothing of how the client works, and `VALIDATORS` names them all.
"""

from __future__ import annotations

import bisect
from collections import Counter, defaultdict
from typing import Any, Callable, Dict, Iterable, Iterator, List, Mapping, Optional, Set, Tuple

import attrs

from binance_uds.events import (
    Event,
    GapCause,
    GapClosed,
    GapOpened,
    ListenKeyExpired,
    Notice,
    OrderStatus,
    OrderTradeUpdate,
    StateChanged,
    StreamState,
    UnknownEvent,
)
from binance_uds.simulator.records import Fill
from tests.simulation.history import NEVER_MS, History

Identity = Tuple[str, int, int]
Span = Tuple[int, int]


@attrs.frozen
class Promise:
    """
    What a client promises beyond what every client does.

    Attributes:
        repairs: Whether fills of a gap are delivered all the same, unless the gap's report gives them up, and fills
            lost on a healthy connection as well.
        recognises_copies: Whether an event that the exchange sends twice is delivered once.
        keeps_account: Whether it shows the account.
        survives_restart: Whether what happens between a stop and the next start is delivered after it.
    """

    repairs: bool = False
    recognises_copies: bool = False
    keeps_account: bool = False
    survives_restart: bool = False


#: Seconds a proof counts, by `Timings`: the connection's, the key's, and that nothing is missing.
TRANSPORT_LEASE, KEY_LEASE, DELIVERY_LEASE = 45.0, 150.0, 900.0

#: Seconds until a dead key is found while REST answers, which takes longest of all, and a moment.
DEAFNESS_FOUND_WITHIN = 71.0 + 2.0

#: Seconds the client may take to be well again when nothing goes wrong any more.
RECOVERY = 600.0

#: Request weight a client may use: in any minute, and at rest in the mean of the minutes.
MOST_WEIGHT, MOST_WEIGHT_AT_REST = 1_000, 25.0

#: Requests and handshakes that a client may send in any minute, come what may.
MOST_REQUESTS, MOST_HANDSHAKES = 240, 60

#: At the end nothing is traded for this many seconds; an audit that began before counts half.
REST = 1_200.0

#: A fill or frame of the last moments may still be under way when the stream is stopped.
_UNDER_WAY_MS = 5_000


def complete(history: History, promise: Promise) -> Iterator[str]:
    """Every fill of the stream's life is delivered, but for those that a gap's report gives up."""
    delivered = {_identity(fill) for fill in history.fills}
    given_up = [(gap.since_ms, gap.until_ms) for gap in history.reports if _gives_up_fills(gap)]
    given_up += _unconfirmed(history, promise)
    lives = _lives(history, promise)
    excused = set() if promise.repairs else _pushed(history, lambda pushed: pushed.was_lost)
    for fill in history.account.fills:
        if _identity(fill) in delivered or _identity(fill) in excused:
            continue
        if _lies_in(fill.time_ms, fill.time_ms, lives) and not _lies_in(fill.time_ms, fill.time_ms, given_up):
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


_RANKS = {OrderStatus.NEW: 0, OrderStatus.PARTIALLY_FILLED: 1}


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


def account_equal(history: History, promise: Promise) -> Iterator[str]:
    """At rest the client's account is the exchange's."""
    if not promise.keeps_account:
        return
    if history.account_seen is None:
        yield "the client shows no account"
        return
    for what, truth in history.account_true.items():
        seen = history.account_seen[what]
        for key in seen.keys() | truth.keys():
            if seen.get(key) != truth.get(key):
                yield f"{what} {key}: the client has {seen.get(key)}, the exchange {truth.get(key)}"
    for key, profit in history.account_seen["profits"].items():
        if profit not in history.profits.get(key, []):
            yield f"unrealised profit {key}: the client has {profit}, and was told {history.profits.get(key)}"


def blindness_told(history: History, promise: Promise) -> Iterator[str]:
    """Every blind interval of the stream's life lies inside an announced gap, and so does every push nobody read."""
    told = _union([*history.announced, *_unconfirmed(history, promise)])
    lives = _lives(history, promise)
    for first, last in lives:
        for since, until in history.blind:
            if max(since, first) < min(until, last) and not _lies_in(max(since, first), min(until, last), told):
                yield f"nothing could reach the client from {since} to {until}, and no gap says so"
    for pushed in history.pushes:
        if pushed.was_read or not _lies_in(pushed.time_ms, pushed.time_ms, lives):
            continue
        is_fill = pushed.payload["e"] == "ORDER_TRADE_UPDATE" and pushed.payload["o"]["x"] in ("TRADE", "CALCULATED")
        if pushed.was_lost and not (promise.repairs and is_fill):
            continue
        if pushed.payload["e"] != "listenKeyExpired" and not _lies_in(pushed.time_ms, pushed.time_ms, told):
            yield f"{pushed.payload['e']} of {pushed.time_ms} was not read, and lies in no gap"


def gaps_paired(history: History, promise: Promise) -> Iterator[str]:
    """Gaps are numbered, each is opened and closed once, in this order, and LIVE is never said while one is open."""
    opened: Set[int] = set()
    closed: Set[int] = set()
    for at, item in history.of(Notice):
        if isinstance(item, GapOpened):
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
    if promise.repairs and not history.is_bad:
        for report in history.reports:
            # What is still open at the end is closed by the end.
            if report.proof == "unproven" and report.until_ms < history.ms(history.ends) - _UNDER_WAY_MS:
                yield f"gap {report.gap_id} ({report.cause}) was closed unproven: {report.unrecoverable}"


def live_is_young(history: History, promise: Promise) -> Iterator[str]:
    """LIVE is said only while a connection was read and the key was named a short while ago, by whoever asks."""
    unconfirmed = _unconfirmed(history, promise)
    for look in history.looks:
        if look.state is not StreamState.LIVE:
            continue
        if look.read_age > TRANSPORT_LEASE:
            yield f"LIVE at {look.at:.3f}, {look.read_age:.1f} s after anything was read"
        if look.named_age > KEY_LEASE:
            yield f"LIVE at {look.at:.3f}, {look.named_age:.1f} s after the key was asked for"
        if look.deaf_for > KEY_LEASE and not _lies_in(history.ms(look.at), history.ms(look.at), unconfirmed):
            yield f"LIVE at {look.at:.3f}, deaf for {look.deaf_for:.1f} s"


def deafness_found(history: History, promise: Promise) -> Iterator[str]:
    """Whatever made the client deaf is found as soon as the README says, while REST works."""
    unconfirmed = _unconfirmed(history, promise)
    for look in history.looks:
        is_told = look.state is not StreamState.LIVE or _lies_in(history.ms(look.at), history.ms(look.at), unconfirmed)
        if not is_told and min(look.deaf_for, look.free_for) > DEAFNESS_FOUND_WITHIN:
            yield f"LIVE at {look.at:.3f}, deaf for {look.deaf_for:.1f} s though REST worked"


def no_false_alarm(history: History, promise: Promise) -> Iterator[str]:
    """No connection is given up as dead that would have answered."""
    for at, gap in history.alarms:
        if gap.cause == GapCause.NO_ANSWER:
            yield f"gap {gap.gap_id} ({gap.cause}) was opened at {at:.3f} over a connection that worked"


def nothing_old_missing(history: History, promise: Promise) -> Iterator[str]:
    """A client that repairs does not say LIVE while it lacks a fill that the audits should have found long ago."""
    if not promise.repairs or history.is_bad:
        return
    came: Dict[Identity, float] = {}
    for at, fill in history.of(OrderTradeUpdate):
        if fill.is_fill:
            came.setdefault(_identity(fill), at)
    live_at = [look.at for look in history.looks if look.state is StreamState.LIVE]
    lives = _lives(history, promise)
    for fact in history.account.fills:
        overdue_at = history.at(fact.time_ms) + DELIVERY_LEASE
        if not _lies_in(fact.time_ms, fact.time_ms, lives) or came.get(_identity(fact), 0.0) < overdue_at:
            continue
        index = bisect.bisect(live_at, overdue_at)
        if index < len(live_at) and live_at[index] < came.get(_identity(fact), history.ends):
            yield f"LIVE at {live_at[index]:.3f}, when fill {_words(fact)} was missing"


def healthy_after(history: History, promise: Promise) -> Iterator[str]:
    """When nothing goes wrong any more the stream is soon LIVE, and stays so, without an open gap."""
    well_at = max(history.trouble_ends + RECOVERY, _last_hold_ends(history) + 60.0)
    for look in history.looks:
        if look.at > well_at and look.state is not StreamState.LIVE:
            yield f"{look.state.value} at {look.at:.3f}, {look.at - history.trouble_ends:.0f} s after the last trouble"
    for at, gap in history.of(GapOpened):
        if at > well_at:
            yield f"gap {gap.gap_id} ({gap.cause}) opened at {at:.3f}, when nothing was wrong any more"


def _last_hold_ends(history: History) -> float:
    """Return when the last wait ends that the exchange asked for, by a clock that stands still in suspend."""
    ends = 0.0
    for asked in history.asked:
        if asked.was_heard and asked.retry_after is not None:
            end = asked.at + asked.retry_after
            for at, seconds in history.sleeps:
                end += seconds if asked.at <= at < end else 0.0
            ends = max(ends, end)
    return ends


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


def quiet_at_rest(history: History, promise: Promise) -> Iterator[str]:
    """While nothing is traded the client asks for little."""
    # The first minutes belong to the last trade: an audit that finds it may still look closer.
    since = history.ends - REST + 300
    used = sum(asked.weight for asked in history.asked if asked.at >= since)
    mean = used / (history.ends - since) * 60
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


Validator = Callable[[History, Promise], Iterator[str]]
VALIDATORS: Mapping[str, Validator] = {
    validator.__name__: validator
    for validator in (
        complete,
        unique,
        true,
        ordered,
        forward,
        account_equal,
        blindness_told,
        gaps_paired,
        proven,
        live_is_young,
        deafness_found,
        no_false_alarm,
        nothing_old_missing,
        healthy_after,
        no_storm,
        quiet_at_rest,
        no_secret,
    )
}


def broken(history: History, promise: Promise) -> Dict[str, List[str]]:
    """Return what broke which promise; empty when all were kept."""
    findings = {name: list(validator(history, promise)) for name, validator in VALIDATORS.items()}
    return {name: found for name, found in findings.items() if found}


def _lives(history: History, promise: Promise) -> List[Span]:
    """
    Return when a client has to hear of everything.

    Excused is what is under way when it is stopped, and a deafness that it had not found out by then.
    """
    lives = []
    for first, last in history.lives:
        unfound = [since for since, until in history.blind if since <= last <= until]
        lives.append((first, min([last - _UNDER_WAY_MS, *unfound])))
    return [(lives[0][0], lives[-1][1])] if promise.survives_restart and lives else lives


def _gives_up_fills(report: GapClosed) -> bool:
    """Whether a report says that fills may be missing for good; rows that make no sense may have been fills."""
    return any("fill" in words or "row" in words for words in report.unrecoverable)


def _unconfirmed(history: History, promise: Promise) -> List[Span]:
    """
    Return from when to when the client says that nothing confirms its connection.

    One that repairs must find out in the end whether it delivers; another has said what there is to say.
    """
    spans: List[Span] = []
    since: Optional[int] = None
    for at, change in [] if promise.repairs else history.of(StateChanged):
        is_confirmed = change.new is StreamState.LIVE and change.reason != "subscription unconfirmed"
        if since is not None and is_confirmed:
            spans.append((since, history.ms(at)))
            since = None
        elif since is None and change.reason == "subscription unconfirmed":
            since = history.ms(at)
    return spans if since is None else [*spans, (since, NEVER_MS)]


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


def _union(spans: Iterable[Span]) -> List[Span]:
    """Return the same moments as spans that do not touch, in order."""
    joined: List[Span] = []
    for since, until in sorted(spans):
        if joined and since <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(until, joined[-1][1]))
        else:
            joined.append((since, until))
    return joined


def _lies_in(since: int, until: int, union: List[Span]) -> bool:
    return any(first <= since and until <= last for first, last in union)
