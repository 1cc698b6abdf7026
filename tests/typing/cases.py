"""
What type checkers are to make of the public face; read by ``test_typing.py``, never run.

A comment at the end of a line says what ``reveal_type`` answers there, or that the line is to be refused.
"""

from __future__ import annotations

from typing import Union

from typing_extensions import reveal_type

import binance_uds as uds

stream = uds.UserDataStream("key")

# on() gives the callback the type of its class.
stream.on(uds.OrderTradeUpdate)(lambda event: (reveal_type(event),))  # reveals: OrderTradeUpdate
stream.on(uds.Event)(lambda event: (reveal_type(event),))  # reveals: Event
stream.on(uds.Notice)(lambda notice: (reveal_type(notice),))  # reveals: Notice


@stream.on(uds.OrderTradeUpdate)
def right(event: uds.OrderTradeUpdate) -> int:
    """Take what comes."""
    return event.order_id


@stream.on(uds.OrderTradeUpdate)
def broader(event: uds.Event) -> None:
    """Take more than what comes."""


@stream.on(uds.AccountUpdate)  # error
def wrong(event: uds.OrderTradeUpdate) -> None:
    """Take what does not come."""


@stream.on(uds.Event)  # error
def narrower(event: uds.OrderTradeUpdate) -> None:
    """Take less than what comes."""


# The function stays what it was.
reveal_type(right)  # reveals: (event: OrderTradeUpdate) -> int

# What is no event class is refused.
stream.on(int)  # error
stream.on("ORDER_TRADE_UPDATE")  # error
stream.events(uds.OrderStatus)  # error
stream.events(uds.OrderTradeUpdate, str)  # error

# events() gives a queue of its classes.
reveal_type(stream.events().get())  # reveals: Event
reveal_type(stream.events(uds.OrderTradeUpdate).get(timeout=1))  # reveals: OrderTradeUpdate
reveal_type(stream.events(uds.OrderTradeUpdate, uds.GapClosed).get())  # reveals: OrderTradeUpdate | GapClosed
both: uds.EventQueue[Union[uds.OrderTradeUpdate, uds.GapClosed]] = stream.events(uds.OrderTradeUpdate, uds.GapClosed)
for item in stream.events(uds.AccountUpdate, uds.TradeLite, uds.StateChanged):
    reveal_type(item)  # reveals: AccountUpdate | TradeLite | StateChanged
with stream.events(uds.AccountUpdate) as updates:
    reveal_type(updates)  # reveals: EventQueue[AccountUpdate]

# The rest of the face.
with stream as entered:
    reveal_type(entered)  # reveals: UserDataStream
reveal_type(stream.state)  # reveals: StreamState
reveal_type(stream.health.key_age_s)  # reveals: float | None
reveal_type(stream.stop())  # reveals: bool
reveal_type(stream.join())  # reveals: bool
reveal_type(uds.UserDataStream.from_env())  # reveals: UserDataStream
uds.UserDataStream("key", "secret", "usdm")  # error
uds.UserDataStream("key", lambda payload: "signature")
uds.UserDataStream("key", lambda payload: 5)  # error
