"""
Public names that are imported when they are first asked for, so that a program pays for what it uses.

A package's ``__getattr__`` (PEP 562) is asked for what the package does not have yet; SPEC 1 of Scientific Python
describes the pattern. Type checkers never run it: they read the imports under ``TYPE_CHECKING`` beside the table.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any, Callable, List, Mapping, Sequence, Tuple


def loading(
    package: str, homes: Mapping[str, Sequence[str]]
) -> Tuple[Callable[[str], Any], Callable[[], List[str]], List[str]]:
    """
    Return what a package needs to have names that are loaded on first use: ``__getattr__``, ``__dir__``, ``__all__``.

    Any number of threads may ask at once: the import system lets one of them import, and all get the same object,
    which the package then has like any other, so that the next to ask finds it without this.

    Args:
        package: Its ``__name__``.
        homes: For each of its modules, by its name within the package, the names that are public.
    """
    home_of = {name: module for module, names in homes.items() for name in names}
    modules = {module.partition(".")[0] for module in homes}
    namespace = vars(sys.modules[package])

    def get_attribute(name: str) -> Any:
        if name in modules:
            # Or it would depend on what was used before whether the package has it.
            return import_module(f"{package}.{name}")
        if name not in home_of:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        found = namespace[name] = getattr(import_module(f"{package}.{home_of[name]}"), name)
        return found

    def names() -> List[str]:
        return sorted({*namespace, *home_of})

    return get_attribute, names, sorted(home_of)
