"""How long names, metadata and attributes may be: LiveKit's defaults, in bytes of UTF-8.

One place for all the doors that such text comes through: the token, the
client's own updates and RoomService. The checks raise
:class:`~signaling.errors.InvalidArgumentError` with LiveKit's words.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from signaling.errors import InvalidArgumentError

MAX_ROOM_NAME: Final = 256
MAX_IDENTITY: Final = 256
MAX_NAME: Final = 256
MAX_METADATA: Final = 64_000
#: Keys and values of one participant together.
MAX_ATTRIBUTES: Final = 64_000


def check_room_name(name: str) -> None:
    """Refuse a room name that is empty (LiveKit makes such a room, but nobody can join it) or too long."""
    if not name:
        raise InvalidArgumentError("no room name")
    if len(name.encode()) > MAX_ROOM_NAME:
        raise InvalidArgumentError(f"room name length exceeds limits: max length {MAX_ROOM_NAME}")


def check_identity(identity: str) -> None:
    """Refuse an identity that is empty or too long."""
    if not identity:
        raise InvalidArgumentError("identity cannot be empty")
    if len(identity.encode()) > MAX_IDENTITY:
        raise InvalidArgumentError(f"participant identity length exceeds limits: max length {MAX_IDENTITY}")


def check_name(name: str) -> None:
    """Refuse a display name that is too long."""
    if len(name.encode()) > MAX_NAME:
        raise InvalidArgumentError(f"name length exceeds limits {MAX_NAME}")


def check_metadata(metadata: str) -> None:
    """Refuse metadata, of a room or a participant, that is too long."""
    if len(metadata.encode()) > MAX_METADATA:
        raise InvalidArgumentError(f"metadata size exceeds limits {MAX_METADATA}")


def check_attributes(attributes: Mapping[str, str]) -> None:
    """Refuse attributes that are too long together.

    To be asked of what a client sends and of what comes out when it is merged:
    LiveKit asks only the first, so there a participant can grow without end.
    """
    size = sum(len(key.encode()) + len(value.encode()) for key, value in attributes.items())
    if size > MAX_ATTRIBUTES:
        raise InvalidArgumentError(f"attribute size exceeds limits {MAX_ATTRIBUTES}")
