"""What a receiver report says of a source: loss, jitter, delays (RFC 3550 sections 6.4.1, A.3 and A.8)."""

from __future__ import annotations

from typing import Final

from media.rtp.ntp import middle_bits
from media.rtp.rtcp import ReportBlock
from media.streams.rate import RateWindow

MAX_STEP: Final = 3000
"""A packet further than this above the highest number began a new run; those between were not lost."""

MAX_TRANSIT_STEP: Final = 5.0
"""Seconds; a change of transit time above this is a sender that restarted its clock, and no jitter."""


class ReceptionStats:
    """Counts one source's packets by extended sequence number.

    Packets won back by retransmission count as received, so that a report's
    loss is what remained; they do not count for jitter, since their time of
    arrival says nothing about the line.
    """

    __slots__ = (
        "_arrived",
        "_base",
        "_clock_rate",
        "_cycles",
        "_expected_before",
        "_highest",
        "_jitter",
        "_lsr",
        "_lsr_at",
        "_max_transit",
        "_rate",
        "_received_before",
        "_timestamp",
        "octets",
        "received_packets",
    )

    def __init__(self, clock_rate: int) -> None:
        self._clock_rate = clock_rate
        self._max_transit = MAX_TRANSIT_STEP * clock_rate
        self._base = self._highest = -1
        self._cycles = 0
        self._timestamp = 0
        self._arrived = -1.0  # no packet has been measured yet
        self._jitter = 0.0
        self._expected_before = self._received_before = 0
        self._lsr = 0
        self._lsr_at = 0.0
        self._rate = RateWindow()
        self.received_packets = 0
        """Packets received, retransmissions and repeats included."""
        self.octets = 0
        """Sum of the sizes given."""

    def received(
        self, number: int, timestamp: int, now: float, size: int, *, recovered: bool = False
    ) -> None:
        """A packet with this extended number, RTP timestamp and size in octets has come."""
        self.received_packets += 1
        self.octets += size
        self._rate.add(size, now)
        highest = self._highest
        if number > highest:
            if highest < 0:
                self._base = number
                self._cycles = number & ~0xFFFF
            elif number - highest > MAX_STEP:
                self._base += number - highest - 1
            self._highest = number
        elif number < self._base:
            self._base = number
        if recovered:
            return
        if self._arrived >= 0:
            elapsed = (timestamp - self._timestamp + 0x80000000 & 0xFFFFFFFF) - 0x80000000
            change = (now - self._arrived) * self._clock_rate - elapsed
            if change < 0:
                change = -change
            if change < self._max_transit:
                self._jitter += (change - self._jitter) / 16
        self._timestamp = timestamp
        self._arrived = now

    def sender_report(self, ntp: int, now: float) -> None:
        """A sender report with this 64-bit NTP stamp has come from the source."""
        self._lsr = middle_bits(ntp)
        self._lsr_at = now

    @property
    def expected(self) -> int:
        """Packets that the sender has sent, judged by the numbers seen."""
        return self._highest - self._base + 1 if self._highest >= 0 else 0

    @property
    def cumulative_lost(self) -> int:
        """Expected minus received; negative where packets came twice."""
        return self.expected - self.received_packets

    @property
    def jitter_seconds(self) -> float:
        """Interarrival jitter in seconds."""
        return self._jitter / self._clock_rate

    def bitrate(self, now: float) -> float:
        """Bit/s of what was received in the second before ``now``."""
        return self._rate.bitrate(now)

    def report(self, ssrc: int, now: float) -> ReportBlock:
        """The block for a receiver report; the next one's fraction lost counts from here."""
        expected = self.expected
        interval = expected - self._expected_before
        lost = interval - (self.received_packets - self._received_before)
        self._expected_before = expected
        self._received_before = self.received_packets
        fraction = min(255, (lost << 8) // interval) if interval > 0 and lost > 0 else 0
        return ReportBlock(
            ssrc,
            fraction,
            max(-0x800000, min(0x7FFFFF, expected - self.received_packets)),
            max(0, self._highest - self._cycles) & 0xFFFFFFFF,
            min(int(self._jitter), 0xFFFFFFFF),
            self._lsr,
            min(round((now - self._lsr_at) * 65536), 0xFFFFFFFF) if self._lsr else 0,
        )
