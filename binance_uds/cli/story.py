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

#: Deeds of the bot in a second: quick enough that every dark stretch swallows fills, slow enough to be read.
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
    """

    fault: faults.Fault
    words: str
    deeds_before: int
    deeds_after: int


#: Every kind of fault the demo shows: what happens, in words of at most 30 letters, so that a table can hold them.
_KINDS: Tuple[Tuple[Callable[[random.Random], faults.Fault], str], ...] = (
    (lambda chance: faults.ExpireKey(notices=1), "expires the key, says so once"),
    (lambda chance: faults.ExpireKey(notices=2), "expires the key, says so twice"),
    (lambda chance: faults.ExpireKey(notices=0), "expires the key without a word"),
    (lambda chance: faults.NeighbourDeletesKey(), "a neighbour deletes the key"),
    (lambda chance: faults.DropConnections(chance.choice(faults.DROP_MANNERS)), "drops the connection"),
    (lambda chance: faults.HalfOpen(), "goes half-open: nothing passes"),
    (lambda chance: faults.GarbageFrame("{not json"), "sends a frame of garbage"),
)


def tell_story(seed: int) -> Tuple[Chapter, ...]:
    """Draw a story in which every kind of fault happens once."""
    chance = random.Random(seed)
    kinds = chance.sample(_KINDS, len(_KINDS))
    return tuple(Chapter(draw(chance), words, chance.randint(8, 14), chance.randint(24, 30)) for draw, words in kinds)


def length_s(story: Tuple[Chapter, ...]) -> float:
    """Return about how many seconds a story takes."""
    return sum(chapter.deeds_before + chapter.deeds_after for chapter in story) / DEEDS_PER_S
