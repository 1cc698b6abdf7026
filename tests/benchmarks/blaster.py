"""
The exchange of the benchmark, in a process of its own: ``python -m tests.benchmarks.blaster``.

It answers what clients ask by HTTP before they listen, and sends prepared WebSocket frames, as fast as they are taken
or so many a second. It tells its ports in a line of JSON on standard output, and takes orders by HTTP:

    POST /blast?frames=100000                 send the first frames at once; {"began_ns": ..., "last_ms": ...}
    POST /pace?frames=2000&per_second=1000    go on with as many, one at a time; {"sent_ns": [...], "last_ms": ...}

``last_ms`` is the event time of the last one sent, which whoever received it can name. The other times are nanoseconds
of the monotonic clock, which all processes of a machine share. Nothing here is the client's:
whoever is measured must not measure himself.
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import hashlib
import json
import os
import queue
import select
import socket
import ssl
import threading
import time
from typing import Any, Optional
from urllib.parse import parse_qsl, urlsplit

from tests.benchmarks.frames import FEE_WALLET, WALLET, payloads

#: The exchange's time of the first frame is so long after a listen key was granted: what a client reads before it
#: listens is older than what it is told.
LEAD_MS = 60_000

#: Bytes handed to the system at once.
_CHUNK = 256 * 1024

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_KEY = "pqia91ma19a5s61cv6a81va65sdf19v8a65a1a5s61cv6a81va65sdf19v8a65a1"
_TEXT, _CLOSE, _PING, _PONG = 1, 8, 9, 10


class Story:
    """
    The frames, encoded once, and the exchange's clock, which begins anew with every listen key.

    Args:
        count: How many frames.
    """

    def __init__(self, count: int) -> None:
        self.began_ms = time.time_ns() // 1_000_000
        self._payloads = payloads(count, self.began_ms + LEAD_MS)
        self._frames: dict[bool, list[bytes]] = {}
        self.frames(wrapped=False)
        self._granted = time.monotonic()

    def frames(self, *, wrapped: bool) -> list[bytes]:
        """Return the frames, each payload by itself or as a combined stream wraps it."""
        if wrapped not in self._frames:
            before, behind = (f'{{"stream":"{_KEY}","data":'.encode(), b"}") if wrapped else (b"", b"")
            self._frames[wrapped] = [_frame(_TEXT, before + payload + behind) for payload in self._payloads]
        return self._frames[wrapped]

    def told_ms(self, number: int) -> int:
        """Return the event time of a frame, which is in every one."""
        return int(json.loads(self._payloads[number])["E"])

    def grant(self) -> None:
        """A listen key was asked for: the story begins again."""
        self._granted = time.monotonic()

    def now_ms(self) -> int:
        """Return the exchange's time."""
        return self.began_ms + int(1000 * (time.monotonic() - self._granted))


def _frame(opcode: int, payload: bytes) -> bytes:
    head = bytes([0x80 | opcode])
    if len(payload) < 126:
        return head + bytes([len(payload)]) + payload
    return head + b"\x7e" + len(payload).to_bytes(2, "big") + payload


_LISTS = tuple(
    f"/{name}"
    for name in ("openOrders", "openAlgoOrders", "allOrders", "positionRisk", "userTrades", "income", "symbolConfig")
)


def answer(method: str, path: str, story: Story) -> tuple[int, Any]:
    """Return status and body of an answer by HTTP: a flat account that begins with the story."""
    if path.endswith("/listenKey"):
        if method == "POST":
            story.grant()
        return 200, {} if method == "DELETE" else {"listenKey": _KEY}
    now_ms = story.now_ms()
    if path.endswith("/time"):
        return 200, {"serverTime": now_ms}
    if path.endswith("/balance"):
        return 200, [
            {"asset": asset, "balance": str(wallet), "crossWalletBalance": str(wallet), "updateTime": story.began_ms}
            for asset, wallet in (("USDT", WALLET), ("BNB", FEE_WALLET))
        ]
    if path.endswith(("/order", "/algoOrder")):
        return 400, {"code": -2013, "msg": "Order does not exist."}
    if path.endswith("/accountConfig"):
        return 200, {"dualSidePosition": False, "multiAssetsMargin": False, "updateTime": 0}
    if path.endswith(_LISTS):
        return 200, []
    return 200, {}


class Listener:
    """One client's connection once it listens; its thread alone touches the socket."""

    def __init__(self, sock: socket.socket, story: Story, *, wrapped: bool) -> None:
        self._sock = sock
        self._story = story
        self._frames = story.frames(wrapped=wrapped)
        self._orders: queue.Queue[tuple[str, dict[str, str]]] = queue.Queue()
        self._answers: queue.Queue[dict[str, Any]] = queue.Queue()
        self._wake_in, self._wake_out = socket.socketpair()
        self._inbox = b""
        self._sent = 0

    def order(self, path: str, parameters: dict[str, str]) -> dict[str, Any]:
        """Let the connection's thread send something, and return what it says when it has."""
        self._orders.put((path, parameters))
        self._wake_out.send(b"\0")
        return self._answers.get()

    def serve(self) -> None:
        """Answer the client and carry out orders until it goes."""
        with contextlib.suppress(OSError, EOFError), self._wake_in, self._wake_out:
            while True:
                pending = isinstance(self._sock, ssl.SSLSocket) and self._sock.pending()
                ready, _, _ = select.select([self._sock, self._wake_in], [], [], 0 if pending else None)
                if self._sock in ready or pending:
                    self._hear()
                if self._wake_in in ready:
                    self._wake_in.recv(1)
                    path, parameters = self._orders.get()
                    frames = int(parameters["frames"])
                    is_blast = path == "/blast"
                    told = self._blast(frames) if is_blast else self._pace(frames, float(parameters["per_second"]))
                    self._answers.put(told)

    def _blast(self, count: int) -> dict[str, Any]:
        data = memoryview(b"".join(self._frames[:count]))
        self._sent = count
        began_ns = time.monotonic_ns()
        for at in range(0, len(data), _CHUNK):
            self._hear_what_came()
            self._sock.sendall(data[at : at + _CHUNK])
        return {"began_ns": began_ns, "last_ms": self._story.told_ms(self._sent - 1)}

    def _pace(self, count: int, per_second: float) -> dict[str, Any]:
        sent_ns: list[int] = []
        began = time.monotonic()
        for number, frame in enumerate(self._frames[self._sent : self._sent + count]):
            delay = began + number / per_second - time.monotonic()
            if delay > 0:
                time.sleep(delay)
            self._hear_what_came()
            sent_ns.append(time.monotonic_ns())
            self._sock.sendall(frame)
        return {"sent_ns": sent_ns, "last_ms": self._story.told_ms(self._sent + count - 1)}

    def _hear_what_came(self) -> None:
        """Answer pings also while there is much to say; not behind the last frame, when a client may go at once."""
        if select.select([self._sock], [], [], 0)[0]:
            self._hear()

    def _hear(self) -> None:
        data = self._sock.recv(65536)
        if not data:
            raise EOFError
        self._inbox += data
        while True:
            heard = _unmasked(self._inbox)
            if heard is None:
                return
            opcode, payload, self._inbox = heard
            if opcode == _PING:
                self._sock.sendall(_frame(_PONG, payload))
            elif opcode == _CLOSE:
                self._sock.sendall(_frame(_CLOSE, payload[:2]))
                raise EOFError
            elif opcode == _TEXT:
                asked = json.loads(payload)
                result = [_KEY] if asked.get("method") == "LIST_SUBSCRIPTIONS" else None
                reply = json.dumps({"result": result, "id": asked.get("id")})
                self._sock.sendall(_frame(_TEXT, reply.encode()))


def _unmasked(data: bytes) -> Optional[tuple[int, bytes, bytes]]:
    """Return opcode and payload of a client's first frame, and what follows it; None while it is not whole."""
    if len(data) < 2:
        return None
    length, at = data[1] & 0x7F, 2
    if length == 126:
        length, at = int.from_bytes(data[2:4], "big"), 4
    mask = data[at : at + 4]
    end = at + 4 + length
    if len(data) < end:
        return None
    payload = bytes(byte ^ mask[index % 4] for index, byte in enumerate(data[at + 4 : end]))
    return data[0] & 0x0F, payload, data[end:]


class Exchange:
    """Accepts connections; the last one that listens is the one that is sent frames."""

    def __init__(self, story: Story) -> None:
        self._story = story
        self.listener: Optional[Listener] = None

    def listen(self, context: Optional[ssl.SSLContext]) -> int:
        """Accept connections on any free port, with TLS if there is a context; returns the port."""
        server = socket.create_server(("127.0.0.1", 0), backlog=64)
        threading.Thread(target=self._accept, args=(server, context), daemon=True).start()
        return int(server.getsockname()[1])

    def _accept(self, server: socket.socket, context: Optional[ssl.SSLContext]) -> None:
        while True:
            sock, _ = server.accept()
            threading.Thread(target=self._serve, args=(sock, context), daemon=True).start()

    def _serve(self, sock: socket.socket, context: Optional[ssl.SSLContext]) -> None:
        with contextlib.suppress(OSError, EOFError), contextlib.ExitStack() as closing:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            closing.enter_context(sock)
            if context is not None:
                sock = closing.enter_context(context.wrap_socket(sock, server_side=True))
            while self._answer(sock):
                pass

    def _answer(self, sock: socket.socket) -> bool:
        """Answer a request; returns whether there may be another one."""
        head = b""
        while b"\r\n\r\n" not in head:
            data = sock.recv(65536)
            if not data:
                return False
            head += data
        head, _, body = head.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        method, target, _ = first.split(" ", 2)
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        missing = int(headers.get("content-length", 0)) - len(body)
        while missing > 0:
            missing -= len(sock.recv(missing))
        if "websocket" in headers.get("upgrade", "").lower():
            accept = base64.b64encode(hashlib.sha1(headers["sec-websocket-key"].encode() + _GUID).digest()).decode()
            self.listener = Listener(sock, self._story, wrapped=urlsplit(target).path.endswith("/stream"))
            sock.sendall(
                "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                f"Sec-WebSocket-Accept: {accept}\r\n\r\n".encode()
            )
            self.listener.serve()
            return False
        parts = urlsplit(target)
        if parts.path in ("/blast", "/pace") and self.listener is not None:
            status, told = 200, self.listener.order(parts.path, dict(parse_qsl(parts.query)))
        else:
            status, told = answer(method, parts.path, self._story)
        text = json.dumps(told)
        length = f"Content-Length: {len(text)}"
        sock.sendall(f"HTTP/1.1 {status} OK\r\nContent-Type: application/json\r\n{length}\r\n\r\n{text}".encode())
        return headers.get("connection", "").lower() != "close"


def main() -> None:
    """Serve until the process that started this one is gone, or ends it."""
    parser = argparse.ArgumentParser(description="The exchange of the benchmark.")
    parser.add_argument("--frames", type=int, required=True, help="how many to prepare")
    parser.add_argument("--certificate", help="PEM file with key and certificate; without it there is no TLS")
    options = parser.parse_args()
    exchange = Exchange(Story(options.frames))
    plain, tls = exchange.listen(None), None
    if options.certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(options.certificate)
        tls = exchange.listen(context)
    print(json.dumps({"plain": plain, "tls": tls}), flush=True)
    parent = os.getppid()
    while os.getppid() == parent:
        time.sleep(1.0)


if __name__ == "__main__":
    main()
