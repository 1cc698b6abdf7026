"""
nautilus_trader's own user data client and its decoders, without the trading engine behind them.

What its execution client does first with a frame, ``BinanceFuturesExecutionClient._handle_user_ws_message``, is
repeated here: the name is decoded, then the event of that name, where it decodes that at all.
"""

import asyncio
import threading

import msgspec
from meter import API_KEY, API_SECRET, REST_URL, STREAM_URL, Meter
from nautilus_trader.adapters.binance.common.enums import BinanceAccountType
from nautilus_trader.adapters.binance.futures.enums import BinanceFuturesEventType as Name
from nautilus_trader.adapters.binance.futures.schemas.user import (
    BinanceFuturesAccountUpdateMsg,
    BinanceFuturesAlgoUpdateMsg,
    BinanceFuturesOrderUpdateMsg,
    BinanceFuturesTradeLiteMsg,
    BinanceFuturesUserMsgData,
)
from nautilus_trader.adapters.binance.http.client import BinanceHttpClient
from nautilus_trader.adapters.binance.websocket.user import BinanceUserDataWebSocketClient
from nautilus_trader.common.component import LiveClock

meter = Meter("nautilus_trader")
name_of = msgspec.json.Decoder(BinanceFuturesUserMsgData).decode
decoders = {
    Name.ORDER_TRADE_UPDATE: msgspec.json.Decoder(BinanceFuturesOrderUpdateMsg).decode,
    Name.ACCOUNT_UPDATE: msgspec.json.Decoder(BinanceFuturesAccountUpdateMsg).decode,
    Name.TRADE_LITE: msgspec.json.Decoder(BinanceFuturesTradeLiteMsg).decode,
    Name.ALGO_UPDATE: msgspec.json.Decoder(BinanceFuturesAlgoUpdateMsg).decode,
}


def handle(raw):
    try:
        decode = decoders.get(name_of(raw).e)
    except msgspec.ValidationError:
        # A name that it does not know; its client logs it as an error.
        decode = None
    meter.hear(raw if decode is None else decode(raw))


async def main():
    clock = LiveClock()
    client = BinanceUserDataWebSocketClient(
        clock=clock,
        base_url=STREAM_URL,
        handler=handle,
        api_key=API_KEY,
        api_secret=API_SECRET,
        loop=asyncio.get_running_loop(),
        is_futures=True,
        stream_base_url=f"{STREAM_URL}/private",
        http_client=BinanceHttpClient(clock, API_KEY, API_SECRET, REST_URL),
        account_type=BinanceAccountType.USDT_FUTURES,
    )
    await client.connect()
    await client.session_logon()
    await client.subscribe_user_data_stream()
    meter.ready()
    await asyncio.Event().wait()


threading.Thread(target=asyncio.run, args=(main(),), daemon=True).start()
meter.wait()
