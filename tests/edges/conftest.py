"""
Peers on loopback that do exactly what a test tells them, byte by byte.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import re
import select
import socket
import ssl
import struct
import threading
from collections.abc import Iterator
from typing import Any, Callable, Optional

import pytest
import trustme

from binance_uds.edges.holds import release_holds

LIMIT_S = 20.0


class Peer:
    """The far end of one connection."""

    def __init__(self, sock: socket.socket, server: Server) -> None:
        self.sock, self.server = sock, server
        self._rest = b""

    def read_head(self) -> str:
        """Read up to the empty line; an empty text when the connection ended."""
        while b"\r\n\r\n" not in self._rest:
            data = self.sock.recv(65536)
            if not data:
                return ""
            self._rest += data
        head, _, self._rest = self._rest.partition(b"\r\n\r\n")
        self.server.heads.append(head.decode())
        return head.decode()

    def send(self, data: bytes) -> None:
        self.sock.sendall(data)

    def answer(self, body: Any = None, status: int = 200, headers: str = "", raw: Optional[bytes] = None) -> None:
        """Send a whole HTTP answer; ``headers`` are lines ending in CRLF."""
        content = json.dumps(body).encode() if raw is None else raw
        head = f"HTTP/1.1 {status} X\r\n{headers}Content-Length: {len(content)}\r\n\r\n"
        self.send(head.encode() + content)

    def shake_hands(self, behind: bytes = b"") -> str:
        """Accept a WebSocket handshake, with ``behind`` in the same segment; returns the request's head."""
        head = self.read_head()
        found = re.search(r"Sec-WebSocket-Key: (\S+)", head)
        assert found is not None
        token = hashlib.sha1(found[1].encode() + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest()
        self.send(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: " + base64.b64encode(token) + b"\r\n\r\n" + behind
        )
        return head

    def read_frame(self) -> tuple[int, bytes]:
        """Read one masked frame; opcode -1 when the connection ended."""
        head = self._exactly(2)
        if len(head) < 2:
            return -1, b""
        length = head[1] & 0x7F
        if length == 126:
            length = struct.unpack("!H", self._exactly(2))[0]
        mask = self._exactly(4)
        payload = bytes(byte ^ mask[at % 4] for at, byte in enumerate(self._exactly(length)))
        return head[0] & 0x0F, payload

    def wait_for_end(self) -> None:
        """Read until the other side ends the connection."""
        with contextlib.suppress(OSError):
            while self.sock.recv(65536):
                pass

    def reset(self) -> None:
        """Close with a TCP reset."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def _exactly(self, size: int) -> bytes:
        while len(self._rest) < size:
            data = self.sock.recv(65536)
            if not data:
                return b""
            self._rest += data
        data, self._rest = self._rest[:size], self._rest[size:]
        return data


class Server:
    """A listening socket; every connection gets a thread that runs ``handle`` and then closes it."""

    def __init__(self, handle: Callable[[Peer], None], context: Optional[ssl.SSLContext]) -> None:
        self.heads: list[str] = []
        self.connections = 0
        self.errors: list[BaseException] = []
        self.released = threading.Event()
        self._handle, self._context = handle, context
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._sockets: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def url(self, scheme: str, path: str = "") -> str:
        return f"{scheme}://127.0.0.1:{self.port}{path}"

    def wait(self) -> None:
        """Wait until every connection so far is over."""
        for thread in self._threads[1:]:
            thread.join(LIMIT_S)
            assert not thread.is_alive()

    def close(self) -> None:
        self.released.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._threads[0].join(LIMIT_S)
        self._listener.close()
        for sock in list(self._sockets):
            with contextlib.suppress(OSError):
                socket.socket.shutdown(sock, socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(LIMIT_S)
        assert not any(thread.is_alive() for thread in self._threads)

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            sock.settimeout(LIMIT_S)
            thread = threading.Thread(target=self._serve, args=(sock,), daemon=True)
            self._sockets.append(sock)
            self._threads.append(thread)
            thread.start()

    def _serve(self, sock: socket.socket) -> None:
        try:
            if self._context is not None:
                sock = self._context.wrap_socket(sock, server_side=True)
                self._sockets.append(sock)
            self._handle(Peer(sock, self))
        except OSError as exc:
            self.errors.append(exc)
        finally:
            sock.close()


@pytest.fixture
def serve() -> Iterator[Callable[..., Server]]:
    """Start servers; all are stopped at the end."""
    servers: list[Server] = []

    def start(handle: Callable[[Peer], None], context: Optional[ssl.SSLContext] = None) -> Server:
        servers.append(Server(handle, context))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


class Frames:
    """A server's frames."""

    @staticmethod
    def frame(payload: bytes, opcode: int = 1, final: bool = True, announced: Optional[int] = None) -> bytes:
        length = len(payload) if announced is None else announced
        head = bytes([(0x80 if final else 0) | opcode])
        if length < 126:
            head += bytes([length])
        elif length < 65536:
            head += b"\x7e" + struct.pack("!H", length)
        else:
            head += b"\x7f" + struct.pack("!Q", length)
        return head + payload

    @classmethod
    def close(cls, code: Optional[int], reason: bytes = b"") -> bytes:
        return cls.frame(b"" if code is None else struct.pack("!H", code) + reason, 8)


@pytest.fixture
def frames() -> type[Frames]:
    return Frames


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="session")
def tls(authority: trustme.CA) -> dict[str, ssl.SSLContext]:
    """``server`` for 127.0.0.1, ``stranger`` for another name, ``client`` that trusts both."""
    contexts = {}
    for name, identity in (("server", "127.0.0.1"), ("stranger", "elsewhere.example")):
        contexts[name] = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert(identity).configure_cert(contexts[name])
    contexts["client"] = ssl.create_default_context()
    authority.configure_trust(contexts["client"])
    return contexts


@pytest.fixture(autouse=True)
def quiet_surroundings(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No proxy and no certificates from the machine's environment, no holds from the test before."""
    for name in ("http", "https", "ws", "wss", "all", "no"):
        monkeypatch.delenv(f"{name}_proxy", raising=False)
        monkeypatch.delenv(f"{name}_proxy".upper(), raising=False)
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(name, raising=False)
    release_holds()
    yield
    release_holds()


@pytest.fixture
def tunnel() -> Callable[[Peer], None]:
    """A proxy that opens every tunnel it is asked for and pumps bytes until one side ends."""

    def handle(peer: Peer) -> None:
        target = peer.read_head().split()[1]
        host, _, port = target.rpartition(":")
        with socket.create_connection((host, int(port)), timeout=LIMIT_S) as far:
            peer.send(b"HTTP/1.1 200 Connection established\r\n\r\n")
            pump(peer.sock, far)

    return handle


def pump(one: socket.socket, other: socket.socket) -> None:
    """Carry bytes both ways until either side ends."""
    while True:
        pending = isinstance(one, ssl.SSLSocket) and one.pending()
        ready = [one] if pending else select.select([one, other], [], [], LIMIT_S)[0]
        if not ready:
            return
        for sock in ready:
            data = sock.recv(65536)
            if not data:
                return
            (other if sock is one else one).sendall(data)
