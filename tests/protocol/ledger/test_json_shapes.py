"""What is read from JSON of ours is what it has to be, or refused in words that repeat nothing of it."""

from __future__ import annotations

from decimal import Decimal

import pytest

from binance_uds.protocol.ledger import json_shapes
from binance_uds.protocol.ledger.json_shapes import Malformed


@pytest.mark.parametrize(
    ("reader", "value", "expected"),
    [
        ("object_of", {"a": 1}, {"a": 1}),
        ("list_of", [1, "a"], [1, "a"]),
        ("whole", 0, 0),
        ("whole", 2**63 - 1, 2**63 - 1),
        ("id_of", "8389765589113524352", 8389765589113524352),
        ("label", "币安人生USDT", "币安人生USDT"),
        ("amount_of", "-0.10", Decimal("-0.10")),
        ("amount_of", "9E+100", Decimal("9E+100")),
    ],
)
def test_what_is_right_is_read(reader, value, expected):
    """Exactly, to the last digit."""
    assert expected == getattr(json_shapes, reader)(value)


@pytest.mark.parametrize(
    ("reader", "values"),
    [
        ("object_of", [[], "{}", None, 1]),
        ("list_of", [{}, "[]", None, ()]),
        ("whole", [True, -1, 1.0, "1", None, 2**63]),
        ("id_of", ["-1", str(2**63)]),
        ("label", ["", None, 1, ["a"]]),
        ("amount_of", [1, 1.5, None, "NaN", "-Infinity", "1E+101", "1E-101"]),
    ],
)
def test_what_is_wrong_is_refused(reader, values):
    """Whatever it is instead."""
    for value in values:
        with pytest.raises(Malformed, match=r"is missing in it$"):
            getattr(json_shapes, reader)(value)
