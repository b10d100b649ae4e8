"""How long a room lives, and how many it holds."""

from __future__ import annotations

import time

import pytest
from livekit import api, rtc
from websockets.exceptions import InvalidStatus

from conformance.target import Signals, Sites, Target
from conformance.test_room_service import names
from conformance.test_tokens import get
from conformance.waiting import until


async def test_empty_timeout(livekit_api: api.LiveKitAPI, room_name: str) -> None:
    """A room into which nobody comes ends after its empty timeout, not before."""
    await livekit_api.room.create_room(api.CreateRoomRequest(name=room_name, empty_timeout=2))
    begin = time.monotonic()
    await until(lambda: _gone(livekit_api, room_name), "the room ends", within=20, every=0.2)
    assert time.monotonic() - begin > 1.0


async def test_departure_timeout(livekit_api: api.LiveKitAPI, sites: Sites) -> None:
    """After the last one has left the departure timeout counts, and a return in time keeps the room."""
    request = api.CreateRoomRequest(name=sites.room, empty_timeout=300, departure_timeout=2)
    room = await livekit_api.room.create_room(request)
    await (await sites.join("first")).leave()
    back = await sites.join("second")
    assert await back.room.sid == room.sid
    await back.leave()
    begin = time.monotonic()
    await until(lambda: _gone(livekit_api, sites.room), "the room ends", within=20, every=0.2)
    assert time.monotonic() - begin > 1.0


async def _gone(livekit_api: api.LiveKitAPI, room: str) -> bool:
    return not await names(livekit_api, room)


async def test_max_participants(
    livekit_api: api.LiveKitAPI, sites: Sites, signals: Signals, server: Target
) -> None:
    """The one too many is refused at the upgrade, while `/rtc/validate` still says yes."""
    await livekit_api.room.create_room(api.CreateRoomRequest(name=sites.room, max_participants=2))
    first, _ = await sites.join_all("first", "second")
    with pytest.raises(rtc.ConnectError):
        await sites.join("third")
    with pytest.raises(InvalidStatus) as refused:
        await signals.open("third")
    assert refused.value.response.status_code >= 400
    assert get(f"{server.url}/rtc/validate?access_token={server.token(sites.room, 'third')}")[0] == 200
    await first.leave()

    async def enters() -> bool:
        try:
            await signals.open("third")
        except InvalidStatus:
            return False
        return True

    await until(enters, "a place has become free")
