"""
TLS inside TLS, for proxies that are spoken to over ``https://``; ``ssl`` itself wraps plain sockets only.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
from typing import Any, Optional

_CHUNK = 16 * 1024


class NestedTls(socket.socket):
    """
    A TLS connection through a TLS connection; to its user a socket like ``ssl.SSLSocket``.

    Blocking, with a timeout, or not blocking, as the outer socket is: then ``recv`` and ``send`` raise
    ``ssl.SSLWantReadError`` and ``ssl.SSLWantWriteError``, and no byte is lost.

    Args:
        outer: The encrypted connection to go through; belongs to this object from now on.
        context: Verifies the host at the far end.
        host: Its name.

    Raises:
        OSError: The handshake failed; ``outer`` is closed.
    """

    def __init__(self, outer: ssl.SSLSocket, context: ssl.SSLContext, host: str) -> None:
        # A descriptor of our own, so that everything a socket does beyond moving bytes works: select,
        # makefile, ...
        super().__init__(fileno=socket.dup(outer.fileno()))
        self._outer = outer
        self._arrived, self._leaving = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._unsent = b""
        self._tls = context.wrap_bio(self._arrived, self._leaving, server_hostname=host)
        try:
            self._handshake()
        except BaseException:
            self.close()
            raise

    def recv(self, size: int, flags: int = 0) -> bytes:
        while True:
            try:
                return self._tls.read(size)
            except ssl.SSLWantReadError:
                pass
            except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
                return b""
            self._fetch()

    def recv_into(self, buffer: Any, nbytes: int = 0, flags: int = 0) -> int:
        view = memoryview(buffer).cast("B")
        data = self.recv(nbytes or len(view))
        view[: len(data)] = data
        return len(data)

    def send(self, data: Any, flags: int = 0) -> int:
        # What was encrypted before must leave first; only then may new bytes be taken on.
        self._flush()
        taken = self._tls.write(memoryview(data)[:_CHUNK])
        # Taken on is taken on: what does not leave now does with the next send or recv.
        with contextlib.suppress(ssl.SSLWantWriteError, ssl.SSLWantReadError):
            self._flush()
        return taken

    def sendall(self, data: Any, flags: int = 0) -> None:
        view = memoryview(data).cast("B")
        while view:
            view = view[self.send(view) :]
        self._flush()

    def settimeout(self, value: Optional[float]) -> None:
        super().settimeout(value)
        self._outer.settimeout(value)

    def setblocking(self, flag: bool) -> None:
        self.settimeout(None if flag else 0.0)

    def _real_close(self) -> None:
        # Not close(): that one waits for the files of makefile(), and so must the outer connection.
        super()._real_close()  # type: ignore[misc]
        self._outer.close()

    def _handshake(self) -> None:
        while True:
            try:
                self._tls.do_handshake()
            except ssl.SSLWantReadError:
                self._fetch()
            else:
                return self._flush()

    def _fetch(self) -> None:
        """Bring what has arrived to the inner layer; with nothing there, raise what the outer one raises."""
        self._flush()
        data = self._outer.recv(_CHUNK)
        if data:
            self._arrived.write(data)
        else:
            self._arrived.write_eof()

    def _flush(self) -> None:
        self._unsent += self._leaving.read()
        while self._unsent:
            self._unsent = self._unsent[self._outer.send(self._unsent) :]
