"""The packet path in plain Python; see ``media.ports`` for the contract.

``receive`` sorts datagrams by their first byte (RFC 7983), removes SRTP
protection, and hands RTP to the methods at the end and RTCP to
``media.path.control``. ``media.path.egress`` writes what goes out.
"""

from __future__ import annotations

import logging
import secrets
from collections import Counter
from collections.abc import Mapping, Sequence

from media.errors import PacketError
from media.path import control
from media.path.egress import Egress
from media.path.source import Source
from media.path.srtp import SrtpPair
from media.path.subscription import Subscription
from media.path.transport import PathTransport
from media.ports import (
    Address,
    AudioActivity,
    Datagram,
    DtlsReceived,
    Event,
    KeyframeWanted,
    Kind,
    SourceIdle,
    SourceSpec,
    SourceStarted,
    SourceStats,
    SrtpKeys,
    StunReceived,
    SubscriptionSpec,
    SubscriptionStats,
    Switched,
)
from media.rtp import red, rtcp, rtx
from media.rtp.header import RtpHeader, pack_header, parse_extensions, parse_header
from media.rtp.keyframes import starts_keyframe
from media.rtp.vp8 import parse_descriptor

logger = logging.getLogger(__name__)

MAX_EVENTS = 8192
"""Events kept between two drains; STUN beyond this is dropped (it is repeated), counted as such."""

TICK = 0.02

CATCH_UP = 128
"""Packets behind the newest one that a keyframe may begin and still be taken as a start."""


class PythonPacketPath:
    """Forwards RTP between transports, one batch of datagrams at a time."""

    def __init__(self) -> None:
        self._transports: dict[int, PathTransport] = {}
        self._by_address: dict[Address, PathTransport] = {}
        self._sources: dict[int, Source] = {}
        self._subscriptions: dict[int, Subscription] = {}
        self._events: list[Event] = []
        self._counters: Counter[str] = Counter()
        self._egress = Egress(self._counters)
        self._now = 0.0

    # -- driving -----------------------------------------------------------------

    def receive(self, batch: Sequence[Datagram], now: float) -> None:
        """Take datagrams as they came; a bad one is counted and dropped."""
        self._now = now
        counters = self._counters
        for data, address in batch:
            try:
                self._datagram(data, address, now)
            except PacketError:
                counters["dropped_malformed"] += 1
            except Exception:
                # A defect of ours must not stop the meeting for everybody else.
                counters["dropped_internal"] += 1
                if counters["dropped_internal"] <= 10:
                    logger.exception("packet path: a datagram of %d bytes raised", len(data))

    def tick(self, now: float) -> float:
        """Send what is due by time: NACKs, transport-wide feedback, receiver reports."""
        self._now = now
        for transport in self._transports.values():
            if transport.srtp is not None and transport.sources:
                for packet in control.due_packets(transport, now, self._events):
                    self._egress.control(transport, packet)
        for source in self._sources.values():
            source.cache.expire(now)
            if source.active and now - source.last_at > source.idle_after:
                source.active = False
                self._event(SourceIdle(source.spec.source))
        return now + TICK

    def outgoing(self) -> list[Datagram]:
        """Datagrams to send, emptied by the call."""
        return self._egress.drain()

    def events(self) -> list[Event]:
        """What happened since the last call."""
        events, self._events = self._events, []
        return events

    def _event(self, event: Event) -> None:
        if len(self._events) < MAX_EVENTS:
            self._events.append(event)
        else:
            self._counters["dropped_events"] += 1

    # -- transports --------------------------------------------------------------

    def open_transport(self, transport: int) -> None:
        """Make a place for a transport's keys and streams."""
        self._transports[transport] = PathTransport(transport, secrets.randbits(32))

    def bind_address(self, transport: int, address: Address) -> None:
        """Believe and use this address; see ``media.ports``."""
        state = self._transports[transport]
        owner = self._by_address.get(address)
        if owner is not None and owner is not state:
            owner.addresses.discard(address)
            if owner.address == address:
                owner.address = None
        self._by_address[address] = state
        state.addresses.add(address)
        state.address = address

    def release_address(self, address: Address) -> None:
        """Take an address from its transport."""
        state = self._by_address.pop(address, None)
        if state is not None:
            state.addresses.discard(address)
            if state.address == address:
                state.address = None

    def set_keys(self, transport: int, keys: SrtpKeys) -> None:
        """Begin to protect and unprotect with these keys."""
        self._transports[transport].srtp = SrtpPair(keys)

    def close_transport(self, transport: int) -> None:
        """Forget all of it."""
        state = self._transports.pop(transport, None)
        if state is None:
            return
        for number in list(state.subscriptions):
            self.remove_subscription(number)
        for number in list(state.sources):
            self.remove_source(number)
        for address in state.addresses:
            self._by_address.pop(address, None)

    def send(self, transport: int, data: bytes) -> None:
        """Queue a DTLS record."""
        state = self._transports.get(transport)
        if state is not None and state.address is not None:
            self._egress.raw(data, state.address)

    def send_to(self, address: Address, data: bytes) -> None:
        """Queue a STUN answer."""
        self._egress.raw(data, address)

    # -- sources -----------------------------------------------------------------

    def add_source(self, spec: SourceSpec) -> None:
        """Recognise an incoming stream."""
        source = Source(spec)
        self._sources[spec.source] = source
        self._transports[spec.transport].add_source(source)

    def remove_source(self, source: int) -> None:
        """Forget an incoming stream; what it fed gets nothing until the next order."""
        state = self._sources.pop(source, None)
        if state is None:
            return
        for subscription in [*state.subscribers, *state.pending]:
            if subscription.source is state:
                subscription.source = None
            if subscription.pending is state:
                subscription.pending = None
        transport = self._transports.get(state.spec.transport)
        if transport is not None:
            transport.remove_source(state)

    def request_keyframe(self, source: int) -> None:
        """Send one PLI to the source's sender (RFC 4585, 6.3.1)."""
        state = self._sources.get(source)
        if state is None or state.ssrc is None:
            return
        transport = self._transports.get(state.spec.transport)
        if transport is not None and transport.srtp is not None:
            self._counters["plis_sent"] += 1
            self._egress.control(transport, rtcp.pack_pli(transport.feedback_ssrc, state.ssrc))

    def set_forwarding(self, source: int, enabled: bool) -> None:
        """Copy this source to its subscriptions, or only listen to it."""
        state = self._sources.get(source)
        if state is None or state.forwarding == enabled:
            return
        state.forwarding = enabled
        if enabled and state.spec.kind is Kind.VIDEO:
            self._resynchronise(state)

    def source_stats(self, source: int) -> SourceStats:
        """Totals of a source; zeros for one that is not there."""
        state = self._sources.get(source)
        if state is None:
            return SourceStats()
        reception = state.reception
        state.stats.lost = reception.cumulative_lost
        state.stats.expected = reception.expected
        state.stats.jitter = reception.jitter_seconds
        return state.stats

    # -- subscriptions -----------------------------------------------------------

    def add_subscription(self, spec: SubscriptionSpec) -> None:
        """Make an outgoing stream; nothing flows until ``switch``."""
        transport = self._transports[spec.transport]
        subscription = Subscription(
            spec,
            transport,
            first_sequence=secrets.randbelow(0x4000) + 1,
            first_timestamp=secrets.randbits(32),
            first_rtx=secrets.randbelow(0x4000) + 1,
        )
        self._subscriptions[spec.subscription] = subscription
        transport.add_subscription(subscription)

    def remove_subscription(self, subscription: int) -> None:
        """End an outgoing stream."""
        state = self._subscriptions.pop(subscription, None)
        if state is not None:
            state.detach()
            state.transport.remove_subscription(state)

    def switch(self, subscription: int, source: int | None) -> None:
        """See ``media.ports``."""
        state = self._subscriptions.get(subscription)
        if state is None:
            return
        if source is None:
            state.detach()
            return
        target = self._sources.get(source)
        if target is None:
            return
        if state.source is target:
            if state.pending is not None:
                state.pending.pending.remove(state)
                state.pending = None
            return
        state.wait_for(target)

    def subscription_stats(self, subscription: int) -> SubscriptionStats:
        """Totals of a subscription; zeros for one that is not there."""
        state = self._subscriptions.get(subscription)
        if state is None:
            return SubscriptionStats()
        state.stats.source = state.source.spec.source if state.source is not None else 0
        return state.stats

    # -- questions ---------------------------------------------------------------

    def audio_activity(self, threshold: int) -> list[AudioActivity]:
        """Sound of every source since the last question."""
        found = []
        for source in self._sources.values():
            if source.spec.kind is Kind.AUDIO:
                activity = source.take_activity(threshold)
                if activity is not None:
                    found.append(activity)
        return found

    def counters(self) -> Mapping[str, int]:
        """Totals since the start."""
        return self._counters

    # -- packets -----------------------------------------------------------------

    def _datagram(self, data: bytes, address: Address, now: float) -> None:
        if not data:
            return
        first = data[0]
        if first < 4:
            self._event(StunReceived(data, address))
            return
        transport = self._by_address.get(address)
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
            self._event(DtlsReceived(transport.number, data))
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
                self._resynchronise(source)
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
            self._resynchronise(source)
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
                self._event(KeyframeWanted(source.spec.source, 0))
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
            self._event(SourceStarted(source.spec.source, header.ssrc, payload_type.codec))
        if source.audio_level_id:
            level = extensions.get(source.audio_level_id)
            if level:
                source.hear(level[0] & 0x7F, header.timestamp)
        if not source.forwarding:
            for subscription in source.subscribers:
                subscription.rewriter.skip(sequence)
            return
        self._forward(source, payload_type.codec, sequence, header, data, now)

    def _forward(
        self, source: Source, codec: str, sequence: int, header: RtpHeader, data: bytes, now: float
    ) -> None:
        """Copy a packet to every subscription; a keyframe begins with moving those that wait for it."""
        descriptor = None
        keyframe = False
        if codec == "video/vp8":
            descriptor = parse_descriptor(data[header.payload_offset : header.payload_end])
            keyframe = descriptor.keyframe
        elif source.spec.kind is Kind.VIDEO:
            keyframe = header.timestamp != source.keyframe_timestamp and starts_keyframe(
                codec, data[header.payload_offset : header.payload_end]
            )
        if keyframe:
            source.keyframe_timestamp = header.timestamp
            source.stats.keyframes += 1
        begun: list[Subscription] = []
        if source.pending and (keyframe or source.spec.kind is Kind.AUDIO):
            # A keyframe recovered long after its time starts nobody: what came behind it is gone.
            if sequence >= source.extender.highest - CATCH_UP:
                begun = list(source.pending)
            for subscription in begun:
                self._egress.begin(subscription, source, sequence, header, descriptor, now)
                self._event(Switched(subscription.spec.subscription, source.spec.source))
        payload_is_red = codec == "audio/red"
        plain_red: bytes | None = None
        for subscription in source.subscribers:
            if payload_is_red and codec not in subscription.spec.payload_types:
                if plain_red is None:
                    plain_red = red.primary(data[header.payload_offset : header.payload_end])
                if not plain_red:
                    subscription.rewriter.skip(sequence)
                    continue
                self._egress.media(
                    subscription, source, sequence, header, data, None, now, ("audio/opus", plain_red)
                )
                continue
            self._egress.media(subscription, source, sequence, header, data, descriptor, now)
        if begun and source.extender.highest > sequence:
            for subscription in begun:
                self._catch_up(subscription, source, sequence, codec, now)

    def _catch_up(
        self, subscription: Subscription, source: Source, sequence: int, codec: str, now: float
    ) -> None:
        """The keyframe's first packet came late: send what had come behind it already."""
        for number, packet in source.cache.since(sequence + 1):
            header = parse_header(packet)
            if header.payload_end == header.payload_offset:
                subscription.rewriter.skip(number)
                continue
            descriptor = None
            if codec == "video/vp8":
                descriptor = parse_descriptor(packet[header.payload_offset : header.payload_end])
            self._egress.media(subscription, source, number, header, packet, descriptor, now)

    def _resynchronise(self, source: Source) -> None:
        """The source's numbering or decoder state is broken: everyone begins anew at a keyframe."""
        for subscription in list(source.subscribers):
            source.subscribers.remove(subscription)
            subscription.source = None
            if subscription.pending is None:
                subscription.wait_for(source)
        if source.spec.kind is Kind.VIDEO and source.pending:
            self._event(KeyframeWanted(source.spec.source, 0))
