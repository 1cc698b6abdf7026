"""
Draws the session's table as a diagram, into the README: `python -m tests.drawing README.md`.

The drawing is made from the table itself, and a test compares it with what the README holds.
"""

from __future__ import annotations

import pathlib
import re
import sys
from collections import defaultdict

from binance_uds.protocol.session import RULES, State

BEGIN, END = "<!-- states: drawn by `make states` -->", "<!-- /states -->"

#: States in which something can still happen, apart from the first.
LIVING = [state for state in State if state not in (State.IDLE, State.STOPPED, State.FAILED)]


def words(finding: type) -> str:
    """Return the name of a finding as words: `KeyGranted` is "key granted"."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", finding.__name__).lower()


def drawing() -> str:
    """Return the table as a Mermaid state diagram."""
    everywhere = {finding for _, finding in RULES if all((state, finding) in RULES for state in LIVING)}
    arrows: dict[tuple[State, State], list[str]] = defaultdict(list)
    for (source, finding), (target, _) in RULES.items():
        if finding not in everywhere:
            arrows[source, target].append(words(finding))
    lines = ["stateDiagram-v2", "    direction TB", f"    [*] --> {State.IDLE.value}"]
    for (source, target), labels in arrows.items():
        lines.append(f"    {source.value} --> {target.value} : {'<br/>'.join(sorted(labels))}")
    for finding in sorted(everywhere, key=words):
        targets = {RULES[state, finding][0] for state in LIVING}
        goes = f"leads to {targets.pop().value}" if len(targets) == 1 else "changes no state"
        lines.append(f"    note left of {State.IDLE.value} : in every state but the last two, {words(finding)} {goes}")
    return "\n".join(["```mermaid", *lines, "```"])


def redrawn(text: str) -> str:
    """Return a text with the drawing between its marks made anew."""
    before, rest = text.split(BEGIN)
    _, after = rest.split(END)
    return f"{before}{BEGIN}\n{drawing()}\n{END}{after}"


if __name__ == "__main__":
    page = pathlib.Path(sys.argv[1])
    page.write_text(redrawn(page.read_text()))
