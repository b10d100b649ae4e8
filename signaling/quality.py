"""Connection quality of each participant, told to it and to those who receive it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from livekit.protocol import models, rtc

from media.ports import Kind
from media.streams.quality import (
    ConnectionQuality,
    Quality,
    QualityScorer,
    QualityWindow,
    loss_weight,
    participant_quality,
)
from signaling.wire import SharedMessage

if TYPE_CHECKING:
    from signaling.participant import Participant
    from signaling.room import Room

SCORE_INTERVAL = 2.0


class _Stream:
    """One stream's scorer and the totals at its last update."""

    __slots__ = ("at", "bytes", "expected", "lost", "scorer")

    def __init__(self, codec: str, now: float) -> None:
        self.scorer = QualityScorer(loss_weight(codec, fec=True))
        self.at = now
        self.expected = 0
        self.lost = 0
        self.bytes = 0

    def window(
        self, expected: int, lost: int, octets: int, jitter: float, silent: float, now: float
    ) -> QualityWindow:
        """The change since the last update, which this becomes."""
        window = QualityWindow(
            duration=now - self.at,
            expected=max(0, expected - self.expected),
            lost=max(0, lost - self.lost),
            bytes=max(0, octets - self.bytes),
            jitter=jitter,
            silent_for=silent,
        )
        self.at, self.expected, self.lost, self.bytes = now, expected, lost, octets
        return window


class QualityBoard:
    """Scores what each participant sends and receives."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self._streams: dict[str, _Stream] = {}
        self._score_due = 0.0
        self._tell_due = 0.0

    def left(self, participant: Participant) -> None:
        """Forget a participant."""
        for key in [key for key in self._streams if key.startswith(participant.sid)]:
            del self._streams[key]

    def tick(self, now: float) -> None:
        """Score, and tell what changed."""
        if now < self._score_due:
            return
        self._score_due = now + SCORE_INTERVAL
        scores = {p.sid: self._score(p, now) for p in self._room.participants.values() if p.was_active}
        if now < self._tell_due:
            changed = {p.sid for p in self._room.participants.values() if p.sid in scores and p.quality < 0}
            if not changed:
                return
        self._tell_due = now + self._room.settings.quality_interval
        for participant in self._room.participants.values():
            self._tell(participant, scores)

    def _tell(self, participant: Participant, scores: dict[str, Quality]) -> None:
        """One participant hears of itself and of those whose tracks it receives."""
        if participant.session is None:
            return
        sids = {participant.sid}
        for track in participant.subscribing.subscriptions:
            publication = self._room.publication(track)
            if publication is not None:
                sids.add(publication.publisher.sid)
        updates = [
            rtc.ConnectionQualityInfo(
                participant_sid=sid,
                quality=_WIRE[scores[sid].quality],
                score=scores[sid].score,
            )
            for sid in sids
            if sid in scores
        ]
        if updates:
            participant.quality = int(
                scores.get(participant.sid, Quality(ConnectionQuality.EXCELLENT, 4.5)).quality
            )
            participant.send(
                SharedMessage(
                    rtc.SignalResponse(connection_quality=rtc.ConnectionQualityUpdate(updates=updates))
                )
            )

    def _score(self, participant: Participant, now: float) -> Quality:
        heard = participant.last_heard
        silent = max(0.0, now - heard) if heard > 0 else 0.0
        qualities = []
        for publication in participant.publishing.publications.values():
            track = publication.track
            if track is None or not track.encodings:
                continue
            stats = self._room.media.track_stats(track)
            stream = self._stream(f"{participant.sid}/up/{publication.sid}", track.codec, now)
            wanted = track.kind is Kind.AUDIO or any(
                s.wanted_quality is not None for s in track.subscriptions
            )
            stream.scorer.expect(not publication.info.muted and wanted and stats.packets > 0, now)
            qualities.append(
                stream.scorer.update(
                    stream.window(stats.expected, stats.lost, stats.bytes, stats.jitter, silent, now), now
                )
            )
        for sid, subscription in participant.subscribing.subscriptions.items():
            totals = self._room.media.subscription_stats(subscription)
            stream = self._stream(f"{participant.sid}/down/{sid}", subscription.track.codec, now)
            stream.scorer.expect(
                subscription.source is not None and not subscription.track.muted and totals.packets > 0, now
            )
            sent = totals.packets - stream.expected
            lost = stream.lost + round(subscription.fraction_lost * max(0, sent))
            qualities.append(
                stream.scorer.update(
                    stream.window(totals.packets, lost, totals.bytes, subscription.jitter, silent, now), now
                )
            )
        return participant_quality(qualities, silent)

    def _stream(self, key: str, codec: str, now: float) -> _Stream:
        stream = self._streams.get(key)
        if stream is None:
            stream = self._streams[key] = _Stream(codec or "audio/opus", now)
        return stream


_WIRE = {
    ConnectionQuality.POOR: models.ConnectionQuality.POOR,
    ConnectionQuality.GOOD: models.ConnectionQuality.GOOD,
    ConnectionQuality.EXCELLENT: models.ConnectionQuality.EXCELLENT,
    ConnectionQuality.LOST: models.ConnectionQuality.LOST,
}
