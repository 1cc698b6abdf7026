"""
The Binance user data stream for synchronous Python.

One background thread keeps the private stream of an account alive and calls you with typed events; when the listen
key expires, the same thread gets a new one, reconnects and tells what may be missing.
"""

import logging

from .credentials import Credentials
from .errors import (
    BacklogOverflow,
    ConfigurationError,
    CredentialsRejected,
    ExchangeError,
    ForkedStream,
    StartTimeout,
    StreamInterrupted,
    UserDataStreamError,
    WaitTimeout,
)
from .events import *  # noqa: F403 - the package's own list of public names
from .events import __all__ as _event_names
from .markets import USDM, USDM_DEMO, AccessForm, Market
from .protocol.timings import Timings
from .runtime.doors import EventQueue
from .runtime.watch import Health, Step
from .stream import UserDataStream

__all__ = [
    *_event_names,
    "USDM",
    "USDM_DEMO",
    "AccessForm",
    "BacklogOverflow",
    "ConfigurationError",
    "Credentials",
    "CredentialsRejected",
    "EventQueue",
    "ExchangeError",
    "ForkedStream",
    "Health",
    "Market",
    "StartTimeout",
    "Step",
    "StreamInterrupted",
    "Timings",
    "UserDataStream",
    "UserDataStreamError",
    "WaitTimeout",
]

# The program decides where logs go; without a handler of its own it sees none of ours.
logging.getLogger(__name__).addHandler(logging.NullHandler())
