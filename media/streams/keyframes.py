"""Keyframe requests of many subscribers to one source, merged and throttled.

A keyframe costs the sender, and with it every other viewer, many times an
ordinary frame. So whatever number of viewers asks, the source hears one PLI
(RFC 4585, 6.3.1) until it answers or until an answer is overdue:

* the first request goes out at once;
* requests while one is unanswered join it;
* a request shortly after an answered one waits until ``interval`` has passed
  since the last PLI, and then goes out only if no keyframe came meanwhile;
* an unanswered request is repeated while somebody waits, each time after
  twice as long, up to ``ceiling``; never faster than one and a half round
  trips, since the answer cannot have come before.

The half second at the lower end is the throttle LiveKit has for its lowest
layer (``pli_throttle`` in its sample configuration; one second for the others).
"""

from __future__ import annotations

SLOWEST = 5.0
"""Seconds after which a repetition is due whatever the round trip is said to be."""


class KeyframeThrottle:
    """Decides when a PLI goes to one source.

    ``interval`` and ``ceiling`` are the shortest and the longest time between
    two PLIs in seconds. The law: two *send now* answers (of :meth:`request` and
    :meth:`due` together) never lie closer than ``interval``.
    """

    __slots__ = ("_repeats", "_rtt", "_sent_at", "_waiting", "ceiling", "interval")

    def __init__(self, interval: float = 0.5, ceiling: float = 2.0) -> None:
        if not 0.0 < interval <= ceiling:
            raise ValueError("the interval must be positive and not above the ceiling")
        self.interval = interval
        self.ceiling = ceiling
        self._rtt = 0.0
        self._sent_at: float | None = None
        self._repeats = 0
        self._waiting = False

    @property
    def waiting(self) -> bool:
        """Whether somebody asked and no keyframe has come since."""
        return self._waiting

    @property
    def next_at(self) -> float | None:
        """When :meth:`due` will say yes, or None while nobody waits."""
        if not self._waiting:
            return None
        return 0.0 if self._sent_at is None else self._sent_at + self._patience()

    def set_rtt(self, rtt: float | None) -> None:
        """Round trip to the source's sender in seconds, None or negative while unknown."""
        self._rtt = rtt if rtt is not None and rtt > 0.0 else 0.0

    def request(self, now: float) -> bool:
        """Somebody needs a keyframe; true when a PLI is to be sent now."""
        if not self._waiting:
            self._waiting = True
            self._repeats = 0
        return self.due(now)

    def due(self, now: float) -> bool:
        """Whether a PLI is to be sent now for a request that was held back or not answered.

        A true answer counts as sent.
        """
        at = self.next_at
        if at is None or (self._sent_at is not None and now < at):
            return False
        self._sent_at = now
        self._repeats += 1
        return True

    def keyframe(self, now: float) -> None:
        """A keyframe began to arrive: everybody who asked is served."""
        self._waiting = False
        self._repeats = 0

    def cancel(self) -> None:
        """Nobody waits any more (the viewers left, or the source went silent)."""
        self._waiting = False
        self._repeats = 0

    def _patience(self) -> float:
        """Seconds from the last PLI to the next one."""
        if self._repeats == 0:
            # What was sent last was answered; only the floor between two PLIs holds.
            return self.interval
        grown = min(self.ceiling, self.interval * 2.0 ** (self._repeats - 1))
        return max(grown, min(SLOWEST, 1.5 * self._rtt))
