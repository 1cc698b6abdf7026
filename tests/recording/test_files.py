"""The files of a journal."""

import os
import zlib

import pytest

import binance_uds as uds
from binance_uds.recording.files import FLUSH_LINES, FLUSH_SECONDS, JournalFile, JournalLines, part_path

HEADER = {"id": "0123456789abcdef"}


@pytest.mark.parametrize(
    "path, part, expected",
    [
        ("account.jsonl", 1, "account.jsonl"),
        ("account.jsonl", 2, "account.2.jsonl"),
        ("account.jsonl.gz", 12, "account.12.jsonl.gz"),
        (os.path.join("a.b", "account"), 2, os.path.join("a.b", "account.2")),
        (".hidden.jsonl", 2, ".hidden.2.jsonl"),
    ],
)
def test_parts_have_their_number_before_the_suffixes(path, part, expected):
    """So that they stand side by side, and keep their kind."""
    assert expected == part_path(path, part)


def lines_of(path):
    """List all lines behind the header."""
    reader = JournalLines(path)
    return [line["time"] for line in iter(reader.next, None)], reader.cut


@pytest.mark.parametrize("name", ["j", "j.gz"])
def test_what_was_written_comes_back(tmp_path, name):
    """Over several openings and parts; each opening of a compressed one is a member of its own."""
    file = JournalFile(tmp_path / name, 4_096, None)
    file.create(HEADER, overwrite=False)
    numbers = iter(range(10_000))
    written = []
    for _ in range(3):
        file.open()
        for _ in range(500):
            written.append(next(numbers))
            file.write({"time": written[-1]}, 0.0)
        file.close()

    assert (written, None) == lines_of(tmp_path / name)
    assert file.parts == len(list(tmp_path.iterdir())) > 1
    assert file.lines == 1 + len(written) + file.parts - 1
    assert file.bytes == sum(each.stat().st_size for each in tmp_path.iterdir())


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_a_file_that_cannot_be_begun_is_not_kept_open(tmp_path, monkeypatch, error):
    """A descriptor is a number, which no garbage collection closes."""
    closed = []
    close = os.close

    def fail(*_):
        raise error

    monkeypatch.setattr(os, "write", fail)
    monkeypatch.setattr(os, "close", lambda file: (closed.append(file), close(file)))
    with pytest.raises(type(error)):
        JournalFile(tmp_path / "j", 4_096, None).create(HEADER, overwrite=False)

    assert 1 == len(closed)


def test_what_is_not_compressed_is_there_at_once(tmp_path):
    """Line by line, without a flush."""
    file = JournalFile(tmp_path / "j", 4_096, None)
    file.create(HEADER, overwrite=False)
    file.open()
    file.write({"time": 1}, 0.0)

    assert ([1], None) == lines_of(tmp_path / "j")
    assert float("inf") == file.flush_within(0.0)
    file.abandon()


def test_what_is_compressed_is_there_within_bounds(tmp_path):
    """After so many lines or seconds, whichever comes first."""
    path = tmp_path / "j.gz"
    file = JournalFile(path, 1_000_000, None)
    file.create(HEADER, overwrite=False)
    file.open()
    for number in range(FLUSH_LINES - 1):
        file.write({"time": number}, 10.0)
    assert [] == lines_of(path)[0]
    assert pytest.approx(FLUSH_SECONDS - 0.25) == file.flush_within(10.25)
    file.write({"time": "last"}, 10.5)
    assert FLUSH_LINES == len(lines_of(path)[0])
    assert float("inf") == file.flush_within(10.5)
    file.write({"time": "next"}, 20.0)
    assert FLUSH_LINES == len(lines_of(path)[0])
    file.write({"time": "a second later"}, 20.0 + FLUSH_SECONDS)
    assert FLUSH_LINES + 2 == len(lines_of(path)[0])
    file.abandon()


def test_a_stranger_behind_a_compressed_journal_is_damage(tmp_path):
    """What follows the last member is not passed over."""
    path = tmp_path / "j.gz"
    JournalFile(path, 1_000_000, None).create(HEADER, overwrite=False)
    whole = path.read_bytes()
    path.write_bytes(whole + b"hello")
    with pytest.raises(uds.JournalError, match="cannot be decompressed"):
        lines_of(path)
    path.write_bytes(whole + zlib.compress(b"x"))
    with pytest.raises(uds.JournalError, match="cannot be decompressed"):
        lines_of(path)


def test_a_part_that_ends_too_early_before_another_is_damage(tmp_path):
    """Only the last line of all may be cut."""
    file = JournalFile(tmp_path / "j", 4_096, None)
    file.create(HEADER, overwrite=False)
    file.open()
    for number in range(200):
        file.write({"time": number}, 0.0)
    file.close()
    first = tmp_path / "j"
    first.write_bytes(first.read_bytes()[:-10])
    with pytest.raises(uds.JournalError, match="ends in the middle of it, and another follows"):
        lines_of(first)


def test_what_is_no_path_is_refused(stream):
    """With plain words, in both directions."""
    with pytest.raises(uds.ConfigurationError, match="path must be the path of a file, not of type int"):
        stream.record(5)
    with pytest.raises(uds.ConfigurationError, match="path must be the path of a file, not of type NoneType"):
        uds.replay(None)
