"""The cursor on its way: handed out to whoever asks, and kept in a store as the stream goes on."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Optional, Protocol, Tuple, Union, runtime_checkable

from ..edges.text_file import read_text, replace_text
from ..errors import ConfigurationError
from ..events import Attention, AttentionCode
from ..instants import Instant
from ..protocol.ledger.cursor import Cursor

if TYPE_CHECKING:
    from ..edges.clock import Clock
    from ..protocol.ledger.handed import Handed
    from ..protocol.session import Session
    from .doors import Doors, Item
    from .watch import StreamLog

#: The share of the stream's time that saving may take at most; a slow store is asked less often.
_MOST_SHARE = 0.05


@runtime_checkable
class CursorStore(Protocol):
    """
    Where a stream finds its cursor when it starts, and keeps it as it goes on.

    ``CursorFile`` is one. Another is any object with these two methods, such as one that writes to a database.
    """

    def load(self) -> Optional[Cursor]:
        """
        Return what was saved last; None when nothing ever was. Called by ``start()`` in the thread that calls it.

        What it raises comes out of ``start()``.
        """

    def save(self, cursor: Cursor) -> None:
        """
        Keep a cursor in place of the one before. Called on the stream's thread, which reads nothing meanwhile.

        What it raises is told as an ``Attention``, and the stream goes on and tries again.
        """


class CursorFile:
    """
    A file that keeps a stream's cursor, for one stream at a time.

    It is replaced as a whole, after it has reached the disk, so a crash at any moment leaves the old one or the new
    one. Only its owner may read it, although it holds no secret. While it is written there is another beside it whose
    name ends in ``.new``.

    Args:
        path: Where it is, or is to be; its directory must exist.
    """

    def __init__(self, path: Union[str, os.PathLike[str]]) -> None:
        self._path = os.fspath(path)

    def __repr__(self) -> str:
        return f"<CursorFile {self._path}>"

    def load(self) -> Optional[Cursor]:
        """
        Return what the file holds; None when there is no such file.

        Raises:
            ConfigurationError: It cannot be read, or is damaged; it is left as it is, and the message says what to do.
                Or there is no directory for it.
        """
        try:
            text = read_text(self._path)
        except OSError as error:
            reason = error.strerror or type(error).__name__
        else:
            if text is not None:
                return self._parsed(text)
            directory = os.path.dirname(os.path.abspath(self._path))
            if os.path.isdir(directory):
                return None
            # Nothing could ever be saved, which a stream would only tell of once it runs.
            reason = f"there is no directory {directory}; make it first"
        raise ConfigurationError(f"the cursor file {self._path} cannot be read: {reason}")

    def save(self, cursor: Cursor) -> None:
        """
        Replace what the file holds.

        Raises:
            OSError: It cannot be written; it holds what it held.
        """
        replace_text(self._path, cursor.to_text())

    def _parsed(self, text: str) -> Cursor:
        try:
            return Cursor.from_text(text)
        except ConfigurationError as error:
            words = str(error)
        raise ConfigurationError(f"{self._path}: {words}")


def checked_cursor(given: object) -> Union[Cursor, CursorStore, None]:
    """
    Return what a user gave as the cursor of a stream: a cursor, also from its text, or where to find one.

    Raises:
        ConfigurationError: It is none of that.
    """
    if isinstance(given, str):
        if not given.lstrip().startswith("{"):
            raise ConfigurationError("cursor is a text, and not one of a cursor; for a file pass CursorFile(path)")
        return Cursor.from_text(given)
    if given is None or isinstance(given, (Cursor, CursorStore)):
        return given
    raise ConfigurationError(
        "cursor must be a Cursor, its text, or a store such as CursorFile(path), with load() and save(), not of type "
        f"{type(given).__name__}"
    )


def loaded(store: CursorStore) -> Optional[Cursor]:
    """
    Return what a store holds.

    Raises:
        ConfigurationError: It is no cursor. Whatever else the store raises comes out as it is.
    """
    found = store.load()
    if found is None or isinstance(found, Cursor):
        return found
    raise ConfigurationError(f"load() of the cursor store must return a Cursor or None, not {type(found).__name__}")


class CursorKeeper:
    """
    Hands items to the doors, knows where a restart has to begin, and saves that.

    Args:
        session: Whose events are handed over.
        handed: What was handed over.
        doors: Where they go.
        clock: The clocks.
        log: The stream's loggers.
        key_tag: Of the API key.
        store: Where the cursor is kept; None: nowhere.
    """

    def __init__(
        self,
        session: Session,
        handed: Handed,
        doors: Doors,
        clock: Clock,
        log: StreamLog,
        key_tag: str,
        store: Optional[CursorStore] = None,
    ) -> None:
        self._session = session
        self._handed = handed
        self._doors = doors
        self._clock = clock
        self._log = log
        self._key_tag = key_tag
        self._store = store
        self._saved = self._stamp()
        self._not_before = clock.now().monotonic
        self._is_failing = False

    # On the stream's thread

    def hand_over(self, item: Item) -> None:
        """Hand an item to the doors; it counts as delivered once all who want it have had it."""
        self._handed.take(item)
        if self._doors.deliver(item):
            self._handed.put()
        else:
            self._handed.tear()

    def give_up(self) -> None:
        """Something was broken off at an unknown point; what was not handed over until now may never be."""
        self._handed.tear()

    def next_due(self) -> Optional[float]:
        """Return the monotonic time at which something is to be saved; None while nothing is."""
        return None if self._store is None or self._stamp() == self._saved else self._not_before

    def save(self, *, is_last: bool = False) -> Tuple[Attention, ...]:
        """
        Save the cursor, if it changed and the last time was long enough ago.

        Args:
            is_last: Save it anyway if it changed: nothing will follow.

        Returns:
            What a person should know.
        """
        due, begun = self.next_due(), self._clock.now()
        if self._store is None or due is None or (due > begun.monotonic and not is_last):
            return ()
        stamp, cursor = self._stamp(), self.cursor(begun)
        told: Tuple[Attention, ...] = ()
        try:
            if cursor is not None:
                self._store.save(cursor)
        except Exception as error:
            told = self._tell_failure(error)
        else:
            self._saved, self._is_failing = stamp, False
        ended = self._clock.now().monotonic
        interval = self._session.timings.cursor_interval
        self._not_before = ended + max(interval, (ended - begun.monotonic) / _MOST_SHARE)
        return told

    def _tell_failure(self, error: Exception) -> Tuple[Attention, ...]:
        """Log it each time, and tell of it once until it is over."""
        is_told, self._is_failing = self._is_failing, True
        words = (error.strerror if isinstance(error, OSError) else None) or type(error).__name__
        self._log.session.warning("the cursor was not saved: %s", words, exc_info=None if is_told else error)
        if is_told:
            return ()
        return (
            Attention(
                code=AttentionCode.CURSOR_NOT_SAVED,
                message=f"the cursor was not saved ({words}); the stream goes on and tries again, and until that "
                "succeeds a restart begins at the one that was saved last",
            ),
        )

    # For any thread

    def cursor(self, now: Instant) -> Optional[Cursor]:
        """Return where a restart has to begin; None while there is nothing yet to go on from."""
        session, since_ms = self._session, None
        if not session.signed:
            since_ms = self._blind_since_ms(now)
            if since_ms is None:
                return None
        # Inside a callback its own event counts: it can be written together with the cursor, or neither is.
        is_inside = self._doors.is_inside_callback and self._doors.running is not None
        return self._handed.cursor(session.market.name, self._key_tag, since_ms=since_ms, with_in_hand=is_inside)

    def _blind_since_ms(self, now: Instant) -> Optional[int]:
        """Return from when on events would be missing if the process ended now; nothing is read back or audited."""
        session = self._session
        if not session.standing.was_live or not session.clock.is_known:
            # Nothing was proven yet, or nobody can say when; and what the former run left open is open still.
            return session.resume_ms
        open_since = [gap.since_ms for gap in tuple(session.open_gaps)]
        return min([session.blind_since_ms(session.proofs.oldest(now)), *open_since])

    def _stamp(self) -> Tuple[object, ...]:
        """Return what changes with the cursor; without a secret it grows with every proof of the key."""
        return (self._handed.version, None if self._session.signed else self._session.proofs.key)
