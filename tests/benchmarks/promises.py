"""
What each promise costs for an event, and where the rest of its time goes: ``python -m tests.benchmarks.promises``.

The way of a frame is driven in this process, without a socket: first with do-nothing twins in the place of what keeps
a promise, then with one part after another put back. The twins stand here and not in the product, which has no switch
for them. Processor time, the least of several rounds.
"""

from __future__ import annotations

import cProfile
import gc
import io
import itertools
import pstats
import time
from typing import Any, Callable, Dict, List, Sequence

import binance_uds as uds
from binance_uds.account import Account
from binance_uds.protocol.delivery import Delivery
from binance_uds.protocol.identity import Delivered
from binance_uds.protocol.ledger.books import Books
from binance_uds.protocol.ledger.handed import OFTEN
from binance_uds.protocol.reading.recovery import Recovery
from binance_uds.runtime.doors import Doors, Gate
from binance_uds.runtime.watch import StreamLog
from tests.benchmarks.frames import payloads

_FRAMES = 10_000
_FIRST_MS = 1_700_000_060_000
_GROUNDED_MS = 1_700_000_000_000

#: Longest part of a profile, in functions.
_MOST_LINES = 18


class EverythingIsNew(Delivered):
    """A twin of what was delivered, which takes no event for a copy."""

    def add(self, *_: Any, **__: Any) -> bool:
        return True

    def add_fill(self, *_: Any, **__: Any) -> bool:
        return True

    def has_fill(self, *_: Any, **__: Any) -> bool:
        return True


class NobodyLooks(Account):
    """A twin of the account, which takes nothing in."""

    def apply(self, event: uds.Event) -> bool:
        return False


Way = Callable[[bytes], Any]


def way(
    *, identity: bool = False, chains: bool = False, account: bool = False, doors: bool = False, cursor: bool = False
) -> Way:
    """Return the way of a frame with some parts in it, from its bytes to a callback or where one would be."""
    delivered = Delivered() if identity else EverythingIsNew()
    delivery = Delivery(
        uds.USDM.event_classes,
        Account() if account else NobodyLooks(),
        Books(delivered=delivered),
        signed=chains,
    )
    if chains:
        delivery.ground(Recovery(), _GROUNDED_MS)
    take = delivery.take
    if not doors:
        return lambda frame: take(frame, 1, 0.0)
    out = Doors(StreamLog("benchmark"), 60.0, 1, lambda: None)
    out.open(Gate())
    out.add(uds.Event, _callback)
    handed = delivery.handed

    def deliver(frame: bytes) -> None:
        for item in take(frame, 1, 0.0).items:
            out.deliver(item)

    frames = itertools.count(1)

    def deliver_and_keep(frame: bytes) -> None:
        # As the worker and its keeper of the cursor do.
        for item in take(frame, 1, 0.0).items:
            handed.take(item)
            out.deliver(item)
            handed.put()
        if not next(frames) % OFTEN:
            delivery.catch_up()

    return deliver_and_keep if cursor else deliver


def _callback(event: uds.Event) -> None:
    pass


#: What is put back, one after another.
_STEPS = {
    "decoding to a typed event, with raw": "",
    "identity: nothing twice": "identity",
    "sequence checks: nothing missing": "chains",
    "the account view": "account",
    "doors: callbacks that cannot hurt, and notices": "doors",
    "what a cursor for the next run has to know": "cursor",
}


def measured(*, rounds: int = 7, frames: int = _FRAMES) -> Dict[str, Any]:
    """Return microseconds of processor time for an event, part by part, and a profile of all of it."""
    told = payloads(frames, _FIRST_MS)
    least: Dict[str, float] = {}
    for _ in range(rounds):
        parts: Dict[str, bool] = {}
        for name, part in _STEPS.items():
            if part:
                parts[part] = True
            took = _took_s(way(**parts), told)
            least[name] = min(took, least.get(name, took))
    in_us = [took / frames * 1e6 for took in least.values()]
    costs = [in_us[0], *(later - earlier for earlier, later in zip(in_us, in_us[1:]))]
    return {"cost_us": dict(zip(_STEPS, costs)), "all_us": in_us[-1], "profile": _profile(way(**parts), told)}


def _took_s(along: Way, told: Sequence[bytes]) -> float:
    gc.collect()
    began = time.process_time()
    for frame in told:
        along(frame)
    return time.process_time() - began


def _profile(along: Way, told: List[bytes]) -> str:
    """Return the functions that take most time by themselves, per event; a profiler makes small ones look large."""
    profiler = cProfile.Profile()
    profiler.enable()
    for frame in told:
        along(frame)
    profiler.disable()
    stats = pstats.Stats(profiler, stream=io.StringIO())
    total_s = sum(row[2] for row in stats.stats.values())  # type: ignore[attr-defined]
    rows = sorted(stats.stats.items(), key=lambda item: -item[1][2])  # type: ignore[attr-defined]
    lines = [" share  calls/event  function"]
    for (file, line, function), (_, calls, own_s, _, _) in rows[:_MOST_LINES]:
        place = function if file == "~" else f"{'/'.join(file.rsplit('/', 2)[-2:])}:{line} {function}"
        lines.append(f"{own_s / total_s:6.1%}  {calls / len(told):11.2f}  {place}")
    return "\n".join(lines)


def main() -> None:
    """Measure and print."""
    from tests.benchmarks.report import promises_table

    found = measured()
    print(promises_table({"promises": found}), found["profile"], sep="\n\n")


if __name__ == "__main__":
    main()
