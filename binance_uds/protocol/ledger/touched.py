"""Which rows of the books were touched since somebody last looked."""

from __future__ import annotations

from typing import Set

import attrs

from ..identity import OrderKey, PositionKey


@attrs.define
class Touched:
    """
    The keys of rows that the stream told something of, whether that changed them or not.

    Attributes:
        orders: Of ``Chains.orders``.
        positions: Of ``Chains.positions``.
        algo_orders: Of ``Books.algo_orders``.
        balances: Of ``Books.balances``.
    """

    orders: Set[OrderKey] = attrs.field(factory=set)
    positions: Set[PositionKey] = attrs.field(factory=set)
    algo_orders: Set[int] = attrs.field(factory=set)
    balances: Set[str] = attrs.field(factory=set)

    def clear(self) -> None:
        """Somebody has looked."""
        for keys in (self.orders, self.positions, self.algo_orders, self.balances):
            keys.clear()
