"""Every fault against the running exchange, and the weather drawn from them."""

import contextlib
import http.client
import json
import random
import time
from urllib.parse import urlsplit

import attrs
import pytest
import requests
import websocket

from binance_uds.simulator import LocalExchange, faults

TEXT, BINARY = websocket.ABNF.OPCODE_TEXT, websocket.ABNF.OPCODE_BINARY
PING, CLOSE = websocket.ABNF.OPCODE_PING, websocket.ABNF.OPCODE_CLOSE

LISTEN_KEY = "/fapi/v1/listenKey"
IMPATIENCE_S = 0.3
#: Generous: what a test waits for comes within milliseconds, or is broken.
PATIENCE_S = 20.0


def keep_key(client):
    """Status and body of a PUT."""
    response = client.ask("PUT", LISTEN_KEY)
    return response.status_code, response.json()


GONE = (400, {"code": -1125, "msg": "This listenKey does not exist."})


# Keys


@pytest.mark.parametrize("notices", [0, 1, 2])
def test_an_expired_key(client, exchange, notices):
    """A key expires with as many notices as asked for; its connection stays open and silent."""
    socket = client.attach()
    key = client.obtain_key()
    exchange.faults.expire_key(notices)
    exchange.buy("BTCUSDT", "0.01")
    events = client.events(socket)

    assert [("listenKeyExpired", key)] * notices == [(event["e"], event["listenKey"]) for event in events]
    assert keep_key(client) == GONE
    assert key != client.obtain_key()


def test_the_filter_hides_the_notice_too(client, exchange):
    """Who does not list listenKeyExpired is not told."""
    key = client.obtain_key()
    deaf = client.connect(f"/private/ws?listenKey={key}&events=ACCOUNT_UPDATE")
    hearing = client.connect(f"/private/ws?listenKey={key}&events=ACCOUNT_UPDATE/listenKeyExpired")
    exchange.faults.expire_key()

    assert ([], ["listenKeyExpired"]) == (client.event_names(deaf), client.event_names(hearing))


def test_expiry_of_one_account(client, exchange):
    """A fault can be about one account and leave the others alone."""
    exchange.add_account("other")
    key = client.obtain_key()
    exchange.faults.expire_key(account="other")

    assert (200, {"listenKey": key}) == keep_key(client)


def test_a_neighbour_deletes_the_key(client, exchange):
    """The key dies without a word on the stream."""
    socket = client.attach()
    exchange.faults.neighbour_deletes_key()
    exchange.buy("BTCUSDT", "0.01")

    assert [] == client.events(socket)
    assert keep_key(client) == GONE


def test_a_neighbour_swaps_the_key(client, exchange):
    """PUT succeeds, but for another key, and the old connection is silent."""
    socket = client.attach()
    key = client.obtain_key()
    exchange.faults.neighbour_swaps_key()
    status, body = keep_key(client)
    exchange.buy("BTCUSDT", "0.01")

    assert 200 == status
    assert key != body["listenKey"]
    assert [] == client.events(socket)


def test_expiry_right_after_connecting(client, exchange):
    """Each connection hears at once that its key has expired, as often as asked for."""
    exchange.faults.inject(faults.ExpireAgain(count=2))
    unlucky = [client.event_names(client.attach()) for _ in range(3)]

    assert [["listenKeyExpired"], ["listenKeyExpired"], []] == unlucky


def test_expiry_right_after_subscribing(client, exchange):
    """Who subscribes on an open connection hears it too."""
    exchange.faults.inject(faults.ExpireAgain())
    socket = client.connect("/private/stream")
    client.control(socket, "SUBSCRIBE", [client.obtain_key()])

    assert ["listenKeyExpired"] == client.event_names(socket)


def test_a_key_that_is_dead_already(client, exchange):
    """POST answers a key that is good for nothing, once."""
    exchange.faults.inject(faults.IssueDeadKey())
    dead = client.obtain_key()

    assert keep_key(client) == GONE
    assert dead != client.obtain_key()


def test_put_without_a_key_in_the_answer(client, exchange):
    """PUT may answer nothing, and have done its work."""
    key = client.obtain_key()
    exchange.faults.inject(faults.OmitKeyInPut())

    assert (200, {}) == keep_key(client)
    assert (200, {"listenKey": key}) == keep_key(client)


# Connections


def test_reset(client, exchange):
    """A reset ends the connection with an error of the operating system."""
    socket = client.attach()
    exchange.faults.drop("reset")

    with pytest.raises(ConnectionResetError):
        socket.recv()
    exchange.wait_until(lambda: exchange.connections_open == 0)


def test_fin(client, exchange):
    """A FIN ends the connection without a close frame."""
    socket = client.attach()
    exchange.faults.drop("fin")

    with pytest.raises(websocket.WebSocketConnectionClosedException):
        socket.recv_data_frame(control_frame=True)


def test_a_cut_frame(client, exchange):
    """A connection may end in the middle of a frame."""
    socket = client.attach()
    exchange.faults.drop("cut")

    assert b"\x81" == socket.sock.recv(1)
    assert 0 < len(read_to_the_end(socket)) < 50


def read_to_the_end(socket):
    """Read raw bytes until the server has closed."""
    rest = b""
    while chunk := socket.sock.recv(4096):
        rest += chunk
    return rest


@pytest.mark.parametrize("code, payload", [(1001, b"\x03\xe9"), (1006, b"\x03\xee"), (None, b"")])
def test_close_frames(client, exchange, code, payload):
    """A close frame carries any code, or none."""
    socket = client.attach()
    exchange.faults.drop("close", code)

    assert bytes([0x88, len(payload)]) + payload == read_to_the_end(socket)


def test_half_open(client, exchange):
    """A black hole takes what it is sent and answers nothing, while new connections work."""
    swallowed = client.attach()
    exchange.faults.half_open()
    swallowed.ping()
    swallowed.send('{"method":"LIST_SUBSCRIPTIONS","id":1}')
    swallowed.send_close(1000)
    exchange.buy("BTCUSDT", "0.01")
    exchange.set_price("BTCUSDT", "31000")
    fresh = client.attach()
    exchange.buy("BTCUSDT", "0.01")
    names = client.event_names(fresh)
    # Everything the fresh connection got was sent after what the black hole would have got.
    swallowed.settimeout(IMPATIENCE_S)

    assert 4 == len(names)
    with pytest.raises(websocket.WebSocketTimeoutException):
        swallowed.recv_frame()
    assert 2 == exchange.connections_open


def test_a_refused_handshake(client, exchange):
    """A handshake may be refused with any status, as often as asked for."""
    exchange.faults.refuse_handshake(403)

    with pytest.raises(websocket.WebSocketBadStatusException) as refused:
        client.attach()
    assert 403 == refused.value.status_code
    assert client.attach().connected


def test_a_handshake_that_never_ends(client, exchange):
    """A handshake may stay unanswered."""
    exchange.faults.inject(faults.StallHandshake())

    with pytest.raises(websocket.WebSocketTimeoutException):
        websocket.create_connection(f"{exchange.stream_url}/stream", timeout=IMPATIENCE_S)
    assert client.attach().connected


@pytest.mark.parametrize("listing, listed", [("empty", []), ("named", ["{key}"])])
def test_a_silent_plan(client, exchange, listing, listed):
    """One form opens and never delivers, whatever LIST_SUBSCRIPTIONS says; the others deliver."""
    key = client.obtain_key()
    exchange.faults.silent_plan("path", listing)
    deaf = client.connect(f"/private/ws/{key}")
    hearing = client.connect(f"/private/ws?listenKey={key}")
    exchange.buy("BTCUSDT", "0.01")

    assert [name.format(key=key) for name in listed] == client.control(deaf, "LIST_SUBSCRIPTIONS")["result"]
    assert 4 == len(client.event_names(hearing))


def test_a_silent_plan_that_does_not_even_list(client, exchange):
    """LIST_SUBSCRIPTIONS itself may stay unanswered; other requests are not."""
    exchange.faults.silent_plan(listing="none")
    socket = client.attach()
    socket.send('{"method":"LIST_SUBSCRIPTIONS","id":1}')

    assert {"result": False, "id": 2} == client.control(socket, "GET_PROPERTY", ["combined"], id=2)


def test_a_ping_flood(client, exchange):
    """The pongs a flood provokes are not held against the client."""
    socket = client.attach()
    exchange.faults.inject(faults.PingFlood(count=100))
    opcodes = [socket.recv_data_frame(control_frame=True)[0] for _ in range(100)]
    exchange.buy("BTCUSDT", "0.01")

    assert [PING] * 100 == opcodes
    assert 4 == len(client.events(socket))


# Frames


@pytest.mark.parametrize(
    "data, binary, opcode, payload",
    [
        ("{not json", False, TEXT, b"{not json"),
        (b"\xff\xfe", False, TEXT, b"\xff\xfe"),
        ("\ud800", False, TEXT, b"\xed\xa0\x80"),
        ("", True, BINARY, b""),
        ('{"e":"serverShutdown","E":1}', False, TEXT, b'{"e":"serverShutdown","E":1}'),
    ],
)
def test_garbage(client, exchange, data, binary, opcode, payload):
    """Any payload may come in a frame."""
    socket = client.attach()
    exchange.faults.garbage(data, binary=binary)
    frame = socket.recv_frame()

    assert (opcode, payload) == (frame.opcode, frame.data)


def test_raw_bytes(client, exchange):
    """Anything at all may come instead of a frame."""
    socket = client.attach()
    exchange.faults.inject(faults.RawBytes(b"\xf3\x00"))

    assert b"\xf3\x00" == socket.sock.recv(2)


def test_fragments(client, exchange):
    """An event may come in fragments with a ping between them, and is whole in the end."""
    socket = client.attach()
    exchange.faults.inject(faults.FragmentFrames(pieces=3))
    exchange.transfer("USDT", "1")
    opcodes = []
    while TEXT not in opcodes:
        opcode, frame = socket.recv_data_frame(control_frame=True)
        opcodes.append(opcode)

    assert [PING, PING, TEXT] == opcodes
    assert "ACCOUNT_UPDATE" == json.loads(frame.data)["e"]


def test_lost_and_repeated_frames(client, exchange):
    """An event may be lost, or come twice, on a healthy connection."""
    socket = client.attach()
    exchange.faults.lose_frame(event="TRADE_LITE")
    exchange.faults.inject(faults.RepeatFrame("ACCOUNT_UPDATE"))
    exchange.buy("BTCUSDT", "0.01")

    assert ["ORDER_TRADE_UPDATE"] * 2 + ["ACCOUNT_UPDATE"] * 2 == client.event_names(socket)
    assert 1 == len(exchange.fills)


# REST


@pytest.mark.parametrize(
    "status, code, words",
    [
        (400, -1000, "unknown error"),
        (401, -2015, "Invalid API-key"),
        (403, -1002, "not authorized"),
        (408, -1007, "unknown"),
        (418, -1003, "banned until"),
        (429, -1003, "Too many requests"),
        (500, -1000, "unknown error"),
        (503, -1008, "throttled"),
    ],
)
def test_failures(client, exchange, status, code, words):
    """Each status comes with the words it usually has, as often as asked for, and nothing was done."""
    exchange.faults.fail_rest(status, retry_after=7, path=LISTEN_KEY)
    unaffected = client.ask("GET", "/fapi/v1/time")
    failure = client.ask("POST", LISTEN_KEY)

    assert 200 == unaffected.status_code
    assert (status, code, "7") == (
        failure.status_code,
        failure.json()["code"],
        failure.headers["Retry-After"],
    )
    assert words in failure.json()["msg"]
    assert 0 == exchange.keys_issued
    assert client.obtain_key()


def test_a_failure_that_acted(client, exchange):
    """A failed request may have been carried out all the same."""
    exchange.faults.fail_rest(503, code=-1000, message="Unknown error", acts_first=True, method="POST")
    failure = client.ask("POST", LISTEN_KEY)

    assert (503, {"code": -1000, "msg": "Unknown error"}) == (failure.status_code, failure.json())
    assert 1 == exchange.keys_issued


@pytest.mark.parametrize("body", ["", "<html>Bad Gateway</html>", '{"listenKey":'])
def test_answers_that_are_no_json(client, exchange, body):
    """A failure may have any body."""
    exchange.faults.fail_rest(200, body=body)

    assert body == client.ask("POST", LISTEN_KEY).text


def test_failing_until_cleared(client, exchange):
    """Without a count a fault stays until it is cleared."""
    exchange.faults.fail_rest(500, count=None)
    statuses = [client.ask("GET", "/fapi/v1/ping").status_code for _ in range(3)]
    exchange.faults.clear()

    assert [500] * 3 == statuses
    assert 200 == client.ask("GET", "/fapi/v1/ping").status_code


def test_a_slow_answer(client, exchange):
    """An answer comes late, and not before its time."""
    exchange.faults.slow_rest(IMPATIENCE_S)
    before = time.monotonic()
    status = client.ask("POST", LISTEN_KEY).status_code

    assert 200 == status
    assert IMPATIENCE_S <= time.monotonic() - before


@pytest.mark.parametrize("acts_first, keys", [(True, 1), (False, 0)])
def test_what_a_slow_answer_was_about(client, exchange, acts_first, keys):
    """A request whose answer is late was carried out or not; others are not held up meanwhile."""
    exchange.faults.slow_rest(3600, acts_first=acts_first, path=LISTEN_KEY)
    url = exchange.rest_url + LISTEN_KEY
    with pytest.raises(requests.exceptions.ReadTimeout):
        requests.post(url, headers={"X-MBX-APIKEY": exchange.api_key}, timeout=IMPATIENCE_S)
    exchange.wait_until(lambda: exchange.count("POST", LISTEN_KEY) == 1)

    assert 200 == client.ask("GET", "/fapi/v1/ping").status_code
    assert keys == exchange.keys_issued


def test_an_answer_that_never_comes(exchange):
    """A request may hang, and the exchange still stops at once."""
    exchange.faults.hang_rest()
    with pytest.raises(requests.exceptions.ReadTimeout):
        requests.get(exchange.rest_url + "/fapi/v1/ping", timeout=IMPATIENCE_S)
    before = time.monotonic()
    exchange.stop()

    assert 5 > time.monotonic() - before


def test_a_redirect(client, exchange):
    """An answer may point to another host."""
    exchange.faults.inject(faults.RedirectRest("http://127.0.0.2:9"))
    answer = client.ask("POST", LISTEN_KEY)

    assert (302, f"http://127.0.0.2:9{LISTEN_KEY}") == (answer.status_code, answer.headers["Location"])


def test_a_truncated_answer(client, exchange):
    """A body may end too early, in the middle of what its head announces."""
    exchange.faults.inject(faults.TruncateRest())
    # Not by requests, which takes a short body for a whole one where it stands on urllib3 1.26.
    address = urlsplit(exchange.rest_url).netloc
    with contextlib.closing(http.client.HTTPConnection(address, timeout=PATIENCE_S)) as connection:
        connection.request("POST", LISTEN_KEY, headers={"X-MBX-APIKEY": exchange.api_key})
        with pytest.raises(http.client.IncompleteRead) as caught:
            connection.getresponse().read()
    came, missing = len(caught.value.partial), caught.value.expected

    assert caught.value.partial.startswith(b'{"listenKey":"')
    assert (came + missing) // 2 == came
    assert 1 == exchange.keys_issued


def test_lagging_reads(client, exchange):
    """REST may show the past while the stream shows the present."""
    socket = client.attach()
    exchange.faults.lag_reads(seconds=60)
    exchange.buy("BTCUSDT", "0.01")
    stale = client.ask_signed("GET", "/fapi/v1/userTrades", symbol="BTCUSDT").json()
    exchange.faults.clear()

    assert 4 == len(client.event_names(socket))
    assert [] == stale
    assert 1 == len(client.ask_signed("GET", "/fapi/v1/userTrades", symbol="BTCUSDT").json())


# Injecting


def test_history(exchange):
    """Each fault is dated by the exchange's clock."""
    exchange.faults.drop()
    exchange.faults.inject(faults.HangRest())
    now_ms = exchange.call(lambda model: model.now_ms)

    assert [faults.DropConnections(), faults.HangRest()] == [fault for _, fault in exchange.faults.history]
    assert all(0 <= now_ms - at_ms < 60_000 for at_ms, _ in exchange.faults.history)


def test_playing_weather(client, exchange):
    """A schedule happens by itself."""
    socket = client.attach()
    exchange.faults.play([(0.0, faults.ExpireKey()), (3600.0, faults.HalfOpen())])

    assert "listenKeyExpired" == json.loads(socket.recv())["e"]


def test_weather_that_is_called_off(exchange):
    """Cleared weather does not happen."""

    def play_and_clear(model):
        exchange.faults.play([(0.0, faults.HalfOpen())])
        exchange.faults.clear()

    exchange.call(play_and_clear)
    # What is due now would come before what is asked next.
    exchange.call(lambda model: None)

    assert [] == exchange.faults.history


def test_unknown_accounts_are_named(exchange):
    """A fault about an account that does not exist is the test's mistake."""
    with pytest.raises(KeyError):
        exchange.faults.expire_key(account="nobody")


# Weather


def test_weather_depends_on_nothing_but_its_seed():
    """Equal seeds give equal weather, others give other weather."""
    one, again, other = (faults.schedule(seed, duration=7200) for seed in (1, 1, 2))

    assert one == again
    assert one != other


def test_weather_is_dense_and_in_order():
    """Faults come at the mean interval, in order of time, within the duration."""
    times = [at_s for at_s, _ in faults.schedule(1, duration=60_000, mean_interval=60)]

    assert sorted(times) == times
    assert 0 < times[0] < times[-1] < 60_000
    assert 800 < len(times) < 1200


def test_every_kind_is_drawn():
    """Nothing in the table is forgotten, and a choice of kinds keeps to it."""
    drawn = {type(fault) for _, fault in faults.schedule(1, duration=600_000)}
    chosen = {type(fault) for _, fault in faults.schedule(1, duration=60_000, kinds=["half_open"])}

    assert {type(kind.draw(random.Random(0))) for kind in faults.FAULTS.values()} == drawn
    assert {faults.HalfOpen} == chosen


def test_every_fault_class_is_in_the_table():
    """A new fault class belongs into the table as well."""
    bases = {faults.Fault, faults.LastingFault, faults.RestFault}
    classes = {
        each
        for each in vars(faults).values()
        if attrs.has(each) and isinstance(each, type) and issubclass(each, faults.Fault)
    }

    assert classes - bases == {type(kind.draw(random.Random(0))) for kind in faults.FAULTS.values()}


def test_every_kind_of_weather_can_happen(make_client):
    """The running exchange knows how to act on everything that can be drawn, and survives all of it."""
    chance = random.Random(1)
    with LocalExchange(seed=3) as stormy:
        client = make_client(stormy)
        for kind in faults.FAULTS.values():
            client.attach()
            stormy.faults.inject(kind.draw(chance))
            stormy.buy("BTCUSDT", "0.001")
            stormy.faults.clear()

        assert len(faults.FAULTS) == len(stormy.faults.history) == len(stormy.fills)


def test_mistaken_faults_are_refused():
    """A manner or a listing nobody knows is noticed when the fault is made."""
    with pytest.raises(ValueError):
        faults.DropConnections("gently")
    with pytest.raises(ValueError):
        faults.SilentPlan(listing="loud")
