"""RoomService through `livekit-api`: every method, and the error codes that its callers rely on."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any

import aiohttp
import pytest
from livekit import api, rtc
from livekit.protocol.models import ParticipantInfo

from conformance.target import Browsers, Sites, Target
from conformance.waiting import until


async def code_of(call: Awaitable[Any]) -> str:
    """The Twirp error code with which a call is refused."""
    with pytest.raises(api.TwirpError) as refused:
        await call
    return str(refused.value.code)


async def names(livekit_api: api.LiveKitAPI, *rooms: str) -> set[str]:
    """Names of the rooms that are there, of these only if given."""
    answer = await livekit_api.room.list_rooms(api.ListRoomsRequest(names=rooms))
    return {room.name for room in answer.rooms}


async def test_create_list_delete(livekit_api: api.LiveKitAPI, room_name: str) -> None:
    request = api.CreateRoomRequest(
        name=room_name, metadata="m", empty_timeout=120, departure_timeout=15, max_participants=7
    )
    room = await livekit_api.room.create_room(request)
    assert room.sid.startswith("RM_")
    assert (room.name, room.metadata) == (room_name, "m")
    assert (room.empty_timeout, room.departure_timeout, room.max_participants) == (120, 15, 7)
    assert room.creation_time > 0
    assert (await livekit_api.room.create_room(request)).sid == room.sid
    other = await livekit_api.room.create_room(api.CreateRoomRequest(name=room_name + "-b"))
    assert await names(livekit_api) >= {room_name, other.name}
    assert await names(livekit_api, room_name, "no-such-room") == {room_name}
    for name in (room_name, other.name):
        await livekit_api.room.delete_room(api.DeleteRoomRequest(room=name))
    assert not await names(livekit_api, room_name, other.name)


async def test_delete_puts_everybody_out(
    livekit_api: api.LiveKitAPI, sites: Sites, browsers: Browsers
) -> None:
    native, browser = await sites.join("native"), await browsers.join("browser")
    await livekit_api.room.delete_room(api.DeleteRoomRequest(room=sites.room))
    (reason,) = await native.event("disconnected")
    assert reason == rtc.DisconnectReason.ROOM_DELETED
    assert await browser.event("disconnected") == [5]
    await until(lambda: _gone(livekit_api, sites.room), "the room is not listed")


async def _gone(livekit_api: api.LiveKitAPI, room: str) -> bool:
    return not await names(livekit_api, room)


async def test_list_and_get_participants(livekit_api: api.LiveKitAPI, sites: Sites) -> None:
    first = await sites.join("first", name="One", metadata="m", attributes={"a": "b"})
    second = await sites.join("second", can_publish=False)
    publication = await first.publish_camera("red")
    await second.sees("first", "red")
    request = api.RoomParticipantIdentity(room=sites.room, identity="first")
    got = await livekit_api.room.get_participant(request)
    assert got.sid == first.room.local_participant.sid
    assert (got.identity, got.name, got.metadata, dict(got.attributes)) == ("first", "One", "m", {"a": "b"})
    assert got.state == ParticipantInfo.State.ACTIVE
    assert [(t.sid, t.width, t.height, t.muted) for t in got.tracks] == [(publication.sid, 320, 180, False)]

    async def both() -> list[api.ParticipantInfo] | None:
        answer = await livekit_api.room.list_participants(api.ListParticipantsRequest(room=sites.room))
        ready = len(answer.participants) == 2 and all(
            p.state == ParticipantInfo.State.ACTIVE for p in answer.participants
        )
        return list(answer.participants) if ready else None

    listed = {p.identity: p for p in await until(both, "both are listed as active")}
    assert set(listed) == {"first", "second"}
    assert not listed["second"].permission.can_publish
    await until(lambda: _counts(livekit_api, sites.room, 2), "the room's counter")


async def _counts(livekit_api: api.LiveKitAPI, room: str, number: int) -> bool:
    answer = await livekit_api.room.list_rooms(api.ListRoomsRequest(names=[room]))
    return [r.num_participants for r in answer.rooms] == [number]


@pytest.mark.browser
async def test_remove(livekit_api: api.LiveKitAPI, sites: Sites, browsers: Browsers) -> None:
    witness = await sites.join("witness")
    native, browser = await sites.join("native", present=True), await browsers.join("browser")
    await browser.publish_microphone("red", loud=False)
    await witness.meets("native", "browser")
    for identity in ("native", "browser"):
        request = api.RoomParticipantIdentity(room=sites.room, identity=identity)
        await livekit_api.room.remove_participant(request)
        await witness.event("participant_disconnected", lambda who, name=identity: who.identity == name)
        assert await code_of(livekit_api.room.remove_participant(request)) == "not_found"
    (reason,) = await native.event("disconnected")
    assert reason == rtc.DisconnectReason.PARTICIPANT_REMOVED
    assert await browser.event("disconnected") == [4]
    gone = {who.identity: who.disconnect_reason for (who,) in witness.happened("participant_disconnected")}
    assert set(gone.values()) == {rtc.DisconnectReason.PARTICIPANT_REMOVED}


async def test_unknown_room_and_participant(livekit_api: api.LiveKitAPI, sites: Sites) -> None:
    await sites.join("here")
    service = livekit_api.room
    for room, identity in ((sites.room, "absent"), ("no-such-room", "here")):
        who = api.RoomParticipantIdentity(room=room, identity=identity)
        assert await code_of(service.get_participant(who)) == "not_found"
        assert await code_of(service.remove_participant(who)) == "not_found"
        update = api.UpdateParticipantRequest(room=room, identity=identity, name="x")
        assert await code_of(service.update_participant(update)) == "not_found"
    mute = api.MuteRoomTrackRequest(room=sites.room, identity="absent", track_sid="TR_none", muted=True)
    # LiveKit asks the participant's node and nobody answers; a server on one machine can know better.
    assert await code_of(service.mute_published_track(mute)) in {"not_found", "unavailable"}
    metadata = api.UpdateRoomMetadataRequest(room="no-such-room", metadata="x")
    assert await code_of(service.update_room_metadata(metadata)) == "not_found"
    assert await code_of(service.delete_room(api.DeleteRoomRequest(room="no-such-room"))) == "not_found"
    listed = await service.list_participants(api.ListParticipantsRequest(room="no-such-room"))
    assert not listed.participants


async def test_grants_of_the_caller(server: Target, sites: Sites) -> None:
    """Each method wants its own grant; a room's administrator rules that room alone."""
    await sites.join("here")
    url = f"{server.url}/twirp/livekit.RoomService"

    def bearer(**grants: Any) -> str:
        token = api.AccessToken(server.key, server.secret).with_identity("caller")
        return token.with_grants(api.VideoGrants(**grants)).to_jwt()

    admin = {"room_admin": True, "room": sites.room}
    here, there = {"room": sites.room}, {"room": "elsewhere"}
    cases: list[tuple[str, dict[str, Any], dict[str, Any], int]] = [
        ("CreateRoom", {"name": sites.room}, {"room_list": True}, 401),
        ("CreateRoom", {"name": sites.room}, {"room_create": True}, 200),
        ("ListRooms", {}, {"room_create": True}, 401),
        ("ListRooms", {}, {"room_list": True}, 200),
        ("ListParticipants", here, {"room_list": True}, 401),
        ("ListParticipants", here, admin, 200),
        ("ListParticipants", there, admin, 401),
        ("GetParticipant", here | {"identity": "here"}, {"room_join": True, "room": sites.room}, 401),
        ("GetParticipant", here | {"identity": "here"}, admin, 200),
        ("UpdateParticipant", there | {"identity": "here"}, admin, 401),
        ("RemoveParticipant", here | {"identity": "here"}, {"room_create": True}, 401),
        ("SendData", here | {"data": "eA=="}, {"room_create": True}, 401),
        ("DeleteRoom", here, admin, 401),
        ("DeleteRoom", here, {"room_create": True}, 200),
    ]
    async with aiohttp.ClientSession() as session:
        for method, body, grants, status in cases:
            headers = {"Authorization": f"Bearer {bearer(**grants)}"}
            async with session.post(f"{url}/{method}", json=body, headers=headers) as answer:
                text = await answer.text()
                assert answer.status == status, (method, grants, text)
                if status == 401:
                    assert '"unauthenticated"' in text
        async with session.post(f"{url}/ListRooms", json={}) as answer:
            assert answer.status == 401
        headers = {"Authorization": "Bearer " + api.AccessToken("nobody", "x" * 40).to_jwt()}
        async with session.post(f"{url}/ListRooms", json={}, headers=headers) as answer:
            assert answer.status == 401
        headers = {"Authorization": f"Bearer {bearer(room_list=True)}"}
        async with session.post(f"{url}/NoSuchMethod", json={}, headers=headers) as answer:
            assert answer.status == 404
            assert (await answer.json())["code"] == "bad_route"
        async with session.post(f"{url}/ListRooms", data=b"{", headers=headers | JSON) as answer:
            assert answer.status == 400
            assert (await answer.json())["code"] == "malformed"
        async with session.post(f"{url}/ListRooms", data=b"\xff", headers=headers | PROTOBUF) as answer:
            assert answer.status == 400
            assert (await answer.json())["code"] == "malformed"


JSON = {"Content-Type": "application/json"}
PROTOBUF = {"Content-Type": "application/protobuf"}
