"""Joining over HTTP: cookies, origins, bodies, statuses."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
import pytest_asyncio
from livekit.protocol import room as room_proto

from media import clock
from web.api import COOKIE, MAX_BODY
from web.assembly import Service

BODY = {"room": "giao-ban", "name": "Hà Nội", "language": "vi", "device": "d1", "k": "chìa-khóa-phòng"}


@pytest_asyncio.fixture
async def client(service: Service) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=service.asgi)  # type: ignore[attr-defined]
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost:7880") as client:
        yield client


async def test_the_link_lets_in_and_the_cookie_brings_back(
    client: httpx.AsyncClient, service: Service
) -> None:
    first = await client.post("/api/join", json=BODY, headers={"Origin": "http://localhost:7880"})
    assert first.status_code == 200
    assert first.headers["cache-control"] == "no-store"
    answer = first.json()
    assert {"url", "token", "identity", "role"} <= set(answer)
    grants = service.relay.keys.verify(answer["token"], clock.wall())
    assert (grants.identity, grants.name) == (answer["identity"], "Hà Nội")
    cookie = first.headers["set-cookie"]
    assert cookie.startswith(f"{COOKIE}=")
    assert "HttpOnly" in cookie
    assert "samesite=strict" in cookie.lower()
    assert "Path=/api/join" in cookie
    assert "Secure" not in cookie
    without_key = {name: value for name, value in BODY.items() if name != "k"}
    again = await client.post("/api/join", json=without_key)
    assert again.json()["identity"] == answer["identity"]
    client.cookies.clear()
    stranger = await client.post("/api/join", json=without_key)
    assert (stranger.status_code, stranger.json()["code"]) == (403, "key_invalid")


async def test_over_https_the_cookie_is_for_https(service: Service) -> None:
    transport = httpx.ASGITransport(app=service.asgi)  # type: ignore[attr-defined]
    async with httpx.AsyncClient(transport=transport, base_url="https://hop.example") as client:
        answer = await client.post("/api/join", json=BODY, headers={"Origin": "https://hop.example"})
    assert re.search(r"; Secure", answer.headers["set-cookie"])


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({"Origin": "https://elsewhere.example"}, 403, "wrong_origin"),
        ({"Origin": "null"}, 403, "wrong_origin"),
        ({"Origin": "http://localhost:7881"}, 403, "wrong_origin"),
        ({"Sec-Fetch-Site": "cross-site"}, 403, "wrong_origin"),
        ({"Sec-Fetch-Site": "same-site"}, 403, "wrong_origin"),
        ({"Content-Type": "text/plain"}, 415, "bad_request"),
        ({"Content-Type": "application/x-www-form-urlencoded"}, 415, "bad_request"),
    ],
)
async def test_other_sites_cannot_join_for_their_visitors(
    client: httpx.AsyncClient, headers: dict[str, str], status: int, code: str
) -> None:
    answer = await client.post(
        "/api/join", json=BODY, headers={"Content-Type": "application/json", **headers}
    )
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize(
    ("content", "status", "code"),
    [
        (b"", 400, "bad_request"),
        (b"{", 400, "bad_request"),
        (b"[1]", 400, "bad_request"),
        (b"[" * 5000, 400, "bad_request"),
        (b'{"room": "giao-ban", "name": ""}', 400, "name_required"),
        (b'{"room": "giao-ban", "name": "\\ud800"}', 400, "name_invalid"),
        (b'{"room": "none", "name": "a"}', 404, "room_not_found"),
        (b'{"room": "giao-ban", "name": "a", "k": "x"}', 403, "key_invalid"),
        (b" " * (MAX_BODY + 1), 413, "too_large"),
        (b"\xff\xfe", 400, "bad_request"),
    ],
)
async def test_what_is_wrong_is_said_in_both_languages(
    client: httpx.AsyncClient, content: bytes, status: int, code: str
) -> None:
    answer = await client.post("/api/join", content=content, headers={"Content-Type": "application/json"})
    said: dict[str, Any] = answer.json()
    assert (answer.status_code, said["code"]) == (status, code)
    assert said["vi"]
    assert said["en"]
    assert said["vi"] != said["en"]


async def test_too_many_guesses_have_to_wait(client: httpx.AsyncClient) -> None:
    for _ in range(10):
        assert (await client.post("/api/join", json={**BODY, "k": "guess"})).status_code == 403
    answer = await client.post("/api/join", json=BODY)
    assert (answer.status_code, answer.json()["code"]) == (429, "too_many")
    assert int(answer.headers["retry-after"]) >= 1


async def test_a_full_room_says_so(client: httpx.AsyncClient, service: Service) -> None:
    registry = service.relay.registry
    registry.create_room(room_proto.CreateRoomRequest(name="giao-ban", max_participants=1), clock.monotonic())
    registry.rooms["giao-ban"].participants["person:other"] = SimpleNamespace(hidden=True)  # type: ignore[assignment]
    try:
        answer = await client.post("/api/join", json=BODY)
    finally:
        registry.rooms["giao-ban"].participants.clear()
    assert (answer.status_code, answer.json()["code"]) == (403, "room_full")
