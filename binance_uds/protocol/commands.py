"""What the session tells the worker to do, in the imperative; the worker answers with facts."""

from __future__ import annotations

from typing import Optional, Union

import attrs

from ..credentials import Secret
from ..errors import UserDataStreamError
from ..events.notices import Notice
from ..markets import AccessPlan
from .facts import Call


@attrs.frozen
class Make:
    """Make a REST call; its answer carries this generation of the key."""

    call: Call
    generation: int


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
    """Send a ping of our own."""

    socket: int


@attrs.frozen
class CloseSocket:
    """Deliver what a connection still holds, then end it."""

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
    ReleaseKey,
    OpenSocket,
    Subscribe,
    ListSubscriptions,
    SendPing,
    CloseSocket,
    Announce,
    Note,
    Finish,
]

#: Commands that take as long as the exchange takes.
BLOCKING = (Make, OpenSocket, ReleaseKey)
