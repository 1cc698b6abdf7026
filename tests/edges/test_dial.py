"""The way to a host, with servers, proxies and certificates of our own."""

from __future__ import annotations

import contextlib
import os
import socket
import ssl
import time
from datetime import datetime, timedelta, timezone
from typing import Any, Callable, Optional

import pytest
import requests
import trustme

from binance_uds.edges.deadline import Deadline
from binance_uds.edges.dial import Origin, ca_source, connect, make_context, proxy_for, proxy_source
from binance_uds.errors import ConfigurationError, StreamInterrupted

HOUR = 3600.0
LIMIT_S = 15.0


def talk(url: str, context: ssl.SSLContext, proxy: Optional[str] = None, seconds: float = LIMIT_S) -> bytes:
    """Connect, say hello and return what comes back."""
    with (
        Deadline(seconds) as deadline,
        connect(url, context=context, proxy=proxy_for(url, proxy), deadline=deadline) as sock,
    ):
        sock.sendall(b"hello\r\n\r\n")
        return sock.recv(100)


def failure(call: Callable[[], Any]) -> str:
    with pytest.raises(StreamInterrupted) as caught:
        call()
    assert caught.value.__context__ is None
    return caught.value.reason


def echo(peer: Any) -> None:
    peer.send(peer.read_head().encode())


def test_origins():
    """Default ports are filled in, names lowered, brackets set where they belong."""
    assert "fapi.binance.com:443" == str(Origin.of("https://FAPI.binance.com/x?listenKey=1"))
    assert "host:80" == str(Origin.of("ws://user@host"))
    assert "wss://[::1]:8443" == Origin.of("wss://[::1]:8443/x").url


def test_a_plain_connection(serve, tls):
    """TCP alone works, without delay and with keep-alive."""
    server = serve(echo)
    with Deadline(LIMIT_S) as deadline:
        sock = connect(server.url("http"), context=tls["client"], proxy=None, deadline=deadline)
    with sock:
        assert 0 != sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        assert 0 != sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
    assert b"hello" == talk(server.url("ws"), tls["client"])


def test_an_encrypted_connection(serve, tls):
    """TLS verifies the host it meant to reach."""
    assert b"hello" == talk(serve(echo, tls["server"]).url("https"), tls["client"])


@pytest.mark.fault(38)
def test_a_certificate_of_an_unknown_authority_names_the_source(serve, tls, tmp_path, monkeypatch):
    """The error says whose certificates are trusted, so that a company's CA can be added there."""
    server = serve(echo, tls["server"])
    bundle = tmp_path / "other.pem"
    trustme.CA().cert_pem.write_to_path(str(bundle))
    usual = failure(lambda: talk(server.url("https"), make_context()))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(bundle))
    named = failure(lambda: talk(server.url("https"), make_context()))
    given = failure(lambda: talk(server.url("https"), ssl.create_default_context(cafile=str(bundle))))

    assert usual.startswith(f"the certificate of 127.0.0.1:{server.port} is not trusted: ")
    assert usual.endswith("(trusted are those of certifi)")
    assert named.endswith(f"(trusted are those of REQUESTS_CA_BUNDLE={bundle})")
    assert given.endswith("(trusted are those of the given ssl_context)")


@pytest.mark.fault(38)
def test_a_certificate_for_another_host(serve, tls):
    """A trusted certificate of somebody else is not enough."""
    server = serve(echo, tls["stranger"])

    assert f"the certificate shown by 127.0.0.1:{server.port} is for another host name" == failure(
        lambda: talk(server.url("https"), tls["client"])
    )


@pytest.mark.fault(38)
def test_an_expired_certificate(serve, authority, tls):
    """The machine's own clock may be what is wrong, and the error says so."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    yesterday = datetime.now(timezone.utc) - timedelta(days=1)
    authority.issue_cert("127.0.0.1", not_after=yesterday).configure_cert(context)

    assert "has expired, or this machine's clock is wrong" in failure(
        lambda: talk(serve(echo, context).url("https"), tls["client"])
    )


@pytest.mark.fault(38)
def test_a_server_that_does_not_speak_tls(serve, tls):
    """Garbage, and a connection cut during the handshake, are named as such."""
    garbage = serve(lambda peer: peer.send(b"HTTP/1.1 400 Bad Request\r\n\r\n") or peer.wait_for_end())
    silence = serve(lambda peer: peer.sock.recv(10))

    assert "failed: TLS error" in failure(lambda: talk(garbage.url("https"), tls["client"]))
    assert "failed: closed by the other side" in failure(lambda: talk(silence.url("https"), tls["client"]))


def test_nobody_listens(tls):
    """A refused connection says so."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

    assert f"the connection to 127.0.0.1:{port} failed: refused" == failure(
        lambda: talk(f"http://127.0.0.1:{port}", tls["client"])
    )


@pytest.mark.fault(37)
@pytest.mark.parametrize("error", [socket.gaierror(-2, "unknown"), UnicodeError("label too long")])
def test_a_name_that_does_not_resolve(tls, monkeypatch, error):
    """The resolver's refusal names the host."""

    def refuse(*_: Any, **__: Any) -> Any:
        raise error

    monkeypatch.setattr(socket, "getaddrinfo", refuse)

    assert "the name fapi.example could not be resolved" == failure(
        lambda: talk("https://fapi.example/x?listenKey=abc", tls["client"])
    )


@pytest.mark.fault(37)
def test_the_next_address_is_tried(serve, tls, monkeypatch):
    """A host whose first address refuses is reached by its second."""
    server = serve(echo)
    resolve = socket.getaddrinfo
    with socket.create_server(("127.0.0.1", 0)) as listener:
        closed = listener.getsockname()[1]

    def two(host: str, port: int, **options: Any) -> Any:
        return resolve("127.0.0.1", closed, **options) + resolve("127.0.0.1", port, **options)

    monkeypatch.setattr(socket, "getaddrinfo", two)

    assert b"hello" == talk(server.url("http"), tls["client"])


@pytest.mark.fault(37)
def test_a_name_is_looked_up_for_each_connection(serve, tls, monkeypatch):
    """A host that moved is found at its new address, without a restart."""
    servers = [serve(echo), serve(lambda peer: peer.read_head() and peer.send(b"moved"))]
    addresses = [server.port for server in servers]
    resolve = socket.getaddrinfo
    monkeypatch.setattr(
        socket, "getaddrinfo", lambda host, port, **options: resolve("127.0.0.1", addresses.pop(0), **options)
    )

    assert [b"hello", b"moved"] == [talk("http://fapi.example", tls["client"])[:5] for _ in servers]


@contextlib.contextmanager
def black_hole():
    """A port that takes no further connection and refuses none."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(4):
            sock = stack.enter_context(socket.socket())
            sock.setblocking(False)
            sock.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]


@pytest.mark.fault(37)
def test_a_black_hole_leaves_time_for_the_next_address(serve, tls, monkeypatch):
    """An address that swallows everything takes its share of the time, not all of it."""
    server = serve(echo)
    resolve = socket.getaddrinfo
    with black_hole() as hole:

        def two(host: str, port: int, **options: Any) -> Any:
            return resolve("127.0.0.1", hole, **options) + resolve("127.0.0.1", port, **options)

        monkeypatch.setattr(socket, "getaddrinfo", two)

        assert b"hello" == talk(server.url("http"), tls["client"], seconds=4.0)


@pytest.mark.fault(33, 37)
def test_a_black_hole_ends_with_the_deadline_or_the_stream(tls):
    """A connection that is never answered is given up in time, and at once when nobody wants it any more."""
    with black_hole() as hole:
        url = f"http://127.0.0.1:{hole}"
        late = failure(lambda: talk(url, tls["client"], seconds=0.5))
        began = time.monotonic()
        with Deadline(HOUR, lambda: time.monotonic() > began + 0.2) as deadline:
            unwanted = failure(lambda: connect(url, context=tls["client"], proxy=None, deadline=deadline))

    assert f"no connection to 127.0.0.1:{hole} within 0.5 s" == late
    assert "given up because the stream is stopping" == unwanted


def test_a_tunnel_through_a_proxy(serve, tls, tunnel):
    """The proxy learns host and port, and its own credentials; the rest is between us and the host."""
    server, proxy = serve(echo, tls["server"]), serve(tunnel)
    answer = talk(server.url("https", "/x?secret"), tls["client"], f"http://us%40er:p%3Ass@127.0.0.1:{proxy.port}")

    assert b"hello" == answer
    assert [
        f"CONNECT 127.0.0.1:{server.port} HTTP/1.1",
        f"Host: 127.0.0.1:{server.port}",
        "Proxy-Authorization: Basic dXNAZXI6cDpzcw==",
    ] == proxy.heads[0].split("\r\n")


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxy_that_is_spoken_to_encrypted(serve, tls, tunnel, scheme):
    """TLS to the proxy, and where it has to be, TLS to the host inside of it."""
    server = serve(echo, tls["server"] if scheme == "https" else None)
    proxy = serve(tunnel, tls["server"])

    assert b"hello" == talk(server.url(scheme), tls["client"], proxy.url("https"))


def test_an_encrypted_proxy_must_prove_who_it_is(serve, tls, tunnel):
    """A proxy with another host's certificate gets no request."""
    proxy = serve(tunnel, tls["stranger"])
    reason = failure(lambda: talk("https://127.0.0.1:1", tls["client"], proxy.url("https")))

    assert f"the certificate shown by 127.0.0.1:{proxy.port} is for another host name" == reason
    assert [] == proxy.heads


@pytest.mark.fault(39)
@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (b"HTTP/1.1 407 Auth\r\n\r\n", "answered 407: it wants other credentials than the proxy's URL names"),
        (b"HTTP/1.1 502 Bad Gateway\r\nX: y\r\n\r\n", "answered 502"),
        (b"", "closed the connection"),
        (b"HTTP/1.1 200", "closed the connection"),
        (b"SSH-2.0-x\r\n\r\n", "does not speak HTTP"),
        (b"HTTP/1.1\r\n\r\n", "does not speak HTTP"),
        (b"x" * 20_000, "does not speak HTTP"),
    ],
)
def test_a_proxy_that_opens_no_tunnel(serve, tls, answer, words):
    """The error names the proxy, what it did, and no password."""
    proxy = serve(lambda peer: (peer.read_head() and peer.send(answer)) or peer.sock.shutdown(socket.SHUT_WR))
    reason = failure(lambda: talk("https://127.0.0.1:1", tls["client"], f"http://user:pass@127.0.0.1:{proxy.port}"))

    assert f"the proxy http://127.0.0.1:{proxy.port} {words}" == reason.replace("proxy 127", "proxy http://127")


@pytest.mark.fault(39)
def test_a_proxy_that_hangs_ends_with_the_deadline(serve, tls):
    """A proxy that trickles its answer buys no time."""

    def trickle(peer: Any) -> None:
        peer.read_head()
        while not peer.server.released.wait(0.05):
            peer.send(b"x")

    proxy = serve(trickle)
    reason = failure(lambda: talk("https://127.0.0.1:1", tls["client"], proxy.url("http"), seconds=0.5))

    assert "no connection to 127.0.0.1:1 within 0.5 s" == reason


@pytest.mark.parametrize("url", ["http://127.0.0.1:8080", "ws://localhost:8080/private", "wss://[::1]:8080"])
def test_the_way_to_this_machine_needs_no_proxy(monkeypatch, url):
    """A proxy of the environment could not find it; one that the user names is asked all the same."""
    monkeypatch.setenv("HTTP_PROXY", "http://plain:2")
    monkeypatch.setenv("HTTPS_PROXY", "http://secure:1")

    assert proxy_for(url) is None
    assert "mine:3" in str(proxy_for(url, "http://mine:3"))


@pytest.mark.fault(39)
@pytest.mark.parametrize("url", ["https://fapi.binance.com", "wss://fstream.binance.com/private"])
def test_the_environment_serves_both_halves(monkeypatch, url):
    """HTTPS_PROXY is for wss as well, and NO_PROXY exempts hosts from it."""
    monkeypatch.setenv("HTTPS_PROXY", "http://secure:1")
    monkeypatch.setenv("HTTP_PROXY", "http://plain:2")

    assert "http://secure:1" == str(proxy_for(url))
    assert "http://plain:2" == str(proxy_for("ws://example.com"))
    monkeypatch.setenv("NO_PROXY", "binance.com")
    assert proxy_for(url) is None
    assert "http://mine:80" == str(proxy_for(url, "http://mine"))


@pytest.mark.parametrize(
    ("value", "expected"), [("host:3128", "http://host:3128"), ("http://u:p@[::1]:8", "http://[::1]:8")]
)
def test_spellings_of_the_environment(monkeypatch, value, expected):
    """A proxy without a scheme is an HTTP proxy, and no proxy shows its password."""
    monkeypatch.setenv("ALL_PROXY", value)
    proxy = proxy_for("wss://example.com")

    assert expected == str(proxy)
    assert "p@" not in repr(proxy)
    assert "Basic" not in repr(proxy)


@pytest.mark.parametrize(
    "proxy",
    ["socks5://u:pass@h:1", "socks5h://h", "ftp://u:pass@h", "u:pass@h:1", "http://", "http://h:x", "", 7],
)
def test_proxies_of_no_use(proxy):
    """What is not an HTTP proxy is refused, in words that do not repeat it."""
    with pytest.raises(ConfigurationError) as caught:
        proxy_for("https://example.com", proxy)

    assert "pass" not in str(caught.value)
    assert "http://" in str(caught.value)
    assert caught.value.__context__ is None


@pytest.mark.fault(38)
def test_a_context_that_does_not_verify_is_refused():
    """Verification cannot be turned off, not even by a context of one's own."""
    blind = ssl.create_default_context()
    blind.check_hostname = False
    trusting = ssl.create_default_context()
    trusting.check_hostname = False
    trusting.verify_mode = ssl.CERT_NONE

    for context in (blind, trusting, True):
        with pytest.raises(ConfigurationError):
            make_context(context)  # type: ignore[arg-type]


def test_a_context_that_verifies_is_taken_as_it_is():
    """Whoever brings a proper context knows why."""
    context = ssl.create_default_context()

    assert context is make_context(context)


@pytest.mark.parametrize("name", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"])
def test_certificates_from_the_environment(serve, authority, tls, tmp_path, monkeypatch, name):
    """The bundle the environment names is the one that is trusted."""
    bundle = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(bundle))
    monkeypatch.setenv(name, str(bundle))

    assert b"hello" == talk(serve(echo, tls["server"]).url("https"), make_context())


def test_a_folder_of_certificates(tmp_path, monkeypatch):
    """SSL_CERT_DIR names a folder, and what it holds is asked, not certifi."""
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))

    assert [] == make_context().get_ca_certs()


def test_certificates_that_are_not_there(tmp_path, monkeypatch):
    """A path that leads nowhere is named with its variable, before any connection."""
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "missing.pem"))
    with pytest.raises(ConfigurationError) as caught:
        make_context()

    assert f"SSL_CERT_FILE={tmp_path}/missing.pem" in str(caught.value)
    assert caught.value.__context__ is None


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="descriptors are counted in /proc")
def test_a_failed_connection_leaves_no_descriptor(serve, tls):
    """Every socket that was tried is closed when the call fails."""
    server = serve(echo, tls["stranger"])
    counts = []
    for _ in range(4):
        failure(lambda: talk(server.url("https"), tls["client"]))
        server.wait()
        counts.append(len(os.listdir("/proc/self/fd")))

    assert [counts[0]] * 4 == counts


@pytest.mark.parametrize(
    "url, environment, source",
    [
        ("https://example.com", {"HTTPS_PROXY": "http://a:1", "ALL_PROXY": "http://b:2"}, "HTTPS_PROXY"),
        ("wss://example.com", {"https_proxy": "http://a:1", "HTTPS_PROXY": "http://b:2"}, "https_proxy"),
        ("ws://example.com", {"HTTPS_PROXY": "http://a:1", "ALL_PROXY": "http://b:2"}, "ALL_PROXY"),
        ("wss://example.com", {}, "the system's settings"),
    ],
)
def test_where_a_proxy_was_found_is_told(monkeypatch, url, environment, source):
    """The variable that ``proxy_for`` obeyed, or the user's argument, which goes before all."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    found = proxy_for(url)

    assert source == proxy_source(url)
    assert (found is None) == (not environment)
    assert found is None or environment[source] == str(found)
    assert "the proxy argument" == proxy_source(url, "http://mine:3")


def test_where_the_certificates_come_from_is_told(monkeypatch, tls):
    """Of a context of ours by its source, of any other that it was given."""
    usual = ca_source(make_context())
    monkeypatch.setenv("SSL_CERT_FILE", requests.utils.DEFAULT_CA_BUNDLE_PATH)

    assert "certifi" == usual
    assert f"SSL_CERT_FILE={requests.utils.DEFAULT_CA_BUNDLE_PATH}" == ca_source(make_context())
    assert "the given ssl_context" == ca_source(make_context(tls["client"]))


def test_ctrl_c_in_the_midst_of_it_leaves_no_socket(tls, monkeypatch):
    """It comes where a stream runs in the user's own thread."""
    made: list[socket.socket] = []

    class Interrupted(socket.socket):
        def connect(self, address: Any) -> None:
            made.append(self)
            raise KeyboardInterrupt

    monkeypatch.setattr(socket, "socket", Interrupted)
    with pytest.raises(KeyboardInterrupt):
        talk("http://127.0.0.1:1", tls["client"])

    assert [-1] == [sock.fileno() for sock in made]
