"""The demo: a local exchange that misbehaves, a bot that trades, a real stream, and a tally at the end."""

from __future__ import annotations

import random
from typing import Iterator, Optional

import click

from ..errors import UserDataStreamError
from .board import Board
from .interruption import ending_tidily
from .story import length_s, tell_story
from .words import seconds

#: A seed that is drawn stays below it, so that it is easily typed again.
_SEEDS = 100_000


@click.command()
@click.option("--seed", type=click.IntRange(min=0), help="Repeat the story of an earlier run; drawn when not given.")
def demo(seed: Optional[int]) -> int:
    """
    Watch a stream survive. No account and no keys are needed.

    Starts an exchange on this machine, a bot that trades on it, and a real UserDataStream. While orders, fills and
    balances come in, the exchange expires the listen key, drops the connection, goes half-open. After about 20
    seconds it ends by itself and holds what was executed against what was delivered, and the gaps that were opened
    against those that were announced.

    The exit code is 0 if every promise was kept and 1 if one was broken.
    """
    # Only now, since watch has no need of the simulator's extra.
    from .rehearsal import rehearse

    seed = random.randrange(_SEEDS) if seed is None else seed
    story = tell_story(seed)
    click.echo(
        click.wrap_text(
            f"For about {length_s(story):.0f} s a bot trades on an exchange on this machine, while {len(story)} times "
            "the listen key, the connection or a frame goes bad. A real UserDataStream tells what it notices. "
            f"To repeat this very story: --seed {seed}",
            width=80,
        )
    )
    try:
        with ending_tidily():
            board, verdict = rehearse(story, seed)
    except UserDataStreamError as error:
        raise click.ClickException(f"the stream did not start: {error}") from None
    click.echo()
    for line in (*summary(board), *verdict.lines()):
        click.echo(line)
    return 0 if verdict.kept else 1


def summary(board: Board) -> Iterator[str]:
    """Yield a line per fault: what happened, and what the stream made of it."""
    for incident in board.incidents:
        noticed = "not noticed"
        if incident.noticed_at is not None:
            noticed = f"noticed after {seconds(incident.noticed_at - incident.at)}"
        over = "" if incident.closed_at is None else f", over after {seconds(incident.closed_at - incident.at)}"
        yield f"{incident.at:6.2f}  {incident.fault or 'no fault of ours':<30}  {noticed}{over}"
