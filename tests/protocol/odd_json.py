"""JSON as nobody should send it, for tests that read some."""

from __future__ import annotations

import copy
import os

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

#: A listen key, to be found nowhere afterwards.
KEY = "WsCMN0a4KHUPTQuX6IUnqEZfB1inxmv1qR4kbf1LuEjur5VdbzqvyxqG9TSjVVxv"
#: How many generated frames all tests of a module read together.
FRAMES = int(os.environ.get("UDS_FRAMES", "10000"))

#: Values that have hurt decoders before; drawn from a list, because drawing is what takes the time.
TRICKY = [
    *(None, True, False, 0, -1, 7, 2**53 + 1, 2**64, 10**39, 10**40, 10**200),
    *(0.0, -0.0, 0.1, 1e22, 1e308, 5e-324, float("nan"), float("inf"), float("-inf")),
    *(
        "",
        "0",
        "-0",
        "0.00000",
        "1e5",
        "1e-400",
        "1e999",
        "NaN",
        "sNaN",
        "Infinity",
        "1_0",
        "\u0661",
        "9" * 50,
    ),
    *("\ud800", "\x00", "\u5e01\u5b89USDT", "BTCUSDT", "TRADE", KEY, f"{KEY}@NEW"),
    *({}, [], [[]], [{}], {"": None}, {"e": "X"}, [{"listenKey": KEY}], {"o": {"s": [KEY]}}, [None, 1, "x"]),
]
KEYS = st.sampled_from(
    [
        "e",
        "E",
        "T",
        "o",
        "a",
        "B",
        "P",
        "s",
        "i",
        "S",
        "listenKey",
        "stream",
        "data",
        "event",
        "result",
        "id",
        "error",
    ]
)
LEAVES = st.sampled_from(TRICKY) | st.integers() | st.floats() | st.text(max_size=8)
ANY_JSON = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS | st.text(max_size=3), inner, max_size=4),
    max_leaves=8,
)


def sprees(share):
    """Return the settings of one test that reads this share of all generated frames."""
    return settings(
        max_examples=max(1, int(FRAMES * share)),
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )


def places(node):
    """Return every (container, key) within a JSON value."""
    found, todo = [], [node]
    while todo:
        holder = todo.pop()
        for key in list(holder) if isinstance(holder, dict) else range(len(holder)):
            found.append((holder, key))
            if isinstance(holder[key], (dict, list)):
                todo.append(holder[key])
    return found


def mutated(draw, document):
    """Return a document with some of its values replaced, dropped, renamed, wrapped or moved."""
    document = copy.deepcopy(document)
    for _ in range(draw(st.integers(1, 3))):
        spots = places(document)
        if not spots:
            break
        holder, key = spots[draw(st.integers(0, len(spots) - 1))]
        action = draw(st.sampled_from(["replace", "replace", "drop", "rename", "wrap", "number", "move"]))
        if action == "replace":
            holder[key] = copy.deepcopy(draw(LEAVES))
        elif action == "drop":
            del holder[key]
        elif action == "rename" and isinstance(holder, dict):
            holder[draw(KEYS)] = holder.pop(key)
        elif action == "wrap":
            holder[key] = [holder[key]]
        elif action == "number" and isinstance(holder[key], str):
            holder[key] = draw(st.floats() | st.integers())
        else:
            holder[key] = copy.deepcopy(spots[draw(st.integers(0, len(spots) - 1))][0])
    return document
