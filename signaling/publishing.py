"""A participant's tracks: announcing, negotiating, muting, taking back."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from livekit.protocol import models, rtc

from media.errors import SdpError, TransportClosedError
from media.ports import Kind
from media.publisher import PublisherPeer
from media.sdp.types import PublishedSection
from media.tracks import PublishedTrack
from media.transport import TransportState
from signaling.publication import Publication, short_codec

if TYPE_CHECKING:
    from signaling.participant import Participant


MAX_CID = 256
MAX_CODECS = 8


_KIND_OF_SOURCE: Final = {
    models.TrackSource.CAMERA: models.TrackType.VIDEO,
    models.TrackSource.SCREEN_SHARE: models.TrackType.VIDEO,
    models.TrackSource.MICROPHONE: models.TrackType.AUDIO,
    models.TrackSource.SCREEN_SHARE_AUDIO: models.TrackType.AUDIO,
}


class Publishing:
    """What one participant publishes. ``publisher`` is None until its first offer."""

    def __init__(self, owner: Participant) -> None:
        self.owner = owner
        self.publications: dict[str, Publication] = {}
        self.publisher: PublisherPeer | None = None
        self.announced = 0
        """How many tracks others may know of."""
        self.all_may_subscribe = True
        self.allowed_subscribers: dict[str, frozenset[str] | None] = {}

    # -- announcing --------------------------------------------------------------

    def add_track(self, request: rtc.AddTrackRequest, now: float) -> None:
        """The client wants to publish; answered by ``track_published`` or by a refusal in words."""
        if request.sid and request.sid in self.publications:
            # A second codec of the same track: we never ask for one, so it is only acknowledged.
            self._track_published(request.cid, self.publications[request.sid])
            return
        refusal = self._refusal(request)
        if refusal is not None:
            self._refuse(refusal[0], refusal[1], request)
            return
        known = next((p for p in self.publications.values() if request.cid in p.cids), None)
        if known is not None:
            self._track_published(request.cid, known)
            return
        publication = Publication(self.owner, request)
        publication.track = self.owner.room.media.create_track(
            publication.kind,
            muted=request.muted,
            screen=request.source == models.TrackSource.SCREEN_SHARE,
            sizes=publication.sizes(),
            on_started=lambda codec: self._started(publication, codec),
            on_demand=lambda demand: self._demanded(publication, demand),
        )
        self.publications[publication.sid] = publication
        self._track_published(request.cid, publication)
        if request.muted:
            # Nothing may ever be sent while muted, so the first packet cannot be waited for.
            self.announce(publication, now)
        if self.publisher is not None:
            self.publisher.claim_waiting(self.claim)

    def _refusal(self, request: rtc.AddTrackRequest) -> tuple[rtc.RequestResponse.Reason, str] | None:
        reasons = rtc.RequestResponse.Reason
        if not self.owner.video.may_publish_source(request.source):
            return reasons.NOT_ALLOWED, "not allowed to publish this source"
        wanted = _KIND_OF_SOURCE.get(request.source)
        if self.owner.video.can_publish_sources and request.type != wanted:
            # Sound that calls itself a camera would be heard without the right to a microphone.
            return reasons.NOT_ALLOWED, "not allowed to publish this kind of track as this source"
        cids = [request.cid, *(codec.cid for codec in request.simulcast_codecs)]
        if not request.cid or len(cids) > MAX_CODECS or any(len(cid) > MAX_CID for cid in cids):
            return reasons.UNSUPPORTED_TYPE, f"a track needs a cid of at most {MAX_CID} characters"
        if request.type not in (models.TrackType.AUDIO, models.TrackType.VIDEO):
            return reasons.UNSUPPORTED_TYPE, "only audio and video can be published"
        if len(self.publications) >= self.owner.room.settings.max_tracks:
            return reasons.LIMIT_EXCEEDED, "too many tracks"
        return None

    def _track_published(self, cid: str, publication: Publication) -> None:
        self.owner.send(
            rtc.SignalResponse(track_published=rtc.TrackPublishedResponse(cid=cid, track=publication.info))
        )

    def announce(self, publication: Publication, now: float) -> None:
        """Let others know of the track, and subscribe those who want it."""
        if publication.announced or publication.sid not in self.publications:
            return
        publication.announced = True
        self.announced += 1
        self.owner.changed(now)
        self.owner.room.track_announced(publication, now)

    def announce_late(self, now: float) -> None:
        """A negotiated track that sends nothing is announced all the same after a while."""
        if self.announced == len(self.publications):
            return
        limit = self.owner.room.settings.announce_after
        for publication in list(self.publications.values()):
            at = publication.negotiated_at
            if not publication.announced and at is not None and now - at >= limit:
                self.announce(publication, now)

    # -- negotiation -------------------------------------------------------------

    def offered(self, description: rtc.SessionDescription, now: float) -> None:
        """An offer for the PUBLISHER connection; the answer carries the offer's number."""
        if self.publisher is None:
            self.publisher = self.owner.room.media.create_publisher(
                self.owner.publisher_state, self.owner.data_received, self._section_ended
            )
        try:
            wishes = {
                cid: publication.wish
                for publication in self.publications.values()
                for cid in publication.cids
            }
            answer = self.publisher.answer(description.sdp, self.claim, wishes)
        except SdpError as error:
            self.owner.refuse_offer(error)
            return
        except TransportClosedError:
            self.owner.rejoin(now)
            return
        self.owner.send(
            rtc.SignalResponse(answer=rtc.SessionDescription(type="answer", sdp=answer, id=description.id))
        )
        for publication in self.publications.values():
            track = publication.track
            if publication.negotiated_at is None and track is not None and track.section is not None:
                publication.negotiated_at = now
        for section in self.publisher.rejected:
            self._rejected(section, now)

    def _rejected(self, section: PublishedSection, now: float) -> None:
        """A track that we cannot take ends at once, with words; without, its client would wait for ever."""
        for publication in list(self.publications.values()):
            if publication.negotiated_at is None and self._belongs(section, publication):
                request = rtc.AddTrackRequest(cid=section.track_id, type=publication.info.type)
                self._refuse(rtc.RequestResponse.Reason.UNSUPPORTED_TYPE, section.rejected, request)
                self.unpublish(publication, now)

    @staticmethod
    def _belongs(section: PublishedSection, publication: Publication) -> bool:
        """Whether the offer calls the track by one of its names."""
        return publication.kind is section.kind and not publication.cids.isdisjoint(
            (section.track_id, section.stream_id)
        )

    def _refuse(self, reason: rtc.RequestResponse.Reason, message: str, request: rtc.AddTrackRequest) -> None:
        self.owner.send(
            rtc.SignalResponse(
                request_response=rtc.RequestResponse(reason=reason, message=message, add_track=request)
            )
        )

    def claim(self, section: PublishedSection, by_name: bool) -> PublishedTrack | None:
        """The announced track that a section of the offer belongs to: see ``media.publisher.Claim``."""
        for publication in self.publications.values():
            track = publication.track
            fits = self._belongs(section, publication) if by_name else publication.kind is section.kind
            if track is not None and track.section is None and fits:
                publication.info.mid = section.mid
                if section.payload_types and not publication.info.mime_type:
                    publication.codec_known(track.codec or next(iter(section.payload_types.values())).codec)
                if publication.announced:
                    # It was shown before it was negotiated.
                    self.owner.changed(self.owner.room.monotonic())
                self.owner.stale()
                return track
        return None

    def _section_ended(self, track: PublishedTrack) -> None:
        publication = self._publication_of(track)
        if publication is not None:
            self.unpublish(publication, self.owner.room.monotonic())

    def _publication_of(self, track: PublishedTrack) -> Publication | None:
        return next((p for p in self.publications.values() if p.track is track), None)

    def _started(self, publication: Publication, codec: str) -> None:
        now = self.owner.room.monotonic()
        changed = publication.codec_known(codec)
        if not publication.announced:
            self.announce(publication, now)
        elif changed:
            self.owner.changed(now)

    def _demanded(self, publication: Publication, demand: list[tuple[int, bool]]) -> None:
        qualities = [
            rtc.SubscribedQuality(quality=quality, enabled=wanted)  # type: ignore[arg-type]
            for quality, wanted in demand
        ]
        codec = publication.track.codec if publication.track is not None else ""
        # Naming another codec than the one in use would make a browser publish that one as well.
        name = short_codec(codec or publication.info.mime_type).lower() or "vp8"
        self.owner.send(
            rtc.SignalResponse(
                subscribed_quality_update=rtc.SubscribedQualityUpdate(
                    track_sid=publication.sid,
                    subscribed_qualities=qualities,
                    subscribed_codecs=[rtc.SubscribedCodec(codec=name, qualities=qualities)],
                )
            )
        )

    @property
    def over(self) -> bool:
        """Whether the connection has ended for good."""
        return self.publisher is not None and self.publisher.transport.state in (
            TransportState.FAILED,
            TransportState.CLOSED,
        )

    def resumed(self) -> None:
        """The client is back: say again what may not have reached it about its own tracks."""
        for publication in self.publications.values():
            if publication.muted_by_server:
                self._mute_ordered(publication.sid, True)
            track = publication.track
            if track is not None and track.kind is Kind.VIDEO and track.encodings:
                current = track.demand.current()[0].qualities
                self._demanded(publication, [(int(quality), wanted) for quality, wanted in current])

    def missing(self, sids: Iterable[str]) -> None:
        """The client believes to publish these; it is told which of them have ended."""
        for sid in sids:
            if sid and sid not in self.publications:
                self.owner.send(
                    rtc.SignalResponse(track_unpublished=rtc.TrackUnpublishedResponse(track_sid=sid))
                )

    # -- muting and ending -------------------------------------------------------

    def mute(self, sid: str, muted: bool, now: float, *, by_server: bool = False) -> bool:
        """Mute or open a track of ours; false when there is none of this sid."""
        publication = self.publications.get(sid)
        if publication is None:
            return False
        if by_server:
            self._mute_ordered(sid, muted)
        publication.muted_by_server = by_server and muted
        if publication.info.muted != muted:
            publication.info.muted = muted
            if publication.track is not None:
                publication.track.set_muted(muted, now)
            self.owner.room.speaking.mute(publication, muted)
            self.owner.changed(now)
        if muted:
            # As with one that was muted from the start: no packet can be waited for.
            self.announce(publication, now)
        return True

    def _mute_ordered(self, sid: str, muted: bool) -> None:
        self.owner.send(rtc.SignalResponse(mute=rtc.MuteTrackRequest(sid=sid, muted=muted)))

    def unpublish(self, publication: Publication, now: float, *, tell: bool = True) -> None:
        """End a track; its subscribers lose it with the next negotiation."""
        if self.publications.pop(publication.sid, None) is None:
            return
        track = publication.track
        if track is not None:
            if self.publisher is not None:
                self.publisher.end(track)
            self.owner.room.media.forget_track(track)
        if tell and not self.owner.gone:
            self.owner.send(
                rtc.SignalResponse(track_unpublished=rtc.TrackUnpublishedResponse(track_sid=publication.sid))
            )
        if publication.announced:
            self.announced -= 1
            if not self.owner.gone:
                self.owner.changed(now)
            self.owner.room.track_ended(publication, now)

    def enforce_sources(self, now: float) -> None:
        """After a change of rights: end what may no longer be published."""
        for publication in list(self.publications.values()):
            if not self.owner.video.may_publish_source(publication.info.source):
                self.unpublish(publication, now)

    # -- who may subscribe -------------------------------------------------------

    def set_subscription_permission(self, request: rtc.SubscriptionPermission, now: float) -> None:
        """The publisher says who may receive its tracks; in force at once."""
        self.all_may_subscribe = request.all_participants
        allowed: dict[str, frozenset[str] | None] = {}
        for permission in request.track_permissions[:2000]:
            tracks = None if permission.all_tracks else frozenset(permission.track_sids)
            for key in (permission.participant_sid, permission.participant_identity):
                if key:
                    allowed[key] = tracks
        self.allowed_subscribers = allowed
        for publication in self.publications.values():
            if publication.announced:
                self.owner.room.permission_changed(publication, now)

    def lets_subscribe(self, other: Participant, publication: Publication) -> bool:
        """Whether the publisher lets this participant have this track."""
        if self.all_may_subscribe:
            return True
        for key in (other.sid, other.identity):
            if key in self.allowed_subscribers:
                tracks = self.allowed_subscribers[key]
                return tracks is None or publication.sid in tracks
        return False
