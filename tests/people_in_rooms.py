"""A media server in memory, for tests of meetings: rooms, identities with their permissions, and failures."""

from __future__ import annotations

from collections.abc import Sequence

from livekit.protocol import models

from scheduler import rights
from signaling.errors import NotFoundError, UnavailableError


class PeopleInRooms:
    """A media server in memory: identities with their permissions."""

    def __init__(self) -> None:
        self.people: dict[str, models.ParticipantPermission] = {}
        self.calls = 0
        self.down = False

    def join(self, member: str) -> None:
        self.people[rights.identity(member)] = models.ParticipantPermission()

    def sources(self, member: str) -> int:
        return len(self.people[rights.identity(member)].can_publish_sources)

    async def participants(self, name: str) -> list[models.ParticipantInfo]:
        if self.down:
            raise UnavailableError("down")
        return [
            models.ParticipantInfo(identity=identity, permission=permission)
            for identity, permission in self.people.items()
        ]

    async def remove(self, name: str, identity: str) -> None:
        if self.people.pop(identity, None) is None:
            raise NotFoundError("gone")

    async def permit(
        self, name: str, identity: str, permission: models.ParticipantPermission
    ) -> models.ParticipantInfo:
        if identity not in self.people:
            raise NotFoundError("gone")
        self.calls += 1
        self.people[identity] = permission
        return models.ParticipantInfo()

    async def rooms(self, names: Sequence[str] = ()) -> list[models.Room]:
        return []

    async def create_room(
        self, name: str, *, empty_timeout: int = 0, departure_timeout: int = 0, metadata: str = ""
    ) -> models.Room:
        return models.Room(name=name)

    async def delete_room(self, name: str) -> None: ...

    async def mute(self, name: str, identity: str, track_sid: str, muted: bool = True) -> None: ...
