"""
The exchange as a pure model: accounts trade, keys live and die, funding is charged, in a time told from
outside.

It reads no clock and holds no thread. Time is an argument of `advance`, prices are told by `set_price`, and
what would go out on the accounts' streams is fetched with `take_pushes`. Who receives it is for the caller
to decide: a socket attached with the account's valid key at that moment; of an expiry, whoever holds the
key it is about.

    exchange = Exchange(start_ms=1_700_000_000_000)
    alice = exchange.open_account("alice")
    key = exchange.obtain_key(alice)
    exchange.place_order(alice, symbol="BTCUSDT", side="BUY", type="MARKET", quantity="0.01")
    for push in exchange.take_pushes():
        print(push.payload)

Other accounts are no counterparts: everybody trades with a market of endless depth at one price, or of the
depth `set_liquidity` gives it. Nobody is liquidated unless `liquidate` says so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Optional

from binance_uds.simulator import shapes
from binance_uds.simulator.conditional import Conditional
from binance_uds.simulator.floor import Amount, number
from binance_uds.simulator.keys import Keys
from binance_uds.simulator.ledger import MAINTENANCE_RATE, unrealized_profit
from binance_uds.simulator.records import (
    CENT,
    SYMBOLS,
    ZERO,
    Account,
    Balance,
    Fill,
    KeyPermissions,
    Push,
    Symbol,
)
from binance_uds.simulator.refusals import Refused, refused
from binance_uds.simulator.standing import Standing

__all__ = ["SYMBOLS", "Account", "Exchange", "Fill", "KeyPermissions", "Push", "Refused", "Symbol"]

HIGHEST_LEVERAGE = 125


class Exchange(Conditional, Standing, Keys):
    """
    A futures exchange for tests, all of it in one thread and in one time.

    Attributes:
        now_ms: The exchange's clock, milliseconds since the Unix epoch.
        accounts: By name.
        markets: By symbol: price, depth, resting orders.
        rest_lag_ms: REST answers show the accounts as they were so long ago; 0 shows them as they are.
        expiry_notices: `listenKeyExpired` pushes when a key runs out by itself: 0, 1 or 2.
    """

    def __init__(
        self,
        start_ms: int,
        *,
        salt: str = "",
        symbols: Sequence[Symbol] = SYMBOLS,
        key_life_ms: int = 3_600_000,
        funding_interval_ms: int = 8 * 3_600_000,
        funding_rate: Decimal = Decimal("0.0001"),
        maker_fee: Decimal = Decimal("0.0002"),
        taker_fee: Decimal = Decimal("0.0005"),
    ) -> None:
        """
        Open for business.

        Args:
            start_ms: The time.
            salt: Keys of exchanges with different salts differ.
            symbols: What is traded.
            key_life_ms: Of a listen key after its last renewal.
            funding_interval_ms: Funding is charged at the multiples of it.
            funding_rate: Of the notional; longs pay a positive rate, shorts receive it.
            maker_fee: Of the notional, where the symbol has none of its own.
            taker_fee: The same for takers.
        """
        super().__init__(start_ms, salt, symbols, key_life_ms)
        self.funding_rate = funding_rate
        self.maker_fee = maker_fee
        self.taker_fee = taker_fee
        self._funding_interval_ms = funding_interval_ms
        self._next_funding_ms = (start_ms // funding_interval_ms + 1) * funding_interval_ms

    def open_account(
        self,
        name: str,
        *,
        balances: Optional[Mapping[str, Amount]] = None,
        hedge_mode: bool = False,
        multi_assets: bool = False,
    ) -> Account:
        """
        Take on a customer.

        Args:
            name: Not taken yet.
            balances: By asset; 10,000 USDT when absent.
            hedge_mode: Keep LONG and SHORT positions apart.
            multi_assets: Multi-assets mode.

        Raises:
            ValueError: The name is taken.
        """
        if name in self.accounts:
            raise ValueError(f"there is an account {name!r} already")
        account = Account(
            name,
            self._token("api key", name),
            self._token("api secret", name),
            hedge_mode,
            multi_assets,
        )
        for asset, amount in ({"USDT": "10000"} if balances is None else balances).items():
            wallet = number(amount, asset).quantize(CENT)
            account.balances[asset] = Balance(asset, wallet, updated_ms=self.now_ms)
        self.accounts[name] = account
        return account

    def advance(self, now_ms: int) -> None:
        """
        Let time pass; what falls due on the way happens at its own moment.

        Keys run out, orders reach the end of their good-till date, funding is charged.

        Args:
            now_ms: Not before the present; an earlier time changes nothing.
        """
        while True:
            due_ms = self.next_due_ms()
            if due_ms > now_ms:
                break
            self.now_ms = max(self.now_ms, due_ms)
            self._expire_keys()
            self._end_overdue()
            if self.now_ms >= self._next_funding_ms:
                self._next_funding_ms += self._funding_interval_ms
                self._charge_funding()
        self.now_ms = max(self.now_ms, now_ms)

    def next_due_ms(self) -> int:
        """When `advance` would next do something on its own; there always is a next funding."""
        due_ms = self._next_funding_ms
        expiry_ms = self._next_expiry_ms()
        if expiry_ms is not None:
            due_ms = min(due_ms, expiry_ms)
        return min(due_ms, self._deadlines[0][0]) if self._deadlines else due_ms

    def permit(self, account: Account, permissions: KeyPermissions) -> None:
        """The customer sets anew what the account's API key may do."""
        account.permissions = permissions

    def change_leverage(self, account: Account, symbol: str, leverage: int) -> dict[str, Any]:
        """
        Set the initial leverage of a symbol (``POST /fapi/v1/leverage``).

        Raises:
            Refused: -4028 outside 1 to 125.
        """
        self._market(symbol)
        if not 1 <= leverage <= HIGHEST_LEVERAGE:
            raise refused(-4028, str(leverage))
        settings = account.settings_of(symbol)
        if settings.leverage != leverage:
            settings.leverage = leverage
            self._push(account, shapes.leverage_update(self.now_ms, symbol, leverage))
        return {"leverage": leverage, "maxNotionalValue": "10000000", "symbol": symbol}

    def change_margin_type(self, account: Account, symbol: str, margin_type: str) -> dict[str, Any]:
        """
        Set ISOLATED or CROSSED (``POST /fapi/v1/marginType``); the stream tells it as ACCOUNT_UPDATE.

        Raises:
            Refused: -4046 if it is so already, -4047 or -4048 with open orders or a position, -4168 in
                multi-assets mode.
        """
        self._market(symbol)
        if margin_type not in {"ISOLATED", "CROSSED"}:
            raise refused(-1130, "marginType")
        settings = account.settings_of(symbol)
        if settings.margin_type == margin_type:
            raise refused(-4046)
        if account.multi_assets:
            raise refused(-4168)
        if any(order.symbol == symbol for order in account.open_orders.values()):
            raise refused(-4047)
        sides = ("LONG", "SHORT") if account.hedge_mode else ("BOTH",)
        positions = [self._position(account, symbol, side) for side in sides]
        if any(position.amount for position in positions):
            raise refused(-4048)
        settings.margin_type = margin_type
        self._tell_account(account, "MARGIN_TYPE_CHANGE", [], positions)
        return {"code": 200, "msg": "success"}

    def change_position_mode(self, account: Account, hedge_mode: bool) -> dict[str, Any]:
        """
        Switch hedge mode (``POST /fapi/v1/positionSide/dual``); the stream says nothing about it.

        Raises:
            Refused: -4059 if it is so already, -4067 or -4068 with open orders or positions.
        """
        if account.hedge_mode == hedge_mode:
            raise refused(-4059)
        if account.open_orders or account.open_algo_orders:
            raise refused(-4067)
        if any(position.amount for position in account.positions.values()):
            raise refused(-4068)
        account.hedge_mode = hedge_mode
        return {"code": 200, "msg": "success"}

    def change_multi_assets(self, account: Account, is_on: bool) -> dict[str, Any]:
        """
        Switch multi-assets mode (``POST /fapi/v1/multiAssetsMargin``).

        Raises:
            Refused: -4167 while a symbol is in isolated mode.
        """
        if is_on and any(settings.margin_type == "ISOLATED" for settings in account.settings.values()):
            raise refused(-4167)
        if account.multi_assets != is_on:
            account.multi_assets = is_on
            self._push(account, shapes.multi_assets_update(self.now_ms, is_on))
        return {"code": 200, "msg": "success"}

    def margin_call(self, account: Account) -> None:
        """Warn about every open position, near liquidation or not."""
        endangered = []
        for position in account.positions.values():
            if position.amount:
                price = self.markets[position.symbol].price
                maintenance = (abs(position.amount) * price * MAINTENANCE_RATE).quantize(CENT)
                margin_type = account.settings_of(position.symbol).margin_type
                profit = unrealized_profit(position, price)
                endangered.append((position, margin_type, price, profit, maintenance))
        crossed = [entry[0].margin_asset for entry in endangered if entry[1] == "CROSSED"]
        cross_wallet = self._balance(account, crossed[0]).cross if crossed else None
        self._push(account, shapes.margin_call(self.now_ms, cross_wallet, endangered))

    def push_strategy_update(
        self, account: Account, symbol: str, strategy_id: int, *, status: str = "NEW", code: int = 8007
    ) -> None:
        """Announce a step of a grid strategy; the model runs none, so the caller says what happened."""
        self._push(account, shapes.strategy_update(self.now_ms, strategy_id, "GRID", status, symbol, code))

    def push_grid_update(
        self,
        account: Account,
        symbol: str,
        strategy_id: int,
        *,
        status: str = "WORKING",
        realized: Amount = ZERO,
    ) -> None:
        """Announce the result of a grid strategy; the model runs none, so the caller says what happened."""
        profit = number(realized, "realized")
        self._push(account, shapes.grid_update(self.now_ms, strategy_id, status, symbol, realized=profit))

    def push_conditional_reject(self, account: Account, symbol: str, order_id: int, reason: str) -> None:
        """Announce a rejected conditional order the way it was done before the algo service."""
        self._push(account, shapes.conditional_reject(self.now_ms, symbol, order_id, reason))

    def truth(self, account: Account) -> dict[str, Any]:
        """
        What a client must know once it has caught up.

        Returns:
            ``balances``: wallet balance by asset; ``positions``: signed amount by (symbol, side), open ones
            only; ``open_orders``: (status, executed quantity) by order id; ``open_algo_orders``: status by
            algo id.
        """
        return {
            "balances": {asset: balance.wallet for asset, balance in account.balances.items()},
            "positions": {key: position.amount for key, position in account.positions.items() if position.amount},
            "open_orders": {
                order_id: (order.status, order.executed) for order_id, order in account.open_orders.items()
            },
            "open_algo_orders": {algo_id: algo.status for algo_id, algo in account.open_algo_orders.items()},
        }
