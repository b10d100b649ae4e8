"""Who is in the room, as the server's messages tell it. Sans-I/O: messages in, events out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from livekit.protocol import models, rtc

from signaling.client.events import (
    ParticipantJoined,
    ParticipantLeft,
    ParticipantUpdated,
    QualityChanged,
    RoomEvent,
    SpeakersChanged,
    TrackMuted,
    TrackPublished,
    TrackUnpublished,
)

MAX_PARTICIPANTS = 20_000
"""Participants remembered; more are passed over."""


@dataclass(slots=True, eq=False)
class Participant:
    """Somebody in the room, ourselves included. ``info`` is the newest message about them."""

    info: models.ParticipantInfo
    local: bool = False
    tracks: dict[str, models.TrackInfo] = field(default_factory=dict)
    quality: models.ConnectionQuality = models.ConnectionQuality.EXCELLENT

    @property
    def sid(self) -> str:
        return self.info.sid

    @property
    def identity(self) -> str:
        return self.info.identity

    @property
    def name(self) -> str:
        return self.info.name

    def track(self, source: models.TrackSource) -> models.TrackInfo | None:
        """Their track of this source (camera, microphone, …), or None."""
        return next((track for track in self.tracks.values() if track.source == source), None)


class RoomState:
    """Room, participants, speakers. Each ``apply`` returns the events that it means."""

    def __init__(self) -> None:
        self.room = models.Room()
        self.local = Participant(models.ParticipantInfo(), local=True)
        self.participants: dict[str, Participant] = {}
        """The others, by sid."""
        self.speakers: dict[str, float] = {}

    def by_identity(self, identity: str) -> Participant | None:
        """The participant of this identity who is in the room now."""
        return next((p for p in self.participants.values() if p.identity == identity), None)

    def owner_of(self, track_sid: str) -> Participant | None:
        """Whose track it is."""
        return next((p for p in self.participants.values() if track_sid in p.tracks), None)

    def joined(self, join: rtc.JoinResponse) -> list[RoomEvent]:
        """A full join: what was known before ends, what the message names begins."""
        events = self._all_gone()
        self.room = join.room
        self.local = Participant(join.participant, local=True)
        self.speakers = {}
        return events + self.updated(join.other_participants)

    def _all_gone(self) -> list[RoomEvent]:
        events: list[RoomEvent] = []
        for participant in list(self.participants.values()):
            events += self._left(participant, models.DisconnectReason.UNKNOWN_REASON)
        return events

    def updated(self, infos: Iterable[models.ParticipantInfo]) -> list[RoomEvent]:
        """Changes of participants. An older version than the known one is passed over."""
        events: list[RoomEvent] = []
        for info in infos:
            if info.sid == self.local.sid or (info.identity == self.local.identity and not info.sid):
                events += self._merge(self.local, info)
                continue
            known = self.participants.get(info.sid)
            gone = info.state == models.ParticipantInfo.State.DISCONNECTED
            if known is None:
                if gone or not info.sid or len(self.participants) >= MAX_PARTICIPANTS:
                    continue
                # The same identity with another sid has taken its predecessor's place.
                previous = self.by_identity(info.identity)
                if previous is not None:
                    events += self._left(previous, models.DisconnectReason.DUPLICATE_IDENTITY)
                known = Participant(models.ParticipantInfo(sid=info.sid, identity=info.identity))
                self.participants[info.sid] = known
                before = len(events)
                events += self._merge(known, info)
                events[before:] = [
                    ParticipantJoined(known),
                    *(e for e in events[before:] if not isinstance(e, ParticipantUpdated)),
                ]
            elif gone:
                events += self._left(known, info.disconnect_reason)
            else:
                events += self._merge(known, info)
        return events

    def _left(self, participant: Participant, reason: models.DisconnectReason) -> list[RoomEvent]:
        events: list[RoomEvent] = [TrackUnpublished(participant, t) for t in participant.tracks.values()]
        participant.tracks = {}
        self.participants.pop(participant.sid, None)
        self.speakers.pop(participant.sid, None)
        return [*events, ParticipantLeft(participant, reason)]

    def _merge(self, participant: Participant, info: models.ParticipantInfo) -> list[RoomEvent]:
        old = participant.info
        if info.version and info.version < old.version:
            return []
        changed = set()
        if info.name != old.name:
            changed.add("name")
        if info.metadata != old.metadata:
            changed.add("metadata")
        if dict(info.attributes) != dict(old.attributes):
            changed.add("attributes")
        if info.permission != old.permission:
            changed.add("permission")
        if info.state != old.state:
            changed.add("state")
        participant.info = info
        events: list[RoomEvent] = []
        if changed:
            events.append(ParticipantUpdated(participant, frozenset(changed)))
        return events + self._merge_tracks(participant, info)

    @staticmethod
    def _merge_tracks(participant: Participant, info: models.ParticipantInfo) -> list[RoomEvent]:
        events: list[RoomEvent] = []
        new = {track.sid: track for track in info.tracks}
        old = participant.tracks
        participant.tracks = new
        if participant.local:
            return []
        events += [TrackUnpublished(participant, track) for sid, track in old.items() if sid not in new]
        for sid, track in new.items():
            before = old.get(sid)
            if before is None:
                events.append(TrackPublished(participant, track))
            elif before.muted != track.muted:
                events.append(TrackMuted(participant, track, track.muted))
        return events

    def speakers_changed(self, changes: Iterable[models.SpeakerInfo]) -> list[RoomEvent]:
        """Deltas of who speaks."""
        for speaker in changes:
            if speaker.active:
                self.speakers[speaker.sid] = speaker.level
            else:
                self.speakers.pop(speaker.sid, None)
        ordered = sorted(self.speakers.items(), key=lambda item: -item[1])
        self.speakers = dict(ordered)
        return [SpeakersChanged(dict(ordered))]

    def quality_changed(self, updates: Iterable[rtc.ConnectionQualityInfo]) -> list[RoomEvent]:
        """Connection quality of some participants."""
        events: list[RoomEvent] = []
        for update in updates:
            local = update.participant_sid == self.local.sid
            who = self.local if local else self.participants.get(update.participant_sid)
            if who is not None:
                who.quality = update.quality
                events.append(QualityChanged(update.participant_sid, update.quality, update.score))
        return events
