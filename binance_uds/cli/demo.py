"""The demo: a local exchange that misbehaves, a bot that trades, a real stream, and a tally at the end."""

from __future__ import annotations

import random
from contextlib import suppress
from typing import Iterator, List, Optional, Tuple

import attrs
import click

from .. import USDM, Event, Notice, OrderStatus, OrderTradeUpdate, StreamState, Timings, UserDataStream
from ..errors import UserDataStreamError
from ..simulator import BotTrader, LocalExchange
from .board import Board
from .display import open_display
from .following import Follower
from .story import DEEDS_PER_S, Chapter, length_s, tell_story
from .tally import Mishap, Tally, tally
from .words import seconds

#: So that everything is found within seconds; at work the stream probes every minute and pings every 20 seconds.
TIMINGS = Timings(keepalive_interval=1.5, key_lease_least=2.0, ping_interval=1.2, short_life=0.5)

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
        click.wrap_text(
            f"For about {length_s(story):.0f} s a bot trades on an exchange on this machine, which takes the listen key "
            f"or the connection away {len(story)} times. A real UserDataStream tells what it notices. "
            f"To repeat this very story: --seed {seed}",
            width=80,
        )
    )
    try:
        board, verdict = rehearse(story, seed)
    except UserDataStreamError as error:
        raise click.ClickException(f"the stream did not start: {error}") from None
    click.echo()
    for line in (*summary(board), *verdict.lines()):
        click.echo(line)
    return 0 if verdict.kept else 1


def summary(board: Board) -> Iterator[str]:
    """Yield a line per fault: what happened, and what the stream made of it."""
    for incident in board.incidents:
        noticed = "not noticed"
        if incident.noticed_at is not None:
            noticed = f"{incident.cause}, noticed after {seconds(incident.noticed_at - incident.at)}"
        over = ""
        if incident.closed_at is not None:
            over = f", over after {seconds(incident.closed_at - incident.at)}"
        yield f"{incident.at:6.2f}  {incident.fault or 'no fault of ours':<30}  {noticed}{over}"


def rehearse(story: Tuple[Chapter, ...], seed: int) -> Tuple[Board, Tally]:
    """
    Play a story before a stream, showing both.

    Args:
        story: What goes wrong, and how much is traded meanwhile.
        seed: Of the bot and the exchange.

    Returns:
        What was shown last, and what was executed against what was delivered.

    Raises:
        UserDataStreamError: The stream did not start.
    """
    board = Board(f"binance_uds demo   seed {seed}")
    with LocalExchange(seed=seed) as exchange:
        market = attrs.evolve(USDM, rest_url=exchange.rest_url, stream_url=exchange.stream_url)
        stream = UserDataStream(
            exchange.api_key, exchange.api_secret, market=market, name="demo", timings=TIMINGS
        )
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
            self.exchange.fills, self.follower.items or [], self._mishaps, health.state, health.why
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
        return Mishap(at_ms, chapter.words)

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
            isinstance(item, OrderTradeUpdate)
            and (item.client_order_id, item.status) == (name, OrderStatus.CANCELED)
            for item in reversed(self.follower.items or [])
        )
        return heard and self.follower.stream.state is StreamState.LIVE
