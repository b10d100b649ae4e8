"""The application: routes of all parts under one Starlette, with headers and errors in one place."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from web.errors import ShowError, error_answer
from web.middleware import AccessLog, Failures, SecurePages, SecurityHeaders

Lifespan = Callable[[], AbstractAsyncContextManager[None]]


async def _alive(request: Request) -> Response:
    """LiveKit's servers answer so at their root; their tools ask."""
    return PlainTextResponse("OK")


def create_app(
    routes: Sequence[BaseRoute],
    lifespans: Sequence[Lifespan] = (),
    *,
    pages: bool = False,
    https_port: int = 0,
    proxy_from: Sequence[str] = (),
    layers: Sequence[Middleware] = (),
    show_error: ShowError | None = None,
) -> Starlette:
    """One process's application from its parts' ``routes`` and ``lifespans``, entered in this order.

    Without ``pages`` the root answers as LiveKit's does. ``https_port`` other
    than 0 moves browsers of other machines to HTTPS there. ``layers`` lie within all others.
    ``show_error`` makes the pages of errors that no handler has answered.
    """

    async def http_error(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        return error_answer(request, error.status_code, dict(error.headers or {}), show_error)

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with contextlib.AsyncExitStack() as stack:
            for part in lifespans:
                await stack.enter_async_context(part())
            yield

    middleware = [Middleware(AccessLog), Middleware(SecurityHeaders)]
    if proxy_from:
        middleware.insert(0, Middleware(ProxyHeadersMiddleware, trusted_hosts=list(proxy_from)))
    if pages and https_port:
        middleware.append(Middleware(SecurePages, https_port=https_port))
    middleware += [Middleware(Failures), *layers]
    return Starlette(
        routes=[*routes, *([] if pages else [Route("/", _alive)])],
        lifespan=lifespan,
        middleware=middleware,
        exception_handlers={HTTPException: http_error},
    )
