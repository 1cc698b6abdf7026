"""The connections of the client, in virtual time: the interface of ``runtime.sockets.Sockets``."""

from __future__ import annotations

import math
from typing import Callable, Dict, List, Tuple, Union
from urllib.parse import urlsplit

from binance_uds.edges.clock import Clock
from binance_uds.protocol import commands as do
from binance_uds.protocol import facts
from binance_uds.protocol.facts import Fact
from binance_uds.protocol.subscriptions import LIST_SUBSCRIPTIONS, subscribe
from binance_uds.runtime.settings import Settings
from binance_uds.runtime.sockets import Read
from binance_uds.simulator import control
from tests.simulation.line import Ending, Frame, Line, Pong
from tests.simulation.venue import Venue
from tests.simulation.weather import Refusal

#: Messages read from one connection before the loop looks at its timers again.
_MESSAGES_A_TURN = 256

#: Turns that a client may take in so many seconds; more is a loop that waits for nothing.
_MOST_TURNS_A_MOMENT, _MOMENT = 2_000, 0.01


class VirtualSockets:
    """Opens, reads and closes connections to the venue; waiting lets the world go on."""

    def __init__(
        self, venue: Venue, settings: Settings, clock: Clock, abandoned: Callable[[], bool], log: object
    ) -> None:
        self._venue = venue
        self._world = venue.world
        self._settings = settings
        self._clock = clock
        self._abandoned = abandoned
        self._lines: Dict[int, Line] = {}
        self._is_woken = False
        self._turns, self._moment = 0, 0.0

    def wake(self) -> None:
        """Let ``wait`` return now."""
        self._is_woken = True

    def wait(self, seconds: float) -> None:
        """Let the world go on until something can be read, or ``wake`` was called, or the time has passed."""
        world = self._world
        deadline = world.monotonic + max(seconds, 0.0)
        while not self._is_woken:
            arrival = min((line.next_arrival() for line in self._lines.values()), default=math.inf)
            if not world.step(min(arrival, world.at_monotonic(deadline))):
                break
        self._is_woken = False
        self._turns += 1
        if world.now > self._moment + _MOMENT:
            self._turns, self._moment = 0, world.now
        assert self._turns < _MOST_TURNS_A_MOMENT, "the client runs in circles"

    def open(self, command: do.OpenSocket) -> Fact:
        """Shake hands; takes as long as the weather says."""
        venue, world, timeout = self._venue, self._world, self._settings.timings.plan_timeout
        venue.history.handshakes.append(world.now)
        address = urlsplit(command.plan.url(command.key, self._settings.market.events).reveal())
        subscription = control.subscription_for(address.path, address.query)
        assert subscription is not None
        refusal = venue.weather.refusal()
        there, back = venue.weather.latency(world.now), venue.weather.latency(world.now)
        if refusal is None and there + back > timeout:
            refusal = Refusal("the handshake was not complete in time", timeout)
        if refusal is not None:
            world.pass_time(min(refusal.seconds, timeout), self._abandoned)
            return facts.SocketRefused(command.socket, refusal.reason, refusal.retry_after_s)
        world.pass_time(there, self._abandoned)
        line = venue.attach(command.socket, subscription)
        world.pass_time(back, self._abandoned)
        self._lines[command.socket] = line
        venue.history.last_read_at = venue.history.last_opened_at = world.now
        return facts.SocketOpened(command.socket, self._clock.now())

    def send(self, command: Union[do.Subscribe, do.ListSubscriptions, do.SendPing]) -> List[Fact]:
        """Send a message or a ping."""
        line = self._lines.get(command.socket)
        if line is None:
            return []
        said: Union[str, bytes] = getattr(command, "payload", b"")
        if isinstance(command, do.Subscribe):
            said = subscribe(command.key).reveal()
        elif isinstance(command, do.ListSubscriptions):
            said = LIST_SUBSCRIPTIONS
        self._venue.hear(line, said)
        return []

    def numbers(self) -> Tuple[int, ...]:
        """Return the numbers of all connections that stand."""
        return tuple(self._lines)

    def read(self, number: int) -> Read:
        """Read what has arrived on a connection."""
        line, world = self._lines[number], self._world
        frames: List[bytes] = []
        pongs: List[bytes] = []
        alive = False
        for _ in range(_MESSAGES_A_TURN):
            message = line.take(world.now)
            if message is None:
                break
            if isinstance(message, Ending):
                return Read(tuple(frames), alive, lost=message.reason, pongs=tuple(pongs))
            alive = True
            # What is read is answered, be it only by the acknowledgement of the pong.
            line.heard_at = world.now
            if isinstance(message, Frame):
                frames.append(message.payload)
                self._venue.note_read(message)
            elif isinstance(message, Pong):
                pongs.append(message.payload)
        if alive:
            self._venue.history.last_read_at = world.now
        return Read(tuple(frames), alive, not line.has_arrived(world.now), pongs=tuple(pongs))

    def close(self, number: int) -> Tuple[bytes, ...]:
        """End a connection and return the whole messages that it still held."""
        if number not in self._lines:
            return ()
        held: List[bytes] = []
        while True:
            read = self.read(number)
            held.extend(read.frames)
            if read.drained or read.lost is not None:
                break
        self._venue.close(self._lines.pop(number))
        return tuple(held)

    def discard(self) -> None:
        """Of no meaning here: nobody forks."""

    def shut(self) -> None:
        """Close everything."""
        for line in self._lines.values():
            self._venue.close(line)
        self._lines.clear()
