"""``python -m binance_uds simulate`` as its users have it: a process, the lines it prints, and signed REST."""

from __future__ import annotations

import hashlib
import hmac
import pathlib
import re
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlencode

import attrs
import requests

from tests.other_clients.processes import Deadline, Program, Unfinished, surroundings

ROOT = pathlib.Path(__file__).parent.parent.parent

_TIMEOUT_S = 10.0


@attrs.frozen
class Exchange:
    """
    A running local exchange, and an account on it.

    Attributes:
        rest_url: Such as ``http://127.0.0.1:40123``.
        stream_url: Such as ``ws://127.0.0.1:40123``, without a category's path.
        program: The process.
    """

    rest_url: str
    stream_url: str
    api_key: str = attrs.field(repr=False)
    api_secret: str = attrs.field(repr=False)
    program: Program = attrs.field(repr=False)

    def ask(self, method: str, path: str, **parameters: Any) -> Any:
        """
        Make a signed request.

        Raises:
            Unfinished: It was refused, or not answered.
        """
        query = urlencode({**parameters, "timestamp": time.time_ns() // 1_000_000})
        signature = hmac.new(self.api_secret.encode(), query.encode(), hashlib.sha256).hexdigest()
        try:
            with requests.Session() as session:
                session.trust_env = False
                response = session.request(
                    method,
                    f"{self.rest_url}{path}?{query}&signature={signature}",
                    headers={"X-MBX-APIKEY": self.api_key},
                    timeout=_TIMEOUT_S,
                )
        except requests.RequestException as error:
            # Its words would hold the signed address.
            raise Unfinished(f"{method} {path} was not answered: {type(error).__name__}") from None
        if response.status_code != 200:
            raise Unfinished(f"{method} {path} was answered {response.status_code}: {response.text}")
        return response.json()

    def buy(self, symbol: str, quantity: str, client_order_id: str) -> None:
        """Place a market order, which fills at once."""
        order = {"symbol": symbol, "side": "BUY", "type": "MARKET", "quantity": quantity}
        self.ask("POST", "/fapi/v1/order", newClientOrderId=client_order_id, **order)


@contextmanager
def running_exchange(deadline: Deadline) -> Iterator[Exchange]:
    """
    Run a local exchange on any free port, its bot at rest.

    Raises:
        Unfinished: It did not start.
    """
    command = [sys.executable, "-m", "binance_uds", "simulate", "--port", "0", "--no-bot"]
    with Program(command, surroundings(), str(ROOT)) as program:

        def told(label: str) -> str:
            pattern = re.compile(rf"\s+{label}\s+(\S+)")
            line = program.wait_for(pattern.fullmatch, deadline, f"told its {label}")
            return pattern.sub(r"\1", line)

        yield Exchange(
            rest_url=told("REST"),
            stream_url=told("private").rsplit("/", 1)[0],
            api_key=told("API key"),
            api_secret=told("API secret"),
            program=program,
        )
