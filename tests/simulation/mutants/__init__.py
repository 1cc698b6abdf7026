"""
Broken variants of the client, each with one rule removed; the simulation has to catch every one.

A mutant is a function that breaks the real code by a few replacements. ``python -m tests.simulation.mutants`` looks for
the first seed that catches each; with ``--record`` it writes them into ``seeds.csv``, from which the tests take them.
"""

from __future__ import annotations

from . import of_the_cursor, of_the_repair, of_the_session
from .table import MUTANTS, PATIENCE, Mutant, recorded

__all__ = ["MUTANTS", "PATIENCE", "Mutant", "of_the_cursor", "of_the_repair", "of_the_session", "recorded"]
