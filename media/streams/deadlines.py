"""Named deadlines: a heap whose outdated entries are thrown away when they come up."""

from __future__ import annotations

from collections.abc import Hashable
from heapq import heapify, heappop, heappush
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)


class Deadlines(Generic[K]):
    """At most one deadline for each key.

    Setting a key again replaces its time. Entries that were replaced or
    cancelled stay in the heap until they come up; when they are more than the
    live ones (and a few dozen), setting builds the heap anew.
    """

    __slots__ = ("_at", "_heap", "_number")

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, K]] = []
        self._at: dict[K, tuple[float, int]] = {}
        # The number breaks ties, so that keys need no order and equal times stay in order of setting.
        self._number = 0

    def __len__(self) -> int:
        return len(self._at)

    def __contains__(self, key: K) -> bool:
        return key in self._at

    def set(self, key: K, at: float) -> None:
        """Let ``key`` be due at ``at``, whatever was set for it before."""
        self._number += 1
        self._at[key] = (at, self._number)
        heappush(self._heap, (at, self._number, key))
        if len(self._heap) > 2 * len(self._at) + 64:
            self._heap = [(at, number, key) for key, (at, number) in self._at.items()]
            heapify(self._heap)

    def cancel(self, key: K) -> bool:
        """Forget a key; whether it was there."""
        return self._at.pop(key, None) is not None

    def at(self, key: K) -> float | None:
        """When a key is due, or None."""
        entry = self._at.get(key)
        return None if entry is None else entry[0]

    def due(self, now: float) -> list[K]:
        """Take out every key that is due, earliest first."""
        keys = []
        while (at := self.next()) is not None and at <= now:
            key = heappop(self._heap)[2]
            del self._at[key]
            keys.append(key)
        return keys

    def next(self) -> float | None:
        """The earliest deadline, or None."""
        heap = self._heap
        while heap:
            at, number, key = heap[0]
            if self._at.get(key) == (at, number):
                return at
            heappop(heap)
        return None
