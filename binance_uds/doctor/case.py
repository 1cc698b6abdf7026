"""One examination: what is examined, and what is known so far."""

from __future__ import annotations

import ssl
from typing import Dict, List, Optional, Tuple

import attrs

from ..credentials import Credentials, Secret
from ..edges.clock import Clock
from ..edges.dial import Origin
from ..edges.rest import Rest
from ..markets import AccessPlan, Market
from ..protocol.exchange_clock import ExchangeClock
from ..protocol.timings import Timings
from ..runtime.calls import Calls
from ..runtime.settings import Settings
from ..runtime.sockets import Sockets
from ..runtime.watch import StreamLog
from ..runtime.weights import Share
from .finding import Finding, Outcome


@attrs.define
class Case:
    """
    What the checks of one examination share; each may count on what those before it left here.

    Attributes:
        credentials: Whose stream it would be.
        market: Which market on which hosts.
        proxy: The user's proxy, or None for what the environment says.
        ssl_context: The user's own, or None.
        timeout: Seconds that each wait may take.
        clock: The clocks of this machine.
        log: Where requests and connections leave their lines.
        exchange_clock: The exchange's, once it was read.
        context: TLS for both halves, once the certificates were found.
        key: The listen key, once it was granted; the newest that REST named.
        opened: Access plans whose connection opened, and whose reply was not a no.
        confirmed: Access plans on which the exchange named our key.
        findings: By the check's name.
    """

    credentials: Credentials
    market: Market
    proxy: Optional[Secret]
    ssl_context: Optional[ssl.SSLContext]
    timeout: float
    clock: Clock = attrs.field(factory=Clock)
    log: StreamLog = attrs.field(factory=lambda: StreamLog("doctor"))
    exchange_clock: ExchangeClock = attrs.field(factory=lambda: ExchangeClock(0))
    context: Optional[ssl.SSLContext] = None
    key: Optional[Secret] = None
    opened: List[AccessPlan] = attrs.field(factory=list)
    confirmed: List[AccessPlan] = attrs.field(factory=list)
    findings: Dict[str, Finding] = attrs.field(factory=dict)
    _calls: Optional[Calls] = None

    def stands(self, check: str) -> bool:
        """Whether what a check examined can be counted on."""
        return self.findings[check].outcome in (Outcome.OK, Outcome.WARNING)

    @property
    def stream_urls(self) -> Tuple[str, ...]:
        """One URL for each WebSocket host of the market, best first."""
        by_origin: Dict[Origin, str] = {}
        for url in (self.market.stream_url, *self.market.other_stream_urls):
            by_origin.setdefault(Origin.of(url), url)
        return tuple(by_origin.values())

    @property
    def calls(self) -> Calls:
        """The calls a stream makes; to be used once the certificates were found."""
        if self._calls is None:
            rest = self.rest(self.market)
            share = Share(Origin.of(self.market.rest_url), Timings().weight_most, self.market.weight_limit)
            self._calls = Calls(rest, self.market, self.credentials, self.clock, self.exchange_clock.now_ms, share)
        return self._calls

    def rest(self, market: Market) -> Rest:
        """Return the REST interface of a market, to be closed by the caller."""
        assert self.context is not None
        return Rest(
            market, self.credentials, context=self.context, proxy=self.proxy, timeout=self.timeout, log=self.log.rest
        )

    def sockets(self) -> Sockets:
        """Return what opens connections as a stream does, to be shut by the caller."""
        settings = Settings.of(
            self.credentials,
            market=self.market,
            name="doctor",
            chosen_timings={},
            symbols=(),
            connections=1,
            proxy=self.proxy,
            ssl_context=self.context,
            release_key=False,
            max_backlog=1,
            timings=Timings(plan_timeout=self.timeout, rest_timeout=self.timeout),
        )
        return Sockets(settings, self.clock, lambda: False, self.log)

    def close(self) -> None:
        """Close what is kept open between checks."""
        if self._calls is not None:
            self._calls.close()
