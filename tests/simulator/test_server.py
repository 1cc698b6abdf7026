"""The local exchange over real HTTP and WebSocket."""

import gc
import json
import logging
import ssl
import time
from decimal import Decimal

import attrs
import pytest
import requests
import trustme
import websocket

from binance_uds.simulator import LocalExchange, Rules

ORDER_PUSHES = ["ORDER_TRADE_UPDATE", "TRADE_LITE", "ORDER_TRADE_UPDATE", "ACCOUNT_UPDATE"]


def error_of(response):
    """Status and code of a refusal."""
    return response.status_code, response.json()["code"]


# REST


@pytest.mark.parametrize("path", ["/fapi/v1/ping", "/api/v3/ping"])
def test_ping(client, path):
    """Anybody may ask whether the exchange is there, futures and spot."""
    response = client.ask("GET", path, api_key=None)

    assert (200, {}) == (response.status_code, response.json())


def test_time_is_the_wall_clock_plus_an_offset(make_client):
    """Clock skew can be rehearsed: where the exchange's clock runs ahead, what ours signed is too old."""
    with LocalExchange(clock_offset_ms=7_000) as ahead:
        client = make_client(ahead)
        before_ms = time.time_ns() // 1_000_000
        told_ms = client.ask("GET", "/fapi/v1/time").json()["serverTime"]
        after_ms = time.time_ns() // 1_000_000
        refusal = client.ask_signed("GET", "/fapi/v3/balance")
        response = client.ask_signed("GET", "/fapi/v3/balance", timestamp=after_ms + 7_000)

    assert before_ms + 7_000 <= told_ms <= after_ms + 7_000
    assert (400, -1021) == error_of(refusal)
    assert 200 == response.status_code


def test_listen_key_calls(client):
    """POST and PUT name the same key, DELETE ends it for everybody, PUT then finds none."""
    key = client.obtain_key()

    assert key == client.obtain_key() == client.ask("PUT", "/fapi/v1/listenKey").json()["listenKey"]
    assert {} == client.ask("DELETE", "/fapi/v1/listenKey").json()
    assert (400, -1125) == error_of(client.ask("PUT", "/fapi/v1/listenKey"))
    assert key != client.obtain_key()


def test_listen_key_calls_may_be_signed(client):
    """A signature is not needed, and does no harm."""
    assert 200 == client.ask_signed("POST", "/fapi/v1/listenKey").status_code


@pytest.mark.parametrize("api_key, code", [(None, -2014), ("short", -2014), ("x" * 64, -2015)])
def test_unknown_api_keys(client, api_key, code):
    """No key, one that cannot be a key, and one that nobody has."""
    assert (401, code) == error_of(client.ask("POST", "/fapi/v1/listenKey", api_key=api_key))


def test_signatures_are_checked(client, exchange):
    """A signed call needs a signature by the secret of the key."""
    headers = {"X-MBX-APIKEY": exchange.api_key}
    forged = client.send("GET", "/fapi/v3/balance", client.signed(secret="guess"), headers)
    now_ms = time.time_ns() // 1_000_000

    assert (400, -1022) == error_of(forged)
    assert (400, -1102) == error_of(client.ask("GET", "/fapi/v3/balance", timestamp=now_ms))
    assert 200 == client.ask_signed("GET", "/fapi/v3/balance").status_code


def test_a_signed_body(client, exchange):
    """A form body is signed like a query."""
    body = client.signed(symbol="BTCUSDT", side="BUY", type="MARKET", quantity="0.01")
    response = requests.post(
        f"{exchange.rest_url}/fapi/v1/order",
        data=body,
        headers={"X-MBX-APIKEY": exchange.api_key, "Content-Type": "application/x-www-form-urlencoded"},
        timeout=20,
    )

    assert 200 == response.status_code
    assert 1 == len(exchange.fills)


READS = {
    "/fapi/v2/balance": {},
    "/fapi/v3/balance": {},
    "/fapi/v2/positionRisk": {},
    "/fapi/v3/positionRisk": {"symbol": "BTCUSDT"},
    "/fapi/v2/account": {},
    "/fapi/v3/account": {},
    "/fapi/v1/symbolConfig": {"symbol": "BTCUSDT"},
    "/fapi/v1/accountConfig": {},
    "/fapi/v1/positionSide/dual": {},
    "/fapi/v1/multiAssetsMargin": {},
    "/fapi/v1/openOrders": {},
    "/fapi/v1/openAlgoOrders": {"algoId": 1},
    "/fapi/v1/allOrders": {"startTime": 1},
    "/fapi/v1/allAlgoOrders": {"symbol": "BTCUSDT"},
    "/fapi/v1/userTrades": {"symbol": "BTCUSDT", "fromId": 1},
    "/fapi/v1/income": {"incomeType": "COMMISSION", "limit": 1000},
    "/fapi/v1/forceOrders": {"autoCloseType": "ADL"},
    "/fapi/v1/rateLimit/order": {},
}


@pytest.mark.parametrize("path", READS)
def test_reads(client, exchange, path):
    """Everything a client rebuilds its state from is answered, in the right container."""
    exchange.buy("BTCUSDT", "0.01")
    parameters = {**READS[path]}
    if "startTime" in parameters:
        parameters["startTime"] = time.time_ns() // 1_000_000 - 1_000
    response = client.ask_signed("GET", path, **parameters)
    container = dict if path.endswith(("account", "accountConfig", "dual", "multiAssetsMargin")) else list

    assert 200 == response.status_code, response.text
    assert container is type(response.json())


def test_reads_tell_the_truth(client, exchange):
    """What the account traded stands in its trades, its order, its position and its income."""
    order_id = exchange.buy("BTCUSDT", "0.01")["orderId"]
    trades = client.ask_signed("GET", "/fapi/v1/userTrades", symbol="BTCUSDT").json()
    order = client.ask_signed("GET", "/fapi/v1/order", symbol="BTCUSDT", orderId=order_id).json()
    positions = client.ask_signed("GET", "/fapi/v3/positionRisk").json()
    income = client.ask_signed("GET", "/fapi/v1/income").json()

    assert [exchange.fills[0].trade_id] == [row["id"] for row in trades]
    assert ("FILLED", "0.010") == (order["status"], order["executedQty"])
    assert [("BTCUSDT", "0.010")] == [(row["symbol"], row["positionAmt"]) for row in positions]
    assert ["COMMISSION"] == [row["incomeType"] for row in income]


def test_trading(client, exchange):
    """An order is placed, found, amended and cancelled by its client's name for it."""
    order = {"symbol": "BTCUSDT", "side": "BUY"}
    name = {"origClientOrderId": "mine"}
    placed = client.ask_signed(
        "POST", "/fapi/v1/order", **order, type="LIMIT", quantity="1", price="9000", newClientOrderId="mine"
    )
    found = client.ask_signed("GET", "/fapi/v1/openOrder", symbol="BTCUSDT", **name)
    amended = client.ask_signed("PUT", "/fapi/v1/order", **order, **name, quantity="1", price="9001")
    cancelled = client.ask_signed("DELETE", "/fapi/v1/order", symbol="BTCUSDT", **name)
    gone = client.ask_signed("GET", "/fapi/v1/openOrder", symbol="BTCUSDT", **name)

    assert ["NEW", "NEW", "NEW", "CANCELED"] == [each.json()["status"] for each in (placed, found, amended, cancelled)]
    assert 9001 == Decimal(amended.json()["price"])
    assert "1" == placed.headers["X-MBX-ORDER-COUNT-10S"]
    assert (400, -2013) == error_of(gone)
    assert 200 == client.ask_signed("DELETE", "/fapi/v1/allOpenOrders", symbol="BTCUSDT").status_code


def test_conditional_orders(client):
    """A stop lives in the algo service: placed, listed, found and cancelled there, refused as an order."""
    order = {"symbol": "BTCUSDT", "side": "SELL", "type": "STOP_MARKET", "quantity": "0.01"}
    placed = client.ask_signed(
        "POST", "/fapi/v1/algoOrder", **order, algoType="CONDITIONAL", triggerPrice="29000"
    ).json()
    listed = client.ask_signed("GET", "/fapi/v1/openAlgoOrders").json()
    found = client.ask_signed("GET", "/fapi/v1/algoOrder", algoId=placed["algoId"]).json()
    cancelled = client.ask_signed("DELETE", "/fapi/v1/algoOrder", algoId=placed["algoId"]).json()
    refused = client.ask_signed("POST", "/fapi/v1/order", **order, stopPrice="29000")
    swept = client.ask_signed("DELETE", "/fapi/v1/algoOpenOrders", symbol="BTCUSDT")

    assert [placed["algoId"]] == [row["algoId"] for row in listed]
    assert "NEW" == found["algoStatus"]
    assert "200" == cancelled["code"]
    assert (400, -4120) == error_of(refused)
    assert 200 == swept.status_code


@pytest.mark.parametrize(
    "path, parameters, key, value",
    [
        ("/fapi/v1/leverage", {"symbol": "BTCUSDT", "leverage": 7}, "leverage", 7),
        ("/fapi/v1/marginType", {"symbol": "BTCUSDT", "marginType": "ISOLATED"}, "marginType", "ISOLATED"),
        ("/fapi/v1/positionSide/dual", {"dualSidePosition": "true"}, "dualSidePosition", True),
        ("/fapi/v1/multiAssetsMargin", {"multiAssetsMargin": "true"}, "multiAssetsMargin", True),
    ],
)
def test_settings(client, path, parameters, key, value):
    """Settings are changed by POST and show where they are read."""
    changed = client.ask_signed("POST", path, **parameters)
    source = "/fapi/v1/symbolConfig" if "symbol" in parameters else path
    shown = client.ask_signed("GET", source, **{k: v for k, v in parameters.items() if k == "symbol"}).json()

    assert 200 == changed.status_code, changed.text
    assert value == (shown[0] if isinstance(shown, list) else shown)[key]


@pytest.mark.parametrize(
    "code, method, path, parameters",
    [
        (-1102, "GET", "/fapi/v1/userTrades", {}),
        (-1121, "GET", "/fapi/v1/userTrades", {"symbol": "NONE"}),
        (-1102, "GET", "/fapi/v1/order", {"symbol": "BTCUSDT"}),
        (-2013, "GET", "/fapi/v1/order", {"symbol": "BTCUSDT", "orderId": 1}),
        (-1100, "GET", "/fapi/v1/order", {"symbol": "BTCUSDT", "orderId": "one"}),
        (-2013, "GET", "/fapi/v1/algoOrder", {"algoId": 1}),
        (-1102, "GET", "/fapi/v1/algoOrder", {}),
        (-1102, "POST", "/fapi/v1/order", {"symbol": "BTCUSDT", "side": "BUY"}),
        (-1130, "POST", "/fapi/v1/algoOrder", {"algoType": "TWAP"}),
        (-2011, "DELETE", "/fapi/v1/order", {"symbol": "BTCUSDT", "orderId": 1}),
        (-1121, "GET", "/fapi/v1/ticker/price", {"symbol": "NONE"}),
    ],
)
def test_refusals(client, code, method, path, parameters):
    """What is wrong with a request is said with the exchange's own code."""
    assert (400, code) == error_of(client.ask_signed(method, path, **parameters))


def test_unknown_paths(client):
    """There is nothing behind a path nobody knows."""
    assert (404, -5000) == error_of(client.ask("GET", "/fapi/v1/nothing"))


def test_prices(client, exchange):
    """The price a test sets is the price the market tells."""
    exchange.set_price("BTCUSDT", "31000")

    assert "31000.00" == client.ask("GET", "/fapi/v1/ticker/price", symbol="BTCUSDT").json()["price"]
    assert len(client.ask("GET", "/fapi/v2/ticker/price").json()) > 1


def test_weights(client):
    """Every answer tells the weight used this minute."""
    answer = client.ask("GET", "/fapi/v1/ping")

    assert "1" == answer.headers["X-MBX-USED-WEIGHT-1M"]


def test_too_much_weight(make_client):
    """Over the limit comes 429 with Retry-After; who goes on is banned, and told until when."""
    with LocalExchange(rules=Rules(weight_per_minute=0)) as strict:
        client = make_client(strict)
        answers = [client.ask("GET", "/fapi/v1/ping") for _ in range(11)]

    assert [429] * 10 + [418] == [each.status_code for each in answers]
    assert {-1003} == {each.json()["code"] for each in answers}
    assert all(1 <= int(each.headers["Retry-After"]) <= 120 for each in answers)
    assert "banned until" in answers[-1].json()["msg"]


def test_too_many_orders(make_client):
    """New orders are counted apart from weight."""
    order = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.001"}
    with LocalExchange(rules=Rules(orders_per_10s=0)) as strict:
        refused = make_client(strict).ask_signed("POST", "/fapi/v1/order", **order)

    assert (429, -1015) == error_of(refused)
    assert "X-MBX-ORDER-COUNT-10S" in refused.headers


def test_requests_are_recorded_without_secrets(client, exchange):
    """Tests count what was asked; no query and no key is kept."""
    key = client.obtain_key()
    client.ask_signed("GET", "/fapi/v3/balance")
    client.ask("GET", f"/fapi/{key}")

    assert [
        ("POST", "/fapi/v1/listenKey"),
        ("GET", "/fapi/v3/balance"),
        ("GET", "/fapi/<key>"),
    ] == [row[1:] for row in exchange.requests]
    assert 1 == exchange.count("POST", "/fapi/v1/listenKey") == exchange.keys_issued


# WebSocket


@pytest.mark.parametrize(
    "path, names, wrapped, listing",
    [
        ("/private/ws/{key}", ORDER_PUSHES, False, ["{key}"]),
        ("/private/ws?listenKey={key}", ORDER_PUSHES, False, ["{key}"]),
        ("/private/ws?listenKey={key}&events=TRADE_LITE", ["TRADE_LITE"], False, ["{key}@TRADE_LITE"]),
        (
            "/private/ws?listenKey={key}&events=TRADE_LITE/ACCOUNT_UPDATE/TYPO",
            ["TRADE_LITE", "ACCOUNT_UPDATE"],
            False,
            ["{key}@ACCOUNT_UPDATE", "{key}@TRADE_LITE", "{key}@TYPO"],
        ),
        ("/private/stream?listenKey={key}", ORDER_PUSHES, True, ["{key}"]),
        ("/private/stream?listenKey={key}&events=TRADE_LITE", ["TRADE_LITE"], True, ["{key}@TRADE_LITE"]),
        ("/private/stream?streams={key}", ORDER_PUSHES, True, ["{key}"]),
        ("/ws/{key}", [], False, ["{key}"]),
        ("/stream?streams={key}", [], True, ["{key}"]),
        ("/public/ws/{key}", [], False, ["{key}"]),
        ("/market/stream?streams={key}", [], True, ["{key}"]),
    ],
)
def test_path_forms(client, exchange, path, names, wrapped, listing):
    """Each form delivers what it promises, raw or wrapped; retired and other routes stay silent."""
    key = client.obtain_key()
    socket = client.connect(path.format(key=key))
    listed = client.control(socket, "LIST_SUBSCRIPTIONS")
    exchange.buy("BTCUSDT", "0.01")
    events = client.events(socket)

    assert {"result": [name.format(key=key) for name in listing], "id": 1} == listed
    assert names == [event.get("data", event)["e"] for event in events]
    assert [wrapped] * len(events) == ["stream" in event for event in events]
    assert all(event["stream"] in (key, f"{key}@{event['data']['e']}") for event in events if wrapped)


@pytest.mark.parametrize("path, wrapped", [("/private/stream", True), ("/private/ws", False)])
@pytest.mark.parametrize("suffix, names", [("", ORDER_PUSHES), ("@TRADE_LITE", ["TRADE_LITE"])])
def test_subscribe(client, exchange, path, wrapped, suffix, names):
    """A key may be subscribed to on an open connection, whole or event by event, and be let go."""
    stream = client.obtain_key() + suffix
    socket = client.connect(path)
    exchange.buy("BTCUSDT", "0.01")
    before = client.events(socket)
    subscribed = client.control(socket, "SUBSCRIBE", [stream])
    exchange.buy("BTCUSDT", "0.01")
    during = client.events(socket)
    client.control(socket, "UNSUBSCRIBE", [stream])
    exchange.buy("BTCUSDT", "0.01")

    assert [] == before
    assert {"result": None, "id": 1} == subscribed
    assert names == [event.get("data", event)["e"] for event in during]
    assert [stream if wrapped else None] * len(during) == [event.get("stream") for event in during]
    assert [] == client.events(socket)


def test_several_keys_on_one_connection(client, exchange, make_client):
    """One connection may hold the keys of several accounts, each with its own events."""
    other = exchange.add_account("other")
    key = client.obtain_key()
    other_key = client.ask("POST", "/fapi/v1/listenKey", api_key=other.api_key).json()["listenKey"]
    socket = client.connect(
        f"/private/stream?listenKey={key}&events=TRADE_LITE&listenKey={other_key}&events=ACCOUNT_UPDATE"
    )
    exchange.buy("BTCUSDT", "0.01")
    other.buy("BTCUSDT", "0.01")

    assert [f"{key}@TRADE_LITE", f"{other_key}@ACCOUNT_UPDATE"] == [event["stream"] for event in client.events(socket)]
    assert (1, 1) == (len(exchange.fills), len(other.fills))
    assert other.api_secret not in repr(other) + repr(exchange)


def test_every_connection_gets_everything(client, exchange):
    """Two connections on one key get the same events."""
    sockets = [client.attach(), client.attach()]
    exchange.buy("BTCUSDT", "0.01")

    assert [ORDER_PUSHES] * 2 == [client.event_names(socket) for socket in sockets]
    assert (2, 2, 1) == (exchange.connections_open, exchange.connections_opened, exchange.keys_issued)


def test_a_bogus_key_opens_and_stays_silent(client, exchange):
    """The handshake proves nothing about the key."""
    socket = client.connect(f"/private/ws/{'x' * 64}")
    client.obtain_key()
    exchange.buy("BTCUSDT", "0.01")

    assert [] == client.events(socket)


def test_properties_and_errors(client, exchange):
    """Wrapping can be switched on an open connection; nonsense is answered as an error and ends nothing."""
    socket = client.attach()
    client.control(socket, "SET_PROPERTY", ["combined", True])
    exchange.transfer("USDT", "5")
    event = json.loads(socket.recv())
    combined = client.control(socket, "GET_PROPERTY", ["combined"])
    socket.send("{nonsense")

    assert "ACCOUNT_UPDATE" == event["data"]["e"]
    assert {"result": True, "id": 1} == combined
    assert 3 == json.loads(socket.recv())["error"]["code"]
    assert 2 == client.control(socket, "DANCE", id=5)["error"]["code"]


def test_paths_without_a_socket(client):
    """A handshake where nothing is served is refused, and so is one with too many streams."""
    with pytest.raises(websocket.WebSocketBadStatusException) as nowhere:
        client.connect("/nowhere")
    with pytest.raises(websocket.WebSocketBadStatusException) as crowded:
        client.connect("/private/stream?streams=" + "/".join(map(str, range(1025))))

    assert (404, 400) == (nowhere.value.status_code, crowded.value.status_code)


def test_client_pings_are_answered(client):
    """A ping comes back with its payload."""
    socket = client.attach()
    socket.ping(b"are you there")
    opcode, frame = socket.recv_data_frame(control_frame=True)

    assert (websocket.ABNF.OPCODE_PONG, b"are you there") == (opcode, frame.data)


def test_server_pings(make_client):
    """The server pings at its interval, and goes on with one who answers."""
    with LocalExchange(rules=Rules(ping_interval=0.15, pong_timeout=0.3)) as brisk:
        polite = make_client(brisk).attach()
        opcodes = [polite.recv_data_frame(control_frame=True)[0] for _ in range(5)]

    assert [websocket.ABNF.OPCODE_PING] * 5 == opcodes


def test_a_client_that_does_not_pong(make_client):
    """Who leaves pings unanswered is cut off."""
    with LocalExchange(rules=Rules(ping_interval=0.15, pong_timeout=0.3)) as brisk:
        rude = make_client(brisk).attach()
        frame = rude.recv_frame()
        while frame.opcode == websocket.ABNF.OPCODE_PING:
            frame = rude.recv_frame()

    assert (websocket.ABNF.OPCODE_CLOSE, b"\x03\xf0") == (frame.opcode, frame.data[:2])


def test_the_24_hour_cut(make_client):
    """A connection ends after its life, whatever it does."""
    with LocalExchange(rules=Rules(connection_life=0.2)) as brief:
        opcode, frame = make_client(brief).attach().recv_data_frame(control_frame=True)

    assert websocket.ABNF.OPCODE_CLOSE == opcode
    assert b"\x03\xe9" == frame.data[:2]


def test_connections_of_one_key_can_be_bounded(make_client):
    """The oldest gives way to one too many; by default a key may be held by any number."""
    with LocalExchange(rules=Rules(connections_per_key=1)) as narrow:
        client = make_client(narrow)
        first, second = client.attach(), client.attach()
        opcode, frame = first.recv_data_frame(control_frame=True)

        assert (websocket.ABNF.OPCODE_CLOSE, b"\x03\xf0") == (opcode, frame.data[:2])
        assert [] == client.events(second)


def test_too_many_messages(client):
    """More than ten messages in a second end the connection."""
    socket = client.attach()
    for _ in range(11):
        socket.ping()
    opcodes = []
    while websocket.ABNF.OPCODE_CLOSE not in opcodes:
        opcodes.append(socket.recv_data_frame(control_frame=True)[0])

    assert [websocket.ABNF.OPCODE_PONG] * 10 + [websocket.ABNF.OPCODE_CLOSE] == opcodes


def test_a_client_that_closes(client, exchange):
    """A close frame is answered with the same code, and the connection is forgotten."""
    socket = client.attach()
    socket.send_close(1000)
    opcode, frame = socket.recv_data_frame(control_frame=True)
    exchange.wait_until(lambda: exchange.connections_open == 0)

    assert (websocket.ABNF.OPCODE_CLOSE, b"\x03\xe8") == (opcode, frame.data)


def test_a_key_runs_out_by_itself(make_client):
    """A key nobody renews expires with a notice; its connection stays open and silent."""
    with LocalExchange(rules=Rules(key_life=0.3)) as brief:
        client = make_client(brief)
        socket = client.attach()
        notice = json.loads(socket.recv())
        brief.buy("BTCUSDT", "0.01")

        assert "listenKeyExpired" == notice["e"]
        assert [] == client.events(socket)


def test_tls(make_client):
    """With a server context it speaks https and wss."""
    authority = trustme.CA()
    server, trusting = _contexts(authority)
    with LocalExchange(ssl_context=server) as secure, authority.cert_pem.tempfile() as authority_file:
        answer = requests.get(f"{secure.rest_url}/fapi/v1/time", verify=authority_file, timeout=20)
        client = make_client(secure)
        key = secure.call(lambda exchange: exchange.obtain_key(exchange.accounts["default"]))
        socket = client.connect(f"/private/ws/{key}", sslopt={"context": trusting})
        secure.buy("BTCUSDT", "0.01")

        addresses = (secure.rest_url[:8], secure.stream_url[:6])
        names = client.event_names(socket)
    # An unclosed transport would say so now.
    gc.collect()

    assert ("https://", "wss://") == addresses
    assert 200 == answer.status_code
    assert ORDER_PUSHES == names


def test_tls_clients_that_leave(make_client):
    """A client that ends first, in words or without, leaves no transport open behind it."""
    server, trusting = _contexts(trustme.CA())
    with LocalExchange(ssl_context=server) as secure:
        client = make_client(secure)
        key = secure.call(lambda exchange: exchange.obtain_key(exchange.accounts["default"]))
        for leave in (websocket.WebSocket.close, websocket.WebSocket.shutdown):
            leave(client.connect(f"/private/ws/{key}", sslopt={"context": trusting}))
        secure.wait_until(lambda: secure.connections_open == 0)
    # An unclosed transport would say so now.
    gc.collect()

    assert 2 == secure.connections_opened


def _contexts(authority):
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(server)
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    return server, trusting


def test_nothing_secret_is_logged(client, exchange, caplog):
    """Neither the library's loggers nor the exchange's own lines hold a key or a signature."""
    caplog.set_level(logging.DEBUG, "aiohttp")
    lines = []
    with LocalExchange(seed=5, log=lines.append) as talkative:
        talker = attrs.evolve(client, exchange=talkative)
        socket = talker.attach()
        talker.ask_signed("GET", "/fapi/v3/balance")
        key = talker.obtain_key()
        socket.shutdown()
        text = "\n".join(lines) + caplog.text

    assert "connected: /private/ws/<key> (path)" in lines
    for secret in (key, talkative.api_key, talkative.api_secret, "signature"):
        assert secret not in text
