"""Twirp calls: the first byte chooses method and form, the rest is the body."""

import json
import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "signaling"))

from fake_room_control import FakeRoomControl

from signaling.roomservice import SERVICE, RoomService
from signaling.tokens import Grants, KeyRing, VideoGrant
from signaling.twirp import TwirpCall, TwirpServer

GRANTS = Grants(video=VideoGrant(room_create=True, room_list=True, room_admin=True, room="r1"))
NAMES = sorted(RoomService(FakeRoomControl()).methods())


def fuzz(data: bytes) -> None:
    """Nothing may come but an answer, and none that speaks of an internal error."""
    choice, body = data[:1] or b"\0", data[1:]
    server = TwirpServer(KeyRing({"k": "s"}), {SERVICE: RoomService(FakeRoomControl()).methods()})
    name = NAMES[choice[0] % len(NAMES)]
    form = "application/json" if choice[0] & 0x80 else "application/protobuf"
    answer = server.answer(TwirpCall("POST", f"/twirp/{SERVICE}/{name}", form), body, GRANTS, 1.0)
    assert answer.status in (200, 400, 401, 404, 412, 501)
    if answer.status != 200 or choice[0] & 0x80:
        json.loads(answer.body)
