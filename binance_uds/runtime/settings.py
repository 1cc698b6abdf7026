"""What a user chose for one stream, checked before anything is sent."""

from __future__ import annotations

import itertools
import ssl
from typing import FrozenSet, Iterable, Mapping, Optional, Tuple, Union

import attrs

from ..credentials import Credentials, Secret
from ..errors import ConfigurationError
from ..markets import Market
from ..protocol.ledger.cursor import Cursor
from ..protocol.timings import Timings
from .cursors import CursorStore, checked_cursor

#: The timings that are arguments of their own, with their bounds in seconds. A key dies after 60 minutes; the exchange
#: takes 10 messages a second; an audit costs 105 of the 2,400 that an address may use of request weight in a minute.
TIMING_BOUNDS: Mapping[str, Tuple[float, float]] = {
    "keepalive_interval": (1.0, 50 * 60.0),
    "ping_interval": (1.0, 5 * 60.0),
    "audit_interval": (10.0, 86_400.0),
    "settle": (0.0, 60.0),
    "max_hold": (0.0, 86_400.0),
}

#: What a user who says nothing gets.
_USUAL = Timings()

_numbers = itertools.count(1)


@attrs.frozen(kw_only=True)
class Settings:
    """
    The arguments of ``UserDataStream``, which says what they mean; all of use.

    Attributes:
        credentials: Whose stream it is.
        market: Which market on which hosts.
        name: What it is called in logs.
        timings: Every number of seconds.
        symbols: Those that every repair looks into.
        connections: How many are kept open.
        proxy: A proxy's URL, which may hold a password; None leaves it to the environment.
        context: TLS for both halves.
        release_key: Whether to DELETE the listen key at the end.
        max_backlog: Bound of each queue.
        cursor: Where a former run ended, or where that is kept.
    """

    credentials: Credentials
    market: Market
    name: str
    timings: Timings
    symbols: FrozenSet[str]
    connections: int
    proxy: Optional[Secret]
    context: ssl.SSLContext
    release_key: bool
    max_backlog: int
    cursor: Union[Cursor, CursorStore, None] = attrs.field(default=None, repr=False)

    @classmethod
    def of(
        cls,
        credentials: Credentials,
        *,
        market: Market,
        name: Optional[str],
        chosen_timings: Mapping[str, Optional[float]],
        symbols: Iterable[str],
        connections: int,
        proxy: Optional[Secret],
        ssl_context: Optional[ssl.SSLContext],
        release_key: bool,
        max_backlog: int,
        timings: Optional[Timings],
        cursor: Union[Cursor, CursorStore, str, None] = None,
    ) -> Settings:
        """
        Check what a user gave.

        Args:
            chosen_timings: The arguments of ``TIMING_BOUNDS``, by name.
            proxy: Of ``hidden_proxy``.

        Raises:
            ConfigurationError: An argument is of no use.
        """
        # Only now: what it imports is not needed before a stream is made.
        from ..edges.dial import make_context, proxy_for

        if not isinstance(market, Market):
            kind = type(market).__name__
            raise ConfigurationError(f"market must be a Market such as binance_uds.USDM, not of type {kind}")
        if isinstance(connections, bool) or connections not in (1, 2):
            raise ConfigurationError("connections must be 1, or 2 for a second one that stands by all the time")
        if name is not None and (not isinstance(name, str) or not name.isprintable() or "%" in name):
            # It becomes part of every log line's format, and a line break in it would forge lines.
            raise ConfigurationError("name must be text on one line, without a percent sign")
        if not isinstance(release_key, bool):
            # "no" would be taken for yes, and silence every other process of the account.
            raise ConfigurationError(f"release_key must be True or False, not of type {type(release_key).__name__}")
        begins_at = checked_cursor(cursor)
        if isinstance(begins_at, Cursor):
            begins_at.check_fits(market.name, credentials.api_key.tag)
        for url in (market.rest_url, market.stream_url):
            proxy_for(url, proxy)
        return cls(
            credentials=credentials,
            market=market,
            name=name or f"{market.name}-{next(_numbers)}",
            timings=_timings(timings, chosen_timings),
            symbols=_symbols(symbols),
            connections=connections,
            proxy=proxy,
            context=make_context(ssl_context),
            release_key=release_key,
            max_backlog=checked_backlog(max_backlog),
            cursor=begins_at,
        )


def _timings(timings: Optional[Timings], chosen: Mapping[str, Optional[float]]) -> Timings:
    """Return every timing: the given row, or the usual one with what was chosen."""
    if timings is None:
        for name, seconds in chosen.items():
            if seconds is not None or name != "max_hold":
                within(name, seconds, TIMING_BOUNDS[name])
        return Timings(**chosen)  # type: ignore[arg-type] # the names are those of the row
    if not isinstance(timings, Timings):
        raise ConfigurationError(f"timings must be a Timings, not of type {type(timings).__name__}")
    for name, seconds in chosen.items():
        if seconds != getattr(_USUAL, name):
            raise ConfigurationError(f"{name} and timings exclude each other: it is one of the timings")
    return timings


def _symbols(symbols: Iterable[str]) -> FrozenSet[str]:
    # A single text is iterable, too, letter by letter.
    is_list = isinstance(symbols, Iterable) and not isinstance(symbols, str)
    given = tuple(symbols) if is_list else ()
    if not is_list or not all(isinstance(symbol, str) and symbol for symbol in given):
        raise ConfigurationError('symbols must be a list of symbols such as ["BTCUSDT"]')
    return frozenset(symbol.upper() for symbol in given)


def checked_backlog(most: object) -> int:
    """
    Return the bound of a queue.

    Raises:
        ConfigurationError: It is none.
    """
    if isinstance(most, bool) or not isinstance(most, int) or most < 1:
        raise ConfigurationError("max_backlog must be a whole number of at least 1")
    return most


def hidden_proxy(proxy: Optional[str]) -> Optional[Secret]:
    """
    Return a proxy's URL as a secret, for it may hold a password.

    Raises:
        ConfigurationError: It is no text.
    """
    if proxy is None or isinstance(proxy, str):
        return None if proxy is None else Secret(proxy)
    kind = type(proxy).__name__
    # Tools print the variables of every frame of a traceback.
    del proxy
    raise ConfigurationError(f"proxy must be a URL as text, not of type {kind}")


def within(name: str, seconds: object, bounds: Tuple[float, float]) -> float:
    """
    Return a number of seconds if it lies within bounds.

    Raises:
        ConfigurationError: It does not, or is no number.
    """
    least, most = bounds
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or not least <= seconds <= most:
        given = repr(seconds) if isinstance(seconds, (int, float)) else f"of type {type(seconds).__name__}"
        raise ConfigurationError(f"{name} must be a number of seconds from {least:g} to {most:g}, not {given}")
    return float(seconds)
