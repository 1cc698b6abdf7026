"""A stream and its history as HTML."""

from __future__ import annotations

import itertools
import re
import time
from typing import TYPE_CHECKING, Any, Dict, Iterable, List, Optional, Sequence

from ..account_html import account_tables
from ..events import (
    AccountUpdate,
    Attention,
    Event,
    GapClosed,
    GapOpened,
    OrderTradeUpdate,
    StateChanged,
    TradeLite,
)
from ..events.base import FROM_REST
from ..markup import (
    NUMBER,
    TEXT,
    WIDE,
    Html,
    amount,
    badge,
    card,
    duration,
    facts,
    gain,
    moment,
    side,
    state_badge,
    table,
)

if TYPE_CHECKING:
    from ..stream import UserDataStream
    from .history import History, Item

#: The last items and gaps that the view of a stream shows, and that of a history.
_ITEMS, _GAPS, _ITEMS_OF_HISTORY = 8, 5, 20

_OF_GAPS = frozenset({GapOpened, GapClosed})

#: What only repeats another, or what the state says.
_REPEATS = frozenset({TradeLite, StateChanged})

_COLUMNS = {
    "time, UTC": NUMBER,
    "what": TEXT,
    "symbol": TEXT,
    "side": TEXT,
    "quantity": NUMBER,
    "price": NUMBER,
    "realised": NUMBER,
    "told": WIDE,
}


def stream_card(stream: UserDataStream, *, is_live_view: bool = False) -> str:
    """
    Return a stream as a whole view: its state and the grounds for it, gaps, the account, the last events.

    Args:
        stream: The stream.
        is_live_view: Whether it follows the stream, so that it need not say of when it is.
    """
    health, account = stream.health, stream.account.snapshot()
    state = str(health.state)
    trust = badge("✓ account trusted", "good") if account.trusted else badge("? account not trusted", "calm")
    as_of = "" if is_live_view else f", as of {moment(round(time.time() * 1000))} UTC"
    items = stream.history.items()
    return card(
        f"Stream {stream.name}",
        facts(health.told()),
        _gaps(items),
        *account_tables(account),
        _items("Last events", items, _ITEMS),
        beside=[state_badge(state), trust],
        said=f"{health.why}{as_of}",
    )


def history_card(history: History) -> str:
    """Return the last of what was delivered as a whole view."""
    items = history.items()
    kept = f"{len(items):,} events and notices"
    return card("History", _gaps(items), _items("The last of them", items, _ITEMS_OF_HISTORY), said=kept)


def _gaps(items: Iterable[Item]) -> Html:
    """Return the last gaps, open ones included."""
    told: Iterable[Any] = (item for item in items if type(item) in _OF_GAPS)
    gaps: Dict[int, Any] = {item.gap_id: item for item in told}
    rows = []
    for gap in list(gaps.values())[-_GAPS:][::-1]:
        if isinstance(gap, GapOpened):
            rows.append([gap.gap_id, moment(gap.since_ms), "", gap.cause, "▲ open", "", ""])
            continue
        rows.append(
            [
                gap.gap_id,
                moment(gap.since_ms),
                duration((gap.until_ms - gap.since_ms) / 1000, 1),
                gap.cause,
                f"{'?' if gap.proof == 'unproven' else '✓'} {gap.proof}",
                f"{gap.recovered:,}",
                ", ".join(gap.unrecoverable),
            ]
        )
    columns = {
        "gap": NUMBER,
        "blind since, UTC": TEXT,
        "for": NUMBER,
        "cause": TEXT,
        "closed": TEXT,
        "fills read back": NUMBER,
        "may be missing": WIDE,
    }
    return table("Gaps", columns, rows)


def _items(label: str, items: Sequence[Item], most: int) -> Html:
    """Return the last items, the newest first; what only repeats another is left out."""
    # From the end, and no further than needed: there may be thousands, and a display does it four times a second.
    told = list(itertools.islice((item for item in reversed(items) if type(item) not in _REPEATS), most))
    times = [_time_ms(item) for item in told]
    # The date only where it says something.
    has_dates = len({moment(at_ms)[:10] for at_ms in times if at_ms is not None}) > 1
    rows = [[moment(at_ms, date=has_dates), *_row(item)] for at_ms, item in zip(times, told)]
    return table(label, _COLUMNS, rows)


def _time_ms(item: Item) -> Optional[int]:
    """Return when an event happened, else when it was sent; notices have no time of the exchange's."""
    return item.transaction_time_ms or item.event_time_ms if isinstance(item, Event) else None


def _row(item: Any) -> List[Any]:
    """Return the cells of an item, its time aside."""
    if isinstance(item, OrderTradeUpdate):
        word = item.status or ""
        if item.is_fill:
            fee = item.commission
            words = [word, f"fee {amount(fee)} {item.commission_asset or ''}" if fee else "", *_marks(item)]
            return [
                *("fill", item.symbol, side(item.side), item.last_filled_quantity, item.last_filled_price),
                *(gain(item.realized_profit) if item.realized_profit else "", _joined(words)),
            ]
        price = item.price or item.stop_price or ""
        words = [word, item.order_type or "", *_marks(item)]
        return ["order", item.symbol, side(item.side), item.quantity, price, "", _joined(words)]
    if isinstance(item, AccountUpdate):
        rows = [f"{row.asset} {amount(row.wallet_balance)}" for row in item.balances]
        rows += [
            f"{row.symbol}{'' if row.position_side == 'BOTH' else f' {row.position_side}'} {amount(row.amount)}"
            for row in item.positions
        ]
        return ["account", "", "", "", "", "", _joined([(item.reason or "").lower(), *rows, *_marks(item)])]
    name = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", type(item).__name__).lower()
    if isinstance(item, GapOpened):
        return [name, "", "", "", "", "", f"{item.cause}; blind since {moment(item.since_ms, date=False)}"]
    if isinstance(item, GapClosed):
        return [name, "", "", "", "", "", f"{item.proof}; fills read back: {item.recovered:,}"]
    if isinstance(item, Attention):
        return [name, "", "", "", "", "", item.message]
    words = [getattr(item, field, None) or "" for field in ("status", "reason", "name")]
    return [name, getattr(item, "symbol", None), side(getattr(item, "side", None)), "", "", "", _joined(words)]


def _marks(item: Event) -> List[str]:
    """Return what is special about how an event came."""
    return [word for word, holds in (("by REST", item.origin == FROM_REST), ("late", item.late)) if holds]


def _joined(words: Iterable[str]) -> str:
    return ", ".join(filter(None, words))
