"""
A Flask application that embeds the stream: /orders shows what came, /health says whether to believe it.

    BINANCE_API_KEY=... flask --app samples/flask_app run

One process should own the stream. Under gunicorn with several workers, each would open one of its own: run this with
one worker and threads, or give the stream a process to itself.
"""

from typing import Any, Dict, Tuple

from flask import Flask

import binance_uds as uds


def create_app(market: uds.Market = uds.USDM) -> Flask:
    app = Flask(__name__)
    stream = uds.UserDataStream.from_env(market=market, name="flask")
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
        return {"state": str(stream.state), "orders": list(orders.values())}

    @app.get("/health")
    def show_health() -> Tuple[Dict[str, Any], int]:
        health = stream.health
        # A load balancer understands 503: what /orders says may be old.
        return {"state": str(health.state), "why": health.why}, 200 if health.state is uds.StreamState.LIVE else 503

    # Returns when LIVE. The stream stops by itself when the process ends.
    stream.start()
    app.extensions["binance_uds"] = stream
    return app
