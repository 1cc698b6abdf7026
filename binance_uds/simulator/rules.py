"""The exchange's published limits and intervals, as one row that a rehearsal may tighten."""

from __future__ import annotations

from typing import Optional

import attrs


@attrs.frozen(kw_only=True)
class Rules:
    """
    Limits and intervals; times in seconds.

    Source: USDⓈ-M Futures > WebSocket Market Streams (connection), General Info (limits), as of 2026-10.

    Attributes:
        ping_interval: Between two pings of the server.
        pong_timeout: Age of the oldest unanswered ping at which a connection is ended.
        connection_life: After which a connection is ended, come what may.
        messages_per_second: What a client may send on one connection, pings and pongs included.
        streams_per_connection: Streams one connection may be subscribed to.
        connections_per_key: Connections that may hold one listen key; the oldest gives way to one too many. None for
            any number: nothing is published about it.
        weight_per_minute: Request weight of one address.
        orders_per_10s: New orders of one account in ten seconds.
        orders_per_minute: New orders of one account in a minute.
        key_life: Life of a listen key from its last POST or PUT.
    """

    ping_interval: float = 180.0
    pong_timeout: float = 600.0
    connection_life: float = 86_400.0
    messages_per_second: int = 10
    streams_per_connection: int = 1024
    connections_per_key: Optional[int] = None
    weight_per_minute: int = 2400
    orders_per_10s: int = 300
    orders_per_minute: int = 1200
    key_life: float = 3600.0
