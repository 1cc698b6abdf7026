"""Recording an account, here one of the local exchange."""

import re
import resource

import pytest
from click.testing import CliRunner

from binance_uds.cli.record import record
from tests.recording.replayed import replayed


@pytest.fixture
def recording(exchange, command):
    """Runs record against the local exchange."""

    def run(*arguments, before=""):
        urls = ("--rest-url", exchange.rest_url, "--stream-url", exchange.stream_url)
        environment = {"BINANCE_API_KEY": exchange.api_key, "BINANCE_API_SECRET": exchange.api_secret}
        return command("record", *map(str, arguments), *urls, before=before, **environment)

    return run


def test_record(exchange, recording, tmp_path):
    """It shows what `watch` shows, and says what it wrote; the journal can be replayed."""
    path = tmp_path / "account.jsonl"
    running = recording(path)
    running.hear("LIVE")
    exchange.buy("BTCUSDT", "0.010")
    running.hear("fill")
    running.interrupt()
    code, said = running.finish()
    story = replayed(path)
    lines = path.read_bytes().count(b"\n")

    assert (130, "") == (code, running.errors())
    assert "fill       BTCUSDT BUY 0.01 at 30000" in said
    assert f"recorded to {path}: {lines} lines, {path.stat().st_size} bytes in 1 file" == said.splitlines()[-1]
    assert 1 == sum(getattr(item, "is_fill", False) for item in story.items)


def test_the_file_exists(exchange, recording, tmp_path):
    """It is refused in a line and exit code 2, and left alone, unless it is to be overwritten."""
    path = tmp_path / "j"
    path.write_text("of somebody else")
    running = recording(path)
    code, _ = running.finish()
    left = path.read_text()
    again = recording(path, "--overwrite")
    again.hear("LIVE")
    again.interrupt()
    again.finish()

    assert 2 == code
    assert re.fullmatch(r"Error: the journal .* cannot be created: File exists; .* --overwrite, .*\n", running.errors())
    assert "of somebody else" == left
    assert replayed(path).items


def test_the_recording_ends_first(exchange, recording, tmp_path):
    """A file that may not grow ends the recording, and the stream goes on; in the end the exit code is 1."""
    limit = f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (8000, {resource.RLIM_INFINITY}))"
    running = recording(tmp_path / "j", before=limit)
    running.hear("LIVE")
    for _ in range(10):
        exchange.buy("BTCUSDT", "0.010")
    running.hear("recording-stopped")
    exchange.sell("BTCUSDT", "0.100")
    running.hear("SELL 0.1")
    running.interrupt()
    code, said = running.finish()

    assert 1 == code
    assert "ATTENTION  recording-stopped: the recording to" in said
    assert "The recording ended before the stream: File too large\n" == running.errors()
    assert replayed(tmp_path / "j").stream.cut is not None


def test_without_a_key(tmp_path):
    """Nothing is created without credentials."""
    result = CliRunner().invoke(record, [str(tmp_path / "j")])

    assert 2 == result.exit_code
    assert "Error: the environment variable BINANCE_API_KEY is not set" in result.output
    assert [] == list(tmp_path.iterdir())
