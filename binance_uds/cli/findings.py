"""How the command line shows what an examination found: a table for people, a document for programs."""

from __future__ import annotations

import json
from typing import Sequence

import attrs
import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ..doctor import Finding, Outcome
from ..markets import Market
from .words import printable

#: Columns where there is no terminal to ask for them.
_PIPED_WIDTH = 120

_STYLES = {Outcome.OK: "green", Outcome.WARNING: "yellow", Outcome.FAILED: "bold red", Outcome.SKIPPED: "dim"}


def count(findings: Sequence[Finding], outcome: str) -> int:
    """Return how many findings came to this."""
    return sum(finding.outcome == outcome for finding in findings)


def exit_code(findings: Sequence[Finding]) -> int:
    """Return 1 if something failed, else 0."""
    return int(count(findings, Outcome.FAILED) > 0)


def document(market: Market, findings: Sequence[Finding]) -> str:
    """Return the findings as JSON."""
    return json.dumps(
        {
            "market": market.name,
            "rest_url": market.rest_url,
            "failed": count(findings, Outcome.FAILED),
            "warnings": count(findings, Outcome.WARNING),
            "findings": [attrs.asdict(finding) for finding in findings],
        },
        indent=2,
    )


def summary(findings: Sequence[Finding]) -> str:
    """Return in a line what all of them came to."""
    outcomes = (Outcome.OK, Outcome.WARNING, Outcome.FAILED, Outcome.SKIPPED)
    return f"{len(findings)} checks: {', '.join(f'{count(findings, outcome)} {outcome}' for outcome in outcomes)}"


def print_table(findings: Sequence[Finding]) -> None:
    """Print a row for each finding: what it came to, its name, what was found and what to do."""
    console = Console()
    if not console.is_terminal:
        console = Console(width=_PIPED_WIDTH)
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column()
    for finding in findings:
        advice = f"\n-> {printable(finding.advice)}" if finding.advice else ""
        table.add_row(
            Text(finding.outcome, style=_STYLES.get(finding.outcome, "")),
            Text(printable(finding.check)),
            Text(printable(finding.words) + advice),
        )
    if console.is_terminal:
        console.print(table)
        return
    with console.capture() as capture:
        console.print(table)
    # Padded to the full width each row would be followed by blanks, which a report that is pasted somewhere keeps.
    click.echo("\n".join(line.rstrip() for line in capture.get().splitlines()))
