"""Each kind of trouble by itself."""

from __future__ import annotations

import attrs
import pytest

from tests.simulation.clients import CLIENTS
from tests.simulation.run import simulate
from tests.simulation.scenario import HOUR, Scenario
from tests.simulation.troubles import BAD_TROUBLES, TROUBLES
from tests.simulation.validators import broken

#: Enough for each kind to strike several times.
_HOURS, _INTERVAL = 1.0, 300.0

#: Each kind with each client, but for what only one that repairs can do anything about.
_TRIED = [
    (kind, client)
    for kind, trouble in {**TROUBLES, **BAD_TROUBLES}.items()
    for client in CLIENTS
    if CLIENTS[client].promise.repairs or not trouble.is_for_repairers
]


@pytest.mark.fault(1, 2, 5, 7, 8, 13, 15, 16, 22, 25, 26, 27, 28, 30, 32, 34, 35, 63)
@pytest.mark.parametrize("kind, client", _TRIED)
def test_the_promises_hold_whatever_it_is(kind, client):
    """One kind of trouble, again and again, for an hour."""
    promise = CLIENTS[client].promise
    drawn = Scenario.of(7, for_repairer=promise.repairs)
    shift = drawn.trouble_ends - _HOURS * HOUR
    scenario = attrs.evolve(
        drawn,
        kinds=(kind,),
        is_bad=kind in BAD_TROUBLES,
        trouble_interval=_INTERVAL,
        trouble_ends=drawn.trouble_ends - shift,
        trade_ends=drawn.trade_ends - shift,
        ends=drawn.ends - shift,
    )
    history = simulate(7, client, scenario)

    assert {kind} == {name for _, name in history.troubles}
    assert {} == broken(history, promise)
