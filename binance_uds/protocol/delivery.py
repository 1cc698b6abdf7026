"""
The way of every frame: decoded, compared with copies, counted, held back or handed on as events.

Data takes the short way past the session; only what speaks about the stream itself, or does not add up, becomes a fact.
"""

from __future__ import annotations

from collections import deque
from decimal import Decimal
from typing import Deque, Dict, FrozenSet, Iterator, List, Optional, Sequence, Set, Tuple, Type, Union

import attrs

from ..account import Account
from ..credentials import Secret
from ..events.base import FROM_REST, Event
from ..events.notices import Attention, AttentionCode, Notice, UndecodableFrame
from ..events.usdm import AccountUpdate, AlgoUpdate, ListenKeyExpired, OrderTradeUpdate, TradeLite
from ..events.usdm_rows import TradeRow
from ..makers import maker
from . import facts
from .decoding.quick import QuickDecoder
from .decoding.strict import Control, Decoder, Payload, Undecodable, may_name_key, parse, unwrap
from .facts import Fact, MergeTally
from .held import Hold, merged
from .identity import COMPARABLE, FillId, OrderKey, fill_id, position_of
from .ledger.books import Books
from .ledger.chains import ZERO
from .ledger.cursor import Cursor
from .ledger.doubts import Doubts
from .ledger.handed import Handed
from .reading import recovered
from .reading.configuration import Configuration
from .reading.recovery import Recovery, flat_row
from .timings import Timings

#: Listen keys kept for masking: those of sockets whose frames may still come.
_KEYS_KEPT = 8

#: No key Binance hands out is short; a short text, masked, would spoil the data.
_SHORTEST_KEY = 8

#: Without a secret nothing is read again, so fills are compared with copies for so long only; and so often forgotten.
_COPIES_WITHIN_MS, _FORGET_EVERY_MS = 600_000, 60_000

#: What happens is pushed within so long.
_PUSHED_WITHIN_MS = 1_000

#: The name of the notice that the exchange is about to end its connections; documented for Spot alone so far.
_SHUTDOWN = "serverShutdown"

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
        self._decoder = Decoder(event_classes)
        # An expiry is more than data, so it takes the strict way.
        self._quick = QuickDecoder([of for of in event_classes if of is not ListenKeyExpired])
        self._keys: Deque[Secret] = deque(maxlen=_KEYS_KEPT)
        self._told_malformed: Set[Tuple[str, str]] = set()
        self._hold: Optional[Hold] = None
        self._shadows: Dict[int, Hold] = {}
        self.handed = Handed(counts=signed, cursor=cursor)
        self._highest: Dict[str, int] = {} if cursor is None else dict(cursor.highest)
        self._before = cursor.books() if cursor is not None and cursor.counts is not None else None
        self._forgotten_ms = 0
        self._duplicates = 0

    def know(self, key: Secret) -> None:
        """From now on mask this listen key wherever it stands in a payload."""
        if key not in self._keys and len(key.reveal()) >= _SHORTEST_KEY:
            self._keys.append(key)
            self._quick.know(self._keys)

    # Frames

    def take(self, frame: Union[bytes, str], socket: int, now: float = 0.0) -> Taken:
        """
        Digest one frame; never raises, whatever came.

        Args:
            frame: The payload of a whole text or binary message.
            socket: The number of the connection it came on.
            now: Seconds of the monotonic clock.
        """
        event = self._quick.event(frame) if type(frame) is bytes else None
        if event is not None:
            return self._came(event, frame, socket, now) if self._shadows else self._told(event, frame, socket, now)
        try:
            content = unwrap(parse(frame))
            if isinstance(content, Control):
                return Taken(facts=tuple(self._control_facts(content, socket)))
            return self._strictly(content, frame, socket, now)
        except Undecodable as error:
            reason = error.reason
        return Taken((UndecodableFrame(reason=reason, size=_size(frame)),), (facts.FramesUndecodable(socket),))

    def _strictly(self, payload: Payload, frame: Union[bytes, str], socket: int, now: float) -> Taken:
        # Control first, from the name alone: an expiry whose fields are odd is an expiry all the same.
        control = tuple(self._life_facts(payload, socket))
        try:
            named = may_name_key(frame, payload, self._keys)
            decoded = self._decoder.event(payload, self._keys if named else None)
        except Undecodable as error:
            lost = UndecodableFrame(reason=error.reason, size=_size(frame))
            return Taken((lost,), (*control, facts.FramesUndecodable(socket)))
        taken = self._came(decoded.event, frame, socket, now)
        if control or decoded.malformed:
            attentions = self._attentions(type(decoded.event).__name__, decoded.malformed)
            return Taken((*taken.items, *attentions), (*control, *taken.facts))
        return taken

    def _came(self, event: Event, frame: Union[bytes, str], socket: int, now: float) -> Taken:
        """Take an event that came on a connection."""
        shadow = self._shadows.get(socket)
        if shadow is not None:
            shadow.add(event, _size(frame))
            # What does not fit is told too early rather than lost.
            return Taken() if not shadow.is_full else self.adopt(socket, now)
        return self._told(event, frame, socket, now)

    def _told(self, event: Event, frame: Union[bytes, str], socket: int, now: float) -> Taken:
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
            self._hold.add(event, _size(frame))
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
        for event in self._other_states(recovery):
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
        self._believe_what_is_older(recovery)
        found = self._recovered_fills(recovery, held)
        delivered: List[Event] = []
        for event in merged(held, found):
            if event.origin == FROM_REST:
                self._enter_fill(event)
            delivered.append(self._dated(event))
        self.books.chains.fills_found()
        delivered.extend(self._recovered_states(recovery))
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

    def _believe_what_is_older(self, recovery: Recovery) -> None:
        """
        Take the sums of orders that were placed before anything was counted as they are.

        That is so after a run that counted nothing: what was filled of them before its end is unknown.
        """
        chains, delivered = self.books.chains, self.books.delivered
        if chains.grounded_ms is None or delivered.floor_ms >= chains.grounded_ms:
            return
        for row in recovery.orders.values():
            chains.order_row(recovered.order_state(row), row.creation_time_ms or 0)

    def _recovered_fills(self, recovery: Recovery, held: Sequence[Event]) -> List[OrderTradeUpdate]:
        """Return the fills that were read and did not come."""
        delivered = self.books.delivered
        missing = [
            row for identified, row in recovery.fills.items() if not delivered.has_fill(identified, row.trade_time_ms)
        ]
        totals = self._totals(recovery, missing, held)
        return [
            recovered.fill(row, recovery.orders.get((row.symbol, row.order_id)), totals.get(fill_id(row)))
            for row in missing
        ]

    def _totals(self, recovery: Recovery, missing: Sequence[TradeRow], held: Sequence[Event]) -> Dict[FillId, Decimal]:
        """Return how much of its order each missing fill filled up to, where every fill of the order is known."""
        quantities: Dict[OrderKey, Dict[int, Decimal]] = {}
        for row in missing:
            quantities.setdefault((row.symbol, row.order_id), {})[row.trade_id] = row.last_filled_quantity
        found = {key: sum(fills.values(), ZERO) for key, fills in quantities.items()}
        told: Dict[FillId, Optional[Decimal]] = {}
        for event in held:
            if isinstance(event, OrderTradeUpdate) and event.is_fill and (event.symbol, event.order_id) in quantities:
                fills = quantities[event.symbol, event.order_id]
                fills[event.trade_id or 0] = event.last_filled_quantity or ZERO
                told[fill_id(event)] = event.filled_quantity
        totals: Dict[FillId, Decimal] = {}
        for key, fills in quantities.items():
            chain, order = self.books.chains.orders.get(key), recovery.orders.get(key)
            counted = chain.counted if chain is not None else ZERO
            claimed = max(chain.claimed if chain is not None else ZERO, order.filled_quantity if order else ZERO)
            if order is None or counted + found[key] != claimed:
                continue
            own: Dict[FillId, Decimal] = {}
            for trade_id in sorted(fills, reverse=True):
                own[key[0], key[1], trade_id] = claimed
                claimed -= fills[trade_id]
            if all(told.get(one, total) == total for one, total in own.items()):
                totals.update((one, total) for one, total in own.items() if one[2] > self._highest.get(key[0], 0))
        return totals

    def _enter_fill(self, event: Event) -> None:
        assert isinstance(event, OrderTradeUpdate)
        self.books.delivered.add_fill(fill_id(event), event.transaction_time_ms or 0)
        self._doubts.told(event)
        self.books.enter(event)
        self.account.apply(event)

    def _recovered_states(self, recovery: Recovery) -> Iterator[Event]:
        """Yield what orders, balances and positions are, where that is news."""
        # The account begins anew with each start; what a former run was told is no news all the same.
        before, self._before = self._before, None
        for row in sorted(recovery.orders.values(), key=lambda row: row.update_time_ms):
            state, is_over = recovered.order_state(row), self._is_over(row.symbol, row.order_id)
            self.books.chains.order_row(state, row.creation_time_ms or 0)
            is_news = not is_over and self.account.apply(state)
            if is_news and (before is None or before.lacks_order(row)):
                yield state
        if before is not None:
            for event in self._other_states(_known(recovery, before)):
                self.account.apply(event)
            recovery = _unknown(recovery, before)
        for event in self._other_states(recovery):
            if self.account.apply(event):
                yield event

    def _is_over(self, symbol: str, order_id: int) -> bool:
        """Whether an order ended, and the account has forgotten it since: a row that was read before is no news."""
        chain = self.books.chains.orders.get((symbol, order_id))
        return chain is not None and not chain.is_open and not self.account.order(order_id, symbol).is_known

    def _is_algo_over(self, algo_id: int) -> bool:
        """The same of a conditional order."""
        return self.books.has_algo_ended(algo_id) and not self.account.algo_order(algo_id).is_known

    def _other_states(self, recovery: Recovery) -> Iterator[Event]:
        """Yield the states of conditional orders, balances and positions, entered into the books."""
        for algo in recovery.algo_orders.values():
            if not self._is_algo_over(algo.algo_id):
                event: Event = recovered.algo_state(algo)
                self.books.enter(event)
                yield event
        for update in recovered.account_states(recovery.balances, recovery.positions):
            self.books.enter(update)
            yield update

    # Control

    def _life_facts(self, payload: Payload, socket: int) -> Iterator[Fact]:
        if payload.name == ListenKeyExpired.wire_name:
            yield self._expiry(payload, socket)
        elif payload.name == _SHUTDOWN:
            yield facts.ShutdownNoticed(socket)

    def _expiry(self, payload: Payload, socket: int) -> facts.ExpiryNoticed:
        key = payload.body.get("listenKey")
        return facts.ExpiryNoticed(socket, Secret(key) if isinstance(key, str) and key else None)

    def _control_facts(self, reply: Control, socket: int) -> List[Fact]:
        if reply.error_code is not None:
            reason = f"the exchange answered a subscription message with error {reply.error_code}"
            return [facts.SubscriptionRefused(socket, reply.reply_id, reason)]
        if reply.names is None:
            return []
        return [facts.SubscriptionListed(socket, reply.keys)]

    def _attentions(self, event_name: str, malformed: Tuple[str, ...]) -> List[Notice]:
        new = [field for field in malformed if (event_name, field) not in self._told_malformed]
        self._told_malformed.update((event_name, field) for field in new)
        return [
            Attention(
                code=AttentionCode.MALFORMED_FIELD,
                message=f"{field} of an {event_name} is not of its type and is None; what came is in event.raw. "
                "Said once per field",
            )
            for field in new
        ]


def _known(recovery: Recovery, before: Books) -> Recovery:
    """Return the states, other than those of orders, that a former run was told of."""
    return Recovery(
        balances=tuple(row for row in recovery.balances if not before.lacks_balance(row)),
        positions=tuple(row for row in recovery.positions if not before.lacks_position(row)),
        algo_orders={key: row for key, row in recovery.algo_orders.items() if not before.lacks_algo(row)},
    )


def _unknown(recovery: Recovery, before: Books) -> Recovery:
    """Return the states, other than those of orders, that it was not told of."""
    return Recovery(
        balances=tuple(row for row in recovery.balances if before.lacks_balance(row)),
        positions=tuple(row for row in recovery.positions if before.lacks_position(row)),
        algo_orders={key: row for key, row in recovery.algo_orders.items() if before.lacks_algo(row)},
    )


def _is_fill(event: Event) -> bool:
    return isinstance(event, OrderTradeUpdate) and event.is_fill


def _dating(event: Event) -> Tuple[int, str]:
    assert isinstance(event, OrderTradeUpdate)
    return (event.transaction_time_ms or 0, event.symbol)


def _size(frame: Union[bytes, str]) -> int:
    """Return the length of a frame in bytes; text may hold lone surrogates."""
    return len(frame) if isinstance(frame, bytes) else len(frame.encode(errors="surrogatepass"))
