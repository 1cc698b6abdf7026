"""What a mutant is, and the table of all of them."""

from __future__ import annotations

import csv
import pathlib
from typing import Callable, Dict, Optional

import attrs
import pytest

from tests.simulation.verdict import Verdict, verdict_on

Break = Callable[[pytest.MonkeyPatch], None]

#: Which seed catches which mutant.
RECORD = pathlib.Path(__file__).with_name("seeds.csv")

#: How many seeds may pass before a mutant is caught.
PATIENCE = 200


@attrs.frozen
class Mutant:
    """
    A broken client.

    Attributes:
        name: Of the function that breaks it.
        rule: What it no longer does.
        client: The name of the client that is broken; None for whichever the seed is for.
        breaks: Breaks it.
    """

    name: str
    rule: str
    client: Optional[str]
    breaks: Break

    def verdict_on(self, seed: int) -> Verdict:
        """Run a seed with the broken client."""
        with pytest.MonkeyPatch.context() as patch:
            self.breaks(patch)
            return verdict_on(seed, self.client)

    def first_catch(self, patience: int = PATIENCE) -> Optional[Verdict]:
        """Return the verdict of the first seed that catches it, or None."""
        verdicts = (self.verdict_on(seed) for seed in range(1, patience + 1))
        return next((verdict for verdict in verdicts if verdict.broken), None)


MUTANTS: Dict[str, Mutant] = {}


def mutant(client: Optional[str] = None) -> Callable[[Break], Break]:
    """Enter a function that breaks the client into the table; its docstring says what the client no longer does."""

    def enter(breaks: Break) -> Break:
        name = breaks.__name__
        MUTANTS[name] = Mutant(name, (breaks.__doc__ or "").strip(), client, breaks)
        return breaks

    return enter


def recorded() -> Dict[str, int]:
    """Return the seed that is recorded for each mutant."""
    with RECORD.open(newline="") as lines:
        return {row["mutant"]: int(row["seed"]) for row in csv.DictReader(lines)}
