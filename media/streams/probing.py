"""When to try higher layers on a line that was once limited.

Neither witness proves room: a REMB grows only with what is received, and stops
at one and a half times that (draft-ietf-rmcat-gcc-02, 5.5), whatever the line
could carry. A browser's sender finds out by padding. We try the real thing: one
subscription, one layer up, and watch.

The rhythm is that of LiveKit's probe controller
(``pkg/sfu/bwe/remotebwe/probe_controller.go``): a base interval, half as long
again after each failure up to a longest one, the base again after a success.
After a success the next probe follows soon and takes twice as many steps, so a
line that recovered is full again after a few; after a failure it is one.
A step that failed alone is passed over until the others had their turn, so a
large screen that cannot fit does not keep the small pictures from trying.

* A probe may begin when something is wanted, the interval is over, the estimate
  is no lower than what is sent, and the line was calm for ``calm`` seconds.
* It fails at the first sign of congestion.
* It succeeds when the estimate covers it after ``settle`` seconds, or when
  ``length`` seconds went by in calm: then the line has carried it.
"""

from __future__ import annotations

from collections.abc import Sequence

from media.streams.allocator import Step

WIDEST = 16
"""Most steps in one probe."""


class Prober:
    """Probing of one subscriber's line; times in seconds, bitrates in bit/s."""

    __slots__ = (
        "_failed",
        "_interval",
        "_next_at",
        "_started_at",
        "_steps",
        "_width",
        "base",
        "calm",
        "factor",
        "length",
        "longest",
        "settle",
        "soon",
    )

    def __init__(
        self,
        base: float = 5.0,
        factor: float = 1.5,
        longest: float = 60.0,
        *,
        settle: float = 2.0,
        length: float = 8.0,
        soon: float = 0.5,
        calm: float = 3.0,
    ) -> None:
        self.base = base
        self.factor = factor
        self.longest = longest
        self.settle = settle
        self.length = length
        self.soon = soon
        self.calm = calm
        self._interval = base
        self._width = 1
        self._next_at = 0.0
        self._steps: tuple[Step, ...] = ()
        self._started_at = 0.0
        self._failed: set[tuple[int, int]] = set()

    @property
    def steps(self) -> tuple[Step, ...]:
        """The steps under trial; empty when no probe is running."""
        return self._steps

    def start(
        self, steps: Sequence[Step], estimate: float, sent: float, congested_at: float | None, now: float
    ) -> tuple[Step, ...]:
        """Begin a probe if one may begin now: the steps to take at once.

        ``steps`` in the order in which they would come; ``congested_at`` is when
        the line was last seen to be congested.
        """
        calm = congested_at is None or now - congested_at >= self.calm
        if self._steps or not steps or now < self._next_at or not calm or estimate < 0.95 * sent:
            return ()
        fresh = [step for step in steps if (step.subscription, step.layer) not in self._failed]
        if not fresh:
            self._failed.clear()
            fresh = list(steps)
        self._steps = tuple(fresh[: self._width])
        self._started_at = now
        return self._steps

    def judge(
        self, estimate: float | None, total: float, congested_at: float | None, now: float
    ) -> bool | None:
        """How the running probe fares: true and false end it, None means that it goes on.

        ``total`` is what all chosen layers cost now.
        """
        if not self._steps:
            return None
        if congested_at is not None and congested_at > self._started_at:
            if len(self._steps) == 1:
                self._failed.add((self._steps[0].subscription, self._steps[0].layer))
                self._interval = min(self.longest, self._interval * self.factor)
            self._width = 1
            self._end(now + self._interval)
            return False
        elapsed = now - self._started_at
        covered = estimate is None or estimate >= total
        if elapsed >= self.length or (covered and elapsed >= self.settle):
            self._failed.clear()
            self._interval = self.base
            self._width = min(WIDEST, 2 * self._width)
            self._end(now + self.soon)
            return True
        return None

    def abandon(self, now: float) -> None:
        """What was under trial is no longer wanted; that is neither success nor failure."""
        if self._steps:
            self._end(now + self._interval)

    def _end(self, next_at: float) -> None:
        self._steps = ()
        self._next_at = next_at
