"""What is asked by REST, against the exchange's own table, and what answers tell, against samples and nonsense."""

from __future__ import annotations

import json
import pickle
import re
from decimal import Decimal
from pathlib import Path

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from binance_uds.credentials import Credentials
from binance_uds.edges.answers import Answer, verdict
from binance_uds.events.usdm_rows import BalanceRow, TradeRow
from binance_uds.markets import USDM, ReadName
from binance_uds.protocol.decoding.strict import DEEPEST, Undecodable
from binance_uds.protocol.reading import reads
from binance_uds.protocol.reading.reads import Read, Rows
from binance_uds.protocol.signing import signed_query
from binance_uds.simulator.exchange import Exchange
from binance_uds.simulator.parameters import Parameters
from binance_uds.simulator.refusals import Refused
from binance_uds.simulator.routes import ROUTES, Call
from tests.protocol.odd_json import ANY_JSON, mutated, sprees

START_MS = 1_700_000_000_000
NAMES = sorted(name for key, name in vars(ReadName).items() if key.isupper())
PAYLOADS = Path(__file__).parents[2] / "payloads_rest" / "usdm"


def sample(name):
    """Return the answer in a sample, as plain JSON."""
    return json.loads((PAYLOADS / f"{name}.json").read_text("utf-8"))


SAMPLES = {
    reads.open_orders(): sample("GET_openOrders"),
    reads.open_algo_orders(): sample("GET_openAlgoOrders"),
    reads.positions(): sample("GET_v3_positionRisk"),
    reads.balances(): sample("GET_v3_balance"),
    reads.order("BTCUSDT", 1917641): sample("GET_allOrders")[0],
    reads.algo_order(1000000204743716): sample("GET_openAlgoOrders")[1],
    reads.all_orders(1579276756075): sample("GET_allOrders"),
    reads.user_trades("BTCUSDT", from_id=698759): sample("GET_userTrades"),
    reads.income(1570608000000): sample("GET_income"),
    reads.symbol_configs(): sample("GET_symbolConfig"),
    reads.account_config(): sample("GET_accountConfig"),
}
TRADES = reads.user_trades("BTCUSDT", from_id=1)


def traded(**changes):
    """Return a row of ``userTrades`` with some of its values changed."""
    return {**SAMPLES[reads.user_trades("BTCUSDT", from_id=698759)][0], **changes}


# What is asked


@pytest.mark.parametrize(
    ("read", "parameters"),
    [
        (reads.open_orders(), []),
        (reads.open_algo_orders(), []),
        (reads.positions(), []),
        (reads.balances(), []),
        (reads.order("BTCUSDT", 7), [("symbol", "BTCUSDT"), ("orderId", 7)]),
        (reads.algo_order(7), [("algoId", 7)]),
        (reads.all_orders(5), [("startTime", 5), ("limit", 1000)]),
        (reads.all_orders(5, 6, limit=3), [("startTime", 5), ("endTime", 6), ("limit", 3)]),
        (reads.all_orders(None, None, "BTCUSDT", 7), [("symbol", "BTCUSDT"), ("orderId", 7), ("limit", 1000)]),
        (reads.user_trades("BTCUSDT"), [("symbol", "BTCUSDT"), ("limit", 1000)]),
        (
            reads.user_trades("BTCUSDT", start_ms=0, end_ms=6),
            [("symbol", "BTCUSDT"), ("startTime", 0), ("endTime", 6), ("limit", 1000)],
        ),
        (reads.user_trades("BTCUSDT", from_id=0, limit=9), [("symbol", "BTCUSDT"), ("fromId", 0), ("limit", 9)]),
        (reads.income(5), [("startTime", 5), ("limit", 1000)]),
        (reads.income(5, 6, 7), [("startTime", 5), ("endTime", 6), ("limit", 7)]),
        (reads.symbol_configs(), []),
        (reads.account_config(), []),
    ],
)
def test_parameters_are_binances_and_in_order(read, parameters):
    """What was not given is not sent, and a zero is something given."""
    assert parameters == list(read.parameters.items())


@pytest.mark.parametrize("times", [{"start_ms": 1}, {"end_ms": 1}, {"start_ms": 1, "end_ms": 2}])
def test_trades_are_asked_by_time_or_from_an_id(times):
    """The exchange refuses both at once, and so do we before it counts."""
    with pytest.raises(ValueError, match="by time or from an id"):
        reads.user_trades("BTCUSDT", from_id=1, **times)


def test_a_read_is_a_value():
    """Equal reads are one key of a table, and travel."""
    assert {reads.income(5): 1} == {reads.income(5): 1}
    assert reads.income(5) != reads.income(6)
    assert reads.all_orders(5) == pickle.loads(pickle.dumps(reads.all_orders(5)))


def test_a_symbol_in_another_script_survives_signing():
    """What the exchange reads out of the signed query is the symbol that was asked for."""
    read = reads.user_trades("\u5e01\u5b89\u4eba\u751fUSDT", from_id=1)
    query = signed_query(read.parameters, Credentials.of("k" * 64, "s" * 64), START_MS).reveal()

    assert query.isascii()
    assert read.parameters["symbol"] == Parameters.of(query, "").text("symbol")


def test_each_constructor_has_its_endpoint():
    """Every name that a market lists can be asked for, and no other."""
    assert NAMES == sorted(read.name for read in SAMPLES)


@pytest.mark.parametrize("read", [*SAMPLES, attrs.evolve(reads.open_orders(), arguments=(("symbol", "BTCUSDT"),))])
def test_weights_are_what_the_exchange_counts(read):
    """Path and weight are those of the local exchange, which has its own table of them."""
    route = ROUTES["GET", reads.path(read, USDM)]

    assert route.weight_of(read.parameters) == reads.weight(read, USDM)


def test_a_read_of_another_market_goes_elsewhere():
    """Where something is read is the market's to say."""
    market = attrs.evolve(USDM, reads=(attrs.evolve(USDM.endpoint("income"), path="/papi/v1/um/income", weight=7),))

    assert ("/papi/v1/um/income", 7) == (reads.path(reads.income(1), market), reads.weight(reads.income(1), market))


# What answers tell


@pytest.mark.parametrize("read", SAMPLES)
def test_samples_are_read_whole(read):
    """Each row of each sample is read, none of its fields is malformed, and each keeps its JSON."""
    answer = SAMPLES[read]
    found = reads.rows(read, answer, USDM)

    assert (answer if isinstance(answer, list) else [answer]) == [row.raw for row in found.rows]
    assert {USDM.endpoint(read.name).row_class} == {type(row) for row in found.rows}
    assert ((), ()) == (found.malformed, found.incomplete)


def test_single_rows_are_those_of_lists():
    """An order asked for by itself reads like the same order in a list."""
    (alone,) = reads.rows(reads.order("BTCUSDT", 1917641), SAMPLES[reads.order("BTCUSDT", 1917641)], USDM).rows
    (listed,) = reads.rows(reads.open_orders(), SAMPLES[reads.open_orders()], USDM).rows

    assert alone == listed
    assert alone.raw != listed.raw


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("answer", [None, True, 7, Decimal("0.1"), "rows", "[]", {"code": 200, "msg": "success"}, [[]]])
def test_an_answer_of_the_wrong_shape(name, answer):
    """Neither a list where rows are due nor an object where one is: nothing of it is used, least of all as empty."""
    is_single = USDM.endpoint(name).is_single
    if isinstance(answer, dict if is_single else list):
        assert () == reads.rows(Read(name), answer, USDM).rows
        return
    with pytest.raises(Undecodable) as caught:
        reads.rows(Read(name), answer, USDM)

    assert f"the answer to {name} is not {'an object' if is_single else 'a list'}" == caught.value.reason


def test_an_empty_answer_is_no_rows():
    """Nothing to tell is an answer too."""
    assert Rows(()) == reads.rows(TRADES, [], USDM)


@pytest.mark.parametrize(
    ("row", "why"),
    [
        (None, "not an object"),
        ("canary", "not an object"),
        ([traded()], "not an object"),
        ({}, "TradeRow without a usable symbol"),
        (traded(symbol=""), "TradeRow without a usable symbol"),
        (traded(id="canary"), "TradeRow without a usable trade_id"),
        (traded(id=None), "TradeRow without a usable trade_id"),
        (traded(id=10**100), "TradeRow without a usable trade_id"),
        (traded(qty="1e999"), "TradeRow without a usable last_filled_quantity"),
        (traded(price={"canary": 1}), "TradeRow without a usable last_filled_price"),
        (traded(time=1.5), "TradeRow without a usable trade_time_ms"),
    ],
)
def test_a_malformed_row_is_named_and_the_others_are_used(row, why):
    """The name says which row and which field, and repeats nothing of it."""
    found = reads.rows(TRADES, [traded(id=1), row, traded(id=2), row], USDM)

    assert [1, 2] == [trade.trade_id for trade in found.rows]
    assert (f"user_trades[1]: {why}", f"user_trades[3]: {why}") == found.malformed
    assert () == found.incomplete


def test_a_malformed_single_row_is_named_too():
    """An order without a status is no order, which is not the same as no answer."""
    found = reads.rows(reads.order("BTCUSDT", 1), {"symbol": "BTCUSDT"}, USDM)

    assert Rows((), ("order[0]: OrderRow without a usable order_id",)) == found


def test_a_row_is_used_without_a_field_that_it_can_do_without():
    """A fee that is no number costs the fee, not the fill."""
    found = reads.rows(TRADES, [traded(), traded(commission="free", maker="no"), traded(realizedPnl=None)], USDM)

    assert (3, None, None) == (len(found.rows), found.rows[1].commission, found.rows[1].is_maker)
    assert ((), ("commission of user_trades", "is_maker of user_trades")) == (found.malformed, found.incomplete)


def test_nesting_has_a_bound():
    """A row is kept whole, so it must not be deeper than what copies and prints it can bear."""
    deep = []
    for _ in range(DEEPEST - 2):
        deep = [deep]
    found = reads.rows(TRADES, [traded(new=deep), traded(new=[deep])], USDM)

    assert (1, ("user_trades[1]: nested too deeply",)) == (len(found.rows), found.malformed)


def test_numbers_and_texts_mean_the_same():
    """A decimal that comes as a JSON number, and an id that comes as text, are read to the digit."""
    body = b'[{"asset":"USDT","balance":122607.35137903,"crossWalletBalance":7.0E-4,"updateTime":"1617939110373"}]'
    found = reads.rows(reads.balances(), verdict(Answer(200, {}, body), 0.0), USDM)

    assert (
        Rows(
            (
                BalanceRow(
                    asset="USDT",
                    wallet_balance=Decimal("122607.35137903"),
                    cross_wallet_balance=Decimal("0.00070"),
                    update_time_ms=1617939110373,
                ),
            )
        )
        == found
    )


def test_a_field_that_binance_adds_is_kept():
    """It stands in ``raw``, and hurts nothing."""
    (row,) = reads.rows(TRADES, [traded(liquidity="RETAIL")], USDM).rows

    assert TradeRow is type(row)
    assert "RETAIL" == row.raw["liquidity"]


# Against the local exchange


@pytest.fixture(name="exchange", scope="module")
def fixture_exchange():
    """An exchange with an account that has something of everything."""
    exchange = Exchange(START_MS)
    account = exchange.open_account("alice", hedge_mode=True)
    order = {"symbol": "BTCUSDT", "quantity": "0.1"}
    exchange.place_order(account, **order, side="BUY", type="MARKET", position_side="LONG")
    exchange.place_order(account, **order, side="SELL", type="MARKET", position_side="SHORT")
    exchange.place_order(account, **order, side="BUY", type="LIMIT", price="29000", position_side="LONG")
    exchange.place_algo_order(
        account, **order, side="SELL", type="STOP_MARKET", trigger_price="25000", position_side="LONG"
    )
    exchange.place_order(
        account,
        symbol="\u5e01\u5b89\u4eba\u751fUSDT",
        quantity="7",
        side="BUY",
        type="MARKET",
        position_side="LONG",
    )
    exchange.transfer(account, "USDT", "-1")
    return exchange


def asked(exchange, read):
    """Return what the exchange answers to a read, through its own table and over the wire's JSON."""
    account = exchange.accounts["alice"]
    texts = {name: str(value) for name, value in read.parameters.items()}
    answer = ROUTES["GET", reads.path(read, USDM)].act(Call(exchange, Parameters(texts), account))
    return reads.rows(read, verdict(Answer(200, {}, json.dumps(answer).encode()), 0.0), USDM)


@pytest.mark.parametrize(
    ("read", "count"),
    [
        (reads.open_orders(), 1),
        (reads.open_algo_orders(), 1),
        (reads.positions(), 3),
        (reads.balances(), 1),
        (reads.all_orders(START_MS), 4),
        (reads.all_orders(START_MS, START_MS, limit=2), 2),
        (reads.all_orders(None, symbol="BTCUSDT", order_id=1), 3),
        (reads.all_orders(START_MS - reads.LONGEST_SPAN_MS, START_MS), 4),
        (reads.user_trades("BTCUSDT"), 2),
        (reads.user_trades("BTCUSDT", start_ms=START_MS - reads.LONGEST_SPAN_MS, end_ms=START_MS), 2),
        (reads.user_trades("BTCUSDT", from_id=1, limit=1), 1),
        (reads.user_trades("\u5e01\u5b89\u4eba\u751fUSDT", start_ms=START_MS), 1),
        (reads.income(START_MS - reads.LONGEST_SPAN_MS, START_MS), 4),
    ],
)
def test_the_local_exchange_answers_what_is_asked(exchange, read, count):
    """Our parameters are understood, and every row of the answer is read in full."""
    found = asked(exchange, read)

    assert count == len(found.rows)
    assert ((), ()) == (found.malformed, found.incomplete)
    assert {USDM.endpoint(read.name).row_class} == {type(row) for row in found.rows}


def test_the_local_exchange_answers_single_orders(exchange):
    """What the lists show is found by its id too."""
    for order in asked(exchange, reads.all_orders(START_MS)).rows:
        assert (order,) == asked(exchange, reads.order(order.symbol, order.order_id)).rows
    for algo in asked(exchange, reads.open_algo_orders()).rows:
        assert (algo,) == asked(exchange, reads.algo_order(algo.algo_id)).rows


def test_the_longest_span_is_the_longest(exchange):
    """A millisecond more, and the exchange refuses."""
    with pytest.raises(Refused):
        asked(exchange, reads.all_orders(START_MS - reads.LONGEST_SPAN_MS - 1, START_MS))


# Generated answers: whatever comes, only Undecodable escapes, and no row is lost without a word.

NAMED = re.compile(r"[a-z_]+\[\d+\]: (not an object|nested too deeply|\w+ without a usable \w+)|\w+ of [a-z_]+")


def check(read, answer):
    """Read an answer; whatever it becomes must hold together."""
    is_single = USDM.endpoint(read.name).is_single
    if not isinstance(answer, dict if is_single else list):
        with pytest.raises(Undecodable):
            reads.rows(read, answer, USDM)
        return
    found = reads.rows(read, answer, USDM)
    of = USDM.endpoint(read.name).row_class

    assert (1 if is_single else len(answer)) == len(found.rows) + len(found.malformed)
    assert all(NAMED.fullmatch(name) for name in found.malformed + found.incomplete)
    for row in found.rows:
        assert type(row) is of
        assert hash(row) == hash(pickle.loads(pickle.dumps(row)))
        for field in attrs.fields(of):
            value = getattr(row, field.name)
            assert not isinstance(value, float)
            assert not isinstance(value, Decimal) or (value.is_finite() and len(f"{value:f}") < 1000)


@st.composite
def mutated_answers(draw):
    """A sample with some of its values changed."""
    read = draw(st.sampled_from(list(SAMPLES)))
    return read, mutated(draw, SAMPLES[read])


@sprees(0.2)
@given(mutated_answers())
def test_mutated_answers(asked_and_answered):
    """A sample with arbitrary changes is read soundly or refused."""
    check(*asked_and_answered)


@sprees(0.05)
@given(st.sampled_from(list(SAMPLES)), ANY_JSON | st.lists(ANY_JSON, max_size=3))
def test_arbitrary_answers(read, answer):
    """Arbitrary JSON is read soundly or refused."""
    check(read, answer)
