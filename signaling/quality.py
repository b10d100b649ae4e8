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
from media.subscriptions import SubscriptionState, TrackSubscription
from media.tracks import PublishedTrack
from signaling.publication import Publication

if TYPE_CHECKING:
    from signaling.participant import Participant
    from signaling.room import Room

SCORE_INTERVAL = 2.0
"""Seconds of each window."""

SHARE = 20
"""At most one of so many participants is scored in one tick, so that a large room never holds up the loop."""


class _Stream:
    """One stream's scorer and the totals at its last update; ``number`` tells a stream from its successor."""

    __slots__ = ("at", "bytes", "expected", "lost", "number", "scorer")

    def __init__(self, codec: str, number: int, now: float) -> None:
        self.scorer = QualityScorer(loss_weight(codec, fec=True))
        self.number = number
        self.at = now
        self.expected = 0
        self.lost = 0
        self.bytes = 0

    def window(self, expected: int, lost: int, octets: int, now: float, **more: float) -> QualityWindow:
        """The change since the last update, which this becomes."""
        window = QualityWindow(
            duration=now - self.at,
            expected=max(0, expected - self.expected),
            lost=max(0, lost - self.lost),
            bytes=max(0, octets - self.bytes),
            **more,
        )
        self.at, self.expected, self.lost, self.bytes = now, expected, lost, octets
        return window


class _Line:
    """What is known of one participant's two directions."""

    __slots__ = ("down", "due", "quality", "tell_due", "up")

    def __init__(self, now: float) -> None:
        self.due = now + SCORE_INTERVAL
        self.tell_due = now
        self.quality: Quality | None = None
        self.up: dict[str, _Stream] = {}
        self.down: dict[str, _Stream] = {}


class QualityBoard:
    """Scores what each participant sends and receives."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self._lines: dict[str, _Line] = {}

    def left(self, participant: Participant) -> None:
        """Forget a participant."""
        self._lines.pop(participant.sid, None)

    def quality(self, participant: Participant) -> Quality | None:
        """As of its last window; None before the first one is over."""
        line = self._lines.get(participant.sid)
        return None if line is None else line.quality

    def tick(self, now: float) -> None:
        """Score those whose window is over, and tell those whose turn it is."""
        participants = self._room.participants
        left = 1 + len(participants) // SHARE
        for participant in participants.values():
            if not participant.was_active:
                continue
            line = self._lines.get(participant.sid)
            if line is None:
                # The first window begins when the media is connected.
                self._lines[participant.sid] = line = _Line(now)
            if now >= line.due and left > 0:
                left -= 1
                line.due = max(line.due + SCORE_INTERVAL, now + SCORE_INTERVAL / 2)
                line.quality = self._score(participant, line, now)
            if line.quality is not None and now >= line.tell_due and participant.session is not None:
                line.tell_due = now + self._room.settings.quality_interval
                self._tell(participant)

    def _tell(self, participant: Participant) -> None:
        """One participant hears of itself and of those whose tracks it receives."""
        sids = {participant.sid: None}
        for track in participant.subscribing.subscriptions:
            publication = self._room.publication(track)
            if publication is not None:
                sids[publication.publisher.sid] = None
        updates = [
            rtc.ConnectionQualityInfo(
                participant_sid=sid, quality=_WIRE[line.quality.quality], score=line.quality.score
            )
            for sid in sids
            if (line := self._lines.get(sid)) is not None and line.quality is not None
        ]
        participant.send(rtc.SignalResponse(connection_quality=rtc.ConnectionQualityUpdate(updates=updates)))

    def _score(self, participant: Participant, line: _Line, now: float) -> Quality:
        heard = participant.last_heard
        silent = max(0.0, now - heard) if heard > 0 else 0.0
        qualities = []
        up: dict[str, _Stream] = {}
        for sid, publication in participant.publishing.publications.items():
            track = publication.track
            if track is not None and track.encodings:
                up[sid] = stream = _stream(line.up, sid, track.codec, track.encodings[0].source, now)
                qualities.append(self._sent(publication, track, stream, silent, now))
        down: dict[str, _Stream] = {}
        for sid, subscription in participant.subscribing.subscriptions.items():
            if subscription.state is SubscriptionState.READY:
                codec = subscription.track.codec
                down[sid] = stream = _stream(line.down, sid, codec, subscription.number, now)
                qualities.append(self._received(subscription, stream, silent, now))
        line.up, line.down = up, down
        return participant_quality(qualities, silent)

    def _sent(
        self, publication: Publication, track: PublishedTrack, stream: _Stream, silent: float, now: float
    ) -> Quality:
        """From the participant to us."""
        stats = self._room.media.track_stats(track)
        wanted = track.kind is Kind.AUDIO or any(
            subscription.wanted_quality is not None for subscription in track.subscriptions
        )
        window = stream.window(
            stats.expected, stats.lost, stats.bytes, now, jitter=stats.jitter, silent_for=silent
        )
        stream.scorer.expect(not publication.info.muted and wanted and stats.packets > 0, now)
        if track.kind is Kind.AUDIO and not publication.info.disable_dtx and window.expected == 0:
            # Nothing to send is not a fault of the line; a dead line shows in the silence of all.
            return _unless_lost(stream.scorer, silent)
        return stream.scorer.update(window, now)

    def _received(
        self, subscription: TrackSubscription, stream: _Stream, silent: float, now: float
    ) -> Quality:
        """From us to the participant. It is judged by what we sent, and did not send for want of room."""
        totals = self._room.media.subscription_stats(subscription)
        sent = max(0, totals.packets - stream.expected)
        window = stream.window(
            totals.packets,
            stream.lost + round(subscription.fraction_lost * sent),
            totals.bytes,
            now,
            jitter=subscription.jitter,
            silent_for=silent,
            layers_short=_layers_short(subscription),
        )
        flowing = subscription.connected and subscription.enabled and not subscription.track.muted
        stream.scorer.expect(flowing and totals.packets > 0, now)
        if window.expected == 0 and subscription.allowed is not None:
            # The publisher sent nothing, which says nothing of this participant's line.
            return _unless_lost(stream.scorer, silent)
        return stream.scorer.update(window, now)


def _stream(known: dict[str, _Stream], sid: str, codec: str, number: int, now: float) -> _Stream:
    """The stream of this number; one that took its place counts from zero, as its totals do."""
    stream = known.get(sid)
    if stream is None or stream.number != number:
        stream = _Stream(codec or "audio/opus", number, now)
    return stream


def _unless_lost(scorer: QualityScorer, silent: float) -> Quality:
    """The quality as it was, in a window that tells nothing about the line."""
    return participant_quality([scorer.current], silent)


def _layers_short(subscription: TrackSubscription) -> float:
    """How many of the layers that are there, and wanted, the line has no room for."""
    wanted = subscription.wanted_quality
    if subscription.track.kind is not Kind.VIDEO or wanted is None or subscription.allowed is None:
        return 0.0
    return float(
        sum(
            subscription.allowed < layer.quality <= wanted
            for layer in subscription.track.layers()
            if layer.active
        )
    )


_WIRE = {
    ConnectionQuality.POOR: models.ConnectionQuality.POOR,
    ConnectionQuality.GOOD: models.ConnectionQuality.GOOD,
    ConnectionQuality.EXCELLENT: models.ConnectionQuality.EXCELLENT,
    ConnectionQuality.LOST: models.ConnectionQuality.LOST,
}
