"""One WebSocket connection: what the exchange has sent on it and the client has not read yet."""

from __future__ import annotations

import enum
import math
from collections import deque
from typing import Deque, Optional, Set, Tuple, Union

import attrs

from binance_uds.simulator.control import Subscription


class Sign(enum.Enum):
    """A control frame, which is no message but shows that the connection lives."""

    PING = "ping"


@attrs.frozen
class Pong:
    """The answer to a ping of the client, which carries the same."""

    payload: bytes


@attrs.frozen
class Frame:
    """
    A message on its way.

    Attributes:
        payload: What it says, as it stands on the wire.
        number: Of the push it carries, in the order of the pushes; None for a reply.
    """

    payload: bytes = attrs.field(repr=False)
    number: Optional[int] = None


@attrs.frozen
class Ending:
    """The connection ends here."""

    reason: str


Message = Union[Frame, Sign, Pong, Ending]


@attrs.define(eq=False)
class Line:
    """
    A connection between its handshake and its end; messages arrive in the order they were sent, either way.

    Attributes:
        number: The client's number of it.
        subscription: What it asked for.
        listing: How it answers LIST_SUBSCRIPTIONS when its plan delivers nothing, ``"empty"`` or ``"none"``; else None.
        delay: By how many seconds what comes is later than on other connections.
        is_deaf: Whether nothing is pushed on it, though it answers as if.
        is_frozen: Whether nothing passes any more, though neither side has ended it.
        has_ended: Whether the exchange has ended it.
        is_closed: Whether the client has.
        reached_at: When the last thing that the client sent reaches the exchange.
        heard_at: When the exchange last heard of the client, in seconds of the world.
        keys: The listen keys it holds, valid or not.
    """

    number: int
    subscription: Subscription
    heard_at: float
    listing: Optional[str] = None
    is_deaf: bool = False
    delay: float = 0.0
    is_frozen: bool = False
    has_ended: bool = False
    is_closed: bool = False
    reached_at: float = 0.0
    keys: Set[str] = attrs.field(init=False, repr=False)
    _inbox: Deque[Tuple[float, Message]] = attrs.field(factory=deque)
    _last_arrival: float = 0.0

    def __attrs_post_init__(self) -> None:
        self.note_keys()

    def note_keys(self) -> None:
        """See which keys it holds, after a message that may have changed that."""
        self.keys = self.subscription.held_keys()

    @property
    def carries(self) -> bool:
        """Whether what the exchange sends now will arrive."""
        return not (self.is_frozen or self.has_ended or self.is_closed)

    def send(self, arrival: float, message: Message) -> None:
        """Let something arrive at this moment, or when what was sent before it has arrived."""
        if self.carries:
            self._last_arrival = arrival = max(arrival, self._last_arrival)
            self._inbox.append((arrival, message))

    def end(self, arrival: float, reason: str) -> None:
        """End it in good order: what was sent before still arrives."""
        self.send(arrival, Ending(reason))
        self.has_ended = True

    def reset(self, arrival: float, reason: str) -> None:
        """End it at once: what has not arrived by then never does."""
        if not self.carries:
            return
        self.has_ended = True
        while self._inbox and self._inbox[-1][0] > arrival:
            self._inbox.pop()
        self._inbox.append((arrival, Ending(reason)))

    def next_arrival(self) -> float:
        """Return when there is something to read."""
        return self._inbox[0][0] if self._inbox else math.inf

    def has_arrived(self, now: float) -> bool:
        """Whether there is something to read."""
        return bool(self._inbox) and self._inbox[0][0] <= now

    def take(self, now: float) -> Optional[Message]:
        """Return the next message that has arrived, or None."""
        if self._inbox and self._inbox[0][0] <= now:
            return self._inbox.popleft()[1]
        return None
