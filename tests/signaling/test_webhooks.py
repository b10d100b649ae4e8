"""Sending and reading webhooks: the wire, signatures both ways with livekit-api, slow and dead sinks."""

import asyncio
import base64
import hashlib
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable

import httpx
import jwt
import pytest
import structlog
from asgi_server import served
from hypothesis import given
from hypothesis import strategies as st
from livekit import api
from livekit.protocol import models
from livekit.protocol.webhook import WebhookEvent
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from signaling import webhooks
from signaling.client import webhook_receiver
from signaling.errors import InvalidArgumentError, MalformedError, UnauthenticatedError
from signaling.tokens import Grants, KeyRing
from signaling.webhook_plan import RetryPolicy
from signaling.webhooks import WebhookSender

KEY, SECRET = "devkey", "s" * 32
KEYS = KeyRing({KEY: SECRET})
WALL = 1_800_000_000.0
ROOM = models.Room(sid="RM_1", name="họp", num_participants=1)
PARTICIPANT = models.ParticipantInfo(sid="PA_1", identity="a", name="A", metadata="m", joined_at_ms=5)
FAST = RetryPolicy(first_pause=0.001, longest_pause=0.001, max_attempts=5)

Answer = Callable[[httpx.Request], Awaitable[httpx.Response]]


def sender(answer: Answer, *urls: str, policy: RetryPolicy = FAST) -> WebhookSender:
    client = httpx.AsyncClient(transport=httpx.MockTransport(answer))
    return WebhookSender(urls or ("http://sink/hook",), KEY, SECRET, policy=policy, client=client)


def answered(status: int) -> httpx.Response:
    """A response whose body has not been read yet, as from a network."""

    async def body() -> AsyncIterator[bytes]:
        yield b"thanks"

    return httpx.Response(status, content=body())


class Sink:
    """Keeps what it gets; answers with the statuses given, then 200."""

    def __init__(self, *statuses: int) -> None:
        self.requests: list[httpx.Request] = []
        self.statuses = list(statuses)

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        return answered(self.statuses.pop(0) if self.statuses else 200)

    def events(self) -> list[str]:
        return [json.loads(request.content)["id"] for request in self.requests]


def numbered(number: int, room: str = "r") -> WebhookEvent:
    return WebhookEvent(event="room_started", room=models.Room(name=room), id=f"EV_{number}")


async def test_notice_on_the_wire() -> None:
    sink = Sink()
    hooks = sender(sink)
    hooks.start()
    before = int(time.time())
    hooks.notify(webhooks.participant_event(webhooks.PARTICIPANT_JOINED, ROOM, PARTICIPANT))
    await hooks.close()
    (request,) = sink.requests
    assert request.method == "POST"
    assert request.headers["content-type"] == "application/webhook+json"
    values = json.loads(request.content)
    assert values.pop("id").startswith("EV_")
    assert before <= int(values.pop("createdAt")) <= time.time()
    assert values == {
        "event": "participant_joined",
        "room": {"sid": "RM_1", "name": "họp", "numParticipants": 1},
        "participant": {"sid": "PA_1", "identity": "a", "name": "A", "metadata": "m", "joinedAtMs": "5"},
    }
    # The token is the header's whole value, as LiveKit sends it.
    claims = jwt.decode(request.headers["authorization"], SECRET, algorithms=["HS256"], issuer=KEY)
    assert claims["exp"] - claims["nbf"] == pytest.approx(300, abs=1)
    assert base64.b64decode(claims["sha256"]) == hashlib.sha256(request.content).digest()
    assert set(claims) == {"iss", "nbf", "exp", "sha256"}


async def test_livekit_api_reads_ours() -> None:
    sink = Sink()
    hooks = sender(sink)
    hooks.notify(webhooks.room_event(webhooks.ROOM_FINISHED, ROOM))
    await hooks.close()
    (request,) = sink.requests
    receiver = api.WebhookReceiver(api.TokenVerifier(KEY, SECRET))
    event = receiver.receive(request.content.decode(), request.headers["authorization"])
    assert (event.event, event.room.name) == ("room_finished", "họp")
    with pytest.raises(Exception, match="hash mismatch"):
        receiver.receive(request.content.decode() + " ", request.headers["authorization"])


def test_track_event_has_names_and_ids_only() -> None:
    event = webhooks.track_event(webhooks.TRACK_PUBLISHED, ROOM, PARTICIPANT, models.TrackInfo(sid="TR_1"))
    assert event.room == models.Room(sid="RM_1", name="họp")
    assert event.participant == models.ParticipantInfo(sid="PA_1", identity="a", name="A")
    assert event.track.sid == "TR_1"


def test_names() -> None:
    # As LiveKit 1.9.11 sends them; participant_connection_aborted was seen for a WebSocket without media.
    assert {
        webhooks.ROOM_STARTED,
        webhooks.ROOM_FINISHED,
        webhooks.PARTICIPANT_JOINED,
        webhooks.PARTICIPANT_LEFT,
        webhooks.PARTICIPANT_CONNECTION_ABORTED,
        webhooks.TRACK_PUBLISHED,
        webhooks.TRACK_UNPUBLISHED,
    } == {
        "room_started",
        "room_finished",
        "participant_joined",
        "participant_left",
        "participant_connection_aborted",
        "track_published",
        "track_unpublished",
    }


async def test_retries_keep_order_and_body() -> None:
    sink = Sink(500, 503, 429, 408)
    hooks = sender(sink)
    hooks.start()
    for number in range(3):
        hooks.notify(numbered(number))
    await hooks.close(timeout=30)
    assert sink.events() == ["EV_0"] * 5 + ["EV_1", "EV_2"]
    assert len({request.content for request in sink.requests[:5]}) == 1
    assert (hooks.pending, hooks.lost) == (0, 0)


@pytest.mark.parametrize("status", [301, 302, 307, 400, 401, 404, 410])
async def test_refusals_are_not_repeated(status: int) -> None:
    sink = Sink(status)
    hooks = sender(sink)
    hooks.notify(numbered(0))
    hooks.notify(numbered(1))
    await hooks.close(timeout=30)
    assert sink.events() == ["EV_0", "EV_1"]
    assert json.loads(sink.requests[1].content)["numDropped"] == 1
    assert hooks.lost == 1


async def test_network_errors_are_repeated() -> None:
    errors: list[Exception] = [
        httpx.ConnectError("refused"),
        httpx.ReadTimeout("slow"),
        OSError("gone"),
        RuntimeError("a bug"),
    ]
    seen = []

    async def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        if errors:
            raise errors.pop(0)
        return answered(204)

    hooks = sender(answer)
    hooks.notify(numbered(0))
    await hooks.close(timeout=30)
    assert len(seen) == 5
    assert hooks.lost == 0


async def test_one_slow_address_delays_no_other() -> None:
    stuck = asyncio.Event()
    quick: list[str] = []
    got_all = asyncio.Event()

    async def answer(request: httpx.Request) -> httpx.Response:
        if request.url.host == "slow":
            await stuck.wait()
        quick.append(json.loads(request.content)["id"])
        if len(quick) == 50:
            got_all.set()
        return answered(200)

    hooks = sender(answer, "http://slow/", "http://quick/")
    hooks.start()
    for number in range(50):
        hooks.notify(numbered(number))
    await asyncio.wait_for(got_all.wait(), 30)
    assert quick == [f"EV_{number}" for number in range(50)]
    assert hooks.pending == 50
    stuck.set()
    await hooks.close(timeout=30)
    assert hooks.lost == 0


async def test_one_stuck_room_delays_no_other_room() -> None:
    stuck, free = asyncio.Event(), asyncio.Event()

    async def answer(request: httpx.Request) -> httpx.Response:
        if json.loads(request.content)["room"]["name"] == "stuck":
            await stuck.wait()
        else:
            free.set()
        return answered(200)

    hooks = sender(answer)
    hooks.start()
    hooks.notify(numbered(0, "stuck"))
    hooks.notify(numbered(1, "free"))
    await asyncio.wait_for(free.wait(), 30)
    stuck.set()
    await hooks.close(timeout=30)


async def test_close_is_bounded_and_leaves_nothing() -> None:
    async def answer(request: httpx.Request) -> httpx.Response:
        await asyncio.Event().wait()
        raise AssertionError

    hooks = sender(answer)
    hooks.start()
    hooks.notify(numbered(0))
    hooks.notify(numbered(1))
    await hooks.close(timeout=0.01)
    assert (hooks.pending, hooks.lost) == (0, 2)
    assert asyncio.all_tasks() == {asyncio.current_task()}
    hooks.notify(numbered(2))
    assert hooks.pending == 0


async def test_overflow_drops_the_oldest_and_says_how_many() -> None:
    sink = Sink()
    hooks = sender(sink, policy=RetryPolicy(max_queued=3))
    for number in range(10):
        hooks.notify(numbered(number))
    assert (hooks.pending, hooks.lost) == (3, 7)
    await hooks.close(timeout=30)
    assert sink.events() == ["EV_7", "EV_8", "EV_9"]
    assert [json.loads(r.content).get("numDropped", 0) for r in sink.requests] == [7, 0, 0]


async def test_long_answer_is_not_read_to_its_end() -> None:
    read = []

    async def body() -> AsyncIterator[bytes]:
        while True:
            read.append(1)
            yield b"x" * 4096

    async def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, content=body())

    hooks = sender(answer)
    hooks.notify(numbered(0))
    await hooks.close(timeout=30)
    assert hooks.lost == 0
    assert len(read) <= 5


async def test_over_the_network() -> None:
    got: list[tuple[bytes, str]] = []

    async def endpoint(request: Request) -> Response:
        got.append((await request.body(), request.headers["authorization"]))
        return Response("thanks")

    async with served(Starlette(routes=[Route("/hook", endpoint, methods=["POST"])])) as url:
        hooks = WebhookSender([url + "/hook", url + "/missing"], KEY, SECRET)
        hooks.start()
        for number in range(3):
            hooks.notify(numbered(number))
        await hooks.close(timeout=30)
    receiver = api.WebhookReceiver(api.TokenVerifier(KEY, SECRET))
    assert [receiver.receive(body.decode(), token).id for body, token in got] == ["EV_0", "EV_1", "EV_2"]
    assert hooks.lost == 3


async def test_addresses_are_logged_without_secrets() -> None:
    url = "https://user:pass@sink.example:8443/path?token=hidden#part"
    sink = Sink(404)
    with structlog.testing.capture_logs() as logs:
        hooks = sender(sink, url)
        hooks.notify(numbered(0))
        await hooks.close(timeout=30)
    assert "https://sink.example:8443/path" in repr(logs)
    for secret in ("user", "pass", "hidden", SECRET):
        assert secret not in repr(logs) + repr(hooks)
    # The address's user does not take the place of the signature.
    assert sink.requests[0].headers["authorization"].startswith("eyJ")
    assert sink.requests[0].url.query == b"token=hidden"


@pytest.mark.parametrize(
    "url", ["", "ftp://x/", "http://", "x", "file:///etc/passwd", "https:///path?secret"]
)
def test_addresses_are_checked(url: str) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        WebhookSender([url], KEY, SECRET)
    assert "secret" not in caught.value.message


def signed(body: bytes, *, secret: str = SECRET, wall: float = WALL) -> str:
    return webhooks.sign(body, KEY, secret, wall)


BODY = webhooks.encode(webhooks.participant_event(webhooks.PARTICIPANT_LEFT, ROOM, PARTICIPANT))


def test_receive() -> None:
    event = webhook_receiver.receive(KEYS, BODY, signed(BODY), WALL)
    assert (event.event, event.participant.sid) == ("participant_left", "PA_1")
    assert webhook_receiver.receive(KEYS, BODY, "Bearer " + signed(BODY), WALL) == event
    newer = b'{"event":"later","newField":{"a":1}}'
    assert webhook_receiver.receive(KEYS, newer, signed(newer), WALL).event == "later"


@pytest.mark.parametrize(
    ("body", "authorization", "error"),
    [
        (BODY, "", UnauthenticatedError),
        (BODY, "x.y.z", UnauthenticatedError),
        (BODY, signed(BODY, secret="t" * 32), UnauthenticatedError),
        (BODY, signed(BODY, wall=WALL - 361), UnauthenticatedError),
        (BODY + b" ", signed(BODY), UnauthenticatedError),
        (BODY, KEYS.issue(KEY, Grants(), exp=WALL + 9, now=WALL), UnauthenticatedError),
        (BODY, KEYS.issue(KEY, Grants(sha256="é!"), exp=WALL + 9, now=WALL), UnauthenticatedError),
        (b"[]", signed(b"[]"), MalformedError),
        (b"\xff", signed(b"\xff"), MalformedError),
        (b'{"event":5}', signed(b'{"event":5}'), MalformedError),
        (b" " * (webhook_receiver.MAX_BODY_BYTES + 1), "", MalformedError),
    ],
)
def test_receive_refuses(body: bytes, authorization: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        webhook_receiver.receive(KEYS, body, authorization, WALL)


@given(st.integers(0, len(BODY) - 1), st.integers(1, 255))
def test_any_changed_byte_is_refused(place: int, change: int) -> None:
    body = bytearray(BODY)
    body[place] ^= change
    with pytest.raises(UnauthenticatedError):
        webhook_receiver.receive(KEYS, bytes(body), signed(BODY), WALL)
