"""Sites and chairs in the meetings of the killed service: channel, floor, head-counts, and the media room."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
from datetime import UTC, datetime
from typing import Any

import websockets

from load.kill_log import Asked, Booking, ClientLog, Stay
from load.kill_pages import Browser
from media.clock import monotonic, wall
from signaling.client.events import Connected, RoomEvent
from signaling.client.retry import Backoff
from signaling.client.room import RoomClient
from signaling.errors import SignalingError, UnavailableError

ANSWER = 10.0
OVER = 4.0
"""Seconds after a meeting's end in which a refused channel is tried again."""
_LOST = (OSError, TimeoutError, websockets.WebSocketException)


def seconds_to(moment: datetime) -> float:
    """From now; negative for the past."""
    return (moment - datetime.now(UTC)).total_seconds()


class Page:
    """The channel of one meeting, read as a page reads it, with one request at a time."""

    def __init__(self, browser: Browser, meeting: str, member: str, log: ClientLog) -> None:
        self._browser = browser
        self._meeting = meeting
        self.member = member
        self._log = log
        self._socket: websockets.ClientConnection | None = None
        self._number = 0
        self._waiting: tuple[str, asyncio.Future[str]] | None = None
        self.inside = asyncio.Event()
        self.over = False
        self.roster: dict[str, dict[str, Any]] = {}
        self.holder = ""
        self.asking = False
        """Whether it stands in the queue, by the answers; only then an *ask* would change nothing."""

    async def run(self, ends_at: datetime) -> None:
        """Be on the channel until the meeting has ended; come again after every cut."""
        address = self._browser.service.url.replace("http", "ws", 1) + f"/channel/{self._meeting}"
        while not self.over and seconds_to(ends_at) > -OVER - 15.0:
            try:
                async with websockets.connect(
                    address, additional_headers=self._browser.headers, proxy=None, open_timeout=ANSWER
                ) as socket:
                    await socket.send(json.dumps({"type": "hello", "versions": [1]}))
                    self._socket = socket
                    async for text in socket:
                        self._hear(json.loads(text))
            except websockets.InvalidStatus:
                if seconds_to(ends_at) < -OVER and self._browser.service.listening:
                    return
            except _LOST:
                pass
            finally:
                self._lose()
            await asyncio.sleep(0.3)

    def _lose(self) -> None:
        self._socket = None
        self.inside.clear()
        if self._waiting is not None and not self._waiting[1].done():
            self._waiting[1].set_result("unknown")

    def _hear(self, said: dict[str, Any]) -> None:
        kind = said["type"]
        if kind == "snapshot":
            self.roster = {}
            self._log.opened.setdefault(self._meeting, monotonic())
        for entry in said.get("roster", ()):
            self.roster.setdefault(entry["key"], {}).update(entry)
        if "floor" in said:
            self.holder = said["floor"]["holder"]
            self.asking = self.asking and self.holder != self.member
        if kind == "snapshot":
            self.asking = self.roster.get(self.member, {}).get("order", 0) > 0
            self.inside.set()
        elif kind in ("done", "refused") and self._waiting is not None and said["id"] == self._waiting[0]:
            if not self._waiting[1].done():
                self._waiting[1].set_result(kind)
        elif kind == "closing" and said["code"] == "ended":
            self.over = True
            self._log.ended.setdefault(self._meeting, monotonic())

    async def ask(self, kind: str, **values: Any) -> str:
        """Say something and write down what was answered."""
        socket = self._socket
        if socket is None or not self.inside.is_set():
            return ""
        self._number += 1
        request = str(self._number)
        self._waiting = request, asyncio.get_running_loop().create_future()
        try:
            await socket.send(json.dumps({"type": kind, "id": request, **values}))
            async with asyncio.timeout(ANSWER):
                answer = await self._waiting[1]
        except _LOST:
            answer = "unknown"
        finally:
            self._waiting = None
        if answer == "done" and kind in ("ask", "withdraw"):
            self.asking = kind == "ask"
        count = values.get("count", 0)
        self._log.asked.append(Asked(self._meeting, self.member, kind, count, answer, monotonic()))
        return answer


class Site:
    """A site that comes into each of its meetings: one device, one meeting at a time."""

    def __init__(self, number: int, browser: Browser, log: ClientLog, chance: random.Random) -> None:
        self.member = f"site:{number:05}"
        self.identity = f"{self.member}:main"
        self._browser = browser
        self._log = log
        self._chance = chance
        self.client: RoomClient | None = None
        self.meeting = ""
        """In which it wants to be now."""

    @property
    def in_room(self) -> bool:
        """Whether its client says that it is in the room."""
        return self.client is not None and self.client.connected

    async def attend(self, booking: Booking) -> None:
        """From the start of a meeting to its end."""
        stand = booking.stands[0]
        assert stand is not None
        await asyncio.sleep(max(0.0, seconds_to(stand.starts_at)))
        page = Page(self._browser, booking.id, self.member, self._log)
        channel = asyncio.create_task(page.run(stand.ends_at))
        behaviour = asyncio.create_task(self._behave(page, booking.id))
        try:
            await asyncio.wait({channel, behaviour}, return_when=asyncio.FIRST_COMPLETED)
            await channel
        finally:
            self.meeting = ""
            for task in (channel, behaviour):
                task.cancel()
            await asyncio.gather(channel, behaviour, return_exceptions=True)
            await self._leave(booking.id)

    async def _behave(self, page: Page, meeting: str) -> None:
        heads = self._chance.randint(1, 300)
        while True:
            await page.inside.wait()
            if self.client is None or self.client.disconnected is not None:
                await self._enter(meeting)
            await asyncio.sleep(self._chance.uniform(0.2, 0.8))
            dice = self._chance.random()
            if dice < 0.45:
                heads += 1
                await page.ask("head_count", count=heads)
            elif dice < 0.9:
                if page.asking and self._chance.random() < 0.4:
                    await page.ask("withdraw")
                elif not page.asking and page.holder != self.member:
                    await page.ask("ask")
            elif self.in_room and self._chance.random() < 0.5:
                await self._leave(meeting)

    async def _enter(self, meeting: str) -> None:
        await self._leave(meeting)
        client = RoomClient(backoff=Backoff(cap=3.0), rng=self._chance)
        self.client, self.meeting = client, meeting

        asked_in = 0

        def listen(event: RoomEvent) -> None:
            if isinstance(event, Connected):
                self._log.joins.append(self._stay(client, meeting, asked_in))

        client.listen(listen)

        async def token() -> str:
            nonlocal asked_in
            asked_in = self._browser.service.life
            ticket = await self._browser.ticket(meeting)
            if ticket is None:
                raise UnavailableError("no ticket now")
            return ticket["token"]

        try:
            await client.connect(self._browser.service.url, token, reconnect=True)
        except SignalingError:
            self.client = None
            await client.close()

    async def _leave(self, meeting: str) -> None:
        client, self.client = self.client, None
        self.meeting = ""
        if client is None:
            return
        life = self._browser.service.life
        stay = self._stay(client, meeting, life) if client.connected else None
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(5):
                await client.close()
        if stay is not None and self._browser.service.listening and life == self._browser.service.life:
            self._log.leaves.append(stay)

    def _stay(self, client: RoomClient, meeting: str, asked_in: int) -> Stay:
        life = self._browser.service.life if self._browser.service.life == asked_in else 0
        sid, room_sid = client.local.sid, client.state.room.sid
        return Stay(meeting, self.identity, sid, room_sid, monotonic(), life, wall())


class Chair:
    """Leads its meetings: gives the floor, takes it back, and ends some of them early."""

    def __init__(self, number: int, browser: Browser, log: ClientLog, chance: random.Random) -> None:
        self.member = f"person:{number}"
        self._browser = browser
        self._log = log
        self._chance = chance

    async def attend(self, booking: Booking) -> None:
        """From the start of a meeting to its end."""
        stand = booking.stands[0]
        assert stand is not None
        await asyncio.sleep(max(0.0, seconds_to(stand.starts_at)))
        page = Page(self._browser, booking.id, self.member, self._log)
        channel = asyncio.create_task(page.run(stand.ends_at))
        length = (stand.ends_at - stand.starts_at).total_seconds()
        early = self._chance.random() < 0.5
        try:
            while not channel.done():
                await asyncio.wait({channel}, timeout=self._chance.uniform(0.3, 1.2))
                if not page.inside.is_set():
                    continue
                if early and seconds_to(stand.starts_at) < -0.6 * length:
                    await page.ask("end", reason="xong")
                elif page.holder:
                    await page.ask("take_back")
                elif any(entry.get("order") for entry in page.roster.values()):
                    await page.ask("give")
        finally:
            channel.cancel()
            await asyncio.gather(channel, return_exceptions=True)
