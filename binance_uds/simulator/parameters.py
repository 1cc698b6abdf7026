"""The parameters of a REST request, read with the exchange's own complaints."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Optional
from urllib.parse import parse_qsl

import attrs

from binance_uds.simulator.refusals import Refused, refused

_INTEGER = re.compile(r"-?[0-9]{1,20}")
_DECIMAL = re.compile(r"-?[0-9]{1,20}(\.[0-9]{1,20})?")
_FLAGS = {"true": True, "false": False}


@attrs.frozen
class Parameters:
    """Named texts, as sent. An empty text counts as sent but is refused when read."""

    texts: Mapping[str, str] = attrs.field(factory=dict, repr=False)

    @classmethod
    def of(cls, query: str, body: str) -> Parameters:
        """Read a query and a form body; the query wins where both name a parameter."""
        return cls(
            {
                **dict(parse_qsl(body, keep_blank_values=True)),
                **dict(parse_qsl(query, keep_blank_values=True)),
            }
        )

    def __contains__(self, name: str) -> bool:
        return name in self.texts

    def text(self, name: str) -> Optional[str]:
        """Return a parameter's text, or None when it was not sent."""
        value = self.texts.get(name)
        if value == "":
            raise Refused(400, -1105, f"Parameter '{name}' was empty.")
        return value

    def required(self, name: str) -> str:
        """Return a parameter's text; -1102 when there is none."""
        value = self.texts.get(name)
        if not value:
            raise refused(-1102, name)
        return value

    def integer(self, name: str, default: int) -> int:
        """Return a parameter's integer, or the default; -1100 when it is none."""
        found = self.optional_integer(name)
        return default if found is None else found

    def optional_integer(self, name: str) -> Optional[int]:
        """Return a parameter's integer, or None; -1100 when it is none."""
        value = self.text(name)
        if value is None:
            return None
        if not _INTEGER.fullmatch(value):
            legal = "legal range is '^[0-9]{1,20}$'"
            raise Refused(400, -1100, f"Illegal characters found in parameter '{name}'; {legal}.")
        return int(value)

    def required_integer(self, name: str) -> int:
        """Return a parameter's integer; -1102 when it was not sent or is none."""
        value = self.required(name)
        if not _INTEGER.fullmatch(value):
            raise refused(-1102, name)
        return int(value)

    def decimal(self, name: str) -> Optional[Decimal]:
        """Return a parameter's number, or None; -1100 when it is none."""
        value = self.text(name)
        return None if value is None else _number(name, value)

    def required_decimal(self, name: str) -> Decimal:
        """Return a parameter's number; -1102 when it was not sent, -1100 when it is none."""
        return _number(name, self.required(name))

    def flag(self, name: str) -> bool:
        """Return a parameter's truth, False when it was not sent; -1102 when it is neither."""
        value = self.text(name)
        if value is None:
            return False
        if value.lower() not in _FLAGS:
            raise refused(-1102, name)
        return _FLAGS[value.lower()]

    def required_flag(self, name: str) -> bool:
        """Return a parameter's truth; -1102 when it was not sent or is neither."""
        self.required(name)
        return self.flag(name)


def _number(name: str, value: str) -> Decimal:
    if not _DECIMAL.fullmatch(value):
        raise Refused(400, -1100, f"Illegal characters found in parameter '{name}'.")
    return Decimal(value)
