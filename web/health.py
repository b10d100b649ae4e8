"""How the process is: the event loop's lag, for ``/healthz`` and ``/metrics``."""

from __future__ import annotations

import asyncio
import bisect
from collections import deque
from collections.abc import Callable
from typing import Final

BUCKETS: Final = (0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 1.0)
"""Upper bounds of the lag's histogram, in seconds; 20 ms is what nothing on the loop may take."""

WINDOW: Final = 15.0
"""Seconds over which the worst lag is told."""


class LagMeter:
    """Lags of the loop as they are observed. Pure; ``now`` is monotonic seconds."""

    def __init__(self) -> None:
        self.counts = [0] * (len(BUCKETS) + 1)
        self.total = 0.0
        self._recent: deque[tuple[float, float]] = deque()

    def observe(self, lag: float, now: float) -> None:
        """The loop was ``lag`` seconds late."""
        lag = max(0.0, lag)
        self.counts[bisect.bisect_left(BUCKETS, lag)] += 1
        self.total += lag
        # Only lags that no later one exceeds can still be the worst.
        while self._recent and self._recent[-1][1] <= lag:
            self._recent.pop()
        self._recent.append((now, lag))
        self._forget(now)

    def worst(self, now: float) -> float:
        """The longest lag of the last :data:`WINDOW` seconds."""
        self._forget(now)
        return self._recent[0][1] if self._recent else 0.0

    def _forget(self, now: float) -> None:
        while self._recent and self._recent[0][0] < now - WINDOW:
            self._recent.popleft()


async def watch_loop(meter: LagMeter, now: Callable[[], float], interval: float = 0.1) -> None:
    """Feed ``meter`` until cancelled."""
    while True:
        due = now() + interval
        await asyncio.sleep(interval)
        woken = now()
        meter.observe(woken - due, woken)
