"""The whole service with the demonstration on record and more besides: something to show on every page."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

from conformance.waiting import until
from playwright.async_api import BrowserContext
from sqlalchemy import case, select, update
from starlette.applications import Starlette

from directory import endpoints, groups, people
from directory.access import credentials, owners, sessions
from directory.access.sessions import Visit
from directory.database import Database
from directory.devices import add_device, devices_of
from directory.endpoints import Details
from directory.model import Device, Endpoint, Group, Person, Place, Unit
from directory.places import PlaceDetails
from directory.sites import Site, all_sites
from scheduler import booking
from scheduler.booking import Plan
from scheduler.localtime import DEFAULT_ZONE, instant, today
from scheduler.model import Meeting
from scheduler.states import OPEN
from web.assembly import Service
from web.demo_data import prepare
from web.demo_people import Demo
from web.server import open_listener, serving
from web.settings import load
from web.state import StateFolder

ROOM, ROOM_KEY = "giao-ban-tp", "khoa-cua-phong-mo"
SITE = "00006"
"""A site with all about it, whose device is signed in too."""
AGENTS = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/142.0 Safari/537.36",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605.1.15 Version/19.0 Safari/604.1",
)
_BY = "cli:test"
_LOGINS = {
    "official": "canbo",
    "chair": "chutri2",
    "secretary": "thuky",
    "it_staff": "kythuat",
    "administrator": "quantri",
}


@dataclass
class City:
    """Where it answers, and the names that addresses are made of."""

    address: str
    app: Starlette
    database: Database
    demo_file: Path
    """What ``simulate-meeting`` reads."""
    names: dict[str, str] = field(default_factory=dict)
    data: set[str] = field(default_factory=lambda: {"Giao ban trực tuyến với các xã, phường"})
    """Names and titles on record, in whatever language they are."""
    _cookies: dict[str, str] = field(default_factory=dict)

    async def sign_in(self, context: BrowserContext, role: str, language: str) -> None:
        """Give a browser the cookies of a role (or of ``nobody``), and its language."""
        cookies = {"language": language}
        if role != "nobody":
            if role not in self._cookies:
                self._cookies[role] = await self._open_session(role, AGENTS[0])
            cookies["diemcau_session"] = self._cookies[role]
        for name, value in cookies.items():
            await context.add_cookies([{"name": name, "value": value, "url": self.address}])

    async def _open_session(self, role: str, agent: str) -> str:
        now = dt.datetime.now(dt.UTC)
        async with self.database.write() as session:
            if role == "site":
                endpoint = await session.scalar(select(Endpoint.id).where(Endpoint.code == SITE))
                owner = owners.site_device(int(endpoint or 0))
            else:
                number = await session.scalar(select(Person.id).where(Person.login == _LOGINS[role]))
                owner = owners.person(int(number or 0))
            living = [one for one in await credentials.of_owner(session, owner) if one.revoked_at is None]
            visit = Visit(now, 0.0, "10.20.6.14", agent)
            return (await sessions.open_session(session, living[0].id, visit)).cookie


@contextlib.asynccontextmanager
async def whole_city(folder: Path) -> AsyncIterator[City]:
    """The service, filled; its meeting of today is open when this returns."""
    settings = load(
        environment={},
        overrides={
            "bind": ["127.0.0.1"],
            "port": 0,
            "udp_port": 0,
            "https_port": 0,
            "loopback": True,
            "examples": True,
            "open_room": ROOM,
            "open_room_title": "Giao ban thành phố",
            "open_room_key": ROOM_KEY,
            "state_dir": str(folder / "state"),
        },
    )
    service = Service(settings, with_pages=True)
    listener = open_listener(["127.0.0.1"], 0)
    app = service.app(port=listener.port)

    async def farewell() -> None:
        await asyncio.sleep(0)

    with contextlib.closing(listener):
        async with serving(app, app.router.lifespan_context(app), [listener], service.half_open, farewell):
            assert service.records is not None
            database = service.records.database
            file = folder / "demo.json"
            city = City(f"http://localhost:{listener.port}", app, database, file)
            demo = await prepare(database, StateFolder(folder / "state"), dt.datetime.now(dt.UTC), 6)
            file.write_text(demo.to_json(), "utf-8")
            await _fill(city, demo)
            service._booked()

            async def is_open() -> bool:
                async with database.read() as session:
                    found = select(Meeting.state).where(Meeting.id == demo.open_meeting)
                    return await session.scalar(found) == OPEN

            await until(is_open, "the meeting of now opens", within=30, every=0.2)
            yield city


async def _fill(city: City, demo: Demo) -> None:
    """What the demonstration has not."""
    now = dt.datetime.now(dt.UTC)
    async with city.database.read() as session:
        sites = await all_sites(session)
        ids = {login: number for number, login in await session.execute(select(Person.id, Person.login))}
    meetings = _Meetings(city.database, now, ids["chutri"], ids["thuky"], sites)
    async with city.database.write() as session:
        states = case((Endpoint.id % 9 < 5, "in_use"), (Endpoint.id % 9 == 5, "accepted"), else_="installed")
        await session.execute(update(Endpoint).where(Endpoint.id % 11 > 1).values(commissioning=states))
        one = await endpoints.by_code(session, SITE)
        await endpoints.change(
            session,
            one.id,
            version=one.version,
            details=Details(one.details.name, "tslcd", "mobile", "Nguyễn Thị Lan Anh", "0912345670"),
            place=PlaceDetails("Phòng họp tầng 2", one.place.kind, "Số 2 phố Nguyễn Khắc Hiếu"),
            by=f"person:{ids['kythuat']}",
            now=now,
        )
        for kind, name, serial in (
            ("terminal", "Thiết bị đầu cuối hội nghị", "TM-20418"),
            ("camera", "Camera PTZ 12×", "C12-0077"),
            ("microphone", "Micro để bàn", ""),
        ):
            version = (await endpoints.get(session, one.id)).version
            await add_device(session, one.id, kind, name, serial, version=version, by=_BY, now=now)
        members = [site.id for site in sites[40:52]]
        device = (await devices_of(session, one.id))[0]
        group = await groups.create(session, "Các xã vùng ngoại thành", members, by=_BY, now=now)
        new = people.Details(
            "Nguyễn Hoàng Phương Thảo Nguyên", "Phó Chánh Văn phòng HĐND và UBND", "0987654321"
        )
        person = await people.create(session, "ngthao", new, roles=["chair", "secretary"], by=_BY, now=now)
        for number in range(30):
            name = f"{_FAMILIES[number % 5]} {_GIVEN[number % 7]} {_GIVEN[(number * 3 + 1) % 7]}"
            await people.create(
                session,
                f"nguoi{number:02}",
                people.Details(name, "Công chức văn phòng - thống kê"),
                roles=["official"],
                unit_ids=[sites[number * 7].unit_id],
                by=_BY,
                now=now,
            )
    draft = await meetings.book("Sơ kết công tác chuyển đổi số sáu tháng cuối năm", 3, 14, 120, publish=False)
    coming = await meetings.book("Họp chuyên đề về phòng, chống thiên tai và tìm kiếm cứu nạn", 2, 8, 90)
    for title, day, hour in (
        ("Giao ban trực tuyến tuần", 1, 8),
        ("Tập huấn dịch vụ công trực tuyến", 1, 14),
        ("Họp đột xuất về công tác dân cư", 4, 9),
    ):
        await meetings.book(title, day, hour, 60)
    cancelled = await meetings.cancelled("Tổng kết phong trào thi đua", 5, 8)
    city.names |= {
        "open": demo.open_meeting,
        "soon": demo.coming_meeting,
        "draft": draft,
        "coming": coming,
        "cancelled": cancelled,
        "site": SITE,
        "twin": "00013",
        "device": str(device.id),
        "group": str(group.id),
        "person": str(ids["thuky"]),
        "other": str(person.id),
        "room": ROOM,
        "key": ROOM_KEY,
    }
    for agent in AGENTS:
        await city._open_session("secretary", agent)
    columns = (
        Meeting.title,
        Meeting.reason,
        Person.name,
        Person.title,
        Device.name,
        Group.name,
        Endpoint.name,
    )
    async with city.database.read() as session:
        for column in (*columns, Unit.name, Place.name, Place.address):
            city.data.update(text for text in await session.scalars(select(column)) if text)


_FAMILIES = ("Nguyễn", "Trần", "Lê", "Phạm", "Hoàng")
_GIVEN = ("Văn Hùng", "Thị Hạnh", "Đức", "Minh", "Thu Hường", "Quang", "Ngọc Ánh")


@dataclass
class _Meetings:
    """Books meetings at working hours of the days to come."""

    database: Database
    now: dt.datetime
    chair: int
    secretary: int
    sites: list[Site]

    async def book(self, title: str, day: int, hour: int, minutes: int, *, publish: bool = True) -> str:
        """A meeting of a district; its id."""
        start = instant(today(self.now) + dt.timedelta(day), dt.time(hour))
        district = self.sites[day * 60].district_id
        chosen = frozenset(site.id for site in self.sites if site.district_id == district)
        agenda = "1. Báo cáo tình hình\n2. Thảo luận\n3. Kết luận của chủ trì"
        end = start + dt.timedelta(minutes=minutes)
        plan = Plan(title, "thematic", self.chair, self.secretary, start, end, DEFAULT_ZONE, agenda, chosen)
        by = f"person:{self.secretary}"
        async with self.database.write() as session:
            made = await booking.create(session, plan, by=by, now=self.now)
            if publish:
                await booking.publish(session, made.id, version=made.version, by=by, now=self.now)
        return made.id

    async def cancelled(self, title: str, day: int, hour: int) -> str:
        """A meeting that was called off; its id."""
        meeting = await self.book(title, day, hour, 60)
        async with self.database.write() as session:
            await booking.cancel(
                session,
                meeting,
                version=2,
                reason="Trùng với kỳ họp của Hội đồng nhân dân thành phố",
                by=f"person:{self.secretary}",
                now=self.now,
            )
        return meeting
