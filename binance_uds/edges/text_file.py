"""A small text in a file of its own: there as a whole, the old one or the new one, whenever the machine stops."""

from __future__ import annotations

import os
from typing import Optional, Union

Path = Union[str, "os.PathLike[str]"]

#: Only its owner may read it.
_MODE = 0o600


def read_text(path: Path) -> Optional[str]:
    """
    Return what a file holds; None when there is no such file. Bytes that are no text come as odd characters.

    Raises:
        OSError: It cannot be read.
    """
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except FileNotFoundError:
        return None


def replace_text(path: Path, text: str) -> None:
    """
    Have a file hold this text instead of what it held; a link is followed, and its target replaced.

    The text goes into a file beside it, down to the disk, and that file takes its place. Whatever fails on the way
    leaves the old one as it was; the one beside it is written over by the next attempt.

    Raises:
        OSError: It cannot be written.
    """
    target = os.path.realpath(path)
    beside = f"{target}.new"
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0)
    with os.fdopen(os.open(beside, flags, _MODE), "w", encoding="utf-8") as file:
        if hasattr(os, "fchmod"):
            # One that was left behind may allow more.
            os.fchmod(file.fileno(), _MODE)
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    os.replace(beside, target)
