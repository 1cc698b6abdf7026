"""requests, on connections opened by ``dial``."""

from __future__ import annotations

import itertools
import queue
import threading
from collections.abc import Iterator
from typing import Any, Callable

import pytest
import requests
import urllib3.connectionpool

from binance_uds.edges.deadline import Deadline
from binance_uds.edges.dial import Origin
from binance_uds.edges.transport import Transport
from binance_uds.errors import StreamInterrupted
from tests.interrupting import is_done_elsewhere, with_interruption

LIMIT_S = 15.0


@pytest.fixture
def transport(tls: Any) -> Iterator[Callable[[str], Transport]]:
    made: list[Transport] = []

    def make(url: str) -> Transport:
        made.append(Transport(Origin.of(url), context=tls["client"], proxy=None))
        return made[-1]

    yield make
    for one in made:
        one.close()


def get(transport: Transport, target: str) -> tuple[int, bytes]:
    request = requests.Request("GET", transport.origin.url).prepare()
    with Deadline(LIMIT_S) as deadline, transport.send(request, target, deadline) as response:
        return response.status_code, response.content


def test_a_connection_is_reused_and_known_to_be(serve, transport):
    """Only the first request opens a connection, and after close the next one does again."""

    def handle(peer):
        while peer.read_head():
            peer.answer([])

    server = serve(handle)
    client = transport(server.url("http"))
    reused = []
    for _ in range(3):
        assert (200, b"[]") == get(client, "/")
        reused.append(client.is_reused)
    client.close()
    get(client, "/")
    reused.append(client.is_reused)

    assert [False, True, True, False] == reused
    assert 2 == server.connections


def test_ctrl_c_at_any_step_with_the_pool_leaves_one_that_can_be_closed(transport):
    """As the next call does, the end of the stream, and the garbage collection in any thread."""

    def take_and_give_back() -> None:
        pool._put_conn(pool._get_conn())

    for step in itertools.count():
        client = transport("http://127.0.0.1:1")
        pool = client._session.get_adapter(client.origin.url)._pool
        try:
            with_interruption(take_and_give_back, step, (queue, threading, urllib3.connectionpool))
        except KeyboardInterrupt:
            assert is_done_elsewhere(client.close)
        else:
            break

    assert step > 5


def test_the_surroundings_have_no_say(serve, transport, monkeypatch):
    """Proxies and certificates of the environment are dial's business, not requests' once more."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere")
    server = serve(lambda peer: peer.read_head() and peer.answer({"ok": 1}))

    assert (200, b'{"ok": 1}') == get(transport(server.url("http")), "/x?a=%2f")
    assert server.heads[0].startswith("GET /x?a=%2f HTTP/1.1\r\n")


def test_cookies_are_not_kept(serve, transport):
    """What the exchange's edge servers set is not sent back."""

    def handle(peer):
        while peer.read_head():
            peer.answer({}, headers="Set-Cookie: a=b\r\n")

    server = serve(handle)
    client = transport(server.url("http"))
    get(client, "/")
    get(client, "/")

    assert "cookie" not in "".join(server.heads).lower()


def test_the_context_verifies(serve, transport, tls):
    """The certificate is judged by dial with the context given, and by nobody else."""
    trusted = serve(lambda peer: peer.read_head() and peer.answer({}), tls["server"])
    stranger = serve(lambda peer: None, tls["stranger"])

    assert (200, b"{}") == get(transport(trusted.url("https")), "/")
    with pytest.raises(StreamInterrupted, match="for another host name"):
        get(transport(stranger.url("https")), "/")
