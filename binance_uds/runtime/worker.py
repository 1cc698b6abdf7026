"""
The one thread of a stream: it drives one session.

The session turns facts into commands; the worker turns commands into facts. It waits for sockets and timers, reads,
delivers, calls the user's code, makes the REST calls, and starts over. Nothing else in the process touches a socket.
"""

from __future__ import annotations

import contextlib
import threading
import traceback
from collections import deque
from typing import Callable, Deque, Dict, Iterable, List, Optional, Sequence, Type

import attrs

from ..edges.clock import Clock
from ..errors import ForkedStream, UserDataStreamError
from ..events import Event, StreamState
from ..instants import Instant
from ..protocol import commands as do
from ..protocol import facts
from ..protocol.commands import Command
from ..protocol.delivery import Delivery
from ..protocol.facts import Fact
from ..protocol.ledger.cursor import Cursor
from ..protocol.ledger.handed import OFTEN
from ..protocol.proofs import Verdict
from ..protocol.session import Session
from . import shutdown
from .calls import Calls
from .cursors import CursorKeeper
from .doors import Doors, Gate, Item
from .edges import Edges, NothingFollows, SocketsEdge
from .pulse import Flag
from .watch import Health, StreamLog, Timeline, level_of


class Worker:
    """
    Drives one session from start to stop, on whatever thread calls ``run``.

    Any thread may read, call ``ask_stop`` and wait; only the running one touches the sockets.

    Attributes:
        session: The rules; other threads read ``standing``, ``proofs`` and ``verdict`` of it.
        has_forked: Whether this is a forked child's copy, which does not run.
        error: What ended the run, or None; a ``UserDataStreamError`` or, for a defect, anything.
        events: How many events were delivered.
        cut: Why nothing follows although the session has not ended; of replays alone.
        last_event_at: When the last one of them was read.
    """

    def __init__(
        self,
        session: Session,
        delivery: Delivery,
        doors: Doors,
        timeline: Timeline,
        log: StreamLog,
        clock: Clock,
        make_calls: Callable[[Worker], Calls],
        make_sockets: Callable[[Worker], SocketsEdge],
        keeper: CursorKeeper,
        edges: Optional[Edges] = None,
    ) -> None:
        self.session = session
        self.has_forked = False
        self.error: Optional[BaseException] = None
        self.last_event_at: Optional[Instant] = None
        self.events = 0
        self.cut: Optional[str] = None
        self._edges = Edges() if edges is None else edges
        self._delivery = delivery
        self._doors = doors
        self._timeline = timeline
        self._log = log
        # Whoever looks from outside is no part of what the run lives through.
        self._clock, self._watch = self._edges.clock(clock), clock
        self._keeper = keeper
        self._gate = Gate()
        self._start_by: Optional[float] = None
        self.calls = make_calls(self)
        self._sockets = make_sockets(self)
        self._facts: Deque[Fact] = deque()
        self._due_calls: Deque[do.Make] = deque()
        self._reads: Deque[do.MakeRead] = deque()
        self._is_turn_of_reads = False
        self._wishes = self._edges.wishes()
        self._releasing = False
        self._doing: Optional[str] = None
        self._last_look = self._drained_at = self._clock.now()
        self._thread: Optional[threading.Thread] = None
        # Under one name alone: the thread that drives the run is the first to enter itself, in one step of C.
        self._driver: Dict[str, int] = {}
        self._is_interrupted = False
        self._settled = Flag()
        self._ended = Flag()
        self._performers: Dict[Type[Command], Callable[..., Iterable[Fact]]] = {
            do.Make: self._make_in_turn,
            do.MakeRead: self._read_later,
            do.Ground: self._ground,
            do.TakeConfiguration: self._take_configuration,
            do.Hold: self._hold,
            do.Merge: self._merge,
            do.ReleaseHeld: self._release_held,
            do.Forget: self._forget,
            do.ReleaseKey: self._release_key,
            do.OpenSocket: self._open,
            do.Subscribe: self._sockets.send,
            do.ListSubscriptions: self._sockets.send,
            do.SendPing: self._sockets.send,
            do.Shadow: self._shadow,
            do.Adopt: self._adopt,
            do.Discard: self._discard,
            do.CloseSocket: self._close,
            do.Announce: self._announce,
            do.Note: self._note,
            do.Finish: self._finish,
        }

    # For any thread

    def start(self, name: str, start_within: float) -> None:
        """Run on a new daemon thread; when there is none to be had the run has ended, with that error."""
        # Before the thread is there: a fork may come at any time.
        shutdown.register(self)
        # Before it runs, too: whoever waits for the end of a short life waits for its thread as well.
        self._thread = threading.Thread(target=self.run, args=(start_within,), name=name, daemon=True)
        try:
            self._thread.start()
        except RuntimeError:
            self._thread = None
            self._fail(UserDataStreamError("the system has no thread left for the stream"))
            self._end()

    def break_off(self) -> None:
        """
        Ask ``run`` to end soon; after Ctrl-C, which may have come at any step of ``start`` or ``run``.

        A run that no thread has begun with, or that this thread was driving, ends here and now: every step of the end
        is taken, again where it was taken already.
        """
        self.ask_stop()
        if not self.has_forked and self._is_ours():
            self._is_interrupted = True
            # If there is one, it finds the run taken, and is gone at once.
            self._thread = None
            self._doors.open(self._gate)
            self._end()

    def _is_ours(self) -> bool:
        """Whether the calling thread drives the run: the first that asks does."""
        me = threading.get_ident()
        return self._driver.setdefault("thread", me) == me

    def abandoned(self) -> bool:
        """Whether a call under way should be given up: the end was asked for, or the start has had its time."""
        if self._wishes.stop:
            return not self._releasing
        if self._start_by is None or self.session.standing.was_live:
            return False
        return self._watch.now().monotonic > self._start_by

    def ask_stop(self) -> None:
        """Ask ``run`` to end soon; all that a signal handler may do."""
        self._wishes.stop = True
        self._sockets.wake()

    def stop(self, timeout: float) -> bool:
        """
        Ask ``run`` to end and wait for it.

        Returns:
            Whether it has ended. If not, no further callback starts.
        """
        self.ask_stop()
        if self._doors.is_inside_callback or shutdown.is_in_signal_handler():
            return False
        if self.wait_ended(timeout):
            return True
        self._doors.shut(self._gate)
        if self.has_ended:
            return True
        self._log.session.warning("still busy with %s after stop()", self.doing or "its last step")
        return False

    def give_up(self) -> None:
        """Ask ``run`` to end soon, and let no further callback start; without waiting."""
        self.ask_stop()
        self._doors.shut(self._gate)

    def wait_settled(self, timeout: float) -> bool:
        """Wait until the stream was LIVE once, or ended."""
        return self._settled.wait(timeout)

    def wait_ended(self, timeout: Optional[float]) -> bool:
        """Wait until the run has ended, and its thread too."""
        if not self._ended.wait(timeout):
            return False
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join()
        return True

    def ask_rotation(self) -> None:
        """Ask ``run`` to replace the connection in use soon."""
        self._wishes.rotation = True
        self._sockets.wake()

    @property
    def is_stopping(self) -> bool:
        """Whether it was asked to stop, or a callback ended the program, and it has not ended yet."""
        return (self._wishes.stop or self._doors.exit is not None) and not self.has_ended

    @property
    def has_ended(self) -> bool:
        """Whether the run is over."""
        return self._ended.is_set

    @property
    def why_over(self) -> str:
        """Why nothing follows, in words, once the run is over."""
        return self.session.standing.reason if self.cut is None else self.cut

    @property
    def doing(self) -> Optional[str]:
        """What the thread is busy with at this moment, when it does not simply wait."""
        callback = self._doors.running
        return f"callback {callback}" if callback is not None else self._doing

    @property
    def cursor(self) -> Optional[Cursor]:
        """Where a restart has to begin; None while there is nothing yet to go on from."""
        return self._keeper.cursor(self._watch.now())

    def verdict(self, now: Instant) -> Verdict:
        """Return what the stream is worth at this moment, and what keeps the thread, if something does."""
        verdict = self.session.verdict(now)
        if self.session.has_ended:
            return verdict
        if self._gate.is_shut:
            # What comes now reaches nobody.
            return Verdict(StreamState.STALE, f"stopping, still busy with {self.doing or 'its last step'}")
        busy_s = self._doors.running_for
        if verdict.state is StreamState.LIVE or busy_s < self.session.timings.slow_callback:
            return verdict
        return Verdict(verdict.state, f"{verdict.why}; {self.doing} has been running for {busy_s:.0f} s")

    def health(self, counted: Health, now: Instant) -> Health:
        """Return ``counted`` with what this run adds to it."""
        session, standing, proofs = self.session, self.session.standing, self.session.proofs
        subscription = "confirmed" if standing.confirmed else "subscription unconfirmed"
        key, open_gap_ms = session.key, session.open_gap_ms(now)
        return attrs.evolve(
            counted,
            transport_proof_age_s=_age(proofs.transport, now),
            key_proof_age_s=_age(proofs.key, now),
            delivery_proof_age_s=_age(proofs.delivery, now),
            last_event_age_s=_age(self.last_event_at, now),
            key_age_s=_age(session.key_since, now) if key is not None else None,
            key_tag=key.tag if key is not None else None,
            subscription=subscription if standing.serving else None,
            gaps=session.gaps,
            gap_open=standing.gap_open,
            blind_s=counted.blind_s + session.blind_ms / 1000,
            open_gap_s=None if open_gap_ms is None else open_gap_ms / 1000,
            reconnects=counted.reconnects + session.reconnects,
            events=counted.events + self.events,
            used_weight=self.calls.used_weight,
            clock_offset_ms=session.clock.offset_ms(now) if session.clock.is_known else None,
        )

    def after_fork(self) -> None:
        """In the child: the thread does not exist here, and the socket is the parent's."""
        self.has_forked = True
        self._settled, self._ended = Flag(), Flag()
        self._ended.set()
        self._thread = None
        self._doors.after_fork()
        self._sockets.discard()

    # The thread

    def run(self, start_within: float) -> None:
        """Drive the session to its end; returns normally, ``error`` tells what ended it."""
        if not self._is_ours():
            # It was broken off before it began.
            return
        try:
            shutdown.register(self)
            self._doors.open(self._gate)
            self._last_look = self._drained_at = now = self._clock.now()
            start_within = self._edges.begin(start_within)
            self._start_by = now.monotonic + start_within
            self._digest([facts.Started(start_within)])
            while not self.session.has_ended:
                self._turn()
        except ForkedStream:
            pass
        except NothingFollows as end:
            self.cut, self.error = end.reason, end.error
        except Exception as error:
            self._edges.broke(error)
            # As text: the frames of the traceback hold what was just read, which may name the listen key.
            told = traceback.format_exc()
            self._keeper.give_up()
            self._fail(error)
            self._log.session.critical("the stream's thread failed; this is a defect\n%s", told)
        except BaseException as error:
            # Only where the user's own thread runs: Ctrl-C, or a signal handler that exits.
            self._is_interrupted = True
            self._edges.broke(error)
            self._keeper.give_up()
            self._doors.exit = _bare(error)
        finally:
            # In a forked child nothing is left to end, and the parent goes on.
            if not self.has_forked:
                self._end()

    def _turn(self) -> None:
        now = self._clock.now()
        self._sockets.wait(self._next_deadline(now) - now.monotonic)
        self._check_not_forked()
        # Before any deadline is judged the sockets are drained: a slow callback or a REST call may have kept us from
        # reading an answer that came in time.
        at = self._clock.now()
        found: List[Fact] = []
        jump = self._last_look.jump(at)
        if jump > self.session.timings.clock_jump:
            found.append(facts.ClocksJumped(jump))
        self._last_look = at
        self._digest(found)
        are_drained = [self._read(number) for number in self._sockets.numbers()]
        if all(are_drained):
            self._drained_at = at
            # Only now: the frame that explains a doubt may be among those that lie there unread.
            self._digest(self._delivery.due(at.monotonic))
        if self.session.standing.serving and self._wishes.takes_rotation():
            self._digest([facts.RotationAsked()])
        self._digest(self.session.due(at))
        self._digest(self._make_a_request())
        self._announce_state()
        self._save_cursor()
        for attention in self._edges.attentions():
            self._announce(do.Announce(attention))

    def _make_a_request(self) -> Iterable[Fact]:
        """Make one and no more: between two of them the connections are read and the deadlines judged."""
        if self.session.has_ended:
            return ()
        if self._due_calls and not self._is_turn_of_reads:
            # Probes come first, but if they take longer than their interval reads are not to wait for ever.
            self._is_turn_of_reads = bool(self._reads)
            return self._make(self._due_calls.popleft())
        self._is_turn_of_reads = False
        return self._make_read(self._reads.popleft()) if self._reads else ()

    def _next_deadline(self, now: Instant) -> float:
        if self._due_calls or self._reads:
            return now.monotonic
        others = (self._delivery.next_due(), self._keeper.next_due())
        return min([self.session.next_deadline(now), *(at for at in others if at is not None)])

    def _save_cursor(self, *, is_last: bool = False) -> None:
        for attention in self._keeper.save(is_last=is_last):
            self._announce(do.Announce(attention))

    def _announce_state(self) -> None:
        """Tell of a state that changed by the passing of time, or by a frame, which is no fact."""
        self._perform_all(self.session.announce_state(self._clock.now()))
        self._note_first_live()

    def _note_first_live(self) -> None:
        if self.session.standing.was_live:
            self._settled.set()

    def _read(self, number: int) -> bool:
        """Read and deliver what has arrived on a connection, and tell whether that was all."""
        if number not in self._sockets.numbers():
            return True
        read = self._sockets.read(number)
        found = self._deliver_all(read.frames, number)
        # Behind the frames that came before them: what a pong proves is that those are all.
        found.extend(facts.PongHeard(number, payload) for payload in read.pongs)
        if read.lost is not None:
            found.append(facts.SocketLost(number, read.lost))
        self._digest(found)
        # Only now: a gap that a frame of this read opens begins at what was proven before the frame came. And nobody
        # knows when that was, but after everything before it had been read: it may have lain here through a sleep.
        if read.alive:
            self.session.heard(number, self._drained_at)
        return read.drained

    def _deliver_all(self, frames: Sequence[bytes], number: int) -> List[Fact]:
        """Deliver what was read just now."""
        found: List[Fact] = []
        take = self._delivery.take
        for start in range(0, len(frames), OFTEN):
            # Of now, not of the last turn, which may be long ago: what does not add up has its time from here on.
            now = self._clock.now()
            at = now.monotonic
            for frame in frames[start : start + OFTEN]:
                taken = take(frame, number, at)
                if taken.items:
                    self._hand_over_all(taken.items, now)
                if taken.facts:
                    found.extend(taken.facts)
            self._delivery.catch_up()
        return found

    def _hand_over_all(self, items: Iterable[Item], now: Instant) -> None:
        for item in items:
            if isinstance(item, Event):
                self.events += 1
                self.last_event_at = now
            self._keeper.hand_over(item)
            self._check_not_forked()

    def _check_not_forked(self) -> None:
        """The user's code may have forked on this very thread; in the child nothing here may be touched."""
        if self.has_forked:
            raise ForkedStream()

    def _digest(self, found: Iterable[Fact]) -> None:
        """Let the session digest facts, and carry out what it commands, until nothing follows."""
        self._facts.extend(found)
        while True:
            if self._doors.exit is not None:
                self._wishes.stop = True
            if not self.session.has_ended and self._wishes.wants_stop():
                # What was merged is in the user's hands: the report about it comes before the end.
                is_merged = bool(self._facts) and isinstance(self._facts[0], facts.Merged)
                self._facts.insert(int(is_merged), facts.StopRequested())
            if not self._facts:
                return
            fact = self._facts.popleft()
            self._perform_all(self.session.handle(fact, self._clock.now(), self._clock.jitter()))
            self._note_first_live()

    def _perform_all(self, commands: Iterable[Command]) -> None:
        for command in commands:
            self._facts.extend(self._performers[type(command)](command))

    # Commands

    def _make_in_turn(self, command: do.Make) -> Iterable[Fact]:
        if not self.session.standing.serving:
            # There is no connection to judge meanwhile.
            return self._make(command)
        self._due_calls.append(command)
        return ()

    def _make(self, command: do.Make) -> Iterable[Fact]:
        if command.generation != self.session.generation:
            return ()
        self._doing = command.call.value
        fact = self.calls.make(command)
        self._doing = None
        return [fact]

    def _read_later(self, command: do.MakeRead) -> Iterable[Fact]:
        self._reads.append(command)
        return ()

    def _make_read(self, command: do.MakeRead) -> Iterable[Fact]:
        if command.errand != self.session.errands:
            return ()
        self._doing = f"read of {command.read.name}"
        fact = self.calls.read(command)
        self._doing = None
        return [fact]

    def _ground(self, command: do.Ground) -> Iterable[Fact]:
        self._delivery.ground(command.recovery, command.since_ms)
        return [facts.Grounded(command.errand)]

    def _take_configuration(self, command: do.TakeConfiguration) -> Iterable[Fact]:
        self._hand_over_all(self._delivery.configure(command.configuration), self._clock.now())
        return ()

    def _hold(self, command: do.Hold) -> Iterable[Fact]:
        self._delivery.hold(command.symbols)
        return ()

    def _merge(self, command: do.Merge) -> Iterable[Fact]:
        items, tally = self._delivery.merge(command.recovery)
        self._hand_over_all(items, self._clock.now())
        self._delivery.restate()
        found: List[Fact] = [facts.Merged(command.errand, tally)]
        read_ms = self.session.clock.earliest_ms(self._drained_at)
        if self._delivery.is_deaf(tally, command.connected_ms, read_ms):
            found.append(facts.ConnectionDeaf(self.session.socket))
        return found

    def _release_held(self, command: do.ReleaseHeld) -> Iterable[Fact]:
        self._hand_over_all(self._delivery.release(), self._clock.now())
        self._delivery.restate()
        return ()

    def _forget(self, command: do.Forget) -> Iterable[Fact]:
        self._delivery.forget_before(command.before_ms)
        return ()

    def _release_key(self, command: do.ReleaseKey) -> Iterable[Fact]:
        self._doing, self._releasing = "release of the listen key", True
        try:
            self.calls.release_key()
        except UserDataStreamError as error:
            self._log.session.warning("the listen key was not released: %s", error)
        self._doing, self._releasing = None, False
        return ()

    def _open(self, command: do.OpenSocket) -> Iterable[Fact]:
        self._delivery.know(command.key)
        self._doing = f"connecting to {command.plan}"
        fact = self._sockets.open(command)
        self._doing = None
        return [fact]

    def _shadow(self, command: do.Shadow) -> Iterable[Fact]:
        self._delivery.shadow(command.socket)
        return ()

    def _adopt(self, command: do.Adopt) -> Iterable[Fact]:
        taken = self._delivery.adopt(command.socket, self._drained_at.monotonic)
        self._hand_over_all(taken.items, self._clock.now())
        return taken.facts

    def _discard(self, command: do.Discard) -> Iterable[Fact]:
        self._delivery.discard(command.socket)
        return ()

    def _close(self, command: do.CloseSocket) -> Iterable[Fact]:
        return self._deliver_all(self._sockets.close(command.socket), command.socket)

    def _announce(self, command: do.Announce) -> Iterable[Fact]:
        self._timeline.add(self._clock.now().wall, str(command.notice))
        self._log.session.log(level_of(command.notice), "%s", command.notice)
        self._hand_over_all((command.notice,), self._clock.now())
        return ()

    def _note(self, command: do.Note) -> Iterable[Fact]:
        self._timeline.add(self._clock.now().wall, command.text)
        self._log.session.info("%s", command.text)
        return ()

    def _finish(self, command: do.Finish) -> Iterable[Fact]:
        self.error = command.error
        return ()

    def _fail(self, error: Exception) -> None:
        self.error = _bare(error)
        words = str(error) if isinstance(error, UserDataStreamError) else type(error).__name__
        self.session.crash(f"the stream's thread failed: {words}")

    def _end(self) -> None:
        # Every step is taken, whatever becomes of those before it; the last ones first in this list.
        with contextlib.ExitStack() as steps:
            steps.callback(self._ended.set)
            steps.callback(self._settled.set)
            steps.callback(lambda: self._doors.close(self.why_over))
            steps.callback(shutdown.unregister, self)
            steps.callback(self._edges.end)
            steps.callback(self.calls.close)
            steps.callback(self._sockets.shut)
            steps.callback(lambda: self._save_cursor(is_last=True))
            try:
                if not self.session.has_ended:
                    self._digest(())
                self._announce_state()
            except Exception as error:
                if not self._is_interrupted:
                    raise
                # Something was left half done; what the user is to hear of is the interruption.
                self._log.session.warning("the end was not told whole after an interruption: %s", type(error).__name__)


def _age(moment: Optional[Instant], now: Instant) -> Optional[float]:
    return None if moment is None else moment.age(now)


def _bare(error: BaseException) -> BaseException:
    """Take the frames off an exception that is raised again elsewhere: they are ours, and hold what was read."""
    error.__cause__ = error.__context__ = None
    return error.with_traceback(None)
