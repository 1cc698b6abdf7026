"""
The words Binance uses in events, as ``str`` constants to compare with.

Every vocabulary is open: a field holds whatever word Binance sent, and a word that is missing here is data,
not an error. Source: USDⓈ-M Futures > Common Definition, and the pages of the events; words found only on the
wire say so.
"""

from __future__ import annotations


class Side:
    """Which way an order trades."""

    BUY = "BUY"
    SELL = "SELL"


class PositionSide:
    """Which position of a symbol: BOTH in one-way mode, LONG and SHORT in hedge mode."""

    BOTH = "BOTH"
    LONG = "LONG"
    SHORT = "SHORT"


class OrderType:
    """
    What kind of order it is.

    Since 2025-12-09 the conditional kinds are algo orders (``AlgoUpdate``) until they are triggered.
    """

    LIMIT = "LIMIT"
    MARKET = "MARKET"
    STOP = "STOP"
    STOP_MARKET = "STOP_MARKET"
    TAKE_PROFIT = "TAKE_PROFIT"
    TAKE_PROFIT_MARKET = "TAKE_PROFIT_MARKET"
    TRAILING_STOP_MARKET = "TRAILING_STOP_MARKET"
    LIQUIDATION = "LIQUIDATION"


class TimeInForce:
    """
    How long an order stays.

    ``GTC``: until cancelled. ``IOC``: what is not filled at once expires. ``FOK``: all at once or nothing.
    ``GTX``: only as a maker. ``GTD``: until a date. ``RPI``: retail price improvement (2025-11-18).
    ``GTE_GTC``: until the position is closed; seen on the legs of take-profit and stop-loss orders, on no
    page.
    """

    GTC = "GTC"
    IOC = "IOC"
    FOK = "FOK"
    GTX = "GTX"
    GTD = "GTD"
    RPI = "RPI"
    GTE_GTC = "GTE_GTC"


class ExecutionType:
    """
    What just happened to an order.

    ``TRADE`` and ``CALCULATED`` are fills, the latter of a liquidation. ``AMENDMENT``: its price or quantity
    was modified.
    """

    NEW = "NEW"
    CANCELED = "CANCELED"
    CALCULATED = "CALCULATED"
    EXPIRED = "EXPIRED"
    TRADE = "TRADE"
    AMENDMENT = "AMENDMENT"


class OrderStatus:
    """
    Where an order stands.

    ``EXPIRED_IN_MATCH``: ended by self-trade prevention (2023-09-05). ``NEW_INSURANCE`` and ``NEW_ADL`` are
    not sent any more since 2023-01-04; a liquidation or auto-deleveraging may say ``NEW`` although it
    executed.
    """

    NEW = "NEW"
    PARTIALLY_FILLED = "PARTIALLY_FILLED"
    FILLED = "FILLED"
    CANCELED = "CANCELED"
    EXPIRED = "EXPIRED"
    EXPIRED_IN_MATCH = "EXPIRED_IN_MATCH"
    NEW_INSURANCE = "NEW_INSURANCE"
    NEW_ADL = "NEW_ADL"


class WorkingType:
    """Which price triggers a conditional order."""

    CONTRACT_PRICE = "CONTRACT_PRICE"
    MARK_PRICE = "MARK_PRICE"


class SelfTradePrevention:
    """
    Which order expires when an account would trade with itself.

    ``EXPIRE_NONE`` is how Portfolio Margin spells ``NONE``.
    """

    NONE = "NONE"
    EXPIRE_TAKER = "EXPIRE_TAKER"
    EXPIRE_MAKER = "EXPIRE_MAKER"
    EXPIRE_BOTH = "EXPIRE_BOTH"
    EXPIRE_NONE = "EXPIRE_NONE"


class PriceMatch:
    """
    Which price of the book an order takes over: the opposite side's or its own queue's, at what depth.

    ``PM_NONE`` is how Portfolio Margin spells ``NONE``.
    """

    NONE = "NONE"
    OPPONENT = "OPPONENT"
    OPPONENT_5 = "OPPONENT_5"
    OPPONENT_10 = "OPPONENT_10"
    OPPONENT_20 = "OPPONENT_20"
    QUEUE = "QUEUE"
    QUEUE_5 = "QUEUE_5"
    QUEUE_10 = "QUEUE_10"
    QUEUE_20 = "QUEUE_20"
    PM_NONE = "PM_NONE"


class ExpiryReason:
    """
    Why an order expired (2025-10-23).

    ``REDUCE_ONLY_DISPLACED``: a reduce-only order of higher priority took its place, or it would have
    reversed the position. ``GTE_CONDITION``: the position it was tied to is gone.
    ``TRIGGERED_ORDER_EXPIRED``: the order it became expired after the stop was triggered. The last two are
    COIN-M's.
    """

    NONE = "0"
    SELF_TRADE_PREVENTION = "1"
    IOC_REMAINDER = "2"
    IOC_SELF_TRADE_PREVENTION = "3"
    REDUCE_ONLY_DISPLACED = "4"
    LIQUIDATION = "5"
    GTE_CONDITION = "6"
    SYMBOL_DELISTED = "7"
    TRIGGERED_ORDER_EXPIRED = "8"
    MARKET_REMAINDER = "9"
    FOK_NOT_FILLABLE = "10"
    POST_ONLY_FAILED = "11"


class AccountUpdateReason:
    """
    Why an account changed. ``ADMIN_DEPOSIT`` is also how commission rebates come, every 20 minutes.

    ``ADL`` occurs in other people's client code and on no page.
    """

    DEPOSIT = "DEPOSIT"
    WITHDRAW = "WITHDRAW"
    ORDER = "ORDER"
    FUNDING_FEE = "FUNDING_FEE"
    WITHDRAW_REJECT = "WITHDRAW_REJECT"
    ADJUSTMENT = "ADJUSTMENT"
    INSURANCE_CLEAR = "INSURANCE_CLEAR"
    ADMIN_DEPOSIT = "ADMIN_DEPOSIT"
    ADMIN_WITHDRAW = "ADMIN_WITHDRAW"
    MARGIN_TRANSFER = "MARGIN_TRANSFER"
    MARGIN_TYPE_CHANGE = "MARGIN_TYPE_CHANGE"
    ASSET_TRANSFER = "ASSET_TRANSFER"
    OPTIONS_PREMIUM_FEE = "OPTIONS_PREMIUM_FEE"
    OPTIONS_SETTLE_PROFIT = "OPTIONS_SETTLE_PROFIT"
    AUTO_EXCHANGE = "AUTO_EXCHANGE"
    COIN_SWAP_DEPOSIT = "COIN_SWAP_DEPOSIT"
    COIN_SWAP_WITHDRAW = "COIN_SWAP_WITHDRAW"
    ADL = "ADL"


class MarginType:
    """How a position's margin is kept, as ``AccountUpdate`` spells it."""

    CROSS = "cross"
    ISOLATED = "isolated"


class MarginCallMarginType:
    """How a position's margin is kept, as ``MarginCall`` spells it."""

    CROSSED = "CROSSED"
    ISOLATED = "ISOLATED"


class AlgoType:
    """What kind of algo order it is."""

    CONDITIONAL = "CONDITIONAL"


class AlgoStatus:
    """
    Where an algo order stands.

    ``TRIGGERING``: on its way to the matching engine. ``TRIGGERED``: it became an order. ``FINISHED``: that
    order was filled *or cancelled*; its own ``OrderTradeUpdate`` says which.
    """

    NEW = "NEW"
    CANCELED = "CANCELED"
    TRIGGERING = "TRIGGERING"
    TRIGGERED = "TRIGGERED"
    FINISHED = "FINISHED"
    REJECTED = "REJECTED"
    EXPIRED = "EXPIRED"


class StrategyType:
    """What kind of strategy, or of link between orders, it is; the last two as seen on orders, on no page."""

    GRID = "GRID"
    ALGO_CONDITION = "ALGO_CONDITION"
    OTOCO = "OTOCO"


class StrategyStatus:
    """Where a strategy stands. Its CANCELLED has two L, an order's CANCELED one."""

    NEW = "NEW"
    WORKING = "WORKING"
    CANCELLED = "CANCELLED"
    EXPIRED = "EXPIRED"


class StrategyOperation:
    """What caused a ``StrategyUpdate``; the codes as text."""

    PARAMETERS_UPDATED = "8001"
    USER_CANCELLED_STRATEGY = "8002"
    USER_TOUCHED_ORDER = "8003"
    STOP_LIMIT_REACHED = "8004"
    POSITION_LIQUIDATED = "8005"
    MAX_OPEN_ORDERS_REACHED = "8006"
    NEW_GRID_ORDER = "8007"
    MARGIN_NOT_ENOUGH = "8008"
    PRICE_OUT_OF_BOUNDS = "8009"
    MARKET_CLOSED = "8010"
    CLOSE_POSITION_FAILED = "8011"
    NOTIONAL_CAP_EXCEEDED = "8012"
    JURISDICTION_RESTRICTED = "8013"
    QUANTITATIVE_RULES_VIOLATED = "8014"
    POSITION_EMPTY = "8015"
