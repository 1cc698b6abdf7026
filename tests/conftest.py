"""The local exchange, streams that always stop, and ears that wait for what they bring."""

from __future__ import annotations

import contextlib
import os
import pathlib
import signal
import ssl
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, TypeVar, Union

import attrs
import pytest

import binance_uds as uds
from binance_uds.edges.holds import release_holds
from binance_uds.runtime.weights import forget_weights
from binance_uds.simulator import LocalExchange

I = TypeVar("I", bound=Union[uds.Event, uds.Notice])  # noqa: E741 - an item, as in the package

#: Generous: what a test waits for comes within moments, or is broken.
PATIENCE_S = 20.0

ROOT = pathlib.Path(__file__).parent.parent

#: Nothing lapses by itself, retries come at once and gaps are short; a test shortens what it is about.
TIMINGS = uds.Timings(
    retry_first=0.01, retry_most=0.05, probe_retry_first=0.01, gap_margin=0.1, slow_callback=PATIENCE_S
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Options of tests that tell another story with another seed, or a longer one."""
    parser.addoption("--fills", type=int, default=60_000, help="in the month of tests/test_memory.py")
    group = parser.getgroup("chaos", "faults over real sockets (tests/test_chaos.py)")
    group.addoption("--chaos-seed", type=int, default=1, help="of the faults and the trading; even: in hedge mode")
    group.addoption("--chaos-seconds", type=float, default=15.0, help="how long it goes on")
    group.addoption("--chaos-faults", type=int, default=30, help="how many faults there are")


class Ears:
    """Everything a stream delivers to callbacks, in order, and a way to wait for it."""

    def __init__(self, stream: uds.UserDataStream) -> None:
        self.items: list[Union[uds.Event, uds.Notice]] = []
        self._changed = threading.Condition()
        stream.on(uds.Event)(self._hear)
        stream.on(uds.Notice)(self._hear)

    def _hear(self, item: Union[uds.Event, uds.Notice]) -> None:
        with self._changed:
            self.items.append(item)
            self._changed.notify_all()

    def all_of(self, item_class: type[I], where: Callable[[I], bool] = lambda item: True) -> list[I]:
        """List what came of a class so far."""
        return [item for item in tuple(self.items) if isinstance(item, item_class) and where(item)]

    def wait_for(self, item_class: type[I], where: Callable[[I], bool] = lambda item: True, count: int = 1) -> I:
        """Return the so-manieth item of a class that fits, waiting for it if need be."""
        with self._changed:
            came = self._changed.wait_for(lambda: len(self.all_of(item_class, where)) >= count, PATIENCE_S)
        assert came, f"no {item_class.__name__} ({count}) among {self.items}"
        return self.all_of(item_class, where)[count - 1]

    def wait_for_state(self, state: uds.StreamState, count: int = 1) -> uds.StateChanged:
        """Return the so-manieth announcement of a state, waiting for it if need be."""
        return self.wait_for(uds.StateChanged, lambda change: change.new is state, count)

    @property
    def states(self) -> list[uds.StreamState]:
        """The announced states, in order."""
        return [change.new for change in self.all_of(uds.StateChanged)]


def market_of(exchange: LocalExchange, **changes: Any) -> uds.Market:
    """Return the market row of a local exchange."""
    return attrs.evolve(uds.USDM, rest_url=exchange.rest_url, stream_url=exchange.stream_url, **changes)


def wait_until(condition: Callable[[], bool]) -> None:
    """Wait for what announces itself to nobody, by looking again and again."""
    deadline = time.monotonic() + PATIENCE_S
    pause = threading.Event()
    while not condition():
        assert time.monotonic() < deadline, "it did not become so in time"
        pause.wait(0.002)


@pytest.fixture(autouse=True)
def quiet_surroundings(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No proxy, certificates or credentials from the environment, no holds and no weights from the test before."""
    for name in ("http", "https", "ws", "wss", "all", "no"):
        monkeypatch.delenv(f"{name}_proxy", raising=False)
        monkeypatch.delenv(f"{name}_proxy".upper(), raising=False)
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(name, raising=False)
    for name in ("BINANCE_API_KEY", "BINANCE_API_SECRET"):
        monkeypatch.delenv(name, raising=False)
    release_holds()
    forget_weights()
    yield
    release_holds()
    forget_weights()


@pytest.fixture
def exchange() -> Iterator[LocalExchange]:
    """A running local exchange."""
    with LocalExchange(seed=1) as running:
        yield running


@pytest.fixture
def make_stream(exchange: LocalExchange) -> Iterator[Callable[..., uds.UserDataStream]]:
    """Makes streams of the running exchange, signed unless told otherwise; all are stopped after the test."""
    streams: list[uds.UserDataStream] = []

    def make(**options: Any) -> uds.UserDataStream:
        key = options.pop("api_key", exchange.api_key)
        secret = options.pop("api_secret", exchange.api_secret)
        # Names of Timings shorten those; everything else is the stream's own.
        named = [field.name for field in attrs.fields(uds.Timings) if field.name in options]
        shortened = {name: options.pop(name) for name in named}
        options.setdefault("timings", attrs.evolve(TIMINGS, **shortened))
        options.setdefault("market", market_of(exchange))
        # Plain text on loopback needs no certificates, and loading them takes longer than most tests.
        options.setdefault("ssl_context", ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))
        streams.append(uds.UserDataStream(key, secret, **options))
        return streams[-1]

    yield make
    stopped = [stream.stop(PATIENCE_S) for stream in streams]

    assert all(stopped)


@pytest.fixture
def stream(make_stream: Callable[..., uds.UserDataStream]) -> uds.UserDataStream:
    """A stream of the running exchange, not started."""
    return make_stream()


@pytest.fixture
def ears(stream: uds.UserDataStream) -> Ears:
    """Ears on that stream."""
    return Ears(stream)


@attrs.frozen
class Tools:
    """What test modules share; they cannot import each other."""

    Ears: type[Ears] = Ears
    market_of: Callable[..., uds.Market] = market_of
    wait_until: Callable[[Callable[[], bool]], None] = wait_until
    timings: uds.Timings = TIMINGS
    patience_s: float = PATIENCE_S


@pytest.fixture(scope="session")
def tools() -> Tools:
    """The helpers of this file."""
    return Tools()


#: How a program under test begins: a stream of the exchange named in its environment, and nothing else.
_PROLOGUE = """
import os, signal, sys, threading, time
import attrs
import binance_uds as uds
market = attrs.evolve(uds.USDM, rest_url=os.environ["REST_URL"], stream_url=os.environ["STREAM_URL"])
stream = uds.UserDataStream.from_env(market=market)
def say(word):
    # In one piece: a forked child writes to the same pipe.
    os.write(1, f"{word}\\n".encode())
"""


class Program:
    """A program in a process of its own, with a stream of the running exchange at hand as ``stream``."""

    def __init__(self, exchange: LocalExchange, text: str) -> None:
        environment = {
            **os.environ,
            "BINANCE_API_KEY": exchange.api_key,
            "BINANCE_API_SECRET": exchange.api_secret,
            "REST_URL": exchange.rest_url,
            "STREAM_URL": exchange.stream_url,
            "PYTHONPATH": str(ROOT),
            "PYTHONUNBUFFERED": "1",
        }
        self.process = subprocess.Popen(
            [sys.executable, "-W", "error", "-c", _PROLOGUE + textwrap.dedent(text)],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            # What a reader has read ahead, communicate() would not see.
            bufsize=0,
            start_new_session=True,
        )
        # Whoever waits for a word of a program that hangs hears its end instead.
        self.watchdog = threading.Timer(3 * PATIENCE_S, self.kill)
        self.watchdog.start()

    def hear(self, word: str) -> None:
        """Wait until the program says a word on a line of its own."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline().decode().strip()
        if line != word:
            raise AssertionError(f"{word!r} expected, {line!r} came: {self.finish()}")

    def send(self, signal_number: int) -> None:
        """Send a signal."""
        self.process.send_signal(signal_number)

    def finish(self) -> tuple[int, str, str]:
        """Wait for the end; returns the exit status, and what else was printed to stdout and stderr."""
        out, err = self.process.communicate(timeout=PATIENCE_S)
        return self.process.returncode, out.decode(), err.decode()

    def kill(self) -> None:
        """End it, and what it forked."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)


@pytest.fixture
def program(exchange: LocalExchange) -> Iterator[Callable[[str], Program]]:
    """Runs programs; what still runs after the test is killed."""
    programs: list[Program] = []

    def run(text: str) -> Program:
        programs.append(Program(exchange, text))
        return programs[-1]

    yield run
    for each in programs:
        each.watchdog.cancel()
        each.kill()
        each.process.communicate()
