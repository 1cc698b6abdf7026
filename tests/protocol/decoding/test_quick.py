"""The quick way says what the strict way says, or nothing."""

from __future__ import annotations

import copy
import importlib.util
import json
import pickle
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any, Optional

import attrs
import orjson
import pytest
from hypothesis import event as note
from hypothesis import given
from hypothesis import strategies as st

from binance_uds.credentials import Secret
from binance_uds.events import usdm
from binance_uds.events.base import Event
from binance_uds.protocol.decoding import quick
from binance_uds.protocol.decoding.quick import QuickDecoder, json_reader
from binance_uds.protocol.decoding.strict import Decoder, Payload, Undecodable, may_name_key, parse, unwrap
from tests.protocol.odd_json import ANY_JSON, KEY, KEYS, LEAVES, mutated, sprees

PAYLOADS = Path(__file__).parents[2] / "payloads" / "usdm"
DOCUMENTS = {
    str(path.relative_to(PAYLOADS).with_suffix("")): json.loads(path.read_text("utf-8"))
    for path in sorted(PAYLOADS.rglob("*.json"))
}
#: An expiry is more than data, so the strict way reads it.
USUAL = [kind for kind in usdm.EVENTS if kind is not usdm.ListenKeyExpired]
STRICT = Decoder(usdm.EVENTS)
READERS = {"orjson": json_reader(), "json": json_reader(fast=False)}
QUICK = {name: QuickDecoder(USUAL, read) for name, read in READERS.items()}


def frame_of(document: Any, **how: Any) -> bytes:
    """Return a document as the exchange would send it."""
    return json.dumps(document, separators=(",", ":"), **{"ensure_ascii": False, **how}).encode(errors="surrogatepass")


def strictly(frame: bytes, *keys: Secret) -> Optional[Event]:
    """Return what the strict way makes of a frame; None when it makes no event, or names fields that are malformed."""
    try:
        content = unwrap(parse(frame))
        if not isinstance(content, Payload):
            return None
        decoded = STRICT.event(content, keys if may_name_key(frame, content, keys) else None)
    except Undecodable:
        return None
    return None if decoded.malformed else decoded.event


def all_of(event: Optional[Event]) -> Any:
    """Return everything an event says, the types of its values as well."""
    if event is None:
        return None
    return type(event), repr(event), repr(event.raw), hash(event), attrs.asdict(event)


def order(**changes: Any) -> Any:
    """Return a document of an order update with some keys of ``o`` changed."""
    document = copy.deepcopy(DOCUMENTS["variants/ORDER_TRADE_UPDATE.trade_partial"])
    document["o"].update(changes)
    return document


def both(frame: bytes) -> Optional[Event]:
    """Return what the quick way says, with either reader, after making sure that it is what the strict way says."""
    said = [decoder.event(frame) for decoder in QUICK.values()]
    usual = [all_of(one) for one in said if one is not None]
    if usual:
        assert [all_of(strictly(frame))] * len(usual) == usual
    return said[0] or said[1]


class TestUsual:
    """What the exchange sends takes the quick way."""

    @pytest.mark.parametrize("name", DOCUMENTS)
    def test_samples_are_read_as_the_strict_way_reads_them(self, name):
        """By themselves and in a wrapper; but for expiries, the quick way reads all events."""
        document = DOCUMENTS[name]
        is_usual = document.get("e", document.get("data", {}).get("e")) in {kind.wire_name for kind in USUAL}
        wrapped = document if "data" in document else {"stream": "ab12", "data": document}

        assert is_usual == (both(frame_of(document)) is not None)
        assert is_usual == (both(frame_of(wrapped)) is not None)

    def test_the_order_of_keys_makes_a_shape_and_no_difference(self):
        """Each order of keys is learnt by itself."""
        document = order()
        turned = {key: document[key] for key in reversed(document)}
        turned["o"] = {key: document["o"][key] for key in reversed(document["o"])}

        assert both(frame_of(document)) == both(frame_of(turned))
        assert both(frame_of(turned)) is not None

    def test_a_list_may_be_absent(self):
        """Nothing of its kind changed; beside it there may be others."""
        document = copy.deepcopy(DOCUMENTS["ACCOUNT_UPDATE"])
        del document["a"]["B"]
        document["a"]["P"] = None
        event = both(frame_of(document))

        assert isinstance(event, usdm.AccountUpdate)
        assert ((), ()) == (event.balances, event.positions)
        assert both(frame_of({"e": "ACCOUNT_UPDATE", "E": 1, "T": 1, "a": {}})) is None

    @pytest.mark.parametrize("odd", [[], "", 0, False])
    def test_an_empty_object_is_not_mistaken_for_what_is_none(self, odd):
        """Nothing stands in an empty list either, but there the strict way refuses the event."""
        document = {"e": "ACCOUNT_CONFIG_UPDATE", "E": 1, "T": 2, "ac": {}, "ai": {"j": True}}

        assert both(frame_of(document)) is not None
        assert both(frame_of({**document, "ac": odd})) is None
        assert both(frame_of(document)) is not None

    def test_spaces_make_no_difference(self):
        """The exchange sends none."""
        document = order()

        assert both(frame_of(document)) == both(json.dumps(document, indent=1).encode())
        assert both(json.dumps(document, indent=1).encode()) is not None

    def test_a_shape_that_has_no_quick_way_hides_none_that_has(self):
        """The values of the same keys may be of other types with the next frame, and of the usual ones after it."""
        usual, odd, other = frame_of(order(new="a")), frame_of(order(new=[])), frame_of(order(new=7))

        for frame in (usual, odd, usual, other, odd, other, usual):
            assert (frame is odd) == (both(frame) is None)

    def test_keys_that_are_new_are_kept(self):
        """As long as their values are plain."""
        event = both(frame_of(order(new="word", newer=17, newest=None, flag=True)))

        assert event is not None
        assert ("word", 17, None, True) == tuple(event.raw["o"][key] for key in ("new", "newer", "newest", "flag"))

    def test_an_event_is_frozen_and_pickles(self):
        """However it was made."""
        event = both(frame_of(order()))

        assert isinstance(event, usdm.OrderTradeUpdate)
        with pytest.raises(attrs.exceptions.FrozenInstanceError):
            event.symbol = "ETHUSDT"
        assert event == pickle.loads(pickle.dumps(event))
        assert usdm.OrderTradeUpdate is type(event)
        assert attrs.evolve(event, late=True).late

    def test_a_key_in_the_wrapper_is_usual(self):
        """There it stands in every frame, and in ``raw`` it does not."""
        quick_way = QuickDecoder(usdm.EVENTS)
        quick_way.know([Secret(KEY)])

        assert quick_way.event(frame_of({"stream": f"{KEY}@ORDER_TRADE_UPDATE", "data": order()})) is not None
        assert quick_way.event(frame_of({"stream": KEY, "data": order(c=KEY)})) is None
        assert quick_way.event(frame_of(order(c=KEY))) is None


class TestOdd:
    """What a shape does not settle is left to the strict way."""

    @pytest.mark.parametrize(
        "frame",
        [
            b"",
            b" ",
            b"{}",
            b"[]",
            b'"e"',
            b"7",
            b"{",
            b'{"e":"ORDER_TRADE_UPDATE"}',
            b'{"e":"ORDER_TRADE_UPDATE","o":[]}',
            b'{"e":"ORDER_TRADE_UPDATE","o":{}}',
            b'{"e":"ORDER_TRADE_UPDATE","o":"oo"}',
            b'{"e":["ORDER_TRADE_UPDATE"]}',
            b'{"stream":"a","data":[]}',
            b'{"stream":"a","data":"e"}',
            b'{"stream":7,"data":{"e":"TRADE_LITE"}}',
            b'{"result":null,"id":3}',
            b'{"e":"ACCOUNT_UPDATE","E":1,"T":1,"a":{"m":"ORDER","B":"no list","P":[]}}',
            b'{"e":"ACCOUNT_UPDATE","E":1,"T":1,"a":{"m":"ORDER","B":[7],"P":[]}}',
            b"\xef\xbb\xbf{}",
            b"{}{}",
            b"\xff",
            b"[" * 100_000,
            frame_of(order()) + b" 1",
            frame_of(order(S="")),
            frame_of(order(i=None)),
            frame_of({**order(), "E": 1.5}),
            frame_of(order(new=1.5)),
            frame_of(order(new=[])),
            frame_of(order(new={})),
            frame_of(order(listenKey="of somebody")),
            frame_of(order(new=float("nan"))),
            frame_of(order(t=2**64)),
            frame_of(order(t=10**39)),
            frame_of(order(t=10**60)),
            frame_of(order(c="\\")),
            frame_of(order(c='"')),
            frame_of(order(c="\u5e01"), ensure_ascii=True),
            frame_of(order()).replace(b'"s":', b'"i":1,"s":'),
            frame_of(order()).replace(b'"s":', b'"new":1,"new":1,"s":'),
            frame_of(order()).replace(b'"E":', b'"E":1,"E":'),
            frame_of(DOCUMENTS["ACCOUNT_UPDATE"]).replace(b'"wb":', b'"wb":"1","wb":'),
        ],
    )
    def test_what_is_not_usual_is_no_event(self, frame):
        """With either reader."""
        assert both(frame) is None

    @pytest.mark.parametrize(
        "amount", ["", "NaN", "Infinity", "1_0", " 1", "1 ", "1e5", ".5", "5.", "+1", "\u0661", "9" * 40]
    )
    def test_an_amount_that_is_written_oddly(self, amount):
        """The strict way decides whether it is one."""
        assert both(frame_of(order(l=amount))) is None

    def test_what_is_written_otherwise_is_read_all_the_same(self):
        """An id as text, an amount as a whole number: by the strict conversion itself."""
        event = both(frame_of(order(i="8", l=2)))

        assert isinstance(event, usdm.OrderTradeUpdate)
        assert (8, Decimal(2)) == (event.order_id, event.last_filled_quantity)

    def test_an_amount_may_have_an_exponent(self):
        """Some libraries write zeros so."""
        event = both(frame_of(order(n="0E-8", l="12E2")))

        assert isinstance(event, usdm.OrderTradeUpdate)
        assert ("0E-8", "1.2E+3") == (str(event.commission), str(event.last_filled_quantity))

    def test_numbers_are_exact_beyond_what_a_double_holds(self):
        """An id of 19 digits, and an amount of 40."""
        event = both(frame_of(order(i=2**53 + 1, t=2**63 - 1, l="12345678901234567890.12345678901234567890")))

        assert isinstance(event, usdm.OrderTradeUpdate)
        assert (2**53 + 1, 2**63 - 1) == (event.order_id, event.trade_id)
        assert Decimal("12345678901234567890.12345678901234567890") == event.last_filled_quantity

    def test_memory_is_bounded(self, monkeypatch):
        """Neither a new shape with every frame nor a new amount makes it grow for ever."""
        monkeypatch.setattr(quick, "_MOST_SHAPES", 3)
        monkeypatch.setattr(quick, "_MOST_AMOUNTS", 40)
        decoder = QuickDecoder(usdm.EVENTS)
        read = [decoder.event(frame_of(order(**{f"new{number}": 1}))) for number in range(6)]
        amounts = decoder._shapes["ORDER_TRADE_UPDATE"]._names["amounts"]
        for number in range(100):
            decoder.event(frame_of(order(new0=1, z=str(number))))

        assert [False] * 3 + [True] * 3 == [event is None for event in read]
        assert 40 >= len(amounts)

    def test_a_refused_shape_is_learnt_once(self):
        """It costs no more than any other."""
        decoder = QuickDecoder(usdm.EVENTS)
        for _ in range(3):
            assert decoder.event(frame_of(order(new=[]))) is None

        assert 1 == len(decoder._shapes["ORDER_TRADE_UPDATE"]._readers)


class TestReaders:
    """One of two libraries reads the JSON."""

    def test_orjson_is_used_where_it_is_installed(self, monkeypatch):
        """The standard library where it is not."""
        assert orjson.loads is json_reader()

        monkeypatch.setitem(sys.modules, "orjson", None)
        spec = importlib.util.spec_from_file_location("binance_uds.protocol.decoding.quick_without", quick.__file__)
        without = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(without)
        assert without.orjson is None
        assert {"a": [1]} == without.json_reader()(b'{"a":[1]}')

    @pytest.mark.parametrize("frame", [b"", b"{", b"{} 1", b"nonsense", b"\xff"])
    @pytest.mark.parametrize("name", READERS)
    def test_what_is_no_json_is_a_value_error(self, name, frame):
        """Which the quick way takes for an odd frame."""
        with pytest.raises(ValueError, match=r"."):
            READERS[name](frame)


@st.composite
def mutated_samples(draw):
    """Return a sample with some changes, as a frame."""
    document = mutated(draw, draw(st.sampled_from(list(DOCUMENTS.values()))))
    return frame_of(document, ensure_ascii=draw(st.booleans()))


@st.composite
def damaged_samples(draw):
    """Return the frame of a sample with a byte put in the place of some."""
    frame = frame_of(draw(st.sampled_from(list(DOCUMENTS.values()))))
    at = draw(st.integers(0, len(frame)))
    return (
        frame[:at]
        + draw(st.sampled_from([b"", b'"', b"0", b".", b"-", b"e", b":", b",", b"\xff"]))
        + frame[at + draw(st.integers(0, 3)) :]
    )


@sprees(0.2)
@given(mutated_samples())
def test_mutated_samples(frame):
    """Whatever is changed in a sample."""
    note("quick" if both(frame) is not None else "strict")


@sprees(0.1)
@given(damaged_samples())
def test_damaged_samples(frame):
    """Whatever becomes of its bytes."""
    note("quick" if both(frame) is not None else "strict")


@sprees(0.05)
@given(
    st.sampled_from(["ORDER_TRADE_UPDATE", "ACCOUNT_UPDATE", "ALGO_UPDATE"]), st.dictionaries(KEYS, LEAVES | ANY_JSON)
)
def test_arbitrary_events(name, body):
    """Whatever an event of a known name holds."""
    both(frame_of({"e": name, **body}))
