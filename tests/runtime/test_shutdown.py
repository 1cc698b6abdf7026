"""Exit, fork and signals, as they reach whatever runs."""

from __future__ import annotations

import functools
import os
import signal
import threading
from collections.abc import Iterator
from typing import Any, Callable

import attrs
import pytest

from binance_uds.runtime import shutdown

PATIENCE_S = 20.0


@attrs.define(eq=False)
class Fake:
    """Something that runs, and remembers what it was told."""

    told: list[Any]
    takes: Callable[[float], bool] = lambda timeout: True

    def ask_stop(self) -> None:
        """Remember."""
        self.told.append("ask")

    def stop(self, timeout: float) -> bool:
        """Remember, and end or not."""
        self.told.append(timeout)
        return self.takes(timeout)

    def after_fork(self) -> None:
        """Remember."""
        self.told.append("fork")


@pytest.fixture
def told() -> list[Any]:
    return []


@pytest.fixture
def register() -> Iterator[Callable[[Fake], Fake]]:
    registered: list[Fake] = []

    def add(fake: Fake) -> Fake:
        registered.append(fake)
        shutdown.register(fake)
        return fake

    yield add
    for fake in registered:
        shutdown.unregister(fake)


def test_at_exit_all_are_asked_before_any_is_waited_for(told, register):
    """Streams stop side by side, within one bound for all of them."""
    register(Fake(told))
    register(Fake(told))
    shutdown._at_exit()

    assert ["ask", "ask"] == told[:2]
    assert 2 == len(told[2:])
    assert all(0 <= timeout <= shutdown.EXIT_PATIENCE for timeout in told[2:])


def test_at_exit_a_stubborn_one_uses_up_the_patience_for_all(told, register):
    """What outlives the bound leaves the next one nothing, instead of a bound of its own."""
    given: list[float] = []

    def takes(timeout: float) -> bool:
        given.append(timeout)
        threading.Event().wait(timeout)
        return False

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shutdown, "EXIT_PATIENCE", 0.05)
        for _ in range(3):
            register(Fake(told, takes))
        shutdown._at_exit()

    assert 3 == len(given)
    assert 0.05 + 0.001 > sum(given)


def test_what_ended_by_itself_is_told_nothing(told, register):
    """After unregister() neither exit nor fork is any of its business; twice is no error."""
    fake = register(Fake(told))
    shutdown.unregister(fake)
    shutdown.unregister(fake)
    shutdown._at_exit()

    assert [] == told


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
def test_a_fork_is_told_in_the_child_only(told, register):
    """The child's copy hears of the fork, and is registered no more; the parent's hears nothing."""
    register(Fake(told))
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        shutdown._at_exit()
        os.write(writing, repr(told).encode())
        os._exit(0)
    os.waitpid(child, 0)
    seen = os.read(reading, 1000)
    os.close(reading)
    os.close(writing)

    assert "['fork']" == seen.decode()
    assert [] == told


class Handling:
    """Signal handlers of every kind, each of which looks where it is."""

    def __init__(self) -> None:
        self.seen: list[bool] = []

    def method(self, number: int, frame: object) -> None:
        """Be a bound method."""
        self.deeper()

    def __call__(self, number: int, frame: object) -> None:
        """Be a callable object."""
        self.deeper()

    def with_more(self, more: str, number: int, frame: object) -> None:
        """Be inside a partial."""
        self.deeper()

    def deeper(self) -> None:
        """Look, one call further down."""
        self.seen.append(shutdown.is_in_signal_handler())


@pytest.fixture
def raise_with() -> Iterator[Callable[[Any], None]]:
    """Installs a handler and sends this process the signal."""
    before = signal.getsignal(signal.SIGTERM)

    def run(handler: Any) -> None:
        signal.signal(signal.SIGTERM, handler)
        signal.raise_signal(signal.SIGTERM)

    yield run
    signal.signal(signal.SIGTERM, before)


@pytest.mark.parametrize("kind", ["function", "lambda", "method", "partial", "object"])
def test_a_signal_handler_is_recognised_whatever_it_is(raise_with, kind):
    """Functions, bound methods, partials and callable objects are recognised from any depth."""
    handling = Handling()

    def function(number: int, frame: object) -> None:
        handling.deeper()

    handlers = {
        "function": function,
        "lambda": lambda number, frame: handling.deeper(),
        "method": handling.method,
        "partial": functools.partial(handling.with_more, "more"),
        "object": handling,
    }
    raise_with(handlers[kind])
    handling.deeper()

    assert [True, False] == handling.seen


def test_a_signal_handler_is_recognised_whatever_the_thread_is_called(raise_with, monkeypatch):
    """What gevent makes of threads is not the main one by name, and handlers run there all the same."""
    handling = Handling()
    monkeypatch.setattr(threading, "main_thread", lambda: None)
    raise_with(handling.method)

    assert [True] == handling.seen


def shared(function: Callable[..., None]) -> Callable[..., None]:
    """Be a decorator, whose one inner function runs whatever it decorates."""

    @functools.wraps(function)
    def wrapper(*arguments: Any, **named: Any) -> None:
        function(*arguments, **named)

    return wrapper


def test_a_decorator_shared_with_a_handler_makes_no_handler(raise_with):
    """What runs inside the same wrapper as a handler does is a handler only when a signal called it."""
    handling = Handling()
    plain = shared(handling.deeper)
    raise_with(shared(handling.method))
    plain()
    shared(handling.method)(signal.SIGTERM, None)
    shared(plain)()

    assert [True, False, False, False] == handling.seen


def test_a_handler_called_by_hand_is_none(raise_with):
    """Nothing is interrupted when a program calls its own handler."""
    handling = Handling()
    raise_with(handling.method)
    handling.method(signal.SIGTERM, None)

    assert [True, False] == handling.seen


def test_a_handler_may_forget_its_arguments(raise_with):
    """Some delete what they do not use; they are recognised all the same."""
    handling = Handling()

    def forgetful(number: int, frame: object) -> None:
        del number, frame
        handling.deeper()

    def more_forgetful(*arguments: object) -> None:
        del arguments
        handling.deeper()

    raise_with(forgetful)
    raise_with(more_forgetful)

    assert [True, True] == handling.seen


def test_a_handler_may_share_its_arguments(raise_with):
    """Arguments that an inner function uses are arguments still."""
    handling = Handling()

    def sharing(number: int, frame: object) -> None:
        def inner() -> tuple[int, object]:
            return number, frame

        inner()
        handling.deeper()

    raise_with(sharing)
    sharing(signal.SIGTERM, None)

    assert [True, False] == handling.seen


def test_another_thread_is_never_in_a_signal_handler(raise_with):
    """Handlers run on the main thread; another thread that runs the same function may wait."""
    handling = Handling()
    raise_with(handling.method)
    other = threading.Thread(target=handling.method, args=(0, None))
    other.start()
    other.join(PATIENCE_S)

    assert [True, False] == handling.seen
