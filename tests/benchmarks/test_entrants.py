"""Whoever takes part has a program, and pinned requirements."""

from __future__ import annotations

import re

import pytest

from tests.benchmarks.entrants import ENTRANTS, OURS, OURS_SPEED, PROGRAMS, RAW, RAW_FRAMES, named
from tests.benchmarks.environments import NotInstalled, environment_for

PIN = re.compile(r"[A-Za-z0-9._-]+==[A-Za-z0-9.]+")


@pytest.mark.parametrize("entrant", ENTRANTS, ids=lambda entrant: entrant.name)
def test_programs(entrant):
    """A program stands where its row says, and everything it needs is pinned."""
    pins = [] if entrant.requirements is None else entrant.requirements.read_text().split()

    assert entrant.source.exists()
    assert 0 < entrant.share <= 1
    assert all(PIN.fullmatch(pin) for pin in pins)


def test_names():
    """The rows that others are compared with exist, and no requirements stand alone."""
    alone = {path.stem for path in (PROGRAMS / "requirements").iterdir()} - {entrant.name for entrant in ENTRANTS}

    assert [OURS, OURS_SPEED, RAW, RAW_FRAMES] == [named(name).name for name in (OURS, OURS_SPEED, RAW, RAW_FRAMES)]
    assert set() == alone


def test_environments(tmp_path):
    """Who needs nothing runs in the interpreter itself, and who cannot be installed is named with the reason."""
    assert "python" == environment_for(named(RAW_FRAMES), tmp_path, "python")
    with pytest.raises(NotInstalled, match="there is no"):
        environment_for(named(RAW), tmp_path, str(tmp_path / "python"))
