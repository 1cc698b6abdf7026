"""
The account as its readers see it: rows that never change, live or all of one moment.

Everything is known from one dict. The stream's thread puts rows into it that are never changed afterwards, all those
of one event in a single ``dict.update``; a reader takes a row out, or copies the dict whole. The interpreter does each
of these three in one piece, so nobody ever waits for anybody: there is no lock that a fork or a signal handler could
find held, and no moment at which half an event can be seen.
"""

from __future__ import annotations

from decimal import Decimal
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Callable, Dict, List, Mapping, Optional, Tuple, Type, TypeVar, Union

import attrs

from .account_html import account_card
from .account_orders import RANKS, Fills, Steps, history
from .errors import ConfigurationError
from .events.vocabulary import AlgoStatus, PositionSide
from .tables import cells_of, frame_of, kinds_of

if TYPE_CHECKING:
    import pandas

ZERO = Decimal(0)

#: Status words after which an order trades no more.
ENDED = frozenset(word for word, rank in RANKS.items() if rank == RANKS["FILLED"])

#: The same for algo orders.
ALGO_ENDED = frozenset({AlgoStatus.CANCELED, AlgoStatus.FINISHED, AlgoStatus.REJECTED, AlgoStatus.EXPIRED})

#: Before any time.
NEVER = -1

K = TypeVar("K")
R = TypeVar("R")

#: What kind of row, and what identifies it among those of its kind.
Key = Tuple[Any, ...]
Rows = Dict[Key, Any]

#: An id of an order or algo order, Binance's or the user's; or a ``Tie``, by which one is found from the other.
Name = Union[int, str, "Tie"]

#: How an order or algo order is called: its kind, and a name of it.
Called = Tuple[str, Name]

#: A conditional order and the order it became: symbol, and the id of the other one.
Tie = Tuple[str, int]

#: The first part of a key.
BALANCE, POSITION, ORDER, ALGO_ORDER = "balance", "position", "order", "algo order"

#: Whole keys of what there is one of.
SETTINGS: Key = ("settings of the symbols",)
MULTI_ASSETS: Key = ("multi-assets mode",)
HEDGE: Key = ("hedge mode",)
AS_OF: Key = ("as of",)
SYNCHRONISED: Key = ("synchronised",)

#: By what something told is newer than something else: ``T``, and ``E`` or what stands for it.
Told = Tuple[int, int]


def _private(default: Any) -> Any:
    """Declare what only the rules of ``account.py`` look at."""
    return attrs.field(default=default, repr=False, eq=False)


@attrs.frozen(weakref_slot=False)
class BalanceState:
    """
    What is known of the balance of one asset, in units of the asset.

    Attributes:
        asset: Such as ``"USDT"``.
        wallet_balance: All of it, without unrealised profit; 0 while nothing is known.
        cross_wallet_balance: What is not set aside for isolated positions.
        updated_ms: When it last changed; milliseconds since the Unix epoch by the exchange's clock, -1 while nothing
            is known.
        is_known: Whether anything was told about it.

    Source: ``AccountUpdate``, and REST.
    """

    asset: str = ""
    wallet_balance: Decimal = ZERO
    cross_wallet_balance: Decimal = ZERO
    updated_ms: int = NEVER
    is_known: bool = False
    _told: Told = _private((NEVER, NEVER))


@attrs.frozen(weakref_slot=False)
class PositionState:
    """
    What is known of one position. Prices and profits are in the quote (or margin) asset.

    An amount that was not told is 0.

    Attributes:
        symbol: Upper case, such as ``"BTCUSDT"``.
        position_side: A word of ``PositionSide``: BOTH in one-way mode, LONG or SHORT in hedge mode.
        amount: Size in units of the base asset, negative when short; 0 when closed, or while nothing is known.
        entry_price: Mean price it was opened at.
        break_even_price: Price at which closing it would cost nothing, fees included.
        unrealized_profit: Profit if it were closed at the mark price, as of ``updated_ms``: the stream does not follow
            the price.
        isolated_wallet: Margin set aside for it; 0 when cross.
        accumulated_realized: Profit realised in it before fees, as the stream last told it.
        margin_type: A word of ``MarginType``, as last told; None while it was not.
        margin_asset: What its margin is held in, where that was told.
        leverage: The initial leverage of its symbol, as last told; None while it was not.
        updated_ms: When it last changed; milliseconds since the Unix epoch by the exchange's clock, -1 while nothing
            is known.
        is_known: Whether anything was told about it; margin type and leverage may be known of the symbol all the same.

    Source: ``AccountUpdate``, ``AccountConfigUpdate``, and REST.
    """

    symbol: str = ""
    position_side: str = PositionSide.BOTH
    amount: Decimal = ZERO
    entry_price: Decimal = ZERO
    break_even_price: Decimal = ZERO
    unrealized_profit: Decimal = ZERO
    isolated_wallet: Decimal = ZERO
    accumulated_realized: Decimal = ZERO
    margin_type: Optional[str] = None
    margin_asset: Optional[str] = None
    leverage: Optional[int] = None
    updated_ms: int = NEVER
    is_known: bool = False
    _told: Told = _private((NEVER, NEVER))
    _detailed: Told = _private((NEVER, NEVER))
    _margin_told: Told = _private((NEVER, NEVER))


@attrs.frozen
class SymbolSettings:
    """How a symbol is traded, as last told: the leverage, by whom whenever, and the margin type, by REST alone."""

    leverage: Optional[int] = None
    leverage_told: Told = (NEVER, NEVER)
    margin_type: Optional[str] = None
    margin_told: Told = (NEVER, NEVER)


@attrs.frozen(weakref_slot=False)
class OrderState:
    """
    What is known of one order.

    An amount that was not told is 0, and a word that was not told is None: of an order that is known by a recovered
    fill alone there is no status and no price.

    Attributes:
        symbol: Upper case, such as ``"BTCUSDT"``; empty while nothing is known.
        order_id: Binance's id, unique within the symbol; 0 while nothing is known.
        client_order_id: The user's own id, or one Binance made up.
        side: A word of ``Side``.
        position_side: The position it works on, a word of ``PositionSide``.
        order_type: What the order is now, a word of ``OrderType``.
        original_order_type: What it was placed as.
        time_in_force: A word of ``TimeInForce``.
        status: A word of ``OrderStatus``. Liquidations may say NEW although they executed; ask ``is_done``.
        quantity: Ordered, in units of the base asset, as last amended; 0 on one that closes the whole position.
        price: Limit price in the quote asset, as last amended; 0 for market orders.
        stop_price: Trigger price in the quote asset.
        filled_quantity: Filled so far, base asset; of an order that is known by recovered fills alone, at least that.
        average_price: Mean price of what was filled, quote asset; 0 while nobody told and not every fill is known.
        is_reduce_only: Whether it may only shrink a position.
        is_close_all: Whether it closes the whole position.
        algo_id: Id of the conditional order that became this one; None of any other order.
        fills: Its fills that were told, by trade id: the newest 1,000; none once it ended so long ago that 10,000
            other fills belong to orders that ended later. ``has_all_fills`` says whether they are all.
        updated_ms: When it last changed; milliseconds since the Unix epoch by the exchange's clock, -1 while nothing
            is known.
        is_known: Whether anything was told about it.
        is_forgotten: Whether it ended while the stream could not hear, and the exchange, when it was asked, did not
            know it any more: nobody can say how it ended, and ``status`` is what it was before.

    Source: ``OrderTradeUpdate``, from the stream or recovered. The exchange forgets an order that ended without a fill
    three days after its placing (USDⓈ-M Futures > Trade > Query Order, read 2026-11-26).
    """

    symbol: str = ""
    order_id: int = 0
    client_order_id: Optional[str] = None
    side: Optional[str] = None
    position_side: Optional[str] = None
    order_type: Optional[str] = None
    original_order_type: Optional[str] = None
    time_in_force: Optional[str] = None
    status: Optional[str] = None
    quantity: Decimal = ZERO
    price: Decimal = ZERO
    stop_price: Decimal = ZERO
    filled_quantity: Decimal = ZERO
    average_price: Decimal = ZERO
    is_reduce_only: Optional[bool] = None
    is_close_all: Optional[bool] = None
    algo_id: Optional[int] = None
    fills: Fills = attrs.field(default=(), repr=False)
    updated_ms: int = NEVER
    is_known: bool = False
    is_forgotten: bool = False
    _status_told: Tuple[int, Decimal, int] = _private((NEVER, ZERO, NEVER))
    _terms_told: Tuple[int, int, Decimal, int] = _private((NEVER, NEVER, ZERO, NEVER))
    # What all its fills add up to that were ever told.
    _counted: Decimal = _private(ZERO)
    _steps: Steps = _private(())

    @property
    def is_done(self) -> bool:
        """Whether it ended: its status says so, all of it is filled, or it is forgotten; False while it is unknown."""
        return self.status in ENDED or self.filled_quantity >= self.quantity > ZERO or self.is_forgotten

    @property
    def is_open(self) -> bool:
        """Whether it stands in the market: its status is known, and it is not done."""
        return self.status is not None and not self.is_done

    @property
    def remaining_quantity(self) -> Decimal:
        """What is left to be filled, base asset; 0 when it is done."""
        return ZERO if self.is_done else max(self.quantity - self.filled_quantity, ZERO)

    @property
    def has_all_fills(self) -> bool:
        """Whether ``fills`` are all there were: they add up to ``filled_quantity``. False while nothing is known."""
        return self.is_known and sum((fill.quantity for fill in self.fills), ZERO) == self.filled_quantity

    @property
    def history(self) -> Steps:
        """
        What happened to it and when, oldest first: placed, amended, filled, ended.

        Its fills stand in it, and of other steps the first and the newest 99. What happened while the stream could not
        hear is one step, as REST showed it afterwards, without an execution type.
        """
        return history(self.fills, self._steps)

    @property
    def _names(self) -> Tuple[Optional[Name], ...]:
        return self.order_id, self.client_order_id, None if self.algo_id is None else (self.symbol, self.algo_id)


@attrs.frozen(weakref_slot=False)
class AlgoOrderState:
    """
    What is known of one conditional (algo) order. An amount that was not told is 0, a word that was not told None.

    Attributes:
        algo_id: Binance's id; 0 while nothing is known.
        client_algo_id: The user's own id, or one Binance made up; the order it becomes keeps it.
        symbol: Upper case; empty while nothing is known.
        side: A word of ``Side``.
        position_side: A word of ``PositionSide``.
        order_type: A word of ``OrderType``.
        time_in_force: A word of ``TimeInForce``.
        status: A word of ``AlgoStatus``.
        quantity: Ordered, in units of the base asset; 0 on one that closes the whole position.
        trigger_price: Where it is triggered, quote asset.
        price: Limit price of the order it becomes, quote asset; 0 for market orders.
        actual_order_id: Id of the order it became, whose ``algo_id`` is this one's; None until it was triggered.
        is_reduce_only: Whether it may only shrink a position.
        is_close_all: Whether it closes the whole position.
        updated_ms: When it last changed; milliseconds since the Unix epoch by the exchange's clock, -1 while nothing
            is known.
        is_known: Whether anything was told about it.
        is_forgotten: As of an order.

    Source: ``AlgoUpdate``, from the stream or recovered.
    """

    algo_id: int = 0
    client_algo_id: Optional[str] = None
    symbol: str = ""
    side: Optional[str] = None
    position_side: Optional[str] = None
    order_type: Optional[str] = None
    time_in_force: Optional[str] = None
    status: Optional[str] = None
    quantity: Decimal = ZERO
    trigger_price: Decimal = ZERO
    price: Decimal = ZERO
    actual_order_id: Optional[int] = None
    is_reduce_only: Optional[bool] = None
    is_close_all: Optional[bool] = None
    updated_ms: int = NEVER
    is_known: bool = False
    is_forgotten: bool = False
    _told: Told = _private((NEVER, NEVER))

    @property
    def is_done(self) -> bool:
        """Whether it ended, or is forgotten; FINISHED when the order it became was filled or cancelled."""
        return self.status in ALGO_ENDED or self.is_forgotten

    @property
    def is_open(self) -> bool:
        """Whether it waits for its trigger, or the order it became is at work."""
        return self.status is not None and not self.is_done

    @property
    def _names(self) -> Tuple[Optional[Name], ...]:
        tie = None if self.actual_order_id is None else (self.symbol, self.actual_order_id)
        return self.algo_id, self.client_algo_id, tie


Ordered = Union[OrderState, AlgoOrderState]

#: What ``to_frame`` can be asked for.
_ROW_CLASSES: Mapping[str, Type[Any]] = {
    "balances": BalanceState,
    "positions": PositionState,
    "open_orders": OrderState,
    "recent_orders": OrderState,
    "open_algo_orders": AlgoOrderState,
}


class Names:
    """
    By which names orders are found. It is written apart from the rows: not every key in it need have a row.

    Attributes:
        dropped: How often something was taken out. Raised before it is, so whoever looked something up and finds it as
            it was before missed nothing.
    """

    __slots__ = ("_keys", "dropped")

    def __init__(self) -> None:
        # Nearly every name is of one order. A dict as an ordered set: some id may have been used for thousands.
        self._keys: Dict[Called, Union[Key, Dict[Key, None]]] = {}
        self.dropped = 0

    def keys(self, called: Called) -> Tuple[Key, ...]:
        """Return the keys of those that are called so, in one step."""
        keys = self._keys.get(called, {})
        return (keys,) if isinstance(keys, tuple) else tuple(keys)

    def add(self, called: Called, key: Key) -> None:
        """From now on one is called so."""
        keys = self._keys.get(called)
        if keys is None or keys == key:
            self._keys[called] = key
        elif isinstance(keys, tuple):
            self._keys[called] = {keys: None, key: None}
        else:
            keys[key] = None

    def remove(self, called: Called, key: Key) -> None:
        """None of this key is called so any more."""
        self.dropped += 1
        keys = self._keys.get(called)
        if keys == key:
            del self._keys[called]
        elif isinstance(keys, dict):
            keys.pop(key, None)
            if not keys:
                del self._keys[called]

    def clear(self) -> None:
        """Forget all of them."""
        self.dropped += 1
        self._keys.clear()


class AccountView:
    """
    The account as the events tell it; ``UserDataStream.account`` is a live one. Read-only, safe from any thread.

    Each look is of its own moment: what one returns never changes, and the next may find a later state. So ``balance``,
    ``position``, ``order`` and each mapping are consistent in themselves; what has to fit together across several looks
    is asked of one ``snapshot()``, which holds all of a moment between two events.

    Mappings hold what there is: no zero balances, no closed positions. The look-ups always answer an object, whose
    ``is_known`` is False and whose amounts are 0 when nothing was told about it. While the view is ``trusted`` that
    means there is no such balance, position or open order.
    """

    __slots__ = ("_is_live", "_names", "_rows")

    def __init__(self, rows: Rows, names: Names, is_live: Callable[[], bool]) -> None:
        self._rows = rows
        self._names = names
        self._is_live = is_live

    def __repr__(self) -> str:
        caution = "" if self.trusted else ", not trusted"
        if not self.is_synchronised:
            caution = ", which is what the stream has told so far"
        return (
            f"<{type(self).__name__} of {len(self.balances)} balances, {len(self.positions)} positions, "
            f"{len(self.open_orders)} open orders{caution}>"
        )

    def __reduce__(self) -> Tuple[Any, ...]:
        # A copy would go on changing, which nobody expects of a copy.
        raise TypeError("a live account neither pickles nor copies; its snapshot() does")

    @property
    def trusted(self) -> bool:
        """
        Whether this is the account as it is: it was compared with REST since the start, and the stream is LIVE.

        Not LIVE means that a gap is open, or that one may turn out to be: a proof lapsed. A key-only stream cannot read
        the account by REST, so its view is never trusted.
        """
        return self.is_synchronised and self._is_live()

    @property
    def is_synchronised(self) -> bool:
        """
        Whether it was read whole by REST since the start, as it is before ``start()`` returns.

        False means that it shows what the stream has told so far, and no more. Without a secret it is never True.
        """
        return SYNCHRONISED in self._rows

    @property
    def as_of_ms(self) -> Optional[int]:
        """When the newest thing this knows of happened, milliseconds of the exchange's clock; None before any."""
        as_of_ms: Optional[int] = self._rows.get(AS_OF)
        return as_of_ms

    # What there is

    @property
    def balances(self) -> Mapping[str, BalanceState]:
        """The balances that are not 0, by asset."""
        return self._those(_balances)

    @property
    def positions(self) -> Mapping[Tuple[str, str], PositionState]:
        """The positions that are not closed, by symbol and position side."""
        return self._those(_positions)

    @property
    def open_orders(self) -> Mapping[int, OrderState]:
        """
        The open orders, by Binance's id.

        That is unique within a symbol only: should orders of two symbols share one, the one first seen later stands
        here, and ``order(order_id, symbol)`` knows both.
        """
        return self._those(_open_orders)

    @property
    def recent_orders(self) -> Mapping[int, OrderState]:
        """The last thousand or so orders that ended, or of which a fill is known and no status, by Binance's id."""
        return self._those(_recent_orders)

    @property
    def open_algo_orders(self) -> Mapping[int, AlgoOrderState]:
        """The conditional orders that have not ended, by Binance's id; also triggered ones."""
        return self._those(_open_algo_orders)

    # Single look-ups

    def balance(self, asset: str) -> BalanceState:
        """Return what is known of the balance of an asset."""
        found: Optional[BalanceState] = self._rows.get((BALANCE, asset))
        return BalanceState(asset) if found is None else found

    def position(self, symbol: str, side: str = PositionSide.BOTH) -> PositionState:
        """
        Return what is known of a position.

        Args:
            symbol: Upper case.
            side: A word of ``PositionSide``; LONG or SHORT in hedge mode.
        """
        found: Optional[PositionState] = self._rows.get((POSITION, symbol, side))
        if found is not None:
            return found
        settings = self._settings_of(symbol)
        return PositionState(symbol, side, margin_type=settings.margin_type, leverage=settings.leverage)

    def order(self, order_id: Union[int, str], symbol: Optional[str] = None) -> OrderState:
        """
        Return what is known of an order.

        Args:
            order_id: Binance's id, an ``int``, or the user's own, a ``str``. Of several orders of that id the open
                one is meant, else the one that changed last.
            symbol: Whose order it is; without it, of any symbol.
        """
        found: Optional[OrderState] = self._best(ORDER, order_id, symbol)
        if found is not None:
            return found
        if isinstance(order_id, str):
            return OrderState(symbol or "", client_order_id=order_id)
        return OrderState(symbol or "", order_id)

    def algo_order(self, algo_id: Union[int, str]) -> AlgoOrderState:
        """
        Return what is known of a conditional order.

        Args:
            algo_id: Binance's id, an ``int``, or the user's own, a ``str``.
        """
        found: Optional[AlgoOrderState] = self._best(ALGO_ORDER, algo_id, None)
        if found is not None:
            return found
        if isinstance(algo_id, str):
            return AlgoOrderState(client_algo_id=algo_id)
        return AlgoOrderState(algo_id)

    def leverage(self, symbol: str) -> Optional[int]:
        """Return the initial leverage of a symbol; None while it was not told."""
        return self._settings_of(symbol).leverage

    @property
    def is_multi_assets_mode(self) -> Optional[bool]:
        """Whether all assets serve as margin; None while it was not told."""
        told: Optional[Tuple[Told, bool]] = self._rows.get(MULTI_ASSETS)
        return None if told is None else told[1]

    @property
    def is_hedge_mode(self) -> Optional[bool]:
        """
        Whether LONG and SHORT positions are held apart; None while nothing tells.

        Binance does not announce a change. The next order tells by its position side, and with a secret the next audit.
        """
        told: Optional[Tuple[Told, bool]] = self._rows.get(HEDGE)
        return None if told is None else told[1]

    # All of one moment

    def snapshot(self) -> AccountSnapshot:
        """Return the account as it is between two events: it never changes, and everything in it fits together."""
        # Before and after, since a gap may open or close meanwhile.
        was_trusted, dropped = self.trusted, self._names.dropped
        rows = self._rows.copy()
        return AccountSnapshot(rows, was_trusted and self.trusted, self._names, dropped)

    # In a notebook

    def to_frame(self, what: str = "positions", *, numeric: bool = False) -> pandas.DataFrame:
        """
        Return a part of the account as a pandas table, a row for each thing; needs the extra ``notebook``.

        Ids are exact integers, and beside each time in milliseconds stands the same as a UTC timestamp.

        Args:
            what: ``"balances"``, ``"positions"``, ``"open_orders"``, ``"recent_orders"`` or ``"open_algo_orders"``.
            numeric: Whether money and quantities are to be floating-point numbers, which are quick to calculate with
                and not exact; else they are the ``Decimal`` that came.

        Raises:
            ConfigurationError: There is no such part, or pandas is not installed.
        """
        if what not in _ROW_CLASSES:
            raise ConfigurationError(f"to_frame() knows {', '.join(_ROW_CLASSES)}, not {what!r}")
        kinds = kinds_of(_ROW_CLASSES[what])
        rows = [cells_of(row, kinds) for row in getattr(self, what).values()]
        return frame_of(rows, kinds, numeric=numeric, what="account.to_frame()")

    def _repr_html_(self) -> str:
        return account_card(self)

    # Inside

    def _those(self, select: Callable[[Rows], Dict[K, R]]) -> Mapping[K, R]:
        return MappingProxyType(select(self._rows.copy()))

    def _best(self, kind: str, name: Union[int, str], symbol: Optional[str]) -> Any:
        """Return the row that is meant by an id, or None."""
        fitting = (row for row in self._rows_called((kind, name)) if symbol in (None, row.symbol))
        return max(fitting, key=_relevance, default=None)

    def _rows_called(self, called: Called) -> List[Any]:
        found = map(self._rows.get, self._names.keys(called))
        return [row for row in found if row is not None and called[1] in row._names]

    def _settings_of(self, symbol: str) -> SymbolSettings:
        settings: Dict[str, SymbolSettings] = self._rows.get(SETTINGS, {})
        return settings.get(symbol, _NO_SETTINGS)


class AccountSnapshot(AccountView):
    """
    The account at one moment between two events. It never changes, and everything in it fits together.

    It pickles, and two of the same content are equal.
    """

    __slots__ = ("_dropped", "_selected")

    def __init__(self, rows: Rows, trusted: bool, names: Optional[Names] = None, dropped: int = 0) -> None:
        super().__init__(rows, Names() if names is None else names, lambda: trusted)
        # Of what the names found when the rows were copied nothing is missing while they have dropped no more.
        self._dropped = NEVER if names is None else dropped
        self._selected: Dict[Callable[[Rows], Any], Any] = {}

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, AccountSnapshot):
            return NotImplemented
        return (self._rows, self.trusted) == (other._rows, other.trusted)

    __hash__ = None  # type: ignore[assignment] # compared by content, as a dict is

    @property
    def trusted(self) -> bool:
        """Whether this is the account as it was: compared with REST, and the stream LIVE."""
        return self._is_live()

    def __reduce__(self) -> Tuple[Any, ...]:
        return AccountSnapshot, (self._rows, self.trusted)

    def snapshot(self) -> AccountSnapshot:
        """Return itself."""
        return self

    def _those(self, select: Callable[[Rows], Dict[K, R]]) -> Mapping[K, R]:
        return MappingProxyType(self._once(select))

    def _rows_called(self, called: Called) -> List[Any]:
        found = super()._rows_called(called)
        if self._names.dropped == self._dropped:
            return found
        kind, name = called
        return [row for key, row in self._rows.items() if key[0] == kind and name in row._names]

    def _once(self, select: Callable[[Rows], R]) -> R:
        """Select from what does not change, the first time it is asked for."""
        if select not in self._selected:
            self._selected[select] = select(self._rows)
        selected: R = self._selected[select]
        return selected


_NO_SETTINGS = SymbolSettings()


def _relevance(row: Ordered) -> Tuple[bool, int]:
    return row.is_open, row.updated_ms


def _balances(rows: Rows) -> Dict[str, BalanceState]:
    return {
        key[1]: row
        for key, row in rows.items()
        if key[0] == BALANCE and (row.wallet_balance or row.cross_wallet_balance)
    }


def _positions(rows: Rows) -> Dict[Tuple[str, str], PositionState]:
    return {key[1:]: row for key, row in rows.items() if key[0] == POSITION and row.amount}


def _open_orders(rows: Rows) -> Dict[int, OrderState]:
    return {key[2]: row for key, row in rows.items() if key[0] == ORDER and row.is_open}


def _recent_orders(rows: Rows) -> Dict[int, OrderState]:
    return {key[2]: row for key, row in rows.items() if key[0] == ORDER and not row.is_open}


def _open_algo_orders(rows: Rows) -> Dict[int, AlgoOrderState]:
    return {key[1]: row for key, row in rows.items() if key[0] == ALGO_ORDER and row.is_open}
