"""
What needs several reads in a row: an errand.

An errand is a generator. It yields what it wants, a ``Read``, a ``Pause`` or to ``Tell``, and is sent the ``Answer``;
the session decides when, retries what fails, and keeps within the request weight. So the order of the reads stands
written down from top to bottom, and nothing in it waits.
"""

from __future__ import annotations

import enum
from typing import Any, Callable, FrozenSet, Generator, List, Optional, Tuple, Union

import attrs

from ...instants import Instant
from . import reads
from .configuration import Configuration
from .reads import LONGEST_SPAN_MS, MOST_ROWS, SHOWN_MS, Read

#: Binance's code for an order that does not exist. Source: USDⓈ-M Futures > Error Codes.
NO_SUCH_ORDER = -2013


@attrs.frozen
class Pause:
    """Go on in so many seconds."""

    seconds: float


@attrs.frozen
class Tell:
    """Let it be known at once how the account trades, and go on."""

    configuration: Configuration


@attrs.frozen
class Answer:
    """
    What came of a read.

    Attributes:
        rows: What was told; none when it was refused.
        malformed: The rows that could not be used, in words.
        sent_ms: The earliest time the exchange's clock can have shown when it was asked.
        refused: The exchange's code when it would not tell, whoever asks and however often; 0 when it told.
    """

    rows: Tuple[Any, ...] = ()
    malformed: Tuple[str, ...] = ()
    sent_ms: int = 0
    refused: int = 0


Steps = Generator[Union[Read, Pause, Tell], Answer, Any]


class ErrandKind(enum.Enum):
    """What an errand is for."""

    SNAPSHOT = "snapshot of the account"
    REPAIR = "repair"
    AUDIT = "audit"


@attrs.define
class Errand:
    """
    An errand under way.

    Attributes:
        kind: What it is for.
        steps: The reads, one after the other.
        begun_at: When it began.
        gaps: The gaps it repairs.
        symbols: The symbols it looks into; None: all.
        wanted: The read that was asked for and has no answer yet; None in a pause.
        clock_was_refused: Whether that read was refused for its time; then the exchange's clock is read before the next
            try.
        found: What it found, once it is through.
    """

    kind: ErrandKind
    steps: Steps
    begun_at: Instant
    gaps: Tuple[int, ...] = ()
    symbols: Optional[FrozenSet[str]] = None
    wanted: Optional[Read] = None
    clock_was_refused: bool = False
    found: Any = None


#: What tells how the account trades.
CONFIGURATION = (reads.symbol_configs(), reads.account_config())


def tell_configuration(settle_ms: int) -> Generator[Union[Read, Tell], Answer, None]:
    """
    Read how the account trades, and tell.

    What cannot be read is not told; it stays as the stream told it, and is read again with the next errand.

    Args:
        settle_ms: By how much REST may lag.
    """
    of_symbols, of_account = CONFIGURATION
    symbols = yield of_symbols
    modes = yield of_account
    yield Tell(Configuration(symbols.sent_ms - settle_ms, symbols.rows, modes.rows))


@attrs.frozen
class Pages:
    """
    What was told on all pages of a read.

    Attributes:
        rows: Those that can be used, page by page; what stands at the edge of a page stands on the next one again.
        malformed: The rows that cannot, in words.
        sent_ms: The earliest time the exchange's clock can have shown when the last page was asked for.
        refused: The exchange's code when it would not tell any more; 0 when it told.
        is_whole: Whether that is everything: it was not refused, and no page left open where the next one begins.
    """

    rows: Tuple[Any, ...] = ()
    malformed: Tuple[str, ...] = ()
    sent_ms: int = 0
    refused: int = 0
    is_whole: bool = True


#: Reads page after page.
Paging = Generator[Read, Answer, Pages]


@attrs.define
class _Pages:
    """
    Pages that are being read.

    Attributes:
        size: How many rows a page has when another may follow.
    """

    size: int
    _rows: List[Any] = attrs.field(factory=list)
    _malformed: List[str] = attrs.field(factory=list)
    _last: Answer = Answer()

    def take(self, answer: Answer) -> None:
        """Keep what a page tells."""
        self._last = answer
        self._rows.extend(answer.rows)
        self._malformed.extend(answer.malformed)

    @property
    def is_full(self) -> bool:
        """Whether the last page may be followed by another."""
        return len(self._last.rows) + len(self._last.malformed) >= self.size

    def end(self, *, is_whole: bool = True) -> Pages:
        """Return all of it."""
        last = self._last
        rows, malformed = tuple(self._rows), tuple(self._malformed)
        return Pages(rows, malformed, last.sent_ms, last.refused, is_whole and not last.refused)


def pages_of_orders(start_ms: int, now_ms: int, size: int = MOST_ROWS) -> Paging:
    """
    Read the orders of all symbols since a moment, or as far back as they are shown.

    Not every exchange tells of all symbols at once.
    """

    def read(since_ms: int, end_ms: Optional[int]) -> Read:
        return reads.all_orders(since_ms, end_ms, limit=size)

    return _pages_by_time(read, lambda row: row.creation_time_ms, start_ms, now_ms, size)


def pages_of_income(start_ms: int, now_ms: int, size: int = MOST_ROWS) -> Paging:
    """Read what changed the balances since a moment, or as far back as it is shown."""

    def read(since_ms: int, end_ms: Optional[int]) -> Read:
        return reads.income(since_ms, end_ms, size)

    return _pages_by_time(read, lambda row: row.time_ms, start_ms, now_ms, size)


def _end_of_window(start_ms: int, now_ms: int) -> Optional[int]:
    """Return the last millisecond that one read may span from its first on; None where that reaches to now."""
    return None if now_ms - start_ms <= LONGEST_SPAN_MS else start_ms + LONGEST_SPAN_MS


def _pages_by_time(
    read: Callable[[int, Optional[int]], Read],
    time_of: Callable[[Any], Optional[int]],
    start_ms: int,
    now_ms: int,
    size: int,
) -> Paging:
    pages = _Pages(size)
    start_ms = max(start_ms, now_ms - SHOWN_MS)
    while True:
        end_ms = _end_of_window(start_ms, now_ms)
        answer = yield read(start_ms, end_ms)
        pages.take(answer)
        if answer.refused:
            return pages.end()
        if pages.is_full:
            # Several may be of the last millisecond, and not all of them on this page, so the next begins with it.
            last_ms = max((time_of(row) or 0 for row in answer.rows), default=0)
            if last_ms < start_ms:
                return pages.end(is_whole=False)
            start_ms = max(last_ms, start_ms + 1)
        elif end_ms is None:
            return pages.end()
        else:
            start_ms = end_ms + 1


def pages_of_one_symbol(symbol: str, first_id: int, last_id: int, size: int = MOST_ROWS) -> Paging:
    """Read the orders of a symbol from one id to another."""
    pages = _Pages(size)
    while True:
        answer = yield reads.all_orders(None, symbol=symbol, order_id=first_id, limit=size)
        pages.take(answer)
        newest = max((row.order_id for row in answer.rows), default=0)
        if not pages.is_full or newest >= last_id:
            return pages.end()
        if newest < first_id:
            return pages.end(is_whole=False)
        first_id = newest + 1


def pages_of_trades(
    symbol: str,
    start_ms: int,
    now_ms: int,
    from_id: Optional[int] = None,
    keep: Callable[[Answer], None] = lambda page: None,
    size: int = MOST_ROWS,
) -> Paging:
    """
    Read the trades of a symbol up to now.

    The first page is found by time, in windows, where no id is known; from then on ids alone decide.

    Args:
        symbol: Which.
        start_ms: From when on, as far back as the exchange shows them.
        now_ms: The present, by the exchange's clock.
        from_id: A trade id to begin with instead.
        keep: Called with each page as it comes, so that it outlives an interruption.
        size: Rows that are asked for at once.
    """
    pages = _Pages(size)
    start_ms = max(start_ms, now_ms - SHOWN_MS)
    while True:
        end_ms: Optional[int] = None
        if from_id is not None:
            answer = yield reads.user_trades(symbol, from_id=from_id, limit=size)
        else:
            end_ms = _end_of_window(start_ms, now_ms)
            answer = yield reads.user_trades(symbol, start_ms=start_ms, end_ms=end_ms, limit=size)
        pages.take(answer)
        keep(answer)
        if answer.refused or (end_ms is None and not pages.is_full):
            return pages.end()
        newest = max((row.trade_id for row in answer.rows), default=0)
        if pages.is_full and newest < (from_id or 1):
            return pages.end(is_whole=False)
        if answer.rows:
            # The two trades of a self-trade share an id, and a page may end between them.
            from_id = newest if newest != from_id else newest + 1
        else:
            assert end_ms is not None
            start_ms = end_ms + 1
