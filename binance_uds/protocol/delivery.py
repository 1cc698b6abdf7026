"""
The way of every frame: decoded, understood as far as it is control, handed on as events.

Data takes the short way past the session; only what speaks about the stream itself becomes a fact.
"""

from __future__ import annotations

from collections import deque
from typing import Deque, List, Sequence, Set, Tuple, Type, Union

import attrs

from ..account import Account
from ..credentials import Secret
from ..events.base import Event
from ..events.notices import Attention, AttentionCode, Notice, UndecodableFrame
from ..events.usdm import ListenKeyExpired
from . import facts
from .decode import Control, Decoder, Payload, Undecodable, may_name_key, parse, unwrap
from .facts import Fact

#: Listen keys kept for masking: those of sockets whose frames may still come.
_KEYS_KEPT = 8

#: No key Binance hands out is short; a short text, masked, would spoil the data.
_SHORTEST_KEY = 8


@attrs.frozen
class Taken:
    """
    What came out of one frame.

    Attributes:
        items: Events and notices for the user, in order.
        facts: What the session has to know.
    """

    items: Tuple[Union[Event, Notice], ...] = ()
    facts: Tuple[Fact, ...] = ()


class Delivery:
    """
    Turns frames into what is delivered.

    Args:
        event_classes: What the market is known to send.
        account: Takes every event, before anybody else sees it.
    """

    def __init__(self, event_classes: Sequence[Type[Event]], account: Account) -> None:
        self._account = account
        self._decoder = Decoder(event_classes)
        self._keys: Deque[Secret] = deque(maxlen=_KEYS_KEPT)
        self._told_malformed: Set[Tuple[str, str]] = set()

    def know(self, key: Secret) -> None:
        """From now on mask this listen key wherever it stands in a payload."""
        if key not in self._keys and len(key.reveal()) >= _SHORTEST_KEY:
            self._keys.append(key)

    def take(self, frame: Union[bytes, str], socket: int) -> Taken:
        """
        Digest one frame; never raises, whatever came.

        Args:
            frame: The payload of a whole text or binary message.
            socket: The number of the connection it came on.
        """
        try:
            content = unwrap(parse(frame))
            if isinstance(content, Control):
                return Taken(facts=tuple(self._control_facts(content, socket)))
            return self._event(content, frame, socket)
        except Undecodable as error:
            reason = error.reason
        return Taken((UndecodableFrame(reason=reason, size=_size(frame)),), (facts.FramesUndecodable(socket),))

    def _event(self, payload: Payload, frame: Union[bytes, str], socket: int) -> Taken:
        # Control first, from the name alone: an expiry whose fields are odd is an expiry all the same.
        control = (self._expiry(payload, socket),) if payload.name == ListenKeyExpired.wire_name else ()
        try:
            named = may_name_key(frame, payload, self._keys)
            decoded = self._decoder.event(payload, self._keys if named else None)
        except Undecodable as error:
            lost = UndecodableFrame(reason=error.reason, size=_size(frame))
            return Taken((lost,), (*control, facts.FramesUndecodable(socket)))
        self._account.apply(decoded.event)
        return Taken((decoded.event, *self._attentions(type(decoded.event).__name__, decoded.malformed)), control)

    def _expiry(self, payload: Payload, socket: int) -> facts.ExpiryNoticed:
        key = payload.body.get("listenKey")
        return facts.ExpiryNoticed(socket, Secret(key) if isinstance(key, str) and key else None)

    def _control_facts(self, reply: Control, socket: int) -> List[Fact]:
        if reply.error_code is not None:
            reason = f"the exchange answered a subscription message with error {reply.error_code}"
            return [facts.SubscriptionRefused(socket, reply.reply_id, reason)]
        if reply.names is None:
            return []
        # A subscription is named by the key alone, or by the key and one event: "<key>@ORDER_TRADE_UPDATE".
        return [facts.SubscriptionListed(socket, tuple(Secret(name.split("@")[0]) for name in reply.names))]

    def _attentions(self, event_name: str, malformed: Tuple[str, ...]) -> List[Notice]:
        new = [field for field in malformed if (event_name, field) not in self._told_malformed]
        self._told_malformed.update((event_name, field) for field in new)
        return [
            Attention(
                code=AttentionCode.MALFORMED_FIELD,
                message=f"{field} of an {event_name} is not of its type and is None; what came is in event.raw. "
                "Said once per field",
            )
            for field in new
        ]


def _size(frame: Union[bytes, str]) -> int:
    """Return the length of a frame in bytes; text may hold lone surrogates."""
    return len(frame) if isinstance(frame, bytes) else len(frame.encode(errors="surrogatepass"))
