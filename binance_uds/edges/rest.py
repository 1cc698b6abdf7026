"""
The REST interface: one call, one answer, one deadline.

Whatever goes wrong comes out as one of this package's errors, raised where no frame holds a secret: what
builds, sends and judges a request *returns* its error, and is gone when ``call`` raises it.
"""

from __future__ import annotations

import logging
import ssl
import time
from typing import TYPE_CHECKING, Any, Callable, Optional, Union
from urllib.parse import urlsplit

import requests
import urllib3.exceptions

from ..credentials import Credentials, Secret, plain
from ..errors import StreamInterrupted, UserDataStreamError
from ..redaction import watch_loggers, watched
from . import holds
from .answers import Answer
from .deadline import Deadline
from .dial import Origin, proxy_for, why_over
from .transport import Transport

if TYPE_CHECKING:
    from ..markets import Market

#: Largest body that is read, in bytes; a full page of 1,000 rows is below 1 MiB.
MAX_BODY = 8 * 1024 * 1024

_CHUNK = 64 * 1024

#: A logger, or one that adds the stream's name to every line.
Log = Union["logging.Logger", "logging.LoggerAdapter[Any]"]


class Rest:
    """
    The REST interface of one market, for one set of credentials. For one thread at a time.

    Args:
        market: Where to call; only its ``rest_url`` is read.
        credentials: Whose API key is sent.
        context: Of ``dial.make_context``.
        proxy: A proxy's URL, or None for what the environment says.
        abandoned: Asked while a call is under way; true ends it within moments. Called on another thread.
        timeout: Seconds a call may take in all, from the name's resolution to the body's last byte.
        log: Where each call leaves a line; by default the logger ``binance_uds.rest``.

    Attributes:
        used_weight: Request weight this address had used in its minute, by the latest answer that said so.

    Raises:
        ConfigurationError: The proxy is of no use.
    """

    def __init__(
        self,
        market: Market,
        credentials: Credentials,
        *,
        context: ssl.SSLContext,
        proxy: Union[str, Secret, None] = None,
        abandoned: Callable[[], bool] = lambda: False,
        timeout: float = 5.0,
        log: Optional[Log] = None,
    ) -> None:
        self.used_weight: Optional[int] = None
        self._url = market.rest_url.rstrip("/")
        self._credentials = credentials
        self._abandoned = abandoned
        self._timeout = timeout
        self._log = watched("binance_uds.rest") if log is None else log
        self._origin = Origin.of(self._url)
        self._transport = Transport(self._origin, context=context, proxy=proxy_for(self._url, proxy))
        # urllib3 prints paths with their query at DEBUG level.
        watch_loggers()

    def call(self, method: str, path: str, query: Union[str, Secret] = "", *, with_key: bool = True) -> Any:
        """
        Send one request and return what it answers.

        Args:
            method: ``"GET"``, ``"POST"``, ``"PUT"`` or ``"DELETE"``.
            path: Such as ``"/fapi/v1/listenKey"``.
            query: Encoded, and a ``Secret`` if it is signed; sent letter by letter.
            with_key: Whether to send the API key.

        Returns:
            The parsed JSON.

        Raises:
            CredentialsRejected: Binance refused the key, the signature or the permissions.
            ExchangeError: Binance answered with another error, or told this process to wait and is not asked.
            StreamInterrupted: No answer, none readable, or none in time; whether Binance acted is unknown.
        """
        outcome = self._outcome(method, path, query, with_key)
        del query
        if isinstance(outcome, UserDataStreamError):
            raise outcome
        return outcome

    def close(self) -> None:
        """Close the kept-alive connection; a later call opens another."""
        self._transport.close()

    def _outcome(self, method: str, path: str, query: Union[str, Secret], with_key: bool) -> Any:
        """Return the parsed JSON, or the error to raise."""
        held = holds.held(self._origin, time.monotonic())
        if held is not None:
            return held
        started = time.monotonic()
        answer = self._answer(method, path, query, with_key)
        outcome = answer
        if isinstance(answer, Answer):
            self.used_weight = answer.used_weight if answer.used_weight is not None else self.used_weight
            outcome = holds.heed(self._origin, answer)
        self._log.debug(
            "%s %s: %s in %.0f ms",
            method,
            path,
            answer.status if isinstance(answer, Answer) else answer.reason,
            (time.monotonic() - started) * 1000,
        )
        return outcome

    def _answer(
        self, method: str, path: str, query: Union[str, Secret], with_key: bool
    ) -> Union[Answer, StreamInterrupted]:
        """Return the answer that came, or why none did."""
        prefix = urlsplit(self._url).path
        letters = plain(query)
        target = f"{prefix}{path}?{letters}" if letters else f"{prefix}{path}"
        deadline = Deadline(self._timeout, self._abandoned)
        reason = "no answer"
        try:
            request = self._request(method, with_key)
            with deadline:
                try:
                    answer = self._exchange(request, target, deadline)
                except requests.ConnectionError:
                    # A connection kept alive may have died since the last call. All our calls may be
                    # repeated: reads, and listen-key calls, which are idempotent.
                    if not self._transport.is_reused or deadline.is_over:
                        raise
                    answer = self._exchange(request, target, deadline)
            # A body without a length looks complete when the deadline cuts it.
            if not deadline.is_over:
                return answer
        except StreamInterrupted as exc:
            return StreamInterrupted(exc.reason)
        except (OSError, urllib3.exceptions.HTTPError):
            reason = "the connection ended before the answer was whole"
        except Exception as exc:
            # Whatever a library raises has frames that hold the API key, so none of it may pass.
            reason = f"the request failed ({type(exc).__name__})"
        return StreamInterrupted(why_over(deadline, "no answer") or reason)

    def _request(self, method: str, with_key: bool) -> requests.PreparedRequest:
        headers = {
            "Host": urlsplit(self._url).netloc,
            "Accept": "application/json",
            "Accept-Encoding": "identity",
            "User-Agent": "binance-uds",
        }
        if with_key:
            headers["X-MBX-APIKEY"] = self._credentials.api_key.reveal()
        return requests.Request(method, self._origin.url, headers=headers).prepare()

    def _exchange(self, request: requests.PreparedRequest, target: str, deadline: Deadline) -> Answer:
        with self._transport.send(request, target, deadline) as response:
            if 300 <= response.status_code < 400:
                raise StreamInterrupted("Binance answered with a redirect, which is never followed")
            if response.headers.get("Content-Encoding", "identity").lower() != "identity":
                raise StreamInterrupted("the answer is compressed, which was not asked for")
            # urllib3 1.26 takes a body that ends early for a whole one unless told otherwise.
            response.raw.enforce_content_length = True
            body = bytearray()
            while len(body) <= MAX_BODY:
                chunk = response.raw.read(_CHUNK)
                if not chunk:
                    return Answer(response.status_code, response.headers, bytes(body))
                body += chunk
            raise StreamInterrupted(f"the answer is larger than {MAX_BODY // 1024 // 1024} MiB")
