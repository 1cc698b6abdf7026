"""
What the stream tells about itself, through the same doors as events.

Causes, codes, reasons and the words of ``unrecoverable`` are open vocabularies: compare with the constants here, and
expect more of them.
"""

from __future__ import annotations

import enum
from typing import Any, Callable, Tuple

import attrs

from ..markup import badge, duration, moment, record


class StreamState(str, enum.Enum):
    """
    What a stream is worth at this moment; see ``UserDataStream.state``. Equal to its name as text, such as ``"LIVE"``.

    ``IDLE``: not started yet. ``STARTING``: on the way to the first LIVE. ``LIVE``: every proof holds. ``STALE``: a
    proof lapsed, or the connection is being renewed; events may be missing. ``REPAIRING``: connected, and a gap is
    being repaired. ``STOPPED``: ended as asked. ``FAILED``: ended by an error, or a forked child's copy.
    """

    IDLE = "IDLE"
    STARTING = "STARTING"
    LIVE = "LIVE"
    STALE = "STALE"
    REPAIRING = "REPAIRING"
    STOPPED = "STOPPED"
    FAILED = "FAILED"

    def __str__(self) -> str:
        return self.value


class GapCause:
    """Why a gap opened. ``str`` constants of an open vocabulary."""

    KEY_EXPIRED = "listen key expired"
    KEY_GONE = "listen key no longer exists"
    KEY_REPLACED = "listen key was replaced"
    KEY_OUTLIVED = "listen key outlived its proof"
    CONNECTION_LOST = "connection lost"
    NO_ANSWER = "connection does not answer"
    BAD_FRAME = "undecodable frame"
    SUBSCRIPTION_LOST = "subscription lost"
    FRAMES_MISSING = "frames missing"
    STOPPED_UNPROVEN = "stopped while unproven"
    RESTARTED = "restarted"


class Proof:
    """On what evidence a gap was closed. ``str`` constants of an open vocabulary."""

    BRIDGED = "bridged"
    BALANCED = "balanced"
    SETTLED = "settled"
    UNPROVEN = "unproven"


class AttentionCode:
    """What a person should look at. ``str`` constants of an open vocabulary."""

    CREDENTIALS_REJECTED = "credentials-rejected"
    SUBSCRIPTION_UNCONFIRMED = "subscription-unconfirmed"
    SHORT_LIVED = "short-lived"
    BANNED = "banned"
    BLOCKED = "blocked"
    MALFORMED_FIELD = "malformed-field"
    AUDIT_UNREAD = "audit-unread"
    CURSOR_NOT_SAVED = "cursor-not-saved"
    RECORDING_STOPPED = "recording-stopped"


@attrs.frozen(kw_only=True)
class Notice:
    """Something the stream tells about itself. Base of every notice class; ``on(Notice)`` takes them all."""

    def _repr_html_(self) -> str:
        return record(self)


@attrs.frozen(kw_only=True)
class StateChanged(Notice):
    """
    The stream's state changed.

    Attributes:
        old: The state before.
        new: The state since.
        reason: Why, in plain words.
    """

    old: StreamState
    new: StreamState
    reason: str

    def __str__(self) -> str:
        return f"{self.new}, was {self.old}: {self.reason}"


@attrs.frozen(kw_only=True)
class GapOpened(Notice):
    """
    From ``since_ms`` on events may be missing.

    Attributes:
        gap_id: Counts the gaps of this stream from 1.
        since_ms: Start of the blind interval: the last moment at which everything was still proven, minus
            ``Timings.gap_margin``, because a frame proves only what the exchange had sent before it, and a fill is
            older than its push; milliseconds of the exchange's clock, minus the uncertainty about that clock.
        cause: A word of ``GapCause``.
    """

    gap_id: int
    since_ms: int
    cause: str

    def __str__(self) -> str:
        return f"gap {self.gap_id} opened: {self.cause}; blind since {moment(self.since_ms)} UTC"

    def _repr_html_(self) -> str:
        return record(self, title=f"Gap {self.gap_id}", beside=[badge("▲ open", "warn")])


@attrs.frozen(kw_only=True)
class GapClosed(Notice):
    """
    The blind interval is over, and this is what is known about it.

    Attributes:
        gap_id: That of the ``GapOpened`` before.
        since_ms: Start of the blind interval, as announced or earlier; milliseconds of the exchange's clock. Where the
            stream ended before a repair, which needs the secret, it is no later than what the last audit covers.
        until_ms: Its end: when the new subscription was confirmed, plus the uncertainty about the exchange's clock.
        cause: A word of ``GapCause``, that of the opening.
        proof: A word of ``Proof``: on what evidence it was closed.
        recovered: Fills read by REST and delivered.
        late: How many of them were delivered after a fill of the same symbol with a higher trade id.
        duplicates: Copies of events that were recognised and not delivered twice.
        unrecoverable: What may be missing for good, such as ``("fills", "margin calls")``.
    """

    gap_id: int
    since_ms: int
    until_ms: int
    cause: str
    proof: str
    recovered: int = 0
    late: int = 0
    duplicates: int = 0
    unrecoverable: Tuple[str, ...] = ()

    def __str__(self) -> str:
        late = f", {self.late} of them late" if self.late else ""
        return (
            f"gap {self.gap_id} closed as {self.proof}: {self.cause}; blind from {moment(self.since_ms)} to "
            f"{moment(self.until_ms)} UTC; {self.recovered} fills recovered{late}; {missing(self)}"
        )

    def _repr_html_(self) -> str:
        mark = badge(f"? {self.proof}", "warn") if self.proof == Proof.UNPROVEN else badge(f"✓ {self.proof}", "good")
        blind = duration((self.until_ms - self.since_ms) / 1000, 1)
        return record(self, title=f"Gap {self.gap_id}, closed", beside=[mark], further=[("blind for", blind)])


def missing(gap: GapClosed) -> str:
    """Return in words what may be missing after a gap."""
    return f"may be missing: {', '.join(gap.unrecoverable)}" if gap.unrecoverable else "nothing missing"


@attrs.frozen(kw_only=True)
class CallbackFailed(Notice):
    """
    A callback raised; the stream goes on.

    Attributes:
        handler: The callback.
        event: What it was called with.
        exception: What it raised.
    """

    handler: Callable[[Any], object]
    event: object
    exception: BaseException


@attrs.frozen(kw_only=True)
class UndecodableFrame(Notice):
    """
    A frame could not be read; what it told is inside the gap that is announced with it.

    Attributes:
        reason: What is wrong with it; never its content.
        size: Its length in bytes.
    """

    reason: str
    size: int

    def __str__(self) -> str:
        return f"a frame of {self.size} bytes could not be read: {self.reason}"


@attrs.frozen(kw_only=True)
class Attention(Notice):
    """
    A person should act, or at least know.

    Attributes:
        code: A word of ``AttentionCode``.
        message: What happened and what to do.
    """

    code: str
    message: str

    def __str__(self) -> str:
        return f"{self.code}: {self.message}"
