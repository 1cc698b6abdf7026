"""Restarts on real sockets: what happened while nothing ran is delivered, once, in order, or named."""

from __future__ import annotations

import shutil
import signal
import sys
import threading
from typing import Any

import pytest

import binance_uds as uds
from binance_uds.simulator import LocalExchange
from binance_uds.simulator.faults import LoseFrame

State = uds.StreamState

#: As a test wants it: REST here shows at once what happened.
SETTLE = 0.2


def identified(fill: Any) -> tuple[str, int, int]:
    """Return what identifies a fill, of the stream's or of the exchange's own list."""
    return (fill.symbol, fill.order_id, fill.trade_id)


def told(ears: Any) -> list[tuple[str, int, int]]:
    """List the fills that were delivered, in order."""
    return [identified(fill) for fill in ears.all_of(uds.OrderTradeUpdate, lambda event: event.is_fill)]


def truth(exchange: LocalExchange) -> list[tuple[str, int, int]]:
    """List the fills that happened, in order."""
    return [identified(fill) for fill in exchange.fills]


def by_symbol(fills: list[tuple[str, int, int]]) -> dict[str, list[tuple[str, int, int]]]:
    """Return the fills of each symbol, in order."""
    return {symbol: [fill for fill in fills if fill[0] == symbol] for symbol, _, _ in fills}


def trade(exchange: LocalExchange) -> None:
    """Leave something behind of every kind."""
    exchange.buy("BTCUSDT", "0.010")
    exchange.sell("BTCUSDT", "0.004")
    exchange.buy("ADAUSDT", "100")
    resting = exchange.place_order(symbol="BTCUSDT", side="BUY", type="LIMIT", quantity="0.005", price="29000")
    exchange.fill_order(resting["orderId"], "0.002")
    exchange.fill_order(resting["orderId"], "0.001")


@pytest.mark.fault(66)
@pytest.mark.parametrize("form", ["cursor", "text", "file"])
def test_what_happened_between_two_runs_is_delivered(make_stream, exchange, tools, tmp_path, form):
    """Every fill once, in order, before LIVE; then the report, which counts them; and what became of the orders."""
    file = uds.CursorFile(tmp_path / "cursor")
    first = make_stream(settle=SETTLE, cursor=file if form == "file" else None)
    before = tools.Ears(first)
    with first:
        trade(exchange)
        open_order = exchange.place_order(symbol="ETHUSDT", side="BUY", type="LIMIT", quantity="0.1", price="1900")
        first.wait_until(lambda account: account.order(open_order["orderId"]).is_known)
    trade(exchange)
    exchange.cancel_order("ETHUSDT", open_order["orderId"])
    exchange.buy("BNBUSDT", "0.10")
    exchange.sell("BNBUSDT", "0.10")
    missed = len(exchange.fills) - len(told(before))

    assert first.cursor is not None
    given = {"cursor": first.cursor, "text": first.cursor.to_text(), "file": file}[form]
    second = make_stream(settle=SETTLE, cursor=given)
    after = tools.Ears(second)
    with second:
        at_start = list(after.items)
        trade(exchange)
        positions, orders = (exchange.truth()[kind] for kind in ("positions", "open_orders"))
        second.wait_until(
            lambda account: (
                {key: row.amount for key, row in account.positions.items()} == positions
                and account.open_orders.keys() == orders.keys()
                and len(told(before) + told(after)) == len(exchange.fills)
            )
        )
    report = after.all_of(uds.GapClosed)[0]

    assert by_symbol(truth(exchange)) == by_symbol(told(before) + told(after))
    assert [] == after.all_of(uds.OrderTradeUpdate, lambda event: event.late)
    assert (uds.GapCause.RESTARTED, missed, 0) == (report.cause, report.recovered, report.late)
    assert report.proof in (uds.Proof.BALANCED, uds.Proof.BRIDGED)
    assert [uds.StateChanged, uds.GapOpened] == [type(item) for item in at_start[:2]]
    assert [uds.GapClosed, uds.StateChanged] == [type(item) for item in at_start[-2:]]
    assert ["CANCELED"] == [event.status for event in after.all_of(uds.OrderTradeUpdate) if event.symbol == "ETHUSDT"]


def test_a_stream_that_is_started_again_goes_on_where_it_ended(make_stream, exchange, tools, tmp_path):
    """With a cursor, which need not be read again; and the balances, positions and orders it was told are no news."""
    path = tmp_path / "cursor"
    stream = make_stream(settle=SETTLE, cursor=uds.CursorFile(path))
    ears = tools.Ears(stream)
    for _ in range(3):
        with stream:
            trade(exchange)
            stream.wait_until(lambda account: len(told(ears)) == len(exchange.fills))
        path.unlink()
        exchange.buy("BTCUSDT", "0.001")
    with stream:
        pass

    assert truth(exchange) == told(ears)
    assert [1, 1, 1] == [gap.recovered for gap in ears.all_of(uds.GapClosed)]
    assert stream.cursor == uds.CursorFile(path).load()


def test_without_a_cursor_a_start_begins_anew(make_stream, exchange, tools):
    """What happened before it is not delivered, and nothing is announced as missing."""
    stream = make_stream(settle=SETTLE)
    ears = tools.Ears(stream)
    with stream:
        pass
    exchange.buy("BTCUSDT", "0.001")
    with stream:
        pass

    assert ([], []) == (told(ears), ears.all_of(uds.GapOpened))


def test_run_begins_there_too(make_stream, exchange, tools):
    """In the calling thread."""
    first = make_stream(settle=SETTLE)
    with first:
        pass
    exchange.buy("BTCUSDT", "0.001")
    second = make_stream(settle=SETTLE, cursor=first.cursor)
    ears = tools.Ears(second)
    second.on(uds.GapClosed)(lambda gap: second.stop())
    second.run()

    assert truth(exchange) == told(ears)


def test_what_was_lost_before_the_end_is_late_after_it(make_stream, exchange, tools):
    """A frame lost on a connection that looked healthy, and a fill with a higher id delivered: the former run's."""
    first = make_stream(settle=SETTLE)
    before = tools.Ears(first)
    with first:
        exchange.faults.inject(LoseFrame(event="ORDER_TRADE_UPDATE", count=2))
        exchange.buy("BTCUSDT", "0.001")
        exchange.buy("BTCUSDT", "0.002")
        before.wait_for(uds.OrderTradeUpdate, lambda event: event.is_fill)
    second = make_stream(settle=SETTLE, cursor=first.cursor)
    after = tools.Ears(second)
    with second:
        pass
    lost, delivered = truth(exchange)

    assert ([delivered], [lost]) == (told(before), told(after))
    assert [True] == [event.late for event in after.all_of(uds.OrderTradeUpdate) if event.is_fill]
    assert (1, 1) == (after.all_of(uds.GapClosed)[0].recovered, after.all_of(uds.GapClosed)[0].late)


def test_without_a_secret_the_time_in_between_is_announced(make_stream, exchange, tools):
    """As a gap that nothing proves, from the last proof on; no signed request is sent."""
    first = make_stream(api_secret=None)
    with first:
        # Once the exchange's clock was read, a moment after LIVE.
        tools.wait_until(lambda: first.cursor is not None)
    kept = first.cursor
    exchange.buy("BTCUSDT", "0.001")
    second = make_stream(api_secret=None, cursor=kept)
    ears = tools.Ears(second)
    with second:
        pass
    gap = ears.all_of(uds.GapClosed)[0]

    assert kept is not None
    assert (uds.GapCause.RESTARTED, uds.Proof.UNPROVEN, kept.since_ms) == (gap.cause, gap.proof, gap.since_ms)
    assert gap.since_ms < exchange.fills[0].time_ms < gap.until_ms
    assert set() == {path for _, _, path in exchange.requests} - {"/fapi/v1/listenKey", "/fapi/v1/time"}


def test_a_secret_that_came_later_recovers_the_rest(make_stream, exchange, tools):
    """From the cursor of a stream without one a stream with one goes on."""
    first = make_stream(api_secret=None)
    before = tools.Ears(first)
    with first:
        trade(exchange)
        before.wait_for(uds.OrderTradeUpdate, lambda event: event.is_fill, count=len(exchange.fills))
        tools.wait_until(lambda: first.cursor is not None)
    trade(exchange)
    second = make_stream(settle=SETTLE, cursor=first.cursor)
    after = tools.Ears(second)
    with second:
        pass

    assert by_symbol(truth(exchange)) == by_symbol(told(before) + told(after))
    assert uds.Proof.UNPROVEN != after.all_of(uds.GapClosed)[0].proof


def test_rest_is_down_at_the_restart(make_stream, exchange, tools):
    """The start fails in time and says why; the cursor stays where it was, and the next start recovers it all."""
    first = make_stream(settle=SETTLE)
    with first:
        pass
    exchange.buy("BTCUSDT", "0.001")
    # What is tried in vain again and again here would use up the weight of a minute.
    second = make_stream(settle=SETTLE, cursor=first.cursor, weight_most=100_000)
    ears = tools.Ears(second)
    exchange.faults.fail_rest(503, count=None, path="/fapi/v1/openOrders")
    with pytest.raises(
        uds.StartTimeout, match=r"since the cursor is not settled yet; before that: read of open_orders"
    ):
        second.start(timeout=1.5)
    after_failure = second.cursor
    exchange.buy("BTCUSDT", "0.002")
    exchange.faults.clear()
    with second:
        pass

    assert first.cursor is not None
    assert after_failure is not None
    assert first.cursor.since_ms == after_failure.since_ms
    assert truth(exchange) == told(ears)


@pytest.mark.parametrize("content", ["", "{", '{"binance_uds_cursor":1}'])
def test_a_damaged_file_is_refused_and_not_overwritten(make_stream, exchange, tmp_path, content):
    """Nothing is sent; the message says which file, and what to do."""
    path = tmp_path / "cursor"
    path.write_text(content)
    stream = make_stream(cursor=uds.CursorFile(path))
    for begin in (stream.start, stream.run):
        with pytest.raises(uds.ConfigurationError, match=r"cursor: this is no cursor.*move its file away"):
            begin()

    assert (State.IDLE, content, []) == (stream.state, path.read_text(), exchange.requests)


def test_a_cursor_of_another_account_is_refused(make_stream, exchange, tmp_path):
    """At once where it is given, at the start where it has to be loaded."""
    other = exchange.add_account("other")
    path = tmp_path / "cursor"
    with make_stream(cursor=uds.CursorFile(path)) as first:
        pass
    with pytest.raises(uds.ConfigurationError, match="was made with API key"):
        make_stream(api_key=other.api_key, api_secret=other.api_secret, cursor=first.cursor)
    stream = make_stream(api_key=other.api_key, api_secret=other.api_secret, cursor=uds.CursorFile(path))
    with pytest.raises(uds.ConfigurationError, match="was made with API key"):
        stream.start()


def test_a_file_that_cannot_be_written_is_told_and_not_the_end(make_stream, exchange, tools, tmp_path):
    """Nor does the stream stumble over it; when it can be written again, it is."""
    room = tmp_path / "room"
    room.mkdir()
    stream = make_stream(cursor=uds.CursorFile(room / "cursor"), cursor_interval=0.01)
    ears = tools.Ears(stream)
    with stream:
        exchange.transfer("USDT", 1)
        ears.wait_for(uds.AccountUpdate)
        shutil.rmtree(room)
        exchange.transfer("USDT", 1)
        attention = ears.wait_for(uds.Attention)
        room.mkdir()
        exchange.transfer("USDT", 1)
        ears.wait_for(uds.AccountUpdate, count=3)
        tools.wait_until((room / "cursor").exists)
        state = stream.state

    assert (uds.AttentionCode.CURSOR_NOT_SAVED, State.LIVE) == (attention.code, state)
    assert "No such file or directory" in attention.message
    assert stream.cursor == uds.CursorFile(room / "cursor").load()


def test_the_file_is_written_while_the_stream_runs(make_stream, exchange, tools, tmp_path):
    """At the first LIVE already, and soon after each event: who pulls the plug loses no more than that."""
    file = uds.CursorFile(tmp_path / "cursor")
    stream = make_stream(cursor=file, cursor_interval=0.01)
    ears = tools.Ears(stream)
    with stream:
        tools.wait_until(lambda: file.load() is not None)
        exchange.buy("BTCUSDT", "0.001")
        ears.wait_for(uds.AccountUpdate)
        tools.wait_until(lambda: set(truth(exchange)) == file.load().fills)


def test_no_secret_is_in_the_file(make_stream, exchange, tools, tmp_path):
    """No API key, no secret, no listen key; six digits of a hash tell whose it is."""
    path = tmp_path / "cursor"
    stream = make_stream(settle=SETTLE, cursor=uds.CursorFile(path))
    with stream:
        trade(exchange)
        exchange.faults.expire_key()
        tools.wait_until(lambda: exchange.keys_issued == 2 and stream.state is State.LIVE)
    text = path.read_text()
    keys = exchange.call(lambda model: [model._token("listen key", "default", n + 1) for n in range(2)])

    assert [] == [secret for secret in (exchange.api_key, exchange.api_secret, *keys) if secret in text]
    assert uds.Credentials.of(exchange.api_key).api_key.tag in text


def test_any_thread_may_ask_at_any_time(make_stream, exchange, tools):
    """Before the start, all through a burst, and after the end; what it gets never shrinks."""
    stream = make_stream(settle=SETTLE)
    ears = tools.Ears(stream)
    before = stream.cursor
    sizes: list[int] = []
    done = threading.Event()

    def ask() -> None:
        while not done.is_set():
            cursor = stream.cursor
            if cursor is not None:
                sizes.append(len(cursor.fills))

    asking = threading.Thread(target=ask)
    with stream:
        asking.start()
        for _ in range(50):
            exchange.buy("BTCUSDT", "0.001")
        ears.wait_for(uds.OrderTradeUpdate, lambda event: event.is_fill, count=50)
    done.set()
    asking.join()

    assert before is None
    assert sorted(sizes) == sizes
    assert stream.cursor is not None
    assert set(truth(exchange)) == stream.cursor.fills


#: Delivers into a file, and keeps its cursor in another.
DELIVERING = """
stream = uds.UserDataStream.from_env(
    market=market, cursor=uds.CursorFile({cursor!r}), timings=uds.Timings(settle=0.2, cursor_interval=0.2)
)
out = os.open({out!r}, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
@stream.on(uds.OrderTradeUpdate)
def write(event):
    if event.is_fill:
        os.write(out, f"{{event.symbol}} {{event.order_id}} {{event.trade_id}}\\n".encode())
stream.start()
say("live")
stream.join()
"""


@pytest.mark.fault(66)
@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL")
def test_a_killed_process_loses_nothing(program, exchange, tools, tmp_path):
    """What it gets twice is what came after its file was last written; nothing else, and nothing is missing."""
    out, file = tmp_path / "out", uds.CursorFile(tmp_path / "cursor")
    text = DELIVERING.format(cursor=str(tmp_path / "cursor"), out=str(out))

    def written() -> list[tuple[str, int, int]]:
        if not out.exists():
            return []
        rows = [line.split() for line in out.read_text().splitlines()]
        return [(symbol, int(order_id), int(trade_id)) for symbol, order_id, trade_id in rows]

    may_come_twice: set[tuple[str, int, int]] = set()
    exchange.run_bot(rate=60)
    for _ in range(3):
        run = program(text)
        run.hear("live")
        tools.wait_until((tmp_path / "cursor").exists)
        enough = len(written()) + 10
        tools.wait_until(lambda enough=enough: len(written()) > enough)
        run.send(signal.SIGKILL)
        run.finish()
        may_come_twice |= set(written()) - file.load().fills
        enough = len(exchange.fills) + 3
        exchange.wait_until(lambda enough=enough: len(exchange.fills) > enough)
    exchange.stop_bots()
    run = program(text)
    run.hear("live")
    run.send(signal.SIGKILL)
    run.finish()
    # What was delivered first came by the stream, and everything after it is to come.
    happened = set(truth(exchange)[truth(exchange).index(written()[0]) :])

    assert happened == set(written())
    assert {fill for fill in happened if written().count(fill) > 1} <= may_come_twice


def test_a_forked_child_may_look_at_the_cursor(program, exchange):
    """It is the one of the moment of the fork."""
    run = program(
        """
        stream.start()
        number = os.fork()
        if number == 0:
            say(stream.cursor is not None)
            os._exit(0)
        os.waitpid(number, 0)
        stream.stop()
        """
    )

    assert (0, "True\n", "") == run.finish()
