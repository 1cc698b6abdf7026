"""One run: a real stream meets the simulated exchange, on one thread, in virtual time, decided by one seed."""

from __future__ import annotations

import contextlib
import itertools
import logging
import random
import ssl
from typing import Any, Callable, Iterator, List, Optional
from unittest import mock

import binance_uds as uds
from binance_uds.edges.holds import release_holds
from binance_uds.runtime.weights import forget_weights
from binance_uds.simulator.exchange import Exchange
from binance_uds.simulator.rules import Rules
from tests.simulation.account import account_of, truth_of
from tests.simulation.clients import CLIENTS, Client, client_of
from tests.simulation.clock import VirtualClock
from tests.simulation.history import Death, History
from tests.simulation.rest import VirtualRest
from tests.simulation.scenario import Scenario
from tests.simulation.sockets import VirtualSockets
from tests.simulation.trader import BUSY, FRESH, Trader
from tests.simulation.troubles import Trouble
from tests.simulation.venue import Venue
from tests.simulation.weather import Weather
from tests.simulation.world import World

#: Loading certificates takes longer than a whole run, and nothing is encrypted here.
_CONTEXT = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)

#: Every seed has a time of its own; funding is charged every two hours, so that most runs see it.
_EPOCH, _APART, _FUNDING_INTERVAL_MS = 1_760_000_000, 977, 2 * 3_600_000

#: Seconds between two looks of a reader on another thread, in the mean.
_LOOK_INTERVAL = 20.0

#: Seconds a start may take, and until a program tries again that could not start its stream.
_START_WITHIN, _PAUSE_AFTER_FAILURE = 120.0, 20.0

#: Seconds until a process is killed in any case that was to be killed in a certain place.
_KILLED_WITHIN = 900.0


def simulate(seed: int, client: Optional[str] = None, scenario: Optional[Scenario] = None) -> History:
    """
    Run one seed and return what happened.

    Args:
        seed: Decides everything.
        client: A name of ``CLIENTS``; by default the seed decides that, too.
        scenario: Of this seed; by default as the seed draws it.

    Raises:
        Exception: Whatever ended the stream before its time.
    """
    name = client or client_of(seed)
    return Run(seed, name, scenario or Scenario.of(seed, for_repairer=CLIENTS[name].promise.repairs)).go()


class Run:
    """Everything of one run, put together."""

    def __init__(self, seed: int, client: str, scenario: Scenario) -> None:
        self.client: Client = CLIENTS[client]
        self.scenario = scenario
        self.world = World(float(_EPOCH + seed * _APART), set_by=scenario.clock_offset)
        exchange = Exchange(
            self.world.now_ms, salt=str(seed), symbols=(*BUSY, *FRESH), funding_interval_ms=_FUNDING_INTERVAL_MS
        )
        exchange.expiry_notices = scenario.expiry_notices
        # Set for the whole run, the model keeps what it needs to show the past; each answer then draws its own lag.
        exchange.rest_lag_ms = 100_000 if scenario.is_bad else scenario.lag_ms
        account = exchange.open_account(
            "default", balances={"USDT": "10000", "USDC": "10000"}, hedge_mode=scenario.hedge_mode
        )
        self.history = History(
            seed, client, self.world.epoch, account, scenario.is_bad, scenario.trouble_ends, scenario.ends
        )
        weather = Weather(_dice(seed, "way"), scenario.trouble_ends, scenario.lag_ms, scenario.income_lag_ms)
        rules = Rules(connection_life=scenario.connection_life)
        self.venue = Venue(self.world, exchange, account, self.history, weather, rules)
        self._busy_since: Optional[float] = None
        self._is_dead = False
        self._kept: Optional[str] = None
        self._is_fatal: Optional[Callable[[Any], bool]] = None
        self._crash_dice = _dice(seed, "crash")
        self._trouble_dice = _dice(seed, "trouble")
        self._look_dice = _dice(seed, "looks")
        self._clock = VirtualClock(self.world, _dice(seed, "client"))
        self.trader = Trader(self.venue, _dice(seed, "trader"), scenario.trade_interval, scenario.trade_ends)

    def __repr__(self) -> str:
        # Without an address, so that what names a callback of ours is the same each time.
        return f"<Run of seed {self.scenario.seed}>"

    def go(self) -> History:
        """Run from the start of the stream to its end."""
        scenario = self.scenario
        release_holds()
        forget_weights()
        with edges_replaced(self.venue, self._clock), self._listening():
            self.stream = self._make_stream()
            for at, name, trouble in scenario.troubles():
                self.world.at(at, self._make(name, trouble))
            self.world.at(scenario.trouble_ends, self.venue.clear_up)
            self._look_again()
            for restart in scenario.restarts:
                survives = self.client.promise.survives_restart
                if restart.crash is None or not survives:
                    self.world.at(restart.at, self._stop)
                    self._live_until(restart.at)
                else:
                    self._live_until_killed(restart.at, restart.crash)
                self.world.pass_time(restart.pause, lambda: self.world.now >= scenario.trouble_ends)
                if survives:
                    self._begin_again()
            self.world.at(scenario.ends, self._finish)
            self._live_until(scenario.ends)
        return self.history

    def _make_stream(self, **arguments: Any) -> uds.UserDataStream:
        account, client = self.venue.account, self.client
        stream = uds.UserDataStream(
            account.api_key,
            account.api_secret if client.signed else None,
            name=f"seed-{self.scenario.seed}",
            ssl_context=_CONTEXT,
            **client.arguments,
            **arguments,
        )
        stream.on(uds.Event)(self._take)
        stream.on(uds.Notice)(self._take)
        return stream

    def _begin_again(self) -> None:
        """Have another process go on where the last one ended; all that is left of that one is its cursor."""
        cursor = self._kept or self.stream.cursor
        self._kept, self._is_fatal, self._is_dead = None, None, False
        self.stream = self._make_stream(cursor=cursor)

    def _live_until(self, stop_at: float) -> None:
        """Run the stream until it is stopped."""
        while self.world.now < stop_at:
            self._run()

    def _live_until_killed(self, at: float, crash: str) -> None:
        """Run the stream until its process is killed, from a moment on, in some place."""
        count = itertools.count(self._crash_dice.randint(-2, 0))

        def is_fatal(item: Any) -> bool:
            is_such = crash == "a callback" or getattr(item, "origin", None) == "rest"
            return self.world.now >= at and is_such and next(count) >= 0

        stream, latest = self.stream, min(at + _KILLED_WITHIN, self.scenario.trouble_ends)
        self._is_fatal = is_fatal
        self.world.at(at if crash == "anything" else latest, lambda: self._kill(stream))
        while not self._is_dead:
            self._run()

    def _run(self) -> None:
        """Run the stream; a start that fails is tried again, as a program would."""
        try:
            self.stream.run(timeout=_START_WITHIN)
        except uds.StartTimeout:
            self.world.pass_time(_PAUSE_AFTER_FAILURE, lambda: self._is_dead)

    def _make(self, name: str, trouble: Trouble) -> Any:
        def strike() -> None:
            if not self.world.is_asleep or name != "suspend":
                self.history.troubles.append((self.world.now, name))
                trouble.act(self.venue, self._trouble_dice)
                if self._trouble_dice.random() < 1 / 3:
                    wait = self._trouble_dice.choice([0.0, 0.1, 3.0, 10.0])
                    self.world.after(wait, lambda: self.trader.burst(self._trouble_dice.randint(1, 6)))

        return strike

    # What the client's callbacks see

    def _take(self, item: Any) -> None:
        if self._is_dead:
            return
        self.history.delivered.append((self.world.now, item))
        if self._is_fatal is not None and self._is_fatal(item):
            self._kill(self.stream)
            return
        if isinstance(item, uds.StateChanged) and item.new is not uds.StreamState.STOPPED:
            self._look()
        elif isinstance(item, uds.GapOpened):
            working = frozenset(line.number for line in self.venue.standing())
            self.history.note_gap(self.world.now, item, self.venue.weather.hindered_until, working)
        seconds = self.venue.weather.callback_takes(self.world.now)
        if seconds:
            self._busy_since = self.world.now
            # A suspend meanwhile comes on top, but nothing outlasts the trouble.
            self.world.pass_time(seconds, lambda: self.world.now >= self.scenario.trouble_ends)
            self._busy_since = None
        if self.venue.weather.callback_raises():
            raise RuntimeError("the user's code is wrong")

    # What a reader on another thread sees

    def _look(self) -> None:
        self.history.look(self.world.now, self.stream.state, self.venue.weather.hindered_until)

    def _look_again(self) -> None:
        if not self.world.is_asleep and self.world.now < self.scenario.ends:
            self._look()
        self.world.after(self._look_dice.expovariate(1 / _LOOK_INTERVAL), self._look_again)

    # The end

    def _stop(self) -> None:
        if self.world.is_asleep:
            # So is the program that would stop it.
            self.world.after(1.0, self._stop)
        elif self.stream.state is not uds.StreamState.IDLE:
            self.history.stops.append(self.world.now if self._busy_since is None else self._busy_since)
            self.stream.stop()

    def _kill(self, stream: uds.UserDataStream) -> None:
        """End the client's process, if it is still that one: nobody hears of what it does from now on."""
        if self._is_dead or stream is not self.stream:
            return
        if self.world.is_asleep:
            self.world.after(1.0, lambda: self._kill(stream))
            return
        # As a program has it that keeps it with each event.
        cursor = stream.cursor
        self._kept = None if cursor is None else cursor.to_text()
        self._is_dead = True
        self.history.delivered.append((self.world.now, Death()))
        stream.stop()

    def _finish(self) -> None:
        """See what the client knows in the end, and stop it."""
        self.history.account_seen = account_of(self.stream, self.venue.exchange, self.venue.account)
        self.history.account_true = truth_of(self.venue.exchange, self.venue.account, self.stream)
        self.history.health = self.stream.health
        self.history.sleeps = self.world.sleeps
        self.history.timeline = self.stream.timeline
        self.history.end(self.world.now_ms, tuple(self.venue.issued_keys))
        self._stop()

    @contextlib.contextmanager
    def _listening(self) -> Iterator[None]:
        """Take down what the client logs."""
        logger, lines = logging.getLogger("binance_uds"), self.history.log
        handler = _Lines(lines)
        level, propagates = logger.level, logger.propagate
        logger.addHandler(handler)
        logger.setLevel(logging.DEBUG)
        logger.propagate = False
        try:
            yield
        finally:
            logger.removeHandler(handler)
            logger.setLevel(level)
            logger.propagate = propagates


class _Lines(logging.Handler):
    """Keeps every line."""

    def __init__(self, lines: List[str]) -> None:
        super().__init__()
        self._lines = lines

    def emit(self, record: logging.LogRecord) -> None:
        self._lines.append(record.getMessage())


def _dice(seed: int, what: str) -> random.Random:
    """Return dice of their own, so that a change in one place leaves the chances of the others alone."""
    return random.Random(f"{seed} {what}")


@contextlib.contextmanager
def edges_replaced(venue: Venue, clock: VirtualClock) -> Iterator[None]:
    """Let streams made inside meet the venue where they would touch the outside; everything else is the real thing."""

    def make_rest(market: uds.Market, credentials: Any, **options: Any) -> VirtualRest:
        return VirtualRest(venue, clock, market, credentials, **options)

    def make_sockets(settings: Any, clock: Any, abandoned: Any, log: Any) -> VirtualSockets:
        return VirtualSockets(venue, settings, clock, abandoned, log)

    replaced = {
        "binance_uds.stream.Clock": mock.Mock(return_value=clock),
        "binance_uds.runtime.assembly.Rest": make_rest,
        "binance_uds.runtime.assembly.Sockets": make_sockets,
    }
    with contextlib.ExitStack() as patches:
        for name, replacement in replaced.items():
            patches.enter_context(mock.patch(name, replacement))
        yield
