"""What may be wrong with the rows of a REST answer. Each changes a list of fresh rows in place."""

from __future__ import annotations

import random
from typing import Any, Callable, Dict, List, Mapping

Row = Dict[str, Any]
Damage = Callable[[List[Row], random.Random], object]


def repeat_row(rows: List[Row], chance: random.Random) -> None:
    """A row comes twice, as when something is inserted while pages are read."""
    rows.insert(chance.randrange(len(rows) + 1), dict(chance.choice(rows)))


def mix_rows(rows: List[Row], chance: random.Random) -> None:
    """The rows come in no order."""
    chance.shuffle(rows)


def omit_row(rows: List[Row], chance: random.Random) -> None:
    """A row is missing, this time."""
    del rows[chance.randrange(len(rows))]


def garble_row(rows: List[Row], chance: random.Random) -> None:
    """A field of a row is not what it should be, or not there."""
    row = chance.choice(rows)
    name = chance.choice(list(row))
    if chance.random() < 1 / 3:
        del row[name]
    else:
        row[name] = chance.choice([None, "", "NaN", [], {"a": 1}, True, "1e999", -1])


#: By name: what a repair has to make good, and what it can only report.
HARMLESS: Mapping[str, Damage] = {"repeat": repeat_row, "mix": mix_rows}
HARMFUL: Mapping[str, Damage] = {"omit": omit_row, "garble": garble_row}
