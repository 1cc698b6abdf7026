"""Public names that are loaded on first use are names like any other."""

from __future__ import annotations

import ast
import importlib
import pathlib
import subprocess
import sys
import threading

import pytest

import binance_uds as uds
from binance_uds import events

PACKAGE = pathlib.Path(uds.__file__).parent

#: A module that counts how often it ran.
COUNTED = "import sys\nsys.runs_of_a_module += 1\nclass Thing: ...\n"
LAZY = (
    "from binance_uds.lazy import loading\n"
    "__getattr__, __dir__, __all__ = loading(__name__, {'counted': ['Thing'], 'other': ['absent']})\n"
)


def printed(program: str) -> list[str]:
    """Return the words that a program prints in a fresh interpreter."""
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    return done.stdout.split()


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package with names that are loaded on first use."""
    place = tmp_path / "lazy_package"
    place.mkdir()
    for name, text in {"__init__": LAZY, "counted": COUNTED, "other": ""}.items():
        (place / f"{name}.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "runs_of_a_module", 0, raising=False)
    yield importlib.import_module("lazy_package")
    for name in [name for name in sys.modules if name.partition(".")[0] == "lazy_package"]:
        del sys.modules[name]


def for_checkers(path: pathlib.Path) -> set[str]:
    """Return the names that a package has for type checkers; a star stands for those of events."""
    (block,) = (
        node
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
    )
    told = {
        (f"{node.module}.{alias.name}", alias.asname or alias.name)
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    return {f"{path.parent.name}.{home}" for home, name in told if home == "events.*" or home.endswith(f".{name}")}


def at_run_time(package) -> set[str]:
    """Return the same of what it has for programs."""
    homes = {}
    (homes_node,) = (
        node for node in ast.walk(ast.parse(pathlib.Path(package.__file__).read_text())) if isinstance(node, ast.Dict)
    )
    for key, value in zip(homes_node.keys, homes_node.values):
        homes[ast.literal_eval(key)] = ["*"] if isinstance(value, ast.Attribute) else ast.literal_eval(value)
    folder = pathlib.Path(package.__file__).parent.name
    return {f"{folder}.{module}.{name}" for module, names in homes.items() for name in names}


@pytest.mark.parametrize("package", [uds, events])
def test_checkers_and_programs_see_the_same_names(package):
    """What type checkers read and what is loaded are the same names of the same modules."""
    assert for_checkers(pathlib.Path(package.__file__)) == at_run_time(package)


def test_importing_the_package_loads_no_room_of_it():
    """Nothing but the tables of names is loaded by ``import binance_uds``; attrs is not either."""
    loaded = printed("import sys, binance_uds; print(*sorted(sys.modules))")

    assert ["binance_uds", "binance_uds.events", "binance_uds.lazy"] == [
        name for name in loaded if name.partition(".")[0] == "binance_uds"
    ]
    assert "attr" not in loaded


def test_the_class_of_streams_loads_what_making_one_takes_and_no_more():
    """The network and the rooms for special occasions are loaded by who uses them."""
    loaded = printed("import sys; from binance_uds import UserDataStream; print(*sys.modules)")
    rooms = {name.split(".")[1] for name in loaded if name.startswith("binance_uds.")}
    notebook = {name for name in loaded if name.startswith("binance_uds.notebook.")}

    assert set() == {"requests", "urllib3", "websocket", "asyncio", "orjson", "pandas"} & set(loaded)
    assert set() == {"cli", "doctor", "group", "metrics", "recording", "simulator"} & rooms
    assert {"binance_uds.notebook.history"} == notebook


def test_a_star_import_brings_every_name():
    """``from binance_uds import *`` loads all of them, and nothing else."""
    brought = printed("from binance_uds import *; print(*(n for n in dir() if not n.startswith('_')))")

    assert sorted(uds.__all__) == sorted(brought)


@pytest.mark.parametrize("package", [uds, events])
def test_names_can_be_completed_before_they_are_loaded(package):
    """``dir()``, and with it every completion of names, knows them from the beginning, each once."""
    listed = printed(f"import {package.__name__} as package; print(*dir(package))")

    assert set() == set(package.__all__) - set(listed)
    assert sorted(set(listed)) == listed


def test_a_name_that_is_not_there_is_refused_as_ever():
    """Neither an attribute nor an import finds it, and the words are those of any module."""
    with pytest.raises(AttributeError, match=r"^module 'binance_uds' has no attribute 'Nothing'$"):
        uds.Nothing  # noqa: B018 - reading it is what fails
    with pytest.raises(ImportError, match="cannot import name 'Nothing'"):
        exec("from binance_uds import Nothing")


def test_what_was_pickled_is_found_in_a_process_that_loaded_nothing():
    """A pickle names the module itself, so it does not matter what was loaded before."""
    pickled = printed(
        "import pickle, binance_uds as uds\n"
        "print(pickle.dumps(uds.Timings()).hex(), pickle.dumps(uds.UserDataStream).hex())"
    )
    program = "import pickle, sys\nprint(*(type(pickle.loads(bytes.fromhex(told))).__name__ for told in {!r}))"

    assert ["Timings", "type"] == printed(program.format(pickled))


def test_threads_that_ask_at_once_get_the_same_object(package):
    """The module runs once, and whoever asked meanwhile waited for it."""
    found, together = [], threading.Barrier(8)

    def ask():
        together.wait()
        found.append(package.Thing)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert 8 == len(found)
    assert {package.counted.Thing} == set(found)
    assert 1 == sys.runs_of_a_module


def test_what_was_loaded_is_the_packages_own(package):
    """It is looked for once, and can be replaced like any other name of a module."""
    assert "Thing" not in vars(package)

    thing = package.Thing

    assert thing is vars(package)["Thing"]
    assert ["Thing", "absent"] == package.__all__


def test_a_table_that_names_what_is_not_there_says_so(package):
    """A mistake in a table is told as what it is."""
    with pytest.raises(AttributeError, match=r"'lazy_package\.other' has no attribute 'absent'"):
        package.absent  # noqa: B018 - reading it is what fails


@pytest.mark.parametrize(
    "name", ["markets.Market", "errors.StartTimeout", "events.usdm.TradeLite", "events.base.Event"]
)
def test_a_module_with_public_names_is_reached_through_its_package(name):
    """As long as nothing was loaded, too: whether it is there does not depend on what was used before."""
    assert [name.rpartition(".")[2]] == printed(f"import binance_uds as uds; print(uds.{name}.__name__)")
