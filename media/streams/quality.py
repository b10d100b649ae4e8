"""Connection quality as LiveKit tells it: excellent, good, poor, lost, and a score.

The score of a stream is that of LiveKit's scorer (``pkg/sfu/connectionquality``
of 1.9.11), a simplified E-model (ITU-T G.107): out of 100,

* delay (half a round trip and twice the jitter) takes a fortieth a millisecond,
  above 160 ms a tenth of what exceeds 120 ms;
* loss takes 8 points a percent for Opus, 4 for Opus with RED, two thirds of
  that with in-band FEC, 10 for video; less while far fewer packets than usual
  come (DTX, a still screen);
* a video whose bitrate falls short loses 20 ln(expected / actual);
* each simulcast layer below the wanted one takes 35.

The worst of these counts. It moves the score by 0.8 of the way down or 0.4 up
for each window. Above 80 is EXCELLENT, above 40 GOOD, above 20 POOR. A window
without a packet, although one was expected, is POOR; LOST once nothing whatever
(no STUN check, RTP, RTCP) was heard of the peer for a while. Where nothing is
expected (muted, paused by its owner, wanted by nobody) the score does not fall.
Told is the mean opinion score of G.107, annex B: 1.0 to 4.5.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

BEST = 100.0
GOOD_AT = 80.0
POOR_AT = 40.0
LOST_AT = 20.0
FLOOR = 30.0
"""No window that had packets drives the score below this, or the way back would be too long."""

UP = 0.4
DOWN = 0.8
LAYER_PENALTY = 35.0
LOST_AFTER = 8.0
"""Seconds without a sign of life; longer than the slowest consent check (aioice: 6 s)."""

PEAK_KEPT = 0.98
"""Share of the usual packet rate that is left after a window without it."""


class ConnectionQuality(IntEnum):
    """Numbered as ``livekit.ConnectionQuality``; LOST is the worst in spite of its number."""

    POOR = 0
    GOOD = 1
    EXCELLENT = 2
    LOST = 3


class Quality(NamedTuple):
    """A quality and its score (1.0 to 4.5)."""

    quality: ConnectionQuality
    score: float


@dataclass(frozen=True, slots=True)
class QualityWindow:
    """What happened to one stream since the last update.

    ``duration`` in seconds; ``expected`` packets by sequence number, ``lost``
    of them for good (retransmitted ones are not lost); ``bytes`` of media;
    ``rtt`` and ``jitter`` in seconds, 0 while unknown; ``expected_bitrate`` in
    bit/s, 0 where none is known (sound, screens); ``layers_short`` how many
    simulcast layers it was below the wanted one; ``silent_for`` seconds since
    anything at all was heard of the peer.
    """

    duration: float
    expected: int
    lost: int
    bytes: int = 0
    rtt: float = 0.0
    jitter: float = 0.0
    expected_bitrate: float = 0.0
    layers_short: float = 0.0
    silent_for: float = 0.0


def loss_weight(codec: str, fec: bool = False) -> float:
    """Points lost for each percent of lost packets.

    ``codec`` is a codec key as in ``media.ports``: ``audio/opus``, ``audio/red``,
    ``video/…``; ``fec`` whether in-band FEC was negotiated.
    """
    if codec.startswith("video/"):
        return 10.0
    weight = 4.0 if codec.startswith("audio/red") else 8.0
    return weight / 1.5 if fec else weight


def packet_score(window: QualityWindow, weight: float) -> float:
    """Score from delay and loss, 0 to 100; ``weight`` in points for a percent of loss."""
    delay = 1000.0 * (max(0.0, window.rtt) / 2.0 + 2.0 * max(0.0, window.jitter))
    score = BEST - (delay / 40.0 if delay <= 160.0 else (delay - 120.0) / 10.0)
    if window.expected > 0:
        score -= weight * 100.0 * min(max(window.lost, 0), window.expected) / window.expected
    return max(0.0, score)


def bitrate_score(window: QualityWindow) -> float:
    """Score from bitrate, 0 to 100; good until a third of the expected, poor at a twentieth."""
    expected = window.expected_bitrate * window.duration
    if expected <= 0.0:
        return BEST
    if window.bytes <= 0:
        return 0.0
    if 8.0 * window.bytes >= expected:
        # Nothing short; and a ratio so small that it rounds to zero has no logarithm.
        return BEST
    return max(0.0, BEST - 20.0 * math.log(expected / (8.0 * window.bytes)))


def mean_opinion_score(score: float) -> float:
    """ITU-T G.107, annex B, for 0 to 100."""
    if score <= 0.0:
        return 1.0
    if score >= BEST:
        return 4.5
    # Below 6.5 the polynomial dips under the scale.
    return max(1.0, 1.0 + 0.035 * score + 0.000007 * score * (score - 60.0) * (BEST - score))


def quality_of(score: float) -> ConnectionQuality:
    """The quality for 0 to 100."""
    if score > GOOD_AT:
        return ConnectionQuality.EXCELLENT
    if score > POOR_AT:
        return ConnectionQuality.GOOD
    return ConnectionQuality.POOR if score > LOST_AT else ConnectionQuality.LOST


class QualityScorer:
    """Quality of one stream in one direction; LiveKit updates it every 2 s and tells every 5 s."""

    __slots__ = ("_expecting", "_expecting_since", "_peak_rate", "_score", "lost_after", "weight")

    def __init__(self, weight: float, lost_after: float = LOST_AFTER) -> None:
        self.weight = weight
        self.lost_after = lost_after
        self._score = BEST
        self._peak_rate = 0.0
        self._expecting = True
        self._expecting_since = -math.inf

    @property
    def current(self) -> Quality:
        """The quality as of the last update."""
        return Quality(quality_of(self._score), mean_opinion_score(self._score))

    def expect(self, expecting: bool, now: float) -> None:
        """Whether packets should come at all: false while muted, paused or wanted by nobody.

        Ending it clears the score, unless the peer is lost: muting brings nobody back.
        """
        if expecting == self._expecting:
            return
        self._expecting = expecting
        if expecting:
            self._expecting_since = now
        elif self._score > LOST_AT:
            self._score = BEST

    def update(self, window: QualityWindow, now: float) -> Quality:
        """Take in a window that ends now.

        A window counts only if packets were expected in more than half of it.
        """
        if window.silent_for >= self.lost_after:
            self._score = LOST_AT
            return self.current
        if not self._expecting:
            if self._score <= LOST_AT:
                self._score = BEST
            return self.current
        if window.duration <= 0.0 or now - self._expecting_since <= window.duration / 2.0:
            return self.current
        if window.expected <= 0:
            self._score = POOR_AT
            return self.current
        score = min(
            packet_score(window, self._weight_at(window.expected / window.duration)),
            bitrate_score(window),
            min(BEST, max(0.0, BEST - LAYER_PENALTY * window.layers_short)),
        )
        step = DOWN if score < self._score else UP
        self._score = max(FLOOR, self._score + step * (score - self._score))
        return self.current

    def _weight_at(self, rate: float) -> float:
        """The weight of loss at a packet rate, against the usual rate of this stream."""
        self._peak_rate = max(rate, self._peak_rate * PEAK_KEPT)
        return self.weight * math.sqrt(min(1.0, rate / self._peak_rate))


def participant_quality(
    streams: Iterable[Quality], silent_for: float = 0.0, lost_after: float = LOST_AFTER
) -> Quality:
    """Quality of a participant: that of its worst stream, EXCELLENT without one.

    LOST whatever its streams say when nothing was heard of it for ``lost_after``
    seconds (``silent_for`` is 0 for one that has not connected yet).
    """
    if silent_for >= lost_after:
        return Quality(ConnectionQuality.LOST, mean_opinion_score(LOST_AT))
    # Scores are monotone in quality, so the lowest score is the worst quality too.
    return min(
        streams,
        key=lambda stream: stream.score,
        default=Quality(ConnectionQuality.EXCELLENT, mean_opinion_score(BEST)),
    )
