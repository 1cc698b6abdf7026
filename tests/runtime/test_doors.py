"""Callbacks and queues, without a stream behind them."""

from __future__ import annotations

import contextlib
import functools
import gc
import logging
import threading
from collections.abc import Callable
from typing import Any

import pytest

from binance_uds.errors import BacklogOverflow, ConfigurationError, UserDataStreamError, WaitTimeout
from binance_uds.events import Attention, CallbackFailed, Event, Notice, UndecodableFrame, UnknownEvent
from binance_uds.runtime.doors import Doors, EventQueue, Gate, checked_class, name_of
from binance_uds.runtime.watch import StreamLog
from tests.interrupting import interrupted_at_each_step, is_done_elsewhere

PATIENCE_S = 20.0
FIRST, SECOND, THIRD = (UnknownEvent(name=name) for name in ("first", "second", "third"))


def make_doors(slow_callback: float = PATIENCE_S, max_backlog: int = 10) -> Doors:
    return Doors(StreamLog("tested"), slow_callback, max_backlog, lambda: None)


@pytest.fixture
def doors() -> Doors:
    opened = make_doors()
    opened.open(Gate())
    return opened


def keep(items: list[Any]) -> Callable[[Any], None]:
    def append(item: Any) -> None:
        items.append(item)

    return append


# Callbacks


def test_a_class_takes_its_subclasses_and_nothing_else(doors):
    """A callback for a base class gets every subclass, one for a leaf class only that."""
    events: list[Any] = []
    notices: list[Any] = []
    leaves: list[Any] = []
    frame = UndecodableFrame(reason="odd", size=3)
    doors.add(Event, keep(events))
    doors.add(Notice, keep(notices))
    doors.add(Attention, keep(leaves))
    doors.deliver(FIRST)
    doors.deliver(frame)

    assert ([FIRST], [frame], []) == (events, notices, leaves)


def test_callbacks_run_in_the_order_of_their_registration(doors):
    """For each item the callbacks run in the order in which they were added."""
    calls: list[Any] = []
    doors.add(UnknownEvent, lambda event: calls.append((1, event)))
    doors.add(Event, lambda event: calls.append((2, event)))
    doors.add(UnknownEvent, lambda event: calls.append((3, event)))
    doors.deliver(FIRST)
    doors.deliver(SECOND)

    assert [(n, event) for event in (FIRST, SECOND) for n in (1, 2, 3)] == calls


def test_what_is_removed_during_delivery_is_gone_from_the_next_item_on(doors):
    """off() inside a callback takes effect with the next item, for itself and for those behind it."""
    calls: list[Any] = []

    def behind(event: Any) -> None:
        calls.append(("behind", event))

    def remover(event: Any) -> None:
        calls.append(("remover", event))
        doors.remove(remover)
        doors.remove(behind)

    doors.add(Event, remover)
    doors.add(Event, behind)
    doors.deliver(FIRST)
    doors.deliver(SECOND)

    assert [("remover", FIRST), ("behind", FIRST)] == calls


def test_what_is_added_during_delivery_is_there_from_the_next_item_on(doors):
    """on() inside a callback takes effect with the next item."""
    calls: list[Any] = []

    def adder(event: Any) -> None:
        doors.remove(adder)
        doors.add(Event, keep(calls))

    doors.add(Event, adder)
    doors.deliver(FIRST)
    doors.deliver(SECOND)

    assert [SECOND] == calls


def test_every_item_is_a_beat_before_callbacks_take_their_time(doors):
    """Who waits for what an item brings is woken by it, by the end too, and does not wait for a callback."""
    calls: list[str] = []
    doors.pulse.beat = lambda: calls.append("beat")
    doors.add(Event, lambda event: calls.append("callback"))
    doors.deliver(FIRST)
    doors.deliver(UndecodableFrame(reason="odd", size=3))
    doors.close("it was stopped")

    assert ["beat", "callback", "beat", "beat"] == calls


def test_a_bound_method_can_be_removed(doors):
    """A bound method is another object each time it is named, and is found all the same."""
    calls: list[Any] = []
    doors.add(Event, calls.append)
    doors.remove(calls.append)
    doors.remove(calls.append)
    doors.deliver(FIRST)

    assert [] == calls


def test_a_failure_is_announced_logged_and_counted_and_the_others_run(doors, caplog):
    """A callback that raises becomes a CallbackFailed, a log record with its traceback, and a count."""
    notices: list[Any] = []
    events: list[Any] = []
    error = ValueError("no good")

    def failing(event: Any) -> None:
        raise error

    doors.add(Event, failing)
    doors.add(Event, keep(events))
    doors.add(CallbackFailed, keep(notices))
    with caplog.at_level(logging.ERROR, "binance_uds"):
        doors.deliver(FIRST)

    assert [CallbackFailed(handler=failing, event=FIRST, exception=error)] == notices
    assert [FIRST] == events
    assert 1 == doors.callback_errors
    assert "failing raised ValueError over one UnknownEvent" in caplog.text
    assert "no good" in caplog.text


def test_a_failure_over_the_failure_notice_does_not_recurse(doors):
    """A handler that fails on CallbackFailed is counted and not told of itself."""
    seen: list[Any] = []

    def always_failing(item: Any) -> None:
        seen.append(type(item))
        raise ValueError

    doors.add(Event, always_failing)
    doors.add(Notice, always_failing)
    doors.add(CallbackFailed, keep(seen))
    doors.deliver(FIRST)

    assert [UnknownEvent, CallbackFailed] == [kind for kind in seen if isinstance(kind, type)]
    assert 2 == doors.callback_errors


@pytest.mark.parametrize("exit_class", [KeyboardInterrupt, SystemExit, GeneratorExit])
def test_an_exit_stops_the_callbacks_behind_it_and_is_kept(doors, exit_class):
    """An exit from a callback is kept for whoever waits, once, and no further callback starts."""
    calls: list[Any] = []

    def leave(event: Any) -> None:
        raise exit_class(3)

    doors.add(Event, leave)
    doors.add(Event, keep(calls))
    doors.deliver(FIRST)
    doors.deliver(SECOND)
    exit_asked = doors.take_exit()

    assert [] == calls
    assert isinstance(exit_asked, exit_class)
    assert (3,) == exit_asked.args
    assert doors.take_exit() is None
    assert 0 == doors.callback_errors


def test_behind_a_shut_gate_no_callback_starts_until_the_next_run(doors):
    """A gate is shut for one run; the next one has a gate of its own, even if the old one is shut late."""
    calls: list[Any] = []
    doors.add(Event, keep(calls))
    first, second = Gate(), Gate()
    doors.open(first)
    doors.shut(first)
    doors.deliver(FIRST)
    doors.open(second)
    doors.shut(first)
    doors.deliver(SECOND)

    assert [SECOND] == calls


def test_a_queue_made_after_the_end_waits_for_the_next_run_only_if_there_is_one(doors):
    """Reading it while nothing runs ends; once the stream runs again it receives."""
    doors.close("stopped as asked")
    queue = doors.queue((Event,))
    before = list(queue)
    doors.open(Gate())
    doors.deliver(FIRST)

    assert [] == before
    assert FIRST == queue.get(timeout=0)


def test_how_long_a_callback_has_been_running(doors):
    """A reader sees it while it runs, and nothing afterwards."""
    seen: list[float] = []
    doors.add(Event, lambda event: seen.append(doors.running_for))
    doors.deliver(FIRST)

    assert seen[0] >= 0.0
    assert 0.0 == doors.running_for


def test_a_slow_callback_is_named(caplog):
    """A callback that takes longer than it should is named in a warning that shows the way out."""
    doors = make_doors(slow_callback=0.0)
    doors.open(Gate())

    def dawdling(event: Any) -> None:
        threading.Event().wait(0.001)

    doors.add(Event, dawdling)
    with caplog.at_level(logging.WARNING, "binance_uds"):
        doors.deliver(FIRST)

    (record,) = caplog.records
    assert "binance_uds.callbacks" == record.name
    assert "dawdling took" in record.getMessage()
    assert "events()" in record.getMessage()


def test_the_running_callback_has_a_name(doors):
    """While a callback runs its name can be read, and afterwards it cannot."""
    names: list[Any] = []

    def named(event: Any) -> None:
        names.append(doors.running)

    doors.add(Event, named)
    doors.deliver(FIRST)

    assert [name_of(named)] == names
    assert doors.running is None


def test_only_the_delivering_thread_is_inside(doors):
    """The thread that opened the doors is inside until they close, any other never."""
    seen: list[bool] = [doors.is_inside_callback]
    other = threading.Thread(target=lambda: seen.append(doors.is_inside_callback))
    other.start()
    other.join(PATIENCE_S)
    doors.close("ended")
    seen.append(doors.is_inside_callback)

    assert [True, False, False] == seen


# Queues


def test_a_queue_gives_what_it_was_asked_for_in_order(doors):
    """A queue takes items of its classes only, and gives them in order."""
    queue = doors.queue((UnknownEvent, Attention))
    attention = Attention(code="c", message="m")
    for item in (FIRST, UndecodableFrame(reason="odd", size=1), attention, SECOND):
        doors.deliver(item)

    assert 3 == len(queue) == doors.backlog
    assert [FIRST, attention, SECOND] == [queue.get(timeout=0) for _ in range(3)]


def test_a_get_that_waits_is_woken_by_the_item(doors):
    """get() returns what another thread delivers meanwhile."""
    queue = doors.queue((Event,))
    got: list[Any] = []
    waiting = threading.Thread(target=lambda: got.append(queue.get(timeout=PATIENCE_S)))
    waiting.start()
    doors.deliver(FIRST)
    waiting.join(PATIENCE_S)

    assert [FIRST] == got


@pytest.mark.parametrize("timeout", [0, 0.01, -1])
def test_a_get_that_waits_in_vain_says_for_what(doors, timeout):
    """A WaitTimeout is a TimeoutError and names the classes and the time."""
    queue = doors.queue((UnknownEvent, Attention))
    with pytest.raises(WaitTimeout) as caught:
        queue.get(timeout=timeout)

    assert isinstance(caught.value, TimeoutError)
    assert (timeout, "UnknownEvent or Attention") == (caught.value.timeout, caught.value.awaited)


@pytest.mark.parametrize("timeout", [float("nan"), "5"])
def test_a_get_takes_a_number_of_seconds(doors, timeout):
    """A wait for nan would keep a processor busy for ever."""
    queue = doors.queue((Event,))

    with pytest.raises(ConfigurationError, match="timeout must be a number of seconds"):
        queue.get(timeout=timeout)


def test_ctrl_c_at_any_step_of_a_get_holds_nobody_up(doors):
    """KeyboardInterrupt comes out of it, and nothing else, and the thread that delivers waits for nobody."""
    queue = doors.queue((Event,))
    came: list[Event] = []

    def get() -> None:
        with contextlib.suppress(WaitTimeout):
            queue.get(timeout=0.001)

    for _ in interrupted_at_each_step(get):
        assert is_done_elsewhere(lambda: doors.deliver(FIRST))
        came.append(queue.get(PATIENCE_S))

    assert len(came) > 60
    assert {FIRST} == set(came)


def test_a_queue_shows_of_what_it_is_and_how_much_waits(doors):
    """And whether more may come."""
    queue = doors.queue((UnknownEvent, Attention))
    doors.deliver(FIRST)
    shown = repr(queue)
    queue.close()

    assert "<EventQueue of UnknownEvent or Attention, 1 waiting>" == shown
    assert "<EventQueue of UnknownEvent or Attention, 1 waiting, closed>" == repr(queue)


def test_a_queue_gives_what_is_there_without_waiting():
    """One after the other, None when there is nothing, and what was missed is said."""
    doors = make_doors(max_backlog=1)
    queue = doors.queue((Event,))
    before = queue.take()
    for number in (1, 2):
        doors.deliver(Event(event_time_ms=number))
    taken = queue.take()

    assert before is None
    assert 1 == taken.event_time_ms
    with pytest.raises(BacklogOverflow):
        queue.take()


def test_an_overflow_closes_the_queue_with_the_count(doors):
    """What is in a full queue can be read; then comes BacklogOverflow with what did not fit, again and again."""
    doors = make_doors(max_backlog=2)
    queue = doors.queue((Event,))
    for item in (FIRST, SECOND, THIRD, THIRD, THIRD):
        doors.deliver(item)
    read = [queue.get(timeout=0), queue.get(timeout=0)]
    errors: list[Any] = []
    for _ in range(2):
        with pytest.raises(BacklogOverflow) as caught:
            queue.get(timeout=0)
        errors.append((caught.value.limit, caught.value.missed))

    assert [FIRST, SECOND] == read
    assert [(2, 3), (2, 3)] == errors
    assert queue.is_closed


def test_room_made_after_an_overflow_is_not_used(doors):
    """After the first item that did not fit nothing is taken any more, or there would be a hole."""
    doors = make_doors(max_backlog=1)
    queue = doors.queue((Event,))
    doors.deliver(FIRST)
    doors.deliver(SECOND)
    first = queue.get(timeout=0)
    doors.deliver(THIRD)

    assert FIRST == first
    with pytest.raises(BacklogOverflow, match="2 did not fit"):
        queue.get(timeout=0)


def test_iteration_over_an_overflown_queue_raises(doors):
    """A for loop gets what is there, and then the overflow instead of a quiet end."""
    doors = make_doors(max_backlog=1)
    queue = doors.queue((Event,))
    doors.deliver(FIRST)
    doors.deliver(SECOND)
    doors.close("stopped as asked")
    read: list[Any] = []

    with pytest.raises(BacklogOverflow):
        for item in queue:
            read.append(item)
    assert [FIRST] == read


def test_an_overflow_of_one_queue_leaves_the_others_alone(doors):
    """A queue that is read goes on while another one overflows."""
    doors = make_doors(max_backlog=1)
    full, read = doors.queue((Event,)), doors.queue((Event,))
    got: list[Any] = []
    for item in (FIRST, SECOND, THIRD):
        doors.deliver(item)
        got.append(read.get(timeout=0))

    assert [FIRST, SECOND, THIRD] == got
    assert 1 == len(full)


def test_the_end_lets_iteration_finish_after_what_is_there(doors):
    """Iteration gives what came before the end, and get() says why there is no more."""
    queue = doors.queue((Event,))
    doors.deliver(FIRST)
    doors.close("stopped as asked")

    assert [FIRST] == list(queue)
    with pytest.raises(UserDataStreamError, match="no more events: stopped as asked"):
        queue.get(timeout=0)


def test_the_end_wakes_who_waits(doors):
    """A thread in get() or in a for loop is woken by the end."""
    queues = [doors.queue((Event,)) for _ in range(2)]
    ends: list[Any] = []

    def get() -> None:
        try:
            queues[0].get()
        except UserDataStreamError as error:
            ends.append(type(error))

    threads = [threading.Thread(target=get), threading.Thread(target=lambda: ends.append(list(queues[1])))]
    for thread in threads:
        thread.start()
    doors.close("stopped as asked")
    for thread in threads:
        thread.join(PATIENCE_S)

    assert not any(thread.is_alive() for thread in threads)
    assert 2 == len(ends)
    assert [] in ends


def test_a_closed_queue_receives_nothing_more(doors):
    """Leaving the with block ends the queue: nothing comes in, and get() says so."""
    with doors.queue((Event,)) as queue:
        doors.deliver(FIRST)
    doors.deliver(SECOND)

    assert [FIRST] == list(queue)
    with pytest.raises(UserDataStreamError, match="the queue was closed"):
        queue.get(timeout=0)


def test_an_abandoned_queue_is_forgotten(doors):
    """A queue nobody holds any more takes no memory and counts for no backlog."""
    held = doors.queue((Event,))
    for _ in range(5):
        doors.queue((Event,))
        doors.deliver(FIRST)
    gc.collect()

    assert len(held) == doors.backlog
    doors.queue((Event,))
    assert 2 >= len(doors._outlets)


def test_waiting_asks_whether_it_may(doors):
    """get() and iteration raise what the stream says about waiting here."""

    def refuse() -> None:
        raise ConfigurationError("not here")

    queue: EventQueue[Event] = EventQueue((Event,), 1, refuse, lambda: None)
    queue.put(FIRST)

    with pytest.raises(ConfigurationError, match="not here"):
        queue.get(timeout=0)
    with pytest.raises(ConfigurationError, match="not here"):
        next(iter(queue))


def test_in_a_forked_child_held_locks_hold_nobody_up_and_nothing_is_delivered(doors):
    """The child's copy has fresh locks, and neither callbacks nor queues get anything any more."""
    calls: list[Any] = []
    queue = doors.queue((Event,))
    doors.add(Event, keep(calls))
    held, released = threading.Event(), threading.Event()

    def hold() -> None:
        with doors._lock, queue._adding:
            held.set()
            released.wait(PATIENCE_S)

    holder = threading.Thread(target=hold)
    holder.start()
    held.wait(PATIENCE_S)
    doors.after_fork()
    doors.deliver(FIRST)
    queue.close()
    doors.add(Event, keep(calls))
    alive = holder.is_alive()
    released.set()
    holder.join(PATIENCE_S)

    assert alive
    assert ([], 0, False) == (calls, len(queue), doors.is_inside_callback)


def test_in_a_forked_child_nobody_is_woken(doors):
    """Who waited for a beat is a thread of the parent."""
    waiting = threading.Event()
    doors.pulse._waiting.add(waiting)
    doors.after_fork()
    doors.pulse.beat()

    assert not waiting.is_set()


# Words


def test_a_callback_is_named_as_a_person_would_look_for_it():
    """Functions, methods, partials and callable objects all have a name."""

    class Callable_:
        def __call__(self, item: Any) -> None:
            """Take an item."""

        def method(self, item: Any) -> None:
            """Take an item."""

    names = [name_of(handler) for handler in (keep, Callable_().method, functools.partial(keep), Callable_())]

    assert f"{__name__}.keep" == names[0]
    assert names[1].endswith("Callable_.method")
    assert names[2].endswith("partial")
    assert names[3].endswith("Callable_")


@pytest.mark.parametrize("wrong", ["ORDER_TRADE_UPDATE", object, int, None, FIRST, (Event,)])
def test_what_is_no_event_class_is_refused(wrong):
    """Anything but an event or notice class gets an error that names a right one."""
    with pytest.raises(ConfigurationError, match="is no event class; use one of binance_uds"):
        checked_class(wrong)


# Who has had it


def test_an_item_that_everyone_has_had(doors):
    """Whoever raises has had it, and so has who ends the program; nobody at all is everyone."""

    def raising(item: object) -> None:
        raise ValueError("no")

    def ending(item: object) -> None:
        raise SystemExit

    answers = [doors.deliver(FIRST)]
    doors.add(Event, raising)
    answers.append(doors.deliver(SECOND))
    doors.remove(raising)
    doors.add(Event, ending)
    answers.append(doors.deliver(THIRD))

    assert [True, True, True] == answers


def test_an_item_that_someone_has_not_had(doors):
    """Interrupted by Ctrl-C; behind an exit; after a stop that gave up."""

    def interrupted(item: object) -> None:
        raise KeyboardInterrupt

    doors.add(Event, interrupted)
    answers = [doors.deliver(FIRST), doors.deliver(SECOND)]
    shut, gate = make_doors(), Gate()
    shut.open(gate)
    shut.add(Event, keep([]))
    shut.shut(gate)
    answers.append(shut.deliver(FIRST))

    assert [False, False, False] == answers
