"""A recorded stream once more: the same objects, the same facts, and no exchange."""

from __future__ import annotations

import datetime
from functools import partial
from typing import Any, Callable, NoReturn, Optional

from ..errors import ConfigurationError, JournalError, UserDataStreamError
from ..protocol.ledger.cursor import Cursor
from ..runtime.worker import Worker
from ..stream import UserDataStream
from .files import Path
from .journal import Line, market_read, timings_read
from .tape import Interrupted, PlayedEdges, Tape, TapeClock, recall


class Replay(UserDataStream):
    """
    A recorded stream that lives through its facts again, made by ``replay``.

    It has every door of a stream: register callbacks and queues first, then ``start()`` or ``run()``; the account,
    ``state``, ``health`` and ``timeline`` are as of the journal's time. Session, repairs, delivery and account are the
    very ones of the stream, so what is delivered is what was delivered. Nothing is sent to anybody, nothing is saved,
    and no key is needed. ``stop()`` ends the replay where it is.

    ``start()`` and ``run()`` replay one recorded run each, as the program made them; ``has_next_run`` tells whether
    there is another. Where the recorded run failed they raise what it raised. Their ``timeout`` is of real time, so a
    slow replay wants a longer one.

    A ``CallbackFailed`` is no fact: whether a callback raises depends on the callbacks that a replay is given.
    """

    def __init__(self, path: Path, speed: Optional[float] = None) -> None:
        # First, so that a traceback can print a replay whose journal is refused.
        self.name = ""
        self._worker = None
        if speed is not None and (isinstance(speed, bool) or not isinstance(speed, (int, float)) or not speed >= 0):
            raise ConfigurationError("speed must be a number of at least 0, such as 1.0 for real time, or None")
        self._tape = Tape(path, None if speed is None else float(speed))
        header = self._tape.header
        failure: Optional[UserDataStreamError] = None
        try:
            super().__init__(header["api_key"], _sign if header["is_signed"] else None, **_arguments(header))
        except (KeyError, TypeError, ValueError, AttributeError, UserDataStreamError) as error:
            failure = JournalError(str(path), 1, f"its header cannot be used ({type(error).__name__})")
        if failure is not None:
            raise failure
        self._clock = TapeClock(self._tape)

    def __repr__(self) -> str:
        return f"<Replay {self.name} {self.state}>"

    @property
    def has_next_run(self) -> bool:
        """
        Whether the journal holds another run; ask while none is being replayed.

        Raises:
            JournalError: What follows is damaged.
        """
        if self._running() is not None:
            raise ConfigurationError("a run is being replayed; wait for its end")
        self._tape.skip_to_run()
        return self._tape.next_run() is not None

    @property
    def time(self) -> datetime.datetime:
        """The journal's time, up to which it was replayed; UTC by the clock of the machine that recorded it."""
        return datetime.datetime.fromtimestamp(self._tape.wall, datetime.timezone.utc)

    @property
    def cut(self) -> Optional[str]:
        """Where and why the journal ends before its last run does, in plain words; None where it does not, so far."""
        return self._tape.cut

    def rotate(self) -> NoReturn:
        """
        Do nothing: a replay does what the journal says.

        Raises:
            ConfigurationError: Always.
        """
        raise ConfigurationError("a replay does what its journal says, and has no connection to replace")

    def record(self, *_: Any, **__: Any) -> NoReturn:
        """
        Do nothing: the journal of a replay is the one it has.

        Raises:
            ConfigurationError: Always.
        """
        raise ConfigurationError("a replay has its journal already; copy that")

    def _employ(
        self, assemble: Callable[..., Worker], cursor: Optional[Cursor], begin: Callable[[Worker], object]
    ) -> Worker:
        if not self.has_next_run:
            raise ConfigurationError("the journal holds no further run")
        run = self._tape.next_run()
        assert run is not None
        failure: Optional[JournalError] = None
        try:
            begins_at = None if run["cursor"] is None else Cursor.from_text(run["cursor"])
            recall(self._plans, run["plans"])
            edges = PlayedEdges(self._tape, run)
            gaps = int(run["gaps_before"])
        except (KeyError, TypeError, ValueError, UserDataStreamError):
            failure = self._tape.odd_run()
        if failure is not None:
            raise failure
        self._tape.rewind_to_run()
        return super()._employ(partial(_assemble_played, assemble, gaps, begins_at, edges), begins_at, begin)

    def _surface(self, worker: Worker) -> None:
        if isinstance(self._doors.exit, Interrupted):
            # Whoever replays was not interrupted.
            self._doors.take_exit()
        super()._surface(worker)
        if worker.cut is None and self._tape.leftover is not None:
            raise self._tape.leftover


def _assemble_played(
    assemble: Callable[..., Worker],
    gaps: int,
    cursor: Optional[Cursor],
    edges: PlayedEdges,
    *arguments: Any,
) -> Worker:
    """Put a worker together with what its run was recorded with, in place of what this object knows."""
    settings, doors, timeline, log, clock, plans, account = arguments[:7]
    return assemble(settings, doors, timeline, log, clock, plans, account, gaps, cursor, None, edges)


def replay(path: Path, speed: Optional[float] = None) -> Replay:
    """
    Return a stream that lives through a journal; see ``Replay``.

    Args:
        path: Of the journal, the first part where there are several.
        speed: 1.0 for real time, 10 for ten times as fast. None or 0: as fast as possible.

    Raises:
        JournalError: It is no journal, or cannot be read.
        ConfigurationError: The speed is of no use.
    """
    return Replay(path, speed)


def _arguments(header: Line) -> Line:
    return {
        "market": market_read(header["market"]),
        "name": header["name"],
        "timings": timings_read(header["timings"]),
        "symbols": header["symbols"],
        "connections": header["connections"],
        "release_key": header["releases_key"],
    }


def _sign(payload: bytes) -> str:
    """Stand for the secret, of which only is known that there was one."""
    return "signature"
