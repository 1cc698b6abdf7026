"""The account for those who read it: unknown things, mappings, snapshots, and that nobody sees half an event."""

from __future__ import annotations

import copy
import functools
import pickle
import sys
from collections.abc import Callable
from decimal import Decimal
from types import FrameType
from typing import Any

import attrs
import pytest

from binance_uds.account import Account
from binance_uds.account_view import (
    AccountSnapshot,
    AccountView,
    AlgoOrderState,
    BalanceState,
    OrderState,
    PositionState,
)
from binance_uds.events import usdm
from tests.account_history import History

ZERO = Decimal(0)


@pytest.fixture(scope="module")
def history() -> History:
    return History(seed=1)


@pytest.fixture
def account(history: History) -> Account:
    """An account that has some of everything."""
    account = Account()
    for event in history.told:
        account.apply(event)
    assert account.open_orders
    assert account.recent_orders
    assert account.open_algo_orders
    assert account.positions
    return account


LOOKS = pytest.mark.parametrize(
    "look", [Account.view, Account.snapshot, lambda account: account], ids=["view", "snapshot", "account"]
)


# What nothing is known of


@LOOKS
def test_unknown_things_are_objects_too(look):
    """Each look-up answers an object that says what was asked for, amounts of 0, and that nothing is known."""
    view: AccountView = look(Account())

    assert BalanceState("USDT") == view.balance("USDT")
    assert PositionState("BTCUSDT") == view.position("BTCUSDT")
    assert PositionState("BTCUSDT", "LONG") == view.position("BTCUSDT", "LONG")
    assert OrderState(order_id=5) == view.order(5)
    assert OrderState("BTCUSDT", client_order_id="mine") == view.order("mine", "BTCUSDT")
    assert AlgoOrderState(algo_id=5) == view.algo_order(5)
    assert AlgoOrderState(client_algo_id="mine") == view.algo_order("mine")
    assert (None, None, None) == (view.leverage("BTCUSDT"), view.is_multi_assets_mode, view.as_of_ms)


@pytest.mark.parametrize("state", [BalanceState(), PositionState(), OrderState(), AlgoOrderState()])
def test_of_the_unknown_nothing_is_claimed(state):
    """Not known, every amount 0, not open, not done, never changed."""
    amounts = [getattr(state, field.name) for field in attrs.fields(type(state)) if field.type == "Decimal"]

    assert amounts
    assert {ZERO} == set(amounts)
    assert (False, -1) == (state.is_known, state.updated_ms)
    assert (False, False) == (getattr(state, "is_done", False), getattr(state, "is_open", False))


def test_what_is_left_of_an_order():
    """What is ordered less what is filled, and nothing once it is done or filled beyond what was known as ordered."""
    order = OrderState("BTCUSDT", 1, status="NEW", quantity=Decimal(5), filled_quantity=Decimal(2))

    assert 3 == order.remaining_quantity
    assert 0 == attrs.evolve(order, status="CANCELED").remaining_quantity
    assert 0 == attrs.evolve(order, quantity=ZERO).remaining_quantity


# Mappings


@LOOKS
def test_mappings_are_by_id_and_read_only(account, look):
    """Every mapping answers by the keys that were promised, the same as the look-ups, and refuses to be changed."""
    view: AccountView = look(account)

    assert all(view.balance(asset) is row for asset, row in view.balances.items())
    assert all(view.position(*key) is row for key, row in view.positions.items())
    assert all(view.order(order_id) is row for order_id, row in view.open_orders.items())
    assert all(view.order(row.client_order_id) is row for row in view.recent_orders.values())
    assert all(view.algo_order(algo_id) is row for algo_id, row in view.open_algo_orders.items())
    assert all(view.algo_order(row.client_algo_id) is row for row in view.open_algo_orders.values())
    for mapping in (view.balances, view.positions, view.open_orders, view.recent_orders, view.open_algo_orders):
        with pytest.raises(TypeError):
            mapping["new"] = None  # type: ignore[index]


def test_rows_do_not_change(account):
    """Whoever keeps a row keeps what it said."""
    for row in (account.balance("USDT"), *account.positions.values(), *account.open_orders.values()):
        with pytest.raises(attrs.exceptions.FrozenInstanceError):
            row.updated_ms = 0


def test_a_view_cannot_be_told_anything(account):
    """What users get can be read only."""
    assert not hasattr(account.view(), "apply")
    assert not hasattr(account.snapshot(), "apply")


# Snapshots


def test_a_view_is_live_and_a_snapshot_is_not(account):
    """The view shows what comes, a snapshot what there was; the mapping once taken from either stays as it is."""
    view, snapshot = account.view(), account.snapshot()
    before, mapping, seen = view.balance("USDT"), view.balances, snapshot.balances
    row = usdm.Balance(asset="USDT", wallet_balance=Decimal(7), cross_wallet_balance=Decimal(7))
    account.apply(usdm.AccountUpdate(transaction_time_ms=before.updated_ms + 1, balances=(row,)))

    assert 7 == view.balance("USDT").wallet_balance
    assert before == snapshot.balance("USDT") == mapping["USDT"] == seen["USDT"]
    assert snapshot is snapshot.snapshot()


def test_a_snapshot_is_trusted_only_if_it_was_before_and_after():
    """The stream may cease to be LIVE, or be so again, while the rows are copied."""
    for moments in ([True, False], [False, True]):
        account = Account(iter(moments).__next__)
        account.synchronise()

        assert not account.snapshot().trusted


def test_snapshots_pickle_and_compare(account):
    """One that was sent to another process is equal, and one of another moment is not."""
    snapshot = account.snapshot()
    loaded = pickle.loads(pickle.dumps(snapshot))

    assert snapshot == loaded
    assert snapshot.open_orders == loaded.open_orders
    assert snapshot != Account().snapshot()
    assert snapshot != AccountSnapshot(dict(account.snapshot()._rows), True)
    assert snapshot != "a text"


@pytest.mark.parametrize("duplicate", [pickle.dumps, copy.copy, copy.deepcopy])
def test_a_live_account_does_not_copy(account, duplicate):
    """A copy of it would change on, so the error names what does not."""
    with pytest.raises(TypeError, match=r"neither pickles nor copies; its snapshot\(\) does"):
        duplicate(account.view())


def test_snapshots_do_not_hash():
    """They are compared by content."""
    with pytest.raises(TypeError):
        hash(Account().snapshot())


def test_it_prints_in_a_line(account):
    """How much there is of what, where that is from, and whether it is to be trusted."""
    told = repr(account.view())
    account.synchronise()

    assert told.startswith("<AccountView of ")
    assert told.endswith(", which is what the stream has told so far>")
    assert repr(account.view()).endswith("open orders, not trusted>")
    assert repr(AccountSnapshot(account._rows, True)).endswith("open orders>")


# Nobody sees half an event


def at_every_step(action: Callable[[], Any], look: Callable[[], None]) -> int:
    """Do something, and look before every instruction the interpreter executes in it; returns how often that was."""
    looks = 0

    def trace(frame: FrameType, event: str, argument: object) -> Any:
        nonlocal looks
        frame.f_trace_opcodes = True
        looks += 1
        sys.settrace(None)
        look()
        sys.settrace(trace)
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        action()
    finally:
        sys.settrace(before)
    return looks


def test_at_every_moment_there_is_all_of_an_event_or_nothing(history):
    """A signal handler, a fork or another thread that reads amid an event finds what was before it, or after."""
    account = Account()
    view = account.view()
    looks = 0
    for event in history.told[:100]:
        seen = [account.snapshot()]

        def look(seen: list[AccountSnapshot] = seen) -> None:
            if view._rows != seen[-1]._rows:
                seen.append(view.snapshot())

        looks += at_every_step(functools.partial(account.apply, event), look)

        assert seen in ([seen[0]], [seen[0], account.snapshot()])
    assert looks > 100 * 50


def test_at_every_moment_a_look_up_answers(history):
    """Amid an event an order is found as it was before, or as it is after, by whichever id."""
    account = Account()
    view = account.view()
    for event in history.told[:100]:
        if isinstance(event, usdm.OrderTradeUpdate) and event.client_order_id is not None:
            keys = event.order_id, event.client_order_id
            seen: list[OrderState] = []

            def look(keys: tuple[int, str] = keys, seen: list[OrderState] = seen) -> None:
                seen.extend(order for order in map(view.order, keys) if order.is_known)

            before = view.order(event.order_id)
            at_every_step(functools.partial(account.apply, event), look)

            assert {id(order) for order in seen} <= {id(before), id(view.order(event.order_id))}
        else:
            account.apply(event)
