"""The benchmark from its command to its figures, with clients that need no installation."""

from __future__ import annotations

import json
import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).parent.parent.parent
PATIENCE_S = 240.0


def run_benchmark(*arguments):
    """Run it in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "tests.benchmarks", *arguments],
        check=False,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )


@pytest.mark.slow
def test_a_round(tmp_path):
    """Everything is sent, received, checked and told, over both kinds of sockets, idle and beside a busy thread."""
    target = tmp_path / "results.json"
    size = ["--rounds", "1", "--events", "400", "--paced", "50"]
    done = run_benchmark(
        "--here", *size, "--clients", "raw_frames,raw_json,ours", "--skip-parts", "--json", str(target)
    )
    results = json.loads(target.read_text()) if target.exists() else {}
    ours = results.get("clients", {}).get("ours", {})

    assert 0 == done.returncode, done.stdout + done.stderr
    assert {"plain, idle", "plain, busy", "tls, idle", "tls, busy"} == set(ours["runs"])
    assert {} == ours["failures"]
    assert all(run["rate"] > 0 for runs in ours["runs"].values() for run in runs)
    assert 0 < ours["runs"]["plain, idle"][0]["p50"] <= ours["runs"]["plain, idle"][0]["p999"]
    assert results["idle_stream_mb"] > 0
    assert "what was to be shown" in done.stdout


def test_an_unknown_client():
    """A name that is no program's is refused before anything is installed."""
    done = run_benchmark("--clients", "nobody")

    assert 2 == done.returncode
    assert "no such client: nobody" in done.stderr
