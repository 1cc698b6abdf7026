"""The lasting faults that wait for what they apply to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Optional, TypeVar

import attrs

from binance_uds.simulator.faults import LastingFault

AnyLasting = TypeVar("AnyLasting", bound=LastingFault)


@attrs.define(eq=False)
class _Pending:
    fault: LastingFault
    left: Optional[int]
    until_ms: Optional[int]


@attrs.define
class ActiveFaults:
    """The lasting faults in force, oldest first. Time is an argument: exchange milliseconds."""

    _pending: list[_Pending] = attrs.field(factory=list, init=False)

    def add(self, fault: LastingFault, now_ms: int) -> None:
        """Put a fault in force."""
        until_ms = None if fault.lasts is None else now_ms + int(fault.lasts * 1000)
        self._pending.append(_Pending(fault, fault.count, until_ms))

    def take(
        self,
        kind: type[AnyLasting],
        now_ms: int,
        strikes: Callable[[AnyLasting], bool] = lambda fault: True,
    ) -> Optional[AnyLasting]:
        """
        Use a fault once.

        Args:
            kind: The class wanted, or a base of it.
            now_ms: Exchange time in milliseconds; what has ended by then is forgotten.
            strikes: Which of that kind.

        Returns:
            The oldest fault in force that fits, or None.
        """
        self._pending = [row for row in self._pending if row.until_ms is None or now_ms < row.until_ms]
        for row in self._pending:
            if isinstance(row.fault, kind) and strikes(row.fault):
                if row.left is not None:
                    row.left -= 1
                    if row.left <= 0:
                        self._pending.remove(row)
                return row.fault
        return None

    def clear(self) -> None:
        """End them all."""
        self._pending.clear()

    def __len__(self) -> int:
        return len(self._pending)
