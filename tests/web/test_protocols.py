"""What stands between strangers and the application. Also notices when uvicorn's classes change."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from pathlib import Path

import pytest
from serving_harness import UPGRADE, running
from websockets import http11

from media import clock
from signaling.grants import Grants, VideoGrant
from web import protocols
from web.protocols import MAX_HEAD, HalfOpen
from web.settings import Settings


class FakeTransport(asyncio.Transport):
    """Notes that it was aborted."""

    def __init__(self, address: str = "192.0.2.1") -> None:
        super().__init__({"peername": (address, 1)})
        self.aborted = False

    def abort(self) -> None:
        self.aborted = True


def test_the_oldest_half_open_connection_gives_way() -> None:
    half_open = HalfOpen(limit=3)
    transports = [FakeTransport() for _ in range(5)]
    for transport in transports:
        half_open.add(transport)
    assert [transport.aborted for transport in transports] == [True, True, False, False, False]
    assert (len(half_open), half_open.evicted) == (3, 2)
    half_open.remove(transports[2])
    half_open.remove(transports[2])
    assert len(half_open) == 2


def test_one_address_alone_pushes_out_nobody_else() -> None:
    half_open = HalfOpen(limit=8)
    others = [FakeTransport(f"198.51.100.{number}") for number in range(5)]
    flood = [FakeTransport() for _ in range(100)]
    for transport in [*others, *flood]:
        half_open.add(transport)
    assert not any(transport.aborted for transport in others)
    assert [transport.aborted for transport in flood] == [True] * 97 + [False] * 3
    many = [FakeTransport(f"203.0.113.{number}") for number in range(8)]
    for transport in many:
        half_open.add(transport)
    assert all(transport.aborted for transport in [*others, *flood])
    assert len(half_open) == 8
    for transport in many:
        half_open.remove(transport)
    assert (len(half_open), half_open._by_address) == (0, {})


def test_half_open_connections_share_a_limit_of_bytes() -> None:
    half_open = HalfOpen(limit=100, byte_limit=1000)
    first, second = FakeTransport(), FakeTransport()
    half_open.add(first, 600)
    half_open.add(second, 300)
    assert [first.aborted, second.aborted] == [False, False]
    half_open.add(second, 200)
    assert [first.aborted, second.aborted] == [True, False]
    assert half_open.size(second) == 500
    half_open.add(second, 5000)
    assert not second.aborted, "the only one is bounded by the length of a head alone"


def test_websockets_still_reads_its_limit_where_we_set_it() -> None:
    assert http11.MAX_LINE_LENGTH == MAX_HEAD


@pytest.mark.parametrize("size", [100, 8_000, 16_000, 64_000])
@pytest.mark.parametrize("upgrade", [False, True])
async def test_the_join_of_protocol_v1_gets_its_404(
    settings: Settings, built: Path, size: int, upgrade: bool
) -> None:
    async with running(settings, built) as server:
        for path in ("/rtc/v1", "/rtc/v1/validate"):
            answer = await server.get(f"{path}?join_request={'a' * size}", upgrade=upgrade)
            assert answer.startswith(b"HTTP/1.1 404 "), answer[:100]
            assert b"requested room does not exist" not in answer


@pytest.mark.parametrize("upgrade", [False, True])
async def test_a_head_without_end_is_refused(settings: Settings, built: Path, upgrade: bool) -> None:
    async with running(settings, built) as server:
        answer = await server.get(f"/rtc?access_token={'a' * (MAX_HEAD + 1)}", upgrade=upgrade)
        assert answer == b"" or answer.startswith(b"HTTP/1.1 431 ")
        assert (await server.get("/healthz")).startswith(b"HTTP/1.1 200 ")


async def test_a_refused_upgrade_is_no_error(
    settings: Settings, built: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        async with running(settings, built) as server:
            answer = await server.get("/rtc?access_token=abc", upgrade=True)
    assert answer.startswith(b"HTTP/1.1 401 ")
    assert b"X-Content-Type-Options: nosniff".lower() in answer.lower()
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET\r\n\r\n",
        b"GET /\xff\xfe HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        b"GET /rtc?\xff HTTP/1.1\r\nHost: x\r\n" + UPGRADE.encode() + b"\r\n",
        b"GET /rtc HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
        b"GET /rtc HTTP/1.1\r\nHost: x\r\n" + b"X: y\r\n" * 300 + UPGRADE.encode() + b"\r\n",
        b"POST /api/join HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\nConnection: close\r\n\r\n",
        b"GET http://[::1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        b"OPTIONS * HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    ],
)
async def test_malformed_requests_end_and_the_server_goes_on(
    settings: Settings, built: Path, caplog: pytest.LogCaptureFixture, request_bytes: bytes
) -> None:
    async with running(settings, built) as server:
        answer = await server.ask(request_bytes)
        assert answer == b"" or answer[:10] in (b"HTTP/1.1 4", b"HTTP/1.0 4"), answer[:80]
        assert (await server.get("/healthz")).startswith(b"HTTP/1.1 200 ")


async def test_two_thousand_half_open_connections_keep_nobody_out(settings: Settings, built: Path) -> None:
    settings = settings.with_values({"max_half_open": 256})
    async with running(settings, built) as server:
        held: list[asyncio.StreamWriter] = []
        for number in range(2000):
            _, writer = await asyncio.open_connection("127.0.0.1", server.port)
            if number % 2:
                writer.write(b"GET /rtc?access_token=abc HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n")
            held.append(writer)
            if number % 500 == 499:
                assert (await server.get("/healthz")).startswith(b"HTTP/1.1 200 ")
        assert len(server.service.half_open) <= 256
        assert server.service.half_open.evicted >= 2000 - 256
        for writer in held:
            writer.close()
        for writer in held:
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()
        async with asyncio.timeout(10):
            while len(server.service.half_open):  # noqa: ASYNC110 - the server learns of it by its own loop
                await asyncio.sleep(0.01)


async def test_a_head_that_does_not_come_is_not_waited_for(
    settings: Settings, built: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocols, "HEAD_TIMEOUT", 0.05)
    async with running(settings, built) as server:
        assert await server.ask(b"GET / HTTP/1.1\r\nHost: x\r\n") == b""
        assert server.service.half_open.timed_out == 1
        assert len(server.service.half_open) == 0


async def test_a_client_that_never_reads_loses_its_connection(
    settings: Settings, built: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocols, "STALL_TIMEOUT", 0.05)
    (built / "assets" / "large-1.bin").write_bytes(bytes(32 * 1024 * 1024))
    async with running(settings, built) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port, limit=1024)
        writer.transport.pause_reading()  # type: ignore[attr-defined]
        writer.write(b"GET /static/app/assets/large-1.bin HTTP/1.1\r\nHost: x\r\n\r\n")
        async with asyncio.timeout(20):
            while server.service.half_open.stalled == 0:  # noqa: ASYNC110 - a counter tells nobody
                await asyncio.sleep(0.01)
        writer.transport.resume_reading()  # type: ignore[attr-defined]
        received = 0
        with contextlib.suppress(ConnectionError):
            async with asyncio.timeout(20):
                while chunk := await reader.read(1 << 20):
                    received += len(chunk)
        assert received < 32 * 1024 * 1024
        writer.close()


async def _ping_until_cut_off(sock: socket.socket) -> None:
    pings = (b"\x89\xfd" + bytes(4) + bytes(125)) * 500
    async with asyncio.timeout(20):
        while True:
            await asyncio.get_running_loop().sock_sendall(sock, pings)


async def test_pongs_that_nobody_reads_do_not_pile_up(
    settings: Settings, built: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocols, "MAX_UNREAD", 256 * 1024)
    async with running(settings, built) as server:
        relay = server.service.relay
        grants = Grants(identity="a", video=VideoGrant(room_join=True, room="r"))
        token = relay.keys.issue(relay.api_key, grants, exp=clock.wall() + 60, now=clock.wall())
        with socket.socket() as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            sock.setblocking(False)
            loop = asyncio.get_running_loop()
            await loop.sock_connect(sock, ("127.0.0.1", server.port))
            request = f"GET /rtc?access_token={token} HTTP/1.1\r\nHost: x\r\n{UPGRADE}\r\n"
            await loop.sock_sendall(sock, request.encode())
            assert (await loop.sock_recv(sock, 12)) == b"HTTP/1.1 101"
            with pytest.raises(ConnectionError):
                await _ping_until_cut_off(sock)
        assert (await server.get("/healthz")).startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize("pieces", [(b"\xff",), (b"ab", b"\xc3"), (b"{}\xed\xa0\x80",)])
async def test_text_that_is_no_utf_8_is_refused_in_silence(
    settings: Settings, built: Path, caplog: pytest.LogCaptureFixture, pieces: tuple[bytes, ...]
) -> None:
    frames = b""
    for number, piece in enumerate(pieces):
        final = 0x80 if number == len(pieces) - 1 else 0
        frames += bytes([final | (0 if number else 1), 0x80 | len(piece)]) + bytes(4) + piece
    async with running(settings, built) as server:
        relay = server.service.relay
        grants = Grants(identity="a", video=VideoGrant(room_join=True, room="r"))
        token = relay.keys.issue(relay.api_key, grants, exp=clock.wall() + 60, now=clock.wall())
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(f"GET /rtc?access_token={token} HTTP/1.1\r\nHost: x\r\n{UPGRADE}\r\n".encode())
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 101 ")
        writer.write(frames)
        async with asyncio.timeout(20):
            answer = await reader.read(-1)
        writer.close()
    assert answer.endswith(b"\x88\x02\x03\xef"), "close code 1007"
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []


@pytest.mark.parametrize(
    "path", ["/rtc/validate", "/api/join", "/nothing", "/twirp/livekit.RoomService/ListRooms"]
)
async def test_a_body_that_does_not_come_is_not_waited_for(
    settings: Settings, built: Path, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    monkeypatch.setattr(protocols, "BODY_TIMEOUT", 0.2)
    async with running(settings, built) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        head = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        writer.write(f"{head}Content-Length: 8000\r\n\r\n".encode())
        ended = asyncio.create_task(reader.read(-1))
        with contextlib.suppress(ConnectionError):
            async with asyncio.timeout(20):
                while not ended.done():
                    writer.write(b" ")
                    await asyncio.sleep(0.02)
        with contextlib.suppress(ConnectionError):
            await ended
        assert server.service.half_open.timed_out == 1
        writer.close()


async def test_a_websocket_outlives_the_time_of_a_body(
    settings: Settings, built: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocols, "BODY_TIMEOUT", 0.1)
    async with running(settings, built) as server:
        relay = server.service.relay
        grants = Grants(identity="a", video=VideoGrant(room_join=True, room="r"))
        token = relay.keys.issue(relay.api_key, grants, exp=clock.wall() + 60, now=clock.wall())
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(f"GET /rtc?access_token={token} HTTP/1.1\r\nHost: x\r\n{UPGRADE}\r\n".encode())
        await reader.readuntil(b"\r\n\r\n")
        await asyncio.sleep(0.3)
        writer.write(b"\x89\x84" + bytes(4) + b"ping")
        async with asyncio.timeout(20):
            await reader.readuntil(b"\x8a\x04ping")
        writer.close()
