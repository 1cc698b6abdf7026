"""
What stands for a secret where the secret itself must not be: its tag, and in a recording a stand-in.

A stand-in has the length and the tag of what it stands for, so that whatever is computed of either is the same.
"""

from __future__ import annotations

import hashlib
import re

#: Hex digits of a tag: enough to tell the keys of one account apart, and far too few to find one.
_TAG_LENGTH = 6

_STAND_IN = re.compile(r"__([0-9a-f]{6})__[_-]*", re.ASCII)


def tag_of(text: str) -> str:
    """Return what tells two secrets apart: six hex digits of the SHA-256, or those that a stand-in names."""
    named = _STAND_IN.fullmatch(text)
    if named:
        return named[1]
    # What comes from JSON may hold lone surrogates, which plain UTF-8 refuses.
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:_TAG_LENGTH]


def stand_in(text: str) -> str:
    """Return what is written in place of a secret; as long as it is, if that has at least 10 letters."""
    return text if is_stand_in(text) else f"__{tag_of(text)}__".ljust(len(text), "_")


def is_stand_in(text: str) -> bool:
    """Whether a text only stands for a secret."""
    return _STAND_IN.fullmatch(text) is not None
