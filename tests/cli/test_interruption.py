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
