"""What a room has still to tell: descriptions, gathered and serialised once, then what follows from them.

A client drops media of a track that it has not heard of. So one *flush* sends
first the ``update``, then lets everybody subscribe to what it named, and last
sends the offers. All that happens within one interval becomes one message and
one offer for each client.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from livekit.protocol import models, rtc

from signaling.publication import Publication
from signaling.wire import SharedMessage

if TYPE_CHECKING:
    from signaling.participant import Participant
    from signaling.room import Room

MAX_DEPARTED = 2000
"""Departures remembered for those who come back to their session; the oldest are given up first."""


class Updates:
    """Gathers for one room. ``tick`` sends what is due."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self._dirty: dict[str, Participant] = {}
        self._fresh: dict[str, Publication] = {}
        self._offers: dict[str, Participant] = {}
        self._departed: deque[tuple[float, models.ParticipantInfo]] = deque(maxlen=MAX_DEPARTED)
        self._flush_at: float | None = None
        self._flushed_at = -1.0
        self._counts = (0, 0)
        self._counts_due = 0.0

    # -- what there is to tell ---------------------------------------------------

    def participant(self, participant: Participant, now: float) -> None:
        """Its description changed, or it left."""
        self._dirty[participant.sid] = participant
        self._schedule(now)

    def track(self, publication: Publication, now: float) -> None:
        """Once its publisher's description has gone out, everybody may or may no longer receive it."""
        self._fresh[publication.sid] = publication
        self._schedule(now)

    def offer(self, participant: Participant, now: float) -> None:
        """What it receives changed; one offer tells all of it."""
        self._offers[participant.sid] = participant
        self._schedule(now)

    def departed(self, since: float, receiver: Participant) -> list[models.ParticipantInfo]:
        """Who has left, or was hidden, since then and is not back, for a client that may have missed it.

        Of one who is back its new description says enough; told of its old sid,
        a client would take the new one for gone.
        """
        return [
            info
            for at, info in self._departed
            if at >= since
            and info.sid != receiver.sid
            and ((other := self._room.by_identity(info.identity)) is None or other.hidden)
        ]

    # -- telling -----------------------------------------------------------------

    def settle(self, now: float) -> None:
        """At the end of an action: send at once what need not wait for more."""
        if self._flush_at is not None and now >= self._flush_at:
            self.flush(now)

    def tick(self, now: float) -> None:
        """Send what is due."""
        self.settle(now)
        if now >= self._counts_due:
            room = self._room.info()
            counts = (room.num_participants, room.num_publishers)
            if counts != self._counts:
                self._counts = counts
                self._counts_due = now + self._room.settings.room_update_interval
                self._room.broadcast(rtc.SignalResponse(room_update=rtc.RoomUpdate(room=room)))

    def flush(self, now: float) -> None:
        """Send the gathered update, let people subscribe to what it named, then negotiate."""
        self._flush_at = None
        self._flushed_at = now
        dirty, self._dirty = self._dirty, {}
        fresh, self._fresh = self._fresh, {}
        self._describe(list(dirty.values()), now)
        for publication in fresh.values():
            publication.told = not publication.publisher.hidden
        if fresh:
            for participant in list(self._room.participants.values()):
                for publication in fresh.values():
                    if self._room.publication(publication.sid) is publication:
                        participant.subscribing.permit(publication, now)
                self._offers[participant.sid] = participant
        offers, self._offers = self._offers, {}
        for participant in offers.values():
            participant.subscribing.negotiate(now)

    def _describe(self, dirty: list[Participant], now: float) -> None:
        public: list[models.ParticipantInfo] = []
        for participant in dirty:
            shown, participant.shown = participant.shown, not participant.hidden
            if participant.gone or (participant.hidden and shown):
                if shown:
                    info = _farewell(participant)
                    self._departed.append((now, _remembered(info)))
                    public.append(info)
            elif not participant.hidden:
                public.append(participant.info())
        if public:
            self._broadcast_but_hiding(public, {p.sid for p in dirty if p.hidden and not p.gone})
        for participant in dirty:
            if participant.hidden and not participant.gone:
                participant.send(_update([participant.info()]))

    def _broadcast_but_hiding(self, public: list[models.ParticipantInfo], hidden: set[str]) -> None:
        """To everybody; to one that has just been hidden, what is said of the others."""
        message = SharedMessage(_update(public))
        for participant in list(self._room.participants.values()):
            if participant.sid not in hidden:
                participant.send(message)
            elif others := [info for info in public if info.sid != participant.sid]:
                participant.send(_update(others))

    def _schedule(self, now: float) -> None:
        if self._flush_at is None:
            settings = self._room.settings
            large = len(self._room.participants) >= settings.large_room
            gather = settings.update_interval_large if large else settings.update_interval
            self._flush_at = max(now, self._flushed_at + gather)


def _update(infos: list[models.ParticipantInfo]) -> rtc.SignalResponse:
    return rtc.SignalResponse(update=rtc.ParticipantUpdate(participants=infos))


def _farewell(participant: Participant) -> models.ParticipantInfo:
    """The description of one who is not there for others any more."""
    info = models.ParticipantInfo()
    info.CopyFrom(participant.info())
    info.state = models.ParticipantInfo.State.DISCONNECTED
    del info.tracks[:]
    info.is_publisher = False
    return info


def _remembered(info: models.ParticipantInfo) -> models.ParticipantInfo:
    """As much of a farewell as tells who has gone: thousands of them are kept, with little of each."""
    return models.ParticipantInfo(
        sid=info.sid,
        identity=info.identity,
        name=info.name,
        state=info.state,
        version=info.version,
        kind=info.kind,
        disconnect_reason=info.disconnect_reason,
    )
