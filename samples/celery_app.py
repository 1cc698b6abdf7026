"""
A stream in each process of a Celery prefork pool, from which tasks read the account.

    BINANCE_API_KEY=... BINANCE_API_SECRET=... celery --workdir samples -A celery_app worker --concurrency 2

Not for what has to happen once for each fill: every process of the pool hears of every fill. That is for one process,
which sends the task; README.md shows it.
"""

import functools
import os
from typing import Any, Dict

from celery import Celery
from celery.signals import worker_process_init, worker_process_shutdown

import binance_uds as uds

MARKET = uds.USDM

app = Celery("celery_app")
# Seconds until Celery takes a process for dead that has not come up; a start may take 30.
app.conf.worker_proc_alive_timeout = 60


@functools.cache
def own_stream() -> uds.UserDataStream:
    """The stream of this process; a program that only sends tasks makes none."""
    return uds.UserDataStream.from_env(market=MARKET, name=f"celery-{os.getpid()}")


@worker_process_init.connect
def after_fork(**_: Any) -> None:
    # Celery logs what this raises and goes on, so each task looks whether the stream can be believed.
    own_stream().start()


@worker_process_shutdown.connect
def before_exit(**_: Any) -> None:
    # Needed: these processes end without running what `atexit` holds.
    own_stream().stop()


@app.task
def position(symbol: str) -> Dict[str, Any]:
    stream = own_stream()
    if not stream.account.trusted:
        raise RuntimeError(f"the account is not known: {stream.health.why}")
    return {"process": os.getpid(), "amount": str(stream.account.position(symbol).amount)}
