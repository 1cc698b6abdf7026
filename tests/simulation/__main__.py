"""Tell the story of a seed: ``python -m tests.simulation SEED [CLIENT]``."""

from __future__ import annotations

import sys
from typing import List, Optional, Tuple

from binance_uds.events import Notice
from tests.simulation.verdict import verdict_on


def story(seed: int, client: Optional[str] = None) -> List[str]:
    """Return what went wrong, what was asked and what the client announced, line by line, and the verdict."""
    verdict = verdict_on(seed, client)
    history = verdict.history
    if history is None:
        return [verdict.line]
    steps: List[Tuple[float, str]] = [(at, f"!! {name}") for at, name in history.troubles]
    steps += [(at, f"   {item}") for at, item in history.of(Notice)]
    steps += [(asked.at, f"-> {asked.method} {asked.path} {asked.status}") for asked in history.asked]
    steps += [(at, "-> handshake") for at in history.handshakes]
    for since_ms, until_ms in history.blind:
        steps += [(history.at(since_ms), "** deaf"), (history.at(until_ms), "** hears")]
    lines = [f"{at:10.3f} {history.ms(at)} {words}" for at, words in sorted(steps, key=lambda step: step[0])]
    return [*lines, *(f"{name}: {words}" for name, found in verdict.broken.items() for words in found), verdict.line]


if __name__ == "__main__":
    sys.stdout.write("\n".join(story(int(sys.argv[1]), *sys.argv[2:3])) + "\n")
