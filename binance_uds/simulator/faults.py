"""
What can go wrong between a client and the exchange, as data.

A fault is a frozen row that says *what* happens; who injects it decides *when*. The local server acts
on these rows (``server.py``), and so can a simulation in virtual time: nothing here reads a clock, and
all chance comes from a seed.

Two kinds of row:

* a plain `Fault` happens once, at the moment it is injected (a key expires, connections drop);
* a `LastingFault` waits for what it applies to (the next request, handshake or frame) and is used up after
  ``count`` of those, or after ``lasts`` seconds, whichever comes first.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Optional

import attrs

#: How a connection may end under `DropConnections`.
DROP_MANNERS = ("reset", "fin", "close", "cut")

#: The ways to reach private data that `SilentPlan` can silence; see `control.FORMS`.
EVERY_FORM = "*"


@attrs.frozen
class Fault:
    """Something that goes wrong once, at the moment it is injected."""


@attrs.frozen
class LastingFault(Fault):
    """
    Something that goes wrong for what comes next.

    Attributes:
        count: How many requests, handshakes or frames it strikes; None for any number.
        lasts: Seconds after which it is over; None for no such end.
    """

    count: Optional[int] = attrs.field(default=1, kw_only=True)
    lasts: Optional[float] = attrs.field(default=None, kw_only=True)


@attrs.frozen
class RestFault(LastingFault):
    """
    Something that goes wrong with the next HTTP requests.

    Attributes:
        method: Strike only this HTTP method; None for any.
        path: Strike only paths that start so, such as ``"/fapi/v1/listenKey"``; None for any.
    """

    method: Optional[str] = attrs.field(default=None, kw_only=True)
    path: Optional[str] = attrs.field(default=None, kw_only=True)

    def strikes(self, method: str, path: str) -> bool:
        """Tell whether a request is one this fault is about."""
        return self.method in (None, method) and path.startswith(self.path or "")


# Keys -----------------------------------------------------------------------------------------------------


@attrs.frozen
class ExpireKey(Fault):
    """
    The listen key expires before its time; its sockets stay open and fall silent.

    Attributes:
        notices: ``listenKeyExpired`` events sent to those who hold it: 0 (unannounced), 1, or 2 (seen live).
        account: Name of the account; None for every account.
    """

    notices: int = 1
    account: Optional[str] = None


@attrs.frozen
class NeighbourDeletesKey(Fault):
    """Another process of the account sends DELETE; the shared key is dead without a notice."""

    account: Optional[str] = None


@attrs.frozen
class NeighbourSwapsKey(Fault):
    """Another process of the account sends DELETE and POST: PUT goes on succeeding, for another key."""

    account: Optional[str] = None


@attrs.frozen
class ExpireAgain(LastingFault):
    """Each new private connection is told at once that its key has expired, and it has."""


@attrs.frozen
class IssueDeadKey(LastingFault):
    """POST answers a key that is dead already."""


@attrs.frozen
class OmitKeyInPut(LastingFault):
    """PUT answers ``{}`` instead of naming the key, as before 2024-04-25."""


# Connections ----------------------------------------------------------------------------------------------


@attrs.frozen
class DropConnections(Fault):
    """
    Every WebSocket connection ends.

    Attributes:
        how: ``reset`` (TCP RST), ``fin`` (TCP FIN without a close frame), ``close`` (a close frame, then
            FIN) or ``cut`` (half a frame, then FIN).
        code: The status in the close frame; None for a close frame without one. 1006 cannot stand in a
            frame by the rules of WebSocket, yet has been seen, so it is sent when asked for.
        account: Only connections that hold a valid key of this account; None for all.
    """

    how: str = attrs.field(default="reset", validator=attrs.validators.in_(DROP_MANNERS))
    code: Optional[int] = 1006
    account: Optional[str] = None


@attrs.frozen
class HalfOpen(Fault):
    """
    A black hole: the TCP connections of now stay up, but nothing is read or written on them any more.

    No ping is answered and no event comes; the operating system goes on acknowledging what the client
    sends. New connections are fine.
    """

    account: Optional[str] = None


@attrs.frozen
class RefuseHandshake(LastingFault):
    """The WebSocket handshake is answered with this HTTP status instead of 101."""

    status: int = 400


@attrs.frozen
class StallHandshake(LastingFault):
    """The WebSocket handshake is never answered."""


@attrs.frozen
class SilentPlan(LastingFault):
    """
    One way to reach private data opens but never delivers, as retired hosts and paths do.

    Attributes:
        form: Which way, a name of `control.FORMS`, or ``*`` for every way.
        listing: What LIST_SUBSCRIPTIONS answers there: ``empty`` for ``[]``, ``none`` for no answer, or
            ``named`` for the key, as if all were well.
    """

    form: str = EVERY_FORM
    listing: str = attrs.field(default="empty", validator=attrs.validators.in_(("empty", "none", "named")))
    count: Optional[int] = attrs.field(default=None, kw_only=True)


@attrs.frozen
class PingFlood(Fault):
    """The server sends this many pings in a row on every connection."""

    count: int = 1000


# Frames ---------------------------------------------------------------------------------------------------


@attrs.frozen
class GarbageFrame(Fault):
    """
    A frame with this payload on every private connection.

    Attributes:
        data: Sent as a text frame, whatever it holds; `bytes` may be invalid UTF-8.
        binary: Send a binary frame instead.
    """

    data: Any = "{not json"
    binary: bool = False


@attrs.frozen
class RawBytes(Fault):
    """These bytes, as they are, in the middle of every private connection: broken framing."""

    data: bytes = b"\xff\xff\xff\xff"


@attrs.frozen
class FragmentFrames(LastingFault):
    """An event comes as this many WebSocket fragments, with a ping between them."""

    pieces: int = 3


@attrs.frozen
class LoseFrame(LastingFault):
    """
    An event is lost on every connection, all of which stay healthy.

    Attributes:
        event: Only events of this name, such as ``"ORDER_TRADE_UPDATE"``; None for any.
    """

    event: Optional[str] = None


@attrs.frozen
class RepeatFrame(LastingFault):
    """An event comes twice on every connection; ``event`` as in `LoseFrame`."""

    event: Optional[str] = None


# REST -----------------------------------------------------------------------------------------------------


@attrs.frozen
class FailRest(RestFault):
    """
    Requests fail.

    Attributes:
        status: HTTP status.
        code: Of the body ``{"code", "msg"}``; None for the usual one of that status.
        message: Of that body; None for the usual one.
        retry_after: Value of the ``Retry-After`` header, in seconds or as a date; None for no header.
        body: Sent instead of that body, such as a web page or nothing; None for the usual body.
        acts_first: Whether the request was carried out all the same ("execution status unknown").
    """

    status: int = 503
    code: Optional[int] = None
    message: Optional[str] = None
    retry_after: Any = None
    body: Optional[str] = None
    acts_first: bool = False


@attrs.frozen
class SlowRest(RestFault):
    """
    Requests are answered late.

    Attributes:
        seconds: By how much.
        acts_first: Whether the request is carried out at once and only its answer is late; otherwise it
            is carried out late.
    """

    seconds: float = 10.0
    acts_first: bool = False


@attrs.frozen
class HangRest(RestFault):
    """Requests are never answered; ``acts_first`` as in `SlowRest`."""

    acts_first: bool = False


@attrs.frozen
class RedirectRest(RestFault):
    """Requests are redirected (302) to the same path of another origin, such as ``http://127.0.0.1:9``."""

    url: str = "http://127.0.0.1:9"
    status: int = 302


@attrs.frozen
class TruncateRest(RestFault):
    """The connection ends in the middle of the answer's body; the request was carried out."""


@attrs.frozen
class LagReads(Fault):
    """
    REST reads lag behind the stream, as they do when the market is busy.

    Attributes:
        seconds: How old the account is that they show.
        lasts: For how many seconds they do.
    """

    seconds: float = 2.0
    lasts: float = 30.0


# Weather --------------------------------------------------------------------------------------------------


@attrs.frozen
class FaultKind:
    """
    One kind of weather.

    Attributes:
        weight: How often it comes, relative to the others.
        draw: Makes one such fault from chance.
    """

    weight: float
    draw: Callable[[random.Random], Fault]


def _draw_drop(chance: random.Random) -> Fault:
    code = chance.choice([None, 1000, 1001, 1006, 1008, 1011, 1012, 1013])
    return DropConnections(how=chance.choice(DROP_MANNERS), code=code)


def _draw_garbage(chance: random.Random) -> Fault:
    return GarbageFrame(
        chance.choice(["", "{", "[]", "17", '"text"', b"\xff\xfe", '{"e":1}', '{"e":"NEW_THING","E":1}'])
    )


def _draw_failure(chance: random.Random) -> Fault:
    status = chance.choice([400, 403, 408, 500, 502, 503, 504])
    body = chance.choice([None, None, "", "<html>Bad Gateway</html>"])
    return FailRest(status, body=body, count=chance.randint(1, 5), acts_first=chance.random() < 1 / 2)


def _draw_limit(chance: random.Random) -> Fault:
    return FailRest(chance.choice([429, 418]), retry_after=chance.randint(1, 120), count=1)


#: Every kind of weather by name. `schedule` draws from it; add a row to widen it.
FAULTS: Mapping[str, FaultKind] = {
    "expire_key": FaultKind(4, lambda chance: ExpireKey(notices=chance.randint(0, 2))),
    "neighbour_deletes_key": FaultKind(2, lambda chance: NeighbourDeletesKey()),
    "neighbour_swaps_key": FaultKind(2, lambda chance: NeighbourSwapsKey()),
    "expire_again": FaultKind(1, lambda chance: ExpireAgain(count=chance.randint(1, 4))),
    "issue_dead_key": FaultKind(1, lambda chance: IssueDeadKey(count=chance.randint(1, 2))),
    "omit_key_in_put": FaultKind(1, lambda chance: OmitKeyInPut(count=chance.randint(1, 3))),
    "drop_connections": FaultKind(6, _draw_drop),
    "half_open": FaultKind(3, lambda chance: HalfOpen()),
    "refuse_handshake": FaultKind(
        2, lambda chance: RefuseHandshake(chance.choice([400, 403, 429, 503]), count=chance.randint(1, 3))
    ),
    "stall_handshake": FaultKind(1, lambda chance: StallHandshake()),
    "silent_plan": FaultKind(1, lambda chance: SilentPlan(listing="empty", lasts=chance.uniform(5, 60))),
    "ping_flood": FaultKind(1, lambda chance: PingFlood(count=chance.randint(10, 1000))),
    "garbage_frame": FaultKind(3, _draw_garbage),
    "raw_bytes": FaultKind(1, lambda chance: RawBytes(chance.choice([b"\xff\xff\xff\xff", b"\x83\x00"]))),
    "fragment_frames": FaultKind(1, lambda chance: FragmentFrames(chance.randint(2, 5), count=3)),
    "lose_frame": FaultKind(3, lambda chance: LoseFrame(count=chance.randint(1, 4))),
    "repeat_frame": FaultKind(1, lambda chance: RepeatFrame(count=chance.randint(1, 4))),
    "fail_rest": FaultKind(4, _draw_failure),
    "limit_rest": FaultKind(1, _draw_limit),
    "slow_rest": FaultKind(2, lambda chance: SlowRest(chance.uniform(0.5, 20), acts_first=chance.random() < 1 / 2)),
    "hang_rest": FaultKind(1, lambda chance: HangRest(acts_first=chance.random() < 1 / 2)),
    "redirect_rest": FaultKind(1, lambda chance: RedirectRest()),
    "truncate_rest": FaultKind(1, lambda chance: TruncateRest()),
    "lag_reads": FaultKind(2, lambda chance: LagReads(chance.uniform(0.1, 3), chance.uniform(1, 60))),
}


def schedule(
    seed: int,
    *,
    duration: float,
    mean_interval: float = 60.0,
    kinds: Optional[Sequence[str]] = None,
) -> list[tuple[float, Fault]]:
    """
    Draw the weather of a while from a seed.

    Args:
        seed: Equal seeds (and arguments) give equal weather.
        duration: How long, in seconds.
        mean_interval: Mean seconds from one fault to the next; the intervals are exponential.
        kinds: Names of `FAULTS` to draw from; None for all.

    Returns:
        Pairs (seconds from the start, fault), in order of time.

    Raises:
        KeyError: A name in ``kinds`` is not in `FAULTS`.
    """
    chance = random.Random(seed)
    rows = [FAULTS[name] for name in (FAULTS if kinds is None else kinds)]
    weights = [row.weight for row in rows]
    weather: list[tuple[float, Fault]] = []
    at_s = chance.expovariate(1 / mean_interval)
    while at_s < duration:
        weather.append((at_s, chance.choices(rows, weights)[0].draw(chance)))
        at_s += chance.expovariate(1 / mean_interval)
    return weather
