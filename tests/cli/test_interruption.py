"""Ctrl-C in its two manners."""

import signal

import pytest

from binance_uds.cli.interruption import ending_tidily


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ending_tidily(number):
    """What is open is closed first, and the exit code names the signal."""
    closed = []
    with pytest.raises(SystemExit) as ended, ending_tidily():
        try:
            signal.raise_signal(number)
        finally:
            # A second Ctrl-C does not disturb the tidying up.
            signal.raise_signal(signal.SIGINT)
            closed.append(True)

    assert [True] == closed
    assert 128 + number == ended.value.code


def test_handlers_are_restored():
    """What the process did about signals before, it does again afterwards."""
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    with ending_tidily():
        within = signal.getsignal(signal.SIGINT)
    after = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]

    assert before == after
    assert within is not before[0]


@pytest.mark.parametrize(
    "name, arguments, cue",
    [("demo", (), "LIVE"), ("watch", (), "LIVE"), ("simulate", ("--port", "0"), "Ctrl-C ends it")],
)
def test_nothing_is_imported_while_it_raises(exchange, command, name, arguments, cue):
    """Whenever Ctrl-C comes, no import is in the way that would make something else of it."""
    if name == "watch":
        arguments = ("--rest-url", exchange.rest_url, "--stream-url", exchange.stream_url)
    running = command(name, *arguments, before=_TELLING_IMPORTS, BINANCE_API_KEY=exchange.api_key)
    running.hear(cue)
    running.interrupt()
    code, _ = running.finish()

    assert (130, "") == (code, running.errors())


#: Says on stderr which modules came while Ctrl-C was an exception.
_TELLING_IMPORTS = """
import contextlib
from binance_uds.cli import interruption
tidily = interruption.ending_tidily
@contextlib.contextmanager
def telling():
    before = set(sys.modules)
    try:
        with tidily():
            yield
    finally:
        for name in sorted(set(sys.modules) - before):
            print(name, file=sys.stderr)
interruption.ending_tidily = telling
"""
