"""A service on a loopback port inside the test's event loop, and raw connections to it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from web.assembly import Service
from web.server import open_listener, serving
from web.settings import Settings

UPGRADE = (
    "Upgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
)


@dataclass(frozen=True)
class Running:
    """A service that answers on `port` of 127.0.0.1."""

    service: Service
    port: int

    async def ask(self, request: str | bytes, read: int = 65_536) -> bytes:
        """Everything that is answered to raw bytes, until the server closes."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            writer.write(request.encode() if isinstance(request, str) else request)
            with contextlib.suppress(ConnectionError):
                await writer.drain()
            answer = b""
            async with asyncio.timeout(20):
                while chunk := await reader.read(read):
                    answer += chunk
            return answer
        except ConnectionError:
            return b""
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    async def get(self, path: str, *, upgrade: bool = False, headers: str = "") -> bytes:
        """The whole answer to a GET, as bytes."""
        more = UPGRADE if upgrade else "Connection: close\r\n"
        return await self.ask(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\n{headers}{more}\r\n")


@contextlib.asynccontextmanager
async def running(settings: Settings, built: Path, *, with_pages: bool = True) -> AsyncIterator[Running]:
    """Serve as the command line does, but for its signals."""
    service = Service(settings, with_pages=with_pages, built=built)
    listener = open_listener(["127.0.0.1"], 0)
    app: Any = service.app(port=listener.port)
    lifespan = app.router.lifespan_context(app)
    with contextlib.closing(listener):
        async with serving(app, lifespan, [listener], service.half_open, service.relay.farewell):
            yield Running(service, listener.port)
