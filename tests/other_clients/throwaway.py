"""Environments that hold one client, and last as long as they are looked at."""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from tests.other_clients.processes import Deadline, Unfinished

_SCRIPTS, _PYTHON = ("Scripts", "python.exe") if os.name == "nt" else ("bin", "python")


class NotInstalled(Unfinished):
    """A client could not be had, which says nothing about the exchange; most often there is no network."""


@contextmanager
def environment_with(distribution: str, deadline: Deadline) -> Iterator[str]:
    """
    Install the newest release of a distribution that this Python takes; everything is removed afterwards.

    Yields:
        The interpreter that has it.

    Raises:
        NotInstalled: pip failed, or the time was over.
    """
    with tempfile.TemporaryDirectory(prefix="other-client-") as home:
        python = str(pathlib.Path(home, _SCRIPTS, _PYTHON))
        _run([sys.executable, "-m", "venv", "--without-pip", home], deadline)
        # Our own pip installs into it: one that had to be installed first would take longer than most clients.
        pip = [sys.executable, "-m", "pip", "--python", python, "--disable-pip-version-check", "--no-input"]
        # What is installed is imported once, so compiling all of it would be time lost.
        _run([*pip, "install", "--quiet", "--no-compile", distribution], deadline)
        yield python


def _run(command: Sequence[str], deadline: Deadline) -> None:
    # pip needs the machine's proxies and certificates; only the paths of this interpreter stay out.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    try:
        subprocess.run(
            command,
            check=True,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="backslashreplace",
            timeout=deadline.left_s,
        )
    except subprocess.TimeoutExpired:
        raise NotInstalled("it was not installed in time") from None
    except subprocess.CalledProcessError as error:
        words = error.stdout.strip().splitlines() or ["pip said nothing"]
        raise NotInstalled(f"it could not be installed: {words[-1]}") from None
