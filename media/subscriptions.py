"""One subscriber's copy of one published track: which encoding it gets, and when."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum

from media.ports import Kind, PacketPath, SubscriptionSpec
from media.sdp.types import SenderAnswer
from media.streams.layers import choose_layer, quality_for_size
from media.streams.video_quality import VideoQuality
from media.tracks import PublishedTrack


class SubscriptionState(Enum):
    """Where a subscription stands between the wish and the packets."""

    NEGOTIATING = "negotiating"
    READY = "ready"
    REFUSED = "refused"
    CLOSED = "closed"


class TrackSubscription:
    """Feeds one outgoing stream from the encoding that its settings, the sender and the line allow.

    Packets flow once the subscriber has accepted the section *and* its
    transport is connected: a keyframe asked for earlier would be lost.
    ``on_paused`` tells when the line is too thin for any layer, and when it no
    longer is.
    """

    def __init__(
        self,
        path: PacketPath,
        number: int,
        transport: int,
        track: PublishedTrack,
        ssrc: int,
        rtx_ssrc: int | None,
        on_paused: Callable[[bool], None] = lambda paused: None,
    ) -> None:
        self._path = path
        self.number = number
        self.transport = transport
        self.track = track
        self.ssrc = ssrc
        self.rtx_ssrc = rtx_ssrc
        self.state = SubscriptionState.NEGOTIATING
        self.connected = False
        self.enabled = True
        self.wanted: int | tuple[int, int] = VideoQuality.HIGH
        self.priority = 0
        self.allowed: int | None = VideoQuality.HIGH
        """Highest quality that the line allows; None pauses."""
        self.wanted_source: int | None = None
        self.source: int | None = None
        self.fraction_lost = 0.0
        self.rtt: float | None = None
        self.jitter = 0.0
        self._on_paused = on_paused
        self._paused = False
        track.subscriptions.add(self)
        self._tell_demand()

    # -- wishes ------------------------------------------------------------------

    def configure(self, *, enabled: bool, wanted: int | tuple[int, int], priority: int, now: float) -> None:
        """Settings of the subscriber: on or off, a quality or a size in pixels, a rank."""
        self.enabled = enabled
        self.wanted = wanted
        self.priority = priority
        self._tell_demand()
        self.choose(now)

    @property
    def wanted_quality(self) -> int | None:
        """The quality asked for, whatever is to be had; None while switched off."""
        if not self.enabled:
            return None
        if isinstance(self.wanted, tuple):
            return int(quality_for_size(self.track.layers(), *self.wanted))
        return self.wanted

    def _tell_demand(self) -> None:
        if self.track.kind is Kind.VIDEO:
            self.track.demand.set(self.number, self.wanted_quality)

    # -- life --------------------------------------------------------------------

    def accepted(self, answer: SenderAnswer, now: float) -> None:
        """The subscriber answered; no payload types means that it refused the section."""
        if self.state is not SubscriptionState.NEGOTIATING:
            return
        if not answer.payload_types:
            self.state = SubscriptionState.REFUSED
            self.track.demand.remove(self.number)
            return
        self.state = SubscriptionState.READY
        repair = self.rtx_ssrc if answer.rtx else None
        self._path.add_subscription(
            SubscriptionSpec(
                subscription=self.number,
                transport=self.transport,
                kind=self.track.kind,
                ssrc=self.ssrc,
                rtx_ssrc=repair,
                payload_types=answer.payload_types,
                rtx=answer.rtx,
                extensions=answer.extensions,
                nack=answer.nack,
            )
        )
        self.choose(now)

    def set_connected(self, connected: bool, now: float) -> None:
        """The transport came up, or went."""
        self.connected = connected
        self.choose(now)

    def close(self) -> None:
        """End it; the track and the path forget it."""
        if self.state is SubscriptionState.CLOSED:
            return
        if self.state is SubscriptionState.READY:
            self._path.remove_subscription(self.number)
        self.state = SubscriptionState.CLOSED
        self.track.subscriptions.discard(self)
        self.track.demand.remove(self.number)

    # -- choice ------------------------------------------------------------------

    def allow(self, quality: int | None, now: float) -> None:
        """What the line has room for; None pauses the picture."""
        if quality == self.allowed:
            return
        self.allowed = quality
        paused = quality is None
        if paused != self._paused:
            self._paused = paused
            self._on_paused(paused)
        self.choose(now)

    def choose(self, now: float) -> None:
        """Order the encoding that fits now; asks for its keyframe if it is another one."""
        if self.state is not SubscriptionState.READY or not self.connected:
            return
        source = self._fitting()
        if source == self.wanted_source:
            return
        self.wanted_source = source
        self._path.switch(self.number, source)
        if source is not None and self.track.kind is Kind.VIDEO and source != self.source:
            self.track.want_keyframe(source, now)
        if source is None:
            self.source = None

    def _fitting(self) -> int | None:
        track = self.track
        if not self.enabled or not track.encodings:
            return None
        if track.kind is Kind.AUDIO:
            return track.encodings[0].source
        if self.allowed is None:
            return None
        quality = self.wanted_quality
        if quality is None:
            return None
        layers = track.layers()
        chosen = choose_layer(layers, min(quality, self.allowed))
        if chosen is None:
            return None
        return next(encoding.source for encoding in track.encodings if encoding.quality == chosen)

    def switched(self, source: int) -> None:
        """The path tells that this source feeds the stream now."""
        self.source = source

    def waits_for(self, source: int) -> bool:
        """Whether a picture was ordered from this source and has not begun."""
        return self.wanted_source == source != self.source and self.track.kind is Kind.VIDEO

    def reported(self, fraction_lost: float, jitter: float, rtt: float | None) -> None:
        """A receiver report: loss 0 to 1, jitter and round trip in seconds."""
        self.fraction_lost = fraction_lost
        self.jitter = jitter
        if rtt is not None:
            self.rtt = rtt

    def source_gone(self, source: int, now: float) -> None:
        """A source was removed; choose anew."""
        if self.source == source:
            self.source = None
        if self.wanted_source == source:
            self.wanted_source = None
            self.choose(now)
