"""RTCP of the packet path: what peers report, and what is due to be said to them."""

from __future__ import annotations

from collections.abc import Iterator

from media.path.egress import Egress
from media.path.events import EventQueue
from media.path.transport import PathTransport
from media.ports import KeyframeWanted, ReceiverEstimate, SubscriptionReport
from media.rtp import rtcp

FEEDBACK_INTERVAL = 0.1
"""Seconds between two transport-wide feedbacks; libwebrtc uses 50 to 250 ms."""

REPORT_INTERVAL = 1.0

ASSUMED_RTT = 0.08
"""Round trip to a publisher until its first repair has come; it paces repeated NACKs."""


def receive(transport: PathTransport, data: bytes, now: float, egress: Egress, events: EventQueue) -> None:
    """Act on a compound packet from a peer. Raises PacketError for a malformed one."""
    for packet in rtcp.parse_compound(data):
        if isinstance(packet, rtcp.SenderReport):
            source = transport.ssrcs.get(packet.ssrc)
            if source is not None:
                source.clock.report(packet.ntp, packet.rtp_timestamp, now)
                source.reception.sender_report(packet.ntp, now)
                for subscription in source.subscribers:
                    egress.report(subscription, source, now)
            _blocks(transport, packet.reports, now, events)
        elif isinstance(packet, rtcp.ReceiverReport):
            _blocks(transport, packet.reports, now, events)
        elif isinstance(packet, rtcp.Nack):
            asking = transport.outgoing.get(packet.media_ssrc)
            if asking is not None and asking.ssrc == packet.media_ssrc:
                egress.resend(asking, packet.lost, now)
        elif isinstance(packet, rtcp.Pli):
            _keyframe(transport, packet.media_ssrc, events)
        elif isinstance(packet, rtcp.Fir):
            for ssrc in {entry.ssrc for entry in packet.entries}:
                _keyframe(transport, ssrc, events)
        elif isinstance(packet, rtcp.Remb):
            events.put(ReceiverEstimate(transport.number, packet.bitrate))


def _blocks(
    transport: PathTransport, reports: tuple[rtcp.ReportBlock, ...], now: float, events: EventQueue
) -> None:
    for block in reports:
        subscription = transport.outgoing.get(block.ssrc)
        if subscription is None or block.ssrc != subscription.spec.ssrc:
            continue
        events.put(
            SubscriptionReport(
                subscription.spec.subscription,
                block.fraction_lost / 256,
                block.jitter / subscription.rewriter.clock_rate,
                subscription.round_trip(block.lsr, block.dlsr, now),
            )
        )


def _keyframe(transport: PathTransport, ssrc: int, events: EventQueue) -> None:
    subscription = transport.outgoing.get(ssrc)
    if subscription is None:
        return
    source = subscription.pending or subscription.source
    if source is not None:
        events.put(KeyframeWanted(source.spec.source, subscription.spec.subscription))


def due_packets(transport: PathTransport, now: float) -> Iterator[bytes]:
    """RTCP that a publisher is owed at this moment."""
    ssrc = transport.feedback_ssrc
    for source in transport.sources.values():
        if source.nacks is None or source.ssrc is None:
            continue
        lost = source.nacks.due(now, ASSUMED_RTT)
        if lost:
            yield from rtcp.pack_nack(ssrc, source.ssrc, lost)
    if transport.arrivals is not None and now >= transport.transport_cc_due:
        transport.transport_cc_due = now + FEEDBACK_INTERVAL
        media = next((s.ssrc for s in transport.sources.values() if s.ssrc is not None), 0)
        yield from transport.arrivals.feedback(ssrc, media, now)
    if now >= transport.report_due:
        transport.report_due = now + REPORT_INTERVAL
        blocks = [
            source.reception.report(source.ssrc, now)
            for source in transport.sources.values()
            if source.ssrc is not None and source.stats.packets
        ]
        for start in range(0, len(blocks), 31):
            yield rtcp.pack_receiver_report(ssrc, blocks[start : start + 31])
