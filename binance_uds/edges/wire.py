"""
One WebSocket connection, never blocking once it is open.

Opening blocks, under one deadline. After that nothing does: ``receive`` hands out what has arrived, sending
leaves for later what the peer does not take now, and the loop that owns the connection does the waiting.

Source: RFC 6455; USDⓈ-M Futures > WebSocket Market Streams > Connect (a ping every 3 minutes).
"""

from __future__ import annotations

import contextlib
import os
import socket
import ssl
import time
from typing import Callable, Optional, Union

import attrs
import websocket
from requests.structures import CaseInsensitiveDict

from ..credentials import Secret, plain
from ..errors import StreamInterrupted, UserDataStreamError
from ..redaction import redact, watch_loggers
from . import holds
from .answers import Answer, in_bounds
from .buffered import Buffered, End
from .deadline import Deadline
from .dial import Origin, connect, in_words, proxy_for, why_over

#: Largest message that is taken, in bytes; the exchange's are below 10 KiB.
MAX_MESSAGE = 1024 * 1024

#: Most frames one ``receive`` works through, so that a flood of tiny ones delays no deadline.
_MAX_FRAMES = 2048

#: websocket-client raises any of these for a connection that is dead or breaks the protocol.
_LIBRARY_ERRORS = (websocket.WebSocketException, OSError, ValueError)


@attrs.frozen
class Ping:
    """The peer's own ping, answered already."""


@attrs.frozen
class Pong:
    """
    The peer's answer to our ping, or an unsolicited one.

    Attributes:
        payload: What the ping carried.
    """

    payload: bytes


@attrs.frozen
class Closed:
    """
    The peer's close frame.

    Attributes:
        code: Such as 1000 or 1008; None when it gave none.
        reason: Its words on one line, often empty; without secrets.
    """

    code: Optional[int]
    reason: str


#: A whole message, text or binary, is its bytes, not yet decoded: there are by far the most of them.
Message = Union[bytes, Ping, Pong, Closed]


class Wire:
    """One connection, from its handshake to its end; made by ``open``, owned by one thread."""

    def __init__(self, ws: Buffered) -> None:
        self._ws = ws
        self._drained = False
        self._failure: Optional[str] = None

    @classmethod
    def open(
        cls,
        url: Union[str, Secret],
        *,
        context: ssl.SSLContext,
        proxy: Union[str, Secret, None] = None,
        abandoned: Callable[[], bool] = lambda: False,
        timeout: float = 5.0,
        max_message: int = MAX_MESSAGE,
    ) -> Wire:
        """
        Connect and shake hands.

        Args:
            url: Where to; a ``Secret`` if it holds the listen key. Forgotten when this returns.
            context: Of ``dial.make_context``.
            proxy: A proxy's URL, or None for what the environment says.
            abandoned: Asked while this is under way; true ends it within moments. Called on another thread.
            timeout: Seconds for all of it.
            max_message: Largest message to accept, in bytes.

        Raises:
            StreamInterrupted: There is no connection, or the handshake was refused; the reason says which.
            ConfigurationError: The proxy is of no use.
        """
        outcome = _opened(url, context, proxy, Deadline(timeout, abandoned), max_message)
        del url
        if isinstance(outcome, UserDataStreamError):
            raise outcome
        return cls(outcome)

    def fileno(self) -> int:
        """Return the socket's descriptor, for ``selectors``."""
        return self._ws.connection.fileno()

    @property
    def has_pending(self) -> bool:
        """Whether ``receive`` has more to give without waiting, although the socket may not look readable."""
        return not self._drained

    @property
    def drained(self) -> bool:
        """Whether the last ``receive`` handed out everything that had arrived."""
        return self._drained

    @property
    def wants_write(self) -> bool:
        """Whether bytes wait to be sent: select for writing, and call ``flush`` when the socket is ready."""
        return bool(self._ws.outbox) and not self._ws.must_read_first

    def receive(self) -> list[Message]:
        """
        Return the messages that have arrived, without waiting; answer the peer's pings.

        Reads up to 256 KiB and works through at most 2,048 frames; what is left waits, and ``has_pending`` is
        true.

        Raises:
            StreamInterrupted: The connection is gone or the peer broke the protocol. What came whole before
                that was handed out before.
        """
        messages: list[Message] = []
        if self._failure is None:
            try:
                self._ws.fill()
                self._parse(messages)
            except _LIBRARY_ERRORS as exc:
                self._failure = _in_words(exc)
            self._ws.settle()
            self._drained = self._ws.is_drained and self._failure is None
            if self._drained and self._ws.broken:
                # Only now: what had arrived before we could no longer send is as good as ever.
                self._drained, self._failure = False, self._ws.broken
        if self._failure is not None and not messages:
            raise StreamInterrupted(self._failure)
        return messages

    def send_text(self, text: Union[str, Secret]) -> None:
        """
        Send one text message, without waiting: what the peer does not take now follows later.

        A connection found dead here is reported by ``receive``, after what has arrived on it.

        Raises:
            StreamInterrupted: ``receive`` has reported the end, or would do so next.
        """
        self._send(plain(text).encode(), websocket.ABNF.OPCODE_TEXT)
        del text
        self._raise_failure()

    def send_ping(self, payload: bytes = b"") -> None:
        """
        Send a ping of at most 125 bytes, as ``send_text`` does; its pong comes out of ``receive``.

        Raises:
            StreamInterrupted: ``receive`` has reported the end, or would do so next.
        """
        self._send(payload, websocket.ABNF.OPCODE_PING)
        self._raise_failure()

    def flush(self) -> None:
        """Send what waits, as far as the peer takes it; call it when the socket can be written to."""
        self._ws.flush()
        self._drained = self._drained and not self._ws.broken

    def close(self) -> None:
        """End the connection at once, with a close frame if it can leave without waiting. Idempotent."""
        sock = self._ws.connection
        if sock.fileno() < 0:
            return
        if self._ws.connected:
            self._ws.send_close()
        self._ws.flush()
        with contextlib.suppress(OSError):
            # Not SSLSocket.shutdown: this is about the connection, whatever is spoken on it.
            socket.socket.shutdown(sock, socket.SHUT_RDWR)
        sock.close()
        self._failure = self._failure or "the connection was closed by this side"

    def discard(self) -> None:
        """In a forked child: close the copy of the descriptor; the connection is the parent's, and goes on."""
        with contextlib.suppress(OSError):
            os.close(self._ws.connection.detach())

    def _parse(self, messages: list[Message]) -> None:
        """Append what the inbox holds, in whole messages."""
        ws, left = self._ws, _MAX_FRAMES
        while left > 0:
            texts = ws.cut_texts(left)
            messages.extend(texts)
            left -= len(texts)
            if left == 0 or not ws.has_next:
                return
            try:
                opcode, frame = ws.recv_data_frame(control_frame=True)
            except websocket.WebSocketTimeoutException:
                return
            left -= 1
            if opcode == websocket.ABNF.OPCODE_CLOSE:
                closed = _closed(frame.data)
                messages.append(closed)
                # What a peer sends behind its close frame counts for nothing.
                self._failure = f"the peer closed the connection ({closed.code or 'no code'})"
                return
            if opcode == websocket.ABNF.OPCODE_PONG:
                messages.append(Pong(frame.data))
            elif opcode == websocket.ABNF.OPCODE_PING:
                messages.append(Ping())
            else:
                messages.append(frame.data)

    def _send(self, payload: bytes, opcode: int) -> None:
        if self._failure is None:
            self._ws.send(payload, opcode)
            self.flush()

    def _raise_failure(self) -> None:
        if self._failure is not None:
            raise StreamInterrupted(self._failure)


def _opened(
    url: Union[str, Secret],
    context: ssl.SSLContext,
    proxy: Union[str, Secret, None],
    deadline: Deadline,
    max_message: int,
) -> Union[Buffered, UserDataStreamError]:
    """Return an open connection, or why there is none; a traceback from here would hold the URL."""
    watch_loggers()
    ws = Buffered(max_message)
    sock: Optional[socket.socket] = None
    retry_after_s: Optional[float] = None
    try:
        origin = Origin.of(plain(url))
        held = holds.held(origin, time.monotonic())
        if held is not None:
            return StreamInterrupted(f"no handshake is tried: {held}", held.retry_after_s)
        with deadline:
            sock = connect(origin.url, context=context, proxy=proxy_for(origin.url, proxy), deadline=deadline)
            ws.open(plain(url), sock)
        if not deadline.is_over:
            return ws
        reason = ""
    except UserDataStreamError as exc:
        return type(exc)(*exc.args)
    except websocket.WebSocketBadStatusException as exc:
        refusal = holds.heed(
            origin, Answer(exc.status_code, CaseInsensitiveDict(exc.resp_headers or {}), exc.resp_body or b"")
        )
        retry_after_s = getattr(refusal, "retry_after_s", None)
        reason = f"handshake refused with HTTP {exc.status_code}"
    except Exception as exc:
        response = ws.handshake_response
        is_redirect = response is not None and 300 <= response.status < 400
        reason = "the answer is a redirect, which is never followed" if is_redirect else _in_words(exc)
        reason = f"handshake failed: {reason}"
    except BaseException:
        # Ctrl-C, where the user's own thread runs.
        if sock is not None:
            sock.close()
        raise
    if sock is not None:
        sock.close()
    return StreamInterrupted(why_over(deadline, "no WebSocket handshake") or reason, retry_after_s)


def _closed(payload: bytes) -> Closed:
    if not payload:
        return Closed(None, "")
    return Closed(int.from_bytes(payload[:2], "big"), in_bounds(payload[2:].decode("utf-8", "replace")))


def _in_words(error: Exception) -> str:
    """Describe an error of the library or the system."""
    if isinstance(error, End):
        return str(error)
    if isinstance(error, websocket.WebSocketTimeoutException):
        return "timed out"
    if isinstance(error, websocket.WebSocketConnectionClosedException):
        return "closed by the other side"
    if isinstance(error, OSError):
        return in_words(error)
    if isinstance(error, websocket.WebSocketProtocolException):
        return f"the peer broke the WebSocket protocol: {redact(str(error))[:200]}"
    return "the peer does not speak WebSocket"
