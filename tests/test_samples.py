"""The samples do what they say, against the local exchange."""

from __future__ import annotations

import os
import pathlib
import signal
import subprocess
import sys
import threading

import attrs
import pytest

import binance_uds as uds
from samples import flask_app, wait_for_fill

SAMPLES = pathlib.Path(__file__).parent.parent / "samples"


@pytest.fixture
def market(binance_exchange, monkeypatch):
    """The local exchange as a market row, its key and secret in the environment."""
    monkeypatch.setenv("BINANCE_API_KEY", binance_exchange.api_key)
    monkeypatch.setenv("BINANCE_API_SECRET", binance_exchange.api_secret)
    return attrs.evolve(uds.USDM, rest_url=binance_exchange.rest_url, stream_url=binance_exchange.stream_url)


def test_watching_from_a_plain_script(binance_exchange, market):
    """The script prints orders and balances as they come, and ends at Ctrl-C."""
    source = (
        "import attrs, binance_uds as uds, watch_account\n"
        f"watch_account.main(attrs.evolve(uds.USDM, rest_url={market.rest_url!r}, stream_url={market.stream_url!r}))"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(SAMPLES), str(SAMPLES.parent)])}
    with subprocess.Popen(
        [sys.executable, "-c", source],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    ) as script:
        watchdog = threading.Timer(30, script.kill)
        watchdog.start()
        seen = []
        for line in script.stdout:
            seen.append(line)
            if "LIVE" in line:
                binance_exchange.buy("BTCUSDT", "0.01")
            if "USDT" in line and "(ORDER)" in line:
                script.send_signal(signal.SIGINT)
        watchdog.cancel()
        errors = script.stderr.read()

    assert "BTCUSDT BUY FILLED 0.010 of 0.010\n" in seen
    assert errors.rstrip().endswith("KeyboardInterrupt")


def test_waiting_for_a_fill(binance_exchange, market, capsys):
    """The price of an order that fills before anyone looks is found all the same."""

    def place_order() -> str:
        return binance_exchange.buy("BTCUSDT", "0.01")["clientOrderId"]

    wait_for_fill.main(market, place_order)

    assert "filled at 30000" in capsys.readouterr().out


def test_waiting_for_a_fill_through_a_gap(binance_exchange, market, capsys):
    """A fill that the stream missed is read back."""

    def place_order() -> str:
        binance_exchange.faults.expire_key()
        return binance_exchange.buy("BTCUSDT", "0.01")["clientOrderId"]

    wait_for_fill.main(market, place_order)

    assert "filled at 30000" in capsys.readouterr().out


def test_waiting_for_a_fill_through_a_gap_without_the_secret(binance_exchange, market, monkeypatch):
    """A blind interval while waiting is an answer, too."""
    monkeypatch.delenv("BINANCE_API_SECRET")

    def place_order() -> str:
        binance_exchange.faults.expire_key()
        return "never-comes"

    with uds.UserDataStream.from_env(market=market) as stream, pytest.raises(RuntimeError, match="blind from"):
        wait_for_fill.wait_for_fill(stream, place_order, timeout=30)


def test_a_flask_application(binance_exchange, market):
    """The application shows orders that came while it served, and a state to believe."""
    app = flask_app.create_app(market)
    stream = app.extensions["binance_uds"]
    try:
        with stream.events(uds.AccountUpdate) as events:
            binance_exchange.buy("BTCUSDT", "0.01")
            # It follows the fill, so by then the fill has been through the application's callback.
            events.get(timeout=30)
        client = app.test_client()
        orders, health = client.get("/orders").json, client.get("/health")
    finally:
        stream.stop()
    afterwards = app.test_client().get("/health")
    filled = {"symbol": "BTCUSDT", "side": "BUY", "status": "FILLED", "filled": "0.010"}

    assert {"state": "LIVE", "orders": [filled]} == orders
    assert (200, "LIVE") == (health.status_code, health.json["state"])
    assert (503, "STOPPED") == (afterwards.status_code, afterwards.json["state"])
