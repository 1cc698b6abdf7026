"""
The exchange on this machine: real HTTP and WebSocket on loopback, in a thread of its own.

    with LocalExchange(seed=1) as exchange:
        bot = MyBot(exchange.rest_url, exchange.stream_url, exchange.api_key, exchange.api_secret)
        exchange.buy("BTCUSDT", "0.01")
        exchange.faults.expire_key()
"""

from __future__ import annotations

import asyncio
import ssl
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from functools import partial
from types import TracebackType
from typing import Any, Optional, TypeVar, Union

from binance_uds.simulator.bot import BotTrader
from binance_uds.simulator.exchange import Exchange
from binance_uds.simulator.injector import Faults, Injector
from binance_uds.simulator.loop_thread import LoopThread
from binance_uds.simulator.records import SYMBOLS, Account, Symbol
from binance_uds.simulator.rules import Rules
from binance_uds.simulator.server import ExchangeClock, Server
from binance_uds.simulator.trading import Amount, Trading

Result = TypeVar("Result")


class LocalAccount(Trading):
    """
    An account of a `LocalExchange`.

    Attributes:
        name: As given to `LocalExchange.add_account`.
        api_key: Its API key.
        api_secret: The secret to sign with.
    """

    def __init__(self, local: LocalExchange, account: Account) -> None:
        self.name = account.name
        self.api_key = account.api_key
        self.api_secret = account.api_secret
        self._local = local
        self._account = account

    def __repr__(self) -> str:
        return f"<LocalAccount {self.name}>"

    def do(self, action: Callable[[Exchange, Account], Result]) -> Result:
        """Run ``action(exchange, account)`` in the exchange's own thread and return its result."""
        return self._local.call(lambda exchange: action(exchange, self._account))


class LocalExchange(Trading):
    """
    A local exchange; what it trades by itself it trades for its default account.

    Start it with `start` or as a context manager; it lives once. Any thread may call its methods. The clock
    is this machine's plus ``clock_offset_ms``.

    Attributes:
        account: The default account.
        api_key: Of the default account.
        api_secret: Of the default account.
        faults: Makes the exchange misbehave; see `Faults`.
    """

    def __init__(
        self,
        port: int = 0,
        *,
        host: str = "127.0.0.1",
        seed: int = 0,
        symbols: Sequence[Symbol] = SYMBOLS,
        balances: Optional[Mapping[str, Union[str, Decimal]]] = None,
        hedge_mode: bool = False,
        clock_offset_ms: int = 0,
        rules: Optional[Rules] = None,
        ssl_context: Optional[ssl.SSLContext] = None,
        log: Callable[[str], None] = lambda line: None,
    ) -> None:
        """
        Prepare an exchange; nothing is opened yet.

        Args:
            port: 0 takes a free one.
            host: The IPv4 address to listen on.
            seed: API keys, listen keys and bots derive from it.
            symbols: What is traded.
            balances: Of the default account, amounts by asset; None for 10,000 USDT.
            hedge_mode: Whether the default account holds LONG and SHORT positions apart.
            clock_offset_ms: By how much the exchange's clock runs ahead of this machine's.
            rules: Limits and intervals; None for those of the real exchange.
            ssl_context: A server context, for https and wss.
            log: Called in the exchange's thread with a line for people when a client connects or asks.
        """
        self._host, self._port, self._seed = host, port, seed
        self._ssl_context = ssl_context
        rules = Rules() if rules is None else rules
        clock = ExchangeClock(clock_offset_ms)
        self._exchange = Exchange(clock(), salt=str(seed), symbols=symbols, key_life_ms=int(rules.key_life * 1000))
        self._server = Server(self._exchange, clock=clock, rules=rules, on_change=self._announce, log=log)
        self._injector = Injector(self._server)
        self._thread = LoopThread("binance_uds-local-exchange")
        self._bots: set[asyncio.Task[None]] = set()
        self._changed = threading.Condition()
        self._changes = 0
        options: dict[str, Any] = {} if balances is None else {"balances": balances}
        account = self._exchange.open_account("default", hedge_mode=hedge_mode, **options)
        self.account = LocalAccount(self, account)
        self.api_key = account.api_key
        self.api_secret = account.api_secret
        self.faults = Faults(self._with_injector)

    def __repr__(self) -> str:
        return f"<LocalExchange {f'on port {self._port}' if self.is_running else 'not running'}>"

    # Life -------------------------------------------------------------------------------------------------

    @property
    def is_running(self) -> bool:
        """Whether it listens."""
        return self._thread.is_running

    def start(self) -> LocalExchange:
        """
        Listen, in a new thread; returns when the port is bound.

        Raises:
            OSError: The port cannot be bound.
            RuntimeError: It was started before.
        """
        self._thread.start(self._open, self._close)
        return self

    def stop(self) -> None:
        """End every connection, stop listening and join the thread. Idempotent."""
        self._thread.stop()

    def __enter__(self) -> LocalExchange:
        return self.start()

    def __exit__(
        self,
        kind: Optional[type[BaseException]],
        error: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        self.stop()

    async def _open(self) -> None:
        self._port = await self._server.start(self._host, self._port, self._ssl_context)

    async def _close(self) -> None:
        self._injector.clear()
        self._end_bots()
        await self._server.stop()

    # Addresses --------------------------------------------------------------------------------------------

    @property
    def port(self) -> int:
        """The port it listens on; the one asked for while it is not running."""
        return self._port

    @property
    def rest_url(self) -> str:
        """The base of REST addresses, such as ``http://127.0.0.1:40123``."""
        return f"http{self._security}://{self._host}:{self.port}"

    @property
    def stream_url(self) -> str:
        """The base of private stream addresses, such as ``ws://127.0.0.1:40123/private``."""
        return f"ws{self._security}://{self._host}:{self.port}/private"

    @property
    def _security(self) -> str:
        return "" if self._ssl_context is None else "s"

    # The model --------------------------------------------------------------------------------------------

    def call(self, action: Callable[[Exchange], Result]) -> Result:
        """
        Run ``action(exchange)`` in the exchange's own thread: the way to everything the model can do.

        Raises:
            RuntimeError: The exchange is not running.
        """
        return self._thread.call(lambda: self._server.act(lambda: action(self._exchange)))

    def do(self, action: Callable[[Exchange, Account], Result]) -> Result:
        """Run ``action(exchange, account)`` for the default account."""
        return self.account.do(action)

    def add_account(self, name: str, **options: Any) -> LocalAccount:
        """Open one more account; options as in `Exchange.open_account`."""
        return LocalAccount(self, self.call(lambda exchange: exchange.open_account(name, **options)))

    def set_price(self, symbol: str, price: Amount, liquidity: Optional[Amount] = None) -> None:
        """Move the market; resting orders it reaches fill, together at most ``liquidity``."""
        self.call(lambda exchange: exchange.set_price(symbol, price, liquidity=liquidity))

    def run_bot(self, rate: float = 2.0, seed: Optional[int] = None, account: Optional[LocalAccount] = None) -> None:
        """
        Let a seeded trader trade until `stop_bots`.

        Args:
            rate: What it does in a second: a price move, an order, a cancellation.
            seed: Of its chance; None for the exchange's.
            account: For whom it trades; None for the default account.
        """
        name = (self.account if account is None else account).name
        bot = BotTrader(self._seed if seed is None else seed)

        async def trade() -> None:
            while True:
                await asyncio.sleep(1 / rate)
                self._server.act(lambda: bot.act(self._exchange, self._exchange.accounts[name]))

        self._thread.call(lambda: self._bots.add(asyncio.get_running_loop().create_task(trade())))

    def stop_bots(self) -> None:
        """End all bots."""
        self._thread.call(self._end_bots)

    def _end_bots(self) -> None:
        for bot in self._bots:
            bot.cancel()
        self._bots.clear()

    # What happened ----------------------------------------------------------------------------------------

    @property
    def requests(self) -> list[tuple[int, str, str]]:
        """Every HTTP request so far: exchange milliseconds, method, path (no query, no secret)."""
        return list(self._server.requests)

    @property
    def connections_opened(self) -> int:
        """WebSocket connections so far."""
        return self._server.hub.opened

    @property
    def connections_open(self) -> int:
        """WebSocket connections now, black holes included."""
        return len(self._server.hub)

    @property
    def keys_issued(self) -> int:
        """Different listen keys so far."""
        return self._exchange.keys_issued

    def count(self, method: str, path: str) -> int:
        """Count the requests of a method to a path."""
        return sum((method, path) == request[1:] for request in self.requests)

    def wait_until(self, condition: Callable[[], bool], timeout: float = 10.0) -> None:
        """
        Wait until something is so, looking again whenever anything happened on the exchange.

        Args:
            condition: Such as ``lambda: exchange.connections_open == 2``; called in this thread.
            timeout: In seconds.

        Raises:
            TimeoutError: It did not become so in time.
        """
        deadline = time.monotonic() + timeout
        while True:
            seen = self._changes
            if condition():
                return
            with self._changed:
                left_s = deadline - time.monotonic()
                if not self._changed.wait_for(partial(self._has_changed_since, seen), max(0.0, left_s)):
                    raise TimeoutError(f"not so within {timeout} s")

    def _has_changed_since(self, seen: int) -> bool:
        return self._changes != seen

    def _announce(self) -> None:
        with self._changed:
            self._changes += 1
            self._changed.notify_all()

    def _with_injector(self, action: Callable[[Injector], Any]) -> Any:
        return self._thread.call(lambda: action(self._injector))
