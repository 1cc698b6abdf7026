"""The local exchange as a program, used by strangers and by us."""

import re
import socket

import attrs
import pytest
import requests
import websocket
from click.testing import CliRunner

import binance_uds as uds
from binance_uds.cli.simulate import simulate
from binance_uds.simulator import LocalExchange

PATIENCE_S = 30.0


def introduced(said):
    """Read the addresses, the key and the secret from what it said."""
    return [re.search(rf"^  {name} +(\S+)$", said, re.MULTILINE).group(1) for name in _NAMES]


_NAMES = ("REST", "private", "API key", "API secret")


def test_strangers(command):
    """Any client finds what it needs: start-up reads, listen keys, private and silent sockets."""
    running = command("simulate", "--port", "0", "--seed", "4", "--no-bot")
    rest_url, stream_url, api_key, _ = introduced(running.hear("watch --rest-url"))
    base = stream_url[: -len("/private")]
    for path in ("ping", "time", "exchangeInfo"):
        assert 200 == requests.get(f"{rest_url}/fapi/v1/{path}", timeout=PATIENCE_S).status_code
    posted = requests.post(f"{rest_url}/fapi/v1/listenKey", headers={"X-MBX-APIKEY": api_key}, timeout=PATIENCE_S)
    key = posted.json()["listenKey"]
    paths = (f"/private/ws?listenKey={key}", f"/private/ws/{key}", "/public/ws/btcusdt@depth", "/market/stream")
    for path in paths:
        socket_ = websocket.create_connection(base + path, timeout=PATIENCE_S)
        assert socket_.connected
        socket_.shutdown()
    said = running.hear("connected: /market/stream")
    running.interrupt()
    code, _ = running.finish()

    assert (130, "") == (code, running.errors())
    assert "GET /fapi/v1/exchangeInfo -> 200" in said
    assert "POST /fapi/v1/listenKey -> 200" in said
    assert key not in said


def test_our_own_stream(command):
    """Our stream is LIVE there, and the bot gives it something to tell."""
    running = command("simulate", "--port", "0")
    rest_url, stream_url, api_key, api_secret = introduced(running.hear("watch --rest-url"))
    market = attrs.evolve(uds.USDM, rest_url=rest_url, stream_url=stream_url)
    stream = uds.UserDataStream(api_key, api_secret, market=market)
    with stream.events() as events, stream:
        event = events.get(timeout=PATIENCE_S)
        state = stream.state

    assert isinstance(event, uds.Event)
    assert uds.StreamState.LIVE is state


def test_faults(command):
    """Asked for, things go wrong, and each is told."""
    running = command("simulate", "--port", "0", "--no-bot", "--faults", "1")

    assert "fault: " in running.hear("fault: ")


def test_port_in_use():
    """A port that is taken is one clear line, which says what to do and the address once."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = CliRunner().invoke(simulate, ["--port", str(port)])

    assert 1 == result.exit_code
    assert f"Error: cannot listen on 127.0.0.1 port {port}: " in result.output
    assert result.output.endswith("; --port 0 takes any that is free\n")
    assert 1 == result.output.count(str(port))


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.0.1", "example.org", "::"])
def test_loopback_only(monkeypatch, host):
    """It does not listen to the world."""
    monkeypatch.setattr(LocalExchange, "start", lambda exchange: pytest.fail("it would listen"))
    result = CliRunner().invoke(simulate, ["--host", host])

    assert 2 == result.exit_code
    assert "only 127.0.0.1 and its like" in result.output
