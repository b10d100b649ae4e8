"""What a room client tells its owner, as plain records."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from livekit.protocol import models

if TYPE_CHECKING:
    from signaling.client.publishing import LocalTrack
    from signaling.client.state import Participant
    from signaling.client.subscribing import ReceivedTrack


@dataclass(frozen=True, slots=True)
class Connected:
    """In the room with the first transport up; ``rejoined`` after a full reconnect."""

    rejoined: bool


@dataclass(frozen=True, slots=True)
class Resumed:
    """The signalling came back and the same participant goes on."""


@dataclass(frozen=True, slots=True)
class Reconnecting:
    """The connection is lost; attempt number ``attempt`` (from 0) begins in ``delay`` seconds."""

    attempt: int
    delay: float
    reason: str


@dataclass(frozen=True, slots=True)
class Disconnected:
    """Out of the room for good; nothing follows. ``reason`` is LiveKit's, ``message`` ours."""

    reason: models.DisconnectReason
    message: str


@dataclass(frozen=True, slots=True)
class ParticipantJoined:
    participant: Participant


@dataclass(frozen=True, slots=True)
class ParticipantLeft:
    participant: Participant
    reason: models.DisconnectReason


@dataclass(frozen=True, slots=True)
class ParticipantUpdated:
    """Name, metadata, attributes or permission changed; of ourselves too. ``changed`` names the fields."""

    participant: Participant
    changed: frozenset[str]


@dataclass(frozen=True, slots=True)
class TrackPublished:
    participant: Participant
    track: models.TrackInfo


@dataclass(frozen=True, slots=True)
class TrackUnpublished:
    participant: Participant
    track: models.TrackInfo


@dataclass(frozen=True, slots=True)
class TrackMuted:
    """A track of somebody else was muted, or unmuted."""

    participant: Participant
    track: models.TrackInfo
    muted: bool


@dataclass(frozen=True, slots=True)
class TrackSubscribed:
    """Packets of this track may come from now on."""

    track: ReceivedTrack


@dataclass(frozen=True, slots=True)
class TrackUnsubscribed:
    track: ReceivedTrack


@dataclass(frozen=True, slots=True)
class SubscriptionFailed:
    track_sid: str
    error: int


@dataclass(frozen=True, slots=True)
class LocalTrackMuted:
    """The server muted a track of ours, or unmuted it."""

    track: LocalTrack
    muted: bool


@dataclass(frozen=True, slots=True)
class LocalTrackUnpublished:
    """The server took a track of ours off the room."""

    track: LocalTrack


@dataclass(frozen=True, slots=True)
class SpeakersChanged:
    """Everybody who speaks now: level 0 to 1 by participant sid, loudest first."""

    speakers: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class QualityChanged:
    participant_sid: str
    quality: models.ConnectionQuality
    score: float


@dataclass(frozen=True, slots=True)
class StreamPaused:
    """The server stopped or resumed a track for want of bandwidth."""

    track_sid: str
    paused: bool


@dataclass(frozen=True, slots=True)
class RoomUpdated:
    """Metadata, recording state or counters of the room changed."""

    room: models.Room


@dataclass(frozen=True, slots=True)
class DataReceived:
    """A data packet of any content; for a user's packet ``payload`` and ``topic`` are filled."""

    packet: models.DataPacket
    reliable: bool
    payload: bytes
    topic: str
    identity: str


@dataclass(frozen=True, slots=True)
class RequestRefused:
    """The server's answer to a request of ours that it did not carry out."""

    request_id: int
    reason: int
    message: str


RoomEvent = (
    Connected
    | Resumed
    | Reconnecting
    | Disconnected
    | ParticipantJoined
    | ParticipantLeft
    | ParticipantUpdated
    | TrackPublished
    | TrackUnpublished
    | TrackMuted
    | TrackSubscribed
    | TrackUnsubscribed
    | SubscriptionFailed
    | LocalTrackMuted
    | LocalTrackUnpublished
    | SpeakersChanged
    | QualityChanged
    | StreamPaused
    | RoomUpdated
    | DataReceived
    | RequestRefused
)
