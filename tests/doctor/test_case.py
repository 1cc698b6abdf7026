"""What the checks of one examination share."""

from __future__ import annotations

import attrs
import pytest

import binance_uds as uds
from binance_uds.doctor.case import Case

CREDENTIALS = uds.Credentials.of("k" * 64)


@pytest.mark.parametrize(
    "others, urls",
    [
        ((), ["wss://one/private"]),
        (
            ("wss://two/private", "wss://three/private"),
            ["wss://one/private", "wss://two/private", "wss://three/private"],
        ),
        (("wss://one/other", "wss://two/private", "wss://ONE:443"), ["wss://one/private", "wss://two/private"]),
        (("wss://one:444/private",), ["wss://one/private", "wss://one:444/private"]),
    ],
)
def test_each_websocket_host_is_gone_to_once(others, urls):
    """In the order of the plans, whatever paths it has."""
    market = attrs.evolve(uds.USDM, stream_url="wss://one/private", other_stream_urls=others)

    assert urls == list(Case(CREDENTIALS, market, None, None, 1.0).stream_urls)
