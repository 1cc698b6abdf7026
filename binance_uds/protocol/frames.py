"""
What a frame says: an event of the account, or something about the stream itself.

Data takes the quick way where it can. Whatever is odd, and whatever speaks about the stream, takes the strict one; what
neither can read is named and never raised.
"""

from __future__ import annotations

from collections import deque
from typing import Deque, Iterator, List, Optional, Sequence, Set, Tuple, Type, Union

import attrs

from ..credentials import Secret
from ..events.base import Event
from ..events.notices import Attention, AttentionCode, Notice, UndecodableFrame
from ..events.usdm import ListenKeyExpired
from . import facts
from .decoding.quick import QuickDecoder
from .decoding.strict import Control, Decoder, Payload, Undecodable, may_name_key, parse, unwrap
from .facts import Fact

#: Listen keys kept for masking: those of sockets whose frames may still come.
_KEYS_KEPT = 8

#: No key Binance hands out is short; a short text, masked, would spoil the data.
_SHORTEST_KEY = 8

#: The name of the notice that the exchange is about to end its connections; documented for Spot alone so far.
_SHUTDOWN = "serverShutdown"

#: The payload of a whole text or binary message.
Frame = Union[bytes, str]


@attrs.frozen
class Said:
    """
    What a frame says.

    Attributes:
        event: Of the account; None when it tells of none, or cannot be read.
        notices: For the user: what could not be read.
        facts: What the session has to know.
    """

    event: Optional[Event] = None
    notices: Tuple[Notice, ...] = ()
    facts: Tuple[Fact, ...] = ()


class Frames:
    """
    Reads frames.

    Args:
        event_classes: What the market is known to send.

    Attributes:
        usual: Returns the event of a usual frame, or None: then ``read`` it.
    """

    def __init__(self, event_classes: Sequence[Type[Event]]) -> None:
        self._decoder = Decoder(event_classes)
        # An expiry is more than data, so it takes the strict way.
        self._quick = QuickDecoder([of for of in event_classes if of is not ListenKeyExpired])
        self.usual = self._quick.event
        self._keys: Deque[Secret] = deque(maxlen=_KEYS_KEPT)
        self._told_malformed: Set[Tuple[str, str]] = set()

    def know(self, key: Secret) -> None:
        """From now on mask this listen key wherever it stands in a payload."""
        if key not in self._keys and len(key.reveal()) >= _SHORTEST_KEY:
            self._keys.append(key)
            self._quick.know(self._keys)

    def read(self, frame: Frame, socket: int) -> Said:
        """
        Read a frame strictly; never raises, whatever came.

        Args:
            frame: What came.
            socket: The number of the connection it came on.
        """
        control: Tuple[Fact, ...] = ()
        try:
            content = unwrap(parse(frame))
            if isinstance(content, Control):
                return Said(facts=tuple(self._control_facts(content, socket)))
            # Control first, from the name alone: an expiry whose fields are odd is an expiry all the same.
            control = tuple(self._life_facts(content, socket))
            named = may_name_key(frame, content, self._keys)
            decoded = self._decoder.event(content, self._keys if named else None)
        except Undecodable as error:
            lost = UndecodableFrame(reason=error.reason, size=size(frame))
            return Said(notices=(lost,), facts=(*control, facts.FramesUndecodable(socket)))
        return Said(decoded.event, tuple(self._attentions(type(decoded.event).__name__, decoded.malformed)), control)

    def _life_facts(self, payload: Payload, socket: int) -> Iterator[Fact]:
        if payload.name == ListenKeyExpired.wire_name:
            yield self._expiry(payload, socket)
        elif payload.name == _SHUTDOWN:
            yield facts.ShutdownNoticed(socket)

    def _expiry(self, payload: Payload, socket: int) -> facts.ExpiryNoticed:
        key = payload.body.get("listenKey")
        return facts.ExpiryNoticed(socket, Secret(key) if isinstance(key, str) and key else None)

    def _control_facts(self, reply: Control, socket: int) -> List[Fact]:
        if reply.error_code is not None:
            reason = f"the exchange answered a subscription message with error {reply.error_code}"
            return [facts.SubscriptionRefused(socket, reply.reply_id, reason)]
        if reply.names is None:
            return []
        return [facts.SubscriptionListed(socket, reply.keys)]

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


def size(frame: Frame) -> int:
    """Return the length of a frame in bytes; text may hold lone surrogates."""
    return len(frame) if isinstance(frame, bytes) else len(frame.encode(errors="surrogatepass"))
