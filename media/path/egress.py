"""Writing what leaves the relay: rewritten RTP, retransmissions, RTCP, and the queue of datagrams."""

from __future__ import annotations

from collections import Counter
from struct import Struct

from media.errors import PacketError
from media.path.outbound import Outbound
from media.path.source import Source
from media.path.subscription import Sent, Subscription
from media.path.transport import PathTransport
from media.ports import Address, Datagram
from media.rtp import rtcp
from media.rtp.header import pack_extensions, parse_extensions, parse_header
from media.rtp.ntp import middle_bits
from media.rtp.vp8 import Vp8Descriptor, pack_descriptor, parse_descriptor
from media.streams.rewriter import Epoch

MAX_OUTGOING = 65536
"""Datagrams between two drains; what is beyond is dropped and counted."""

MAX_RESENT = 512
"""Retransmissions for one NACK; a viewer that lost more needs a keyframe, not these."""

_pack_fixed = Struct("!BBHII").pack
_new_tuple = tuple.__new__  # half the cost of calling the class, which only forwards to it


class Egress:
    """Builds, protects and queues outgoing datagrams."""

    def __init__(self, counters: Counter[str]) -> None:
        self._counters = counters
        self._queue: list[Datagram] = []

    def drain(self) -> list[Datagram]:
        """All queued datagrams; the queue is empty afterwards."""
        queue, self._queue = self._queue, []
        return queue

    @property
    def queued(self) -> int:
        """Datagrams that wait."""
        return len(self._queue)

    def raw(self, data: bytes, address: Address) -> None:
        """Queue a datagram as it is."""
        if len(self._queue) < MAX_OUTGOING:
            self._queue.append((data, address))
        else:
            self._counters["dropped_outgoing"] += 1

    def control(self, transport: PathTransport, packet: bytes) -> None:
        """Protect and queue RTCP."""
        if transport.srtp is None or transport.address is None:
            return
        try:
            self.raw(transport.srtp.protect_rtcp(packet), transport.address)
        except PacketError:
            self._counters["dropped_protect"] += 1

    def begin(self, subscription: Subscription, packet: Outbound, now: float) -> None:
        """From this packet on the pending source feeds the subscription."""
        source = packet.source
        previous = subscription.rewriter.epoch
        mapped = None
        feeding = subscription.source
        if (
            previous is not None
            and feeding is not None
            and feeding is not source
            and previous.source == feeding.spec.source
            and feeding.spec.transport == source.spec.transport
        ):
            timestamp = source.clock.translate(packet.timestamp, feeding.clock)
            if timestamp is not None:
                mapped = (timestamp + previous.timestamp_offset) & 0xFFFFFFFF
        subscription.take_over()
        rewriter = subscription.rewriter
        rewriter.begin(source.spec.source, packet.sequence, packet.timestamp, now, mapped)
        descriptor = packet.descriptor
        if descriptor is not None:
            rewriter.anchor_pictures(descriptor.picture_id, descriptor.tl0_picture_index)
        if source.clock.known:
            self.report(subscription, source, now)

    def media(self, subscription: Subscription, packet: Outbound, now: float) -> None:
        """Send one packet to one subscription, or leave its number out where it cannot go."""
        transport = subscription.transport
        rewriter = subscription.rewriter
        sequence = packet.sequence
        payload_type = subscription.payload_types.get(packet.codec)
        srtp = transport.srtp
        address = transport.address
        if payload_type is None or srtp is None or address is None:
            rewriter.skip(sequence)
            subscription.stats.dropped += 1
            return
        number = rewriter.place(sequence, packet.timestamp, now)
        if number is None:
            subscription.stats.dropped += 1
            return
        epoch = rewriter.epoch
        assert epoch is not None, "a number is given inside an epoch only"
        block = packet.blocks.get(subscription.block_key)
        if block is None:
            block = packet.blocks[subscription.block_key] = _extensions(
                subscription, packet.source, packet.extensions, now
            )
        head = _pack_fixed(
            packet.first | 0x10 if block else packet.first,
            packet.marker | payload_type,
            number & 0xFFFF,
            (packet.timestamp + epoch.timestamp_offset) & 0xFFFFFFFF,
            subscription.ssrc,
        )
        descriptor = packet.descriptor
        if descriptor is None:
            plain = head + block + packet.payload
        else:
            picture_id, tl0 = _pictures(epoch, descriptor)
            plain = head + block + pack_descriptor(packet.payload, descriptor, picture_id, tl0) + packet.tail
            if picture_id != rewriter.last_picture_id:
                rewriter.note_picture(
                    picture_id if descriptor.picture_id is not None else None,
                    tl0 if descriptor.tl0_picture_index is not None else None,
                )
        try:
            protected = srtp.protect(plain)
        except PacketError:
            self._counters["dropped_protect"] += 1
            subscription.stats.dropped += 1
            return
        self.raw(protected, address)
        stats = subscription.stats
        stats.packets += 1
        stats.bytes += packet.size
        if subscription.keeps_sent:
            source = packet.source
            ciphertext = protected if subscription.keeps_ciphertext else None
            subscription.sent[number % subscription.sent_size] = _new_tuple(
                Sent, (number & 0xFFFF, source, source.cache, sequence, epoch, ciphertext)
            )

    def resend(self, subscription: Subscription, lost: list[int], now: float) -> None:
        """Answer a NACK: by RTX, or by the same ciphertext where the peer has no RTX."""
        transport = subscription.transport
        if transport.srtp is None or transport.address is None:
            return
        stats = subscription.stats
        budget = MAX_RESENT
        for wanted in lost:
            stats.nacked += 1
            sent = subscription.find_sent(wanted)
            if sent is None:
                stats.missed += 1
                continue
            if not budget or not subscription.may_resend(sent, now):
                continue
            if sent.ciphertext is None:
                sends = [self._retransmission(subscription, sent, now) for _ in range(subscription.copies)]
                if not any(sends):
                    stats.missed += 1
                    continue
            else:
                for _ in range(subscription.copies):
                    self.raw(sent.ciphertext, transport.address)
            budget -= 1
            stats.retransmitted += 1
            self._counters["retransmitted"] += 1

    def _retransmission(self, subscription: Subscription, sent: Sent, now: float) -> bool:
        """Build the packet again as RTX (RFC 4588, 4); false when the cache no longer has it."""
        transport = subscription.transport
        data = sent.cache.get(sent.sequence)
        if data is None or transport.srtp is None or transport.address is None:
            return False
        source = sent.source
        header = parse_header(data)
        media = source.spec.payload_types.get(header.payload_type)
        payload_type = subscription.payload_types.get(media.codec) if media is not None else None
        repair_type = subscription.spec.rtx.get(payload_type) if payload_type is not None else None
        if media is None or repair_type is None or subscription.spec.rtx_ssrc is None:
            return False
        payload = data[header.payload_offset :]
        if media.codec == "video/vp8" and header.payload_end > header.payload_offset:
            descriptor = parse_descriptor(payload)
            payload = (
                pack_descriptor(payload, descriptor, *_pictures(sent.epoch, descriptor))
                + payload[descriptor.size :]
            )
        block = _extensions(subscription, source, parse_extensions(data, header), now)
        subscription.rtx_sequence += 1
        packet = (
            _pack_fixed(
                0x80 | (0x10 if block else 0) | (data[0] & 0x20),
                (0x80 if header.marker else 0) | repair_type,
                subscription.rtx_sequence & 0xFFFF,
                (header.timestamp + sent.epoch.timestamp_offset) & 0xFFFFFFFF,
                subscription.spec.rtx_ssrc,
            )
            + block
            + sent.number.to_bytes(2, "big")
            + payload
        )
        try:
            self.raw(transport.srtp.protect(packet), transport.address)
        except PacketError:
            self._counters["dropped_protect"] += 1
            return False
        return True

    def report(self, subscription: Subscription, source: Source, now: float) -> None:
        """Pass the publisher's sender report on, its timestamp moved as the packets are (RFC 3550, 7.2)."""
        epoch = subscription.rewriter.epoch
        if epoch is None or epoch.source != source.spec.source:
            return
        clock = source.clock
        packet = rtcp.pack_sender_report(
            subscription.ssrc,
            clock.ntp,
            (clock.rtp_timestamp + epoch.timestamp_offset) & 0xFFFFFFFF,
            subscription.stats.packets,
            subscription.stats.bytes,
        ) + rtcp.pack_sdes_cname(subscription.ssrc, f"t{source.spec.transport}")
        subscription.remember_report(middle_bits(clock.ntp), now)
        self.control(subscription.transport, packet)


def _extensions(subscription: Subscription, source: Source, found: dict[int, bytes], now: float) -> bytes:
    """The extension block of a copy; the same for all subscriptions with the same ids."""
    items: list[tuple[int, bytes]] = []
    if found:
        plan = source.extension_plan(subscription.extension_ids)
        if plan:
            items = [(plan[number], value) for number, value in found.items() if number in plan]
    if subscription.hold:
        items = [item for item in items if item[0] != subscription.hold_id]
        items.append((subscription.hold_id, subscription.hold))
    if subscription.abs_send_time_id:
        # 24 bits, 6.18 fixed point seconds, wraps every 64 s.
        stamp = int(now * 262144) & 0xFFFFFF
        items.append((subscription.abs_send_time_id, stamp.to_bytes(3, "big")))
    return pack_extensions(items)


def _pictures(epoch: Epoch, descriptor: Vp8Descriptor) -> tuple[int, int]:
    """Outgoing picture id and TL0PICIDX; meaningless where the descriptor has none."""
    return (
        ((descriptor.picture_id or 0) + epoch.picture_id_offset) & 0x7FFF,
        ((descriptor.tl0_picture_index or 0) + epoch.tl0_offset) & 0xFF,
    )
