"""Frames on the wire, checked against the bytes RFC 6455 gives."""

import pytest

from binance_uds.simulator.frames import CLOSE, PING, TEXT, close_frame, fragments, frame


def test_short_frame():
    """The unmasked example of RFC 6455, section 5.7."""
    assert b"\x81\x05Hello" == frame(TEXT, b"Hello")


@pytest.mark.parametrize(
    "size, head",
    [
        (125, b"\x81\x7d"),
        (126, b"\x81\x7e\x00\x7e"),
        (65535, b"\x81\x7e\xff\xff"),
        (65536, b"\x81\x7f\x00\x00\x00\x00\x00\x01\x00\x00"),
    ],
)
def test_lengths(size, head):
    """The length takes one, three or nine bytes."""
    assert head + b"x" * size == frame(TEXT, b"x" * size)


def test_close_frame_carries_its_code():
    """A code goes in front of the reason; without one the frame is empty."""
    assert bytes([0x80 | CLOSE, 5]) + b"\x03\xe8bye" == close_frame(1000, "bye")
    assert bytes([0x80 | CLOSE, 0]) == close_frame(None)


def test_fragments_have_pings_between_them():
    """Only the first fragment says it is text and only the last one that it is the last."""
    first, ping, second = fragments(b"Hello", 2)

    assert b"\x01\x03Hel" == first
    assert 0x80 | PING == ping[0]
    assert b"\x80\x02lo" == second


def test_one_fragment_is_a_plain_frame():
    """One piece is the whole message."""
    assert [frame(TEXT, b"Hello")] == list(fragments(b"Hello", 1))
