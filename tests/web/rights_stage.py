"""A city with meetings in which the table of rights is played, and somebody of each role."""

from __future__ import annotations

import datetime as dt
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from rest_caller import Caller, basic, book, caller, leaders, weekday_at
from signed_in import NOW, PASSWORD, World
from sqlalchemy import func, select, update

from directory import groups
from directory.access import credentials, owners, sessions
from directory.access.sessions import Visit
from directory.devices import add_device
from directory.endpoints import by_code
from directory.model import AuditEntry, Device, Endpoint
from scheduler.model import AttendanceFact, Meeting
from web.rest.calls import PREFIX

ROLES = ("official", "chair", "secretary", "it_staff", "administrator", "site", "agent", "nobody")


@dataclass
class Stage:
    """A city with meetings: of the own site, of another one, a draft, one that is over."""

    world: World
    own: Meeting
    other: Meeting
    draft: Meeting
    closed: Meeting
    other_site: int
    other_code: str
    device: int
    """Of the other site."""
    number: int = 0
    seen: set[tuple[str, str]] = field(default_factory=set)
    """Methods and paths that were asked for."""

    def next(self) -> int:
        """A number that nothing has yet."""
        self.number += 1
        return self.number

    async def spare(self, *, publish: bool = False) -> Meeting:
        """A meeting that may be changed, at a time of its own."""
        start = weekday_at(8, 10 + 3 * self.next())
        return await book(self.world, start, frozenset({self.world.site_id}), publish=publish)

    async def group(self) -> groups.GroupView:
        """A group that may be changed."""
        name = f"Nhóm {self.next()}"
        async with self.world.database.write() as session:
            return await groups.create(session, name, [self.world.site_id], by="cli:test", now=NOW)

    async def site_version(self) -> int:
        """The version of the other site."""
        async with self.world.database.read() as session:
            return (await by_code(session, self.other_code)).version

    async def changes(self) -> int:
        """Lines of the audit log, but for sessions, which reading opens too, and what tests do themselves."""
        async with self.world.database.read() as session:
            told = select(func.count()).where(
                AuditEntry.action.not_like("session.%"), AuditEntry.actor != "cli:test"
            )
            return await session.scalar(told) or 0


async def set_up(world: World) -> Stage:
    """The stage in a new world."""
    await world.sites()
    async with world.database.read() as session:
        rows = await session.execute(
            select(Endpoint.id, Endpoint.code, Endpoint.unit_id).order_by(Endpoint.id).limit(2)
        )
        (first, _, unit), (second, code, _) = rows.all()
    assert first == world.site_id
    await leaders(world)
    others = [await world.person(f"{role}2", roles=(role,)) for role in ("chair", "secretary")]
    for role in ("it_staff", "administrator"):
        await world.person(role, roles=(role,), password=PASSWORD)
    await world.person("official", roles=("official",), unit_ids=(unit,), password=PASSWORD)
    mine, theirs = frozenset({first}), frozenset({second})
    own = await book(world, weekday_at(8), mine | theirs)
    other = await book(world, weekday_at(10), theirs, chair=others[0], secretary=others[1])
    draft = await book(world, weekday_at(14), mine, chair=others[0], secretary=others[1], publish=False)
    closed = await book(world, weekday_at(16), mine)
    now = dt.datetime.now(dt.UTC)
    async with world.database.write() as session:
        await session.execute(
            update(Meeting).where(Meeting.id == closed.id).values(state="closed", closed_at=now)
        )
        for at, site in enumerate((world.site_code, code)):
            session.add(
                AttendanceFact(
                    meeting_id=own.id,
                    at=now,
                    kind="joined",
                    identity=f"site:{site}:main",
                    key=f"joined:PA_{at}",
                    sid=f"PA_{at}",
                    room_sid="RM_1",
                    joined_at=now,
                )
            )
    async with world.database.write() as session:
        await add_device(session, second, "camera", "Máy quay", "S1", version=1, by="cli:test", now=NOW)
        device = await session.scalar(select(Device.id).where(Device.endpoint_id == second))
    return Stage(world, own, other, draft, closed, second, code, device or 0)


@asynccontextmanager
async def as_role(world: World, who: str, how: str) -> AsyncIterator[Caller]:
    """Somebody of a role: by the cookie of a browser, or by the credential of another system."""
    if who == "nobody":
        async with caller(world) as found:
            yield found
    elif how == "credential" and who in ("site", "agent"):
        async with caller(world, authorization=f"Bearer {await device_key(world, who)}") as found:
            yield found
    elif how == "credential":
        async with caller(world, authorization=basic(who)) as found:
            yield found
    elif who == "agent":
        async with world.browser() as browser:
            key = await device_key(world, who)
            now = dt.datetime.now(dt.UTC)
            async with world.database.write() as session:
                opened = await sessions.open_session(session, key.partition(".")[0], Visit(now, 0.0))
            browser.cookies.set("diemcau_session", opened.cookie)
            me = await browser.get(f"{PREFIX}/me")
            yield Caller(browser, me.json()["csrf_token"])
    else:
        async with caller(world, who) as found:
            yield found


async def device_key(world: World, who: str) -> str:
    """A new key of the first site's agent or device."""
    owner = owners.agent(world.site_id) if who == "agent" else owners.site_device(world.site_id)
    issued = await credentials.issue_key(world.database, world.hashing, owner, by="cli:test", now=NOW)
    return issued.secret
