"""The rows of REST answers: what they declare, against the samples."""

from __future__ import annotations

import inspect
import json
import pickle
import re
import typing
from decimal import Decimal
from pathlib import Path

import attrs
import pytest

from binance_uds.events import usdm, usdm_rows
from binance_uds.events.base import WIRE_ESSENTIAL, WIRE_PATH, Row
from binance_uds.protocol.decoding.strict import Reader

SAMPLES = Path(__file__).parents[1] / "payloads_rest" / "usdm"
CLASSES = {
    "GET_userTrades": usdm_rows.TradeRow,
    "GET_openOrders": usdm_rows.OrderRow,
    "GET_allOrders": usdm_rows.OrderRow,
    "GET_openAlgoOrders": usdm_rows.AlgoRow,
    "GET_v3_positionRisk": usdm_rows.PositionRow,
    "GET_v3_balance": usdm_rows.BalanceRow,
    "GET_income": usdm_rows.IncomeRow,
    "GET_symbolConfig": usdm_rows.SymbolConfigRow,
    "GET_accountConfig": usdm_rows.AccountConfigRow,
}
ROW_CLASSES = sorted(set(CLASSES.values()), key=lambda of: of.__name__)

#: Which events and rows of events are made of which rows.
MADE_OF = [
    (usdm_rows.TradeRow, usdm.OrderTradeUpdate),
    (usdm_rows.OrderRow, usdm.OrderTradeUpdate),
    (usdm_rows.AlgoRow, usdm.AlgoUpdate),
    (usdm_rows.PositionRow, usdm.Position),
    (usdm_rows.BalanceRow, usdm.Balance),
]


def sample(name):
    """Return the rows of a sample, as plain JSON."""
    answer = json.loads((SAMPLES / f"{name}.json").read_text("utf-8"))
    return answer if isinstance(answer, list) else [answer]


def read(name):
    """Return the rows of a sample, in which nothing may be malformed."""
    malformed = []
    rows = [Reader(CLASSES[name]).read(row, malformed, raw=row) for row in sample(name)]
    assert [] == malformed
    return rows


ORDER = usdm_rows.OrderRow(
    symbol="BTCUSDT",
    order_id=1917641,
    client_order_id="abc",
    side="BUY",
    position_side="SHORT",
    status="NEW",
    order_type="LIMIT",
    original_order_type="LIMIT",
    time_in_force="GTC",
    quantity=Decimal("0.40"),
    filled_quantity=Decimal(0),
    price=Decimal(9000),
    average_price=Decimal(0),
    stop_price=Decimal(0),
    is_reduce_only=False,
    is_close_all=False,
    is_price_protected=False,
    working_type="CONTRACT_PRICE",
    price_match="NONE",
    self_trade_prevention="NONE",
    good_till_date_ms=0,
    creation_time_ms=1579276756075,
    update_time_ms=1579276756075,
)
ALGO = usdm_rows.AlgoRow(
    algo_id=2148627,
    client_algo_id="MRumok0dkhrP4kCm12AHaB",
    algo_type="CONDITIONAL",
    order_type="TAKE_PROFIT",
    symbol="BNBUSDT",
    side="SELL",
    position_side="BOTH",
    time_in_force="GTC",
    quantity=Decimal("0.01"),
    status="NEW",
    average_price=Decimal(0),
    trigger_price=Decimal(750),
    price=Decimal(750),
    self_trade_prevention="EXPIRE_MAKER",
    working_type="CONTRACT_PRICE",
    price_match="NONE",
    is_close_all=False,
    is_price_protected=False,
    is_reduce_only=False,
    creation_time_ms=1750514941540,
    update_time_ms=1750514941540,
    trigger_time_ms=0,
    good_till_date_ms=0,
)
EXPECTED = {
    "GET_userTrades": [
        usdm_rows.TradeRow(
            symbol="BTCUSDT",
            trade_id=698759,
            order_id=25851813,
            side="SELL",
            position_side="SHORT",
            last_filled_quantity=Decimal("0.002"),
            last_filled_price=Decimal("7819.01"),
            realized_profit=Decimal("-0.91539999"),
            commission=Decimal("0.07819010"),
            commission_asset="USDT",
            is_maker=False,
            trade_time_ms=1569514978020,
        )
    ],
    "GET_openOrders": [ORDER],
    "GET_allOrders": [ORDER],
    "GET_openAlgoOrders": [
        ALGO,
        attrs.evolve(
            ALGO,
            algo_id=1000000204743716,
            client_algo_id="sl-0001",
            order_type="STOP_MARKET",
            symbol="BTCUSDT",
            quantity=Decimal("0.0007"),
            filled_quantity=Decimal(0),
            trigger_price=Decimal("74457.1"),
            price=Decimal(0),
            is_trailing_activated=False,
        ),
    ],
    "GET_v3_positionRisk": [
        usdm_rows.PositionRow(
            symbol="ADAUSDT",
            position_side="LONG",
            amount=Decimal(30),
            entry_price=Decimal("0.385"),
            break_even_price=Decimal("0.385077"),
            unrealized_profit=Decimal("0.76427700"),
            isolated_wallet=Decimal(0),
            margin_asset="USDT",
            update_time_ms=1720736417660,
        ),
        usdm_rows.PositionRow(
            symbol="COMPUSDT",
            position_side="SHORT",
            amount=Decimal("-1.000"),
            entry_price=Decimal("70.92841"),
            break_even_price=Decimal("70.900038636"),
            unrealized_profit=Decimal("21.20817624"),
            isolated_wallet=Decimal(0),
            margin_asset="USDT",
            update_time_ms=1708943511656,
        ),
    ],
    "GET_v3_balance": [
        usdm_rows.BalanceRow(
            asset="USDT",
            wallet_balance=Decimal("122607.35137903"),
            cross_wallet_balance=Decimal("23.72469206"),
            update_time_ms=1617939110373,
        )
    ],
    "GET_income": [
        usdm_rows.IncomeRow(
            symbol=None,
            income_type="TRANSFER",
            amount=Decimal("-0.37500000"),
            asset="USDT",
            time_ms=1570608000000,
            transaction_id=9689322392,
            trade_id=None,
        ),
        usdm_rows.IncomeRow(
            symbol="BTCUSDT",
            income_type="COMMISSION",
            amount=Decimal("-0.01000000"),
            asset="USDT",
            time_ms=1570636800000,
            transaction_id=9689322392,
            trade_id=2059192,
        ),
    ],
    "GET_symbolConfig": [usdm_rows.SymbolConfigRow(symbol="BTCUSDT", leverage=21, margin_type="CROSSED")],
    "GET_accountConfig": [usdm_rows.AccountConfigRow(is_hedge_mode=True, is_multi_assets_mode=False)],
}


@pytest.mark.parametrize("name", CLASSES)
def test_samples_are_read_to_the_digit(name):
    """Each row of each sample gives the values that a person reads in it, and keeps the row."""
    rows = read(name)

    assert EXPECTED[name] == rows
    assert sample(name) == [row.raw for row in rows]


@pytest.mark.parametrize("name", CLASSES)
def test_rows_travel_and_compare(name):
    """Every row survives pickling, hashes, and equals itself whatever its raw form."""
    for row in read(name):
        twin = pickle.loads(pickle.dumps(row))

        assert (row, row.raw) == (twin, twin.raw)
        assert hash(row) == hash(attrs.evolve(row, raw={}))
        assert not hasattr(row, "__dict__")


def test_an_algo_order_that_was_triggered_names_the_order_it_became():
    """The order's id comes as text, and is a number with us."""
    row = {**sample("GET_openAlgoOrders")[0], "actualOrderId": "8389765999999999999"}

    assert 8389765999999999999 == Reader(usdm_rows.AlgoRow).read(row, []).actual_order_id


def test_an_income_may_come_without_a_symbol():
    """A row without the key says the same as an empty text."""
    row = {key: value for key, value in sample("GET_income")[0].items() if key != "symbol"}

    assert EXPECTED["GET_income"][0] == Reader(usdm_rows.IncomeRow).read(row, [])


def wire_fields(of):
    """Return the fields of a class that are read from JSON, by name."""
    return {field.name: field for field in attrs.fields(of) if WIRE_PATH in field.metadata}


def of_what(of):
    """Return the types of a class's fields by name, whether they may be None or not."""
    hints = typing.get_type_hints(of)
    return {name: typing.get_args(hint)[0] if typing.get_args(hint) else hint for name, hint in hints.items()}


@pytest.mark.parametrize(("of", "event_class"), MADE_OF)
def test_what_an_event_takes_over_is_of_its_type(of, event_class):
    """A field that a row and an event share by name has the same type in both."""
    shared = wire_fields(of).keys() & wire_fields(event_class).keys()

    assert len(shared) >= 3
    assert {name: of_what(event_class)[name] for name in shared} == {name: of_what(of)[name] for name in shared}


@pytest.mark.parametrize(("of", "event_class"), MADE_OF)
def test_what_an_event_cannot_do_without_its_row_has(of, event_class):
    """An event can be made of every row that can be used."""
    needed = {name for name, field in wire_fields(event_class).items() if field.metadata[WIRE_ESSENTIAL]}

    assert set() == needed - {name for name, field in wire_fields(of).items() if field.metadata[WIRE_ESSENTIAL]}


@pytest.mark.parametrize("of", ROW_CLASSES)
def test_no_key_is_declared_twice(of):
    """No two fields of a row read the same key."""
    keys = [field.metadata[WIRE_PATH] for field in wire_fields(of).values()]

    assert len(set(keys)) == len(keys)


def test_almost_nothing_is_declared_that_no_sample_has():
    """Fields without a sample are those of trailing stops alone."""
    seen = {(CLASSES[name], key) for name in CLASSES for row in sample(name) for key in row}
    declared = {(of, *field.metadata[WIRE_PATH]) for of in ROW_CLASSES for field in wire_fields(of).values()}

    assert {(usdm_rows.OrderRow, "activatePrice"), (usdm_rows.OrderRow, "priceRate")} == declared - seen


@pytest.mark.parametrize("of", [Row, *ROW_CLASSES])
def test_every_field_is_documented(of):
    """The docstring explains each field of the class itself in the order of declaration, and no other."""
    own = [name for name in attrs.fields_dict(of) if of is Row or name != "raw"]

    assert own == re.findall(r"^ {4}(\w+): \S", inspect.getdoc(of), re.MULTILINE)


@pytest.mark.parametrize("of", ROW_CLASSES)
def test_every_row_names_its_source(of):
    """A class says which call answers it."""
    assert re.search(r"^Source: .*\(``GET /fapi/v\d/", inspect.getdoc(of), re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("of", ROW_CLASSES)
def test_only_essential_fields_promise_a_value(of):
    """A field is annotated as Optional exactly when it may be absent."""
    hints = typing.get_type_hints(of)
    optional = {name: type(None) in typing.get_args(hints[name]) for name in wire_fields(of)}

    assert {name: not field.metadata[WIRE_ESSENTIAL] for name, field in wire_fields(of).items()} == optional
