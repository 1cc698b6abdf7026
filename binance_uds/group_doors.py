"""The doors of a group to the user's code: one queue, and callbacks, over several streams."""

from __future__ import annotations

import functools
import weakref
from typing import Any, Callable, Dict, List, Optional, Tuple, Type, TypeVar, Union

from .events import Event, Notice
from .runtime.doors import BoundedQueue, Item
from .stream import UserDataStream

I = TypeVar("I", bound=Union[Event, Notice])  # noqa: E741 - an item, as T is a type


class GroupQueue(BoundedQueue[Tuple[UserDataStream, I]]):
    """
    A bounded, iterable queue of pairs ``(stream, event)`` in the order of their arrival, of ``StreamGroup.events``.

    Iteration ends when all streams have stopped. Nothing is dropped silently: when the queue is full it closes, what is
    in it can still be read, and then ``BacklogOverflow`` is raised.
    """

    def __init__(
        self,
        item_classes: Tuple[Type[I], ...],
        limit: int,
        may_wait: Callable[[], None],
        over: Callable[[], Optional[str]],
    ) -> None:
        super().__init__(item_classes, limit, may_wait, over)
        self._outlets: Dict[UserDataStream, _Outlet] = {}

    # For the group

    def listen_to(self, stream: UserDataStream) -> None:
        """Receive from this stream, too, from now on."""
        outlet = self._outlets[stream] = _Outlet(self, stream)
        stream._doors.attach(outlet)

    def put(self, stream: UserDataStream, item: Item) -> None:
        """Take an item of the right class, or count it when there is no room."""
        if isinstance(item, self._item_classes):
            self.add((stream, item))

    def look_for_end(self) -> None:
        """A stream ended: when it was the last one, so does iteration, after what is in the queue."""
        why = self._over()
        if why is not None:
            self.end(why)

    def _push(self, item: Tuple[UserDataStream, I]) -> None:
        self._outlets[item[0]].waiting.append(None)
        super()._push(item)

    def _pop(self) -> Tuple[UserDataStream, I]:
        pair = super()._pop()
        self._outlets[pair[0]].waiting.pop()
        return pair


class _Outlet:
    """
    Where one stream's items go into a queue of several.

    Attributes:
        waiting: A tally of those that wait there: to add one, or to take one off, is one step for any thread.
    """

    def __init__(self, queue: GroupQueue[Any], stream: UserDataStream) -> None:
        # Weak, and the queue holds this one: who lets go of a queue is rid of it at once.
        self._queue = weakref.ref(queue)
        self._stream = stream
        self.waiting: List[None] = []

    def __len__(self) -> int:
        return len(self.waiting)

    @property
    def is_closed(self) -> bool:
        queue = self._queue()
        return queue is None or queue.is_closed

    def put(self, item: Item) -> None:
        queue = self._queue()
        if queue is not None:
            queue.put(self._stream, item)

    def end(self, why: str) -> None:
        queue = self._queue()
        if queue is not None:
            queue.look_for_end()

    def after_fork(self) -> None:
        queue = self._queue()
        if queue is not None:
            queue.after_fork()


class GroupHandler:
    """A function that is called for every stream of a group, and what each stream calls for it."""

    def __init__(self, item_class: Type[Item], function: Callable[..., object]) -> None:
        self.function = function
        self._item_class = item_class
        self._callbacks: List[Tuple[UserDataStream, Callable[[Item], object]]] = []

    def listen_to(self, stream: UserDataStream) -> None:
        """Have it called with what this stream brings."""
        callback = functools.partial(self.function, stream)
        # Logs and notices name what it stands for.
        functools.update_wrapper(callback, self.function)
        self._callbacks.append((stream, callback))
        stream.on(self._item_class)(callback)

    def leave(self) -> None:
        """Have it called no more."""
        for stream, callback in self._callbacks:
            stream.off(callback)
