"""The door of the command line: ``python -m binance_uds``, also installed as ``binance-uds``."""

from __future__ import annotations

import sys

from .cli.interruption import end_on_the_spot

#: What the command line needs beyond the library: the packages of two extras.
_EXTRAS = ("aiohttp", "click", "rich")


def main() -> None:
    """Run the command line, or say what is missing for it."""
    end_on_the_spot()
    try:
        from .cli.commands import run

        sys.exit(run())
    except ModuleNotFoundError as error:
        if error.name not in _EXTRAS:
            raise
        sys.exit(f"This needs {error.name}, which is not installed: pip install 'binance_uds[cli,simulator]'")


if __name__ == "__main__":
    main()
