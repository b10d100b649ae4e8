"""What the API of this part needs from the rooms, as protocols.

The functions are synchronous and act at once: what they return is already
true, and the clients' messages about it are under way. ``now`` is monotonic
time in seconds. Arguments have been checked for size by the caller; whether
rooms, participants and tracks exist is for the implementation to say.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from livekit.protocol import models
from livekit.protocol import room as room_proto


class RoomControl(Protocol):
    """Rooms as an administrator sees them. Hidden participants are included."""

    def create_room(self, request: room_proto.CreateRoomRequest, now: float) -> models.Room:
        """The room ``request.name``, made if it is not there; one that is there stays as it is."""
        ...

    def list_rooms(self, names: Sequence[str]) -> list[models.Room]:
        """All rooms, or those of ``names`` that exist when it is not empty."""
        ...

    def delete_room(self, name: str, now: float) -> None:
        """Put everybody out (reason ROOM_DELETED) and end the room. Raises ``NotFoundError``."""
        ...

    def list_participants(self, room: str) -> list[models.ParticipantInfo]:
        """Everybody in the room; empty for a room that does not exist."""
        ...

    def get_participant(self, room: str, identity: str) -> models.ParticipantInfo:
        """Raises ``NotFoundError`` for a room or participant that does not exist."""
        ...

    def remove_participant(self, room: str, identity: str, now: float) -> None:
        """Put one out (reason PARTICIPANT_REMOVED). Raises ``NotFoundError``."""
        ...

    def mute_track(
        self, room: str, identity: str, track_sid: str, muted: bool, now: float
    ) -> models.TrackInfo | None:
        """The track after the change; ``None`` if this participant publishes no such track.

        Raises ``NotFoundError`` for the room or participant.
        """
        ...

    def update_participant(
        self, request: room_proto.UpdateParticipantRequest, now: float
    ) -> models.ParticipantInfo:
        """Change what is set: a name or metadata that is not empty, attributes (merged; an empty value
        deletes its key), permission when ``request.HasField("permission")``.

        Raises ``NotFoundError``, and ``InvalidArgumentError`` when the merged
        attributes are too long.
        """
        ...

    def update_subscriptions(
        self, room: str, identity: str, track_sids: Sequence[str], subscribe: bool, now: float
    ) -> None:
        """Tracks that do not exist are passed over. Raises ``NotFoundError`` for room or participant."""
        ...

    def send_data(self, request: room_proto.SendDataRequest, now: float) -> None:
        """Deliver to all, or to ``destination_identities`` and ``destination_sids`` as far as present.

        Raises ``NotFoundError`` for the room.
        """
        ...

    def update_room_metadata(self, room: str, metadata: str, now: float) -> models.Room:
        """Raises ``NotFoundError``."""
        ...
