"""Medians, same-round ratios and verdicts, of results made up."""

from __future__ import annotations

import json

import pytest

from tests.benchmarks import report
from tests.benchmarks.entrants import OUR_IMPORT, PROGRAMS_IMPORT, STREAMS_IMPORT, THEIR_IMPORT
from tests.benchmarks.report import PLAIN, candidates, median, percentile, ratio, summary, table, verdicts


def runs_of(*rates, **figures):
    """A run for each rate, None for one that failed."""
    return [None if rate is None else {"rate": rate, "cpu_us": 1e6 / rate, **figures} for rate in rates]


def client_of(title, *rates, failures=None, **figures):
    """A client's row."""
    about = {"title": title, "version": "1.0", "delivers": "dict", "failures": failures or {}}
    return {**about, "runs": {PLAIN: runs_of(*rates, **figures)}}


@pytest.fixture
def results():
    """Three rounds of ours, of raw reads and of another client that failed once."""
    clients = {
        "raw_frames": client_of("frames", 900.0, 900.0, 900.0, p50=50.0, p99=90.0, memory_mb=20.0),
        "raw_orjson": client_of("raw", 100.0, 200.0, 400.0, p50=55.0, p99=95.0, memory_mb=20.0),
        "ours_speed": client_of("mine", 50.0, 60.0, 200.0, p50=150.0, p99=300.0, ready_mb=36.0, memory_mb=38.0),
        "nautilus": client_of("n", None, 80.0, 100.0, p50=200.0, p99=250.0, memory_mb=300.0),
        "old_connector": {**client_of("old"), "failures": {PLAIN: "failed: it ended\nlong story"}},
    }
    about = {"machine": "a machine", "date": "2026-01-01", "rounds": 3, "circumstances": [PLAIN]}
    promises = {"cost_us": {"a": 1.0, "b": 4.0, "c": 3.0, "d": 2.0}, "all_us": 10.0, "profile": "a profile"}
    took_ms = {THEIR_IMPORT: 200.0, OUR_IMPORT: 90.0, PROGRAMS_IMPORT: 220.0, STREAMS_IMPORT: 300.0}
    imports = {statement: [{"ms": ms, "mb": 20.0}] for statement, ms in took_ms.items()}
    return {**about, "clients": clients, "imports": imports, "idle_stream_mb": 0.11, "promises": promises}


def test_percentile():
    """The value is one of those that came, and so large a share does not exceed it."""
    values = [float(value) for value in range(1, 101)]

    assert 50.0 == percentile(values, 0.5)
    assert 99.0 == percentile(values, 0.99)
    assert 100.0 == percentile(values, 0.999)


def test_figures_of_rounds(results):
    """A failed run leaves its round out, and a ratio is taken within each round."""
    runs = {name: client["runs"][PLAIN] for name, client in results["clients"].items()}

    assert 90.0 == median(runs["nautilus"], "rate")
    assert 0.5 == ratio(runs["ours_speed"], runs["raw_orjson"], "rate")
    assert 1.375 == ratio(runs["ours_speed"], runs["nautilus"], "rate")
    assert median(runs["old_connector"], "rate") is None
    assert ratio(runs["ours_speed"], runs["old_connector"], "rate") is None


def test_table(results):
    """What did not run is named in its row, in one line."""
    lines = table(results, PLAIN).splitlines()

    assert "| mine | 1.0 | dict | 60 | 0.50 | 16666.7 | 150 | 300 |  | 36 | 38 |" in lines
    assert "| old | 1.0 | dict | failed: it ended | | | | | | | |" in lines


def test_verdicts(results):
    """Each promise has a figure and whether it holds; what was not measured is not known."""
    found = {what: (value, holds) for what, value, holds in verdicts(results)}

    assert ("0.50", True) == found["mine against raw + orjson >= 0.3"]
    assert ("1.38", True) == found["events/s against n >= 0.9"]
    assert ("", None) == found["events/s against old >= 10"]
    assert ("100", True) == found["p50 behind a raw frame read, µs <= 120"]
    assert ("150 against 200", True) == found["p50 below every other client's, µs"]
    assert ("300 against 250", False) == found["p99 no worse than every other client's, µs"]
    assert ("0.45", True) == found[f"{OUR_IMPORT}, against {THEIR_IMPORT} <= 0.5"]
    assert ("38.0", True) == found["peak memory under blast, MB <= 40"]


def test_candidates_and_summary(results):
    """The dearest parts are named first, and everything stands in the summary."""
    told = summary(results)

    assert "b (4.0 µs); c (3.0 µs); d (2.0 µs)" == candidates(results)
    assert all(words in told for words in ("a machine", "0.11 MB", "a profile", "DOES NOT HOLD", "not known"))


def test_readme(results, tmp_path, monkeypatch):
    """The figures take the place of those between the marks, and nothing else changes."""
    readme, kept = tmp_path / "README.md", tmp_path / "results.json"
    readme.write_text("before\n<!-- benchmark -->\nold figures\n<!-- /benchmark -->\nbehind\n")
    kept.write_text(json.dumps(results))
    monkeypatch.setattr("sys.argv", ["report", str(kept), str(readme)])
    report.main()
    text = readme.read_text()

    assert text.startswith("before\n<!-- benchmark -->\na machine, 2026-01-01; medians of 3 rounds.\n")
    assert text.endswith("<!-- /benchmark -->\nbehind\n")
    assert "old figures" not in text
    assert "`import binance_uds` alone takes 90 ms" in text
    assert "| n 1.0 | dict | 90 | 0.33 |  |  | 11250.0 |  | 300 |  |" in text
