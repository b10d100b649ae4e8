"""What signaling needs of the relay, as protocols; ``media.engine.MediaEngine`` fits."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Protocol

from media.ports import AudioActivity, Kind, SourceStats, SubscriptionStats
from media.publisher import Claim
from media.subscriber import Offer
from media.subscriptions import TrackSubscription
from media.tracks import LayerSize, PublishedTrack
from media.transport import ChannelSpec, Transport, TransportState

StateListener = Callable[[Transport, TransportState], None]
DataListener = Callable[[str, bytes], None]


class TransportPort(Protocol):
    """One peer connection's local end."""

    @property
    def state(self) -> TransportState: ...
    @property
    def last_heard(self) -> float: ...
    def open_channels(self, specs: Iterable[ChannelSpec]) -> None: ...
    def send_data(self, label: str, payload: bytes) -> bool: ...


class PublisherPort(Protocol):
    """A participant's publishing side."""

    @property
    def transport(self) -> TransportPort: ...
    def answer(self, offer: str, claim: Claim) -> str: ...
    def claim_waiting(self, claim: Claim) -> None: ...
    def end(self, track: PublishedTrack) -> None: ...


class SubscriberPort(Protocol):
    """A participant's receiving side."""

    @property
    def transport(self) -> TransportPort: ...
    @property
    def negotiating(self) -> bool: ...
    def add(
        self,
        track: PublishedTrack,
        stream_id: str,
        track_id: str,
        *,
        stereo: bool = False,
        on_paused: Callable[[bool], None] = ...,
    ) -> TrackSubscription: ...
    def remove(self, subscription: TrackSubscription) -> None: ...
    def restart_ice(self) -> None: ...
    def next_offer(self, *, force: bool = False) -> Offer | None: ...
    def answer(self, sdp: str, number: int, now: float) -> list[TrackSubscription]: ...


class MediaPort(Protocol):
    """The relay."""

    def create_publisher(
        self,
        on_state: StateListener,
        on_data: DataListener,
        on_ended: Callable[[PublishedTrack], None],
    ) -> PublisherPort: ...
    def create_subscriber(self, on_state: StateListener, on_data: DataListener) -> SubscriberPort: ...
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
    def close_peer(self, peer: PublisherPort | SubscriberPort) -> None: ...
    def audio_activity(self, threshold: int) -> Mapping[PublishedTrack, AudioActivity]: ...
    def track_stats(self, track: PublishedTrack) -> SourceStats: ...
    def subscription_stats(self, subscription: TrackSubscription) -> SubscriptionStats: ...
