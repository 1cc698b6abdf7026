"""
Where a run touches what is not itself: clocks, REST, connections, request weight, the store of its cursor, and what
others ask of it.

Everything that a session lives through comes in here. So a recording stands before these edges and writes down what
passes, and a replay takes their place; session, delivery and worker are the same in all three.
"""

from __future__ import annotations

from typing import Any, Callable, List, Optional, Protocol, Tuple, Union

import attrs

from ..credentials import Credentials, Secret
from ..edges.clock import Clock
from ..errors import UserDataStreamError
from ..events import Attention
from ..protocol import commands as do
from ..protocol.facts import Fact
from .cursors import CursorStore


@attrs.frozen
class Read:
    """
    What one turn read from a connection.

    Attributes:
        frames: Whole messages, in order.
        alive: Whether anything whole came, pings and pongs included.
        drained: Whether that was all that had arrived.
        lost: Why the connection ended, or None while it stands.
        pongs: What those of our pings carried that were answered.
    """

    frames: Tuple[bytes, ...] = attrs.field(default=(), repr=False)
    alive: bool = False
    drained: bool = True
    lost: Optional[str] = None
    pongs: Tuple[bytes, ...] = ()


class RestEdge(Protocol):
    """What ``edges.rest.Rest`` does."""

    @property
    def used_weight(self) -> Optional[int]:
        """Request weight used in the current minute, as the exchange last said."""

    def call(self, method: str, path: str, query: Union[str, Secret] = "", *, with_key: bool = True) -> Any:
        """Send one request and return what it answers, or raise a ``UserDataStreamError``."""

    def close(self) -> None:
        """Close the kept-alive connection."""


class ShareEdge(Protocol):
    """What ``weights.Share`` does."""

    def ask(self, weight: int, now: float) -> float:
        """Ask for a read, and return after how many seconds to ask again; 0: it may be made now."""

    def heed(self, used: Optional[int], now: float) -> None:
        """Take what the exchange said that the address has used in its minute."""


class SocketsEdge(Protocol):
    """What ``Sockets`` does."""

    def wake(self) -> None:
        """Let ``wait`` return now."""

    def wait(self, seconds: float) -> None:
        """Wait until something can be read, or ``wake`` was called, or the time has passed."""

    def open(self, command: do.OpenSocket) -> Fact:
        """Open a connection."""

    def send(self, command: Union[do.Subscribe, do.ListSubscriptions, do.SendPing]) -> List[Fact]:
        """Send a message or a ping."""

    def numbers(self) -> Tuple[int, ...]:
        """Return the numbers of all connections that stand."""

    def read(self, number: int) -> Read:
        """Read what has arrived on a connection."""

    def close(self, number: int) -> Tuple[bytes, ...]:
        """End a connection and return the whole messages that it still held."""

    def discard(self) -> None:
        """Close the copies of the parent's descriptors in a forked child."""

    def shut(self) -> None:
        """Close everything."""


class NothingFollows(Exception):
    """
    What an edge raises when nothing can follow: the run ends where it is, and announces nothing of that.

    Attributes:
        reason: Why, in plain words.
        error: What ended it, if that is an error.
    """

    def __init__(self, reason: str, error: Optional[UserDataStreamError] = None) -> None:
        super().__init__(reason, error)
        self.reason, self.error = reason, error


class Wishes:
    """
    What other threads, callbacks and signal handlers ask of a run: they set an attribute, and the run looks.

    Attributes:
        stop: The end.
        rotation: Another connection in place of the one in use.
    """

    stop = False
    rotation = False

    def wants_stop(self) -> bool:
        """Whether the end is asked for; the run asks before each fact until its session has ended."""
        return self.stop

    def takes_rotation(self) -> bool:
        """Whether another connection is asked for; once for each time. The run asks in each turn that it serves."""
        asked, self.rotation = self.rotation, False
        return asked


class Edges:
    """The edges of one run, as they are; a subclass records them, or plays what was recorded."""

    def clock(self, clock: Clock) -> Clock:
        """Return the clock that the run goes by."""
        return clock

    def credentials(self, credentials: Credentials) -> Credentials:
        """Return what signs its requests."""
        return credentials

    def rest(self, make: Callable[[], RestEdge]) -> RestEdge:
        """Return its REST interface."""
        return make()

    def share(self, make: Callable[[], ShareEdge]) -> ShareEdge:
        """Return its share in the request weight that all streams of the process use."""
        return make()

    def sockets(self, make: Callable[[], SocketsEdge]) -> SocketsEdge:
        """Return its connections."""
        return make()

    def store(self, store: Optional[CursorStore]) -> Optional[CursorStore]:
        """Return where it keeps its cursor."""
        return store

    def wishes(self) -> Wishes:
        """Return what is asked of it."""
        return Wishes()

    def begin(self, start_within: float) -> float:
        """Begin the run, on its thread, and return the seconds it may take to be LIVE."""
        return start_within

    def attentions(self) -> Tuple[Attention, ...]:
        """Return what a person should know of the edges themselves, once; asked in each turn."""
        return ()

    def broke(self, error: BaseException) -> None:
        """The run was broken off by an exception that is no fact."""

    def end(self) -> None:
        """The run is over; nothing of it follows."""
