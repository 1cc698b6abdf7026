"""
Secrets in what is recorded: each is replaced by its stand-in, the same everywhere, so that a replay sees what is equal.

They are known by value, and a listen key of somebody else by where it stands. Pure.
"""

from __future__ import annotations

import json
import re
from typing import Any, Callable, Dict, Match, Pattern

from ..credentials import Secret
from ..tags import stand_in

#: A shorter text has no stand-in of its length, and would spoil the data; no key Binance hands out is short.
_SHORTEST = 10

#: What else may be a listen key: the value behind its name, what a wrapper calls the stream, names of subscriptions.
_NAMED = re.compile(rb'"listenKey"\s*:\s*("(?:[^"\\]|\\.)+")')
_STREAM = re.compile(rb'"stream"\s*:\s*("(?:[^"\\]|\\.)+")')
_RESULT = re.compile(rb'"result"\s*:\s*\[([^\]]*)\]')
_TEXT = re.compile(rb'"(?:[^"\\]|\\.)+"')

#: A name of a stream is no key if it is shorter.
_SHORTEST_NAME = 20

_LETTER = re.compile(rb"\\u00[0-9a-fA-F]{2}|.", re.DOTALL)


class Names:
    """The secrets known so far, and their stand-ins."""

    def __init__(self) -> None:
        self._known: Dict[str, str] = {}
        self._bytes: Dict[bytes, bytes] = {}
        self._escaped: Dict[Pattern[bytes], bytes] = {}

    def learn(self, secret: Secret) -> None:
        """From now on replace this one."""
        self._learn(secret.reveal())

    def _learn(self, value: str) -> None:
        replacement = stand_in(value)
        if value in self._known or len(value) < _SHORTEST or replacement == value:
            return
        self._known[value] = replacement
        encoded, other = value.encode(errors="surrogatepass"), replacement.encode()
        self._bytes[encoded] = other
        if value.isascii():
            letters = (b"(?:%s|\\\\u00%02x)" % (re.escape(bytes([code])), code) for code in encoded)
            self._escaped[re.compile(b"".join(letters), re.IGNORECASE)] = other

    def frame(self, frame: bytes) -> bytes:
        """Return a frame without secrets; of the same length."""
        if b'"listenKey"' in frame:
            self._learn_all(_NAMED, frame, shortest=_SHORTEST)
        if b'"stream"' in frame:
            self._learn_all(_STREAM, frame, shortest=_SHORTEST_NAME)
        if b'"result"' in frame:
            for names in _RESULT.findall(frame):
                self._learn_all(_TEXT, names, shortest=_SHORTEST_NAME)
        for value, replacement in self._bytes.items():
            frame = frame.replace(value, replacement)
        if b"\\" in frame:
            for pattern, replacement in self._escaped.items():
                frame = pattern.sub(_in_its_manner(replacement), frame)
        return frame

    def value(self, value: Any) -> Any:
        """Return a JSON value without secrets."""
        if isinstance(value, dict):
            key = value.get("listenKey")
            if isinstance(key, str):
                self._learn(key)
            return {self.text(name): self.value(child) for name, child in value.items()}
        if isinstance(value, (list, tuple)):
            return [self.value(child) for child in value]
        return self.text(value) if isinstance(value, str) else value

    def text(self, text: str) -> str:
        """Return a text without secrets."""
        for value, replacement in self._known.items():
            text = text.replace(value, replacement)
        return text

    def _learn_all(self, pattern: Pattern[bytes], frame: bytes, *, shortest: int) -> None:
        for found in pattern.findall(frame):
            try:
                name = json.loads(found)
            except ValueError:
                continue
            key = name.split("@")[0]
            if len(key) >= shortest:
                self._learn(key)


def _in_its_manner(replacement: bytes) -> Callable[[Match[bytes]], bytes]:
    """Return what replaces letter by letter, an escaped one by an escaped one."""

    def replace(found: Match[bytes]) -> bytes:
        letters = _LETTER.findall(found[0])
        return b"".join(
            b"\\u00%02x" % code if letter.startswith(b"\\u") else bytes([code])
            for letter, code in zip(letters, replacement)
        )

    return replace
