"""The group of commands, and how they end."""

from __future__ import annotations

import io
import sys

import click

from ..version import VERSION
from .demo import demo
from .doctor import doctor
from .record import record
from .replay import replay
from .simulate import simulate
from .watch import watch


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(VERSION, prog_name="binance_uds")
def commands() -> None:
    """The Binance user data stream: orders, fills, balances and positions, pushed by the exchange."""


for command in (demo, watch, record, replay, simulate, doctor):
    commands.add_command(command)


def run() -> int:
    """Run what the arguments of the process ask for, and return the exit code."""
    for output in (sys.stdout, sys.stderr):
        # A symbol may be in letters that a pipe's encoding does not have.
        if isinstance(output, io.TextIOWrapper):
            output.reconfigure(errors="backslashreplace")
    try:
        code: int = commands.main(prog_name="binance-uds", standalone_mode=False) or 0
    except click.ClickException as error:
        error.show()
        return error.exit_code
    return code
