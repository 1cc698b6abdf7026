"""REST commands become facts: each call of the session, made and translated."""

from __future__ import annotations

from typing import Any, Callable, Dict, Optional

from ..credentials import Credentials, Secret
from ..edges.clock import Clock
from ..errors import StreamInterrupted, UserDataStreamError
from ..instants import Instant
from ..markets import Market, ReadName
from ..protocol import commands as do
from ..protocol import facts
from ..protocol.decoding.strict import Undecodable
from ..protocol.facts import Call, Fact
from ..protocol.reading import reads
from ..protocol.signing import signed_query
from .edges import RestEdge, ShareEdge


class Calls:
    """
    Makes the REST calls of one stream.

    Args:
        rest: The REST interface.
        market: Says which paths to call.
        credentials: Sign what has to be signed.
        clock: Dates what is sent.
        exchange_ms: Tells the exchange's time for a moment of ours.
        share: In the request weight of the process; reads wait for it.
    """

    def __init__(
        self,
        rest: RestEdge,
        market: Market,
        credentials: Credentials,
        clock: Clock,
        exchange_ms: Callable[[Instant], int],
        share: ShareEdge,
    ) -> None:
        self._rest = rest
        self._market = market
        self._credentials = credentials
        self._clock = clock
        self._exchange_ms = exchange_ms
        self._share = share
        self._ways: Dict[Call, Callable[[int], Fact]] = {
            Call.REQUEST_KEY: self._request_key,
            Call.PROBE_KEY: self._probe_key,
            Call.READ_CLOCK: self._read_clock,
            Call.READ_BALANCES: self._read_balances,
        }

    def make(self, command: do.Make) -> Fact:
        """Make a call and return what came of it; blocks up to the REST deadline, and never raises."""
        try:
            fact = self._ways[command.call](command.generation)
            self._share.heed(self._rest.used_weight, self._clock.now().monotonic)
            return fact
        except UserDataStreamError as error:
            return facts.CallFailed(command.generation, command.call, error.with_traceback(None))

    def read(self, command: do.MakeRead) -> Fact:
        """
        Read something about the account and return what came of it; blocks as ``make`` does, and never raises.

        Nothing is sent while the request weight of the process is used up.
        """
        sent_at = self._clock.now()
        wait = self._share.ask(reads.weight(command.read, self._market), sent_at.monotonic)
        if wait > 0:
            return facts.ReadPostponed(command.errand, command.read, wait)
        try:
            query = signed_query(command.read.parameters, self._credentials, self._exchange_ms(sent_at))
            answer = self._rest.call("GET", reads.path(command.read, self._market), query)
            self._share.heed(self._rest.used_weight, self._clock.now().monotonic)
            rows = reads.rows(command.read, answer, self._market)
            return facts.RowsRead(command.errand, command.read, rows, sent_at)
        except Undecodable as error:
            failure: UserDataStreamError = StreamInterrupted(error.reason)
        except UserDataStreamError as error:
            failure = error.with_traceback(None)
        return facts.ReadFailed(command.errand, command.read, failure, sent_at)

    def release_key(self) -> None:
        """
        DELETE the listen key.

        Raises:
            UserDataStreamError: It was refused, or not answered.
        """
        self._rest.call("DELETE", self._market.listen_key_path)

    def close(self) -> None:
        """Close the kept-alive connection."""
        self._rest.close()

    @property
    def used_weight(self) -> Optional[int]:
        """Request weight used in the current minute, as the exchange last said."""
        return self._rest.used_weight

    def _request_key(self, generation: int) -> Fact:
        sent_at = self._clock.now()
        key = _listen_key(self._rest.call("POST", self._market.listen_key_path))
        if key is None:
            raise StreamInterrupted("the answer names no listen key")
        return facts.KeyGranted(generation, key, sent_at)

    def _probe_key(self, generation: int) -> Fact:
        if not self._market.probe_names_key:
            return self._request_key(generation)
        sent_at = self._clock.now()
        return facts.KeyNamed(generation, _listen_key(self._rest.call("PUT", self._market.listen_key_path)), sent_at)

    def _read_clock(self, generation: int) -> Fact:
        sent_at = self._clock.now()
        answer = self._rest.call("GET", self._market.time_path, with_key=False)
        received_at = self._clock.now()
        server_ms = answer.get("serverTime") if isinstance(answer, dict) else None
        if not isinstance(server_ms, int):
            raise StreamInterrupted("the answer names no time")
        return facts.ClockRead(server_ms, sent_at, received_at)

    def _read_balances(self, generation: int) -> Fact:
        query = signed_query({}, self._credentials, self._exchange_ms(self._clock.now()))
        self._rest.call("GET", self._market.endpoint(ReadName.BALANCES).path, query)
        return facts.BalancesRead(generation)


def _listen_key(answer: Any) -> Optional[Secret]:
    """Take the key out of an answer and hide it; None when there is none."""
    key = answer.get("listenKey") if isinstance(answer, dict) else None
    return Secret(key) if isinstance(key, str) and key else None
