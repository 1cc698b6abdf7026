"""Binance's earlier connector listens to a futures account; only its hosts are changed."""

import json
import threading

from binance.um_futures import UMFutures
from binance.websocket.um_futures.websocket_client import UMFuturesWebsocketClient
from telling import API_KEY, API_SECRET, REST_URL, STREAM_URL, Report

SUBSCRIPTION = 1

report = Report("binance-futures-connector")
complete = threading.Event()


def on_message(_, text: str) -> None:
    message = json.loads(text)
    if message.get("id") == SUBSCRIPTION:
        report.ready()
    report.received(message)
    if report.is_complete:
        complete.set()


listen_key = UMFutures(API_KEY, API_SECRET, base_url=REST_URL).new_listen_key()["listenKey"]
# It knows nothing of /private, which is part of the address since April 2026.
client = UMFuturesWebsocketClient(stream_url=f"{STREAM_URL}/private", on_message=on_message)
try:
    client.user_data(listen_key, id=SUBSCRIPTION)
    complete.wait()
finally:
    client.stop()
