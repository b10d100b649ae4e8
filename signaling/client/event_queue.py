"""Events waiting for a reader: bounded, and it says what it dropped."""

from __future__ import annotations

import asyncio
from collections import deque

from signaling.client.events import RoomEvent

QUEUE_SIZE = 4096
"""Events that wait for a reader of ``events()``; beyond it the oldest go, and are counted."""


class EventQueue:
    """A bounded queue of events for one reader. ``dropped`` counts the oldest ones that had to go."""

    def __init__(self, size: int = QUEUE_SIZE) -> None:
        self.dropped = 0
        self._items: deque[RoomEvent] = deque()
        self._size = size
        self._wake = asyncio.Event()

    def put(self, event: RoomEvent) -> None:
        """Add an event."""
        if len(self._items) >= self._size:
            self._items.popleft()
            self.dropped += 1
        self._items.append(event)
        self._wake.set()

    async def get(self) -> RoomEvent:
        """The oldest event, when there is one."""
        while not self._items:
            self._wake.clear()
            await self._wake.wait()
        return self._items.popleft()
