"""
websocket-client between an inbox and an outbox, on a socket that never blocks.

The library shakes hands, speaks the protocol and keeps what is half read; its two calls on the socket are
replaced by an inbox that is filled with what has arrived and an outbox that empties as the peer reads. So no
ping, trickle or full send buffer can hold the thread that owns the connection, and no time-out cuts a frame.

Source: RFC 6455.
"""

from __future__ import annotations

import http
import socket
import ssl
from typing import Optional, Union

import websocket

from .dial import in_words
from .framing import Frames, cut_texts

#: Largest number of bytes waiting to be sent; we send pings, pongs and a few short requests.
MAX_OUTBOX = 64 * 1024

#: Bytes that are read and parsed before anything else is looked at.
_INBOX = 256 * 1024

#: Bytes asked for at once while fewer come. Room is made for as many as are asked for, and beyond 128 KiB a C library
#: may ask the system for that room each time, which takes several times as long as reading a usual frame. When more
#: come, all are asked for at once: each call lets other threads have the interpreter, and it may be long until it is
#: ours.
_USUAL = 64 * 1024

#: What a non-blocking socket says instead of blocking.
_WOULD_BLOCK = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


class End(websocket.WebSocketException):
    """There is nothing more to read; says why."""


class Buffered(websocket.WebSocket):
    """websocket-client's protocol between an inbox and an outbox, on a socket that never blocks."""

    def __init__(self, max_message: int) -> None:
        super().__init__(skip_utf8_validation=True, enable_multithread=False)
        self.frame_buffer = self.frames = Frames(self._recv, max_message)
        self.connection: socket.socket
        self.inbox, self.at = b"", 0
        self.outbox = bytearray()
        self.broken: Optional[str] = None  # why nothing can be sent any more
        self.must_read_first = False  # TLS needs to hear from the peer before it can send
        self._end: Optional[str] = None
        self._is_empty = False
        self._ask = _USUAL
        self._ping: Optional[bytes] = None

    @property
    def is_drained(self) -> bool:
        """Whether all that had arrived was read and parsed."""
        return self._is_empty and not self.inbox

    def open(self, url: str, connection: socket.socket) -> None:
        """Shake hands on a blocking connection, which does not block any more afterwards."""
        self.connection = connection
        # The head is read byte by byte, so what the peer sends right behind it is still in the socket.
        options = {"socket": connection, "redirect_limit": 0, "suppress_origin": True}
        self.connect(url, **options)  # type: ignore[no-untyped-call]
        if self.status != http.HTTPStatus.SWITCHING_PROTOCOLS:
            # websocket-client 1.9.0 takes a redirect it may not follow for success.
            raise websocket.WebSocketException(f"HTTP {self.status}")
        connection.setblocking(False)

    def fill(self) -> None:
        """Read until the socket would block, or the inbox is full."""
        self.must_read_first = self._is_empty = False
        chunks = [self.inbox[self.at :]]
        room = _INBOX - len(chunks[0])
        while room > 0 and self._end is None and not self._is_empty:
            asked = min(room, self._ask)
            try:
                chunk = self.connection.recv(asked)
            except _WOULD_BLOCK:
                self._is_empty = True
            except OSError as exc:
                self._end = f"the connection was lost: {in_words(exc)}"
            else:
                chunks.append(chunk)
                self._ask = _USUAL if len(chunk) < _USUAL else _INBOX
                # Less than was asked for is all there is, but of TLS, which hands out one record at a time.
                self._is_empty = len(chunk) < asked and type(self.connection) is socket.socket
                room -= len(chunk)
                if not chunk:
                    self._end = "the peer closed the connection without a close frame"
        self.inbox, self.at = b"".join(chunks), 0

    @property
    def has_next(self) -> bool:
        """Whether there is something for the library to read, which takes it some time to find out."""
        return self.at < len(self.inbox) or self._end is not None

    def cut_texts(self, limit: int) -> list[bytes]:
        """Take whole text messages off the inbox, if that is where the next one begins."""
        if not self.frames.at_boundary:
            return []
        texts, self.at = cut_texts(self.inbox, self.at, limit, self.frames.max_message)
        return texts

    def settle(self) -> None:
        """Answer the latest ping, and with it those before it (RFC 6455, 5.5.3); send what can be sent."""
        if self._ping is not None and self.connected:
            super().pong(self._ping)
        self._ping = None
        if self.at >= len(self.inbox) or not self.connected:
            # Parsed, or behind the close frame; it may hold a listen key, so it is not kept around.
            self.inbox, self.at = b"", 0
        self.flush()

    def flush(self) -> None:
        """Send what the peer takes now."""
        try:
            while self.outbox and not self.broken:
                del self.outbox[: self.connection.send(self.outbox)]
        except ssl.SSLWantReadError:
            self.must_read_first = True
        except _WOULD_BLOCK:
            pass
        except OSError as exc:
            self.broken = f"the connection was lost: {in_words(exc)}"

    def pong(self, payload: Union[str, bytes] = b"") -> None:
        self._ping = payload.encode() if isinstance(payload, str) else payload

    def _recv(self, bufsize: int) -> bytes:
        data = self.inbox[self.at : self.at + bufsize]
        if not data:
            # The library keeps what it has half read when it sees a time-out.
            raise websocket.WebSocketTimeoutException() if self._end is None else End(self._end)
        self.at += len(data)
        return data

    def _send(self, data: Union[str, bytes]) -> int:
        assert isinstance(data, bytes)
        if len(self.outbox) + len(data) > MAX_OUTBOX:
            self.broken = self.broken or "the peer does not read what it is sent"
        if not self.broken:
            self.outbox += data
        return len(data)
