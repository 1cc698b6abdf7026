"""The examination of what a stream needs, as a table for people and as JSON for programs."""

from __future__ import annotations

import json
from typing import Optional, Sequence, Tuple
from urllib.parse import urlsplit

import attrs
import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from .. import ConfigurationError, Credentials, Market
from ..doctor import Finding, Outcome, examine
from .interruption import ending_tidily
from .watch import Misused, chosen_market
from .words import printable

#: Columns where there is no terminal to ask for them.
_PIPED_WIDTH = 120

_STYLES = {Outcome.OK: "green", Outcome.WARNING: "yellow", Outcome.FAILED: "bold red", Outcome.SKIPPED: "dim"}


@click.command(short_help="Examine what a stream needs, and name what is wrong.")
@click.option("--demo", is_flag=True, help="Use the hosts of Binance's demo trading instead of the real ones.")
@click.option("--rest-url", metavar="URL", help="Another REST host, such as that of `simulate`; with --stream-url.")
@click.option("--stream-url", metavar="URL", help="Another WebSocket host and prefix; with --rest-url.")
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
@click.option(
    "--timeout",
    type=click.FloatRange(0.1, 60.0),
    default=5.0,
    show_default=True,
    help="Seconds that each wait may take.",
)
def doctor(demo: bool, rest_url: Optional[str], stream_url: Optional[str], as_json: bool, timeout: float) -> int:
    """
    Examine credentials, network and exchange, and name what keeps a stream from working.

    Takes the API key from the environment variable BINANCE_API_KEY and the secret from BINANCE_API_SECRET, and proxy
    and certificates from where a stream takes them. Its one trace: the account's listen key is obtained or, if there
    is one, extended by an hour. It is never deleted, and nothing is ordered, changed or cancelled.

    The exit code is 0 if nothing failed (warnings do not count), 1 if something did, and 2 if the call is wrong, such
    as a missing key.
    """
    try:
        market = chosen_market(demo, rest_url, stream_url)
        credentials = Credentials.from_env()
    except ConfigurationError as error:
        raise Misused(str(error)) from None
    host = urlsplit(market.rest_url).hostname
    with ending_tidily():
        if not as_json:
            click.echo(f"Examining {market.name} at {host} ...")
        findings = examine(credentials, market, timeout=timeout)
    if as_json:
        click.echo(json.dumps(_document(market, findings), indent=2))
    else:
        _print_table(findings)
    return int(_count(findings, Outcome.FAILED) > 0)


def _document(market: Market, findings: Sequence[Finding]) -> dict[str, object]:
    return {
        "market": market.name,
        "rest_url": market.rest_url,
        "failed": _count(findings, Outcome.FAILED),
        "warnings": _count(findings, Outcome.WARNING),
        "findings": [attrs.asdict(finding) for finding in findings],
    }


def _print_table(findings: Sequence[Finding]) -> None:
    console = Console()
    if not console.is_terminal:
        console = Console(width=_PIPED_WIDTH)
    table = Table(box=None, pad_edge=False, show_header=False)
    for finding in findings:
        table.add_row(
            Text(finding.outcome, style=_STYLES.get(finding.outcome, "")),
            Text(printable(finding.check)),
            Text(printable(finding.words) + "".join(f"\n-> {printable(line)}" for line in _advice(finding))),
        )
    console.print(table)
    outcomes = (Outcome.OK, Outcome.WARNING, Outcome.FAILED, Outcome.SKIPPED)
    sums = ", ".join(f"{_count(findings, outcome)} {outcome}" for outcome in outcomes)
    click.echo(f"{len(findings)} checks: {sums}")


def _advice(finding: Finding) -> Tuple[str, ...]:
    return (finding.advice,) if finding.advice else ()


def _count(findings: Sequence[Finding], outcome: str) -> int:
    return sum(finding.outcome == outcome for finding in findings)
