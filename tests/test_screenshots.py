"""The README's pictures of the notebooks are made by a command, with a real browser where there is one."""

from __future__ import annotations

import pathlib
import re

import pytest
from PIL import Image

from tests import screenshots

README = screenshots.ROOT / "README.md"

#: Bytes; a README is loaded whole.
LARGEST = 200_000


def test_the_readme_shows_every_picture_the_command_makes():
    """Each notebook, light and dark, and nothing else; none is large."""
    shown = set(re.findall(r"samples/pictures/[\w-]+\.png", README.read_text()))
    made = {
        f"samples/pictures/{path.stem}-{theme}.png" for path in screenshots.notebooks() for theme in screenshots.THEMES
    }

    assert made == shown
    assert [] == [name for name in shown if (screenshots.ROOT / name).stat().st_size > LARGEST]


def test_every_notebook_has_a_cell_to_be_pictured():
    """And one that ends it, which is left out of the picture."""
    for path in screenshots.notebooks():
        found = {tag for cell in screenshots.opened(path).cells for tag in screenshots.tags(cell)}

        assert {screenshots.IN_PICTURE, screenshots.AT_THE_END} == found


def test_without_a_browser_it_says_so(monkeypatch, tmp_path, capsys):
    """In words, and by its exit status; nothing is run."""
    monkeypatch.setenv("PATH", str(tmp_path))

    assert 1 == screenshots.main([str(tmp_path / "pictures")])
    assert "needs Chromium or Chrome" in capsys.readouterr().err
    assert not (tmp_path / "pictures").exists()


def picture_of(path: pathlib.Path, *, size: tuple[int, int] = (100, 400)) -> None:
    image = Image.new("RGB", size, "white")
    image.paste((200, 0, 0), (20, 30, 80, 100))
    image.save(path)


def test_what_is_empty_is_cut_off(tmp_path):
    """All around, but for a small margin."""
    picture_of(tmp_path / "shot.png")
    screenshots.trim(tmp_path / "shot.png", tmp_path / "picture.png")
    with Image.open(tmp_path / "picture.png") as picture:
        assert (84, 94) == picture.size


@pytest.mark.slow
@pytest.mark.skipif(screenshots.browser() is None, reason="no Chromium in PATH")
@pytest.mark.parametrize("theme", screenshots.THEMES)
def test_a_real_browser_reads_the_views_in_both_themes(tmp_path, theme):
    """Text is light on dark or dark on light, as the theme of the notebook is: more of the picture is ground."""
    pytest.importorskip("nbconvert", reason="is not installed under Python 3.9")
    import nbformat

    from binance_uds.events import StreamState
    from binance_uds.runtime.watch import Health

    html = Health(state=StreamState.LIVE, why="every proof holds")._repr_html_()
    output = nbformat.v4.new_output("display_data", data={"text/html": html})
    cell = nbformat.v4.new_code_cell("stream.health", outputs=[output], metadata={"tags": [screenshots.IN_PICTURE]})
    page = screenshots.page(nbformat.v4.new_notebook(cells=[cell]), theme)
    screenshots.look(screenshots.browser(), page, tmp_path / "picture.png")
    with Image.open(tmp_path / "picture.png") as picture:
        shades = picture.convert("L").histogram()
    ground = sum(shades[:128]) if theme == "dark" else sum(shades[128:])

    assert 0.9 * sum(shades) < ground
    # Text of the other kind, and the green of LIVE.
    assert 500 < sum(shades[160:] if theme == "dark" else shades[:96])
