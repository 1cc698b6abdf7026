"""A view that follows a stream in a notebook's cell."""

from __future__ import annotations

import gc
import logging
import os
import sys
import threading
import time
import types
import weakref
from collections.abc import Iterator
from typing import Any, Optional

import attrs
import pytest

import binance_uds as uds
from binance_uds.notebook import display
from binance_uds.notebook.display import LEAST_INTERVAL, LiveView
from binance_uds.runtime.watch import StreamLog
from tests.interrupting import interrupted_at_each_step, is_done_elsewhere


@attrs.define
class Shell:
    """A notebook's shell as far as a display needs it: it keeps what is published, and when."""

    cell: Optional[str] = "cell-1"
    execution: int = 1
    failure: Optional[Exception] = None
    published: list[dict[str, Any]] = attrs.field(factory=list)
    times: list[float] = attrs.field(factory=list)

    @property
    def kernel(self) -> Shell:
        return self

    def get_parent(self) -> dict[str, Any]:
        return {"metadata": {"cellId": self.cell}, "header": {"msg_id": f"execution-{self.execution}"}}

    @property
    def display_pub(self) -> Shell:
        return self

    def publish(self, **message: Any) -> None:
        if self.failure is not None:
            raise self.failure
        self.times.append(time.monotonic())
        self.published.append(message)

    @property
    def html(self) -> str:
        return self.published[-1]["data"]["text/html"]


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch, tools: Any) -> Iterator[Shell]:
    made = Shell()
    monkeypatch.setitem(sys.modules, "IPython", types.SimpleNamespace(get_ipython=lambda: made))
    yield made
    ended = [view.stop(tools.patience_s) for view in tuple(display._views.values())]

    assert all(ended)


def view_of(stream: uds.UserDataStream) -> Any:
    return display._views[stream]


def followers() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.endswith(" display")]


def test_the_display_is_updated_in_place(exchange, stream, shell, tools):
    """One output is made, and what comes later replaces it: events, and the end of the stream, which ends the view."""
    with stream:
        stream.show()
        exchange.buy("BTCUSDT", "0.01")
        tools.wait_until(lambda: ">BTCUSDT<" in shell.html)
    tools.wait_until(lambda: "STOPPED" in shell.html)
    tools.wait_until(lambda: [] == followers())

    assert [False] + [True] * (len(shell.published) - 1) == [message["update"] for message in shell.published]
    assert 1 == len({message["transient"]["display_id"] for message in shell.published})
    assert f"<UserDataStream {stream.name} STOPPED>" == shell.published[-1]["data"]["text/plain"]
    assert "● LIVE" in shell.published[0]["data"]["text/html"]


def test_a_storm_of_events_updates_it_four_times_a_second_at_most(exchange, stream, shell, tools):
    """Two hundred events a second, and no update sooner than a quarter of a second after the one before."""
    with stream:
        stream.show()
        exchange.run_bot(rate=200)
        tools.wait_until(lambda: len(shell.times) > 5)
        exchange.stop_bots()
    gaps = [later - earlier for earlier, later in zip(shell.times[1:], shell.times[2:])]

    assert 100 < len(stream.history)
    # The clock of the wait and ours may differ by a tick.
    assert LEAST_INTERVAL - 0.02 < min(gaps)


def test_at_rest_only_the_ages_are_brought_up_to_date(stream, shell, tools):
    """Once a second is enough for that."""
    stream.show()
    tools.wait_until(lambda: len(shell.times) > 2)

    assert 0.9 < shell.times[2] - shell.times[1]


def test_a_stream_that_is_over_is_shown_once(stream, shell):
    """No thread follows what does not change."""
    stream.start()
    stream.stop()
    stream.show()

    assert ["STOPPED" in shell.html, 1, []] == [True, len(shell.published), followers()]


def test_a_stream_that_was_not_started_is_followed(exchange, stream, shell, tools):
    """Whoever shows it first and starts it then sees it become LIVE."""
    stream.show()
    assert "○ IDLE" in shell.html
    with stream:
        tools.wait_until(lambda: "● LIVE" in shell.html)


def test_a_cell_that_is_run_again_has_one_follower(stream, shell, tools):
    """The new view takes over, under the same display id; the former one has ended."""
    with stream:
        for execution in range(5):
            shell.execution = execution
            stream.show()
        tools.wait_until(lambda: len(followers()) == 1)

        assert view_of(stream).is_following
    assert 5 == sum(not message["update"] for message in shell.published)
    assert 1 == len({message["transient"]["display_id"] for message in shell.published})


def test_threads_that_show_at_once_leave_one_follower(stream, shell, tools):
    """Any thread may call it."""
    with stream:
        threads = [threading.Thread(target=stream.show) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        tools.wait_until(lambda: len(followers()) == 1)

        assert view_of(stream).is_following


def test_a_cell_that_makes_a_stream_is_run_again(make_stream, shell, tools):
    """The view of the stream before ends, though that stream goes on; other cells, and the same run, keep theirs."""
    first, beside, second, elsewhere = (make_stream() for _ in range(4))
    first.show()
    beside.show()
    shell.execution = 2
    second.show()
    shell.cell = "cell-2"
    elsewhere.show()
    following = [view_of(stream).is_following for stream in (first, beside, second, elsewhere)]

    assert [False, False, True, True] == following


def test_a_front_end_that_names_no_cell(make_stream, shell, tools):
    """Then every stream keeps its view."""
    shell.cell = None
    first, second = make_stream(), make_stream()
    first.show()
    shell.execution = 2
    second.show()
    following = [view_of(stream).is_following for stream in (first, second)]

    assert [True, True] == following


def test_a_display_that_fails_hurts_nobody(exchange, stream, ears, shell, tools, caplog):
    """It is dropped with a line in the log, the stream goes on, and show() starts another."""
    with stream, caplog.at_level(logging.WARNING):
        stream.show()
        shell.failure = OSError("no front end")
        exchange.buy("BTCUSDT", "0.01")
        tools.wait_until(lambda: not view_of(stream).is_following)
        ears.wait_for(uds.AccountUpdate)
        state = stream.state
        shell.failure = None
        stream.show()

        assert view_of(stream).is_following
    lines = [record.getMessage() for record in caplog.records if "display" in record.getMessage()]

    assert uds.StreamState.LIVE is state
    assert 1 == len(lines)
    assert "failed with OSError and is not updated any more" in lines[0]


def test_a_display_that_fails_at_once(stream, shell, caplog):
    """The cell does not fail, either."""
    shell.failure = OSError("no front end")
    stream.show()

    assert [] == followers()
    assert "failed with OSError" in caplog.text


def test_a_view_does_not_keep_its_stream(exchange, shell, tools):
    """A stream that was never started and is forgotten ends its view."""
    stream = uds.UserDataStream("k" * 64, market=tools.market_of(exchange))
    stream.show()
    reference = weakref.ref(stream)
    del stream

    def is_gone() -> bool:
        gc.collect()
        return reference() is None and followers() == []

    tools.wait_until(is_gone)


def test_ctrl_c_at_any_step_of_its_end_holds_nobody_up(stream, shell):
    """Neither its own thread, nor whoever asks for the end again, as the end of the program does."""
    view = LiveView(stream, lambda *_: None, StreamLog("tested"))
    steps = 0
    for _ in interrupted_at_each_step(view.ask_stop):
        assert is_done_elsewhere(view.ask_stop)
        steps += 1

    assert steps > 5


def test_a_system_without_threads(stream, shell, monkeypatch, caplog):
    """It is shown once, and the log says why no more."""

    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    stream.show()

    assert [1, False] == [len(shell.published), view_of(stream).is_following]
    assert "no thread left to keep the display up to date" in caplog.text


@pytest.mark.skipif(not hasattr(os, "fork"), reason="fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_shows_nothing(stream, shell, tools):
    """There the view has ended, and so has the stream."""
    with stream:
        stream.show()
        child = os.fork()
        if child == 0:
            code = 1
            try:
                stream.show()
            except uds.ForkedStream:
                code = 0 if not view_of(stream).is_following else 2
            finally:
                os._exit(code)
        _, status = os.waitpid(child, 0)

    assert 0 == os.waitstatus_to_exitcode(status)


@pytest.mark.parametrize(
    "module", [None, types.SimpleNamespace(get_ipython=lambda: None), types.SimpleNamespace(get_ipython=object)]
)
def test_outside_a_notebook_an_error_says_what_to_do(stream, monkeypatch, module):
    """In a script, and in IPython at a terminal, which cannot update what it printed."""
    monkeypatch.setitem(sys.modules, "IPython", module)
    with pytest.raises(uds.ConfigurationError, match=r"this is none; print\(stream.health\) tells the same"):
        stream.show()


def test_a_front_end_without_a_parent(shell, monkeypatch):
    """A kernel that cannot say which cell runs is one that names none."""
    monkeypatch.setattr(Shell, "get_parent", lambda self: {})

    assert (None, None) == display._place(shell)
