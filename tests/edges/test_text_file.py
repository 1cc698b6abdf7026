"""A small file is there as a whole, the old one or the new one."""

from __future__ import annotations

import errno
import os
import stat

import pytest

from binance_uds.edges.text_file import read_text, replace_text


class Crash(BaseException):
    """The process is gone, as far as this code can tell."""


def test_what_is_written_is_read(tmp_path):
    """Again and again, and nothing else is left behind."""
    path = tmp_path / "cursor"
    for text in ("first", "second", "", "ünï"):
        replace_text(path, text)

        assert text == read_text(path)
    assert [path] == list(tmp_path.iterdir())


def test_no_file_is_no_text(tmp_path):
    """And no error: there was no run before."""
    assert read_text(tmp_path / "none") is None


@pytest.mark.skipif(os.name != "posix", reason="no such bits elsewhere")
@pytest.mark.parametrize("before", [None, 0o644])
def test_only_its_owner_may_read_it(tmp_path, before):
    """Whatever the umask, and whatever a file that lay there allowed."""
    path = tmp_path / "cursor"
    if before is not None:
        path.write_text("old")
        path.chmod(before)
        (tmp_path / "cursor.new").write_text("left behind")
        (tmp_path / "cursor.new").chmod(before)
    mask = os.umask(0)
    try:
        replace_text(path, "text")
    finally:
        os.umask(mask)

    assert 0o600 == stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_crash_on_the_way_leaves_the_old_one(tmp_path, monkeypatch, step):
    """The next attempt writes over what was left beside it."""
    path = tmp_path / "cursor"
    replace_text(path, "old")

    def crash(*_: object) -> None:
        raise Crash

    with monkeypatch.context() as patched:
        patched.setattr(os, step, crash)
        with pytest.raises(Crash):
            replace_text(path, "new, and longer than the next")
    after_crash = read_text(path)
    replace_text(path, "next")

    assert ("old", "next") == (after_crash, read_text(path))
    assert [path] == list(tmp_path.iterdir())


def test_it_is_on_the_disk_before_it_takes_the_place(tmp_path, monkeypatch):
    """A machine that loses power right after has one or the other."""
    steps = []
    for name in ("fsync", "replace"):
        genuine = getattr(os, name)
        monkeypatch.setattr(os, name, lambda *given, name=name, genuine=genuine: (steps.append(name), genuine(*given)))
    replace_text(tmp_path / "cursor", "text")

    assert ["fsync", "replace"] == steps


def test_a_full_disk_leaves_the_old_one(tmp_path, monkeypatch):
    """And says so."""
    path = tmp_path / "cursor"
    replace_text(path, "old")

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        replace_text(path, "new")

    assert "old" == read_text(path)


def test_a_link_stays_a_link(tmp_path):
    """Its target is replaced, where it is."""
    target, link = tmp_path / "there" / "cursor", tmp_path / "link"
    target.parent.mkdir()
    target.write_text("old")
    link.symlink_to(target)
    replace_text(link, "new")

    assert link.is_symlink()
    assert "new" == target.read_text()


@pytest.mark.skipif(not hasattr(os, "O_NOFOLLOW"), reason="no such flag")
def test_nobody_can_lead_the_text_elsewhere(tmp_path):
    """A link where the new file is to be written is refused."""
    victim = tmp_path / "victim"
    victim.write_text("precious")
    (tmp_path / "cursor.new").symlink_to(victim)
    with pytest.raises(OSError):
        replace_text(tmp_path / "cursor", "new")

    assert "precious" == victim.read_text()


def test_bytes_that_are_no_text_come_as_odd_characters(tmp_path):
    """Whoever parses them says what is wrong; a directory is an error of its own."""
    (tmp_path / "cursor").write_bytes(b"\xff{}")

    assert "\ufffd{}" == read_text(tmp_path / "cursor")
    with pytest.raises(OSError):
        read_text(tmp_path)
