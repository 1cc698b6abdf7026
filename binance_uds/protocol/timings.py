"""Every number of seconds the stream lives by, in one row."""

from __future__ import annotations

import math
from typing import Any, Callable, Optional, Tuple

import attrs

from ..errors import ConfigurationError
from .reading.reads import MOST_ROWS

#: What is allowed, in words and as a check of the row, as far as it is filled in, and the value.
_Allowed = Tuple[str, Callable[[Any, Any], bool]]

_POSITIVE: _Allowed = ("more than 0", lambda row, value: value > 0)
_NOT_NEGATIVE: _Allowed = ("at least 0", lambda row, value: value >= 0)
#: Short enough for any rehearsal, and long enough not to flood the exchange by mistake.
_SHORTEST_INTERVAL: _Allowed = ("at least 0.05", lambda row, value: value >= 0.05)


def _is_count(row: object, value: float) -> bool:
    return isinstance(value, int) and value >= 1


def _is_page(row: object, value: float) -> bool:
    # The two trades of a self-trade share an id, and must fit on a page.
    return isinstance(value, int) and 2 <= value <= MOST_ROWS


def _number(default: Any, allowed: _Allowed = _POSITIVE, *, optional: bool = False) -> Any:
    """Declare a finite number, allowed as said, or None; what it is compared with stands above it in the row."""
    words, allows = allowed

    def check(row: object, field: attrs.Attribute[Any], value: object) -> None:
        if optional and value is None:
            return
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise ConfigurationError(f"{field.name} must be a number, {words}, not of type {type(value).__name__}")
        if not math.isfinite(value) or not allows(row, value):
            raise ConfigurationError(f"{field.name} must be {words}, not {value!r}")

    return attrs.field(default=default, validator=check)


@attrs.frozen(kw_only=True)
class Timings:
    """
    The stream's timings; all in seconds unless the name says otherwise, finite and more than 0 unless said here.

    Attributes:
        keepalive_interval: Between two probes of the listen key.
        keepalive_spread: Share by which each interval is drawn shorter or longer, so that many streams started
            together do not probe together; at least 0 and less than 1.
        key_lease_intervals: For how many intervals a probe that named our key proves it; more than the longest one.
        key_lease_least: The shortest such lease.
        key_life: How long a listen key lives unless renewed; longer than the longest interval between two probes.
            Source: Start User Data Stream (60 minutes).
        probe_retry_first: Until a probe of unknown outcome is repeated, at least; doubles with each failure.
        ping_interval: Between two of our own pings; at least 0.05, as ``keepalive_interval``.
        pong_share: Share of the ping interval within which the answer is due; less than 1.
        transport_lease_intervals: For how many ping intervals a frame or pong proves the connection; more than it
            takes to ask and be answered, 1 and ``pong_share``.
        gap_margin: By how much a gap begins before everything was last proven; may be 0. Our own rule: a frame
            proves only what the exchange had sent before it, and a fill is older than its push.
        plan_timeout: For an access plan: connection, handshake and the reply about the subscription.
        last_resort_life: For how long a plan that was used because none gave a usable reply is used again at once; then
            all are tried anew.
        rest_timeout: For one REST call, everything included.
        retry_first: Until a failed attempt is repeated, at least; doubles with each failure.
        retry_most: Where that ends while nothing says otherwise; ``probe_retry_first`` ends there too.
        refused_first: Until refused credentials are tried again, at least; doubles with each refusal.
        refused_most: Where that ends.
        short_life: A key or a connection that dies younger than this counts as short-lived.
        short_lives_tolerated: So many short lives in a row before a person is asked to look.
        clock_jump: A disagreement of the clocks above this voids the proofs.
        clock_unknown_ms: Uncertainty about the exchange's clock before it was read, in milliseconds.
        clock_interval: The exchange's clock is read again when the last reading is older.
        longest_sleep: The loop looks at its clocks at least this often, so that a suspend is noticed.
        slow_callback: A callback that takes longer is named in a warning.
        settle: For how long after a connection is in use REST may lag behind it; a repair reads only then. May be 0.
        max_hold: For how long events wait at most for the end of a repair, from when the connection is in use. 0: not
            at all. None: for as long as it takes.
        audit_interval: Between two audits of the account, in signed mode.
        delivery_lease_intervals: For how many such intervals an audit that found nothing missing proves the delivery.
        audit_overlap: By how much an audit stays behind, and begins before where the last one was complete.
        doubt: For how long sums that do not agree may be explained by the next frame.
        trade_lite_alone: For how long the early copy of a fill may be alone.
        suspicion_interval: Between two suspicions of one symbol.
        reread_first: Until a repair that does not balance reads again; doubles each time, up to ``retry_most``.
        unbalanced_most: For how long a repair looks for what does not balance before it says so.
        connection_age: A connection is replaced at this age, before the exchange ends it. Source: WebSocket Market
            Streams > Connect (24 hours).
        connection_age_spread: By how much earlier at most, so that not all streams do it at once.
        cursor_interval: Between two savings of the cursor at least; longer where saving it takes long.
        weight_most: Request weight of reads within a minute, of all streams of a process at the same host together.
            With the calls for the listen key, which are not counted here, a stream alone stays below 1,000.
        page_rows: Rows that are asked for at once, where they are read page by page; from 2 to as many as the exchange
            gives.

    Every wait that doubles is made longer by chance, by up to half of itself.

    Raises:
        ConfigurationError: A number is of no use; the message names it and says what is allowed.
    """

    keepalive_interval: float = _number(60.0, _SHORTEST_INTERVAL)
    keepalive_spread: float = _number(0.1, ("at least 0 and less than 1", lambda row, share: 0 <= share < 1))
    key_lease_intervals: float = _number(
        2.5, ("more than 1 + keepalive_spread", lambda row, count: count > 1 + row.keepalive_spread)
    )
    key_lease_least: float = _number(30.0)
    key_life: float = _number(
        60 * 60.0, ("longer than the longest keepalive_interval", lambda row, life: life > row._longest_keepalive)
    )
    probe_retry_first: float = _number(5.0)
    ping_interval: float = _number(20.0, _SHORTEST_INTERVAL)
    pong_share: float = _number(0.5, ("more than 0 and less than 1", lambda row, share: 0 < share < 1))
    transport_lease_intervals: float = _number(
        2.25, ("more than 1 + pong_share", lambda row, count: count > 1 + row.pong_share)
    )
    gap_margin: float = _number(20.0, _NOT_NEGATIVE)
    plan_timeout: float = _number(5.0)
    last_resort_life: float = _number(600.0)
    rest_timeout: float = _number(5.0)
    retry_first: float = _number(0.5)
    retry_most: float = _number(15.0, ("at least retry_first", lambda row, most: most >= row.retry_first))
    refused_first: float = _number(60.0)
    refused_most: float = _number(15 * 60.0, ("at least refused_first", lambda row, most: most >= row.refused_first))
    short_life: float = _number(30.0)
    short_lives_tolerated: int = _number(3, ("a whole number of at least 1", _is_count))
    clock_jump: float = _number(30.0)
    clock_unknown_ms: int = _number(5_000, ("a whole number of at least 1", _is_count))
    clock_interval: float = _number(60 * 60.0)
    longest_sleep: float = _number(30.0)
    slow_callback: float = _number(1.0)
    settle: float = _number(3.0, _NOT_NEGATIVE)
    max_hold: Optional[float] = _number(60.0, _NOT_NEGATIVE, optional=True)
    audit_interval: float = _number(300.0)
    delivery_lease_intervals: float = _number(3.0, ("more than 1", lambda row, count: count > 1))
    audit_overlap: float = _number(120.0)
    doubt: float = _number(1.0)
    trade_lite_alone: float = _number(5.0)
    suspicion_interval: float = _number(30.0)
    reread_first: float = _number(1.0)
    unbalanced_most: float = _number(60.0)
    connection_age: float = _number(23.25 * 3_600.0)
    connection_age_spread: float = _number(
        1_800.0, ("more than 0 and less than connection_age", lambda row, spread: 0 < spread < row.connection_age)
    )
    cursor_interval: float = _number(1.0)
    weight_most: int = _number(900, ("a whole number of at least 1", _is_count))
    page_rows: int = _number(MOST_ROWS, (f"a whole number from 2 to {MOST_ROWS}", _is_page))

    @property
    def delivery_lease(self) -> float:
        """For how long an audit that found nothing missing proves the delivery."""
        return self.audit_interval * self.delivery_lease_intervals

    @property
    def transport_lease(self) -> float:
        """For how long a frame or a pong proves the connection."""
        return self.ping_interval * self.transport_lease_intervals

    @property
    def key_lease(self) -> float:
        """For how long a probe that named our key proves it."""
        lease = self.keepalive_interval * self.key_lease_intervals
        return min(max(lease, self.key_lease_least), self.key_life)

    @property
    def pong_timeout(self) -> float:
        """Within what time our ping must be answered."""
        return self.ping_interval * self.pong_share

    @property
    def half_open_found_within(self) -> float:
        """
        The longest a connection can be dead before that is found.

        It dies right after an answer; the next ping leaves one interval later, its answer is due within the share,
        and one REST call may be in the way of each.
        """
        return self.ping_interval + self.rest_timeout + self.pong_timeout + self.rest_timeout

    @property
    def dead_key_found_within(self) -> float:
        """
        The longest a key can be dead without a notice before that is found, while REST answers.

        It dies right after a probe; the next one leaves after the longest interval and answers within its deadline.
        """
        return self._longest_keepalive + self.rest_timeout

    @property
    def _longest_keepalive(self) -> float:
        return self.keepalive_interval * (1 + self.keepalive_spread)
