"""How a board looks on a terminal, from 80 columns and 24 rows upwards."""

from __future__ import annotations

import datetime
from typing import Iterable, List, Optional, Tuple

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from ..events import OrderTradeUpdate, StreamState
from ..events.base import FROM_REST
from ..events.notices import missing
from ..runtime.watch import Health
from .board import Board, Incident, OrderLine
from .words import (
    amount,
    counted,
    gap_span,
    outcome,
    position_name,
    printable,
    seconds,
    several,
    signed,
    status,
)

_STATE_STYLES = {
    StreamState.LIVE: "bold green",
    StreamState.STALE: "bold red",
    StreamState.FAILED: "bold red",
    StreamState.REPAIRING: "bold yellow",
    StreamState.STARTING: "bold yellow",
}
_SIDE_STYLES = {"BUY": "green", "SELL": "red"}
_HEADING = "bold cyan"
_QUIET = "dim"

#: Rows that are always there: title, state, proofs, two headings, two of the account, counts, four empty ones.
_FIXED_ROWS = 12
#: What 24 rows leave to incidents; every fault of the demo has one.
_INCIDENT_ROWS = 7
#: Fewer than so many orders and fills tell too little, so on a lower terminal there are fewer incidents.
_LEAST_ROWS = 5

#: From so many columns on there is room for more about each thing.
_WIDE = 110


def draw(board: Board, health: Health, at: float, width: int, height: int, began_wall: float) -> RenderableType:
    """
    Draw everything, in exactly so many rows (14 at least).

    Args:
        board: What is shown.
        health: The stream's, of this moment.
        at: Seconds since the board began.
        width: Columns of the terminal.
        height: Its rows.
        began_wall: Unix time at which the board began; incidents without a known fault are dated by it.
    """
    free = max(height - _FIXED_ROWS, 2)
    incident_rows = max(min(free - _LEAST_ROWS, _INCIDENT_ROWS), free // 3, 1)
    rows = free - incident_rows
    wide = width >= _WIDE
    return Group(
        _title(board, at, width),
        _state(board, health, at),
        _proofs(health),
        Text(),
        _incidents(board, health.state, incident_rows, began_wall, wide),
        Text(),
        _side_by_side(
            _orders(board.recent_orders(rows), rows, wide), _fills(board.recent_fills(rows), rows, wide), wide
        ),
        Text(),
        *_account(board),
        Text(),
        _counts(board, health, width),
    )


def _line(*parts: Tuple[str, str]) -> Text:
    return Text.assemble(*parts, no_wrap=True, overflow="ellipsis")


def _spread(left: Text, right: Text, width: int) -> Text:
    gap = max(width - left.cell_len - right.cell_len, 1)
    return Text.assemble(left, " " * gap, right, no_wrap=True, overflow="ellipsis")


def _title(board: Board, at: float, width: int) -> Text:
    return _spread(_line((board.title, "bold")), _line((seconds(at, 0), _QUIET)), width)


def _state(board: Board, health: Health, at: float) -> Text:
    style = _STATE_STYLES.get(health.state, "bold")
    return _line(
        (f"● {health.state}", style),
        # Whole seconds: what changes with every drawing draws the eye.
        (f" for {seconds(max(at - board.state_since, 0.0), 0)}", ""),
        (f"  {printable(board.attention or health.why)}", "yellow" if board.attention else _QUIET),
        ("" if board.attention else _held_up(board, health, at), _QUIET),
    )


def _held_up(board: Board, health: Health, at: float) -> str:
    """Word which gaps are being repaired, and since when."""
    gaps = board.open_incidents()
    if health.state is not StreamState.REPAIRING or not gaps:
        return ""
    since_s = at - min(gap.noticed_at or at for gap in gaps)
    names = ", ".join(str(gap.gap_id) for gap in gaps)
    return f": gap{'s' if len(gaps) > 1 else ''} {names}, open for {seconds(since_s, 0)}"


def _proofs(health: Health) -> Text:
    ages = [f"connection {_age(health.transport_proof_age_s)}", f"key {_age(health.key_proof_age_s)}"]
    if health.signed:
        ages.append(f"delivery {_age(health.delivery_proof_age_s)}")
    last_event = "never" if health.last_event_age_s is None else f"{seconds(health.last_event_age_s, 1)} ago"
    subscription = "" if health.subscription == "confirmed" else f"; {health.subscription or 'not subscribed'}"
    return _line(
        ("proof ages: ", _QUIET),
        (", ".join(ages), ""),
        (f"; last event {last_event}", _QUIET),
        ("" if health.signed else "; key-only", "yellow"),
        (subscription, "yellow"),
    )


def _age(age: Optional[float]) -> str:
    return "none" if age is None else seconds(age, 1)


def _table(*columns: Tuple[str, Optional[int], bool]) -> Table:
    """An empty table of text that never wraps: name, least width, whether numbers stand in it."""
    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False, header_style=_HEADING, expand=True)
    for name, width, numeric in columns:
        table.add_column(
            name,
            justify="right" if numeric else "left",
            no_wrap=True,
            overflow="ellipsis",
            min_width=width,
            ratio=None if width else 1,
        )
    return table


def _fill_up(table: Table, rows: Iterable[List[Text]], count: int) -> Table:
    given = list(rows)
    for row in given:
        table.add_row(*row)
    for _ in range(count - len(given)):
        table.add_row()
    return table


def _incidents(board: Board, state: StreamState, rows: int, began_wall: float, wide: bool) -> Table:
    incidents = board.recent_incidents(rows)
    if board.knows_faults:
        table = _table(
            ("at", 4, True),
            ("the exchange", 30, False),
            ("the stream", None, False),
            ("noticed", 7, True),
            ("closed", 7, True),
        )
        return _fill_up(table, (_fault_row(incident, wide) for incident in incidents), rows)
    table = _table(("at (UTC)", 8, True), ("gap", 28, False), ("long", 7, True), ("report", None, False))
    return _fill_up(table, (_gap_row(incident, state, began_wall) for incident in incidents), rows)


def _fault_row(incident: Incident, wide: bool) -> List[Text]:
    return [
        Text(f"{incident.at:.1f}", _QUIET),
        Text(incident.fault or "(nothing that we know of)"),
        _made_of_it(incident, wide),
        _after(incident.noticed_at, incident.at),
        _after(incident.closed_at, incident.at),
    ]


def _made_of_it(incident: Incident, wide: bool) -> Text:
    """What the stream says about a fault: first the cause, in the end what came of it."""
    if incident.cause is None:
        return Text("not yet", "bold yellow")
    if incident.closed is None:
        return Text(printable(incident.cause), "yellow")
    return Text(f"{printable(incident.cause)}: {outcome(incident.closed)}" if wide else outcome(incident.closed))


def _after(moment: Optional[float], start: float) -> Text:
    return Text("" if moment is None else seconds(moment - start))


def _gap_row(incident: Incident, state: StreamState, began_wall: float) -> List[Text]:
    opened = datetime.datetime.fromtimestamp(began_wall + incident.at, datetime.timezone.utc)
    start = [Text(f"{opened:%H:%M:%S}", _QUIET), Text(printable(incident.cause or ""))]
    closed = incident.closed
    if closed is not None:
        return [*start, Text(gap_span(closed)), Text(f"{outcome(closed)}; {printable(missing(closed))}")]
    if state is StreamState.REPAIRING:
        return [*start, Text("open", _STATE_STYLES[state]), Text("connected, reading back what was missed")]
    return [*start, Text("open", "bold red"), Text()]


def _side_by_side(left: Table, right: Table, wide: bool) -> Table:
    both = Table.grid(expand=True, padding=(0, 2, 0, 0), pad_edge=False)
    both.add_column(ratio=57 if wide else 50)
    both.add_column(ratio=43 if wide else 50)
    both.add_row(left, right)
    return both


def _orders(orders: List[OrderLine], rows: int, wide: bool) -> Table:
    extra: Tuple[Tuple[str, Optional[int], bool], ...] = (("type", 11, False), ("price", 9, True)) if wide else ()
    table = _table(("orders", None, False), ("", 4, False), *extra, ("filled", 9, True), ("", 13, False))
    return _fill_up(table, (_order_row(order, wide) for order in orders), rows)


def _order_row(order: OrderLine, wide: bool) -> List[Text]:
    filled = amount(order.quantity)
    if order.filled is not None:
        filled = f"{amount(order.filled)}/{filled}"
    extra = [Text(status(order.order_type)), Text(amount(order.price))] if wide else []
    return [_symbol(order.symbol), _side(order.side), *extra, Text(filled), Text(status(order.status))]


def _fills(fills: List[OrderTradeUpdate], rows: int, wide: bool) -> Table:
    extra: Tuple[Tuple[str, Optional[int], bool], ...] = (("fee", 10, True),) if wide else ()
    table = _table(
        ("fills", None, False), ("", 4, False), ("quantity", 8, True), ("price", 8, True), *extra, ("", 4, False)
    )
    return _fill_up(table, (_trade_row(fill, wide) for fill in fills), rows)


def _trade_row(fill: OrderTradeUpdate, wide: bool) -> List[Text]:
    extra = [Text(amount(fill.commission))] if wide else []
    return [
        _symbol(fill.symbol),
        _side(fill.side),
        Text(amount(fill.last_filled_quantity)),
        Text(amount(fill.last_filled_price)),
        *extra,
        _way(fill),
    ]


def _way(fill: OrderTradeUpdate) -> Text:
    """How a fill came, if not by the stream and in order."""
    if fill.late:
        return Text("late", "magenta")
    return Text("REST", "yellow") if fill.origin == FROM_REST else Text()


def _symbol(symbol: str) -> Text:
    return Text(printable(symbol))


def _side(side: str) -> Text:
    return Text(printable(side), _SIDE_STYLES.get(side, ""))


def _account(board: Board) -> List[Text]:
    balances = "   ".join(f"{printable(asset)} {amount(wallet)}" for asset, wallet in board.balances.items() if wallet)
    positions = "   ".join(
        f"{position_name(*key)} {signed(row.amount)}" for key, row in sorted(board.positions.items())
    )
    return [
        _line(("balances   ", _HEADING), (balances or "no change yet", "" if balances else _QUIET)),
        _line(("positions  ", _HEADING), (positions or "none open", "" if positions else _QUIET)),
    ]


def _counts(board: Board, health: Health, width: int) -> Text:
    fills = counted(board.fills_seen, board.recovered_seen, board.late_seen)
    numbers = [several(health.events, "event"), fills]
    numbers += [several(health.gaps, "gap"), several(health.reconnects, "reconnect")]
    if health.callback_errors:
        numbers.append(several(health.callback_errors, "callback error"))
    return _spread(_line((", ".join(numbers), _QUIET)), _line(("Ctrl-C ends", _QUIET)), width)
