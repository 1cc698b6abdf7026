"""The samples for servers that fork or patch: in real processes, against the local exchange."""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, Optional

import psutil
import pytest

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="servers that fork, and signals as POSIX knows them")

ROOT = pathlib.Path(__file__).parent.parent
SAMPLES = ROOT / "samples"

#: Generous: a server that starts or stops takes a second or two.
PATIENCE_S = 60.0

FILLED = {"symbol": "BTCUSDT", "side": "BUY", "status": "FILLED", "filled": "0.010"}


class Service:
    """A server in a process group of its own; what it prints goes to a file."""

    def __init__(
        self, folder: pathlib.Path, environment: dict[str, str], *command: str, hand_over: tuple[int, ...] = ()
    ) -> None:
        self._log = folder / "service.log"
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, *command],
                cwd=folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                pass_fds=hand_over,
                start_new_session=True,
            )

    @property
    def printed(self) -> str:
        """What it and its children have printed so far."""
        return self._log.read_text(errors="replace")

    def wait_until(self, condition: Callable[[], Any]) -> Any:
        """Wait until something is so, and return what it is; the end of the service ends the wait."""
        deadline, pause = time.monotonic() + PATIENCE_S, threading.Event()
        while True:
            found = condition()
            if found:
                return found
            assert self.process.poll() is None, f"it ended with {self.process.returncode}: {self.printed}"
            assert time.monotonic() < deadline, f"it did not become so in time: {self.printed}"
            pause.wait(0.05)

    def end(self, last: signal.Signals = signal.SIGTERM) -> tuple[int, list[int]]:
        """Ask it to end, and return its exit status and which processes it left behind."""
        family = psutil.Process(self.process.pid).children(recursive=True)
        self.process.send_signal(last)
        try:
            status = self.process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"it does not end: {self.printed}") from None
        _, left = psutil.wait_procs(family, timeout=PATIENCE_S / 4)
        return status, [each.pid for each in left]

    def kill(self) -> None:
        """End it, and what it started."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


@pytest.fixture
def environment(exchange, tmp_path) -> dict[str, str]:
    """Credentials, the samples on the path, and beside them a module that knows the local exchange."""
    (tmp_path / "local.py").write_text(
        "import attrs, binance_uds as uds\n"
        f"MARKET = attrs.evolve(uds.USDM, rest_url={exchange.rest_url!r}, stream_url={exchange.stream_url!r})\n"
    )
    return {
        **os.environ,
        "BINANCE_API_KEY": exchange.api_key,
        "BINANCE_API_SECRET": exchange.api_secret,
        "PYTHONPATH": os.pathsep.join([str(tmp_path), str(SAMPLES), str(SAMPLES / "django_site"), str(ROOT)]),
        "PYTHONUNBUFFERED": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
    }


@pytest.fixture
def serve(environment, tmp_path) -> Iterator[Callable[..., Service]]:
    """Starts servers; what still runs after the test is killed."""
    services: list[Service] = []

    def serve(*command: str, hand_over: tuple[int, ...] = (), **more: str) -> Service:
        services.append(Service(tmp_path, {**environment, **more}, *command, hand_over=hand_over))
        return services[-1]

    yield serve
    for each in services:
        each.kill()


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """A socket that listens already, for a server to accept on: whoever connects early waits for it."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening


def get(listener: socket.socket, path: str) -> dict[str, Any]:
    """Ask a server, on a connection of its own, and return what it answers, whatever the status."""
    with socket.create_connection(listener.getsockname(), timeout=PATIENCE_S) as connection:
        connection.sendall(f"GET {path} HTTP/1.0\r\nHost: here\r\n\r\n".encode())
        answer = b"".join(iter(lambda: connection.recv(65_536), b""))
    head, _, body = answer.partition(b"\r\n\r\n")
    return {**json.loads(body), "status": int(head.split()[1])}


def by_process(listener: socket.socket, path: str, wanted: Callable[[dict[str, Any]], bool], count: int) -> Any:
    """Return a condition: so many processes have answered as wanted."""
    found: dict[int, dict[str, Any]] = {}

    def look() -> Optional[dict[int, dict[str, Any]]]:
        answer = get(listener, path)
        if wanted(answer):
            found[answer["process"]] = answer
        return found if len(found) == count else None

    return look


def is_live(answer: dict[str, Any]) -> bool:
    return answer["state"] == "LIVE"


# Gunicorn


GUNICORN = ("-m", "gunicorn", "--workers=2", "--graceful-timeout=20")


@pytest.fixture
def gunicorn(serve, listener, tmp_path):
    """Runs gunicorn with two workers on the listener, with a module that makes the application."""

    def run(make_app: str, *options: str) -> Service:
        (tmp_path / "site_app.py").write_text(f"import flask_app, local\napp = flask_app.create_app({make_app})\n")
        bind = f"--bind=fd://{listener.fileno()}"
        return serve(*GUNICORN, bind, *options, "site_app:app", hand_over=(listener.fileno(),))

    return run


@pytest.mark.parametrize(
    "options",
    [pytest.param((), id="each loads", marks=pytest.mark.slow), pytest.param(("--preload",), id="preload")],
)
def test_gunicorn_workers_with_a_stream_each(gunicorn, exchange, listener, options):
    """Both deliver, over HTTP, and all end cleanly at SIGTERM; the application may be loaded before the fork."""
    service = gunicorn("local.MARKET, start=False", f"--config={SAMPLES / 'gunicorn_conf.py'}", *options)
    live = service.wait_until(by_process(listener, "/health", is_live, 2))
    exchange.buy("BTCUSDT", "0.01")
    shown = service.wait_until(by_process(listener, "/orders", lambda answer: FILLED in answer["orders"], 2))
    connections = exchange.connections_open
    status, left = service.end()

    assert service.process.pid not in live
    assert live.keys() == shown.keys()
    assert 2 == connections
    assert (0, []) == (status, left)
    assert "Traceback" not in service.printed
    exchange.wait_until(lambda: exchange.connections_open == 0)


@pytest.mark.slow
def test_gunicorn_with_a_stream_that_the_parent_started(gunicorn, exchange, listener):
    """The workers say so, instead of an account that stands still, and all end cleanly all the same."""
    service = gunicorn("local.MARKET", "--preload")
    told = service.wait_until(by_process(listener, "/health", lambda answer: answer["status"] == 503, 2))
    status, left = service.end()

    assert {"FAILED"} == {answer["state"] for answer in told.values()}
    assert all("started before fork() and lives in the parent process only" in each["why"] for each in told.values())
    assert (0, []) == (status, left)
    assert "Traceback" not in service.printed
    exchange.wait_until(lambda: exchange.connections_open == 0)


@pytest.mark.slow
def test_a_gunicorn_worker_without_its_stream_serves_and_says_why(gunicorn, listener, environment):
    """An error out of a hook would end all of gunicorn."""
    environment["BINANCE_API_SECRET"] = "x" * 64
    service = gunicorn("local.MARKET, start=False", f"--config={SAMPLES / 'gunicorn_conf.py'}")
    told = service.wait_until(by_process(listener, "/health", lambda answer: answer["status"] == 503, 2))
    status, left = service.end()

    assert {"FAILED"} == {answer["state"] for answer in told.values()}
    assert all("Binance refused the credentials" in answer["why"] for answer in told.values())
    assert "no stream in this worker: Binance refused the credentials" in service.printed
    assert (0, []) == (status, left)


# Celery


@pytest.fixture
def celery(serve, environment, tmp_path, monkeypatch):
    """Starts a worker with two processes, which a folder serves as broker; returns it, and how to run a task there."""
    for name in ("queue", "results", "control"):
        (tmp_path / name).mkdir()
    (tmp_path / "local_celery.py").write_text(
        "import celery_app, local\n"
        "celery_app.MARKET = local.MARKET\n"
        "app = celery_app.app\n"
        "app.conf.broker_url = 'filesystem://'\n"
        "app.conf.broker_transport_options = dict(\n"
        f"    data_folder_in={str(tmp_path / 'queue')!r}, data_folder_out={str(tmp_path / 'queue')!r},\n"
        f"    control_folder={str(tmp_path / 'control')!r})\n"
        f"app.conf.result_backend = {'file://' + str(tmp_path / 'results')!r}\n"
    )
    asking = (
        "import json, sys, local_celery\n"
        "from celery_app import position\n"
        "sent = [position.delay(sys.argv[1]) for _ in range(8)]\n"
        "print(json.dumps([each.get(timeout=60, interval=0.05) for each in sent]))\n"
    )

    def ask(symbol: str) -> list[dict[str, Any]]:
        done = subprocess.run(
            [sys.executable, "-c", asking, symbol],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S * 2,
            check=False,
        )
        assert 0 == done.returncode, done.stderr
        return json.loads(done.stdout)

    options = (
        "--concurrency=2",
        "--loglevel=INFO",
        "--without-gossip",
        "--without-mingle",
        "--without-heartbeat",
        "-O",
        "fair",
    )
    return serve("-m", "celery", "-A", "local_celery", "worker", *options), ask


def test_celery_processes_with_a_stream_each(celery, exchange):
    """Tasks read the account as the stream of their process tells it, and the worker ends cleanly at SIGTERM."""
    service, ask = celery
    service.wait_until(lambda: exchange.connections_open == 2)
    exchange.buy("BTCUSDT", "0.01")
    service.wait_until(lambda: re.search(r"celery@\S+ ready", service.printed))
    answers: list[dict[str, Any]] = []

    def both_tell() -> bool:
        answers[:] = ask("BTCUSDT")
        return {"0.010"} == {answer["amount"] for answer in answers} and len({each["process"] for each in answers}) == 2

    service.wait_until(both_tell)
    status, left = service.end()

    assert service.process.pid not in {answer["process"] for answer in answers}
    assert (0, []) == (status, left)
    assert "Traceback" not in service.printed
    exchange.wait_until(lambda: exchange.connections_open == 0)


# gevent


def test_a_patched_process_serves_and_streams(serve, exchange, listener):
    """Greenlets answer while the stream's one waits for the exchange, also through a gap, and all end at SIGTERM."""
    source = (
        "import gevent_app, local, gevent.socket\n"
        f"listener = gevent.socket.socket(fileno={listener.fileno()})\n"
        "gevent_app.main(local.MARKET, listener)\n"
    )
    service = serve("-c", source, hand_over=(listener.fileno(),))
    service.wait_until(by_process(listener, "/health", is_live, 1))
    exchange.faults.expire_key()
    exchange.buy("BTCUSDT", "0.01")
    shown = service.wait_until(by_process(listener, "/orders", lambda answer: FILLED in answer["orders"], 1))
    status, left = service.end()

    assert {service.process.pid} == shown.keys()
    assert (0, []) == (status, left)
    assert "Traceback" not in service.printed
    exchange.wait_until(lambda: exchange.connections_open == 0)


@pytest.mark.parametrize("door", ["stream.run()", "stream.start(); stream.join()"], ids=["run", "join"])
def test_ctrl_c_in_a_patched_process_ends_what_waits(serve, exchange, door):
    """As without gevent: KeyboardInterrupt comes out where the program waits."""
    source = (
        "from gevent import monkey; monkey.patch_all()\n"
        "import threading, local\n"
        "import binance_uds as uds\n"
        "stream = uds.UserDataStream.from_env(market=local.MARKET)\n"
        "stream.on(uds.StateChanged)(lambda change: print(change.new, flush=True))\n"
        f"try: {door}\n"
        "except KeyboardInterrupt: print('interrupted', stream.stop(), stream.state, threading.active_count())\n"
    )
    service = serve("-c", source)
    service.wait_until(lambda: "LIVE" in service.printed)
    status, left = service.end(signal.SIGINT)

    assert (0, []) == (status, left)
    assert "interrupted True STOPPED 1" in service.printed.splitlines()
    assert "Traceback" not in service.printed
    exchange.wait_until(lambda: exchange.connections_open == 0)


@pytest.mark.parametrize("door", ["stream.run()", "stream.start(); stream.join()"], ids=["run", "join"])
def test_a_signal_handler_in_a_patched_process_only_asks(serve, exchange, door):
    """It runs wherever gevent waits, where nothing may wait."""
    source = (
        "from gevent import monkey; monkey.patch_all()\n"
        "import signal, threading, local\n"
        "import binance_uds as uds\n"
        "stream = uds.UserDataStream.from_env(market=local.MARKET)\n"
        "signal.signal(signal.SIGTERM, lambda *_: print('asked', stream.stop(), flush=True))\n"
        "stream.on(uds.StateChanged)(lambda change: print(change.new, flush=True))\n"
        f"{door}\n"
        "print(threading.active_count())\n"
    )
    service = serve("-c", source)
    service.wait_until(lambda: "LIVE" in service.printed)
    status, left = service.end()

    assert (0, []) == (status, left)
    assert ["STARTING", "LIVE", "asked", "False", "STOPPED", "1"] == service.printed.split()
    exchange.wait_until(lambda: exchange.connections_open == 0)


# Django


@pytest.fixture
def manage(serve, environment, tmp_path):
    """Runs a command of the site to its end, or starts it, with a database in the test's own folder."""
    database = tmp_path / "site.sqlite3"
    (tmp_path / "local_settings.py").write_text(
        "import local\n"
        "from site_settings import *\n"
        "BINANCE_MARKET = local.MARKET\n"
        f"DATABASES = {{'default': {{'ENGINE': 'django.db.backends.sqlite3', 'NAME': {str(database)!r}}}}}\n"
    )
    path = str(SAMPLES / "django_site" / "manage.py")
    settings = {"DJANGO_SETTINGS_MODULE": "local_settings"}

    def start(*arguments: str) -> Service:
        return serve(path, *arguments, **settings)

    def run(*command: str) -> str:
        done = subprocess.run(
            [sys.executable, *command],
            cwd=tmp_path,
            env={**environment, **settings},
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )
        assert 0 == done.returncode, done.stderr
        return done.stdout

    run(path, "migrate", "--run-syncdb", "--verbosity=0")
    return start, run


SHOW_FILLS = (
    "import django; django.setup()\n"
    "from django.test import Client\n"
    "print(Client(SERVER_NAME='localhost').get('/fills').content.decode())\n"
)


def test_a_django_command_owns_the_stream(manage, exchange, tmp_path):
    """What it writes is what the site shows; ended by SIGTERM or Ctrl-C and started again it goes on where it was."""
    start, run = manage

    def booked() -> int:
        with contextlib.closing(sqlite3.connect(tmp_path / "site.sqlite3")) as database:
            return database.execute("SELECT count(*) FROM account_fill").fetchone()[0]

    service = start("stream_account")
    service.wait_until(lambda: "LIVE" in service.printed)
    exchange.buy("BTCUSDT", "0.01")
    service.wait_until(lambda: booked() == 1)
    ended = service.end(signal.SIGTERM)
    exchange.buy("BTCUSDT", "0.02")
    unheard = json.loads(run("-c", SHOW_FILLS))
    second = start("stream_account")
    second.wait_until(lambda: booked() == 2)
    heard = second.wait_until(lambda: (told := json.loads(run("-c", SHOW_FILLS)))["state"] == "LIVE" and told)
    ended_again = second.end(signal.SIGINT)

    assert [(0, []), (0, [])] == [ended, ended_again]
    assert "STOPPED" == unheard["state"]
    assert [("0.02", "rest"), ("0.01", "stream")] == [(fill["quantity"][:4], fill["origin"]) for fill in heard["fills"]]
    assert "Traceback" not in service.printed + second.printed
    exchange.wait_until(lambda: exchange.connections_open == 0)
