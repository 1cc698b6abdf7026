"""
A Flask application that embeds the stream: /orders shows what came, /health says whether to believe it.

    BINANCE_API_KEY=... flask --app samples/flask_app run

Here the stream starts with the application. Under gunicorn that would be too early: gunicorn_conf.py beside this file
starts it in each worker, after the fork. README.md tells which process should own a stream.
"""

import os
from typing import Any, Dict, Tuple

from flask import Flask

import binance_uds as uds


def create_app(market: uds.Market = uds.USDM, *, start: bool = True) -> Flask:
    app = Flask(__name__)
    stream = app.extensions["binance_uds"] = uds.UserDataStream.from_env(market=market, name="flask")
    orders: Dict[int, Dict[str, Any]] = {}

    @stream.on(uds.OrderTradeUpdate)
    def remember(event: uds.OrderTradeUpdate) -> None:
        if event.status is None:
            return  # A fill that was read by REST after a gap; what has become of its order comes behind it.
        # One assignment: a request that reads meanwhile sees the old row or the new one.
        orders[event.order_id] = {
            "symbol": event.symbol,
            "side": event.side,
            "status": event.status,
            "filled": str(event.filled_quantity),
        }

    @app.get("/orders")
    def show_orders() -> Dict[str, Any]:
        return {"state": str(stream.state), "process": os.getpid(), "orders": list(orders.values())}

    @app.get("/health")
    def show_health() -> Tuple[Dict[str, Any], int]:
        health = stream.health
        told = {"state": str(health.state), "process": os.getpid(), "why": health.why}
        # A load balancer understands 503: what /orders says may be old.
        return told, 200 if health.state is uds.StreamState.LIVE else 503

    if start:
        # Returns when LIVE. The stream stops by itself when the process ends.
        stream.start()
    return app
