"""The two displays: a live screen on a terminal, plain lines everywhere else."""

from __future__ import annotations

import time
from contextlib import contextmanager
from types import TracebackType
from typing import Callable, Iterator, Optional, Type, Union

import click
from rich.console import Console
from rich.live import Live

from ..runtime.watch import Health
from .board import Board
from .screen import draw
from .words import Told

#: Seconds between two drawings of the live screen.
_REFRESH_INTERVAL = 0.2


class PlainLines:
    """
    One line per thing that happened: the moment, the topic, what. No control characters, each line flushed.

    Args:
        stamp: Words a moment, given in seconds since the board began.
    """

    def __init__(self, stamp: Callable[[float], str]) -> None:
        self._stamp = stamp

    def tell(self, told: Optional[Told], at: float) -> None:
        """Print what happened, unless it repeats something."""
        if told is not None:
            click.echo(f"{self._stamp(at)}  {told.topic:<9}  {told.text}")

    def show(self, board: Board, health: Health, at: float) -> None:
        """Nothing: what there is to say is told when it happens."""


class LiveScreen:
    """
    The whole board, drawn anew a few times a second on the terminal's other screen.

    Args:
        console: The terminal.
        began_wall: Unix time at which the board began.
    """

    def __init__(self, console: Console, began_wall: float) -> None:
        self._console = console
        self._began_wall = began_wall
        self._drawn_at: Optional[float] = None
        # Not by rich's own thread: what is drawn changes in the calling one.
        self._live = Live(
            console=console, screen=True, auto_refresh=False, redirect_stdout=False, redirect_stderr=False
        )

    def __enter__(self) -> LiveScreen:
        try:
            self._live.start()
        except BaseException:
            self._live.stop()
            raise
        return self

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        self._live.stop()

    def tell(self, told: Optional[Told], at: float) -> None:
        """Nothing: the board has it, and will be drawn."""

    def show(self, board: Board, health: Health, at: float) -> None:
        """Draw the board, unless that was done a moment ago."""
        if self._drawn_at is not None and at - self._drawn_at < _REFRESH_INTERVAL:
            return
        self._drawn_at = at
        width, height = self._console.size
        self._live.update(draw(board, health, at, width, height, self._began_wall), refresh=True)


Display = Union[PlainLines, LiveScreen]


@contextmanager
def open_display(stamp: Callable[[float], str], began_wall: Optional[float] = None) -> Iterator[Display]:
    """
    Open the display that fits the standard output; a terminal is restored on the way out, come what may.

    Args:
        stamp: How plain lines word a moment, given in seconds since the board began.
        began_wall: Unix time at which it began; None: now.
    """
    console = Console()
    if not console.is_terminal or console.is_dumb_terminal:
        yield PlainLines(stamp)
        return
    with LiveScreen(console, time.time() if began_wall is None else began_wall) as screen:
        yield screen
