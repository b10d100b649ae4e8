"""What an access token allows, as plain immutable values.

The names are those of LiveKit's claims in Python's spelling; an absent
permission is ``None`` and has LiveKit's meaning, which the ``may_*`` questions
give (livekit/protocol, ``auth/grants.go``). Reading and writing the claims is
``signaling.tokens``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Final, cast

from livekit.protocol import models

#: Names of sources in a token, and their numbers in the protocol.
SOURCE_NAMES: Final[Mapping[str, models.TrackSource]] = MappingProxyType(
    {
        "camera": models.TrackSource.CAMERA,
        "microphone": models.TrackSource.MICROPHONE,
        "screen_share": models.TrackSource.SCREEN_SHARE,
        "screen_share_audio": models.TrackSource.SCREEN_SHARE_AUDIO,
    }
)
_NAME_OF_SOURCE: Final = MappingProxyType({number: name for name, number in SOURCE_NAMES.items()})
# The generated stubs name a class for each enumeration, at run time it is an int.
_KIND_NAMES: Final = cast(
    Mapping[str, models.ParticipantInfo.Kind],
    MappingProxyType({name.lower(): number for name, number in models.ParticipantInfo.Kind.items()}),
)


@dataclass(frozen=True, slots=True)
class VideoGrant:
    """The ``video`` claim. ``None`` means that the token does not say it."""

    room_join: bool = False
    room: str = ""
    room_create: bool = False
    room_list: bool = False
    room_record: bool = False
    room_admin: bool = False
    destination_room: str = ""
    can_publish: bool | None = None
    can_subscribe: bool | None = None
    can_publish_data: bool | None = None
    #: Names as in :data:`SOURCE_NAMES`; empty means every source. Names of others are kept and match nothing.
    can_publish_sources: tuple[str, ...] = ()
    can_update_own_metadata: bool | None = None
    can_subscribe_metrics: bool | None = None
    can_manage_agent_session: bool | None = None
    ingress_admin: bool = False
    hidden: bool = False
    recorder: bool = False
    agent: bool = False

    def may_publish(self) -> bool:
        """Media of some source; absent means yes."""
        return self.can_publish is not False

    def may_publish_source(self, source: models.TrackSource) -> bool:
        """Media of this source. A list without known names still refuses all others."""
        if not self.may_publish():
            return False
        if not self.can_publish_sources:
            return True
        return _NAME_OF_SOURCE.get(source) in self.can_publish_sources

    def may_subscribe(self) -> bool:
        """Absent means yes."""
        return self.can_subscribe is not False

    def may_publish_data(self) -> bool:
        """Data packets; absent means as for media."""
        return self.may_publish() if self.can_publish_data is None else self.can_publish_data

    def may_update_own_metadata(self) -> bool:
        """Own name, metadata and attributes; absent means no."""
        return self.can_update_own_metadata is True

    def permission(self) -> models.ParticipantPermission:
        """The same as the message that clients see."""
        return models.ParticipantPermission(
            can_subscribe=self.may_subscribe(),
            can_publish=self.may_publish(),
            can_publish_data=self.may_publish_data(),
            can_publish_sources=[SOURCE_NAMES[n] for n in self.can_publish_sources if n in SOURCE_NAMES],
            hidden=self.hidden,
            recorder=self.recorder,
            can_update_metadata=self.may_update_own_metadata(),
            agent=self.agent,
            can_subscribe_metrics=self.can_subscribe_metrics is True,
            can_manage_agent_session=self.can_manage_agent_session is True,
        )

    def with_permission(self, permission: models.ParticipantPermission) -> VideoGrant:
        """This grant after an administrator set ``permission``; what the message cannot say stays.

        ``recorder`` and ``agent`` are what a participant *is*: LiveKit does not
        change them either.
        """
        return replace(
            self,
            can_subscribe=permission.can_subscribe,
            can_publish=permission.can_publish,
            can_publish_data=permission.can_publish_data,
            can_publish_sources=tuple(
                _NAME_OF_SOURCE[s] for s in permission.can_publish_sources if s in _NAME_OF_SOURCE
            ),
            can_update_own_metadata=permission.can_update_metadata,
            can_subscribe_metrics=permission.can_subscribe_metrics,
            hidden=permission.hidden,
        )


@dataclass(frozen=True, slots=True)
class Grants:
    """A verified token. ``video`` is ``None`` for one that grants nothing about rooms."""

    identity: str = ""
    name: str = ""
    #: ``standard``, ``ingress``, ``egress``, ``sip``, ``agent``…; empty is standard.
    kind: str = ""
    metadata: str = ""
    attributes: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    video: VideoGrant | None = None
    #: Base64 of the SHA-256 of a body that the token signs (webhooks).
    sha256: str = ""
    #: The key that signed it; empty for grants that were not read from a token.
    api_key: str = field(default="", compare=False)
    #: End of validity, seconds of Unix time; 0 for grants that were not read from a token.
    expires_at: float = field(default=0.0, compare=False)

    def participant_kind(self) -> models.ParticipantInfo.Kind:
        """The protocol's number for ``kind``; unknown words are standard, as on LiveKit."""
        return _KIND_NAMES.get(self.kind.lower(), models.ParticipantInfo.Kind.STANDARD)
