"""Binance's own SDK listens to a futures account; only its hosts are changed."""

import asyncio

from binance_common.configuration import ConfigurationRestAPI, ConfigurationWebSocketStreams
from binance_sdk_derivatives_trading_usds_futures.derivatives_trading_usds_futures import (
    DerivativesTradingUsdsFutures,
)
from binance_sdk_derivatives_trading_usds_futures.websocket_streams.models import AccountUpdate, OrderTradeUpdate
from telling import API_KEY, API_SECRET, REST_URL, STREAM_URL, Report

#: An event is an object of its own class, and no longer knows its name. A payload that the SDK's model refuses
#: comes as a dict, and counts for nothing.
NAMES = {OrderTradeUpdate: "ORDER_TRADE_UPDATE", AccountUpdate: "ACCOUNT_UPDATE"}


async def main() -> None:
    report = Report("binance-sdk-derivatives-trading-usds-futures")
    client = DerivativesTradingUsdsFutures(
        config_rest_api=ConfigurationRestAPI(api_key=API_KEY, api_secret=API_SECRET, base_path=REST_URL),
        config_ws_streams=ConfigurationWebSocketStreams(stream_url=STREAM_URL),
    )
    listen_key = client.rest_api.start_user_data_stream().data().listen_key
    streams = client.websocket_streams
    complete = asyncio.Event()

    def on_message(message) -> None:
        event = message.actual_instance
        if type(event) in NAMES:
            report.received({"e": NAMES[type(event)], **event.to_dict()})
        if report.is_complete:
            complete.set()

    await streams.create_connection()
    try:
        stream = await streams.user_data(listen_key)
        stream.on("message", on_message)
        # The SDK does not wait for the answer to its SUBSCRIBE; whoever is answered later was heard later.
        await streams.list_subscribe()
        report.ready()
        await complete.wait()
    finally:
        await streams.close_connection()


asyncio.run(main())
