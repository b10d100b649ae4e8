"""The last packets of one source, to answer NACKs and to serve who joins after a keyframe."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Final

MAX_STEP: Final = 3000
"""A packet further than this from the highest number begins the cache anew."""


class PacketCache:
    """Packets by extended sequence number, bounded by number and by age.

    What falls out is the packet that was put in first. A jump of more than
    ``MAX_STEP`` in either direction empties the cache: the numbers before and
    after it are of different runs. Age is measured at the newest ``now`` that
    the cache was told, so that a lookup needs no clock.
    """

    __slots__ = ("_highest", "_max_age", "_max_packets", "_now", "_order", "_packets")

    def __init__(self, max_packets: int, max_age: float) -> None:
        if max_packets < 1:
            raise ValueError("a cache holds at least one packet")
        self._max_packets = max_packets
        self._max_age = max_age
        self._packets: dict[int, tuple[float, bytes]] = {}
        self._order: deque[int] = deque()
        self._highest = 0
        self._now = 0.0

    def __len__(self) -> int:
        return len(self._packets)

    def put(self, number: int, packet: bytes, now: float) -> None:
        """Keep a packet. One whose number is there already is left as it is."""
        self.expire(now)
        packets = self._packets
        if not packets:
            self._highest = number
        elif number in packets:
            return
        else:
            step = number - self._highest
            if step > 0:
                self._highest = number
            if not -MAX_STEP <= step <= MAX_STEP:
                self.clear()
                self._highest = number
        packets[number] = (now, packet)
        order = self._order
        order.append(number)
        if len(order) > self._max_packets:
            del packets[order.popleft()]

    def seen(self, number: int) -> bool:
        """Whether this packet is held, so that another one of its number is a duplicate."""
        return number in self._packets

    def get(self, number: int) -> bytes | None:
        """The packet of this number, or None if it never came or is too old by now."""
        entry = self._packets.get(number)
        return entry[1] if entry is not None else None

    def since(self, number: int) -> Iterator[tuple[int, bytes]]:
        """The packets from this number on as (number, packet), ascending.

        The list is that of the moment of the call: the cache may change meanwhile.
        """
        packets = self._packets
        found = sorted(held for held in packets if held >= number)
        return iter([(held, packets[held][1]) for held in found])

    def expire(self, now: float) -> None:
        """Drop what is older than the age limit at ``now``; a silent source needs this to be freed."""
        if now > self._now:
            self._now = now
        limit = self._now - self._max_age
        order = self._order
        packets = self._packets
        while order and packets[order[0]][0] < limit:
            del packets[order.popleft()]

    def clear(self) -> None:
        """Drop everything."""
        self._packets.clear()
        self._order.clear()
