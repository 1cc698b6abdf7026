"""The house keeps its order: imports point down, the pure rooms stay pure, the simulator speaks for itself."""

from __future__ import annotations

import ast
import functools
import gc
import pathlib

import pytest

ROOT = pathlib.Path(__file__).parent.parent
PACKAGE = ROOT / "binance_uds"

#: Rooms by floor, lowest first; the first prefix that fits names a module's floor.
FLOORS = {
    "version": 0,
    "errors": 0,
    "redaction": 0,
    "credentials": 0,
    "instants": 0,
    "lazy": 0,
    "events": 0,
    "tags": 0,
    "markets": 0,
    "makers": 0,
    "markup": 0,
    "tables": 0,
    "account": 1,
    "account_html": 1,
    "account_orders": 1,
    "account_view": 1,
    "protocol": 1,
    "edges": 2,
    "runtime": 3,
    "notebook": 4,
    "stream": 4,
    "doctor": 4,
    "metrics": 4,
    "group": 4,
    "group_doors": 4,
    "recording": 4,
    "__init__": 4,
    "cli": 5,
    "__main__": 5,
}

#: Pure rooms, and the modules outside the package that they may use.
PURE = (
    *("account", "account_orders", "account_view", "protocol", "events", "instants", "errors", "markets"),
    "simulator.exchange",
)
HARMLESS = {
    "__future__",
    "attrs",
    "base64",
    "bisect",
    "collections",
    "copy",
    "dataclasses",
    "decimal",
    "enum",
    "fractions",
    "functools",
    "hashlib",
    "heapq",
    "hmac",
    "itertools",
    "json",
    "math",
    "orjson",
    "operator",
    "re",
    "string",
    "types",
    "typing",
    "urllib",
}
#: In the floor of words, these hold secrets and mask them in logs, which needs a lock and the log; these write times
#: down and escape HTML; these import a module when something of it is asked for, and make tables of such a package.
WORDS_WITH_A_TOOL = {
    "binance_uds.markup": {"datetime", "html"},
    "binance_uds.lazy": {"importlib", "sys"},
    "binance_uds.tables": {"pandas"},
    "binance_uds.credentials": {"os"},
    "binance_uds.redaction": {"logging", "os", "threading", "weakref"},
}


def modules() -> dict[str, pathlib.Path]:
    """Return every module of the package by its dotted name."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 2 else parts)
        found[name] = path
    return found


@functools.cache
def parsed(path: pathlib.Path) -> ast.Module:
    """Return a module's syntax tree."""
    # A collection of garbage meanwhile that runs Python code makes 3.11 raise SystemError (python/cpython#106905).
    gc.disable()
    try:
        return ast.parse(path.read_text())
    finally:
        gc.enable()


def imports(name: str, path: pathlib.Path, *, for_types: bool = False) -> set[str]:
    """Return the dotted names that a module imports, relative ones made absolute."""
    tree = parsed(path)
    only_for_types = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    package = name.split(".") if path.name == "__init__.py" else name.split(".")[:-1]
    found: set[str] = set()
    for node in ast.walk(tree):
        if not for_types and id(node) in only_for_types:
            continue
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            source = ".".join([*base, *([node.module] if node.module else [])])
            found.update(f"{source}.{alias.name}" for alias in node.names)
    return found


def floor(name: str) -> int:
    """Return the floor of a module of the package."""
    room = name.split(".")[1] if "." in name else "__init__"
    # A name that is no room is one of those that the package itself exports.
    return FLOORS.get(room, FLOORS["__init__"])


MODULES = modules()
HOUSE = {name: path for name, path in MODULES.items() if not name.startswith("binance_uds.simulator")}


@pytest.mark.parametrize("name", HOUSE)
def test_imports_point_down(name):
    """No module imports from a floor above its own."""
    inside = {target for target in imports(name, HOUSE[name], for_types=True) if target.startswith("binance_uds.")}
    targets = {target for target in inside if not target.startswith("binance_uds.simulator")}
    upward = {target for target in targets if floor(target) > floor(name)}

    assert set() == upward


@pytest.mark.parametrize("name", HOUSE)
def test_the_simulator_is_used_by_the_command_line_alone(name):
    """Nothing that a user's stream needs imports the simulator."""
    used = {target for target in imports(name, HOUSE[name]) if target.startswith("binance_uds.simulator")}

    assert floor(name) == 5 or used == set()


@pytest.mark.parametrize("name", [name for name in HOUSE if floor(name) in (1, 2)])
def test_deciding_and_touching_do_not_know_each_other(name):
    """`protocol/` and `edges/` never import each other."""
    other = {1: "binance_uds.edges", 2: "binance_uds.protocol"}[floor(name)]

    assert set() == {target for target in imports(name, HOUSE[name], for_types=True) if target.startswith(other)}


def test_only_the_runtime_starts_threads():
    """Threads and selectors are the runtime's; an edge has its one watchdog, two words a lock, a display its thread."""
    users = {
        name
        for name, path in HOUSE.items()
        if imports(name, path) & {"threading", "selectors", "threading.Thread", "_thread"}
    }

    assert users <= {
        "binance_uds.edges.bell",
        "binance_uds.edges.deadline",
        "binance_uds.edges.holds",
        "binance_uds.notebook.display",
        "binance_uds.redaction",
        "binance_uds.runtime.doors",
        "binance_uds.runtime.shutdown",
        "binance_uds.runtime.sockets",
        "binance_uds.runtime.weights",
        "binance_uds.runtime.worker",
        "binance_uds.group",
        "binance_uds.stream",
    } | {name for name in users if name.startswith("binance_uds.cli")}


def pure_modules() -> set[str]:
    """Return the pure rooms and every module they import."""
    rooms = {
        name
        for name in MODULES
        if any(name == f"binance_uds.{room}" or name.startswith(f"binance_uds.{room}.") for room in PURE)
    }
    reached: set[str] = set()
    while rooms:
        name = rooms.pop()
        reached.add(name)
        for target in imports(name, MODULES[name]):
            if target.startswith("binance_uds."):
                room = target if target in MODULES else target.rpartition(".")[0]
                if room != "binance_uds" and room not in reached:
                    rooms.add(room)
    return reached


@pytest.mark.parametrize("name", sorted(pure_modules()))
def test_the_pure_rooms_are_pure(name):
    """No I/O, threads, clocks or randomness, however far down the imports lead."""
    outside = {target.split(".")[0] for target in imports(name, MODULES[name])} - {"binance_uds"}

    assert set() == outside - HARMLESS - WORDS_WITH_A_TOOL.get(name, set())


@pytest.mark.parametrize("name", [name for name in MODULES if name.startswith("binance_uds.simulator")])
def test_the_simulator_shares_no_words_with_the_client(name):
    """One mistake in a wire word must not cancel itself out: the exchange writes its own."""
    shared = {
        target
        for target in imports(name, MODULES[name], for_types=True)
        if target.startswith("binance_uds.") and not target.startswith("binance_uds.simulator")
    }

    assert set() == shared


def test_no_module_of_a_market_but_the_market_rows():
    """No module asks which market it deals with; it reads the row."""
    asking = {
        name
        for name, path in HOUSE.items()
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.Compare) and "market" in ast.unparse(node)
    }

    assert set() == asking


def test_the_repository_is_whole_by_itself():
    """Nothing points out of the repository, or to a machine it was written on."""
    texts = [
        path
        for path in ROOT.rglob("*")
        if path.suffix in {".py", ".md", ".cfg", ".toml", ".txt"}
        and not any(part.startswith(".venv") or part.endswith(".egg-info") for part in path.parts)
    ]
    forbidden = ["../" + "shared", "/" + "root/", "/" + "work/"]

    assert [] == [(path.name, word) for path in texts for word in forbidden if word in path.read_text()]
