from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from binance_uds.simulator.exchange import Exchange
from binance_uds.simulator.rows import decimals, like_a_double

START_MS = 1_700_000_000_000
SAMPLES = Path(__file__).parents[1] / "payloads_rest" / "usdm"


def sample(name: str) -> Any:
    """The last row of a sample file, which is its fullest; the only one where one is answered."""
    answer = json.loads((SAMPLES / f"{name}.json").read_text("utf-8"))
    return answer[-1] if isinstance(answer, list) else answer


def types(row: dict[str, Any]) -> dict[str, type]:
    """Keys and JSON types of a row."""
    return {key: type(value) for key, value in row.items()}


def answers() -> dict[str, list[dict[str, Any]]]:
    """What each query answers on an account that has something of everything."""
    exchange = Exchange(START_MS)
    account = exchange.open_account("alice", hedge_mode=True)
    order: dict[str, Any] = {"symbol": "BTCUSDT", "quantity": "0.1"}
    exchange.place_order(account, **order, side="BUY", type="MARKET", position_side="LONG")
    exchange.place_order(account, **order, side="SELL", type="MARKET", position_side="SHORT")
    exchange.place_order(account, **order, side="BUY", type="LIMIT", price="29000", position_side="LONG")
    exchange.place_algo_order(
        account, **order, side="SELL", type="STOP_MARKET", trigger_price="25000", position_side="LONG"
    )
    exchange.transfer(account, "USDT", "-1")
    return {
        "GET_allOrders": exchange.read_all_orders(account),
        "GET_income": exchange.read_income(account),
        "GET_openAlgoOrders": exchange.read_open_algo_orders(account),
        "GET_openOrders": exchange.read_open_orders(account),
        "GET_userTrades": exchange.read_user_trades(account, "BTCUSDT"),
        "GET_v3_balance": exchange.read_balance(account),
        "GET_v3_positionRisk": exchange.read_position_risk(account),
        "GET_symbolConfig": exchange.read_symbol_config(account),
        "GET_accountConfig": [exchange.read_account_config(account)],
    }


@pytest.mark.parametrize("name", sorted(answers()))
def test_every_row_has_the_keys_and_types_of_its_sample(name: str) -> None:
    """REST answers what Binance would answer, key by key."""
    rows = answers()[name]

    assert [] != rows
    for row in rows:
        assert types(sample(name)) == types(row)


def test_a_reply_to_a_new_order_lacks_what_binance_dropped() -> None:
    """Since July 2026 the reply to a trade request has neither average price nor turnover."""
    exchange = Exchange(START_MS)
    account = exchange.open_account("alice")
    reply = exchange.place_order(account, symbol="BTCUSDT", side="BUY", type="MARKET", quantity="0.1")

    assert set() == {"avgPrice", "cumQuote", "time"} & reply.keys()
    assert ("NEW", "0.100", "0") == (reply["status"], reply["origQty"], reply["cumQty"])


@pytest.mark.parametrize(
    ("value", "text"),
    [("0", "0.0"), ("0.0007", "7.0E-4"), ("0.00012", "1.2E-4"), ("0.01", "0.01"), ("750.000", "750.0")],
)
def test_algo_rows_print_numbers_like_java(value: str, text: str) -> None:
    """Conditional orders alone are answered with the scientific notation clients trip over."""

    assert text == like_a_double(Decimal(value))


@pytest.mark.parametrize(("step", "count"), [("0.001", 3), ("1", 0), ("0.10", 2), ("1E+2", 0)])
def test_precision_follows_the_step(step: str, count: int) -> None:
    """A symbol's precision is the number of decimals of its step."""

    assert count == decimals(Decimal(step))
