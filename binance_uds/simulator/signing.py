"""
How the exchange checks who signed a request, and when.

Pure, and on purpose written apart from the client's signing code: one mistake must not cancel itself out.

Source: USDⓈ-M Futures > General Info > Signed endpoints, Timing security.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from typing import Optional

from binance_uds.simulator.parameters import Parameters
from binance_uds.simulator.refusals import Refused, refused

DEFAULT_WINDOW_MS = 5_000
LONGEST_WINDOW_MS = 60_000
TOLERATED_LEAD_MS = 1_000

_KEY_FORMAT = re.compile(r"[A-Za-z0-9]{64}")
_SIGNATURE = re.compile(r"(?:^|&)signature=([^&]*)$")


def check_key_format(api_key: Optional[str]) -> str:
    """Return the API key, or raise `Refused` (-2014) when there is none or it cannot be one."""
    if api_key is None or not _KEY_FORMAT.fullmatch(api_key):
        raise Refused(401, -2014, "API-key format invalid.")
    return api_key


def check_time(parameters: Parameters, now_ms: int) -> None:
    """
    Check the timestamp of a signed request.

    Raises:
        Refused: -1102 without a timestamp, -1131 for too large a window, -1021 outside of it.
    """
    timestamp = parameters.required_integer("timestamp")
    window = parameters.integer("recvWindow", DEFAULT_WINDOW_MS)
    if window > LONGEST_WINDOW_MS:
        raise Refused(400, -1131, f"recvWindow must be less than {LONGEST_WINDOW_MS}")
    if timestamp >= now_ms + TOLERATED_LEAD_MS:
        raise Refused(400, -1021, "Timestamp for this request was 1000ms ahead of the server's time.")
    if now_ms - timestamp > window:
        raise Refused(400, -1021, "Timestamp for this request is outside of the recvWindow.")


def sign(secret: str, payload: str) -> str:
    """Sign text as a client with this secret would: HMAC-SHA256, in hexadecimal."""
    return hmac.new(secret.encode(), payload.encode(), hashlib.sha256).hexdigest()


def check_signature(secret: str, query: str, body: str) -> None:
    """
    Check the signature of a request over what was sent, byte for byte.

    Args:
        secret: Of the API key.
        query: The query text, undecoded.
        body: The form body, undecoded. The signature stands last in one of the two.

    Raises:
        Refused: -1102 without a signature, -1022 for a wrong one or one that is not last.
    """
    in_body = _SIGNATURE.search(body)
    found = in_body or _SIGNATURE.search(query)
    if found is None:
        if "signature=" in query + body:
            raise _invalid_signature()
        raise refused(-1102, "signature")
    unsigned = found.string[: found.start()]
    payload = query + unsigned if in_body else unsigned + body
    if not hmac.compare_digest(sign(secret, payload).encode(), found.group(1).lower().encode()):
        raise _invalid_signature()


def _invalid_signature() -> Refused:
    return Refused(400, -1022, "Signature for this request is not valid.")
