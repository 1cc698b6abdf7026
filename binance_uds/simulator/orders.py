"""
Orders as the account handles them: placed, amended, cancelled; and the market that comes to them.
"""

from __future__ import annotations

from typing import Any, Optional

from binance_uds.simulator import rows
from binance_uds.simulator.floor import Amount
from binance_uds.simulator.matching import LIQUIDATED, Matching, reaches
from binance_uds.simulator.records import Account, Order
from binance_uds.simulator.refusals import refused
from binance_uds.simulator.requests import (
    limit_price,
    offered_quantity,
    order_request,
    whole_price,
    whole_quantity,
)

#: How the exchange names the orders it sends itself to close a position.
CLOSING_PREFIX = {"LIQUIDATION": "autoclose-", "ADL": "adl_autoclose-"}


class Orders(Matching):
    """What an account may ask of the matching engine."""

    def place_order(
        self,
        account: Account,
        *,
        symbol: str,
        side: str,
        type: str,
        quantity: Optional[Amount] = None,
        price: Optional[Amount] = None,
        time_in_force: str = "GTC",
        client_order_id: Optional[str] = None,
        position_side: str = "BOTH",
        reduce_only: bool = False,
        stop_price: Optional[Amount] = None,
        self_trade_prevention: str = "NONE",
        price_match: str = "NONE",
        good_till_date_ms: int = 0,
        response_type: str = "ACK",
        liquidity: Optional[Amount] = None,
    ) -> dict[str, Any]:
        """
        Place a LIMIT or MARKET order.

        Args:
            account: Who trades.
            symbol: Such as ``"BTCUSDT"``.
            side: BUY or SELL.
            type: LIMIT or MARKET; conditional orders belong to `place_algo_order`.
            quantity: In base-asset units.
            price: Of a LIMIT order without price match.
            time_in_force: GTC, IOC, FOK, GTX, GTD or RPI; of no meaning for MARKET.
            client_order_id: Up to 36 letters, digits and ``.:/_-``; made up when absent.
            position_side: BOTH, or LONG or SHORT in hedge mode.
            reduce_only: Only shrink the position; one-way mode only.
            stop_price: Refused: it belongs to conditional orders.
            self_trade_prevention: NONE, EXPIRE_TAKER, EXPIRE_MAKER or EXPIRE_BOTH.
            price_match: NONE, OPPONENT, OPPONENT_5, QUEUE, QUEUE_5, QUEUE_10 or QUEUE_20.
            good_till_date_ms: For GTD, at least ten minutes ahead.
            response_type: ACK answers the order as accepted, RESULT as it stands after matching.
            liquidity: What the market offers to this one order; by default its `depth`.

        Returns:
            What Binance answers to ``POST /fapi/v1/order``.

        Raises:
            Refused: With Binance's code; nothing was pushed and nothing changed.
        """
        market = self._market(symbol)
        if stop_price is not None and type in {"LIMIT", "MARKET"}:
            raise refused(-1106, "stopprice")
        request = order_request(
            market,
            account.hedge_mode,
            self.now_ms,
            side=side,
            type=type,
            quantity=quantity,
            price=price,
            time_in_force=time_in_force,
            client_order_id=client_order_id,
            position_side=position_side,
            reduce_only=reduce_only,
            self_trade_prevention=self_trade_prevention,
            price_match=price_match,
            good_till_date_ms=good_till_date_ms,
        )
        depth = market.depth if liquidity is None else offered_quantity(market.symbol, liquidity)
        order = self._open(account, market, request, depth)
        accepted = rows.order_reply(order)
        self._match(order, depth)
        return rows.order_reply(order) if response_type == "RESULT" else accepted

    def amend_order(
        self,
        account: Account,
        *,
        symbol: str,
        side: str,
        quantity: Amount,
        price: Amount,
        order_id: Optional[int] = None,
        client_order_id: Optional[str] = None,
        modify_id: Optional[str] = None,
    ) -> dict[str, Any]:
        """
        Change quantity and price of a resting LIMIT order; it takes if the new price reaches the market.

        A quantity that is already filled ends the order.

        Returns:
            What Binance answers to ``PUT /fapi/v1/order``.

        Raises:
            Refused: -2013 if there is no such open order, -5027 if nothing would change.
        """
        market = self._market(symbol)
        order = self._find_order(account, symbol, order_id, client_order_id)
        if order is None or order.is_final or order.type != "LIMIT" or order.side != side:
            raise refused(-2013)
        new_quantity, new_price = limit_price(market.symbol, quantity, price)
        if (new_quantity, new_price) == (order.quantity, order.price):
            raise refused(-5027)
        if new_quantity <= order.executed:
            self._end(order, "CANCELED")
            return rows.order_reply(order)
        if order.time_in_force in {"GTX", "RPI"} and reaches(order.side, new_price, market.price):
            raise refused(-5022)
        self._remember(order)
        self._bind(order, -1)
        order.quantity, order.price, order.updated_ms = new_quantity, new_price, self.now_ms
        self._bind(order, 1)
        self._tell_order(order, "AMENDMENT", modify_id=modify_id)
        del market.resting[order.order_id]
        self._match(order, market.depth)
        return rows.order_reply(order)

    def cancel_order(
        self,
        account: Account,
        *,
        symbol: str,
        order_id: Optional[int] = None,
        client_order_id: Optional[str] = None,
    ) -> dict[str, Any]:
        """
        Cancel an open order.

        Returns:
            What Binance answers to ``DELETE /fapi/v1/order``.

        Raises:
            Refused: -2011 if there is no such open order.
        """
        self._market(symbol)
        order = self._find_order(account, symbol, order_id, client_order_id)
        if order is None or order.is_final:
            raise refused(-2011)
        self._end(order, "CANCELED")
        return rows.order_reply(order)

    def cancel_all_orders(self, account: Account, symbol: str) -> dict[str, Any]:
        """Cancel every open order of a symbol; conditional orders stay."""
        self._market(symbol)
        for order in [order for order in account.open_orders.values() if order.symbol == symbol]:
            self._end(order, "CANCELED")
        return {"code": 200, "msg": "The operation of cancel all open order is done."}

    def set_liquidity(
        self, symbol: str, *, depth: Optional[Amount] = None, largest_trade: Optional[Amount] = None
    ) -> None:
        """
        Say how much the market offers.

        Args:
            symbol: Whose market.
            depth: What one taking order finds; the rest of it rests or expires. None: all it wants.
            largest_trade: Fills above it come as several trades at the same moment. None: never.
        """
        market = self._market(symbol)
        largest = None if largest_trade is None else whole_quantity(market.symbol, largest_trade)
        market.depth = None if depth is None else offered_quantity(market.symbol, depth)
        market.largest_trade = largest

    def set_price(self, symbol: str, price: Amount, liquidity: Optional[Amount] = None) -> None:
        """
        Move the market; resting orders it reaches fill at their own prices, best first.

        Args:
            symbol: Whose market.
            price: Where it stands now, a multiple of the tick.
            liquidity: Bounds what all reached orders together fill; None fills them whole.
        """
        market = self._market(symbol)
        market.price = whole_price(market.symbol, price)
        reached = [order for order in market.resting.values() if reaches(order.side, order.price, market.price)]
        reached.sort(key=lambda order: (-order.price if order.side == "BUY" else order.price, order.order_id))
        left = None if liquidity is None else offered_quantity(market.symbol, liquidity)
        for order in reached:
            left = self._trade_with_market(order, order.price, left, is_maker=True)
        for account in {order.account.name: order.account for order in reached}.values():
            self._expire_useless(account, market)

    def fill_resting(self, account: Account, order_id: int, quantity: Amount) -> None:
        """
        Fill part or all of a resting order at its price, wherever the market stands.

        Raises:
            Refused: -2013 if it does not rest or has less than that left.
        """
        order = account.open_orders.get(order_id)
        if order is None:
            raise refused(-2013)
        market = self.markets[order.symbol]
        amount = whole_quantity(market.symbol, quantity)
        if order.remaining < amount:
            raise refused(-2013)
        self._trade_with_market(order, order.price, amount, is_maker=True)
        self._expire_useless(account, market)

    def liquidate(self, account: Account, symbol: str, position_side: str = "BOTH", cause: str = "LIQUIDATION") -> None:
        """
        Close a position by force at the market price.

        Open orders of the symbol expire, then an order the account never sent closes the position, with
        execution type CALCULATED and, as documented, a status that keeps saying NEW.

        Args:
            account: Whose.
            symbol: Which.
            position_side: BOTH, LONG or SHORT.
            cause: LIQUIDATION, or ADL (automatic deleveraging), which leaves open orders alone.
        """
        market = self._market(symbol)
        position = self._position(account, symbol, position_side)
        if not position.amount:
            return
        if cause == "LIQUIDATION":
            for resting in [order for order in account.open_orders.values() if order.symbol == symbol]:
                self._end(resting, "EXPIRED", LIQUIDATED)
        order_id = self._next_order_id()
        order = Order(
            account=account,
            order_id=order_id,
            client_order_id=f"{CLOSING_PREFIX[cause]}{self.now_ms}{order_id}",
            symbol=symbol,
            side="SELL" if position.amount > 0 else "BUY",
            position_side=position_side,
            type="LIQUIDATION",
            original_type="LIQUIDATION",
            time_in_force="IOC",
            quantity=abs(position.amount),
            price=market.price,
            reduce_only=False,
            self_trade_prevention="NONE",
            price_match="NONE",
            good_till_date_ms=0,
            created_ms=self.now_ms,
            updated_ms=self.now_ms,
        )
        self._register(order)
        self._trade_with_market(order, market.price, None, is_maker=False)
        self._expire_useless(account, market)

    def _find_order(
        self, account: Account, symbol: str, order_id: Optional[int], client_order_id: Optional[str]
    ) -> Optional[Order]:
        """An order by id or, failing that, by name; the latest of that name."""
        if order_id is None and client_order_id is None:
            raise refused(-1102, "orderId")
        if order_id is None:
            return account.order_names.get((symbol, client_order_id or ""))
        order = account.orders.get(order_id)
        return order if order is not None and order.symbol == symbol else None
