"""Copying one source's packets to its subscriptions, and moving subscriptions at keyframes."""

from __future__ import annotations

from media.path.egress import Egress
from media.path.events import EventQueue
from media.path.source import Source
from media.path.subscription import Subscription
from media.ports import KeyframeWanted, Kind, Switched
from media.rtp import red
from media.rtp.header import RtpHeader, parse_header
from media.rtp.keyframes import starts_keyframe
from media.rtp.vp8 import parse_descriptor

CATCH_UP = 128
"""Packets behind the newest one that a keyframe may begin and still be taken as a start."""


class Fanout:
    """From sources to subscriptions."""

    def __init__(self, egress: Egress, events: EventQueue) -> None:
        self._egress = egress
        self._events = events

    def forward(
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
                self._events.put(Switched(subscription.spec.subscription, source.spec.source))
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

    def resynchronise(self, source: Source) -> None:
        """The source's numbering or decoder state is broken: everyone begins anew at a keyframe."""
        for subscription in list(source.subscribers):
            source.subscribers.remove(subscription)
            subscription.source = None
            if subscription.pending is None:
                subscription.wait_for(source)
        if source.spec.kind is Kind.VIDEO and source.pending:
            self._events.put(KeyframeWanted(source.spec.source, 0))
