"""The pages of examples by themselves, on a free port of this machine: no relay, no rooms."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from web.app import create_app
from web.examples import VISITOR, Examples
from web.pages import Pages
from web.protocols import HalfOpen
from web.rendering import Renderer
from web.server import open_listener, serving


@contextlib.asynccontextmanager
async def examples_service() -> AsyncIterator[str]:
    """The address at which they answer."""
    renderer = Renderer(visitor=lambda request: VISITOR)
    pages = Pages(lambda room: room)
    routes = [*renderer.routes(), *Examples(renderer).routes(), *pages.routes()]
    app = create_app(routes, [], pages=True)
    listener = open_listener(["127.0.0.1"], 0)

    async def farewell() -> None:
        await asyncio.sleep(0)

    with contextlib.closing(listener):
        async with serving(app, app.router.lifespan_context(app), [listener], HalfOpen(64), farewell):
            yield f"http://localhost:{listener.port}"
