"""
The matching engine: what becomes of an order.

The market of a symbol is everybody else at one price. An order that reaches it takes; one that does not
rests until the price comes to it. In front of the market stand the account's own resting orders: a limit
order meets those within its price first, which is a self-trade, or is prevented.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Optional

from binance_uds.simulator import shapes
from binance_uds.simulator.ledger import Ledger
from binance_uds.simulator.records import ZERO, Account, AlgoOrder, Market, Order
from binance_uds.simulator.refusals import refused
from binance_uds.simulator.requests import OrderRequest

#: ``er`` of ORDER_TRADE_UPDATE. Source: USDⓈ-M Futures > User Data Streams > Event: Order Update.
SELF_TRADE_PREVENTED = 1
IOC_REMAINDER = 2
IOC_REMAINDER_SELF_TRADE = 3
NOTHING_TO_REDUCE = 4
LIQUIDATED = 5
MARKET_REMAINDER = 9


class Matching(Ledger):
    """Accepts orders, trades them, ends them; every step is pushed as it happens."""

    def _open(
        self,
        account: Account,
        market: Market,
        request: OrderRequest,
        depth: Optional[Decimal],
        algo: Optional[AlgoOrder] = None,
    ) -> Order:
        """Accept an order or refuse it, and announce it; nothing has traded yet."""
        name = request.client_order_id
        namesake = account.order_names.get((market.symbol.name, name)) if name else None
        if namesake is not None and not namesake.is_final:
            raise refused(-4116)
        order = Order(
            account=account,
            order_id=0,
            client_order_id=name,
            symbol=market.symbol.name,
            side=request.side,
            position_side=request.position_side,
            type=request.type,
            original_type=algo.type if algo else request.type,
            time_in_force=request.time_in_force,
            quantity=request.quantity,
            price=request.price,
            reduce_only=request.reduce_only,
            self_trade_prevention=request.self_trade_prevention,
            price_match=request.price_match,
            good_till_date_ms=request.good_till_date_ms,
            created_ms=self.now_ms,
            updated_ms=self.now_ms,
        )
        if algo is not None:
            order.algo_id, order.stop_price = algo.algo_id, algo.trigger_price
            order.working_type = algo.working_type
            order.close_position, order.price_protect = algo.close_position, algo.price_protect
            order.activation_price, order.callback_rate = algo.activation_price, algo.callback_rate
        self._check_position(order)
        self._check_time_in_force(order, market, depth)
        order.order_id = self._next_order_id()
        order.client_order_id = name or f"web_{order.order_id:018}"
        self._register(order)
        self._tell_order(order, "NEW")
        return order

    def _check_position(self, order: Order) -> None:
        """Refuse what has nothing to close (-2022) or cannot be paid for (-2019)."""
        account, market = order.account, self.markets[order.symbol]
        closable = self._closable(order)
        if order.is_closing:
            if not closable or (account.hedge_mode and order.quantity > closable):
                raise refused(-2022)
            return
        price = order.price or market.price
        increase = max(order.quantity - closable, ZERO)
        margin = increase * price / account.settings_of(order.symbol).leverage
        if margin > self._available(account, market.symbol.margin_asset):
            raise refused(-2019)

    def _check_time_in_force(self, order: Order, market: Market, depth: Optional[Decimal]) -> None:
        """Refuse what must fill whole and cannot (-5021), or must not take and would (-5022)."""
        if order.time_in_force not in {"FOK", "GTX", "RPI"} or order.type != "LIMIT":
            return
        reaches_market = reaches(order.side, order.price, market.price)
        own = self._own_opposites(order, market) if order.self_trade_prevention == "NONE" else []
        if order.time_in_force != "FOK":
            if reaches_market or own:
                raise refused(-5022)
            return
        offered = sum((maker.remaining for maker in own), ZERO)
        if reaches_market:
            offered += order.quantity if depth is None else depth
        if offered < order.quantity:
            raise refused(-5021)

    def _register(self, order: Order) -> None:
        account = order.account
        account.orders[order.order_id] = account.open_orders[order.order_id] = order
        account.order_history.setdefault(order.symbol, []).append(order)
        account.order_names[order.symbol, order.client_order_id] = order
        self._bind(order, 1)
        self._end_by(order, order.order_id)

    def _match(self, order: Order, depth: Optional[Decimal]) -> None:
        """Trade what can be traded now; rest or expire what is left."""
        market = self.markets[order.symbol]
        prevented = self._meet_own_orders(order, market)
        marketable = order.type == "MARKET" or reaches(order.side, order.price, market.price)
        if marketable and not prevented and not order.is_final:
            self._trade_with_market(order, market.price, depth, is_maker=False)
        if prevented:
            reason = IOC_REMAINDER_SELF_TRADE if order.time_in_force == "IOC" else SELF_TRADE_PREVENTED
            self._end(order, "EXPIRED_IN_MATCH", reason)
        elif not order.is_final and order.is_closing and not self._closable(order):
            self._end(order, "EXPIRED", NOTHING_TO_REDUCE)
        elif not order.is_final and order.type == "MARKET":
            self._end(order, "EXPIRED", MARKET_REMAINDER)
        elif not order.is_final and order.time_in_force in {"IOC", "FOK"}:
            self._end(order, "EXPIRED", IOC_REMAINDER)
        elif not order.is_final:
            market.resting[order.order_id] = order
        self._expire_useless(order.account, market)

    def _own_opposites(self, order: Order, market: Market) -> list[Order]:
        """The account's own resting orders a taking order meets, best price first."""
        limit = order.price or market.price
        met = [
            maker
            for maker in market.resting.values()
            if maker.account is order.account and maker.side != order.side and reaches(order.side, limit, maker.price)
        ]
        met.sort(key=lambda maker: (maker.price if order.side == "BUY" else -maker.price, maker.order_id))
        return met

    def _meet_own_orders(self, order: Order, market: Market) -> bool:
        """Trade with the account's own resting orders, or prevent it; True if that ends the taking order."""
        for maker in self._own_opposites(order, market):
            if order.is_final:
                return False
            if order.self_trade_prevention == "NONE":
                quantity = min(self._tradable(order), self._tradable(maker))
                if quantity:
                    trade_id = self._next_trade_id(market)
                    self._fill(maker, quantity, maker.price, True, trade_id)
                    self._fill(order, quantity, maker.price, False, trade_id)
                continue
            if order.self_trade_prevention in {"EXPIRE_MAKER", "EXPIRE_BOTH"}:
                self._end(maker, "EXPIRED_IN_MATCH", SELF_TRADE_PREVENTED)
            if order.self_trade_prevention in {"EXPIRE_TAKER", "EXPIRE_BOTH"}:
                return True
        return False

    def _trade_with_market(
        self, order: Order, price: Decimal, offered: Optional[Decimal], *, is_maker: bool
    ) -> Optional[Decimal]:
        """Fill an order against everybody else, in one or several trades; returns the rest of the offer."""
        market = self.markets[order.symbol]
        wanted = self._tradable(order) if offered is None else min(self._tradable(order), offered)
        left = wanted
        while left > 0:
            quantity = left if market.largest_trade is None else min(left, market.largest_trade)
            self._fill(order, quantity, price, is_maker, self._next_trade_id(market))
            left -= quantity
        return None if offered is None else offered - wanted

    def _next_trade_id(self, market: Market) -> int:
        # Trades of others take ids in between.
        market.last_trade_id += 1 + market.last_trade_id % 3
        return market.last_trade_id

    def _fill(self, order: Order, quantity: Decimal, price: Decimal, is_maker: bool, trade_id: int) -> None:
        """One execution of one order: order, books, and the three pushes it gives."""
        account, symbol = order.account, self.markets[order.symbol].symbol
        self._remember(order)
        self._bind(order, -1)
        order.executed += quantity
        order.quote += quantity * price
        order.updated_ms = self.now_ms
        order.status = "PARTIALLY_FILLED" if order.remaining else "FILLED"
        self._bind(order, 1)
        balance = self._balance(account, symbol.margin_asset)
        before = balance.wallet, balance.isolated
        execution_type = "CALCULATED" if order.original_type == "LIQUIDATION" else "TRADE"
        fill = self._book_fill(order, quantity, price, is_maker, trade_id, execution_type)
        if execution_type == "TRADE":
            self._push(account, shapes.trade_lite(order, fill))
        notional = account.open_notional
        self._push(
            account,
            shapes.order_trade_update(
                order,
                execution_type,
                self.now_ms,
                notional.get((order.symbol, "BUY"), ZERO),
                notional.get((order.symbol, "SELL"), ZERO),
                fill=fill,
            ),
        )
        changed = [(balance, ZERO)] if (balance.wallet, balance.isolated) != before else []
        sides = ["BOTH"] if order.position_side == "BOTH" else ["BOTH", order.position_side]
        self._tell_account(account, "ORDER", changed, [self._position(account, order.symbol, side) for side in sides])
        if not order.remaining:
            self._retire(order)

    def _end(self, order: Order, status: str, expiry_reason: int = 0) -> None:
        """Finish an order without a trade."""
        self._remember(order)
        self._bind(order, -1)
        order.status = status
        order.updated_ms = self.now_ms
        execution_type = "CANCELED" if status == "CANCELED" else "EXPIRED"
        self._tell_order(order, execution_type, expiry_reason=expiry_reason)
        self._retire(order)

    def _retire(self, order: Order) -> None:
        account = order.account
        del account.open_orders[order.order_id]
        account.closed_orders.append(order)
        self.markets[order.symbol].resting.pop(order.order_id, None)
        self._order_ended(order)

    def _order_ended(self, order: Order) -> None:
        """Hook for the layers above: an order traded or ended for the last time."""

    def _tell_order(
        self, order: Order, execution_type: str, *, expiry_reason: int = 0, modify_id: Optional[str] = None
    ) -> None:
        notional = order.account.open_notional
        self._push(
            order.account,
            shapes.order_trade_update(
                order,
                execution_type,
                self.now_ms,
                notional.get((order.symbol, "BUY"), ZERO),
                notional.get((order.symbol, "SELL"), ZERO),
                expiry_reason=expiry_reason,
                modify_id=modify_id,
            ),
        )

    def _bind(self, order: Order, sign: int) -> None:
        """Count (+1) or uncount (-1) what is left of a limit order in the account's open notional."""
        if order.type != "LIMIT":
            return
        key = (order.symbol, order.side)
        bound = order.account.open_notional.get(key, ZERO)
        order.account.open_notional[key] = bound + sign * order.remaining * order.price

    def _closable(self, order: Order) -> Decimal:
        """How much of the position on the order's side it could close."""
        position = order.account.positions.get((order.symbol, order.position_side))
        if position is None:
            return ZERO
        amount = position.amount if order.side == "SELL" else -position.amount
        return max(amount, ZERO)

    def _tradable(self, order: Order) -> Decimal:
        return min(order.remaining, self._closable(order)) if order.is_closing else order.remaining

    def _expire_useless(self, account: Account, market: Market) -> None:
        """Expire resting orders that may only close a position that is gone."""
        useless = [
            order
            for order in market.resting.values()
            if order.account is account and order.is_closing and not self._closable(order)
        ]
        for order in useless:
            self._end(order, "EXPIRED", NOTHING_TO_REDUCE)


def reaches(side: str, limit: Decimal, price: Decimal) -> bool:
    """Whether an order of that side and limit trades at a price."""
    return limit >= price if side == "BUY" else limit <= price
