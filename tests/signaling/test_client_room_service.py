"""The client of RoomService against our own relay: rooms, people, rights, and each refusal as its error."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import httpx
import pytest
from client_relay import KEY, SECRET, TestRelay, token
from livekit.protocol import models

from media import clock
from signaling.client.room import RoomClient
from signaling.client.room_service import RoomService
from signaling.client.synthetic import SyntheticMicrophone
from signaling.client.tone import ToneSpec
from signaling.errors import NotFoundError, SignalingError, UnauthenticatedError, UnavailableError


@pytest.fixture
async def relay() -> AsyncIterator[TestRelay]:
    relay = TestRelay()
    await relay.start()
    yield relay
    await relay.stop()


@pytest.fixture
async def service(relay: TestRelay) -> AsyncIterator[RoomService]:
    service = RoomService(relay.url, KEY, SECRET, clock.wall)
    yield service
    await service.close()


async def test_rooms_come_and_go(service: RoomService) -> None:
    room = await service.create_room("a", empty_timeout=600, metadata="m")
    assert (room.name, room.empty_timeout, room.metadata) == ("a", 600, "m")
    assert (await service.create_room("a")).sid == room.sid
    await service.create_room("b")
    assert {room.name for room in await service.rooms()} == {"a", "b"}
    assert [room.name for room in await service.rooms(["b", "c"])] == ["b"]
    await service.delete_room("a")
    await service.delete_room("a")
    assert [room.name for room in await service.rooms()] == ["b"]


async def test_people_are_seen_permitted_muted_and_put_out(relay: TestRelay, service: RoomService) -> None:
    assert await service.participants("room") == []
    async with RoomClient() as site:
        await site.connect(relay.url, token("site"), reconnect=False)
        track = await site.publish(SyntheticMicrophone(ToneSpec(500)))
        (seen,) = await service.participants("room")
        assert seen.identity == "site"
        await service.mute("room", "site", track.sid)
        await site.until(lambda: track.muted)
        silent = models.ParticipantPermission(can_subscribe=True, can_publish=False)
        changed = await service.permit("room", "site", silent)
        assert not changed.permission.can_publish
        await site.until(lambda: not site.tracks)
        await service.remove("room", "site")
        await site.until(lambda: site.disconnected is not None)
    with pytest.raises(NotFoundError):
        await service.remove("room", "site")
    with pytest.raises(NotFoundError):
        await service.permit("room", "site", models.ParticipantPermission())


async def test_a_wrong_secret_is_refused_and_not_shown(relay: TestRelay) -> None:
    service = RoomService(relay.url, KEY, "x" * 40, clock.wall)
    with pytest.raises(UnauthenticatedError) as found:
        await service.rooms()
    assert "x" * 40 not in str(found.value)
    await service.close()


async def test_a_server_that_is_not_there() -> None:
    service = RoomService("ws://127.0.0.1:9", KEY, SECRET, clock.wall)
    with pytest.raises(UnavailableError):
        await service.rooms()
    await service.close()


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (200, b"\xff\xff", UnavailableError),
        (502, b"<html>", UnavailableError),
        (500, b"[]", UnavailableError),
        (404, b'{"code":"not_found","msg":"x"}', NotFoundError),
        (400, b'{"code":"of_tomorrow"}', UnavailableError),
        (302, b"", UnavailableError),
    ],
)
async def test_strange_answers_are_errors_of_this_part(
    status: int, body: bytes, kind: type[SignalingError]
) -> None:
    def answers() -> Iterator[httpx.Response]:
        while True:
            yield httpx.Response(status, content=body)

    replies = answers()
    client = httpx.AsyncClient(transport=httpx.MockTransport(lambda _request: next(replies)))
    service = RoomService("http://relay", KEY, SECRET, clock.wall, client)
    with pytest.raises(kind):
        await service.rooms()
    await service.close()
