"""What goes wrong at the exchange and on the way, on real sockets: found, shown, and over."""

from __future__ import annotations

import statistics
import time
from typing import Any

import pytest

import binance_uds as uds
from binance_uds.simulator.faults import (
    ExpireAgain,
    HangRest,
    IssueDeadKey,
    OmitKeyInPut,
    PingFlood,
    RawBytes,
    RedirectRest,
)
from binance_uds.simulator.frames import TEXT, frame

State = uds.StreamState
KEY_PATH = "/fapi/v1/listenKey"


@pytest.fixture
def make_stream(make_stream):
    """Without a secret there is nothing to repair, and LIVE follows the connection at once."""
    return lambda **options: make_stream(**{"api_secret": None, **options})


def is_probed(stream: uds.UserDataStream) -> bool:
    """Tell whether the probe that follows each connection has been answered, so that the next one is far off."""
    health = stream.health
    assert health.key_proof_age_s is not None
    assert health.key_age_s is not None
    return health.key_proof_age_s < health.key_age_s


@pytest.mark.fault(1)
def test_from_the_expiry_notice_to_live_again_takes_a_moment(make_stream, exchange, tools, record_property):
    """Over eleven fresh streams, the median from the order to expire to LIVE is below 0.3 s."""
    seconds = []
    for _ in range(11):
        stream = make_stream()
        ears = tools.Ears(stream)
        with stream:
            tools.wait_until(lambda stream=stream: is_probed(stream))
            before = time.monotonic()
            exchange.faults.expire_key()
            ears.wait_for_state(State.LIVE, count=2)
            seconds.append(time.monotonic() - before)
    median = statistics.median(seconds)
    record_property("expiry_to_live_median_s", round(median, 4))
    print(f"expiry to LIVE, {len(seconds)} streams: median {median * 1000:.0f} ms, most {max(seconds) * 1000:.0f} ms")

    assert 0.3 > median


@pytest.mark.fault(1, 2)
@pytest.mark.parametrize("notices", [1, 2])
def test_an_expiry_costs_one_key_and_one_connection(stream, ears, exchange, tools, notices):
    """Told once or twice: one gap, one POST, one new key, one new connection."""
    with stream:
        tools.wait_until(lambda: is_probed(stream))
        exchange.faults.expire_key(notices=notices)
        closed = ears.wait_for(uds.GapClosed)
        ears.wait_for_state(State.LIVE, count=2)
        exchange.transfer("USDT", 1)
        ears.wait_for(uds.AccountUpdate)

        assert (2, 2) == (exchange.count("POST", KEY_PATH), exchange.keys_issued)
        assert (2, 1) == (exchange.connections_opened, exchange.connections_open)
        assert [State.STARTING, State.LIVE, State.STALE, State.LIVE] == ears.states
        assert (1, 1, 1, False) == (
            len(ears.all_of(uds.GapOpened)),
            stream.health.gaps,
            stream.health.reconnects,
            stream.health.gap_open,
        )
    (opened,) = ears.all_of(uds.GapOpened)
    assert (opened.gap_id, opened.since_ms, uds.GapCause.KEY_EXPIRED) == (closed.gap_id, closed.since_ms, closed.cause)
    assert closed.since_ms < closed.until_ms
    assert uds.Proof.UNPROVEN == closed.proof
    assert "fills" in closed.unrecoverable


@pytest.mark.fault(2)
def test_two_notices_in_one_breath_are_two_events_and_one_renewal(stream, ears, exchange, tools):
    """What arrives together is delivered together: both notices as data, one key, one connection, no gap more."""
    with stream:
        tools.wait_until(lambda: is_probed(stream))
        key = exchange.do(lambda model, account: model.current_key(account))
        exchange.faults.expire_key(notices=0)
        notice = frame(TEXT, b'{"e":"listenKeyExpired","E":"1","listenKey":"%s"}' % key.encode())
        exchange.faults.inject(RawBytes(notice * 2))
        ears.wait_for_state(State.LIVE, count=2)
        exchange.transfer("USDT", 1)
        ears.wait_for(uds.AccountUpdate)

        assert 2 == len(ears.all_of(uds.ListenKeyExpired))
        assert (2, 2, 2, 1) == (
            exchange.count("POST", KEY_PATH),
            exchange.keys_issued,
            exchange.connections_opened,
            stream.health.gaps,
        )


@pytest.mark.fault(3)
def test_a_notice_about_an_old_key_changes_nothing(stream, ears, exchange, tools):
    """Delivered as data, ignored as control: no request, no connection, no gap."""
    with stream:
        tools.wait_until(lambda: is_probed(stream))
        old = exchange.do(lambda model, account: model.current_key(account))
        exchange.faults.expire_key()
        ears.wait_for_state(State.LIVE, count=2)
        exchange.wait_until(lambda: exchange.connections_open == 1)
        exchange.faults.garbage('{"e":"listenKeyExpired","E":"1","listenKey":"OLD"}'.replace("OLD", old))
        ears.wait_for(uds.ListenKeyExpired, count=2)
        exchange.transfer("USDT", 1)
        ears.wait_for(uds.AccountUpdate)

        assert (2, 2, 1) == (exchange.count("POST", KEY_PATH), exchange.connections_opened, stream.health.gaps)
        assert State.LIVE is stream.state


@pytest.mark.fault(4)
def test_a_notice_without_a_key_counts_on_our_connection(stream, ears, exchange, tools):
    """The older form names no key; on the connection in use it means ours, and asking anew is harmless."""
    with stream:
        tools.wait_until(lambda: is_probed(stream))
        exchange.faults.garbage('{"e":"listenKeyExpired","E":1}')
        ears.wait_for_state(State.LIVE, count=2)

        assert (2, 1, 2) == (exchange.count("POST", KEY_PATH), exchange.keys_issued, exchange.connections_opened)


@pytest.mark.fault(5, 7, 8, 12)
@pytest.mark.parametrize(
    ("fault", "cause"),
    [
        ("expired", uds.GapCause.KEY_GONE),
        ("deleted", uds.GapCause.KEY_GONE),
        ("swapped", uds.GapCause.KEY_REPLACED),
    ],
)
def test_a_key_that_dies_without_a_word_is_found_by_the_probe(make_stream, exchange, tools, fault, cause):
    """Expired, deleted or swapped by a neighbour: the probe finds it, and state and notices tell."""
    stream = make_stream(keepalive_interval=0.2)
    ears = tools.Ears(stream)
    inject = {
        "expired": lambda: exchange.faults.expire_key(notices=0),
        "deleted": exchange.faults.neighbour_deletes_key,
        "swapped": exchange.faults.neighbour_swaps_key,
    }
    with stream:
        # The first probe follows the start at once; the fault is to be found by one of the rhythm.
        exchange.wait_until(lambda: exchange.count("PUT", KEY_PATH) >= 2)
        inject[fault]()
        opened = ears.wait_for(uds.GapOpened)
        ears.wait_for_state(State.LIVE, count=2)
        exchange.transfer("USDT", 1)
        ears.wait_for(uds.AccountUpdate)

    assert cause == opened.cause
    assert [State.STARTING, State.LIVE, State.STALE, State.LIVE, State.STOPPED] == ears.states
    assert [] == ears.all_of(uds.ListenKeyExpired)


@pytest.mark.fault(26)
def test_a_black_hole_is_found_by_the_ping(make_stream, exchange, tools):
    """A connection that is up and dead is found by our own ping, shown as a gap, and replaced."""
    stream = make_stream(ping_interval=0.2, transport_lease_intervals=100.0)
    ears = tools.Ears(stream)
    with stream:
        exchange.faults.half_open()
        opened = ears.wait_for(uds.GapOpened)
        ears.wait_for_state(State.LIVE, count=2)
        exchange.transfer("USDT", 1)
        ears.wait_for(uds.AccountUpdate)

    assert uds.GapCause.NO_ANSWER == opened.cause
    assert [State.STARTING, State.LIVE, State.STALE, State.LIVE, State.STOPPED] == ears.states


def test_a_lapsed_proof_is_stale_to_the_reader_and_in_the_notices(make_stream, exchange, tools):
    """While REST does not answer the key's proof ages: STALE by the clock alone, events come, then LIVE again."""
    stream = make_stream(keepalive_interval=0.05, key_lease_least=0.3)
    ears = tools.Ears(stream)
    with stream:
        exchange.faults.fail_rest(503, count=None, path=KEY_PATH)
        change = ears.wait_for_state(State.STALE)
        why = stream.health.why
        exchange.transfer("USDT", 1)
        ears.wait_for(uds.AccountUpdate)
        exchange.faults.clear()
        ears.wait_for_state(State.LIVE, count=2)

    assert "the listen key was last proven" in change.reason
    assert "the listen key was last proven" in why
    assert [] == ears.all_of(uds.GapOpened)
    assert 1 == exchange.connections_opened


def test_state_lapses_while_a_callback_holds_the_thread(make_stream, exchange, tools):
    """The reader computes the state, so a thread that hangs in a callback cannot keep the stream LIVE."""
    stream = make_stream(ping_interval=0.05)
    states: list[Any] = []

    @stream.on(uds.AccountUpdate)
    def hanging(event: uds.AccountUpdate) -> None:
        states.append(stream.state)
        tools.wait_until(lambda: stream.state is State.STALE)
        states.append(stream.state)

    ears = tools.Ears(stream)
    with stream:
        exchange.transfer("USDT", 1)
        ears.wait_for(uds.AccountUpdate)
        tools.wait_until(lambda: stream.state is State.LIVE)

        assert [State.LIVE, State.STALE] == states
        assert [] == ears.all_of(uds.GapOpened)


@pytest.mark.fault(25, 42, 47)
@pytest.mark.parametrize(
    ("how", "code"),
    [
        ("reset", None),
        ("fin", None),
        ("cut", None),
        *(("close", code) for code in (None, 1000, 1001, 1006, 1008, 1011, 1012, 1013)),
    ],
)
def test_a_connection_that_ends_is_replaced(stream, ears, exchange, tools, how, code):
    """However it ends: one gap with its cause, one new connection on the same key, which is then probed."""
    with stream:
        tools.wait_until(lambda: is_probed(stream))
        exchange.faults.drop(how, code)
        opened = ears.wait_for(uds.GapOpened)
        ears.wait_for_state(State.LIVE, count=2)

        assert uds.GapCause.CONNECTION_LOST == opened.cause
        assert (1, 2) == (exchange.keys_issued, exchange.connections_opened)
        exchange.wait_until(lambda: exchange.count("PUT", KEY_PATH) == 2)


@pytest.mark.fault(29)
def test_a_connection_that_ends_right_after_its_key_expired_is_one_interruption(stream, ears, exchange, tools):
    """Two reasons for one renewal: one gap, one new key, one new connection."""
    with stream:
        tools.wait_until(lambda: is_probed(stream))
        exchange.faults.expire_key()
        exchange.faults.drop("close", 1008)
        ears.wait_for_state(State.LIVE, count=2)
        exchange.transfer("USDT", 1)
        ears.wait_for(uds.AccountUpdate)

        assert (2, 2) == (exchange.keys_issued, exchange.connections_opened)
        assert 1 == stream.health.gaps == len(ears.all_of(uds.GapClosed))


@pytest.mark.fault(13)
def test_a_key_that_was_granted_without_an_answer_is_granted_again(make_stream, exchange, tools):
    """POST was acted on and never answered: asked again it names the same key, and no other is made."""
    stream = make_stream(rest_timeout=0.3)
    ears = tools.Ears(stream)
    with stream:
        tools.wait_until(lambda: is_probed(stream))
        exchange.faults.inject(HangRest(method="POST", acts_first=True))
        exchange.faults.expire_key()
        ears.wait_for_state(State.LIVE, count=2)

    assert (3, 2) == (exchange.count("POST", KEY_PATH), exchange.keys_issued)
    assert 1 == len(ears.all_of(uds.GapOpened))


@pytest.mark.fault(46)
def test_a_binary_frame_is_read_as_text(stream, ears, exchange):
    """JSON is JSON, whatever its frame is called; what is none is a frame that cannot be read."""
    with stream:
        exchange.faults.garbage('{"e":"NEW_THING","E":1}', binary=True)
        event = ears.wait_for(uds.UnknownEvent)
        exchange.faults.garbage(b"\x00\x01", binary=True)
        closed = ears.wait_for(uds.GapClosed)

    assert "NEW_THING" == event.name
    assert uds.GapCause.BAD_FRAME == closed.cause
    assert 1 == len(ears.all_of(uds.UndecodableFrame))


@pytest.mark.fault(48, 49, 55)
@pytest.mark.parametrize("data", ["{not json", "", "[]", b"\xff\xfe", '{"e":1}', '{"e":"ORDER_TRADE_UPDATE","o":5}'])
def test_garbage_is_a_notice_and_a_gap_and_the_stream_lives(stream, ears, exchange, data):
    """A frame nobody can read costs no connection: UndecodableFrame, a gap reported and closed, LIVE."""
    with stream:
        exchange.faults.garbage(data)
        notice = ears.wait_for(uds.UndecodableFrame)
        closed = ears.wait_for(uds.GapClosed)
        exchange.transfer("USDT", 1)
        ears.wait_for(uds.AccountUpdate)

        assert notice.reason
        assert uds.GapCause.BAD_FRAME == closed.cause
        assert State.LIVE is stream.state
        assert 1 == exchange.connections_opened


@pytest.mark.fault(45)
def test_broken_framing_ends_the_connection_only(stream, ears, exchange):
    """Bytes that are no WebSocket end the connection; the stream gets another one."""
    with stream:
        exchange.faults.inject(RawBytes(b"\x83\x00"))
        opened = ears.wait_for(uds.GapOpened)
        ears.wait_for_state(State.LIVE, count=2)

    assert uds.GapCause.CONNECTION_LOST == opened.cause


@pytest.mark.fault(45)
def test_a_flood_of_pings_delays_nothing(stream, ears, exchange):
    """Ten thousand pings in a row are survived, and the event behind them arrives."""
    with stream:
        exchange.faults.inject(PingFlood(10_000))
        exchange.transfer("USDT", 1)
        ears.wait_for(uds.AccountUpdate)

        assert State.LIVE is stream.state
        assert 1 == exchange.connections_opened


@pytest.mark.fault(32)
@pytest.mark.parametrize(
    ("silent", "plan"), [([], "query form"), (["query"], "subscribe form"), (["query", "subscribe"], "path form")]
)
def test_an_access_form_that_is_silent_gives_way_to_the_next(make_stream, exchange, tools, silent, plan):
    """A form that opens and names nothing is passed over; events come over the one that names our key."""
    stream = make_stream()
    events = stream.events(uds.AccountUpdate)
    for form in silent:
        exchange.faults.silent_plan(form, "empty")
    with stream:
        exchange.transfer("USDT", 1)
        events.get(timeout=tools.patience_s)

        assert "confirmed" == stream.health.subscription
    assert any(f"connected to 127.0.0.1 ({plan})" in step.text for step in stream.timeline)
    assert len(silent) + 1 == exchange.connections_opened


@pytest.mark.fault(30)
@pytest.mark.parametrize("refused", [1, 2])
def test_a_refused_handshake_gives_way_to_the_next_form(make_stream, exchange, tools, refused):
    """A refusal ends a plan at once."""
    stream = make_stream()
    exchange.faults.refuse_handshake(403, count=refused)
    with stream:
        forms = ["query form", "subscribe form", "path form"]

        assert any(f"connected to 127.0.0.1 ({forms[refused]})" in step.text for step in stream.timeline)


def test_an_exchange_that_never_answers_about_subscriptions_is_used_unconfirmed(make_stream, exchange, tools):
    """When no form gets a reply the first that opened is used: LIVE, with a word in health and an Attention."""
    stream = make_stream(plan_timeout=0.3)
    ears = tools.Ears(stream)
    exchange.faults.silent_plan("*", "none")
    with stream:
        attention = ears.wait_for(uds.Attention)

        assert (State.LIVE, "subscription unconfirmed") == (stream.state, stream.health.subscription)
        assert "subscription unconfirmed" == stream.health.why
        assert uds.AttentionCode.SUBSCRIPTION_UNCONFIRMED == attention.code
    assert [attention] == ears.all_of(uds.Attention)


@pytest.mark.fault(6)
def test_keys_that_die_at_once_are_no_storm(make_stream, exchange, tools):
    """Expired on every new connection: attempts slow down, a person is told, and it ends in LIVE."""
    stream = make_stream(retry_first=0.05, retry_most=0.2)
    ears = tools.Ears(stream)
    with stream:
        exchange.faults.inject(ExpireAgain(count=5))
        exchange.faults.expire_key()
        attention = ears.wait_for(uds.Attention)
        ears.wait_for(uds.GapClosed)
        tools.wait_until(lambda: stream.state is State.LIVE and exchange.keys_issued == 7)

    assert uds.AttentionCode.SHORT_LIVED == attention.code
    assert 7 == exchange.count("POST", KEY_PATH)


@pytest.mark.fault(31)
def test_a_key_that_is_dead_on_arrival_is_found_by_the_first_probe(stream, ears, exchange):
    """The probe right after the handshake shows that the connection holds a dead key."""
    exchange.faults.inject(IssueDeadKey())
    with stream:
        opened = ears.wait_for(uds.GapOpened)
        ears.wait_for_state(State.LIVE, count=2)
        exchange.transfer("USDT", 1)
        ears.wait_for(uds.AccountUpdate)

    assert uds.GapCause.KEY_GONE == opened.cause


@pytest.mark.fault(11)
def test_keys_that_are_dead_on_arrival_are_no_storm(make_stream, exchange, tools):
    """POST hands out one dead key after the other: attempts slow down, a person is told, and it ends in LIVE."""
    stream = make_stream(retry_first=0.05, retry_most=0.2)
    ears = tools.Ears(stream)
    with stream:
        exchange.faults.inject(IssueDeadKey(count=5))
        exchange.faults.expire_key()
        attention = ears.wait_for(uds.Attention)
        ears.wait_for(uds.GapClosed, count=6)
        exchange.transfer("USDT", 1)
        ears.wait_for(uds.AccountUpdate)

    assert uds.AttentionCode.SHORT_LIVED == attention.code
    assert 7 == exchange.count("POST", KEY_PATH)


@pytest.mark.fault(8, 14)
def test_a_put_that_names_no_key_makes_post_the_probe(make_stream, exchange, tools):
    """Where PUT answers {}, POST and compare takes its place, and still finds a swapped key."""
    exchange.faults.inject(OmitKeyInPut(count=None))
    stream = make_stream(keepalive_interval=0.1)
    ears = tools.Ears(stream)
    with stream:
        exchange.wait_until(lambda: exchange.count("POST", KEY_PATH) >= 3)
        exchange.faults.neighbour_swaps_key()
        opened = ears.wait_for(uds.GapOpened)
        ears.wait_for_state(State.LIVE, count=2)

    assert uds.GapCause.KEY_REPLACED == opened.cause
    assert 1 == exchange.count("PUT", KEY_PATH)


@pytest.mark.fault(18)
def test_credentials_refused_in_life_are_told_and_tried_slowly(make_stream, exchange, tools):
    """A key revoked later: Attention, STALE when the proof lapses, and LIVE again when it is allowed again."""
    stream = make_stream(keepalive_interval=0.05, key_lease_least=0.2, refused_first=0.05, refused_most=0.1)
    ears = tools.Ears(stream)
    with stream:
        exchange.faults.fail_rest(401, count=None)
        attention = ears.wait_for(uds.Attention)
        ears.wait_for_state(State.STALE)
        exchange.faults.clear()
        ears.wait_for_state(State.LIVE, count=2)

    assert uds.AttentionCode.CREDENTIALS_REJECTED == attention.code
    assert "check the key" in attention.message
    assert 1 == exchange.connections_opened


@pytest.mark.fault(16)
@pytest.mark.parametrize("status", [429, 418])
def test_a_limit_holds_every_request_until_its_time(make_stream, exchange, tools, status):
    """Told to wait, the stream asks nothing meanwhile, is STALE when the proof lapses, and asks again afterwards."""
    stream = make_stream(keepalive_interval=0.05, key_lease_least=0.2)
    ears = tools.Ears(stream)
    with stream:
        exchange.faults.fail_rest(status, count=1, retry_after=1, path=KEY_PATH, method="PUT")
        ears.wait_for_state(State.STALE)
        puts = [at_ms for at_ms, method, _ in exchange.requests if method == "PUT"]
        ears.wait_for_state(State.LIVE, count=2)
        resumed = [at_ms for at_ms, method, _ in exchange.requests if method == "PUT"][len(puts)]

    assert 990 <= resumed - puts[-1]
    assert 1 == exchange.connections_opened


@pytest.mark.fault(15)
@pytest.mark.parametrize("body", ["", "<html>Bad Gateway</html>", None])
def test_an_outage_of_rest_during_the_start_is_waited_out(make_stream, exchange, body):
    """5xx with any body is retried, and the start succeeds when it is over."""
    exchange.faults.fail_rest(502, count=3, body=body)
    with make_stream():
        assert 4 == exchange.count("POST", KEY_PATH)


@pytest.mark.fault(20)
def test_a_redirect_is_not_followed(make_stream, exchange):
    """A redirect of REST counts as a failure, and is tried again where it belongs."""
    exchange.faults.inject(RedirectRest(url=exchange.rest_url))
    with make_stream() as stream:
        assert State.LIVE is stream.state
        assert 2 == exchange.count("POST", KEY_PATH)


def test_the_worker_that_dies_of_a_defect_is_seen(stream, ears, exchange, monkeypatch, caplog):
    """FAILED to every reader, a critical line, join() raises the defect, and the stream can be started again."""
    stream.start()

    def broken(*_) -> Any:
        raise RuntimeError("a defect")

    from binance_uds.protocol.delivery import Delivery

    with monkeypatch.context() as patch:
        patch.setattr(Delivery, "take", broken)
        exchange.transfer("USDT", 1)
        with pytest.raises(RuntimeError, match="a defect"):
            stream.join()
    dead = (stream.state, stream.health.why)
    exchange.wait_until(lambda: exchange.connections_open == 0)
    stream.start()

    assert (State.FAILED, "the stream's thread failed: RuntimeError") == dead
    assert State.FAILED in ears.states
    assert "this is a defect" in caplog.text
    assert State.LIVE is stream.state
