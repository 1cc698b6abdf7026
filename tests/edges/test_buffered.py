"""websocket-client's protocol on our buffers, over a pair of connected sockets."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

import pytest
import websocket

from binance_uds.edges import buffered
from binance_uds.edges.buffered import Buffered, End


@pytest.fixture
def pair() -> Iterator[tuple[Buffered, socket.socket]]:
    """An open connection and its far end, past the handshake."""
    near, far = socket.socketpair()
    near.setblocking(False)
    far.settimeout(20.0)
    ws = Buffered(1000)
    ws.connection, ws.connected = near, True
    with near, far:
        yield ws, far


def test_the_inbox_is_filled_no_further_than_its_size(pair, frames, monkeypatch):
    """What does not fit stays in the socket, where it holds the peer back."""
    monkeypatch.setattr(buffered, "_INBOX", 10)
    ws, far = pair
    far.sendall(frames.frame(b"12345678") + frames.frame(b"x"))
    ws.fill()
    first = (ws.inbox, ws.is_drained)
    texts = ws.cut_texts(10)
    ws.settle()
    ws.fill()

    assert (frames.frame(b"12345678"), False) == first
    assert [b"12345678"] == texts
    assert [b"x"] == ws.cut_texts(10)
    ws.settle()
    assert ws.is_drained


def test_one_filling_reads_all_that_has_arrived(pair):
    """However much more that is than usually comes, it is there at once, and the next is read as well."""
    ws, far = pair
    much = b"x" * 100_000
    far.sendall(much)
    ws.fill()
    first, ws.at = len(ws.inbox), len(ws.inbox)
    far.sendall(b"123")
    ws.fill()

    assert len(much) == first
    assert (b"123", False) == (ws.inbox, ws.is_drained)


@pytest.mark.fault(41)
def test_half_a_frame_is_kept_by_the_library(pair, frames):
    """The inbox is empty, and yet nothing is lost when the rest comes."""
    ws, far = pair
    whole = frames.frame(b"abc", 2)
    for part in (whole[:3], whole[3:]):
        far.sendall(part)
        ws.fill()
        try:
            opcode, frame = ws.recv_data_frame(control_frame=True)
        except websocket.WebSocketTimeoutException:
            assert not ws.frames.at_boundary
        ws.settle()

    assert (2, b"abc") == (opcode, frame.data)
    assert ws.frames.at_boundary


def test_the_end_comes_after_everything_else(pair, frames):
    """A closed connection is noticed when the inbox has been read, not before."""
    ws, far = pair
    far.sendall(frames.frame(b"last"))
    far.shutdown(socket.SHUT_WR)
    ws.fill()

    assert [b"last"] == ws.cut_texts(10)
    ws.settle()
    ws.fill()
    with pytest.raises(End, match="without a close frame"):
        ws.recv_data_frame(control_frame=True)


def test_the_latest_ping_is_answered_once(pair, frames):
    """Its payload is echoed when the reading is done."""
    ws, far = pair
    far.sendall(frames.frame(b"1", 9) + frames.frame(b"2", 9))
    ws.fill()
    for _ in range(2):
        ws.recv_data_frame(control_frame=True)
    assert b"" == bytes(ws.outbox)
    ws.settle()
    head = far.recv(100)
    ws.settle()

    assert (0x8A, 0x81, 2 + 4 + 1) == (head[0], head[1], len(head))
    assert b"2" == bytes([head[6] ^ head[2]])
    far.setblocking(False)
    with pytest.raises(BlockingIOError):
        far.recv(100)


def test_a_frame_is_taken_whole_or_not_at_all(pair):
    """The outbox never ends in half a frame, and after it overflowed nothing more is taken."""
    ws, _ = pair
    sent: list[Any] = []
    ws.connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    while ws.broken is None:
        sent.append(ws.send("x" * 1000))
        ws.flush()
    size = len(ws.outbox)
    ws.send("y")

    assert "the peer does not read what it is sent" == ws.broken
    assert size == len(ws.outbox) <= buffered.MAX_OUTBOX
