"""What was sent on a connection arrives in order, or not at all."""

from __future__ import annotations

import math

import pytest

from binance_uds.simulator.control import subscription_for
from tests.simulation.line import Ending, Frame, Line, Pong

KEY = "k" * 64


@pytest.fixture
def line() -> Line:
    """A connection that holds a key."""
    subscription = subscription_for("/private/ws", f"listenKey={KEY}&events=ORDER_TRADE_UPDATE")
    assert subscription is not None
    return Line(1, subscription, 0.0)


def test_it_knows_its_keys(line):
    """Those it was opened with."""
    assert {KEY} == line.keys


def test_nothing_overtakes(line):
    """What was sent later arrives no earlier, however fast it was."""
    line.send(2.0, Frame(b"first"))
    line.send(1.0, Frame(b"second"))

    assert 2.0 == line.next_arrival()
    assert line.take(1.9) is None
    assert [Frame(b"first"), Frame(b"second"), None] == [line.take(2.0) for _ in range(3)]


def test_an_end_in_good_order_comes_last(line):
    """And nothing after it."""
    line.send(2.0, Frame(b"first"))
    line.end(1.0, "closed")
    line.send(3.0, Frame(b"second"))

    assert [Frame(b"first"), Ending("closed"), None] == [line.take(9.0) for _ in range(3)]
    assert math.inf == line.next_arrival()


def test_a_reset_throws_away_what_is_under_way(line):
    """But not what has arrived."""
    line.send(1.0, Frame(b"first"))
    line.send(3.0, Pong(b""))
    line.reset(2.0, "reset")

    assert [Frame(b"first"), Ending("reset"), None] == [line.take(9.0) for _ in range(3)]


def test_a_black_hole_brings_nothing(line):
    """Not even its end."""
    line.is_frozen = True
    line.send(1.0, Frame(b"first"))
    line.end(1.0, "closed")

    assert line.take(9.0) is None
