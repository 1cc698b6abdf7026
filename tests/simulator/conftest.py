"""The local exchange and a plain client of it, for the tests of its sockets."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlencode

import attrs
import pytest
import requests
import websocket

from binance_uds.simulator import LocalExchange

#: Generous: what a test waits for comes within milliseconds, or is broken.
PATIENCE_S = 20.0


@attrs.define
class PlainClient:
    """What any client of the exchange can do, with no code of the package in between."""

    exchange: LocalExchange
    sockets: list[websocket.WebSocket] = attrs.field(factory=list)

    def ask(self, method: str, path: str, api_key: Any = True, **parameters: Any) -> requests.Response:
        """Send an unsigned request; the API key goes along unless it is another one, or None."""
        key = self.exchange.api_key if api_key is True else api_key
        headers = {} if key is None else {"X-MBX-APIKEY": key}
        return self.send(method, path, urlencode(parameters), headers)

    def ask_signed(self, method: str, path: str, **parameters: Any) -> requests.Response:
        """Send a signed request, parameters in the query."""
        return self.send(method, path, self.signed(**parameters), {"X-MBX-APIKEY": self.exchange.api_key})

    def signed(self, secret: str = "", **parameters: Any) -> str:
        """Write a signed query; the time is the client's."""
        query = urlencode({"timestamp": time.time_ns() // 1_000_000, **parameters})
        secret = secret or self.exchange.api_secret
        signature = hmac.new(secret.encode(), query.encode(), hashlib.sha256).hexdigest()
        return f"{query}&signature={signature}"

    def send(self, method: str, path: str, query: str, headers: dict[str, str]) -> requests.Response:
        """Send a request as it is."""
        url = f"{self.exchange.rest_url}{path}?{query}" if query else self.exchange.rest_url + path
        return requests.request(method, url, headers=headers, timeout=PATIENCE_S, allow_redirects=False)

    def obtain_key(self) -> str:
        """POST for a listen key."""
        return str(self.ask("POST", "/fapi/v1/listenKey").json()["listenKey"])

    def connect(self, path: str, **options: Any) -> websocket.WebSocket:
        """Open a WebSocket at a path of the server, such as ``/private/ws/<key>``."""
        url = self.exchange.stream_url[: -len("/private")] + path
        socket = websocket.create_connection(url, timeout=PATIENCE_S, **options)
        self.sockets.append(socket)
        return socket

    def attach(self) -> websocket.WebSocket:
        """Obtain a key and open the plainest private connection."""
        return self.connect(f"/private/ws/{self.obtain_key()}")

    @staticmethod
    def control(socket: websocket.WebSocket, method: str, params: Any = None, id: Any = 1) -> Any:
        """Send a control message and return the reply, which must be the next message."""
        request = {"method": method, "params": params, "id": id}
        socket.send(json.dumps({name: value for name, value in request.items() if value is not None}))
        return json.loads(socket.recv())

    @staticmethod
    def events(socket: websocket.WebSocket) -> list[Any]:
        """Collect the messages that came so far, by asking for something that is answered after them."""
        messages = []
        socket.send('{"method":"LIST_SUBSCRIPTIONS","id":77}')
        while True:
            message = json.loads(socket.recv())
            if message.get("id") == 77:
                return messages
            messages.append(message)

    def event_names(self, socket: websocket.WebSocket) -> list[str]:
        """Name the events that came so far, wrapped or not."""
        return [message.get("data", message)["e"] for message in self.events(socket)]


@pytest.fixture
def exchange() -> Iterator[LocalExchange]:
    """A running local exchange."""
    with LocalExchange(seed=1) as running:
        yield running


@pytest.fixture
def make_client() -> Iterator[Callable[[LocalExchange], PlainClient]]:
    """Makes clients, whose sockets are closed after the test."""
    clients: list[PlainClient] = []

    def make(exchange: LocalExchange) -> PlainClient:
        clients.append(PlainClient(exchange))
        return clients[-1]

    yield make
    for client in clients:
        for socket in client.sockets:
            socket.shutdown()


@pytest.fixture
def client(exchange: LocalExchange, make_client: Callable[[LocalExchange], PlainClient]) -> PlainClient:
    """A client of the running exchange."""
    return make_client(exchange)
