"""What signaling needs of the relay, as a protocol; ``media.engine.MediaEngine`` fits.

The peers and tracks that it makes are plain objects of ``media`` that reach the
network through the packet path alone, so a test can do without sockets.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from media.ports import AudioActivity, Kind, SourceStats, SubscriptionStats
from media.publisher import PublisherPeer
from media.subscriber import SubscriberPeer
from media.subscriptions import TrackSubscription
from media.tracks import LayerSize, PublishedTrack
from media.transport import Transport, TransportState

StateListener = Callable[[Transport, TransportState], None]
DataListener = Callable[[str, bytes], None]


class MediaPort(Protocol):
    """The relay."""

    def create_publisher(
        self,
        on_state: StateListener,
        on_data: DataListener,
        on_ended: Callable[[PublishedTrack], None],
    ) -> PublisherPeer: ...
    def create_subscriber(self, on_state: StateListener, on_data: DataListener) -> SubscriberPeer: ...
    def create_track(
        self,
        kind: Kind,
        *,
        muted: bool,
        screen: bool,
        sizes: Sequence[LayerSize],
        on_started: Callable[[str], None],
        on_demand: Callable[[list[tuple[int, bool]]], None],
    ) -> PublishedTrack: ...
    def forget_track(self, track: PublishedTrack) -> None: ...
    def close_peer(self, peer: PublisherPeer | SubscriberPeer) -> None: ...
    def audio_activity(self, threshold: int) -> Mapping[PublishedTrack, AudioActivity]: ...
    def track_stats(self, track: PublishedTrack) -> SourceStats: ...
    def subscription_stats(self, subscription: TrackSubscription) -> SubscriptionStats: ...
