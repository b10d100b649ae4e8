"""Estimate, allocation and probing of one subscriber, put together.

The only structure here that knows others: what they say to each other is easy to
get wrong, and this is where it is tested as a whole. The rules:

* While no limit is known everybody gets what it wants.
* On a limited line the allocation goes down at once; a new wish is served from
  the estimate at once; all other rises are probes, since even a promising
  estimate is no proof and a failed rise must make the next one rarer.
* The limit fades while everything wanted is sent in calm.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from media.streams.allocator import Allocator, Choice, Demand, next_steps, total_bitrate
from media.streams.estimate import FLOOR, BitrateEstimate
from media.streams.probing import Prober

CONTENT = 10.0
"""Seconds in calm with everything sent that is wanted, after which the limit begins to fade."""

FADING = 1.05
"""Growth of a fading limit in a second: tenfold in 47 s."""

SLACK = 1.1
"""What a layer may cost beyond its bitrate of now while it is on trial."""


class Bandwidth:
    """Decides what one subscriber gets.

    Feed it :meth:`sent`, :meth:`remb` and :meth:`loss`, and call :meth:`update`
    a few times a second and whenever the demands change.
    """

    __slots__ = ("_content_since", "_faded_at", "_sent", "_sound", "allocator", "estimate", "prober")

    def __init__(self, allow_pause: bool = True) -> None:
        self.estimate = BitrateEstimate()
        self.allocator = Allocator(patience=math.inf, allow_pause=allow_pause)
        self.prober = Prober()
        self._sent = 0.0
        self._sound = 0.0
        self._content_since: float | None = None
        self._faded_at = 0.0

    def sent(self, bitrate: float, now: float, sound: float = 0.0) -> None:
        """What was sent to the subscriber over the last second, in bit/s; ``sound`` is its part in that."""
        self._sent = bitrate
        self._sound = sound
        self.estimate.sent(bitrate, now)

    def remb(self, bitrate: float, now: float) -> None:
        """A REMB came, in bit/s.

        Browsers count pictures only (libwebrtc takes no sound into its receiving side's estimate), so the
        sound that goes through comes on top: beside a quiet picture it is most of what is sent.
        """
        self.estimate.remb(max(bitrate, FLOOR) + self._sound, now)

    def loss(self, fraction: float, now: float, packets: int = 1000) -> None:
        """A receiver report came; see :meth:`BitrateEstimate.loss`."""
        self.estimate.loss(fraction, now, packets)

    def update(self, demands: Sequence[Demand], now: float) -> dict[int, Choice]:
        """What to forward from now on, by subscription."""
        estimate = self.estimate.value(now)
        if estimate is None:
            self.prober.abandon(now)
            return self.allocator.update(demands, None, now)
        allowed = self._trial(demands, estimate, now)
        choices = self.allocator.update(demands, allowed, now)
        lacking = next_steps(demands, choices)
        steps = self.prober.start(lacking, estimate, self._sent, self.estimate.congested_at, now)
        if steps:
            present = total_bitrate(demands, choices)
            total = present + sum(step.total - present for step in steps)
            choices = self.allocator.update(demands, max(estimate, total * SLACK), now, steps)
        self._fade(bool(lacking), estimate, now)
        return choices

    def _trial(self, demands: Sequence[Demand], estimate: float, now: float) -> float:
        """Judge the running probe; the bitrate that may be used now."""
        if not self.prober.steps:
            return estimate
        present = self.allocator.choices
        wanted = {demand.subscription for demand in demands if demand.usable()}
        if not any(
            step.subscription in wanted
            and (layer := present[step.subscription].layer) is not None
            and layer >= step.layer
            for step in self.prober.steps
        ):
            self.prober.abandon(now)
            return estimate
        total = total_bitrate(demands, present)
        verdict = self.prober.judge(estimate, total, self.estimate.congested_at, now)
        if verdict is False:
            return estimate
        if verdict:
            self.estimate.lift(total * SLACK)
        return max(estimate, total * SLACK)

    def _fade(self, lacking: bool, estimate: float, now: float) -> None:
        """Let the limit fade while all is sent that is wanted, in calm."""
        congested_at = self.estimate.congested_at
        calm = congested_at is None or now - congested_at >= self.prober.calm
        if lacking or not calm or self.prober.steps:
            self._content_since = None
        elif self._content_since is None:
            self._content_since = now
            self._faded_at = now
        elif now - self._content_since < CONTENT:
            self._faded_at = now
        else:
            self.estimate.lift(estimate * math.pow(FADING, now - self._faded_at))
            self._faded_at = now
