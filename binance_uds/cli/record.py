"""The display of a real account, and a journal of what its stream lives through."""

from __future__ import annotations

from typing import Optional

import click

from .. import ConfigurationError, Market, Recording, UserDataStream
from ..errors import UserDataStreamError
from .hosts import with_market
from .interruption import ending_tidily
from .misused import Misused
from .watch import follow
from .words import printable

#: Bytes of a part, in words that a person types.
_MEGA = 1024 * 1024


@click.command(short_help="Show a real account live, and record it.")
@click.argument("path", type=click.Path(dir_okay=False))
@with_market
@click.option(
    "--part-mb", metavar="MB", type=click.IntRange(1), default=64, show_default=True, help="Size of each file, about."
)
@click.option("--max-mb", metavar="MB", type=click.IntRange(1), help="Size of all files; then the recording ends.")
@click.option("--overwrite", is_flag=True, help="Delete the journal that is there, with its parts.")
def record(market: Market, path: str, part_mb: int, max_mb: Optional[int], overwrite: bool) -> int:
    """
    Record an account's stream to PATH, and show it meanwhile as `watch` does.

    PATH is a file that does not exist yet, such as account.jsonl, or account.jsonl.gz to compress it. `replay PATH`
    gives the same events, account and gap reports again. The API key, the secret and signatures are not in it, and
    listen keys are replaced; orders, fills and balances are, so it is readable for you alone.

    Key and secret are taken from BINANCE_API_KEY and BINANCE_API_SECRET, as `watch` takes them. Ctrl-C ends it. The
    exit code is 1 if the recording ended before that, such as on a full disk, and 2 if the key is missing or refused.
    """
    # Ahead of need, while Ctrl-C still ends the process on the spot.
    from ..runtime import assembly as _assembly  # noqa: F401

    recording: Optional[Recording] = None
    try:
        stream = UserDataStream.from_env(market=market, name="record")
        most = None if max_mb is None else max_mb * _MEGA
        recording = stream.record(path, part_bytes=part_mb * _MEGA, max_bytes=most, overwrite=overwrite)
        with ending_tidily():
            follow(stream, market, "record")
    except ConfigurationError as error:
        # Credentials that were refused are one of them. What the library advises is spelt otherwise on a command line.
        raise Misused(str(error).replace("overwrite=True", "--overwrite")) from None
    except UserDataStreamError as error:
        raise click.ClickException(str(error)) from None
    except SystemExit:
        if recording is None or recording.problem is None:
            raise
        return 1
    finally:
        if recording is not None:
            _sum_up(recording)
    return 0


def _sum_up(recording: Recording) -> None:
    files = "1 file" if recording.parts == 1 else f"{recording.parts} files"
    click.echo(f"recorded to {printable(recording.path)}: {recording.lines} lines, {recording.bytes} bytes in {files}")
    if recording.problem is not None:
        click.echo(f"The recording ended before the stream: {printable(recording.problem)}", err=True)
