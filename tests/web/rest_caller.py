"""Callers of the REST API: browsers with a session, and other systems with a credential."""

from __future__ import annotations

import base64
import datetime as dt
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
from signed_in import PASSWORD, Browser, World

from scheduler import booking
from scheduler.booking import Plan
from scheduler.model import Meeting
from web.rest.calls import PREFIX

HANOI = dt.timezone(dt.timedelta(hours=7))
HOUR = dt.timedelta(hours=1)


def weekday_at(hour: int, days: int = 1, minute: int = 0) -> dt.datetime:
    """A time of day in Hanoi, on the first working day after so many days."""
    day = dt.datetime.now(HANOI).date() + dt.timedelta(days)
    while day.weekday() > 4:
        day += dt.timedelta(1)
    return dt.datetime.combine(day, dt.time(hour, minute), HANOI)


class Caller:
    """Speaks JSON to the API. ``token`` is for browsers."""

    def __init__(self, browser: Browser, token: str = "", authorization: str = "") -> None:
        self.browser = browser
        self.headers = {"Accept": "application/json"}
        if token:
            self.headers["X-CSRF-Token"] = token
        if authorization:
            self.headers["Authorization"] = authorization

    async def get(self, path: str, **query: Any) -> httpx.Response:
        """Ask."""
        return await self.browser.get(PREFIX + path, params=query, headers=self.headers)

    async def send(
        self, method: str, path: str, body: Any = None, *, version: int | str | None = None, **more: str
    ) -> httpx.Response:
        """Do something; ``body`` is made JSON, unless it is bytes."""
        headers = self.headers | more
        if version is not None:
            headers["If-Match"] = f'"{version}"' if isinstance(version, int) else version
        if body is None:
            return await self.browser.request(method, PREFIX + path, headers=headers)
        if isinstance(body, bytes):
            headers = {"Content-Type": "application/json"} | headers
            return await self.browser.request(method, PREFIX + path, content=body, headers=headers)
        return await self.browser.request(method, PREFIX + path, json=body, headers=headers)


@asynccontextmanager
async def caller(world: World, who: str = "", authorization: str = "") -> AsyncIterator[Caller]:
    """A browser of the role ``who`` (or ``site``), or another system by its header, or nobody."""
    async with world.browser(who) as browser:
        token = ""
        if who:
            me = await browser.get(f"{PREFIX}/me")
            token = me.json()["csrf_token"]
        yield Caller(browser, token, authorization)


def basic(login: str, password: str = PASSWORD) -> str:
    """The header of a person."""
    return "Basic " + base64.b64encode(f"{login}:{password}".encode()).decode()


async def leaders(world: World) -> tuple[int, int]:
    """Ids of a chair and a secretary; made when they are first asked for."""
    for login in ("chair", "secretary"):
        if login not in world.people:
            await world.person(login, roles=(login,), password=PASSWORD)
    return world.people["chair"], world.people["secretary"]


async def plan(world: World, **changes: Any) -> dict[str, Any]:
    """What is sent for a meeting tomorrow."""
    chair, secretary = await leaders(world)
    start = weekday_at(9)
    return {
        "title": "Giao ban tuần",
        "kind": "briefing",
        "chair": chair,
        "secretary": secretary,
        "starts_at": start.isoformat(),
        "ends_at": (start + HOUR).isoformat(),
        "sites": [world.site_code],
    } | changes


async def book(
    world: World,
    start: dt.datetime,
    ids: frozenset[int],
    *,
    publish: bool = True,
    title: str = "Họp đã đặt",
    hours: float = 1,
    chair: int = 0,
    secretary: int = 0,
) -> Meeting:
    """A meeting, past the API."""
    now = dt.datetime.now(dt.UTC)
    people = await leaders(world)
    wanted = Plan(
        title,
        "briefing",
        chair or people[0],
        secretary or people[1],
        start.astimezone(dt.UTC),
        (start + hours * HOUR).astimezone(dt.UTC),
        "Asia/Ho_Chi_Minh",
        endpoint_ids=ids,
    )
    async with world.database.write() as session:
        meeting = await booking.create(session, wanted, by="cli:test", now=now)
        if publish:
            meeting = await booking.publish(
                session, meeting.id, version=meeting.version, by="cli:test", now=now
            )
    return meeting
