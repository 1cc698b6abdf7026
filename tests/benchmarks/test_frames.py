"""The account of the benchmark is as measured, and adds up."""

from __future__ import annotations

import json
from collections import Counter

import binance_uds as uds
from binance_uds.protocol.delivery import Delivery
from binance_uds.protocol.reading.recovery import Recovery
from tests.benchmarks.frames import TURN, payloads

FIRST_MS = 1_700_000_060_000
GROUNDED_MS = 1_700_000_000_000


def test_mix():
    """A hundred frames are of the kinds, and all of them of the length, that were measured."""
    told = payloads(40 * TURN, FIRST_MS)
    names = Counter(json.loads(payload)["e"] for payload in told[:TURN])
    length = sum(map(len, told)) / len(told)

    assert 61 == names["ORDER_TRADE_UPDATE"]
    assert 24 == names["ACCOUNT_UPDATE"]
    assert 10 == names["TRADE_LITE"]
    assert 5 == sum(names.values()) - 95
    assert 455 <= length <= 475


def test_nothing_is_missing():
    """A client that counts takes every frame for news, and doubts none, also when it has had its time."""
    told = payloads(40 * TURN, FIRST_MS)
    delivery = Delivery(uds.USDM.event_classes, signed=True)
    delivery.ground(Recovery(), GROUNDED_MS)
    taken = [delivery.take(payload, 1, 0.0) for payload in told]
    items = [item for one in taken for item in one.items]

    assert len(told) == len(items)
    assert all(isinstance(item, uds.Event) and not isinstance(item, uds.UnknownEvent) for item in items)
    assert [] == [fact for one in taken for fact in one.facts]
    assert [] == delivery.due(1_000.0)


def test_a_frame_too_few_is_noticed():
    """The same client without one of the fills suspects it, so what it finds in the whole is no accident."""
    told = payloads(TURN, FIRST_MS)
    fill = next(at for at, payload in enumerate(told) if b'"x":"TRADE"' in payload)
    delivery = Delivery(uds.USDM.event_classes, signed=True)
    delivery.ground(Recovery(), GROUNDED_MS)
    for payload in [*told[:fill], *told[fill + 1 :]]:
        delivery.take(payload, 1, 0.0)

    assert 1 == len(delivery.due(1_000.0))
