"""A call of the command line that the caller has to put right."""

from __future__ import annotations

import click


class Misused(click.ClickException):
    """What the caller has to put right: no key, a key that was refused, a URL that is none."""

    exit_code = 2
