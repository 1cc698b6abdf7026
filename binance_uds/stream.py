"""The front door: one object per account and market, from start to stop."""

from __future__ import annotations

import inspect
import ssl
import threading
import time
from typing import TYPE_CHECKING, Any, Callable, Iterable, List, Optional, Tuple, Type, TypeVar, Union, overload

from .account import Account
from .account_view import AccountSnapshot, AccountView
from .credentials import Credentials, Signer
from .edges.clock import Clock
from .errors import ConfigurationError, ForkedStream, StartTimeout, UserDataStreamError
from .events import Event, Notice, StreamState
from .markets import USDM, Market
from .notebook.history import History
from .protocol.ledger.cursor import Cursor
from .protocol.plans import PlanWalk
from .protocol.proofs import Verdict
from .protocol.timings import Timings
from .runtime import shutdown
from .runtime.cursors import CursorStore, loaded
from .runtime.doors import Doors, EventQueue, checked_class, name_of
from .runtime.settings import Settings, hidden_proxy, within
from .runtime.waits import checked_wait, wait_for, wait_until
from .runtime.watch import Health, Step, StreamLog, Timeline

if TYPE_CHECKING:
    import os

    from .recording.recorder import Recording
    from .runtime.worker import Worker

I = TypeVar("I", bound=Union[Event, Notice])  # noqa: E741 - an item, as T is a type
I2 = TypeVar("I2", bound=Union[Event, Notice])
I3 = TypeVar("I3", bound=Union[Event, Notice])
R = TypeVar("R")

#: Shorter than the first millisecond nothing can be LIVE; longer than a day is a mistaken unit.
TIMEOUT_BOUNDS = (0.001, 86_400.0)


class UserDataStream:
    """
    The private stream of one account: orders, fills, balances, positions.

    One background thread runs the socket loop and the timers, decodes frames and calls the callbacks; when the listen
    key expires, the same thread gets a new key and reconnects. A running stream keeps itself alive until ``stop()``
    or the end of the process, whether or not you hold on to the object.

    Args:
        api_key: The API key. It needs no trading rights.
        api_secret: The HMAC secret, or a callable from a request's bytes to its signature for Ed25519 and RSA keys.
            Without it the stream is key-only and sends no signed request.
        market: Which market on which hosts; see ``Market``.
        name: Stands in every log line and in the thread's name; made up when not given.
        keepalive_interval: Seconds between two probes of the listen key, from 1 to 3,000.
        ping_interval: Seconds between our own pings, from 1 to 300; the answer is due within half of it.
        audit_interval: Seconds between two comparisons of the account with what was delivered, from 10 to 86,400; with
            a secret only, as all that follows here up to ``symbols``.
        settle: By how many seconds REST may lag behind the stream, from 0 to 60; a repair waits for so long.
        max_hold: Seconds that events wait at most for the end of a repair; then they are delivered, and what is
            recovered comes late. 0: they do not wait. None: they wait for as long as it takes.
        symbols: Symbols that every repair looks into, whether or not anything says that they were traded.
        connections: 1, or 2 for a second connection that stands by all the time: when one of them ends, nothing is
            missed.
        proxy: URL of an HTTP proxy for both halves; without it the environment's ``HTTPS_PROXY`` and so on apply.
        ssl_context: TLS for both halves; it must verify certificates and host names.
        release_key: Whether to DELETE the listen key on ``stop()``. That silences every other process of the account.
        max_backlog: Bound of each ``events()`` queue.
        max_history: How many of the last events and notices ``history`` keeps, 5 KB each; 0: none.
        cursor: Where a former run ended: ``stream.cursor`` of then, its ``to_text()``, or a store such as
            ``CursorFile(path)`` that is read at each start and written as the stream goes on. With one, a start begins
            with a gap from there on, and with a secret it returns when that is repaired. Without, what happened
            before the start is not delivered.
        timings: All timings at once, in place of those above, which are left out then; for rehearsals.

    Raises:
        ConfigurationError: An argument is of no use; nothing was sent.
    """

    def __init__(
        self,
        api_key: str,
        api_secret: Union[str, Signer, None] = None,
        *,
        market: Market = USDM,
        name: Optional[str] = None,
        keepalive_interval: float = 60.0,
        ping_interval: float = 20.0,
        audit_interval: float = 300.0,
        settle: float = 3.0,
        max_hold: Optional[float] = 60.0,
        symbols: Iterable[str] = (),
        connections: int = 1,
        proxy: Optional[str] = None,
        ssl_context: Optional[ssl.SSLContext] = None,
        release_key: bool = False,
        max_backlog: int = 100_000,
        max_history: int = 1_000,
        cursor: Union[Cursor, CursorStore, str, None] = None,
        timings: Optional[Timings] = None,
    ) -> None:
        # First, so that a traceback can print a stream whose arguments are refused.
        self.name = ""
        self._worker: Optional[Worker] = None
        try:
            credentials, hidden = Credentials.of(api_key, api_secret), hidden_proxy(proxy)
        finally:
            # Tools print the variables of every frame of a traceback, also that of a wrong argument further down.
            del api_key, api_secret, proxy
        settings = Settings.of(
            credentials,
            market=market,
            name=name,
            chosen_timings={
                "keepalive_interval": keepalive_interval,
                "ping_interval": ping_interval,
                "audit_interval": audit_interval,
                "settle": settle,
                "max_hold": max_hold,
            },
            symbols=symbols,
            connections=connections,
            proxy=hidden,
            ssl_context=ssl_context,
            release_key=release_key,
            max_backlog=max_backlog,
            cursor=cursor,
            timings=timings,
        )
        self._settings = settings
        self.name = settings.name
        self._clock = Clock()
        self._log = StreamLog(self.name)
        self._timeline = Timeline()
        self._history = History(max_history)
        self._doors = Doors(
            self._log,
            settings.timings.slow_callback,
            settings.max_backlog,
            self._check_may_wait,
            self._history.record,
        )
        self._plans = PlanWalk(self._settings.market.access_plans)
        self._account = Account(lambda: self.state is StreamState.LIVE)
        self._account_view = self._account.view()
        self._lock = threading.Lock()
        self._failure: Optional[UserDataStreamError] = None
        self._events_before = self._gaps_before = self._reconnects_before = self._blind_ms_before = 0
        self._recording: Optional[Recording] = None
        self._cursor_before = settings.cursor if isinstance(settings.cursor, Cursor) else None
        shutdown.tell_of_fork(self)

    @classmethod
    def from_env(cls, **arguments: Any) -> UserDataStream:
        """
        Make a stream from ``BINANCE_API_KEY`` and, where it is set, ``BINANCE_API_SECRET``.

        Args:
            arguments: The keyword arguments of ``UserDataStream``.

        Raises:
            ConfigurationError: The key is not set, or an argument is of no use.
        """
        try:
            credentials = Credentials.from_env()
            secret = credentials.api_secret
            return cls(credentials.api_key.reveal(), None if secret is None else secret.reveal(), **arguments)
        finally:
            # As in __init__: a proxy's password is among them.
            del arguments

    # Callbacks and queues

    def on(self, item_class: Type[I]) -> Callable[[Callable[[I], R]], Callable[[I], R]]:
        """
        Return a decorator that has a function called with every event or notice of this class.

        Callbacks run on the stream's thread, in order. One that raises is logged and announced as
        ``CallbackFailed``, and the stream goes on. Slow work belongs behind ``events()``.

        Args:
            item_class: An event or notice class; a base class takes all its subclasses.

        Raises:
            ConfigurationError: It is no such class, or what is decorated cannot be called.
        """
        checked = checked_class(item_class)

        def register(handler: Callable[[I], R]) -> Callable[[I], R]:
            _check_plain(handler, "a callback")
            self._doors.add(checked, handler)
            return handler

        return register

    def off(self, handler: Callable[[Any], object]) -> None:
        """Stop calling a function, from the next event on; one that is not registered is no error."""
        self._doors.remove(handler)

    # Spelt out as far as most programs go, because a checker joins what a star gathers to its common base.
    @overload
    def events(self) -> EventQueue[Event]: ...
    @overload
    def events(self, first: Type[I], /) -> EventQueue[I]: ...
    @overload
    def events(self, first: Type[I], second: Type[I2], /) -> EventQueue[Union[I, I2]]: ...
    @overload
    def events(self, first: Type[I], second: Type[I2], third: Type[I3], /) -> EventQueue[Union[I, I2, I3]]: ...
    @overload
    def events(self, *item_classes: Type[I]) -> EventQueue[I]: ...
    def events(self, *item_classes: Type[Any]) -> EventQueue[Any]:
        """
        Return an iterable queue that receives from now on.

        Args:
            item_classes: Event or notice classes; without any, every ``Event``.

        Raises:
            ConfigurationError: One of them is no such class.
            ForkedStream: Called in a child of the process that started the stream.
        """
        self._check_not_forked()
        wanted = item_classes or (Event,)
        for item_class in wanted:
            checked_class(item_class)
        return self._doors.queue(wanted)

    # The account

    @property
    def account(self) -> AccountView:
        """
        The account as the stream tells it: balances, positions, orders; live, and safe to read from any thread.

        With a secret it was read whole by the time ``start()`` returns. Without, it shows what the stream has told so
        far, and ``is_synchronised`` is False. A callback finds what its event brought in it already. A stopped stream's
        account can still be read, and is not ``trusted``.
        """
        return self._account_view

    def wait_until(
        self, predicate: Callable[[AccountSnapshot], object], timeout: Optional[float] = 30.0
    ) -> AccountSnapshot:
        """
        Wait until a predicate is true of the account.

        It is called in this thread with a snapshot: at once, and again whenever something was delivered. So whatever
        came before the call counts, and nothing is missed between two looks. What nothing was told about has the
        amount 0, so ask for ``is_known`` too where that makes a difference.

        Args:
            predicate: Such as ``lambda account: account.order("my-id").is_done``. What it raises is raised here.
            timeout: Seconds to wait; None waits for ever. Ctrl-C works meanwhile.

        Returns:
            The snapshot of which it is true.

        Raises:
            WaitTimeout: It did not become true in time.
            UserDataStreamError: The stream does not run, or ended meanwhile.
            ConfigurationError: It is no predicate or no number, or this is inside one of the stream's callbacks.
            ForkedStream: Called in a child of the process that started the stream.
        """
        _check_plain(predicate, "a predicate")
        checked_wait(timeout)
        awaited = f"account of which {name_of(predicate)} is true"
        return wait_until(
            self._doors.pulse,
            self._account_view,
            predicate,
            timeout,
            self._check_may_wait,
            self._why_over,
            awaited,
        )

    def wait_for(
        self,
        item_class: Type[I],
        where: Optional[Callable[[I], object]] = None,
        timeout: Optional[float] = 30.0,
    ) -> I:
        """
        Wait for the next event or notice of a class.

        From the moment of the call on none is missed, however fast they come. What was delivered before the call does
        not count: of what you have set off already ask ``wait_until``, or open ``events()`` before you set it off.

        Args:
            item_class: An event or notice class; a base class takes all its subclasses.
            where: Such as ``lambda event: event.symbol == "BTCUSDT"``, called in this thread. What it raises is raised
                here.
            timeout: Seconds to wait; None waits for ever. Ctrl-C works meanwhile.

        Returns:
            The first for which ``where`` is true.

        Raises:
            WaitTimeout: None came in time.
            UserDataStreamError: The stream does not run, or ended meanwhile.
            BacklogOverflow: They came faster than ``where`` could look at them.
            ConfigurationError: It is no such class, no predicate or no number, or this is inside one of the stream's
                callbacks.
            ForkedStream: Called in a child of the process that started the stream.
        """
        checked = checked_class(item_class)
        checked_wait(timeout)
        awaited = checked.__name__
        if where is not None:
            _check_plain(where, "a predicate")
            awaited = f"{awaited} of which {name_of(where)} is true"
        with self.events(item_class) as queue:
            return wait_for(
                self._doors.pulse, queue.take, where, timeout, self._check_may_wait, self._why_over, awaited
            )

    # Life

    def start(self, timeout: float = 30.0) -> None:
        """
        Start the background thread and return when the stream is LIVE.

        Safe to call again: one that is starting is waited for, one that was LIVE before is left as it is, whatever
        its state, and one that ended is started anew.

        Args:
            timeout: Seconds the stream may take to become LIVE.

        Raises:
            CredentialsRejected: Binance refused the key, or a signature made with the secret.
            StartTimeout: It was not LIVE in time.
            UserDataStreamError: It was stopped before it was LIVE.
            ConfigurationError: Called in one of its own callbacks after ``stop()``.
            KeyboardInterrupt, SystemExit: Ctrl-C, or what a callback raised to end the program.
            ForkedStream: Called in a child of the process that started the stream.
        """
        begun: List[Worker] = []
        try:
            self._start(timeout, begun.append)
        except BaseException:
            # Also Ctrl-C, at whatever step: what this call began does not go on behind it.
            for worker in begun:
                worker.break_off()
            raise

    def _start(self, timeout: float, begin: Callable[[Worker], object]) -> None:
        """Start as ``start`` does; ``begin`` is called with a new worker before anybody else knows of it."""
        self._check_not_forked()
        within("timeout", timeout, TIMEOUT_BOUNDS)
        worker, is_new = self._worker_at_work(timeout, begin)
        if self._doors.is_inside_callback:
            return
        # The session gives up by itself in time; beyond that only a system call that does not return is left.
        if not worker.wait_settled(timeout + self._settings.timings.rest_timeout):
            failure = StartTimeout(timeout, f"busy with {worker.doing or 'nothing'}")
            if is_new:
                # Whoever else waits for a start has a time of his own.
                self._failure = failure
                worker.give_up()
            raise failure
        if not worker.session.standing.was_live:
            worker.wait_ended(self._settings.timings.rest_timeout)
            self._surface(worker)
            raise UserDataStreamError("the stream was stopped before it was LIVE")

    def run(self, timeout: float = 30.0) -> None:
        """
        Run the stream in the calling thread until it is stopped; callbacks run in this thread, too.

        Args:
            timeout: Seconds the stream may take to become LIVE.

        Raises:
            CredentialsRejected: As ``start``.
            StartTimeout: As ``start``.
            ForkedStream: As ``start``.
            ConfigurationError: The stream runs already.
            KeyboardInterrupt, SystemExit: Ctrl-C, or what a callback raised to end the program.
        """
        self._check_not_forked()
        within("timeout", timeout, TIMEOUT_BOUNDS)
        from .runtime.assembly import assemble

        self._check_not_running()
        cursor = self._begins_at()
        begun: List[Worker] = []
        try:
            with self._lock:
                self._check_not_running()
                worker = self._employ(assemble, cursor, begun.append)
            worker.run(timeout)
        except BaseException:
            # As in start().
            for each in begun:
                each.break_off()
            raise
        self._check_not_forked()
        self._surface(worker)

    def stop(self, timeout: float = 5.0) -> bool:
        """
        Stop the stream, delivering what was already read.

        Safe to call again, from any thread. Inside a callback or a signal handler it only asks, and returns False.

        Args:
            timeout: Seconds to wait for the end.

        Returns:
            Whether the stream has ended. If not, and it waited, a callback or a system call is in the way (the log
            names it), and no further callback starts.

        Raises:
            ConfigurationError: The timeout is no number.
        """
        checked_wait(timeout)
        shutdown.notice_fork()
        worker = self._worker
        if worker is None or worker.has_forked:
            return True
        return worker.stop(timeout)

    def _ask_stop(self) -> None:
        """Ask for the end, without waiting; all that a signal handler may do."""
        shutdown.notice_fork()
        worker = self._worker
        if worker is not None and not worker.has_forked:
            worker.ask_stop()

    def rotate(self) -> None:
        """
        Replace the connection by a new one, without missing anything: the old one goes on until the new one covers.

        A stream does so by itself before Binance ends a connection after 24 hours; call it to choose the moment. It
        only asks, from any thread, also in a callback; ``health.reconnects`` counts it when it is done.

        Raises:
            ConfigurationError: The stream does not run.
            ForkedStream: Called in a child of the process that started the stream.
        """
        self._check_not_forked()
        worker = self._running()
        if worker is None:
            raise ConfigurationError("this stream does not run, so it has no connection to replace")
        worker.ask_rotation()

    def record(
        self,
        path: Union[str, os.PathLike[str]],
        *,
        part_bytes: int = 64 * 1024 * 1024,
        max_bytes: Optional[int] = None,
        overwrite: bool = False,
    ) -> Recording:
        """
        Write down everything that this stream lives through from its next start on, so that it can be replayed.

        Frames as they came, REST answers, connections, keys and times go into a journal, a line for each fact, that
        ``replay`` turns into the same events, account and gap reports. The API key, the secret and signatures are not
        in it, and listen keys are replaced; orders, fills and balances are, so only its owner may read the file. Every
        run from now on goes into it, whole. What goes wrong with it, such as a full disk, ends the recording with an
        ``Attention``, and not the stream.

        Args:
            path: Of a file that does not exist yet; with ``.gz`` at its end it is compressed.
            part_bytes: A file that has grown so large is continued in another: ``account.jsonl`` in
                ``account.2.jsonl`` and so on.
            max_bytes: All of them together may be so large; then the recording ends, as said. None: any size.
            overwrite: Whether to delete the file and those that continue it, if there are any.

        Returns:
            The recording. Its ``problem`` tells why it ended, if it did, and its ``stop()`` leaves later starts out.

        Raises:
            ConfigurationError: The file exists or cannot be created, or the stream runs: what happened before could
                not be replayed.
            ForkedStream: Called in a child of the process that started the stream.
        """
        from .recording.recorder import Recording

        self._check_not_forked()
        self._check_not_running("what happened before could not be replayed, so call record() before start()")
        if self._recording is not None and self._recording.problem is None and not self._recording.is_stopped:
            raise ConfigurationError(f"this stream is recorded already, to {self._recording.path}")
        self._recording = Recording(
            path, self._settings, self._log, part_bytes=part_bytes, max_bytes=max_bytes, overwrite=overwrite
        )
        return self._recording

    def join(self, timeout: Optional[float] = None) -> bool:
        """
        Wait until the stream has ended.

        Args:
            timeout: Seconds to wait; None waits for ever. Ctrl-C works meanwhile.

        Returns:
            Whether it has ended.

        Raises:
            KeyboardInterrupt, SystemExit: What a callback raised to end the program.
            UserDataStreamError: What made the stream fail.
            ConfigurationError: The stream was not started, the timeout is no number, or this is inside one of its
                callbacks.
            ForkedStream: Called in a child of the process that started the stream.
        """
        checked_wait(timeout)
        self._check_may_wait()
        worker = self._worker
        if worker is None:
            raise ConfigurationError("this stream was not started; call start() first")
        if not worker.wait_ended(timeout):
            return False
        self._surface(worker)
        return True

    def __enter__(self) -> UserDataStream:
        self.start()
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        try:
            self.stop()
        except BaseException:
            # Ctrl-C may have come before it asked.
            self._ask_stop()
            raise
        exit_asked = self._doors.take_exit()
        if exit_asked is not None:
            raise exit_asked
        if kind is None and self._worker is not None:
            self._surface(self._worker)

    # What it is worth

    @property
    def state(self) -> StreamState:
        """What the stream is worth at this moment, computed from the proofs' ages by whoever asks."""
        return self._verdict().state

    @property
    def health(self) -> Health:
        """The stream's state and the grounds for it, at this moment."""
        verdict, worker = self._verdict(), self._worker
        counted = Health(
            state=verdict.state,
            why=verdict.why,
            signed=self._settings.credentials.can_sign,
            gaps=self._gaps_before,
            events=self._events_before,
            blind_s=self._blind_ms_before / 1000,
            reconnects=self._reconnects_before,
            callback_errors=self._doors.callback_errors,
            backlog=self._doors.backlog,
        )
        if worker is None or worker.has_forked:
            return counted
        return worker.health(counted, self._clock.now())

    @property
    def cursor(self) -> Optional[Cursor]:
        """
        Where a restart has to begin, as of this moment; None while there is nothing yet to go on from.

        Any thread may ask, at any time, also after the end. It stands for every event whose callbacks have returned,
        whether or not they raised, and that was put into the queues. So a program that dies gets once more what was
        delivered after it last kept the cursor: **at least once** is what a cursor by itself can promise, and what
        ``CursorFile`` does. **Exactly once** takes a callback that keeps the cursor together with what it makes of the
        event, in one transaction: inside a callback the event at hand counts as delivered. That holds for one
        callback; others of the same event may have had it or not. Who reads a queue asks for the cursor first,
        then empties the queue, and keeps the cursor when all of that is done.

        Without a secret nothing can be read back: the next start announces the time in between as a gap, and closes
        it ``unproven``.
        """
        worker = self._worker
        found = None if worker is None else worker.cursor
        return self._cursor_before if found is None else found

    @property
    def timeline(self) -> Tuple[Step, ...]:
        """The last few hundred life-cycle steps, oldest first; for people."""
        return self._timeline.steps()

    @property
    def history(self) -> History:
        """The last events and notices that were delivered, as many as ``max_history``; also as a table or a plot."""
        return self._history

    def show(self) -> None:
        """
        Show the stream in the notebook cell that runs, and keep that up to date until the stream ends.

        It shows the state and the grounds for it, gaps, the account and the last events, and is updated in place, at
        most four times a second, from a thread of its own. Call it again, or run the cell again, and the new output
        takes the place of the former; call it again, too, after another ``start()``.

        Raises:
            ConfigurationError: This is no notebook.
            ForkedStream: Called in a child of the process that started the stream.
        """
        self._check_not_forked()
        from .notebook.display import show

        show(self, self._log)

    def __repr__(self) -> str:
        return f"<UserDataStream {self.name} {self.state}>"

    def __reduce__(self) -> Tuple[Any, ...]:
        raise TypeError(
            "a stream neither pickles nor copies: its thread and its connection are those of this process; give "
            "another process the credentials, and make a stream there"
        )

    def _repr_html_(self) -> str:
        from .notebook.views import stream_card

        return stream_card(self)

    # Inside

    def _verdict(self) -> Verdict:
        shutdown.notice_fork()
        worker = self._worker
        if worker is None:
            return Verdict(StreamState.IDLE, "not started")
        if worker.has_forked:
            return Verdict(StreamState.FAILED, str(ForkedStream()))
        if self._failure is not None:
            return Verdict(StreamState.FAILED, str(self._failure))
        return worker.verdict(self._clock.now())

    def _why_over(self) -> Optional[str]:
        """Return in words why nothing can come any more, or None while something can."""
        worker = self._worker
        if worker is None:
            return "the stream was not started"
        if self._failure is not None:
            return str(self._failure)
        return worker.why_over if worker.has_ended else None

    def _worker_at_work(self, timeout: float, begin: Callable[[Worker], object]) -> Tuple[Worker, bool]:
        """Return the worker that runs, or a new one, and whether it is new; one that is stopping is waited for."""
        # Not under the lock: a process that forks meanwhile would copy it locked.
        from .runtime.assembly import assemble

        deadline = time.monotonic() + timeout
        while True:
            running = self._running()
            cursor = self._begins_at() if running is None else None
            with self._lock:
                if self._running() is not running:
                    # Another thread started it, or it ended.
                    continue
                worker = running or self._employ(assemble, cursor, begin)
            if running is None:
                worker.start(f"binance_uds {self.name}", timeout)
                return worker, True
            if not worker.is_stopping:
                return worker, False
            if self._doors.is_inside_callback:
                raise ConfigurationError("this stream is stopping; it can be started again when it has ended")
            if not worker.wait_ended(max(deadline - time.monotonic(), 0.0)):
                raise StartTimeout(timeout, f"still busy with {worker.doing or 'its last step'} after stop()")

    def _running(self) -> Optional[Worker]:
        return None if self._worker is None or self._worker.has_ended else self._worker

    def _begins_at(self) -> Optional[Cursor]:
        """Return where the next run begins: where this object's last one ended, or where a former one did."""
        given = self._settings.cursor
        if given is None:
            return None
        newest = self.cursor
        if newest is not None or isinstance(given, Cursor):
            return newest
        # Not under the lock: it may take its time.
        found = loaded(given)
        if found is not None:
            found.check_fits(self._settings.market.name, self._settings.credentials.api_key.tag)
        return found

    def _employ(
        self, assemble: Callable[..., Worker], cursor: Optional[Cursor], begin: Callable[[Worker], object]
    ) -> Worker:
        """Make a worker with a fresh session, and keep what the last one counted."""
        last = self._worker
        gaps = 0 if last is None else last.session.gaps
        store = None if isinstance(self._settings.cursor, Cursor) else self._settings.cursor
        recording, edges = self._recording, None
        if recording is not None and not recording.is_stopped:
            edges = recording.edges(self._plans, gaps, cursor, store)
        try:
            worker = assemble(
                self._settings,
                self._doors,
                self._timeline,
                self._log,
                self._clock,
                self._plans,
                self._account,
                gaps,
                cursor,
                store,
                edges,
            )
        except OSError as error:
            reason = error.strerror
        else:
            begin(worker)
            events, reconnects, blind_ms = self._events_before, self._reconnects_before, self._blind_ms_before
            if last is not None:
                events += last.events
                reconnects += last.session.reconnects
                blind_ms += last.session.blind_ms
            cursor_before = self.cursor
            self._account.begin()
            self._doors.take_exit()
            # Nothing is called from here on, so that Ctrl-C comes before all of it: nothing is counted twice.
            self._events_before, self._reconnects_before, self._blind_ms_before = events, reconnects, blind_ms
            self._gaps_before, self._cursor_before, self._failure = gaps, cursor_before, None
            self._worker = worker
            return worker
        raise UserDataStreamError(f"the system has nothing left for the stream to wait with: {reason}")

    def after_fork(self) -> None:
        """In a forked child: a lock that another thread of the parent held would never be released here."""
        self._lock = threading.Lock()
        worker = self._worker
        if worker is not None and not worker.has_ended:
            worker.after_fork()

    def _surface(self, worker: Worker) -> None:
        """Raise in the user's thread what ended the run; a callback's exit once, an error to everyone who asks."""
        exit_asked = self._doors.take_exit()
        if exit_asked is not None:
            raise exit_asked
        if worker.error is not None:
            raise worker.error.with_traceback(None)

    def _check_not_forked(self) -> None:
        shutdown.notice_fork()
        if self._worker is not None and self._worker.has_forked:
            raise ForkedStream()

    def _check_not_running(self, advice: str = "use join() to wait for it") -> None:
        if self._running() is not None:
            raise ConfigurationError(f"this stream runs already; {advice}")

    def _check_may_wait(self) -> None:
        self._check_not_forked()
        if self._doors.is_inside_callback:
            raise ConfigurationError(
                "this waits inside one of the stream's own callbacks, where nothing can arrive any more; "
                "wait in another thread"
            )


def _check_plain(function: Callable[..., object], what: str) -> None:
    if not callable(function):
        raise ConfigurationError(f"{what} must be callable, not {type(function).__name__}")
    if _is_asynchronous(function) or _is_asynchronous(type(function).__call__):
        raise ConfigurationError(f"{what} must be a plain function: a coroutine would never be awaited")


def _is_asynchronous(handler: object) -> bool:
    return inspect.iscoroutinefunction(handler) or inspect.isasyncgenfunction(handler)
