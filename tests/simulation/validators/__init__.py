"""
What a client promises: one function per promise, which looks at a history and tells what broke the promise.

They know nothing of how the client works, and `VALIDATORS` names them all.
"""

from __future__ import annotations

from typing import Callable, Dict, Iterator, List, Mapping

from tests.simulation.history import History
from tests.simulation.promise import Promise
from tests.simulation.validators import fills, liveness, manners

Validator = Callable[[History, Promise], Iterator[str]]
VALIDATORS: Mapping[str, Validator] = {
    validator.__name__: validator
    for validator in (
        fills.complete,
        fills.unique,
        fills.true,
        fills.ordered,
        fills.forward,
        fills.nothing_old_missing,
        fills.account_equal,
        liveness.blindness_told,
        liveness.gaps_paired,
        liveness.proven,
        liveness.live_is_young,
        liveness.deafness_found,
        liveness.no_false_alarm,
        liveness.healthy_after,
        manners.no_storm,
        manners.leaves_room,
        manners.quiet_at_rest,
        manners.no_secret,
    )
}


def broken(history: History, promise: Promise) -> Dict[str, List[str]]:
    """Return what broke which promise; empty when all were kept."""
    findings = {name: list(validator(history, promise)) for name, validator in VALIDATORS.items()}
    return {name: found for name, found in findings.items() if found}
