"""A whole meeting over HTTP, WebSocket and media: it opens, sites come in, the floor is heard, it ends."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
import websockets
from serving_harness import Running, running
from small_city import fill
from sqlalchemy import select

from directory.access.sessions import Visit, look_up, open_session
from directory.model import Credential
from scheduler import booking
from scheduler.attending import facts, presence
from scheduler.booking import Plan
from scheduler.model import AttendanceFact, Meeting
from signaling.client.room import RoomClient
from signaling.client.synthetic import SyntheticMicrophone
from signaling.client.tone import ToneSpec
from signaling.errors import SignalingError
from web.settings import Settings


class Browser:
    """Somebody's session in a running service."""

    def __init__(self, running: Running, cookie: str, token: str) -> None:
        self.running = running
        self.base = f"http://127.0.0.1:{running.port}"
        self.headers = {"Cookie": f"diemcau_session={cookie}", "X-CSRF-Token": token}

    async def ticket(self, meeting: str, **headers: str) -> httpx.Response:
        async with httpx.AsyncClient(trust_env=False) as client:
            url = f"{self.base}/api/v1/meetings/{meeting}/ticket"
            return await client.post(url, headers=self.headers | headers)

    @contextlib.asynccontextmanager
    async def channel(self, meeting: str, **headers: str) -> AsyncIterator[Channel]:
        address = f"ws://127.0.0.1:{self.running.port}/channel/{meeting}"
        async with websockets.connect(
            address, additional_headers=self.headers | headers, proxy=None
        ) as socket:
            channel = Channel(socket)
            await channel.say("hello", versions=[1])
            yield channel


class Channel:
    """The meeting channel, read as a page reads it."""

    def __init__(self, socket: websockets.ClientConnection) -> None:
        self.socket = socket
        self.roster: dict[str, dict[str, Any]] = {}
        self.floor: dict[str, Any] = {}
        self.last: dict[str, Any] = {}
        self._number = 0

    async def say(self, kind: str, **values: Any) -> None:
        self._number += 1
        await self.socket.send(json.dumps({"type": kind, "id": str(self._number), **values}))

    async def until(self, condition: Any) -> None:
        async with asyncio.timeout(15):
            while not condition():
                self.last = json.loads(await self.socket.recv())
                for entry in self.last.get("roster", ()):
                    self.roster.setdefault(entry["key"], {}).update(entry)
                self.floor = self.last.get("floor", self.floor)

    def ended(self) -> bool:
        """Whether the last message said that the meeting is over."""
        return bool(self.last.get("code") == "ended")


def is_out(client: RoomClient) -> bool:
    """Whether the media server has put it out."""
    return client.disconnected is not None


@pytest.fixture
async def served(settings: Settings, built: Path) -> AsyncIterator[Running]:
    async with running(settings, built) as served:
        records = served.service.records
        assert records is not None
        await fill(records.database)
        yield served


async def signed_in(served: Running, **owner: int) -> Browser:
    """A session of a person or a site, without the way through the sign-in page."""
    service = served.service
    assert service.records is not None
    assert service.visitors is not None
    now = datetime.now(UTC)
    number = next(iter(owner.values()))
    kind = "person" if "person_id" in owner else "device"
    credential = Credential(
        id=f"c{kind[0]}{number:010}",
        kind=kind,
        device="" if kind == "person" else "main",
        hash="-",
        created_at=now,
        created_by="test",
        **owner,
    )
    async with service.records.database.write() as session:
        session.add(credential)
        await session.flush()
        opened = await open_session(session, credential.id, Visit(now, 0.0))
    principal = await look_up(service.records.database, opened.cookie, now)
    assert principal is not None
    secret: bytes = service.visitors._secret
    digest = hmac.digest(secret, f"session:{principal.session_id}".encode(), hashlib.sha256)
    return Browser(served, opened.cookie, base64.urlsafe_b64encode(digest[:24]).decode())


async def meeting_now(served: Running, *sites: int, opens: bool = True, chair: int = 1) -> str:
    """A meeting that is due; the service opens it by itself."""
    service = served.service
    assert service.records is not None
    assert service.conference is not None
    now = datetime.now(UTC)
    start = now + timedelta(seconds=0.5)
    end, zone = start + timedelta(hours=1), "Asia/Ho_Chi_Minh"
    plan = Plan("Giao ban", "briefing", chair, 2, start, end, zone, endpoint_ids=frozenset(sites))
    async with service.records.database.write() as session:
        made = await booking.create(session, plan, by="person:2", now=now)
        await booking.publish(session, made.id, version=1, by="person:2", now=now)
    if opens:
        await service.conference.waker.ring()
        async with asyncio.timeout(10):
            while True:
                async with service.records.database.read() as session:
                    row = await session.scalar(select(Meeting).where(Meeting.id == made.id))
                if row is not None and row.state == "open":
                    break
                await asyncio.sleep(0.05)
    return made.id


async def test_a_whole_meeting(served: Running) -> None:
    chair = await signed_in(served, person_id=1)
    sites = [await signed_in(served, endpoint_id=number) for number in (1, 2)]
    meeting = await meeting_now(served, 1, 2, 3)
    async with contextlib.AsyncExitStack() as stack:
        pages = [await stack.enter_async_context(who.channel(meeting)) for who in (chair, *sites)]
        for page in pages:
            await page.until(lambda page=page: "site:00003" in page.roster)
        tickets = [(await who.ticket(meeting)).json() for who in (chair, *sites)]
        assert [ticket["role"] for ticket in tickets] == ["chair", "site", "site"]
        assert [ticket["identity"] for ticket in tickets] == [
            "person:1:main",
            "site:00001:main",
            "site:00002:main",
        ]
        clients = [await stack.enter_async_context(RoomClient()) for _ in tickets]
        for client, ticket in zip(clients, tickets, strict=True):
            await client.connect(chair.base, ticket["token"], reconnect=False)
        speaker = clients[1]
        with pytest.raises(SignalingError):
            await speaker.publish(SyntheticMicrophone(ToneSpec(500, silence=0.0)))
        await pages[1].say("ask")
        await pages[0].until(lambda: pages[0].roster["site:00001"]["order"] == 1)
        await pages[0].say("give", target="site:00001")
        await pages[2].until(lambda: pages[2].floor.get("holder") == "site:00001")
        await speaker.publish(SyntheticMicrophone(ToneSpec(500, silence=0.0)))
        await clients[2].until(lambda: bool(clients[2].received_from("site:00001:main")))
        await pages[0].say("take_back")
        await clients[2].until(lambda: not clients[2].received_from("site:00001:main"))
        await pages[0].say("end", reason="xong")
        for client in clients:
            await client.until(partial(is_out, client))
        for page in pages:
            await page.until(page.ended)
    assert (await sites[0].ticket(meeting)).json()["code"] == "meeting_over"
    late = RoomClient()
    with contextlib.suppress(SignalingError):
        await late.connect(chair.base, tickets[1]["token"], reconnect=False)
        await late.until(lambda: late.disconnected is not None, 20)
    await late.close()
    records = served.service.records
    assert records is not None

    async def told() -> set[tuple[str, str]]:
        async with records.database.read() as session:
            return {(line.identity, line.kind) for line in await facts(session, meeting)}

    wanted = {(f"site:0000{n}:main", kind) for n in (1, 2) for kind in ("joined", "left")}
    async with asyncio.timeout(10):
        while not wanted <= await told():  # noqa: ASYNC110 - the log has no event
            await asyncio.sleep(0.05)
    async with records.database.read() as session:
        assert presence(await facts(session, meeting)).present() == {}
        (count,) = await session.scalars(
            select(AttendanceFact.id).where(
                AttendanceFact.identity == "site:00001:main", AttendanceFact.kind == "joined"
            )
        )
        assert count


async def test_who_is_not_of_the_meeting_has_no_way_in(served: Running) -> None:
    meeting = await meeting_now(served, 1)
    stranger = await signed_in(served, person_id=5)
    answer = await stranger.ticket(meeting)
    assert (answer.status_code, answer.json()["code"]) == (403, "not_of_this_meeting")
    with pytest.raises(websockets.InvalidStatus):
        async with stranger.channel(meeting):
            pass


async def test_a_site_that_was_not_invited_waits_and_gets_no_token(served: Running) -> None:
    meeting = await meeting_now(served, 1)
    guest = await signed_in(served, endpoint_id=9)
    chair = await signed_in(served, person_id=1)
    async with guest.channel(meeting) as door, chair.channel(meeting) as lead:
        await door.until(lambda: door.last.get("type") == "welcome")
        assert door.last["waiting"] is True
        assert (await guest.ticket(meeting)).json()["code"] == "not_admitted"
        await lead.until(lambda: bool(lead.last.get("lobby")))
        await lead.say("admit", target="site:00009")
        await door.until(lambda: "site:00009" in door.roster)
        assert (await guest.ticket(meeting)).status_code == 200


async def test_requests_that_come_from_elsewhere(served: Running) -> None:
    meeting = await meeting_now(served, 1)
    site = await signed_in(served, endpoint_id=1)
    other = {"Sec-Fetch-Site": "cross-site"}
    assert (await site.ticket(meeting, **other)).json()["code"] == "wrong_origin"
    assert (await site.ticket(meeting, **{"X-CSRF-Token": "x"})).json()["code"] == "form_refused"
    assert (await site.ticket(meeting, Cookie="")).status_code in (401, 403)
    for headers in ({"Origin": "https://evil.example"}, {"Cookie": ""}):
        with pytest.raises(websockets.InvalidStatus):
            async with site.channel(meeting, **headers):
                pass


async def test_meetings_that_are_not_open(served: Running) -> None:
    site = await signed_in(served, endpoint_id=1)
    meeting = await meeting_now(served, 1, opens=False)
    for wanted, status, code in ((meeting, 409, "meeting_not_open"), ("none", 404, "no_meeting")):
        answer = await site.ticket(wanted)
        assert (answer.status_code, answer.json()["code"]) == (status, code)


@pytest.mark.parametrize(
    ("body", "status"), [(b"{}", 401), (b"", 401), (b"x" * 2_000_000, 413)], ids=["unsigned", "empty", "huge"]
)
async def test_webhooks_that_nobody_signed(served: Running, body: bytes, status: int) -> None:
    async with httpx.AsyncClient(trust_env=False) as client:
        answer = await client.post(f"http://127.0.0.1:{served.port}/webhooks/media", content=body)
    assert answer.status_code == status
