"""
What USDⓈ-M futures answer when they are asked by REST, row by row.

A field that says the same as a field of an event has that field's name, whatever Binance calls it in either place,
so that ``protocol/recovered.py`` makes events of rows without a second table. Units and conventions are those of
``usdm.py``. What identifies a row and dates it is never None; any other field is None when it is absent or malformed.

Source: USDⓈ-M Futures > Trade and Account > REST API, one page per path, named at each class.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Optional

import attrs

from .base import Row, decimal, flag, integer, integer_or_blank, label, label_or_blank, text, wire


@attrs.frozen(kw_only=True)
class TradeRow(Row):
    """
    One fill of the account.

    Attributes:
        symbol: Upper case, such as ``"BTCUSDT"``; never None.
        trade_id: Binance's id of the fill, unique within the symbol; a self-trade has it twice, once for each
            order. Never None.
        order_id: Binance's id of the order, unique within the symbol; never None.
        side: A word of ``Side``; never None.
        position_side: The position it worked on, a word of ``PositionSide``.
        last_filled_quantity: Quantity of this fill, base asset; never None.
        last_filled_price: Price of this fill, quote asset; never None.
        realized_profit: Profit realised by this fill before fees, quote asset.
        commission: Fee of this fill in ``commission_asset``; negative on a maker rebate.
        commission_asset: What the fee was paid in, such as ``"USDT"`` or ``"BNB"``.
        is_maker: Whether this fill was the resting side.
        trade_time_ms: When it was traded; never None.

    Source: Account Trade List (``GET /fapi/v1/userTrades``).
    """

    symbol: str = wire("symbol", label, essential=True)
    trade_id: int = wire("id", integer, essential=True)
    order_id: int = wire("orderId", integer, essential=True)
    side: str = wire("side", label, essential=True)
    position_side: Optional[str] = wire("positionSide", text)
    last_filled_quantity: Decimal = wire("qty", decimal, essential=True)
    last_filled_price: Decimal = wire("price", decimal, essential=True)
    realized_profit: Optional[Decimal] = wire("realizedPnl", decimal)
    commission: Optional[Decimal] = wire("commission", decimal)
    commission_asset: Optional[str] = wire("commissionAsset", text)
    is_maker: Optional[bool] = wire("maker", flag)
    trade_time_ms: int = wire("time", integer, essential=True)


@attrs.frozen(kw_only=True)
class OrderRow(Row):
    """
    One order as it stands.

    Attributes:
        symbol: Upper case; never None.
        order_id: Binance's id, unique within the symbol; never None.
        client_order_id: The user's own id, or one Binance made up.
        side: A word of ``Side``; never None.
        position_side: The position it works on, a word of ``PositionSide``.
        status: A word of ``OrderStatus``; never None.
        order_type: What the order is now, a word of ``OrderType``.
        original_order_type: What the order was placed as, a word of ``OrderType``.
        time_in_force: A word of ``TimeInForce``.
        quantity: Ordered, after any amendment, in units of the base asset; 0 on an order that closes the
            whole position.
        filled_quantity: Filled so far, base asset; never None.
        price: Limit price, after any amendment, in the quote asset; 0 for market orders.
        average_price: Mean price of what was filled so far, in the quote asset; 0 before any fill.
        stop_price: Trigger price in the quote asset; to be ignored on trailing stops.
        activation_price: Where a trailing stop starts to follow, quote asset; trailing stops only.
        callback_rate: How far a trailing stop follows behind, in percent; trailing stops only.
        is_reduce_only: Whether the order may only shrink a position.
        is_close_all: Whether a conditional order closes the whole position.
        is_price_protected: Whether the trigger is held back while mark and contract price are far apart.
        working_type: Which price triggers it, a word of ``WorkingType``.
        price_match: A word of ``PriceMatch``.
        self_trade_prevention: A word of ``SelfTradePrevention``.
        good_till_date_ms: When a GTD order expires; 0 for other orders.
        creation_time_ms: When it was placed.
        update_time_ms: When it was last changed or filled; never None.

    Source: Current All Open Orders, All Orders, Query Order (``GET /fapi/v1/openOrders``, ``allOrders``,
    ``order``).
    """

    symbol: str = wire("symbol", label, essential=True)
    order_id: int = wire("orderId", integer, essential=True)
    client_order_id: Optional[str] = wire("clientOrderId", text)
    side: str = wire("side", label, essential=True)
    position_side: Optional[str] = wire("positionSide", text)
    status: str = wire("status", label, essential=True)
    order_type: Optional[str] = wire("type", text)
    original_order_type: Optional[str] = wire("origType", text)
    time_in_force: Optional[str] = wire("timeInForce", text)
    quantity: Optional[Decimal] = wire("origQty", decimal)
    filled_quantity: Decimal = wire("executedQty", decimal, essential=True)
    price: Optional[Decimal] = wire("price", decimal)
    average_price: Optional[Decimal] = wire("avgPrice", decimal)
    stop_price: Optional[Decimal] = wire("stopPrice", decimal)
    activation_price: Optional[Decimal] = wire("activatePrice", decimal)
    callback_rate: Optional[Decimal] = wire("priceRate", decimal)
    is_reduce_only: Optional[bool] = wire("reduceOnly", flag)
    is_close_all: Optional[bool] = wire("closePosition", flag)
    is_price_protected: Optional[bool] = wire("priceProtect", flag)
    working_type: Optional[str] = wire("workingType", text)
    price_match: Optional[str] = wire("priceMatch", text)
    self_trade_prevention: Optional[str] = wire("selfTradePreventionMode", text)
    good_till_date_ms: Optional[int] = wire("goodTillDate", integer)
    creation_time_ms: Optional[int] = wire("time", integer)
    update_time_ms: int = wire("updateTime", integer, essential=True)


@attrs.frozen(kw_only=True)
class AlgoRow(Row):
    """
    One conditional (algo) order as it stands.

    Its numbers are printed differently from those of other rows (``"7.0E-4"``), and mean the same.

    Attributes:
        algo_id: Binance's id; never None.
        client_algo_id: The user's own id, or one Binance made up; the order it becomes keeps it.
        algo_type: ``"CONDITIONAL"``.
        order_type: A word of ``OrderType``.
        symbol: Upper case; never None.
        side: A word of ``Side``; never None.
        position_side: A word of ``PositionSide``.
        time_in_force: A word of ``TimeInForce``.
        quantity: Ordered, in units of the base asset; 0 on one that closes the whole position.
        status: A word of ``AlgoStatus``; never None.
        actual_order_id: Id of the order it became; None until it was triggered.
        average_price: Mean price that order was filled at, quote asset; 0 before any fill.
        filled_quantity: What that order filled so far, base asset; sent, and in no document.
        trigger_price: Where it is triggered, quote asset.
        price: Limit price of the order it becomes, quote asset; 0 for market orders.
        self_trade_prevention: A word of ``SelfTradePrevention``.
        working_type: Which price triggers it, a word of ``WorkingType``.
        price_match: A word of ``PriceMatch``.
        is_close_all: Whether it closes the whole position.
        is_price_protected: Whether the trigger is held back while mark and contract price are far apart.
        is_reduce_only: Whether it may only shrink a position.
        is_trailing_activated: Whether a trailing stop has started to follow the price.
        creation_time_ms: When it was placed.
        update_time_ms: When it last changed; never None.
        trigger_time_ms: When it was triggered; 0 until then.
        good_till_date_ms: When a GTD order expires; 0 for others.

    Source: Current All Algo Open Orders, Query Algo Order, Query All Algo Orders
    (``GET /fapi/v1/openAlgoOrders``, ``algoOrder``, ``allAlgoOrders``).
    """

    algo_id: int = wire("algoId", integer, essential=True)
    client_algo_id: Optional[str] = wire("clientAlgoId", text)
    algo_type: Optional[str] = wire("algoType", text)
    order_type: Optional[str] = wire("orderType", text)
    symbol: str = wire("symbol", label, essential=True)
    side: str = wire("side", label, essential=True)
    position_side: Optional[str] = wire("positionSide", text)
    time_in_force: Optional[str] = wire("timeInForce", text)
    quantity: Optional[Decimal] = wire("quantity", decimal)
    status: str = wire("algoStatus", label, essential=True)
    actual_order_id: Optional[int] = wire("actualOrderId", integer_or_blank)
    average_price: Optional[Decimal] = wire("actualPrice", decimal)
    filled_quantity: Optional[Decimal] = wire("actualQty", decimal)
    trigger_price: Optional[Decimal] = wire("triggerPrice", decimal)
    price: Optional[Decimal] = wire("price", decimal)
    self_trade_prevention: Optional[str] = wire("selfTradePreventionMode", text)
    working_type: Optional[str] = wire("workingType", text)
    price_match: Optional[str] = wire("priceMatch", text)
    is_close_all: Optional[bool] = wire("closePosition", flag)
    is_price_protected: Optional[bool] = wire("priceProtect", flag)
    is_reduce_only: Optional[bool] = wire("reduceOnly", flag)
    is_trailing_activated: Optional[bool] = wire("isActivated", flag)
    creation_time_ms: Optional[int] = wire("createTime", integer)
    update_time_ms: int = wire("updateTime", integer, essential=True)
    trigger_time_ms: Optional[int] = wire("triggerTime", integer)
    good_till_date_ms: Optional[int] = wire("goodTillDate", integer)


@attrs.frozen(kw_only=True)
class PositionRow(Row):
    """
    One position. Only symbols with a position or an open order have rows: a flat one is usually absent.

    Prices and profits are in the quote (or margin) asset.

    Attributes:
        symbol: Upper case; never None.
        position_side: A word of ``PositionSide``; never None.
        amount: Size in units of the base asset, negative when short, 0 when flat; never None.
        entry_price: Mean price it was opened at; never None.
        break_even_price: Price at which closing it would cost nothing, fees included.
        unrealized_profit: Profit if it were closed at the mark price.
        isolated_wallet: Margin set aside for it; 0 when cross.
        margin_asset: What its margin is held in, such as ``"USDT"``.
        update_time_ms: When it last changed; 0 when it never did. Never None.

    Source: Position Information V3 (``GET /fapi/v3/positionRisk``).
    """

    symbol: str = wire("symbol", label, essential=True)
    position_side: str = wire("positionSide", label, essential=True)
    amount: Decimal = wire("positionAmt", decimal, essential=True)
    entry_price: Decimal = wire("entryPrice", decimal, essential=True)
    break_even_price: Optional[Decimal] = wire("breakEvenPrice", decimal)
    unrealized_profit: Optional[Decimal] = wire("unRealizedProfit", decimal)
    isolated_wallet: Optional[Decimal] = wire("isolatedWallet", decimal)
    margin_asset: Optional[str] = wire("marginAsset", text)
    update_time_ms: int = wire("updateTime", integer, essential=True)


@attrs.frozen(kw_only=True)
class BalanceRow(Row):
    """
    The balance of one asset. Amounts are in units of it.

    Attributes:
        asset: Such as ``"USDT"``; never None.
        wallet_balance: All of it, without unrealised profit; never None.
        cross_wallet_balance: What is not set aside for isolated positions; never None.
        update_time_ms: When it last changed; 0 when it never did. Never None.

    Source: Futures Account Balance V3 (``GET /fapi/v3/balance``).
    """

    asset: str = wire("asset", label, essential=True)
    wallet_balance: Decimal = wire("balance", decimal, essential=True)
    cross_wallet_balance: Decimal = wire("crossWalletBalance", decimal, essential=True)
    update_time_ms: int = wire("updateTime", integer, essential=True)


@attrs.frozen(kw_only=True)
class IncomeRow(Row):
    """
    Something that changed a balance: a profit, a fee, a transfer.

    Attributes:
        symbol: What was traded; None where the income is of no symbol, as a transfer's.
        income_type: Such as ``"REALIZED_PNL"``, ``"COMMISSION"``, ``"FUNDING_FEE"``; never None.
        amount: Received, negative when paid, in units of ``asset``.
        asset: Such as ``"USDT"``.
        time_ms: When; never None.
        transaction_id: Binance's id, unique within the income type; never None.
        trade_id: The fill that brought it; None where there is none.

    Source: Get Income History (``GET /fapi/v1/income``).
    """

    symbol: Optional[str] = wire("symbol", label_or_blank)
    income_type: str = wire("incomeType", label, essential=True)
    amount: Optional[Decimal] = wire("income", decimal)
    asset: Optional[str] = wire("asset", text)
    time_ms: int = wire("time", integer, essential=True)
    transaction_id: int = wire("tranId", integer, essential=True)
    trade_id: Optional[int] = wire("tradeId", integer_or_blank)


@attrs.frozen(kw_only=True)
class SymbolConfigRow(Row):
    """
    How the account trades one symbol, whether or not it holds anything in it.

    Attributes:
        symbol: Upper case; never None.
        leverage: The initial leverage.
        margin_type: A word of ``MarginCallMarginType``, unlike that of a position.

    Source: Symbol Configuration (``GET /fapi/v1/symbolConfig``).
    """

    symbol: str = wire("symbol", label, essential=True)
    leverage: Optional[int] = wire("leverage", integer)
    margin_type: Optional[str] = wire("marginType", text)


@attrs.frozen(kw_only=True)
class AccountConfigRow(Row):
    """
    The modes of the account.

    Attributes:
        is_hedge_mode: Whether LONG and SHORT positions are held apart; never None.
        is_multi_assets_mode: Whether all assets serve as margin.

    Source: Futures Account Configuration (``GET /fapi/v1/accountConfig``).
    """

    is_hedge_mode: bool = wire("dualSidePosition", flag, essential=True)
    is_multi_assets_mode: Optional[bool] = wire("multiAssetsMargin", flag)
