"""Every number of seconds the stream lives by, in one row."""

from __future__ import annotations

import attrs


@attrs.frozen(kw_only=True)
class Timings:
    """
    The stream's timings; all in seconds unless the name says otherwise.

    Attributes:
        keepalive_interval: Between two probes of the listen key.
        keepalive_spread: Share by which each interval is drawn shorter or longer, so that many streams started
            together do not probe together.
        key_lease_intervals: For how many intervals a probe that named our key proves it.
        key_lease_least: The shortest such lease.
        key_life: How long a listen key lives unless renewed. Source: Start User Data Stream (60 minutes).
        probe_retry_first: Until a probe of unknown outcome is repeated; doubles with each failure.
        ping_interval: Between two of our own pings.
        pong_share: Share of the ping interval within which the answer is due.
        transport_lease_intervals: For how many ping intervals a frame or pong proves the connection.
        plan_timeout: For an access plan: connection, handshake and the reply about the subscription.
        rest_timeout: For one REST call, everything included.
        retry_first: Until a failed attempt is repeated; doubles with each failure.
        retry_most: The longest such wait while nothing says otherwise.
        refused_first: Until refused credentials are tried again; doubles with each refusal.
        refused_most: The longest such wait.
        short_life: A key or a connection that dies younger than this counts as short-lived.
        short_lives_tolerated: So many short lives in a row before a person is asked to look.
        clock_jump: A disagreement of the clocks above this voids the proofs.
        clock_unknown_ms: Uncertainty about the exchange's clock before it was read, in milliseconds.
        clock_interval: The exchange's clock is read again when the last reading is older.
        longest_sleep: The loop looks at its clocks at least this often, so that a suspend is noticed.
        slow_callback: A callback that takes longer is named in a warning.
    """

    keepalive_interval: float = 60.0
    keepalive_spread: float = 0.1
    key_lease_intervals: float = 2.5
    key_lease_least: float = 30.0
    key_life: float = 60 * 60.0
    probe_retry_first: float = 5.0
    ping_interval: float = 20.0
    pong_share: float = 0.5
    transport_lease_intervals: float = 2.25
    plan_timeout: float = 5.0
    rest_timeout: float = 5.0
    retry_first: float = 0.5
    retry_most: float = 15.0
    refused_first: float = 60.0
    refused_most: float = 15 * 60.0
    short_life: float = 30.0
    short_lives_tolerated: int = 3
    clock_jump: float = 30.0
    clock_unknown_ms: int = 5_000
    clock_interval: float = 60 * 60.0
    longest_sleep: float = 30.0
    slow_callback: float = 1.0

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
        return self.keepalive_interval * (1 + self.keepalive_spread) + self.rest_timeout
