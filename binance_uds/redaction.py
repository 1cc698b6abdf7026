"""
Secrets do not reach a log: they are known by value, and masked in every record that passes.

Other people's loggers are the danger: urllib3 prints paths with their query at DEBUG level, and websocket-client can
be told to print whole requests. ``RedactingFilter`` goes onto those loggers and ours when a stream starts.
"""

from __future__ import annotations

import functools
import logging
import re
import weakref
from typing import Protocol, Tuple
from urllib.parse import quote

#: What a masked secret looks like wherever it stood.
MASK = "***"

#: Loggers through which a request's URL could pass. A filter sees only records of its own logger, not of children.
WATCHED_LOGGERS = (
    "urllib3.connectionpool",
    "urllib3.connection",
    "urllib3.util.retry",
    "requests",
    "websocket",
)

#: Values that are secret by the name they stand behind; a signature is new with each request.
_BY_NAME = re.compile(r"((?:signature|listenKey)=)[^&\s\"']+")

#: What percent-encoding leaves as it is.
_UNRESERVED = re.compile(r"[A-Za-z0-9_.~-]*")

#: websocket-client's trace of a frame as it is sent: masked with four random bytes that stand in front of it, so that
#: no value is found there, and anybody can unmask it. The next line shows the frame in clear, where values are found.
_SENT_RAW = re.compile(r"(\+\+Sent raw: ).+", re.DOTALL)


class _Revealing(Protocol):
    def reveal(self) -> str: ...


# By identity: in a set, a second secret of the same value would go with the first. There is no lock, which a fork or a
# signal handler could find held: storing an item and listing the references are one step each to other threads.
_known: weakref.WeakValueDictionary[int, _Revealing] = weakref.WeakValueDictionary()


def conceal(secret: _Revealing) -> None:
    """Mask this secret's value in every watched log from now on, for as long as the object lives."""
    _known[id(secret)] = secret


def redact(text: str) -> str:
    """Return ``text`` with every known secret, raw or percent-encoded, every signature and every raw frame masked."""
    secrets = [reference() for reference in _known.valuerefs()]
    # The same key is often known several times over.
    for value in {secret.reveal() for secret in secrets if secret is not None}:
        # A short text would mask half the log; no key Binance hands out is short.
        if len(value) >= 8:
            text = text.replace(value, MASK)
            if not _UNRESERVED.fullmatch(value):
                text = text.replace(quote(value, safe="", errors="surrogatepass"), MASK)
    return _SENT_RAW.sub(r"\1" + MASK, _BY_NAME.sub(r"\1" + MASK, text))


class RedactingFilter(logging.Filter):
    """Masks known secrets in a record's message, arguments and traceback."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Mask in place, and let the record pass."""
        try:
            message = record.getMessage()
        except Exception:
            # Raising here would reach whoever logs; a handler would only print a complaint, with the arguments.
            message = f"{record.msg} {record.args}"
        record.msg, record.args = redact(message), None
        if record.exc_info and not record.exc_text:
            record.exc_text = redact(logging.Formatter().formatException(record.exc_info))
        return True


_filter = RedactingFilter()


def watch_loggers() -> None:
    """Put the filter onto every logger a secret could pass through; safe to call again."""
    for logger in _loggers():
        logger.addFilter(_filter)


@functools.cache
def _loggers() -> Tuple[logging.Logger, ...]:
    # Looked up once: before Python 3.13, Ctrl-C while one thread looks one up may leave it with a lock for which every
    # later look-up waits for ever, and a stream comes by here with each connection.
    return tuple(logging.getLogger(name) for name in WATCHED_LOGGERS)


def watched(name: str) -> logging.Logger:
    """Return the logger of this name with the filter on it."""
    logger = logging.getLogger(name)
    logger.addFilter(_filter)
    return logger
