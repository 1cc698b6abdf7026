"""Programs in processes of their own, listened to line by line, and never for longer than a common deadline."""

from __future__ import annotations

import os
import re
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Optional

#: How long a program may take to end when asked to, in seconds.
_FAREWELL_S = 10.0

#: API keys, secrets, listen keys and signatures look like this, and nothing else does.
_SECRET = re.compile(r"[A-Za-z0-9]{60,}")

#: A proxy is for the world outside; what runs here talks to this machine alone.
_PROXIES = {f"{scheme}_proxy" for scheme in ("http", "https", "ws", "wss", "all")}


class Unfinished(Exception):
    """A program did not do what it had to, or not in time; says what came of it instead."""


class Deadline:
    """A moment by which everything is over, however many waits there are on the way."""

    def __init__(self, seconds: float) -> None:
        self._ends = time.monotonic() + seconds

    @property
    def left_s(self) -> float:
        """Seconds left, 0 when it has passed."""
        return max(0.0, self._ends - time.monotonic())


def redacted(text: str) -> str:
    """Return a text without the secrets in it."""
    return _SECRET.sub("<secret>", text)


def surroundings(**extra: str) -> dict[str, str]:
    """Return an environment without this interpreter's paths and without proxies."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name.lower() not in _PROXIES and not name.startswith("PYTHON")
    }
    return {**kept, "PYTHONUNBUFFERED": "1", **extra}


class Program:
    """
    A running program, what it prints kept line by line; ends with its ``with`` block.

    Attributes:
        lines: What it printed so far, to standard output and standard error.
    """

    def __init__(self, command: Sequence[str], environment: Mapping[str, str], directory: str) -> None:
        self.lines: list[str] = []
        self._changed = threading.Condition()
        self._has_ended = False
        self._process = subprocess.Popen(
            command,
            cwd=directory,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            errors="backslashreplace",
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> Program:
        return self

    def __exit__(
        self,
        kind: Optional[type[BaseException]],
        error: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        if self._process.poll() is None:
            self._process.terminate()
        try:
            self._process.wait(_FAREWELL_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._reader.join(_FAREWELL_S)
        if self._process.stdout is not None:
            self._process.stdout.close()

    def wait_for(self, condition: Callable[[str], object], deadline: Deadline, what: str) -> str:
        """
        Return the first line that is so, waiting for it if need be.

        Raises:
            Unfinished: It ended, or the time was over, before there was one.
        """

        def found() -> Optional[str]:
            return next((line for line in self.lines if condition(line)), None)

        with self._changed:
            self._changed.wait_for(lambda: self._has_ended or found() is not None, deadline.left_s)
            line = found()
        if line is None:
            raise self._unfinished(what)
        return line

    def wait_for_end(self, deadline: Deadline, what: str) -> None:
        """
        Wait until it ends by itself.

        Raises:
            Unfinished: It failed, or went on until the time was over.
        """
        with self._changed:
            ended = self._changed.wait_for(lambda: self._has_ended, deadline.left_s)
        if not ended or self._process.wait(_FAREWELL_S) != 0:
            raise self._unfinished(what)

    def _unfinished(self, what: str) -> Unfinished:
        state = "ended" if self._has_ended else "ran out of time"
        return Unfinished("\n    ".join([f"{state} before it {what}", *self.lines[-12:]]))

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            with self._changed:
                self.lines.append(line.rstrip("\r\n"))
                self._changed.notify_all()
        with self._changed:
            self._has_ended = True
            self._changed.notify_all()
