"""Where an account is: options that all commands about a real account share."""

from __future__ import annotations

import functools
from typing import Callable, Optional

import attrs
import click

from .. import USDM, USDM_DEMO, ConfigurationError, Market
from .misused import Misused


def with_market(command: Callable[..., int]) -> Callable[..., int]:
    """Give a command the options that name a market, and what they name as the argument ``market``."""

    @click.option("--demo", is_flag=True, help="Use the hosts of Binance's demo trading instead of the real ones.")
    @click.option("--rest-url", metavar="URL", help="Another REST host, such as that of `simulate`; with --stream-url.")
    @click.option("--stream-url", metavar="URL", help="Another WebSocket host and prefix; with --rest-url.")
    @functools.wraps(command)
    def called(*, demo: bool, rest_url: Optional[str], stream_url: Optional[str], **others: object) -> int:
        return command(market=_named(demo, rest_url, stream_url), **others)

    return called


def _named(demo: bool, rest_url: Optional[str], stream_url: Optional[str]) -> Market:
    if rest_url is None and stream_url is None:
        return USDM_DEMO if demo else USDM
    if rest_url is None or stream_url is None:
        raise click.UsageError("--rest-url and --stream-url go together")
    if demo:
        raise click.UsageError("--demo has hosts of its own; leave it out, or --rest-url and --stream-url")
    try:
        return attrs.evolve(USDM, rest_url=rest_url, stream_url=stream_url, other_stream_urls=())
    except ConfigurationError as error:
        raise Misused(str(error)) from None
