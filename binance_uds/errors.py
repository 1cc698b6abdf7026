"""
Every exception this package raises on purpose.

* UserDataStreamError
    * ConfigurationError        your call is wrong; retrying cannot help
        * CredentialsRejected       Binance refused the API key, its secret or its permissions
    * ExchangeError             Binance answered a request with an error
    * StreamInterrupted         network or exchange; the stream retries by itself
    * StartTimeout              the stream was not LIVE in time; nothing is left running
    * WaitTimeout               what you waited for did not happen in time (also a ``TimeoutError``)
    * BacklogOverflow           an ``events()`` queue was not read fast enough
    * JournalError              a recording cannot be replayed, or not further than to a line
    * ForkedStream              the stream was started before ``fork()``; this is the child
    * StreamGroupError          streams of a group failed; it names them, and each with its own error

The class says who must act, the message says what to do, and facts are attributes. All of them pickle, and none
contains a URL, a key or a signature.
"""

from __future__ import annotations

from typing import Mapping, Optional


class UserDataStreamError(Exception):
    """Base of every exception this package raises on purpose."""


class ConfigurationError(UserDataStreamError):
    """The call is wrong as it stands; retrying cannot help."""


class CredentialsRejected(ConfigurationError):
    """
    Binance refused the API key, the signature or the key's permissions.

    Attributes:
        status: HTTP status of the answer.
        code: Binance's error code, such as -2015; None when the answer named none.
        message: Binance's own words.
    """

    def __init__(self, status: int, code: Optional[int], message: str) -> None:
        super().__init__(status, code, message)
        self.status, self.code, self.message = status, code, message

    def __str__(self) -> str:
        advice = {
            -2014: "check that the API key was copied whole",
            -2015: "check the key, its IP restriction and that futures are enabled for it",
            -1022: "check the API secret: the signature made with it was refused",
        }.get(self.code or 0, "check the API key, its secret, its IP restriction and its permissions")
        return f"Binance refused the credentials ({_answer(self.status, self.code, self.message)}); {advice}"


class ExchangeError(UserDataStreamError):
    """
    Binance answered a request with an error.

    Attributes:
        status: HTTP status of the answer.
        code: Binance's error code, such as -1125; None when the answer named none.
        message: Binance's own words, or what the answer was instead.
        retry_after_s: Seconds until Binance wants to hear from us again; None when it did not say.
    """

    def __init__(self, status: int, code: Optional[int], message: str, retry_after_s: Optional[float] = None) -> None:
        super().__init__(status, code, message, retry_after_s)
        self.status, self.code, self.message, self.retry_after_s = status, code, message, retry_after_s

    def __str__(self) -> str:
        wait = f"; it asks to wait {self.retry_after_s:.0f} s" if self.retry_after_s else ""
        return f"Binance answered {_answer(self.status, self.code, self.message)}{wait}"


class StreamInterrupted(UserDataStreamError):
    """
    The network or the exchange failed us; the stream retries by itself.

    Attributes:
        reason: What happened, in plain words.
        retry_after_s: Seconds until the exchange wants to hear from us again; None when it did not say.
    """

    def __init__(self, reason: str, retry_after_s: Optional[float] = None) -> None:
        super().__init__(reason, retry_after_s)
        self.reason, self.retry_after_s = reason, retry_after_s

    def __str__(self) -> str:
        return self.reason


class StartTimeout(UserDataStreamError):
    """
    The stream did not become LIVE in time; everything was torn down again.

    Attributes:
        timeout: How long was waited, in seconds.
        reason: What stood in the way when time ran out.
    """

    def __init__(self, timeout: float, reason: str) -> None:
        super().__init__(timeout, reason)
        self.timeout, self.reason = timeout, reason

    def __str__(self) -> str:
        return f"not LIVE within {self.timeout:g} s: {self.reason}"


class WaitTimeout(UserDataStreamError, TimeoutError):
    """
    What was waited for did not happen in time.

    Attributes:
        timeout: How long was waited, in seconds.
        awaited: What was waited for.
    """

    def __init__(self, timeout: float, awaited: str) -> None:
        super().__init__(timeout, awaited)
        self.timeout, self.awaited = timeout, awaited

    def __str__(self) -> str:
        return f"no {self.awaited} within {self.timeout:g} s"


class BacklogOverflow(UserDataStreamError):
    """
    An ``events()`` queue was not read fast enough and is closed; nothing was dropped silently.

    Attributes:
        limit: ``max_backlog`` of the stream.
        missed: Events that arrived after the queue was full, counted until this was raised.
    """

    def __init__(self, limit: int, missed: int) -> None:
        super().__init__(limit, missed)
        self.limit, self.missed = limit, missed

    def __str__(self) -> str:
        return (
            f"the queue of {self.limit} events is full and closed; {self.missed} did not fit. "
            "Read faster, or give the stream a larger max_backlog"
        )


class JournalError(UserDataStreamError):
    """
    A journal cannot be replayed, or not further than to a line of it.

    Attributes:
        path: The file.
        line: The line in it, as an editor counts (of what is compressed, once it is not); 0 for the file itself.
        reason: What is wrong, in plain words.
    """

    def __init__(self, path: str, line: int, reason: str) -> None:
        super().__init__(path, line, reason)
        self.path, self.line, self.reason = path, line, reason

    def __str__(self) -> str:
        where = f"line {self.line} of {self.path}" if self.line else self.path
        return f"the journal cannot be replayed: {where}: {self.reason}"


class ForkedStream(UserDataStreamError):
    """The stream was started before ``fork()`` and lives on in the parent only; make a new one in this process."""

    def __init__(self) -> None:
        super().__init__()

    def __str__(self) -> str:
        return (
            "this stream was started before fork() and lives in the parent process only; "
            "make and start a UserDataStream in this process instead"
        )


class StreamGroupError(UserDataStreamError):
    """
    Streams of a ``StreamGroup`` failed.

    Attributes:
        failures: What each of them failed of, by its name.
    """

    def __init__(self, failures: Mapping[str, Exception]) -> None:
        super().__init__(dict(failures))
        self.failures = dict(failures)

    def __str__(self) -> str:
        return "; ".join(f"{name}: {error}" for name, error in self.failures.items())


def _answer(status: int, code: Optional[int], message: str) -> str:
    return f"HTTP {status}, {message}" if code is None else f"HTTP {status}, {code}: {message}"
