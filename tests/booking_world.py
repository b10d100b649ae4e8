"""The pages of meetings by themselves: a city in a database, a person who asks, a clock that is set."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from sqlalchemy import select
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request

from directory import people
from directory.access.principal import Principal
from directory.access.rights import Action, may
from directory.database import Database
from directory.migrations import migrate
from directory.model import Endpoint, Group, GroupMember
from directory.people import Details
from directory.search import search_key
from directory.seed import load_hanoi_units, load_main_sites
from scheduler import booking
from scheduler.booking import Plan
from scheduler.migrations import VERSIONS
from scheduler.model import Meeting
from scheduler.rows import get_meeting
from web.app import create_app
from web.assets import APP_FOLDER
from web.booking_pages import BookingPages
from web.meetings_pages import MeetingsPages
from web.navigation import Visitor
from web.pages import Pages
from web.rendering import Renderer

NOW = datetime(2026, 11, 30, 2, 0, tzinfo=UTC)
"""Monday, nine o'clock in Hanoi."""
HOUR = timedelta(hours=1)

ADMIN, SECRETARY, OTHER, CHAIR, SECOND_CHAIR, OFFICIAL = range(1, 7)
PEOPLE = (
    ("quantri", "Phạm Quản Trị", "administrator"),
    ("thuky", "Nguyễn Thị Hồng Ánh", "secretary"),
    ("thuky2", "Lê Văn Đức", "secretary"),
    ("chutri", "Trần Văn Dũng", "chair"),
    ("chutri2", "Trần Thị Dung", "chair"),
    ("canbo", "Vũ Công Chức", "official"),
)
ROLES = dict(zip(range(1, 7), (role for _, _, role in PEOPLE), strict=True))


def plan(start: datetime = NOW + 24 * HOUR, hours: float = 1, **changes: Any) -> Plan:
    """A meeting tomorrow of sites 1 to 3."""
    end = start + hours * HOUR
    zone, sites = "Asia/Ho_Chi_Minh", frozenset({1, 2, 3})
    made = Plan("Giao ban tuần", "briefing", CHAIR, SECRETARY, start, end, zone, "", sites)
    return replace(made, **changes)


@dataclass
class World:
    """What the pages stand on. ``principal`` is who asks now, nobody without one."""

    database: Database
    principal: Principal | None = None
    now: datetime = NOW
    changes: int = 0
    site_ids: dict[str, int] = field(default_factory=dict)

    async def fill(self) -> None:
        """The 579 sites of 2021, six people, a group, and one more site of a name that is there twice."""
        await migrate(self.database, VERSIONS)
        async with self.database.write() as session:
            await load_hanoi_units(session)
            await load_main_sites(session, date(2025, 1, 1))
        async with self.database.write() as session:
            for login, name, role in PEOPLE:
                await people.create(session, login, Details(name), roles=[role], by="cli:test", now=NOW)
            group = Group(name="Các xã miền núi", search=search_key("Các xã miền núi"))
            session.add(group)
            await session.flush()
            session.add_all([GroupMember(group_id=group.id, endpoint_id=number) for number in (10, 11, 12)])
        async with self.database.read() as session:
            rows = await session.execute(select(Endpoint.code, Endpoint.id))
            self.site_ids.update((code, number) for code, number in rows)
        self.sign_in(SECRETARY)

    def sign_in(self, person: int, reach: frozenset[int] = frozenset({1})) -> None:
        """From now on this person asks."""
        login, name, role = PEOPLE[person - 1]
        self.principal = Principal(
            "person", person, login, "s", "c", full_name=name, roles=frozenset({role}), reach=reach
        )

    def require(self, request: Request, action: Action) -> Principal:
        """See ``web.visitors.require``."""
        if self.principal is None:
            raise HTTPException(401)
        if not may(self.principal, action):
            raise HTTPException(403)
        return self.principal

    async def check_form(self, request: Request, *, most: int, most_fields: int) -> Mapping[str, list[str]]:
        """See ``web.visitors.check_form``."""
        body = b""
        async for chunk in request.stream():
            body += chunk
            if len(body) > most:
                raise HTTPException(413)
        fields = parse_qs(body.decode("ascii"), keep_blank_values=True, max_num_fields=most_fields)
        if fields.pop("csrf", [""])[0] != "token":
            raise HTTPException(403)
        return fields

    def visitor(self, request: Request) -> Visitor | None:
        """See ``web.visitors.visitor``."""
        return Visitor(self.principal.full_name, self.principal.roles) if self.principal else None

    def _count(self) -> None:
        self.changes += 1

    def app(self, folder: Path = APP_FOLDER, *, files: bool = False) -> Starlette:
        """The pages; with ``files`` their scripts too."""
        renderer = Renderer(folder, visitor=self.visitor, csrf=lambda request: "token")
        wiring = {
            "require": self.require,
            "check_form": self.check_form,
            "now": lambda: self.now,
            "changed": self._count,
        }
        routes = [
            *renderer.routes(),
            *BookingPages(renderer, self.database, **wiring).routes(),  # type: ignore[arg-type]
            *MeetingsPages(renderer, self.database, **wiring).routes(),  # type: ignore[arg-type]
            *(Pages(lambda room: room, folder).routes() if files else []),
        ]
        return create_app(routes, pages=True)

    async def book(self, wanted: Plan, *, publish: bool = True, by: int = SECRETARY) -> Meeting:
        """A meeting, past all pages."""
        async with self.database.write() as session:
            meeting = await booking.create(session, wanted, by=f"person:{by}", now=self.now)
            if publish:
                meeting = await booking.publish(
                    session, meeting.id, version=meeting.version, by=f"person:{by}", now=self.now
                )
            return meeting

    async def change(self, meeting_id: str, by: int, version: int, **changes: object) -> Meeting:
        """Another plan for it, past all pages."""
        async with self.database.write() as session:
            meeting = await get_meeting(session, meeting_id)
            wanted = replace(await booking.plan_of(session, meeting), **changes)  # type: ignore[arg-type]
            return await booking.change(
                session, meeting_id, wanted, version=version, by=f"person:{by}", now=self.now
            )


@contextlib.asynccontextmanager
async def booking_world(url: str) -> AsyncIterator[World]:
    """A filled world in the database at ``url``."""
    world = World(Database(url))
    await world.fill()
    yield world
    await world.database.close()
