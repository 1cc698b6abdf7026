"""
Rows of attrs objects as a pandas table: a column for each field, and rows inside a row flattened into columns.

Ids stay exact integers and money exact ``Decimal``, unless numbers to calculate with are asked for. pandas is imported
when a table is asked for, and not before.
"""

from __future__ import annotations

import enum
import re
from typing import TYPE_CHECKING, Any, Dict, Iterable, List, Mapping, Sequence, Type

import attrs

from .errors import ConfigurationError

if TYPE_CHECKING:
    import pandas

#: What a column holds, as its field declares it.
Kinds = Dict[str, str]
Cells = Dict[str, Any]

#: The end of the names of fields that are milliseconds since the Unix epoch.
_MS = "_ms"

#: The fields by which rows inside a row are told apart, in the order in which they name a column.
_IDENTIFYING = ("asset", "symbol", "position_side")

#: A position side that says nothing: that of one-way mode.
_NO_SIDE = "BOTH"

_OPTIONAL = re.compile(r"Optional\[(\w+)\]")


def missing(what: str, package: str) -> ConfigurationError:
    """Return the error that a package of the extra ``notebook`` is not installed."""
    return ConfigurationError(f"{what} needs {package}; install it with: pip install 'binance-uds[notebook]'")


def kinds_of(row_class: Type[Any], prefix: str = "") -> Kinds:
    """Return the columns of a class and what each holds; rows inside it, and what it came as, have none."""
    kinds = {}
    for field in attrs.fields(row_class):
        kind = str(field.type)
        if field.repr and not kind.startswith("Tuple["):
            optional = _OPTIONAL.fullmatch(kind)
            kinds[prefix + field.name] = optional[1] if optional else kind
    return kinds


def cells_of(row: Any, kinds: Kinds, prefix: str = "") -> Cells:
    """
    Return the values of a row by column.

    Args:
        row: An attrs object.
        kinds: Gets the columns of the rows inside it, which differ from row to row.
        prefix: Before each column's name.
    """
    cells: Cells = {}
    for field in attrs.fields(type(row)):
        if not field.repr:
            continue
        value = getattr(row, field.name)
        if not isinstance(value, tuple):
            cells[prefix + field.name] = value
        elif value and attrs.has(type(value[0])):
            for inner in value:
                inner_prefix = f"{prefix}{field.name}.{_name_of(inner)}."
                kinds.update(kinds_of(type(inner), inner_prefix))
                cells.update(cells_of(inner, kinds, inner_prefix))
        else:
            kinds.setdefault(prefix + field.name, "tuple")
            cells[prefix + field.name] = value
    return cells


def _name_of(row: Any) -> str:
    parts = [getattr(row, name, None) for name in _IDENTIFYING]
    return ".".join(part for part in parts if part and part != _NO_SIDE)


def frame_of(rows: Sequence[Cells], kinds: Mapping[str, str], *, numeric: bool, what: str) -> pandas.DataFrame:
    """
    Return a table.

    Args:
        rows: Values by column; a column that a row lacks is empty there.
        kinds: The columns in their order, and what each holds.
        numeric: Whether money is to be floating-point numbers, which are not exact.
        what: Who asks, for an error.

    Raises:
        ConfigurationError: pandas is not installed.
    """
    try:
        import pandas as pd
    except ImportError:
        raise missing(what, "pandas") from None
    columns: Dict[str, Any] = {}
    for name, kind in kinds.items():
        values = [row.get(name) for row in rows]
        if kind == "int" and name.endswith(_MS):
            columns[name[: -len(_MS)]] = pd.to_datetime(_times(values), unit="ms", utc=True).as_unit("ms")
        columns[name] = _series(pd, values, kind, numeric)
    return pd.DataFrame(columns)


def _times(values: Iterable[Any]) -> List[Any]:
    """Return the milliseconds that are times; 0 and below say that there is none."""
    return [value if value is not None and 0 < value < 2**52 else None for value in values]


def _series(pd: Any, values: List[Any], kind: str, numeric: bool) -> Any:
    if kind == "bool":
        return pd.Series(values, dtype="boolean")
    if kind == "int" and all(value is None or -(2**63) <= value < 2**63 for value in values):
        return pd.Series(values, dtype="Int64")
    if kind == "Decimal" and numeric:
        return pd.Series([None if value is None else float(value) for value in values], dtype="float64")
    plain = [value.value if isinstance(value, enum.Enum) else value for value in values]
    return pd.Series(plain, dtype=object)
