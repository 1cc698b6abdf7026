"""
The first look at an account: what stands, before the stream tells of changes.

It is read after the connection is in use, so that no change falls between the two, and once more when REST has settled:
the first answer may show the account as it was a little before.
"""

from __future__ import annotations

from typing import Optional

from ...markets import Market
from ..ledger.books import Books
from . import reads
from .errands import CONFIGURATION, Steps, tell_configuration
from .recovery import Recovery

#: Those of the first look, in this order: what is cheap first.
FIRST_LOOK = (reads.balances(), reads.positions(), reads.open_orders(), reads.open_algo_orders())


def weight_of_first_look(market: Market) -> int:
    """Return what the first look at an account counts towards the request weight of a minute."""
    return sum(reads.weight(each, market) for each in (*FIRST_LOOK, *CONFIGURATION))


def snapshot(settle_ms: int, books: Optional[Books] = None) -> Steps:
    """
    Read what stands.

    Args:
        settle_ms: By how much REST may lag.
        books: What the first look found, at the second: orders that are gone meanwhile are asked for singly.

    Returns:
        A ``Recovery`` with orders, conditional orders, positions and balances.
    """
    found = Recovery()
    balances, positions, open_orders, open_algo_orders = FIRST_LOOK
    answer = yield balances
    found.balances = answer.rows
    answer = yield positions
    found.positions = answer.rows
    answer = yield open_orders
    found.add_orders(answer.rows)
    answer = yield open_algo_orders
    found.algo_orders.update((row.algo_id, row) for row in answer.rows)
    yield from tell_configuration(settle_ms)
    if books is None or books.chains.grounded_ms is None:
        return found
    for symbol, order_id in sorted(books.open_orders()):
        if (symbol, order_id) not in found.orders:
            answer = yield reads.order(symbol, order_id)
            found.add_orders(answer.rows)
    for algo_id in sorted(books.algo_orders.keys() - found.algo_orders.keys()):
        answer = yield reads.algo_order(algo_id)
        found.algo_orders.update((row.algo_id, row) for row in answer.rows)
    return found
