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


@pytest.mark.parametrize("name", MUTANTS)
def test_the_whole_client_stands_where_the_mutant_falls(name):
    """The seed that catches it is one in which the client with all its rules keeps every promise."""
    assert {} == verdict_on(SEEDS[name], MUTANTS[name].client).broken
