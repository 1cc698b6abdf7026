"""
The Binance user data stream for synchronous Python.

One background thread keeps the private stream of an account alive and calls you with typed events; when the listen
key expires, the same thread gets a new one, reconnects and tells what may be missing.
"""

import importlib
import logging
from typing import TYPE_CHECKING, Any

from . import events
from .account_orders import OrderFill, OrderStep
from .account_view import AccountSnapshot, AccountView, AlgoOrderState, BalanceState, OrderState, PositionState
from .credentials import Credentials
from .errors import (
    BacklogOverflow,
    ConfigurationError,
    CredentialsRejected,
    ExchangeError,
    ForkedStream,
    JournalError,
    StartTimeout,
    StreamGroupError,
    StreamInterrupted,
    UserDataStreamError,
    WaitTimeout,
)
from .events import *  # noqa: F403 - its list of public names is part of ours
from .markets import USDM, USDM_DEMO, AccessForm, Market
from .notebook.history import History
from .protocol.ledger.cursor import Cursor
from .protocol.timings import Timings
from .runtime.cursors import CursorFile, CursorStore
from .runtime.doors import EventQueue
from .runtime.watch import Health, Step
from .stream import UserDataStream

if TYPE_CHECKING:
    from .group import StreamGroup
    from .group_doors import GroupQueue
    from .recording.recorder import Recording
    from .recording.replay import Replay, replay

__all__ = [
    "USDM",
    "USDM_DEMO",
    "AccessForm",
    "AccountSnapshot",
    "AccountView",
    "AlgoOrderState",
    "BacklogOverflow",
    "BalanceState",
    "ConfigurationError",
    "Credentials",
    "CredentialsRejected",
    "Cursor",
    "CursorFile",
    "CursorStore",
    "EventQueue",
    "ExchangeError",
    "ForkedStream",
    "GroupQueue",
    "Health",
    "History",
    "JournalError",
    "Market",
    "OrderFill",
    "OrderState",
    "OrderStep",
    "PositionState",
    "Recording",
    "Replay",
    "StartTimeout",
    "Step",
    "StreamGroup",
    "StreamGroupError",
    "StreamInterrupted",
    "Timings",
    "UserDataStream",
    "UserDataStreamError",
    "WaitTimeout",
    "replay",
]
__all__ += events.__all__

# The program decides where logs go; without a handler of its own it sees none of ours.
logging.getLogger(__name__).addHandler(logging.NullHandler())

#: What few programs need is imported when it is asked for, and where it is.
_LATER = {
    "GroupQueue": "group_doors",
    "Recording": "recording.recorder",
    "Replay": "recording.replay",
    "StreamGroup": "group",
    "replay": "recording.replay",
}


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f".{_LATER[name]}", __name__), name)
