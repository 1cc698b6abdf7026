"""How many seeds the simulation runs, and from which on."""

from __future__ import annotations

from typing import Any, Dict, Optional

import pytest

#: What a push is tried with, and how many seeds one test takes; a runner in parallel shares the tests. The first few of
#: these tests count as quick.
SEEDS, CHUNK, QUICK = 200, 10, 4


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add ``--seeds`` and ``--first-seed``."""
    group = parser.getgroup("simulation")
    group.addoption("--seeds", type=int, default=SEEDS, help=f"how many seeds the simulation runs ({SEEDS})")
    group.addoption("--first-seed", type=int, default=1, help="the first of them (1)")
    group.addoption("--client", default=None, help="which client all of them try; by default each seed has its own")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Hand out the seeds in chunks."""
    if "seeds" not in metafunc.fixturenames:
        return
    # Where the whole suite runs, this file is read too late to add options.
    count = metafunc.config.getoption("--seeds", SEEDS)
    first = metafunc.config.getoption("--first-seed", 1)
    chunks = [range(at, min(at + CHUNK, first + count)) for at in range(first, first + count, CHUNK)]
    # The first ones are enough to see that it works under another Python.
    marks = [()] * QUICK + [pytest.mark.slow] * len(chunks)
    rows = [pytest.param(chunk, marks=mark, id=f"{chunk[0]}-{chunk[-1]}") for chunk, mark in zip(chunks, marks)]
    metafunc.parametrize("seeds", rows)


@pytest.fixture
def client(pytestconfig: pytest.Config) -> Optional[str]:
    """The client that every seed is to try, or None."""
    name = pytestconfig.getoption("--client", None)
    assert isinstance(name, (str, type(None)))
    return name


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print the sums over all seeds, however many processes ran them."""
    sums: Dict[str, float] = {}
    for reports in terminalreporter.stats.values():
        for report in reports:
            if "test_simulation.py" in getattr(report, "nodeid", "") and getattr(report, "when", "") == "call":
                for name, figure in report.user_properties:
                    sums[name] = sums.get(name, 0.0) + figure
    if sums:
        words = ", ".join(f"{name} {figure:,.0f}" for name, figure in sums.items())
        terminalreporter.write_line(
            f"simulation: {words}, {sums['CPU seconds'] / sums['seeds']:.2f} CPU seconds a seed"
        )
