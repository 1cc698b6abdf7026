"""
Draws the session's table as a diagram, into the README: `python -m tests.drawing README.md`.

The drawing is made from the table itself, and a test compares it with what the README holds.
"""

from __future__ import annotations

import pathlib
import re
import sys
from collections import defaultdict

from binance_uds.protocol.session import RULES
from binance_uds.protocol.situation import State

BEGIN, END = "<!-- states: drawn by `make states` -->", "<!-- /states -->"

#: What does the same from so many states is said once, below the arrows, which would otherwise hide each other.
MANY = 4


def words(finding: type) -> str:
    """Return the name of a finding as words: `KeyGranted` is "key granted"."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", finding.__name__).lower()


def listed(states: list[State]) -> str:
    """Return the names of states as a person lists them."""
    *others, last = [state.value for state in states]
    return f"{', '.join(others)} and {last}" if others else last


def drawing() -> str:
    """Return the table as a Mermaid state diagram, and what is true of many states as a list."""
    sources: dict[tuple[type, State | None], list[State]] = defaultdict(list)
    for (source, finding), (target, _) in RULES.items():
        sources[finding, None if target is source else target].append(source)
    arrows: dict[tuple[State, State], list[str]] = defaultdict(list)
    common = []
    for (finding, target), states in sources.items():
        if len(states) >= MANY:
            leads = "changes no state" if target is None else f"leads to **{target.value}**"
            common.append(f"- *{words(finding)}*, while {listed(states)}: {leads}")
            continue
        for state in states:
            arrows[state, target or state].append(words(finding))
    lines = ["stateDiagram-v2", "    direction TB", f"    [*] --> {State.IDLE.value}"]
    for (source, target), labels in arrows.items():
        lines.append(f"    {source.value} --> {target.value} : {'<br/>'.join(sorted(labels))}")
    return "\n".join(["```mermaid", *lines, "```", "", *sorted(common)])


def redrawn(text: str) -> str:
    """Return a text with the drawing between its marks made anew."""
    before, rest = text.split(BEGIN)
    _, after = rest.split(END)
    return f"{before}{BEGIN}\n{drawing()}\n{END}{after}"


if __name__ == "__main__":
    page = pathlib.Path(sys.argv[1])
    page.write_text(redrawn(page.read_text()))
