"""Frames, in buffers."""

from __future__ import annotations

import pytest
import websocket

from binance_uds.edges.framing import MAX_FRAGMENTS, Frames, cut_texts

BOUND = 100_000


@pytest.mark.parametrize("size", [0, 1, 125, 126, 127, 65535])
def test_short_and_medium_texts_are_cut(frames, size):
    """Both short forms of the length are understood, wherever in the buffer the frame begins."""
    data = b"x" * size
    buffer = b"??" + frames.frame(data) * 2

    assert ([data, data], len(buffer)) == cut_texts(buffer, 2, 10, BOUND)


@pytest.mark.parametrize("size", [0, 5, 125, 126, 300])
def test_a_frame_cut_anywhere_is_left_alone(frames, size):
    """Nothing is taken before the last byte has come."""
    whole = frames.frame(b"before")
    frame = frames.frame(b"y" * size)
    cuts = [cut_texts(whole + frame[:at], 0, 10, BOUND) for at in range(len(frame))]

    assert [([b"before"], len(whole))] * len(frame) == cuts


@pytest.mark.parametrize(
    "other",
    [b"\x82\x01a", b"\x01\x01a", b"\x80\x01a", b"\x89\x00", b"\x88\x00", b"\xc1\x01a", b"\x81\x81abcda"],
    ids=["binary", "fragment", "continuation", "ping", "close", "reserved", "masked"],
)
def test_all_other_frames_are_left_to_the_library(frames, other):
    """The fast way takes final, unmasked text frames and stops before anything else."""
    buffer = frames.frame(b"one") + other + frames.frame(b"two")

    assert ([b"one"], 5) == cut_texts(buffer, 0, 10, BOUND)


def test_limits_are_kept(frames):
    """Neither more messages than asked for are cut, nor longer ones than allowed."""
    buffer = frames.frame(b"abc") * 5

    assert ([b"abc"] * 3, 15) == cut_texts(buffer, 0, 3, BOUND)
    assert ([], 0) == cut_texts(buffer, 0, 3, 2)
    assert ([], 0) == cut_texts(frames.frame(b"x" * 70_000), 0, 3, BOUND)


def reader(data: bytes, max_message: int = BOUND) -> Frames:
    rest = [data]

    def receive(size: int) -> bytes:
        taken, rest[0] = rest[0][:size], rest[0][size:]
        if not taken:
            raise websocket.WebSocketTimeoutException
        return taken

    return Frames(receive, max_message)


@pytest.mark.fault(44)
def test_a_length_is_judged_before_the_payload_comes():
    """The header alone is enough to refuse a message."""
    frames = reader(b"\x81\x7f\x00\x00\x00\x00\x00\x01\x86\xa1")
    with pytest.raises(websocket.WebSocketProtocolException, match="more than 100000 bytes"):
        frames.recv_frame()


def test_boundaries_between_frames_are_known(frames):
    """Half a frame and half a message are no boundaries; a ping between fragments changes nothing."""
    data = frames.frame(b"a", final=False) + frames.frame(b"", 9) + frames.frame(b"b", 0)
    read = reader(data + b"\x81")
    seen = [read.at_boundary]
    for _ in range(3):
        read.recv_frame()
        seen.append(read.at_boundary)
    with pytest.raises(websocket.WebSocketTimeoutException):
        read.recv_frame()
    with pytest.raises(websocket.WebSocketTimeoutException):
        read.recv_frame()
    seen.append(read.at_boundary)

    assert [True, False, False, True, False] == seen


def test_a_new_message_starts_counting_anew(frames):
    """Bounds are per message, not per connection."""
    message = frames.frame(b"x" * 60, final=False) + frames.frame(b"x" * 40, 0)
    read = reader(message * 50, max_message=100)

    assert [60, 40] * 50 == [len(read.recv_frame().data) for _ in range(100)]


def test_pieces_are_counted(frames):
    """A message in too many pieces is refused even when it is empty."""
    read = reader(frames.frame(b"", final=False) + frames.frame(b"", 0, final=False) * MAX_FRAGMENTS)
    for _ in range(MAX_FRAGMENTS):
        read.recv_frame()
    with pytest.raises(websocket.WebSocketProtocolException, match="pieces"):
        read.recv_frame()
