"""What a frame says: an event, a word about the stream, or nothing that can be read."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from binance_uds.credentials import Secret
from binance_uds.events import usdm
from binance_uds.events.base import UnknownEvent
from binance_uds.events.notices import Attention, AttentionCode, UndecodableFrame
from binance_uds.events.usdm import ListenKeyExpired, TradeLite
from binance_uds.protocol import facts
from binance_uds.protocol.frames import Frames, Said
from binance_uds.protocol.subscriptions import LIST_ID, SUBSCRIBE_ID
from tests.protocol.driving import KEY, OTHER_KEY
from tests.protocol.telling import LITE, frame


def frames(*keys: str) -> Frames:
    """Return a reader that knows some listen keys."""
    made = Frames(usdm.EVENTS)
    for key in keys:
        made.know(Secret(key))
    return made


def read(made: Frames, text: bytes | str) -> Said:
    """Return what the frame of a connection says: the usual ones, and those that are not."""
    event = made.usual(text) if isinstance(text, bytes) else None
    return made.read(text, 3) if event is None else Said(event)


def expiry(**changes: object) -> dict[str, object]:
    """Return the notice that a listen key has expired; None drops a field."""
    document = {"e": "listenKeyExpired", "E": 1736996475556, "listenKey": KEY, **changes}
    return {name: value for name, value in document.items() if value is not None}


@pytest.mark.fault(57)
@pytest.mark.parametrize("stream", [KEY, f"{KEY}@TRADE_LITE"])
def test_a_combined_stream_is_unwrapped_and_its_key_masked(stream):
    """The wrapper of `/stream` is seen through; the key in its name shows nowhere."""
    said = read(frames(KEY), frame({"stream": stream, "data": LITE}))

    assert "BTCUSDT" == said.event.symbol
    assert KEY not in repr(said) + repr(said.event.raw)


@pytest.mark.parametrize(
    "changes",
    [
        {"listenKey": KEY},
        {"listenKey": "one we never had"},
        {"listenKey": {"old": KEY}},
        {"new": [{"deep": f"a {KEY} b"}]},
        {KEY: 1},
        {"c": KEY},
        {"c": f"x-{KEY}"},
        {"stream": KEY},
    ],
)
@pytest.mark.parametrize("wrap", [None, KEY, f"{KEY}@TRADE_LITE", 7], ids=["bare", "key", "key and event", "odd"])
@pytest.mark.parametrize("write", ["bytes", "text", "escaped"])
def test_no_event_shows_a_listen_key(changes, wrap, write):
    """Whatever its class, neither an event nor its raw names a known key, or anything behind the name of one."""
    document = {**LITE, **changes}
    text = json.dumps(document if wrap is None else {"stream": wrap, "data": document})
    if write == "escaped":
        text = text.replace("listenKey", "listen\\u004bey").replace(KEY, KEY.replace("k", "\\u006b"))
    event = read(frames(OTHER_KEY, KEY), text if write == "text" else text.encode()).event

    assert isinstance(event, TradeLite)
    assert KEY not in repr(event) + repr(event.raw)
    assert "***" in repr(event.raw)
    assert "***" == event.raw.get("listenKey", "***")
    assert (109100866, LITE["E"], "BTCUSDT") == (event.trade_id, event.event_time_ms, event.raw["s"])


@pytest.mark.parametrize("changes", [{}, {"c": "ünï"}, {"c": "back\\slash"}])
@pytest.mark.parametrize("wrap", [None, KEY, f"{KEY}@TRADE_LITE"], ids=["bare", "key", "key and event"])
def test_an_event_without_a_key_is_delivered_as_it_came(changes, wrap):
    """Nothing is masked where nothing is to be."""
    document = {**LITE, **changes}
    text = json.dumps(document if wrap is None else {"stream": wrap, "data": document}, ensure_ascii=False)

    assert document == read(frames(OTHER_KEY, KEY), text.encode()).event.raw


@pytest.mark.parametrize("key", ["T", "USDT", "\udfff" * 8])
def test_a_text_too_odd_for_a_key_masks_nothing(key):
    """Only an exchange of somebody's own hands out such keys; looking for them must not spoil the data."""
    event = read(frames(key), frame(LITE)).event

    assert LITE == event.raw
    assert "BTCUSDT" == event.symbol


def test_an_expiry_is_data_and_control():
    """The notice is delivered, with its key masked, and tells the session which key and connection it is about."""
    said = read(frames(KEY), frame(expiry()))

    assert isinstance(said.event, ListenKeyExpired)
    assert (facts.ExpiryNoticed(3, Secret(KEY)),) == said.facts
    assert KEY not in repr(said) + repr(said.event.raw)


@pytest.mark.fault(4)
@pytest.mark.parametrize("key", [None, "", 7, [KEY]])
def test_an_expiry_without_a_usable_key_is_about_none(key):
    """A missing or odd key leaves it to the session which one is meant."""
    assert (facts.ExpiryNoticed(3, None),) == read(frames(KEY), frame(expiry(listenKey=key))).facts


@pytest.mark.fault(4)
@pytest.mark.parametrize("changes", [{"E": "1736996475556"}, {"E": None}, {"E": {"odd": True}}, {"new": [1, 2]}])
def test_an_expiry_whose_fields_are_odd_is_an_expiry_all_the_same(changes):
    """Control is recognised by its name alone, before and apart from typed decoding."""
    assert facts.ExpiryNoticed(3, Secret(KEY)) in read(frames(KEY), frame(expiry(**changes))).facts


@pytest.mark.fault(48, 49)
@pytest.mark.parametrize("text", [b"", b"\xff", b"{", b"[]", b"7", b'{"a":1}', '{"e": "\udfff'])
def test_a_frame_that_cannot_be_read_is_a_notice_and_a_suspicion(text):
    """It is announced with its size in bytes and never its content, and the session hears that something was lost."""
    said = read(frames(), text)
    size = len(text) if isinstance(text, bytes) else len(text.encode(errors="surrogatepass"))

    assert (None, [(UndecodableFrame, size)]) == (said.event, [(type(item), item.size) for item in said.notices])
    assert (facts.FramesUndecodable(3),) == said.facts


@pytest.mark.fault(55)
def test_an_event_without_its_essentials_is_undecodable_with_the_size_of_its_frame():
    """A fill without a symbol cannot be an event; the notice tells how long the frame was."""
    text = frame({name: value for name, value in LITE.items() if name != "s"})
    said = read(frames(), text)

    assert (None, [UndecodableFrame]) == (said.event, [type(item) for item in said.notices])
    assert len(text) == said.notices[0].size
    assert (facts.FramesUndecodable(3),) == said.facts


@pytest.mark.fault(56)
def test_an_unknown_event_is_data():
    """A name we do not know is delivered, and is no suspicion."""
    said = read(frames(), frame({"e": "BRAND_NEW", "E": 1, "x": [1]}))

    assert isinstance(said.event, UnknownEvent)
    assert ((), ()) == (said.facts, said.notices)


@pytest.mark.parametrize("name", [KEY, f"{KEY}@ORDER_TRADE_UPDATE"])
def test_the_reply_about_subscriptions_names_keys(name):
    """A subscription is named by the key alone or with an event behind it."""
    said = read(frames(), frame({"result": [name, OTHER_KEY], "id": 2}))

    assert Said(facts=(facts.SubscriptionListed(3, (Secret(KEY), Secret(OTHER_KEY))),)) == said
    assert KEY not in repr(said)


@pytest.mark.fault(57)
def test_the_reply_to_a_subscription_says_nothing():
    """`null` says that the message was taken, not what the connection is subscribed to."""
    assert Said() == read(frames(), frame({"result": None, "id": 1}))


@pytest.mark.parametrize(
    "named, message",
    [({"id": SUBSCRIBE_ID}, SUBSCRIBE_ID), ({"id": LIST_ID}, LIST_ID), ({"id": None}, None), ({}, None)],
)
def test_an_error_reply_refuses(named, message):
    """The session hears which message is meant, where that is said, and the code in words of ours."""
    (fact,) = read(frames(), frame({"error": {"code": 2, "msg": f"no {KEY}"}, **named})).facts

    assert facts.SubscriptionRefused(3, message, "the exchange answered a subscription message with error 2") == fact


def test_a_malformed_field_is_said_once_per_field():
    """The event is delivered with None in that place, and a person is told the first time."""
    made = frames()
    first, again = (read(made, frame({**LITE, "t": trade_id, "q": {"odd": 1}})) for trade_id in (1, 2))
    other = read(made, frame({**LITE, "t": 3, "q": {"odd": 1}, "p": []}))

    assert [TradeLite] * 3 == [type(said.event) for said in (first, again, other)]
    assert [1, 0, 1] == [len(said.notices) for said in (first, again, other)]
    assert (Attention, AttentionCode.MALFORMED_FIELD) == (type(first.notices[0]), first.notices[0].code)
    assert other.notices[0].message.startswith("price")


def test_the_keys_of_the_last_connections_stay_known():
    """Frames of an old connection may still come, so its key is masked too; the same key counts once."""
    made = frames(*[KEY] * 20, *(f"{number}-{'c' * 60}" for number in range(7)))

    assert KEY not in repr(read(made, frame({"e": "BRAND_NEW", "key": KEY})).event.raw)


@given(st.one_of(st.binary(max_size=200), st.text(max_size=200)))
def test_whatever_comes_is_read(text):
    """No frame makes the reader raise, and each says something or is named."""
    assert isinstance(read(frames(KEY), text), Said)


@pytest.mark.fault(35)
def test_the_exchange_says_that_it_will_end_its_connections():
    """The notice is data, and the session hears of it."""
    said = read(frames(), frame({"e": "serverShutdown", "E": 5}))

    assert (UnknownEvent, (facts.ShutdownNoticed(3),)) == (type(said.event), said.facts)
