"""Packets on their way in: sorted by first byte, unprotected, counted, given to the fan-out."""

from __future__ import annotations

from collections import Counter

from media.errors import PacketError
from media.path import control
from media.path.egress import Egress
from media.path.events import EventQueue
from media.path.fanout import Fanout, widen_picture_id
from media.path.moves import MoveDetector
from media.path.source import Source
from media.path.transport import PathTransport
from media.ports import Address, DtlsReceived, KeyframeWanted, Kind, Moved, SourceStarted, StunReceived
from media.rtp import rtx
from media.rtp.header import RtpHeader, pack_header, parse_extensions, parse_header


class Ingress:
    """What happens to one datagram; raises PacketError for a malformed one."""

    def __init__(
        self,
        egress: Egress,
        fanout: Fanout,
        moves: MoveDetector,
        events: EventQueue,
        counters: Counter[str],
    ) -> None:
        self.by_address: dict[Address, PathTransport] = {}
        self._egress = egress
        self._fanout = fanout
        self._moves = moves
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
            if 128 <= first <= 191 and len(data) >= 12:
                control_packet = 192 <= data[1] <= 223
                moved = self._moves.examine(data, address, control=control_packet, now=now)
                if moved is not None:
                    self._events.put(Moved(moved, address))
            return
        if first >= 128:
            if first > 191 or len(data) < 12:
                raise PacketError("neither RTP nor RTCP")
            srtp = transport.srtp
            if srtp is None:
                self._counters["dropped_before_keys"] += 1
            elif 192 <= data[1] <= 223:
                plain = srtp.unprotect_rtcp(data)
                transport.reported_by(int.from_bytes(data[4:8], "big"))
                control.receive(transport, plain, now, self._egress, self._events)
            else:
                self._counters["packets_in"] += 1
                self._rtp(transport, srtp.unprotect(data), now)
        elif 20 <= first <= 63:
            self._events.put(DtlsReceived(transport.number, data))
        else:
            raise PacketError("no protocol has this first byte")

    def _rtp(self, transport: PathTransport, data: bytes, now: float) -> None:
        header = parse_header(data)
        extensions = parse_extensions(data, header) if header.profile else {}
        source = transport.ssrcs.get(header.ssrc)
        if transport.arrivals is not None:
            # Every packet counts for transport-wide feedback, whatever becomes of it.
            value = extensions.get(transport.transport_cc_id)
            if value is not None and len(value) >= 2:
                transport.arrivals.record((value[0] << 8) | value[1], now)
        repair = False
        if source is None:
            source = transport.rtx_ssrcs.get(header.ssrc)
            repair = source is not None
        if source is None:
            known = transport.discover(header.ssrc, header.payload_type, extensions)
            if known is None:
                self._counters["dropped_unknown_ssrc"] += 1
                return
            source, repair = known
            if not repair and (source.subscribers or source.stats.packets):
                self._fanout.resynchronise(source)
        if repair or header.payload_type in source.spec.rtx:
            self._repair(source, header, data, extensions, now)
        else:
            self._media(source, header, data, extensions, now, recovered=False)

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
        if source.is_repeat(sequence):
            self._counters["dropped_duplicate"] += 1
            return
        codec = payload_type.codec
        if codec == "video/vp8":
            widened = widen_picture_id(source, header, data)
            if widened is not data:
                data = widened
                header = parse_header(data)
        stats = source.stats
        stats.packets += 1
        stats.bytes += len(data)
        source.reception.received(sequence, header.timestamp, now, len(data), recovered=recovered)
        if source.nacks is not None:
            source.nacks.received(sequence, now)
            if source.nacks.overflow() and source.spec.kind is Kind.VIDEO:
                self._events.put(KeyframeWanted(source.spec.source, 0))
        source.cache.put(sequence, data, now)
        if header.payload_end == header.payload_offset:
            self._counters["padding_only"] += 1
            self._fanout.padding(source, codec, sequence, header, data, now)
            return
        if recovered:
            stats.recovered += 1
        else:
            source.last_at = stats.last_packet_at = now
            if not source.active or source.codec != codec:
                source.active = True
                source.codec = codec
                self._events.put(SourceStarted(source.spec.source, header.ssrc, codec))
        if source.audio_level_id:
            level = extensions.get(source.audio_level_id)
            if level:
                source.hear(level[0] & 0x7F, header.timestamp)
        if source.forwarding:
            self._fanout.media(source, codec, sequence, header, data, extensions, now)
        else:
            self._fanout.leave_out(source, sequence)
