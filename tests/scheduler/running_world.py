"""One process with everything that runs a meeting, and pages of it that read what they are told."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from people_in_rooms import PeopleInRooms
from sqlalchemy import update

from directory.database import Database
from scheduler import booking
from scheduler.attending import AttendanceLog
from scheduler.booking import Plan
from scheduler.channel.meeting import Person
from scheduler.desk import FloorDesk
from scheduler.life import MeetingLife
from scheduler.membership import Asker, member_of_meeting
from scheduler.model import Meeting
from scheduler.rows import get_meeting
from scheduler.running import Line, RunningMeetings
from scheduler.states import Rules

NOW = datetime.now(UTC)
CHAIR = Person("person:1", "Ông Bình", "chair")


class Page:
    """A page on the channel: what it was told, with deltas applied to the roster."""

    def __init__(self, running: RunningMeetings, line: Line) -> None:
        self.running = running
        self.line = line
        self.told: list[dict[str, Any]] = []
        self.roster: dict[str, dict[str, Any]] = {}
        self.floor: dict[str, Any] = {}
        self._number = 0

    def read(self) -> None:
        while (text := self.line.session.take()) is not None:
            message = json.loads(text)
            self.told.append(message)
            if message["type"] == "snapshot":
                self.roster.clear()
            for entry in message.get("roster", ()):
                self.roster.setdefault(entry["key"], {}).update(entry)
            self.floor = message.get("floor", self.floor)

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(10):
            while True:
                self.line.wake.clear()
                self.read()
                if condition():
                    return
                await self.line.wake.wait()

    async def say(self, kind: str, **values: Any) -> None:
        self._number += 1
        await self.running.receive(self.line, json.dumps({"type": kind, "id": str(self._number), **values}))
        self.read()

    def holds(self, member: str) -> bool:
        """Whether the page shows that the member has the floor."""
        return self.floor.get("holder") == member

    @property
    def answer(self) -> str:
        answers = (m["type"] for m in reversed(self.told) if m.get("id") == str(self._number))
        return str(next(answers))


class World:
    """One process: everything that runs a meeting, on one database and one media server."""

    def __init__(self, database: Database, people: PeopleInRooms) -> None:
        self.database = database
        self.people = people
        self.desk = FloorDesk(database, people)
        self.attendance = AttendanceLog(database)
        self.life = MeetingLife(database, people, Rules(), self._changed)
        self.running = RunningMeetings(
            database, self.desk, self.attendance, self.life, wall=time.time, monotonic=time.monotonic
        )

    async def _changed(self, change: Any) -> None:
        await self.running.changed(change)

    async def page(self, meeting: str, person: Person) -> Page:
        self.people.join(person.key)
        page = Page(self.running, await self.running.connect(meeting, person))
        await self.running.receive(page.line, '{"type":"hello","versions":[1]}')
        page.read()
        return page

    async def site(self, meeting: str, number: int) -> Page:
        async with self.database.read() as session:
            asker = Asker("site", number, "")
            person = await member_of_meeting(session, await get_meeting(session, meeting), asker)
        return await self.page(meeting, person)


async def condition(holds: Callable[[], bool]) -> None:
    """Wait until it holds."""
    async with asyncio.timeout(10):
        while not holds():  # noqa: ASYNC110 - a fake's state has no event
            await asyncio.sleep(0.005)


async def open_meeting(database: Database) -> str:
    """An open meeting with three sites."""
    sites = frozenset({1, 2, 3})
    plan = Plan("Giao ban", "briefing", 1, 2, NOW, NOW + timedelta(hours=1), "Asia/Ho_Chi_Minh", "", sites)
    async with database.write() as session:
        made = await booking.create(session, plan, by="person:2", now=NOW)
        await session.execute(update(Meeting).where(Meeting.id == made.id).values(state="open"))
        return made.id
