"""
REST queries for what happened: orders, trades, income, conditional orders.

They have Binance's windows, limits and omissions. With `rest_lag_ms` set every answer shows the past:
trades since are missing, ended orders still stand open, an order just placed does not exist.

Source: USDⓈ-M Futures > Trade and Account REST pages.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Optional, TypeVar, Union

from binance_uds.simulator import rows
from binance_uds.simulator.floor import Floor
from binance_uds.simulator.records import Account, AlgoOrder, Fill, Order
from binance_uds.simulator.refusals import refused

DAY_MS = 86_400_000
LONGEST_WINDOW_MS = 7 * DAY_MS

#: How far back trades, orders and income rows reach.
KEPT_MS = 90 * DAY_MS

#: Orders that ended without a fill vanish so long after they were placed: one that stood longer, at its very end.
UNFILLED_KEPT_MS = 3 * DAY_MS

Row = TypeVar("Row")


class History(Floor):
    """Answers queries about what happened; changes nothing."""

    def read_open_orders(self, account: Account, symbol: Optional[str] = None) -> list[dict[str, Any]]:
        """Resting orders by id (``GET /fapi/v1/openOrders``)."""
        self._check_symbol(symbol)
        return [rows.order_row(order) for order in self._seen_open(account, symbol)]

    def read_open_order(
        self,
        account: Account,
        symbol: str,
        *,
        order_id: Optional[int] = None,
        client_order_id: Optional[str] = None,
    ) -> dict[str, Any]:
        """
        One resting order (``GET /fapi/v1/openOrder``).

        Raises:
            Refused: -2013 if it does not exist or has ended.
        """
        order = self._seen_order(account, symbol, order_id, client_order_id)
        if order.is_final:
            raise refused(-2013)
        return rows.past_order_row(order)

    def read_order(
        self,
        account: Account,
        symbol: str,
        *,
        order_id: Optional[int] = None,
        client_order_id: Optional[str] = None,
    ) -> dict[str, Any]:
        """
        One order (``GET /fapi/v1/order``).

        Raises:
            Refused: -2013 if it does not exist, or ended so long ago that it is no longer kept.
        """
        return rows.past_order_row(self._seen_order(account, symbol, order_id, client_order_id))

    def read_all_orders(
        self,
        account: Account,
        symbol: Optional[str] = None,
        order_id: Optional[int] = None,
        start_ms: Optional[int] = None,
        end_ms: Optional[int] = None,
        limit: int = 500,
    ) -> list[dict[str, Any]]:
        """
        Orders by id, whatever became of them (``GET /fapi/v1/allOrders``).

        Args:
            account: Whose.
            symbol: Without it, those of all symbols.
            order_id: This one and later ones; the times then do not count.
            start_ms: Of creation; at most seven days before the end.
            end_ms: Of creation.
            limit: At most 1000. The oldest of the window if it has a start, else the newest.
        """
        self._check_symbol(symbol)
        _check_limit(limit, 1000)
        known: Sequence[Order] = list(account.orders.values())
        if symbol is not None:
            known = account.order_history.get(symbol, [])
        if order_id is not None:
            inside = known[_first(known, order_id, lambda order: order.order_id) :]
        else:
            start, end = self._window(start_ms, end_ms, LONGEST_WINDOW_MS - 1)
            inside = _between(known, start, end, lambda order: order.created_ms)
        chosen = _page(self._shown_orders(inside), (order_id, start_ms), limit)
        return [rows.past_order_row(order) for order in chosen]

    def read_force_orders(
        self,
        account: Account,
        symbol: Optional[str] = None,
        cause: Optional[str] = None,
        start_ms: Optional[int] = None,
        end_ms: Optional[int] = None,
        limit: int = 50,
    ) -> list[dict[str, Any]]:
        """Orders the exchange sent to close positions by force; ``cause`` is LIQUIDATION or ADL."""
        self._check_symbol(symbol)
        _check_limit(limit, 100)
        start, end = self._window(start_ms, end_ms, LONGEST_WINDOW_MS - 1)
        forced = [
            order
            for order in account.orders.values()
            if order.type == "LIQUIDATION"
            and start <= order.created_ms <= end
            and symbol in {None, order.symbol}
            and cause in {None, "ADL" if order.client_order_id.startswith("adl") else "LIQUIDATION"}
        ]
        return [rows.past_order_row(order) for order in _page(self._shown_orders(forced), (start_ms,), limit)]

    def read_user_trades(
        self,
        account: Account,
        symbol: str,
        start_ms: Optional[int] = None,
        end_ms: Optional[int] = None,
        from_id: Optional[int] = None,
        order_id: Optional[int] = None,
        limit: int = 500,
    ) -> list[dict[str, Any]]:
        """
        Fills of a symbol by trade id (``GET /fapi/v1/userTrades``); both sides of a self-trade are rows.

        Args:
            account: Whose.
            symbol: Which; there is no query over all symbols.
            start_ms: At most seven days before the end.
            end_ms: Inclusive, as the start is.
            from_id: This trade id and later ones; not together with times.
            order_id: Only fills of this order.
            limit: At most 1000. The oldest of the window if it has a start or ``from_id``, else the newest.

        Raises:
            Refused: -1128 for ``from_id`` with times, -4165 for too long a window.
        """
        self._market(symbol)
        _check_limit(limit, 1000)
        history = account.trade_history.get(symbol, [])
        if from_id is None:
            start, end = self._window(start_ms, end_ms, LONGEST_WINDOW_MS)
            inside = _between(history, start, end, _fill_time)
        elif start_ms is not None or end_ms is not None:
            raise refused(-1128)
        else:
            kept = _between(history, self.now_ms - KEPT_MS, self.now_ms - self.rest_lag_ms, _fill_time)
            inside = kept[_first(kept, from_id, lambda fill: fill.trade_id) :]
        wanted = inside if order_id is None else [fill for fill in inside if fill.order_id == order_id]
        trades = _page(wanted, (from_id, start_ms), limit)
        return [rows.trade_row(fill) for fill in trades]

    def read_income(
        self,
        account: Account,
        symbol: Optional[str] = None,
        income_type: Optional[str] = None,
        start_ms: Optional[int] = None,
        end_ms: Optional[int] = None,
        limit: int = 100,
    ) -> list[dict[str, Any]]:
        """Money that came and went, oldest first (``GET /fapi/v1/income``); at most 1000 rows."""
        self._check_symbol(symbol)
        _check_limit(limit, 1000)
        start, end = self._window(start_ms, end_ms, KEPT_MS)
        inside = _between(account.income, start, end, lambda row: row.time_ms)
        wanted = [row for row in inside if symbol in {None, row.symbol} and income_type in {None, row.kind}]
        return [rows.income_row(row) for row in _page(wanted, (start_ms,), limit)]

    def read_open_algo_orders(
        self, account: Account, symbol: Optional[str] = None, algo_id: Optional[int] = None
    ) -> list[dict[str, Any]]:
        """Conditional orders that wait or whose order is open (``GET /fapi/v1/openAlgoOrders``)."""
        self._check_symbol(symbol)
        return [
            rows.algo_row(algo)
            for algo in self._seen_algos(account, symbol)
            if not algo.is_final and algo_id in {None, algo.algo_id}
        ]

    def read_algo_order(
        self, account: Account, *, algo_id: Optional[int] = None, client_algo_id: Optional[str] = None
    ) -> dict[str, Any]:
        """
        One conditional order (``GET /fapi/v1/algoOrder``).

        Raises:
            Refused: -2013 if it does not exist, or ended so long ago that it is no longer kept.
        """
        if algo_id is None and client_algo_id is None:
            raise refused(-1102, "algoId")
        known = account.algo_orders.get(algo_id) if algo_id is not None else None
        algo = known if algo_id is not None else account.algo_names.get(client_algo_id or "")
        is_shown = algo is not None and algo.created_ms <= self.now_ms - self.rest_lag_ms
        if algo is None or not is_shown or not self._is_algo_kept(algo):
            raise refused(-2013)
        return rows.algo_row(self._seen(algo))

    def read_all_algo_orders(
        self,
        account: Account,
        symbol: str,
        algo_id: Optional[int] = None,
        start_ms: Optional[int] = None,
        end_ms: Optional[int] = None,
        limit: int = 500,
    ) -> list[dict[str, Any]]:
        """Conditional orders of a symbol by id, whatever became of them (``GET /fapi/v1/allAlgoOrders``)."""
        self._market(symbol)
        _check_limit(limit, 1000)
        longest = LONGEST_WINDOW_MS - 1
        start, end = (0, self.now_ms) if algo_id is not None else self._window(start_ms, end_ms, longest)
        wanted = [
            algo
            for algo in self._seen_algos(account, symbol)
            if start <= algo.created_ms <= end and (algo_id is None or algo.algo_id >= algo_id)
        ]
        return [rows.algo_row(algo) for algo in _page(wanted, (algo_id, start_ms), limit)]

    def _check_symbol(self, symbol: Optional[str]) -> None:
        if symbol is not None:
            self._market(symbol)

    def _window(self, start_ms: Optional[int], end_ms: Optional[int], longest_ms: int) -> tuple[int, int]:
        """The first and last moment a query covers; never what REST does not show yet."""
        if start_ms is not None and end_ms is not None:
            if start_ms > end_ms:
                raise refused(-1130, "startTime")
            if end_ms - start_ms > longest_ms:
                raise refused(-4165, str(LONGEST_WINDOW_MS // DAY_MS))
        if end_ms is None:
            end_ms = self.now_ms if start_ms is None else start_ms + longest_ms
        if start_ms is None:
            start_ms = end_ms - LONGEST_WINDOW_MS
        return max(start_ms, self.now_ms - KEPT_MS), min(end_ms, self.now_ms - self.rest_lag_ms)

    def _shown_orders(self, orders: Iterable[Order]) -> list[Order]:
        """Those REST shows, as it shows them."""
        newest_ms = self.now_ms - self.rest_lag_ms
        return [
            self._seen(order)
            for order in orders
            if order.created_ms <= newest_ms and self._is_kept(order, has_fills=bool(order.executed))
        ]

    def _is_kept(self, order: Union[Order, AlgoOrder], *, has_fills: bool) -> bool:
        unfilled_ms = self.now_ms - (UNFILLED_KEPT_MS if order.is_final and not has_fills else KEPT_MS)
        return order.created_ms >= unfilled_ms

    def _seen_open(self, account: Account, symbol: Optional[str]) -> list[Order]:
        """Open orders as REST shows them; it may not know yet that some have ended."""
        candidates = list(account.open_orders.values())
        if self.rest_lag_ms:
            seen_ms = self.now_ms - self.rest_lag_ms
            for order in reversed(account.closed_orders):
                if order.updated_ms <= seen_ms:
                    break
                candidates.append(order)
            candidates = [self._seen(order) for order in candidates if order.created_ms <= seen_ms]
            candidates.sort(key=lambda order: order.order_id)
        return [order for order in candidates if symbol in {None, order.symbol} and not order.is_final]

    def _seen_order(
        self, account: Account, symbol: str, order_id: Optional[int], client_order_id: Optional[str]
    ) -> Order:
        self._market(symbol)
        if order_id is None and client_order_id is None:
            raise refused(-1102, "orderId")
        if order_id is not None:
            order = account.orders.get(order_id)
        else:
            order = account.order_names.get((symbol, client_order_id or ""))
        shown = self._shown_orders([order] if order is not None and order.symbol == symbol else [])
        if not shown:
            raise refused(-2013)
        return shown[0]

    def _seen_algos(self, account: Account, symbol: Optional[str]) -> list[AlgoOrder]:
        seen_ms = self.now_ms - self.rest_lag_ms
        return [
            self._seen(algo)
            for algo in account.algo_orders.values()
            if symbol in {None, algo.symbol} and algo.created_ms <= seen_ms and self._is_algo_kept(algo)
        ]

    def _is_algo_kept(self, algo: AlgoOrder) -> bool:
        has_fills = algo.child is not None and bool(algo.child.executed)
        return not algo.is_final or self._is_kept(algo, has_fills=has_fills)


def _fill_time(fill: Fill) -> int:
    return fill.time_ms


def _check_limit(limit: int, most: int) -> None:
    if not 1 <= limit <= most:
        raise refused(-1130, "limit")


def _page(rows_found: Sequence[Row], from_where: tuple[Optional[int], ...], limit: int) -> Sequence[Row]:
    """The oldest rows if the query said from where on, else the newest."""
    if any(mark is not None for mark in from_where):
        return rows_found[:limit]
    return rows_found[-limit:]


def _first(ordered: Sequence[Row], value: int, key: Callable[[Row], int]) -> int:
    """The index of the first row whose key is at least a value, in rows sorted by it."""
    low, high = 0, len(ordered)
    while low < high:
        middle = (low + high) // 2
        if key(ordered[middle]) < value:
            low = middle + 1
        else:
            high = middle
    return low


def _between(ordered: Sequence[Row], start_ms: int, end_ms: int, key: Callable[[Row], int]) -> Sequence[Row]:
    """The rows of a closed interval of time."""
    return ordered[_first(ordered, start_ms, key) : _first(ordered, end_ms + 1, key)]
