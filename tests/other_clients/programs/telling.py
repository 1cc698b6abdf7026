"""
How a client program tells the runner what its client took: a JSON object a line, on standard output.

    {"client": "python-binance", "version": "1.0.37"}
    {"ready": true}
    {"event": {"e": "ORDER_TRADE_UPDATE", ...}}

Only events of orders and of the account are told: their payloads name no key. The exchange's addresses and the
account's key and secret stand in the environment.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
from collections.abc import Mapping
from typing import Any

REST_URL = os.environ["REST_URL"]  #: Such as ``http://127.0.0.1:40123``.
STREAM_URL = os.environ["STREAM_URL"]  #: Such as ``ws://127.0.0.1:40123``, to which ``/private`` belongs.
API_KEY = os.environ["BINANCE_API_KEY"]
API_SECRET = os.environ["BINANCE_API_SECRET"]


class Report:
    """
    What a client took so far.

    Attributes:
        is_complete: Whether a fill and what it did to the account have come.
    """

    def __init__(self, distribution: str) -> None:
        self._missing = {"ORDER_TRADE_UPDATE", "ACCOUNT_UPDATE"}
        self._tell(client=distribution, version=importlib.metadata.version(distribution))

    @property
    def is_complete(self) -> bool:
        return not self._missing

    def ready(self) -> None:
        """Say that the client listens, as far as it can tell."""
        self._tell(ready=True)

    def received(self, payload: Mapping[str, Any]) -> None:
        """Tell an event, as the client handed it over; other events are passed by."""
        name = payload.get("e")
        if name not in ("ORDER_TRADE_UPDATE", "ACCOUNT_UPDATE"):
            return
        self._tell(event=payload)
        if name == "ACCOUNT_UPDATE" or payload["o"]["x"] == "TRADE":
            self._missing.discard(name)

    @staticmethod
    def _tell(**what: Any) -> None:
        print(json.dumps(what), flush=True)
