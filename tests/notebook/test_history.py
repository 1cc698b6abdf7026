"""What a stream delivered lately, kept for people."""

from __future__ import annotations

import sys
import threading
import timeit
from decimal import Decimal
from typing import Any

import pytest

import binance_uds as uds
from binance_uds.notebook.history import History

AT_MS = 1_700_000_000_000


def fill(order_id: int = 1, **fields: Any) -> uds.OrderTradeUpdate:
    told = {"execution_type": "TRADE", "transaction_time_ms": AT_MS, "symbol": "BTCUSDT", "side": "BUY", **fields}
    return uds.OrderTradeUpdate(order_id=order_id, **told)


def update(**fields: Any) -> uds.AccountUpdate:
    balance = uds.Balance(asset="USDT", wallet_balance=Decimal("9.50"), cross_wallet_balance=Decimal(9))
    return uds.AccountUpdate(reason="ORDER", transaction_time_ms=AT_MS, balances=(balance,), **fields)


def history_of(*items: Any, most: int = 100) -> History:
    history = History(most)
    for item in items:
        history.record(item)
    return history


def test_the_last_so_many_are_kept_in_order():
    """The oldest goes when there are too many."""
    history = history_of(*map(fill, range(5)), most=3)

    assert [2, 3, 4] == [item.order_id for item in history]
    assert (3, "<History of 3 events and notices>") == (len(history), repr(history))
    assert fill(4) == history.newest
    assert None is History(3).newest


def test_none_is_kept_when_none_is_wanted():
    """0 is a number of items, too."""
    history = history_of(fill(), most=0)

    assert () == history.items()
    assert None is history.newest


@pytest.mark.parametrize("most", [-1, 1.5, "9", None, True])
def test_the_number_is_checked(most):
    """When the stream is made, not when the first event comes."""
    with pytest.raises(uds.ConfigurationError, match="max_history must be a whole number"):
        uds.UserDataStream("k" * 64, max_history=most)


def test_items_are_chosen_by_class():
    """A base class takes all its subclasses, several classes any of them."""
    opened = uds.GapOpened(gap_id=1, since_ms=1, cause="c")
    history = history_of(fill(), update(), opened)

    assert (opened,) == history.items(uds.Notice)
    assert (fill(), opened) == history.items(uds.OrderTradeUpdate, uds.GapOpened)


def test_any_thread_reads_it_while_another_writes():
    """Each look is a whole copy, in order, whatever comes meanwhile."""
    history, looks = History(1_000), []
    over = threading.Event()
    items = [fill(number) for number in range(5_000)]

    def look() -> None:
        while not over.is_set():
            looks.append([item.order_id for item in history.items()])

    readers = [threading.Thread(target=look) for _ in range(3)]
    for reader in readers:
        reader.start()
    for item in items:
        history.record(item)
    over.set()
    for reader in readers:
        reader.join()

    assert all(look == list(range(look[0], look[0] + len(look))) for look in looks if look)


def test_recording_costs_next_to_nothing():
    """A few hundred nanoseconds at most: it is the append of a deque, and nothing around it."""
    history, item = History(1_000), fill()
    best = min(timeit.repeat(lambda: history.record(item), number=10_000, repeat=5)) / 10_000

    assert 2e-6 > best


def test_one_row_for_each_event():
    """The columns are the fields of the class."""
    made = history_of(fill(2**53 + 1, price=Decimal("0.10")), update(), fill(2)).to_frame(uds.OrderTradeUpdate)

    assert [2**53 + 1, 2] == list(made.order_id)
    assert "0.10" == str(made.price[0])
    assert "kind" not in made.columns


def test_everything_in_one_table():
    """The class is named, the times come first, and a field that means two things is left as it came."""
    closed = uds.GapClosed(gap_id=1, since_ms=AT_MS, until_ms=AT_MS + 5, cause="c", proof="balanced", late=2)
    made = history_of(fill(), update(), closed).to_frame()

    assert ["OrderTradeUpdate", "AccountUpdate", "GapClosed"] == list(made.kind)
    assert ["kind", "event_time", "event_time_ms", "transaction_time"] == list(made.columns[:4])
    assert [False, False, 2] == list(made.late)
    assert "9.50" == str(made["balances.USDT.wallet_balance"][1])


@pytest.mark.parametrize(("base", "kinds"), [(uds.Event, ["OrderTradeUpdate"]), (uds.Notice, ["GapOpened"])])
def test_the_bases_take_all_their_classes(base, kinds):
    """As the doors do."""
    history = history_of(fill(), uds.GapOpened(gap_id=1, since_ms=1, cause="c"))

    assert kinds == list(history.to_frame(base).kind)


def test_rows_inside_events_one_below_the_other():
    """With their event's times, origin and reason; numbers when asked for."""
    made = history_of(update(), fill(), update()).to_frame(uds.Balance, numeric=True)

    assert [9.5, 9.5] == list(made.wallet_balance)
    assert ["ORDER", "ORDER"] == list(made.reason)
    assert ["stream", "stream"] == list(made.origin)
    assert [AT_MS, AT_MS] == list(made.transaction_time_ms)


def test_a_table_of_nothing_has_columns():
    """Before the first event, too."""
    assert "order_id" in History(1).to_frame(uds.OrderTradeUpdate).columns
    assert "wallet_balance" in History(1).to_frame(uds.Balance).columns
    assert "kind" in History(1).to_frame().columns


@pytest.mark.parametrize("wrong", ["OrderTradeUpdate", int, 7])
def test_what_is_no_class_of_ours_is_refused(wrong):
    """In words."""
    with pytest.raises(uds.ConfigurationError, match="takes an event, notice or row class"):
        History(1).to_frame(wrong)


def test_the_account_is_a_table_too():
    """Each part by its name; the columns are there before anything is known."""
    account = uds.UserDataStream("k" * 64).account

    assert "amount" in account.to_frame().columns
    assert "wallet_balance" in account.to_frame("balances").columns
    assert {"order_id", "updated"} <= set(account.to_frame("open_orders").columns)
    with pytest.raises(uds.ConfigurationError, match="knows balances, positions, open_orders"):
        account.to_frame("everything")


@pytest.mark.parametrize(
    ("package", "ask"), [("pandas", lambda it: it.to_frame()), ("matplotlib", lambda it: it.plot())]
)
def test_without_the_extra_the_error_names_it(monkeypatch, package, ask):
    """What needs no package still works."""
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(uds.ConfigurationError, match=rf"needs {package}; .*binance-uds\[notebook\]"):
        ask(History(1))


def test_a_failed_callback_is_not_kept(exchange, stream, ears):
    """Its traceback would keep alive whatever the callback was at work with."""

    @stream.on(uds.AccountUpdate)
    def fail(event: uds.AccountUpdate) -> None:
        raise ValueError

    with stream:
        exchange.buy("BTCUSDT", "0.01")
        ears.wait_for(uds.CallbackFailed)

        assert () == stream.history.items(uds.CallbackFailed)
        assert 1 == len(stream.history.items(uds.AccountUpdate))


def test_a_stream_keeps_what_it_delivers(exchange, stream, ears):
    """Events and notices, in the order of the callbacks, and before them: a callback finds its own event in it."""
    newest = []
    stream.on(uds.OrderTradeUpdate)(lambda event: newest.append(stream.history.newest is event))
    with stream:
        exchange.buy("BTCUSDT", "0.01")
        ears.wait_for(uds.AccountUpdate)

    assert newest
    assert all(newest)
    assert tuple(ears.items) == stream.history.items()
    assert list(stream.account.to_frame(numeric=True).amount) == [0.01]
