"""Binance's own SDK, on an asyncio loop in a thread; only its hosts are changed."""

import asyncio
import logging
import threading

from binance_common.configuration import ConfigurationRestAPI, ConfigurationWebSocketStreams
from binance_sdk_derivatives_trading_usds_futures.derivatives_trading_usds_futures import (
    DerivativesTradingUsdsFutures,
)
from meter import API_KEY, API_SECRET, REST_URL, STREAM_URL, Meter

logging.disable(logging.CRITICAL)
meter = Meter("binance-sdk-derivatives-trading-usds-futures")


async def main():
    client = DerivativesTradingUsdsFutures(
        config_rest_api=ConfigurationRestAPI(api_key=API_KEY, api_secret=API_SECRET, base_path=REST_URL),
        config_ws_streams=ConfigurationWebSocketStreams(stream_url=STREAM_URL),
    )
    listen_key = client.rest_api.start_user_data_stream().data().listen_key
    streams = client.websocket_streams
    await streams.create_connection()
    stream = await streams.user_data(listen_key)
    stream.on("message", meter.hear)
    # The SDK does not wait for the answer to its SUBSCRIBE; whoever is answered later was heard later.
    await streams.list_subscribe()
    meter.ready()
    await asyncio.Event().wait()


threading.Thread(target=asyncio.run, args=(main(),), daemon=True).start()
meter.wait()
