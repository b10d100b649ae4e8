"""What the packet path keeps of one outgoing RTP stream."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from media.ports import Extension, Kind, SubscriptionSpec, SubscriptionStats
from media.rtp.playout_delay import pack_playout_delay
from media.streams.packet_cache import PacketCache
from media.streams.rewriter import Epoch, Rewriter

if TYPE_CHECKING:
    from media.path.source import Source
    from media.path.transport import PathTransport

BlockKey = str
"""Subscriptions of one key get the same block of header extensions for a packet.

Text, because its hash is computed once only: the key is looked up for each copy of a packet.
"""

SENT_VIDEO = 1024
SENT_AUDIO = 256
REPORTS_REMEMBERED = 8
RESEND_PAUSE = 0.02
"""A packet asked for again within this many seconds is on its way already."""

MAX_RESENDS = 10
"""Times that one packet is sent again, so that a viewer cannot make the relay send without end."""


class Sent(NamedTuple):
    """A packet that went out: enough to build it again, or the ciphertext itself where there is no RTX.

    ``cache`` is that of the source at the time: after a restart of the source
    the same ``sequence`` means another packet.
    """

    number: int
    source: Source
    cache: PacketCache
    sequence: int
    epoch: Epoch
    ciphertext: bytes | None


class Subscription:
    """State of one outgoing stream; ``PythonPacketPath`` drives it."""

    __slots__ = (
        "abs_send_time_id",
        "block_key",
        "copies",
        "extension_ids",
        "hold",
        "hold_id",
        "keeps_ciphertext",
        "keeps_sent",
        "payload_types",
        "pending",
        "report_times",
        "resent",
        "rewriter",
        "rtx_sequence",
        "sent",
        "sent_size",
        "source",
        "spec",
        "ssrc",
        "stats",
        "transport",
    )

    def __init__(
        self,
        spec: SubscriptionSpec,
        transport: PathTransport,
        first_sequence: int,
        first_timestamp: int,
        first_rtx: int,
    ) -> None:
        self.spec = spec
        self.ssrc = spec.ssrc
        self.payload_types = dict(spec.payload_types)
        self.keeps_sent = spec.nack
        self.keeps_ciphertext = spec.nack and spec.rtx_ssrc is None
        """Whether a retransmission must repeat the very bytes: the peer has no RTX (RFC 4588)."""
        self.transport = transport
        self.source: Source | None = None
        self.pending: Source | None = None
        clock_rate = 48000 if spec.kind is Kind.AUDIO else 90000
        self.rewriter = Rewriter(first_sequence, first_timestamp, clock_rate)
        self.rtx_sequence = first_rtx
        self.sent_size = SENT_AUDIO if spec.kind is Kind.AUDIO else SENT_VIDEO
        self.sent: list[Sent | None] = [None] * self.sent_size
        self.resent: dict[int, tuple[Sent, float, int]] = {}
        """When a packet was last sent again, and how often, by its place in ``sent``."""
        self.stats = SubscriptionStats()
        self.abs_send_time_id = spec.extensions.get(Extension.ABS_SEND_TIME, 0)
        self.extension_ids = tuple(sorted(spec.extensions.items()))
        self.hold_id = spec.extensions.get(Extension.PLAYOUT_DELAY, 0)
        self.hold = b""
        """Value of the playout-delay extension; empty: what the publisher says, if anything."""
        self.block_key: BlockKey = self._block_key()
        self.copies = 1
        self.report_times: dict[int, float] = {}

    def mend(self, hold: float, copies: int) -> None:
        """See ``media.ports.PacketPath.mend``."""
        self.copies = copies
        # Once said, a hold has to be taken back in so many words.
        if self.hold_id and (hold > 0.0 or self.hold):
            self.hold = pack_playout_delay(hold)
            self.block_key = self._block_key()

    def _block_key(self) -> BlockKey:
        ids = " ".join(f"{extension.name}={number}" for extension, number in self.extension_ids)
        return f"{ids} {self.hold.hex()}"

    def detach(self) -> None:
        """Take nothing from any source any more."""
        if self.source is not None and self in self.source.subscribers:
            self.source.subscribers.remove(self)
        if self.pending is not None and self in self.pending.pending:
            self.pending.pending.remove(self)
        self.source = None
        self.pending = None

    def wait_for(self, source: Source) -> None:
        """Switch to this source at its next keyframe; the newest order wins."""
        if self.pending is source:
            return
        if self.pending is not None:
            self.pending.pending.remove(self)
        self.pending = source
        source.pending.append(self)

    def take_over(self) -> None:
        """The pending source becomes the one that feeds us."""
        source = self.pending
        assert source is not None, "take_over needs a pending source"
        source.pending.remove(self)
        self.pending = None
        if self.source is not None and self.source is not source:
            self.source.subscribers.remove(self)
        if self.source is not source:
            source.subscribers.append(self)
        self.source = source

    def find_sent(self, number: int) -> Sent | None:
        """What went out under this 16-bit number lately."""
        size = self.sent_size
        sent = self.sent[number % size]
        return sent if sent is not None and sent.number == number else None

    def may_resend(self, sent: Sent, now: float) -> bool:
        """Whether this packet may be sent again now; a yes counts as sent."""
        place = sent.number % self.sent_size
        last, at, times = self.resent.get(place, (sent, -1.0, 0))
        if last is not sent:
            times = 0
        elif now - at < RESEND_PAUSE or times >= MAX_RESENDS:
            return False
        self.resent[place] = (sent, now, times + 1)
        return True

    def remember_report(self, middle: int, now: float) -> None:
        """A sender report with this middle NTP word left now; for the round trip of RFC 3550, 6.4.1."""
        self.report_times[middle] = now
        while len(self.report_times) > REPORTS_REMEMBERED:
            del self.report_times[next(iter(self.report_times))]

    def round_trip(self, lsr: int, dlsr: int, now: float) -> float | None:
        """Seconds from the echo of a report of ours, or None when it is none of ours."""
        sent_at = self.report_times.get(lsr)
        if sent_at is None or not lsr:
            return None
        rtt = now - sent_at - dlsr / 65536
        return rtt if 0.0 <= rtt < 60.0 else None
