"""The account and waiting for it, on real sockets against the local exchange."""

from __future__ import annotations

import os
import threading
from decimal import Decimal

import attrs
import pytest

import binance_uds as uds
from binance_uds.account import Account
from binance_uds.simulator import LocalExchange
from tests.account_truth import shown, truth_of
from tests.conftest import TIMINGS

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
        truth = exchange.do(truth_of)
        account = stream.wait_until(lambda account: shown(account, truth["leverage"]) == truth)

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
        truth = exchange.do(truth_of)
        account = stream.wait_until(lambda account: account.trusted and shown(account, truth["leverage"]) == truth)

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


def test_without_a_secret_nothing_is_trusted(make_stream, exchange):
    """Nobody compares the account of a key-only stream with REST: it shows what the stream has told, and says so."""
    exchange.transfer("USDT", 5)
    stream = make_stream(api_secret=None)
    with stream:
        before = stream.account.snapshot()
        exchange.buy("BTCUSDT", "0.010", client_order_id="mine")
        account = stream.wait_until(lambda account: account.order("mine").is_done and account.positions)

    assert (False, False, {}) == (before.trusted, before.is_synchronised, before.balances)
    assert "which is what the stream has told so far" in repr(before)
    assert Decimal("0.010") == account.position("BTCUSDT").amount
    assert (None, False) == (account.leverage("BTCUSDT"), account.is_hedge_mode)


def test_a_start_returns_when_the_account_is_synchronised(make_stream, exchange):
    """Leverage, margin type and modes are known by then, also of what is not held."""
    exchange.do(lambda model, account: model.change_leverage(account, "BTCUSDT", 7))
    exchange.do(lambda model, account: model.change_margin_type(account, "ETHUSDT", "ISOLATED"))
    exchange.buy("BTCUSDT", "0.010")
    with make_stream() as stream:
        account = stream.account.snapshot()

    assert (True, True) == (account.is_synchronised, account.trusted)
    assert (7, "cross") == (account.positions["BTCUSDT", "BOTH"].leverage, account.position("BTCUSDT").margin_type)
    assert (20, "isolated") == (account.leverage("ETHUSDT"), account.position("ETHUSDT").margin_type)
    assert (False, False) == (account.is_hedge_mode, account.is_multi_assets_mode)


def test_a_mode_that_nobody_announces_is_found(make_stream, exchange):
    """Binance is silent about hedge mode; the next audit finds it, and tells what changed, once."""
    stream = make_stream(timings=attrs.evolve(TIMINGS, settle=0.05, audit_interval=0.2, audit_overlap=0.1))
    with stream, stream.events(uds.AccountConfigUpdate) as told:
        exchange.do(lambda model, account: model.change_position_mode(account, True))
        account = stream.wait_until(lambda account: account.is_hedge_mode)
        event = told.get(timeout=20)
        stream.wait_until(lambda account: account.trusted)
        left = len(told)

    assert account.is_hedge_mode is True
    assert ("rest", True, None) == (event.origin, event.is_hedge_mode, event.symbol)
    assert 0 == left


def test_a_triggered_stop_and_the_order_it_became(stream, exchange):
    """They are found from each other, and the order's life is told."""
    with stream:
        exchange.buy("BTCUSDT", "0.010")
        stop = exchange.place_algo_order(
            symbol="BTCUSDT", side="SELL", type="STOP_MARKET", quantity="0.010", trigger_price="29000"
        )
        exchange.set_price("BTCUSDT", "28900")
        account = stream.wait_until(
            lambda account: account.algo_order(stop["algoId"]).is_done and not account.positions
        )
    algo = account.algo_order(stop["algoId"])
    order = account.order(algo.actual_order_id, algo.symbol)

    assert ("FINISHED", "FILLED", algo.algo_id) == (algo.status, order.status, order.algo_id)
    assert (Decimal("0.010"), 0, True) == (order.filled_quantity, order.remaining_quantity, order.has_all_fills)
    assert [order.average_price] == [fill.price for fill in order.fills]
    assert ["NEW", "FILLED"] == [step.status for step in order.history]
    assert order.history[0].time_ms <= order.history[1].time_ms == order.updated_ms


def test_fills_of_a_gap_are_in_the_order(make_stream, exchange):
    """Whether the stream told a fill or REST did, the order has it, and its mean price is theirs."""
    with make_stream() as stream:
        order = exchange.place_order(symbol="BTCUSDT", side="BUY", type="LIMIT", quantity="0.003", price="29000")
        exchange.fill_order(order["orderId"], "0.001")
        stream.wait_until(lambda account: account.order(order["orderId"]).fills)
        exchange.faults.lose_frame(event="ORDER_TRADE_UPDATE")
        exchange.fill_order(order["orderId"], "0.001")
        exchange.fill_order(order["orderId"], "0.001")
        account = stream.wait_until(lambda account: len(account.order(order["orderId"]).fills) == 3)
    found = account.order(order["orderId"])

    assert ["stream", "rest", "stream"] == [fill.origin for fill in found.fills]
    assert ("FILLED", 29_000, True) == (found.status, found.average_price, found.has_all_fills)


DAYS_4_MS = 4 * 86_400_000


@pytest.mark.fault(24)
def test_an_order_that_the_exchange_has_forgotten_stands_open_no_longer(make_stream, exchange, tools):
    """It had stood for days, so its cancellation amid a gap is on no page: its end is waited for, seen and named."""
    stream = make_stream()
    ears = tools.Ears(stream)

    def place_and_age(model, account):
        order = model.place_order(account, symbol="BTCUSDT", side="BUY", type="LIMIT", quantity="0.003", price="29000")
        account.orders[order["orderId"]].created_ms -= DAYS_4_MS
        return order["orderId"]

    with stream:
        order_id = exchange.do(place_and_age)
        stream.wait_until(lambda account: account.order(order_id).is_open)
        exchange.faults.lose_frame()
        exchange.cancel_order("BTCUSDT", order_id)
        exchange.faults.drop()
        account = stream.wait_until(lambda account: account.order(order_id).is_done)
        closed = ears.wait_for(uds.GapClosed)

    assert (True, "NEW", {}) == (
        account.order(order_id).is_forgotten,
        account.order(order_id).status,
        dict(account.open_orders),
    )
    assert f"the end of order {order_id} of BTCUSDT (unknown to the exchange)" == closed.unrecoverable[0]


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


def test_no_fill_is_missed_right_after_placing_an_order(stream, exchange):
    """Over real sockets: whether the fill came before the call, during a look or later, the wait ends with it."""
    with stream:
        for number in range(300):
            side = exchange.buy if number % 2 == 0 else exchange.sell
            side("BTCUSDT", "0.001", client_order_id=f"race-{number}")
            account = stream.wait_until(lambda account, name=f"race-{number}": account.order(name).is_done)
            assert Decimal("0.001") == account.order(f"race-{number}").fills[0].quantity


def test_waiting_for_an_event(stream, exchange):
    """The first that comes after the call and fits; notices can be awaited as well."""
    with stream:
        exchange.buy("BTCUSDT", "0.010")
        stream.wait_until(lambda account: account.positions)
        threading.Timer(0.05, lambda: [exchange.buy(symbol, "0.010") for symbol in ("BTCUSDT", "ETHUSDT")]).start()
        fill = stream.wait_for(uds.OrderTradeUpdate, where=lambda event: event.is_fill and event.symbol == "ETHUSDT")
        threading.Timer(0.05, exchange.faults.drop).start()
        opened = stream.wait_for(uds.GapOpened, timeout=20)

    assert ("ETHUSDT", "FILLED") == (fill.symbol, fill.status)
    assert 1 == opened.gap_id


def test_waiting_for_an_event_that_does_not_come(stream):
    """WaitTimeout, which names the class and the predicate."""
    with stream, pytest.raises(uds.WaitTimeout) as caught:
        stream.wait_for(uds.TradeLite, where=lambda event: False, timeout=0.01)

    assert 0.01 == caught.value.timeout
    assert "TradeLite of which" in str(caught.value)
    assert "test_waiting_for_an_event_that_does_not_come" in str(caught.value)


def test_the_end_of_the_stream_ends_the_wait_for_an_event(stream):
    """It was not started, or was stopped meanwhile: nothing can come any more."""
    with pytest.raises(uds.UserDataStreamError, match="no Event, and none can come: the stream was not started"):
        stream.wait_for(uds.Event)
    with stream, pytest.raises(uds.UserDataStreamError, match="no Event, and none can come: stopped") as caught:
        threading.Timer(0.05, stream.stop).start()
        stream.wait_for(uds.Event, timeout=None)
    with pytest.raises(uds.UserDataStreamError, match="none can come"):
        stream.wait_for(uds.Event)

    assert not isinstance(caught.value, uds.WaitTimeout)


def test_an_event_is_not_awaited_in_a_callback_nor_by_nonsense(stream, exchange, ears):
    """ConfigurationError: the thread that delivers would wait for itself, or what is given cannot be waited with."""

    @stream.on(uds.AccountUpdate)
    def wait(event: uds.AccountUpdate) -> None:
        stream.wait_for(uds.Event)

    async def predicate(event: uds.Event) -> bool:
        return False

    with stream:
        exchange.transfer("USDT", 5)
        failed = ears.wait_for(uds.CallbackFailed)
        with pytest.raises(uds.ConfigurationError, match="a predicate must be a plain function"):
            stream.wait_for(uds.Event, where=predicate)
        with pytest.raises(uds.ConfigurationError, match="is no event class"):
            stream.wait_for(int)

    assert isinstance(failed.exception, uds.ConfigurationError)


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


@pytest.mark.parametrize(
    "wait", ["wait_until(lambda account: False, timeout=None)", "wait_for(uds.Event, timeout=None)"]
)
def test_ctrl_c_ends_a_wait(program, wait):
    """The program is left at the wait, and not at its end."""
    child = program(
        f"""
        with stream:
            say("live")
            stream.{wait}
        """
    )
    child.hear("live")
    child.send(2)
    status, _, err = child.finish()

    assert status != 0
    assert err.rstrip().endswith("KeyboardInterrupt")
