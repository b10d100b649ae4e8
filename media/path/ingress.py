"""Packets on their way in: sorted by first byte, unprotected, counted, given to the fan-out."""

from __future__ import annotations

from collections import Counter

from media.errors import PacketError
from media.path import control
from media.path.egress import Egress
from media.path.events import EventQueue
from media.path.fanout import Fanout
from media.path.source import Source
from media.path.transport import PathTransport
from media.ports import Address, DtlsReceived, KeyframeWanted, SourceStarted, StunReceived
from media.rtp import rtx
from media.rtp.header import RtpHeader, pack_header, parse_extensions, parse_header


class Ingress:
    """What happens to one datagram; raises PacketError for a malformed one."""

    def __init__(self, egress: Egress, fanout: Fanout, events: EventQueue, counters: Counter[str]) -> None:
        self.by_address: dict[Address, PathTransport] = {}
        self._egress = egress
        self._fanout = fanout
        self._events = events
        self._counters = counters

    def datagram(self, data: bytes, address: Address, now: float) -> None:
        if not data:
            return
        first = data[0]
        if first < 4:
            self._events.put(StunReceived(data, address))
            return
        transport = self.by_address.get(address)
        if transport is None:
            self._counters["dropped_stranger"] += 1
            return
        if first >= 128:
            if first > 191 or len(data) < 12:
                raise PacketError("neither RTP nor RTCP")
            if transport.srtp is None:
                self._counters["dropped_before_keys"] += 1
            elif 192 <= data[1] <= 223:
                plain = transport.srtp.unprotect_rtcp(data)
                control.receive(transport, plain, now, self._egress, self._events)
            else:
                self._counters["packets_in"] += 1
                self._rtp(transport, transport.srtp.unprotect(data), now)
        elif 20 <= first <= 63:
            self._events.put(DtlsReceived(transport.number, data))
        else:
            raise PacketError("no protocol has this first byte")

    def _rtp(self, transport: PathTransport, data: bytes, now: float) -> None:
        header = parse_header(data)
        extensions = parse_extensions(data, header) if header.profile else {}
        source = transport.ssrcs.get(header.ssrc)
        repair = False
        if source is None:
            source = transport.rtx_ssrcs.get(header.ssrc)
            repair = source is not None
        if source is None:
            known = transport.discover(header.ssrc, header.payload_type, extensions)
            if known is None:
                self._note_arrival(transport, extensions, None, now)
                self._counters["dropped_unknown_ssrc"] += 1
                return
            source, repair = known
            if not repair and (source.subscribers or source.stats.packets):
                self._fanout.resynchronise(source)
        self._note_arrival(transport, extensions, source, now)
        if repair or header.payload_type in source.spec.rtx:
            self._repair(source, header, data, extensions, now)
        else:
            self._media(source, header, data, extensions, now, recovered=False)

    def _note_arrival(
        self, transport: PathTransport, extensions: dict[int, bytes], source: Source | None, now: float
    ) -> None:
        """Every packet counts for transport-wide feedback, whatever becomes of it."""
        if transport.arrivals is None:
            return
        if source is None:
            source = next(iter(transport.sources.values()), None)
            if source is None:
                return
        value = extensions.get(source.transport_cc_id)
        if value is not None and len(value) >= 2:
            transport.arrivals.record((value[0] << 8) | value[1], now)

    def _repair(
        self, source: Source, header: RtpHeader, data: bytes, extensions: dict[int, bytes], now: float
    ) -> None:
        """A retransmission (RFC 4588): put the original packet together again."""
        if header.payload_end == header.payload_offset:
            self._counters["rtx_padding"] += 1
            return
        payload_type = source.spec.rtx.get(header.payload_type)
        if payload_type is None or source.ssrc is None:
            raise PacketError("retransmission of an unknown stream")
        number, payload = rtx.unwrap(data[header.payload_offset : header.payload_end])
        block = data[header.ext_start - 4 : header.ext_end] if header.profile else b""
        head = pack_header(payload_type, number, header.timestamp, source.ssrc, header.marker, block)
        rebuilt = head + payload
        self._media(source, parse_header(rebuilt), rebuilt, extensions, now, recovered=True)

    def _media(
        self,
        source: Source,
        header: RtpHeader,
        data: bytes,
        extensions: dict[int, bytes],
        now: float,
        *,
        recovered: bool,
    ) -> None:
        payload_type = source.spec.payload_types.get(header.payload_type)
        if payload_type is None:
            self._counters["dropped_payload_type"] += 1
            return
        sequence, restarted = source.extender.extend(header.sequence, recovered)
        if sequence is None:
            self._counters["dropped_sequence_jump"] += 1
            return
        if restarted:
            source.cache.clear()
            if source.nacks is not None:
                source.nacks.clear()
            self._fanout.resynchronise(source)
        if source.cache.seen(sequence):
            self._counters["dropped_duplicate"] += 1
            return
        stats = source.stats
        stats.packets += 1
        stats.bytes += len(data)
        if recovered:
            stats.recovered += 1
        source.last_at = stats.last_packet_at = now
        source.reception.received(sequence, header.timestamp, now, len(data), recovered=recovered)
        if source.nacks is not None:
            source.nacks.received(sequence, now)
            if source.nacks.overflow():
                self._events.put(KeyframeWanted(source.spec.source, 0))
        padding = header.payload_end == header.payload_offset
        source.cache.put(sequence, data, now)
        if padding:
            # Closed up where its gap is not visible yet; else passed on, or it would be asked for.
            self._counters["padding_only"] += 1
            for subscription in source.subscribers:
                if not subscription.rewriter.skip(sequence):
                    self._egress.media(subscription, source, sequence, header, data, None, now)
            return
        if not source.active or source.codec != payload_type.codec:
            source.active = True
            source.codec = payload_type.codec
            self._events.put(SourceStarted(source.spec.source, header.ssrc, payload_type.codec))
        if source.audio_level_id:
            level = extensions.get(source.audio_level_id)
            if level:
                source.hear(level[0] & 0x7F, header.timestamp)
        if not source.forwarding:
            for subscription in source.subscribers:
                subscription.rewriter.skip(sequence)
            return
        self._fanout.forward(source, payload_type.codec, sequence, header, data, now)
