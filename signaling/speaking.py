"""Who speaks, told to each participant about those whom it hears (and about itself).

Every ``speakers_changed`` is a difference to what this participant was told
before, so that folding them gives the truth at any moment: whoever was told
*on* is told *off* when the speaker falls silent, mutes, leaves, or is no longer
subscribed to.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from livekit.protocol import models, rtc

from media.ports import Kind
from media.streams.speakers import SpeakerDetector, SpeakerSettings
from signaling.publication import Publication
from signaling.wire import SharedMessage

if TYPE_CHECKING:
    from signaling.participant import Participant
    from signaling.room import Room


UNKNOWN = -1.0
"""The level of a speaker of whom the client may believe anything."""

REMEMBERED = 60.0
"""Seconds for which it is remembered that a speaker was told off; a lost session lasts no longer."""


class SpeakerBoard:
    """The speakers of one room."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self._detector: SpeakerDetector[str] = SpeakerDetector(
            SpeakerSettings(threshold=room.settings.audio_threshold)
        )
        self._due = 0.0

    def announced(self, publication: Publication) -> None:
        """A track others may hear."""
        if publication.kind is Kind.AUDIO:
            self._detector.assign(publication.sid, publication.publisher.sid)
            self._detector.mute(publication.sid, publication.info.muted)

    def mute(self, publication: Publication, muted: bool) -> None:
        """A muted track is silent at once."""
        if publication.kind is Kind.AUDIO:
            self._detector.mute(publication.sid, muted)

    def ended(self, publication: Publication) -> None:
        """The track is gone."""
        self._detector.remove(publication.sid)

    def resumed(self, participant: Participant) -> None:
        """The client is back and may have missed something: the next message states all of it."""
        unsure = {**participant.told_speakers, **participant.silenced}
        participant.told_speakers = dict.fromkeys(unsure, UNKNOWN)

    def observe(
        self, publication: Publication, observed: float, active: float, loudest: int, now: float
    ) -> None:
        """Sound of a track since the last observation; see ``media.ports.AudioActivity``."""
        self._detector.observe(publication.sid, observed, active, loudest, now)

    def tick(self, now: float) -> None:
        """Tell everybody what changed for them."""
        if now < self._due:
            return
        self._due = now + self._room.settings.speaker_interval
        self._detector.update(now)
        speaking = {speaker.key: speaker.level for speaker in self._detector.current()}
        sounds: dict[str, list[str]] = {}
        if speaking:
            for publication in self._room.publications():
                if publication.kind is Kind.AUDIO and publication.publisher.sid in speaking:
                    sounds.setdefault(publication.publisher.sid, []).append(publication.sid)
        shared: dict[tuple[tuple[str, float, bool], ...], SharedMessage] = {}
        for participant in self._room.participants.values():
            if not speaking and not participant.told_speakers:
                continue
            heard = {
                sid: level
                for sid, level in speaking.items()
                if sid == participant.sid
                or any(participant.subscribing.receives(track) for track in sounds.get(sid, ()))
            }
            changes = _changes(participant.told_speakers, heard)
            if not changes or participant.session is None:
                continue
            participant.told_speakers = heard
            _note_silenced(participant, changes, now)
            message = shared.get(changes)
            if message is None:
                message = SharedMessage(
                    rtc.SignalResponse(
                        speakers_changed=rtc.SpeakersChanged(
                            speakers=[
                                models.SpeakerInfo(sid=sid, level=level, active=active)
                                for sid, level, active in changes
                            ]
                        )
                    )
                )
                shared[changes] = message
            participant.send(message)


def _changes(told: dict[str, float], heard: dict[str, float]) -> tuple[tuple[str, float, bool], ...]:
    """What turns ``told`` into ``heard``, loudest first."""
    on = [(sid, level, True) for sid, level in heard.items() if told.get(sid) != level]
    off = [(sid, 0.0, False) for sid in told if sid not in heard]
    return tuple(sorted(on, key=lambda item: -item[1]) + off)


def _note_silenced(
    participant: Participant, changes: tuple[tuple[str, float, bool], ...], now: float
) -> None:
    """Remember who was told off, for a client that comes back without having read it."""
    silenced = {sid: at for sid, at in participant.silenced.items() if now - at < REMEMBERED}
    for sid, _, active in changes:
        silenced.pop(sid, None)
        if not active:
            silenced[sid] = now
    participant.silenced = silenced
