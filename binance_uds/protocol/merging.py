"""What a repair found becomes events, as far as it is news: fills that did not come, and what stands."""

from __future__ import annotations

from decimal import Decimal
from typing import Dict, Iterator, List, Mapping, Optional, Sequence

from ..account import Account
from ..events.base import Event
from ..events.usdm import OrderTradeUpdate
from ..events.usdm_rows import TradeRow
from .identity import FillId, OrderKey, fill_id
from .ledger.books import Books
from .ledger.chains import ZERO
from .reading import recovered
from .reading.recovery import Recovery


class Merging:
    """
    Makes events of what was read.

    Args:
        books: What the stream told, and where it is entered.
        account: What the user sees of the account; it takes what stands.
        before: What a former run was told, where it counted.
    """

    def __init__(self, books: Books, account: Account, before: Optional[Books]) -> None:
        self._books = books
        self._account = account
        self._before = before

    def believe_what_is_older(self, recovery: Recovery) -> None:
        """
        Take the sums of orders that were placed before anything was counted as they are.

        That is so after a run that counted nothing: what was filled of them before its end is unknown.
        """
        chains, delivered = self._books.chains, self._books.delivered
        if chains.grounded_ms is None or delivered.floor_ms >= chains.grounded_ms:
            return
        for row in recovery.orders.values():
            chains.order_row(recovered.order_state(row), row.creation_time_ms or 0)

    def fills(self, recovery: Recovery, held: Sequence[Event], highest: Mapping[str, int]) -> List[OrderTradeUpdate]:
        """
        Return the fills that were read and did not come.

        Args:
            recovery: What was read.
            held: What came meanwhile, and waits.
            highest: By symbol, the highest trade id that was delivered.
        """
        delivered = self._books.delivered
        missing = [
            row for identified, row in recovery.fills.items() if not delivered.has_fill(identified, row.trade_time_ms)
        ]
        totals = self._totals(recovery, missing, held, highest)
        return [
            recovered.fill(row, recovery.orders.get((row.symbol, row.order_id)), totals.get(fill_id(row)))
            for row in missing
        ]

    def _totals(
        self, recovery: Recovery, missing: Sequence[TradeRow], held: Sequence[Event], highest: Mapping[str, int]
    ) -> Dict[FillId, Decimal]:
        """Return how much of its order each missing fill filled up to, where every fill of the order is known."""
        quantities: Dict[OrderKey, Dict[int, Decimal]] = {}
        for row in missing:
            quantities.setdefault((row.symbol, row.order_id), {})[row.trade_id] = row.last_filled_quantity
        found = {key: sum(fills.values(), ZERO) for key, fills in quantities.items()}
        told: Dict[FillId, Optional[Decimal]] = {}
        for event in held:
            if isinstance(event, OrderTradeUpdate) and event.is_fill and (event.symbol, event.order_id) in quantities:
                fills = quantities[event.symbol, event.order_id]
                fills[event.trade_id or 0] = event.last_filled_quantity or ZERO
                told[fill_id(event)] = event.filled_quantity
        totals: Dict[FillId, Decimal] = {}
        for key, fills in quantities.items():
            chain, order = self._books.chains.orders.get(key), recovery.orders.get(key)
            counted = chain.counted if chain is not None else ZERO
            claimed = max(chain.claimed if chain is not None else ZERO, order.filled_quantity if order else ZERO)
            if order is None or counted + found[key] != claimed:
                continue
            own: Dict[FillId, Decimal] = {}
            for trade_id in sorted(fills, reverse=True):
                own[key[0], key[1], trade_id] = claimed
                claimed -= fills[trade_id]
            if all(told.get(one, total) == total for one, total in own.items()):
                totals.update((one, total) for one, total in own.items() if one[2] > highest.get(key[0], 0))
        return totals

    def states(self, recovery: Recovery) -> Iterator[Event]:
        """Yield what orders, balances and positions are, where that is news."""
        # The account begins anew with each start; what a former run was told is no news all the same.
        before, self._before = self._before, None
        for row in sorted(recovery.orders.values(), key=lambda row: row.update_time_ms):
            state, is_over = recovered.order_state(row), self._is_over(row.symbol, row.order_id)
            self._books.chains.order_row(state, row.creation_time_ms or 0)
            is_news = not is_over and self._account.apply(state)
            if is_news and (before is None or before.lacks_order(row)):
                yield state
        if before is not None:
            for event in self.other_states(_known(recovery, before)):
                self._account.apply(event)
            recovery = _unknown(recovery, before)
        for event in self.other_states(recovery):
            if self._account.apply(event):
                yield event

    def _is_over(self, symbol: str, order_id: int) -> bool:
        """Whether an order ended, and the account has forgotten it since: a row that was read before is no news."""
        chain = self._books.chains.orders.get((symbol, order_id))
        return chain is not None and not chain.is_open and not self._account.order(order_id, symbol).is_known

    def _is_algo_over(self, algo_id: int) -> bool:
        """The same of a conditional order."""
        return self._books.has_algo_ended(algo_id) and not self._account.algo_order(algo_id).is_known

    def other_states(self, recovery: Recovery) -> Iterator[Event]:
        """Yield the states of conditional orders, balances and positions, entered into the books."""
        for algo in recovery.algo_orders.values():
            if not self._is_algo_over(algo.algo_id):
                event: Event = recovered.algo_state(algo)
                self._books.enter(event)
                yield event
        for update in recovered.account_states(recovery.balances, recovery.positions):
            self._books.enter(update)
            yield update


def _known(recovery: Recovery, before: Books) -> Recovery:
    """Return the states, other than those of orders, that a former run was told of."""
    return Recovery(
        balances=tuple(row for row in recovery.balances if not before.lacks_balance(row)),
        positions=tuple(row for row in recovery.positions if not before.lacks_position(row)),
        algo_orders={key: row for key, row in recovery.algo_orders.items() if not before.lacks_algo(row)},
    )


def _unknown(recovery: Recovery, before: Books) -> Recovery:
    """Return the states, other than those of orders, that it was not told of."""
    return Recovery(
        balances=tuple(row for row in recovery.balances if before.lacks_balance(row)),
        positions=tuple(row for row in recovery.positions if before.lacks_position(row)),
        algo_orders={key: row for key, row in recovery.algo_orders.items() if before.lacks_algo(row)},
    )
