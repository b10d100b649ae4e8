"""What rooms tell, turned into webhook notices."""

from __future__ import annotations

from collections.abc import Callable

from livekit.protocol import models
from livekit.protocol.webhook import WebhookEvent

from signaling import webhooks
from signaling.webhooks import WebhookSender


class WebhookEvents:
    """A ``RoomEvents`` that posts everything. Messages are copied: a room goes on changing."""

    def __init__(self, sender: WebhookSender, also: Callable[[WebhookEvent], None] | None = None) -> None:
        """``also`` is called with every event, for an application in this process; it must not block."""
        self._sender = sender
        self._also = also

    def _tell(self, event: WebhookEvent) -> None:
        self._sender.notify(event)
        if self._also is not None:
            self._also(event)

    def room_started(self, room: models.Room) -> None:
        """See ``RoomEvents``."""
        self._tell(webhooks.room_event(webhooks.ROOM_STARTED, room))

    def room_finished(self, room: models.Room) -> None:
        """See ``RoomEvents``."""
        self._tell(webhooks.room_event(webhooks.ROOM_FINISHED, room))

    def participant_joined(self, room: models.Room, participant: models.ParticipantInfo) -> None:
        """See ``RoomEvents``."""
        self._tell(webhooks.participant_event(webhooks.PARTICIPANT_JOINED, room, participant))

    def participant_left(self, room: models.Room, participant: models.ParticipantInfo) -> None:
        """See ``RoomEvents``."""
        self._tell(webhooks.participant_event(webhooks.PARTICIPANT_LEFT, room, participant))

    def participant_aborted(self, room: models.Room, participant: models.ParticipantInfo) -> None:
        """See ``RoomEvents``."""
        self._sender.notify(
            webhooks.participant_event(webhooks.PARTICIPANT_CONNECTION_ABORTED, room, participant)
        )

    def track_published(
        self, room: models.Room, participant: models.ParticipantInfo, track: models.TrackInfo
    ) -> None:
        """See ``RoomEvents``."""
        self._tell(webhooks.track_event(webhooks.TRACK_PUBLISHED, room, participant, track))

    def track_unpublished(
        self, room: models.Room, participant: models.ParticipantInfo, track: models.TrackInfo
    ) -> None:
        """See ``RoomEvents``."""
        self._tell(webhooks.track_event(webhooks.TRACK_UNPUBLISHED, room, participant, track))
