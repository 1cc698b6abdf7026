"""Waking those who wait, also when Ctrl-C comes at any moment."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from binance_uds.edges.bell import Bell
from binance_uds.runtime.pulse import Flag, Pulse
from tests.interrupting import interrupted_at_each_step, is_done_elsewhere

PATIENCE_S = 20.0


def test_a_flag_is_set_once_and_for_all():
    """Waiting for it times out before, and never after."""
    flag = Flag()
    before = flag.is_set, flag.wait(0)
    flag.set()

    assert (False, False) == before
    assert (True, True, True) == (flag.is_set, flag.wait(0), flag.wait(None))


def test_a_flag_wakes_all_who_wait():
    """Whoever waits for ever is woken, too."""
    flag = Flag()
    looking = threading.Barrier(4)

    def wait() -> bool:
        looking.wait(PATIENCE_S)
        return flag.wait(None)

    with ThreadPoolExecutor(3) as pool:
        waiting = [pool.submit(wait) for _ in range(3)]
        looking.wait(PATIENCE_S)
        flag.set()

    assert [True] * 3 == [each.result() for each in waiting]


def test_in_a_forked_child_nobody_waits():
    """A beat in the child wakes none of the parent's threads."""
    pulse = Pulse()
    pulse._waiting.add(Bell())
    pulse.after_fork()

    assert set() == pulse._waiting


@pytest.mark.parametrize("thing", ["pulse", "flag"])
def test_ctrl_c_at_any_step_of_a_wait_holds_nobody_up(thing):
    """KeyboardInterrupt comes out of it, and nothing else; whoever beats then waits for nobody; later waits work."""
    pulse, flag = Pulse(), Flag()
    wait, wake = {
        "pulse": (lambda: pulse.wait_for(lambda: None, 0.001), pulse.beat),
        "flag": (lambda: flag.wait(0.001), flag._pulse.beat),
    }[thing]
    steps = 0
    for _ in interrupted_at_each_step(wait):
        assert is_done_elsewhere(wake)
        steps += 1

    assert steps > 30
    assert pulse.wait_for(lambda: "seen", 0) == "seen"
