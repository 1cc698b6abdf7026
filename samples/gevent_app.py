"""
The Flask application under gevent, in one process: the stream's thread becomes a greenlet, beside those that serve.

    BINANCE_API_KEY=... python samples/gevent_app.py
"""

# Before anything else is imported, or half of the process would block the other half.
from gevent import monkey

monkey.patch_all()

import signal  # noqa: E402
from typing import Any  # noqa: E402

import gevent  # noqa: E402
from flask_app import create_app  # noqa: E402
from gevent.pywsgi import WSGIServer  # noqa: E402

import binance_uds as uds  # noqa: E402


def main(market: uds.Market = uds.USDM, listener: Any = ("127.0.0.1", 8000)) -> None:
    app = create_app(market)
    server = WSGIServer(listener, app)
    gevent.signal_handler(signal.SIGTERM, server.stop)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        print("stopped")
    finally:
        app.extensions["binance_uds"].stop()


if __name__ == "__main__":
    main()
