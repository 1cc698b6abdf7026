"""
Requests that prove who sends them.

Source: USDⓈ-M Futures > General Info > SIGNED Endpoint Security: the signature covers the query exactly as it is
sent, and stands last in it.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Mapping, Union
from urllib.parse import quote, urlencode

from ..credentials import Credentials, Secret
from ..errors import ConfigurationError

#: How old the exchange may find a request on arrival, in milliseconds; what it takes by default.
RECV_WINDOW_MS = 5_000


def signed_query(parameters: Mapping[str, Union[str, int]], credentials: Credentials, timestamp_ms: int) -> Secret:
    """
    Return a whole query string, encoded and signed.

    Args:
        parameters: What the call asks for, unencoded.
        credentials: Whose call it is; they must be able to sign.
        timestamp_ms: Now, by the exchange's clock.

    Raises:
        ConfigurationError: There is no secret, or the callable in its place answered something unusable.
    """
    # A symbol is any text that an event or a row named, and JSON text may hold half a character.
    payload = urlencode(
        {**parameters, "recvWindow": RECV_WINDOW_MS, "timestamp": timestamp_ms},
        quote_via=quote,
        errors="surrogatepass",
    )
    return Secret(f"{payload}&signature={quote(_signature(payload.encode(), credentials), safe='')}")


def _signature(payload: bytes, credentials: Credentials) -> str:
    if credentials.api_secret is not None:
        return hmac.new(credentials.api_secret.reveal().encode(), payload, hashlib.sha256).hexdigest()
    if credentials.signer is None:
        raise ConfigurationError("this call must be signed, and the stream has no api_secret")
    try:
        signature = credentials.signer(payload)
        fault = None if isinstance(signature, str) and signature else "must return the signature as text"
    except Exception as error:
        fault = f"raised {type(error).__name__}"
    if fault is not None:
        # Outside the handler and without what came: neither may show in a traceback.
        signature = ""
        raise ConfigurationError(f"the callable given as api_secret {fault}")
    return signature
