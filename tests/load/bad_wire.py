"""HTTP and WebSocket by hand: what no library lets a test send, and cheap enough for ten thousand of each.

The mask of client frames is all zeros, which RFC 6455 allows and which saves the masking.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from urllib.parse import quote

from livekit.protocol import rtc

BINARY, TEXT, CLOSE, PING = 2, 1, 8, 9
PATIENCE = 20.0
"""Seconds in which the server must have said or closed something."""

KEY_HEADER = "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA=="


def get_request(path: str, *headers: str) -> bytes:
    """A GET on a connection that stays open."""
    return "\r\n".join([f"GET {path} HTTP/1.1", "Host: relay", *headers, "", ""]).encode("latin-1")


def upgrade_request(token: str, **query: object) -> bytes:
    """The upgrade of a joining client."""
    parameters = {"access_token": token, "protocol": 16, "auto_subscribe": 1, "sdk": "js", **query}
    text = "&".join(f"{name}={quote(str(value))}" for name, value in parameters.items())
    return get_request(
        f"/rtc?{text}", "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", KEY_HEADER
    )


def frame(payload: bytes, opcode: int = BINARY, *, final: bool = True) -> bytes:
    """One masked frame."""
    size = len(payload)
    head = bytes([(0x80 if final else 0) | opcode])
    if size < 126:
        head += bytes([0x80 | size])
    elif size < 65536:
        head += bytes([0x80 | 126]) + size.to_bytes(2, "big")
    else:
        head += bytes([0x80 | 127]) + size.to_bytes(8, "big")
    return head + bytes(4) + payload


@dataclass
class Closed:
    """How a connection ended: the code of the close frame (0 without one) and its words."""

    code: int = 0
    reason: str = ""


@dataclass
class RawSocket:
    """An accepted WebSocket. ``read`` follows it until a condition or its end."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    closed: Closed | None = None
    kinds: Counter[str] = field(default_factory=Counter)
    last: dict[str, rtc.SignalResponse] = field(default_factory=dict)
    last_text: str | None = None

    def send(self, data: bytes) -> None:
        """Write whole frames; one to a connection that is gone is lost."""
        if not self.writer.is_closing():
            self.writer.write(data)

    def request(self, request: rtc.SignalRequest) -> None:
        """Send a request in a frame of its own."""
        self.send(frame(request.SerializeToString()))

    async def next(self) -> bool:
        """Take one frame; false when the connection has ended."""
        if self.closed is not None:
            return False
        try:
            async with asyncio.timeout(PATIENCE):
                head = await self.reader.readexactly(2)
                size = head[1] & 0x7F
                if size >= 126:
                    size = int.from_bytes(await self.reader.readexactly(2 if size == 126 else 8), "big")
                payload = await self.reader.readexactly(size)
        except (asyncio.IncompleteReadError, ConnectionError):
            self.closed = Closed()
            return False
        opcode = head[0] & 0x0F
        if opcode == CLOSE:
            code = int.from_bytes(payload[:2], "big")
            self.closed = Closed(code, payload[2:].decode(errors="replace"))
            return False
        if opcode == TEXT:
            self.last_text = payload.decode()
        if opcode == BINARY:
            message = rtc.SignalResponse.FromString(payload)
            kind = message.WhichOneof("message") or "none"
            self.kinds[kind] += 1
            self.last[kind] = message
        return True

    async def until(self, kind: str) -> bool:
        """Follow it until a message of this kind; false if it ends before."""
        before = self.kinds[kind]
        while await self.next():
            if self.kinds[kind] > before:
                return True
        return False

    async def alive(self) -> bool:
        """Whether the server still answers here, behind all that was sent before."""
        self.request(rtc.SignalRequest(ping_req=rtc.Ping(timestamp=1)))
        return await self.until("pong_resp")

    async def end(self) -> Closed:
        """Follow it to its end."""
        while await self.next():
            pass
        assert self.closed is not None
        return self.closed

    def abort(self) -> None:
        """Break the connection."""
        self.writer.transport.abort()


@dataclass(frozen=True)
class Door:
    """The TCP address of the server under attack."""

    port: int

    async def open(self, *, receive_buffer: int = 0) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A connection; ``receive_buffer`` bytes make it one that soon takes no more."""
        sock = socket.socket()
        if receive_buffer:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        sock.setblocking(False)
        try:
            async with asyncio.timeout(PATIENCE):
                await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", self.port))
        except BaseException:
            sock.close()
            raise
        return await asyncio.open_connection(sock=sock, limit=16 * 1024 * 1024)

    async def upgrade(self, token: str, *, receive_buffer: int = 0, **query: object) -> RawSocket | int:
        """An accepted WebSocket, or the status of the refusal."""
        reader, writer = await self.open(receive_buffer=receive_buffer)
        writer.write(upgrade_request(token, **query))
        status, _ = await read_head(reader)
        if status == 101:
            return RawSocket(reader, writer)
        writer.transport.abort()
        return status

    async def join(self, token: str, **query: object) -> RawSocket:
        """An accepted WebSocket; the join response has come."""
        found = await self.upgrade(token, **query)
        if isinstance(found, int):
            raise RuntimeError(f"a legitimate join was answered {found}")
        if not await found.until("join"):
            raise RuntimeError(f"a legitimate join was closed: {found.closed}")
        return found

    async def call(self, *requests: bytes) -> list[int]:
        """The statuses of requests on one connection, one after the other; 0 where it was closed instead."""
        statuses: list[int] = []
        reader, writer = await self.open()
        try:
            for request in requests:
                writer.write(request)
                try:
                    status, length = await read_head(reader)
                    await reader.readexactly(length)
                except (asyncio.IncompleteReadError, ConnectionError):
                    statuses.append(0)
                    break
                statuses.append(status)
        finally:
            writer.transport.abort()
        return statuses


async def read_head(reader: asyncio.StreamReader) -> tuple[int, int]:
    """Status and content length of an answer."""
    async with asyncio.timeout(PATIENCE):
        head = await reader.readuntil(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    length = next((int(line[15:]) for line in lines if line.lower().startswith("content-length:")), 0)
    return int(lines[0].split()[1]), length


async def in_parallel(work: Iterable[Callable[[], Awaitable[None]]], width: int) -> None:
    """Do all of the work, ``width`` pieces at a time."""
    pieces = iter(work)

    async def worker() -> None:
        for piece in pieces:
            await piece()

    async with asyncio.TaskGroup() as group:
        for _ in range(width):
            group.create_task(worker())


async def drop(writer: asyncio.StreamWriter) -> None:
    """Close a connection without a farewell."""
    writer.transport.abort()
    with contextlib.suppress(Exception):
        await writer.wait_closed()
