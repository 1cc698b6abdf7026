"""Waiting for an account that is as it should be, or for an event, without a stream behind it."""

from __future__ import annotations

import queue
import random
import sys
import threading
import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any, Optional

import pytest

from binance_uds.account import Account
from binance_uds.account_view import AccountSnapshot
from binance_uds.edges.bell import Bell
from binance_uds.errors import ForkedStream, UserDataStreamError, WaitTimeout
from binance_uds.events import AccountConfigUpdate, OrderTradeUpdate
from binance_uds.runtime import pulse
from binance_uds.runtime.doors import Doors
from binance_uds.runtime.pulse import SLICE, Pulse
from binance_uds.runtime.waits import wait_for, wait_until
from binance_uds.runtime.watch import StreamLog

PATIENCE_S = 20.0

#: A wait that missed its beat looks once more when its time is over; any other ends long before.
MISSED_S = PATIENCE_S / 2


class Waiting:
    """A wait for the leverage of a symbol to be 5, in a thread of its own, told step by step what happens."""

    def __init__(self, timeout: Optional[float] = PATIENCE_S) -> None:
        self.account = Account()
        self.pulse = Pulse()
        self.over: Optional[str] = None
        self.outcome: Any = None
        self.looks = threading.Semaphore(0)
        self._timeout = timeout
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _predicate(self, account: AccountSnapshot) -> bool:
        is_so = account.leverage("BTCUSDT") == 5
        self.looks.release()
        return is_so

    def _run(self) -> None:
        try:
            self.outcome = wait(self._predicate, self._timeout, self.account, self.pulse, lambda: self.over)
        except Exception as error:
            self.outcome = error

    def tell(self, leverage: int) -> None:
        """Let something be delivered."""
        self.account.apply(AccountConfigUpdate(symbol="BTCUSDT", leverage=leverage, transaction_time_ms=leverage))
        self.pulse.beat()

    def end(self) -> Any:
        """Return what came out of it."""
        self._thread.join(PATIENCE_S)
        assert not self._thread.is_alive()
        return self.outcome


def wait(
    predicate: Callable[[AccountSnapshot], object],
    timeout: Optional[float] = 0,
    account: Optional[Account] = None,
    pulse: Optional[Pulse] = None,
    why_over: Callable[[], Optional[str]] = lambda: None,
    may_wait: Callable[[], None] = lambda: None,
) -> AccountSnapshot:
    """Wait, for an account that is nobody's unless told otherwise."""
    return wait_until(pulse or Pulse(), account or Account(), predicate, timeout, may_wait, why_over, "such account")


def test_what_is_so_already_is_returned_at_once():
    """One look is enough, and it is the snapshot that the predicate saw."""
    seen: list[AccountSnapshot] = []
    found = wait(lambda account: not seen.append(account))

    assert [found] == seen
    assert found is seen[0]


def test_it_looks_again_at_every_beat():
    """Until it is so, and the snapshot of that moment comes out."""
    waiting = Waiting(timeout=None)
    for leverage in (3, 4, 5):
        assert waiting.looks.acquire(timeout=PATIENCE_S)
        waiting.tell(leverage)
    found = waiting.end()
    waiting.tell(6)

    assert 5 == found.leverage("BTCUSDT")


class Waits(Bell):
    """Instead of waiting it notes for how long it should have, and whether it rang."""

    def __init__(self, noted: list[tuple[float, bool]]) -> None:
        super().__init__()
        self._noted = noted

    def wait(self, timeout: float) -> bool:
        """Note, and return."""
        rang = super().wait(0)
        self._noted.append((timeout, rang))
        return rang


@pytest.fixture
def noted(monkeypatch) -> list[tuple[float, bool]]:
    """The waits between two looks, which take no time: seconds, and whether there was a beat."""
    waits: list[tuple[float, bool]] = []
    monkeypatch.setattr(pulse, "Bell", lambda: Waits(waits))
    return waits


@pytest.mark.parametrize("timeout", [None, PATIENCE_S])
def test_it_looks_again_without_a_beat(noted, timeout):
    """What nobody announces is found within a slice of the wait, however long the whole is."""
    looks = iter([False, False, True])
    wait(lambda account: next(looks), timeout)

    assert [(SLICE, False)] * 2 == noted


def test_a_beat_during_a_look_is_not_missed_and_counts_once(noted):
    """What comes while the predicate runs is looked at right after it; then it is waited for more."""
    beats = Pulse()
    looks = iter([True, False, None])

    def predicate(account: AccountSnapshot) -> bool:
        comes = next(looks)
        if comes:
            beats.beat()
        return comes is None

    wait(predicate, None, pulse=beats)

    assert [(SLICE, True), (SLICE, False)] == noted


def test_what_does_not_become_so_times_out():
    """WaitTimeout names what was waited for and for how long; without time there is one look."""
    looks: list[AccountSnapshot] = []
    with pytest.raises(WaitTimeout) as caught:
        wait(looks.append, timeout=0)

    assert (0, "such account", 1) == (caught.value.timeout, caught.value.awaited, len(looks))


def test_a_long_wait_ends_in_time():
    """It may be longer than a slice."""
    waiting = Waiting(timeout=SLICE * 1.5)
    outcome = waiting.end()

    assert isinstance(outcome, WaitTimeout)
    assert waiting.looks.acquire(timeout=0)
    assert waiting.looks.acquire(timeout=0)


def test_after_the_end_there_is_one_more_look():
    """What was delivered last may be what was waited for."""
    for leverage, expected in ((5, AccountSnapshot), (4, UserDataStreamError)):
        waiting = Waiting()
        assert waiting.looks.acquire(timeout=PATIENCE_S)
        waiting.account.apply(AccountConfigUpdate(symbol="BTCUSDT", leverage=leverage, transaction_time_ms=5))
        waiting.over = "it was stopped"
        waiting.pulse.beat()
        outcome = waiting.end()

        assert isinstance(outcome, expected)
        assert leverage == 5 or str(outcome) == "no such account, and none can come: it was stopped"


def test_what_came_right_before_the_end_is_seen():
    """The last event and the end may both come during a look, and then the next one is about both."""
    account = Account()
    ends: list[str] = []

    def predicate(snapshot: AccountSnapshot) -> bool:
        account.apply(AccountConfigUpdate(symbol="BTCUSDT", leverage=5, transaction_time_ms=5))
        ends.append("it was stopped")
        return snapshot.leverage("BTCUSDT") == 5

    found = wait(predicate, None, account, why_over=lambda: ends[0] if ends else None)

    assert 5 == found.leverage("BTCUSDT")


def test_of_a_stream_that_does_not_run_nothing_is_asked():
    """Not even once: the answer would be yesterday's."""
    with pytest.raises(UserDataStreamError, match="not started"):
        wait(lambda account: True, why_over=lambda: "not started")


def test_where_waiting_is_not_possible_nothing_is_asked():
    """The refusal comes out before the predicate is called."""

    def refuse() -> None:
        raise ForkedStream

    with pytest.raises(ForkedStream):
        wait(lambda account: True, may_wait=refuse)


def test_a_predicate_that_forks_finds_out():
    """In the child nothing will be delivered any more."""
    refusals = iter([None, ForkedStream()])

    def may_wait() -> None:
        refusal = next(refusals)
        if refusal is not None:
            raise refusal

    with pytest.raises(ForkedStream):
        wait(lambda account: False, PATIENCE_S, may_wait=may_wait)


def test_what_a_predicate_raises_comes_out():
    """In the thread that waits, and nothing of the wait is left."""
    beats = Pulse()
    with pytest.raises(ZeroDivisionError):
        wait(lambda account: 1 // 0, PATIENCE_S, pulse=beats)

    assert set() == beats._waiting


def test_several_may_wait_at_once(monkeypatch):
    """Each is woken by the same beat, and a beat that nobody waits for does nothing."""
    monkeypatch.setattr(pulse, "SLICE", 3 * PATIENCE_S)
    beats, account = Pulse(), Account()
    beats.beat()
    started = threading.Barrier(4)
    found: list[AccountSnapshot] = []

    def wait_for_leverage() -> None:
        looks = iter([started.wait])

        def predicate(snapshot: AccountSnapshot) -> bool:
            next(looks, lambda _: None)(PATIENCE_S)
            return snapshot.leverage("BTCUSDT") == 5

        found.append(wait(predicate, 3 * PATIENCE_S, account, beats))

    threads = [threading.Thread(target=wait_for_leverage) for _ in range(3)]
    for thread in threads:
        thread.start()
    started.wait(PATIENCE_S)
    account.apply(AccountConfigUpdate(symbol="BTCUSDT", leverage=5, transaction_time_ms=1))
    beats.beat()
    for thread in threads:
        thread.join(PATIENCE_S)

    assert 3 == len(found)


# Races


@pytest.fixture
def restless(monkeypatch) -> Iterator[None]:
    """Threads that take turns as often as they can, and no second look unless there is a beat."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    monkeypatch.setattr(pulse, "SLICE", PATIENCE_S)
    yield
    sys.setswitchinterval(before)


def filled(number: int) -> OrderTradeUpdate:
    """Return the fill of an order."""
    return OrderTradeUpdate(
        transaction_time_ms=number,
        symbol="BTCUSDT",
        order_id=number,
        client_order_id=f"my-{number}",
        side="BUY",
        execution_type="TRADE",
        status="FILLED",
        trade_id=number,
        quantity=Decimal(1),
        filled_quantity=Decimal(1),
        last_filled_quantity=Decimal(1),
    )


class Deliverer:
    """A thread that applies and delivers, as the stream's does, what it is asked for, now sooner and now later."""

    def __init__(self) -> None:
        self.account = Account()
        self.doors = Doors(StreamLog("races"), PATIENCE_S, 100_000, lambda: None)
        self._asked: queue.SimpleQueue[Optional[int]] = queue.SimpleQueue()
        self._chance = random.Random(1)
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Deliverer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._asked.put(None)
        self._thread.join(PATIENCE_S)

    def place(self, number: int) -> None:
        """Place an order that is filled at once."""
        self._asked.put(number)

    def _run(self) -> None:
        while True:
            number = self._asked.get()
            if number is None:
                return
            dawdle(self._chance)
            event = filled(number)
            self.account.apply(event)
            dawdle(self._chance)
            self.doors.deliver(event)


def dawdle(chance: random.Random) -> None:
    """Do nothing for a while, or not at all."""
    for _ in range(chance.choice([0, 0, 3, 30, 300])):
        pass


@pytest.mark.usefixtures("restless")
def test_ten_thousand_races_are_won():
    """Of an order that is placed right before the wait no fill is missed, whether it came before it or amid a look."""
    chance, last = random.Random(2), 10_000
    with Deliverer() as deliverer:
        for number in range(1, last + 1):
            name = f"my-{number}"
            deliverer.place(number)
            dawdle(chance)
            began = time.monotonic()
            seen = wait_until(
                deliverer.doors.pulse,
                deliverer.account.view(),
                lambda account, name=name: account.order(name).is_done,
                PATIENCE_S,
                lambda: None,
                lambda: None,
                "fill",
            )
            assert seen.order(name).is_done
            assert began + MISSED_S > time.monotonic(), f"race {number} was lost: nothing but the time ended the wait"


@pytest.mark.usefixtures("restless")
def test_of_what_comes_after_the_call_no_event_is_missed():
    """The queue stands before anything is waited for, so it does not matter how soon an event comes."""
    chance = random.Random(3)
    with Deliverer() as deliverer:
        for number in range(1, 2_001):
            with deliverer.doors.queue((OrderTradeUpdate,)) as events:
                deliverer.place(number)
                dawdle(chance)
                began = time.monotonic()
                came = wait_for(
                    deliverer.doors.pulse,
                    events.take,
                    lambda event, number=number: event.order_id == number,
                    PATIENCE_S,
                    lambda: None,
                    lambda: None,
                    "event",
                )
            assert number == came.order_id
            assert began + MISSED_S > time.monotonic(), f"race {number} was lost: nothing but the time ended the wait"


# Waiting for an event


def wait_for_even(
    items: list[int],
    why_over: Callable[[], Optional[str]] = lambda: None,
    may_wait: Callable[[], None] = lambda: None,
    timeout: Optional[float] = 0,
) -> int:
    """Wait for an even number among those that come."""

    def take() -> Optional[int]:
        return items.pop(0) if items else None

    return wait_for(Pulse(), take, lambda item: item % 2 == 0, timeout, may_wait, why_over, "even number")


def test_the_first_that_fits_is_returned():
    """What came before it is passed over, and what came after it is left."""
    items = [1, 3, 4, 6]

    assert 4 == wait_for_even(items)
    assert [6] == items


def test_anything_fits_where_nothing_is_asked():
    """Without a predicate the first is it."""
    items = [1, 2]

    assert 1 == wait_for(Pulse(), lambda: items.pop(0), None, 0, lambda: None, lambda: None, "number")


def test_an_event_that_does_not_come_times_out():
    """WaitTimeout says for what, and for how long."""
    with pytest.raises(WaitTimeout) as caught:
        wait_for_even([1], timeout=0.01)

    assert 0.01 == caught.value.timeout
    assert "even number" in str(caught.value)


def test_what_came_before_the_end_is_still_taken():
    """The end is asked for first, so everything that was delivered is seen."""
    assert 2 == wait_for_even([1, 2], lambda: "it was stopped")
    with pytest.raises(UserDataStreamError, match="no even number, and none can come: it was stopped"):
        wait_for_even([1], lambda: "it was stopped", timeout=None)


def test_an_event_cannot_be_awaited_everywhere():
    """Where waiting is not possible nothing is taken."""

    def refuse() -> None:
        raise ForkedStream

    items = [2]
    with pytest.raises(ForkedStream):
        wait_for_even(items, may_wait=refuse)

    assert [2] == items
