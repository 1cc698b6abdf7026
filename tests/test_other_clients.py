"""Clients that nobody here wrote take a key, connect and receive their events from ``simulate``."""

from __future__ import annotations

import os
import pathlib
import re
import subprocess
import sys

import pytest

from tests.other_clients.verdict import differences

ROOT = pathlib.Path(__file__).parent.parent

#: The script bounds itself at less than this, in seconds.
BOUND_S = 180

#: The script's exit code when there was no client to be had.
NOTHING_INSTALLED = 3

CLIENTS = ["python-binance", "binance-sdk-derivatives-trading-usds-futures", "binance-futures-connector"]

ORDER = {
    "symbol": "BTCUSDT",
    "clientOrderId": "mine",
    "orderId": 8886777,
    "side": "BUY",
    "type": "MARKET",
    "status": "FILLED",
    "origQty": "0.010",
    "executedQty": "0.010",
    "avgPrice": "30000.00",
}
TRADE = {
    "id": 698003,
    "qty": "0.010",
    "price": "30000.00",
    "commission": "0.15000000",
    "commissionAsset": "USDT",
    "realizedPnl": "0",
    "maker": False,
    "time": 1568879465651,
}
BALANCE = {"asset": "USDT", "balance": "9999.85", "crossWalletBalance": "9999.85"}
POSITION = {"symbol": "BTCUSDT", "positionSide": "BOTH", "positionAmt": "0.01", "entryPrice": "30000.0"}
ROWS = {"order": ORDER, "trade": TRADE, "balance": BALANCE, "position": POSITION}


@pytest.fixture(autouse=True)
def quiet_surroundings():
    """The machine's proxies and certificates stay: pip needs them, and the script keeps them from the rest."""


def events_of(**changes):
    """What a client shows of an order that filled at once, some words of the fill changed."""
    order = {"s": "BTCUSDT", "c": "mine", "i": 8886777, "S": "BUY", "o": "MARKET", "q": "0.010"}
    done = {"x": "TRADE", "X": "FILLED", "z": "0.010", "ap": "30000"}
    trade = {"t": 698003, "l": "0.010", "L": "30000", "n": "0.15", "N": "USDT", "rp": "0", "m": False}
    fill = {**order, **done, **trade, "T": 1568879465651, **changes}
    account = {
        "m": "ORDER",
        "B": [{"a": "USDT", "wb": "9999.85000000", "cw": "9999.85000000"}],
        "P": [{"s": "BTCUSDT", "ps": "BOTH", "pa": "0.010", "ep": "30000"}],
    }
    return [
        {"e": "ORDER_TRADE_UPDATE", "o": {**fill, "x": "NEW", "X": "NEW"}},
        {"e": "ORDER_TRADE_UPDATE", "o": fill},
        {"e": "ACCOUNT_UPDATE", "a": account},
    ]


def test_what_came_as_it_happened():
    """Numbers are compared as numbers, everything else as it is."""
    assert [] == differences(events_of(), **ROWS)


@pytest.mark.parametrize(
    "changes, difference",
    [
        ({"c": "theirs"}, "order: c came as 'theirs', REST says clientOrderId 'mine'"),
        ({"L": "30000.01"}, "trade: L came as '30000.01', REST says price '30000.00'"),
        ({"m": True}, "trade: m came as True, REST says maker False"),
    ],
)
def test_what_came_otherwise(changes, difference):
    """A value that differs is named, with both sides."""
    assert [difference] == differences(events_of(**changes), **ROWS)


def test_what_came_in_part():
    """A word, a position or an event that did not come is a difference, too."""
    lacking = events_of()
    del lacking[1]["o"]["t"]
    bare = events_of()
    bare[2]["a"]["P"] = []

    assert ["trade: no t came"] == differences(lacking, **ROWS)
    assert ["an account update of 1 balances and 0 positions"] == differences(bare, **ROWS)
    assert ["1 fills and 0 account updates came, one of each was due"] == differences(events_of()[:2], **ROWS)


@pytest.mark.slow
def test_other_clients_against_simulate():
    """The newest releases of three clients, only their hosts changed, receive the fill of an order as REST tells it."""
    script = subprocess.run(
        [sys.executable, "-m", "tests.other_clients"],
        check=False,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=BOUND_S,
    )
    if script.returncode == NOTHING_INSTALLED and os.environ.get("CI", "").lower() not in ("1", "true"):
        pytest.skip(f"no package index can be reached: {script.stdout.splitlines()[0]}")
    clients = [line.split()[0] for line in script.stdout.splitlines()]

    assert 0 == script.returncode, script.stdout + script.stderr
    assert CLIENTS == clients
    assert not re.search(r"[A-Za-z0-9]{40,}", script.stdout + script.stderr)
