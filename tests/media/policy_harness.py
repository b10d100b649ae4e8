"""A packet path that remembers its orders, and tracks and viewers on it; time is a number of the test's."""

from __future__ import annotations

import itertools
from collections.abc import Mapping

from media.ports import Kind, PayloadType, SourceStats, SubscriptionStats
from media.sdp.types import EncodingInfo, PublishedSection, SenderAnswer
from media.subscriptions import TrackSubscription
from media.tracks import LayerSize, PublishedTrack

VP8 = {96: PayloadType("video/vp8", 90000)}
OPUS = {111: PayloadType("audio/opus", 48000), 63: PayloadType("audio/red", 48000)}
SIZES = (LayerSize(0, 320, 180, 150_000), LayerSize(1, 640, 360, 500_000), LayerSize(2, 1280, 720, 1_500_000))


class RecordingPath:
    """The orders that a packet path was given, in ``orders``; statistics are what the test sets."""

    def __init__(self) -> None:
        self.orders: list[tuple] = []
        self.sources: dict[int, object] = {}
        self.subscriptions: dict[int, object] = {}
        self.forwarding: dict[int, bool] = {}
        self.stats: dict[int, SourceStats] = {}
        self.sent: dict[int, SubscriptionStats] = {}

    def add_source(self, spec) -> None:
        self.sources[spec.source] = spec
        self.stats[spec.source] = SourceStats()

    def remove_source(self, source) -> None:
        del self.sources[source]

    def request_keyframe(self, source) -> None:
        self.orders.append(("keyframe", source))

    def set_forwarding(self, source, enabled) -> None:
        self.forwarding[source] = enabled

    def source_stats(self, source) -> SourceStats:
        return self.stats.get(source, SourceStats())

    def add_subscription(self, spec) -> None:
        self.subscriptions[spec.subscription] = spec
        self.sent[spec.subscription] = SubscriptionStats()

    def remove_subscription(self, subscription) -> None:
        del self.subscriptions[subscription]

    def switch(self, subscription, source) -> None:
        self.orders.append(("switch", subscription, source))

    def mend(self, subscription, hold, copies) -> None:
        self.orders.append(("mend", subscription, hold, copies))

    def subscription_stats(self, subscription) -> SubscriptionStats:
        return self.sent.get(subscription, SubscriptionStats())

    def take(self, kind: str | None = None) -> list[tuple]:
        """The orders since the last call, of one kind or all."""
        orders, self.orders = self.orders, []
        return [order for order in orders if kind is None or order[0] == kind]


def section(kind: Kind = Kind.VIDEO, rids: str = "", mid: str = "1") -> PublishedSection:
    """A publisher's section with these encodings; one without RID where there are none."""
    video = kind is Kind.VIDEO
    encodings = tuple(EncodingInfo(rid, None, None) for rid in rids) or (EncodingInfo("", 5, 6),)
    payload_types: Mapping[int, PayloadType] = VP8 if video else OPUS
    rtx = {97: 96} if video else {}
    return PublishedSection(mid, kind, True, "s", "t", payload_types, rtx, {}, encodings, True, True)


class Stage:
    """One path, its numbers, and the time."""

    def __init__(self) -> None:
        self.path = RecordingPath()
        self.numbers = itertools.count(1)
        self.now = 100.0
        self.started: list[str] = []
        self.demands: list[list[tuple[int, bool]]] = []
        self.paused: list[tuple[int, bool]] = []

    def track(self, kind: Kind = Kind.VIDEO, rids: str = "qhf", **options) -> PublishedTrack:
        """A negotiated track; simulcast by these rids."""
        values = {"muted": False, "sizes": SIZES if len(rids) > 1 else ()}
        track = PublishedTrack(
            self.path,
            kind,
            on_started=self.started.append,
            on_demand=self.demands.append,
            **(values | options),
        )
        track.negotiated(section(kind, rids), 7, lambda: next(self.numbers))
        return track

    def start(self, track: PublishedTrack, rids: str | None = None) -> None:
        """Packets of these encodings come (all of them, unless told otherwise)."""
        codec = "video/vp8" if track.kind is Kind.VIDEO else "audio/opus"
        for encoding in track.encodings:
            if rids is None or (encoding.rid and encoding.rid in rids):
                track.source_started(encoding.source, codec, self.now)

    def keyframe(self, track: PublishedTrack, quality: int) -> int:
        """A keyframe of a layer comes, and everyone who was ordered it is moved to it."""
        encoding = next(encoding for encoding in track.encodings if encoding.quality == quality)
        self.path.stats[encoding.source].keyframes += 1
        for subscription in track.subscriptions:
            if subscription.wanted_source == encoding.source:
                subscription.switched(encoding.source)
        return encoding.source

    def watch(
        self, track: PublishedTrack, *, connected: bool = True, accept: bool = True
    ) -> TrackSubscription:
        """A viewer of the track."""
        number = next(self.numbers)
        viewer = TrackSubscription(
            self.path, number, 9, track, 900 + number, 800 + number, lambda p: self.paused.append((number, p))
        )
        viewer.connected = connected
        if accept:
            viewer.accepted(self.answer(viewer), self.now)
        return viewer

    def answer(self, viewer: TrackSubscription, **options) -> SenderAnswer:
        """The client's acceptance."""
        video = viewer.track.kind is Kind.VIDEO
        types = {"video/vp8": 96} if video else {"audio/opus": 111}
        values = {"payload_types": types, "rtx": {96: 97} if video else {}, "extensions": {}, "nack": True}
        return SenderAnswer(viewer.number, "0", **(values | options))

    def tick(self, *tracks: PublishedTrack, seconds: float = 0.2) -> None:
        """Policy rounds, 0.2 s apart."""
        for _ in range(max(1, round(seconds / 0.2))):
            self.now += 0.2
            for track in tracks:
                track.tick(self.now)
