"""Sending one published track: RTP with extensions, retransmission, sender reports.

Time is an argument. Packets leave through a :class:`PacketOutlet`. An (SSRC,
index) pair is never protected twice with other content: what a NACK asks for
goes out as RTX (RFC 4588), or, where RTX was not agreed, as the very ciphertext
that was sent before.
"""

from __future__ import annotations

import random
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol

from media.ports import Extension, Kind
from media.rtp.header import build_packet
from media.rtp.ntp import to_ntp
from media.rtp.rtcp import ReportBlock, pack_sdes_cname, pack_sender_report
from signaling.client.packetize import payloads_of
from signaling.client.sources import Media, RawPacket

CACHE_TIME: Final = 1.0
"""Seconds for which a sent packet can be asked for again."""
CACHE_PACKETS: Final = 512
"""Packets kept for each encoding at most; the oldest go first."""
REPEAT_GUARD: Final = 0.02
"""A packet is sent again at most once in this many seconds."""


class PacketOutlet(Protocol):
    """Where packets go: a peer connection's protected transport."""

    def send_rtp(self, packet: bytes) -> bytes | None:
        """Protect and send; the ciphertext, or None when nothing was sent."""

    def send_ciphertext(self, packet: bytes) -> None:
        """Send again what ``send_rtp`` gave."""

    def next_transport_sequence(self) -> int:
        """The next transport-wide sequence number (16 bits)."""


@dataclass(slots=True)
class _Sent:
    payload: bytes
    """The payload, or the whole ciphertext where RTX was not agreed."""
    marker: bool
    timestamp: int
    at: float
    repeated_at: float = 0.0


@dataclass(slots=True)
class Encoding:
    """One outgoing RTP stream and its running totals (``octets`` is payload, as in an SR)."""

    rid: str
    ssrc: int
    rtx_ssrc: int | None
    sequence: int = field(default_factory=lambda: random.randrange(0x7FFF))
    rtx_sequence: int = field(default_factory=lambda: random.randrange(0x7FFF))
    picture_id: int = field(default_factory=lambda: random.randrange(0x8000))
    packets: int = 0
    octets: int = 0
    frames: int = 0
    keyframes: int = 0
    retransmitted: int = 0
    unanswered: int = 0
    """Packets that a NACK asked for and the cache no longer had."""
    keyframe_requests: int = 0
    last_timestamp: int = 0
    last_captured_at: float | None = None
    report: ReportBlock | None = None
    """What the other side said of this stream last."""
    cache: OrderedDict[int, _Sent] = field(default_factory=OrderedDict, repr=False)


@dataclass(frozen=True, slots=True)
class SenderFormat:
    """What negotiation gave: payload types, and header extensions by local id."""

    mid: str
    payload_type: int
    clock_rate: int
    rtx_payload_type: int | None
    extensions: Mapping[Extension, int]


class RtpSender:
    """A track's encodings. ``offset`` is added to the timestamps of frames, the same for all layers."""

    def __init__(
        self,
        kind: Kind,
        codec: str,
        encodings: Iterable[Encoding],
        cname: str,
        outlet: PacketOutlet,
        *,
        wall_offset: float,
    ) -> None:
        self.kind = kind
        self.codec = codec
        self.encodings = {encoding.rid: encoding for encoding in encodings}
        self.offset = random.randrange(1 << 32)
        self.format: SenderFormat | None = None
        self.dropped = 0
        """Frames for a rid that is not ours, or before the format was known."""
        self._cname = cname
        self._outlet = outlet
        self._wall_offset = wall_offset
        self._simulcast = len(self.encodings) > 1

    def by_ssrc(self, ssrc: int) -> Encoding | None:
        """The encoding that sends with this SSRC."""
        return next((e for e in self.encodings.values() if e.ssrc == ssrc), None)

    def push(self, media: Media, now: float) -> None:
        """Send a frame or a raw packet."""
        encoding = self.encodings.get(media.rid)
        if encoding is None and not self._simulcast and self.encodings:
            encoding = next(iter(self.encodings.values()))
        if encoding is None or self.format is None:
            self.dropped += 1
            return
        if isinstance(media, RawPacket):
            if media.sequence is not None:
                encoding.sequence = media.sequence & 0xFFFF
            self._send(
                encoding, media.payload, media.timestamp, media.marker, media.level, now, media.padding
            )
            return
        timestamp = (media.timestamp + self.offset) & 0xFFFFFFFF
        encoding.last_timestamp = timestamp
        encoding.last_captured_at = media.captured_at
        encoding.frames += 1
        encoding.keyframes += media.keyframe
        payloads = payloads_of(self.codec, media.data, encoding.picture_id)
        encoding.picture_id = encoding.picture_id + 1 & 0x7FFF
        # The marker of sound means the start of a talk spurt (RFC 3551 section 4.1), not an end.
        last = len(payloads) - 1 if self.kind is Kind.VIDEO else -1
        for index, payload in enumerate(payloads):
            self._send(encoding, payload, timestamp, index == last, media.level, now)

    def _send(
        self,
        encoding: Encoding,
        payload: bytes,
        timestamp: int,
        marker: bool,
        level: int,
        now: float,
        padding: int = 0,
    ) -> None:
        form = self.format
        if form is None:
            raise AssertionError("push checks that the format is known")
        sequence = encoding.sequence
        packet = build_packet(
            form.payload_type,
            sequence,
            timestamp & 0xFFFFFFFF,
            encoding.ssrc,
            payload,
            marker=marker,
            extensions=self._extensions(form, encoding, level, now, Extension.RID),
            padding=padding,
        )
        encoding.sequence = sequence + 1 & 0xFFFF
        encoding.packets += 1
        encoding.octets += len(payload)
        ciphertext = self._outlet.send_rtp(packet)
        if self.kind is Kind.VIDEO and ciphertext is not None:
            kept = payload if form.rtx_payload_type is not None else ciphertext
            self._remember(encoding, sequence, _Sent(kept, marker, timestamp & 0xFFFFFFFF, now))

    def _remember(self, encoding: Encoding, sequence: int, sent: _Sent) -> None:
        cache = encoding.cache
        cache[sequence] = sent
        cache.move_to_end(sequence)
        while len(cache) > CACHE_PACKETS or next(iter(cache.values())).at < sent.at - CACHE_TIME:
            cache.popitem(last=False)

    def _extensions(
        self, form: SenderFormat, encoding: Encoding, level: int, now: float, rid: Extension
    ) -> list[tuple[int, bytes]]:
        ids = form.extensions
        found = []
        if (number := ids.get(Extension.MID)) is not None:
            found.append((number, form.mid.encode()))
        if self._simulcast and (number := ids.get(rid)) is not None:
            found.append((number, encoding.rid.encode()))
        if self.kind is Kind.AUDIO and (number := ids.get(Extension.AUDIO_LEVEL)) is not None:
            # The upper bit says "voice" (RFC 6464 section 3).
            found.append((number, bytes((level | (0x80 if level < 60 else 0),))))
        if (number := ids.get(Extension.TRANSPORT_CC)) is not None:
            found.append((number, self._outlet.next_transport_sequence().to_bytes(2, "big")))
        if (number := ids.get(Extension.ABS_SEND_TIME)) is not None:
            stamp = int((now + self._wall_offset) * 262_144) & 0xFFFFFF
            found.append((number, stamp.to_bytes(3, "big")))
        return found

    def nack(self, ssrc: int, lost: Iterable[int], now: float) -> None:
        """Send again what the other side misses of one of our streams."""
        encoding = self.by_ssrc(ssrc)
        if encoding is None or self.format is None:
            return
        for sequence in lost:
            sent = encoding.cache.get(sequence)
            if sent is None or sent.at < now - CACHE_TIME:
                encoding.unanswered += 1
            elif now - sent.repeated_at >= REPEAT_GUARD:
                sent.repeated_at = now
                encoding.retransmitted += 1
                self._repeat(self.format, encoding, sequence, sent, now)

    def _repeat(self, form: SenderFormat, encoding: Encoding, sequence: int, sent: _Sent, now: float) -> None:
        if form.rtx_payload_type is None or encoding.rtx_ssrc is None:
            self._outlet.send_ciphertext(sent.payload)
            return
        packet = build_packet(
            form.rtx_payload_type,
            encoding.rtx_sequence,
            sent.timestamp,
            encoding.rtx_ssrc,
            sequence.to_bytes(2, "big") + sent.payload,
            marker=sent.marker,
            extensions=self._extensions(form, encoding, 0, now, Extension.REPAIRED_RID),
        )
        encoding.rtx_sequence = encoding.rtx_sequence + 1 & 0xFFFF
        self._outlet.send_rtp(packet)

    def reports(self, now: float) -> list[bytes]:
        """A compound of SR and SDES for each encoding that has sent frames (RFC 3550 section 6.4.1)."""
        found = []
        for encoding in self.encodings.values():
            if encoding.last_captured_at is None or self.format is None:
                continue
            ahead = round((now - encoding.last_captured_at) * self.format.clock_rate)
            found.append(
                pack_sender_report(
                    encoding.ssrc,
                    to_ntp(now + self._wall_offset),
                    (encoding.last_timestamp + ahead) & 0xFFFFFFFF,
                    encoding.packets,
                    encoding.octets,
                )
                + pack_sdes_cname(encoding.ssrc, self._cname)
            )
        return found
