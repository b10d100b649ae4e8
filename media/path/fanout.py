"""Copying one source's packets to its subscriptions, and moving subscriptions at keyframes."""

from __future__ import annotations

from collections import Counter

from media.errors import PacketError
from media.path.egress import Egress
from media.path.events import EventQueue
from media.path.outbound import Outbound
from media.path.source import Source
from media.path.subscription import Subscription
from media.ports import KeyframeWanted, Kind, Switched
from media.rtp import h264, red
from media.rtp.header import RtpHeader, parse_extensions, parse_header
from media.rtp.keyframes import starts_keyframe
from media.rtp.vp8 import Vp8Descriptor, pack_descriptor, parse_descriptor

CATCH_UP = 128
"""Packets behind the newest one that a keyframe may begin and still be taken as a start."""


class Fanout:
    """From sources to subscriptions."""

    def __init__(self, egress: Egress, events: EventQueue, counters: Counter[str]) -> None:
        self._egress = egress
        self._events = events
        self._counters = counters

    def media(
        self,
        source: Source,
        codec: str,
        sequence: int,
        header: RtpHeader,
        data: bytes,
        extensions: dict[int, bytes],
        now: float,
    ) -> None:
        """Copy a packet to every subscription; a keyframe begins with moving those that wait for it."""
        try:
            packet, keyframe = self._read(source, codec, sequence, header, data, extensions)
        except PacketError:
            self._counters["dropped_malformed"] += 1
            self.leave_out(source, sequence)
            return
        begun: list[Subscription] = []
        if source.pending and self._may_begin(source, sequence, keyframe):
            begun = list(source.pending)
            for subscription in begun:
                self._egress.begin(subscription, packet, now)
                self._events.put(Switched(subscription.spec.subscription, source.spec.source))
        before = self._egress.queued
        if codec == "audio/red":
            self._redundant(source, packet, now)
        else:
            send = self._egress.media
            for subscription in source.subscribers:
                send(subscription, packet, now)
        if begun and source.extender.highest > sequence:
            for subscription in begun:
                self._catch_up(subscription, source, sequence, now)
        self._counters["packets_out"] += self._egress.queued - before

    def padding(
        self, source: Source, codec: str, sequence: int, header: RtpHeader, data: bytes, now: float
    ) -> None:
        """A packet of nothing but padding: its number is closed up where nobody can see the gap yet.

        Where the gap is visible already, it is passed on, or it would be asked for.
        """
        packet: Outbound | None = None
        for subscription in source.subscribers:
            if subscription.rewriter.skip(sequence):
                continue
            if packet is None:
                packet = Outbound(source, sequence, codec, header, data, {})
            self._egress.media(subscription, packet, now)

    def leave_out(self, source: Source, sequence: int) -> None:
        """Send this packet to nobody, and let its number close up."""
        for subscription in source.subscribers:
            subscription.rewriter.skip(sequence)

    def resynchronise(self, source: Source) -> None:
        """The source's numbering or decoder state is broken: everyone begins anew at a keyframe."""
        for subscription in list(source.subscribers):
            source.subscribers.remove(subscription)
            subscription.source = None
            if subscription.pending is None:
                subscription.wait_for(source)
        if source.spec.kind is Kind.VIDEO and source.pending:
            self._events.put(KeyframeWanted(source.spec.source, 0))

    def _read(
        self,
        source: Source,
        codec: str,
        sequence: int,
        header: RtpHeader,
        data: bytes,
        extensions: dict[int, bytes],
    ) -> tuple[Outbound, bool]:
        """The packet made ready for copying, and whether a keyframe starts with it."""
        descriptor: Vp8Descriptor | None = None
        keyframe = False
        if codec == "video/vp8":
            descriptor = parse_descriptor(data[header.payload_offset : header.payload_end])
            keyframe = descriptor.keyframe
        elif source.spec.kind is Kind.VIDEO and header.timestamp != source.keyframe_timestamp:
            payload = data[header.payload_offset : header.payload_end]
            if codec.startswith("video/h264"):
                start = h264.keyframe_start(payload)
                # An IDR slice behind a lost packet: that was its parameter sets, without which
                # nobody can begin. They may come by retransmission.
                missing = source.nacks is not None and len(source.nacks) > 0
                keyframe = start is h264.KeyframeStart.SPS or (
                    start is h264.KeyframeStart.IDR and not missing
                )
            else:
                keyframe = starts_keyframe(codec, payload)
        if keyframe:
            source.keyframe_timestamp = header.timestamp
            source.stats.keyframes += 1
        return Outbound(source, sequence, codec, header, data, extensions, descriptor), keyframe

    def _may_begin(self, source: Source, sequence: int, keyframe: bool) -> bool:
        """Whether those who wait for the source start with this packet."""
        if source.spec.kind is Kind.AUDIO:
            return sequence == source.extender.highest
        # A keyframe recovered long after its time starts nobody: what came behind it is gone.
        return keyframe and sequence >= source.extender.highest - CATCH_UP

    def _redundant(self, source: Source, packet: Outbound, now: float) -> None:
        """RED (RFC 2198) goes on as it is to those who take it, and as its newest block to the others."""
        plain: Outbound | None = None
        for subscription in source.subscribers:
            if packet.codec in subscription.payload_types:
                self._egress.media(subscription, packet, now)
                continue
            if plain is None:
                payload = packet.payload[: packet.size]
                try:
                    plain = packet.with_payload("audio/opus", red.primary(payload))
                except PacketError:
                    self._counters["dropped_malformed"] += 1
                    plain = packet.with_payload("", b"")
            if plain.size:
                self._egress.media(subscription, plain, now)
            else:
                subscription.rewriter.skip(packet.sequence)

    def _catch_up(self, subscription: Subscription, source: Source, sequence: int, now: float) -> None:
        """The keyframe's first packet came late: send what had come behind it already."""
        for number, data in source.cache.since(sequence + 1):
            header = parse_header(data)
            payload_type = source.spec.payload_types.get(header.payload_type)
            if payload_type is None or header.payload_end == header.payload_offset:
                subscription.rewriter.skip(number)
                continue
            descriptor: Vp8Descriptor | None = None
            try:
                if payload_type.codec == "video/vp8":
                    descriptor = parse_descriptor(data[header.payload_offset : header.payload_end])
            except PacketError:
                subscription.rewriter.skip(number)
                continue
            extensions = parse_extensions(data, header)
            packet = Outbound(source, number, payload_type.codec, header, data, extensions, descriptor)
            self._egress.media(subscription, packet, now)


def widen_picture_id(source: Source, header: RtpHeader, data: bytes) -> bytes:
    """A VP8 packet whose picture id has 7 bits, with one of 15 bits; any other packet as it is.

    Seven bits wrap each four seconds, so offsets could not keep the outgoing
    numbers continuous; where the id enters it is known which wrap it belongs to.
    """
    offset = header.payload_offset
    # X, then I, then M: without any of them there is no 7-bit id.
    if (
        header.payload_end - offset < 4
        or not data[offset] & 0x80
        or not data[offset + 1] & 0x80
        or data[offset + 2] & 0x80
    ):
        return data
    payload = data[offset:]
    descriptor = parse_descriptor(payload[: header.payload_end - offset])
    assert descriptor.picture_id is not None, "the I bit is set"
    wide = source.extend_picture_id(descriptor.picture_id)
    head = pack_descriptor(payload, descriptor, wide, descriptor.tl0_picture_index or 0)
    return data[:offset] + head + payload[descriptor.size :]
