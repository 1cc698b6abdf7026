"""
The account as the events tell it: the stream shows it, the repair balances against it.

Events come from the stream and from REST, and either may be the older; some come twice. So the account is no sum of
changes but the newest of what was told, thing by thing, and the order in which the events come does not matter:

* of balances and positions, by (``T``, ``E``); a row of REST shows what its millisecond ended with, and stands above
  whatever the stream told of the same ``T``;
* the status of an order, by (rank of the word, filled quantity, ``T``), so that an ended order stays ended;
* its filled quantity, by itself: it only grows, also after the end;
* its terms, such as price and quantity, by ``T`` first, because an amendment changes nothing else;
* an algo order, by (rank of the word, ``T``); leverage and multi-assets mode, by ``T``.

What the numbers do not tell apart, such as the stream's account updates of one millisecond, comes in the order the
exchange sent it, and the later is the newer. (REST above the stream, since the last of those may be lost: then nothing
else would ever put the row right, while one that REST showed too early is put right by the next event.) A row is
replaced as a whole and never changed, as ``account_view.py`` says.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Callable, Dict, List, Optional, Set, Tuple, Union

from .account_view import (
    ALGO_ENDED,
    ALGO_ORDER,
    AS_OF,
    BALANCE,
    ENDED,
    LEVERAGE,
    MULTI_ASSETS,
    NEVER,
    ORDER,
    POSITION,
    ZERO,
    AccountView,
    AlgoOrderState,
    BalanceState,
    Called,
    Key,
    OrderState,
    PositionState,
    Rows,
)
from .events.base import FROM_REST, Event
from .events.usdm import AccountConfigUpdate, AccountUpdate, AlgoUpdate, OrderTradeUpdate, Position
from .events.vocabulary import AlgoStatus, ExecutionType, OrderStatus

#: Orders, and as many algo orders, that are kept after their end: so long a late event cannot reopen them.
ENDED_KEPT = 1_000

#: How far an order has come by its status. A word that is missing is no beginning and no end: 1.
_RANKS = {
    OrderStatus.NEW: 0,
    OrderStatus.NEW_INSURANCE: 0,
    OrderStatus.NEW_ADL: 0,
    OrderStatus.PARTIALLY_FILLED: 1,
    **dict.fromkeys(ENDED, 2),
}
_ALGO_RANKS = {
    AlgoStatus.NEW: 0,
    AlgoStatus.TRIGGERING: 1,
    AlgoStatus.TRIGGERED: 2,
    **dict.fromkeys(ALGO_ENDED, 3),
}

#: Later than every ``E``.
_END_OF_MILLISECOND = 2**63

#: Which terms are the newer when all numbers agree, by execution type: a row of REST (None) shows what the millisecond
#: ended with, and an amendment is told by nothing but itself. Others: 0.
_PRECEDENCE = {None: 1, ExecutionType.AMENDMENT: 2}

_BLANK_ORDER, _BLANK_ALGO_ORDER = OrderState(), AlgoOrderState()
_BLANK_BALANCE, _BLANK_POSITION = BalanceState(), PositionState()


class Account(AccountView):
    """
    An account that takes events. One thread applies them; any may read, as ``AccountView`` says.

    Nothing is dropped but ended orders beyond the last ``ENDED_KEPT``: an order that is gone is ended by an event that
    says so, a closed position by a row with the amount 0.

    Args:
        is_live: Whether the stream is LIVE at this moment, without which the account is not trusted.

    Attributes:
        is_synchronised: Whether it was compared with REST since the stream started; set by who did that.
    """

    __slots__ = ("_ended", "_ended_algo", "_held", "_names", "_open", "_open_algo", "is_synchronised")

    def __init__(self, is_live: Callable[[], bool] = lambda: False) -> None:
        self._names: Dict[Called, Tuple[Key, ...]] = {}
        super().__init__({}, self._names, lambda: self.is_synchronised and is_live())
        self.is_synchronised = False
        self._open: Set[Tuple[str, int]] = set()
        self._open_algo: Dict[int, str] = {}
        self._held: Set[Tuple[str, str]] = set()
        self._ended: OrderedDict[Key, None] = OrderedDict()
        self._ended_algo: OrderedDict[Key, None] = OrderedDict()

    def view(self) -> AccountView:
        """Return the same account for reading only."""
        return AccountView(self._rows, self._names, self._is_trusted)

    def begin(self) -> None:
        """Know nothing again: the stream starts, and what happened while it did not run it was not told."""
        self.is_synchronised = False
        self._rows.clear()
        for kept in (self._names, self._open, self._open_algo, self._held, self._ended, self._ended_algo):
            kept.clear()

    def apply(self, event: Event) -> bool:
        """
        Take over what an event tells, as far as it is news.

        Returns:
            Whether anything of what can be seen changed, ``as_of_ms`` aside.
        """
        if isinstance(event, OrderTradeUpdate):
            return self._apply_order(event)
        if isinstance(event, AccountUpdate):
            return self._apply_account(event)
        if isinstance(event, AlgoUpdate):
            return self._apply_algo_order(event)
        if isinstance(event, AccountConfigUpdate):
            return self._apply_settings(event)
        return False

    # What a repair asks for

    def open_order_ids(self) -> List[Tuple[str, int]]:
        """Return symbol and id of every open order."""
        return list(self._open)

    def open_algo_ids(self) -> List[Tuple[str, int]]:
        """Return symbol and id of every conditional order that has not ended."""
        return [(symbol, algo_id) for algo_id, symbol in self._open_algo.items()]

    def symbols_held(self) -> Set[str]:
        """Return the symbols in which something may happen by itself: a position, an open order or algo order."""
        held = {symbol for symbol, _ in self._held}
        held.update(symbol for symbol, _ in self._open)
        held.update(self._open_algo.values())
        return held

    # Orders

    def _apply_order(self, event: OrderTradeUpdate) -> bool:
        key = (ORDER, event.symbol, event.order_id)
        old: OrderState = self._rows.get(key, _BLANK_ORDER)
        at = _time(event, event.trade_time_ms)
        filled = event.filled_quantity
        if filled is None:
            # Of a recovered fill: at least its own quantity was filled.
            filled = event.last_filled_quantity or ZERO
        status, rank = event.status, -1
        if status is not None:
            rank = _RANKS.get(status, 1)
        status_told = (rank, filled, at)
        if status is None or status_told < old._status_told:
            status, status_told = old.status, old._status_told
        average = event.average_price or ZERO
        terms_told = (at, rank, filled, _PRECEDENCE.get(event.execution_type, 0))
        if filled < old.filled_quantity:
            filled, average = old.filled_quantity, old.average_price
        elif filled == old.filled_quantity:
            average = average or old.average_price
        # Only what carries the quantity carries the terms whole; anything else fills in what was never told.
        new, rest = (event, old) if event.quantity is not None and terms_told >= old._terms_told else (old, event)
        row = OrderState(
            event.symbol,
            event.order_id,
            new.client_order_id or rest.client_order_id,
            event.side,
            new.position_side or rest.position_side,
            new.order_type or rest.order_type,
            new.original_order_type or rest.original_order_type,
            new.time_in_force or rest.time_in_force,
            status,
            new.quantity or rest.quantity or ZERO,
            new.price or rest.price or ZERO,
            new.stop_price or rest.stop_price or ZERO,
            filled,
            average,
            rest.is_reduce_only if new.is_reduce_only is None else new.is_reduce_only,
            rest.is_close_all if new.is_close_all is None else new.is_close_all,
            max(at, old.updated_ms),
            True,
            status_told,
            terms_told if new is event else old._terms_told,
        )
        if row.client_order_id != old.client_order_id or not old.is_known:
            self._name(key, row)
        # First the lists and then the row, here and below: a list that names too much is put right by a question.
        place = row.symbol, row.order_id
        if row.is_open:
            self._open.add(place)
            self._ended.pop(key, None)
        elif key not in self._ended:
            self._open.discard(place)
            self._end(self._ended, key)
        self._put({key: row}, at)
        return at > old.updated_ms or row != old

    def _apply_algo_order(self, event: AlgoUpdate) -> bool:
        key = (ALGO_ORDER, event.algo_id)
        old: AlgoOrderState = self._rows.get(key, _BLANK_ALGO_ORDER)
        at = _time(event)
        told = (-1 if event.status is None else _ALGO_RANKS.get(event.status, 1), at)
        new, rest = (event, old) if told >= old._told else (old, event)
        row = AlgoOrderState(
            event.algo_id,
            new.client_algo_id or rest.client_algo_id,
            event.symbol,
            event.side,
            new.position_side or rest.position_side,
            new.order_type or rest.order_type,
            new.time_in_force or rest.time_in_force,
            new.status or rest.status,
            new.quantity or rest.quantity or ZERO,
            new.trigger_price or rest.trigger_price or ZERO,
            new.price or rest.price or ZERO,
            new.actual_order_id or rest.actual_order_id,
            rest.is_reduce_only if new.is_reduce_only is None else new.is_reduce_only,
            rest.is_close_all if new.is_close_all is None else new.is_close_all,
            max(at, old.updated_ms),
            True,
            max(told, old._told),
        )
        if row.client_algo_id != old.client_algo_id or not old.is_known:
            self._name(key, row)
        if row.is_open:
            self._open_algo[row.algo_id] = row.symbol
            self._ended_algo.pop(key, None)
        elif key not in self._ended_algo:
            self._open_algo.pop(row.algo_id, None)
            self._end(self._ended_algo, key)
        self._put({key: row}, at)
        return row != old

    def _end(self, ended: OrderedDict[Key, None], key: Key) -> None:
        """Keep an order that is not open, and drop the first of those that are too many."""
        ended[key] = None
        if len(ended) <= ENDED_KEPT:
            return
        dropped, _ = ended.popitem(last=False)
        row = self._rows.pop(dropped, None)
        if row is None:
            return
        for name in row._names:
            called = (dropped[0], name)
            left = tuple(key for key in self._names.get(called, ()) if key != dropped)
            if left:
                self._names[called] = left
            else:
                self._names.pop(called, None)

    def _name(self, key: Key, row: Union[OrderState, AlgoOrderState]) -> None:
        for name in row._names:
            if name is not None:
                called = (key[0], name)
                self._names[called] = (*self._names.get(called, ()), key)

    # Balances and positions

    def _apply_account(self, event: AccountUpdate) -> bool:
        told = _told(event)
        changed: Rows = {}
        is_news = False
        for balance in event.balances:
            key: Key = (BALANCE, balance.asset)
            old = self._rows.get(key, _BLANK_BALANCE)
            if told >= old._told:
                changed[key] = row = BalanceState(
                    balance.asset, balance.wallet_balance, balance.cross_wallet_balance, told[0], True, told
                )
                is_news = is_news or row != old
        for position in event.positions:
            key = (POSITION, position.symbol, position.position_side)
            known: PositionState = self._rows.get(key, _BLANK_POSITION)
            state = _moved(known, position, told)
            if state is not known:
                changed[key] = state
                is_news = is_news or state != known
                if state.amount:
                    self._held.add((position.symbol, position.position_side))
                else:
                    self._held.discard((position.symbol, position.position_side))
        self._put(changed, told[0])
        return is_news

    # Settings

    def _apply_settings(self, event: AccountConfigUpdate) -> bool:
        told = _told(event)
        changed: Rows = {}
        if event.symbol is not None and event.leverage is not None:
            changed[LEVERAGE, event.symbol] = (told, event.leverage)
        if event.is_multi_assets_mode is not None:
            changed[MULTI_ASSETS] = (told, event.is_multi_assets_mode)
        is_news = False
        for key, dated in tuple(changed.items()):
            old = self._rows.get(key)
            if old is not None and told < old[0]:
                del changed[key]
            else:
                is_news = is_news or old is None or old[1] != dated[1]
        self._put(changed, told[0])
        return is_news

    def _put(self, changed: Rows, at: int) -> None:
        """Show what changed, all of it at one stroke."""
        if at > self._rows.get(AS_OF, NEVER):
            changed[AS_OF] = at
        self._rows.update(changed)


def _moved(old: PositionState, told_row: Position, told: Tuple[int, int]) -> PositionState:
    """Return a position after a row about it; the same object when the row is no news."""
    # What REST does not show has a time of its own.
    is_newer = told >= old._told
    is_detailed = told_row.accumulated_realized is not None and told >= old._detailed
    if not is_newer and not is_detailed:
        return old
    return PositionState(
        told_row.symbol,
        told_row.position_side,
        told_row.amount if is_newer else old.amount,
        told_row.entry_price if is_newer else old.entry_price,
        (told_row.break_even_price or ZERO) if is_newer else old.break_even_price,
        (told_row.unrealized_profit or ZERO) if is_newer else old.unrealized_profit,
        (told_row.isolated_wallet or ZERO) if is_newer else old.isolated_wallet,
        (told_row.accumulated_realized or ZERO) if is_detailed else old.accumulated_realized,
        (told_row.margin_type if is_detailed else None) or old.margin_type or told_row.margin_type,
        (told_row.margin_asset if is_detailed else None) or old.margin_asset or told_row.margin_asset,
        max(told[0], old.updated_ms),
        True,
        max(told, old._told),
        told if is_detailed else old._detailed,
    )


def _time(event: Event, otherwise: Optional[int] = None) -> int:
    """Return when a thing happened; 0, older than all others, where the event does not say."""
    for at in (event.transaction_time_ms, otherwise, event.event_time_ms):
        if at is not None:
            return at
    return 0


def _told(event: Event) -> Tuple[int, int]:
    """Return by what a row is newer than another."""
    if event.origin == FROM_REST:
        return _time(event), _END_OF_MILLISECOND
    return _time(event), event.event_time_ms or NEVER
