"""
The pytest fixture ``binance_exchange``: a local exchange for the tests of a trading bot.

pytest loads this module in every test run of an environment where the package is installed, so it imports
nothing but pytest until the fixture is asked for.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from binance_uds.simulator import LocalExchange


@pytest.fixture
def binance_exchange() -> Iterator[LocalExchange]:
    """A running `LocalExchange`, new for each test."""
    from binance_uds.simulator import LocalExchange

    with LocalExchange() as exchange:
        yield exchange
