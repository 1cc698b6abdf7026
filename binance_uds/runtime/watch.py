"""What can be seen of a stream from outside: its health, its timeline, its log."""

from __future__ import annotations

import contextlib
import datetime
import logging
import sys
from collections import deque
from typing import Any, Deque, List, MutableMapping, Optional, Tuple

import attrs

from ..events import Attention, GapClosed, GapOpened, Notice, Proof, StreamState
from ..markup import card, duration, facts, state_badge
from ..redaction import redact, watched

#: Life-cycle steps kept for people.
TIMELINE_LENGTH = 300


@attrs.frozen(kw_only=True)
class Health:
    """
    What a stream is worth at one moment, and on what grounds. Ages are in seconds; None where there is nothing yet.

    Attributes:
        state: As ``UserDataStream.state``.
        why: The reason for it, in plain words.
        transport_proof_age_s: Since a frame, or the pong to our own ping.
        key_proof_age_s: Since a request was sent that named our key as the account's.
        delivery_proof_age_s: Since the account was compared with what was delivered, and nothing was missing; None
            without a secret.
        last_event_age_s: Since the last event was read; a quiet account is normal.
        key_age_s: Since the listen key in use was obtained.
        key_tag: Six hex digits of its SHA-256, to tell two keys apart.
        subscription: ``"confirmed"``, ``"subscription unconfirmed"``, or None while there is no connection.
        signed: Whether signed requests are possible; without, gaps are only signalled.
        gaps: Blind intervals announced since the stream was made.
        gap_open: Whether one is open.
        blind_s: How long the closed ones lasted, together; each by itself, also where two overlap.
        open_gap_s: How long the open one has lasted so far, the oldest if there are several. What it adds to
            ``blind_s`` in the end may be less, for events may flow again before it is repaired.
        reconnects: Connections taken into use after the first of each start.
        events: Events delivered since the stream was made.
        callback_errors: Exceptions that came out of callbacks.
        backlog: Events that wait in ``events()`` queues.
        used_weight: Request weight used in the current minute, as the exchange last said.
        clock_offset_ms: By how much the exchange's clock is ahead of this machine's.
    """

    state: StreamState
    why: str
    transport_proof_age_s: Optional[float] = None
    key_proof_age_s: Optional[float] = None
    delivery_proof_age_s: Optional[float] = None
    last_event_age_s: Optional[float] = None
    key_age_s: Optional[float] = None
    key_tag: Optional[str] = None
    subscription: Optional[str] = None
    signed: bool = False
    gaps: int = 0
    gap_open: bool = False
    blind_s: float = 0.0
    open_gap_s: Optional[float] = None
    reconnects: int = 0
    events: int = 0
    callback_errors: int = 0
    backlog: int = 0
    used_weight: Optional[int] = None
    clock_offset_ms: Optional[int] = None

    def _repr_html_(self) -> str:
        return card("Health", facts(self.told()), beside=[state_badge(str(self.state))], said=self.why)

    def told(self) -> List[Tuple[str, object]]:
        """Return the grounds by name, as a person reads them; None where there is nothing to say."""
        ages = {
            "last event": self.last_event_age_s,
            "connection proven": self.transport_proof_age_s,
            "key proven": self.key_proof_age_s,
            "delivery proven": self.delivery_proof_age_s,
        }
        return [
            *((name, None if age is None else f"{duration(age)} ago") for name, age in ages.items()),
            ("events", f"{self.events:,}"),
            ("gaps", f"{self.gaps:,}{', one open' if self.gap_open else ''}"),
            ("reconnects", f"{self.reconnects:,}"),
            ("callback errors", f"{self.callback_errors:,}" if self.callback_errors else None),
            ("backlog", f"{self.backlog:,}" if self.backlog else None),
            ("subscription", self.subscription),
            ("key", None if self.key_tag is None else f"{self.key_tag}, {duration(self.key_age_s)} old"),
            ("used weight", None if self.used_weight is None else f"{self.used_weight:,}"),
            ("signed", None if self.signed else "no: gaps are only announced"),
        ]


@attrs.frozen
class Step:
    """
    One life-cycle step.

    Attributes:
        at: When, UTC by this machine's clock.
        text: What, for people; without secrets.
    """

    at: datetime.datetime
    text: str

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M:%S}.{self.at.microsecond // 1000:03d} {self.text}"


class Timeline:
    """The last few hundred steps of a stream's life; written by its thread, read by any."""

    def __init__(self) -> None:
        self._steps: Deque[Step] = deque(maxlen=TIMELINE_LENGTH)

    def add(self, wall: float, text: str) -> None:
        """Append a step that happened at this Unix time."""
        self._steps.append(Step(datetime.datetime.fromtimestamp(wall, datetime.timezone.utc), redact(text)))

    def steps(self) -> Tuple[Step, ...]:
        """Return the steps, oldest first."""
        return tuple(self._steps)


#: From where a record is made to who asked for it; before 3.11 the frames of `logging` itself count, too.
_TO_OUR_CALLER = 2 if sys.version_info >= (3, 11) else 3


class _Named(logging.LoggerAdapter):  # type: ignore[type-arg] # generic from Python 3.11 on only
    """Puts the stream's name before every message."""

    def log(self, level: int, msg: object, *args: object, **kwargs: Any) -> None:
        """Log, whatever becomes of it: a handler is the program's own code, and must not end the stream."""
        try:
            super().log(level, msg, *args, stacklevel=_TO_OUR_CALLER, **kwargs)
        except Exception:
            with contextlib.suppress(Exception):
                sys.stderr.write(f"a log handler failed over a line of stream {(self.extra or {})['stream']}\n")

    def process(self, msg: Any, kwargs: MutableMapping[str, Any]) -> Tuple[Any, MutableMapping[str, Any]]:
        return f"[{(self.extra or {})['stream']}] {msg}", kwargs


def level_of(notice: Notice) -> int:
    """Return how loudly a notice is logged: a blind interval, and whatever a person should know, is a warning."""
    is_unproven = isinstance(notice, GapClosed) and notice.proof == Proof.UNPROVEN
    return logging.WARNING if is_unproven or isinstance(notice, (GapOpened, Attention)) else logging.INFO


class StreamLog:
    """The loggers of one stream, one per area; all lie under ``binance_uds`` and carry the stream's name."""

    def __init__(self, name: str) -> None:
        self.session = self._area("session", name)
        self.callbacks = self._area("callbacks", name)
        self.rest = self._area("rest", name)
        self.wire = self._area("wire", name)

    def _area(self, area: str, name: str) -> _Named:
        return _Named(watched(f"binance_uds.{area}"), {"stream": name})
