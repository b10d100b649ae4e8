"""Opening and closing meetings at their time: claimed in the database, done on the media server, once.

A waking does three things, each of which may be repeated or cut off anywhere:

1. *Claim* what is due: the meeting's state changes by compare-and-swap, and a
   row of :class:`~scheduler.model.Action` says that its effect is still to come.
2. *Do* the effects that are still to come (a room is made or ended), and note
   that they are done. What fails is tried at the next waking.
3. *Mend* the media server: each open meeting has its room, and no other
   meeting has one. A relay that was restarted has forgotten all rooms; a token
   of a closed meeting may have made one again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import structlog
from sqlalchemy import delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from directory.database import Database
from directory.errors import DirectoryError
from scheduler import states
from scheduler.attending import AttendanceLog
from scheduler.errors import MeetingChangedError
from scheduler.model import Action, Meeting, Slot
from scheduler.polling import Room, RoomPoll
from scheduler.ports import Rooms
from scheduler.rows import get_meeting, log_change, swap_meeting
from scheduler.states import CLOSED, OPEN, PUBLISHED, Rules, due, next_due
from signaling.errors import SignalingError, UnavailableError

ROOM_PREFIX: Final = "meeting-"
"""Of the names of all meetings' rooms, so that rooms of others on the same server are left alone."""
EMPTY_TIMEOUT: Final = 24 * 3600
"""Seconds that an open meeting's room stays without anybody in it: its end is ours to say."""
AGAIN: Final = timedelta(seconds=5)
"""Until a claim that failed is tried again."""
LATELY: Final = timedelta(minutes=10)
LONG_BACK: Final = timedelta(days=2)
"""How long ago meetings may have ended whose presences are seen to have an end: always, and after a start."""
AT_ONCE: Final = 200
"""Meetings that one waking claims; the rest is for the next one, which comes at once."""
SERVICE: Final = "service"

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Changed:
    """A meeting has another state."""

    meeting_id: str
    room: str
    state: str
    at: datetime


Listener = Callable[[Changed], Awaitable[None]]


class MeetingLife:
    """See the module. ``listener`` is told of each change of state after it is in the database."""

    def __init__(
        self, database: Database, rooms: Rooms, rules: Rules, listener: Listener | None = None
    ) -> None:
        self._database = database
        self._rooms = rooms
        self._rules = rules
        self._listener = listener
        self._attendance = AttendanceLog(database)
        self._poll = RoomPoll(self._attendance, rooms)
        self._acting = asyncio.Lock()
        """Held while rooms are made and ended, so that no room is judged by a state that has passed."""
        self.late = 0.0
        """Seconds by which the last opening or closing was late."""
        self.claimed = 0
        self.failed_claims = 0
        self._looked_back = False
        self.failed_effects = 0

    async def wake(self, now: datetime) -> datetime | None:
        """Everything that is due at ``now``; when to wake next. This is a waker's work."""
        waiting = await self._due(now)
        failed = self.failed_claims
        for meeting in waiting:
            action = due(meeting, now, self._rules)
            if action is not None:
                await self._try_to_claim(meeting, action, now)
        async with self._acting:
            await self._effects(now)
            await self._mend(now)
        following = now if len(waiting) == AT_ONCE else await self._next(now)
        if failed == self.failed_claims or following is None:
            return following
        # What failed is still due: it must not be tried without a pause.
        return max(following, now + AGAIN)

    async def end(self, meeting_id: str, *, by: str, now: datetime, reason: str = "") -> None:
        """The chair ends an open meeting. Ended already is no error. Raises NoMeetingError, StateError."""
        await self._step(meeting_id, "close", by, now, reason)

    async def open_now(self, meeting_id: str, *, by: str, now: datetime) -> None:
        """Open a published meeting before its time. Open already is no error."""
        await self._step(meeting_id, "open", by, now)

    async def extend(self, meeting_id: str, ends_at: datetime, *, by: str, now: datetime) -> None:
        """Move the expected end of an open meeting. Raises StateError, ImpossibleError."""
        async with self._database.write() as session:
            meeting = await get_meeting(session, meeting_id)
            life = states.Life(meeting.state, meeting.starts_at, meeting.ends_at, meeting.version)
            after = life.extend(ends_at, now)
            if after is life:
                return
            before = {"ends_at": meeting.ends_at}
            await swap_meeting(session, meeting, meeting.version, {"ends_at": ends_at})
            log_change(session, meeting_id, "meeting.extend", by, now, before, {"ends_at": ends_at})

    # -- claiming ------------------------------------------------------------------

    async def _due(self, now: datetime) -> Sequence[Meeting]:
        """Meetings about which something may be due, the longest waiting first."""
        rules = self._rules
        starting = (Meeting.state == PUBLISHED) & (Meeting.starts_at <= now + rules.open_before)
        ending = (Meeting.state == OPEN) & (Meeting.ends_at <= now - rules.close_after)
        async with self._database.read() as session:
            found = select(Meeting).where(starting | ending).order_by(Meeting.starts_at).limit(AT_ONCE)
            return list(await session.scalars(found))

    async def _try_to_claim(self, meeting: Meeting, action: states.Action, now: datetime) -> None:
        """A fault of one meeting keeps no other from its time. Raises UnavailableError of the database."""
        try:
            if await self._claim(meeting, action, now):
                self.late = action.lateness.total_seconds()
        except DirectoryError:
            raise
        except Exception:
            self.failed_claims += 1
            _log.exception("claim_failed", meeting=meeting.id, action=action.step)

    async def _claim(self, meeting: Meeting, action: states.Action, now: datetime) -> bool:
        """Whether this process does it. Somebody else's change in between means: not now."""
        try:
            async with self._database.write() as session:
                changed = await _advance(session, meeting, action.step, SERVICE, now, action.reason)
        except MeetingChangedError:
            return False
        self.claimed += 1
        _log.info(
            "meeting_" + changed.state, meeting=meeting.id, late=round(action.lateness.total_seconds(), 1)
        )
        await self._tell(changed)
        return True

    async def _step(
        self, meeting_id: str, step: states.Step, by: str, now: datetime, reason: str = ""
    ) -> None:
        async with self._database.write() as session:
            meeting = await get_meeting(session, meeting_id)
            target = {"open": OPEN, "close": CLOSED}[step]
            if meeting.state == target:
                return
            changed = await _advance(session, meeting, step, by, now, reason)
        await self._tell(changed)
        async with self._acting:
            await self._effects(now)

    async def _tell(self, changed: Changed) -> None:
        if self._listener is not None:
            await self._listener(changed)

    # -- effects on the media server -------------------------------------------------

    async def _effects(self, now: datetime) -> None:
        """Make and end rooms for claims whose effect is still to come."""
        async with self._database.read() as session:
            waiting = select(Action, Meeting).join(Meeting, Meeting.id == Action.meeting_id)
            rows = list(await session.execute(waiting.where(Action.done_at.is_(None)).order_by(Action.at)))
        for action, meeting in rows:
            try:
                # An opening that was overtaken by the end has nothing to make any more.
                if action.action == "open" and meeting.state == OPEN:
                    made = await self._rooms.create_room(meeting.room, empty_timeout=EMPTY_TIMEOUT)
                    await self._attendance.end_rooms(meeting.id, now=now, beside=made.sid)
                elif action.action == "close":
                    await self._rooms.delete_room(meeting.room)
                    await self._attendance.end_rooms(meeting.id, now=now)
            except SignalingError as error:
                self._failed(error, meeting=meeting.id, action=action.action)
                if isinstance(error, UnavailableError):
                    return
                continue
            async with self._database.write() as session:
                await session.execute(
                    update(Action)
                    .where(Action.meeting_id == action.meeting_id, Action.action == action.action)
                    .values(done_at=now)
                )

    async def _mend(self, now: datetime) -> None:
        """Give each open meeting its room, and end rooms of meetings that are not open.

        Whose room is not there any more was put out with it, and nobody was left to tell so.
        """
        # Asked before the rooms are: what is on record then and not there has ended.
        on_record = await self._attendance.unended(now - (LATELY if self._looked_back else LONG_BACK))
        try:
            found = {room.name: room.sid for room in await self._rooms.rooms()}
        except SignalingError as error:
            self._failed(error, action="mend")
            return
        async with self._database.read() as session:
            meetings = await session.scalars(select(Meeting).where(Meeting.state == OPEN))
            wanted = {meeting.room: meeting.id for meeting in meetings}
        for name in sorted(wanted.keys() ^ found.keys()):
            try:
                if name in wanted:
                    found[name] = (await self._rooms.create_room(name, empty_timeout=EMPTY_TIMEOUT)).sid
                elif name.startswith(ROOM_PREFIX):
                    await self._rooms.delete_room(name)
                    del found[name]
            except SignalingError as error:
                self._failed(error, action="mend", room=name)
                if isinstance(error, UnavailableError):
                    return
        for meeting_id, sid in on_record:
            if sid not in found.values():
                await self._attendance.end_room(meeting_id, sid, now=now)
        self._looked_back = True
        open_rooms = {sid: Room(wanted[name], name, sid) for name, sid in found.items() if name in wanted}
        try:
            await self._poll.look(open_rooms, now)
        except SignalingError as error:
            self._failed(error, action="look")

    def _failed(self, error: SignalingError, **where: str) -> None:
        """The media server did not do something. Unless it is away, the rest is done all the same."""
        self.failed_effects += 1
        _log.warning("media_server_failed", error=error.code, **where)

    async def _next(self, now: datetime) -> datetime | None:
        """When something will be due, by what is stored now."""
        moments: list[datetime] = []
        async with self._database.read() as session:
            for state, column in ((PUBLISHED, Meeting.starts_at), (OPEN, Meeting.ends_at)):
                first = await session.scalar(
                    select(Meeting).where(Meeting.state == state).order_by(column).limit(1)
                )
                at = next_due(first, self._rules) if first is not None else None
                moments += [at] if at is not None else []
        return min(moments, default=None)


async def _advance(
    session: AsyncSession, meeting: Meeting, step: states.Step, by: str, now: datetime, reason: str = ""
) -> Changed:
    """Take a step of a meeting's life, in one transaction. Raises MeetingChangedError."""
    before = meeting.state
    after = states.step(before, step)
    columns: dict[str, object] = {"state": after}
    if after == OPEN:
        columns["opened_at"] = now
    else:
        columns["closed_at"] = now
    if reason:
        columns["reason"] = reason
    await swap_meeting(session, meeting, meeting.version, columns)
    if step != "skip":
        session.add(Action(meeting_id=meeting.id, action=step, at=now))
    if after != OPEN:
        await session.execute(delete(Slot).where(Slot.meeting_id == meeting.id))
    log_change(session, meeting.id, f"meeting.{step}", by, now, {"state": before}, {"state": after})
    await session.flush()
    return Changed(meeting.id, meeting.room, after, now)


async def open_meetings(database: Database) -> int:
    """How many meetings are open now, for metrics."""
    async with database.read() as session:
        found = await session.scalar(select(func.count()).where(Meeting.state == OPEN))
    return found or 0
