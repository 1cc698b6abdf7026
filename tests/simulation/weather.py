"""
What goes wrong at this moment.

The venue and the edges ask; the troubles of ``troubles.py`` set it, each for so many strikes or until some moment.
"""

from __future__ import annotations

import random
from typing import Any, Dict, List, Optional

import attrs

from tests.simulation.damage import Damage


@attrs.frozen
class Refusal:
    """A handshake that does not succeed: why, how many seconds that takes, and for how many not to come again."""

    reason: str
    seconds: float
    retry_after_s: Optional[float] = None


@attrs.frozen
class Way:
    """
    How one REST call goes.

    Attributes:
        there: Seconds until the request reaches the exchange.
        back: Seconds until the answer is here.
        status: What a balancer in front of the exchange answers in its place; None when the exchange itself does.
        retry_after_s: What it names as the time to wait, or None.
        acts: Whether the exchange acts on the request.
        answers: Whether an answer comes.
    """

    there: float
    back: float
    status: Optional[int] = None
    retry_after_s: Optional[int] = None
    acts: bool = True
    answers: bool = True


@attrs.define(eq=False)
class Weather:
    """
    What goes wrong at this moment. Moments are seconds of the world, and past ones mean nothing.

    Attributes:
        chance: The seed's dice for everything that is under way.
        ends: When all trouble is over.
        lag_ms: REST answers are up to so much older than the truth; each is as old as it happens to be.
        income_lag_ms: The same for the income history.
        lag_grows: How many times as old they are until ``lag_grows_until``.
        slow_until: Until when everything takes seconds.
        outage_until: Until when REST does not work; ``outage`` says how: ``"silent"``, ``"refused"`` or ``"503"``.
        hold_until: Until when every request is answered with ``hold_status``, 429 or 418.
        failing: So many of the next requests are answered with these statuses, some of them after the exchange acted.
        unanswered: So many of the next requests are acted on, and never answered.
        refused: So many of the next handshakes fail this way.
        mute: The form whose connections deliver nothing, until when, and how they answer LIST_SUBSCRIPTIONS.
        deaf_until: Until when a connection that opens delivers nothing, though LIST_SUBSCRIPTIONS names the key.
        losing: So many of the next events of a name are lost; ``"*"`` for any name.
        losing_until: Until when all of them are.
        repeating: So many of the next events are sent twice.
        garbling: So many of the next frames cannot be read.
        damaging: What is done to the rows of the next answers that have some.
        dawdle: So many seconds the next callback takes.
        dawdling: So many seconds each callback takes until ``dawdling_until``.
        raising: So many of the next callbacks raise.
        hindered_until: Until when the client was last kept from finding out what is wrong.
    """

    chance: random.Random
    ends: float
    lag_ms: int = 0
    income_lag_ms: int = 0
    lag_grows: float = 1.0
    lag_grows_until: float = 0.0
    slow_until: float = 0.0
    outage: str = "silent"
    outage_until: float = 0.0
    hold_status: int = 429
    hold_until: float = 0.0
    failing: List[int] = attrs.field(factory=list)
    unanswered: int = 0
    refused: List[Refusal] = attrs.field(factory=list)
    mute_form: str = ""
    mute_until: float = 0.0
    mute_listing: str = "empty"
    deaf_until: float = 0.0
    losing: Dict[str, int] = attrs.field(factory=dict)
    losing_until: float = 0.0
    repeating: int = 0
    garbling: int = 0
    damaging: List[Damage] = attrs.field(factory=list)
    dawdle: float = 0.0
    dawdling: float = 0.0
    dawdling_until: float = 0.0
    raising: int = 0
    hindered_until: float = 0.0

    def clear_up(self) -> None:
        """End what waits for something to strike; what has an end by itself is over by now."""
        self.failing.clear()
        self.refused.clear()
        self.losing.clear()
        self.damaging.clear()
        self.unanswered = self.repeating = self.garbling = self.raising = 0
        self.dawdle = 0.0

    def hinder(self, until: float) -> None:
        """Up to this moment the client has an excuse for not finding out what is wrong."""
        self.hindered_until = max(self.hindered_until, until)

    # Asked by the venue

    def loses(self, event: str, now: float) -> bool:
        """Whether an event is lost on a healthy connection; one asked about is one that was to be sent."""
        if now < self.losing_until:
            return True
        for name in (event, "*"):
            left = self.losing.get(name, 0)
            if left:
                self.losing[name] = left - 1
                return True
        return False

    def copies(self) -> int:
        """Return how often the next event is sent."""
        if not self.repeating:
            return 1
        self.repeating -= 1
        return 2

    def garbles(self) -> bool:
        """Whether the next frame cannot be read."""
        if not self.garbling:
            return False
        self.garbling -= 1
        return True

    def damage(self, body: Any) -> None:
        """Damage the rows of an answer, if it has some and it is its turn."""
        if self.damaging and isinstance(body, list) and body:
            self.damaging.pop()(body, self.chance)

    def lag_of(self, path: str, now: float) -> int:
        """Return by how many milliseconds a REST answer is older than the truth."""
        most = float(self.income_lag_ms if path.endswith("/income") else self.lag_ms)
        if now < self.lag_grows_until:
            most *= self.lag_grows
        return int(self.chance.random() * most)

    # Asked by the edges

    def latency(self, now: float) -> float:
        """Return how long something is under way, in seconds."""
        if now < self.slow_until:
            self.hinder(now + 10.0)
            return 0.1 + self.chance.random() ** 2 * 4.0
        return 0.005 + self.chance.random() * 0.05

    def refusal(self) -> Optional[Refusal]:
        """Return why the next handshake does not succeed, or None."""
        return self.refused.pop(0) if self.refused else None

    def way_of_call(self, now: float) -> Way:
        """Return how the next REST call goes."""
        way = self._way_of_call(now)
        if way.status is not None or not way.answers:
            self.hinder(now + (way.retry_after_s or 5.0))
        return way

    def _way_of_call(self, now: float) -> Way:
        there, back = self.latency(now), self.latency(now)
        if now < self.hold_until:
            return Way(there, back, self.hold_status, max(1, int(self.hold_until - now) + 1), acts=False)
        if now < self.outage_until:
            acts = self.chance.random() < 1 / 4
            if self.outage == "503":
                return Way(there, back, 503, acts=acts)
            return Way(there, 0.0, acts=acts and self.outage == "silent", answers=False)
        if self.unanswered:
            self.unanswered -= 1
            return Way(there, 0.0, answers=False)
        if self.failing:
            return Way(there, back, self.failing.pop(0), acts=self.chance.random() < 1 / 2)
        return Way(there, back)

    def callback_raises(self) -> bool:
        """Whether the callback of this moment raises."""
        if not self.raising:
            return False
        self.raising -= 1
        return True

    def callback_takes(self, now: float) -> float:
        """Return how long the callback of this moment takes, in seconds."""
        seconds, self.dawdle = self.dawdle, 0.0
        seconds = max(seconds, self.dawdling if now < self.dawdling_until else 0.0)
        seconds = max(0.0, min(seconds, self.ends - now))
        if seconds:
            self.hinder(now + seconds)
        return seconds
