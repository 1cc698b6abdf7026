"""
A trader whose client dies, again and again, and goes on where its cursor says.

    trader = Mortal(seed=1)
    trader.live()
    trader.die()
    trader.restart()

It has everything of a stream between the frames and the user but the session, hands events over one by one, and may die
at each of them: before the callback, or after the callback and before anything else.
"""

from __future__ import annotations

import json
import random
from contextlib import suppress
from typing import Any, Callable, Dict, Iterable, List, Optional, Tuple

import attrs

from binance_uds.account import Account
from binance_uds.events import usdm
from binance_uds.events.base import Event
from binance_uds.protocol.delivery import Delivery
from binance_uds.protocol.identity import FillId, fill_id
from binance_uds.protocol.ledger.cursor import Cursor
from binance_uds.protocol.reading.errands import Answer
from binance_uds.protocol.reading.reads import Read
from binance_uds.protocol.reading.recovery import Recovery
from binance_uds.protocol.reading.snapshot import snapshot
from binance_uds.protocol.repair import repair
from binance_uds.simulator.bot import BotTrader
from binance_uds.simulator.refusals import Refused
from tests.protocol.trader import PAUSES, SETTLE_MS, Led, Report, Trader, lead

MARKET, KEY_TAG = "usdm", "ab12cd"
OVERLAP_MS = 120_000


class Died(Exception):
    """The process is gone."""


@attrs.define
class Mortal(Trader):
    """
    Such a trader.

    Attributes:
        seed: Of everything that chance decides.
        dying: How probable death is at each event that is handed over.
        keeping: How probable it is that the user keeps the cursor together with an event; 1: always, in a transaction.
        losing: How probable it is that a frame is lost on a connection that looks healthy.
        impatience: How probable it is that what is held back is let go before the repair.
        pauses: Seconds that may lie between two deeds.
        kept: The text that was kept last.
        repeatable: The fills that were delivered since.
        allowed_twice: Those of former lives.
    """

    seed: int = 0
    dying: float = 0.0
    keeping: float = 1.0
    losing: float = 0.0
    impatience: float = 0.2
    pauses: Tuple[float, ...] = (0.0, 0.001, 0.5, 5.0, 60.0)
    kept: Optional[str] = None
    repeatable: List[FillId] = attrs.field(factory=list)
    allowed_twice: List[FillId] = attrs.field(factory=list)
    chance: random.Random = attrs.field(init=False)
    _bot: BotTrader = attrs.field(init=False)
    _watermark_ms: int = 0

    def __attrs_post_init__(self) -> None:
        super().__attrs_post_init__()
        self.chance = random.Random(self.seed)
        self._bot = BotTrader(self.seed)
        self.exchange.set_liquidity("BTCUSDT", depth="0.005", largest_trade="0.002")

    def born(self) -> Mortal:
        """Start without a cursor, and keep the first one."""
        self.ground()
        self.since_ms = self._watermark_ms = self.delivery.books.delivered.floor_ms
        self.keep()
        return self

    @property
    def cursor(self) -> Optional[Cursor]:
        """What another thread would see."""
        return self.delivery.handed.cursor(MARKET, KEY_TAG)

    def keep(self, *, inside: bool = False) -> None:
        """Keep the cursor as of now."""
        cursor = self.delivery.handed.cursor(MARKET, KEY_TAG, with_in_hand=inside)
        assert cursor is not None
        self.kept = cursor.to_text()
        self.repeatable.clear()

    # Life

    def act(self, steps: int) -> Mortal:
        """Trade."""
        for _ in range(steps):
            self.pass_time(self.chance.choice(self.pauses))
            with suppress(Refused):
                if self.account.open_orders and self.chance.random() < 0.3:
                    order = self.chance.choice(list(self.account.open_orders.values()))
                    step = self.exchange.markets[order.symbol].symbol.quantity_step
                    self.exchange.fill_resting(self.account, order.order_id, min(order.remaining, step))
                else:
                    self._bot.act(self.exchange, self.account)
        return self

    def live(self, turns: int = 10) -> Mortal:
        """Trade and hear of it, with an audit now and then."""
        for _ in range(turns):
            self.act(3).hear()
            if self.chance.random() < 0.2:
                self._audit()
        return self

    def _audit(self) -> None:
        self.pass_time(5.0).hear()
        begun_ms = self.now_ms
        if self.audit(self._watermark_ms).found is None:
            self._watermark_ms = max(self._watermark_ms, begun_ms - OVERLAP_MS)
            self.delivery.forget_before(self._watermark_ms)

    def die(self) -> Mortal:
        """Lose everything but what was kept."""
        self.allowed_twice += self.repeatable
        self.repeatable.clear()
        self.miss()
        self.delivery = Delivery(usdm.EVENTS, signed=True)
        return self

    def restart(self) -> Report:
        """Begin where the cursor says, repair the time in between, and deliver what comes of it."""
        self._begin()
        self.act(3).hear()
        if self.chance.random() < self.impatience:
            # As when max_hold is over before the repair.
            self.hand_over(self.delivery.release())
            self.delivery.restate()
            self.act(3).hear()
        return self.repair(pauses=PAUSES)

    def restart_quietly(self, *, look_first: bool = False) -> Report:
        """The same while nobody trades; ``look_first`` when the former run counted nothing."""
        self._begin()
        if look_first:
            self.look_again()
        self.pass_time(SETTLE_MS / 1000)
        return self.merge(
            lead(repair(self.task(pauses=PAUSES), self.delivery.books, Recovery()), self.answer, self.pass_time)
        )

    def _begin(self) -> None:
        assert self.kept is not None
        # A process takes more than a millisecond to begin; what came to the last one is older than its connection.
        self.pass_time(0.002)
        cursor = Cursor.from_text(self.kept)
        self.delivery = Delivery(usdm.EVENTS, Account(), cursor.books(), signed=True, cursor=cursor)
        self.since_ms = self._watermark_ms = cursor.since_ms
        self.connect()

    # Handing over

    def hear(self, only: Callable[[Dict[str, Any]], bool] = lambda payload: True) -> Mortal:
        """Let what was pushed arrive and hand it over, event by event."""
        for push in self.exchange.take_pushes():
            if only(push.payload) and self.chance.random() >= self.losing:
                taken = self.delivery.take(json.dumps(push.payload), 1, self.now_ms / 1000)
                self.hand_over(item for item in taken.items if isinstance(item, Event))
        return self

    def hand_over(self, events: Iterable[Event]) -> None:
        """Hand events over, and perhaps die of it."""
        handed = self.delivery.handed
        for event in events:
            handed.take(event)
            if self.chance.random() < self.dying / 2:
                raise Died
            self.delivered.append(event)
            if isinstance(event, usdm.OrderTradeUpdate) and event.is_fill:
                self.repeatable.append(fill_id(event))
            if self.chance.random() < self.keeping and self.cursor is not None:
                self.keep(inside=True)
            if self.chance.random() < self.dying / 2:
                raise Died
            handed.put()
        if self.chance.random() < 0.5:
            self.delivery.catch_up()

    def lead(self, steps: object) -> Led:
        """Lead an errand; more is traded meanwhile."""

        def answer(read: Read) -> Answer:
            if self.chance.random() < 0.2:
                self.act(1)
            self.hear()
            return self.answer(read)

        return lead(steps, answer, lambda seconds: self.pass_time(seconds).hear())  # type: ignore[arg-type]

    def merge(self, led: Led) -> Report:
        """Deliver what a repair has found."""
        events, tally = self.delivery.merge(led.found)
        self.hand_over(events)
        self.delivery.restate()
        return Report(led, events, tally)

    def look_again(self) -> Mortal:
        """Read the account as it stands."""
        self.delivery.ground(lead(snapshot(SETTLE_MS), self.answer).found, self.now_ms)
        return self
