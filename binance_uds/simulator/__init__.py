"""
A Binance to rehearse against: real HTTP and WebSocket on this machine, with everything that can go wrong.

`LocalExchange` is the front door; `faults` what can go wrong; `exchange` the pure model behind it. The first
needs aiohttp (``pip install 'binance_uds[simulator]'``), the other two need nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from binance_uds.simulator.bot import BotTrader
    from binance_uds.simulator.local import LocalAccount, LocalExchange
    from binance_uds.simulator.records import KeyPermissions
    from binance_uds.simulator.refusals import Refused
    from binance_uds.simulator.rules import Rules

#: Where each public name lives; imported when first asked for, so that the model can be had without aiohttp.
_HOMES = {
    "BotTrader": "bot",
    "KeyPermissions": "records",
    "LocalAccount": "local",
    "LocalExchange": "local",
    "Refused": "refusals",
    "Rules": "rules",
}

__all__ = ["BotTrader", "KeyPermissions", "LocalAccount", "LocalExchange", "Refused", "Rules"]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        home = importlib.import_module(f"{__name__}.{_HOMES[name]}")
    except ModuleNotFoundError as missing:
        if missing.name != "aiohttp":
            raise
        raise ImportError("the local exchange needs aiohttp: pip install 'binance_uds[simulator]'") from None
    return getattr(home, name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
