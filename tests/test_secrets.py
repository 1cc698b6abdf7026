"""Canaries: the API key, the secret, every listen key and every signature, looked for wherever things come out."""

from __future__ import annotations

import base64
import contextlib
import gc
import http.client
import io
import logging
import pathlib
import pickle
import socket
import threading
import traceback
from collections.abc import Callable, Iterator
from typing import Any, Optional
from urllib.parse import quote

import attrs
import pytest
import websocket

import binance_uds as uds
from binance_uds.protocol.delivery import Delivery
from binance_uds.simulator import LocalExchange
from binance_uds.simulator.faults import RawBytes, RedirectRest
from binance_uds.simulator.frames import close_frame

State = uds.StreamState
KEY_PATH = "/fapi/v1/listenKey"

CANARY_KEY = "CanaryApiKey" + "k" * 52
CANARY_SECRET = "CanaryApiSecret" + "s" * 49
CANARY_PASSWORD = "CanaryProxyPassword" + "p" * 45
CANARY_SIGNATURE = base64.b64encode(b"CanarySignature" * 4).decode() + "+/="

#: What a proxy is sent of it, the user's name in front; so it stands in no longer base64 text.
CANARY_LOGIN = base64.b64encode(f"user:{CANARY_PASSWORD}".encode()).decode()


class Log(logging.Handler):
    """Keeps what any formatter, and any tool that shows local variables, could make of a record."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.texts: list[str] = []
        self.names: set[str] = set()

    def emit(self, record: logging.LogRecord) -> None:
        """Format it in every way."""
        self.names.add(record.name)
        self.texts.append(self.format(record))
        self.texts.append(repr({**vars(record), "exc_info": None}))
        if record.exc_info and record.exc_info[1] is not None:
            self.texts.append(everything_about(record.exc_info[1]))


def everything_about(error: BaseException) -> str:
    """What str, repr, pickle and a traceback with local variables show, causes and contexts included."""
    shown = "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())
    # The frames of the tests are the caller's, who has to know its own key.
    package = "".join(part for part in shown.split("  File ") if "/tests/" not in part.split("\n")[0])
    with contextlib.suppress(TypeError, AttributeError, pickle.PicklingError):
        package += repr(pickle.dumps(error))
    return package + str(error) + repr(error) + repr(error.args) + repr(vars(error))


@attrs.define
class Cage:
    """A stream, everything that came out of it, and what must not be among that."""

    exchange: LocalExchange
    stream: uds.UserDataStream
    ears: Any
    log: Log
    secrets: list[str]
    errors: list[BaseException] = attrs.field(factory=list)

    def listen_keys(self) -> list[str]:
        """List every listen key the account ever had."""
        return self.exchange.call(
            lambda model: [model._token("listen key", "default", n + 1) for n in range(model.keys_issued)]
        )

    def attempt(self, action: Callable[[], Any]) -> None:
        """Do something that fails, and keep how."""
        with pytest.raises(BaseException) as caught:
            action()
        self.errors.append(caught.value)

    def sinks(self) -> Iterator[tuple[str, str]]:
        """Yield everything that came out, each with where."""
        stream = self.stream
        yield "repr", repr(stream)
        yield "vars", repr(vars(stream))
        worker = stream._worker
        if worker is not None:
            yield "worker", repr(vars(worker))
            yield "session", repr(worker.session)
            yield "calls", repr(vars(worker.calls))
            yield "sockets", repr(vars(worker._sockets))
        if stream._recording is not None:
            yield "recording", repr(vars(stream._recording))
            yield "journal", pathlib.Path(stream._recording.path).read_text()
        for shown in (stream, stream.health, stream.account, stream.history):
            yield "HTML", shown._repr_html_()
        yield "health", repr(stream.health) + repr(pickle.dumps(stream.health))
        yield "timeline", "\n".join(map(str, stream.timeline)) + repr(pickle.dumps(stream.timeline))
        for item in self.ears.items:
            yield type(item).__name__, repr(item) + str(item) + repr(attrs.asdict(item)) + item._repr_html_()
            if isinstance(item, uds.CallbackFailed):
                yield "callback's exception", everything_about(item.exception)
            else:
                yield "pickle", repr(pickle.dumps(item))
        for error in self.errors:
            yield "error", everything_about(error)
        for text in self.log.texts:
            yield "log", text

    def check(self) -> None:
        """Look for every secret, raw and encoded, in everything."""
        found = []
        for secret in (*self.secrets, *self.listen_keys()):
            for form in {secret, quote(secret, safe=""), base64.b64encode(secret.encode()).decode()}:
                found += [where for where, text in self.sinks() if form in text]

        assert [] == found


@pytest.fixture
def log() -> Iterator[Log]:
    """Everything any logger says at DEBUG, websocket-client's traces included."""
    handler, root = Log(), logging.getLogger()
    before = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    trace = logging.StreamHandler(io.StringIO())
    websocket.enableTrace(True, handler=trace, level="DEBUG")
    yield handler
    websocket.enableTrace(False)
    logging.getLogger("websocket").removeHandler(trace)
    root.removeHandler(handler)
    root.setLevel(before)


@pytest.fixture
def make_cage(exchange, make_stream, log, tools) -> Callable[..., Cage]:
    def make(**options: Any) -> Cage:
        stream = make_stream(**options)
        secrets = [exchange.api_key, exchange.api_secret, CANARY_KEY, CANARY_SECRET, CANARY_SIGNATURE]
        secrets += [CANARY_PASSWORD, CANARY_LOGIN]
        return Cage(exchange, stream, tools.Ears(stream), log, secrets)

    return make


def test_the_cage_finds_what_is_there(make_cage):
    """A canary that does come out is found, raw and percent-encoded, in every kind of place."""
    cage = make_cage()
    cage.check()
    for leak in (CANARY_KEY, quote(CANARY_SIGNATURE, safe="")):
        for put in (
            lambda leak=leak: cage.log.texts.append(f"GET /?signature={leak}"),
            lambda leak=leak: cage.errors.append(ValueError(leak)),
            lambda leak=leak: cage.ears.items.append(uds.UnknownEvent(name="x", raw={"k": leak})),
        ):
            put()
            with pytest.raises(AssertionError):
                cage.check()
            cage.log.texts.clear()
            cage.errors.clear()
            cage.ears.items.clear()


def test_a_whole_life_leaks_nothing(make_cage, tools, tmp_path):
    """Start, orders, both kinds of expiry, the SUBSCRIBE form, a release of the key, and the end; recorded, too."""
    cage = make_cage(release_key=True, keepalive_interval=0.2)
    cage.stream.record(tmp_path / "journal")
    cage.exchange.faults.silent_plan("query", "empty")

    @cage.stream.on(uds.ListenKeyExpired)
    def failing(event: uds.ListenKeyExpired) -> None:
        raise ValueError("over an expiry")

    with cage.stream:
        cage.exchange.buy("BTCUSDT", "0.01")
        cage.exchange.faults.expire_key()
        cage.ears.wait_for_state(State.LIVE, count=2)
        cage.exchange.faults.neighbour_swaps_key()
        cage.ears.wait_for(uds.GapClosed, count=2)
        cage.ears.wait_for(uds.CallbackFailed)
        cage.check()
    cage.check()

    assert 3 == cage.exchange.keys_issued
    assert {"binance_uds.session", "urllib3.connectionpool", "websocket"} <= cage.log.names


def test_a_traced_frame_cannot_be_unmasked(make_cage, tools, exchange):
    """websocket-client traces a frame as it is sent, behind the bytes that unmask it, and SUBSCRIBE names the key."""
    cage = make_cage(market=tools.market_of(exchange, access_forms=(uds.AccessForm.SUBSCRIBE,)))
    with cage.stream:
        pass

    assert {"++Sent raw: ***"} == {text for text in cage.log.texts if text.startswith("++Sent raw")}


def test_debug_output_of_the_standard_library_leaks_nothing(make_cage, monkeypatch, capsys):
    """A program that has ``http.client`` print its requests does not see ours, whose headers hold the API key."""
    monkeypatch.setattr(http.client.HTTPConnection, "debuglevel", 1)
    with make_cage().stream:
        pass

    assert "" == capsys.readouterr().out


def test_refused_credentials_leak_nothing(make_cage):
    """A key or a secret the exchange refuses is as secret as one that it takes."""
    for options in ({"api_key": CANARY_KEY}, {"api_secret": CANARY_SECRET}):
        cage = make_cage(**options)
        cage.attempt(cage.stream.start)
        cage.attempt(cage.stream.join)
        cage.attempt(cage.stream.run)

        assert [uds.CredentialsRejected] * 3 == [type(error) for error in cage.errors]
        cage.check()


def test_a_refused_signature_of_a_signer_leaks_nothing(make_cage):
    """The signature of the user's own signer is secret raw and as it stands in the query."""
    cage = make_cage(api_secret=lambda payload: CANARY_SIGNATURE)
    cage.attempt(cage.stream.start)

    assert isinstance(cage.errors[0], uds.CredentialsRejected)
    cage.check()


def test_words_of_the_exchange_that_echo_secrets_are_masked(make_cage):
    """An error message that repeats key, listen key and signature comes out without them."""
    cage = make_cage()
    with cage.stream:
        (listen_key,) = cage.listen_keys()
    message = f"bad {cage.exchange.api_key} at listenKey={listen_key}&signature={CANARY_SIGNATURE} {listen_key}"
    cage.exchange.faults.fail_rest(401, count=None, code=-2015, message=message)
    cage.attempt(cage.stream.start)

    assert "bad ***" in str(cage.errors[0])
    cage.check()


@pytest.mark.parametrize("fault", ["hang", "html", "truncate", "nobody"])
def test_a_start_that_gets_no_answer_leaks_nothing(make_cage, tools, fault):
    """Hanging, half and senseless answers, and none at all, end in StartTimeout without a URL."""
    if fault == "nobody":
        with socket.socket() as bound:
            bound.bind(("127.0.0.1", 0))
            url = f"127.0.0.1:{bound.getsockname()[1]}"
            market = attrs.evolve(uds.USDM, rest_url=f"http://{url}", stream_url=f"ws://{url}/private")
            cage = make_cage(market=market)
            cage.attempt(lambda: cage.stream.start(timeout=0.2))
    else:
        from binance_uds.simulator.faults import TruncateRest

        cage = make_cage(rest_timeout=0.1)
        if fault == "hang":
            cage.exchange.faults.hang_rest(count=None)
        elif fault == "html":
            cage.exchange.faults.fail_rest(200, count=None, body=f"<html>{CANARY_KEY}</html>")
        else:
            cage.exchange.faults.inject(TruncateRest(count=None))
        cage.attempt(lambda: cage.stream.start(timeout=0.3))

    assert isinstance(cage.errors[0], uds.StartTimeout)
    cage.check()


class Elsewhere:
    """Another host: it counts who calls, keeps what they say, and answers what it is told."""

    def __init__(self, answer: bytes) -> None:
        self.heads: list[bytes] = []
        self._answer = answer
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                peer, _ = self._listener.accept()
            except OSError:
                return
            with peer, contextlib.suppress(OSError):
                peer.settimeout(10)
                self.heads.append(peer.recv(65536))
                peer.sendall(self._answer)

    def close(self) -> None:
        """Stop listening."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join(20)
        self._listener.close()


@pytest.fixture
def elsewhere() -> Iterator[Callable[[bytes], Elsewhere]]:
    """Opens other hosts, and closes them after the test."""
    hosts: list[Elsewhere] = []

    def open_one(answer: bytes = b"") -> Elsewhere:
        hosts.append(Elsewhere(answer))
        return hosts[-1]

    yield open_one
    for host in hosts:
        host.close()


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_of_rest_takes_no_key_elsewhere(make_cage, elsewhere, status):
    """The other host sees no request, and the error names no URL."""
    other = elsewhere()
    cage = make_cage(retry_first=20.0, retry_most=20.0)
    cage.exchange.faults.inject(RedirectRest(f"http://127.0.0.1:{other.port}", status, count=None))
    cage.attempt(lambda: cage.stream.start(timeout=0.2))

    assert [] == other.heads
    assert "redirect" in str(cage.errors[0])
    cage.check()


def test_a_redirect_of_the_handshake_takes_no_listen_key_elsewhere(make_cage, elsewhere, tools, exchange):
    """The other host sees no handshake, and the first one no API key."""
    other = elsewhere()
    location = f"ws://127.0.0.1:{other.port}/private/ws/elsewhere"
    first = elsewhere(f"HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n".encode())
    market = tools.market_of(exchange)
    cage = make_cage(
        market=attrs.evolve(market, stream_url=f"ws://127.0.0.1:{first.port}/private"),
        retry_first=20.0,
        retry_most=20.0,
    )
    cage.attempt(lambda: cage.stream.start(timeout=0.3))

    assert [] == other.heads
    assert 3 == len(first.heads)
    assert not any(exchange.api_key.encode() in head for head in first.heads)
    assert "redirect" in str(cage.errors[0])
    cage.check()


def test_a_refused_handshake_that_echoes_its_url_leaks_nothing(make_cage, elsewhere, tools, exchange):
    """What a server says with its refusal stays where it came from."""
    with_key: list[Optional[str]] = []
    body = exchange.do(lambda model, account: model.obtain_key(account))
    with_key.append(body)
    echo = f"HTTP/1.1 403 {body}\r\nX-Echo: {body}\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()
    host = elsewhere(echo)
    market = attrs.evolve(tools.market_of(exchange), stream_url=f"ws://127.0.0.1:{host.port}/private")
    cage = make_cage(market=market)
    cage.attempt(lambda: cage.stream.start(timeout=0.3))

    assert any(body.encode() in head for head in host.heads)
    cage.check()


def test_frames_that_name_the_key_anywhere_leak_nothing(make_cage):
    """Unknown events, garbage, odd expiries and a close frame that repeat the listen key come out without it."""
    cage = make_cage(api_secret=None)
    with cage.stream:
        (key,) = cage.listen_keys()
        for frame in (
            '{"e":"NEW_THING","E":1,"listenKey":"KEY","x":{"y":["KEY",{"listenKey":"KEY"}]}}',
            '{"e":"NEW_KEY","E":1,"KEY":5}',
            '{not json "listenKey":"KEY"',
            '{"stream":"KEY","data":{"e":"NEW_THING","E":1,"k":"KEY"}}',
            '{"error":{"code":3,"msg":"KEY"},"id":9}',
            '{"e":"listenKeyExpired","E":"1","listenKey":"old","other":"KEY"}',
            '{"e":{"KEY":1}}',
        ):
            cage.exchange.faults.garbage(frame.replace("KEY", key))
        cage.exchange.transfer("USDT", 1)
        cage.ears.wait_for(uds.AccountUpdate)
        cage.exchange.faults.inject(RawBytes(close_frame(1008, f"bye {key}")))
        cage.ears.wait_for(uds.GapOpened, lambda gap: gap.cause == uds.GapCause.CONNECTION_LOST)
        cage.ears.wait_for_state(State.LIVE, count=2)
        cage.exchange.faults.garbage('{"result":["xKEY"],"id":77,"error":null}'.replace("KEY", key))
        cage.ears.wait_for(uds.GapOpened, lambda gap: gap.cause == uds.GapCause.SUBSCRIPTION_LOST)
        cage.ears.wait_for_state(State.LIVE, count=3)
        cage.check()
    cage.check()

    assert len(cage.ears.all_of(uds.UnknownEvent)) >= 3


def test_a_defect_over_a_frame_that_names_the_key_leaks_nothing(make_cage, monkeypatch):
    """The thread dies while an expiry is in its hands: neither log nor join() shows a frame's variables."""
    cage = make_cage()

    def broken(self: Any, frame: bytes, *_: Any) -> Any:
        copy = bytes(frame)
        raise RuntimeError(f"a defect over {len(copy)} bytes")

    cage.stream.start()
    with monkeypatch.context() as patch:
        patch.setattr(Delivery, "take", broken)
        cage.exchange.faults.expire_key()
        cage.attempt(cage.stream.join)

    assert isinstance(cage.errors[0], RuntimeError)
    assert State.FAILED is cage.stream.state
    assert any("this is a defect" in text for text in cage.log.texts)
    cage.check()


def test_a_stream_does_not_pickle(make_cage):
    """Neither a stream nor its credentials can be sent anywhere by accident."""
    cage = make_cage()
    cage.attempt(lambda: pickle.dumps(cage.stream))
    cage.attempt(lambda: pickle.dumps(uds.Credentials.of(CANARY_KEY, CANARY_SECRET)))

    assert all(isinstance(error, TypeError) for error in cage.errors)
    cage.check()


def test_the_environments_credentials_leak_nothing(make_cage, monkeypatch):
    """from_env() shows neither of them, whatever is wrong."""
    cage = make_cage()
    monkeypatch.setenv("BINANCE_API_KEY", CANARY_KEY)
    monkeypatch.setenv("BINANCE_API_SECRET", CANARY_SECRET)
    cage.attempt(lambda: uds.UserDataStream.from_env(max_backlog=0))
    cage.attempt(lambda: uds.UserDataStream.from_env(keepalive_interval=0))
    for wrong in (f" {CANARY_KEY}", f"{CANARY_KEY}!", f"{CANARY_KEY}\n"):
        monkeypatch.setenv("BINANCE_API_KEY", wrong)
        cage.attempt(uds.UserDataStream.from_env)

    assert [uds.ConfigurationError] * 5 == [type(error) for error in cage.errors]
    cage.check()


@pytest.mark.parametrize(
    "wrong",
    [
        {"market": "usdm"},
        {"name": "a%b"},
        {"max_backlog": 0},
        {"timings": "slow"},
        {"timings": uds.Timings(), "ping_interval": 7},
        {"keepalive_interval": 0},
        {"ssl_context": "none"},
        {"proxy": f"ftp://user:{CANARY_PASSWORD}@127.0.0.1"},
        {"proxy": f"http://127.0.0.1:{CANARY_PASSWORD}"},
        {"proxy": f"http://user:{CANARY_PASSWORD}@127.0.0.1".encode()},
        {"api_key": f" {CANARY_KEY}"},
        {"api_secret": f" {CANARY_SECRET}"},
        {"no_such_argument": 1},
    ],
    ids=", ".join,
)
def test_the_proxys_password_leaks_nowhere_beside_a_wrong_argument(make_cage, monkeypatch, wrong):
    """Whatever is refused, no variable of either constructor shows the proxy it stood beside."""
    cage = make_cage()
    options = {"proxy": f"http://user:{CANARY_PASSWORD}@127.0.0.1:3128", **wrong}
    named = {"api_key": CANARY_KEY, "api_secret": CANARY_SECRET, **options}
    monkeypatch.setenv("BINANCE_API_KEY", CANARY_KEY)
    cage.attempt(lambda: uds.UserDataStream(**named))
    cage.attempt(lambda: uds.UserDataStream.from_env(**options))
    monkeypatch.delenv("BINANCE_API_KEY")
    cage.attempt(lambda: uds.UserDataStream.from_env(**options))

    kinds = (TypeError, uds.ConfigurationError)
    assert [True] * 3 == [isinstance(error, kinds) for error in cage.errors]
    cage.check()


def test_a_stream_behind_a_proxy_leaks_nothing(make_cage, elsewhere):
    """Neither a stream nor what it says of a proxy that refuses it shows the password it sent."""
    refusing = elsewhere(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
    cage = make_cage(proxy=f"http://user:{CANARY_PASSWORD}@127.0.0.1:{refusing.port}")
    cage.attempt(lambda: cage.stream.start(timeout=0.3))

    assert any(CANARY_LOGIN.encode() in head for head in refusing.heads)
    assert isinstance(cage.errors[0], uds.StartTimeout)
    cage.check()


def test_no_object_but_the_secret_itself_prints_it(make_cage):
    """Of all our objects in memory none shows a secret in its repr while the stream is LIVE."""
    cage = make_cage()
    with cage.stream:
        cage.exchange.buy("BTCUSDT", "0.01")
        cage.ears.wait_for(uds.AccountUpdate)
        secrets = (cage.exchange.api_key, cage.exchange.api_secret, *cage.listen_keys())
        ours = [
            thing
            for thing in gc.get_objects()
            if str(type(thing).__module__).startswith("binance_uds.") and ".simulator" not in type(thing).__module__
        ]
        shown = [type(thing) for thing in ours if any(secret in repr(thing) for secret in secrets)]

    assert len(ours) > 20
    assert [] == shown
