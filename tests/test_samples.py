"""The samples do what they say, against the local exchange."""

from __future__ import annotations

import ast
import contextlib
import os
import pathlib
import re
import signal
import sqlite3
import subprocess
import sys
import threading
from decimal import Decimal
from typing import Any

import attrs
import pytest

import binance_uds as uds
from samples import flask_app, restart_with_cursor, wait_for_fill
from tests import screenshots

SAMPLES = pathlib.Path(__file__).parent.parent / "samples"


@pytest.fixture
def market(binance_exchange, monkeypatch):
    """The local exchange as a market row, its key and secret in the environment."""
    monkeypatch.setenv("BINANCE_API_KEY", binance_exchange.api_key)
    monkeypatch.setenv("BINANCE_API_SECRET", binance_exchange.api_secret)
    return attrs.evolve(uds.USDM, rest_url=binance_exchange.rest_url, stream_url=binance_exchange.stream_url)


def test_watching_from_a_plain_script(binance_exchange, market):
    """The script prints orders and balances as they come, and ends at Ctrl-C."""
    source = (
        "import attrs, binance_uds as uds, watch_account\n"
        f"watch_account.main(attrs.evolve(uds.USDM, rest_url={market.rest_url!r}, stream_url={market.stream_url!r}))"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(SAMPLES), str(SAMPLES.parent)])}
    with subprocess.Popen(
        [sys.executable, "-c", source],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    ) as script:
        watchdog = threading.Timer(30, script.kill)
        watchdog.start()
        seen = []
        for line in script.stdout:
            seen.append(line)
            if "LIVE" in line:
                binance_exchange.buy("BTCUSDT", "0.01")
            if "USDT" in line and "(ORDER)" in line:
                script.send_signal(signal.SIGINT)
        watchdog.cancel()
        errors = script.stderr.read()

    assert "BTCUSDT BUY FILLED 0.010 of 0.010\n" in seen
    assert errors.rstrip().endswith("KeyboardInterrupt")


def test_waiting_for_a_fill(binance_exchange, market, capsys):
    """The price of an order that fills before anyone looks is found all the same."""

    def place_order() -> str:
        return binance_exchange.buy("BTCUSDT", "0.01")["clientOrderId"]

    wait_for_fill.main(market, place_order)

    assert "filled at 30000" in capsys.readouterr().out


def test_waiting_for_a_fill_through_a_gap(binance_exchange, market, capsys):
    """A fill that the stream missed is read back."""

    def place_order() -> str:
        binance_exchange.faults.expire_key()
        return binance_exchange.buy("BTCUSDT", "0.01")["clientOrderId"]

    wait_for_fill.main(market, place_order)

    assert "filled at 30000" in capsys.readouterr().out


def test_waiting_for_a_fill_through_a_gap_without_the_secret(binance_exchange, market, monkeypatch):
    """A blind interval while waiting is an answer, too."""
    monkeypatch.delenv("BINANCE_API_SECRET")

    def place_order() -> str:
        binance_exchange.faults.expire_key()
        return "never-comes"

    with uds.UserDataStream.from_env(market=market) as stream, pytest.raises(RuntimeError, match="blind from"):
        wait_for_fill.wait_for_fill(stream, place_order, timeout=30)


def test_waiting_for_a_fill_that_comes_in_part(binance_exchange, market, capsys):
    """Of an order that was cancelled halfway the half is told, not that nothing was filled."""

    def place_order() -> str:
        order = binance_exchange.place_order(symbol="BTCUSDT", side="BUY", type="LIMIT", quantity="0.02", price="29000")
        binance_exchange.fill_order(order["orderId"], "0.005")
        binance_exchange.cancel_order("BTCUSDT", order["orderId"])
        return order["clientOrderId"]

    wait_for_fill.main(market, place_order)

    assert "0.005 of 0.020 filled at 29000" in capsys.readouterr().out


def test_waiting_for_a_fill_that_does_not_come(binance_exchange, market):
    """The time is over when it is over, however much happens to other orders."""
    binance_exchange.run_bot(rate=60)
    with uds.UserDataStream.from_env(market=market) as stream, pytest.raises(uds.WaitTimeout):
        wait_for_fill.wait_for_fill(stream, lambda: "never-placed", timeout=0.5)


def test_a_flask_application(binance_exchange, market):
    """The application shows orders that came while it served, and a state to believe."""
    app = flask_app.create_app(market)
    stream = app.extensions["binance_uds"]
    try:
        with stream.events(uds.AccountUpdate) as events:
            binance_exchange.buy("BTCUSDT", "0.01")
            # It follows the fill, so by then the fill has been through the application's callback.
            events.get(timeout=30)
        client = app.test_client()
        orders, health = client.get("/orders").json, client.get("/health")
    finally:
        stream.stop()
    afterwards = app.test_client().get("/health")
    filled = {"symbol": "BTCUSDT", "side": "BUY", "status": "FILLED", "filled": "0.010"}

    assert {"state": "LIVE", "process": os.getpid(), "orders": [filled]} == orders
    assert (200, "LIVE") == (health.status_code, health.json["state"])
    assert (503, "STOPPED") == (afterwards.status_code, afterwards.json["state"])


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL")
def test_restarting_with_a_cursor(binance_exchange, market, tools, tmp_path):
    """Killed three times while orders fill, also amid what was read back: each fill is in the database once."""
    path = tmp_path / "fills.db"
    source = (
        "import attrs, binance_uds as uds, restart_with_cursor\n"
        f"market = attrs.evolve(uds.USDM, rest_url={market.rest_url!r}, stream_url={market.stream_url!r})\n"
        f"restart_with_cursor.main({str(path)!r}, market, uds.Timings(settle=0.2))"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(SAMPLES), str(SAMPLES.parent)])}

    def rows(query: str) -> list[tuple]:
        with contextlib.closing(sqlite3.connect(path)) as database:
            try:
                return database.execute(query).fetchall()
            except sqlite3.OperationalError:
                # Not there yet, or being written to.
                return []

    def run_until(enough: int, last: signal.Signals) -> None:
        with subprocess.Popen([sys.executable, "-c", source], stderr=subprocess.DEVNULL, env=environment) as run:
            try:
                tools.wait_until(lambda: rows("SELECT * FROM cursor") and len(rows("SELECT * FROM fills")) >= enough)
                run.send_signal(last)
                run.wait(tools.patience_s)
            finally:
                run.kill()

    binance_exchange.run_bot(rate=60)
    for enough in (5, 20, 35):
        run_until(enough, signal.SIGKILL)
    binance_exchange.stop_bots()
    first = rows("SELECT symbol, order_id, trade_id FROM fills")[0]
    ids = [(fill.symbol, fill.order_id, fill.trade_id) for fill in binance_exchange.fills]
    happened = binance_exchange.fills[ids.index(first) :]
    run_until(len(happened), signal.SIGINT)
    totals = {symbol: Decimal(bought) for symbol, bought in rows("SELECT symbol, bought FROM totals")}

    assert sorted(ids[ids.index(first) :]) == sorted(rows("SELECT symbol, order_id, trade_id FROM fills"))
    assert totals == {
        symbol: sum(
            fill.quantity if fill.side == "BUY" else -fill.quantity for fill in happened if fill.symbol == symbol
        )
        for symbol in totals
    }


def test_a_database_that_fails_ends_the_sample(binance_exchange, market, monkeypatch, tmp_path):
    """What could not be booked is not taken for booked: the next run gets it again."""

    def fail(database: sqlite3.Connection, fill: uds.OrderTradeUpdate) -> None:
        raise sqlite3.OperationalError("disk full")

    path = str(tmp_path / "fills.db")
    monkeypatch.setattr(restart_with_cursor, "book", fail)
    binance_exchange.run_bot(rate=60)
    with pytest.raises(SystemExit, match="not booked: disk full"):
        restart_with_cursor.main(path, market)
    with contextlib.closing(sqlite3.connect(path)) as database:
        kept = restart_with_cursor.last_cursor(database)

    assert kept is None or uds.Cursor.from_text(kept).fills == frozenset()


def outputs(notebook: Any, opening: str) -> list[Any]:
    """Return the outputs of the one cell that begins so."""
    (cell,) = [cell for cell in notebook.cells if cell.source.startswith(opening)]
    return cell.outputs


def html(notebook: Any, opening: str) -> str:
    """Return the HTML of a cell that shows one thing."""
    (output,) = outputs(notebook, opening)
    return output["data"]["text/html"]


def test_a_notebook_of_first_steps():
    """From top to bottom in a real kernel: the display is one output that was updated in place up to the end."""
    notebook = screenshots.executed(SAMPLES / "notebook_first_steps.py")
    shown = html(notebook, "stream.show()")
    (printed,) = outputs(notebook, 'exchange.buy("BTCUSDT"')

    assert "bought at 30000 and 2000\n" == printed["text"]
    assert "take-profit" in html(notebook, "stream.account")
    assert "Gap 1, closed" in html(notebook, "with stream.events(uds.GapClosed)")
    assert '<span class="uds-up">+25</span>' in html(notebook, "with stream.events(uds.OrderTradeUpdate)")
    assert "● LIVE" in html(notebook, "stream.health")
    # What the later cells did is in the cell that was run before them.
    assert "■ STOPPED" in shown
    assert "by REST" in shown


@pytest.mark.slow
def test_a_notebook_of_history():
    """From top to bottom in a real kernel: tables with fills that were read back, and one picture of the plot."""
    notebook = screenshots.executed(SAMPLES / "notebook_history.py")
    (plot,) = outputs(notebook, "stream.history.plot()")

    assert "<th>rest</th>" in html(notebook, "fills.groupby")
    assert "<td>USDT</td>" in html(notebook, "stream.history.to_frame(uds.Balance)")
    for cause in (uds.GapCause.KEY_EXPIRED, uds.GapCause.CONNECTION_LOST):
        assert f"<td>{cause}</td>" in html(notebook, "stream.history.to_frame(uds.GapClosed)")
    assert "BTCUSDT" in html(notebook, "stream.account.to_frame")
    assert {"image/png", "text/plain"} == set(plot["data"])


def test_every_notebook_is_tested():
    """One that is added is not forgotten."""
    source = pathlib.Path(__file__).read_text()

    assert [] == [path.name for path in screenshots.notebooks() if f'SAMPLES / "{path.name}"' not in source]


def test_the_commands_name_files_that_are_there():
    """What a sample says how to run it is typed beside README.md, so its paths begin there."""
    named = [
        path
        for sample in SAMPLES.rglob("*.py")
        for command in re.findall(r"^    .*", ast.get_docstring(ast.parse(sample.read_text())) or "", re.MULTILINE)
        for path in re.findall(r"\S+\.py\b", command)
    ]

    assert {"samples/gunicorn_conf.py", "samples/watch_account.py"} <= set(named)
    assert [] == [path for path in named if not (SAMPLES.parent / path).is_file()]
