"""The local exchange in the foreground, for one's own program."""

from __future__ import annotations

import datetime
import ipaddress
import itertools
import os
import queue
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Iterator, NoReturn, Optional, Tuple

import click

from ..simulator.faults import Fault, schedule
from .interruption import ending_tidily
from .words import printable

if TYPE_CHECKING:
    from ..simulator.local import LocalExchange

#: What the bot does in a second.
_DEEDS_PER_S = 2.0

#: The weather is drawn for so many faults at a time.
_FAULTS_AHEAD = 100

#: The longest wait for a line to print: some systems deliver Ctrl-C only between two waits.
_SLICE = 0.2


def _loopback(context: click.Context, parameter: click.Parameter, host: str) -> str:
    with suppress(ValueError):
        if ipaddress.IPv4Address(host).is_loopback:
            return host
    raise click.BadParameter("only 127.0.0.1 and its like: this exchange has no secrets", context, parameter)


@click.command(short_help="Run a local exchange for a program of your own.")
@click.option(
    "--port",
    type=click.IntRange(0, 65_535),
    default=8080,
    show_default=True,
    help="Where to listen; 0: any free port.",
)
@click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    callback=_loopback,
    help="The address to listen on; loopback only.",
)
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="Keys, the bot's trades and the faults derive from it.",
)
@click.option("--bot/--no-bot", default=True, show_default=True, help="Let a bot trade, so that events flow.")
@click.option(
    "--faults",
    "fault_interval",
    type=click.FloatRange(min=1.0),
    metavar="SECONDS",
    help="Let something go wrong, at random, so many seconds apart in the mean. [default: never]",
)
def simulate(port: int, host: str, seed: int, bot: bool, fault_interval: Optional[float]) -> None:
    """
    Run an exchange on this machine for a program of your own.

    It speaks the REST and WebSocket interface of USDⓈ-M futures as far as user data streams need it: listen keys,
    orders, account queries, private sockets in every form, and silent /public and /market sockets. Point any client
    at the URLs it prints. A line tells of each request and connection; Ctrl-C ends it.
    """
    from ..simulator.local import LocalExchange

    lines: queue.SimpleQueue[str] = queue.SimpleQueue()
    with ending_tidily():
        try:
            exchange = LocalExchange(port, host=host, seed=seed, log=lines.put).start()
        except OSError as error:
            # asyncio puts the address into the error's text once more.
            reason = error.strerror if error.errno is None else os.strerror(error.errno)
            raise click.ClickException(
                f"cannot listen on {host} port {port}: {reason}; --port 0 takes any that is free"
            ) from None
        try:
            click.echo(_introduction(exchange))
            if bot:
                exchange.run_bot(_DEEDS_PER_S)
            _run(exchange, lines, iter(()) if fault_interval is None else _weather(seed, fault_interval))
        finally:
            exchange.stop()


def _introduction(exchange: LocalExchange) -> str:
    """Say where it listens and how to get there."""
    rest_url, stream_url = exchange.rest_url, exchange.stream_url
    return f"""\
A local exchange listens on port {exchange.port}. Ctrl-C ends it.

  REST        {rest_url}
  private     {stream_url}
  API key     {exchange.api_key}
  API secret  {exchange.api_secret}

Key and secret are made up from the seed and open nothing but this exchange.
To use it from binance_uds:

  market = attrs.evolve(uds.USDM, rest_url="{rest_url}", stream_url="{stream_url}")
  stream = uds.UserDataStream("<API key>", "<API secret>", market=market)

or set BINANCE_API_KEY and BINANCE_API_SECRET and run:

  binance-uds watch --rest-url {rest_url} --stream-url {stream_url}
"""


def _weather(seed: int, mean_interval: float) -> Iterator[Tuple[float, Fault]]:
    """Yield what goes wrong, and at which second from now, without end."""
    duration = _FAULTS_AHEAD * mean_interval
    for part in itertools.count():
        for at, fault in schedule(seed + part, duration=duration, mean_interval=mean_interval):
            yield part * duration + at, fault


def _run(exchange: LocalExchange, lines: queue.SimpleQueue[str], weather: Iterator[Tuple[float, Fault]]) -> NoReturn:
    """Print what the exchange tells, and let things go wrong when it is time, until Ctrl-C."""
    began = time.monotonic()
    due = next(weather, None)
    while True:
        with suppress(queue.Empty):
            line = lines.get(timeout=_SLICE)
            click.echo(f"{datetime.datetime.now(datetime.timezone.utc):%H:%M:%S}  {printable(line)}")
        if due is not None and time.monotonic() - began >= due[0]:
            exchange.faults.inject(due[1])
            due = next(weather, None)
