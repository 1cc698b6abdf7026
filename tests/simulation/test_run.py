"""A seed is one history."""

from __future__ import annotations

import hashlib
import os
import pathlib
import subprocess
import sys

import attrs
import pytest

from binance_uds.events import GapCause, GapOpened
from tests.simulation.clients import CLIENTS, client_of
from tests.simulation.history import Death
from tests.simulation.run import simulate
from tests.simulation.scenario import Scenario
from tests.simulation.validators import broken

ROOT = pathlib.Path(__file__).parent.parent.parent
_SEED = 3
_PROGRAM = f"from tests.simulation.test_run import digest; print(digest({_SEED}))"


def digest(seed: int) -> str:
    """Return a fingerprint of everything that was delivered, asked and pushed."""
    history = simulate(seed)
    whole = repr((history.delivered, history.asked, history.pushes, history.looks, history.blind, history.log))
    return hashlib.sha256(whole.encode()).hexdigest()


def test_a_seed_is_one_history():
    """Run twice here, and in another process that hashes differently."""
    program = [sys.executable, "-c", _PROGRAM]
    environment = {**os.environ, "PYTHONHASHSEED": "7", "PYTHONPATH": str(ROOT)}
    elsewhere = subprocess.run(program, capture_output=True, text=True, check=True, cwd=ROOT, env=environment)
    here = digest(_SEED)

    assert here == digest(_SEED)
    assert here == elsewhere.stdout.strip()


def test_seeds_differ():
    """Each has a history of its own."""
    assert digest(1) != digest(2)


def test_every_client_gets_its_share():
    """Of ten seeds in a row."""
    clients = [client_of(seed) for seed in range(1, 11)]

    assert {name: client.share for name, client in CLIENTS.items()} == {name: clients.count(name) for name in CLIENTS}


@pytest.mark.parametrize("seed", range(1, 20))
def test_trouble_ends_in_time(seed):
    """Long before the run does, so that the client can show that it is well again."""
    scenario = Scenario.of(seed, for_repairer=True)

    assert all(at < scenario.trouble_ends < scenario.trade_ends < scenario.ends for at, _, _ in scenario.troubles())


@pytest.mark.parametrize(("seed", "crash"), [(224, "anything"), (82, "a callback"), (89, "a repair")])
def test_a_process_is_killed_and_another_goes_on(seed, crash):
    """The last thing it was told is where it was to be killed; the next begins with the gap since its cursor."""
    scenario = Scenario.of(seed, for_repairer=True)
    history = simulate(seed, "signed", attrs.evolve(scenario, restarts=scenario.restarts[:1]))
    items = [item for _, item in history.delivered]
    death = next(index for index, item in enumerate(items) if isinstance(item, Death))
    first = next(item for item in items[death:] if isinstance(item, GapOpened))

    assert [crash] == [restart.crash for restart in scenario.restarts[:1]]
    assert 1 == sum(isinstance(item, Death) for item in items)
    assert (1, GapCause.RESTARTED) == (first.gap_id, first.cause)
    assert crash != "a repair" or "rest" == items[death - 1].origin
    assert {} == broken(history, CLIENTS["signed"].promise)
