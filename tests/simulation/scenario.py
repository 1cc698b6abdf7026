"""What a seed decides before anything happens: how long, what account, what weather."""

from __future__ import annotations

import random
from typing import List, Optional, Tuple

import attrs

from tests.simulation.troubles import BAD_TROUBLES, TROUBLES, Trouble

MINUTE, HOUR = 60.0, 3600.0

#: Nothing goes wrong until the client had time to start.
_FIRST_TROUBLE = 2 * MINUTE

#: After the last trouble the client has so long to be well again; then it still has to hear of every fill.
RECOVERY, TRADING, REST = 10 * MINUTE, 10 * MINUTE, 20 * MINUTE

#: What a process may be killed in; None: it is not killed.
CRASHES = (None, None, "anything", "a callback", "a repair")


@attrs.frozen
class Restart:
    """
    An end of the client's process, and its next beginning.

    Attributes:
        at: When it is to end.
        pause: Seconds until it is there again.
        crash: What it is killed in, if it goes on with a cursor; None: it stops its stream.
    """

    at: float
    pause: float
    crash: Optional[str]


@attrs.frozen
class Scenario:
    """
    One run, before anything happens. Moments are seconds of the world.

    Attributes:
        seed: Decides everything.
        trouble_ends: From here on nothing goes wrong.
        trade_ends: From here on nothing is traded.
        ends: The stream is stopped.
        trouble_interval: Seconds between two troubles, in the mean.
        trade_interval: Seconds between two deeds of the trader, in the mean.
        kinds: Names of the troubles that come.
        is_bad: Whether REST may be worse than any repair can make good: a gap may end unproven then.
        hedge_mode: Whether the account keeps LONG and SHORT apart.
        lag_ms: By how much REST answers may be older than the truth.
        income_lag_ms: The same for the income history.
        expiry_notices: How often a key's end is announced when it runs out by itself.
        connection_life: Seconds after which the exchange ends a connection, come what may.
        restarts: When the client's process ends, and begins again.
        clock_offset: By how many seconds the wall clock of the client's machine is wrong at the start.
    """

    seed: int
    trouble_ends: float
    trade_ends: float
    ends: float
    trouble_interval: float
    trade_interval: float
    kinds: Tuple[str, ...]
    is_bad: bool
    hedge_mode: bool
    lag_ms: int
    income_lag_ms: int
    expiry_notices: int
    connection_life: float
    clock_offset: float
    restarts: Tuple[Restart, ...]

    @classmethod
    def of(cls, seed: int, *, for_repairer: bool) -> Scenario:
        """Draw the scenario of a seed; some troubles come only to a client that repairs."""
        chance = random.Random(f"{seed} scenario")
        trouble_ends = chance.choice([1.0, 2.0, 3.0, 5.0]) * HOUR
        known, bad = (
            [name for name, trouble in table.items() if for_repairer or not trouble.is_for_repairers]
            for table in (TROUBLES, BAD_TROUBLES)
        )
        is_bad = chance.random() < 1 / 10
        kinds = chance.sample(known, chance.randint(3, len(known)))
        return cls(
            seed=seed,
            trouble_ends=trouble_ends,
            trade_ends=trouble_ends + RECOVERY + TRADING,
            ends=trouble_ends + RECOVERY + TRADING + REST,
            trouble_interval=chance.choice([3.0, 6.0, 15.0]) * MINUTE,
            trade_interval=trouble_ends / chance.choice([100.0, 200.0]),
            kinds=tuple(kinds + bad if is_bad else kinds),
            is_bad=is_bad,
            hedge_mode=chance.random() < 1 / 3,
            lag_ms=chance.choice([0, 300, 1000, 2500]),
            income_lag_ms=chance.choice([0, 1000, 2500]),
            expiry_notices=chance.randint(0, 2),
            connection_life=chance.choice([24.0, 24.0, chance.uniform(0.3, 3.0)]) * HOUR,
            clock_offset=chance.uniform(-2.0, 2.0),
            restarts=_restarts(chance, trouble_ends),
        )

    def troubles(self) -> List[Tuple[float, str, Trouble]]:
        """Draw when which trouble comes."""
        chance = random.Random(f"{self.seed} troubles")
        rows = {name: {**TROUBLES, **BAD_TROUBLES}[name] for name in self.kinds}
        weights = [row.weight for row in rows.values()]
        drawn = []
        at = _FIRST_TROUBLE + chance.expovariate(1 / self.trouble_interval)
        while at < self.trouble_ends:
            name = chance.choices(list(rows), weights)[0]
            drawn.append((at, name, rows[name]))
            # Troubles like company: what goes wrong while something else is wrong hurts most.
            at += chance.expovariate(1 / chance.choice([self.trouble_interval * 1.5, 5.0, 1.0, self.trouble_interval]))
        return drawn


def _restarts(chance: random.Random, trouble_ends: float) -> Tuple[Restart, ...]:
    """Draw when a program ends, if it does, and how; all is over when the trouble is."""
    if chance.random() > 1 / 5:
        return ()
    count = chance.randint(1, 3)
    length = (trouble_ends - _FIRST_TROUBLE) / count
    restarts = []
    for begins in (_FIRST_TROUBLE + index * length for index in range(count)):
        pause = chance.choice([1.0, 60.0, chance.uniform(0.0, length / 2)])
        restarts.append(Restart(begins + chance.uniform(0.0, length - pause), pause, chance.choice(CRASHES)))
    return tuple(restarts)
