"""A seed is one history."""

from __future__ import annotations

import hashlib
import os
import pathlib
import subprocess
import sys

import pytest

from tests.simulation.clients import CLIENTS, client_of
from tests.simulation.run import simulate
from tests.simulation.scenario import Scenario

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
