"""The application: routes of all parts under one Starlette, with headers and errors in one place."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Sequence

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from web.assembly import Relay


async def _alive(request: Request) -> Response:
    return PlainTextResponse("OK")


def create_app(relay: Relay, pages: Sequence[BaseRoute] = ()) -> Starlette:
    """One process's application. ``pages`` are the routes of the web pages, empty for the relay alone."""

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with relay.lifespan():
            yield

    routes: list[BaseRoute] = [Route("/healthz", _alive), *relay.routes(), *pages]
    if not pages:
        routes.append(Route("/", _alive))
    return Starlette(routes=routes, lifespan=lifespan)
