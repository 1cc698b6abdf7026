"""Examinations of the local exchange, a port where nobody listens, and a proxy."""

from __future__ import annotations

import selectors
import socket
import socketserver
import ssl
import threading
from collections.abc import Callable, Iterator

import attrs
import pytest
import trustme

import binance_uds as uds
from binance_uds.doctor import Finding, Outcome, examine
from binance_uds.simulator import LocalExchange

#: Long for loopback, and short for those tests in which nobody answers.
TIMEOUT_S = 1.0


class Report:
    """What an examination found."""

    def __init__(self, findings: tuple[Finding, ...]) -> None:
        self.findings = {finding.check: finding for finding in findings}
        assert len(findings) == len(self.findings)

    @property
    def amiss(self) -> dict[str, str]:
        """What each check came to that did not find all well, and could examine."""
        return {
            name: finding.outcome
            for name, finding in self.findings.items()
            if finding.outcome not in (Outcome.OK, Outcome.SKIPPED)
        }

    @property
    def skipped(self) -> set[str]:
        """The checks that could not examine."""
        return {name for name, finding in self.findings.items() if finding.outcome == Outcome.SKIPPED}


@pytest.fixture
def examined(exchange: LocalExchange, tools) -> Callable[..., Report]:
    """Examines the way to the running exchange, or to another one."""

    def run(of: LocalExchange = exchange, key: str = "", secret: object = "", **options) -> Report:
        changes = options.pop("changes", {})
        options.setdefault("timeout", TIMEOUT_S)
        credentials = uds.Credentials.of(key or of.api_key, of.api_secret if secret == "" else secret)
        return Report(examine(credentials, attrs.evolve(tools.market_of(of), **changes), **options))

    return run


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A port that is taken, and where nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


class Proxy(socketserver.ThreadingTCPServer):
    """An HTTP proxy that answers every CONNECT with one status, and with 200 tunnels."""

    daemon_threads = True
    status = 200

    class RequestHandlerClass(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            target = self.rfile.readline().split()[1].decode()
            while self.rfile.readline().strip():
                pass
            self.wfile.write(b"HTTP/1.1 %d X\r\n\r\n" % self.server.status)
            if self.server.status == 200:
                host, _, port = target.rpartition(":")
                with socket.create_connection((host, int(port))) as far:
                    pump(self.connection, far)

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), self.RequestHandlerClass)


def pump(one: socket.socket, other: socket.socket) -> None:
    """Carry bytes both ways until either side ends."""
    with selectors.DefaultSelector() as selector:
        selector.register(one, selectors.EVENT_READ, other)
        selector.register(other, selectors.EVENT_READ, one)
        while True:
            for key, _ in selector.select():
                data = key.fileobj.recv(65_536)
                if not data:
                    return
                key.data.sendall(data)


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    """A running proxy."""
    with Proxy() as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield running
        running.shutdown()
        thread.join()


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    """Who vouches for the exchange where it speaks TLS."""
    return trustme.CA()


@pytest.fixture
def encrypted(authority: trustme.CA) -> Iterator[LocalExchange]:
    """A running exchange that speaks TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    with LocalExchange(seed=1, ssl_context=context) as running:
        yield running
