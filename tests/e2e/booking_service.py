"""The pages of meetings in front of a city, on a free port of this machine: no relay, no sign-in."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from booking_world import World, booking_world

from web.protocols import HalfOpen
from web.server import open_listener, serving


@contextlib.asynccontextmanager
async def booking_service(url: str) -> AsyncIterator[tuple[str, World]]:
    """The address at which they answer, and what they stand on."""
    async with booking_world(url) as world:
        app = world.app(files=True)
        listener = open_listener(["127.0.0.1"], 0)

        async def farewell() -> None:
            await asyncio.sleep(0)

        with contextlib.closing(listener):
            async with serving(app, app.router.lifespan_context(app), [listener], HalfOpen(64), farewell):
                yield f"http://localhost:{listener.port}", world
