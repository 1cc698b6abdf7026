"""Binance's earlier connector, which hands on text; only its hosts are changed."""

import logging
import threading

from binance.um_futures import UMFutures
from binance.websocket.um_futures.websocket_client import UMFuturesWebsocketClient
from meter import API_KEY, API_SECRET, REST_URL, STREAM_URL, Meter

SUBSCRIPTION = 1

logging.disable(logging.CRITICAL)
meter = Meter("binance-futures-connector")
subscribed = threading.Event()


def on_message(_, text):
    if subscribed.is_set():
        meter.hear(text)
    else:
        subscribed.set()


listen_key = UMFutures(API_KEY, API_SECRET, base_url=REST_URL).new_listen_key()["listenKey"]
# It knows nothing of /private, which is part of the address since April 2026.
client = UMFuturesWebsocketClient(stream_url=f"{STREAM_URL}/private", on_message=on_message)
client.user_data(listen_key, id=SUBSCRIPTION)
subscribed.wait()
meter.ready()
meter.wait()
