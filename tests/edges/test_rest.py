"""The REST edge against a server that behaves as told."""

from __future__ import annotations

import logging
import pickle
import ssl
import threading
import time
import traceback
from collections.abc import Iterator
from email.utils import formatdate
from types import SimpleNamespace
from typing import Any, Callable

import pytest

from binance_uds.credentials import Credentials, Secret
from binance_uds.edges import rest as edge
from binance_uds.edges.holds import release_holds
from binance_uds.edges.rest import Rest
from binance_uds.errors import CredentialsRejected, ExchangeError, StreamInterrupted, UserDataStreamError

KEY = "CanaryKey" + "k" * 55
SECRET = "CanarySecret" + "s" * 52
SIGNATURE = "c0ffee" * 10
CREDENTIALS = Credentials.of(KEY, SECRET)
HOUR = 3600.0


@pytest.fixture
def rest(tls: Any) -> Iterator[Callable[..., Rest]]:
    made: list[Rest] = []

    def make(url: str, **options: Any) -> Rest:
        options.setdefault("timeout", 15.0)
        options.setdefault("context", tls["client"])
        made.append(Rest(SimpleNamespace(rest_url=url), CREDENTIALS, **options))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for one in made:
        one.close()


def failure(call: Callable[[], Any]) -> UserDataStreamError:
    with pytest.raises(UserDataStreamError) as caught:
        call()
    return caught.value


def everything_about(error: BaseException) -> str:
    """What str, repr, pickle and a traceback with local variables show."""
    shown = "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())
    # The frames of this file are the caller's, who has to know what it sends.
    package = "".join(part for part in shown.split("  File ") if "test_rest.py" not in part.split("\n")[0])
    return package + str(error) + repr(error) + repr(pickle.dumps(error)) + repr(vars(error))


def test_an_answer_comes_back_as_json(serve, rest):
    """The parsed body is returned, and the request is what the exchange expects."""
    server = serve(lambda peer: peer.read_head() and peer.answer({"listenKey": "abc"}))
    answer = rest(server.url("http")).call("POST", "/fapi/v1/listenKey")
    lines = server.heads[0].split("\r\n")

    assert {"listenKey": "abc"} == answer
    assert "POST /fapi/v1/listenKey HTTP/1.1" == lines[0]
    assert f"X-MBX-APIKEY: {KEY}" in lines
    assert f"Host: 127.0.0.1:{server.port}" in lines
    assert "Accept-Encoding: identity" in lines
    assert "Content-Length: 0" in lines
    assert 1 == sum(line.lower().startswith("host:") for line in lines)


def test_the_key_stays_home_when_it_is_not_needed(serve, rest):
    """A public call carries no API key."""
    server = serve(lambda peer: peer.read_head() and peer.answer({}))
    rest(server.url("http")).call("GET", "/fapi/v1/time", with_key=False)

    assert KEY not in server.heads[0]


@pytest.mark.parametrize(
    "query",
    ["symbol=%e2%82%ac&x=%7Ey&timestamp=1", "a=%2f%2D&b=c+d&c=[x]'\"|&signature=ab", "a=&&b==", "a=b?c/d"],
)
def test_a_query_is_sent_letter_by_letter(serve, rest, query):
    """What was signed is what is sent, however strange its spelling."""
    server = serve(lambda peer: peer.read_head() and peer.answer([]))
    rest(server.url("http", "/prefix")).call("GET", "/x", Secret(query))

    assert f"GET /prefix/x?{query} HTTP/1.1" == server.heads[0].split("\r\n")[0]


def test_one_connection_serves_many_calls(serve, rest):
    """Connections are kept alive, and the used weight is heard."""

    def handle(peer):
        while peer.read_head():
            peer.answer({}, headers=f"X-MBX-USED-WEIGHT-1M: {len(peer.server.heads)}7\r\n")

    server = serve(handle)
    client = rest(server.url("http"))
    for _ in range(3):
        client.call("GET", "/x")

    assert 1 == server.connections
    assert 37 == client.used_weight


def test_a_connection_that_died_between_calls_is_replaced(serve, rest):
    """A kept-alive connection that is cut when the next request arrives costs nothing but a new one."""

    def handle(peer):
        peer.read_head()
        peer.answer({"connection": peer.server.connections})
        peer.read_head()

    server = serve(handle)
    client = rest(server.url("http"))
    answers = [client.call("GET", "/x") for _ in range(3)]

    assert [{"connection": 1}, {"connection": 2}, {"connection": 3}] == answers


def test_a_fresh_connection_that_dies_is_not_tried_again(serve, rest):
    """Only a stale connection is worth a second attempt; what a fresh one does is the exchange's answer."""
    server = serve(lambda peer: peer.read_head())
    error = failure(lambda: rest(server.url("http")).call("GET", "/x"))

    assert isinstance(error, StreamInterrupted)
    assert 1 == server.connections


def test_it_works_again_after_close(serve, rest):
    """Closing drops the connection, not the object."""
    server = serve(lambda peer: (peer.read_head() and peer.answer({})) or peer.wait_for_end())
    client = rest(server.url("http"))
    client.call("GET", "/x")
    client.close()

    assert {} == client.call("GET", "/x")
    assert 2 == server.connections


@pytest.mark.fault(15)
@pytest.mark.parametrize("body", [b"", b"<html>Bad Gateway</html>", b"[]", b"7", b'{"code": true, "msg": 5}'])
def test_errors_without_an_explanation(serve, rest, body):
    """A proxy's page in place of Binance's JSON is an error like any other."""
    server = serve(lambda peer: peer.read_head() and peer.answer(status=502, raw=body))
    error = failure(lambda: rest(server.url("http")).call("GET", "/x"))

    assert isinstance(error, ExchangeError)
    assert (502, None, "no explanation") == (error.status, error.code, error.message)
    assert error.retry_after_s is None


@pytest.mark.fault(18)
@pytest.mark.parametrize(
    ("status", "code"), [(400, -2014), (401, -2015), (400, -1022), (400, -1002), (400, -4109), (401, None)]
)
def test_refused_credentials(serve, rest, status, code):
    """Codes about key, signature and permissions are the user's to mend."""
    body = {"msg": "refused"} if code is None else {"code": code, "msg": "refused"}
    server = serve(lambda peer: peer.read_head() and peer.answer(body, status=status))
    error = failure(lambda: rest(server.url("http")).call("GET", "/x"))

    assert isinstance(error, CredentialsRejected)
    assert (status, code, "refused") == (error.status, error.code, error.message)


@pytest.mark.fault(12)
def test_a_lost_listen_key_is_an_exchange_error(serve, rest):
    """Code -1125 comes out as it is; what to do about it is decided elsewhere."""
    body = {"code": -1125, "msg": "This listenKey does not exist."}
    server = serve(lambda peer: peer.read_head() and peer.answer(body, status=400))
    error = failure(lambda: rest(server.url("http")).call("PUT", "/x"))

    assert isinstance(error, ExchangeError)
    assert (400, -1125, "This listenKey does not exist.") == (error.status, error.code, error.message)


@pytest.mark.fault(20)
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_not_followed(serve, rest, status):
    """The API key goes to nobody the exchange points to, and the redirect's body is not read."""
    other = serve(lambda peer: peer.read_head() and peer.answer({}))

    def handle(peer):
        peer.read_head()
        location = other.url("http", "/stolen")
        peer.send(f"HTTP/1.1 {status} X\r\nLocation: {location}\r\nContent-Length: 99999999\r\n\r\n".encode())
        peer.wait_for_end()

    server = serve(handle)
    began = time.monotonic()
    error = failure(lambda: rest(server.url("http"), timeout=15.0).call("GET", "/x"))

    assert "Binance answered with a redirect, which is never followed" == error.args[0]
    assert 0 == other.connections
    # The body never comes, so whoever reads it is busy until the deadline.
    assert 15.0 > time.monotonic() - began


@pytest.mark.fault(15)
@pytest.mark.parametrize("raw", [b"", b"{", b"[NaN]", b"[1, Infinity]", b"\xff\xfe", b"[" * 100_000, b"9" * 5000])
def test_a_success_that_is_not_json(serve, rest, raw):
    """A body nobody can read is no answer."""
    server = serve(lambda peer: peer.read_head() and peer.answer(raw=raw))
    error = failure(lambda: rest(server.url("http")).call("GET", "/x"))

    assert "the answer is not JSON" == error.args[0]


@pytest.mark.fault(15)
def test_a_body_that_ends_early(serve, rest):
    """A body shorter than announced is a lost connection."""

    def handle(peer):
        peer.read_head()
        peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n[1, 2]")

    server = serve(handle)
    error = failure(lambda: rest(server.url("http")).call("GET", "/x"))

    assert isinstance(error, StreamInterrupted)


def test_an_endless_body_is_cut(serve, rest):
    """More than 8 MiB is refused while it arrives."""

    def handle(peer):
        peer.read_head()
        peer.send(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            peer.send(b" " * 65536)

    server = serve(handle)
    error = failure(lambda: rest(server.url("http")).call("GET", "/x"))

    assert "the answer is larger than 8 MiB" == error.args[0]


def test_a_compressed_body_is_refused(serve, rest):
    """Compression was not asked for, and a small body could unpack to a huge one."""
    headers = "Content-Encoding: gzip\r\n"
    server = serve(lambda peer: peer.read_head() and peer.answer(raw=b"x", headers=headers))
    error = failure(lambda: rest(server.url("http")).call("GET", "/x"))

    assert "the answer is compressed, which was not asked for" == error.args[0]


def trickle_head(peer):
    peer.read_head()
    peer.send(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    while not peer.server.released.wait(0.05):
        peer.send(b"x")


def trickle_body(peer):
    peer.read_head()
    peer.send(b"HTTP/1.1 200 OK\r\n\r\n[")
    while not peer.server.released.wait(0.05):
        peer.send(b" ")


def say_nothing(peer):
    peer.wait_for_end()


@pytest.mark.parametrize("handle", [trickle_head, trickle_body, say_nothing])
def test_a_slow_answer_does_not_stretch_the_deadline(serve, rest, handle):
    """Bytes that trickle in, in head or body, buy no more time, and a cut body is no answer."""
    server = serve(handle)
    began = time.monotonic()
    error = failure(lambda: rest(server.url("http"), timeout=0.5).call("GET", "/x"))

    assert "no answer within 0.5 s" == error.args[0]
    assert time.monotonic() - began < 10


def test_a_kept_alive_connection_is_under_the_deadline_too(serve, rest):
    """The second call on a connection has no more patience than the first."""

    def handle(peer):
        peer.read_head()
        peer.answer({})
        trickle_body(peer)

    server = serve(handle)
    client = rest(server.url("http"), timeout=0.5)
    client.call("GET", "/x")
    error = failure(lambda: client.call("GET", "/x"))

    assert "no answer within 0.5 s" == error.args[0]
    assert 1 == server.connections


def test_a_silent_tls_handshake_ends_with_the_deadline(serve, rest):
    """A server that accepts and never speaks TLS is given up."""
    server = serve(say_nothing)
    error = failure(lambda: rest(server.url("https"), timeout=0.5).call("GET", "/x"))

    assert f"no connection to 127.0.0.1:{server.port} within 0.5 s" == error.args[0]


def test_an_abandoned_call_ends_within_moments(serve, rest):
    """When the stream stops, a hanging call does not hold it up."""
    stop = threading.Event()

    def handle(peer):
        peer.read_head()
        stop.set()
        peer.wait_for_end()

    server = serve(handle)
    error = failure(lambda: rest(server.url("http"), timeout=HOUR, abandoned=stop.is_set).call("GET", "/x"))

    assert "given up because the stream is stopping" == error.args[0]


def test_calls_leave_no_threads(serve, rest):
    """The helper of each call is gone when the call is."""

    def handle(peer):
        while peer.read_head():
            peer.answer({})

    client = rest(serve(handle).url("http"))
    client.call("GET", "/x")
    before = threading.active_count()
    for _ in range(50):
        client.call("GET", "/x")

    assert before == threading.active_count()


@pytest.mark.fault(16)
@pytest.mark.parametrize("status", [429, 418])
def test_a_hold_is_kept_by_the_whole_process(serve, rest, status):
    """After 429 or 418 nobody in this process calls that origin before the time is up."""
    body = {"code": -1003, "msg": "Too many requests."}
    server = serve(lambda peer: peer.read_head() and peer.answer(body, status, "Retry-After: 30\r\n"))
    first = failure(lambda: rest(server.url("http")).call("GET", "/x"))
    second = failure(lambda: rest(server.url("http")).call("POST", "/y"))

    assert 1 == server.connections
    assert isinstance(first, ExchangeError)
    assert isinstance(second, ExchangeError)
    assert 30.0 == first.retry_after_s
    assert (status, -1003, "Too many requests.") == (second.status, second.code, second.message)
    assert second.retry_after_s is not None
    assert 0 < second.retry_after_s <= 30


def test_a_hold_binds_one_origin_only(serve, rest):
    """Another host may still be called, and this one again when the hold is released."""
    answers = [(429, {}), (200, {"ok": True})]

    def handle(peer):
        peer.read_head()
        status, body = answers.pop(0)
        peer.answer(body, status, "Retry-After: 30\r\n")

    server = serve(handle)
    other = serve(lambda peer: peer.read_head() and peer.answer({}))
    client = rest(server.url("http"))
    failure(lambda: client.call("GET", "/x"))

    assert {} == rest(other.url("http")).call("GET", "/x")
    release_holds()
    assert {"ok": True} == client.call("GET", "/x")


@pytest.mark.fault(16)
def test_a_date_in_retry_after_is_understood(serve, rest):
    """Retry-After may be a date; it is measured against the answer's own."""
    now = 1_700_000_000
    headers = f"Date: {formatdate(now, usegmt=True)}\r\nRetry-After: {formatdate(now + 90, usegmt=True)}\r\n"
    server = serve(lambda peer: peer.read_head() and peer.answer({}, 429, headers))
    error = failure(lambda: rest(server.url("http")).call("GET", "/x"))

    assert isinstance(error, ExchangeError)
    assert 90.0 == error.retry_after_s


def test_nothing_about_an_error_shows_a_secret(serve, rest, caplog):
    """Key, secret, signed query and listen key are in no error, traceback, pickle or log of any logger."""
    caplog.set_level(logging.DEBUG)
    listen_key = Secret("CanaryListenKey" + "l" * 49)
    words = f"bad signature for {KEY} {SECRET} {listen_key.reveal()} signature={SIGNATURE}"
    echo = {"code": -1022, "msg": words}

    def refuse(peer):
        while peer.read_head():
            peer.answer(echo, status=400)

    def hang_up(peer):
        peer.read_head()
        peer.reset()

    def redirect(peer):
        peer.read_head()
        peer.answer(echo, 302, f"Location: http://x/?{KEY}\r\n")

    def garble(peer):
        peer.read_head()
        peer.answer(raw=f"{KEY}{SIGNATURE}".encode())

    shown = ""
    for handle in (refuse, hang_up, redirect, garble, trickle_body):
        client = rest(serve(handle).url("http"), timeout=0.5)
        query = f"recvWindow=5000&timestamp=1&signature={SIGNATURE}"
        for argument in (query, Secret(query)):
            error = failure(lambda c=client, q=argument: c.call("GET", "/fapi/v3/balance", q))
            shown += everything_about(error) + repr(client)
            assert error.__context__ is None
            assert error.__cause__ is None
    logged = caplog.text

    assert "GET /fapi/v3/balance: 400 in" in logged
    assert "urllib3.connectionpool" in {record.name for record in caplog.records}
    for canary in (KEY, SECRET, SIGNATURE, listen_key.reveal()):
        assert canary not in shown
        assert canary not in logged


def test_a_library_that_fails_in_its_own_way_is_translated(serve, rest, monkeypatch):
    """Even an exception nobody expected brings no foreign frame, for those hold the key."""

    def fail(*_: Any, **__: Any) -> Any:
        raise KeyError(KEY)

    client = rest("http://127.0.0.1:1")
    monkeypatch.setattr(edge.Transport, "send", fail)
    error = failure(lambda: client.call("GET", "/x"))

    assert "the request failed (KeyError)" == error.args[0]
    assert KEY not in everything_about(error)


def test_encrypted_calls_and_their_trust(serve, rest, tls):
    """TLS works with the given context, also on a kept-alive connection."""

    def handle(peer):
        while peer.read_head():
            peer.answer({"n": len(peer.server.heads)})

    server = serve(handle, tls["server"])
    client = rest(server.url("https"))

    assert [{"n": 1}, {"n": 2}, {"n": 3}] == [client.call("GET", "/x") for _ in range(3)]
    assert 1 == server.connections


def test_calls_go_through_the_proxy(serve, rest, tls, tunnel):
    """An explicit proxy is asked for a tunnel; TLS and the API key are for the exchange only."""
    server = serve(lambda peer: peer.read_head() and peer.answer({"ok": 1}), tls["server"])
    proxy = serve(tunnel)
    client = rest(server.url("https"), proxy=f"http://user:pass@127.0.0.1:{proxy.port}")

    assert {"ok": 1} == client.call("GET", "/x")
    assert f"CONNECT 127.0.0.1:{server.port} HTTP/1.1" == proxy.heads[0].split("\r\n")[0]
    assert "Proxy-Authorization: Basic dXNlcjpwYXNz" in proxy.heads[0]
    assert KEY not in proxy.heads[0]


def test_the_host_is_named_as_in_the_url(serve, rest, authority):
    """No port is added to the Host header where the URL has none."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("fapi.example").configure_cert(context)
    heads = []

    def pretend(peer):
        peer.read_head()
        peer.send(b"HTTP/1.1 200 OK\r\n\r\n")
        with context.wrap_socket(peer.sock, server_side=True) as sock:
            heads.append(sock.recv(65536).decode())
            sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")

    proxy = serve(pretend)

    assert {} == rest("https://fapi.example", proxy=proxy.url("http")).call("GET", "/x")
    assert "CONNECT fapi.example:443 HTTP/1.1" == proxy.heads[0].split("\r\n")[0]
    assert "Host: fapi.example" in heads[0].split("\r\n")


def test_netrc_is_not_read(serve, rest, tmp_path, monkeypatch):
    """No Authorization header is made up from the user's ~/.netrc."""
    netrc = tmp_path / "netrc"
    netrc.write_text("default login someone password something")
    monkeypatch.setenv("NETRC", str(netrc))
    server = serve(lambda peer: peer.read_head() and peer.answer({}))
    rest(server.url("http")).call("GET", "/x")

    assert "authorization" not in server.heads[0].lower()
