"""What writes a journal."""

import itertools

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as some

import binance_uds as uds
from binance_uds.credentials import Secret
from binance_uds.edges.clock import Clock
from binance_uds.instants import Instant
from binance_uds.recording import files
from binance_uds.recording.journal import instant, stepped
from binance_uds.recording.recorder import RecordedClock, asked
from tests.recording.replayed import replayed


class SetClock(Clock):
    """Shows one moment after the other."""

    def __init__(self, moments):
        self._moments = iter(moments)

    def now(self):
        """Return the next."""
        return next(self._moments)


SECONDS = some.floats(0, 1e9)
DRIFTS = some.lists(some.tuples(SECONDS, some.floats(-1e-3, 1e-3), some.floats(-1e-3, 1e-3)), min_size=1)


@given(DRIFTS, some.booleans())
def test_a_recorded_moment_is_never_yet_to_come(drifts, has_boot):
    """Within a fifth of a millisecond of what the clocks showed, never behind it, and written so that it comes back."""
    moments = [Instant(at, at + 5.0 + by if has_boot else None, at + 1e9 + other) for at, by, other in sorted(drifts)]
    clock = RecordedClock(SetClock(moments), 1)
    seen = [clock.now() for _ in moments]
    reading, read = (0, 0, 0), []
    for by in clock.take():
        reading = stepped(reading, by)
        read.append(instant(reading))

    assert seen == read
    for moment, recorded in zip(moments, seen):
        for one, other in zip(attrs.astuple(moment), attrs.astuple(recorded)):
            assert (one is None) == (other is None)
            assert one is None or -1e-6 < one - other < 203e-6


def test_dice_roll_again():
    """The same seed, the same chances."""
    one, other = (RecordedClock(SetClock([]), 5) for _ in range(2))

    assert [one.jitter() for _ in range(5)] == [other.jitter() for _ in range(5)]


def test_a_clock_that_is_read_without_end_is_written_in_time():
    """By the number of its readings, or by the time they span."""
    clock = RecordedClock(SetClock(Instant(float(second), None, 0.0) for second in itertools.count(1)), 1)
    assert not clock.is_long(1, 0.0)
    for _ in range(3):
        clock.now()

    assert [True, False, True, False] == [
        clock.is_long(3, 99.0),
        clock.is_long(4, 99.0),
        clock.is_long(99, 2.0),
        clock.is_long(99, 3.0),
    ]


def test_what_is_asked_is_told_without_what_is_secret_or_new():
    """Neither the time nor the signature, so that a replay asks the same."""
    query = Secret("symbol=BTC%20USDT&limit=5&recvWindow=5000&timestamp=17&signature=abc")

    assert "GET /fapi/v1/userTrades symbol=BTC USDT limit=5" == asked("GET", "/fapi/v1/userTrades", query)
    assert "POST /fapi/v1/listenKey" == asked("POST", "/fapi/v1/listenKey", "")


def test_ctrl_c_in_the_middle_of_a_line_ends_the_recording(make_stream, exchange, tmp_path, monkeypatch):
    """What was written before can be replayed, and the interruption comes out where the user is."""
    stream = make_stream()
    recording = stream.record(tmp_path / "j")
    write, count = files.os.write, itertools.count()

    def interrupted(file, data):
        if next(count) == 9:
            raise KeyboardInterrupt
        return write(file, data)

    monkeypatch.setattr(files.os, "write", interrupted)
    with pytest.raises(KeyboardInterrupt):
        stream.run()
    monkeypatch.undo()

    assert "interrupted in the middle of a line" == recording.problem
    assert uds.StreamState.STOPPED is stream.state
    assert "ends before the run does" in replayed(tmp_path / "j").stream.cut


def test_a_recording_prints_its_path(stream, tmp_path):
    """And tells what it wrote so far."""
    recording = stream.record(tmp_path / "j")

    assert f"<Recording {tmp_path / 'j'}>" == repr(recording)
    assert (1, 1, None) == (recording.lines, recording.parts, recording.problem)
    assert (tmp_path / "j").stat().st_size == recording.bytes
