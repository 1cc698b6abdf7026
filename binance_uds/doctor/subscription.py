"""
Which ways to the private stream work: each is opened, and asked what it is subscribed to.

A reply that names our key is all that can be had at any time. That events come is proven by an event alone, and a
quiet account has none; one that does come is told of.
"""

from __future__ import annotations

from typing import Callable, List, Optional, Set, Union

import attrs

from ..credentials import Secret
from ..markets import AccessForm, AccessPlan
from ..protocol import commands as do
from ..protocol import facts
from ..protocol.decoding.strict import Control, Undecodable, parse, unwrap
from ..protocol.subscriptions import SUBSCRIBE_ID
from ..runtime.sockets import Sockets
from .case import Case
from .finding import Finding, failed, ok, skipped, warning


@attrs.define
class _Line:
    """
    A connection, and what came on it.

    Attributes:
        number: Among those of its check.
        names_key: Whether the exchange named our key as subscribed on it; None while it said nothing about that.
        events: How many events came.
        pongs: Which of our pings were answered.
        refused: Why the exchange did not do what we asked for on it.
        lost: Why it ended.
    """

    number: int
    names_key: Optional[bool] = None
    events: int = 0
    pongs: Set[bytes] = attrs.field(factory=set)
    refused: Optional[str] = None
    lost: Optional[str] = None

    @property
    def has_replied(self) -> bool:
        """Whether nothing more is to be expected about the subscription."""
        return self.names_key is not None or self.refused is not None or self.lost is not None


def access_plan(case: Case, plan: AccessPlan) -> Finding:
    """Whether one way opens, and whether the exchange names our key on it."""
    sockets = case.sockets()
    try:
        line = _opened(case, sockets, 1, plan)
        if isinstance(line, str):
            return _no_way(plan, line)
        _hear(case, sockets, [line], lambda: line.has_replied)
    finally:
        sockets.shut()
    if line.names_key:
        case.opened.append(plan)
        case.confirmed.append(plan)
        came = f"; {line.events} events came meanwhile" if line.events else ""
        return ok(f"{plan}: opens, and the exchange names our key as subscribed{came}")
    if line.names_key is None and line.refused is None and line.lost is None:
        case.opened.append(plan)
        return _no_way(plan, f"opens, but the exchange does not say within {case.timeout:g} s what is subscribed")
    if line.names_key is False:
        return _no_way(plan, "opens, but the exchange does not name our key as subscribed: it would stay silent")
    return _no_way(plan, f"opens, but then: {line.refused or line.lost}")


def _no_way(plan: AccessPlan, reason: str) -> Finding:
    return warning(f"{plan}: {reason}", "nothing to do as long as another way is confirmed: a stream tries all")


def access(case: Case) -> Finding:
    """Whether any way will do."""
    count = len(case.market.access_plans)
    unproven = "that events come on it can be shown by an event alone"
    if case.confirmed:
        return ok(f"{len(case.confirmed)} of {count} ways confirmed; a stream takes {case.confirmed[0]}; {unproven}")
    if case.opened:
        return warning(
            f"none of {count} ways is confirmed; a stream takes {case.opened[0]}, unconfirmed; {unproven}",
            "place an order far from the market and cancel it, and see whether the stream tells of it",
        )
    return failed(
        f"none of {count} ways will do: the findings above say why",
        "see whether Binance announced other addresses; a Market of your own takes them",
    )


def two_connections(case: Case) -> Finding:
    """Whether two connections on one key stand side by side, as while one takes over from the other."""
    if not case.confirmed:
        return skipped("not examined: no way in is confirmed")
    plan = case.confirmed[0]
    sockets = case.sockets()
    lines: List[_Line] = []
    try:
        for number in (1, 2):
            line = _opened(case, sockets, number, plan)
            if isinstance(line, str):
                return _alone(f"the {_ORDINAL[number]} connection is not to be had: {line}")
            lines.append(line)
            _hear(case, sockets, lines, lambda: lines[-1].has_replied)
            if not line.names_key:
                reason = line.refused or line.lost or "the exchange does not name our key on it"
                return _alone(f"the {_ORDINAL[number]} connection is not subscribed: {reason}")
        # Whoever answers both has let both stand.
        for line in lines:
            sockets.send(do.SendPing(line.number, _PING))
        _hear(case, sockets, lines, lambda: all(_PING in line.pongs or line.lost for line in lines))
    finally:
        sockets.shut()
    for line in lines:
        if line.lost or _PING not in line.pongs:
            fate = line.lost or f"no answer to a ping within {case.timeout:g} s"
            return _alone(f"with two of them open the {_ORDINAL[line.number]} connection does not stand: {fate}")
    return ok("two connections on one key stand side by side, so one can take over from the other without a gap")


_ORDINAL = {1: "first", 2: "second"}
_PING = b"doctor"


def _alone(words: str) -> Finding:
    return warning(
        words,
        "leave connections=1: when a connection is replaced, once a day, there will be a gap, which is repaired",
    )


def _opened(case: Case, sockets: Sockets, number: int, plan: AccessPlan) -> Union[_Line, str]:
    """Open a connection as a stream does and ask what it is subscribed to; return why there is none otherwise."""
    key = _key(case)
    opened = sockets.open(do.OpenSocket(number, plan, key))
    if isinstance(opened, facts.SocketRefused):
        return opened.reason
    line = _Line(number)
    said = sockets.send(do.Subscribe(number, key)) if plan.form == AccessForm.SUBSCRIBE else []
    for fact in said or sockets.send(do.ListSubscriptions(number)):
        assert isinstance(fact, facts.SocketLost)
        line.lost = fact.reason
    return line


def _hear(case: Case, sockets: Sockets, lines: List[_Line], is_enough: Callable[[], bool]) -> None:
    """Read what comes on some connections until that is enough, or the time is over."""
    end = case.clock.now().monotonic + case.timeout
    while not is_enough():
        left = end - case.clock.now().monotonic
        if left <= 0:
            return
        sockets.wait(left)
        for line in lines:
            if line.lost is None:
                _take(case, sockets, line)


def _take(case: Case, sockets: Sockets, line: _Line) -> None:
    read = sockets.read(line.number)
    for frame in read.frames:
        try:
            content = unwrap(parse(frame))
        except Undecodable:
            continue
        if not isinstance(content, Control):
            line.events += 1
        elif content.error_code is not None:
            line.refused = line.refused or _refusal(content)
        elif content.names is not None:
            line.names_key = _key(case) in content.keys
    line.pongs.update(read.pongs)
    if read.lost is not None:
        line.lost = read.lost
        sockets.close(line.number)


def _refusal(reply: Control) -> str:
    what = "the subscription" if reply.reply_id == SUBSCRIBE_ID else "to say what is subscribed"
    return f"the exchange refuses {what} (error {reply.error_code})"


def _key(case: Case) -> Secret:
    assert case.key is not None
    return case.key
