"""All rooms of one process: joining, resuming, and the administrator's side of them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

from livekit.protocol import models, rtc
from livekit.protocol import room as room_proto

from media.transport import LOSSY, RELIABLE
from signaling.errors import NotFoundError
from signaling.grants import Grants
from signaling.limits import check_attributes
from signaling.media_port import MediaPort
from signaling.participant import ClientParams, Participant
from signaling.requests import apply_update
from signaling.room import Room, RoomEvents
from signaling.session import SignalSession
from signaling.settings import SignalSettings
from signaling.tokens import KeyRing, require_join

logger = logging.getLogger(__name__)


class RoomRegistry:
    """Rooms by name. Implements ``signaling.ports.RoomControl``.

    Sans-I/O like the rooms; ``tick`` is to be called about every 50 ms.
    """

    def __init__(
        self,
        settings: SignalSettings,
        media: MediaPort,
        keys: KeyRing,
        events: RoomEvents,
        *,
        monotonic: Callable[[], float],
        wall: Callable[[], float],
        version: str,
    ) -> None:
        self.settings = settings
        self.media = media
        self.keys = keys
        self.rooms: dict[str, Room] = {}
        self._events = events
        self._monotonic = monotonic
        self._wall = wall
        self._version = version

    # -- sessions ----------------------------------------------------------------

    def admit(self, grants: Grants) -> Room:
        """The room that a token leads to, made if need be.

        Raises NotFoundError where rooms are not made by joining, and what
        ``require_join`` raises for a token that leads nowhere.
        """
        self.check_room(grants)
        name = require_join(grants).room
        return self.rooms.get(name) or self._create(name)

    def check_room(self, grants: Grants) -> None:
        """Raises NotFoundError if a join with these grants would find no room and make none."""
        video = require_join(grants)
        if video.room not in self.rooms and not self._may_make(video.room) and not video.room_create:
            raise NotFoundError("requested room does not exist")

    def _may_make(self, name: str) -> bool:
        """Whether a join makes a room of this name."""
        reserved = self.settings.reserved_prefix
        return self.settings.auto_create and not (reserved and name.startswith(reserved))

    def connect(
        self, grants: Grants, params: ClientParams, session: SignalSession, now: float
    ) -> Participant | None:
        """Join or resume; None when the client was told to join anew instead of resuming.

        Raises SignalingError as ``admit`` and ``Room.join``.
        """
        if params.reconnect:
            video = require_join(grants)
            room = self.rooms.get(video.room)
            participant = room.by_identity(grants.identity) if room is not None else None
            if room is None or participant is None or participant.sid != params.participant_sid:
                session.send(
                    rtc.SignalResponse(
                        leave=rtc.LeaveRequest(
                            reason=models.DisconnectReason.STATE_MISMATCH,
                            action=rtc.LeaveRequest.Action.RECONNECT,
                            can_reconnect=True,
                        )
                    )
                )
                session.close(reason="nothing to resume")
                return None
            return participant if room.resume(participant, session, now) else None
        return self.admit(grants).join(grants, params, session, now)

    def tick(self, now: float) -> None:
        """Let every room do what is due; forget those that have ended."""
        activity = self.media.audio_activity(self.settings.audio_threshold) if self._hear(now) else {}
        by_track = {}
        if activity:
            for room in self.rooms.values():
                for publication in room.publications():
                    if publication.track is not None:
                        by_track[publication.track] = (room, publication)
        for track, sound in activity.items():
            found = by_track.get(track)
            if found is not None:
                found[0].speaking.observe(found[1], sound.observed, sound.active, sound.loudest, now)
        for room in list(self.rooms.values()):
            try:
                room.tick(now)
            except Exception:
                logger.exception("a room's tick failed: %s", room.sid)
            if room.ended:
                self.rooms.pop(room.name, None)

    _hear_due = 0.0

    def _hear(self, now: float) -> bool:
        if now < self._hear_due:
            return False
        self._hear_due = now + self.settings.speaker_interval / 2
        return True

    def close(self, now: float) -> None:
        """The server stops: clients are told to come back."""
        for room in list(self.rooms.values()):
            room.close(now, models.DisconnectReason.SERVER_SHUTDOWN, action=rtc.LeaveRequest.Action.RECONNECT)
        self.rooms.clear()

    def _create(self, name: str, request: room_proto.CreateRoomRequest | None = None) -> Room:
        room = Room(
            name,
            self.settings,
            self.media,
            self.keys,
            self._events,
            monotonic=self._monotonic,
            wall=self._wall,
            version=self._version,
            request=request,
        )
        self.rooms[name] = room
        return room

    # -- RoomControl -------------------------------------------------------------

    def create_room(self, request: room_proto.CreateRoomRequest, now: float) -> models.Room:
        """See ``RoomControl``."""
        room = self.rooms.get(request.name)
        if room is None:
            room = self._create(request.name, request)
        return room.info()

    def list_rooms(self, names: Sequence[str]) -> list[models.Room]:
        """See ``RoomControl``."""
        wanted = set(names)
        return [room.info() for room in self.rooms.values() if not wanted or room.name in wanted]

    def delete_room(self, name: str, now: float) -> None:
        """See ``RoomControl``."""
        room = self._room(name)
        room.close(now, models.DisconnectReason.ROOM_DELETED)
        self.rooms.pop(name, None)

    def list_participants(self, room: str) -> list[models.ParticipantInfo]:
        """See ``RoomControl``."""
        found = self.rooms.get(room)
        return [] if found is None else [participant.info() for participant in found.participants.values()]

    def get_participant(self, room: str, identity: str) -> models.ParticipantInfo:
        """See ``RoomControl``."""
        return self._participant(room, identity).info()

    def remove_participant(self, room: str, identity: str, now: float) -> None:
        """See ``RoomControl``."""
        participant = self._participant(room, identity)
        participant.room.leave(participant, models.DisconnectReason.PARTICIPANT_REMOVED, now)
        participant.room.settle(now)

    def mute_track(
        self, room: str, identity: str, track_sid: str, muted: bool, now: float
    ) -> models.TrackInfo | None:
        """See ``RoomControl``."""
        participant = self._participant(room, identity)
        if not participant.publishing.mute(track_sid, muted, now, by_server=True):
            return None
        participant.room.settle(now)
        return participant.publishing.publications[track_sid].info

    def update_participant(
        self, request: room_proto.UpdateParticipantRequest, now: float
    ) -> models.ParticipantInfo:
        """See ``RoomControl``."""
        participant = self._participant(request.room, request.identity)
        merged = {**participant.attributes, **request.attributes}
        check_attributes({key: value for key, value in merged.items() if value})
        apply_update(participant, request.name, request.metadata, request.attributes)
        if request.HasField("permission"):
            participant.video = participant.video.with_permission(request.permission)
            participant.room.rights_changed(participant, now)
        else:
            participant.changed(now)
            participant.send_token(now)
        participant.room.settle(now)
        return participant.info()

    def update_subscriptions(
        self, room: str, identity: str, track_sids: Sequence[str], subscribe: bool, now: float
    ) -> None:
        """See ``RoomControl``."""
        participant = self._participant(room, identity)
        participant.subscribing.wish(list(track_sids), subscribe, now, tell_missing=False)

    def send_data(self, request: room_proto.SendDataRequest, now: float) -> None:
        """See ``RoomControl``."""
        room = self._room(request.room)
        packet = models.DataPacket(
            kind=request.kind,
            destination_identities=request.destination_identities,
            user=models.UserPacket(
                payload=request.data,
                destination_sids=request.destination_sids,
                destination_identities=request.destination_identities,
                nonce=request.nonce,
            ),
        )
        if request.HasField("topic"):
            packet.user.topic = request.topic
        label = LOSSY if request.kind == models.DataPacket.Kind.LOSSY else RELIABLE
        room.data.deliver(packet, label, request.destination_sids, request.destination_identities)

    def update_room_metadata(self, room: str, metadata: str, now: float) -> models.Room:
        """See ``RoomControl``."""
        found = self._room(room)
        found.set_metadata(metadata, now)
        return found.info()

    def _room(self, name: str) -> Room:
        room = self.rooms.get(name)
        if room is None:
            raise NotFoundError("requested room does not exist")
        return room

    def _participant(self, room: str, identity: str) -> Participant:
        participant = self._room(room).by_identity(identity)
        if participant is None:
            raise NotFoundError("participant does not exist")
        return participant
