"""Several streams of a process behind one address: what they read together, over real sockets."""

from __future__ import annotations

import pytest

import binance_uds as uds
from binance_uds.protocol import budget

#: The exchange's minute, in these tests; what all may read in it, and how many read at once.
MINUTE_S, MOST, STREAMS = 0.5, 140, 3

WEIGHTS = {endpoint.path: endpoint for endpoint in uds.USDM.reads}


@pytest.fixture
def short_minutes(monkeypatch):
    """Half a second counts as a minute."""
    monkeypatch.setattr(budget, "WINDOW_S", MINUTE_S)


def trade_unheard(model, account):
    """Let the listen key expire and a trade follow at once, before the client can have another."""
    model.expire_key(account)
    model.place_order(account, symbol="BTCUSDT", side="BUY", type="MARKET", quantity="0.01")


def test_streams_that_repair_at_once_share_the_weight(exchange, make_stream, tools, short_minutes):
    """Three accounts lose their keys at once: together they read within the bound, and each gap is repaired."""
    accounts = [exchange.account, *(exchange.add_account(f"account {number}") for number in range(1, STREAMS))]
    streams = [
        make_stream(api_key=each.api_key, api_secret=each.api_secret, weight_most=MOST, settle=0.1) for each in accounts
    ]
    ears = [tools.Ears(stream) for stream in streams]
    for stream in streams:
        stream.start()
    # Each start checks the secret by a signed call of its own, whatever the budget.
    before = len(exchange.requests)
    for each in accounts:
        each.do(trade_unheard)
    closed = [each.wait_for(uds.GapClosed) for each in ears]
    read = [
        (at / 1000, WEIGHTS[path].weight_without_symbol or WEIGHTS[path].weight)
        for at, method, path in exchange.requests[before:]
        if method == "GET" and path in WEIGHTS
    ]
    in_a_minute = [sum(weight for at, weight in read if start <= at < start + MINUTE_S - 0.1) for start, _ in read]

    assert [(0.0, 1)] * STREAMS == [(0.0, gap.recovered) for gap in closed]
    assert MOST >= max(in_a_minute)
    assert MOST / 2 < max(in_a_minute)
