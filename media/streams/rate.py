"""A bitrate over the last second."""

from __future__ import annotations

from typing import Final

_SLOTS: Final = 20
_PER_SECOND: Final = 20
"""Slots are 50 ms long, so the window is one second."""


class RateWindow:
    """Octets in 50 ms slots over one second; constant memory, constant cost for each packet."""

    __slots__ = ("_newest", "_octets", "_total")

    def __init__(self) -> None:
        self._octets = [0] * _SLOTS
        self._total = 0
        self._newest = -1

    def add(self, octets: int, now: float) -> None:
        """This many octets came at ``now``."""
        slot = int(now * _PER_SECOND)
        if slot != self._newest:
            self._advance(slot)
        self._octets[self._newest % _SLOTS] += octets
        self._total += octets

    def _advance(self, slot: int) -> None:
        if slot <= self._newest:
            return  # time that seems to go back counts into the newest slot
        if self._newest < 0 or slot - self._newest >= _SLOTS:
            self._octets = [0] * _SLOTS
            self._total = 0
        else:
            for passed in range(self._newest + 1, slot + 1):
                index = passed % _SLOTS
                self._total -= self._octets[index]
                self._octets[index] = 0
        self._newest = slot

    def bitrate(self, now: float) -> float:
        """Bit/s over the second before ``now``; lower than the truth in the first second."""
        self._advance(int(now * _PER_SECOND))
        return self._total * 8.0
