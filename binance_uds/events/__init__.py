"""What a stream delivers: events of the exchange, a module per market family, and notices about itself."""

from typing import TYPE_CHECKING

from ..lazy import loading

if TYPE_CHECKING:
    from .base import Event as Event
    from .base import UnknownEvent as UnknownEvent
    from .notices import Attention as Attention
    from .notices import AttentionCode as AttentionCode
    from .notices import CallbackFailed as CallbackFailed
    from .notices import GapCause as GapCause
    from .notices import GapClosed as GapClosed
    from .notices import GapOpened as GapOpened
    from .notices import Notice as Notice
    from .notices import Proof as Proof
    from .notices import StateChanged as StateChanged
    from .notices import StreamState as StreamState
    from .notices import UndecodableFrame as UndecodableFrame
    from .usdm import AccountConfigUpdate as AccountConfigUpdate
    from .usdm import AccountUpdate as AccountUpdate
    from .usdm import AlgoUpdate as AlgoUpdate
    from .usdm import Balance as Balance
    from .usdm import ConditionalOrderTriggerReject as ConditionalOrderTriggerReject
    from .usdm import GridUpdate as GridUpdate
    from .usdm import ListenKeyExpired as ListenKeyExpired
    from .usdm import MarginCall as MarginCall
    from .usdm import MarginCallPosition as MarginCallPosition
    from .usdm import OrderTradeUpdate as OrderTradeUpdate
    from .usdm import Position as Position
    from .usdm import StrategyUpdate as StrategyUpdate
    from .usdm import TradeLite as TradeLite
    from .vocabulary import AccountUpdateReason as AccountUpdateReason
    from .vocabulary import AlgoStatus as AlgoStatus
    from .vocabulary import AlgoType as AlgoType
    from .vocabulary import ExecutionType as ExecutionType
    from .vocabulary import ExpiryReason as ExpiryReason
    from .vocabulary import MarginCallMarginType as MarginCallMarginType
    from .vocabulary import MarginType as MarginType
    from .vocabulary import OrderStatus as OrderStatus
    from .vocabulary import OrderType as OrderType
    from .vocabulary import PositionSide as PositionSide
    from .vocabulary import PriceMatch as PriceMatch
    from .vocabulary import SelfTradePrevention as SelfTradePrevention
    from .vocabulary import Side as Side
    from .vocabulary import StrategyOperation as StrategyOperation
    from .vocabulary import StrategyStatus as StrategyStatus
    from .vocabulary import StrategyType as StrategyType
    from .vocabulary import TimeInForce as TimeInForce
    from .vocabulary import WorkingType as WorkingType
else:
    __getattr__, __dir__, __all__ = loading(
        __name__,
        {
            "base": [
                "Event",
                "UnknownEvent",
            ],
            "notices": [
                "Attention",
                "AttentionCode",
                "CallbackFailed",
                "GapCause",
                "GapClosed",
                "GapOpened",
                "Notice",
                "Proof",
                "StateChanged",
                "StreamState",
                "UndecodableFrame",
            ],
            "usdm": [
                "AccountConfigUpdate",
                "AccountUpdate",
                "AlgoUpdate",
                "Balance",
                "ConditionalOrderTriggerReject",
                "GridUpdate",
                "ListenKeyExpired",
                "MarginCall",
                "MarginCallPosition",
                "OrderTradeUpdate",
                "Position",
                "StrategyUpdate",
                "TradeLite",
            ],
            "vocabulary": [
                "AccountUpdateReason",
                "AlgoStatus",
                "AlgoType",
                "ExecutionType",
                "ExpiryReason",
                "MarginCallMarginType",
                "MarginType",
                "OrderStatus",
                "OrderType",
                "PositionSide",
                "PriceMatch",
                "SelfTradePrevention",
                "Side",
                "StrategyOperation",
                "StrategyStatus",
                "StrategyType",
                "TimeInForce",
                "WorkingType",
            ],
        },
    )
