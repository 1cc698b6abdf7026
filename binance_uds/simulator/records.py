"""
What the simulated exchange remembers: symbols, accounts, balances, positions, orders, fills.

Money, prices and quantities are `Decimal`; times are milliseconds of the exchange's clock since the Unix
epoch.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Optional

import attrs

ZERO = Decimal(0)

#: The smallest amount of money the exchange books.
CENT = Decimal("0.00000001")

#: Status words of an order that will never trade again.
FINAL = frozenset({"FILLED", "CANCELED", "EXPIRED", "EXPIRED_IN_MATCH"})

#: The same for a conditional order of the algo service.
ALGO_FINAL = frozenset({"FINISHED", "CANCELED", "REJECTED", "EXPIRED"})


@attrs.frozen
class Symbol:
    """
    A perpetual contract.

    Attributes:
        name: Upper case, such as ``"BTCUSDT"``; may hold non-ASCII letters.
        price_tick: Prices are multiples of it.
        quantity_step: Quantities are multiples of it.
        price: Where the market stands at first.
        margin_asset: Profit, loss and fees are booked in it.
        maker_fee: As a fraction of the notional; None takes the exchange's; 0 makes trades free, less is a
            rebate.
        taker_fee: The same for the side that takes liquidity.
    """

    name: str
    price_tick: Decimal
    quantity_step: Decimal
    price: Decimal
    margin_asset: str = "USDT"
    maker_fee: Optional[Decimal] = None
    taker_fee: Optional[Decimal] = None


#: A small exchange: two majors, two cheap coins, a contract without maker fee, a name beyond ASCII.
SYMBOLS = (
    Symbol("BTCUSDT", Decimal("0.10"), Decimal("0.001"), Decimal("30000")),
    Symbol("ETHUSDT", Decimal("0.01"), Decimal("0.001"), Decimal("2000")),
    Symbol("BNBUSDT", Decimal("0.010"), Decimal("0.01"), Decimal("300")),
    Symbol("ADAUSDT", Decimal("0.0001"), Decimal("1"), Decimal("0.4")),
    Symbol("BTCUSDC", Decimal("0.10"), Decimal("0.001"), Decimal("30000"), "USDC", maker_fee=ZERO),
    Symbol("币安人生USDT", Decimal("0.0001"), Decimal("1"), Decimal("0.2")),
)


@attrs.frozen
class Fill:
    """
    The truth about one execution of one order.

    Attributes:
        account: Name of the account.
        trade_id: Grows per symbol; the two sides of a self-trade share it.
        commission: Paid, in ``commission_asset``; negative is a rebate.
        realized_profit: Of the part of the position this fill closed, before commission.
        execution_type: ``TRADE``, or ``CALCULATED`` for a liquidation.
    """

    account: str
    symbol: str
    order_id: int
    trade_id: int
    side: str
    position_side: str
    quantity: Decimal
    price: Decimal
    commission: Decimal
    commission_asset: str
    realized_profit: Decimal
    is_maker: bool
    time_ms: int
    execution_type: str


@attrs.frozen
class Income:
    """One row of the income history: money that came or went, and why."""

    kind: str
    symbol: str
    amount: Decimal
    asset: str
    time_ms: int
    transaction_id: int
    trade_id: str = ""


@attrs.define(eq=False)
class Balance:
    """
    An asset of an account.

    Attributes:
        wallet: All of it, without unrealised profit.
        isolated: The part set aside for isolated positions; the rest is the cross wallet.
        past: Earlier versions with the moment each ended, kept only while REST lags.
    """

    asset: str
    wallet: Decimal = ZERO
    isolated: Decimal = ZERO
    updated_ms: int = 0
    past: list[tuple[int, Any]] = attrs.field(factory=list, repr=False)

    @property
    def cross(self) -> Decimal:
        """The cross wallet balance."""
        return self.wallet - self.isolated


@attrs.define(eq=False)
class Position:
    """
    A position of an account.

    Attributes:
        amount: Signed; negative is short.
        entry_price: Average over what is open; 0 when flat.
        cost: Paid for what is open, commission included, less what closed parts brought; signed like the
            amount.
        accumulated_realized: Profit realised so far, before fees.
        isolated_wallet: Set aside for it in isolated mode, else 0.
    """

    symbol: str
    side: str
    margin_asset: str
    amount: Decimal = ZERO
    entry_price: Decimal = ZERO
    cost: Decimal = ZERO
    accumulated_realized: Decimal = ZERO
    isolated_wallet: Decimal = ZERO
    updated_ms: int = 0
    past: list[tuple[int, Any]] = attrs.field(factory=list, repr=False)

    @property
    def break_even_price(self) -> Decimal:
        """The price at which closing the rest leaves nothing won or lost, commission so far included."""
        return (self.cost / self.amount).quantize(CENT) if self.amount else ZERO


@attrs.define
class SymbolSettings:
    """How an account trades a symbol; ``margin_type`` is CROSSED or ISOLATED."""

    leverage: int = 20
    margin_type: str = "CROSSED"


@attrs.define(eq=False, kw_only=True)
class Order:
    """
    An order of the matching engine.

    Attributes:
        type: What it is now; a triggered STOP_MARKET has become a MARKET order.
        original_type: What it was when it was sent.
        price: Limit; 0 for market orders.
        quote: Price times quantity over all its fills.
        algo_id: The conditional order it came from, if any.
    """

    account: Account = attrs.field(repr=False)
    order_id: int
    client_order_id: str
    symbol: str
    side: str
    position_side: str
    type: str
    original_type: str
    time_in_force: str
    quantity: Decimal
    price: Decimal
    reduce_only: bool
    self_trade_prevention: str
    price_match: str
    good_till_date_ms: int
    created_ms: int
    updated_ms: int
    close_position: bool = False
    price_protect: bool = False
    working_type: str = "CONTRACT_PRICE"
    stop_price: Decimal = ZERO
    activation_price: Optional[Decimal] = None
    callback_rate: Optional[Decimal] = None
    algo_id: Optional[int] = None
    status: str = "NEW"
    executed: Decimal = ZERO
    quote: Decimal = ZERO
    past: list[tuple[int, Any]] = attrs.field(factory=list, repr=False)

    @property
    def remaining(self) -> Decimal:
        """What may still trade."""
        return self.quantity - self.executed

    @property
    def average_price(self) -> Decimal:
        """Over all fills; 0 before the first."""
        return self.quote / self.executed if self.executed else ZERO

    @property
    def is_final(self) -> bool:
        """Whether it will never trade again."""
        return self.status in FINAL

    @property
    def is_closing(self) -> bool:
        """Whether it may only shrink a position: by its flag, or by its side in hedge mode."""
        return self.reduce_only or (self.side, self.position_side) in {("SELL", "LONG"), ("BUY", "SHORT")}


@attrs.define(eq=False, kw_only=True)
class AlgoOrder:
    """
    A conditional order of the algo service.

    Attributes:
        quantity: 0 with ``close_position``, which closes whatever is open then.
        price: Limit of the order it becomes; 0 if that is a market order.
        trigger_price: 0 for trailing orders, which compute theirs.
        extreme: The best price a trailing order saw since its activation.
        child: The order it became.
    """

    account: Account = attrs.field(repr=False)
    algo_id: int
    client_algo_id: str
    type: str
    symbol: str
    side: str
    position_side: str
    time_in_force: str
    quantity: Decimal
    price: Decimal
    trigger_price: Decimal
    reduce_only: bool
    close_position: bool
    price_protect: bool
    working_type: str
    self_trade_prevention: str
    price_match: str
    good_till_date_ms: int
    created_ms: int
    updated_ms: int
    activation_price: Optional[Decimal] = None
    callback_rate: Optional[Decimal] = None
    is_activated: bool = False
    extreme: Decimal = ZERO
    status: str = "NEW"
    triggered_ms: int = 0
    child: Optional[Order] = attrs.field(default=None, repr=False)
    failure: str = ""
    past: list[tuple[int, Any]] = attrs.field(factory=list, repr=False)

    @property
    def is_final(self) -> bool:
        """Whether nothing will happen to it any more."""
        return self.status in ALGO_FINAL


@attrs.frozen(kw_only=True)
class KeyPermissions:
    """
    What the customer lets an API key do, set where keys are made.

    Attributes:
        reads: Whether it may read the account.
        trades_futures: Whether it is good for futures at all, listen keys included.
        withdraws: Whether it may send money away.
        transfers: Whether it may move money between the customer's own accounts.
        bound_to_addresses: Whether it counts from some addresses only.
        bound_elsewhere: Whether the one that all clients come from is not among those.
    """

    reads: bool = True
    trades_futures: bool = True
    withdraws: bool = False
    transfers: bool = False
    bound_to_addresses: bool = True
    bound_elsewhere: bool = False


@attrs.define(eq=False)
class Account:
    """
    A customer of the exchange; read its attributes, change it through `Exchange`.

    Attributes:
        permissions: Of its API key.
        fills: Everything it ever traded, oldest first; never shortened.
        orders: Every order by id, in the order of creation.
        closed_orders: In the order they ended.
        order_history: Per symbol, in the order of creation.
        trade_history: Fills per symbol, oldest first.
        open_notional: Price times remaining quantity of resting orders, per (symbol, side).
    """

    name: str
    api_key: str = attrs.field(repr=False)
    api_secret: str = attrs.field(repr=False)
    hedge_mode: bool = False
    multi_assets: bool = False
    permissions: KeyPermissions = KeyPermissions()
    balances: dict[str, Balance] = attrs.field(factory=dict)
    positions: dict[tuple[str, str], Position] = attrs.field(factory=dict)
    settings: dict[str, SymbolSettings] = attrs.field(factory=dict, repr=False)
    orders: dict[int, Order] = attrs.field(factory=dict, repr=False)
    open_orders: dict[int, Order] = attrs.field(factory=dict, repr=False)
    closed_orders: list[Order] = attrs.field(factory=list, repr=False)
    order_history: dict[str, list[Order]] = attrs.field(factory=dict, repr=False)
    order_names: dict[tuple[str, str], Order] = attrs.field(factory=dict, repr=False)
    algo_orders: dict[int, AlgoOrder] = attrs.field(factory=dict, repr=False)
    open_algo_orders: dict[int, AlgoOrder] = attrs.field(factory=dict, repr=False)
    closed_algo_orders: list[AlgoOrder] = attrs.field(factory=list, repr=False)
    algo_names: dict[str, AlgoOrder] = attrs.field(factory=dict, repr=False)
    fills: list[Fill] = attrs.field(factory=list, repr=False)
    trade_history: dict[str, list[Fill]] = attrs.field(factory=dict, repr=False)
    income: list[Income] = attrs.field(factory=list, repr=False)
    open_notional: dict[tuple[str, str], Decimal] = attrs.field(factory=dict, repr=False)

    def settings_of(self, symbol: str) -> SymbolSettings:
        """How it trades a symbol."""
        return self.settings.setdefault(symbol, SymbolSettings())


@attrs.frozen
class Push:
    """
    Something to be sent on the account's stream.

    Attributes:
        payload: The bare event, as it stands in the frame or under ``data``.
        time_ms: When it was due.
        key: The listen key it is about, for `listenKeyExpired` alone: who holds that one hears of it,
            though it is no longer valid.
    """

    account: Account
    payload: dict[str, Any] = attrs.field(repr=False)  # may name a listen key
    time_ms: int
    key: Optional[str] = attrs.field(default=None, repr=False)


@attrs.define(eq=False)
class Market:
    """
    Everybody else, as far as one symbol is concerned: they trade at one price.

    Attributes:
        depth: What a single taking order finds there; None is without end.
        largest_trade: Bigger fills come in several trades; None never splits.
        resting: Orders waiting for the price, of all accounts, by id.
    """

    symbol: Symbol
    price: Decimal
    depth: Optional[Decimal] = None
    largest_trade: Optional[Decimal] = None
    last_trade_id: int = 698_000
    resting: dict[int, Order] = attrs.field(factory=dict, repr=False)
    waiting: dict[int, AlgoOrder] = attrs.field(factory=dict, repr=False)
