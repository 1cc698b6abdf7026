"""
Virtual time, and what is to happen in it.

The world is a heap of actions. It goes on only while the client waits: for a socket, for an answer, or in a callback
that takes its time. Whatever falls due meanwhile happens, in order, and then the client looks again. Nothing here
reads a real clock, so one seed is one history.
"""

from __future__ import annotations

import heapq
import itertools
import math
from typing import Callable, List, Tuple

import attrs

from binance_uds.instants import Instant

#: What the clocks of the client's machine show at the start; the world itself counts seconds from 0.
MONOTONIC, BOOT = 1_000.0, 70_000.0

#: A wait ends so many seconds too late rather than too early by what floating point rounds away.
_TICK = 1e-6

Action = Callable[[], object]


@attrs.define(eq=False)
class World:
    """
    The time of everybody, and the clocks of the client's machine, which may sleep and may be set.

    Attributes:
        epoch: Unix time at second 0.
        now: Seconds since the start.
        slept: For how many of them the client's machine was suspended.
        set_by: By how many seconds its wall clock is wrong.
        is_asleep: Whether it is suspended at this moment.
        sleeps: When it was suspended, and for how many seconds.
    """

    epoch: float
    now: float = 0.0
    slept: float = 0.0
    set_by: float = 0.0
    is_asleep: bool = False
    sleeps: List[Tuple[float, float]] = attrs.field(factory=list)
    _actions: List[Tuple[float, int, Action]] = attrs.field(factory=list)
    _numbers: itertools.count[int] = attrs.field(factory=itertools.count)

    @property
    def now_ms(self) -> int:
        """True time, in milliseconds since the Unix epoch: what the exchange's clock shows."""
        return math.floor((self.epoch + self.now) * 1000 + 1e-3)

    @property
    def monotonic(self) -> float:
        """What the monotonic clock of the client's machine shows."""
        return MONOTONIC + self.now - self.slept

    def at_monotonic(self, reading: float) -> float:
        """Return the second at which that clock shows this or a little more, unless the machine sleeps before."""
        return reading - MONOTONIC + self.slept + _TICK

    def instant(self) -> Instant:
        """Return what all clocks of the client's machine show."""
        now = self.now
        return Instant(MONOTONIC + now - self.slept, BOOT + now, self.epoch + now + self.set_by)

    def at(self, seconds: float, action: Action) -> None:
        """Have something happen at a moment, which is not past."""
        heapq.heappush(self._actions, (max(seconds, self.now), next(self._numbers), action))

    def after(self, seconds: float, action: Action) -> None:
        """Have something happen so many seconds from now."""
        self.at(self.now + seconds, action)

    def step(self, end: float) -> bool:
        """Do the next action if it is due by ``end``, else let time pass until then; tells whether there was one."""
        if self._actions and self._actions[0][0] <= end:
            at, _, action = heapq.heappop(self._actions)
            self.now = max(self.now, at)
            action()
            return True
        self.now = max(self.now, end)
        return False

    def pass_time(self, seconds: float, until: Callable[[], bool] = lambda: False) -> None:
        """Let the client's monotonic clock go on by so much, or until something is so."""
        end = self.monotonic + seconds
        # Anew in every round: what happens may be a suspend, which puts the end off.
        while not until() and self.step(self.at_monotonic(end)):
            pass

    def suspend(self, seconds: float) -> None:
        """Let the client's machine sleep; everybody else goes on."""
        if self.is_asleep:
            return
        end = self.now + seconds
        self.sleeps.append((self.now, seconds))
        self.is_asleep = True
        while self.step(end):
            pass
        self.is_asleep = False
        self.slept += seconds
