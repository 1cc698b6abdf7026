"""What a stream delivered lately, for people: as a list, as a pandas table, as a plot."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, Callable, Deque, Iterator, List, Optional, Tuple, Type, TypeVar, Union, overload

import attrs

from ..errors import ConfigurationError
from ..events import Event, Notice
from ..tables import Cells, Kinds, cells_of, frame_of, kinds_of

if TYPE_CHECKING:
    import pandas
    from matplotlib.figure import Figure

Item = Union[Event, Notice]
I = TypeVar("I", bound=Item)  # noqa: E741 - an item, as T is a type

#: The column that names an item's class, where items of several stand in one table.
KIND = "kind"

#: What a row inside an event takes over from it.
_OF_THE_EVENT = ("event_time_ms", "transaction_time_ms", "origin", "reason")


class History:
    """
    The last events and notices that a stream delivered, oldest first; ``UserDataStream.history``.

    Any thread may read it at any time: what it returns is a copy of that moment. A callback finds its own event in it.
    It outlives ``stop()`` and the next ``start()``. An event takes about 5 KB of memory, most of it ``raw``. Failed
    callbacks are not kept: the log and ``health`` tell of them.
    """

    def __init__(self, most: int) -> None:
        """
        Start with none.

        Args:
            most: How many are kept.

        Raises:
            ConfigurationError: It is no whole number of at least 0.
        """
        if isinstance(most, bool) or not isinstance(most, int) or most < 0:
            raise ConfigurationError("max_history must be a whole number of at least 0")
        self._items: Deque[Item] = deque(maxlen=most)
        #: Takes an item: in one step of the interpreter, and as quickly as anything can.
        self.record: Callable[[Item], None] = self._items.append

    def __len__(self) -> int:
        return len(self._items)

    def __iter__(self) -> Iterator[Item]:
        return iter(self.items())

    def __repr__(self) -> str:
        return f"<History of {len(self)} events and notices>"

    @property
    def newest(self) -> Optional[Item]:
        """The last item; None before any."""
        try:
            return self._items[-1]
        except IndexError:
            return None

    @overload
    def items(self) -> Tuple[Item, ...]: ...
    @overload
    def items(self, *classes: Type[I]) -> Tuple[I, ...]: ...
    def items(self, *classes: Type[Any]) -> Tuple[Any, ...]:
        """
        Return what was delivered, oldest first.

        Args:
            classes: Event or notice classes; without any, every item.
        """
        while True:
            try:
                items = tuple(self._items)
            except RuntimeError:
                # One came in the middle of it, which takes a collection of garbage that lets another thread run.
                continue
            return tuple(item for item in items if isinstance(item, classes)) if classes else items

    def to_frame(self, item_class: Optional[Type[Any]] = None, *, numeric: bool = False) -> pandas.DataFrame:
        """
        Return what was delivered as a pandas table, a row for each item; needs the extra ``notebook``.

        The columns are the fields. Ids are exact integers, and beside each time in milliseconds stands the same as a
        UTC timestamp. Rows inside an event become columns, such as ``balances.USDT.wallet_balance``; the class of such
        rows, such as ``Balance`` or ``Position``, gives them one below the other instead, with their event's times.

        Args:
            item_class: An event or notice class, or the class of rows inside events. Without it every item, and the
                column ``kind`` names the class.
            numeric: Whether money and quantities are to be floating-point numbers, which are quick to calculate with
                and not exact; else they are the ``Decimal`` that came.

        Raises:
            ConfigurationError: It is no such class, or pandas is not installed.
        """
        kinds, rows = self._table(item_class)
        return frame_of(rows, kinds, numeric=numeric, what="history.to_frame()")

    def plot(self, asset: str = "USDT") -> Figure:
        """
        Draw wallet balance and realised profit over time, blind intervals shaded; needs the extra ``notebook``.

        The balance is what account updates told, the profit the sum over the fills in ``history`` of the symbols that
        are quoted in the asset, before and after fees. An interval that was closed ``unproven`` is hatched: fills of
        it may be missing.

        Args:
            asset: Whose balance, and in which the profit is.

        Returns:
            The matplotlib figure; as the last line of a cell it shows itself, and ``savefig`` keeps it.

        Raises:
            ConfigurationError: matplotlib is not installed.
        """
        from .plot import draw

        return draw(self.items(), asset)

    def _repr_html_(self) -> str:
        from .views import history_card

        return history_card(self)

    def _table(self, item_class: Optional[Type[Any]]) -> Tuple[Kinds, List[Cells]]:
        if item_class is None:
            return _mixed(self.items())
        if isinstance(item_class, type) and issubclass(item_class, (Event, Notice)):
            if item_class in (Event, Notice):
                return _mixed(self.items(item_class))
            kinds = kinds_of(item_class)
            return kinds, [cells_of(item, kinds) for item in self.items(item_class)]
        if isinstance(item_class, type) and attrs.has(item_class):
            return _inner(self.items(Event), item_class)
        raise ConfigurationError(f"to_frame() takes an event, notice or row class of binance_uds, not {item_class!r}")


def _mixed(items: Tuple[Item, ...]) -> Tuple[Kinds, List[Cells]]:
    """Return items of several classes, each in the columns of its own."""
    kinds: Kinds = {KIND: "str", **kinds_of(Event)}
    for item_class in dict.fromkeys(map(type, items)):
        for name, kind in kinds_of(item_class).items():
            # `late` is a count in a gap's report, and yes or no elsewhere.
            kinds[name] = kind if kinds.get(name, kind) == kind else "object"
    return kinds, [{KIND: type(item).__name__, **cells_of(item, kinds)} for item in items]


def _inner(events: Tuple[Event, ...], row_class: Type[Any]) -> Tuple[Kinds, List[Cells]]:
    """Return the rows of a class inside events, one below the other."""
    kinds: Kinds = {"event_time_ms": "int", "transaction_time_ms": "int", "origin": "str", "reason": "str"}
    kinds.update(kinds_of(row_class))
    rows: List[Cells] = []
    for event in events:
        common = {name: getattr(event, name, None) for name in _OF_THE_EVENT}
        for field in attrs.fields(type(event)):
            inner = getattr(event, field.name)
            if field.repr and isinstance(inner, tuple):
                rows.extend({**common, **cells_of(row, kinds)} for row in inner if isinstance(row, row_class))
    return kinds, rows
