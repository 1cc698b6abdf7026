"""The door of the command line: ``python -m binance_uds``, also installed as ``binance-uds``."""

from __future__ import annotations

import sys

#: What the command line needs beyond the library, all of it in two extras.
_EXTRAS = ("click", "rich", "aiohttp")


def main() -> None:
    """Run the command line, or say what is missing for it."""
    try:
        from .cli import run
    except ImportError as error:
        if error.name is not None and error.name.partition(".")[0] not in _EXTRAS:
            raise
        sys.exit("The command line needs a few more packages: pip install 'binance_uds[cli,simulator]'")
    sys.exit(run())


if __name__ == "__main__":
    main()
