"""The edges of a run as they are."""

import pytest

from binance_uds.credentials import Credentials
from binance_uds.edges.clock import Clock
from binance_uds.runtime.edges import Edges, NothingFollows, Wishes


def test_edges_are_the_things_themselves():
    """Where nothing is recorded, nothing stands in between."""
    edges, clock, credentials, thing = Edges(), Clock(), Credentials.of("k" * 64), object()

    assert clock is edges.clock(clock)
    assert credentials is edges.credentials(credentials)
    assert thing is edges.rest(lambda: thing) is edges.sockets(lambda: thing) is edges.store(thing)
    assert (30.0, ()) == (edges.begin(30.0), edges.attentions())
    assert None is edges.broke(ValueError()) is edges.end()


def test_wishes_are_heard():
    """The end for ever, a rotation once for each time."""
    wishes = Wishes()
    before = (wishes.wants_stop(), wishes.takes_rotation())
    wishes.stop = wishes.rotation = True

    assert (False, False) == before
    assert [True, True] == [wishes.wants_stop() for _ in range(2)]
    assert [True, False] == [wishes.takes_rotation() for _ in range(2)]


@pytest.mark.parametrize("error", [None, ValueError("x")])
def test_nothing_follows_for_a_reason(error):
    """And perhaps because of an error."""
    end = NothingFollows("the journal ends", error)

    assert ("the journal ends", error) == (end.reason, end.error)
