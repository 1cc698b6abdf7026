"""
What type checkers are to make of the public face; read by ``test_typing.py``, never run.

A comment at the end of a line says what ``reveal_type`` answers there, or that the line is to be refused.
"""

from __future__ import annotations

from typing import Optional, Union

from typing_extensions import reveal_type

import binance_uds as uds
from binance_uds.doctor import examine
from binance_uds.metrics import StreamCollector, register

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

# The account answers objects, never None, and wait_until() the snapshot that was true.
reveal_type(stream.account)  # reveals: AccountView
reveal_type(stream.account.balance("USDT").wallet_balance)  # reveals: Decimal
reveal_type(stream.account.position("BTCUSDT", "LONG").amount)  # reveals: Decimal
reveal_type(stream.account.order("my-id").status)  # reveals: str | None
reveal_type(stream.account.order(5, "BTCUSDT").is_done)  # reveals: bool
reveal_type(stream.account.order(5).fills[0].price)  # reveals: Decimal | None
reveal_type(stream.account.order(5).history[0].status)  # reveals: str | None
reveal_type(stream.account.algo_order(5).actual_order_id)  # reveals: int | None
reveal_type(stream.account.position("BTCUSDT").leverage)  # reveals: int | None
reveal_type(stream.account.is_hedge_mode)  # reveals: bool | None
reveal_type(stream.account.as_of_ms)  # reveals: int | None
reveal_type(stream.account.positions["BTCUSDT", "BOTH"])  # reveals: PositionState
reveal_type(stream.account.snapshot().open_orders[5])  # reveals: OrderState
reveal_type(stream.wait_until(lambda account: account.order("my-id").is_done))  # reveals: AccountSnapshot
stream.wait_until(lambda account: (reveal_type(account),), timeout=None)  # reveals: AccountSnapshot
stream.wait_until(True)  # error
reveal_type(stream.wait_for(uds.OrderTradeUpdate, where=lambda event: event.is_fill))  # reveals: OrderTradeUpdate
reveal_type(stream.wait_for(uds.GapClosed, timeout=None))  # reveals: GapClosed
stream.wait_for(uds.OrderTradeUpdate, where=lambda event: event.reason)  # error
stream.wait_for(uds.UserDataStream)  # error
stream.account.trusted = True  # error
stream.account.order("my-id").status = "FILLED"  # error
stream.account.open_orders[5] = uds.OrderState()  # error
stream.account.positions["BTCUSDT"]  # error


class Row:
    """A store of one's own: two methods make it one."""

    def load(self) -> Optional[uds.Cursor]:
        """Find nothing."""
        return None

    def save(self, cursor: uds.Cursor) -> None:
        """Keep nothing."""


class NoRow:
    """One method does not."""

    def load(self) -> Optional[uds.Cursor]:
        """Find nothing."""
        return None


uds.UserDataStream("key", cursor=Row())
uds.UserDataStream("key", cursor=NoRow())  # error

# A group brings the stream with what came of it.
group = uds.StreamGroup([stream], max_backlog=5)
reveal_type(group.events(uds.OrderTradeUpdate))  # reveals: GroupQueue[OrderTradeUpdate]
for source, brought in group.events(uds.AccountUpdate, uds.GapClosed):
    reveal_type(source)  # reveals: UserDataStream
    reveal_type(brought)  # reveals: AccountUpdate | GapClosed
reveal_type(group.events().get(timeout=1)[1])  # reveals: Event
reveal_type(group.streams["mine"].account)  # reveals: AccountView
reveal_type(group.health["mine"].gaps)  # reveals: int
reveal_type(group.state)  # reveals: StreamState
reveal_type(group.stop())  # reveals: bool
reveal_type(group.join(5))  # reveals: bool
with group as together:
    reveal_type(together)  # reveals: StreamGroup
uds.StreamGroup(stream)  # error
group.add("mine")  # error


@group.on(uds.OrderTradeUpdate)
def of_any(source: uds.UserDataStream, event: uds.OrderTradeUpdate) -> str:
    """Take both."""
    return source.name


@group.on(uds.OrderTradeUpdate)  # error
def of_none(event: uds.OrderTradeUpdate) -> None:
    """Take the event alone."""


# The rest of the face.
with stream as entered:
    reveal_type(entered)  # reveals: UserDataStream
reveal_type(stream.state)  # reveals: StreamState
reveal_type(stream.health.key_age_s)  # reveals: float | None
reveal_type(stream.stop())  # reveals: bool
reveal_type(stream.join())  # reveals: bool
reveal_type(uds.UserDataStream.from_env())  # reveals: UserDataStream
reveal_type(stream.cursor)  # reveals: Cursor | None
reveal_type(stream.history)  # reveals: History
reveal_type(stream.history.newest)  # reveals: Event | Notice | None
reveal_type(stream.history.items(uds.GapClosed)[0])  # reveals: GapClosed
for each in stream.history:
    reveal_type(each)  # reveals: Event | Notice
stream.history.items(str)  # error
reveal_type(uds.Cursor.from_text("{}").to_text())  # reveals: str
reveal_type(uds.CursorFile("stream.cursor").load())  # reveals: Cursor | None
reveal_type(register(stream, latency=True))  # reveals: StreamCollector
StreamCollector("stream")  # error
reveal_type(examine(uds.Credentials.of("key"), uds.USDM)[0].outcome)  # reveals: str
examine("key")  # error
uds.UserDataStream("key", cursor=uds.CursorFile("stream.cursor"))
uds.UserDataStream("key", cursor=uds.Cursor.from_text("{}"))
uds.UserDataStream("key", cursor="{}")
uds.UserDataStream("key", cursor=5)  # error
uds.UserDataStream("key", "secret", "usdm")  # error
uds.UserDataStream("key", lambda payload: "signature")
uds.UserDataStream("key", lambda payload: 5)  # error

# Recordings: a replay is a stream.
reveal_type(stream.record("account.jsonl", max_bytes=10_000_000).problem)  # reveals: str | None
replayed = uds.replay("account.jsonl", speed=1.0)
reveal_type(replayed)  # reveals: Replay
reveal_type(replayed.has_next_run)  # reveals: bool
reveal_type(replayed.cut)  # reveals: str | None
reveal_type(replayed.account)  # reveals: AccountView
reveal_type(replayed.events(uds.OrderTradeUpdate))  # reveals: EventQueue[OrderTradeUpdate]
stream.record("account.jsonl", 10_000_000)  # error
uds.replay(5)  # error
