"""
What JSON of ours is made of: each value is checked to be what it has to be, whoever wrote the text.

Every reader raises ``Malformed`` when it is not.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Dict, List

_LARGEST = 2**63 - 1
_MOST_DIGITS = 100


class Malformed(ValueError):
    """A text is not what it should be; says why, without its words."""


def object_of(value: object) -> Dict[str, Any]:
    """Return an object, as a dict."""
    if not isinstance(value, dict):
        raise Malformed("an object is missing in it")
    return value


def list_of(value: object) -> List[Any]:
    """Return a list."""
    if not isinstance(value, list):
        raise Malformed("a list is missing in it")
    return value


def whole(value: object) -> int:
    """Return a number from 0 on that is whole: an id, or milliseconds."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= _LARGEST:
        raise Malformed("a whole number is missing in it")
    return value


def id_of(text: str) -> int:
    """Return an id that is a key of an object, and so a text."""
    return whole(int(text))


def label(value: object) -> str:
    """Return a word: a symbol, an asset, a status."""
    if not isinstance(value, str) or not value:
        raise Malformed("a word is missing in it")
    return value


def amount_of(value: object) -> Decimal:
    """Return an amount, which is a text so that no digit is lost."""
    amount = Decimal(value) if isinstance(value, str) else None
    if amount is None or not amount.is_finite() or abs(amount.adjusted()) > _MOST_DIGITS:
        raise Malformed("an amount is missing in it")
    return amount
