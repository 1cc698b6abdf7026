"""What the demo does: a story played before a real stream, on a local exchange, and the tally of it."""

from __future__ import annotations

import itertools
from contextlib import suppress
from functools import partial
from typing import List, Tuple

import attrs

from .. import USDM, Event, Notice, OrderStatus, OrderTradeUpdate, StreamState, Timings, UserDataStream
from ..errors import UserDataStreamError
from ..runtime import assembly as _assembly  # noqa: F401 - not in the middle of the rehearsal, where Ctrl-C raises
from ..simulator.bot import BotTrader
from ..simulator.local import LocalExchange
from .board import Board
from .display import open_display
from .following import Follower
from .story import DEEDS_PER_S, Chapter, length_s
from .tally import Mishap, Tally, tally

#: So that everything is found and repaired within seconds; the words below tell the usual numbers. The local exchange
#: has no other clients, so a repair every few seconds may cost what it does.
TIMINGS = Timings(
    keepalive_interval=1.5,
    key_lease_least=2.0,
    ping_interval=1.2,
    short_life=0.5,
    gap_margin=0.5,
    settle=0.3,
    doubt=0.4,
    weight_most=2_000,
)

#: What differs from a stream at work, for people.
SHORTENED = (
    f"To fit, the key is probed every {TIMINGS.keepalive_interval:g} s instead of 60, the connection every "
    f"{TIMINGS.ping_interval:g} s instead of 20"
)
SHORTENED_SETTLE = f", and REST counts as settled after {TIMINGS.settle:g} s instead of 3"

#: How long to wait, in seconds, for what comes within one or two, or is broken.
_PATIENCE = 6.0

#: How the orders are called behind which nothing can come any more.
_BELL = "closing-bell"


def rehearse(story: Tuple[Chapter, ...], seed: int, *, signed: bool = True) -> Tuple[Board, Tally]:
    """
    Play a story before a stream, showing both.

    Args:
        story: What goes wrong, and how much is traded meanwhile.
        seed: Of the bot and the exchange.
        signed: Whether the stream gets the secret.

    Returns:
        What was shown last, and what was executed against what was delivered.

    Raises:
        UserDataStreamError: The stream did not start.
    """
    mode = f"settle {TIMINGS.settle:g} s" if signed else "key-only"
    board = Board(f"binance_uds demo, seed {seed}, about {length_s(story):.0f} s, {mode}", knows_faults=True)
    with LocalExchange(seed=seed) as exchange:
        market = attrs.evolve(USDM, rest_url=exchange.rest_url, stream_url=exchange.stream_url)
        secret = exchange.api_secret if signed else None
        stream = UserDataStream(exchange.api_key, secret, market=market, name="demo", timings=TIMINGS)
        try:
            with stream.events(Event, Notice) as queue, open_display("{:6.2f}".format) as display:
                follower = Follower(stream, queue, board, display, items=[])
                stream.start()
                return board, _Rehearsal(exchange, follower, BotTrader(seed)).play(story)
        finally:
            stream.stop(timeout=_PATIENCE)


@attrs.define
class _Rehearsal:
    """The exchange and the follower of a stream, and what became of them."""

    exchange: LocalExchange
    follower: Follower
    bot: BotTrader
    _mishaps: List[Mishap] = attrs.field(factory=list)
    _next_deed_at: float = 0.0

    def play(self, story: Tuple[Chapter, ...]) -> Tally:
        """Play it to its end, or until the stream does not recover from a chapter."""
        stream = self.follower.stream
        # A stream that ends by itself is not live at the end, and the tally says so.
        with suppress(UserDataStreamError):
            for chapter in story:
                self._trade(chapter.deeds_before)
                self._mishaps.append(self._inflict(chapter))
                self._trade(chapter.deeds_after)
                if not self.follower.follow(self._has_recovered, self.follower.at + _PATIENCE):
                    break
            self._settle()
        health = stream.health
        return tally(
            self.exchange.fills,
            self.follower.items or [],
            self._mishaps,
            health.state,
            health.why,
            signed=health.signed,
        )

    def _trade(self, deeds: int) -> None:
        self._next_deed_at = max(self._next_deed_at, self.follower.at)
        for _ in range(deeds):
            self._next_deed_at += 1 / DEEDS_PER_S
            self.follower.follow(until=self._next_deed_at)
            self.exchange.do(self.bot.act)

    def _inflict(self, chapter: Chapter) -> Mishap:
        self.follower.tell_fault(chapter.words)
        self.exchange.faults.inject(chapter.fault)
        at_ms, _ = self.exchange.faults.history[-1]
        # In the same breath, before the stream can do anything about it: these the fault swallows, whatever else.
        self.exchange.buy("BTCUSDT", "0.001")
        self.exchange.sell("BTCUSDT", "0.001")
        return Mishap(at_ms, chapter.words)

    def _has_recovered(self) -> bool:
        """Whether the last fault was noticed and is over."""
        last = self.follower.board.incidents[-1]
        return last.closed is not None and self.follower.stream.state is StreamState.LIVE

    def _settle(self) -> None:
        """Let what is on its way arrive: behind an order that is placed last nothing can come any more."""
        deadline = self.follower.at + _PATIENCE
        for rung in itertools.count(1):
            name = f"{_BELL}-{rung}"
            self._ring(name)
            heard = self.follower.follow(partial(self._has_heard, name), self.follower.at + 1.0)
            if heard or self.follower.at > deadline:
                return

    def _ring(self, name: str) -> None:
        """Place an order far from the market, which cannot be filled, and cancel it."""
        placed = self.exchange.place_order(
            symbol="BTCUSDT", side="BUY", type="LIMIT", quantity="0.001", price="1000", client_order_id=name
        )
        self.exchange.cancel_order("BTCUSDT", order_id=placed["orderId"])

    def _has_heard(self, name: str) -> bool:
        heard = any(
            isinstance(item, OrderTradeUpdate) and (item.client_order_id, item.status) == (name, OrderStatus.CANCELED)
            for item in reversed(self.follower.items or [])
        )
        return heard and self.follower.stream.state is StreamState.LIVE
