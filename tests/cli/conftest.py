"""The command line as a real process, on a pipe or on a terminal."""

from __future__ import annotations

import os
import pathlib
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any, Optional

import attrs
import pytest

ROOT = pathlib.Path(__file__).parent.parent.parent

#: Generous: what a test waits for comes within a second or two, or is broken.
PATIENCE_S = 60.0


@attrs.define
class Command:
    """A running ``python -m binance_uds``, and what it said so far."""

    process: subprocess.Popen[bytes]
    output: int
    said: bytes = b""

    def hear(self, text: str) -> str:
        """Read until a text was said; return everything said so far."""
        deadline = time.monotonic() + PATIENCE_S
        while text.encode() not in self.said:
            if not self._read(deadline - time.monotonic()):
                raise AssertionError(f"{text!r} was not said: {self.said.decode()[-2000:]}")
        return self.said.decode()

    def interrupt(self, number: int = signal.SIGINT) -> None:
        """Do what Ctrl-C does."""
        self.process.send_signal(number)

    def finish(self) -> tuple[int, str]:
        """Wait for the end; return the exit code and everything said."""
        deadline = time.monotonic() + PATIENCE_S
        while self._read(deadline - time.monotonic()):
            pass
        return self.process.wait(max(deadline - time.monotonic(), 0.1)), self.said.decode()

    def errors(self) -> str:
        """Return what went to stderr, of a process that ended."""
        assert self.process.stderr is not None
        return self.process.stderr.read().decode()

    def _read(self, timeout: float) -> bool:
        """Read what there is, waiting for it; return False at the end."""
        with selectors.DefaultSelector() as selector:
            selector.register(self.output, selectors.EVENT_READ)
            assert selector.select(timeout), f"silence after: {self.said.decode()[-2000:]}"
        try:
            read = os.read(self.output, 65_536)
        except OSError:  # so a terminal ends on Linux
            return False
        self.said += read
        return bool(read)


@pytest.fixture
def command() -> Iterator[Callable[..., Command]]:
    """Runs the command line; what still runs after the test is killed."""
    commands: list[Command] = []

    def run(
        *arguments: str, before: str = "", terminal: Optional[int] = None, master: int = -1, **environment: Any
    ) -> Command:
        """
        Run it.

        Args:
            arguments: Of the command line.
            before: Python that runs in the process first.
            terminal: The file descriptor of a terminal for it; None for pipes.
            master: The other side of that terminal.
            environment: More variables.
        """
        program = f"import sys; sys.argv[1:] = {arguments!r}\n{before}\nfrom binance_uds.__main__ import main\nmain()"
        pipe = subprocess.PIPE if terminal is None else terminal
        process = subprocess.Popen(
            [sys.executable, "-W", "error", "-c", program],
            env={**os.environ, "PYTHONPATH": str(ROOT), "TERM": "xterm-256color", **environment},
            stdin=subprocess.DEVNULL if terminal is None else terminal,
            stdout=pipe,
            stderr=subprocess.PIPE,
        )
        commands.append(Command(process, process.stdout.fileno() if process.stdout is not None else master))
        return commands[-1]

    yield run
    for each in commands:
        if each.process.poll() is None:
            each.process.kill()
        each.process.wait()
        for pipe in (each.process.stdout, each.process.stderr):
            if pipe is not None:
                pipe.close()
