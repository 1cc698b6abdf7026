"""The demo: a local exchange that misbehaves, a bot that trades, a real stream, and a tally at the end."""

from __future__ import annotations

import random
from typing import Iterator, Optional, Tuple

import click

from ..errors import UserDataStreamError
from .board import Board
from .interruption import ending_tidily
from .story import Chapter, length_s, tell_story
from .words import outcome, seconds

#: A seed that is drawn stays below it, so that it is easily typed again.
_SEEDS = 100_000


@click.command()
@click.option("--seed", type=click.IntRange(min=0), help="Repeat the story of an earlier run; drawn when not given.")
@click.option("--key-only", is_flag=True, help="Give the stream no secret: it can signal gaps, and repair nothing.")
def demo(seed: Optional[int], key_only: bool) -> int:
    """
    Watch a stream survive. No account and no keys are needed.

    Starts an exchange on this machine, a bot that trades on it, and a real UserDataStream. While orders, fills and
    balances come in, the exchange expires the listen key, drops the connection, goes half-open, loses a fill on its
    way. The stream reads back by REST what it missed. After about 20 seconds it ends by itself and holds what was
    executed against what was delivered, and the gaps that were opened against those that were announced and closed.

    The exit code is 0 if every promise was kept and 1 if one was broken.
    """
    # Only now, since watch has no need of the simulator's extra.
    from .rehearsal import rehearse

    seed = random.randrange(_SEEDS) if seed is None else seed
    story = tell_story(seed, signed=not key_only)
    for paragraph in introduction(story, seed, signed=not key_only):
        click.echo(click.wrap_text(paragraph, width=80))
    try:
        with ending_tidily():
            board, verdict = rehearse(story, seed, signed=not key_only)
    except UserDataStreamError as error:
        raise click.ClickException(f"the stream did not start: {error}") from None
    click.echo()
    for line in (*summary(board), *verdict.lines()):
        click.echo(line)
    return 0 if verdict.kept else 1


def introduction(story: Tuple[Chapter, ...], seed: int, *, signed: bool) -> Iterator[str]:
    """Yield paragraphs that say what is about to be seen."""
    from .rehearsal import SHORTENED, SHORTENED_SETTLE

    stream = "UserDataStream notices, reads back what it missed, and tells"
    if not signed:
        stream = "UserDataStream without the secret notices, and can only tell"
    yield (
        f"For about {length_s(story):.0f} s a bot trades on an exchange on this machine, while {len(story)} times "
        f"the listen key, the connection or a frame goes bad. A real {stream}. "
        f"{SHORTENED}{SHORTENED_SETTLE if signed else ''}. "
        f"To repeat this very story: --seed {seed}{'' if signed else ' --key-only'}"
    )
    if not signed:
        yield (
            "A fill that is lost on a healthy connection is left out of this story: without the secret nobody could "
            "notice, because Binance numbers nothing."
        )


def summary(board: Board) -> Iterator[str]:
    """Yield a table of the faults: when the stream noticed each, when it was over, and on what evidence."""
    yield "  at the exchange                     seen    over  closed on which evidence"
    for incident in board.incidents:
        fault = incident.fault or f"nothing ({incident.cause})"
        seen = "never" if incident.noticed_at is None else seconds(incident.noticed_at - incident.at)
        over = "" if incident.closed_at is None else seconds(incident.closed_at - incident.at)
        evidence = "" if incident.closed is None else outcome(incident.closed)
        yield f"{incident.at:4.1f} {fault:<30} {seen:>6}  {over:>6}  {evidence}".rstrip()
