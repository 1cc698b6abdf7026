"""The checks, in their order, each with those that it stands on."""

from __future__ import annotations

import ssl
from functools import partial
from typing import Callable, Iterator, Optional, Tuple

import attrs

from ..credentials import Credentials
from ..errors import ConfigurationError
from ..markets import USDM, Market
from ..runtime.settings import hidden_proxy, within
from . import account, subscription, way
from .case import Case
from .finding import Finding, skipped

#: A host far away takes a good part of a second; whoever waits for a minute has other troubles.
TIMEOUT_BOUNDS = (0.1, 60.0)


@attrs.frozen
class Check:
    """
    One thing that is examined.

    Attributes:
        name: What it is called in its finding.
        examine: Finds out; takes as long as its waits, each of which is bounded.
        needs: Names of checks without which there is nothing to examine.
    """

    name: str
    examine: Callable[[Case], Finding]
    needs: Tuple[str, ...] = ()


def checks(case: Case) -> Iterator[Check]:
    """Yield the checks of an examination."""
    yield Check("certificates", way.certificates)
    for half, urls in way.halves(case):
        yield Check(f"{half} proxy", partial(way.proxy, urls=urls), ("certificates",))
        yield Check(f"{half} host", partial(way.host, urls=urls), (f"{half} proxy",))
        yield Check(f"{half} TLS", partial(way.tls, urls=urls), (f"{half} host",))
    yield Check("REST", account.rest, ("REST TLS",))
    yield Check("clock", account.clock, ("REST",))
    yield Check("API key", account.api_key, ("REST",))
    yield Check("API secret", account.api_secret, ("API key",))
    yield Check("permissions", account.permissions, ("REST",))
    yield Check("PUT", account.probe, ("API key",))
    for number, plan in enumerate(case.market.access_plans, 1):
        yield Check(f"access plan {number}", partial(subscription.access_plan, plan=plan), ("API key", "WebSocket TLS"))
    yield Check("access", subscription.access, ("API key", "WebSocket TLS"))
    yield Check("two connections", subscription.two_connections, ("access",))


def examine(
    credentials: Credentials,
    market: Market = USDM,
    *,
    proxy: Optional[str] = None,
    ssl_context: Optional[ssl.SSLContext] = None,
    timeout: float = 5.0,
    heard: Callable[[Finding], object] = lambda finding: None,
) -> Tuple[Finding, ...]:
    """
    Examine whether a stream with these arguments would work, and what would be in its way.

    Args:
        credentials: Of ``Credentials.of`` or ``Credentials.from_env``; without a secret less can be examined.
        market: As that of ``UserDataStream``.
        proxy: As that of ``UserDataStream``.
        ssl_context: As that of ``UserDataStream``.
        timeout: Seconds that each wait may take, from 0.1 to 60; a check waits once for each host or connection that
            it is about.
        heard: Called with each finding as soon as it is there.

    Returns:
        The findings, in the order of the checks.

    Raises:
        ConfigurationError: An argument is none; whatever an argument leads to is a finding.
    """
    try:
        hidden = hidden_proxy(proxy)
    finally:
        # Tools print the variables of every frame of a traceback.
        del proxy
    if not isinstance(credentials, Credentials) or not isinstance(market, Market):
        raise ConfigurationError("examine() takes Credentials, as of Credentials.from_env(), and a Market such as USDM")
    case = Case(credentials, market, hidden, ssl_context, within("timeout", timeout, TIMEOUT_BOUNDS))
    try:
        for check in checks(case):
            missing = next((need for need in check.needs if not case.stands(need)), None)
            finding = check.examine(case) if missing is None else skipped(f"not examined: it takes {missing!r}")
            case.findings[check.name] = attrs.evolve(finding, check=check.name)
            heard(case.findings[check.name])
    finally:
        case.close()
    return tuple(case.findings.values())
