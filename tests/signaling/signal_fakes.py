"""What stands for the relay in the tests of rooms: real peers and tracks, orders that are written down."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

from livekit.protocol import models

from media.errors import DataChannelError, TransportClosedError
from media.ports import AudioActivity, Kind, SourceSpec, SourceStats, SubscriptionSpec, SubscriptionStats
from media.publisher import PublisherPeer
from media.sdp.publisher import PublisherPolicy
from media.sdp.types import Fingerprint, HostCandidate, LocalTransport
from media.settings import MediaSettings
from media.subscriber import SubscriberPeer
from media.tracks import PublishedTrack
from media.transport import TransportState

LOCAL = LocalTransport(
    "ours",
    "p" * 24,
    (Fingerprint("sha-256", ":".join(["AB"] * 32)),),
    (HostCandidate("127.0.0.1", 7882, 2130706431, "1"),),
)


class FakeTransport:
    """A connection that is in whatever state the test says."""

    def __init__(self, number: int, on_state: Any, on_data: Any) -> None:
        self.number, self._on_state, self.on_data = number, on_state, on_data
        self.state = TransportState.NEW
        self.last_heard = -math.inf
        self.restarts = 0
        self.sent: list[tuple[str, bytes]] = []

    def local(self) -> LocalTransport:
        if self.state in (TransportState.FAILED, TransportState.CLOSED):
            raise TransportClosedError("over")
        return LOCAL

    def local_for(self, offer: str) -> LocalTransport:
        return self.local()

    def set_remote(self, remote: object) -> None:
        self.local()

    def set_data(self, section: object) -> None: ...
    def open_channels(self, channels: object) -> None: ...

    def restart_ice(self) -> None:
        self.local()
        self.restarts += 1

    def send_data(self, label: str, payload: bytes) -> bool:
        if self.state is not TransportState.CONNECTED:
            raise DataChannelError("not open")
        self.sent.append((label, payload))
        return True

    def become(self, state: TransportState) -> None:
        self.state = state
        self._on_state(self, state)


class FakePath:
    """A packet path that writes its orders down."""

    def __init__(self) -> None:
        self.sources: dict[int, SourceSpec] = {}
        self.forwarding: dict[int, bool] = {}
        self.subscriptions: dict[int, SubscriptionSpec] = {}
        self.fed_by: dict[int, int | None] = {}
        self.stats: dict[int, SourceStats] = {}
        self.totals: dict[int, SubscriptionStats] = {}

    def add_source(self, spec: SourceSpec) -> None:
        self.sources[spec.source] = spec

    def remove_source(self, source: int) -> None:
        self.sources.pop(source, None)
        self.forwarding.pop(source, None)

    def set_forwarding(self, source: int, enabled: bool) -> None:
        self.forwarding[source] = enabled

    def request_keyframe(self, source: int) -> None: ...

    def source_stats(self, source: int) -> SourceStats:
        return self.stats.setdefault(source, SourceStats())

    def add_subscription(self, spec: SubscriptionSpec) -> None:
        self.subscriptions[spec.subscription] = spec

    def remove_subscription(self, subscription: int) -> None:
        del self.subscriptions[subscription]
        self.fed_by.pop(subscription, None)

    def switch(self, subscription: int, source: int | None) -> None:
        self.fed_by[subscription] = source

    def mend(self, subscription: int, hold: float, copies: int) -> None: ...

    def subscription_stats(self, subscription: int) -> SubscriptionStats:
        return self.totals.setdefault(subscription, SubscriptionStats())

    def reaches(self, subscription: int) -> bool:
        """Whether a packet of the source that feeds it would be copied."""
        source = self.fed_by.get(subscription)
        return source is not None and self.forwarding.get(source, False)


class FakeMedia:
    """The relay's ``MediaPort``: real peers and tracks, no packets."""

    def __init__(self) -> None:
        self.path: Any = FakePath()
        self.numbers = itertools.count(1)
        self.subscriptions: dict[int, Any] = {}
        self.tracks: set[PublishedTrack] = set()
        self.talking: dict[PublishedTrack, int] = {}
        self.closed: list[int] = []
        self.codecs = MediaSettings().codecs

    def create_publisher(self, on_state: Any, on_data: Any, on_ended: Any) -> PublisherPeer:
        transport: Any = FakeTransport(next(self.numbers), on_state, on_data)
        return PublisherPeer(
            transport,
            PublisherPolicy(codecs=self.codecs),
            lambda: next(self.numbers),
            lambda sources, track: None,
            on_ended,
        )

    def create_subscriber(self, on_state: Any, on_data: Any) -> SubscriberPeer:
        def told(transport: Any, state: TransportState) -> None:
            peer.set_connected(state is TransportState.CONNECTED, 0.0)
            on_state(transport, state)

        transport: Any = FakeTransport(next(self.numbers), told, on_data)
        peer = SubscriberPeer(self.path, transport, lambda: next(self.numbers), 1, self.subscriptions)
        return peer

    def create_track(self, kind: Kind, **options: Any) -> PublishedTrack:
        track = PublishedTrack(self.path, kind, **options)
        self.tracks.add(track)
        return track

    def forget_track(self, track: PublishedTrack) -> None:
        self.tracks.discard(track)
        self.talking.pop(track, None)
        track.close()

    def close_peer(self, peer: Any) -> None:
        peer.close()
        self.closed.append(peer.transport.number)

    def audio_activity(self, threshold: int) -> dict[PublishedTrack, AudioActivity]:
        return {track: AudioActivity(0, 0.2, 0.2, level) for track, level in self.talking.items()}

    def track_stats(self, track: PublishedTrack) -> SourceStats:
        return self.path.source_stats(track.encodings[0].source)

    def subscription_stats(self, subscription: Any) -> SubscriptionStats:
        return self.path.subscription_stats(subscription.number)


class Events:
    """What the outside was told: ``(name, room, participant, track)`` as they were then."""

    def __init__(self) -> None:
        self.log: list[tuple[str, models.Room, models.ParticipantInfo | None, models.TrackInfo | None]] = []

    def __getattr__(self, name: str) -> Callable[..., None]:
        def note(room: models.Room, participant: Any = None, track: Any = None) -> None:
            copies = [
                None if part is None else type(part).FromString(part.SerializeToString())
                for part in (room, participant, track)
            ]
            self.log.append((name, *copies))  # type: ignore[arg-type]

        return note

    def names(self) -> list[str]:
        return [f"{name} {who.identity}" if who else name for name, _, who, _ in self.log]
