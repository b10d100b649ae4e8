"""Rate limits as token buckets."""

from __future__ import annotations


class TokenBucket:
    """Lets through ``rate`` events a second on average and ``burst`` at once.

    Begins full. ``rate`` may be zero: then ``burst`` events in all. A clock that
    went back adds nothing.
    """

    __slots__ = ("_at", "_tokens", "burst", "rate")

    def __init__(self, rate: float, burst: float) -> None:
        if rate < 0.0 or burst < 0.0:
            raise ValueError("rate and burst must not be negative")
        self.rate = rate
        self.burst = burst
        self._tokens = burst
        self._at: float | None = None

    def take(self, now: float, n: float = 1.0) -> bool:
        """Whether ``n`` events may pass now; they are counted only if they may."""
        if n < 0.0:
            raise ValueError("a negative number of events")
        self._fill(now)
        if n > self._tokens:
            return False
        self._tokens -= n
        return True

    def tokens(self, now: float) -> float:
        """How many events could pass at once now."""
        self._fill(now)
        return self._tokens

    def ready_at(self, now: float, n: float = 1.0) -> float | None:
        """When ``n`` events may pass if none passes before, None for never."""
        missing = n - self.tokens(now)
        if missing <= 0.0:
            return now
        if n > self.burst or self.rate == 0.0:
            return None
        return now + missing / self.rate

    def _fill(self, now: float) -> None:
        if self._at is None:
            self._at = now
        elif now > self._at:
            self._tokens = min(self.burst, self._tokens + (now - self._at) * self.rate)
            self._at = now
