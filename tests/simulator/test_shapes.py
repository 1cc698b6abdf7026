from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from binance_uds.simulator.exchange import Account, Exchange
from binance_uds.simulator.records import Position
from binance_uds.simulator.shapes import margin_call, plain, trimmed

START_MS = 1_700_000_000_000
SAMPLES = Path(__file__).parents[1] / "payloads" / "usdm"

#: Keys the documentation calls optional, by the object they stand in.
OPTIONAL = {
    "ORDER_TRADE_UPDATE.o": {"N", "n", "AP", "cr", "M", "st"},
    "ACCOUNT_UPDATE.a": {"S"},
    "MARGIN_CALL": {"cw"},
    "ACCOUNT_CONFIG_UPDATE": {"ac", "ai"},
    "ALGO_UPDATE.o": {"ap", "aq", "act", "rm", "ia"},
}

EVENTS = [
    "ACCOUNT_CONFIG_UPDATE",
    "ACCOUNT_UPDATE",
    "ALGO_UPDATE",
    "CONDITIONAL_ORDER_TRIGGER_REJECT",
    "GRID_UPDATE",
    "MARGIN_CALL",
    "ORDER_TRADE_UPDATE",
    "STRATEGY_UPDATE",
    "TRADE_LITE",
    "listenKeyExpired",
]


def differences(sample: Any, produced: Any, path: str) -> list[str]:
    """Where a produced value departs from a sample in keys or JSON types."""
    if isinstance(sample, dict) and isinstance(produced, dict):
        optional = OPTIONAL.get(path, set())
        found = [f"{path}: no {key}" for key in sample.keys() - produced.keys() - optional]
        found += [f"{path}: unknown {key}" for key in produced.keys() - sample.keys() - optional]
        for key in sample.keys() & produced.keys():
            found += differences(sample[key], produced[key], f"{path}.{key}")
        return found
    if isinstance(sample, list) and isinstance(produced, list):
        return [text for entry in produced for text in differences(sample[0], entry, path + "[]")]
    return [] if type(sample) is type(produced) else [f"{path}: {produced!r} is no {type(sample).__name__}"]


def merged(first: Any, second: Any) -> Any:
    """Two samples as one that has the keys of both."""
    if isinstance(first, dict) and isinstance(second, dict):
        both = {**second, **first}
        return {key: merged(first[key], second[key]) if key in first and key in second else both[key] for key in both}
    return first or second


def sample_of(event: str) -> Any:
    """The sample of an event, with what its variants have beyond it."""
    sample = json.loads((SAMPLES / f"{event}.json").read_text("utf-8"))
    for path in sorted((SAMPLES / "variants").glob(f"{event}.*.json")):
        if "string_E" not in path.name:
            sample = merged(sample, json.loads(path.read_text("utf-8")))
    return sample


def eventful_day() -> list[dict[str, Any]]:
    """Everything the model can push, at least once."""
    exchange = Exchange(START_MS)
    one_way = exchange.open_account("one way", balances={"USDT": "100000"})
    hedged = exchange.open_account("hedged", balances={"USDT": "100000"}, hedge_mode=True)
    exchange.obtain_key(one_way)
    trade(exchange, one_way)
    trade_conditionally(exchange, one_way)
    exchange.change_margin_type(hedged, "ETHUSDT", "ISOLATED")
    for symbol in ("BTCUSDT", "ETHUSDT"):
        for side, position_side in (("BUY", "LONG"), ("SELL", "SHORT")):
            exchange.place_order(
                hedged, symbol=symbol, side=side, type="MARKET", quantity="1", position_side=position_side
            )
    exchange.margin_call(hedged)
    exchange.advance(START_MS + 9 * 3_600_000)
    exchange.liquidate(hedged, "BTCUSDT", "LONG")
    exchange.liquidate(hedged, "BTCUSDT", "SHORT", "ADL")
    exchange.transfer(one_way, "BNB", "0.01")
    exchange.transfer(one_way, "USDT", "-5")
    exchange.transfer(one_way, "USDT", "0.002", "ADMIN_DEPOSIT")
    exchange.change_leverage(one_way, "BTCUSDT", 25)
    exchange.change_multi_assets(one_way, True)
    exchange.push_strategy_update(one_way, "BTCUSDT", 176054594)
    exchange.push_grid_update(one_way, "BTCUSDT", 176057039, realized="-0.003")
    exchange.push_conditional_reject(one_way, "ETHUSDT", 155618472834, "rejected")
    return [push.payload for push in exchange.take_pushes()]


def trade(exchange: Exchange, account: Account) -> None:
    """Every way an order can live and die."""

    def place(side: str, price: str, **options: Any) -> Any:
        return exchange.place_order(
            account, symbol="BTCUSDT", side=side, type="LIMIT", quantity="0.01", price=price, **options
        )

    exchange.place_order(account, symbol="BTCUSDT", side="BUY", type="MARKET", quantity="0.1", liquidity="0.05")
    place("BUY", "30000", time_in_force="IOC", liquidity="0.004")
    resting = place("BUY", "29000", client_order_id="resting")
    exchange.amend_order(
        account,
        symbol="BTCUSDT",
        side="BUY",
        quantity="0.02",
        price="29100",
        client_order_id="resting",
        modify_id="7",
    )
    exchange.set_price("BTCUSDT", "29050", liquidity="0.005")
    exchange.cancel_order(account, symbol="BTCUSDT", order_id=resting["orderId"])
    place("SELL", "30500")
    place("BUY", "30600", self_trade_prevention="EXPIRE_BOTH")
    place("BUY", "20000", time_in_force="GTD", good_till_date_ms=START_MS + 3_600_000)


def trade_conditionally(exchange: Exchange, account: Account) -> None:
    """Every way a conditional order can live and die."""
    common: dict[str, Any] = {"account": account, "symbol": "ETHUSDT", "side": "SELL"}
    exchange.place_algo_order(**common, type="STOP_MARKET", trigger_price="1900", quantity="0.1", client_algo_id="stop")
    exchange.place_algo_order(**common, type="STOP_MARKET", trigger_price="1910", quantity="0.1", reduce_only=True)
    exchange.place_algo_order(**common, type="STOP_MARKET", trigger_price="1920", close_position=True)
    exchange.place_algo_order(**common, type="TAKE_PROFIT", trigger_price="2100", price="2090", quantity="0.1")
    exchange.place_algo_order(
        **common, type="TRAILING_STOP_MARKET", callback_rate="1", activation_price="2010", quantity="0.1"
    )
    canceled = exchange.place_algo_order(**common, type="STOP_MARKET", trigger_price="1000", quantity="0.1")
    exchange.cancel_algo_order(account, algo_id=canceled["algoId"])
    for price in ("2020", "1990", "1900"):
        exchange.set_price("ETHUSDT", price)


@pytest.mark.parametrize("event", EVENTS)
def test_every_push_has_the_keys_and_types_of_its_sample(event: str) -> None:
    """What goes over the wire is what Binance would send, key by key."""
    sample = sample_of(event)
    pushed = [payload for payload in eventful_day() if payload["e"] == event]
    found = {text for payload in pushed for text in differences(sample, payload, event)}

    assert [] != pushed
    assert set() == found


def test_the_day_has_every_variant() -> None:
    """Executions, statuses, expiry reasons and account reasons all occur."""
    day = eventful_day()
    orders = [payload["o"] for payload in day if payload["e"] == "ORDER_TRADE_UPDATE"]
    algos = [payload["o"]["X"] for payload in day if payload["e"] == "ALGO_UPDATE"]
    reasons = {payload["a"]["m"] for payload in day if payload["e"] == "ACCOUNT_UPDATE"}

    assert {"NEW", "TRADE", "CANCELED", "EXPIRED", "AMENDMENT", "CALCULATED"} == {order["x"] for order in orders}
    assert {"NEW", "PARTIALLY_FILLED", "FILLED", "CANCELED", "EXPIRED", "EXPIRED_IN_MATCH"} == {
        order["X"] for order in orders
    }
    assert {"0", "1", "2", "9"} == {order["er"] for order in orders}
    assert {"NEW", "CANCELED", "TRIGGERING", "TRIGGERED", "FINISHED", "REJECTED", "EXPIRED"} == set(algos)
    assert {"ORDER", "FUNDING_FEE", "DEPOSIT", "WITHDRAW", "ADMIN_DEPOSIT", "MARGIN_TYPE_CHANGE"} == reasons


def test_key_order_is_the_live_one() -> None:
    """The transaction time comes before the event time, but for TRADE_LITE."""
    heads = {(payload["e"], tuple(payload)[:3]) for payload in eventful_day()}

    assert ("ORDER_TRADE_UPDATE", ("e", "T", "E")) in heads
    assert ("ACCOUNT_UPDATE", ("e", "T", "E")) in heads
    assert ("TRADE_LITE", ("e", "E", "T")) in heads
    assert ("MARGIN_CALL", ("e", "E", "cw")) in heads


def test_an_event_is_sent_shortly_after_its_transaction() -> None:
    """Event times lag transaction times by a constant, and both are whole milliseconds."""
    lags = {payload["E"] - payload["T"] for payload in eventful_day() if "T" in payload}

    assert {2} == lags


def test_a_margin_call_without_cross_position_has_no_cross_wallet() -> None:
    """``cw`` is left out when only isolated positions are concerned."""
    position = Position("ETHUSDT", "SHORT", "USDT", amount=Decimal("-2"), isolated_wallet=Decimal("12.5"))
    entry = (position, "ISOLATED", Decimal("2600"), Decimal("-80"), Decimal("1.6"))
    payload = margin_call(START_MS, None, [entry])

    assert ["e", "E", "p"] == list(payload)
    assert "ISOLATED" == payload["p"][0]["mt"]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("0", "0"),
        ("0E-8", "0"),
        ("-0.00", "0"),
        ("1E+3", "1000"),
        ("0.00000001", "0.00000001"),
        ("9910.00", "9910.00"),
    ],
)
def test_decimals_are_written_without_exponent(value: str, text: str) -> None:
    """Numbers on the stream are plain, and every zero looks the same."""

    assert text == plain(Decimal(value))


@pytest.mark.parametrize(("value", "text"), [("0.0", "0"), ("30000.00000000", "30000"), ("0.123456789", "0.12345679")])
def test_averages_are_written_with_as_few_decimals_as_they_need(value: str, text: str) -> None:
    """Average prices have up to eight decimals and no zeros behind them."""

    assert text == trimmed(Decimal(value))
