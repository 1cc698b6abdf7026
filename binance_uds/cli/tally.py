"""
What the exchange did against what the stream delivered.

Pure: lists in, a verdict out. Every sentence in ``Tally.broken`` is a promise that was not kept.
"""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from typing import Dict, Iterator, Mapping, Optional, Protocol, Sequence, Set, Tuple

import attrs

from ..events import GapClosed, GapOpened, OrderTradeUpdate, StreamState
from ..events.base import FROM_REST
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
    A fault the exchange was made to have, of the kind that makes a stream miss something.

    Attributes:
        at_ms: When, by the exchange's clock, in milliseconds.
        words: What, for people.
    """

    at_ms: int
    words: str


@attrs.frozen
class Gap:
    """A blind interval as the stream announced it; ``until_ms`` and ``proof`` are None while it is open."""

    gap_id: int
    since_ms: int
    until_ms: Optional[int]
    cause: str
    proof: Optional[str] = None

    def covers(self, at_ms: int) -> bool:
        """Whether a moment of the exchange's clock lies inside."""
        return self.since_ms <= at_ms and (self.until_ms is None or at_ms <= self.until_ms)


@attrs.frozen(kw_only=True)
class Tally:
    """
    The verdict over a rehearsal.

    Attributes:
        signed: Whether the stream had the secret, and so had to repair.
        executed: Fills the exchange made.
        delivered: How many of them were delivered, however often.
        recovered: How many of those were read by REST.
        late: How many of the delivered came after a fill of the same symbol with a higher trade id, and say so.
        signalled: Fills that were not delivered by a stream without the secret, and lie inside an announced gap.
        lost: Fills that were not delivered, and for which there is no such excuse.
        duplicated: Deliveries of fills that had been delivered before.
        out_of_order: Fills that came after one of the same symbol with a higher trade id, and were not marked late.
        mishaps: Faults that make a stream miss something.
        announced: Gaps announced.
        proofs: How many gaps were closed on which evidence.
        unprovoked: Gaps announced without one of these faults; honest, but worth a look.
        broken: Each broken promise, in words.
    """

    signed: bool
    executed: int
    delivered: int
    recovered: int
    late: int
    signalled: int
    lost: int
    duplicated: int
    out_of_order: int
    mishaps: int
    announced: int
    proofs: Mapping[str, int]
    unprovoked: int
    broken: Tuple[str, ...]

    @property
    def kept(self) -> bool:
        """Whether every promise was kept."""
        return not self.broken

    @property
    def closed(self) -> int:
        """Gaps closed."""
        return sum(self.proofs.values())

    def lines(self) -> Iterator[str]:
        """Yield the verdict for people, broken promises first, the count of what went wrong last."""
        for sentence in self.broken:
            yield f"broken promise: {sentence}"
        yield f"fills: {self.executed} executed, {self.delivered} delivered, {self._means()}"
        unprovoked = f" ({self.unprovoked} of them without a fault)" if self.unprovoked else ""
        evidence = ", ".join(f"{count} {proof}" for proof, count in self.proofs.items())
        yield (
            f"gaps: {self.mishaps} opened by faults, {self.announced} announced{unprovoked}, {self.closed} closed"
            + (f": {evidence}" if evidence else "")
        )
        yield f"promises kept: {'yes' if self.kept else 'no'}"
        signalled = "" if self.signed else f"only signalled {self.signalled}, "
        yield f"{signalled}lost {self.lost}, duplicated {self.duplicated}, out of order {self.out_of_order}"

    def _means(self) -> str:
        if self.signed:
            return f"{self.recovered} of them recovered by REST, {self.late} late"
        return f"{self.signalled} inside announced gaps, not read back for want of the secret"


def gaps_in(items: Sequence[object]) -> Tuple[Gap, ...]:
    """Return the gaps that a stream announced, from everything it delivered."""
    gaps: Dict[int, Gap] = {}
    for item in items:
        if isinstance(item, GapOpened):
            gaps[item.gap_id] = Gap(item.gap_id, item.since_ms, None, item.cause)
        elif isinstance(item, GapClosed):
            gaps[item.gap_id] = Gap(item.gap_id, item.since_ms, item.until_ms, item.cause, item.proof)
    return tuple(gaps.values())


def tally(
    executed: Sequence[Executed],
    items: Sequence[object],
    mishaps: Sequence[Mishap],
    final_state: StreamState,
    final_reason: str,
    *,
    signed: bool,
) -> Tally:
    """
    Hold what was delivered against what happened.

    Args:
        executed: Every fill of the account, as the exchange remembers them.
        items: Every event and notice of the stream, in the order of delivery.
        mishaps: The faults that make a stream miss something.
        final_state: What the stream was when everything had settled.
        final_reason: Why, in its own words.
        signed: Whether the stream had the secret: then every fill has to be there; without, those outside its gaps.
    """
    fills = [item for item in items if isinstance(item, OrderTradeUpdate) and item.is_fill]
    gaps = gaps_in(items)
    first = {_identity(fill): fill for fill in reversed(fills)}
    truth = {(fill.symbol, fill.order_id, fill.trade_id): fill for fill in executed}
    missing = [fill for identity, fill in truth.items() if identity not in first]
    lost = [fill for fill in missing if signed or not any(gap.covers(fill.time_ms) for gap in gaps)]
    where = "" if signed else ", outside every announced gap"
    order = _Order.of(fills)
    broken = [
        *(f"a fill was never delivered{where}: {_name(fill)}" for fill in lost),
        *(f"a fill was delivered twice: {_name(fill)}" for fill in order.repeated),
        *(f"a fill was delivered out of order and not marked late: {_name(fill)}" for fill in order.unmarked),
        *(f"a fill was marked late and was not: {_name(fill)}" for fill in order.wrongly_marked),
        *_wrongly_told(truth, first),
        *_wrongly_reported(items, fills),
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
        signed=signed,
        executed=len(truth),
        delivered=len(truth) - len(missing),
        recovered=sum(fill.origin == FROM_REST for fill in first.values()),
        late=sum(fill.late for fill in first.values()),
        signalled=len(missing) - len(lost),
        lost=len(lost),
        duplicated=len(order.repeated),
        out_of_order=len(order.unmarked),
        mishaps=len(mishaps),
        announced=len(gaps),
        proofs=Counter(gap.proof for gap in gaps if gap.proof is not None),
        unprovoked=sum(not any(gap.covers(mishap.at_ms) for mishap in mishaps) for gap in gaps),
        broken=tuple(broken),
    )


@attrs.frozen
class _Order:
    """The fills that came twice, out of order unmarked, or marked late in order."""

    repeated: Tuple[OrderTradeUpdate, ...]
    unmarked: Tuple[OrderTradeUpdate, ...]
    wrongly_marked: Tuple[OrderTradeUpdate, ...]

    @classmethod
    def of(cls, fills: Sequence[OrderTradeUpdate]) -> _Order:
        """Look at fills in the order of their delivery."""
        seen: Set[FillId] = set()
        highest: Dict[str, int] = {}
        repeated, unmarked, wrongly_marked = [], [], []
        for fill in fills:
            identity = symbol, _, trade_id = _identity(fill)
            if identity in seen:
                repeated.append(fill)
                continue
            seen.add(identity)
            is_behind = trade_id < highest.get(symbol, trade_id)
            if is_behind and not fill.late:
                unmarked.append(fill)
            if fill.late and not is_behind:
                wrongly_marked.append(fill)
            highest[symbol] = max(trade_id, highest.get(symbol, trade_id))
        return cls(tuple(repeated), tuple(unmarked), tuple(wrongly_marked))


def _wrongly_told(truth: Mapping[FillId, Executed], first: Mapping[FillId, OrderTradeUpdate]) -> Iterator[str]:
    """Name the fills that came with other numbers, or that never happened."""
    for identity, fill in first.items():
        happened = truth.get(identity)
        if happened is None:
            yield f"a fill was delivered that never happened: {_name(fill)}"
        elif (happened.quantity, happened.price) != (fill.last_filled_quantity, fill.last_filled_price):
            yield (
                f"a fill of {amount(happened.quantity)} at {amount(happened.price)} was delivered as "
                f"{amount(fill.last_filled_quantity)} at {amount(fill.last_filled_price)}: {_name(fill)}"
            )


def _wrongly_reported(items: Sequence[object], fills: Sequence[OrderTradeUpdate]) -> Iterator[str]:
    """Compare the sums of all reports with what was delivered."""
    reports = [item for item in items if isinstance(item, GapClosed)]
    recovered = [fill for fill in fills if fill.origin == FROM_REST]
    told = (sum(report.recovered for report in reports), sum(report.late for report in reports))
    came = (len(recovered), sum(fill.late for fill in recovered))
    if told != came:
        yield "the reports name {} recovered and {} late fills, {} and {} came".format(*told, *came)


def _identity(fill: OrderTradeUpdate) -> FillId:
    return fill.symbol, fill.order_id, fill.trade_id or 0


def _name(fill: object) -> str:
    symbol, order, trade = (getattr(fill, name) for name in ("symbol", "order_id", "trade_id"))
    return f"{symbol}, order {order}, trade {trade}"
