from __future__ import annotations

import copy
import json
import pickle
import traceback
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import event as label
from hypothesis import given
from hypothesis import strategies as st

from binance_uds.credentials import Secret
from binance_uds.events import usdm
from binance_uds.events.base import Event, UnknownEvent
from binance_uds.protocol.decoding.strict import (
    DEEPEST,
    Control,
    Decoded,
    Decoder,
    Payload,
    Undecodable,
    may_name_key,
    parse,
    unwrap,
)
from tests.protocol.odd_json import ANY_JSON, KEY, KEYS, LEAVES, mutated, sprees

PAYLOADS = Path(__file__).parents[2] / "payloads" / "usdm"
DECODER = Decoder(usdm.EVENTS)
DOCUMENTS = {
    str(path.relative_to(PAYLOADS).with_suffix("")): json.loads(path.read_text("utf-8"))
    for path in sorted(PAYLOADS.rglob("*.json"))
}


def order(**changes):
    """Return a document of an order update with some keys of ``o`` changed; None drops a key."""
    document = copy.deepcopy(DOCUMENTS["variants/ORDER_TRADE_UPDATE.trade_partial"])
    document["o"].update(changes)
    document["o"] = {key: value for key, value in document["o"].items() if value is not None}
    return document


def decode(document, *secrets):
    """Type a document as if it had come as a frame."""
    return DECODER.event(unwrap(parse(json.dumps(document))), secrets)


def refusal(call, *arguments):
    """Return why a call finds something undecodable."""
    with pytest.raises(Undecodable) as caught:
        call(*arguments)
    assert caught.value.reason == str(caught.value)
    return caught.value.reason


class TestParse:
    """Strict JSON."""

    @pytest.mark.parametrize("name", DOCUMENTS)
    def test_samples_are_read_as_they_are(self, name):
        """Bytes and text of every sample give the same plain JSON."""
        frame = (PAYLOADS / f"{name}.json").read_bytes()

        assert DOCUMENTS[name] == parse(frame) == parse(frame.decode())

    def test_numbers_are_exact(self):
        """Fractions become Decimal to the digit, whole numbers stay exact beyond 2^53."""
        document = parse(b'{"f": 0.10, "e": 1E-8, "n": -0.0, "i": 9007199254740993, "z": -0}')

        assert {"f": "0.10", "e": "1E-8", "n": "-0.0", "i": "9007199254740993", "z": "0"} == {
            key: str(value) for key, value in document.items()
        }
        assert [Decimal, Decimal, Decimal, int, int] == [type(value) for value in document.values()]

    @pytest.mark.fault(54)
    def test_text_may_be_anything(self):
        """Other scripts and lone surrogates are data."""
        assert {"s": "\u5e01\u5b89USDT", "x": "\ud800"} == parse('{"s": "\u5e01\u5b89USDT", "x": "\\ud800"}')

    @pytest.mark.fault(48, 49, 50, 51, 52)
    @pytest.mark.parametrize(
        ("frame", "reason"),
        [
            (b'{"s": "\xff"}', "not UTF-8"),
            (b'{"s": "\xed\xa0\x80"}', "not UTF-8"),
            (b"", "not JSON at character 0"),
            ("", "not JSON at character 0"),
            (b'\xef\xbb\xbf{"e": 1}', "not JSON at character 0"),
            (b'{"e": 1', "not JSON at character 7"),
            (b'{"e": 1} {}', "not JSON at character 9"),
            (b'{"e": 01}', "not JSON at character 7"),
            (b'{"e": "\n"}', "not JSON at character 7"),
            (b"{'e': 1}", "not JSON at character 1"),
            (b"[]", "not a JSON object"),
            (b'"text"', "not a JSON object"),
            (b"17", "not a JSON object"),
            (b"null", "not a JSON object"),
            (b'{"e": "A", "e": "B"}', "a key twice in one object"),
            (b'{"o": {"e": 1, "\\u0065": 1}}', "a key twice in one object"),
            (b'{"n": NaN}', "NaN or Infinity"),
            (b'{"n": [Infinity]}', "NaN or Infinity"),
            (b'{"n": -Infinity}', "NaN or Infinity"),
            (b'{"n": 1e999}', "a decimal number of absurd size"),
            (b'{"n": 1e-999}', "a decimal number of absurd size"),
            (b'{"n": 1e99999}', "not a decimal number"),
            (b'{"n": 0.' + b"1" * 100 + b"}", "not a decimal number"),
            (b'{"n": ' + b"1" * 41 + b"}", "not a whole number"),
            (b'{"n": ' + b"1" * 5000 + b"}", "not a whole number"),
        ],
    )
    def test_what_is_not_strict_is_refused(self, frame, reason):
        """Each kind of bad frame is refused for its own reason."""
        assert reason == refusal(parse, frame)

    @pytest.mark.fault(52)
    @pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}")])
    @pytest.mark.parametrize("beside", ["", '"b": [[], []], '])
    def test_nesting_has_a_bound(self, opening, closing, beside):
        """The bound is sharp, and far deeper frames are refused as calmly as slightly deeper ones."""

        def frame(depth):
            return "{" + beside + '"a": ' + opening * (depth - 2) + "[]" + closing * (depth - 2) + "}"

        assert "a" in parse(frame(DEEPEST))
        for depth in (DEEPEST + 1, 500, 200_000):
            assert "nested too deeply" == refusal(parse, frame(depth))

    def test_breadth_is_not_depth(self):
        """Thousands of rows, and brackets within texts, are not nesting."""
        rows = [{"s": "[{" * 50}] * 5000

        assert {"a": rows} == parse(json.dumps({"a": rows}))

    @pytest.mark.parametrize(
        "frame",
        [
            f'{{"listenKey": "{KEY}"'.encode(),
            f'{{"listenKey": "{KEY}", "listenKey": "{KEY}"}}',
            f'{{"listenKey": "{KEY}\xff"}}'.encode("latin-1"),
            f'["{KEY}"]',
            f'{{"{KEY}": 1e999}}',
        ],
    )
    def test_a_refusal_carries_nothing_of_the_frame(self, frame):
        """Neither the error nor what led to it holds the frame's content."""
        with pytest.raises(Undecodable) as caught:
            parse(frame)

        assert caught.value.__cause__ is None
        assert caught.value.__context__ is None
        assert KEY not in "".join(traceback.format_exception(caught.type, caught.value, caught.tb))


class TestUnwrap:
    """Events, wrappers and replies, told apart by shape."""

    @pytest.mark.parametrize("name", [name for name in DOCUMENTS if "frame." not in name])
    def test_an_event_by_itself(self, name):
        """A bare event is named by its ``e`` and kept whole."""
        document = DOCUMENTS[name]

        assert Payload(document["e"], document) == unwrap(document)

    @pytest.mark.fault(57)
    @pytest.mark.parametrize("name", ["variants/frame.combined_by_key", "variants/frame.combined_by_key_and_event"])
    def test_an_event_in_a_stream_wrapper(self, name):
        """The wrapper is taken off; what it calls the stream, which names the key, is kept apart."""
        document = DOCUMENTS[name]
        body = DOCUMENTS["ORDER_TRADE_UPDATE"]

        assert Payload("ORDER_TRADE_UPDATE", body, document["stream"]) == unwrap(document)
        assert document["stream"] not in repr(unwrap(document))

    @pytest.mark.fault(57)
    @pytest.mark.parametrize(
        ("wrapper", "stream"),
        [
            ('{"data": %s, "stream": "key"}', "key"),
            ('{"data": %s, "stream": 7}', ""),
            ('{"subscriptionId": 0, "event": %s}', ""),
            ('{"event": %s, "subscriptionId": 7}', ""),
            ('{"event": %s}', ""),
        ],
    )
    def test_other_wrappers(self, wrapper, stream):
        """The order of a wrapper's keys and the number of the subscription do not matter."""
        document = DOCUMENTS["TRADE_LITE"]

        assert Payload("TRADE_LITE", document, stream) == unwrap(parse(wrapper % json.dumps(document)))

    def test_a_bare_event_may_have_a_key_called_data(self):
        """What has an ``e`` of its own is an event, whatever else it holds."""
        document = {"e": "OUTER", "data": {"e": "INNER"}, "event": {"e": "INNER"}, "result": None, "id": 1}

        assert Payload("OUTER", document) == unwrap(document)

    @pytest.mark.fault(56)
    def test_an_unknown_event_is_an_event(self):
        """A name nobody knows is no reason to refuse."""
        assert "SOMETHING_NEW" == unwrap(DOCUMENTS["variants/frame.unknown_event"]).name

    @pytest.mark.fault(57)
    @pytest.mark.parametrize(
        ("document", "expected"),
        [
            (DOCUMENTS["variants/frame.subscribe_ack"], Control(1)),
            (DOCUMENTS["variants/frame.control_error"], Control(9, error_code=2)),
            (DOCUMENTS["variants/frame.list_subscriptions_reply_path_form"], Control(3, (KEY,))),
            (
                DOCUMENTS["variants/frame.list_subscriptions_reply_events_form"],
                Control(
                    3,
                    tuple(f"{KEY}@{n}" for n in ("ACCOUNT_UPDATE", "ORDER_TRADE_UPDATE", "listenKeyExpired")),
                ),
            ),
            ({"result": [], "id": 4}, Control(4, ())),
            ({"id": 4, "status": 200, "result": {}}, Control(4)),
            ({"id": 4, "result": None, "error": None}, Control(4)),
            ({"result": ["a", 1], "id": 4}, Control(4)),
            ({"result": True}, Control(None)),
            ({"result": None, "id": True}, Control(None)),
            ({"result": None, "id": "4"}, Control(None)),
            ({"id": 4, "status": 400, "error": {"code": -1125, "msg": ""}}, Control(4, error_code=-1125)),
            ({"code": 3, "msg": "Invalid JSON"}, Control(None, error_code=3)),
            ({"code": 0, "msg": "Unknown property", "id": 2}, Control(2, error_code=0)),
            ({"error": "no", "id": 4}, Control(4, error_code=-1000)),
            ({"error": {"msg": "no"}, "id": 4}, Control(4, error_code=-1000)),
            ({"error": {"code": "x"}, "result": [KEY]}, Control(None, error_code=-1000)),
        ],
    )
    def test_replies(self, document, expected):
        """A reply tells which request it answers, what streams it lists, and whether it refuses."""
        assert expected == unwrap(document)

    @pytest.mark.parametrize(
        "names, keys",
        [
            (None, ()),
            ((), ()),
            ((KEY, f"{KEY}@ACCOUNT_UPDATE", "other@"), (Secret(KEY), Secret(KEY), Secret("other"))),
        ],
    )
    def test_a_reply_names_keys(self, names, keys):
        """A subscription is named by a key, with or without an event."""
        assert keys == Control(2, names).keys

    def test_a_reply_hides_the_key(self):
        """The names in a reply contain the listen key, so its repr does without them; so does a payload's."""
        reply = unwrap(DOCUMENTS["variants/frame.list_subscriptions_reply_path_form"])

        assert KEY not in repr(reply) + str(reply)
        assert KEY not in repr(unwrap(DOCUMENTS["listenKeyExpired"]))

    @pytest.mark.parametrize("name", [None, 5, True, [], {}])
    def test_a_name_is_text(self, name):
        """An event whose ``e`` is no text cannot be told from others."""
        assert "an event whose name is not text" == refusal(unwrap, {"e": name, "result": None})
        assert "an event whose name is not text" == refusal(unwrap, {"stream": "key", "data": {"e": name}})

    @pytest.mark.parametrize(
        "document",
        [
            {},
            {"E": 1, "listenKey": KEY},
            {"id": 1},
            {"stream": KEY, "data": [{"e": "X"}]},
            {"stream": KEY, "data": {"E": 1}},
            {"code": -1},
            {"msg": KEY},
        ],
    )
    def test_what_is_neither_is_refused(self, document):
        """A document of no known shape is refused, and the reason repeats nothing of it."""
        assert "neither an event nor a reply" == refusal(unwrap, document)


class TestDecoder:
    """From a payload to an event of its class."""

    @pytest.mark.parametrize("name", [name for name in DOCUMENTS if "frame." not in name])
    def test_the_class_follows_the_name(self, name):
        """Each sample becomes the class of its ``e``, with nothing malformed."""
        decoded = decode(DOCUMENTS[name])

        assert DOCUMENTS[name]["e"] == type(decoded.event).wire_name
        assert isinstance(decoded.event, usdm.EVENTS)
        assert () == decoded.malformed
        assert ("stream", False) == (decoded.event.origin, decoded.event.late)

    def test_key_order_does_not_matter(self):
        """The same payload in any order of keys is the same event."""
        document = order()
        backwards = {key: document[key] for key in reversed(document)}
        backwards["o"] = {key: document["o"][key] for key in reversed(document["o"])}

        assert decode(document) == decode(backwards)

    def test_case_matters(self):
        """Keys that differ by case alone are different fields."""
        event = decode(order(x="TRADE", X="FILLED", t=1, T=2, m=True, M="7", l="3", L="4", n="5", N="BNB")).event

        assert ("TRADE", "FILLED", 1, 2) == (
            event.execution_type,
            event.status,
            event.trade_id,
            event.trade_time_ms,
        )
        assert (True, "7", Decimal(3), Decimal(4)) == (
            event.is_maker,
            event.modify_id,
            event.last_filled_quantity,
            event.last_filled_price,
        )
        assert (Decimal(5), "BNB") == (event.commission, event.commission_asset)

    def test_ids_are_exact(self):
        """Ids beyond 2^53 lose no digit, sent as a number or as text."""
        assert 9007199254740993 == decode(order(i=9007199254740993)).event.order_id
        assert 9223372036854775807 == decode(order(i="9223372036854775807")).event.order_id

    @pytest.mark.fault(4)
    def test_times_may_be_text(self):
        """Binance sent ``E`` as text for years."""
        document = {**order(), "E": "1568879465662"}

        assert 1568879465662 == decode(document).event.event_time_ms

    def test_decimals_may_be_numbers(self):
        """Portfolio Margin sends some decimals as JSON numbers; they are exact as well."""
        document = copy.deepcopy(DOCUMENTS["ACCOUNT_UPDATE"])
        frame = json.dumps(document).replace('"6563.6"', "6563.10")

        assert "6563.10" == str(DECODER.event(unwrap(parse(frame))).event.positions[2].break_even_price)

    @pytest.mark.fault(56)
    def test_unknown_words_and_fields_are_data(self):
        """A new status and a new key are delivered, the one as it is, the other in raw."""
        document = order(X="PENDING_REVIEW", zz={"k": [1]})
        decoded = decode(document)

        assert ("PENDING_REVIEW", ()) == (decoded.event.status, decoded.malformed)
        assert document == decoded.event.raw

    @pytest.mark.fault(53, 55)
    @pytest.mark.parametrize(
        ("key", "value", "field"),
        [
            ("z", "12,5", "filled_quantity"),
            ("z", {}, "filled_quantity"),
            ("z", "NaN", "filled_quantity"),
            ("z", True, "filled_quantity"),
            ("t", True, "trade_id"),
            ("t", 1.5, "trade_id"),
            ("T", [], "trade_time_ms"),
            ("m", "true", "is_maker"),
            ("m", 1, "is_maker"),
            ("X", False, "status"),
            ("c", [], "client_order_id"),
        ],
    )
    def test_a_field_of_another_type_is_named_and_none(self, key, value, field):
        """What is not of its type becomes None and is named; the rest of the event stands."""
        document = order(**{key: value})
        decoded = decode(document)
        good = decode(order()).event

        assert (None, (field,)) == (getattr(decoded.event, field), decoded.malformed)
        assert document == json.loads(json.dumps(decoded.event.raw, default=float))
        assert good.order_id == decoded.event.order_id

    @pytest.mark.fault(55)
    def test_null_is_absence(self):
        """A field that is null is None, and not malformed."""
        document = order()
        document["o"]["N"] = None
        decoded = decode({**document, "T": None})

        assert (None, None) == (decoded.event.commission_asset, decoded.event.transaction_time_ms)
        assert () == decoded.malformed

    @pytest.mark.fault(55)
    @pytest.mark.parametrize(
        ("name", "path", "field"),
        [
            ("ORDER_TRADE_UPDATE", "o.s", "OrderTradeUpdate without a usable symbol"),
            ("ORDER_TRADE_UPDATE", "o.i", "OrderTradeUpdate without a usable order_id"),
            ("ORDER_TRADE_UPDATE", "o.S", "OrderTradeUpdate without a usable side"),
            ("TRADE_LITE", "s", "TradeLite without a usable symbol"),
            ("TRADE_LITE", "i", "TradeLite without a usable order_id"),
            ("TRADE_LITE", "t", "TradeLite without a usable trade_id"),
            ("TRADE_LITE", "S", "TradeLite without a usable side"),
            ("ALGO_UPDATE", "o.aid", "AlgoUpdate without a usable algo_id"),
            ("ALGO_UPDATE", "o.s", "AlgoUpdate without a usable symbol"),
            ("ALGO_UPDATE", "o.S", "AlgoUpdate without a usable side"),
            ("STRATEGY_UPDATE", "su.si", "StrategyUpdate without a usable strategy_id"),
            ("STRATEGY_UPDATE", "su.s", "StrategyUpdate without a usable symbol"),
            ("GRID_UPDATE", "gu.si", "GridUpdate without a usable strategy_id"),
            ("GRID_UPDATE", "gu.s", "GridUpdate without a usable symbol"),
            (
                "CONDITIONAL_ORDER_TRIGGER_REJECT",
                "or.i",
                "ConditionalOrderTriggerReject without a usable order_id",
            ),
            (
                "CONDITIONAL_ORDER_TRIGGER_REJECT",
                "or.s",
                "ConditionalOrderTriggerReject without a usable symbol",
            ),
            ("ACCOUNT_UPDATE", "a.B.1.a", "Balance without a usable asset"),
            ("ACCOUNT_UPDATE", "a.B.0.wb", "Balance without a usable wallet_balance"),
            ("ACCOUNT_UPDATE", "a.B.0.cw", "Balance without a usable cross_wallet_balance"),
            ("ACCOUNT_UPDATE", "a.P.2.s", "Position without a usable symbol"),
            ("ACCOUNT_UPDATE", "a.P.0.pa", "Position without a usable amount"),
            ("ACCOUNT_UPDATE", "a.P.0.ep", "Position without a usable entry_price"),
            ("ACCOUNT_UPDATE", "a.P.1.ps", "Position without a usable position_side"),
            ("MARGIN_CALL", "p.0.s", "MarginCallPosition without a usable symbol"),
            ("MARGIN_CALL", "p.0.ps", "MarginCallPosition without a usable position_side"),
        ],
    )
    @pytest.mark.parametrize("value", ["", True, {}, None, "absent"])
    def test_without_its_identity_an_event_is_refused(self, name, path, field, value):
        """An essential field that is absent, null or of another type makes the payload undecodable."""
        document = copy.deepcopy(DOCUMENTS[name])
        *parents, key = path.split(".")
        holder = document
        for parent in parents:
            holder = holder[int(parent)] if isinstance(holder, list) else holder[parent]
        holder[key] = value
        if value == "absent":
            del holder[key]

        assert field == refusal(decode, document)

    @pytest.mark.parametrize("value", [5, "text", [], True])
    def test_the_structure_must_be_right(self, value):
        """Where an object should be and something else is, nothing of the payload can be trusted."""
        assert "OrderTradeUpdate whose 'o' is not an object" == refusal(decode, {**order(), "o": value})
        assert "AccountConfigUpdate whose 'ac' is not an object" == refusal(
            decode, {"e": "ACCOUNT_CONFIG_UPDATE", "ac": value}
        )

    @pytest.mark.parametrize("account", [None, {}, {"m": "ORDER", "B": {}}, {"m": "ORDER", "B": [5]}])
    def test_rows_must_be_rows(self, account):
        """An account update with nothing in it, or with a list that is none, is refused."""
        document = {"e": "ACCOUNT_UPDATE", "E": 1, "T": 1, "a": account}

        assert "AccountUpdate without a usable balances" == refusal(decode, document)

    def test_an_absent_list_is_empty(self):
        """A list that is absent or null says that nothing of its kind changed."""
        event = decode({"e": "ACCOUNT_UPDATE", "E": 1, "T": 1, "a": {"m": "ORDER", "P": None}}).event

        assert ("ORDER", (), ()) == (event.reason, event.balances, event.positions)

    def test_of_two_objects_one_may_be_absent(self):
        """An absent or null object leaves its fields None."""
        decoded = decode({"e": "ACCOUNT_CONFIG_UPDATE", "ac": None, "ai": {"j": False}})

        assert (None, None, False) == (
            decoded.event.symbol,
            decoded.event.leverage,
            decoded.event.is_multi_assets_mode,
        )
        assert () == decoded.malformed

    def test_a_malformed_field_of_a_row_is_named_with_its_list(self):
        """Every malformed field is named, those of rows after the name of the list."""
        document = copy.deepcopy(DOCUMENTS["ACCOUNT_UPDATE"])
        document["a"]["P"][0]["bep"] = "cheap"
        document["a"]["B"][1]["bc"] = []
        document["a"]["m"] = 1.5

        assert ("reason", "balances.balance_change", "positions.break_even_price") == decode(document).malformed

    @pytest.mark.fault(56)
    def test_an_unknown_event_keeps_everything(self):
        """A name we do not know becomes an UnknownEvent with its times and its whole payload."""
        decoded = decode(DOCUMENTS["variants/frame.unknown_event"])

        assert (
            Decoded(UnknownEvent(name="SOMETHING_NEW", event_time_ms=1793000000000, transaction_time_ms=1793000000000))
            == decoded
        )
        assert DOCUMENTS["variants/frame.unknown_event"] == decoded.event.raw

    def test_an_unknown_event_may_have_times_of_another_kind(self):
        """Even what we take for times may be something else in an event we do not know."""
        decoded = decode({"e": "NEW", "E": "soon", "T": {}})

        assert Decoded(UnknownEvent(name="NEW"), ("event_time_ms", "transaction_time_ms")) == decoded

    def test_a_decoder_knows_its_own_classes_only(self):
        """What a market does not list is unknown to its decoder."""
        decoder = Decoder((usdm.TradeLite,))

        assert isinstance(decoder.event(unwrap(DOCUMENTS["TRADE_LITE"])).event, usdm.TradeLite)
        assert isinstance(decoder.event(unwrap(DOCUMENTS["MARGIN_CALL"])).event, UnknownEvent)

    def test_raw_is_the_payload_itself(self):
        """No copy is made of a payload that names no key."""
        payload = unwrap(order())

        assert DECODER.event(payload, None).event.raw is payload.body


class TestMasking:
    """The listen key stays out of events and their ``raw``."""

    @pytest.mark.parametrize("name", ["listenKeyExpired", "variants/listenKeyExpired.string_E"])
    def test_an_expiry_hides_its_key(self, name):
        """The key of a listenKeyExpired is masked in a copy, and its tag is kept."""
        payload = unwrap(copy.deepcopy(DOCUMENTS[name]))
        event = DECODER.event(payload).event

        assert {**DOCUMENTS[name], "listenKey": "***"} == event.raw
        assert "e863d4" == event.listen_key_tag
        assert DOCUMENTS[name] == payload.body

    @pytest.mark.parametrize("key", [5.5, True, [], {}])
    def test_a_key_of_another_type_does_not_hide_the_expiry(self, key):
        """An expiry whose key is no text is still an expiry, of a key unknown."""
        decoded = decode({"e": "listenKeyExpired", "E": 1, "listenKey": key})

        assert Decoded(usdm.ListenKeyExpired(event_time_ms=1), ("listen_key_tag",)) == decoded
        assert "***" == decoded.event.raw["listenKey"]

    def test_an_unknown_event_hides_keys_at_any_depth(self):
        """Values behind the name are masked wherever they stand, and of whatever type."""
        decoded = decode({"e": "NEW", "a": [{"listenKey": KEY, "n": 1}], "listenKey": {"old": KEY}})

        assert {"e": "NEW", "a": [{"listenKey": "***", "n": 1}], "listenKey": "***"} == decoded.event.raw

    def test_known_keys_are_masked_by_value(self):
        """A known key is masked in values, in keys and even in the event's name."""
        other = "Zr5m" * 16
        document = {"e": f"{KEY}@NEW", "k": [f"a {KEY} b {other}"], KEY: 1, "o": {"d": 1.5, "x": None}}
        event = decode(document, Secret(KEY), Secret(other)).event

        assert {"e": "***@NEW", "k": ["a *** b ***"], "***": 1, "o": {"d": 1.5, "x": None}} == event.raw
        assert "***@NEW" == event.name
        assert KEY not in repr(event) + repr(event.raw)

    def test_a_known_event_hides_keys_all_the_same(self):
        """Masking does not depend on the class, in ``raw`` or in the fields read from it."""
        decoded = decode(order(c=f"x-{KEY}", listenKey="old", new=[KEY]), Secret(KEY))

        assert "x-***" == decoded.event.client_order_id
        assert ("***", ["***"]) == tuple(decoded.event.raw["o"][key] for key in ("listenKey", "new"))
        assert () == decoded.malformed

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ('{"e":"X","c":"k"}', False),
            ('{"e":"X","c":"KEY"}', True),
            ('{"e":"X","KEY":1}', True),
            ('{"e":"X","listenKey":"k"}', True),
            ('{"e":"X","c":"\\u004b"}', True),
            ('{"stream":"KEY","data":{"e":"X"}}', False),
            ('{"data":{"e":"X"},"stream":"KEY@X"}', False),
            ('{"stream":"KEY","data":{"e":"X","c":"KEY"}}', True),
            ('{"stream":["KEY"],"data":{"e":"X"}}', True),
            ('{"e":"X","stream":"KEY"}', True),
        ],
    )
    def test_only_frames_that_may_name_a_key_are_walked_through(self, text, expected):
        """The name, a known key or an escape gives a frame away; a key in the wrapper's stream alone does not."""
        text = text.replace("KEY", KEY)

        for frame in (text, text.encode()):
            assert expected is may_name_key(frame, unwrap(parse(frame)), [Secret("Zr5m" * 16), Secret(KEY)])


# Generated frames: whatever comes, only Undecodable escapes, and what is decoded holds together.

NAMES = st.sampled_from([of.wire_name for of in usdm.EVENTS]) | st.text(max_size=8)


@st.composite
def mutated_documents(draw):
    """A sample with some of its values changed."""
    return mutated(draw, DOCUMENTS[draw(st.sampled_from(list(DOCUMENTS)))])


@st.composite
def damaged_frames(draw):
    """The bytes of a sample with some of them replaced, inserted, cut out or cut off."""
    frame = bytearray(json.dumps(DOCUMENTS[draw(st.sampled_from(list(DOCUMENTS)))]).encode())
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(frame)))
        end = draw(st.sampled_from([start, start + 1, start + 7, len(frame)]))
        frame[start:end] = draw(
            st.binary(max_size=4) | st.sampled_from([b'"', b"[", b"{", b"}", b",", b"e99", b"9" * 60])
        )
    return bytes(frame)


def read(frame):
    """Return what a frame becomes: an event, a reply, or why it is refused."""
    try:
        message = unwrap(parse(frame))
        if isinstance(message, Control):
            return message
        secrets = [Secret(KEY)]
        return DECODER.event(message, secrets if may_name_key(frame, message, secrets) else None)
    except Undecodable as error:
        return error


def check(frame):
    """Read a frame; whatever it becomes must hold together."""
    outcome = read(frame)
    if isinstance(outcome, Decoded):
        label(type(outcome.event).__name__)
        check_event(outcome.event, outcome.malformed, json.loads(frame))
    else:
        label(type(outcome).__name__)
        assert KEY not in str(outcome)


def check_event(event, malformed, document):
    """Compare an event with the document it came in, and with what every event promises."""
    bodies = (document, document.get("data"), document.get("event"))
    body = next(body for body in bodies if isinstance(body, dict) and "e" in body)
    name = getattr(event, "name", event.wire_name)

    assert isinstance(event, Event)
    assert name == body["e"].replace(KEY, "***")
    assert hash(event) == hash(pickle.loads(pickle.dumps(event)))
    for field in malformed:
        assert "." in field or getattr(event, field) is None
    for value in values(event):
        assert not isinstance(value, float)
        assert not isinstance(value, Decimal) or (value.is_finite() and len(f"{value:f}") < 1000)
    assert KEY not in repr(event) + repr(event.raw)
    assert "listenKey" not in event.raw or "***" == event.raw["listenKey"]


def values(thing):
    """Yield the values of an event's fields and of its rows' fields, ``raw`` apart."""
    for field in thing.__attrs_attrs__:
        value = getattr(thing, field.name)
        if isinstance(value, tuple):
            for row in value:
                yield from values(row)
        elif field.name != "raw":
            yield value


@pytest.mark.fault(55)
@sprees(0.5)
@given(mutated_documents())
def test_mutated_samples(document):
    """A sample with arbitrary changes is decoded soundly or refused."""
    check(json.dumps(document))


@pytest.mark.fault(48, 49)
@sprees(0.25)
@given(damaged_frames())
def test_damaged_samples(frame):
    """A sample with arbitrary damage to its bytes is decoded soundly or refused."""
    check(frame)


@sprees(0.1)
@given(NAMES, st.dictionaries(KEYS, LEAVES, max_size=6))
def test_arbitrary_events(name, body):
    """Arbitrary content under a known or an unknown name is decoded soundly or refused."""
    check(json.dumps({**body, "e": name}))


@sprees(0.05)
@given(ANY_JSON)
def test_arbitrary_json(document):
    """Arbitrary JSON is decoded soundly or refused."""
    check(json.dumps(document))


@pytest.mark.fault(48, 49)
@sprees(0.1)
@given(st.binary(max_size=200) | st.text(max_size=200))
def test_arbitrary_bytes(frame):
    """Arbitrary bytes and texts are decoded soundly or refused."""
    check(frame)
