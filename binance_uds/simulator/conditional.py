"""
The algo service: conditional orders, which wait for a price and then become orders of the matching engine.

Since 2025-12-09 they live apart: ALGO_UPDATE instead of ORDER_TRADE_UPDATE, lists and queries of their own,
until the trigger. The order one becomes names it by ``si`` and ``st``.
"""

from __future__ import annotations

import heapq
from decimal import Decimal
from typing import Any, Optional

from binance_uds.simulator import rows, shapes
from binance_uds.simulator.floor import Amount, number
from binance_uds.simulator.orders import Orders
from binance_uds.simulator.records import ZERO, Account, AlgoOrder, Market, Order
from binance_uds.simulator.refusals import Refused, refused
from binance_uds.simulator.requests import (
    CONDITIONAL_TYPES,
    OrderRequest,
    check_choices,
    check_good_till,
    check_sides,
    whole_price,
    whole_quantity,
)

#: Open conditional orders per account, since 2025-12-29.
MOST_OPEN = 200

_TRAILING = "TRAILING_STOP_MARKET"
_REDUCE_ONLY_REJECTED = -2022


class Conditional(Orders):
    """The algo service upon the matching engine."""

    _last_algo_id = 1_000_000_204_743_715

    def place_algo_order(
        self,
        account: Account,
        *,
        symbol: str,
        side: str,
        type: str,
        quantity: Optional[Amount] = None,
        price: Optional[Amount] = None,
        trigger_price: Optional[Amount] = None,
        time_in_force: str = "GTC",
        client_algo_id: Optional[str] = None,
        position_side: str = "BOTH",
        reduce_only: bool = False,
        close_position: bool = False,
        price_protect: bool = False,
        working_type: str = "CONTRACT_PRICE",
        self_trade_prevention: str = "NONE",
        price_match: str = "NONE",
        good_till_date_ms: int = 0,
        activation_price: Optional[Amount] = None,
        callback_rate: Optional[Amount] = None,
    ) -> dict[str, Any]:
        """
        Place a conditional order.

        Args:
            account: Who trades.
            symbol: Such as ``"BTCUSDT"``.
            side: BUY or SELL.
            type: STOP, STOP_MARKET, TAKE_PROFIT, TAKE_PROFIT_MARKET or TRAILING_STOP_MARKET.
            quantity: In base-asset units; absent with ``close_position``.
            price: Limit of the order a STOP or TAKE_PROFIT becomes.
            trigger_price: Of all but trailing orders.
            time_in_force: Of the order it becomes; GTD ends the waiting too.
            client_algo_id: The order it becomes keeps it as client order id.
            position_side: BOTH, or LONG or SHORT in hedge mode.
            reduce_only: Only shrink the position; one-way mode only.
            close_position: Close whatever is open then; market types only.
            price_protect: Shown, of no effect here.
            working_type: CONTRACT_PRICE or MARK_PRICE; the model has one price for both.
            self_trade_prevention: Of the order it becomes.
            price_match: Of the order it becomes.
            good_till_date_ms: For GTD.
            activation_price: From where a trailing order follows the price; absent: at once.
            callback_rate: How far the price must come back to trigger a trailing order, per cent, 0.1 to 10.

        Returns:
            The algo order's row.

        Raises:
            Refused: With Binance's code; nothing changed.
        """
        market = self._market(symbol)
        if type not in CONDITIONAL_TYPES:
            raise refused(-1116)
        check_sides(account.hedge_mode, side, position_side, reduce_only)
        check_choices(time_in_force, self_trade_prevention, price_match, client_algo_id)
        check_good_till(time_in_force, good_till_date_ms, self.now_ms)
        if len(account.open_algo_orders) >= MOST_OPEN:
            raise refused(-4045)
        namesake = account.algo_names.get(client_algo_id or "")
        if namesake is not None and not namesake.is_final:
            raise refused(-4116)
        becomes_limit = CONDITIONAL_TYPES[type] == "LIMIT"
        trails = type == _TRAILING
        if close_position and (becomes_limit or quantity is not None or reduce_only):
            raise refused(-1106, "closePosition")
        if not becomes_limit and price is not None:
            raise refused(-1106, "price")
        algo = AlgoOrder(
            account=account,
            algo_id=0,
            client_algo_id=client_algo_id or "",
            type=type,
            symbol=symbol,
            side=side,
            position_side=position_side,
            time_in_force=time_in_force,
            quantity=ZERO if close_position else whole_quantity(market.symbol, quantity),
            price=whole_price(market.symbol, price) if becomes_limit else ZERO,
            trigger_price=ZERO if trails else whole_price(market.symbol, trigger_price, "triggerPrice"),
            reduce_only=reduce_only,
            close_position=close_position,
            price_protect=price_protect,
            working_type=working_type,
            self_trade_prevention=self_trade_prevention,
            price_match=price_match,
            good_till_date_ms=good_till_date_ms,
            created_ms=self.now_ms,
            updated_ms=self.now_ms,
        )
        if trails:
            self._prepare_trailing(algo, market, activation_price, callback_rate)
        elif _is_triggered(algo, market.price):
            raise refused(-2021)
        self._last_algo_id += 1
        algo.algo_id = self._last_algo_id
        algo.client_algo_id = client_algo_id or self._token("algo", algo.algo_id)[:22]
        account.algo_orders[algo.algo_id] = account.open_algo_orders[algo.algo_id] = algo
        account.algo_names[algo.client_algo_id] = algo
        market.waiting[algo.algo_id] = algo
        self._end_by(algo, algo.algo_id)
        self._tell_algo(algo)
        self._follow(algo, market)
        return rows.algo_row(algo)

    def cancel_algo_order(
        self, account: Account, *, algo_id: Optional[int] = None, client_algo_id: Optional[str] = None
    ) -> dict[str, Any]:
        """
        Cancel a conditional order that still waits.

        Returns:
            What Binance answers to ``DELETE /fapi/v1/algoOrder``; its ``code`` is a string.

        Raises:
            Refused: -2011 if none such waits.
        """
        algo = self._find_algo(account, algo_id, client_algo_id)
        if algo is None or algo.status != "NEW":
            raise refused(-2011)
        self._end_algo(algo, "CANCELED")
        return {"algoId": algo.algo_id, "clientAlgoId": algo.client_algo_id, "code": "200", "msg": "success"}

    def cancel_all_algo_orders(self, account: Account, symbol: str) -> dict[str, Any]:
        """Cancel every conditional order of a symbol that still waits."""
        self._market(symbol)
        for algo in list(account.open_algo_orders.values()):
            if algo.symbol == symbol and algo.status == "NEW":
                self._end_algo(algo, "CANCELED")
        return {"code": 200, "msg": "The operation of cancel all open order is done."}

    def set_price(self, symbol: str, price: Amount, liquidity: Optional[Amount] = None) -> None:
        """
        Move the market; resting orders it reaches fill, then conditional orders it reaches trigger.

        Args:
            symbol: Whose market.
            price: Where it stands now, a multiple of the tick.
            liquidity: Bounds what all reached resting orders together fill; None fills them whole.
        """
        super().set_price(symbol, price, liquidity)
        market = self.markets[symbol]
        for algo in list(market.waiting.values()):
            if algo.type == _TRAILING:
                self._follow(algo, market)
            elif _is_triggered(algo, market.price):
                self._trigger(algo, market)

    def _prepare_trailing(
        self,
        algo: AlgoOrder,
        market: Market,
        activation_price: Optional[Amount],
        callback_rate: Optional[Amount],
    ) -> None:
        rate = number(callback_rate, "callbackRate")
        if not Decimal("0.1") <= rate <= 10:
            raise refused(-1130, "callbackRate")
        algo.callback_rate = rate
        if activation_price is None:
            algo.activation_price = market.price
            return
        algo.activation_price = whole_price(market.symbol, activation_price, "activationPrice")
        if _is_activated(algo, market.price):
            raise refused(-2021)

    def _follow(self, algo: AlgoOrder, market: Market) -> None:
        """Let a trailing order wake up, follow the price, and trigger when the price comes back."""
        if algo.type != _TRAILING:
            return
        if not algo.is_activated:
            if not _is_activated(algo, market.price):
                return
            self._remember(algo)
            algo.is_activated, algo.extreme, algo.updated_ms = True, market.price, self.now_ms
            self._tell_algo(algo)
        algo.extreme = (min if algo.side == "BUY" else max)(algo.extreme, market.price)
        distance = algo.extreme * (algo.callback_rate or ZERO) / 100
        came_back = market.price - algo.extreme if algo.side == "BUY" else algo.extreme - market.price
        if came_back >= distance:
            self._trigger(algo, market)

    def _trigger(self, algo: AlgoOrder, market: Market) -> None:
        """TRIGGERING, then TRIGGERED with an order, or REJECTED, or EXPIRED with nothing to close."""
        account = algo.account
        self._remember(algo)
        algo.status, algo.triggered_ms, algo.updated_ms = "TRIGGERING", self.now_ms, self.now_ms
        del market.waiting[algo.algo_id]
        self._tell_algo(algo)
        quantity = algo.quantity
        if algo.close_position:
            position = account.positions.get((algo.symbol, algo.position_side))
            amount = position.amount if position else ZERO
            quantity = max(amount if algo.side == "SELL" else -amount, ZERO)
            if not quantity:
                self._end_algo(algo, "EXPIRED")
                return
        request = OrderRequest(
            algo.side,
            CONDITIONAL_TYPES[algo.type],
            quantity,
            algo.price,
            algo.time_in_force,
            algo.client_algo_id,
            algo.position_side,
            algo.reduce_only or (algo.close_position and not account.hedge_mode),
            algo.self_trade_prevention,
            algo.price_match,
            algo.good_till_date_ms,
        )
        try:
            child = self._open(account, market, request, market.depth, algo)
        except Refused as refusal:
            algo.failure = "Reduce Only reject" if refusal.code == _REDUCE_ONLY_REJECTED else refusal.message
            self._end_algo(algo, "REJECTED")
            return
        algo.child, algo.status = child, "TRIGGERED"
        self._tell_algo(algo)
        self._match(child, market.depth)

    def _order_ended(self, order: Order) -> None:
        """A conditional order is finished when the order it became is filled, cancelled or expired."""
        super()._order_ended(order)
        if order.algo_id is not None:
            self._end_algo(order.account.algo_orders[order.algo_id], "FINISHED")

    def _end_overdue(self) -> None:
        """End what has reached its good-till date, be it resting or waiting for its trigger."""
        while self._deadlines and self._deadlines[0][0] <= self.now_ms:
            _, _, order = heapq.heappop(self._deadlines)
            if isinstance(order, AlgoOrder):
                if order.status == "NEW":
                    self._end_algo(order, "EXPIRED")
            elif not order.is_final:
                self._end(order, "EXPIRED")

    def _end_algo(self, algo: AlgoOrder, status: str) -> None:
        account = algo.account
        if algo.status != "TRIGGERING":
            self._remember(algo)
        algo.status, algo.updated_ms = status, self.now_ms
        del account.open_algo_orders[algo.algo_id]
        account.closed_algo_orders.append(algo)
        self.markets[algo.symbol].waiting.pop(algo.algo_id, None)
        self._tell_algo(algo)

    def _tell_algo(self, algo: AlgoOrder) -> None:
        self._push(algo.account, shapes.algo_update(algo, self.now_ms))

    def _find_algo(
        self, account: Account, algo_id: Optional[int], client_algo_id: Optional[str]
    ) -> Optional[AlgoOrder]:
        if algo_id is not None:
            return account.algo_orders.get(algo_id)
        if client_algo_id is None:
            raise refused(-1102, "algoId")
        return account.algo_names.get(client_algo_id)


def _is_triggered(algo: AlgoOrder, price: Decimal) -> bool:
    """A stop waits for the price to move its own way, a take-profit for the opposite one."""
    waits_for_rise = (algo.side == "BUY") == algo.type.startswith("STOP")
    return price >= algo.trigger_price if waits_for_rise else price <= algo.trigger_price


def _is_activated(algo: AlgoOrder, price: Decimal) -> bool:
    """A trailing buy wakes when the price has fallen to its activation price, a sell when it has risen."""
    activation = algo.activation_price or ZERO
    return price <= activation if algo.side == "BUY" else price >= activation
