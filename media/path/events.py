"""The bounded queue of events between the packet path and its driver."""

from __future__ import annotations

from collections import Counter

from media.ports import Event

MAX_EVENTS = 8192
"""Events kept between two drains; what is beyond is dropped and counted (STUN and PLI are repeated)."""


class EventQueue:
    """What happened since the driver asked last."""

    __slots__ = ("_counters", "_events")

    def __init__(self, counters: Counter[str]) -> None:
        self._counters = counters
        self._events: list[Event] = []

    def put(self, event: Event) -> None:
        """Keep an event, or count it as dropped."""
        if len(self._events) < MAX_EVENTS:
            self._events.append(event)
        else:
            self._counters["dropped_events"] += 1

    def take(self) -> list[Event]:
        """All events in order; the queue is empty afterwards."""
        events, self._events = self._events, []
        return events
