"""Whole stories of the simulation, recorded and replayed: weather, crashes, restarts, everything."""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys

import pytest

import binance_uds as uds
from tests.recording.replayed import Story, replayed
from tests.simulation.clients import CLIENTS, client_of
from tests.simulation.run import Run
from tests.simulation.scenario import Scenario

ROOT = pathlib.Path(__file__).parent.parent.parent

#: Every client, and with some the program ends and begins again, from its cursor or from nothing.
SEEDS = (0, 3, 4, 5, 7, 9, 13, 14, 15, 18)

#: What a process of its own prints of a journal.
TELL = """
import sys
from tests.recording.replayed import replayed
sys.stdout.reconfigure(encoding="utf-8")
print(replayed(sys.argv[1]).text)
"""


class RecordedRun(Run):
    """A run of the simulation of which every stream is recorded."""

    def __init__(self, seed: int, directory: pathlib.Path) -> None:
        self.directory = directory
        self.stories: dict[pathlib.Path, Story] = {}
        client = client_of(seed)
        super().__init__(seed, client, Scenario.of(seed, for_repairer=CLIENTS[client].promise.repairs))

    def _make_stream(self, **arguments: object) -> uds.UserDataStream:
        stream = super()._make_stream(**arguments)
        path = self.directory / f"{len(self.stories)}.jsonl"
        stream.record(path)
        self.stories[path] = Story(stream)
        return stream


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.slow
def test_a_replay_tells_the_same_story(tmp_path, seed):
    """Events, notices, gap reports and the account of every process are the same, letter by letter."""
    run = RecordedRun(seed, tmp_path)
    run.go()

    assert run.stories
    for path, story in run.stories.items():
        again = replayed(path)
        assert story.text == again.text
        assert story.stream.account.snapshot() == again.stream.account.snapshot()
        assert [str(step) for step in story.stream.timeline] == [str(step) for step in again.stream.timeline]


@pytest.mark.slow
def test_a_replay_in_another_process_tells_the_same_story(tmp_path):
    """What Python orders anew in each process, such as sets of texts, changes nothing."""
    run = RecordedRun(16, tmp_path)
    run.go()
    (path, story), *_ = run.stories.items()
    for seed in ("1", "2"):
        told = subprocess.run(
            [sys.executable, "-c", TELL, str(path)],
            env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
            timeout=120,
        ).stdout.decode()

        assert story.text == told.rstrip("\n")
