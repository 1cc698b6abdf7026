"""
What a stream delivered, and its account, as text in which equal things are equal letter by letter. Pure.

One JSON object a line, its keys sorted: ``{"TradeLite":{...}}``. A recorded stream and its replay give the same.
"""

from __future__ import annotations

import enum
import json
from decimal import Decimal
from typing import Any, Mapping, Union

import attrs

from ..account_view import AccountSnapshot
from ..events import Event, Notice


def canonical(item: Union[Event, Notice]) -> str:
    """
    Return an event or a notice as one line of JSON.

    Amounts are text, exactly as they came, and so is what has no other form: of a callback its name, of an exception
    its class.
    """
    return _line(type(item).__name__, item)


def canonical_account(account: AccountSnapshot) -> str:
    """Return everything that is known of an account as one line of JSON."""
    return _line(
        "Account",
        {
            "as_of_ms": account.as_of_ms,
            "trusted": account.trusted,
            "balances": account.balances,
            "positions": {" ".join(key): row for key, row in account.positions.items()},
            "open_orders": _by_symbol(account.open_orders),
            "recent_orders": _by_symbol(account.recent_orders),
            "open_algo_orders": account.open_algo_orders,
        },
    )


def _by_symbol(orders: Mapping[int, Any]) -> Mapping[str, Any]:
    return {f"{order.symbol} {number}": order for number, order in orders.items()}


def _line(name: str, thing: object) -> str:
    return json.dumps({name: _plain(thing)}, separators=(",", ":"), sort_keys=True)


def _plain(thing: Any) -> Any:
    """Return what JSON can hold."""
    if thing is None or isinstance(thing, (bool, int, str)):
        return thing
    if isinstance(thing, Decimal):
        return str(thing)
    if isinstance(thing, enum.Enum):
        return thing.value
    if isinstance(thing, Mapping):
        return {str(key): _plain(value) for key, value in thing.items()}
    if isinstance(thing, (list, tuple)):
        return [_plain(each) for each in thing]
    if attrs.has(type(thing)):
        fields = attrs.fields(type(thing))
        return {field.name: _plain(getattr(thing, field.name)) for field in fields if not field.name.startswith("_")}
    return getattr(thing, "__qualname__", type(thing).__name__)
