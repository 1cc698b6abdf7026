"""What tests of recordings share: a stream's story in canonical text, recorded and replayed."""

from __future__ import annotations

import contextlib
import os
import pathlib
from typing import Any, List, Union

import binance_uds as uds
from binance_uds.recording.canonical import canonical, canonical_account

Path = Union[str, "os.PathLike[str]"]


class Story:
    """Everything a stream delivers but what its callbacks did wrong, in order, and its account in the end."""

    def __init__(self, stream: uds.UserDataStream) -> None:
        self.stream = stream
        self.items: List[Any] = []
        stream.on(uds.Event)(self.items.append)
        stream.on(uds.Notice)(self.items.append)

    @property
    def text(self) -> str:
        """The story so far, a line for each item, and the account."""
        told = [canonical(item) for item in self.items if not isinstance(item, uds.CallbackFailed)]
        return "\n".join([*told, canonical_account(self.stream.account.snapshot())])


def replayed(path: Path, **options: Any) -> Story:
    """Replay every run of a journal."""
    story = Story(uds.replay(path, **options))
    run_all(story.stream)
    return story


def run_all(replay: uds.UserDataStream) -> None:
    """Replay every run, whatever ended the recorded ones; what is wrong with the journal is raised."""
    assert isinstance(replay, uds.Replay)
    while replay.has_next_run:
        with contextlib.suppress(uds.StartTimeout, uds.CredentialsRejected):
            replay.run()


def everything_in(path: Path) -> bytes:
    """Return all bytes beside a journal, its own included."""
    return b"".join(each.read_bytes() for each in sorted(pathlib.Path(path).parent.iterdir()))
