"""The clocks of the client's machine, in virtual time."""

from __future__ import annotations

import random

from binance_uds.edges.clock import Clock
from binance_uds.instants import Instant
from tests.simulation.world import World


class VirtualClock(Clock):
    """Shows the world's time as the client's machine sees it, and rolls the seed's dice."""

    def __init__(self, world: World, chance: random.Random) -> None:
        self._world = world
        self._chance = chance

    def now(self) -> Instant:
        """Return one reading of all clocks."""
        return self._world.instant()

    def jitter(self) -> float:
        """Return the next number of the seed."""
        return self._chance.random()
