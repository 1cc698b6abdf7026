"""
The events of USDⓈ-M futures.

Times are integer milliseconds since the Unix epoch by the exchange's clock; money, prices and quantities are
exact ``Decimal``; words are plain ``str`` of the open vocabularies in ``vocabulary.py``. A field is None when
Binance did not send it, or sent something that is not of its type; ``raw`` has the payload as it came.

Source: USDⓈ-M Futures > User Data Streams, one page per event, named at each class.
"""

from __future__ import annotations

from decimal import Decimal
from typing import ClassVar, Optional, Tuple

import attrs

from .base import Event, decimal, flag, integer, integer_or_blank, key_tag, label, rows, text, wire
from .vocabulary import ExecutionType

_FILLS = frozenset({ExecutionType.TRADE, ExecutionType.CALCULATED})


@attrs.frozen(kw_only=True)
class OrderTradeUpdate(Event):
    """
    An order was created, changed, filled or ended.

    It is a *fill* when ``execution_type`` is TRADE or CALCULATED; ``(symbol, order_id, trade_id)`` identifies
    the fill. A fill recovered by REST has no ``event_time_ms``, and of its order what the order's row tells:
    ``quantity`` and ``price`` as they were when it was read. A recovered order state has no ``execution_type``.

    Attributes:
        symbol: Upper case, such as ``"BTCUSDT"``; never None.
        client_order_id: The user's own id, or one Binance made up. ``autoclose-`` opens the id of a
            liquidation, ``adl_autoclose`` of an auto-deleveraging, ``settlement_autoclose-`` of a settlement
            or delisting.
        side: A word of ``Side``; never None.
        order_type: What the order is now, a word of ``OrderType``: a triggered STOP_MARKET is a MARKET order.
        time_in_force: A word of ``TimeInForce``.
        quantity: Ordered, in units of the base asset; 0 on an order that closes the whole position.
        price: Limit price in the quote asset; 0 for market orders.
        average_price: Mean price of what was filled so far, in the quote asset; 0 before any fill.
        stop_price: Trigger price in the quote asset; to be ignored on trailing stops.
        execution_type: What happened just now, a word of ``ExecutionType``.
        status: What the order's status is after it, a word of ``OrderStatus``. Liquidations and
            auto-deleveragings may say NEW although they executed.
        order_id: Binance's id, unique within the symbol; never None.
        modify_id: The id the user gave to the modification; only on AMENDMENT.
        last_filled_quantity: Quantity of this fill, base asset; 0 when this is none.
        filled_quantity: Filled so far, base asset.
        last_filled_price: Price of this fill, quote asset; 0 when this is none.
        commission: Fee of this fill in ``commission_asset``; negative on a maker rebate.
        commission_asset: What the fee was paid in, such as ``"USDT"`` or ``"BNB"``.
        trade_time_ms: When this happened to the order.
        trade_id: Binance's id of the fill, unique within the symbol; 0 when this is none.
        bids_notional: Value of the account's open bids on the symbol, quote asset.
        asks_notional: Value of the account's open asks on the symbol, quote asset.
        is_maker: Whether this fill was the resting side.
        is_reduce_only: Whether the order may only shrink a position.
        working_type: Which price triggers it, a word of ``WorkingType``.
        original_order_type: What the order was placed as, a word of ``OrderType``.
        position_side: The position it works on, a word of ``PositionSide``.
        is_close_all: Whether a conditional order closes the whole position.
        activation_price: Where a trailing stop starts to follow, quote asset; trailing stops only.
        callback_rate: How far a trailing stop follows behind, in percent; trailing stops only.
        is_price_protected: Whether the trigger is held back while mark and contract price are far apart.
        strategy_type: ``"ALGO_CONDITION"`` on the order that a triggered algo order became; in no document.
        strategy_id: The ``algo_id`` of that algo order, else 0; Binance says to ignore it.
        strategy_sub_id: -1 on that order, else 0; Binance says to ignore it.
        realized_profit: Profit realised by this fill before fees, quote asset.
        self_trade_prevention: A word of ``SelfTradePrevention``.
        price_match: A word of ``PriceMatch``.
        good_till_date_ms: When a GTD order expires; 0 for other orders.
        expiry_reason: Why it expired, a word of ``ExpiryReason``.

    Source: USDⓈ-M Futures > User Data Streams > Event: Order Update (``ORDER_TRADE_UPDATE``);
    ``strategy_*`` as seen on the wire.
    """

    wire_name: ClassVar[str] = "ORDER_TRADE_UPDATE"

    symbol: str = wire("o.s", label, essential=True)
    client_order_id: Optional[str] = wire("o.c", text)
    side: str = wire("o.S", label, essential=True)
    order_type: Optional[str] = wire("o.o", text)
    time_in_force: Optional[str] = wire("o.f", text)
    quantity: Optional[Decimal] = wire("o.q", decimal)
    price: Optional[Decimal] = wire("o.p", decimal)
    average_price: Optional[Decimal] = wire("o.ap", decimal)
    stop_price: Optional[Decimal] = wire("o.sp", decimal)
    execution_type: Optional[str] = wire("o.x", text)
    status: Optional[str] = wire("o.X", text)
    order_id: int = wire("o.i", integer, essential=True)
    modify_id: Optional[str] = wire("o.M", text)
    last_filled_quantity: Optional[Decimal] = wire("o.l", decimal)
    filled_quantity: Optional[Decimal] = wire("o.z", decimal)
    last_filled_price: Optional[Decimal] = wire("o.L", decimal)
    commission: Optional[Decimal] = wire("o.n", decimal)
    commission_asset: Optional[str] = wire("o.N", text)
    trade_time_ms: Optional[int] = wire("o.T", integer)
    trade_id: Optional[int] = wire("o.t", integer)
    bids_notional: Optional[Decimal] = wire("o.b", decimal)
    asks_notional: Optional[Decimal] = wire("o.a", decimal)
    is_maker: Optional[bool] = wire("o.m", flag)
    is_reduce_only: Optional[bool] = wire("o.R", flag)
    working_type: Optional[str] = wire("o.wt", text)
    original_order_type: Optional[str] = wire("o.ot", text)
    position_side: Optional[str] = wire("o.ps", text)
    is_close_all: Optional[bool] = wire("o.cp", flag)
    activation_price: Optional[Decimal] = wire("o.AP", decimal)
    callback_rate: Optional[Decimal] = wire("o.cr", decimal)
    is_price_protected: Optional[bool] = wire("o.pP", flag)
    strategy_type: Optional[str] = wire("o.st", text)
    strategy_id: Optional[int] = wire("o.si", integer)
    strategy_sub_id: Optional[int] = wire("o.ss", integer)
    realized_profit: Optional[Decimal] = wire("o.rp", decimal)
    self_trade_prevention: Optional[str] = wire("o.V", text)
    price_match: Optional[str] = wire("o.pm", text)
    good_till_date_ms: Optional[int] = wire("o.gtd", integer)
    expiry_reason: Optional[str] = wire("o.er", text)

    @property
    def is_fill(self) -> bool:
        """Whether something was traded: ``execution_type`` is TRADE or CALCULATED."""
        return self.execution_type in _FILLS


@attrs.frozen(kw_only=True, weakref_slot=False)
class Balance:
    """
    The balance of one asset after an ``AccountUpdate``.

    Attributes:
        asset: Such as ``"USDT"``; never None.
        wallet_balance: All of it, without unrealised profit; never None.
        cross_wallet_balance: What is not set aside for isolated positions; never None.
        balance_change: What was added or taken except by profit and commission; relative.

    Amounts are in units of the asset.

    Source: USDⓈ-M Futures > User Data Streams > Event: Balance and Position Update.
    """

    asset: str = wire("a", label, essential=True)
    wallet_balance: Decimal = wire("wb", decimal, essential=True)
    cross_wallet_balance: Decimal = wire("cw", decimal, essential=True)
    balance_change: Optional[Decimal] = wire("bc", decimal)


@attrs.frozen(kw_only=True, weakref_slot=False)
class Position:
    """
    One position after an ``AccountUpdate``. Prices and profits are in the quote (or margin) asset.

    Attributes:
        symbol: Upper case; never None.
        amount: Size in units of the base asset, negative when short, 0 when closed; never None.
        entry_price: Mean price it was opened at; never None.
        break_even_price: Price at which closing it would cost nothing, fees included.
        accumulated_realized: Profit realised in it so far, before fees.
        unrealized_profit: Profit if it were closed at the mark price.
        margin_type: A word of ``MarginType``.
        isolated_wallet: Margin set aside for it; 0 when cross.
        position_side: A word of ``PositionSide``; never None.
        margin_asset: What its margin is held in, such as ``"USDT"``; sent, and in no document.

    Source: USDⓈ-M Futures > User Data Streams > Event: Balance and Position Update.
    """

    symbol: str = wire("s", label, essential=True)
    amount: Decimal = wire("pa", decimal, essential=True)
    entry_price: Decimal = wire("ep", decimal, essential=True)
    break_even_price: Optional[Decimal] = wire("bep", decimal)
    accumulated_realized: Optional[Decimal] = wire("cr", decimal)
    unrealized_profit: Optional[Decimal] = wire("up", decimal)
    margin_type: Optional[str] = wire("mt", text)
    isolated_wallet: Optional[Decimal] = wire("iw", decimal)
    position_side: str = wire("ps", label, essential=True)
    margin_asset: Optional[str] = wire("ma", text)


@attrs.frozen(kw_only=True)
class AccountUpdate(Event):
    """
    Balances, positions or a margin type changed. Placing or cancelling an unfilled order changes neither.

    The rows are absolute values after the change, of what changed only; ``balance_change`` alone is relative.

    Attributes:
        reason: Why, a word of ``AccountUpdateReason``.
        balances: A row for each asset that changed.
        positions: The BOTH row of each symbol concerned, and its LONG and SHORT rows that changed.
        funding_symbol: The symbol a funding fee was paid for; only where the reason is FUNDING_FEE.

    Source: USDⓈ-M Futures > User Data Streams > Event: Balance and Position Update (``ACCOUNT_UPDATE``).
    """

    wire_name: ClassVar[str] = "ACCOUNT_UPDATE"

    reason: Optional[str] = wire("a.m", text)
    balances: Tuple[Balance, ...] = rows("a.B", Balance)
    positions: Tuple[Position, ...] = rows("a.P", Position)
    funding_symbol: Optional[str] = wire("a.S", text)


@attrs.frozen(kw_only=True)
class TradeLite(Event):
    """
    A fill, told early and in short. The ``OrderTradeUpdate`` of the same ``trade_id`` tells it in full.

    It may come before or after that event, and is never recovered when missed.

    Attributes:
        symbol: Upper case; never None.
        quantity: Ordered, in units of the base asset.
        price: The order's limit price in the quote asset; 0 for market orders.
        is_maker: Whether this fill was the resting side.
        client_order_id: The user's own id, or one Binance made up.
        side: A word of ``Side``; never None.
        last_filled_price: Price of this fill, quote asset.
        last_filled_quantity: Quantity of this fill, base asset.
        trade_id: Binance's id of the fill, unique within the symbol; never None.
        order_id: Binance's id of the order, unique within the symbol; never None.

    Source: USDⓈ-M Futures > User Data Streams > Event: Trade Lite (``TRADE_LITE``).
    """

    wire_name: ClassVar[str] = "TRADE_LITE"

    symbol: str = wire("s", label, essential=True)
    quantity: Optional[Decimal] = wire("q", decimal)
    price: Optional[Decimal] = wire("p", decimal)
    is_maker: Optional[bool] = wire("m", flag)
    client_order_id: Optional[str] = wire("c", text)
    side: str = wire("S", label, essential=True)
    last_filled_price: Optional[Decimal] = wire("L", decimal)
    last_filled_quantity: Optional[Decimal] = wire("l", decimal)
    trade_id: int = wire("t", integer, essential=True)
    order_id: int = wire("i", integer, essential=True)


@attrs.frozen(kw_only=True, weakref_slot=False)
class MarginCallPosition:
    """
    One position that is short of margin. Prices and margins are in the quote (or margin) asset.

    Attributes:
        symbol: Upper case; never None.
        position_side: A word of ``PositionSide``; never None.
        amount: Size in units of the base asset, negative when short.
        margin_type: A word of ``MarginCallMarginType``.
        isolated_wallet: Margin set aside for it; 0 when crossed.
        mark_price: The mark price at the moment of the call.
        unrealized_profit: Profit if it were closed at the mark price.
        maintenance_margin: Margin it needs in order not to be liquidated.

    Source: USDⓈ-M Futures > User Data Streams > Event: Margin Call.
    """

    symbol: str = wire("s", label, essential=True)
    position_side: str = wire("ps", label, essential=True)
    amount: Optional[Decimal] = wire("pa", decimal)
    margin_type: Optional[str] = wire("mt", text)
    isolated_wallet: Optional[Decimal] = wire("iw", decimal)
    mark_price: Optional[Decimal] = wire("mp", decimal)
    unrealized_profit: Optional[Decimal] = wire("up", decimal)
    maintenance_margin: Optional[Decimal] = wire("mm", decimal)


@attrs.frozen(kw_only=True)
class MarginCall(Event):
    """
    Positions came too close to liquidation. A warning only: they may be liquidated when it arrives.

    Attributes:
        cross_wallet_balance: The cross wallet; None unless a crossed position is concerned.
        positions: A row for each position concerned.

    Source: USDⓈ-M Futures > User Data Streams > Event: Margin Call (``MARGIN_CALL``).
    """

    wire_name: ClassVar[str] = "MARGIN_CALL"

    cross_wallet_balance: Optional[Decimal] = wire("cw", decimal)
    positions: Tuple[MarginCallPosition, ...] = rows("p", MarginCallPosition)


@attrs.frozen(kw_only=True)
class AccountConfigUpdate(Event):
    """
    The leverage of a symbol, or a mode of the account, was changed.

    Binance announces one of leverage and multi-assets mode, and never a change between one-way and hedge mode: that
    one, as one that was missed, is found by REST. Then ``transaction_time_ms`` is a moment at which it was so already.

    Attributes:
        symbol: Whose leverage was changed.
        leverage: What it is now.
        is_multi_assets_mode: Whether all assets serve as margin now.
        is_hedge_mode: Whether LONG and SHORT positions are held apart now; None on what the stream told.

    Source: USDⓈ-M Futures > User Data Streams > Event: Account Configuration Update
    (``ACCOUNT_CONFIG_UPDATE``).
    """

    wire_name: ClassVar[str] = "ACCOUNT_CONFIG_UPDATE"

    symbol: Optional[str] = wire("ac.s", text)
    leverage: Optional[int] = wire("ac.l", integer)
    is_multi_assets_mode: Optional[bool] = wire("ai.j", flag)
    is_hedge_mode: Optional[bool] = None


@attrs.frozen(kw_only=True)
class AlgoUpdate(Event):
    """
    A conditional (algo) order was created, triggered, ended or refused.

    Once triggered it is followed by the ``OrderTradeUpdate`` of the order it became, which keeps
    ``client_algo_id`` as its ``client_order_id``.

    Attributes:
        client_algo_id: The user's own id, or one Binance made up.
        algo_id: Binance's id; never None.
        algo_type: ``"CONDITIONAL"``.
        order_type: A word of ``OrderType``.
        symbol: Upper case; never None.
        side: A word of ``Side``; never None.
        position_side: A word of ``PositionSide``.
        time_in_force: A word of ``TimeInForce``.
        quantity: Ordered, in units of the base asset; 0 on one that closes the whole position.
        status: A word of ``AlgoStatus``.
        actual_order_id: Id of the order it became; None until it was triggered.
        average_price: Mean price that order was filled at, quote asset; 0 before any fill, None or 0 until
            triggered.
        filled_quantity: What that order filled so far, base asset; None or 0 until triggered.
        actual_order_type: Type of that order, a word of ``OrderType``; None, or ``"0"``, until triggered.
        trigger_price: Where it is triggered, quote asset.
        price: Limit price of the order it becomes, quote asset; 0 for market orders.
        self_trade_prevention: A word of ``SelfTradePrevention``.
        working_type: Which price triggers it, a word of ``WorkingType``.
        price_match: A word of ``PriceMatch``.
        is_close_all: Whether it closes the whole position.
        is_price_protected: Whether the trigger is held back while mark and contract price are far apart.
        is_reduce_only: Whether it may only shrink a position.
        trigger_time_ms: When it was triggered; 0 until then.
        good_till_date_ms: When a GTD order expires; 0 for others.
        failure_reason: Why it was refused, in Binance's words; with the status REJECTED.
        is_trailing_activated: Whether a trailing stop has started to follow the price.

    Source: USDⓈ-M Futures > User Data Streams > Event: Algo Order Update (``ALGO_UPDATE``).
    """

    wire_name: ClassVar[str] = "ALGO_UPDATE"

    client_algo_id: Optional[str] = wire("o.caid", text)
    algo_id: int = wire("o.aid", integer, essential=True)
    algo_type: Optional[str] = wire("o.at", text)
    order_type: Optional[str] = wire("o.o", text)
    symbol: str = wire("o.s", label, essential=True)
    side: str = wire("o.S", label, essential=True)
    position_side: Optional[str] = wire("o.ps", text)
    time_in_force: Optional[str] = wire("o.f", text)
    quantity: Optional[Decimal] = wire("o.q", decimal)
    status: Optional[str] = wire("o.X", text)
    actual_order_id: Optional[int] = wire("o.ai", integer_or_blank)
    average_price: Optional[Decimal] = wire("o.ap", decimal)
    filled_quantity: Optional[Decimal] = wire("o.aq", decimal)
    actual_order_type: Optional[str] = wire("o.act", text)
    trigger_price: Optional[Decimal] = wire("o.tp", decimal)
    price: Optional[Decimal] = wire("o.p", decimal)
    self_trade_prevention: Optional[str] = wire("o.V", text)
    working_type: Optional[str] = wire("o.wt", text)
    price_match: Optional[str] = wire("o.pm", text)
    is_close_all: Optional[bool] = wire("o.cp", flag)
    is_price_protected: Optional[bool] = wire("o.pP", flag)
    is_reduce_only: Optional[bool] = wire("o.R", flag)
    trigger_time_ms: Optional[int] = wire("o.tt", integer)
    good_till_date_ms: Optional[int] = wire("o.gtd", integer)
    failure_reason: Optional[str] = wire("o.rm", text)
    is_trailing_activated: Optional[bool] = wire("o.ia", flag)


@attrs.frozen(kw_only=True)
class StrategyUpdate(Event):
    """
    A strategy run by Binance, such as a grid, was created, changed or ended.

    Attributes:
        strategy_id: Binance's id; never None.
        strategy_type: Such as ``"GRID"``.
        status: A word of ``StrategyStatus``.
        symbol: Upper case; never None.
        update_time_ms: When it changed.
        operation: What caused it, a code of ``StrategyOperation``.

    Source: USDⓈ-M Futures > User Data Streams > Event: Strategy Update (``STRATEGY_UPDATE``).
    """

    wire_name: ClassVar[str] = "STRATEGY_UPDATE"

    strategy_id: int = wire("su.si", integer, essential=True)
    strategy_type: Optional[str] = wire("su.st", text)
    status: Optional[str] = wire("su.ss", text)
    symbol: str = wire("su.s", label, essential=True)
    update_time_ms: Optional[int] = wire("su.ut", integer)
    operation: Optional[str] = wire("su.c", text)


@attrs.frozen(kw_only=True)
class GridUpdate(Event):
    """
    An order of a grid was filled, in part or in full. Amounts of money are in the quote asset.

    Attributes:
        strategy_id: Binance's id; never None.
        strategy_type: Such as ``"GRID"``.
        status: A word of ``StrategyStatus``.
        symbol: Upper case; never None.
        realized_profit: Profit realised by the grid.
        unmatched_average_price: Mean price of the fills that have no counterpart yet.
        unmatched_quantity: Their quantity in units of the base asset.
        unmatched_fee: Fees paid for them.
        matched_profit: Profit of the fills that have one.
        update_time_ms: When it changed.

    Source: USDⓈ-M Futures > User Data Streams > Event: Grid Update (``GRID_UPDATE``; marked as deprecated).
    """

    wire_name: ClassVar[str] = "GRID_UPDATE"

    strategy_id: int = wire("gu.si", integer, essential=True)
    strategy_type: Optional[str] = wire("gu.st", text)
    status: Optional[str] = wire("gu.ss", text)
    symbol: str = wire("gu.s", label, essential=True)
    realized_profit: Optional[Decimal] = wire("gu.r", decimal)
    unmatched_average_price: Optional[Decimal] = wire("gu.up", decimal)
    unmatched_quantity: Optional[Decimal] = wire("gu.uq", decimal)
    unmatched_fee: Optional[Decimal] = wire("gu.uf", decimal)
    matched_profit: Optional[Decimal] = wire("gu.mp", decimal)
    update_time_ms: Optional[int] = wire("gu.ut", integer)


@attrs.frozen(kw_only=True)
class ConditionalOrderTriggerReject(Event):
    """
    A conditional order was triggered, and the order it became was refused.

    Attributes:
        symbol: Upper case; never None.
        order_id: Binance's id of the order; never None.
        reason: Why, in Binance's words.

    Source: USDⓈ-M Futures > User Data Streams > Event: Conditional Order Trigger Reject
    (``CONDITIONAL_ORDER_TRIGGER_REJECT``; deprecated 2025-12-15 for ALGO_UPDATE, and still sent in 2026).
    """

    wire_name: ClassVar[str] = "CONDITIONAL_ORDER_TRIGGER_REJECT"

    symbol: str = wire("or.s", label, essential=True)
    order_id: int = wire("or.i", integer, essential=True)
    reason: Optional[str] = wire("or.r", text)


@attrs.frozen(kw_only=True)
class ListenKeyExpired(Event):
    """
    A listen key ran out. The stream falls silent without closing, and renews itself; nothing is to be done.

    It may come twice, and late: then it names a key that was replaced long ago.

    Attributes:
        listen_key_tag: Which key, as the six hex digits by which logs name it; None when Binance did not say.

    Source: USDⓈ-M Futures > User Data Streams > Event: User Data Stream Expired (``listenKeyExpired``).
    """

    wire_name: ClassVar[str] = "listenKeyExpired"

    listen_key_tag: Optional[str] = wire("listenKey", key_tag)


#: Every event USDⓈ-M futures are known to send.
EVENTS: Tuple[type[Event], ...] = (
    AccountConfigUpdate,
    AccountUpdate,
    AlgoUpdate,
    ConditionalOrderTriggerReject,
    GridUpdate,
    ListenKeyExpired,
    MarginCall,
    OrderTradeUpdate,
    StrategyUpdate,
    TradeLite,
)
