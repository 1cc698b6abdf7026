"""What an account makes of what it is told, in whatever order."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Optional

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from binance_uds import account as account_module
from binance_uds.account import ENDED_KEPT, Account
from binance_uds.account_view import AccountSnapshot, AccountView
from binance_uds.events import usdm
from binance_uds.events.base import FROM_REST, Event, UnknownEvent
from binance_uds.events.usdm_rows import AccountConfigRow, SymbolConfigRow
from tests.account_history import History

ID, NAME = 8_886_774, "my-id"
T = 1_568_879_465_650

SEEDS = st.integers(0, 2**32)


def order_event(at: int = 0, **changes: Any) -> usdm.OrderTradeUpdate:
    """Return an order update of the stream, so many milliseconds after `T`: a new limit order unless told otherwise."""
    fields: dict[str, Any] = {
        "event_time_ms": T + at + 2,
        "transaction_time_ms": T + at,
        "symbol": "BTCUSDT",
        "order_id": ID,
        "client_order_id": NAME,
        "side": "BUY",
        "position_side": "BOTH",
        "order_type": "LIMIT",
        "original_order_type": "LIMIT",
        "time_in_force": "GTC",
        "quantity": Decimal(10),
        "price": Decimal(300),
        "average_price": Decimal(0),
        "execution_type": "NEW",
        "status": "NEW",
        "filled_quantity": Decimal(0),
    }
    return usdm.OrderTradeUpdate(**{**fields, **changes})


def fill_event(at: int, filled: int, status: str = "PARTIALLY_FILLED", **changes: Any) -> usdm.OrderTradeUpdate:
    """Return a fill of 1 after which so much is filled in total."""
    told = {"last_filled_quantity": Decimal(1), "filled_quantity": Decimal(filled), "average_price": Decimal(299)}
    return order_event(at, execution_type="TRADE", status=status, **{**told, **changes})


def rest_event(at: int, **changes: Any) -> usdm.OrderTradeUpdate:
    """Return an order's state by REST."""
    return order_event(at, **{"event_time_ms": None, "execution_type": None, "origin": FROM_REST, **changes})


def recovered_event(at: int, quantity: int = 1) -> usdm.OrderTradeUpdate:
    """Return a fill as it is recovered when nothing else is known of its order."""
    return usdm.OrderTradeUpdate(
        origin=FROM_REST,
        transaction_time_ms=T + at,
        symbol="BTCUSDT",
        order_id=ID,
        side="BUY",
        execution_type="TRADE",
        last_filled_quantity=Decimal(quantity),
    )


def account_event(
    at: Optional[int], wallet: Optional[int] = None, amount: Optional[int] = None, sent: int = 2, **changes: Any
) -> usdm.AccountUpdate:
    """Return an account update of the stream, about USDT or the BTCUSDT position or both."""
    balances = positions = ()
    if wallet is not None:
        balances = (usdm.Balance(asset="USDT", wallet_balance=Decimal(wallet), cross_wallet_balance=Decimal(wallet)),)
    if amount is not None:
        row = usdm.Position(symbol="BTCUSDT", amount=Decimal(amount), entry_price=Decimal(300), position_side="BOTH")
        row = attrs.evolve(row, accumulated_realized=Decimal(5), margin_type="cross", margin_asset="USDT")
        positions = (row,)
    when = None if at is None else T + at
    told = {"event_time_ms": T + (at or 0) + sent, "transaction_time_ms": when, "reason": "ORDER"}
    return usdm.AccountUpdate(**{**told, "balances": balances, "positions": positions, **changes})


def by_rest(event: usdm.AccountUpdate) -> usdm.AccountUpdate:
    """Return an account update as REST tells it, which knows no profit realised and no margin type."""
    positions = tuple(
        attrs.evolve(row, accumulated_realized=None, margin_type=None, margin_asset=None) for row in event.positions
    )
    return attrs.evolve(event, origin=FROM_REST, event_time_ms=None, reason=None, positions=positions)


def algo_event(at: int, status: Optional[str], **changes: Any) -> usdm.AlgoUpdate:
    """Return an update of a conditional order."""
    fields = {
        "event_time_ms": T + at + 2,
        "transaction_time_ms": T + at,
        "algo_id": 77,
        "client_algo_id": "my-stop",
        "symbol": "BTCUSDT",
        "side": "SELL",
        "order_type": "STOP_MARKET",
        "quantity": Decimal(10),
        "trigger_price": Decimal(290),
        "status": status,
    }
    return usdm.AlgoUpdate(**{**fields, **changes})


def told(*events: Event) -> Account:
    """Return an account that was told these."""
    account = Account()
    for event in events:
        account.apply(event)
    return account


def shown(account: AccountView) -> dict[str, Any]:
    """Return what there is in the form of `Exchange.truth`."""
    return {
        "balances": {asset: row.wallet_balance for asset, row in account.balances.items()},
        "positions": {key: row.amount for key, row in account.positions.items()},
        "open_orders": {key: (row.status, row.filled_quantity) for key, row in account.open_orders.items()},
        "open_algo_orders": {key: row.status for key, row in account.open_algo_orders.items()},
    }


def lives(account: AccountView) -> dict[int, Any]:
    """Return the history of every order."""
    return {key: row.history for key, row in {**account.open_orders, **account.recent_orders}.items()}


def without_zeros(truth: dict[str, Any]) -> dict[str, Any]:
    """Return the truth as far as there is something."""
    return {**truth, "balances": {asset: amount for asset, amount in truth["balances"].items() if amount}}


# Whole histories


@settings(max_examples=60, deadline=None)
@given(SEEDS, SEEDS, st.booleans())
def test_the_order_of_what_is_told_does_not_matter(seed, order, hedge_mode):
    """What the stream and REST told of one history, mixed anyhow and partly twice, ends in the same account."""
    history = History(seed, hedge_mode=hedge_mode)
    events = [*history.told, *history.last_words]
    in_order = told(*events)
    mixed = told(*history.shuffled(events, order, twice=0.3))

    assert without_zeros(history.truth) == shown(in_order)
    assert in_order.snapshot() == mixed.snapshot()
    assert lives(in_order) == lives(mixed)


@settings(max_examples=60, deadline=None)
@given(SEEDS, SEEDS, st.booleans(), st.sampled_from([0.1, 0.5, 1.0]))
def test_what_the_stream_lost_rest_makes_good(seed, order, hedge_mode, lost):
    """However much of the stream was lost, with REST's last words in any place among the rest the account is true."""
    history = History(seed, hedge_mode=hedge_mode)
    came = [
        event for place, event in enumerate(history.told) if (place * 2_654_435_761 + order) % 1_000 >= lost * 1_000
    ]
    account = told(*history.shuffled([*came, *history.last_words], order, twice=0.3))

    assert without_zeros(history.truth) == shown(account)
    assert set(history.truth["open_orders"]) == set(account.open_orders)


@settings(max_examples=20, deadline=None)
@given(SEEDS, st.booleans())
def test_told_again_nothing_is_news(seed, hedge_mode):
    """A whole history told a second time changes nothing, and says so."""
    history = History(seed, hedge_mode=hedge_mode)
    account = told(*history.told)
    before = account.snapshot()
    # Of the account updates of one millisecond only the last one still stands.
    again = [event for event in history.told if not isinstance(event, usdm.AccountUpdate)]

    assert [] == [event for event in again if account.apply(event)]
    assert before == account.snapshot()


# Orders


def test_a_new_order_is_open():
    """Everything the event tells of the order is shown, and it is found by either id."""
    account = Account()
    changed = account.apply(order_event(0, stop_price=Decimal(7), is_reduce_only=True, is_close_all=False))
    order = account.order(ID)

    assert changed
    assert ("BTCUSDT", ID, NAME, "BUY", "BOTH") == (
        order.symbol, order.order_id, order.client_order_id, order.side, order.position_side,
    )  # fmt: skip
    assert ("LIMIT", "LIMIT", "GTC", "NEW") == (
        order.order_type, order.original_order_type, order.time_in_force, order.status,
    )  # fmt: skip
    assert (10, 300, 7, 0, 0) == (
        order.quantity, order.price, order.stop_price, order.filled_quantity, order.average_price,
    )  # fmt: skip
    assert (True, False, T, True) == (order.is_reduce_only, order.is_close_all, order.updated_ms, order.is_known)
    assert (True, False, 10) == (order.is_open, order.is_done, order.remaining_quantity)
    assert order is account.order(NAME)
    assert {ID: order} == account.open_orders


@pytest.mark.fault(60)
def test_a_fill_may_come_before_the_order():
    """TRADE first and NEW after it: the order stays partly filled, and NEW still tells what the fill did not."""
    account = told(fill_event(5, 1, client_order_id=None, time_in_force=None))
    changed = account.apply(order_event(0))
    order = account.order(NAME)

    assert changed
    assert ("PARTIALLY_FILLED", 1, 299, "GTC") == (
        order.status, order.filled_quantity, order.average_price, order.time_in_force,
    )  # fmt: skip
    assert T + 5 == order.updated_ms
    assert order is account.order(ID)


@pytest.mark.parametrize("end", ["FILLED", "CANCELED", "EXPIRED", "EXPIRED_IN_MATCH", "REJECTED"])
def test_an_ended_order_stays_ended(end):
    """Whatever word ends it, nothing reopens it: no event of the stream, and no row of REST with a later time."""
    account = told(order_event(0), order_event(5, execution_type="EXPIRED", status=end))
    for late in (order_event(9), fill_event(10, 1), rest_event(11), rest_event(12, status="PARTIALLY_FILLED")):
        account.apply(late)

    assert (end, True) == (account.order(ID).status, account.order(ID).is_done)
    assert {} == account.open_orders
    assert [ID] == list(account.recent_orders)


@pytest.mark.fault(60)
def test_a_fill_after_the_end_still_counts():
    """A fill that comes after CANCELED raises what was filled, and reopens nothing."""
    account = told(order_event(0), order_event(5, execution_type="CANCELED", status="CANCELED"))
    changed = account.apply(fill_event(4, 3))
    order = account.order(ID)

    assert changed
    assert ("CANCELED", 3, 299, 0) == (
        order.status, order.filled_quantity, order.average_price, order.remaining_quantity,
    )  # fmt: skip
    assert {} == account.open_orders


@pytest.mark.parametrize("backwards", [False, True])
def test_of_two_ends_the_one_with_more_filled_stands(backwards):
    """CANCELED, and FILLED by a fill that crossed the cancellation: it was filled, whatever came last."""
    events = [order_event(5, execution_type="CANCELED", status="CANCELED"), fill_event(4, 10, "FILLED")]
    account = told(*(reversed(events) if backwards else events))

    assert ("FILLED", 10) == (account.order(ID).status, account.order(ID).filled_quantity)


def test_the_filled_quantity_only_grows():
    """A fill that comes late brings nothing back down, and its mean price is not that of the whole."""
    account = told(fill_event(9, 5))
    changed = account.apply(fill_event(3, 2, average_price=Decimal(290)))

    assert not changed
    assert (5, 299) == (account.order(ID).filled_quantity, account.order(ID).average_price)


def test_a_mean_price_told_later_is_taken():
    """A recovered fill tells how much is filled and not at what mean price; the order's row tells that."""
    account = told(order_event(0), recovered_event(4, quantity=2))
    before = account.order(ID)
    account.apply(rest_event(4, status="PARTIALLY_FILLED", filled_quantity=Decimal(2), average_price=Decimal(298)))

    assert (2, 0) == (before.filled_quantity, before.average_price)
    assert (2, 298) == (account.order(ID).filled_quantity, account.order(ID).average_price)


@pytest.mark.fault(60)
@pytest.mark.parametrize("backwards", [False, True])
def test_an_amendment_changes_the_terms(backwards):
    """The status stays, quantity and price are those of the newer time, whatever came last."""
    events = [fill_event(5, 1), order_event(6, execution_type="AMENDMENT", status="PARTIALLY_FILLED",
              filled_quantity=Decimal(1), quantity=Decimal(20), price=Decimal(310))]  # fmt: skip
    account = told(*(reversed(events) if backwards else events))
    order = account.order(ID)

    assert (20, 310, 1, "PARTIALLY_FILLED") == (order.quantity, order.price, order.filled_quantity, order.status)


def test_a_malformed_amendment_amends_all_the_same():
    """Its time alone makes it the newer, whatever else it lacks."""
    account = told(
        fill_event(5, 1),
        order_event(6, execution_type="AMENDMENT", status=None, filled_quantity=None, quantity=Decimal(20)),
    )

    assert (20, 1, "PARTIALLY_FILLED") == (
        account.order(ID).quantity, account.order(ID).filled_quantity, account.order(ID).status,
    )  # fmt: skip


def test_a_recovered_fill_does_not_make_terms_old():
    """It does not tell them, so an amendment before it is still news."""
    account = told(order_event(0), recovered_event(9))
    account.apply(order_event(5, execution_type="AMENDMENT", quantity=Decimal(20)))

    assert 20 == account.order(ID).quantity


@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize(
    "other",
    [order_event(0), rest_event(0, quantity=Decimal(20), price=Decimal(310)), order_event(0, execution_type="EXPIRED")],
    ids=["new", "rest", "other"],
)
def test_an_amendment_within_the_same_millisecond_is_the_newer(backwards, other):
    """An order is amended after it was made, and REST shows what the millisecond ended with."""
    amended = order_event(0, execution_type="AMENDMENT", quantity=Decimal(20), price=Decimal(310))
    account = told(*([amended, other] if backwards else [other, amended]))

    assert (20, 310) == (account.order(ID).quantity, account.order(ID).price)


@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize("execution_type", ["NEW", "EXPIRED"])
def test_rest_shows_what_a_millisecond_ended_with(backwards, execution_type):
    """Where the amendment itself was lost, REST's row of the same time stands above what came before it."""
    events = [order_event(0, execution_type=execution_type), rest_event(0, quantity=Decimal(20))]
    account = told(*(reversed(events) if backwards else events))

    assert 20 == account.order(ID).quantity


@pytest.mark.fault(22)
def test_rest_never_moves_an_order_backwards():
    """A row that lags behind the stream changes nothing."""
    account = told(order_event(0), fill_event(5, 2))
    changed = account.apply(rest_event(0))

    assert not changed
    assert ("PARTIALLY_FILLED", 2, T + 5) == (
        account.order(ID).status, account.order(ID).filled_quantity, account.order(ID).updated_ms,
    )  # fmt: skip


def test_rest_moves_an_order_forwards():
    """A row that is newer is taken, and what the stream then tells late changes nothing back."""
    account = told(order_event(0))
    changed = account.apply(rest_event(9, status="FILLED", filled_quantity=Decimal(10), average_price=Decimal(297)))
    account.apply(fill_event(5, 4))
    order = account.order(ID)

    assert changed
    assert ("FILLED", 10, 297) == (order.status, order.filled_quantity, order.average_price)


def test_a_recovered_fill_tells_what_it_can():
    """Of an unknown order it tells that it exists and is filled by so much at least; no status is made up."""
    account = told(recovered_event(3, quantity=2))
    order = account.order(ID)

    assert (True, None, 2, 0, 0) == (order.is_known, order.status, order.filled_quantity, order.quantity, order.price)
    assert (False, False) == (order.is_open, order.is_done)
    assert ({}, [ID]) == (dict(account.open_orders), list(account.recent_orders))


def test_an_order_known_by_a_fill_becomes_open_by_its_state():
    """When REST or the stream then tells that it is open, it is."""
    account = told(recovered_event(3), rest_event(3, status="PARTIALLY_FILLED", filled_quantity=Decimal(1)))

    assert [ID] == list(account.open_orders)
    assert [] == list(account.recent_orders)


@pytest.mark.fault(62)
def test_a_liquidation_is_done_although_it_says_new():
    """The exchange's own closing order: CALCULATED, status NEW, and all of it filled."""
    fill = fill_event(0, 10, "NEW", last_filled_quantity=Decimal(10), client_order_id="autoclose-1")
    account = told(attrs.evolve(fill, execution_type="CALCULATED", order_type="LIQUIDATION"))
    order = account.order("autoclose-1")

    assert ("NEW", True, False, 0) == (order.status, order.is_done, order.is_open, order.remaining_quantity)
    assert {} == account.open_orders


def test_an_order_that_closes_everything_is_not_done_before_it_says_so():
    """Its quantity is 0, and 0 of 0 is not all of it."""
    account = told(order_event(0, quantity=Decimal(0), is_close_all=True))

    assert (True, False) == (account.order(ID).is_open, account.order(ID).is_done)


def test_a_word_that_is_missing_here_ends_nothing():
    """An unknown status is shown as it came, and counts as open."""
    account = told(order_event(0), order_event(5, execution_type="X", status="PENDING_SOMETHING"))

    assert ("PENDING_SOMETHING", True) == (account.order(ID).status, account.order(ID).is_open)


def test_what_came_malformed_is_not_forgotten():
    """A field that an event lacks keeps what was told before."""
    account = told(
        order_event(0, is_reduce_only=True, is_close_all=False),
        order_event(5, status=None, price=None, position_side=None, client_order_id=None),
    )
    order = account.order(NAME)

    assert ("NEW", 300, "BOTH", T + 5) == (order.status, order.price, order.position_side, order.updated_ms)
    assert (True, False) == (order.is_reduce_only, order.is_close_all)


@pytest.mark.parametrize(
    "changes, at",
    [
        ({}, T),
        ({"transaction_time_ms": None, "trade_time_ms": T + 1}, T + 1),
        ({"transaction_time_ms": None}, T + 2),
        ({"transaction_time_ms": None, "event_time_ms": None}, 0),
    ],
)
def test_an_event_without_its_time_is_dated_by_another(changes, at):
    """The transaction's time, else the trade's, else the event's; without any it is older than everything."""
    assert at == told(order_event(0, **changes)).order(ID).updated_ms


# Ids


def test_ids_of_two_symbols_are_told_apart():
    """Binance numbers orders within a symbol, and users' ids may repeat too: the symbol says which one is meant."""
    account = told(order_event(0), order_event(1, symbol="ETHUSDT", side="SELL"))

    assert ["BUY", "SELL"] == [account.order(ID, symbol).side for symbol in ("BTCUSDT", "ETHUSDT")]
    assert ["BUY", "SELL"] == [account.order(NAME, symbol).side for symbol in ("BTCUSDT", "ETHUSDT")]
    assert not account.order(ID, "BNBUSDT").is_known
    assert {ID: account.order(ID, "ETHUSDT")} == account.open_orders


@pytest.mark.parametrize("look", [Account.view, Account.snapshot], ids=["view", "snapshot"])
@pytest.mark.parametrize("ends", [(9, 7), (7, 9)])
def test_a_users_id_used_again_means_the_open_order(look, ends):
    """Ended orders free their ids; without an open one the last that changed is meant."""
    account = told(
        order_event(0, order_id=1), order_event(ends[0], order_id=1, status="CANCELED"), order_event(5, order_id=2)
    )
    while_open = look(account).order(NAME).order_id
    account.apply(order_event(ends[1], order_id=2, status="CANCELED"))

    assert 2 == while_open
    assert (1 if ends[0] > ends[1] else 2) == look(account).order(NAME).order_id


# Bounds


def test_ended_orders_are_kept_up_to_a_bound():
    """The first to end is the first to go, with both its ids; open orders stay however many they are."""
    account = Account()
    for number in range(ENDED_KEPT + 10):
        account.apply(order_event(number, order_id=number, client_order_id=f"open-{number}"))
    for number in range(ENDED_KEPT + 5):
        account.apply(order_event(10_000 + number, order_id=number, client_order_id=f"open-{number}", status="FILLED"))

    assert ENDED_KEPT == len(account.recent_orders)
    assert list(range(ENDED_KEPT + 5, ENDED_KEPT + 10)) == list(account.open_orders)
    assert [False, True] == [account.order(number).is_known for number in (4, 5)]
    assert [False, True] == [account.order(f"open-{number}").is_known for number in (4, 5)]


def test_a_dropped_order_leaves_nothing_behind():
    """Millions of orders, under ever new ids, cost no more than the bound."""
    account = Account()
    for number in range(3 * ENDED_KEPT):
        account.apply(order_event(number, order_id=number, client_order_id=f"id-{number}", status="FILLED"))
        account.apply(algo_event(number, "FINISHED", algo_id=number, client_algo_id="the same"))

    assert 2 * ENDED_KEPT + 2 == len(account._rows)
    assert 3 * ENDED_KEPT + 1 == len(account._names._keys)
    assert ENDED_KEPT == len(account._names.keys(("algo order", "the same")))


def test_an_order_between_lists_when_its_thread_was_interrupted_does_no_harm(monkeypatch):
    """Ctrl-C in the thread that runs the stream may come between two steps; the next event puts it right."""
    account = Account()
    with monkeypatch.context() as interrupted:
        interrupted.setattr(Account, "_put", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            account.apply(order_event(0, status="FILLED"))
    for number in range(ENDED_KEPT):
        account.apply(order_event(number, order_id=number, client_order_id=None, status="FILLED"))

    assert ENDED_KEPT == len(account.recent_orders)
    assert not account.order(NAME).is_known


# Algo orders


def test_a_conditional_order_goes_its_way():
    """NEW, TRIGGERING, TRIGGERED, FINISHED, by the rank of the words and not by what came last."""
    account = told(algo_event(0, "NEW"), algo_event(5, "TRIGGERED", actual_order_id=ID), algo_event(5, "TRIGGERING"))
    triggered = account.algo_order("my-stop")
    seen = list(account.open_algo_orders)
    changed = account.apply(algo_event(9, "FINISHED", actual_order_id=None))
    finished = account.algo_order(77)

    assert [77] == seen
    assert ("TRIGGERED", ID, True, False) == (
        triggered.status, triggered.actual_order_id, triggered.is_open, triggered.is_done,
    )  # fmt: skip
    assert changed
    assert ("FINISHED", ID, False, True) == (
        finished.status, finished.actual_order_id, finished.is_open, finished.is_done,
    )  # fmt: skip
    assert {} == account.open_algo_orders


def test_an_ended_conditional_order_stays_ended():
    """REST may still show it as NEW a second after it was cancelled."""
    account = told(algo_event(0, "NEW"), algo_event(5, "CANCELED"))
    changed = account.apply(algo_event(9, "NEW", origin=FROM_REST, event_time_ms=None))

    assert ("CANCELED", {}) == (account.algo_order(77).status, dict(account.open_algo_orders))
    # When it last changed is told by whoever says so, and that is all that is new.
    assert changed
    assert T + 9 == account.algo_order(77).updated_ms


def test_a_conditional_order_whose_status_came_late_is_kept_while_it_is_open():
    """A frame may lack the status; from when it is known to be open, the bound of ended ones is not about it."""
    account = told(algo_event(0, None), algo_event(1, "NEW"))
    for number in range(ENDED_KEPT + 1):
        account.apply(algo_event(number, "FINISHED", algo_id=1_000 + number))

    assert [77] == list(account.open_algo_orders)


# Balances and positions


def test_balances_and_positions_are_the_newest_of_what_was_told():
    """Rows are absolute: the newer one stands, whatever came last."""
    account = told(account_event(5, wallet=90, amount=3))
    changed = account.apply(account_event(4, wallet=100, amount=2))

    assert not changed
    assert (90, 90, T + 5, True) == (
        account.balance("USDT").wallet_balance, account.balance("USDT").cross_wallet_balance,
        account.balance("USDT").updated_ms, account.balance("USDT").is_known,
    )  # fmt: skip
    assert (3, 300, 5, "cross") == (
        account.position("BTCUSDT").amount, account.position("BTCUSDT").entry_price,
        account.position("BTCUSDT").accumulated_realized, account.position("BTCUSDT").margin_type,
    )  # fmt: skip


def test_each_row_is_judged_by_itself():
    """An event may be old for an asset and news for a position."""
    account = told(account_event(5, wallet=90))
    changed = account.apply(account_event(4, wallet=100, amount=2))

    assert changed
    assert (90, 2) == (account.balance("USDT").wallet_balance, account.position("BTCUSDT").amount)


def test_of_one_millisecond_the_last_of_the_stream_stands():
    """Fills in a burst share their times, and the stream is ordered."""
    account = told(*(account_event(5, wallet=wallet, amount=wallet) for wallet in (10, 9, 8)))

    assert (8, 8) == (account.balance("USDT").wallet_balance, account.position("BTCUSDT").amount)


def test_of_one_transaction_time_the_later_event_stands():
    """Where ``E`` tells two account updates of one ``T`` apart, it does."""
    account = told(account_event(5, wallet=8, amount=8, sent=7), account_event(5, wallet=10, amount=10, sent=3))

    assert (8, 8) == (account.balance("USDT").wallet_balance, account.position("BTCUSDT").amount)


@pytest.mark.parametrize("backwards", [False, True])
def test_rest_shows_what_the_millisecond_of_a_row_ended_with(backwards):
    """The stream's last frame of a burst may be lost: then REST's row of the same time is all that can tell."""
    events = [account_event(5, wallet=9, amount=9), by_rest(account_event(5, wallet=8, amount=8))]
    account = told(*(reversed(events) if backwards else events))

    assert (8, 8) == (account.balance("USDT").wallet_balance, account.position("BTCUSDT").amount)


def test_rest_may_put_its_own_words_right():
    """A second reading of the same time may show the end of the millisecond of which the first showed the middle."""
    account = told(by_rest(account_event(5, wallet=10, amount=10)), by_rest(account_event(5, wallet=8, amount=8)))

    assert (8, 8) == (account.balance("USDT").wallet_balance, account.position("BTCUSDT").amount)


@pytest.mark.parametrize("backwards", [False, True])
def test_what_rest_does_not_show_is_kept(backwards):
    """REST knows neither the margin type nor the profit realised; the stream's last word about them stands."""
    events = [account_event(5, amount=2), by_rest(account_event(9, amount=3))]
    account = told(*(reversed(events) if backwards else events))
    position = account.position("BTCUSDT")

    assert (3, 5, "cross", "USDT", T + 9) == (
        position.amount, position.accumulated_realized, position.margin_type, position.margin_asset,
        position.updated_ms,
    )  # fmt: skip


# What the exchange forgets


def test_a_forgotten_order_is_over():
    """It stands open no longer, and nobody says how it ended."""
    account = told(order_event())
    account.order_forgotten("BTCUSDT", ID)
    order = account.order(ID)

    assert (True, True, False, "NEW", 0) == (
        order.is_forgotten, order.is_done, order.is_open, order.status, order.remaining_quantity,
    )  # fmt: skip
    assert ({}, {ID: order}) == (dict(account.open_orders), dict(account.recent_orders))


def test_a_forgotten_conditional_order_is_over():
    """As an order is."""
    account = told(algo_event(0, "NEW"))
    account.algo_order_forgotten(77)
    order = account.algo_order(77)

    assert (True, True, False, "NEW") == (order.is_forgotten, order.is_done, order.is_open, order.status)
    assert {} == dict(account.open_algo_orders)


@pytest.mark.parametrize("event", [rest_event(0), rest_event(9, status="CANCELED"), fill_event(9, 1)])
def test_an_order_that_is_told_of_again_is_not_forgotten(event):
    """Be it that it stands open after all, or how it ended."""
    account = told(order_event())
    account.order_forgotten("BTCUSDT", ID)
    account.apply(event)

    assert (False, event.status) == (account.order(ID).is_forgotten, account.order(ID).status)


@pytest.mark.parametrize("event", [order_event(-9), recovered_event(9)])
def test_an_order_stays_forgotten(event):
    """By what was known before, and by what says nothing about its status."""
    account = told(order_event())
    account.order_forgotten("BTCUSDT", ID)
    account.apply(event)

    assert account.order(ID).is_forgotten


@pytest.mark.parametrize(
    "event, is_forgotten", [(algo_event(-9, "NEW"), True), (algo_event(9, None), True), (algo_event(9, "NEW"), False)]
)
def test_a_conditional_order_stays_forgotten_until_it_is_told_of_again(event, is_forgotten):
    """As an order does."""
    account = told(algo_event(0, "NEW"))
    account.algo_order_forgotten(77)
    account.apply(event)

    assert is_forgotten is account.algo_order(77).is_forgotten


def test_only_what_stands_open_can_be_forgotten():
    """How an order ended is known for good, and what nobody told of is not known for being forgotten."""
    account = told(order_event(status="CANCELED"), algo_event(0, "FINISHED"))
    for more in (0, 1):
        account.order_forgotten("BTCUSDT", ID + more)
        account.algo_order_forgotten(77 + more)

    assert (False, False) == (account.order(ID).is_forgotten, account.algo_order(77).is_forgotten)
    assert (False, False) == (account.order(ID + 1).is_known, account.algo_order(78).is_known)


def test_what_is_zero_is_not_there():
    """A closed position and an empty balance are known, and in no mapping."""
    account = told(account_event(0, wallet=5, amount=1))
    held = list(account.positions)
    account.apply(account_event(1, wallet=0, amount=0))

    assert [("BTCUSDT", "BOTH")] == held
    assert ({}, {}) == (dict(account.balances), dict(account.positions))
    assert (True, True) == (account.balance("USDT").is_known, account.position("BTCUSDT").is_known)


def test_a_closed_position_is_not_reopened():
    """What REST says is gone, by a row with the amount 0, an older row does not bring back."""
    account = told(account_event(0, amount=1), by_rest(account_event(9, amount=0)), account_event(5, amount=2))

    assert 0 == account.position("BTCUSDT").amount


def test_in_hedge_mode_both_sides_are_kept_apart():
    """LONG and SHORT of one symbol are two positions, BOTH a third that stays empty."""
    row = account_event(0, amount=1).positions[0]
    rows = tuple(
        attrs.evolve(row, position_side=side, amount=Decimal(amount))
        for side, amount in (("BOTH", 0), ("LONG", 3), ("SHORT", -2))
    )
    account = told(account_event(0, positions=rows))
    account.apply(account_event(1, positions=(attrs.evolve(rows[1], amount=Decimal(0)),)))

    assert {("BTCUSDT", "SHORT"): account.position("BTCUSDT", "SHORT")} == account.positions
    assert (0, 0, -2) == tuple(account.position("BTCUSDT", side).amount for side in ("BOTH", "LONG", "SHORT"))


def test_an_account_update_without_a_transaction_time_is_dated_by_the_event():
    """A malformed ``T`` does not make an event the oldest of all."""
    assert T + 2 == told(account_event(None, wallet=1)).balance("USDT").updated_ms


# Settings


def test_leverage_and_mode_are_the_newest_of_what_was_told():
    """By their time, per symbol; None while nobody told."""

    def config(at: int, **changes: Any) -> usdm.AccountConfigUpdate:
        return usdm.AccountConfigUpdate(event_time_ms=T + at, transaction_time_ms=T + at, **changes)

    account = Account()
    before = account.leverage("BTCUSDT"), account.is_multi_assets_mode
    changes = [
        account.apply(config(5, symbol="BTCUSDT", leverage=20)),
        account.apply(config(4, symbol="BTCUSDT", leverage=10)),
        account.apply(config(4, symbol="ETHUSDT", leverage=10)),
        account.apply(config(6, is_multi_assets_mode=False)),
        account.apply(config(7, is_multi_assets_mode=False)),
        account.apply(config(6, is_multi_assets_mode=True)),
        account.apply(config(9)),
    ]

    assert (None, None) == before
    assert [True, False, True, True, False, False, False] == changes
    assert (20, 10, False) == (account.leverage("BTCUSDT"), account.leverage("ETHUSDT"), account.is_multi_assets_mode)


# As of, trust, and the rest


def test_as_of_is_the_newest_of_all_that_was_told():
    """None before anything, then the highest time; what is no news does not set it back."""
    account = Account()
    before = account.as_of_ms
    for event in (order_event(3), account_event(9, wallet=1), algo_event(5, "NEW"), order_event(1)):
        account.apply(event)

    assert None is before
    assert T + 9 == account.as_of_ms


@pytest.mark.parametrize(
    "event",
    [
        UnknownEvent(name="NEW_NAME", transaction_time_ms=T),
        usdm.ListenKeyExpired(event_time_ms=T),
        usdm.MarginCall(event_time_ms=T),
        usdm.TradeLite(
            transaction_time_ms=T,
            symbol="BTCUSDT",
            side="BUY",
            trade_id=1,
            order_id=ID,
            last_filled_quantity=Decimal(1),
        ),
    ],
    ids=lambda event: type(event).__name__,
)
def test_what_is_no_state_is_ignored(event):
    """Signals and unknown events change nothing, and a ``TradeLite`` is no second fill."""
    account = Account()

    assert not account.apply(event)
    assert AccountSnapshot({}, False) == account.snapshot()


@pytest.mark.parametrize("is_synchronised", [False, True])
@pytest.mark.parametrize("is_live", [False, True])
def test_trust_needs_both(is_synchronised, is_live):
    """The account was compared with REST, and the stream is LIVE."""
    account = Account(lambda: is_live)
    _ = is_synchronised and account.synchronise()

    assert (is_synchronised and is_live) is account.trusted
    assert account.trusted is account.view().trusted is account.snapshot().trusted


def test_by_itself_an_account_is_not_trusted():
    """Nobody vouches for it."""
    account = Account()
    account.synchronise()

    assert not account.trusted


# Fills and history


def test_an_order_has_its_fills_and_its_history():
    """What was filled, one by one, and what happened when."""
    account = told(
        order_event(0),
        fill_event(5, 1, trade_id=7, last_filled_price=Decimal(299)),
        fill_event(6, 2, trade_id=8, last_filled_price=Decimal(301), average_price=Decimal(300)),
        order_event(9, execution_type="CANCELED", status="CANCELED", filled_quantity=Decimal(2)),
    )
    order = account.order(NAME)

    assert [(7, 1, 299, T + 5), (8, 1, 301, T + 6)] == [
        (fill.trade_id, fill.quantity, fill.price, fill.time_ms) for fill in order.fills
    ]
    assert ["NEW", "TRADE", "TRADE", "CANCELED"] == [step.execution_type for step in order.history]
    assert [0, 5, 6, 9] == [step.time_ms - T for step in order.history]
    assert (2, 300, True) == (order.filled_quantity, order.average_price, order.has_all_fills)
    assert not attrs.evolve(order, fills=order.fills[1:]).has_all_fills


@pytest.mark.parametrize("backwards", [False, True])
def test_fills_that_are_recovered_add_up(backwards):
    """Though none tells the sum, so much is filled at least, and at that mean price."""
    fills = [
        attrs.evolve(recovered_event(at, quantity), trade_id=at, last_filled_price=Decimal(price))
        for at, quantity, price in ((5, 1, 290), (6, 3, 298))
    ]
    order = told(order_event(0), *(reversed(fills) if backwards else fills)).order(ID)

    assert (4, 296, True) == (order.filled_quantity, order.average_price, order.has_all_fills)


@pytest.mark.parametrize("order_of_events", [(0, 1), (1, 0)])
def test_a_fill_of_the_stream_and_one_recovered_add_up(order_of_events):
    """The one says that 1 is filled, of the other nobody says what it made of the order: 2 is filled."""
    events = [
        fill_event(5, 1, trade_id=5, last_filled_price=Decimal(290), average_price=Decimal(290)),
        attrs.evolve(recovered_event(6, 1), trade_id=6, last_filled_price=Decimal(300)),
    ]
    order = told(order_event(0), *(events[place] for place in order_of_events)).order(ID)

    assert (2, 295) == (order.filled_quantity, order.average_price)


def test_of_the_fills_of_ended_orders_the_newest_are_kept(monkeypatch):
    """Orders that ended long ago keep no fills, and say so; all else of them stays."""
    monkeypatch.setattr(account_module, "ENDED_FILLS_KEPT", 4)
    account = Account()
    for number in range(5):
        for trade in (1, 2):
            status = "FILLED" if trade == 2 else "PARTIALLY_FILLED"
            account.apply(
                fill_event(10 * number + trade, trade, status, order_id=number, trade_id=2 * number + trade,
                           quantity=Decimal(2), client_order_id=f"id-{number}")
            )  # fmt: skip

    assert [0, 0, 0, 2, 2] == [len(account.order(number).fills) for number in range(5)]
    assert [False, False, False, True, True] == [account.order(number).has_all_fills for number in range(5)]
    assert {2} == {account.order(number).filled_quantity for number in range(5)}
    assert 4 == account._fills_kept == sum(account._ended_fills.values())


def test_dropped_orders_take_their_fills_with_them(monkeypatch):
    """What is counted of the fills of ended orders is what is kept."""
    monkeypatch.setattr(account_module, "ENDED_KEPT", 2)
    account = Account()
    for number in range(5):
        account.apply(fill_event(number, 10, "FILLED", order_id=number, trade_id=number + 1))

    assert (2, 2) == (account._fills_kept, len(account._ended_fills))


def test_one_client_order_id_may_be_used_for_ever():
    """Thousands of orders of one name cost no more each than the first ones did: their keys are a set."""
    account = Account()
    for number in range(3 * ENDED_KEPT):
        account.apply(order_event(number, order_id=number, status="FILLED"))

    assert ENDED_KEPT == len(account._names.keys(("order", NAME)))
    assert 3 * ENDED_KEPT - 1 == account.order(NAME).order_id


# A conditional order and the order it became


def child_event(at: int, **changes: Any) -> usdm.OrderTradeUpdate:
    """Return the first word about the order that the conditional order 77 became."""
    told = {"client_order_id": "my-stop", "strategy_type": "ALGO_CONDITION", "strategy_id": 77, "strategy_sub_id": -1}
    return order_event(at, **{**told, **changes})


@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize(
    "events",
    [
        [algo_event(0, "TRIGGERED"), child_event(1)],
        [algo_event(0, "TRIGGERED", actual_order_id=ID), order_event(1)],
        [algo_event(0, "TRIGGERED", actual_order_id=ID), child_event(1)],
    ],
    ids=["the order tells", "the conditional order tells", "both tell"],
)
def test_a_triggered_order_and_what_it_became_know_each_other(events, backwards):
    """Whichever of the two tells, and whichever came first."""
    account = told(*(reversed(events) if backwards else events))
    algo = account.algo_order("my-stop")

    assert (ID, 77) == (algo.actual_order_id, account.order(ID).algo_id)
    assert account.order(algo.actual_order_id, algo.symbol) is account.order(ID)
    assert account.algo_order(account.order(ID).algo_id) is algo


def test_a_tie_may_be_told_late():
    """Both orders were known, and not what they have to do with each other."""
    account = told(algo_event(0, "NEW"), order_event(1), algo_event(2, "TRIGGERED", actual_order_id=ID))
    other = told(algo_event(0, "NEW"), order_event(1), child_event(2, status="PARTIALLY_FILLED"))

    assert 77 == account.order(ID).algo_id
    assert ID == other.algo_order(77).actual_order_id


def test_other_strategies_are_no_conditional_orders():
    """A grid, or an order of an older kind of group, has an id of its own there."""
    account = told(order_event(0, strategy_type="OTOCO", strategy_id=77), algo_event(1, "NEW"))

    assert (None, None) == (account.order(ID).algo_id, account.algo_order(77).actual_order_id)


# How the account trades


def configs(**rows: tuple[Optional[int], Optional[str]]) -> list[SymbolConfigRow]:
    """Return rows of leverage and margin type by symbol."""
    return [
        SymbolConfigRow(symbol=symbol, leverage=leverage, margin_type=margin_type)
        for symbol, (leverage, margin_type) in rows.items()
    ]


def test_what_rest_tells_of_settings_is_shown_and_is_no_news_at_first():
    """Leverage and margin type of every symbol, in its positions too, also of those that come later; and the modes."""
    account = told(account_event(0, amount=1))
    news = account.read_settings(
        T, configs(BTCUSDT=(5, "ISOLATED"), ETHUSDT=(20, "CROSSED")),
        [AccountConfigRow(is_hedge_mode=False, is_multi_assets_mode=True)],
    )  # fmt: skip
    account.apply(
        account_event(9, positions=(attrs.evolve(account_event(9, amount=3).positions[0], symbol="ETHUSDT"),))
    )

    assert [] == news
    assert (5, "isolated") == (account.position("BTCUSDT").leverage, account.position("BTCUSDT").margin_type)
    assert (20, "cross") == (account.position("ETHUSDT").leverage, account.position("ETHUSDT").margin_type)
    assert (5, 20, None) == tuple(map(account.leverage, ("BTCUSDT", "ETHUSDT", "BNBUSDT")))
    assert (20, "cross", False) == (
        account.position("ETHUSDT", "LONG").leverage,
        account.position("ETHUSDT", "LONG").margin_type,
        account.position("ETHUSDT", "LONG").is_known,
    )
    assert (True, False) == (account.is_multi_assets_mode, account.is_hedge_mode)
    assert T + 9 == account.as_of_ms


def test_what_rest_shows_as_changed_is_news():
    """Another leverage, or another mode, than was told before; and rows that agree are not."""
    account = Account()
    modes = AccountConfigRow(is_hedge_mode=False, is_multi_assets_mode=False)
    account.read_settings(T, configs(BTCUSDT=(5, "CROSSED"), ETHUSDT=(5, "CROSSED")), [modes])
    changed, hedged = configs(ETHUSDT=(6, "CROSSED")), attrs.evolve(modes, is_hedge_mode=True)
    news = account.read_settings(T + 5, [*configs(BTCUSDT=(5, "ISOLATED")), *changed], [hedged])

    assert [*changed, hedged] == news
    assert [] == account.read_settings(T + 6, [*configs(BTCUSDT=(5, "ISOLATED")), *changed], [hedged])


def test_rest_does_not_set_settings_back():
    """What the stream told later than REST surely knew stands, whichever came first."""
    leverage = usdm.AccountConfigUpdate(transaction_time_ms=T + 5, event_time_ms=T + 5, symbol="BTCUSDT", leverage=9)
    account = told(leverage, account_event(5, amount=1), order_event(5, position_side="LONG"))
    news = account.read_settings(T + 4, configs(BTCUSDT=(5, "ISOLATED")), [AccountConfigRow(is_hedge_mode=False)])
    before = account.position("BTCUSDT")
    account.read_settings(T + 5, configs(BTCUSDT=(5, "ISOLATED")), [AccountConfigRow(is_hedge_mode=False)])

    assert [] == news
    assert (9, "cross") == (before.leverage, before.margin_type)
    assert (5, "isolated") == (account.position("BTCUSDT").leverage, account.position("BTCUSDT").margin_type)
    assert account.is_hedge_mode is False


def test_a_change_of_leverage_is_seen_in_the_positions():
    """At the same stroke, and in both sides of hedge mode."""
    row = account_event(0, amount=1).positions[0]
    rows = tuple(attrs.evolve(row, position_side=side) for side in ("LONG", "SHORT"))
    account = told(account_event(0, positions=rows))
    account.apply(usdm.AccountConfigUpdate(transaction_time_ms=T + 1, symbol="BTCUSDT", leverage=7))

    assert [7, 7] == [position.leverage for position in account.positions.values()]


@pytest.mark.parametrize(
    ("side", "mode"), [("BOTH", False), ("LONG", True), ("SHORT", True), (None, None), ("?", None)]
)
def test_an_order_tells_the_position_mode(side, mode):
    """Its position side is one of that mode; the newest order tells."""
    account = told(order_event(0, position_side=side))
    account.apply(order_event(-9, position_side="LONG" if side == "BOTH" else "BOTH", order_id=ID + 1))

    assert (mode if mode is not None else False) is account.is_hedge_mode
    assert mode is told(order_event(0, position_side=side)).is_hedge_mode
