"""An environment for each client, with the versions that its requirements pin; kept where the user says."""

from __future__ import annotations

import hashlib
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence

from tests.benchmarks.entrants import Entrant

ROOT = pathlib.Path(__file__).parent.parent.parent

#: What our own distribution is built from.
_SOURCES = ("setup.cfg", "pyproject.toml", "README.md", "LICENSE", "binance_uds")

_PATIENCE_S = 900.0

_SCRIPTS, _PYTHON = ("Scripts", "python.exe") if os.name == "nt" else ("bin", "python")


class NotInstalled(Exception):
    """A client could not be had; says why."""


def environment_for(entrant: Entrant, home: pathlib.Path, python: str) -> str:
    """
    Return an interpreter that has a client, installing it unless an earlier run did.

    What others pin is kept; our own distribution is installed anew each time, from a copy of the working tree.

    Args:
        entrant: The client.
        home: Where environments are kept.
        python: The interpreter they are made with.

    Raises:
        NotInstalled: It does not install under this interpreter, or there is no index to be reached.
    """
    if entrant.requirements is None:
        return python
    version = _run([python, "-c", "import sys; print(sys.version)"])
    pins = entrant.requirements.read_text()
    place = home / f"{entrant.name}-{hashlib.sha256((version + pins).encode()).hexdigest()[:12]}"
    inside = str(place / _SCRIPTS / _PYTHON)
    pip = [
        sys.executable,
        "-m",
        "pip",
        "--python",
        inside,
        "--disable-pip-version-check",
        "--no-input",
        "install",
        "-q",
    ]
    finished = place / "installed"
    if not finished.exists():
        shutil.rmtree(place, ignore_errors=True)
        _run([python, "-m", "venv", "--without-pip", str(place)])
        _run([*pip, "--no-deps", "-r", str(entrant.requirements)])
        finished.touch()
    if entrant.is_ours:
        with tempfile.TemporaryDirectory(prefix="binance-uds-") as copy:
            for name in _SOURCES:
                source, target = ROOT / name, pathlib.Path(copy, name)
                if source.is_dir():
                    shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
                else:
                    shutil.copy(source, target)
            _run([*pip, "--force-reinstall", "--no-deps", copy])
    return inside


def _run(command: Sequence[str]) -> str:
    # pip needs the machine's proxies and certificates; only the paths of this interpreter stay out.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    try:
        done = subprocess.run(
            command,
            check=True,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="backslashreplace",
            timeout=_PATIENCE_S,
        )
    except FileNotFoundError:
        raise NotInstalled(f"there is no {command[0]}") from None
    except subprocess.TimeoutExpired:
        raise NotInstalled("it was not installed in time") from None
    except subprocess.CalledProcessError as error:
        words = [line for line in error.stdout.strip().splitlines() if line.startswith("ERROR")]
        raise NotInstalled((words or error.stdout.strip().splitlines() or ["pip said nothing"])[0]) from None
    return done.stdout
