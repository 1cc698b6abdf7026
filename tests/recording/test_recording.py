"""Streams on real sockets, recorded and replayed."""

from __future__ import annotations

import contextlib
import gzip
import json
import os
import re
import signal
import stat
import threading
import time
import zlib

import pytest

import binance_uds as uds
from binance_uds.protocol.reading import snapshot
from binance_uds.recording import files
from binance_uds.simulator import faults
from tests.recording.replayed import Story, everything_in, replayed, run_all

State = uds.StreamState

#: Short enough that a second of a stream's life sees a few of everything.
BRISK = {
    "keepalive_interval": 0.3,
    "ping_interval": 0.3,
    "settle": 0.1,
    "audit_interval": 0.5,
    "audit_overlap": 0.2,
    "plan_timeout": 1.0,
    "rest_timeout": 0.5,
    "short_life": 0.05,
    "doubt": 0.2,
    "trade_lite_alone": 0.2,
    "suspicion_interval": 0.3,
    "reread_first": 0.05,
    "weight_most": 1_000_000,
}


def live_through_faults(exchange, stream, ears, tools):
    """Trade while one thing after another goes wrong, until the stream is well again."""
    for number, fault in enumerate(
        (
            faults.ExpireKey(notices=2),
            faults.DropConnections(),
            faults.LoseFrame("ORDER_TRADE_UPDATE", count=2),
            faults.GarbageFrame(b'\xff\xfe{"listenKey":"\xc3'),
            faults.FailRest(503, count=3),
            faults.HangRest(count=1),
            faults.NeighbourSwapsKey(),
            faults.RepeatFrame(count=3),
            faults.RefuseHandshake(503, count=2),
            faults.DropConnections(),
            faults.FragmentFrames(3, count=4),
        )
    ):
        exchange.faults.inject(fault)
        for quantity in ("0.010", "0.020"):
            exchange.buy("BTCUSDT", quantity)
            exchange.sell("ETHUSDT", quantity)
        exchange.transfer("USDT", number + 1)
        stream.join(timeout=0.15)
    exchange.faults.clear()
    stream.rotate()
    tools.wait_until(lambda: stream.state is State.LIVE and not stream.health.gap_open)
    exchange.transfer("USDT", 1_000)
    ears.wait_for(uds.AccountUpdate, lambda event: any(row.balance_change == 1_000 for row in event.balances))


@pytest.mark.parametrize("name", ["account.jsonl", "account.jsonl.gz"])
@pytest.mark.parametrize("options", [{}, {"api_secret": None}, {"connections": 2}], ids=["signed", "key-only", "twin"])
def test_a_life_full_of_faults_is_replayed(make_stream, exchange, tools, tmp_path, options, name):
    """Recorded over real sockets, with and without a secret: the same story, and the same account."""
    stream = make_stream(**BRISK, **options)
    ears, story, path = tools.Ears(stream), Story(stream), tmp_path / name
    recording = stream.record(path)
    with stream:
        live_through_faults(exchange, stream, ears, tools)
        before = stream.account.snapshot()
    again = replayed(path)

    assert story.text == again.text
    assert stream.account.snapshot() == again.stream.account.snapshot()
    assert before.balances == again.stream.account.balances
    assert len(ears.all_of(uds.GapClosed)) == len([item for item in again.items if isinstance(item, uds.GapClosed)]) > 0
    assert (None, None, 1) == (recording.problem, again.stream.cut, recording.parts)
    assert os.path.getsize(path) == recording.bytes


def test_every_door_of_a_replay_works(stream, exchange, tools, tmp_path):
    """Callbacks, queues, waits, the account, health, timeline and cursor, without an exchange."""
    stream.record(tmp_path / "j")
    with stream:
        exchange.buy("BTCUSDT", "0.010")
        stream.wait_until(lambda account: account.position("BTCUSDT").amount, timeout=tools.patience_s)
        health = stream.health
    exchange.stop()
    fills = []
    replay = uds.replay(tmp_path / "j")
    replay.on(uds.OrderTradeUpdate)(fills.append)
    with replay.events(uds.OrderTradeUpdate) as events, replay:
        replay.join()
        queued = list(events)

    assert fills == queued
    assert ["NEW", "TRADE"] == [event.execution_type for event in fills]
    assert stream.account.snapshot() == replay.account.snapshot()
    assert (State.STOPPED, stream.health.why) == (replay.state, replay.health.why)
    for name in ("key_tag", "events", "gaps", "reconnects", "used_weight", "signed"):
        assert getattr(stream.health, name) == getattr(replay.health, name), name
    # Each is of the moment it is asked for, and rounded.
    assert 1 >= abs((stream.health.clock_offset_ms or 0) - (replay.health.clock_offset_ms or 0))
    assert health.used_weight
    assert stream.timeline == replay.timeline
    assert stream.cursor == replay.cursor
    assert stream.name == replay.name
    assert f"<Replay {stream.name} STOPPED>" == repr(replay)
    assert 60 > abs(time.time() - replay.time.timestamp())


def test_a_replay_keeps_the_pace_that_is_wanted(stream, exchange, tools, tmp_path):
    """At the speed 1 it takes as long as it took, and can be stopped in the middle."""
    stream.record(tmp_path / "j")
    with stream:
        stream.join(timeout=0.5)
    lines = [json.loads(line) for line in (tmp_path / "j").read_bytes().splitlines()]
    waited = [line["at_ms"] for line in lines if line.get("turn", 0) > 0]
    took = (waited[-1] - waited[0]) / 1000
    durations = {}
    for speed in (1.0, 4.0, None):
        began = time.monotonic()
        replayed(tmp_path / "j", speed=speed)
        durations[speed] = time.monotonic() - began
    slow = uds.replay(tmp_path / "j", speed=0.01)
    threading.Thread(target=slow.run).start()
    tools.wait_until(lambda: slow.state is not State.IDLE)

    assert slow.stop(tools.patience_s)
    assert 0.4 < took <= durations[1.0] + 0.05
    assert took / 4 - 0.05 <= durations[4.0] < durations[1.0]
    assert durations[None] < durations[1.0]
    assert State.STOPPED is not slow.state


def test_every_run_of_a_stream_is_recorded(make_stream, exchange, tools, tmp_path):
    """Both runs, one behind the other, each with what the stream knew from before: gaps, and the plan that worked."""
    stream = make_stream(plan_timeout=0.5, settle=0.1, weight_most=100_000)
    exchange.faults.silent_plan("query", "empty")
    with stream:
        exchange.faults.drop()
        tools.wait_until(lambda: stream.health.gaps == 1 and not stream.health.gap_open)
    story = Story(stream)
    for name in ("a", "b.gz"):
        journal = tmp_path / name
        recording = stream.record(journal)
        for _ in range(2):
            with stream:
                exchange.buy("BTCUSDT", "0.010")
                gaps = stream.health.gaps
                exchange.faults.drop()
                tools.wait_until(lambda gaps=gaps: stream.health.gaps > gaps and not stream.health.gap_open)
        again = Story(uds.replay(journal))
        states = []
        while again.stream.has_next_run:
            again.stream.run()
            states.append(again.stream.state)

        assert 2 == len(states)
        assert story.text == again.text
        recording.stop()
        size = recording.bytes
        with stream:
            exchange.transfer("USDT", 1)
        assert size == os.path.getsize(journal)
        story.items.clear()


@pytest.mark.parametrize("kept", [True, False])
def test_a_run_that_begins_from_a_cursor_is_replayed(make_stream, exchange, tools, tmp_path, kept):
    """Also the downtime is repaired again, and no cursor file is touched, whether or not it could be written."""
    store = uds.CursorFile(tmp_path / "cursor")
    first = make_stream(cursor=store)
    with first:
        exchange.buy("BTCUSDT", "0.010")
        first.wait_until(lambda account: account.position("BTCUSDT").amount)
    exchange.buy("BTCUSDT", "0.020")
    (tmp_path / "journal").mkdir()
    journal = tmp_path / "journal" / "j"
    second = make_stream(cursor=store)
    story = Story(second)
    second.record(journal)
    if not kept:
        (tmp_path / "cursor.new").mkdir()
    with second:
        exchange.buy("BTCUSDT", "0.030")
        second.wait_until(lambda account: account.position("BTCUSDT").amount > 0)
    before = (tmp_path / "cursor").read_bytes()
    again = replayed(journal)

    assert story.text == again.text
    assert before == (tmp_path / "cursor").read_bytes()
    assert (not kept) == any(getattr(item, "code", "") == uds.AttentionCode.CURSOR_NOT_SAVED for item in again.items)
    assert any(item.cause == uds.GapCause.RESTARTED for item in again.items if isinstance(item, uds.GapClosed))


def test_a_start_that_failed_fails_again(make_stream, exchange, tmp_path):
    """The replay raises what the start raised."""
    stream = make_stream(api_secret="w" * 64)
    stream.record(tmp_path / "j")
    with pytest.raises(uds.CredentialsRejected) as raised:
        stream.start()
    replay = uds.replay(tmp_path / "j")
    with pytest.raises(uds.CredentialsRejected) as again:
        replay.start()

    assert str(raised.value) == str(again.value)
    assert State.FAILED is replay.state
    assert not replay.has_next_run
    with pytest.raises(uds.ConfigurationError, match="no further run"):
        replay.start()


def test_a_replay_that_was_interrupted_in_the_middle_of_reading_says_so(stream, tmp_path, monkeypatch):
    """It does not look like one that came to its end."""
    path = tmp_path / "journal.jsonl"
    stream.record(path)
    for _ in range(2):
        with stream:
            pass
    replay = uds.replay(path)
    assert replay.has_next_run

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(files, "parsed", lambda text: signal.raise_signal(signal.SIGINT))
        replay.run()
    with pytest.raises(uds.JournalError, match="reading on was interrupted"):
        replay.has_next_run  # noqa: B018


def test_a_callable_that_fails_to_sign_fails_again(make_stream, exchange, tmp_path):
    """What the user's own code did wrong is in the journal."""
    stream = make_stream(api_secret=lambda payload: 1 / 0)
    stream.record(tmp_path / "j")
    with pytest.raises(uds.ConfigurationError) as raised:
        stream.start()
    with pytest.raises(uds.ConfigurationError) as again:
        uds.replay(tmp_path / "j").run()

    assert str(raised.value) == str(again.value)


def test_a_process_that_died_leaves_a_journal(program, exchange, tmp_path):
    """Killed in a callback: all that was read is there, the account is as of that moment, and no end is made up."""
    path = tmp_path / "j"
    run = program(
        f"""
        stream.record({str(path)!r})
        @stream.on(uds.OrderTradeUpdate)
        def die(event):
            if event.is_fill:
                os._exit(9)
        stream.start()
        say("live")
        time.sleep(60)
        """
    )
    run.hear("live")
    exchange.buy("BTCUSDT", "0.010")
    status, _, _ = run.finish()
    again = replayed(path)

    assert 9 == status
    assert any(isinstance(item, uds.OrderTradeUpdate) and item.is_fill for item in again.items)
    assert "ends before the run does" in again.stream.cut
    assert State.LIVE is again.stream.state
    assert [] == [item for item in again.items if isinstance(item, (uds.GapOpened, uds.GapClosed))]


def test_an_interrupted_run_is_replayed_to_its_end(program, exchange, tmp_path):
    """Ctrl-C in run(): the replay tells of the end as the stream did, and is not interrupted itself."""
    path = tmp_path / "j"
    run = program(
        f"""
        stream.record({str(path)!r})
        @stream.on(uds.StateChanged)
        def tell(change):
            say(change.new)
        try:
            stream.run()
        except KeyboardInterrupt:
            say("interrupted")
        """
    )
    run.hear("STARTING")
    run.hear("LIVE")
    run.send(signal.SIGINT)
    run.hear("interrupted")
    run.finish()
    again = replayed(path)

    assert (State.STOPPED, None) == (again.stream.state, again.stream.cut)
    # Where Ctrl-C came between two waits the replay ends with the wait that follows.
    states = [item.new for item in again.items]
    assert [State.STARTING, State.LIVE] == [state for state in states if state is not State.STOPPED]


def test_a_forked_child_writes_nothing(program, exchange, tmp_path):
    """Forked in a callback, while the journal is compressed and not flushed: the parent's goes on whole."""
    path = tmp_path / "j.gz"
    run = program(
        f"""
        stream.record({str(path)!r})
        done = threading.Event()
        @stream.on(uds.AccountUpdate)
        def fork(event):
            child = os.fork()
            if child == 0:
                return
            os.waitpid(child, 0)
            done.set()
        @stream.on(uds.StateChanged)
        def tell(change):
            if change.new is uds.StreamState.LIVE:
                say("live")
        threading.Thread(target=lambda: (done.wait(20), stream.stop()), daemon=True).start()
        try:
            stream.run()
        except uds.ForkedStream:
            sys.exit()
        say("parent")
        """
    )
    run.hear("live")
    exchange.transfer("USDT", 5)
    run.hear("parent")
    run.finish()
    again = replayed(path)

    assert any(isinstance(item, uds.AccountUpdate) for item in again.items)
    assert again.stream.cut is None


# The file


def test_only_the_owner_may_read_it(stream, exchange, tmp_path):
    """Whatever the umask, from its creation on; and so its parts."""
    old = os.umask(0)
    try:
        recording = stream.record(tmp_path / "a.b.jsonl", part_bytes=4_096)
        with stream:
            exchange.faults.drop()
            stream.join(timeout=0.3)
    finally:
        os.umask(old)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}

    assert recording.parts == len(modes) > 1
    assert {0o600} == set(modes.values())
    assert {"a.b.jsonl", "a.2.b.jsonl"} <= set(modes)


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_a_journal_in_parts_is_replayed_as_a_whole(make_stream, exchange, tools, tmp_path, suffix):
    """Each part is about as large as said, and the first one is all that has to be named."""
    stream = make_stream(**BRISK)
    story, ears, path = Story(stream), tools.Ears(stream), tmp_path / f"j.jsonl{suffix}"
    recording = stream.record(path, part_bytes=4_096)
    with stream:
        live_through_faults(exchange, stream, ears, tools)
    sizes = sorted(each.stat().st_size for each in tmp_path.iterdir())

    assert recording.parts == len(sizes) > 1
    assert recording.bytes == sum(sizes)
    assert 4_096 <= sizes[-1]
    assert story.text == replayed(path).text


def test_a_missing_or_foreign_part_is_told(make_stream, exchange, tmp_path):
    """A part that does not belong there is damage; one that is missing at the end cuts the journal."""
    for name in ("a", "b"):
        stream = make_stream()
        stream.record(tmp_path / f"{name}.jsonl", part_bytes=4_096)
        with stream:
            exchange.faults.drop()
            stream.join(timeout=0.3)
    (tmp_path / "a.2.jsonl").replace(tmp_path / "kept")
    for each in tmp_path.glob("a.*.jsonl"):
        each.unlink()
    cut = replayed(tmp_path / "a.jsonl").stream.cut
    (tmp_path / "b.2.jsonl").replace(tmp_path / "a.2.jsonl")

    assert "ends before the run does" in cut
    with pytest.raises(uds.JournalError, match=r"line 1 of .*a\.2\.jsonl: it begins a part of another journal"):
        replayed(tmp_path / "a.jsonl")


def test_nothing_is_written_over(stream, make_stream, exchange, tmp_path):
    """A file that is there is refused, a link too, unless it is to be deleted with its parts."""
    path, other = tmp_path / "j.jsonl", tmp_path / "other"
    other.write_text("of somebody else")
    path.symlink_to(other)
    with pytest.raises(uds.ConfigurationError, match=r"cannot be created.*overwrite=True"):
        stream.record(path)
    recording = stream.record(path, overwrite=True, part_bytes=4_096)
    with stream:
        exchange.faults.drop()
        stream.join(timeout=0.3)
    assert recording.parts > 1
    path.unlink()
    with pytest.raises(uds.ConfigurationError, match=r"j\.2\.jsonl exists"):
        make_stream().record(path)
    path.touch()
    make_stream().record(path, overwrite=True)

    assert "of somebody else" == other.read_text()
    assert {path.name, other.name} == {each.name for each in tmp_path.iterdir()}


@pytest.mark.parametrize(
    "options, words",
    [
        ({"part_bytes": 10}, "part_bytes must be"),
        ({"part_bytes": 1e9}, "part_bytes must be"),
        ({"max_bytes": True}, "max_bytes must be"),
        ({"path": "no/such/directory/j"}, "No such file"),
    ],
)
def test_what_is_of_no_use_is_refused_at_once(stream, tmp_path, options, words):
    """Nothing is created, and the stream is not recorded."""
    path = tmp_path / options.pop("path", "j")
    with pytest.raises(uds.ConfigurationError, match=words):
        stream.record(path, **options)

    assert [] == list(tmp_path.iterdir())
    stream.record(tmp_path / "j")


def test_a_running_stream_is_not_recorded(stream, exchange, tmp_path):
    """What happened before could not be replayed; and one journal at a time is enough."""
    with stream, pytest.raises(uds.ConfigurationError, match=r"runs already; .* before start"):
        stream.record(tmp_path / "j")
    stream.record(tmp_path / "j")
    with pytest.raises(uds.ConfigurationError, match="recorded already"):
        stream.record(tmp_path / "k")

    assert ["j"] == [each.name for each in tmp_path.iterdir()]


def is_recording_stopped(item):
    """Whether it is the notice about a recording that stopped."""
    return isinstance(item, uds.Attention) and item.code == uds.AttentionCode.RECORDING_STOPPED


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="a disk that is always full")
@pytest.mark.parametrize("name", ["j", "j.gz"])
def test_a_full_disk_ends_the_recording_and_not_the_stream(
    make_stream, exchange, tools, tmp_path, monkeypatch, caplog, name
):
    """Said once as a notice and in the log; what was written before can be replayed."""
    stream = make_stream()
    ears = tools.Ears(stream)
    recording = stream.record(tmp_path / name)
    write, full = os.write, os.open("/dev/full", os.O_WRONLY)
    with stream:
        monkeypatch.setattr(files.os, "write", lambda file, data: write(full, data))
        exchange.buy("BTCUSDT", "0.010")
        ears.wait_for(uds.OrderTradeUpdate, lambda event: event.is_fill)
        if name == "j":
            ears.wait_for(uds.Attention, is_recording_stopped)
        exchange.faults.drop()
        ears.wait_for(uds.GapClosed)
        monkeypatch.undo()
        os.close(full)
    again = replayed(tmp_path / name)

    assert 1 == len(ears.all_of(uds.Attention, is_recording_stopped))
    assert "No space left on device" == recording.problem
    assert 1 == caplog.text.count(f"the recording to {tmp_path / name} stopped: No space left on device")
    assert again.stream.cut is not None
    # Of what is compressed, the last second may be missing.
    states = [item.new for item in again.items if isinstance(item, uds.StateChanged)]
    assert (State.LIVE in states) or name == "j.gz"


def test_the_most_bytes_end_the_recording(make_stream, exchange, tools, tmp_path):
    """As a full disk does; the next start says so again, and another recording can begin."""
    stream = make_stream(**BRISK)
    ears = tools.Ears(stream)
    recording = stream.record(tmp_path / "j", max_bytes=8_192)
    for count in (1, 2):
        with stream:
            exchange.faults.drop()
            ears.wait_for(uds.Attention, is_recording_stopped, count)
    stream.record(tmp_path / "k")
    with stream:
        pass

    assert "it has its 8192 bytes" == recording.problem
    assert 8_192 <= (tmp_path / "j").stat().st_size < 16_384
    assert 2 == len(ears.all_of(uds.Attention, is_recording_stopped))
    assert replayed(tmp_path / "j").items
    assert replayed(tmp_path / "k").items


def test_a_file_that_was_taken_away_is_not_written_to(make_stream, exchange, tools, tmp_path):
    """Between two runs another file took its place: it is left alone, and the recording ends."""
    stream = make_stream()
    ears = tools.Ears(stream)
    recording = stream.record(tmp_path / "j")
    (tmp_path / "j").replace(tmp_path / "k")
    (tmp_path / "j").write_text("of somebody else")
    with stream:
        ears.wait_for(uds.Attention, is_recording_stopped)

    assert "another file has taken its place" == recording.problem
    assert "of somebody else" == (tmp_path / "j").read_text()


def test_compressed_lines_reach_the_system_soon(make_stream, exchange, tools, tmp_path):
    """Within a second or so, also when nothing follows: a copy of the file can be replayed up to there."""
    stream = make_stream()
    stream.record(tmp_path / "j.gz")
    with stream:
        exchange.buy("BTCUSDT", "0.010")
        stream.wait_until(lambda account: account.position("BTCUSDT").amount)

        def is_there() -> bool:
            (tmp_path / "copy.gz").write_bytes((tmp_path / "j.gz").read_bytes())
            story = replayed(tmp_path / "copy.gz")
            return any(isinstance(item, uds.OrderTradeUpdate) and item.is_fill for item in story.items)

        began = time.monotonic()
        tools.wait_until(is_there)
        took = time.monotonic() - began

    assert files.FLUSH_SECONDS + 4 > took


# Secrets


@pytest.mark.parametrize("name", ["j.jsonl"])
def test_no_secret_is_in_a_journal(make_stream, exchange, tools, tmp_path, name):
    """Neither the API key nor the secret, no listen key of ours or anybody's, and no signature."""
    stream = make_stream(**BRISK, release_key=True)
    ears = tools.Ears(stream)
    stream.record(tmp_path / name)
    foreign = "ForeignListenKey" * 4
    with stream:
        key = exchange.do(lambda model, account: model.current_key(account))
        escaped = "".join(f"\\u{ord(letter):04x}" for letter in key)
        exchange.faults.garbage(f'{{"e":"NOVELTY","E":1,"k":"{escaped}","listenKey":"{foreign}","to":"{foreign}"}}')
        exchange.faults.garbage(f'{{"stream":"{foreign[::-1]}","data":{{"e":"NOVELTY","E":2}}}}')
        ears.wait_for(uds.UnknownEvent, count=2)
        exchange.faults.garbage(f'{{"id":9,"result":["{foreign[1:]}@ORDER_TRADE_UPDATE"]}}')
        ears.wait_for(uds.GapOpened, lambda gap: gap.cause == uds.GapCause.SUBSCRIPTION_LOST)
        live_through_faults(exchange, stream, ears, tools)
    keys = exchange.call(lambda model: [model._token("listen key", "default", n + 1) for n in range(model.keys_issued)])
    written = everything_in(tmp_path / name).decode()
    secrets = [exchange.api_key, exchange.api_secret, foreign, foreign[1:], foreign[::-1], *keys]

    assert len(keys) > 2
    assert [] == [secret for secret in secrets if secret in written]
    assert escaped[:60] not in written
    assert None is re.search("signature", written)
    assert all(f"__{uds.credentials.Secret(key).tag}__" in written for key in keys)


def test_a_notice_about_a_key_is_replayed_with_its_tag(make_stream, exchange, tools, tmp_path):
    """What tells keys apart is the same, so that logs and journals can be held against each other."""
    stream = make_stream(api_secret=None)
    ears, story = tools.Ears(stream), Story(stream)
    stream.record(tmp_path / "j")
    with stream:
        exchange.faults.expire_key()
        told = ears.wait_for(uds.ListenKeyExpired)
        ears.wait_for(uds.GapClosed)
    again = replayed(tmp_path / "j")

    assert told.listen_key_tag in [getattr(item, "listen_key_tag", None) for item in again.items]
    assert story.text == again.text


# Damage


@pytest.fixture
def journal(make_stream, exchange, tools, tmp_path):
    """A journal of a short life, in which the cursor was saved, too."""
    stream = make_stream(cursor=uds.CursorFile(tmp_path / "cursor"), cursor_interval=0.01)
    stream.record(tmp_path / "j.jsonl")
    with stream:
        exchange.buy("BTCUSDT", "0.010")
        stream.wait_until(lambda account: account.position("BTCUSDT").amount)
    return tmp_path / "j.jsonl"


def test_a_truncated_last_line_is_tolerated(journal):
    """Wherever the file ends, what stands before is replayed, and that it ends there is told."""
    whole = journal.read_bytes()
    story = replayed(journal)
    lines = whole.splitlines(keepends=True)
    for left in range(1, len(lines)):
        journal.write_bytes(b"".join(lines[:left]) + lines[left][: len(lines[left]) // 2])
        again = replayed(journal)

        assert [repr(item) for item in again.items] == [repr(item) for item in story.items[: len(again.items)]]
        if left > 1:
            assert f"the journal ends in the middle of line {left + 1} of {journal}" == again.stream.cut


def test_a_damaged_line_is_an_error_with_its_number(journal):
    """One letter changed, a line gone, twice or strange: the error names the line, and all before it is replayed."""
    lines = journal.read_bytes().splitlines(keepends=True)
    middle = len(lines) // 2
    changes = {
        "it was changed or cut": [*lines[:middle], lines[middle].replace(b"1", b"2", 1), *lines[middle + 1 :]],
        f"it is line {middle + 2} of the journal, and {middle + 1} was expected": [
            *lines[:middle],
            *lines[middle + 1 :],
        ],
        f"it is line {middle} of the journal, and {middle + 1} was expected": [*lines[:middle], *lines[middle - 1 :]],
        "it is no line of a journal": [*lines[:middle], b"{}\n", *lines[middle:]],
    }
    for reason, changed in changes.items():
        journal.write_bytes(b"".join(changed))
        replay = uds.replay(journal)
        story = Story(replay)
        with pytest.raises(uds.JournalError) as raised:
            run_all(replay)

        assert (str(journal), middle + 1, reason) == (raised.value.path, raised.value.line, raised.value.reason)
        assert story.items
        assert State.STOPPED is not replay.state


def damaged(whole):
    """Return compressed bytes with one changed, near the end, so that they are not merely as if cut there."""
    for at in range(len(whole) - 40, 0, -1):
        changed = whole[:at] + bytes([whole[at] ^ 255]) + whole[at + 1 :]
        with contextlib.suppress(EOFError):
            try:
                gzip.decompress(changed)
            except (gzip.BadGzipFile, zlib.error):
                return changed
    raise AssertionError("no byte of it matters")


def test_a_damaged_compressed_journal(make_stream, exchange, tmp_path):
    """Cut anywhere it is replayed up to there; with a byte changed it is damaged behind a line."""
    stream = make_stream()
    stream.record(tmp_path / "j.gz")
    with stream:
        stream.join(timeout=0.1)
    whole = (tmp_path / "j.gz").read_bytes()
    count = len(replayed(tmp_path / "j.gz").items)
    cuts = []
    for end in range(700, len(whole), len(whole) // 12):
        (tmp_path / "j.gz").write_bytes(whole[:end])
        # Before that not even the header is whole.
        with contextlib.nullcontext() if cuts else contextlib.suppress(uds.JournalError):
            cuts.append(replayed(tmp_path / "j.gz"))
    (tmp_path / "j.gz").write_bytes(damaged(whole))

    assert len(cuts) > 4
    assert all(story.stream.cut for story in cuts)
    assert len(cuts[-1].items) <= count
    with pytest.raises(uds.JournalError, match=r"line \d+ of .*j\.gz"):
        replayed(tmp_path / "j.gz")


@pytest.mark.parametrize(
    "content, words",
    [
        (None, "j: No such file"),
        (b"", "line 1 of .*it is no journal"),
        (b"hello\n", "line 1 of .*it is no line of a journal"),
        (b'{"journal":1', "line 1 of .*it is no journal"),
    ],
)
def test_what_is_no_journal_is_refused(tmp_path, content, words):
    """At once, with plain words."""
    if content is not None:
        (tmp_path / "j").write_bytes(content)
    with pytest.raises(uds.JournalError, match=words):
        uds.replay(tmp_path / "j")


def test_a_directory_is_no_journal(tmp_path):
    """Nor is a pipe, which nobody may ever write to."""
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe"):
        with pytest.raises(uds.JournalError, match="it is no file"):
            uds.replay(path)


@pytest.mark.parametrize("speed", [-1, "fast", True, float("nan")])
def test_a_speed_of_no_use_is_refused(tmp_path, speed):
    """Before anything is opened."""
    with pytest.raises(uds.ConfigurationError, match="speed must be"):
        uds.replay(tmp_path / "j", speed=speed)


def test_a_replay_is_not_recorded_and_not_rotated(journal, tmp_path):
    """It does what its journal says."""
    replay = uds.replay(journal)
    with pytest.raises(uds.ConfigurationError, match="copy that"):
        replay.record(tmp_path / "k")
    with pytest.raises(uds.ConfigurationError, match="does what its journal says"):
        replay.rotate()


def test_a_version_that_goes_another_way_says_so(journal, monkeypatch):
    """A replay that wants another fact than the next names the line and the version that recorded it."""
    monkeypatch.setattr(snapshot, "FIRST_LOOK", snapshot.FIRST_LOOK[::-1])
    with pytest.raises(uds.JournalError, match=r"goes another way from here on .* version"):
        replayed(journal)
