"""
What was handed to the user: the books as of the last event whose callbacks have returned.

The books of ``books.py`` know what came. What came may be held back, or lie in the middle of a repair's harvest while
the process dies; so where a restart has to begin is told from what was handed over. An event counts when its callbacks
have returned. The callbacks themselves see it counted already: who writes an event and the cursor in one transaction
has either both or none.

Counting twice is dear, and most of the time the books are right about what was handed over, too. So the last events
are only noted; what they touched is copied from the books at the next moment at which the two agree, and worked out
event by event where somebody asks before then.
"""

from __future__ import annotations

from typing import Iterable, List, Optional, Tuple

from ...events.base import Event
from ...events.usdm import AccountUpdate, AlgoUpdate, OrderTradeUpdate
from .books import Books
from .cursor import Cursor
from .handed_rows import HandedRows

#: After so many events the books should be looked at; beyond the double they are worked out, not to be kept for ever.
OFTEN = 128
_MOST_NOTED = 2 * OFTEN

_COUNTED = (OrderTradeUpdate, AccountUpdate, AlgoUpdate)


class Handed:
    """
    What was handed over. One thread writes; any may ask for the cursor.

    About 200 bytes for each fill since the last audit.

    Args:
        counts: Whether orders and positions are counted; without a secret they are not.
        cursor: Where a former run ended.
    """

    def __init__(self, *, counts: bool = False, cursor: Optional[Cursor] = None) -> None:
        self._counts = counts
        self._rows = HandedRows()
        self._noted: List[Event] = []
        self._in_hand: Optional[Event] = None
        self._is_torn = False
        #: Odd while rows and notes are changed together.
        self._turns = 0
        #: Grows with everything that changes the cursor.
        self.version = 0
        if cursor is not None:
            self._rows.highest.update(cursor.highest)
            self.restate(cursor.books())
            self.version = 0

    # From event to event

    def take(self, item: object) -> None:
        """An event or a notice is about to be handed over."""
        self._in_hand = item if isinstance(item, _COUNTED) else None

    def put(self) -> None:
        """It was; all who wanted it have had it."""
        if self._in_hand is not None:
            self._noted.append(self._in_hand)
            self._in_hand = None
            self.version += 1
            if len(self._noted) >= _MOST_NOTED:
                self._work_out()

    def tear(self) -> None:
        """It was not, or not to all; from now on nobody knows how the books fit to what was handed over."""
        self._in_hand = None
        self._is_torn = True

    # From time to time

    def catch_up(self, books: Books) -> None:
        """Take what was touched from the books, at a moment at which all they know of was handed over."""
        if self._noted and not self._is_torn:
            self._turns += 1
            for event in self._noted:
                self._rows.add_fill(event)
            if self._counts:
                self._rows.take(books)
            self._noted.clear()
            self._turns += 1
        books.touched.clear()

    def restate(self, books: Books) -> None:
        """Take everything from the books, at a moment at which all they know of was handed over."""
        if self._is_torn:
            return
        # The books do not know the highest trade ids that were handed over; the notes do.
        self._work_out()
        self._rows = HandedRows.of(books, self._rows.highest, counts=self._counts)
        books.touched.clear()
        self.version += 1

    def forget_before(self, floor_ms: int) -> None:
        """Keep no record of the fills of before this moment, where nothing is ever read back."""
        self._work_out()
        fills = self._rows.fills
        self._rows.fills = {identified: time_ms for identified, time_ms in fills.items() if time_ms >= floor_ms}

    # For any thread

    def cursor(
        self, market: str, key_tag: str, *, since_ms: Optional[int] = None, with_in_hand: bool = False
    ) -> Optional[Cursor]:
        """
        Return where a restart has to begin; None while there is nothing yet to go on from.

        Args:
            market: The market's name.
            key_tag: The API key's tag.
            since_ms: From when on events may be missing, where the books do not say.
            with_in_hand: Whether the event that is being handed over counts as delivered; only for its callbacks.
        """
        if with_in_hand:
            # Here and now nobody else changes anything, and who asks once asks again.
            self._work_out()
        rows, noted = self._snapshot()
        self._tell(rows, noted)
        if with_in_hand and self._in_hand is not None:
            self._tell(rows, (self._in_hand,))
        return rows.cursor(market, key_tag, since_ms)

    # Inside

    def _snapshot(self) -> Tuple[HandedRows, Tuple[Event, ...]]:
        """Return the rows, and the events that are not in them, of one moment; for any thread."""
        while True:
            # Each in one step, as far as other threads are concerned.
            turns, rows, noted = self._turns, self._rows.copy(), tuple(self._noted)
            if turns == self._turns and not turns % 2:
                return rows, noted

    def _work_out(self) -> None:
        self._turns += 1
        self._tell(self._rows, self._noted)
        self._noted.clear()
        self._turns += 1

    def _tell(self, rows: HandedRows, events: Iterable[Event]) -> None:
        """Let rows know of events that are not in them."""
        for event in events:
            rows.add_fill(event)
            if self._counts:
                rows.count(event)
