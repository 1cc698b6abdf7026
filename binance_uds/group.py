"""Several accounts at once: named streams that are started, stopped and listened to as one."""

from __future__ import annotations

import threading
import time
import weakref
from collections import defaultdict
from types import MappingProxyType
from typing import (
    TYPE_CHECKING,
    Any,
    Callable,
    Dict,
    Iterable,
    Mapping,
    Optional,
    Tuple,
    Type,
    TypeVar,
    Union,
    overload,
)

from .errors import ConfigurationError, ForkedStream, StreamGroupError, UserDataStreamError
from .events import Event, Notice, StreamState
from .group_doors import GroupHandler, GroupQueue
from .protocol.reading.snapshot import weight_of_first_look
from .runtime import shutdown
from .runtime.doors import checked_class
from .runtime.pulse import SLICE, Pulse
from .runtime.settings import checked_backlog
from .runtime.watch import Health
from .stream import UserDataStream, _check_plain

if TYPE_CHECKING:
    from .runtime.worker import Worker

I = TypeVar("I", bound=Union[Event, Notice])  # noqa: E741 - an item, as T is a type
I2 = TypeVar("I2", bound=Union[Event, Notice])
I3 = TypeVar("I3", bound=Union[Event, Notice])
R = TypeVar("R")

#: From the best to the worst that a stream can be.
_BY_WORTH = (
    StreamState.LIVE,
    StreamState.REPAIRING,
    StreamState.STALE,
    StreamState.STARTING,
    StreamState.IDLE,
    StreamState.STOPPED,
    StreamState.FAILED,
)

#: Streams in these states do not run.
_AT_REST = (StreamState.IDLE, StreamState.STOPPED, StreamState.FAILED)

#: Seconds that a start may take by default, and so many more for each further minute's worth of request weight.
_START_S, _MINUTE_S = 30.0, 60.0

#: Seconds that streams get to end when the group's start failed.
_TEAR_DOWN_S = 5.0


class StreamGroup:
    """
    Several streams as one: started, stopped, waited for and listened to together.

    The streams of a group differ by name, and what comes of one comes with it: ``for stream, event in group.events()``.
    Each has a thread and a connection of its own, and can still be used by itself. Those at the same host share the
    request weight, as all streams of a process do.

    Args:
        streams: Its members; ``add`` takes more.
        max_backlog: Bound of each ``events()`` queue.

    Raises:
        ConfigurationError: Two have one name, or an argument is of no use.
    """

    def __init__(self, streams: Iterable[UserDataStream] = (), *, max_backlog: int = 100_000) -> None:
        self._max_backlog = checked_backlog(max_backlog)
        self._lock = threading.Lock()
        self._members: Dict[str, UserDataStream] = {}
        self._handlers: Tuple[GroupHandler, ...] = ()
        self._queues: Tuple[weakref.ref[GroupQueue[Any]], ...] = ()
        shutdown.tell_of_fork(self)
        for stream in streams:
            self.add(stream)

    def add(self, stream: UserDataStream) -> None:
        """
        Take one more stream: the group's callbacks and queues receive what it brings from now on.

        It is not started by that; ``start()`` does, for whichever do not run.

        Raises:
            ConfigurationError: It is no stream, or another one has its name.
        """
        if not isinstance(stream, UserDataStream):
            raise ConfigurationError(f"a group takes UserDataStreams, not {type(stream).__name__}")
        with self._lock:
            if stream.name in self._members:
                raise ConfigurationError(f"a group has no two streams of one name, and {stream.name!r} is taken")
            # In another dict: whoever looks through the old one meanwhile is not disturbed.
            self._members = {**self._members, stream.name: stream}
            for handler in self._handlers:
                handler.listen_to(stream)
            # Not by their truth: a queue with nothing in it is there, too.
            for queue in (ref() for ref in self._queues):
                if queue is not None:
                    queue.listen_to(stream)

    @property
    def streams(self) -> Mapping[str, UserDataStream]:
        """The members by name, in the order in which they were added."""
        return MappingProxyType(self._members)

    # Callbacks and queues

    def on(self, item_class: Type[I]) -> Callable[[Callable[[UserDataStream, I], R]], Callable[[UserDataStream, I], R]]:
        """
        Return a decorator that has a function called with every event or notice of this class, of every stream.

        It is called as ``function(stream, event)``, on that stream's thread: in order for each stream, and for two of
        them at the same time.

        Args:
            item_class: An event or notice class; a base class takes all its subclasses.

        Raises:
            ConfigurationError: It is no such class, or what is decorated cannot be called.
        """
        checked = checked_class(item_class)

        def register(function: Callable[[UserDataStream, I], R]) -> Callable[[UserDataStream, I], R]:
            _check_plain(function, "a callback")
            handler = GroupHandler(checked, function)
            with self._lock:
                self._handlers = (*self._handlers, handler)
                for stream in self._members.values():
                    handler.listen_to(stream)
            return function

        return register

    def off(self, function: Callable[..., object]) -> None:
        """Stop calling a function, from the next event on; one that is not registered is no error."""
        with self._lock:
            leaving = [handler for handler in self._handlers if handler.function == function]
            for handler in leaving:
                handler.leave()
            # Forgotten only now: after Ctrl-C in between, off() finds them once more.
            self._handlers = tuple(handler for handler in self._handlers if handler not in leaving)

    # Spelt out as far as most programs go, as in UserDataStream.
    @overload
    def events(self) -> GroupQueue[Event]: ...
    @overload
    def events(self, first: Type[I], /) -> GroupQueue[I]: ...
    @overload
    def events(self, first: Type[I], second: Type[I2], /) -> GroupQueue[Union[I, I2]]: ...
    @overload
    def events(self, first: Type[I], second: Type[I2], third: Type[I3], /) -> GroupQueue[Union[I, I2, I3]]: ...
    @overload
    def events(self, *item_classes: Type[I]) -> GroupQueue[I]: ...
    def events(self, *item_classes: Type[Any]) -> GroupQueue[Any]:
        """
        Return an iterable queue of pairs ``(stream, event)`` that receives from all streams from now on.

        Args:
            item_classes: Event or notice classes; without any, every ``Event``.

        Raises:
            ConfigurationError: One of them is no such class.
            ForkedStream: Called in a child of the process that started the streams.
        """
        for stream in self._members.values():
            stream._check_not_forked()
        wanted = item_classes or (Event,)
        for item_class in wanted:
            checked_class(item_class)
        queue: GroupQueue[Any] = GroupQueue(wanted, self._max_backlog, self._check_may_wait, self._why_over)
        with self._lock:
            self._queues = (*(ref for ref in self._queues if ref() is not None), weakref.ref(queue))
            for stream in self._members.values():
                queue.listen_to(stream)
        return queue

    # Life

    def start(self, timeout: Optional[float] = None) -> None:
        """
        Start every stream that does not run, all at once, and return when each was LIVE.

        If one fails, all that were started by this call are stopped again; those that ran before go on.

        Args:
            timeout: Seconds that all of them may take. By default 30, and a minute more for each time that the first
                looks at the accounts use up the request weight of a minute (``Timings.weight_most``, at 100 a look).

        Raises:
            StreamGroupError: It names the streams that failed, each with its error.
            ConfigurationError: Called in a callback of one of them.
            KeyboardInterrupt, SystemExit: Ctrl-C, or what a callback raised to end the program.
            ForkedStream: Called in a child of the process that started the streams.
        """
        self._check_may_wait()
        members = tuple(self._members.values())
        patience = _patience(members) if timeout is None else timeout
        begun = [stream for stream in members if stream.state in _AT_REST]
        starts = _Starts(members, patience)
        try:
            failed = starts.wait()
            if failed:
                starts.give_up()
                _stop_all(begun, _TEAR_DOWN_S)
                _raise(failed)
        except BaseException:
            # Also Ctrl-C, at whatever step.
            starts.give_up()
            raise

    def stop(self, timeout: float = 5.0) -> bool:
        """
        Stop all streams at once, delivering what was already read.

        Safe to call again, from any thread. Inside a callback or a signal handler it only asks, and returns False.

        Args:
            timeout: Seconds to wait for the end of all of them together.

        Returns:
            Whether all have ended; the log names what is in the way.
        """
        members = tuple(self._members.values())
        _ask_all(members)
        if shutdown.is_in_signal_handler() or any(stream._doors.is_inside_callback for stream in members):
            return False
        return _stop_all(members, timeout)

    def join(self, timeout: Optional[float] = None) -> bool:
        """
        Wait until all streams have ended.

        Args:
            timeout: Seconds to wait; None waits for ever. Ctrl-C works meanwhile.

        Returns:
            Whether all have ended.

        Raises:
            StreamGroupError: One failed; the others go on.
            KeyboardInterrupt, SystemExit: What a callback raised to end the program.
            ConfigurationError: One was not started, or this is inside a callback of one of them.
            ForkedStream: Called in a child of the process that started the streams.
        """
        self._check_may_wait()
        for stream in self._members.values():
            if stream.state is StreamState.IDLE:
                raise ConfigurationError(f"stream {stream.name!r} of this group was not started")
        deadline = None if timeout is None else time.monotonic() + timeout
        waiting = list(self._members.values())
        while True:
            # One that ended with an error, or an exit, is not to wait for the others.
            waiting = [stream for stream in waiting if not _has_ended(stream, 0.0)]
            remaining = SLICE if deadline is None else min(deadline - time.monotonic(), SLICE)
            if not waiting or remaining <= 0:
                return not waiting
            _has_ended(waiting[0], remaining)

    def __enter__(self) -> StreamGroup:
        self.start()
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        try:
            self.stop()
        except BaseException:
            # Ctrl-C may have come before it asked all of them.
            _ask_all(self._members.values())
            raise
        members = tuple(self._members.values())
        exits = [stream._doors.take_exit() for stream in members]
        for exit_asked in filter(None, exits):
            raise exit_asked
        errors = {stream.name: stream._worker.error for stream in members if stream._worker is not None}
        failed = {name: error for name, error in errors.items() if isinstance(error, Exception)}
        if kind is None and failed:
            _raise(failed)

    # What it is worth

    @property
    def state(self) -> StreamState:
        """The worst of its streams' states: LIVE when all are; IDLE while there is none."""
        states = [stream.state for stream in self._members.values()]
        return max(states, key=_BY_WORTH.index, default=StreamState.IDLE)

    @property
    def health(self) -> Mapping[str, Health]:
        """The health of each stream, by its name."""
        return {name: stream.health for name, stream in self._members.items()}

    def __repr__(self) -> str:
        told = ", ".join(f"{name} {stream.state}" for name, stream in self._members.items())
        return f"<StreamGroup {told or 'without streams'}>"

    # Inside

    def _check_may_wait(self) -> None:
        for stream in self._members.values():
            stream._check_may_wait()

    def _why_over(self) -> Optional[str]:
        """Return in words why nothing can come any more, or None while something can."""
        whys = [stream._doors.over for stream in self._members.values()]
        return None if not whys or None in whys else "all streams of the group have ended"

    def after_fork(self) -> None:
        """In a forked child: a lock that another thread of the parent held would never be released here."""
        self._lock = threading.Lock()


class _Start:
    """
    The start of one stream, on a thread of its own.

    Attributes:
        error: What came of it, but for success.
        is_over: Whether it has succeeded or failed.
    """

    def __init__(self, stream: UserDataStream, timeout: float, told: Pulse) -> None:
        self.stream = stream
        self.error: Optional[BaseException] = None
        self.is_over = False
        self._timeout = timeout
        self._told = told
        self._worker: Optional[Worker] = None
        self._is_given_up = False

    def begin(self) -> None:
        """Begin with it."""
        name = f"binance_uds {self.stream.name} start"
        try:
            threading.Thread(target=self._run, name=name, daemon=True).start()
        except RuntimeError:
            self.error, self.is_over = UserDataStreamError("the system has no thread left for the start"), True

    def give_up(self) -> None:
        """Ask for the end of what it started, or will have started yet; a stream that ran before goes on."""
        self._is_given_up = True
        if self._worker is not None:
            self._worker.ask_stop()

    def _take(self, worker: Worker) -> None:
        # In this order, as giving up goes by the other: one of the two sees what the other did.
        self._worker = worker
        if self._is_given_up:
            worker.ask_stop()

    def _run(self) -> None:
        try:
            self.stream._start(self._timeout, self._take)
        except BaseException as error:
            self.error = error
        self.is_over = True
        self._told.beat()


class _Starts:
    """The starts of several streams, all at once."""

    def __init__(self, streams: Iterable[UserDataStream], timeout: float) -> None:
        self._told = Pulse()
        self._starts = [_Start(stream, timeout, self._told) for stream in streams]

    def wait(self) -> Dict[str, Exception]:
        """Begin with them; returns when all streams are LIVE, or some have failed, and what those failed of."""
        for start in self._starts:
            start.begin()
        return self._told.wait_for(self._look, None) or {}

    def give_up(self) -> None:
        """Ask for the end of all that they started, or will have started yet."""
        for start in self._starts:
            start.give_up()

    def _look(self) -> Optional[Dict[str, Exception]]:
        is_over = all(start.is_over for start in self._starts)
        failed = {start.stream.name: start.error for start in self._starts if start.error is not None}
        for error in failed.values():
            if not isinstance(error, Exception):
                raise error
        if failed or is_over:
            return {name: error for name, error in failed.items() if isinstance(error, Exception)}
        return None


def _patience(streams: Iterable[UserDataStream]) -> float:
    """Return how many seconds the start of these streams may take, as they share the request weight of a minute."""
    # Only now: what it imports is not needed before there are streams.
    from .edges.dial import Origin

    weights: Dict[Origin, int] = defaultdict(int)
    most: Dict[Origin, int] = {}
    for stream in streams:
        settings = stream._settings
        if settings.credentials.can_sign:
            origin = Origin.of(settings.market.rest_url)
            weights[origin] += weight_of_first_look(settings.market)
            most[origin] = min(most.get(origin, settings.timings.weight_most), settings.timings.weight_most)
    return _START_S + _MINUTE_S * max((weights[origin] // most[origin] for origin in weights), default=0)


def _has_ended(stream: UserDataStream, timeout: float) -> bool:
    try:
        return stream.join(timeout)
    except ForkedStream:
        raise
    except Exception as error:
        raise StreamGroupError({stream.name: error}) from error


def _ask_all(streams: Iterable[UserDataStream]) -> None:
    for stream in streams:
        stream._ask_stop()


def _stop_all(streams: Iterable[UserDataStream], timeout: float) -> bool:
    """Wait for the end of streams that were asked for it."""
    deadline = time.monotonic() + timeout
    # One that is still busy is no reason not to look at the next.
    ended = [stream.stop(max(deadline - time.monotonic(), 0.0)) for stream in streams]
    return all(ended)


def _raise(failed: Mapping[str, Exception]) -> None:
    raise StreamGroupError(failed) from next(iter(failed.values()))
