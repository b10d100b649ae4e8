"""What to do for a subscriber whose line loses packets: time for repairs, and repairs that are sent twice.

A browser asks for a lost packet at once, and again after 100 ms where it knows no round trip; its jitter
buffer, which follows the delay of packets that came, is a few tens of milliseconds deep on a quick line. So
each packet that is lost together with its first repair stands the picture still for a moment: at 5 % loss
each way some times a minute. Two remedies, used while the line is lossy and not on any other:

* the receiver is asked to hold pictures a little longer (the playout-delay header extension, which browsers
  apply to the sound of the same participant too, so lips stay in step);
* a repair is sent twice, for it is a twentieth of the packets and each of its losses costs 100 ms.
"""

from __future__ import annotations

import math
from typing import NamedTuple

LOSSY = 0.02
"""Share of lost packets above which a line is lossy."""

CLEAN = 0.005
CLEAN_FOR = 30.0
"""Seconds below ``CLEAN`` after which a line is no longer lossy: a picture's delay should not swing."""

FEWEST = 5.0
"""Lost packets, lately, without which nothing is called lossy."""

MEMORY = 10.0
"""Seconds after which a report counts for a third."""

HOLD = 0.2
"""Seconds that a picture is held on a line without delay: time for a second repair."""

LONGEST_HOLD = 0.4
STEP = 0.05
"""Holds are multiples of this, so that a swaying round trip does not move the picture."""

COPIES = 2


class Mend(NamedTuple):
    """``hold`` in seconds, 0 for the receiver's own choice; ``copies`` of each retransmission."""

    hold: float
    copies: int


PLAIN = Mend(0.0, 1)


class Mending:
    """The remedies for one subscriber. Feed :meth:`loss` with its reports."""

    __slots__ = ("_at", "_lossy_at", "_lost", "_packets", "_present")

    def __init__(self) -> None:
        self._lost = 0.0
        self._packets = 0.0
        self._at = 0.0
        self._lossy_at = 0.0
        self._present = PLAIN

    @property
    def present(self) -> Mend:
        """What holds now."""
        return self._present

    def loss(self, fraction: float, packets: int, rtt: float | None, now: float) -> Mend:
        """A report: of so many packets this share was lost; the round trip in seconds where it is known."""
        fade = math.exp(min(0.0, self._at - now) / MEMORY)
        self._at = now
        self._lost = self._lost * fade + min(max(fraction, 0.0), 1.0) * max(0, packets)
        self._packets = self._packets * fade + max(0, packets)
        share = self._lost / self._packets if self._packets > 0.0 else 0.0
        if share >= LOSSY and self._lost >= FEWEST:
            hold = math.ceil((HOLD + min(rtt or 0.0, LONGEST_HOLD)) / STEP - 1e-9) * STEP
            # While it lasts the hold only grows: each change is a hitch in the picture.
            self._present = Mend(round(max(self._present.hold, min(hold, LONGEST_HOLD)), 3), COPIES)
            self._lossy_at = now
        elif share >= CLEAN:
            self._lossy_at = now
        elif now - self._lossy_at >= CLEAN_FOR:
            self._present = PLAIN
        return self._present
