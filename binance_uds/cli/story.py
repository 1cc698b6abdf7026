"""
What happens in the demo, drawn from a seed.

A story is a list of chapters, each around one fault. How much is traded before and after it is counted in deeds of
the bot, not in seconds, so that equal seeds tell equal stories on fast and slow machines.
"""

from __future__ import annotations

import random
from typing import Callable, Tuple

import attrs

from ..simulator import faults

#: Deeds of the bot in a second: quick enough that a lot is going on, slow enough to be read.
DEEDS_PER_S = 15.0


@attrs.frozen
class Chapter:
    """
    One fault and the trading around it.

    Attributes:
        fault: What the exchange is made to do.
        words: The same for people; the subject is the exchange.
        deeds_before: How often the bot acts before it.
        deeds_after: How often after it, at least while the stream is dark.
        needs_secret: Whether a stream without the secret has no means to notice it.
    """

    fault: faults.Fault
    words: str
    deeds_before: int
    deeds_after: int
    needs_secret: bool = False


#: The order, and its fill.
_LOST_FILL = faults.LoseFrame("ORDER_TRADE_UPDATE", count=2)

#: Every kind of fault the demo shows: what happens, in words of at most 30 letters, so that a table can hold them.
_KINDS: Tuple[Tuple[Callable[[random.Random], faults.Fault], str], ...] = (
    (lambda chance: faults.ExpireKey(notices=1), "expires the key, says so once"),
    (lambda chance: faults.ExpireKey(notices=2), "expires the key, says so twice"),
    (lambda chance: faults.ExpireKey(notices=0), "expires the key without a word"),
    (lambda chance: faults.NeighbourDeletesKey(), "a neighbour deletes the key"),
    (lambda chance: faults.DropConnections(chance.choice(faults.DROP_MANNERS)), "drops the connection"),
    (lambda chance: faults.HalfOpen(), "goes half-open: nothing passes"),
    (lambda chance: faults.GarbageFrame("{not json"), "sends a frame of garbage"),
    (lambda chance: _LOST_FILL, "loses a fill on its way"),
)


def tell_story(seed: int, *, signed: bool = True) -> Tuple[Chapter, ...]:
    """
    Draw a story in which every kind of fault happens once.

    Args:
        seed: Equal seeds tell equal stories.
        signed: Whether the stream has the secret; without, what it cannot notice is left out.
    """
    chance = random.Random(seed)
    kinds = chance.sample(_KINDS, len(_KINDS))
    chapters = []
    for draw, words in kinds:
        fault = draw(chance)
        deeds = chance.randint(6, 12), chance.randint(16, 20)
        chapters.append(Chapter(fault, words, *deeds, needs_secret=isinstance(fault, faults.LoseFrame)))
    return tuple(chapter for chapter in chapters if signed or not chapter.needs_secret)


def length_s(story: Tuple[Chapter, ...]) -> float:
    """Return about how many seconds a story takes."""
    return sum(chapter.deeds_before + chapter.deeds_after for chapter in story) / DEEDS_PER_S
