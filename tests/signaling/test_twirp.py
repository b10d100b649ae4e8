"""Twirp as LiveKit 1.9.11 speaks it: each row of the tables was seen there, but for those marked ours."""

import asyncio
import json
import time
from typing import Any

import httpx
import pytest
import structlog
from asgi_server import served
from fake_room_control import FakeRoomControl
from google.protobuf import json_format
from hypothesis import given
from hypothesis import strategies as st
from livekit.protocol import models
from livekit.protocol import room as room_proto
from starlette.applications import Starlette

from signaling import twirp
from signaling.errors import SignalingError, UnauthenticatedError
from signaling.roomservice import SERVICE, RoomService
from signaling.tokens import Grants, KeyRing, VideoGrant
from signaling.twirp import TwirpAnswer, TwirpCall, TwirpServer

KEYS = KeyRing({"devkey": "s" * 32})
WALL = 1_800_000_000.0
PATH = "/twirp/livekit.RoomService/"
CREATOR = Grants(identity="adm", video=VideoGrant(room_create=True))
JSON = "application/json"
PROTOBUF = "application/protobuf"


@pytest.fixture
def server() -> TwirpServer:
    return TwirpServer(KEYS, {SERVICE: RoomService(FakeRoomControl()).methods()})


def answer(
    server: TwirpServer,
    body: bytes,
    *,
    path: str = PATH + "CreateRoom",
    method: str = "POST",
    form: str = JSON,
    grants: Grants | None = CREATOR,
) -> TwirpAnswer:
    return server.answer(TwirpCall(method, path, form), body, grants, now=1.0)


BAD_ROUTES = [
    ("POST", PATH + "Nope", JSON, f'no handler for path "{PATH}Nope"'),
    ("POST", PATH + "createRoom", JSON, f'no handler for path "{PATH}createRoom"'),
    ("POST", PATH + "CreateRoom/", JSON, f'no handler for path "{PATH}CreateRoom/"'),
    ("GET", PATH + "CreateRoom", JSON, 'unsupported method "GET" (only POST is allowed)'),
    ("PUT", PATH + "Nope", JSON, 'unsupported method "PUT" (only POST is allowed)'),
    ("POST", PATH + "CreateRoom", "text/plain", 'unexpected Content-Type: "text/plain"'),
    ("POST", PATH + "CreateRoom", "", 'unexpected Content-Type: ""'),
]


@pytest.mark.parametrize(("method", "path", "form", "message"), BAD_ROUTES)
def test_bad_route(server: TwirpServer, method: str, path: str, form: str, message: str) -> None:
    got = answer(server, b"{}", path=path, method=method, form=form)
    assert (got.status, got.content_type) == (404, JSON)
    assert json.loads(got.body) == {
        "code": "bad_route",
        "msg": message,
        "meta": {"twirp_invalid_route": f"{method} {path}"},
    }


@pytest.mark.parametrize("path", ["/twirp/livekit.Egress/ListEgress", "/twirp/", "/twirp", "/elsewhere"])
def test_unknown_service(server: TwirpServer, path: str) -> None:
    assert answer(server, b"{}", path=path) == TwirpAnswer(
        404, "text/plain; charset=utf-8", b"404 page not found\n"
    )


@pytest.mark.parametrize(
    ("form", "body"),
    [
        (JSON, b""),
        (JSON, b"{"),
        (JSON, b"[]"),
        (JSON, b"null"),
        (JSON, b'"name"'),
        (JSON, b'{"name":5}'),
        (JSON, b'{"name":"\xff"}'),
        (JSON, b'{"maxParticipants":-1}'),
        (JSON, b"[" * 100_000),
        (PROTOBUF, b"\xff\xff"),
        (PROTOBUF, b"\x0a\x02\xff\xff"),
        (PROTOBUF, b"\x0a\x7fx"),
    ],
)
def test_malformed(server: TwirpServer, form: str, body: bytes) -> None:
    got = answer(server, body, form=form)
    assert (got.status, got.content_type) == (400, JSON)
    word = "json" if form == JSON else "protobuf"
    assert json.loads(got.body) == {"code": "malformed", "msg": f"the {word} request could not be decoded"}


@given(
    st.binary(max_size=200), st.sampled_from([JSON, PROTOBUF]), st.sampled_from(sorted(RoomService.__dict__))
)
def test_random_bodies_get_an_answer(body: bytes, form: str, name: str) -> None:
    server = TwirpServer(KEYS, {SERVICE: RoomService(FakeRoomControl()).methods()})
    grants = Grants(video=VideoGrant(room_create=True, room_list=True, room_admin=True, room="r1"))
    for method in (name, "UpdateParticipant", "SendData", "CreateRoom"):
        assert answer(server, body, path=PATH + method, form=form, grants=grants).status < 500


@pytest.mark.parametrize("form", [JSON, "application/json; charset=utf-8", "APPLICATION/JSON"])
def test_json_call(server: TwirpServer, form: str) -> None:
    got = answer(server, b'{"name":"r2","maxParticipants":"3","emptyTimeout":7,"zz":{}}', form=form)
    assert (got.status, got.content_type) == (200, JSON)
    values = json.loads(got.body)
    # Snake case, with every field, 64-bit integers as strings.
    assert (values["name"], values["max_participants"], values["num_participants"]) == ("r2", 3, 0)
    assert values["creation_time"] == "0"
    assert values["enabled_codecs"] == []
    assert values["version"] is None


def test_protobuf_call(server: TwirpServer) -> None:
    request = room_proto.CreateRoomRequest(name="r2", max_participants=3)
    got = answer(server, request.SerializeToString(), form=PROTOBUF)
    assert (got.status, got.content_type) == (200, PROTOBUF)
    assert models.Room.FromString(got.body).max_participants == 3


def test_unset_messages_are_null_in_json() -> None:
    assert twirp.to_json(room_proto.MuteRoomTrackResponse()) == {"track": None}
    info = models.ParticipantInfo(attributes={"k": "v"}, tracks=[models.TrackInfo()])
    values = twirp.to_json(room_proto.ListParticipantsResponse(participants=[info]))
    participant = values["participants"][0]
    assert participant["permission"] is None
    assert participant["attributes"] == {"k": "v"}
    assert participant["tracks"][0]["version"] is None
    assert json_format.ParseDict(values, room_proto.ListParticipantsResponse()).participants[0] == info


def test_unexpected_exception_stays_inside(server: TwirpServer) -> None:
    with structlog.testing.capture_logs() as logs:
        got = answer(server, b'{"name":"boom"}')
    assert got.status == 500
    assert [entry["event"] for entry in logs] == ["twirp_call_failed"]
    assert "a secret of the inside" in logs[0]["traceback"]
    assert json.loads(got.body) == {"code": "internal", "msg": "internal error"}


@pytest.mark.parametrize("error", SignalingError.__subclasses__())
def test_errors_have_twirps_status(error: type[SignalingError]) -> None:
    # https://twitchtv.github.io/twirp/docs/errors.html
    statuses = {
        "invalid_argument": 400,
        "malformed": 400,
        "unauthenticated": 401,
        "permission_denied": 403,
        "bad_route": 404,
        "not_found": 404,
        "deadline_exceeded": 408,
        "already_exists": 409,
        "failed_precondition": 412,
        "resource_exhausted": 429,
        "unimplemented": 501,
        "unavailable": 503,
    }
    got = twirp.error_answer(error("words"))
    assert json.loads(got.body) == {"code": error.code, "msg": "words"}
    assert got.status == statuses[error.code]


def test_tokens_in_header_and_query(server: TwirpServer) -> None:
    token = KEYS.issue("devkey", CREATOR, exp=WALL + 60, now=WALL)
    header = TwirpCall("POST", PATH, authorization="Bearer " + token)
    query = TwirpCall("POST", PATH, query_token=token)
    assert server.authenticate(header, WALL) == server.authenticate(query, WALL) == CREATOR
    assert server.authenticate(TwirpCall("POST", PATH), WALL) is None
    assert token not in repr(header) + repr(query)


@pytest.mark.parametrize(
    ("authorization", "words"),
    [
        ("Basic x", b"invalid authorization header. Must start with Bearer"),
        ("bearer x", b"invalid authorization header. Must start with Bearer"),
        ("Bearer xx.yy", b"invalid token"),
        (
            "Bearer " + KeyRing({"other": "s"}).issue("other", CREATOR, exp=WALL + 9, now=WALL),
            b"invalid API key",
        ),
        ("Bearer " + KEYS.issue("devkey", CREATOR, exp=WALL - 61, now=WALL), b"invalid token: expired"),
    ],
)
def test_bad_token_is_plain_text(server: TwirpServer, authorization: str, words: bytes) -> None:
    with pytest.raises(UnauthenticatedError) as caught:
        server.authenticate(TwirpCall("POST", PATH, authorization=authorization), WALL)
    assert twirp.refusal(caught.value) == TwirpAnswer(401, "text/plain; charset=utf-8", words)


async def test_over_http(server: TwirpServer) -> None:
    app = Starlette(routes=twirp.routes(server, time.monotonic, time.time))
    now = time.time()
    bearer = {"authorization": "Bearer " + KEYS.issue("devkey", CREATOR, exp=now + 60, now=now)}
    async with served(app) as url, httpx.AsyncClient(base_url=url + PATH, trust_env=False) as client:

        async def post(
            body: Any, headers: dict[str, str] = bearer, path: str = "CreateRoom"
        ) -> httpx.Response:
            return await client.post(path, content=body, headers={"content-type": JSON, **headers})

        made = await post(b'{"name":"h\xe1\xbb\x8dp"}')
        assert (made.status_code, made.json()["name"]) == (200, "họp")
        assert made.headers["vary"] == "Origin"
        assert "access-control-allow-origin" not in made.headers
        crossing = await post(b"{}", {**bearer, "origin": "http://x"})
        assert crossing.headers["access-control-allow-origin"] == "http://x"
        assert crossing.headers["access-control-expose-headers"] == "*"
        forged = await post(b"{}", {"authorization": "Bearer x"})
        assert (forged.status_code, forged.text) == (401, "invalid token")
        assert forged.headers["content-type"] == "text/plain; charset=utf-8"
        nameless = await post(b"{}", {})
        assert (nameless.status_code, nameless.json()["code"]) == (401, "unauthenticated")
        assert (await client.get("CreateRoom")).status_code == 404
        assert (await client.get("CreateRoom")).json()["code"] == "bad_route"
        large = await post(b" " * (twirp.MAX_BODY_BYTES + 1))
        assert (large.status_code, large.json()["code"]) == (400, "malformed")
        stranger = await post(b" " * (twirp.MAX_STRANGER_BODY_BYTES + 1), {})
        assert (stranger.status_code, stranger.json()["code"]) == (400, "malformed")
        preflight = await client.options(
            "CreateRoom",
            headers={
                "origin": "http://x",
                "access-control-request-method": "POST",
                "access-control-request-headers": "authorization,content-type",
            },
        )
        assert preflight.status_code == 204
        assert preflight.headers["access-control-allow-origin"] == "http://x"
        assert preflight.headers["access-control-allow-methods"] == "POST"
        assert preflight.headers["access-control-allow-headers"] == "authorization,content-type"


async def test_slow_body_is_cut_off(server: TwirpServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(twirp, "BODY_TIMEOUT", 0.05)
    app = Starlette(routes=twirp.routes(server, time.monotonic, time.time))
    async with served(app) as url:
        host, port = url.removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        head = [f"POST {PATH}CreateRoom HTTP/1.1", "host: x", f"content-type: {JSON}", "content-length: 10"]
        writer.write("\r\n".join([*head, "", "{"]).encode())
        answer = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 10)
        assert answer.startswith(b"HTTP/1.1 408 ")
        writer.close()
        await writer.wait_closed()
