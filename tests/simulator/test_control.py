"""Path forms and control messages, without a socket."""

import json

import pytest

from binance_uds.simulator.control import SILENT_FORM, InvalidRequest, Subscription, answer, subscription_for


@pytest.mark.parametrize(
    "path, query, form, combined, streams",
    [
        ("/private/ws/KEY", "", "path", False, ["KEY"]),
        ("/private/ws", "listenKey=KEY&events=A/B", "query", False, ["KEY@A", "KEY@B"]),
        ("/private/ws", "listenKey=KEY&events=A%2FB", "query", False, ["KEY@A", "KEY@B"]),
        ("/private/ws", "listenKey=KEY", "query_all", False, ["KEY"]),
        ("/private/ws", "listenKey=KEY&timeUnit=MICROSECOND", "query_all", False, ["KEY"]),
        ("/private/stream", "listenKey=K&events=A&listenKey=L&events=B", "combined", True, ["K@A", "L@B"]),
        ("/private/stream", "listenKey=K1&listenKey=K2&events=B", "combined", True, ["K1", "K2@B"]),
        ("/private/stream", "streams=KEY", "streams", True, ["KEY"]),
        ("/private/stream", "streams=K1/K2@A", "streams", True, ["K1", "K2@A"]),
        ("/private/stream", "", "subscribe", True, []),
        ("/private/ws", "", "subscribe", False, []),
        ("/ws/KEY", "", SILENT_FORM, False, ["KEY"]),
        ("/stream", "streams=KEY", SILENT_FORM, True, ["KEY"]),
        ("/public/ws/btcusdt@depth", "", SILENT_FORM, False, ["btcusdt@depth"]),
        ("/market/stream", "", SILENT_FORM, True, []),
    ],
)
def test_path_forms(path, query, form, combined, streams):
    """Each address opens what it asks for."""
    subscription = subscription_for(path, query)

    assert (form, combined, streams) == (
        subscription.form,
        subscription.combined,
        list(subscription.streams),
    )


@pytest.mark.parametrize("path", ["/", "/private", "/fapi/v1/time", "/pm/ws/KEY"])
def test_other_paths_open_nothing(path):
    """Where nothing is served there is no subscription."""
    assert subscription_for(path, "") is None


def test_names_of_an_event():
    """An event comes through the bare key and through its own name, and not through another event's."""
    subscription = Subscription("subscribe", True)
    subscription.add(["KEY", "KEY@A", "OTHER@A"])

    assert ["KEY", "KEY@A"] == list(subscription.names_for("KEY", "A"))
    assert ["KEY"] == list(subscription.names_for("KEY", "B"))
    assert {"KEY", "OTHER"} == subscription.held_keys()


def test_too_many_streams():
    """One connection holds only so many streams, and names that are there already do not count again."""
    subscription = Subscription("subscribe", True, max_streams=2)
    subscription.add(["a", "b"])
    subscription.add(["a"])

    with pytest.raises(InvalidRequest):
        subscription.add(["c"])


def ask(subscription, **request):
    """Answer one control message, decoded."""
    return json.loads(answer(subscription, json.dumps({"id": 9, **request})))


def test_subscribing_and_unsubscribing():
    """SUBSCRIBE adds, UNSUBSCRIBE takes away, LIST_SUBSCRIPTIONS names in alphabetical order."""
    subscription = Subscription("subscribe", True)

    assert {"result": None, "id": 9} == ask(subscription, method="SUBSCRIBE", params=["KEY@B", "KEY@A", "X"])
    assert {"result": None, "id": 9} == ask(subscription, method="UNSUBSCRIBE", params=["X"])
    assert {"result": ["KEY@A", "KEY@B"], "id": 9} == ask(subscription, method="LIST_SUBSCRIPTIONS")


def test_combined_property():
    """SET_PROPERTY changes whether events come wrapped, GET_PROPERTY tells."""
    subscription = Subscription("path", False)

    assert '{"e":"A"}' == subscription.wrap("KEY", '{"e":"A"}')
    assert {"result": False, "id": 9} == ask(subscription, method="GET_PROPERTY", params=["combined"])
    assert {"result": None, "id": 9} == ask(subscription, method="SET_PROPERTY", params=["combined", True])
    assert {"result": True, "id": 9} == ask(subscription, method="GET_PROPERTY", params=["combined"])
    assert '{"stream":"KEY","data":{"e":"A"}}' == subscription.wrap("KEY", '{"e":"A"}')


@pytest.mark.parametrize(
    "code, request_id, text",
    [
        (3, None, "{not json"),
        (2, None, "[]"),
        (2, None, '{"method":"LIST_SUBSCRIPTIONS"}'),
        (2, None, '{"method":"LIST_SUBSCRIPTIONS","id":-1}'),
        (2, None, '{"method":"LIST_SUBSCRIPTIONS","id":true}'),
        (2, None, '{"method":"LIST_SUBSCRIPTIONS","id":1.5}'),
        (2, None, '{"id":9}'),
        (2, 9, '{"method":"DANCE","id":9}'),
        (2, 9, '{"method":["SUBSCRIBE"],"id":9}'),
        (2, 9, '{"method":"SUBSCRIBE","id":9}'),
        (2, 9, '{"method":"SUBSCRIBE","params":[],"id":9}'),
        (2, 9, '{"method":"UNSUBSCRIBE","params":[1],"id":9}'),
        (2, 9, '{"method":"SET_PROPERTY","params":[1],"id":9}'),
        (2, 9, '{"method":"GET_PROPERTY","params":["combined",1],"id":9}'),
        (0, 9, '{"method":"GET_PROPERTY","params":["colour"],"id":9}'),
        (1, 9, '{"method":"SET_PROPERTY","params":["combined",1],"id":9}'),
        (1, 9, '{"method":"SET_PROPERTY","params":["combined"],"id":9}'),
    ],
)
def test_invalid_requests(code, request_id, text):
    """What makes no sense is answered with an error that names the request where it can."""
    reply = json.loads(answer(Subscription("path", False), text))

    assert (code, request_id) == (reply["error"]["code"], reply["id"])


def test_a_text_may_be_a_request_id():
    """The official SDK numbers its requests with UUIDs."""
    request_id = "5761b939-27b1-4948-ab87-4a372a3f6b72"

    assert request_id == ask(Subscription("path", False), method="LIST_SUBSCRIPTIONS", id=request_id)["id"]


def test_the_key_is_in_no_repr():
    """A subscription can be logged."""
    assert "KEY" not in repr(subscription_for("/private/ws/KEY", ""))
