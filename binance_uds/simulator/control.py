"""
What a WebSocket connection of the exchange is subscribed to, and how it answers control messages.

Pure: a path, a query and text messages go in, replies come out.

Source: USDⓈ-M Futures > WebSocket Market Streams (live subscribing, property requests) and
the "Important WebSocket Change Notice" of 2026-03 (``/public``, ``/market``, ``/private``).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Optional
from urllib.parse import parse_qsl

import attrs

#: The ways to reach private data, by the names the faults use:
#:
#: * ``path``        ``/private/ws/<key>``
#: * ``query``       ``/private/ws?listenKey=<key>&events=A/B``
#: * ``query_all``   ``/private/ws?listenKey=<key>`` (every event)
#: * ``combined``    ``/private/stream?listenKey=<k1>&events=A&listenKey=<k2>`` (wrapped)
#: * ``streams``     ``/private/stream?streams=<key>`` (wrapped)
#: * ``subscribe``   ``/private/stream`` or ``/private/ws``, then SUBSCRIBE
FORMS = ("path", "query", "query_all", "combined", "streams", "subscribe")

#: The form of everything that opens and never delivers: other routes and the un-routed addresses.
SILENT_FORM = "silent"

#: Streams one connection may hold; Source: change log, 2025-07-02.
MAX_STREAMS = 1024

_CLIENT_ID_LENGTH = 36  # the official SDK sends UUIDs as request ids


class InvalidRequest(Exception):
    """A control message the exchange answers with an error."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(code, message)
        self.code, self.message = code, message


@attrs.define
class Subscription:
    """
    What a connection is subscribed to.

    Attributes:
        form: How it was opened, one of `FORMS` or `SILENT_FORM`.
        combined: Whether events come wrapped as ``{"stream", "data"}``.
        streams: Stream names as the client gave them, ``<key>`` or ``<key>@<EVENT>``, in order.
    """

    form: str
    combined: bool
    streams: dict[str, None] = attrs.field(factory=dict, repr=False)
    max_streams: int = MAX_STREAMS

    def add(self, names: Sequence[str]) -> None:
        """Subscribe to streams; one that is there already stays."""
        if len({*self.streams, *names}) > self.max_streams:
            raise InvalidRequest(2, "Invalid request: too many subscriptions")
        self.streams.update(dict.fromkeys(names))

    def held_keys(self) -> set[str]:
        """The listen keys this connection holds, valid or not."""
        return {name.partition("@")[0] for name in self.streams}

    def names_for(self, key: str, event: str) -> Iterator[str]:
        """Name the streams through which an event of a key comes, each of which carries it."""
        if self.form != SILENT_FORM:
            yield from (name for name in (key, f"{key}@{event}") if name in self.streams)

    def wrap(self, name: str, event: str) -> str:
        """Put the JSON text of an event into the shape this connection wants."""
        return f'{{"stream":{json.dumps(name)},"data":{event}}}' if self.combined else event

    def listing(self) -> list[str]:
        """What LIST_SUBSCRIPTIONS names, in alphabetical order."""
        return sorted(self.streams)


def subscription_for(path: str, query: str, max_streams: int = MAX_STREAMS) -> Optional[Subscription]:
    """
    Read what a connection asks for.

    A key is not looked at: the exchange accepts a bogus one as well, and stays silent.

    Args:
        path: Path of the request, such as ``/private/ws/<key>``.
        query: Its query text, undecoded.
        max_streams: How many streams it may hold.

    Returns:
        The subscription, or None when nothing is served at that path.
    """
    parts = [part for part in path.split("/") if part]
    route = parts.pop(0) if parts and parts[0] in ("private", "public", "market") else ""
    if not parts or parts[0] not in ("ws", "stream"):
        return None
    combined = parts[0] == "stream"
    form, names = _asked_for(parts[1:], parse_qsl(query))
    if route != "private":
        form = SILENT_FORM
    elif combined and form in ("query", "query_all"):
        form = "combined"
    subscription = Subscription(form, combined, max_streams=max_streams)
    subscription.add(names)
    return subscription


def _asked_for(rest: Sequence[str], query: Sequence[tuple[str, str]]) -> tuple[str, list[str]]:
    if rest:
        return "path", list(rest)
    names: list[str] = []
    form = "subscribe"
    # events= belongs to the listenKey= before it, so the order of the query counts.
    for word, value in query:
        if word == "listenKey":
            form = "query" if form == "query" else "query_all"
            names.append(value)
        elif word == "events" and names and value:
            form = "query"
            key = names.pop()
            names.extend(f"{key}@{event}" for event in value.split("/") if event)
        elif word == "streams":
            form = "streams"
            names.extend(name for name in value.split("/") if name)
    return form, names


def answer(subscription: Subscription, text: str) -> str:
    """
    Carry out one control message.

    Args:
        subscription: Of the connection; changed by SUBSCRIBE, UNSUBSCRIBE and SET_PROPERTY.
        text: The message.

    Returns:
        The reply, JSON text ``{"result", "id"}`` or ``{"error": {"code", "msg"}, "id"}``.
    """
    request_id = None
    try:
        request = _parse(text)
        request_id = request["id"]
        method = request.get("method")
        if not isinstance(method, str) or method not in _ANSWERS:
            variants = ", ".join(_ANSWERS)
            raise InvalidRequest(2, f"Invalid request: unknown variant, expected one of {variants}")
        reply = {"result": _ANSWERS[method](subscription, request.get("params"))}
    except InvalidRequest as refused:
        reply = {"error": {"code": refused.code, "msg": refused.message}}
    return json.dumps({**reply, "id": request_id}, separators=(",", ":"))


def _parse(text: str) -> Mapping[str, Any]:
    try:
        request = json.loads(text)
    except ValueError:
        raise InvalidRequest(3, "Invalid JSON: expected value at line 1 column 1") from None
    if not isinstance(request, dict):
        raise InvalidRequest(2, "Invalid request: expected a JSON object")
    for name in ("method", "id"):
        if name not in request:
            raise InvalidRequest(2, f"Invalid request: missing field `{name}`")
    if not _is_request_id(request["id"]):
        raise InvalidRequest(2, "Invalid request: request ID must be an unsigned integer")
    return request


def _is_request_id(value: object) -> bool:
    if isinstance(value, bool):
        return False
    if isinstance(value, str):
        return 0 < len(value) <= _CLIENT_ID_LENGTH
    return isinstance(value, int) and 0 <= value < 1 << 64


def _stream_names(params: object) -> list[str]:
    if not isinstance(params, list) or not params or not all(isinstance(name, str) for name in params):
        raise InvalidRequest(2, "Invalid request: params must be an array of stream names")
    return params


def _property(params: object, count: int) -> list[Any]:
    if not isinstance(params, list) or not params or not isinstance(params[0], str):
        raise InvalidRequest(2, "Invalid request: property name must be a string")
    if len(params) > count:
        raise InvalidRequest(2, "Invalid request: too many parameters")
    if params[0] != "combined":
        raise InvalidRequest(0, "Unknown property")
    return params


def _subscribe(subscription: Subscription, params: object) -> None:
    subscription.add(_stream_names(params))


def _unsubscribe(subscription: Subscription, params: object) -> None:
    for name in _stream_names(params):
        subscription.streams.pop(name, None)


def _list(subscription: Subscription, params: object) -> list[str]:
    return subscription.listing()


def _set_property(subscription: Subscription, params: object) -> None:
    _, *value = _property(params, count=2)
    if not value or not isinstance(value[0], bool):
        raise InvalidRequest(1, "Invalid value type: expected Boolean")
    subscription.combined = value[0]


def _get_property(subscription: Subscription, params: object) -> bool:
    _property(params, count=1)
    return subscription.combined


_ANSWERS: Mapping[str, Callable[[Subscription, object], Any]] = {
    "SUBSCRIBE": _subscribe,
    "UNSUBSCRIBE": _unsubscribe,
    "LIST_SUBSCRIPTIONS": _list,
    "SET_PROPERTY": _set_property,
    "GET_PROPERTY": _get_property,
}
