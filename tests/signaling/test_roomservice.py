"""RoomService: grants, arguments and errors, as a table against LiveKit 1.9.11; and through livekit-api."""

import datetime
import json
import time
from typing import Any, NamedTuple

import pytest
from asgi_server import served
from fake_room_control import FakeRoomControl
from livekit import api
from livekit.protocol import models
from livekit.protocol import room as room_proto
from starlette.applications import Starlette

from signaling import twirp
from signaling.roomservice import SERVICE, RoomService
from signaling.tokens import Grants, KeyRing, VideoGrant
from signaling.twirp import TwirpCall, TwirpServer

KEY, SECRET = "devkey", "s" * 32
KEYS = KeyRing({KEY: SECRET})


def call(
    method: str, arguments: dict[str, Any], video: VideoGrant | None, *, unmute: bool = False
) -> tuple[int, Any, FakeRoomControl]:
    rooms = FakeRoomControl()
    service = RoomService(rooms, enable_remote_unmute=unmute)
    server = TwirpServer(KEYS, {SERVICE: service.methods()})
    request = TwirpCall("POST", f"/twirp/{SERVICE}/{method}", "application/json")
    answer = server.answer(request, json.dumps(arguments).encode(), Grants(video=video), now=1.0)
    return answer.status, json.loads(answer.body), rooms


CREATE = VideoGrant(room_create=True)
LIST = VideoGrant(room_list=True)
ADMIN = VideoGrant(room_admin=True, room="r1")
ADMIN_9 = VideoGrant(room_admin=True, room="r9")
OTHERS = [
    None,
    VideoGrant(),
    VideoGrant(room_join=True, room="r1"),
    VideoGrant(room_admin=True),
    ADMIN_9,
    CREATE,
    LIST,
    ADMIN,
]
A = {"room": "r1", "identity": "a"}
METHODS: list[tuple[str, dict[str, Any], VideoGrant]] = [
    ("CreateRoom", {"name": "r1"}, CREATE),
    ("ListRooms", {}, LIST),
    ("DeleteRoom", {"room": "r1"}, CREATE),
    ("ListParticipants", {"room": "r1"}, ADMIN),
    ("GetParticipant", A, ADMIN),
    ("RemoveParticipant", A, ADMIN),
    ("MutePublishedTrack", {**A, "trackSid": "TR_a", "muted": True}, ADMIN),
    ("UpdateParticipant", {**A, "metadata": "m"}, ADMIN),
    ("UpdateSubscriptions", {**A, "trackSids": ["TR_a"], "subscribe": True}, ADMIN),
    ("SendData", {"room": "r1", "data": "AAAA"}, ADMIN),
    ("UpdateRoomMetadata", {"room": "r1", "metadata": "m"}, ADMIN),
]


@pytest.mark.parametrize(("method", "arguments", "needed"), METHODS)
def test_grants(method: str, arguments: dict[str, Any], needed: VideoGrant) -> None:
    """Each grant but the right one is refused with the words and the status seen on LiveKit."""
    for video in OTHERS:
        status, body, _ = call(method, arguments, video)
        if video == needed:
            assert status == 200, body
        else:
            assert (status, body) == (401, {"code": "unauthenticated", "msg": "permissions denied"}), video


@pytest.mark.parametrize("method", ["ForwardParticipant", "MoveParticipant", "PerformRpc"])
def test_methods_of_the_cloud(method: str) -> None:
    arguments = {"room": "r1", "identity": "a", "destinationRoom": "r2"}
    assert call(method, arguments, LIST)[0] == 401
    # LiveKit 1.9.11 says 500 "unknown" with the same words (and has PerformRpc).
    status, body, _ = call(method, arguments, ADMIN)
    assert (status, body) == (501, {"code": "unimplemented", "msg": "not implemented"})


class Case(NamedTuple):
    method: str
    arguments: dict[str, Any]
    video: VideoGrant
    status: int
    code: str
    #: What LiveKit 1.9.11 answers where it is something else, and why ours is right.
    livekit: str = ""


ERRORS = [
    Case("CreateRoom", {"name": "c" * 257}, CREATE, 400, "invalid_argument"),
    Case("CreateRoom", {"name": "é" * 129}, CREATE, 400, "invalid_argument"),
    Case("CreateRoom", {"name": "x", "roomPreset": "p"}, CREATE, 400, "invalid_argument"),
    Case("CreateRoom", {"name": ""}, CREATE, 400, "invalid_argument", "200, a room that nobody can join"),
    Case(
        "CreateRoom",
        {"name": "x", "metadata": "x" * 64_001},
        CREATE,
        400,
        "invalid_argument",
        "200, unchecked",
    ),
    Case("DeleteRoom", {"room": "nope"}, CREATE, 404, "not_found"),
    Case("GetParticipant", {"room": "r1", "identity": "zz"}, ADMIN, 404, "not_found"),
    Case("GetParticipant", {"room": "r1"}, ADMIN, 404, "not_found"),
    Case("GetParticipant", {"room": "r9", "identity": "a"}, ADMIN_9, 404, "not_found"),
    Case("RemoveParticipant", {"room": "r1", "identity": "zz"}, ADMIN, 404, "not_found"),
    Case("RemoveParticipant", {"room": "r9", "identity": "a"}, ADMIN_9, 404, "not_found"),
    Case("MutePublishedTrack", {**A, "trackSid": "TR_a", "muted": False}, ADMIN, 412, "failed_precondition"),
    Case(
        "MutePublishedTrack",
        {"room": "r1", "identity": "zz", "trackSid": "TR_a", "muted": True},
        ADMIN,
        404,
        "not_found",
        "503 unavailable, after its message bus found no receiver",
    ),
    Case("UpdateParticipant", {"room": "r1", "identity": "zz", "metadata": "m"}, ADMIN, 404, "not_found"),
    Case("UpdateParticipant", {**A, "metadata": "x" * 64_001}, ADMIN, 400, "invalid_argument"),
    Case("UpdateParticipant", {**A, "metadata": "é" * 32_001}, ADMIN, 400, "invalid_argument"),
    Case("UpdateParticipant", {**A, "name": "n" * 257}, ADMIN, 400, "invalid_argument"),
    Case("UpdateParticipant", {**A, "attributes": {"k": "x" * 64_000}}, ADMIN, 400, "invalid_argument"),
    Case(
        "UpdateParticipant",
        {"room": "r1", "identity": "zz", "metadata": "x" * 64_001},
        ADMIN,
        400,
        "invalid_argument",
    ),
    Case(
        "UpdateSubscriptions",
        {"room": "r1", "identity": "zz", "trackSids": ["TR_a"]},
        ADMIN,
        404,
        "not_found",
        "503 unavailable, as for mute",
    ),
    Case("SendData", {"room": "r1", "data": "AAAA", "nonce": "AAAA"}, ADMIN, 400, "invalid_argument"),
    Case(
        "SendData", {"room": "r9", "data": "AAAA"}, ADMIN_9, 404, "not_found", "503 unavailable, as for mute"
    ),
    Case("UpdateRoomMetadata", {"room": "r9", "metadata": "m"}, ADMIN_9, 404, "not_found"),
    Case("UpdateRoomMetadata", {"room": "r1", "metadata": "x" * 64_001}, ADMIN, 400, "invalid_argument"),
]


@pytest.mark.parametrize("case", ERRORS)
def test_errors(case: Case) -> None:
    status, body, rooms = call(case.method, case.arguments, case.video)
    assert (status, body["code"]) == (case.status, case.code)
    assert rooms.calls == []
    assert rooms.people["r1", "a"].metadata == ""


RIGHT: list[tuple[str, dict[str, Any], VideoGrant, Any]] = [
    ("CreateRoom", {"name": "c" * 256}, CREATE, None),
    ("ListRooms", {"names": ["zz"]}, LIST, {"rooms": []}),
    ("ListParticipants", {"room": "r9"}, ADMIN_9, {"participants": []}),
    ("MutePublishedTrack", {**A, "trackSid": "TR_nope", "muted": True}, ADMIN, {"track": None}),
    ("UpdateParticipant", {**A, "metadata": "x" * 64_000, "name": "n" * 256}, ADMIN, None),
    ("UpdateParticipant", {**A, "attributes": {"k": "x" * 63_999}}, ADMIN, None),
    ("UpdateParticipant", A, ADMIN, None),
    ("UpdateSubscriptions", A, ADMIN, {}),
    ("SendData", {"room": "r1", "nonce": "A" * 22 + "=="}, ADMIN, {}),
    ("SendData", {"room": "r1", "destinationIdentities": ["zz"]}, ADMIN, {}),
    ("RemoveParticipant", A, ADMIN, {}),
    ("DeleteRoom", {"room": "r1"}, CREATE, {}),
]


@pytest.mark.parametrize(("method", "arguments", "video", "answer"), RIGHT)
def test_accepted_as_by_livekit(method: str, arguments: Any, video: VideoGrant, answer: Any) -> None:
    status, body, _ = call(method, arguments, video)
    assert status == 200, body
    assert answer is None or body == answer


def test_unmute_where_it_is_enabled() -> None:
    arguments = {**A, "trackSid": "TR_a", "muted": False}
    status, body, rooms = call("MutePublishedTrack", arguments, ADMIN, unmute=True)
    assert (status, body["track"]["sid"], body["track"]["muted"]) == (200, "TR_a", False)
    assert rooms.people["r1", "a"].tracks[0].muted is False


def test_subscriptions_of_both_forms_are_joined_without_repeats() -> None:
    arguments = {
        **A,
        "trackSids": ["TR_1", "TR_2"],
        "participantTracks": [{"participantSid": "PA_x", "trackSids": ["TR_2", "TR_3"]}],
        "subscribe": True,
    }
    _, _, rooms = call("UpdateSubscriptions", arguments, ADMIN)
    assert rooms.calls == [(["TR_1", "TR_2", "TR_3"], True)]


async def test_livekit_api_calls_everything() -> None:
    rooms = FakeRoomControl()
    server = TwirpServer(KEYS, {SERVICE: RoomService(rooms).methods()})
    app = Starlette(routes=twirp.routes(server, time.monotonic, time.time))
    async with served(app) as url, api.LiveKitAPI(url, KEY, SECRET) as client:
        made = await client.room.create_room(room_proto.CreateRoomRequest(name="họp", max_participants=9))
        assert (made.name, made.max_participants) == ("họp", 9)
        listed = await client.room.list_rooms(room_proto.ListRoomsRequest(names=["họp"]))
        assert [room.name for room in listed.rooms] == ["họp"]
        people = await client.room.list_participants(room_proto.ListParticipantsRequest(room="r1"))
        assert [info.identity for info in people.participants] == ["a"]
        one = room_proto.RoomParticipantIdentity(room="r1", identity="a")
        assert (await client.room.get_participant(one)).sid == "PA_a"
        muted = await client.room.mute_published_track(
            room_proto.MuteRoomTrackRequest(room="r1", identity="a", track_sid="TR_a", muted=True)
        )
        assert muted.track.muted
        updated = await client.room.update_participant(
            room_proto.UpdateParticipantRequest(room="r1", identity="a", attributes={"hand": "up"})
        )
        assert dict(updated.attributes) == {"hand": "up"}
        await client.room.update_subscriptions(
            room_proto.UpdateSubscriptionsRequest(
                room="r1", identity="a", track_sids=["TR_x"], subscribe=True
            )
        )
        await client.room.send_data(
            room_proto.SendDataRequest(
                room="r1",
                data=b"\x00\xff",
                kind=models.DataPacket.Kind.RELIABLE,
                topic="t",
                destination_identities=["a"],
            )
        )
        assert rooms.calls == [(["TR_x"], True), (b"\x00\xff", "t", ["a"])]
        changed = await client.room.update_room_metadata(
            room_proto.UpdateRoomMetadataRequest(room="r1", metadata="m")
        )
        assert changed.metadata == "m"
        await client.room.remove_participant(one)
        with pytest.raises(api.TwirpError) as caught:
            await client.room.get_participant(one)
        assert (caught.value.code, caught.value.status) == ("not_found", 404)
        await client.room.delete_room(room_proto.DeleteRoomRequest(room="r1"))
        with pytest.raises(api.TwirpError) as caught:
            await client.room.delete_room(room_proto.DeleteRoomRequest(room="r1"))
        assert caught.value.code == "not_found"


async def test_livekit_api_with_a_wrong_secret() -> None:
    server = TwirpServer(KEYS, {SERVICE: RoomService(FakeRoomControl()).methods()})
    app = Starlette(routes=twirp.routes(server, time.monotonic, time.time))
    async with served(app) as url, api.LiveKitAPI(url, KEY, "wrong" * 10) as client:
        with pytest.raises(api.TwirpError) as caught:
            await client.room.list_rooms(room_proto.ListRoomsRequest())
        assert caught.value.status == 401


def test_livekit_api_token_is_read() -> None:
    token = (
        api.AccessToken(KEY, SECRET)
        .with_ttl(datetime.timedelta(seconds=60))
        .with_grants(api.VideoGrants(room_admin=True, room="r1"))
        .to_jwt()
    )
    server = TwirpServer(KEYS, {})
    grants = server.authenticate(TwirpCall("POST", "/", authorization=f"Bearer {token}"), time.time())
    assert grants is not None
    assert grants.video is not None
    assert (grants.video.room_admin, grants.video.room) == (True, "r1")
