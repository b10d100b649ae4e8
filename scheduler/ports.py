"""What the scheduler needs of others, as protocols; ``web/assembly.py`` wires the real ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from livekit.protocol import models


class Rooms(Protocol):
    """Rooms on the media server: ``signaling.client.room_service.RoomService`` is one.

    Every call may raise a SignalingError; all may be repeated without harm.
    """

    async def create_room(
        self, name: str, *, empty_timeout: int = 0, departure_timeout: int = 0, metadata: str = ""
    ) -> models.Room:
        """A room, made if it is not there."""

    async def delete_room(self, name: str) -> None:
        """Put everybody out and end the room."""

    async def rooms(self, names: Sequence[str] = ()) -> list[models.Room]:
        """The rooms of these names that are there; all without names."""

    async def participants(self, name: str) -> list[models.ParticipantInfo]:
        """Who is in a room."""

    async def remove(self, name: str, identity: str) -> None:
        """Put a participant out."""

    async def permit(
        self, name: str, identity: str, permission: models.ParticipantPermission
    ) -> models.ParticipantInfo:
        """Change what a participant may do."""

    async def mute(self, name: str, identity: str, track_sid: str, muted: bool = True) -> None:
        """Mute a track of a participant."""
