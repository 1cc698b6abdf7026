"""What writes a journal: edges that note what passes, and give it on."""

from __future__ import annotations

import contextlib
import math
import os
import random
from typing import TYPE_CHECKING, Any, Callable, Iterator, List, Optional, Tuple, Union
from urllib.parse import parse_qsl

import attrs

from ..credentials import Credentials, Secret, plain
from ..edges.clock import Clock
from ..errors import ConfigurationError, UserDataStreamError
from ..events import Attention, AttentionCode
from ..instants import Instant
from ..protocol import commands as do
from ..protocol import facts
from ..protocol.facts import Fact
from ..protocol.ledger.cursor import Cursor
from ..protocol.plans import PlanWalk
from ..runtime.cursors import CursorStore
from ..runtime.edges import Edges, Read, RestEdge, ShareEdge, SocketsEdge, Wishes
from ..tags import stand_in
from ..version import VERSION
from .files import JournalFile, Path
from .journal import (
    Line,
    Reading,
    Step,
    error_written,
    frame_text,
    instant,
    market_written,
    step,
    timings_written,
)
from .names import Names

if TYPE_CHECKING:
    from ..runtime.settings import Settings
    from ..runtime.watch import StreamLog

#: Parameters of a request that are new each time, or secret.
_OF_THE_MOMENT = ("timestamp", "recvWindow", "signature")

#: A clock that went on by so many microseconds more than the first is taken to have gone on by the same: they are read
#: one after the other. By less, and a moment would seem to be yet to come for whoever reads the clocks themselves.
_NEARLY = 200

#: So many readings, or seconds of them, are written by themselves if no fact comes.
_MOST_READINGS, _LONGEST_SILENCE = 1_000, 30.0

_START: Reading = (0, 0, 0)

#: The least size of a part: it must hold more than its first line.
_LEAST_BYTES = 4_096


class Recording:
    """
    A journal that is being written, made by ``UserDataStream.record``: every run of the stream from then on.

    Attributes:
        path: Where its first part is.
        problem: Why nothing more is written, in plain words; None while all is well.
        is_stopped: Whether ``stop`` was called.
    """

    def __init__(
        self,
        path: Path,
        settings: Settings,
        log: StreamLog,
        *,
        part_bytes: int,
        max_bytes: Optional[int],
        overwrite: bool,
    ) -> None:
        _check_size("part_bytes", part_bytes)
        if max_bytes is not None:
            _check_size("max_bytes", max_bytes)
        self.problem: Optional[str] = None
        self.is_stopped = False
        self._log = log
        self._names = Names()
        for secret in (settings.credentials.api_key, settings.credentials.api_secret, settings.proxy):
            if secret is not None:
                self._names.learn(secret)
        self._file = JournalFile(path, part_bytes, max_bytes)
        try:
            self._file.create(_header(settings), overwrite=overwrite)
        except FileExistsError as error:
            reason = f"{error.strerror}; another path, or overwrite=True, which deletes it"
        except OSError as error:
            reason = error.strerror or type(error).__name__
        else:
            self.path = self._file.path
            return
        raise ConfigurationError(f"the journal {self._file.path} cannot be created: {reason}")

    def __repr__(self) -> str:
        return f"<Recording {self.path}>"

    @property
    def lines(self) -> int:
        """How many lines were written."""
        return self._file.lines

    @property
    def bytes(self) -> int:
        """How many bytes were written."""
        return self._file.bytes

    @property
    def parts(self) -> int:
        """How many files there are."""
        return self._file.parts

    def stop(self) -> None:
        """Record no further start; a run that is under way is recorded to its end."""
        self.is_stopped = True

    def edges(self, plans: PlanWalk, gaps_before: int, cursor: Optional[Cursor], store: object) -> Edges:
        """
        Return the edges of the next run.

        Args:
            plans: What it knows of the access plans.
            gaps_before: How many gaps were opened before it.
            cursor: Where it begins.
            store: Where it keeps its cursor, or None.
        """
        places, remembered, since = plans.memory()
        since_row = None if since is None else list(attrs.astuple(since))
        return _RecordedEdges(
            self,
            {
                "gaps_before": gaps_before,
                "cursor": None if cursor is None else cursor.to_text(),
                "saves": store is not None,
                "plans": [list(places), remembered, since_row],
            },
        )

    # For the edges

    def open(self, run: Line, now: float) -> None:
        """Begin a run."""
        if self.problem is None:
            with self._stopping():
                self._file.open()
                self._file.write(run, now)

    def write(self, line: Line, now: float) -> None:
        """Write a line, unless there was a problem before."""
        if self.problem is None:
            with self._stopping():
                self._file.write(line, now)

    def flush_within(self, now: float) -> float:
        """Return in how many seconds there is something to flush."""
        return math.inf if self.problem is not None else self._file.flush_within(now)

    def flush(self) -> None:
        """Hand everything to the system."""
        if self.problem is None:
            with self._stopping():
                self._file.flush()

    def close(self) -> None:
        """End a run."""
        if self.problem is None:
            with self._stopping():
                self._file.close()

    @property
    def names(self) -> Names:
        """The secrets that must not be written."""
        return self._names

    @contextlib.contextmanager
    def _stopping(self) -> Iterator[None]:
        """Let nothing that a file does disturb the stream: nothing more is written instead."""
        try:
            yield
        except OSError as error:
            self._end_with(error.strerror or type(error).__name__)
        except BaseException:
            # Ctrl-C where the user's own thread runs: nobody knows what of the line is in the file.
            self._end_with("interrupted in the middle of a line")
            raise

    def _end_with(self, problem: str) -> None:
        self.problem = problem
        self._file.abandon()
        self._log.session.error("the recording to %s stopped: %s", self.path, problem)


def _check_size(name: str, size: object) -> None:
    if isinstance(size, bool) or not isinstance(size, int) or size < _LEAST_BYTES:
        raise ConfigurationError(f"{name} must be a whole number of at least {_LEAST_BYTES}")


def _header(settings: Settings) -> Line:
    credentials = settings.credentials
    return {
        "id": os.urandom(8).hex(),
        "version": VERSION,
        "name": settings.name,
        "api_key": stand_in(credentials.api_key.reveal()),
        "is_signed": credentials.can_sign,
        "market": market_written(settings.market),
        "timings": timings_written(settings.timings),
        "symbols": sorted(settings.symbols),
        "connections": settings.connections,
        "releases_key": settings.release_key,
    }


class _RecordedEdges(Edges):
    """The edges of one run, each recorded. Only the run's own thread passes here, but for what others ask of it."""

    def __init__(self, recording: Recording, run: Line) -> None:
        self._recording = recording
        self._run = run
        self._seed = 0
        self._clock: Optional[RecordedClock] = None
        self._told = self._is_open = False
        self.turn = self.polls = 0

    # The edges

    def clock(self, clock: Clock) -> Clock:
        if self._clock is None:
            self._seed = int(clock.jitter() * 2**53)
            self._clock = RecordedClock(clock, self._seed)
        return self._clock

    def credentials(self, credentials: Credentials) -> Credentials:
        signer = credentials.signer
        if signer is None:
            return credentials

        def sign(payload: bytes) -> str:
            try:
                signature = signer(payload)
            except Exception as error:
                self.write({"unsigned": error_written(error)})
                raise
            if not isinstance(signature, str) or not signature:
                self.write({"unsigned": {}})
            return signature

        return attrs.evolve(credentials, signer=sign)

    def rest(self, make: Callable[[], RestEdge]) -> RestEdge:
        return _RecordedRest(make(), self)

    def share(self, make: Callable[[], ShareEdge]) -> ShareEdge:
        return _RecordedShare(make(), self)

    def sockets(self, make: Callable[[], SocketsEdge]) -> SocketsEdge:
        return _RecordedSockets(make(), self)

    def store(self, store: Optional[CursorStore]) -> Optional[CursorStore]:
        return None if store is None else _RecordedStore(store, self)

    def wishes(self) -> Wishes:
        return _RecordedWishes(self)

    # The run

    def begin(self, start_within: float) -> float:
        run = {**self._run, "start_within": start_within, "seed": self._seed}
        self._recording.open(self._dated({"run": run}), self.now)
        self._is_open = True
        return start_within

    def attentions(self) -> Tuple[Attention, ...]:
        problem = self._recording.problem
        if problem is None or self._told:
            return ()
        self._told = True
        return (
            Attention(
                code=AttentionCode.RECORDING_STOPPED,
                message=f"the recording to {self._recording.path} stopped ({problem}); the stream goes on, and what is "
                "in the journal can be replayed",
            ),
        )

    def broke(self, error: BaseException) -> None:
        if self._is_open:
            self.write({"broke": error_written(error)})

    def end(self) -> None:
        if self._is_open:
            self._is_open = False
            self.write({"end": True})
            self._recording.close()

    # What passes

    @property
    def names(self) -> Names:
        """The secrets that must not be written."""
        return self._recording.names

    @property
    def now(self) -> float:
        """Seconds of the clock that was read last."""
        return self.recorded_clock.latest[0] / 1e6

    @property
    def recorded_clock(self) -> RecordedClock:
        """The clock that the run goes by."""
        assert self._clock is not None
        return self._clock

    def instant(self) -> Instant:
        """Return a reading of that clock."""
        return self.recorded_clock.now()

    def write(self, fact: Line) -> None:
        """Write down what happened."""
        self._recording.write(self._dated(fact), self.now)

    def wait_at_most(self) -> float:
        """Begin a turn; returns the seconds until the recording wants to be looked after."""
        self.turn += 1
        if self.recorded_clock.is_long(_MOST_READINGS, _LONGEST_SILENCE):
            self.write({"time": True})
        left = self._recording.flush_within(self.now)
        if left <= 0:
            self._recording.flush()
            return math.inf
        return left

    def _dated(self, fact: Line) -> Line:
        steps, self.polls = self.recorded_clock.take(), 0
        return {"turn": self.turn, "now": steps, "at_ms": self.recorded_clock.latest[2] // 1000, **fact}


class RecordedClock(Clock):
    """The clocks in whole microseconds, each reading kept until it is written; and dice that a seed can roll again."""

    def __init__(self, clock: Clock, seed: int) -> None:
        self._clock = clock
        self._dice = random.Random(seed)
        self._steps: List[Step] = []
        self._since = 0
        self.latest: Reading = _START

    def now(self) -> Instant:
        at, before = self._clock.now(), self.latest
        monotonic, wall = math.floor(at.monotonic * 1e6), math.floor(at.wall * 1e6)
        boot = None if at.boot is None else math.floor(at.boot * 1e6)
        by = monotonic - before[0]
        if 0 <= wall - before[2] - by <= _NEARLY:
            wall = before[2] + by
        if boot is not None and before[1] is not None and 0 <= boot - before[1] - by <= _NEARLY:
            boot = before[1] + by
        self.latest = (monotonic, boot, wall)
        if not self._steps:
            self._since = monotonic
        self._steps.append(step(before, self.latest))
        return instant(self.latest)

    def jitter(self) -> float:
        return self._dice.random()

    def take(self) -> List[Step]:
        """Return the readings since this was last asked, as they are written."""
        steps, self._steps = self._steps, []
        return steps

    def is_long(self, count: int, seconds: float) -> bool:
        """Whether there are so many, or over so long a time."""
        return len(self._steps) >= count or (bool(self._steps) and self.latest[0] - self._since >= seconds * 1e6)


class _RecordedWishes(Wishes):
    def __init__(self, edges: _RecordedEdges) -> None:
        self._edges = edges
        self._is_told = False

    def wants_stop(self) -> bool:
        self._edges.polls += 1
        if self.stop and not self._is_told:
            self._is_told = True
            self._edges.write({"stop": self._edges.polls})
        return self.stop

    def takes_rotation(self) -> bool:
        taken = super().takes_rotation()
        if taken:
            self._edges.write({"rotate": True})
        return taken


class _RecordedRest:
    def __init__(self, rest: RestEdge, edges: _RecordedEdges) -> None:
        self._rest = rest
        self._edges = edges

    @property
    def used_weight(self) -> Optional[int]:
        return self._rest.used_weight

    def call(self, method: str, path: str, query: Union[str, Secret] = "", *, with_key: bool = True) -> Any:
        fact: Line = {"asked": asked(method, path, query)}
        error: Optional[UserDataStreamError] = None
        answer = None
        try:
            answer = self._rest.call(method, path, query, with_key=with_key)
        except UserDataStreamError as raised:
            error = raised.with_traceback(None)
            fact["error"] = error_written(error)
        else:
            fact["answer"] = answer
        fact["weight"] = self._rest.used_weight
        self._edges.write({"rest": self._edges.names.value(fact)})
        del query
        if error is not None:
            raise error
        return answer

    def close(self) -> None:
        self._rest.close()


def asked(method: str, path: str, query: Union[str, Secret]) -> str:
    """Return what a request asks for, without what is of its moment."""
    words = [f"{name}={value}" for name, value in parse_qsl(plain(query), errors="surrogatepass")]
    wanted = [word for word in words if word.split("=")[0] not in _OF_THE_MOMENT]
    return " ".join([method, path, *wanted])


class _RecordedShare:
    """What other streams of the process use is no fact of this one; that it has to wait for them is."""

    def __init__(self, share: ShareEdge, edges: _RecordedEdges) -> None:
        self._share = share
        self._edges = edges

    def ask(self, weight: int, now: float) -> float:
        wait = self._share.ask(weight, now)
        if wait > 0:
            self._edges.write({"postponed": wait})
        return wait

    def heed(self, used: Optional[int], now: float) -> None:
        self._share.heed(used, now)


class _RecordedSockets:
    def __init__(self, sockets: SocketsEdge, edges: _RecordedEdges) -> None:
        self._sockets = sockets
        self._edges = edges

    def wake(self) -> None:
        self._sockets.wake()

    def wait(self, seconds: float) -> None:
        self._sockets.wait(min(seconds, self._edges.wait_at_most()))

    def open(self, command: do.OpenSocket) -> Fact:
        self._edges.names.learn(command.key)
        fact = self._sockets.open(command)
        opened: Line = {"socket": command.socket, "plan": str(command.plan)}
        if isinstance(fact, facts.SocketRefused):
            opened["refused"], opened["retry_after_s"] = self._edges.names.text(fact.reason), fact.retry_after_s
        self._edges.write({"opened": opened})
        if isinstance(fact, facts.SocketOpened):
            return facts.SocketOpened(fact.socket, self._edges.instant())
        return fact

    def send(self, command: Union[do.Subscribe, do.ListSubscriptions, do.SendPing]) -> List[Fact]:
        found = self._sockets.send(command)
        lost = [fact.reason for fact in found if isinstance(fact, facts.SocketLost)]
        self._edges.write({"sent": {"socket": command.socket, "what": type(command).__name__, "lost": lost}})
        return found

    def numbers(self) -> Tuple[int, ...]:
        return self._sockets.numbers()

    def read(self, number: int) -> Read:
        read = self._sockets.read(number)
        if read.alive or read.frames or read.pongs or read.lost is not None or not read.drained:
            frames = [frame_text(self._edges.names.frame(frame)) for frame in read.frames]
            fact: Line = {"socket": number, "frames": frames, "alive": read.alive, "drained": read.drained}
            if read.pongs:
                fact["pongs"] = [pong.hex() for pong in read.pongs]
            if read.lost is not None:
                fact["lost"] = read.lost
            self._edges.write({"read": fact})
        return read

    def close(self, number: int) -> Tuple[bytes, ...]:
        if number not in self._sockets.numbers():
            return self._sockets.close(number)
        held = self._sockets.close(number)
        frames = [frame_text(self._edges.names.frame(frame)) for frame in held]
        self._edges.write({"closed": {"socket": number, "frames": frames}})
        return held

    def discard(self) -> None:
        self._sockets.discard()

    def shut(self) -> None:
        self._sockets.shut()


class _RecordedStore:
    def __init__(self, store: CursorStore, edges: _RecordedEdges) -> None:
        self._store = store
        self._edges = edges

    def load(self) -> Optional[Cursor]:
        return self._store.load()

    def save(self, cursor: Cursor) -> None:
        try:
            self._store.save(cursor)
        except Exception as error:
            words = error.strerror if isinstance(error, OSError) else None
            self._edges.write({"saved": {**error_written(error), "words": words}})
            raise
        self._edges.write({"saved": None})
