"""Watching an account, here one of the local exchange."""

import signal

import pytest
from click.testing import CliRunner

from binance_uds.cli.watch import watch


@pytest.fixture
def watching(exchange, command):
    """Runs watch against the local exchange."""

    def run(key=None, secret=None):
        urls = ("--rest-url", exchange.rest_url, "--stream-url", exchange.stream_url)
        secret = exchange.api_secret if secret is None else secret
        return command("watch", *urls, BINANCE_API_KEY=key or exchange.api_key, BINANCE_API_SECRET=secret)

    return run


@pytest.mark.parametrize("number, code", [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_watch(exchange, watching, number, code):
    """It tells what happens to the account, and sums up when it is ended."""
    running = watching()
    running.hear("LIVE")
    exchange.buy("BTCUSDT", "0.010")
    running.hear("fill")
    exchange.faults.drop()
    exchange.sell("BTCUSDT", "0.004")
    running.hear("gap 1 closed")
    running.interrupt(number)
    ended, said = running.finish()

    assert (code, "") == (ended, running.errors())
    assert "fill       BTCUSDT BUY 0.01 at 30000" in said
    assert "gap 1 opened: connection lost" in said
    assert "fill       BTCUSDT SELL 0.004 at 30000, fee 0.06 USDT; order filled (by REST)" in said
    assert "REPAIRING, was STALE: a gap is being repaired" in said
    assert "2 fills (1 by REST), 1 gap," in said.splitlines()[-1]


def test_key_only(exchange, watching):
    """Without a secret it works, and says what that means."""
    running = watching(secret="")
    said = running.hear("LIVE")

    assert "key-only" in said


@pytest.mark.parametrize("wrong", ["key", "secret"])
def test_refused(exchange, watching, wrong):
    """Credentials that are refused are one clear line and exit code 2, without the credentials."""
    running = watching(**{wrong: "thisIsWrong123"})
    code, said = running.finish()
    errors = running.errors()

    assert 2 == code
    assert errors.startswith("Error: Binance refused the credentials")
    assert 1 == len(errors.splitlines())
    for secret in (exchange.api_key, exchange.api_secret, "thisIsWrong123"):
        assert secret not in said + errors


@pytest.mark.parametrize(
    "arguments, message",
    [
        ([], "Error: the environment variable BINANCE_API_KEY is not set"),
        (["--rest-url", "http://127.0.0.1:1"], "Error: --rest-url and --stream-url go together"),
        (
            ["--rest-url", "http://example.org", "--stream-url", "wss://example.org"],
            "Error: http://example.org would send",
        ),
    ],
)
def test_misused(arguments, message):
    """A call that cannot work is exit code 2 and says what is wrong."""
    result = CliRunner().invoke(watch, arguments)

    assert 2 == result.exit_code
    assert result.output.splitlines()[-1].startswith(message)


def test_nobody_there(command):
    """An exchange that cannot be reached can be waited for, and Ctrl-C ends the waiting."""
    urls = ("--rest-url", "http://127.0.0.1:9", "--stream-url", "ws://127.0.0.1:9/private")
    running = command("watch", *urls, BINANCE_API_KEY="somebody")
    running.hear("Connecting")
    running.interrupt()
    code, said = running.finish()

    assert (130, "") == (code, running.errors())
    assert "watched" not in said
