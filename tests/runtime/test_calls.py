"""REST calls become facts, whatever comes of them."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from typing import Any, Optional

import attrs
import pytest

import binance_uds as uds
from binance_uds.credentials import Credentials, Secret
from binance_uds.edges.dial import Origin
from binance_uds.instants import Instant
from binance_uds.protocol import commands as do
from binance_uds.protocol import facts
from binance_uds.protocol.facts import Call
from binance_uds.protocol.reading import reads
from binance_uds.runtime.calls import Calls
from binance_uds.runtime.weights import Share

SIGNED = Credentials.of("k" * 64, "s" * 64)


class FakeClock:
    """A clock that moves on by a second with each look."""

    def __init__(self) -> None:
        self.looks = 0

    def now(self) -> Instant:
        """Look."""
        self.looks += 1
        return Instant(float(self.looks), None, float(self.looks))


@attrs.define
class FakeRest:
    """Answers what it is told to, or raises it."""

    answer: Any
    asked: list[Any] = attrs.field(factory=list)
    used_weight: Optional[int] = 7
    closed: bool = False

    def call(self, method: str, path: str, query: Any = "", *, with_key: bool = True) -> Any:
        """Answer."""
        self.asked.append((method, path, query, with_key))
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    def close(self) -> None:
        """Be closed."""
        self.closed = True


def make_calls(
    answer: Any, credentials: Credentials = SIGNED, market: uds.Market = uds.USDM, most: int = 900
) -> tuple[Calls, FakeRest]:
    rest, share = FakeRest(answer), Share(Origin.of(market.rest_url), most, market.weight_limit)
    calls = Calls(rest, market, credentials, FakeClock(), lambda moment: 1_000_000, share)  # type: ignore[arg-type]
    return calls, rest


def at(seconds: int) -> Instant:
    return Instant(float(seconds), None, float(seconds))


@pytest.mark.fault(10)
def test_a_key_is_dated_when_it_was_asked_for():
    """POST grants a key that counts from before the request."""
    calls, rest = make_calls({"listenKey": "abc"})
    fact = calls.make(do.Make(Call.REQUEST_KEY, 4))

    assert facts.KeyGranted(4, Secret("abc"), at(1)) == fact
    assert [("POST", "/fapi/v1/listenKey", "", True)] == rest.asked


@pytest.mark.parametrize("answer", [{}, {"listenKey": ""}, {"listenKey": 5}, [], None, "abc"])
def test_a_grant_without_a_key_is_no_answer(answer):
    """An answer to POST that names no key counts as none."""
    calls, _ = make_calls(answer)
    fact = calls.make(do.Make(Call.REQUEST_KEY, 0))

    assert isinstance(fact, facts.CallFailed)
    assert "the answer names no listen key" == str(fact.error)


@pytest.mark.parametrize(
    ("answer", "key"), [({"listenKey": "abc"}, Secret("abc")), ({}, None), ({"listenKey": None}, None), ([], None)]
)
def test_a_probe_reports_the_key_it_names(answer, key):
    """PUT names a key, or none."""
    calls, rest = make_calls(answer)
    fact = calls.make(do.Make(Call.PROBE_KEY, 2))

    assert facts.KeyNamed(2, key, at(1)) == fact
    assert [("PUT", "/fapi/v1/listenKey", "", True)] == rest.asked


def test_where_put_names_no_key_the_probe_is_a_post():
    """On a market whose PUT answers nothing of use, the probe asks for the key and compares."""
    calls, rest = make_calls({"listenKey": "abc"}, market=attrs.evolve(uds.USDM, probe_names_key=False))
    fact = calls.make(do.Make(Call.PROBE_KEY, 2))

    assert facts.KeyGranted(2, Secret("abc"), at(1)) == fact
    assert "POST" == rest.asked[0][0]


def test_the_clock_is_read_without_the_api_key():
    """The reading is dated on both sides, and is sent to whoever asks."""
    calls, rest = make_calls({"serverTime": 5})
    fact = calls.make(do.Make(Call.READ_CLOCK, 0))

    assert facts.ClockRead(5, at(1), at(2)) == fact
    assert [("GET", "/fapi/v1/time", "", False)] == rest.asked


@pytest.mark.parametrize("answer", [{}, {"serverTime": "5"}, [], None])
def test_an_answer_without_a_time_is_no_answer(answer):
    """What is no number of milliseconds is not used as one."""
    calls, _ = make_calls(answer)
    fact = calls.make(do.Make(Call.READ_CLOCK, 3))

    assert isinstance(fact, facts.CallFailed)
    assert (3, Call.READ_CLOCK) == (fact.generation, fact.call)


def test_balances_are_read_with_a_signature_of_the_exchanges_time():
    """The signed query stays hidden on its way, and carries the exchange's time."""
    calls, rest = make_calls([])
    fact = calls.make(do.Make(Call.READ_BALANCES, 1))
    ((method, path, query, with_key),) = rest.asked

    assert facts.BalancesRead(1) == fact
    assert ("GET", "/fapi/v3/balance", True) == (method, path, with_key)
    assert isinstance(query, Secret)
    assert "timestamp=1000000&signature=" in query.reveal()


@pytest.mark.parametrize("call", list(Call))
@pytest.mark.parametrize(
    "error",
    [
        uds.StreamInterrupted("no answer"),
        uds.ExchangeError(503, None, "busy"),
        uds.CredentialsRejected(401, None, "no"),
    ],
)
def test_a_failure_is_a_fact_without_frames(call, error):
    """Every call turns its error into a fact, stripped of the frames it passed."""
    calls, _ = make_calls(error)
    fact = calls.make(do.Make(call, 9))

    assert facts.CallFailed(9, call, error) == fact
    assert error.__traceback__ is None


# Reads


READ = reads.order("BTCUSDT", 7)
ORDER = {
    "symbol": "BTCUSDT", "orderId": 7, "side": "BUY", "status": "NEW", "executedQty": "0", "updateTime": 5,
}  # fmt: skip


def test_a_read_is_signed_sent_and_its_rows_read():
    """Its parameters go out with the exchange's time and a signature; it is dated before it was sent."""
    calls, rest = make_calls(ORDER)
    fact = calls.read(do.MakeRead(4, READ))
    ((method, path, query, with_key),) = rest.asked

    assert (4, READ, at(1)) == (fact.errand, fact.read, fact.sent_at)
    assert [("BTCUSDT", 7, "NEW")] == [(row.symbol, row.order_id, row.status) for row in fact.rows.rows]
    assert ("GET", "/fapi/v1/order", True) == (method, path, with_key)
    assert query.reveal().startswith("symbol=BTCUSDT&orderId=7&")
    assert "timestamp=1000000&signature=" in query.reveal()
    assert "signature" not in repr(fact) + repr(query)


def test_the_path_of_a_read_is_its_markets():
    """Where it is read stands in the market's row, and nowhere else."""
    endpoint = attrs.evolve(uds.USDM.endpoint("order"), path="/elsewhere")
    calls, rest = make_calls(ORDER, market=attrs.evolve(uds.USDM, reads=(endpoint,)))
    calls.read(do.MakeRead(4, READ))

    assert "/elsewhere" == rest.asked[0][1]


def test_rows_that_cannot_be_used_are_named_with_the_rest():
    """A row is no reason to give up the answer."""
    calls, _ = make_calls([ORDER, {**ORDER, "side": None}, ORDER])
    fact = calls.read(do.MakeRead(4, reads.open_orders()))

    assert 2 == len(fact.rows.rows)
    assert ("open_orders[1]: OrderRow without a usable side",) == fact.rows.malformed


@pytest.mark.parametrize("answer", [[ORDER], None, "text", 7])
def test_an_answer_that_is_no_row_is_no_answer(answer):
    """An error page, or nothing: asked again, and nothing of it is told."""
    calls, _ = make_calls(answer)
    fact = calls.read(do.MakeRead(4, READ))

    assert isinstance(fact, facts.ReadFailed)
    assert (4, READ, at(1)) == (fact.errand, fact.read, fact.sent_at)
    assert ("StreamInterrupted", "the answer to order is not an object") == (
        type(fact.error).__name__,
        str(fact.error),
    )


@pytest.mark.parametrize(
    "error",
    [
        uds.StreamInterrupted("no answer"),
        uds.ExchangeError(400, -2013, "Order does not exist."),
        uds.ExchangeError(429, -1003, "Too many requests", 5.0),
        uds.CredentialsRejected(401, -2015, "no"),
    ],
)
def test_a_read_that_fails_is_a_fact_without_frames(error):
    """With the error as it is, and when it was asked."""
    calls, _ = make_calls(error)
    fact = calls.read(do.MakeRead(4, READ))

    assert facts.ReadFailed(4, READ, error, at(1)) == fact
    assert error.__traceback__ is None


def test_a_read_beyond_the_weight_of_the_process_is_not_sent():
    """It is told for how long; what another stream of the process read at the same host counts, too."""
    (one, _), (other, rest) = make_calls(ORDER, most=1), make_calls(ORDER, most=1)
    elsewhere, _ = make_calls(ORDER, most=1, market=attrs.evolve(uds.USDM, rest_url="https://demo-fapi.binance.com"))
    read = one.read(do.MakeRead(4, READ))
    postponed = other.read(do.MakeRead(5, READ))

    assert isinstance(read, facts.RowsRead)
    assert facts.ReadPostponed(5, READ, 60.0) == postponed
    assert [] == rest.asked
    assert isinstance(elsewhere.read(do.MakeRead(4, READ)), facts.RowsRead)


@pytest.mark.parametrize(
    "ask", [lambda calls: calls.make(do.Make(Call.READ_CLOCK, 1)), lambda calls: calls.read(do.MakeRead(4, READ))]
)
def test_what_the_exchange_says_of_the_address_holds_for_every_stream(ask):
    """Whatever was asked when it said so."""
    (one, rest), (other, _) = make_calls({**ORDER, "serverTime": 5}), make_calls(ORDER)
    rest.used_weight = 2_000
    ask(one)

    assert isinstance(other.read(do.MakeRead(4, READ)), facts.ReadPostponed)


def raising(payload: bytes) -> str:
    private_key = "-----BEGIN PRIVATE KEY-----"
    raise RuntimeError(private_key)


@pytest.mark.parametrize(
    ("signer", "words"),
    [
        (raising, "the callable given as api_secret raised RuntimeError"),
        (lambda payload: b"bytes", "the callable given as api_secret must return the signature as text"),
        (lambda payload: "", "the callable given as api_secret must return the signature as text"),
    ],
)
def test_a_signer_that_fails_is_the_callers_mistake(signer: Callable[[bytes], Any], words: str):
    """The user's own signer cannot end the thread, and nothing of what it knows gets out."""
    calls, rest = make_calls([], Credentials.of("k" * 64, signer))
    made, read = calls.make(do.Make(Call.READ_BALANCES, 1)), calls.read(do.MakeRead(4, READ))

    assert (facts.CallFailed, facts.ReadFailed) == (type(made), type(read))
    assert [] == rest.asked
    for error in (made.error, read.error):
        assert isinstance(error, uds.ConfigurationError)
        assert words == str(error)
        shown = "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())
        assert "PRIVATE KEY" not in shown


def test_the_key_is_released_by_delete():
    """DELETE goes out, and its failure is the caller's to handle."""
    calls, rest = make_calls({})
    calls.release_key()
    refused, _ = make_calls(uds.ExchangeError(400, -1125, "no such key"))

    assert [("DELETE", "/fapi/v1/listenKey", "", True)] == rest.asked
    with pytest.raises(uds.ExchangeError, match="-1125"):
        refused.release_key()


def test_the_rest_interface_is_closed_and_asked_for_its_weight():
    """close() passes on, and so does the used weight."""
    calls, rest = make_calls({})
    calls.close()

    assert rest.closed
    assert 7 == calls.used_weight
