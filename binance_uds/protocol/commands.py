"""What the session tells the worker to do, in the imperative; the worker answers with facts."""

from __future__ import annotations

from typing import FrozenSet, Optional, Union

import attrs

from ..credentials import Secret
from ..errors import UserDataStreamError
from ..events.notices import Notice
from ..markets import AccessPlan
from .facts import Call
from .reading.configuration import Configuration
from .reading.reads import Read
from .reading.recovery import Recovery


@attrs.frozen
class Make:
    """Make a REST call; its answer carries this generation of the key. A connection in use is read before it."""

    call: Call
    generation: int


@attrs.frozen
class MakeRead:
    """Read something about the account for an errand; the connections are read before it."""

    errand: int
    read: Read


@attrs.frozen
class Ground:
    """Take the account to be what an errand found, and count fills from this moment of the exchange's clock on."""

    errand: int
    recovery: Recovery
    since_ms: int


@attrs.frozen
class TakeConfiguration:
    """Take over how the account trades, and deliver what changed of it."""

    configuration: Configuration


@attrs.frozen
class Hold:
    """Hold back events of these symbols from now on, in addition to those held back already; None: of all."""

    symbols: Optional[FrozenSet[str]]


@attrs.frozen
class Merge:
    """
    Deliver what an errand found together with what is held back, and hold nothing back any more.

    The connection is in use since ``connected_ms`` of the exchange's clock at the latest.
    """

    errand: int
    recovery: Recovery
    connected_ms: int


@attrs.frozen
class ReleaseHeld:
    """Deliver what is held back, and hold nothing back any more."""


@attrs.frozen
class Forget:
    """Everything of before this moment of the exchange's clock was delivered; keep no record of it."""

    before_ms: int


@attrs.frozen
class ReleaseKey:
    """DELETE the listen key, for every process that uses it."""


@attrs.frozen
class OpenSocket:
    """Open a connection for this key along this plan."""

    socket: int
    plan: AccessPlan
    key: Secret


@attrs.frozen
class Subscribe:
    """Ask for this key's events on a connection whose URL does not name it."""

    socket: int
    key: Secret


@attrs.frozen
class ListSubscriptions:
    """Ask which keys a connection is subscribed to."""

    socket: int


@attrs.frozen
class SendPing:
    """Send a ping of our own; the answer carries the same."""

    socket: int
    payload: bytes = b""


@attrs.frozen
class Shadow:
    """Keep back what comes on a connection, for another one tells the same."""

    socket: int


@attrs.frozen
class Adopt:
    """Deliver what was kept back of a connection, as far as it is new, and what comes on it from now on."""

    socket: int


@attrs.frozen
class Discard:
    """Forget what was kept back of a connection: another one tells the same."""

    socket: int


@attrs.frozen
class CloseSocket:
    """Deliver what a connection still holds, then end it; one that could not be opened needs nothing."""

    socket: int


@attrs.frozen
class Announce:
    """Deliver a notice to whoever listens."""

    notice: Notice


@attrs.frozen
class Note:
    """Write a step into the timeline and the log, for people."""

    text: str


@attrs.frozen
class Finish:
    """The session is over; with the error that ended it, or as asked."""

    error: Optional[UserDataStreamError] = None


Command = Union[
    Make,
    MakeRead,
    Ground,
    TakeConfiguration,
    Hold,
    Merge,
    ReleaseHeld,
    Forget,
    ReleaseKey,
    OpenSocket,
    Subscribe,
    ListSubscriptions,
    SendPing,
    Shadow,
    Adopt,
    Discard,
    CloseSocket,
    Announce,
    Note,
    Finish,
]

#: Commands that take as long as the exchange takes.
BLOCKING = (Make, OpenSocket, ReleaseKey)
