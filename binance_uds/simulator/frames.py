"""
WebSocket frames as a server writes them (RFC 6455), down to the broken ones.

The server reads through aiohttp, but writes its own bytes: a push is then on its way when the call
returns, and a fault can put anything on the wire.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Optional

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA

#: Payload of pings that a fault sends; their pongs are not held against the client.
PROVOKED = b"provoked"

_FINAL = 0x80
_SHORT, _TWO_BYTES, _EIGHT_BYTES = 125, 126, 127


def frame(opcode: int, payload: bytes = b"", *, final: bool = True) -> bytes:
    """Encode one unmasked frame."""
    head = opcode | (_FINAL if final else 0)
    size = len(payload)
    if size <= _SHORT:
        return struct.pack("!BB", head, size) + payload
    if size < 1 << 16:
        return struct.pack("!BBH", head, _TWO_BYTES, size) + payload
    return struct.pack("!BBQ", head, _EIGHT_BYTES, size) + payload


def close_frame(code: Optional[int], reason: str = "") -> bytes:
    """Encode a close frame; without a code it is empty."""
    return frame(CLOSE, b"" if code is None else struct.pack("!H", code) + reason.encode())


def fragments(payload: bytes, pieces: int) -> Iterator[bytes]:
    """
    Encode one text message as several frames, with a ping between each two.

    Args:
        payload: The message.
        pieces: Number of fragments, at least 1; a payload too short for so many gives empty ones.

    Yields:
        Frames, in the order they are to be sent.
    """
    size = -(-len(payload) // pieces)
    for number in range(pieces):
        if number:
            yield frame(PING, PROVOKED)
        opcode = CONTINUATION if number else TEXT
        yield frame(opcode, payload[number * size : (number + 1) * size], final=number == pieces - 1)
