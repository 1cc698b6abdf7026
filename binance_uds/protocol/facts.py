"""
What the worker tells the session: things that happened, in the past tense.

Facts carry the generation of the key, or the number of the connection, that they are about; what an old one says is
data, never control. Timers are facts too: the session names the moment, the worker reports that it has come.
"""

from __future__ import annotations

import enum
from typing import Optional, Tuple, Union, get_args

import attrs

from ..credentials import Secret
from ..errors import UserDataStreamError
from ..instants import Instant
from .ledger.chains import Break
from .reading.reads import Read, Rows


class Call(enum.Enum):
    """The REST calls a session makes."""

    REQUEST_KEY = "request of a listen key"
    PROBE_KEY = "probe of the listen key"
    READ_CLOCK = "read of the exchange's clock"
    READ_BALANCES = "read of the balances"


@attrs.frozen
class Started:
    """The user asked for the stream; it is to be LIVE within so many seconds."""

    start_within: float


@attrs.frozen
class StopRequested:
    """The user asked for the end."""


@attrs.frozen
class KeyGranted:
    """POST answered with a listen key; its life counts from when the request was sent."""

    generation: int
    key: Secret
    sent_at: Instant


@attrs.frozen
class KeyNamed:
    """PUT answered, naming the account's key, or nothing."""

    generation: int
    key: Optional[Secret]
    sent_at: Instant


@attrs.frozen
class CallFailed:
    """A REST call brought no usable answer."""

    generation: int
    call: Call
    error: UserDataStreamError


@attrs.frozen
class ClockRead:
    """The exchange said what time it is."""

    server_ms: int
    sent_at: Instant
    received_at: Instant


@attrs.frozen
class BalancesRead:
    """A signed read succeeded: the secret is right."""

    generation: int


@attrs.frozen
class RowsRead:
    """A read of an errand was answered."""

    errand: int
    read: Read
    rows: Rows = attrs.field(repr=False)
    sent_at: Instant


@attrs.frozen
class ReadPostponed:
    """A read of an errand was not made: the request weight of the minute is used up for so many seconds."""

    errand: int
    read: Read
    seconds: float


@attrs.frozen
class ReadFailed:
    """A read of an errand brought no usable answer."""

    errand: int
    read: Read
    error: UserDataStreamError
    sent_at: Instant


@attrs.frozen
class Grounded:
    """The account stands where the rows of an errand say."""

    errand: int


@attrs.frozen
class MergeTally:
    """
    What came of a merge.

    Attributes:
        recovered: The exchange's time and the symbol of each recovered fill.
        late: The same of those of them that were delivered after a fill with a higher trade id.
        states: The times of recovered states of orders and conditional orders.
        duplicates: Copies that were not delivered twice.
    """

    recovered: Tuple[Tuple[int, str], ...] = ()
    late: Tuple[Tuple[int, str], ...] = ()
    states: Tuple[int, ...] = ()
    duplicates: int = 0


@attrs.frozen
class ConnectionDeaf:
    """Something that happened since a connection is in use was read by REST, and it never delivered anything."""

    socket: int


@attrs.frozen
class Merged:
    """What an errand found was delivered together with what was held."""

    errand: int
    tally: MergeTally


@attrs.frozen
class FillsSuspected:
    """Sums that the exchange repeats do not agree with what came: fills of a symbol may be missing."""

    broken: Break


@attrs.frozen
class HoldFilled:
    """Nothing more can be held back."""


@attrs.frozen
class SocketOpened:
    """The handshake of a connection succeeded."""

    socket: int
    opened_at: Instant


@attrs.frozen
class SocketRefused:
    """A connection could not be opened; the exchange may have said for how many seconds not to try again."""

    socket: int
    reason: str
    retry_after_s: Optional[float] = None


@attrs.frozen
class SocketLost:
    """An open connection ended."""

    socket: int
    reason: str


@attrs.frozen
class PongHeard:
    """The peer answered the ping of ours that carried this."""

    socket: int
    payload: bytes


@attrs.frozen
class ShutdownNoticed:
    """The exchange says that it will end its connections."""

    socket: int


@attrs.frozen
class RotationAsked:
    """The user wants the connection replaced now."""


@attrs.frozen
class SubscriptionListed:
    """The exchange answered which keys a connection is subscribed to."""

    socket: int
    keys: Tuple[Secret, ...]


@attrs.frozen
class SubscriptionRefused:
    """The exchange answered one of our messages with an error; ``message`` is its number, where the reply names it."""

    socket: int
    message: Optional[int]
    reason: str


@attrs.frozen
class ExpiryNoticed:
    """A ``listenKeyExpired`` came, about the key it names, or about none."""

    socket: int
    key: Optional[Secret]


@attrs.frozen
class FramesUndecodable:
    """Frames came that could not be read."""

    socket: int


@attrs.frozen
class ClocksJumped:
    """Our clocks disagree about how much time passed: the machine slept, or someone set a clock."""

    by_s: float


@attrs.frozen
class StartOverdue:
    """The stream should have been LIVE by now."""


@attrs.frozen
class RetryDue:
    """The wait after a failure is over."""


@attrs.frozen
class PlanOverdue:
    """The access plan has had its time."""


@attrs.frozen
class ProbeDue:
    """It is time to ask whether our key is still the account's."""


@attrs.frozen
class KeyOutlived:
    """Our key was proven and extended for the last time as long ago as a key lives."""


@attrs.frozen
class PingDue:
    """It is time for a ping of our own."""


@attrs.frozen
class PongOverdue:
    """Our ping was not answered in time, and nothing else came."""


@attrs.frozen
class SettleDue:
    """REST shows by now what happened before the connection was in use."""


@attrs.frozen
class ReadingDue:
    """An errand that waits goes on."""


@attrs.frozen
class HoldOverdue:
    """What is held back was held for long enough."""


@attrs.frozen
class AuditDue:
    """It is time to compare the account with what was delivered."""


@attrs.frozen
class RotationDue:
    """The connection in use is so old that the exchange will end it soon."""


@attrs.frozen
class SecondDue:
    """It is time to open a second connection."""


@attrs.frozen
class SecondOverdue:
    """The second connection has had its time to be confirmed."""


Timer = Union[
    StartOverdue,
    RetryDue,
    PlanOverdue,
    ProbeDue,
    KeyOutlived,
    PingDue,
    PongOverdue,
    SettleDue,
    ReadingDue,
    HoldOverdue,
    AuditDue,
    RotationDue,
    SecondDue,
    SecondOverdue,
]
TIMERS = get_args(Timer)

Fact = Union[
    Started,
    StopRequested,
    KeyGranted,
    KeyNamed,
    CallFailed,
    ClockRead,
    BalancesRead,
    RowsRead,
    ReadPostponed,
    ReadFailed,
    Grounded,
    Merged,
    ConnectionDeaf,
    FillsSuspected,
    HoldFilled,
    SocketOpened,
    SocketRefused,
    SocketLost,
    PongHeard,
    ShutdownNoticed,
    RotationAsked,
    SubscriptionListed,
    SubscriptionRefused,
    ExpiryNoticed,
    FramesUndecodable,
    ClocksJumped,
    Timer,
]
