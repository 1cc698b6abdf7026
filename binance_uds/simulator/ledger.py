"""
Money: what a fill does to position and wallet, funding, transfers, the income history.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Optional

from binance_uds.simulator import shapes
from binance_uds.simulator.floor import Amount, Floor, number
from binance_uds.simulator.records import CENT, ZERO, Account, Balance, Fill, Income, Order, Position
from binance_uds.simulator.refusals import refused

#: How the income history names what the stream calls by a reason; whatever is not here is a TRANSFER.
INCOME_KINDS = {
    "FUNDING_FEE": "FUNDING_FEE",
    "INSURANCE_CLEAR": "INSURANCE_CLEAR",
    "ADMIN_DEPOSIT": "COMMISSION_REBATE",
    "COIN_SWAP_DEPOSIT": "COIN_SWAP_DEPOSIT",
    "COIN_SWAP_WITHDRAW": "COIN_SWAP_WITHDRAW",
    "AUTO_EXCHANGE": "AUTO_EXCHANGE",
}

#: Of the notional, as the maintenance margin of every position.
MAINTENANCE_RATE = Decimal("0.005")


def apply_trade(position: Position, signed_quantity: Decimal, price: Decimal, commission: Decimal) -> Decimal:
    """
    Let a position take a trade: add, reduce, close or flip through zero.

    Args:
        position: Changed in place, but for its isolated wallet.
        signed_quantity: Positive buys, negative sells; not 0.
        price: Of the trade.
        commission: Of the trade, in the margin asset; it moves the break-even price.

    Returns:
        The profit realised on the closed part, to eight decimals, before commission.
    """
    before = position.amount
    after = before + signed_quantity
    position.amount = after
    if not before or (before > 0) == (signed_quantity > 0):
        total = abs(before) * position.entry_price + abs(signed_quantity) * price
        position.entry_price = (total / abs(after)).quantize(CENT) if before else price
        position.cost += signed_quantity * price + commission
        return ZERO
    closed = min(abs(before), abs(signed_quantity))
    gain = price - position.entry_price if before > 0 else position.entry_price - price
    realized = (gain * closed).quantize(CENT)
    position.accumulated_realized += realized
    if not after:
        position.entry_price = position.cost = ZERO
    elif (after > 0) == (before > 0):
        position.cost += signed_quantity * price + commission
    else:
        position.entry_price = price
        position.cost = after * price + commission * after / signed_quantity
    return realized


def unrealized_profit(position: Position, price: Decimal) -> Decimal:
    """What closing at a price would bring, to eight decimals."""
    return ((price - position.entry_price) * position.amount).quantize(CENT) if position.amount else ZERO


class Ledger(Floor):
    """Keeps the accounts' books."""

    maker_fee = Decimal("0.0002")
    taker_fee = Decimal("0.0005")
    funding_rate = Decimal("0.0001")

    def _balance(self, account: Account, asset: str) -> Balance:
        if asset not in account.balances:
            account.balances[asset] = Balance(asset)
        return account.balances[asset]

    def _position(self, account: Account, symbol: str, side: str) -> Position:
        position = account.positions.get((symbol, side))
        if position is None:
            position = Position(symbol, side, self.markets[symbol].symbol.margin_asset)
            account.positions[symbol, side] = position
        return position

    def _book_fill(
        self,
        order: Order,
        quantity: Decimal,
        price: Decimal,
        is_maker: bool,
        trade_id: int,
        execution_type: str,
    ) -> Fill:
        """Book one execution: position, wallet, income, truth; what is pushed is decided elsewhere."""
        account, symbol = order.account, self.markets[order.symbol].symbol
        own_fee = symbol.maker_fee if is_maker else symbol.taker_fee
        fee = own_fee if own_fee is not None else (self.maker_fee if is_maker else self.taker_fee)
        commission = (quantity * price * fee).quantize(CENT)
        position = self._position(account, symbol.name, order.position_side)
        balance = self._balance(account, symbol.margin_asset)
        self._remember(position)
        self._remember(balance)
        before = position.amount
        signed_quantity = quantity if order.side == "BUY" else -quantity
        realized = apply_trade(position, signed_quantity, price, commission)
        if account.settings_of(symbol.name).margin_type == "ISOLATED":
            self._move_margin(account, position, balance, before, price)
        balance.wallet += realized - commission
        position.updated_ms = balance.updated_ms = self.now_ms
        fill = Fill(
            account.name,
            symbol.name,
            order.order_id,
            trade_id,
            order.side,
            order.position_side,
            quantity,
            price,
            commission,
            symbol.margin_asset,
            realized,
            is_maker,
            self.now_ms,
            execution_type,
        )
        account.fills.append(fill)
        account.trade_history.setdefault(symbol.name, []).append(fill)
        transaction_id = self._next_transaction_id()  # the rows of one fill share it, as on the exchange
        if realized:
            self._book_income(account, "REALIZED_PNL", realized, fill, transaction_id)
        if commission:
            self._book_income(account, "COMMISSION", -commission, fill, transaction_id)
        return fill

    def _book_income(self, account: Account, kind: str, amount: Decimal, fill: Fill, transaction_id: int) -> None:
        account.income.append(
            Income(
                kind,
                fill.symbol,
                amount,
                fill.commission_asset,
                self.now_ms,
                transaction_id,
                str(fill.trade_id),
            )
        )

    def _move_margin(
        self, account: Account, position: Position, balance: Balance, before: Decimal, price: Decimal
    ) -> None:
        """Set aside the initial margin of what was opened, free the share of what was closed."""
        after, wallet = position.amount, position.isolated_wallet
        if not before or (before * after > 0 and abs(after) > abs(before)):
            kept, opened = wallet, after - before
        elif before * after >= 0:
            kept, opened = (wallet * after / before).quantize(CENT), ZERO
        else:
            kept, opened = ZERO, after
        leverage = account.settings_of(position.symbol).leverage
        kept += (abs(opened) * price / leverage).quantize(CENT)
        balance.isolated += kept - wallet
        position.isolated_wallet = kept

    def _tell_account(
        self,
        account: Account,
        reason: str,
        balances: list[tuple[Balance, Decimal]],
        positions: list[Position],
        funding_symbol: Optional[str] = None,
    ) -> None:
        """Push an ACCOUNT_UPDATE; beside each balance stands the change that is no profit or fee."""
        self._push(
            account,
            shapes.account_update(
                reason,
                self.now_ms,
                [shapes.balance_entry(balance, change) for balance, change in balances],
                [
                    shapes.position_entry(
                        position,
                        unrealized_profit(position, self.markets[position.symbol].price),
                        account.settings_of(position.symbol).margin_type,
                    )
                    for position in positions
                ],
                funding_symbol,
            ),
        )

    def transfer(self, account: Account, asset: str, amount: Amount, reason: str = "") -> None:
        """
        Put money into an account or take it out.

        Args:
            account: Whose.
            asset: Such as ``"USDT"``.
            amount: Signed; negative takes away.
            reason: The ``m`` of the push; by default DEPOSIT or WITHDRAW, by the sign.

        Raises:
            Refused: -4050 if the cross wallet does not hold that much.
        """
        change = number(amount, "amount").quantize(CENT)
        balance = self._balance(account, asset)
        if balance.cross + change < 0:
            raise refused(-4050)
        reason = reason or ("DEPOSIT" if change >= 0 else "WITHDRAW")
        self._credit(account, balance, change, reason)
        self._tell_account(account, reason, [(balance, change)], [])

    def _credit(self, account: Account, balance: Balance, change: Decimal, reason: str, symbol: str = "") -> None:
        self._remember(balance)
        balance.wallet += change
        balance.updated_ms = self.now_ms
        kind = INCOME_KINDS.get(reason, "TRANSFER")
        row = Income(kind, symbol, change, balance.asset, self.now_ms, self._next_transaction_id())
        account.income.append(row)

    def _charge_funding(self) -> None:
        """Every open position pays (or, short, receives) the funding rate on its notional."""
        for account in self.accounts.values():
            for position in account.positions.values():
                notional = position.amount * self.markets[position.symbol].price
                change = (-notional * self.funding_rate).quantize(CENT)
                if not change:
                    continue
                balance = self._balance(account, position.margin_asset)
                self._credit(account, balance, change, "FUNDING_FEE", position.symbol)
                isolated = account.settings_of(position.symbol).margin_type == "ISOLATED"
                if isolated:
                    self._remember(position)
                    position.isolated_wallet += change
                    position.updated_ms = self.now_ms
                    balance.isolated += change
                concerned = [position] if isolated else []
                self._tell_account(account, "FUNDING_FEE", [(balance, change)], concerned, position.symbol)

    def _available(self, account: Account, asset: str) -> Decimal:
        """What new orders may bind: cross wallet and profit, less what positions and orders bind."""
        free = self._balance(account, asset).cross
        for position in account.positions.values():
            settings = account.settings_of(position.symbol)
            if position.amount and position.margin_asset == asset and settings.margin_type == "CROSSED":
                price = self.markets[position.symbol].price
                free += unrealized_profit(position, price) - abs(position.amount) * price / settings.leverage
        for (symbol, _), notional in account.open_notional.items():
            if notional and self.markets[symbol].symbol.margin_asset == asset:
                free -= notional / account.settings_of(symbol).leverage
        return max(free, ZERO).quantize(CENT)
