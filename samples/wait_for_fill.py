"""
Wait until an order is filled, and know when you cannot tell.

    BINANCE_API_KEY=... BINANCE_API_SECRET=... python samples/wait_for_fill.py

With the secret a fill that the stream missed is read back, and comes as any other. Without it nobody can tell.
"""

from decimal import Decimal
from typing import Callable, Optional

import binance_uds as uds


def ask_for_order() -> str:
    """Let a person place the order; your program would do it here, with a client order id of its own."""
    return input("Place an order, and enter its client order id: ")


def wait_for_fill(
    stream: uds.UserDataStream, place_order: Callable[[], str], timeout: float = 60.0
) -> Optional[Decimal]:
    """
    Place an order and return the average price it was filled at, or None when it ended unfilled.

    Raises:
        uds.WaitTimeout: It was not filled in time.
        RuntimeError: The stream was blind meanwhile, and it is not proven that everything was read back, so the order
            has to be asked for by REST.
    """
    # The queue is opened first: an event that comes before the next line is in it.
    with stream.events(uds.OrderTradeUpdate, uds.GapClosed) as events:
        client_order_id = place_order()
        while True:
            event = events.get(timeout=timeout)
            if isinstance(event, uds.GapClosed):
                if event.proof == uds.Proof.UNPROVEN:
                    raise RuntimeError(f"blind from {event.since_ms} to {event.until_ms} ({event.cause})")
                continue
            if event.client_order_id != client_order_id:
                continue
            if event.status == uds.OrderStatus.FILLED:
                return event.average_price
            if event.status in (uds.OrderStatus.CANCELED, uds.OrderStatus.EXPIRED):
                return None


def main(market: uds.Market = uds.USDM, place_order: Callable[[], str] = ask_for_order) -> None:
    with uds.UserDataStream.from_env(market=market) as stream:
        price = wait_for_fill(stream, place_order)
        print("not filled" if price is None else f"filled at {price}")


if __name__ == "__main__":
    main()
