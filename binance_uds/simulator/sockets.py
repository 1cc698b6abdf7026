"""
The WebSocket side of the local exchange: who is connected, and what each of them is sent.

aiohttp shakes hands and reads; frames are written straight to the transport (see ``frames.py``).
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import struct
from collections.abc import Callable, Iterable, Iterator
from typing import Optional

from aiohttp import WSMsgType, web

from binance_uds.simulator import control, faults
from binance_uds.simulator.active_faults import ActiveFaults
from binance_uds.simulator.exchange import Exchange
from binance_uds.simulator.frames import BINARY, PING, PONG, PROVOKED, TEXT, close_frame, fragments, frame
from binance_uds.simulator.limits import MessageLimit
from binance_uds.simulator.records import Push
from binance_uds.simulator.rules import Rules

_ENDED = frozenset({WSMsgType.CLOSE, WSMsgType.CLOSING, WSMsgType.CLOSED, WSMsgType.ERROR})

#: Of `struct linger`: close at once and throw away what is unsent, which sends RST.
_NO_LINGER = struct.pack("hh" if os.name == "nt" else "ii", 1, 0)


class Connection:
    """
    One WebSocket connection, from its 101 to its end; used only in the exchange's loop.

    Attributes:
        subscription: What it asked for.
        is_frozen: A black hole: nothing is read, answered or sent any more.
        silenced: How it answers LIST_SUBSCRIPTIONS if its plan delivers nothing, else None.
    """

    def __init__(
        self,
        subscription: control.Subscription,
        transport: asyncio.Transport,
        rules: Rules,
        on_request: Callable[[Connection], None],
    ) -> None:
        self.subscription = subscription
        self.is_frozen = False
        self.silenced: Optional[str] = None
        self._transport = transport
        self._rules = rules
        self._on_request = on_request
        self._loop = asyncio.get_running_loop()
        self._messages = MessageLimit(rules.messages_per_second)
        self._pong_due: Optional[asyncio.TimerHandle] = None
        self._next_ping = self._loop.call_later(rules.ping_interval, self._ping)
        self._life_end = self._loop.call_later(rules.connection_life, self.close, 1001, "24 hours passed")

    def write(self, wire: bytes) -> None:
        """Put bytes on the wire, unless this connection is a black hole or has ended."""
        if not self.is_frozen and not self._transport.is_closing():
            self._transport.write(wire)

    def freeze(self) -> None:
        """Become a black hole; the operating system goes on acknowledging what comes in."""
        self.release()
        self.is_frozen = True
        self._transport.pause_reading()

    def close(self, code: Optional[int], reason: str = "") -> None:
        """End with a close frame, then FIN."""
        self.write(close_frame(code, reason))
        self.finish()

    def finish(self) -> None:
        """End with a bare FIN."""
        self.release()
        self._transport.close()

    def reset(self) -> None:
        """End with RST: what is still under way is thrown away."""
        self.release()
        raw = self._transport.get_extra_info("socket")
        if raw is not None:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
        self._transport.abort()

    def cut(self) -> None:
        """End in the middle of a frame."""
        whole = frame(TEXT, b'{"e":"ORDER_TRADE_UPDATE","E":1568879465651,"o":{}}')
        self.write(whole[: len(whole) // 2])
        # An abort would discard the half frame as well, so it leaves first and the connection just ends.
        self.finish()

    def release(self) -> None:
        """Stop the timers."""
        self._next_ping.cancel()
        self._life_end.cancel()
        self._forgive()

    async def run(self, incoming: web.WebSocketResponse) -> None:
        """Answer what the client sends until either side ends the connection."""
        while True:
            message = await incoming.receive()
            if message.type in _ENDED:
                if message.type is WSMsgType.CLOSE:
                    self.close(message.data or None)
                return
            if message.type is WSMsgType.PONG and message.data == PROVOKED:
                continue
            if not self._messages.count(int(self._loop.time() * 1000)):
                self.close(1008, "Too many requests")
                return
            if message.type is WSMsgType.PING:
                self.write(frame(PONG, message.data))
            elif message.type is WSMsgType.PONG:
                self._forgive()
            elif message.type is WSMsgType.TEXT:
                self._answer(message.data)

    def _answer(self, text: str) -> None:
        reply = control.answer(self.subscription, text)
        if self.silenced and '"LIST_SUBSCRIPTIONS"' in text:
            if self.silenced == "none":
                return
            if self.silenced == "empty":
                reply = json.dumps({**json.loads(reply), "result": []})
        self.write(frame(TEXT, reply.encode()))
        self._on_request(self)

    def _ping(self) -> None:
        self.write(frame(PING, str(int(self._loop.time() * 1000)).encode()))
        self._next_ping = self._loop.call_later(self._rules.ping_interval, self._ping)
        # Pings follow each other faster than a pong is due; the oldest one without an answer counts.
        if self._pong_due is None:
            self._pong_due = self._loop.call_later(self._rules.pong_timeout, self.close, 1008, "Pong timeout")

    def _forgive(self) -> None:
        if self._pong_due is not None:
            self._pong_due.cancel()
            self._pong_due = None


class Hub:
    """
    Every open connection, and the way from a push to those who hold the account's valid key.

    Attributes:
        opened: Connections so far, the ended ones included.
    """

    def __init__(self, exchange: Exchange, active: ActiveFaults) -> None:
        self.opened = 0
        self._exchange = exchange
        self._active = active
        self._connections: dict[Connection, None] = {}

    def __len__(self) -> int:
        return len(self._connections)

    def add(self, connection: Connection) -> None:
        """A connection opened."""
        self.opened += 1
        self._connections[connection] = None

    def remove(self, connection: Connection) -> None:
        """A connection ended."""
        connection.release()
        self._connections.pop(connection, None)

    def of(self, account: Optional[str] = None) -> list[Connection]:
        """List the connections that hold a valid key of an account; None for all, with or without a key."""
        return [
            connection for connection in self._connections if account is None or account in self._owners(connection)
        ]

    def holding(self, key: str) -> list[Connection]:
        """List the connections that hold a listen key, valid or not, oldest first."""
        return [connection for connection in self._connections if key in connection.subscription.held_keys()]

    def private(self) -> list[Connection]:
        """List the connections on which private events may come."""
        return [each for each in self._connections if each.subscription.form != control.SILENT_FORM]

    def deliver(self, pushes: Iterable[Push]) -> None:
        """Send pushes, in order, to all who are to get them."""
        for push in pushes:
            receivers = list(self._receivers(push))
            if receivers:
                self._send(push, receivers)

    def _owners(self, connection: Connection) -> set[str]:
        owners = (self._exchange.key_owner(key) for key in connection.subscription.held_keys())
        return {owner.name for owner in owners if owner is not None}

    def _receivers(self, push: Push) -> Iterator[tuple[Connection, str]]:
        event = push.payload["e"]
        for connection in self._connections:
            if connection.silenced:
                continue
            for key in connection.subscription.held_keys():
                concerned = key == push.key if push.key else self._exchange.key_owner(key) is push.account
                if concerned:
                    for name in connection.subscription.names_for(key, event):
                        yield connection, name

    def _send(self, push: Push, receivers: list[tuple[Connection, str]]) -> None:
        event = push.payload["e"]
        now_ms = self._exchange.now_ms
        if self._active.take(faults.LoseFrame, now_ms, lambda fault: fault.event in (None, event)):
            return
        copies = 1
        if self._active.take(faults.RepeatFrame, now_ms, lambda fault: fault.event in (None, event)):
            copies = 2
        pieces = 1
        fragmented = self._active.take(faults.FragmentFrames, now_ms)
        if fragmented is not None:
            pieces = fragmented.pieces
        text = json.dumps(push.payload, separators=(",", ":"), ensure_ascii=False)
        for connection, name in receivers:
            wire = b"".join(fragments(connection.subscription.wrap(name, text).encode(), pieces))
            connection.write(wire * copies)


def garbage(data: object, *, binary: bool) -> bytes:
    """Encode a frame with any payload."""
    payload = data if isinstance(data, bytes) else str(data).encode("utf-8", "surrogatepass")
    return frame(BINARY if binary else TEXT, payload)
