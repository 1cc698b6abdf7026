"""
The faults a stream has to survive, and which tests show that: `python -m tests.faults tests/FAULTS.md`.

A test says which faults it is about with ``@pytest.mark.fault(12, 13)``. The table is made from those marks, and a test
compares it with what the page holds. A number stays with its fault; one that is given up is not used again.
"""

from __future__ import annotations

import ast
import pathlib
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping

import attrs

TESTS = pathlib.Path(__file__).parent

#: What may go wrong, by area.
AREAS: Mapping[str, Mapping[int, str]] = {
    "Keys and REST": {
        1: "`listenKeyExpired` names the key in use",
        2: "the same notice twice",
        3: "a notice about a key that was replaced already",
        4: "a notice with odd fields: a time as text, no key, more than expected",
        5: "the key expires without a notice",
        6: "every new key is said to have expired, at once and again",
        7: "another process deletes the account's key",
        8: "another process deletes the key and obtains a new one",
        9: "our own end takes the key from another process",
        10: "POST names a key that is in use already, with little of its hour left",
        11: "POST hands out dead keys, one after the other",
        12: "PUT says that there is no such key",
        13: "the exchange acts on a PUT or POST, and the answer never comes",
        14: "PUT answers without naming a key",
        15: "5xx and 408, web pages, empty bodies, bodies cut short",
        16: "429: too many requests",
        17: "418: a ban that outlasts the key",
        18: "the API key is revoked or not allowed from this address",
        19: "the exchange refuses the time of a signed request",
        20: "a redirect to another host",
        21: "REST is away for hours",
        22: "REST shows less than the stream has told",
        23: "pages: exactly full, ids that repeat, rows added between two of them",
        24: "an order is not among the open ones any more",
    },
    "Connections": {
        25: "a connection ends: reset, FIN, or a close frame with any code",
        26: "a half-open connection",
        27: "pings are answered, and no event comes",
        28: "frames are lost on a connection that looks healthy",
        29: "the connection ends right after the key expired",
        30: "handshakes are refused for a key that is not valid any more",
        31: "a handshake succeeds with a dead key",
        32: "a wrong or retired address opens and stays silent",
        33: "a handshake that never ends, or comes byte by byte",
        34: "the end of every connection after 24 hours",
        35: "the exchange announces that it will end connections",
        36: "the old connection is half-open while the new one takes over",
        37: "names that do not resolve, addresses that swallow everything or change",
        38: "TLS: unknown authority, expired, wrong host, cut handshake",
        39: "proxies that refuse, hang or end, or are named for one half only",
        40: "data that TLS has decrypted already while the socket is silent",
        41: "a frame that comes in pieces, with pauses",
        42: "a connection cut in the middle of a frame",
        43: "fills that arrive while the connection is being closed",
        44: "messages of absurd length, and such that never end",
        45: "frames against the protocol, floods of pings",
        46: "binary frames",
        47: "frames behind a close frame, close frames without a code",
    },
    "Decoding": {
        48: "invalid UTF-8",
        49: "no JSON, a byte-order mark, nothing at all, a list or number in place of an object",
        50: "a key twice in one object",
        51: "NaN, Infinity, numbers beyond any float",
        52: "whole numbers of thousands of digits, nesting without end",
        53: "decimals that are none, or blow up when they are written out",
        54: "half of a surrogate pair in a text",
        55: "fields of another type, null or absent",
        56: "unknown events, words and fields",
        57: "events in a wrapper, replies to our own messages",
    },
    "Order and identity": {
        58: "a fill twice: on two connections, and by REST",
        59: "a self-trade: two fills with one trade id",
        60: "a fill after CANCELED or before NEW, an amendment without a fill",
        61: "an order's filled quantity jumps",
        62: "orders of the exchange's own: liquidation, deleveraging",
        63: "a fill in the dark of a symbol never seen",
        64: "more is held back than there is room for",
        65: "gaps that overlap, and repairs that are interrupted",
        66: "the program ends and starts again",
    },
}

FAULTS: Mapping[int, str] = {number: words for area in AREAS.values() for number, words in area.items()}


@attrs.frozen(order=True)
class Test:
    """A test: where it stands below this folder, its class if it has one, and its name."""

    path: str
    name: str

    def __str__(self) -> str:
        return f"[{self.name}]({self.path})"


def marked() -> dict[int, list[Test]]:
    """
    Return the tests that are marked, by the numbers of the faults they are about.

    Raises:
        ValueError: A mark stands somewhere else than on a test, or names no fault.
    """
    found: dict[int, list[Test]] = defaultdict(list)
    for path in sorted(TESTS.rglob("test_*.py")):
        tree = ast.parse(path.read_bytes())
        seen = 0
        for names, function in _functions(tree):
            for mark in _marks(*function.decorator_list):
                seen += 1
                for number in mark.args:
                    if not isinstance(number, ast.Constant) or number.value not in FAULTS:
                        raise ValueError(f"{path.name}, line {mark.lineno}: there is no such fault")
                    found[number.value].append(Test(path.relative_to(TESTS).as_posix(), "::".join(names)))
        if seen != len(list(_marks(tree))):
            raise ValueError(f"{path.name}: a fault is marked that no test shows")
    return {number: sorted(set(tests)) for number, tests in sorted(found.items())}


def _functions(tree: ast.Module) -> Iterator[tuple[tuple[str, ...], ast.FunctionDef]]:
    """Yield the tests of a module, each with the names that lead to it."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
            yield (node.name,), node
        elif isinstance(node, ast.ClassDef) and node.name.startswith("Test"):
            for inner in node.body:
                if isinstance(inner, ast.FunctionDef) and inner.name.startswith("test_"):
                    yield (node.name, inner.name), inner


def _marks(*nodes: ast.AST) -> Iterator[ast.Call]:
    """Yield every ``pytest.mark.fault(...)`` in some code."""
    for node in nodes:
        for inner in ast.walk(node):
            if isinstance(inner, ast.Call) and ast.unparse(inner.func) == "pytest.mark.fault":
                yield inner


def page() -> str:
    """Return the table, as a page."""
    tests = marked()
    lines = [
        "# Faults, and the tests that show what becomes of them",
        "",
        "Made from the marks of the tests by `make faults`; not written by hand.",
    ]
    for area, faults in AREAS.items():
        lines += ["", f"## {area}", "", "| | fault | tests |", "| --- | --- | --- |"]
        lines += [
            f"| {number} | {words} | {'<br>'.join(map(str, tests.get(number, ())))} |"
            for number, words in faults.items()
        ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    pathlib.Path(sys.argv[1]).write_text(page())
