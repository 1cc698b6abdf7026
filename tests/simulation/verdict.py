"""A seed, run and judged."""

from __future__ import annotations

import traceback
from typing import Dict, List, Optional

import attrs

from binance_uds.events.notices import Proof
from tests.simulation.clients import CLIENTS, client_of
from tests.simulation.history import History
from tests.simulation.run import simulate
from tests.simulation.validators import broken


@attrs.frozen
class Verdict:
    """
    What became of a seed.

    Attributes:
        seed: Which.
        client: The name of the client.
        history: What happened, unless the client crashed.
        broken: What broke which promise; empty when all were kept.
    """

    seed: int
    client: str
    history: Optional[History] = attrs.field(repr=False)
    broken: Dict[str, List[str]]

    @property
    def figures(self) -> Dict[str, float]:
        """How much there was of what, for a sum over many seeds."""
        history = self.history
        if history is None:
            return {"seeds": 1, "failing": 1}
        recovered = sum(report.recovered for report in history.reports)
        return {
            "seeds": 1,
            "failing": int(bool(self.broken)),
            "virtual hours": history.ends / 3600,
            "troubles": len(history.troubles),
            "fills": len(history.account.fills),
            "delivered": len(history.fills),
            "late": sum(fill.late for fill in history.fills),
            "recovered": recovered,
            "gaps": len(history.reports),
            "unproven": sum(report.proof == Proof.UNPROVEN for report in history.reports),
        }

    @property
    def line(self) -> str:
        """What is wrong, in one line that says how to see it again."""
        words = "; ".join(f"{name} broken {len(found)}x, first: {found[0]}" for name, found in self.broken.items())
        options = f"--seeds 1 --first-seed {self.seed} --client {self.client}"
        again = f"python -m pytest tests/simulation/test_simulation.py {options}"
        return f"seed {self.seed} ({self.client}): {words or 'all promises kept'} | again: {again}"


def verdict_on(seed: int, client: Optional[str] = None) -> Verdict:
    """Run a seed and judge it."""
    name = client or client_of(seed)
    try:
        history = simulate(seed, name)
    except Exception as error:
        frame = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{frame.filename.rpartition('/')[2]}:{frame.lineno}"
        return Verdict(seed, name, None, {"no_crash": [f"{type(error).__name__}: {error} ({where})"]})
    return Verdict(seed, name, history, broken(history, CLIENTS[name].promise))
