"""The loop's thread: opening, calling, closing."""

import asyncio
import threading

import pytest

from binance_uds.simulator.loop_thread import LoopThread


class Life:
    """Records what is opened and closed, and where."""

    def __init__(self, failure=None):
        self.steps = []
        self.failure = failure

    async def open(self):
        self.steps.append("open")
        if self.failure is not None:
            raise self.failure

    async def close(self):
        self.steps.append("close")


def started(life):
    """A running thread."""
    thread = LoopThread("test")
    thread.start(life.open, life.close)
    return thread


def test_life():
    """It opens, runs calls in its own thread, closes once and leaves nothing behind."""
    life = Life()
    before = threading.active_count()
    thread = started(life)
    name = thread.call(lambda: threading.current_thread().name)
    nested = thread.call(lambda: thread.call(asyncio.get_running_loop))
    thread.stop()
    thread.stop()

    assert "test" == name
    assert nested.is_closed()
    assert ["open", "close"] == life.steps
    assert before == threading.active_count()
    assert not thread.is_running


def test_a_call_that_raises():
    """The caller gets the exception, and the loop goes on."""
    thread = started(Life())

    with pytest.raises(ZeroDivisionError):
        thread.call(lambda: 1 // 0)
    assert 4 == thread.call(lambda: 4)
    thread.stop()


def test_opening_that_fails():
    """The starter gets the exception, and what was half open is closed."""
    life = Life(OSError("taken"))
    thread = LoopThread("test")

    with pytest.raises(OSError, match="taken"):
        thread.start(life.open, life.close)
    assert ["open", "close"] == life.steps
    assert not thread.is_running


def test_misuse():
    """It is started once, and called only while it runs."""
    thread = LoopThread("test")
    thread.stop()
    with pytest.raises(RuntimeError):
        thread.call(lambda: None)
    thread.start(Life().open, Life().close)
    with pytest.raises(RuntimeError):
        thread.start(Life().open, Life().close)
    thread.stop()
    with pytest.raises(RuntimeError):
        thread.call(lambda: None)


def test_stopping_from_inside():
    """From its own loop, stop only asks."""
    life = Life()
    thread = started(life)
    thread.call(thread.stop)
    thread.stop()

    assert ["open", "close"] == life.steps
