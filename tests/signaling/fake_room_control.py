"""A RoomControl of a few lines: rooms are dictionaries, calls are written down."""

from collections.abc import Sequence

from livekit.protocol import models
from livekit.protocol import room as room_proto

from signaling.errors import NotFoundError


class FakeRoomControl:
    """One room ``r1`` with participant ``a``, who publishes track ``TR_a``."""

    def __init__(self) -> None:
        self.calls: list[object] = []
        track = models.TrackInfo(sid="TR_a", name="mic", source=models.TrackSource.MICROPHONE)
        self.rooms = {"r1": models.Room(sid="RM_1", name="r1", empty_timeout=300)}
        self.people = {("r1", "a"): models.ParticipantInfo(sid="PA_a", identity="a", tracks=[track])}

    def _room(self, name: str) -> models.Room:
        if name not in self.rooms:
            raise NotFoundError("requested room does not exist")
        return self.rooms[name]

    def create_room(self, request: room_proto.CreateRoomRequest, now: float) -> models.Room:
        if request.name == "boom":
            raise RuntimeError("a secret of the inside")
        made = models.Room(sid="RM_2", name=request.name, max_participants=request.max_participants)
        return self.rooms.setdefault(request.name, made)

    def list_rooms(self, names: Sequence[str]) -> list[models.Room]:
        return [room for room in self.rooms.values() if not names or room.name in names]

    def delete_room(self, name: str, now: float) -> None:
        self._room(name)
        del self.rooms[name]

    def list_participants(self, room: str) -> list[models.ParticipantInfo]:
        return [info for (name, _), info in self.people.items() if name == room]

    def get_participant(self, room: str, identity: str) -> models.ParticipantInfo:
        if (room, identity) not in self.people:
            raise NotFoundError("participant does not exist")
        return self.people[room, identity]

    def remove_participant(self, room: str, identity: str, now: float) -> None:
        self.get_participant(room, identity)
        del self.people[room, identity]

    def mute_track(
        self, room: str, identity: str, track_sid: str, muted: bool, now: float
    ) -> models.TrackInfo | None:
        for track in self.get_participant(room, identity).tracks:
            if track.sid == track_sid:
                track.muted = muted
                return track
        return None

    def update_participant(
        self, request: room_proto.UpdateParticipantRequest, now: float
    ) -> models.ParticipantInfo:
        info = self.get_participant(request.room, request.identity)
        info.metadata = request.metadata or info.metadata
        info.attributes.update(request.attributes)
        return info

    def update_subscriptions(
        self, room: str, identity: str, track_sids: Sequence[str], subscribe: bool, now: float
    ) -> None:
        self.get_participant(room, identity)
        self.calls.append((list(track_sids), subscribe))

    def send_data(self, request: room_proto.SendDataRequest, now: float) -> None:
        self._room(request.room)
        self.calls.append((request.data, request.topic, list(request.destination_identities)))

    def update_room_metadata(self, room: str, metadata: str, now: float) -> models.Room:
        self._room(room).metadata = metadata
        return self._room(room)
