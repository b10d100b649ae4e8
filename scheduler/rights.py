"""What a member of a meeting may send, by the floor; and how members and participants are named. Pure.

Rights are LiveKit's ``can_publish_sources``, so they hold on any engine and
whatever a browser does: a site shows its picture always, and is heard and may
share its screen only while the floor lets it. Nobody renames itself, and
nothing of a meeting travels as data of the media server.
"""

from __future__ import annotations

from typing import Final

from livekit.protocol import models

from scheduler.floor_state import Role, State
from signaling.grants import Grants, VideoGrant

DEVICE: Final = "main"
MOST_NAME: Final = 200

_CAMERA: Final = models.TrackSource.CAMERA
_SPEAKING: Final = (
    models.TrackSource.CAMERA,
    models.TrackSource.MICROPHONE,
    models.TrackSource.SCREEN_SHARE,
    models.TrackSource.SCREEN_SHARE_AUDIO,
)
_NAMES: Final = {
    models.TrackSource.CAMERA: "camera",
    models.TrackSource.MICROPHONE: "microphone",
    models.TrackSource.SCREEN_SHARE: "screen_share",
    models.TrackSource.SCREEN_SHARE_AUDIO: "screen_share_audio",
}


def site_member(code: str) -> str:
    """The key of a site in the floor."""
    return f"site:{code}"


def person_member(person_id: int) -> str:
    """The key of a person in the floor."""
    return f"person:{person_id}"


def identity(member: str, device: str = DEVICE) -> str:
    """The identity of a member's device on the media server."""
    return f"{member}:{device}"


def member_of(participant: str) -> str:
    """The member whose device a participant is; empty for identities that are no member's."""
    parts = participant.split(":")
    return ":".join(parts[:2]) if len(parts) == 3 and parts[0] in ("site", "person") and all(parts) else ""


def may_send(member: str, role: Role, state: State) -> tuple[models.TrackSource, ...]:
    """The sources that a member may publish now. Who waits in the lobby, or was put out, sends nothing."""
    if member in state.lobby or member in state.removed:
        return ()
    known = state.members.get(member)
    speaks = state.may_speak(member) if known is not None else role != "site"
    return _SPEAKING if speaks else (_CAMERA,)


def permission(member: str, role: Role, state: State) -> models.ParticipantPermission:
    """The same for RoomService's UpdateParticipant."""
    sources = may_send(member, role, state)
    return models.ParticipantPermission(
        can_subscribe=bool(sources),
        can_publish=bool(sources),
        can_publish_sources=sources,
        can_publish_data=False,
        can_update_metadata=False,
    )


def grants(room: str, member: str, role: Role, state: State, name: str, device: str = DEVICE) -> Grants:
    """The same for a token that joins ``room``."""
    sources = may_send(member, role, state)
    return Grants(
        identity=identity(member, device),
        name=name[:MOST_NAME],
        video=VideoGrant(
            room_join=True,
            room=room,
            can_subscribe=bool(sources),
            can_publish=bool(sources),
            can_publish_sources=tuple(_NAMES[source] for source in sources),
            can_publish_data=False,
            can_update_own_metadata=False,
        ),
    )


def same(one: models.ParticipantPermission, other: models.ParticipantPermission) -> bool:
    """Whether two permissions let the same be done. The order of sources says nothing."""
    return (
        one.can_publish == other.can_publish
        and one.can_subscribe == other.can_subscribe
        and one.can_publish_data == other.can_publish_data
        and one.can_update_metadata == other.can_update_metadata
        and set(one.can_publish_sources) == set(other.can_publish_sources)
    )
