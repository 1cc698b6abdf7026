"""The WebSocket edge against a server that sends exactly the bytes it is told to."""

from __future__ import annotations

import logging
import os
import pickle
import select
import ssl
import threading
import time
import traceback
from collections.abc import Iterator
from typing import Any, Callable

import pytest

from binance_uds.credentials import Secret
from binance_uds.edges import wire as edge
from binance_uds.edges.buffered import Buffered
from binance_uds.edges.wire import Closed, Ping, Pong, Wire
from binance_uds.errors import ConfigurationError, StreamInterrupted

LISTEN_KEY = "CanaryListenKey" + "l" * 49
HOUR = 3600.0
LIMIT_S = 20.0


@pytest.fixture
def open_wire(tls: Any) -> Iterator[Callable[..., Wire]]:
    made: list[Wire] = []

    def make(url: Any, **options: Any) -> Wire:
        options.setdefault("timeout", 15.0)
        options.setdefault("context", tls["client"])
        made.append(Wire.open(url, **options))
        return made[-1]

    yield make
    for wire in made:
        wire.close()


def read(wire: Wire, enough: Callable[[list[Any]], bool]) -> list[Any]:
    """Read the way a loop does, until there is enough."""
    messages: list[Any] = []
    end = time.monotonic() + LIMIT_S
    while not enough(messages):
        assert time.monotonic() < end
        if not wire.has_pending:
            select.select([wire], [wire] if wire.wants_write else [], [], 1.0)
        messages += wire.receive()
    return messages


def read_to_end(wire: Wire) -> tuple[list[Any], str]:
    """Read until the connection ends; returns the messages and the reason."""
    messages: list[Any] = []
    with pytest.raises(StreamInterrupted) as caught:
        read(wire, lambda new: messages.extend(new[len(messages) :]) or False)
    return messages, caught.value.reason


def count(number: int) -> Callable[[list[Any]], bool]:
    return lambda messages: len(messages) >= number


def send_and_wait(*parts: bytes) -> Callable[[Any], None]:
    """A handler that shakes hands, sends these bytes, each by itself, and waits for the client to leave."""

    def handle(peer: Any) -> None:
        peer.shake_hands()
        for part in parts:
            peer.send(part)
        peer.wait_for_end()

    return handle


def send_and_leave(data: bytes) -> Callable[[Any], None]:
    def handle(peer: Any) -> None:
        peer.shake_hands()
        peer.send(data)

    return handle


def failure(call: Callable[[], Any]) -> Any:
    with pytest.raises((StreamInterrupted, ConfigurationError)) as caught:
        call()
    return caught.value


def test_the_handshake_asks_for_the_url_and_tells_nothing_else(serve, open_wire):
    """Path and query arrive as they are; no API key, Origin or cookie is sent."""
    server = serve(send_and_wait())
    open_wire(server.url("ws", f"/private/ws?listenKey={LISTEN_KEY}&events=A/B"))
    names = {line.split(":")[0] for line in server.heads[0].split("\r\n")[1:]}

    assert server.heads[0].startswith(f"GET /private/ws?listenKey={LISTEN_KEY}&events=A/B HTTP/1.1\r\n")
    assert {
        "Upgrade",
        "Host",
        "Sec-WebSocket-Key",
        "Sec-WebSocket-Version",
        "Connection",
    } == names


def test_ctrl_c_in_the_midst_of_the_handshake_leaves_no_socket(serve, open_wire, monkeypatch):
    """It comes where a stream runs in the user's own thread."""
    taken: list[Any] = []

    def interrupted(ws: Any, url: str, connection: Any) -> None:
        taken.append(connection)
        raise KeyboardInterrupt

    monkeypatch.setattr(Buffered, "open", interrupted)
    server = serve(lambda peer: peer.wait_for_end())
    with pytest.raises(KeyboardInterrupt):
        open_wire(server.url("ws"))

    assert [-1] == [connection.fileno() for connection in taken]


@pytest.mark.parametrize("scheme", ["ws", "wss"])
def test_bytes_right_behind_the_101_are_not_lost(serve, open_wire, frames, tls, scheme):
    """A frame in the same segment or record as the handshake's answer is the first message."""

    def handle(peer):
        peer.shake_hands(behind=frames.frame(b"first") + frames.frame(b"second"))
        peer.wait_for_end()

    server = serve(handle, tls["server"] if scheme == "wss" else None)
    wire = open_wire(server.url(scheme))

    assert wire.has_pending
    assert [b"first", b"second"] == read(wire, count(2))


@pytest.mark.fault(41)
def test_frames_cut_at_every_byte_come_out_whole(serve, open_wire, frames):
    """Wherever the network cuts, header, length or payload, the messages are the same."""
    sent = [b"", b"a", b"x" * 125, b"y" * 126, b"z" * 300]
    data = b"".join(map(frames.frame, sent)) + frames.frame(b"", 9)
    data += frames.frame(b"he", final=False) + frames.frame(b"p", 10) + frames.frame(b"llo", 0)
    data += frames.frame(b"\xff\x00", 2)
    expected = [*sent, Ping(), Pong(b"p"), b"hello", b"\xff\x00"]
    gates = threading.Semaphore(0)

    def handle(peer):
        peer.shake_hands()
        for at in range(len(data)):
            assert gates.acquire(timeout=LIMIT_S)
            peer.send(data[at : at + 1])
        peer.wait_for_end()

    wire = open_wire(serve(handle).url("ws"))
    received = wire.receive()
    for _ in data:
        gates.release()
        assert select.select([wire], [], [], LIMIT_S)[0]
        received += wire.receive()

    assert expected == received
    assert wire.drained


def test_a_large_message_takes_the_slow_way(serve, open_wire, frames):
    """Messages beyond 64 KiB, with their eight-byte length, arrive too."""
    data = os.urandom(200_000)
    wire = open_wire(serve(send_and_wait(frames.frame(data) + frames.frame(b"next"))).url("ws"))

    assert [data, b"next"] == read(wire, count(2))


@pytest.mark.fault(40)
def test_many_frames_in_one_tls_record_need_no_further_wake_up(serve, open_wire, frames, tls):
    """What OpenSSL has decrypted already is read, although select would say that nothing is there."""
    sent = [str(n).encode() for n in range(500)]
    server = serve(send_and_wait(b"".join(map(frames.frame, sent))), tls["server"])
    wire = open_wire(server.url("wss"))
    messages = read(wire, count(1))
    while wire.has_pending:
        messages += wire.receive()

    assert sent == messages
    assert wire.drained


def test_tls_session_tickets_are_not_messages(serve, open_wire, tls, frames):
    """After a TLS 1.3 handshake the socket looks readable; receive finds nothing and does not block."""
    go = threading.Event()

    def handle(peer):
        peer.shake_hands()
        assert go.wait(LIMIT_S)
        peer.send(frames.frame(b"now"))
        peer.wait_for_end()

    wire = open_wire(serve(handle, tls["server"]).url("wss"))

    assert [] == wire.receive()
    assert wire.drained
    go.set()
    assert [b"now"] == read(wire, count(1))


def test_pings_are_answered_once_for_all_that_came_together(serve, open_wire, frames):
    """Of several pings the last is answered, with its payload; our own ping's pong is handed out."""
    got: list[tuple[int, bytes]] = []

    def handle(peer):
        peer.shake_hands(behind=b"".join(frames.frame(str(n).encode(), 9) for n in range(5)))
        got.append(peer.read_frame())
        got.append(peer.read_frame())
        peer.send(frames.frame(got[-1][1], 10))
        peer.wait_for_end()

    wire = open_wire(serve(handle).url("ws"))
    wire.receive()
    wire.send_ping(b"ours")
    pongs = read(wire, count(1))

    assert [(10, b"4"), (9, b"ours")] == got
    assert [Pong(b"ours")] == pongs


@pytest.mark.fault(45)
def test_a_flood_of_pings_delays_nothing(serve, open_wire, frames):
    """One receive works through a bounded number of frames, and data between the pings comes through."""
    flood = frames.frame(b"", 9) * 100_000
    server = serve(send_and_wait(flood + frames.frame(b"data") + flood))
    wire = open_wire(server.url("ws"))
    turns, messages = 0, []
    while not messages or isinstance(messages[-1], Ping):
        if not wire.has_pending:
            assert select.select([wire], [], [], LIMIT_S)[0]
        messages += (message for message in wire.receive() if message not in messages)
        turns += 1

    assert [Ping(), b"data"] == messages
    assert turns >= 100_000 // edge._MAX_FRAMES


def test_a_backlog_of_tiny_texts_is_handed_out_in_turns(serve, open_wire, frames):
    """The limit counts texts as well, and what waits makes has_pending true."""
    number = 3 * edge._MAX_FRAMES
    server = serve(send_and_wait(frames.frame(b"") * number))
    wire = open_wire(server.url("ws"))
    sizes, total = [], 0
    while total < number:
        if not wire.has_pending:
            assert select.select([wire], [], [], LIMIT_S)[0]
        messages = wire.receive()
        assert wire.drained != wire.has_pending
        sizes.append(len(messages))
        total += len(messages)

    assert number == total
    assert max(sizes) <= edge._MAX_FRAMES


@pytest.mark.fault(25, 47)
@pytest.mark.parametrize(
    ("code", "reason"),
    [(1000, b""), (1001, b"bye"), (1008, b"two\nlines"), (1011, b"\xff"), (1012, b""), (1013, b""), (None, b"")],
)
def test_a_close_frame_is_handed_out_with_its_code(serve, open_wire, frames, code, reason):
    """The peer's close is a message, answered by ours; what comes behind it counts for nothing."""
    answers: list[tuple[int, bytes]] = []

    def handle(peer):
        peer.shake_hands()
        peer.send(frames.frame(b"last") + frames.close(code, reason) + frames.frame(b"too late"))
        answers.append(peer.read_frame())

    server = serve(handle)
    wire = open_wire(server.url("ws"))
    messages, why = read_to_end(wire)
    server.wait()
    words = {b"": "", b"bye": "bye", b"two\nlines": "two lines", b"\xff": "�"}[reason]

    assert [b"last", Closed(code, words)] == messages
    assert f"the peer closed the connection ({code or 'no code'})" == why
    assert [(8, b"\x03\xe8")] == answers


def test_nothing_is_sent_behind_our_close_frame(serve, open_wire, frames):
    """A ping that came with the peer's close is not answered any more."""
    answers: list[tuple[int, bytes]] = []

    def handle(peer):
        peer.shake_hands(behind=frames.frame(b"ping", 9) + frames.close(1001))
        while not answers or answers[-1][0] >= 0:
            answers.append(peer.read_frame())

    server = serve(handle)
    wire = open_wire(server.url("ws"))
    messages, _ = read_to_end(wire)
    wire.close()
    server.wait()

    assert [Ping(), Closed(1001, "")] == messages
    assert [(8, b"\x03\xe8"), (-1, b"")] == answers


@pytest.mark.fault(25, 42)
@pytest.mark.parametrize("ending", ["close", "reset"])
def test_a_connection_that_ends_without_a_close_frame(serve, open_wire, frames, ending):
    """What came whole is handed out first; half a frame is lost; then the reason follows."""

    def handle(peer):
        peer.shake_hands()
        peer.send(frames.frame(b"whole") + frames.frame(b"half", announced=10))
        if ending == "reset":
            assert peer.read_frame() == (9, b"seen")
            peer.reset()

    wire = open_wire(serve(handle).url("ws"))
    first = read(wire, count(1))
    if ending == "reset":
        wire.send_ping(b"seen")
    rest, why = read_to_end(wire)

    assert [b"whole"] == first
    assert [] == rest
    assert why in (
        "the peer closed the connection without a close frame",
        "the connection was lost: closed by the other side",
    )
    assert why == failure(wire.receive).reason


BAD_FRAMES = {
    "oversized": (b"\x81\x7f" + (1 << 40).to_bytes(8, "big"), "a message of more than 1048576 bytes"),
    "largest of all": (b"\x81\x7f" + b"\xff" * 8, "a message of more than 1048576 bytes"),
    "reserved bits": (b"\xc1\x01a", "reserved bits are set"),
    "bad opcode": (b"\x83\x00", "opcode 3 does not exist"),
    "masked": (b"\x81\x81abcda", "a server's frames must not be masked"),
    "long ping": (b"\x89\x7e\x00\x7e", "a control frame is too long or cut in pieces"),
    "ping in pieces": (b"\x09\x00", "a control frame is too long or cut in pieces"),
    "stray continuation": (b"\x80\x00", "Illegal frame"),
    "text behind a ping inside a message": (b"\x01\x01a\x89\x00\x81\x01b", "Illegal frame"),
    "text inside a message": (b"\x01\x01a\x81\x01b", "Illegal frame"),
    "bad close code": (b"\x88\x02\x03\xed", "Invalid close opcode"),
    "close of one byte": (b"\x88\x01\x03", "Invalid close frame."),
}


@pytest.mark.fault(44, 45)
@pytest.mark.parametrize(("data", "words"), BAD_FRAMES.values(), ids=BAD_FRAMES)
def test_a_peer_that_breaks_the_protocol(serve, open_wire, frames, data, words):
    """A forbidden frame ends the connection as soon as its header says so, after what came before it."""
    wire = open_wire(serve(send_and_wait(frames.frame(b"good") + data)).url("ws"))
    messages, why = read_to_end(wire)

    assert [b"good"] == [message for message in messages if message != Ping()]
    assert why.startswith("the peer broke the WebSocket protocol: ")
    assert words in why


@pytest.mark.fault(44)
def test_fragments_are_bounded_together(serve, open_wire, frames):
    """A message that grows by continuation is refused when its sum passes the bound."""

    def handle(peer):
        peer.shake_hands(behind=frames.frame(b"x" * 600, final=False))
        while True:
            peer.send(frames.frame(b"x" * 600, 0, final=False))

    wire = open_wire(serve(handle).url("ws"), max_message=10_000)
    _, why = read_to_end(wire)

    assert why.endswith("a message of more than 10000 bytes")


@pytest.mark.fault(44)
def test_empty_fragments_have_an_end_too(serve, open_wire, frames):
    """Endless continuation frames without a byte in them are refused by their number."""

    def handle(peer):
        peer.shake_hands(behind=frames.frame(b"", final=False))
        while True:
            peer.send(frames.frame(b"", 0, final=False) * 100)

    wire = open_wire(serve(handle).url("ws"))
    _, why = read_to_end(wire)

    assert why.endswith("a message in more than 1024 pieces")


def test_a_short_bound_counts_on_the_fast_way_as_well(serve, open_wire, frames):
    """The user's own bound holds for ordinary small frames."""
    server = serve(send_and_wait(frames.frame(b"1234567890") + frames.frame(b"12345678901")))
    wire = open_wire(server.url("ws"), max_message=10)
    messages, why = read_to_end(wire)

    assert [b"1234567890"] == messages
    assert why.endswith("a message of more than 10 bytes")


@pytest.mark.parametrize("scheme", ["ws", "wss"])
def test_a_peer_that_does_not_read_blocks_nobody(serve, open_wire, tls, scheme):
    """Sending waits for nothing: what the peer does not take waits until it does, and no byte is lost."""
    full = threading.Event()
    received: list[bytes] = []

    def handle(peer):
        peer.shake_hands()
        assert full.wait(LIMIT_S)
        opcode, payload = peer.read_frame()
        while opcode == 1:
            received.append(payload)
            opcode, payload = peer.read_frame()

    server = serve(handle, tls["server"] if scheme == "wss" else None)
    wire = open_wire(server.url(scheme))
    text = "x" * 8192
    sent = 0
    while not wire.wants_write:
        wire.send_text(text)
        sent += 1
    full.set()
    end = time.monotonic() + LIMIT_S
    while wire.wants_write:
        assert time.monotonic() < end
        select.select([], [wire], [], 1.0)
        wire.flush()
    wire.close()
    server.wait()

    assert sent == len(received)
    assert {text.encode()} == set(received)


def test_an_outbox_that_overflows_ends_the_connection(serve, open_wire, frames):
    """64 KiB unread are enough; what the peer had sent before is still handed out."""
    ready = threading.Event()

    def handle(peer):
        peer.shake_hands(behind=frames.frame(b"earlier"))
        ready.set()
        peer.server.released.wait(LIMIT_S)

    server = serve(handle)
    wire = open_wire(server.url("ws"))
    assert ready.wait(LIMIT_S)
    for _ in range(10_000):
        wire.send_text("x" * 8192)
        if wire._ws.broken:
            break
    messages, why = read_to_end(wire)

    assert [b"earlier"] == messages
    assert "the peer does not read what it is sent" == why
    assert why == failure(lambda: wire.send_text("more")).reason


def test_a_dead_connection_found_by_sending_still_hands_out_what_came(serve, open_wire, frames):
    """A send that fails does not throw away the frames that had arrived."""
    gone = threading.Event()
    number = 2 * edge._MAX_FRAMES

    def handle(peer):
        peer.shake_hands(behind=frames.frame(b"a fill") * number)
        peer.sock.close()
        gone.set()

    wire = open_wire(serve(handle).url("ws"))
    assert gone.wait(LIMIT_S)
    for _ in range(3):
        wire.send_ping()
    messages, _ = read_to_end(wire)

    assert [b"a fill"] * number == messages


def test_our_texts_arrive_whole(serve, open_wire):
    """Text, given openly or as a secret, is one masked frame."""
    got: list[tuple[int, bytes]] = []

    def handle(peer):
        peer.shake_hands()
        got.append(peer.read_frame())
        got.append(peer.read_frame())
        got.append(peer.read_frame())

    server = serve(handle)
    wire = open_wire(server.url("ws"))
    wire.send_text("é")
    wire.send_text(Secret(LISTEN_KEY))
    wire.close()
    server.wait()

    assert [(1, "é".encode()), (1, LISTEN_KEY.encode()), (8, b"\x03\xe8")] == got


def test_close_is_idempotent_and_final(serve, open_wire):
    """After close nothing is sent or received, and closing again does nothing."""
    wire = open_wire(serve(send_and_wait()).url("ws"))
    wire.close()
    wire.close()

    assert -1 == wire.fileno()
    for call in (wire.receive, wire.send_ping, lambda: wire.send_text("x")):
        assert "the connection was closed by this side" == failure(call).reason


@pytest.mark.fault(30)
@pytest.mark.parametrize("status", [400, 401, 403, 404, 429, 500, 503])
def test_a_refused_handshake_names_the_status(serve, open_wire, status):
    """What the server says besides is not repeated."""
    server = serve(lambda peer: peer.read_head() and peer.answer({"msg": LISTEN_KEY}, status))
    error = failure(lambda: open_wire(server.url("ws")))

    assert f"handshake refused with HTTP {status}" == error.reason


@pytest.mark.parametrize("status", [429, 418])
def test_an_order_to_wait_is_obeyed_by_handshakes_too(serve, open_wire, status):
    """After a 429 or 418 no handshake reaches that origin until its time has passed."""
    server = serve(lambda peer: peer.read_head() and peer.answer({}, status, "Retry-After: 90\r\n"))
    failure(lambda: open_wire(server.url("ws")))
    error = failure(lambda: open_wire(server.url("ws")))

    assert error.reason.startswith(f"no handshake is tried: Binance answered HTTP {status}")
    assert "it asks to wait 90 s" in error.reason
    assert 89.0 < error.retry_after_s <= 90.0
    assert 1 == server.connections


@pytest.mark.fault(20)
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirected_handshake_is_not_followed(serve, open_wire, status):
    """The listen key goes to nobody the exchange points to."""
    other = serve(send_and_wait())
    location = f"Location: {other.url('ws')}\r\n"
    server = serve(lambda peer: peer.read_head() and peer.answer({}, status, location))
    error = failure(lambda: open_wire(server.url("ws")))

    assert "handshake failed: the answer is a redirect, which is never followed" == error.reason
    assert 0 == other.connections


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (
            b"HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: upgrade\r\nSec-WebSocket-Accept: -\r\n\r\n",
            "the peer does not speak WebSocket",
        ),
        (b"HTTP/1.1 200 OK\r\n\r\n", "handshake refused with HTTP 200"),
        (b"", "closed by the other side"),
        (b"garbage\r\n\r\n", ""),
        (b"HTTP/1.1 abc\r\n\r\n", ""),
    ],
)
def test_an_answer_that_is_no_handshake(serve, open_wire, answer, words):
    """Whatever the peer says instead of a proper 101, it is a StreamInterrupted."""
    server = serve(lambda peer: peer.read_head() and peer.send(answer))
    error = failure(lambda: open_wire(server.url("ws")))

    assert words in error.reason
    assert "handshake" in error.reason


@pytest.mark.fault(33)
def test_a_handshake_that_trickles_ends_with_the_deadline(serve, open_wire):
    """A byte now and then buys no more time."""

    def handle(peer):
        peer.read_head()
        peer.send(b"HTTP/1.1 101 X\r\nX: ")
        while not peer.server.released.wait(0.05):
            peer.send(b"x")

    server = serve(handle)
    began = time.monotonic()
    error = failure(lambda: open_wire(server.url("ws"), timeout=0.5))

    assert "no WebSocket handshake within 0.5 s" == error.reason
    assert time.monotonic() - began < 10


def test_an_abandoned_handshake_ends_within_moments(serve, open_wire):
    """When the stream stops, a hanging handshake does not hold it up."""
    stop = threading.Event()

    def handle(peer):
        peer.read_head()
        stop.set()
        peer.wait_for_end()

    server = serve(handle)
    error = failure(lambda: open_wire(server.url("ws"), timeout=HOUR, abandoned=stop.is_set))

    assert "given up because the stream is stopping" == error.reason


def test_nothing_about_an_error_shows_the_listen_key(serve, open_wire, tls, caplog):
    """It is in no error, traceback, pickle, repr or log, whether given openly or as a secret."""
    caplog.set_level(logging.DEBUG)
    hidden = Secret(LISTEN_KEY)

    def echo(peer):
        head = peer.read_head()
        peer.answer({"you sent": head}, 400)

    def leave(peer):
        peer.read_head()

    def leave_at_once(peer):
        peer.sock.recv(1)

    def echo_in_close(peer):
        peer.shake_hands(behind=b"\x88\x51\x03\xf0" + LISTEN_KEY.encode() + b"x" * 15)
        peer.wait_for_end()

    shown = ""
    bases = [serve(echo).url("ws"), serve(leave).url("ws"), serve(leave, tls["server"]).url("wss")]
    bases += [serve(leave_at_once).url("wss"), "ws://127.0.0.1:1"]
    for base in bases:
        url = f"{base}/ws/{LISTEN_KEY}"
        for argument in (url, Secret(url)):
            error = failure(lambda a=argument: open_wire(a))
            frames = "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())
            shown += "".join(part for part in frames.split("  File ") if "test_wire.py" not in part.split("\n")[0])
            shown += str(error) + repr(error) + repr(pickle.dumps(error))
            assert error.__context__ is None
            assert error.__cause__ is None
    wire = open_wire(Secret(serve(echo_in_close).url("ws", f"/ws/{LISTEN_KEY}")))
    messages, why = read_to_end(wire)
    shown += repr(messages) + why + repr(wire) + repr(vars(wire)) + repr(vars(wire._ws))

    assert LISTEN_KEY == hidden.reveal()
    assert LISTEN_KEY not in shown
    assert LISTEN_KEY not in caplog.text


def test_a_proxy_of_no_use_is_said_so(open_wire):
    """A wrong proxy is the user's to mend, and is not repeated."""
    error = failure(lambda: open_wire("ws://127.0.0.1:1", proxy="socks5://user:pass@host:1"))

    assert isinstance(error, ConfigurationError)
    assert "SOCKS" in str(error)
    assert "pass@" not in str(error)


@pytest.mark.fault(39)
@pytest.mark.parametrize("scheme", ["ws", "wss"])
def test_the_stream_goes_through_the_proxy(serve, open_wire, frames, tunnel, tls, scheme):
    """The proxy carries the WebSocket like the REST calls, encrypted or not."""
    server = serve(send_and_wait(frames.frame(b"through")), tls["server"] if scheme == "wss" else None)
    proxy = serve(tunnel)
    wire = open_wire(server.url(scheme, f"/ws/{LISTEN_KEY}"), proxy=proxy.url("http"))

    assert [b"through"] == read(wire, count(1))
    assert f"CONNECT 127.0.0.1:{server.port} HTTP/1.1" == proxy.heads[0].split("\r\n")[0]
    assert LISTEN_KEY not in proxy.heads[0]


def test_fifty_connections_leave_nothing_behind(serve, open_wire, tls):
    """Neither descriptors nor threads grow with the number of connections, opened or refused."""
    accepting = serve(lambda peer: (peer.shake_hands(), peer.wait_for_end()), tls["server"])
    refusing = serve(lambda peer: peer.read_head() and peer.answer({}, 403))
    context: ssl.SSLContext = tls["client"]

    def turn() -> None:
        Wire.open(accepting.url("wss"), context=context, timeout=15.0).close()
        failure(lambda: Wire.open(refusing.url("ws"), context=context, timeout=15.0))

    def ours() -> int:
        return sum(1 for thread in threading.enumerate() if thread.name.startswith("binance_uds"))

    def descriptors() -> int:
        # The servers' ends live in this process as well; wait until they have seen ours go.
        accepting.wait()
        refusing.wait()
        return len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0

    turn()
    before = descriptors()
    for _ in range(50):
        turn()

    assert before == descriptors()
    assert 0 == ours()
