"""The demo: a local exchange that misbehaves, a bot that trades, a real stream, and a tally at the end."""

from __future__ import annotations

import random
from typing import List, Optional, Tuple

import attrs
import click

from .. import USDM, Event, Notice, OrderTradeUpdate, StreamState, Timings, UserDataStream
from ..errors import UserDataStreamError
from ..simulator import BotTrader, LocalExchange
from .board import Board
from .display import open_display
from .following import Follower
from .story import DEEDS_PER_S, Chapter, length_s, tell_story
from .tally import Mishap, Tally, tally

#: So that everything is found within seconds; at work the stream probes every minute and pings every 20 seconds.
TIMINGS = Timings(keepalive_interval=1.0, key_lease_least=2.0, ping_interval=0.8, short_life=0.5)

#: How long to wait, in seconds, for what comes within one or two, or is broken.
_PATIENCE = 6.0

_LARGEST_SEED = 99_999
_BELL = "closing-bell"


@click.command()
@click.option("--seed", type=click.IntRange(min=0), help="Repeat the story of an earlier run; drawn when not given.")
def demo(seed: Optional[int]) -> int:
    """
    Watch a stream survive. No account and no keys are needed.

    Starts an exchange on this machine, a bot that trades on it, and a real UserDataStream. While orders, fills and
    balances come in, the exchange expires the listen key, drops the connection, goes half-open. After about 20
    seconds it ends by itself and holds what was executed against what was delivered, and the gaps that were opened
    against those that were announced.

    The exit code is 0 if every promise was kept and 1 if one was broken.
    """
    seed = random.randrange(_LARGEST_SEED) if seed is None else seed
    story = tell_story(seed)
    click.echo(
        f"A local exchange will trade for about {length_s(story):.0f} s and, {len(story)} times, take the listen key or "
        f"the connection away from a real UserDataStream. No keys needed. To repeat it: --seed {seed}"
    )
    verdict = rehearse(story, seed)
    for line in verdict.lines():
        click.echo(line)
    return 0 if verdict.kept else 1


def rehearse(story: Tuple[Chapter, ...], seed: int) -> Tally:
    """
    Play a story before a stream, showing both.

    Args:
        story: What goes wrong, and how much is traded meanwhile.
        seed: Of the bot and the exchange.

    Returns:
        What was executed against what was delivered.
    """
    with LocalExchange(seed=seed) as exchange:
        market = attrs.evolve(USDM, rest_url=exchange.rest_url, stream_url=exchange.stream_url)
        stream = UserDataStream(
            exchange.api_key, exchange.api_secret, market=market, name="demo", timings=TIMINGS
        )
        try:
            with stream.events(Event, Notice) as queue, open_display("{:6.2f}".format) as display:
                follower = Follower(
                    stream, queue, Board(f"binance_uds demo   seed {seed}"), display, items=[]
                )
                stream.start()
                return _Rehearsal(exchange, follower, BotTrader(seed)).play(story)
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
        stream = self.follower.stream
        try:
            for chapter in story:
                self._trade(chapter.deeds_before)
                self._mishaps.append(self._inflict(chapter))
                self._trade(chapter.deeds_after)
                if not self.follower.follow(self._has_recovered, self.follower.at + _PATIENCE):
                    break
            self._settle()
        except UserDataStreamError as error:
            click.echo(f"the stream ended: {error}", err=True)
        return tally(self.exchange.fills, self.follower.items or [], self._mishaps, stream.state)

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
        return Mishap(at_ms, f"the exchange {chapter.words}")

    def _has_recovered(self) -> bool:
        """Whether the last fault was noticed and is over."""
        last = self.follower.board.incidents[-1]
        return last.closed is not None and self.follower.stream.state is StreamState.LIVE

    def _settle(self) -> None:
        """Let everything that is on its way arrive: what comes last is an order of which nothing can be missing."""
        deadline = self.follower.at + _PATIENCE
        rung = 0
        while self.follower.at < deadline:
            rung += 1
            self._ring(f"{_BELL}-{rung}")
            if self.follower.follow(lambda: self._has_heard(f"{_BELL}-{rung}"), self.follower.at + 1.0):
                break

    def _ring(self, name: str) -> None:
        """Place an order far from the market, which cannot be filled, and cancel it."""
        placed = self.exchange.place_order(
            symbol="BTCUSDT", side="BUY", type="LIMIT", quantity="0.001", price="1000", client_order_id=name
        )
        self.exchange.cancel_order("BTCUSDT", order_id=placed["orderId"])

    def _has_heard(self, name: str) -> bool:
        heard = any(
            isinstance(item, OrderTradeUpdate) and item.client_order_id == name
            for item in reversed(self.follower.items or [])
        )
        return heard and self.follower.stream.state is StreamState.LIVE
