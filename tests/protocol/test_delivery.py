"""The way of a frame: to events, to notices, to facts."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from binance_uds.account import Account
from binance_uds.credentials import Secret
from binance_uds.events import usdm
from binance_uds.events.base import UnknownEvent
from binance_uds.events.notices import Attention, AttentionCode, UndecodableFrame
from binance_uds.events.usdm import ListenKeyExpired, TradeLite
from binance_uds.events.usdm_rows import TradeRow
from binance_uds.protocol import facts
from binance_uds.protocol.delivery import Delivery, Taken
from binance_uds.protocol.recovery import Recovery
from binance_uds.protocol.subscriptions import LIST_ID, SUBSCRIBE_ID
from binance_uds.protocol.timings import Timings
from tests.protocol.driving import KEY, OTHER_KEY

LITE = {
    "e": "TRADE_LITE", "E": 1721895408092, "T": 1721895408214, "s": "BTCUSDT", "q": "0.001", "p": "0", "m": False,
    "c": "z8hcUoOsqEdKMeKPSABslD", "S": "BUY", "L": "64089.20", "l": "0.040", "t": 109100866, "i": 8886774,
}  # fmt: skip


def delivery(*keys: str) -> Delivery:
    """Return a delivery that knows some listen keys."""
    made = Delivery(usdm.EVENTS, Account())
    for key in keys:
        made.know(Secret(key))
    return made


def frame(document: object) -> bytes:
    """Return a document as it comes."""
    return json.dumps(document).encode()


def expiry(**changes: object) -> dict[str, object]:
    """Return the notice that a listen key has expired; None drops a field."""
    document = {"e": "listenKeyExpired", "E": 1736996475556, "listenKey": KEY, **changes}
    return {name: value for name, value in document.items() if value is not None}


def test_an_event_takes_the_short_way():
    """What is no control goes to the user, and the session hears nothing of it."""
    taken = delivery().take(frame(LITE), 3)

    assert [TradeLite] == [type(item) for item in taken.items]
    assert () == taken.facts


def test_an_event_goes_into_the_account():
    """By the time it is handed on the account knows it."""
    account = Account()
    update = {"e": "ACCOUNT_CONFIG_UPDATE", "E": 5, "T": 5, "ac": {"s": "BTCUSDT", "l": 20}}
    Delivery(usdm.EVENTS, account).take(frame(update), 3)

    assert 20 == account.leverage("BTCUSDT")


@pytest.mark.parametrize("stream", [KEY, f"{KEY}@TRADE_LITE"])
def test_a_combined_stream_is_unwrapped_and_its_key_masked(stream):
    """The wrapper of `/stream` is seen through; the key in its name shows nowhere."""
    taken = delivery(KEY).take(frame({"stream": stream, "data": LITE}), 3)

    assert "BTCUSDT" == taken.items[0].symbol
    assert KEY not in repr(taken) + repr(taken.items[0].raw)


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
    event = delivery(OTHER_KEY, KEY).take(text if write == "text" else text.encode(), 3).items[0]

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

    assert document == delivery(OTHER_KEY, KEY).take(text.encode(), 3).items[0].raw


@pytest.mark.parametrize("key", ["T", "USDT", "\udfff" * 8])
def test_a_text_too_odd_for_a_key_masks_nothing(key):
    """Only an exchange of somebody's own hands out such keys; looking for them must not spoil the data."""
    event = delivery(key).take(frame(LITE), 3).items[0]

    assert LITE == event.raw
    assert "BTCUSDT" == event.symbol


def test_an_expiry_is_data_and_control():
    """The notice is delivered, with its key masked, and tells the session which key and connection it is about."""
    taken = delivery(KEY).take(frame(expiry()), 3)

    assert [ListenKeyExpired] == [type(item) for item in taken.items]
    assert (facts.ExpiryNoticed(3, Secret(KEY)),) == taken.facts
    assert KEY not in repr(taken) + repr(taken.items[0].raw)


@pytest.mark.parametrize("key", [None, "", 7, [KEY]])
def test_an_expiry_without_a_usable_key_is_about_none(key):
    """A missing or odd key leaves it to the session which one is meant."""
    assert (facts.ExpiryNoticed(3, None),) == delivery(KEY).take(frame(expiry(listenKey=key)), 3).facts


@pytest.mark.parametrize("changes", [{"E": "1736996475556"}, {"E": None}, {"E": {"odd": True}}, {"new": [1, 2]}])
def test_an_expiry_whose_fields_are_odd_is_an_expiry_all_the_same(changes):
    """Control is recognised by its name alone, before and apart from typed decoding."""
    assert facts.ExpiryNoticed(3, Secret(KEY)) in delivery(KEY).take(frame(expiry(**changes)), 3).facts


@pytest.mark.parametrize("text", [b"", b"\xff", b"{", b"[]", b"7", b'{"a":1}', '{"e": "\udfff'])
def test_a_frame_that_cannot_be_read_is_a_notice_and_a_suspicion(text):
    """It is announced with its size in bytes and never its content, and the session hears that something was lost."""
    taken = delivery().take(text, 3)
    size = len(text) if isinstance(text, bytes) else len(text.encode(errors="surrogatepass"))

    assert [(UndecodableFrame, size)] == [(type(item), item.size) for item in taken.items]
    assert (facts.FramesUndecodable(3),) == taken.facts


def test_an_event_without_its_essentials_is_undecodable_with_the_size_of_its_frame():
    """A fill without a symbol cannot be an event; the notice tells how long the frame was."""
    text = frame({name: value for name, value in LITE.items() if name != "s"})
    taken = delivery().take(text, 3)

    assert [UndecodableFrame] == [type(item) for item in taken.items]
    assert len(text) == taken.items[0].size
    assert (facts.FramesUndecodable(3),) == taken.facts


def test_an_unknown_event_is_data():
    """A name we do not know is delivered, and is no suspicion."""
    taken = delivery().take(frame({"e": "BRAND_NEW", "E": 1, "x": [1]}), 3)

    assert [UnknownEvent] == [type(item) for item in taken.items]
    assert () == taken.facts


@pytest.mark.parametrize("name", [KEY, f"{KEY}@ORDER_TRADE_UPDATE"])
def test_the_reply_about_subscriptions_names_keys(name):
    """A subscription is named by the key alone or with an event behind it."""
    taken = delivery().take(frame({"result": [name, OTHER_KEY], "id": 2}), 3)

    assert Taken(facts=(facts.SubscriptionListed(3, (Secret(KEY), Secret(OTHER_KEY))),)) == taken
    assert KEY not in repr(taken)


def test_the_reply_to_a_subscription_says_nothing():
    """`null` says that the message was taken, not what the connection is subscribed to."""
    assert Taken() == delivery().take(frame({"result": None, "id": 1}), 3)


@pytest.mark.parametrize(
    "named, message",
    [({"id": SUBSCRIBE_ID}, SUBSCRIBE_ID), ({"id": LIST_ID}, LIST_ID), ({"id": None}, None), ({}, None)],
)
def test_an_error_reply_refuses(named, message):
    """The session hears which message is meant, where that is said, and the code in words of ours."""
    (fact,) = delivery().take(frame({"error": {"code": 2, "msg": f"no {KEY}"}, **named}), 3).facts

    assert facts.SubscriptionRefused(3, message, "the exchange answered a subscription message with error 2") == fact


def test_a_malformed_field_is_said_once_per_field():
    """The event is delivered with None in that place, and a person is told the first time."""
    made = delivery()
    first, again = (made.take(frame({**LITE, "t": trade_id, "q": {"odd": 1}}), 3) for trade_id in (1, 2))
    other = made.take(frame({**LITE, "t": 3, "q": {"odd": 1}, "p": []}), 3)

    assert [TradeLite, Attention] == [type(item) for item in first.items]
    assert AttentionCode.MALFORMED_FIELD == first.items[1].code
    assert [TradeLite] == [type(item) for item in again.items]
    assert [TradeLite, Attention] == [type(item) for item in other.items]
    assert other.items[1].message.startswith("price")


def test_the_keys_of_the_last_connections_stay_known():
    """Frames of an old connection may still come, so its key is masked too; the same key counts once."""
    made = delivery(*[KEY] * 20, *(f"{number}-{'c' * 60}" for number in range(7)))

    assert KEY not in repr(made.take(frame({"e": "BRAND_NEW", "key": KEY}), 3).items[0].raw)


def counting() -> Delivery:
    """Return a delivery of a signed stream."""
    return Delivery(usdm.EVENTS, Account(), signed=True)


def test_a_fill_told_in_short_alone_is_a_suspicion():
    """Its order update should have followed within seconds."""
    made = counting()
    made.take(frame(LITE), 3, now=100.0)

    assert 105.0 == made.next_due()
    assert [] == made.due(104.9)
    assert ["trade 109100866 of order 8886774"] == [fact.broken.what for fact in made.due(105.0)]
    assert None is made.next_due()


def test_a_fill_told_in_short_and_read_by_rest_is_none():
    """What a repair has found is not missing any more."""
    made = counting()
    made.take(frame(LITE), 3, now=100.0)
    row = TradeRow(
        symbol="BTCUSDT", trade_id=109100866, order_id=8886774, side="BUY", last_filled_price=Decimal("64089.20"),
        last_filled_quantity=Decimal("0.040"), trade_time_ms=LITE["T"],
    )  # fmt: skip
    items, tally = made.merge(Recovery(fills={("BTCUSDT", 8886774, 109100866): row}))

    assert ([109100866], 1) == ([item.trade_id for item in items], len(tally.recovered))
    assert None is made.next_due()


def test_fills_told_in_short_are_one_suspicion_of_their_symbol():
    """A symbol that was suspected just now is not suspected again before its time."""
    made = counting()
    for trade_id, now in ((1, 100.0), (2, 101.0)):
        made.take(frame({**LITE, "t": trade_id}), 3, now=now)
    first, second = made.due(105.0), made.due(106.0)

    assert (1, []) == (len(first), second)
    assert 105.0 + Timings().suspicion_interval == made.next_due()
    assert ["trade 2 of order 8886774"] == [fact.broken.what for fact in made.due(135.0)]


@given(st.one_of(st.binary(max_size=200), st.text(max_size=200)))
def test_whatever_comes_is_taken(text):
    """No frame makes the delivery raise."""
    assert isinstance(delivery(KEY).take(text, 3), Taken)
