"""The same display on a real account."""

from __future__ import annotations

import datetime
import time
from urllib.parse import urlsplit

import click

from .. import ConfigurationError, Event, Market, Notice, UserDataStream
from ..errors import UserDataStreamError
from .board import Board
from .display import open_display
from .following import Follower
from .hosts import with_market
from .interruption import ending_tidily
from .misused import Misused
from .words import counted, seconds, several


@click.command(short_help="Show a real account live.")
@with_market
def watch(market: Market) -> int:
    """
    Watch an account: orders, fills, balances, positions, and what the stream is worth.

    Takes the API key from the environment variable BINANCE_API_KEY and the secret from BINANCE_API_SECRET. The key
    needs no trading rights, and nothing is ever ordered, changed or cancelled. With the secret the stream reads back
    by REST what a gap has swallowed, marked "REST" or, behind newer fills, "late". Without it the stream is key-only:
    it tells of every gap, and sends no signed request.

    Ctrl-C ends it with a summary. The exit code is 2 if the key is missing or refused.
    """
    # Ahead of need, while Ctrl-C still ends the process on the spot; simulate and the help can do without.
    from ..runtime import assembly as _assembly  # noqa: F401

    try:
        stream = UserDataStream.from_env(market=market, name="watch")
        with ending_tidily():
            follow(stream, market, "watch")
    except ConfigurationError as error:
        # Credentials that were refused are one of them.
        raise Misused(str(error)) from None
    except UserDataStreamError as error:
        raise click.ClickException(str(error)) from None
    return 0


def follow(stream: UserDataStream, market: Market, command: str) -> None:
    """Show a stream until it ends or Ctrl-C comes, and sum up."""
    host = urlsplit(market.rest_url).hostname
    board = Board(f"binance_uds {command}, {market.name} at {host}")
    began_wall, began = time.time(), time.monotonic()
    click.echo(f"Connecting to {host} ...")
    started = False
    try:
        with stream.events(Event, Notice) as queue:
            stream.start()
            started = True
            if not stream.health.signed:
                click.echo("No BINANCE_API_SECRET: key-only, gaps are told of and not repaired.")
            with open_display(lambda at: utc(began_wall + at)) as display:
                Follower(stream, queue, board, display, began).follow()
    finally:
        health = stream.health
        stream.stop()
        if started:
            fills = counted(board.fills_seen, board.recovered_seen, board.late_seen)
            click.echo(
                f"watched for {seconds(time.monotonic() - began)}: {several(health.events, 'event')}, {fills}, "
                f"{several(health.gaps, 'gap')}, {seconds(board.blind_ms / 1000)} blind"
            )


def utc(wall: float) -> str:
    """Word a Unix time."""
    moment = datetime.datetime.fromtimestamp(wall, datetime.timezone.utc)
    return f"{moment:%Y-%m-%d %H:%M:%S}.{moment.microsecond // 1000:03d}"
