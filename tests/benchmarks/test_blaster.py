"""The exchange of the benchmark speaks HTTP and WebSocket as clients need it."""

from __future__ import annotations

import contextlib
import json
import socket
import threading

import pytest

from tests.benchmarks.blaster import Exchange, Story, answer

KEY = "/fapi/v1/listenKey"

#: What a client sends is masked; with a mask of zeros it reads like what is meant.
MASK = b"\0\0\0\0"


@pytest.fixture(scope="module")
def story():
    """A hundred frames."""
    return Story(100)


@pytest.fixture
def connect(story):
    """Opens connections to a running exchange; behind the handshake when a path is named."""
    port = Exchange(story).listen(None)
    with contextlib.ExitStack() as closing:

        def open_one(path=None):
            sock = closing.enter_context(socket.create_connection(("127.0.0.1", port), timeout=20))
            if path is not None:
                sock.sendall(f"GET {path} HTTP/1.1\r\nUpgrade: websocket\r\nSec-WebSocket-Key: x\r\n\r\n".encode())
                head = b""
                while not head.endswith(b"\r\n\r\n"):
                    head += sock.recv(1)
                assert head.startswith(b"HTTP/1.1 101 ")
            return sock

        yield open_one


def read(sock, count):
    """Read so many bytes."""
    data = b""
    while len(data) < count:
        data += sock.recv(count - len(data))
    return data


def read_frame(sock):
    """Read one frame of the server; returns opcode and payload."""
    first, length = read(sock, 2)
    return first & 0x0F, read(sock, int.from_bytes(read(sock, 2), "big") if length == 126 else length)


def ask(connect, path):
    """Send an order by HTTP, and return the answer's JSON."""
    sock = connect()
    sock.sendall(f"POST {path} HTTP/1.1\r\nConnection: close\r\n\r\n".encode())
    text = b"".join(iter(lambda: sock.recv(65536), b""))
    return json.loads(text.partition(b"\r\n\r\n")[2])


def test_answers(story):
    """The account is flat, and the clock stands before the first frame whenever a key was granted."""
    status, granted = answer("POST", KEY, story)
    _, probed = answer("PUT", KEY, story)
    _, told = answer("GET", "/fapi/v1/time", story)

    assert 200 == status
    assert granted == probed
    assert 0 <= told["serverTime"] - story.began_ms < 20_000
    assert (200, []) == answer("GET", "/fapi/v3/positionRisk", story)
    assert -2013 == answer("GET", "/fapi/v1/order", story)[1]["code"]
    assert ["USDT", "BNB"] == [row["asset"] for row in answer("GET", "/fapi/v3/balance", story)[1]]


@pytest.mark.parametrize("path, is_wrapped", [("/private/ws?listenKey=x", False), ("/private/stream", True)])
def test_blast_and_pace(connect, story, path, is_wrapped):
    """What is sent are the frames in order, first at once, then one at a time, wrapped where a client expects that."""
    listener = connect(path)
    blasted = ask(connect, "/blast?frames=60")
    paced = ask(connect, "/pace?frames=40&per_second=1000")
    told = [json.loads(read_frame(listener)[1]) for _ in range(100)]
    events = [one["data"] if is_wrapped else one for one in told]

    assert [story.told_ms(number) for number in range(100)] == [event["E"] for event in events]
    assert events[59]["E"] == blasted["last_ms"]
    assert events[99]["E"] == paced["last_ms"]
    assert 40 == len(paced["sent_ns"])
    assert sorted(paced["sent_ns"]) == paced["sent_ns"]


def test_what_a_client_says(connect):
    """Pings are answered, and so are requests for the list of subscriptions."""
    listener = connect("/private/ws?listenKey=x")
    request = json.dumps({"method": "LIST_SUBSCRIPTIONS", "id": 3}).encode()
    listener.sendall(b"\x89\x82" + MASK + b"hi" + bytes([0x81, 0x80 | len(request)]) + MASK + request)
    pong, reply = read_frame(listener), read_frame(listener)

    assert (10, b"hi") == pong
    assert 3 == json.loads(reply[1])["id"]
    assert answer("PUT", KEY, Story(0))[1]["listenKey"] in json.loads(reply[1])["result"]


def test_nobody_listens(connect):
    """An order is answered at once when there is nobody to send anything to."""
    assert {} == ask(connect, "/blast?frames=60")


def test_connections_do_not_wait_for_each_other(connect):
    """Who asks by HTTP is answered while another one listens."""
    connect("/private/ws?listenKey=x")
    answers = []
    threads = [threading.Thread(target=lambda: answers.append(ask(connect, KEY))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)

    assert 3 == len(answers)
