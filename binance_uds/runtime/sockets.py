"""The connections of one stream, and the pipe that wakes its thread: everything the loop waits for."""

from __future__ import annotations

import contextlib
import math
import selectors
import socket
import sys
from typing import Callable, Dict, List, Tuple, Union

from ..edges.clock import Clock
from ..edges.wire import Closed, Ping, Pong, Wire
from ..errors import StreamInterrupted, UserDataStreamError
from ..protocol import commands as do
from ..protocol import facts
from ..protocol.facts import Fact
from ..protocol.subscriptions import LIST_SUBSCRIPTIONS, subscribe
from .edges import Read
from .settings import Settings
from .watch import StreamLog

#: Chunks read from one connection before the loop looks at its timers again, and so many bytes of frames are kept at
#: once at most, some 1,100 events: more would be no quicker.
_CHUNKS_A_TURN = 2

#: Where a signal does not end a wait, Ctrl-C is heard between two slices of it.
_LONGEST_WAIT = 0.2 if sys.platform == "win32" else math.inf

#: Bytes of the pipe that are read at once; each is a call of ``wake``.
_WAKES = 4096

#: So many turns' worth is still read from a connection that is closed; beyond that a flood would keep us from closing.
_TURNS_AT_CLOSE = 128


class Sockets:
    """
    Opens, reads and closes connections; belongs to one thread, but for ``wake``.

    Args:
        settings: Say where and how to connect, and which events to ask for.
        clock: Dates the openings.
        abandoned: Asked while opening; true ends it within moments.
        log: Where openings and ends leave a line.
    """

    def __init__(self, settings: Settings, clock: Clock, abandoned: Callable[[], bool], log: StreamLog) -> None:
        self._settings = settings
        self._log = log.wire
        self._clock = clock
        self._abandoned = abandoned
        self._wires: Dict[int, Wire] = {}
        self._watched: Dict[int, int] = {}
        self._wake_in, self._wake_out = socket.socketpair()
        self._selector = selectors.DefaultSelector()
        for end in (self._wake_in, self._wake_out):
            end.setblocking(False)
        self._selector.register(self._wake_in, selectors.EVENT_READ)

    def wake(self) -> None:
        """Let ``wait`` return now; from any thread, and from a signal handler."""
        # Full: it is awake already. Closed: nobody waits any more.
        with contextlib.suppress(OSError):
            self._wake_out.send(b"\0")

    def wait(self, seconds: float) -> None:
        """Wait until something can be read or written, or ``wake`` was called, or the time has passed."""
        for number, wire in self._wires.items():
            wanted = selectors.EVENT_READ | (selectors.EVENT_WRITE if wire.wants_write else 0)
            if self._watched[number] != wanted:
                self._selector.modify(wire.fileno(), wanted)
                self._watched[number] = wanted
        if any(wire.has_pending for wire in self._wires.values()):
            seconds = 0.0
        ready = self._selector.select(min(max(seconds, 0.0), _LONGEST_WAIT))
        # Not asked for nothing: each call lets other threads have the interpreter, and it may be long until it is ours.
        if any(key.fileobj is self._wake_in for key, _ in ready):
            with contextlib.suppress(OSError):
                while len(self._wake_in.recv(_WAKES)) == _WAKES:
                    pass

    def open(self, command: do.OpenSocket) -> Fact:
        """Open a connection; blocks up to the plan's time."""
        try:
            wire = Wire.open(
                command.plan.url(command.key, self._settings.market.events),
                context=self._settings.context,
                proxy=self._settings.proxy,
                abandoned=self._abandoned,
                timeout=self._settings.timings.plan_timeout,
            )
        except UserDataStreamError as error:
            # A wrong configuration, too: the environment may name another proxy by now, and later yet another.
            self._log.debug("connection %d to %s refused: %s", command.socket, command.plan, error)
            return facts.SocketRefused(command.socket, str(error), getattr(error, "retry_after_s", None))
        self._log.debug("connection %d to %s open", command.socket, command.plan)
        self._selector.register(wire.fileno(), selectors.EVENT_READ)
        # Known only when it can be closed, for Ctrl-C may come between; and as long as it is not.
        self._watched[command.socket] = selectors.EVENT_READ
        self._wires[command.socket] = wire
        return facts.SocketOpened(command.socket, self._clock.now())

    def send(self, command: Union[do.Subscribe, do.ListSubscriptions, do.SendPing]) -> List[Fact]:
        """Send a message or a ping; never blocks."""
        wire = self._wires.get(command.socket)
        if wire is None:
            return []
        try:
            if isinstance(command, do.Subscribe):
                wire.send_text(subscribe(command.key))
            elif isinstance(command, do.ListSubscriptions):
                wire.send_text(LIST_SUBSCRIPTIONS)
            else:
                wire.send_ping(command.payload)
        except StreamInterrupted as error:
            return [facts.SocketLost(command.socket, error.reason)]
        return []

    def numbers(self) -> Tuple[int, ...]:
        """Return the numbers of all connections that stand."""
        return tuple(self._wires)

    def read(self, number: int) -> Read:
        """Read what has arrived on a connection, without waiting."""
        wire = self._wires[number]
        frames: List[bytes] = []
        pongs: List[bytes] = []
        alive = False
        for _ in range(_CHUNKS_A_TURN):
            try:
                messages = wire.receive()
            except StreamInterrupted as error:
                return Read(tuple(frames), alive, lost=error.reason, pongs=tuple(pongs))
            for message in messages:
                alive = True
                if isinstance(message, bytes):
                    frames.append(message)
                elif isinstance(message, Closed):
                    return Read(tuple(frames), alive, lost=_in_words(message), pongs=tuple(pongs))
                elif isinstance(message, Pong):
                    pongs.append(message.payload)
                else:
                    assert isinstance(message, Ping)
            if wire.drained:
                break
        return Read(tuple(frames), alive, wire.drained, pongs=tuple(pongs))

    def close(self, number: int) -> Tuple[bytes, ...]:
        """End a connection and return the whole messages that it still held."""
        if number not in self._wires:
            return ()
        held: List[bytes] = []
        for _ in range(_TURNS_AT_CLOSE):
            read = self.read(number)
            held.extend(read.frames)
            if read.drained or read.lost is not None:
                break
        wire = self._wires[number]
        self._selector.unregister(wire.fileno())
        wire.close()
        del self._wires[number], self._watched[number]
        self._log.debug("connection %d closed, %d messages read from it at the end", number, len(held))
        return tuple(held)

    def discard(self) -> None:
        """In a forked child: close the copies of the parent's descriptors, without a byte on any connection."""
        self._selector.close()
        for end in (self._wake_in, self._wake_out):
            end.close()
        for wire in self._wires.values():
            wire.discard()
        self._wires.clear()

    def shut(self) -> None:
        """Close everything, the pipe too, each whatever becomes of the others."""
        with contextlib.ExitStack() as closing:
            # Last of all: what Ctrl-C leaves open here is closed the next time.
            for close in (self._wires.clear, self._wake_out.close, self._wake_in.close, self._selector.close):
                closing.callback(close)
            for wire in self._wires.values():
                closing.callback(wire.close)


def _in_words(closed: Closed) -> str:
    code = "without a code" if closed.code is None else f"with code {closed.code}"
    return f"closed by the exchange {code}" + (f": {closed.reason}" if closed.reason else "")
