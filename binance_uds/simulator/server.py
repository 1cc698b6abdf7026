"""
The exchange's model behind real HTTP and WebSocket, in one asyncio loop.

Everything that happens goes through `Server.act`: time moves on, the model is asked, and what it wants pushed
is on its way before the caller hears the answer.
"""

from __future__ import annotations

import asyncio
import json
import re
import socket
import ssl
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Optional, TypeVar

from aiohttp import web

from binance_uds.simulator import control, faults
from binance_uds.simulator.active_faults import ActiveFaults
from binance_uds.simulator.exchange import Exchange
from binance_uds.simulator.failures import failure
from binance_uds.simulator.http_api import LISTEN_KEY_PATH, Answer, HttpApi, Request
from binance_uds.simulator.rules import Rules
from binance_uds.simulator.sockets import Connection, Hub

Result = TypeVar("Result")

#: Silence of the model after which time is told to it all the same, in seconds.
_LONGEST_SLEEP = 1.0

#: Turns of the loop from an accepted connection to a handler for it, with some to spare.
_TURNS_TO_ACCEPT = 10

#: What looks like a listen key in a path.
_SECRET = re.compile(r"[A-Za-z0-9]{60,}")


class ExchangeClock:
    """The exchange's clock: wall time plus an offset, in milliseconds, never going back."""

    def __init__(self, offset_ms: int = 0) -> None:
        self.offset_ms = offset_ms
        self._latest_ms = 0

    def __call__(self) -> int:
        """Read the clock."""
        self._latest_ms = max(self._latest_ms, time.time_ns() // 1_000_000 + self.offset_ms)
        return self._latest_ms


class _Listening(web.Server):
    """
    aiohttp's low-level server, which also closes what the other side ended.

    asyncio before Python 3.11 counts such a TLS transport as open, and older versions of aiohttp just forget it.
    """

    def connection_lost(self, handler: web.RequestHandler, exc: Optional[BaseException] = None) -> None:
        if handler.transport is not None:
            handler.transport.close()
        super().connection_lost(handler, exc)


class Server:
    """
    The local exchange, used only in its own loop; `LocalExchange` is its thread-safe front.

    Attributes:
        exchange: The model.
        api: The REST interface to the model.
        hub: The WebSocket connections.
        active: The lasting faults in force.
        requests: Every HTTP request: exchange milliseconds, method, path; no query, no secret.
    """

    def __init__(
        self,
        exchange: Exchange,
        *,
        clock: ExchangeClock,
        rules: Rules,
        on_change: Callable[[], None] = lambda: None,
        log: Callable[[str], None] = lambda line: None,
    ) -> None:
        self.exchange = exchange
        self.clock = clock
        self.active = ActiveFaults()
        self.api = HttpApi(exchange, rules)
        self.hub = Hub(exchange, self.active)
        self.requests: list[tuple[int, str, str]] = []
        self._rules = rules
        self._on_change = on_change
        self.log = log
        self._stopping: Optional[asyncio.Event] = None
        self._runner: Optional[web.ServerRunner] = None
        self._listener: Optional[socket.socket] = None
        self._tick: Optional[asyncio.TimerHandle] = None

    async def start(self, host: str, port: int, ssl_context: Optional[ssl.SSLContext] = None) -> int:
        """Listen; returns the port, which is the one given unless that was 0."""
        self._stopping = asyncio.Event()
        # No access log: it would print listen keys and signatures.
        self._runner = web.ServerRunner(_Listening(self._serve, access_log=None), shutdown_timeout=1.0)
        await self._runner.setup()
        self._listener = socket.create_server((host, port))
        await web.SockSite(self._runner, self._listener, ssl_context=ssl_context).start()
        self._pass_time()
        return int(self._listener.getsockname()[1])

    async def stop(self) -> None:
        """End every connection and stop listening."""
        if self._stopping is not None:
            self._stopping.set()
        if self._tick is not None:
            self._tick.cancel()
        if self._runner is None:
            return
        if self._listener is not None:
            await self._stop_accepting(self._listener)
        # A graceful end would wait for the other side, at TLS for half a minute; the loop ends before that.
        server = self._runner.server
        for handler in [] if server is None else server.connections:
            if handler.transport is not None:
                handler.transport.abort()
        await self._runner.cleanup()

    async def _stop_accepting(self, listener: socket.socket) -> None:
        # Closing the listener at once would lose connections accepted a moment ago. So accepting ends first,
        # and they get the few turns of the loop they need to become known. Windows' loop has no readers.
        with suppress(NotImplementedError):
            asyncio.get_running_loop().remove_reader(listener)
        for _ in range(_TURNS_TO_ACCEPT):
            await asyncio.sleep(0)

    async def _stays_open(self, seconds: Optional[float] = None) -> bool:
        """Wait so long, or for ever; returns False as soon as the exchange stops."""
        assert self._stopping is not None
        try:
            await asyncio.wait_for(self._stopping.wait(), seconds)
        except asyncio.TimeoutError:
            return True
        return False

    def act(self, action: Callable[[], Result]) -> Result:
        """Let time pass, do something to the model, and send what follows from it."""
        self.exchange.advance(self.clock())
        try:
            return action()
        finally:
            pushes = self.exchange.take_pushes()
            if pushes:
                self.hub.deliver(pushes)
                self._on_change()

    def _pass_time(self) -> None:
        self.act(lambda: None)
        due_ms = self.exchange.next_due_ms()
        delay = _LONGEST_SLEEP
        if due_ms is not None:
            delay = min(delay, max(0.0, (due_ms - self.exchange.now_ms) / 1000))
        self._tick = asyncio.get_running_loop().call_later(delay, self._pass_time)

    async def _serve(self, request: web.BaseRequest) -> web.StreamResponse:
        path = _SECRET.sub("<key>", request.path)
        if request.headers.get("Upgrade", "").lower() == "websocket":
            return await self._serve_socket(request, path)
        self.requests.append((self.clock(), request.method, path))
        response = await self._serve_rest(request)
        self.log(f"{request.method} {path} -> {response.status}")
        self._on_change()
        return response

    # WebSocket --------------------------------------------------------------------------------------------

    async def _serve_socket(self, request: web.BaseRequest, path: str) -> web.StreamResponse:
        now_ms = self.clock()
        refusal = self.active.take(faults.RefuseHandshake, now_ms)
        if refusal is not None:
            return web.Response(status=refusal.status)
        if self.active.take(faults.StallHandshake, now_ms) is not None:
            await self._stays_open()
            return web.Response(status=503)
        try:
            subscription = control.subscription_for(
                request.path, request.rel_url.raw_query_string, self._rules.streams_per_connection
            )
        except control.InvalidRequest:
            return web.Response(status=400)
        if subscription is None:
            return web.Response(status=404)
        incoming = web.WebSocketResponse(autoping=False, autoclose=False, compress=False)
        await incoming.prepare(request)
        transport = request.transport
        if not isinstance(transport, asyncio.Transport):
            return incoming
        connection = Connection(subscription, transport, self._rules, self._on_attach)
        silent = self.active.take(
            faults.SilentPlan, now_ms, lambda fault: fault.form in (faults.EVERY_FORM, subscription.form)
        )
        connection.silenced = None if silent is None else silent.listing
        self.hub.add(connection)
        self.log(f"connected: {path} ({subscription.form})")
        try:
            self._on_attach(connection)
            await connection.run(incoming)
        finally:
            self.hub.remove(connection)
            self.log(f"disconnected: {path} ({subscription.form})")
            self._on_change()
        return incoming

    def _on_attach(self, connection: Connection) -> None:
        """A connection may have begun to hold a key."""
        self._on_change()
        for key in connection.subscription.held_keys():
            limit = self._rules.connections_per_key
            for surplus in self.hub.holding(key)[:-limit] if limit else ():
                surplus.close(1008, "Too many connections")
            owner = self.exchange.key_owner(key)
            if owner is not None and self.active.take(faults.ExpireAgain, self.clock()) is not None:
                self.act(partial(self.exchange.expire_key, owner, notices=1))

    # REST -------------------------------------------------------------------------------------------------

    async def _serve_rest(self, request: web.BaseRequest) -> web.StreamResponse:
        body = (await request.read()).decode("utf-8", "replace")
        asked = Request(
            method=request.method,
            path=request.path,
            query=request.rel_url.raw_query_string,
            body=body,
            api_key=request.headers.get("X-MBX-APIKEY"),
        )
        fault = self.active.take(faults.RestFault, self.clock(), lambda fault: fault.strikes(asked.method, asked.path))
        if isinstance(fault, faults.SlowRest):
            return await self._answer_late(asked, fault.seconds, fault.acts_first)
        if isinstance(fault, faults.HangRest):
            return await self._answer_late(asked, None, fault.acts_first)
        if isinstance(fault, faults.FailRest):
            return self._fail(asked, fault)
        if isinstance(fault, faults.RedirectRest):
            return web.Response(status=fault.status, headers={"Location": fault.url + request.raw_path})
        if isinstance(fault, faults.TruncateRest):
            return self._truncate(asked, request)
        return self._answer(asked)

    def _answer(self, asked: Request) -> web.Response:
        return _as_response(self._ask(asked))

    def _ask(self, asked: Request) -> Answer:
        answer = self.act(lambda: self.api.answer(asked))
        if asked.path != LISTEN_KEY_PATH or answer.status != 200:
            return answer
        if asked.method == "POST" and self.active.take(faults.IssueDeadKey, self.clock()):
            self.act(lambda: self.exchange.release_key(self.api.account_of(asked.api_key)))
        if asked.method == "PUT" and self.active.take(faults.OmitKeyInPut, self.clock()):
            return Answer(200, {}, answer.headers)
        return answer

    async def _answer_late(self, asked: Request, seconds: Optional[float], acts_first: bool) -> web.Response:
        early = self._answer(asked) if acts_first else None
        if await self._stays_open(seconds):
            return early or self._answer(asked)
        return web.Response(status=503)

    def _fail(self, asked: Request, fault: faults.FailRest) -> web.Response:
        if fault.acts_first:
            self._answer(asked)
        answer = failure(fault, self.clock())
        if fault.body is None:
            return _as_response(answer)
        return web.Response(status=answer.status, text=fault.body, headers=answer.headers, content_type="text/html")

    def _truncate(self, asked: Request, request: web.BaseRequest) -> web.Response:
        response = self._answer(asked)
        body = (response.text or "").encode()
        head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        transport = request.transport
        if isinstance(transport, asyncio.Transport):
            transport.write(head.encode() + body[: len(body) // 2])
            transport.close()
        return response


def _as_response(answer: Answer) -> web.Response:
    return web.Response(
        status=answer.status,
        text=json.dumps(answer.body, separators=(",", ":"), ensure_ascii=False),
        headers=answer.headers,
        content_type="application/json",
    )
