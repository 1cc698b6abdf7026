"""The README's picture of the session is the session's own table."""

from __future__ import annotations

import pathlib

from tests.drawing import drawing, redrawn

README = pathlib.Path(__file__).parent.parent / "README.md"


def test_the_drawing_in_the_readme_is_current():
    """Drawing the table anew changes nothing: `make states` was run."""
    text = README.read_text()

    assert redrawn(text) == text


def test_the_drawing_shows_every_rule():
    """No rule of the table is left out."""
    from binance_uds.protocol.session import RULES
    from tests.drawing import words

    picture = drawing()

    assert set() == {words(finding) for _, finding in RULES if words(finding) not in picture}
