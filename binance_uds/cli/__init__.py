"""
The command line: ``demo``, ``watch`` and ``simulate``.

Needs the extras: ``pip install 'binance_uds[cli,simulator]'``.
"""

from __future__ import annotations

import errno
import os
import signal
import sys
from types import FrameType
from typing import Optional

import click

from ..version import VERSION
from .demo import demo


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(VERSION, prog_name="binance_uds")
def commands() -> None:
    """The Binance user data stream: orders, fills, balances and positions, pushed by the exchange."""


commands.add_command(demo)


class _Signals:
    """Turns the first SIGINT or SIGTERM into a ``KeyboardInterrupt``; what follows is the tidying up, undisturbed."""

    def __init__(self) -> None:
        self.number = signal.SIGINT
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._interrupt)

    def _interrupt(self, number: int, frame: Optional[FrameType]) -> None:
        self.number = signal.Signals(number)
        for each in (signal.SIGINT, signal.SIGTERM):
            signal.signal(each, signal.SIG_IGN)
        raise KeyboardInterrupt


def run() -> int:
    """Run the command line and return the exit code; an interruption is 130, as in shells."""
    signals = _Signals()
    for output in (sys.stdout, sys.stderr):
        # A symbol may be in letters that a pipe's encoding does not have.
        output.reconfigure(errors="backslashreplace")
    try:
        return commands.main(prog_name="binance-uds", standalone_mode=False) or 0
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        return 128 + signals.number
    except OSError as error:
        if error.errno != errno.EPIPE:
            raise
        # Whoever read us has gone; the interpreter must not fail over the rest, either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
