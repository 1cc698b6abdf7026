"""
A view that follows a stream in a notebook's cell, updated in place, four times a second at most.

Its thread only looks, as any reader may, and so it shows STALE even when the stream's own thread hangs.
What goes wrong with the display ends the display, with a line in the log, and nothing else.
"""

from __future__ import annotations

import sys
import threading
import time
import weakref
from typing import TYPE_CHECKING, Any, Callable, Dict, Optional, Tuple

from ..errors import ConfigurationError
from ..events import StreamState
from ..runtime import shutdown
from ..runtime.pulse import Flag
from .views import stream_card

if TYPE_CHECKING:
    from ..runtime.watch import StreamLog
    from ..stream import UserDataStream

#: Seconds between two updates, at least; and between two looks.
LEAST_INTERVAL = 0.25

#: Seconds after which the ages in the view are brought up to date, though nothing happened.
IDLE_INTERVAL = 1.0

OVER = (StreamState.STOPPED, StreamState.FAILED)

#: Hands a view to the front end: HTML, plain text, and whether it replaces what this display showed before.
Publish = Callable[[str, str, bool], None]

#: The view of each stream, and which cell at which execution shows it.
_views: weakref.WeakKeyDictionary[UserDataStream, LiveView] = weakref.WeakKeyDictionary()


class LiveView:
    """
    One stream's display. At most one runs for each stream.

    Args:
        stream: The stream; it is not kept alive.
        publish: The way to the front end.
        log: Where a display that fails is named.
        place: The cell that shows it and the execution of that cell, as far as the front end tells.
    """

    def __init__(
        self,
        stream: UserDataStream,
        publish: Publish,
        log: StreamLog,
        place: Tuple[Optional[str], Optional[str]] = (None, None),
    ) -> None:
        self._stream = weakref.ref(stream)
        self._name = stream.name
        self._publish = publish
        self._log = log
        self.place = place
        self._end_asked = Flag()
        self._thread: Optional[threading.Thread] = None

    def begin(self) -> None:
        """Show the stream, and follow it unless it is over."""
        if not self._show(is_update=False):
            return
        # Registered first, as the stream's own thread is: a fork may come at any time.
        shutdown.register(self)
        thread = threading.Thread(target=self._follow, name=f"binance_uds {self._name} display", daemon=True)
        try:
            thread.start()
        except RuntimeError:
            shutdown.unregister(self)
            self._log.session.warning("the system has no thread left to keep the display up to date")
        else:
            self._thread = thread

    def ask_stop(self) -> None:
        """Follow the stream no longer; what is shown stays."""
        self._end_asked.set()

    def stop(self, timeout: float) -> bool:
        """Follow the stream no longer, and wait for the update under way."""
        self.ask_stop()
        thread = self._thread
        if thread is None or thread is threading.current_thread():
            return True
        thread.join(timeout)
        return not thread.is_alive()

    def after_fork(self) -> None:
        """In the child: the thread does not exist here, and the front end is the parent's."""
        self._end_asked = Flag()
        self._end_asked.set()
        self._thread = None

    @property
    def is_following(self) -> bool:
        """Whether it is brought up to date."""
        thread = self._thread
        return thread is not None and thread.is_alive() and not self._end_asked.is_set

    def _follow(self) -> None:
        try:
            shown: object = None
            shown_at = time.monotonic()
            while not self._end_asked.wait(LEAST_INTERVAL) and self._is_in_charge():
                now = time.monotonic()
                there_is = self._sight()
                if there_is == shown and now - shown_at < IDLE_INTERVAL:
                    continue
                shown, shown_at = there_is, now
                if not self._show(is_update=True):
                    return
        finally:
            shutdown.unregister(self)

    def _is_in_charge(self) -> bool:
        """Whether no other view took its place; two may begin at once."""
        stream = self._stream()
        return stream is not None and _views.get(stream) is self

    def _sight(self) -> Optional[Tuple[object, ...]]:
        """Return what tells two views apart, ages aside."""
        stream = self._stream()
        return None if stream is None else (stream.state, id(stream.history.newest), stream.account.as_of_ms)

    def _show(self, *, is_update: bool) -> bool:
        """Show the stream as it is, and return whether to go on."""
        stream = self._stream()
        if stream is None:
            return False
        try:
            # Before the view, so that an end that comes meanwhile is shown the next time.
            is_over = stream.state in OVER
            self._publish(stream_card(stream, is_live_view=not is_over), repr(stream), is_update)
        except Exception as error:
            self._log.session.warning(
                "the display in the notebook failed with %s and is not updated any more; show() starts it again",
                type(error).__name__,
                exc_info=True,
            )
            return False
        return not is_over


def show(stream: UserDataStream, log: StreamLog) -> None:
    """
    Show a stream in the cell that runs, in place of what showed it before, and follow it.

    Raises:
        ConfigurationError: This is no notebook.
    """
    shell = notebook_shell()
    view = LiveView(stream, _publisher(shell, f"binance_uds-{id(stream):x}"), log, _place(shell))
    # A cell that makes a stream and is run again has made another one.
    for other in tuple(_views.values()):
        if other.place[0] is not None and other.place[0] == view.place[0] and other.place[1] != view.place[1]:
            other.ask_stop()
    former = _views.get(stream)
    _views[stream] = view
    if former is not None:
        # It would see so by itself, and might show what was in the meantime.
        former.stop(LEAST_INTERVAL)
    view.begin()


def notebook_shell() -> Any:
    """
    Return the shell of the notebook that this process serves.

    Raises:
        ConfigurationError: This is no notebook.
    """
    # Whoever runs in one has imported it.
    module = sys.modules.get("IPython")
    shell = None if module is None else module.get_ipython()
    if getattr(shell, "kernel", None) is None:
        raise ConfigurationError(
            "show() updates a cell of a notebook, and this is none; print(stream.health) tells the same anywhere, and "
            "so does the command `binance-uds watch`"
        )
    return shell


def _publisher(shell: Any, display_id: str) -> Publish:
    """Return the way to the outputs of this display id: all of them show the same."""

    def publish(html: str, text: str, is_update: bool) -> None:
        data: Dict[str, str] = {"text/html": html, "text/plain": text}
        # Safe in any thread: the kernel hands all output to one of its own.
        shell.display_pub.publish(data=data, metadata={}, transient={"display_id": display_id}, update=is_update)

    return publish


def _place(shell: Any) -> Tuple[Optional[str], Optional[str]]:
    """Return the id of the cell that runs and of its execution; not every front end tells."""
    try:
        parent = shell.kernel.get_parent()
        return parent["metadata"].get("cellId"), parent["header"].get("msg_id")
    except Exception:
        return None, None
