"""How a REST request fails when a fault says so: status, code and words as the exchange has them."""

from __future__ import annotations

from binance_uds.simulator.faults import FailRest
from binance_uds.simulator.http_api import Answer

#: Code and words of a failure whose fault names none, by HTTP status.
#: Source: USDⓈ-M Futures > General Info > HTTP return codes; Error Code.
_USUAL = {
    401: (-2015, "Invalid API-key, IP, or permissions for action."),
    403: (-1002, "You are not authorized to execute this request."),
    408: (
        -1007,
        "Timeout waiting for response from backend server. Send status unknown; execution status unknown.",
    ),
    418: (
        -1003,
        "Way too many requests; IP banned until {until_ms}. Please use the websocket for live updates.",
    ),
    429: (-1003, "Too many requests; current limit of IP is 2400 requests per minute."),
    503: (-1008, "Request throttled by system-level protection. Please try again."),
}
_ANY = (-1000, "An unknown error occurred while processing the request.")

#: A ban whose fault does not say how long it lasts, in seconds.
_USUAL_BAN_S = 120


def failure(fault: FailRest, now_ms: int) -> Answer:
    """
    Word the answer to a request that fails.

    Args:
        fault: What it says counts; what it leaves open is as usual.
        now_ms: Exchange time, from which a ban is counted.
    """
    code, message = _USUAL.get(fault.status, _ANY)
    headers = {} if fault.retry_after is None else {"Retry-After": str(fault.retry_after)}
    ban_s = fault.retry_after if isinstance(fault.retry_after, (int, float)) else _USUAL_BAN_S
    message = message.format(until_ms=now_ms + int(ban_s * 1000))
    body = {
        "code": code if fault.code is None else fault.code,
        "msg": message if fault.message is None else fault.message,
    }
    return Answer(fault.status, body, headers)
