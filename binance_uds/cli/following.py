"""The loop that demo and watch share: take what the stream delivers, show it, until it is time."""

from __future__ import annotations

import time
from typing import Callable, List, Optional

import attrs

from ..errors import WaitTimeout
from ..runtime.doors import EventQueue
from ..stream import UserDataStream
from .board import Board, Item
from .display import Display

#: The longest wait for an event before the display is looked after, in seconds.
_LONGEST_WAIT = 0.1


@attrs.define
class Follower:
    """
    Follows a stream on the main thread, where Ctrl-C arrives.

    Attributes:
        stream: What is followed.
        queue: Its events and notices.
        board: Takes them.
        display: Shows them.
        began: Monotonic time of the board's beginning.
        items: Everything delivered, in order, if it is to be kept.
    """

    stream: UserDataStream
    queue: EventQueue[Item]
    board: Board
    display: Display
    began: float = attrs.field(factory=time.monotonic)
    items: Optional[List[Item]] = None

    @property
    def at(self) -> float:
        """Seconds since the board began."""
        return time.monotonic() - self.began

    def follow(self, enough: Callable[[], bool] = lambda: False, until: Optional[float] = None) -> bool:
        """
        Take and show what comes.

        Args:
            enough: Asked after each event; ends it when true.
            until: When to end in any case, in seconds since the board began; None for no such moment.

        Returns:
            Whether it was enough.

        Raises:
            UserDataStreamError: The stream ended, or this fell too far behind it.
        """
        while True:
            if enough():
                return True
            left = _LONGEST_WAIT if until is None else until - self.at
            if left <= 0:
                return False
            self._take_next(min(left, _LONGEST_WAIT))
            self.look()

    def look(self) -> None:
        """Show how things stand now."""
        at, health = self.at, self.stream.health
        self.board.look(health, at)
        self.display.show(self.board, health, at)

    def tell_fault(self, words: str) -> None:
        """Show what the exchange is made to do."""
        at = self.at
        self.display.tell(self.board.take_fault(words, at), at)

    def _take_next(self, timeout: float) -> None:
        try:
            item = self.queue.get(timeout=timeout)
        except WaitTimeout:
            return
        at = self.at
        if self.items is not None:
            self.items.append(item)
        self.display.tell(self.board.take(item, at), at)
