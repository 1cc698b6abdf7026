from __future__ import annotations

import hashlib
import inspect
import json
import pickle
import re
import typing
from decimal import Decimal
from pathlib import Path

import attrs
import pytest

from binance_uds.events import base, usdm
from binance_uds.events.base import WIRE_CONVERT, WIRE_ESSENTIAL, WIRE_PATH, WIRE_ROWS, Event
from binance_uds.protocol.decoding.strict import Decoder, Payload, parse, unwrap

PAYLOADS = Path(__file__).parents[1] / "payloads" / "usdm"
ROW_CLASSES = (usdm.Balance, usdm.Position, usdm.MarginCallPosition)
KEY = "WsCMN0a4KHUPTQuX6IUnqEZfB1inxmv1qR4kbf1LuEjur5VdbzqvyxqG9TSjVVxv"

#: Every sample that is an event we know, by its path without ``.json``.
SAMPLES = sorted(
    str(path.relative_to(PAYLOADS).with_suffix(""))
    for path in PAYLOADS.rglob("*.json")
    if not path.name.startswith("frame.")
)


def sample(name):
    """Return one sample payload, as plain JSON."""
    return json.loads((PAYLOADS / f"{name}.json").read_text("utf-8"))


def decoded(name):
    """Return the event of one sample payload, in which nothing may be malformed."""
    payload = unwrap(parse((PAYLOADS / f"{name}.json").read_bytes()))
    assert isinstance(payload, Payload)
    result = Decoder(usdm.EVENTS).event(payload)
    assert () == result.malformed
    return result.event


EXPECTED = {
    "ORDER_TRADE_UPDATE": usdm.OrderTradeUpdate(
        event_time_ms=1568879465651,
        transaction_time_ms=1568879465650,
        symbol="BTCUSDT",
        client_order_id="TEST",
        side="SELL",
        order_type="TRAILING_STOP_MARKET",
        time_in_force="GTC",
        quantity=Decimal("0.001"),
        price=Decimal(0),
        average_price=Decimal(0),
        stop_price=Decimal("7103.04"),
        execution_type="NEW",
        status="NEW",
        order_id=8886774,
        last_filled_quantity=Decimal(0),
        filled_quantity=Decimal(0),
        last_filled_price=Decimal(0),
        commission=Decimal(0),
        commission_asset="USDT",
        trade_time_ms=1568879465650,
        trade_id=0,
        bids_notional=Decimal(0),
        asks_notional=Decimal("9.91"),
        is_maker=False,
        is_reduce_only=False,
        working_type="CONTRACT_PRICE",
        original_order_type="TRAILING_STOP_MARKET",
        position_side="LONG",
        is_close_all=False,
        activation_price=Decimal("7476.89"),
        callback_rate=Decimal(5),
        is_price_protected=False,
        strategy_id=0,
        strategy_sub_id=0,
        realized_profit=Decimal(0),
        self_trade_prevention="EXPIRE_TAKER",
        price_match="OPPONENT",
        good_till_date_ms=0,
        expiry_reason="0",
    ),
    "TRADE_LITE": usdm.TradeLite(
        event_time_ms=1721895408092,
        transaction_time_ms=1721895408214,
        symbol="BTCUSDT",
        quantity=Decimal("0.001"),
        price=Decimal(0),
        is_maker=False,
        client_order_id="z8hcUoOsqEdKMeKPSABslD",
        side="BUY",
        last_filled_price=Decimal("64089.20"),
        last_filled_quantity=Decimal("0.040"),
        trade_id=109100866,
        order_id=8886774,
    ),
    "variants/ACCOUNT_UPDATE.funding_fee_isolated": usdm.AccountUpdate(
        event_time_ms=1564745798959,
        transaction_time_ms=1564745798958,
        reason="FUNDING_FEE",
        balances=(
            usdm.Balance(
                asset="USDT",
                wallet_balance=Decimal("14999.84345678"),
                cross_wallet_balance=Decimal("14864.6"),
                balance_change=Decimal("-0.14"),
            ),
        ),
        positions=(
            usdm.Position(
                symbol="ETHUSDT",
                amount=Decimal("-0.5"),
                entry_price=Decimal(2500),
                break_even_price=Decimal("2500.5"),
                accumulated_realized=Decimal("-3.25"),
                unrealized_profit=Decimal("1.2"),
                margin_type="isolated",
                isolated_wallet=Decimal("125.26"),
                position_side="SHORT",
            ),
        ),
        funding_symbol="ETHUSDT",
    ),
    "MARGIN_CALL": usdm.MarginCall(
        event_time_ms=1587727187525,
        cross_wallet_balance=Decimal("3.16812045"),
        positions=(
            usdm.MarginCallPosition(
                symbol="ETHUSDT",
                position_side="LONG",
                amount=Decimal("1.327"),
                margin_type="CROSSED",
                isolated_wallet=Decimal(0),
                mark_price=Decimal("187.17127"),
                unrealized_profit=Decimal("-1.166074"),
                maintenance_margin=Decimal("1.614445"),
            ),
        ),
    ),
    "ACCOUNT_CONFIG_UPDATE": usdm.AccountConfigUpdate(
        event_time_ms=1611646737479, transaction_time_ms=1611646737476, symbol="BTCUSDT", leverage=25
    ),
    "variants/ACCOUNT_CONFIG_UPDATE.multi_assets": usdm.AccountConfigUpdate(
        event_time_ms=1611646737479, transaction_time_ms=1611646737476, is_multi_assets_mode=True
    ),
    "variants/ALGO_UPDATE.triggered": usdm.AlgoUpdate(
        event_time_ms=1789363071990,
        transaction_time_ms=1789363071983,
        client_algo_id="sl-0001",
        algo_id=1000000204743716,
        algo_type="CONDITIONAL",
        order_type="STOP_MARKET",
        symbol="BTCUSDT",
        side="SELL",
        position_side="BOTH",
        time_in_force="GTC",
        quantity=Decimal("0.0007"),
        status="TRIGGERED",
        actual_order_id=8886900,
        average_price=Decimal(0),
        filled_quantity=Decimal(0),
        actual_order_type="MARKET",
        trigger_price=Decimal("74457.1"),
        price=Decimal(0),
        self_trade_prevention="EXPIRE_MAKER",
        working_type="MARK_PRICE",
        price_match="NONE",
        is_close_all=False,
        is_price_protected=False,
        is_reduce_only=False,
        trigger_time_ms=1789363071980,
        good_till_date_ms=0,
        is_trailing_activated=False,
    ),
    "STRATEGY_UPDATE": usdm.StrategyUpdate(
        event_time_ms=1669261797628,
        transaction_time_ms=1669261797627,
        strategy_id=176054594,
        strategy_type="GRID",
        status="NEW",
        symbol="BTCUSDT",
        update_time_ms=1669261797627,
        operation="8007",
    ),
    "GRID_UPDATE": usdm.GridUpdate(
        event_time_ms=1669262908218,
        transaction_time_ms=1669262908216,
        strategy_id=176057039,
        strategy_type="GRID",
        status="WORKING",
        symbol="BTCUSDT",
        realized_profit=Decimal("-0.00300716"),
        unmatched_average_price=Decimal(16720),
        unmatched_quantity=Decimal("-0.001"),
        unmatched_fee=Decimal("-0.00300716"),
        matched_profit=Decimal(0),
        update_time_ms=1669262908197,
    ),
    "CONDITIONAL_ORDER_TRIGGER_REJECT": usdm.ConditionalOrderTriggerReject(
        event_time_ms=1685517224945,
        transaction_time_ms=1685517224955,
        symbol="ETHUSDT",
        order_id=155618472834,
        reason="Due to the order could not be filled immediately, the FOK order has been rejected. "
        "The order will not be recorded in the order history",
    ),
    "listenKeyExpired": usdm.ListenKeyExpired(event_time_ms=1736996475556, listen_key_tag="e863d4"),
    "variants/listenKeyExpired.string_E": usdm.ListenKeyExpired(event_time_ms=1736996475556, listen_key_tag="e863d4"),
    "variants/listenKeyExpired.no_key": usdm.ListenKeyExpired(event_time_ms=1576653824250),
}


@pytest.mark.parametrize("name", EXPECTED)
def test_samples_become_what_a_person_reads_in_them(name):
    """A sample payload of each class decodes to the event written out by hand, field by field."""
    assert EXPECTED[name] == decoded(name)


def test_every_class_was_written_out_by_hand():
    """No class is left to the generic comparison alone."""
    assert set(usdm.EVENTS) == {type(event) for event in EXPECTED.values()}


@pytest.mark.parametrize(
    ("name", "field", "expected"),
    [
        ("variants/ORDER_TRADE_UPDATE.trade_partial", "filled_quantity", Decimal("0.001")),
        ("variants/ORDER_TRADE_UPDATE.trade_partial", "is_maker", True),
        ("variants/ORDER_TRADE_UPDATE.amendment_modifyId", "modify_id", "44444"),
        ("variants/ORDER_TRADE_UPDATE.expired_ioc", "expiry_reason", "2"),
        ("variants/ORDER_TRADE_UPDATE.expired_in_match_stp", "status", "EXPIRED_IN_MATCH"),
        ("variants/ORDER_TRADE_UPDATE.new_without_commission", "commission", None),
        ("variants/ORDER_TRADE_UPDATE.liquidation", "execution_type", "CALCULATED"),
        ("variants/ACCOUNT_UPDATE.deposit_empty_P", "positions", ()),
        ("variants/ACCOUNT_UPDATE.rebate_admin_deposit", "reason", "ADMIN_DEPOSIT"),
        ("variants/MARGIN_CALL.isolated_no_cw", "cross_wallet_balance", None),
        ("variants/ALGO_UPDATE.untriggered_new", "actual_order_id", None),
        ("variants/ALGO_UPDATE.rejected", "failure_reason", "Reduce Only reject"),
        ("variants/ALGO_UPDATE.trailing_activated", "is_trailing_activated", True),
    ],
)
def test_variants_differ_where_they_should(name, field, expected):
    """What makes a variant worth its file is read from it."""
    assert expected == getattr(decoded(name), field)


def converted(value, annotation):
    """Convert a JSON value by the annotation of its field alone, knowing nothing of the converters."""
    kinds = set(typing.get_args(annotation) or (annotation,)) - {type(None)}
    (kind,) = kinds
    if value is None or (kind is int and value == ""):
        return None
    return kind(value)


def at(document, path):
    """Return the JSON value at a path, None where there is none."""
    for key in path:
        document = document.get(key) if document is not None else None
    return document


def compare(thing, document):
    """Compare every declared field of an event or a row with the JSON value at its path."""
    annotations = typing.get_type_hints(type(thing))
    for field in attrs.fields(type(thing)):
        if WIRE_PATH not in field.metadata:
            continue
        value, actual = at(document, field.metadata[WIRE_PATH]), getattr(thing, field.name)
        if WIRE_ROWS in field.metadata:
            assert len(value) == len(actual)
            for row, row_document in zip(actual, value):
                assert field.metadata[WIRE_ROWS] is type(row)
                compare(row, row_document)
        elif field.metadata[WIRE_CONVERT] is base.key_tag:
            assert (value and hashlib.sha256(value.encode()).hexdigest()[:6]) == actual
        else:
            expected = converted(value, annotations[field.name])
            assert (field.name, expected) == (field.name, actual)
            assert type(expected) is type(actual)
            assert str(expected) == str(actual)


@pytest.mark.parametrize("name", SAMPLES)
def test_every_field_is_the_json_value_at_its_path(name):
    """Every field of every sample is the JSON value at its path, of its annotated type, to the digit."""
    event = decoded(name)

    assert event.wire_name == sample(name)["e"]
    compare(event, sample(name))


def leaf_paths(document, prefix=()):
    """Yield the path of every JSON value that is no object; the rows of a list share one path."""
    for key, value in document.items():
        if isinstance(value, dict):
            yield from leaf_paths(value, (*prefix, key))
        elif isinstance(value, list):
            for row in value:
                yield from leaf_paths(row, (*prefix, key))
        else:
            yield (*prefix, key)


def declared_paths(of, prefix=()):
    """Yield the path of every field that is declared, through rows."""
    for field in attrs.fields(of):
        if WIRE_ROWS in field.metadata:
            yield from declared_paths(field.metadata[WIRE_ROWS], (*prefix, *field.metadata[WIRE_PATH]))
        elif WIRE_PATH in field.metadata:
            yield (*prefix, *field.metadata[WIRE_PATH])


@pytest.mark.parametrize("name", SAMPLES)
def test_nothing_in_the_samples_is_missed(name):
    """Every key that occurs in a sample is declared by some field."""
    document = sample(name)
    (of,) = (of for of in usdm.EVENTS if of.wire_name == document["e"])

    assert set() == set(leaf_paths(document)) - set(declared_paths(of)) - {("e",)}


def test_almost_nothing_is_declared_that_no_sample_has():
    """Fields without a sample are those known from logged frames alone, and T where an event has none."""
    seen = {(document["e"], path) for document in map(sample, SAMPLES) for path in leaf_paths(document)}
    declared = {(of.wire_name, path) for of in usdm.EVENTS for path in declared_paths(of)}

    assert {
        ("ORDER_TRADE_UPDATE", ("o", "st")),
        ("ACCOUNT_UPDATE", ("a", "P", "ma")),
        ("MARGIN_CALL", ("T",)),
        ("listenKeyExpired", ("T",)),
    } == declared - seen


@pytest.mark.parametrize("of", [Event, base.UnknownEvent, *usdm.EVENTS, *ROW_CLASSES])
def test_every_field_is_documented(of):
    """The docstring explains each field of the class itself in the order of declaration, and no other."""
    inherited = set() if of is Event else set(attrs.fields_dict(Event))
    own = [field.name for field in attrs.fields(of) if field.name not in inherited]
    documented = re.findall(r"^ {4}(\w+): \S", inspect.getdoc(of), re.MULTILINE)

    assert own == documented


@pytest.mark.parametrize("of", usdm.EVENTS)
def test_every_event_names_its_source(of):
    """A class says which page of Binance's documentation it follows, and by what name."""
    assert "Source: USDⓈ-M Futures > User Data Streams > " in of.__doc__
    assert f"(``{of.wire_name}``" in of.__doc__


@pytest.mark.parametrize("of", [*usdm.EVENTS, *ROW_CLASSES])
def test_no_key_is_declared_twice(of):
    """No two fields of a class read the same key."""
    paths = list(declared_paths(of))

    assert len(set(paths)) == len(paths)


@pytest.mark.parametrize("of", [*usdm.EVENTS, *ROW_CLASSES])
def test_only_essential_fields_promise_a_value(of):
    """A field is annotated as Optional exactly when it may be absent."""
    annotations = typing.get_type_hints(of)
    for field in attrs.fields(of):
        if WIRE_CONVERT in field.metadata:
            optional = type(None) in typing.get_args(annotations[field.name])
            assert (field.name, optional) == (field.name, not field.metadata[WIRE_ESSENTIAL])


def test_all_ten_events_are_listed_once():
    """EVENTS names every event class of the module, by the names Binance accepts in ``events=``."""
    classes = {
        value
        for value in vars(usdm).values()
        if isinstance(value, type) and issubclass(value, Event) and value is not Event
    }

    assert classes == set(usdm.EVENTS)
    assert [
        "ACCOUNT_CONFIG_UPDATE",
        "ACCOUNT_UPDATE",
        "ALGO_UPDATE",
        "CONDITIONAL_ORDER_TRIGGER_REJECT",
        "GRID_UPDATE",
        "MARGIN_CALL",
        "ORDER_TRADE_UPDATE",
        "STRATEGY_UPDATE",
        "TRADE_LITE",
        "listenKeyExpired",
    ] == sorted(of.wire_name for of in usdm.EVENTS)


@pytest.mark.parametrize(
    ("execution_type", "expected"),
    [
        ("TRADE", True),
        ("CALCULATED", True),
        ("NEW", False),
        ("CANCELED", False),
        ("EXPIRED", False),
        ("AMENDMENT", False),
        (None, False),
    ],
)
def test_fills_are_trades_and_liquidations(execution_type, expected):
    """Only TRADE and CALCULATED trade something."""
    event = usdm.OrderTradeUpdate(symbol="BTCUSDT", side="BUY", order_id=1, execution_type=execution_type)

    assert expected is event.is_fill


@pytest.mark.parametrize("name", SAMPLES)
def test_events_travel_and_compare(name):
    """Every sample's event survives pickling, hashes, and equals itself whatever its raw payload."""
    event = decoded(name)
    twin = pickle.loads(pickle.dumps(event))

    assert (event, event.raw) == (twin, twin.raw)
    assert hash(event) == hash(attrs.evolve(event, raw={}))
    assert event == attrs.evolve(event, raw={})
    assert not hasattr(event, "__dict__")


@pytest.mark.parametrize("name", [name for name in SAMPLES if "listenKey" in name])
def test_the_key_is_nowhere_in_an_expiry(name):
    """A ListenKeyExpired says which key by its tag, and holds the key itself nowhere."""
    event = decoded(name)

    assert KEY not in repr(event) + repr(event.raw)
    assert KEY.encode() not in pickle.dumps(event)
