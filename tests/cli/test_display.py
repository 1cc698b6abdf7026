"""Which display fits, and how plain lines look."""

import io

import binance_uds as uds
from binance_uds.cli import display
from binance_uds.cli.board import Board
from binance_uds.cli.display import LiveScreen, PlainLines, open_display
from binance_uds.cli.words import Told

HEALTH = uds.Health(state=uds.StreamState.LIVE, why="every proof holds")


class Terminal(io.StringIO):
    """Output that says it is a terminal."""

    def isatty(self):
        return True


def console_on(output, monkeypatch, **options):
    """Let the displays draw on this output."""
    real = display.Console
    monkeypatch.setattr(display, "Console", lambda: real(file=output, width=80, height=24, _environ=options))


def test_plain_lines(capsys):
    """One line per thing that happened: the moment, the topic, what; nothing for a repetition."""
    with open_display("{:6.2f}".format) as plain:
        plain.tell(Told("fill", "BTCUSDT"), 1.25)
        plain.tell(None, 2.0)
        plain.show(Board("test"), HEALTH, 3.0)

    assert isinstance(plain, PlainLines)
    assert "  1.25  fill       BTCUSDT\n" == capsys.readouterr().out


def test_live_screen(monkeypatch):
    """A terminal shows the board, drawn a few times a second and no more, and is given back."""
    output = Terminal()
    console_on(output, monkeypatch, TERM="xterm")
    sizes = []
    with open_display(str) as screen:
        for tick in range(21):
            screen.show(Board("the title"), HEALTH, tick / 20)
            screen.tell(Told("fill", "BTCUSDT"), tick / 20)
            sizes.append(len(output.getvalue()))

    assert isinstance(screen, LiveScreen)
    assert "the title" in output.getvalue()
    assert 3 <= len(set(sizes)) <= 8
    assert "\x1b[?1049l" in output.getvalue()[sizes[-1] :]
    assert "\x1b[?25h" in output.getvalue()[sizes[-1] :]
    assert "BTCUSDT" not in output.getvalue()


def test_dumb_terminal(monkeypatch):
    """A terminal that cannot draw gets plain lines."""
    console_on(Terminal(), monkeypatch, TERM="dumb")
    with open_display(str) as plain:
        pass

    assert isinstance(plain, PlainLines)
