"""A token bucket: how often something may happen, with a burst allowed."""

from __future__ import annotations


class TokenBucket:
    """Admits ``burst`` events at once and ``rate`` events a second in the long run.

    Time is the caller's ``now`` in seconds; a ``now`` that goes back counts as no time at all.
    """

    __slots__ = ("_at", "_burst", "_rate", "_tokens")

    def __init__(self, rate: float, burst: float, now: float) -> None:
        self._rate = rate
        self._burst = burst
        self._tokens = burst
        self._at = now

    def take(self, now: float) -> bool:
        """Use one token; False when there is none, and then nothing is used."""
        if now > self._at:
            self._tokens = min(self._burst, self._tokens + (now - self._at) * self._rate)
            self._at = now
        if self._tokens < 1.0:
            return False
        self._tokens -= 1.0
        return True
