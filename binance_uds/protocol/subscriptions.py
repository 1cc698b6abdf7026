"""
The control messages we send on a private socket.

Source: USDⓈ-M Futures > WebSocket Market Streams > Live Subscribing/Unsubscribing to streams. The exchange bounds
incoming messages to 10 a second, of which a stream needs two per connection and one ping per interval.
"""

from __future__ import annotations

import json

from ..credentials import Secret

#: Numbers of our messages, which the replies repeat.
SUBSCRIBE_ID, LIST_ID = 1, 2

#: Asks which streams a connection is subscribed to; the reply names them, and so contains the listen key.
LIST_SUBSCRIPTIONS = json.dumps({"method": "LIST_SUBSCRIPTIONS", "id": LIST_ID})


def subscribe(key: Secret) -> Secret:
    """Return the message that asks for a listen key's events; secret, because it contains the key."""
    return Secret(json.dumps({"method": "SUBSCRIBE", "params": [key.reveal()], "id": SUBSCRIBE_ID}))
