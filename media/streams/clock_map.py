"""A source's RTP clock against its sender's NTP clock, from sender reports (RFC 3550, 6.4.1)."""

from __future__ import annotations

from media.rtp.sequences import timestamp_ahead


class ClockMap:
    """The newest pair (NTP, RTP) of one source.

    ``ntp`` is the 64-bit NTP stamp. Converting goes through that one pair, so it
    is as right as the sender's own report is.
    """

    __slots__ = ("arrived", "clock_rate", "ntp", "rtp_timestamp")

    def __init__(self, clock_rate: int) -> None:
        self.clock_rate = clock_rate
        self.ntp = 0
        self.rtp_timestamp = 0
        self.arrived = 0.0

    @property
    def known(self) -> bool:
        """Whether a report with an NTP stamp has come."""
        return self.ntp != 0

    def report(self, ntp: int, rtp_timestamp: int, now: float) -> None:
        """A sender report came; an NTP stamp of zero means *no clock* and is passed over."""
        if ntp:
            self.ntp = ntp
            self.rtp_timestamp = rtp_timestamp
            self.arrived = now

    def seconds_of(self, timestamp: int) -> float:
        """Sender's NTP time of an RTP timestamp, in seconds since 1900."""
        return self.ntp / 2**32 + timestamp_ahead(timestamp, self.rtp_timestamp) / self.clock_rate

    def translate(self, timestamp: int, other: ClockMap) -> int | None:
        """The timestamp that ``other`` gives to the instant of our ``timestamp``; None while unknown.

        Both clocks must be of one sender: streams of different senders have no
        common NTP clock worth trusting.
        """
        if not (self.known and other.known):
            return None
        # Differences of the 64-bit stamps first: a float of the whole NTP time has too few digits.
        between = (self.ntp - other.ntp) / 2**32
        at = between + timestamp_ahead(timestamp, self.rtp_timestamp) / self.clock_rate
        return (other.rtp_timestamp + round(at * other.clock_rate)) & 0xFFFFFFFF
