"""The front door: starting, trading, waiting, stopping."""

import asyncio
import contextlib
import json
import os
import socket
import subprocess
import sys
import threading

import pytest

from binance_uds.simulator import LocalAccount, LocalExchange, Refused


def test_starting_and_stopping():
    """A with block listens inside and leaves no thread and no listener behind."""
    before = threading.active_count()
    with LocalExchange() as exchange:
        inside = threading.active_count()
        port = exchange.port
        told = repr(exchange)
    exchange.stop()

    assert before + 1 == inside
    assert before == threading.active_count()
    assert f"<LocalExchange on port {port}>" == told
    assert "<LocalExchange not running>" == repr(exchange)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=20)
    with pytest.raises(RuntimeError):
        exchange.buy("BTCUSDT", "0.01")


def test_stopping_with_everything_open(client, exchange):
    """Open, frozen and idle connections do not hold up the end."""
    client.attach()
    exchange.faults.half_open()
    client.attach()
    with contextlib.closing(socket.create_connection(("127.0.0.1", exchange.port))):
        exchange.stop()

    assert not exchange.is_running


def test_a_port_that_is_taken(exchange):
    """The starter learns that the port is taken."""
    with pytest.raises(OSError):
        LocalExchange(exchange.port).start()


def test_equal_seeds_give_equal_keys():
    """Keys are made from the seed, so that a rehearsal can be repeated."""
    one, again, other = LocalExchange(seed=1), LocalExchange(seed=1), LocalExchange(seed=2)

    assert one.api_key == again.api_key != other.api_key
    assert one.api_secret == again.api_secret != one.api_key


def test_trading(exchange):
    """Orders are placed, amended, filled and cancelled from outside; the truth is told."""
    resting = exchange.place_order(symbol="BTCUSDT", side="BUY", type="LIMIT", quantity="1", price="29000")
    order_id = resting["orderId"]
    exchange.amend_order(symbol="BTCUSDT", side="BUY", quantity="1", price="29500", order_id=order_id)
    exchange.fill_order(order_id, "0.25")
    exchange.set_price("BTCUSDT", "29500", liquidity="0.25")
    exchange.cancel_order("BTCUSDT", order_id)
    exchange.sell("BTCUSDT", "0.1")
    stop = exchange.place_algo_order(
        symbol="BTCUSDT", side="SELL", type="STOP_MARKET", quantity="0.1", trigger_price="29000"
    )
    exchange.cancel_algo_order(stop["algoId"])
    exchange.transfer("USDT", "-5", "WITHDRAW")

    assert [("BUY", "0.250"), ("BUY", "0.250"), ("SELL", "0.100")] == [
        (fill.side, f"{fill.quantity:.3f}") for fill in exchange.fills
    ]
    assert exchange.truth() == exchange.account.truth()


def test_refusals(exchange):
    """What Binance would refuse is refused, with its code."""
    with pytest.raises(Refused) as refused:
        exchange.buy("NONE", "1")

    assert -1121 == refused.value.code


def test_accounts(exchange):
    """Each account has its own keys and its own fills."""
    other = exchange.add_account("other", balances={"USDT": "5"}, hedge_mode=True)

    assert isinstance(other, LocalAccount)
    assert exchange.api_key != other.api_key
    assert "5" == str(other.do(lambda model, account: account.balances["USDT"].wallet.normalize()))


def test_options():
    """Balances and position mode of the default account are chosen at the start."""
    with LocalExchange(balances={"USDC": "7"}, hedge_mode=True) as exchange:
        account = exchange.do(lambda model, account: (list(account.balances), account.hedge_mode))

    assert (["USDC"], True) == account


def test_a_bot_trades_by_itself(client, exchange):
    """A bot makes events until it is stopped."""
    stream = client.attach()
    exchange.run_bot(rate=500)
    exchange.wait_until(lambda: len(exchange.fills) >= 3)
    trading = count_bots(exchange)
    exchange.stop_bots()
    # A cancelled task ends one turn of the loop later.
    count_bots(exchange)

    assert json.loads(stream.recv())["e"]
    assert [1, 0] == [trading, count_bots(exchange)]


def count_bots(exchange):
    """Count the bots at work in the exchange's loop."""
    return exchange.call(lambda model: sum("run_bot" in repr(task) for task in asyncio.all_tasks()))


def test_waiting_in_vain(exchange):
    """A wait ends with an error, and says how long it was."""
    with pytest.raises(TimeoutError, match=r"0\.05 s"):
        exchange.wait_until(lambda: False, timeout=0.05)


def test_waiting_for_what_others_do(exchange):
    """A wait ends when something happens in another thread."""
    other = threading.Timer(0.05, exchange.buy, ("BTCUSDT", "0.01"))
    other.start()
    exchange.wait_until(lambda: len(exchange.fills) == 1)
    other.join(20)

    assert 1 == len(exchange.fills)


def run_python(program, **environment):
    """Run a program in a fresh interpreter, return what it printed."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, **environment},
        check=False,
    )

    assert "" == done.stderr
    return done.stdout


def test_an_exchange_left_running_does_not_keep_the_program_alive():
    """A program that forgets to stop its exchange still ends."""
    program = "from binance_uds.simulator import LocalExchange; print(LocalExchange().start().is_running)"

    assert "True\n" == run_python(program)


def test_without_aiohttp():
    """The model and the faults need no aiohttp; the front door says what to install."""
    program = """
import sys
sys.modules["aiohttp"] = None
import binance_uds.simulator as simulator
from binance_uds.simulator import exchange, faults
try:
    simulator.LocalExchange
except ImportError as missing:
    print(missing)
"""

    assert "the local exchange needs aiohttp: pip install 'binance_uds[simulator]'\n" == run_python(program)


def test_public_names():
    """Everything announced can be had, and nothing else."""
    from binance_uds import simulator

    assert set(simulator.__all__) <= set(dir(simulator))
    assert all(getattr(simulator, name) for name in simulator.__all__)
    with pytest.raises(AttributeError):
        simulator.Nothing  # noqa: B018 - asking for it is the test
