"""
The exchange as the client meets it: the pure model, its connections, its REST interface, and what goes wrong there.

Everything that happens at the exchange goes through ``act``: time moves on, the model is asked, and what it wants
pushed is on its way.
"""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Callable, Dict, List, Mapping, Optional, Tuple, TypeVar, Union

from binance_uds.simulator import control
from binance_uds.simulator.exchange import Exchange
from binance_uds.simulator.http_api import Answer, HttpApi, Request
from binance_uds.simulator.parameters import Parameters
from binance_uds.simulator.records import Account, Push
from binance_uds.simulator.routes import ROUTES
from binance_uds.simulator.rules import Rules
from tests.simulation.history import Asked, History, Pushed
from tests.simulation.line import Frame, Line, Pong, Sign
from tests.simulation.weather import Way, Weather
from tests.simulation.world import World

Result = TypeVar("Result")


class Venue:
    """
    The exchange with the one account that matters, in the world's time.

    Attributes:
        world: Whose time it is.
        exchange: The model.
        account: The client's.
        history: Where everything is taken down.
        weather: What goes wrong at this moment.
        api: The REST interface of the model.
        lines: The connections by the client's numbers, until the client closes them.
        issued_keys: Every listen key there was, as an ordered set.
        when_deaf: What to do whenever the client has become deaf.
        when_pinged: What to do, each once, when the client has sent a ping of its own.
    """

    def __init__(
        self, world: World, exchange: Exchange, account: Account, history: History, weather: Weather, rules: Rules
    ) -> None:
        self.world = world
        self.exchange = exchange
        self.account = account
        self.history = history
        self.weather = weather
        self.api = HttpApi(exchange, rules)
        self.lines: Dict[int, Line] = {}
        self.issued_keys: Dict[str, None] = {}
        self.when_deaf: List[Callable[[], object]] = []
        self.when_pinged: List[Callable[[], object]] = []
        self._rules = rules
        self._wake()

    # The model

    def act(self, action: Callable[[], Result]) -> Result:
        """Let time pass, do something to the model, and send what follows from it."""
        self.exchange.advance(self.world.now_ms)
        try:
            return action()
        finally:
            pushes = self.exchange.take_pushes()
            if pushes:
                arrivals = {line: self.world.now + self._latency() + line.delay for line in self.standing()}
                for push in pushes:
                    self._send(push, arrivals)
            self.note_hearing()

    def _wake(self) -> None:
        """Be there when the model does something on its own: a key runs out, funding is charged."""
        self.act(lambda: None)
        due = self.exchange.next_due_ms() / 1000 - self.world.epoch
        # A key that is asked for meanwhile may run out before: so not too late either.
        self.world.at(min(max(due, self.world.now + 0.001), self.world.now + 600.0), self._wake)

    # Pushes

    def _send(self, push: Push, arrivals: Mapping[Line, float]) -> None:
        weather, event = self.weather, push.payload["e"]
        lines = [line for line in arrivals if self._concerns(push, line)]
        lost = lines if lines and weather.loses(event, self.world.now) else []
        if len(lost) > 1 and weather.chance.random() < 1 / 2:
            lost = lost[:1]
        copies = weather.copies() if lines else 1
        number = len(self.history.pushes)
        self.history.pushes.append(
            Pushed(push.time_ms, push.payload, copies, any(line.is_deaf or line in lost for line in lines))
        )
        self._note_profits(push)
        text: Optional[str] = None
        for line in lines:
            if line.is_deaf or line in lost:
                continue
            for key in line.keys:
                for name in line.subscription.names_for(key, event):
                    text = text or json.dumps(push.payload, separators=(",", ":"), ensure_ascii=False)
                    frame = Frame(line.subscription.wrap(name, text).encode(), number)
                    if weather.garbles():
                        frame = Frame(frame.payload[: len(frame.payload) // 2])
                    for _ in range(copies):
                        line.send(arrivals[line], frame)

    def _note_profits(self, push: Push) -> None:
        if push.payload["e"] == "ACCOUNT_UPDATE":
            for row in push.payload["a"]["P"]:
                self.history.profits[row["s"], row["ps"]] = [Decimal(row["up"])]

    def _concerns(self, push: Push, line: Line) -> bool:
        """Whether the exchange sends a push on a connection: an expiry where its key is held, else to a valid one."""
        if line.listing is not None:
            return False
        if push.key:
            return push.key in line.keys
        return any(self.exchange.key_owner(key) is push.account for key in line.keys)

    def clear_up(self) -> None:
        """Nothing is wrong any more: a connection that only seemed to deliver does so from now on."""
        self.weather.clear_up()
        for line in self.lines.values():
            line.is_deaf = False

    def note_read(self, frame: Frame) -> None:
        """The client has read a frame."""
        if frame.number is not None:
            self.history.pushes[frame.number].was_read = True

    # Connections

    def attach(self, number: int, subscription: control.Subscription) -> Line:
        """Send the 101 of a connection: from now on it gets what it asked for."""
        weather, now = self.weather, self.world.now
        is_mute = now < weather.mute_until and weather.mute_form == subscription.form
        line = Line(number, subscription, now, weather.mute_listing if is_mute else None, now < weather.deaf_until)
        line.delay = weather.chance.choice([0.0, 0.0, 0.0, weather.chance.random()])
        self.lines[number] = line
        self.world.after(self._rules.ping_interval, lambda: self._ping(line))
        if now + self._rules.connection_life < weather.ends:
            self.world.after(self._rules.connection_life, lambda: self.end(line, "24 hours have passed"))
        self.note_hearing()
        return line

    def _latency(self) -> float:
        return self.weather.latency(self.world.now)

    def _ping(self, line: Line) -> None:
        if line.has_ended or line.is_closed:
            return
        if self.world.now - line.heard_at > self._rules.pong_timeout:
            self.end(line, "closed by the exchange with code 1008")
            return
        line.send(self.world.now + self._latency(), Sign.PING)
        self.world.after(self._rules.ping_interval, lambda: self._ping(line))

    def hear(self, line: Line, said: Union[str, bytes]) -> None:
        """Something of the client is on its way to the exchange: a control message, or what a ping carries."""
        if isinstance(said, bytes) and self.when_pinged:
            self.world.after(0.0, self.when_pinged.pop())
        line.reached_at = max(self.world.now + self._latency(), line.reached_at)
        self.world.at(line.reached_at, lambda: self._answer(line, said))

    def _answer(self, line: Line, said: Union[str, bytes]) -> None:
        if not line.carries:
            return
        line.heard_at, arrival = self.world.now, self.world.now + self._latency() + line.delay
        if isinstance(said, bytes):
            line.send(arrival, Pong(said))
            return
        reply = control.answer(line.subscription, said)
        line.note_keys()
        if line.listing == "empty":
            reply = json.dumps({**json.loads(reply), "result": []})
        if line.listing != "none":
            line.send(arrival, Frame(reply.encode()))
        self.note_hearing()

    def end(self, line: Line, reason: str) -> None:
        """End a connection in good order."""
        line.end(self.world.now + self._latency() + line.delay, reason)
        self.note_hearing()

    def reset(self, line: Line, reason: str = "connection reset by peer") -> None:
        """End a connection at once."""
        line.reset(self.world.now + self._latency(), reason)
        self.note_hearing()

    def freeze(self, line: Line) -> None:
        """Let nothing pass a connection any more."""
        line.is_frozen = True
        self.note_hearing()

    def close(self, line: Line) -> None:
        """The client ended it."""
        self.history.note_closed(line.number)
        line.is_closed = True
        self.lines.pop(line.number, None)
        self.note_hearing()

    def announce_shutdown(self, line: Line) -> None:
        """Say that a connection will end, because the exchange is maintained."""
        notice = json.dumps({"e": "serverShutdown", "E": self.world.now_ms})
        line.send(self.world.now + self._latency(), Frame(notice.encode()))

    def standing(self) -> List[Line]:
        """Return the connections on which something could arrive."""
        return [line for line in self.lines.values() if line.carries]

    # REST

    def answer(self, request: Request, way: Way) -> Tuple[Answer, Asked]:
        """Answer a request that has come this way; returns also what was taken down about it."""
        answer = self.act(lambda: self._ask(request)) if way.acts else Answer(503, {})
        if way.status is not None:
            headers = {} if way.retry_after_s is None else {"Retry-After": str(way.retry_after_s)}
            answer = Answer(way.status, {"code": -1003, "msg": "not now"}, headers)
        route = ROUTES.get((request.method, request.path))
        weight = 1 if route is None else route.weight_of(Parameters.of(request.query, ""))
        asked = Asked(self.world.now, self.world.now_ms, request.method, request.path, weight)
        self.history.asked.append(asked)
        if answer.status != 200:
            self.weather.hinder(self.world.now + float(answer.headers.get("Retry-After", 0.0)) + 5.0)
        else:
            if request.path.endswith("/positionRisk"):
                for row in answer.body:
                    told = self.history.profits.setdefault((row["symbol"], row["positionSide"]), [])
                    told.append(Decimal(row["unRealizedProfit"]))
            self.weather.damage(answer.body)
        if way.answers:
            retry_after = answer.headers.get("Retry-After")
            asked.status, asked.retry_after = answer.status, None if retry_after is None else float(retry_after)
            used_weight = answer.headers.get("X-MBX-USED-WEIGHT-1M")
            asked.used_weight = None if used_weight is None else int(used_weight)
        return answer, asked

    def use_weight(self, weight: int) -> None:
        """Let somebody else behind the client's address use up weight of this minute."""
        request = Request("GET", "/fapi/v1/openOrders")
        for _ in range(weight // ROUTES[request.method, request.path].weight_of(Parameters())):
            self.act(lambda: self.api.answer(request))

    def _ask(self, request: Request) -> Answer:
        lag_ms, self.exchange.rest_lag_ms = self.exchange.rest_lag_ms, self.weather.lag_of(request.path, self.world.now)
        try:
            return self.api.answer(request)
        finally:
            self.exchange.rest_lag_ms = lag_ms

    # Who hears what

    def is_heard(self) -> bool:
        """Whether what the exchange pushes now reaches the client."""
        key = self.exchange.current_key(self.account)
        return key is not None and any(
            key in line.keys and line.carries and line.listing is None for line in self.lines.values()
        )

    def note_hearing(self) -> None:
        """Take down whether the client hears from now on, and tell whoever waits for the moment it does not."""
        key = self.exchange.current_key(self.account)
        if key is not None:
            self.issued_keys[key] = None
        is_heard = self.is_heard()
        if self.history.note_hearing(self.world.now_ms, is_heard) and not is_heard:
            for action in self.when_deaf:
                self.world.after(0.0, action)
