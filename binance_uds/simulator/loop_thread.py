"""An asyncio loop in a thread of its own, with a door for other threads."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from contextlib import suppress
from typing import Optional, TypeVar

Result = TypeVar("Result")

#: A call takes microseconds; one that takes so long found the loop dead.
_CALL_TIMEOUT_S = 30.0
_STOP_TIMEOUT_S = 10.0


class LoopThread:
    """
    Opens something in a new thread's loop, lets other threads call into it, and closes it again.

    It lives once: what was stopped is not started again.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._thread: Optional[threading.Thread] = None
        self._loop: Optional[asyncio.AbstractEventLoop] = None
        self._stop_requested: Optional[asyncio.Event] = None

    @property
    def is_running(self) -> bool:
        """Whether it was started and has not been told to stop."""
        return self._stop_requested is not None and not self._stop_requested.is_set()

    def start(self, opening: Callable[[], Awaitable[None]], closing: Callable[[], Awaitable[None]]) -> None:
        """
        Begin; returns when ``opening`` is done, or raises what it raised.

        Args:
            opening: Run first, in the loop.
            closing: Run last, also after a failed opening.

        Raises:
            RuntimeError: It was started before.
        """
        if self._thread is not None:
            raise RuntimeError("a local exchange can be started once; make a new one")
        opened: Future[None] = Future()
        self._thread = threading.Thread(
            target=lambda: asyncio.run(self._live(opened, opening, closing)), name=self._name, daemon=True
        )
        self._thread.start()
        try:
            opened.result()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Close and join the thread. Idempotent; from the loop itself it only asks."""
        loop, stop_requested, thread = self._loop, self._stop_requested, self._thread
        if loop is None or stop_requested is None or thread is None or not thread.is_alive():
            return
        with suppress(RuntimeError):  # the loop may have closed a moment ago
            loop.call_soon_threadsafe(stop_requested.set)
        if threading.current_thread() is not thread:
            thread.join(_STOP_TIMEOUT_S)

    def call(self, action: Callable[[], Result]) -> Result:
        """
        Run an action in the loop and return its result, or raise what it raised.

        Raises:
            RuntimeError: The loop is not running.
        """
        if not self.is_running or self._loop is None:
            raise RuntimeError("the local exchange is not running; use it in a with block")
        if threading.current_thread() is self._thread:
            return action()
        done: Future[Result] = Future()

        def run() -> None:
            try:
                done.set_result(action())
            except BaseException as error:
                done.set_exception(error)

        self._loop.call_soon_threadsafe(run)
        return done.result(_CALL_TIMEOUT_S)

    async def _live(
        self,
        opened: Future[None],
        opening: Callable[[], Awaitable[None]],
        closing: Callable[[], Awaitable[None]],
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop_requested = asyncio.Event()
        try:
            await opening()
        except BaseException as error:
            self._stop_requested.set()
            opened.set_exception(error)
        else:
            opened.set_result(None)
        await self._stop_requested.wait()
        await closing()
