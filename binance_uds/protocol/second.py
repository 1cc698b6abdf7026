"""
The second connection: a shadow of the first that is to take its place, or its twin.

Both carry the same events. What the second one tells before the first one has passed the same point is kept back, or
it would come too early: the first has passed it when it answers a ping that was sent after the second was confirmed.
"""

from __future__ import annotations

from typing import Optional

import attrs

from ..instants import Instant


@attrs.define
class Second:
    """
    A connection beside the one in use.

    Attributes:
        socket: Its number.
        covers_since: When its subscription was confirmed, or the last frame came that could not be read; it carries
            every event from then on. None before.
        is_twin: Whether the first one has passed that moment, so that either may be lost.
        heard_at: When it was last known to be alive.
        pinged_at: When it was asked for a sign of life and gave none yet; None when it owes none.
    """

    socket: int
    covers_since: Optional[Instant] = None
    is_twin: bool = False
    heard_at: Optional[Instant] = None
    pinged_at: Optional[Instant] = None


@attrs.define
class Pings:
    """
    Our pings on one connection, each told from the others by what it carries.

    Attributes:
        answered: When the latest ping was sent that was answered: what the peer had sent before has come.
    """

    answered: Optional[Instant] = None
    _sent: dict[bytes, Instant] = attrs.field(factory=dict)
    _count: int = 0

    def send(self, now: Instant) -> bytes:
        """Note a ping, and return what it has to carry."""
        self._count += 1
        payload = str(self._count).encode()
        self._sent[payload] = now
        return payload

    def heard(self, payload: bytes) -> None:
        """Note an answer; those to older pings are not to be expected any more."""
        sent_at = self._sent.get(payload)
        if sent_at is None:
            return
        self.answered = sent_at
        while next(iter(self._sent)) != payload:
            del self._sent[next(iter(self._sent))]
        del self._sent[payload]
