"""What a participant receives: wishes, rights and negotiation brought together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from livekit.protocol import models, rtc

from media.errors import MediaError, SdpError, TransportClosedError
from media.streams.video_quality import VideoQuality
from media.subscriber import SubscriberPeer
from media.subscriptions import SubscriptionState, TrackSubscription
from media.transport import TransportState
from signaling.publication import Publication

if TYPE_CHECKING:
    from signaling.participant import Participant

MAX_SID = 64
"""Characters of a track's sid; ours have 15. Longer ones are nothing that a wish could come true for."""

MAX_REMEMBERED = 4000
"""Tracks whose wishes are kept for one participant, the oldest given up first."""


@dataclass(frozen=True, slots=True)
class TrackSettings:
    """What the client last said about one track."""

    enabled: bool = True
    wanted: int | tuple[int, int] = VideoQuality.HIGH
    priority: int = 0


class Subscribing:
    """What one participant receives."""

    def __init__(self, owner: Participant, subscriber: SubscriberPeer, auto_subscribe: bool) -> None:
        self.owner = owner
        self.subscriber = subscriber
        self.auto_subscribe = auto_subscribe
        self.wishes: dict[str, bool] = {}
        self.track_settings: dict[str, TrackSettings] = {}
        self.subscriptions: dict[str, TrackSubscription] = {}
        self.refused: set[str] = set()
        self.permissions: dict[str, bool] = {}
        """What the client was told about the publishers' permissions; absent means allowed."""
        self.paused: dict[str, bool] = {}
        """What it was told about streams that the line had no room for."""

    # -- wishes ------------------------------------------------------------------

    def wish(self, track_sids: list[str], subscribe: bool, now: float, *, tell_missing: bool = True) -> None:
        """The client, or RoomService for it, subscribes to tracks or gives them up."""
        for sid in track_sids[:MAX_REMEMBERED]:
            if len(sid) > MAX_SID:
                continue
            _remember(self.wishes, sid, subscribe)
            self.refused.discard(sid)
            publication = self.owner.room.publication(sid)
            if publication is not None and publication.announced:
                self.reconcile(publication, now)
            elif subscribe and tell_missing:
                self._tell_error(sid, models.SubscriptionError.SE_TRACK_NOTFOUND)
        self.negotiate(now)

    def _refuse(self, sid: str, error: models.SubscriptionError) -> None:
        """Not to be had, and not tried again until the client asks."""
        self.refused.add(sid)
        self._tell_error(sid, error)

    def _tell_error(self, sid: str, error: models.SubscriptionError) -> None:
        self.owner.send(
            rtc.SignalResponse(subscription_response=rtc.SubscriptionResponse(track_sid=sid, err=error))
        )

    def set_track_settings(self, request: rtc.UpdateTrackSettings, now: float) -> None:
        """Size or quality wanted of tracks, also of such that are not received yet."""
        wanted: int | tuple[int, int] = min(int(request.quality), int(VideoQuality.HIGH))
        if request.width and request.height:
            wanted = (min(request.width, 16384), min(request.height, 16384))
        enabled = not request.disabled and request.quality != models.VideoQuality.OFF
        settings = TrackSettings(enabled, wanted, int(request.priority))
        for sid in request.track_sids[:MAX_REMEMBERED]:
            if len(sid) > MAX_SID:
                continue
            _remember(self.track_settings, sid, settings)
            subscription = self.subscriptions.get(sid)
            if subscription is not None:
                self._configure(subscription, settings, now)

    def disable(self, sid: str, now: float) -> None:
        """The client had switched this track off before it came back."""
        if len(sid) > MAX_SID:
            return
        known = self.track_settings.get(sid, TrackSettings())
        settings = TrackSettings(False, known.wanted, known.priority)
        _remember(self.track_settings, sid, settings)
        subscription = self.subscriptions.get(sid)
        if subscription is not None:
            self._configure(subscription, settings, now)

    def _configure(self, subscription: TrackSubscription, settings: TrackSettings, now: float) -> None:
        subscription.configure(
            enabled=settings.enabled, wanted=settings.wanted, priority=settings.priority, now=now
        )

    # -- from wishes to subscriptions --------------------------------------------

    def should_receive(self, publication: Publication) -> bool:
        """Whether wish, own rights and the publisher's permission all say yes."""
        return (
            publication.publisher is not self.owner
            and publication.announced
            and not publication.publisher.hidden
            and self.owner.video.may_subscribe()
            and publication.sid not in self.refused
            and self.wishes.get(publication.sid, self.auto_subscribe)
            and publication.publisher.publishing.lets_subscribe(self.owner, publication)
        )

    def reconcile(self, publication: Publication, now: float) -> None:
        """Begin or end receiving a track; negotiation is the caller's next step."""
        subscription = self.subscriptions.get(publication.sid)
        if subscription is None and not self.wishes.get(publication.sid, self.auto_subscribe):
            # The most frequent case in a large room, where people choose whom they see.
            return
        wanted = self.should_receive(publication) and publication.track is not None
        if wanted and subscription is None:
            if not publication.told or self.over:
                return
            assert publication.track is not None
            try:
                subscription = self.subscriber.add(
                    publication.track,
                    publication.stream_id(in_step=self.owner.params.takes_streams),
                    publication.sid,
                    stereo=publication.info.stereo,
                    on_paused=lambda paused: self._paused(publication, paused),
                )
            except MediaError:
                # One connection too full must not keep others from theirs.
                self._refuse(publication.sid, models.SubscriptionError.SE_UNKNOWN)
                return
            self.subscriptions[publication.sid] = subscription
            settings = self.track_settings.get(publication.sid)
            if settings is not None:
                self._configure(subscription, settings, now)
        elif not wanted and subscription is not None:
            del self.subscriptions[publication.sid]
            self.paused.pop(publication.sid, None)
            self.subscriber.remove(subscription)

    def permit(self, publication: Publication, now: float) -> None:
        """Heed what the publisher allows this participant, and tell it when that has changed."""
        if publication.publisher is self.owner:
            return
        publishing = publication.publisher.publishing
        if self.permissions or not publishing.all_may_subscribe:
            allowed = publishing.lets_subscribe(self.owner, publication)
            if self.permissions.get(publication.sid, True) != allowed:
                self.permissions[publication.sid] = allowed
                self._tell_permission(publication, allowed)
        self.reconcile(publication, now)

    def _tell_permission(self, publication: Publication, allowed: bool) -> None:
        self.owner.send(
            rtc.SignalResponse(
                subscription_permission_update=rtc.SubscriptionPermissionUpdate(
                    participant_sid=publication.publisher.sid, track_sid=publication.sid, allowed=allowed
                )
            )
        )

    def resumed(self) -> None:
        """The client is back: say again what may not have reached it."""
        for sid, allowed in self.permissions.items():
            publication = self.owner.room.publication(sid)
            if publication is not None:
                self._tell_permission(publication, allowed)
        for sid, paused in self.paused.items():
            publication = self.owner.room.publication(sid)
            if publication is not None:
                self._paused(publication, paused)

    def drop(self, sid: str) -> bool:
        """The track is no more; whether it was received."""
        subscription = self.subscriptions.pop(sid, None)
        if subscription is not None:
            self.subscriber.remove(subscription)
        for table in (self.wishes, self.track_settings, self.permissions, self.paused):
            table.pop(sid, None)
        self.refused.discard(sid)
        return subscription is not None

    def receives(self, sid: str) -> bool:
        """Whether this track's packets reach the client."""
        subscription = self.subscriptions.get(sid)
        return subscription is not None and subscription.state is SubscriptionState.READY

    def _paused(self, publication: Publication, paused: bool) -> None:
        self.paused[publication.sid] = paused
        state = rtc.StreamState.PAUSED if paused else rtc.StreamState.ACTIVE
        self.owner.send(
            rtc.SignalResponse(
                stream_state_update=rtc.StreamStateUpdate(
                    stream_states=[
                        rtc.StreamStateInfo(
                            participant_sid=publication.publisher.sid,
                            track_sid=publication.sid,
                            state=state,
                        )
                    ]
                )
            )
        )

    # -- negotiation -------------------------------------------------------------

    @property
    def over(self) -> bool:
        """Whether the connection has ended for good."""
        return self.subscriber.transport.state in (TransportState.FAILED, TransportState.CLOSED)

    def negotiate(self, now: float, *, force: bool = False) -> None:
        """Send the next offer, if there is something new and no other is unanswered."""
        if self.owner.gone or self.owner.session is None or self.over:
            return
        offer = self.subscriber.next_offer(force=force)
        if offer is not None:
            self.owner.send(
                rtc.SignalResponse(offer=rtc.SessionDescription(type="offer", sdp=offer.sdp, id=offer.number))
            )

    def answered(self, description: rtc.SessionDescription, now: float) -> None:
        """The client's answer to our offer; what it refused ends, what waits is offered next."""
        try:
            refused = self.subscriber.answer(description.sdp, description.id, now)
        except SdpError as error:
            self.owner.refuse_offer(error)
            return
        except TransportClosedError:
            self.owner.rejoin(now)
            return
        for subscription in refused:
            sid = next((s for s, owner in self.subscriptions.items() if owner is subscription), None)
            if sid is None:
                continue
            del self.subscriptions[sid]
            self.paused.pop(sid, None)
            self.subscriber.remove(subscription)
            self._refuse(sid, models.SubscriptionError.SE_CODEC_UNSUPPORTED)
        for sid, subscription in self.subscriptions.items():
            if subscription.state is SubscriptionState.READY:
                publication = self.owner.room.publication(sid)
                if publication is not None and not publication.told_subscribed:
                    publication.told_subscribed = True
                    publication.publisher.send(
                        rtc.SignalResponse(track_subscribed=rtc.TrackSubscribed(track_sid=sid))
                    )
        self.negotiate(now)


V = TypeVar("V")


def _remember(table: dict[str, V], key: str, value: V) -> None:
    table.pop(key, None)
    table[key] = value
    if len(table) > MAX_REMEMBERED:
        del table[next(iter(table))]
