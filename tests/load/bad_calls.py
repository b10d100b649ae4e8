"""RoomService with bodies that are none, too long, or of another kind than they say."""

from __future__ import annotations

import json
import urllib.request
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

from conformance.processes import KEY, SECRET
from google.protobuf import json_format
from livekit import api
from livekit.protocol import room as room_proto

from load.bad_context import Context
from load.bad_messages import random_message
from load.bad_wire import in_parallel

ROOM = "attacked"
METHODS: dict[str, Any] = {
    "CreateRoom": room_proto.CreateRoomRequest,
    "ListRooms": room_proto.ListRoomsRequest,
    "DeleteRoom": room_proto.DeleteRoomRequest,
    "ListParticipants": room_proto.ListParticipantsRequest,
    "GetParticipant": room_proto.RoomParticipantIdentity,
    "RemoveParticipant": room_proto.RoomParticipantIdentity,
    "MutePublishedTrack": room_proto.MuteRoomTrackRequest,
    "UpdateParticipant": room_proto.UpdateParticipantRequest,
    "UpdateSubscriptions": room_proto.UpdateSubscriptionsRequest,
    "SendData": room_proto.SendDataRequest,
    "UpdateRoomMetadata": room_proto.UpdateRoomMetadataRequest,
}
TYPES = ("application/protobuf", "application/json")
WRONG_TYPES = (
    "text/plain",
    "",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "\xff",
)
PER_CONNECTION = 100
WIDTH = 6
BIG = 20
CLEAR = (200, 400, 401, 403, 404, 408, 412, 413, 429, 501)


def _token() -> str:
    grants = api.VideoGrants(room_create=True, room_list=True, room_admin=True, room=ROOM)
    return api.AccessToken(KEY, SECRET).with_identity("admin").with_grants(grants).to_jwt()


def post(method: str, body: bytes, content_type: str, token: str) -> bytes:
    """One call."""
    lines = [f"POST /twirp/livekit.RoomService/{method} HTTP/1.1", "Host: relay"]
    lines += [f"Content-Type: {content_type}"] if content_type else []
    lines += [f"Authorization: Bearer {token}"] if token else []
    head = "\r\n".join([*lines, f"Content-Length: {len(body)}", "", ""])
    return head.encode("latin-1") + body


def _body(context: Context, method: str, content_type: str) -> bytes:
    rng = context.rng
    if rng.random() < 0.3:
        return rng.randbytes(rng.choice((0, 1, 10, 1000, 10_000)))
    texts = (ROOM, "a", "", "TR_x", "x" * 300, "Hà Nội", "\u0000")
    message = random_message(METHODS[method], rng, texts)
    if content_type == TYPES[0]:
        return message.SerializeToString()
    if rng.random() < 0.5:
        return json_format.MessageToJson(message).encode()
    value: Any = [1, {"room": []}, None, {"room": {"a": 1}}, {"names": 7}, "x"][rng.randrange(6)]
    return json.dumps(value).encode()


async def _calls(context: Context, make: Callable[[], bytes], number: int, each: int) -> Counter[int]:
    seen: Counter[int] = Counter()

    def piece(size: int) -> Callable[[], Awaitable[None]]:
        async def work() -> None:
            seen.update(await context.door.call(*(make() for _ in range(size))))

        return work

    await in_parallel([piece(each)] * max(1, number // each), WIDTH)
    return seen


async def attack(context: Context) -> dict[str, Any]:
    """No call is answered with 500 or by silence; rooms made on the way are deleted."""
    rng, token = context.rng, _token()

    def random_call(given: str) -> bytes:
        method = rng.choice(list(METHODS))
        content_type = rng.choice(TYPES)
        return post(method, _body(context, method, content_type), content_type, given)

    def wrong_type() -> bytes:
        return post(rng.choice(list(METHODS)), b"{}", rng.choice(WRONG_TYPES), token)

    def wrong_path() -> bytes:
        return post(rng.choice(("Nothing", "", "..%2f..", "CreateRoom/x", "%C3%A9")), b"{}", TYPES[1], token)

    number = context.count()
    figures = {}
    for name, make, allowed in (
        ("random bodies", lambda: random_call(token), CLEAR),
        ("random bodies without a token", lambda: random_call(""), (400, 401)),
        ("wrong content types", wrong_type, (404,)),
        ("unknown methods", wrong_path, (404,)),
    ):
        seen = await _calls(context, make, number, min(PER_CONNECTION, number))
        figures[name] = context.expect_only(name, seen, allowed)
    huge = b"{" + b" " * 3_000_000 + b"}"
    seen = await _calls(
        context, lambda: post("ListRooms", huge, TYPES[1], token), context.count(BIG, least=2), 1
    )
    figures["3 MB"] = context.expect_only("3 MB body", seen, (400, 413))
    await _clean_up(context)
    return figures


async def _clean_up(context: Context) -> None:
    async with api.LiveKitAPI(context.server.url, KEY, SECRET) as admin:
        rooms = await admin.room.list_rooms(api.ListRoomsRequest())
        for room in rooms.rooms:
            if room.num_participants == 0:
                await admin.room.delete_room(api.DeleteRoomRequest(room=room.name))


def identities(context: Context, room: str) -> set[str]:
    """Who is in a room, by the API."""
    grants = api.VideoGrants(room_admin=True, room=room)
    token = api.AccessToken(KEY, SECRET).with_identity("admin").with_grants(grants).to_jwt()
    request = urllib.request.Request(
        f"{context.server.url}/twirp/livekit.RoomService/ListParticipants",
        data=json.dumps({"room": room}).encode(),
        headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=20) as answer:
        return {participant["identity"] for participant in json.load(answer)["participants"]}
