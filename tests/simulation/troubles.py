"""
The kinds of trouble: what each does to the venue, or to the client's machine, when its moment comes.

`TROUBLES` names them all; a seed draws some of them, and when each comes.
"""

from __future__ import annotations

import math
import random
from typing import Callable, Mapping

import attrs

from tests.simulation.damage import HARMFUL, HARMLESS
from tests.simulation.line import Line
from tests.simulation.venue import Venue
from tests.simulation.weather import Refusal

HOUR = 3600.0

Act = Callable[[Venue, random.Random], object]


@attrs.frozen
class Trouble:
    """
    A kind of trouble.

    Attributes:
        weight: How often it comes, beside the others.
        act: Makes it happen.
        is_for_repairers: Whether a client that repairs nothing can neither notice nor make good what it does.
    """

    weight: int
    act: Act
    is_for_repairers: bool = False


def _long_or_short(chance: random.Random, least: float, most: float) -> float:
    """Draw a duration such that each order of magnitude is as likely as the next."""
    return math.exp(chance.uniform(math.log(least), math.log(most)))


def _until(venue: Venue, seconds: float) -> float:
    """Return the moment so many seconds from now, but not beyond the end of all trouble."""
    return min(venue.world.now + seconds, venue.weather.ends)


# Keys


def expire_key(venue: Venue, chance: random.Random) -> None:
    """The key dies long before its time, announced never, once or twice."""
    notices = chance.randint(0, 2)
    venue.act(lambda: venue.exchange.expire_key(venue.account, notices=notices))


def delete_key(venue: Venue, chance: random.Random) -> None:
    """Another process of the account deletes the key, without a word on the stream."""
    if venue.exchange.current_key(venue.account) is not None:
        venue.act(lambda: venue.exchange.release_key(venue.account))


def swap_key(venue: Venue, chance: random.Random) -> None:
    """Another process deletes the key and gets itself a new one."""
    delete_key(venue, chance)
    wait = chance.choice([0.0, chance.uniform(0.0, 90.0)])
    venue.world.after(wait, lambda: venue.act(lambda: venue.exchange.obtain_key(venue.account)))


# Connections


def drop(venue: Venue, chance: random.Random) -> None:
    """Connections end, in one manner or another, each of them or one."""
    for line in _some(venue, chance):
        if chance.random() < 1 / 2:
            venue.reset(line)
        else:
            venue.end(line, f"closed by the exchange with code {chance.choice([1000, 1001, 1006, 1008, 1011, 1012])}")


def drop_again_and_again(venue: Venue, chance: random.Random) -> None:
    """Connections end as soon as they are there, for up to a minute."""
    ends, pause = _until(venue, chance.uniform(5.0, 60.0)), chance.uniform(0.3, 6.0)

    def strike() -> None:
        if venue.world.now < ends:
            drop(venue, chance)
            venue.world.after(pause, strike)

    strike()


def half_open(venue: Venue, chance: random.Random) -> None:
    """Connections become black holes."""
    for line in _some(venue, chance):
        venue.freeze(line)


def refuse_handshakes(venue: Venue, chance: random.Random) -> None:
    """The next handshakes are refused, or never end; and so that there are some, connections drop."""
    for _ in range(chance.randint(1, 4)):
        wait = chance.choice([None, None, float(chance.randint(1, 30))])
        seconds = chance.choice([0.1, 0.1, 5.0])
        venue.weather.refused.append(Refusal("handshake refused", seconds, wait if seconds < 1 else None))
    drop(venue, chance)


def mute_plan(venue: Venue, chance: random.Random) -> None:
    """A form of address opens and delivers nothing for a while, and does not name the key."""
    weather = venue.weather
    weather.mute_form = chance.choice(["query", "subscribe", "path"])
    weather.mute_listing = chance.choice(["empty", "none"])
    weather.mute_until = _until(venue, chance.uniform(5.0, 120.0))
    drop(venue, chance)


def deafen_plan(venue: Venue, chance: random.Random) -> None:
    """A connection opens, names the key, and delivers nothing all the same."""
    venue.weather.deaf_until = _until(venue, chance.uniform(5.0, 60.0))
    drop(venue, chance)


def shut_down(venue: Venue, chance: random.Random) -> None:
    """The exchange announces that connections will end, and ends them some time later."""
    for line in venue.standing():
        venue.announce_shutdown(line)
        ends = _until(venue, chance.choice([1.0, 30.0, 600.0])) - venue.world.now
        venue.world.after(ends, lambda line=line: venue.end(line, "closed by the exchange with code 1001"))


def _some(venue: Venue, chance: random.Random) -> list[Line]:
    lines = venue.standing()
    return lines if chance.random() < 2 / 3 else lines[:1]


# Frames on healthy connections


def lose_events(venue: Venue, chance: random.Random) -> None:
    """A few events are lost, of one name or of any."""
    name = chance.choice(["ORDER_TRADE_UPDATE", "ORDER_TRADE_UPDATE", "ACCOUNT_UPDATE", "TRADE_LITE", "*"])
    venue.weather.losing[name] = chance.choice([1, 1, 2, 5, 30])


def lose_seconds(venue: Venue, chance: random.Random) -> None:
    """Everything of some seconds is lost."""
    venue.weather.losing_until = _until(venue, _long_or_short(chance, 0.05, 10.0))


def repeat_events(venue: Venue, chance: random.Random) -> None:
    """Some events are sent twice."""
    venue.weather.repeating = chance.randint(1, 12)


def garble_frames(venue: Venue, chance: random.Random) -> None:
    """Some frames cannot be read."""
    venue.weather.garbling += chance.choice([1, 1, 3])


# The client's machine


def freeze(venue: Venue, chance: random.Random) -> None:
    """A callback takes its time, in the worst case so long that the exchange gives up the connection."""
    venue.weather.dawdle = _long_or_short(chance, 1.0, 1200.0)


def freeze_during_ping(venue: Venue, chance: random.Random) -> None:
    """A callback takes its time while the answer to a ping is under way."""

    def strike() -> None:
        if venue.world.now < venue.weather.ends:
            venue.weather.dawdle = chance.uniform(5.0, 100.0)
            venue.act(lambda: venue.exchange.transfer(venue.account, "USDT", 1))

    venue.when_pinged.append(strike)


def dawdle(venue: Venue, chance: random.Random) -> None:
    """Every callback is slow for a while."""
    venue.weather.dawdling = chance.uniform(0.01, 0.4)
    venue.weather.dawdling_until = _until(venue, chance.uniform(5.0, 60.0))


def fail_callbacks(venue: Venue, chance: random.Random) -> None:
    """The user's code raises."""
    venue.weather.raising += chance.randint(1, 5)


def suspend(venue: Venue, chance: random.Random) -> None:
    """The machine sleeps; its connections may survive a short sleep."""
    world, seconds = venue.world, _long_or_short(chance, 5.0, 2 * HOUR)
    seconds = _until(venue, seconds) - world.now
    fate = chance.random()
    if seconds > 60 or fate < 1 / 3:
        # Unanswered packets: one side gives up, and the other may or may not hear of it.
        for line in venue.standing():
            world.after(min(seconds, 60.0), lambda line=line: venue.freeze(line) if fate < 2 / 3 else venue.reset(line))
    world.suspend(seconds)
    venue.weather.hinder(world.now)


def set_clock(venue: Venue, chance: random.Random) -> None:
    """Somebody sets the clock of the machine, ahead or back."""
    venue.weather.hinder(venue.world.now)
    venue.world.set_by += chance.choice([-1, 1]) * _long_or_short(chance, 0.5, 2 * HOUR)


# REST


def fail_rest(venue: Venue, chance: random.Random) -> None:
    """Some requests fail, and some of those were acted on."""
    venue.weather.failing += [chance.choice([408, 500, 502, 503, 504]) for _ in range(chance.randint(1, 5))]


def leave_unanswered(venue: Venue, chance: random.Random) -> None:
    """Some requests are acted on and never answered."""
    venue.weather.unanswered += chance.randint(1, 4)


def cut_rest(venue: Venue, chance: random.Random) -> None:
    """REST does not work, for seconds or for hours; often a connection goes with it."""
    venue.weather.outage = chance.choice(["silent", "refused", "503"])
    venue.weather.outage_until = _until(venue, _long_or_short(chance, 5.0, 3 * HOUR))
    if chance.random() < 2 / 3:
        chance.choice([drop, expire_key, delete_key, swap_key])(venue, chance)


def hold_rest(venue: Venue, chance: random.Random) -> None:
    """The exchange wants no request for a while, or bans the address; often a connection drops then."""
    venue.weather.hold_status = chance.choice([429, 418])
    least, most = (2.0, 60.0) if venue.weather.hold_status == 429 else (120.0, 1.5 * HOUR)
    venue.weather.hold_until = _until(venue, _long_or_short(chance, least, most))
    if chance.random() < 2 / 3:
        venue.world.after(chance.uniform(0.0, 90.0), lambda: drop(venue, chance))


def use_up_weight(venue: Venue, chance: random.Random) -> None:
    """Another process behind the same address uses most of the minute's weight."""
    venue.use_weight(chance.choice([1500, 2000, 2300]))


def slow_down(venue: Venue, chance: random.Random) -> None:
    """Everything takes seconds, so that some answers come too late."""
    venue.weather.slow_until = _until(venue, chance.uniform(10.0, 120.0))


def lag_more(venue: Venue, chance: random.Random) -> None:
    """REST falls behind by more than anybody waits for."""
    venue.weather.lag_grows = chance.uniform(5.0, 40.0)
    venue.weather.lag_grows_until = _until(venue, chance.uniform(10.0, 300.0))
    if chance.random() < 2 / 3:
        drop(venue, chance)


def damage_rows(venue: Venue, chance: random.Random) -> None:
    """The rows of some answers are in no order, or come twice; a connection drops, so that some are read."""
    venue.weather.damaging += chance.choices(list(HARMLESS.values()), k=chance.randint(1, 6))
    drop(venue, chance)


def damage_rows_badly(venue: Venue, chance: random.Random) -> None:
    """Rows are missing or make no sense."""
    venue.weather.damaging += chance.choices(list(HARMFUL.values()), k=chance.randint(1, 3))
    drop(venue, chance)


TROUBLES: Mapping[str, Trouble] = {
    "key expires": Trouble(6, expire_key),
    "neighbour deletes the key": Trouble(3, delete_key),
    "neighbour swaps the key": Trouble(3, swap_key),
    "drop": Trouble(8, drop),
    "storm of drops": Trouble(2, drop_again_and_again),
    "half-open": Trouble(4, half_open),
    "handshakes refused": Trouble(2, refuse_handshakes),
    "mute plan": Trouble(2, mute_plan),
    "shutdown announced": Trouble(1, shut_down),
    "deaf plan": Trouble(1, deafen_plan, is_for_repairers=True),
    "events lost": Trouble(4, lose_events),
    "seconds lost": Trouble(2, lose_seconds),
    "events repeated": Trouble(2, repeat_events),
    "frames garbled": Trouble(1, garble_frames),
    "callback hangs": Trouble(3, freeze),
    "callback hangs during a ping": Trouble(2, freeze_during_ping),
    "callbacks slow": Trouble(2, dawdle),
    "callbacks raise": Trouble(1, fail_callbacks),
    "suspend": Trouble(3, suspend),
    "clock set": Trouble(2, set_clock),
    "requests fail": Trouble(3, fail_rest),
    "requests unanswered": Trouble(3, leave_unanswered),
    "REST outage": Trouble(3, cut_rest),
    "requests held": Trouble(2, hold_rest),
    "weight used up": Trouble(1, use_up_weight),
    "everything slow": Trouble(2, slow_down),
    "rows damaged": Trouble(3, damage_rows, is_for_repairers=True),
}

#: Comes only where a seed says so: then a gap may end unproven.
BAD_TROUBLES: Mapping[str, Trouble] = {"REST lags for long": Trouble(6, lag_more)}
