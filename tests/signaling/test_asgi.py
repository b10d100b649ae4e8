"""The WebSocket and HTTP side over real sockets: refusals, stuck clients, and nothing left behind."""

import asyncio
import contextlib
import json
import struct
from collections.abc import AsyncIterator, Callable
from urllib.parse import quote

import httpx
import pytest
import websockets
from client_relay import KEY, SECRET, TestRelay, running_relay, token
from livekit.protocol import rtc
from websockets.exceptions import ConnectionClosed, InvalidStatus

from media import clock
from signaling import asgi
from signaling.grants import Grants, VideoGrant
from signaling.settings import SignalSettings
from signaling.tokens import KeyRing


@pytest.fixture
async def relay() -> AsyncIterator[TestRelay]:
    async with running_relay() as running:
        yield running


@contextlib.asynccontextmanager
async def joined(
    relay: TestRelay, identity: str, query: str = "", **options: object
) -> AsyncIterator[websockets.ClientConnection]:
    """A client that has joined; its first message has been read."""
    headers = {"Authorization": f"Bearer {token(identity)}"}
    async with websockets.connect(
        f"ws://127.0.0.1:{relay.port}/rtc?protocol=16{query}",
        additional_headers=headers,
        proxy=None,
        **options,  # type: ignore[arg-type]
    ) as socket:
        first = await _read(socket)
        assert first.WhichOneof("message") in ("join", "reconnect")
        yield socket


async def _read(socket: websockets.ClientConnection) -> rtc.SignalResponse:
    async with asyncio.timeout(10):
        frame = await socket.recv()
    assert isinstance(frame, bytes)
    return rtc.SignalResponse.FromString(frame)


async def _until(
    socket: websockets.ClientConnection, fits: Callable[[rtc.SignalResponse], bool]
) -> rtc.SignalResponse:
    while True:
        message = await _read(socket)
        if fits(message):
            return message


async def _closed(socket: websockets.ClientConnection) -> tuple[int, str]:
    """Read to the end; how the server closed."""
    async with asyncio.timeout(15):
        with contextlib.suppress(ConnectionClosed):
            while True:
                await socket.recv()
    assert socket.close_code is not None
    return socket.close_code, socket.close_reason or ""


async def _eventually(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.02)


def _signal_tasks() -> list[str]:
    return [task.get_name() for task in asyncio.all_tasks() if task.get_name().startswith("signal ")]


def bad_tokens() -> dict[str, tuple[str | None, int]]:
    now = clock.wall()
    join = VideoGrant(room_join=True, room="room")
    ring, other = KeyRing({KEY: SECRET}), KeyRing({KEY: SECRET[::-1], "stranger": SECRET})

    def made(
        identity: str = "a",
        video: VideoGrant | None = join,
        ring: KeyRing = ring,
        key: str = KEY,
        life: float = 600.0,
    ) -> str:
        return ring.issue(key, Grants(identity=identity, video=video), exp=now + life, now=now - 3600)

    return {
        "none": (None, 401),
        "garbage": ("garbage", 401),
        "forged": (made(ring=other), 401),
        "unknown key": (made(ring=other, key="stranger"), 401),
        "expired": (made(life=-300.0), 401),
        "no grant": (made(video=None), 401),
        "no join": (made(video=VideoGrant(room="room")), 401),
        "no room": (made(video=VideoGrant(room_join=True)), 400),
        "no identity": (made(identity=""), 400),
    }


@pytest.mark.parametrize("case", list(bad_tokens()))
async def test_upgrade_and_validate_refuse_with_the_same_status(relay: TestRelay, case: str) -> None:
    text, status = bad_tokens()[case]
    query = "" if text is None else f"?access_token={quote(text)}"
    async with httpx.AsyncClient(trust_env=False) as client:
        answer = await client.get(f"{relay.url}/rtc/validate{query}")
    assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (status, "*")
    assert answer.text
    assert text is None or text not in answer.text
    with pytest.raises(InvalidStatus) as refused:
        async with websockets.connect(f"ws://127.0.0.1:{relay.port}/rtc{query}", proxy=None):
            pass
    assert refused.value.response.status_code == status
    assert relay.registry.rooms == {}
    assert _signal_tasks() == []


async def test_a_valid_token_is_validated_in_header_and_query(relay: TestRelay) -> None:
    async with httpx.AsyncClient(trust_env=False) as client:
        by_query = await client.get(f"{relay.url}/rtc/validate", params={"access_token": token("a")})
        by_header = await client.get(
            f"{relay.url}/rtc/validate", headers={"Authorization": f"Bearer {token('a')}"}
        )
        plain = await client.get(f"{relay.url}/rtc", headers={"Authorization": f"Bearer {token('a')}"})
    assert (
        (by_query.status_code, by_query.text) == (by_header.status_code, by_header.text) == (200, "success")
    )
    assert plain.status_code == 404
    assert relay.registry.rooms == {}, "a question makes no room"


@pytest.mark.parametrize("path", ["/rtc/v1", "/rtc/v1/validate", "/rtc/v2", "/rtc/v1/x/y"])
@pytest.mark.parametrize("size", [0, 4_000])
async def test_newer_protocols_are_not_found(relay: TestRelay, path: str, size: int) -> None:
    url = f"{path}?access_token={quote(token('a'))}&join_request={'a' * size}"
    async with httpx.AsyncClient(trust_env=False) as client:
        answer = await client.get(relay.url + url)
    assert answer.status_code == 404
    assert "requested room does not exist" not in answer.text
    with pytest.raises(InvalidStatus) as refused:
        async with websockets.connect(f"ws://127.0.0.1:{relay.port}{url}", proxy=None):
            pass
    assert refused.value.response.status_code == 404


async def test_a_full_room_refuses_the_upgrade_while_validate_says_success() -> None:
    async with running_relay(SignalSettings(max_participants=1)) as relay, joined(relay, "a"):
        headers = {"Authorization": f"Bearer {token('b')}"}
        async with httpx.AsyncClient(trust_env=False) as client:
            assert (await client.get(f"{relay.url}/rtc/validate", headers=headers)).status_code == 200
        with pytest.raises(InvalidStatus) as refused:
            async with websockets.connect(
                f"ws://127.0.0.1:{relay.port}/rtc", additional_headers=headers, proxy=None
            ):
                pass
        assert refused.value.response.status_code >= 400
        assert b"max participants" in (refused.value.response.body or b"")
        assert set(relay.registry.rooms["room"].participants) == {"a"}
        async with joined(relay, "a"):
            assert set(relay.registry.rooms["room"].participants) == {"a"}


async def test_a_room_that_only_the_administrator_makes() -> None:
    async with running_relay(SignalSettings(auto_create=False)) as relay:
        headers = {"Authorization": f"Bearer {token('a')}"}
        async with httpx.AsyncClient(trust_env=False) as client:
            answer = await client.get(f"{relay.url}/rtc/validate", headers=headers)
        assert (answer.status_code, answer.text) == (404, "requested room does not exist")


async def test_what_the_query_says_reaches_the_room(relay: TestRelay) -> None:
    async with joined(
        relay, "a", "&auto_subscribe=0&sdk=js&version=2.1&client_protocol=1&adaptive_stream=1&browser=Chrome"
    ):
        params = relay.registry.rooms["room"].participants["a"].params
        assert (params.auto_subscribe, params.adaptive_stream, params.sdk, params.version) == (
            False,
            True,
            "js",
            "2.1",
        )
        assert (params.protocol, params.client_protocol, params.browser) == (16, 1, "Chrome")


@pytest.mark.parametrize(
    ("signature", "query", "browser"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64; rv:153.0) Gecko/20100101 Firefox/153.0", "", "Firefox"),
        ("Mozilla/5.0 (X11; Linux x86_64; rv:153.0) Gecko/20100101 Firefox/153.0", "&browser=Other", "Other"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) FxiOS/130.0 Safari/605.1.15", "", ""),
        ("x" * 600 + "Firefox/1", "", ""),
    ],
)
async def test_firefox_is_known_by_its_signature(
    relay: TestRelay, signature: str, query: str, browser: str
) -> None:
    """livekit-client does not say ``browser``; Firefox must get no shared streams."""
    headers = {"Authorization": f"Bearer {token('a')}"}
    address = f"ws://127.0.0.1:{relay.port}/rtc?protocol=17{query}"
    async with websockets.connect(
        address, additional_headers=headers, user_agent_header=signature, proxy=None
    ) as socket:
        await _read(socket)
        params = relay.registry.rooms["room"].participants["a"].params
        assert params.browser == browser
        assert params.takes_streams == (browser != "Firefox")


@pytest.mark.parametrize("attributes", ["", "!!!", "e30", "W10", "eyJhIjoxfQ", "bnVsbA", "w6k"])
@pytest.mark.parametrize("number", ["", "x", "-1", "9" * 40, "%C2%B2"])
async def test_a_malformed_query_counts_as_absent(relay: TestRelay, attributes: str, number: str) -> None:
    async with joined(relay, "a", f"&attributes={attributes}&client_protocol={number}&auto_subscribe=maybe"):
        participant = relay.registry.rooms["room"].participants["a"]
        assert (participant.params.client_protocol, participant.attributes) == (0, {})


@pytest.mark.parametrize("sid", ["PA_unknown", ""])
async def test_a_resume_of_nothing_is_told_to_join_anew(relay: TestRelay, sid: str) -> None:
    headers = {"Authorization": f"Bearer {token('a')}"}
    async with websockets.connect(
        f"ws://127.0.0.1:{relay.port}/rtc?reconnect=1&sid={sid}", additional_headers=headers, proxy=None
    ) as socket:
        leave = (await _read(socket)).leave
        assert leave.action == rtc.LeaveRequest.Action.RECONNECT
        assert (await _closed(socket))[0] == 1000
    await _eventually(lambda: _signal_tasks() == [])


async def test_a_newer_session_is_in_at_once_and_the_older_one_hears_why(relay: TestRelay) -> None:
    async with joined(relay, "a") as older, joined(relay, "a") as newer:
        message = await _until(older, lambda m: m.HasField("leave"))
        assert message.leave.reason == 2  # DUPLICATE_IDENTITY
        assert (await _closed(older))[0] == 1000
        await newer.send(rtc.SignalRequest(ping=1).SerializeToString())
        await _until(newer, lambda m: m.HasField("pong"))


async def test_a_client_that_leaves_gets_its_answer_before_the_close(relay: TestRelay) -> None:
    async with joined(relay, "a") as socket:
        await socket.send(rtc.SignalRequest(leave=rtc.LeaveRequest()).SerializeToString())
        assert (await _until(socket, lambda m: m.HasField("leave"))).leave.reason == 1  # CLIENT_INITIATED
        assert (await _closed(socket))[0] == 1000
    assert relay.registry.rooms["room"].participants == {}
    await _eventually(lambda: _signal_tasks() == [])


@pytest.mark.parametrize(
    ("frame", "code"),
    [(b"\xff\xff\xff", 1002), ("not json", 1002), (b"\0" * 3_000_000, 1002), (b"\0" * 17_000_000, 1009)],
)
async def test_bad_frames_end_that_session_only(relay: TestRelay, frame: bytes | str, code: int) -> None:
    async with joined(relay, "good") as good, joined(relay, "bad") as bad:
        with contextlib.suppress(ConnectionClosed):
            await bad.send(frame)
        assert (await _closed(bad))[0] == code
        await good.send(rtc.SignalRequest(ping=1).SerializeToString())
        await _until(good, lambda m: m.HasField("pong"))


async def test_too_many_requests_close_with_a_policy_code() -> None:
    settings = SignalSettings(requests_per_second=1, request_burst=5)
    async with running_relay(settings) as relay, joined(relay, "a") as socket:
        with contextlib.suppress(ConnectionClosed):
            for _ in range(50):
                await socket.send(rtc.SignalRequest(ping=1).SerializeToString())
        assert await _closed(socket) == (1008, "too many requests")


async def test_json_is_answered_in_json(relay: TestRelay) -> None:
    async with joined(relay, "a") as socket:
        await socket.send('{"pingReq": {"timestamp": "5"}}')
        async with asyncio.timeout(10):
            while isinstance(frame := await socket.recv(), bytes):
                pass
        response = json.loads(frame)["pongResp"]
        assert response["lastPingTimestamp"] == "5"
        assert abs(int(response["timestamp"]) - clock.wall() * 1000) < 60_000


async def test_an_error_of_ours_ends_one_session_with_its_code(
    relay: TestRelay, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with joined(relay, "a") as a, joined(relay, "b") as b:
        monkeypatch.setattr("signaling.room.handle_request", lambda *rest: 1 / 0)
        await a.send(rtc.SignalRequest(leave=rtc.LeaveRequest()).SerializeToString())
        assert await _closed(a) == (1011, "internal error")
        monkeypatch.undo()
        await b.send(rtc.SignalRequest(ping=1).SerializeToString())
        await _until(b, lambda m: m.HasField("pong"))
    assert "a request failed" in caplog.text


async def test_a_join_that_fails_is_closed_and_leaves_nobody(
    relay: TestRelay, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("signaling.room.Room._join_response", lambda *rest: 1 / 0)
    headers = {"Authorization": f"Bearer {token('a')}"}
    async with websockets.connect(
        f"ws://127.0.0.1:{relay.port}/rtc", additional_headers=headers, proxy=None
    ) as socket:
        assert (await _closed(socket))[0] == 1011
    assert relay.registry.rooms["room"].participants == {}
    assert token("a") not in caplog.text


async def test_a_tick_that_fails_is_not_the_last_one(
    relay: TestRelay, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(relay.registry, "tick", lambda now: 1 / 0)
    await _eventually(lambda: "a tick failed" in caplog.text)
    monkeypatch.undo()
    async with joined(relay, "a") as a, joined(relay, "b"):
        await _until(a, lambda m: any(info.identity == "b" for info in m.update.participants))


async def _stalled(relay: TestRelay, identity: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A client that has upgraded and will never read again."""
    reader, writer = await asyncio.open_connection("127.0.0.1", relay.port, limit=1024)
    writer.write(
        f"GET /rtc?access_token={token(identity)} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n"
        "Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        "Sec-WebSocket-Version: 13\r\n\r\n".encode()
    )
    assert b"101" in await reader.readline()
    return reader, writer


async def test_a_client_that_never_reads_is_cut_off_and_others_get_all() -> None:
    async with running_relay(SignalSettings(max_queued_frames=40)) as relay:
        _, writer = await _stalled(relay, "stuck")
        async with joined(relay, "reader") as reader:
            room = relay.registry.rooms["room"]
            stuck = room.participants["stuck"].session
            assert stuck is not None
            for index in range(400):
                news = f"{index} " + "x" * 50_000
                room.set_metadata(news, clock.monotonic())
                await _until(reader, lambda m, news=news: m.room_update.room.metadata == news)  # type: ignore[misc]
                if stuck.closing is not None:
                    break
            assert stuck.closing is not None
            assert stuck.closing.code == 4001
            await _eventually(lambda: "stuck" not in room.participants)
        writer.close()
        await _eventually(lambda: _signal_tasks() == [])


async def test_a_client_that_goes_in_mid_broadcast_takes_nothing_from_others(
    relay: TestRelay,
) -> None:
    async with joined(relay, "a") as a, joined(relay, "b") as b:
        goners = [await _stalled(relay, f"gone{index}") for index in range(6)]
        room = relay.registry.rooms["room"]
        for index in range(30):
            if index % 5 == 2:
                # A reset, not a farewell.
                _, writer = goners.pop()
                sock = writer.get_extra_info("socket")
                sock.setsockopt(1, 13, struct.pack("ii", 1, 0))  # SOL_SOCKET, SO_LINGER
                writer.transport.abort()
            room.set_metadata(f"m{index}", clock.monotonic())
            await asyncio.sleep(0)
        for socket in (a, b):
            seen = []
            while not seen or seen[-1] != "m29":
                message = await _until(socket, lambda m: m.HasField("room_update"))
                if message.room_update.room.metadata:
                    seen.append(message.room_update.room.metadata)
            assert list(dict.fromkeys(seen)) == [f"m{index}" for index in range(30)]
        for _, writer in goners:
            writer.close()


async def test_half_open_sockets_keep_nobody_out(relay: TestRelay) -> None:
    halves = [await asyncio.open_connection("127.0.0.1", relay.port) for _ in range(100)]
    for index, (_, writer) in enumerate(halves):
        writer.write(b"GET /rtc?x=1 HTTP/1.1\r\nHost: x\r\nUpgr"[: 5 + index % 30])
    async with joined(relay, "a"):
        pass
    for _, writer in halves:
        writer.close()


async def test_visits_leave_nothing_behind(relay: TestRelay) -> None:
    before = len(asyncio.all_tasks())
    for turn in range(30):
        async with joined(relay, f"p{turn % 3}") as socket:
            if turn % 2:
                await socket.send(rtc.SignalRequest(leave=rtc.LeaveRequest()).SerializeToString())
            elif turn % 3 == 0:
                socket.transport.abort()
    room = relay.registry.rooms["room"]
    await _eventually(lambda: not room.participants and _signal_tasks() == [])
    await _eventually(lambda: len(asyncio.all_tasks()) <= before)
    assert list(room.quality._lines) == []


async def test_the_end_tells_everybody_to_come_back() -> None:
    async with running_relay() as relay, joined(relay, "a") as socket:
        relay.registry.close(clock.monotonic())
        message = await _until(socket, lambda m: m.HasField("leave"))
        assert message.leave.action == rtc.LeaveRequest.Action.RECONNECT
        assert (await _closed(socket))[0] == 1000


def test_the_limits_are_in_order() -> None:
    assert SignalSettings().update_interval_large > asgi.TICK
    assert asgi.FAREWELL_LIMIT < asgi.WRITE_LIMIT < SignalSettings().silence_limit
