"""
Which access plan to try next.

An open socket proves nothing: a wrong path opens and stays silent. So a plan counts only once the exchange names our
key as subscribed on it, and the one that worked is remembered. A last resort, on which nobody names it, is remembered
for a while alone: all others may have failed by a chance of that moment, and it may deliver nothing.
"""

from __future__ import annotations

from typing import List, Optional, Tuple

import attrs

from ..instants import Instant
from ..markets import AccessPlan


@attrs.define
class PlanWalk:
    """
    A walk over a market's access plans.

    Attributes:
        plans: All of them, best first; one that was found out comes last.
        current: The one being tried or in use.
        last_resort_since: When all plans were tried and none gave a usable reply, so that ``current`` has to do, if it
            answers a ping; None where the reply is waited for.
        retry_after_s: The shortest wait that the exchange asked for on this walk, or None.
    """

    plans: Tuple[AccessPlan, ...]
    current: AccessPlan = attrs.field(init=False)
    last_resort_since: Optional[Instant] = attrs.field(init=False, default=None)
    retry_after_s: Optional[float] = attrs.field(init=False, default=None)
    _untried: List[AccessPlan] = attrs.field(init=False, factory=list)
    _mute: List[AccessPlan] = attrs.field(init=False, factory=list)
    _remembered: Optional[AccessPlan] = attrs.field(init=False, default=None)
    _remembered_since: Optional[Instant] = attrs.field(init=False, default=None)

    def __attrs_post_init__(self) -> None:
        self.current = self.plans[0]

    def begin(self, now: Instant, last_resort_life: float) -> None:
        """
        Start a walk: the remembered plan first, then the others in their order.

        Args:
            now: The present.
            last_resort_life: Seconds since all plans were tried until a last resort is forgotten.
        """
        self._mute.clear()
        self.retry_after_s = None
        self._untried = list(self.plans)
        if self._remembered_since is not None and self._remembered_since.age(now) > last_resort_life:
            self._remembered = self._remembered_since = None
        self.last_resort_since = self._remembered_since
        if self._remembered is not None:
            self._untried.remove(self._remembered)
            self._untried.insert(0, self._remembered)
        self.current = self._untried.pop(0)

    @property
    def is_last_resort(self) -> bool:
        """Whether the current plan is used although no plan gave a usable reply."""
        return self.last_resort_since is not None

    @property
    def has_next(self) -> bool:
        """Whether a plan is left to try."""
        return bool(self._untried)

    def held(self, retry_after_s: Optional[float]) -> None:
        """The current plan's host asked for a wait, or for none."""
        self.retry_after_s = self.shortest_hold(retry_after_s)

    def shortest_hold(self, retry_after_s: Optional[float]) -> Optional[float]:
        """Return the shortest wait that the exchange asked for on this walk, with the one of the current plan."""
        return min((wait for wait in (self.retry_after_s, retry_after_s) if wait is not None), default=None)

    def opened(self) -> None:
        """The current plan's connection opened; it may have to do if nothing better comes."""
        if self.current not in self._mute:
            self._mute.append(self.current)

    def has_last_resort(self, *, without_current: bool) -> bool:
        """Whether a plan opened that was not shown to be wrong; ``without_current`` when the current one just was."""
        return any(not (without_current and plan == self.current) for plan in self._mute)

    def advance(self, *, rejected: bool) -> None:
        """Go to the next plan; ``rejected`` when the reply showed the current one to be wrong."""
        if rejected:
            self._drop_current()
        self.last_resort_since = None
        self.current = self._untried.pop(0)

    def fall_back(self, now: Instant, *, rejected: bool) -> None:
        """Go to the first plan that opened, although nothing confirmed it."""
        if rejected:
            self._drop_current()
        self.current, self.last_resort_since = self._mute[0], now

    def settle(self) -> None:
        """Remember the current plan as the one that worked."""
        self._remembered, self._remembered_since = self.current, self.last_resort_since

    def confirm(self) -> None:
        """The reply that was missed of the current plan came: it is no last resort."""
        self.last_resort_since = None
        if self._remembered == self.current:
            self._remembered_since = None

    def demote(self) -> None:
        """Try the current plan last from the next walk on: it was taken into use, and does not deliver."""
        self.plans = (*(plan for plan in self.plans if plan != self.current), self.current)
        self._remembered = self._remembered_since = self.last_resort_since = None

    def memory(self) -> Tuple[Tuple[int, ...], Optional[int], Optional[Instant]]:
        """
        Return what the walk knows of the walks before.

        Returns:
            The plans by their places among those of the market in their order, sorted as this walk has them; the
            place of the one that worked; and since when that was a last resort, if it was.
        """
        order = sorted(self.plans, key=_place)
        remembered = None if self._remembered is None else order.index(self._remembered)
        return tuple(order.index(plan) for plan in self.plans), remembered, self._remembered_since

    def recall(self, places: Tuple[int, ...], remembered: Optional[int], since: Optional[Instant]) -> None:
        """Know what another walk over the same plans knew."""
        order = sorted(self.plans, key=_place)
        self.plans = tuple(order[place] for place in places)
        self._remembered = None if remembered is None else order[remembered]
        self._remembered_since = since

    def _drop_current(self) -> None:
        if self.current in self._mute:
            self._mute.remove(self.current)


def _place(plan: AccessPlan) -> Tuple[str, str]:
    return plan.stream_url, plan.form
