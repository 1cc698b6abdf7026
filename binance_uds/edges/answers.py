"""
What an answer of the REST interface means: data, an error, or an order to wait. Pure.

Source: USDⓈ-M Futures > General Info > HTTP Return Codes, IP Limits; Error Codes.
"""

from __future__ import annotations

import email.utils
import json
import re
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, NoReturn, Optional

import attrs

from ..errors import CredentialsRejected, ExchangeError, StreamInterrupted, UserDataStreamError
from ..redaction import redact

#: Bad API key, bad key or permissions, bad signature, not authorised, account inactive: retrying cannot help.
_CREDENTIAL_CODES = (-2014, -2015, -1022, -1002, -4109)

#: Seconds to wait when the exchange names no time: the weight window is a minute, the shortest ban two.
_DEFAULT_WAIT_S = {429: 60.0, 418: 120.0}

#: Bounds of a named time. The longest ban is three days; a time in the past still means we were too fast.
_MIN_WAIT_S, _MAX_WAIT_S = 1.0, 3 * 86_400.0

_BANNED_UNTIL = re.compile(r"banned until (\d{1,15})")
_SECONDS = re.compile(r"\d{1,9}(\.\d{1,9})?")

_MAX_MESSAGE = 300


@attrs.frozen
class Answer:
    """
    An HTTP answer that came whole.

    Attributes:
        status: HTTP status.
        headers: By name; looking up ignores the case.
        body: As it came; may hold a listen key, or echo a signed request.
    """

    status: int
    headers: Mapping[str, str] = attrs.field(repr=False)
    body: bytes = attrs.field(repr=False)

    @property
    def used_weight(self) -> Optional[int]:
        """Request weight this address has used in the current minute, if the answer says so."""
        text = self.headers.get("X-MBX-USED-WEIGHT-1M", "")
        return int(text) if re.fullmatch(r"[0-9]{1,9}", text) else None


def verdict(answer: Answer, wall: float) -> Any:
    """
    Judge an answer.

    Args:
        answer: What came.
        wall: Now, in seconds since the Unix epoch by this machine's clock.

    Returns:
        The parsed JSON of a success, its numbers exact, or the ``UserDataStreamError`` to raise; never raises it
        itself, because the answer, which may hold secrets, would be in its traceback.
    """
    is_success = 200 <= answer.status < 300
    try:
        value = json.loads(answer.body, parse_float=Decimal, parse_constant=_refuse)
    except (ValueError, InvalidOperation, RecursionError):
        return StreamInterrupted("the answer is not JSON") if is_success else _error(answer, {}, wall)
    return value if is_success else _error(answer, value, wall)


def _error(answer: Answer, value: Any, wall: float) -> UserDataStreamError:
    facts = value if isinstance(value, dict) else {}
    code = facts.get("code")
    if not isinstance(code, int) or isinstance(code, bool):
        code = None
    text = facts.get("msg")
    message = in_bounds(text) if isinstance(text, str) and text.strip() else "no explanation"
    if answer.status == 401 or code in _CREDENTIAL_CODES:
        return CredentialsRejected(answer.status, code, message)
    return ExchangeError(answer.status, code, message, _wait(answer, message, wall))


def in_bounds(text: str) -> str:
    """Return the exchange's words on one line, bounded, without secrets they may echo."""
    words = " ".join("".join(c if c.isprintable() else " " for c in redact(text)).split())
    return words if len(words) <= _MAX_MESSAGE else words[: _MAX_MESSAGE - 3] + "..."


def _wait(answer: Answer, message: str, wall: float) -> Optional[float]:
    """Return how long the exchange wants us to wait, in seconds; the longer time if it names two."""
    # Dates are of the exchange's clock, and so is the one the answer carries.
    now = _epoch(answer.headers.get("Date", "")) or wall
    waits = []
    retry_after = answer.headers.get("Retry-After", "").strip()
    if _SECONDS.fullmatch(retry_after):
        waits.append(float(retry_after))
    else:
        date = _epoch(retry_after)
        if date is not None:
            waits.append(date - now)
    if answer.status in _DEFAULT_WAIT_S:
        banned = _BANNED_UNTIL.search(message)
        if banned:
            waits.append(int(banned[1]) / 1000 - now)
        if not waits:
            waits.append(_DEFAULT_WAIT_S[answer.status])
    return min(max(_MIN_WAIT_S, *waits), _MAX_WAIT_S) if waits else None


def _epoch(text: str) -> Optional[float]:
    """Return an HTTP date as seconds since the Unix epoch, or None if it is not one."""
    try:
        return email.utils.parsedate_to_datetime(text).timestamp()
    except (TypeError, ValueError, IndexError, OverflowError):
        return None


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")
