"""The client's edges in virtual time do what the real ones do, as far as the client can tell."""

from __future__ import annotations

import random
from typing import Any

import pytest

import binance_uds as uds
from binance_uds.credentials import Credentials, Secret
from binance_uds.edges.holds import release_holds
from binance_uds.errors import CredentialsRejected, ExchangeError, StreamInterrupted
from binance_uds.markets import USDM, AccessForm, AccessPlan
from binance_uds.protocol import commands as do
from binance_uds.protocol import facts
from binance_uds.protocol.signing import signed_query
from binance_uds.runtime.weights import forget_weights
from binance_uds.simulator.exchange import Exchange
from binance_uds.simulator.rules import Rules
from tests.simulation.clock import VirtualClock
from tests.simulation.history import History
from tests.simulation.rest import VirtualRest
from tests.simulation.sockets import VirtualSockets
from tests.simulation.venue import Venue
from tests.simulation.weather import Refusal, Weather
from tests.simulation.world import World

PLAN = AccessPlan("wss://one.example/private", AccessForm.QUERY)
KEY_PATH, TRADES_PATH, INCOME_PATH = "/fapi/v1/listenKey", "/fapi/v1/userTrades", "/fapi/v1/income"


@pytest.fixture
def venue() -> Venue:
    """An exchange in good weather, with one account."""
    world = World(1_760_000_000.0)
    exchange = Exchange(world.now_ms)
    account = exchange.open_account("default")
    history = History(1, "signed", world.epoch, account, False, 1e9, 1e9)
    return Venue(world, exchange, account, history, Weather(random.Random(1), 1e9), Rules())


@pytest.fixture
def clock(venue: Venue) -> VirtualClock:
    """The client's clocks."""
    return VirtualClock(venue.world, random.Random(1))


@pytest.fixture
def credentials(venue: Venue) -> Credentials:
    """The account's."""
    return Credentials.of(venue.account.api_key, venue.account.api_secret)


@pytest.fixture
def rest(venue: Venue, clock: VirtualClock, credentials: Credentials) -> VirtualRest:
    """REST for the account."""
    release_holds()
    forget_weights()
    return VirtualRest(venue, clock, USDM, credentials, abandoned=lambda: False, timeout=5.0)


@pytest.fixture
def sockets(venue: Venue, clock: VirtualClock) -> VirtualSockets:
    """The client's connections."""
    stream = uds.UserDataStream(venue.account.api_key)
    return VirtualSockets(venue, stream._settings, clock, lambda: False, None)


def read(rest: VirtualRest, credentials: Credentials, venue: Venue, path: str, **parameters: Any) -> Any:
    """Make a signed read."""
    return rest.call("GET", path, signed_query(parameters, credentials, venue.world.now_ms))


def trade(venue: Venue) -> None:
    """Buy a little."""
    order = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.01"}
    venue.act(lambda: venue.exchange.place_order(venue.account, **order))


def opened(venue: Venue, sockets: VirtualSockets) -> do.OpenSocket:
    """Open a connection with a valid key, and return the command."""
    command = do.OpenSocket(1, PLAN, Secret(venue.act(lambda: venue.exchange.obtain_key(venue.account))))

    assert isinstance(sockets.open(command), facts.SocketOpened)
    return command


def frames_after(sockets: VirtualSockets, seconds: float = 1.0) -> list[bytes]:
    """Wait, and return what can be read then."""
    sockets._world.pass_time(seconds)
    return list(sockets.read(1).frames)


def test_a_call_takes_time_and_is_taken_down(venue, rest):
    """In which the world goes on."""
    answer = rest.call("POST", KEY_PATH)

    assert venue.exchange.current_key(venue.account) == answer["listenKey"]
    assert 0.01 < venue.world.now < 0.2
    assert [("POST", KEY_PATH, 1, 200, True)] == [
        (asked.method, asked.path, asked.weight, asked.status, asked.was_heard) for asked in venue.history.asked
    ]
    assert 1 == rest.used_weight


def test_a_signature_is_checked(venue, rest, credentials):
    """By the exchange's own code."""
    trade(venue)
    rows = read(rest, credentials, venue, TRADES_PATH, symbol="BTCUSDT")

    assert [fill.trade_id for fill in venue.account.fills] == [row["id"] for row in rows]
    with pytest.raises(CredentialsRejected):
        rest.call("GET", TRADES_PATH, f"symbol=BTCUSDT&timestamp={venue.world.now_ms}&signature=00")


def test_rest_lags(venue, rest, credentials):
    """A fill shows up later, in the income history later still."""
    venue.exchange.rest_lag_ms = venue.weather.lag_ms = 2_500
    venue.weather.income_lag_ms = 60_000
    venue.weather.chance.random = lambda: 0.9  # type: ignore[method-assign]
    trade(venue)

    assert [] == read(rest, credentials, venue, TRADES_PATH, symbol="BTCUSDT")
    venue.world.pass_time(3.0)
    assert [] != read(rest, credentials, venue, TRADES_PATH, symbol="BTCUSDT")
    assert [] == read(rest, credentials, venue, INCOME_PATH)
    venue.world.pass_time(60.0)
    assert [] != read(rest, credentials, venue, INCOME_PATH)


def test_an_answer_that_never_comes_takes_the_whole_deadline(venue, rest):
    """And the exchange has acted all the same."""
    venue.weather.unanswered = 1

    with pytest.raises(StreamInterrupted):
        rest.call("POST", KEY_PATH)
    assert venue.world.now == pytest.approx(5.0, abs=1e-3)
    assert venue.exchange.current_key(venue.account) is not None


def test_a_hold_is_kept_to(venue, rest):
    """Until it is over nothing is sent."""
    venue.weather.hold_status, venue.weather.hold_until = 418, 100.0
    for _ in range(2):
        with pytest.raises(ExchangeError) as caught:
            rest.call("POST", KEY_PATH)
        assert 418 == caught.value.status
    venue.world.pass_time(102.0)

    assert 1 == len(venue.history.asked)
    assert "listenKey" in rest.call("POST", KEY_PATH)


def test_the_real_limit_is_there(venue, rest):
    """Beside a neighbour who uses up the minute."""
    venue.use_weight(2400)

    with pytest.raises(ExchangeError) as caught:
        rest.call("POST", KEY_PATH)
    assert 429 == caught.value.status


def test_a_connection_brings_what_is_pushed(venue, sockets):
    """In order, and each push is known to have been read."""
    opened(venue, sockets)
    trade(venue)
    frames = frames_after(sockets)

    assert [push.payload["e"] for push in venue.history.pushes] == [frame.split(b'"')[3].decode() for frame in frames]
    assert all(push.was_read for push in venue.history.pushes)
    assert venue.is_heard()


def test_a_dead_key_brings_nothing(venue, sockets):
    """Although the connection stands, and says it is subscribed."""
    command = opened(venue, sockets)
    venue.act(lambda: venue.exchange.release_key(venue.account))
    trade(venue)
    sockets.send(do.ListSubscriptions(1))
    frames = frames_after(sockets)

    assert 1 == len(frames)
    assert command.key.reveal().encode() in frames[0]
    assert not venue.is_heard()


def test_a_connection_that_only_seems_to_deliver_does_when_all_is_well(venue, sockets):
    """Nobody can tell until something was missed, which may be long after the last trouble."""
    venue.weather.deaf_until = 1e6
    opened(venue, sockets)
    trade(venue)
    before = frames_after(sockets)
    venue.clear_up()
    trade(venue)

    assert [] == list(before)
    assert [] != list(frames_after(sockets))


@pytest.mark.parametrize("is_dead", [False, True])
def test_a_ping_is_answered_by_whoever_can(venue, sockets, is_dead):
    """And by no black hole."""
    opened(venue, sockets)
    if is_dead:
        venue.freeze(venue.lines[1])
    sockets.send(do.SendPing(1))
    venue.world.pass_time(1.0)

    assert is_dead is not sockets.read(1).alive


def test_a_wait_ends_with_what_arrives(venue, sockets):
    """Or with its time, or when it is woken."""
    opened(venue, sockets)
    venue.world.after(3.0, lambda: trade(venue))
    began = venue.world.now
    sockets.wait(30.0)

    assert began + 3.0 < venue.world.now < began + 3.1
    sockets.read(1)
    sockets.wait(30.0)
    assert began + 33.0 < venue.world.now < began + 33.2
    venue.world.after(1.0, sockets.wake)
    sockets.wait(30.0)
    assert began + 34.0 < venue.world.now < began + 34.3


def test_a_handshake_is_refused(venue, sockets):
    """And how long to stay away is passed on."""
    venue.weather.refused.append(Refusal("no", 0.1, 7.0))
    fact = sockets.open(do.OpenSocket(1, PLAN, Secret("k" * 64)))

    assert facts.SocketRefused(1, "no", 7.0) == fact
    assert () == sockets.numbers()


def test_a_client_that_runs_in_circles_is_stopped(venue, sockets):
    """Rather than running for ever."""
    with pytest.raises(AssertionError, match="circles"):
        for _ in range(10_000):
            sockets.wait(0.0)


def test_the_exchange_ends_a_connection_that_never_answers(venue, sockets):
    """Ten minutes after it last heard of it."""
    opened(venue, sockets)
    venue.world.pass_time(1_000.0)

    assert "closed by the exchange with code 1008" == sockets.read(1).lost
