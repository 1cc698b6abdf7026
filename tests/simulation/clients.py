"""The clients that are tried: how the stream is made, and what it promises then."""

from __future__ import annotations

from typing import Any, Mapping

import attrs

from binance_uds.protocol.timings import Timings
from tests.simulation.promise import Promise


@attrs.frozen
class Client:
    """
    A way to make the stream.

    Attributes:
        share: How many of ten seeds it takes.
        signed: Whether it knows the API secret.
        promise: What it promises.
        arguments: Further arguments of ``UserDataStream``.
    """

    share: int
    signed: bool
    promise: Promise
    arguments: Mapping[str, Any] = attrs.field(factory=dict)


#: A client with a secret keeps every promise there is.
_WHOLE = Promise(repairs=True, recognises_copies=True, keeps_account=True, survives_restart=True)

#: Connections are replaced so often that it happens in the middle of anything.
_RESTLESS = Timings(connection_age=900.0, connection_age_spread=600.0)

#: Pages so short that most reads need several, while the account is traded and between two looks at the clock.
_SHORT_PAGES = Timings(page_rows=20)

CLIENTS: Mapping[str, Client] = {
    "signed": Client(3, True, _WHOLE),
    "short pages": Client(1, True, _WHOLE, {"timings": _SHORT_PAGES}),
    "restless": Client(2, True, _WHOLE, {"timings": _RESTLESS}),
    "twin": Client(2, True, _WHOLE, {"connections": 2}),
    "key-only": Client(1, False, Promise(recognises_copies=True, survives_restart=True)),
    "key-only restless": Client(1, False, Promise(recognises_copies=True), {"timings": _RESTLESS}),
}


def client_of(seed: int) -> str:
    """Return the name of the client that a seed is for."""
    names = [name for name, client in CLIENTS.items() for _ in range(client.share)]
    return names[seed % len(names)]
