"""unicorn-binance-websocket-api with picows as its WebSocket library; only its hosts are changed."""

import json
import logging
import urllib.request

from meter import API_KEY, API_SECRET, REST_URL, STREAM_URL, Meter
from unicorn_binance_websocket_api import BinanceWebSocketApiManager

logging.disable(logging.CRITICAL)

meter = Meter("unicorn-binance-websocket-api", "picows")
# Its REST client takes no other host, so the key is asked for here, and handed to it.
asked = urllib.request.Request(f"{REST_URL}/fapi/v1/listenKey", method="POST", headers={"X-MBX-APIKEY": API_KEY})
with urllib.request.urlopen(asked) as answer:
    listen_key = json.load(answer)["listenKey"]
manager = BinanceWebSocketApiManager(
    exchange="binance.com-futures",
    websocket_library="picows",
    websocket_base_uri=f"{STREAM_URL}/",
    warn_on_update=False,
    disable_colorama=True,
)
stream = manager.create_stream(
    "arr",
    "!userData",
    api_key=API_KEY,
    api_secret=API_SECRET,
    listen_key=listen_key,
    output="dict",
    process_stream_data=meter.hear,
)
manager.wait_till_stream_has_started(stream)
meter.ready()
meter.wait()
