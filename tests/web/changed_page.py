"""A meeting of two sites and its chair, in which one site's page does whatever its visitor wrote into it."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import websockets
from serving_harness import Running, running
from small_city import fill
from test_conference import Browser, Channel, meeting_now, signed_in

from scheduler.floor_state import State
from signaling.client.room import RoomClient
from web.settings import Settings


@dataclass
class Seat:
    """Somebody in a meeting: session, channel, ticket and room."""

    browser: Browser
    page: Channel
    ticket: dict[str, Any] = field(default_factory=dict)
    client: RoomClient = field(default_factory=RoomClient)
    heard: list[dict[str, Any]] = field(default_factory=list)

    async def answer(self, text: str) -> dict[str, Any]:
        """What the channel answers to a text that has an id."""
        number = json.loads(text)["id"]
        await self.page.socket.send(text)
        async with asyncio.timeout(15):
            while True:
                told: dict[str, Any] = json.loads(await self.page.socket.recv())
                self.heard.append(told)
                if told.get("id") == number:
                    return told

    async def closed(self) -> int:
        """The code with which the channel is closed."""
        async with asyncio.timeout(20):
            with contextlib.suppress(websockets.ConnectionClosed):
                while True:
                    await self.page.socket.recv()
        assert self.page.socket.close_code is not None
        return self.page.socket.close_code


@dataclass
class Scene:
    """The meeting: its chair, the site whose page was changed, and another site."""

    served: Running
    meeting: str
    chair: Seat
    site: Seat
    other: Seat

    @property
    def base(self) -> str:
        """The service's address."""
        return f"http://127.0.0.1:{self.served.port}"

    async def floor(self) -> State:
        """The floor as it is stored."""
        conference = self.served.service.conference
        assert conference is not None
        return await conference.desk.state(self.meeting)


@contextlib.asynccontextmanager
async def scene(settings: Settings, built: Path) -> AsyncIterator[Scene]:
    """All three in the channel and in the room; nobody has the floor."""
    async with running(settings, built) as served, contextlib.AsyncExitStack() as stack:
        records = served.service.records
        assert records is not None
        await fill(records.database)
        meeting = await meeting_now(served, 1, 2)
        seats = []
        for owner in ({"person_id": 1}, {"endpoint_id": 1}, {"endpoint_id": 2}):
            browser = await signed_in(served, **owner)
            page = await stack.enter_async_context(browser.channel(meeting))
            await page.until(lambda page=page: bool(page.roster))
            seat = Seat(browser, page)
            seat.ticket = (await browser.ticket(meeting)).json()
            seat.client = await stack.enter_async_context(RoomClient())
            await seat.client.connect(browser.base, seat.ticket["token"], reconnect=False)
            seats.append(seat)
        yield Scene(served, meeting, *seats)


async def eventually(condition: Callable[[], Awaitable[bool]], seconds: float = 15.0) -> None:
    """Wait until ``condition`` holds, for what tells nobody that it happens."""
    async with asyncio.timeout(seconds):
        while not await condition():  # noqa: ASYNC110 - no event tells of it
            await asyncio.sleep(0.05)
