"""A worker with all it needs, put together: the one place that knows how the rooms below fit."""

from __future__ import annotations

from typing import Optional

from ..account import Account
from ..edges.clock import Clock
from ..edges.dial import Origin
from ..edges.rest import Rest
from ..protocol.delivery import Delivery
from ..protocol.ledger.books import Books
from ..protocol.ledger.cursor import Cursor
from ..protocol.plans import PlanWalk
from ..protocol.session import Session
from .calls import Calls
from .cursors import CursorKeeper, CursorStore
from .doors import Doors
from .edges import Edges, SocketsEdge
from .settings import Settings
from .sockets import Sockets
from .watch import StreamLog, Timeline
from .weights import Share
from .worker import Worker


def assemble(
    settings: Settings,
    doors: Doors,
    timeline: Timeline,
    log: StreamLog,
    clock: Clock,
    plans: PlanWalk,
    account: Account,
    gaps_before: int,
    cursor: Optional[Cursor],
    store: Optional[CursorStore],
    edges: Optional[Edges] = None,
) -> Worker:
    """
    Return a worker with a fresh session.

    Args:
        settings: What the user chose.
        doors: The way to the user's code.
        timeline: Where steps are kept for people.
        log: The stream's loggers.
        clock: The three clocks.
        plans: The walk over the access plans, which remembers the one that worked last.
        account: The account, which outlives the worker.
        gaps_before: How many gaps earlier sessions of this stream opened; ids go on from there.
        cursor: Where a former run ended, if this one begins there.
        store: Where this one keeps its own.
        edges: What it touches the outside by; by default the things themselves.
    """
    edges = Edges() if edges is None else edges
    credentials, lived = edges.credentials(settings.credentials), edges.clock(clock)
    session = Session(
        plans,
        settings.timings,
        signed=settings.credentials.can_sign,
        release_key=settings.release_key,
        market=settings.market,
        user_symbols=settings.symbols,
        wants_second=settings.connections == 2,
        gaps=gaps_before,
        books=Books() if cursor is None else cursor.books(),
        resume_ms=None if cursor is None else cursor.since_ms,
    )

    def make_calls(worker: Worker) -> Calls:
        rest = edges.rest(
            lambda: Rest(
                settings.market,
                settings.credentials,
                context=settings.context,
                proxy=settings.proxy,
                abandoned=worker.abandoned,
                timeout=settings.timings.rest_timeout,
                log=log.rest,
            )
        )
        origin = Origin.of(settings.market.rest_url)
        share = edges.share(lambda: Share(origin, settings.timings.weight_most, settings.market.weight_limit))
        return Calls(rest, settings.market, credentials, lived, session.clock.now_ms, share)

    def make_sockets(worker: Worker) -> SocketsEdge:
        return edges.sockets(lambda: Sockets(settings, clock, worker.abandoned, log))

    delivery = Delivery(
        settings.market.event_classes,
        account,
        session.books,
        settings.timings,
        signed=settings.credentials.can_sign,
        cursor=cursor,
    )
    tag = settings.credentials.api_key.tag
    keeper = CursorKeeper(session, delivery.handed, doors, lived, log, tag, edges.store(store))
    return Worker(session, delivery, doors, timeline, log, clock, make_calls, make_sockets, keeper, edges)
