"""
The strict way, field by field: from the bytes of a frame to an event, and from JSON objects to what they tell.

What is not exactly what it should be is either named (``Undecodable``, ``Decoded.malformed``) or kept as data
(``UnknownEvent``, ``raw``), never guessed. Pure: the same frame always reads the same.
"""

from __future__ import annotations

import json
from typing import Any, Callable, Dict, Iterator, List, Mapping, NoReturn, Optional, Sequence, Tuple, Union

import attrs

from ...credentials import Secret
from ...events.base import (
    WIRE_CONVERT,
    WIRE_ESSENTIAL,
    WIRE_PATH,
    WIRE_ROWS,
    Event,
    UnknownEvent,
    decimal,
    integer,
    key_tag,
)
from ...redaction import MASK

#: Binance's payloads are 3 objects deep. The bound keeps everything that walks ``raw`` far from Python's own.
DEEPEST = 32


class Undecodable(Exception):
    """
    A frame, an answer or a row of one is of no use.

    Attributes:
        reason: Why, in plain words that repeat nothing of its content.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@attrs.frozen
class Control:
    """
    The exchange's reply to a request we sent on the socket.

    Attributes:
        reply_id: The id our request had; None when the reply names none.
        names: The streams a LIST_SUBSCRIPTIONS reply lists, the listen key in them; None on other replies.
        error_code: Binance's code when it refused the request (-1000, its own for an unknown error, when it
            named none); None when it did not refuse.
    """

    reply_id: Optional[int]
    names: Optional[Tuple[str, ...]] = attrs.field(default=None, repr=False)
    error_code: Optional[int] = None

    @property
    def keys(self) -> Tuple[Secret, ...]:
        """
        The listen keys that a LIST_SUBSCRIPTIONS reply names.

        A subscription is named by the key alone, or by the key and one event: ``<key>@ORDER_TRADE_UPDATE``.
        """
        return tuple(Secret(name.split("@")[0]) for name in self.names or ())


@attrs.frozen
class Payload:
    """
    An event, unwrapped and not yet typed.

    Attributes:
        name: Binance's name of the event, its ``e``; life-cycle events are recognised by it alone.
        body: The object it came as, ``e`` included.
        stream: What its wrapper calls the stream, the listen key in it; empty without such a wrapper.
    """

    name: str
    body: Dict[str, Any] = attrs.field(repr=False)
    stream: str = attrs.field(default="", repr=False)


@attrs.frozen
class Decoded:
    """
    An event, and what was wrong with it.

    Attributes:
        event: The typed event.
        malformed: Our names of the fields that are None because what was sent is not of their type; one
            of a row is named like ``"positions.break_even_price"``.
    """

    event: Event
    malformed: Tuple[str, ...] = ()


def parse(frame: Union[bytes, str]) -> Dict[str, Any]:
    """
    Read a frame as a JSON object, more strictly than the standard library does by itself.

    Numbers with a fraction or an exponent become exact ``Decimal``, whole numbers exact ``int``.

    Args:
        frame: The payload of a text or binary frame.

    Returns:
        The object.

    Raises:
        Undecodable: Not UTF-8; not JSON; not an object; a key twice in one object; NaN, Infinity or a number
            of absurd length or size; nested more than ``DEEPEST`` deep.
    """
    # Raised after the handlers, not in them: the errors of the codec and the parser carry the whole frame.
    try:
        source = frame.decode() if isinstance(frame, bytes) else frame
        document = _JSON.decode(source)
    except UnicodeDecodeError:
        reason = "not UTF-8"
    except json.JSONDecodeError as error:
        reason = f"not JSON at character {error.pos}"
    except ValueError as error:
        reason = str(error)
    except RecursionError:
        reason = TOO_DEEP
    else:
        if not isinstance(document, dict):
            reason = "not a JSON object"
        elif source.count("{") + source.count("[") > DEEPEST and is_too_deep(document):
            reason = TOO_DEEP
        else:
            return document
    raise Undecodable(reason)


#: The reason for it.
TOO_DEEP = "nested too deeply"


def _unique(pairs: List[Tuple[str, Any]]) -> Dict[str, Any]:
    document = dict(pairs)
    if len(document) != len(pairs):
        raise ValueError("a key twice in one object")
    return document


def _refuse_constant(_: str) -> NoReturn:
    raise ValueError("NaN or Infinity")


_JSON = json.JSONDecoder(
    object_pairs_hook=_unique, parse_float=decimal, parse_int=integer, parse_constant=_refuse_constant
)


def is_too_deep(document: Dict[str, Any]) -> bool:
    """Whether a JSON object is nested more than ``DEEPEST`` deep, itself counted."""
    level: List[Any] = [document]
    for _ in range(DEEPEST):
        level = [child for node in level for child in _containers(node)]
        if not level:
            return False
    return True


def _containers(node: Union[Dict[str, Any], List[Any]]) -> Iterator[Union[Dict[str, Any], List[Any]]]:
    children = node.values() if isinstance(node, dict) else node
    return (child for child in children if isinstance(child, (dict, list)))


def unwrap(document: Dict[str, Any]) -> Union[Control, Payload]:
    """
    Tell events and replies apart, and take an event out of its wrapper; all by shape.

    An event comes by itself, as ``{"stream", "data"}`` or as ``{"subscriptionId", "event"}``, in any order; a
    reply as ``{"result", "id"}``, ``{"error": {"code", "msg"}, "id"}`` or ``{"code", "msg"}``.

    Args:
        document: What ``parse`` returned.

    Raises:
        Undecodable: None of these, or an event whose name is not text.
    """
    body = _inner(document)
    name = body.get("e")
    if isinstance(name, str):
        stream = "" if body is document else document.get("stream")
        return Payload(name, body, stream if isinstance(stream, str) else "")
    if "e" in body:
        raise Undecodable("an event whose name is not text")
    return _reply(document)


def _inner(document: Dict[str, Any]) -> Dict[str, Any]:
    if "e" not in document:
        for key in ("data", "event"):
            content = document.get(key)
            if isinstance(content, dict):
                return content
    return document


#: Binance's own code for an error it has no code for.
_UNKNOWN_ERROR = -1000


def _reply(document: Dict[str, Any]) -> Control:
    reply_id = _whole(document.get("id"))
    error = document.get("error")
    if error is None and "code" in document and "msg" in document:
        error = document
    if error is not None:
        code = _whole(error.get("code")) if isinstance(error, dict) else None
        return Control(reply_id, error_code=_UNKNOWN_ERROR if code is None else code)
    if "result" not in document:
        raise Undecodable("neither an event nor a reply")
    result = document["result"]
    if isinstance(result, list) and all(isinstance(name, str) for name in result):
        return Control(reply_id, tuple(result))
    return Control(reply_id)


def _whole(value: Any) -> Optional[int]:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


class Decoder:
    """
    Turns payloads into events of the classes it was made with.

    Args:
        event_classes: The classes, found by their ``wire_name``. Any other name becomes an ``UnknownEvent``.
    """

    def __init__(self, event_classes: Sequence[type[Event]]) -> None:
        self._readers = {event_class.wire_name: Reader(event_class) for event_class in event_classes}
        self._unknown = Reader(UnknownEvent)

    def event(self, payload: Payload, secrets: Optional[Sequence[Secret]] = ()) -> Decoded:
        """
        Type one payload.

        Args:
            payload: What ``unwrap`` returned. It becomes ``raw``, so it must not be changed afterwards.
            secrets: The listen keys in use, masked wherever they stand, as is all that stands behind the name
                ``listenKey``. None says that no key stands in the payload, which saves the walk through it.

        Raises:
            Undecodable: What the event cannot do without is missing or malformed.
        """
        malformed: List[str] = []
        reader = self._readers.get(payload.name, self._unknown)
        raw = payload.body if secrets is None else _masked(payload.body, secrets)
        event = reader.read(payload.body if reader.tags_key else raw, malformed, raw=raw)
        return Decoded(event, tuple(malformed))


#: Our name, Binance's key, conversion, whether essential.
_Field = Tuple[str, str, Callable[[Any], Any], bool]


class Reader:
    """
    Builds objects of one class from JSON objects.

    The field declarations are read once, here. Fields are grouped by the object they stand in, so that each
    object is looked up once per event.

    Args:
        of: A class whose fields are declared by ``wire`` and ``rows``.

    Attributes:
        tags_key: Whether an object must be read before the listen key in it is masked, for the key's tag.
    """

    def __init__(self, of: Any) -> None:
        self._class = of
        groups: Dict[Tuple[str, ...], List[_Field]] = {}
        lists: List[Tuple[Tuple[str, ...], str, str, Reader]] = []
        for field in attrs.fields(of):
            if WIRE_PATH not in field.metadata:
                continue
            *parents, key = field.metadata[WIRE_PATH]
            if WIRE_ROWS in field.metadata:
                lists.append((tuple(parents), field.name, key, Reader(field.metadata[WIRE_ROWS])))
            else:
                declared = (field.name, key, field.metadata[WIRE_CONVERT], field.metadata[WIRE_ESSENTIAL])
                groups.setdefault(tuple(parents), []).append(declared)
        self.tags_key = any(convert is key_tag for fields in groups.values() for _, _, convert, _ in fields)
        self._groups = tuple((parents, tuple(fields)) for parents, fields in groups.items())
        self._lists = tuple(lists)

    def read(self, body: Mapping[str, Any], malformed: List[str], **values: Any) -> Any:
        """
        Return an object of the class, with further field values that stand in no JSON.

        The names of fields that are not of their type are appended to ``malformed``.

        Raises:
            Undecodable: What the class cannot do without is missing or malformed.
        """
        for parents, fields in self._groups:
            holder = self._descend(body, parents)
            for name, key, convert, essential in fields:
                value = holder.get(key)
                if value is None:
                    if essential:
                        raise self._without(name)
                    continue
                try:
                    values[name] = convert(value)
                except ValueError:
                    if essential:
                        raise self._without(name) from None
                    malformed.append(name)
        for parents, name, key, reader in self._lists:
            holder = self._descend(body, parents)
            values[name] = self._rows(holder, name, key, reader, malformed)
        return self._class(**values)

    def _descend(self, body: Mapping[str, Any], parents: Tuple[str, ...]) -> Mapping[str, Any]:
        """Follow the keys to an object; an absent one is empty, for its fields are absent too."""
        for key in parents:
            inner = body.get(key)
            if inner is None:
                return {}
            if not isinstance(inner, dict):
                raise Undecodable(f"{self._class.__name__} whose {key!r} is not an object")
            body = inner
        return body

    def _rows(
        self, holder: Mapping[str, Any], name: str, key: str, reader: Reader, malformed: List[str]
    ) -> Tuple[Any, ...]:
        rows = holder.get(key)
        # An absent list may mean that nothing of its kind changed; an absent object around it means nothing.
        if rows is None and holder:
            return ()
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise self._without(name)
        within: List[str] = []
        objects = tuple(reader.read(row, within) for row in rows)
        malformed.extend(f"{name}.{field}" for field in within)
        return objects

    def _without(self, name: str) -> Undecodable:
        return Undecodable(f"{self._class.__name__} without a usable {name}")


#: The name behind which Binance puts a listen key.
KEY_NAME = "listenKey"


def may_name_key(frame: Union[bytes, str], payload: Payload, secrets: Sequence[Secret]) -> bool:
    """
    Tell from a few searches through a frame whether a listen key may stand in its payload.

    A wrapper's ``stream`` names the key in every frame, so what stands there does not count. Behind an escape
    (``\\u0061``) nothing can be found, so one counts as a key.

    Args:
        frame: What was parsed.
        payload: What ``unwrap`` returned of it.
        secrets: The listen keys in use.
    """
    if _count(frame, KEY_NAME) or _count(frame, "\\"):
        return True
    return any(_count(frame, secret.reveal()) > payload.stream.count(secret.reveal()) for secret in secrets)


def _count(frame: Union[bytes, str], text: str) -> int:
    return frame.count(text) if isinstance(frame, str) else frame.count(text.encode(errors="surrogatepass"))


def _masked(node: Any, secrets: Sequence[Secret]) -> Any:
    """Copy a JSON value without listen keys: by the name they stand behind, and by value anywhere."""
    if isinstance(node, dict):
        return {
            _hidden(key, secrets): MASK if key == KEY_NAME else _masked(child, secrets) for key, child in node.items()
        }
    if isinstance(node, list):
        return [_masked(child, secrets) for child in node]
    return _hidden(node, secrets) if isinstance(node, str) else node


def _hidden(text: str, secrets: Sequence[Secret]) -> str:
    for secret in secrets:
        text = text.replace(secret.reveal(), MASK)
    return text
