"""
The Binance user data stream for synchronous Python.

One background thread keeps the private stream of an account alive and calls you with typed events; when the listen
key expires, the same thread gets a new one, reconnects and tells what may be missing.
"""

import logging

from . import events
from .account_view import AccountSnapshot, AccountView, AlgoOrderState, BalanceState, OrderState, PositionState
from .credentials import Credentials
from .errors import (
    BacklogOverflow,
    ConfigurationError,
    CredentialsRejected,
    ExchangeError,
    ForkedStream,
    StartTimeout,
    StreamGroupError,
    StreamInterrupted,
    UserDataStreamError,
    WaitTimeout,
)
from .events import *  # noqa: F403 - its list of public names is part of ours
from .group import StreamGroup
from .group_doors import GroupQueue
from .markets import USDM, USDM_DEMO, AccessForm, Market
from .notebook.history import History
from .protocol.ledger.cursor import Cursor
from .protocol.timings import Timings
from .runtime.cursors import CursorFile, CursorStore
from .runtime.doors import EventQueue
from .runtime.watch import Health, Step
from .stream import UserDataStream

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
    "Market",
    "OrderState",
    "PositionState",
    "StartTimeout",
    "Step",
    "StreamGroup",
    "StreamGroupError",
    "StreamInterrupted",
    "Timings",
    "UserDataStream",
    "UserDataStreamError",
    "WaitTimeout",
]
__all__ += events.__all__

# The program decides where logs go; without a handler of its own it sees none of ours.
logging.getLogger(__name__).addHandler(logging.NullHandler())
