"""The simulation has teeth: a client with a rule removed is caught."""

from __future__ import annotations

import pytest

from tests.simulation.mutants import MUTANTS, PATIENCE, recorded
from tests.simulation.verdict import verdict_on

#: Written by `python -m tests.simulation.mutants --record`, after a change that shifts what happens when.
SEEDS = recorded()


@pytest.mark.parametrize("name", MUTANTS)
def test_the_mutant_is_caught(name):
    """By the seed that is recorded for it, and found within those that a push is tried with."""
    verdict = MUTANTS[name].verdict_on(SEEDS[name])

    assert SEEDS[name] <= PATIENCE
    assert {} != verdict.broken


def test_a_mutant_leaves_nothing_behind():
    """The client is whole again afterwards."""
    name = next(iter(MUTANTS))
    MUTANTS[name].verdict_on(SEEDS[name])

    assert {} == verdict_on(SEEDS[name]).broken
