"""Options that say where an account is."""

from __future__ import annotations

import click
import pytest
from click.testing import CliRunner

import binance_uds as uds
from binance_uds.cli.hosts import with_market

REST, STREAM = "http://127.0.0.1:1", "ws://127.0.0.1:1/private"


@click.command()
@click.option("--loud", is_flag=True)
@with_market
def shown(market: uds.Market, loud: bool) -> int:
    """Say where."""
    click.echo(f"{market.name} {market.rest_url} {market.stream_url} {market.other_stream_urls} {loud}")
    return 0


def where(market: uds.Market, *, loud: bool = False) -> str:
    """Return what the command says of a market."""
    return f"{market.name} {market.rest_url} {market.stream_url} {market.other_stream_urls} {loud}\n"


@pytest.mark.parametrize(
    ("arguments", "market"),
    [
        ([], uds.USDM),
        (["--demo"], uds.USDM_DEMO),
    ],
)
def test_a_market_of_binance(arguments, market):
    """The real one, unless the other is asked for."""
    assert where(market) == CliRunner().invoke(shown, arguments).output


def test_another_host():
    """With no host beside it, and the command's own options go their way."""
    said = CliRunner().invoke(shown, ["--loud", "--rest-url", REST, "--stream-url", STREAM]).output

    assert f"usdm {REST} {STREAM} () True\n" == said


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--rest-url", REST], "Error: --rest-url and --stream-url go together"),
        (["--stream-url", STREAM], "Error: --rest-url and --stream-url go together"),
        (["--demo", "--rest-url", REST, "--stream-url", STREAM], "Error: --demo has hosts of its own; leave it out"),
        (["--rest-url", "http://example.org", "--stream-url", STREAM], "Error: http://example.org would send"),
    ],
)
def test_what_names_no_host_is_refused(arguments, words):
    """Exit code 2, and the last line says what is wrong."""
    result = CliRunner().invoke(shown, arguments)

    assert 2 == result.exit_code
    assert result.output.splitlines()[-1].startswith(words)
