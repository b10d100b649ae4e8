"""Attendance by looking: what webhooks did not tell is found in the media server's list of participants.

A webhook may be lost, and while this service was away nobody took them. So the room of each open meeting is
looked into at the start and once in a while. Who is there without a line gets one. Who has a line and is
missed by two looks gets an end, at the time of the first of them; its own *left* takes precedence whenever it
comes (FC-a01). One look does not do, since lists lag on a cluster.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from livekit.protocol import models

from scheduler.attending import AttendanceLog
from scheduler.ports import Rooms

EVERY: Final = timedelta(seconds=60)
CONFIRM: Final = timedelta(seconds=5)
"""Before a second look at somebody who was missed."""
LAG: Final = timedelta(seconds=10)
"""A list says nothing of sessions that began less than this before it."""


@dataclass(frozen=True, slots=True)
class Room:
    """The room that an open meeting has on the media server now."""

    meeting_id: str
    name: str
    sid: str


class RoomPoll:
    """Looks into rooms when it is time to; holds only what it missed the last time."""

    def __init__(self, attendance: AttendanceLog, rooms: Rooms) -> None:
        self._attendance = attendance
        self._rooms = rooms
        self._looked: dict[str, datetime] = {}
        self._missed: dict[str, dict[str, datetime]] = {}
        """By room: whom the last look missed, and when."""

    async def look(self, rooms: Mapping[str, Room], now: datetime) -> None:
        """Look into those of the rooms (by sid) whose turn it is. Raises SignalingError, UnavailableError."""
        for sid in self._looked.keys() - rooms.keys():
            del self._looked[sid]
            self._missed.pop(sid, None)
        for sid, room in rooms.items():
            since = now - self._looked.get(sid, datetime.min.replace(tzinfo=UTC))
            wait = CONFIRM if self._missed.get(sid) else EVERY
            # A clock that was set back must not stop it.
            if not timedelta(0) <= since < wait:
                await self._look_into(room, now)
                self._looked[sid] = now

    async def _look_into(self, room: Room, now: datetime) -> None:
        # Asked before the list is: who came in between is not missed.
        on_record = await self._attendance.sessions(room.meeting_id, room.sid)
        listed = await self._rooms.participants(room.name)
        there = {one.sid: one for one in listed if one.sid and one.state != _GONE}
        for sid, one in there.items():
            if sid not in on_record and one.state == _ACTIVE:
                await self._attendance.found(room.meeting_id, room.sid, one, now=now)
        before = self._missed.pop(room.sid, {})
        missed: dict[str, datetime] = {}
        for sid, session in on_record.items():
            if sid in there or session.ended or session.joined_at > now - LAG:
                continue
            if sid in before:
                await self._attendance.missed(room.meeting_id, room.sid, session, now=before[sid])
            else:
                missed[sid] = now
        if missed:
            self._missed[room.sid] = missed


_GONE: Final = models.ParticipantInfo.State.DISCONNECTED
_ACTIVE: Final = models.ParticipantInfo.State.ACTIVE
