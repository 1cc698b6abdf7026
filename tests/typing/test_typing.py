"""What mypy and pyright make of the public face, as ``cases.py`` says it should be."""

from __future__ import annotations

import json
import pathlib
import re
import subprocess
import sys
from collections import defaultdict
from typing import Any

import pytest

HERE = pathlib.Path(__file__).parent
ROOT = HERE.parent.parent
CASES = HERE / "cases.py"
PATIENCE_S = 120.0

#: Checkers spell the same type differently: ``def (x.y.A) -> int`` and ``(A) -> int``.
_SPELLINGS = ((r"\bdef ", ""), (r"(?:\w+\.)+(\w+)", r"\1"), (r"\((\w+): (\w+)\)", r"(\2)"))


def plain(type_text: str) -> str:
    """Spell a type without modules, parameter names and ``def``."""
    for pattern, replacement in _SPELLINGS:
        type_text = re.sub(pattern, replacement, type_text)
    return type_text


def expected() -> tuple[dict[int, str], set[int]]:
    """Read from the cases what is revealed, and which lines are refused."""
    revealed, refused = {}, set()
    for number, line in enumerate(CASES.read_text().splitlines(), 1):
        reveals = re.search(r"# reveals: (.+)$", line)
        if reveals:
            revealed[number] = plain(reveals[1])
        if line.endswith("# error"):
            refused.add(number)
    return revealed, refused


def run(*command: str) -> str:
    """Run a checker over the cases."""
    done = subprocess.run(
        [sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE_S, check=False
    )
    assert done.stdout, done.stderr
    return done.stdout


def by_mypy(cache: pathlib.Path) -> tuple[dict[int, str], set[int]]:
    """Ask mypy."""
    revealed, refused = {}, set()
    out = run("mypy", "--strict", "--config-file=", f"--cache-dir={cache}", str(CASES))
    for line in out.splitlines():
        found = re.match(r"[^:]+cases\.py:(\d+): (\w+): (.*)", line)
        if found and found[2] == "error":
            refused.add(int(found[1]))
        elif found and found[3].startswith("Revealed type is"):
            revealed[int(found[1])] = plain(found[3].split('"')[1])
    return revealed, refused


def by_pyright(cache: pathlib.Path) -> tuple[dict[int, str], set[int]]:
    """Ask pyright (basedpyright, which brings its own node), about types only."""
    found: dict[str, dict[int, str]] = defaultdict(dict)
    settings = cache / "pyrightconfig.json"
    settings.write_text(
        json.dumps({"typeCheckingMode": "standard", "include": [str(CASES)], "extraPaths": [str(ROOT)]})
    )
    report: Any = json.loads(run("basedpyright", "--outputjson", "--project", str(settings)))
    for each in report["generalDiagnostics"]:
        found[each["severity"]][each["range"]["start"]["line"] + 1] = each["message"]
    revealed = {
        number: plain(message.split(" is ", 1)[1].strip('"')) for number, message in found["information"].items()
    }
    return revealed, set(found["error"])


@pytest.mark.slow
@pytest.mark.parametrize("ask", [by_mypy, by_pyright])
def test_the_checkers_see_what_the_cases_say(ask, tmp_path):
    """Every revealed type and every refused line is as written, and nothing else is refused."""
    revealed, refused = expected()
    seen, errors = ask(tmp_path)

    assert len(revealed) > 10
    assert revealed == seen
    assert refused == errors


def test_the_package_says_that_it_is_typed():
    """Without ``py.typed`` checkers ignore every annotation of an installed package."""
    assert (ROOT / "binance_uds" / "py.typed").is_file()
