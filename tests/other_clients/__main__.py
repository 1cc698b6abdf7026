"""
Clients that nobody here wrote, against ``python -m binance_uds simulate``: ``python -m tests.other_clients``.

Each is installed in an environment of its own, pointed at a local exchange by changing its hosts and nothing else,
and has to take a listen key, connect, and receive what an order does. A line tells of each. It is over after three
minutes, whatever happens.

Exit code: 0 when all of them did, 1 when one did not, 3 when none could be installed.
"""

from __future__ import annotations

import json
import pathlib
import re
import secrets
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import attrs

from tests.other_clients.local_exchange import Exchange, running_exchange
from tests.other_clients.processes import Deadline, Program, Unfinished, redacted, surroundings
from tests.other_clients.throwaway import NotInstalled, environment_with
from tests.other_clients.verdict import Json, differences

#: The distributions, and the program for each under ``programs/``.
CLIENTS = {
    "python-binance": "python_binance.py",
    "binance-sdk-derivatives-trading-usds-futures": "official_sdk.py",
    "binance-futures-connector": "official_connector.py",
}

#: For everything together, in seconds; ending processes and removing environments takes a few more.
BOUND_S = 160.0

#: From an installed client to its last event, in seconds.
PATIENCE_S = 60.0

KEPT, BROKEN, NOTHING_INSTALLED = 0, 1, 3

_PROGRAMS = pathlib.Path(__file__).parent / "programs"
_SYMBOL, _QUANTITY = "BTCUSDT", "0.01"

#: What the exchange prints, after the time.
_KEY_GIVEN = re.compile(r".* POST /fapi/v1/listenKey -> 200")
_CONNECTED = re.compile(r".* connected: (/private/\S+) \((\w+)\)")


@attrs.frozen
class Outcome:
    """What became of a client, in a line, and the exit code that follows from it."""

    line: str
    code: int


def try_client(distribution: str, deadline: Deadline) -> Outcome:
    """Install a client, let it listen to an order, and compare."""
    began = time.monotonic()
    try:
        with environment_with(distribution, deadline) as python, running_exchange(deadline) as exchange:
            program = _PROGRAMS / CLIENTS[distribution]
            story = _listen(python, program, exchange, Deadline(min(PATIENCE_S, deadline.left_s)))
    except NotInstalled as trouble:
        return Outcome(redacted(f"{distribution}: {trouble}"), NOTHING_INSTALLED)
    except Unfinished as trouble:
        return Outcome(redacted(f"{distribution}: FAILED: {trouble}"), BROKEN)
    return Outcome(redacted(f"{distribution} {story}; {time.monotonic() - began:.0f} s"), KEPT)


def _listen(python: str, source: pathlib.Path, exchange: Exchange, deadline: Deadline) -> str:
    """Run a client's program beside an order; returns what it took, in words."""
    client_order_id = f"other-clients-{secrets.token_hex(4)}"
    environment = surroundings(
        REST_URL=exchange.rest_url,
        STREAM_URL=exchange.stream_url,
        BINANCE_API_KEY=exchange.api_key,
        BINANCE_API_SECRET=exchange.api_secret,
    )
    with Program([python, str(source)], environment, str(source.parent)) as program:
        program.wait_for(lambda line: line == '{"ready": true}', deadline, "listened")
        exchange.program.wait_for(_KEY_GIVEN.fullmatch, deadline, "gave a listen key")
        connected = exchange.program.wait_for(_CONNECTED.fullmatch, deadline, "saw a private connection")
        exchange.buy(_SYMBOL, _QUANTITY, client_order_id)
        program.wait_for_end(deadline, f"had the events of order {client_order_id}")
    told = [json.loads(line) for line in program.lines if line.startswith("{")]
    wrong = _compare(exchange, client_order_id, [line["event"] for line in told if "event" in line])
    if wrong:
        raise Unfinished("\n    ".join(["what it received is not what happened", *wrong]))
    way = _CONNECTED.sub(r"\1 (\2)", connected)
    return (
        f"{told[0]['version']}: took a listen key, connected to {way}, received "
        f"the fill and the account update of order {client_order_id}, each value as REST tells it"
    )


def _compare(exchange: Exchange, client_order_id: str, events: list[Json]) -> list[str]:
    """Compare a client's events with what the exchange says by REST."""
    order = exchange.ask("GET", "/fapi/v1/order", symbol=_SYMBOL, origClientOrderId=client_order_id)
    [trade] = exchange.ask("GET", "/fapi/v1/userTrades", symbol=_SYMBOL, orderId=order["orderId"])
    [position] = exchange.ask("GET", "/fapi/v3/positionRisk", symbol=_SYMBOL)
    balances = exchange.ask("GET", "/fapi/v3/balance")
    [balance] = [row for row in balances if row["asset"] == trade["commissionAsset"]]
    return differences(events, order=order, trade=trade, balance=balance, position=position)


def main() -> int:
    """Try all clients side by side; returns the exit code."""
    deadline = Deadline(BOUND_S)
    with ThreadPoolExecutor(len(CLIENTS)) as pool:
        outcomes = []
        for outcome in pool.map(lambda distribution: try_client(distribution, deadline), CLIENTS):
            print(outcome.line, flush=True)
            outcomes.append(outcome)
    codes = {outcome.code for outcome in outcomes}
    return codes.pop() if len(codes) == 1 else BROKEN


if __name__ == "__main__":
    sys.exit(main())
