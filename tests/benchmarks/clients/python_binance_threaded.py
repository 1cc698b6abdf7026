"""python-binance's ThreadedWebsocketManager; its hosts are changed, and its queue is as long as the blast."""

import time

from binance import AsyncClient, BinanceSocketManager, ThreadedWebsocketManager
from meter import API_KEY, API_SECRET, EVENTS, PACED, REST_URL, STREAM_URL, Meter

#: It has no way to say that it listens.
LISTENS_WITHIN_S = 1.0

AsyncClient.API_URL = f"{REST_URL}/api"
AsyncClient.FUTURES_URL = f"{REST_URL}/fapi"
BinanceSocketManager.FSTREAM_URL = f"{STREAM_URL}/"

meter = Meter("python-binance")
# At its default of 100 its reader ends for good as soon as the callbacks are behind.
manager = ThreadedWebsocketManager(API_KEY, API_SECRET, max_queue_size=EVENTS + PACED + 1)
manager.daemon = True
manager.start()
manager.start_futures_user_socket(meter.hear)
time.sleep(LISTENS_WITHIN_S)
meter.ready()
meter.wait()
