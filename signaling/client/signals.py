"""The signalling session: LiveKit's protobuf over one WebSocket, seen from the client.

:class:`SignalSession` is sans-I/O: ``receive(frame, now)`` gives the message,
``poll(now)`` keeps the ping and says when to be called again, ``outgoing()``
empties the frames to send. :class:`SignalSocket` is the thin adapter over
``websockets``. Protocol facts: LIVEKIT-PROTOCOL, 3.1 to 3.5.
"""

from __future__ import annotations

import asyncio
import contextlib
import platform
from collections.abc import Callable
from typing import Final
from urllib.parse import urlencode, urlsplit, urlunsplit

from google.protobuf.message import DecodeError
from livekit.protocol import rtc
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus, WebSocketException

from media.clock import monotonic, wall
from signaling.errors import (
    MalformedError,
    NotFoundError,
    PermissionDeniedError,
    SignalingError,
    UnauthenticatedError,
    UnavailableError,
)

PROTOCOL: Final = 16
"""The client protocol we announce: with ``leave.action``, without data tracks and packet trailers."""
JOIN_TIMEOUT: Final = 5.0
"""Seconds from the open WebSocket to the first message."""
MAX_FRAME: Final = 4 * 1024 * 1024
"""Longest message taken from a server: a roster of thousands with metadata."""
MAX_OUTGOING: Final = 1024
"""Messages waiting to be written; one more is an error, as each of them changes state."""


def signal_url(url: str, **parameters: str | int) -> str:
    """The address of the v0 WebSocket for a server's base address (``http(s)`` or ``ws(s)``)."""
    parts = urlsplit(url)
    scheme = {"http": "ws", "https": "wss", "ws": "ws", "wss": "wss"}.get(parts.scheme)
    if scheme is None or not parts.netloc:
        raise ValueError(f"not a server address: {parts.scheme}://{parts.netloc}")
    query = {
        "protocol": PROTOCOL,
        "sdk": "python",
        "version": "1.0.0",
        "os": platform.system().lower(),
        **parameters,
    }
    path = parts.path.rstrip("/") + "/rtc"
    return urlunsplit((scheme, parts.netloc, path, urlencode(query), ""))


class SignalSession:
    """One session's messages and its ping, without I/O."""

    def __init__(self, now: float) -> None:
        self.joined = False
        self.rtt: float | None = None
        """Round-trip time of the newest answered ping, in seconds."""
        self.refreshed_token = ""
        self._out: list[bytes] = []
        self._interval = 5.0
        self._timeout = 15.0
        self._ping_at = float("inf")
        self._heard_at = now
        self._opened_at = now

    def send(self, request: rtc.SignalRequest) -> None:
        """Queue a message. UnavailableError when the other side has stopped reading."""
        if len(self._out) >= MAX_OUTGOING:
            raise UnavailableError("too many unsent signalling messages")
        self._out.append(request.SerializeToString())

    def outgoing(self) -> list[bytes]:
        """The frames to write, and empties the queue."""
        out, self._out = self._out, []
        return out

    def receive(self, frame: bytes | str, now: float) -> rtc.SignalResponse | None:
        """The message in a frame, or None for one that the session deals with itself.

        MalformedError for what is no message, and for a first message that is
        neither ``join``, ``reconnect`` nor ``leave``.
        """
        if isinstance(frame, str):
            raise MalformedError("a text frame in answer to binary ones")
        response = rtc.SignalResponse()
        try:
            response.ParseFromString(frame)
        except DecodeError:
            raise MalformedError("not a signalling message") from None
        kind = response.WhichOneof("message")
        self._heard_at = now
        if not self.joined:
            if kind == "join":
                self._configure(response.join.ping_interval, response.join.ping_timeout, now)
            elif kind == "reconnect":
                self._configure(0, 0, now)
            elif kind != "leave":
                raise MalformedError(f"{kind} before join")
        if kind == "pong_resp":
            sent = response.pong_resp.last_ping_timestamp
            elapsed = wall() - sent / 1000
            if sent and 0 <= elapsed < 60:
                self.rtt = elapsed
            return None
        if kind == "refresh_token":
            self.refreshed_token = response.refresh_token
        return None if kind in (None, "pong") else response

    def _configure(self, interval: int, timeout: int, now: float) -> None:
        self.joined = True
        self._interval = float(interval) if interval > 0 else 5.0
        self._timeout = float(timeout) if timeout > 0 else 15.0
        self._ping_at = now + self._interval

    def poll(self, now: float) -> float:
        """Queue a ping when one is due; the time to be called again.

        UnavailableError when the server has been silent for its ping timeout,
        or has not answered the join in time.
        """
        if not self.joined:
            if now - self._opened_at >= JOIN_TIMEOUT:
                raise UnavailableError("no answer to the join")
            return self._opened_at + JOIN_TIMEOUT
        if now - self._heard_at >= self._timeout:
            raise UnavailableError("the server is silent")
        if now >= self._ping_at:
            self._ping_at = now + self._interval
            stamp = int(wall() * 1000)
            ping = rtc.Ping(timestamp=stamp, rtt=int((self.rtt or 0) * 1000))
            self.send(rtc.SignalRequest(ping_req=ping))
        return min(self._ping_at, self._heard_at + self._timeout)


def refused(status: int, body: str) -> SignalingError:
    """The exception for a refused upgrade."""
    text = f"upgrade refused with {status}: {body[:200]}"
    if status == 401:
        return UnauthenticatedError(text)
    if status == 403:
        return PermissionDeniedError(text)
    if status == 404:
        return NotFoundError(text)
    return UnavailableError(text)


class SignalSocket:
    """A :class:`SignalSession` over a WebSocket. Messages go to ``on_message``, the end to ``on_closed``.

    ``on_closed`` is called once, with the exception that ended it or None for
    a close; never after :meth:`close` was called by our own side.
    """

    def __init__(
        self,
        on_message: Callable[[rtc.SignalResponse], None],
        on_closed: Callable[[Exception | None], None],
    ) -> None:
        self._on_message = on_message
        self._on_closed = on_closed
        self._socket: ClientConnection | None = None
        self._wake = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._closed = False
        self.session = SignalSession(monotonic())
        self.paused = asyncio.Event()
        """Set while frames are read; clearing it makes a client that never reads (tests)."""
        self.paused.set()

    async def open(self, url: str, token: str, *, timeout: float = 10.0) -> rtc.SignalResponse:
        """Connect and wait for the first message: ``join``, ``reconnect`` or ``leave``.

        Raises a :class:`SignalingError`: the server's refusal, no answer, or no
        server (UnavailableError).
        """
        try:
            self._socket = await connect(
                url,
                additional_headers={"Authorization": f"Bearer {token}"},
                compression=None,
                max_size=MAX_FRAME,
                open_timeout=timeout,
                close_timeout=1.0,
                ping_interval=None,
                proxy=None,
            )
        except InvalidStatus as exc:
            body = exc.response.body.decode(errors="replace") if exc.response.body else ""
            raise refused(exc.response.status_code, body) from None
        except (OSError, TimeoutError, WebSocketException) as exc:
            raise UnavailableError(f"no connection: {type(exc).__name__}") from None
        self.session = SignalSession(monotonic())
        try:
            async with asyncio.timeout(JOIN_TIMEOUT):
                first = self.session.receive(await self._socket.recv(), monotonic())
        except (TimeoutError, WebSocketException, OSError) as exc:
            await self.close()
            raise UnavailableError(f"no answer to the join: {type(exc).__name__}") from None
        except SignalingError:
            await self.close()
            raise
        if first is None:
            raise AssertionError("the session passes on every first message")
        return first

    @property
    def local_host(self) -> str:
        """The address of ours from which the server is reached; empty when there is no connection."""
        name = self._socket.local_address if self._socket is not None else None
        return str(name[0]).partition("%")[0] if isinstance(name, tuple) and name else ""

    def start(self) -> None:
        """Begin to read, write and ping; separate from ``open`` so that handlers can be in place."""
        self._tasks = [asyncio.create_task(self._read()), asyncio.create_task(self._write())]

    def send(self, request: rtc.SignalRequest) -> None:
        """Queue a message for writing; one after the end is dropped."""
        if not self._closed:
            self.session.send(request)
            self._wake.set()

    async def close(self, *, abort: bool = False) -> None:
        """End it; with ``abort`` the TCP connection is reset without a word."""
        if self._closed:
            return
        self._closed = True
        for task in self._tasks:
            task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._socket is not None:
            if abort:
                self._socket.transport.abort()
            else:
                with contextlib.suppress(WebSocketException, OSError, TimeoutError):
                    for frame in self.session.outgoing():
                        await self._socket.send(frame)
            await self._socket.close()

    def cut(self) -> None:
        """Reset the TCP connection under the session, as a broken line does (tests)."""
        if self._socket is not None:
            self._socket.transport.abort()

    def _opened(self) -> ClientConnection:
        if self._socket is None:
            raise AssertionError("start comes after open")
        return self._socket

    async def _read(self) -> None:
        socket = self._opened()
        problem: Exception | None = None
        try:
            while True:
                frame = await socket.recv()
                await self.paused.wait()
                message = self.session.receive(frame, monotonic())
                if message is not None:
                    self._on_message(message)
        except (WebSocketException, OSError, SignalingError) as exc:
            problem = exc
        except Exception as exc:
            # A bug of ours in a handler: said aloud, and the session ends instead of going deaf.
            context = {"message": "a signalling handler failed", "exception": exc}
            asyncio.get_running_loop().call_exception_handler(context)
            problem = exc
        self._end(problem)

    async def _write(self) -> None:
        socket = self._opened()
        problem: Exception | None = None
        try:
            while True:
                due = self.session.poll(monotonic())
                for frame in self.session.outgoing():
                    await socket.send(frame)
                self._wake.clear()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(max(0.0, due - monotonic())):
                        await self._wake.wait()
        except (WebSocketException, OSError, SignalingError) as exc:
            problem = exc
        self._end(problem)

    def _end(self, problem: Exception | None) -> None:
        if not self._closed:
            self._closed = True
            current = asyncio.current_task()
            for task in self._tasks:
                if task is not current:
                    task.cancel()
            if self._socket is not None:
                self._socket.transport.abort()
            self._on_closed(problem)
