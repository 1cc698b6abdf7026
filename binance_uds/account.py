"""
The account as the events tell it: the stream shows it, the repair balances against it.

Events come from the stream and from REST, and either may be the older; some come twice. So the account is no sum of
changes but the newest of what was told, thing by thing, and the order in which the events come does not matter:

* of balances and positions, by (``T``, ``E``); a row of REST shows what its millisecond ended with, and stands above
  whatever the stream told of the same ``T``;
* the status of an order, by (rank of the word, filled quantity, ``T``), so that an ended order stays ended;
* its filled quantity, by itself: it only grows, also after the end, and is never less than its fills add up to;
* its terms, such as price and quantity, by ``T`` first, because an amendment changes nothing else;
* its fills and the steps of its life, each in its place, as ``account_orders.py`` says;
* an algo order, by (rank of the word, ``T``); leverage, margin type and modes, by ``T``. What REST tells of these has
  no time of its own: it counts as told when REST surely knew all that had happened;
* a triggered conditional order and the order it became know each other, whichever of the two tells.

What the numbers do not tell apart, such as the stream's account updates of one millisecond, comes in the order the
exchange sent it, and the later is the newer. (REST above the stream, since the last of those may be lost: then nothing
else would ever put the row right, while one that REST showed too early is put right by the next event.) A row is
replaced as a whole and never changed, as ``account_view.py`` says.
"""

from __future__ import annotations

from collections import OrderedDict
from decimal import Decimal
from typing import Any, Callable, Dict, Iterable, List, Optional, Tuple, Union

import attrs

from .account_orders import PRECEDENCE, RANKS, OrderFill, with_fill, with_step
from .account_view import (
    ALGO_ENDED,
    ALGO_ORDER,
    AS_OF,
    BALANCE,
    HEDGE,
    MULTI_ASSETS,
    NEVER,
    ORDER,
    POSITION,
    SETTINGS,
    SYNCHRONISED,
    ZERO,
    AccountView,
    AlgoOrderState,
    BalanceState,
    Key,
    Names,
    OrderState,
    PositionState,
    Rows,
    SymbolSettings,
    Told,
)
from .events.base import FROM_REST, Event
from .events.usdm import AccountConfigUpdate, AccountUpdate, AlgoUpdate, OrderTradeUpdate, Position
from .events.usdm_rows import AccountConfigRow, SymbolConfigRow
from .events.vocabulary import AlgoStatus, MarginCallMarginType, MarginType, PositionSide, StrategyType
from .makers import maker

#: Orders, and as many algo orders, that are kept after their end: so long a late event cannot reopen them.
ENDED_KEPT = 1_000

#: The most fills that all these orders together keep; beyond that those that ended first keep none.
ENDED_FILLS_KEPT = 10_000

_ALGO_RANKS = {
    AlgoStatus.NEW: 0,
    AlgoStatus.TRIGGERING: 1,
    AlgoStatus.TRIGGERED: 2,
    **dict.fromkeys(ALGO_ENDED, 3),
}

#: Later than every ``E``.
_END_OF_MILLISECOND = 2**63

#: How REST spells the margin types.
_MARGIN_TYPES = {
    MarginCallMarginType.CROSSED: MarginType.CROSS,
    MarginCallMarginType.ISOLATED: MarginType.ISOLATED,
}

#: Which position mode a position side belongs to.
_IS_HEDGE: Dict[Optional[str], bool] = {PositionSide.BOTH: False, PositionSide.LONG: True, PositionSide.SHORT: True}

# Rows are made for every event.
_order_state, _algo_order_state = maker(OrderState), maker(AlgoOrderState)
_balance_state, _position_state = maker(BalanceState), maker(PositionState)

_BLANK_ORDER, _BLANK_ALGO_ORDER = OrderState(), AlgoOrderState()
_BLANK_BALANCE, _BLANK_POSITION = BalanceState(), PositionState()


class Account(AccountView):
    """
    An account that takes events. One thread applies them; any may read, as ``AccountView`` says.

    Nothing is dropped but ended orders beyond the last ``ENDED_KEPT``, and the fills and steps that are too many: an
    order that is gone is ended by an event that says so, or by the word that the exchange has forgotten it; a closed
    position by a row with the amount 0.

    Args:
        is_live: Whether the stream is LIVE at this moment, without which the account is not trusted.
    """

    __slots__ = ("_ended", "_ended_algo", "_ended_fills", "_fills_kept", "_takers")

    def __init__(self, is_live: Callable[[], bool] = lambda: False) -> None:
        super().__init__({}, Names(), is_live)
        self._takers: Dict[type, Callable[[Any], bool]] = {
            OrderTradeUpdate: self._apply_order,
            AccountUpdate: self._apply_account,
            AlgoUpdate: self._apply_algo_order,
            AccountConfigUpdate: self._apply_settings,
        }
        self._ended: OrderedDict[Key, None] = OrderedDict()
        self._ended_algo: OrderedDict[Key, None] = OrderedDict()
        # How many fills ended orders had at their end, and how many those are together.
        self._ended_fills: OrderedDict[Key, int] = OrderedDict()
        self._fills_kept = 0

    def view(self) -> AccountView:
        """Return the same account for reading only."""
        return AccountView(self._rows, self._names, self._is_live)

    def begin(self) -> None:
        """Know nothing again: the stream starts, and what happened while it did not run it was not told."""
        self._rows.clear()
        self._names.clear()
        for ended in (self._ended, self._ended_algo, self._ended_fills):
            ended.clear()
        self._fills_kept = 0

    def synchronise(self) -> None:
        """From now on this is the whole account: it was compared with REST."""
        self._rows[SYNCHRONISED] = True

    def apply(self, event: Event) -> bool:
        """
        Take over what an event tells, as far as it is news.

        Returns:
            Whether anything of what can be seen changed, ``as_of_ms`` aside.
        """
        take = self._takers.get(type(event))
        return take is not None and take(event)

    # Orders

    def _apply_order(self, event: OrderTradeUpdate) -> bool:
        rows = self._rows
        key = (ORDER, event.symbol, event.order_id)
        old: OrderState = rows.get(key, _BLANK_ORDER)
        at = event.transaction_time_ms
        if at is None:
            at = _time(event, event.trade_time_ms)
        fills, steps, counted = old.fills, old._steps, old._counted
        if event.trade_id and event.is_fill:
            fills, more = with_fill(fills, event, at)
            counted += more
        else:
            steps = with_step(steps, event, at)
        told_filled = event.filled_quantity
        if told_filled is None:
            # Of a recovered fill: at least its own quantity was filled.
            told_filled = event.last_filled_quantity or ZERO
        status, rank = event.status, -1
        if status is not None:
            rank = RANKS.get(status, 1)
        status_told = (rank, told_filled, at)
        if status is None or status_told < old._status_told:
            status, status_told = old.status, old._status_told
        terms_told = (at, rank, told_filled, PRECEDENCE.get(event.execution_type, 0))
        filled, average = _filled(event, told_filled, old, fills, counted)
        # Only what carries the quantity carries the terms whole; anything else fills in what was never told.
        is_newer = event.quantity is not None and terms_told >= old._terms_told
        new, rest = (event, old) if is_newer else (old, event)
        algo_id = old.algo_id
        if event.strategy_type == StrategyType.ALGO_CONDITION:
            algo_id = event.strategy_id or algo_id
        if algo_id is None and not old.is_known:
            algo_id = self._tied(ALGO_ORDER, (event.symbol, event.order_id))
        row = _order_state(
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
            algo_id,
            fills,
            at if at > old.updated_ms else old.updated_ms,
            True,
            old.is_forgotten and status_told is old._status_told,
            status_told,
            terms_told if is_newer else old._terms_told,
            counted,
            steps,
        )
        changed: Rows = {key: row}
        if not old.is_known or row.client_order_id != old.client_order_id or algo_id != old.algo_id:
            self._name(key, row)
            if algo_id != old.algo_id:
                self._tie_algo(algo_id or 0, row.order_id, changed)
        self._told_mode(event, at, changed)
        # First the lists and then the row, here and below: a list that names too much is put right by a question.
        if not row.is_open:
            self._order_ended(key, row)
        elif key in self._ended:
            del self._ended[key]
            self._fills_kept -= self._ended_fills.pop(key, 0)
        self._put(changed, at)
        return at > old.updated_ms or row != old

    def _order_ended(self, key: Key, row: OrderState) -> None:
        if key not in self._ended:
            self._end(self._ended, key)
            self._spare_fills(key, len(row.fills))

    def _told_mode(self, event: OrderTradeUpdate, at: int, changed: Rows) -> None:
        """Take over what the position side of an order tells about the position mode."""
        is_hedge = _IS_HEDGE.get(event.position_side)
        if is_hedge is not None:
            told = (at, event.event_time_ms or NEVER)
            known = self._rows.get(HEDGE)
            if known is None or told > known[0]:
                changed[HEDGE] = (told, is_hedge)

    def _apply_algo_order(self, event: AlgoUpdate) -> bool:
        key = (ALGO_ORDER, event.algo_id)
        old: AlgoOrderState = self._rows.get(key, _BLANK_ALGO_ORDER)
        at = _time(event)
        told = (-1 if event.status is None else _ALGO_RANKS.get(event.status, 1), at)
        new, rest = (event, old) if told >= old._told else (old, event)
        actual_order_id = new.actual_order_id or rest.actual_order_id
        if not actual_order_id:
            actual_order_id = None if old.is_known else self._tied(ORDER, (event.symbol, event.algo_id))
        row = _algo_order_state(
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
            actual_order_id,
            rest.is_reduce_only if new.is_reduce_only is None else new.is_reduce_only,
            rest.is_close_all if new.is_close_all is None else new.is_close_all,
            max(at, old.updated_ms),
            True,
            old.is_forgotten and (new is old or event.status is None),
            max(told, old._told),
        )
        changed: Rows = {key: row}
        is_tied = actual_order_id is not None and old.actual_order_id is None
        if row.client_algo_id != old.client_algo_id or is_tied or not old.is_known:
            self._name(key, row)
            if is_tied:
                self._tie_order((ORDER, row.symbol, actual_order_id or 0), row.algo_id, changed)
        if row.is_open:
            self._ended_algo.pop(key, None)
        elif key not in self._ended_algo:
            self._end(self._ended_algo, key)
        self._put(changed, at)
        return row != old

    # What the exchange forgets

    def order_forgotten(self, symbol: str, order_id: int) -> None:
        """The exchange does not know an order any more, nor does it stand open: it ended, nobody can say how."""
        key: Key = (ORDER, symbol, order_id)
        known: Optional[OrderState] = self._rows.get(key)
        if known is not None and known.is_open:
            row = attrs.evolve(known, is_forgotten=True)
            self._order_ended(key, row)
            self._put({key: row}, NEVER)

    def algo_order_forgotten(self, algo_id: int) -> None:
        """The same of a conditional order."""
        key: Key = (ALGO_ORDER, algo_id)
        known: Optional[AlgoOrderState] = self._rows.get(key)
        if known is not None and known.is_open:
            self._end(self._ended_algo, key)
            self._put({key: attrs.evolve(known, is_forgotten=True)}, NEVER)

    # A conditional order and the order it became

    def _tied(self, kind: str, tie: Tuple[str, int]) -> Optional[int]:
        """Return the id of the other one, should that have told of this one before anything else did."""
        found = self._names.keys((kind, tie))
        return int(found[0][-1]) if found else None

    def _tie_algo(self, algo_id: int, order_id: int, changed: Rows) -> None:
        """Tell a conditional order what it became, as far as it does not know."""
        key: Key = (ALGO_ORDER, algo_id)
        known: Optional[AlgoOrderState] = self._rows.get(key)
        if known is not None and known.actual_order_id is None:
            changed[key] = row = attrs.evolve(known, actual_order_id=order_id)
            self._name(key, row)

    def _tie_order(self, key: Key, algo_id: int, changed: Rows) -> None:
        """Tell an order what it came from, as far as it does not know."""
        known: Optional[OrderState] = self._rows.get(key)
        if known is not None and known.algo_id is None:
            changed[key] = row = attrs.evolve(known, algo_id=algo_id)
            self._name(key, row)

    # What is kept after the end

    def _end(self, ended: OrderedDict[Key, None], key: Key) -> None:
        """Keep an order that is not open, and drop the first of those that are too many."""
        ended[key] = None
        if len(ended) <= ENDED_KEPT:
            return
        dropped, _ = ended.popitem(last=False)
        self._fills_kept -= self._ended_fills.pop(dropped, 0)
        row = self._rows.get(dropped)
        if row is None:
            return
        # The names first: while a name is there, a copy of the rows has what it names.
        for name in row._names:
            if name is not None:
                self._names.remove((dropped[0], name), dropped)
        self._rows.pop(dropped, None)

    def _spare_fills(self, key: Key, count: int) -> None:
        """Keep the fills of an order that ended, and drop those of the orders that ended first when there are many."""
        if not count:
            return
        self._ended_fills[key] = count
        self._fills_kept += count
        while self._fills_kept > ENDED_FILLS_KEPT and len(self._ended_fills) > 1:
            first, count = self._ended_fills.popitem(last=False)
            self._fills_kept -= count
            row = self._rows.get(first)
            if row is not None:
                self._rows[first] = attrs.evolve(row, fills=())

    def _name(self, key: Key, row: Union[OrderState, AlgoOrderState]) -> None:
        for name in row._names:
            if name is not None:
                self._names.add((key[0], name), key)

    # Balances and positions

    def _apply_account(self, event: AccountUpdate) -> bool:
        told = _told(event)
        changed: Rows = {}
        is_news = False
        for balance in event.balances:
            key: Key = (BALANCE, balance.asset)
            old = self._rows.get(key, _BLANK_BALANCE)
            if told >= old._told:
                changed[key] = row = _balance_state(
                    balance.asset, balance.wallet_balance, balance.cross_wallet_balance, told[0], True, told
                )
                is_news = is_news or told[0] > old.updated_ms or row != old
        for position in event.positions:
            key = (POSITION, position.symbol, position.position_side)
            known: PositionState = self._rows.get(key, _BLANK_POSITION)
            state = _moved(known, position, told, self._settings_of(position.symbol))
            if state is not known:
                changed[key] = state
                is_news = is_news or told[0] > known.updated_ms or state != known
        self._put(changed, told[0])
        return is_news

    # Settings

    def _apply_settings(self, event: AccountConfigUpdate) -> bool:
        told = _told(event)
        changed: Rows = {}
        is_news = False
        if event.symbol is not None and event.leverage is not None:
            settings = self._settings_of(event.symbol)
            if told >= settings.leverage_told:
                is_news = settings.leverage != event.leverage
                settings = attrs.evolve(settings, leverage=event.leverage, leverage_told=told)
                self._set({event.symbol: settings}, changed)
        for key, mode in ((MULTI_ASSETS, event.is_multi_assets_mode), (HEDGE, event.is_hedge_mode)):
            if mode is not None:
                is_news = self._set_mode(key, mode, told, changed) or is_news
        self._put(changed, told[0])
        return is_news

    def read_settings(
        self, at_ms: int, symbols: Iterable[SymbolConfigRow], modes: Iterable[AccountConfigRow]
    ) -> List[Union[SymbolConfigRow, AccountConfigRow]]:
        """
        Take over what REST tells about leverage, margin types and modes, all of it at one stroke.

        Args:
            at_ms: The moment up to which REST knew all that had happened.
            symbols: Leverage and margin type, symbol by symbol.
            modes: The modes.

        Returns:
            The rows that tell another leverage or mode than was told before. What was not known before is no change,
            and a margin type is told by the stream with the next event of the position.
        """
        told = (at_ms, _END_OF_MILLISECOND)
        changed: Rows = {}
        news: List[Union[SymbolConfigRow, AccountConfigRow]] = []
        read: Dict[str, SymbolSettings] = {}
        for row in symbols:
            known = settings = self._settings_of(row.symbol)
            if row.leverage is not None and told >= known.leverage_told:
                settings = attrs.evolve(settings, leverage=row.leverage, leverage_told=told)
            if row.margin_type is not None and told >= known.margin_told:
                margin_type = _MARGIN_TYPES.get(row.margin_type, row.margin_type)
                settings = attrs.evolve(settings, margin_type=margin_type, margin_told=told)
            read[row.symbol] = settings
            if known.leverage not in (None, settings.leverage):
                news.append(row)
        self._set(read, changed)
        for mode in modes:
            is_news = False
            for key, is_on in ((MULTI_ASSETS, mode.is_multi_assets_mode), (HEDGE, mode.is_hedge_mode)):
                if is_on is not None:
                    was_known = key in self._rows
                    is_news = (self._set_mode(key, is_on, told, changed) and was_known) or is_news
            if is_news:
                news.append(mode)
        self._put(changed, NEVER)
        return news

    def _set(self, read: Dict[str, SymbolSettings], changed: Rows) -> None:
        """Replace the settings of some symbols, in their positions, too."""
        if not read:
            return
        changed[SETTINGS] = {**self._rows.get(SETTINGS, {}), **read}
        for symbol, settings in read.items():
            for side in (PositionSide.BOTH, PositionSide.LONG, PositionSide.SHORT):
                row = self._rows.get((POSITION, symbol, side))
                if row is not None:
                    changed[POSITION, symbol, side] = _with_settings(row, settings)

    def _set_mode(self, key: Key, is_on: bool, told: Told, changed: Rows) -> bool:
        """Take over a mode, and return whether that is another than was known."""
        known = self._rows.get(key)
        if known is not None and told < known[0]:
            return False
        changed[key] = (told, is_on)
        return known is None or known[1] != is_on

    def _put(self, changed: Rows, at: int) -> None:
        """Show what changed, all of it at one stroke."""
        if at > self._rows.get(AS_OF, NEVER):
            changed[AS_OF] = at
        self._rows.update(changed)


def _moved(old: PositionState, told_row: Position, told: Told, settings: SymbolSettings) -> PositionState:
    """Return a position after a row about it; the same object when the row is no news."""
    # What REST does not show has times of its own.
    is_newer = told >= old._told
    is_detailed = told_row.accumulated_realized is not None and told >= old._detailed
    if not is_newer and not is_detailed:
        return old
    margin_type, margin_told = old.margin_type, old._margin_told
    if settings.margin_told > margin_told:
        margin_type, margin_told = settings.margin_type, settings.margin_told
    if told_row.margin_type is not None and told >= margin_told:
        margin_type, margin_told = told_row.margin_type, told
    return _position_state(
        told_row.symbol,
        told_row.position_side,
        told_row.amount if is_newer else old.amount,
        told_row.entry_price if is_newer else old.entry_price,
        (told_row.break_even_price or ZERO) if is_newer else old.break_even_price,
        (told_row.unrealized_profit or ZERO) if is_newer else old.unrealized_profit,
        (told_row.isolated_wallet or ZERO) if is_newer else old.isolated_wallet,
        (told_row.accumulated_realized or ZERO) if is_detailed else old.accumulated_realized,
        margin_type,
        (told_row.margin_asset if is_detailed else None) or old.margin_asset or told_row.margin_asset,
        settings.leverage,
        told[0] if told[0] > old.updated_ms else old.updated_ms,
        True,
        told if is_newer else old._told,
        told if is_detailed else old._detailed,
        margin_told,
    )


def _with_settings(row: PositionState, settings: SymbolSettings) -> PositionState:
    """Return a position after other settings of its symbol."""
    if settings.margin_told > row._margin_told:
        row = attrs.evolve(row, margin_type=settings.margin_type, margin_told=settings.margin_told)
    return row if settings.leverage == row.leverage else attrs.evolve(row, leverage=settings.leverage)


def _filled(
    event: OrderTradeUpdate, told: Decimal, old: OrderState, fills: Tuple[OrderFill, ...], counted: Decimal
) -> Tuple[Decimal, Decimal]:
    """Return what is filled of an order, and at what mean price, after an event told of so much."""
    filled, average = told, event.average_price or ZERO
    if filled < old.filled_quantity:
        filled, average = old.filled_quantity, old.average_price
    elif filled == old.filled_quantity:
        average = average or old.average_price
    if filled < counted:
        return counted, _mean_price(fills, counted)
    if not average and event.average_price is None and filled == counted:
        average = _mean_price(fills, counted)
    return filled, average


def _mean_price(fills: Tuple[OrderFill, ...], quantity: Decimal) -> Decimal:
    """Return the mean price of fills that add up to a quantity; 0 where they do not, or a price is missing."""
    if not quantity or sum((fill.quantity for fill in fills), ZERO) != quantity:
        return ZERO
    paid = ZERO
    for fill in fills:
        if fill.price is None:
            return ZERO
        paid += fill.price * fill.quantity
    return paid / quantity


def _time(event: Event, otherwise: Optional[int] = None) -> int:
    """Return when a thing happened; 0, older than all others, where the event does not say."""
    for at in (event.transaction_time_ms, otherwise, event.event_time_ms):
        if at is not None:
            return at
    return 0


def _told(event: Event) -> Told:
    """Return by what a row is newer than another."""
    if event.origin == FROM_REST:
        return _time(event), _END_OF_MILLISECOND
    return _time(event), event.event_time_ms or NEVER
