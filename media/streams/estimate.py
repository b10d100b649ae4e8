"""What a subscriber's line carries, as far as its reports tell.

Two witnesses, as in Google congestion control (draft-ietf-rmcat-gcc-02): the
receiver's own estimate, sent as REMB, and the loss in its receiver reports.

A REMB does not rise above one and a half times what is being received (section
5.5 there), so it says little about a line that is not full: a viewer of one
small picture would never be allowed nine. LiveKit therefore takes it as a limit
only when it speaks of congestion (``pkg/sfu/bwe/remotebwe``), and so do we. The
estimate is None, *no limit known*, until the line is seen to be *congested*:

* REMB falls by a twentieth while it lies below what we send, or stays below
  95 % of it for a second without rising; or
* loss is above 10 % in two seconds that follow one another, by more than chance explains for so few
  packets. One such second alone is what a change of address or of access point leaves behind.

From then on the newest REMB is the limit; loss above 10 % sets one of
(1 - loss / 2) times what is sent, above 30 % what arrives; loss below 2 % raises
it by a twentieth (section 6 there). Both fade: a REMB that is not renewed grows by a twentieth a
second after five. What the line has carried without congestion
(:meth:`BitrateEstimate.lift`) is not doubted before the next congestion.

Loss that does not care how much we send (a bad radio link) is no congestion: if
less is received in proportion as less is sent, that much loss is passed over.
"""

from __future__ import annotations

import math
from collections import deque

SHARE = 0.95
"""A REMB below this share of what is sent cannot be the effect of sending little."""

FALL = 0.95
RISE = 1.04
"""Growth over a second that still counts as rising; libwebrtc grows by 8 %."""

HEAVY_LOSS = 0.10
CONFIDENCE = 3.0
"""Standard deviations (of the binomial law) by which loss must exceed ``HEAVY_LOSS`` to be believed.

A radio link that loses 5 % by chance loses over 10 % of 50 packets of sound once in half a minute; a
picture must not be paused for that.
"""

LONGEST_WINDOW = 5.0
"""Seconds over which reports of doubtful loss are added up before they are given up."""

LIGHT_LOSS = 0.02
COLLAPSE = 0.30
"""Above this loss, what arrives is all that the line carries."""

MEMORY = 60.0
"""Seconds after a congestion in which one second of heavy loss is enough for the next."""

GROWTH = 1.05
FRESH = 5.0
FLOOR = 30_000.0
CEILING = 1e9
UNLIMITED = 50e6
"""A line that was lifted to this is taken to have no limit."""

_HISTORY = 64


class BitrateEstimate:
    """Estimate for one subscriber; all bitrates in bit/s.

    Feed :meth:`sent` about once a second with what goes to the subscriber,
    :meth:`remb` and :meth:`loss` as they come.
    """

    __slots__ = (
        "_ambient",
        "_heaviest",
        "_limited",
        "_loss_limit",
        "_loss_packets",
        "_loss_sum",
        "_loss_window_at",
        "_proven",
        "_remb",
        "_remb_at",
        "_rembs",
        "_sent",
        "_suspected_at",
        "congested_at",
    )

    def __init__(self) -> None:
        self._sent = 0.0
        self._remb: float | None = None
        self._remb_at = 0.0
        # (time, REMB) since the REMB has been below what is sent.
        self._rembs: deque[tuple[float, float]] = deque(maxlen=_HISTORY)
        self._loss_limit: float | None = None
        self._loss_sum = 0.0
        self._loss_packets = 0
        self._loss_window_at: float | None = None
        # Sent and received when the present spell of heavy loss began.
        self._heaviest: tuple[float, float] | None = None
        self._suspected_at: float | None = None
        self._ambient = 0.0
        self._proven = 0.0
        self._limited = False
        self.congested_at: float | None = None
        """When the line was last seen to be congested, or None."""

    def sent(self, bitrate: float, now: float) -> None:
        """What was sent to the subscriber over the last second or so."""
        self._sent = min(max(0.0, bitrate), CEILING)

    def remb(self, bitrate: float, now: float) -> None:
        """A REMB came (draft-alvestrand-rmcat-remb)."""
        value = min(max(float(bitrate), FLOOR), CEILING)
        self._remb = value
        self._remb_at = now
        if self._sent <= 0.0 or value >= SHARE * self._sent:
            self._rembs.clear()
            return
        while self._rembs and now - self._rembs[0][0] > 2.0:
            self._rembs.popleft()
        highest = max((old for _at, old in self._rembs), default=value)
        since, first = self._rembs[0] if self._rembs else (now, value)
        self._rembs.append((now, value))
        stagnant = now - since >= 1.0 and value < first * math.pow(RISE, now - since)
        if stagnant or value <= FALL * highest:
            self._congested(now)

    def loss(self, fraction: float, now: float, packets: int = 1000) -> None:
        """Loss of one receiver report, 0 to 1; ``packets`` is of how many packets it speaks."""
        if self._loss_window_at is None:
            self._loss_window_at = now
        self._loss_sum += min(max(fraction, 0.0), 1.0) * packets
        self._loss_packets += packets
        window = now - self._loss_window_at
        if window < 1.0 or self._loss_packets <= 0:
            return
        fraction = self._loss_sum / self._loss_packets
        excess = fraction - self._ambient
        if excess <= HEAVY_LOSS:
            self._suspected_at = None
            self._window_of_loss(fraction, now)
        elif self._credible(excess):
            if self._confirmed(now):
                self._window_of_loss(fraction, now)
        elif window < LONGEST_WINDOW:
            return
        self._loss_sum = 0.0
        self._loss_packets = 0
        self._loss_window_at = now

    def _confirmed(self, now: float) -> bool:
        """Whether heavy loss lasts: the first window of it may be a short outage of the line."""
        last = self.congested_at
        if last is not None and now - last <= MEMORY:
            return True
        suspected, self._suspected_at = self._suspected_at, now
        return suspected is not None and now - suspected <= LONGEST_WINDOW

    def _credible(self, excess: float) -> bool:
        deviation = math.sqrt(HEAVY_LOSS * (1.0 - HEAVY_LOSS) / self._loss_packets)
        return excess > HEAVY_LOSS + CONFIDENCE * deviation

    def lift(self, bitrate: float) -> None:
        """Take the limit to be no lower than this until the next congestion."""
        self._proven = max(self._proven, bitrate)
        if self._proven >= UNLIMITED:
            self._limited = False
            self._loss_limit = None

    def value(self, now: float) -> float | None:
        """The estimate, or None while no limit is known."""
        if not self._limited:
            return None
        limits = []
        if self._remb is not None:
            stale = min(50.0, max(0.0, now - self._remb_at - FRESH))
            limits.append(min(CEILING, self._remb * math.pow(GROWTH, stale)))
        if self._loss_limit is not None:
            limits.append(self._loss_limit)
        return max(FLOOR, self._proven, min(limits))

    def _congested(self, now: float) -> None:
        self.congested_at = now
        self._limited = True
        self._proven = 0.0
        self._rembs.clear()

    def _window_of_loss(self, fraction: float, now: float) -> None:
        received = self._sent * (1.0 - fraction)
        if self._heaviest is not None:
            sent_then, received_then = self._heaviest
            if self._sent <= 0.6 * sent_then and received <= 0.75 * received_then:
                self._ambient = fraction
                self._heaviest = None
        if fraction < self._ambient / 2.0:
            self._ambient = 0.0
        excess = fraction - self._ambient
        if excess > HEAVY_LOSS:
            if self._heaviest is None:
                self._heaviest = (self._sent, received)
            carried = received if excess > COLLAPSE and received > 0.0 else self._sent * (1.0 - excess / 2.0)
            self._loss_limit = max(FLOOR, carried)
            self._congested(now)
        elif excess < LIGHT_LOSS:
            self._heaviest = None
            if self._loss_limit is not None:
                # Beyond what is being sent, no loss proves nothing.
                unproven = min(self._loss_limit * GROWTH, 1.5 * self._sent + 10_000.0, CEILING)
                self._loss_limit = max(self._loss_limit, unproven)
