"""A room: who is in it, what each of them is told, and when it ends.

Sans-I/O: every method takes ``now``; ``tick`` does what is due by time. What
leaves the room goes to the participants' sessions and to ``RoomEvents``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol

from livekit.protocol import models, rtc
from livekit.protocol import room as room_proto

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
from signaling.updates import Updates
from signaling.wire import SharedMessage

VERSION_NAME = "diemcau"
PROTOCOL = 17
"""LiveKit's protocol number that we speak; higher ones of clients are welcome."""

COMPATIBLE_VERSION = "1.9.11"
"""The LiveKit release that ours is tested against; clients ask features of it (RPC: 1.8 or newer)."""

CODECS = ("audio/opus", "audio/red", "video/VP8", "video/H264", "video/VP9", "video/AV1")
"""What may be published here."""

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
        request: room_proto.CreateRoomRequest | None = None,
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
        wanted = request if request is not None else room_proto.CreateRoomRequest()
        self.metadata = wanted.metadata
        self.empty_timeout = wanted.empty_timeout or settings.empty_timeout
        self.departure_timeout = wanted.departure_timeout or settings.departure_timeout
        self.max_participants = wanted.max_participants or settings.max_participants
        self.created_ms = int(wall() * 1000)
        self.participants: dict[str, Participant] = {}
        self.speaking = SpeakerBoard(self)
        self.data = DataRouter(self)
        self.quality = QualityBoard(self)
        self.ended = False
        self._publications: dict[str, Publication] = {}
        self.updates = Updates(self)
        self._info: models.Room | None = None
        self._empty_since = monotonic()
        self._ever_joined = False
        events.room_started(self.info())

    # -- description -------------------------------------------------------------

    def info(self) -> models.Room:
        """What clients and RoomService see of it. Kept until something changes: not to be written to."""
        if self._info is None:
            self._info = self._describe()
        return self._info

    def _describe(self) -> models.Room:
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
            num_publishers=sum(who.publishes for who in visible),
            enabled_codecs=[models.Codec(mime=mime) for mime in CODECS],
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
        self._info = None
        try:
            self._welcome(participant, session, now)
        except Exception:
            # Nobody stays in a room whom nobody can reach.
            self.leave(participant, models.DisconnectReason.JOIN_FAILURE, now)
            raise
        return participant

    def _welcome(self, participant: Participant, session: SignalSession, now: float) -> None:
        participant.state = State.JOINED
        participant.attach(session)
        session.send(rtc.SignalResponse(join=self._join_response(participant)))
        participant.send_token(now)
        participant.changed(now)
        for publication in list(self._publications.values()):
            participant.subscribing.permit(publication, now)
        participant.subscribing.negotiate(now, force=True)

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

    def resume(self, participant: Participant, session: SignalSession, now: float) -> bool:
        """The client is back on a new WebSocket; its media went on meanwhile.

        What was sent since its old socket was last heard of may be lost, so it
        is said again: who is here and who left, and what came to it alone.
        False when its media is over: it has been told to join anew, and has left.
        """
        missed_since = participant.last_frame_at
        participant.attach(session)
        if participant.media_over:
            participant.rejoin(now)
            return False
        session.send(rtc.SignalResponse(reconnect=rtc.ReconnectResponse(server_info=self.server)))
        everybody = self.updates.departed(missed_since, participant) + [
            other.info() for other in self.participants.values() if other is participant or not other.hidden
        ]
        session.send(rtc.SignalResponse(update=rtc.ParticipantUpdate(participants=everybody)))
        session.send(rtc.SignalResponse(room_update=rtc.RoomUpdate(room=self.info())))
        participant.send_token(now)
        participant.media_lost_at = None
        self.speaking.resumed(participant)
        participant.publishing.resumed()
        participant.subscribing.resumed()
        for publication in list(self._publications.values()):
            participant.subscribing.permit(publication, now)
        participant.subscribing.subscriber.restart_ice()
        participant.subscribing.negotiate(now, force=True)
        return True

    def became_active(self, participant: Participant, now: float) -> None:
        """Its media is connected for the first time."""
        self.events.participant_joined(self.info(), participant.info())
        for publication in participant.publishing.publications.values():
            if publication.announced:
                self._tell_published(publication)

    def _tell_published(self, publication: Publication) -> None:
        """An event for the outside, in its right order: a track belongs to one who has joined."""
        owner = publication.publisher
        if owner.was_active and not publication.event_sent:
            publication.event_sent = True
            self.events.track_published(self.info(), owner.info(), publication.info)

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
        participant.changed(now)
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
        self.quality.left(participant)
        if participant.was_active:
            self.events.participant_left(self.info(), info)
        else:
            self.events.participant_aborted(self.info(), info)
        if not self.participants:
            self._empty_since = now

    def close(
        self,
        now: float,
        reason: models.DisconnectReason,
        *,
        action: rtc.LeaveRequest.Action = Action.DISCONNECT,
    ) -> None:
        """End the room: everybody leaves."""
        if self.ended:
            return
        self.ended = True
        for participant in list(self.participants.values()):
            self.leave(participant, reason, now, action=action)
        self.events.room_finished(self.info())

    # -- changes -----------------------------------------------------------------

    def participant_changed(self, participant: Participant, now: float) -> None:
        """Tell it with the next gathered update."""
        self._info = None
        self.updates.participant(participant, now)

    def track_announced(self, publication: Publication, now: float) -> None:
        """A track may be subscribed to, once the update that names it has gone out."""
        self._info = None
        self._publications[publication.sid] = publication
        self.speaking.announced(publication)
        self.updates.track(publication, now)
        self._tell_published(publication)

    def track_ended(self, publication: Publication, now: float) -> None:
        """A track is gone: nobody receives it any more."""
        self._info = None
        self._publications.pop(publication.sid, None)
        self.speaking.ended(publication)
        # In a room that ends, everybody's subscriptions end with them.
        for participant in () if self.ended else self.participants.values():
            if participant.subscribing.drop(publication.sid):
                self.updates.offer(participant, now)
        if publication.event_sent:
            self.events.track_unpublished(self.info(), publication.publisher.info(), publication.info)

    def permission_changed(self, publication: Publication, now: float) -> None:
        """Its publisher changed who may receive it; in force at once."""
        for participant in list(self.participants.values()):
            participant.subscribing.permit(publication, now)
            self.updates.offer(participant, now)

    def rights_changed(self, participant: Participant, now: float) -> None:
        """An administrator changed what it may do; in force before this returns."""
        participant.publishing.enforce_sources(now)
        for publication in list(self._publications.values()):
            participant.subscribing.reconcile(publication, now)
        participant.changed(now)
        if participant.hidden == participant.shown:
            # It comes into sight, or goes out of it, with all its tracks.
            for publication in participant.publishing.publications.values():
                if publication.announced:
                    self.updates.track(publication, now)
        participant.send_token(now)
        self.updates.offer(participant, now)

    def set_metadata(self, metadata: str, now: float) -> None:
        """Room metadata; everybody is told."""
        self.metadata = metadata
        self._info = None
        self.broadcast(rtc.SignalResponse(room_update=rtc.RoomUpdate(room=self.info())))

    def broadcast(self, message: rtc.SignalResponse) -> None:
        """To everybody, serialised once."""
        shared = SharedMessage(message)
        for participant in list(self.participants.values()):
            participant.send(shared)

    def settle(self, now: float) -> None:
        """At the end of an action: tell at once what nothing asks to wait for."""
        self.updates.settle(now)

    # -- time --------------------------------------------------------------------

    def tick(self, now: float) -> None:
        """Do what is due; sets ``ended`` when the room has been empty for long enough."""
        for participant in list(self.participants.values()):
            participant.tick(now)
        self.updates.tick(now)
        self.speaking.tick(now)
        self.quality.tick(now)
        if not self.participants:
            limit = self.departure_timeout if self._ever_joined else self.empty_timeout
            if now - self._empty_since >= limit:
                self.close(now, models.DisconnectReason.ROOM_CLOSED)
