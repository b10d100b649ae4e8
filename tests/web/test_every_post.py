"""Every route that changes something, found in the application itself: forged, huge and slow requests."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from rights_stage import Stage, set_up
from signed_in import PASSWORD, Browser, World
from starlette.routing import Route

import signaling.twirp
import web.api
import web.conference
import web.rendering
import web.rest.calls
import web.uploads
import web.visitors
from web.rest.calls import PREFIX

CHANGING = frozenset({"POST", "PUT", "PATCH", "DELETE"})
BY_TOKEN = ("/twirp/", "/webhooks/")
"""These look at no cookie: programs sign each request."""
HARMLESS = frozenset({"/language"})
"""It keeps a language in the asking browser, and nothing else."""
MEGABYTE = b"x" * 1_000_000


@dataclass
class Door:
    """One method of one route, with a path that leads to something."""

    method: str
    path: str

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


def doors(stage: Stage) -> list[Door]:
    """All of them, by the routes of the application."""
    names = {
        "person": str(stage.world.people["chair"]),
        "code": stage.other_code,
        "site": stage.other_code,
        "meeting": stage.draft.id,
        "group": "1",
        "device": "1",
        "key": "x",
        "path": "livekit.RoomService/ListRooms",
    }
    found = []
    for route in stage.world.service.asgi.routes:  # type: ignore[attr-defined]
        if isinstance(route, Route):
            path = re.sub(r"\{(\w+)(:\w+)?\}", lambda part: names.get(part[1], "1"), route.path)
            methods = {"POST"} if route.path.startswith(BY_TOKEN) else route.methods or set()
            found += [Door(method, path) for method in sorted(methods & CHANGING)]
    return found


@pytest.fixture
async def stage(world: World) -> Stage:
    made = await set_up(world)
    await made.group()
    roles = ("secretary", "administrator", "it_staff", "chair")
    await world.person("all", roles=roles, password=PASSWORD)
    return made


@pytest.fixture
async def browser(stage: Stage) -> AsyncIterator[Browser]:
    """Of a person who may do everything."""
    async with stage.world.browser("all") as made:
        yield made


async def token_of(browser: Browser) -> str:
    return str((await browser.get(f"{PREFIX}/me")).json()["csrf_token"])


def body_of(door: Door) -> dict[str, Any]:
    """What httpx sends as the body that the route reads."""
    return {"json": {}} if door.path.startswith("/api/") else {"data": {"x": "y"}}


@pytest.mark.parametrize("who", ["all", "site"])
@pytest.mark.parametrize("forged", ["another site, right token", "no token", "wrong token"])
async def test_a_forged_request_does_nothing(stage: Stage, who: str, forged: str) -> None:
    async with stage.world.browser(who) as browser:
        token = await token_of(browser)
        headers = {
            "another site, right token": {"Sec-Fetch-Site": "cross-site", "X-CSRF-Token": token},
            "no token": {},
            "wrong token": {"X-CSRF-Token": token[:-1] + ("A" if token[-1] != "A" else "B")},
        }[forged]
        before = await stage.changes()
        went_through = {}
        asked = [door for door in doors(stage) if door.path not in HARMLESS]
        assert len(asked) > 40
        for door in asked:
            answer = await browser.request(door.method, door.path, headers=headers, **body_of(door))
            signed_in_already = door.path.startswith("/sign-in") and answer.status_code == 303
            if not 400 <= answer.status_code < 500 and not signed_in_already:
                went_through[str(door)] = answer.status_code
        assert went_through == {}
        assert await stage.changes() == before
        assert (await browser.get(f"{PREFIX}/me")).status_code == 200, "the session was ended"


async def test_a_forged_request_takes_no_cookie_away(stage: Stage) -> None:
    """Lax cookies stay at home when another site posts; the answer must not take them away then either."""
    async with stage.world.browser() as browser:
        for door in doors(stage):
            answer = await browser.request(
                door.method, door.path, headers={"Sec-Fetch-Site": "cross-site"}, **body_of(door)
            )
            assert "diemcau_session" not in answer.headers.get("set-cookie", ""), str(door)


async def send(
    stage: Stage, browser: Browser, door: Door, chunks: AsyncIterator[bytes], **headers: str
) -> int:
    """The status of the answer to a body that comes in chunks, past every client library."""
    cookie = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
    kind = "application/json" if door.path.startswith("/api/") else "application/x-www-form-urlencoded"
    if door.path == "/directory/import":
        kind = "multipart/form-data; boundary=mark"
    told = {
        "host": "localhost:7880",
        "cookie": cookie,
        "content-type": kind,
        "x-csrf-token": await token_of(browser),
        "if-match": '"1"',
    } | headers
    scope = {
        "type": "http",
        "http_version": "1.1",
        "scheme": "http",
        "method": door.method,
        "path": door.path,
        "raw_path": door.path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [(name.encode(), value.encode()) for name, value in told.items()],
        "client": ("127.0.0.1", 4000),
        "server": ("localhost", 7880),
        "state": {},
    }
    statuses: list[int] = []

    async def receive() -> dict[str, Any]:
        async for chunk in chunks:
            return {"type": "http.request", "body": chunk, "more_body": True}
        return {"type": "http.request", "body": b"", "more_body": False}

    async def answer(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    await stage.world.service.asgi(scope, receive, answer)  # type: ignore[attr-defined]
    return statuses[0]


def weight(folder: Path) -> int:
    """Bytes of all files below, the database's own apart."""
    files = [path for path in folder.rglob("*") if path.is_file() and ".db" not in path.name]
    return sum(path.stat().st_size for path in files)


async def test_two_hundred_megabytes_are_neither_read_nor_kept(stage: Stage, browser: Browser) -> None:
    folder = stage.world.service.state.path
    before = weight(folder)
    accepted = {}
    for door in doors(stage):
        if door.path == "/sign-out":
            continue
        read = 0

        async def megabytes() -> AsyncIterator[bytes]:
            nonlocal read
            for _ in range(200):
                read += 1
                yield MEGABYTE

        chunks = megabytes()
        status = await send(stage, browser, door, chunks)
        # Routes that take no body do not look at this one.
        if read > 12 or (read and not 400 <= status < 500 and status != 303):
            accepted[str(door)] = status, read
    assert accepted == {}
    assert weight(folder) == before


async def test_an_upload_that_is_announced_too_large_is_not_begun(stage: Stage, browser: Browser) -> None:
    read = False

    async def chunks() -> AsyncIterator[bytes]:
        nonlocal read
        read = True
        yield MEGABYTE

    length = {"content-length": str(200 * 1024 * 1024)}
    assert await send(stage, browser, Door("POST", "/directory/import"), chunks(), **length) == 413
    assert not read


async def test_a_body_that_does_not_come_is_not_waited_for(
    stage: Stage, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module, name in (
        (web.visitors, "BODY_TIMEOUT"),
        (web.rest.calls, "BODY_TIMEOUT"),
        (web.api, "BODY_TIMEOUT"),
        (web.uploads, "SECONDS"),
        (web.conference, "LONG_BODY"),
        (web.rendering, "BODY_TIMEOUT"),
        (signaling.twirp, "BODY_TIMEOUT"),
    ):
        assert getattr(module, name) <= 120.0
        monkeypatch.setattr(module, name, 0.01)

    begun = False

    async def never() -> AsyncIterator[bytes]:
        nonlocal begun
        begun = True
        yield b"x"
        await asyncio.Event().wait()

    waited = {}
    for door in doors(stage):
        if door.path == "/sign-out":
            continue
        begun = False
        try:
            async with asyncio.timeout(10):
                status = await send(stage, browser, door, never())
        except TimeoutError:
            status = 0
        if begun and not 400 <= status < 500 and status != 303:
            waited[str(door)] = status
    assert waited == {}


async def test_every_page_has_the_security_headers_and_no_cache_keeps_it(
    stage: Stage, browser: Browser
) -> None:
    wrong = {}
    names = {"meeting": stage.own.id, "person": str(stage.world.people["chair"]), "code": stage.other_code}
    for route in stage.world.service.asgi.routes:  # type: ignore[attr-defined]
        if not isinstance(route, Route) or "GET" not in (route.methods or set()):
            continue
        path = re.sub(r"\{(\w+)(:\w+)?\}", lambda part: names.get(part[1], "1"), route.path)
        answer = await browser.get(path)
        headers = answer.headers
        fine = (
            "script-src 'self'" in headers["content-security-policy"]
            and "frame-ancestors 'none'" in headers["content-security-policy"]
            and headers["x-content-type-options"] == "nosniff"
            and headers["x-frame-options"] == "DENY"
            and headers["referrer-policy"] == "no-referrer"
        )
        kept = headers.get("cache-control", "")
        public = path.startswith(
            ("/static/", "/healthz", "/metrics", "/rtc", "/twirp", "/kiosk-worker", "/api/v1/openapi")
        )
        private = public or "no-store" in kept or "private" in kept
        if not fine or not private:
            wrong[path] = answer.status_code, kept
    assert wrong == {}


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"language=vi&next=%2Fhome", 303),
        (b"&".join(b"a%d=1" % number for number in range(9)), 400),
        (b"x" * 5_000, 413),
        (b"\xff=%ff&language=%00", 303),
        (b"", 303),
    ],
)
async def test_the_language_switch_takes_anything(stage: Stage, body: bytes, status: int) -> None:
    async with stage.world.browser() as browser:
        assert (await browser.post("/language", content=body)).status_code == status
