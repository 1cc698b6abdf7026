"""The local exchange in the foreground, for rehearsals by hand."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Optional

from binance_uds.simulator import faults
from binance_uds.simulator.local import LocalExchange

#: How long a foreground exchange plans its weather ahead, in seconds.
_WEATHER_AHEAD_S = 7 * 86_400.0


def serve_forever(
    port: int = 8080,
    *,
    seed: int = 0,
    bot_rate: float = 0.0,
    fault_interval: Optional[float] = None,
    log: Callable[[str], None] = lambda line: None,
    on_start: Callable[[LocalExchange], None] = lambda exchange: None,
    stop: Optional[threading.Event] = None,
) -> None:
    """
    Run a local exchange until Ctrl-C.

    Args:
        port: Where to listen; 0 takes a free port.
        seed: Keys, the bot and the weather derive from it.
        bot_rate: What a trader of its own does in a second, so that events flow; 0 for none.
        fault_interval: Mean seconds between two faults; None for fair weather.
        log: Called with a line for people: who connected, what was asked, what went wrong. No secrets.
        on_start: Called with the exchange when it listens, to tell its addresses and keys.
        stop: Ends it when set, from another thread; None for Ctrl-C alone.

    Raises:
        OSError: The port cannot be bound.
    """
    stop = threading.Event() if stop is None else stop
    with LocalExchange(port, seed=seed, log=log) as exchange:
        on_start(exchange)
        if bot_rate:
            exchange.run_bot(bot_rate)
        if fault_interval is not None:
            weather = faults.schedule(seed, duration=_WEATHER_AHEAD_S, mean_interval=fault_interval)
            exchange.faults.play(weather)
        try:
            # In slices: an endless wait would not see Ctrl-C on every platform.
            while not stop.wait(0.5):
                pass
        except KeyboardInterrupt:
            log("stopped by Ctrl-C")
