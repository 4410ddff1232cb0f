"""A bounded queue between two stages with a named drop policy."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

from rigsight.edge.profile import DropPolicy

T = TypeVar("T")

FULL = {"drop_oldest": "full, oldest dropped", "drop_newest": "full, newest dropped"}
STOPPED = "run stopped"


class StageQueue(Generic[T]):
    """Holds at most ``depth`` items. ``block`` waits for room, the others drop and say so to ``on_drop``.

    >>> dropped = []
    >>> queue = StageQueue(1, "drop_oldest", lambda item, reason: dropped.append((item, reason)))
    >>> queue.put("a"), queue.put("b"), queue.close(), list(queue), dropped
    (None, None, None, ['b'], [('a', 'full, oldest dropped')])
    """

    def __init__(self, depth: int, policy: DropPolicy, on_drop: Callable[[T, str], None]) -> None:
        self._depth, self._policy, self._on_drop = depth, policy, on_drop
        self._items: deque[T] = deque()
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)
        self._closed = self._aborted = False

    def put(self, item: T) -> None:
        """Append, or drop by the policy; after :meth:`abort` every item is dropped."""
        with self._changed:
            if self._policy == "block":
                self._changed.wait_for(lambda: len(self._items) < self._depth or self._aborted)
            lost, reason = self._make_room(item)
            if lost is not item:
                self._items.append(item)
                self._changed.notify_all()
        if lost is not None:
            self._on_drop(lost, reason)

    def _make_room(self, item: T) -> tuple[T | None, str]:
        if self._aborted:
            return item, STOPPED
        if len(self._items) < self._depth:
            return None, ""
        if self._policy == "drop_newest":
            return item, FULL["drop_newest"]
        return self._items.popleft(), FULL["drop_oldest"]

    def __iter__(self) -> Iterator[T]:
        """Take items as they come, until the queue is closed and empty."""
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._items or self._closed)
                if not self._items:
                    return
                item = self._items.popleft()
                self._changed.notify_all()
            yield item

    def close(self) -> None:
        """Nothing more will be put; what is in the queue is still taken."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def abort(self) -> None:
        """Close, and drop what is in the queue and whatever is still put."""
        with self._changed:
            self._closed = self._aborted = True
            lost = list(self._items)
            self._items.clear()
            self._changed.notify_all()
        for item in lost:
            self._on_drop(item, STOPPED)
