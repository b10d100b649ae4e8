"""A client of RoomService: Twirp (protobuf over HTTP) with tokens of its own making.

Works with any LiveKit-compatible server. Rooms, participants and their rights
are changed here and nowhere else, so that the callers work on a cluster too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import MappingProxyType
from typing import Final, TypeVar

import httpx
from google.protobuf.message import DecodeError, Message
from livekit.protocol import models
from livekit.protocol import room as room_proto

from signaling import tokens
from signaling.errors import (
    FailedPreconditionError,
    InvalidArgumentError,
    NotFoundError,
    PermissionDeniedError,
    ResourceExhaustedError,
    SignalingError,
    UnauthenticatedError,
    UnavailableError,
)
from signaling.grants import Grants, VideoGrant

TIMEOUT: Final = 10.0
"""Seconds for one call, from connecting to the last byte."""
TOKEN_TTL: Final = 60.0

_ERRORS: Final = MappingProxyType(
    {
        kind.code: kind
        for kind in (
            FailedPreconditionError,
            InvalidArgumentError,
            NotFoundError,
            PermissionDeniedError,
            ResourceExhaustedError,
            UnauthenticatedError,
            UnavailableError,
        )
    }
)
_Answer = TypeVar("_Answer", bound=Message)


class RoomService:
    """Calls to one server. ``wall`` gives Unix time, for the tokens. ``close`` at the end.

    Every call raises a SignalingError: the one of the server's code, or UnavailableError when it cannot be
    reached or answers no protobuf.
    """

    def __init__(
        self,
        url: str,
        key: str,
        secret: str,
        wall: Callable[[], float],
        client: httpx.AsyncClient | None = None,
    ) -> None:
        self._url = url.replace("ws", "http", 1).rstrip("/") if url.startswith("ws") else url.rstrip("/")
        self._key = key
        self._secret = secret
        self._wall = wall
        self._client = client or httpx.AsyncClient(trust_env=False, follow_redirects=False, timeout=TIMEOUT)

    async def create_room(
        self, name: str, *, empty_timeout: int = 0, departure_timeout: int = 0, metadata: str = ""
    ) -> models.Room:
        """A room, made if it is not there. Timeouts in whole seconds; 0 is the server's own."""
        request = room_proto.CreateRoomRequest(
            name=name, empty_timeout=empty_timeout, departure_timeout=departure_timeout, metadata=metadata
        )
        return await self._call("CreateRoom", request, models.Room, VideoGrant(room_create=True))

    async def delete_room(self, name: str) -> None:
        """Put everybody out and end the room. One that is not there is no error."""
        request = room_proto.DeleteRoomRequest(room=name)
        grant = VideoGrant(room_create=True)
        try:
            await self._call("DeleteRoom", request, room_proto.DeleteRoomResponse, grant)
        except NotFoundError:
            return

    async def rooms(self, names: Sequence[str] = ()) -> list[models.Room]:
        """The rooms of these names that are there; all without names."""
        request = room_proto.ListRoomsRequest(names=names)
        grant = VideoGrant(room_list=True)
        return list((await self._call("ListRooms", request, room_proto.ListRoomsResponse, grant)).rooms)

    async def participants(self, name: str) -> list[models.ParticipantInfo]:
        """Who is in a room; nobody where there is no room."""
        request = room_proto.ListParticipantsRequest(room=name)
        answer = room_proto.ListParticipantsResponse
        try:
            return list((await self._call("ListParticipants", request, answer, _admin(name))).participants)
        except NotFoundError:
            return []

    async def remove(self, name: str, identity: str) -> None:
        """Put a participant out. NotFoundError if it is not in the room."""
        request = room_proto.RoomParticipantIdentity(room=name, identity=identity)
        answer = room_proto.RemoveParticipantResponse
        await self._call("RemoveParticipant", request, answer, _admin(name))

    async def permit(
        self, name: str, identity: str, permission: models.ParticipantPermission
    ) -> models.ParticipantInfo:
        """Change what a participant may do, from now on. NotFoundError if it is not in the room."""
        request = room_proto.UpdateParticipantRequest(room=name, identity=identity, permission=permission)
        return await self._call("UpdateParticipant", request, models.ParticipantInfo, _admin(name))

    async def mute(self, name: str, identity: str, track_sid: str, muted: bool = True) -> None:
        """Mute a track of a participant, or unmute it where the server allows that."""
        request = room_proto.MuteRoomTrackRequest(
            room=name, identity=identity, track_sid=track_sid, muted=muted
        )
        answer = room_proto.MuteRoomTrackResponse
        await self._call("MutePublishedTrack", request, answer, _admin(name))

    async def close(self) -> None:
        """End the connections."""
        await self._client.aclose()

    async def _call(self, method: str, request: Message, answer: type[_Answer], grant: VideoGrant) -> _Answer:
        now = self._wall()
        token = tokens.issue(self._key, self._secret, Grants(video=grant), exp=now + TOKEN_TTL, now=now)
        try:
            response = await self._client.post(
                f"{self._url}/twirp/livekit.RoomService/{method}",
                content=request.SerializeToString(),
                headers={"Content-Type": "application/protobuf", "Authorization": f"Bearer {token}"},
            )
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            raise UnavailableError(f"{method}: the media server cannot be reached") from error
        if response.status_code != 200:
            raise _refusal(method, response)
        try:
            return answer.FromString(response.content)
        except DecodeError:
            raise UnavailableError(f"{method}: the media server's answer is no protobuf") from None


def _admin(room: str) -> VideoGrant:
    return VideoGrant(room_admin=True, room=room)


def _refusal(method: str, response: httpx.Response) -> SignalingError:
    """The error that a Twirp answer means (its body is JSON with ``code`` and ``msg``)."""
    try:
        said = response.json()
        code, text = str(said["code"]), str(said.get("msg", ""))[:200]
    except (ValueError, KeyError, TypeError):
        # A token is looked at before Twirp is spoken.
        kind = UnauthenticatedError if response.status_code == 401 else UnavailableError
        return kind(f"{method}: status {response.status_code}")
    return _ERRORS.get(code, UnavailableError)(f"{method}: {text}")
