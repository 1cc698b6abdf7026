"""
The files of a journal: created for their owner alone, written without a buffer that could be lost, read line by line.

Where a journal is cut into parts, the first has the name that was asked for and the others a number before its
suffixes: ``account.jsonl``, ``account.2.jsonl``, ``account.3.jsonl``.
"""

from __future__ import annotations

import contextlib
import os
import stat
import zlib
from typing import Any, Callable, Generator, Iterator, List, Optional, Tuple, Union

from ..errors import ConfigurationError, JournalError
from .journal import VERSION, Line, Malformed, parsed, written

Path = Union[str, "os.PathLike[str]"]

#: What is compressed reaches the system after so many seconds or lines at the latest; what is not, at once.
FLUSH_SECONDS, FLUSH_LINES = 1.0, 500

#: Whoever compresses on the stream's thread should be quick.
_LEVEL = 1

#: For zlib: with the header and the sum of a gzip file.
_GZIP = 31

_CHUNK = 256 * 1024

_MODE = 0o600

_FLAGS = os.O_WRONLY | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)


def part_path(path: str, part: int) -> str:
    """Return where a part of a journal is."""
    if part == 1:
        return path
    head, tail = os.path.split(path)
    stem, dot, suffixes = tail[1:].partition(".")
    return os.path.join(head, f"{tail[:1]}{stem}.{part}{dot}{suffixes}")


def path_text(path: object) -> str:
    """
    Return a path as text.

    Raises:
        ConfigurationError: It is none.
    """
    if isinstance(path, (str, os.PathLike)):
        return os.fsdecode(path)
    raise ConfigurationError(f"path must be the path of a file, not of type {type(path).__name__}")


class FileFull(OSError):
    """The file has become as large as it may."""

    def __init__(self, most: int) -> None:
        super().__init__(0, f"it has its {most} bytes")


class JournalFile:
    """
    Writes the lines of a journal; belongs to one thread at a time.

    Nothing is kept in a file object: in a forked child, or when the process dies, nothing may be written by itself.

    Args:
        path: Of the first part; ``.gz`` at its end compresses.
        part_bytes: A part that has so many is continued in another.
        most_bytes: All parts together may have so many; None: any number.

    Attributes:
        path: As given.
        lines: How many were written.
        bytes: How many bytes were written.
        parts: How many files there are.
    """

    def __init__(self, path: Path, part_bytes: int, most_bytes: Optional[int]) -> None:
        self.path = path_text(path)
        self.lines = self.bytes = 0
        self.parts = 1
        self._part_bytes, self._most_bytes = part_bytes, most_bytes
        self._is_compressed = self.path.endswith(".gz")
        self._file: Optional[int] = None
        self._identity: Tuple[int, int] = (0, 0)
        self._in_part = 0
        self._compressor: Any = None
        self._waiting, self._waiting_since = 0, 0.0
        self._id = ""

    def create(self, header: Line, *, overwrite: bool) -> None:
        """
        Create the first part with a header, and close it.

        Raises:
            FileExistsError: There is such a file, or a second part of it.
            OSError: It cannot be created.
        """
        if overwrite:
            for part in _existing(self.path):
                os.unlink(part)
        elif os.path.lexists(part_path(self.path, 2)):
            raise FileExistsError(0, f"{part_path(self.path, 2)} exists, which would continue it")
        self._id = header["id"]
        try:
            self._begin_file(part_path(self.path, 1))
            self.write({"journal": VERSION, **header}, 0.0)
            self.close()
        finally:
            # A full disk, or Ctrl-C.
            self.abandon()

    def open(self) -> None:
        """
        Go on writing.

        Raises:
            OSError: It cannot be opened, or is another file by now.
        """
        self._file = os.open(part_path(self.path, self.parts), _FLAGS | os.O_APPEND)
        if self._identity != _identity(self._file):
            self.abandon()
            raise OSError(0, "another file has taken its place")
        self._begin_stream()

    def write(self, line: Line, now: float) -> None:
        """
        Append a line.

        Args:
            line: What it says, its number excepted.
            now: Seconds of a clock that the flushes go by.

        Raises:
            OSError: It cannot be written, or not whole.
            FileFull: All parts together are large enough.
        """
        if self._most_bytes is not None and self.bytes >= self._most_bytes:
            raise FileFull(self._most_bytes)
        if self._in_part >= self._part_bytes:
            self.close()
            self.parts += 1
            self._begin_file(part_path(self.path, self.parts))
            self._append({"part": self.parts, "id": self._id}, now)
        self._append(line, now)

    def flush_within(self, now: float) -> float:
        """Return in how many seconds ``flush`` has to be called; infinity when there is nothing to flush."""
        return max(0.0, self._waiting_since + FLUSH_SECONDS - now) if self._waiting else float("inf")

    def flush(self) -> None:
        """
        Hand everything to the system.

        Raises:
            OSError: It was not taken.
        """
        self._waiting = 0
        if self._compressor is not None:
            self._put(self._compressor.flush(zlib.Z_SYNC_FLUSH))

    def close(self) -> None:
        """
        Write what is left, and close the file.

        Raises:
            OSError: It cannot be written.
        """
        self._waiting = 0
        try:
            if self._compressor is not None:
                self._put(self._compressor.flush())
        finally:
            self.abandon()

    def abandon(self) -> None:
        """Close the file as it is."""
        file, self._file, self._compressor = self._file, None, None
        if file is not None:
            with contextlib.suppress(OSError):
                os.close(file)

    def _begin_file(self, path: str) -> None:
        # Exclusively: no file is written over and no link followed, whoever put it there.
        self._file = os.open(path, _FLAGS | os.O_CREAT | os.O_EXCL, _MODE)
        self._identity, self._in_part = _identity(self._file), 0
        self._begin_stream()

    def _begin_stream(self) -> None:
        self._compressor = zlib.compressobj(_LEVEL, zlib.DEFLATED, _GZIP) if self._is_compressed else None

    def _append(self, line: Line, now: float) -> None:
        data = written({"n": self.lines + 1, **line})
        self.lines += 1
        if self._compressor is None:
            self._put(data)
            return
        self._waiting_since = self._waiting_since if self._waiting else now
        self._waiting += 1
        self._put(self._compressor.compress(data))
        if self._waiting >= FLUSH_LINES or self.flush_within(now) <= 0:
            self.flush()

    def _put(self, data: bytes) -> None:
        if self._file is None:
            raise OSError(0, "it is closed")
        while data:
            count = os.write(self._file, data)
            self._in_part += count
            self.bytes += count
            data = data[count:]


def _identity(file: int) -> Tuple[int, int]:
    status = os.fstat(file)
    return status.st_dev, status.st_ino


def _existing(path: str) -> List[str]:
    """Return the parts that there are."""
    found: List[str] = []
    while os.path.lexists(part_path(path, len(found) + 1)):
        found.append(part_path(path, len(found) + 1))
    return found


class JournalLines:
    """
    Reads the lines of a journal, all parts in their order.

    Args:
        path: Of the first part.

    Attributes:
        header: The first line.
        cut: Where and how the journal ends before its last line is whole; None while it does not.

    Raises:
        JournalError: It cannot be read, or is no journal.
    """

    def __init__(self, path: Path) -> None:
        self._path = path_text(path)
        self.cut: Optional[str] = None
        self._part, self._in_file, self._count = 1, 0, 0
        self._lines = self._all_lines()
        header = next(self._lines, None)
        if header is None or header.get("journal") != VERSION:
            known = header is not None and isinstance(header.get("journal"), int)
            raise self.damaged("it is of a version that this one does not read" if known else "it is no journal")
        self.header: Line = header

    def next(self) -> Optional[Line]:
        """
        Return the next line; None at the end.

        Raises:
            JournalError: It is damaged.
        """
        return next(self._lines, None)

    def damaged(self, reason: str) -> JournalError:
        """Return the error that says what is wrong with the line read last."""
        return JournalError(part_path(self._path, self._part), max(self._in_file, 1), reason)

    def _all_lines(self) -> Iterator[Line]:
        while True:
            yield from self._lines_of_part()
            if not os.path.lexists(part_path(self._path, self._part + 1)):
                return
            if self.cut is not None:
                raise self.damaged("the part ends in the middle of it, and another follows")
            self._part, self._in_file = self._part + 1, 0

    def _lines_of_part(self) -> Iterator[Line]:
        path, identity = part_path(self._path, self._part), None
        try:
            source = _plain_file(path)
        except OSError as error:
            source, reason = None, error.strerror or type(error).__name__
        if source is None:
            raise JournalError(path, 0, reason)
        with contextlib.closing(source), contextlib.closing(_split(source, self._tell_cut)) as texts:
            for text, is_whole in _guarded(texts, self.damaged):
                self._in_file += 1
                if not is_whole:
                    # The process died while it wrote, or the disk was full.
                    self.cut = f"the journal ends in the middle of line {self._in_file} of {path}"
                    return
                line = self._checked(text)
                if "part" in line:
                    identity = line.get("id")
                    if (identity, line["part"]) != (self.header["id"], self._part):
                        raise self.damaged("it begins a part of another journal")
                    continue
                if self._part > 1 and identity is None:
                    raise self.damaged("it is no part of a journal")
                yield line

    def _checked(self, text: bytes) -> Line:
        try:
            line = parsed(text)
        except Malformed as error:
            reason = str(error)
        else:
            self._count += 1
            if line["n"] == self._count:
                return line
            reason = f"it is line {line['n']} of the journal, and {self._count} was expected"
        raise self.damaged(reason)

    def _tell_cut(self) -> None:
        where = f"line {self._in_file} of {part_path(self._path, self._part)}"
        self.cut = f"the journal ends in the middle of a compressed block behind {where}"


def _guarded(
    texts: Iterator[Tuple[bytes, bool]], damaged: Callable[[str], JournalError]
) -> Iterator[Tuple[bytes, bool]]:
    """Yield what there is to read, and name what is wrong where no more is."""
    while True:
        try:
            text = next(texts, None)
        except zlib.error:
            reason = "what follows it cannot be decompressed"
        except OSError as error:
            reason = f"what follows it cannot be read: {error.strerror}"
        else:
            if text is None:
                return
            yield text
            continue
        raise damaged(reason)


def _plain_file(path: str) -> Any:
    # A pipe that nobody writes to would keep the caller waiting for ever.
    if not stat.S_ISREG(os.stat(path).st_mode):
        raise OSError(0, "it is no file")
    return open(path, "rb")


def _split(source: Any, tell_cut: Callable[[], None]) -> Generator[Tuple[bytes, bool], None, None]:
    """Yield the lines of a file, decompressed if need be, and whether each has its end."""
    rest = b""
    for data in _decompressed(source, tell_cut):
        *lines, rest = (rest + data).split(b"\n")
        for line in lines:
            yield line, True
    if rest:
        yield rest, False


def _decompressed(source: Any, tell_cut: Callable[[], None]) -> Iterator[bytes]:
    data = source.read(_CHUNK)
    if not data.startswith(b"\x1f\x8b"):
        while data:
            yield data
            data = source.read(_CHUNK)
        return
    # A member for each run, one behind the other.
    stream = zlib.decompressobj(_GZIP)
    while data:
        yield stream.decompress(data)
        data = stream.unused_data
        if stream.eof and (data or (data := source.read(_CHUNK))):
            stream = zlib.decompressobj(_GZIP)
            continue
        data = data or source.read(_CHUNK)
    if not stream.eof:
        tell_cut()
