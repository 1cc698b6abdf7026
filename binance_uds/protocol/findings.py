"""
What a fact means to a session as it stands.

The worker reports that PUT named a key; whether that *confirms* ours or shows it *replaced* depends on the key in
use. A finding is a fact so understood, and the table of rules is about findings. What an old key or an old connection
says means nothing, so a stale fact has no finding at all.
"""

from __future__ import annotations

from typing import Optional, Union

import attrs

from ..errors import UserDataStreamError
from ..instants import Instant
from .facts import (
    AuditDue,
    BalancesRead,
    ClockRead,
    ClocksJumped,
    FillsSuspected,
    Grounded,
    HoldFilled,
    HoldOverdue,
    KeyGranted,
    KeyOutlived,
    Merged,
    PingDue,
    ProbeDue,
    ReadingDue,
    ReadPostponed,
    RetryDue,
    RotationAsked,
    RotationDue,
    RowsRead,
    SecondDue,
    SettleDue,
    ShutdownNoticed,
    SocketOpened,
    Started,
    StartOverdue,
    StopRequested,
)

#: Facts that mean themselves, however the session stands.
PlainFact = Union[
    Started,
    StopRequested,
    RetryDue,
    ProbeDue,
    KeyOutlived,
    PingDue,
    BalancesRead,
    RowsRead,
    ReadPostponed,
    Grounded,
    Merged,
    SettleDue,
    ReadingDue,
    AuditDue,
    HoldOverdue,
    RotationDue,
    RotationAsked,
    ShutdownNoticed,
    SecondDue,
    ClockRead,
    ClocksJumped,
    SocketOpened,
]


@attrs.frozen
class KeyConfirmed:
    """The account's key is still ours."""

    sent_at: Instant


@attrs.frozen
class KeyUnnamed:
    """PUT does not say which key it extended: only POST can prove ours."""


@attrs.frozen
class Interrupted:
    """Key or connection is gone, after a life of decent length: begin again at once."""

    cause: str
    detail: str = ""


@attrs.frozen
class InterruptedAgain:
    """Key or connection is gone again, so soon that beginning again at once would become a storm."""

    cause: str
    detail: str = ""


@attrs.frozen
class FirstLost:
    """The connection in use is gone, and the second one takes its place; ``is_whole`` if nothing was missed."""

    cause: str
    detail: str
    is_whole: bool


@attrs.frozen
class SecondOpened:
    """The handshake of the second connection succeeded."""

    opened_at: Instant


@attrs.frozen
class SecondConfirmed:
    """The exchange names our key as subscribed on the second connection."""


@attrs.frozen
class SecondGarbled:
    """A frame of the second connection cannot be read: what it told, only the first one tells, if it still does."""


@attrs.frozen
class SecondFailed:
    """There is no second connection, or none any more."""

    reason: str


@attrs.frozen
class BarrierPassed:
    """The connection in use has delivered everything up to where the second one began."""


@attrs.frozen
class CallUnanswered:
    """A REST call brought no usable answer; whether the exchange acted is unknown. Try again."""

    reason: str


@attrs.frozen
class CallHeld:
    """The exchange wants no request for so many seconds."""

    hold_s: float
    status: int
    reason: str


@attrs.frozen
class CallBlocked:
    """The exchange's firewall turned the request away."""

    reason: str


@attrs.frozen
class ClockRefused:
    """A signed request was refused for its time; read the exchange's clock and sign once more."""


@attrs.frozen
class CredentialsRefused:
    """The exchange refused the key, its secret or its permissions, in the middle of life."""

    reason: str


@attrs.frozen
class StartRefused:
    """The exchange refused the key, its secret or its permissions, before the stream was ever LIVE."""

    error: UserDataStreamError


@attrs.frozen
class PlanFailed:
    """
    This access plan does not deliver, and there is another one.

    ``rejected`` when a reply showed it; ``retry_after_s`` when the exchange said for how long not to try again.
    """

    reason: str
    rejected: bool
    retry_after_s: Optional[float] = None


@attrs.frozen
class PlansUnconfirmed:
    """No access plan gave a usable reply; the first that opened has to do. The rest is as in ``PlanFailed``."""

    reason: str
    rejected: bool
    retry_after_s: Optional[float] = None


@attrs.frozen
class PlansExhausted:
    """No access plan does; ``retry_after_s`` is the shortest wait the exchange asked for, if it did."""

    reason: str
    retry_after_s: Optional[float] = None


@attrs.frozen
class SubscriptionConfirmed:
    """The exchange names our key as subscribed, or the connection has to be used without that."""

    named: bool


@attrs.frozen
class SecretUnproven:
    """As ``SubscriptionConfirmed``, but the API secret was never accepted: a signed read comes first."""

    named: bool


@attrs.frozen
class ReadUnanswered:
    """A read brought no usable answer. Try again."""

    reason: str


@attrs.frozen
class ReadHeld:
    """The exchange wants no read for so many seconds."""

    hold_s: float
    reason: str


@attrs.frozen
class ReadForbidden:
    """The exchange turns our reads away, in the middle of life; ``code`` is a word of ``AttentionCode``."""

    code: str
    reason: str


@attrs.frozen
class ReadRefused:
    """The exchange does not tell this, whoever asks and however often."""

    code: int
    sent_at: Instant


@attrs.frozen
class FrameLost:
    """A frame on the connection in use could not be read, and what it told is unknown."""


Finding = Union[
    PlainFact,
    StartOverdue,
    FillsSuspected,
    HoldFilled,
    KeyGranted,
    KeyConfirmed,
    KeyUnnamed,
    Interrupted,
    InterruptedAgain,
    FirstLost,
    SecondOpened,
    SecondConfirmed,
    SecondGarbled,
    SecondFailed,
    BarrierPassed,
    CallUnanswered,
    CallHeld,
    CallBlocked,
    ClockRefused,
    CredentialsRefused,
    StartRefused,
    PlanFailed,
    PlansUnconfirmed,
    PlansExhausted,
    SubscriptionConfirmed,
    SecretUnproven,
    ReadUnanswered,
    ReadHeld,
    ReadForbidden,
    ReadRefused,
    FrameLost,
]
