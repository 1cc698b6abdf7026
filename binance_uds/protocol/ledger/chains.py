"""
Free sequence numbers: what the exchange says was filled, against what was delivered.

Binance numbers no event, but every order update repeats how much of the order is filled so far, and every account
update how large the position is. Both are sums over fills. Counted against the fills that came, they show a lost frame
at the next event of the order or the position, on a connection that looks healthy; and the same two sums, taken from
rows of REST, tell a repair when it has found everything.

Orders: what was *claimed* and what was *counted* only grow, so rows and frames may come in any order. Positions: an
amount counts as of its time, and is compared with the fills up to that time. Several fills may share a millisecond, so
of those of its very moment it has some when the exchange told it by the stream, and all when it told it by REST.
"""

from __future__ import annotations

import bisect
from decimal import Decimal
from typing import Dict, Iterable, Iterator, List, NamedTuple, Optional, Tuple

import attrs

from ...account_view import ENDED
from ...events.base import FROM_REST
from ...events.usdm import OrderTradeUpdate
from ...events.vocabulary import Side
from ..identity import OrderKey, PositionKey, position_of
from .touched import Touched

ZERO = Decimal(0)

#: Amounts of a position that wait to be explained. More are waiting only while a gap is open, and its repair reads one.
_MOST_CLAIMS = 1_000


@attrs.define
class OrderChain:
    """
    One order's fills.

    Attributes:
        base: How much was filled when the counting began; fills of up to then are in it.
        base_ms: When that was.
        counted: ``base`` and the fills that came since.
        claimed: The most the exchange ever said was filled.
        good_ms: The last moment at which both were equal.
        touched_ms: The last moment anything was said.
        is_open: Whether it may still be filled.
        terms: Quantity and price it was last told to have; None before.
        is_lost: Whether the exchange did not know it when it was asked for, and has not told of it since.
    """

    base: Decimal = ZERO
    base_ms: int = 0
    counted: Decimal = ZERO
    claimed: Decimal = ZERO
    good_ms: int = 0
    touched_ms: int = 0
    is_open: bool = True
    terms: Optional[Tuple[Optional[Decimal], Optional[Decimal]]] = None
    is_lost: bool = False

    @property
    def missing(self) -> Decimal:
        """How much was filled and did not come."""
        return max(self.claimed - self.counted, ZERO)

    @property
    def is_broken(self) -> bool:
        """Whether anything was filled and did not come."""
        return self.counted < self.claimed

    def hear(self, update: OrderTradeUpdate, claimed: Optional[Decimal], at_ms: int) -> None:
        """
        Note what an update says of the order: how much is filled, whether it is open, and on what terms.

        Args:
            update: The update; an end is final, whatever comes later.
            claimed: How much it says is filled in all; None for a fill read by REST, which says nothing about others.
            at_ms: Its time.
        """
        if at_ms > self.touched_ms:
            self.touched_ms = at_ms
        if claimed is not None:
            if claimed > self.claimed:
                self.claimed = claimed
            if at_ms > self.good_ms and self.counted >= self.claimed:
                self.good_ms = at_ms
        status, quantity = update.status, update.quantity
        if self.is_lost and status is not None:
            self.is_open, self.is_lost = True, False
        if status in ENDED or (quantity and self.claimed >= quantity):
            self.is_open = False
        if quantity is not None and at_ms >= self.touched_ms:
            self.terms = (quantity, update.price)

    def copy(self) -> OrderChain:
        """Return one that grows by itself."""
        return OrderChain(
            self.base,
            self.base_ms,
            self.counted,
            self.claimed,
            self.good_ms,
            self.touched_ms,
            self.is_open,
            self.terms,
            self.is_lost,
        )


class Claim(NamedTuple):
    """That a position was of an amount; ``is_whole`` when with all fills of that millisecond, as in a row of REST."""

    at_ms: int
    amount: Decimal
    is_whole: bool = False


@attrs.define
class PositionChain:
    """
    One position's fills.

    While fills are missing the sum may agree by chance: they cancel, or another one of as much came in their place.
    What comes next shows it, as a fill counts whenever it comes, also behind an amount of later that the others agreed
    with: that amount then stands open again, until what cancels the fill has come as well.

    Attributes:
        base: Its amount when the exchange last said so and the fills agreed, or when its fills were last audited.
        base_ms: When that was; the fills of before then are in it.
        is_whole: Whether the fills of that very millisecond are in it, too; otherwise those that came by then are.
        fills: Time and signed quantity of the fills that came since, whenever they happened.
        claims: What the exchange said since the fills do not agree any more, oldest first.
        missing: What the fills up to the first claim would have to add to agree with it, signed; 0 without a claim.
        since_ms: Fills of before this moment do not count: they are in an amount that was believed, or audited.
        told: The last amount that the exchange itself named and that was believed.
    """

    base: Decimal = ZERO
    base_ms: int = 0
    is_whole: bool = False
    fills: List[Tuple[int, Decimal]] = attrs.field(factory=list)
    claims: List[Claim] = attrs.field(factory=list)
    missing: Decimal = ZERO
    since_ms: int = attrs.field(eq=False)
    told: Decimal = attrs.field(eq=False)

    @since_ms.default
    def _end_of_base(self) -> int:
        return self.base_ms + self.is_whole

    @told.default
    def _named(self) -> Decimal:
        return self.base

    @property
    def last_ms(self) -> int:
        """The last moment anything was told."""
        return max([self.base_ms, *(fill[0] for fill in self.fills), *(claim.at_ms for claim in self.claims[-1:])])

    @property
    def good_ms(self) -> int:
        """The last moment at which the fills agreed, and not by chance."""
        return self.since_ms if self._is_doubted else self.base_ms

    @property
    def _is_doubted(self) -> bool:
        """Whether the last amount that the fills agreed with is an open question."""
        return bool(self.claims) and self.claims[0].at_ms <= self.base_ms

    def covers(self, time_ms: int) -> bool:
        """Whether the base has every fill of a moment."""
        return time_ms < self._end_of_base()

    def expected(self, at_ms: int, found: Iterable[Tuple[int, Decimal]] = ()) -> Decimal:
        """Return what the amount was at a moment, by the fills that came, and others that were found."""
        news = (fill for fill in found if fill[0] >= self.since_ms)
        return self.base + sum((quantity for time_ms, quantity in (*self.fills, *news) if time_ms <= at_ms), ZERO)

    def count(self, time_ms: int, quantity: Decimal, *, is_last: bool = True) -> None:
        """Count a fill; when others follow the claims wait for them, for some of them alone may agree by chance."""
        if time_ms < self.since_ms:
            return
        if self.covers(time_ms) and not self._is_doubted:
            self.claims.insert(0, Claim(self.base_ms, self.base, self.is_whole))
            self.missing = self.base - self.expected(self.base_ms)
        self.fills.append((time_ms, quantity))
        if self.claims and time_ms <= self.claims[0].at_ms:
            self.missing -= quantity
            if is_last and not self.missing:
                self.settle()

    def claim(self, told: Claim) -> None:
        """Take an amount that is a sum of fills; the last of a moment counts, and REST above all before it."""
        if self.claims and self.claims[0].is_whole and told.at_ms <= self.claims[0].at_ms:
            return
        if told.is_whole:
            self.claims = [claim for claim in self.claims if claim.at_ms > told.at_ms]
        place = bisect.bisect_left(self.claims, (told.at_ms,)) if self.claims else 0
        if place == _MOST_CLAIMS:
            return
        is_known = place < len(self.claims) and self.claims[place].at_ms == told.at_ms
        self.claims[place : place + is_known] = [told]
        if place == 0:
            self.settle()

    def confirm(self, amount: Decimal, at_ms: int, *, is_whole: bool) -> None:
        """Take an amount that the fills agree with, whatever was claimed up to then."""
        self.base, self.base_ms, self.is_whole, self.told = amount, at_ms, is_whole, amount
        self.fills = [fill for fill in self.fills if fill[0] > at_ms]
        self.claims = [claim for claim in self.claims if claim.at_ms > at_ms]
        self.settle()

    def rebase(self, amount: Decimal, at_ms: int, *, is_whole: bool = False) -> None:
        """Believe an amount, whatever was counted and claimed up to then."""
        self.confirm(amount, at_ms, is_whole=is_whole)
        self.since_ms = at_ms + is_whole

    def fold(self, floor_ms: int) -> None:
        """Take the fills of before a moment into the base; nothing is missing among them."""
        if self.claims:
            return
        old_ms = [time_ms for time_ms, _ in self.fills if time_ms < floor_ms]
        if old_ms:
            # A sum of ours is no word of the exchange's.
            told = self.told
            self.rebase(self.expected(max(old_ms)), max(old_ms), is_whole=True)
            self.told = told
        elif self.base_ms < floor_ms:
            self.since_ms = self._end_of_base()

    def settle(self) -> None:
        """Believe claim after claim as long as the fills agree."""
        if len(self.fills) > 1:
            self.fills.sort(key=_moment)
        amount, counted, settled, agreed = self.base, 0, 0, 0
        for at_ms, claimed, is_whole in self.claims:
            while counted < len(self.fills) and self.fills[counted][0] <= at_ms:
                amount += self.fills[counted][1]
                counted += 1
            if amount != claimed:
                break
            self.base, self.base_ms, self.is_whole, self.told = claimed, at_ms, is_whole, claimed
            settled, agreed = settled + 1, counted
        del self.claims[:settled], self.fills[:agreed]
        self.missing = self.claims[0].amount - amount if self.claims else ZERO

    def copy(self) -> PositionChain:
        """Return one that grows by itself."""
        return PositionChain(
            self.base,
            self.base_ms,
            self.is_whole,
            list(self.fills),
            list(self.claims),
            self.missing,
            self.since_ms,
            self.told,
        )


def _moment(fill: Tuple[int, Decimal]) -> int:
    return fill[0]


@attrs.frozen
class Break:
    """
    The sums do not agree: fills of a symbol are missing.

    Attributes:
        symbol: Whose.
        since_ms: The last moment at which they agreed, by the exchange's clock.
        what: Which order or position, in words.
    """

    symbol: str
    since_ms: int
    what: str


@attrs.define
class Chains:
    """
    The chains of one account.

    Attributes:
        grounded_ms: When the account was first read whole; what is unknown since then is new, and begins at nothing.
            None before: what is met for the first time is believed.
        orders: By symbol and order id.
        positions: By symbol and position side.
        touched: What the stream told of since somebody last looked.
    """

    grounded_ms: Optional[int] = None
    orders: Dict[OrderKey, OrderChain] = attrs.field(factory=dict)
    positions: Dict[PositionKey, PositionChain] = attrs.field(factory=dict)
    touched: Touched = attrs.field(factory=Touched, eq=False)
    _early: Dict[PositionKey, List[Tuple[int, Decimal]]] = attrs.field(factory=dict)

    # What the stream tells

    def fill(self, fill: OrderTradeUpdate) -> None:
        """
        Count a fill that was not seen before.

        From the stream, or read by REST: then ``fills_found`` has to follow when all of them are counted.
        """
        time_ms = fill.trade_time_ms or fill.transaction_time_ms or 0
        quantity = fill.last_filled_quantity or ZERO
        key = (fill.symbol, fill.order_id)
        self.touched.orders.add(key)
        chain = self.orders.get(key)
        told = fill.filled_quantity
        if chain is None:
            chain = self.orders[key] = self._new_order(told - quantity if told is not None else ZERO, time_ms)
        # A total is the better witness of what was in the base; a fill read by REST has only its time.
        is_in_base = told <= chain.base if told is not None else time_ms <= chain.base_ms
        if not is_in_base:
            chain.counted += quantity
        self._count_position(fill, quantity, time_ms)
        chain.hear(fill, told, time_ms)

    def fills_found(self) -> None:
        """All fills that were read are counted."""
        for chain in self.positions.values():
            if chain.claims:
                chain.settle()

    def order(self, update: OrderTradeUpdate) -> None:
        """Take what an order update that is no fill says was filled so far."""
        key = (update.symbol, update.order_id)
        self.touched.orders.add(key)
        chain = self.orders.get(key)
        time_ms = update.trade_time_ms or update.transaction_time_ms or 0
        if chain is None:
            chain = self.orders[key] = self._new_order(update.filled_quantity or ZERO, time_ms)
        chain.hear(update, update.filled_quantity, time_ms)

    def order_ended(self, key: OrderKey) -> None:
        """The exchange does not know an order; its chain is kept until it is audited, for a row may show it yet."""
        chain = self.orders.get(key)
        if chain is not None:
            chain.is_open, chain.is_lost = False, True

    def position(
        self, key: PositionKey, amount: Decimal, at_ms: int, *, is_from_order: bool, is_whole: bool = False
    ) -> None:
        """
        Take what the exchange says a position amounts to.

        Args:
            key: Which.
            amount: Signed.
            at_ms: As of when.
            is_from_order: Whether a trade changed it; what changed otherwise is no sum of fills, and is believed.
            is_whole: Whether it is a row of REST, which has all fills of its moment.
        """
        self.touched.positions.add(key)
        chain = self.positions.get(key)
        if self.grounded_ms is None:
            # Nobody knows which fills of its moment it has. It came with them, so most likely all.
            if chain is None:
                self._begin_position(key, amount, at_ms, is_whole=True)
            elif at_ms >= chain.base_ms:
                chain.rebase(amount, at_ms, is_whole=True)
            return
        if chain is None:
            chain = self._begin_position(key, ZERO, self.grounded_ms)
        if chain.covers(at_ms):
            if at_ms == chain.base_ms and amount == chain.expected(at_ms):
                chain.told = amount
                if is_whole:
                    # Of a millisecond that was not over when it was told first.
                    chain.confirm(amount, at_ms, is_whole=True)
            return
        if is_from_order and not is_whole:
            # An older one that does not agree stands first: this one may agree because two fills are missing.
            chain.claim(Claim(at_ms, amount))
        elif is_from_order and chain.expected(at_ms) == amount:
            chain.confirm(amount, at_ms, is_whole=True)
        elif chain.expected(at_ms) == amount:
            chain.rebase(amount, at_ms)
        elif not is_from_order:
            chain.rebase(amount, at_ms, is_whole=True)
        else:
            chain.claim(Claim(at_ms, amount, is_whole=True))

    # What REST tells

    def order_row(self, state: OrderTradeUpdate, created_ms: int) -> None:
        """
        Take an order's state as REST shows it; it may be older than what the stream told.

        What happened before the account was read whole is believed: an order nobody told of that was placed before
        then, and one of which nobody told as much as the row of before then.
        """
        key = (state.symbol, state.order_id)
        at_ms, executed = state.transaction_time_ms or 0, state.filled_quantity or ZERO
        chain = self.orders.get(key)
        if chain is None or chain.touched_ms < at_ms <= (self.grounded_ms or 0):
            is_new = self.grounded_ms is not None and created_ms >= self.grounded_ms
            base, base_ms = (ZERO, 0) if is_new else (executed, at_ms)
            chain = self.orders[key] = OrderChain(base, base_ms, base, base, created_ms if is_new else at_ms)
        chain.hear(state, executed, at_ms)

    def ground_position(self, key: PositionKey, amount: Decimal, at_ms: int) -> None:
        """Begin to count a position where its row says it stands, unless the stream told something newer."""
        chain = self.positions.get(key)
        if chain is None:
            self._begin_position(key, amount, at_ms, is_whole=True)
        elif chain.base_ms < at_ms <= (self.grounded_ms or 0):
            # Of before the connection was in use, and REST had not told yet.
            chain.rebase(amount, at_ms, is_whole=True)

    def flat_since_before(self, shown: Iterable[PositionKey]) -> List[PositionKey]:
        """Return the positions that are not shown, and of which the stream never told: they were closed before."""
        grounded_ms, known = self.grounded_ms or 0, set(shown)
        return [
            key
            for key, chain in self.positions.items()
            if chain.base and not chain.fills and chain.base_ms <= grounded_ms and key not in known
        ]

    # What does not agree

    def breaks(self) -> Iterator[Break]:
        """Yield every chain that is broken at this moment."""
        found = (*map(self.broken_order, self.orders), *map(self.broken_position, self.positions))
        yield from (broken for broken in found if broken is not None)

    def broken_order(self, key: OrderKey) -> Optional[Break]:
        """Return the break of one order, if it is broken."""
        chain = self.orders.get(key)
        if chain is None or not chain.is_broken:
            return None
        return Break(key[0], chain.good_ms, f"{chain.missing} of order {key[1]}")

    def broken_position(self, key: PositionKey) -> Optional[Break]:
        """Return the break of one position, if it is broken."""
        chain = self.positions.get(key)
        if chain is None or not chain.claims:
            return None
        return Break(key[0], chain.good_ms, f"the {key[1]} position")

    def rebase(self, symbol: str) -> None:
        """Believe what the exchange says of a symbol: it was looked for, and there is nothing more to be found."""
        for (of, _), chain in self.orders.items():
            if of == symbol and chain.is_broken:
                chain.base = chain.counted = chain.claimed
                chain.base_ms = chain.good_ms = chain.touched_ms
        for (of, _), position in self.positions.items():
            if of == symbol and position.claims:
                position.rebase(position.claims[0].amount, position.claims[0].at_ms, is_whole=True)

    def forget_before(self, floor_ms: int) -> None:
        """Forget the orders that ended before a moment up to which everything was audited."""
        for key in [key for key, chain in self.orders.items() if not chain.is_open and chain.touched_ms < floor_ms]:
            del self.orders[key]
        for position in self.positions.values():
            position.fold(floor_ms)

    def _new_order(self, base: Decimal, at_ms: int) -> OrderChain:
        """Begin a chain that the stream brings up: after the account was read whole it is a new order's."""
        if self.grounded_ms is None:
            return OrderChain(base=base, base_ms=at_ms, counted=base, claimed=base)
        return OrderChain(good_ms=self.grounded_ms)

    def _count_position(self, fill: OrderTradeUpdate, quantity: Decimal, time_ms: int) -> None:
        key = position_of(fill)
        self.touched.positions.add(key)
        signed = quantity if fill.side == Side.BUY else -quantity
        chain = self.positions.get(key)
        if chain is None:
            if self.grounded_ms is None:
                self._early.setdefault(key, []).append((time_ms, signed))
                return
            chain = self._begin_position(key, ZERO, self.grounded_ms)
        chain.count(time_ms, signed, is_last=fill.origin != FROM_REST)

    def _begin_position(
        self, key: PositionKey, amount: Decimal, at_ms: int, *, is_whole: bool = False
    ) -> PositionChain:
        """Begin to count a position, with the fills that came before anybody knew what they add to."""
        chain = self.positions[key] = PositionChain(amount, at_ms, is_whole)
        for time_ms, quantity in self._early.pop(key, ()):
            chain.count(time_ms, quantity)
        return chain
