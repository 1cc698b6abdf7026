"""
requests, on connections opened by ``dial``: one deadline over all of a call, one TLS context, one proxy.

urllib3 keeps the connection alive between calls and reads HTTP. What else it or requests would do is left
out: proxies, TLS, netrc, redirects, retries, and a new spelling for a query that is signed as it stands.
"""

from __future__ import annotations

import queue
import ssl
from typing import Any, Optional

import requests
import requests.adapters
import urllib3
import urllib3.connection

from .deadline import Deadline
from .dial import Origin, Proxy, connect


class Transport:
    """
    Sends requests to one origin over one kept-alive connection. For one thread at a time.

    Args:
        origin: Whom to call.
        context: Of ``dial.make_context``.
        proxy: Of ``dial.proxy_for``.

    Attributes:
        is_reused: Whether the latest request went out on a connection of an earlier one.
    """

    def __init__(self, origin: Origin, *, context: ssl.SSLContext, proxy: Optional[Proxy]) -> None:
        self.origin = origin
        self.is_reused = False
        self._context, self._proxy = context, proxy
        self._deadline: Optional[Deadline] = None
        self._target = ""
        self._session = _Session()
        self._session.trust_env = False  # no netrc, no proxies but ours
        self._session.adapters.clear()
        self._session.mount(origin.url, _Adapter(self))

    def send(self, request: requests.PreparedRequest, target: str, deadline: Deadline) -> requests.Response:
        """
        Send one request.

        Args:
            request: Prepared, for the origin's URL; its headers are used as they are.
            target: Path and query, sent letter by letter.
            deadline: Entered already; watches the connection.

        Returns:
            The answer with its head read and its body not.

        Raises:
            StreamInterrupted: No connection.
            requests.RequestException: No answer on it.
        """
        self._deadline, self._target, self.is_reused = deadline, target, True
        try:
            return self._session.send(
                request,
                stream=True,
                allow_redirects=False,
                timeout=deadline.fallback,
                verify=True,
                proxies={},
            )
        finally:
            self._deadline, self._target = None, ""

    def close(self) -> None:
        """Close the connection; the next request opens another."""
        self._session.close()

    def open(self, connection: _Connection) -> None:
        """Give a connection its socket."""
        assert self._deadline is not None
        self.is_reused = False
        connection.sock = connect(self.origin.url, context=self._context, proxy=self._proxy, deadline=self._deadline)

    def begin(self, connection: _Connection) -> str:
        """Put a kept-alive connection under the current deadline, and return what to ask for on it."""
        assert self._deadline is not None
        if connection.sock is not None:
            self._deadline.watch(connection.sock)
        return self._target


class _Session(requests.Session):
    def get_redirect_target(self, resp: requests.Response) -> Optional[str]:
        """Know no target: otherwise ``send`` reads a redirect's whole body, even when told not to follow."""
        return None


class _Adapter(requests.adapters.HTTPAdapter):
    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._pool = self._new_pool()
        super().__init__()

    def get_connection_with_tls_context(self, *_: Any, **__: Any) -> Any:
        """Return our pool, whatever the scheme: what it pools has spoken TLS already."""
        return self._pool

    def cert_verify(self, conn: Any, url: Any, verify: Any, cert: Any) -> None:
        """Load nothing: ``dial`` verifies, with the stream's own context."""

    def close(self) -> None:
        self._pool.close()
        self._pool = self._new_pool()
        super().close()

    def _new_pool(self) -> urllib3.HTTPConnectionPool:
        origin = self._transport.origin
        pool = _Pool(origin.host, origin.port, maxsize=1, transport=self._transport)
        pool.ConnectionCls = _Connection
        return pool


def _make_queue(_: int) -> queue.SimpleQueue[Any]:
    """Return what holds a connection: in C, for one in Python keeps its lock if Ctrl-C comes, and cannot be closed."""
    return queue.SimpleQueue()


class _Pool(urllib3.HTTPConnectionPool):
    QueueCls = staticmethod(_make_queue)  # type: ignore[assignment] # whatever has put and get


class _Connection(urllib3.connection.HTTPConnection):
    """A connection whose socket comes from ``dial``, encrypted where it has to be."""

    #: Whatever a program sets for all connections of ``http.client``: it would print the API key's header.
    debuglevel = 0

    def __init__(self, *args: Any, transport: Transport, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._transport = transport

    def connect(self) -> None:
        self._transport.open(self)

    def putrequest(self, method: str, url: str, *args: Any, **kwargs: Any) -> None:
        super().putrequest(method, self._transport.begin(self), *args, **kwargs)
