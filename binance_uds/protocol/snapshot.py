"""
The first look at an account: what stands, before the stream tells of changes.

It is read after the connection is in use, so that no change falls between the two, and once more when REST has settled.
"""

from __future__ import annotations

from . import reads
from .errands import Steps
from .recovery import Recovery


def snapshot() -> Steps:
    """
    Read what stands.

    Returns:
        A ``Recovery`` with open orders, conditional orders, positions and balances.
    """
    found = Recovery()
    answer = yield reads.balances()
    found.balances = answer.rows
    answer = yield reads.positions()
    found.positions = answer.rows
    answer = yield reads.open_orders()
    found.add_orders(answer.rows)
    answer = yield reads.open_algo_orders()
    found.algo_orders.update((row.algo_id, row) for row in answer.rows)
    return found
