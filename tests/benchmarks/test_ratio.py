"""
What an event costs from its bytes to a callback, against ``json.loads`` of the same bytes in the same process.

Seconds would measure the machine. Both are timed in turns, by processor time, and the least of several rounds counts,
which other work on the machine can only raise.
"""

from __future__ import annotations

import gc
import json
import sys
import time
from collections.abc import Callable, Sequence

from tests.benchmarks.frames import payloads
from tests.benchmarks.promises import way

FIRST_MS = 1_700_000_060_000

#: The ratio as it was measured last; before 3.11 the interpreter was slower, and JSON is read by C code.
MEASURED = 4.5 if sys.version_info >= (3, 11) else 6.2

#: By how much it may be more before the check fails.
SLACK = 1.3

FRAMES, ROUNDS = 1_000, 9

Way = Callable[[bytes], object]


def took_s(along: Way, told: Sequence[bytes]) -> float:
    """Processor time for all frames."""
    began = time.process_time()
    for frame in told:
        along(frame)
    return time.process_time() - began


def ratio_of(make: Callable[[], Way]) -> float:
    """The least time of a way, made anew for each round, against the least of ``json.loads``."""
    told = payloads(FRAMES, FIRST_MS)
    ours, theirs = [], []
    gc.collect()
    gc.disable()
    try:
        for _ in range(ROUNDS):
            theirs.append(took_s(json.loads, told))
            ours.append(took_s(make(), told))
    finally:
        gc.enable()
    return min(ours) / min(theirs)


def whole_way() -> Way:
    """Everything that is promised, as a stream with a secret has it."""
    return way(identity=True, chains=True, account=True, doors=True, cursor=True)


def slowed_way() -> Way:
    """The same, gone twice."""
    once, again = whole_way(), whole_way()

    def slowed(frame: bytes) -> None:
        once(frame)
        again(frame)

    return slowed


def test_an_event_costs_no_more_than_it_did(record_property):
    """From bytes to callback an event takes at most so many times what its JSON takes to be read."""
    ratio = ratio_of(whole_way)
    record_property("ratio", ratio)
    print(f"\n{ratio:.1f} times json.loads; {MEASURED:.1f} when it was last measured")

    assert ratio <= MEASURED * SLACK


def test_the_check_notices_a_slowdown():
    """What takes twice as long is too slow for the same bound, whatever the machine."""
    assert ratio_of(slowed_way) > MEASURED * SLACK
