"""The total deadline, on pairs of connected sockets."""

from __future__ import annotations

import contextlib
import functools
import itertools
import socket
import threading
import time
from collections.abc import Iterator

import pytest

from binance_uds.edges import deadline as deadlines
from binance_uds.edges.deadline import Deadline
from binance_uds.errors import StreamInterrupted
from tests.interrupting import with_interruption

HOUR = 3600.0
LIMIT_S = 20.0


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    one, other = socket.socketpair()
    with one, other:
        one.settimeout(LIMIT_S)
        yield one, other


def helpers() -> int:
    return sum(thread.name.endswith(" deadline") for thread in threading.enumerate())


def test_a_blocked_read_ends_when_time_is_up(pair):
    """The read sees the end of the connection, and the deadline says why."""
    with Deadline(0.1) as deadline:
        deadline.watch(pair[0])
        data = pair[0].recv(1)

    assert b"" == data
    assert (True, False) == (deadline.passed, deadline.abandoned)


def test_bytes_that_trickle_do_not_stretch_it(pair):
    """However many reads succeed, the time is one."""
    done = threading.Event()

    def trickle() -> None:
        with contextlib.suppress(OSError):
            while not done.wait(0.01):
                pair[1].send(b"x")

    thread = threading.Thread(target=trickle)
    thread.start()
    with Deadline(0.3) as deadline:
        deadline.watch(pair[0])
        while pair[0].recv(1):
            pass
    done.set()
    thread.join(LIMIT_S)

    assert deadline.passed


def test_a_flag_set_without_a_lock_ends_it(pair):
    """What a signal handler may do, storing an attribute, is enough."""

    class Stream:
        stopping = False

    timer = threading.Timer(0.05, setattr, (Stream, "stopping", True))
    timer.start()
    with Deadline(HOUR, lambda: Stream.stopping) as deadline:
        deadline.watch(pair[0])
        data = pair[0].recv(1)
    timer.join(LIMIT_S)

    assert b"" == data
    assert (False, True) == (deadline.passed, deadline.abandoned)


def test_a_socket_watched_too_late_is_shut_at_once(pair):
    """There is no moment in which a socket escapes."""
    with Deadline(HOUR, lambda: True) as deadline:
        end = time.monotonic() + LIMIT_S
        while not deadline.is_over:
            assert time.monotonic() < end
        deadline.watch(pair[0])
        data = pair[0].recv(1)

    assert b"" == data


def test_a_socket_is_left_alone_after_the_block(pair):
    """A call that was in time does not shut down a connection that lives on."""
    with Deadline(0.1) as deadline:
        deadline.watch(pair[0])
    assert not deadline.is_over
    with Deadline(0.2) as later:
        end = time.monotonic() + LIMIT_S
        while not later.is_over:
            assert time.monotonic() < end
    pair[1].send(b"x")

    assert b"x" == pair[0].recv(1)


def test_a_socket_its_owner_closed_meanwhile_harms_nobody(pair):
    """The descriptor's next user is not shut down in its place."""
    first, far = socket.socketpair()
    number = first.fileno()
    with far, Deadline(0.2) as deadline:
        deadline.watch(first)
        first.close()
        replacement = socket.socket(fileno=socket.dup(pair[0].fileno()))
        assert number == replacement.fileno()
        end = time.monotonic() + LIMIT_S
        while not deadline.is_over:
            assert time.monotonic() < end
    with replacement:
        pair[1].send(b"x")

        assert b"x" == replacement.recv(1)


def test_two_hundred_calls_leave_no_thread(pair):
    """Every block joins its helper, also one that raises."""
    left_over = []
    for _ in range(200):
        with contextlib.suppress(KeyError), Deadline(HOUR) as deadline:
            deadline.watch(pair[0])
            raise KeyError
        left_over.append(helpers())

    assert [0] * 200 == left_over


@pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")
def test_ctrl_c_at_any_step_of_the_end_of_a_block_leaves_no_helper(pair):
    """KeyboardInterrupt comes out, and if the helper was not told of the end by then, it ends with its time."""
    for step in itertools.count():
        deadline = Deadline(0.05).__enter__()
        deadline.watch(pair[1])
        try:
            with_interruption(functools.partial(deadline.__exit__, None, None, None), step, (deadlines, threading))
        except KeyboardInterrupt:
            end = time.monotonic() + LIMIT_S
            while helpers():
                assert time.monotonic() < end
        else:
            break

    assert step > 3


def test_ctrl_c_while_the_helper_begins_ends_it(monkeypatch):
    """It is not left alone for all of its time."""
    start = threading.Thread.start

    def interrupted(thread: threading.Thread) -> None:
        start(thread)
        raise KeyboardInterrupt

    monkeypatch.setattr(threading.Thread, "start", interrupted)
    with pytest.raises(KeyboardInterrupt), Deadline(HOUR):
        pass
    end = time.monotonic() + LIMIT_S
    while helpers():
        assert time.monotonic() < end

    assert 0 == helpers()


def test_a_system_without_threads_is_an_interruption(monkeypatch):
    """When no helper can be started the call does not go ahead without one."""

    def refuse(_):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    with pytest.raises(StreamInterrupted) as caught, Deadline(HOUR):
        pass

    assert "the system has no thread left for a deadline" == caught.value.reason
    assert caught.value.__context__ is None
