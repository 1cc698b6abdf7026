"""The demo, as a command."""

import fcntl
import os
import re
import struct
import termios
import unicodedata

import attrs
import pytest
from click.testing import CliRunner

import binance_uds as uds
from binance_uds.cli import rehearsal
from binance_uds.cli.board import Board
from binance_uds.cli.demo import demo, introduction, summary
from binance_uds.cli.story import tell_story
from binance_uds.cli.tally import Tally

ALTERNATE_SCREEN, NORMAL_SCREEN, SHOW_CURSOR = "\x1b[?1049h", "\x1b[?1049l", "\x1b[?25h"


def verdict(*broken):
    return Tally(
        signed=True,
        executed=2,
        delivered=2,
        recovered=0,
        late=0,
        signalled=0,
        lost=0,
        duplicated=0,
        out_of_order=0,
        mishaps=1,
        announced=1,
        proofs={"balanced": 1},
        unprovoked=0,
        broken=broken,
    )


def opened():
    return uds.GapOpened(gap_id=1, since_ms=0, cause="listen key expired")


def closed():
    return uds.GapClosed(gap_id=1, since_ms=0, until_ms=9, cause="listen key expired", proof="balanced", recovered=3)


@pytest.mark.slow
@pytest.mark.parametrize(
    "options, gaps, last",
    [
        ([], 8, r"lost 0, duplicated 0, out of order 0"),
        (["--key-only"], 7, r"only signalled [1-9]\d*, lost 0, duplicated 0, out of order 0"),
    ],
)
def test_piped(command, options, gaps, last):
    """On a pipe the demo can be read, keeps every promise, and ends by itself in time."""
    running = command("demo", "--seed", "7", *options)
    code, said = running.finish()
    lines = said.splitlines()

    assert 0 == code, said
    assert "" == running.errors()
    assert re.fullmatch(last, lines[-1])
    assert "promises kept: yes" == lines[-2]
    assert lines[-3].startswith(f"gaps: {gaps} opened by faults, ")
    assert lines[-4].startswith("fills: ")
    assert max(float(stamp) for stamp in re.findall(r"^ *(\d+\.\d\d)  ", said, re.MULTILINE)) < 30
    assert not {char for char in said if unicodedata.category(char) == "Cc"} - {"\n"}


@pytest.mark.parametrize("broken, code", [((), 0), (("a fill was delivered twice",), 1)])
def test_exit_code(monkeypatch, broken, code):
    """A broken promise is named and is exit code 1."""
    monkeypatch.setattr(rehearsal, "rehearse", lambda story, seed, *, signed: (Board("demo"), verdict(*broken)))
    result = CliRunner().invoke(demo, ["--seed", "1"], standalone_mode=False)

    assert code == result.return_value
    assert [f"broken promise: {sentence}" for sentence in broken] == [
        line for line in result.output.splitlines() if line.startswith("broken")
    ]


def test_seed_is_told(monkeypatch):
    """A story drawn by chance can be repeated: its seed is said, and used."""
    played = []

    def rehearse(story, seed, *, signed):
        played.append((seed, signed))
        return Board("demo"), verdict()

    monkeypatch.setattr(rehearsal, "rehearse", rehearse)
    results = [CliRunner().invoke(demo, options, standalone_mode=False) for options in ([], ["--key-only"])]
    said = [" ".join(result.output.split()) for result in results]

    assert [True, False] == [signed for _, signed in played]
    assert f"To repeat this very story: --seed {played[0][0]} " in said[0]
    assert f"To repeat this very story: --seed {played[1][0]} --key-only" in said[1]


@pytest.mark.parametrize("signed", [True, False])
def test_introduction(signed):
    """What is shortened so that it fits is said, and what a stream without the secret cannot notice."""
    said = " ".join(introduction(tell_story(1, signed=signed), 1, signed=signed))

    assert "the key is probed every 1.5 s instead of 60" in said
    assert signed == ("REST counts as settled after 0.3 s instead of 3" in said)
    assert signed != ("without the secret nobody could notice" in said)


def test_stream_that_does_not_start(monkeypatch):
    """A stream that does not start is one clear line."""

    def fail(story, seed, *, signed):
        raise uds.StartTimeout(30.0, "connecting")

    monkeypatch.setattr(rehearsal, "rehearse", fail)
    result = CliRunner().invoke(demo, [])

    assert 1 == result.exit_code
    assert "Error: the stream did not start: not LIVE within 30 s: connecting" == result.output.splitlines()[-1]


def test_summary():
    """Each fault is summed up with what the stream made of it, when, and on what evidence it was over."""
    board = Board("demo", knows_faults=True)
    board.take(opened(), 0.5)
    board.take(closed(), 0.75)
    board.take_fault("drops the connection", 1.0)

    assert [
        "  at the exchange                     seen    over  closed on which evidence",
        " 0.5 nothing (listen key expired)   0.00 s  0.25 s  balanced, 3 by REST",
        " 1.0 drops the connection            never",
    ] == list(summary(board))


def test_the_summary_fits_a_terminal():
    """The longest line that a demo comes to is no wider than 80 columns."""
    board = Board("demo", knows_faults=True)
    board.take_fault("w" * 30, 10.5)
    board.take(opened(), 10.9)
    board.take(attrs.evolve(closed(), recovered=25, late=1), 11.25)
    lines = list(summary(board))

    assert lines[1].endswith("balanced, 25 by REST, 1 late")
    assert max(map(len, lines)) <= 80


def test_interrupted(command):
    """Ctrl-C ends it with exit code 130 and no traceback."""
    running = command("demo", "--seed", "1")
    running.hear("LIVE")
    running.interrupt()
    code, said = running.finish()

    assert (130, "") == (code, running.errors())
    assert "promises" not in said


def test_interrupted_while_starting(command):
    """Ctrl-C in the middle of the imports ends it as quietly."""
    running = command("demo", before="import signal; from binance_uds.cli import interruption\n" + _INTERRUPTED_IMPORT)
    code, _ = running.finish()

    assert (130, "") == (code, running.errors())


#: Sends the signal at the moment the heaviest module is about to be imported.
_INTERRUPTED_IMPORT = """
class Interrupting:
    def find_spec(self, name, path, target=None):
        if name == "aiohttp":
            signal.raise_signal(signal.SIGINT)
sys.meta_path.insert(0, Interrupting())
"""


def test_terminal(command):
    """On a terminal the display lives on the other screen, and Ctrl-C gives the terminal back as it was."""
    master, terminal = os.openpty()
    try:
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        before = termios.tcgetattr(terminal)
        running = command("demo", "--seed", "1", terminal=terminal, master=master)
        on_screen = running.hear("● LIVE")
        running.interrupt()
        code = running.process.wait(60)
        after = termios.tcgetattr(terminal)
        os.close(terminal)
        terminal = -1
        _, said = running.finish()
    finally:
        os.close(master)
        if terminal >= 0:
            os.close(terminal)

    assert (130, "") == (code, running.errors())
    assert ALTERNATE_SCREEN in on_screen
    assert said.rindex(NORMAL_SCREEN) > said.rindex(ALTERNATE_SCREEN)
    assert SHOW_CURSOR in said[said.rindex("LIVE") :]
    assert before == after
