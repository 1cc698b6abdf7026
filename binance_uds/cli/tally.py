"""
What the exchange did against what the stream delivered.

Pure: lists in, a verdict out. Every sentence in ``Tally.broken`` is a promise that was not kept.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Dict, Iterator, List, Optional, Protocol, Sequence, Set, Tuple

import attrs

from ..events import GapClosed, GapOpened, OrderTradeUpdate, StreamState
from .words import amount

#: Symbol, order id, trade id: the two sides of a self-trade share the last.
FillId = Tuple[str, int, int]


class Executed(Protocol):
    """A fill as the exchange remembers it."""

    @property
    def symbol(self) -> str:
        """The contract."""

    @property
    def order_id(self) -> int:
        """The order that was filled."""

    @property
    def trade_id(self) -> int:
        """Grows within the symbol."""

    @property
    def quantity(self) -> Decimal:
        """What was traded, in base-asset units."""

    @property
    def price(self) -> Decimal:
        """At what price, in the quote asset."""

    @property
    def time_ms(self) -> int:
        """When, by the exchange's clock, in milliseconds."""


@attrs.frozen
class Mishap:
    """
    A fault the exchange was made to have, of the kind that takes the key or the connection away.

    Attributes:
        at_ms: When, by the exchange's clock, in milliseconds.
        words: What, for people.
    """

    at_ms: int
    words: str


@attrs.frozen
class Gap:
    """A blind interval as the stream announced it; ``until_ms`` is None while it is open."""

    gap_id: int
    since_ms: int
    until_ms: Optional[int]
    cause: str

    def covers(self, at_ms: int) -> bool:
        """Whether a moment of the exchange's clock lies inside."""
        return self.since_ms <= at_ms and (self.until_ms is None or at_ms <= self.until_ms)


@attrs.frozen(kw_only=True)
class Tally:
    """
    The verdict over a rehearsal.

    Attributes:
        executed: Fills the exchange executed.
        delivered: Those of them the stream delivered.
        missing_inside: Those not delivered whose time lies inside an announced gap.
        missing_elsewhere: Those not delivered for which there is no such excuse.
        mishaps: Faults that took the key or the connection away.
        announced: Gaps announced.
        closed: Gaps closed.
        unprovoked: Gaps announced without one of these faults; honest, but worth a look.
        broken: Each broken promise, in words.
    """

    executed: int
    delivered: int
    missing_inside: int
    missing_elsewhere: int
    mishaps: int
    announced: int
    closed: int
    unprovoked: int
    broken: Tuple[str, ...]

    @property
    def kept(self) -> bool:
        """Whether every promise was kept."""
        return not self.broken

    def lines(self) -> Iterator[str]:
        """Yield the verdict for people, the worst first."""
        for sentence in self.broken:
            yield f"broken promise: {sentence}"
        yield (
            f"fills: {self.executed} executed, {self.delivered} delivered, "
            f"{self.missing_inside} missing inside announced gaps, {self.missing_elsewhere} elsewhere"
        )
        unprovoked = f" ({self.unprovoked} of them without a fault)" if self.unprovoked else ""
        yield f"gaps: {self.mishaps} opened by faults, {self.announced} announced{unprovoked}, {self.closed} closed"
        yield f"promises kept: {'yes' if self.kept else 'no'}"


def gaps_in(items: Sequence[object]) -> Tuple[Gap, ...]:
    """Return the gaps that a stream announced, from everything it delivered."""
    gaps: Dict[int, Gap] = {}
    for item in items:
        if isinstance(item, GapOpened):
            gaps[item.gap_id] = Gap(item.gap_id, item.since_ms, None, item.cause)
        elif isinstance(item, GapClosed):
            gaps[item.gap_id] = Gap(item.gap_id, item.since_ms, item.until_ms, item.cause)
    return tuple(gaps.values())


def tally(
    executed: Sequence[Executed],
    items: Sequence[object],
    mishaps: Sequence[Mishap],
    final_state: StreamState,
    final_reason: str,
) -> Tally:
    """
    Hold what was delivered against what happened.

    Args:
        executed: Every fill of the account, as the exchange remembers them.
        items: Every event and notice of the stream, in the order of delivery.
        mishaps: The faults that took the key or the connection away.
        final_state: What the stream was when everything had settled.
        final_reason: Why, in its own words.
    """
    fills = [item for item in items if isinstance(item, OrderTradeUpdate) and item.is_fill]
    gaps = gaps_in(items)
    delivered = {_identity(fill) for fill in fills}
    missing = [fill for fill in executed if (fill.symbol, fill.order_id, fill.trade_id) not in delivered]
    elsewhere = [fill for fill in missing if not any(gap.covers(fill.time_ms) for gap in gaps)]
    broken = [
        *(f"a fill was never delivered, outside every announced gap: {_name(fill)}" for fill in elsewhere),
        *_wrongly_delivered(executed, fills),
        *(
            f'"{mishap.words}" was followed by no gap that covers it'
            for mishap in mishaps
            if not any(gap.covers(mishap.at_ms) for gap in gaps)
        ),
        *(f"gap {gap.gap_id} ({gap.cause}) was never closed" for gap in gaps if gap.until_ms is None),
    ]
    if final_state is not StreamState.LIVE:
        broken.append(f"the stream was {final_state} at the end ({final_reason}), not LIVE")
    return Tally(
        executed=len(executed),
        delivered=len(executed) - len(missing),
        missing_inside=len(missing) - len(elsewhere),
        missing_elsewhere=len(elsewhere),
        mishaps=len(mishaps),
        announced=len(gaps),
        closed=sum(gap.until_ms is not None for gap in gaps),
        unprovoked=sum(not any(gap.covers(mishap.at_ms) for mishap in mishaps) for gap in gaps),
        broken=tuple(broken),
    )


def _wrongly_delivered(executed: Sequence[Executed], fills: Sequence[OrderTradeUpdate]) -> List[str]:
    """Name the fills that came twice, out of order, with other numbers, or that never happened."""
    truth = {(fill.symbol, fill.order_id, fill.trade_id): fill for fill in executed}
    seen: Set[FillId] = set()
    highest: Dict[str, int] = {}
    broken = []
    for fill in fills:
        identity = symbol, _, trade_id = _identity(fill)
        name = _name(fill)
        if identity in seen:
            broken.append(f"a fill was delivered twice: {name}")
            continue
        seen.add(identity)
        if trade_id < highest.get(symbol, trade_id) and not fill.late:
            broken.append(f"a fill was delivered out of order and not marked late: {name}")
        highest[symbol] = max(trade_id, highest.get(symbol, trade_id))
        happened = truth.get(identity)
        if happened is None:
            broken.append(f"a fill was delivered that never happened: {name}")
        elif (happened.quantity, happened.price) != (fill.last_filled_quantity, fill.last_filled_price):
            broken.append(
                f"a fill of {amount(happened.quantity)} at {amount(happened.price)} was delivered as "
                f"{amount(fill.last_filled_quantity)} at {amount(fill.last_filled_price)}: {name}"
            )
    return broken


def _identity(fill: OrderTradeUpdate) -> FillId:
    return fill.symbol, fill.order_id, fill.trade_id or 0


def _name(fill: object) -> str:
    symbol, order, trade = (getattr(fill, name) for name in ("symbol", "order_id", "trade_id"))
    return f"{symbol}, order {order}, trade {trade}"
