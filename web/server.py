"""Listening and serving: sockets of several addresses, HTTP and HTTPS, one event loop, a quick end.

The application's lifespan is driven here and not by uvicorn, so that what
cannot start says so in one sentence, and so that clients get a farewell before
their connections close.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import signal
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, Final

import uvicorn

from web.protocols import HalfOpen, protocol_classes
from web.tls import Tls

MAX_MESSAGE: Final = 4 * 1024 * 1024
"""Bytes of one WebSocket message; an offer with hundreds of sections fits."""

GRACE: Final = 3
"""Seconds that answers under way get when the service stops."""

_EVERYWHERE: Final = ("0.0.0.0", "::")


class StartError(Exception):
    """The service cannot start; the message is one sentence for its operator."""


@dataclass(frozen=True, slots=True)
class Listener:
    """Open sockets that speak HTTP, or HTTPS where ``tls`` is given."""

    sockets: tuple[socket.socket, ...]
    tls: Tls | None = None

    @property
    def port(self) -> int:
        """The port that all of them have."""
        port: int = self.sockets[0].getsockname()[1]
        return port

    def close(self) -> None:
        """Close them; harmless when the server has done so."""
        for sock in self.sockets:
            sock.close()


def open_listener(bind: Sequence[str], port: int, tls: Tls | None = None) -> Listener:
    """Sockets bound to ``port`` on each address; without addresses on all, IPv4 and IPv6.

    Port 0 takes one that the system chooses, the same for all. Raises
    StartError with the address and the reason.
    """
    with contextlib.ExitStack() as stack:
        sockets: list[socket.socket] = []
        for address in bind or _EVERYWHERE:
            try:
                sock = stack.enter_context(_bound(address, port))
            except OSError as error:
                if not bind and sockets and error.errno in (errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL):
                    continue  # A machine without IPv6.
                raise StartError(_sentence("TCP", address, port, error)) from None
            port = sock.getsockname()[1]
            sockets.append(sock)
        stack.pop_all()
    return Listener(tuple(sockets), tls)


def _bound(address: str, port: int) -> socket.socket:
    six = ":" in address
    sock = socket.socket(socket.AF_INET6 if six else socket.AF_INET, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if six:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        info = socket.getaddrinfo(address, port, sock.family, sock.type, 0, socket.AI_NUMERICHOST)
        sock.bind(info[0][4])
        sock.setblocking(False)
    except BaseException:
        sock.close()
        raise
    return sock


def _sentence(protocol: str, address: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"{protocol} port {port} of {address} is taken by another program"
    if error.errno == errno.EACCES:
        return f"{protocol} port {port} of {address} may not be opened by this user"
    if error.errno == errno.EADDRNOTAVAIL:
        return f"{address} is not an address of this machine"
    return f"{protocol} port {port} of {address} cannot be opened: {error.strerror or error}"


def media_start_error(addresses: Sequence[str], port: int, error: Exception) -> StartError:
    """The sentence for media sockets that could not be opened."""
    if isinstance(error, OSError):
        return StartError(_sentence("UDP", " and ".join(addresses) or "this machine", port, error))
    return StartError(f"the media port cannot be opened: {error}")


class _Server(uvicorn.Server):
    """uvicorn without its own signals, and with a farewell between the last accept and the first close."""

    def __init__(self, config: uvicorn.Config, farewell: Callable[[], Awaitable[None]]) -> None:
        super().__init__(config)
        self.ready = asyncio.Event()
        self._farewell = farewell

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready.set()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for server in self.servers:
            server.close()
        await self._farewell()
        await super().shutdown(sockets)


def _config(app: Any, listener: Listener, half_open: HalfOpen) -> uvicorn.Config:
    http, ws = protocol_classes(half_open)
    tls = listener.tls
    return uvicorn.Config(
        app,
        http=http,
        ws=ws,
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        backlog=4096,
        ws_max_size=MAX_MESSAGE,
        ws_per_message_deflate=False,
        ws_ping_interval=10.0,
        ws_ping_timeout=20.0,
        timeout_graceful_shutdown=GRACE,
        ssl_certfile=tls.certificate if tls else None,
        ssl_keyfile=tls.key if tls else None,
    )


@contextlib.asynccontextmanager
async def serving(
    app: Any,
    lifespan: AbstractAsyncContextManager[Any],
    listeners: Sequence[Listener],
    half_open: HalfOpen,
    farewell: Callable[[], Awaitable[None]],
) -> AsyncIterator[Callable[[], None]]:
    """Serve ``app`` while the block runs; it gets a function that says that it is to end.

    The sockets listen only once ``lifespan`` has been entered, so whoever can
    connect is served.
    """
    said_farewell = False

    async def once() -> None:
        nonlocal said_farewell
        if not said_farewell:
            said_farewell = True
            await farewell()

    servers = []
    async with lifespan:
        for listener in listeners:
            server = _Server(_config(app, listener, half_open), once)
            servers.append((server, list(listener.sockets)))

        def stop() -> None:
            for server, _ in servers:
                server.should_exit = True

        async with asyncio.TaskGroup() as group:
            for server, sockets in servers:
                group.create_task(server.serve(sockets))
            for server, _ in servers:
                await server.ready.wait()
            try:
                yield stop
            finally:
                stop()


async def until_signal() -> None:
    """Return at the first SIGINT or SIGTERM; a second one ends the process at once."""
    loop = asyncio.get_running_loop()
    asked = asyncio.Event()

    def handle(number: int) -> None:
        if asked.is_set():
            os._exit(128 + number)
        asked.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, handle, number)
    await asked.wait()


def run(main: Callable[[], Awaitable[None]]) -> None:
    """Run a coroutine to its end on uvloop where it is installed, else on asyncio's own loop."""
    factory: Callable[[], asyncio.AbstractEventLoop] | None = None
    with contextlib.suppress(ImportError):
        import uvloop

        factory = uvloop.new_event_loop

    async def start() -> None:
        await main()

    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(start())
