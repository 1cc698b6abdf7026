"""
Runs the notebooks among the samples and takes the pictures of them that the README shows.

`python -m tests.screenshots samples/pictures` executes each notebook against the local exchange, exports the cells that
are tagged `picture` as a page, light and dark, has headless Chromium look at it, and writes what it saw as PNG.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Iterator
from typing import Any

ROOT = pathlib.Path(__file__).parent.parent
SAMPLES = ROOT / "samples"
THEMES = ("light", "dark")

#: By these names Chromium and Chrome are called.
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")

#: Tags of cells: those in the picture, and those that end the show and are left out before it is taken.
IN_PICTURE, AT_THE_END = "picture", "end"

#: Pixels; what stays empty below is cut off.
WIDTH, TALLEST = 940, 2400

#: What is run last, so that the display has shown the end, or whatever there is, before the kernel ends.
DISPLAY_ENDED = "import threading; [each.join() for each in threading.enumerate() if each.name.endswith(' display')]"
DISPLAY_UPDATED = "import time; time.sleep(1)"

#: Seconds for a whole notebook, and for one look at it.
PATIENCE_S = 120.0


def notebooks() -> list[pathlib.Path]:
    """List the samples that are notebooks."""
    return sorted(SAMPLES.glob("notebook_*.py"))


@contextlib.contextmanager
def quietly() -> Iterator[None]:
    """Inside, what Jupyter's packages complain of among themselves is nobody's concern."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@quietly()
def opened(path: pathlib.Path) -> Any:
    """Return a sample as a notebook."""
    import jupytext

    return jupytext.read(path)


def executed(path: pathlib.Path, *, to_the_end: bool = True) -> Any:
    """
    Return a sample as a notebook with the outputs of running it from top to bottom.

    Args:
        path: The sample.
        to_the_end: Whether to run the cells that end the show, too.

    Raises:
        nbclient.exceptions.CellExecutionError: A cell failed.
    """
    import nbformat

    notebook = opened(path)
    last = DISPLAY_ENDED
    if not to_the_end:
        last = DISPLAY_UPDATED
        notebook.cells = [cell for cell in notebook.cells if AT_THE_END not in tags(cell)]
    notebook.cells.append(nbformat.v4.new_code_cell(last))
    return run(notebook)


@quietly()
def run(notebook: Any) -> Any:
    """Return a notebook with its outputs, as ``executed``."""
    import nbclient

    # The kernel is a process of its own: it is to find this package, and nothing of whoever runs this.
    with tempfile.TemporaryDirectory() as home:
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "IPYTHONDIR": home}
        nbclient.NotebookClient(notebook, timeout=PATIENCE_S).execute(env=environment)
    return notebook


def tags(cell: Any) -> list[str]:
    """Return the tags of a cell."""
    return list(cell.metadata.get("tags", []))


def browser() -> str | None:
    """Return the path of the browser, if there is one."""
    return next(filter(None, map(shutil.which, BROWSERS)), None)


@quietly()
def page(notebook: Any, theme: str) -> str:
    """Return the cells for the picture as a page that asks for nothing from elsewhere."""
    import nbformat
    from nbconvert import HTMLExporter

    pictured = nbformat.from_dict({**notebook, "cells": [cell for cell in notebook.cells if IN_PICTURE in tags(cell)]})
    exporter = HTMLExporter(theme=theme, exclude_input_prompt=True, exclude_output_prompt=True)
    for name in ("require_js_url", "jquery_url", "mathjax_url", "mermaid_js_url", "jupyter_widgets_base_url"):
        setattr(exporter, name, "")
    return str(exporter.from_notebook_node(pictured)[0])


def look(chromium: str, html: str, picture: pathlib.Path) -> None:
    """
    Write what the browser shows of a page.

    Raises:
        subprocess.CalledProcessError: The browser failed.
    """
    with tempfile.TemporaryDirectory() as folder:
        source, shot = pathlib.Path(folder, "page.html"), pathlib.Path(folder, "shot.png")
        source.write_text(html, encoding="utf-8")
        subprocess.run(
            [
                *(chromium, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"),
                *("--disable-background-networking", "--host-resolver-rules=MAP * ~NOTFOUND"),
                *(f"--user-data-dir={folder}/profile", f"--window-size={WIDTH},{TALLEST}"),
                *("--virtual-time-budget=3000", f"--screenshot={shot}", source.as_uri()),
            ],
            check=True,
            capture_output=True,
            timeout=PATIENCE_S,
        )
        trim(shot, picture)


def trim(shot: pathlib.Path, picture: pathlib.Path) -> None:
    """Cut off what is empty, and write the rest small."""
    from PIL import Image, ImageChops

    with Image.open(shot) as opened:
        image = opened.convert("RGB")
    margin = 12
    empty = Image.new("RGB", image.size, image.getpixel((1, image.height - 1)))
    left, top, right, bottom = ImageChops.difference(image, empty).getbbox() or (0, 0, *image.size)
    box = (max(left - margin, 0), max(top - margin, 0), min(right + margin, image.width), bottom + margin)
    image.crop(box).quantize(128, dither=Image.Dither.NONE).save(picture, optimize=True)


def main(arguments: list[str]) -> int:
    """Take all pictures; 1 when there is no browser."""
    parser = argparse.ArgumentParser(prog="python -m tests.screenshots", description="Pictures for the README.")
    parser.add_argument("folder", type=pathlib.Path, help="where the pictures go")
    folder = parser.parse_args(arguments).folder
    chromium = browser()
    if chromium is None:
        print(f"This needs Chromium or Chrome; none of {', '.join(BROWSERS)} is in PATH.", file=sys.stderr)
        return 1
    folder.mkdir(parents=True, exist_ok=True)
    for path in notebooks():
        notebook = executed(path, to_the_end=False)
        for theme in THEMES:
            picture = folder / f"{path.stem}-{theme}.png"
            look(chromium, page(notebook, theme), picture)
            print(f"{picture}: {picture.stat().st_size / 1000:.0f} kB")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
