"""The account and waiting for it, on real sockets against the local exchange."""

from __future__ import annotations

import os
import threading
from decimal import Decimal
from typing import Any

import pytest

import binance_uds as uds
from binance_uds.account import Account
from binance_uds.simulator import LocalExchange


def shown(account: uds.AccountView) -> dict[str, Any]:
    """Return what there is in the form of the exchange's truth."""
    return {
        "balances": {asset: row.wallet_balance for asset, row in account.balances.items()},
        "positions": {key: row.amount for key, row in account.positions.items()},
        "open_orders": {key: (row.status, row.filled_quantity) for key, row in account.open_orders.items()},
        "open_algo_orders": {key: row.status for key, row in account.open_algo_orders.items()},
    }


# The account


def test_the_account_is_what_the_exchange_knows(make_stream, exchange):
    """After trading of every kind balances, positions, open orders and algo orders are the exchange's own."""
    with make_stream() as stream:
        exchange.buy("BTCUSDT", "0.010")
        exchange.sell("ETHUSDT", "0.100")
        resting = exchange.place_order(symbol="BTCUSDT", side="BUY", type="LIMIT", quantity="0.005", price="29000")
        exchange.fill_order(resting["orderId"], "0.002")
        exchange.amend_order(symbol="BTCUSDT", side="BUY", order_id=resting["orderId"], quantity="0.006", price="28000")
        gone = exchange.place_order(symbol="BTCUSDT", side="BUY", type="LIMIT", quantity="0.005", price="27000")
        exchange.cancel_order("BTCUSDT", gone["orderId"])
        exchange.place_algo_order(
            symbol="BTCUSDT", side="SELL", type="STOP_MARKET", quantity="0.001", trigger_price="20000"
        )
        exchange.sell("ETHUSDT", "0.001")
        exchange.buy("ETHUSDT", "0.101")
        exchange.transfer("USDT", 1)
        truth = exchange.truth()
        account = stream.wait_until(lambda account: shown(account) == truth)

    assert {("BTCUSDT", "BOTH")} == set(account.positions)
    assert ("PARTIALLY_FILLED", Decimal("0.006"), Decimal(28000)) == (
        account.order(resting["orderId"]).status,
        account.order(resting["orderId"]).quantity,
        account.order(resting["clientOrderId"]).price,
    )
    assert "CANCELED" == account.recent_orders[gone["orderId"]].status
    assert account.position("ETHUSDT").is_known


@pytest.mark.fault(66)
def test_what_happened_between_two_runs_is_in_the_account_and_is_no_event(make_stream, exchange, tools):
    """After a start the account is read whole; events are told from then on, and of the time before nothing is."""
    with make_stream() as stream:
        exchange.buy("BTCUSDT", "0.010")
        stream.wait_until(lambda account: account.positions)
    exchange.sell("BTCUSDT", "0.004")
    resting = exchange.place_order(symbol="BTCUSDT", side="BUY", type="LIMIT", quantity="0.005", price="29000")
    stream = make_stream()
    ears = tools.Ears(stream)
    with stream:
        exchange.fill_order(resting["orderId"], "0.002")
        ears.wait_for(uds.OrderTradeUpdate)
        account = stream.wait_until(lambda account: account.trusted and shown(account) == exchange.truth())

    assert Decimal("0.008") == account.position("BTCUSDT").amount
    assert [(resting["orderId"], "stream")] == [
        (event.order_id, event.origin) for event in ears.all_of(uds.OrderTradeUpdate)
    ]
    assert [] == ears.all_of(uds.GapOpened)


def test_both_sides_of_hedge_mode(make_stream, tools):
    """LONG and SHORT of one symbol, each by itself."""
    with LocalExchange(seed=1, hedge_mode=True) as exchange:
        market = tools.market_of(exchange)
        stream = make_stream(api_key=exchange.api_key, api_secret=exchange.api_secret, market=market)
        with stream:
            exchange.buy("BTCUSDT", "0.010", position_side="LONG")
            exchange.sell("BTCUSDT", "0.004", position_side="SHORT")
            account = stream.wait_until(lambda account: len(account.positions) == 2)

    assert (Decimal("0.010"), Decimal("-0.004"), 0) == tuple(
        account.position("BTCUSDT", side).amount for side in ("LONG", "SHORT", "BOTH")
    )


def test_a_callback_finds_its_own_event_in_the_account(stream, exchange, ears):
    """By the time an event is delivered the account knows it."""
    found: list[tuple[str, str]] = []

    @stream.on(uds.OrderTradeUpdate)
    def compare(event: uds.OrderTradeUpdate) -> None:
        found.append((event.status, stream.account.order(event.order_id).status))

    with stream:
        exchange.buy("BTCUSDT", "0.010")
        ears.wait_for(uds.AccountUpdate)

    assert [("NEW", "NEW"), ("FILLED", "FILLED")] == found


def test_a_stopped_stream_keeps_its_account(stream, exchange):
    """It can be read after the end, and grows on after the next start."""
    before = stream.account
    with stream:
        exchange.transfer("USDT", 5)
        stream.wait_until(lambda account: account.balances)
    stopped = stream.account.balance("USDT").wallet_balance
    with stream:
        exchange.transfer("USDT", 5)
        stream.wait_until(lambda account: account.balance("USDT").wallet_balance == 10_010)

    assert 10_005 == stopped
    assert before is stream.account


def test_trust_is_that_of_a_live_stream_which_compared(stream, exchange, tools):
    """What was compared with REST is trusted while the stream is LIVE, not while it repairs, and not after its end."""
    before = stream.account.trusted
    with stream:
        synchronised = stream.account.trusted
        exchange.faults.fail_rest(503, count=None)
        exchange.faults.drop()
        stream.wait_until(lambda account: not account.trusted)
        exchange.faults.clear()
        stream.wait_until(lambda account: account.trusted)
    stopped = stream.account.trusted

    assert [False, True, False] == [before, synchronised, stopped]


def test_without_a_secret_nothing_is_trusted(make_stream):
    """Nobody compares the account of a key-only stream with REST."""
    stream = make_stream(api_secret=None)
    with stream:
        live = stream.account.trusted

    assert live is False


def test_a_new_start_knows_nothing_of_before(stream, exchange):
    """What happened while a stream did not run it was not told, so it begins with what stands now."""
    with stream:
        exchange.do(lambda model, account: model.place_order(
            account, symbol="BTCUSDT", side="BUY", type="LIMIT", quantity="0.010", price="20000", client_order_id="old"
        ))  # fmt: skip
        stream.wait_until(lambda account: account.order("old").is_open)
    exchange.do(lambda model, account: model.cancel_all_orders(account, "BTCUSDT"))
    kept = stream.account.order("old").is_open
    with stream:
        assert [] == list(stream.account.open_orders)
        assert Decimal(10_000) == stream.account.balance("USDT").wallet_balance

    assert kept is True


# Waiting


def test_waiting_for_an_order(stream, exchange):
    """It ends with the order, and answers with all of the account as it was then."""
    with stream:
        threading.Timer(0, exchange.buy, ("BTCUSDT", "0.010"), {"client_order_id": "mine"}).start()
        account = stream.wait_until(lambda account: account.order("mine").is_done)
        exchange.sell("BTCUSDT", "0.010")

    assert ("FILLED", Decimal("0.010")) == (account.order("mine").status, account.order("mine").filled_quantity)


def test_waiting_for_what_does_not_come(stream):
    """WaitTimeout, which names the predicate."""
    with stream, pytest.raises(uds.WaitTimeout) as caught:
        stream.wait_until(lambda account: account.order("never").is_done, timeout=0.01)

    assert 0.01 == caught.value.timeout
    assert "test_waiting_for_what_does_not_come" in str(caught.value)


@pytest.mark.parametrize("how", ["stop", "exit", "defect"])
def test_the_end_of_the_stream_ends_the_wait(stream, exchange, how, monkeypatch):
    """Stopped, ended by a callback or failed: nothing can come any more, and the reason is said."""

    @stream.on(uds.AccountUpdate)
    def leave(event: uds.AccountUpdate) -> None:
        raise SystemExit

    def end() -> None:
        looked.wait()
        if how == "defect":
            monkeypatch.setattr(Account, "apply", None)
        if how != "stop":
            exchange.transfer("USDT", 5)
        else:
            stream.stop()

    looked = threading.Event()
    ending = threading.Thread(target=end)
    stream.start()
    ending.start()
    with pytest.raises(uds.UserDataStreamError, match="none can come: ") as caught:
        stream.wait_until(lambda account: looked.set())
    ending.join()

    assert not isinstance(caught.value, uds.WaitTimeout)
    assert (uds.StreamState.FAILED if how == "defect" else uds.StreamState.STOPPED) is stream.state
    assert stream.health.why in str(caught.value)


def test_of_a_stream_that_does_not_run_nothing_is_awaited(stream, dead_stream):
    """A stream that does not run raises at once, whatever its last account says."""
    with pytest.raises(uds.UserDataStreamError, match="the stream was not started"):
        stream.wait_until(lambda account: True)
    with stream:
        pass
    with pytest.raises(uds.UserDataStreamError, match="none can come"):
        stream.wait_until(lambda account: True)
    with pytest.raises(uds.UserDataStreamError, match="not LIVE within"):
        dead_stream.wait_until(lambda account: True)


def test_of_a_start_that_was_given_up_nothing_is_awaited(stream, monkeypatch):
    """Its thread may hang in a system call for longer, and delivers nothing."""
    with stream:
        monkeypatch.setattr(stream, "_failure", uds.StartTimeout(1.0, "busy with a look-up"))
        with pytest.raises(uds.UserDataStreamError, match="none can come: not LIVE within 1 s: busy with a look-up"):
            stream.wait_until(lambda account: True)
        monkeypatch.undo()


@pytest.fixture
def dead_stream(make_stream, exchange):
    """A stream whose start failed."""
    stream = make_stream()
    exchange.faults.fail_rest(503, count=None)
    with pytest.raises(uds.StartTimeout):
        stream.start(timeout=0.1)
    exchange.faults.clear()
    return stream


def test_waiting_inside_a_callback_is_refused(stream, exchange, ears):
    """The thread that delivers would wait for itself."""

    @stream.on(uds.AccountUpdate)
    def wait(event: uds.AccountUpdate) -> None:
        stream.wait_until(lambda account: True)

    with stream:
        exchange.transfer("USDT", 5)
        failed = ears.wait_for(uds.CallbackFailed)

    assert isinstance(failed.exception, uds.ConfigurationError)


def test_what_is_no_predicate_is_refused(stream):
    """A coroutine function would be true at once, for ever."""

    async def predicate(account: uds.AccountSnapshot) -> bool:
        return False

    with pytest.raises(uds.ConfigurationError, match="a predicate must be a plain function"):
        stream.wait_until(predicate)
    with pytest.raises(uds.ConfigurationError, match="a predicate must be callable, not int"):
        stream.wait_until(5)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_in_a_forked_child_the_account_can_be_read_and_not_waited_for(program, exchange):
    """The child has what was known at the fork; nothing more will come, and nothing is trusted."""
    child = program(
        """
        with stream:
            say("live")
            stream.wait_until(lambda account: account.balance("USDT").wallet_balance > 10_000)
            pid = os.fork()
            if pid == 0:
                try:
                    stream.wait_until(lambda account: True)
                except uds.ForkedStream:
                    say(f"{stream.account.balance('USDT').wallet_balance} {stream.account.trusted}")
                os._exit(0)
            os.waitpid(pid, 0)
        """
    )
    child.hear("live")
    exchange.transfer("USDT", 5)
    child.hear("10005.00000000 False")

    assert (0, "", "") == child.finish()


def test_ctrl_c_ends_a_wait(program):
    """The program is left at the wait, and not at its end."""
    child = program(
        """
        with stream:
            say("live")
            stream.wait_until(lambda account: False, timeout=None)
        """
    )
    child.hear("live")
    child.send(2)
    status, _, err = child.finish()

    assert status != 0
    assert err.rstrip().endswith("KeyboardInterrupt")
