"""
The way to a host: name, TCP, proxy, TLS. REST and WebSocket go the same way.

Every failure comes out as ``StreamInterrupted`` in words that name what failed. None of them holds a path, a
query or a proxy's password.
"""

from __future__ import annotations

import base64
import functools
import os
import socket
import ssl
import weakref
from typing import Optional, Union
from urllib.parse import unquote, urlsplit

import attrs
import requests.utils

from ..credentials import Secret, plain
from ..errors import ConfigurationError, StreamInterrupted
from ..markets import is_loopback
from .deadline import Deadline
from .nested import NestedTls

_DEFAULT_PORTS = {"http": 80, "ws": 80, "https": 443, "wss": 443}

#: Where the trusted certificates are named, in the order asked. The first two are what requests reads, the
#: last two are OpenSSL's; both halves obey whichever is set.
_CA_VARIABLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR")

#: Where each context's certificates came from, for error messages.
_ca_sources: weakref.WeakKeyDictionary[ssl.SSLContext, str] = weakref.WeakKeyDictionary()

#: An address gets this many seconds, or its share of what is left if that is more, before the next is tried.
_ADDRESS_SHARE_S = 1.0

#: Longest head of a proxy's answer, in bytes.
_MAX_PROXY_HEAD = 16 * 1024

# OpenSSL's X509_V_ERR_* of <openssl/x509_vfy.h>.
_HAS_EXPIRED = 10
_WRONG_HOST = (62, 64)


@attrs.frozen
class Origin:
    """
    Where a connection leads. Prints as ``host:port``.

    Attributes:
        scheme: ``http``, ``https``, ``ws`` or ``wss``.
        host: Name or address, lower case, IPv6 without brackets.
        port: As in the URL, or the scheme's own.
    """

    scheme: str
    host: str
    port: int

    @classmethod
    def of(cls, url: str) -> Origin:
        """Cut the origin out of a URL."""
        parts = urlsplit(url)
        return cls(parts.scheme, parts.hostname or "", parts.port or _DEFAULT_PORTS[parts.scheme])

    @property
    def is_encrypted(self) -> bool:
        """Whether TLS is spoken there."""
        return self.scheme in ("https", "wss")

    @property
    def url(self) -> str:
        """The origin as a URL without a path."""
        return f"{self.scheme}://{self}"

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@attrs.frozen
class Proxy:
    """
    A proxy that is asked for a tunnel (HTTP CONNECT). Prints without its credentials.

    Attributes:
        origin: Where the proxy is; with ``https`` TLS is spoken to the proxy itself, too.
        authorization: Value of the ``Proxy-Authorization`` header, if the proxy's URL named a user.
    """

    origin: Origin
    authorization: Optional[Secret] = attrs.field(default=None, repr=False)

    def __str__(self) -> str:
        return self.origin.url


def make_context(ssl_context: Optional[ssl.SSLContext] = None) -> ssl.SSLContext:
    """
    Return the one TLS context of a stream, which always verifies.

    Args:
        ssl_context: The user's own, or None for the usual one with the certificates that
            ``REQUESTS_CA_BUNDLE``, ``CURL_CA_BUNDLE``, ``SSL_CERT_FILE`` or ``SSL_CERT_DIR`` name, else
            certifi's.

    Raises:
        ConfigurationError: The context does not verify, or the environment names certificates that are not
            there.
    """
    if ssl_context is not None:
        if not isinstance(ssl_context, ssl.SSLContext):
            raise ConfigurationError(f"ssl_context must be an ssl.SSLContext, not {type(ssl_context).__name__}")
        if ssl_context.verify_mode == ssl.CERT_NONE or not ssl_context.check_hostname:
            raise ConfigurationError(
                "this ssl_context does not verify the exchange's certificate and host name, so anyone on the "
                "way could read the API key; to trust a company's CA: context.load_verify_locations(...)"
            )
        return ssl_context
    variable = next((name for name in _CA_VARIABLES if os.environ.get(name)), None)
    path = os.environ[variable] if variable else requests.utils.DEFAULT_CA_BUNDLE_PATH
    source = f"{variable}={path}" if variable else "certifi"
    context = _usual_context(path, source)
    if context is None:
        raise ConfigurationError(f"no certificates could be loaded from {source}")
    return context


@functools.lru_cache(maxsize=4)
def _usual_context(path: str, source: str) -> Optional[ssl.SSLContext]:
    """Return the context that trusts the certificates of a file or folder; loading them takes a while."""
    is_folder = os.path.isdir(path)
    try:
        context = ssl.create_default_context(cafile=None if is_folder else path, capath=path if is_folder else None)
    except (OSError, ValueError):
        return None
    _ca_sources[context] = source
    return context


def ca_source(context: ssl.SSLContext) -> str:
    """Return in words where the certificates that a context trusts came from."""
    return _ca_sources.get(context, "the given ssl_context")


def proxy_for(url: str, proxy: Union[str, Secret, None] = None) -> Optional[Proxy]:
    """
    Return the proxy on the way to ``url``, if there is one.

    Args:
        url: Where the connection leads; only scheme, host and port matter.
        proxy: The user's choice, such as ``"http://user:password@host:3128"``; None leaves it to the
            environment (``HTTPS_PROXY``, ``ALL_PROXY``, ``NO_PROXY`` ... the way requests reads them, ``wss``
            as ``https``), but not on the way to this machine itself, which no proxy could find.

    Raises:
        ConfigurationError: The proxy's URL is malformed, or of a kind that is not supported.
    """
    outcome = _chosen(url, proxy)
    del proxy
    if isinstance(outcome, ConfigurationError):
        raise outcome
    return outcome


def proxy_source(url: str, proxy: Union[str, Secret, None] = None) -> str:
    """Return in words where ``proxy_for`` found the proxy that it returned for the same arguments."""
    if proxy is not None:
        return "the proxy argument"
    scheme = "https" if Origin.of(url).is_encrypted else "http"
    names = [name for kind in (scheme, "all") for name in (f"{kind}_proxy", f"{kind}_proxy".upper())]
    return next((name for name in names if os.environ.get(name)), "the system's settings")


def connect(url: str, *, context: ssl.SSLContext, proxy: Optional[Proxy], deadline: Deadline) -> socket.socket:
    """
    Open a connection: TCP, the proxy's tunnel, TLS, all within the one deadline.

    Name resolution is the one wait that cannot be cut short; the system's resolver decides how long it takes.

    Args:
        url: Where to; only scheme, host and port are read.
        context: Of ``make_context``.
        proxy: Of ``proxy_for``.
        deadline: Entered already; it keeps watching the socket until its block ends.

    Returns:
        A blocking socket, ready for HTTP.

    Raises:
        StreamInterrupted: There is no connection; the reason names what failed.
    """
    origin = Origin.of(url)
    try:
        return _connected(origin, context, proxy, deadline)
    except StreamInterrupted as exc:
        reason = exc.reason
    except OSError as exc:
        reason = f"the connection to {origin} failed: {in_words(exc)}"
    raise StreamInterrupted(why_over(deadline, f"no connection to {origin}") or reason)


def why_over(deadline: Deadline, missing: str) -> Optional[str]:
    """Return why the deadline ended the calls, in words that say what is missing; None if it did not."""
    if deadline.abandoned:
        return "given up because the stream is stopping"
    return f"{missing} within {deadline.seconds:g} s" if deadline.passed else None


def in_words(error: OSError) -> str:
    """Describe what the system or OpenSSL says, without addresses or paths."""
    if isinstance(error, socket.timeout):
        return "timed out"
    if isinstance(error, ConnectionRefusedError):
        return "refused"
    if isinstance(error, (ConnectionError, ssl.SSLEOFError)):
        return "closed by the other side"
    if isinstance(error, ssl.SSLError):
        return f"TLS error {error.reason or type(error).__name__}"
    return os.strerror(error.errno) if error.errno else type(error).__name__


def _connected(origin: Origin, context: ssl.SSLContext, proxy: Optional[Proxy], deadline: Deadline) -> socket.socket:
    sock = _reach(proxy.origin if proxy else origin, deadline)
    try:
        if proxy:
            if proxy.origin.is_encrypted:
                sock = _encrypt(sock, proxy.origin, context, deadline)
            _tunnel(sock, origin, proxy, deadline)
        if origin.is_encrypted:
            sock = _encrypt(sock, origin, context, deadline)
    except BaseException:
        sock.close()
        raise
    return sock


def _reach(origin: Origin, deadline: Deadline) -> socket.socket:
    """Connect to the first of the host's addresses that answers."""
    try:
        addresses = socket.getaddrinfo(origin.host, origin.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise StreamInterrupted(f"the name {origin.host} could not be resolved") from None
    failure = "has no address"
    for at, (family, kind, protocol, _, address) in enumerate(addresses):
        if deadline.is_over:
            break
        try:
            sock = socket.socket(family, kind, protocol)
        except OSError as exc:
            failure = in_words(exc)
            continue
        try:
            deadline.watch(sock)
            # A black hole behind the first address must leave time for the others.
            share = max(deadline.remaining / (len(addresses) - at), _ADDRESS_SHARE_S)
            sock.settimeout(min(share, deadline.fallback))
            sock.connect(address)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            sock.settimeout(deadline.fallback)
            return sock
        except OSError as exc:
            failure = in_words(exc)
            sock.close()
        except BaseException:
            sock.close()
            raise
    raise StreamInterrupted(f"the connection to {origin} failed: {failure}")


def _tunnel(sock: socket.socket, origin: Origin, proxy: Proxy, deadline: Deadline) -> None:
    """Ask the proxy for a tunnel to the origin."""
    lines = [f"CONNECT {origin} HTTP/1.1", f"Host: {origin}"]
    if proxy.authorization:
        lines.append(f"Proxy-Authorization: {proxy.authorization.reveal()}")
    sock.settimeout(deadline.fallback)
    sock.sendall("\r\n".join([*lines, "", ""]).encode("ascii"))
    head = b""
    # Byte by byte: what follows the head is not the proxy's and must stay in the socket.
    while not head.endswith(b"\r\n\r\n"):
        byte = sock.recv(1)
        if not byte:
            raise StreamInterrupted(f"the proxy {proxy.origin} closed the connection")
        head += byte
        if len(head) > _MAX_PROXY_HEAD:
            raise StreamInterrupted(f"the proxy {proxy.origin} does not speak HTTP")
    version, _, rest = head.partition(b" ")
    status = rest[:3].decode("ascii", "replace")
    if not version.startswith(b"HTTP/") or not status.isdigit():
        raise StreamInterrupted(f"the proxy {proxy.origin} does not speak HTTP")
    if not status.startswith("2"):
        advice = ": it wants other credentials than the proxy's URL names" if status == "407" else ""
        raise StreamInterrupted(f"the proxy {proxy.origin} answered {status}{advice}")


def _encrypt(sock: socket.socket, origin: Origin, context: ssl.SSLContext, deadline: Deadline) -> socket.socket:
    """Speak TLS from here on, after the other side proved to be the host we meant."""
    sock.settimeout(deadline.fallback)
    try:
        if isinstance(sock, ssl.SSLSocket):
            return NestedTls(sock, context, origin.host)
        return context.wrap_socket(sock, server_hostname=origin.host)
    except ssl.SSLCertVerificationError as exc:
        reason = _distrust(exc, origin, ca_source(context))
    raise StreamInterrupted(reason)


def _distrust(error: ssl.SSLCertVerificationError, origin: Origin, ca_source: str) -> str:
    if error.verify_code in _WRONG_HOST:
        return f"the certificate shown by {origin} is for another host name"
    if error.verify_code == _HAS_EXPIRED:
        return f"the certificate of {origin} has expired, or this machine's clock is wrong"
    why = error.verify_message
    return f"the certificate of {origin} is not trusted: {why} (trusted are those of {ca_source})"


def _chosen(url: str, proxy: Union[str, Secret, None]) -> Union[Proxy, ConfigurationError, None]:
    """Return the proxy, or why it is of no use; a traceback from here would hold its password."""
    if proxy is not None:
        return _parsed(plain(proxy), "the proxy")
    origin = Origin.of(url)
    if is_loopback(origin.host):
        return None
    alike = attrs.evolve(origin, scheme="https" if origin.is_encrypted else "http").url
    named = requests.utils.select_proxy(alike, requests.utils.get_environ_proxies(alike, no_proxy=None))
    if not named:
        return None
    # As requests does: a proxy in the environment may come without a scheme.
    return _parsed(named if "://" in named else f"http://{named}", "the environment's proxy")


def _parsed(proxy: str, name: str) -> Union[Proxy, ConfigurationError]:
    try:
        parts = urlsplit(proxy)
        scheme, host, port = parts.scheme, parts.hostname or "", parts.port
    except (ValueError, AttributeError):
        scheme, host, port = "", "", None
    if scheme.startswith("socks"):
        return ConfigurationError(f"{name} is a SOCKS proxy, which is not supported; use an http:// proxy")
    if scheme not in ("http", "https") or not host:
        return ConfigurationError(f"{name} is malformed; it must look like http://host:port")
    origin = Origin(scheme, host, port or _DEFAULT_PORTS[scheme])
    if not parts.username:
        return Proxy(origin)
    login = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    return Proxy(origin, Secret("Basic " + base64.b64encode(login.encode()).decode()))
