"""
REST queries for what is: balances, positions, settings, the exchange itself.

With `rest_lag_ms` set, balances and positions are shown as they were.

Source: USDⓈ-M Futures > Account and Market Data REST pages; Wallet > Get API Key Permission.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any, Optional

from binance_uds.simulator import rows
from binance_uds.simulator.history import History
from binance_uds.simulator.ledger import MAINTENANCE_RATE, Ledger, unrealized_profit
from binance_uds.simulator.records import CENT, ZERO, Account, Position
from binance_uds.simulator.shapes import plain

#: What version 3 of ``positionRisk`` shows and version 2 does not.
_ONLY_V3 = (
    "marginAsset",
    "initialMargin",
    "maintMargin",
    "positionInitialMargin",
    "openOrderInitialMargin",
    "adl",
    "bidNotional",
    "askNotional",
)

#: Fields of ``account`` that are sums over its assets.
_TOTALS = {
    "totalInitialMargin": "initialMargin",
    "totalMaintMargin": "maintMargin",
    "totalWalletBalance": "walletBalance",
    "totalUnrealizedProfit": "unrealizedProfit",
    "totalMarginBalance": "marginBalance",
    "totalPositionInitialMargin": "positionInitialMargin",
    "totalOpenOrderInitialMargin": "openOrderInitialMargin",
    "totalCrossWalletBalance": "crossWalletBalance",
    "totalCrossUnPnl": "crossUnPnl",
    "availableBalance": "availableBalance",
    "maxWithdrawAmount": "maxWithdrawAmount",
}

_SHARED_POSITION_KEYS = ("symbol", "positionSide", "positionAmt", "notional", "isolatedWallet", "updateTime")
_MARGIN_KEYS = ("initialMargin", "maintMargin", "positionInitialMargin", "openOrderInitialMargin")


class Standing(History, Ledger):
    """Answers queries about what is; changes nothing."""

    def read_balance(self, account: Account) -> list[dict[str, Any]]:
        """Every asset the account ever held (``GET /fapi/v3/balance``)."""
        return [
            rows.balance_row(
                account.name,
                self._seen(balance),
                self._cross_profit(account, asset),
                self._available(account, asset),
            )
            for asset, balance in account.balances.items()
        ]

    def read_position_risk(self, account: Account, symbol: Optional[str] = None) -> list[dict[str, Any]]:
        """Symbols with a position or an open order, and no others (``GET /fapi/v3/positionRisk``)."""
        self._check_symbol(symbol)
        return [self._position_row(account, position) for position in self._shown_positions(account, symbol)]

    def read_position_risk_v2(self, account: Account, symbol: Optional[str] = None) -> list[dict[str, Any]]:
        """All symbols, flat ones too, with leverage and margin type (``GET /fapi/v2/positionRisk``)."""
        self._check_symbol(symbol)
        sides = ("BOTH", "LONG", "SHORT") if account.hedge_mode else ("BOTH",)
        answer = []
        for name in self.markets if symbol is None else [symbol]:
            settings = account.settings_of(name)
            for side in sides:
                row = self._position_row(account, self._seen(self._known_position(account, name, side)))
                for key in _ONLY_V3:
                    del row[key]
                row["leverage"] = str(settings.leverage)
                row["maxNotionalValue"] = "10000000"
                row["marginType"] = "isolated" if settings.margin_type == "ISOLATED" else "cross"
                row["isAutoAddMargin"] = "false"
                answer.append(row)
        return answer

    def read_account(self, account: Account) -> dict[str, Any]:
        """Totals, assets and positions at one stroke (``GET /fapi/v3/account``)."""
        positions = self.read_position_risk(account)
        return {
            **self._totals(account, positions),
            "positions": [
                {
                    **{key: row[key] for key in _SHARED_POSITION_KEYS},
                    "unrealizedProfit": row["unRealizedProfit"],
                    "isolatedMargin": row["isolatedMargin"],
                    "initialMargin": row["initialMargin"],
                    "maintMargin": row["maintMargin"],
                }
                for row in positions
            ],
        }

    def read_account_v2(self, account: Account) -> dict[str, Any]:
        """The older form, with modes, leverage and flat positions (``GET /fapi/v2/account``)."""
        return {
            **self.read_account_config(account),
            **self._totals(account, self.read_position_risk(account)),
            "positions": [
                {
                    **{key: row[key] for key in _SHARED_POSITION_KEYS},
                    "unrealizedProfit": row["unRealizedProfit"],
                    "entryPrice": row["entryPrice"],
                    "breakEvenPrice": row["breakEvenPrice"],
                    "leverage": row["leverage"],
                    "isolated": row["marginType"] == "isolated",
                }
                for row in self.read_position_risk_v2(account)
            ],
        }

    def read_position_mode(self, account: Account) -> dict[str, Any]:
        """Hedge mode or one-way (``GET /fapi/v1/positionSide/dual``)."""
        return {"dualSidePosition": account.hedge_mode}

    def read_multi_assets(self, account: Account) -> dict[str, Any]:
        """Multi-assets mode or not (``GET /fapi/v1/multiAssetsMargin``)."""
        return {"multiAssetsMargin": account.multi_assets}

    def read_symbol_config(self, account: Account, symbol: Optional[str] = None) -> list[dict[str, Any]]:
        """Leverage and margin type per symbol (``GET /fapi/v1/symbolConfig``)."""
        self._check_symbol(symbol)
        answer = []
        for name in self.markets if symbol is None else [symbol]:
            settings = account.settings_of(name)
            answer.append(
                {
                    "symbol": name,
                    "marginType": settings.margin_type,
                    "isAutoAddMargin": "false",
                    "leverage": settings.leverage,
                    "maxNotionalValue": "10000000",
                }
            )
        return answer

    def read_permissions(self, account: Account) -> dict[str, Any]:
        """What the API key may do (``GET /sapi/v1/account/apiRestrictions``)."""
        permissions = account.permissions
        return {
            "ipRestrict": permissions.bound_to_addresses,
            "createTime": 0,
            "enableReading": permissions.reads,
            "enableWithdrawals": permissions.withdraws,
            "enableInternalTransfer": permissions.transfers,
            "enableMargin": False,
            "enableFutures": permissions.trades_futures,
            "permitsUniversalTransfer": permissions.transfers,
            "enableVanillaOptions": False,
            "enableFixApiTrade": False,
            "enableFixReadOnly": False,
            "enableSpotAndMarginTrading": False,
            "enablePortfolioMarginTrading": False,
        }

    def read_account_config(self, account: Account) -> dict[str, Any]:
        """Modes and permissions (``GET /fapi/v1/accountConfig``)."""
        return {
            "feeTier": 0,
            "canTrade": True,
            "canDeposit": True,
            "canWithdraw": True,
            "dualSidePosition": account.hedge_mode,
            "updateTime": 0,
            "multiAssetsMargin": account.multi_assets,
            "tradeGroupId": -1,
        }

    def read_exchange_info(self) -> dict[str, Any]:
        """Symbols, filters and limits (``GET /fapi/v1/exchangeInfo``)."""
        assets = sorted({market.symbol.margin_asset for market in self.markets.values()})
        return {
            "timezone": "UTC",
            "serverTime": self.now_ms,
            "futuresType": "U_MARGINED",
            "rateLimits": [
                {"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": 2400},
                {"rateLimitType": "ORDERS", "interval": "MINUTE", "intervalNum": 1, "limit": 1200},
                {"rateLimitType": "ORDERS", "interval": "SECOND", "intervalNum": 10, "limit": 300},
            ],
            "exchangeFilters": [],
            "assets": [{"asset": asset, "marginAvailable": True, "autoAssetExchange": "-10000"} for asset in assets],
            "symbols": [rows.symbol_row(market.symbol) for market in self.markets.values()],
        }

    def _shown_positions(self, account: Account, symbol: Optional[str]) -> list[Position]:
        """Positions that are open, and flat ones an open order points at."""
        pointed_at = {(order.symbol, order.position_side) for order in self._seen_open(account, symbol)}
        shown = []
        for key in sorted(account.positions.keys() | pointed_at):
            position = self._seen(self._known_position(account, *key))
            if symbol in {None, position.symbol} and (position.amount or key in pointed_at):
                shown.append(position)
        return shown

    def _known_position(self, account: Account, symbol: str, side: str) -> Position:
        """A position, or a flat one that is not kept."""
        known = account.positions.get((symbol, side))
        return known or Position(symbol, side, self.markets[symbol].symbol.margin_asset)

    def _position_row(self, account: Account, position: Position) -> dict[str, Any]:
        price = self.markets[position.symbol].price
        leverage = account.settings_of(position.symbol).leverage
        notional = abs(position.amount) * price
        bids = account.open_notional.get((position.symbol, "BUY"), ZERO)
        asks = account.open_notional.get((position.symbol, "SELL"), ZERO)
        return rows.position_row(
            position,
            price,
            unrealized_profit(position, price),
            (notional / leverage).quantize(CENT),
            ((bids + asks) / leverage).quantize(CENT),
            (notional * MAINTENANCE_RATE).quantize(CENT),
            bids,
            asks,
        )

    def _cross_profit(self, account: Account, asset: str) -> Decimal:
        """Unrealised profit of the cross positions of an asset."""
        return sum(
            (
                unrealized_profit(position, self.markets[position.symbol].price)
                for position in account.positions.values()
                if position.margin_asset == asset and account.settings_of(position.symbol).margin_type == "CROSSED"
            ),
            ZERO,
        )

    def _totals(self, account: Account, positions: list[dict[str, Any]]) -> dict[str, Any]:
        assets = [
            self._asset_row(account, asset, [row for row in positions if row["marginAsset"] == asset])
            for asset in account.balances
        ]
        return {**{total: _sum(assets, key) for total, key in _TOTALS.items()}, "assets": assets}

    def _asset_row(self, account: Account, asset: str, positions: list[dict[str, Any]]) -> dict[str, Any]:
        balance = self._seen(account.balances[asset])
        profit = _sum(positions, "unRealizedProfit")
        available = plain(self._available(account, asset))
        return {
            "asset": asset,
            "walletBalance": plain(balance.wallet),
            "unrealizedProfit": profit,
            "marginBalance": plain(balance.wallet + Decimal(profit)),
            **{key: _sum(positions, key) for key in _MARGIN_KEYS},
            "crossWalletBalance": plain(balance.cross),
            "crossUnPnl": plain(self._cross_profit(account, asset)),
            "availableBalance": available,
            "maxWithdrawAmount": available,
            "updateTime": balance.updated_ms,
        }


def _sum(table: Iterable[Mapping[str, Any]], key: str) -> str:
    """The total of a column of decimal strings."""
    return plain(sum((Decimal(row[key]) for row in table), ZERO))
