from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from binance_uds.simulator.exchange import SYMBOLS, Account, Exchange, KeyPermissions, Refused

START_MS = 1_700_000_000_000


@pytest.fixture(name="exchange")
def fixture_exchange() -> Exchange:
    """An exchange at its opening prices."""
    return Exchange(START_MS)


@pytest.fixture(name="account")
def fixture_account(exchange: Exchange) -> Account:
    """A hedge-mode account, long one BTC from 30,000, with a bid on ADA; BTC is at 31,000."""
    account = exchange.open_account("alice", balances={"USDT": "10000", "BNB": "1"}, hedge_mode=True)
    exchange.place_order(account, symbol="BTCUSDT", side="BUY", type="MARKET", quantity="1", position_side="LONG")
    exchange.place_order(
        account,
        symbol="ADAUSDT",
        side="BUY",
        type="LIMIT",
        quantity="1000",
        price="0.3",
        position_side="LONG",
    )
    exchange.set_price("BTCUSDT", "31000")
    return account


def pick(row: dict[str, Any], *keys: str) -> list[Decimal]:
    """Some figures of a row."""
    return [Decimal(row[key]) for key in keys]


def test_positions_are_those_open_or_ordered(exchange: Exchange, account: Account) -> None:
    """Version 3 shows symbols with a position or an open order and no others."""
    rows = exchange.read_position_risk(account)

    assert [("ADAUSDT", "LONG"), ("BTCUSDT", "LONG")] == [(row["symbol"], row["positionSide"]) for row in rows]
    assert [] == exchange.read_position_risk(account, "ETHUSDT")
    assert [1, 30000, 31000, 1000, 31000, 1550] == pick(
        rows[1],
        "positionAmt",
        "entryPrice",
        "markPrice",
        "unRealizedProfit",
        "notional",
        "positionInitialMargin",
    )
    assert [0, 15, 300, 0] == pick(rows[0], "positionAmt", "openOrderInitialMargin", "bidNotional", "askNotional")


def test_the_older_form_shows_flat_positions_and_settings(exchange: Exchange, account: Account) -> None:
    """Version 2 shows every symbol and side, with leverage and margin type."""
    exchange.change_leverage(account, "ETHUSDT", 50)
    exchange.change_margin_type(account, "ETHUSDT", "ISOLATED")
    rows = exchange.read_position_risk_v2(account, "ETHUSDT")

    assert 3 * len(SYMBOLS) == len(exchange.read_position_risk_v2(account))
    assert ["BOTH", "LONG", "SHORT"] == [row["positionSide"] for row in rows]
    assert {("50", "isolated", "0")} == {(row["leverage"], row["marginType"], row["positionAmt"]) for row in rows}


def test_balances_count_profit_and_margin(exchange: Exchange, account: Account) -> None:
    """What is available is wallet and profit, less the margin of position and order."""
    usdt, bnb = exchange.read_balance(account)

    assert [9985, 9985, 1000, 9985 + 1000 - 1550 - 15] == pick(
        usdt, "balance", "crossWalletBalance", "crossUnPnl", "availableBalance"
    )
    assert ["BNB", Decimal(1)] == [bnb["asset"], *pick(bnb, "balance")]


def test_the_account_sums_its_assets(exchange: Exchange, account: Account) -> None:
    """Totals are the sums over the assets, in both forms."""
    for answer in (exchange.read_account(account), exchange.read_account_v2(account)):
        assert [9986, 1000, 1565] == pick(answer, "totalWalletBalance", "totalUnrealizedProfit", "totalInitialMargin")
        assert ["USDT", "BNB"] == [row["asset"] for row in answer["assets"]]
    assert 2 == len(exchange.read_account(account)["positions"])
    assert 3 * len(SYMBOLS) == len(exchange.read_account_v2(account)["positions"])


def test_settings_and_modes(exchange: Exchange, account: Account) -> None:
    """What REST alone tells about an account: leverage, margin type, position mode, multi-assets mode."""
    exchange.change_leverage(account, "BTCUSDT", 7)
    config = exchange.read_symbol_config(account, "BTCUSDT")

    assert [("BTCUSDT", 7, "CROSSED")] == [(row["symbol"], row["leverage"], row["marginType"]) for row in config]
    assert len(SYMBOLS) == len(exchange.read_symbol_config(account))
    assert {"dualSidePosition": True} == exchange.read_position_mode(account)
    assert {"multiAssetsMargin": False} == exchange.read_multi_assets(account)
    assert exchange.read_account_config(account)["dualSidePosition"]


def test_the_exchange_describes_itself(exchange: Exchange) -> None:
    """Symbols, one of them beyond ASCII, with the filters a client rounds by."""
    info = exchange.read_exchange_info()
    bitcoin = info["symbols"][0]
    filters = {entry["filterType"]: entry for entry in bitcoin["filters"]}

    assert [symbol.name for symbol in SYMBOLS] == [row["symbol"] for row in info["symbols"]]
    assert any(not row["symbol"].isascii() for row in info["symbols"])
    assert ("BTC", "USDT", 2, 3) == (
        bitcoin["baseAsset"],
        bitcoin["quoteAsset"],
        bitcoin["pricePrecision"],
        bitcoin["quantityPrecision"],
    )
    assert ("0.10", "0.001") == (filters["PRICE_FILTER"]["tickSize"], filters["LOT_SIZE"]["stepSize"])


def test_an_unknown_symbol_is_refused(exchange: Exchange, account: Account) -> None:
    """Queries name no symbol or one that exists."""
    for query in (
        exchange.read_position_risk,
        exchange.read_position_risk_v2,
        exchange.read_symbol_config,
        exchange.read_open_orders,
    ):
        with pytest.raises(Refused) as refusal:
            query(account, "NOPE")
        assert -1121 == refusal.value.code


def test_permissions_are_answered_under_the_wallets_names(exchange: Exchange, account: Account) -> None:
    """What the customer set for the API key, with every name of the documentation's sample."""
    exchange.permit(account, KeyPermissions(withdraws=True, bound_to_addresses=False))
    answer = exchange.read_permissions(account)

    assert {
        *("ipRestrict", "createTime", "enableReading", "enableWithdrawals", "enableInternalTransfer", "enableMargin"),
        *("enableFutures", "permitsUniversalTransfer", "enableVanillaOptions", "enableFixApiTrade"),
        *("enableFixReadOnly", "enableSpotAndMarginTrading", "enablePortfolioMarginTrading"),
    } == answer.keys()
    assert {"enableReading", "enableFutures", "enableWithdrawals"} == {key for key, value in answer.items() if value}
