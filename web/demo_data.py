"""What the demonstration needs on record: Hanoi's sites, a person for each role, keys of sites, two meetings.

May be run at every start: people, sites and keys are made once and kept;
meetings of an earlier start are ended, and two new ones take their place.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from directory import people
from directory.access import credentials, owners
from directory.access.secrets import Hashing
from directory.database import Database
from directory.hanoi import spread
from directory.model import Credential, Person
from directory.people import Details
from directory.seed import SINCE_2021, load_hanoi_units, load_main_sites
from directory.sites import Site, all_sites
from directory.units import unit_by_code
from scheduler import booking
from scheduler.booking import Plan
from scheduler.localtime import DEFAULT_ZONE
from scheduler.model import Meeting
from scheduler.states import OPEN, PUBLISHED, step
from web.demo_people import Demo, SignIn, SiteKey
from web.state import StateFolder

BY: Final = "cli:demo"
KIOSKS: Final = ("00001", "00004", "00006")
"""Sites of the meeting to come whose keys are printed, for pages of sites."""
KEYS: Final = "demo-keys.json"
"""File of the state folder with the keys of an earlier start."""
SOON: Final = timedelta(minutes=5)
LENGTH: Final = timedelta(hours=2)


_PEOPLE: Final = (
    ("chair", "chutri", "Nguyễn Thị Minh", "Phó Chủ tịch"),
    ("secretary", "thuky", "Trần Văn Hòa", "Chánh Văn phòng"),
    ("official", "canbo", "Lê Thị Ánh", "Chủ tịch UBND phường"),
    ("it_staff", "kythuat", "Phạm Quốc Đạt", "Trực kỹ thuật"),
    ("administrator", "quantri", "Đỗ Thu Hà", "Quản trị hệ thống"),
)
"""One for each role: role, login, name, title."""

_OTHER_CHAIR: Final = ("chutri2", "Vũ Đình Bảo", "Giám đốc Sở")
"""Chairs the meeting that is open already, since nobody chairs two at once."""


async def prepare(database: Database, state: StateFolder, now: datetime, simulated: int) -> Demo:
    """Put everything on record. Raises DirectoryError and SchedulerError, and StateError."""
    password = state.secret("demo-password", 9)
    async with database.write() as session:
        await load_hanoi_units(session)
        await load_main_sites(session, SINCE_2021)
    hashing = Hashing()
    try:
        async with database.read() as session:
            sites = await all_sites(session)
        kiosks = [site for site in sites if site.code in KIOSKS]
        district = {site.id for site in sites if site.district_id == kiosks[0].district_id}
        crowd = spread([site for site in sites if site.id not in district], simulated)
        ids = await _people(database, hashing, password, now)
        keys = await _keys(database, hashing, state, [*kiosks, *crowd], now)
    finally:
        hashing.close()
    coming = _next_minute(now + SOON)
    async with database.write() as session:
        await _end_old(session, now)
        running = ""
        if crowd:
            running = await _book(
                session,
                "Giao ban trực tuyến toàn thành phố",
                ids[_OTHER_CHAIR[0]],
                ids["thuky"],
                now + timedelta(seconds=1),
                {site.id for site in crowd},
                now,
            )
        later = await _book(
            session, "Giao ban quận Ba Đình", ids["chutri"], ids["thuky"], coming, district, now
        )
    return Demo(
        tuple(SignIn(role, login, name, password) for role, login, name, _ in _PEOPLE),
        tuple(keys[site.code] for site in kiosks),
        tuple(keys[site.code] for site in crowd),
        running,
        later,
        coming.isoformat(),
    )


def _next_minute(at: datetime) -> datetime:
    return at.replace(second=0, microsecond=0)


async def _people(database: Database, hashing: Hashing, password: str, now: datetime) -> dict[str, int]:
    """The people's numbers by login; who is new gets the password."""
    wanted = [(role, login, name, title) for role, login, name, title in _PEOPLE]
    wanted.append(("chair", *_OTHER_CHAIR))
    ids: dict[str, int] = {}
    for role, login, name, title in wanted:
        async with database.read() as session:
            known = await session.scalar(select(Person.id).where(Person.login == login))
        if known is None:
            secret = await hashing.own_password(password)
            async with database.write() as session:
                spoken_for = await unit_by_code(session, KIOSKS[1], SINCE_2021)
                made = await people.create(
                    session,
                    login,
                    Details(name, title),
                    roles=[role],
                    unit_ids=[spoken_for.id] if role == "official" else [],
                    by=BY,
                    now=now,
                )
                await credentials.issue(session, owners.person(made.id), secret, by=BY, now=now)
                known = made.id
        ids[login] = known
    return ids


async def _keys(
    database: Database, hashing: Hashing, state: StateFolder, sites: Sequence[Site], now: datetime
) -> dict[str, SiteKey]:
    """A key of each site's main device. Those of an earlier start are used again while they live."""
    kept: dict[str, str] = {}
    with contextlib.suppress(OSError, ValueError):
        kept = json.loads((state.path / KEYS).read_text("utf-8"))
    async with database.read() as session:
        alive = set(await session.scalars(select(Credential.id).where(Credential.revoked_at.is_(None))))
    found: dict[str, SiteKey] = {}
    for site in sites:
        key = kept.get(site.code, "")
        if key.partition(".")[0] not in alive:
            secret = await hashing.make_key()
            async with database.write() as session:
                await credentials.issue(session, owners.site_device(site.id), secret, by=BY, now=now)
            key = secret.shown
        found[site.code] = SiteKey(site.code, site.name, site.district, key)
    kept |= {code: one.key for code, one in found.items()}
    state.write(KEYS, json.dumps(kept).encode())
    return found


async def _end_old(session: AsyncSession, now: datetime) -> None:
    """Meetings of an earlier start are over: their times would be in the way."""
    old = await session.scalars(
        select(Meeting).where(Meeting.created_by == BY, Meeting.state.in_((PUBLISHED, OPEN)))
    )
    for meeting in old:
        after = step(meeting.state, "close" if meeting.state == OPEN else "cancel")
        await session.execute(
            update(Meeting)
            .where(Meeting.id == meeting.id)
            .values(state=after, version=Meeting.version + 1, closed_at=now)
        )
        await booking.release(session, meeting.id)


async def _book(
    session: AsyncSession,
    title: str,
    chair: int,
    secretary: int,
    start: datetime,
    sites: set[int],
    now: datetime,
) -> str:
    plan = Plan(
        title, "briefing", chair, secretary, start, start + LENGTH, DEFAULT_ZONE, "", frozenset(sites)
    )
    made = await booking.create(session, plan, by=BY, now=now)
    await booking.publish(session, made.id, version=made.version, by=BY, now=now)
    return made.id
