"""A stream and the process around it: exit, Ctrl-C, signals and fork, each in a process of its own."""

from __future__ import annotations

import re
import signal
import sys
import time

import pytest

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals and fork as POSIX knows them")

#: Far below what a hang would take, far above what a busy machine needs to start and end an interpreter.
BOUND_S = 15.0


def test_a_program_that_forgets_stop_exits(program, exchange):
    """The end of the main program stops the stream and closes its connection in order."""
    run = program(
        """
        stream.on(uds.StateChanged)(lambda change: say(change.new))
        stream.start()
        """
    )
    status, out, err = run.finish()

    assert (0, "") == (status, err)
    assert ["STARTING", "LIVE", "STOPPED"] == out.split()
    exchange.wait_until(lambda: exchange.connections_open == 0)


def test_a_blocking_callback_does_not_keep_the_program_alive(program):
    """Exit waits a bounded time for a callback that hangs, and names it."""
    run = program(
        """
        import logging
        logging.basicConfig(format="%(message)s")
        entered = threading.Event()
        @stream.on(uds.StateChanged)
        def hanging(change):
            if change.new is uds.StreamState.LIVE:
                entered.set()
                threading.Event().wait()
        threading.Thread(target=stream.start, daemon=True).start()
        entered.wait()
        say("exit")
        """
    )
    run.hear("exit")
    began = time.monotonic()
    status, _, err = run.finish()

    assert 0 == status
    assert "still busy with callback __main__.hanging" in err
    assert BOUND_S > time.monotonic() - began


def test_an_unhandled_error_ends_the_program_as_usual(program):
    """An exception in the main program is not held up by a running stream."""
    run = program("stream.start(); raise LookupError('mine')")
    status, _, err = run.finish()

    assert 1 == status
    assert err.endswith("LookupError: mine\n")


@pytest.mark.parametrize("where", ["join", "with", "run"])
def test_ctrl_c_ends_what_waits(program, exchange, where):
    """KeyboardInterrupt comes out of join(), the with block and run(), and the stream is stopped."""
    run = program(
        f"""
        where = {where!r}
        @stream.on(uds.StateChanged)
        def told(change):
            if change.new is uds.StreamState.LIVE and where == "run":
                say("live")
        try:
            if where == "run":
                stream.run()
            elif where == "with":
                with stream:
                    say("live")
                    stream.join()
            else:
                stream.start()
                say("live")
                stream.join()
        except KeyboardInterrupt:
            say("interrupted")
        stream.stop()
        say(stream.state)
        """
    )
    run.hear("live")
    run.send(signal.SIGINT)
    status, out, err = run.finish()

    assert (0, ["interrupted", "STOPPED"], "") == (status, out.split(), err)
    exchange.wait_until(lambda: exchange.connections_open == 0)


#: What Python 3.13 itself says where Ctrl-C comes while http.client makes the object of an answer.
HALF_MADE = re.compile(
    r"Exception ignored in: <http\.client\.HTTPResponse object at 0x[0-9a-f]+>\nTraceback [^']*"
    r"'HTTPResponse' object has no attribute 'fp'\n"
)


@pytest.mark.parametrize("door", ["start", "run"])
def test_ctrl_c_ends_a_start_that_hangs(program, exchange, tools, door):
    """While the exchange does not answer, Ctrl-C ends start() and run(), and nothing goes on behind."""
    exchange.faults.hang_rest(count=None)
    run = program(
        f"""
        try:
            say("starting")
            stream.{door}()
        except KeyboardInterrupt:
            say("interrupted")
        say(stream.join(15))
        say(stream.state)
        say(threading.active_count())
        """
    )
    run.hear("starting")
    tools.wait_until(lambda: exchange.count("POST", "/fapi/v1/listenKey") == 1)
    run.send(signal.SIGINT)
    status, out, err = run.finish()

    assert (0, ["interrupted", "True", "STOPPED", "1"], "") == (status, out.split(), HALF_MADE.sub("", err))


def test_a_signal_handler_stops_what_main_joins(program):
    """stop() in a handler returns at once, and join() in the interrupted main thread returns True."""
    run = program(
        """
        signal.signal(signal.SIGTERM, lambda number, frame: say(stream.stop()))
        stream.start()
        say("live")
        say(stream.join())
        say(stream.state)
        """
    )
    run.hear("live")
    run.send(signal.SIGTERM)
    status, out, err = run.finish()

    assert (0, ["False", "True", "STOPPED"], "") == (status, out.split(), err)


@pytest.mark.parametrize("door", ["join", "run"])
def test_a_signal_handler_that_exits_ends_the_program_in_order(program, exchange, door):
    """sys.exit() in a handler comes out of join() and run(), and the connection is closed on the way."""
    run = program(
        f"""
        signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(3))
        if {door!r} == "join":
            stream.start()
        stream.on(uds.StateChanged)(lambda change: say(change.new))
        try:
            say("go")
            stream.{door}()
        finally:
            say("out")
        """
    )
    run.hear("go")
    if door == "run":
        run.hear("STARTING")
        run.hear("LIVE")
    run.send(signal.SIGTERM)
    status, out, err = run.finish()

    assert (3, "") == (status, err)
    # After run() was left no callback starts any more; what join() waited for is stopped when the program exits.
    assert {"join": ["out", "STOPPED"], "run": ["out"]}[door] == out.split()
    exchange.wait_until(lambda: exchange.connections_open == 0)


def test_many_signals_in_a_row_do_no_harm(program):
    """A thousand handlers that call stop(), on top of each other, end in one stop."""
    run = program(
        """
        signal.signal(signal.SIGUSR1, lambda number, frame: stream.stop())
        stream.start()
        for _ in range(1000):
            os.kill(os.getpid(), signal.SIGUSR1)
        say(stream.join())
        say(stream.state)
        """
    )
    status, out, err = run.finish()

    assert (0, ["True", "STOPPED"], "") == (status, out.split(), err)


def test_a_fork_in_the_middle_of_a_first_start_leaves_the_child_free(program):
    """The lock that the starting thread held is nobody's in the child, where the stream can be started afresh."""
    run = program(
        """
        holding, enough = threading.Event(), threading.Event()

        def hold():
            with stream._lock:
                holding.set()
                enough.wait()

        threading.Thread(target=hold, daemon=True).start()
        holding.wait()
        number = os.fork()
        if number == 0:
            stream.start(timeout=15)
            say(stream.state)
            say(stream.stop())
            sys.exit(0)
        say(os.waitpid(number, 0)[1])
        enough.set()
        """
    )
    status, out, err = run.finish()

    assert (0, ["LIVE", "True", "0"], "") == (status, out.split(), err)


@pytest.mark.parametrize("way", ["os.fork", "multiprocessing"])
def test_a_forked_child_is_told_and_the_parent_goes_on(program, exchange, way):
    """In the child everything says so or does nothing, even at its exit; the parent's stream gets the next event."""
    run = program(
        f"""
        import multiprocessing
        import psutil
        seen = []
        stream.on(uds.AccountUpdate)(seen.append)
        early = stream.events()

        def child():
            say(stream.state)
            say("fork()" in stream.health.why)
            say(len(psutil.Process().net_connections()))
            doors = {{
                "start": stream.start, "run": stream.run, "join": stream.join, "events": stream.events,
                "get": early.get, "iterate": lambda: next(iter(early)),
            }}
            for name, door in doors.items():
                try:
                    door()
                except uds.ForkedStream:
                    say(name)
            early.close()
            say(stream.stop())
            fresh = uds.UserDataStream.from_env(market=market)
            with fresh:
                say(fresh.state)

        stream.start()
        if {way!r} == "os.fork":
            number = os.fork()
            if number == 0:
                child()
                sys.exit(0)
            say(os.waitpid(number, 0)[1])
        else:
            process = multiprocessing.get_context("fork").Process(target=child)
            process.start()
            process.join()
            say(process.exitcode)
        say(stream.state)
        queue = stream.events(uds.AccountUpdate)
        say("parent")
        sys.stdin.readline()
        say(type(queue.get(timeout=15)).__name__)
        say(stream.health.gaps)
        say(stream.stop())
        """
    )
    # One connection is left of two: the idle one to REST, whose pool another thread may have held locked.
    for word in ("FAILED", "True", "1", "start", "run", "join", "events", "get", "iterate", "True", "LIVE", "0"):
        run.hear(word)
    run.hear("LIVE")
    run.hear("parent")
    exchange.transfer("USDT", 1)
    run.process.stdin.write(b"go\n")
    run.process.stdin.flush()
    status, out, err = run.finish()

    assert (0, ["AccountUpdate", "0", "True"], "") == (status, out.split(), err)
    # The parent's, and the one the child made for itself.
    assert 2 == exchange.connections_opened


def test_a_callback_may_fork(program, exchange):
    """The child of a callback ends when the callback does, touching nothing; the parent's stream goes on."""
    run = program(
        """
        @stream.on(uds.AccountUpdate)
        def forking(event):
            number = os.fork()
            if number:
                os.waitpid(number, 0)
                say("parent")
            else:
                say(stream.state)
        stream.start()
        say("live")
        while stream.health.events < 2:
            stream.join(0.01)
        say(stream.state)
        say(stream.health.gaps)
        stream.stop()
        """
    )
    run.hear("live")
    exchange.transfer("USDT", 1)
    run.hear("FAILED")
    run.hear("parent")
    exchange.transfer("USDT", 1)
    status, out, err = run.finish()

    assert (0, "") == (status, err)
    assert ["0", "FAILED", "LIVE", "parent"] == sorted(out.split())
    assert 1 == exchange.connections_opened


def test_importing_the_package_loads_nothing_heavy(program):
    """The network libraries are imported when a stream is made, not before."""
    run = program(
        """
        import subprocess
        heavy = "[m for m in ('requests', 'urllib3', 'websocket', 'aiohttp', 'asyncio') if m in sys.modules]"
        say(subprocess.run(
            [sys.executable, "-c", f"import sys, binance_uds; print({heavy})"], capture_output=True, text=True
        ).stdout)
        """
    )
    status, out, _ = run.finish()

    assert (0, "[]") == (status, out.strip())


def test_a_fork_that_python_was_not_told_of_is_found_out(program, exchange):
    """A server written in C forks by itself: the child says so as soon as it is asked, and exits without waiting."""
    run = program(
        """
        import ctypes, gc
        stream.start()
        events = stream.events()
        gc.collect()
        child = ctypes.PyDLL(None).fork()
        if child == 0:
            told = [str(stream.state)]
            for wait in (stream.start, stream.join, events.get):
                try:
                    wait()
                except uds.ForkedStream:
                    told.append("forked")
            say(" ".join([*told, str(stream.stop())]))
            began = time.monotonic()
            import atexit
            atexit._run_exitfuncs()
            say(time.monotonic() - began < 1)
            os._exit(0)
        os.waitpid(child, 0)
        say(stream.state)
        say(stream.stop())
        """
    )
    run.hear("FAILED forked forked forked True")
    run.hear("True")
    status, out, err = run.finish()

    assert (0, ["LIVE", "True"], "") == (status, out.split(), err)
    exchange.wait_until(lambda: exchange.connections_open == 0)
