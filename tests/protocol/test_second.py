"""The second connection's own knowledge: which of our pings was answered."""

from __future__ import annotations

from binance_uds.protocol.second import Pings
from tests.protocol.driving import moment


def test_an_answer_dates_its_ping():
    """What a pong proves is dated by when its ping was sent, and each ping carries something else."""
    pings = Pings()
    first, second = pings.send(moment(1.0)), pings.send(moment(2.0))
    pings.heard(first)

    assert first != second
    assert moment(1.0) == pings.answered


def test_an_answer_to_a_later_ping_answers_those_before():
    """A peer may answer the latest alone; the answer to an older one then says nothing new."""
    pings = Pings()
    first, second = pings.send(moment(1.0)), pings.send(moment(2.0))
    pings.heard(second)
    pings.heard(first)

    assert moment(2.0) == pings.answered


def test_an_answer_to_nothing_proves_nothing():
    """An unsolicited pong may carry anything."""
    pings = Pings()
    pings.heard(b"1")

    assert pings.answered is None
