"""The account as HTML tables: balances, positions, open orders."""

from __future__ import annotations

from typing import TYPE_CHECKING, List

from .events.vocabulary import PositionSide
from .markup import NUMBER, TEXT, Html, badge, card, gain, moment, note, side, table

if TYPE_CHECKING:
    from .account_view import AccountView


def account_card(account: AccountView) -> str:
    """Return an account as a whole view, all of it of one moment."""
    account = account.snapshot()
    as_of = moment(account.as_of_ms)
    mark = badge("✓ trusted", "good") if account.trusted else badge("? not trusted", "warn")
    return card("Account", *account_tables(account), beside=[mark], said=f"as of {as_of} UTC" if as_of else "")


def account_tables(account: AccountView) -> List[Html]:
    """Return what there is, a table for each kind."""
    balances = [
        [row.asset, row.wallet_balance, row.cross_wallet_balance, _clock(row.updated_ms)]
        for row in account.balances.values()
    ]
    positions = [
        [
            row.symbol,
            "" if row.position_side == PositionSide.BOTH else side(row.position_side),
            gain(row.amount),
            row.entry_price,
            gain(row.unrealized_profit),
            gain(row.accumulated_realized),
            _clock(row.updated_ms),
        ]
        for row in account.positions.values()
    ]
    orders = [
        [
            row.symbol,
            side(row.side),
            row.order_type,
            row.quantity,
            row.filled_quantity,
            row.price or row.stop_price or "",
            row.status,
            row.client_order_id or row.order_id,
            _clock(row.updated_ms),
        ]
        for row in account.open_orders.values()
    ]
    conditional = [
        [
            row.symbol,
            side(row.side),
            row.order_type,
            row.quantity,
            row.trigger_price or "",
            row.status,
            row.client_algo_id or row.algo_id,
            _clock(row.updated_ms),
        ]
        for row in account.open_algo_orders.values()
    ]
    tables = [
        table("Balances", {"asset": TEXT, "wallet": NUMBER, "cross wallet": NUMBER, "changed, UTC": NUMBER}, balances),
        table(
            "Positions",
            {
                "symbol": TEXT,
                "side": TEXT,
                "amount": NUMBER,
                "entry price": NUMBER,
                "unrealised": NUMBER,
                "realised": NUMBER,
                "changed, UTC": NUMBER,
            },
            positions,
        ),
        table(
            "Open orders",
            {
                "symbol": TEXT,
                "side": TEXT,
                "type": TEXT,
                "quantity": NUMBER,
                "filled": NUMBER,
                "price": NUMBER,
                "status": TEXT,
                "id": TEXT,
                "changed, UTC": NUMBER,
            },
            orders,
        ),
        table(
            "Open conditional orders",
            {
                "symbol": TEXT,
                "side": TEXT,
                "type": TEXT,
                "quantity": NUMBER,
                "trigger": NUMBER,
                "status": TEXT,
                "id": TEXT,
                "changed, UTC": NUMBER,
            },
            conditional,
        ),
    ]
    return tables if any(each.text for each in tables) else [note("no balances, no positions, no open orders")]


def _clock(at_ms: int) -> str:
    return moment(at_ms, date=False)
