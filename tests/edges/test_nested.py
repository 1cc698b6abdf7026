"""TLS inside TLS, through a proxy that decrypts the outer layer."""

from __future__ import annotations

import os
import select
import ssl
import threading
from collections.abc import Iterator
from typing import Any, Callable

import pytest

from binance_uds.credentials import Credentials
from binance_uds.edges.deadline import Deadline
from binance_uds.edges.dial import connect, proxy_for
from binance_uds.edges.nested import NestedTls
from binance_uds.edges.rest import Rest
from binance_uds.edges.wire import Wire

LIMIT_S = 20.0


@pytest.fixture
def reach(serve, tls, tunnel) -> Iterator[Callable[..., NestedTls]]:
    """Connect to a handler through both layers."""
    made: list[Any] = []

    def make(handle: Callable[[Any], None]) -> NestedTls:
        url = serve(handle, tls["server"]).url("https")
        proxy = proxy_for(url, serve(tunnel, tls["server"]).url("https"))
        with Deadline(LIMIT_S) as deadline:
            made.append(connect(url, context=tls["client"], proxy=proxy, deadline=deadline))
        made[-1].settimeout(LIMIT_S)
        return made[-1]

    yield make
    for sock in made:
        sock.close()


def test_large_data_passes_both_ways(reach):
    """More than any buffer holds arrives whole, in both directions."""
    data = os.urandom(3_000_000)

    def mirror(peer: Any) -> None:
        received = b""
        while len(received) < len(data):
            received += peer.sock.recv(65536)
        peer.send(received)

    sock = reach(mirror)
    assert isinstance(sock, NestedTls)
    sock.sendall(data)
    received = bytearray(len(data))
    view = memoryview(received)
    while view:
        view = view[sock.recv_into(view) :]

    assert data == received


def test_the_end_of_the_connection_is_an_end(reach):
    """When the far end closes, recv says so instead of failing."""
    sock = reach(lambda peer: peer.send(b"bye"))

    assert (b"bye", b"") == (sock.recv(10), sock.recv(10))


def test_it_does_not_block_when_it_must_not(reach):
    """Without data recv raises what an SSLSocket raises, and nothing is lost by it."""
    go = threading.Event()

    def handle(peer: Any) -> None:
        assert go.wait(LIMIT_S)
        peer.send(b"now")
        peer.wait_for_end()

    sock = reach(handle)
    sock.setblocking(False)
    with pytest.raises(ssl.SSLWantReadError):
        sock.recv(10)
    go.set()
    received = b""
    while not received:
        assert select.select([sock], [], [], LIMIT_S)[0]
        try:
            received = sock.recv(10)
        except ssl.SSLWantReadError:
            continue

    assert b"now" == received


def test_a_far_end_that_does_not_read_holds_the_sender_back(reach):
    """What cannot leave is refused, not piled up, and what was taken on arrives whole."""
    go = threading.Event()
    received = bytearray()

    def handle(peer: Any) -> None:
        assert go.wait(LIMIT_S)
        while not received.endswith(b"last"):
            received.extend(peer.sock.recv(65536))
        peer.send(b"thanks")

    sock = reach(handle)
    sock.setblocking(False)
    piece, sent = b"0123456789abcdef" * 1024, 0
    with pytest.raises(ssl.SSLWantWriteError):
        while sent < 256 * 1024 * 1024:
            sent += sock.send(piece)
    go.set()
    sock.settimeout(LIMIT_S)
    sock.sendall(b"last")

    assert b"thanks" == sock.recv(10)
    assert sent + 4 == len(received)
    assert received.endswith(b"cdeflast")


def test_rest_and_stream_work_through_it(serve, tls, tunnel, frames):
    """Both halves of the client go through an https proxy."""

    def exchange(peer: Any) -> None:
        while peer.read_head():
            peer.answer({"n": len(peer.server.heads)})

    def stream(peer: Any) -> None:
        peer.shake_hands(behind=b"".join(frames.frame(b"x" * size) for size in range(0, 40_000, 400)))
        peer.wait_for_end()

    proxy = serve(tunnel, tls["server"]).url("https")

    class Market:
        rest_url = serve(exchange, tls["server"]).url("https")

    rest = Rest(Market(), Credentials.of("k" * 64), context=tls["client"], proxy=proxy)  # type: ignore[arg-type]
    answers = [rest.call("GET", "/x") for _ in range(2)]
    rest.close()
    wire = Wire.open(serve(stream, tls["server"]).url("wss"), context=tls["client"], proxy=proxy, timeout=LIMIT_S)
    messages: list[Any] = []
    while len(messages) < 100:
        if not wire.has_pending:
            assert select.select([wire], [], [], LIMIT_S)[0]
        messages += wire.receive()
    wire.close()

    assert [{"n": 1}, {"n": 2}] == answers
    assert [b"x" * size for size in range(0, 40_000, 400)] == messages
