"""
WebSocket frames: the fast way for the common one, and bounds for all others.

Nearly every frame of a user data stream is a final, unmasked, complete text frame. Cutting those straight out
of the buffer costs about a tenth of what websocket-client's reader takes; that reader gets everything else,
with the bounds it lacks (it would buffer a terabyte if a header announced one).

Source: RFC 6455, sections 5.2 to 5.5.
"""

from __future__ import annotations

from typing import Callable

import websocket

#: A message in more pieces than this is an attack: each piece copies all before it.
MAX_FRAGMENTS = 1024

_FINAL_TEXT = 0x81
_LENGTH_IN_2_BYTES = 126


def cut_texts(buffer: bytes, at: int, limit: int, max_message: int) -> tuple[list[bytes], int]:
    """
    Cut whole text messages off the front of a buffer.

    Args:
        buffer: Received bytes.
        at: Where in it a frame begins.
        limit: Most messages to cut.
        max_message: Longest message to cut, in bytes.

    Returns:
        The messages, and where the first frame begins that is of another kind, too long, or not complete.
    """
    messages: list[bytes] = []
    end = len(buffer)
    while len(messages) < limit and at + 2 <= end and buffer[at] == _FINAL_TEXT:
        length, start = buffer[at + 1], at + 2
        if length == _LENGTH_IN_2_BYTES:
            start += 2
            length = int.from_bytes(buffer[at + 2 : start], "big")
        elif length > _LENGTH_IN_2_BYTES:
            break
        if start + length > end or length > max_message:
            break
        at = start + length
        messages.append(buffer[start:at])
    return messages, at


class Frames(websocket.frame_buffer):
    """
    websocket-client's reader of single frames, judging each by its header, before its payload has come.

    Args:
        receive: Returns up to so many bytes, or raises ``WebSocketTimeoutException``; what was read is kept.
        max_message: Largest message, in bytes, its fragments taken together.
    """

    def __init__(self, receive: Callable[[int], bytes], max_message: int) -> None:
        super().__init__(receive, True)
        self.max_message = max_message
        self._fragments = 0
        self._size = 0

    @property
    def at_boundary(self) -> bool:
        """Whether neither a frame nor a fragmented message is half read."""
        return self.header is None and not self.recv_buffer and not self._fragments

    def recv_header(self) -> None:
        super().recv_header()
        assert self.header is not None
        _, rsv1, rsv2, rsv3, opcode, is_masked, _ = self.header
        if rsv1 or rsv2 or rsv3:
            raise websocket.WebSocketProtocolException("reserved bits are set")
        if opcode not in websocket.ABNF.OPCODES:
            raise websocket.WebSocketProtocolException(f"opcode {opcode} does not exist")
        if is_masked:
            raise websocket.WebSocketProtocolException("a server's frames must not be masked")

    def recv_length(self) -> None:
        super().recv_length()
        assert self.header is not None
        assert self.length is not None
        final, _, _, _, opcode, _, _ = self.header
        if opcode >= websocket.ABNF.OPCODE_CLOSE:
            if self.length >= _LENGTH_IN_2_BYTES or not final:
                raise websocket.WebSocketProtocolException("a control frame is too long or cut in pieces")
            return
        if opcode != websocket.ABNF.OPCODE_CONT:
            self._fragments, self._size = 0, 0
        self._fragments, self._size = self._fragments + 1, self._size + self.length
        if self._size > self.max_message:
            raise websocket.WebSocketProtocolException(f"a message of more than {self.max_message} bytes")
        if self._fragments > MAX_FRAGMENTS:
            raise websocket.WebSocketProtocolException(f"a message in more than {MAX_FRAGMENTS} pieces")
        if final:
            self._fragments = 0
