"""Replaying a journal on the command line."""

import json
import os
import pty

import pytest
from click.testing import CliRunner

from binance_uds.cli.replay import replay
from tests.recording.replayed import replayed


@pytest.fixture
def journal(make_stream, exchange, tools, tmp_path):
    """A journal of two runs, with a fill and a gap in each."""
    stream = make_stream(name="mine", settle=0.1)
    stream.record(tmp_path / "j.jsonl")
    for count in (1, 2):
        with stream:
            exchange.buy("BTCUSDT", "0.010")
            stream.wait_until(lambda account: account.position("BTCUSDT").amount)
            exchange.faults.drop()
            tools.wait_until(lambda count=count: stream.health.gaps == count and not stream.health.gap_open)
    return tmp_path / "j.jsonl"


def test_lines(journal):
    """What `watch` would have said, at the times of then, and a sum."""
    result = CliRunner().invoke(replay, [str(journal)])
    lines = result.output.splitlines()

    assert 0 == result.exit_code, result.output
    assert 2 == result.output.count("  fill       BTCUSDT BUY 0.01 at 30000")
    assert 2 == result.output.count("LIVE, was STARTING")
    assert "gap 2 closed" in result.output
    assert lines[:-1] == sorted(lines[:-1], key=lambda line: line[:23])
    assert lines[-1].startswith("replayed ")
    assert ", 2 fills, 2 gaps, " in lines[-1]


def test_json(journal):
    """A line for each item, and the account at the end: the canonical text."""
    result = CliRunner().invoke(replay, [str(journal), "--json"])

    assert 0 == result.exit_code
    assert replayed(journal).text == result.output.rstrip("\n")
    assert "Account" in json.loads(result.output.splitlines()[-1])


def test_speed(journal, command):
    """In a pipe the same lines, only slower."""
    running = command("replay", str(journal), "--speed", "50")
    code, said = running.finish()
    result = CliRunner().invoke(replay, [str(journal)])

    assert (0, "") == (code, running.errors())
    assert result.output.splitlines()[:-1] == said.splitlines()[:-1]


def test_on_a_terminal(journal, command):
    """With a speed it is the display of `watch`, at the journal's time, and the sum remains."""
    master, terminal = pty.openpty()
    running = command("replay", str(journal), "--speed", "20", terminal=terminal, master=master)
    os.close(terminal)
    code, said = running.finish()
    os.close(master)

    assert 0 == code
    assert "binance_uds replay, mine" in said
    assert "replayed " in said.splitlines()[-1]


def test_cut(journal):
    """A journal that ends too early is replayed up to there, and that is told beside."""
    whole = journal.read_bytes()
    journal.write_bytes(whole[: len(whole) * 3 // 4])
    result = CliRunner().invoke(replay, [str(journal)])

    assert 0 == result.exit_code
    assert "the journal ends in the middle of line " in result.output
    assert "replayed" in result.output


def test_damaged(journal):
    """The error names the line; what stands before it was shown."""
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join([*lines[:12], b"x", *lines[12:]]))
    result = CliRunner().invoke(replay, [str(journal)])

    assert 1 == result.exit_code
    assert "STARTING, was IDLE" in result.output
    assert f"Error: the journal cannot be replayed: line 13 of {journal}: it was changed or cut" in result.output


def test_a_run_that_failed(make_stream, exchange, tmp_path):
    """How the recorded run ended is told beside; it is no failure of the replay."""
    stream = make_stream(api_secret="w" * 64)
    stream.record(tmp_path / "j")
    with pytest.raises(Exception, match="refused"):
        stream.start()
    result = CliRunner().invoke(replay, [str(tmp_path / "j")])

    assert 0 == result.exit_code
    assert "The recorded run ended: Binance refused the credentials" in result.output


def test_no_journal(tmp_path):
    """Something else is exit code 1 and a line."""
    (tmp_path / "j").write_text("hello\n")
    result = CliRunner().invoke(replay, [str(tmp_path / "j")])

    assert 1 == result.exit_code
    assert result.output.startswith("Error: the journal cannot be replayed: line 1 of")
