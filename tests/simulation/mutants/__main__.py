"""Look for the first seed that catches each mutant, and record it."""

from __future__ import annotations

import argparse
import csv
import sys

from tests.simulation.mutants import MUTANTS, PATIENCE
from tests.simulation.mutants.table import RECORD


def main() -> None:
    """Look for the first seed that catches each mutant."""
    parser = argparse.ArgumentParser(description="Look for the first seed that catches each mutant.")
    parser.add_argument("--seeds", type=int, default=PATIENCE, help="how many seeds to try (%(default)s)")
    parser.add_argument("--record", action="store_true", help="write the table, which then holds all mutants")
    parser.add_argument("names", nargs="*", help="mutants to try; all by default")
    chosen = parser.parse_args()
    rows = []
    for name in chosen.names or MUTANTS:
        catch = MUTANTS[name].first_catch(chosen.seeds)
        row = (
            [name, "", "", "not caught"] if catch is None else [name, catch.seed, catch.client, " ".join(catch.broken)]
        )
        rows.append([*row, MUTANTS[name].rule])
        sys.stdout.write(", ".join(map(str, row)) + "\n")
        sys.stdout.flush()
    if chosen.record and not chosen.names:
        with RECORD.open("w", newline="") as lines:
            csv.writer(lines, lineterminator="\n").writerows([["mutant", "seed", "client", "broken", "rule"], *rows])


if __name__ == "__main__":
    main()
