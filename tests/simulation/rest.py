"""The REST interface of the client, in virtual time: the interface of ``edges.rest.Rest``."""

from __future__ import annotations

import json
from email.utils import formatdate
from typing import Any, Callable, Optional, Union

from binance_uds.credentials import Credentials, Secret, plain
from binance_uds.edges import answers, holds
from binance_uds.edges.answers import verdict
from binance_uds.edges.clock import Clock
from binance_uds.edges.dial import Origin
from binance_uds.errors import ExchangeError, StreamInterrupted, UserDataStreamError
from binance_uds.markets import Market
from binance_uds.simulator.http_api import LISTEN_KEY_PATH, Request
from tests.simulation.venue import Venue


class VirtualRest:
    """
    Asks the venue; a call takes virtual time, in which the world goes on.

    Attributes:
        calls: How many requests were sent.
        used_weight: As the latest answer said.
    """

    def __init__(
        self,
        venue: Venue,
        clock: Clock,
        market: Market,
        credentials: Credentials,
        *,
        abandoned: Callable[[], bool],
        timeout: float,
        **_: object,
    ) -> None:
        self.calls = 0
        self.used_weight: Optional[int] = None
        self._venue = venue
        self._world = venue.world
        self._clock = clock
        self._origin = Origin.of(market.rest_url)
        self._credentials = credentials
        self._abandoned = abandoned
        self._timeout = timeout

    def call(self, method: str, path: str, query: Union[str, Secret] = "", *, with_key: bool = True) -> Any:
        """Make a call; returns and raises what ``Rest.call`` does."""
        held = holds.held(self._origin, self._world.monotonic)
        if held is not None:
            raise held
        outcome = self._outcome(Request(method, path, plain(query), "", self._key(with_key)))
        if isinstance(outcome, UserDataStreamError):
            raise outcome
        return outcome

    def close(self) -> None:
        """Of no meaning here."""

    def _key(self, with_key: bool) -> Optional[str]:
        return self._credentials.api_key.reveal() if with_key else None

    def _outcome(self, request: Request) -> Any:
        """Return what the exchange answered, or the error to raise."""
        self.calls += 1
        venue, world, sent_at = self._venue, self._world, self._world.now
        deadline = world.monotonic + self._timeout
        way = venue.weather.way_of_call(world.now)
        world.pass_time(min(way.there, self._timeout), self._abandoned)
        answer, asked = venue.answer(request, way)
        if not way.answers:
            is_refused = venue.weather.outage == "refused" and not way.acts
            return self._give_up(world.monotonic if is_refused else deadline)
        left = deadline - world.monotonic
        world.pass_time(min(way.back, left), self._abandoned)
        if way.back >= left or self._abandoned():
            return self._give_up(deadline)
        asked.was_heard = True
        weight = answer.headers.get("X-MBX-USED-WEIGHT-1M")
        self.used_weight = self.used_weight if weight is None else int(weight)
        if answer.status == 200:
            if request.path == LISTEN_KEY_PATH and "listenKey" in answer.body:
                venue.history.last_named_at = sent_at
            return answer.body
        headers = {**answer.headers, "Date": formatdate(world.now_ms / 1000, usegmt=True)}
        told = answers.Answer(answer.status, headers, json.dumps(answer.body).encode())
        outcome = verdict(told, self._clock.now().wall)
        if isinstance(outcome, ExchangeError) and outcome.status in holds.HOLDING_STATUSES:
            holds.hold(self._origin, outcome, world.monotonic)
        return outcome

    def _give_up(self, deadline: float) -> StreamInterrupted:
        """Wait for an answer that does not come."""
        self._world.pass_time(max(deadline - self._world.monotonic, 0.0), self._abandoned)
        return StreamInterrupted("no answer in time")
