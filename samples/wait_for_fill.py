"""
Wait until an order is filled, and know when you cannot tell.

    BINANCE_API_KEY=... BINANCE_API_SECRET=... python samples/wait_for_fill.py

With the secret a fill that the stream missed is read back, and comes as any other. Without it nobody can tell.
"""

import time
from typing import Callable

import binance_uds as uds


def ask_for_order() -> str:
    """Let a person place the order; your program would do it here, with a client order id of its own."""
    return input("Place an order, and enter its client order id: ")


def wait_for_fill(stream: uds.UserDataStream, place_order: Callable[[], str], timeout: float = 60.0) -> uds.OrderState:
    """
    Place an order and return it when it has ended: filled, filled in part and cancelled, or not filled at all.

    Raises:
        uds.WaitTimeout: It had not ended in time. It may be filled yet, in part or wholly.
        RuntimeError: The stream was blind meanwhile, and it is not proven that everything was read back, so the order
            has to be asked for by REST.
    """
    # The queue is opened first: an event that comes before the next line is in it.
    with stream.events(uds.OrderTradeUpdate, uds.GapClosed) as events:
        client_order_id = place_order()
        deadline = time.monotonic() + timeout
        while True:
            order = stream.account.order(client_order_id)
            if order.is_done:
                return order
            event = events.get(timeout=max(0.0, deadline - time.monotonic()))
            if isinstance(event, uds.GapClosed) and event.proof == uds.Proof.UNPROVEN:
                raise RuntimeError(f"blind from {event.since_ms} to {event.until_ms} ({event.cause})")


def main(market: uds.Market = uds.USDM, place_order: Callable[[], str] = ask_for_order) -> None:
    with uds.UserDataStream.from_env(market=market) as stream:
        order = wait_for_fill(stream, place_order)
        if order.filled_quantity:
            print(order.filled_quantity, "of", order.quantity, "filled at", order.average_price)
        else:
            print("not filled:", order.status)


if __name__ == "__main__":
    main()
