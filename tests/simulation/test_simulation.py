"""Whatever the weather, the promises hold: seed after seed."""

from __future__ import annotations

import time

import pytest

from tests.simulation.verdict import verdict_on


@pytest.mark.fault(17, 21, 34, 59, 62, 63, 65)
def test_the_promises_hold(seeds, client, record_property):
    """In virtual time, with the real client and the weather of each seed."""
    began = time.process_time()
    complaints = []
    for verdict in (verdict_on(seed, client) for seed in seeds):
        for name, figure in verdict.figures.items():
            record_property(name, figure)
        if verdict.broken:
            complaints.append(verdict.line)
    record_property("CPU seconds", time.process_time() - began)

    if complaints:
        pytest.fail("\n".join(complaints), pytrace=False)
