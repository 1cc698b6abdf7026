"""
What needs several reads in a row: an errand.

An errand is a generator. It yields what it wants, a ``Read`` or a ``Pause``, and is sent the ``Answer``; the session
decides when, retries what fails, and keeps within the request weight. So the order of the reads stands written down
from top to bottom, and nothing in it waits.
"""

from __future__ import annotations

import enum
from typing import Any, Dict, FrozenSet, Generator, List, Optional, Tuple, Union

import attrs

from ..events.usdm_rows import OrderRow, TradeRow
from ..instants import Instant
from . import reads
from .reads import LONGEST_SPAN_MS, MOST_ROWS, Read

#: Binance's code for an order that does not exist. Source: USDⓈ-M Futures > Error Codes.
NO_SUCH_ORDER = -2013


@attrs.frozen
class Pause:
    """Go on in so many seconds."""

    seconds: float


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


Steps = Generator[Union[Read, Pause], Answer, Any]


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
        clock_was_refused: Whether that read was refused for its time once already.
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


def pages_of_orders(
    start_ms: int, now_ms: int, malformed: List[str]
) -> Generator[Read, Answer, Optional[List[OrderRow]]]:
    """
    Read the orders of all symbols since a moment, page by page; rows that cannot be used are named in ``malformed``.

    Returns:
        The newest row read of each order; None when the exchange does not tell of all symbols at once.
    """
    found: Dict[Tuple[str, int], OrderRow] = {}
    while True:
        is_last = now_ms - start_ms <= LONGEST_SPAN_MS
        end_ms = None if is_last else start_ms + LONGEST_SPAN_MS
        answer = yield reads.all_orders(start_ms, end_ms)
        if answer.refused:
            return None
        malformed.extend(answer.malformed)
        found.update(((row.symbol, row.order_id), row) for row in answer.rows)
        if len(answer.rows) + len(answer.malformed) < MOST_ROWS:
            if end_ms is None:
                return list(found.values())
            start_ms = end_ms + 1
        else:
            # Several may have been placed in the last millisecond, and not all of them were on this page.
            last_ms = max((row.creation_time_ms or 0 for row in answer.rows), default=0)
            start_ms = max(last_ms, start_ms + 1)


def pages_of_one_symbol(
    symbol: str, first_id: int, last_id: int, malformed: List[str]
) -> Generator[Read, Answer, List[OrderRow]]:
    """Read the orders of a symbol from one id to another, page by page; ``malformed`` as above."""
    found: List[OrderRow] = []
    while True:
        answer = yield reads.all_orders(None, symbol=symbol, order_id=first_id)
        malformed.extend(answer.malformed)
        found.extend(answer.rows)
        newest = max((row.order_id for row in answer.rows), default=last_id)
        if len(answer.rows) + len(answer.malformed) < MOST_ROWS or newest >= last_id:
            return found
        first_id = newest + 1


def symbols_with_income(start_ms: int, now_ms: int, malformed: List[str]) -> Generator[Read, Answer, List[str]]:
    """Read which symbols money came from or went to since a moment, page by page; ``malformed`` as above."""
    symbols: List[str] = []
    while True:
        is_last = now_ms - start_ms <= LONGEST_SPAN_MS
        end_ms = None if is_last else start_ms + LONGEST_SPAN_MS
        answer = yield reads.income(start_ms, end_ms)
        malformed.extend(answer.malformed)
        symbols.extend(row.symbol for row in answer.rows if row.symbol)
        if len(answer.rows) + len(answer.malformed) < MOST_ROWS:
            if end_ms is None:
                return symbols
            start_ms = end_ms + 1
        else:
            # A page may end between two rows of one millisecond, so the next begins with it.
            last_ms = max((row.time_ms or 0 for row in answer.rows), default=0)
            start_ms = max(last_ms, start_ms + 1)


@attrs.frozen
class Trades:
    """
    The trades of a symbol.

    Attributes:
        rows: All that were read, oldest first; the last id of a page stands on the next one again.
        malformed: The rows that could not be used, in words.
        sent_ms: The earliest time the exchange's clock can have shown when the last page was asked for.
        refused: The exchange's code when it does not tell of this symbol.
    """

    rows: Tuple[TradeRow, ...]
    malformed: Tuple[str, ...] = ()
    sent_ms: int = 0
    refused: int = 0


def pages_of_trades(
    symbol: str, start_ms: int, now_ms: int, from_id: Optional[int] = None
) -> Generator[Read, Answer, Trades]:
    """
    Read the trades of a symbol up to now, page by page.

    The first page is found by time, in windows, where no id is known; from then on ids alone decide.

    Args:
        symbol: Which.
        start_ms: From when on.
        now_ms: The present, by the exchange's clock.
        from_id: A trade id to begin with instead.
    """
    rows: List[TradeRow] = []
    malformed: List[str] = []
    while True:
        end_ms: Optional[int] = None
        if from_id is not None:
            answer = yield reads.user_trades(symbol, from_id=from_id)
        else:
            end_ms = None if now_ms - start_ms <= LONGEST_SPAN_MS else start_ms + LONGEST_SPAN_MS
            answer = yield reads.user_trades(symbol, start_ms=start_ms, end_ms=end_ms)
        rows.extend(answer.rows)
        malformed.extend(answer.malformed)
        is_full = len(answer.rows) + len(answer.malformed) >= MOST_ROWS
        is_last = end_ms is None and not is_full
        if answer.refused or is_last:
            return Trades(tuple(rows), tuple(malformed), answer.sent_ms, answer.refused)
        if answer.rows:
            newest = answer.rows[-1].trade_id
            # The two trades of a self-trade share an id, and a page may end between them.
            from_id = newest if newest != from_id else newest + 1
        elif end_ms is not None:
            start_ms = end_ms + 1
        else:
            # A whole page of rows that are of no use: there is no telling where the next one begins.
            return Trades(tuple(rows), tuple(malformed), answer.sent_ms)
