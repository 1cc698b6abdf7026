"""The picture of the results."""

from __future__ import annotations

import pytest

pytest.importorskip("matplotlib", reason="takes the extra benchmark")

from tests.benchmarks import plot
from tests.benchmarks.report import BUSY, PLAIN


def test_picture(tmp_path):
    """Clients that ran have a bar under their title; one that did not is left out."""
    run = {"rate": 5_000.0, "p50": 100.0, "p99": 300.0}
    clients = {
        "raw_orjson": {"title": "a loop", "runs": {PLAIN: [run], BUSY: [run]}},
        "ours": {"title": "our client", "runs": {PLAIN: [run, None], BUSY: [None]}},
        "nautilus": {"title": "absent", "runs": {PLAIN: [None]}},
    }
    target = tmp_path / "pictures" / "benchmark.svg"
    plot.draw({"clients": clients, "machine": "a machine", "date": "2026-01-01", "rounds": 1}, target)
    picture = target.read_text()

    assert all(words in picture for words in ("a loop", "our client", "a machine"))
    assert "absent" not in picture
