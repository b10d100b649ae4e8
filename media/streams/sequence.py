"""16-bit RTP sequence numbers made into numbers that do not wrap (RFC 3550 appendix A.1)."""

from __future__ import annotations

from typing import Final

MAX_STEP: Final = 3000
"""How far, forwards or back, a number may lie from the highest one and still belong to the same run.

RFC 3550 allows 100 backwards; with retransmissions a packet may come a second
late, which is many more at video rates.
"""

PATIENCE: Final = 25
"""Packets in unbroken order behind the highest number, with none ahead of it, that mean a restart.

Half a second of sound; reordering on a line does not look like this.
"""

_NOBODY: Final = -1


class SequenceExtender:
    """Extends a stream's sequence numbers, and tells a restart from a stray packet.

    Extended numbers are the 16-bit number plus a multiple of 65,536. They start
    in the second cycle, so that a packet from before the first one has a number
    that is not negative either.

    A packet further than ``MAX_STEP`` from the highest number is held to be a
    stray one and gets None. If the number right behind it comes next, the
    sender has begun anew. So it has, a little back, when ``PATIENCE`` packets in
    a row come in order behind the highest number. The packet that shows it and
    all that follow get numbers above all earlier ones, so that no number ever
    means two packets.
    """

    __slots__ = ("_behind", "_behind_next", "_expected", "_limit", "highest")

    def __init__(self, max_step: int = MAX_STEP) -> None:
        self.highest = -1
        """The highest extended number so far; -1 before the first packet."""
        self._expected = _NOBODY  # what would confirm the last stray packet
        self._behind = 0  # how many packets have come in order behind the highest number
        self._behind_next = _NOBODY
        self._limit = max_step

    def extend(self, sequence: int, recovered: bool = False) -> tuple[int | None, bool]:
        """The extended number of a packet, and whether numbering restarted with it.

        None asks the caller to drop the packet: nobody knows yet whether it
        is a stray one or the first after a restart. ``recovered`` says that it
        is a retransmission: those come late and in order, and show no restart.
        """
        highest = self.highest
        if highest < 0:
            self.highest = sequence + 0x10000
            return self.highest, False
        step = ((sequence - highest + 0x8000) & 0xFFFF) - 0x8000
        if -self._limit <= step <= self._limit:
            self._expected = _NOBODY
            if step > 0:
                self._behind = 0
                self.highest = highest + step
                return self.highest, False
            if recovered:
                return highest + step, False
            self._behind = self._behind + 1 if sequence == self._behind_next else 1
            self._behind_next = sequence + 1 & 0xFFFF
            if self._behind < PATIENCE:
                return highest + step, False
        elif recovered:
            return None, False
        elif sequence != self._expected:
            self._expected = sequence + 1 & 0xFFFF
            return None, False
        self._expected = _NOBODY
        self._behind = 0
        # Two cycles up: even a packet from before the restart point lies above the old run.
        self.highest = (highest & ~0xFFFF) + 0x20000 + sequence
        return self.highest, True
