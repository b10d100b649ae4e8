"""The attendance log: what the media server told of a meeting's room, and head-counts, as lines that stay.

A webhook may come late, twice, or not at all; a line is written once, by its
key. Who is present is computed from the lines (``signaling.client.presence``),
and is right for any order of them (FC-a01).
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from livekit.protocol import models
from livekit.protocol.webhook import WebhookEvent
from sqlalchemy import ColumnElement, case, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from directory.database import Database
from scheduler.errors import ImpossibleError, NoMeetingError, StateError
from scheduler.model import AttendanceFact, Meeting
from scheduler.states import CLOSED, OPEN
from signaling.client.presence import PresenceLog

ENDED: Final = "ended"
KINDS: Final = {
    "participant_joined": "joined",
    "participant_left": "left",
    "participant_connection_aborted": "aborted",
    "room_finished": ENDED,
}
"""Webhooks that say something of presence, and what a line calls them."""

MISSED: Final = "missed"
"""Of somebody who was not in the room any more at a look into it: an end, unless a better one is told."""
_EVENTS: Final = {kind: event for event, kind in KINDS.items()} | {MISSED: "participant_left"}
HEAD_COUNT: Final = "head_count"
LONG_AGO: Final = timedelta(days=7)
"""Longer than any meeting is open."""
MOST_PEOPLE: Final = 1_000
"""In one room of one site."""


@dataclass(frozen=True, slots=True)
class Session:
    """One stay of a participant in a room, as it is on record."""

    sid: str
    identity: str
    joined_at: datetime
    ended: bool


class AttendanceLog:
    """Writes and reads the lines of all meetings."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.unknown = 0
        """Events of rooms that are no meeting's."""

    async def take(self, event: WebhookEvent) -> str | None:
        """Write what a verified webhook says; the meeting's id, or None if there was nothing new in it."""
        kind = KINDS.get(event.event)
        if kind is None or not event.room.name:
            return None
        who = event.participant
        async with self._database.read() as session:
            meeting_id = await session.scalar(select(Meeting.id).where(Meeting.room == event.room.name))
        if meeting_id is None:
            self.unknown += 1
            return None
        sid = event.room.sid if kind == ENDED else who.sid
        fact = AttendanceFact(
            meeting_id=meeting_id,
            at=datetime.fromtimestamp(event.created_at, UTC),
            kind=kind,
            identity=who.identity[:100],
            key=f"{kind}:{sid}"[:64],
            sid=sid[:64],
            room_sid=event.room.sid[:64],
            joined_at=_joined_at(who.joined_at_ms, who.joined_at),
        )
        return meeting_id if await self._add(fact) else None

    async def head_count(self, meeting_id: str, identity: str, count: int, *, now: datetime) -> None:
        """A site says how many people are in its room; the last word counts. Raises ImpossibleError,
        NoMeetingError, StateError."""
        if not 0 <= count <= MOST_PEOPLE:
            raise ImpossibleError("no such number of people", field="count", problem="out_of_range")
        async with self._database.write() as session:
            meeting = await session.get(Meeting, meeting_id)
            if meeting is None:
                raise NoMeetingError(f"no meeting {meeting_id}", meeting=meeting_id)
            if meeting.state != OPEN:
                raise StateError("heads are counted while the meeting is open", state=meeting.state)
            session.add(
                AttendanceFact(
                    meeting_id=meeting_id,
                    at=now,
                    kind=HEAD_COUNT,
                    identity=identity,
                    key=f"{HEAD_COUNT}:{secrets.token_hex(12)}",
                    count=count,
                )
            )

    async def end_rooms(self, meeting_id: str, *, now: datetime, beside: str = "") -> None:
        """Write down the end of each room that the meeting had and whose end was not told; ``beside`` (a
        room's sid) is the one that it has. A media server that was killed tells nothing any more."""
        for _, sid in await self._unended(AttendanceFact.meeting_id == meeting_id):
            if sid != beside:
                await self.end_room(meeting_id, sid, now=now)

    async def unended(self, since: datetime) -> list[tuple[str, str]]:
        """Meeting and sid of each room whose end is not told, of meetings open or closed ``since``."""
        meetings = (Meeting.state == OPEN) | ((Meeting.state == CLOSED) & (Meeting.closed_at >= since))
        # By when they began, since that has an index.
        recent = Meeting.starts_at >= since - LONG_AGO
        return await self._unended(AttendanceFact.meeting_id.in_(select(Meeting.id).where(recent, meetings)))

    async def _unended(self, which: ColumnElement[bool]) -> list[tuple[str, str]]:
        meeting, room = AttendanceFact.meeting_id, AttendanceFact.room_sid
        ends = func.sum(case((AttendanceFact.kind == ENDED, 1), else_=0))
        rooms = select(meeting, room).where(which, room != "").group_by(meeting, room).having(ends == 0)
        async with self._database.read() as session:
            return [
                (which_one, sid) for which_one, sid in await session.execute(rooms.order_by(meeting, room))
            ]

    async def end_room(self, meeting_id: str, sid: str, *, now: datetime) -> None:
        """Write down the end of a room."""
        fact = AttendanceFact(
            meeting_id=meeting_id,
            at=now,
            kind=ENDED,
            identity="",
            key=f"{ENDED}:{sid}"[:64],
            sid=sid,
            room_sid=sid,
        )
        await self._add(fact)

    async def sessions(self, meeting_id: str, room_sid: str) -> dict[str, Session]:
        """Who is on record in one room, by participant sid."""
        lines = select(AttendanceFact).where(
            AttendanceFact.meeting_id == meeting_id,
            AttendanceFact.room_sid == room_sid,
            AttendanceFact.kind.in_(("joined", "left", "aborted", MISSED)),
        )
        found: dict[str, Session] = {}
        async with self._database.read() as session:
            for line in await session.scalars(lines):
                known = found.get(line.sid)
                ended = line.kind != "joined" or (known is not None and known.ended)
                found[line.sid] = Session(line.sid, line.identity, line.joined_at or line.at, ended)
        return found

    async def found(
        self, meeting_id: str, room_sid: str, who: models.ParticipantInfo, *, now: datetime
    ) -> None:
        """Somebody is in the room whose joining was not told."""
        fact = AttendanceFact(
            meeting_id=meeting_id,
            at=now,
            kind="joined",
            identity=who.identity[:100],
            key=f"joined:{who.sid}"[:64],
            sid=who.sid[:64],
            room_sid=room_sid,
            joined_at=_joined_at(who.joined_at_ms, who.joined_at) or now,
        )
        await self._add(fact)

    async def missed(self, meeting_id: str, room_sid: str, who: Session, *, now: datetime) -> None:
        """Somebody is not in the room any more whose leaving was not told."""
        fact = AttendanceFact(
            meeting_id=meeting_id,
            at=now,
            kind=MISSED,
            identity=who.identity,
            key=f"{MISSED}:{who.sid}"[:64],
            sid=who.sid,
            room_sid=room_sid,
            joined_at=who.joined_at,
        )
        await self._add(fact)

    async def _add(self, fact: AttendanceFact) -> bool:
        """Write a line; False if it is there already."""
        known = select(AttendanceFact.id).where(
            AttendanceFact.meeting_id == fact.meeting_id, AttendanceFact.key == fact.key
        )
        try:
            async with self._database.write() as session:
                if await session.scalar(known) is not None:
                    return False
                session.add(fact)
        except IntegrityError:
            # Another process wrote it at the same moment.
            return False
        return True


async def facts(session: AsyncSession, meeting_id: str) -> Sequence[AttendanceFact]:
    """All lines of a meeting, in the order in which they were written."""
    found = select(AttendanceFact).where(AttendanceFact.meeting_id == meeting_id)
    return list(await session.scalars(found.order_by(AttendanceFact.id)))


def presence(lines: Sequence[AttendanceFact]) -> PresenceLog:
    """Who was there, and when, by these lines."""
    log = PresenceLog()
    told_ends = {line.sid for line in lines if line.kind in ("left", "aborted")}
    for line in lines:
        event = _EVENTS.get(line.kind)
        if event is None or (line.kind == MISSED and line.sid in told_ends):
            continue
        told = WebhookEvent(event=event, created_at=int(line.at.timestamp()))
        told.room.sid = line.room_sid
        if line.kind != ENDED:
            told.participant.sid = line.sid
            told.participant.identity = line.identity
            if line.joined_at is not None:
                told.participant.joined_at_ms = round(line.joined_at.timestamp() * 1000)
                told.participant.joined_at = int(line.joined_at.timestamp())
        log.fold(told)
    return log


def head_counts(lines: Sequence[AttendanceFact]) -> dict[str, int]:
    """The last head-count of each identity that gave one."""
    return {line.identity: line.count for line in lines if line.kind == HEAD_COUNT and line.count is not None}


def _joined_at(milliseconds: int, seconds: int) -> datetime | None:
    moment = milliseconds / 1000 if milliseconds else float(seconds)
    return datetime.fromtimestamp(moment, UTC) if moment else None
