"""python-binance listens to a futures account; only its hosts are changed."""

import asyncio

from binance import AsyncClient, BinanceSocketManager
from telling import API_KEY, API_SECRET, REST_URL, STREAM_URL, Report


class LocalClient(AsyncClient):
    """The client at another host."""

    API_URL = f"{REST_URL}/api"
    FUTURES_URL = f"{REST_URL}/fapi"


class LocalSocketManager(BinanceSocketManager):
    """Its sockets at another host."""

    FSTREAM_URL = f"{STREAM_URL}/"


async def main() -> None:
    report = Report("python-binance")
    client = await LocalClient.create(API_KEY, API_SECRET)
    try:
        async with LocalSocketManager(client).futures_user_socket() as socket:
            report.ready()
            while not report.is_complete:
                report.received(await socket.recv())
    finally:
        await client.close_connection()


asyncio.run(main())
