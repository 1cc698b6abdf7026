"""
The doors to the user's code: callbacks and queues.

What comes out of a callback stays here: an exception becomes a notice, slowness a warning, an exit a reason to stop.
"""

from __future__ import annotations

import threading
import time
import weakref
from collections import deque
from typing import Any, Callable, Deque, Dict, Generic, Iterator, List, Optional, Protocol, Tuple, Type, TypeVar, Union

from ..errors import BacklogOverflow, ConfigurationError, UserDataStreamError, WaitTimeout
from ..events import CallbackFailed, Event, Notice
from .pulse import Pulse
from .waits import checked_wait
from .watch import StreamLog

Item = Union[Event, Notice]
I = TypeVar("I", bound=Item)  # noqa: E741 - an item, as T is a type
T = TypeVar("T")
Q = TypeVar("Q", bound="BoundedQueue[Any]")
Handler = Callable[[Any], object]


class Outlet(Protocol):
    """What receives everything that one stream delivers, beside the callbacks."""

    @property
    def is_closed(self) -> bool:
        """Whether it wants nothing more."""

    def __len__(self) -> int:
        """How many items of this stream wait in it."""

    def put(self, item: Item) -> None:
        """Take an item; never waits, never raises."""

    def end(self, why: str) -> None:
        """The stream ended."""

    def after_fork(self) -> None:
        """In the child: the thread that delivers does not exist here."""


class Gate:
    """
    Whether callbacks may start, for one run of a stream.

    The next run has another gate, so that a ``stop()`` which gave up on this one cannot silence that one.
    """

    is_shut = False


class Doors:
    """
    Callbacks and queues of one stream. Any thread may add and remove; one thread delivers.

    Args:
        log: Where a failing or slow callback is named.
        slow_callback: Seconds after which a callback counts as slow.
        max_backlog: Bound of each queue.
        may_wait: Raises where waiting is not possible: inside a callback, in a forked child.
        record: Is told of each item before anybody else; it takes no time, and does not raise. It may keep them, so it
            is not told of failed callbacks: their tracebacks would keep alive whatever was at work.
    """

    def __init__(
        self,
        log: StreamLog,
        slow_callback: float,
        max_backlog: int,
        may_wait: Callable[[], None],
        record: Callable[[Item], object] = lambda item: None,
    ) -> None:
        self._log = log
        self._record = record
        self._slow_callback = slow_callback
        self._max_backlog = max_backlog
        self._may_wait = may_wait
        self._lock = threading.Lock()
        self._handlers: Tuple[Tuple[type, Handler], ...] = ()
        #: The handlers that want items of a class, as they were found; made anew with every change.
        self._wanting: Dict[type, Tuple[Handler, ...]] = {}
        self._outlets: Tuple[weakref.ref[Outlet], ...] = ()
        self._gate = Gate()
        #: Why the last run ended, in words; None while one goes on, and before the first.
        self.over: Optional[str] = None
        self._running_since = 0.0
        self._running: Optional[Handler] = None
        self._delivering_thread: Optional[int] = None
        #: Beats for each item, for those who wait for what it brings.
        self.pulse = Pulse()
        #: What a callback raised to end the program; it surfaces where the user waits.
        self.exit: Optional[BaseException] = None
        self.callback_errors = 0

    # For the user

    def add(self, item_class: Type[Item], handler: Handler) -> None:
        """Call ``handler`` with every item of this class from the next one on."""
        with self._lock:
            self._handlers = (*self._handlers, (item_class, handler))
            self._wanting = {}

    def remove(self, handler: Handler) -> None:
        """Stop calling ``handler``, for whatever classes it was registered, from the next item on."""
        with self._lock:
            self._handlers = tuple(pair for pair in self._handlers if pair[1] != handler)
            self._wanting = {}

    def queue(self, item_classes: Tuple[Type[I], ...]) -> EventQueue[I]:
        """Return a new queue that receives every item of these classes from now on, until it is closed."""
        queue: EventQueue[I] = EventQueue(item_classes, self._max_backlog, self._may_wait, lambda: self.over)
        self.attach(queue)
        return queue

    def attach(self, outlet: Outlet) -> None:
        """Hand everything to this outlet from now on, until it is closed or nobody holds it any more."""
        with self._lock:
            self._outlets = (*(ref for ref in self._outlets if ref() is not None), weakref.ref(outlet))

    # For the worker

    def open(self, gate: Gate) -> None:
        """Begin a run, with a gate of its own: the calling thread is the one that delivers."""
        self._gate, self.over, self.exit = gate, None, None
        self._delivering_thread = threading.get_ident()

    def deliver(self, item: Item) -> bool:
        """
        Hand an item to every callback and queue that wants it; returns normally whatever they do.

        Returns:
            Whether all had it: no callback was left out, and none interrupted by Ctrl-C.
        """
        had_it = True
        if type(item) is not CallbackFailed:
            self._record(item)
        if self._outlets:
            for outlet in self._open_outlets():
                outlet.put(item)
        self.pulse.beat()
        wanting = self._wanting.get(type(item))
        for handler in self._who_wants(type(item)) if wanting is None else wanting:
            had_it = self._call(handler, item) and had_it
        return had_it

    def _who_wants(self, item_class: type) -> Tuple[Handler, ...]:
        # Into the dict of before the look: should a handler come or go meanwhile, another one is in its place by now.
        wanting = self._wanting
        wanting[item_class] = found = tuple(handler for of, handler in self._handlers if issubclass(item_class, of))
        return found

    def shut(self, gate: Gate) -> None:
        """Let no further callback of the run with this gate start; the one that runs is not interrupted."""
        with self._lock:
            gate.is_shut = True

    def take_exit(self) -> Optional[BaseException]:
        """Return what a callback raised to end the program, once."""
        exit_asked, self.exit = self.exit, None
        return exit_asked

    def close(self, why: str) -> None:
        """End the run: whoever reads a queue gets what is in it, and then the end."""
        self._delivering_thread, self.over = None, why
        for outlet in self._open_outlets():
            outlet.end(why)
        self.pulse.beat()

    def _call(self, handler: Handler, item: Item) -> bool:
        with self._lock:
            # An exit raised by another callback of this item stops those behind it, too.
            if self._gate.is_shut or self.exit is not None:
                return False
            began = self._running_since = time.monotonic()
            self._running = handler
        failure: Optional[Exception] = None
        try:
            handler(item)
        except Exception as error:
            failure = error
        except BaseException as error:
            self.exit = error
        finally:
            self._running = None
        took = time.monotonic() - began
        if took > self._slow_callback:
            self._log.callbacks.warning(
                "callback %s took %.1f s over one %s; slow work belongs behind events()",
                name_of(handler),
                took,
                type(item).__name__,
            )
        if failure is not None:
            self._report(handler, item, failure)
        # What a callback raises itself to end the program it raises when it has seen the item.
        return self.exit is None or isinstance(self.exit, SystemExit)

    def _report(self, handler: Handler, item: Item, failure: Exception) -> None:
        self.callback_errors += 1
        self._log.callbacks.error(
            "callback %s raised %s over one %s; the stream goes on",
            name_of(handler),
            type(failure).__name__,
            type(item).__name__,
            exc_info=(type(failure), failure, failure.__traceback__),
        )
        # A handler that fails on this very notice would be told of itself for ever.
        if not isinstance(item, CallbackFailed):
            self.deliver(CallbackFailed(handler=handler, event=item, exception=failure))

    # For whoever asks

    @property
    def running(self) -> Optional[str]:
        """The name of the callback that runs at this moment."""
        handler = self._running
        return None if handler is None else name_of(handler)

    @property
    def running_for(self) -> float:
        """For how many seconds it has been running; 0 when none does."""
        return 0.0 if self._running is None else time.monotonic() - self._running_since

    @property
    def is_inside_callback(self) -> bool:
        """Whether the calling thread is the one that delivers, which must not wait for itself."""
        return threading.get_ident() == self._delivering_thread

    @property
    def backlog(self) -> int:
        """How many items wait in all queues together."""
        return sum(len(outlet) for outlet in self._open_outlets())

    def _open_outlets(self) -> List[Outlet]:
        return [outlet for outlet in (ref() for ref in self._outlets) if outlet is not None and not outlet.is_closed]

    def after_fork(self) -> None:
        """In the child: fresh locks, and nothing is delivered any more, not even what was under way."""
        self._lock = threading.Lock()
        for outlet in self._open_outlets():
            outlet.after_fork()
        self.pulse.after_fork()
        self._outlets, self._delivering_thread, self._running = (), None, None
        self._gate.is_shut = True


class BoundedQueue(Generic[T]):
    """
    A bounded, iterable queue of what some classes of items bring; any thread may read it.

    Args:
        item_classes: The classes.
        limit: How much it holds.
        may_wait: Raises where waiting is not possible.
        over: Says in words why nothing can come any more, or None.

    Attributes:
        is_closed: Whether it takes nothing more.
    """

    def __init__(
        self,
        item_classes: Tuple[Type[Any], ...],
        limit: int,
        may_wait: Callable[[], None],
        over: Callable[[], Optional[str]],
    ) -> None:
        self._item_classes = item_classes
        self._limit = limit
        self._may_wait = may_wait
        self._over = over
        # Of those that bring items alone: whoever reads holds nothing that they could have to wait for.
        self._adding = threading.Lock()
        self._pulse = Pulse()
        self._items: Deque[T] = deque()
        self._missed = 0
        self._ended: Optional[str] = None
        self.is_closed = False

    def __enter__(self: Q) -> Q:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __iter__(self) -> Iterator[T]:
        while True:
            try:
                item = self._next(None)
            except _NothingFollows:
                return
            yield item

    def __len__(self) -> int:
        return len(self._items)

    def __repr__(self) -> str:
        closed = ", closed" if self.is_closed else ""
        return f"<{type(self).__name__} of {in_words(self._item_classes)}, {len(self)} waiting{closed}>"

    def get(self, timeout: Optional[float] = None) -> T:
        """
        Return the next event, waiting for it if need be.

        Args:
            timeout: Seconds to wait; None waits for ever.

        Raises:
            WaitTimeout: Nothing came in time.
            BacklogOverflow: The queue was full, and everything in it has been read.
            UserDataStreamError: The stream ended, or the queue was closed, and everything in it has been read.
            ConfigurationError: The timeout is no number, or this is inside a callback, which would wait for itself.
            ForkedStream: Called in a child of the process that started the stream.
        """
        checked_wait(timeout)
        try:
            return self._next(timeout)
        except _NothingFollows as end:
            raise UserDataStreamError(f"no more events: {end}") from None

    def take(self) -> Optional[T]:
        """
        Return the next event if it is there already, else None.

        Raises:
            BacklogOverflow: As ``get``.
        """
        # First what did not fit: nothing is put behind it.
        missed = self._missed
        try:
            return self._pop()
        except IndexError:
            pass
        if missed:
            self.is_closed = True
            raise BacklogOverflow(self._limit, self._missed)
        return None

    def close(self) -> None:
        """Receive nothing more; a thread that waits here is woken."""
        self.is_closed = True
        self._pulse.beat()

    # For the doors

    def add(self, item: T) -> None:
        """Take an item, or count it when there is no room."""
        with self._adding:
            if len(self._items) >= self._limit or self._missed:
                self._missed += 1
            else:
                self._push(item)
        self._pulse.beat()

    def end(self, why: str) -> None:
        """The stream ended; so does iteration, after what is in the queue."""
        self._ended = why
        self.close()

    def after_fork(self) -> None:
        """In the child: a fresh lock, for the thread that held the old one may not exist here."""
        self._adding = threading.Lock()
        self._pulse.after_fork()
        self.is_closed = True

    def _push(self, item: T) -> None:
        """Append an item, with the lock held; there is room."""
        self._items.append(item)

    def _pop(self) -> T:
        """Take the oldest item out, or raise ``IndexError``."""
        return self._items.popleft()

    def _next(self, timeout: Optional[float]) -> T:
        """Return the next item, waiting for it if need be, or raise ``_NothingFollows``."""
        self._may_wait()
        item = self.take()
        if item is None:
            item = self._pulse.wait_for(self._look, timeout)
        if item is None:
            raise WaitTimeout(0.0 if timeout is None else timeout, in_words(self._item_classes))
        return item

    def _look(self) -> Optional[T]:
        """Return the next item if it is there, or None while one may come."""
        # First the end and then what came: everything was put here before the end.
        why_over, is_closed = self._over(), self.is_closed
        item = self.take()
        if item is None and is_closed:
            raise _NothingFollows(self._ended or "the queue was closed")
        if item is None and why_over is not None:
            # Made after the end, it was not told of it, and gets nothing unless the stream is started again.
            raise _NothingFollows(why_over)
        return item


class _NothingFollows(Exception):
    """All was read, and nothing comes any more: the reason, in words."""


class EventQueue(BoundedQueue[I]):
    """
    A bounded, iterable queue of events, made by ``UserDataStream.events``.

    Iteration ends when the stream stops. Nothing is dropped silently: when the queue is full it closes, what is in it
    can still be read, and then ``BacklogOverflow`` is raised.
    """

    def put(self, item: Item) -> None:
        """Take an item of the right class, or count it when there is no room."""
        if isinstance(item, self._item_classes):
            self.add(item)


def in_words(item_classes: Tuple[type, ...]) -> str:
    """Return what is awaited, as a person says it."""
    return " or ".join(each.__name__ for each in item_classes)


def name_of(handler: Handler) -> str:
    """Return where a callback was defined, as a person would look for it."""
    name = getattr(handler, "__qualname__", None) or type(handler).__qualname__
    return f"{getattr(handler, '__module__', None) or '?'}.{name}"


def checked_class(item_class: object) -> Type[Item]:
    """
    Return the class if it can be subscribed to.

    Raises:
        ConfigurationError: It is no event or notice class.
    """
    if not isinstance(item_class, type) or not issubclass(item_class, (Event, Notice)):
        raise ConfigurationError(
            f"{item_class!r} is no event class; use one of binance_uds, such as OrderTradeUpdate, or its base Event"
        )
    return item_class
