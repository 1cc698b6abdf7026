"""A recorded account once more."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Callable, ContextManager, Optional, Union

import attrs
import click

from .. import ConfigurationError, Event, Notice, Replay
from ..errors import BacklogOverflow, JournalError, UserDataStreamError
from ..recording.canonical import canonical, canonical_account
from .board import Board
from .display import Display, LiveScreen, PlainLines, open_display
from .following import Follower
from .interruption import ending_tidily
from .misused import Misused
from .watch import utc
from .words import counted, printable, seconds, several


@click.command(short_help="Show a recorded account once more.")
@click.argument("path", type=click.Path(dir_okay=False))
@click.option(
    "--speed", type=click.FloatRange(0), metavar="FACTOR", help="1 for real time; without it, as fast as possible."
)
@click.option(
    "--json", "as_json", is_flag=True, help="Print each event and notice as JSON, and the account at the end."
)
def replay(path: str, speed: Optional[float], as_json: bool) -> int:
    """
    Replay the journal at PATH that `record` or `stream.record` wrote: the same events, account and gap reports.

    Times are those of the journal, UTC. On a terminal and with --speed it shows the display of `watch`. Nothing is
    sent to anybody, and no key is needed. A journal that ends in the middle of a line is replayed up to there.

    The exit code is 1 if the journal is damaged, with the line; what stands before that is replayed.
    """
    # Ahead of need, while Ctrl-C still ends the process on the spot.
    from ..runtime import assembly as _assembly  # noqa: F401

    try:
        replayed = Replay(path, speed)
        with ending_tidily():
            _play(replayed, bool(speed), as_json)
    except JournalError as error:
        raise click.ClickException(printable(error)) from None
    except ConfigurationError as error:
        raise Misused(printable(error)) from None
    except UserDataStreamError as error:
        raise click.ClickException(printable(error)) from None
    if replayed.cut is not None:
        click.echo(printable(replayed.cut), err=True)
    return 0


def _play(replayed: Replay, is_paced: bool, as_json: bool) -> None:
    began = replayed.time.timestamp()
    board = Board(f"binance_uds replay, {printable(replayed.name)}")
    if as_json:
        for item_class in (Event, Notice):
            replayed.on(item_class)(_print)
        _run_all(replayed)
        click.echo(canonical_account(replayed.account.snapshot()))
        return
    display: ContextManager[Display] = nullcontext(PlainLines(lambda at: utc(began + at)))
    if is_paced:
        display = open_display(lambda at: utc(began + at), began)
    with display as shown:
        if isinstance(shown, LiveScreen):
            _show_all(replayed, board, shown, began)
        else:
            _tell_all(replayed, board, shown, began)
    lasted = replayed.time.timestamp() - began
    board.look(replayed.health, lasted)
    fills = counted(board.fills_seen, board.recovered_seen, board.late_seen)
    click.echo(
        f"replayed {seconds(lasted)}: {several(replayed.health.events, 'event')}, {fills}, "
        f"{several(replayed.health.gaps, 'gap')}, {seconds(board.blind_ms / 1000)} blind"
    )


@attrs.define
class _Shown(Follower):
    """Follows a replay by the journal's time; ``began`` is a Unix time."""

    @property
    def at(self) -> float:
        return self.stream.time.timestamp() - self.began if isinstance(self.stream, Replay) else 0.0


def _show_all(replayed: Replay, board: Board, screen: LiveScreen, began: float) -> None:
    """Draw every recorded run, each until it ends."""
    while replayed.has_next_run:
        with replayed.events(Event, Notice) as queue:
            try:
                replayed.start()
                _Shown(replayed, queue, board, screen, began).follow()
            except BacklogOverflow:
                raise
            except UserDataStreamError:
                # The recorded run is over; how, tells the next line.
                _tell_end(replayed.join)


def _tell_all(replayed: Replay, board: Board, lines: PlainLines, began: float) -> None:
    """Print what every recorded run tells, when it is told."""

    def tell(item: Union[Event, Notice]) -> None:
        at = replayed.time.timestamp() - began
        lines.tell(board.take(item, at), at)

    for item_class in (Event, Notice):
        replayed.on(item_class)(tell)
    _run_all(replayed)


def _run_all(replayed: Replay) -> None:
    """Replay every recorded run."""
    while replayed.has_next_run:
        _tell_end(replayed.run)


def _tell_end(last_step: Callable[[], object]) -> None:
    """Take the last step of a run, and say what ended it, if that was an error of the recorded stream."""
    try:
        last_step()
    except JournalError:
        raise
    except UserDataStreamError as error:
        click.echo(f"The recorded run ended: {printable(error)}", err=True)


def _print(item: Union[Event, Notice]) -> None:
    click.echo(canonical(item))
