"""What plays a journal: edges that bring what was recorded, when it is asked for, and nothing else."""

from __future__ import annotations

import random
import time
from collections import deque
from typing import Any, Callable, Deque, Dict, List, Optional, Tuple, Union

from ..credentials import Credentials, Secret
from ..edges.clock import Clock
from ..errors import ConfigurationError, JournalError, UserDataStreamError
from ..instants import Instant
from ..protocol import commands as do
from ..protocol import facts
from ..protocol.facts import Fact
from ..protocol.ledger.cursor import Cursor
from ..protocol.plans import PlanWalk
from ..runtime.cursors import CursorStore
from ..runtime.edges import Edges, NothingFollows, Read, RestEdge, ShareEdge, SocketsEdge, Wishes
from ..runtime.pulse import SLICE
from .files import JournalLines, Path
from .journal import Line, Reading, Step, error_read, frame_bytes, instant, stepped
from .recorder import asked

_START: Reading = (0, 0, 0)

#: What a line that can be read may still lack.
_ODD = (KeyError, TypeError, ValueError, AttributeError, AssertionError, UserDataStreamError)


class Interrupted(BaseException):
    """What interrupted the recorded run, such as Ctrl-C, interrupts the replay in the same place."""


class Tape:
    """
    A journal under the reader's head: the line that comes next, and the readings of the clocks before it.

    Times are lenient and facts are strict: a run that asks for the time more often, or less, than the recorded one did
    is given the nearest there is; one that asks for another fact than the next has gone another way.

    Attributes:
        cut: Where and why the journal ends before the run does; None while it does not.
        latest: The last moment that the run saw.
        leftover: What to say about facts that a run which came to its end did not ask for.
    """

    def __init__(self, path: Path, speed: Optional[float]) -> None:
        self._lines = JournalLines(path)
        self.header = self._lines.header
        self.cut: Optional[str] = None
        self.latest = Instant(0.0, None, 0.0)
        self.leftover: Optional[UserDataStreamError] = None
        self.is_stopped = False
        self._speed = speed
        self._pace: Optional[Tuple[float, int]] = None
        self._reading: Reading = _START
        self._steps: Deque[Step] = deque()
        self._line: Optional[Line] = None
        self._failure: Optional[JournalError] = None
        self._is_read = False
        self.turn = self.polls = 0

    # Runs

    def next_run(self) -> Optional[Line]:
        """
        Return what the next run begins with, leaving it where it is; None when there is none.

        Raises:
            JournalError: What stands there is damaged.
        """
        self._look()
        if self._failure is not None:
            raise self._failure
        return None if self._line is None else self._line.get("run")

    def odd_run(self) -> JournalError:
        """Return what to say about the beginning of a run that cannot be used."""
        return self._lines.damaged("what it says of its run cannot be used")

    def rewind_to_run(self) -> None:
        """Begin with a run: its readings count from 0, and its turns."""
        self._reading, self._pace = _START, None
        self.turn = self.polls = 0
        self._steps = deque(self._line.get("now", ()) if self._line is not None else ())
        self.is_stopped, self.leftover = False, None

    def skip_to_run(self) -> None:
        """Leave out what is left of a run that was not replayed to its end."""
        while self._line is not None and "run" not in self._line:
            self._advance()

    # Times

    @property
    def wall(self) -> float:
        """The Unix time that the run has come to; before there is one, when the first begins."""
        if not self.latest.wall and self.next_run() is not None:
            assert self._line is not None
            return float(self._line.get("at_ms", 0)) / 1000
        return self.latest.wall

    def now(self) -> Instant:
        """Return the next reading; the last one again when there is none before the next fact."""
        if self._steps:
            self._step()
        elif self._line is not None and "broke" in self._line:
            raise self._broken()
        return self.latest

    def _step(self) -> None:
        try:
            self._reading = stepped(self._reading, self._steps.popleft())
        except _ODD:
            is_odd = True
        else:
            is_odd = False
            self.latest = instant(self._reading)
        if is_odd:
            raise self._nothing(self._lines.damaged("its readings of the clocks are none"))

    def begin_turn(self) -> None:
        """The run waits."""
        if self.is_stopped:
            raise NothingFollows("the replay was stopped")
        self.turn += 1
        line = self._line
        while line is not None and "time" in line and line["turn"] <= self.turn:
            self._advance()
            line = self._line
        if line is None:
            raise self._end()
        if "broke" in line and not self._steps:
            raise self._broken()
        if line["turn"] < self.turn:
            raise self.astray("the next turn")
        self._keep_pace()

    def _keep_pace(self) -> None:
        """Wait for the real time at which this was, if that is wanted."""
        if not self._speed or not self._steps:
            return
        at = stepped(self._reading, self._steps[0])[0]
        if self._pace is None:
            self._pace = (time.monotonic(), at)
        began, began_at = self._pace
        due = began + (at - began_at) / 1e6 / self._speed
        while (left := due - time.monotonic()) > 0:
            if self.is_stopped:
                raise NothingFollows("the replay was stopped")
            time.sleep(min(left, SLICE))

    # Facts

    def take(self, kind: str) -> Any:
        """Return the fact that comes next, which must be of a kind."""
        line = self._line
        if line is None:
            raise self._end()
        if kind not in line:
            if "broke" in line and not self._steps:
                raise self._broken()
            raise self.astray(f"'{kind}'")
        self._advance()
        return line[kind]

    def take_if(self, kind: str, fits: Callable[[Any], bool] = lambda fact: True) -> Any:
        """Return the fact that comes next if it is of a kind, of this turn and fits; else None."""
        line = self._line
        if line is None or kind not in line or line["turn"] != self.turn or not fits(line[kind]):
            if line is not None and "broke" in line and not self._steps:
                raise self._broken()
            return None
        self._advance()
        return line[kind]

    def take_saved(self) -> Any:
        """
        Return why the cursor could not be saved here; None when it was.

        Where the journal has come to its end it was, for all that anybody knows.
        """
        line = self._line
        if line is None or "saved" not in line:
            return None
        self._advance()
        return line["saved"]

    def is_stop(self) -> bool:
        """Whether the recorded run heard here that it was to stop."""
        self.polls += 1
        line = self._line
        if line is None or "stop" not in line or self.polls < line["stop"]:
            return False
        self._advance()
        return True

    def broke(self) -> None:
        """The replayed run was broken off by itself, as the recorded one."""
        if self._line is not None and "broke" in self._line:
            self._advance()

    def odd(self) -> NothingFollows:
        """Return what to raise about the line taken last, which cannot be used."""
        return self._nothing(self._lines.damaged("what it says cannot be used"))

    def astray(self, wanted: str) -> NothingFollows:
        """Return what to raise where the run wants something else than what was recorded."""
        return self._nothing(
            self._lines.damaged(
                f"the replay goes another way from here on ({wanted} is wanted); the journal is of version "
                f"{self.header.get('version')}, and that one replays it"
            )
        )

    def _broken(self) -> BaseException:
        assert self._line is not None
        row = self._line["broke"]
        self._advance()
        try:
            error: BaseException = error_read(row)
        except _ODD:
            return self.odd()
        return Interrupted() if row["class"] in ("KeyboardInterrupt", "SystemExit") else error

    def end_run(self) -> None:
        """The run is over; the recorded one should be, too."""
        if self._line is not None and "end" not in self._line and not self.is_stopped:
            self.leftover = self.astray("the end").error

    def _end(self) -> NothingFollows:
        if self._failure is not None:
            return self._nothing(self._failure)
        if self._lines.cut is None:
            self.cut = "the journal ends before the run does: its process died, or the recording stopped"
        return NothingFollows(self.cut or "the journal ends here")

    def _nothing(self, error: JournalError) -> NothingFollows:
        return NothingFollows(str(error), error)

    def _look(self) -> None:
        if not self._is_read:
            self._is_read, self._line = True, None
            try:
                self._line = self._lines.next()
            except JournalError as error:
                self._failure = error
            except BaseException:
                # What Ctrl-C breaks off finds no further line, and a journal would seem to end here.
                self._failure = self._lines.damaged("reading on was interrupted; replay it once more from the start")
                raise
            if self._lines.cut is not None:
                self.cut = self._lines.cut
            self._steps = deque() if self._line is None else deque(self._line.get("now", ()))

    def _advance(self) -> None:
        """Go behind the line at hand, with all the time that passed before it."""
        while self._steps:
            self._step()
        self.polls = 0
        self._is_read = False
        self._look()


class PlayedEdges(Edges):
    """The edges of one run, played from a tape."""

    def __init__(self, tape: Tape, run: Line) -> None:
        self._tape = tape
        self._run = run
        self._clock = _PlayedClock(tape, int(run["seed"]))

    def clock(self, clock: Clock) -> Clock:
        return self._clock

    def credentials(self, credentials: Credentials) -> Credentials:
        if not credentials.can_sign:
            return credentials

        def sign(payload: bytes) -> str:
            failure = self._tape.take_if("unsigned")
            if not failure:
                return "signature" if failure is None else ""
            raise error_read(failure)

        return Credentials(credentials.api_key, signer=sign)

    def rest(self, make: Callable[[], RestEdge]) -> RestEdge:
        return _PlayedRest(self._tape)

    def share(self, make: Callable[[], ShareEdge]) -> ShareEdge:
        return _PlayedShare(self._tape)

    def sockets(self, make: Callable[[], SocketsEdge]) -> SocketsEdge:
        return _PlayedSockets(self._tape)

    def store(self, store: Optional[CursorStore]) -> Optional[CursorStore]:
        return _PlayedStore(self._tape) if self._run["saves"] else None

    def wishes(self) -> Wishes:
        return _PlayedWishes(self._tape)

    def begin(self, start_within: float) -> float:
        self._tape.take("run")
        return float(self._run["start_within"])

    def broke(self, error: BaseException) -> None:
        self._tape.broke()

    def end(self) -> None:
        self._tape.end_run()


class TapeClock(Clock):
    """The clocks as of the moment that a replay has come to, for whoever looks from outside."""

    def __init__(self, tape: Tape) -> None:
        self._tape = tape

    def now(self) -> Instant:
        return self._tape.latest


class _PlayedClock(Clock):
    def __init__(self, tape: Tape, seed: int) -> None:
        self._tape = tape
        self._dice = random.Random(seed)

    def now(self) -> Instant:
        return self._tape.now()

    def jitter(self) -> float:
        return self._dice.random()


class _PlayedWishes(Wishes):
    """Those of the recorded run. What is asked of the replay itself ends it, and is no fact."""

    def __init__(self, tape: Tape) -> None:
        self._tape = tape
        self._is_heard = False

    def wants_stop(self) -> bool:
        if self.stop:
            self._tape.is_stopped = True
        self._is_heard = self._is_heard or self._tape.is_stop()
        return self._is_heard

    def takes_rotation(self) -> bool:
        return self._tape.take_if("rotate") is not None


class _PlayedRest:
    def __init__(self, tape: Tape) -> None:
        self._tape = tape
        self.used_weight: Optional[int] = None

    def call(self, method: str, path: str, query: Union[str, Secret] = "", *, with_key: bool = True) -> Any:
        wanted = asked(method, path, query)
        fact, error, is_odd = self._tape.take("rest"), None, False
        try:
            recorded, self.used_weight = fact["asked"], fact["weight"]
            error = error_read(fact["error"]) if "error" in fact else None
            answer = fact.get("answer")
        except _ODD:
            is_odd = True
        if is_odd:
            raise self._tape.odd()
        if recorded != wanted:
            raise self._tape.astray(wanted)
        if error is not None:
            raise error
        return answer

    def close(self) -> None:
        """Nothing is open."""


class _PlayedShare:
    def __init__(self, tape: Tape) -> None:
        self._tape = tape

    def ask(self, weight: int, now: float) -> float:
        wait = self._tape.take_if("postponed")
        if wait is None:
            return 0.0
        if isinstance(wait, bool) or not isinstance(wait, (int, float)) or not wait > 0:
            raise self._tape.odd()
        return float(wait)

    def heed(self, used: Optional[int], now: float) -> None:
        """What others used was heeded when it was recorded."""


class _PlayedSockets:
    def __init__(self, tape: Tape) -> None:
        self._tape = tape
        self._numbers: Dict[int, None] = {}

    def wake(self) -> None:
        """End the wait for the next moment: it looks by itself."""
        self._tape.is_stopped = True

    def wait(self, seconds: float) -> None:
        self._tape.begin_turn()

    def open(self, command: do.OpenSocket) -> Fact:
        fact = self._of("opened", command.socket)
        if fact.get("plan") != str(command.plan):
            raise self._tape.astray(str(command.plan))
        if "refused" in fact:
            return facts.SocketRefused(command.socket, str(fact["refused"]), fact.get("retry_after_s"))
        self._numbers[command.socket] = None
        return facts.SocketOpened(command.socket, self._tape.now())

    def send(self, command: Union[do.Subscribe, do.ListSubscriptions, do.SendPing]) -> List[Fact]:
        fact = self._of("sent", command.socket)
        if fact.get("what") != type(command).__name__:
            raise self._tape.astray(type(command).__name__)
        return [facts.SocketLost(command.socket, str(reason)) for reason in fact.get("lost", ())]

    def numbers(self) -> Tuple[int, ...]:
        return tuple(self._numbers)

    def read(self, number: int) -> Read:
        fact = self._tape.take_if("read", lambda fact: fact.get("socket") == number)
        if fact is None:
            return Read()
        try:
            return Read(
                tuple(frame_bytes(text) for text in fact["frames"]),
                bool(fact["alive"]),
                bool(fact["drained"]),
                fact.get("lost"),
                tuple(bytes.fromhex(pong) for pong in fact.get("pongs", ())),
            )
        except _ODD:
            odd = self._tape.odd()
        raise odd

    def close(self, number: int) -> Tuple[bytes, ...]:
        if number not in self._numbers:
            return ()
        fact = self._of("closed", number)
        del self._numbers[number]
        return tuple(frame_bytes(text) for text in fact.get("frames", ()))

    def discard(self) -> None:
        """Nothing is open."""

    def shut(self) -> None:
        """Nothing is open."""

    def _of(self, kind: str, number: int) -> Any:
        fact = self._tape.take(kind)
        if not isinstance(fact, dict):
            raise self._tape.odd()
        if fact.get("socket") != number:
            raise self._tape.astray(f"connection {number}")
        return fact


class _PlayedStore:
    """Keeps nothing: a replay writes no cursor."""

    def __init__(self, tape: Tape) -> None:
        self._tape = tape

    def load(self) -> Optional[Cursor]:
        return None

    def save(self, cursor: Cursor) -> None:
        failure = self._tape.take_saved()
        if failure is None:
            return
        words = failure.get("words")
        raise error_read(failure) if words is None else OSError(0, words)


def recall(plans: PlanWalk, memory: Any) -> None:
    """
    Let a walk over the access plans know what the recorded one knew.

    Raises:
        ConfigurationError: It is no such memory.
    """
    try:
        places, remembered, since = memory
        plans.recall(tuple(places), remembered, None if since is None else Instant(*since))
    except (*_ODD, IndexError):
        is_odd = True
    else:
        is_odd = False
    if is_odd:
        raise ConfigurationError("what it knows of the access plans cannot be used")
