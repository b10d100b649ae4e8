"""Who was in a room, and when, from webhooks that come late, twice, in any order or not at all.

Presence is kept by **session**: a participant id (``PA_…``), which is new for
each join, with the ``joined_at`` that every event of it carries. So an event
about a session that is over changes the record of that session alone
(livekit/livekit#2399: after a quick reconnect the old ``participant_left``
comes last, and the present person counted as gone). The result does not depend
on the order in which the same facts are told.

Rules for the end of a session: its own *left* decides; if that is missing, its
room's end or a poll that does not see it any more; in any case it ends, at the
latest, when the next session of the same identity begins, as the newer one of
two always wins. Only the newest session of an identity can be open.

Times are seconds of Unix time. Events give their own to the second, so the
middle of that second is taken.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from livekit.protocol import models
from livekit.protocol.webhook import WebhookEvent

from signaling import webhooks

#: A poll says nothing of sessions that began less than so many seconds before it: lists lag on a cluster.
POLL_LAG: Final = 10.0
_HALF_SECOND: Final = 0.5


@dataclass(frozen=True, slots=True)
class Interval:
    """One session's presence; ``end`` is ``None`` while it lasts."""

    sid: str
    start: float
    end: float | None


@dataclass(slots=True)
class _Session:
    sid: str
    room_sid: str
    start: float
    #: Whether it ever was in the room: a session that was aborted while it connected was not.
    counts: bool = False
    left: float | None = None
    aborted: float | None = None
    #: By polls: the last one that saw it, the first one after that which missed it, and the last which did.
    seen: float = 0.0
    missed: float | None = None
    last_missed: float = 0.0


class PresenceLog:
    """The sessions of one room name (of all room sids that it had), by identity."""

    def __init__(self) -> None:
        self._by_identity: dict[str, dict[str, _Session]] = {}
        #: When a room sid ended.
        self._ended: dict[str, float] = {}

    def fold(self, event: WebhookEvent) -> None:
        """Take one webhook event of this log's room name; kinds that say nothing of presence are passed over.

        Verified events only: what they say is believed.
        """
        at = event.created_at + _HALF_SECOND
        if event.event == webhooks.ROOM_FINISHED and event.room.sid:
            self._ended[event.room.sid] = _earlier(self._ended.get(event.room.sid), at)
            return
        if not event.participant.sid or not event.participant.identity:
            return
        if event.event == webhooks.PARTICIPANT_JOINED:
            self._session(event.participant, event.room.sid, at).counts = True
        elif event.event == webhooks.PARTICIPANT_LEFT:
            session = self._session(event.participant, event.room.sid, at)
            session.counts = True
            session.left = _earlier(session.left, at)
        elif event.event == webhooks.PARTICIPANT_CONNECTION_ABORTED:
            session = self._session(event.participant, event.room.sid, at)
            session.aborted = _earlier(session.aborted, at)

    def poll(self, room_sid: str, present: Iterable[models.ParticipantInfo], at: float) -> None:
        """Take a list of all participants, asked for at ``at``. Sessions that it does not know are over.

        A later poll that sees a session again takes that back; its own *left* is final.
        """
        seen = set()
        for info in present:
            if info.state == models.ParticipantInfo.State.DISCONNECTED:
                continue
            seen.add(info.sid)
            session = self._session(info, room_sid, at)
            session.counts |= info.state == models.ParticipantInfo.State.ACTIVE
            session.seen = max(session.seen, at)
            if session.missed is not None and session.missed <= at:
                # Answers may come out of order: one that was asked for later and missed it still counts.
                session.missed = session.last_missed if session.last_missed > at else None
        for sessions in self._by_identity.values():
            for session in sessions.values():
                if session.sid in seen or session.start + POLL_LAG > at or session.seen >= at:
                    continue
                session.missed = _earlier(session.missed, at)
                session.last_missed = max(session.last_missed, at)

    def identities(self) -> list[str]:
        """All that have been present, in no particular order."""
        return [identity for identity in self._by_identity if self.intervals(identity)]

    def present(self) -> dict[str, str]:
        """Who is present: identity to the sid of the open session."""
        open_sessions = {}
        for identity in self._by_identity:
            intervals = self.intervals(identity)
            if intervals and intervals[-1].end is None:
                open_sessions[identity] = intervals[-1].sid
        return open_sessions

    def intervals(self, identity: str) -> list[Interval]:
        """The presence of ``identity`` in the order of time, without overlap; only the last may be open."""
        sessions = [session for session in self._by_identity.get(identity, {}).values() if session.counts]
        # Of two that began at the same moment the closed one comes first.
        sessions.sort(key=lambda s: (s.start, self._end(s) is None, s.sid))
        intervals = []
        for index, session in enumerate(sessions):
            end = self._end(session)
            if index + 1 < len(sessions):
                end = _earlier(end, sessions[index + 1].start)
            if end is not None:
                end = max(end, session.start)
            intervals.append(Interval(session.sid, session.start, end))
        return intervals

    def seconds(self, identity: str, now: float) -> float:
        """How long ``identity`` has been present up to ``now``."""
        return sum(
            max(0.0, (now if interval.end is None else interval.end) - interval.start)
            for interval in self.intervals(identity)
        )

    def forget(self, before: float) -> None:
        """Drop sessions that ended before ``before``, and ends of rooms before it.

        Leave at least the time that a webhook may be late: a *joined* that
        comes after its session was forgotten would open it again.
        """
        for identity in list(self._by_identity):
            sessions = self._by_identity[identity]
            ends = {interval.sid: interval.end for interval in self.intervals(identity)}
            for sid, session in list(sessions.items()):
                end = ends.get(sid, session.aborted)
                if end is not None and end < before:
                    del sessions[sid]
            if not sessions:
                del self._by_identity[identity]
        self._ended = {sid: at for sid, at in self._ended.items() if at >= before}

    def _session(self, info: models.ParticipantInfo, room_sid: str, at: float) -> _Session:
        sessions = self._by_identity.setdefault(info.identity, {})
        session = sessions.get(info.sid)
        if session is None:
            session = sessions[info.sid] = _Session(info.sid, room_sid, _joined_at(info) or at)
        return session

    def _end(self, session: _Session) -> float | None:
        """The end by what is known of this session and its room."""
        if session.left is not None:
            return session.left
        end = session.missed if session.aborted is None else _earlier(session.missed, session.aborted)
        room_end = self._ended.get(session.room_sid)
        return end if room_end is None else _earlier(end, room_end)


class PresenceBoard:
    """A :class:`PresenceLog` for each room name that events told of; ``logs`` may be read and pruned."""

    def __init__(self) -> None:
        self.logs: dict[str, PresenceLog] = {}

    def fold(self, event: WebhookEvent) -> None:
        """Take one verified webhook event of any room and kind."""
        if event.room.name:
            self.logs.setdefault(event.room.name, PresenceLog()).fold(event)


def _joined_at(info: models.ParticipantInfo) -> float:
    if info.joined_at_ms:
        return info.joined_at_ms / 1000
    return float(info.joined_at) + _HALF_SECOND if info.joined_at else 0.0


def _earlier(one: float | None, other: float) -> float:
    return other if one is None else min(one, other)
