"""The group of commands, and how they end."""

import os
import subprocess
import sys

import pytest
from click.testing import CliRunner

from binance_uds.cli.commands import commands
from binance_uds.version import VERSION


@pytest.mark.parametrize("name", [None, "demo", "watch", "record", "replay", "simulate", "doctor"])
def test_help(name):
    """Every command explains itself, within 80 columns."""
    result = CliRunner().invoke(commands, [*filter(None, [name]), "--help"])

    assert 0 == result.exit_code
    assert result.output.startswith("Usage:")
    assert all(len(line) <= 80 for line in result.output.splitlines())


def test_version():
    """The version is that of the distribution."""
    assert f"binance_uds, version {VERSION}\n" == CliRunner().invoke(commands, ["--version"]).output


def test_unknown_command(command):
    """A command that does not exist is exit code 2 and a hint."""
    running = command("trade")
    code, _ = running.finish()

    assert 2 == code
    assert "No such command 'trade'" in running.errors()


def test_reader_that_has_gone():
    """A pipe whose reader has gone ends it without a traceback."""
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as gone:
        ended = subprocess.run(
            [sys.executable, "-W", "error", "-m", "binance_uds", "--help"],
            stdout=gone,
            stderr=subprocess.PIPE,
            timeout=60,
            check=False,
        )

    assert (1, b"") == (ended.returncode, ended.stderr)


def test_narrow_encoding(command):
    """A pipe that knows no Chinese shows what it can."""
    running = command(
        "demo",
        PYTHONIOENCODING="latin-1",
        before="import binance_uds.cli.rehearsal as r, click\n"
        "def rehearse(story, seed, *, signed):\n    click.echo('币安'); sys.exit(0)\nr.rehearse = rehearse",
    )
    code, said = running.finish()

    assert (0, "") == (code, running.errors())
    assert "\\u5e01\\u5b89" in said
