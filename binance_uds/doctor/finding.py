"""What a check found."""

from __future__ import annotations

import attrs

from ..errors import UserDataStreamError
from ..redaction import redact


class Outcome:
    """
    What a check came to. ``str`` constants.

    ``OK``: as it should be. ``WARNING``: a stream works, and something a person should know. ``FAILED``: a stream does
    not work, or not whole. ``SKIPPED``: not examined, because of another check or because there is nothing to ask.
    """

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    SKIPPED = "skipped"


@attrs.frozen
class Finding:
    """
    What one check found. Prints as a line for people; without secrets.

    Attributes:
        check: The check's name, such as ``"API key"``.
        outcome: A word of ``Outcome``.
        words: What was found.
        advice: What to do about it; empty where nothing is to be done.
    """

    check: str
    outcome: str
    words: str = attrs.field(converter=redact)
    advice: str = attrs.field(default="", converter=redact)

    def __str__(self) -> str:
        advice = f"; {self.advice}" if self.advice else ""
        return f"{self.check}: {self.outcome}: {self.words}{advice}"


def ok(words: str) -> Finding:
    """Return a finding, not yet named, that all is well."""
    return Finding("", Outcome.OK, words)


def warning(words: str, advice: str) -> Finding:
    """Return a finding, not yet named, of what a person should know."""
    return Finding("", Outcome.WARNING, words, advice)


def failed(words: str, advice: str) -> Finding:
    """Return a finding, not yet named, of what keeps a stream from working."""
    return Finding("", Outcome.FAILED, words, advice)


def skipped(words: str) -> Finding:
    """Return a finding, not yet named, of what could not be examined."""
    return Finding("", Outcome.SKIPPED, words)


def no_answer(error: UserDataStreamError) -> Finding:
    """Return a finding, not yet named, of a request that brought neither a yes nor a no."""
    return failed(str(error), "this says nothing about the check itself; try again in a minute")
