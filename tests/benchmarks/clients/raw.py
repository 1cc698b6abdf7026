"""The least that a Python program can do: shake hands, read the socket in large chunks, cut the frames out."""

import base64
import os
import socket
import ssl
import threading
from urllib.parse import urlsplit

from meter import STREAM_URL


def connected():
    """Return a socket behind the WebSocket handshake, blocking."""
    parts = urlsplit(STREAM_URL)
    sock = socket.create_connection((parts.hostname, parts.port))
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if parts.scheme == "wss":
        sock = ssl.create_default_context().wrap_socket(sock, server_hostname=parts.hostname)
    key = base64.b64encode(os.urandom(16)).decode()
    sock.sendall(
        f"GET /private/ws?listenKey=raw HTTP/1.1\r\nHost: {parts.netloc}\r\nUpgrade: websocket\r\n"
        f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
    )
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += sock.recv(1)
    assert b" 101 " in head
    return sock


def listen(meter, take):
    """Hand the payload of each frame to ``take``, in a thread; returns when everything came."""
    sock = connected()
    threading.Thread(target=_read, args=(sock, take), daemon=True).start()
    meter.ready()
    meter.wait()


def _read(sock, take):
    rest = b""
    while True:
        chunk = sock.recv(262144)
        if not chunk:
            return
        data = rest + chunk if rest else chunk
        at, end = 0, len(data)
        while end - at >= 2:
            length, body = data[at + 1], at + 2
            if length == 126:
                if end - at < 4:
                    break
                length, body = data[at + 2] << 8 | data[at + 3], at + 4
            if end - body < length:
                break
            at = body + length
            take(data[body:at])
        rest = data[at:]
