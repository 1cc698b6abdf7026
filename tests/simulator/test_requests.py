from __future__ import annotations

from typing import Any

import pytest

from binance_uds.simulator.exchange import Exchange, Refused

START_MS = 1_700_000_000_000

LIMIT: dict[str, Any] = {
    "symbol": "BTCUSDT",
    "side": "BUY",
    "type": "LIMIT",
    "quantity": "1",
    "price": "29000",
}
MARKET: dict[str, Any] = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "1"}


@pytest.mark.parametrize(
    ("order", "code"),
    [
        ({**LIMIT, "symbol": "NOPE"}, -1121),
        ({**LIMIT, "side": "HOLD"}, -1117),
        ({**LIMIT, "type": "LIMIT_MAKER"}, -1116),
        ({**LIMIT, "type": "STOP"}, -4120),
        ({**LIMIT, "time_in_force": "DAY"}, -1115),
        ({**LIMIT, "quantity": None}, -1102),
        ({**LIMIT, "quantity": "many"}, -1102),
        ({**LIMIT, "quantity": "NaN"}, -1102),
        ({**LIMIT, "quantity": "1e30"}, -1102),
        ({**LIMIT, "quantity": "-1"}, -4003),
        ({**LIMIT, "quantity": "0.0001"}, -1111),
        ({**LIMIT, "price": None}, -1102),
        ({**LIMIT, "price": "0"}, -4013),
        ({**LIMIT, "price": "29000.01"}, -4014),
        ({**LIMIT, "stop_price": "29000"}, -1106),
        ({**LIMIT, "client_order_id": "ä"}, -4015),
        ({**LIMIT, "client_order_id": "x" * 37}, -4015),
        ({**LIMIT, "position_side": "LONG"}, -4061),
        ({**LIMIT, "self_trade_prevention": "MAYBE"}, -5039),
        ({**LIMIT, "price_match": "QUEUE"}, -1106),
        ({**LIMIT, "price": None, "price_match": "OPPONENT_20"}, -5037),
        ({**LIMIT, "time_in_force": "GTD"}, -5040),
        ({**LIMIT, "time_in_force": "GTD", "good_till_date_ms": START_MS + 600_000}, -5040),
        ({**LIMIT, "good_till_date_ms": START_MS + 700_000}, -1106),
        ({**MARKET, "price": "29000"}, -1106),
        ({**MARKET, "price_match": "QUEUE"}, -5038),
    ],
)
def test_a_senseless_order_is_refused_and_leaves_no_trace(order: dict[str, Any], code: int) -> None:
    """Every wrong parameter has Binance's code, and neither stream nor history knows of the attempt."""
    exchange = Exchange(START_MS)
    account = exchange.open_account("alice", balances={"USDT": "100000"})

    with pytest.raises(Refused) as refusal:
        exchange.place_order(account, **order)
    assert (400, code) == (refusal.value.status, refusal.value.code)
    assert ([], {}) == (exchange.take_pushes(), account.orders)


@pytest.mark.parametrize("order", [LIMIT, MARKET, {**LIMIT, "quantity": 1, "client_order_id": "x-._/:9"}])
def test_a_sensible_order_is_written_with_its_decimals(order: dict[str, Any]) -> None:
    """However a number was sent, it is answered with the decimals of its symbol."""
    exchange = Exchange(START_MS)
    account = exchange.open_account("alice", balances={"USDT": "100000"})
    reply = exchange.place_order(account, **order)

    assert ("1.000", "29000.00" if "price" in order else "0") == (reply["origQty"], reply["price"])


def test_hedge_mode_has_no_reduce_only() -> None:
    """In hedge mode the sides say what closes, and the flag is refused."""
    exchange = Exchange(START_MS)
    account = exchange.open_account("alice", hedge_mode=True)

    with pytest.raises(Refused) as refusal:
        exchange.place_order(account, **MARKET, position_side="LONG", reduce_only=True)
    assert -1106 == refusal.value.code


def test_a_price_needs_a_tick() -> None:
    """The market itself stands on its grid, too."""
    exchange = Exchange(START_MS)

    with pytest.raises(Refused):
        exchange.set_price("BTCUSDT", "29000.01")
    with pytest.raises(Refused):
        exchange.set_liquidity("BTCUSDT", largest_trade="0")


def test_an_offer_is_what_can_be_traded_of_it() -> None:
    """Liquidity beyond the quantity step is rounded down, to nothing if need be."""
    exchange = Exchange(START_MS)
    account = exchange.open_account("alice", balances={"USDT": "100000"})
    for offered in ("0.5005", "0.0009", "0"):
        exchange.place_order(account, **MARKET, liquidity=offered)

    assert ["0.500"] == [str(fill.quantity) for fill in account.fills]
