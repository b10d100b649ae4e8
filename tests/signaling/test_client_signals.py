"""The signalling session without a network, and against a server that misbehaves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st
from livekit.protocol import models, rtc
from websockets.asyncio.server import ServerConnection, serve

from signaling.client import signals
from signaling.client.signals import JOIN_TIMEOUT, SignalSession, SignalSocket, refused, signal_url
from signaling.errors import (
    MalformedError,
    NotFoundError,
    PermissionDeniedError,
    SignalingError,
    UnauthenticatedError,
    UnavailableError,
)


def join(interval: int = 5, timeout: int = 15) -> bytes:
    message = rtc.JoinResponse(ping_interval=interval, ping_timeout=timeout)
    message.participant.sid = "PA_1"
    return rtc.SignalResponse(join=message).SerializeToString()


@pytest.mark.parametrize(
    ("url", "start"),
    [
        ("http://host:7880", "ws://host:7880/rtc?"),
        ("https://host", "wss://host/rtc?"),
        ("ws://host/base/", "ws://host/base/rtc?"),
    ],
)
def test_addresses(url: str, start: str) -> None:
    found = signal_url(url, reconnect=1, sid="PA_1")
    assert found.startswith(start)
    assert "reconnect=1&sid=PA_1" in found
    assert "token" not in found


@pytest.mark.parametrize("url", ["", "host:7880", "ftp://host", "http://"])
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="not a server address"):
        signal_url(url)


def test_the_first_message_must_be_a_beginning() -> None:
    update = rtc.SignalResponse(update=rtc.ParticipantUpdate()).SerializeToString()
    with pytest.raises(MalformedError):
        SignalSession(0.0).receive(update, 0.0)
    for first in (join(), rtc.SignalResponse(leave=rtc.LeaveRequest()).SerializeToString()):
        assert SignalSession(0.0).receive(first, 0.0) is not None


def test_pings_go_out_and_silence_ends_the_session() -> None:
    session = SignalSession(100.0)
    session.receive(join(interval=5, timeout=15), 100.0)
    assert session.poll(100.0) == 105.0
    assert session.outgoing() == []
    session.poll(105.0)
    (frame,) = session.outgoing()
    request = rtc.SignalRequest.FromString(frame)
    assert request.WhichOneof("message") == "ping_req"
    session.poll(114.9)
    with pytest.raises(UnavailableError):
        session.poll(115.0)


def test_any_message_proves_the_server_alive() -> None:
    session = SignalSession(100.0)
    session.receive(join(), 100.0)
    session.receive(rtc.SignalResponse(room_update=rtc.RoomUpdate()).SerializeToString(), 112.0)
    session.poll(120.0)


def test_a_server_without_ping_times_gets_sensible_ones() -> None:
    session = SignalSession(0.0)
    session.receive(join(interval=0, timeout=0), 0.0)
    assert session.poll(0.0) == 5.0


def test_a_join_without_an_answer_ends() -> None:
    session = SignalSession(0.0)
    session.poll(JOIN_TIMEOUT - 0.1)
    with pytest.raises(UnavailableError):
        session.poll(JOIN_TIMEOUT)


def test_a_server_that_does_not_read_is_noticed() -> None:
    session = SignalSession(0.0)
    for _ in range(signals.MAX_OUTGOING):
        session.send(rtc.SignalRequest(ping=1))
    with pytest.raises(UnavailableError):
        session.send(rtc.SignalRequest(ping=1))


@given(st.binary(max_size=200))
def test_random_frames_are_messages_or_malformed(frame: bytes) -> None:
    session = SignalSession(0.0)
    session.receive(join(), 0.0)
    try:
        session.receive(frame, 1.0)
    except MalformedError:
        return


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (401, UnauthenticatedError),
        (403, PermissionDeniedError),
        (404, NotFoundError),
        (500, UnavailableError),
        (503, UnavailableError),
    ],
)
def test_refusals(status: int, kind: type[SignalingError]) -> None:
    assert type(refused(status, "why")) is kind


@asynccontextmanager
async def server(handler: Callable[[ServerConnection], Awaitable[None]]) -> AsyncIterator[str]:
    async with serve(handler, "127.0.0.1", 0) as running:
        port = next(iter(running.sockets)).getsockname()[1]
        yield f"ws://127.0.0.1:{port}/rtc"


class Ends:
    """What a socket reported."""

    def __init__(self) -> None:
        self.messages: list[rtc.SignalResponse] = []
        self.closed: asyncio.Future[Exception | None] = asyncio.get_running_loop().create_future()

    def socket(self) -> SignalSocket:
        return SignalSocket(self.messages.append, self.closed.set_result)


async def test_the_token_travels_in_a_header_only() -> None:
    seen: list[tuple[str, str]] = []

    async def handler(connection: ServerConnection) -> None:
        assert connection.request is not None
        seen.append((connection.request.path, connection.request.headers["Authorization"]))
        await connection.send(join())
        await connection.wait_closed()

    async with server(handler) as url:
        socket = Ends().socket()
        first = await socket.open(url, "secret-token")
        assert first.join.participant.sid == "PA_1"
        await socket.close()
    assert seen == [("/rtc", "Bearer secret-token")]


async def test_a_close_by_the_server_is_told_once() -> None:
    async def handler(connection: ServerConnection) -> None:
        await connection.send(join())
        await connection.send(rtc.SignalResponse(room_update=rtc.RoomUpdate()).SerializeToString())

    async with server(handler) as url:
        ends = Ends()
        socket = ends.socket()
        await socket.open(url, "t")
        socket.start()
        async with asyncio.timeout(5):
            await ends.closed
        assert [m.WhichOneof("message") for m in ends.messages] == ["room_update"]
        socket.send(rtc.SignalRequest(ping=1))
        await socket.close()


async def test_what_was_queued_is_written_before_the_close() -> None:
    got: list[str | None] = []

    async def handler(connection: ServerConnection) -> None:
        await connection.send(join())
        got.extend(
            [
                rtc.SignalRequest.FromString(frame).WhichOneof("message")
                async for frame in connection
                if isinstance(frame, bytes)
            ]
        )

    async with server(handler) as url:
        socket = Ends().socket()
        await socket.open(url, "t")
        socket.start()
        leave = rtc.LeaveRequest(reason=models.DisconnectReason.CLIENT_INITIATED)
        socket.send(rtc.SignalRequest(leave=leave))
        await socket.close()
    assert got == ["leave"]


async def test_a_fault_in_a_handler_ends_the_session_aloud() -> None:
    async def handler(connection: ServerConnection) -> None:
        await connection.send(join())
        await connection.send(rtc.SignalResponse(room_update=rtc.RoomUpdate()).SerializeToString())
        await connection.wait_closed()

    faults: list[str] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: faults.append(context["message"]))

    def broken(message: rtc.SignalResponse) -> None:
        raise RuntimeError("a bug")

    async with server(handler) as url:
        ends = Ends()
        socket = SignalSocket(broken, ends.closed.set_result)
        await socket.open(url, "t")
        socket.start()
        async with asyncio.timeout(5):
            assert isinstance(await ends.closed, RuntimeError)
    assert faults == ["a signalling handler failed"]


async def test_a_silent_server_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signals, "JOIN_TIMEOUT", 0.05)

    async def handler(connection: ServerConnection) -> None:
        await connection.wait_closed()

    async with server(handler) as url:
        with pytest.raises(UnavailableError, match="no answer"):
            await Ends().socket().open(url, "t")


async def test_no_server_at_all() -> None:
    with pytest.raises(UnavailableError, match="no connection"):
        await Ends().socket().open("ws://127.0.0.1:9/rtc", "t")
