"""The way to the exchange, for each half: proxy, host, certificates, TLS."""

from __future__ import annotations

from typing import Dict, Optional, Sequence, Tuple

import attrs

from ..edges.deadline import Deadline
from ..edges.dial import Origin, Proxy, ca_source, connect, make_context, proxy_for, proxy_source
from ..errors import ConfigurationError, StreamInterrupted
from ..markets import is_loopback
from .case import Case
from .finding import Finding, failed, ok, warning


def certificates(case: Case) -> Finding:
    """Which certificates are trusted, in both halves alike."""
    try:
        case.context = make_context(case.ssl_context)
    except ConfigurationError as error:
        return failed(str(error), "correct or remove that; without it those of certifi are trusted")
    return ok(f"trusted are those of {ca_source(case.context)}, for REST and WebSocket alike; host names are verified")


def proxy(case: Case, urls: Sequence[str]) -> Finding:
    """What the way leads through, and whether that lets us pass."""
    try:
        proxies = {url: proxy_for(url, case.proxy) for url in urls}
    except ConfigurationError as error:
        return failed(f"{error}; it comes from {proxy_source(urls[0], case.proxy)}", "correct it")
    used = {
        f"{through}, from {proxy_source(url, case.proxy)}" for url, through in proxies.items() if through is not None
    }
    if not used:
        return ok("none, neither given nor in the environment for this host: the way is straight")
    reasons = _reach(case, proxies)
    words = " and ".join(sorted(used))
    blocked = [reason for url, reason in reasons.items() if reason is not None and proxies[url] is not None]
    if None not in reasons.values():
        return failed(
            f"{words}: {blocked[0]}",
            "check the proxy's address, its user and password, and that it permits CONNECT to this host and port",
        )
    return ok(f"{words}; it lets us pass")


def host(case: Case, urls: Sequence[str]) -> Finding:
    """Whether the host can be reached, before anything is said to it."""
    reasons = _reach(case, {url: proxy_for(url, case.proxy) for url in urls})
    missed = [reason for reason in reasons.values() if reason is not None]
    reached = [str(Origin.of(url)) for url, reason in reasons.items() if reason is None]
    if not reached:
        return failed(
            "; ".join(missed),
            "check the network, a firewall, and the URL of the market; Binance does not serve every country and cloud",
        )
    others = f"; of those that are tried after it: {'; '.join(missed)}" if missed else ""
    return ok(f"{', '.join(reached)} can be reached{others}")


def tls(case: Case, urls: Sequence[str]) -> Finding:
    """Whether the host proves to be the one that was meant."""
    origins = [Origin.of(url) for url in urls]
    readable = sorted(origin.host for origin in origins if not origin.is_encrypted and not is_loopback(origin.host))
    if readable:
        return warning(
            f"plain text to {', '.join(readable)}: whoever listens on the way reads the listen key",
            "this is what allow_plaintext=True in the market permits; use https:// and wss:// if you can",
        )
    encrypted = [url for url, origin in zip(urls, origins) if origin.is_encrypted]
    if not encrypted:
        return ok("plain text, which stays on this machine")
    reasons = _reach(case, {url: proxy_for(url, case.proxy) for url in encrypted}, encrypted=True)
    trusted = [str(Origin.of(url)) for url, reason in reasons.items() if reason is None]
    if not trusted:
        return failed(
            "; ".join(reason for reason in reasons.values() if reason is not None),
            "if a company's proxy or a virus scanner reads along, trust its CA: REQUESTS_CA_BUNDLE=<file>, or an "
            "ssl_context with load_verify_locations()",
        )
    return ok(f"{', '.join(trusted)} showed a certificate that is trusted")


def _reach(case: Case, proxies: Dict[str, Optional[Proxy]], *, encrypted: bool = False) -> Dict[str, Optional[str]]:
    """Connect to each URL's host and hang up; return why it did not work, None where it did."""
    assert case.context is not None
    reasons: Dict[str, Optional[str]] = {}
    for url, through in proxies.items():
        origin = Origin.of(url)
        if not encrypted:
            # What is not encrypted is not greeted: this far it is about the network alone.
            origin = attrs.evolve(origin, scheme="http")
        try:
            with Deadline(case.timeout) as deadline:
                connect(origin.url, context=case.context, proxy=through, deadline=deadline).close()
        except StreamInterrupted as error:
            reasons[url] = error.reason
        else:
            reasons[url] = None
    return reasons


def halves(case: Case) -> Tuple[Tuple[str, Tuple[str, ...]], ...]:
    """Return the two halves of the way: what each is called, and one URL for each of its hosts."""
    return (("REST", (case.market.rest_url,)), ("WebSocket", case.stream_urls))
