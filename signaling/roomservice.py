"""LiveKit's RoomService: who may call what, with which arguments.

Grants and their errors are LiveKit's: a call without the grant is 401
``unauthenticated``, and *delete* asks for ``roomCreate``. Where LiveKit 1.9.11
answers 503 for a participant that does not exist (mute, subscriptions) or a
room that does not (data), since nobody in its cluster picks the message up,
this server says ``not_found``; where it answers 500 ``unknown`` for what only
its cloud can do, this one says ``unimplemented``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from google.protobuf.message import Message
from livekit.protocol import room as room_proto

from signaling import limits
from signaling.errors import FailedPreconditionError, InvalidArgumentError, UnauthenticatedError
from signaling.ports import RoomControl
from signaling.tokens import Grants, VideoGrant
from signaling.twirp import TwirpMethod, UnimplementedError

SERVICE: Final = "livekit.RoomService"
#: A nonce makes a repeated SendData harmless; it has the size of a UUID.
NONCE_BYTES: Final = 16


class RoomService:
    """The methods over a :class:`~signaling.ports.RoomControl`; :meth:`methods` is what Twirp serves."""

    def __init__(self, rooms: RoomControl, *, enable_remote_unmute: bool = False) -> None:
        """``enable_remote_unmute``: whether an administrator may open somebody's microphone or camera."""
        self._rooms = rooms
        self._enable_remote_unmute = enable_remote_unmute

    def methods(self) -> dict[str, TwirpMethod]:
        """Handlers by method name, for ``TwirpServer(keys, {SERVICE: service.methods()})``."""
        return {
            "CreateRoom": TwirpMethod(room_proto.CreateRoomRequest, self.create_room),
            "ListRooms": TwirpMethod(room_proto.ListRoomsRequest, self.list_rooms),
            "DeleteRoom": TwirpMethod(room_proto.DeleteRoomRequest, self.delete_room),
            "ListParticipants": TwirpMethod(room_proto.ListParticipantsRequest, self.list_participants),
            "GetParticipant": TwirpMethod(room_proto.RoomParticipantIdentity, self.get_participant),
            "RemoveParticipant": TwirpMethod(room_proto.RoomParticipantIdentity, self.remove_participant),
            "MutePublishedTrack": TwirpMethod(room_proto.MuteRoomTrackRequest, self.mute_track),
            "UpdateParticipant": TwirpMethod(room_proto.UpdateParticipantRequest, self.update_participant),
            "UpdateSubscriptions": TwirpMethod(
                room_proto.UpdateSubscriptionsRequest, self.update_subscriptions
            ),
            "SendData": TwirpMethod(room_proto.SendDataRequest, self.send_data),
            "UpdateRoomMetadata": TwirpMethod(
                room_proto.UpdateRoomMetadataRequest, self.update_room_metadata
            ),
            "ForwardParticipant": TwirpMethod(room_proto.ForwardParticipantRequest, _unimplemented),
            "MoveParticipant": TwirpMethod(room_proto.MoveParticipantRequest, _unimplemented),
            "PerformRpc": TwirpMethod(room_proto.PerformRpcRequest, _unimplemented),
        }

    def create_room(
        self, request: room_proto.CreateRoomRequest, grants: Grants | None, now: float
    ) -> Message:
        """Needs ``roomCreate``. A room that exists is returned as it is."""
        _require(grants, lambda video: video.room_create)
        limits.check_room_name(request.name)
        limits.check_metadata(request.metadata)
        if request.room_preset:
            raise InvalidArgumentError("unknown room configuration in create room request")
        return self._rooms.create_room(request, now)

    def list_rooms(self, request: room_proto.ListRoomsRequest, grants: Grants | None, now: float) -> Message:
        """Needs ``roomList``."""
        _require(grants, lambda video: video.room_list)
        return room_proto.ListRoomsResponse(rooms=self._rooms.list_rooms(list(request.names)))

    def delete_room(
        self, request: room_proto.DeleteRoomRequest, grants: Grants | None, now: float
    ) -> Message:
        """Needs ``roomCreate``: who may make rooms may end them."""
        _require(grants, lambda video: video.room_create)
        self._rooms.delete_room(request.room, now)
        return room_proto.DeleteRoomResponse()

    def list_participants(
        self, request: room_proto.ListParticipantsRequest, grants: Grants | None, now: float
    ) -> Message:
        """Needs ``roomAdmin`` of the room, as all that follow."""
        _require_admin(grants, request.room)
        participants = self._rooms.list_participants(request.room)
        return room_proto.ListParticipantsResponse(participants=participants)

    def get_participant(
        self, request: room_proto.RoomParticipantIdentity, grants: Grants | None, now: float
    ) -> Message:
        """One participant."""
        _require_admin(grants, request.room)
        return self._rooms.get_participant(request.room, request.identity)

    def remove_participant(
        self, request: room_proto.RoomParticipantIdentity, grants: Grants | None, now: float
    ) -> Message:
        """Put one out. Its token stays good: keep tokens short, or watch who comes back."""
        _require_admin(grants, request.room)
        self._rooms.remove_participant(request.room, request.identity, now)
        return room_proto.RemoveParticipantResponse()

    def mute_track(
        self, request: room_proto.MuteRoomTrackRequest, grants: Grants | None, now: float
    ) -> Message:
        """Mute, or unmute where that is enabled. A track that is not there gives an answer without track."""
        _require_admin(grants, request.room)
        if not request.muted and not self._enable_remote_unmute:
            self._rooms.get_participant(request.room, request.identity)
            raise FailedPreconditionError("remote unmute not enabled")
        track = self._rooms.mute_track(request.room, request.identity, request.track_sid, request.muted, now)
        return room_proto.MuteRoomTrackResponse(track=track)

    def update_participant(
        self, request: room_proto.UpdateParticipantRequest, grants: Grants | None, now: float
    ) -> Message:
        """Name, metadata, attributes and permission of one participant."""
        _require_admin(grants, request.room)
        limits.check_name(request.name)
        limits.check_metadata(request.metadata)
        limits.check_attributes(request.attributes)
        return self._rooms.update_participant(request, now)

    def update_subscriptions(
        self, request: room_proto.UpdateSubscriptionsRequest, grants: Grants | None, now: float
    ) -> Message:
        """Subscribe somebody to tracks, or unsubscribe."""
        _require_admin(grants, request.room)
        sids = [
            *request.track_sids,
            *(sid for group in request.participant_tracks for sid in group.track_sids),
        ]
        unique = list(dict.fromkeys(sids))
        self._rooms.update_subscriptions(request.room, request.identity, unique, request.subscribe, now)
        return room_proto.UpdateSubscriptionsResponse()

    def send_data(self, request: room_proto.SendDataRequest, grants: Grants | None, now: float) -> Message:
        """A data packet from the server to all or some."""
        _require_admin(grants, request.room)
        if len(request.nonce) not in (0, NONCE_BYTES):
            raise InvalidArgumentError(
                f"nonce should be {NONCE_BYTES}-bytes or not present, got: {len(request.nonce)} bytes"
            )
        self._rooms.send_data(request, now)
        return room_proto.SendDataResponse()

    def update_room_metadata(
        self, request: room_proto.UpdateRoomMetadataRequest, grants: Grants | None, now: float
    ) -> Message:
        """The room's metadata; empty clears it."""
        _require_admin(grants, request.room)
        limits.check_metadata(request.metadata)
        return self._rooms.update_room_metadata(request.room, request.metadata, now)


def _require(grants: Grants | None, allowed: Callable[[VideoGrant], bool]) -> None:
    if grants is None or grants.video is None or not allowed(grants.video):
        raise UnauthenticatedError("permissions denied")


def _require_admin(grants: Grants | None, room: str) -> None:
    _require(grants, lambda video: video.room_admin and video.room == room)


def _unimplemented(request: Any, grants: Grants | None, now: float) -> Message:
    _require_admin(grants, request.room)
    raise UnimplementedError("not implemented")
