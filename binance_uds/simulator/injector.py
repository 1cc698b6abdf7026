"""How the running exchange acts on a fault, and the front door for those who inject them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Optional

from binance_uds.simulator import faults
from binance_uds.simulator.frames import PING, PROVOKED, frame
from binance_uds.simulator.records import Account
from binance_uds.simulator.server import Server
from binance_uds.simulator.sockets import Connection, garbage


class Injector:
    """
    Makes faults happen; used only in the exchange's loop.

    Attributes:
        history: What was injected so far: exchange milliseconds and the fault.
    """

    def __init__(self, server: Server) -> None:
        self.history: list[tuple[int, faults.Fault]] = []
        self._server = server
        self._lag_end: Optional[asyncio.TimerHandle] = None
        self._planned: list[asyncio.TimerHandle] = []

    def inject(self, fault: faults.Fault) -> None:
        """Let a fault happen, or put it in force if it is a lasting one."""
        now_ms = self._server.clock()
        self.history.append((now_ms, fault))
        self._server.log(f"fault: {fault}")
        if isinstance(fault, faults.LastingFault):
            self._server.active.add(fault, now_ms)
        else:
            self._server.act(lambda: _ACTS[type(fault)](self, fault))

    def play(self, weather: Iterable[tuple[float, faults.Fault]]) -> None:
        """Let faults happen at their seconds from now."""
        loop = asyncio.get_running_loop()
        self._planned += [loop.call_later(at_s, self.inject, fault) for at_s, fault in weather]

    def clear(self) -> None:
        """End what is in force and forget what is planned; what happened stays as it is."""
        self._server.active.clear()
        for handle in self._planned:
            handle.cancel()
        self._planned.clear()
        self._end_lag()

    # One-time faults --------------------------------------------------------------------------------------

    def _accounts(self, name: Optional[str]) -> list[Account]:
        accounts = self._server.exchange.accounts
        return list(accounts.values()) if name is None else [accounts[name]]

    def _expire_key(self, fault: faults.ExpireKey) -> None:
        for account in self._accounts(fault.account):
            self._server.exchange.expire_key(account, notices=fault.notices)

    def _delete_key(self, fault: faults.NeighbourDeletesKey) -> None:
        exchange = self._server.exchange
        for account in self._accounts(fault.account):
            if exchange.current_key(account) is not None:
                exchange.release_key(account)

    def _swap_key(self, fault: faults.NeighbourSwapsKey) -> None:
        self._delete_key(faults.NeighbourDeletesKey(fault.account))
        for account in self._accounts(fault.account):
            self._server.exchange.obtain_key(account)

    def _drop(self, fault: faults.DropConnections) -> None:
        manners: Mapping[str, Callable[[Connection], None]] = {
            "reset": Connection.reset,
            "fin": Connection.finish,
            "close": lambda connection: connection.close(fault.code),
            "cut": Connection.cut,
        }
        for connection in self._server.hub.of(fault.account):
            manners[fault.how](connection)

    def _half_open(self, fault: faults.HalfOpen) -> None:
        for connection in self._server.hub.of(fault.account):
            connection.freeze()

    def _flood(self, fault: faults.PingFlood) -> None:
        for connection in self._server.hub.of():
            connection.write(frame(PING, PROVOKED) * fault.count)

    def _send_garbage(self, fault: faults.GarbageFrame) -> None:
        for connection in self._server.hub.private():
            connection.write(garbage(fault.data, binary=fault.binary))

    def _send_raw(self, fault: faults.RawBytes) -> None:
        for connection in self._server.hub.private():
            connection.write(fault.data)

    def _lag(self, fault: faults.LagReads) -> None:
        self._end_lag()
        self._server.exchange.rest_lag_ms = int(fault.seconds * 1000)
        self._lag_end = asyncio.get_running_loop().call_later(fault.lasts, self._end_lag)

    def _end_lag(self) -> None:
        self._server.exchange.rest_lag_ms = 0
        if self._lag_end is not None:
            self._lag_end.cancel()
            self._lag_end = None


_ACTS: Mapping[type, Callable[[Injector, Any], None]] = {
    faults.ExpireKey: Injector._expire_key,
    faults.NeighbourDeletesKey: Injector._delete_key,
    faults.NeighbourSwapsKey: Injector._swap_key,
    faults.DropConnections: Injector._drop,
    faults.HalfOpen: Injector._half_open,
    faults.PingFlood: Injector._flood,
    faults.GarbageFrame: Injector._send_garbage,
    faults.RawBytes: Injector._send_raw,
    faults.LagReads: Injector._lag,
}


class Faults:
    """
    ``exchange.faults``: makes the running exchange misbehave. Any thread may call it.

    Each method returns when the fault has happened or is in force; the classes of
    ``binance_uds.simulator.faults`` say what each does.
    """

    def __init__(self, injector: Callable[[Callable[[Injector], Any]], Any]) -> None:
        self._with_injector = injector

    def inject(self, fault: faults.Fault) -> None:
        """Let a fault happen, or put it in force."""
        self._with_injector(lambda injector: injector.inject(fault))

    def play(self, weather: Iterable[tuple[float, faults.Fault]]) -> None:
        """Let the faults of a `faults.schedule` happen, from now on, in seconds of real time."""
        self._with_injector(lambda injector: injector.play(weather))

    def clear(self) -> None:
        """End every fault in force and every planned one."""
        self._with_injector(Injector.clear)

    @property
    def history(self) -> list[tuple[int, faults.Fault]]:
        """What was injected so far: exchange milliseconds and the fault."""
        history: list[tuple[int, faults.Fault]] = self._with_injector(lambda injector: list(injector.history))
        return history

    def expire_key(self, notices: int = 1, account: Optional[str] = None) -> None:
        """Let listen keys expire, announced ``notices`` times (0, 1 or 2)."""
        self.inject(faults.ExpireKey(notices, account))

    def neighbour_deletes_key(self, account: Optional[str] = None) -> None:
        """Let another process of the account DELETE the shared key."""
        self.inject(faults.NeighbourDeletesKey(account))

    def neighbour_swaps_key(self, account: Optional[str] = None) -> None:
        """Let another process of the account DELETE the shared key and POST a new one."""
        self.inject(faults.NeighbourSwapsKey(account))

    def drop(self, how: str = "reset", code: Optional[int] = 1006, account: Optional[str] = None) -> None:
        """End connections: ``reset``, ``fin``, ``close`` (with ``code``) or ``cut``."""
        self.inject(faults.DropConnections(how, code, account))

    def half_open(self, account: Optional[str] = None) -> None:
        """Turn the connections of now into black holes."""
        self.inject(faults.HalfOpen(account))

    def garbage(self, data: Any = "{not json", *, binary: bool = False) -> None:
        """Send a frame with any payload on every private connection."""
        self.inject(faults.GarbageFrame(data, binary))

    def fail_rest(
        self,
        status: int = 503,
        count: Optional[int] = 1,
        *,
        code: Optional[int] = None,
        message: Optional[str] = None,
        retry_after: Any = None,
        body: Optional[str] = None,
        acts_first: bool = False,
        method: Optional[str] = None,
        path: Optional[str] = None,
        lasts: Optional[float] = None,
    ) -> None:
        """Let the next requests fail; the arguments are those of `faults.FailRest`."""
        self.inject(
            faults.FailRest(
                status,
                code,
                message,
                retry_after,
                body,
                acts_first,
                count=count,
                method=method,
                path=path,
                lasts=lasts,
            )
        )

    def slow_rest(
        self,
        seconds: float,
        count: Optional[int] = 1,
        *,
        acts_first: bool = False,
        method: Optional[str] = None,
        path: Optional[str] = None,
    ) -> None:
        """Let the next requests be answered late."""
        self.inject(faults.SlowRest(seconds, acts_first, count=count, method=method, path=path))

    def hang_rest(self, count: Optional[int] = 1, *, method: Optional[str] = None, path: Optional[str] = None) -> None:
        """Let the next requests never be answered."""
        self.inject(faults.HangRest(count=count, method=method, path=path))

    def lag_reads(self, seconds: float = 2.0, lasts: float = 30.0) -> None:
        """Let REST reads show the account as it was ``seconds`` ago."""
        self.inject(faults.LagReads(seconds, lasts))

    def silent_plan(self, form: str = faults.EVERY_FORM, listing: str = "empty") -> None:
        """Let connections of a form, opened from now on, deliver nothing; see `faults.SilentPlan`."""
        self.inject(faults.SilentPlan(form, listing))

    def refuse_handshake(self, status: int = 400, count: Optional[int] = 1) -> None:
        """Let the next WebSocket handshakes be refused."""
        self.inject(faults.RefuseHandshake(status, count=count))

    def lose_frame(self, count: Optional[int] = 1, event: Optional[str] = None) -> None:
        """Let the next events be lost on healthy connections."""
        self.inject(faults.LoseFrame(event, count=count))
