"""A published track: its encodings as sources of the packet path, and who watches it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from media.ports import Kind, PacketPath, SourceSpec
from media.sdp.types import PublishedSection
from media.streams.dynacast import LayerDemand
from media.streams.keyframes import KeyframeThrottle
from media.streams.layers import LayerInfo

if TYPE_CHECKING:
    from media.subscriptions import TrackSubscription

QUALITY_OF_RID = {"q": 0, "h": 1, "f": 2, "l": 0, "m": 1}
"""LiveKit's names of simulcast layers, lowest first; other names count in order of the offer."""

RATE_WINDOW = 0.8


@dataclass(frozen=True, slots=True)
class LayerSize:
    """What the publisher announced of a layer: ``quality`` 0 to 2, size in pixels, bitrate in bit/s."""

    quality: int
    width: int
    height: int
    bitrate: int = 0


@dataclass(slots=True)
class Encoding:
    """One source of a track. ``bitrate`` is measured, in bit/s."""

    source: int
    rid: str
    quality: int
    active: bool = False
    bitrate: float = 0.0
    throttle: KeyframeThrottle = field(default_factory=KeyframeThrottle)
    keyframes: int = 0
    counted_bytes: int = 0
    counted_at: float = 0.0


class PublishedTrack:
    """A track of one publisher, from its announcement until it ends.

    It may exist before any packet and before negotiation; ``on_started`` tells
    the first packet with its codec key, ``on_demand`` what subscribers want of a
    simulcast track as (quality, wanted) for LOW, MEDIUM, HIGH.
    """

    def __init__(
        self,
        path: PacketPath,
        kind: Kind,
        *,
        muted: bool,
        screen: bool = False,
        sizes: Sequence[LayerSize] = (),
        on_started: Callable[[str], None] = lambda codec: None,
        on_demand: Callable[[list[tuple[int, bool]]], None] = lambda demand: None,
    ) -> None:
        self._path = path
        self.kind = kind
        self.muted = muted
        self.sizes = {size.quality: size for size in sizes}
        self.section: PublishedSection | None = None
        self.codec = ""
        self.encodings: list[Encoding] = []
        self.subscriptions: set[TrackSubscription] = set()
        self.screen = screen
        self.demand = LayerDemand()
        self.closed = False
        self._on_started = on_started
        self._on_demand = on_demand

    @property
    def codecs(self) -> tuple[str, ...]:
        """Codec keys that the publisher may send, the one in use first."""
        if self.section is None:
            return (self.codec,) if self.codec else ()
        keys = list(dict.fromkeys(payload.codec for payload in self.section.payload_types.values()))
        if self.codec in keys:
            keys.remove(self.codec)
            keys.insert(0, self.codec)
        return tuple(keys)

    @property
    def simulcast(self) -> bool:
        """Whether it has more than one encoding."""
        return len(self.encodings) > 1

    # -- negotiation -------------------------------------------------------------

    def negotiated(
        self, section: PublishedSection, transport: int, new_source: Callable[[], int]
    ) -> list[int]:
        """The publisher's section is agreed; returns the numbers of sources that are new."""
        known = {encoding.rid for encoding in self.encodings}
        self.section = section
        added = []
        total = len(section.encodings)
        for index, encoding in enumerate(section.encodings):
            if encoding.rid in known:
                continue
            quality = QUALITY_OF_RID.get(encoding.rid, min(index, 2)) if total > 1 else 2
            source = new_source()
            self._path.add_source(
                SourceSpec(
                    source=source,
                    transport=transport,
                    kind=self.kind,
                    mid=section.mid,
                    rid=encoding.rid,
                    ssrc=encoding.ssrc,
                    rtx_ssrc=encoding.rtx_ssrc,
                    payload_types=section.payload_types,
                    rtx=section.rtx,
                    extensions=section.extensions,
                    nack=section.nack,
                )
            )
            self._path.set_forwarding(source, not self.muted)
            self.encodings.append(Encoding(source, encoding.rid, quality))
            added.append(source)
        self.encodings.sort(key=lambda item: item.quality)
        return added

    def set_muted(self, muted: bool, now: float) -> None:
        """Stop or resume copying; while muted no packet reaches anybody."""
        self.muted = muted
        for encoding in self.encodings:
            self._path.set_forwarding(encoding.source, not muted)
        if not muted and self.kind is Kind.VIDEO:
            for encoding in self.encodings:
                if any(sub.wanted_source == encoding.source for sub in self.subscriptions):
                    self.want_keyframe(encoding.source, now)

    def close(self) -> list[int]:
        """End the track; returns its sources, which are gone."""
        self.closed = True
        sources = [encoding.source for encoding in self.encodings]
        for source in sources:
            self._path.remove_source(source)
        self.encodings = []
        return sources

    # -- what the packet path tells ----------------------------------------------

    def source_started(self, source: int, codec: str, now: float) -> None:
        """Packets of an encoding came, for the first time or again."""
        first = not self.codec
        changed = self.codec != codec
        self.codec = codec
        for encoding in self.encodings:
            if encoding.source == source:
                encoding.active = True
        if first or changed:
            self._on_started(codec)
        for subscription in list(self.subscriptions):
            subscription.choose(now)

    def source_idle(self, source: int, now: float) -> None:
        """An encoding fell silent; it matters only while a sibling still sends."""
        for encoding in self.encodings:
            if encoding.source == source:
                encoding.active = False
                encoding.bitrate = 0.0
        if any(encoding.active for encoding in self.encodings):
            for subscription in list(self.subscriptions):
                subscription.choose(now)

    def want_keyframe(self, source: int, now: float) -> None:
        """Somebody needs a keyframe of this encoding; many wishes become one request, none while muted."""
        if self.muted:
            return
        for encoding in self.encodings:
            if encoding.source == source:
                # A keyframe that came already does not serve a wish that comes now.
                self._note_keyframes(encoding, self._path.source_stats(source).keyframes, now)
                if encoding.throttle.request(now):
                    self._path.request_keyframe(source)

    def _keep_asking(self, encoding: Encoding, now: float) -> None:
        """Repeat what was not answered while somebody waits, and give it up when nobody does."""
        source = encoding.source
        throttle = encoding.throttle
        if self.muted or not any(source in (sub.wanted_source, sub.source) for sub in self.subscriptions):
            throttle.cancel()
        elif not throttle.waiting:
            if any(sub.waits_for(source) for sub in self.subscriptions):
                self.want_keyframe(source, now)
        elif throttle.due(now):
            self._path.request_keyframe(source)

    def _note_keyframes(self, encoding: Encoding, keyframes: int, now: float) -> None:
        if keyframes != encoding.keyframes:
            encoding.keyframes = keyframes
            encoding.throttle.keyframe(now)

    # -- policy ------------------------------------------------------------------

    def layers(self) -> list[LayerInfo]:
        """The encodings as the layer choice sees them, lowest first, in the order of ``encodings``."""
        some_active = any(encoding.active for encoding in self.encodings)
        result = []
        for encoding in self.encodings:
            size = self.sizes.get(encoding.quality) or self.sizes.get(2)
            result.append(
                LayerInfo(
                    quality=encoding.quality,
                    width=size.width if size else 0,
                    height=size.height if size else 0,
                    bitrate=int(encoding.bitrate) or (size.bitrate if size else 0),
                    active=encoding.active or not some_active,
                )
            )
        return result

    def tick(self, now: float) -> None:
        """Measure bitrates, repeat unanswered keyframe requests, tell changed demand."""
        for encoding in self.encodings:
            stats = self._path.source_stats(encoding.source)
            self._note_keyframes(encoding, stats.keyframes, now)
            self._keep_asking(encoding, now)
            elapsed = now - encoding.counted_at
            if elapsed >= RATE_WINDOW:
                rate = (stats.bytes - encoding.counted_bytes) * 8 / elapsed
                encoding.bitrate = rate if not encoding.bitrate else 0.5 * encoding.bitrate + 0.5 * rate
                encoding.counted_bytes = stats.bytes
                encoding.counted_at = now
        if self.kind is Kind.VIDEO and self.codec:
            # Before its first packet the client may not yet know the track by its id.
            demand = self.demand.update(now)
            if demand is not None:
                self._on_demand([(int(quality), enabled) for quality, enabled in demand[0].qualities])
