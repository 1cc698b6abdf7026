"""
Gunicorn, prefork: each worker has a stream of its own, started after the fork, with and without `--preload`.

    BINANCE_API_KEY=... gunicorn --chdir samples -c samples/gunicorn_conf.py 'flask_app:create_app(start=False)'

So many workers are so many connections, each with all events; README.md tells when one process for all is better.
"""

from typing import Any

import binance_uds as uds

workers = 2


def post_worker_init(worker: Any) -> None:
    # The application is loaded by now, by this worker or, with --preload, by the parent, where no stream may start.
    try:
        # In less than gunicorn's --timeout, after which it kills a worker that is not up.
        worker.wsgi.extensions["binance_uds"].start(timeout=20)
    except uds.UserDataStreamError as error:
        # Raised from here it would end gunicorn as a whole. Now /health says 503, and why.
        worker.log.error("no stream in this worker: %s", error)


def worker_exit(server: Any, worker: Any) -> None:
    # Also for a worker that never came as far as having an application.
    if worker.wsgi is not None:
        worker.wsgi.extensions["binance_uds"].stop()
