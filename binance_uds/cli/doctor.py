"""The examination of what a stream needs."""

from __future__ import annotations

from urllib.parse import urlsplit

import click

from .. import ConfigurationError, Credentials, Market
from .hosts import with_market
from .interruption import ending_tidily
from .misused import Misused


@click.command(short_help="Examine what a stream needs, name what is wrong.")
@with_market
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
@click.option(
    "--timeout",
    type=click.FloatRange(0.1, 60.0),
    default=5.0,
    show_default=True,
    help="Seconds that each wait may take.",
)
def doctor(market: Market, as_json: bool, timeout: float) -> int:
    """
    Examine credentials, network and exchange, and name what keeps a stream from working.

    Takes the API key from the environment variable BINANCE_API_KEY and the secret from BINANCE_API_SECRET, and proxy
    and certificates from where a stream takes them. Its one trace: the account's listen key is obtained or, if there
    is one, extended by an hour. It is never deleted, and nothing is ordered, changed or cancelled.

    The exit code is 0 if nothing failed, whatever was warned of, 1 if something did, and 2 if the call is wrong, such
    as one without a key.
    """
    # Only now: what it imports takes a while, and the other commands do without. Ctrl-C still ends it on the spot.
    from ..doctor import examine
    from .findings import document, exit_code, print_table, summary

    try:
        credentials = Credentials.from_env()
    except ConfigurationError as error:
        raise Misused(str(error)) from None
    with ending_tidily():
        if not as_json:
            click.echo(f"Examining {market.name} at {urlsplit(market.rest_url).hostname} ...")
        findings = examine(credentials, market, timeout=timeout)
    if as_json:
        click.echo(document(market, findings))
    else:
        print_table(findings)
        click.echo(summary(findings))
    return exit_code(findings)
