"""The service with a booked meeting: people in browsers, sites as native clients with colour and tone.

It runs inside the test's event loop.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import websockets
from conformance.clients.python_sdk import Site
from conformance.waiting import until
from livekit.protocol import models
from playwright.async_api import Browser, BrowserContext
from signed_in import World
from sqlalchemy import select

from directory.access import credentials, owners, sessions
from directory.access.sessions import Visit
from directory.seed import SINCE_2021, load_hanoi_units, load_main_sites
from directory.sites import Site as SiteRow
from directory.sites import all_sites
from e2e.meeting_page import MeetingPage
from scheduler import booking
from scheduler.booking import Plan
from scheduler.channel.mirror import Mirror
from scheduler.floor_state import State
from scheduler.model import FloorEvent
from scheduler.rows import get_meeting
from scheduler.states import OPEN, PUBLISHED
from web.assembly import Service
from web.server import open_listener, serving
from web.settings import load

PEOPLE = (
    ("chair", "Trần Văn Dũng", ("chair",)),
    ("secretary", "Nguyễn Thị Hồng Ánh", ("secretary",)),
    ("it_staff", "Lê Đức Trực", ("it_staff",)),
    ("official", "Vũ Công Chức", ("official",)),
)
TITLE = "Giao ban tuần với các xã, phường"
_CSRF = re.compile(r'data-csrf="([^"]+)"')


class Member:
    """A site or a person in a meeting without a page: a session, what the channel told, and media."""

    def __init__(self, city: RoomCity, key: str, cookie: str, meeting: str) -> None:
        self.city = city
        self.key = key
        self.identity = f"{self.key}:main"
        self.meeting = meeting
        self.mirror = Mirror()
        self.media = Site(self.identity)
        self._cookie = {"Cookie": f"diemcau_session={cookie}"}
        self._socket: websockets.ClientConnection | None = None
        self._reading: asyncio.Task[None] | None = None
        self._number = 0

    async def come(self) -> Member:
        """Come in by the channel, or wait at the door."""
        address = f"{self.city.base.replace('http', 'ws', 1)}/channel/{self.meeting}"
        self._socket = await websockets.connect(address, additional_headers=self._cookie, proxy=None)
        await self._socket.send(json.dumps(self.mirror.hello()))
        self._reading = asyncio.create_task(self._read(self._socket))
        await until(lambda: self.mirror.waiting or self.mirror.roster, f"{self.key} is told where it is")
        return self

    async def _read(self, socket: websockets.ClientConnection) -> None:
        with contextlib.suppress(websockets.ConnectionClosed):
            async for text in socket:
                self.mirror.receive(str(text))

    async def say(self, kind: str, **fields: Any) -> tuple[str, str]:
        """Send a request and return its answer."""
        assert self._socket is not None
        self._number += 1
        number = f"m{self._number}"
        await self._socket.send(json.dumps({"type": kind, "id": number, **fields}))
        answer = await until(lambda: self.mirror.answers.get(number), f"{kind} of {self.key} is answered")
        return str(answer[0]), str(answer[1])

    async def ticket(self) -> httpx.Response:
        """Ask for a ticket as the page does, with the page's own proof."""
        async with httpx.AsyncClient(
            trust_env=False, base_url=self.city.base, headers=self._cookie
        ) as client:
            page = await client.get(f"/meetings/{self.meeting}/room", headers={"Accept": "text/html"})
            proof = _CSRF.search(page.text)
            headers = {"X-CSRF-Token": proof[1] if proof else ""}
            return await client.post(f"/api/v1/meetings/{self.meeting}/ticket", headers=headers)

    async def join(self, colour: str | None = None) -> Member:
        """Join picture and sound, and show a colour."""
        ticket = (await self.ticket()).json()
        await self.media.join(self.city.base.replace("http", "ws", 1), ticket["token"])
        if colour is not None:
            await self.media.publish_camera(colour)
        return self

    async def cut(self, *, half_a_frame: bool = False) -> None:
        """The channel's line is gone without a word, or in the middle of one."""
        assert self._socket is not None
        assert self._reading is not None
        if half_a_frame:
            # The beginning of a masked text of a hundred bytes (RFC 6455, section 5.2), and no more of it.
            self._socket.transport.write(b"\x81\xe4\x01\x02\x03\x04abc")
        self._socket.transport.abort()
        await self._reading
        self.mirror.closing = ""

    async def close(self) -> None:
        """Be gone."""
        with contextlib.suppress(Exception):
            await self.media.leave()
        if self._socket is not None:
            await self._socket.close()
        if self._reading is not None:
            await self._reading


class RoomWindow(MeetingPage):
    """Somebody's browser at a meeting's room."""

    def __init__(self, context: BrowserContext, page: Any, address: str) -> None:
        super().__init__(None, context, page)  # type: ignore[arg-type]
        self.address = address

    async def enter(self) -> RoomWindow:
        """Press the one button, and be in."""
        await self.at("join").click()
        await self.connected()
        return self

    async def lead(self) -> RoomWindow:
        """Open what chair and secretary lead with."""
        if not await self.at("lead-panel").is_visible():
            await self.at("bar-lead").click()
        return self

    async def find(self, words: str) -> None:
        """Search the list of those who attend, opening it if need be."""
        if not await self.at("roster-panel").is_visible():
            await self.at("bar-people").click()
        await self.at("members-search").fill(words)

    def member(self, key: str) -> Any:
        """The line of somebody in that list."""
        return self.page.locator(f'[data-testid=member][data-key="{key}"]')

    async def act(self, key: str, what: str) -> None:
        """Choose an action for somebody in the list."""
        await self.member(key).get_by_test_id("member-more").click()
        await self.at(f"member-{what}").click()

    async def on_stage(self, identity: str) -> None:
        """Wait until this is the main picture."""
        await self.page.locator(f'[data-testid=stage][data-main="{identity}"]').wait_for()


@dataclass
class RoomCity:
    """The running service, its 579 sites, and people of each role."""

    base: str
    service: Service
    world: World
    sites: list[SiteRow]

    def twins(self) -> tuple[SiteRow, SiteRow]:
        """Two sites of one name in different districts."""
        name = next(name for name, count in Counter(site.name for site in self.sites).items() if count > 1)
        first, second, *_ = [site for site in self.sites if site.name == name]
        return first, second

    async def book(
        self,
        sites: Sequence[SiteRow],
        *,
        title: str = TITLE,
        starts_in: timedelta = timedelta(seconds=0.3),
        opens: bool = True,
    ) -> str:
        """A published meeting of these sites; with ``opens`` one that the service has opened."""
        now = datetime.now(UTC)
        people, start = self.world.people, now + starts_in
        plan = Plan(
            title,
            "briefing",
            people["chair"],
            people["secretary"],
            start,
            start + timedelta(hours=1),
            "Asia/Ho_Chi_Minh",
            "",
            frozenset(site.id for site in sites),
        )
        by = f"person:{people['secretary']}"
        async with self.world.database.write() as session:
            made = await booking.create(session, plan, by=by, now=now)
            await booking.publish(session, made.id, version=made.version, by=by, now=now)
        assert self.service.conference is not None
        await self.service.conference.waker.ring()
        if opens:
            await until(lambda: self._is_open(made.id), "the meeting opens by itself")
        return made.id

    async def open_now(self, meeting: str) -> None:
        """Before its time."""
        assert self.service.conference is not None
        await self.service.conference.life.open_now(meeting, by="cli:test", now=datetime.now(UTC))

    async def end(self, meeting: str) -> None:
        """End it past all pages, so that its chair and sites are free for the next one."""
        assert self.service.conference is not None
        now = datetime.now(UTC)
        async with self.world.database.write() as session:
            found = await get_meeting(session, meeting)
            if found.state == PUBLISHED:
                await booking.cancel(
                    session, meeting, version=found.version, by="cli:test", now=now, reason="hết"
                )
            is_open = found.state == OPEN
        if is_open:
            await self.service.conference.life.end(meeting, by="cli:test", now=now)

    async def _is_open(self, meeting: str) -> bool:
        async with self.world.database.read() as session:
            return (await get_meeting(session, meeting)).state == OPEN

    async def member(self, site: SiteRow, meeting: str) -> Member:
        """A site that is signed in by its key."""
        return Member(self, f"site:{site.code}", await self.site_cookie(site), meeting)

    async def voice(self, who: str, meeting: str) -> Member:
        """One more connection of a person, for what a page does not offer."""
        return Member(self, f"person:{self.world.people[who]}", await self.world.cookie(who), meeting)

    async def site_cookie(self, site: SiteRow) -> str:
        """A session of a site's device."""
        issued = await credentials.issue_key(
            self.world.database,
            self.world.hashing,
            owners.site_device(site.id),
            by="cli:test",
            now=datetime.now(UTC),
        )
        async with self.world.database.write() as session:
            opened = await sessions.open_session(
                session, issued.secret.partition(".")[0], Visit(datetime.now(UTC), 0.0)
            )
        return opened.cookie

    async def window(
        self,
        browser: Browser,
        who: str | SiteRow,
        meeting: str,
        *,
        query: str = "",
        language: str = "vi",
        script: str = "",
        **options: Any,
    ) -> RoomWindow:
        """A browser window of a person or a site at the room's page; ``script`` runs before the page's."""
        cookie = await (self.world.cookie(who) if isinstance(who, str) else self.site_cookie(who))
        options = {"viewport": {"width": 1366, "height": 768}, "locale": "vi-VN", **options}
        context = await browser.new_context(**options)
        cookies = {"diemcau_session": cookie, "language": language}
        await context.add_cookies([{"name": n, "value": v, "url": self.base} for n, v in cookies.items()])
        if script:
            await context.add_init_script(script)
        address = f"{self.base}/meetings/{meeting}/room{query}"
        window = RoomWindow(context, await context.new_page(), address)
        await window.page.goto(address)
        return window

    async def floor(self, meeting: str) -> State:
        """The floor as it is kept."""
        assert self.service.conference is not None
        return await self.service.conference.desk.state(meeting)

    async def floor_events(self, meeting: str) -> list[dict[str, Any]]:
        """All that happened to the floor, in order."""
        async with self.world.database.read() as session:
            rows = await session.scalars(
                select(FloorEvent).where(FloorEvent.meeting_id == meeting).order_by(FloorEvent.sequence)
            )
            return [row.event for row in rows]

    async def participants(self, meeting: str) -> dict[str, models.ParticipantInfo]:
        """Who is in the meeting's room, as the media server says."""
        assert self.service.conference is not None
        async with self.world.database.read() as session:
            room = (await get_meeting(session, meeting)).room
        return {one.identity: one for one in await self.service.conference.rooms.participants(room)}


@contextlib.asynccontextmanager
async def room_service(folder: Path) -> AsyncIterator[RoomCity]:
    """The service on free ports of this machine, inside this event loop."""
    settings = load(
        environment={},
        overrides={
            "bind": ["127.0.0.1"],
            "port": 0,
            "udp_port": 0,
            "https_port": 0,
            "loopback": True,
            "state_dir": str(folder / "state"),
        },
    )
    service = Service(settings, with_pages=True)
    listener = open_listener(["127.0.0.1"], 0)
    app = service.app(port=listener.port)
    with contextlib.closing(listener):
        async with serving(
            app, app.router.lifespan_context(app), [listener], service.half_open, service.relay.farewell
        ):
            world = World(service)
            async with world.database.write() as session:
                await load_hanoi_units(session)
                await load_main_sites(session, SINCE_2021)
            for login, name, roles in PEOPLE:
                await world.person(login, name, roles=roles)
            async with world.database.read() as session:
                sites = await all_sites(session)
            yield RoomCity(f"http://localhost:{listener.port}", service, world, sites)
