"""What a test or a rehearsal can do to the local exchange on behalf of one account."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from decimal import Decimal
from typing import Any, Optional, TypeVar, Union

from binance_uds.simulator.exchange import Exchange
from binance_uds.simulator.records import Account, Fill

Amount = Union[str, int, Decimal]
Result = TypeVar("Result")


class Trading(ABC):
    """
    Trading for one account. Any thread may call it.

    Each call returns when it is done and its events are on their way to the sockets. What Binance would
    answer by REST comes back as that row, a dict; what it would refuse raises `Refused` with code and words.
    """

    @abstractmethod
    def do(self, action: Callable[[Exchange, Account], Result]) -> Result:
        """Run ``action(exchange, account)`` in the exchange's own thread and return its result."""

    @property
    def fills(self) -> list[Fill]:
        """The truth: everything the account traded so far, oldest first."""
        return self.do(lambda exchange, account: list(account.fills))

    def truth(self) -> Any:
        """Return the account as it really is: balances, positions, open orders."""
        return self.do(lambda exchange, account: exchange.truth(account))

    def buy(self, symbol: str, quantity: Amount, **options: Any) -> dict[str, Any]:
        """Buy at the market; further options as in `place_order`."""
        return self.place_order(symbol=symbol, side="BUY", type="MARKET", quantity=quantity, **options)

    def sell(self, symbol: str, quantity: Amount, **options: Any) -> dict[str, Any]:
        """Sell at the market; further options as in `place_order`."""
        return self.place_order(symbol=symbol, side="SELL", type="MARKET", quantity=quantity, **options)

    def place_order(self, **order: Any) -> dict[str, Any]:
        """Place an order; the arguments are those of `Exchange.place_order`."""
        return self.do(lambda exchange, account: exchange.place_order(account, **order))

    def amend_order(self, **order: Any) -> dict[str, Any]:
        """Change price or quantity of an order; the arguments are those of `Exchange.amend_order`."""
        return self.do(lambda exchange, account: exchange.amend_order(account, **order))

    def cancel_order(
        self, symbol: str, order_id: Optional[int] = None, client_order_id: Optional[str] = None
    ) -> dict[str, Any]:
        """Cancel an order by either id."""
        return self.do(
            lambda exchange, account: exchange.cancel_order(
                account, symbol=symbol, order_id=order_id, client_order_id=client_order_id
            )
        )

    def fill_order(self, order_id: int, quantity: Amount) -> None:
        """Let a resting order trade so much, at its own price."""
        self.do(lambda exchange, account: exchange.fill_resting(account, order_id, Decimal(quantity)))

    def place_algo_order(self, **order: Any) -> dict[str, Any]:
        """Place a conditional order; the arguments are those of `Exchange.place_algo_order`."""
        return self.do(lambda exchange, account: exchange.place_algo_order(account, **order))

    def cancel_algo_order(self, algo_id: Optional[int] = None, client_algo_id: Optional[str] = None) -> dict[str, Any]:
        """Cancel a conditional order by either id."""
        return self.do(
            lambda exchange, account: exchange.cancel_algo_order(
                account, algo_id=algo_id, client_algo_id=client_algo_id
            )
        )

    def transfer(self, asset: str, amount: Amount, reason: str = "DEPOSIT") -> None:
        """Move money in, or out with a negative amount."""
        self.do(lambda exchange, account: exchange.transfer(account, asset, Decimal(amount), reason))
