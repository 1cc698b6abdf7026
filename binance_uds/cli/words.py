"""How the command line words what a stream delivers. Nothing here can put a control character on a terminal."""

from __future__ import annotations

from decimal import Decimal
from functools import singledispatch
from typing import Optional

import attrs

from ..events import (
    AccountUpdate,
    AlgoUpdate,
    Attention,
    CallbackFailed,
    Event,
    GapClosed,
    GapOpened,
    ListenKeyExpired,
    OrderTradeUpdate,
    Position,
    PositionSide,
    StateChanged,
    TradeLite,
    UndecodableFrame,
)
from ..events.base import FROM_REST
from ..events.notices import missing


@attrs.frozen
class Told:
    """A thing that happened: its topic in one word, and what."""

    topic: str
    text: str


def printable(text: object) -> str:
    """Return a text with everything that could command a terminal escaped; line ends too."""
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in str(text))


def amount(value: Optional[Decimal]) -> str:
    """Return money, a price or a quantity exactly, without exponent and needless zeros."""
    if value is None:
        return "?"
    return f"{value.normalize():f}" if value else "0"


def signed(value: Decimal) -> str:
    """Return a position's amount with its sign."""
    return f"+{amount(value)}" if value > 0 else amount(value)


def status(word: Optional[str]) -> str:
    """Return a status or an order type as people write it."""
    return printable(word or "?").lower().replace("_", " ").replace("partially", "partly")


def seconds(value: Optional[float], digits: int = 2) -> str:
    """Return a duration at a precision that can be read in passing; ``digits`` are those of less than 10 s."""
    if value is None:
        return "-"
    if value < 10:
        return f"{value:.{digits}f} s"
    if value < 120:
        return f"{value:.0f} s"
    return f"{value / 60:.0f} min" if value < 7200 else f"{value / 3600:.1f} h"


def position_name(symbol: str, side: str) -> str:
    """Return what a position is called: its symbol, and its side in hedge mode."""
    return printable(symbol if side == PositionSide.BOTH else f"{symbol} {side}")


@singledispatch
def tell(item: object) -> Optional[Told]:
    """Word an event or a notice for people; None for what only repeats another."""
    return Told("event", type(item).__name__)


@tell.register
def _(item: OrderTradeUpdate) -> Optional[Told]:
    if item.is_fill:
        # Of a fill that was read by REST it may be unknown.
        order = f"; order {status(item.status)}" if item.status else ""
        return Told(
            "fill",
            f"{printable(item.symbol)} {printable(item.side)} {amount(item.last_filled_quantity)} "
            f"at {amount(item.last_filled_price)}, fee {amount(item.commission)} "
            f"{printable(item.commission_asset or '')}{order}{_marks(item)}",
        )
    price = f" at {amount(item.price)}" if item.price else ""
    return Told(
        "order",
        f"{printable(item.symbol)} {printable(item.side)} {status(item.order_type)} "
        f"{amount(item.quantity)}{price}: {status(item.status)}{_marks(item)}",
    )


def _marks(item: Event) -> str:
    """Return in brackets what is special about how an event came."""
    marks = [mark for mark, holds in (("by REST", item.origin == FROM_REST), ("late", item.late)) if holds]
    return f" ({', '.join(marks)})" if marks else ""


@tell.register
def _(item: TradeLite) -> Optional[Told]:
    return None


@tell.register
def _(item: AccountUpdate) -> Optional[Told]:
    balances = [f"{printable(row.asset)} {amount(row.wallet_balance)}" for row in item.balances]
    changes = ", ".join([*balances, *map(_position, item.positions)]) or "nothing changed"
    return Told("account", f"{changes}{_marks(item)}")


def _position(row: Position) -> str:
    name = position_name(row.symbol, row.position_side)
    return f"{name} {signed(row.amount)} at {amount(row.entry_price)}" if row.amount else f"{name} flat"


@tell.register
def _(item: AlgoUpdate) -> Optional[Told]:
    return Told(
        "algo",
        f"{printable(item.symbol)} {printable(item.side)} {status(item.order_type)} {amount(item.quantity)} "
        f"from {amount(item.trigger_price)}: {status(item.status)}{_marks(item)}",
    )


@tell.register
def _(item: ListenKeyExpired) -> Optional[Told]:
    return Told("key", f"the exchange says that listen key {item.listen_key_tag or '?'} expired")


@tell.register
def _(item: StateChanged) -> Optional[Told]:
    return Told("stream", printable(item))


@tell.register
def _(item: GapOpened) -> Optional[Told]:
    return Told("gap", f"gap {item.gap_id} opened: {printable(item.cause)}")


@tell.register
def _(item: GapClosed) -> Optional[Told]:
    return Told(
        "gap",
        f"gap {item.gap_id} closed, {gap_span(item)} long: {outcome(item)}; {printable(missing(item))}",
    )


def gap_span(gap: GapClosed) -> str:
    """Return how long a closed gap was."""
    return seconds((gap.until_ms - gap.since_ms) / 1000)


def outcome(gap: GapClosed) -> str:
    """Return on what evidence a gap was closed, and what was found."""
    found = (printable(gap.proof), _count(gap.recovered, "by REST"), _count(gap.late, "late"))
    return ", ".join(filter(None, found))


def counted(fills: int, recovered: int, late: int) -> str:
    """Return how many fills there were, and how many of them came by REST and late."""
    kinds = ", ".join(filter(None, (_count(recovered, "by REST"), _count(late, "late"))))
    return several(fills, "fill") + (f" ({kinds})" if kinds else "")


def several(number: int, thing: str) -> str:
    """Return how many there are of a thing."""
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number else ""


@tell.register
def _(item: UndecodableFrame) -> Optional[Told]:
    return Told("frame", printable(item))


@tell.register
def _(item: Attention) -> Optional[Told]:
    return Told("ATTENTION", printable(item))


@tell.register
def _(item: CallbackFailed) -> Optional[Told]:
    return Told("callback", f"a callback raised {type(item.exception).__name__}")
