"""The walk over access plans."""

from __future__ import annotations

import pytest

from binance_uds.protocol.plans import PlanWalk
from tests.protocol.driving import PATH, PLANS, QUERY, SUBSCRIBE, moment

NOW, LIFE = moment(100.0), 600.0


def walk() -> PlanWalk:
    """Return a walk that has begun."""
    plans = PlanWalk(PLANS)
    plans.begin(NOW, LIFE)
    return plans


def rest_of(plans: PlanWalk) -> list[object]:
    """Return the current plan and those that would follow."""
    order = [plans.current]
    while plans.has_next:
        plans.advance(rejected=False)
        order.append(plans.current)
    return order


def test_plans_come_in_their_order():
    """Without a memory the walk is the market's own order."""
    assert [QUERY, SUBSCRIBE, PATH] == rest_of(walk())


@pytest.mark.parametrize(
    "worked, order",
    [(0, [QUERY, SUBSCRIBE, PATH]), (1, [SUBSCRIBE, QUERY, PATH]), (2, [PATH, QUERY, SUBSCRIBE])],
)
def test_the_plan_that_worked_comes_first_and_the_others_keep_their_order(worked, order):
    """What worked is remembered."""
    plans = walk()
    for _ in range(worked):
        plans.advance(rejected=False)
    plans.settle()
    plans.begin(NOW, LIFE)

    assert order == rest_of(plans)


def test_a_plan_that_was_found_out_comes_last():
    """It worked once and then did not deliver: the next walk tries the others first, and remembers none."""
    plans = walk()
    plans.settle()
    plans.demote()
    plans.begin(NOW, LIFE)

    assert [SUBSCRIBE, PATH, QUERY] == rest_of(plans)


def test_the_first_that_opened_is_the_last_resort():
    """Opening twice counts once, and the first to open has to do."""
    plans = walk()
    plans.advance(rejected=False)
    plans.opened()
    plans.opened()
    plans.advance(rejected=False)
    plans.opened()

    assert plans.has_last_resort(without_current=True)
    plans.fall_back(NOW, rejected=False)
    assert (SUBSCRIBE, True) == (plans.current, plans.is_last_resort)

    plans.fall_back(NOW, rejected=True)
    assert (PATH, True) == (plans.current, plans.is_last_resort)
    assert not plans.has_last_resort(without_current=True)
    assert plans.has_last_resort(without_current=False)


def test_a_rejected_plan_is_no_last_resort():
    """What a reply showed to be wrong is not come back to in this walk."""
    plans = walk()
    plans.opened()
    plans.advance(rejected=True)
    plans.advance(rejected=True)

    assert not plans.has_last_resort(without_current=False)


def test_a_new_walk_knows_nothing_of_what_opened_in_the_last():
    """Only the plan that worked is remembered; which ones opened may have changed."""
    plans = walk()
    plans.opened()
    plans.begin(NOW, LIFE)

    assert not plans.has_last_resort(without_current=False)


def test_the_shortest_hold_of_a_walk_counts():
    """No plan may have asked for a wait, or several; a new walk knows of none."""
    plans = walk()
    plans.held(None)

    assert plans.shortest_hold(None) is None

    plans.held(30.0)
    plans.held(None)
    plans.held(40.0)
    assert [30.0, 20.0, 30.0] == [plans.shortest_hold(wait) for wait in (None, 20.0, 50.0)]

    plans.begin(NOW, LIFE)
    assert plans.shortest_hold(None) is None


def fallen_back() -> PlanWalk:
    """Return a walk that went over all plans, of which the first alone opened, and had to do."""
    plans = walk()
    plans.opened()
    plans.advance(rejected=False)
    plans.advance(rejected=False)
    plans.fall_back(NOW, rejected=False)
    plans.settle()
    return plans


def test_a_last_resort_that_worked_stays_one_until_another_plan_does_better():
    """It is not waited for again, which a plan that was confirmed is."""
    plans = fallen_back()
    plans.begin(NOW, LIFE)

    assert (QUERY, True) == (plans.current, plans.is_last_resort)

    plans.advance(rejected=False)
    assert not plans.is_last_resort

    plans.opened()
    plans.fall_back(NOW, rejected=False)
    plans.demote()
    plans.begin(NOW, LIFE)
    assert not plans.is_last_resort


@pytest.mark.parametrize("seconds, is_kept", [(600.0, True), (601.0, False)])
def test_a_last_resort_is_remembered_for_a_while_from_when_all_were_tried(seconds, is_kept):
    """Being used again makes it no better."""
    plans = fallen_back()
    plans.begin(moment(400.0), LIFE)
    plans.settle()
    plans.begin(moment(100.0 + seconds), LIFE)

    assert is_kept is plans.is_last_resort


def test_a_forgotten_last_resort_comes_in_its_place():
    """It was preferred to those before it, which are tried first again."""
    plans = walk()
    plans.advance(rejected=False)
    plans.opened()
    plans.advance(rejected=False)
    plans.fall_back(NOW, rejected=False)
    plans.settle()
    plans.begin(NOW, LIFE)
    assert [SUBSCRIBE, QUERY, PATH] == rest_of(plans)

    plans.begin(moment(701.0), LIFE)
    assert [QUERY, SUBSCRIBE, PATH] == rest_of(plans)


def test_a_last_resort_that_is_confirmed_after_all_is_none():
    """The reply that was missing came: from then on it is waited for, and the plan is remembered for good."""
    plans = fallen_back()
    plans.confirm()
    assert not plans.is_last_resort

    plans.begin(moment(10_000.0), LIFE)
    assert (QUERY, False) == (plans.current, plans.is_last_resort)
    plans.settle()
    plans.advance(rejected=False)
    plans.advance(rejected=False)
    plans.begin(moment(20_000.0), LIFE)
    assert [QUERY, SUBSCRIBE, PATH] == rest_of(plans)


def test_what_another_plan_confirms_says_nothing_of_the_one_remembered():
    """A connection that was confirmed and never taken into use leaves the memory as it was."""
    plans = fallen_back()
    plans.begin(NOW, LIFE)
    plans.advance(rejected=False)
    plans.confirm()
    plans.begin(NOW, LIFE)

    assert (QUERY, True) == (plans.current, plans.is_last_resort)


def test_a_plan_that_was_confirmed_is_no_last_resort_for_having_failed_as_one_since():
    """In a bad moment it had to do and failed even so: the next walk waits for its reply again."""
    plans = walk()
    plans.settle()
    plans.begin(NOW, LIFE)
    plans.opened()
    plans.advance(rejected=False)
    plans.advance(rejected=False)
    plans.fall_back(NOW, rejected=False)
    plans.begin(NOW, LIFE)

    assert (QUERY, False) == (plans.current, plans.is_last_resort)


def test_what_a_walk_knows_can_be_told_to_another():
    """The order that was learnt, the plan that worked, and since when it is a last resort."""
    known = PlanWalk(PLANS)
    known.begin(NOW, LIFE)
    known.opened()
    known.demote()
    known.begin(NOW, LIFE)
    known.opened()
    known.advance(rejected=False)
    known.fall_back(NOW, rejected=False)
    known.settle()
    other = PlanWalk(PLANS)
    other.recall(*known.memory())
    for walk in (known, other):
        walk.begin(NOW, LIFE)

    assert known.memory() == other.memory()
    assert (known.plans, known.current, known.last_resort_since) == (other.plans, other.current, NOW)
    assert PLANS != known.plans
