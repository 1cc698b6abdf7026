"""Limits on weight, orders and messages, with time as an argument."""

from binance_uds.simulator.limits import FIRST_BAN_MS, PATIENCE, MessageLimit, OrderLimit, WeightLimit

MINUTE_MS = 60_000
NOW_MS = 1_700_000_040_000 // MINUTE_MS * MINUTE_MS


def test_weight_within_the_limit():
    """Up to the limit nothing is refused, and the next minute starts anew."""
    weight = WeightLimit.of(100)

    assert [None, None] == [weight.spend(60, NOW_MS), weight.spend(40, NOW_MS)]
    assert 100 == weight.minute.used
    assert weight.spend(100, NOW_MS + MINUTE_MS) is None


def test_weight_over_the_limit():
    """Over the limit requests are refused with 429 until the minute ends."""
    weight = WeightLimit.of(100)
    weight.spend(100, NOW_MS)
    limited = weight.spend(1, NOW_MS + 5)

    assert (429, NOW_MS + MINUTE_MS) == (limited.status, limited.until_ms)


def test_going_on_over_the_limit():
    """Who does not heed 429 is banned, and the next ban is longer."""
    weight = WeightLimit.of(1)
    for _ in range(1 + PATIENCE):
        weight.spend(1, NOW_MS)
    first = weight.spend(1, NOW_MS)
    later_ms = first.until_ms + MINUTE_MS
    during = weight.spend(1, first.until_ms - 1)
    after = weight.spend(1, later_ms)
    for _ in range(PATIENCE):
        weight.spend(1, later_ms)
    second = weight.spend(1, later_ms)

    assert (418, NOW_MS + FIRST_BAN_MS) == (first.status, first.until_ms)
    assert first == during
    assert after is None
    assert (418, later_ms + 2 * FIRST_BAN_MS) == (second.status, second.until_ms)


def test_orders():
    """The shorter window fills first and empties first."""
    orders = OrderLimit.of(2, 3)

    assert [None, None] == [orders.count(NOW_MS), orders.count(NOW_MS)]
    assert orders.ten_seconds is orders.count(NOW_MS)
    assert orders.minute is orders.count(NOW_MS + 10_000)
    assert orders.count(NOW_MS + MINUTE_MS) is None


def test_messages():
    """Ten in any second are fine, eleven are not."""
    messages = MessageLimit(10)

    assert all(messages.count(NOW_MS + number * 90) for number in range(10))
    assert not messages.count(NOW_MS + 999)
    assert messages.count(NOW_MS + 2_000)
