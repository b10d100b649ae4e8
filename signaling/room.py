"""A room: who is in it, what each of them is told, and when it ends.

Sans-I/O: every method takes ``now``; ``tick`` does what is due by time. What
leaves the room goes to the participants' sessions and to ``RoomEvents``.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from typing import Protocol

from livekit.protocol import models, rtc

from signaling import ids
from signaling.data import DataRouter
from signaling.errors import ResourceExhaustedError
from signaling.grants import Grants
from signaling.media_port import MediaPort
from signaling.participant import ClientParams, Participant, State
from signaling.publication import Publication
from signaling.quality import QualityBoard
from signaling.requests import handle_request
from signaling.session import CLOSE_NORMAL, SignalSession
from signaling.settings import SignalSettings
from signaling.speaking import SpeakerBoard
from signaling.tokens import KeyRing
from signaling.wire import SharedMessage

VERSION_NAME = "diemcau"
PROTOCOL = 17
"""LiveKit's protocol number that we speak; higher ones of clients are welcome."""

COMPATIBLE_VERSION = "1.9.11"
"""The LiveKit release that ours is tested against; clients ask features of it (RPC: 1.8 or newer)."""

MAX_DEPARTED = 1000
"""Participants remembered after they left, for those who were cut off meanwhile."""

Action = rtc.LeaveRequest.Action


class RoomEvents(Protocol):
    """What a room tells the outside (webhooks). Called with finished messages, must not wait."""

    def room_started(self, room: models.Room) -> None: ...
    def room_finished(self, room: models.Room) -> None: ...
    def participant_joined(self, room: models.Room, participant: models.ParticipantInfo) -> None: ...
    def participant_left(self, room: models.Room, participant: models.ParticipantInfo) -> None: ...
    def participant_aborted(self, room: models.Room, participant: models.ParticipantInfo) -> None: ...
    def track_published(
        self, room: models.Room, participant: models.ParticipantInfo, track: models.TrackInfo
    ) -> None: ...
    def track_unpublished(
        self, room: models.Room, participant: models.ParticipantInfo, track: models.TrackInfo
    ) -> None: ...


class Room:
    """See the module. Made by ``RoomRegistry`` only."""

    def __init__(
        self,
        name: str,
        settings: SignalSettings,
        media: MediaPort,
        keys: KeyRing,
        events: RoomEvents,
        *,
        monotonic: Callable[[], float],
        wall: Callable[[], float],
        version: str,
    ) -> None:
        self.name = name
        self.sid = ids.new_sid(ids.ROOM)
        self.settings = settings
        self.media = media
        self.keys = keys
        self.events = events
        self.monotonic = monotonic
        self.wall = wall
        self.server = models.ServerInfo(
            edition=models.ServerInfo.Edition.Standard,
            version=COMPATIBLE_VERSION,
            protocol=PROTOCOL,
            node_id=VERSION_NAME,
            debug_info=f"{VERSION_NAME} {version}",
        )
        self.metadata = ""
        self.empty_timeout = settings.empty_timeout
        self.departure_timeout = settings.departure_timeout
        self.max_participants = settings.max_participants
        self.created_ms = int(wall() * 1000)
        self.participants: dict[str, Participant] = {}
        self.speaking = SpeakerBoard(self)
        self.data = DataRouter(self)
        self.quality = QualityBoard(self)
        self.ended = False
        self._publications: dict[str, Publication] = {}
        self._dirty: dict[str, Participant] = {}
        self._fresh: list[Publication] = []
        self._flush_at: float | None = None
        self._flushed_at = -1.0
        self._departed: deque[tuple[float, models.ParticipantInfo]] = deque(maxlen=MAX_DEPARTED)
        self._empty_since = monotonic()
        self._ever_joined = False
        events.room_started(self.info())

    # -- description -------------------------------------------------------------

    def info(self) -> models.Room:
        """What clients and RoomService see of it."""
        visible = [p for p in self.participants.values() if not p.hidden]
        return models.Room(
            sid=self.sid,
            name=self.name,
            empty_timeout=self.empty_timeout,
            departure_timeout=self.departure_timeout,
            max_participants=self.max_participants,
            creation_time=self.created_ms // 1000,
            creation_time_ms=self.created_ms,
            metadata=self.metadata,
            num_participants=len(visible),
            num_publishers=sum(
                any(p.announced for p in who.publishing.publications.values()) for who in visible
            ),
            enabled_codecs=[
                models.Codec(mime=mime)
                for mime in ("audio/opus", "audio/red", "video/VP8", "video/H264", "video/VP9", "video/AV1")
            ],
        )

    def publication(self, sid: str) -> Publication | None:
        """The announced track of this sid."""
        return self._publications.get(sid)

    def publications(self) -> Iterable[Publication]:
        """All announced tracks."""
        return self._publications.values()

    def by_identity(self, identity: str) -> Participant | None:
        """The participant of this identity."""
        return self.participants.get(identity)

    # -- coming ------------------------------------------------------------------

    def check_space(self, identity: str) -> None:
        """Raises ResourceExhaustedError when the room is full for this identity."""
        others = len(self.participants) - (identity in self.participants)
        if self.max_participants and others >= self.max_participants:
            raise ResourceExhaustedError("room exceeds max participants")

    def join(self, grants: Grants, params: ClientParams, session: SignalSession, now: float) -> Participant:
        """Let a participant in; an older one of the same identity leaves at once.

        Raises ResourceExhaustedError when the room is full.
        """
        self.check_space(grants.identity)
        older = self.participants.get(grants.identity)
        if older is not None:
            self.leave(older, models.DisconnectReason.DUPLICATE_IDENTITY, now)
        participant = Participant(self, grants, params, now)
        self._ever_joined = True
        self.participants[participant.identity] = participant
        participant.state = State.JOINED
        participant.attach(session)
        session.send(rtc.SignalResponse(join=self._join_response(participant)))
        participant.send_token(now)
        participant.changed(now)
        for publication in list(self._publications.values()):
            participant.subscribing.reconcile(publication, now)
        participant.subscribing.negotiate(now, force=True)
        return participant

    def _join_response(self, participant: Participant) -> rtc.JoinResponse:
        return rtc.JoinResponse(
            room=self.info(),
            participant=participant.info(),
            other_participants=[
                other.info()
                for other in self.participants.values()
                if other is not participant and not other.hidden
            ],
            server_version=self.server.version,
            server_info=self.server,
            subscriber_primary=True,
            ping_interval=self.settings.ping_interval,
            ping_timeout=self.settings.ping_timeout,
            enabled_publish_codecs=self.info().enabled_codecs,
            fast_publish=False,
        )

    def resume(self, participant: Participant, session: SignalSession, now: float) -> None:
        """The client is back on a new WebSocket; its media went on meanwhile.

        It is told of everybody who is here and of those who left since its old
        socket was last heard of: what was sent into that one may be lost.
        """
        missed_since = participant.last_frame_at
        participant.attach(session)
        session.send(rtc.SignalResponse(reconnect=rtc.ReconnectResponse(server_info=self.server)))
        everybody = [
            other.info() for other in self.participants.values() if other is participant or not other.hidden
        ]
        everybody += [info for at, info in self._departed if at >= missed_since]
        session.send(rtc.SignalResponse(update=rtc.ParticipantUpdate(participants=everybody)))
        session.send(rtc.SignalResponse(room_update=rtc.RoomUpdate(room=self.info())))
        participant.send_token(now)
        participant.told_speakers.clear()
        participant.media_lost_at = None
        for publication in list(self._publications.values()):
            participant.subscribing.reconcile(publication, now)
        participant.subscribing.subscriber.restart_ice()
        participant.subscribing.negotiate(now, force=True)

    def became_active(self, participant: Participant, now: float) -> None:
        """Its media is connected for the first time."""
        self.events.participant_joined(self.info(), participant.info())

    def requests_of(self, participant: Participant) -> Callable[[rtc.SignalRequest, float], None]:
        """Where a session delivers the requests of this participant."""

        def handle(request: rtc.SignalRequest, now: float) -> None:
            handle_request(self, participant, request, now)
            self.settle(now)

        return handle

    # -- going -------------------------------------------------------------------

    def leave(
        self,
        participant: Participant,
        reason: models.DisconnectReason,
        now: float,
        *,
        action: rtc.LeaveRequest.Action = Action.DISCONNECT,
        tell: bool = True,
    ) -> None:
        """Take a participant out: its tracks end, others are told, its session closes."""
        if participant.gone:
            return
        if tell:
            participant.send(
                rtc.SignalResponse(
                    leave=rtc.LeaveRequest(
                        reason=reason, action=action, can_reconnect=action != Action.DISCONNECT
                    )
                )
            )
        participant.state = State.DISCONNECTED
        participant.disconnect_reason = reason
        del self.participants[participant.identity]
        publications = list(participant.publishing.publications.values())
        info = participant.info()
        for publication in publications:
            participant.publishing.unpublish(publication, now, tell=False)
        for sid in list(participant.subscribing.subscriptions):
            participant.subscribing.drop(sid)
        self.media.close_peer(participant.subscribing.subscriber)
        if participant.publishing.publisher is not None:
            self.media.close_peer(participant.publishing.publisher)
        if participant.session is not None:
            participant.session.close(CLOSE_NORMAL, "left")
            participant.session = None
        participant.version += 1
        self.participant_changed(participant, now)
        if not participant.hidden:
            self._departed.append((now, participant.info()))
        self.speaking.left(participant)
        self.quality.left(participant)
        if participant.was_active:
            self.events.participant_left(self.info(), info)
        else:
            self.events.participant_aborted(self.info(), info)
        if not self.participants:
            self._empty_since = now

    def close(self, now: float, reason: models.DisconnectReason) -> None:
        """End the room: everybody leaves."""
        if self.ended:
            return
        self.ended = True
        for participant in list(self.participants.values()):
            self.leave(participant, reason, now)
        self.events.room_finished(self.info())

    # -- changes -----------------------------------------------------------------

    def participant_changed(self, participant: Participant, now: float) -> None:
        """Tell it with the next gathered update."""
        self._dirty[participant.sid] = participant
        if self._flush_at is None:
            large = len(self.participants) >= self.settings.large_room
            gather = self.settings.update_interval_large if large else self.settings.update_interval
            self._flush_at = max(now, self._flushed_at + gather)

    def track_announced(self, publication: Publication, now: float) -> None:
        """A track may be subscribed to, once the update that names it has gone out."""
        self._publications[publication.sid] = publication
        self.speaking.announced(publication)
        self._fresh.append(publication)
        owner = publication.publisher
        self.events.track_published(self.info(), owner.info(), publication.info)

    def track_ended(self, publication: Publication, now: float) -> None:
        """A track is gone: nobody receives it any more."""
        self._publications.pop(publication.sid, None)
        self.speaking.ended(publication)
        for participant in self.participants.values():
            if publication.sid in participant.subscribing.subscriptions:
                participant.subscribing.drop(publication.sid)
                participant.subscribing.negotiate(now)
            else:
                participant.subscribing.drop(publication.sid)
        self.events.track_unpublished(self.info(), publication.publisher.info(), publication.info)

    def permission_changed(self, publication: Publication, now: float) -> None:
        """Its publisher changed who may receive it."""
        for participant in list(self.participants.values()):
            if participant is publication.publisher:
                continue
            allowed = publication.publisher.publishing.lets_subscribe(participant, publication)
            key = publication.sid
            if participant.permission_told.get(key, True) != allowed:
                participant.permission_told[key] = allowed
                participant.send(
                    rtc.SignalResponse(
                        subscription_permission_update=rtc.SubscriptionPermissionUpdate(
                            participant_sid=publication.publisher.sid,
                            track_sid=publication.sid,
                            allowed=allowed,
                        )
                    )
                )
            participant.subscribing.reconcile(publication, now)
            participant.subscribing.negotiate(now)

    def rights_changed(self, participant: Participant, now: float) -> None:
        """An administrator changed what it may do; in force before this returns."""
        participant.publishing.enforce_sources(now)
        for publication in list(self._publications.values()):
            participant.subscribing.reconcile(publication, now)
        participant.changed(now)
        participant.send_token(now)
        participant.subscribing.negotiate(now)

    def set_metadata(self, metadata: str, now: float) -> None:
        """Room metadata; everybody is told."""
        self.metadata = metadata
        self._broadcast(SharedMessage(rtc.SignalResponse(room_update=rtc.RoomUpdate(room=self.info()))))

    def settle(self, now: float) -> None:
        """At the end of an action: tell at once what nothing asks to wait for."""
        if self._flush_at is not None and now >= self._flush_at:
            self.flush(now)

    def flush(self, now: float) -> None:
        """Send the gathered update, then let people subscribe to what it named."""
        self._flush_at = None
        self._flushed_at = now
        dirty, self._dirty = self._dirty, {}
        public = [p.info() for p in dirty.values() if not p.hidden]
        if public:
            self._broadcast(
                SharedMessage(rtc.SignalResponse(update=rtc.ParticipantUpdate(participants=public)))
            )
        for participant in dirty.values():
            if participant.hidden and not participant.gone:
                participant.send(
                    rtc.SignalResponse(update=rtc.ParticipantUpdate(participants=[participant.info()]))
                )
        fresh, self._fresh = self._fresh, []
        fresh = [publication for publication in fresh if publication.sid in self._publications]
        if fresh:
            for participant in list(self.participants.values()):
                for publication in fresh:
                    participant.subscribing.reconcile(publication, now)
                    if not publication.publisher.publishing.lets_subscribe(participant, publication):
                        self.permission_changed(publication, now)
                participant.subscribing.negotiate(now)

    def _broadcast(self, message: SharedMessage) -> None:
        for participant in self.participants.values():
            participant.send(message)

    # -- time --------------------------------------------------------------------

    def tick(self, now: float) -> None:
        """Do what is due; sets ``ended`` when the room has been empty for long enough."""
        for participant in list(self.participants.values()):
            participant.tick(now)
        self.settle(now)
        self.speaking.tick(now)
        self.quality.tick(now)
        if not self.participants:
            limit = self.departure_timeout if self._ever_joined else self.empty_timeout
            if now - self._empty_since >= limit:
                self.close(now, models.DisconnectReason.ROOM_CLOSED)
