"""
The way of every frame: decoded, compared with copies, counted, held back or handed on as events.

Data takes the short way past the session; only what speaks about the stream itself, or does not add up, becomes a fact.
"""

from __future__ import annotations

from typing import Dict, FrozenSet, List, Optional, Sequence, Tuple, Type, Union

import attrs

from ..account import Account
from ..credentials import Secret
from ..events.base import FROM_REST, Event
from ..events.notices import Notice
from ..events.usdm import AccountUpdate, AlgoUpdate, OrderTradeUpdate, TradeLite
from ..makers import maker
from . import facts
from .facts import Fact, MergeTally
from .frames import Frame, Frames, size
from .held import Hold, merged
from .identity import COMPARABLE, fill_id, position_of
from .ledger.books import Books
from .ledger.cursor import Cursor
from .ledger.doubts import Doubts
from .ledger.handed import Handed
from .merging import Merging
from .reading import recovered
from .reading.configuration import Configuration
from .reading.recovery import Recovery, flat_row
from .timings import Timings

#: Without a secret nothing is read again, so fills are compared with copies for so long only; and so often forgotten.
_COPIES_WITHIN_MS, _FORGET_EVERY_MS = 600_000, 60_000

#: What happens is pushed within so long.
_PUSHED_WITHIN_MS = 1_000

Item = Union[Event, Notice]


@attrs.frozen(weakref_slot=False)
class Taken:
    """
    What came out of one frame.

    Attributes:
        items: Events and notices for the user, in order.
        facts: What the session has to know.
    """

    items: Tuple[Item, ...] = ()
    facts: Tuple[Fact, ...] = ()


# One is made for every frame.
_taken = maker(Taken)


class Delivery:
    """
    Turns frames into what is delivered.

    Args:
        event_classes: What the market is known to send.
        account: What the user sees of the account; every event is applied to it as it comes.
        books: What errands compare REST with; filled here.
        timings: How long a doubt may last.
        signed: Whether REST can be asked for what is missing; without, nothing is counted.
        cursor: Where a former run ended, if the books began there.

    Attributes:
        handed: What was handed over of what came; whoever hands over keeps it.
    """

    def __init__(
        self,
        event_classes: Sequence[Type[Event]],
        account: Optional[Account] = None,
        books: Optional[Books] = None,
        timings: Optional[Timings] = None,
        *,
        signed: bool = False,
        cursor: Optional[Cursor] = None,
    ) -> None:
        self.account = Account() if account is None else account
        self.books = Books() if books is None else books
        self._doubts = Doubts(self.books.chains, timings or Timings())
        self._is_counting = signed
        self._frames = Frames(event_classes)
        self._usual = self._frames.usual
        self._hold: Optional[Hold] = None
        self._shadows: Dict[int, Hold] = {}
        self.handed = Handed(counts=signed, cursor=cursor)
        self._highest: Dict[str, int] = {} if cursor is None else dict(cursor.highest)
        before = cursor.books() if cursor is not None and cursor.counts is not None else None
        self._merging = Merging(self.books, self.account, before)
        self._forgotten_ms = 0
        self._duplicates = 0

    def know(self, key: Secret) -> None:
        """From now on mask this listen key wherever it stands in a payload."""
        self._frames.know(key)

    # Events

    def take(self, frame: Frame, socket: int, now: float = 0.0) -> Taken:
        """
        Digest one frame; never raises, whatever came.

        Args:
            frame: The payload of a whole text or binary message.
            socket: The number of the connection it came on.
            now: Seconds of the monotonic clock.
        """
        event = self._usual(frame) if type(frame) is bytes else None
        if event is not None:
            return self._came(event, frame, socket, now) if self._shadows else self._told(event, frame, socket, now)
        said = self._frames.read(frame, socket)
        taken = Taken() if said.event is None else self._came(said.event, frame, socket, now)
        return Taken((*taken.items, *said.notices), (*said.facts, *taken.facts))

    def _came(self, event: Event, frame: Frame, socket: int, now: float) -> Taken:
        """Take an event that came on a connection."""
        shadow = self._shadows.get(socket)
        if shadow is not None:
            shadow.add(event, size(frame))
            # What does not fit is told too early rather than lost.
            return Taken() if not shadow.is_full else self.adopt(socket, now)
        return self._told(event, frame, socket, now)

    def _told(self, event: Event, frame: Frame, socket: int, now: float) -> Taken:
        """Take what the connection in use tells, or what either of two does."""
        fill = event if isinstance(event, OrderTradeUpdate) and event.trade_id and event.is_fill else None
        if not (self._is_new(event, socket) if fill is None else self._is_new_fill(fill)):
            self._duplicates += 1
            return Taken()
        told_ms = event.transaction_time_ms
        if told_ms is not None and told_ms > self.books.told_ms:
            self.books.told_ms = told_ms
        self.account.apply(event)
        if self._is_counting:
            self._count(event, now)
        if self._hold is not None and self._hold.wants(event):
            self._hold.add(event, size(frame))
            return Taken(facts=(facts.HoldFilled(),) if self._hold.is_full else ())
        return _taken((event if fill is None else self._dated(event),))

    def _is_new(self, event: Event, socket: int) -> bool:
        """Whether this is no copy of what came before; it is no fill that has an id."""
        # What makes two unknown ones the same nobody knows, or two of somebody's own class; of expiries every notice is
        # told.
        return type(event) not in COMPARABLE or self.books.delivered.add(event, socket)

    def _is_new_fill(self, event: OrderTradeUpdate) -> bool:
        """The same of a fill that has an id."""
        delivered = self.books.delivered
        time_ms = event.trade_time_ms or event.transaction_time_ms or 0
        if not self._is_counting and time_ms > self._forgotten_ms + _COPIES_WITHIN_MS + _FORGET_EVERY_MS:
            self._forgotten_ms = time_ms - _COPIES_WITHIN_MS
            delivered.forget_before(self._forgotten_ms)
            self.handed.forget_before(self._forgotten_ms)
        return delivered.add_fill(fill_id(event), time_ms)

    def _count(self, event: Event, now: float) -> None:
        """Enter an event into the books, and doubt what does not add up."""
        self.books.enter(event)
        if isinstance(event, OrderTradeUpdate):
            self._doubts.order((event.symbol, event.order_id), now)
            if event.is_fill:
                self._doubts.told(event)
            # Of any order: what REST showed of the position may have broken its chain, and no frame told of it.
            self._doubts.position(position_of(event), now)
        elif isinstance(event, AccountUpdate):
            for position in event.positions:
                self._doubts.position((position.symbol, position.position_side), now)
        elif isinstance(event, TradeLite) and not self.books.delivered.has_fill(
            fill_id(event), event.transaction_time_ms or 0
        ):
            self._doubts.announced(event, now)

    def _dated(self, event: Event) -> Event:
        """Return an event as it is delivered now: a fill behind one with a higher trade id is late."""
        if isinstance(event, OrderTradeUpdate) and event.trade_id and event.is_fill:
            highest = self._highest.get(event.symbol, 0)
            if event.trade_id < highest:
                return attrs.evolve(event, late=True)
            self._highest[event.symbol] = event.trade_id
        return event

    # A second connection

    def shadow(self, socket: int) -> None:
        """Keep back what comes on this connection: another one tells the same."""
        self._shadows[socket] = Hold()

    def adopt(self, socket: int, now: float = 0.0) -> Taken:
        """Return what was kept back of this connection, as far as it is new; what comes on it now is not kept back."""
        shadow = self._shadows.pop(socket, None)
        items: List[Item] = []
        found: List[Fact] = []
        for event in [] if shadow is None else shadow.take():
            taken = self._told(event, b"", socket, now)
            items.extend(taken.items)
            found.extend(taken.facts)
        return Taken(tuple(items), tuple(found))

    def discard(self, socket: int) -> None:
        """Forget what was kept back of this connection: another one tells the same."""
        self._shadows.pop(socket, None)

    # Doubts

    def next_due(self) -> Optional[float]:
        """Return the monotonic time at which ``due`` has something to say; None when there is none."""
        return self._doubts.next_due()

    def due(self, now: float) -> List[Fact]:
        """Return what had time to be explained, and was not."""
        return [facts.FillsSuspected(broken) for broken in self._doubts.due(now)]

    # Repairs

    def hold(self, symbols: Optional[FrozenSet[str]]) -> None:
        """Hold back events of these symbols, or of all, in addition to those held back already."""
        if self._hold is None:
            self._hold = Hold(symbols)
            self._duplicates = 0
        else:
            self._hold.widen(symbols)

    def release(self) -> Tuple[Event, ...]:
        """Hold nothing back any more, and return what was."""
        hold, self._hold = self._hold, None
        if hold is None:
            return ()
        return tuple(self._dated(event) for event in merged(hold.take(), ()))

    def configure(self, configuration: Configuration) -> Tuple[Event, ...]:
        """Take over how the account trades, and return what is delivered of it: what changed and was not told."""
        news = self.account.read_settings(configuration.at_ms, configuration.symbols, configuration.modes)
        return tuple(recovered.configuration_state(row, configuration.at_ms) for row in news)

    def ground(self, recovery: Recovery, since_ms: int) -> None:
        """
        Take the account to be as REST shows it; nothing is delivered.

        Args:
            recovery: What stands.
            since_ms: From when on the stream tells of every change.
        """
        chains, delivered = self.books.chains, self.books.delivered
        if chains.grounded_ms is None:
            chains.grounded_ms = since_ms
            if not delivered.floor_ms:
                delivered.forget_before(since_ms)
        else:
            # Not at the first look: what REST does not show then may have been opened a moment ago.
            shown = [(row.symbol, row.position_side) for row in recovery.positions]
            flat = [flat_row(key, chains.grounded_ms) for key in chains.flat_since_before(shown)]
            recovery.positions = (*recovery.positions, *flat)
        for row in recovery.orders.values():
            state = recovered.order_state(row)
            chains.order_row(state, row.creation_time_ms or 0)
            self.account.apply(state)
        for position in recovery.positions:
            chains.ground_position((position.symbol, position.position_side), position.amount, position.update_time_ms)
        for event in self._merging.other_states(recovery):
            self.account.apply(event)
        self.account.synchronise()
        self.restate()

    def merge(self, recovery: Recovery) -> Tuple[Tuple[Event, ...], MergeTally]:
        """
        Put what was read together with what was held back.

        Args:
            recovery: What a repair found.

        Returns:
            What is delivered now, in order, and what came of it.
        """
        held = [] if self._hold is None else self._hold.take()
        self._hold = None
        self._merging.believe_what_is_older(recovery)
        found = self._merging.fills(recovery, held, self._highest)
        delivered: List[Event] = []
        for event in merged(held, found):
            if event.origin == FROM_REST:
                self._enter_fill(event)
            delivered.append(self._dated(event))
        self.books.chains.fills_found()
        delivered.extend(self._merging.states(recovery))
        # From the first whole repair after a restart on the account is known, as after a first look.
        self.account.synchronise()
        for symbol, order_id in recovery.unknown_orders:
            self.books.chains.order_ended((symbol, order_id))
            self.account.order_forgotten(symbol, order_id)
        for algo_id in recovery.unknown_algos:
            self.books.algo_ended(algo_id)
            self.account.algo_order_forgotten(algo_id)
        for symbol in recovery.unbalanced:
            # It was looked for in vain: believe the exchange, and doubt no more.
            self.books.chains.rebase(symbol)
        fills = [event for event in delivered if event.origin == FROM_REST and _is_fill(event)]
        tally = MergeTally(
            tuple(_dating(event) for event in fills),
            tuple(_dating(event) for event in fills if event.late),
            tuple(
                event.transaction_time_ms or 0
                for event in delivered
                if event.origin == FROM_REST and isinstance(event, (OrderTradeUpdate, AlgoUpdate))
            ),
            recovery.duplicates + self._duplicates,
        )
        self._duplicates = 0
        return tuple(delivered), tally

    def is_deaf(self, tally: MergeTally, connected_ms: int, read_ms: int) -> bool:
        """
        Whether something was recovered that a connection should have delivered, and it never delivered anything.

        Args:
            tally: What was recovered.
            connected_ms: When the connection was in use at the latest.
            read_ms: When it was read last at the earliest; what was pushed since may lie there.
        """
        moments = [*tally.states, *(time_ms for time_ms, _ in tally.recovered)]
        earliest_ms, latest_ms = connected_ms + _PUSHED_WITHIN_MS, read_ms - _PUSHED_WITHIN_MS
        return self.books.told_ms < connected_ms and any(earliest_ms <= at_ms <= latest_ms for at_ms in moments)

    def forget_before(self, floor_ms: int) -> None:
        """Everything of before this moment was delivered; keep no record of it."""
        self.books.forget_before(floor_ms)
        self.restate()

    def catch_up(self) -> None:
        """Everything that was given out so far was handed over; to be called now and then, it is cheap."""
        if self._hold is None:
            self.handed.catch_up(self.books)

    def restate(self) -> None:
        """Everything that was given out so far was handed over, and the books themselves were changed or shortened."""
        if self._hold is None:
            self.handed.restate(self.books)

    def _enter_fill(self, event: Event) -> None:
        assert isinstance(event, OrderTradeUpdate)
        self.books.delivered.add_fill(fill_id(event), event.transaction_time_ms or 0)
        self._doubts.told(event)
        self.books.enter(event)
        self.account.apply(event)


def _is_fill(event: Event) -> bool:
    return isinstance(event, OrderTradeUpdate) and event.is_fill


def _dating(event: Event) -> Tuple[int, str]:
    assert isinstance(event, OrderTradeUpdate)
    return (event.transaction_time_ms or 0, event.symbol)
