"""
Frozen objects, made quickly.

attrs writes the fields of a frozen object one by one past its own lock, which takes several times as long as plain
assignment. Where objects are made for every event, one of a twin class is filled instead, which has the same slots and
no lock, and then becomes one of the frozen class. CPython allows that for classes of the same layout.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable, Dict, List, TypeVar

import attrs

if TYPE_CHECKING:
    from typing_extensions import ParamSpec

    P = ParamSpec("P")

T = TypeVar("T")


def twin_of(of: type) -> type:
    """Return a class of the same layout as a slotted, frozen one without a slot for weak references, and no lock."""
    unlocked = {"__setattr__": object.__setattr__, "__delattr__": object.__delattr__}
    slots: Any = vars(of)["__slots__"]
    return type(of.__name__, of.__bases__, {"__slots__": slots, **unlocked})


def maker(of: Callable[P, T]) -> Callable[P, T]:
    """
    Return a function that does what calling a frozen attrs class does, for a fraction of the time.

    Args:
        of: The class: slotted, without a slot for weak references, and without factories, converters or validators.
    """
    frozen: Any = of
    names: Dict[str, Any] = {"new": object.__new__, "twin": twin_of(frozen), "frozen": frozen}
    arguments: List[str] = []
    lines: List[str] = []
    for field in attrs.fields(frozen):
        if field.kw_only and "*" not in arguments:
            arguments.append("*")
        if field.default is not attrs.NOTHING:
            names[f"default_{field.name}"] = field.default
            arguments.append(f"{field.alias}=default_{field.name}")
        else:
            arguments.append(field.alias)
        lines.append(f"    made.{field.name} = {field.alias}\n")
    source = f"def make({', '.join(arguments)}):\n    made = new(twin)\n{''.join(lines)}"
    exec(f"{source}    made.__class__ = frozen\n    return made\n", names)
    made: Callable[P, T] = names["make"]
    return made
