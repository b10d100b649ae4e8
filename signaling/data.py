"""Data packets from one participant, or from RoomService, to all or to some of a room."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import TYPE_CHECKING

from google.protobuf.message import DecodeError
from livekit.protocol import models

from media.errors import DataChannelError, TransportClosedError
from media.transport import LOSSY, RELIABLE

if TYPE_CHECKING:
    from signaling.participant import Participant
    from signaling.room import Room

logger = logging.getLogger(__name__)


class DataRouter:
    """Stamps packets with their true sender and copies them; serialised once for all receivers."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self.dropped = 0

    def received(self, sender: Participant, label: str, payload: bytes) -> None:
        """A message on a data channel. What does not parse, or is not allowed, is counted and dropped."""
        if (
            label not in (RELIABLE, LOSSY)
            or len(payload) > self._room.settings.max_data_bytes
            or not sender.video.may_publish_data()
        ):
            self.dropped += 1
            return
        try:
            packet = models.DataPacket.FromString(payload)
        except DecodeError:
            self.dropped += 1
            return
        kind = packet.WhichOneof("value")
        if kind in (None, "speaker"):
            # Who speaks is the server's to say.
            self.dropped += 1
            return
        packet.participant_sid = sender.sid if not sender.hidden else ""
        packet.participant_identity = sender.identity if not sender.hidden else ""
        if sender.hidden:
            # Receivers drop what they have seen by sender and number; hidden ones share the empty name.
            packet.sequence = 0
        sids: list[str] = []
        identities = list(packet.destination_identities)
        if kind == "user":
            sids = list(packet.user.destination_sids)
            identities += [i for i in packet.user.destination_identities if i not in identities]
            packet.user.participant_sid = packet.participant_sid
            packet.user.participant_identity = packet.participant_identity
        packet.kind = models.DataPacket.Kind.RELIABLE if label == RELIABLE else models.DataPacket.Kind.LOSSY
        self.deliver(packet, label, sids, identities, but=sender)

    def deliver(
        self,
        packet: models.DataPacket,
        label: str,
        sids: Iterable[str],
        identities: Iterable[str],
        but: Participant | None = None,
    ) -> None:
        """Send to the named ones, or to everybody when none is named; never back to ``but``."""
        wanted_sids = set(sids)
        wanted = set(identities)
        payload = packet.SerializeToString()
        for participant in list(self._room.participants.values()):
            if participant is but:
                continue
            if (wanted or wanted_sids) and not (
                participant.identity in wanted or participant.sid in wanted_sids
            ):
                continue
            try:
                participant.subscribing.subscriber.transport.send_data(label, payload)
            except (DataChannelError, TransportClosedError) as error:
                self.dropped += 1
                logger.debug("a data packet did not reach %s: %s", participant.sid, error)
