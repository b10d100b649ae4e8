"""Receiving one RTP stream: order and loss, NACK and RTX, reports, and frames for who wants them.

Time is an argument. A stream counts every packet and keeps none, unless
somebody takes frames: then payloads wait, in order, for what a NACK brings
back, at most :data:`HOLD` seconds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from media.errors import PacketError
from media.ports import Kind
from media.rtp.header import RtpHeader
from media.rtp.ntp import middle_bits
from media.rtp.rtcp import ReportBlock
from media.rtp.sequences import sequence_ahead
from signaling.client.assembly import FrameAssembler, ReceivedFrame

MAX_MISSING: Final = 256
"""Sequence numbers waited for at once; a longer gap is not asked for but answered by a keyframe."""
NACK_AGAIN: Final = 0.06
"""Seconds between two questions for the same packet."""
NACK_TRIES: Final = 5
HOLD: Final = 0.4
"""Seconds that a missing packet of pictures is waited for."""
JUMP: Final = 3000
"""A step of more than this is a new start of the sender, not a gap."""


@dataclass(slots=True)
class StreamCounters:
    """Running totals of one SSRC.

    ``gaps`` counts breaks in the sequence as they were seen, ``missing`` the
    packets in them that nothing has brought since; ``jitter`` is in seconds.
    """

    packets: int = 0
    octets: int = 0
    frames: int = 0
    keyframes: int = 0
    gaps: int = 0
    missing: int = 0
    duplicates: int = 0
    recovered: int = 0
    nacked: int = 0
    malformed: int = 0
    largest_silence: float = 0.0
    """Longest time between two packets, in seconds."""
    last_packet_at: float = 0.0
    jitter: float = 0.0


@dataclass(slots=True)
class _Missing:
    since: float
    asked_at: float = 0.0
    tries: int = 0


@dataclass(slots=True)
class ReceivedStream:
    """One incoming SSRC of a track.

    ``rtx`` maps retransmission payload types to media payload types; ``codecs``
    media payload types to codec keys. ``on_packet(header, packet)`` sees every
    packet of media as it comes, RTX ones restored.
    """

    ssrc: int
    kind: Kind
    codecs: Mapping[int, str]
    rtx: Mapping[int, int]
    clock_rate: int
    counters: StreamCounters = field(default_factory=StreamCounters)
    nack: bool = True
    """Whether lost packets are asked for; tests turn it off."""
    on_packet: Callable[[RtpHeader, bytes], None] | None = None
    on_frame: Callable[[ReceivedFrame], None] | None = None
    keyframe_wanted: bool = False
    """The picture is lost and only a keyframe brings it back; the owner sends the PLI."""
    last_header: RtpHeader | None = None
    sender_report: tuple[int, int, float] | None = None
    """NTP stamp, RTP timestamp and arrival time of the newest sender report."""
    _highest: int = -1
    _first: int = -1
    _received_of_expected: int = 0
    _missing: dict[int, _Missing] = field(default_factory=dict)
    _transit: float | None = None
    _prior: tuple[int, int] = (0, 0)
    _assembler: FrameAssembler | None = None

    def hand_frames(self, on_frame: Callable[[ReceivedFrame], None] | None) -> None:
        """Give frames to this consumer from now on; pictures begin with a keyframe."""
        self.on_frame = on_frame
        self._assembler = None

    # -- packets -----------------------------------------------------------------

    def receive(self, header: RtpHeader, packet: bytes, now: float) -> None:
        """A packet of media with this stream's SSRC."""
        if header.payload_type not in self.codecs:
            self.counters.malformed += 1
            return
        self._take(header, packet, now, recovered=False)

    def receive_rtx(self, header: RtpHeader, packet: bytes, now: float) -> None:
        """A packet of this stream's RTX SSRC (RFC 4588). One with nothing inside is padding: passed over."""
        if header.payload_end - header.payload_offset < 2:
            return
        media_type = self.rtx.get(header.payload_type)
        if media_type is None:
            self.counters.malformed += 1
            return
        offset = header.payload_offset
        original = int.from_bytes(packet[offset : offset + 2], "big")
        restored = header._replace(
            payload_type=media_type, sequence=original, ssrc=self.ssrc, payload_offset=offset + 2
        )
        self._take(restored, packet, now, recovered=True)

    def _take(self, header: RtpHeader, packet: bytes, now: float, *, recovered: bool) -> None:
        counters = self.counters
        extended = self._extend(header.sequence)
        if extended is None:
            if recovered:
                return
            self._restart(header.sequence)
            extended = header.sequence
        if extended > self._highest:
            if recovered and extended > self._highest + MAX_MISSING:
                return
            self._note_gap(extended, now)
            self._highest = extended
        elif self._missing.pop(extended, None) is not None:
            counters.missing -= 1
            counters.recovered += recovered
        else:
            counters.duplicates += 1
            return
        if counters.packets:
            counters.largest_silence = max(counters.largest_silence, now - counters.last_packet_at)
        counters.packets += 1
        counters.octets += header.payload_end - header.payload_offset
        counters.last_packet_at = now
        if not recovered:
            self._measure_jitter(header.timestamp, now)
            self.last_header = header
        if self.on_packet is not None:
            self.on_packet(header, packet)
        if header.payload_end == header.payload_offset:
            # Padding only: a number without content, so that a frame does not wait for it.
            if self._assembler is not None:
                self._assembler.skip(extended)
            return
        if self.on_frame is not None:
            self._assemble(extended, header, packet, now)

    def _extend(self, sequence: int) -> int | None:
        if self._highest < 0:
            self._restart(sequence)
            return sequence
        ahead = sequence_ahead(sequence, self._highest & 0xFFFF)
        if abs(ahead) > JUMP:
            return None
        return self._highest + ahead

    def _restart(self, sequence: int) -> None:
        self._first = sequence
        self._highest = sequence - 1
        self._missing.clear()
        self._prior = (0, self.counters.packets)
        self._received_of_expected = self.counters.packets
        if self._assembler is not None:
            self._assembler = None
            self.keyframe_wanted = True

    def _note_gap(self, extended: int, now: float) -> None:
        step = extended - self._highest
        if step <= 1:
            return
        self.counters.gaps += 1
        self.counters.missing += step - 1
        first = max(self._highest + 1, extended - MAX_MISSING)
        for number in range(first, extended):
            self._missing[number] = _Missing(now)
        while len(self._missing) > MAX_MISSING:
            del self._missing[next(iter(self._missing))]

    def _measure_jitter(self, timestamp: int, now: float) -> None:
        transit = now - timestamp / self.clock_rate
        if self._transit is not None:
            difference = abs(transit - self._transit)
            # A wrap of the timestamp or a new origin is no jitter.
            if difference < 5.0:
                self.counters.jitter += (difference - self.counters.jitter) / 16
        self._transit = transit

    # -- frames ------------------------------------------------------------------

    def _assemble(self, extended: int, header: RtpHeader, packet: bytes, now: float) -> None:
        assembler = self._assembler
        codec = self.codecs[header.payload_type]
        if assembler is None or assembler.codec != codec:
            assembler = self._assembler = FrameAssembler(codec, self.kind)
            self.keyframe_wanted = self.keyframe_wanted or self.kind is Kind.VIDEO
        try:
            assembler.add(extended, header, packet[header.payload_offset : header.payload_end], now)
        except PacketError:
            self.counters.malformed += 1
        self._deliver(assembler, now)

    def _deliver(self, assembler: FrameAssembler, now: float) -> None:
        if assembler.expire(now, HOLD):
            self.keyframe_wanted = True
        for frame in assembler.frames():
            self.counters.frames += 1
            self.counters.keyframes += frame.keyframe
            if frame.keyframe:
                self.keyframe_wanted = False
            if self.on_frame is not None:
                self.on_frame(frame)

    # -- timers ------------------------------------------------------------------

    def poll(self, now: float) -> list[int]:
        """The sequence numbers (16 bits) to ask for now; call it every 20 ms or so."""
        asked: list[int] = []
        given_up = []
        for number, missing in self._missing.items():
            if missing.tries >= NACK_TRIES or now - missing.since > 1.0:
                given_up.append(number)
            elif self.nack and now - missing.asked_at >= NACK_AGAIN:
                missing.tries += 1
                missing.asked_at = now
                asked.append(number & 0xFFFF)
        for number in given_up:
            del self._missing[number]
        self.counters.nacked += len(asked)
        if self._assembler is not None:
            self._deliver(self._assembler, now)
        return asked

    @property
    def waiting(self) -> bool:
        """Whether ``poll`` has something to look after."""
        return bool(self._missing) or (self._assembler is not None and self._assembler.pending > 0)

    def report_block(self, now: float) -> ReportBlock | None:
        """What a receiver report says of this stream (RFC 3550, A.3); None before the first packet."""
        if self._highest < 0:
            return None
        expected = self._highest - self._first + 1
        received = self.counters.packets - self._received_of_expected
        prior_expected, prior_received = self._prior
        interval_expected = expected - prior_expected
        interval_lost = interval_expected - (self.counters.packets - prior_received)
        self._prior = (expected, self.counters.packets)
        fraction = 0
        if interval_expected > 0 and interval_lost > 0:
            fraction = min(255, (interval_lost << 8) // interval_expected)
        lsr = dlsr = 0
        if self.sender_report is not None:
            ntp, _, arrived = self.sender_report
            lsr = middle_bits(ntp)
            dlsr = int((now - arrived) * 65536)
        return ReportBlock(
            self.ssrc,
            fraction,
            max(0, expected - received),
            self._highest,
            int(self.counters.jitter * self.clock_rate),
            lsr,
            dlsr,
        )
