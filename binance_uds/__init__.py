"""
The Binance user data stream for synchronous Python.

One background thread keeps the private stream of an account alive and calls you with typed events; when the listen
key expires, the same thread gets a new one, reconnects and tells what may be missing.
"""

import logging
from typing import TYPE_CHECKING

from . import events
from .lazy import loading

# The program decides where logs go; without a handler of its own it sees none of ours.
logging.getLogger(__name__).addHandler(logging.NullHandler())

if TYPE_CHECKING:
    from .account_orders import OrderFill as OrderFill
    from .account_orders import OrderStep as OrderStep
    from .account_view import AccountSnapshot as AccountSnapshot
    from .account_view import AccountView as AccountView
    from .account_view import AlgoOrderState as AlgoOrderState
    from .account_view import BalanceState as BalanceState
    from .account_view import OrderState as OrderState
    from .account_view import PositionState as PositionState
    from .credentials import Credentials as Credentials
    from .errors import BacklogOverflow as BacklogOverflow
    from .errors import ConfigurationError as ConfigurationError
    from .errors import CredentialsRejected as CredentialsRejected
    from .errors import ExchangeError as ExchangeError
    from .errors import ForkedStream as ForkedStream
    from .errors import JournalError as JournalError
    from .errors import StartTimeout as StartTimeout
    from .errors import StreamGroupError as StreamGroupError
    from .errors import StreamInterrupted as StreamInterrupted
    from .errors import UserDataStreamError as UserDataStreamError
    from .errors import WaitTimeout as WaitTimeout
    from .events import *  # noqa: F403 - its list of public names is part of ours
    from .group import StreamGroup as StreamGroup
    from .group_doors import GroupQueue as GroupQueue
    from .markets import USDM as USDM
    from .markets import USDM_DEMO as USDM_DEMO
    from .markets import AccessForm as AccessForm
    from .markets import Market as Market
    from .notebook.history import History as History
    from .protocol.ledger.cursor import Cursor as Cursor
    from .protocol.timings import Timings as Timings
    from .recording.recorder import Recording as Recording
    from .recording.replay import Replay as Replay
    from .recording.replay import replay as replay
    from .runtime.cursors import CursorFile as CursorFile
    from .runtime.cursors import CursorStore as CursorStore
    from .runtime.doors import EventQueue as EventQueue
    from .runtime.watch import Health as Health
    from .runtime.watch import Step as Step
    from .stream import UserDataStream as UserDataStream
else:
    __getattr__, __dir__, __all__ = loading(
        __name__,
        {
            "account_orders": ["OrderFill", "OrderStep"],
            "account_view": [
                "AccountSnapshot",
                "AccountView",
                "AlgoOrderState",
                "BalanceState",
                "OrderState",
                "PositionState",
            ],
            "credentials": ["Credentials"],
            "errors": [
                "BacklogOverflow",
                "ConfigurationError",
                "CredentialsRejected",
                "ExchangeError",
                "ForkedStream",
                "JournalError",
                "StartTimeout",
                "StreamGroupError",
                "StreamInterrupted",
                "UserDataStreamError",
                "WaitTimeout",
            ],
            "group": ["StreamGroup"],
            "group_doors": ["GroupQueue"],
            "markets": ["USDM", "USDM_DEMO", "AccessForm", "Market"],
            "notebook.history": ["History"],
            "protocol.ledger.cursor": ["Cursor"],
            "protocol.timings": ["Timings"],
            "recording.recorder": ["Recording"],
            "recording.replay": ["Replay", "replay"],
            "runtime.cursors": ["CursorFile", "CursorStore"],
            "runtime.doors": ["EventQueue"],
            "runtime.watch": ["Health", "Step"],
            "stream": ["UserDataStream"],
            "events": events.__all__,
        },
    )
